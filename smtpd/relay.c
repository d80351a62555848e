#include "relay.h"

#include "outbound.h"

#include <stdlib.h>
#include <string.h>

/* A client's context for one CA file; "" is for connections whose certificate is not looked at. */
struct relay_context {
    struct list_node node;
    struct tls_context *tls;
    char ca[];
};

static struct now now_of(const struct relay *r)
{
    return loop_now(r->home->loop);
}

static struct relay_job *job_of(struct queue_job *q)
{
    return (struct relay_job *)(void *)((char *)q - offsetof(struct relay_job, queued));
}

/* ---- events ----------------------------------------------------------------------------------- */

static void tell(struct relay *r, enum event_id id, const struct message *m,
                 const struct message_recipient *to, const struct client_verdict *v, const char *host)
{
    struct event ev;
    if (!event_happens(r->home->events, id))
        return;
    event_begin(&ev, id, now_of(r));
    event_text(&ev, "id", m->id);
    event_text(&ev, "to", to->address);
    if (host)
        event_text(&ev, "host", host);
    event_text(&ev, v->replied ? "reply" : "reason", v->text);
    event_emit(r->home->events, &ev);
}

static void tell_unreachable(struct relay *r, const struct queue_destination *d,
                             const struct client_verdict *v, const char *host)
{
    struct event ev;
    if (!event_happens(r->home->events, EVENT_SMTP_UNREACHABLE))
        return;
    event_begin(&ev, EVENT_SMTP_UNREACHABLE, now_of(r));
    event_text(&ev, "destination", d->hop.key);
    if (host)
        event_text(&ev, "host", host);
    event_text(&ev, v->replied ? "reply" : "reason", v->text);
    event_number(&ev, "waiting", (int64_t)d->job_count);
    event_emit(r->home->events, &ev);
}

/* ---- opening connections ---------------------------------------------------------------------- */

static void pump_later(struct relay *r)
{
    loop_defer(r->home->loop, &r->pump);
}

static void pump(struct deferred *p)
{
    struct relay *r = list_item(p, struct relay, pump);
    struct queue_destination *d;
    if (r->stopped)
        return;
    while ((d = mail_queue_next(&r->queue)) && outbound_open(r, d)) /* at most QUEUE_CONNECTIONS_MAX */
        ;
    uint64_t due_ms = mail_queue_next_due(&r->queue);
    if (due_ms != TIMER_NEVER)
        loop_arm(r->home->loop, &r->wake, due_ms);
}

static void wake_fired(struct timer *t, struct now now)
{
    struct relay *r = (struct relay *)(void *)((char *)t - offsetof(struct relay, wake));
    mail_queue_run(&r->queue, now);
    pump_later(r);
}

/* ---- which way ---------------------------------------------------------------------------------- */

static struct span domain_of(const char *address)
{
    const char *at = strrchr(address, '@'); /* an address literal has none */
    return at ? span_text(at + 1) : span_text("");
}

/* The job of this message that goes to this destination, if it is still there to join. */
static struct relay_job *job_to(const struct queue_destination *d, const struct message *m)
{
    struct relay_job *j = d->newest ? job_of(d->newest) : NULL;
    return j && j->message == m && d->newest->state == QUEUE_READY ? j : NULL;
}

static struct relay_job *new_job(struct relay *r, struct queue_destination *d, struct message *m)
{
    struct relay_job *j = arena_array(&m->memory, 1, sizeof *j);
    if (!j)
        return NULL;
    j->message = m;
    list_append(&r->jobs, &j->node);
    mail_queue_add(d, &j->queued);
    return j;
}

/* False: no memory. */
static bool choose_way(struct relay *r, struct message *m, struct message_recipient *to)
{
    struct route_hop hop;
    smtp_route_choose(spool_settings(r->spool), domain_of(to->address), &hop);
    struct queue_destination *d = mail_queue_destination(&r->queue, &hop);
    if (!d)
        return false;
    to->job = job_to(d, m);
    if (!to->job)
        to->job = new_job(r, d, m);
    mail_queue_sweep(d);
    return to->job != NULL;
}

static void failed(struct relay *r, struct message *m, struct message_recipient *to,
                   const struct client_verdict *v, const char *host)
{
    to->state = RECIPIENT_FAILED;
    tell(r, EVENT_SMTP_FAILED, m, to, v, host);
}

bool relay_queue(struct relay *r, struct message *m)
{
    bool any = false;
    struct client_verdict no_memory;
    for (size_t i = 0; i < m->recipient_count; i++) {
        struct message_recipient *to = &m->recipients[i];
        if (!to->remote || to->state != RECIPIENT_WAITING || to->job)
            continue;
        any = true;
        if (choose_way(r, m, to))
            continue;
        client_verdict_set(&no_memory, 451, "4.3.1", "There was no memory to send it on");
        message_note(m, to, &no_memory, NULL);
        failed(r, m, to, &no_memory, NULL);
        message_settle(m);
    }
    pump_later(r);
    return any;
}

static void forget_job(struct relay_job *j)
{
    mail_queue_remove(&j->queued);
    list_remove(&j->node);
    for (size_t i = 0; i < j->message->recipient_count; i++)
        if (j->message->recipients[i].job == j)
            j->message->recipients[i].job = NULL;
}

void relay_configure(struct relay *r)
{
    struct list_node *n, *next;
    struct list old;
    r->queue.retry_ms = spool_settings(r->spool)->retry_ms;
    list_open(&old);
    while ((n = list_take(&r->jobs)))
        list_append(&old, n);
    for (n = list_first(&old); n; n = next) {
        struct relay_job *j = list_item(n, struct relay_job, node);
        struct message *m = j->message;
        next = list_next(&old, n);
        list_remove(n);
        if (j->queued.state == QUEUE_TAKEN) {
            list_append(&r->jobs, n);
            continue;
        }
        forget_job(j);
        relay_queue(r, m);
    }
}

bool relay_flush(struct relay *r, struct span domain)
{
    struct route_hop hop;
    smtp_route_choose(spool_settings(r->spool), domain, &hop);
    struct queue_destination *d = mail_queue_find(&r->queue, hop.key);
    bool waits = d && mail_queue_flush(d) > 0;
    pump_later(r);
    return waits;
}

/* ---- what came of it --------------------------------------------------------------------------- */

static bool travels_with(const struct message_recipient *to, const struct relay_job *j)
{
    return to->job == j && to->state == RECIPIENT_WAITING;
}

size_t relay_fill(struct relay_job *j, struct client_mail *mail, struct client_recipient *recipients,
                  size_t positions[CLIENT_RECIPIENTS_MAX])
{
    struct message *m = j->message;
    *mail = (struct client_mail){ .sender = m->trace.sender,
                                  .envid = m->envid,
                                  .ret = m->ret,
                                  .eight_bit = m->eight_bit,
                                  .body_8bit = m->body_8bit,
                                  .recipients = recipients };
    for (; j->next < m->recipient_count && mail->count < CLIENT_RECIPIENTS_MAX; j->next++) {
        struct message_recipient *to = &m->recipients[j->next];
        if (!travels_with(to, j))
            continue;
        positions[mail->count] = j->next;
        recipients[mail->count++] = (struct client_recipient){ .address = span_text(to->address),
                                                               .orcpt = span_text(to->orcpt ? to->orcpt : ""),
                                                               .notify = to->notify };
    }
    return mail->count;
}

/* One recipient after a try. */
static void conclude(struct relay *r, struct message *m, struct message_recipient *to,
                     const struct client_verdict *v, const char *host)
{
    int64_t until = message_until_unix_ms(m);
    message_note(m, to, v, host);
    if (v->code / 100 == 2) {
        to->state = RECIPIENT_RELAYED;
        tell(r, EVENT_SMTP_RELAYED, m, to, v, host);
    } else if (v->code / 100 == 5 || (until && now_of(r).unix_ms >= until)) {
        failed(r, m, to, v, host);
    } else {
        tell(r, EVENT_SMTP_DEFERRED, m, to, v, host);
    }
}

static bool has_left(const struct relay_job *j, size_t from)
{
    for (size_t i = from; i < j->message->recipient_count; i++)
        if (travels_with(&j->message->recipients[i], j))
            return true;
    return false;
}

void relay_concluded(struct relay *r, struct relay_job *j, const struct client_mail *mail,
                     const size_t *positions, const char *host, bool dsn)
{
    struct message *m = j->message;
    for (size_t i = 0; i < mail->count; i++) {
        struct message_recipient *to = &m->recipients[positions[i]];
        to->passed_dsn = dsn;
        conclude(r, m, to, &mail->recipients[i].verdict, host);
    }
    if (has_left(j, j->next)) {
        mail_queue_again(&j->queued);
    } else if (has_left(j, 0)) {
        j->next = 0;
        message_put_off(m);
        mail_queue_defer(&j->queued, now_of(r));
    } else {
        forget_job(j);
    }
    message_settle(m);
    pump_later(r);
}

void relay_unreachable(struct relay *r, struct queue_destination *d, const struct client_verdict *why,
                       const char *host)
{
    struct list_node *next;
    tell_unreachable(r, d, why, host);
    for (struct list_node *n = list_first(&d->ready); n; n = next) {
        struct relay_job *j = job_of(list_item(n, struct queue_job, node));
        struct message *m = j->message;
        next = list_next(&d->ready, n);
        for (size_t i = 0; i < m->recipient_count; i++)
            if (travels_with(&m->recipients[i], j))
                conclude(r, m, &m->recipients[i], why, host);
        j->next = 0;
        if (has_left(j, 0))
            message_put_off(m);
        else
            forget_job(j);
        message_settle(m);
    }
}

void relay_disconnected(struct relay *r, struct queue_destination *d, bool answered)
{
    mail_queue_disconnected(d, answered, now_of(r));
    pump_later(r);
}

/* ---- TLS ----------------------------------------------------------------------------------------- */

struct tls_context *relay_tls(struct relay *r, const struct route_hop *hop, struct problem *p)
{
    const char *ca = hop->tls != CLIENT_TLS_REQUIRED ? ""
                     : hop->ca[0]                    ? hop->ca
                                                     : tls_home_ca_path(r->home->tls);
    for (struct list_node *n = list_first(&r->contexts); n; n = list_next(&r->contexts, n)) {
        struct relay_context *c = list_item(n, struct relay_context, node);
        if (strcmp(c->ca, ca) == 0)
            return c->tls;
    }
    struct tls_context *tls = tls_client_context(r->home->tls, ca[0] ? ca : NULL, p);
    struct relay_context *c = tls ? malloc(sizeof *c + strlen(ca) + 1) : NULL;
    if (!c) {
        if (tls)
            tls_context_close(tls);
        return NULL;
    }
    *c = (struct relay_context){ .tls = tls };
    memcpy(c->ca, ca, strlen(ca) + 1);
    list_append(&r->contexts, &c->node);
    return tls;
}

/* ---- doors --------------------------------------------------------------------------------------- */

struct relay *relay_open(struct spool *s)
{
    const struct smtp_settings *settings = spool_settings(s);
    struct relay *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->spool = s;
    r->home = spool_home(s);
    mail_queue_open(&r->queue, settings->retry_ms, rng_next(&r->home->rng));
    list_open(&r->jobs);
    list_open(&r->connections);
    list_open(&r->contexts);
    r->wake.fire = wake_fired;
    r->pump.run = pump;
    if (settings->resolver_count > 0)
        r->resolver = resolver_open(r->home->loop, settings->resolvers, settings->resolver_count);
    return r;
}

bool relay_busy(const struct relay *r)
{
    return list_linked(&r->pump.node);
}

void relay_drain(struct relay *r)
{
    struct list_node *next;
    r->draining = r->queue.stopped = true;
    for (struct list_node *n = list_first(&r->connections); n; n = next) {
        next = list_next(&r->connections, n);
        outbound_drain((struct outbound *)(void *)n);
    }
}

void relay_stop(struct relay *r)
{
    struct list_node *next;
    r->draining = r->stopped = r->queue.stopped = true;
    loop_disarm(r->home->loop, &r->wake);
    for (struct list_node *n = list_first(&r->connections); n; n = next) {
        next = list_next(&r->connections, n);
        outbound_end((struct outbound *)(void *)n);
    }
    if (r->resolver)
        resolver_close(r->resolver);
    r->resolver = NULL;
}

void relay_close(struct relay *r)
{
    struct list_node *n;
    while ((n = list_take(&r->contexts))) {
        struct relay_context *c = list_item(n, struct relay_context, node);
        tls_context_close(c->tls);
        free(c);
    }
    list_remove(&r->pump.node);
    loop_disarm(r->home->loop, &r->wake);
    if (r->resolver)
        resolver_close(r->resolver);
    mail_queue_close(&r->queue);
    free(r);
}
