#include "follow.h"

/* Once, until it is for another reason. */
static void tell_waiting(struct follow *f, enum event_id id, const char *interface, const char *reason,
                         const char *why, struct events *events, struct now now)
{
    struct event ev;
    if (f->waits == reason || !event_happens(events, id))
        return;
    f->waits = reason;
    event_begin(&ev, id, now);
    event_text(&ev, "interface", interface);
    event_text(&ev, "reason", why);
    event_emit(events, &ev);
}

static void stop(struct follow *f, const struct follow_type *t, void *listener)
{
    t->close(listener);
    f->index = 0;
}

bool follow_start(struct follow *f, const struct follow_type *t, void *listener, const char *interface,
                  struct events *events, struct now now, struct problem *p)
{
    struct interface i;
    interface_look(&i, interface);
    if (f->index && f->index != i.index)
        stop(f, t, listener);
    const char *why_not = i.index ? t->look(listener, &i) : "there is no such interface";
    if (f->index && why_not)
        stop(f, t, listener);
    if (why_not)
        tell_waiting(f, t->waiting, interface, why_not, why_not, events, now);
    if (why_not || f->index)
        return true;
    if (!t->open(listener, p)) {
        t->close(listener);
        return false;
    }
    f->index = i.index;
    return true;
}

void follow_again(struct follow *f, const struct follow_type *t, void *listener, const char *interface,
                  struct events *events, struct now now)
{
    static const char refused[] = "refused";
    struct problem p = { 0 };
    unsigned before = f->index;
    if (!follow_start(f, t, listener, interface, events, now, &p))
        tell_waiting(f, t->waiting, interface, refused, p.what, events, now);
    if (!f->index || f->index == before)
        return;
    f->waits = NULL;
    event_note(events, t->served, now, "interface", interface);
}
