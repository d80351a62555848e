/* The replies that a thread has given to datagrams, given again: a batch is looked through for them before
 * its messages are read. */
#ifndef WIRELAB_DNSD_KNOWN_H
#define WIRELAB_DNSD_KNOWN_H

#include "replies.h"
#include "udp.h"

struct service;
struct view;

struct known {
    struct replies replies;
    struct replies_place places[UDP_BATCH_MAX]; /* of the batch at hand */
    const struct view *views[UDP_BATCH_MAX];    /* that it is for */
};

/* Replies to those of the batch that came before in this state of the service, and counts them. Gives how
 * many they are. `crowded`: cookies are required. */
size_t known_give(struct known *k, const struct service *s, bool crowded, struct batch *b, struct counts *c);
/* Datagram i of that batch was answered, and this is its query: the reply is kept where it will do again. */
void known_note(struct known *k, const struct service *s, const struct batch *b, size_t i,
                const struct dns_query *q, const struct response *r);

#endif
