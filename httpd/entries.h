/* What was posted to the forms: kept in the store, shown from memory. */
#ifndef WIRELAB_HTTPD_ENTRIES_H
#define WIRELAB_HTTPD_ENTRIES_H

#include "httpd.h"
#include "list.h"

#define ENTRIES_KEPT_MAX    1000         /* of one form; when one more comes, the oldest goes */
#define ENTRY_BYTES_MAX     (16 * 1024)  /* of one entry's fields: longer than any comment that is read */
#define ENTRIES_SHOWN_MAX   100          /* in one page: the newest */
#define ENTRIES_SHOWN_BYTES (256 * 1024) /* of their fields together, so that a page has a bound */

struct entry {
    struct list_node node;
    int64_t id, unix_ms;
    char *site, *form;  /* host and path of the form */
    struct span fields; /* urlencoded */
    void (*done)(void *owner, const struct entry *e, const char *why);
    void *owner;
    struct entries *entries;
    struct entry *replaces; /* the oldest, which goes when this one is kept */
};

struct entries {
    struct store *store;
    struct list kept; /* in the order of their ids */
    int64_t next_id;
    size_t waiting;
};

/* Loads all that is there. */
bool entries_open(struct entries *all, struct store *store, struct problem *p);
/* Ends; entries that wait for their commit must have been told. */
void entries_close(struct entries *all);
/* The number for a new entry: one that no other has, and at least `least`. */
int64_t entries_new_id(struct entries *all, int64_t least);
/* Commits an entry under a new number. done(e, NULL) when it is on disk and kept; done(NULL, why) when it
 * could not be, and then nothing is kept. False (and done is not called) only when there is no memory. */
bool entries_add(struct entries *all, const struct http_site *site, const struct http_form *form, int64_t id,
                 struct span fields, struct now now,
                 void (*done)(void *owner, const struct entry *e, const char *why), void *owner);
/* The first entry of this form that a page shows, or NULL; then the next one. */
const struct entry *entries_first_shown(const struct entries *all, const struct http_site *site,
                                        const struct http_form *form);
const struct entry *entries_next(const struct entries *all, const struct entry *after);

#endif
