#include "frame.h"

#define VLAN_TAGS_MAX      2
#define IP4_FRAGMENT       0x3fff /* More Fragments and the offset */
#define ARP_ETHERNET       1
#define UDP_CHECKSUM_ALL_1 0xffff /* RFC 768: 0 says that there is none */

const uint8_t frame_broadcast[FRAME_MAC] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* ---- RFC 1071 ------------------------------------------------------------------------- */

static uint64_t sum_span(uint64_t sum, struct span bytes)
{
    struct reader r = reader_over(bytes);
    while (reader_left(&r) >= 4) /* each turn takes four bytes */
        sum += read_u32(&r);
    if (reader_left(&r) >= 2)
        sum += read_u16(&r);
    if (reader_left(&r))
        sum += (uint64_t)read_u8(&r) << 8;
    return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
    while (sum >> 16) /* at most four times */
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint16_t frame_checksum(struct span bytes)
{
    return bytes.len ? sum_fold(sum_span(0, bytes)) : 0xffff;
}

/* RFC 768: over the addresses, the protocol and the length as well. */
static uint16_t udp_checksum(const struct frame_ip4 *ip, struct span datagram)
{
    uint64_t sum = (uint64_t)ip->from + ip->to + FRAME_UDP + datagram.len;
    return sum_fold(sum_span(sum, datagram));
}

/* ---- reading -------------------------------------------------------------------------- */

bool frame_read_ethernet(struct reader *r, struct frame_ethernet *e)
{
    read_bytes(r, e->to, sizeof e->to);
    read_bytes(r, e->from, sizeof e->from);
    e->type = read_u16(r);
    for (int tags = 0; e->type == FRAME_VLAN && tags < VLAN_TAGS_MAX; tags++) {
        read_skip(r, 2);
        e->type = read_u16(r);
    }
    return reader_ok(r);
}

bool frame_read_ip4(struct reader *r, struct frame_ip4 *ip, struct reader *inside)
{
    struct span packet = span_of(r->at, reader_left(r));
    uint8_t version = read_u8(r);
    size_t header_bytes = (size_t)(version & 15) * 4;
    ip->tos = read_u8(r);
    size_t total_bytes = read_u16(r);
    ip->id = read_u16(r);
    uint16_t fragment = read_u16(r);
    ip->ttl = read_u8(r);
    ip->protocol = read_u8(r);
    read_skip(r, 2);
    ip->from = read_u32(r);
    ip->to = read_u32(r);
    if (!reader_ok(r) || version >> 4 != 4 || header_bytes < FRAME_IP4_BYTES || total_bytes < header_bytes ||
        fragment & IP4_FRAGMENT)
        return false;
    struct reader whole = reader_over(packet);
    struct reader body = read_window(&whole, total_bytes);
    struct span header = read_span(&body, header_bytes);
    if (!reader_ok(&body) || frame_checksum(header) != 0)
        return false;
    *inside = reader_over(read_rest(&body));
    return true;
}

bool frame_read_udp(struct reader *r, const struct frame_ip4 *ip, struct frame_udp *u, struct reader *inside)
{
    struct span rest = span_of(r->at, reader_left(r));
    u->from = read_u16(r);
    u->to = read_u16(r);
    size_t length = read_u16(r);
    uint16_t checksum = read_u16(r);
    if (!reader_ok(r) || length < FRAME_UDP_BYTES || length > rest.len)
        return false;
    struct span datagram = span_head(rest, length);
    u->checksum_good = checksum == 0 || udp_checksum(ip, datagram) == 0;
    *inside = reader_over(span_from(datagram, FRAME_UDP_BYTES));
    return true;
}

bool frame_read_arp(struct reader *r, struct frame_arp *a)
{
    uint16_t hardware = read_u16(r);
    uint16_t protocol = read_u16(r);
    uint8_t hardware_bytes = read_u8(r);
    uint8_t protocol_bytes = read_u8(r);
    a->op = read_u16(r);
    read_bytes(r, a->from_mac, FRAME_MAC);
    a->from = read_u32(r);
    read_bytes(r, a->to_mac, FRAME_MAC);
    a->to = read_u32(r);
    return reader_ok(r) && hardware == ARP_ETHERNET && protocol == FRAME_IP4 && hardware_bytes == FRAME_MAC &&
           protocol_bytes == 4;
}

bool frame_read_echo(struct reader *r, struct frame_echo *e, struct reader *inside)
{
    struct span message = span_of(r->at, reader_left(r));
    e->type = read_u8(r);
    uint8_t code = read_u8(r);
    read_skip(r, 2);
    e->id = read_u16(r);
    e->sequence = read_u16(r);
    if (!reader_ok(r) || code != 0 || (e->type != FRAME_ECHO_REQUEST && e->type != FRAME_ECHO_REPLY) ||
        frame_checksum(message) != 0)
        return false;
    *inside = reader_over(read_rest(r));
    return true;
}

/* ---- writing -------------------------------------------------------------------------- */

void frame_write_ethernet(struct writer *w, const struct frame_ethernet *e)
{
    write_bytes(w, e->to, sizeof e->to);
    write_bytes(w, e->from, sizeof e->from);
    write_u16(w, e->type);
}

static struct span written_since(const struct writer *w, struct mark m)
{
    return span_from(writer_span(w), m.offset);
}

/* The header with a length and a checksum that close_ip4() fills in. */
static struct mark open_ip4(struct writer *w, const struct frame_ip4 *ip, uint8_t protocol)
{
    struct mark start = writer_mark(w);
    write_u8(w, 4 << 4 | FRAME_IP4_BYTES / 4);
    write_u8(w, ip->tos);
    write_u16(w, 0);
    write_u16(w, ip->id);
    write_u16(w, 0);
    write_u8(w, ip->ttl);
    write_u8(w, protocol);
    write_u16(w, 0);
    write_u32(w, ip->from);
    write_u32(w, ip->to);
    return start;
}

static void close_ip4(struct writer *w, struct mark start)
{
    struct span packet = written_since(w, start);
    if (packet.len > UINT16_MAX)
        writer_fail(w);
    writer_patch_u16(w, (struct mark){ start.offset + 2 }, (uint16_t)packet.len);
    if (writer_ok(w))
        writer_patch_u16(w, (struct mark){ start.offset + 10 },
                         frame_checksum(span_head(packet, FRAME_IP4_BYTES)));
}

void frame_write_udp4(struct writer *w, const struct frame_ip4 *ip, const struct frame_udp *u,
                      struct span payload)
{
    struct mark start = open_ip4(w, ip, FRAME_UDP);
    struct mark udp = writer_mark(w);
    write_u16(w, u->from);
    write_u16(w, u->to);
    struct mark length = writer_mark(w);
    write_u16(w, 0);
    struct mark checksum = writer_mark(w);
    write_u16(w, 0);
    write_span(w, payload);
    close_ip4(w, start);
    if (!writer_ok(w))
        return;
    writer_patch_u16(w, length, (uint16_t)written_since(w, udp).len);
    uint16_t sum = udp_checksum(ip, written_since(w, udp));
    writer_patch_u16(w, checksum, sum ? sum : UDP_CHECKSUM_ALL_1);
}

void frame_write_arp(struct writer *w, const struct frame_arp *a)
{
    write_u16(w, ARP_ETHERNET);
    write_u16(w, FRAME_IP4);
    write_u8(w, FRAME_MAC);
    write_u8(w, 4);
    write_u16(w, a->op);
    write_bytes(w, a->from_mac, FRAME_MAC);
    write_u32(w, a->from);
    write_bytes(w, a->to_mac, FRAME_MAC);
    write_u32(w, a->to);
}

void frame_write_echo(struct writer *w, const struct frame_ip4 *ip, const struct frame_echo *e,
                      struct span payload)
{
    struct mark start = open_ip4(w, ip, FRAME_ICMP);
    struct mark message = writer_mark(w);
    write_u8(w, e->type);
    write_u8(w, 0);
    struct mark checksum = writer_mark(w);
    write_u16(w, 0);
    write_u16(w, e->id);
    write_u16(w, e->sequence);
    write_span(w, payload);
    close_ip4(w, start);
    if (writer_ok(w))
        writer_patch_u16(w, checksum, frame_checksum(written_since(w, message)));
}
