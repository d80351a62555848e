/* The limit on answers by UDP in a running server: which answers count together, who is not counted, what is
 * told. Workers and the main thread share its accounts. */
#ifndef WIRELAB_DNSD_LIMIT_H
#define WIRELAB_DNSD_LIMIT_H

#include "rate.h"
#include "respond.h"
#include "timer.h"

struct limit;
struct events;
struct http_exchange;

/* The settings' list lives as long as it. NULL: no memory. */
struct limit *limit_open(const struct rate_settings *s, uint64_t seed);
/* Harmless with NULL. */
void limit_close(struct limit *l);
/* The reply in `out`, to a question of `peer` by UDP, stays, becomes a truncated one, or is none any more
 * (false; r->why says so). Any thread. */
bool limit_reply(struct limit *l, struct response *r, struct address peer, struct writer *out,
                 uint64_t mono_ms);
/* Whether there is something to tell: once in RATE_WINDOW_S. Any thread. */
bool limit_untold(struct limit *l);
/* How many answers were not sent, and how many truncated, since the start or the last reload. */
void limit_measure(struct limit *l, struct http_exchange *x);
/* Tells it, on the main thread. */
void limit_tell(struct limit *l, struct events *e, struct now now);

#endif
