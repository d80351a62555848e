#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scratch.h"
#include "stream.h"
#include "tls.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS_MAX 5000

/* One end is a stream, the other a plain non-blocking socket that the test reads and writes. */
struct world {
    struct loop loop;
    struct stream *s;
    int peer;
    char offered[4096]; /* what bytes() saw, with | between calls */
    char left[64];      /* what it saw last, as it was when in_bytes() had returned */
    size_t take_at_most;
    int drained, expired, closed, secured, released;
    enum stream_end why;
    size_t discarded;
    const char *reply;
    void (*in_bytes)(struct world *w, struct stream *s);
    struct tls_context *tls;
    bool others_fail; /* and leave their errors in OpenSSL's queue */
};

static size_t bytes(void *self, struct stream *s, struct span in)
{
    struct world *w = self;
    size_t at = strlen(w->offered);
    assert_int_equal(w->closed, 0);
    snprintf(w->offered + at, sizeof w->offered - at, "%.*s|", (int)in.len, (const char *)in.at);
    if (w->reply)
        assert_true(stream_write(s, span_text(w->reply)));
    if (w->in_bytes)
        w->in_bytes(w, s);
    snprintf(w->left, sizeof w->left, "%.*s", (int)in.len, (const char *)in.at);
    return in.len < w->take_at_most ? in.len : w->take_at_most;
}

static void drained(void *self, struct stream *s)
{
    (void)s;
    ((struct world *)self)->drained++;
}

static void secured(void *self, struct stream *s)
{
    struct world *w = self;
    w->secured++;
    w->discarded = stream_discarded(s);
}

static void expired(void *self, struct stream *s)
{
    ((struct world *)self)->expired++;
    stream_abort(s);
}

static void closed(void *self, struct stream *s, enum stream_end why)
{
    struct world *w = self;
    assert_ptr_equal(s, w->s);
    w->closed++;
    w->why = why;
}

static const struct stream_owner owner = {
    .bytes = bytes, .drained = drained, .secured = secured, .expired = expired, .closed = closed
};

static const struct stream_limits limits = { .in_bytes_max = 8192,
                                             .out_bytes_high = 65536,
                                             .out_bytes_max = 1 << 20 };

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct endpoint nobody = { 0 };
    int pair[2];
    assert_int_equal(loop_open(&w->loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    w->peer = pair[1];
    w->take_at_most = SIZE_MAX;
    w->s = stream_open(&w->loop, pair[0], &nobody, &limits, &owner, w);
    assert_non_null(w->s);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (!w->closed)
        stream_abort(w->s);
    loop_close(&w->loop);
    assert_int_equal(w->closed, 1); /* told once, whatever happened */
    if (w->peer >= 0)
        close(w->peer);
    tls_context_close(w->tls);
    free(w);
    return 0;
}

static void turn(struct world *w, int times)
{
    for (int i = 0; i < times; i++) {
        if (w->others_fail)
            ERR_raise(ERR_LIB_USER, ERR_R_INTERNAL_ERROR);
        loop_turn(&w->loop, false);
    }
}

static void say(struct world *w, const char *text)
{
    assert_int_equal(send(w->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    turn(w, 3);
}

/* All that the stream sends within some turns. */
static size_t hear(struct world *w, char *into, size_t room)
{
    size_t have = 0;
    for (int i = 0; i < TURNS_MAX && have < room; i++) {
        loop_turn(&w->loop, false);
        ssize_t n = recv(w->peer, into + have, room - have, 0);
        if (n <= 0 && i > 20)
            break;
        have += n > 0 ? (size_t)n : 0;
    }
    return have;
}

static void what_was_not_taken_is_offered_again_in_front(void **state)
{
    struct world *w = *state;
    w->take_at_most = 3;
    say(w, "abcde");
    say(w, "fg");
    assert_string_equal(w->offered, "abcde|defg|");
}

static void resume_offers_without_new_bytes(void **state)
{
    struct world *w = *state;
    w->take_at_most = 0;
    say(w, "half");
    w->take_at_most = SIZE_MAX;
    stream_resume(w->s);
    assert_string_equal(w->offered, "half|");
    turn(w, 2);
    assert_string_equal(w->offered, "half|half|");
}

static void a_paused_stream_reads_nothing(void **state)
{
    struct world *w = *state;
    stream_pause(w->s);
    say(w, "x");
    assert_string_equal(w->offered, "");
    stream_resume(w->s);
    turn(w, 3);
    assert_string_equal(w->offered, "x|");
}

static void reading_stops_at_the_bound_of_untaken_bytes(void **state)
{
    struct world *w = *state;
    char big[20000];
    w->take_at_most = 0;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    for (int i = 0; i < 8; i++)
        (void)!send(w->peer, big, sizeof big, MSG_DONTWAIT | MSG_NOSIGNAL);
    turn(w, 50);
    size_t before = strlen(w->offered);
    turn(w, 50);
    assert_int_equal(strlen(w->offered), before);
    assert_int_equal(w->closed, 0);
}

static void writes_of_a_callback_leave_together(void **state)
{
    struct world *w = *state;
    char heard[64] = "";
    w->reply = "one ";
    w->take_at_most = SIZE_MAX;
    say(w, "q");
    assert_int_equal(recv(w->peer, heard, sizeof heard, 0), 4);
}

static void a_file_and_bytes_around_it_arrive_in_order(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/wirelab-stream-XXXXXX", heard[64] = "";
    int fd = mkstemp(path);
    unlink(path);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    assert_true(stream_write(w->s, span_text("<")));
    assert_true(stream_write_file(w->s, fd, 2, 5));
    assert_true(stream_write(w->s, span_text(">")));
    hear(w, heard, sizeof heard - 1);
    assert_string_equal(heard, "<23456>");
}

static void release(void *arg)
{
    ((struct world *)arg)->released++;
}

static void a_slow_peer_crowds_the_queue_and_drains_it(void **state)
{
    struct world *w = *state;
    static uint8_t big[600000];
    static char heard[700000];
    memset(big, 'b', sizeof big);
    assert_true(stream_write_shared(w->s, span_of(big, sizeof big), release, w));
    turn(w, 5);
    assert_true(stream_crowded(w->s));
    assert_int_equal(w->released, 0);
    assert_int_equal(hear(w, heard, sizeof heard), sizeof big);
    assert_int_equal(w->drained, 1);
    assert_int_equal(w->released, 1);
    assert_false(stream_crowded(w->s));
}

static void the_hard_limit_refuses(void **state)
{
    struct world *w = *state;
    static uint8_t big[(1 << 20) + 1];
    assert_false(stream_write(w->s, span_of(big, sizeof big)));
    assert_int_equal(w->closed, 0);
}

static void finish_sends_all_and_waits_for_the_peer(void **state)
{
    struct world *w = *state;
    char heard[16] = "";
    stream_write(w->s, span_text("bye"));
    stream_finish(w->s);
    assert_int_equal(w->closed, 0);
    assert_int_equal(hear(w, heard, sizeof heard - 1), 3);
    assert_string_equal(heard, "bye");
    assert_int_equal(recv(w->peer, heard, 1, 0), 0); /* half closed */
    assert_int_equal(w->closed, 0);
    shutdown(w->peer, SHUT_WR);
    turn(w, 5);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->why, STREAM_FINISHED);
}

static void a_peer_that_never_ends_is_not_waited_for_long(void **state)
{
    struct world *w = *state;
    clock_freeze(&w->loop.clock);
    stream_finish(w->s);
    turn(w, 5);
    loop_advance(&w->loop, 60000);
    turn(w, 5);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->expired, 0);
}

static void a_slow_peer_gets_all_of_a_finished_stream(void **state)
{
    struct world *w = *state;
    static uint8_t big[600000];
    static char heard[40000];
    clock_freeze(&w->loop.clock);
    assert_true(stream_write(w->s, span_of(big, sizeof big)));
    stream_finish(w->s);
    turn(w, 5);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(hear(w, heard, sizeof heard), sizeof heard);
        loop_advance(&w->loop, 28000);
        turn(w, 5);
        assert_int_equal(w->closed, 0);
    }
    loop_advance(&w->loop, 61000); /* it takes nothing any more: two looks */
    turn(w, 5);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->why, STREAM_ABORTED);
}

static void close_waits_for_no_peer_but_loses_nothing(void **state)
{
    struct world *w = *state;
    char heard[16] = "";
    stream_write(w->s, span_text("bye"));
    stream_close(w->s);
    turn(w, 3);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->why, STREAM_FINISHED);
    assert_int_equal(recv(w->peer, heard, sizeof heard - 1, 0), 3);
    assert_int_equal(recv(w->peer, heard, 1, 0), 0);
}

static void close_lingers_over_bytes_that_nobody_read(void **state)
{
    struct world *w = *state;
    w->take_at_most = 0;
    say(w, "more");
    stream_close(w->s);
    turn(w, 3);
    assert_int_equal(w->closed, 0);
    shutdown(w->peer, SHUT_WR);
    turn(w, 5);
    assert_int_equal(w->closed, 1);
}

static void the_end_of_the_peer_is_told_once(void **state)
{
    struct world *w = *state;
    close(w->peer);
    w->peer = -1;
    turn(w, 6);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->why, STREAM_PEER);
}

/* A reset comes with bytes in front of it: those are offered, and the end is told behind them. */
static void bytes_and_a_reset_at_once_are_both_told(void **state)
{
    struct world *w = *state;
    assert_true(stream_write(w->s, span_text("the peer does not read this")));
    turn(w, 2);
    assert_int_equal(send(w->peer, "part", 4, MSG_NOSIGNAL), 4);
    close(w->peer); /* with bytes unread: a reset */
    w->peer = -1;
    turn(w, 6);
    assert_string_equal(w->offered, "part|");
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->why, STREAM_ERROR);
}

static void abort_itself(struct world *w, struct stream *s)
{
    (void)w;
    stream_write(s, span_text("never"));
    stream_abort(s);
    assert_false(stream_write(s, span_text("after the end")));
}

static void a_callback_may_abort_its_own_stream(void **state)
{
    struct world *w = *state;
    w->in_bytes = abort_itself;
    say(w, "die");
    turn(w, 3);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->why, STREAM_ABORTED);
}

static void abort_when_all_is_there(struct world *w, struct stream *s)
{
    if (strcmp(w->offered, "half|half more|") == 0)
        stream_abort(s);
}

static void what_was_offered_can_be_read_behind_an_abort(void **state)
{
    struct world *w = *state;
    w->in_bytes = abort_when_all_is_there;
    w->take_at_most = 0;
    say(w, "half");
    say(w, " more");
    assert_string_equal(w->offered, "half|half more|");
    assert_string_equal(w->left, "half more");
    assert_int_equal(w->closed, 1);
}

static void the_deadline_fires_at_its_time_and_not_before(void **state)
{
    struct world *w = *state;
    clock_freeze(&w->loop.clock);
    stream_deadline(w->s, loop_now(&w->loop).mono_ms + 300);
    loop_advance(&w->loop, 299);
    assert_int_equal(w->expired, 0);
    loop_advance(&w->loop, 1);
    assert_int_equal(w->expired, 1);
}

/* ---- TLS ---------------------------------------------------------------------------------- */

static void upgrade(struct world *w, struct stream *s)
{
    if (stream_secure(s))
        return;
    assert_true(stream_write(s, span_text("220 go\r\n")));
    stream_start_tls(s, w->tls);
    w->take_at_most = 10;
}

static void shake_hands(struct world *w, SSL *client)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        loop_turn(&w->loop, false);
        if (SSL_connect(client) == 1 && w->secured)
            return;
    }
    fail_msg("no handshake");
}

static void clear_bytes_behind_the_upgrade_never_count(void **state)
{
    struct world *w = *state;
    char directory[SCRATCH_BYTES], heard[64] = "";
    struct problem p;
    scratch_make(directory);
    struct tls_home *home = tls_home_open(directory, NULL);
    w->tls = tls_server_context(home, "mail01", NULL, NULL, loop_now(&w->loop), &p);
    assert_non_null(w->tls);
    w->in_bytes = upgrade;
    say(w, "STARTTLS\r\nMAIL FROM:<evil>\r\n");
    assert_int_equal(recv(w->peer, heard, sizeof heard, 0), 8);
    assert_string_equal(heard, "220 go\r\n");

    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(context);
    SSL_set_fd(client, w->peer);
    shake_hands(w, client);
    assert_int_equal(w->discarded, strlen("MAIL FROM:<evil>\r\n"));
    w->offered[0] = 0;
    w->take_at_most = SIZE_MAX;
    w->reply = "250 ok\r\n";
    assert_int_equal(SSL_write(client, "EHLO\r\n", 6), 6);
    turn(w, 5);
    assert_string_equal(w->offered, "EHLO\r\n|");
    assert_int_equal(SSL_read(client, heard, sizeof heard), 8);
    SSL_free(client);
    SSL_CTX_free(context);
    tls_home_close(home);
    assert_int_equal(scratch_remove(directory), 0);
}

/* Another certificate came while the client was still on its way: the connection goes on by the one it has.
 */
static void a_context_lives_as_long_as_its_connections(void **state)
{
    struct world *w = *state;
    char directory[SCRATCH_BYTES];
    struct problem p;
    scratch_make(directory);
    struct tls_home *home = tls_home_open(directory, NULL);
    struct tls_context *served = tls_server_context(home, "mail01", NULL, NULL, loop_now(&w->loop), &p);
    tls_context_speak(served, "dot");
    stream_start_tls(w->s, served);
    tls_context_close(served);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *client = SSL_new(context);
    const unsigned char *protocol;
    unsigned length;
    assert_int_equal(SSL_set_alpn_protos(client, (const unsigned char *)"\3dot", 4), 0);
    SSL_set_fd(client, w->peer);
    shake_hands(w, client);
    SSL_get0_alpn_selected(client, &protocol, &length);
    assert_int_equal(length, 3);
    assert_memory_equal(protocol, "dot", 3);
    SSL_free(client);
    SSL_CTX_free(context);
    tls_home_close(home);
    assert_int_equal(scratch_remove(directory), 0);
}

static void garbage_for_a_handshake_ends_only_that_stream(void **state)
{
    struct world *w = *state;
    char directory[SCRATCH_BYTES];
    struct problem p;
    scratch_make(directory);
    struct tls_home *home = tls_home_open(directory, NULL);
    w->tls = tls_server_context(home, "mail01", NULL, NULL, loop_now(&w->loop), &p);
    stream_start_tls(w->s, w->tls);
    turn(w, 2);
    say(w, "EHLO in clear\r\n");
    turn(w, 5);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->why, STREAM_ERROR);
    assert_string_equal(w->offered, "");
    tls_home_close(home);
    assert_int_equal(scratch_remove(directory), 0);
}

/* The peer as a TLS server for mail01, of the lab's own authority; the stream asks for `name`. */
static void ask_peer_for(struct world *w, const char *name)
{
    char directory[SCRATCH_BYTES];
    struct problem p;
    scratch_make(directory);
    struct tls_home *home = tls_home_open(directory, NULL);
    struct tls_context *served = tls_server_context(home, "mail01", NULL, NULL, loop_now(&w->loop), &p);
    w->tls = tls_client_context(NULL, tls_home_ca_path(home), &p);
    assert_non_null(w->tls);
    SSL *server = SSL_new(tls_context_ssl(served));
    SSL_set_fd(server, w->peer);
    stream_start_tls_to(w->s, w->tls, name);
    for (int i = 0; i < TURNS_MAX && !w->closed && !w->secured; i++) {
        turn(w, 1);
        SSL_accept(server);
    }
    if (w->secured) {
        assert_true(stream_write(w->s, span_text("EHLO\r\n")));
        turn(w, 5);
        char heard[16] = "";
        assert_int_equal(SSL_read(server, heard, sizeof heard), 6);
        assert_string_equal(SSL_get_servername(server, TLSEXT_NAMETYPE_host_name), "mail01");
        assert_int_equal(SSL_write(server, "250 ok\r\n", 8), 8);
        turn(w, 5);
        assert_string_equal(w->offered, "250 ok\r\n|");
    }
    SSL_free(server);
    tls_context_close(served);
    tls_home_close(home);
    assert_int_equal(scratch_remove(directory), 0);
}

static void a_client_takes_the_certificate_of_the_name_it_asks_for(void **state)
{
    struct world *w = *state;
    ask_peer_for(w, "mail01");
    assert_int_equal(w->secured, 1);
}

static void a_client_takes_no_certificate_of_another_name(void **state)
{
    struct world *w = *state;
    ask_peer_for(w, "mail02");
    assert_int_equal(w->secured, 0);
    assert_int_equal(w->closed, 1);
    assert_int_equal(w->why, STREAM_ERROR);
}

static void an_error_of_somebody_else_ends_no_stream(void **state)
{
    struct world *w = *state;
    w->others_fail = true;
    ask_peer_for(w, "mail01");
    assert_int_equal(w->secured, 1);
    assert_int_equal(w->closed, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_not_taken_is_offered_again_in_front),
        TEST(resume_offers_without_new_bytes),
        TEST(a_paused_stream_reads_nothing),
        TEST(reading_stops_at_the_bound_of_untaken_bytes),
        TEST(writes_of_a_callback_leave_together),
        TEST(a_file_and_bytes_around_it_arrive_in_order),
        TEST(a_slow_peer_crowds_the_queue_and_drains_it),
        TEST(the_hard_limit_refuses),
        TEST(finish_sends_all_and_waits_for_the_peer),
        TEST(a_peer_that_never_ends_is_not_waited_for_long),
        TEST(a_slow_peer_gets_all_of_a_finished_stream),
        TEST(close_waits_for_no_peer_but_loses_nothing),
        TEST(close_lingers_over_bytes_that_nobody_read),
        TEST(the_end_of_the_peer_is_told_once),
        TEST(bytes_and_a_reset_at_once_are_both_told),
        TEST(a_callback_may_abort_its_own_stream),
        TEST(what_was_offered_can_be_read_behind_an_abort),
        TEST(the_deadline_fires_at_its_time_and_not_before),
        TEST(clear_bytes_behind_the_upgrade_never_count),
        TEST(a_context_lives_as_long_as_its_connections),
        TEST(garbage_for_a_handshake_ends_only_that_stream),
        TEST(a_client_takes_the_certificate_of_the_name_it_asks_for),
        TEST(a_client_takes_no_certificate_of_another_name),
        TEST(an_error_of_somebody_else_ends_no_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
