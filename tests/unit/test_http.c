/* wire/http.c: heads, framing, targets and chunks, as RFC 9112 says; whatever two readers could understand
 * differently is refused. */
#include "wire/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct http_limits limits = { .line_bytes_max = 200, .head_bytes_max = 2048 };

static enum http_parse parse(const char *text, struct http_request *r, size_t *taken,
                             struct http_fault *fault)
{
    *fault = (struct http_fault){ 0 };
    return http_parse_request(span_text(text), &limits, r, taken, fault);
}

/* The status that these bytes are refused with by the head's parser, the framing or the target; 0: none. */
static unsigned refused_with(const char *text)
{
    struct http_request r;
    struct http_fault fault;
    struct http_target target;
    size_t taken;
    enum http_parse state = parse(text, &r, &taken, &fault);
    assert_true(state != HTTP_MORE);
    if (state == HTTP_BAD)
        return fault.status;
    struct http_framing framing = http_request_framing(&r);
    if (framing.kind == HTTP_BODY_BAD)
        return framing.fault.status;
    return http_request_target(&r, &target, &fault) ? 0 : fault.status;
}

/* ---- heads ------------------------------------------------------------------------------------- */

/* The POST of the reference capture, its longest field shortened. */
static const char captured_post[] =
    "POST /wp-comments-post.php HTTP/1.1\r\n"
    "Host: www.chrissanders.org\r\n"
    "User-Agent: Mozilla/5.0 (Windows; U; Windows NT 6.1; en-US; rv:1.9.1.7) Gecko/20091221 Firefox/3.5.7\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-us,en;q=0.5\r\n"
    "Accept-Encoding: gzip,deflate\r\n"
    "Accept-Charset: ISO-8859-1,utf-8;q=0.7,*;q=0.7\r\n"
    "Keep-Alive: 300\r\n"
    "Connection: keep-alive\r\n"
    "Referer: http://www.chrissanders.org/?p=310\r\n"
    "Cookie: __utma=84195659.500695863.1261144042; wp-settings-time-1=1261144939; __utmc=84195659\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\n"
    "Content-Length: 179\r\n"
    "\r\n";

static void the_captured_post(void **state)
{
    (void)state;
    struct http_request r;
    struct http_fault fault;
    struct http_target t;
    size_t taken;
    assert_int_equal(parse(captured_post, &r, &taken, &fault), HTTP_DONE);
    assert_int_equal(taken, strlen(captured_post));
    assert_true(span_is(r.method, "POST"));
    assert_true(span_is(r.target, "/wp-comments-post.php"));
    assert_int_equal(r.minor, 1);
    assert_int_equal(r.field_count, 12);
    assert_true(
        span_is(http_field(r.fields, r.field_count, "content-TYPE"), "application/x-www-form-urlencoded"));
    assert_true(http_field_has_token(r.fields, r.field_count, "Accept-Encoding", "deflate"));
    assert_true(http_keeps_alive(&r));
    struct http_framing framing = http_request_framing(&r);
    assert_int_equal(framing.kind, HTTP_BODY_LENGTH);
    assert_int_equal(framing.length, 179);
    assert_true(http_request_target(&r, &t, &fault));
    assert_true(span_is(t.host, "www.chrissanders.org"));
    assert_null(t.query.at);
}

static void a_head_is_whole_only_at_its_last_byte(void **state)
{
    (void)state;
    struct http_request r;
    struct http_fault fault;
    size_t taken;
    for (size_t cut = 0; cut < strlen(captured_post); cut++) {
        assert_int_equal(http_parse_request(span_of(captured_post, cut), &limits, &r, &taken, &fault),
                         HTTP_MORE);
        assert_int_equal(taken, 0);
    }
}

static void the_captured_redirect(void **state)
{
    (void)state;
    static const char text[] =
        "HTTP/1.1 302 Found\r\nServer: Apache\r\n"
        "Location: http://www.chrissanders.org/?p=310&cpage=1#comment-103002\r\n"
        "Content-Encoding: gzip\r\nContent-Length: 20\r\nConnection: Keep-Alive\r\n\r\n";
    struct http_response r;
    struct http_fault fault;
    size_t taken;
    assert_int_equal(http_parse_response(span_text(text), &limits, &r, &taken, &fault), HTTP_DONE);
    assert_int_equal(r.status, 302);
    assert_true(span_is(r.reason, "Found"));
    assert_int_equal(http_response_framing(&r, false).length, 20);
    assert_int_equal(http_response_framing(&r, true).kind, HTTP_BODY_NONE);
    for (size_t cut = 0; cut < strlen(text); cut++)
        assert_int_equal(http_parse_response(span_of(text, cut), &limits, &r, &taken, &fault), HTTP_MORE);
}

static void responses_that_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = { "HTTP/1.1 2OO OK\r\n\r\n", "HTTP/1.1 200OK\r\n\r\n",
                                         "HTTP/1.1 20 OK\r\n\r\n",  "HTTP/1.1\r\n\r\n",
                                         "ICY 200 OK\r\n\r\n",      "\r\n\r\n",
                                         "HTTP/1.1  200 OK\r\n\r\n" };
    struct http_response r;
    struct http_fault fault;
    size_t taken;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(http_parse_response(span_text(texts[i]), &limits, &r, &taken, &fault), HTTP_BAD);
    assert_int_equal(http_parse_response(span_text("HTTP/1.0 200 \r\n\r\n"), &limits, &r, &taken, &fault),
                     HTTP_DONE);
    assert_int_equal(http_response_framing(&r, false).kind, HTTP_BODY_UNTIL_CLOSE);
}

static void white_space_around_a_value_is_not_of_it(void **state)
{
    (void)state;
    struct http_request r;
    struct http_fault fault;
    size_t taken;
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost:\t a.test \t\r\nX:\r\n\r\n", &r, &taken, &fault),
                     HTTP_DONE);
    assert_true(span_is(http_field(r.fields, r.field_count, "Host"), "a.test"));
    assert_non_null(http_field(r.fields, r.field_count, "X").at);
    assert_int_equal(http_field(r.fields, r.field_count, "X").len, 0);
    assert_null(http_field(r.fields, r.field_count, "Y").at);
}

static void an_empty_line_before_a_request(void **state)
{
    (void)state;
    struct http_request r;
    struct http_fault fault;
    size_t taken;
    assert_int_equal(parse("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &r, &taken, &fault), HTTP_DONE);
    assert_true(span_is(r.method, "GET"));
    assert_int_equal(parse("\r\n", &r, &taken, &fault), HTTP_MORE);
    assert_int_equal(taken, 2); /* it can be forgotten: no request has begun */
    assert_int_equal(parse("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", &r, &taken, &fault), HTTP_BAD);
}

static void request_lines(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        unsigned status;
    } cases[] = {
        { "GET / HTTP/1.1", 0 },
        { "GET / HTTP/1.0", 0 },
        { "GET / HTTP/1.7", 0 },
        { "BREW / HTTP/1.1", 0 },
        { "GET / HTTP/2.0", 505 },
        { "GET / HTTP/0.9", 505 },
        { "GET / http/1.1", 400 },
        { "GET / HTTP/1.10", 400 },
        { "GET / HTTP/1", 400 },
        { "GET / HTTP/11", 400 },
        { "GET  / HTTP/1.1", 400 },
        { "GET /  HTTP/1.1", 400 },
        { "GET / HTTP/1.1 ", 400 },
        { " GET / HTTP/1.1", 400 },
        { "GET /", 400 },
        { "GET", 400 },
        { "", 400 },
        { "GET\t/\tHTTP/1.1", 400 },
        { "G@T / HTTP/1.1", 400 },
        { "GET /\x80 HTTP/1.1", 400 },
        { "GET /\x01 HTTP/1.1", 400 },
        { "GET /a b HTTP/1.1", 400 },
        { "GET index.html HTTP/1.1", 400 },
        { "AVERYLONGMETHODTHATNOBODYHASEVERHEARDOF / HTTP/1.1", 400 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "%s%s\r\nHost: a\r\n\r\n", cases[i].line[0] ? "" : "\r\n\r\n",
                 cases[i].line);
        assert_int_equal(refused_with(text), cases[i].status);
    }
}

static void field_lines(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        unsigned status;
    } cases[] = {
        { "X: a\r\n", 0 },         { "X: \xe9\r\n", 0 },       { "X:a:b\r\n", 0 },
        { "X : a\r\n", 400 },      { "X\t: a\r\n", 400 },      { " X: a\r\n", 400 },
        { "X: a\r\n b\r\n", 400 }, { "X: a\r\n\tb\r\n", 400 }, { "X\r\n", 400 },
        { ": a\r\n", 400 },        { "X: a\x01\r\n", 400 },    { "X: a\x7f\r\n", 400 },
        { "X: a\rb\r\n", 400 },    { "X: a\r\r\n", 400 },      { "X: a\n", 400 },
        { "X\xe9: a\r\n", 400 },   { "X(: a\r\n", 400 },       { "\"X\": a\r\n", 400 },
        { "X;: a\r\n", 400 },      { "X Y: a\r\n", 400 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].lines);
        assert_int_equal(refused_with(text), cases[i].status);
    }
}

static void a_nul_in_a_head(void **state)
{
    (void)state;
    struct http_request r;
    struct http_fault fault;
    size_t taken;
    static const char in_value[] = "GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
                      in_name[] = "GET / HTTP/1.1\r\nX\0: a\r\n\r\n",
                      in_target[] = "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_int_equal(http_parse_request(span_of(in_value, sizeof in_value - 1), &limits, &r, &taken, &fault),
                     HTTP_BAD);
    assert_int_equal(http_parse_request(span_of(in_name, sizeof in_name - 1), &limits, &r, &taken, &fault),
                     HTTP_BAD);
    assert_int_equal(
        http_parse_request(span_of(in_target, sizeof in_target - 1), &limits, &r, &taken, &fault), HTTP_BAD);
}

static void limits_of_a_head(void **state)
{
    (void)state;
    struct http_request r;
    struct http_fault fault;
    size_t taken;
    static char text[8192];
    /* the request line: refused when it is too long, also before its end has come */
    struct writer w = writer_over(text, sizeof text);
    write_text(&w, "GET /");
    while (writer_length(&w) < limits.line_bytes_max + 1)
        write_u8(&w, 'a');
    assert_int_equal(http_parse_request(writer_span(&w), &limits, &r, &taken, &fault), HTTP_BAD);
    assert_int_equal(fault.status, 414);
    write_text(&w, " HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(http_parse_request(writer_span(&w), &limits, &r, &taken, &fault), HTTP_BAD);
    assert_int_equal(fault.status, 414);
    /* the head: as large as it may be, and one more */
    w = writer_over(text, sizeof text);
    write_text(&w, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    while (writer_length(&w) < limits.head_bytes_max - 4)
        write_u8(&w, 'a');
    struct mark fits = writer_mark(&w);
    write_text(&w, "\r\n\r\n");
    assert_int_equal(http_parse_request(writer_span(&w), &limits, &r, &taken, &fault), HTTP_DONE);
    assert_int_equal(taken, limits.head_bytes_max);
    writer_back_to(&w, fits);
    write_text(&w, "a\r\n\r\n");
    assert_int_equal(http_parse_request(writer_span(&w), &limits, &r, &taken, &fault), HTTP_BAD);
    assert_int_equal(fault.status, 431);
}

static void limits_of_fields(void **state)
{
    (void)state;
    struct http_request r;
    struct http_fault fault;
    size_t taken;
    char text[2048];
    for (size_t count = HTTP_FIELDS_MAX; count <= HTTP_FIELDS_MAX + 1; count++) {
        struct writer w = writer_over(text, sizeof text - 1);
        write_text(&w, "GET / HTTP/1.1\r\n");
        for (size_t i = 0; i < count; i++)
            write_text(&w, "X: a\r\n");
        write_text(&w, "\r\n");
        assert_true(writer_ok(&w));
        enum http_parse wanted = count == HTTP_FIELDS_MAX ? HTTP_DONE : HTTP_BAD;
        assert_int_equal(http_parse_request(writer_span(&w), &limits, &r, &taken, &fault), wanted);
    }
    assert_int_equal(fault.status, 431);
}

static void keeping_alive(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool stays;
    } cases[] = {
        { "GET / HTTP/1.1\r\n\r\n", true },
        { "GET / HTTP/1.0\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true },
        { "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nConnection: x, CLOSE ,y\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nConnection: x\r\nConnection: close\r\n\r\n", false },
        { "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false },
        { "GET / HTTP/1.1\r\nConnection: closed\r\n\r\n", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request r;
        struct http_fault fault;
        size_t taken;
        assert_int_equal(parse(cases[i].text, &r, &taken, &fault), HTTP_DONE);
        assert_int_equal(http_keeps_alive(&r), cases[i].stays);
    }
}

/* ---- framing ----------------------------------------------------------------------------------- */

struct framing_case {
    const char *fields;
    enum http_body kind;
    uint64_t length;
};

static const struct framing_case framing_cases[] = {
    { "", HTTP_BODY_NONE, 0 },
    { "Content-Length: 0\r\n", HTTP_BODY_LENGTH, 0 },
    { "Content-Length: 42\r\n", HTTP_BODY_LENGTH, 42 },
    { "Content-Length: 007\r\n", HTTP_BODY_LENGTH, 7 },
    { "content-length:\t42 \r\n", HTTP_BODY_LENGTH, 42 },
    { "Content-Length: 9223372036854775807\r\n", HTTP_BODY_LENGTH, INT64_MAX },
    { "Content-Length: 9223372036854775808\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 99999999999999999999999\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 18446744073709551618\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: \r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: +42\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: -42\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 4 2\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 0x2a\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 42a\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 42.0\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 42, 42\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 42,\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: \"42\"\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: \xef\xbc\x94\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 42\r\nContent-Length: 42\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 42\r\nContent-Length: 43\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 42\r\ncontent-length: 0\r\n", HTTP_BODY_BAD, 0 },
    { "Content-Length: 42\r\nTransfer-Encoding: chunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunked\r\nContent-Length: 42\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: identity\r\nContent-Length: 42\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunked\r\n", HTTP_BODY_CHUNKED, 0 },
    { "transfer-encoding: CHUNKED\r\n", HTTP_BODY_CHUNKED, 0 },
    { "Transfer-Encoding: xchunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunkedx\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: \"chunked\"\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunked;q=1\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: \r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: ,\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: identity\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunked, chunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunked, gzip\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: gzip, chunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunked, gzip, chunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: chunked,\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: ,chunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding: \vchunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding : chunked\r\n", HTTP_BODY_BAD, 0 },
    { "Transfer-Encoding:\r\n chunked\r\n", HTTP_BODY_BAD, 0 },
    { "Content_Length: 42\r\n", HTTP_BODY_NONE, 0 }, /* another name */
    { "X: a\r\nContent-Length: 42\r\n", HTTP_BODY_LENGTH, 42 },
};

static void one_body_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof framing_cases / sizeof framing_cases[0]; i++) {
        const struct framing_case *c = &framing_cases[i];
        char text[300];
        struct http_request r;
        struct http_fault fault;
        size_t taken;
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", c->fields);
        struct http_framing f = { .kind = HTTP_BODY_BAD };
        if (parse(text, &r, &taken, &fault) == HTTP_DONE)
            f = http_request_framing(&r);
        if (f.kind != c->kind || f.length != c->length)
            fail_msg("%s: kind %d, length %llu", c->fields, f.kind, (unsigned long long)f.length);
    }
}

static void unknown_codings_are_501_and_doubt_is_400(void **state)
{
    (void)state;
    assert_int_equal(refused_with("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
                     501);
    assert_int_equal(refused_with("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"), 400);
    assert_int_equal(refused_with("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"), 400);
    assert_int_equal(refused_with("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    assert_int_equal(refused_with("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
                     400);
    assert_int_equal(refused_with("POST / HTTP/1.0\r\nContent-Length: 7\r\n\r\n"), 0);
}

/* ---- targets ------------------------------------------------------------------------------------- */

static void hosts(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        unsigned status;
        const char *host;
    } cases[] = {
        { "Host: a.test\r\n", 0, "a.test" },
        { "Host: a.test:8080\r\n", 0, "a.test" },
        { "Host: a.test:\r\n", 0, "a.test" },
        { "Host: [2001:db8::1]:80\r\n", 0, "[2001:db8::1]" },
        { "Host: 127.0.0.1\r\n", 0, "127.0.0.1" },
        { "Host: a_b.test\r\n", 0, "a_b.test" },
        { "Host:\r\n", 0, "" },
        { "", 400, NULL },
        { "Host: a\r\nHost: a\r\n", 400, NULL },
        { "Host: a\r\nhost: b\r\n", 400, NULL },
        { "Host: a, b\r\n", 400, NULL },
        { "Host: a b\r\n", 400, NULL },
        { "Host: a:80:80\r\n", 400, NULL },
        { "Host: a:8x\r\n", 400, NULL },
        { "Host: user@a\r\n", 400, NULL },
        { "Host: a/b\r\n", 400, NULL },
        { "Host: a\\b\r\n", 400, NULL },
        { "Host: http://a\r\n", 400, NULL },
        { "Host: [::1\r\n", 400, NULL },
        { "Host: []\r\n", 400, NULL },
        { "Host: [::1]x\r\n", 400, NULL },
        { "Host: [a@b]\r\n", 400, NULL },
        { "Host: a?b\r\n", 400, NULL },
        { "Host: a#b\r\n", 400, NULL },
        { "Host: <a>\r\n", 400, NULL },
        { "Host: \xe9\r\n", 400, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        struct http_request r;
        struct http_fault fault;
        struct http_target t;
        size_t taken;
        snprintf(text, sizeof text, "GET /x HTTP/1.1\r\n%s\r\n", cases[i].lines);
        assert_int_equal(parse(text, &r, &taken, &fault), HTTP_DONE);
        bool good = http_request_target(&r, &t, &fault);
        if (good != !cases[i].status || (good && !span_is(t.host, cases[i].host)))
            fail_msg("%s", cases[i].lines);
    }
}

static void targets(void **state)
{
    (void)state;
    static const struct {
        const char *line, *host, *path, *query;
    } cases[] = {
        { "GET /a/b?c=d HTTP/1.1", "h", "/a/b", "c=d" },
        { "GET /a? HTTP/1.1", "h", "/a", "" },
        { "GET /?a?b HTTP/1.1", "h", "/", "a?b" },
        { "GET http://x.test/a HTTP/1.1", "x.test", "/a", NULL },
        { "GET HTTP://x.test:81/a HTTP/1.1", "x.test", "/a", NULL },
        { "GET https://x.test HTTP/1.1", "x.test", "/", NULL },
        { "GET http://x.test?q HTTP/1.1", "x.test", "/", "q" },
        { "OPTIONS * HTTP/1.1", "h", "*", NULL },
        { "OPTIONS /a HTTP/1.1", "h", "/a", NULL },
        { "CONNECT x.test:443 HTTP/1.1", "x.test", "", NULL },
        { "GET * HTTP/1.1", NULL, NULL, NULL },
        { "GET x.test:443 HTTP/1.1", NULL, NULL, NULL },
        { "GET ftp://x.test/a HTTP/1.1", NULL, NULL, NULL },
        { "GET http:///a HTTP/1.1", NULL, NULL, NULL },
        { "GET http://u@x.test/a HTTP/1.1", NULL, NULL, NULL },
        { "GET http:/a HTTP/1.1", NULL, NULL, NULL },
        { "CONNECT /a HTTP/1.1", NULL, NULL, NULL },
        { "CONNECT x.test HTTP/1.1", NULL, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        struct http_request r;
        struct http_fault fault;
        struct http_target t;
        size_t taken;
        snprintf(text, sizeof text, "%s\r\nHost: h\r\n\r\n", cases[i].line);
        assert_int_equal(parse(text, &r, &taken, &fault), HTTP_DONE);
        if (http_request_target(&r, &t, &fault) != (cases[i].path != NULL))
            fail_msg("%s", cases[i].line);
        if (!cases[i].path)
            continue;
        assert_true(span_is(t.host, cases[i].host));
        assert_true(span_is(t.path, cases[i].path));
        assert_true(cases[i].query ? span_is(t.query, cases[i].query) : t.query.at == NULL);
    }
    /* HTTP/1.0 may come without Host */
    assert_int_equal(refused_with("GET / HTTP/1.0\r\n\r\n"), 0);
    assert_int_equal(refused_with("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
}

static void paths(void **state)
{
    (void)state;
    static const struct {
        const char *raw, *decoded;
    } cases[] = {
        { "/", "/" },
        { "/a/b", "/a/b" },
        { "/a%20b%C3%A9", "/a b\xc3\xa9" },
        { "/%61", "/a" },
        { "/a+b", "/a+b" },
        { "/./a/./b/.", "/a/b/" },
        { "/a/../b", "/b" },
        { "/a/b/..", "/a/" },
        { "/a/b/../../", "/" },
        { "//a///b", "/a/b" },
        { "/a//../b", "/b" },
        { "/a%2Fb", "/a/b" },
        { "/a/%2e%2e/b", "/b" },
        { "/a/%2e%2E%2fb", "/b" },
        { "/...", "/..." },
        { "/..a", "/..a" },
        { "/.a", "/.a" },
        { "/..", NULL },
        { "/../", NULL },
        { "/a/../..", NULL },
        { "/%2e%2e/", NULL },
        { "/..%2f", NULL },
        { "/%", NULL },
        { "/%2", NULL },
        { "/%2g", NULL },
        { "/%g2", NULL },
        { "/%00", NULL },
        { "a", NULL },
        { "", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char room[64];
        struct writer w = writer_over(room, sizeof room);
        bool good = http_decode_path(span_text(cases[i].raw), &w);
        if (good != (cases[i].decoded != NULL) || (good && !span_is(writer_span(&w), cases[i].decoded)))
            fail_msg("%s", cases[i].raw);
    }
}

static void a_path_that_does_not_fit(void **state)
{
    (void)state;
    char room[4];
    struct writer w = writer_over(room, sizeof room);
    assert_true(http_decode_path(span_text("/abc"), &w));
    w = writer_over(room, sizeof room);
    assert_false(http_decode_path(span_text("/abcd"), &w));
    assert_false(writer_ok(&w));
}

static void a_path_written_and_read_again(void **state)
{
    (void)state;
    static const char path[] = "/a b/\xc3\xa9%?#<\"\\\r\n;=:@";
    char room[200], back[200];
    struct writer w = writer_over(room, sizeof room), b = writer_over(back, sizeof back);
    http_write_path(&w, span_text(path));
    for (size_t i = 0; i < writer_length(&w); i++)
        assert_true(room[i] > ' ' && room[i] < 0x7f && room[i] != '\\' && room[i] != '?' && room[i] != '#');
    assert_true(http_decode_path(writer_span(&w), &b));
    assert_true(span_is(writer_span(&b), path));
}

/* ---- chunks --------------------------------------------------------------------------------------- */

/* Decodes in pieces of `step` bytes; the content goes to `out`. */
static enum http_parse decode(struct span in, size_t step, struct writer *out, size_t *taken)
{
    struct http_chunked c = { 0 };
    enum http_parse state = HTTP_MORE;
    *taken = 0;
    while (state == HTTP_MORE && *taken < in.len) {
        struct reader r = reader_over(span_head(span_from(in, *taken), step));
        do {
            struct span content;
            state = http_chunk_next(&c, &r, &content);
            write_span(out, content);
        } while (state == HTTP_MORE && reader_left(&r));
        *taken += reader_offset(&r);
    }
    return state;
}

static void chunked_bodies(void **state)
{
    (void)state;
    static const struct {
        const char *body, *content;
    } cases[] = {
        { "0\r\n\r\n", "" },
        { "5\r\nhello\r\n0\r\n\r\n", "hello" },
        { "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world" },
        { "A\r\n0123456789\r\n0\r\n\r\n", "0123456789" },
        { "a\r\n0123456789\r\n0\r\n\r\n", "0123456789" },
        { "005\r\nhello\r\n000\r\n\r\n", "hello" },
        { "5;a=b;c=\"d\"\r\nhello\r\n0;last\r\n\r\n", "hello" },
        { "5 ;a\r\nhello\r\n0\r\n\r\n", "hello" },
        { "5\r\nhello\r\n0\r\nX: a\r\nY:\r\n\r\n", "hello" },
        { "2\r\n\r\n\r\n0\r\n\r\n", "\r\n" },
        { "\r\n", NULL },
        { "5\nhello\r\n0\r\n\r\n", NULL },
        { "5\r\nhello\n0\r\n\r\n", NULL },
        { "5\r\nhello0\r\n\r\n", NULL },
        { "5\r\nhelloo\r\n0\r\n\r\n", NULL },
        { "5\r\nhello\r\r\n0\r\n\r\n", NULL },
        { "5;a\nb\r\nhello\r\n0\r\n\r\n", NULL },
        { "5;a\n5\r\nhello\r\n0\r\n\r\n", NULL },
        { "5;a\rb\r\nhello\r\n0\r\n\r\n", NULL },
        { "5 \r\nhello\r\n0\r\n\r\n", NULL },
        { "5 5\r\nhello\r\n0\r\n\r\n", NULL },
        { " 5\r\nhello\r\n0\r\n\r\n", NULL },
        { "0x5\r\nhello\r\n0\r\n\r\n", NULL },
        { "+5\r\nhello\r\n0\r\n\r\n", NULL },
        { "-5\r\nhello\r\n0\r\n\r\n", NULL },
        { "5_0\r\nhello\r\n0\r\n\r\n", NULL },
        { "g\r\nhello\r\n0\r\n\r\n", NULL },
        { ";a\r\nhello\r\n0\r\n\r\n", NULL },
        { "10000000000000005\r\nhello\r\n0\r\n\r\n", NULL },
        { "0000000000000005\r\nhello\r\n0\r\n\r\n", NULL },
        { "0\r\n\n", NULL },
        { "0\r\n\r\r", NULL },
        { "0\n\r\n", NULL },
        { "0\r\nX\r\n\r\n", NULL },
        { "0\r\n X: a\r\n\r\n", NULL },
        { "0\r\nX : a\r\n\r\n", NULL },
        { "0\r\nX: a\n\r\n", NULL },
        { "0\r\nX: a\x01\r\n\r\n", NULL },
        { "0\r\n: a\r\n\r\n", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct span in = span_text(cases[i].body);
        for (size_t step = 1; step <= in.len; step++) {
            char room[64];
            struct writer out = writer_over(room, sizeof room);
            size_t taken;
            enum http_parse s = decode(in, step, &out, &taken);
            if (s != (cases[i].content ? HTTP_DONE : HTTP_BAD))
                fail_msg("%s in steps of %zu: %d", cases[i].body, step, s);
            if (s == HTTP_DONE) {
                assert_true(span_is(writer_span(&out), cases[i].content));
                assert_int_equal(taken, in.len);
            }
        }
    }
}

static void what_follows_a_chunked_body_is_not_taken(void **state)
{
    (void)state;
    struct http_chunked c = { 0 };
    struct reader r = reader_over(span_text("1\r\na\r\n0\r\n\r\nGET /"));
    struct span content;
    while (http_chunk_next(&c, &r, &content) == HTTP_MORE)
        assert_true(reader_left(&r) > 0);
    assert_int_equal(reader_left(&r), 5);
}

static void overhead_is_bounded(void **state)
{
    (void)state;
    static char text[3 * HTTP_OVERHEAD_FIXED];
    char room[16];
    struct writer out = writer_over(room, sizeof room), w = writer_over(text, sizeof text);
    size_t taken;
    write_text(&w, "1;");
    while (writer_length(&w) < sizeof text)
        write_u8(&w, 'x'); /* an extension without an end */
    assert_int_equal(decode(writer_span(&w), sizeof text, &out, &taken), HTTP_BAD);
    assert_true(taken <= HTTP_OVERHEAD_FIXED + 1);
    w = writer_over(text, sizeof text);
    write_text(&w, "0\r\n");
    while (writer_room(&w) >= 6)
        write_text(&w, "X: a\r\n"); /* trailers without an end */
    assert_int_equal(decode(writer_span(&w), sizeof text, &out, &taken), HTTP_BAD);
}

static void what_is_encoded_is_decoded(void **state)
{
    (void)state;
    static uint8_t content[5000], encoded[6000], decoded[6000];
    static const size_t lengths[] = { 0, 1, 15, 16, 17, 255, 256, 4095, 4096, 5000 };
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(i * 7);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct writer w = writer_over(encoded, sizeof encoded), out = writer_over(decoded, sizeof decoded);
        size_t taken;
        http_write_chunk(&w, span_of(content, lengths[i]));
        http_write_last_chunk(&w);
        assert_int_equal(decode(writer_span(&w), 1000, &out, &taken), HTTP_DONE);
        assert_int_equal(taken, writer_length(&w));
        assert_true(span_equal(writer_span(&out), span_of(content, lengths[i])));
    }
}

/* ---- building -------------------------------------------------------------------------------------- */

static void a_request_written_and_read_again(void **state)
{
    (void)state;
    char room[300];
    struct writer w = writer_over(room, sizeof room);
    struct http_request r;
    struct http_fault fault;
    size_t taken;
    http_write_request_line(&w, "POST", span_text("/a?b=c"));
    http_write_field(&w, "Host", span_text("a.test"));
    http_write_field(&w, "X", span_text(""));
    write_text(&w, "\r\n");
    assert_int_equal(http_parse_request(writer_span(&w), &limits, &r, &taken, &fault), HTTP_DONE);
    assert_true(span_is(r.method, "POST") && span_is(r.target, "/a?b=c") && r.field_count == 2);
}

static void status_lines(void **state)
{
    (void)state;
    static const unsigned statuses[] = { 100, 200, 206, 302, 304, 400, 404, 405, 408,
                                         412, 413, 414, 416, 431, 501, 503, 505, 599 };
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        char room[100];
        struct writer w = writer_over(room, sizeof room);
        struct http_response r;
        struct http_fault fault;
        size_t taken;
        http_write_status_line(&w, statuses[i]);
        write_text(&w, "\r\n");
        assert_int_equal(http_parse_response(writer_span(&w), &limits, &r, &taken, &fault), HTTP_DONE);
        assert_int_equal(r.status, statuses[i]);
        assert_true(span_is(r.reason, http_status_phrase(statuses[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_captured_post),
        cmocka_unit_test(a_head_is_whole_only_at_its_last_byte),
        cmocka_unit_test(the_captured_redirect),
        cmocka_unit_test(responses_that_are_none),
        cmocka_unit_test(white_space_around_a_value_is_not_of_it),
        cmocka_unit_test(an_empty_line_before_a_request),
        cmocka_unit_test(request_lines),
        cmocka_unit_test(field_lines),
        cmocka_unit_test(a_nul_in_a_head),
        cmocka_unit_test(limits_of_a_head),
        cmocka_unit_test(limits_of_fields),
        cmocka_unit_test(keeping_alive),
        cmocka_unit_test(one_body_or_none),
        cmocka_unit_test(unknown_codings_are_501_and_doubt_is_400),
        cmocka_unit_test(hosts),
        cmocka_unit_test(targets),
        cmocka_unit_test(paths),
        cmocka_unit_test(a_path_that_does_not_fit),
        cmocka_unit_test(a_path_written_and_read_again),
        cmocka_unit_test(chunked_bodies),
        cmocka_unit_test(what_follows_a_chunked_body_is_not_taken),
        cmocka_unit_test(overhead_is_bounded),
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(a_request_written_and_read_again),
        cmocka_unit_test(status_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
