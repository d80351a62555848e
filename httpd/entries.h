/* What was posted to the forms: kept in the store, shown from memory. */
#ifndef WIRELAB_HTTPD_ENTRIES_H
#define WIRELAB_HTTPD_ENTRIES_H

#include "httpd.h"
#include "list.h"

#define ENTRIES_KEPT_MAX 1000 /* of one form; when one more comes, the oldest goes */

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
bool entries_open(struct entries *e, struct store *store, struct problem *p);
/* Ends; entries that wait for their commit must have been told. */
void entries_close(struct entries *e);
/* Commits an entry. done(e, NULL) when it is on disk and kept; done(NULL, why) when it could not be, and then
 * nothing is kept. False (and done is not called) only when there is no memory. */
bool entries_add(struct entries *e, const struct http_site *site, const struct http_form *form,
                 struct span fields, struct now now,
                 void (*done)(void *owner, const struct entry *e, const char *why), void *owner);
/* The first entry of this form after `after` (NULL: the first of all), or NULL. */
const struct entry *entries_next(const struct entries *all, const struct http_site *site,
                                 const struct http_form *form, const struct entry *after);

#endif
