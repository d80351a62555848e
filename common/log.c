#include "log.h"

#include "text.h"

#include <unistd.h>

#define LINE_BYTES 2048 /* a longer line is cut at the last whole field */

static const char *const level_words[] = { "error", "warning", "info", "traffic" };

bool log_level_parse(struct span word, enum event_level *out)
{
    for (size_t i = 0; i < sizeof level_words / sizeof level_words[0]; i++)
        if (span_is(word, level_words[i])) {
            *out = (enum event_level)i;
            return true;
        }
    return false;
}

static void write_value(struct writer *w, const struct event_field *f, bool json)
{
    char text[ENDPOINT_TEXT_MAX];
    struct span s = f->text;
    if (f->kind == FIELD_NUMBER) {
        write_format(w, "%lld", (long long)f->number);
        return;
    }
    if (f->kind == FIELD_ENDPOINT)
        s = span_text(endpoint_format(&f->endpoint, text));
    else if (f->kind == FIELD_ADDRESS)
        s = span_text(address_format(f->endpoint.address, text));
    else if (f->kind == FIELD_HARDWARE)
        s = span_text(hardware_format(f->text, text));
    if (json)
        write_json_string(w, s);
    else
        write_logfmt_value(w, s);
}

static void write_head(struct writer *w, const struct event *ev, enum log_form form)
{
    const struct event_row *row = &event_rows[ev->id];
    if (form == LOG_JSON) {
        write_text(w, "{\"time\":\"");
        write_rfc3339(w, ev->now.unix_ms);
        write_format(w, "\",\"level\":\"%s\",\"event\":\"%s\"", level_words[row->level], row->name);
    } else if (form == LOG_LOGFMT) {
        write_text(w, "time=");
        write_rfc3339(w, ev->now.unix_ms);
        write_format(w, " level=%s event=%s", level_words[row->level], row->name);
    } else {
        struct civil c = civil_of(ev->now.unix_ms);
        write_format(w, "%02d:%02d:%02d.%03d %-15s", c.hour, c.minute, c.second, c.millisecond, row->name);
    }
}

void log_format(struct writer *w, const struct event *ev, enum log_form form)
{
    writer_reserve(w, 1); /* for the closing brace, however long the fields are */
    write_head(w, ev, form);
    for (size_t i = 0; i < ev->count; i++) {
        const struct event_field *f = &ev->fields[i];
        struct mark before = writer_mark(w);
        write_format(w, form == LOG_JSON ? ",\"%s\":" : " %s=", f->name);
        write_value(w, f, form == LOG_JSON);
        if (!writer_ok(w))
            writer_back_to(w, before);
    }
    writer_release(w, 1);
    if (form == LOG_JSON)
        write_text(w, "}");
}

static void take(struct event_sink *sink, const struct event *ev)
{
    struct log *l = (struct log *)((char *)sink - offsetof(struct log, sink));
    uint8_t line[LINE_BYTES];
    struct writer w = writer_over(line, sizeof line);
    writer_reserve(&w, 1);
    log_format(&w, ev, l->form);
    writer_release(&w, 1);
    write_u8(&w, '\n');
    struct span s = writer_span(&w);
    ssize_t n = write(l->fd, s.at, s.len);
    (void)n; /* a log that takes no more must not stop a server */
}

void log_open(struct log *l, struct events *e, enum event_level level, enum log_form form, int fd)
{
    *l = (struct log){ .sink = { .take = take, .level = level }, .form = form, .fd = fd };
    events_attach(e, &l->sink);
}

void log_close(struct log *l, struct events *e)
{
    events_detach(e, &l->sink);
}
