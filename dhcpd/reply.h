/* A decision as a message, and where it goes. */
#ifndef WIRELAB_DHCPD_REPLY_H
#define WIRELAB_DHCPD_REPLY_H

#include "decide4.h"

#define REPLY_BYTES_MAX (DHCP4_SIZE_MOST - DHCP4_HEADERS)

enum reply_way {
    REPLY_DATAGRAM, /* to an endpoint, by the kernel's routing */
    REPLY_FRAME,    /* to a client that has no address yet: a frame to chaddr, IP destination yiaddr */
};

struct reply_route {
    enum reply_way way;
    struct endpoint to;
};

/* Writes the BOOTREPLY (RFC 2131 4.3.1, table 3) for an answer that is not SILENCE into an empty writer with
 * REPLY_BYTES_MAX of room. */
bool reply_write(struct writer *out, const struct dhcp4_decision *d, const struct dhcp4_message *m,
                 const struct dhcp4_arrival *a);
/* What the asking side takes at most, of UDP payload (RFC 2132 9.10). */
size_t reply_max_bytes(const struct dhcp4_message *m);
/* RFC 2131 4.1. On a plain socket a client without a relay is answered where its datagram came from. */
struct reply_route reply_route(const struct dhcp4_decision *d, const struct dhcp4_message *m,
                               const struct dhcp4_arrival *a);
/* The message type of the answer; 0 for BOOTP, which has none. */
uint8_t reply_type(enum dhcp4_answer a);

#endif
