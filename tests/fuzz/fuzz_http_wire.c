/* Any bytes as a request, a response, a chunked body, a form and a path. What is one request whole is the
 * same request when its last byte comes later. */
#include "wire/form.h"
#include "wire/http.h"
#include "wire/http_fields.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = { 4096, 16384 };

static void fuzz_request(struct span in)
{
    static struct http_request whole, cut;
    struct http_fault fault;
    struct http_target target;
    size_t taken, taken_cut;
    uint64_t first, last;
    enum http_parse state = http_parse_request(in, &limits, &whole, &taken, &fault);
    if (state == HTTP_BAD && (fault.status < 400 || !fault.reason))
        abort();
    if (state != HTTP_DONE)
        return;
    if (taken > in.len ||
        http_parse_request(span_head(in, taken - 1), &limits, &cut, &taken_cut, &fault) != HTTP_MORE)
        abort();
    http_request_framing(&whole);
    http_keeps_alive(&whole);
    http_coding_quality(&whole, "gzip");
    http_evaluate(&whole, true, span_text("\"tag\""), 1000000000, 1500000000);
    if (http_range(&whole, 1000, span_text("\"tag\""), 1000000000, 1500000000, &first, &last) ==
            HTTP_RANGE_ONE &&
        (first > last || last >= 1000))
        abort();
    if (http_request_target(&whole, &target, &fault)) {
        uint8_t room[4096];
        struct writer w = writer_over(room, sizeof room);
        if (http_decode_path(target.path, &w) &&
            (room[0] != '/' || memmem(room, writer_length(&w), "/../", 4)))
            abort();
    }
}

static void fuzz_response(struct span in)
{
    static struct http_response r;
    struct http_fault fault;
    size_t taken;
    if (http_parse_response(in, &limits, &r, &taken, &fault) == HTTP_DONE)
        http_response_framing(&r, false);
}

/* Decodes in pieces of `step` bytes; how much content there was. */
static uint64_t decode(struct span in, size_t step, enum http_parse *end)
{
    struct http_chunked c = { 0 };
    struct span piece;
    *end = HTTP_MORE;
    for (size_t at = 0; at < in.len && *end == HTTP_MORE; at += step) {
        struct reader r = reader_over(span_head(span_from(in, at), step));
        do
            *end = http_chunk_next(&c, &r, &piece);
        while (*end == HTTP_MORE && reader_left(&r));
    }
    return c.content;
}

static void fuzz_chunks(struct span in)
{
    enum http_parse whole, pieces;
    if (decode(in, in.len + 1, &whole) != decode(in, 1, &pieces) || whole != pieces)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_of(data, size);
    static struct form form;
    fuzz_request(in);
    fuzz_response(in);
    fuzz_chunks(in);
    uint8_t *room = malloc(size + 1);
    struct writer w = writer_over(room, size);
    form_parse(in, &w, &form);
    http_parse_date(in, 1500000000);
    http_media_type(in);
    free(room);
    return 0;
}
