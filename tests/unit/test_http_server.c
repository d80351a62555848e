/* common/http_server.c: connections on a frozen clock, one end a server, the other a plain socket. */
#include "http_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define LARGE     (3 * 1024 * 1024)
#define HEARD_MAX (4 * LARGE)

struct world {
    struct loop loop;
    struct http_server *server;
    struct http_server_options options;
    int client;
    bool client_ended;
    size_t handled, released;
    struct http_exchange *waiting; /* the one for /later */
    struct http_fault refused;
    size_t refusals;
    char *heard;
    size_t heard_len;
};

static uint8_t large[LARGE];

static void released(void *owner)
{
    ((struct world *)owner)->released++;
}

/* ---- what is served ------------------------------------------------------------------------------ */

static void answer_text(struct http_exchange *x, unsigned status, const char *text)
{
    struct http_answer a = { .status = status,
                             .head = span_text("X-Test: yes\r\n"),
                             .body = span_text(text) };
    http_answer(x, &a);
}

static void answer_file(struct http_exchange *x)
{
    char path[] = "/tmp/test_http_server.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(write(fd, "0123456789", 10), 10);
    struct http_answer a = { .status = 206, .file = true, .fd = fd, .from = 2, .length = 5 };
    http_answer(x, &a);
}

static void answer_in_pieces(struct http_exchange *x)
{
    http_begin(x, 200, span_text("X-Test: yes\r\n"));
    http_piece(x, span_text("one "));
    http_piece(x, span_text(""));
    http_piece(x, span_text("two"));
    http_end(x);
}

static void handle(void *owner, struct http_exchange *x)
{
    struct world *w = owner;
    w->handled++;
    if (span_is(x->target.path, "/later")) {
        assert_null(w->waiting);
        w->waiting = x;
    } else if (span_is(x->target.path, "/echo")) {
        struct http_answer a = { .status = 200, .body = x->body };
        http_answer(x, &a);
    } else if (span_is(x->target.path, "/large")) {
        struct http_answer a = {
            .status = 200, .body = span_of(large, LARGE), .release = released, .owner = w
        };
        http_answer(x, &a);
    } else if (span_is(x->target.path, "/file")) {
        answer_file(x);
    } else if (span_is(x->target.path, "/pieces")) {
        answer_in_pieces(x);
    } else if (span_is(x->target.path, "/nothing")) {
        answer_text(x, 304, "not to be sent");
    } else {
        answer_text(x, 200, "hello");
    }
}

static void refused(void *owner, const struct endpoint *peer, const struct http_fault *fault, struct now now)
{
    struct world *w = owner;
    (void)peer;
    (void)now;
    w->refusals++;
    w->refused = *fault;
}

static const struct http_handler handler = { .handle = handle, .refused = refused };

/* ---- the world ------------------------------------------------------------------------------------- */

static void turn(struct world *w, int times)
{
    for (int i = 0; i < times; i++)
        loop_turn(&w->loop, false);
}

static void join(struct world *w)
{
    struct endpoint peer = { .address = address_ip4(0xc0000201), .port = 1234 };
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    w->client = pair[1];
    w->client_ended = false;
    w->heard_len = 0;
    http_server_accept(w->server, pair[0], &peer, NULL);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->heard = malloc(HEARD_MAX);
    w->options = (struct http_server_options){ .limits = { 1024, 4096 },
                                               .body_bytes_max = 1000,
                                               .idle_ms = 1000,
                                               .head_ms = 200,
                                               .body_ms = 300,
                                               .write_ms = 500,
                                               .connections_max = 2 };
    assert_int_equal(loop_open(&w->loop), 0);
    clock_freeze(&w->loop.clock);
    w->server = http_server_open(&w->loop, &w->options, &handler, w);
    assert_non_null(w->server);
    join(w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    if (w->client >= 0)
        close(w->client);
    http_server_close(w->server);
    loop_close(&w->loop);
    free(w->heard);
    free(w);
    return 0;
}

static void say_bytes(struct world *w, const void *bytes, size_t len)
{
    assert_int_equal(send(w->client, bytes, len, MSG_NOSIGNAL), len);
    turn(w, 2);
}

static void say(struct world *w, const char *text)
{
    say_bytes(w, text, strlen(text));
}

/* Reads at most `most` bytes of what has come. */
static void hear(struct world *w, size_t most)
{
    while (most && !w->client_ended) {
        size_t room = most < 65536 ? most : 65536;
        assert_true(w->heard_len + room < HEARD_MAX);
        ssize_t n = recv(w->client, w->heard + w->heard_len, room, 0);
        if (n < 0) {
            assert_true(errno == EAGAIN || errno == ECONNRESET);
            w->client_ended = errno == ECONNRESET;
            break;
        }
        w->client_ended = n == 0;
        w->heard_len += (size_t)n;
        most -= (size_t)n;
        turn(w, 1);
    }
    w->heard[w->heard_len] = 0;
}

static void hear_all(struct world *w)
{
    turn(w, 3);
    hear(w, SIZE_MAX);
    turn(w, 3);
    hear(w, SIZE_MAX);
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
        n++;
    return n;
}

/* The statuses of the answers heard, in their order: "200 404 ". */
static const char *statuses(struct world *w)
{
    static char out[200];
    size_t len = 0;
    out[0] = 0;
    hear_all(w);
    for (const char *at = strstr(w->heard, "HTTP/1.1 "); at; at = strstr(at + 1, "HTTP/1.1 "))
        len += (size_t)snprintf(out + len, sizeof out - len, "%.3s ", at + 9);
    return out;
}

static bool heard(struct world *w, const char *text)
{
    hear_all(w);
    return strstr(w->heard, text) != NULL;
}

static void wait_ms(struct world *w, uint64_t ms)
{
    loop_advance(&w->loop, ms);
    turn(w, 3);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- answers ---------------------------------------------------------------------------------------- */

static void one_request_one_answer(void **state)
{
    struct world *w = *state;
    say(w, GET("/"));
    assert_string_equal(statuses(w), "200 ");
    assert_true(heard(w, "\r\nDate: "));
    assert_true(heard(w, " GMT\r\nX-Test: yes\r\nContent-Length: 5\r\n\r\nhello"));
    assert_false(w->client_ended);
    assert_null(strstr(w->heard, "Connection:"));
}

static void head_is_answered_without_a_body(void **state)
{
    struct world *w = *state;
    say(w, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(heard(w, "Content-Length: 5\r\n\r\n"));
    assert_null(strstr(w->heard, "hello"));
    say(w, "HEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\n" GET("/"));
    assert_string_equal(statuses(w), "200 200 200 ");
    assert_null(strstr(w->heard, "one"));
    say(w, "HEAD /large HTTP/1.1\r\nHost: a\r\n\r\nHEAD /file HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(statuses(w), "200 200 200 200 206 ");
    assert_int_equal(w->released, 1);
}

static void a_304_has_no_body_and_no_length(void **state)
{
    struct world *w = *state;
    say(w, GET("/nothing") GET("/"));
    assert_string_equal(statuses(w), "304 200 ");
    assert_null(strstr(w->heard, "not to be sent"));
    assert_int_equal(count_of(w->heard, "Content-Length"), 1);
}

static void a_part_of_a_file(void **state)
{
    struct world *w = *state;
    say(w, GET("/file"));
    assert_true(heard(w, "Content-Length: 5\r\n\r\n23456"));
}

static void an_answer_of_unknown_length(void **state)
{
    struct world *w = *state;
    say(w, GET("/pieces"));
    assert_true(heard(w, "Transfer-Encoding: chunked\r\n\r\n4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"));
    say(w, "GET /pieces HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(heard(w, "\r\n\r\none two"));
    assert_true(w->client_ended); /* its end is the end of the connection */
    assert_int_equal(count_of(w->heard, "Transfer-Encoding"), 1);
}

static void old_clients(void **state)
{
    struct world *w = *state;
    say(w, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_true(heard(w, "Connection: keep-alive\r\n"));
    assert_false(w->client_ended);
    say(w, "GET / HTTP/1.0\r\n\r\n");
    assert_true(heard(w, "Connection: close\r\n"));
    assert_true(w->client_ended);
}

static void the_client_asks_to_close(void **state)
{
    struct world *w = *state;
    say(w, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/"));
    assert_string_equal(statuses(w), "200 ");
    assert_true(heard(w, "Connection: close\r\n"));
    assert_true(w->client_ended);
    assert_int_equal(w->handled, 1);
}

/* ---- streams of requests ------------------------------------------------------------------------------ */

static const char conversation[] =
    GET("/") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
             "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
             "3;x=y\r\nsec\r\n3\r\nond\r\n0\r\nTrailer: a\r\n\r\n"
             "\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n" GET(
                 "/pieces") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" GET("/nothing")
                 GET("/file") "GET / HTTP/1.0\r\n\r\n";

static void split_at_every_byte_it_is_answered_alike(void **state)
{
    struct world *w = *state;
    static char whole[8192];
    say(w, conversation);
    assert_string_equal(statuses(w), "200 200 200 200 200 200 304 206 200 ");
    assert_true(w->client_ended);
    snprintf(whole, sizeof whole, "%s", w->heard);
    for (size_t cut = 1; cut < strlen(conversation); cut++) {
        close(w->client);
        turn(w, 4);
        join(w);
        say_bytes(w, conversation, cut);
        say_bytes(w, conversation + cut, strlen(conversation) - cut);
        hear_all(w);
        assert_string_equal(w->heard, whole);
        assert_true(w->client_ended);
    }
}

static void byte_by_byte(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < strlen(conversation); i++)
        say_bytes(w, conversation + i, 1);
    assert_string_equal(statuses(w), "200 200 200 200 200 200 304 206 200 ");
    assert_non_null(strstr(w->heard, "first"));
    assert_non_null(strstr(w->heard, "second"));
}

static void later_requests_wait_for_their_turn(void **state)
{
    struct world *w = *state;
    say(w, GET("/later") GET("/") GET("/pieces"));
    assert_int_equal(w->handled, 1);
    assert_string_equal(statuses(w), "");
    struct http_exchange *x = w->waiting;
    w->waiting = NULL;
    assert_int_equal(x->peer.port, 1234);
    answer_text(x, 200, "at last");
    assert_string_equal(statuses(w), "200 200 200 ");
    assert_true(strstr(w->heard, "at last") < strstr(w->heard, "hello"));
}

static void an_answer_that_took_long_leaves_the_connection_open(void **state)
{
    struct world *w = *state;
    say(w, GET("/later"));
    wait_ms(w, 10 * w->options.idle_ms);
    struct http_exchange *x = w->waiting;
    w->waiting = NULL;
    answer_text(x, 200, "at last");
    wait_ms(w, w->options.idle_ms - 10);
    say(w, GET("/"));
    assert_string_equal(statuses(w), "200 200 ");
}

static void many_large_answers_to_a_slow_reader(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 3; i++)
        say(w, GET("/large"));
    say(w, GET("/"));
    turn(w, 20);
    assert_int_equal(w->handled, 1); /* the others wait while this one is not taken */
    for (int i = 0; i < 40 && w->handled < 4; i++)
        hear_all(w);
    hear_all(w);
    assert_memory_equal(w->heard + w->heard_len - 5, "hello", 5);
    assert_int_equal(w->handled, 4);
    assert_int_equal(w->released, 3);
}

/* ---- the client's end ------------------------------------------------------------------------------------
 */

static void a_client_that_asks_nothing_more_gets_all_its_answers(void **state)
{
    struct world *w = *state;
    say(w, GET("/") GET("/later") GET("/") GET("/pieces"));
    shutdown(w->client, SHUT_WR);
    turn(w, 3);
    assert_string_equal(statuses(w), "200 ");
    struct http_exchange *x = w->waiting;
    w->waiting = NULL;
    answer_text(x, 200, "at last");
    assert_string_equal(statuses(w), "200 200 200 200 ");
    assert_true(w->client_ended);
    assert_int_equal(http_server_connections(w->server), 0);
}

static void large_answers_after_the_client_s_end(void **state)
{
    struct world *w = *state;
    say(w, GET("/large") GET("/file"));
    shutdown(w->client, SHUT_WR);
    for (int i = 0; i < 40 && !w->client_ended; i++)
        hear_all(w);
    assert_true(w->client_ended);
    assert_int_equal(w->handled, 2);
    assert_true(w->heard_len > LARGE);
    assert_memory_equal(w->heard + w->heard_len - 5, "23456", 5);
}

static void half_a_request_and_the_end(void **state)
{
    struct world *w = *state;
    say(w, GET("/") "GET / HT");
    shutdown(w->client, SHUT_WR);
    assert_string_equal(statuses(w), "200 ");
    assert_true(w->client_ended);
}

static void a_client_that_goes_before_its_answer(void **state)
{
    struct world *w = *state;
    say(w, GET("/later") GET("/"));
    struct linger reset = { 1, 0 };
    setsockopt(w->client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(w->client);
    w->client = -1;
    turn(w, 5);
    answer_text(w->waiting, 200, "to nobody");
    turn(w, 5);
    assert_int_equal(http_server_connections(w->server), 0);
}

static void a_client_that_goes_while_it_is_answered(void **state)
{
    struct world *w = *state;
    say(w, GET("/later"));
    close(w->client);
    w->client = -1;
    http_begin(w->waiting, 200, span_text("")); /* before the loop has seen it */
    http_piece(w->waiting, span_text("to nobody"));
    turn(w, 1);
    http_piece(w->waiting, span_text("to nobody"));
    turn(w, 5);
    http_piece(w->waiting, span_text("to nobody"));
    http_end(w->waiting);
    turn(w, 5);
    assert_int_equal(http_server_connections(w->server), 0);
}

static void one_that_takes_nothing_of_a_long_answer_is_cut_off(void **state)
{
    struct world *w = *state;
    say(w, GET("/later"));
    http_begin(w->waiting, 200, span_text(""));
    for (int i = 0; i < 5; i++)
        http_piece(w->waiting, span_of(large, LARGE));
    turn(w, 3);
    http_end(w->waiting);
    turn(w, 3);
    assert_int_equal(http_server_connections(w->server), 0);
}

/* ---- bodies
 * ------------------------------------------------------------------------------------------------ */

static void continue_is_said_once_and_only_when_it_is_waited_for(void **state)
{
    struct world *w = *state;
    say(w, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-Continue\r\n\r\n");
    hear_all(w);
    assert_string_equal(w->heard, "HTTP/1.1 100 Continue\r\n\r\n");
    say(w, "bo");
    say(w, "dy");
    assert_string_equal(statuses(w), "100 200 ");
    /* the body is there already; an old client does not know it */
    say(w, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nb");
    say(w, "ody");
    say(w,
        "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    say(w, "body");
    assert_string_equal(statuses(w), "100 200 200 200 ");
    /* each request anew */
    say(w, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
    say(w, "0\r\n\r\n");
    assert_string_equal(statuses(w), "100 200 200 200 100 200 ");
}

static void a_body_that_is_too_large_is_not_waited_for(void **state)
{
    struct world *w = *state;
    say(w, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
    assert_string_equal(statuses(w), "413 ");
    assert_true(heard(w, "Connection: close\r\n"));
    assert_true(w->client_ended);
    assert_int_equal(w->refused.status, 413);
}

static void a_chunked_body_that_grows_too_large(void **state)
{
    struct world *w = *state;
    say(w, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 10; i++) {
        say(w, "64\r\n");
        say_bytes(w, large, 100);
        say(w, "\r\n");
    }
    assert_int_equal(w->refusals, 0);
    say(w, "1\r\nx");
    assert_string_equal(statuses(w), "413 ");
    assert_true(w->client_ended);
}

static void the_largest_chunked_body(void **state)
{
    struct world *w = *state;
    say(w, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 1000; i++)
        say(w, "1\r\nx\r\n");
    say(w, "0\r\n\r\n");
    assert_string_equal(statuses(w), "200 ");
    assert_non_null(strstr(w->heard, "Content-Length: 1000\r\n"));
}

/* ---- refusals
 * ------------------------------------------------------------------------------------------------ */

static void what_is_refused_ends_the_connection(void **state)
{
    static const struct {
        const char *text;
        unsigned status;
    } cases[] = {
        { "GET / HTTP/1.1\r\n\r\n" GET("/"), 400 },
        { "GET / HTTP/1.1\nHost: a\n\n" GET("/"), 400 },
        { "GET / HTTP/3.0\r\nHost: a\r\n\r\n" GET("/"), 505 },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: "
          "chunked\r\n\r\n0\r\n\r\n" GET("/"),
          400 },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" GET("/"), 501 },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" GET("/"),
          400 },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;\n\r\na\r\n0\r\n\r\n" GET("/"),
          400 },
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[20];
        snprintf(wanted, sizeof wanted, "200 %u ", cases[i].status);
        say(w, GET("/"));
        say(w, cases[i].text);
        assert_string_equal(statuses(w), wanted);
        assert_true(heard(w, "Connection: close\r\n"));
        assert_true(w->client_ended);
        assert_int_equal(w->refusals, i + 1);
        assert_int_equal(w->refused.status, cases[i].status);
        assert_int_equal(w->handled, i + 1);
        close(w->client);
        turn(w, 4);
        join(w);
    }
}

static void one_too_many_is_closed(void **state)
{
    struct world *w = *state;
    int first = w->client;
    join(w);
    int second = w->client;
    join(w);
    hear_all(w);
    assert_true(w->client_ended);
    assert_int_equal(w->refused.status, 503);
    assert_int_equal(http_server_connections(w->server), 2);
    close(w->client);
    close(second);
    w->client = first;
    w->client_ended = false;
    say(w, GET("/"));
    assert_string_equal(statuses(w), "200 ");
}

/* ---- time
 * ------------------------------------------------------------------------------------------------------ */

static void a_head_that_does_not_come_is_408(void **state)
{
    struct world *w = *state;
    say(w, GET("/"));
    wait_ms(w, w->options.idle_ms / 2); /* no head has begun yet */
    say(w, "GET / HTTP/1.1\r\n");
    wait_ms(w, w->options.head_ms / 2);
    say(w, "Host: a\r\n"); /* a byte now and then gains no time */
    wait_ms(w, w->options.head_ms / 2 - 1);
    assert_string_equal(statuses(w), "200 ");
    wait_ms(w, 1);
    assert_string_equal(statuses(w), "200 408 ");
    assert_true(w->client_ended);
    assert_int_equal(w->refused.status, 408);
}

static void a_body_that_does_not_come_is_408(void **state)
{
    struct world *w = *state;
    say(w, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nbo");
    wait_ms(w, w->options.body_ms - 1);
    say(w, "d");
    assert_string_equal(statuses(w), "");
    wait_ms(w, 1);
    assert_string_equal(statuses(w), "408 ");
    assert_true(w->client_ended);
}

static void an_idle_connection_ends_without_a_word(void **state)
{
    struct world *w = *state;
    say(w, GET("/"));
    assert_string_equal(statuses(w), "200 ");
    wait_ms(w, w->options.idle_ms - 1);
    say(w, "\r\n"); /* an empty line is no request */
    hear_all(w);
    assert_false(w->client_ended);
    wait_ms(w, 1);
    assert_string_equal(statuses(w), "200 ");
    assert_true(w->client_ended);
    assert_int_equal(w->refusals, 0);
}

static void one_that_says_nothing_at_all(void **state)
{
    struct world *w = *state;
    wait_ms(w, w->options.head_ms);
    hear_all(w);
    assert_true(w->client_ended);
    assert_int_equal(w->heard_len, 0);
}

static void a_slow_reader_is_waited_for_while_it_reads(void **state)
{
    struct world *w = *state;
    say(w, GET("/large"));
    for (int i = 0; i < 8; i++) { /* far longer than write_ms in all */
        wait_ms(w, w->options.write_ms - 1);
        hear(w, 250000);
    }
    assert_false(w->client_ended);
    assert_int_equal(http_server_connections(w->server), 1);
    assert_int_equal(w->released, 0);
    wait_ms(w, 3 * w->options.write_ms); /* and now it takes nothing: looked at each write_ms */
    assert_int_equal(http_server_connections(w->server), 0);
    assert_int_equal(w->released, 1);
}

static void a_slow_reader_of_the_last_answer(void **state)
{
    struct world *w = *state;
    say(w, "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for (int i = 0; i < 10; i++) { /* far longer than the stream waits for one that takes nothing */
        wait_ms(w, 20000);
        hear(w, 250000);
    }
    assert_int_equal(http_server_connections(w->server), 1);
    for (int i = 0; i < 40 && !w->client_ended; i++)
        hear_all(w);
    assert_true(w->heard_len > LARGE);
}

/* ---- the server's end
 * -------------------------------------------------------------------------------------------- */

static void draining(void **state)
{
    struct world *w = *state;
    int busy = w->client;
    say(w, GET("/later"));
    join(w); /* the second is idle */
    turn(w, 2);
    http_server_drain(w->server);
    hear_all(w);
    assert_true(w->client_ended);
    close(w->client);
    w->client = busy;
    w->client_ended = false;
    w->heard_len = 0;
    answer_text(w->waiting, 200, "before the end");
    assert_string_equal(statuses(w), "200 ");
    assert_true(heard(w, "Connection: close\r\n"));
    assert_true(w->client_ended);
    close(w->client);
    w->client = -1;
    turn(w, 5);
    assert_int_equal(http_server_connections(w->server), 0);
}

static void closing_with_a_request_in_hand(void **state)
{
    struct world *w = *state;
    say(w, GET("/later") GET("/"));
    assert_non_null(w->waiting); /* tear_down() closes; nobody answers */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_request_one_answer),
        TEST(head_is_answered_without_a_body),
        TEST(a_304_has_no_body_and_no_length),
        TEST(a_part_of_a_file),
        TEST(an_answer_of_unknown_length),
        TEST(old_clients),
        TEST(the_client_asks_to_close),
        TEST(split_at_every_byte_it_is_answered_alike),
        TEST(byte_by_byte),
        TEST(later_requests_wait_for_their_turn),
        TEST(an_answer_that_took_long_leaves_the_connection_open),
        TEST(many_large_answers_to_a_slow_reader),
        TEST(a_client_that_asks_nothing_more_gets_all_its_answers),
        TEST(large_answers_after_the_client_s_end),
        TEST(half_a_request_and_the_end),
        TEST(a_client_that_goes_before_its_answer),
        TEST(a_client_that_goes_while_it_is_answered),
        TEST(one_that_takes_nothing_of_a_long_answer_is_cut_off),
        TEST(continue_is_said_once_and_only_when_it_is_waited_for),
        TEST(a_body_that_is_too_large_is_not_waited_for),
        TEST(a_chunked_body_that_grows_too_large),
        TEST(the_largest_chunked_body),
        TEST(what_is_refused_ends_the_connection),
        TEST(one_too_many_is_closed),
        TEST(a_head_that_does_not_come_is_408),
        TEST(a_body_that_does_not_come_is_408),
        TEST(an_idle_connection_ends_without_a_word),
        TEST(one_that_says_nothing_at_all),
        TEST(a_slow_reader_is_waited_for_while_it_reads),
        TEST(a_slow_reader_of_the_last_answer),
        TEST(draining),
        TEST(closing_with_a_request_in_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
