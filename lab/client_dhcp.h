/* A DHCP client that has no address yet (RFC 2131 4.4.1), pure: frames and time in, frames out. It stops when
 * it is bound: what it does with its lease is not its business. */
#ifndef WIRELAB_CLIENT_DHCP_H
#define WIRELAB_CLIENT_DHCP_H

#include "rng.h"
#include "scenario.h"
#include "timer.h"
#include "wire/dhcp4.h"
#include "wire/frame.h"

enum client_dhcp_state { CLIENT_SELECTING, CLIENT_REQUESTING, CLIENT_BOUND };

struct client_dhcp {
    enum client_dhcp_state state;
    uint8_t hardware[FRAME_MAC];
    const struct scenario_step *step; /* its options, the caller's */
    struct rng rng;                   /* for transaction ids and the spread of retransmissions */
    uint32_t xid;
    uint16_t secs;     /* of the DISCOVER; a REQUEST repeats it */
    uint64_t began_ms; /* mono */
    uint64_t due_ms;   /* when client_dhcp_expire() is to be called; TIMER_NEVER once bound */
    unsigned tries;    /* of the present message */
    uint32_t server, address;
    uint32_t mask, lease_s; /* once bound; a mask of 0 was not told */
    unsigned refused;       /* NAKs so far */
    struct dhcp4_message message;
};

/* Begins with a DISCOVER. `out` is empty and has FRAME_BYTES_MAX; what is written there is to be sent. */
void client_dhcp_start(struct client_dhcp *c, const struct scenario_step *step,
                       const uint8_t hardware[FRAME_MAC], uint64_t seed, struct now now, struct writer *out);
/* A frame that came in. */
void client_dhcp_take(struct client_dhcp *c, struct span frame, struct now now, struct writer *out);
/* due_ms has come: the message is sent again, or the client begins anew. */
void client_dhcp_expire(struct client_dhcp *c, struct now now, struct writer *out);
/* Why it has no lease yet: "no server answered its DISCOVER". Constant text. */
const char *client_dhcp_fault(const struct client_dhcp *c);

#endif
