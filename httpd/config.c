#include "httpd.h"

#include <stdlib.h>

static const struct config_key form_keys[] = {
    { .name = "page",
      .type = CONFIG_TEXT,
      .flags = CONFIG_REQUIRED,
      .help =
          "The file of the site, of at most 256 KiB, that shows the newest entries in the place of its line "
          "<!-- entries -->.",
      .example = "page = \"/comments.html\"" },
    { .name = "then",
      .type = CONFIG_TEXT,
      .flags = CONFIG_REQUIRED,
      .help = "Where a client is sent after its POST, with 302 unless 303 stands before it; {id} becomes the "
              "number of the new entry, and what is behind # its place in the page.",
      .example = "then = \"/comments.html#entry-{id}\"",
      .reference = "RFC 9110 15.4.3" },
    { .name = "cookies",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Fields of the form whose values become cookies: of the same name, or name=field.",
      .example = "cookies = { \"author\", \"comment_author_email=email\" }",
      .reference = "RFC 6265 4.1" },
    { .name = "cookie-lifetime",
      .type = CONFIG_DURATION,
      .otherwise = "0s",
      .least = 0,
      .most = 400 * 86400,
      .help = "How long a client keeps the cookies; 0s: until it ends.",
      .example = "cookie-lifetime = \"30d\"",
      .reference = "RFC 6265 5.2.2" },
    { .name = "show",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "The fields that the page shows of an entry; without it, all that are not empty.",
      .example = "show = { \"author\", \"comment\" }" },
    { .name = "first-id",
      .type = CONFIG_NUMBER,
      .otherwise = "1",
      .least = 1,
      .most = INT64_MAX / 2,
      .help = "The least number that an entry gets.",
      .example = "first-id = 103002" },
    { .name = "headers",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Header lines of the answer to the POST, before those of the site.",
      .example = "headers = { \"Cache-Control: no-cache, must-revalidate, max-age=0\" }" },
    { 0 },
};

static const struct config_key site_keys[] = {
    { .name = "root",
      .type = CONFIG_PATH,
      .flags = CONFIG_REQUIRED,
      .help =
          "The directory whose files are served; nothing outside of it is, whatever a link or a path says.",
      .example = "root = \"www\"" },
    { .name = "index",
      .type = CONFIG_TEXT,
      .otherwise = "index.html",
      .help = "The file that a path ending in / means.",
      .example = "index = \"index.html\"" },
    { .name = "listing",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether a directory without an index file is answered with a list of what is in it.",
      .example = "listing = true" },
    { .name = "headers",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Header lines that every answer of the site carries.",
      .example = "headers = { \"Server: Apache\", \"X-Frame-Options: DENY\" }" },
    { .name = "certificate",
      .type = CONFIG_PATH,
      .help = "PEM file of the certificate and its chain for listen-tls; without it the lab's CA makes one.",
      .example = "certificate = \"tls/site.pem\"" },
    { .name = "key",
      .type = CONFIG_PATH,
      .help = "PEM file of the certificate's private key; without it, it is looked for in the certificate's "
              "file.",
      .example = "key = \"tls/site.key\"" },
    { .name = "form",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .keys = form_keys,
      .help =
          "A path that takes POST: its fields are kept, then the client is sent to the page that shows them.",
      .example = "form \"/comment\" { page = \"/comments.html\"  then = \"/comments.html#entry-{id}\" }" },
    { 0 },
};

const struct config_key httpd_keys[] = {
    { .name = "listen",
      .type = CONFIG_ENDPOINT,
      .flags = CONFIG_LIST | CONFIG_RESTART,
      .help = "Addresses and ports for HTTP in clear.",
      .example = "listen = { \"127.0.0.1:8080\", \"[::1]:8080\" }" },
    { .name = "listen-tls",
      .type = CONFIG_ENDPOINT,
      .flags = CONFIG_LIST | CONFIG_RESTART,
      .help = "Addresses and ports for HTTPS (TLS 1.2 and 1.3).",
      .example = "listen-tls = { \"127.0.0.1:8443\" }" },
    { .name = "workers",
      .type = CONFIG_NUMBER,
      .otherwise = "1",
      .least = 1,
      .most = 1,
      .flags = CONFIG_RESTART,
      .help = "Threads that serve; for now there is one.",
      .example = "workers = 1" },
    { .name = "site",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED | CONFIG_REQUIRED,
      .title_type = CONFIG_DOMAIN,
      .keys = site_keys,
      .help = "The files for one host name; \"default\" is for every other name.",
      .example = "site \"default\" { root = \"www\" }" },
    { .name = "max-head-size",
      .type = CONFIG_SIZE,
      .otherwise = "16KiB",
      .least = 1024,
      .most = 1 << 20,
      .help = "The largest head of a request; more is answered with 431, a longer request line than half of "
              "it with 414.",
      .example = "max-head-size = \"16KiB\"" },
    { .name = "max-body-size",
      .type = CONFIG_SIZE,
      .otherwise = "64KiB",
      .least = 0,
      .most = 64 << 20,
      .help = "The largest body of a request, which is held in memory until it is whole; more is answered "
              "with 413.",
      .example = "max-body-size = \"64KiB\"" },
    { .name = "head-timeout",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .otherwise = "20s",
      .least = 1,
      .most = 3600000,
      .help = "How long a head that has begun may take; then 408.",
      .example = "head-timeout = \"20s\"" },
    { .name = "body-timeout",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .otherwise = "60s",
      .least = 1,
      .most = 3600000,
      .help = "How long a body may take; then 408.",
      .example = "body-timeout = \"60s\"" },
    { .name = "idle-timeout",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .otherwise = "75s",
      .least = 1,
      .most = 3600000,
      .help = "How long a connection is kept open between requests.",
      .example = "idle-timeout = \"75s\"" },
    { .name = "write-timeout",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .otherwise = "60s",
      .least = 1,
      .most = 3600000,
      .help = "How long a client may take none of what was answered; then the connection is cut.",
      .example = "write-timeout = \"60s\"" },
    { .name = "max-connections",
      .type = CONFIG_NUMBER,
      .otherwise = "10000",
      .least = 1,
      .most = 1000000,
      .help = "Connections at once; more are closed when they come.",
      .example = "max-connections = 10000" },
    { 0 },
};

/* ---- settings ---------------------------------------------------------------------------------- */

struct reading {
    struct config *config;
    struct http_settings *settings;
};

static const char *keep(struct reading *r, const char *text)
{
    return text ? arena_text(&r->settings->memory, span_text(text)) : NULL;
}

static struct endpoint *read_endpoints(struct reading *r, const struct config_section *s, const char *key,
                                       size_t *count)
{
    const struct config_value *v = config_list(s, key, count);
    struct endpoint *out = arena_array(&r->settings->memory, *count + 1, sizeof *out);
    for (size_t i = 0; out && i < *count; i++)
        out[i] = v[i].endpoint;
    return out;
}

static const char *lower(struct reading *r, const char *text)
{
    char *copy = arena_text(&r->settings->memory, span_text(text));
    for (char *c = copy; c && *c; c++)
        *c = (char)ascii_lower((uint8_t)*c);
    return copy;
}

/* What is the server's own to say; a second one would contradict it. */
static bool own_field(struct span name)
{
    static const char *const own[] = { "Connection",        "Content-Length", "Content-Encoding",
                                       "Content-Range",     "Date",           "ETag",
                                       "Transfer-Encoding", "Location",       "Trailer" };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        if (span_is_nocase(name, own[i]))
            return true;
    return false;
}

static void check_header(struct reading *r, const struct config_section *s, const struct config_value *v)
{
    struct span line = span_text(v->text);
    struct span name = span_head(line, span_find(line, ':'));
    if (name.len == line.len || !http_is_token(name) || !http_is_field_value(line))
        config_problem(r->config, s, v, "Name: value", "\"%s\" is no header line", v->text);
    else if (own_field(name))
        config_problem(r->config, s, v, "another header", "%.*s is the server's own to set", (int)name.len,
                       (const char *)name.at);
}

/* Header lines as they go out: a wrong one is found now, not by a client. */
static struct span read_headers(struct reading *r, const struct config_section *s)
{
    size_t count, bytes = 0;
    const struct config_value *v = config_list(s, "headers", &count);
    for (size_t i = 0; i < count; i++) {
        check_header(r, s, &v[i]);
        bytes += strlen(v[i].text) + 2;
    }
    if (bytes > HTTP_HEADERS_MAX)
        config_problem(r->config, s, &v[0], "fewer or shorter lines", "headers of %zu bytes, more than %d",
                       bytes, HTTP_HEADERS_MAX);
    uint8_t *room = arena_alloc_bytes(&r->settings->memory, bytes);
    struct writer w = writer_over(room, room ? bytes : 0);
    for (size_t i = 0; room && i < count; i++) {
        write_text(&w, v[i].text);
        write_text(&w, "\r\n");
    }
    return room ? writer_span(&w) : span_of("", 0);
}

static const char *const *read_texts(struct reading *r, const struct config_section *s, const char *key,
                                     size_t *count)
{
    const struct config_value *v = config_list(s, key, count);
    const char **out = arena_array(&r->settings->memory, *count + 1, sizeof *out);
    for (size_t i = 0; out && i < *count; i++)
        out[i] = keep(r, v[i].text);
    if (!out)
        *count = 0;
    return out;
}

static void read_cookies(struct reading *r, const struct config_section *s, struct http_form *f)
{
    const struct config_value *v = config_list(s, "cookies", &f->cookie_count);
    struct http_cookie *out = arena_array(&r->settings->memory, f->cookie_count + 1, sizeof *out);
    for (size_t i = 0; out && i < f->cookie_count; i++) {
        struct span text = span_text(v[i].text);
        size_t equals = span_find(text, '=');
        if (!http_is_token(span_head(text, equals)) || equals + 1 == text.len)
            config_problem(r->config, s, &v[i], "a name, or name=field", "\"%s\" is no name of a cookie",
                           v[i].text);
        out[i].name = arena_text(&r->settings->memory, span_head(text, equals));
        out[i].field = equals < text.len ? keep(r, v[i].text + equals + 1) : out[i].name;
    }
    f->cookies = out;
    f->cookie_count = out ? f->cookie_count : 0;
}

/* "303 /thanks" or "/thanks": a status, where the client goes, and where the entry is on that page. */
static void read_then(struct reading *r, const struct config_section *s, struct http_form *f)
{
    const struct config_value *v = config_value(s, "then");
    struct span text = span_text(v ? v->text : "");
    f->status = 302;
    if (span_starts(text, "302 ") || span_starts(text, "303 ")) {
        f->status = text.at[2] == '3' ? 303 : 302;
        text = span_from(text, 4);
    }
    bool url = span_starts(text, "/") || span_starts(text, "http://") || span_starts(text, "https://");
    for (size_t i = 0; i < text.len; i++)
        url = url && text.at[i] > ' ' && text.at[i] < 0x7f;
    if (v && (!url || text.len > HTTP_HEADERS_MAX))
        config_problem(r->config, s, v, "/comments.html#entry-{id}, or 303 before it",
                       "\"%s\" is no place to send a client to", v->text);
    struct span anchor = span_from(text, span_find(text, '#') + 1);
    f->then = arena_text(&r->settings->memory, text);
    f->anchor = anchor.len ? arena_text(&r->settings->memory, anchor) : "entry-{id}";
}

static void read_form(struct reading *r, const struct config_section *s, struct http_form *f)
{
    f->path = keep(r, config_title(s)->text);
    f->page = keep(r, config_text(s, "page"));
    f->first_id = config_number(s, "first-id");
    f->cookie_s = config_number(s, "cookie-lifetime");
    f->show = read_texts(r, s, "show", &f->show_count);
    f->headers = read_headers(r, s);
    read_then(r, s, f);
    read_cookies(r, s, f);
    if (f->path && f->path[0] != '/')
        config_problem(r->config, s, config_title(s), "/comment", "the path of a form begins with /");
    if (f->page && f->page[0] != '/')
        config_problem(r->config, s, config_value(s, "page"), "/comments.html",
                       "a page is a path that begins with /");
}

static void read_site(struct reading *r, const struct config_section *s, struct http_site *site)
{
    size_t count;
    const struct config_section *const *forms = config_sections(s, "form", &count);
    struct http_form *list = arena_array(&r->settings->memory, count + 1, sizeof *list);
    site->host = lower(r, config_title(s)->text);
    site->root = keep(r, config_text(s, "root"));
    site->index = keep(r, config_text(s, "index"));
    site->listing = config_flag(s, "listing");
    site->certificate = keep(r, config_text(s, "certificate"));
    site->key = keep(r, config_text(s, "key"));
    site->headers = read_headers(r, s);
    for (size_t i = 0; list && i < count; i++)
        read_form(r, forms[i], &list[i]);
    site->forms = list;
    site->form_count = list ? count : 0;
    if (site->key && !site->certificate)
        config_problem(r->config, s, config_value(s, "key"), "certificate = \"site.pem\"",
                       "a key needs its certificate beside it");
}

static void read_limits(struct http_settings *t, const struct config_section *s)
{
    t->limits.head_bytes_max = (size_t)config_number(s, "max-head-size");
    t->limits.line_bytes_max = t->limits.head_bytes_max / 2;
    t->body_bytes_max = (size_t)config_number(s, "max-body-size");
    t->connections_max = (size_t)config_number(s, "max-connections");
    t->head_ms = (uint64_t)config_number(s, "head-timeout");
    t->body_ms = (uint64_t)config_number(s, "body-timeout");
    t->idle_ms = (uint64_t)config_number(s, "idle-timeout");
    t->write_ms = (uint64_t)config_number(s, "write-timeout");
}

#define SETTINGS_CHUNK (16 * 1024)
#define SETTINGS_MAX   (64 * 1024 * 1024)

void *httpd_configure(struct config *c, const struct config_section *s)
{
    struct http_settings *t = calloc(1, sizeof *t);
    struct reading r = { c, t };
    size_t count;
    const struct config_section *const *sites = config_sections(s, "site", &count);
    if (!t) {
        config_problem(c, s, NULL, NULL, "out of memory");
        return NULL;
    }
    arena_open(&t->memory, SETTINGS_CHUNK, SETTINGS_MAX);
    t->listen = read_endpoints(&r, s, "listen", &t->listen_count);
    t->listen_tls = read_endpoints(&r, s, "listen-tls", &t->listen_tls_count);
    t->sites = arena_array(&t->memory, count + 1, sizeof *t->sites);
    t->site_count = t->sites ? count : 0;
    for (size_t i = 0; i < t->site_count; i++)
        read_site(&r, sites[i], &t->sites[i]);
    read_limits(t, s);
    if (!t->listen_count && !t->listen_tls_count)
        config_problem(c, s, NULL, "listen = { \"127.0.0.1:8080\" }", "httpd listens nowhere");
    if (config_ok(c) && t->listen && t->listen_tls && t->sites)
        return t;
    httpd_forget(t);
    return NULL;
}

void httpd_forget(void *settings)
{
    struct http_settings *t = settings;
    arena_close(&t->memory);
    free(t);
}
