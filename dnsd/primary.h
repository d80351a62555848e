/* Zones that change while they are served: UPDATE (RFC 2136), one after the other for each zone, each on disk
 * before it is answered; and NOTIFY (RFC 1996) to those who follow. */
#ifndef WIRELAB_DNSD_PRIMARY_H
#define WIRELAB_DNSD_PRIMARY_H

#include "dnsd.h"
#include "journal.h"
#include "masterfile.h"

struct primary;

/* NULL, and *p says why. */
struct primary *primary_open(struct view *v, const struct dnsd_view *d, struct problem *p);
/* Other settings are coming. False, and *p says why they cannot. */
bool primary_reload(struct primary *m, const struct dnsd_view *d, struct problem *p);
/* Updates that wait are forgotten; one that is being committed ends the rest by itself. */
void primary_close(struct primary *m);
bool primary_busy(const struct primary *m);

/* Whether this version of the zone's file may be served: not when changes were made since, and it is neither
 * the version that they follow on nor newer than they are, for then they would be lost. False, and what is
 * wrong with it in words. */
bool primary_takes_file(struct primary *m, const struct dns_name *lower, const struct zone *file,
                        char text[MASTERFILE_TEXT_MAX]);
/* A zone as its file has it: with the changes that were made since. Takes over the hold, gives one back. */
struct zone *primary_replay(struct primary *m, const struct dns_name *lower, struct zone *z, struct now now);
/* A version that came from elsewhere (its file, its primary) is in the place of another: `before` may be
 * NULL. Who follows is told. */
void primary_replaced(struct primary *m, const struct zones_row *row, const struct zone *before,
                      struct now now);
/* The zone is not ours any more: nothing is kept of its changes. */
void primary_forget(struct primary *m, const struct dns_name *lower);
/* A change that came from elsewhere was made in the zone: it is kept for those who follow. */
void primary_changed(struct primary *m, const struct zones_row *row, struct change *c);
/* Who follows the zone is told of its version. */
void primary_notify(struct primary *m, const struct zones_row *row, struct now now);
/* The serial of the latest change that is kept; false: there is none. */
bool primary_latest(struct primary *m, const struct dns_name *lower, uint32_t *serial);
/* A change that led to the version that is put into service now, for those who follow. */
void primary_remember(struct primary *m, const struct dns_name *lower, struct change *c);
/* A change of the server's own, as one by UPDATE: on disk, in service, told to who follows; then `fn` hears
 * of it, unless the server has ended. Not while primary_is_changing(). Holds the change meanwhile. */
typedef void primary_made_fn(void *owner, bool ok, const char *why, struct now now);
void primary_make(struct primary *m, const struct dns_name *lower, struct change *c, primary_made_fn *fn,
                  void *owner);
bool primary_is_changing(struct primary *m, const struct dns_name *lower);
/* The changes that lead to the zone in service from this serial; 0: unknown. */
size_t primary_changes(struct primary *m, const struct dns_name *lower, uint32_t serial,
                       struct change *const **out);

/* What somebody wants of a zone, beside UPDATE. */
struct primary_wish {
    /* Its turn has come. The change of the zone in service, held once; NULL: nothing is to change, or *why
     * says in words what is wrong. The arena lives until the call returns. */
    struct change *(*decide)(void *owner, const struct zones_row *row, struct arena *a, struct now now,
                             const char **why);
    /* Once, also when the server ends meanwhile; ok: it is on disk and in service. `c` (NULL: nothing
     * changed) is not held. */
    void (*done)(void *owner, bool ok, const char *why, const struct change *c, struct now now);
    void *owner;
};
/* As an UPDATE: in its turn, on disk, signed where the zone signs itself, told to who follows. The wish may
 * be done before this returns. False, and *p says why: it cannot even wait, and nobody is told. */
bool primary_wish(struct primary *m, const struct dns_name *lower, const struct primary_wish *wish,
                  struct now now, struct problem *p);

/* A message of opcode UPDATE. RESPOND_REPLY, with this code, or RESPOND_LATER, which is counted then. */
enum respond_outcome primary_update(struct primary *m, const struct dns_query *q,
                                    const struct dnsd_asker *from, struct writer *out, enum dns_rcode *rcode,
                                    struct now now);

#endif
