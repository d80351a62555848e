#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HANG_S 10 /* SIGALRM ends a test that waits without end */

struct beat {
    struct timer timer; /* first */
    struct loop *loop;
    uint64_t every_ms;
    char name;
};

static char order[128];

static void note(char c)
{
    size_t n = strlen(order);
    order[n] = c;
    order[n + 1] = 0;
}

static void beats(struct timer *t, struct now now)
{
    struct beat *b = (struct beat *)t;
    assert_int_equal(now.mono_ms, t->due_ms); /* a frozen clock stands at just that moment */
    note(b->name);
    if (b->every_ms)
        loop_arm(b->loop, t, now.mono_ms + b->every_ms);
}

static void turning_the_clock_fires_each_deadline_at_its_own_time(void **state)
{
    struct loop l;
    (void)state;
    order[0] = 0;
    assert_int_equal(loop_open(&l), 0);
    clock_freeze(&l.clock);
    uint64_t start_ms = loop_now(&l).mono_ms;
    int64_t start_unix_ms = loop_now(&l).unix_ms;
    struct beat fast = { .timer = { .fire = beats }, .loop = &l, .every_ms = 100, .name = 'f' };
    struct beat slow = { .timer = { .fire = beats }, .loop = &l, .every_ms = 250, .name = 's' };
    struct beat once = { .timer = { .fire = beats }, .loop = &l, .name = 'o' };
    loop_arm(&l, &fast.timer, start_ms + 100);
    loop_arm(&l, &slow.timer, start_ms + 250);
    loop_arm(&l, &once.timer, start_ms + 200); /* before fast arms itself again for the same moment */
    loop_advance(&l, 500);
    /* at 100 f; 200 o (armed before f armed itself anew), f; 250 s; 300 f; 400 f; 500 s (armed at 250), f */
    assert_string_equal(order, "fofsffsf");
    assert_int_equal(loop_now(&l).mono_ms, start_ms + 500);
    assert_int_equal(loop_now(&l).unix_ms, start_unix_ms + 500);
    loop_disarm(&l, &fast.timer);
    loop_disarm(&l, &slow.timer);
    loop_close(&l);
}

struct thing {
    struct deferred later; /* its node is first */
    struct loop *loop;
    int runs;
    bool again;
};

static void run_thing(struct deferred *d)
{
    struct thing *t = (struct thing *)d;
    t->runs++;
    if (t->again) {
        t->again = false;
        loop_defer(t->loop, d);
    }
}

static void what_is_deferred_runs_once_and_never_inside_the_call(void **state)
{
    struct loop l;
    (void)state;
    assert_int_equal(loop_open(&l), 0);
    struct thing t = { .later = { .run = run_thing }, .loop = &l, .again = true };
    loop_defer(&l, &t.later);
    loop_defer(&l, &t.later);
    assert_int_equal(t.runs, 0);
    loop_turn(&l, true); /* does not wait: something was waiting to be done */
    loop_turn(&l, false);
    assert_int_equal(t.runs, 2);
    loop_turn(&l, false);
    assert_int_equal(t.runs, 2);
    loop_close(&l);
}

struct late {
    struct deferred later; /* its node is first */
    struct timer timer;
    struct loop *loop;
    bool fired;
};

static void fires_late(struct timer *t, struct now now)
{
    struct late *late = list_item(t, struct late, timer);
    (void)now;
    late->fired = true;
    loop_stop(late->loop);
}

static void arm_for_now(struct deferred *d)
{
    struct late *late = (struct late *)d;
    loop_arm(late->loop, &late->timer, loop_now(late->loop).mono_ms);
}

static void on_no_signal(void *owner, int number)
{
    (void)owner;
    fail_msg("signal %d", number);
}

/* What is deferred comes after the deadlines of a turn and before its wait: as if time had gone on there. */
static void a_deadline_that_is_due_before_the_wait_begins_ends_it(void **state)
{
    struct loop l;
    (void)state;
    assert_int_equal(loop_open(&l), 0);
    assert_int_equal(loop_watch_signals(&l, on_no_signal, NULL), 0); /* something to wait for */
    struct late late = { .later = { .run = arm_for_now }, .timer = { .fire = fires_late }, .loop = &l };
    loop_defer(&l, &late.later);
    alarm(HANG_S);
    loop_run(&l);
    alarm(0);
    assert_true(late.fired);
    loop_close(&l);
}

static void stop_on_signal(void *owner, int number)
{
    assert_int_equal(number, SIGTERM);
    loop_stop(owner);
}

static void a_signal_ends_the_run(void **state)
{
    struct loop l;
    (void)state;
    assert_int_equal(loop_open(&l), 0);
    assert_int_equal(loop_watch_signals(&l, stop_on_signal, &l), 0);
    raise(SIGTERM);
    loop_run(&l);
    loop_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turning_the_clock_fires_each_deadline_at_its_own_time),
        cmocka_unit_test(what_is_deferred_runs_once_and_never_inside_the_call),
        cmocka_unit_test(a_deadline_that_is_due_before_the_wait_begins_ends_it),
        cmocka_unit_test(a_signal_ends_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
