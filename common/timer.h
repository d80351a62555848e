/* Deadlines, pure: a heap of absolute times. Ties fire in the order in which they were armed. The loop drives
 * one heap; a simulation or a test turns one by hand. */
#ifndef WIRELAB_TIMER_H
#define WIRELAB_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One reading of the clock for one turn of the loop: deadlines count on mono_ms, which never jumps; what is
 * stored or shown uses unix_ms. */
struct now {
    uint64_t mono_ms;
    int64_t unix_ms;
};

struct timer;
typedef void timer_fn(struct timer *t, struct now now);

/* Embedded in its owner. Set to zero it is idle; `fire` is set by the owner before it is armed. */
struct timer {
    uint64_t due_ms;
    uint64_t armed_seq;
    size_t heap_slot; /* 1-based; 0: idle */
    timer_fn *fire;
};

struct timers {
    struct timer **heap; /* heap[1 .. count] */
    size_t count, room;
    uint64_t next_seq;
};

#define TIMER_NEVER UINT64_MAX

void timers_open(struct timers *h);
/* Forgets all timers (without firing them) and gives the memory back. */
void timers_close(struct timers *h);
/* Arms or re-arms. False only when there is no memory; then the timer is idle. */
bool timer_arm(struct timers *h, struct timer *t, uint64_t due_ms);
/* Harmless when idle. */
void timer_stop(struct timers *h, struct timer *t);
static inline bool timer_armed(const struct timer *t)
{
    return t->heap_slot != 0;
}
/* When the next one is due; TIMER_NEVER when none is armed. */
uint64_t timers_next_due(const struct timers *h);
/* Fires what is due at now.mono_ms, at most `max`; returns how many. A timer is idle before it fires. */
size_t timers_run(struct timers *h, struct now now, size_t max);

#endif
