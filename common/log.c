#include "log.h"

#include "text.h"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 2048 /* a longer line is cut at the last whole field */
#define LOST_BYTES 128

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

/* Room for a line of an event and its newline -> how long it is. */
static size_t write_line(uint8_t *room, size_t bytes, const struct event *ev, enum log_form form)
{
    struct writer w = writer_over(room, bytes);
    writer_reserve(&w, 1);
    log_format(&w, ev, form);
    writer_release(&w, 1);
    write_u8(&w, '\n');
    return writer_length(&w);
}

static size_t write_lost(const struct log *l, uint8_t *room, struct now now)
{
    struct event ev;
    if (!l->lost)
        return 0;
    event_begin(&ev, EVENT_LOG_LOST, now);
    event_number(&ev, "lines", (int64_t)l->lost);
    return write_line(room, LOST_BYTES, &ev, l->form);
}

/* A pipe or a terminal that nobody reads would hold the whole program up. Where a pipe says that it can be
 * written to, PIPE_BUF bytes fit. O_NONBLOCK is not ours to set: others have the same open file. */
static bool has_room(const struct log *l)
{
    struct pollfd at = { .fd = l->fd, .events = POLLOUT };
    return l->is_file || (poll(&at, 1, 0) == 1 && (at.revents & POLLOUT));
}

static void take(struct event_sink *sink, const struct event *ev)
{
    struct log *l = (struct log *)((char *)sink - offsetof(struct log, sink));
    uint8_t lines[LOST_BYTES + LINE_BYTES];
    _Static_assert(sizeof lines <= PIPE_BUF, "both go out at once");
    if (has_room(l)) {
        size_t length = write_lost(l, lines, ev->now);
        length += write_line(lines + length, LINE_BYTES, ev, l->form);
        if (write(l->fd, lines, length) > 0) {
            l->lost = 0;
            return;
        }
    }
    l->lost++;
    l->lost_at = ev->now;
}

void log_open(struct log *l, struct events *e, enum event_level level, enum log_form form, int fd)
{
    struct stat st;
    *l = (struct log){ .sink = { .take = take, .level = level }, .form = form, .fd = fd };
    l->is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    events_attach(e, &l->sink);
}

void log_close(struct log *l, struct events *e)
{
    uint8_t line[LOST_BYTES];
    size_t length = write_lost(l, line, l->lost_at);
    if (length && has_room(l) && write(l->fd, line, length) > 0)
        l->lost = 0;
    events_detach(e, &l->sink);
}
