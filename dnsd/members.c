#include "members.h"

#include "catalog.h"
#include "change.h"
#include "copy.h"
#include "primary.h"
#include "secondary.h"
#include "worker.h"

#include <stdlib.h>

#define NODES_A_TURN 512 /* of a catalog: half a millisecond in which nothing else is done */

enum phase { CATALOG_IDLE, CATALOG_CHECK, CATALOG_APPLY, CATALOG_SWEEP };

/* A catalog whose members are ours. */
struct consumer {
    struct list_node node;
    struct members *owner;
    struct dns_name lower;
    struct list members;
    struct timer turn;
    enum phase phase;
    bool again;         /* another version came meanwhile */
    bool starting;      /* members may have copies of an earlier run */
    struct zone *zone;  /* being read, held */
    zone_ref at;        /* the node that comes next */
    uint32_t reading;   /* counts the versions that were read */
    struct list unseen; /* members that this version has not listed yet */
};

struct member {
    struct list_node node; /* of its catalog's members, or those unseen */
    struct consumer *of;
    struct dnsd_zone settings; /* a group's, with its name */
    char *group;
    struct dns_name *moves_to; /* another catalog may take it over; NULL: none */
    uint8_t label[DNS_LABEL_BYTES_MAX], label_bytes;
    uint32_t seen; /* by which reading */
};

struct members {
    struct view *view;
    struct list consumers;
    struct list gone; /* members that the directory before still names */
};

/* ---- events ----------------------------------------------------------------------------------------------
 */

static struct service *service_of(const struct consumer *c)
{
    return c->owner->view->service;
}

static struct now now_of(const struct consumer *c)
{
    return loop_now(service_of(c)->home->loop);
}

static void tell(const struct consumer *c, enum event_id id, const struct dns_name *zone, const char *why)
{
    struct events *events = service_of(c)->home->events;
    struct event ev;
    char name[DNS_NAME_TEXT_MAX], catalog[DNS_NAME_TEXT_MAX];
    if (!event_happens(events, id))
        return;
    event_begin(&ev, id, now_of(c));
    dnsd_event_name(&ev, "catalog", &c->lower, catalog);
    if (zone)
        views_event_zone(&ev, c->owner->view, zone, name);
    if (why)
        event_text(&ev, "reason", why);
    event_emit(events, &ev);
}

/* ---- one member ------------------------------------------------------------------------------------------
 */

static struct dns_name *name_kept(const struct dns_name *n)
{
    struct dns_name *kept = malloc(dns_name_room(n));
    if (kept)
        dns_name_copy(kept, n);
    return kept;
}

static void member_free(struct member *k)
{
    list_remove(&k->node);
    free((void *)k->settings.lower);
    free(k->moves_to);
    free(k->group);
    free(k);
}

/* What members of the group get; NULL: there is nothing for them. */
static const struct dnsd_zone *settings_for(const struct dnsd_zone *catalog, const char *group)
{
    const struct dnsd_zone *others = NULL;
    for (size_t i = 0; i < catalog->members_count; i++) {
        if (strcmp(catalog->members[i].group, group) == 0)
            return &catalog->members[i].settings;
        if (!catalog->members[i].group[0])
            others = &catalog->members[i].settings;
    }
    return others;
}

static void take_settings(struct member *k, const struct dnsd_zone *from)
{
    const struct dns_name *name = k->settings.lower;
    k->settings = *from;
    k->settings.name = k->settings.lower = name;
    k->settings.catalog_group = "";
    k->settings.member = k;
}

static struct zones_row row_for(struct member *k, struct zone *z)
{
    return (struct zones_row){ .name = k->settings.lower,
                               .settings = &k->settings,
                               .zone = z,
                               .transfer = &k->settings.transfer,
                               .transfer_tls_only = k->settings.transfer_tls_only };
}

static struct zones_row *row_of(struct view *v, const struct dns_name *lower)
{
    return zones_row_of(&v->zones, lower);
}

/* Workers read the directory; who has a row looks it up again. */
static bool add_row(struct view *v, const struct zones_row *row)
{
    workers_pause(v->service);
    bool ok = zones_add(&v->zones, row);
    workers_resume(v->service);
    return ok;
}

static void drop_row(struct view *v, struct zones_row *row)
{
    secondary_leave(row);
    workers_pause(v->service);
    zones_remove(&v->zones, row);
    workers_resume(v->service);
}

/* With all that was kept of it (RFC 9432 5.3). */
static void remove_member(struct member *k)
{
    struct consumer *c = k->of;
    struct view *v = c->owner->view;
    struct zones_row *row = row_of(v, k->settings.lower);
    if (row && row->settings == &k->settings)
        drop_row(v, row);
    primary_forget(v->primary, k->settings.lower);
    copy_remove(v, k->settings.lower);
    tell(c, EVENT_DNS_MEMBER_REMOVED, k->settings.lower, NULL);
    member_free(k);
}

static struct member *member_new(struct consumer *c, const struct catalog_entry *e)
{
    struct member *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->of = c;
    k->seen = c->reading;
    k->label_bytes = (uint8_t)e->label.len;
    memcpy(k->label, e->label.at, e->label.len);
    k->settings.lower = name_kept(&e->zone);
    k->group = strndup((const char *)e->group.at, e->group.len);
    k->moves_to = e->moves ? name_kept(&e->moves_to) : NULL;
    list_append(&c->members, &k->node);
    if (k->settings.lower && k->group && (k->moves_to || !e->moves))
        return k;
    member_free(k);
    return NULL;
}

static void add_member(struct consumer *c, const struct dnsd_zone *catalog, const struct catalog_entry *e)
{
    struct view *v = c->owner->view;
    struct member *k = member_new(c, e);
    const struct dnsd_zone *settings = k ? settings_for(catalog, k->group) : NULL;
    if (!settings) {
        tell(c, EVENT_DNS_MEMBER_IGNORED, &e->zone, k ? "nothing is said for its group" : "out of memory");
        if (k)
            member_free(k);
        return;
    }
    take_settings(k, settings);
    struct zone *copy = c->starting ? copy_load(v, &k->settings, now_of(c)) : NULL;
    struct zones_row row = row_for(k, copy);
    if (!add_row(v, &row)) {
        zone_release(copy);
        member_free(k);
        tell(c, EVENT_DNS_MEMBER_IGNORED, &e->zone, "out of memory");
        return;
    }
    tell(c, EVENT_DNS_MEMBER_ADDED, &e->zone, NULL);
    if (!secondary_follow(v->secondary, row_of(v, k->settings.lower), now_of(c)))
        tell(c, EVENT_DNS_MEMBER_IGNORED, &e->zone, "out of memory");
}

/* ---- a version of a catalog ------------------------------------------------------------------------------
 */

/* It is listed as before; perhaps in another group, or on its way to another catalog. */
static void stay(struct consumer *c, const struct dnsd_zone *catalog, struct member *k,
                 const struct catalog_entry *e)
{
    struct view *v = c->owner->view;
    k->seen = c->reading;
    list_remove(&k->node);
    list_append(&c->members, &k->node);
    free(k->moves_to);
    k->moves_to = e->moves ? name_kept(&e->moves_to) : NULL;
    char *group = span_is(e->group, k->group) ? NULL : strndup((const char *)e->group.at, e->group.len);
    const struct dnsd_zone *settings = group ? settings_for(catalog, group) : NULL;
    struct zones_row *row = row_of(v, k->settings.lower);
    if (!settings || !row) {
        free(group);
        return;
    }
    free(k->group);
    k->group = group;
    secondary_leave(row);
    workers_pause(v->service);
    take_settings(k, settings);
    row->transfer_tls_only = settings->transfer_tls_only;
    workers_resume(v->service);
    secondary_follow(v->secondary, row, now_of(c));
}

/* RFC 9432 4.4.1, 5.2, 5.4 */
static void apply_entry(struct consumer *c, const struct dnsd_zone *catalog, const struct catalog_entry *e)
{
    struct zones_row *row = row_of(c->owner->view, &e->zone);
    struct member *k = row ? row->settings->member : NULL;
    bool ours = k && k->of == c;
    bool comes =
        k && !ours && k->moves_to && dns_name_equal(dns_name_span(k->moves_to), dns_name_span(&c->lower));
    if (row && ((ours && k->seen == c->reading) || (!ours && !comes))) {
        tell(c, EVENT_DNS_MEMBER_IGNORED, &e->zone,
             ours ? "the catalog lists it twice"
             : k  ? "it is a member of another catalog"
                  : "the configuration has a zone of this name");
        return;
    }
    if (ours && span_equal(e->label, span_of(k->label, k->label_bytes))) {
        stay(c, catalog, k, e);
        return;
    }
    if (k)
        remove_member(k);
    add_member(c, catalog, e);
}

static void end_reading(struct consumer *c)
{
    zone_release(c->zone);
    c->zone = NULL;
    c->phase = CATALOG_IDLE;
    c->starting = false;
    while (!list_empty(&c->unseen)) /* ends: each is taken off */
        list_append(&c->members, list_take(&c->unseen));
}

static void begin_reading(struct consumer *c, const struct zones_row *row)
{
    c->zone = zone_hold(row->zone);
    c->at = c->zone->apex;
    c->reading++;
    c->again = false;
    c->phase = CATALOG_CHECK;
}

static void begin_applying(struct consumer *c)
{
    c->at = c->zone->apex;
    c->phase = CATALOG_APPLY;
    while (!list_empty(&c->members)) /* ends: each is taken off */
        list_append(&c->unseen, list_take(&c->members));
}

/* A node of the catalog. False: it is broken, and its members stay as they were. */
static bool read_node(struct consumer *c, const struct dnsd_zone *catalog)
{
    struct catalog_entry e;
    const struct zone_node *n = zone_node_at(c->zone, c->at);
    const char *fault = NULL;
    if (c->phase == CATALOG_CHECK)
        fault = c->at == c->zone->apex ? catalog_fault(c->zone) : catalog_node_fault(c->zone, n);
    else if (catalog_read(c->zone, n, &e))
        apply_entry(c, catalog, &e);
    if (fault)
        tell(c, EVENT_DNS_CATALOG_BROKEN, NULL, fault);
    c->at = n->next;
    return !fault;
}

/* What comes next of the reading. False: it is over. */
static bool read_on(struct consumer *c, const struct dnsd_zone *catalog)
{
    struct list_node *unseen = list_first(&c->unseen);
    if (c->phase != CATALOG_SWEEP && c->at)
        return read_node(c, catalog);
    if (c->phase == CATALOG_CHECK)
        begin_applying(c);
    else if (c->phase == CATALOG_APPLY)
        c->phase = CATALOG_SWEEP;
    else if (unseen)
        remove_member(list_item(unseen, struct member, node));
    else
        return false;
    return true;
}

static void read_some(struct consumer *c, size_t nodes)
{
    struct loop *loop = service_of(c)->home->loop;
    const struct zones_row *row = row_of(c->owner->view, &c->lower);
    if (c->phase == CATALOG_IDLE && row && row->zone)
        begin_reading(c, row);
    const struct dnsd_zone *catalog = row ? row->settings : NULL;
    while (catalog && c->phase != CATALOG_IDLE && nodes-- > 0)
        if (!read_on(c, catalog))
            end_reading(c);
    if (c->phase != CATALOG_IDLE || c->again)
        loop_arm(loop, &c->turn, loop_now(loop).mono_ms);
}

static void turn_due(struct timer *t, struct now now)
{
    (void)now;
    read_some(list_item(t, struct consumer, turn), NODES_A_TURN);
}

static struct consumer *find(const struct members *m, const struct dns_name *lower)
{
    for (struct list_node *n = list_first(&m->consumers); n; n = list_next(&m->consumers, n)) {
        struct consumer *c = list_item(n, struct consumer, node); /* catalogs are few */
        if (dns_name_equal(dns_name_span(&c->lower), dns_name_span(lower)))
            return c;
    }
    return NULL;
}

void members_look(struct view *v, const struct zones_row *row)
{
    struct consumer *c = row->settings && row->settings->members_count ? find(v->members, row->name) : NULL;
    if (!c)
        return;
    c->again = true;
    loop_arm(v->service->home->loop, &c->turn, loop_now(v->service->home->loop).mono_ms);
}

/* ---- other settings --------------------------------------------------------------------------------------
 */

/* Into the new directory, unless the configuration has such a zone now. */
static bool move_member(struct member *k, struct view *v, const struct dnsd_zone *catalog,
                        const struct zones *before)
{
    const struct dnsd_zone *settings = catalog ? settings_for(catalog, k->group) : NULL;
    const struct zones_row *old = zones_find_apex(before, k->settings.lower);
    if (!settings || !old || row_of(v, k->settings.lower))
        return false;
    take_settings(k, settings);
    struct zones_row row = row_for(k, old->zone);
    row.expired = old->expired;
    if (!zones_add(&v->zones, &row))
        return false;
    if (row.zone)
        zone_hold(row.zone);
    return true;
}

static void move_all(struct consumer *c, const struct zones *before)
{
    struct view *v = c->owner->view;
    const struct zones_row *row = row_of(v, &c->lower);
    const struct dnsd_zone *catalog = row && row->settings->members_count ? row->settings : NULL;
    struct list stay;
    list_open(&stay);
    end_reading(c);
    while (!list_empty(&c->members)) { /* ends: each is taken off */
        struct member *k = list_item(list_take(&c->members), struct member, node);
        list_append(move_member(k, v, catalog, before) ? &stay : &c->owner->gone, &k->node);
    }
    while (!list_empty(&stay)) /* ends: each is taken off */
        list_append(&c->members, list_take(&stay));
}

void members_move(struct members *m, const struct zones *before)
{
    if (!before->count)
        return;
    for (struct list_node *n = list_first(&m->consumers); n; n = list_next(&m->consumers, n))
        move_all(list_item(n, struct consumer, node), before);
}

static void consumer_free(struct consumer *c)
{
    end_reading(c);
    for (struct list_node *n; (n = list_first(&c->members));) /* ends: each is taken off */
        member_free(list_item(n, struct member, node));
    loop_disarm(service_of(c)->home->loop, &c->turn);
    list_remove(&c->node);
    free(c);
}

static struct consumer *consumer_new(struct members *m, const struct dns_name *lower)
{
    struct consumer *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->owner = m;
    c->turn.fire = turn_due;
    c->starting = true;
    dns_name_copy(&c->lower, lower);
    list_open(&c->members);
    list_open(&c->unseen);
    list_append(&m->consumers, &c->node);
    return c;
}

static void forget_gone(struct members *m)
{
    for (struct list_node *n; (n = list_first(&m->gone));) { /* ends: each is taken off */
        struct member *k = list_item(n, struct member, node);
        const struct zones_row *row = row_of(m->view, k->settings.lower);
        if (!row)
            copy_remove(m->view, k->settings.lower);
        member_free(k);
    }
}

/* Catalogs that are none any more; they have no members then. */
static void drop_consumers(struct members *m)
{
    for (struct list_node *n = list_first(&m->consumers), *next; n; n = next) {
        struct consumer *c = list_item(n, struct consumer, node);
        const struct zones_row *row = row_of(m->view, &c->lower);
        next = list_next(&m->consumers, n);
        if (!row || !row->settings->members_count)
            consumer_free(c);
    }
}

void members_started(struct members *m)
{
    const struct dnsd_view *d = m->view->settings;
    forget_gone(m);
    drop_consumers(m);
    for (size_t i = 0; i < d->zone_count; i++) {
        if (!d->zones[i].members_count)
            continue;
        struct consumer *c = find(m, d->zones[i].lower);
        if (!c)
            c = consumer_new(m, d->zones[i].lower);
        if (c)
            read_some(c, SIZE_MAX);
    }
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

struct members *members_open(struct view *v)
{
    struct members *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->view = v;
    list_open(&m->consumers);
    list_open(&m->gone);
    return m;
}

void members_close(struct members *m)
{
    if (!m)
        return;
    for (struct list_node *n; (n = list_first(&m->consumers));) /* ends: each is taken off */
        consumer_free(list_item(n, struct consumer, node));
    for (struct list_node *n; (n = list_first(&m->gone));) /* ends: each is taken off */
        member_free(list_item(n, struct member, node));
    free(m);
}

/* ---- catalogs that are made here -------------------------------------------------------------------------
 */

/* NULL, after it was told: no memory, or a name that does not fit. */
static struct zone *make(struct view *v, const struct dnsd_view *d, const struct dnsd_zone *catalog,
                         uint32_t serial)
{
    enum zone_fault fault = ZONE_FINE;
    struct zone_builder *b = catalog_begin(catalog->name, serial, v->service->seed, d->zone_count);
    for (size_t i = 0; b && i < d->zone_count && !fault; i++)
        if (d->zones[i].catalog == catalog)
            fault = catalog_add(b, d->zones[i].lower, d->zones[i].catalog_group);
    if (b && !fault)
        return zone_builder_finish(b, &fault);
    zone_builder_drop(b);
    event_note(v->service->home->events, EVENT_DNS_CATALOG_BROKEN, loop_now(v->service->home->loop), "reason",
               b ? zone_fault_text(fault) : "out of memory");
    return NULL;
}

/* But for the serial, which both have. */
static bool lists_the_same(const struct zone *before, const struct zone *made)
{
    struct change *c = change_between(before, made);
    bool same = c && c->removed.count == 1 && c->added.count == 1; /* the SOA */
    change_release(c);
    return same;
}

/* The serial is the time, so that it rises over a restart, too. */
static void make_row(struct view *v, const struct dnsd_view *d, struct zones_row *row)
{
    const struct zones_row *old = row_of(v, row->name);
    struct zone *before = old && old->zone ? old->zone : NULL;
    struct now now = loop_now(v->service->home->loop);
    uint32_t serial = before ? before->serial : (uint32_t)(now.unix_ms / 1000);
    row->zone = make(v, d, row->settings, serial);
    if (!before)
        return;
    if (!row->zone || lists_the_same(before, row->zone)) {
        zone_release(row->zone);
        row->zone = zone_hold(before);
        return;
    }
    zone_release(row->zone);
    row->zone = make(v, d, row->settings, serial_next(SERIAL_UNIXTIME, serial, now.unix_ms));
}

void catalogs_make(struct view *v, const struct dnsd_view *d, struct zones_row *rows)
{
    for (size_t i = 0; i < d->zone_count; i++)
        if (d->zones[i].lists_members)
            make_row(v, d, &rows[i]);
}
