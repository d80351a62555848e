#include "imap.h"

/* Modified UTF-7 (RFC 3501 5.1.3): printable ASCII stands for itself, "&-" for "&", and all else is UTF-16 in
 * base64 with "," for "/" between "&" and "-". */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static void write_utf8(struct writer *w, uint32_t c)
{
    if (c < 0x80) {
        write_u8(w, (uint8_t)c);
    } else if (c < 0x800) {
        write_u8(w, (uint8_t)(0xc0 | c >> 6));
        write_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        write_u8(w, (uint8_t)(0xe0 | c >> 12));
        write_u8(w, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        write_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        write_u8(w, (uint8_t)(0xf0 | c >> 18));
        write_u8(w, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        write_u8(w, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        write_u8(w, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

/* The next character; fails for what is no UTF-8, in the shortest form and without surrogates. */
static uint32_t read_utf8(struct reader *r)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    uint32_t c = read_u8(r);
    size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : 3;
    if (c < 0x80)
        return c;
    if (c < 0xc2 || c > 0xf4)
        reader_fail(r);
    c &= 0x3fu >> more;
    for (size_t i = 0; i < more; i++) {
        uint8_t byte = read_u8(r);
        if ((byte & 0xc0) != 0x80)
            reader_fail(r);
        c = c << 6 | (byte & 0x3f);
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        reader_fail(r);
    return c;
}

/* ---- to UTF-8 ----------------------------------------------------------------------------- */

struct decoding {
    struct writer *w;
    uint32_t bits;
    unsigned bit_count;
    uint32_t high; /* the first half of a surrogate pair, or 0 */
};

/* One unit of UTF-16; false for what has no place there. */
static bool take_unit(struct decoding *d, uint32_t unit)
{
    bool low = unit >= 0xdc00 && unit < 0xe000;
    if (low != (d->high != 0))
        return false;
    if (unit >= 0xd800 && unit < 0xdc00) {
        d->high = unit;
        return true;
    }
    uint32_t c = low ? 0x10000 + ((d->high - 0xd800) << 10) + (unit - 0xdc00) : unit;
    d->high = 0;
    write_utf8(d->w, c);
    return low || c < ' ' || c >= 127; /* what can stand for itself must */
}

static bool decode_shifted(struct writer *w, struct span text)
{
    struct decoding d = { .w = w };
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = text.at[i] ? strchr(digits, text.at[i]) : NULL;
        if (!digit)
            return false;
        d.bits = d.bits << 6 | (uint32_t)(digit - digits);
        d.bit_count += 6;
        if (d.bit_count < 16)
            continue;
        d.bit_count -= 16;
        if (!take_unit(&d, d.bits >> d.bit_count & 0xffff))
            return false;
        d.bits &= (1u << d.bit_count) - 1;
    }
    return text.len > 0 && d.high == 0 && d.bits == 0 && d.bit_count < 6;
}

bool imap_name_to_utf8(struct writer *w, struct span name)
{
    static const bool dash[256] = { ['-'] = true };
    struct reader r = reader_over(name);
    bool shifted_before = false; /* "&...-&...-" is one text in two pieces: not the one form */
    while (reader_left(&r) > 0) {
        uint8_t c = read_u8(&r);
        if (c < ' ' || c >= 127)
            return false;
        if (c != '&') {
            write_u8(w, c);
            shifted_before = false;
            continue;
        }
        struct span shifted = read_until(&r, dash);
        read_skip(&r, 1);
        if (!reader_ok(&r) || (shifted.len > 0 && shifted_before))
            return false;
        if (shifted.len == 0)
            write_u8(w, '&');
        else if (!decode_shifted(w, shifted))
            return false;
        shifted_before = shifted.len > 0;
    }
    return writer_ok(w);
}

/* ---- from UTF-8 --------------------------------------------------------------------------- */

struct encoding {
    struct writer *w;
    uint32_t bits;
    unsigned bit_count;
    bool shifted;
};

static void put_bits(struct encoding *e, uint32_t unit)
{
    e->bits = e->bits << 16 | unit;
    e->bit_count += 16;
    while (e->bit_count >= 6) {
        e->bit_count -= 6;
        write_u8(e->w, (uint8_t)digits[e->bits >> e->bit_count & 0x3f]);
    }
    e->bits &= (1u << e->bit_count) - 1;
}

static void shift(struct encoding *e, bool on)
{
    if (on == e->shifted)
        return;
    if (!on && e->bit_count > 0)
        write_u8(e->w, (uint8_t)digits[e->bits << (6 - e->bit_count) & 0x3f]);
    write_u8(e->w, on ? '&' : '-');
    e->bits = e->bit_count = 0;
    e->shifted = on;
}

bool imap_name_from_utf8(struct writer *w, struct span text)
{
    struct encoding e = { .w = w };
    struct reader r = reader_over(text);
    while (reader_left(&r) > 0) {
        uint32_t c = read_utf8(&r);
        bool plain = c >= ' ' && c < 127;
        if (!reader_ok(&r))
            return false;
        shift(&e, !plain);
        if (plain) {
            write_u8(w, (uint8_t)c);
            if (c == '&')
                write_u8(w, '-');
        } else if (c < 0x10000) {
            put_bits(&e, c);
        } else {
            put_bits(&e, 0xd800 + ((c - 0x10000) >> 10));
            put_bits(&e, 0xdc00 + ((c - 0x10000) & 0x3ff));
        }
    }
    shift(&e, false);
    return writer_ok(w);
}

/* ---- names -------------------------------------------------------------------------------- */

bool imap_name_is_good(struct span name)
{
    uint8_t room[3 * IMAP_NAME_MAX]; /* base64 shrinks: three octets of UTF-8 come from more than two */
    struct writer w = writer_over(room, sizeof room);
    uint8_t before = IMAP_DELIMITER;
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '/' || name.at[i] == '%' || name.at[i] == '*')
            return false;
        if (name.at[i] == IMAP_DELIMITER && before == IMAP_DELIMITER)
            return false;
        before = name.at[i];
    }
    if (name.len == 0 || name.len > IMAP_NAME_MAX || before == IMAP_DELIMITER || !imap_name_to_utf8(&w, name))
        return false;
    struct span text = writer_span(&w);
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < ' ' || text.at[i] == 127) /* base64 can have them in it */
            return false;
    return true;
}

/* One character of the pattern after the other, with all the places in the name that it may have come to:
 * there are no more than IMAP_NAME_MAX + 1, whatever the wildcards are. Of wildcards in a row no more than
 * "%*" count, and the other characters are no more than the name has: a long pattern costs no more than a
 * short one. */
bool imap_name_matches(struct span name, struct span pattern)
{
    bool at[IMAP_NAME_MAX + 1] = { true };
    uint8_t before = 0;
    size_t plain = 0;
    if (name.len > IMAP_NAME_MAX)
        return false;
    for (size_t i = 0; i < pattern.len; i++) {
        uint8_t c = pattern.at[i];
        bool any = c == '*', level = c == '%';
        if ((any || level) && (before == '*' || before == c))
            continue;
        before = c;
        plain += !any && !level;
        if (plain > name.len)
            return false;
        for (size_t k = name.len + 1; !any && !level && k-- > 0;)
            at[k] = k > 0 && at[k - 1] && name.at[k - 1] == c;
        for (size_t k = 1; (any || level) && k <= name.len; k++)
            at[k] = at[k] || (at[k - 1] && (any || name.at[k - 1] != IMAP_DELIMITER));
    }
    return at[name.len];
}
