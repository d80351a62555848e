/* DHCPv4 and DHCPv6 alike: exchanges of four messages. */
#ifndef WIRELAB_LOAD_DHCP_H
#define WIRELAB_LOAD_DHCP_H

#include "endpoint.h"
#include "wire/dhcp4.h"
#include "wire/dhcp6.h"

/* A client in an exchange. */
struct exchange {
    uint32_t number; /* who it is; all places use different ones */
    bool busy, requesting;
    uint64_t sent_ns;
    uint32_t address4, server4; /* what it is offered, and by whom */
    struct ip6 address6;
    uint8_t server6[DHCP6_DUID_MAX];
    size_t server6_len;
};

enum heard { HEARD_NOTHING, HEARD_OFFER, HEARD_GRANT, HEARD_REFUSAL };

/* What a protocol has of its own. */
struct exchange_type {
    uint16_t port;
    uint32_t number_mask; /* as much of a client's number as is in its transaction id */
    void (*write)(struct writer *w, const struct exchange *x, struct address relay);
    /* What came: `out` gets the transaction id as its number, and what is offered. HEARD_NOTHING: no answer.
     */
    enum heard (*read)(struct span in, struct exchange *out);
};

extern const struct exchange_type exchange_dhcp4, exchange_dhcp6;

#endif
