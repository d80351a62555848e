/* When a copy of a zone is looked after (RFC 1035 3.3.13). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/copy_times.h"

static struct copy_times times(uint32_t refresh_s, uint32_t retry_s, uint32_t expire_s)
{
    uint8_t soa[2 + 5 * 4];
    struct writer w = writer_over(soa, sizeof soa);
    write_u16(&w, 0); /* two roots */
    write_u32(&w, 1);
    write_u32(&w, refresh_s);
    write_u32(&w, retry_s);
    write_u32(&w, expire_s);
    write_u32(&w, 60);
    return copy_times_of_soa(writer_span(&w));
}

static void as_the_soa_says_within_bounds(void **state)
{
    (void)state;
    struct copy_times t = times(3600, 600, 86400);
    assert_int_equal(t.refresh_s, 3600);
    assert_int_equal(t.retry_s, 600);
    assert_int_equal(t.expire_s, 86400);
    t = times(0, 0, 0);
    assert_true(t.refresh_s > 0 && t.retry_s > 0);
    assert_true(t.expire_s >= t.refresh_s); /* RFC 1912 2.2: or no check would ever come in time */
    t = times(UINT32_MAX, UINT32_MAX, UINT32_MAX);
    assert_true(t.expire_s >= t.refresh_s && t.expire_s < UINT32_MAX);
}

static void what_is_left_of_a_copy(void **state)
{
    (void)state;
    struct copy_times t = times(60, 60, 100);
    assert_int_equal(copy_times_left_ms(&t, 1000000, 1000000), 100000);
    assert_int_equal(copy_times_left_ms(&t, 1000000, 1060000), 40000);
    assert_int_equal(copy_times_left_ms(&t, 1000000, 9000000), 0);
    assert_int_equal(copy_times_left_ms(&t, 1000000, 900000), 100000); /* the clock was set back */
    assert_int_equal(copy_times_left_ms(&t, 0, 9000000), 100000);      /* nobody knows since when */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_the_soa_says_within_bounds),
        cmocka_unit_test(what_is_left_of_a_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
