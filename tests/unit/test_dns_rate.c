#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/limit.h"
#include "dnsd/load.h"
#include "dnsd/rate.h"
#include "event.h"

#include <stdlib.h>

static struct rate rate;
static struct rate_settings settings;
static uint64_t at_ms;

static int set_up(void **state)
{
    (void)state;
    rate = (struct rate){ calloc(RATE_ROWS, sizeof *rate.rows), 7 };
    settings = (struct rate_settings){ .per_second = 10, .slip = 2, .ip4_bits = 24, .ip6_bits = 56 };
    at_ms = 5000;
    return rate.rows ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(rate.rows);
    return 0;
}

static enum rate_verdict judge(const char *client, uint64_t answer)
{
    struct address a;
    assert_true(address_parse(span_text(client), &a));
    return rate_judge(&rate, &settings, a, answer, at_ms);
}

/* How many of so many answers leave as they are. */
static unsigned sent(const char *client, uint64_t answer, unsigned of)
{
    unsigned count = 0;
    for (unsigned i = 0; i < of; i++)
        count += judge(client, answer) == RATE_SEND;
    return count;
}

static void a_second_has_so_many(void **state)
{
    (void)state;
    assert_int_equal(sent("192.0.2.1", 1, 10), 10);
    assert_int_not_equal(judge("192.0.2.1", 1), RATE_SEND);
}

static void a_slow_client_never_feels_it(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++, at_ms += 100)
        assert_int_equal(judge("192.0.2.1", 1), RATE_SEND);
}

static void a_flood_has_to_end_first(void **state)
{
    (void)state;
    sent("192.0.2.1", 1, 100000);
    at_ms += 1000;
    assert_int_equal(sent("192.0.2.1", 1, 1), 0);
    at_ms += 13 * 1000;
    assert_int_equal(sent("192.0.2.1", 1, 1), 0); /* overdrawn by fifteen seconds' worth and some */
    at_ms += 1400;
    assert_int_equal(sent("192.0.2.1", 1, 100), 1);
    sent("192.0.2.1", 1, 100000);
    at_ms += 16001; /* and what is saved meanwhile is one second's */
    assert_int_equal(sent("192.0.2.1", 1, 100), 10);
}

/* Twice the limit, on and on: what was saved, and then nothing. */
static void a_steady_flood(void **state)
{
    (void)state;
    unsigned first = 0, later = 0;
    for (int i = 0; i < 20 * 60; i++, at_ms += 50)
        *(i < 20 ? &first : &later) += judge("192.0.2.1", 1) == RATE_SEND;
    assert_in_range(first, 10, 20);
    assert_in_range(later, 0, 10);
}

/* Each looks at the clock before it waits for the accounts: the times of several threads are not in order. */
static void a_time_that_is_older_brings_nothing(void **state)
{
    unsigned count = 0;
    (void)state;
    for (int i = 0; i < 10000; i++) {
        at_ms = 5000 + (uint64_t)i / 1000 - (i % 100 == 50);
        count += judge("192.0.2.1", 1) == RATE_SEND;
    }
    assert_int_equal(count, 10);
    at_ms = 5000 - 1;
    judge("192.0.2.1", 2);
    at_ms = 0;
    sent("192.0.2.1", 2, 100);
    at_ms = 5000;
    assert_int_equal(sent("192.0.2.1", 2, 1), 0); /* the older time did not become the account's own */
}

static bool reply(struct limit *l, uint64_t mono_ms)
{
    static struct response r;
    struct address a;
    uint8_t room[16];
    struct writer w = writer_over(room, sizeof room);
    assert_true(address_parse(span_text("192.0.2.1"), &a));
    r.rcode = DNS_REFUSED;
    return limit_reply(l, &r, a, &w, mono_ms);
}

static void it_is_told_once_in_a_window(void **state)
{
    struct events e;
    (void)state;
    events_open(&e);
    settings.slip = 0;
    struct limit *l = limit_open(&settings, 7);
    assert_non_null(l);
    for (int i = 0; i < 10; i++)
        assert_true(reply(l, 5000));
    assert_false(reply(l, 5000));
    assert_true(limit_untold(l));
    limit_tell(l, &e, (struct now){ 0 });
    assert_false(reply(l, 4999)); /* another thread's time */
    assert_false(reply(l, 5001));
    assert_false(limit_untold(l));
    for (int i = 0; i < 1000; i++)
        reply(l, 20000);
    assert_true(limit_untold(l));
    limit_close(l);
}

static void networks_and_answers_have_accounts_of_their_own(void **state)
{
    (void)state;
    sent("192.0.2.1", 1, 100);
    assert_int_equal(sent("192.0.2.200", 1, 1), 0);
    assert_int_equal(sent("192.0.3.1", 1, 11), 10);
    assert_int_equal(sent("192.0.2.1", 2, 11), 10);
    sent("2001:db8:0:100::1", 1, 100);
    assert_int_equal(sent("2001:db8:0:1ff:ffff::2", 1, 1), 0);
    assert_int_equal(sent("2001:db8:0:200::1", 1, 11), 10);
}

static void slip(void **state)
{
    (void)state;
    for (unsigned slip = 0; slip < 4; slip++) {
        unsigned truncated = 0;
        settings.slip = slip;
        sent("192.0.2.1", slip, 10);
        for (int i = 0; i < 60; i++) {
            enum rate_verdict v = judge("192.0.2.1", slip);
            assert_int_not_equal(v, RATE_SEND);
            truncated += v == RATE_TRUNCATE;
        }
        assert_int_equal(truncated, slip ? 60 / slip : 0);
    }
}

static void exempt(void **state)
{
    struct prefix list[2];
    (void)state;
    assert_true(prefix_parse(span_text("192.0.2.128/25"), &list[0]));
    assert_true(prefix_parse(span_text("2001:db8::/32"), &list[1]));
    settings.exempt = list;
    settings.exempt_count = 2;
    assert_int_equal(sent("192.0.2.128", 1, 1000), 1000);
    assert_int_equal(sent("2001:db8::1", 1, 1000), 1000);
    assert_int_equal(sent("192.0.2.127", 1, 1000), 10);
}

/* More networks than rows: the table stays as it is, and the loudest is still known. */
static void a_full_table(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 4 * RATE_ROWS; i++) {
        struct address a = address_ip4(0x0A000000 + (i << 8));
        rate_judge(&rate, &settings, a, 1, ++at_ms);
        if (i % 100 == 0)
            sent("192.0.2.1", 1, 20);
    }
    assert_int_equal(sent("192.0.2.1", 1, 1), 0);
}

static void networks_as_they_are_told(void **state)
{
    char text[ENDPOINT_TEXT_MAX];
    struct address a;
    (void)state;
    assert_true(address_parse(span_text("192.0.2.77"), &a));
    struct prefix p = rate_network(&settings, a);
    assert_string_equal(prefix_format(&p, text), "192.0.2.0/24");
    settings.ip4_bits = 30;
    p = rate_network(&settings, a);
    assert_string_equal(prefix_format(&p, text), "192.0.2.76/30");
    settings.ip4_bits = 0;
    p = rate_network(&settings, a);
    assert_string_equal(prefix_format(&p, text), "0.0.0.0/0");
    settings.ip6_bits = 128;
    assert_true(address_parse(span_text("2001:db8::7"), &a));
    p = rate_network(&settings, a);
    assert_true(address_equal(p.address, a));
}

static void the_load_of_a_second(void **state)
{
    struct load load = { 0 };
    (void)state;
    assert_false(load_is_above(&load, 1000000, 5000, 0));
    assert_false(load_is_above(&load, 100, 5000, 100));
    assert_true(load_is_above(&load, 1, 5999, 100));
    assert_true(load_is_above(&load, 1, 6999, 100)); /* the second before counts, too */
    assert_false(load_is_above(&load, 1, 7000, 100));
    assert_true(load_is_above(&load, 200, 7000, 100));
    assert_false(load_is_above(&load, 1, 9000, 100)); /* a second of silence */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_second_has_so_many),
        TEST(a_slow_client_never_feels_it),
        TEST(a_flood_has_to_end_first),
        TEST(a_steady_flood),
        TEST(a_time_that_is_older_brings_nothing),
        TEST(it_is_told_once_in_a_window),
        TEST(networks_and_answers_have_accounts_of_their_own),
        TEST(slip),
        TEST(exempt),
        TEST(a_full_table),
        TEST(networks_as_they_are_told),
        TEST(the_load_of_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
