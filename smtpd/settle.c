/* What became of a message's recipients, written down once and for all: in one commit the finished recipients
 * (or, with the last of them, the end of the row) and the report that their sender gets. So a crash neither
 * sends twice what a host has, nor loses a report, nor sends one twice. */
#include "bounce.h"
#include "client_session.h"
#include "spool.h"
#include "spool_file.h"
#include "spool_row.h"

#include <stdlib.h>

#define RETRY_MS      5000        /* the store failed */
#define HEAD_BYTES    (16 * 1024) /* of a long message's header in a report */
#define CHANGES_SMALL 4           /* a message with few recipients needs no memory for its commit */

/* ---- what there is to tell ------------------------------------------------------------------- */

static bool is_over(const struct message *m)
{
    for (size_t i = 0; i < m->recipient_count; i++)
        if (m->recipients[i].state == RECIPIENT_WAITING)
            return false;
    return true;
}

static bool is_fresh(const struct message_recipient *r)
{
    return r->state != RECIPIENT_WAITING && !r->settled;
}

static bool is_late(const struct message *m, const struct message_recipient *r, int64_t unix_ms)
{
    int64_t notice_ms = (int64_t)spool_settings(m->spool)->delay_notice_ms;
    return r->state == RECIPIENT_WAITING && r->last && !r->delay_told && notice_ms > 0 &&
           unix_ms >= m->trace.received_unix_ms + notice_ms;
}

/* Whether the sender must hear of this recipient now, and what. */
static bool is_news(const struct message *m, const struct message_recipient *r, int64_t unix_ms,
                    enum bounce_action *action)
{
    static const enum bounce_action actions[] = { [RECIPIENT_WAITING] = BOUNCE_DELAYED,
                                                  [RECIPIENT_DELIVERED] = BOUNCE_DELIVERED,
                                                  [RECIPIENT_RELAYED] = BOUNCE_RELAYED,
                                                  [RECIPIENT_FAILED] = BOUNCE_FAILED };
    *action = actions[r->state];
    if (m->trace.sender.len == 0 || (r->state == RECIPIENT_RELAYED && r->passed_dsn))
        return false; /* a report is never reported on (RFC 5321 4.5.5) */
    if (r->state == RECIPIENT_WAITING ? !is_late(m, r, unix_ms) : !is_fresh(r))
        return false;
    return bounce_is_wanted(r->notify, *action);
}

static size_t count_news(const struct message *m, int64_t unix_ms)
{
    size_t count = 0;
    enum bounce_action action;
    for (size_t i = 0; i < m->recipient_count; i++)
        count += is_news(m, &m->recipients[i], unix_ms, &action);
    return count;
}

static void tell(const struct message *m, const struct message *report)
{
    struct home *h = spool_home(m->spool);
    struct event ev;
    if (!event_happens(h->events, EVENT_SMTP_REPORTED))
        return;
    event_begin(&ev, EVENT_SMTP_REPORTED, loop_now(h->loop));
    event_text(&ev, "id", m->id);
    event_text(&ev, "report", report->id);
    event_span(&ev, "to", m->trace.sender);
    event_emit(h->events, &ev);
}

/* ---- the report --------------------------------------------------------------------------------- */

static struct bounce_recipient describe(const struct message_recipient *r, enum bounce_action action)
{
    static const char *const success[] = { [BOUNCE_DELIVERED] = "2.0.0", [BOUNCE_RELAYED] = "2.0.0" };
    bool fine = action == BOUNCE_DELIVERED || action == BOUNCE_RELAYED;
    return (struct bounce_recipient){
        .address = span_text(r->address),
        .orcpt = span_text(r->orcpt ? r->orcpt : ""),
        .action = action,
        .status = fine      ? success[action]
                  : r->last ? r->last->status
                            : "5.0.0",
        .reply = r->last && r->last->replied ? r->last->text : NULL,
        .reason = r->last && !r->last->replied ? r->last->text : NULL,
        .host = r->host,
    };
}

static struct span original_of(const struct message *m, bool *full)
{
    struct span text = m->in_file ? span_of(m->head, m->head_len) : span_of(m->body, m->body_len);
    *full = !m->in_file && m->ret == SMTP_RET_FULL;
    return *full ? text : span_head(mail_header(text), HEAD_BYTES);
}

static bool write_report(struct message *report, const struct bounce *b)
{
    size_t room = bounce_room(b);
    uint8_t *body = realloc(report->body, room);
    if (!body)
        return false;
    struct writer w = writer_over(body, room);
    bounce_write(&w, b);
    report->body = body;
    report->body_room = room;
    report->body_len = writer_length(&w);
    report->bytes = report->body_len;
    return writer_ok(&w);
}

/* From the null path to the message's sender; what it is made of outlives only this call. */
static bool address_report(struct message *report, const struct message *m, struct now now)
{
    const struct smtp_settings *s = spool_settings(m->spool);
    report->trace = (struct mail_trace){ .helo = span_text(""),
                                         .client = span_text(""),
                                         .host = arena_copy(&report->memory, span_text(s->hostname)),
                                         .agent = span_text(""),
                                         .protocol = span_text(""),
                                         .id = span_text(report->id),
                                         .sender = span_text(""),
                                         .received_unix_ms = now.unix_ms };
    report->envid = span_text("");
    report->recipients = arena_array(&report->memory, 1, sizeof *report->recipients);
    report->recipient_count = 1;
    return report->trace.host.at && report->recipients &&
           spool_row_set_recipient(report, report->recipients, m->trace.sender, s);
}

static bool fill_report(struct message *report, struct message *m, struct bounce_recipient *list,
                        struct now now)
{
    struct bounce b = { .hostname = spool_settings(m->spool)->hostname,
                        .id = report->id,
                        .sender = m->trace.sender,
                        .envid = m->envid,
                        .arrived_unix_ms = m->trace.received_unix_ms,
                        .now_unix_ms = now.unix_ms,
                        .until_unix_ms = message_until_unix_ms(m),
                        .recipients = list };
    b.original = original_of(m, &b.full);
    for (size_t i = 0; i < m->recipient_count; i++) {
        enum bounce_action action;
        if (is_news(m, &m->recipients[i], now.unix_ms, &action))
            list[b.count++] = describe(&m->recipients[i], action);
    }
    struct mail_scan scan = { 0 };
    mail_scan(&scan, b.original);
    b.eight_bit = report->eight_bit = scan.eight_bit;
    return write_report(report, &b) && address_report(report, m, now);
}

/* NULL: no memory. */
static struct message *make_report(struct message *m, size_t news, struct now now)
{
    struct message *report = spool_begin_report(m->spool);
    struct bounce_recipient *list = calloc(news, sizeof *list);
    bool ok = report && list && fill_report(report, m, list, now);
    free(list);
    if (!ok && report) {
        message_discard(report);
        report = NULL;
    }
    return report;
}

/* ---- the commit --------------------------------------------------------------------------------- */

static void go_on(struct message *m);

static void try_later(struct message *m)
{
    struct home *h = spool_home(m->spool);
    if (m->report)
        message_discard(m->report);
    m->report = NULL;
    loop_arm(h->loop, &m->settle_retry, loop_now(h->loop).mono_ms + RETRY_MS);
}

static void finished(struct message *m, bool over)
{
    struct message *report = m->report;
    m->report = NULL;
    for (size_t i = 0; i < m->recipient_count; i++) {
        struct message_recipient *r = &m->recipients[i];
        r->settled = r->settled || r->settling;
        r->settling = false;
    }
    if (report) {
        tell(m, report);
        spool_queue(report);
    }
    if (over) {
        message_discard(m);
        return;
    }
    m->settling = false;
    if (m->settle_again)
        message_settle(m);
}

static void committed(void *self, bool ok, const char *why)
{
    struct message *m = self;
    bool over = true;
    (void)why; /* store.failed has said it */
    if (!spool_leave(m->spool))
        return;
    for (size_t i = 0; i < m->recipient_count; i++)
        over = over && (m->recipients[i].settled || m->recipients[i].settling);
    if (ok) {
        finished(m, over);
    } else {
        for (size_t i = 0; i < m->recipient_count; i++)
            m->recipients[i].settling = false;
        try_later(m);
    }
}

/* With the last recipient the row goes, and what was written of the others before. */
static size_t list_changes(struct message *m, bool over, struct store_change *out)
{
    size_t count = 0;
    if (over)
        out[count++] = spool_row_delete(m);
    for (size_t i = 0; i < m->recipient_count; i++) {
        struct message_recipient *r = &m->recipients[i];
        if (over && r->settled)
            out[count++] = spool_row_delete_outcome(m, i);
        else if (!over && is_fresh(r))
            out[count++] = spool_row_put_outcome(m, i);
        r->settling = is_fresh(r);
    }
    return count;
}

static void commit(struct message *m)
{
    struct store_change small[CHANGES_SMALL], *changes = small;
    size_t most = m->recipient_count + 2, count;
    if (most > CHANGES_SMALL && !(changes = malloc(most * sizeof *changes))) {
        try_later(m);
        return;
    }
    count = list_changes(m, is_over(m), changes);
    if (m->report && !spool_row_put(m->report, &changes[count++])) {
        try_later(m);
    } else {
        spool_enter(m->spool);
        store_commit(spool_store(m->spool), changes, count, committed, m);
    }
    if (changes != small)
        free(changes);
}

static void tell_delays(struct message *m, int64_t unix_ms)
{
    for (size_t i = 0; i < m->recipient_count; i++)
        if (is_late(m, &m->recipients[i], unix_ms))
            m->recipients[i].delay_told = true;
}

static void head_read(struct work *w)
{
    struct message *m = message_of_work(w);
    if (spool_leave(m->spool)) /* what cannot be read is left out of the report */
        go_on(m);
}

static void go_on(struct message *m)
{
    struct now now = loop_now(spool_home(m->spool)->loop);
    size_t news = count_news(m, now.unix_ms);
    bool fresh = false;
    for (size_t i = 0; i < m->recipient_count; i++)
        fresh = fresh || is_fresh(&m->recipients[i]);
    m->settle_again = false;
    if (!fresh && news == 0 && !is_over(m)) {
        m->settling = false;
        return;
    }
    if (news > 0 && m->in_file && !m->head) {
        if (!spool_file_head(m, HEAD_BYTES, head_read))
            try_later(m);
        return;
    }
    if (news > 0 && !(m->report = make_report(m, news, now))) {
        try_later(m);
        return;
    }
    tell_delays(m, now.unix_ms);
    commit(m);
}

static void retry_fired(struct timer *t, struct now now)
{
    struct message *m = (struct message *)(void *)((char *)t - offsetof(struct message, settle_retry));
    (void)now;
    spool_enter(m->spool);
    if (spool_leave(m->spool))
        go_on(m);
}

static void begin(struct deferred *d)
{
    struct message *m = list_item(d, struct message, later);
    if (spool_leave(m->spool))
        go_on(m);
}

void message_settle(struct message *m)
{
    m->settle_again = true;
    if (m->settling)
        return;
    m->settling = true;
    m->settle_retry.fire = retry_fired;
    m->later.run = begin;
    spool_enter(m->spool);
    loop_defer(spool_home(m->spool)->loop, &m->later);
}
