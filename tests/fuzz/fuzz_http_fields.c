/* Any bytes as the fields of a request that are looked into, and as a form: read without harm, within bounds;
 * a form that is read and built again reads the same. */
#include "wire/form.h"
#include "wire/http_fields.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 4096

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void fields(struct span in, uint64_t length)
{
    static struct http_request r;
    struct http_limits limits = { INPUT_MAX, 2 * INPUT_MAX };
    struct http_fault fault;
    struct span etag = span_text("\"abc\"");
    size_t taken;
    uint64_t first = 0, last = 0;
    if (http_parse_request(in, &limits, &r, &taken, &fault) != HTTP_DONE)
        return;
    http_evaluate(&r, true, etag, 784111777, 1795421144);
    http_takes_gzip(&r);
    if (http_range(&r, length, etag, 784111777, 1795421144, &first, &last) == HTTP_RANGE_ONE)
        must(first <= last && last < length);
    for (size_t i = 0; i < r.field_count; i++) {
        http_parse_date(r.fields[i].value, 1795421144);
        must(http_media_type(r.fields[i].value) != NULL);
    }
}

static void form(struct span in)
{
    static uint8_t room[INPUT_MAX], text[6 * INPUT_MAX], again[6 * INPUT_MAX];
    static struct form f, g;
    struct writer decoded = writer_over(room, in.len), w = writer_over(text, sizeof text),
                  back = writer_over(again, sizeof again);
    if (!form_parse(in, &decoded, &f)) {
        must(f.count == FORM_FIELDS_MAX);
        return;
    }
    for (size_t i = 0; i < f.count; i++)
        form_write(&w, f.fields[i].name, f.fields[i].value);
    must(writer_ok(&w) && form_parse(writer_span(&w), &back, &g) && g.count == f.count);
    for (size_t i = 0; i < f.count; i++)
        must(span_equal(f.fields[i].name, g.fields[i].name) &&
             span_equal(f.fields[i].value, g.fields[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    if (data[0] & 1)
        fields(span_of(data + 1, size - 1), (uint64_t)(data[0] >> 1) * 100);
    else
        form(span_of(data + 1, size - 1));
    return 0;
}
