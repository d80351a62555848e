/* The event loop: one libuv loop, one heap of deadlines, one queue of things to do at the end of the turn.
 * A server's server.c and the files of common/ that say so are the only ones that know it. */
#ifndef WIRELAB_LOOP_H
#define WIRELAB_LOOP_H

#include "clock.h"
#include "list.h"
#include "wire/wire.h"

#include <uv.h>

/* What cannot be done from inside the present call: "asked for once, done later, told once". Embedded in its
 * owner; set to zero it is idle. */
struct deferred {
    struct list_node node;
    void (*run)(struct deferred *d);
};

struct loop {
    uv_loop_t uv;
    uv_timer_t alarm; /* under the whole heap */
    uv_signal_t signals[3];
    struct clock clock;
    struct timers timers;
    struct list deferred;
    void (*on_signal)(void *owner, int signal);
    void *signal_owner;
    uint64_t alarm_due_ms;
    size_t works; /* under way on threads: work.h */
    bool stopping;
    uint8_t *scratch;     /* LOOP_SCRATCH_BYTES for whoever reads a socket, until it returns */
    uint8_t *out_scratch; /* the same for the stream whose callback runs */
    bool out_scratch_used;
    void *spare; /* a block of stream_queue.c that is given and taken with each callback; from malloc */
};

#define LOOP_SCRATCH_BYTES (64 * 1024)
#define LOOP_TIMERS_A_TURN 256 /* so that a flood of deadlines cannot hold up sockets */

/* 0, or a negative libuv error. */
int loop_open(struct loop *l);
/* Runs turns until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* One turn: due timers, deferred things, then what the sockets have. Waits only when `wait`. For tests. */
void loop_turn(struct loop *l, bool wait);
/* Runs on until the handles that were asked to close are closed, then gives all back. */
void loop_close(struct loop *l);

static inline struct now loop_now(const struct loop *l)
{
    return clock_now(&l->clock);
}
/* due_ms on now.mono_ms; see timer.h. */
void loop_arm(struct loop *l, struct timer *t, uint64_t due_ms);
void loop_disarm(struct loop *l, struct timer *t);
/* Runs d->run once, before the next wait. Harmless when it is waiting already. */
void loop_defer(struct loop *l, struct deferred *d);
/* Hears of SIGINT, SIGTERM and SIGHUP. */
int loop_watch_signals(struct loop *l, void (*on_signal)(void *owner, int signal), void *owner);
/* At the head of a poll's callback: libuv stops a poll at an error (status < 0), after which the kernel may
 * have more to read. That read takes the error. */
static inline void loop_poll_again(uv_poll_t *p, int status, uv_poll_cb callback)
{
    if (status < 0)
        uv_poll_start(p, UV_READABLE, callback);
}
/* Turns a frozen clock forward, firing each deadline at its own time, in order. */
void loop_advance(struct loop *l, uint64_t ms);

#endif
