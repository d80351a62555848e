/* Router solicitations and advertisements (RFC 4861 4.1, 4.2; DNS options RFC 8106). Pure. The checksum of
 * ICMPv6 is the kernel's work. */
#ifndef WIRELAB_WIRE_NDP_H
#define WIRELAB_WIRE_NDP_H

#include "wire.h"

#define NDP_SOLICITATION  133
#define NDP_ADVERTISEMENT 134
#define NDP_HOP_LIMIT     255  /* RFC 4861 6.1: another came through a router, and is not of this link */
#define NDP_BYTES_MAX     1232 /* fits the least MTU of IPv6 */

/* Whether an ICMPv6 message is a good solicitation (RFC 4861 6.1.1). `unspecified`: it came from ::, and then
 * may tell no link-layer address. */
bool ndp_read_solicitation(struct span message, bool unspecified);

struct ndp_prefix {
    uint8_t address[16];
    uint8_t bits;
    bool on_link;    /* hosts reach it without a router */
    bool autonomous; /* hosts make addresses of their own in it (RFC 4862) */
    uint32_t valid_s, preferred_s;
};

struct ndp_advertisement {
    uint8_t hop_limit;               /* for hosts; 0: not said */
    bool managed, other;             /* addresses, other configuration by DHCPv6 */
    uint16_t lifetime_s;             /* as a default router; 0: it is none */
    struct span hardware;            /* link-layer address; empty: not said */
    const struct ndp_prefix *prefix; /* NULL: none */
    struct span dns_servers;         /* addresses, 16 octets each */
    struct span search_list;         /* names as RFC 1035 3.1 has them, one behind the other */
    uint32_t dns_lifetime_s;
};

/* Fails the writer when it is longer than its room. */
void ndp_write_advertisement(struct writer *w, const struct ndp_advertisement *a);

#endif
