/* Any bytes: parsed without harm; what parses and is built again parses to the same message. */
#include "wire/dhcp4.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dhcp4_message first, second;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void print_all(const struct dhcp4_message *m)
{
    uint8_t text[512];
    for (size_t i = 0; i < m->count; i++) {
        struct writer w = writer_over(text, sizeof text);
        dhcp4_write_value(&w, m->order[i], dhcp4_option(m, m->order[i]));
        for (size_t c = 0; c < writer_length(&w); c++)
            must(text[c] >= ' ' && text[c] < 0x7f);
    }
    for (unsigned code = 0; code < 256; code++)
        dhcp4_relay_suboption(m, (uint8_t)code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[2 * DHCP4_BYTES_MAX];
    if (dhcp4_parse(&first, span_of(data, size)) != DHCP4_FINE)
        return 0;
    print_all(&first);
    struct writer w = writer_over(room, sizeof room);
    struct dhcp4_build b;
    dhcp4_build_open(&b, &w, &first.fixed, first.sname, first.file, DHCP4_BYTES_MAX);
    for (size_t i = 0; i < first.count; i++)
        if (first.order[i] != DHCP4_OPTION_OVERLOAD)
            dhcp4_build_option(&b, first.order[i], dhcp4_option(&first, first.order[i]));
    if (b.left_out)
        return 0;
    must(dhcp4_build_close(&b));
    must(dhcp4_parse(&second, writer_span(&w)) == DHCP4_FINE);
    must(second.type == first.type);
    must(span_equal(first.file, second.file) || !first.file.len);
    for (size_t i = 0; i < first.count; i++)
        if (first.order[i] != DHCP4_OPTION_OVERLOAD)
            must(span_equal(dhcp4_option(&first, first.order[i]), dhcp4_option(&second, first.order[i])));
    return 0;
}
