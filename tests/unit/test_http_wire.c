#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/form.h"
#include "wire/http.h"
#include "wire/http_fields.h"

#include <stdio.h>

static const struct http_limits limits = { 100, 1000 };

static const char browser[] =
    "GET /index.html?a=b HTTP/1.1\r\nHost: www.example.test:8080\r\nAccept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\nX-Empty:\r\n\r\n";

static enum http_parse parse(const char *text, struct http_request *r, struct http_fault *fault)
{
    size_t taken;
    return http_parse_request(span_text(text), &limits, r, &taken, fault);
}

/* ---- heads -------------------------------------------------------------------------------- */

static void a_head_is_taken_whole_and_not_before(void **state)
{
    struct http_request r;
    struct http_fault fault;
    size_t taken;
    (void)state;
    for (size_t cut = 0; cut < sizeof browser - 1; cut++)
        assert_int_equal(http_parse_request(span_of(browser, cut), &limits, &r, &taken, &fault), HTTP_MORE);
    char with_more[400];
    snprintf(with_more, sizeof with_more, "%sGET", browser);
    assert_int_equal(http_parse_request(span_text(with_more), &limits, &r, &taken, &fault), HTTP_DONE);
    assert_int_equal(taken, sizeof browser - 1);
    assert_true(span_is(r.method, "GET"));
    assert_true(span_is(r.target, "/index.html?a=b"));
    assert_int_equal(r.minor, 1);
    assert_int_equal(r.field_count, 4);
    assert_true(span_is(http_field(r.fields, r.field_count, "hOST"), "www.example.test:8080"));
    assert_true(http_field(r.fields, r.field_count, "x-empty").at != NULL);
    assert_null(http_field(r.fields, r.field_count, "absent").at);
    assert_true(http_field_has_token(r.fields, r.field_count, "accept-encoding", "DEFLATE"));
}

static void empty_lines_before_a_request_are_skipped(void **state)
{
    struct http_request r;
    struct http_fault fault;
    (void)state;
    assert_int_equal(parse("\r\n\r\nGET / HTTP/1.1\r\n\r\n", &r, &fault), HTTP_DONE);
}

static void what_is_not_as_the_rfc_says_is_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned status;
    } cases[] = {
        { "GET / HTTP/1.1\nHost: a\n\n", 400 },
        { "GET / HTTP/1.1\r\nHost: a\n\r\n", 400 },
        { "GET  / HTTP/1.1\r\n\r\n", 400 },
        { "GET /\r\n\r\n", 400 },
        { " GET / HTTP/1.1\r\n\r\n", 400 },
        { "GET / HTTP/1.1 \r\n\r\n", 400 },
        { "GET / http/1.1\r\n\r\n", 400 },
        { "GET / HTTP/1.10\r\n\r\n", 400 },
        { "GET / HTTP/2.0\r\n\r\n", 505 },
        { "G(T / HTTP/1.1\r\n\r\n", 400 },
        { "GET /\x01 HTTP/1.1\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nName : v\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n: v\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nNo colon\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nA: \x7f\r\n\r\n", 400 },
    };
    struct http_request r;
    struct http_fault fault;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (parse(cases[i].text, &r, &fault) != HTTP_BAD || fault.status != cases[i].status)
            fail_msg("%s", cases[i].text);
    }
}

static void limits_are_known_before_the_head_is_whole(void **state)
{
    char text[2000] = "GET /";
    struct http_request r;
    struct http_fault fault;
    (void)state;
    memset(text + 5, 'a', 100);
    assert_int_equal(parse(text, &r, &fault), HTTP_BAD);
    assert_int_equal(fault.status, 414);
    int at = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nX: ");
    memset(text + at, 'b', 1000);
    text[at + 1000] = 0;
    assert_int_equal(parse(text, &r, &fault), HTTP_BAD);
    assert_int_equal(fault.status, 431);
    char *w = text + snprintf(text, sizeof text, "GET / HTTP/1.1\r\n");
    for (int i = 0; i <= HTTP_FIELDS_MAX; i++)
        w += snprintf(w, sizeof text - (size_t)(w - text), "a:\r\n");
    assert_int_equal(parse(text, &r, &fault), HTTP_BAD);
    assert_int_equal(fault.status, 431);
}

static void a_response_is_parsed(void **state)
{
    static struct http_response r;
    struct http_fault fault;
    size_t taken;
    (void)state;
    struct span text = span_text("HTTP/1.1 302 Found\r\nLocation: /?p=310\r\nContent-Length: 20\r\n\r\n");
    assert_int_equal(http_parse_response(text, &limits, &r, &taken, &fault), HTTP_DONE);
    assert_int_equal(r.status, 302);
    assert_true(span_is(r.reason, "Found"));
    assert_int_equal(http_response_framing(&r, false).length, 20);
    assert_int_equal(http_response_framing(&r, true).kind, HTTP_BODY_NONE);
    assert_int_equal(http_parse_response(span_text("HTTP/1.1 2x0 OK\r\n\r\n"), &limits, &r, &taken, &fault),
                     HTTP_BAD);
}

/* ---- framing: the smuggling corpus ----------------------------------------------------------- */

static struct http_framing framing_of(const char *version, const char *fields)
{
    static struct http_request r;
    struct http_fault fault;
    char text[600];
    snprintf(text, sizeof text, "POST / HTTP/%s\r\n%s\r\n", version, fields);
    assert_int_equal(parse(text, &r, &fault), HTTP_DONE);
    return http_request_framing(&r);
}

static void one_look_decides_the_framing(void **state)
{
    static const struct {
        const char *version, *fields;
        enum http_body kind;
        unsigned status;
    } cases[] = {
        { "1.1", "", HTTP_BODY_NONE, 0 },
        { "1.1", "Content-Length: 0\r\n", HTTP_BODY_LENGTH, 0 },
        { "1.1", "Transfer-Encoding: chunked\r\n", HTTP_BODY_CHUNKED, 0 },
        { "1.1", "Transfer-Encoding: CHUNKED\r\n", HTTP_BODY_CHUNKED, 0 },
        { "1.1", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Content-Length: 3\r\nContent-Length: 3\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Content-Length: 3, 3\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Content-Length: 3\r\nContent-Length: 4\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Content-Length: +3\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Content-Length: -3\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Content-Length: 0x3\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Content-Length: 3 \t\r\n", HTTP_BODY_LENGTH, 0 },
        { "1.1", "Content-Length: 3 4\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Content-Length:\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Content-Length: 99999999999999999999\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Transfer-Encoding: xchunked\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Transfer-Encoding: chunked, chunked\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Transfer-Encoding: chunked, identity\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Transfer-Encoding: gzip, chunked\r\n", HTTP_BODY_BAD, 501 },
        { "1.1", "Transfer-Encoding: \"chunked\"\r\n", HTTP_BODY_BAD, 400 },
        { "1.1", "Transfer-Encoding:\r\n", HTTP_BODY_BAD, 400 },
        { "1.0", "Transfer-Encoding: chunked\r\n", HTTP_BODY_BAD, 400 },
        { "1.0", "Content-Length: 7\r\n", HTTP_BODY_LENGTH, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_framing f = framing_of(cases[i].version, cases[i].fields);
        if (f.kind != cases[i].kind || f.fault.status != cases[i].status)
            fail_msg("%s: kind %d status %u", cases[i].fields, f.kind, f.fault.status);
    }
}

/* ---- chunks ------------------------------------------------------------------------------------- */

static enum http_parse decode_in_two(const char *text, size_t cut, char *content, size_t *left)
{
    struct http_chunked c = { 0 };
    struct span halves[2] = { span_of(text, cut), span_from(span_text(text), cut) }, piece;
    enum http_parse state = HTTP_MORE;
    content[0] = 0;
    *left = 0;
    for (int i = 0; i < 2 && state == HTTP_MORE; i++) {
        struct reader r = reader_over(halves[i]);
        while (state == HTTP_MORE && reader_left(&r)) {
            state = http_chunk_next(&c, &r, &piece);
            strncat(content, (const char *)piece.at, piece.len);
        }
        *left = reader_left(&r) + (i == 0 && state != HTTP_MORE ? halves[1].len : 0);
    }
    return state;
}

static void chunks_split_at_every_byte_decode_alike(void **state)
{
    static const char text[] = "5\r\nhello\r\n6;ext=\"a b\"\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET";
    char content[100];
    size_t left;
    (void)state;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        assert_int_equal(decode_in_two(text, cut, content, &left), HTTP_DONE);
        assert_string_equal(content, "hello world");
        assert_int_equal(left, 3);
    }
}

static void broken_chunks_are_refused(void **state)
{
    static const char *const cases[] = {
        "\r\n",
        "x\r\n",
        "-1\r\n",
        "+1\r\na",
        "0x1\r\na",
        "1\na",
        "1\r\nab\r\n",
        "1\r\na\n",
        "1;x\ny\r\na\r\n",
        "1 \x01\r\na",
        "ffffffffffffffff\r\n",
        "1\r\na\r\n0\r\n bad\r\n\r\n",
        "0\r\nA: b\n\r\n",
    };
    char content[100];
    size_t left;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (decode_in_two(cases[i], 0, content, &left) != HTTP_BAD)
            fail_msg("%s", cases[i]);
}

static void chunk_overhead_has_a_bound(void **state)
{
    struct http_chunked c = { 0 };
    struct span piece;
    uint8_t extension[4096];
    (void)state;
    memset(extension, 'x', sizeof extension);
    struct reader first = reader_over(span_text("1;"));
    assert_int_equal(http_chunk_next(&c, &first, &piece), HTTP_MORE);
    enum http_parse end = HTTP_MORE;
    for (int i = 0; i < 8 && end == HTTP_MORE; i++) {
        struct reader r = reader_over(span_of(extension, sizeof extension));
        end = http_chunk_next(&c, &r, &piece);
    }
    assert_int_equal(end, HTTP_BAD);
}

static void what_is_encoded_is_decoded(void **state)
{
    uint8_t room[200];
    char content[100];
    size_t left;
    struct writer w = writer_over(room, sizeof room);
    (void)state;
    http_write_chunk(&w, span_text("seventeen letters"));
    http_write_chunk(&w, span_text(""));
    http_write_chunk(&w, span_text("!"));
    http_write_last_chunk(&w);
    write_u8(&w, 0);
    assert_int_equal(decode_in_two((const char *)room, 9, content, &left), HTTP_DONE);
    assert_string_equal(content, "seventeen letters!");
}

/* ---- targets -------------------------------------------------------------------------------------- */

static bool target_of(const char *line, const char *fields, struct http_target *t)
{
    static struct http_request r;
    static char text[600];
    struct http_fault fault;
    snprintf(text, sizeof text, "%s\r\n%s\r\n", line, fields);
    assert_int_equal(parse(text, &r, &fault), HTTP_DONE);
    return http_request_target(&r, t, &fault);
}

static void host_and_target_agree_with_the_rfc(void **state)
{
    struct http_target t;
    (void)state;
    assert_true(target_of("GET /a?b HTTP/1.1", "Host: x.test:80\r\n", &t));
    assert_true(span_is(t.host, "x.test") && span_is(t.path, "/a") && span_is(t.query, "b"));
    assert_true(target_of("GET http://y.test:1/p HTTP/1.1", "Host: x.test\r\n", &t));
    assert_true(span_is(t.host, "y.test") && span_is(t.path, "/p") && t.query.at == NULL);
    assert_true(target_of("GET http://y.test?q HTTP/1.1", "Host: x.test\r\n", &t));
    assert_true(span_is(t.path, "/") && span_is(t.query, "q"));
    assert_true(target_of("GET / HTTP/1.1", "Host: [::1]:8080\r\n", &t));
    assert_true(span_is(t.host, "[::1]"));
    assert_true(target_of("GET / HTTP/1.0", "", &t));
    assert_true(target_of("OPTIONS * HTTP/1.1", "Host: a\r\n", &t));
    assert_false(target_of("GET / HTTP/1.1", "", &t));
    assert_false(target_of("GET / HTTP/1.1", "Host: a\r\nHost: a\r\n", &t));
    assert_false(target_of("GET / HTTP/1.1", "Host: a/b\r\n", &t));
    assert_false(target_of("GET / HTTP/1.1", "Host: a:8x\r\n", &t));
    assert_false(target_of("GET * HTTP/1.1", "Host: a\r\n", &t));
    assert_false(target_of("GET index.html HTTP/1.1", "Host: a\r\n", &t));
    assert_false(target_of("GET ftp://a/ HTTP/1.1", "Host: a\r\n", &t));
}

static void paths_are_decoded_and_stay_below_the_root(void **state)
{
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        { "/", "/" },           { "/a/b", "/a/b" },
        { "/a/./b", "/a/b" },   { "/a/../b", "/b" },
        { "/a/..", "/" },       { "/a/b/..", "/a/" },
        { "/a/.", "/a/" },      { "/%61%2Fb", "/a/b" },
        { "/a%20b", "/a b" },   { "/..", NULL },
        { "/../a", NULL },      { "/a/../../b", NULL },
        { "/%2e%2e/a", NULL },  { "/a/%2e%2e/%2E%2e", NULL },
        { "/%00", NULL },       { "/%", NULL },
        { "/%4", NULL },        { "/%zz", NULL },
        { "a", NULL },          { "/...", "/..." },
        { "/a..b/", "/a..b/" }, { "/%2e", "/" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char room[100] = "";
        struct writer w = writer_over(room, sizeof room - 1);
        bool ok = http_decode_path(span_text(cases[i].in), &w);
        room[writer_length(&w)] = 0;
        if (ok != (cases[i].out != NULL) || (ok && strcmp(room, cases[i].out) != 0))
            fail_msg("%s became %s", cases[i].in, ok ? room : "nothing");
    }
}

/* ---- fields ------------------------------------------------------------------------------------------ */

static void dates_in_their_three_forms(void **state)
{
    int64_t now_s = 1479988800; /* 2016 */
    (void)state;
    assert_int_equal(http_parse_date(span_text("Sun, 06 Nov 1994 08:49:37 GMT"), now_s), 784111777);
    assert_int_equal(http_parse_date(span_text("Sunday, 06-Nov-94 08:49:37 GMT"), now_s), 784111777);
    assert_int_equal(http_parse_date(span_text("Sun Nov  6 08:49:37 1994"), now_s), 784111777);
    assert_int_equal(http_parse_date(span_text("Sun, 06 Nov 1994 08:49:37"), now_s), -1);
    assert_int_equal(http_parse_date(span_text("Sun, 31 Feb 1994 08:49:37 GMT"), now_s), -1);
    assert_int_equal(http_parse_date(span_text("yesterday"), now_s), -1);
    assert_int_equal(http_parse_date(span_text("Tue, 19 Jan 2038 03:14:08 GMT"), now_s), 2147483648);
}

static enum http_condition condition(const char *fields, bool safe)
{
    static struct http_request r;
    struct http_fault fault;
    char text[600];
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\n%s\r\n", fields);
    assert_int_equal(parse(text, &r, &fault), HTTP_DONE);
    return http_evaluate(&r, safe, span_text("\"v1\""), 784111777, 1479988800);
}

static void conditions_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(condition("", true), HTTP_GO_ON);
    assert_int_equal(condition("If-Match: \"v1\"\r\n", true), HTTP_GO_ON);
    assert_int_equal(condition("If-Match: W/\"v1\"\r\n", true), HTTP_PRECONDITION_FAILED);
    assert_int_equal(condition("If-Match: *\r\n", true), HTTP_GO_ON);
    assert_int_equal(condition("If-None-Match: \"a,b\", W/\"v1\"\r\n", true), HTTP_NOT_MODIFIED);
    assert_int_equal(condition("If-None-Match: \"v1\"\r\n", false), HTTP_PRECONDITION_FAILED);
    assert_int_equal(condition("If-None-Match: *\r\n", true), HTTP_NOT_MODIFIED);
    /* RFC 9110 13.1.3: with If-None-Match there, If-Modified-Since does not count */
    assert_int_equal(
        condition("If-None-Match: \"v2\"\r\nIf-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", true),
        HTTP_GO_ON);
    assert_int_equal(condition("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", true),
                     HTTP_NOT_MODIFIED);
    assert_int_equal(condition("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", true), HTTP_GO_ON);
    assert_int_equal(condition("If-Modified-Since: rubbish\r\n", true), HTTP_GO_ON);
    assert_int_equal(condition("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", true),
                     HTTP_PRECONDITION_FAILED);
    assert_int_equal(
        condition("If-Match: \"v1\"\r\nIf-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", true),
        HTTP_GO_ON);
}

static enum http_range_state range(const char *value, uint64_t length, uint64_t *first, uint64_t *last)
{
    static struct http_request r;
    struct http_fault fault;
    char text[600];
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nRange: %s\r\n\r\n", value);
    assert_int_equal(parse(text, &r, &fault), HTTP_DONE);
    return http_range(&r, length, span_text("\"v1\""), 784111777, 1479988800, first, last);
}

static void ranges(void **state)
{
    static const struct {
        const char *value;
        uint64_t length;
        enum http_range_state state;
        uint64_t first, last;
    } cases[] = {
        { "bytes=0-499", 10000, HTTP_RANGE_ONE, 0, 499 },
        { "bytes=9500-", 10000, HTTP_RANGE_ONE, 9500, 9999 },
        { "bytes=-500", 10000, HTTP_RANGE_ONE, 9500, 9999 },
        { "bytes=-20000", 10000, HTTP_RANGE_ONE, 0, 9999 },
        { "bytes=0-20000", 10000, HTTP_RANGE_ONE, 0, 9999 },
        { "bytes=10000-", 10000, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=-0", 10000, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { "bytes=5-4", 10000, HTTP_RANGE_NONE, 0, 0 },
        { "bytes=a-b", 10000, HTTP_RANGE_NONE, 0, 0 },
        { "bytes=-", 10000, HTTP_RANGE_NONE, 0, 0 },
        { "lines=1-2", 10000, HTTP_RANGE_NONE, 0, 0 },
        { "bytes=0-1,5-6", 10000, HTTP_RANGE_NONE, 0, 0 },
        { "bytes=99999999999999999999-", 10000, HTTP_RANGE_NONE, 0, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t first = 0, last = 0;
        enum http_range_state got = range(cases[i].value, cases[i].length, &first, &last);
        if (got != cases[i].state ||
            (got == HTTP_RANGE_ONE && (first != cases[i].first || last != cases[i].last)))
            fail_msg("%s", cases[i].value);
    }
}

static unsigned gzip_quality(const char *value)
{
    static struct http_request r;
    struct http_fault fault;
    char text[600];
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nAccept-Encoding: %s\r\n\r\n", value);
    assert_int_equal(parse(text, &r, &fault), HTTP_DONE);
    return http_coding_quality(&r, "gzip");
}

static void qualities(void **state)
{
    (void)state;
    assert_int_equal(gzip_quality("gzip"), 1000);
    assert_int_equal(gzip_quality("br, gzip;q=0.5"), 500);
    assert_int_equal(gzip_quality("gzip; q=0"), 0);
    assert_int_equal(gzip_quality("gzip;q=0.000"), 0);
    assert_int_equal(gzip_quality("*"), 1000);
    assert_int_equal(gzip_quality("*, gzip;q=0"), 0);
    assert_int_equal(gzip_quality("identity"), 0);
    assert_int_equal(gzip_quality(""), 0);
}

static void forms(void **state)
{
    struct form f;
    uint8_t room[64];
    struct writer w = writer_over(room, sizeof room);
    (void)state;
    assert_true(form_parse(span_text("author=Ann+B&&comment=%3Cb%3e%zz%4&empty&=x"), &w, &f));
    assert_true(span_is(form_value(&f, "author"), "Ann B"));
    assert_true(span_is(form_value(&f, "comment"), "<b>%zz%4"));
    assert_int_equal(form_value(&f, "empty").len, 0);
    assert_null(form_value(&f, "absent").at);
    char out[64];
    struct writer back = writer_over(out, sizeof out);
    form_write(&back, span_text("a b"), span_text("&=\n"));
    form_write(&back, span_text("c"), span_text(""));
    assert_true(span_is(writer_span(&back), "a+b=%26%3D%0A&c="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_taken_whole_and_not_before),
        cmocka_unit_test(empty_lines_before_a_request_are_skipped),
        cmocka_unit_test(what_is_not_as_the_rfc_says_is_refused),
        cmocka_unit_test(limits_are_known_before_the_head_is_whole),
        cmocka_unit_test(a_response_is_parsed),
        cmocka_unit_test(one_look_decides_the_framing),
        cmocka_unit_test(chunks_split_at_every_byte_decode_alike),
        cmocka_unit_test(broken_chunks_are_refused),
        cmocka_unit_test(chunk_overhead_has_a_bound),
        cmocka_unit_test(what_is_encoded_is_decoded),
        cmocka_unit_test(host_and_target_agree_with_the_rfc),
        cmocka_unit_test(paths_are_decoded_and_stay_below_the_root),
        cmocka_unit_test(dates_in_their_three_forms),
        cmocka_unit_test(conditions_in_their_order),
        cmocka_unit_test(ranges),
        cmocka_unit_test(qualities),
        cmocka_unit_test(forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
