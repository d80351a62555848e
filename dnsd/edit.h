/* A zone changed by hand: lines as a master file has them, and whole zones, become one change. Pure. */
#ifndef WIRELAB_DNSD_EDIT_H
#define WIRELAB_DNSD_EDIT_H

#include "arena.h"
#include "change.h"

#define EDIT_TEXT_MAX 320

enum edit_kind {
    EDIT_ADD,    /* "www 300 A 192.0.2.1": without a TTL, that of its set, else that of the SOA */
    EDIT_REMOVE, /* "www A 192.0.2.1", "www A" (all of the set), "www" (all of the name) */
    EDIT_SET,    /* as EDIT_ADD; those of one name and type together replace what is there */
};

struct edit {
    enum edit_kind kind;
    struct span text;
};

/* What is wrong, and where. */
struct edit_problem {
    size_t edit;              /* which one */
    unsigned column;          /* 1-based; 0: it is about the whole of it */
    char text[EDIT_TEXT_MAX]; /* "expected an IPv4 address like 192.0.2.1, found \"192.0.2\"" */
};

struct edit_rules {
    uint32_t next_serial;
    bool signs_itself; /* its signatures and keys are made by the server */
};

/* All edits in their order, as one change of the zone, which stays as it is; *out, held once, is NULL when
 * nothing would be another. False, and *p says why not. */
bool edit_decide(const struct zone *z, const struct edit *edits, size_t count, const struct edit_rules *rules,
                 struct arena *a, struct change **out, struct edit_problem *p);
/* From the one to the other as one change, with its serial when that is newer, else with the next one (and
 * then without a ZONEMD, which is of one version); *out is NULL when nothing would be another. False: no
 * memory. */
bool edit_replace(const struct zone *before, const struct zone *after, const struct edit_rules *rules,
                  struct change **out);

#endif
