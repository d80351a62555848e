#include "reversed.h"

#include "primary.h"
#include "reverse.h"
#include "version.h"

#include <stdlib.h>

static struct now now_of(const struct view *v)
{
    return loop_now(v->service->home->loop);
}

static struct zones_row *row_of(struct view *v, const struct dnsd_zone *settings)
{
    return zones_row_of(&v->zones, settings->lower);
}

static void tell_changed(struct view *v, const struct zone *z, const struct change *c)
{
    struct events *events = v->service->home->events;
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    if (!event_happens(events, EVENT_DNS_ZONE_CHANGED))
        return;
    event_begin(&ev, EVENT_DNS_ZONE_CHANGED, now_of(v));
    views_event_zone(&ev, v, &z->name, name);
    event_number(&ev, "serial", z->serial);
    event_number(&ev, "removed", (int64_t)c->removed.count);
    event_number(&ev, "added", (int64_t)c->added.count);
    event_emit(events, &ev);
}

/* ---- made -------------------------------------------------------------------------------------------------
 */

/* The zones that it is made of, in the order of the configuration; NULL for those that are not there. */
static struct zone *make(const struct dnsd_zone *settings, const struct zone **forward, uint32_t serial,
                         uint64_t seed)
{
    return forward ? reverse_make(settings->lower, forward, settings->reverse_of_count, serial, seed) : NULL;
}

static const struct zone **room_for(const struct dnsd_zone *settings)
{
    return calloc(settings->reverse_of_count, sizeof(struct zone *));
}

/* The seconds since 1970, so that a secondary sees a newer one after a restart, too. */
static uint32_t next_serial(const struct zone *before, struct now now)
{
    return before ? serial_next(SERIAL_UNIXTIME, before->serial, now.unix_ms)
                  : (uint32_t)(now.unix_ms / 1000);
}

static void load_row(struct view *v, struct zones_row *row, const struct zones_row *rows, size_t count)
{
    const struct dnsd_zone *settings = row->settings;
    const struct zones_row *old = zones_find_apex(&v->zones, row->name);
    struct zone *before = old ? old->zone : NULL;
    const struct zone **forward = room_for(settings);
    struct change *c = NULL;
    for (size_t i = 0; forward && i < settings->reverse_of_count; i++)
        for (size_t k = 0; k < count; k++)
            if (rows[k].settings == settings->reverse_of[i])
                forward[i] = rows[k].zone;
    row->zone = make(settings, forward, next_serial(before, now_of(v)), v->service->seed);
    free(forward);
    if (row->zone && before && reverse_between(before, row->zone, &c) == REVERSE_SAME) {
        zone_release(row->zone);
        row->zone = zone_hold(before);
    }
    change_release(c);
}

void reversed_load(struct view *v, struct zones_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].settings && rows[i].settings->reverse_of_count)
            load_row(v, &rows[i], rows, count);
}

/* ---- followed
 * ---------------------------------------------------------------------------------------------- */

static void apply(struct view *v, struct zones_row *row, struct change *c)
{
    const char *why;
    if (!version_change(v, row, c, &why)) {
        event_note(v->service->home->events, EVENT_DNS_JOURNAL_LOST, now_of(v), "reason", why);
        return;
    }
    tell_changed(v, row->zone, c);
    primary_changed(v->primary, row, c);
    primary_notify(v->primary, row, now_of(v));
}

static void make_anew(struct view *v, struct zones_row *row)
{
    const struct dnsd_zone *settings = row->settings;
    const struct zone **forward = room_for(settings);
    for (size_t i = 0; forward && i < settings->reverse_of_count; i++) {
        const struct zones_row *of = row_of(v, settings->reverse_of[i]);
        forward[i] = of ? of->zone : NULL;
    }
    struct zone *made = make(settings, forward, next_serial(row->zone, now_of(v)), v->service->seed);
    struct change *c = NULL;
    free(forward);
    if (made && row->zone) {
        if (reverse_between(row->zone, made, &c) == REVERSE_CHANGED)
            apply(v, row, c);
        change_release(c);
        zone_release(made);
        return;
    }
    struct zone *before = version_replace(v, row, made);
    primary_replaced(v->primary, row, before, now_of(v));
    zone_release(before);
}

static void follow_row(struct view *v, struct zones_row *row, const struct zone *forward,
                       const struct change *c)
{
    struct change *own = NULL;
    enum reverse_result result = REVERSE_ANEW;
    if (c && row->zone && forward)
        result = reverse_follow(row->zone, forward, c, next_serial(row->zone, now_of(v)), &own);
    if (result == REVERSE_CHANGED)
        apply(v, row, own);
    else if (result == REVERSE_ANEW)
        make_anew(v, row);
    change_release(own);
}

void reversed_follow(struct view *v, const struct zones_row *forward, const struct change *c)
{
    if (!forward->settings)
        return;
    for (const struct dnsd_reverse *r = forward->settings->reversed_in; r;
         r = r->next) { /* a chain that ends */
        struct zones_row *row = row_of(v, r->zone);
        if (row)
            follow_row(v, row, forward->zone, c);
    }
}
