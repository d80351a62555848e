#include "http_fields.h"

#include "../text.h"

static struct span strip(struct span s)
{
    while (s.len && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = span_from(s, 1);
    while (s.len && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

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

enum tag_state { TAG_NOT_ASKED, TAG_DIFFERS, TAG_MATCHES };

/* All fields of this name together (RFC 9110 5.3): does one of their tags match? */
static enum tag_state match_tags(const struct http_request *r, const char *name, struct span etag,
                                 bool strong)
{
    enum tag_state state = TAG_NOT_ASKED;
    for (size_t i = 0; i < r->field_count; i++) {
        struct span list = r->fields[i].value, tag;
        if (!span_is_nocase(r->fields[i].name, name))
            continue;
        state = TAG_DIFFERS;
        if (span_is(list, "*"))
            return TAG_MATCHES;
        while (next_tag(&list, &tag))
            if (strong ? http_etag_strong_equal(tag, etag) : http_etag_weak_equal(tag, etag))
                return TAG_MATCHES;
    }
    return state;
}

static struct span field_of(const struct http_request *r, const char *name)
{
    return http_field(r->fields, r->field_count, name);
}

/* The date in this field; -1 when it is not there or no date, and then it does not count. */
static int64_t date_in(const struct http_request *r, const char *name, int64_t now_s)
{
    struct span value = field_of(r, name);
    return value.at ? http_parse_date(value, now_s) : -1;
}

enum http_condition http_evaluate(const struct http_request *r, bool safe, struct span etag,
                                  int64_t modified_s, int64_t now_s)
{
    /* steps 1 and 2: If-Unmodified-Since counts only without If-Match */
    enum tag_state match = match_tags(r, "If-Match", etag, true);
    int64_t unmodified_s = match == TAG_NOT_ASKED ? date_in(r, "If-Unmodified-Since", now_s) : -1;
    if (match == TAG_DIFFERS || (unmodified_s >= 0 && modified_s > unmodified_s))
        return HTTP_PRECONDITION_FAILED;
    /* steps 3 and 4: If-Modified-Since counts only without If-None-Match, and for GET and HEAD */
    enum tag_state none = match_tags(r, "If-None-Match", etag, false);
    if (none == TAG_MATCHES)
        return safe ? HTTP_NOT_MODIFIED : HTTP_PRECONDITION_FAILED;
    int64_t since_s = none == TAG_NOT_ASKED && safe ? date_in(r, "If-Modified-Since", now_s) : -1;
    return since_s >= 0 && modified_s <= since_s ? HTTP_NOT_MODIFIED : HTTP_GO_ON;
}

/* ---- ranges --------------------------------------------------------------------------------------- */

/* If-Range: the range counts only for what the client has already. A date is a strong validator only when the
 * file can no longer change within that second (RFC 9110 8.8.2.2). */
static bool if_range_holds(const struct http_request *r, struct span etag, int64_t modified_s, int64_t now_s)
{
    struct span condition = field_of(r, "If-Range");
    if (!condition.at)
        return true;
    if (condition.len && (condition.at[0] == '"' || span_starts(condition, "W/")))
        return http_etag_strong_equal(condition, etag);
    return modified_s < now_s && http_parse_date(condition, now_s) == modified_s;
}

/* A byte position; one that is too large to count is as good as the largest. */
static bool read_position(struct span s, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t digit = (uint8_t)(s.at[i] - '0');
        if (digit > 9)
            return false;
        v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
    }
    *out = v;
    return s.len > 0;
}

enum http_range_state http_range(const struct http_request *r, uint64_t length, struct span etag,
                                 int64_t modified_s, int64_t now_s, uint64_t *first, uint64_t *last)
{
    struct span range = field_of(r, "Range");
    if (!span_is_nocase(span_head(range, 6), "bytes=") || !if_range_holds(r, etag, modified_s, now_s))
        return HTTP_RANGE_NONE;
    range = strip(span_from(range, 6));
    size_t dash = span_find(range, '-');
    struct span from = span_head(range, dash), to = span_from(range, dash + 1);
    uint64_t suffix;
    if (dash == range.len || span_find(range, ',') < range.len)
        return HTTP_RANGE_NONE;
    if (from.len == 0) {
        if (!read_position(to, &suffix))
            return HTTP_RANGE_NONE;
        if (suffix == 0 || length == 0)
            return HTTP_RANGE_UNSATISFIABLE;
        *first = suffix < length ? length - suffix : 0;
        *last = length - 1;
        return HTTP_RANGE_ONE;
    }
    *last = UINT64_MAX;
    if (!read_position(from, first) || (to.len && !read_position(to, last)) || *last < *first)
        return HTTP_RANGE_NONE;
    if (*first >= length)
        return HTTP_RANGE_UNSATISFIABLE;
    if (*last >= length)
        *last = length - 1;
    return HTTP_RANGE_ONE;
}

/* ---- qualities --------------------------------------------------------------------------------------- */

/* RFC 9110 12.4.2: "q=" and 0 to 1 with at most three digits, in thousandths; 1000 without one. What is none
 * counts as 0: then nothing is done to the content. */
static unsigned read_quality(struct span parameter)
{
    struct span q = strip(parameter);
    unsigned v = 0, unit = 100;
    if (q.len == 0)
        return 1000;
    if (q.len < 3 || q.len > 7 || !span_is_nocase(span_head(q, 2), "q=") || (q.len > 3 && q.at[3] != '.'))
        return 0;
    if (q.at[2] != '0' && q.at[2] != '1')
        return 0;
    for (size_t i = 4; i < q.len; i++, unit /= 10) {
        if (q.at[i] < '0' || q.at[i] > '9')
            return 0;
        v += (unsigned)(q.at[i] - '0') * unit;
    }
    return q.at[2] == '1' ? 1000 : v;
}

#define QUALITY_NONE UINT32_MAX /* the list does not speak of it */

/* What Accept-Encoding, all its fields together, says of one coding, `other` being another name of it. */
static unsigned quality_of(const struct http_request *r, const char *coding, const char *other)
{
    unsigned found = QUALITY_NONE;
    for (size_t i = 0; i < r->field_count; i++) {
        struct span list = r->fields[i].value;
        if (!span_is_nocase(r->fields[i].name, "Accept-Encoding"))
            continue;
        while (list.len) {
            struct span element = span_head(list, span_find(list, ','));
            size_t semicolon = span_find(element, ';');
            struct span name = strip(span_head(element, semicolon));
            if (span_is_nocase(name, coding) || span_is_nocase(name, other))
                found = read_quality(span_from(element, semicolon + 1));
            list = span_from(list, element.len + 1);
        }
    }
    return found;
}

bool http_takes_gzip(const struct http_request *r)
{
    unsigned gzip = quality_of(r, "gzip", "x-gzip");
    if (gzip == QUALITY_NONE)
        gzip = quality_of(r, "*", "*");
    unsigned identity = quality_of(r, "identity", "identity");
    return gzip != QUALITY_NONE && gzip > 0 && (identity == QUALITY_NONE || gzip >= identity);
}

/* ---- media types ------------------------------------------------------------------------------------- */

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
