/* A DHCPv6 client with one IA_NA of one address (RFC 9915 18.2), pure: payloads of UDP datagrams and time in,
 * payloads out. It plays one exchange from its first message to the Reply and stops there; the next one is
 * started on its own, with the binding that came of it. */
#ifndef WIRELAB_CLIENT_DHCP6_H
#define WIRELAB_CLIENT_DHCP6_H

#include "rng.h"
#include "timer.h"
#include "wire/dhcp6.h"

/* An address as a server gave it. */
struct client_dhcp6_binding {
    struct ip6 address;
    uint32_t preferred_s, valid_s, t1_s, t2_s;
    uint8_t server[DHCP6_DUID_MAX]; /* who gave it */
    size_t server_len;
};

/* What its messages say. They carry, in this order and each where RFC 9915 B allows it: client identifier,
 * server identifier, option request, elapsed time, rapid commit, IA_NA. The spans must live as long as the
 * client. */
struct client_dhcp6_settings {
    struct span duid;
    uint32_t iaid;
    const uint16_t *option_request; /* codes, in their order */
    size_t option_request_count;    /* 0: the option is left out */
    bool elapsed_time;
    bool rapid_commit;
    uint32_t t1_s, t2_s;           /* hints in the IA_NA of Solicit, Request, Renew and Rebind */
    struct ip6 wish;               /* asked for by a Solicit; zeros: none */
    uint32_t preferred_s, valid_s; /* hints with an address, in the same messages */
    bool hasty; /* no random delay before the first message, and the first Advertise is taken; for plays
                 * with one server */
    struct client_dhcp6_binding held; /* what all but SOLICIT and INFORMATION_REQUEST are about */
};

/* The message that an exchange begins with: SOLICIT, CONFIRM, RENEW, REBIND, RELEASE, DECLINE or
 * INFORMATION_REQUEST of enum dhcp6_type. */

enum client_dhcp6_state {
    CLIENT_DHCP6_DELAYED, /* the first message goes at due_ms */
    CLIENT_DHCP6_ASKING,  /* `message` is under way */
    CLIENT_DHCP6_DONE,    /* SOLICIT, RENEW, REBIND: `bound` holds; the others: the server has said so, or
                           * (RELEASE,    DECLINE, CONFIRM) nobody did, which ends them, too */
    CLIENT_DHCP6_FAILED,  /* client_dhcp6_fault() says why */
};

struct client_dhcp6 {
    enum client_dhcp6_state state;
    const struct client_dhcp6_settings *settings;
    uint8_t what;    /* the exchange */
    uint8_t message; /* the type of what is sent now: a SOLICIT goes on as a REQUEST */
    struct rng rng;
    uint32_t xid;
    uint64_t due_ms;   /* mono; when client_dhcp6_expire() is to be called; TIMER_NEVER: no more */
    uint64_t began_ms; /* when `message` was first sent */
    uint64_t wait_ms;  /* the present retransmission time */
    uint64_t until_ms; /* when it gives up; TIMER_NEVER: it does not */
    unsigned tries;    /* of `message` so far */
    bool chosen;       /* an Advertise is in `bound` */
    uint8_t preference;
    struct client_dhcp6_binding bound; /* what was advertised; once DONE, what was granted */
    uint16_t status;                   /* the last one that was no success */
    bool replied;                      /* DONE by a Reply */
    struct dhcp6_message last;         /* what came last; its spans point into that payload */
};

/* Begins the exchange. `out` is empty and has DHCP6_BYTES_MAX; what is written there is to be sent to
 * ff02::1:2, port 547, from port 546. */
void client_dhcp6_start(struct client_dhcp6 *c, const struct client_dhcp6_settings *settings,
                        enum dhcp6_type what, uint64_t seed, struct now now, struct writer *out);
/* The payload of a datagram that came to port 546. */
void client_dhcp6_take(struct client_dhcp6 *c, struct span payload, struct now now, struct writer *out);
/* due_ms has come: the message is sent (again), or the exchange goes on, or it ends. */
void client_dhcp6_expire(struct client_dhcp6 *c, struct now now, struct writer *out);
/* Why it is not DONE yet: "no server answered its Solicit". Constant text. */
const char *client_dhcp6_fault(const struct client_dhcp6 *c);

#endif
