#include "http_server.h"

#include "text.h"
#include "tls.h"

#include <stdlib.h>
#include <unistd.h>

#define HEAD_ROOM      512          /* status line, Date, Content-Length and Connection of an answer */
#define COPY_BYTES_MAX (256 * 1024) /* a larger body without release() is refused: share it instead */
#define OUT_BYTES_HIGH (256 * 1024) /* past this, no further pipelined request is looked at */

enum phase {
    PHASE_IDLE,      /* between requests */
    PHASE_HEAD,      /* a head has begun */
    PHASE_BODY,      /* the head is whole, the body is not */
    PHASE_ANSWERING, /* the handler has it */
    PHASE_ENDING,    /* nothing more is read */
};

struct connection {
    struct http_exchange x; /* first: an exchange is its connection */
    struct list_node node;
    struct http_server *server;
    struct stream *stream; /* NULL: closed while the handler had it */
    enum phase phase;
    struct http_chunked chunked;
    size_t scanned; /* of a chunked body, decoder and all */
    uint64_t due_ms, armed_ms;
    uint64_t owed; /* of the answers, when due_ms was set to a write deadline */
    bool handling; /* inside handle() */
    bool close_after, refused, old, continued;
    bool untaken;    /* the stream holds bytes that were offered and not taken */
    bool peer_ended; /* the client said that it asks nothing more */
};

struct http_server {
    struct loop *loop;
    struct http_server_options options;
    const struct http_handler *handler;
    void *owner;
    struct list connections;
    size_t count;
    bool draining, closing;
    struct http_request request; /* the one being handled: there is only one at a time */
    char date[40];
    int64_t date_s;
};

/* ---- time ---------------------------------------------------------------------------------- */

/* The stream's timer is moved only to an earlier time; a later one is found when it fires. */
static void set_due(struct connection *c, uint64_t after_ms)
{
    c->due_ms = c->x.now.mono_ms + after_ms;
    if (!c->armed_ms || c->due_ms < c->armed_ms) {
        c->armed_ms = c->due_ms;
        stream_deadline(c->stream, c->due_ms);
    }
}

static void set_write_due(struct connection *c)
{
    c->owed = stream_owed(c->stream);
    set_due(c, c->server->options.write_ms);
}

static struct span date_of(struct http_server *s, struct now now)
{
    int64_t second = now.unix_ms / 1000;
    if (second != s->date_s) {
        struct writer w = writer_over(s->date, sizeof s->date);
        write_http_date(&w, now.unix_ms);
        s->date_s = second;
    }
    return span_of(s->date, 29);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void free_connection(struct connection *c)
{
    struct http_server *s = c->server;
    list_remove(&c->node);
    s->count--;
    free(c);
    if (s->closing && s->count == 0)
        free(s);
}

static bool status_without_body(unsigned status)
{
    return status < 200 || status == 204 || status == 304;
}

static void write_head(struct connection *c, struct writer *w, unsigned status, struct span head)
{
    c->close_after |= c->server->draining;
    http_write_status_line(w, status);
    http_write_field(w, "Date", date_of(c->server, c->x.now));
    if (c->close_after)
        write_text(w, "Connection: close\r\n");
    else if (c->old)
        write_text(w, "Connection: keep-alive\r\n");
    write_span(w, head);
}

static void write_length(struct writer *w, uint64_t length)
{
    write_text(w, "Content-Length: ");
    write_decimal(w, length);
    write_text(w, "\r\n");
}

/* Head and copied body in one piece of the queue. */
static bool send_head(struct connection *c, const struct http_answer *a, uint64_t length, struct span copied)
{
    size_t room = HEAD_ROOM + a->head.len + copied.len;
    uint8_t *at = stream_reserve(c->stream, room);
    if (!at)
        return false;
    struct writer w = writer_over(at, room);
    write_head(c, &w, a->status, a->head);
    if (!status_without_body(a->status))
        write_length(&w, length);
    write_text(&w, "\r\n");
    write_span(&w, copied);
    if (!writer_ok(&w))
        return false;
    stream_commit(c->stream, writer_length(&w));
    return true;
}

static void drop_body(const struct http_answer *a)
{
    if (a->file)
        close(a->fd);
    else if (a->release)
        a->release(a->owner);
}

static bool send_answer(struct connection *c, const struct http_answer *a)
{
    bool silent = c->x.head || status_without_body(a->status);
    uint64_t length = a->file ? a->length : a->body.len;
    bool copy = !a->file && !a->release;
    if (copy && a->body.len > COPY_BYTES_MAX)
        return false;
    if (!send_head(c, a, length, copy && !silent ? a->body : span_of(NULL, 0))) {
        drop_body(a);
        return false;
    }
    if (copy || length == 0 || silent) {
        drop_body(a);
        return true;
    }
    if (a->file)
        return stream_write_file(c->stream, a->fd, (off_t)a->from, a->length);
    return stream_write_shared(c->stream, a->body, a->release, a->owner);
}

/* After a refusal the client may still be sending what was refused. */
static void finish(struct connection *c)
{
    c->phase = PHASE_ENDING;
    if (c->refused)
        stream_finish(c->stream);
    else
        stream_close(c->stream);
}

static void cut(struct connection *c)
{
    c->phase = PHASE_ENDING;
    stream_abort(c->stream);
}

/* The exchange is over: the next one, or the end. */
static void answered(struct connection *c)
{
    c->x.request = NULL;
    c->phase = PHASE_IDLE;
    if (c->close_after || (c->peer_ended && !c->untaken && !c->handling)) {
        finish(c);
        return;
    }
    if (stream_crowded(c->stream))
        set_write_due(c);
    else
        set_due(c, c->server->options.idle_ms);
    if (!c->handling)
        stream_resume(c->stream);
}

/* The client went while the handler had its request: nobody hears the answer. */
static bool gone(struct connection *c)
{
    if (c->stream)
        return false;
    free_connection(c);
    return true;
}

/* An answer that comes later has its own time. */
static void look_at_clock(struct connection *c)
{
    if (!c->handling)
        c->x.now = loop_now(c->server->loop);
}

void http_answer(struct http_exchange *x, const struct http_answer *a)
{
    struct connection *c = (struct connection *)x;
    if (!c->stream) {
        drop_body(a);
        gone(c);
        return;
    }
    look_at_clock(c);
    if (send_answer(c, a))
        answered(c);
    else
        cut(c);
}

void http_begin(struct http_exchange *x, unsigned status, struct span head)
{
    struct connection *c = (struct connection *)x;
    size_t room = HEAD_ROOM + head.len;
    uint8_t *at = c->stream ? stream_reserve(c->stream, room) : NULL;
    if (!at) {
        if (c->stream)
            stream_abort(c->stream);
        return;
    }
    look_at_clock(c);
    c->close_after |= c->old;
    struct writer w = writer_over(at, room);
    write_head(c, &w, status, head);
    write_text(&w, c->old ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
    stream_commit(c->stream, writer_length(&w));
}

#define CHUNK_ROOM 24 /* size line and the two line ends */

void http_piece(struct http_exchange *x, struct span piece)
{
    struct connection *c = (struct connection *)x;
    if (!c->stream || x->head || piece.len == 0)
        return;
    uint8_t *at = stream_reserve(c->stream, piece.len + CHUNK_ROOM);
    if (!at) {
        stream_abort(c->stream);
        return;
    }
    struct writer w = writer_over(at, piece.len + CHUNK_ROOM);
    if (c->old)
        write_span(&w, piece);
    else
        http_write_chunk(&w, piece);
    stream_commit(c->stream, writer_length(&w));
}

void http_end(struct http_exchange *x)
{
    struct connection *c = (struct connection *)x;
    if (gone(c))
        return;
    look_at_clock(c);
    if (!c->old && !x->head)
        stream_write(c->stream, span_text("0\r\n\r\n"));
    answered(c);
}

/* A request that no handler sees: the answer says why, and the connection ends, for nobody knows where the
 * next request would begin. */
static void refuse(struct connection *c, const struct http_fault *fault)
{
    char text[200];
    struct http_server *s = c->server;
    struct writer w = writer_over(text, sizeof text);
    write_format(&w, "%u %s: %s\n", fault->status, http_status_phrase(fault->status), fault->reason);
    c->close_after = c->refused = true;
    c->x.head = false;
    if (s->handler->refused)
        s->handler->refused(s->owner, stream_peer(c->stream), fault, c->x.now);
    struct http_answer a = { .status = fault->status,
                             .head = span_text("Content-Type: text/plain; charset=utf-8\r\n"),
                             .body = writer_span(&w) };
    http_answer(&c->x, &a);
}

/* ---- requests --------------------------------------------------------------------------------- */

static void handle(struct connection *c, struct span body)
{
    struct http_server *s = c->server;
    c->x.request = &s->request;
    c->x.body = body;
    c->x.secure = stream_secure(c->stream);
    c->x.head = span_is(s->request.method, "HEAD");
    c->old = s->request.minor == 0;
    c->close_after |= !http_keeps_alive(&s->request);
    c->phase = PHASE_ANSWERING;
    c->continued = false;
    c->handling = true;
    s->handler->handle(s->owner, &c->x);
    c->handling = false;
    c->x.request = NULL;
}

/* RFC 9110 10.1.1: told once, and only to a client that has not begun to send. */
static void maybe_continue(struct connection *c, bool nothing_came)
{
    const struct http_request *r = &c->server->request;
    if (c->continued || !nothing_came || r->minor == 0)
        return;
    if (http_field_has_token(r->fields, r->field_count, "Expect", "100-continue")) {
        c->continued = true;
        stream_write(c->stream, span_text("HTTP/1.1 100 Continue\r\n\r\n"));
    }
}

static void wait_for_body(struct connection *c, bool nothing_came)
{
    if (c->phase != PHASE_BODY) {
        c->phase = PHASE_BODY;
        set_due(c, c->server->options.body_ms);
    }
    maybe_continue(c, nothing_came);
}

static const struct http_fault too_large = { 413, "a body that is too large" };

static size_t take_length_body(struct connection *c, struct span in, size_t head_len, uint64_t length)
{
    struct span rest = span_from(in, head_len);
    if (length > c->server->options.body_bytes_max) {
        refuse(c, &too_large);
        return in.len;
    }
    if (rest.len < length) {
        wait_for_body(c, rest.len == 0);
        return 0;
    }
    handle(c, span_head(rest, (size_t)length));
    return head_len + (size_t)length;
}

/* The content of a chunked body that is known to be whole and well. */
static bool handle_chunked(struct connection *c, struct span encoded)
{
    struct reader r = reader_over(encoded);
    struct http_chunked decoder = { 0 };
    struct span piece;
    size_t room = (size_t)c->chunked.content;
    uint8_t *content = malloc(room ? room : 1);
    if (!content)
        return false;
    struct writer w = writer_over(content, room);
    while (http_chunk_next(&decoder, &r, &piece) == HTTP_MORE && reader_left(&r))
        write_span(&w, piece);
    c->chunked = (struct http_chunked){ 0 };
    c->scanned = 0;
    handle(c, writer_span(&w));
    free(content);
    return true;
}

static size_t take_chunked_body(struct connection *c, struct span in, size_t head_len)
{
    static const struct http_fault broken = { 400, "a chunked body that is not as RFC 9112 7.1 says" };
    static const struct http_fault no_memory = { 503, "no memory for the body" };
    struct span rest = span_from(in, head_len);
    struct reader r = reader_over(span_from(rest, c->scanned));
    enum http_parse state;
    struct span piece;
    do
        state = http_chunk_next(&c->chunked, &r, &piece);
    while (state == HTTP_MORE && reader_left(&r) && c->chunked.content <= c->server->options.body_bytes_max);
    c->scanned += reader_offset(&r);
    if (state == HTTP_BAD || c->chunked.content > c->server->options.body_bytes_max) {
        refuse(c, state == HTTP_BAD ? &broken : &too_large);
        return in.len;
    }
    if (state == HTTP_MORE) {
        wait_for_body(c, rest.len == 0);
        return 0;
    }
    size_t whole = head_len + c->scanned;
    if (handle_chunked(c, span_head(rest, c->scanned)))
        return whole;
    refuse(c, &no_memory);
    return in.len;
}

/* A head that is not whole: how many of its bytes can be forgotten. */
static size_t wait_for_head(struct connection *c, size_t empty_line)
{
    if (c->phase == PHASE_IDLE && !empty_line) {
        c->phase = PHASE_HEAD;
        set_due(c, c->server->options.head_ms);
    }
    return empty_line;
}

/* One request off the front: how many bytes it had; 0 while it is not whole. */
static size_t take_request(struct connection *c, struct span in)
{
    struct http_server *s = c->server;
    struct http_fault fault;
    size_t head_len;
    enum http_parse state = http_parse_request(in, &s->options.limits, &s->request, &head_len, &fault);
    if (state == HTTP_MORE)
        return wait_for_head(c, head_len);
    struct http_framing framing = { .kind = HTTP_BODY_NONE };
    bool good = state == HTTP_DONE;
    if (good) {
        c->old = s->request.minor == 0;
        framing = http_request_framing(&s->request);
        good = framing.kind != HTTP_BODY_BAD;
        fault = framing.fault;
    }
    if (!good || !http_request_target(&s->request, &c->x.target, &fault)) {
        refuse(c, &fault);
        return in.len;
    }
    if (framing.kind == HTTP_BODY_CHUNKED)
        return take_chunked_body(c, in, head_len);
    return take_length_body(c, in, head_len, framing.length);
}

static size_t bytes(void *self, struct stream *stream, struct span in)
{
    struct connection *c = self;
    size_t taken = 0;
    c->x.now = loop_now(c->server->loop);
    while (taken < in.len && c->phase < PHASE_ANSWERING && !stream_crowded(stream)) {
        size_t n = take_request(c, span_from(in, taken));
        if (n == 0)
            break;
        taken += n;
    }
    if (c->phase == PHASE_ENDING)
        return in.len;
    c->untaken = taken < in.len;
    /* what is left is no whole request, and never will be */
    if (c->peer_ended && c->phase < PHASE_ANSWERING && !stream_crowded(stream))
        finish(c);
    return taken;
}

/* ---- the stream's other callbacks ---------------------------------------------------------------- */

static void drained(void *self, struct stream *stream)
{
    struct connection *c = self;
    c->x.now = loop_now(c->server->loop);
    if (c->phase == PHASE_IDLE)
        set_due(c, c->server->options.idle_ms);
    stream_resume(stream);
}

static void expired(void *self, struct stream *stream)
{
    static const struct http_fault late = { 408, "the request took too long" };
    struct connection *c = self;
    c->x.now = loop_now(c->server->loop);
    c->armed_ms = 0;
    if (c->phase == PHASE_ANSWERING)
        return; /* the handler's time is its own; the answer sets the next deadline */
    if (c->x.now.mono_ms < c->due_ms)
        set_due(c, c->due_ms - c->x.now.mono_ms);
    else if (c->phase == PHASE_HEAD || c->phase == PHASE_BODY)
        refuse(c, &late);
    else if (!stream_crowded(stream))
        finish(c);
    else if (stream_owed(stream) < c->owed)
        set_write_due(c); /* a slow client, but it takes some */
    else
        cut(c);
}

/* A client that shut its side down still gets the answers to what it asked. */
static void half_closed(void *self, struct stream *stream)
{
    struct connection *c = self;
    c->peer_ended = true;
    if (c->phase < PHASE_ANSWERING && c->untaken)
        stream_resume(stream);
    else if (c->phase < PHASE_ANSWERING)
        finish(c);
}

static void closed(void *self, struct stream *stream, enum stream_end why)
{
    struct connection *c = self;
    (void)stream;
    (void)why;
    c->stream = NULL;
    if (c->phase != PHASE_ANSWERING)
        free_connection(c);
}

static const struct stream_owner stream_side = {
    .bytes = bytes, .drained = drained, .expired = expired, .half_closed = half_closed, .closed = closed
};

/* ---- life ------------------------------------------------------------------------------------------- */

struct http_server *http_server_open(struct loop *l, const struct http_server_options *o,
                                     const struct http_handler *h, void *owner)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->loop = l;
    s->options = *o;
    s->handler = h;
    s->owner = owner;
    s->date_s = -1;
    list_open(&s->connections);
    return s;
}

void http_server_configure(struct http_server *s, const struct http_server_options *o)
{
    s->options = *o;
}

static bool room_for_one(struct http_server *s, const struct endpoint *peer)
{
    static const struct http_fault full = { 503, "more connections than are taken" };
    if (s->count < s->options.connections_max)
        return !s->draining;
    if (s->handler->refused)
        s->handler->refused(s->owner, peer, &full, loop_now(s->loop));
    return false;
}

void http_server_accept(struct http_server *s, int fd, const struct endpoint *peer, struct tls_context *tls)
{
    struct stream_limits limits = { .out_bytes_high = OUT_BYTES_HIGH, .out_bytes_max = HTTP_OUT_BYTES_MAX };
    /* a chunked body is held as it came: content, and no more overhead than that and a fixed part */
    limits.in_bytes_max =
        s->options.limits.head_bytes_max + 2 * s->options.body_bytes_max + HTTP_OVERHEAD_FIXED;
    struct connection *c = room_for_one(s, peer) ? calloc(1, sizeof *c) : NULL;
    if (!c) {
        close(fd);
        return;
    }
    c->server = s;
    c->x.peer = *peer;
    c->stream = stream_open(s->loop, fd, peer, &limits, &stream_side, c);
    if (!c->stream) {
        free(c);
        return;
    }
    list_append(&s->connections, &c->node);
    s->count++;
    c->x.now = loop_now(s->loop);
    set_due(c, s->options.head_ms);
    if (tls)
        stream_start_tls(c->stream, tls);
}

void http_server_drain(struct http_server *s)
{
    s->draining = true;
    for (struct list_node *n = list_first(&s->connections); n; n = list_next(&s->connections, n)) {
        struct connection *c = list_item(n, struct connection, node);
        if (c->stream && c->phase == PHASE_IDLE)
            finish(c);
    }
}

size_t http_server_connections(const struct http_server *s)
{
    return s->count;
}

void http_server_close(struct http_server *s)
{
    s->draining = true;
    for (struct list_node *n = list_first(&s->connections), *next; n; n = next) {
        struct connection *c = list_item(n, struct connection, node);
        next = list_next(&s->connections, n);
        c->phase = PHASE_ENDING; /* a handler that has it is gone: nobody will answer */
        if (c->stream)
            stream_abort(c->stream);
        else
            free_connection(c);
    }
    s->closing = true;
    if (s->count == 0)
        free(s);
}
