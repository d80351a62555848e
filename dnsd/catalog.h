/* Catalog zones (RFC 9432): zones that list other zones, for the servers that are to have them. Pure. */
#ifndef WIRELAB_DNSD_CATALOG_H
#define WIRELAB_DNSD_CATALOG_H

#include "zone.h"

/* A member as its catalog has it; lives as long as the call that gives it. */
struct catalog_entry {
    struct dns_name zone;     /* in lower case */
    struct span label;        /* of its node: another one is another zone, whose state begins anew (5.4) */
    struct span group;        /* empty: none */
    bool moves;               /* it may become a member of ... (4.4.1) */
    struct dns_name moves_to; /* ... this catalog, in lower case */
};

/* NULL when the zone is a catalog that can be followed; else why not (5.1). Then each of its nodes is asked:
 * there may be a hundred thousand. */
const char *catalog_fault(const struct zone *z);
const char *catalog_node_fault(const struct zone *z, const struct zone_node *n);
/* Of a catalog without a fault: whether the node stands for a member, and which. */
bool catalog_read(const struct zone *z, const struct zone_node *n, struct catalog_entry *e);

/* A catalog in the making. */
struct zone_builder *catalog_begin(const struct dns_name *apex, uint32_t serial, uint64_t seed,
                                   size_t members);
/* The label of a member follows from its name: it is the same after each start. */
enum zone_fault catalog_add(struct zone_builder *b, const struct dns_name *lower, const char *group);

#endif
