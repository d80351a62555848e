/* What is told, as events, of DHCPv6 messages and of their answers. */
#ifndef WIRELAB_DHCPD_TELL6_H
#define WIRELAB_DHCPD_TELL6_H

#include "decide6.h"

/* A client's message, as it came. */
struct heard6 {
    const struct dhcp6_message *message;
    const struct dhcp6_relays *relays;
    const struct endpoint *from;
    struct now now;
};

/* What is told of an answer when it leaves. */
struct answer6_note {
    enum event_id event;
    struct span duid; /* into the datagram */
    struct dhcp6_grant grant;
    bool has_grant;
    uint16_t status; /* the first that is no success */
};

/* That it came: the event of its type. */
void tell6_message(struct events *e, const struct heard6 *h);
/* Something about it, and why: constant text. */
void tell6_about(struct events *e, enum event_id id, const struct heard6 *h, const char *reason);
/* What RFC 9915 took away is passed over, and counted; the rest of the message is answered. */
void tell6_obsolete(struct events *e, const struct heard6 *h);
/* A datagram that is no message, because of an option where one is to blame (else 0). */
void tell6_discard(struct events *e, const struct endpoint *from, const char *reason, uint16_t option,
                   struct now now);
/* An answer, as it leaves. */
void tell6_answer(struct events *e, const struct answer6_note *n, struct now now);
/* Nothing is free there: once a minute for each subnet, for every client that asks in vain asks again. */
void tell6_exhausted(struct events *e, struct leases6 *l, const struct dhcp6_subnet *sn, struct now now);
/* The port of the client's relay may get nothing more there: counted, and told once a minute for each port.
 */
void tell6_circuit_full(struct events *e, struct leases6 *l, const struct dhcp6_subnet *sn,
                        const struct heard6 *h);

#endif
