/* wire/http_fields.c and form.c: what single fields mean, as RFC 9110 says; forms as the URL standard says.
 */
#include "wire/form.h"
#include "wire/http_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW_S      1795421144LL /* Mon, 23 Nov 2026 08:05:44 GMT */
#define MODIFIED_S 784111777LL  /* Sun, 06 Nov 1994 08:49:37 GMT */
#define MODIFIED   "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE     "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER      "Sun, 06 Nov 1994 08:49:38 GMT"

/* A GET with these lines. */
static struct http_request *request(const char *lines)
{
    static struct http_request r;
    static char text[1000];
    struct http_limits limits = { 1000, 1000 };
    struct http_fault fault;
    size_t taken;
    snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);
    assert_int_equal(http_parse_request(span_text(text), &limits, &r, &taken, &fault), HTTP_DONE);
    return &r;
}

/* ---- dates --------------------------------------------------------------------------------------- */

static void dates_in_three_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_s;
    } cases[] = {
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 }, /* RFC 9110 5.6.7 */
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Sun Nov 16 08:49:37 1994", 784975777 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
        { "Thu, 29 Feb 2024 23:59:59 GMT", 1709251199 },
        { "Saturday, 22-Jan-11 07:50:27 GMT", 1295682627 }, /* the reference capture's cookie */
        { "Friday, 01-Jan-77 00:00:00 GMT", 220924800 },    /* 2077 is over 50 years ahead: 1977 */
        { "Thursday, 01-Jan-76 00:00:00 GMT", 3345062400 },
        { "Tue, 29 Feb 2023 00:00:00 GMT", -1 },
        { "Sun, 06 Nov 1994 24:49:37 GMT", -1 },
        { "Sun, 06 Nov 1994 08:60:37 GMT", -1 },
        { "Sun, 06 Nov 1994 08:49:37 EST", -1 },
        { "Sun, 06 Nov 1994 08:49:37", -1 },
        { "Sun, 06 Nov 1994 08:49:37 GMT ", -1 },
        { "Sun, 06 nov 1994 08:49:37 GMT", -1 },
        { "Sun, 6 Nov 1994 08:49:37 GMT", -1 },
        { "Sun, 06 Foo 1994 08:49:37 GMT", -1 },
        { "Sun, 00 Nov 1994 08:49:37 GMT", -1 },
        { "Sun Nov  6 08:49:37 94", -1 },
        { "784111777", -1 },
        { "0", -1 },
        { ",", -1 },
        { "", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = http_parse_date(span_text(cases[i].text), NOW_S);
        if (got != cases[i].unix_s)
            fail_msg("%s: %lld", cases[i].text, (long long)got);
    }
}

/* ---- conditions ------------------------------------------------------------------------------------ */

static void entity_tags(void **state)
{
    (void)state;
    /* RFC 9110 8.8.3.2 */
    static const struct {
        const char *a, *b;
        bool strong, weak;
    } cases[] = { { "W/\"1\"", "W/\"1\"", false, true },
                  { "W/\"1\"", "W/\"2\"", false, false },
                  { "W/\"1\"", "\"1\"", false, true },
                  { "\"1\"", "\"1\"", true, true } };
    for (size_t i = 0; i < 4; i++) {
        struct span a = span_text(cases[i].a), b = span_text(cases[i].b);
        assert_int_equal(http_etag_strong_equal(a, b), cases[i].strong);
        assert_int_equal(http_etag_strong_equal(b, a), cases[i].strong);
        assert_int_equal(http_etag_weak_equal(a, b), cases[i].weak);
        assert_int_equal(http_etag_weak_equal(b, a), cases[i].weak);
    }
}

static void conditions_in_their_order(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        enum http_condition is, unsafe_is;
    } cases[] = {
        { "", HTTP_GO_ON, HTTP_GO_ON },
        { "If-Match: \"a\"\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-Match: *\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-Match: \"x\", \"a\"\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-Match: \"x\"\r\nIf-Match: \"a\"\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-Match: \"x\"\r\n", HTTP_PRECONDITION_FAILED, HTTP_PRECONDITION_FAILED },
        { "If-Match: W/\"a\"\r\n", HTTP_PRECONDITION_FAILED, HTTP_PRECONDITION_FAILED }, /* strong only */
        { "If-Match: a\r\n", HTTP_PRECONDITION_FAILED, HTTP_PRECONDITION_FAILED },
        { "If-Match:\r\n", HTTP_PRECONDITION_FAILED, HTTP_PRECONDITION_FAILED },
        { "If-Unmodified-Since: " MODIFIED "\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-Unmodified-Since: " BEFORE "\r\n", HTTP_PRECONDITION_FAILED, HTTP_PRECONDITION_FAILED },
        { "If-Unmodified-Since: soon\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-Match: \"a\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-None-Match: \"a\"\r\n", HTTP_NOT_MODIFIED, HTTP_PRECONDITION_FAILED },
        { "If-None-Match: W/\"a\"\r\n", HTTP_NOT_MODIFIED, HTTP_PRECONDITION_FAILED }, /* weak is enough */
        { "If-None-Match: *\r\n", HTTP_NOT_MODIFIED, HTTP_PRECONDITION_FAILED },
        { "If-None-Match: \"x,y\",\"a\"\r\n", HTTP_NOT_MODIFIED, HTTP_PRECONDITION_FAILED },
        { "If-None-Match: \"x\"\r\nIf-None-Match: \"a\"\r\n", HTTP_NOT_MODIFIED, HTTP_PRECONDITION_FAILED },
        { "If-None-Match: \"x\"\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-None-Match: \"a\r\n", HTTP_GO_ON, HTTP_GO_ON }, /* no tag */
        { "If-Modified-Since: " MODIFIED "\r\n", HTTP_NOT_MODIFIED, HTTP_GO_ON },
        { "If-Modified-Since: " AFTER "\r\n", HTTP_NOT_MODIFIED, HTTP_GO_ON },
        { "If-Modified-Since: " BEFORE "\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-Modified-Since: soon\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-None-Match: \"x\"\r\nIf-Modified-Since: " MODIFIED "\r\n", HTTP_GO_ON, HTTP_GO_ON },
        { "If-None-Match: \"a\"\r\nIf-Modified-Since: " BEFORE "\r\n", HTTP_NOT_MODIFIED,
          HTTP_PRECONDITION_FAILED },
        { "If-Match: \"x\"\r\nIf-None-Match: \"a\"\r\n", HTTP_PRECONDITION_FAILED, HTTP_PRECONDITION_FAILED },
        { "If-Unmodified-Since: " BEFORE "\r\nIf-None-Match: \"a\"\r\n", HTTP_PRECONDITION_FAILED,
          HTTP_PRECONDITION_FAILED },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request *r = request(cases[i].lines);
        struct span etag = span_text("\"a\"");
        if (http_evaluate(r, true, etag, MODIFIED_S, NOW_S) != cases[i].is ||
            http_evaluate(r, false, etag, MODIFIED_S, NOW_S) != cases[i].unsafe_is)
            fail_msg("%s", cases[i].lines);
    }
}

/* ---- ranges ------------------------------------------------------------------------------------------ */

static void ranges(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        enum http_range_state is;
        uint64_t first, last;
    } cases[] = {
        /* of 10000 bytes: the examples of RFC 9110 14.1.2 */
        { "Range: bytes=0-499\r\n", HTTP_RANGE_ONE, 0, 499 },
        { "Range: bytes=500-999\r\n", HTTP_RANGE_ONE, 500, 999 },
        { "Range: bytes=-500\r\n", HTTP_RANGE_ONE, 9500, 9999 },
        { "Range: bytes=9500-\r\n", HTTP_RANGE_ONE, 9500, 9999 },
        { "Range: BYTES=0-0\r\n", HTTP_RANGE_ONE, 0, 0 },
        { "Range: bytes=9999-9999\r\n", HTTP_RANGE_ONE, 9999, 9999 },
        { "Range: bytes=0-99999999999999999999999\r\n", HTTP_RANGE_ONE, 0, 9999 },
        { "Range: bytes=-20000\r\n", HTTP_RANGE_ONE, 0, 9999 },
        { "Range: bytes=-99999999999999999999999\r\n", HTTP_RANGE_ONE, 0, 9999 },
        { "Range: bytes=10000-\r\n", HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { "Range: bytes=99999999999999999999999-\r\n", HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { "Range: bytes=-0\r\n", HTTP_RANGE_UNSATISFIABLE, 0, 0 },
        { "Range: bytes=5-4\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=0-0,-1\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=-\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=5\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=a-b\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=1-2-3\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=+1-2\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=0x1-2\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: lines=1-2\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: 1-2\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=0-9\r\nIf-Range: \"a\"\r\n", HTTP_RANGE_ONE, 0, 9 },
        { "Range: bytes=0-9\r\nIf-Range: \"b\"\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=0-9\r\nIf-Range: W/\"a\"\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=0-9\r\nIf-Range: " MODIFIED "\r\n", HTTP_RANGE_ONE, 0, 9 },
        { "Range: bytes=0-9\r\nIf-Range: " AFTER "\r\n", HTTP_RANGE_NONE, 0, 0 }, /* exactly that date */
        { "Range: bytes=0-9\r\nIf-Range: Wed, soon\r\n", HTTP_RANGE_NONE, 0, 0 },
        { "Range: bytes=0-9\r\nIf-Range:\r\n", HTTP_RANGE_NONE, 0, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t first = 0, last = 0;
        enum http_range_state is =
            http_range(request(cases[i].lines), 10000, span_text("\"a\""), MODIFIED_S, NOW_S, &first, &last);
        if (is != cases[i].is || (is == HTTP_RANGE_ONE && (first != cases[i].first || last != cases[i].last)))
            fail_msg("%s: %d %llu-%llu", cases[i].lines, is, (unsigned long long)first,
                     (unsigned long long)last);
    }
}

static void ranges_of_nothing(void **state)
{
    (void)state;
    uint64_t first, last;
    static const char *const lines[] = { "Range: bytes=0-\r\n", "Range: bytes=-5\r\n",
                                         "Range: bytes=0-0\r\n" };
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(http_range(request(lines[i]), 0, span_text("\"a\""), 0, NOW_S, &first, &last),
                         HTTP_RANGE_UNSATISFIABLE);
}

static void a_date_of_this_second_is_no_strong_validator(void **state)
{
    (void)state;
    uint64_t first, last;
    struct http_request *r = request("Range: bytes=0-9\r\nIf-Range: " MODIFIED "\r\n");
    assert_int_equal(http_range(r, 100, span_text("\"a\""), MODIFIED_S, MODIFIED_S, &first, &last),
                     HTTP_RANGE_NONE);
    assert_int_equal(http_range(r, 100, span_text("\"a\""), MODIFIED_S, MODIFIED_S + 1, &first, &last),
                     HTTP_RANGE_ONE);
}

/* ---- codings ------------------------------------------------------------------------------------------- */

static void gzip_for_those_who_take_it(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        bool takes;
    } cases[] = {
        { "", false },
        { "Accept-Encoding:\r\n", false },
        { "Accept-Encoding: gzip\r\n", true },
        { "Accept-Encoding: gzip,deflate\r\n", true }, /* the reference capture's */
        { "Accept-Encoding: deflate, GZip;q=0.5, br;q=1.0\r\n", true },
        { "Accept-Encoding: x-gzip\r\n", true },
        { "Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", true },
        { "Accept-Encoding: *\r\n", true },
        { "Accept-Encoding: *;q=0\r\n", false },
        { "Accept-Encoding: *;q=0, gzip\r\n", true },
        { "Accept-Encoding: gzip;q=0, *\r\n", false },
        { "Accept-Encoding: gzip;q=0\r\n", false },
        { "Accept-Encoding: gzip;q=0.000\r\n", false },
        { "Accept-Encoding: gzip;q=0.001\r\n", true },
        { "Accept-Encoding: gzip ; q=1.000\r\n", true },
        { "Accept-Encoding: gzip;Q=0.5\r\n", true },
        { "Accept-Encoding: gzip;q=0.5, identity;q=0.6\r\n", false },
        { "Accept-Encoding: gzip;q=0.5, identity;q=0.5\r\n", true },
        { "Accept-Encoding: identity;q=0, gzip;q=0.1\r\n", true },
        { "Accept-Encoding: identity\r\n", false },
        { "Accept-Encoding: gzip;q=2\r\n", false },
        { "Accept-Encoding: gzip;q=0.5x\r\n", false },
        { "Accept-Encoding: gzip;q=\r\n", false },
        { "Accept-Encoding: gzip;q=0.1234\r\n", false },
        { "Accept-Encoding: gzipped, agzip\r\n", false },
        { "Accept-Encoding: ,,gzip,,\r\n", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (http_takes_gzip(request(cases[i].lines)) != cases[i].takes)
            fail_msg("%s", cases[i].lines);
}

static void media_types(void **state)
{
    (void)state;
    assert_string_equal(http_media_type(span_text("/a/index.html")), "text/html; charset=utf-8");
    assert_string_equal(http_media_type(span_text("/a.b/PHOTO.JPG")), "image/jpeg");
    assert_string_equal(http_media_type(span_text("/a.html/b")), "application/octet-stream");
    assert_string_equal(http_media_type(span_text("/html")), "application/octet-stream");
    assert_string_equal(http_media_type(span_text("/a.")), "application/octet-stream");
    assert_string_equal(http_media_type(span_text("/a.tar.gz")), "application/gzip");
    assert_string_equal(http_media_type(span_text("/.html")), "text/html; charset=utf-8");
    assert_true(http_media_type_is_text("text/css; charset=utf-8"));
    assert_true(http_media_type_is_text("image/svg+xml"));
    assert_false(http_media_type_is_text("image/png"));
}

/* ---- forms ------------------------------------------------------------------------------------------------
 */

static struct span value(const struct form *f, const char *name)
{
    return form_value(f, name);
}

static void the_captured_form(void **state)
{
    (void)state;
    static const char body[] =
        "author=Chris+Sanders&email=chris%40chrissanders.org&url=http%3A%2F%2Fwww.chrissanders.org"
        "&comment=This+is+a+POST+test%21&submit=Submit+Comment&comment_post_ID=310&comment_parent=0";
    char room[200];
    struct writer w = writer_over(room, sizeof room);
    struct form f;
    assert_int_equal(strlen(body), 179);
    assert_true(form_parse(span_text(body), &w, &f));
    assert_int_equal(f.count, 7);
    assert_true(span_is(value(&f, "author"), "Chris Sanders"));
    assert_true(span_is(value(&f, "email"), "chris@chrissanders.org"));
    assert_true(span_is(value(&f, "url"), "http://www.chrissanders.org"));
    assert_true(span_is(value(&f, "comment"), "This is a POST test!"));
    assert_null(value(&f, "Author").at);
    /* the cookies of the answer carry these values as the form did */
    char cookie[100];
    w = writer_over(cookie, sizeof cookie);
    form_encode(&w, value(&f, "url"));
    assert_true(span_is(writer_span(&w), "http%3A%2F%2Fwww.chrissanders.org"));
}

static void forms(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        size_t count;
        const char *name, *value;
    } cases[] = {
        { "", 0, "a", NULL },         { "&&", 0, "a", NULL },
        { "a=b", 1, "a", "b" },       { "a", 1, "a", "" },
        { "a=", 1, "a", "" },         { "=b", 1, "", "b" },
        { "a=b=c", 1, "a", "b=c" },   { "a=1&a=2", 2, "a", "1" },
        { "&a=b&", 1, "a", "b" },     { "a=%", 1, "a", "%" },
        { "a=%4", 1, "a", "%4" },     { "a=%zz", 1, "a", "%zz" },
        { "a=%4%41", 1, "a", "%4A" }, { "a=%e4%C3%BC+%2b", 1, "a", "\xe4\xc3\xbc +" },
        { "%61=b", 1, "a", "b" },     { "a=b;c=d", 1, "a", "b;c=d" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char room[64];
        struct writer w = writer_over(room, strlen(cases[i].body)); /* never more than the body */
        struct form f;
        assert_true(form_parse(span_text(cases[i].body), &w, &f));
        assert_int_equal(f.count, cases[i].count);
        struct span v = value(&f, cases[i].name);
        if (cases[i].value ? !span_is(v, cases[i].value) : v.at != NULL)
            fail_msg("%s", cases[i].body);
    }
}

static void a_form_with_too_many_fields(void **state)
{
    (void)state;
    char body[4 * FORM_FIELDS_MAX + 4] = "", room[sizeof body];
    struct form f;
    for (size_t i = 0; i < FORM_FIELDS_MAX; i++)
        memcpy(body + 4 * i, "a=b&", 5);
    struct writer w = writer_over(room, sizeof room);
    assert_true(form_parse(span_text(body), &w, &f));
    memcpy(body + sizeof body - 4, "a=b", 4);
    w = writer_over(room, sizeof room);
    assert_false(form_parse(span_text(body), &w, &f));
}

static void a_form_written_and_read_again(void **state)
{
    (void)state;
    char text[300], room[300];
    struct writer w = writer_over(text, sizeof text), r = writer_over(room, sizeof room);
    struct form f;
    form_write(&w, span_text("a b"), span_text("&=+%;\r\n\xff"));
    form_write(&w, span_text("c"), span_text(""));
    assert_true(form_parse(writer_span(&w), &r, &f));
    assert_int_equal(f.count, 2);
    assert_true(span_is(value(&f, "a b"), "&=+%;\r\n\xff"));
    assert_true(span_is(value(&f, "c"), ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_in_three_forms),
        cmocka_unit_test(entity_tags),
        cmocka_unit_test(conditions_in_their_order),
        cmocka_unit_test(ranges),
        cmocka_unit_test(ranges_of_nothing),
        cmocka_unit_test(a_date_of_this_second_is_no_strong_validator),
        cmocka_unit_test(gzip_for_those_who_take_it),
        cmocka_unit_test(media_types),
        cmocka_unit_test(the_captured_form),
        cmocka_unit_test(forms),
        cmocka_unit_test(a_form_with_too_many_fields),
        cmocka_unit_test(a_form_written_and_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
