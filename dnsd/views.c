/* How the zones of all views come into service, at the start and on reload. */
#include "forward.h"
#include "members.h"
#include "primary.h"
#include "reversed.h"
#include "secondary.h"
#include "signing.h"
#include "source.h"
#include "version.h"
#include "zonemd.h"

#include <stdio.h>
#include <stdlib.h>

void views_event_zone(struct event *ev, const struct view *v, const struct dns_name *zone,
                      char room[DNS_NAME_TEXT_MAX])
{
    dnsd_event_name(ev, "zone", zone, room);
    if (v && v->name[0])
        event_text(ev, "view", v->name);
}

/* ---- zones from their files and copies --------------------------------------------------------------- */

/* Who hears of what is wrong with master files. */
struct zone_listener {
    struct service *service;
    const struct view *view; /* NULL: the file is no zone's */
    struct problem *first;   /* the first error, for a start that ends here; may be NULL */
    size_t errors;
};

static struct now now_of(const struct view *v)
{
    return loop_now(v->service->home->loop);
}

static void zone_problem(void *self, const struct dns_name *apex, const struct masterfile_problem *p)
{
    struct zone_listener *l = self;
    struct events *events = l->service->home->events;
    enum event_id id = p->warning ? EVENT_DNS_ZONE_WARNING : EVENT_DNS_ZONE_REFUSED;
    char name[DNS_NAME_TEXT_MAX];
    struct event ev;
    if (!p->warning && l->errors++ == 0 && l->first) {
        if (p->line)
            problem_set(l->first, "%s:%u:%u: %s", p->path, p->line, p->column, p->text);
        else
            problem_set(l->first, "%s: %s", p->path, p->text);
        problem_remedy(l->first, "mend the master file; nothing is served from one that has an error");
    }
    if (!event_happens(events, id))
        return;
    event_begin(&ev, id, loop_now(l->service->home->loop));
    views_event_zone(&ev, l->view, apex, name);
    event_text(&ev, "file", p->path);
    if (p->line) {
        event_number(&ev, "line", p->line);
        event_number(&ev, "column", p->column);
    }
    event_text(&ev, "reason", p->text);
    event_emit(events, &ev);
}

static void tell_loaded(const struct view *v, const struct zone *z, uint64_t ms)
{
    struct events *events = v->service->home->events;
    char name[DNS_NAME_TEXT_MAX];
    struct event ev;
    if (!event_happens(events, EVENT_DNS_ZONE_LOADED))
        return;
    event_begin(&ev, EVENT_DNS_ZONE_LOADED, now_of(v));
    views_event_zone(&ev, v, &z->name, name);
    event_number(&ev, "serial", z->serial);
    event_number(&ev, "records", (int64_t)z->record_count);
    event_number(&ev, "ms", (int64_t)ms);
    event_emit(events, &ev);
}

/* What was read of a file, told; the zone, or NULL. */
static struct zone *take(struct zone_listener *l, const struct dnsd_zone *settings, struct source *source)
{
    for (struct list_node *n = list_first(&source->problems); n; n = list_next(&source->problems, n))
        zone_problem(l, settings->name, &list_item(n, struct source_problem, node)->problem);
    if (source->incomplete && !l->errors++ && l->first)
        problem_set(l->first, "not enough memory for what is wrong with %s", settings->file);
    struct zone *z = source->zone;
    source->zone = NULL;
    if (z)
        tell_loaded(l->view, z, (uint64_t)source->took_ms);
    return z;
}

/* The zone as its file has it now; NULL after the listener heard why not. */
static struct zone *load_file(struct zone_listener *l, const struct dnsd_zone *settings,
                              struct source *source)
{
    if (source && !source->unchanged)
        return take(l, settings, source);
    struct source *now = source_read(settings, l->service->seed);
    struct zone *z = now ? take(l, settings, now) : NULL;
    if (!now && !l->errors++ && l->first)
        problem_set(l->first, "out of memory");
    source_free(now);
    return z;
}

struct zone *views_load_hints(struct service *s, const char *path, struct problem *p)
{
    struct zone_listener l = { .service = s, .first = p };
    return zonefile_load_hints(path, s->seed, zone_problem, &l);
}

/* What is in service for a zone whose new file is wrong; NULL when nothing was. */
static struct zone *zone_in_service(const struct view *v, const struct dns_name *name)
{
    const struct zones_row *row = zones_find_apex(&v->zones, name);
    return row && row->zone ? zone_hold(row->zone) : NULL;
}

/* What a zone that is fetched has before it was: the version in service, or the copy of an earlier run. */
static struct zone *copy_or_none(struct view *v, const struct dnsd_zone *z, const struct dns_name *lower)
{
    struct zone *in_service = zone_in_service(v, lower);
    return in_service ? in_service : secondary_copy(v->secondary, z, now_of(v));
}

/* The file, with the changes that were made since. Takes over the hold. NULL, and `refused` says why. */
static struct zone *with_changes(struct view *v, const struct dnsd_zone *settings, struct zone *file,
                                 char refused[MASTERFILE_TEXT_MAX])
{
    if (!primary_takes_file(v->primary, settings->lower, file, refused)) {
        zone_release(file);
        return NULL;
    }
    file->file = zone_mark_of(file);
    return primary_replay(v->primary, settings->lower, file, now_of(v));
}

/* What is served when the file says this: with the changes since, and signatures. Takes over the hold. */
static struct zone *version_of_file(struct zone_listener *l, struct view *v, const struct dnsd_zone *settings,
                                    struct zone *file)
{
    struct masterfile_problem refused = { .path = settings->file };
    struct zone *in_service = settings->dnssec ? zone_in_service(v, settings->lower) : NULL;
    struct zone *z = settings->dnssec ? signing_load(v->signing, settings, file, in_service, now_of(v),
                                                     refused.text, l->first)
                                      : with_changes(v, settings, file, refused.text);
    zone_release(in_service);
    if (refused.text[0])
        zone_problem(l, settings->name, &refused);
    if (z && settings->zonemd == DNSD_ZONEMD_MAKE && !zonemd_make(z))
        problem_set(l->first, "not enough memory for the digest of a zone");
    return z;
}

/* `source`: its file, where it was read already. */
static void load_row(struct zone_listener *l, struct view *v, const struct dnsd_zone *settings,
                     struct source *source, struct zones_row *row)
{
    row->name = settings->lower;
    row->settings = settings;
    row->transfer = &settings->transfer;
    row->transfer_tls_only = settings->transfer_tls_only;
    row->is_catalog = settings->lists_members || settings->members_count;
    if (settings->is_reverse || settings->lists_members)
        return;
    if (source && source->unchanged)
        row->zone = zone_in_service(v, row->name);
    if (row->zone)
        return;
    row->zone =
        settings->primary_count ? copy_or_none(v, settings, row->name) : load_file(l, settings, source);
    if (row->zone && !settings->primary_count)
        row->zone = version_of_file(l, v, settings, row->zone);
    if (!row->zone)
        row->zone = zone_in_service(v, row->name);
}

/* Since when each has what it has now; and what is odd about that, once. */
static void note_since(const struct view *v, struct zones_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct zones_row *before = zones_find_apex(&v->zones, rows[i].name);
        bool same = before && before->zone == rows[i].zone;
        rows[i].since_ms = same ? before->since_ms : now_of(v).unix_ms;
        if (!same && rows[i].zone)
            version_warn(v, rows[i].zone);
    }
}

static bool all_loaded(const struct zones_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!rows[i].zone && dnsd_has_file(rows[i].settings))
            return false;
    return true;
}

static bool load_zones(struct view *v, const struct dnsd_view *d, bool strict, struct zones *out,
                       struct problem *p)
{
    struct zone_listener l = { .service = v->service, .view = v, .first = p };
    struct zones_row *rows = calloc(d->zone_count ? d->zone_count : 1, sizeof *rows);
    for (size_t i = 0; rows && i < d->zone_count; i++)
        load_row(&l, v, &d->zones[i], d->zones[i].source, &rows[i]);
    if (rows) {
        reversed_load(v, rows, d->zone_count);
        catalogs_make(v, d, rows);
        note_since(v, rows, d->zone_count);
    }
    bool ok = rows && (!strict || all_loaded(rows, d->zone_count));
    if (ok && zones_open(out, rows, d->zone_count, v->service->seed)) {
        free(rows);
        return true;
    }
    if (!rows || ok)
        problem_set(p, "not enough memory for the zones");
    for (size_t i = 0; rows && i < d->zone_count; i++)
        zone_release(rows[i].zone);
    free(rows);
    return false;
}

bool views_reload_zone(struct view *v, const struct dns_name *lower, struct source *source, struct problem *p)
{
    struct zones_row *row = zones_row_of(&v->zones, lower);
    struct zones_row next = { 0 };
    struct zone_listener l = { .service = v->service, .view = v, .first = p };
    if (!row)
        return false;
    load_row(&l, v, row->settings, source, &next);
    if (l.errors || !next.zone) {
        zone_release(next.zone);
        return false;
    }
    struct zone *before = version_replace(v, row, next.zone);
    primary_replaced(v->primary, row, before, now_of(v));
    zone_release(before);
    return true;
}

/* ---- one view ---------------------------------------------------------------------------------------- */

static void close_view(struct view *v)
{
    forward_close(v);
    secondary_close(v->secondary);
    members_close(v->members);
    signing_close(v->signing);
    primary_close(v->primary);
    zones_close(&v->zones);
    free(v);
}

static struct view *open_view(struct service *s, const struct dnsd_view *d, struct problem *p)
{
    struct view *v = calloc(1, sizeof *v);
    if (!v) {
        problem_set(p, "out of memory");
        return NULL;
    }
    v->service = s;
    v->settings = d;
    list_open(&v->forwards);
    snprintf(v->name, sizeof v->name, "%s", d->name);
    v->primary = primary_open(v, d, p);
    v->signing = signing_open(v);
    v->members = members_open(v);
    v->secondary = v->primary && v->signing && v->members ? secondary_open(v) : NULL;
    if (v->secondary)
        return v;
    if (v->primary)
        problem_set(p, "out of memory");
    close_view(v);
    return NULL;
}

static struct view *find_view(struct view *const *all, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(span_text(all[i]->name), name))
            return all[i];
    return NULL;
}

static bool is_in_service(const struct service *s, const struct view *v)
{
    return find_view(s->views, s->view_count, v->name) == v;
}

/* ---- all of them ------------------------------------------------------------------------------------- */

void views_drop(struct service *s, struct views *v)
{
    for (size_t i = 0; i < v->count; i++) {
        zones_close(&v->zones[i]);
        if (v->all[i] && !is_in_service(s, v->all[i]))
            close_view(v->all[i]);
    }
    free(v->all);
    free(v->zones);
    *v = (struct views){ 0 };
}

static bool load_view(struct service *s, const struct dnsd_view *d, bool strict, struct view **view,
                      struct zones *zones, struct problem *p)
{
    *view = find_view(s->views, s->view_count, d->name);
    if (*view && !primary_reload((*view)->primary, d, p))
        return false;
    if (!*view)
        *view = open_view(s, d, p);
    return *view && load_zones(*view, d, strict, zones, p);
}

bool views_load(struct service *s, const struct dnsd_settings *d, bool strict, struct views *out,
                struct problem *p)
{
    *out = (struct views){ .all = calloc(d->view_count, sizeof(struct view *)),
                           .zones = calloc(d->view_count, sizeof(struct zones)) };
    bool ok = out->all && out->zones;
    if (!ok)
        problem_set(p, "out of memory");
    for (size_t i = 0; ok && i < d->view_count; i++) {
        out->count = i + 1;
        ok = load_view(s, &d->views[i], strict, &out->all[i], &out->zones[i], p);
    }
    if (!ok)
        views_drop(s, out);
    return ok;
}

/* Each directory of zones goes to its view; what it had before lies in *v, in the order of the views before.
 */
void views_swap(struct service *s, const struct dnsd_settings *d, struct views *v)
{
    for (size_t i = 0; i < v->count; i++) {
        struct zones zones = v->all[i]->zones;
        v->all[i]->zones = v->zones[i];
        v->all[i]->settings = &d->views[i];
        members_move(v->all[i]->members, &zones);
        v->zones[i] = zones;
    }
    struct view **all = s->views;
    size_t count = s->view_count;
    s->views = v->all;
    s->view_count = v->count;
    v->all = all;
    v->count = count;
}

/* Each zone that was there before, perhaps in another version. */
static void tell_replaced(struct view *v, const struct zones *before)
{
    for (size_t i = 0; i < v->zones.count; i++) {
        const struct zones_row *old = zones_find_apex(before, v->zones.rows[i].name);
        primary_replaced(v->primary, &v->zones.rows[i], old ? old->zone : NULL, now_of(v));
    }
}

bool views_started(struct service *s, struct views *before)
{
    bool ok = true;
    for (size_t i = 0; i < s->view_count; i++) {
        struct view *v = s->views[i];
        tell_replaced(v, &before->zones[i]);
        zones_close(&before->zones[i]);
        signing_started(v->signing, now_of(v));
        ok = secondary_started(v->secondary, now_of(v)) && ok;
        members_started(v->members); /* after that: members that go are followed no more */
    }
    for (size_t i = 0; i < before->count; i++)
        if (!is_in_service(s, before->all[i]))
            close_view(before->all[i]);
    free(before->all);
    free(before->zones);
    *before = (struct views){ 0 };
    return ok;
}

void views_close(struct service *s)
{
    for (size_t i = 0; i < s->view_count; i++)
        close_view(s->views[i]);
    free(s->views);
    s->views = NULL;
    s->view_count = 0;
}

void views_count(const struct service *s, struct http_exchange *x)
{
    const struct zones **all = calloc(s->view_count, sizeof *all);
    for (size_t i = 0; all && i < s->view_count; i++)
        all[i] = &s->views[i]->zones;
    if (all)
        counts_tell_zones(&s->counts, all, s->view_count, x);
    free(all);
}

bool views_busy(const struct service *s)
{
    for (size_t i = 0; i < s->view_count; i++)
        if (primary_busy(s->views[i]->primary) || s->views[i]->forward_count)
            return true;
    return false;
}
