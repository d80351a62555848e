#include "generate.h"

#include "text.h"

#define NUMBER_MAX INT32_MAX
#define DIGITS_MAX 32

/* ---- the range -------------------------------------------------------------------------------- */

bool generate_read_range(struct span text, struct generate_range *out, const char **expected)
{
    uint64_t first, last, step = 1;
    size_t dash = span_find(text, '-'), slash = span_find(text, '/');
    struct span end = span_from(span_head(text, slash), dash + 1);
    *expected = "a range like 1-127 or 0-254/2";
    if (!parse_decimal(span_head(text, dash), NUMBER_MAX, &first) || !parse_decimal(end, NUMBER_MAX, &last) ||
        (slash < text.len && !parse_decimal(span_from(text, slash + 1), NUMBER_MAX, &step)) || first > last ||
        step == 0)
        return false;
    *expected = "at most 65536 records of one line";
    *out = (struct generate_range){ (uint32_t)first, (uint32_t)last, (uint32_t)step };
    return (last - first) / step < GENERATE_COUNT_MAX;
}

/* ---- numbers ----------------------------------------------------------------------------------- */

struct form {
    int64_t offset;
    uint64_t width;
    uint8_t base; /* one of doxXnN */
};

static bool read_offset(struct span text, int64_t *out)
{
    uint64_t v;
    bool negative = text.len > 0 && text.at[0] == '-';
    bool sign = negative || (text.len > 0 && text.at[0] == '+');
    if (!parse_decimal(span_from(text, sign), NUMBER_MAX, &v))
        return false;
    *out = negative ? -(int64_t)v : (int64_t)v;
    return true;
}

/* "OFFSET", "OFFSET,WIDTH" or "OFFSET,WIDTH,BASE". */
static bool read_form(struct span text, struct form *out)
{
    struct span offset = span_head(text, span_find(text, ',')), rest = span_from(text, offset.len + 1);
    struct span width = span_head(rest, span_find(rest, ',')), base = span_from(rest, width.len + 1);
    *out = (struct form){ .base = 'd' };
    if (!read_offset(offset, &out->offset))
        return false;
    if (offset.len < text.len && !parse_decimal(width, GENERATE_WIDTH_MAX, &out->width))
        return false;
    if (width.len == rest.len)
        return true;
    out->base = base.len == 1 ? base.at[0] : 0;
    return base.len == 1 && memchr("doxXnN", base.at[0], 6) != NULL;
}

static void write_digits(struct writer *w, uint64_t v, const struct form *f)
{
    const char *digits = f->base == 'X' || f->base == 'N' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = f->base == 'd' ? 10 : f->base == 'o' ? 8 : 16;
    uint8_t room[DIGITS_MAX];
    size_t n = 0;
    do /* each turn takes a digit */
        room[n++] = (uint8_t)digits[v % base];
    while ((v /= base) > 0);
    for (uint64_t i = n; i < f->width; i++)
        write_u8(w, '0');
    while (n > 0) /* each turn writes one */
        write_u8(w, room[--n]);
}

/* The last digit first, a dot behind each that another one follows; the width counts the dots, too, so that
 * an even one ends with a dot. */
static void write_nibbles(struct writer *w, uint64_t v, const struct form *f)
{
    const char *digits = f->base == 'N' ? "0123456789ABCDEF" : "0123456789abcdef";
    uint64_t left = f->width;
    do { /* each turn takes a digit, or fills the width */
        write_u8(w, (uint8_t)digits[v & 0xf]);
        v >>= 4;
        left -= left > 0;
        if (v > 0 || left > 0)
            write_u8(w, '.');
        left -= left > 0;
    } while (v > 0 || left > 0);
}

/* Below 0, decimal has a sign, which the width counts, and the others are of 32 bits in two's complement. */
static void write_value(struct writer *w, int64_t v, struct form *f)
{
    if (f->base == 'd' && v < 0) {
        write_u8(w, '-');
        f->width -= f->width > 0;
        v = -v;
    }
    if (f->base == 'n' || f->base == 'N')
        write_nibbles(w, (uint32_t)v, f);
    else
        write_digits(w, (uint32_t)v, f);
}

/* "{...}" or nothing comes behind a dollar. */
static bool write_number(struct writer *w, struct reader *r, uint32_t i)
{
    static const bool closing[256] = { ['}'] = true };
    struct form f = { .base = 'd' };
    if (reader_peek(r) == '{') {
        read_skip(r, 1);
        struct span inside = read_until(r, closing);
        if (read_u8(r) != '}' || !read_form(inside, &f))
            return false;
    }
    int64_t v = (int64_t)i + f.offset;
    if (v > NUMBER_MAX)
        return false;
    write_value(w, v, &f);
    return true;
}

bool generate_write(struct writer *w, struct span template, uint32_t i, const char **expected)
{
    static const bool special[256] = { ['$'] = true, ['\\'] = true };
    struct reader r = reader_over(template);
    *expected = "${OFFSET,WIDTH,BASE} with a base of d, o, x, X, n or N, and no number above 2147483647";
    while (reader_left(&r) > 0) { /* each turn takes an octet at least */
        write_span(w, read_until(&r, special));
        int c = reader_peek(&r);
        read_skip(&r, c >= 0);
        if (c == '\\' && reader_peek(&r) == '$') {
            write_u8(w, read_u8(&r));
        } else if (c == '\\') { /* the escape is the name's own */
            write_u8(w, '\\');
            if (reader_left(&r) > 0)
                write_u8(w, read_u8(&r));
        } else if (c == '$' && reader_peek(&r) == '$') {
            write_u8(w, read_u8(&r));
        } else if (c == '$' && !write_number(w, &r, i)) {
            return false;
        }
    }
    if (!writer_ok(w))
        *expected = "something shorter";
    return writer_ok(w);
}
