/* What libConfuse does not do for us, pure: reads a file's text once, finds every structural error with its
 * place, remembers where each key, title and value stands, and gives a text without comments that libConfuse
 * then parses.
 *
 * (Debian's 3.3 counts lines wrongly after comments, forgets the file inside sections, takes a missing
 * closing brace for the end, and nests without a bound.) */
#ifndef WIRELAB_CONFIG_GUARD_H
#define WIRELAB_CONFIG_GUARD_H

#include "config.h"

#define GUARD_BYTES_MAX    (16 * 1024 * 1024) /* a hundred thousand zones fit */
#define GUARD_DEPTH_MAX    8                  /* our deepest key is four sections down */
#define GUARD_PROBLEMS_MAX 50                 /* more help nobody */

struct guard_value {
    struct config_place place; /* of the content, inside the quotes */
    struct guard_value *next;
};

struct guard_item {
    struct span name;
    struct config_place place;
    const struct config_key *key; /* its row; NULL: unknown (and told) */
    bool skipped;                 /* told to be wrong, and blanked: the rest of the file is still looked at */
    size_t from, until;           /* where its text begins, and the next item's */
    bool has_title;
    struct span title; /* as written, inside its quotes */
    struct config_place title_place;
    struct guard_value *values, *last_value;
    struct guard_item *first, *last; /* a section's items */
    struct guard_item *parent, *next;
};

/* Tells one problem. `item`: the section it is in (never NULL). `right` may be NULL. */
typedef void guard_tell_fn(void *owner, const struct guard_item *in, struct config_place place,
                           const char *right, const char *format, ...) __attribute__((format(printf, 5, 6)));

struct guard {
    struct guard_item root;
    char *blanked; /* NUL-terminated, in the arena */
};

/* Tells all problems. False when the structure is broken; then `blanked` is not for parsing. */
bool guard_read(struct guard *g, struct span text, const struct config_key *root, struct arena *a,
                guard_tell_fn *tell, void *owner);
/* The row with this name, or NULL; the nearest one when it is misspelt, or NULL. */
const struct config_key *guard_find_key(const struct config_key *keys, struct span name);
const struct config_key *guard_nearest_key(const struct config_key *keys, struct span name);

#endif
