#include "mime.h"

/* ---- base64 -------------------------------------------------------------------------------- */

/* -1 for what is no digit. */
static int digit64(uint8_t c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Whatever is no digit is passed over (RFC 2045 6.8); returns the bits that were left. */
static uint32_t write_base64(struct writer *w, struct span text)
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < text.len && text.at[i] != '='; i++) {
        int digit = digit64(text.at[i]);
        if (digit < 0)
            continue;
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        write_u8(w, (uint8_t)(bits >> count));
        bits &= (1u << count) - 1;
    }
    return bits;
}

bool mime_write_base64_strict(struct writer *w, struct span text)
{
    struct span digits = text;
    for (size_t i = 0; i < 2 && digits.len > 0 && digits.at[digits.len - 1] == '='; i++)
        digits.len--;
    for (size_t i = 0; i < digits.len; i++)
        if (digit64(digits.at[i]) < 0)
            return false;
    return text.len % 4 == 0 && digits.len % 4 != 1 && write_base64(w, digits) == 0 && writer_ok(w);
}

/* ---- quoted-printable ------------------------------------------------------------------------ */

static int digit16(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind a "=": two digits, or (in a body) the end of a line. Anything else stays as it is. */
static void write_escaped(struct reader *r, struct writer *w)
{
    struct reader ahead = *r;
    int high = digit16(read_u8(&ahead)), low = digit16(read_u8(&ahead));
    if (reader_ok(&ahead) && high >= 0 && low >= 0) {
        write_u8(w, (uint8_t)(high << 4 | low));
        *r = ahead;
        return;
    }
    ahead = *r;
    while (reader_peek(&ahead) == ' ' || reader_peek(&ahead) == '\t')
        read_skip(&ahead, 1);
    if (reader_peek(&ahead) == '\r')
        read_skip(&ahead, 1);
    if (reader_peek(&ahead) == '\n') {
        read_skip(&ahead, 1);
        *r = ahead;
    } else {
        write_u8(w, '=');
    }
}

/* White space, but not that at the end of a line (RFC 2045 6.7). */
static void write_white(struct reader *r, struct writer *w)
{
    struct reader ahead = *r;
    size_t n = 0;
    while (reader_peek(&ahead) == ' ' || reader_peek(&ahead) == '\t') {
        read_skip(&ahead, 1);
        n++;
    }
    struct span white = read_span(r, n);
    if (reader_left(r) > 0 && reader_peek(r) != '\r' && reader_peek(r) != '\n')
        write_span(w, white);
}

static void write_quoted_printable(struct writer *w, struct span text, bool header)
{
    struct reader r = reader_over(text);
    while (reader_left(&r) > 0) { /* each turn takes an octet at least */
        if (!header && (reader_peek(&r) == ' ' || reader_peek(&r) == '\t')) {
            write_white(&r, w);
            continue;
        }
        uint8_t c = read_u8(&r);
        if (c == '=')
            write_escaped(&r, w);
        else
            write_u8(w, header && c == '_' ? ' ' : c);
    }
}

void mime_write_decoded_body(struct writer *w, struct span body, struct span encoding)
{
    if (span_is_nocase(encoding, "base64"))
        write_base64(w, body);
    else if (span_is_nocase(encoding, "quoted-printable"))
        write_quoted_printable(w, body, false);
    else
        write_span(w, body);
}

/* ---- encoded words -------------------------------------------------------------------------- */

/* What was decoded since the mark is in Latin-1: each octet above 127 becomes two. The room is twice the
 * value, and an encoded word is longer than what it encodes. */
static void latin1_to_utf8(struct writer *w, struct mark from)
{
    struct span done = span_from(writer_span(w), from.offset);
    size_t more = 0;
    for (size_t i = 0; i < done.len; i++)
        more += done.at[i] >= 0x80;
    if (!writer_take(w, more))
        return;
    uint8_t *at = w->start + from.offset;
    for (size_t i = done.len, to = done.len + more; i-- > 0;) {
        uint8_t c = at[i];
        at[--to] = c < 0x80 ? c : (uint8_t)(0x80 | (c & 0x3f));
        if (c >= 0x80)
            at[--to] = (uint8_t)(0xc0 | c >> 6);
    }
}

struct encoded_word {
    struct span charset, text;
    bool base64;
};

/* "=?utf-8?Q?caf=C3=A9?=" at the front; *len octets. */
static bool parse_word(struct span s, struct encoded_word *out, size_t *len)
{
    static const bool mark[256] = { ['?'] = true, [' '] = true, ['\r'] = true, ['\n'] = true };
    static const bool star[256] = { ['*'] = true };
    struct reader r = reader_over(s);
    if (!span_is(read_span(&r, 2), "=?"))
        return false;
    struct reader charset = reader_over(read_until(&r, mark));
    out->charset = read_until(&charset, star); /* RFC 2231 5: a language may follow */
    if (read_u8(&r) != '?')
        return false;
    uint8_t encoding = ascii_lower(read_u8(&r));
    if (read_u8(&r) != '?')
        return false;
    out->text = read_until(&r, mark);
    if (!span_is(read_span(&r, 2), "?=") || (encoding != 'b' && encoding != 'q'))
        return false;
    out->base64 = encoding == 'b';
    *len = reader_offset(&r);
    return reader_ok(&r);
}

static void write_word(struct writer *w, const struct encoded_word *word)
{
    struct mark from = writer_mark(w);
    if (word->base64)
        write_base64(w, word->text);
    else
        write_quoted_printable(w, word->text, true);
    if (span_is_nocase(word->charset, "iso-8859-1") || span_is_nocase(word->charset, "windows-1252"))
        latin1_to_utf8(w, from);
}

void mime_write_decoded_words(struct writer *w, struct span value)
{
    bool after_word = false;             /* white space between two encoded words goes away (RFC 2047 6.2) */
    size_t white = 0;                    /* so much of it was passed over after a word */
    for (size_t i = 0; i < value.len;) { /* each turn takes an octet at least */
        struct encoded_word word;
        size_t len;
        uint8_t c = value.at[i];
        if (c == '=' && parse_word(span_from(value, i), &word, &len)) {
            write_word(w, &word);
            after_word = true;
            white = 0;
            i += len;
            continue;
        }
        bool is_white = c == ' ' || c == '\t', is_fold = c == '\r' || c == '\n';
        i++;
        if (is_fold)
            continue;
        if (is_white && after_word) {
            white++;
            continue;
        }
        for (; white > 0; white--)
            write_u8(w, ' ');
        after_word = false;
        write_u8(w, c);
    }
}
