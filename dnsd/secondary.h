/* Zones that are fetched from their primaries and follow them: SOA checks at the times that the SOA says (RFC
 * 1034 4.3.5), AXFR and IXFR in, NOTIFY (RFC 1996), a copy on disk for the next start. */
#ifndef WIRELAB_DNSD_SECONDARY_H
#define WIRELAB_DNSD_SECONDARY_H

#include "dnsd.h"

struct secondary;

#define SECONDARY_WHY_MAX 128

/* Nothing is fetched before secondary_started(). NULL: no memory. */
struct secondary *secondary_open(struct view *v);
/* Ends what is under way. */
void secondary_close(struct secondary *m);

/* The copy of a zone that an earlier run left, held once; NULL: there is none, or it is too old to be served.
 */
struct zone *secondary_copy(struct secondary *m, const struct dnsd_zone *z, struct now now);
/* The zones of the view are in service: those with primaries are followed from now on; called again after
 * a reload. False when there is no memory. */
bool secondary_started(struct secondary *m, struct now now);

/* A zone of the view that came meanwhile, and one that is about to go. False: no memory. */
bool secondary_follow(struct secondary *m, struct zones_row *row, struct now now);
void secondary_leave(struct zones_row *row);

/* How it stands with a zone. */
struct secondary_state {
    struct endpoint primary;     /* the one that is asked */
    int64_t checked_ms;          /* unix time; when a primary last gave it or confirmed it; 0: never yet */
    int64_t next_ms, expires_ms; /* 0: not known; when it is asked next, when it is no longer served */
    int64_t failed_ms;           /* 0: the last check went well */
    char why[SECONDARY_WHY_MAX];
    bool busy; /* a check or a transfer is under way */
};
/* False: the zone is none that is fetched. */
bool secondary_tell(const struct secondary *m, const struct dns_name *lower, struct now now,
                    struct secondary_state *out);
/* By hand: the primary is asked now; with `whole`, for the whole zone whatever its serial. False: as above.
 */
bool secondary_check(struct secondary *m, const struct dns_name *lower, bool whole, struct now now);

/* A message of opcode NOTIFY; its reply. */
enum respond_outcome secondary_notified(struct secondary *m, const struct dns_query *q,
                                        const struct dnsd_asker *from, struct writer *out,
                                        enum dns_rcode *rcode, struct now now);

#endif
