#include "http.h"

/* Before a request line: some clients end a body with one CRLF too many (RFC 9112 2.2). */
#define EMPTY_LINES_MAX 2
#define METHOD_MAX      32

/* ---- characters ------------------------------------------------------------------------------ */

/* RFC 9110 5.6.2. */
static const bool token_bytes[256] = {
    ['!'] = true,         ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,
    ['-'] = true,         ['.'] = true,          ['0' ... '9'] = true, ['A' ... 'Z'] = true,
    ['^' ... 'z'] = true, ['|'] = true,          ['~'] = true,
};

/* RFC 3986 3.2.2: reg-name and IPv4address. */
static const bool host_bytes[256] = {
    ['!'] = true,         ['$' ... '.'] = true, ['0' ... '9'] = true, [';'] = true, ['='] = true,
    ['A' ... 'Z'] = true, ['_'] = true,         ['a' ... 'z'] = true, ['~'] = true,
};

/* RFC 3986 3.2.2: what stands between the brackets of an IPv6 address. */
static const bool literal_bytes[256] = {
    ['.'] = true, [':'] = true, ['0' ... '9'] = true, ['A' ... 'F'] = true, ['a' ... 'f'] = true,
};

/* RFC 3986 3.3: pchar, but for "%", and the slash. */
static const bool path_bytes[256] = {
    ['!'] = true, ['$'] = true,         ['&' ... '9'] = true, [':'] = true,         [';'] = true,
    ['='] = true, ['@' ... 'Z'] = true, ['_'] = true,         ['a' ... 'z'] = true, ['~'] = true,
};

static bool all_of(const bool set[256], struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!set[s.at[i]])
            return false;
    return true;
}

bool http_is_token(struct span s)
{
    return s.len > 0 && all_of(token_bytes, s);
}

bool http_is_field_value(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.at[i] < ' ' && s.at[i] != '\t') || s.at[i] == 0x7f)
            return false;
    return true;
}

static struct span trim(struct span s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = span_from(s, 1);
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* ---- lines ------------------------------------------------------------------------------------- */

/* The next line without its CRLF. A bare LF is BAD; without any LF it is MORE. */
static enum http_parse next_line(struct reader *r, struct span *line)
{
    struct span rest = span_of(r->at, reader_left(r));
    size_t lf = span_find(rest, '\n');
    if (lf == rest.len)
        return HTTP_MORE;
    if (lf == 0 || rest.at[lf - 1] != '\r')
        return HTTP_BAD;
    *line = read_span(r, lf - 1);
    read_skip(r, 2);
    return HTTP_DONE;
}

static enum http_parse bad(struct http_fault *fault, unsigned status, const char *reason)
{
    *fault = (struct http_fault){ status, reason };
    return HTTP_BAD;
}

static enum http_parse parse_field(struct span line, struct http_field *f, struct http_fault *fault)
{
    size_t colon = span_find(line, ':');
    f->name = span_head(line, colon);
    f->value = trim(span_from(line, colon + 1));
    if (line.at[0] == ' ' || line.at[0] == '\t')
        return bad(fault, 400, "a folded header line");
    if (colon == line.len || !http_is_token(f->name))
        return bad(fault, 400, "a header name that is no token");
    if (!http_is_field_value(f->value))
        return bad(fault, 400, "a control character in a header value");
    return HTTP_DONE;
}

/* The fields up to the empty line. */
static enum http_parse parse_fields(struct reader *r, struct http_field *fields, size_t *count,
                                    struct http_fault *fault)
{
    *count = 0;
    for (;;) {
        struct span line;
        enum http_parse state = next_line(r, &line);
        if (state == HTTP_BAD)
            return bad(fault, 400, "a line that does not end in CRLF");
        if (state == HTTP_MORE || line.len == 0)
            return state;
        if (*count == HTTP_FIELDS_MAX)
            return bad(fault, 431, "more header fields than are taken");
        if (parse_field(line, &fields[*count], fault) != HTTP_DONE)
            return HTTP_BAD;
        ++*count;
    }
}

/* RFC 9112 2.3: "HTTP/1.1"; another major version is 505. */
static enum http_parse parse_version(struct span s, uint8_t *minor, struct http_fault *fault)
{
    bool shape = s.len == 8 && span_starts(s, "HTTP/") && s.at[5] >= '0' && s.at[5] <= '9' &&
                 s.at[6] == '.' && s.at[7] >= '0' && s.at[7] <= '9';
    if (!shape)
        return bad(fault, 400, "no HTTP version in the request line");
    if (s.at[5] != '1')
        return bad(fault, 505, "another HTTP version than 1.0 and 1.1");
    *minor = s.at[7] == '0' ? 0 : 1;
    return HTTP_DONE;
}

static bool target_bytes(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] >= 0x7f)
            return false;
    return s.len > 0;
}

static enum http_parse parse_request_line(struct span line, struct http_request *out,
                                          struct http_fault *fault)
{
    size_t first = span_find(line, ' ');
    struct span rest = span_from(line, first + 1);
    size_t second = span_find(rest, ' ');
    out->method = span_head(line, first);
    out->target = span_head(rest, second);
    if (!http_is_token(out->method) || out->method.len > METHOD_MAX)
        return bad(fault, 400, "a method that is no token");
    if (first == line.len || second == rest.len || !target_bytes(out->target))
        return bad(fault, 400, "a request line that is not method, target, version");
    return parse_version(span_from(rest, second + 1), &out->minor, fault);
}

/* How much of the head may still come: a limit that is passed is known before the head is whole. */
static enum http_parse wait_or_refuse(struct span in, bool in_line, const struct http_limits *limits,
                                      struct http_fault *fault)
{
    if (in_line && in.len > limits->line_bytes_max)
        return bad(fault, 414, "a request line that is too long");
    if (in.len >= limits->head_bytes_max)
        return bad(fault, 431, "a head that is too large");
    return HTTP_MORE;
}

static enum http_parse skip_empty_lines(struct reader *r)
{
    for (int i = 0; i < EMPTY_LINES_MAX && reader_left(r) >= 2 && r->at[0] == '\r' && r->at[1] == '\n'; i++)
        read_skip(r, 2);
    return reader_left(r) ? HTTP_DONE : HTTP_MORE;
}

enum http_parse http_parse_request(struct span in, const struct http_limits *limits, struct http_request *out,
                                   size_t *taken, struct http_fault *fault)
{
    struct reader r = reader_over(span_head(in, limits->head_bytes_max));
    struct span line;
    *taken = 0;
    if (skip_empty_lines(&r) == HTTP_MORE) {
        *taken = reader_offset(&r);
        return HTTP_MORE;
    }
    enum http_parse state = next_line(&r, &line);
    if (state == HTTP_MORE)
        return wait_or_refuse(in, true, limits, fault);
    if (state == HTTP_BAD)
        return bad(fault, 400, "a line that does not end in CRLF");
    if (line.len > limits->line_bytes_max)
        return bad(fault, 414, "a request line that is too long");
    if (parse_request_line(line, out, fault) != HTTP_DONE)
        return HTTP_BAD;
    state = parse_fields(&r, out->fields, &out->field_count, fault);
    if (state == HTTP_MORE)
        return wait_or_refuse(in, false, limits, fault);
    *taken = reader_offset(&r);
    return state;
}

static enum http_parse parse_status_line(struct span line, struct http_response *out,
                                         struct http_fault *fault)
{
    struct span code = span_head(span_from(line, 9), 3);
    if (parse_version(span_head(line, 8), &out->minor, fault) != HTTP_DONE)
        return HTTP_BAD;
    out->status = 0;
    for (size_t i = 0; i < code.len; i++) {
        if (code.at[i] < '0' || code.at[i] > '9')
            return bad(fault, 502, "a status that is no number");
        out->status = out->status * 10 + (code.at[i] - '0');
    }
    out->reason = span_from(line, 13);
    if (code.len != 3 || line.at[8] != ' ' || (line.len > 12 && line.at[12] != ' ') ||
        !http_is_field_value(out->reason))
        return bad(fault, 502, "a status line that is not version, status, reason");
    return HTTP_DONE;
}

enum http_parse http_parse_response(struct span in, const struct http_limits *limits,
                                    struct http_response *out, size_t *taken, struct http_fault *fault)
{
    struct reader r = reader_over(span_head(in, limits->head_bytes_max));
    struct span line;
    *taken = 0;
    enum http_parse state = next_line(&r, &line);
    if (state == HTTP_MORE)
        return wait_or_refuse(in, true, limits, fault);
    if (state == HTTP_BAD)
        return bad(fault, 502, "a line that does not end in CRLF");
    if (parse_status_line(line, out, fault) != HTTP_DONE)
        return HTTP_BAD;
    state = parse_fields(&r, out->fields, &out->field_count, fault);
    if (state == HTTP_MORE)
        return wait_or_refuse(in, false, limits, fault);
    *taken = reader_offset(&r);
    return state;
}

/* ---- fields ------------------------------------------------------------------------------------ */

struct span http_field(const struct http_field *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is_nocase(fields[i].name, name))
            return fields[i].value;
    return span_of(NULL, 0);
}

size_t http_field_count(const struct http_field *fields, size_t count, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += span_is_nocase(fields[i].name, name);
    return n;
}

/* The next element of a comma-separated list; false at its end. */
static bool next_element(struct span *list, struct span *element)
{
    if (list->len == 0)
        return false;
    size_t comma = span_find(*list, ',');
    *element = trim(span_head(*list, comma));
    *list = span_from(*list, comma + 1);
    return true;
}

bool http_field_has_token(const struct http_field *fields, size_t count, const char *name, const char *token)
{
    for (size_t i = 0; i < count; i++) {
        struct span list = fields[i].value, element;
        if (!span_is_nocase(fields[i].name, name))
            continue;
        while (next_element(&list, &element))
            if (span_is_nocase(element, token))
                return true;
    }
    return false;
}

bool http_keeps_alive(const struct http_request *r)
{
    if (http_field_has_token(r->fields, r->field_count, "Connection", "close"))
        return false;
    return r->minor >= 1 || http_field_has_token(r->fields, r->field_count, "Connection", "keep-alive");
}

/* ---- framing ------------------------------------------------------------------------------------ */

struct framing_fields {
    size_t lengths, codings; /* how many Content-Length fields, how many transfer codings */
    bool length_good, chunked_last, unknown, chunked_twice;
    uint64_t length;
};

/* An empty element is none that we know: another reader may see something in it. */
static void look_at_codings(struct span list, struct framing_fields *f)
{
    for (bool last = false; !last;) {
        size_t comma = span_find(list, ',');
        bool chunked = span_is_nocase(trim(span_head(list, comma)), "chunked");
        f->chunked_twice |= chunked && f->chunked_last;
        f->unknown |= !chunked;
        f->chunked_last = chunked;
        f->codings++;
        last = comma == list.len;
        list = span_from(list, comma + 1);
    }
}

static bool read_length(struct span s, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t digit = (uint8_t)(s.at[i] - '0');
        if (digit > 9 || v > (UINT64_MAX / 2 - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return s.len > 0;
}

static struct framing_fields look_at_fields(const struct http_field *fields, size_t count)
{
    struct framing_fields f = { 0 };
    for (size_t i = 0; i < count; i++) {
        if (span_is_nocase(fields[i].name, "Content-Length")) {
            f.lengths++;
            f.length_good = read_length(fields[i].value, &f.length);
        } else if (span_is_nocase(fields[i].name, "Transfer-Encoding")) {
            look_at_codings(fields[i].value, &f);
        }
    }
    return f;
}

static struct http_framing framing_bad(unsigned status, const char *reason)
{
    return (struct http_framing){ .kind = HTTP_BODY_BAD, .fault = { status, reason } };
}

/* What two readers could understand differently is refused (RFC 9112 6.3, 11.2). */
static struct http_framing decide_framing(const struct framing_fields *f, uint8_t minor)
{
    if (f->codings && f->lengths)
        return framing_bad(400, "both Transfer-Encoding and Content-Length");
    if (f->lengths > 1)
        return framing_bad(400, "more than one Content-Length");
    if (f->lengths && !f->length_good)
        return framing_bad(400, "a Content-Length that is no number");
    if (f->codings && minor == 0)
        return framing_bad(400, "Transfer-Encoding in HTTP/1.0");
    if (f->codings && (!f->chunked_last || f->chunked_twice))
        return framing_bad(400, "a Transfer-Encoding that does not end in one chunked");
    if (f->codings && f->unknown)
        return framing_bad(501, "an unknown transfer coding");
    if (f->codings)
        return (struct http_framing){ .kind = HTTP_BODY_CHUNKED };
    if (f->lengths)
        return (struct http_framing){ .kind = HTTP_BODY_LENGTH, .length = f->length };
    return (struct http_framing){ .kind = HTTP_BODY_NONE };
}

struct http_framing http_request_framing(const struct http_request *r)
{
    struct framing_fields f = look_at_fields(r->fields, r->field_count);
    return decide_framing(&f, r->minor);
}

struct http_framing http_response_framing(const struct http_response *r, bool head)
{
    struct framing_fields f = look_at_fields(r->fields, r->field_count);
    if (head || r->status < 200 || r->status == 204 || r->status == 304)
        return (struct http_framing){ .kind = HTTP_BODY_NONE };
    struct http_framing framing = decide_framing(&f, r->minor);
    if (framing.kind == HTTP_BODY_NONE)
        framing.kind = HTTP_BODY_UNTIL_CLOSE;
    return framing;
}

/* ---- the target ------------------------------------------------------------------------------------ */

/* RFC 3986 3.2: host, then perhaps a colon and a port; *port is empty without one. */
static bool split_authority(struct span s, struct span *host, struct span *port)
{
    bool literal = s.len && s.at[0] == '[';
    size_t end = literal ? span_find(s, ']') + 1 : span_find(s, ':');
    if (end > s.len)
        return false;
    *host = span_head(s, end);
    *port = span_from(s, end);
    if (port->len && port->at[0] != ':')
        return false;
    *port = span_from(*port, 1);
    for (size_t i = 0; i < port->len; i++)
        if (port->at[i] < '0' || port->at[i] > '9')
            return false;
    return literal ? end > 2 && all_of(literal_bytes, span_from(span_head(*host, end - 1), 1))
                   : all_of(host_bytes, *host);
}

static bool target_fault(struct http_fault *fault, const char *reason)
{
    *fault = (struct http_fault){ 400, reason };
    return false;
}

/* RFC 9112 3.2.2: what an absolute target says of the host counts, whatever Host says. */
static bool absolute_target(struct span t, struct http_target *out)
{
    struct span port;
    size_t scheme = span_is_nocase(span_head(t, 7), "http://")    ? 7
                    : span_is_nocase(span_head(t, 8), "https://") ? 8
                                                                  : 0;
    if (!scheme)
        return false;
    struct span rest = span_from(t, scheme);
    size_t end = 0;
    while (end < rest.len && rest.at[end] != '/' && rest.at[end] != '?')
        end++;
    if (!split_authority(span_head(rest, end), &out->host, &port) || out->host.len == 0)
        return false;
    out->path = span_from(rest, end);
    return true;
}

/* RFC 9112 3.2.3: CONNECT names a host and a port, and nothing else. */
static bool authority_target(struct span t, struct http_target *out)
{
    struct span port;
    return split_authority(t, &out->host, &port) && out->host.len && port.len;
}

bool http_request_target(const struct http_request *r, struct http_target *out, struct http_fault *fault)
{
    size_t hosts = http_field_count(r->fields, r->field_count, "Host");
    struct span port;
    *out = (struct http_target){ 0 };
    if (hosts > 1 || (hosts == 0 && r->minor >= 1))
        return target_fault(fault, hosts ? "more than one Host" : "no Host");
    if (hosts && !split_authority(http_field(r->fields, r->field_count, "Host"), &out->host, &port))
        return target_fault(fault, "a Host that is no host");
    if (span_is(r->method, "CONNECT"))
        return authority_target(r->target, out) ||
               target_fault(fault, "a CONNECT to what is no host and port");
    if (r->target.at[0] == '/' || (span_is(r->target, "*") && span_is(r->method, "OPTIONS")))
        out->path = r->target;
    else if (!absolute_target(r->target, out))
        return target_fault(fault, "a target that is no path and no URL");
    size_t question = span_find(out->path, '?');
    if (question < out->path.len)
        out->query = span_from(out->path, question + 1);
    out->path = span_head(out->path, question);
    if (out->path.len == 0)
        out->path = span_text("/");
    return true;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of a path, an escape decoded; -1: it is broken. */
static int decode_byte(struct reader *r)
{
    uint8_t c = read_u8(r);
    if (c != '%')
        return c ? c : -1;
    int high = hex_value(read_u8(r));
    int low = hex_value(read_u8(r));
    if (high < 0 || low < 0 || high + low == 0 || !reader_ok(r))
        return -1;
    return high << 4 | low;
}

/* A segment was written since the last slash: "." goes, ".." takes the one before along. False above the
 * root. */
static bool end_segment(struct writer *out, size_t segment)
{
    struct span s = span_from(writer_span(out), segment);
    if (span_is(s, ".")) {
        writer_back_to(out, (struct mark){ segment });
    } else if (span_is(s, "..")) {
        size_t at = segment - 1; /* the slash before it */
        if (at == 0)
            return false;
        while (at > 0 && out->start[at - 1] != '/')
            at--;
        writer_back_to(out, (struct mark){ at });
    }
    return true;
}

bool http_decode_path(struct span path, struct writer *out)
{
    struct reader r = reader_over(path);
    size_t segment = 1; /* where the present one begins: behind a slash */
    if (read_u8(&r) != '/')
        return false;
    write_u8(out, '/');
    while (reader_left(&r)) {
        int c = decode_byte(&r);
        if (c < 0)
            return false;
        if (c != '/') {
            write_u8(out, (uint8_t)c);
        } else {
            if (!end_segment(out, segment))
                return false;
            if (writer_ok(out) && out->start[writer_length(out) - 1] != '/')
                write_u8(out, '/');
            segment = writer_length(out);
        }
        if (!writer_ok(out))
            return false;
    }
    return end_segment(out, segment);
}

void http_write_path(struct writer *w, struct span path)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < path.len; i++) {
        uint8_t c = path.at[i];
        if (path_bytes[c]) {
            write_u8(w, c);
        } else {
            write_u8(w, '%');
            write_u8(w, (uint8_t)digits[c >> 4]);
            write_u8(w, (uint8_t)digits[c & 15]);
        }
    }
}

/* ---- chunks ------------------------------------------------------------------------------------------ */

/* A byte of the size line before its extensions: hexadecimal digits, at most 15, so that no size overflows.
 */
static bool size_step(struct http_chunked *c, uint8_t b)
{
    int digit = c->state == CHUNK_SIZE ? hex_value(b) : -1;
    if (digit >= 0) {
        c->left = c->left << 4 | (uint64_t)digit;
        return ++c->digits <= 15;
    }
    if (c->digits == 0)
        return false;
    if (b == ' ' || b == '\t') { /* white space may only stand before an extension */
        c->state = CHUNK_SIZE_SPACE;
        return true;
    }
    bool ends = b == '\r' && c->state == CHUNK_SIZE;
    c->state = ends ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
    return ends || b == ';';
}

/* A byte of an extension or of a trailer's value, which ends in CR. */
static bool text_step(struct http_chunked *c, uint8_t b, enum http_chunk_state behind)
{
    if (b == '\r')
        c->state = behind;
    return b == '\r' || b == '\t' || (b >= ' ' && b != 0x7f);
}

static bool expect_byte(struct http_chunked *c, uint8_t b, uint8_t expected, enum http_chunk_state behind)
{
    c->state = behind;
    return b == expected;
}

/* One byte of what surrounds the content; false: not as it must be. */
static bool chunk_step(struct http_chunked *c, uint8_t b)
{
    switch (c->state) {
    case CHUNK_SIZE:
    case CHUNK_SIZE_SPACE:
        return size_step(c, b);
    case CHUNK_EXTENSION:
        return text_step(c, b, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
        return expect_byte(c, b, '\n', c->left ? CHUNK_DATA : CHUNK_TRAILER);
    case CHUNK_DATA_CR:
        return expect_byte(c, b, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
        c->digits = 0;
        return expect_byte(c, b, '\n', CHUNK_SIZE);
    case CHUNK_TRAILER:
        c->state = b == '\r' ? CHUNK_LAST_LF : CHUNK_TRAILER_NAME;
        return b == '\r' || token_bytes[b];
    case CHUNK_TRAILER_NAME:
        if (b == ':')
            c->state = CHUNK_TRAILER_VALUE;
        return b == ':' || token_bytes[b];
    case CHUNK_TRAILER_VALUE:
        return text_step(c, b, CHUNK_TRAILER_LF);
    case CHUNK_TRAILER_LF:
        return expect_byte(c, b, '\n', CHUNK_TRAILER);
    case CHUNK_LAST_LF:
        return expect_byte(c, b, '\n', CHUNK_END);
    case CHUNK_DATA:
    case CHUNK_END:
        break;
    }
    return false;
}

enum http_parse http_chunk_next(struct http_chunked *c, struct reader *in, struct span *content)
{
    *content = span_of(in->at, 0);
    while (c->state != CHUNK_END && reader_left(in)) {
        if (c->state == CHUNK_DATA) {
            *content = read_span(in, c->left < reader_left(in) ? (size_t)c->left : reader_left(in));
            c->left -= content->len;
            c->content += content->len;
            if (c->left == 0)
                c->state = CHUNK_DATA_CR;
            return HTTP_MORE;
        }
        if (!chunk_step(c, read_u8(in)) || ++c->overhead > HTTP_OVERHEAD_FIXED + c->content)
            return HTTP_BAD;
    }
    return c->state == CHUNK_END ? HTTP_DONE : HTTP_MORE;
}

void http_write_chunk(struct writer *w, struct span content)
{
    static const char digits[] = "0123456789abcdef";
    unsigned shift = 60;
    if (content.len == 0)
        return;
    while ((content.len >> shift) == 0)
        shift -= 4;
    for (unsigned at = shift + 4; at > 0; at -= 4)
        write_u8(w, (uint8_t)digits[content.len >> (at - 4) & 15]);
    write_text(w, "\r\n");
    write_span(w, content);
    write_text(w, "\r\n");
}

void http_write_last_chunk(struct writer *w)
{
    write_text(w, "0\r\n\r\n");
}

/* ---- building ------------------------------------------------------------------------------------------ */

static const struct {
    unsigned status;
    const char *phrase;
} phrases[] = {
    { 100, "Continue" },
    { 200, "OK" },
    { 201, "Created" },
    { 204, "No Content" },
    { 206, "Partial Content" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 408, "Request Timeout" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 421, "Misdirected Request" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 505, "HTTP Version Not Supported" },
};

const char *http_status_phrase(unsigned status)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Status";
}

void http_write_status_line(struct writer *w, unsigned status)
{
    if (status == 200) { /* the common one, in one copy */
        write_bytes(w, "HTTP/1.1 200 OK\r\n", 17);
        return;
    }
    write_text(w, "HTTP/1.1 ");
    write_decimal(w, status);
    write_u8(w, ' ');
    write_text(w, http_status_phrase(status));
    write_text(w, "\r\n");
}

void http_write_request_line(struct writer *w, const char *method, struct span target)
{
    write_text(w, method);
    write_u8(w, ' ');
    write_span(w, target);
    write_text(w, " HTTP/1.1\r\n");
}

void http_write_field(struct writer *w, const char *name, struct span value)
{
    write_text(w, name);
    write_text(w, ": ");
    write_span(w, value);
    write_text(w, "\r\n");
}
