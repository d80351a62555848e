/* The lease table: every address that was ever given, by address and by client, what its state is and until
 * when.
 *
 * An address that was never used costs nothing: a pool counts how far it has come. Used and free addresses
 * wait in a list, the longest free first. All times are unix seconds, so that they mean the same after a
 * restart.
 *
 * A lease that a batch of messages grants is CLAIMED until the store has committed it: the next decisions see
 * it as taken, the commit makes it BOUND, a failure gives it back. What hangs together in one commit is a
 * struct lease_claims. */
#ifndef WIRELAB_DHCPD_LEASE_H
#define WIRELAB_DHCPD_LEASE_H

#include "circuit.h"
#include "event.h"
#include "index.h"
#include "list.h"
#include "subnet.h"
#include "timer.h"

#define LEASE_OFFER_S         30 /* an offer is kept this long for the client's REQUEST (RFC 2131 3.1, step 2) */
#define LEASE_HOST_NAME_MAX   63        /* RFC 1035 2.3.4: a label; longer names are cut */
#define LEASE_HARDWARE_MAX    17        /* htype and chaddr */
#define LEASE_RELAY_MAX       (4 + 255) /* giaddr and option 82 */
#define LEASE_CLIENT_ROOM     (LEASE_HARDWARE_MAX + LEASE_RELAY_MAX)
#define LEASE_IDENTITY_INLINE 48  /* longer identities get memory of their own */
#define LEASE_CLAIMS_MAX      128 /* two changes for each of the 64 messages of a batch */

enum lease_state {
    LEASE_FREE,     /* nobody's; the client that had it last gets it again as long as it can */
    LEASE_OFFERED,  /* in memory only */
    LEASE_CLAIMED,  /* granted, not yet committed */
    LEASE_BOUND,    /* granted and on disk */
    LEASE_DECLINED, /* a client found it in use; it rests */
    LEASE_STATES
};

/* Who asks. The key is the client identifier, or htype and chaddr where there is none (RFC 2131 4.2). */
struct lease_client {
    struct span hardware; /* htype, then chaddr */
    struct span client_id;
    struct span host_name; /* at == NULL: it says nothing of its name; empty: it wants none */
    struct span relay;     /* giaddr, then option 82 as it last came; empty: it never came */
};

struct lease {
    struct timer deadline;  /* CLAIMED, BOUND, DECLINED: fires at until_s or before, and looks again */
    struct list_node queue; /* FREE: in its pool's list; OFFERED: in leases.offers */
    struct index_node by_address, by_client;
    struct circuit *circuit; /* where it is counted; NULL: nowhere */
    struct lease_pool *pool; /* leases.nowhere: in no configured subnet */
    int64_t until_s;         /* the end of the state; FREE: when it became free */
    int64_t durable_until_s; /* what the disk says of the present tenancy; 0: nothing */
    uint32_t address;
    uint32_t tenancy;   /* another number whenever the address goes to someone else or becomes free */
    uint32_t granted_s; /* unix seconds of the last grant; 0: before the server was started */
    uint32_t claim;     /* the number of the claims that last granted it */
    uint8_t state;      /* enum lease_state; only lease_become() in lease.c sets it */
    uint8_t hardware_len, client_id_len, host_name_len;
    uint16_t relay_len;
    bool renamed; /* its client wants to be called otherwise: `changed` hears of that with the commit */
    union {
        uint8_t here[LEASE_IDENTITY_INLINE];
        uint8_t *elsewhere;
    } identity; /* hardware, client identifier, host name, relay */
};

struct lease_pool {
    struct leases *leases;
    const struct dhcp_subnet *subnet; /* NULL: nowhere */
    struct list free;                 /* dynamic addresses, the longest free first */
    size_t range;                     /* the first address that was never used: range, and place in it */
    uint64_t range_offset;
    int64_t exhausted_told_s; /* when this was last said */
    size_t in_use;            /* leases that are not free */
};

struct lease_chunk;

struct leases {
    struct index by_address, by_client;
    struct circuits circuits;
    struct timers deadlines; /* on unix milliseconds */
    struct list offers;      /* the oldest first: all are kept equally long */
    struct lease_pool *pools, nowhere;
    size_t pool_count;
    struct lease_chunk *chunks;
    size_t count[LEASE_STATES];
    uint32_t last_claim;
    const struct dhcp_settings *settings; /* of the last settling */
    uint64_t seed;
    struct events *events; /* may be NULL */
    /* Told when a lease is bound for a client that did not have it, and when it is no longer; with another
     * name, that it is not with the former one, then that it is. May be NULL. */
    void (*changed)(void *owner, const struct lease *x, bool bound, struct now now);
    void *owner;
};

/* What one commit will make durable. */
struct lease_claims {
    uint32_t number;
    size_t count;
    struct {
        struct lease *lease;
        uint32_t tenancy;
        int64_t until_s; /* 0: released or declined */
        bool lost;       /* another server's client has it */
    } change[LEASE_CLAIMS_MAX];
};

/* A lease as it is kept on disk. */
struct lease_record {
    uint32_t address;
    uint8_t state; /* LEASE_FREE, LEASE_BOUND, LEASE_DECLINED */
    int64_t until_s;
    struct lease_client client;
};

/* ---- the table --------------------------------------------------------------------------- */

/* Empty, without pools. False when there is no memory. */
bool leases_open(struct leases *l, uint64_t seed, struct events *e);
void leases_close(struct leases *l);
/* Brings a lease back, free when its time is over; leases_settle() must follow. False when there is no
 * memory. */
bool leases_restore(struct leases *l, const struct lease_record *r, struct now now);
/* What another server made of a lease. One that is being committed here for another client will be lost, and
 * does not stand from now on. */
void leases_learn(struct leases *l, const struct lease_record *r);
/* Makes one pool for each subnet and puts every lease in its place; at the start and when the configuration
 * changes. The settings must live until the next call. False when there is no memory: nothing was changed. */
bool leases_settle(struct leases *l, const struct dhcp_settings *s, struct now now);
/* When something ends next, in unix milliseconds; TIMER_NEVER: nothing does. */
uint64_t leases_next_due(const struct leases *l);
/* Ends what is over, at most `max` leases; returns how many it looked at. */
size_t leases_run(struct leases *l, struct now now, size_t max);

/* ---- finding ------------------------------------------------------------------------------ */

/* Views into the message, but for hardware and relay, which are put into `room`. Keys of no length: nobody
 * can be told apart. */
struct lease_client lease_client_of(const struct dhcp4_message *m, uint8_t room[LEASE_CLIENT_ROOM]);
struct span lease_client_key(const struct lease_client *c);
/* The lease's tenant, or the last one; valid until the lease changes. */
struct lease_client lease_tenant(const struct lease *x);
bool lease_belongs(const struct lease *x, const struct lease_client *c);
/* Free, or this client's own; not declined. */
bool lease_is_for(const struct lease *x, const struct lease_client *c);

struct lease_pool *leases_pool(const struct leases *l, const struct dhcp_subnet *sn);
struct lease *leases_find(const struct leases *l, uint32_t address);
/* The same; makes a free one where there is none. NULL when there is no memory. */
struct lease *leases_at(struct leases *l, struct lease_pool *p, uint32_t address);
/* The client's lease on this pool's link: the one at `wanted` if it is among them, else the one it has, else
 * the one it had. NULL: the client is not known. */
struct lease *leases_of(const struct leases *l, const struct lease_pool *p, const struct lease_client *c,
                        uint32_t wanted);
/* The lease after `after` (NULL: the first) whose tenant, present or former, has this hardware address
 * (htype, then chaddr); looks at all of them. */
const struct lease *leases_of_hardware(const struct leases *l, const struct lease *after,
                                       struct span hardware);
/* The next address for a new client: one that was never used, else the longest free; never `avoid`. NULL: all
 * are taken (or there is no memory). Its cost does not depend on how full the pool is. */
struct lease *leases_longest_free(struct leases *l, struct lease_pool *p, uint32_t avoid);

/* ---- changing ----------------------------------------------------------------------------- */

/* Starts a set of changes, empty, with a number of its own. */
void claims_open(struct leases *l, struct lease_claims *c);
/* Keeps the address for the client's REQUEST. What it holds already stays as it is. False: no memory. */
bool lease_offer(struct leases *l, struct lease *x, const struct lease_client *c, struct now now);
/* The client took another server's offer. */
void lease_offer_withdraw(struct leases *l, struct lease *x, struct now now);
/* What the relay said of the lease's client, or the last relay that said something: option 82, or empty. */
struct span lease_relay_agent(const struct lease *x);
/* Counts a lease that is offered or granted at a circuit, and no longer at the one before. Without memory it
 * is counted nowhere. */
void lease_count_at(struct leases *l, struct lease *x, struct span circuit);
/* Grants, as the last change of the claims; lease_is_for() must hold. What else the client held on this link
 * becomes free. False: no memory, nothing is granted. */
bool lease_claim(struct leases *l, struct lease *x, const struct lease_client *c, int64_t until_s,
                 struct now now, struct lease_claims *claims);
/* BOUND or CLAIMED before. */
void lease_release(struct leases *l, struct lease *x, struct now now, struct lease_claims *claims);
/* OFFERED, BOUND or CLAIMED before. */
void lease_decline(struct leases *l, struct lease *x, int64_t until_s, struct now now,
                   struct lease_claims *claims);
/* The commit of these changes is done: granted leases are BOUND; or it failed: they are what they were
 * before. */
void claims_confirm(struct leases *l, const struct lease_claims *c, struct now now);
void claims_withdraw(struct leases *l, const struct lease_claims *c, struct now now);
/* After claims_confirm(): what this change granted is still the client's; it may have released or declined it
 * while the store was at work. */
bool claims_stand(const struct lease_claims *c, size_t change);

/* Unix seconds, rounded up: a lease never ends here before it ends at its client. */
static inline int64_t now_s(struct now now)
{
    return (now.unix_ms + 999) / 1000;
}

#endif
