#include "imap.h"

#include "text.h"

#define QUOTED_MAX 1000 /* longer strings go out as literals, so that no line becomes long */

/* ---- lines and literals ----------------------------------------------------------------- */

/* "{12}" or "{12+}" at the end of a line (RFC 7888 4). */
static void find_literal(struct imap_line *line)
{
    struct span text = span_head(line->text, line->text.len - 2);
    const uint8_t *brace = text.len > 0 ? memrchr(text.at, '{', text.len) : NULL;
    if (!brace || text.at[text.len - 1] != '}')
        return;
    struct span number = span_from(text, (size_t)(brace - text.at) + 1);
    number.len--;
    line->synchronizing = number.len == 0 || number.at[number.len - 1] != '+';
    if (!line->synchronizing)
        number.len--;
    line->literal = number.len > 0;
    for (size_t i = 0; i < number.len; i++)
        line->literal = line->literal && number.at[i] >= '0' && number.at[i] <= '9';
    if (line->literal && !parse_decimal(number, UINT64_MAX, &line->literal_bytes))
        line->literal_bytes = UINT64_MAX;
}

enum imap_token imap_split(struct span in, struct imap_line *out, size_t *taken)
{
    static const bool stops[256] = { ['\0'] = true, ['\r'] = true, ['\n'] = true };
    struct reader r = reader_over(span_head(in, IMAP_LINE_MAX));
    struct span text = read_until(&r, stops);
    *out = (struct imap_line){ .text = text };
    *taken = 0;
    if (reader_left(&r) == 0 || (reader_peek(&r) == '\r' && reader_left(&r) == 1)) {
        *taken = in.len < IMAP_LINE_MAX ? 0 : text.len;
        return in.len < IMAP_LINE_MAX ? IMAP_MORE : IMAP_LONG;
    }
    uint8_t end = read_u8(&r);
    if (end != '\r' || reader_peek(&r) != '\n') {
        *taken = reader_offset(&r);
        return IMAP_BARE;
    }
    read_skip(&r, 1);
    *taken = reader_offset(&r);
    out->text = span_head(in, *taken);
    find_literal(out);
    return IMAP_LINE;
}

/* ---- words ------------------------------------------------------------------------------- */

enum class {
    CLASS_ATOM = 1,    /* ATOM-CHAR */
    CLASS_TAG = 2,     /* what a tag may have */
    CLASS_WORD = 4,    /* what keywords of the protocol have */
    CLASS_ASTRING = 8, /* ASTRING-CHAR */
    CLASS_PATTERN = 16,
};

static unsigned class_of(uint8_t c)
{
    unsigned class = CLASS_ATOM | CLASS_TAG | CLASS_ASTRING | CLASS_PATTERN;
    bool letter = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
    if (c <= ' ' || c >= 127 || strchr("(){\"\\", c))
        return 0;
    if (c == '%' || c == '*')
        return CLASS_PATTERN;
    if (c == ']')
        return CLASS_TAG | CLASS_ASTRING | CLASS_PATTERN;
    if (c == '+')
        class &= ~(unsigned)CLASS_TAG;
    if (letter || (c >= '0' && c <= '9') || c == '.' || c == '-')
        class |= CLASS_WORD;
    return class;
}

static struct span read_class(struct reader *r, enum class class)
{
    struct reader ahead = *r;
    size_t n = 0;
    while (reader_left(&ahead) > 0 && (class_of(read_u8(&ahead)) & class))
        n++;
    if (n == 0)
        reader_fail(r);
    return read_span(r, n);
}

void imap_read_space(struct reader *r)
{
    if (read_u8(r) != ' ')
        reader_fail(r);
}

bool imap_take(struct reader *r, char c)
{
    if (reader_peek(r) != (uint8_t)c)
        return false;
    read_skip(r, 1);
    return true;
}

struct span imap_read_atom(struct reader *r)
{
    return read_class(r, CLASS_ATOM);
}

struct span imap_read_tag(struct reader *r)
{
    return read_class(r, CLASS_TAG);
}

struct span imap_read_word(struct reader *r)
{
    return read_class(r, CLASS_WORD);
}

uint32_t imap_read_number(struct reader *r)
{
    struct reader ahead = *r;
    size_t digits = 0;
    uint64_t v = 0;
    while (reader_peek(&ahead) >= '0' && reader_peek(&ahead) <= '9') {
        read_skip(&ahead, 1);
        digits++;
    }
    if (!parse_decimal(read_span(r, digits), UINT32_MAX, &v))
        reader_fail(r);
    return (uint32_t)v;
}

uint32_t imap_read_number_nz(struct reader *r)
{
    uint32_t v = imap_read_number(r);
    if (v == 0)
        reader_fail(r);
    return v;
}

/* Up to the closing quote; the backslashes are left out. */
static struct span read_quoted(struct reader *r, struct arena *a)
{
    struct reader ahead = *r;
    size_t n = 0;
    while (reader_left(&ahead) > 0 && reader_peek(&ahead) != '"') {
        if (imap_take(&ahead, '\\'))
            n++;
        read_skip(&ahead, 1);
        n++;
    }
    struct reader window = read_window(r, n);
    if (read_u8(r) != '"')
        reader_fail(r);
    uint8_t *room = arena_alloc_bytes(a, n ? n : 1);
    if (!room || !reader_ok(r)) {
        reader_fail(r);
        return span_of(NULL, 0);
    }
    struct writer w = writer_over(room, n);
    while (reader_left(&window) > 0) {
        bool escaped = imap_take(&window, '\\');
        uint8_t c = read_u8(&window);
        if (c == '\r' || c == '\n' || c == '\0' || (escaped && c != '"' && c != '\\'))
            reader_fail(r);
        write_u8(&w, c);
    }
    return writer_span(&w);
}

static struct span read_literal(struct reader *r)
{
    uint32_t n = imap_read_number(r);
    imap_take(r, '+');
    if (!imap_take(r, '}') || !imap_take(r, '\r') || !imap_take(r, '\n'))
        reader_fail(r);
    struct span s = read_span(r, n);
    if (span_find(s, '\0') < s.len) /* CHAR8 has no NUL */
        reader_fail(r);
    return s;
}

struct span imap_read_string(struct reader *r, struct arena *a)
{
    if (imap_take(r, '"'))
        return read_quoted(r, a);
    if (imap_take(r, '{'))
        return read_literal(r);
    reader_fail(r);
    return span_of(NULL, 0);
}

static bool string_comes(const struct reader *r)
{
    int c = reader_peek(r);
    return c == '"' || c == '{';
}

struct span imap_read_astring(struct reader *r, struct arena *a)
{
    return string_comes(r) ? imap_read_string(r, a) : read_class(r, CLASS_ASTRING);
}

struct span imap_read_nstring(struct reader *r, struct arena *a, bool *nil)
{
    *nil = false;
    if (string_comes(r))
        return imap_read_string(r, a);
    if (!span_is_nocase(read_class(r, CLASS_ATOM), "NIL"))
        reader_fail(r);
    *nil = true;
    return span_of(NULL, 0);
}

struct span imap_read_pattern(struct reader *r, struct arena *a)
{
    return string_comes(r) ? imap_read_string(r, a) : read_class(r, CLASS_PATTERN);
}

struct span imap_read_mailbox(struct reader *r, struct arena *a)
{
    struct span name = imap_read_astring(r, a);
    if (span_is_nocase(name, "INBOX"))
        return span_text("INBOX");
    if (!reader_ok(r) || !imap_name_is_good(name))
        reader_fail(r);
    return name;
}

/* ---- sets of numbers ---------------------------------------------------------------------- */

static uint32_t read_set_number(struct reader *r)
{
    return imap_take(r, '*') ? IMAP_STAR : imap_read_number_nz(r);
}

struct imap_set imap_read_set(struct reader *r, struct arena *a)
{
    struct imap_set set = { 0 };
    struct reader ahead = *r;
    size_t commas = 0;
    while (reader_left(&ahead) > 0 && reader_peek(&ahead) != ' ' && reader_peek(&ahead) != '\r')
        commas += read_u8(&ahead) == ',';
    set.ranges = arena_array(a, commas + 1, sizeof *set.ranges);
    if (!set.ranges)
        reader_fail(r);
    do { /* each turn takes a number; there is one more than commas */
        struct imap_range range;
        range.first = range.last = read_set_number(r);
        if (imap_take(r, ':'))
            range.last = read_set_number(r);
        if (!reader_ok(r))
            return (struct imap_set){ 0 };
        set.ranges[set.count++] = range;
    } while (set.count <= commas && imap_take(r, ','));
    return set;
}

bool imap_set_has(const struct imap_set *s, uint32_t n, uint32_t largest)
{
    for (size_t i = 0; i < s->count; i++) {
        uint32_t a = s->ranges[i].first == IMAP_STAR ? largest : s->ranges[i].first;
        uint32_t b = s->ranges[i].last == IMAP_STAR ? largest : s->ranges[i].last;
        if (a <= b ? n >= a && n <= b : n >= b && n <= a)
            return true;
    }
    return false;
}

static void write_range(struct writer *w, const struct imap_run *run)
{
    write_decimal(w, run->first);
    if (run->last == run->first)
        return;
    write_u8(w, ':');
    write_decimal(w, run->last);
}

void imap_write_run(struct writer *w, struct imap_run *run, uint32_t n)
{
    if (run->any && n == run->last + 1) {
        run->last = n;
        return;
    }
    if (run->any) {
        write_range(w, run);
        write_u8(w, ',');
    }
    *run = (struct imap_run){ n, n, true };
}

void imap_write_run_end(struct writer *w, struct imap_run *run)
{
    if (run->any)
        write_range(w, run);
}

/* ---- flags -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum imap_flag flag;
} flags[] = {
    { "\\Answered", IMAP_ANSWERED }, { "\\Flagged", IMAP_FLAGGED }, { "\\Deleted", IMAP_DELETED },
    { "\\Seen", IMAP_SEEN },         { "\\Draft", IMAP_DRAFT },     { "$Forwarded", IMAP_FORWARDED },
    { "\\Recent", IMAP_RECENT },
};
#define FLAG_COUNT (sizeof flags / sizeof flags[0])

static unsigned flag_of(struct span name)
{
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if (span_is_nocase(name, flags[i].name))
            return flags[i].flag;
    return 0;
}

unsigned imap_keyword(struct span word)
{
    return flag_of(word); /* an atom has no backslash, so only keywords are met */
}

static unsigned read_flag(struct reader *r)
{
    char room[32];
    struct writer w = writer_over(room, sizeof room);
    bool system = imap_take(r, '\\');
    if (system)
        write_u8(&w, '\\');
    write_span(&w, imap_read_atom(r));
    unsigned flag = writer_ok(&w) ? flag_of(writer_span(&w)) : 0;
    if (system && (flag == 0 || flag == IMAP_RECENT))
        reader_fail(r);
    return flag;
}

unsigned imap_read_flags(struct reader *r, bool bare)
{
    bool list = imap_take(r, '(');
    unsigned got = 0;
    if (!list && !bare)
        reader_fail(r);
    if (list && imap_take(r, ')'))
        return 0;
    do /* each turn takes a flag, or fails */
        got |= read_flag(r);
    while (reader_ok(r) && imap_take(r, ' '));
    if (list && !imap_take(r, ')'))
        reader_fail(r);
    return got;
}

void imap_write_flags(struct writer *w, unsigned set)
{
    bool first = true;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (!(set & flags[i].flag))
            continue;
        if (!first)
            write_u8(w, ' ');
        write_text(w, flags[i].name);
        first = false;
    }
}

/* ---- dates -------------------------------------------------------------------------------- */

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* 1 .. 12, or a failed reader. */
static int read_month(struct reader *r)
{
    struct span name = read_span(r, 3);
    for (int i = 0; i < 12; i++)
        if (span_equal_nocase(name, span_of(&months[3 * i], 3)))
            return i + 1;
    reader_fail(r);
    return 1;
}

static int read_digits(struct reader *r, size_t count)
{
    uint64_t v = 0;
    if (!parse_decimal(read_span(r, count), 9999, &v))
        reader_fail(r);
    return (int)v;
}

static void expect(struct reader *r, char c)
{
    if (read_u8(r) != (uint8_t)c)
        reader_fail(r);
}

int64_t imap_read_date_time(struct reader *r)
{
    expect(r, '"');
    int day = imap_take(r, ' ') ? read_digits(r, 1) : read_digits(r, 2);
    expect(r, '-');
    int month = read_month(r);
    expect(r, '-');
    int year = read_digits(r, 4);
    expect(r, ' ');
    int hour = read_digits(r, 2);
    expect(r, ':');
    int minute = read_digits(r, 2);
    expect(r, ':');
    int second = read_digits(r, 2);
    expect(r, ' ');
    uint8_t sign = read_u8(r);
    int zone_hours = read_digits(r, 2), zone_minutes = read_digits(r, 2);
    int64_t zone_s = zone_hours * 3600 + zone_minutes * 60;
    expect(r, '"');
    int64_t unix_s = civil_to_unix_s(year, month, day, hour, minute, second == 60 ? 59 : second);
    if (unix_s == -1 || (sign != '+' && sign != '-') || zone_minutes > 59)
        reader_fail(r);
    return reader_ok(r) ? (sign == '+' ? unix_s - zone_s : unix_s + zone_s) : 0;
}

void imap_write_date_time(struct writer *w, int64_t unix_s)
{
    struct civil c = civil_of(unix_s * 1000);
    write_format(w, "\"%2d-%.3s-%04d %02d:%02d:%02d +0000\"", c.day, &months[3 * (c.month - 1)], c.year,
                 c.hour, c.minute, c.second);
}

int64_t imap_read_date(struct reader *r)
{
    bool quoted = imap_take(r, '"');
    int day = (int)imap_read_number(r);
    expect(r, '-');
    int month = read_month(r);
    expect(r, '-');
    int year = read_digits(r, 4);
    if (quoted)
        expect(r, '"');
    int64_t unix_s = day <= 31 ? civil_to_unix_s(year, month, day, 0, 0, 0) : -1;
    if (unix_s == -1) /* no midnight is that */
        reader_fail(r);
    return reader_ok(r) ? unix_s / (24 * 3600) : 0;
}

/* ---- strings out -------------------------------------------------------------------------- */

static bool can_be_quoted(struct span s)
{
    for (size_t i = 0; i < s.len && s.len <= QUOTED_MAX; i++)
        if (s.at[i] < ' ' || s.at[i] >= 127)
            return false;
    return s.len <= QUOTED_MAX;
}

void imap_write_string(struct writer *w, struct span s)
{
    if (!can_be_quoted(s)) {
        write_format(w, "{%zu}\r\n", s.len);
        write_span(w, s);
        return;
    }
    write_u8(w, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '"' || s.at[i] == '\\')
            write_u8(w, '\\');
        write_u8(w, s.at[i]);
    }
    write_u8(w, '"');
}

void imap_write_nstring(struct writer *w, struct span s)
{
    if (s.at)
        imap_write_string(w, s);
    else
        write_text(w, "NIL");
}

void imap_write_astring(struct writer *w, struct span s)
{
    bool atom = s.len > 0;
    for (size_t i = 0; i < s.len; i++)
        atom = atom && (class_of(s.at[i]) & CLASS_ATOM);
    if (atom && !span_is_nocase(s, "NIL"))
        write_span(w, s);
    else
        imap_write_string(w, s);
}
