#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/dnsd.h"

#define DAY_MS  (24 * 3600 * 1000ULL)
#define HOUR_MS (3600 * 1000ULL)

static struct loop loop;
static struct home home;
static struct service service;

static int set_up(void **state)
{
    (void)state;
    home = (struct home){ .loop = &loop };
    memset(&service, 0, sizeof service);
    service.home = &home;
    if (loop_open(&loop) != 0)
        return -1;
    clock_freeze(&loop.clock);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_disarm(&loop, &service.secret_due);
    loop_close(&loop);
    return 0;
}

static struct dnsd_settings settings_with(bool cookies, size_t secrets)
{
    struct dnsd_settings d = { .cookies = cookies, .edns.cookies.count = secrets };
    memset(d.edns.cookies.secrets[0], 7, COOKIE_SECRET_BYTES);
    return d;
}

static void a_secret_lives_a_day_and_is_known_for_another(void **state)
{
    uint8_t first[COOKIE_SECRET_BYTES];
    struct dnsd_settings d = settings_with(true, 0);
    struct cookie_secrets *c = &service.edns.cookies;
    (void)state;
    dnsd_identify(&service, &d);
    assert_int_equal(c->count, 1);
    memcpy(first, c->secrets[0], sizeof first);
    for (int hour = 1; hour < 24; hour++) { /* reloads change nothing, and do not keep it alive */
        loop_advance(&loop, HOUR_MS);
        dnsd_identify(&service, &d);
        assert_int_equal(c->count, 1);
        assert_memory_equal(c->secrets[0], first, sizeof first);
    }
    loop_advance(&loop, HOUR_MS);
    assert_int_equal(c->count, 2);
    assert_memory_equal(c->secrets[1], first, sizeof first);
    assert_memory_not_equal(c->secrets[0], first, sizeof first);
    loop_advance(&loop, DAY_MS);
    assert_int_equal(c->count, 2);
    assert_memory_not_equal(c->secrets[1], first, sizeof first);
}

static void one_of_the_settings_stays(void **state)
{
    struct dnsd_settings made = settings_with(true, 0), given = settings_with(true, 1);
    struct cookie_secrets *c = &service.edns.cookies;
    (void)state;
    dnsd_identify(&service, &made);
    dnsd_identify(&service, &given);
    loop_advance(&loop, 3 * DAY_MS);
    assert_int_equal(c->count, 1);
    assert_memory_equal(c->secrets[0], given.edns.cookies.secrets[0], COOKIE_SECRET_BYTES);
    dnsd_identify(&service, &made); /* and is not gone on with where it is no more */
    assert_int_equal(c->count, 1);
    assert_memory_not_equal(c->secrets[0], given.edns.cookies.secrets[0], COOKIE_SECRET_BYTES);
}

static void none_where_there_are_no_cookies(void **state)
{
    struct dnsd_settings on = settings_with(true, 0), off = settings_with(false, 1);
    (void)state;
    dnsd_identify(&service, &on);
    dnsd_identify(&service, &off);
    assert_int_equal(service.edns.cookies.count, 0);
    loop_advance(&loop, 3 * DAY_MS);
    assert_int_equal(service.edns.cookies.count, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_secret_lives_a_day_and_is_known_for_another),
        TEST(one_of_the_settings_stays),
        TEST(none_where_there_are_no_cookies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
