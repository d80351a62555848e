#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_play.h"

#include <stdio.h>

static struct client_play play;

/* http_post, without the fields that say nothing here */
#define FORM                                                                                                 \
    "author=Chris+Sanders&email=chris%40chrissanders.org&url=http%3A%2F%2Fwww.chrissanders.org"              \
    "&comment=This+is+a+POST+test%21&submit=Submit+Comment&comment_post_ID=310&comment_parent=0"
#define POST_HEAD(END)                                                                                       \
    "POST /wp-comments-post.php HTTP/1.1" END "Host: www.chrissanders.org" END                               \
    "Content-Type: application/x-www-form-urlencoded" END
#define COOKIE_1 "comment_author_0d7dc802882e903c170f35a2d747915b=Chris+Sanders"
#define COOKIE_2 "comment_author_email_0d7dc802882e903c170f35a2d747915b=chris%40chrissanders.org"
#define COOKIE_3 "comment_author_url_0d7dc802882e903c170f35a2d747915b=http%3A%2F%2Fwww.chrissanders.org"
#define FOUND                                                                                                \
    "HTTP/1.1 302 Found\r\nSet-Cookie: " COOKIE_1 "; expires=Saturday, 22-Jan-11 07:50:27 GMT; path=/\r\n"   \
    "Set-Cookie: " COOKIE_2 "; expires=Saturday, 22-Jan-11 07:50:27 GMT; path=/\r\n"                         \
    "Set-Cookie: " COOKIE_3 "; expires=Saturday, 22-Jan-11 07:50:27 GMT; path=/\r\n"                         \
    "Location: http://www.chrissanders.org/?p=310&cpage=1#comment-103002\r\n"                                \
    "Content-Length: 20\r\nConnection: Keep-Alive\r\n\r\n01234567890123456789"
#define GET_AGAIN(END, LOCATION, COOKIES)                                                                    \
    "GET " LOCATION " HTTP/1.1" END "Host: www.chrissanders.org" END "Cookie: __utmc=84195659; " COOKIES END
#define OK_CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
#define GET        "GET / HTTP/1.1\nHost: a\n"
#define GET_SENT   "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static int tear_down(void **state)
{
    (void)state;
    play_close(&play);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    play_open(&play, &client_http);
    play_set(&play, "server", "172.16.16.139");
    return 0;
}

static void again(void)
{
    play_close(&play);
    set_up(NULL);
}

static void request(const char *text)
{
    play_line(&play, "request", "", span_text(text));
}

static void said_is(const char *text)
{
    struct span said = writer_span(&play.said_to);
    if (!span_is(said, text))
        fail_msg("said: %.*s", (int)said.len, (const char *)said.at);
}

static void set_up_post(void)
{
    again();
    request(POST_HEAD("\n") "\n" FORM "\n");
    request(GET_AGAIN("\n", "{location}", "{cookies}"));
    play_set(&play, "expect-status", "302 200");
}

static void the_captured_form(void **state)
{
    (void)state;
    const char *first = POST_HEAD("\r\n") "Content-Length: 179\r\n\r\n" FORM;
    for (size_t piece = 0; piece < strlen(FOUND) + 2; piece++) {
        set_up_post();
        assert_int_equal(play_begin(&play), CLIENT_WAIT);
        assert_int_equal(play.c->server.port, 80);
        said_is(first);
        play_hear_in(&play, span_head(span_text(FOUND), strlen(FOUND) - 1), piece);
        said_is(first); /* not before the answer is whole */
        play_hear(&play, "9");
        said_is(POST_HEAD("\r\n") "Content-Length: 179\r\n\r\n" FORM GET_AGAIN(
            "\r\n", "/?p=310&cpage=1", COOKIE_1 "; " COOKIE_2 "; " COOKIE_3) "\r\n");
        assert_int_equal(play_hear_in(&play, span_head(span_text(OK_CHUNKED), strlen(OK_CHUNKED) - 1), piece),
                         CLIENT_WAIT);
        assert_int_equal(play_hear(&play, "\n"), CLIENT_DONE);
        assert_int_equal(play.connects, 1);
    }
}

static void lengths_that_are_given_are_sent(void **state)
{
    (void)state;
    request("POST / HTTP/1.1\ncontent-length: 3\n\nab\n\n");
    play_begin(&play);
    said_is("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nab\n");
    again();
    request("POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n0\r\n\r\n\n");
    play_begin(&play);
    said_is("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    again();
    request("GET /{x} HTTP/1.0\n\n");
    play_begin(&play);
    said_is("GET /{x} HTTP/1.0\r\n\r\n");
}

static void ends_of_answers(void **state)
{
    static const struct {
        const char *request, *answer;
        bool until_close;
    } rows[] = {
        { GET, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false },
        { GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false },
        { GET, "HTTP/1.1 204 No Content\r\n\r\n", false },
        { GET, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false },
        { "HEAD / HTTP/1.1\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false },
        { GET, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", false },
        { GET, OK_CHUNKED, false },
        { GET, "HTTP/1.1 200 OK\r\n\r\nab", true },
        { GET, "HTTP/1.0 200 OK\r\n\r\n", true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct span answer = span_text(rows[i].answer);
        for (size_t cut = 0; cut < answer.len; cut++) {
            again();
            request(rows[i].request);
            play_begin(&play);
            assert_int_equal(play_hear_in(&play, span_head(answer, cut), 1), CLIENT_WAIT);
            bool head = rows[i].until_close &&
                        cut >= (size_t)(strstr(rows[i].answer, "\r\n\r\n") - rows[i].answer) + 4;
            if (cut % 2) {
                assert_int_equal(play_happen(&play, CLIENT_CLOSED), head ? CLIENT_DONE : CLIENT_FAILED);
                continue;
            }
            play_hear_in(&play, span_from(answer, cut), 0);
            assert_int_equal(play.wish, rows[i].until_close ? CLIENT_WAIT : CLIENT_DONE);
            if (rows[i].until_close)
                assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_DONE);
        }
    }
}

static void two_chunked_answers(void **state)
{
    (void)state;
    request(GET);
    request(GET);
    play_begin(&play);
    assert_int_equal(play_hear(&play, OK_CHUNKED), CLIENT_WAIT);
    assert_int_equal(play_hear(&play, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), CLIENT_WAIT);
    assert_int_equal(play_hear(&play, "0\r\n\r\n"), CLIENT_DONE);
}

static void the_next_request_goes_over_a_new_connection_when_the_server_ends_this(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na"
    };
    (void)state;
    for (int i = 0; i < 2; i++) {
        again();
        request(GET);
        request(GET);
        play_begin(&play);
        play_hear(&play, answers[i]);
        assert_int_equal(play.connects, 2);
        said_is(GET_SENT GET_SENT);
        assert_int_equal(play_hear(&play, answers[i]), CLIENT_DONE);
    }
    again();
    request(GET);
    request(GET);
    play_begin(&play);
    play_hear(&play, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na");
    assert_int_equal(play.connects, 1);
    again();
    request(GET);
    request(GET);
    play_begin(&play);
    play_hear(&play, "HTTP/1.1 200 OK\r\n\r\na");
    assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_WAIT);
    assert_int_equal(play.connects, 2);
}

#define OK_1 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"

static void a_connection_lost_between_requests_is_made_again(void **state)
{
    (void)state;
    request(GET);
    request(GET);
    play_begin(&play);
    play_hear(&play, OK_1);
    assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_WAIT);
    assert_int_equal(play.connects, 2);
    said_is(GET_SENT GET_SENT GET_SENT);
    assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_FAILED); /* a new one is not made again */
    again();                                                            /* RFC 9110 9.2.2 */
    request(GET);
    request("POST / HTTP/1.1\n\na\n");
    play_begin(&play);
    play_hear(&play, OK_1);
    assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_FAILED);
    again(); /* an answer has begun */
    request(GET);
    request(GET);
    play_begin(&play);
    play_hear(&play, OK_1);
    play_hear(&play, "H");
    assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_FAILED);
}

static void statuses_that_are_expected(void **state)
{
    (void)state;
    request(GET);
    play_begin(&play);
    assert_int_equal(play_hear(&play, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"), CLIENT_DONE);
    again();
    request(GET);
    request(GET);
    play_set(&play, "expect-status", "404 200");
    play_begin(&play);
    play_hear(&play, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(play_hear(&play, "HTTP/1.1 503 \x80 Not now\r\nContent-Length: 0\r\n\r\n"),
                     CLIENT_FAILED);
    assert_string_equal(play.c->problem.what, "request 2 was answered with 503, not 200: \"\\x80 Not now\"");
}

static void malformed_answers_are_told(void **state)
{
    static const char *const bad[] = { "220 mail01 ESMTP\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
                                       "HTTP/1.1 101 Switching Protocols\r\n\r\n" };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        again();
        request(GET);
        play_begin(&play);
        assert_int_equal(play_hear(&play, bad[i]), CLIENT_FAILED);
    }
    again();
    request(GET);
    request(GET);
    play_begin(&play);
    assert_int_equal(play_hear(&play, OK_1 "b"), CLIENT_FAILED);
    assert_string_equal(play.c->problem.what, "the server sent more than its answer");
}

static void locations(void **state)
{
    static const struct {
        const char *location, *target; /* NULL: it cannot be used */
    } rows[] = {
        { "http://h/a?b#c", "/a?b" }, { "https://h", "/" },
        { "http://h?q", "/?q" },      { "//h/x", "/x" },
        { "/a/b", "/a/b" },           { "c", "/dir/c" },
        { "?q=2", "/dir/x?q=2" },     { "#top", "/dir/x" },
        { "/a:b//c", "/a:b//c" },     { "http://h/a b", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        again();
        request("GET /dir/x?q=1 HTTP/1.1\n");
        request("GET {location} HTTP/1.1\n");
        play_begin(&play);
        snprintf(text, sizeof text, "HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n",
                 rows[i].location);
        assert_int_equal(play_hear(&play, text), rows[i].target ? CLIENT_WAIT : CLIENT_FAILED);
        if (!rows[i].target)
            continue;
        snprintf(text, sizeof text, "GET /dir/x?q=1 HTTP/1.1\r\n\r\nGET %s HTTP/1.1\r\n\r\n", rows[i].target);
        said_is(text);
    }
    again();
    request("GET {location} HTTP/1.1\n");
    assert_int_equal(play_begin(&play), CLIENT_FAILED);
}

static void a_cookie_that_is_set_again_is_replaced(void **state)
{
    (void)state;
    request(GET);
    request("GET / HTTP/1.1\nCookie: {cookies}\n");
    play_begin(&play);
    play_hear(&play, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: a=1\r\nset-cookie: b=2; Path=/\r\n"
                     "Set-Cookie: a=3=4;x\r\nSet-Cookie: =5\r\nSet-Cookie: none\r\n\r\n");
    said_is(GET_SENT "GET / HTTP/1.1\r\nCookie: a=3=4; b=2\r\n\r\n");
}

static void tls_from_the_start(void **state)
{
    (void)state;
    play_set(&play, "tls", "");
    play_set(&play, "tls-name", "www.example.com");
    request(GET);
    play_begin(&play);
    assert_int_equal(play.c->server.port, 443);
    assert_int_equal(play.secured, 1);
    assert_string_equal(play.c->tls_name, "www.example.com");
    said_is(GET_SENT);
}

static void wrong_lines_are_told(void **state)
{
    (void)state;
    assert_false(play_is_good(&client_http, "expect-status", "ok"));
    assert_false(play_is_good(&client_http, "expect-status", "100"));
    static char huge[CLIENT_OUT_BYTES + 1];
    memset(huge, 'x', sizeof huge - 1);
    request(huge);
    assert_int_equal(play_begin(&play), CLIENT_FAILED);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_captured_form),
        TEST(lengths_that_are_given_are_sent),
        TEST(ends_of_answers),
        TEST(two_chunked_answers),
        TEST(the_next_request_goes_over_a_new_connection_when_the_server_ends_this),
        TEST(a_connection_lost_between_requests_is_made_again),
        TEST(statuses_that_are_expected),
        TEST(malformed_answers_are_told),
        TEST(locations),
        TEST(a_cookie_that_is_set_again_is_replaced),
        TEST(tls_from_the_start),
        TEST(wrong_lines_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
