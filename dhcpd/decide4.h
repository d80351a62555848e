/* What a DHCPv4 message is answered with: RFC 2131 4.3, one function a message. */
#ifndef WIRELAB_DHCPD_DECIDE4_H
#define WIRELAB_DHCPD_DECIDE4_H

#include "lease.h"

enum dhcp4_answer {
    DHCP4_ANSWER_SILENCE,
    DHCP4_ANSWER_OFFER,
    DHCP4_ANSWER_ACK,
    DHCP4_ANSWER_NAK,
    DHCP4_ANSWER_CONFIG, /* the ACK of an INFORM: options alone */
    DHCP4_ANSWER_BOOTP,  /* a promise like the ACK, of an address for ever, to a client without DHCP */
};

struct dhcp4_decision {
    enum dhcp4_answer answer;
    const char *reason; /* of silence, NAK or an unexpected answer; constant text; may be NULL */
    const struct dhcp_subnet *subnet; /* NULL only with SILENCE and NAK */
    const struct dhcp_options *options;
    const struct dhcp_host *host;     /* whose own options outrank those of classes; NULL: none */
    const struct dhcp_class *classes; /* of the settings */
    uint64_t in;                      /* the client's classes: bits */
    uint32_t address;                 /* yiaddr */
    uint32_t lease_s;
    bool rapid;     /* ACK: of a DISCOVER (RFC 4039) */
    bool selected;  /* the client's choice of its subnet was followed (RFC 3011) */
    bool fresh;     /* OFFER: the address was not this client's before */
    size_t claim;   /* ACK, BOOTP: the change of the claims that must stand when it leaves */
    bool exhausted; /* silence because every address of the subnet is taken */
};

/* What the client is doing, told by what its REQUEST says (RFC 2131 4.3.2). */
enum dhcp4_client_state {
    DHCP4_CLIENT_SELECTING,
    DHCP4_CLIENT_INIT_REBOOT,
    DHCP4_CLIENT_RENEWING, /* or REBINDING: the same but for the way the message came */
    DHCP4_CLIENT_CONFUSED, /* what no state sends */
};
enum dhcp4_client_state dhcp4_client_state(const struct dhcp4_message *m);

/* Why a request that could be parsed must not be listened to; constant text, or NULL: nothing is wrong. */
const char *dhcp4_discard(const struct dhcp4_message *m, const struct dhcp4_arrival *a);

/* `m` is a BOOTREQUEST; its type is 0 where it is BOOTP's (RFC 951), which has no option 53. What is granted
 * is claimed in `l` and noted in `claims`: an ACK or BOOTP answer may leave only when they are committed. */
struct dhcp4_decision dhcp4_decide(const struct dhcp_settings *s, struct leases *l,
                                   const struct dhcp4_message *m, const struct dhcp4_arrival *a,
                                   struct now now, struct lease_claims *claims);

#endif
