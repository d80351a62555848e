/* Copies of zones on the disk: however many are asked for at once, and however slow the disk is, what stays
 * is the zone that was saved last, or nothing when it was removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/change.h"
#include "dnsd/copy.h"
#include "scratch.h"
#include "text.h"
#include "work.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define POOL_THREADS 4
#define BIG_RECORDS  200000

static struct world {
    struct loop loop;
    struct events events;
    struct home home;
    struct service service;
    struct view view;
    char directory[SCRATCH_BYTES];
    struct work held[POOL_THREADS];
    pthread_mutex_t gate;
} w;

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    scratch_make(w.directory);
    assert_int_equal(loop_open(&w.loop), 0);
    events_open(&w.events);
    w.home = (struct home){ .loop = &w.loop, .events = &w.events, .state_directory = w.directory };
    w.service = (struct service){ .home = &w.home, .seed = TEST_SEED };
    w.view.service = &w.service;
    pthread_mutex_init(&w.gate, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_close(&w.loop);
    pthread_mutex_destroy(&w.gate);
    return scratch_remove(w.directory);
}

static void run_out(void)
{
    while (uv_loop_alive(&w.loop.uv)) /* ends with what runs on threads */
        loop_turn(&w.loop, true);
}

static void wait_at_gate(struct work *work)
{
    (void)work;
    pthread_mutex_lock(&w.gate);
    pthread_mutex_unlock(&w.gate);
}

static void came_through(struct work *work)
{
    (void)work;
}

/* The disk is slow: nothing is written before finish(). */
static void hold_disk(void)
{
    pthread_mutex_lock(&w.gate);
    for (size_t i = 0; i < POOL_THREADS; i++) {
        w.held[i] = (struct work){ .run = wait_at_gate, .done = came_through };
        work_start(&w.loop, &w.held[i]);
    }
}

/* All that was begun comes to its end. */
static void finish(void)
{
    pthread_mutex_unlock(&w.gate);
    run_out();
}

static void save(const char *name, unsigned serial, unsigned records)
{
    size_t room = 256 + (size_t)records * 32;
    char *text = malloc(room), why[512];
    struct writer t = writer_over(text, room - 1);
    write_format(&t, "@ 60 SOA ns h %u 2 3 4 5\n@ 60 NS ns\nns 60 A 127.0.0.1\n", serial);
    for (unsigned i = 0; i < records; i++)
        write_format(&t, "h%u 60 A 192.0.2.1\n", i);
    text[writer_length(&t)] = 0;
    struct zone *z = zone_from(name, text, why);
    assert_non_null(z);
    copy_save(&w.view, z);
    zone_release(z);
    free(text);
}

/* The copy on the disk is the zone that save() made of these, whole; serial 0: there is none. */
static void assert_on_disk(const char *name, uint32_t serial, size_t records)
{
    uint32_t file_serial;
    struct change_records all = { 0 };
    struct zone *z = copy_load_signed(&w.view, kept_name(name), &file_serial);
    assert_int_equal(z ? z->serial : 0, serial);
    if (!z)
        return;
    assert_true(change_add_zone(&all, z));
    assert_int_equal(all.count, 3 + records);
    free(all.bytes);
    zone_release(z);
}

static void the_latest_stays(void **state)
{
    (void)state;
    hold_disk();
    save("a.test.", 1, BIG_RECORDS);
    save("a.test.", 2, 1);
    save("b.test.", 7, 1);
    finish();
    assert_on_disk("a.test.", 2, 1);
    assert_on_disk("b.test.", 7, 1);
}

/* The first one is in the middle of its write, and comes to nothing. */
static void a_second_write_waits_for_the_first(void **state)
{
    char path[256], temporary[300];
    static uint8_t taken[65536];
    struct dns_name name = name_of("a.test.");
    (void)state;
    save("a.test.", 1, 1); /* so that there is a directory */
    run_out();
    copy_path(w.directory, "", &name, "dnsd", "copy", path, sizeof path);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    assert_int_equal(mkfifo(temporary, 0600), 0);
    int fd = open(temporary, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct pollfd pipe = { fd, POLLIN, 0 };
    save("a.test.", 2, BIG_RECORDS);
    assert_int_equal(poll(&pipe, 1, -1), 1);
    save("a.test.", 3, 1);
    while (read(fd, taken, sizeof taken) != 0) /* ends when nobody has it open for writing */
        poll(&pipe, 1, -1);
    close(fd);
    run_out();
    assert_on_disk("a.test.", 3, 1);
}

static void what_waits_is_replaced(void **state)
{
    (void)state;
    hold_disk();
    for (unsigned serial = 1; serial <= 20; serial++)
        save("a.test.", serial, 1000 - 40 * serial);
    finish();
    assert_on_disk("a.test.", 20, 200);
    hold_disk();
    save("a.test.", 21, 1);
    finish();
    assert_on_disk("a.test.", 21, 1);
}

static void what_is_removed_does_not_come_back(void **state)
{
    (void)state;
    save("a.test.", 1, 1);
    hold_disk();
    save("a.test.", 2, 1);
    save("a.test.", 3, 1);
    copy_remove(&w.view, kept_name("a.test."));
    finish();
    assert_on_disk("a.test.", 0, 0);
}

static void what_is_saved_after_that_stays(void **state)
{
    (void)state;
    hold_disk();
    save("a.test.", 1, BIG_RECORDS);
    copy_remove(&w.view, kept_name("a.test."));
    save("a.test.", 2, 1);
    finish();
    assert_on_disk("a.test.", 2, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_latest_stays),
        TEST(a_second_write_waits_for_the_first),
        TEST(what_waits_is_replaced),
        TEST(what_is_removed_does_not_come_back),
        TEST(what_is_saved_after_that_stays),
    };
    setenv("UV_THREADPOOL_SIZE", "4", 1); /* POOL_THREADS */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
