/* Whoever reads the log, or does not: the program goes on, and what is missing is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STUCK_S 30 /* a write that waits ends the test */

struct world {
    struct events events;
    struct log log;
    int pipe[2];
    char text[1 << 20];
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    if (!w || pipe2(w->pipe, O_CLOEXEC) != 0)
        return -1;
    events_open(&w->events);
    log_open(&w->log, &w->events, EVENT_INFO, LOG_LOGFMT, w->pipe[1]);
    alarm(STUCK_S);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    alarm(0);
    close(w->pipe[0]);
    close(w->pipe[1]);
    free(w);
    return 0;
}

static void note(struct world *w, const char *text)
{
    event_note(&w->events, EVENT_STOPPING, (struct now){ .unix_ms = 1700000000000 }, "why", text);
}

/* How many lines there are in the pipe by now, which is empty then; the last one stands in w->text. */
static size_t read_lines(struct world *w)
{
    size_t count = 0;
    fcntl(w->pipe[0], F_SETFL, O_NONBLOCK);
    ssize_t n = read(w->pipe[0], w->text, sizeof w->text - 1);
    fcntl(w->pipe[0], F_SETFL, 0);
    w->text[n > 0 ? n : 0] = 0;
    for (ssize_t i = 0; i < n; i++)
        count += w->text[i] == '\n';
    return count;
}

static void a_line_an_event(void **state)
{
    struct world *w = *state;
    note(w, "one");
    note(w, "two words");
    assert_int_equal(read_lines(w), 2);
    assert_string_equal(w->text,
                        "time=2023-11-14T22:13:20.000Z level=info event=stopping why=one\n"
                        "time=2023-11-14T22:13:20.000Z level=info event=stopping why=\"two words\"\n");
    log_close(&w->log, &w->events);
    assert_int_equal(read_lines(w), 0);
}

static void nobody_reads_for_a_while(void **state)
{
    struct world *w = *state;
    char expected[300], all[3000];
    memset(all, 'x', sizeof all);
    all[sizeof all - 1] = 0;
    for (int i = 0; i < 1500; i++)
        note(w, "unread");
    for (int i = 0; i < 500; i++)
        note(w, i % 2 ? all : "unread");
    size_t read = read_lines(w);
    assert_in_range(read, 100, 1999);
    note(w, "read again");
    assert_int_equal(read_lines(w), 2);
    snprintf(expected, sizeof expected,
             "time=2023-11-14T22:13:20.000Z level=warning event=log.lost lines=%zu\n"
             "time=2023-11-14T22:13:20.000Z level=info event=stopping why=\"read again\"\n",
             2000 - read);
    assert_string_equal(w->text, expected);
    note(w, "and again");
    assert_int_equal(read_lines(w), 1);
}

static void what_was_lost_is_said_at_the_end(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 2000; i++)
        note(w, "unread");
    size_t read = read_lines(w);
    log_close(&w->log, &w->events);
    assert_int_equal(read_lines(w), 1);
    assert_non_null(strstr(w->text, "event=log.lost lines="));
    assert_int_equal(strtoul(strstr(w->text, "lines=") + 6, NULL, 10), 2000 - read);
}

static void nobody_ever_reads(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 10000; i++)
        note(w, "unread");
    log_close(&w->log, &w->events);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_line_an_event),
        TEST(nobody_reads_for_a_while),
        TEST(what_was_lost_is_said_at_the_end),
        TEST(nobody_ever_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
