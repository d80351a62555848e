#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/load.h"
#include "dnsd/rate.h"

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
        TEST(networks_and_answers_have_accounts_of_their_own),
        TEST(slip),
        TEST(exempt),
        TEST(a_full_table),
        TEST(networks_as_they_are_told),
        TEST(the_load_of_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
