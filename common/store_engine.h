/* What a store's engine must do; store.c calls it under one lock, so it needs none of its own. */
#ifndef WIRELAB_STORE_ENGINE_H
#define WIRELAB_STORE_ENGINE_H

#include "store.h"

struct engine {
    const struct engine_type *type;
};

/* A row that another program changed. */
typedef void engine_row_fn(void *owner, const struct store_table *t, const struct store_value *values);

struct engine_type {
    bool (*use)(struct engine *e, const struct store_table *t, struct problem *p);
    bool (*load)(struct engine *e, const struct store_table *t, store_row_fn *fn, void *owner,
                 struct problem *p);
    /* One transaction: begin, any number of changes, then commit; after a failure, undo. */
    bool (*begin)(struct engine *e);
    bool (*apply)(struct engine *e, const struct store_change *c);
    /* Back only when it is on disk. */
    bool (*commit)(struct engine *e);
    void (*undo)(struct engine *e);
    /* Why the last call failed; valid until the next one. */
    const char *(*error)(struct engine *e);
    void (*close)(struct engine *e);
    /* Tells the rows that others changed; the descriptor that is readable when there may be more, -1 when
     * they cannot be heard and it is to be asked again after a while. NULL: nobody else changes anything. */
    int (*look)(struct engine *e, engine_row_fn *fn, void *owner);
    bool sorted; /* the changes of a transaction come in the order of their keys */
};

/* NULL, and *p says why. */
struct engine *sqlite_open(const char *directory, struct problem *p);
struct engine *postgresql_open(const char *url, struct problem *p);

#endif
