#include "dispatch.h"

#include "client_session.h"
#include "deliver.h"

#include <errno.h>
#include <stdlib.h>

#define RETRY_FIRST_MS 5000 /* after the first failure; doubles with each */
#define RETRY_MOST_MS  (10 * 60 * 1000)
#define RETRY_GRAIN_MS                                                                                       \
    1000 /* tries fall on whole seconds, so that a full mailbox is not looked at for each message */

struct dispatch {
    struct spool *spool;
    struct home *home;
    struct list queued, deferred;
    struct timer retry;
    struct work work;
    bool running, stopped;
    size_t count;
    struct delivery deliveries[DELIVER_BATCH_MAX];
    struct message *messages[DELIVER_BATCH_MAX];             /* whose each delivery is ... */
    struct message_recipient *recipients[DELIVER_BATCH_MAX]; /* ... and for whom */
};

static struct message *first_of(const struct list *l)
{
    struct list_node *n = list_first(l);
    return n ? list_item(n, struct message, node) : NULL;
}

/* ---- events -------------------------------------------------------------------------------- */

static void tell(struct dispatch *d, enum event_id id, const struct message *m,
                 const struct message_recipient *r, const char *name, const char *text, const char *reason)
{
    struct event ev;
    if (!event_happens(d->home->events, id))
        return;
    event_begin(&ev, id, loop_now(d->home->loop));
    event_text(&ev, "id", m->id);
    event_text(&ev, "to", r->address);
    event_text(&ev, name, text);
    if (reason)
        event_text(&ev, "reason", reason);
    event_emit(d->home->events, &ev);
}

/* ---- trying again -------------------------------------------------------------------------- */

static uint64_t retry_after_ms(size_t tries)
{
    uint64_t ms = RETRY_FIRST_MS;
    for (size_t i = 1; i < tries && ms < RETRY_MOST_MS; i++)
        ms *= 2;
    return ms < RETRY_MOST_MS ? ms : RETRY_MOST_MS;
}

static void arm_retry(struct dispatch *d)
{
    uint64_t due = TIMER_NEVER;
    for (struct list_node *n = list_first(&d->deferred); n; n = list_next(&d->deferred, n)) {
        struct message *m = list_item(n, struct message, node);
        due = m->due_ms < due ? m->due_ms : due;
    }
    if (due != TIMER_NEVER && !d->stopped)
        loop_arm(d->home->loop, &d->retry, due);
}

static void defer(struct dispatch *d, struct message *m)
{
    m->tries++;
    uint64_t due_ms = loop_now(d->home->loop).mono_ms + retry_after_ms(m->tries);
    m->due_ms = (due_ms / RETRY_GRAIN_MS + 1) * RETRY_GRAIN_MS;
    list_append(&d->deferred, &m->node);
    message_put_off(m);
    if (!timer_armed(&d->retry))
        arm_retry(d);
}

static void run(struct dispatch *d);

static void retry_fired(struct timer *t, struct now now)
{
    struct dispatch *d = (struct dispatch *)((char *)t - offsetof(struct dispatch, retry));
    struct list_node *next;
    for (struct list_node *n = list_first(&d->deferred); n; n = next) {
        struct message *m = list_item(n, struct message, node);
        next = list_next(&d->deferred, n);
        if (m->due_ms > now.mono_ms)
            continue;
        list_remove(&m->node);
        dispatch_queue(d, m);
    }
    arm_retry(d);
}

/* ---- a batch ------------------------------------------------------------------------------- */

static void on_thread(struct work *w)
{
    struct dispatch *d = (struct dispatch *)((char *)w - offsetof(struct dispatch, work));
    deliver_batch(d->deliveries, d->count);
}

/* Tried again, unless it was tried for long enough. */
static void failed(struct dispatch *d, struct message *m, struct message_recipient *r, const char *status,
                   const char *why)
{
    struct client_verdict v;
    int64_t until = message_until_unix_ms(m);
    client_verdict_set(&v, 451, status, why);
    message_note(m, r, &v, NULL);
    if (until && loop_now(d->home->loop).unix_ms >= until)
        r->state = RECIPIENT_FAILED;
    else
        m->failures++;
}

static void add(struct dispatch *d, struct message *m, struct message_recipient *r)
{
    if (!r->maildir) {
        tell(d, EVENT_SMTP_DEFERRED, m, r, "failing", "find the mailbox",
             "it is not in the configuration any more");
        failed(d, m, r, "4.1.1", "The mailbox is not there any more");
        return;
    }
    d->messages[d->count] = m;
    d->recipients[d->count] = r;
    struct delivery *x = &d->deliveries[d->count++];
    *x = (struct delivery){ .maildir = r->maildir,
                            .name = m->name,
                            .trace = m->trace,
                            .text = span_of(m->body, m->in_file ? 0 : m->body_len),
                            .text_file = m->in_file ? m->path : NULL,
                            .tried_before = m->tried_before };
    x->trace.recipient = span_text(r->address);
}

/* From the head of the queue, until the batch is full; messages stay in the queue. */
static void fill(struct dispatch *d)
{
    d->count = 0;
    for (struct list_node *n = list_first(&d->queued); n; n = list_next(&d->queued, n)) {
        struct message *m = list_item(n, struct message, node);
        for (; m->next_recipient < m->recipient_count; m->next_recipient++) {
            if (d->count == DELIVER_BATCH_MAX)
                return;
            struct message_recipient *r = &m->recipients[m->next_recipient];
            if (!r->remote && r->state == RECIPIENT_WAITING)
                add(d, m, r);
        }
    }
}

static void conclude(struct dispatch *d, struct message *m)
{
    list_remove(&m->node);
    m->tried_before = true;
    if (m->failures > 0)
        defer(d, m);
    message_settle(m);
}

/* Those at the head whose recipients were all tried. */
static void conclude_all(struct dispatch *d)
{
    struct message *m;
    while ((m = first_of(&d->queued)) && m->next_recipient == m->recipient_count)
        conclude(d, m);
}

static void on_loop(struct work *w)
{
    struct dispatch *d = (struct dispatch *)((char *)w - offsetof(struct dispatch, work));
    d->running = false;
    for (size_t i = 0; i < d->count; i++) {
        struct message *m = d->messages[i];
        if (d->deliveries[i].error == 0) {
            d->recipients[i]->state = RECIPIENT_DELIVERED;
            tell(d, EVENT_SMTP_DELIVERED, m, d->recipients[i], "maildir", d->deliveries[i].maildir, NULL);
            continue;
        }
        tell(d, EVENT_SMTP_DEFERRED, m, d->recipients[i], "failing", d->deliveries[i].failing,
             strerror(d->deliveries[i].error));
        failed(d, m, d->recipients[i], "4.2.0", "The mailbox could not be written to");
    }
    if (!spool_leave(d->spool))
        return;
    conclude_all(d);
    run(d);
}

static void run(struct dispatch *d)
{
    if (d->running || d->stopped)
        return;
    fill(d);
    if (d->count == 0) {
        conclude_all(d); /* messages without any mailbox left */
        return;
    }
    d->running = true;
    spool_enter(d->spool);
    work_start(d->home->loop, &d->work);
}

/* ---- doors --------------------------------------------------------------------------------- */

struct dispatch *dispatch_open(struct spool *s)
{
    struct dispatch *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->spool = s;
    d->home = spool_home(s);
    d->retry.fire = retry_fired;
    d->work.run = on_thread;
    d->work.done = on_loop;
    list_open(&d->queued);
    list_open(&d->deferred);
    return d;
}

void dispatch_close(struct dispatch *d)
{
    free(d);
}

void dispatch_stop(struct dispatch *d)
{
    d->stopped = true;
    loop_disarm(d->home->loop, &d->retry);
}

static bool has_mailboxes(const struct message *m)
{
    for (size_t i = 0; i < m->recipient_count; i++)
        if (!m->recipients[i].remote && m->recipients[i].state == RECIPIENT_WAITING)
            return true;
    return false;
}

bool dispatch_queue(struct dispatch *d, struct message *m)
{
    if (!has_mailboxes(m))
        return false;
    m->next_recipient = m->failures = 0;
    list_append(&d->queued, &m->node);
    run(d);
    return true;
}

bool dispatch_busy(const struct dispatch *d)
{
    return d->running || !list_empty(&d->queued);
}
