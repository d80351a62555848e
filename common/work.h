/* What may block (files) is done on a thread of libuv's pool and told on the loop. */
#ifndef WIRELAB_WORK_H
#define WIRELAB_WORK_H

#include "loop.h"

/* Embedded in its owner, which outlives it until `done`; set to zero it is idle. */
struct work {
    uv_work_t request;
    struct loop *loop;           /* while it is under way */
    void (*run)(struct work *w); /* on a thread: touches nothing that the loop may touch meanwhile */
    void (*done)(
        struct work *w); /* on the loop, once, never from inside work_start(); also while the loop closes */
};

/* Runs w->run, then w->done. Works that were started run in any order and at the same time. */
void work_start(struct loop *l, struct work *w);
/* Whether any is not done: what it touches on its thread must live on, and loop_close() would wait for it. */
static inline bool work_under_way(const struct loop *l)
{
    return l->works > 0;
}

#endif
