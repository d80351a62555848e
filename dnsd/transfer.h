/* A whole zone as a sequence of messages (AXFR, RFC 5936): SOA, everything else once, SOA. Or what changed
 * (IXFR, RFC 1995): SOA, for each change what went and what came, SOA. */
#ifndef WIRELAB_DNSD_TRANSFER_H
#define WIRELAB_DNSD_TRANSFER_H

#include "change.h"

#define TRANSFER_SOA_BYTES (10 + 2 * DNS_NAME_BYTES_MAX + 20)

struct transfer {
    struct zone *zone; /* held while its records are sent; NULL for changes and the SOA alone */
    uint32_t serial;   /* of the version that it leads to */
    uint16_t apex_bytes, soa_bytes;
    uint8_t apex[DNS_NAME_BYTES_MAX], soa[TRANSFER_SOA_BYTES]; /* what begins and ends it */
    struct dns_query query;
    enum { TRANSFER_FIRST_SOA, TRANSFER_BODY, TRANSFER_CHANGES, TRANSFER_LAST_SOA, TRANSFER_OVER } at;
    struct change **changes;     /* held; NULL: the whole zone */
    size_t change_count, change; /* the one at hand */
    bool added;                  /* its second part */
    const struct zone_node *node;
    const struct zone_set *set, *piece;
    struct reader records; /* of the piece */
    size_t messages, record_count;
};

/* Begins one; with `soa_alone` it is the answer to an IXFR from one who is up to date (RFC 1995 2). */
void transfer_begin(struct transfer *t, struct zone *z, const struct dns_query *q, bool soa_alone);
/* After transfer_begin(): these changes in the place of the zone; without memory the zone goes whole. */
void transfer_changes(struct transfer *t, struct change *const *changes, size_t count);
static inline bool transfer_over(const struct transfer *t)
{
    return t->at == TRANSFER_OVER;
}
/* The next message, as many records as fit. The writer is empty, with room for a whole one. */
void transfer_next(struct transfer *t, struct writer *w);
/* Releases the zone; harmless twice. */
void transfer_end(struct transfer *t);

#endif
