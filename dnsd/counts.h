/* What was asked, how, and what it got: counted on the way, told at the door. Each thread has its own. */
#ifndef WIRELAB_DNSD_COUNTS_H
#define WIRELAB_DNSD_COUNTS_H

#include "respond.h"

#define COUNTS_TYPES  320 /* those of today's use, and ANY; the last one is all others */
#define COUNTS_RCODES 24  /* BADCOOKIE is the last one there is */

#define COUNTS_ZONES  4096 /* a power of two: how many zones are counted each on its own, at most */
#define COUNTS_PLACES 8    /* where a zone is looked for */

struct http_exchange;

struct counts_zone {
    uint64_t id; /* of a row of zones; 0: none */
    uint64_t count;
};

struct counts {
    uint64_t other_zones; /* for which there was no place */
    struct counts_zone zones[COUNTS_ZONES];
    uint64_t transports[EDNS_TLS + 1];
    uint64_t rcodes[COUNTS_RCODES];
    uint64_t types[COUNTS_TYPES];
};

/* Where a zone is counted whose own place has another one. */
uint64_t *counts_zone_elsewhere(struct counts *c, uint64_t id);
static inline void counts_take_zone(struct counts *c, uint64_t id)
{
    struct counts_zone *z = &c->zones[id % COUNTS_ZONES];
    if (z->id == id)
        z->count++;
    else
        ++*counts_zone_elsewhere(c, id);
}

/* What is counted of a message. */
struct counted {
    bool asked, replied; /* it has a question; it gets a reply */
    uint16_t type;
    enum dns_rcode rcode;
    uint64_t zone_id; /* 0: nobody's */
};

/* The reply to a message that was counted without one. */
static inline void counts_take_reply(struct counts *c, enum dns_rcode rcode)
{
    if ((size_t)rcode < COUNTS_RCODES)
        c->rcodes[rcode]++;
}

/* What UPDATE and NOTIFY name is no question. */
static inline struct counted counted_of(const struct response *r, bool replied)
{
    const struct dns_query *q = r->query;
    return (struct counted){ .asked = q->asked && dns_opcode(q->header.flags) == DNS_OPCODE_QUERY,
                             .replied = replied,
                             .type = q->question.type,
                             .rcode = r->rcode,
                             .zone_id = r->plan.zone_id };
}

static inline void counts_take(struct counts *c, enum edns_transport transport, const struct counted *m)
{
    c->transports[transport]++;
    if (m->replied)
        counts_take_reply(c, m->rcode);
    if (m->zone_id)
        counts_take_zone(c, m->zone_id);
    if (m->asked)
        c->types[m->type < COUNTS_TYPES ? m->type : COUNTS_TYPES - 1]++;
}

/* Adds what `from` has, which has nothing then. */
void counts_move(struct counts *to, struct counts *from);
/* Tells all that are not zero. */
void counts_tell(const struct counts *c, struct http_exchange *x);
/* Those of zones; a zone that several directories have is told once. */
void counts_tell_zones(const struct counts *c, const struct zones *const *all, size_t count,
                       struct http_exchange *x);

#endif
