/* httpd as it runs: real files, a real store, sockets on loopback, a frozen clock. What was answered with 302
 * is on disk; what is not on disk was answered with 503. */
#include "httpd/server.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct config_key root[] = {
    { .name = "httpd", .type = CONFIG_SECTION, .keys = httpd_keys, .help = "pages" },
    { .name = NULL },
};

struct world {
    char directory[SCRATCH_BYTES];
    struct loop loop;
    struct events events;
    struct event_sink sink;
    struct home home;
    struct service *service;
    uint16_t port;
    size_t entries, failures, bad_requests, responses;
    char heard[512 * 1024];
    size_t heard_len;
};

static void hear_event(struct event_sink *sink, const struct event *e)
{
    struct world *w = (struct world *)(void *)((char *)sink - offsetof(struct world, sink));
    w->entries += e->id == EVENT_HTTP_ENTRY;
    w->failures += e->id == EVENT_HTTP_ENTRY_FAILED;
    w->bad_requests += e->id == EVENT_HTTP_BAD_REQUEST;
    w->responses += e->id == EVENT_HTTP_RESPONSE;
}

static void listening(struct home *h, const char *service, const char *protocol, const struct endpoint *at,
                      const char *try)
{
    struct world *w = (struct world *)(void *)((char *)h - offsetof(struct world, home));
    (void)service;
    (void)protocol;
    (void)try;
    w->port = at->port;
}

/* ---- files ----------------------------------------------------------------------------------------- */

static const char *path_of(const struct world *w, const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/www/%s", w->directory, name);
    return path;
}

static void put_bytes(const struct world *w, const char *name, const void *bytes, size_t len)
{
    FILE *f = fopen(path_of(w, name), "we");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void put(const struct world *w, const char *name, const char *text)
{
    put_bytes(w, name, text, strlen(text));
}

/* ---- the world ------------------------------------------------------------------------------------- */

#define FORM(more)                                                                                           \
    "form \"/say\" { page = \"/said.html\" then = \"/said.html#c-{id}\" cookies = { \"who\" } " more " }"

static void *settings_of(struct world *w, const char *site)
{
    char text[2000], path[100];
    snprintf(text, sizeof text, "httpd { listen = \"127.0.0.1:0\" site \"default\" { root = \"www\" %s } }",
             site);
    snprintf(path, sizeof path, "%s/lab.conf", w->directory);
    struct config *c = config_read_text(span_text(text), path, root);
    if (!config_ok(c))
        config_print_problems(c, stderr);
    assert_true(config_ok(c));
    void *settings = httpd_configure(c, config_section(config_root(c), "httpd"));
    config_close(c);
    return settings;
}

static void start(struct world *w, const char *site)
{
    struct problem p = { { 0 }, { 0 } };
    assert_int_equal(loop_open(&w->loop), 0);
    clock_freeze(&w->loop.clock);
    w->home = (struct home){
        .loop = &w->loop, .events = &w->events, .state_directory = w->directory, .listening = listening
    };
    w->service = httpd_service.start(&w->home, settings_of(w, site), &p);
    if (!w->service)
        fail_msg("%s", p.what);
}

static void stop(struct world *w)
{
    if (w->service)
        httpd_service.stop(w->service);
    w->service = NULL;
    if (w->home.store)
        store_close(w->home.store);
    loop_close(&w->loop);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    scratch_make(w->directory);
    assert_int_equal(mkdir(path_of(w, ""), 0755), 0);
    events_open(&w->events);
    w->sink = (struct event_sink){ .take = hear_event, .level = EVENT_TRAFFIC };
    events_attach(&w->events, &w->sink);
    put(w, "said.html", "<h1>Said</h1><!-- entries --><p>end</p>");
    put(w, "small.txt", "small");
    start(w, FORM(""));
    alarm(60); /* a test that hangs fails */
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    stop(w);
    scratch_remove(w->directory);
    free(w);
    return 0;
}

static int join(const struct world *w)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons(w->port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

/* Sends a request that asks to close, and reads all that comes. */
static const char *ask(struct world *w, const char *request)
{
    int fd = join(w);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    w->heard_len = 0;
    for (;;) {
        ssize_t n = recv(fd, w->heard + w->heard_len, sizeof w->heard - 1 - w->heard_len, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            loop_turn(&w->loop, true);
            continue;
        }
        if (n <= 0)
            break;
        w->heard_len += (size_t)n;
    }
    close(fd);
    w->heard[w->heard_len] = 0;
    for (int i = 0; i < 3; i++)
        loop_turn(&w->loop, false);
    return w->heard;
}

static const char *get(struct world *w, const char *path)
{
    char request[500];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", path);
    return ask(w, request);
}

static const char *post(struct world *w, const char *fields)
{
    static char request[70000];
    snprintf(request, sizeof request,
             "POST /say HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: "
             "application/x-www-form-urlencoded\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             strlen(fields), fields);
    return ask(w, request);
}

static bool has(const char *answer, const char *text)
{
    return strstr(answer, text) != NULL;
}

static bool is(const char *answer, const char *status)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 && strncmp(answer + 9, status, 3) == 0;
}

/* ---- forms ----------------------------------------------------------------------------------------- */

static void an_entry_is_kept_and_shown(void **state)
{
    struct world *w = *state;
    const char *answer = post(w, "who=Ann+B&what=hello");
    assert_true(is(answer, "302"));
    assert_true(has(answer, "\r\nLocation: /said.html#c-1\r\n"));
    assert_true(has(answer, "\r\nSet-Cookie: who=Ann+B; Path=/; SameSite=Lax\r\n"));
    assert_int_equal(w->entries, 1);
    answer = get(w, "/said.html");
    assert_true(is(answer, "200"));
    assert_true(has(answer, "id=\"c-1\""));
    assert_true(has(answer, "hello"));
    assert_true(strstr(answer, "<h1>Said</h1>") < strstr(answer, "hello"));
    assert_true(strstr(answer, "hello") < strstr(answer, "<p>end</p>"));
}

static void entries_survive_the_end(void **state)
{
    struct world *w = *state;
    assert_true(is(post(w, "what=first"), "302"));
    assert_true(is(post(w, "what=second"), "302"));
    stop(w);
    start(w, FORM(""));
    const char *answer = get(w, "/said.html");
    assert_true(strstr(answer, "first") && strstr(answer, "first") < strstr(answer, "second"));
    assert_true(has(post(w, "what=third"), "#c-3\r\n"));
}

static void a_store_that_fails(void **state)
{
    struct world *w = *state;
    assert_true(is(post(w, "what=before"), "302"));
    store_fail(w->home.store, "no space left on device");
    const char *answer = post(w, "what=lost");
    assert_true(is(answer, "503"));
    assert_true(has(answer, "Retry-After: "));
    assert_false(has(answer, "Location"));
    assert_false(has(answer, "Set-Cookie"));
    assert_int_equal(w->failures, 1);
    answer = get(w, "/said.html");
    assert_true(is(answer, "200"));
    assert_true(has(answer, "before"));
    assert_false(has(answer, "lost"));
    store_fail(w->home.store, NULL);
    assert_true(is(post(w, "what=after"), "302"));
    answer = get(w, "/said.html");
    assert_true(has(answer, "after"));
    assert_false(has(answer, "lost"));
}

static void forms_that_are_refused(void **state)
{
    struct world *w = *state;
    static char fields[ENTRY_BYTES_MAX + 2];
    const char *answer =
        ask(w, "POST /say HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: text/plain\r\n"
               "Content-Length: 3\r\n\r\na=b");
    assert_true(is(answer, "415"));
    assert_true(is(
        ask(w, "POST /say HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\na=b"), "415"));
    answer = ask(w, "POST /say HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                    "Content-Type: application/x-www-form-urlencodedness\r\nContent-Length: 3\r\n\r\na=b");
    assert_true(is(answer, "415"));
    answer = ask(
        w, "POST /say HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
           "Content-Type: Application/X-WWW-form-urlencoded ; charset=UTF-8\r\nContent-Length: 3\r\n\r\na=b");
    assert_true(is(answer, "302"));
    memset(fields, 'a', ENTRY_BYTES_MAX);
    assert_true(is(post(w, fields), "302"));
    fields[ENTRY_BYTES_MAX] = 'a';
    assert_true(is(post(w, fields), "413"));
    for (size_t i = 0; i + 2 < ENTRY_BYTES_MAX + 1; i += 3)
        memcpy(fields + i, "%41", 3); /* as long, though it says less */
    assert_true(is(post(w, fields), "413"));
    for (int i = 0; i < 130; i += 2)
        memcpy(fields + i, "a&", 3);
    assert_true(is(post(w, fields), "413")); /* 65 fields */
    assert_int_equal(w->entries, 2);
}

static void a_cookie_without_its_field_is_not_set(void **state)
{
    struct world *w = *state;
    assert_false(has(post(w, "what=x"), "Set-Cookie"));
    static char fields[3000] = "who=";
    memset(fields + 4, ' ' + 1, 2000); /* 6000 bytes when it is encoded: no browser keeps it */
    const char *answer = post(w, fields);
    assert_true(is(answer, "302"));
    assert_false(has(answer, "Set-Cookie"));
    assert_true(has(post(w, "who=\r\nX: y"), "Set-Cookie: who=%0D%0AX%3A+y; Path"));
}

static void a_page_shows_the_newest_and_has_a_bound(void **state)
{
    struct world *w = *state;
    static char fields[ENTRY_BYTES_MAX + 1];
    char small[40];
    for (int i = 1; i <= ENTRIES_SHOWN_MAX + 3; i++) {
        snprintf(small, sizeof small, "what=number-%d-", i);
        assert_true(is(post(w, small), "302"));
    }
    const char *answer = get(w, "/said.html");
    assert_false(has(answer, "number-3-"));
    assert_true(has(answer, "number-4-"));
    assert_true(has(answer, "number-103-"));
    memset(fields, 'x', ENTRY_BYTES_MAX);
    for (size_t i = 0; i < ENTRIES_SHOWN_BYTES / ENTRY_BYTES_MAX; i++)
        assert_true(is(post(w, fields), "302"));
    answer = get(w, "/said.html");
    assert_false(has(answer, "number-103-"));
    assert_true(w->heard_len < 2 * ENTRIES_SHOWN_BYTES);
}

static void the_form_of_the_reference_capture(void **state)
{
    struct world *w = *state;
    stop(w);
    start(w,
          "form \"/wp-comments-post.php\" { page = \"/said.html\" first-id = 103002 "
          "then = \"302 http://www.chrissanders.org/?p=310&cpage=1#comment-{id}\" cookie-lifetime = \"347d\" "
          "cookies = { \"comment_author_0d7d=author\", \"comment_author_email_0d7d=email\", "
          "\"comment_author_url_0d7d=url\" } headers = { \"X-Powered-By: PHP/4.4.9\" } }");
    const char *answer =
        ask(w, "POST /wp-comments-post.php HTTP/1.1\r\nHost: www.chrissanders.org\r\nConnection: close\r\n"
               "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 179\r\n\r\n"
               "author=Chris+Sanders&email=chris%40chrissanders.org&url=http%3A%2F%2Fwww.chrissanders.org"
               "&comment=This+is+a+POST+test%21&submit=Submit+Comment&comment_post_ID=310&comment_parent=0");
    assert_true(is(answer, "302"));
    assert_true(has(answer, "\r\nLocation: http://www.chrissanders.org/?p=310&cpage=1#comment-103002\r\n"));
    assert_true(has(answer, "\r\nSet-Cookie: comment_author_0d7d=Chris+Sanders; Expires="));
    assert_true(has(answer, "\r\nSet-Cookie: comment_author_email_0d7d=chris%40chrissanders.org; "));
    assert_true(has(answer, "\r\nSet-Cookie: comment_author_url_0d7d=http%3A%2F%2Fwww.chrissanders.org; "));
    assert_true(has(answer, "; Max-Age=29980800; "));
    assert_true(has(answer, "\r\nX-Powered-By: PHP/4.4.9\r\n"));
    assert_true(has(get(w, "/said.html"), "id=\"comment-103002\""));
}

static void a_reload_while_an_entry_is_being_kept(void **state)
{
    struct world *w = *state;
    struct problem p;
    static const char request[] = "POST /say HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: "
                                  "application/x-www-form-urlencoded\r\n"
                                  "Content-Length: 5\r\n\r\nwho=x";
    char answer[1000];
    int fd = join(w);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while (list_empty(&w->service->posts))
        loop_turn(&w->loop, true);
    assert_true(httpd_service.reload(w->service, settings_of(w, ""), &p));
    while (!list_empty(&w->service->posts))
        loop_turn(&w->loop, true);
    loop_turn(&w->loop, false);
    ssize_t n = recv(fd, answer, sizeof answer - 1, 0);
    assert_true(n > 0);
    answer[n] = 0;
    assert_true(is(answer, "302"));
    assert_true(has(answer, "Set-Cookie: who=x;"));
    close(fd);
    assert_true(is(post(w, "who=y"), "405")); /* there is no form any more */
}

static void the_end_while_an_entry_is_being_kept(void **state)
{
    struct world *w = *state;
    static const char request[] = "POST /say HTTP/1.1\r\nHost: a\r\nContent-Type: "
                                  "application/x-www-form-urlencoded\r\nContent-Length: 5\r\n\r\nwho=x";
    int fd = join(w);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while (list_empty(&w->service->posts))
        loop_turn(&w->loop, true);
    httpd_service.stop(w->service); /* tear_down() ends the store: the service is freed there */
    w->service = NULL;
    close(fd);
}

/* ---- files ------------------------------------------------------------------------------------------ */

static void a_file_that_changes(void **state)
{
    struct world *w = *state;
    assert_true(has(get(w, "/small.txt"), "\r\n\r\nsmall"));
    put(w, "small.txt", "other");
    loop_advance(&w->loop, 1000);
    assert_true(has(get(w, "/small.txt"), "\r\n\r\nother"));
    put(w, "small.txt", "a longer one");
    loop_advance(&w->loop, 1000);
    assert_true(has(get(w, "/small.txt"), "Content-Length: 12\r\n"));
    unlink(path_of(w, "small.txt"));
    loop_advance(&w->loop, 1000);
    assert_true(is(get(w, "/small.txt"), "404"));
    put(w, "small.txt", "back");
    assert_true(has(get(w, "/small.txt"), "\r\n\r\nback"));
}

static void files_of_every_length(void **state)
{
    struct world *w = *state;
    static char bytes[FILE_KEPT_MAX + 1];
    static const size_t lengths[] = {
        0, 1, 255, 256, 16 * 1024, 16385, 100 * 1024, 256 * 1024, FILE_KEPT_MAX - 1, FILE_KEPT_MAX + 1
    };
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 31 >> 3);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char wanted[60], name[20];
        snprintf(name, sizeof name, "f%zu.bin", lengths[i]);
        snprintf(wanted, sizeof wanted, "Content-Length: %zu\r\n\r\n", lengths[i]);
        put_bytes(w, name, bytes, lengths[i]);
        for (int again = 0; again < 2; again++) { /* from the disk, and from memory */
            char path[30];
            snprintf(path, sizeof path, "/%s", name);
            const char *answer = get(w, path);
            assert_true(is(answer, "200"));
            const char *body = strstr(answer, wanted);
            assert_non_null(body);
            body += strlen(wanted);
            assert_int_equal(w->heard_len - (size_t)(body - w->heard), lengths[i]);
            assert_memory_equal(body, bytes, lengths[i]);
        }
    }
}

static void nothing_outside_of_the_root(void **state)
{
    struct world *w = *state;
    static const char *const paths[] = { "/link",
                                         "/link/passwd",
                                         "/up",
                                         "/up/wirelab.db",
                                         "/../lab.conf",
                                         "/%2e%2e/wirelab.db",
                                         "/a/..%2f..%2f..%2fetc/passwd",
                                         "//etc/passwd",
                                         "/proc/self/root/etc",
                                         "/small.txt/",
                                         "/small.txt/x" };
    assert_int_equal(symlink("/etc", path_of(w, "link")), 0);
    assert_int_equal(symlink("..", path_of(w, "up")), 0);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const char *answer = get(w, paths[i]);
        if (!is(answer, "404") && !is(answer, "400"))
            fail_msg("%s: %.30s", paths[i], answer);
    }
    assert_int_equal(symlink("small.txt", path_of(w, "inside")), 0);
    assert_true(has(get(w, "/inside"), "small"));
}

static void what_is_no_regular_file(void **state)
{
    struct world *w = *state;
    assert_int_equal(mkfifo(path_of(w, "pipe"), 0644), 0);
    assert_true(is(get(w, "/pipe"), "403"));
}

static void directories(void **state)
{
    struct world *w = *state;
    assert_int_equal(mkdir(path_of(w, "with space"), 0755), 0);
    const char *answer = get(w, "/with%20space?a=b");
    assert_true(is(answer, "301"));
    assert_true(has(answer, "\r\nLocation: /with%20space/?a=b\r\n"));
    answer = get(w, "//with%20space");
    assert_true(has(answer, "\r\nLocation: /with%20space/\r\n")); /* not //: that would be a host */
    assert_true(is(get(w, "/with%20space/"), "404"));             /* no index, no list */
    put(w, "with space/index.html", "inside");
    assert_true(has(get(w, "/with%20space/"), "\r\n\r\ninside"));
}

static void lists_when_they_are_wanted(void **state)
{
    struct world *w = *state;
    stop(w);
    start(w, "listing = true");
    assert_int_equal(mkdir(path_of(w, "b"), 0755), 0);
    put(w, ".hidden", "");
    put(w, "a<b", "");
    const char *answer = get(w, "/");
    assert_true(is(answer, "200"));
    assert_true(strstr(answer, "a&lt;b</a>") < strstr(answer, "b/</a>"));
    assert_true(strstr(answer, "b/</a>") < strstr(answer, "small.txt</a>"));
    assert_false(has(answer, "hidden"));
    assert_true(is(get(w, "/nothing/"), "404"));
    assert_true(is(get(w, "/small.txt/"), "404"));
}

static void many_files_and_changes_give_all_memory_back(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 40; i++) {
        char name[20], path[30];
        snprintf(name, sizeof name, "n%d.txt", i % 10);
        snprintf(path, sizeof path, "/%s", name);
        put(w, name, path + i % 3);
        loop_advance(&w->loop, 1000);
        assert_true(is(get(w, path), "200"));
    }
}

/* ---- bad input ------------------------------------------------------------------------------------------
 */

static void bad_requests_are_told_and_change_nothing(void **state)
{
    struct world *w = *state;
    assert_true(is(ask(w, "GET / HTTP/1.1\r\n\r\n"), "400"));
    assert_true(is(
        ask(w, "POST /say HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\na=b"), "400"));
    assert_true(is(ask(w, "POST /say HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n"), "413"));
    assert_int_equal(w->bad_requests, 3);
    assert_int_equal(w->responses, 0);
    assert_int_equal(w->entries, 0);
    assert_true(is(get(w, "/small.txt"), "200"));
    assert_int_equal(w->responses, 1);
}

static void a_start_that_cannot_be(void **state)
{
    struct world *w = *state;
    struct problem p = { { 0 }, { 0 } };
    void *settings = settings_of(w, "");
    char gone[100];
    snprintf(gone, sizeof gone, "%s/gone", w->directory);
    rename(path_of(w, ""), gone);
    assert_null(httpd_service.start(&w->home, settings, &p));
    rename(gone, path_of(w, ""));
    assert_true(has(p.what, "www"));
    assert_true(has(p.what, "No such file"));
    assert_true(has(p.remedy, "root"));
    httpd_forget(settings);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_kept_and_shown),
        TEST(entries_survive_the_end),
        TEST(a_store_that_fails),
        TEST(forms_that_are_refused),
        TEST(a_cookie_without_its_field_is_not_set),
        TEST(a_page_shows_the_newest_and_has_a_bound),
        TEST(the_form_of_the_reference_capture),
        TEST(a_reload_while_an_entry_is_being_kept),
        TEST(the_end_while_an_entry_is_being_kept),
        TEST(a_file_that_changes),
        TEST(files_of_every_length),
        TEST(nothing_outside_of_the_root),
        TEST(what_is_no_regular_file),
        TEST(directories),
        TEST(lists_when_they_are_wanted),
        TEST(many_files_and_changes_give_all_memory_back),
        TEST(bad_requests_are_told_and_change_nothing),
        TEST(a_start_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
