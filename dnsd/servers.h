/* What is known of other name servers: how fast they answer, whether they answer at all, whether they know
 * EDNS, and for which zones they turned out to be no authority. A table of fixed size; who was not met
 * longest makes room. */
#ifndef WIRELAB_DNSD_SERVERS_H
#define WIRELAB_DNSD_SERVERS_H

#include "endpoint.h"
#include "rng.h"

#define SERVERS_FIRST_MS   800    /* the time that a server is given which is not known yet */
#define SERVERS_LEAST_MS   300    /* a reply that takes a little longer than usual is not lost */
#define SERVERS_MOST_MS    4000   /* what a client waits for is seconds */
#define SERVERS_DEAD_MS    30000  /* how long one that answered nothing in a row is left for last */
#define SERVERS_DEAD_AFTER 3      /* lost in a row */
#define SERVERS_LAME_MS    60000  /* how long it is not asked for that zone again */
#define SERVERS_PLAIN_MS   600000 /* how long one that failed with EDNS is asked without */

struct servers;

/* NULL: no memory. `seed` keys its hashes. */
struct servers *servers_open(uint64_t seed);
void servers_close(struct servers *s);

void servers_answered(struct servers *s, const struct endpoint *e, uint64_t round_ms, uint64_t now_ms);
void servers_lost(struct servers *s, const struct endpoint *e, uint64_t now_ms);
void servers_plain(struct servers *s, const struct endpoint *e, uint64_t now_ms);
/* zone: wire form, lower case. */
void servers_lame(struct servers *s, const struct endpoint *e, struct span zone, uint64_t now_ms);

bool servers_is_plain(const struct servers *s, const struct endpoint *e, uint64_t now_ms);
bool servers_is_lame(const struct servers *s, const struct endpoint *e, struct span zone, uint64_t now_ms);
/* How long to wait for it: the smoothed round trip and four deviations (RFC 6298 2). */
uint32_t servers_timeout_ms(const struct servers *s, const struct endpoint *e, uint64_t now_ms);
/* How long it is likely to take; the least is best. Those not known yet come early, so that they become
 * known; IPv4 before IPv6, which many a network does not carry. */
uint32_t servers_cost_ms(const struct servers *s, const struct endpoint *e, struct rng *rng, uint64_t now_ms);

#endif
