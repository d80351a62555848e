#include "version.h"

#include "condense.h"
#include "denial.h"
#include "members.h"
#include "reversed.h"
#include "worker.h"
#include "zonemd.h"

void version_warn(const struct view *v, const struct zone *z)
{
    struct events *events = v->service->home->events;
    const char *fault = denial_fault(z);
    char name[DNS_NAME_TEXT_MAX];
    struct event ev;
    if (!fault || !event_happens(events, EVENT_DNS_ZONE_WARNING))
        return;
    event_begin(&ev, EVENT_DNS_ZONE_WARNING, loop_now(v->service->home->loop));
    views_event_zone(&ev, v, &z->name, name);
    event_text(&ev, "reason", fault);
    event_emit(events, &ev);
}

static void note_mark(void *owner, const struct zone *z)
{
    struct zone_mark *mark = owner;
    *mark = zone_mark_of(z);
}

bool version_fits(struct view *v, struct zones_row *row, const struct change *c, struct zone_mark *next,
                  const char **why)
{
    workers_wait(v->service);
    bool ok = change_try(row->zone, c, note_mark, next, why);
    workers_go_on(v->service);
    return ok;
}

bool version_change(struct view *v, struct zones_row *row, const struct change *c, const char **why)
{
    bool warned = denial_fault(row->zone);
    workers_pause(v->service);
    bool ok = change_apply(&row->zone, c, why);
    row->since_ms = ok ? loop_now(v->service->home->loop).unix_ms : row->since_ms;
    workers_resume(v->service);
    if (ok) {
        if (!warned)
            version_warn(v, row->zone);
        reversed_follow(v, row, c);
        members_look(v, row);
    }
    return ok;
}

/* ---- ZONEMD ---------------------------------------------------------------------------------------------
 */

static void look(void *owner, const struct zone *z)
{
    const char **fault = owner;
    *fault = zonemd_fault(z);
}

static bool brings_digest(const struct change *c)
{
    struct reader r = change_reader(&c->added);
    struct dns_record record;
    struct span rdata;
    while (change_next(&r, &record, &rdata)) /* each turn takes a record */
        if (record.type == DNS_TYPE_ZONEMD)
            return true;
    return false;
}

bool version_verified(struct view *v, struct zones_row *row, struct change *const *changes, size_t count,
                      const char **why)
{
    const char *fault = NULL;
    bool needed = zonemd_is_there(row->zone);
    for (size_t i = 0; !needed && i < count; i++)
        needed = brings_digest(changes[i]);
    if (!needed)
        return true;
    *why = "out of memory";
    struct change *all = count == 1 ? change_hold(changes[0]) : condense(changes, count, SIZE_MAX);
    workers_wait(v->service);
    bool ok = all && change_try(row->zone, all, look, &fault, why);
    workers_go_on(v->service);
    change_release(all);
    if (fault)
        *why = fault;
    return ok && !fault;
}

struct zone *version_replace(struct view *v, struct zones_row *row, struct zone *next)
{
    workers_pause(v->service);
    struct zone *before = row->zone;
    row->zone = next;
    row->since_ms = loop_now(v->service->home->loop).unix_ms;
    row->expired = !next;
    workers_resume(v->service);
    if (next)
        version_warn(v, next);
    reversed_follow(v, row, NULL);
    members_look(v, row);
    return before;
}
