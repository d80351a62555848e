#include "view_make.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>

/* Control characters are not for people, nor for their terminals. */
static uint8_t harmless(uint8_t c)
{
    if (c == '\r' || c == '\n' || c == '\t')
        return ' ';
    return c < ' ' || c == 0x7f ? '?' : c;
}

struct span view_keep(struct view_make *m, struct span text)
{
    text = span_head(text, VIEW_VALUE_BYTES);
    text = span_head(text, writer_room(&m->text));
    uint8_t *at = writer_take(&m->text, text.len);
    if (!at)
        return (struct span){ m->room, 0 };
    for (size_t i = 0; i < text.len; i++)
        at[i] = harmless(text.at[i]);
    return span_of(at, text.len);
}

static struct span __attribute__((format(printf, 2, 0)))
keep_format(struct view_make *m, const char *format, va_list values)
{
    char text[VIEW_VALUE_BYTES];
    int length = vsnprintf(text, sizeof text, format, values);
    size_t kept = length < 0 ? 0 : (size_t)length < sizeof text ? (size_t)length : sizeof text - 1;
    return view_keep(m, span_of(text, kept));
}

struct span view_format(struct view_make *m, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    struct span text = keep_format(m, format, values);
    va_end(values);
    return text;
}

void view_word(struct view_make *m, enum view_protocol p, const char *word)
{
    m->message.protocol = p;
    m->message.word = view_keep(m, span_text(word));
}

void view_add(struct view_make *m, const char *name, struct span value)
{
    struct view_message *to = &m->message;
    if (to->field_count < VIEW_FIELDS_MAX)
        to->fields[to->field_count++] = (struct view_field){ span_text(name), view_keep(m, value) };
}

void view_add_text(struct view_make *m, const char *name, const char *value)
{
    view_add(m, name, span_text(value));
}

void view_add_number(struct view_make *m, const char *name, uint64_t value)
{
    uint8_t digits[20];
    struct writer w = writer_over(digits, sizeof digits);
    write_decimal(&w, value);
    view_add(m, name, writer_span(&w));
}

void view_add_address(struct view_make *m, const char *name, struct address a)
{
    char text[ADDRESS_TEXT_MAX];
    view_add_text(m, name, address_format(a, text));
}

void view_show(struct view_make *m, struct span text)
{
    if (text.len && m->message.shown_count < VIEW_SHOWN_MAX)
        m->message.shown[m->message.shown_count++] = view_keep(m, text);
}

void view_show_format(struct view_make *m, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    struct span text = keep_format(m, format, values);
    va_end(values);
    if (text.len && m->message.shown_count < VIEW_SHOWN_MAX)
        m->message.shown[m->message.shown_count++] = text;
}

struct span view_added(const struct view_make *m, const char *name)
{
    struct span value;
    return view_field(&m->message, span_text(name), &value) ? value : span_of(m->room, 0);
}

void view_show_field(struct view_make *m, const char *name)
{
    struct span value;
    if (view_field(&m->message, span_text(name), &value))
        view_show_format(m, "%s %.*s", name, SPAN(value));
}

void view_say(struct view_make *m, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    m->message.sentence = keep_format(m, format, values);
    va_end(values);
}

bool view_line(struct span in, struct span *line, size_t *taken)
{
    size_t end = span_find(in, '\n');
    if (end == in.len)
        return false;
    *taken = end + 1;
    *line = span_head(in, end && in.at[end - 1] == '\r' ? end - 1 : end);
    return true;
}

/* ---- what was made ------------------------------------------------------------------------------------ */

bool view_field(const struct view_message *m, struct span name, struct span *value)
{
    for (size_t i = 0; i < m->field_count; i++)
        if (span_equal(m->fields[i].name, name)) {
            *value = m->fields[i].value;
            return true;
        }
    return false;
}

void view_write_shown(const struct view_message *m, struct writer *w)
{
    for (size_t i = 0; i < m->shown_count; i++) {
        struct mark before = writer_mark(w);
        if (i)
            write_text(w, ", ");
        write_span(w, m->shown[i]);
        if (writer_ok(w))
            continue;
        writer_back_to(w, before);
        if (i == 0 && writer_room(w) > 3) {
            write_span(w, span_head(m->shown[0], writer_room(w) - 2));
            write_text(w, "..");
        }
        return;
    }
}
