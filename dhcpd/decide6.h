/* What a DHCPv6 message is answered with: RFC 9915 16 and 18.3, one function a message. */
#ifndef WIRELAB_DHCPD_DECIDE6_H
#define WIRELAB_DHCPD_DECIDE6_H

#include "lease6.h"

enum dhcp6_answer {
    DHCP6_ANSWER_DISCARD, /* RFC 9915 16: it is no valid message for this server */
    DHCP6_ANSWER_SILENCE, /* it is valid and gets no answer */
    DHCP6_ANSWER_ADVERTISE,
    DHCP6_ANSWER_REPLY,
    DHCP6_ANSWER_REGISTERED, /* RFC 9686 */
};

struct dhcp6_grant {
    struct ip6 address;
    uint8_t bits;                  /* DHCP6_ADDRESS_BITS, or the length of a prefix */
    uint32_t preferred_s, valid_s; /* both 0: the client may use it no longer */
};

struct dhcp6_ia_answer {
    uint16_t code; /* DHCP6_OPTION_IA_NA, DHCP6_OPTION_IA_PD */
    uint32_t iaid;
    uint16_t status;     /* SUCCESS: none is written */
    size_t first, count; /* of d->grants */
    bool held;           /* the client has something by it: T1 and T2 count */
};

#define DHCP6_GRANTS_MAX (2 * DHCP6_IA_ADDRESSES_MAX) /* as many granted as taken away */

struct dhcp6_decision {
    enum dhcp6_answer answer;
    const char *reason; /* of silence or discarding; constant text */
    const struct dhcp6_subnet *subnet;
    const struct dhcp6_options *options; /* those that may be sent; NULL: none (Confirm, Release, Decline) */
    bool rapid_commit;                   /* the Reply of a Solicit */
    bool reconfigure;                    /* the client accepts it, and so do we */
    bool gives_key;                      /* ... and gets its key */
    bool has_status;
    uint16_t status; /* of the whole message */
    size_t ia_count, grant_count;
    struct dhcp6_ia_answer ias[DHCP6_IAS_MAX];
    struct dhcp6_grant grants[DHCP6_GRANTS_MAX];
    size_t claim_first,
        claim_count;   /* changes of the claims that must be committed, and those that grant must stand */
    bool exhausted;    /* an IA got nothing because every address of the subnet is taken */
    bool circuit_full; /* ... because the port of its relay has as many as it may */
};

/* What is granted is claimed in `l` and noted in `claims`, which has room (claims6_has_room()): an answer
 * with claims may leave only when they are committed. */
void dhcp6_decide(struct dhcp6_decision *d, const struct dhcp6_settings *s, struct leases6 *l,
                  const struct dhcp6_message *m, const struct dhcp6_arrival *a, struct now now,
                  struct lease6_claims *claims);

#endif
