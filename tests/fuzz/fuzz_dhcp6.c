/* Any bytes: parsed without harm; relays that come off go on again, and the message inside is the same. */
#include "wire/dhcp6.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dhcp6_relays relays, again;
static struct dhcp6_message message;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void rewrap(struct span inner)
{
    static uint8_t room[2 * DHCP6_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    struct dhcp6_wrap b;
    struct span inside;
    dhcp6_wrap_open(&b, &w, DHCP6_RELAY_FORWARD, &relays);
    write_span(&w, inner);
    dhcp6_wrap_close(&b, &w);
    must(writer_ok(&w) && writer_length(&w) <= DHCP6_BYTES_MAX);
    must(dhcp6_unwrap(&again, writer_span(&w), &inside) == DHCP6_FINE);
    must(again.count == relays.count && span_equal(inside, inner));
    for (size_t i = 0; i < relays.count; i++)
        must(ip6_equal(again.relay[i].link, relays.relay[i].link) &&
             span_equal(again.relay[i].interface_id, relays.relay[i].interface_id));
}

static void look_at(const struct dhcp6_message *m)
{
    size_t addresses = 0;
    bool registers = m->type == DHCP6_ADDR_REG_INFORM || m->type == DHCP6_ADDR_REG_REPLY; /* outside of IAs */
    must(m->ia_count <= DHCP6_IAS_MAX && m->address_count <= DHCP6_IA_ADDRESSES_MAX);
    for (size_t i = 0; i < m->ia_count; i++) {
        must(m->ias[i].first == addresses || (registers && m->ias[i].first > addresses));
        addresses += m->ias[i].count;
    }
    must(addresses == m->address_count || (registers && addresses < m->address_count));
    must(m->client_id.len <= DHCP6_DUID_MAX && m->server_id.len <= DHCP6_DUID_MAX);
    must(m->option_request.len % 2 == 0);
    dhcp6_duid_hardware(m->client_id);
    struct reader r = reader_over(m->options);
    uint16_t code;
    struct span value;
    while (dhcp6_next_option(&r, &code, &value)) /* each turn takes four bytes or more */
        must(dhcp6_option(m->options, code).at != NULL);
    must(reader_done(&r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span inner;
    if (dhcp6_unwrap_reply(&again, span_of(data, size), &inner) == DHCP6_FINE)
        dhcp6_parse(&message, inner);
    if (dhcp6_unwrap(&relays, span_of(data, size), &inner) != DHCP6_FINE)
        return 0;
    rewrap(inner);
    enum dhcp6_fault f = dhcp6_parse(&message, inner);
    must(dhcp6_fault_text(f) != NULL);
    if (f == DHCP6_FINE)
        look_at(&message);
    return 0;
}
