/* httpd's decisions and its section of the file: route.c, respond.c, pages.c, config.c. */
#include "httpd/httpd.h"
#include "httpd/pages.h"
#include "httpd/respond.h"
#include "httpd/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct config_key root[] = {
    { .name = "httpd", .type = CONFIG_SECTION, .keys = httpd_keys, .help = "pages" },
    { .name = NULL },
};

/* The settings, or NULL with the problems in `said`. */
static struct http_settings *configure(const char *body, char said[8192])
{
    char text[8192];
    snprintf(text, sizeof text, "httpd {\n%s\n}\n", body);
    struct config *c = config_read_text(span_text(text), "/etc/lab.conf", root);
    assert_non_null(c);
    struct http_settings *t = NULL;
    if (config_ok(c))
        t = httpd_configure(c, config_section(config_root(c), "httpd"));
    assert_true(config_ok(c) == (t != NULL));
    FILE *f = fmemopen(said, 8192, "w");
    config_print_problems(c, f);
    fclose(f);
    config_close(c);
    return t;
}

/* ---- the section --------------------------------------------------------------------------------- */

static void the_shortest_section(void **state)
{
    (void)state;
    char said[8192] = "";
    struct http_settings *t =
        configure("listen = { \"127.0.0.1:8080\" }\nsite \"default\" { root = \"www\" }", said);
    assert_non_null(t);
    assert_int_equal(t->listen_count, 1);
    assert_int_equal(t->listen[0].port, 8080);
    assert_int_equal(t->site_count, 1);
    assert_string_equal(t->sites[0].root, "/etc/www");
    assert_string_equal(t->sites[0].index, "index.html");
    assert_false(t->sites[0].listing);
    assert_int_equal(t->limits.head_bytes_max, 16384);
    assert_int_equal(t->body_bytes_max, 65536);
    assert_int_equal(t->head_ms, 20000);
    httpd_forget(t);
}

static const char captured_form[] =
    "listen = { \"127.0.0.1:8080\" }\n"
    "site \"WWW.chrissanders.org\" { root = \"www\"  headers = { \"Server: Apache\" }\n"
    "  form \"/wp-comments-post.php\" {\n"
    "    page = \"/index.html\"\n"
    "    then = \"302 http://www.chrissanders.org/?p=310&cpage=1#comment-{id}\"\n"
    "    cookies = { \"comment_author_0d7d=author\", \"url\" }\n"
    "    cookie-lifetime = \"347d\"  first-id = 103002  show = { \"author\", \"comment\" }\n"
    "    headers = { \"X-Powered-By: PHP/4.4.9\", \"Pragma: no-cache\" } } }\n";

static void the_captured_form(void **state)
{
    (void)state;
    char said[8192] = "";
    struct http_settings *t = configure(captured_form, said);
    assert_non_null(t);
    const struct http_form *f = &t->sites[0].forms[0];
    assert_string_equal(t->sites[0].host, "www.chrissanders.org");
    assert_true(span_is(t->sites[0].headers, "Server: Apache\r\n"));
    assert_int_equal(f->status, 302);
    assert_string_equal(f->then, "http://www.chrissanders.org/?p=310&cpage=1#comment-{id}");
    assert_string_equal(f->anchor, "comment-{id}");
    assert_int_equal(f->first_id, 103002);
    assert_int_equal(f->cookie_s, 347 * 86400);
    assert_int_equal(f->cookie_count, 2);
    assert_string_equal(f->cookies[0].name, "comment_author_0d7d");
    assert_string_equal(f->cookies[0].field, "author");
    assert_string_equal(f->cookies[1].name, "url");
    assert_string_equal(f->cookies[1].field, "url");
    assert_int_equal(f->show_count, 2);
    assert_true(span_is(f->headers, "X-Powered-By: PHP/4.4.9\r\nPragma: no-cache\r\n"));
    httpd_forget(t);
}

static void sections_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *body, *said;
    } cases[] = {
        { "site \"a\" { root = \"w\" }", "listens nowhere" },
        { "listen = \"127.0.0.1:80\"", "site" },
        { "listen = \"127.0.0.1:80\" site \"a\" { }", "root" },
        { "listen = \"127.0.0.1:80\" workers = 2 site \"a\" { root = \"w\" }", "workers" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" key = \"k.pem\" }", "needs its certificate" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" headers = { \"no colon\" } }",
          "no header line" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" headers = { \"A B: c\" } }",
          "no header line" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" headers = { \"A: b\\r\\nC: d\" } }",
          "a backslash" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" headers = { \"content-length: 5\" } }",
          "the server's own" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" headers = { \"Transfer-Encoding: x\" } }",
          "the server's own" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" form \"c\" { page = \"/p\" then = \"/p\" } }",
          "begins with /" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" form \"/c\" { page = \"p\" then = \"/p\" } }",
          "begins with /" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" form \"/c\" { page = \"/p\" then = \"/p q\" } "
          "}",
          "no place to send" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" form \"/c\" { page = \"/p\" then = \"307 /p\" "
          "} }",
          "no place to send" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" form \"/c\" { page = \"/p\" then = "
          "\"/p\\r\\nX: y\" } }",
          "a backslash" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" form \"/c\" { page = \"/p\" then = \"/p\" "
          "cookies = { \"a b\" } } }",
          "no name of a cookie" },
        { "listen = \"127.0.0.1:80\" site \"a\" { root = \"w\" form \"/c\" { page = \"/p\" then = \"/p\" "
          "cookies = { \"a=\" } } }",
          "no name of a cookie" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char said[8192] = "";
        struct http_settings *t = configure(cases[i].body, said);
        if (t || !strstr(said, cases[i].said))
            fail_msg("%s\n%s", cases[i].body, said);
    }
}

/* ---- routes ---------------------------------------------------------------------------------------- */

static const char two_sites[] =
    "listen = { \"127.0.0.1:8080\" }\n"
    "site \"first.test\" { root = \"a\" form \"/say\" { page = \"/said.html\" then = \"/\" } }\n"
    "site \"Second.test\" { root = \"b\" index = \"home.htm\" }\n";

static struct route *route_of(const struct http_settings *t, const char *line, const char *host)
{
    static struct route r;
    static struct http_request request;
    static struct http_exchange x;
    static char text[8192];
    struct http_limits limits = { 8000, 8000 };
    struct http_fault fault;
    size_t taken;
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: %s\r\n\r\n", line, host);
    assert_int_equal(http_parse_request(span_text(text), &limits, &request, &taken, &fault), HTTP_DONE);
    x.request = &request;
    assert_true(http_request_target(&request, &x.target, &fault));
    route_find(t, &x, &r);
    return &r;
}

static void which_site(void **state)
{
    (void)state;
    char said[8192], text[2000];
    struct http_settings *t = configure(two_sites, said);
    assert_non_null(t);
    assert_string_equal(route_site(t, span_text("first.test"))->host, "first.test");
    assert_string_equal(route_site(t, span_text("SECOND.TEST"))->host, "second.test");
    assert_string_equal(route_site(t, span_text("second.test."))->host, "second.test");
    assert_string_equal(route_site(t, span_text("third.test"))->host, "first.test"); /* the first one */
    assert_string_equal(route_site(t, span_text(""))->host, "first.test");
    httpd_forget(t);
    snprintf(text, sizeof text, "%s site \"default\" { root = \"c\" }", two_sites);
    t = configure(text, said);
    assert_non_null(t);
    assert_string_equal(route_site(t, span_text("third.test"))->host, "default");
    assert_string_equal(route_site(t, span_text("127.0.0.1"))->host, "default");
    httpd_forget(t);
}

static void which_route(void **state)
{
    (void)state;
    static const struct {
        const char *line, *host;
        enum route_kind kind;
        unsigned status;
        const char *path, *allow;
    } cases[] = {
        { "GET /", "first.test", ROUTE_FILE, 0, "/index.html", NULL },
        { "HEAD /", "second.test", ROUTE_FILE, 0, "/home.htm", NULL },
        { "GET /a/?b", "first.test", ROUTE_FILE, 0, "/a/index.html", NULL },
        { "GET /a%20b/../c.css", "first.test", ROUTE_FILE, 0, "/c.css", NULL },
        { "GET /said.html", "first.test", ROUTE_PAGE, 0, "/said.html", NULL },
        { "GET //said%2ehtml", "first.test", ROUTE_PAGE, 0, "/said.html", NULL },
        { "GET /said.html", "second.test", ROUTE_FILE, 0, "/said.html", NULL },
        { "POST /say", "first.test", ROUTE_POST, 0, "/say", NULL },
        { "POST /say?x=y", "first.test", ROUTE_POST, 0, "/say", NULL },
        { "GET /say", "first.test", ROUTE_REFUSED, 405, "/say", "POST, OPTIONS" },
        { "PUT /say", "first.test", ROUTE_REFUSED, 405, "/say", "POST, OPTIONS" },
        { "POST /say", "second.test", ROUTE_REFUSED, 405, "/say", "GET, HEAD, OPTIONS" },
        { "POST /", "first.test", ROUTE_REFUSED, 405, "/index.html", "GET, HEAD, OPTIONS" },
        { "PUT /a", "first.test", ROUTE_REFUSED, 405, "/a", "GET, HEAD, OPTIONS" },
        { "DELETE /a", "first.test", ROUTE_REFUSED, 405, "/a", "GET, HEAD, OPTIONS" },
        { "PATCH /a", "first.test", ROUTE_REFUSED, 405, "/a", "GET, HEAD, OPTIONS" },
        { "TRACE /a", "first.test", ROUTE_REFUSED, 405, "/a", "GET, HEAD, OPTIONS" },
        { "CONNECT a:443", "first.test", ROUTE_REFUSED, 405, "", "GET, HEAD, POST, OPTIONS" },
        { "OPTIONS *", "first.test", ROUTE_OPTIONS, 0, "", "GET, HEAD, POST, OPTIONS" },
        { "OPTIONS /say", "first.test", ROUTE_OPTIONS, 0, "/say", "POST, OPTIONS" },
        { "OPTIONS /a", "first.test", ROUTE_OPTIONS, 0, "/a", "GET, HEAD, OPTIONS" },
        { "BREW /a", "first.test", ROUTE_REFUSED, 501, "", NULL },
        { "get /a", "first.test", ROUTE_REFUSED, 501, "", NULL }, /* methods have a case */
        { "GET /../a", "first.test", ROUTE_REFUSED, 400, "", NULL },
        { "GET /%", "first.test", ROUTE_REFUSED, 400, "", NULL },
    };
    char said[8192];
    struct http_settings *t = configure(two_sites, said);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct route *r = route_of(t, cases[i].line, cases[i].host);
        bool same = r->kind == cases[i].kind && strcmp(r->site->host, cases[i].host) == 0;
        same = same && (r->kind != ROUTE_REFUSED || r->status == cases[i].status);
        same = same && span_is(span_of(r->path, r->path_len), cases[i].path);
        same = same && (cases[i].allow ? r->allow && strcmp(r->allow, cases[i].allow) == 0 : !r->allow);
        if (!same)
            fail_msg("%s: kind %d status %u path %.*s", cases[i].line, r->kind, r->status, (int)r->path_len,
                     r->path);
    }
    httpd_forget(t);
}

static void a_path_that_is_too_long(void **state)
{
    (void)state;
    static char line[ROUTE_PATH_MAX + 100] = "GET /";
    char said[8192];
    struct http_settings *t = configure(two_sites, said);
    memset(line + 5, 'a', ROUTE_PATH_MAX);
    struct route *r = route_of(t, line, "first.test");
    assert_int_equal(r->kind, ROUTE_REFUSED);
    assert_int_equal(r->status, 414);
    memcpy(line + 5 + ROUTE_PATH_MAX - 5, "/", 2); /* it fits, its index does not */
    r = route_of(t, line, "first.test");
    assert_int_equal(r->status, 414);
    httpd_forget(t);
}

/* ---- answers for files ---------------------------------------------------------------------------- */

#define NOW_MS     1795421144000LL
#define MODIFIED_S 784111777LL

static struct http_plan plan(const char *lines, bool head, char *out, size_t room)
{
    static struct http_request request;
    char text[1000];
    struct http_limits limits = { 1000, 1000 };
    struct http_fault fault;
    size_t taken;
    snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", head ? "HEAD" : "GET", lines);
    assert_int_equal(http_parse_request(span_text(text), &limits, &request, &taken, &fault), HTTP_DONE);
    struct http_exchange x = { .request = &request, .head = head, .now = { 0, NOW_MS } };
    struct http_resource f = { .length = 1000,
                               .modified_s = MODIFIED_S,
                               .media_type = "text/html",
                               .etag = span_text("\"a\""),
                               .etag_gzip = span_text("\"a-gz\""),
                               .length_gzip = 100 };
    struct writer w = writer_over(out, room - 1);
    struct http_plan p = respond_plan(&x, &f, &w);
    assert_true(writer_ok(&w));
    out[writer_length(&w)] = 0;
    return p;
}

static void files_and_what_was_asked(void **state)
{
    (void)state;
    static const struct {
        const char *lines;
        unsigned status;
        bool gzip;
        uint64_t first, count;
        const char *has, *has_not;
    } cases[] = {
        { "", 200, false, 0, 1000, "ETag: \"a\"\r\n", "Content-Encoding" },
        { "", 200, false, 0, 1000, "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "Content-Range" },
        { "", 200, false, 0, 1000, "Vary: Accept-Encoding\r\n", NULL },
        { "", 200, false, 0, 1000, "Accept-Ranges: bytes\r\n", NULL },
        { "Accept-Encoding: gzip\r\n", 200, true, 0, 100, "ETag: \"a-gz\"\r\n", "Accept-Ranges" },
        { "Accept-Encoding: gzip\r\n", 200, true, 0, 100, "Content-Encoding: gzip\r\nETag", NULL },
        { "Range: bytes=0-9\r\n", 206, false, 0, 10, "Content-Range: bytes 0-9/1000\r\n", NULL },
        { "Range: bytes=-10\r\nAccept-Encoding: gzip\r\n", 206, false, 990, 10,
          "Content-Range: bytes 990-999/1000\r\n", "Content-Encoding" },
        { "Range: bytes=1000-\r\n", 416, false, 0, 0, "Content-Range: bytes */1000\r\n", "ETag" },
        { "Range: bytes=0-9\r\nIf-Range: \"b\"\r\n", 200, false, 0, 1000, "ETag: \"a\"\r\n",
          "Content-Range" },
        { "If-None-Match: \"a\"\r\n", 304, false, 0, 0, "ETag: \"a\"\r\n", "Content-" },
        { "If-None-Match: \"a\"\r\n", 304, false, 0, 0, "Vary: Accept-Encoding\r\n", NULL },
        { "If-None-Match: \"a-gz\"\r\nAccept-Encoding: gzip\r\n", 304, true, 0, 0, "ETag: \"a-gz\"\r\n",
          NULL },
        { "If-None-Match: \"a-gz\"\r\n", 200, false, 0, 1000, NULL, NULL },
        { "If-None-Match: \"a\"\r\nRange: bytes=0-9\r\n", 304, false, 0, 0, NULL, "Content-Range" },
        { "If-Match: \"b\"\r\nRange: bytes=0-9\r\n", 412, false, 0, 0, NULL, "Content-Range" },
        { "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 304, false, 0, 0, NULL, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[1000];
        struct http_plan p = plan(cases[i].lines, false, out, sizeof out);
        bool same = p.status == cases[i].status && p.count == cases[i].count && p.first == cases[i].first;
        same = same && (p.gzip == cases[i].gzip || p.count == 0);
        same = same && (!cases[i].has || strstr(out, cases[i].has));
        same = same && (!cases[i].has_not || !strstr(out, cases[i].has_not));
        if (!same)
            fail_msg("%s: %u %llu+%llu\n%s", cases[i].lines, p.status, (unsigned long long)p.first,
                     (unsigned long long)p.count, out);
    }
    /* RFC 9110 14.2: Range is for GET */
    char out[1000];
    assert_int_equal(plan("Range: bytes=0-9\r\n", true, out, sizeof out).status, 200);
}

static void a_plain_request_is_one_without_conditions(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool plain;
    } cases[] = { { "If-Match", false },
                  { "if-none-match", false },
                  { "IF-RANGE", false },
                  { "If-Whatever", false },
                  { "range", false },
                  { "Iffy", true },
                  { "I", true },
                  { "R", true },
                  { "Ranges", true },
                  { "Referer", true },
                  { "Accept-Encoding", true } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request r = { .field_count = 1,
                                  .fields = { { span_text(cases[i].name), span_text("x") } } };
        assert_int_equal(respond_is_plain(&r), cases[i].plain);
    }
}

/* ---- pages ------------------------------------------------------------------------------------------ */

static const char *page_of_entry(const struct http_form *form, const char *fields)
{
    static char out[PAGES_ENTRY_ROOM + 1];
    struct entry e = { .id = 7, .unix_ms = NOW_MS, .fields = span_text(fields) };
    struct writer w = writer_over(out, sizeof out - 1);
    pages_write_entry(&w, form, &e);
    assert_true(writer_ok(&w));
    out[writer_length(&w)] = 0;
    return out;
}

static void an_entry_is_escaped(void **state)
{
    (void)state;
    struct http_form form = { .anchor = "entry-{id}" };
    const char *page = page_of_entry(&form, "a=%3Cscript%3E%22%27%26&%3Cb%3E=x&empty=&c=two%0D%0Alines");
    assert_non_null(strstr(page, "id=\"entry-7\""));
    assert_non_null(strstr(page, "Mon, 23 Nov 2026 08:05:44 GMT"));
    assert_non_null(strstr(page, "<dt>a</dt><dd>&lt;script&gt;&quot;&#39;&amp;</dd>"));
    assert_non_null(strstr(page, "<dt>&lt;b&gt;</dt><dd>x</dd>"));
    assert_null(strstr(page, "<script>"));
    assert_null(strstr(page, "empty"));
    form.anchor = "a\"{id}";
    assert_non_null(strstr(page_of_entry(&form, "a=b"), "id=\"a&quot;7\""));
}

static void only_the_chosen_fields_are_shown(void **state)
{
    (void)state;
    static const char *show[] = { "author", "comment" };
    struct http_form form = { .anchor = "x", .show = show, .show_count = 2 };
    const char *page = page_of_entry(&form, "author=Ann&email=secret%40a.test&comment=hi");
    assert_non_null(strstr(page, "Ann"));
    assert_non_null(strstr(page, "hi"));
    assert_null(strstr(page, "secret"));
}

static void the_largest_entry_fits(void **state)
{
    (void)state;
    static char fields[ENTRY_BYTES_MAX + 1];
    struct http_form form = { .anchor = "entry-{id}" };
    memset(fields, '"', sizeof fields - 1);
    memcpy(fields, "a=", 2);
    const char *page = page_of_entry(&form, fields);
    assert_non_null(strstr(page, "&quot;</dd>\n</dl>\n</article>\n"));
}

static void markers_and_numbers(void **state)
{
    (void)state;
    size_t len;
    struct span page = span_text("<p><!-- entries --></p>");
    assert_int_equal(pages_find_marker(page, &len), 3);
    assert_int_equal(len, 16);
    assert_int_equal(pages_find_marker(span_text("none"), &len), 4);
    assert_int_equal(len, 0);
    char out[100];
    struct writer w = writer_over(out, sizeof out);
    pages_write_with_id(&w, "/?p=310#comment-{id}", 103002);
    assert_true(span_is(writer_span(&w), "/?p=310#comment-103002"));
    w = writer_over(out, sizeof out);
    pages_write_with_id(&w, "/thanks", 5);
    assert_true(span_is(writer_span(&w), "/thanks"));
}

static void lists_and_errors_are_escaped(void **state)
{
    (void)state;
    static char out[PAGES_ENTRY_ROOM + 1];
    char name[256];
    struct writer w = writer_over(out, sizeof out - 1);
    pages_write_list_head(&w, span_text("/<a>/"));
    pages_write_list_row(&w, span_text("<b>\"c\" & d:e"), false);
    pages_write_list_row(&w, span_text("sub"), true);
    pages_write_list_end(&w);
    out[writer_length(&w)] = 0;
    assert_non_null(strstr(out, "<h1>/&lt;a&gt;/</h1>"));
    assert_non_null(
        strstr(out, "href=\"./%3Cb%3E%22c%22%20&amp;%20d:e\">&lt;b&gt;&quot;c&quot; &amp; d:e</a>"));
    assert_non_null(strstr(out, "href=\"./sub/\">sub/</a>"));
    memset(name, '&', 255); /* five bytes each in the name, five in the link */
    w = writer_over(out, PAGES_ROW_ROOM);
    pages_write_list_row(&w, span_of(name, 255), true);
    assert_true(writer_ok(&w)); /* the longest name there is */
    w = writer_over(out, sizeof out - 1);
    pages_write_error(&w, 404, "<nothing>");
    out[writer_length(&w)] = 0;
    assert_non_null(strstr(out, "404 Not Found"));
    assert_non_null(strstr(out, "&lt;nothing&gt;"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_section),
        cmocka_unit_test(the_captured_form),
        cmocka_unit_test(sections_that_cannot_be),
        cmocka_unit_test(which_site),
        cmocka_unit_test(which_route),
        cmocka_unit_test(a_path_that_is_too_long),
        cmocka_unit_test(files_and_what_was_asked),
        cmocka_unit_test(a_plain_request_is_one_without_conditions),
        cmocka_unit_test(an_entry_is_escaped),
        cmocka_unit_test(only_the_chosen_fields_are_shown),
        cmocka_unit_test(the_largest_entry_fits),
        cmocka_unit_test(markers_and_numbers),
        cmocka_unit_test(lists_and_errors_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
