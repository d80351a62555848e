#include "queue.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>

void mail_queue_open(struct mail_queue *q, uint64_t retry_ms, uint64_t seed)
{
    *q = (struct mail_queue){ .retry_ms = retry_ms, .seed = seed };
    timers_open(&q->timers);
    list_open(&q->ready);
    for (size_t i = 0; i < QUEUE_BUCKETS; i++)
        list_open(&q->buckets[i]);
}

void mail_queue_close(struct mail_queue *q)
{
    struct list_node *n;
    timers_close(&q->timers); /* it touches those of jobs and destinations */
    for (size_t i = 0; i < QUEUE_BUCKETS; i++)
        while ((n = list_take(&q->buckets[i])))
            free(list_item(n, struct queue_destination, node));
}

/* ---- destinations --------------------------------------------------------------------------- */

static struct list *bucket_of(struct mail_queue *q, const char *key)
{
    return &q->buckets[hash_bytes(span_text(key), q->seed) % QUEUE_BUCKETS];
}

struct queue_destination *mail_queue_find(struct mail_queue *q, const char *key)
{
    struct list *bucket = bucket_of(q, key);
    for (struct list_node *n = list_first(bucket); n; n = list_next(bucket, n)) {
        struct queue_destination *d = list_item(n, struct queue_destination, node);
        if (strcmp(d->hop.key, key) == 0)
            return d;
    }
    return NULL;
}

/* Another connection would have something to do, and may be there. */
static bool wants_connection(const struct queue_destination *d)
{
    size_t wanted = (d->ready_count + QUEUE_JOBS_EACH - 1) / QUEUE_JOBS_EACH;
    return !timer_armed(&d->held) && d->connections < wanted && d->connections < QUEUE_CONNECTIONS_EACH;
}

/* The only function that lets a destination into the list of those that wait for a connection, or out. */
static void arrange(struct queue_destination *d)
{
    bool wants = wants_connection(d);
    if (wants && !list_linked(&d->ready_node))
        list_append(&d->queue->ready, &d->ready_node);
    else if (!wants)
        list_remove(&d->ready_node);
}

static void held_fired(struct timer *t, struct now now)
{
    struct queue_destination *d =
        (struct queue_destination *)((char *)t - offsetof(struct queue_destination, held));
    (void)now;
    arrange(d);
}

struct queue_destination *mail_queue_destination(struct mail_queue *q, const struct route_hop *hop)
{
    struct queue_destination *d = mail_queue_find(q, hop->key);
    if (d) {
        d->hop = *hop; /* the file may say something else by now */
        return d;
    }
    d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->queue = q;
    d->hop = *hop;
    d->held.fire = held_fired;
    list_open(&d->ready);
    list_open(&d->waiting);
    list_append(bucket_of(q, hop->key), &d->node);
    return d;
}

void mail_queue_sweep(struct queue_destination *d)
{
    if (d->job_count > 0 || d->connections > 0)
        return;
    timer_stop(&d->queue->timers, &d->held);
    list_remove(&d->ready_node);
    list_remove(&d->node);
    free(d);
}

static uint64_t retry_after_ms(const struct mail_queue *q, size_t tries)
{
    uint64_t most = q->retry_ms > QUEUE_RETRY_MOST_MS ? q->retry_ms : QUEUE_RETRY_MOST_MS;
    uint64_t ms = q->retry_ms;
    for (size_t i = 1; i < tries && ms < most; i++)
        ms *= 2;
    return ms < most ? ms : most;
}

/* ---- jobs ------------------------------------------------------------------------------------- */

/* The only function that changes a job's state. */
static void job_become(struct queue_job *j, enum queue_state next)
{
    struct queue_destination *d = j->to;
    list_remove(&j->node);
    timer_stop(&d->queue->timers, &j->timer);
    d->ready_count -= j->state == QUEUE_READY;
    j->state = next;
    d->ready_count += next == QUEUE_READY;
    arrange(d);
}

static void make_ready(struct queue_job *j)
{
    list_append(&j->to->ready, &j->node);
}

static void job_due(struct timer *t, struct now now)
{
    struct queue_job *j = (struct queue_job *)((char *)t - offsetof(struct queue_job, timer));
    (void)now;
    job_become(j, QUEUE_READY);
    make_ready(j);
}

static void enter(struct queue_destination *d, struct queue_job *j)
{
    assert(j->state == QUEUE_IDLE);
    j->to = d;
    j->timer.fire = job_due;
    d->job_count++;
    d->queue->job_count++;
    d->newest = j;
}

void mail_queue_add(struct queue_destination *d, struct queue_job *j)
{
    enter(d, j);
    job_become(j, QUEUE_READY);
    make_ready(j);
}

static void wait(struct queue_job *j, struct now now)
{
    struct mail_queue *q = j->to->queue;
    job_become(j, QUEUE_WAITING);
    list_append(&j->to->waiting, &j->node);
    if (!timer_arm(&q->timers, &j->timer, now.mono_ms + retry_after_ms(q, j->tries)))
        job_due(&j->timer, now); /* no memory to wait: a try too early harms less than none */
}

void mail_queue_add_later(struct queue_destination *d, struct queue_job *j, struct now now)
{
    enter(d, j);
    wait(j, now);
}

void mail_queue_defer(struct queue_job *j, struct now now)
{
    j->tries++;
    wait(j, now);
}

void mail_queue_again(struct queue_job *j)
{
    job_become(j, QUEUE_READY);
    list_prepend(&j->to->ready, &j->node);
}

void mail_queue_remove(struct queue_job *j)
{
    struct queue_destination *d = j->to;
    if (j->state == QUEUE_IDLE)
        return;
    job_become(j, QUEUE_IDLE);
    j->to = NULL;
    d->job_count--;
    d->queue->job_count--;
    d->newest = d->newest == j ? NULL : d->newest;
    mail_queue_sweep(d);
}

struct queue_job *mail_queue_take(struct queue_destination *d)
{
    struct list_node *n = list_first(&d->ready);
    struct queue_job *j = n ? list_item(n, struct queue_job, node) : NULL;
    if (j)
        job_become(j, QUEUE_TAKEN);
    return j;
}

/* ---- connections ------------------------------------------------------------------------------- */

struct queue_destination *mail_queue_next(struct mail_queue *q)
{
    struct list_node *n =
        q->stopped || q->connections >= QUEUE_CONNECTIONS_MAX ? NULL : list_first(&q->ready);
    struct queue_destination *d = n ? list_item(n, struct queue_destination, ready_node) : NULL;
    if (!d)
        return NULL;
    list_remove(n); /* behind the others, should it want one more */
    d->connections++;
    q->connections++;
    arrange(d);
    return d;
}

void mail_queue_answered(struct queue_destination *d)
{
    d->tries = 0;
}

void mail_queue_disconnected(struct queue_destination *d, bool answered, struct now now)
{
    d->connections--;
    d->queue->connections--;
    if (!answered) {
        d->tries++;
        timer_arm(&d->queue->timers, &d->held, now.mono_ms + retry_after_ms(d->queue, d->tries));
    }
    arrange(d);
    mail_queue_sweep(d);
}

size_t mail_queue_flush(struct queue_destination *d)
{
    struct list_node *n;
    timer_stop(&d->queue->timers, &d->held);
    while ((n = list_first(&d->waiting))) { /* each turn takes one out */
        struct queue_job *j = list_item(n, struct queue_job, node);
        job_become(j, QUEUE_READY);
        make_ready(j);
    }
    arrange(d);
    return d->ready_count;
}

#define DUE_A_TURN 1024

void mail_queue_run(struct mail_queue *q, struct now now)
{
    timers_run(&q->timers, now, DUE_A_TURN);
}
