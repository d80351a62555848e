/* Every observable step is a named event with typed fields. The log prints them, tests and the control API
 * wait for them, counters are made from them: one mechanism. The names stand in the .def files, one row each.
 */
#ifndef WIRELAB_EVENT_H
#define WIRELAB_EVENT_H

#include "endpoint.h"
#include "timer.h"

enum event_level {
    EVENT_ERROR,   /* something promised cannot be done: an operator must look */
    EVENT_WARNING, /* odd, and survived */
    EVENT_INFO,    /* the service's own life: start, reload, stop, a lease or a message that came to be */
    EVENT_TRAFFIC, /* one message of a protocol */
};

enum event_id {
#define EVENT(id, name, level, meaning) EVENT_##id,
#include "event.def"
#undef EVENT
    EVENT_IDS
};

struct event_row {
    const char *name;
    enum event_level level;
    const char *meaning;
};
extern const struct event_row event_rows[EVENT_IDS];

enum event_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_ENDPOINT, FIELD_ADDRESS, FIELD_HARDWARE };

struct event_field {
    const char *name; /* constant text */
    enum event_kind kind;
    int64_t number;
    struct span text; /* FIELD_TEXT, FIELD_HARDWARE: bytes from outside are fine, they are escaped */
    struct endpoint endpoint;
};

#define EVENT_FIELDS_MAX 12

struct event {
    enum event_id id;
    struct now now;
    size_t count;
    struct event_field fields[EVENT_FIELDS_MAX]; /* one too many is left out */
};

struct event_sink {
    void (*take)(struct event_sink *s, const struct event *e);
    enum event_level level; /* the least important that it wants */
    struct event_sink *next;
};

#define EVENT_REASONS_MAX                                                                                    \
    256 /* what a program says of discarded messages; what comes later counts as "other" */

struct event_reason {
    enum event_id id;
    const char *reason; /* constant text */
    uint64_t seen;
};

struct events {
    struct event_sink *sinks;
    enum event_level level; /* the least important that any sink wants */
    uint64_t seen[EVENT_IDS];
    size_t reason_count;
    struct event_reason reasons[EVENT_REASONS_MAX + 1];
};

void events_open(struct events *e);
/* The sink stays its owner's. */
void events_attach(struct events *e, struct event_sink *s);
void events_detach(struct events *e, struct event_sink *s);

/* Counts the step; true when someone wants to hear of it. The caller then fills an event and emits it:
 *     if (event_happens(e, EVENT_DNS_QUERY)) { struct event ev = event_of(EVENT_DNS_QUERY, now); ... } */
static inline bool event_happens(struct events *e, enum event_id id)
{
    e->seen[id]++;
    return event_rows[id].level <= e->level && e->sinks;
}
/* The same for a step that has a reason, constant text, which is counted by it. */
bool event_happens_for(struct events *e, enum event_id id, const char *reason);
void event_emit(struct events *e, const struct event *ev);

/* Starts an event; fields are added one by one and must live until event_emit() returns. */
static inline void event_begin(struct event *ev, enum event_id id, struct now now)
{
    ev->id = id;
    ev->now = now;
    ev->count = 0;
}
void event_text(struct event *ev, const char *name, const char *text);
void event_span(struct event *ev, const char *name, struct span text);
void event_number(struct event *ev, const char *name, int64_t number);
void event_endpoint(struct event *ev, const char *name, const struct endpoint *e);
void event_address(struct event *ev, const char *name, struct address a);
void event_hardware(struct event *ev, const char *name, struct span hardware);

/* For the rare step with one text field: counts, fills and emits. */
void event_note(struct events *e, enum event_id id, struct now now, const char *name, const char *text);

#endif
