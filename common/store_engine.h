/* What a store's engine must do; store.c calls it under one lock, so it needs none of its own. */
#ifndef WIRELAB_STORE_ENGINE_H
#define WIRELAB_STORE_ENGINE_H

#include "store.h"

struct engine;

struct engine *engine_open(const char *directory, struct problem *p);
bool engine_use(struct engine *e, const struct store_table *t, struct problem *p);
bool engine_load(struct engine *e, const struct store_table *t, store_row_fn *fn, void *owner,
                 struct problem *p);
/* One transaction: begin, any number of changes, then commit; after a failure, undo. */
bool engine_begin(struct engine *e);
bool engine_apply(struct engine *e, const struct store_change *c);
/* Back only when it is on disk. */
bool engine_commit(struct engine *e);
void engine_undo(struct engine *e);
/* Why the last call failed; valid until the next one. */
const char *engine_error(struct engine *e);
void engine_close(struct engine *e);

#endif
