#include "httpd.h"

#include "entries.h"
#include "files.h"
#include "pages.h"
#include "route.h"
#include "text.h"
#include "wire/form.h"
#include "wire/http_fields.h"

#include <stdlib.h>
#include <unistd.h>

#define LINES_BYTES   8192         /* of field lines that are made for one answer */
#define COPY_BODY_MAX (16 * 1024)  /* a larger kept file is shared instead of copied */
#define ENTRY_BYTES   (512 * 1024) /* of one entry as HTML: escaping makes five bytes of one at most */
#define FORM_ROOM_MAX                                                                                        \
    (64 * 1024) /* of a form's fields: what is shown has to be escaped and sent each time                    \
                 */

struct site_listener {
    struct service *server;
    struct listener *listener;
    bool tls;
};

struct service {
    struct home *home;
    struct http_settings *settings;
    struct http_server *http;
    struct files *files;
    struct entries entries;
    struct tls_context *tls;
    struct site_listener *listeners;
    size_t listener_count;
    struct list posts; /* that wait for their commit */
    bool stopped;
    struct route route; /* of the request being handled */
    char lines[LINES_BYTES];
};

/* An entry on its way to the disk, and the client that waits for it. */
struct post {
    struct list_node node;
    struct service *server;
    struct http_exchange *x;
    const struct http_form *form;
    struct span headers;
    uint8_t room[FORM_ROOM_MAX];
    struct form fields;
};

/* ---- events ------------------------------------------------------------------------------------- */

static void tell_response(struct service *s, const struct http_exchange *x, unsigned status, uint64_t bytes)
{
    struct event ev;
    if (!event_happens(s->home->events, EVENT_HTTP_RESPONSE))
        return;
    event_begin(&ev, EVENT_HTTP_RESPONSE, x->now);
    event_endpoint(&ev, "client", &x->peer);
    if (x->request) {
        event_span(&ev, "method", x->request->method);
        event_span(&ev, "target", x->request->target);
    }
    event_number(&ev, "status", status);
    event_number(&ev, "bytes", (int64_t)bytes);
    event_emit(s->home->events, &ev);
}

static void refused(void *owner, const struct endpoint *peer, const struct http_fault *fault, struct now now)
{
    struct service *s = owner;
    struct event ev;
    if (!event_happens(s->home->events, EVENT_HTTP_BAD_REQUEST))
        return;
    event_begin(&ev, EVENT_HTTP_BAD_REQUEST, now);
    event_endpoint(&ev, "client", peer);
    event_number(&ev, "status", fault->status);
    event_text(&ev, "reason", fault->reason);
    event_emit(s->home->events, &ev);
}

/* ---- answers ------------------------------------------------------------------------------------- */

static struct writer lines_of(struct service *s)
{
    return writer_over(s->lines, sizeof s->lines);
}

static void answer_error(struct service *s, struct http_exchange *x, unsigned status, const char *reason)
{
    char page[2048];
    struct writer body = writer_over(page, sizeof page), lines = lines_of(s);
    pages_write_error(&body, status, reason);
    write_text(&lines, "Content-Type: text/html; charset=utf-8\r\n");
    if (s->route.allow)
        http_write_field(&lines, "Allow", span_text(s->route.allow));
    write_span(&lines, s->route.site->headers);
    tell_response(s, x, status, writer_length(&body));
    struct http_answer a = { .status = status, .head = writer_span(&lines), .body = writer_span(&body) };
    http_answer(x, &a);
}

static void answer_options(struct service *s, struct http_exchange *x)
{
    struct writer lines = lines_of(s);
    http_write_field(&lines, "Allow", span_text(s->route.allow));
    write_span(&lines, s->route.site->headers);
    tell_response(s, x, 204, 0);
    struct http_answer a = { .status = 204, .head = writer_span(&lines) };
    http_answer(x, &a);
}

/* RFC 9110 15.4.2: a directory has its own URL, with a slash at its end. */
static void answer_directory(struct service *s, struct http_exchange *x)
{
    struct writer lines = lines_of(s);
    write_text(&lines, "Location: ");
    /* two slashes at the front would name a host */
    struct span path = x->target.path;
    while (path.len > 1 && path.at[1] == '/')
        path = span_from(path, 1);
    write_span(&lines, path);
    write_u8(&lines, '/');
    if (x->target.query.at) {
        write_u8(&lines, '?');
        write_span(&lines, x->target.query);
    }
    write_text(&lines, "\r\n");
    write_span(&lines, s->route.site->headers);
    if (!writer_ok(&lines)) {
        answer_error(s, x, 414, "a path that is too long");
        return;
    }
    tell_response(s, x, 301, 0);
    struct http_answer a = { .status = 301, .head = writer_span(&lines) };
    http_answer(x, &a);
}

/* A kept file, or a part of it: small ones are copied behind their head, larger ones go as they are. */
static void send_kept(struct service *s, struct http_exchange *x, struct file *file,
                      const struct http_plan *plan, struct span lines)
{
    struct span content = plan->gzip ? file->gzip : file->content;
    struct http_answer a = { .status = plan->status, .head = lines };
    a.body = span_head(span_from(content, (size_t)plan->first), (size_t)plan->count);
    if (a.body.len > COPY_BODY_MAX) {
        file_hold(file);
        a.release = file_release;
        a.owner = file;
    }
    tell_response(s, x, plan->status, a.body.len);
    http_answer(x, &a);
}

static void send_planned(struct service *s, struct http_exchange *x, struct file *file)
{
    struct writer lines = lines_of(s);
    struct http_plan plan = respond_plan(x, &file->about, &lines);
    write_span(&lines, s->route.site->headers);
    if (plan.status == 416 || plan.status == 412)
        plan.count = 0;
    if (file->content.at) {
        send_kept(s, x, file, &plan, writer_span(&lines));
        return;
    }
    struct http_answer a = { .status = plan.status,
                             .head = writer_span(&lines),
                             .file = true,
                             .fd = file->fd,
                             .from = plan.first,
                             .length = plan.count };
    tell_response(s, x, plan.status, plan.count);
    http_answer(x, &a);
}

static void answer_file(struct service *s, struct http_exchange *x, struct file *file)
{
    if (!file->content.at || !respond_is_plain(x->request)) {
        send_planned(s, x, file);
        return;
    }
    bool gzip = file->gzip.len && http_takes_gzip(x->request);
    struct http_plan plan = { .status = 200,
                              .gzip = gzip,
                              .count = gzip ? file->gzip.len : file->content.len };
    send_kept(s, x, file, &plan, gzip ? file->lines_gzip : file->lines);
}

/* A page with the entries of its form where its marker stands; how long it will be is not known before. */
static void answer_page(struct service *s, struct http_exchange *x, const struct file *file)
{
    static uint8_t room[ENTRY_BYTES];
    size_t marker_len;
    const struct http_site *site = s->route.site;
    const struct http_form *form = s->route.form;
    size_t marker = pages_find_marker(file->content, &marker_len);
    struct writer lines = lines_of(s);
    http_write_field(&lines, "Content-Type", span_text(file->about.media_type));
    write_text(&lines, "Cache-Control: no-store\r\n");
    write_span(&lines, site->headers);
    tell_response(s, x, 200, file->content.len);
    http_begin(x, 200, writer_span(&lines));
    http_piece(x, span_head(file->content, marker));
    for (const struct entry *e = marker_len ? entries_next(&s->entries, site, form, NULL) : NULL; e;
         e = entries_next(&s->entries, site, form, e)) {
        struct writer w = writer_over(room, sizeof room);
        pages_write_entry(&w, e);
        http_piece(x, writer_span(&w));
    }
    http_piece(x, span_from(file->content, marker + marker_len));
    http_end(x);
}

static void answer_look(struct service *s, struct http_exchange *x)
{
    struct file *file;
    struct span path = span_of(s->route.path, s->route.path_len);
    enum files_result found = files_look(s->files, s->route.site, path, x->now, &file);
    if (found == FILES_FOUND && s->route.kind == ROUTE_PAGE && file->content.at)
        answer_page(s, x, file);
    else if (found == FILES_FOUND)
        answer_file(s, x, file);
    else if (found == FILES_DIRECTORY)
        answer_directory(s, x);
    else if (found == FILES_FORBIDDEN)
        answer_error(s, x, 403, "this file may not be read");
    else if (found == FILES_BUSY)
        answer_error(s, x, 503, "the file cannot be opened now; try again later");
    else
        answer_error(s, x, 404, "there is no such page here");
}

/* ---- forms --------------------------------------------------------------------------------------- */

static void write_cookies(struct writer *lines, const struct post *p)
{
    for (size_t i = 0; i < p->form->cookie_count; i++) {
        struct span value = form_value(&p->fields, p->form->cookies[i]);
        write_text(lines, "Set-Cookie: ");
        write_text(lines, p->form->cookies[i]);
        write_u8(lines, '=');
        form_encode(lines, value);
        write_text(lines, "; Path=/; SameSite=Lax\r\n");
    }
}

static void answer_kept(struct service *s, struct post *p, const struct entry *e)
{
    struct writer lines = lines_of(s);
    struct event ev;
    write_text(&lines, "Location: ");
    pages_write_location(&lines, p->form->then, e->id);
    write_text(&lines, "\r\n");
    struct mark before = writer_mark(&lines);
    write_cookies(&lines, p);
    if (!writer_ok(&lines)) /* cookies that no browser would take */
        writer_back_to(&lines, before);
    write_span(&lines, p->headers);
    if (event_happens(s->home->events, EVENT_HTTP_ENTRY)) {
        event_begin(&ev, EVENT_HTTP_ENTRY, p->x->now);
        event_text(&ev, "form", p->form->path);
        event_number(&ev, "id", e->id);
        event_emit(s->home->events, &ev);
    }
    tell_response(s, p->x, 302, 0);
    struct http_answer a = { .status = 302, .head = writer_span(&lines) };
    http_answer(p->x, &a);
}

static void answer_not_kept(struct service *s, struct post *p, const char *why)
{
    event_note(s->home->events, EVENT_HTTP_ENTRY_FAILED, loop_now(s->home->loop), "reason", why);
    struct http_answer a = { .status = 503,
                             .head =
                                 span_text("Content-Type: text/plain; charset=utf-8\r\nRetry-After: 10\r\n"),
                             .body = span_text("Your entry could not be kept. Try again later.\n") };
    tell_response(s, p->x, 503, a.body.len);
    http_answer(p->x, &a);
}

static void service_free(struct service *s);

/* The client is answered only now: its entry is on disk, or it never will be. */
static void entry_done(void *owner, const struct entry *e, const char *why)
{
    struct post *p = owner;
    struct service *s = p->server;
    list_remove(&p->node);
    if (s->stopped) {
        free(p);
        if (list_empty(&s->posts))
            service_free(s);
        return;
    }
    if (e)
        answer_kept(s, p, e);
    else
        answer_not_kept(s, p, why);
    free(p);
}

static bool is_form(const struct http_request *r)
{
    struct span type = http_field(r->fields, r->field_count, "Content-Type");
    return span_is_nocase(span_head(type, strlen("application/x-www-form-urlencoded")),
                          "application/x-www-form-urlencoded");
}

static void take_post(struct service *s, struct http_exchange *x)
{
    struct post *p = is_form(x->request) ? calloc(1, sizeof *p) : NULL;
    struct writer room = writer_over(p ? p->room : NULL, p ? sizeof p->room : 0);
    if (!p) {
        answer_error(s, x, is_form(x->request) ? 503 : 415,
                     "a form is posted as application/x-www-form-urlencoded");
        return;
    }
    if (!form_parse(x->body, &room, &p->fields)) {
        free(p);
        answer_error(s, x, 413, "the fields of the form are too large");
        return;
    }
    p->server = s;
    p->x = x;
    p->form = s->route.form;
    p->headers = s->route.site->headers;
    list_append(&s->posts, &p->node);
    if (entries_add(&s->entries, s->route.site, p->form, x->body, x->now, entry_done, p))
        return;
    list_remove(&p->node);
    free(p);
    answer_error(s, x, 503, "your entry could not be kept; try again later");
}

static void handle(void *owner, struct http_exchange *x)
{
    struct service *s = owner;
    route_find(s->settings, x, &s->route);
    switch (s->route.kind) {
    case ROUTE_FILE:
    case ROUTE_PAGE:
        answer_look(s, x);
        break;
    case ROUTE_POST:
        take_post(s, x);
        break;
    case ROUTE_OPTIONS:
        answer_options(s, x);
        break;
    case ROUTE_REFUSED:
        answer_error(s, x, s->route.status, s->route.reason);
        break;
    }
}

static const struct http_handler handler = { .handle = handle, .refused = refused };

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

static void service_free(struct service *s)
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
        service_free(s);
}

static bool open_all(struct service *s, const struct http_settings *t, struct problem *p)
{
    struct http_server_options o = options_of(t);
    struct store *store = home_store(s->home, p);
    s->listeners = calloc(t->listen_count + t->listen_tls_count, sizeof *s->listeners);
    if (!store || !s->listeners || !entries_open(&s->entries, store, p))
        return false;
    s->files = files_open(t, p);
    s->http = http_server_open(s->home->loop, &o, &handler, s);
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

/* New sites and limits; the sockets stay as they are. */
static bool reload(struct service *s, void *settings, struct problem *p)
{
    struct http_settings *t = settings;
    struct files *files = files_open(t, p);
    struct tls_context *tls = NULL;
    if (files && s->tls && !(tls = open_tls(s->home, t, p))) {
        files_close(files);
        return false;
    }
    if (!files)
        return false;
    if (!list_empty(&s->posts)) {
        problem_set(p, "httpd: an entry is being kept; ask again");
        files_close(files);
        tls_context_close(tls);
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
