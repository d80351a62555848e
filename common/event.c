#include "event.h"

const struct event_row event_rows[EVENT_IDS] = {
#define EVENT(id, name, level, meaning) { name, level, meaning },
#include "event.def"
#undef EVENT
};

void events_open(struct events *e)
{
    *e = (struct events){ 0 };
}

static void refresh_level(struct events *e)
{
    e->level = EVENT_ERROR;
    for (struct event_sink *s = e->sinks; s; s = s->next)
        if (s->level > e->level)
            e->level = s->level;
}

void events_attach(struct events *e, struct event_sink *s)
{
    s->next = e->sinks;
    e->sinks = s;
    refresh_level(e);
}

void events_detach(struct events *e, struct event_sink *s)
{
    for (struct event_sink **p = &e->sinks; *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            break;
        }
    refresh_level(e);
}

bool event_happens_for(struct events *e, enum event_id id, const char *reason)
{
    size_t i = 0;
    while (i < e->reason_count && (e->reasons[i].id != id || e->reasons[i].reason != reason))
        i++;
    if (i == e->reason_count) {
        if (i < EVENT_REASONS_MAX)
            e->reason_count++;
        e->reasons[i].id = id;
        e->reasons[i].reason = i < EVENT_REASONS_MAX ? reason : "other";
    }
    e->reasons[i].seen++;
    return event_happens(e, id);
}

void event_emit(struct events *e, const struct event *ev)
{
    enum event_level level = event_rows[ev->id].level;
    for (struct event_sink *s = e->sinks, *next; s; s = next) {
        next = s->next;
        if (level <= s->level)
            s->take(s, ev);
    }
}

static struct event_field *add(struct event *ev, const char *name, enum event_kind kind)
{
    static struct event_field beyond; /* written, never read */
    struct event_field *f = ev->count < EVENT_FIELDS_MAX ? &ev->fields[ev->count++] : &beyond;
    f->name = name;
    f->kind = kind;
    return f;
}

void event_span(struct event *ev, const char *name, struct span text)
{
    add(ev, name, FIELD_TEXT)->text = text;
}

void event_text(struct event *ev, const char *name, const char *text)
{
    event_span(ev, name, span_text(text));
}

void event_number(struct event *ev, const char *name, int64_t number)
{
    add(ev, name, FIELD_NUMBER)->number = number;
}

void event_endpoint(struct event *ev, const char *name, const struct endpoint *e)
{
    add(ev, name, FIELD_ENDPOINT)->endpoint = *e;
}

void event_address(struct event *ev, const char *name, struct address a)
{
    add(ev, name, FIELD_ADDRESS)->endpoint.address = a;
}

void event_hardware(struct event *ev, const char *name, struct span hardware)
{
    add(ev, name, FIELD_HARDWARE)->text = hardware;
}

void event_note(struct events *e, enum event_id id, struct now now, const char *name, const char *text)
{
    struct event ev;
    if (!event_happens(e, id))
        return;
    event_begin(&ev, id, now);
    event_text(&ev, name, text);
    event_emit(e, &ev);
}
