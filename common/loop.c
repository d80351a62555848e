#include "loop.h"

#include <signal.h>
#include <stdlib.h>

/* It only ends the wait; the turn runs the heap. libuv looks at its timers before it waits, too: an alarm
 * that is due by then rings there, and with no alarm left the wait would have no end. */
static void alarm_rang(uv_timer_t *t)
{
    uv_stop(t->loop);
}

/* libuv's loop is told how long to wait at most by one timer of its own, under our whole heap. */
static void set_alarm(struct loop *l)
{
    uint64_t due = l->clock.frozen ? TIMER_NEVER : timers_next_due(&l->timers);
    if (due == l->alarm_due_ms && uv_is_active((uv_handle_t *)&l->alarm))
        return;
    l->alarm_due_ms = due;
    if (due == TIMER_NEVER) {
        uv_timer_stop(&l->alarm);
        return;
    }
    uint64_t now_ms = loop_now(l).mono_ms;
    uv_update_time(&l->uv);
    uv_timer_start(&l->alarm, alarm_rang, due > now_ms ? due - now_ms : 0, 0);
}

int loop_open(struct loop *l)
{
    *l = (struct loop){ 0 };
    l->scratch = malloc(2 * LOOP_SCRATCH_BYTES);
    if (!l->scratch)
        return UV_ENOMEM;
    l->out_scratch = l->scratch + LOOP_SCRATCH_BYTES;
    int error = uv_loop_init(&l->uv);
    if (error) {
        free(l->scratch);
        return error;
    }
    uv_timer_init(&l->uv, &l->alarm);
    clock_open(&l->clock);
    timers_open(&l->timers);
    list_open(&l->deferred);
    l->alarm_due_ms = TIMER_NEVER;
    return 0;
}

/* Only what waits now: what these defer comes after the next look at the sockets. */
static void run_deferred(struct loop *l)
{
    struct list now;
    struct list_node *n;
    list_open(&now);
    while ((n = list_take(&l->deferred)))
        list_append(&now, n);
    while ((n = list_take(&now))) {
        struct deferred *d = list_item(n, struct deferred, node);
        d->run(d);
    }
}

void loop_turn(struct loop *l, bool wait)
{
    timers_run(&l->timers, loop_now(l), LOOP_TIMERS_A_TURN);
    run_deferred(l);
    set_alarm(l);
    bool idle = list_empty(&l->deferred) && !l->stopping;
    uv_run(&l->uv, wait && idle ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    run_deferred(l);
}

void loop_run(struct loop *l)
{
    while (!l->stopping)
        loop_turn(l, true);
    l->stopping = false;
}

void loop_stop(struct loop *l)
{
    l->stopping = true;
}

static bool only_ours_left(struct loop *l)
{
    return !uv_loop_alive(&l->uv) && list_empty(&l->deferred);
}

void loop_close(struct loop *l)
{
    for (size_t i = 0; i < sizeof l->signals / sizeof l->signals[0]; i++)
        if (l->signals[i].loop)
            uv_close((uv_handle_t *)&l->signals[i], NULL);
    uv_timer_stop(&l->alarm);
    uv_close((uv_handle_t *)&l->alarm, NULL);
    while (!only_ours_left(l)) {
        run_deferred(l);
        uv_run(&l->uv, list_empty(&l->deferred) ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    }
    uv_loop_close(&l->uv);
    timers_close(&l->timers);
    free(l->scratch);
    free(l->spare);
}

void loop_arm(struct loop *l, struct timer *t, uint64_t due_ms)
{
    if (!timer_arm(&l->timers, t, due_ms))
        abort(); /* a few bytes for a heap slot: without them no deadline in the process is kept */
}

void loop_disarm(struct loop *l, struct timer *t)
{
    timer_stop(&l->timers, t);
}

void loop_defer(struct loop *l, struct deferred *d)
{
    if (!list_linked(&d->node))
        list_append(&l->deferred, &d->node);
}

static void signal_came(uv_signal_t *s, int number)
{
    struct loop *l = s->data;
    l->on_signal(l->signal_owner, number);
}

int loop_watch_signals(struct loop *l, void (*on_signal)(void *owner, int signal), void *owner)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    l->on_signal = on_signal;
    l->signal_owner = owner;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uv_signal_t *s = &l->signals[i];
        int error = uv_signal_init(&l->uv, s);
        s->data = l;
        if (!error)
            error = uv_signal_start(s, signal_came, numbers[i]);
        if (error)
            return error;
    }
    return 0;
}

void loop_advance(struct loop *l, uint64_t ms)
{
    uint64_t end = l->clock.at.mono_ms + ms;
    for (uint64_t due; (due = timers_next_due(&l->timers)) <= end;) {
        if (due > l->clock.at.mono_ms)
            clock_advance(&l->clock, due - l->clock.at.mono_ms);
        timers_run(&l->timers, loop_now(l), 1);
        run_deferred(l);
    }
    clock_advance(&l->clock, end - l->clock.at.mono_ms);
}
