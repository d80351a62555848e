/* dnsd/counts.c: however many zones there are, each question is counted once, and memory stays what it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/counts.h"

#define ZONES ((uint64_t)20000)

static struct counts one, two;

static uint64_t sum(const struct counts *c)
{
    uint64_t all = c->other_zones;
    for (size_t i = 0; i < COUNTS_ZONES; i++)
        all += c->zones[i].count;
    return all;
}

static uint64_t id_of(uint64_t i)
{
    return (i + 1) * 0x9E3779B97F4A7C15u;
}

static uint64_t count_of(const struct counts *c, uint64_t id)
{
    for (size_t i = 0; i < COUNTS_ZONES; i++)
        if (c->zones[i].id == id)
            return c->zones[i].count;
    return 0;
}

static void few_zones_have_their_own(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        for (uint64_t k = 0; k <= i % 3; k++)
            counts_take_zone(&one, id_of(i));
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(count_of(&one, id_of(i)), i % 3 + 1);
    assert_int_equal(one.other_zones, 0);
}

static void none_is_lost_among_many(void **state)
{
    (void)state;
    uint64_t before = sum(&one);
    for (uint64_t i = 0; i < ZONES; i++)
        counts_take_zone(i % 2 ? &one : &two, id_of(i));
    assert_int_equal(sum(&one) + sum(&two), before + ZONES);
    assert_true(one.other_zones > 0);
    counts_move(&one, &two);
    assert_int_equal(sum(&one), before + ZONES);
    assert_int_equal(sum(&two), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_zones_have_their_own),
        cmocka_unit_test(none_is_lost_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
