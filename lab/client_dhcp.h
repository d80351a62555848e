/* A DHCP client (RFC 2131 4.4), pure: frames and time in, frames out. It has one goal and stops when it is
 * reached; the next step may go on with the lease of the one before. */
#ifndef WIRELAB_CLIENT_DHCP_H
#define WIRELAB_CLIENT_DHCP_H

#include "rng.h"
#include "timer.h"
#include "wire/dhcp4.h"
#include "wire/frame.h"

#define CLIENT_DHCP_OPTIONS_MAX 32

enum client_dhcp_goal {
    CLIENT_DHCP_ACQUIRE, /* a lease, from DISCOVER to ACK */
    CLIENT_DHCP_REBOOT,  /* the address that it had, asked for again (INIT-REBOOT); refused: a new one */
    CLIENT_DHCP_RENEW,   /* the lease for longer, of its server */
    CLIENT_DHCP_REBIND,  /* the same, of any server */
    CLIENT_DHCP_RELEASE, /* gives the lease back */
    CLIENT_DHCP_DECLINE, /* says that somebody else has the address */
    CLIENT_DHCP_INFORM,  /* has an address from elsewhere and asks for the rest */
};

struct client_dhcp_option {
    uint8_t code;
    struct span value;
};

/* What a step says. The options go into its messages in this order. */
struct client_dhcp_settings {
    enum client_dhcp_goal goal;
    struct client_dhcp_option options[CLIENT_DHCP_OPTIONS_MAX];
    size_t option_count;
    bool broadcast; /* replies are asked for by broadcast */
};

/* What the client holds between steps. Addresses in host order; address 0: nothing. */
struct client_dhcp_lease {
    uint32_t address, server, mask, lease_s; /* a mask of 0 was not told */
    uint8_t server_hardware[FRAME_MAC];      /* for unicast; zeros: not known, its frames go to everyone */
};

enum client_dhcp_state {
    CLIENT_SELECTING,
    CLIENT_REQUESTING,
    CLIENT_REBOOTING,
    CLIENT_RENEWING,
    CLIENT_REBINDING,
    CLIENT_INFORMING,
    CLIENT_BOUND, /* or done, whatever the goal was */
};

struct client_dhcp {
    enum client_dhcp_state state;
    uint8_t hardware[FRAME_MAC];
    const struct client_dhcp_settings *settings; /* the caller's */
    struct rng rng;                              /* for transaction ids and the spread of retransmissions */
    uint32_t xid;
    uint16_t secs;                  /* of the DISCOVER; a REQUEST repeats it */
    uint64_t began_ms;              /* mono */
    uint64_t due_ms;                /* when client_dhcp_expire() is to be called; TIMER_NEVER once bound */
    unsigned tries;                 /* of the present message */
    struct client_dhcp_lease lease; /* what it asks for, then what it has; zero after RELEASE and DECLINE */
    uint8_t heard_hardware[FRAME_MAC]; /* of whom it heard last */
    unsigned refused;                  /* NAKs so far */
    struct dhcp4_message message;
};

/* Begins. *before is the lease it has from an earlier step, or zero. `out` is empty and has FRAME_BYTES_MAX;
 * what is written there is to be sent. False when the goal needs a lease, or an address, that it does not
 * have. */
bool client_dhcp_start(struct client_dhcp *c, const struct client_dhcp_settings *settings,
                       const struct client_dhcp_lease *before, const uint8_t hardware[FRAME_MAC],
                       uint64_t seed, struct now now, struct writer *out);
/* A frame that came in. */
void client_dhcp_take(struct client_dhcp *c, struct span frame, struct now now, struct writer *out);
/* due_ms has come: the message is sent again, or the client begins anew. */
void client_dhcp_expire(struct client_dhcp *c, struct now now, struct writer *out);
/* Why it has no lease yet: "no server answered its DISCOVER". Constant text. */
const char *client_dhcp_fault(const struct client_dhcp *c);

#endif
