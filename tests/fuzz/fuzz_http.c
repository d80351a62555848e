/* Any bytes as a request, a response, a path, a chunked body: read without harm, the same in pieces as in
 * one; what is read and built again reads the same. */
#include "wire/http.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 8192

static void must(bool condition)
{
    if (!condition)
        abort();
}

static const struct http_limits limits = { .line_bytes_max = 1024, .head_bytes_max = 4096 };

static bool inside(struct span part, struct span whole)
{
    return part.len == 0 || (part.at >= whole.at && part.at + part.len <= whole.at + whole.len);
}

/* ---- heads ------------------------------------------------------------------------------- */

static void build(struct writer *w, const struct http_request *r)
{
    write_span(w, r->method);
    write_text(w, " ");
    write_span(w, r->target);
    write_text(w, r->minor ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
    for (size_t i = 0; i < r->field_count; i++) {
        write_span(w, r->fields[i].name);
        write_text(w, ": ");
        write_span(w, r->fields[i].value);
        write_text(w, "\r\n");
    }
    write_text(w, "\r\n");
}

static void must_be_the_same(const struct http_request *a, const struct http_request *b)
{
    must(span_equal(a->method, b->method) && span_equal(a->target, b->target) && a->minor == b->minor);
    must(a->field_count == b->field_count);
    for (size_t i = 0; i < a->field_count; i++)
        must(span_equal(a->fields[i].name, b->fields[i].name) &&
             span_equal(a->fields[i].value, b->fields[i].value));
    struct http_framing f = http_request_framing(a), g = http_request_framing(b);
    must(f.kind == g.kind && f.length == g.length);
    must(http_keeps_alive(a) == http_keeps_alive(b));
}

static void request(struct span in)
{
    static struct http_request r, again;
    static uint8_t room[2 * INPUT_MAX];
    struct http_limits wide = { 2 * INPUT_MAX, 2 * INPUT_MAX };
    struct http_fault fault;
    struct http_target t;
    size_t taken, ignored;
    enum http_parse state = http_parse_request(in, &limits, &r, &taken, &fault);
    must(taken <= in.len);
    if (state == HTTP_BAD)
        must(fault.status >= 400 && fault.reason);
    if (state != HTTP_DONE)
        return;
    /* what comes behind a head changes nothing, and no shorter head is whole */
    must(taken <= limits.head_bytes_max);
    must(http_parse_request(span_head(in, taken), &limits, &again, &ignored, &fault) == HTTP_DONE &&
         ignored == taken);
    must(http_parse_request(span_head(in, taken - 1), &limits, &again, &ignored, &fault) == HTTP_MORE);
    struct writer w = writer_over(room, sizeof room);
    build(&w, &r);
    must(writer_ok(&w));
    must(http_parse_request(writer_span(&w), &wide, &again, &ignored, &fault) == HTTP_DONE);
    must_be_the_same(&r, &again);
    if (http_request_target(&r, &t, &fault))
        must(inside(t.host, in) && inside(t.query, in));
    else
        must(fault.status == 400);
}

static void response(struct span in)
{
    static struct http_response r;
    struct http_fault fault;
    size_t taken;
    if (http_parse_response(in, &limits, &r, &taken, &fault) != HTTP_DONE)
        return;
    must(taken <= in.len && r.status < 1000 && inside(r.reason, in));
    http_response_framing(&r, false);
}

/* ---- paths --------------------------------------------------------------------------------- */

static void path(struct span in)
{
    static uint8_t room[INPUT_MAX], encoded[3 * INPUT_MAX], back[INPUT_MAX];
    struct writer w = writer_over(room, sizeof room), e = writer_over(encoded, sizeof encoded),
                  b = writer_over(back, sizeof back);
    if (!http_decode_path(in, &w))
        return;
    struct span s = writer_span(&w);
    must(s.len > 0 && s.at[0] == '/' && span_find(s, 0) == s.len);
    for (size_t i = 0;
         i < s.len;) { /* no empty, no dot and no double-dot segment is left but the last empty one */
        struct span rest = span_from(s, i + 1);
        struct span segment = span_head(rest, span_find(rest, '/'));
        must(segment.len > 0 || i + 1 == s.len);
        must(!span_is(segment, ".") && !span_is(segment, ".."));
        i += 1 + segment.len;
    }
    http_write_path(&e, s);
    must(writer_ok(&e) && http_decode_path(writer_span(&e), &b) && span_equal(writer_span(&b), s));
}

/* ---- chunks --------------------------------------------------------------------------------- */

struct decoded {
    uint8_t room[INPUT_MAX];
    struct writer out;
    enum http_parse state;
    size_t taken;
};

static void decode(struct decoded *d, struct span in, size_t step)
{
    struct http_chunked c = { 0 };
    d->out = writer_over(d->room, sizeof d->room);
    d->state = HTTP_MORE;
    d->taken = 0;
    while (d->state == HTTP_MORE && d->taken < in.len) {
        struct reader r = reader_over(span_head(span_from(in, d->taken), step));
        do {
            struct span content;
            d->state = http_chunk_next(&c, &r, &content);
            must(inside(content, in));
            write_span(&d->out, content);
        } while (d->state == HTTP_MORE && reader_left(&r));
        d->taken += reader_offset(&r);
    }
    must(writer_ok(&d->out));
}

static void chunks(struct span in, size_t step)
{
    static struct decoded whole, pieces, again;
    static uint8_t room[2 * INPUT_MAX];
    decode(&whole, in, in.len);
    decode(&pieces, in, step);
    must(whole.state == pieces.state && span_equal(writer_span(&whole.out), writer_span(&pieces.out)));
    must(whole.state == HTTP_BAD || whole.taken == pieces.taken);
    if (whole.state != HTTP_DONE)
        return;
    struct writer w = writer_over(room, sizeof room);
    http_write_chunk(&w, writer_span(&whole.out));
    http_write_last_chunk(&w);
    decode(&again, writer_span(&w), writer_length(&w));
    must(again.state == HTTP_DONE && span_equal(writer_span(&again.out), writer_span(&whole.out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    struct span in = span_of(data + 1, size - 1);
    size_t step = (size_t)(data[0] >> 2) + 1;
    switch (data[0] & 3) {
    case 0:
        request(in);
        break;
    case 1:
        response(in);
        break;
    case 2:
        path(in);
        break;
    default:
        chunks(in, step);
    }
    return 0;
}
