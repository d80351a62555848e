#include "http_fields.h"

#include "../text.h"

/* ---- dates ----------------------------------------------------------------------------------- */

static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

static int read_month(struct reader *r)
{
    struct span s = read_span(r, 3);
    for (int i = 0; i < 12; i++)
        if (span_is(s, months[i]))
            return i + 1;
    reader_fail(r);
    return 0;
}

static int read_digits(struct reader *r, size_t n)
{
    uint64_t v = 0;
    if (!parse_decimal(read_span(r, n), UINT32_MAX, &v))
        reader_fail(r);
    return (int)v;
}

static void expect(struct reader *r, const char *text)
{
    if (!span_is(read_span(r, strlen(text)), text))
        reader_fail(r);
}

struct clock_time {
    int hour, minute, second;
};

static struct clock_time read_time(struct reader *r)
{
    struct clock_time t;
    t.hour = read_digits(r, 2);
    expect(r, ":");
    t.minute = read_digits(r, 2);
    expect(r, ":");
    t.second = read_digits(r, 2);
    return t;
}

static int64_t finish_date(struct reader *r, int year, int month, int day, struct clock_time t)
{
    return reader_done(r) ? civil_to_unix_s(year, month, day, t.hour, t.minute, t.second) : -1;
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static int64_t parse_imf(struct span s)
{
    struct reader r = reader_over(s);
    read_skip(&r, 3);
    expect(&r, ", ");
    int day = read_digits(&r, 2);
    expect(&r, " ");
    int month = read_month(&r);
    expect(&r, " ");
    int year = read_digits(&r, 4);
    expect(&r, " ");
    struct clock_time t = read_time(&r);
    expect(&r, " GMT");
    return finish_date(&r, year, month, day, t);
}

/* Sunday, 06-Nov-94 08:49:37 GMT; a year that seems over 50 years ahead is of the past century. */
static int64_t parse_rfc850(struct span s, int64_t now_s)
{
    struct reader r = reader_over(span_from(s, span_find(s, ',')));
    int this_year = civil_of(now_s * 1000).year;
    expect(&r, ", ");
    int day = read_digits(&r, 2);
    expect(&r, "-");
    int month = read_month(&r);
    expect(&r, "-");
    int year = read_digits(&r, 2) + this_year / 100 * 100;
    expect(&r, " ");
    struct clock_time t = read_time(&r);
    expect(&r, " GMT");
    if (year > this_year + 50)
        year -= 100;
    return finish_date(&r, year, month, day, t);
}

/* Sun Nov  6 08:49:37 1994 */
static int64_t parse_asctime(struct span s)
{
    struct reader r = reader_over(s);
    read_skip(&r, 4);
    int month = read_month(&r);
    expect(&r, " ");
    struct span day_text = read_span(&r, 2);
    uint64_t day = 0;
    if (day_text.len && day_text.at[0] == ' ')
        day_text = span_from(day_text, 1);
    if (!parse_decimal(day_text, 31, &day))
        reader_fail(&r);
    expect(&r, " ");
    struct clock_time t = read_time(&r);
    expect(&r, " ");
    int year = read_digits(&r, 4);
    return finish_date(&r, year, month, (int)day, t);
}

int64_t http_parse_date(struct span s, int64_t now_s)
{
    size_t comma = span_find(s, ',');
    if (comma == 3)
        return parse_imf(s);
    return comma < s.len ? parse_rfc850(s, now_s) : parse_asctime(s);
}

/* ---- entity tags and conditions ----------------------------------------------------------------- */

static struct span opaque_tag(struct span tag)
{
    return span_starts(tag, "W/") ? span_from(tag, 2) : tag;
}

bool http_etag_strong_equal(struct span a, struct span b)
{
    return !span_starts(a, "W/") && span_equal(a, b);
}

bool http_etag_weak_equal(struct span a, struct span b)
{
    return span_equal(opaque_tag(a), opaque_tag(b));
}

/* The next tag of a list: a comma may stand inside its quotes. False at the end, or where it is no tag. */
static bool next_tag(struct span *list, struct span *tag)
{
    while (list->len && (list->at[0] == ' ' || list->at[0] == '\t' || list->at[0] == ','))
        *list = span_from(*list, 1);
    size_t open = span_starts(*list, "W/") ? 2 : 0;
    if (list->len <= open || list->at[open] != '"')
        return false;
    size_t close = open + 1 + span_find(span_from(*list, open + 1), '"');
    if (close >= list->len)
        return false;
    *tag = span_head(*list, close + 1);
    *list = span_from(*list, close + 1);
    return true;
}

static bool any_tag_matches(struct span list, struct span etag, bool strong)
{
    struct span tag;
    if (span_is(list, "*"))
        return true;
    while (next_tag(&list, &tag))
        if (strong ? http_etag_strong_equal(tag, etag) : http_etag_weak_equal(tag, etag))
            return true;
    return false;
}

static struct span field_of(const struct http_request *r, const char *name)
{
    return http_field(r->fields, r->field_count, name);
}

enum http_condition http_evaluate(const struct http_request *r, bool safe, struct span etag,
                                  int64_t modified_s, int64_t now_s)
{
    struct span match = field_of(r, "If-Match"), none = field_of(r, "If-None-Match");
    if (match.at) {
        if (!any_tag_matches(match, etag, true))
            return HTTP_PRECONDITION_FAILED;
    } else {
        struct span since = field_of(r, "If-Unmodified-Since");
        int64_t date_s = since.at ? http_parse_date(since, now_s) : -1;
        if (date_s >= 0 && modified_s > date_s)
            return HTTP_PRECONDITION_FAILED;
    }
    if (none.at) {
        if (!any_tag_matches(none, etag, false))
            return HTTP_GO_ON;
        return safe ? HTTP_NOT_MODIFIED : HTTP_PRECONDITION_FAILED;
    }
    struct span since = safe ? field_of(r, "If-Modified-Since") : span_of(NULL, 0);
    int64_t date_s = since.at ? http_parse_date(since, now_s) : -1;
    return date_s >= 0 && modified_s <= date_s ? HTTP_NOT_MODIFIED : HTTP_GO_ON;
}

/* ---- ranges --------------------------------------------------------------------------------------- */

/* If-Range: the range counts only for what the client has already. */
static bool if_range_holds(const struct http_request *r, struct span etag, int64_t modified_s, int64_t now_s)
{
    struct span condition = field_of(r, "If-Range");
    if (!condition.at)
        return true;
    if (condition.len && (condition.at[0] == '"' || condition.at[0] == 'W'))
        return http_etag_strong_equal(condition, etag);
    return http_parse_date(condition, now_s) == modified_s;
}

enum http_range_state http_range(const struct http_request *r, uint64_t length, struct span etag,
                                 int64_t modified_s, int64_t now_s, uint64_t *first, uint64_t *last)
{
    struct span range = field_of(r, "Range");
    if (!range.at || !span_starts(range, "bytes=") || !if_range_holds(r, etag, modified_s, now_s))
        return HTTP_RANGE_NONE;
    range = span_from(range, 6);
    size_t dash = span_find(range, '-');
    struct span from = span_head(range, dash), to = span_from(range, dash + 1);
    uint64_t suffix;
    if (dash == range.len || span_find(range, ',') < range.len)
        return HTTP_RANGE_NONE;
    if (from.len == 0) {
        if (!parse_decimal(to, UINT64_MAX, &suffix))
            return HTTP_RANGE_NONE;
        if (suffix == 0 || length == 0)
            return HTTP_RANGE_UNSATISFIABLE;
        *first = suffix < length ? length - suffix : 0;
        *last = length - 1;
        return HTTP_RANGE_ONE;
    }
    if (!parse_decimal(from, UINT64_MAX, first))
        return HTTP_RANGE_NONE;
    *last = length ? length - 1 : 0;
    if (to.len && (!parse_decimal(to, UINT64_MAX, last) || *last < *first))
        return HTTP_RANGE_NONE;
    if (*first >= length)
        return HTTP_RANGE_UNSATISFIABLE;
    if (*last >= length)
        *last = length - 1;
    return HTTP_RANGE_ONE;
}

/* ---- qualities --------------------------------------------------------------------------------------- */

static struct span strip(struct span s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = span_from(s, 1);
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* "q=0.5" in thousandths; 1000 when there is none or it is broken. */
static unsigned read_quality(struct span parameters)
{
    struct span q = strip(parameters);
    unsigned v = 0, factor = 1000;
    if (q.len < 3 || ascii_lower(q.at[0]) != 'q' || q.at[1] != '=')
        return 1000;
    for (size_t i = 2; i < q.len && i < 7; i++) {
        if (q.at[i] == '.')
            continue;
        if (q.at[i] < '0' || q.at[i] > '9')
            return 1000;
        v += (unsigned)(q.at[i] - '0') * factor;
        factor /= 10;
    }
    return v < 1000 ? v : 1000;
}

unsigned http_coding_quality(const struct http_request *r, const char *coding)
{
    struct span list = field_of(r, "Accept-Encoding");
    unsigned any = 0;
    while (list.len) {
        struct span element = strip(span_head(list, span_find(list, ',')));
        struct span name = strip(span_head(element, span_find(element, ';')));
        unsigned quality = read_quality(span_from(element, span_find(element, ';') + 1));
        if (span_is_nocase(name, coding))
            return quality;
        if (span_is(name, "*"))
            any = quality;
        list = span_from(list, span_find(list, ',') + 1);
    }
    return any;
}

/* ---- media types ----------------------------------------------------------------------------------------
 */

static const struct {
    const char *ending, *type;
} types[] = {
    { "html", "text/html; charset=utf-8" },
    { "htm", "text/html; charset=utf-8" },
    { "css", "text/css; charset=utf-8" },
    { "js", "text/javascript; charset=utf-8" },
    { "mjs", "text/javascript; charset=utf-8" },
    { "json", "application/json" },
    { "txt", "text/plain; charset=utf-8" },
    { "md", "text/markdown; charset=utf-8" },
    { "csv", "text/csv; charset=utf-8" },
    { "xml", "application/xml" },
    { "svg", "image/svg+xml" },
    { "png", "image/png" },
    { "jpg", "image/jpeg" },
    { "jpeg", "image/jpeg" },
    { "gif", "image/gif" },
    { "webp", "image/webp" },
    { "avif", "image/avif" },
    { "ico", "image/x-icon" },
    { "woff", "font/woff" },
    { "woff2", "font/woff2" },
    { "ttf", "font/ttf" },
    { "pdf", "application/pdf" },
    { "zip", "application/zip" },
    { "gz", "application/gzip" },
    { "tar", "application/x-tar" },
    { "wasm", "application/wasm" },
    { "mp3", "audio/mpeg" },
    { "ogg", "audio/ogg" },
    { "wav", "audio/wav" },
    { "mp4", "video/mp4" },
    { "webm", "video/webm" },
    { "pcap", "application/vnd.tcpdump.pcap" },
    { "eml", "message/rfc822" },
};

const char *http_media_type(struct span path)
{
    size_t dot = path.len;
    while (dot > 0 && path.at[dot - 1] != '.' && path.at[dot - 1] != '/')
        dot--;
    struct span ending = dot > 0 && path.at[dot - 1] == '.' ? span_from(path, dot) : span_of(NULL, 0);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (span_is_nocase(ending, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

bool http_media_type_is_text(const char *type)
{
    struct span s = span_text(type);
    return span_starts(s, "text/") || span_is(s, "application/json") || span_is(s, "application/xml") ||
           span_is(s, "image/svg+xml") || span_is(s, "application/wasm");
}

void http_write_cookie_value(struct writer *w, struct span value)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.at[i];
        bool plain = c > ' ' && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\' && c != '%';
        if (plain) {
            write_u8(w, c);
        } else {
            write_u8(w, '%');
            write_u8(w, (uint8_t)digits[c >> 4]);
            write_u8(w, (uint8_t)digits[c & 15]);
        }
    }
}
