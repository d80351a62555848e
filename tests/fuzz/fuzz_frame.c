/* Any bytes as a frame: read without harm; a datagram that is read and built again is read alike. */
#include "wire/frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void build_again(const struct frame_ip4 *ip, const struct frame_udp *u, struct span payload)
{
    static uint8_t room[70000];
    struct writer w = writer_over(room, sizeof room);
    struct frame_ip4 ip_again;
    struct frame_udp u_again;
    frame_write_udp4(&w, ip, u, payload);
    struct reader r = reader_over(writer_span(&w)), packet, datagram;
    if (!writer_ok(&w))
        return;
    must(frame_read_ip4(&r, &ip_again, &packet));
    must(frame_read_udp(&packet, &ip_again, &u_again, &datagram));
    must(u_again.checksum_good && u_again.from == u->from && u_again.to == u->to);
    must(span_equal(read_rest(&datagram), payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_over(span_of(data, size)), packet, inside;
    struct frame_ethernet e;
    struct frame_ip4 ip;
    struct frame_udp u;
    struct frame_arp a;
    struct frame_echo echo;
    if (!frame_read_ethernet(&r, &e))
        return 0;
    if (e.type == FRAME_ARP)
        frame_read_arp(&r, &a);
    if (e.type != FRAME_IP4 || !frame_read_ip4(&r, &ip, &packet))
        return 0;
    if (ip.protocol == FRAME_ICMP)
        frame_read_echo(&packet, &echo, &inside);
    if (ip.protocol == FRAME_UDP && frame_read_udp(&packet, &ip, &u, &inside))
        build_again(&ip, &u, read_rest(&inside));
    return 0;
}
