/* Frames: Ethernet, ARP, IPv4, UDP and ICMP echo, parsed and built, with their checksums. For replies to
 * clients without an address, for clients of our own that have none, and for drawing what crossed the wire.
 *
 * Each read takes a reader over what its layer carries and gives a reader over what is inside. IPv4 addresses
 * are host-order numbers. */
#ifndef WIRELAB_FRAME_H
#define WIRELAB_FRAME_H

#include "wire.h"

#define FRAME_MAC            6
#define FRAME_ETHERNET_BYTES 14
#define FRAME_IP4_BYTES      20
#define FRAME_UDP_BYTES      8
#define FRAME_BYTES_MAX      (FRAME_ETHERNET_BYTES + 1500)

enum frame_ethertype { FRAME_IP4 = 0x0800, FRAME_ARP = 0x0806, FRAME_VLAN = 0x8100, FRAME_IP6 = 0x86dd };
enum frame_protocol { FRAME_ICMP = 1, FRAME_TCP = 6, FRAME_UDP = 17, FRAME_ICMP6 = 58 };

struct frame_ethernet {
    uint8_t to[FRAME_MAC], from[FRAME_MAC];
    uint16_t type; /* enum frame_ethertype, after at most two VLAN tags */
};

struct frame_ip4 {
    uint32_t from, to;
    uint8_t protocol; /* enum frame_protocol */
    uint8_t ttl, tos;
    uint16_t id;
};

struct frame_udp {
    uint16_t from, to;
    bool checksum_good; /* a capture on the sending host may hold checksums that its card was to fill in */
};

enum frame_arp_op { FRAME_ARP_REQUEST = 1, FRAME_ARP_REPLY = 2 };

struct frame_arp {
    uint16_t op;
    uint8_t from_mac[FRAME_MAC], to_mac[FRAME_MAC];
    uint32_t from, to;
};

enum frame_echo_type { FRAME_ECHO_REPLY = 0, FRAME_ECHO_REQUEST = 8 };

struct frame_echo {
    uint8_t type;
    uint16_t id, sequence;
};

extern const uint8_t frame_broadcast[FRAME_MAC];

/* The type of a VLAN-tagged frame is the inner one. */
bool frame_read_ethernet(struct reader *r, struct frame_ethernet *e);
/* A header with a wrong checksum or length, or a fragment, is refused. *inside is as long as the header says:
 * the padding of a short frame is not in it. */
bool frame_read_ip4(struct reader *r, struct frame_ip4 *ip, struct reader *inside);
/* ip is what carried it, for the checksum. */
bool frame_read_udp(struct reader *r, const struct frame_ip4 *ip, struct frame_udp *u, struct reader *inside);
/* Ethernet and IPv4 only. */
bool frame_read_arp(struct reader *r, struct frame_arp *a);
/* ICMP echo request or reply with a good checksum. */
bool frame_read_echo(struct reader *r, struct frame_echo *e, struct reader *inside);

void frame_write_ethernet(struct writer *w, const struct frame_ethernet *e);
/* IPv4 and UDP headers and the payload; ip->protocol is taken to be UDP, u->checksum_good is not looked at.
 */
void frame_write_udp4(struct writer *w, const struct frame_ip4 *ip, const struct frame_udp *u,
                      struct span payload);
void frame_write_arp(struct writer *w, const struct frame_arp *a);
/* IPv4 and ICMP headers and the payload. */
void frame_write_echo(struct writer *w, const struct frame_ip4 *ip, const struct frame_echo *e,
                      struct span payload);

/* RFC 1071 over one run of bytes; the sum of bytes that hold their checksum is 0. */
uint16_t frame_checksum(struct span bytes);

#endif
