/* The resolution of one question (RFC 1034 5.3.3): looks at what the cache knows, says what it needs next,
 * and is told what came of it. Opens no socket and reads no clock, so that a test can play the whole world
 * against it.
 *
 *     resolve_open -> resolve_step -> ASK  -> resolve_response | resolve_lost -> resolve_step ...
 *                                  -> NEED -> (another resolution, to its end) -> resolve_step ...
 *                                  -> DONE
 */
#ifndef WIRELAB_DNSD_RESOLVE_H
#define WIRELAB_DNSD_RESOLVE_H

#include "cache.h"
#include "servers.h"
#include "zone.h"

#define RESOLVE_QUERIES_MAX   48 /* sent for one question of a client, all that it causes included */
#define RESOLVE_REFERRALS_MAX 16 /* a chain of delegations is hardly ever longer than five */
#define RESOLVE_DEPTH_MAX     4  /* a server's name whose server's name ... */
#define RESOLVE_NEEDS_MAX     6  /* names of servers looked up for one question: more only serves an attack */
#define RESOLVE_SERVERS_MAX   16 /* addresses tried for one zone */
#define RESOLVE_TRIES_MAX     3  /* of one address for one question */

/* RFC 8914 */
enum resolve_fault {
    RESOLVE_FAULT_OTHER = 0,
    RESOLVE_FAULT_CACHED = 13,
    RESOLVE_FAULT_NO_AUTHORITY = 22, /* nobody gave an answer that could be used */
    RESOLVE_FAULT_NETWORK = 23,      /* nobody answered at all */
};

/* Questions for names at or below `name` go to these resolvers. */
struct resolve_forward {
    struct dns_name name; /* lower case */
    bool edns;
    struct endpoint *to;
    size_t to_count;
};

/* What all resolutions share. */
struct resolve_world {
    struct cache *cache;
    struct servers *servers;
    struct rng *rng;
    const struct zone *hints; /* the root's NS and their addresses; NULL: no iteration */
    const struct resolve_forward *forwards;
    size_t forward_count;
    uint16_t port; /* of name servers met on the way */
    uint8_t *room; /* LEARN_ROOM_BYTES */
};

/* Work that one question of a client may cause; shared by all resolutions that it causes. */
struct resolve_budget {
    unsigned queries_left, holders;
};

struct resolve_try {
    struct endpoint server;
    uint8_t tries;
    bool bad; /* what it said could not be used */
};

enum resolve_wish_kind { RESOLVE_ASK, RESOLVE_NEED, RESOLVE_DONE };

struct resolve_wish {
    enum resolve_wish_kind kind;
    struct dns_question question; /* ASK, NEED */
    struct endpoint server;       /* ASK */
    bool recursion, edns;
    uint32_t timeout_ms;
    bool failed; /* DONE: the answer is not in the cache; fault and why tell */
    enum resolve_fault fault;
    const char *why; /* constant text */
};

struct resolution {
    struct dns_name first; /* what was asked for, in lower case */
    uint16_t type;
    uint64_t began_ms; /* what was good then is good for this resolution */
    unsigned depth;    /* how many resolutions wait for this one */
    struct resolve_budget *budget;

    struct dns_name name; /* where the chain of aliases is */
    unsigned referrals, needs;
    bool placed; /* the servers to ask are chosen: */
    const struct resolve_forward *forward;
    struct dns_name zone; /* lower case; the forward's name, or the zone whose servers are asked */
    bool primed, at_hints;
    uint32_t hosts_needed; /* a bit for each NS record of the zone whose addresses were looked up */
    size_t try_count;
    struct resolve_try tries[RESOLVE_SERVERS_MAX];
    size_t asked; /* into tries: the one that the last wish was about */
    bool asked_edns;
    bool heard; /* somebody answered, whatever it was */
};

/* name: lower case. The budget stays the caller's. */
void resolve_open(struct resolution *r, const struct dns_name *name, uint16_t type, unsigned depth,
                  struct resolve_budget *budget, uint64_t now_ms);
/* The settings changed: servers are chosen anew. */
void resolve_again(struct resolution *r);
void resolve_step(struct resolution *r, const struct resolve_world *w, uint64_t now_ms,
                  struct resolve_wish *out);
/* To the last ASK came a message that matches (round_ms after it was sent) ... */
void resolve_response(struct resolution *r, const struct resolve_world *w, struct span message,
                      uint64_t round_ms, uint64_t now_ms);
/* ... or nothing. */
void resolve_lost(struct resolution *r, const struct resolve_world *w, bool unreachable, uint64_t now_ms);

#endif
