#include "server.h"

#include "coding.h"
#include "text.h"
#include "wire/form.h"
#include "wire/http_fields.h"

#include <stdlib.h>

#define COPY_BODY_MAX       (16 * 1024) /* a larger kept file is shared instead of copied */
#define COOKIE_MAX          4096        /* no browser keeps a longer one: it is left out */
#define REDIRECT_BODY_BYTES 4096        /* the note of a redirect; where it would be longer there is none */
#define POST_TARGET_MAX     256         /* of a POST's target, for its event */

/* An entry on its way to the disk, and the client that waits for it. What it is answered with is made before.
 */
struct post {
    struct list_node node;
    struct service *server;
    struct http_exchange *x;
    unsigned status;
    char target[POST_TARGET_MAX], form[POST_TARGET_MAX];
    size_t lines_len, body_len;
    char lines[LINES_BYTES];
    uint8_t body[REDIRECT_BODY_BYTES];
};

/* ---- events ------------------------------------------------------------------------------------- */

static void tell(struct service *s, const struct http_exchange *x, const char *method, struct span target,
                 unsigned status, uint64_t bytes)
{
    struct event ev;
    event_begin(&ev, EVENT_HTTP_RESPONSE, loop_now(s->home->loop));
    event_endpoint(&ev, "client", &x->peer);
    if (method)
        event_text(&ev, "method", method);
    else
        event_span(&ev, "method", x->request->method);
    event_span(&ev, "target", target);
    event_number(&ev, "status", status);
    event_number(&ev, "bytes", (int64_t)bytes);
    event_emit(s->home->events, &ev);
}

static void tell_response(struct service *s, const struct http_exchange *x, unsigned status, uint64_t bytes)
{
    if (event_happens(s->home->events, EVENT_HTTP_RESPONSE))
        tell(s, x, NULL, x->request->target, status, x->head ? 0 : bytes);
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
    struct writer body = writer_over(s->room, sizeof s->room), lines = lines_of(s);
    pages_write_error(&body, status, reason);
    write_text(&lines, "Content-Type: text/html; charset=utf-8\r\n");
    if (s->route.allow)
        http_write_field(&lines, "Allow", span_text(s->route.allow));
    if (status == 503)
        write_text(&lines, "Retry-After: 10\r\n");
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

/* RFC 9110 15.4.2: a directory has its own URL, with a slash at its end. The path is written anew, so that it
 * cannot begin with two slashes and name another host. */
static void answer_directory(struct service *s, struct http_exchange *x)
{
    struct writer lines = lines_of(s);
    write_text(&lines, "Location: ");
    http_write_path(&lines, span_of(s->route.path, s->route.path_len));
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

/* ---- pages whose length is not known before ----------------------------------------------------------- */

static void begin_page(struct service *s, struct http_exchange *x, const char *media_type, struct coding *c)
{
    struct writer lines = lines_of(s);
    http_write_field(&lines, "Content-Type", span_text(media_type));
    write_text(&lines, "Cache-Control: no-store\r\n");
    write_span(&lines, s->route.site->headers);
    coding_begin(c, x, 200, &lines);
}

/* A page with the newest entries of its form where its marker stands. */
static void answer_page(struct service *s, struct http_exchange *x, const struct file *file)
{
    struct coding c;
    size_t marker_len, bytes;
    const struct http_form *form = s->route.form;
    size_t marker = pages_find_marker(file->content, &marker_len);
    bytes = file->content.len - marker_len;
    begin_page(s, x, file->about.media_type, &c);
    coding_piece(&c, span_head(file->content, marker));
    for (const struct entry *e = marker_len ? entries_first_shown(&s->entries, s->route.site, form) : NULL; e;
         e = entries_next(&s->entries, e)) {
        struct writer w = writer_over(s->room, sizeof s->room);
        pages_write_entry(&w, form, e);
        bytes += writer_length(&w);
        coding_piece(&c, writer_span(&w));
    }
    coding_piece(&c, span_from(file->content, marker + marker_len));
    tell_response(s, x, 200, bytes);
    coding_end(&c);
}

struct listing {
    struct service *server;
    struct coding coding;
};

static void list_row(void *owner, const char *name, bool directory)
{
    struct listing *l = owner;
    struct writer w = writer_over(l->server->room, PAGES_ROW_ROOM);
    pages_write_list_row(&w, span_text(name), directory);
    coding_piece(&l->coding, writer_span(&w));
}

static void answer_listing(struct service *s, struct http_exchange *x)
{
    struct listing l = { .server = s };
    struct span path = span_of(s->route.path, s->route.directory_len);
    struct writer w = writer_over(s->room, sizeof s->room);
    begin_page(s, x, "text/html; charset=utf-8", &l.coding);
    pages_write_list_head(&w, path);
    coding_piece(&l.coding, writer_span(&w));
    files_list(s->files, s->route.site, path, list_row, &l);
    w = writer_over(s->room, sizeof s->room);
    pages_write_list_end(&w);
    coding_piece(&l.coding, writer_span(&w));
    tell_response(s, x, 200, 0);
    coding_end(&l.coding);
}

/* The path names no index file: may the directory be shown instead? */
static bool is_listed(struct service *s, struct http_exchange *x)
{
    struct file *file;
    if (!s->route.site->listing || !s->route.directory_len)
        return false;
    struct span path = span_of(s->route.path, s->route.directory_len);
    return files_look(s->files, s->route.site, path, x->now, &file) == FILES_DIRECTORY;
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
    else if (is_listed(s, x))
        answer_listing(s, x);
    else
        answer_error(s, x, 404, "there is no such page here");
}

/* ---- forms --------------------------------------------------------------------------------------- */

static void write_cookie(struct writer *w, const struct http_form *form, const struct http_cookie *cookie,
                         struct span value, struct now now)
{
    write_text(w, "Set-Cookie: ");
    write_text(w, cookie->name);
    write_u8(w, '=');
    form_encode(w, value);
    if (form->cookie_s) {
        write_text(w, "; Expires=");
        write_http_date(w, now.unix_ms + form->cookie_s * 1000);
        write_text(w, "; Max-Age=");
        write_decimal(w, (uint64_t)form->cookie_s);
    }
    write_text(w, "; Path=/; SameSite=Lax\r\n");
}

/* Those whose field was sent, and which a browser would keep. */
static void write_cookies(struct writer *lines, const struct http_form *form, const struct form *fields,
                          struct now now)
{
    for (size_t i = 0; i < form->cookie_count; i++) {
        char room[COOKIE_MAX];
        struct writer w = writer_over(room, sizeof room);
        struct mark before = writer_mark(lines);
        struct span value = form_value(fields, form->cookies[i].field);
        if (!value.at)
            continue;
        write_cookie(&w, form, &form->cookies[i], value, now);
        if (!writer_ok(&w))
            continue;
        write_span(lines, writer_span(&w));
        if (!writer_ok(lines))
            writer_back_to(lines, before);
    }
}

/* RFC 9110 15.4.3: a short note with the link, for whoever does not follow it by itself. */
static void prepare_note(struct post *p, const struct http_exchange *x, struct span location,
                         struct writer *lines)
{
    uint8_t room[REDIRECT_BODY_BYTES];
    struct writer note = writer_over(room, sizeof room);
    pages_write_redirect(&note, p->status, location);
    if (!writer_ok(&note))
        return;
    bool gzip = http_takes_gzip(x->request);
    if (gzip)
        p->body_len = coding_whole(writer_span(&note), p->body, sizeof p->body);
    gzip = p->body_len > 0;
    if (!gzip) {
        p->body_len = writer_length(&note);
        memcpy(p->body, room, p->body_len);
    }
    write_text(lines, "Content-Type: text/html; charset=utf-8\r\nVary: Accept-Encoding\r\n");
    if (gzip)
        write_text(lines, "Content-Encoding: gzip\r\n");
}

/* The redirect that is sent when the entry is on disk. The lines of the site and of the form always fit. */
static void prepare_redirect(struct post *p, const struct http_site *site, const struct http_form *form,
                             const struct form *fields, int64_t id)
{
    struct writer lines = writer_over(p->lines, sizeof p->lines);
    p->status = form->status;
    write_text(&lines, "Location: ");
    struct mark location = writer_mark(&lines);
    pages_write_with_id(&lines, form->then, id);
    struct span where = span_from(writer_span(&lines), location.offset);
    write_text(&lines, "\r\n");
    prepare_note(p, p->x, where, &lines);
    write_span(&lines, form->headers);
    write_span(&lines, site->headers);
    write_cookies(&lines, form, fields, p->x->now);
    p->lines_len = writer_length(&lines);
}

static void answer_kept(struct service *s, struct post *p, const struct entry *e)
{
    struct event ev;
    if (event_happens(s->home->events, EVENT_HTTP_ENTRY)) {
        event_begin(&ev, EVENT_HTTP_ENTRY, loop_now(s->home->loop));
        event_text(&ev, "form", p->form);
        event_number(&ev, "id", e->id);
        event_emit(s->home->events, &ev);
    }
    if (event_happens(s->home->events, EVENT_HTTP_RESPONSE))
        tell(s, p->x, "POST", span_text(p->target), p->status, p->body_len);
    struct http_answer a = { .status = p->status,
                             .head = span_of(p->lines, p->lines_len),
                             .body = span_of(p->body, p->body_len) };
    http_answer(p->x, &a);
}

static void answer_not_kept(struct service *s, struct post *p, const char *why)
{
    struct writer body = writer_over(s->room, sizeof s->room);
    event_note(s->home->events, EVENT_HTTP_ENTRY_FAILED, loop_now(s->home->loop), "reason", why);
    if (event_happens(s->home->events, EVENT_HTTP_RESPONSE))
        tell(s, p->x, "POST", span_text(p->target), 503, 0);
    pages_write_error(&body, 503, "your entry could not be kept; try again later");
    struct http_answer a = { .status = 503,
                             .head =
                                 span_text("Content-Type: text/html; charset=utf-8\r\nRetry-After: 10\r\n"),
                             .body = writer_span(&body) };
    http_answer(p->x, &a);
}

/* The client is answered only now: its entry is on disk, or it never will be. */
static void entry_done(void *owner, const struct entry *e, const char *why)
{
    struct post *p = owner;
    struct service *s = p->server;
    list_remove(&p->node);
    if (!s->stopped && e)
        answer_kept(s, p, e);
    else if (!s->stopped)
        answer_not_kept(s, p, why);
    else if (list_empty(&s->posts))
        httpd_service_free(s);
    free(p);
}

static bool is_form(const struct http_request *r)
{
    struct span type = http_field(r->fields, r->field_count, "Content-Type");
    type = span_head(type, span_find(type, ';'));
    while (type.len && (type.at[type.len - 1] == ' ' || type.at[type.len - 1] == '\t'))
        type.len--;
    return span_is_nocase(type, "application/x-www-form-urlencoded");
}

static struct post *post_new(struct service *s, struct http_exchange *x, const struct form *fields,
                             int64_t id)
{
    struct post *p = malloc(sizeof *p);
    if (!p)
        return NULL;
    p->node = (struct list_node){ NULL, NULL };
    p->server = s;
    p->x = x;
    snprintf(p->target, sizeof p->target, "%.*s", (int)x->request->target.len,
             (const char *)x->request->target.at);
    snprintf(p->form, sizeof p->form, "%s", s->route.form->path);
    p->body_len = 0;
    prepare_redirect(p, s->route.site, s->route.form, fields, id);
    return p;
}

static void take_post(struct service *s, struct http_exchange *x)
{
    struct form fields;
    struct writer room = writer_over(s->room, ENTRY_BYTES_MAX);
    if (!is_form(x->request)) {
        answer_error(s, x, 415, "a form is posted as application/x-www-form-urlencoded");
        return;
    }
    if (x->body.len > ENTRY_BYTES_MAX || !form_parse(x->body, &room, &fields)) {
        answer_error(s, x, 413, "the fields of the form are too large");
        return;
    }
    int64_t id = entries_new_id(&s->entries, s->route.form->first_id);
    struct post *p = post_new(s, x, &fields, id);
    if (p) {
        list_append(&s->posts, &p->node);
        if (entries_add(&s->entries, s->route.site, s->route.form, id, x->body, x->now, entry_done, p))
            return;
        list_remove(&p->node);
        free(p);
    }
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

const struct http_handler httpd_handler = { .handle = handle, .refused = refused };
