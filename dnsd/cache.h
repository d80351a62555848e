/* What other servers said, for as long as they said it holds: record sets, names and types that are not there
 * (RFC 2308), questions that failed (RFC 9520). Bounded in bytes; what was not asked for lately goes first.
 * Time is an argument, milliseconds that never jump.
 *
 * Names are wire form in lower case. Records lie as a length of two octets and the data, names uncompressed.
 */
#ifndef WIRELAB_DNSD_CACHE_H
#define WIRELAB_DNSD_CACHE_H

#include "list.h"
#include "wire/dns.h"

#define CACHE_BYTES_MIN 262144 /* some messages of the longest kind */
#define CACHE_ANY_TYPE  0      /* where a name that does not exist is kept */
#define CACHE_CHAIN_MAX 16     /* aliases in one answer; real chains have two or three */

/* RFC 2181 5.4.1, the least first. What is below CACHE_ANSWER finds servers and answers nobody. */
enum cache_rank { CACHE_GLUE = 1, CACHE_REFERRAL, CACHE_ANSWER, CACHE_AUTHORITATIVE };

enum cache_kind {
    CACHE_SET,
    CACHE_NO_DATA, /* the name exists; data: as for CACHE_NO_NAME */
    CACHE_NO_NAME, /* under CACHE_ANY_TYPE; data: the owner of the SOA and the SOA, or nothing */
    CACHE_FAILURE, /* it could not be found out; `count` is the code of RFC 8914 */
};

struct cache_entry {
    struct cache_entry *chain;
    struct list_node node;
    uint64_t hash;
    uint64_t expires_ms; /* good up to and with this one */
    uint32_t data_bytes;
    uint16_t type, count;
    uint8_t kind, rank, name_bytes;
    bool used;       /* since the clock's hand passed */
    uint8_t bytes[]; /* name, then data */
};

struct cache_options {
    size_t bytes_max;
    uint32_t ttl_min_s, ttl_max_s, negative_max_s;
    uint64_t seed;
};

struct cache {
    struct cache_options options;
    struct cache_entry **slots;
    uint64_t slot_mask;
    struct list order; /* the clock: its hand is at the front */
    size_t bytes, entry_count;
};

static inline struct span cache_name(const struct cache_entry *e)
{
    return span_of(e->bytes, e->name_bytes);
}

static inline struct span cache_data(const struct cache_entry *e)
{
    return span_of(e->bytes + e->name_bytes, e->data_bytes);
}

/* The next record of a set, or the SOA behind its owner; empty and `r` failed at the end. */
static inline struct span cache_next_record(struct reader *r)
{
    return read_span(r, read_u16(r));
}

/* Seconds that are left of it, rounded up: what came now is passed on as it came. */
static inline uint32_t cache_ttl(const struct cache_entry *e, uint64_t now_ms)
{
    return e->expires_ms > now_ms ? (uint32_t)((e->expires_ms - now_ms + 999) / 1000) : 0;
}

/* False: no memory. */
bool cache_open(struct cache *c, const struct cache_options *o);
void cache_close(struct cache *c);

/* The entry that was good at at_ms; NULL when there is none. Valid until the next cache_put(). A resolution
 * that began at at_ms finds all that it learned itself, also what has a TTL of 0 (RFC 1035 3.2.1). */
struct cache_entry *cache_find(struct cache *c, struct span name, uint16_t type, uint64_t at_ms);

struct cache_news {
    struct span name; /* lower case */
    uint16_t type;    /* CACHE_NO_NAME: not looked at */
    enum cache_kind kind;
    enum cache_rank rank;
    uint32_t ttl_s; /* as it came; bounded here */
    uint16_t count;
    struct span data;
};

/* Takes it in, in the place of what is known, unless that is good still and ranks higher. False when it was
 * not taken. */
bool cache_put(struct cache *c, const struct cache_news *n, uint64_t now_ms);

/* ---- answers ---------------------------------------------------------------------------------- */

/* The end of a question's chain of aliases, and the way to it. */
struct cache_answer {
    size_t alias_count;
    const struct cache_entry *aliases[CACHE_CHAIN_MAX];
    const struct cache_entry *end; /* NULL: not known; then `name` is what to find out */
    struct span name;              /* where the chain ends; lives as long as `name` given and the entries */
    struct dns_name room;          /* of the name, where it is an alias's target */
};

/* Follows `name` (lower case). False when the end is not known or the chain is longer than CACHE_CHAIN_MAX.
 */
bool cache_answer(struct cache *c, struct span name, uint16_t type, uint64_t at_ms, struct cache_answer *out);

#endif
