#include "options.h"

#include "fqdn.h"

#include "reply.h"

uint32_t options_t1(uint32_t lease_s)
{
    return lease_s == LEASE_INFINITE ? LEASE_INFINITE : lease_s / 2;
}

uint32_t options_t2(uint32_t lease_s)
{
    return lease_s == LEASE_INFINITE ? LEASE_INFINITE : (uint32_t)((uint64_t)lease_s * 7 / 8);
}

/* The codes that are in the message already, or must not be. */
struct written {
    uint64_t code[4];
};

static bool first_time(struct written *w, uint8_t code)
{
    uint64_t bit = UINT64_C(1) << (code & 63);
    bool first = !(w->code[code >> 6] & bit);
    w->code[code >> 6] |= bit;
    return first;
}

struct span options_value(const struct dhcp4_decision *d, uint8_t code)
{
    bool own = d->host && d->host->own[code >> 6] >> (code & 63) & 1;
    for (uint64_t in = own ? 0 : d->in; in; in &= in - 1) { /* a bit each turn */
        struct span value = options_find(&d->classes[__builtin_ctzll(in)].options, code);
        if (value.at)
            return value;
    }
    return d->options ? options_find(d->options, code) : (struct span){ NULL, 0 };
}

static void write_requested(struct dhcp4_build *b, const struct dhcp4_decision *d, uint8_t code)
{
    struct span value = options_value(d, code);
    if (value.at)
        dhcp4_build_option(b, code, value);
    else if (code == DHCP4_OPTION_RENEWAL_TIME && d->lease_s)
        dhcp4_build_u32(b, code, options_t1(d->lease_s));
    else if (code == DHCP4_OPTION_REBINDING_TIME && d->lease_s)
        dhcp4_build_u32(b, code, options_t2(d->lease_s));
}

static void write_parameters(struct dhcp4_build *b, const struct dhcp4_decision *d, struct span list)
{
    struct written done = { { 0 } };
    struct reader r = reader_over(list);
    first_time(&done, DHCP4_PAD);
    first_time(&done, DHCP4_END);
    while (reader_left(&r)) { /* each turn takes a byte; each code is written once */
        uint8_t code = read_u8(&r);
        if (first_time(&done, code))
            write_requested(b, d, code);
    }
}

static void write_all(struct dhcp4_build *b, const struct dhcp4_decision *d)
{
    if (!d->in) {
        for (size_t i = 0; i < d->options->count; i++)
            dhcp4_build_option(b, d->options->list[i].code, d->options->list[i].value);
        return;
    }
    for (unsigned code = 1; code < DHCP4_END; code++) {
        struct span value = options_value(d, (uint8_t)code);
        if (value.at)
            dhcp4_build_option(b, (uint8_t)code, value);
    }
}

/* RFC 4702 4: a client that says how it wants to be called is told how it is, where names are registered. */
static void write_fqdn(struct dhcp4_build *b, const struct dhcp4_decision *d, const struct dhcp4_message *m)
{
    bool grants = d->answer == DHCP4_ANSWER_OFFER || d->answer == DHCP4_ANSWER_ACK;
    uint8_t room[FQDN_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    if (!grants || !d->subnet->names.zone || !dhcp4_has(m, DHCP4_OPTION_CLIENT_FQDN))
        return;
    fqdn_write(&w, m, host_name(d->host), d->subnet->names.zone);
    dhcp4_build_option(b, DHCP4_OPTION_CLIENT_FQDN, writer_span(&w));
}

static const char http_client[] = "HTTPClient";

/* RFC 4578 2.3: the machine's identifier comes back as it came. And who boots by HTTP looks for a server of
 * that kind (UEFI 24.7): this is one where it has a file for it. */
static void write_boot(struct dhcp4_build *b, const struct dhcp4_decision *d, const struct dhcp4_message *m)
{
    if (!d->options)
        return;
    if (dhcp4_has(m, DHCP4_OPTION_CLIENT_MACHINE))
        dhcp4_build_option(b, DHCP4_OPTION_CLIENT_MACHINE, dhcp4_option(m, DHCP4_OPTION_CLIENT_MACHINE));
    if (span_starts(dhcp4_option(m, DHCP4_OPTION_VENDOR_CLASS), http_client) &&
        options_value(d, DHCP4_OPTION_BOOT_FILE).at && !options_value(d, DHCP4_OPTION_VENDOR_CLASS).at)
        dhcp4_build_option(b, DHCP4_OPTION_VENDOR_CLASS, span_text(http_client));
}

void options_write(struct dhcp4_build *b, const struct dhcp4_decision *d, const struct dhcp4_message *m,
                   const struct dhcp4_arrival *a)
{
    struct span relay = dhcp4_option(m, DHCP4_OPTION_RELAY_AGENT);
    struct span wanted = dhcp4_option(m, DHCP4_OPTION_PARAMETER_REQUEST_LIST);
    struct span client_id = dhcp4_option(m, DHCP4_OPTION_CLIENT_IDENTIFIER);
    bool echo = relay.at && dhcp4_build_reserve(b, relay.len);
    if (d->answer != DHCP4_ANSWER_BOOTP) {
        dhcp4_build_u8(b, DHCP4_OPTION_MESSAGE_TYPE, reply_type(d->answer));
        dhcp4_build_u32(b, DHCP4_OPTION_SERVER_IDENTIFIER, subnet_server_identifier(m, a));
    }
    if (d->lease_s)
        dhcp4_build_u32(b, DHCP4_OPTION_LEASE_TIME, d->lease_s);
    if (client_id.len)
        dhcp4_build_option(b, DHCP4_OPTION_CLIENT_IDENTIFIER, client_id);
    write_fqdn(b, d, m);
    write_boot(b, d, m);
    if (d->rapid)
        dhcp4_build_option(b, DHCP4_OPTION_RAPID_COMMIT, (struct span){ NULL, 0 });
    if (d->selected) /* RFC 3011 2: as it came */
        dhcp4_build_option(b, DHCP4_OPTION_SUBNET_SELECTION, dhcp4_option(m, DHCP4_OPTION_SUBNET_SELECTION));
    if (d->answer == DHCP4_ANSWER_NAK && d->reason)
        dhcp4_build_option(b, DHCP4_OPTION_MESSAGE, span_text(d->reason));
    else if (d->options && wanted.len)
        write_parameters(b, d, wanted);
    else if (d->options)
        write_all(b, d);
    if (echo) {
        dhcp4_build_release(b, relay.len);
        dhcp4_build_option(b, DHCP4_OPTION_RELAY_AGENT, relay);
    }
}
