/* dnsd/serial.c: the next serial is always a newer one (RFC 1982 3.2), and what the policy says where it can
 * be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/serial.h"
#include "wire/dns.h"

#define DAY_MS ((int64_t)1795910399999) /* 2026-11-28 23:59:59.999 UTC */

static void one_more(void **state)
{
    (void)state;
    assert_int_equal(serial_next(SERIAL_INCREMENT, 1, DAY_MS), 2);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 0, DAY_MS), 1);
    assert_int_equal(serial_next(SERIAL_INCREMENT, UINT32_MAX, DAY_MS), 1);
    assert_int_equal(serial_next(SERIAL_INCREMENT, 0x7FFFFFFF, DAY_MS), 0x80000000);
}

static void the_day_and_its_versions(void **state)
{
    (void)state;
    assert_int_equal(serial_next(SERIAL_DATE, 7, DAY_MS), 2026112800);
    assert_int_equal(serial_next(SERIAL_DATE, 2026112700, DAY_MS), 2026112800);
    assert_int_equal(serial_next(SERIAL_DATE, 2026112800, DAY_MS), 2026112801);
    assert_int_equal(serial_next(SERIAL_DATE, 2026112899, DAY_MS), 2026112900); /* the hundredth version */
    assert_int_equal(serial_next(SERIAL_DATE, 2026112900, DAY_MS), 2026112901);
    assert_int_equal(serial_next(SERIAL_DATE, 2026112901, DAY_MS + 1),
                     2026112902); /* the next day has begun */
}

static void the_seconds(void **state)
{
    (void)state;
    assert_int_equal(serial_next(SERIAL_UNIXTIME, 1, DAY_MS), 1795910399);
    assert_int_equal(serial_next(SERIAL_UNIXTIME, 1795910399, DAY_MS), 1795910400);
    assert_int_equal(serial_next(SERIAL_UNIXTIME, 2026112800, DAY_MS),
                     2026112801); /* a date before: it would go back */
}

/* Whatever the clock and the serial are. */
static void never_backwards(void **state)
{
    (void)state;
    static const enum serial_policy policies[] = { SERIAL_INCREMENT, SERIAL_DATE, SERIAL_UNIXTIME };
    static const int64_t times_ms[] = {
        0, 1, 999, DAY_MS, (int64_t)UINT32_MAX * 1000, (int64_t)UINT32_MAX * 1000 + 5000
    };
    for (size_t p = 0; p < 3; p++)
        for (size_t t = 0; t < sizeof times_ms / sizeof *times_ms; t++)
            for (uint64_t serial = 0; serial <= UINT32_MAX; serial += 16777259) {
                uint32_t next = serial_next(policies[p], (uint32_t)serial, times_ms[t]);
                assert_true(dns_serial_newer(next, (uint32_t)serial));
                assert_int_not_equal(next, 0);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_more),
        cmocka_unit_test(the_day_and_its_versions),
        cmocka_unit_test(the_seconds),
        cmocka_unit_test(never_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
