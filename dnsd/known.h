/* The replies that a thread has given to datagrams, given again: a batch is looked through for them before
 * its messages are read. */
#ifndef WIRELAB_DNSD_KNOWN_H
#define WIRELAB_DNSD_KNOWN_H

#include "replies.h"
#include "udp.h"

struct service;

struct known {
    struct replies replies;
    const struct batch *batch;           /* the one at hand */
    bool on;                             /* for this one */
    struct reply *places[UDP_BATCH_MAX]; /* where its replies are, or may be put; NULL: nowhere */
};

/* Replies to those of the batch that came before in this state of the service, and counts them. Gives how
 * many they are. `crowded`: cookies are required. */
size_t known_give(struct known *k, const struct service *s, bool crowded, struct batch *b, struct counts *c);
/* A datagram of that batch has the usual reply to its query: it is kept where it will do again. */
void known_note(struct known *k, const struct service *s, const struct datagram *d, const struct dns_query *q,
                const struct response *r);

#endif
