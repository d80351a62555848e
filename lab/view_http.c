#include "view_make.h"

#include "text.h"

#define LINE_BYTES_MAX (16 * 1024)
#define HEAD_BYTES_MAX (64 * 1024)

static const struct http_limits limits = { LINE_BYTES_MAX, HEAD_BYTES_MAX };

/* Fields of HTTP that a scenario can name. */
static const struct {
    const char *http, *name;
} told[] = {
    { "Host", "host" },
    { "User-Agent", "user-agent" },
    { "Server", "server" },
    { "Location", "location" },
    { "Content-Type", "content-type" },
    { "Content-Encoding", "content-encoding" },
    { "Content-Length", "content-length" },
    { "Transfer-Encoding", "transfer-encoding" },
    { "Connection", "connection" },
    { "Set-Cookie", "set-cookie" },
    { "Cookie", "cookie" },
    { "Referer", "referer" },
    { "Accept-Encoding", "accept-encoding" },
    { "Range", "range" },
    { "Content-Range", "content-range" },
    { "ETag", "etag" },
    { "Last-Modified", "last-modified" },
    { "If-None-Match", "if-none-match" },
    { "If-Modified-Since", "if-modified-since" },
    { "Allow", "allow" },
    { "Vary", "vary" },
};

static void add_fields(struct view_make *m, const struct http_field *fields, size_t count)
{
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        struct span value = http_field(fields, count, told[i].http);
        if (value.at)
            view_add(m, told[i].name, value);
    }
    size_t cookies = http_field_count(fields, count, "Set-Cookie");
    if (cookies)
        view_add_number(m, "cookies", cookies);
}

static void add_body(struct view_make *m, const struct view_flow *f)
{
    view_add_number(m, "bytes", f->body);
    if (f->missing)
        view_add_number(m, "missing", f->missing);
}

/* ---- messages that are whole: their heads are parsed again ------------------------------------------------
 */

static void make_request(struct view_make *m, const struct view_flow *f, const struct http_request *q)
{
    view_word(m, VIEW_HTTP, "request");
    m->message.word = view_keep(m, q->method);
    view_add(m, "method", q->method);
    view_add(m, "target", q->target);
    view_add(m, "version", view_format(m, "1.%u", q->minor));
    add_fields(m, q->fields, q->field_count);
    add_body(m, f);
    view_show(m, q->target);
    view_show_field(m, "host");
    if (f->body)
        view_show_format(m, "%llu bytes", (unsigned long long)f->body);
    view_show_field(m, "content-type");
    view_say(m, "%.*s: the client asks for %.*s", SPAN(q->method), SPAN(q->target));
}

static void make_response(struct view_make *m, const struct view_flow *f, const struct http_response *p)
{
    view_word(m, VIEW_HTTP, "response");
    m->message.word = view_format(m, "%u", p->status);
    view_add_number(m, "status", p->status);
    view_add(m, "reason", p->reason);
    view_add(m, "version", view_format(m, "1.%u", p->minor));
    add_fields(m, p->fields, p->field_count);
    add_body(m, f);
    view_show(m, p->reason);
    view_show_field(m, "location");
    if (view_added(m, "cookies").len)
        view_show_field(m, "cookies");
    view_show(m, view_added(m, "content-type"));
    view_show(m, view_added(m, "content-encoding"));
    if (f->body)
        view_show_format(m, "%llu bytes", (unsigned long long)f->body);
    if (f->missing)
        view_show_format(m, "%llu of them were not captured", (unsigned long long)f->missing);
    view_say(m, "%u: %.*s, %llu bytes", p->status, SPAN(p->reason), (unsigned long long)f->body);
}

/* The head is `held` bytes, and what followed it was taken. */
static void tell(struct view_make *m, struct view_flow *f, bool request)
{
    struct span head = span_head(view_stream_span(&f->stream), f->held);
    struct http_request q;
    struct http_response p;
    struct http_fault fault;
    size_t taken;
    if (request && http_parse_request(head, &limits, &q, &taken, &fault) == HTTP_DONE)
        make_request(m, f, &q);
    else if (!request && http_parse_response(head, &limits, &p, &taken, &fault) == HTTP_DONE)
        make_response(m, f, &p);
    view_stream_take(&f->stream, 0, f->held);
    f->state = VIEW_STATE_START;
    f->held = 0;
    f->body = f->left = f->missing = 0;
}

/* ---- heads
 * ------------------------------------------------------------------------------------------------- */

static void remember_request(struct view_connection *c, const struct http_request *q)
{
    if (c->head_count < VIEW_METHODS_MAX)
        c->heads[c->head_count++] = span_is(q->method, "HEAD");
}

static bool take_remembered(struct view_connection *c, const struct http_response *p)
{
    bool head = c->head_count && c->heads[0];
    if (p->status < 200 || !c->head_count)
        return head;
    c->head_count--;
    memmove(&c->heads[0], &c->heads[1], c->head_count * sizeof c->heads[0]);
    return head;
}

static void open_body(struct view_flow *f, struct http_framing framing)
{
    f->body = f->missing = 0;
    f->left = 0;
    f->state = VIEW_STATE_BODY;
    if (framing.kind == HTTP_BODY_LENGTH)
        f->left = framing.length;
    else if (framing.kind == HTTP_BODY_UNTIL_CLOSE)
        f->state = VIEW_STATE_TO_CLOSE;
    else if (framing.kind == HTTP_BODY_CHUNKED) {
        f->state = VIEW_STATE_CHUNKS;
        f->chunks = (struct http_chunked){ 0 };
    }
}

static enum http_parse take_head(struct view_connection *c, enum view_side side)
{
    struct view_flow *f = &c->flows[side];
    struct span in = view_stream_span(&f->stream);
    struct http_request q;
    struct http_response p;
    struct http_fault fault;
    size_t taken = 0;
    enum http_parse parsed = side == VIEW_CLIENT ? http_parse_request(in, &limits, &q, &taken, &fault)
                                                 : http_parse_response(in, &limits, &p, &taken, &fault);
    if (parsed == HTTP_MORE && taken)
        view_stream_take(&f->stream, 0, taken);
    if (parsed != HTTP_DONE)
        return parsed;
    f->held = taken;
    if (side == VIEW_CLIENT) {
        remember_request(c, &q);
        open_body(f, http_request_framing(&q));
    } else {
        open_body(f, http_response_framing(&p, take_remembered(c, &p)));
    }
    return HTTP_DONE;
}

/* ---- bodies
 * -------------------------------------------------------------------------------------------------- */

/* Takes what is there of the body; true when it is whole. */
static bool take_body(struct view_flow *f)
{
    size_t there = f->stream.length - f->held;
    size_t n = f->state == VIEW_STATE_BODY && there > f->left ? (size_t)f->left : there;
    view_stream_take(&f->stream, f->held, n);
    f->body += n;
    if (f->state == VIEW_STATE_TO_CLOSE)
        return f->stream.ended;
    f->left -= n;
    return f->left == 0;
}

static bool take_chunks(struct view_flow *f)
{
    struct reader in = reader_over(span_from(view_stream_span(&f->stream), f->held));
    struct span content;
    enum http_parse parsed;
    do { /* each turn takes a run of content, or is the last */
        parsed = http_chunk_next(&f->chunks, &in, &content);
        f->body += content.len;
    } while (parsed == HTTP_MORE && content.len);
    view_stream_take(&f->stream, f->held, reader_offset(&in));
    return parsed != HTTP_MORE; /* where the chunks are broken, what comes next is looked at afresh */
}

bool view_http_next(struct view_make *m, struct view_connection *c, enum view_side side)
{
    struct view_flow *f = &c->flows[side];
    if (f->state == VIEW_STATE_START && f->stream.length) {
        enum http_parse parsed = take_head(c, side);
        if (parsed == HTTP_BAD)
            return view_data_next(m, c, side);
    }
    bool whole = false;
    if (f->state == VIEW_STATE_BODY || f->state == VIEW_STATE_TO_CLOSE)
        whole = take_body(f);
    else if (f->state == VIEW_STATE_CHUNKS)
        whole = take_chunks(f);
    bool broken = !whole && f->held && f->stream.ended && !f->stream.gap;
    if (!whole && !broken)
        return false;
    tell(m, f, side == VIEW_CLIENT);
    if (broken)
        view_show(m, span_text("its end is not there"));
    return true;
}
