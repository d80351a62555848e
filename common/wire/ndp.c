#include "ndp.h"

enum ndp_option {
    OPTION_SOURCE = 1, /* link-layer address */
    OPTION_PREFIX = 3,
    OPTION_DNS_SERVERS = 25,
    OPTION_SEARCH_LIST = 31,
};

#define UNIT        8 /* octets; lengths of options are counted in them */
#define FLAG_ONLINK 0x80
#define FLAG_AUTO   0x40
#define FLAG_M      0x80
#define FLAG_O      0x40

bool ndp_read_solicitation(struct span message, bool unspecified)
{
    struct reader r = reader_over(message);
    bool right = read_u8(&r) == NDP_SOLICITATION;
    right = read_u8(&r) == 0 && right;
    read_skip(&r, 2 + 4);         /* checksum, reserved */
    while (reader_left(&r) > 0) { /* each turn takes an option of 8 octets at least, or fails */
        uint8_t type = read_u8(&r);
        size_t length = (size_t)read_u8(&r) * UNIT;
        if (length == 0 || (unspecified && type == OPTION_SOURCE))
            reader_fail(&r);
        read_skip(&r, length - 2);
    }
    return right && reader_ok(&r);
}

/* Type and length of an option with so many octets behind them, which are padded to a unit. */
static size_t begin_option(struct writer *w, enum ndp_option type, size_t octets)
{
    size_t units = (octets + 2 + UNIT - 1) / UNIT;
    write_u8(w, (uint8_t)type);
    write_u8(w, (uint8_t)units);
    return units * UNIT - 2 - octets;
}

static void write_prefix(struct writer *w, const struct ndp_prefix *p)
{
    begin_option(w, OPTION_PREFIX, 30);
    write_u8(w, p->bits);
    write_u8(w, (uint8_t)((p->on_link ? FLAG_ONLINK : 0) | (p->autonomous ? FLAG_AUTO : 0)));
    write_u32(w, p->valid_s);
    write_u32(w, p->preferred_s);
    write_u32(w, 0);
    write_bytes(w, p->address, sizeof p->address);
}

static void write_dns(struct writer *w, enum ndp_option type, struct span value, uint32_t lifetime_s)
{
    size_t padding = begin_option(w, type, 2 + 4 + value.len);
    write_u16(w, 0);
    write_u32(w, lifetime_s);
    write_span(w, value);
    write_zeros(w, padding);
}

void ndp_write_advertisement(struct writer *w, const struct ndp_advertisement *a)
{
    write_u8(w, NDP_ADVERTISEMENT);
    write_u8(w, 0);
    write_u16(w, 0);
    write_u8(w, a->hop_limit);
    write_u8(w, (uint8_t)((a->managed ? FLAG_M : 0) | (a->other ? FLAG_O : 0)));
    write_u16(w, a->lifetime_s);
    write_u32(w, 0); /* reachable time and retransmission timer: not said */
    write_u32(w, 0);
    if (a->hardware.len > 0) {
        size_t padding = begin_option(w, OPTION_SOURCE, a->hardware.len);
        write_span(w, a->hardware);
        write_zeros(w, padding);
    }
    if (a->prefix)
        write_prefix(w, a->prefix);
    if (a->dns_servers.len > 0)
        write_dns(w, OPTION_DNS_SERVERS, a->dns_servers, a->dns_lifetime_s);
    if (a->search_list.len > 0)
        write_dns(w, OPTION_SEARCH_LIST, a->search_list, a->dns_lifetime_s);
}
