/* What is known of those who follow: one entry for who is told and fetches, and never more of them than there
 * is room for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/followers.h"

static struct followers all;

static struct endpoint at(const char *text)
{
    struct endpoint e;
    assert_true(endpoint_parse(span_text(text), &e));
    return e;
}

static uint64_t zone(const char *view, const char *text)
{
    struct dns_name name = name_of(text);
    return followers_key(TEST_SEED, view, &name);
}

static size_t count(uint64_t key)
{
    size_t n = 0;
    for (const struct follower_state *s = NULL; (s = followers_next(&all, key, s));)
        n++;
    return n;
}

static void test_told_and_fetched(void **state)
{
    (void)state;
    struct endpoint a = at("192.0.2.1:53"), other = at("192.0.2.9:9");
    uint64_t key = zone("", "a.test.");
    assert_int_equal(key, zone("", "A.Test."));
    assert_int_not_equal(key, zone("in", "a.test."));
    followers_told(&all, key, &a, 5, "no answer", 1000);
    const struct follower_state *s = followers_next(&all, key, NULL);
    assert_false(s->answered);
    assert_string_equal(s->why_not, "no answer");
    followers_told(&all, key, &a, 6, NULL, 2000);
    followers_fetched(&all, key, &a.address, 6, true, false, 2001);
    assert_int_equal(count(key), 1);
    assert_true(s->answered);
    assert_string_equal(s->why_not, "");
    assert_int_equal(s->told_serial, 6);
    assert_int_equal(s->fetched_serial, 6);
    assert_int_equal(s->fetched_ms, 2001);
    followers_fetched(&all, key, &other.address, 6, false, true, 2002); /* nobody tells it */
    assert_int_equal(count(key), 2);
    assert_int_equal(count(zone("in", "a.test.")), 0);
}

/* Two at one address cannot be told apart by whom a transfer comes from. */
static void test_two_at_one_address(void **state)
{
    (void)state;
    struct endpoint a = at("192.0.2.1:53"), b = at("192.0.2.1:54");
    uint64_t key = zone("", "a.test.");
    followers_told(&all, key, &a, 5, NULL, 1);
    followers_told(&all, key, &b, 5, NULL, 1);
    followers_fetched(&all, key, &a.address, 5, true, false, 2);
    assert_int_equal(count(key), 3);
    for (const struct follower_state *s = NULL; (s = followers_next(&all, key, s));)
        assert_int_equal(s->fetched_ms != 0, s->at.port == 0);
}

static void test_the_oldest_goes(void **state)
{
    (void)state;
    struct endpoint e = at("192.0.2.1:53");
    for (uint64_t key = 1; key <= FOLLOWERS_MAX; key++)
        followers_told(&all, key, &e, 1, NULL, 1);
    followers_told(&all, 1, &e, 2, NULL, 2); /* heard of again */
    followers_told(&all, FOLLOWERS_MAX + 1, &e, 1, NULL, 3);
    assert_int_equal(all.count, FOLLOWERS_MAX);
    assert_int_equal(count(1), 1);
    assert_int_equal(count(2), 0);
    assert_int_equal(count(3), 1);
}

static int open_all(void **state)
{
    (void)state;
    followers_open(&all);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    followers_close(&all);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_told_and_fetched, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_two_at_one_address, open_all, close_all),
        cmocka_unit_test_setup_teardown(test_the_oldest_goes, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
