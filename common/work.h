/* What may block (files) is done on a thread of libuv's pool and told on the loop. */
#ifndef WIRELAB_WORK_H
#define WIRELAB_WORK_H

#include "loop.h"

/* Embedded in its owner, which outlives it until `done`; set to zero it is idle. */
struct work {
    uv_work_t request;
    void (*run)(struct work *w); /* on a thread: touches nothing that the loop may touch meanwhile */
    void (*done)(
        struct work *w); /* on the loop, once, never from inside work_start(); also while the loop closes */
};

/* Runs w->run, then w->done. Works that were started run in any order and at the same time. */
void work_start(struct loop *l, struct work *w);

#endif
