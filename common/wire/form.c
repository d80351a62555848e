#include "form.h"

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* An escape whose two digits are there, or the percent sign itself. */
static uint8_t decode_escape(struct reader *r)
{
    struct reader ahead = *r;
    int high = hex_value(read_u8(&ahead));
    int low = hex_value(read_u8(&ahead));
    if (!reader_ok(&ahead) || high < 0 || low < 0)
        return '%';
    *r = ahead;
    return (uint8_t)(high << 4 | low);
}

static struct span decode(struct span s, struct writer *room)
{
    struct reader r = reader_over(s);
    size_t from = writer_length(room);
    while (reader_left(&r)) {
        uint8_t c = read_u8(&r);
        write_u8(room, c == '+' ? ' ' : c == '%' ? decode_escape(&r) : c);
    }
    return span_from(writer_span(room), from);
}

bool form_parse(struct span body, struct writer *room, struct form *out)
{
    out->count = 0;
    while (body.len) {
        struct span pair = span_head(body, span_find(body, '&'));
        size_t equals = span_find(pair, '=');
        body = span_from(body, pair.len + 1);
        if (pair.len == 0)
            continue;
        if (out->count == FORM_FIELDS_MAX)
            return false;
        struct form_field *f = &out->fields[out->count++];
        f->name = decode(span_head(pair, equals), room);
        f->value = decode(span_from(pair, equals + 1), room);
    }
    return writer_ok(room);
}

struct span form_value(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (span_is(f->fields[i].name, name))
            return f->fields[i].value;
    return span_of(NULL, 0);
}

void form_encode(struct writer *w, struct span text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*' ||
                     c == '-' || c == '.' || c == '_';
        if (plain) {
            write_u8(w, c);
        } else if (c == ' ') {
            write_u8(w, '+');
        } else {
            write_u8(w, '%');
            write_u8(w, (uint8_t)digits[c >> 4]);
            write_u8(w, (uint8_t)digits[c & 15]);
        }
    }
}

void form_write(struct writer *w, struct span name, struct span value)
{
    if (writer_length(w))
        write_u8(w, '&');
    form_encode(w, name);
    write_u8(w, '=');
    form_encode(w, value);
}
