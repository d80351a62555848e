/* The names that own NSEC or NSEC3, in canonical order (RFC 4034 6.1; for hashed names that is the order of
 * their hashes): who stands at or before a name is found by halving. Of the chains of NSEC3, which are two
 * while a zone gets another salt, only the one that answers come from is in it. It follows each change of the
 * zone: a name in or out costs a move of the references behind it; a build or a change of many names sorts
 * once, when the zone is settled. Zones without these records have none of it. */
#ifndef WIRELAB_DNSD_ZONE_ORDER_H
#define WIRELAB_DNSD_ZONE_ORDER_H

#include "zone.h"

/* What the names of a chain of NSEC3 are hashed with; the algorithm is SHA-1, the only one. */
struct zone_hashing {
    struct span salt; /* lies in the zone */
    unsigned iterations;
};

/* Of the chain that answers come from: that of the apex's first NSEC3PARAM without flags (RFC 5155 4.1.2 and
 * 7.2). False: there is none. */
bool zone_order_hashing(const struct zone *z, struct zone_hashing *out);

/* A record of this type has come to the node, or gone from it. Other types are no concern of it. */
void zone_order_follow(struct zone *z, uint16_t type, zone_ref node);
/* Sorts what is to be sorted, before anybody looks anything up. False: no memory. */
bool zone_order_settle(struct zone *z);
/* For a copy of the zone. Without memory the copy's are made anew by its next zone_order_settle(). */
void zone_order_copy(struct zone *to, const struct zone *from);
void zone_order_free(struct zone *z);

/* The last node at or before `name`, around the end where there is none; *exact: it is the name's own. NULL:
 * there are none. `order`: enum zone_order_kind. */
const struct zone_node *zone_order_find(const struct zone *z, unsigned order, const struct dns_name *name,
                                        bool *exact);

/* How many stand at or before `name`: those at zone->order[order].at[0] and on. */
size_t zone_order_count(const struct zone *z, unsigned order, const struct dns_name *name);

#endif
