/* What was asked, how, and what it got: counted on the way, told at the door. Each thread has its own. */
#ifndef WIRELAB_DNSD_COUNTS_H
#define WIRELAB_DNSD_COUNTS_H

#include "respond.h"

#define COUNTS_TYPES  320 /* those of today's use, and ANY; the last one is all others */
#define COUNTS_RCODES 24  /* BADCOOKIE is the last one there is */

struct http_exchange;

struct counts {
    uint64_t transports[EDNS_TLS + 1];
    uint64_t rcodes[COUNTS_RCODES];
    uint64_t types[COUNTS_TYPES];
};

/* A question that came, and its reply, if there is one. */
static inline void counts_take(struct counts *c, const struct response *r, enum edns_transport transport,
                               bool replied)
{
    c->transports[transport]++;
    if (replied && (size_t)r->rcode < COUNTS_RCODES)
        c->rcodes[r->rcode]++;
    if (r->query.asked)
        c->types[r->query.question.type < COUNTS_TYPES ? r->query.question.type : COUNTS_TYPES - 1]++;
}

/* Adds what `from` has, which has nothing then. */
void counts_move(struct counts *to, struct counts *from);
/* Tells all that are not zero. */
void counts_tell(const struct counts *c, struct http_exchange *x);

#endif
