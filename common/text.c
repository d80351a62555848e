#include "text.h"

#include <stdio.h>

void write_format(struct writer *w, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof line)
        w->failed = true;
    else
        write_bytes(w, line, (size_t)n);
}

static bool plain_in_logfmt(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] >= 0x7f || s.at[i] == '"' || s.at[i] == '=' || s.at[i] == '\\')
            return false;
    return s.len > 0;
}

static void write_hex_escape(struct writer *w, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t escape[4] = { '\\', 'x', (uint8_t)digits[c >> 4], (uint8_t)digits[c & 15] };
    write_bytes(w, escape, sizeof escape);
}

static void write_quoted_byte(struct writer *w, uint8_t c)
{
    switch (c) {
    case '"':
        write_text(w, "\\\"");
        break;
    case '\\':
        write_text(w, "\\\\");
        break;
    case '\n':
        write_text(w, "\\n");
        break;
    case '\r':
        write_text(w, "\\r");
        break;
    case '\t':
        write_text(w, "\\t");
        break;
    default:
        if (c < ' ' || c >= 0x7f)
            write_hex_escape(w, c);
        else
            write_u8(w, c);
    }
}

void write_logfmt_value(struct writer *w, struct span s)
{
    if (plain_in_logfmt(s)) {
        write_span(w, s);
        return;
    }
    write_u8(w, '"');
    for (size_t i = 0; i < s.len; i++)
        write_quoted_byte(w, s.at[i]);
    write_u8(w, '"');
}

/* How long the well-formed UTF-8 sequence at the front is (RFC 3629 4); 0: there is none. */
static size_t utf8_sequence(struct span s)
{
    uint8_t c = s.at[0];
    size_t n = c < 0x80                 ? 1
               : c >= 0xc2 && c <= 0xdf ? 2
               : (c & 0xf0) == 0xe0     ? 3
               : c >= 0xf0 && c <= 0xf4 ? 4
                                        : 0;
    if (n == 0 || n > s.len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s.at[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (c == 0xe0 && s.at[1] < 0xa0) || (c == 0xf0 && s.at[1] < 0x90);
    bool outside = (c == 0xed && s.at[1] > 0x9f) || (c == 0xf4 && s.at[1] > 0x8f);
    return overlong || outside ? 0 : n;
}

static void write_json_character(struct writer *w, struct span sequence)
{
    uint8_t c = sequence.at[0];
    if (c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t')
        write_quoted_byte(w, c);
    else if (c < ' ' || c == 0x7f)
        write_format(w, "\\u%04x", c);
    else
        write_span(w, sequence);
}

void write_json_string(struct writer *w, struct span s)
{
    write_u8(w, '"');
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_sequence(span_from(s, i));
        if (n)
            write_json_character(w, span_head(span_from(s, i), n));
        else
            write_text(w, "\xef\xbf\xbd");
        i += n ? n : 1;
    }
    write_u8(w, '"');
}

void write_html(struct writer *w, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        switch (s.at[i]) {
        case '&':
            write_text(w, "&amp;");
            break;
        case '<':
            write_text(w, "&lt;");
            break;
        case '>':
            write_text(w, "&gt;");
            break;
        case '"':
            write_text(w, "&quot;");
            break;
        case '\'':
            write_text(w, "&#39;");
            break;
        default:
            write_u8(w, s.at[i]);
        }
    }
}

/* ---- time ---------------------------------------------------------------------------- */

#define DAY_S 86400

/* Days from 1970-01-01; the year begins in March so that the leap day is its last. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct civil civil_of(int64_t unix_ms)
{
    int64_t days = unix_ms / (DAY_S * 1000LL);
    int64_t ms = unix_ms % (DAY_S * 1000LL);
    if (ms < 0) {
        ms += DAY_S * 1000LL;
        days--;
    }
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int month = (int)(mp < 10 ? mp + 3 : mp - 9);
    int64_t weekday = (days + 4) % 7;
    return (struct civil){
        .year = (int)(yoe + era * 400 + (month <= 2)),
        .month = month,
        .day = (int)(doy - (153 * mp + 2) / 5 + 1),
        .hour = (int)(ms / 3600000),
        .minute = (int)(ms / 60000 % 60),
        .second = (int)(ms / 1000 % 60),
        .millisecond = (int)(ms % 1000),
        .weekday = (int)(weekday < 0 ? weekday + 7 : weekday),
    };
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

int64_t civil_to_unix_s(int year, int month, int day, int hour, int minute, int second)
{
    if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return -1;
    /* 60: a leap second is read as the second after it */
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return -1;
    return days_from_civil(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second;
}

static const char weekdays[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

void write_rfc3339(struct writer *w, int64_t unix_ms)
{
    struct civil c = civil_of(unix_ms);
    write_format(w, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month, c.day, c.hour, c.minute, c.second,
                 c.millisecond);
}

void write_http_date(struct writer *w, int64_t unix_ms)
{
    struct civil c = civil_of(unix_ms);
    write_format(w, "%s, %02d %s %04d %02d:%02d:%02d GMT", weekdays[c.weekday], c.day, months[c.month - 1],
                 c.year, c.hour, c.minute, c.second);
}

void write_mail_date(struct writer *w, int64_t unix_ms)
{
    struct civil c = civil_of(unix_ms);
    write_format(w, "%s, %d %s %04d %02d:%02d:%02d +0000", weekdays[c.weekday], c.day, months[c.month - 1],
                 c.year, c.hour, c.minute, c.second);
}

/* ---- numbers and words ----------------------------------------------------------------- */

bool parse_decimal(struct span s, uint64_t most, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t digit = (uint8_t)(s.at[i] - '0');
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return s.len > 0 && v <= most;
}

#define EDIT_WORD_MAX 64 /* longer words are cut: no key is that long */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][EDIT_WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    size_t la = strnlen(a, EDIT_WORD_MAX), lb = strnlen(b, EDIT_WORD_MAX);
    for (size_t j = 0; j <= lb; j++)
        above[j] = j;
    for (size_t i = 1; i <= la; i++) {
        row[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *reuse = before;
        before = above;
        above = row;
        row = reuse;
    }
    return above[lb];
}

static bool hex_digit(uint8_t c, uint8_t *out)
{
    c = ascii_lower(c);
    if (c >= '0' && c <= '9')
        *out = (uint8_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
        *out = (uint8_t)(c - 'a' + 10);
    else
        return false;
    return true;
}

bool write_unhex(struct writer *w, struct span text)
{
    struct reader r = reader_over(text);
    uint8_t high, low;
    while (reader_left(&r)) { /* each turn takes at least two characters */
        if (!hex_digit(read_u8(&r), &high) || !hex_digit(read_u8(&r), &low))
            return false;
        write_u8(w, (uint8_t)(high << 4 | low));
        struct reader ahead = r;
        if (read_u8(&ahead) == ':')
            r = ahead;
    }
    return reader_ok(&r) && writer_ok(w);
}
