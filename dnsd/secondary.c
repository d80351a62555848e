#include "secondary.h"

#include "copy.h"
#include "copy_times.h"
#include "dns_exchange.h"
#include "encode.h"
#include "outgoing.h"
#include "primary.h"
#include "transfer_in.h"
#include "version.h"
#include "zonemd.h"

#include <stdio.h>
#include <stdlib.h>

#define CHECK_MS 3000  /* for the SOA, by UDP or TCP */
#define STALL_MS 30000 /* a transfer that brings nothing for so long is given up */
#define COPY_MS  10000 /* from a change to the copy on disk: all that a crash without a primary can cost */
#define ABSENT_S 10    /* between tries for a zone of which nothing is there yet */
#define FETCHES_MAX                                                                                          \
    128 /* checks and transfers of a view at once: a socket each; the others wait for theirs */
#define LENGTH_BYTES 2
#define OUT_BYTES    2048 /* the question, with names and an SOA at their longest */

/* What a follower has while it asks. */
struct fetch {
    struct transfer_in in;
    struct tsig_session session; /* of the exchange or the transfer, with a primary that has a key */
    size_t question_bytes;       /* signed, for the exchange */
    uint8_t question[DNS_QUERY_BYTES_MAX + TSIG_BYTES_MAX];
};

/* A zone that is followed; there may be a hundred thousand. */
struct follower {
    struct list_node node, waiting; /* of all; of those whose turn to ask will come */
    struct secondary *secondary;
    const struct dnsd_zone *settings;
    const struct dns_name *lower; /* the settings' */
    struct copy_times times;
    struct timer check_due, expiry, copy_due;
    size_t primary;                /* which one is asked */
    bool again;                    /* a NOTIFY came meanwhile */
    bool copy_stale;               /* changes are not in the copy on disk yet */
    bool full;                     /* changes did not fit: the next transfer is of the whole zone */
    bool anyway;                   /* ... and it is fetched whatever the serial of the primary is */
    int64_t checked_ms, failed_ms; /* unix time; see struct secondary_state */
    char *why;                     /* of the last failure; NULL: none */
    struct fetch *fetch;
    struct dns_exchange *exchange;
    struct stream *stream;
    uint64_t transfer_end_ms; /* however much comes */
    uint16_t id;
    bool incremental, transferring, gone; /* gone: freed when its stream is */
};

struct secondary {
    struct view *view;
    struct list all, waiting;
    size_t fetching; /* how many have a fetch */
    struct deferred next_turn;
};

static struct zones_row *row_of(struct follower *f)
{
    return zones_row_of(&f->secondary->view->zones, f->lower);
}

static struct zone *zone_of(struct follower *f)
{
    struct zones_row *row = row_of(f);
    return row ? row->zone : NULL;
}

/* ---- events
 * --------------------------------------------------------------------------------------------------- */

static void tell(struct follower *f, enum event_id id, const char *reason, struct now now)
{
    struct events *events = f->secondary->view->service->home->events;
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    if (reason) {
        free(f->why);
        f->why = strdup(reason);
        f->failed_ms = now.unix_ms;
    }
    if (!event_happens(events, id))
        return;
    event_begin(&ev, id, now);
    views_event_zone(&ev, f->secondary->view, f->lower, name);
    event_endpoint(&ev, "primary", &f->settings->primaries[f->primary].at);
    if (id == EVENT_DNS_FETCHED) {
        event_text(&ev, "by", f->incremental ? "IXFR" : "AXFR");
        event_number(&ev, "records", (int64_t)f->fetch->in.record_count);
        event_number(&ev, "messages", (int64_t)f->fetch->in.message_count);
        if (f->stream && stream_secure(f->stream))
            event_text(&ev, "tls", stream_tls_description(f->stream));
    }
    if (id == EVENT_DNS_CURRENT)
        event_number(&ev, "serial", zone_of(f)->serial);
    if (reason)
        event_text(&ev, "reason", reason);
    event_emit(events, &ev);
}

/* ---- versions
 * ------------------------------------------------------------------------------------------------------ */

static struct loop *loop_of(const struct follower *f)
{
    return f->secondary->view->service->home->loop;
}

static const struct dnsd_server *primary_of(const struct follower *f)
{
    return &f->settings->primaries[f->primary];
}

static void check_in(struct follower *f, uint32_t wait_s, struct now now)
{
    uint64_t wait_ms =
        (uint64_t)wait_s * 1000; /* some earlier, so that many secondaries do not come at once */
    loop_arm(loop_of(f), &f->check_due,
             now.mono_ms + wait_ms - rng_below(&f->secondary->view->service->home->rng, wait_ms / 10 + 1));
}

/* ---- turns ------------------------------------------------------------------------------------------- */

static void check(struct follower *f, struct now now);

/* It asks nobody any more; another one may. */
static void rest(struct follower *f)
{
    struct secondary *m = f->secondary;
    if (!f->fetch)
        return;
    transfer_in_end(&f->fetch->in);
    tsig_close(&f->fetch->session);
    free(f->fetch);
    f->fetch = NULL;
    m->fetching--;
    if (!list_empty(&m->waiting))
        loop_defer(loop_of(f), &m->next_turn);
}

static void take_turn(struct follower *f, struct now now)
{
    f->fetch = calloc(1, sizeof *f->fetch);
    if (!f->fetch) {
        check_in(f, ABSENT_S, now);
        return;
    }
    f->secondary->fetching++;
    f->again = false; /* this check sees what was said until now */
    check(f, now);
}

static void next_turn(struct deferred *d)
{
    struct secondary *m = list_item(d, struct secondary, next_turn);
    while (m->fetching < FETCHES_MAX && !list_empty(&m->waiting)) { /* each turn takes one off */
        struct follower *f = list_item(list_take(&m->waiting), struct follower, waiting);
        take_turn(f, loop_now(loop_of(f)));
    }
}

/* Asks, or waits for its turn. */
static void want_check(struct follower *f, struct now now)
{
    struct secondary *m = f->secondary;
    if (f->fetch)
        f->again = true;
    else if (list_linked(&f->waiting))
        return;
    else if (m->fetching < FETCHES_MAX && list_empty(&m->waiting))
        take_turn(f, now);
    else
        list_append(&m->waiting, &f->waiting);
}

static void arm_expiry(struct follower *f, const struct zone *z, struct now now)
{
    loop_arm(loop_of(f), &f->expiry,
             now.mono_ms + copy_times_left_ms(&f->times, z->confirmed_ms, now.unix_ms));
}

/* The primary has said that what we have is the latest, or has given it. */
static void is_current(struct follower *f, struct now now)
{
    rest(f);
    struct zone *z = zone_of(f);
    if (z && !f->again)
        tell(f, EVENT_DNS_CURRENT, NULL, now);
    f->primary = 0;
    if (!z)
        return;
    f->checked_ms = z->confirmed_ms = now.unix_ms;
    f->failed_ms = 0;
    f->times = copy_times_of(z);
    arm_expiry(f, z, now);
    if (f->again)
        loop_arm(loop_of(f), &f->check_due, now.mono_ms);
    else
        check_in(f, f->times.refresh_s, now);
}

static void publish(struct follower *f, struct zone *next, struct now now)
{
    struct zones_row *row = row_of(f);
    if (!row) {
        zone_release(next);
        return;
    }
    struct zone *before = version_replace(f->secondary->view, row, next);
    copy_save(f->secondary->view, next);
    f->copy_stale = false;
    tell(f, EVENT_DNS_FETCHED, NULL, now);
    primary_replaced(f->secondary->view->primary, row, before, now);
    zone_release(before);
}

static void copy_due(struct timer *t, struct now now)
{
    struct follower *f = list_item(t, struct follower, copy_due);
    struct zone *z = zone_of(f);
    (void)now;
    if (z && f->copy_stale)
        copy_save(f->secondary->view, z);
    f->copy_stale = false;
}

/* Each change leads to a version that the primary had: what stands before one that does not fit is served.
 * The copy on disk follows when it has been a while: it is written whole. */
static bool publish_changes(struct follower *f, struct now now)
{
    struct zones_row *row = row_of(f);
    struct primary *p = f->secondary->view->primary;
    f->fetch->in.why = "the zone went meanwhile";
    for (size_t i = 0; i < f->fetch->in.change_count; i++) {
        if (!row || !row->zone ||
            !version_change(f->secondary->view, row, f->fetch->in.changes[i], &f->fetch->in.why))
            return false;
        primary_changed(p, row, f->fetch->in.changes[i]);
    }
    if (!f->copy_stale) /* what a catalog lists is known by its copy alone after a crash */
        loop_arm(loop_of(f), &f->copy_due, now.mono_ms + (f->settings->members_count ? 0 : COPY_MS));
    f->copy_stale = true;
    tell(f, EVENT_DNS_FETCHED, NULL, now);
    primary_notify(p, row, now);
    return true;
}

static void expired(struct timer *t, struct now now)
{
    struct follower *f = list_item(t, struct follower, expiry);
    struct zones_row *row = row_of(f);
    if (!row || !row->zone)
        return;
    tell(f, EVENT_DNS_ZONE_EXPIRED, "none of its primaries has confirmed it for the time that its SOA says",
         now);
    zone_release(version_replace(f->secondary->view, row, NULL));
}

/* ---- one primary after the other
 * ----------------------------------------------------------------------------------- */

static void try_next(struct follower *f, const char *why, struct now now)
{
    tell(f, EVENT_DNS_FETCH_FAILED, why, now);
    if (++f->primary < f->settings->primary_count) {
        check(f, now);
        return;
    }
    f->primary = 0;
    rest(f);
    if (f->again) /* who said so meanwhile has it */
        loop_arm(loop_of(f), &f->check_due, now.mono_ms);
    else
        check_in(f, zone_of(f) ? f->times.retry_s : ABSENT_S, now);
}

/* ---- transfers
 * ---------------------------------------------------------------------------------------------------------
 */

static void begin_fetch(struct follower *f, bool incremental, struct now now);

static void end_transfer(struct follower *f)
{
    f->transferring = false;
    transfer_in_end(&f->fetch->in);
    tsig_close(&f->fetch->session);
    if (f->stream)
        stream_abort(f->stream);
}

/* What IXFR could not bring, AXFR may. */
static void fail_transfer(struct follower *f, const char *why, struct now now)
{
    bool incremental = f->incremental;
    end_transfer(f);
    if (incremental) {
        tell(f, EVENT_DNS_FETCH_FAILED, why, now);
        f->full = true;
        rest(f);
        loop_arm(loop_of(f), &f->check_due, now.mono_ms); /* the stream must be gone first */
    } else {
        f->full = false;
        try_next(f, why, now);
    }
}

/* What came from a primary that has a key. */
static enum tsig_error verify(struct follower *f, struct span message, struct now now)
{
    return tsig_is_open(&f->fetch->session)
               ? tsig_verify(&f->fetch->session, message, (uint64_t)now.unix_ms / 1000)
               : TSIG_GOOD;
}

/* What goes to the primary, in the writer, is signed where that has a key. False: no memory. */
static bool sign(struct follower *f, struct writer *w, struct now now)
{
    tsig_close(&f->fetch->session);
    return !primary_of(f)->key || (tsig_open(&f->fetch->session, primary_of(f)->key) &&
                                   tsig_sign(&f->fetch->session, w, (uint64_t)now.unix_ms / 1000));
}

static bool is_ours(const struct follower *f, struct span message)
{
    struct reader r = reader_over(message);
    return read_u16(&r) == f->id && reader_ok(&r);
}

/* RFC 8976 4: what came, whole or as changes, is checked before anybody is answered from it. */
static bool is_what_it_says(struct follower *f)
{
    struct zones_row *row = row_of(f);
    if (f->settings->zonemd != DNSD_ZONEMD_CHECK)
        return true;
    if (!f->fetch->in.change_count)
        return !(f->fetch->in.why = zonemd_fault(f->fetch->in.result));
    return !row || !row->zone ||
           version_verified(f->secondary->view, row, f->fetch->in.changes, f->fetch->in.change_count,
                            &f->fetch->in.why);
}

/* False: the transfer is over, one way or the other. */
static bool take_message(struct follower *f, struct span message, struct now now)
{
    if (!is_ours(f, message)) {
        fail_transfer(f, "a message with another identifier", now);
        return false;
    }
    enum tsig_error error = verify(f, message, now);
    enum transfer_in_state state = error ? TRANSFER_IN_WRONG : transfer_in_feed(&f->fetch->in, message);
    bool over = state == TRANSFER_IN_DONE || state == TRANSFER_IN_UP_TO_DATE;
    if (error || (over && f->fetch->session.unsigned_count)) { /* RFC 8945 5.3.1: the last one is signed */
        fail_transfer(f, tsig_error_name(error ? error : TSIG_UNSIGNED), now);
        return false;
    }
    switch (state) {
    case TRANSFER_IN_MORE:
        if (now.mono_ms >= f->transfer_end_ms) {
            fail_transfer(f, "the transfer takes longer than max-transfer-time", now);
            return false;
        }
        stream_deadline(f->stream, now.mono_ms + STALL_MS);
        return true;
    case TRANSFER_IN_DONE:
        if (!is_what_it_says(f)) {
            fail_transfer(f, f->fetch->in.why, now);
            break;
        }
        if (f->fetch->in.change_count && !publish_changes(f, now)) {
            fail_transfer(f, f->fetch->in.why, now);
            break;
        }
        if (!f->fetch->in.change_count)
            publish(f, transfer_in_take(&f->fetch->in), now);
        f->full = false;
        end_transfer(f);
        is_current(f, now);
        break;
    case TRANSFER_IN_UP_TO_DATE:
        end_transfer(f);
        if (zone_of(f))
            copy_confirm(f->secondary->view, zone_of(f), now);
        is_current(f, now);
        break;
    case TRANSFER_IN_WRONG:
        fail_transfer(f, f->fetch->in.why, now);
        break;
    }
    return false;
}

static size_t bytes_came(void *self, struct stream *s, struct span in)
{
    struct follower *f = self;
    struct reader r = reader_over(in);
    (void)s;
    for (size_t taken = 0; f->transferring;
         taken = reader_offset(&r)) { /* each turn takes a message, or stops */
        size_t length = read_u16(&r);
        struct span message = read_span(&r, length);
        if (!reader_ok(&r))
            return taken;
        if (!take_message(f, message, loop_now(loop_of(f))))
            break;
    }
    return in.len;
}

static void stream_expired(void *self, struct stream *s)
{
    struct follower *f = self;
    (void)s;
    if (f->transferring)
        fail_transfer(f, "the transfer stalls", loop_now(loop_of(f)));
}

static void stream_closed(void *self, struct stream *s, enum stream_end why)
{
    struct follower *f = self;
    const char *reason = why == STREAM_ERROR ? stream_error(s) : "the connection ended before the zone did";
    f->stream = NULL;
    if (f->gone)
        free(f);
    else if (f->transferring)
        fail_transfer(f, reason, loop_now(loop_of(f)));
}

static bool ask(struct follower *f, const struct zone *have, struct now now)
{
    uint8_t room[OUT_BYTES];
    uint8_t length_room[LENGTH_BYTES];
    struct writer w = writer_over(room, sizeof room), length = writer_over(length_room, sizeof length_room);
    entropy_fill(&f->id, sizeof f->id);
    transfer_in_ask(&w, f->id, f->lower, have);
    if (!sign(f, &w, now))
        return false;
    write_u16(&length, (uint16_t)writer_length(&w));
    return stream_write(f->stream, writer_span(&length)) && stream_write(f->stream, writer_span(&w));
}

static void begin_asking(struct follower *f, struct now now)
{
    if (!ask(f, f->incremental ? zone_of(f) : NULL, now))
        fail_transfer(f, "out of memory", now);
}

/* The primary has shown that it is the one that is meant. */
static void secured(void *self, struct stream *s)
{
    struct follower *f = self;
    (void)s;
    if (f->transferring)
        begin_asking(f, loop_now(loop_of(f)));
}

static const struct stream_owner stream_owner = {
    .bytes = bytes_came, .secured = secured, .expired = stream_expired, .closed = stream_closed
};

static void begin_fetch(struct follower *f, bool incremental, struct now now)
{
    f->anyway = false;
    static const struct stream_limits limits = { LENGTH_BYTES + DNS_MESSAGE_BYTES_MAX, OUT_BYTES, OUT_BYTES };
    struct service *s = f->secondary->view->service;
    struct zone *have = zone_of(f);
    f->incremental = incremental && have;
    struct address from = outgoing_address(f->secondary->view, &primary_of(f)->at);
    f->stream = stream_connect(loop_of(f), &from, &primary_of(f)->at, &limits, &stream_owner, f);
    if (!f->stream) {
        try_next(f, "out of memory", now);
        return;
    }
    f->transferring = true;
    f->transfer_end_ms = now.mono_ms + (uint64_t)f->settings->max_transfer_s * 1000;
    transfer_in_begin(&f->fetch->in, f->lower, f->incremental ? have : NULL, s->seed,
                      f->settings->max_transfer_bytes);
    stream_deadline(f->stream, now.mono_ms + STALL_MS);
    if (primary_of(f)->tls_name)
        stream_start_tls_to(f->stream, s->tls_client, primary_of(f)->tls_name);
    else
        begin_asking(f, now);
}

/* ---- checks
 * ------------------------------------------------------------------------------------------------------------
 */

/* The serial in the answer; false when it has none. */
static bool read_serial(const struct follower *f, struct span message, uint32_t *serial)
{
    struct dns_records all;
    struct dns_record record;
    if (!dns_records_open(&all, message) || dns_rcode(all.header.flags) != DNS_NOERROR ||
        !(all.header.flags & DNS_AA))
        return false;
    while (dns_records_next(&all, &record) == DNS_SECTION_ANSWER) { /* by the message's counts */
        struct reader rdata = record.rdata;
        struct dns_name skipped;
        if (record.type != DNS_TYPE_SOA ||
            !dns_name_equal(dns_name_span(&record.owner), dns_name_span(f->lower)) ||
            !read_dns_name(&rdata, message, &skipped) || !read_dns_name(&rdata, message, &skipped))
            continue;
        *serial = read_u32(&rdata);
        return reader_ok(&rdata);
    }
    return false;
}

static void checked(void *owner, const struct dns_exchange_result *r, struct now now)
{
    struct follower *f = owner;
    struct zone *have = zone_of(f);
    uint32_t serial;
    f->exchange = NULL;
    enum tsig_error error = r->outcome == DNS_EXCHANGE_RESPONSE ? verify(f, r->message, now) : TSIG_GOOD;
    tsig_close(&f->fetch->session);
    if (r->outcome != DNS_EXCHANGE_RESPONSE)
        try_next(f, r->outcome == DNS_EXCHANGE_TIMEOUT ? "no answer" : "it cannot be reached", now);
    else if (error)
        try_next(f, tsig_error_name(error), now);
    else if (!read_serial(f, r->message, &serial))
        try_next(f, "it does not answer for the zone", now);
    else if (!have || f->anyway || dns_serial_newer(serial, have->serial))
        begin_fetch(f, have && !f->full, now);
    else {
        copy_confirm(f->secondary->view, have, now);
        is_current(f, now);
    }
}

/* The question, where it is signed. */
static bool write_signed(struct follower *f, const struct dns_question *q, struct now now)
{
    struct writer w = writer_over(f->fetch->question, sizeof f->fetch->question);
    write_dns_query(&w, 0, 0, q, NULL); /* the identifier is the exchange's: RFC 8945 keeps the original */
    bool ok = sign(f, &w, now);
    f->fetch->question_bytes = writer_length(&w);
    return ok;
}

static void check(struct follower *f, struct now now)
{
    const struct endpoint *primary = &primary_of(f)->at;
    struct dns_exchange_options o = { .server = *primary,
                                      .from = outgoing_address(f->secondary->view, primary),
                                      .question = { .type = DNS_TYPE_SOA, .class = DNS_CLASS_IN },
                                      .tcp = f->settings->members_count, /* Knot gives it by TCP alone */
                                      .timeout_ms = CHECK_MS };
    if (f->stream) { /* the one before is not quite gone */
        rest(f);
        loop_arm(loop_of(f), &f->check_due, now.mono_ms + 1);
        return;
    }
    if (primary_of(f)->tls_name) { /* RFC 9103 7: nothing in clear; IXFR asks for the SOA, too */
        begin_fetch(f, !f->full, now);
        return;
    }
    dns_name_copy(&o.question.name, f->lower);
    bool ok = !primary_of(f)->key || write_signed(f, &o.question, now);
    if (primary_of(f)->key)
        o.message = span_of(f->fetch->question, f->fetch->question_bytes);
    f->exchange = ok ? dns_exchange_start(loop_of(f), &o, checked, f) : NULL;
    if (!f->exchange) {
        rest(f);
        check_in(f, ABSENT_S, now);
    }
}

static void check_due(struct timer *t, struct now now)
{
    want_check(list_item(t, struct follower, check_due), now);
}

/* ---- NOTIFY
 * --------------------------------------------------------------------------------------------------------------
 */

static struct follower *follower_of(const struct secondary *m, const struct dns_name *lower)
{
    const struct zones_row *row = zones_find_apex(&m->view->zones, lower);
    return row ? row->follower : NULL;
}

static bool may_notify(const struct follower *f, const struct dnsd_asker *from)
{
    struct dnsd_who who = dnsd_who(from);
    for (size_t i = 0; i < f->settings->primary_count; i++)
        if (address_equal(f->settings->primaries[i].at.address, *who.peer) &&
            (!f->settings->primaries[i].key || f->settings->primaries[i].key == who.key))
            return true;
    return dnsd_permitted(&f->settings->notify_by, &who);
}

/* RFC 1996 3.11: one check for as many as come. */
static void check_now(struct follower *f, struct now now)
{
    if (f->fetch)
        f->again = true;
    else if (!list_linked(&f->waiting))
        loop_arm(loop_of(f), &f->check_due, now.mono_ms);
}

static int64_t unix_of(const struct timer *t, struct now now)
{
    return timer_armed(t) ? now.unix_ms + ((int64_t)t->due_ms - (int64_t)now.mono_ms) : 0;
}

bool secondary_tell(const struct secondary *m, const struct dns_name *lower, struct now now,
                    struct secondary_state *out)
{
    const struct follower *f = follower_of(m, lower);
    if (!f)
        return false;
    *out = (struct secondary_state){ .primary = primary_of(f)->at,
                                     .checked_ms = f->checked_ms,
                                     .next_ms = unix_of(&f->check_due, now),
                                     .expires_ms = unix_of(&f->expiry, now),
                                     .failed_ms = f->failed_ms,
                                     .busy = f->fetch };
    snprintf(out->why, sizeof out->why, "%s", f->failed_ms && f->why ? f->why : "");
    return true;
}

bool secondary_check(struct secondary *m, const struct dns_name *lower, bool whole, struct now now)
{
    struct follower *f = follower_of(m, lower);
    if (!f)
        return false;
    f->full = f->full || whole;
    f->anyway = f->anyway || whole;
    check_now(f, now);
    return true;
}

/* RFC 1996 3.7 to 3.11; `f`: of the zone that it names, NULL: none is followed. */
static enum dns_rcode judge_notify(const struct dns_query *q, const struct follower *f,
                                   const struct dnsd_asker *from)
{
    if (!q->asked)
        return DNS_FORMERR;
    if (q->rcode == DNS_BADVERS)
        return DNS_BADVERS;
    if (!f)
        return DNS_NOTAUTH;
    return may_notify(f, from) ? DNS_NOERROR : DNS_REFUSED;
}

enum respond_outcome secondary_notified(struct secondary *m, const struct dns_query *q,
                                        const struct dnsd_asker *from, struct writer *out,
                                        enum dns_rcode *rcode, struct now now)
{
    struct follower *f = q->asked ? follower_of(m, &q->lower) : NULL;
    struct events *events = m->view->service->home->events;
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    *rcode = judge_notify(q, f, from);
    if (*rcode == DNS_NOERROR)
        check_now(f, now);
    if (event_happens(events, EVENT_DNS_NOTIFY)) {
        event_begin(&ev, EVENT_DNS_NOTIFY, now);
        if (q->asked)
            views_event_zone(&ev, m->view, &q->question.name, name);
        event_endpoint(&ev, "client", from->peer);
        event_text(&ev, "rcode", dns_rcode_name(*rcode));
        event_emit(events, &ev);
    }
    encode_error(q, *rcode, out);
    return RESPOND_REPLY;
}

/* ---- life
 * -----------------------------------------------------------------------------------------------------------------
 */

struct secondary *secondary_open(struct view *v)
{
    struct secondary *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->view = v;
    m->next_turn.run = next_turn;
    list_open(&m->all);
    list_open(&m->waiting);
    return m;
}

static void forget(struct follower *f)
{
    struct zones_row *row = row_of(f);
    if (row && row->follower == f)
        row->follower = NULL;
    list_remove(&f->node);
    list_remove(&f->waiting);
    loop_disarm(loop_of(f), &f->check_due);
    loop_disarm(loop_of(f), &f->expiry);
    loop_disarm(loop_of(f), &f->copy_due);
    if (f->exchange)
        dns_exchange_cancel(f->exchange);
    f->transferring = false;
    rest(f);
    free(f->why);
    f->why = NULL;
    f->gone = true;
    if (f->stream)
        stream_abort(f->stream);
    else
        free(f);
}

static void forget_all(struct secondary *m)
{
    for (struct list_node *n; (n = list_first(&m->all));) { /* ends: each is taken off */
        struct follower *f = list_item(n, struct follower, node);
        if (f->copy_stale && !m->view->service->stopping && zone_of(f))
            copy_save(m->view, zone_of(f));
        forget(f);
    }
}

void secondary_close(struct secondary *m)
{
    if (!m)
        return;
    forget_all(m);
    list_remove(&m->next_turn.node);
    free(m);
}

struct zone *secondary_copy(struct secondary *m, const struct dnsd_zone *z, struct now now)
{
    return copy_load(m->view, z, now);
}

bool secondary_follow(struct secondary *m, struct zones_row *row, struct now now)
{
    struct follower *f = calloc(1, sizeof *f);
    if (!f)
        return false;
    f->secondary = m;
    f->settings = row->settings;
    f->lower = row->settings->lower;
    f->check_due.fire = check_due;
    f->expiry.fire = expired;
    f->copy_due.fire = copy_due;
    list_append(&m->all, &f->node);
    row->follower = f;
    if (row->zone) {
        f->times = copy_times_of(row->zone);
        arm_expiry(f, row->zone, now);
    }
    loop_arm(loop_of(f), &f->check_due, now.mono_ms);
    return true;
}

void secondary_leave(struct zones_row *row)
{
    if (row->follower)
        forget(row->follower);
}

bool secondary_started(struct secondary *m, struct now now)
{
    struct zones *all = &m->view->zones;
    forget_all(m);
    for (size_t i = 0; i < all->count; i++)
        if (all->rows[i].settings->primary_count && !secondary_follow(m, &all->rows[i], now))
            return false;
    return true;
}
