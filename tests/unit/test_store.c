#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "loop.h"
#include "store.h"

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURNS_MAX 2000

static const struct store_table fruit = {
    .name = "fruit",
    .key_columns = 1,
    .column_count = 3,
    .columns = { { "name", STORE_TEXT }, { "weight_g", STORE_NUMBER }, { "picture", STORE_BYTES } }
};

struct world {
    struct loop loop;
    struct store *store;
    char directory[64];
    int told[16];
    size_t count;
    char why[200];
};

static void open_store(struct world *w)
{
    struct problem p;
    w->store = store_open(&w->loop, w->directory, &p);
    assert_non_null(w->store);
    assert_true(store_use(w->store, &fruit, &p));
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->directory, sizeof w->directory, "/tmp/wirelab-store-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    assert_int_equal(loop_open(&w->loop), 0);
    open_store(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char path[128];
    static const char *const files[] = { "wirelab.db", "wirelab.db-wal", "wirelab.db-shm", "note" };
    if (w->store)
        store_close(w->store);
    loop_close(&w->loop);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", w->directory, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(w->directory), 0);
    free(w);
    return 0;
}

struct ticket {
    struct world *w;
    int number;
};

static void told(void *owner, bool ok, const char *why)
{
    struct ticket *t = owner;
    t->w->told[t->w->count++] = ok ? t->number : -t->number;
    if (why)
        snprintf(t->w->why, sizeof t->w->why, "%s", why);
}

static struct store_change put(const char *name, int64_t weight_g)
{
    return (struct store_change){ .kind = STORE_PUT,
                                  .table = &fruit,
                                  .values = { { .bytes = span_text(name) }, { .number = weight_g } } };
}

static void wait_for(struct world *w, size_t count)
{
    for (int i = 0; i < TURNS_MAX && w->count < count; i++)
        loop_turn(&w->loop, true);
    assert_int_equal(w->count, count);
}

struct seen {
    char text[256];
};

static bool see(void *owner, const struct store_value *v)
{
    struct seen *s = owner;
    size_t at = strlen(s->text);
    snprintf(s->text + at, sizeof s->text - at, "%.*s=%lld%s ", (int)v[0].bytes.len,
             (const char *)v[0].bytes.at, (long long)v[1].number, v[2].bytes.at ? "+" : "");
    return true;
}

static void assert_rows(struct world *w, const char *expected)
{
    struct seen s = { "" };
    struct problem p;
    assert_true(store_load(w->store, &fruit, see, &s, &p));
    assert_string_equal(s.text, expected);
}

static void rows_are_there_after_reopening(void **state)
{
    struct world *w = *state;
    struct ticket t = { w, 1 };
    struct store_change two[] = { put("pear", 180), put("apple", 150) };
    two[0].values[2].bytes = span_of("", 0);
    store_commit(w->store, two, 2, told, &t);
    wait_for(w, 1);
    assert_int_equal(w->told[0], 1);
    store_close(w->store);
    open_store(w);
    assert_rows(w, "apple=150 pear=180+ ");
}

static void a_table_of_an_earlier_version(void **state)
{
    static const struct store_table later = { .name = "fruit",
                                              .key_columns = 1,
                                              .column_count = 4,
                                              .columns = { { "name", STORE_TEXT },
                                                           { "weight_g", STORE_NUMBER },
                                                           { "picture", STORE_BYTES },
                                                           { "taste", STORE_TEXT } } };
    struct world *w = *state;
    struct ticket t = { w, 1 };
    struct problem p;
    struct store_change c = put("apple", 150);
    store_commit(w->store, &c, 1, told, &t);
    wait_for(w, 1);
    store_close(w->store);
    w->store = store_open(&w->loop, w->directory, &p);
    assert_true(store_use(w->store, &later, &p));
    c.table = &later;
    c.values[0].bytes = span_text("pear");
    c.values[3].bytes = span_text("sweet");
    store_commit(w->store, &c, 1, told, &t);
    wait_for(w, 2);
    assert_int_equal(w->told[1], 1);
    store_close(w->store);
    open_store(w);
    assert_rows(w, "apple=150 pear=150 ");
}

static void put_replaces_and_delete_takes_only_the_key(void **state)
{
    struct world *w = *state;
    struct ticket t = { w, 1 };
    struct store_change changes[] = { put("fig", 50), put("kiwi", 70), put("fig", 55), put("kiwi", 0) };
    changes[3].kind = STORE_DELETE;
    store_commit(w->store, changes, 4, told, &t);
    wait_for(w, 1);
    assert_rows(w, "fig=55 ");
}

static void many_calls_are_told_in_their_order(void **state)
{
    struct world *w = *state;
    struct ticket tickets[10];
    for (int i = 0; i < 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i); /* the caller's bytes are copied: this room is used again */
        struct store_change c = put(name, i);
        tickets[i] = (struct ticket){ w, i + 1 };
        store_commit(w->store, &c, 1, told, &tickets[i]);
    }
    wait_for(w, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(w->told[i], i + 1);
    assert_rows(w, "n0=0 n1=1 n2=2 n3=3 n4=4 n5=5 n6=6 n7=7 n8=8 n9=9 ");
}

static void nothing_is_told_from_inside_the_call(void **state)
{
    struct world *w = *state;
    struct ticket t = { w, 1 };
    struct store_change c = put("lime", 1);
    store_commit(w->store, &c, 1, told, &t);
    assert_int_equal(w->count, 0);
    wait_for(w, 1);
}

static void a_failing_disk_is_told_with_its_reason_and_passes(void **state)
{
    struct world *w = *state;
    struct ticket first = { w, 1 }, second = { w, 2 };
    struct store_change lost = put("plum", 1), kept = put("quince", 2);
    store_fail(w->store, "database or disk is full");
    store_commit(w->store, &lost, 1, told, &first);
    wait_for(w, 1);
    store_fail(w->store, NULL);
    store_commit(w->store, &kept, 1, told, &second);
    wait_for(w, 2);
    assert_int_equal(w->told[0], -1);
    assert_string_equal(w->why, "database or disk is full");
    assert_int_equal(w->told[1], 2);
    assert_rows(w, "quince=2 ");
}

static void closing_commits_what_waits(void **state)
{
    struct world *w = *state;
    struct ticket t = { w, 1 };
    struct store_change c = put("date", 9);
    store_commit(w->store, &c, 1, told, &t);
    store_close(w->store);
    assert_int_equal(w->told[0], 1);
    open_store(w);
    assert_rows(w, "date=9 ");
}

static void a_directory_that_cannot_be_is_named(void **state)
{
    struct world *w = *state;
    struct problem p;
    assert_null(store_open(&w->loop, "/proc/no/such", &p));
    assert_non_null(strstr(p.what, "/proc/no/such"));
    assert_true(p.remedy[0] != 0);
}

/* What was opened for it is given back, once, when the loop has let go of it. */
static void a_store_without_a_thread_is_none(void **state)
{
    struct world *w = *state;
    struct problem p = { 0 };
    pthread_attr_t usual, huge;
    assert_int_equal(pthread_getattr_default_np(&usual), 0);
    assert_int_equal(pthread_getattr_default_np(&huge), 0);
    pthread_attr_setstacksize(&huge, (size_t)1 << 47); /* more than there are addresses */
    assert_int_equal(pthread_setattr_default_np(&huge), 0);
    mallopt(M_PERTURB, 0xA5); /* nobody reads what is freed and sees what was there */
    struct store *s = store_open(&w->loop, w->directory, &p);
    pthread_setattr_default_np(&usual);
    assert_null(s);
    assert_non_null(strstr(p.what, "thread"));
    loop_turn(&w->loop, false);
    mallopt(M_PERTURB, 0);
    pthread_attr_destroy(&usual);
    pthread_attr_destroy(&huge);
}

static void a_small_file_is_replaced_whole(void **state)
{
    struct world *w = *state;
    char path[128], read[16] = "";
    struct stat s;
    snprintf(path, sizeof path, "%s/note", w->directory);
    assert_true(file_write_durably(path, span_text("old words"), 0600));
    assert_true(file_write_durably(path, span_text("new"), 0600));
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fread(read, 1, sizeof read - 1, f), 3);
    fclose(f);
    assert_string_equal(read, "new");
    assert_int_equal(stat(path, &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_are_there_after_reopening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_of_an_earlier_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(put_replaces_and_delete_takes_only_the_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_calls_are_told_in_their_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_told_from_inside_the_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failing_disk_is_told_with_its_reason_and_passes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(closing_commits_what_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_without_a_thread_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_small_file_is_replaced_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
