/* Gateways of IPSECKEY (RFC 4025 2) and relays of AMTRELAY (RFC 8777 4): none, an address, or a name. */
#include "dns_fields.h"

#include "../text.h"

#define RELAY_AT_ONCE 0x80 /* the D bit: without discovery */
#define RELAY_TYPE    0x7F /* the rest of its octet */

enum { GATEWAY_NONE, GATEWAY_IP4, GATEWAY_IP6, GATEWAY_NAME };

static void check_gateway_of(struct reader *r, int type)
{
    if (type == GATEWAY_NAME)
        read_plain_name(r);
    else if (type == GATEWAY_IP4 || type == GATEWAY_IP6)
        read_skip(r, type == GATEWAY_IP4 ? 4 : 16);
    else if (type != GATEWAY_NONE)
        reader_fail(r);
}

void dns_gateway_check(struct reader *r)
{
    uint8_t type = read_u8(r);
    read_skip(r, 1);
    check_gateway_of(r, type);
    read_rest(r);
}

static const char *gateway_from_word(uint32_t type, struct dns_words *words, struct writer *out)
{
    struct span text = words->words[words->next].text;
    if (type == GATEWAY_NAME)
        return dns_name_from_word(words, out);
    if (type == GATEWAY_NONE && !span_is(text, "."))
        return ". as there is no gateway";
    if (type == GATEWAY_IP4 && !dns_ip4_from_text(text, out))
        return "an IPv4 address like 192.0.2.1";
    if (type == GATEWAY_IP6 && !dns_ip6_from_text(text, out))
        return "an IPv6 address like 2001:db8::1";
    words->next++;
    return NULL;
}

const char *dns_gateway_from_words(struct dns_words *words, struct writer *out)
{
    uint32_t type, algorithm;
    if (!dns_number_from_text(words->words[words->next].text, GATEWAY_NAME, &type))
        return "a gateway's type from 0 to 3";
    words->next++;
    if (words->next == words->count ||
        !dns_number_from_text(words->words[words->next].text, UINT8_MAX, &algorithm))
        return "a number from 0 to 255";
    words->next++;
    if (words->next == words->count)
        return "a gateway: an address, a name, or .";
    write_u8(out, (uint8_t)type);
    write_u8(out, (uint8_t)algorithm);
    const char *wrong = gateway_from_word(type, words, out);
    return wrong ? wrong : dns_base64_from_rest(words, out);
}

static void write_gateway(struct writer *w, int type, struct reader *r)
{
    if (type == GATEWAY_NONE)
        write_u8(w, '.');
    else if (type == GATEWAY_NAME)
        write_dns_name_text(w, read_plain_name(r));
    else
        write_dns_address(w, read_span(r, type == GATEWAY_IP4 ? 4 : 16));
}

void write_dns_gateway_text(struct writer *w, struct reader *r)
{
    uint8_t type = read_u8(r);
    write_decimal(w, type);
    write_u8(w, ' ');
    write_decimal(w, read_u8(r));
    write_u8(w, ' ');
    write_gateway(w, type, r);
    if (reader_left(r))
        write_u8(w, ' ');
    write_dns_base64(w, read_rest(r));
}

/* ---- relays: a gateway behind the D bit ----------------------------------------------------- */

void dns_relay_check(struct reader *r)
{
    check_gateway_of(r, read_u8(r) & RELAY_TYPE);
}

const char *dns_relay_from_words(struct dns_words *words, struct writer *out)
{
    uint32_t at_once, type;
    if (!dns_number_from_text(words->words[words->next].text, 1, &at_once))
        return "0, or 1 where the relay needs no discovery";
    words->next++;
    if (words->next == words->count ||
        !dns_number_from_text(words->words[words->next].text, GATEWAY_NAME, &type))
        return "a relay's type from 0 to 3";
    words->next++;
    if (words->next == words->count)
        return "a relay: an address, a name, or .";
    write_u8(out, (uint8_t)((at_once ? RELAY_AT_ONCE : 0) | type));
    return gateway_from_word(type, words, out);
}

void write_dns_relay_text(struct writer *w, struct reader *r)
{
    uint8_t octet = read_u8(r);
    write_format(w, "%d %d ", octet >> 7, octet & RELAY_TYPE);
    write_gateway(w, octet & RELAY_TYPE, r);
}
