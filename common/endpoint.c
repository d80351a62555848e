#include "endpoint.h"

#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>

struct address address_ip4(uint32_t host_order)
{
    struct address a = { .family = FAMILY_IP4 };
    for (int i = 0; i < 4; i++)
        a.bytes[i] = (uint8_t)(host_order >> (24 - 8 * i));
    return a;
}

uint32_t address_to_ip4(struct address a)
{
    if (a.family != FAMILY_IP4)
        return 0;
    struct reader r = reader_over(span_of(a.bytes, 4));
    return read_u32(&r);
}

struct address address_ip6(struct ip6 a)
{
    struct address out = { .family = FAMILY_IP6 };
    struct writer w = writer_over(out.bytes, sizeof out.bytes);
    write_u64(&w, a.high);
    write_u64(&w, a.low);
    return out;
}

struct ip6 address_to_ip6(struct address a)
{
    struct ip6 out = { 0, 0 };
    if (a.family != FAMILY_IP6)
        return out;
    struct reader r = reader_over(span_of(a.bytes, sizeof a.bytes));
    out.high = read_u64(&r);
    out.low = read_u64(&r);
    return out;
}

static size_t address_len(struct address a)
{
    return a.family == FAMILY_IP4 ? 4 : a.family == FAMILY_IP6 ? 16 : 0;
}

bool address_parse(struct span text, struct address *out)
{
    char buffer[ADDRESS_TEXT_MAX];
    *out = (struct address){ 0 };
    if (text.len == 0 || text.len >= sizeof buffer || span_find(text, 0) < text.len)
        return false;
    memcpy(buffer, text.at, text.len);
    buffer[text.len] = 0;
    bool is6 = span_find(text, ':') < text.len;
    if (inet_pton(is6 ? AF_INET6 : AF_INET, buffer, out->bytes) != 1)
        return false;
    out->family = is6 ? FAMILY_IP6 : FAMILY_IP4;
    return true;
}

char *address_format(struct address a, char *out)
{
    int family = a.family == FAMILY_IP6 ? AF_INET6 : AF_INET;
    if (a.family == FAMILY_NONE || !inet_ntop(family, a.bytes, out, ADDRESS_TEXT_MAX))
        snprintf(out, ADDRESS_TEXT_MAX, "-");
    return out;
}

bool address_equal(struct address a, struct address b)
{
    return a.family == b.family && memcmp(a.bytes, b.bytes, address_len(a)) == 0;
}

bool address_is_any(struct address a)
{
    static const uint8_t zero[16];
    return memcmp(a.bytes, zero, address_len(a)) == 0;
}

bool endpoint_parse(struct span text, struct endpoint *out)
{
    *out = (struct endpoint){ 0 };
    size_t colon = text.len;
    while (colon > 0 && text.at[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    uint64_t port;
    struct span host = span_head(text, colon - 1);
    if (!parse_decimal(span_from(text, colon), UINT16_MAX, &port))
        return false;
    bool bracketed = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
    if (bracketed)
        host = span_from(span_head(host, host.len - 1), 1);
    if (!address_parse(host, &out->address) || bracketed != (out->address.family == FAMILY_IP6))
        return false;
    out->port = (uint16_t)port;
    return true;
}

char *endpoint_format(const struct endpoint *e, char *out)
{
    char address[ADDRESS_TEXT_MAX];
    address_format(e->address, address);
    bool is6 = e->address.family == FAMILY_IP6;
    snprintf(out, ENDPOINT_TEXT_MAX, is6 ? "[%s]:%u" : "%s:%u", address, e->port);
    return out;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && a->scope == b->scope && address_equal(a->address, b->address);
}

static bool same_head(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool prefix_parse(struct span text, struct prefix *out)
{
    size_t slash = span_find(text, '/');
    *out = (struct prefix){ 0 };
    if (!address_parse(span_head(text, slash), &out->address))
        return false;
    uint64_t most = address_len(out->address) * 8, bits = most;
    if (slash < text.len && !parse_decimal(span_from(text, slash + 1), most, &bits))
        return false;
    out->bits = (uint8_t)bits;
    for (uint64_t bit = bits; bit < most; bit++)
        if (out->address.bytes[bit / 8] & 0x80 >> bit % 8)
            return false;
    return true;
}

bool prefix_contains(const struct prefix *p, struct address a)
{
    return p->address.family == a.family && a.family != FAMILY_NONE &&
           same_head(p->address.bytes, a.bytes, p->bits);
}

char *prefix_format(const struct prefix *p, char *out)
{
    char address[ADDRESS_TEXT_MAX];
    snprintf(out, ENDPOINT_TEXT_MAX, "%s/%u", address_format(p->address, address), p->bits);
    return out;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t hardware_parse(struct span text, uint8_t out[16])
{
    size_t count = (text.len + 1) / 3;
    if (count == 0 || count > 16 || text.len != count * 3 - 1)
        return 0;
    struct reader r = reader_over(text);
    for (size_t i = 0; i < count; i++) {
        int high = hex_digit(read_u8(&r));
        int low = hex_digit(read_u8(&r));
        if (high < 0 || low < 0 || (i + 1 < count && read_u8(&r) != ':'))
            return 0;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return count;
}

char *hardware_format(struct span hardware, char *out)
{
    static const char digits[] = "0123456789abcdef";
    struct span shown = span_head(hardware, 20);
    char *p = out;
    for (size_t i = 0; i < shown.len; i++) {
        if (i)
            *p++ = ':';
        *p++ = digits[shown.at[i] >> 4];
        *p++ = digits[shown.at[i] & 15];
    }
    *p = 0;
    return out;
}
