/* Requests as they are written on the step's lines, one after the other over one connection (RFC 9112), with
 * what only the answers can tell: where they redirect to, which cookies they set. */
#include "client.h"

#include "text.h"
#include "wire/http_fields.h"

#define HTTP_PORT   80
#define HTTPS_PORT  443
#define COOKIES_MAX 32 /* a set that is replaced counts once */

static const struct http_limits limits = { .line_bytes_max = 16 * 1024, .head_bytes_max = 256 * 1024 };

/* A request on its lines; what stands before the first empty line is the head. */
struct request {
    struct span method, target, head, body; /* method and target without substitutions; at == NULL: none */
};

struct cookie {
    struct span name, value;
};

struct client_http {
    struct client client;
    enum { AT_CONNECT, AT_HEAD, AT_BODY } at;
    size_t request;    /* which one was sent last, or comes now */
    bool head_request; /* its answer has no body */
    bool may_repeat;   /* the connection was used before, and the request may be sent twice */
    bool keep;         /* the connection, after this answer */
    enum http_body body;
    uint64_t left; /* of a body with a length */
    struct http_chunked chunked;
    struct span location; /* path and query; at == NULL: the last answer had none */
    struct span target;   /* of the request sent last: what a relative Location begins at */
    struct cookie cookies[COOKIES_MAX];
    size_t cookie_count;
};

/* ---- requests ---------------------------------------------------------------------------------------------
 */

/* The next line without its LF, or the rest of the text when it has none. */
static struct span read_line(struct reader *r)
{
    static const bool ends[256] = { ['\n'] = true };
    struct span line = read_until(r, ends);
    read_skip(r, reader_left(r) ? 1 : 0);
    return line;
}

static struct span next_word(struct span *line)
{
    size_t end = span_find(*line, ' ');
    struct span word = span_head(*line, end);
    *line = span_from(*line, end + 1);
    return word;
}

/* The last line's end is no part of a body: forms have none. */
static struct request take_apart(struct span text)
{
    struct reader r = reader_over(text);
    struct span first = read_line(&r);
    struct request q = { .head = text };
    q.method = next_word(&first);
    q.target = next_word(&first);
    for (size_t before = reader_offset(&r); reader_left(&r); before = reader_offset(&r)) { /* line by line */
        if (read_line(&r).len)
            continue;
        q.head = span_head(text, before);
        q.body = read_rest(&r);
        if (q.body.len && q.body.at[q.body.len - 1] == '\n')
            q.body.len--;
        break;
    }
    return q;
}

/* A field of this name stands in the head. */
static bool has_field(struct span head, const char *name)
{
    struct reader r = reader_over(head);
    read_line(&r);
    while (reader_left(&r)) { /* line by line */
        struct span line = read_line(&r);
        if (span_is_nocase(span_head(line, span_find(line, ':')), name))
            return true;
    }
    return false;
}

static void write_cookies(struct writer *out, const struct client_http *h)
{
    for (size_t i = 0; i < h->cookie_count; i++) {
        write_text(out, i ? "; " : "");
        write_span(out, h->cookies[i].name);
        write_text(out, "=");
        write_span(out, h->cookies[i].value);
    }
}

/* The text with the places filled in. False when an answer did not tell what is to stand there. */
static bool write_filled(struct writer *out, const struct client_http *h, struct span text)
{
    static const char location[] = "{location}", cookies[] = "{cookies}";
    while (text.len) { /* ends: each round takes a byte or more */
        if (span_starts(text, location)) {
            if (!h->location.at)
                return false;
            write_span(out, h->location);
            text = span_from(text, sizeof location - 1);
        } else if (span_starts(text, cookies)) {
            write_cookies(out, h);
            text = span_from(text, sizeof cookies - 1);
        } else {
            size_t plain = 1 + span_find(span_from(text, 1), '{');
            write_span(out, span_head(text, plain));
            text = span_from(text, plain);
        }
    }
    return true;
}

static bool write_request(struct writer *out, const struct client_http *h, const struct request *q)
{
    struct reader r = reader_over(q->head);
    bool filled = true;
    while (reader_left(&r)) { /* line by line */
        filled = write_filled(out, h, read_line(&r)) && filled;
        write_text(out, "\r\n");
    }
    if (q->body.len && !has_field(q->head, "Content-Length") && !has_field(q->head, "Transfer-Encoding")) {
        write_text(out, "Content-Length: ");
        write_decimal(out, q->body.len);
        write_text(out, "\r\n");
    }
    write_text(out, "\r\n");
    write_span(out, q->body);
    return filled;
}

/* RFC 9110 9.2.2: these may be sent again when the connection was lost before an answer. */
static bool is_idempotent(struct span method)
{
    return span_is(method, "GET") || span_is(method, "HEAD") || span_is(method, "OPTIONS") ||
           span_is(method, "PUT") || span_is(method, "DELETE") || span_is(method, "TRACE");
}

static enum client_wish send_request(struct client_http *h, struct writer *out, bool used_before)
{
    struct client *c = &h->client;
    struct request q = take_apart(client_setting(c, "request", h->request)->bytes);
    uint8_t room[4096];
    struct writer target = writer_over(room, sizeof room);
    h->at = AT_HEAD;
    h->head_request = span_is(q.method, "HEAD");
    h->may_repeat = used_before && is_idempotent(q.method);
    if (!write_request(out, h, &q))
        return client_fail(c, "write {location} only where the answer before redirects",
                           "request %zu needs a Location, and the last answer had none", h->request + 1);
    write_filled(&target, h, q.target);
    h->target = writer_ok(&target) ? arena_copy(c->arena, writer_span(&target)) : span_text("/");
    return CLIENT_WAIT;
}

/* ---- what answers tell ------------------------------------------------------------------------------------
 */

/* Behind "scheme://host" or "//host" (RFC 3986 4.2); the whole when there is neither. */
static struct span without_host(struct span uri)
{
    size_t colon = span_find(uri, ':');
    struct span rest = span_from(uri, colon + 1);
    if (colon < span_find(uri, '/') && span_starts(rest, "//"))
        uri = rest;
    if (!span_starts(uri, "//"))
        return uri;
    rest = span_from(uri, 2);
    size_t path = span_find(rest, '/'), query = span_find(rest, '?');
    return span_from(rest, path < query ? path : query);
}

static bool is_target(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~')
            return false;
    return true;
}

/* Path and query of a Location as a request line has them; what is relative begins at the last request's. */
static void take_location(struct client_http *h, struct span value)
{
    struct span uri = span_head(value, span_find(value, '#')), path = without_host(uri), base = h->target;
    uint8_t room[8192];
    struct writer w = writer_over(room, sizeof room);
    h->location = (struct span){ NULL, 0 };
    if (!value.at || !is_target(uri))
        return;
    base = span_head(base, span_find(base, '?'));
    bool absolute = path.at != uri.at;
    if (span_starts(path, "?") || path.len == 0) {
        write_span(&w, absolute ? span_text("/") : base);
    } else if (!span_starts(path, "/")) {
        while (base.len && base.at[base.len - 1] != '/')
            base.len--;
        write_span(&w, base.len ? base : span_text("/"));
    }
    write_span(&w, path);
    if (writer_ok(&w))
        h->location = arena_copy(h->client.arena, writer_span(&w));
}

/* RFC 6265 5.2: the name and the value stand before the first semicolon. */
static void take_cookie(struct client_http *h, struct span value)
{
    struct span pair = span_head(value, span_find(value, ';'));
    size_t equals = span_find(pair, '=');
    struct cookie cookie = { arena_copy(h->client.arena, span_head(pair, equals)),
                             arena_copy(h->client.arena, span_from(pair, equals + 1)) };
    size_t i = 0;
    if (equals == 0 || equals == pair.len || !cookie.name.at || !cookie.value.at)
        return;
    while (i < h->cookie_count && !span_equal(h->cookies[i].name, cookie.name))
        i++;
    if (i == COOKIES_MAX)
        return;
    h->cookies[i] = cookie;
    h->cookie_count += i == h->cookie_count;
}

/* RFC 9112 9.3 */
static bool stays_open(const struct http_response *r)
{
    if (http_field_has_token(r->fields, r->field_count, "Connection", "close"))
        return false;
    return r->minor >= 1 || http_field_has_token(r->fields, r->field_count, "Connection", "keep-alive");
}

/* The status that the n-th request is to get; any when there is no such word. */
static bool is_expected(const struct client_http *h, unsigned status, unsigned *expected)
{
    const struct client_setting *s = client_setting(&h->client, "expect-status", 0);
    uint64_t number = status;
    if (s && h->request < s->word_count)
        parse_decimal(s->words[h->request], 999, &number);
    *expected = (unsigned)number;
    return number == status;
}

/* ---- answers ----------------------------------------------------------------------------------------------
 */

/* The next request, on this connection or on a new one. */
static enum client_wish go_on(struct client_http *h, struct writer *out)
{
    if (!client_setting(&h->client, "request", ++h->request))
        return CLIENT_DONE;
    if (h->keep)
        return send_request(h, out, true);
    h->at = AT_CONNECT;
    return CLIENT_CONNECT;
}

static enum client_wish take_head(struct client_http *h, const struct http_response *r, struct writer *out)
{
    struct client *c = &h->client;
    unsigned expected;
    if (r->status == 101)
        return client_fail(c, "do not ask for another protocol", "the server goes on in another protocol");
    if (r->status < 200) /* RFC 9110 15.2: the answer is yet to come */
        return CLIENT_WAIT;
    if (!is_expected(h, r->status, &expected))
        return client_refused(c, "the server's events say more", r->reason,
                              "request %zu was answered with %u, not %u", h->request + 1, r->status,
                              expected);
    struct http_framing framing = http_response_framing(r, h->head_request);
    if (framing.kind == HTTP_BODY_BAD)
        return client_fail(c, "look at the capture", "the answer's length is not clear: %s",
                           framing.fault.reason);
    take_location(h, http_field(r->fields, r->field_count, "Location"));
    for (size_t i = 0; i < r->field_count; i++)
        if (span_is_nocase(r->fields[i].name, "Set-Cookie"))
            take_cookie(h, r->fields[i].value);
    h->body = framing.kind;
    h->left = framing.length;
    h->chunked = (struct http_chunked){ 0 };
    h->keep = stays_open(r) && framing.kind != HTTP_BODY_UNTIL_CLOSE;
    h->at = AT_BODY;
    bool empty = framing.kind == HTTP_BODY_NONE || (framing.kind == HTTP_BODY_LENGTH && framing.length == 0);
    return empty ? go_on(h, out) : CLIENT_WAIT;
}

static enum client_wish take_body(struct client_http *h, struct reader *in, struct writer *out)
{
    struct span content;
    enum http_parse state = HTTP_MORE;
    switch (h->body) {
    case HTTP_BODY_LENGTH:
        content = read_span(in, h->left < reader_left(in) ? (size_t)h->left : reader_left(in));
        h->left -= content.len;
        return h->left ? CLIENT_WAIT : go_on(h, out);
    case HTTP_BODY_CHUNKED:
        while (state == HTTP_MORE && reader_left(in)) /* ends: each round takes bytes */
            state = http_chunk_next(&h->chunked, in, &content);
        if (state == HTTP_BAD)
            return client_fail(&h->client, "look at the capture", "the answer's chunks are malformed");
        return state == HTTP_DONE ? go_on(h, out) : CLIENT_WAIT;
    case HTTP_BODY_UNTIL_CLOSE:
        read_rest(in);
        break;
    case HTTP_BODY_NONE:
    case HTTP_BODY_BAD:
        break;
    }
    return CLIENT_WAIT;
}

/* One head, or as much of a body as there is. With its first byte an answer has begun. */
static enum client_wish take_piece(struct client_http *h, struct reader *in, struct writer *out)
{
    struct reader look = *in;
    struct http_response r;
    struct http_fault fault;
    size_t taken = 0;
    h->may_repeat = false;
    if (h->at == AT_BODY)
        return take_body(h, in, out);
    enum http_parse state = http_parse_response(read_rest(&look), &limits, &r, &taken, &fault);
    if (state == HTTP_BAD)
        return client_fail(&h->client, "look at the capture", "the answer is malformed: %s", fault.reason);
    read_skip(in, taken);
    return state == HTTP_DONE ? take_head(h, &r, out) : CLIENT_WAIT;
}

static enum client_wish take_bytes(struct client_http *h, struct span in, size_t *taken, struct writer *out)
{
    struct reader r = reader_over(in);
    enum client_wish wish = CLIENT_WAIT;
    while (wish == CLIENT_WAIT && reader_left(&r)) { /* ends: when a round takes nothing */
        size_t request = h->request, left = reader_left(&r);
        wish = take_piece(h, &r, out);
        if (wish == CLIENT_WAIT && h->request != request && reader_left(&r))
            return client_fail(&h->client, "look at the capture", "the server sent more than its answer");
        if (left == reader_left(&r))
            break;
    }
    *taken = reader_offset(&r);
    return wish;
}

static enum client_wish closed(struct client_http *h, struct writer *out)
{
    if (h->at == AT_BODY && h->body == HTTP_BODY_UNTIL_CLOSE)
        return go_on(h, out);
    if (h->at == AT_HEAD && h->may_repeat) { /* RFC 9112 9.3.1: it was idle, and both were free to go */
        h->at = AT_CONNECT;
        return CLIENT_CONNECT;
    }
    return client_fail(&h->client, "the server's events say why",
                       "the server ended the connection before its answer to request %zu was whole",
                       h->request + 1);
}

/* ---- the step ---------------------------------------------------------------------------------------------
 */

static enum client_wish begin(struct client_http *h)
{
    struct client *c = &h->client;
    if (!client_find_server(c, client_setting(c, "tls", 0) ? HTTPS_PORT : HTTP_PORT))
        return client_fail(c, "server 172.16.16.139", "the server is no address");
    if (!client_setting(c, "request", 0))
        return client_fail(c, "give a block `request`", "there is nothing to ask for");
    if (client_setting(c, "tls-name", 0))
        c->tls_name = arena_text(c->arena, client_word(c, "tls-name", ""));
    h->target = span_text("/");
    return CLIENT_CONNECT;
}

static enum client_wish happen(struct client_http *h, enum client_event event, struct span in, size_t *taken,
                               struct writer *out)
{
    switch (event) {
    case CLIENT_BEGIN:
        return begin(h);
    case CLIENT_CONNECTED:
        return client_setting(&h->client, "tls", 0) ? CLIENT_TLS : send_request(h, out, false);
    case CLIENT_SECURED:
        return send_request(h, out, false);
    case CLIENT_BYTES:
        return take_bytes(h, in, taken, out);
    case CLIENT_CLOSED:
        return closed(h, out);
    case CLIENT_SENT:
    case CLIENT_DUE:
        break;
    }
    return CLIENT_WAIT;
}

static enum client_wish step(struct client *c, enum client_event event, struct span in, size_t *taken,
                             struct now now, struct writer *out)
{
    (void)now;
    return client_written(c, out, happen((struct client_http *)c, event, in, taken, out));
}

static const char *fault(const struct client *c)
{
    static const char *const faults[] = { [AT_CONNECT] = "no connection",
                                          [AT_HEAD] = "no answer to the request",
                                          [AT_BODY] = "the answer is not whole yet" };
    return faults[((const struct client_http *)c)->at];
}

/* ---- lines ------------------------------------------------------------------------------------------------
 */

static bool are_statuses(const struct span *words, size_t count)
{
    uint64_t v;
    for (size_t i = 0; i < count; i++)
        if (!parse_decimal(words[i], 599, &v) || v < 200)
            return false;
    return count > 0;
}

static const struct client_key keys[] = {
    { "server", CLIENT_VALUE_WORDS, 1, 1, true, false, client_is_endpoint, "server 172.16.16.139",
      "whom to ask; port 80, or 443 with tls, where none is given" },
    { "request", CLIENT_VALUE_BLOCK, 0, 0, true, true, NULL, "request",
      "a request as it is sent: its lines, an empty line, its body; {location} stands for path and query of "
      "the "
      "last Location, {cookies} for the cookies that were set; Content-Length is added where it is missing" },
    { "tls", CLIENT_VALUE_WORDS, 0, 0, false, false, NULL, "tls", "TLS from the start" },
    { "tls-name", CLIENT_VALUE_WORDS, 1, 1, false, false, NULL, "tls-name www.example.com",
      "the name that the server's certificate must have; else its address" },
    { "expect-status", CLIENT_VALUE_WORDS, 1, CLIENT_WORDS_MAX, false, false, are_statuses,
      "expect-status 302 200", "the statuses of the answers, in order; any will do where none is given" },
};

const struct client_type client_http = {
    .word = "http",
    .meaning = "sends requests to a web server, one after the other",
    .keys = keys,
    .key_count = sizeof keys / sizeof *keys,
    .bytes = sizeof(struct client_http),
    .step = step,
    .fault = fault,
};
