#include "reply.h"

#include "options.h"

uint8_t reply_type(enum dhcp4_answer a)
{
    static const uint8_t types[] = { [DHCP4_ANSWER_OFFER] = DHCP4_OFFER,
                                     [DHCP4_ANSWER_ACK] = DHCP4_ACK,
                                     [DHCP4_ANSWER_NAK] = DHCP4_NAK,
                                     [DHCP4_ANSWER_CONFIG] = DHCP4_ACK,
                                     [DHCP4_ANSWER_BOOTP] = 0 };
    return types[a];
}

/* RFC 2132 9.10 counts the headers in; a client that says nothing takes 576. */
size_t reply_max_bytes(const struct dhcp4_message *m)
{
    uint32_t size = DHCP4_SIZE_LEAST;
    dhcp4_number(m, DHCP4_OPTION_MAX_MESSAGE_SIZE, &size);
    if (size < DHCP4_SIZE_LEAST)
        size = DHCP4_SIZE_LEAST;
    return (size > DHCP4_SIZE_MOST ? DHCP4_SIZE_MOST : size) - DHCP4_HEADERS;
}

/* RFC 951 3: 64 bytes of options for BOOTP, and no more. */
static size_t max_bytes(const struct dhcp4_message *m, enum dhcp4_answer answer)
{
    return answer == DHCP4_ANSWER_BOOTP ? DHCP4_BYTES_LEAST : reply_max_bytes(m);
}

/* sname and file hold what boot clients look for there; one byte stays for the NUL. */
static struct span text_field(const struct dhcp4_decision *d, uint8_t code, size_t size)
{
    struct span text = options_value(d, code);
    return text.len < size ? text : (struct span){ NULL, 0 };
}

/* The server that a boot client goes on to: its class's, the subnet's, or this one. */
static uint32_t next_server(const struct dhcp4_decision *d, const struct dhcp4_arrival *a)
{
    for (uint64_t in = d->in; in; in &= in - 1) /* a bit each turn */
        if (d->classes[__builtin_ctzll(in)].next_server)
            return d->classes[__builtin_ctzll(in)].next_server;
    return d->subnet->next_server ? d->subnet->next_server : a->server;
}

/* For clients that hear nothing else until they have an address, whether they say so or not. */
static bool is_broadcast(const struct dhcp4_decision *d, const struct dhcp4_message *m)
{
    bool forced = d->subnet && d->subnet->broadcast;
    for (uint64_t in = d->in; in && !forced; in &= in - 1) /* a bit each turn */
        forced = d->classes[__builtin_ctzll(in)].broadcast;
    return forced || m->fixed.flags & DHCP4_FLAG_BROADCAST;
}

bool reply_write(struct writer *out, const struct dhcp4_decision *d, const struct dhcp4_message *m,
                 const struct dhcp4_arrival *a)
{
    bool nak = d->answer == DHCP4_ANSWER_NAK;
    bool ack =
        d->answer == DHCP4_ANSWER_ACK || d->answer == DHCP4_ANSWER_CONFIG || d->answer == DHCP4_ANSWER_BOOTP;
    struct dhcp4_fixed fixed = {
        .op = DHCP4_BOOTREPLY,
        .htype = m->fixed.htype,
        .hlen = m->fixed.hlen,
        .xid = m->fixed.xid,
        .flags = m->fixed.flags,
        .ciaddr = ack ? m->fixed.ciaddr : 0,
        .yiaddr = d->address,
        .giaddr = m->fixed.giaddr,
    };
    struct dhcp4_build b;
    memcpy(fixed.chaddr, m->fixed.chaddr, sizeof fixed.chaddr);
    /* NAK: RFC 2131 4.3.2: so that the relay broadcasts it */
    if ((nak && fixed.giaddr) || (!fixed.ciaddr && is_broadcast(d, m)))
        fixed.flags |= DHCP4_FLAG_BROADCAST;
    if (!nak)
        fixed.siaddr = next_server(d, a);
    dhcp4_build_open(&b, out, &fixed, text_field(d, DHCP4_OPTION_TFTP_SERVER_NAME, DHCP4_SNAME_MAX),
                     text_field(d, DHCP4_OPTION_BOOT_FILE, DHCP4_FILE_MAX), max_bytes(m, d->answer));
    options_write(&b, d, m, a);
    return dhcp4_build_close(&b);
}

static struct reply_route datagram_to(uint32_t address, uint16_t port)
{
    return (struct reply_route){ REPLY_DATAGRAM, { .address = address_ip4(address), .port = port } };
}

struct reply_route reply_route(const struct dhcp4_decision *d, const struct dhcp4_message *m,
                               const struct dhcp4_arrival *a)
{
    bool informs = d->answer == DHCP4_ANSWER_CONFIG; /* RFC 2131 4.3.5: directly, whatever it came through */
    if (m->fixed.giaddr && !informs)
        return datagram_to(m->fixed.giaddr, DHCP4_SERVER_PORT);
    if (!a->link && !m->fixed.giaddr)
        return (struct reply_route){ REPLY_DATAGRAM, a->source };
    if (d->answer == DHCP4_ANSWER_NAK)
        return datagram_to(UINT32_MAX, DHCP4_CLIENT_PORT);
    /* an address that the client only says it has may be anybody's */
    if (informs || (m->fixed.ciaddr && m->fixed.ciaddr == d->address))
        return datagram_to(m->fixed.ciaddr, DHCP4_CLIENT_PORT);
    bool ethernet = m->fixed.htype == DHCP4_HTYPE_ETHERNET && m->fixed.hlen == 6;
    if (is_broadcast(d, m) || !ethernet)
        return datagram_to(UINT32_MAX, DHCP4_CLIENT_PORT);
    return (struct reply_route){ REPLY_FRAME,
                                 { .address = address_ip4(d->address), .port = DHCP4_CLIENT_PORT } };
}
