/* What to answer: RFC 1034 4.3.2 with RFC 2181, 2308 (negative answers), 4592 (wildcards), 6604 (the code of
 * a chain) and 8482 (ANY). The decision is a short list of record sets; nothing of the wire format is in it.
 */
#ifndef WIRELAB_DNSD_ANSWER_H
#define WIRELAB_DNSD_ANSWER_H

#include "zone.h"

#define ANSWER_ROWS_MAX                                                                                      \
    96 /* sets in one reply; what does not fit is additional data, which may be left out */
#define ANSWER_CHAIN_MAX 16 /* CNAMEs followed for one question; real chains are of two or three */

enum answer_section { ANSWER_ANSWER, ANSWER_AUTHORITY, ANSWER_ADDITIONAL, ANSWER_SECTIONS };

struct answer_row {
    const struct zone *zone;
    const struct zone_set *set;
    struct span owner; /* a name in wire form; at == NULL: the question's own, which needs no second look */
    uint8_t section;   /* enum answer_section */
    bool required;     /* a reply without it is truncated (RFC 2181 9, RFC 9471 3) */
};

struct answer_plan {
    enum dns_rcode rcode;
    bool authoritative;
    struct span away; /* an alias leads to this name, in no zone of ours; at == NULL: none does */
    size_t count;
    struct answer_row rows[ANSWER_ROWS_MAX];
};

struct answer_question {
    const struct dns_name *name; /* in lower case */
    uint16_t type, class;
    bool all_of_any; /* ANY gets all sets (over TCP: RFC 8482 4.4), else just one */
};

/* Fills the plan. AXFR and IXFR are not answered here. */
void answer_question(const struct zones *zones, const struct answer_question *q, struct answer_plan *plan);

#endif
