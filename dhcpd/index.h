/* A hash index over structures that embed its node. It grows by one bucket for each node that is added
 * (linear hashing), so that no single addition pays for a rehash of millions. Memory that is refused only
 * makes chains longer. The caller compares what it finds: nodes of equal hash may differ. */
#ifndef WIRELAB_DHCPD_INDEX_H
#define WIRELAB_DHCPD_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index_node {
    struct index_node *next;
    uint32_t hash;
    bool linked;
};

struct index {
    struct index_node **buckets;
    size_t bucket_count, room; /* buckets[0 .. bucket_count-1] are in use */
    size_t low_mask;           /* buckets that were split already are found with one bit more */
    size_t node_count;
};

/* False when there is no memory for the first buckets. */
bool index_open(struct index *x);
void index_close(struct index *x);
/* n->hash is set before. The node must be in no index. */
void index_add(struct index *x, struct index_node *n);
/* Harmless for a node that is in none. */
void index_remove(struct index *x, struct index_node *n);
/* The first node with this hash, and the one after a node; NULL when there is none. */
struct index_node *index_first(const struct index *x, uint32_t hash);
struct index_node *index_next(const struct index_node *n);

#endif
