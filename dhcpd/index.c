#include "index.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 64 /* a power of two */

bool index_open(struct index *x)
{
    *x =
        (struct index){ .bucket_count = FIRST_BUCKETS, .room = FIRST_BUCKETS, .low_mask = FIRST_BUCKETS - 1 };
    x->buckets = calloc(x->room, sizeof(struct index_node *));
    return x->buckets != NULL;
}

void index_close(struct index *x)
{
    free(x->buckets);
    *x = (struct index){ 0 };
}

/* low_mask + 1 buckets were there at the last doubling; those behind it came by splitting. */
static size_t bucket_of(const struct index *x, uint32_t hash)
{
    size_t wide = hash & (x->low_mask << 1 | 1);
    return wide < x->bucket_count ? wide : hash & x->low_mask;
}

static bool make_room(struct index *x)
{
    if (x->bucket_count < x->room)
        return true;
    struct index_node **more = realloc(x->buckets, 2 * x->room * sizeof(struct index_node *));
    if (!more)
        return false;
    memset(more + x->room, 0, x->room * sizeof(struct index_node *));
    x->buckets = more;
    x->room *= 2;
    return true;
}

/* One more bucket: what belongs there comes out of the one that held both. */
static void split_one(struct index *x)
{
    if (x->bucket_count > UINT32_MAX / 2 || !make_room(x))
        return;
    size_t fresh = x->bucket_count++;
    size_t wide_mask = x->low_mask << 1 | 1;
    struct index_node **link = &x->buckets[fresh & x->low_mask];
    while (*link) { /* each turn goes one node on */
        struct index_node *n = *link;
        if ((n->hash & wide_mask) != fresh) {
            link = &n->next;
            continue;
        }
        *link = n->next;
        n->next = x->buckets[fresh];
        x->buckets[fresh] = n;
    }
    if (fresh == wide_mask)
        x->low_mask = wide_mask;
}

void index_add(struct index *x, struct index_node *n)
{
    if (x->node_count >= x->bucket_count)
        split_one(x);
    struct index_node **head = &x->buckets[bucket_of(x, n->hash)];
    n->next = *head;
    *head = n;
    n->linked = true;
    x->node_count++;
}

void index_remove(struct index *x, struct index_node *n)
{
    if (!n->linked)
        return;
    struct index_node **link = &x->buckets[bucket_of(x, n->hash)];
    while (*link != n) /* it is there: `linked` says so */
        link = &(*link)->next;
    *link = n->next;
    n->next = NULL;
    n->linked = false;
    x->node_count--;
}

struct index_node *index_first(const struct index *x, uint32_t hash)
{
    struct index_node *n = x->buckets[bucket_of(x, hash)];
    while (n && n->hash != hash)
        n = n->next;
    return n;
}

struct index_node *index_next(const struct index_node *n)
{
    uint32_t hash = n->hash;
    do
        n = n->next;
    while (n && n->hash != hash);
    return (struct index_node *)n;
}
