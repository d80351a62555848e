/* What is due to whom: messages that wait for other hosts, by destination. Pure: time is an argument, whoever
 * opens connections asks mail_queue_next() and tells what came of it.
 *
 * A destination whose host did not answer is held, with all that waits for it; a message that only itself was
 * put off waits alone. Both wait retry_ms at first and twice as long each time, up to QUEUE_RETRY_MOST_MS. */
#ifndef WIRELAB_SMTPD_QUEUE_H
#define WIRELAB_SMTPD_QUEUE_H

#include "list.h"
#include "route.h"
#include "timer.h"

#define QUEUE_RETRY_MOST_MS   (60 * 60 * 1000) /* RFC 5321 4.5.4.1 asks for half an hour at least */
#define QUEUE_CONNECTIONS_MAX 100              /* to all destinations together */
#define QUEUE_CONNECTIONS_EACH                                                                               \
    4 /* to one: as many as a small server may have left, and one that is slow does not stop the others */
#define QUEUE_JOBS_EACH 8 /* jobs that wait for one connection before another is opened */
#define QUEUE_BUCKETS   256

enum queue_state {
    QUEUE_IDLE,    /* in no queue */
    QUEUE_READY,   /* waits for a connection */
    QUEUE_TAKEN,   /* a connection has it */
    QUEUE_WAITING, /* for its time */
};

/* A message for one destination; embedded in its owner's structure. Set to zero it is idle. */
struct queue_job {
    struct list_node node; /* in a list of its destination */
    struct timer timer;
    struct queue_destination *to;
    enum queue_state state;
    size_t tries;
};

struct queue_destination {
    struct list_node node, ready_node;
    struct mail_queue *queue;
    struct route_hop hop;
    struct list ready, waiting;
    size_t ready_count, job_count, connections, tries;
    struct timer held;        /* armed: no connection until then */
    struct queue_job *newest; /* added last, while it is in the queue */
};

struct mail_queue {
    struct timers timers;
    struct list buckets[QUEUE_BUCKETS];
    struct list ready; /* destinations with ready jobs that may have another connection */
    uint64_t seed, retry_ms;
    size_t connections, job_count;
    bool stopped; /* no connections any more */
};

void mail_queue_open(struct mail_queue *q, uint64_t retry_ms, uint64_t seed);
/* Forgets all; the jobs are their owners', and still there. */
void mail_queue_close(struct mail_queue *q);

/* The destination of this hop, made when it is new; NULL: no memory. It goes when it has neither jobs nor
 * connections; mail_queue_sweep() ends one that was never used. */
struct queue_destination *mail_queue_destination(struct mail_queue *q, const struct route_hop *hop);
void mail_queue_sweep(struct queue_destination *d);
/* An idle job becomes ready ... */
void mail_queue_add(struct queue_destination *d, struct queue_job *j);
/* ... or waits, as after `tries` failures at `now`. */
void mail_queue_add_later(struct queue_destination *d, struct queue_job *j, struct now now);

/* A destination that needs a connection, which from now on counts; NULL: none does. */
struct queue_destination *mail_queue_next(struct mail_queue *q);
/* The connection is gone. With answered false it was of no use: the destination is held. */
void mail_queue_disconnected(struct queue_destination *d, bool answered, struct now now);
/* The host works: the next failure is the first. */
void mail_queue_answered(struct queue_destination *d);
/* A ready job for the connection, or NULL. */
struct queue_job *mail_queue_take(struct queue_destination *d);
static inline bool mail_queue_has_more(const struct queue_destination *d)
{
    return d->ready_count > 0;
}
/* Of a job in any state: back in front of those that are ready; it waits for its next try; it is over. */
void mail_queue_again(struct queue_job *j);
void mail_queue_defer(struct queue_job *j, struct now now);
void mail_queue_remove(struct queue_job *j);
/* All that waits for this destination may go now; returns how many jobs. */
size_t mail_queue_flush(struct queue_destination *d);
/* NULL: nothing is there for this key. */
struct queue_destination *mail_queue_find(struct mail_queue *q, const char *key);

/* When something becomes due; TIMER_NEVER: nothing waits. */
static inline uint64_t mail_queue_next_due(const struct mail_queue *q)
{
    return timers_next_due(&q->timers);
}
void mail_queue_run(struct mail_queue *q, struct now now);

#endif
