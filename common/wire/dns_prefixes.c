/* Lists of address prefixes: APL (RFC 3123 4 and 5). */
#include "dns_fields.h"

#include "../text.h"

/* Families of addresses as IANA numbers them. */
enum { NUMBER_IP4 = 1, NUMBER_IP6 = 2 };

#define EXCLUDED     0x80 /* the bit N, above the length of the address */
#define LENGTH       0x7F
#define IP6_BYTES    16
#define IP4_BYTES    4
#define BITS_OF_BYTE 8

/* 0: a family that has no text here. */
static size_t address_bytes(uint32_t family)
{
    return family == NUMBER_IP4 ? IP4_BYTES : family == NUMBER_IP6 ? IP6_BYTES : 0;
}

void dns_prefixes_check(struct reader *r)
{
    while (reader_left(r)) { /* ends: each turn reads four octets or fails */
        size_t most = address_bytes(read_u16(r));
        uint8_t bits = read_u8(r);
        struct span address = read_span(r, read_u8(r) & LENGTH);
        bool ends_with_zero = address.len && !address.at[address.len - 1];
        if (bits > most * BITS_OF_BYTE || address.len > most || !most || ends_with_zero)
            reader_fail(r);
    }
}

/* "[!]FAMILY:ADDRESS/BITS" */
static bool prefix_from_text(struct span text, struct writer *out)
{
    uint8_t address[IP6_BYTES];
    struct writer made = writer_over(address, sizeof address);
    bool excluded = text.len && text.at[0] == '!';
    text = span_from(text, excluded);
    struct span family = span_head(text, span_find(text, ':'));
    struct span rest = span_from(text, family.len + 1);
    struct span host = span_head(rest, span_find(rest, '/'));
    uint32_t number, bits;
    if (!dns_number_from_text(family, NUMBER_IP6, &number) || !address_bytes(number) ||
        !dns_number_from_text(span_from(rest, host.len + 1), (uint32_t)address_bytes(number) * BITS_OF_BYTE,
                              &bits))
        return false;
    if (!(number == NUMBER_IP4 ? dns_ip4_from_text(host, &made) : dns_ip6_from_text(host, &made)))
        return false;
    size_t len = address_bytes(number);
    while (len && !address[len - 1])
        len--;
    write_u16(out, (uint16_t)number);
    write_u8(out, (uint8_t)bits);
    write_u8(out, (uint8_t)((excluded ? EXCLUDED : 0) | len));
    write_bytes(out, address, len);
    return true;
}

const char *dns_prefixes_from_words(struct dns_words *words, struct writer *out)
{
    for (; words->next < words->count; words->next++)
        if (!prefix_from_text(words->words[words->next].text, out))
            return "prefixes like 1:192.0.2.0/24 or !2:2001:db8::/32";
    return NULL;
}

void write_dns_prefixes_text(struct writer *w, struct reader *r)
{
    for (bool more = false; reader_left(r); more = true) { /* ends: each turn reads four octets or fails */
        uint8_t address[IP6_BYTES] = { 0 };
        uint16_t family = read_u16(r);
        uint8_t bits = read_u8(r), len = read_u8(r);
        struct span given = read_span(r, len & LENGTH);
        memcpy(address, given.at, given.len < sizeof address ? given.len : sizeof address);
        write_format(w, "%s%s%d:", more ? " " : "", len & EXCLUDED ? "!" : "", family);
        write_dns_address(w, span_of(address, address_bytes(family)));
        write_format(w, "/%d", bits);
    }
}
