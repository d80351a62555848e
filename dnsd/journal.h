/* The changes of zones, in the order of their serials: on disk before anybody hears of a version, and in
 * memory, for those who ask what changed (RFC 1995). Of a zone whose file stays as it was, none may ever be
 * missing: old ones are folded into one. Of others the oldest go. */
#ifndef WIRELAB_DNSD_JOURNAL_H
#define WIRELAB_DNSD_JOURNAL_H

#include "change.h"
#include "store.h"
#include "zone.h"

#define JOURNAL_CHANGES_MAX 256 /* of a zone: who is farther behind gets the whole zone */
#define JOURNAL_FOLD        128 /* so many of the oldest become one, when there are too many */
#define JOURNAL_BYTES_MAX                                                                                    \
    (8 * 1024 * 1024) /* of a zone, but for those that were folded; a whole zone is cheaper then */

/* "VIEW NAME", or "NAME" outside of views: a blank in a name is written as an escape. */
#define JOURNAL_KEY_MAX (VIEW_NAME_BYTES_MAX + 1 + DNS_NAME_TEXT_MAX)

/* Of one zone. */
struct journal {
    struct journal *next;
    char zone[JOURNAL_KEY_MAX]; /* in lower case, behind its view */
    struct change *changes[JOURNAL_CHANGES_MAX];
    size_t count;
    size_t
        folded;   /* so many at the front are of many; each has more than twice as many records as the next */
    bool folding; /* such a one is on its way to the disk */
    size_t in_flight; /* changes on their way to the disk */
    int64_t next_number;
    int64_t numbers[JOURNAL_CHANGES_MAX];
};

struct journals {
    struct store *store;
    char view[VIEW_NAME_BYTES_MAX + 1];
    struct journal *first;
};

/* Reads all of the view's back. store == NULL: they are in memory only. False, and *p says why. */
bool journals_open(struct journals *all, struct store *store, const char *view, struct problem *p);
void journals_close(struct journals *all);
/* The zone's, name in lower case; NULL when it has none (or, with `make`, when there is no memory). */
struct journal *journals_of(struct journals *all, const struct dns_name *lower, bool make);

/* Puts the change on disk, and in memory when it is there; then `done` is told (from inside, where
 * there is no store or no memory). Holds the change meanwhile. What is too old is folded (with `all_count`:
 * the zone's file stays what it was) or goes, in the same commit. */
void journal_commit(struct journals *all, struct journal *j, struct change *c, bool all_count,
                    store_done_fn *done, void *owner);
/* Nothing of it counts any more: the zone has become another one. */
void journal_forget(struct journals *all, struct journal *j);
/* The changes that lead from this serial to the latest; how many, 0 when it is not among them. */
size_t journal_since(const struct journal *j, uint32_t serial, struct change *const **out);
/* All changes that follow its serial are made in the zone, as by change_apply(); false at the first that does
 * not fit. */
bool journal_replay(const struct journal *j, struct zone **z, const char **why);

#endif
