#include "httpd.h"

#include <stdlib.h>

static const struct config_key form_keys[] = {
    { .name = "page",
      .type = CONFIG_TEXT,
      .flags = CONFIG_REQUIRED,
      .help = "The file of the site that shows the entries, in the place of its line <!-- entries -->.",
      .example = "page = \"/comments.html\"" },
    { .name = "then",
      .type = CONFIG_TEXT,
      .flags = CONFIG_REQUIRED,
      .help = "Where a client is sent after its POST; {id} becomes the number of the new entry.",
      .example = "then = \"/comments.html#entry-{id}\"" },
    { .name = "cookies",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Fields of the form whose values are set as cookies of the same name.",
      .example = "cookies = { \"author\", \"email\" }",
      .reference = "RFC 6265 4.1" },
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
      .otherwise = "1MiB",
      .least = 0,
      .most = 64 << 20,
      .help = "The largest body of a request, which is held in memory; more is answered with 413.",
      .example = "max-body-size = \"1MiB\"" },
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

/* The site's header lines as they go out: a wrong one is found now, not by a client. */
static struct span read_headers(struct reading *r, const struct config_section *s)
{
    size_t count, bytes = 0;
    const struct config_value *v = config_list(s, "headers", &count);
    for (size_t i = 0; i < count; i++) {
        struct span line = span_text(v[i].text);
        size_t colon = span_find(line, ':');
        if (colon == line.len || !http_is_token(span_head(line, colon)))
            config_problem(r->config, s, &v[i], "Name: value", "\"%s\" is no header line", v[i].text);
        bytes += line.len + 2;
    }
    uint8_t *room = arena_alloc_bytes(&r->settings->memory, bytes);
    struct writer w = writer_over(room, room ? bytes : 0);
    for (size_t i = 0; room && i < count; i++) {
        write_text(&w, v[i].text);
        write_text(&w, "\r\n");
    }
    return room ? writer_span(&w) : span_of("", 0);
}

static void read_form(struct reading *r, const struct config_section *s, struct http_form *f)
{
    size_t count;
    const struct config_value *cookies = config_list(s, "cookies", &count);
    const char **names = arena_array(&r->settings->memory, count + 1, sizeof *names);
    f->path = keep(r, config_title(s)->text);
    f->page = keep(r, config_text(s, "page"));
    f->then = keep(r, config_text(s, "then"));
    if (f->path && f->path[0] != '/')
        config_problem(r->config, s, config_title(s), "/comment", "the path of a form begins with /");
    if (f->page && f->page[0] != '/')
        config_problem(r->config, s, config_value(s, "page"), "/comments.html",
                       "a page is a path that begins with /");
    for (size_t i = 0; names && i < count; i++) {
        names[i] = keep(r, cookies[i].text);
        if (!http_is_token(span_text(cookies[i].text)))
            config_problem(r->config, s, &cookies[i], "letters, digits, - and _",
                           "\"%s\" is no name of a cookie", cookies[i].text);
    }
    f->cookies = names;
    f->cookie_count = names ? count : 0;
}

static void read_site(struct reading *r, const struct config_section *s, struct http_site *site)
{
    size_t count;
    const struct config_section *const *forms = config_sections(s, "form", &count);
    struct http_form *list = arena_array(&r->settings->memory, count + 1, sizeof *list);
    site->host = lower(r, config_title(s)->text);
    site->root = keep(r, config_text(s, "root"));
    site->index = keep(r, config_text(s, "index"));
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
