#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab/capture.h"

static struct capture_log record_log;

static void begin(void)
{
    record_log.length = 0;
    record_log.full = false;
}

static void assert_next(struct reader *r, uint8_t number, int64_t unix_ns, const char *frame)
{
    struct capture_record record;
    assert_true(capture_log_next(r, &record));
    assert_int_equal(record.number, number);
    assert_int_equal(record.unix_ns, unix_ns);
    assert_true(span_equal(record.frame, span_text(frame)));
}

static void frames_stay_in_the_order_they_came_in_and_no_time_runs_back(void **state)
{
    struct capture c = { .log = &record_log };
    struct reader r;
    struct capture_record none;
    (void)state;
    begin();
    capture_take(&c, span_text("query, stamped when it was read"), 500, false);
    capture_take(&c, span_text("response, stamped when it was sent"), 300, true);
    capture_take(&c, span_text("another query"), 700, false);
    r = capture_log_reader(&record_log);
    assert_next(&r, 0, 500, "query, stamped when it was read");
    assert_next(&r, 0, 500, "response, stamped when it was sent");
    assert_next(&r, 0, 700, "another query");
    assert_false(capture_log_next(&r, &none));
}

static void each_capture_has_a_time_of_its_own(void **state)
{
    struct capture first = { .log = &record_log, .number = 0 };
    struct capture second = { .log = &record_log, .number = 1 };
    struct reader r;
    (void)state;
    begin();
    capture_take(&first, span_text("a"), 500, false);
    capture_take(&second, span_text("b"), 300, false);
    r = capture_log_reader(&record_log);
    assert_next(&r, 0, 500, "a");
    assert_next(&r, 1, 300, "b");
}

static void what_does_not_fit_is_said_and_what_did_fit_stays(void **state)
{
    static uint8_t large[CAPTURE_LOG_BYTES];
    struct capture c = { .log = &record_log };
    struct capture_record none;
    (void)state;
    begin();
    capture_take(&c, span_text("a"), 1, false);
    capture_take(&c, span_of(large, sizeof large), 2, false);
    assert_true(record_log.full);
    struct reader r = capture_log_reader(&record_log);
    assert_next(&r, 0, 1, "a");
    assert_false(capture_log_next(&r, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_stay_in_the_order_they_came_in_and_no_time_runs_back),
        cmocka_unit_test(each_capture_has_a_time_of_its_own),
        cmocka_unit_test(what_does_not_fit_is_said_and_what_did_fit_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
