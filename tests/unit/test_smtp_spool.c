/* smtpd/spool.c, dispatch.c and deliver.c on a real store in a directory of their own: what was acknowledged
 * is in the mailbox once, whatever happens; what was not acknowledged was not promised. */
#include "scratch.h"
#include "smtpd/deliver.h"
#include "smtpd/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define TURNS_MAX 5000

struct world {
    char directory[SCRATCH_BYTES];
    struct loop loop;
    struct events events;
    struct event_sink sink;
    struct home home;
    struct smtp_settings settings;
    struct smtp_session session;
    struct spool *spool;
    struct message *message;
    bool frozen;
    size_t stored, refused, drained, room, delivered, deferred;
    enum smtp_result result;
    char id[SPOOL_ID_MAX];
    bool crash; /* as soon as a message is acknowledged, nothing more is done */
    bool closed;
};

static void hear(struct event_sink *sink, const struct event *e)
{
    struct world *w = (struct world *)(void *)((char *)sink - offsetof(struct world, sink));
    w->delivered += e->id == EVENT_SMTP_DELIVERED;
    w->deferred += e->id == EVENT_SMTP_DEFERRED;
}

static void on_room(void *owner, struct message *m)
{
    struct world *w = owner;
    assert_ptr_equal(m, w->message);
    w->room++;
}

static void on_closed(void *self)
{
    ((struct world *)self)->closed = true;
}

static void on_stored(void *owner, struct message *m, enum smtp_result result)
{
    struct world *w = owner;
    assert_ptr_equal(m, w->message);
    w->message = NULL;
    w->result = result;
    w->stored += result == SMTP_OK;
    w->refused += result != SMTP_OK;
    snprintf(w->id, sizeof w->id, "%s", m->id);
    if (w->crash)
        spool_close(w->spool, on_closed);
}

static void on_drained(void *self)
{
    ((struct world *)self)->drained++;
}

static const struct spool_owner owner = { .room = on_room, .stored = on_stored, .drained = on_drained };

static void start(struct world *w)
{
    struct problem p = { { 0 }, { 0 } };
    assert_int_equal(loop_open(&w->loop), 0);
    if (w->frozen)
        clock_freeze(&w->loop.clock);
    events_open(&w->events);
    w->sink = (struct event_sink){ .take = hear, .level = EVENT_TRAFFIC };
    events_attach(&w->events, &w->sink);
    w->home = (struct home){ .loop = &w->loop, .events = &w->events, .state_directory = w->directory };
    rng_seed(&w->home.rng, entropy_u64());
    w->home.store = store_open(&w->loop, w->directory, &p);
    assert_non_null(w->home.store);
    w->closed = w->crash = false;
    w->spool = spool_open(&w->home, &w->settings, &owner, w, &p);
    if (!w->spool)
        fail_msg("%s", p.what);
}

/* As the process ends: what is under way comes back, what waits does not begin. */
static void end(struct world *w)
{
    if (!w->closed && !w->crash)
        spool_close(w->spool, on_closed);
    store_close(w->home.store);
    loop_close(&w->loop);
    assert_true(w->closed);
}

static int set_up(void **state)
{
    static const char *mailboxes[] = { "ppa", "sanders" };
    static struct smtp_domain domain = { "skynet.local", NULL, mailboxes, 2 };
    struct world *w = calloc(1, sizeof *w);
    struct endpoint peer = { .address = address_ip4(0x7f000001), .port = 1 };
    scratch_make(w->directory);
    w->settings = (struct smtp_settings){
        .hostname = "mail01", .domains = &domain, .domain_count = 1, .retry_ms = 200
    };
    smtp_session_open(&w->session, &w->settings, &w->events, &peer, false);
    snprintf(w->session.helo, sizeof w->session.helo, "client.example");
    w->session.extended = true;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    smtp_session_close(&w->session);
    assert_int_equal(scratch_remove(w->directory), 0);
    free(w);
    return 0;
}

static void turn_until(struct world *w, const size_t *counter, size_t value)
{
    for (size_t i = 0; i < TURNS_MAX && *counter < value; i++)
        loop_turn(&w->loop, true);
    assert_int_equal(*counter, value);
}

static void turn_until_idle(struct world *w)
{
    for (size_t i = 0; i < TURNS_MAX && spool_busy(w->spool); i++)
        loop_turn(&w->loop, true);
    assert_false(spool_busy(w->spool));
}

/* ---- a client that sends one message -------------------------------------------------------- */

static void feed(struct world *w, struct span text)
{
    while (text.len > 0) {
        struct writer room;
        size_t before = w->room;
        if (!message_room(w->message, &room)) {
            turn_until(w, &w->room, before + 1);
            continue;
        }
        assert_true(writer_room(&room) >= 2);
        struct span piece = span_head(text, writer_room(&room));
        write_span(&room, piece);
        message_grew(w->message, piece.len);
        text = span_from(text, piece.len);
    }
}

static void send_to(struct world *w, struct span text, const char *const *to, size_t count)
{
    struct smtp_recipient recipients[4];
    for (size_t i = 0; i < count; i++)
        recipients[i] = (struct smtp_recipient){ .next = i ? &recipients[i - 1] : NULL,
                                                 .target = { &w->settings.domains[0], to[i] } };
    w->message = spool_begin(w->spool, w);
    assert_non_null(w->message);
    feed(w, text);
    w->session.envelope = (struct smtp_envelope){ .sender = span_text("a@b.c"),
                                                  .recipients = &recipients[count - 1],
                                                  .recipient_count = count };
    message_store(w->message, &w->session, loop_now(&w->loop));
    assert_non_null(w->message); /* stored() never comes from inside */
}

static void send_text(struct world *w, const char *text)
{
    static const char *const ppa[] = { "ppa" };
    send_to(w, span_text(text), ppa, 1);
}

/* ---- what is in a mailbox -------------------------------------------------------------------- */

static size_t count_files(struct world *w, const char *part, char *last, size_t size)
{
    char path[512];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/%s", w->directory, part);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') {
            count++;
            if (last)
                snprintf(last, size, "%s/%.400s", path, e->d_name);
        }
    if (d)
        closedir(d);
    return count;
}

static size_t new_in(struct world *w, const char *mailbox)
{
    char part[128];
    snprintf(part, sizeof part, "mail/skynet.local/%s/new", mailbox);
    return count_files(w, part, NULL, 0);
}

/* The only file of the mailbox; free() it. */
static struct span read_only_file(struct world *w, const char *mailbox)
{
    char part[128], path[1024];
    struct stat s;
    snprintf(part, sizeof part, "mail/skynet.local/%s/new", mailbox);
    assert_int_equal(count_files(w, part, path, sizeof path), 1);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &s), 0);
    uint8_t *bytes = malloc((size_t)s.st_size + 1);
    assert_int_equal(fread(bytes, 1, (size_t)s.st_size, f), s.st_size);
    fclose(f);
    return span_of(bytes, (size_t)s.st_size);
}

static void release(struct span s)
{
    free((void *)(uintptr_t)s.at);
}

static bool ends_with(struct span s, struct span tail)
{
    return s.len >= tail.len && span_equal(span_from(s, s.len - tail.len), tail);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_message_is_in_its_mailboxes(void **state)
{
    struct world *w = *state;
    static const char *const both[] = { "ppa", "sanders" };
    start(w);
    send_to(w, span_text("Subject: x\r\n\r\nbody\r\n"), both, 2);
    turn_until(w, &w->stored, 1);
    turn_until(w, &w->delivered, 2);
    turn_until_idle(w);
    struct span file = read_only_file(w, "ppa");
    assert_true(span_starts(
        file, "Return-Path: <a@b.c>\nDelivered-To: ppa@skynet.local\nReceived: from client.example "
              "(unknown [127.0.0.1])\n\tby mail01 (wirelab) with ESMTP id "));
    assert_true(ends_with(file, span_text("\nSubject: x\n\nbody\n")));
    assert_non_null(memmem(file.at, file.len, w->id, strlen(w->id)));
    release(file);
    file = read_only_file(w, "sanders");
    assert_non_null(memmem(file.at, file.len, "\tfor <sanders@skynet.local>; ", 29));
    release(file);
    assert_int_equal(count_files(w, "mail/skynet.local/ppa/tmp", NULL, 0), 0);
    assert_int_equal(count_files(w, "mail/skynet.local/ppa/cur", NULL, 0), 0);
    assert_int_equal(w->deferred + w->refused, 0);
    end(w);
}

/* Whether it goes by a row or by a file, every byte arrives; nothing of the spool stays behind. */
static void texts_of_every_length_arrive(void **state)
{
    struct world *w = *state;
    static const size_t lengths[] = { 0,
                                      2,
                                      4096,
                                      SPOOL_ROW_MAX - SPOOL_ROOM_MIN,
                                      SPOOL_ROW_MAX - SPOOL_ROOM_MIN + 2,
                                      SPOOL_ROW_MAX,
                                      SPOOL_ROW_MAX + 2,
                                      3 * SPOOL_ROW_MAX,
                                      1000000 };
    static const char *const ppa[] = { "ppa" };
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t *text = malloc(lengths[i] + 1), *as_file = malloc(lengths[i] + 1);
        for (size_t k = 0; k < lengths[i]; k++)
            text[k] = (uint8_t) "0123456789abcdefghijklmnopqrstuvwxyz\r\n"[k % 38];
        if (lengths[i])
            memcpy(text + lengths[i] - 2, "\r\n", 2);
        struct writer expected = writer_over(as_file, lengths[i] + 1);
        mail_write_as_file(&expected, span_of(text, lengths[i]));
        w->stored = w->delivered = 0;
        start(w);
        send_to(w, span_of(text, lengths[i]), ppa, 1);
        turn_until(w, &w->stored, 1);
        turn_until(w, &w->delivered, 1);
        turn_until_idle(w);
        struct span file = read_only_file(w, "ppa");
        assert_true(ends_with(file, writer_span(&expected)));
        release(file);
        assert_int_equal(count_files(w, "spool", NULL, 0), 0);
        end(w);
        char box[128];
        snprintf(box, sizeof box, "%s/mail", w->directory);
        assert_int_equal(scratch_remove(box), 0);
        free(text);
        free(as_file);
    }
}

static void a_failing_store_promises_nothing_and_recovers(void **state)
{
    struct world *w = *state;
    start(w);
    store_fail(w->home.store, "database or disk is full");
    send_text(w, "one\r\n");
    turn_until(w, &w->refused, 1);
    assert_int_equal(w->result, SMTP_FAILED);
    store_fail(w->home.store, NULL);
    send_text(w, "two\r\n");
    turn_until(w, &w->stored, 1);
    turn_until(w, &w->delivered, 1);
    turn_until_idle(w);
    struct span file = read_only_file(w, "ppa");
    assert_true(ends_with(file, span_text("two\n")));
    release(file);
    end(w);
}

static void a_spool_file_that_cannot_be_written_promises_nothing(void **state)
{
    struct world *w = *state;
    char path[128];
    static const char *const ppa[] = { "ppa" };
    size_t length = 3 * SPOOL_ROW_MAX;
    uint8_t *text = calloc(1, length);
    start(w);
    snprintf(path, sizeof path, "%s/spool", w->directory);
    assert_int_equal(rmdir(path), 0);
    send_to(w, span_of(text, length), ppa, 1);
    turn_until(w, &w->refused, 1);
    assert_int_equal(w->result, SMTP_FAILED);
    turn_until_idle(w);
    assert_int_equal(mkdir(path, 0700), 0);
    send_to(w, span_of(text, length), ppa, 1);
    turn_until(w, &w->stored, 1);
    turn_until(w, &w->delivered, 1);
    turn_until_idle(w);
    assert_int_equal(new_in(w, "ppa"), 1);
    end(w);
    free(text);
}

static void what_was_acknowledged_is_delivered_by_the_next_run(void **state)
{
    struct world *w = *state;
    static const char *const ppa[] = { "ppa" };
    size_t length = 2 * SPOOL_ROW_MAX;
    uint8_t *text = malloc(length);
    memset(text, 'x', length);
    start(w);
    w->crash = true;
    send_text(w, "short\r\n");
    turn_until(w, &w->stored, 1);
    end(w);
    assert_int_equal(w->delivered, 0);
    start(w);
    turn_until(w, &w->delivered, 1);
    assert_int_equal(new_in(w, "ppa"), 1);
    w->crash = true;
    send_to(w, span_of(text, length), ppa, 1);
    turn_until(w, &w->stored, 2);
    end(w);
    assert_int_equal(count_files(w, "spool", NULL, 0), 1);
    start(w);
    turn_until(w, &w->delivered, 2);
    turn_until_idle(w);
    end(w);
    assert_int_equal(new_in(w, "ppa"), 2);
    assert_int_equal(count_files(w, "spool", NULL, 0), 0);
    start(w);
    turn_until_idle(w);
    end(w);
    assert_int_equal(w->delivered, 2);
    free(text);
}

/* The row outlived the delivery: the file in the mailbox, wherever a reader has put it, stops a second copy.
 */
static void no_message_is_delivered_twice(void **state)
{
    struct world *w = *state;
    char from[1024], to[1100];
    start(w);
    send_text(w, "once\r\n");
    turn_until(w, &w->stored, 1);
    store_fail(w->home.store, "disk I/O error");
    turn_until(w, &w->delivered, 1);
    turn_until_idle(w);
    end(w);
    for (size_t run = 0; run < 2; run++) {
        start(w);
        store_fail(w->home.store, "disk I/O error");
        turn_until(w, &w->delivered, 2 + run);
        turn_until_idle(w);
        end(w);
        assert_int_equal(new_in(w, "ppa") + count_files(w, "mail/skynet.local/ppa/cur", NULL, 0), 1);
        if (run == 0) {
            count_files(w, "mail/skynet.local/ppa/new", from, sizeof from);
            snprintf(to, sizeof to, "%s/mail/skynet.local/ppa/cur/%s:2,S", w->directory,
                     strrchr(from, '/') + 1);
            assert_int_equal(rename(from, to), 0);
        }
    }
}

static void a_mailbox_that_fails_is_tried_again(void **state)
{
    struct world *w = *state;
    static const char *const both[] = { "ppa", "sanders" };
    char box[128];
    w->frozen = true;
    start(w);
    snprintf(box, sizeof box, "%s/mail", w->directory);
    mkdir(box, 0700);
    snprintf(box, sizeof box, "%s/mail/skynet.local", w->directory);
    mkdir(box, 0700);
    snprintf(box, sizeof box, "%s/mail/skynet.local/ppa", w->directory);
    fclose(fopen(box, "w")); /* a file where the Maildir should be */
    send_to(w, span_text("x\r\n"), both, 2);
    turn_until(w, &w->stored, 1);
    turn_until(w, &w->deferred, 1);
    assert_int_equal(w->delivered, 1);
    turn_until_idle(w);
    loop_advance(&w->loop, 60 * 1000);
    turn_until_idle(w);
    assert_true(w->deferred >= 2);
    assert_int_equal(unlink(box), 0);
    loop_advance(&w->loop, 3600 * 1000);
    turn_until(w, &w->delivered, 2);
    turn_until_idle(w);
    assert_int_equal(new_in(w, "ppa"), 1);
    assert_int_equal(new_in(w, "sanders"), 1);
    end(w);
}

/* A domain went from the configuration while mail for it waited: it stays, for the operator to see. */
static void mail_for_a_mailbox_that_went_is_kept(void **state)
{
    struct world *w = *state;
    start(w);
    w->crash = true;
    send_text(w, "x\r\n");
    turn_until(w, &w->stored, 1);
    end(w);
    w->settings.domain_count = 0;
    start(w);
    turn_until_idle(w);
    assert_int_equal(w->deferred, 1);
    end(w);
    w->settings.domain_count = 1;
    start(w);
    turn_until(w, &w->delivered, 1);
    end(w);
}

static void a_client_that_goes_leaves_nothing(void **state)
{
    struct world *w = *state;
    uint8_t *text = calloc(1, 3 * SPOOL_ROW_MAX);
    start(w);
    for (size_t length = 100; length < 3 * SPOOL_ROW_MAX; length += SPOOL_ROW_MAX) {
        w->message = spool_begin(w->spool, w);
        feed(w, span_of(text, length));
        message_drop(w->message);
        turn_until_idle(w);
        assert_int_equal(count_files(w, "spool", NULL, 0), 0);
    }
    end(w);
    free(text);
}

static void a_file_without_a_row_is_swept(void **state)
{
    struct world *w = *state;
    char path[128];
    start(w);
    snprintf(path, sizeof path, "%s/spool/0000000000", w->directory);
    fclose(fopen(path, "w"));
    end(w);
    start(w);
    assert_int_equal(access(path, F_OK), -1);
    end(w);
}

static void ids_are_never_used_again(void **state)
{
    struct world *w = *state;
    char before[SPOOL_ID_MAX] = "";
    w->frozen = true;
    start(w);
    for (size_t i = 1; i <= 600; i++) { /* more than fit into one millisecond */
        send_text(w, "x\r\n");
        assert_true(strcmp(before, w->message->id) < 0);
        snprintf(before, sizeof before, "%s", w->message->id);
        turn_until(w, &w->stored, i);
    }
    turn_until(w, &w->delivered, 600);
    assert_int_equal(new_in(w, "ppa"), 600);
    turn_until_idle(w);
    end(w);
}

/* ---- deliver_batch() alone --------------------------------------------------------------------- */

static void one_bad_mailbox_does_not_harm_the_batch(void **state)
{
    struct world *w = *state;
    char good[128], bad[128];
    struct delivery d[3];
    snprintf(good, sizeof good, "%s/deep/er/box", w->directory);
    snprintf(bad, sizeof bad, "%s/file/box", w->directory);
    char file[128];
    snprintf(file, sizeof file, "%s/file", w->directory);
    fclose(fopen(file, "w"));
    for (size_t i = 0; i < 3; i++)
        d[i] = (struct delivery){ .maildir = i == 1 ? bad : good,
                                  .name = i == 0 ? "first" : "second",
                                  .text = span_text("x\r\n") };
    deliver_batch(d, 3);
    assert_int_equal(d[0].error, 0);
    assert_int_equal(d[1].error, ENOTDIR);
    assert_non_null(d[1].failing);
    assert_int_equal(d[2].error, 0);
    assert_int_equal(count_files(w, "deep/er/box/new", NULL, 0), 2);
    deliver_batch(d, 1); /* the very same again, as after a crash: it takes its own place */
    assert_int_equal(count_files(w, "deep/er/box/new", NULL, 0), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_is_in_its_mailboxes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_of_every_length_arrive, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failing_store_promises_nothing_and_recovers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_spool_file_that_cannot_be_written_promises_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_acknowledged_is_delivered_by_the_next_run, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(no_message_is_delivered_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mailbox_that_fails_is_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mail_for_a_mailbox_that_went_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_client_that_goes_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_without_a_row_is_swept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_are_never_used_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_bad_mailbox_does_not_harm_the_batch, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
