#include "primary.h"

#include "by_hand.h"
#include "encode.h"
#include "forward.h"
#include "notify.h"
#include "outgoing.h"
#include "signing.h"
#include "update.h"
#include "version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define WAITING_MAX 1024 /* updates of all zones: a lab of clients that boot at once */
#define ARENA_CHUNK (64 * 1024)
#define ARENA_MAX   (64 * 1024 * 1024) /* what one message may need: it touches each name that it has once */

/* An update that waits for its turn, or for the disk. */
struct waiting {
    struct list_node node; /* of its zone */
    struct dnsd_awaiting awaiting;
    struct dns_query query;
    struct edns_asked asked; /* by its options */
    struct endpoint peer, local;
    unsigned interface;
    struct udp *udp;
    bool over_tcp;
    struct change *change; /* once decided */
    struct work *work;
    struct tsig_session session; /* where it is signed */
    struct primary_wish wish;    /* in the place of a message; done == NULL: there is one */
    size_t length;
    uint8_t message[];
};

/* What is under way for a zone. */
struct work {
    struct work *next;
    struct primary *primary;
    struct dns_name lower;
    struct list waiting;
    bool committing;
    struct change *own; /* being committed: the server's own */
    primary_made_fn *made;
    void *made_owner;
};

struct primary {
    struct home *home;
    struct view *view; /* gone when it is closed */
    struct journals journals;
    struct notifier notifier;
    struct work *first;
    size_t waiting_count, committing_count;
    struct arena arena;
    bool closed; /* goes when the last commit is told */
};

/* ---- events ---------------------------------------------------------------------------------------------
 */

static void tell_update(struct primary *m, enum event_id id, const struct dns_name *zone,
                        const struct endpoint *peer, enum dns_rcode rcode, const char *why, struct now now)
{
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    bool is_constant = why && rcode != DNS_SERVFAIL; /* else it may be the store's text */
    if (!(is_constant ? event_happens_for(m->home->events, id, why) : event_happens(m->home->events, id)))
        return;
    event_begin(&ev, id, now);
    views_event_zone(&ev, m->view, zone, name);
    event_endpoint(&ev, "client", peer);
    event_text(&ev, "rcode", dns_rcode_name(rcode));
    if (why)
        event_text(&ev, "reason", why);
    event_emit(m->home->events, &ev);
}

static void tell_changed(struct primary *m, const struct zone *z, const struct change *c, struct now now)
{
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    if (!event_happens(m->home->events, EVENT_DNS_ZONE_CHANGED))
        return;
    event_begin(&ev, EVENT_DNS_ZONE_CHANGED, now);
    views_event_zone(&ev, m->view, &z->name, name);
    event_number(&ev, "serial", z->serial);
    event_number(&ev, "removed", (int64_t)c->removed.count);
    event_number(&ev, "added", (int64_t)c->added.count);
    event_emit(m->home->events, &ev);
}

/* ---- versions
 * ------------------------------------------------------------------------------------------------ */

/* The row, to be changed: this room is the one that puts versions into service. */
static struct zones_row *row_of(struct primary *m, const struct dns_name *lower)
{
    return zones_row_of(&m->view->zones, lower);
}

static void notify(struct primary *m, const struct zones_row *row, struct now now)
{
    const struct dnsd_zone *z = row->settings;
    const struct service *s = m->view->service;
    for (size_t i = 0; row->zone && i < z->notify_count; i++) {
        const struct endpoint *at = &z->notify[i].at;
        struct notify_whom whom = { .at = *at,
                                    .from = outgoing_address(m->view, at),
                                    .key = z->notify[i].key,
                                    .zone_key = followers_key(s->seed, m->view->name, row->name) };
        notifier_tell(&m->notifier, row->zone, &whom, now);
    }
}

bool primary_takes_file(struct primary *m, const struct dns_name *lower, const struct zone *file,
                        char text[MASTERFILE_TEXT_MAX])
{
    const struct journal *j = journals_of(&m->journals, lower, false);
    enum journal_file judgement = j ? journal_judge(j, file) : JOURNAL_FOLLOWS;
    if (judgement == JOURNAL_FOLLOWS || judgement == JOURNAL_OLD)
        return true;
    const char *fault = judgement == JOURNAL_RECORDS ? "with other records than that version of the zone"
                                                     : "which is not newer";
    snprintf(text, MASTERFILE_TEXT_MAX,
             "the serial is %" PRIu32 ", %s, and changes have led from %" PRIu32 " to %" PRIu32
             ": give the file a serial above that, for then it counts and they end",
             file->serial, fault, j->file.serial, j->last.serial);
    return false;
}

struct zone *primary_replay(struct primary *m, const struct dns_name *lower, struct zone *z, struct now now)
{
    struct journal *j = journals_of(&m->journals, lower, false);
    const char *why = NULL;
    if (j && !journal_replay(j, &z, &why)) {
        event_note(m->home->events, EVENT_DNS_JOURNAL_LOST, now, "reason", why);
        journal_forget(&m->journals, j);
    }
    return z;
}

static void remembered(void *owner, bool ok, const char *why)
{
    struct primary *m = owner;
    m->committing_count--;
    if (!ok)
        event_note(m->home->events, EVENT_DNS_JOURNAL_LOST, loop_now(m->home->loop), "reason", why);
    if (m->closed)
        primary_close(m);
}

/* From a version to the next, none of which is a file's. */
static const struct journal_way between = { .all_count = false };

/* Somebody may ask what changed. */
static bool is_followed(const struct zones_row *row)
{
    return row->transfer && dnsd_permits_some(row->transfer);
}

void primary_changed(struct primary *m, const struct zones_row *row, struct change *c)
{
    struct journal *j = journals_of(&m->journals, row->name, is_followed(row));
    if (!j)
        return;
    m->committing_count++;
    journal_commit(&m->journals, j, c, &between, remembered, m);
}

void primary_forget(struct primary *m, const struct dns_name *lower)
{
    struct journal *j = journals_of(&m->journals, lower, false);
    if (j)
        journal_forget(&m->journals, j);
}

void primary_notify(struct primary *m, const struct zones_row *row, struct now now)
{
    notify(m, row, now);
}

/* Other records by a serial that did not rise: nobody who follows the zone will fetch them. */
static void warn_of_serial(struct primary *m, const struct zones_row *row, const struct zone *before,
                           struct now now)
{
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    if (!dnsd_has_file(row->settings) || before->digest == row->zone->digest ||
        !event_happens(m->home->events, EVENT_DNS_ZONE_WARNING))
        return;
    event_begin(&ev, EVENT_DNS_ZONE_WARNING, now);
    views_event_zone(&ev, m->view, row->name, name);
    event_text(&ev, "file", row->settings->file);
    event_number(&ev, "serial", row->zone->serial);
    event_number(&ev, "before", before->serial);
    event_text(
        &ev, "reason",
        "the records are others, but the serial is not newer: who follows the zone does not fetch them");
    event_emit(m->home->events, &ev);
}

void primary_replaced(struct primary *m, const struct zones_row *row, const struct zone *before,
                      struct now now)
{
    if (!row->zone || before == row->zone)
        return;
    bool newer = before && dns_serial_newer(row->zone->serial, before->serial);
    if (before && !newer)
        warn_of_serial(m, row, before, now);
    struct journal *j = journals_of(&m->journals, row->name, newer && is_followed(row));
    struct change *c = j && newer ? change_between(before, row->zone) : NULL;
    if (c) {
        m->committing_count++;
        journal_commit(&m->journals, j, c, &between, remembered, m);
        change_release(c);
    } else if (j && before && before->serial != row->zone->serial) {
        journal_forget(&m->journals, j);
    }
    notify(m, row, now);
}

size_t primary_changes(struct primary *m, const struct dns_name *lower, uint32_t serial,
                       struct change *const **out)
{
    const struct journal *j = journals_of(&m->journals, lower, false);
    const struct zones_row *row = zones_find_apex(&m->view->zones, lower);
    size_t count = j ? journal_since(j, serial, out) : 0;
    return count && row->zone && (*out)[count - 1]->to == row->zone->serial ? count : 0;
}

/* ---- replies
 * ----------------------------------------------------------------------------------------------------- */

static void end_waiting(struct waiting *u)
{
    list_remove(&u->node);
    list_remove(&u->awaiting.node);
    u->work->primary->waiting_count--;
    if (u->wish.done) /* nobody told yet: the server ends */
        u->wish.done(u->wish.owner, false, "the server ends", NULL, (struct now){ 0 });
    change_release(u->change);
    tsig_close(&u->session);
    free(u);
}

static void tell_wish(struct waiting *u, bool ok, const char *why, struct now now)
{
    struct primary_wish wish = u->wish;
    struct change *c = u->change;
    u->wish.done = NULL;
    u->change = NULL;
    end_waiting(u);
    wish.done(wish.owner, ok, why, c, now);
    change_release(c);
}

/* As respond_options(), which is for the message at hand: that may be another one by now. */
static void add_options(const struct waiting *u, const struct service *s, struct writer *w)
{
    size_t signature_bytes = tsig_is_open(&u->session) ? tsig_bytes(&u->session) : 0;
    if (u->query.edns.present && u->asked.any)
        edns_options_write(&u->asked, &s->edns, (struct edns_fault_text){ .code = EDNS_FAULT_NONE },
                           encode_limit(&u->query, u->over_tcp), signature_bytes, w);
}

static void reply(struct waiting *u, enum dns_rcode rcode, const char *why, struct now now)
{
    struct primary *m = u->work->primary;
    if (u->wish.done) {
        tell_wish(u, rcode == DNS_NOERROR, why, now);
        return;
    }
    struct service *s = m->view->service;
    struct writer w = writer_over(s->out.bytes, sizeof s->out.bytes);
    tell_update(m, rcode == DNS_NOERROR ? EVENT_DNS_UPDATE : EVENT_DNS_UPDATE_REFUSED, &u->work->lower,
                &u->peer, rcode, why, now);
    counts_take_reply(&s->counts, rcode);
    encode_error(&u->query, rcode, &w);
    add_options(u, s, &w);
    dnsd_sign(&u->session, &w, now);
    if (u->awaiting.connection)
        dnsd_connection_send(&u->awaiting, &w);
    else if (!u->over_tcp)
        udp_send_one(u->udp, &u->peer, &u->local, u->interface, writer_span(&w));
    end_waiting(u);
}

/* ---- one update after the other
 * ----------------------------------------------------------------------------------- */

static void run_work(struct work *k, struct now now);

static void committed(void *owner, bool ok, const char *why)
{
    struct waiting *u = owner;
    struct work *k = u->work;
    struct primary *m = k->primary;
    struct now now = loop_now(m->home->loop);
    struct zones_row *row = m->closed ? NULL : row_of(m, &k->lower);
    k->committing = false;
    m->committing_count--;
    if (m->closed) {
        end_waiting(u);
        primary_close(m);
        return;
    }
    if (ok && row && row->zone && version_change(m->view, row, u->change, &why)) {
        tell_changed(m, row->zone, u->change, now);
        notify(m, row, now);
        reply(u, DNS_NOERROR, NULL, now);
    } else {
        reply(u, DNS_SERVFAIL, why ? why : "another version came in between", now);
    }
    run_work(k, now);
}

static enum dns_rcode decide(struct waiting *u, const struct zones_row *row, struct now now, const char **why)
{
    struct arena *a = &u->work->primary->arena;
    if (!u->wish.done)
        return update_decide(row->zone, span_of(u->message, u->length),
                             serial_next(row->settings->serial_policy, row->zone->serial, now.unix_ms), a,
                             &u->change, why);
    u->change = u->wish.decide(u->wish.owner, row, a, now, why);
    return u->change || !*why ? DNS_NOERROR : DNS_REFUSED;
}

/* Decides; what is to be committed is on its way then. */
static void run_first(struct work *k, struct waiting *u, struct now now)
{
    struct primary *m = k->primary;
    struct zones_row *row = row_of(m, &k->lower);
    const char *why = NULL;
    if (!row || !row->zone) {
        reply(u, DNS_SERVFAIL, "the zone is not in service", now);
        return;
    }
    arena_reset(&m->arena);
    enum dns_rcode rcode = decide(u, row, now, &why);
    if (rcode != DNS_NOERROR || !u->change) {
        reply(u, rcode, why, now);
        return;
    }
    struct journal *j = journals_of(&m->journals, &k->lower, true);
    struct journal_way way = { .all_count = true, .file = row->zone->file };
    if (!signing_extend(m->view->signing, row, u->change, now, &why)) {
        reply(u, DNS_SERVFAIL, why, now);
        return;
    }
    if (!j || !version_fits(m->view, row, u->change, &way.last, &why)) {
        reply(u, j ? DNS_REFUSED : DNS_SERVFAIL, j ? why : "out of memory", now);
        return;
    }
    if (u->wish.done && !by_hand_note(m->view, &k->lower)) {
        reply(u, DNS_SERVFAIL, "the state directory cannot be written to", now);
        return;
    }
    k->committing = true;
    m->committing_count++;
    journal_commit(&m->journals, j, u->change, &way, committed, u);
}

static void run_work(struct work *k, struct now now)
{
    for (struct list_node *n;
         !k->committing && (n = list_first(&k->waiting));) /* each turn takes one, or stops */
        run_first(k, list_item(n, struct waiting, node), now);
}

/* ---- changes of the server's own ----------------------------------------------------------------------- */

static void own_committed(void *owner, bool ok, const char *why)
{
    struct work *k = owner;
    struct primary *m = k->primary;
    struct now now = loop_now(m->home->loop);
    struct change *c = k->own;
    k->committing = false;
    k->own = NULL;
    m->committing_count--;
    if (m->closed) {
        change_release(c);
        primary_close(m);
        return;
    }
    struct zones_row *row = row_of(m, &k->lower);
    ok = ok && row && row->zone && version_change(m->view, row, c, &why);
    if (ok) {
        tell_changed(m, row->zone, c, now);
        notify(m, row, now);
    }
    change_release(c);
    k->made(k->made_owner, ok, ok || why ? why : "another version came in between", now);
    run_work(k, now);
}

static struct work *work_of(struct primary *m, const struct dns_name *lower);

void primary_make(struct primary *m, const struct dns_name *lower, struct change *c, primary_made_fn *fn,
                  void *owner)
{
    struct work *k = work_of(m, lower);
    struct journal *j = k ? journals_of(&m->journals, lower, true) : NULL;
    if (!j) {
        fn(owner, false, "out of memory", loop_now(m->home->loop));
        return;
    }
    k->committing = true;
    k->own = change_hold(c);
    k->made = fn;
    k->made_owner = owner;
    m->committing_count++;
    journal_commit(&m->journals, j, c, &(struct journal_way){ .all_count = true }, own_committed, k);
}

bool primary_is_changing(struct primary *m, const struct dns_name *lower)
{
    for (const struct work *k = m->first; k; k = k->next) /* zones that take updates are few */
        if (dns_name_equal(dns_name_span(&k->lower), dns_name_span(lower)))
            return k->committing;
    return false;
}

bool primary_latest(struct primary *m, const struct dns_name *lower, uint32_t *serial)
{
    const struct journal *j = journals_of(&m->journals, lower, false);
    if (!j || !j->count)
        return false;
    *serial = j->changes[j->count - 1]->to;
    return true;
}

void primary_remember(struct primary *m, const struct dns_name *lower, struct change *c)
{
    struct journal *j = journals_of(&m->journals, lower, true);
    if (!j)
        return;
    m->committing_count++;
    journal_commit(&m->journals, j, c, &between, remembered, m);
}

/* ---- messages
 * ---------------------------------------------------------------------------------------------------- */

static struct work *work_of(struct primary *m, const struct dns_name *lower)
{
    for (struct work *k = m->first; k; k = k->next) /* zones that take updates are few */
        if (dns_name_equal(dns_name_span(&k->lower), dns_name_span(lower)))
            return k;
    struct work *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->primary = m;
    dns_name_copy(&k->lower, lower);
    list_open(&k->waiting);
    k->next = m->first;
    m->first = k;
    return k;
}

static enum respond_outcome refuse(struct primary *m, const struct dns_query *q,
                                   const struct dnsd_asker *from, enum dns_rcode rcode, const char *why,
                                   struct writer *out, struct now now)
{
    tell_update(m, EVENT_DNS_UPDATE_REFUSED, &q->question.name, from->peer, rcode, why, now);
    encode_error(q, rcode, out);
    return RESPOND_REPLY;
}

static bool wait(struct primary *m, const struct dns_query *q, const struct dnsd_asker *from, struct now now)
{
    struct span message = q->message;
    struct work *k = m->waiting_count < WAITING_MAX ? work_of(m, &q->lower) : NULL;
    struct waiting *u = k ? calloc(1, sizeof *u + message.len) : NULL;
    if (!u)
        return false;
    u->query = *q;
    u->asked = m->view->service->response.asked;
    u->peer = *from->peer;
    u->local = *from->local;
    u->interface = from->interface;
    u->udp = from->udp;
    u->over_tcp = from->connection != NULL;
    u->work = k;
    u->session = m->view->service->session;
    m->view->service->session = (struct tsig_session){ 0 };
    u->length = message.len;
    memcpy(u->message, message.at, message.len);
    u->query.message = span_of(u->message, u->length);
    list_append(&k->waiting, &u->node);
    m->waiting_count++;
    if (from->connection)
        dnsd_connection_awaits(from->connection, &u->awaiting);
    run_work(k, now);
    return true;
}

static bool make_durable(struct primary *m, struct problem *p);

bool primary_wish(struct primary *m, const struct dns_name *lower, const struct primary_wish *wish,
                  struct now now, struct problem *p)
{
    if (!make_durable(m, p))
        return false;
    struct work *k = m->waiting_count < WAITING_MAX ? work_of(m, lower) : NULL;
    struct waiting *u = k ? calloc(1, sizeof *u) : NULL;
    if (!u) {
        problem_set(p, "too many changes wait");
        problem_remedy(p, "try again in a while");
        return false;
    }
    u->work = k;
    u->wish = *wish;
    list_append(&k->waiting, &u->node);
    m->waiting_count++;
    run_work(k, now);
    return true;
}

/* RFC 2136 3.3 */
static enum dns_rcode check_policy(const struct zones_row *row, const struct dnsd_asker *from,
                                   struct span message, const char **why)
{
    const struct dnsd_zone *z = row->settings;
    struct dnsd_who who = dnsd_who(from);
    if (dnsd_permitted(&z->update, &who))
        return DNS_NOERROR;
    return policy_check(&z->update_policies, &who, row->zone, message, why);
}

/* RFC 2136 3.1, and who may; `row`: of the zone that it names, NULL: none is ours. */
static enum dns_rcode look_at(const struct dns_query *q, const struct zones_row *row,
                              const struct dnsd_asker *from, const char **why)
{
    *why = "it does not name one zone";
    if (!q->asked || q->question.type != DNS_TYPE_SOA)
        return DNS_FORMERR;
    *why = q->why;
    if (q->rcode == DNS_BADVERS)
        return DNS_BADVERS;
    *why = "no zone of ours";
    if (!row || q->question.class != DNS_CLASS_IN)
        return DNS_NOTAUTH;
    return forward_takes(row, from) ? DNS_NOERROR : check_policy(row, from, q->message, why);
}

enum respond_outcome primary_update(struct primary *m, const struct dns_query *q,
                                    const struct dnsd_asker *from, struct writer *out, enum dns_rcode *rcode,
                                    struct now now)
{
    const char *why;
    const struct zones_row *row = q->asked ? zones_find_apex(&m->view->zones, &q->lower) : NULL;
    *rcode = look_at(q, row, from, &why);
    if (*rcode != DNS_NOERROR)
        return refuse(m, q, from, *rcode, why, out, now);
    bool taken =
        forward_takes(row, from) ? forward_update(m->view, row, q, from, now) : wait(m, q, from, now);
    if (taken)
        return RESPOND_LATER;
    *rcode = DNS_SERVFAIL;
    return refuse(m, q, from, *rcode, "too many updates wait", out, now);
}

/* ---- life
 * ---------------------------------------------------------------------------------------------------------
 */

/* A zone that only its file changes needs no disk of ours, as long as nobody has changed one by hand. */
static bool needs_store(const struct home *home, const struct dnsd_view *d)
{
    if (by_hand_ever(home))
        return true;
    for (size_t i = 0; i < d->zone_count; i++)
        if (d->zones[i].dnssec || dnsd_permits_some(&d->zones[i].update) || d->zones[i].update_policies.count)
            return true;
    return false;
}

bool primary_reload(struct primary *m, const struct dnsd_view *d, struct problem *p)
{
    return !needs_store(m->home, d) || make_durable(m, p);
}

/* From now on changes are kept on disk. */
static bool make_durable(struct primary *m, struct problem *p)
{
    struct journals durable;
    if (m->journals.store)
        return true;
    struct store *store = home_store(m->home, p);
    if (!store || !journals_open(&durable, store, m->view->name, p))
        return false;
    journals_close(&m->journals);
    m->journals = durable;
    return true;
}

struct primary *primary_open(struct view *v, const struct dnsd_view *d, struct problem *p)
{
    struct home *home = v->service->home;
    bool durable = needs_store(home, d);
    struct store *store = durable ? home_store(home, p) : NULL;
    if (durable && !store)
        return NULL;
    struct primary *m = calloc(1, sizeof *m);
    if (!m) {
        problem_set(p, "out of memory");
        return NULL;
    }
    m->view = v;
    m->home = home;
    arena_open(&m->arena, ARENA_CHUNK, ARENA_MAX);
    notifier_open(&m->notifier, home->loop, home->events);
    m->notifier.followers = &v->service->followers;
    if (journals_open(&m->journals, store, v->name, p))
        return m;
    primary_close(m);
    return NULL;
}

bool primary_busy(const struct primary *m)
{
    return m->committing_count != 0;
}

static void forget_works(struct primary *m)
{
    for (struct work *k = m->first, *next; k; k = next) {
        next = k->next;
        for (struct list_node *n; (n = list_first(&k->waiting));) /* ends: each is taken off */
            end_waiting(list_item(n, struct waiting, node));
        free(k);
    }
    m->first = NULL;
}

void primary_close(struct primary *m)
{
    if (!m)
        return;
    if (!m->closed)
        notifier_close(&m->notifier);
    m->closed = true;
    if (m->committing_count) /* the last one that is told ends it */
        return;
    forget_works(m);
    journals_close(&m->journals);
    arena_close(&m->arena);
    free(m);
}
