/* The changes of zones, in the order of their serials: on disk before anybody hears of a version, and in
 * memory, for those who ask what changed (RFC 1995). Of a zone whose file stays as it was, none may ever be
 * missing: old ones are folded into one. Of others the oldest go.
 *
 * Of a zone whose changes follow on its file the journal knows that version of the file, and the last version
 * that came of it: it tells whether a file is one of the two, newer than both, or another one, for which the
 * changes would be lost. */
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
    size_t in_flight;            /* changes on their way to the disk */
    unsigned beginning;          /* counts those that were made by forgetting all before */
    struct zone_mark file, last; /* what the changes follow on, where that is a file, and lead to */
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

/* What a change follows on and leads to, in the end. */
struct journal_way {
    bool all_count; /* none of the changes may be missing: what they follow on stays what it is */
    struct zone_mark file, last; /* the same, where it is a file; else none */
};

/* Puts the change on disk, and in memory when it is there; then `done` is told (from inside, where
 * there is no store or no memory). Holds the change meanwhile. What is too old is folded (where all count) or
 * goes, in the same commit. */
void journal_commit(struct journals *all, struct journal *j, struct change *c, const struct journal_way *way,
                    store_done_fn *done, void *owner);
/* Nothing of it counts any more: the zone has become another one. */
void journal_forget(struct journals *all, struct journal *j);
/* The changes that lead from this serial to the latest; how many, 0 when it is not among them. */
size_t journal_since(const struct journal *j, uint32_t serial, struct change *const **out);
/* What this version of the file means for the changes that are kept. */
enum journal_file {
    JOURNAL_FOLLOWS, /* they follow on it; or it is the last version, or they follow on no file */
    JOURNAL_OLD,     /* it is newer than they are: they are over */
    JOURNAL_SERIAL,  /* it is another version, whose serial is not newer than the last one's ... */
    JOURNAL_RECORDS, /* ... and is that of a version that is known, which has other records */
};
enum journal_file journal_judge(const struct journal *j, const struct zone *file);
/* All changes that follow its serial are made in the zone, as by change_apply(); false at the first that does
 * not fit. */
bool journal_replay(const struct journal *j, struct zone **z, const char **why);

#endif
