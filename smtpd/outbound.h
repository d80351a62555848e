/* One connection to a next host: finds it, talks to it (client_session.c), sends one message after the other.
 * For relay.c. */
#ifndef WIRELAB_SMTPD_OUTBOUND_H
#define WIRELAB_SMTPD_OUTBOUND_H

#include "client_session.h"
#include "queue.h"
#include "resolver.h"
#include "spool.h"
#include "stream.h"

#define OUTBOUND_ADDRESSES_MAX 8

/* A message on one way: those of its recipients whose `job` this is. Lives in the message's memory. */
struct relay_job {
    struct queue_job queued;
    struct list_node node; /* among all */
    struct message *message;
    size_t next; /* recipients before it were tried in this round */
};

struct relay {
    struct spool *spool;
    struct home *home;
    struct mail_queue queue;
    struct resolver *resolver; /* NULL: none is configured */
    struct list jobs, connections;
    struct timer wake;
    struct deferred pump;
    struct list contexts; /* of TLS, one for each CA file */
    bool draining, stopped;
};

struct outbound;

/* Takes a connection that mail_queue_next() has counted; NULL: no memory, and it counts no longer. */
struct outbound *outbound_open(struct relay *r, struct queue_destination *to);
/* At once; what it has in hand is tried again. */
void outbound_end(struct outbound *o);
/* After what it has in hand. */
void outbound_drain(struct outbound *o);

/* ---- what relay.c does for it ------------------------------------------------------------------ */

/* A job's recipients as a mail, and where each stands in the message; their number. */
size_t relay_fill(struct relay_job *j, struct client_mail *mail, struct client_recipient *recipients,
                  size_t positions[CLIENT_RECIPIENTS_MAX]);
/* Each recipient has its verdict. `host` said it; `dsn`: it reports to the sender itself. */
void relay_concluded(struct relay *r, struct relay_job *j, const struct client_mail *mail,
                     const size_t *positions, const char *host, bool dsn);
/* No host of the destination is of use: the verdict is that of all that waits for it. */
void relay_unreachable(struct relay *r, struct queue_destination *d, const struct client_verdict *why,
                       const char *host);
/* The connection is gone. */
void relay_disconnected(struct relay *r, struct queue_destination *d, bool answered);
/* The context for this hop; NULL, and *p says why. */
struct tls_context *relay_tls(struct relay *r, const struct route_hop *hop, struct problem *p);

#endif
