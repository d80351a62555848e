/* What the journal knows of the file that a zone's changes follow on, also when files and changes come at the
 * same time: a file that is served may never be refused at the next start. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/journal.h"
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>

#define TURNS_MAX 2000

struct world {
    struct loop loop;
    struct store *store;
    struct journals journals;
    struct dns_name zone;
    char directory[SCRATCH_BYTES];
    size_t done;
};

static void begin(struct world *w)
{
    struct problem p;
    w->store = store_open(&w->loop, w->directory, &p);
    assert_non_null(w->store);
    assert_true(journals_open(&w->journals, w->store, "", &p));
}

static void end(struct world *w)
{
    store_close(w->store);
    journals_close(&w->journals);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    scratch_make(w->directory);
    assert_int_equal(loop_open(&w->loop), 0);
    w->zone = name_of("a.test.");
    begin(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    end(w);
    loop_close(&w->loop);
    assert_int_equal(scratch_remove(w->directory), 0);
    free(w);
    return 0;
}

static struct journal *journal(struct world *w)
{
    return journals_of(&w->journals, &w->zone, true);
}

static void done(void *owner, bool ok, const char *why)
{
    struct world *w = owner;
    (void)why;
    assert_true(ok);
    w->done++;
}

static void commit(struct world *w, uint32_t from, uint32_t to, const struct journal_way *way)
{
    struct change *c = change_new(from, to);
    journal_commit(&w->journals, journal(w), c, way, done, w);
    change_release(c);
}

static void wait_for(struct world *w, size_t count)
{
    for (int i = 0; i < TURNS_MAX && w->done < count; i++)
        loop_turn(&w->loop, true);
    assert_int_equal(w->done, count);
}

/* Of a version of the file. */
static void assert_judged(struct world *w, uint32_t serial, uint64_t digest, enum journal_file as)
{
    struct zone file = { .serial = serial, .digest = digest };
    assert_int_equal(journal_judge(journal(w), &file), as);
}

static void start_again(struct world *w)
{
    end(w);
    begin(w);
}

/* A change by UPDATE in the file of serial 1, whose digest is 11. */
static const struct journal_way update = { .all_count = true, .file = { 1, 11 }, .last = { 2, 22 } };
static const struct journal_way other_file = { .all_count = false };

static void a_file_is_known_again(void **state)
{
    struct world *w = *state;
    commit(w, 1, 2, &update);
    wait_for(w, 1);
    for (int starts = 0; starts < 2; starts++) {
        assert_judged(w, 1, 11, JOURNAL_FOLLOWS);
        assert_judged(w, 2, 22, JOURNAL_FOLLOWS); /* exported */
        assert_judged(w, 1, 12, JOURNAL_RECORDS);
        assert_judged(w, 2, 11, JOURNAL_RECORDS);
        assert_judged(w, 0, 11, JOURNAL_SERIAL);
        assert_judged(w, 3, 33, JOURNAL_OLD);
        start_again(w);
    }
}

/* The first change is not on disk yet when another file, of the serial that it leads to, is taken. */
static void a_file_that_comes_while_the_first_change_is_on_its_way(void **state)
{
    struct world *w = *state;
    commit(w, 1, 2, &update);
    assert_judged(w, 2, 99, JOURNAL_FOLLOWS);
    commit(w, 1, 2, &other_file);
    wait_for(w, 2);
    assert_judged(w, 2, 99, JOURNAL_FOLLOWS);
    start_again(w);
    assert_judged(w, 2, 99, JOURNAL_FOLLOWS);
}

static void all_is_forgotten_while_the_first_change_is_on_its_way(void **state)
{
    struct world *w = *state;
    commit(w, 1, 2, &update);
    journal_forget(&w->journals, journal(w));
    wait_for(w, 1);
    for (int starts = 0; starts < 2; starts++) {
        assert_judged(w, 1, 99, JOURNAL_FOLLOWS);
        assert_int_equal(journal(w)->count, 0);
        start_again(w);
    }
}

static void what_comes_behind_a_new_beginning_counts(void **state)
{
    struct world *w = *state;
    static const struct journal_way next = { .all_count = true, .file = { 5, 55 }, .last = { 6, 66 } };
    commit(w, 1, 2, &update);
    journal_forget(&w->journals, journal(w));
    commit(w, 5, 6, &next);
    wait_for(w, 2);
    assert_judged(w, 5, 55, JOURNAL_FOLLOWS);
    assert_judged(w, 5, 99, JOURNAL_RECORDS);
    start_again(w);
    assert_judged(w, 5, 99, JOURNAL_RECORDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_known_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_comes_while_the_first_change_is_on_its_way, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_is_forgotten_while_the_first_change_is_on_its_way, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_comes_behind_a_new_beginning_counts, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
