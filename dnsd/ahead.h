/* The messages of a batch that have no reply yet, read before they are answered, some at a time: what their
 * names need is fetched into the caches together. */
#ifndef WIRELAB_DNSD_AHEAD_H
#define WIRELAB_DNSD_AHEAD_H

#include "dnsd.h"

/* Read at a time: enough for the fetches to overlap, and few enough to stay in the nearest cache. */
#define AHEAD_MAX 16

struct ahead {
    const struct service *service;
    const struct batch *batch;
    size_t end;       /* so many of the batch were looked at */
    size_t count, at; /* messages that were read, and how many of them are taken */
    size_t datagrams[AHEAD_MAX];
    struct dns_query queries[AHEAD_MAX];
};

void ahead_begin(struct ahead *a, const struct service *s, const struct batch *b);
void ahead_read(struct ahead *a);
/* The next one, and which datagram it is; good until one more is asked for. NULL: there are no more. */
static inline const struct dns_query *ahead_next(struct ahead *a, size_t *datagram)
{
    if (a->at == a->count)
        ahead_read(a);
    if (a->at == a->count)
        return NULL;
    *datagram = a->datagrams[a->at];
    return &a->queries[a->at++];
}

#endif
