/* What to answer: RFC 1034 4.3.2 with RFC 2181, 2308 (negative answers), 4035 and 5155 (signed zones), 4592
 * (wildcards), 6604 (the code of a chain), 6672 (DNAME), 8482 (ANY) and 9460 (addresses of services). The
 * decision is a short list of record sets; nothing of the wire format is in it.
 */
#ifndef WIRELAB_DNSD_ANSWER_H
#define WIRELAB_DNSD_ANSWER_H

#include "zone.h"

/* Sets in one reply: a datagram of ours holds fewer, and a delegation of five hundred servers, each with two
 * addresses, fits by TCP. With more, what is not required is left out, and else the reply is truncated. */
#define ANSWER_ROWS_MAX     1024
#define ANSWER_ROWS_UDP_MAX 96
#define ANSWER_CHAIN_MAX    16 /* CNAMEs followed for one question; real chains are of two or three */
#define ANSWER_MADE_MAX     ANSWER_CHAIN_MAX /* CNAMEs made of DNAMEs for one question */
#define ANSWER_MADE_BYTES   (sizeof(struct zone_set) + 10 + DNS_NAME_BYTES_MAX)

enum answer_section { ANSWER_ANSWER, ANSWER_AUTHORITY, ANSWER_ADDITIONAL, ANSWER_SECTIONS };

struct answer_row {
    const struct zone *zone;
    const struct zone_set *set;
    struct span owner; /* a name in wire form; at == NULL: the question's own, which needs no second look */
    uint8_t section;   /* enum answer_section */
    bool required;     /* a reply without it is truncated (RFC 2181 9, RFC 9471 3) */
    uint16_t covered;  /* of a set of RRSIG only those that cover this type; 0: all */
    uint32_t ttl_max;  /* for these */
};

struct answer_plan {
    enum dns_rcode rcode;
    bool authoritative;
    unsigned
        turn; /* 0: records as they lie in the zone; else each set begins with the record whose turn it is */
    struct span away; /* an alias leads to this name, in no zone of ours; at == NULL: none does */
    uint64_t zone_id; /* whose the question is: of the row; 0: nobody's here */
    bool incomplete;  /* something required has found no room */
    size_t count, made_count;
    struct answer_row rows[ANSWER_ROWS_MAX]; /* only the first ones are ever looked at: none is cleared */
    union {                                  /* CNAMEs made of DNAMEs (RFC 6672 3.1): rows lead to them */
        struct zone_set set;
        uint8_t room[ANSWER_MADE_BYTES];
    } made[ANSWER_MADE_MAX];
};

struct answer_question {
    const struct dns_name *name; /* in lower case */
    uint16_t type, class;
    const struct zone *tagged_for; /* `tag` is the name's zone_tag() in this one; NULL: it is not made yet */
    uint32_t tag;
    bool dnssec;   /* with signatures and proofs: DO (RFC 3225) */
    bool over_tcp; /* ANY gets all sets (RFC 8482 4.4), else just one; and there is room for more of them */
};

/* Fills the plan. AXFR and IXFR are not answered here. */
void answer_question(const struct zones *zones, const struct answer_question *q, struct answer_plan *plan);

#endif
