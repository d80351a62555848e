/* Recursion: the questions of clients that others must answer. Here are the sockets and timers; what to do
 * next is decided in resolve.c, what is known lies in cache.c.
 *
 * Many clients with one question cause one resolution. Bounds: RECURSION_JOBS_MAX resolutions at once, each
 * with one query on its way, and RECURSION_CLIENTS_MAX clients that wait; past them the answer is SERVFAIL.
 */
#ifndef WIRELAB_DNSD_RECURSION_H
#define WIRELAB_DNSD_RECURSION_H

#include "edns_options.h"
#include "encode_cached.h"
#include "event.h"
#include "keys.h"
#include "loop.h"
#include "resolve.h"

#define RECURSION_JOBS_MAX    512 /* sockets: half of the 1024 descriptors that a process has for the asking */
#define RECURSION_CLIENTS_MAX 8192 /* about 7 MiB of questions */
#define RECURSION_MS          9000 /* for one question; clients give up after some ten seconds */

/* From the file; the arrays are the settings' own. */
struct recursion_settings {
    struct dnsd_permits allow; /* for whom */
    size_t allow_count;        /* as many were named; none: nobody */
    struct resolve_forward *forwards;
    size_t forward_count;
    const char *hints_path; /* NULL: the built-in ones */
    uint16_t port;
    size_t cache_bytes;
    uint32_t ttl_min_s, ttl_max_s, negative_max_s;
};

/* A client's question that waits. */
struct recursion_client {
    struct list_node node;
    struct recursion_job *job;
    struct dns_query query;
    size_t limit; /* octets of the reply */
    bool over_tcp, over_tls;
    struct edns_asked asked;
    struct endpoint peer, local; /* UDP: as in the datagram */
    unsigned interface;
    struct udp *udp;
    struct connection *connection; /* TCP */
    struct list_node connection_node;
};

struct recursion;
/* The answer to a client is there, or that there is none: `failed` tells why, with the fault of RFC 8914.
 * Called from the loop, never from inside a call of the owner. The client is given back afterwards. */
typedef void recursion_fn(void *owner, struct recursion_client *c, const char *failed, uint16_t fault,
                          uint64_t began_ms);

/* Takes a hold of `hints`. The settings must outlive it, or the next recursion_reload(). NULL: no memory. */
struct recursion *recursion_open(struct loop *l, struct events *e, const struct recursion_settings *s,
                                 struct zone *hints, recursion_fn *fn, void *owner);
/* Other settings: what is cached stays, what is under way begins anew. */
void recursion_reload(struct recursion *r, const struct recursion_settings *s, struct zone *hints);
/* All waiting clients are forgotten without an answer. */
void recursion_close(struct recursion *r);

struct cache *recursion_cache(struct recursion *r);
/* Clients that wait. */
size_t recursion_waiting(const struct recursion *r);
/* Room for a question, not waiting yet; NULL when too many wait (told as an event). */
struct recursion_client *recursion_client_new(struct recursion *r);
/* It waits from now on, for `missing` (lower case) to be known. False: too many resolutions are under way;
 * the client is given back. */
bool recursion_ask(struct recursion *r, struct recursion_client *c, const struct dns_name *missing);
/* It waits no more. */
void recursion_forget(struct recursion *r, struct recursion_client *c);

#endif
