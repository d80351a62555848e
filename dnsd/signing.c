#include "signing.h"

#include "by_hand.h"
#include "copy.h"
#include "primary.h"
#include "signing_key.h"
#include "worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WINDOW_S    3600 /* what is due within the next hour is looked for at once */
#define NAMES_A_GO  16   /* are signed anew by one change: fewer would be many serials, more a long turn */
#define AGAIN_S     1    /* while another change of the zone is under way */
#define REPAIR_S    60   /* after a failure */
#define ARENA_CHUNK ((size_t)64 * 1024)
#define ARENA_MAX   ((size_t)1 << 30)

/* A name with a signature that will be due. */
struct due {
    uint32_t due_s;
    struct span name;
};

struct signed_zone {
    struct signed_zone *next;
    struct signing *owner;
    struct dns_name lower;
    struct sign_key key;
    struct sign_settings settings;
    enum serial_policy serial_policy;
    bool loaded;           /* a version of it was put into service by this run */
    struct zone_mark file; /* that it was made from; its digest is not known from a run before */
    struct timer clock;
    struct arena arena; /* of the names in `due` */
    struct due *due;    /* in their order */
    size_t due_count, due_room, due_next;
    uint32_t look_again_s;
};

struct signing {
    struct view *view;
    struct signed_zone *first;
};

static uint32_t seconds(struct now now)
{
    return (uint32_t)(now.unix_ms / 1000);
}

static void tell_failed(struct signing *g, const struct dns_name *zone, const char *why, struct now now)
{
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    struct events *events = g->view->service->home->events;
    if (!event_happens(events, EVENT_DNS_SIGNING_FAILED))
        return;
    event_begin(&ev, EVENT_DNS_SIGNING_FAILED, now);
    views_event_zone(&ev, g->view, zone, name);
    event_text(&ev, "reason", why);
    event_emit(events, &ev);
}

static struct signed_zone *find(const struct signing *g, const struct dns_name *lower)
{
    struct signed_zone *k = g->first;
    while (k && !dns_name_equal(dns_name_span(&k->lower), dns_name_span(lower)))
        k = k->next; /* zones that sign themselves are few */
    return k;
}

/* The zone in service, where it is one of ours. */
static const struct zones_row *row_of(const struct signed_zone *k)
{
    const struct zones_row *row = zones_find_apex(&k->owner->view->zones, &k->lower);
    return row && row->zone && row->settings->dnssec ? row : NULL;
}

/* ---- the clock
 * -----------------------------------------------------------------------------------------------
 */

static void go(struct timer *t, struct now now);

static uint32_t window_s(const struct signed_zone *k)
{
    uint32_t most_s = k->settings.validity_s / 4; /* what is made meanwhile is not due before the next look */
    return most_s < WINDOW_S ? most_s : WINDOW_S;
}

static int compare_due(const void *a, const void *b)
{
    const struct due *x = a, *y = b;
    return (x->due_s > y->due_s) - (x->due_s < y->due_s);
}

static bool note_due(struct signed_zone *k, struct span name, uint32_t due_s)
{
    if (k->due_count == k->due_room) {
        size_t room = k->due_room ? 2 * k->due_room : 64;
        struct due *due = realloc(k->due, room * sizeof *due);
        if (!due)
            return false;
        k->due = due;
        k->due_room = room;
    }
    struct span copy = arena_copy(&k->arena, name);
    if (copy.at)
        k->due[k->due_count++] = (struct due){ due_s, copy };
    return copy.at;
}

/* The earliest of a name's signatures; UINT32_MAX where it has none. */
static uint32_t due_of(const struct signed_zone *k, const struct zone *z, const struct zone_node *n)
{
    uint32_t least_s = UINT32_MAX;
    struct rrsig sig;
    for (const struct zone_set *piece = zone_find_set(z, n, DNS_TYPE_RRSIG); piece;
         piece = zone_set_at(z, piece->more))                           /* a chain that ends */
        for (struct reader r = zone_records(piece); reader_left(&r);) { /* each turn takes a record */
            struct span rdata;
            zone_next_record(&r, &rdata);
            uint32_t due_s = rrsig_read(rdata, &sig) ? sign_due_s(&k->settings, &sig) : 0;
            least_s = due_s < least_s ? due_s : least_s;
        }
    return least_s;
}

/* Once in a while all signatures are looked at; those that are due soon are put in order. */
static bool look_for_due(struct signed_zone *k, const struct zone *z, uint32_t now_s)
{
    uint32_t until_s = now_s + window_s(k);
    bool ok = true;
    arena_reset(&k->arena);
    k->due_count = k->due_next = 0;
    for (zone_ref at = z->apex; at && ok;) { /* each turn takes a node */
        const struct zone_node *n = zone_node_at(z, at);
        uint32_t due_s = due_of(k, z, n);
        if (due_s <= until_s)
            ok = note_due(k, zone_node_name(n), due_s);
        at = n->next;
    }
    if (k->due_count)
        qsort(k->due, k->due_count, sizeof *k->due, compare_due);
    k->look_again_s = until_s;
    return ok;
}

static void arm(struct signed_zone *k, uint32_t due_s, struct now now)
{
    uint64_t wait_s = due_s > seconds(now) ? due_s - seconds(now) : 0;
    k->clock.fire = go;
    loop_arm(k->owner->view->service->home->loop, &k->clock, now.mono_ms + wait_s * 1000);
}

static void arm_next(struct signed_zone *k, struct now now)
{
    bool more = k->due_next < k->due_count;
    arm(k, more && k->due[k->due_next].due_s < k->look_again_s ? k->due[k->due_next].due_s : k->look_again_s,
        now);
}

static void made(void *owner, bool ok, const char *why, struct now now)
{
    struct signed_zone *k = owner;
    if (!ok)
        tell_failed(k->owner, &k->lower, why, now);
    if (ok)
        arm_next(k, now);
    else
        arm(k, seconds(now) + REPAIR_S, now);
    k->look_again_s = ok ? k->look_again_s : 0;
}

/* A few of those that are due are made anew, as one change. */
static void make_anew(struct signed_zone *k, const struct zones_row *row, struct now now)
{
    struct service *s = k->owner->view->service;
    struct span names[NAMES_A_GO];
    struct sign_scope scope = { .names = names };
    const char *why = "out of memory";
    while (k->due_next < k->due_count && k->due[k->due_next].due_s <= seconds(now) &&
           scope.name_count < NAMES_A_GO)
        names[scope.name_count++] = k->due[k->due_next++].name;
    struct change *c =
        sign_new_serial(row->zone, serial_next(k->serial_policy, row->zone->serial, now.unix_ms));
    workers_wait(s);
    enum sign_result result =
        c ? sign_change(row->zone, c, &k->settings, &scope, seconds(now), &why) : SIGN_FAILED;
    workers_go_on(s);
    if (result == SIGN_CHANGED)
        primary_make(k->owner->view->primary, &k->lower, c, made, k);
    else
        made(k, result == SIGN_NOTHING, why, now);
    change_release(c);
}

static void go(struct timer *t, struct now now)
{
    struct signed_zone *k = list_item(t, struct signed_zone, clock);
    const struct zones_row *row = row_of(k);
    if (!row || k->owner->view->service->stopping)
        return; /* signing_started() begins anew when it comes back */
    if (primary_is_changing(k->owner->view->primary, &k->lower)) {
        arm(k, seconds(now) + AGAIN_S, now);
        return;
    }
    if (k->look_again_s <= seconds(now) && !look_for_due(k, row->zone, seconds(now)))
        tell_failed(k->owner, &k->lower, "out of memory", now);
    if (k->due_next < k->due_count && k->due[k->due_next].due_s <= seconds(now))
        make_anew(k, row, now);
    else
        arm_next(k, now);
}

void signing_started(struct signing *g, struct now now)
{
    for (struct signed_zone *k = g->first; k; k = k->next) {
        k->look_again_s = 0;
        if (row_of(k))
            arm(k, 0, now);
    }
}

/* ---- changes by others
 * ---------------------------------------------------------------------------------------
 */

bool signing_extend(struct signing *g, const struct zones_row *row, struct change *c, struct now now,
                    const char **why)
{
    struct signed_zone *k = row->settings->dnssec ? find(g, row->name) : NULL;
    struct sign_scope scope = { 0 };
    if (!k)
        return true;
    workers_wait(g->view->service);
    bool ok = sign_change(row->zone, c, &k->settings, &scope, seconds(now), why) != SIGN_FAILED;
    workers_go_on(g->view->service);
    return ok;
}

/* ---- a zone from its file
 * ------------------------------------------------------------------------------------
 */

static struct signed_zone *find_or_make(struct signing *g, const struct dnsd_zone *settings,
                                        struct problem *p)
{
    struct signed_zone *k = find(g, settings->lower);
    if (!k && !(k = calloc(1, sizeof *k))) {
        problem_set(p, "out of memory");
        return NULL;
    }
    if (!k->owner) {
        dns_name_copy(&k->lower, settings->lower);
        if (!signing_key_open(g->view->service->home->state_directory, settings->lower, true, &k->key, p)) {
            free(k);
            return NULL;
        }
        arena_open(&k->arena, ARENA_CHUNK, ARENA_MAX);
        k->owner = g;
        k->next = g->first;
        g->first = k;
    }
    k->serial_policy = settings->serial_policy;
    k->settings = (struct sign_settings){ .key = &k->key,
                                          .nsec3 = settings->nsec3,
                                          .validity_s = settings->signature_validity_s };
    return k;
}

/* From the version in service to what the file says, with this serial. NULL: no memory. */
static struct change *change_to_file(const struct zone *before, const struct zone *file, uint32_t to)
{
    uint8_t room[2 * DNS_NAME_BYTES_MAX + 20];
    struct change *plain = change_between(before, file), *c = plain ? change_new(before->serial, to) : NULL;
    struct reader r = change_reader(c ? &plain->added : &(struct change_records){ 0 });
    struct dns_record record;
    struct span rdata;
    bool ok = c;
    while (ok && change_next(&r, &record, &rdata)) { /* each turn takes a record */
        if (record.type == DNS_TYPE_SOA)
            rdata = sign_soa(rdata, to, room, sizeof room);
        ok = change_add_record(&c->added, dns_name_span(&record.owner), record.type, record.ttl, rdata);
    }
    if (ok) {
        c->removed = plain->removed;
        plain->removed = (struct change_records){ 0 };
    } else {
        change_release(c);
        c = NULL;
    }
    change_release(plain);
    return c;
}

/* The SOA says the same but for its serial. */
static bool same_soa(const struct zone *a, const struct zone *b)
{
    uint8_t room[2 * DNS_NAME_BYTES_MAX + 20];
    struct reader x = zone_records(zone_set_at(a, a->soa)), y = zone_records(zone_set_at(b, b->soa));
    struct span of_a, of_b;
    struct span head_a = span_head(zone_next_record(&x, &of_a), 8);
    struct span head_b = span_head(zone_next_record(&y, &of_b), 8); /* type, class, TTL */
    return span_equal(head_a, head_b) && span_equal(sign_soa(of_a, b->serial, room, sizeof room), of_b);
}

static bool takes_updates(const struct dnsd_zone *d)
{
    return dnsd_permits_some(&d->update) || d->update_policies.count;
}

/* Newer than all that anybody has seen. */
static uint32_t choose_serial(struct signed_zone *k, const struct zone *base, const struct zone *file,
                              struct now now)
{
    uint32_t seen = base->serial, committed;
    if (primary_latest(k->owner->view->primary, &k->lower, &committed) && dns_serial_newer(committed, seen))
        seen = committed;
    return dns_serial_newer(file->serial, seen) ? file->serial
                                                : serial_next(k->serial_policy, seen, now.unix_ms);
}

/* What was there before: NULL, or held. */
static struct zone *before_of(struct signed_zone *k, struct zone *in_service, struct now now)
{
    struct view *v = k->owner->view;
    if (in_service && k->loaded)
        return zone_hold(in_service);
    struct zone *copy = copy_load_signed(v, &k->lower, &k->file.serial);
    return copy ? primary_replay(v->primary, &k->lower, copy, now) : NULL;
}

static struct zone *failed(struct signed_zone *k, struct zone *z, const char *why, struct problem *p,
                           struct now now)
{
    zone_release(z);
    tell_failed(k->owner, &k->lower, why, now);
    problem_set(p, "a zone cannot be signed: %s", why);
    return NULL;
}

static bool is_changed_by_others(const struct signed_zone *k, const struct dnsd_zone *settings)
{
    return takes_updates(settings) || by_hand_is_noted(k->owner->view, &k->lower);
}

/* As primary_takes_file(): here changes follow on the zone that was made of the file. */
static bool takes_file(const struct signed_zone *k, const struct dnsd_zone *settings,
                       const struct zone *before, const struct zone *file, char text[MASTERFILE_TEXT_MAX])
{
    if (!before) /* it may have been changed before it was signed */
        return primary_takes_file(k->owner->view->primary, &k->lower, file, text);
    bool same = file->serial == k->file.serial && (!k->file.digest || file->digest == k->file.digest);
    if (same || dns_serial_newer(file->serial, k->file.serial) || !is_changed_by_others(k, settings))
        return true;
    snprintf(text, MASTERFILE_TEXT_MAX,
             "the serial is %" PRIu32
             ", and the zone, which may have changes of its own, was made of a file of "
             "serial %" PRIu32 ": give it one above that, for then it counts and they end",
             file->serial, k->file.serial);
    return false;
}

struct zone *signing_load(struct signing *g, const struct dnsd_zone *settings, struct zone *file,
                          struct zone *in_service, struct now now, char refused[MASTERFILE_TEXT_MAX],
                          struct problem *p)
{
    struct signed_zone *k = find_or_make(g, settings, p);
    if (!k) {
        tell_failed(g, settings->name, p->what, now);
        zone_release(file);
        return NULL;
    }
    const char *why = "out of memory";
    struct sign_scope scope = { .all = true };
    bool running = in_service && k->loaded;
    struct zone *before = before_of(k, in_service, now);
    struct zone_mark mark = zone_mark_of(file);
    if (!takes_file(k, settings, before, file, refused)) {
        zone_release(before);
        zone_release(file);
        return NULL;
    }
    if (!before)
        file = primary_replay(g->view->primary, &k->lower, file, now);
    bool same_file = before && mark.serial == k->file.serial;
    bool stays = same_file && is_changed_by_others(k, settings);
    if (!same_file)
        by_hand_forget(g->view, &k->lower);
    struct zone *base = before ? before : zone_hold(file);
    uint32_t serial = choose_serial(k, base, file, now);
    struct change *c = !before || stays ? sign_new_serial(base, serial) : change_to_file(base, file, serial);
    bool wanted = !stays && (serial == file->serial || !same_soa(base, file));
    zone_release(file);
    enum sign_result result =
        c ? sign_change(base, c, &k->settings, &scope, seconds(now), &why) : SIGN_FAILED;
    bool changes = result == SIGN_CHANGED || (result == SIGN_NOTHING && wanted);
    if (result == SIGN_FAILED || (changes && !change_apply(&base, c, &why))) {
        change_release(c);
        return failed(k, base, why, p, now);
    }
    k->file = mark;
    if (changes && before && !running)
        primary_remember(g->view->primary, &k->lower, c);
    if (changes || !running)
        copy_save_signed(g->view, base, mark.serial);
    change_release(c);
    k->loaded = true;
    return base;
}

/* ---- life
 * ------------------------------------------------------------------------------------------------------
 */

struct signing *signing_open(struct view *v)
{
    struct signing *g = calloc(1, sizeof *g);
    if (g)
        g->view = v;
    return g;
}

void signing_close(struct signing *g)
{
    if (!g)
        return;
    for (struct signed_zone *k = g->first, *next; k; k = next) {
        next = k->next;
        loop_disarm(g->view->service->home->loop, &k->clock);
        signing_key_close(&k->key);
        arena_close(&k->arena);
        free(k->due);
        free(k);
    }
    free(g);
}
