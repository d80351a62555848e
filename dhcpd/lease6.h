/* The table of IPv6 leases: as lease.h has it for IPv4, with the differences of RFC 9915. A client is a DUID,
 * what it leases for is an IA of that client, and an IA may hold several addresses. A prefix that is
 * delegated is a lease like an address: it has fewer bits, and pools of its own.
 *
 * An address that was never used costs nothing: a pool counts how far it has come. Used and free addresses
 * wait in a list, the longest free first. All times are unix seconds.
 *
 * What a batch of messages grants is CLAIMED until the store has committed it; the commit makes it BOUND, a
 * failure gives it back. */
#ifndef WIRELAB_DHCPD_LEASE6_H
#define WIRELAB_DHCPD_LEASE6_H

#include "circuit.h"
#include "event.h"
#include "index.h"
#include "lease.h"
#include "subnet6.h"

#define LEASE6_DUID_INLINE 24  /* longer DUIDs get memory of their own */
#define LEASE6_CLAIMS_MAX  256 /* changes of one commit; a message makes LEASE6_CHANGES_MAX at most */
#define LEASE6_CHANGES_MAX (2 * DHCP6_IA_ADDRESSES_MAX) /* as many granted as released */

/* An IA of a client. */
struct lease6_client {
    struct span duid;
    uint32_t iaid;
    struct span name;  /* what it wants to be called; tells nobody apart, like what follows */
    struct span relay; /* circuit6_key(): where its relay has it; empty: it came through none that says so */
    bool accepts_reconfigure;
};

struct lease6 {
    struct timer deadline;  /* CLAIMED, BOUND, DECLINED: fires at until_s or before, and looks again */
    struct list_node queue; /* FREE: in its pool's list; OFFERED: in leases6.offers */
    struct index_node by_address, by_client;
    struct lease6_pool *pool; /* leases6.nowhere: in no configured subnet */
    struct circuit *circuit;  /* where it is counted: not FREE, nor DECLINED; NULL: nowhere */
    int64_t until_s;          /* the end of the state; FREE: when it became free */
    int64_t durable_until_s;  /* what the disk says of the present tenancy; 0: nothing */
    struct ip6 address;
    uint32_t iaid;
    uint32_t tenancy; /* another number whenever the address goes to another IA or becomes free */
    uint32_t claim;   /* the number of the claims that last granted it */
    uint8_t bits;     /* DHCP6_ADDRESS_BITS, or the length of a prefix that begins at the address */
    uint8_t state;    /* enum lease_state of lease.h; only lease6_become() in lease6.c sets it */
    bool registered;  /* the client made the address itself */
    bool accepts_reconfigure;
    bool renamed;     /* as in struct lease */
    uint8_t duid_len; /* 0: it has no tenant, and had none that is remembered */
    uint8_t *name;    /* its length and its bytes; NULL: none */
    union {
        uint8_t here[LEASE6_DUID_INLINE];
        uint8_t *elsewhere;
    } duid;
};

enum lease6_kind {
    LEASE6_ADDRESSES,
    LEASE6_PREFIXES,
    LEASE6_REGISTERED, /* addresses that clients made themselves and told (RFC 9686) */
};

/* A subnet has one for its addresses, one for prefixes that are reserved, one for what is registered, and one
 * for each prefix pool. */
struct lease6_pool {
    struct leases6 *leases;
    const struct dhcp6_subnet *subnet; /* NULL: nowhere */
    uint8_t kind;                      /* enum lease6_kind */
    const struct dhcp6_prefix_pool *prefixes;
    struct list free; /* dynamic addresses, the longest free first */
    size_t range;     /* the first address that was never used: range, and place in it */
    uint64_t range_offset;
    bool range_done;          /* the range ends with the last place that a counter can have */
    int64_t exhausted_told_s; /* when this was last said */
    size_t in_use;            /* leases that are not free */
};

struct lease6_chunk;

struct leases6 {
    struct index by_address, by_client;
    struct timers deadlines;  /* on unix milliseconds */
    struct list offers;       /* the oldest first: all are kept equally long */
    struct circuits circuits; /* also where nothing is limited: a limit may come with a reload */
    struct lease6_pool *pools, nowhere;
    size_t *first_pool; /* by the subnet's number */
    size_t strays;      /* prefixes that were in use when their pool went: no other may overlap them */
    struct lease6_chunk *chunks;
    size_t count[LEASE_STATES];
    uint32_t last_claim;
    const struct dhcp6_settings *settings; /* of the last settling */
    uint64_t seed;
    struct events *events; /* may be NULL */
    /* A lease was bound, or is no longer; NULL: nobody asks. */
    void (*changed)(void *owner, const struct lease6 *x, bool bound, struct now now);
    void *owner;
};

/* What one commit will make durable. */
struct lease6_claims {
    uint32_t number;
    size_t count;
    struct {
        struct lease6 *lease;
        uint32_t tenancy;
        int64_t until_s; /* 0: released or declined */
        bool lost;       /* another server's client has it */
    } change[LEASE6_CLAIMS_MAX];
};

/* A lease as it is kept on disk. */
struct lease6_record {
    struct ip6 address;
    uint8_t bits;  /* as in struct lease6 */
    uint8_t state; /* LEASE_FREE, LEASE_BOUND, LEASE_DECLINED */
    int64_t until_s;
    bool registered;
    struct lease6_client client;
};

/* ---- the table --------------------------------------------------------------------------- */

/* Empty, without pools. False when there is no memory. */
bool leases6_open(struct leases6 *l, uint64_t seed, struct events *e);
void leases6_close(struct leases6 *l);
/* Brings a lease back, free when its time is over; leases6_settle() must follow. False: no memory. */
bool leases6_restore(struct leases6 *l, const struct lease6_record *r, struct now now);
/* What another server made of a lease. One that is being committed here for another client will be lost, and
 * does not stand from now on. */
void leases6_learn(struct leases6 *l, const struct lease6_record *r);
/* Makes one pool for each subnet and puts every lease in its place; at the start and when the configuration
 * changes. The settings must live until the next call. False when there is no memory: nothing was changed. */
bool leases6_settle(struct leases6 *l, const struct dhcp6_settings *s, struct now now);
/* When something ends next, in unix milliseconds; TIMER_NEVER: nothing does. */
uint64_t leases6_next_due(const struct leases6 *l);
/* Ends what is over, at most `max` leases; returns how many it looked at. */
size_t leases6_run(struct leases6 *l, struct now now, size_t max);

/* ---- finding ------------------------------------------------------------------------------ */

/* The lease's tenant, or the last one; valid until the lease changes. */
struct lease6_client lease6_tenant(const struct lease6 *x);
struct span lease6_name(const struct lease6 *x);
bool lease6_belongs(const struct lease6 *x, const struct lease6_client *c);
/* The pool of what is registered. */
struct lease6_pool *leases6_registered(const struct leases6 *l, const struct dhcp6_subnet *sn);
/* Free, or this IA's own; not declined. */
bool lease6_is_for(const struct lease6 *x, const struct lease6_client *c);
/* Granted, whether or not the commit is done. */
bool lease6_is_held(const struct lease6 *x);

struct lease6_pool *leases6_pool(const struct leases6 *l, const struct dhcp6_subnet *sn);
/* The pool of a prefix that the subnet has to delegate, or for a client; `from` NULL: of reserved ones. */
struct lease6_pool *leases6_prefix_pool(const struct leases6 *l, const struct dhcp6_subnet *sn,
                                        const struct dhcp6_prefix_pool *from);
struct lease6 *leases6_find(const struct leases6 *l, struct ip6 address);
/* The same; makes a free one where there is none. NULL when there is no memory, or when it has other bits. */
struct lease6 *leases6_at(struct leases6 *l, struct lease6_pool *p, struct ip6 address, uint8_t bits);
/* The leases that the IA has or had in this subnet, of the pool's kind, one after the other; NULL: no more.
 */
struct lease6 *leases6_first_of(const struct leases6 *l, const struct lease6_pool *p,
                                const struct lease6_client *c);
struct lease6 *leases6_next_of(const struct lease6 *x, const struct lease6_client *c);
/* The next address for a new IA: one that was never used, else the longest free. NULL: all are taken (or
 * there is no memory). Its cost does not depend on how full the pool is. */
struct lease6 *leases6_longest_free(struct leases6 *l, struct lease6_pool *p);

/* Each lease of the table, in no order; none may be changed meanwhile. */
void leases6_each(const struct leases6 *l, void (*fn)(void *owner, const struct lease6 *x), void *owner);

/* ---- changing ----------------------------------------------------------------------------- */

/* Starts a set of changes, empty, with a number of its own. */
void claims6_open(struct leases6 *l, struct lease6_claims *c);
/* Another message fits: LEASE6_CHANGES_MAX more changes. */
bool claims6_has_room(const struct lease6_claims *c);
/* Keeps the address for the client's Request. What it holds already stays as it is. False: no memory. */
bool lease6_offer(struct leases6 *l, struct lease6 *x, const struct lease6_client *c, struct now now);
/* Grants, as the last change of the claims; lease6_is_for() must hold. False: no memory, nothing is granted.
 */
bool lease6_claim(struct leases6 *l, struct lease6 *x, const struct lease6_client *c, int64_t until_s,
                  struct now now, struct lease6_claims *claims);
/* BOUND or CLAIMED before. */
void lease6_release(struct leases6 *l, struct lease6 *x, struct now now, struct lease6_claims *claims);
/* OFFERED before. */
void lease6_offer_withdraw(struct leases6 *l, struct lease6 *x, struct now now);
/* BOUND or CLAIMED before. */
void lease6_decline(struct leases6 *l, struct lease6 *x, int64_t until_s, struct now now,
                    struct lease6_claims *claims);
/* The commit of these changes is done: granted leases are BOUND; or it failed: they are what they were. */
void claims6_confirm(struct leases6 *l, const struct lease6_claims *c, struct now now);
void claims6_withdraw(struct leases6 *l, const struct lease6_claims *c, struct now now);
/* After claims6_confirm(): what these changes granted is still the client's; it may have released or declined
 * it while the store was at work. */
bool claims6_stand(const struct lease6_claims *c, size_t first, size_t count);

#endif
