/* A reply from the cache: the answer section alone, or the SOA that says no (RFC 1034 4.3.2 step 4, RFC
 * 2308). */
#ifndef WIRELAB_DNSD_ENCODE_CACHED_H
#define WIRELAB_DNSD_ENCODE_CACHED_H

#include "cache.h"
#include "encode.h"

struct encode_cached {
    struct cache *cache;
    const struct dns_query *query;
    const struct answer_plan *plan; /* what our zones say: an alias of ours may stand first */
    size_t limit;                   /* octets of the reply */
    uint64_t at_ms;                 /* entries that were good then; now, or when a resolution began */
    uint64_t now_ms;                /* TTLs count down to it */
};

/* Writes the reply in the place of what the writer has. False, and that stays, when the cache does not know:
 * then *missing (lower case) is what to find out. */
bool encode_cached(const struct encode_cached *e, struct writer *w, enum dns_rcode *rcode,
                   struct dns_name *missing);
/* SERVFAIL. */
void encode_failure(const struct dns_query *q, struct writer *w);
/* ANY of names of others: the one record of RFC 8482 4.2. */
void encode_any(const struct dns_query *q, struct writer *w);

#endif
