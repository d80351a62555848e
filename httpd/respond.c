#include "respond.h"

#include "text.h"
#include "wire/http_fields.h"

void respond_write_etag(struct writer *w, int64_t modified_ns, uint64_t length, uint64_t inode, bool gzip)
{
    write_format(w, "\"%llx-%llx-%llx%s\"", (unsigned long long)modified_ns, (unsigned long long)length,
                 (unsigned long long)inode, gzip ? "-gz" : "");
}

static void write_validators(struct writer *w, const struct http_resource *f, bool gzip)
{
    http_write_field(w, "ETag", gzip ? f->etag_gzip : f->etag);
    write_text(w, "Last-Modified: ");
    write_http_date(w, f->modified_s * 1000);
    write_text(w, "\r\n");
    if (http_media_type_is_text(f->media_type))
        write_text(w, "Vary: Accept-Encoding\r\n");
}

static void write_content(struct writer *w, const struct http_resource *f, bool gzip)
{
    http_write_field(w, "Content-Type", span_text(f->media_type));
    if (gzip)
        write_text(w, "Content-Encoding: gzip\r\n");
    else
        write_text(w, "Accept-Ranges: bytes\r\n");
}

bool respond_is_plain(const struct http_request *r)
{
    for (size_t i = 0; i < r->field_count; i++) {
        struct span name = r->fields[i].name;
        uint8_t c = ascii_lower(name.at[0]);
        if ((c == 'i' && name.len > 3 && ascii_lower(name.at[1]) == 'f' && name.at[2] == '-') ||
            (c == 'r' && span_is_nocase(name, "Range")))
            return false;
    }
    return true;
}

void respond_write_lines(struct writer *w, const struct http_resource *f, bool gzip)
{
    write_content(w, f, gzip);
    write_validators(w, f, gzip);
}

static struct http_plan plan_condition(enum http_condition condition, const struct http_resource *f,
                                       bool gzip, struct writer *lines)
{
    if (condition == HTTP_NOT_MODIFIED)
        write_validators(lines, f, gzip);
    return (struct http_plan){ .status = condition == HTTP_NOT_MODIFIED ? 304 : 412, .gzip = gzip };
}

static void write_content_range(struct writer *w, bool known, uint64_t first, uint64_t last, uint64_t length)
{
    write_text(w, "Content-Range: bytes ");
    if (known)
        write_format(w, "%llu-%llu", (unsigned long long)first, (unsigned long long)last);
    else
        write_text(w, "*");
    write_format(w, "/%llu\r\n", (unsigned long long)length);
}

struct http_plan respond_plan(const struct http_exchange *x, const struct http_resource *f,
                              struct writer *lines)
{
    const struct http_request *r = x->request;
    int64_t now_s = x->now.unix_ms / 1000;
    uint64_t first = 0, last = 0;
    bool ranged = http_field(r->fields, r->field_count, "Range").at && !x->head;
    bool gzip = f->etag_gzip.len && !ranged && http_takes_gzip(r);
    struct span etag = gzip ? f->etag_gzip : f->etag;
    uint64_t length = gzip ? f->length_gzip : f->length;
    enum http_condition condition = http_evaluate(r, true, etag, f->modified_s, now_s);
    if (condition != HTTP_GO_ON)
        return plan_condition(condition, f, gzip, lines);
    enum http_range_state range =
        ranged ? http_range(r, length, etag, f->modified_s, now_s, &first, &last) : HTTP_RANGE_NONE;
    if (range == HTTP_RANGE_UNSATISFIABLE) {
        write_content_range(lines, false, 0, 0, length);
        return (struct http_plan){ .status = 416 };
    }
    respond_write_lines(lines, f, gzip);
    if (range == HTTP_RANGE_ONE) {
        write_content_range(lines, true, first, last, length);
        return (struct http_plan){ .status = 206, .first = first, .count = last - first + 1 };
    }
    return (struct http_plan){ .status = 200, .gzip = gzip, .count = length };
}
