#include "server.h"

#include <stdlib.h>

/* ---- life ---------------------------------------------------------------------------------------- */

static struct http_server_options options_of(const struct http_settings *t)
{
    return (struct http_server_options){ .limits = t->limits,
                                         .body_bytes_max = t->body_bytes_max,
                                         .idle_ms = t->idle_ms,
                                         .head_ms = t->head_ms,
                                         .body_ms = t->body_ms,
                                         .write_ms = t->write_ms,
                                         .connections_max = t->connections_max };
}

static void accepted(void *owner, struct listener *l, int fd, const struct endpoint *peer)
{
    struct site_listener *at = owner;
    (void)l;
    http_server_accept(at->server->http, fd, peer, at->tls ? at->server->tls : NULL);
}

static bool listen_on(struct service *s, const struct endpoint *at, size_t count, bool tls, struct problem *p)
{
    for (size_t i = 0; i < count; i++) {
        struct site_listener *l = &s->listeners[s->listener_count];
        struct listener_options o = { .bind = at[i], .events = s->home->events };
        *l = (struct site_listener){ .server = s, .tls = tls };
        l->listener = listener_open(s->home->loop, &o, accepted, l, p);
        if (!l->listener)
            return false;
        s->listener_count++;
        struct endpoint local = listener_local(l->listener);
        home_listening(s->home, "httpd", tls ? "tls" : "tcp", &local,
                       tls ? "curl -k https://%s:%p/" : "curl -i http://%s:%p/");
    }
    return true;
}

/* One context for all names: the first site's, with the others behind SNI. */
static struct tls_context *open_tls(struct home *h, const struct http_settings *t, struct problem *p)
{
    struct tls_context *first = NULL;
    for (size_t i = 0; i < t->site_count; i++) {
        const struct http_site *site = &t->sites[i];
        bool any = span_is(span_text(site->host), "default");
        struct tls_context *c =
            tls_server_context(h->tls, any ? "localhost" : site->host, site->certificate,
                               site->key ? site->key : site->certificate, loop_now(h->loop), p);
        if (!c) {
            tls_context_close(first);
            return NULL;
        }
        if (first)
            tls_context_add_name(first, site->host, c);
        else
            first = c;
    }
    return first;
}

void httpd_service_free(struct service *s)
{
    entries_close(&s->entries);
    files_close(s->files);
    tls_context_close(s->tls);
    free(s->listeners);
    if (s->settings)
        httpd_forget(s->settings);
    free(s);
}

static void stop(struct service *s)
{
    for (size_t i = 0; i < s->listener_count; i++)
        listener_close(s->listeners[i].listener);
    s->listener_count = 0;
    if (s->http)
        http_server_close(s->http);
    s->stopped = true;
    if (list_empty(&s->posts))
        httpd_service_free(s);
}

static bool open_all(struct service *s, const struct http_settings *t, struct problem *p)
{
    struct http_server_options o = options_of(t);
    struct store *store = home_store(s->home, p);
    s->listeners = calloc(t->listen_count + t->listen_tls_count, sizeof *s->listeners);
    if (!store || !s->listeners || !entries_open(&s->entries, store, p))
        return false;
    s->files = files_open(t, p);
    s->http = http_server_open(s->home->loop, &o, &httpd_handler, s);
    if (!s->files || !s->http)
        return false;
    if (t->listen_tls_count && !(s->tls = open_tls(s->home, t, p)))
        return false;
    return listen_on(s, t->listen, t->listen_count, false, p) &&
           listen_on(s, t->listen_tls, t->listen_tls_count, true, p);
}

static struct service *start(struct home *h, void *settings, struct problem *p)
{
    struct service *s = calloc(1, sizeof *s);
    problem_set(p, "httpd: out of memory");
    if (!s)
        return NULL;
    s->home = h;
    list_open(&s->posts);
    list_open(&s->entries.kept);
    if (open_all(s, settings, p)) {
        s->settings = settings;
        return s;
    }
    stop(s);
    return NULL;
}

/* New sites and limits; the sockets stay as they are. What waits for its commit has all it needs. */
static bool reload(struct service *s, void *settings, struct problem *p)
{
    struct http_settings *t = settings;
    struct files *files = files_open(t, p);
    struct tls_context *tls = NULL;
    if (!files)
        return false;
    if (s->tls && !(tls = open_tls(s->home, t, p))) {
        files_close(files);
        return false;
    }
    struct http_server_options o = options_of(t);
    files_close(s->files);
    tls_context_close(s->tls);
    httpd_forget(s->settings);
    s->files = files;
    s->tls = tls;
    s->settings = t;
    http_server_configure(s->http, &o);
    return true;
}

static void drain(struct service *s)
{
    for (size_t i = 0; i < s->listener_count; i++)
        listener_close(s->listeners[i].listener);
    s->listener_count = 0;
    http_server_drain(s->http);
}

static bool busy(const struct service *s)
{
    return http_server_connections(s->http) > 0;
}

const struct service_type httpd_service = {
    .name = "httpd",
    .summary = "Web server: sites of files, forms whose entries are kept.",
    .keys = httpd_keys,
    .configure = httpd_configure,
    .forget = httpd_forget,
    .start = start,
    .reload = reload,
    .drain = drain,
    .busy = busy,
    .stop = stop,
};
