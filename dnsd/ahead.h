/* The messages of a batch, read before they are answered, some at a time: what their names need is fetched
 * into the caches together. */
#ifndef WIRELAB_DNSD_AHEAD_H
#define WIRELAB_DNSD_AHEAD_H

#include "dnsd.h"

/* Read at a time: enough for the fetches to overlap, and few enough to stay in the nearest cache. */
#define AHEAD_MAX 16

struct ahead {
    const struct service *service;
    const struct batch *batch;
    size_t end; /* so many of the batch were read */
    struct dns_query queries[AHEAD_MAX];
};

void ahead_begin(struct ahead *a, const struct service *s, const struct batch *b);
void ahead_read(struct ahead *a);
/* Datagram i of the batch as a query; to be asked for in order, and good until the next is. */
static inline const struct dns_query *ahead_query(struct ahead *a, size_t i)
{
    if (i == a->end)
        ahead_read(a);
    return &a->queries[i % AHEAD_MAX];
}

#endif
