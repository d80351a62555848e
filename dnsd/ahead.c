#include "ahead.h"

#include "hash.h"

#define CACHE_LINE_BYTES 64

struct place {
    const struct zone *zone; /* NULL: nothing to fetch */
    uint32_t tag;
};

/* The lower half of the name's hash, where its place in the table begins. */
static uint32_t tag_of(const struct zone *z, const struct dns_name *name)
{
    return (uint32_t)hash_bytes(dns_name_span(name), z->seed);
}

static void fetch_slot(const struct zone *z, uint32_t tag)
{
    __builtin_prefetch(&z->slots[tag & z->slot_mask]);
}

/* The node, and what stands behind it: its first set, nearly always. */
static void fetch_node(const struct zone *z, uint32_t tag)
{
    const struct zone_slot *slot = &z->slots[tag & z->slot_mask];
    const uint8_t *node = z->block + (size_t)slot->node * ZONE_GRAIN;
    __builtin_prefetch(node);
    __builtin_prefetch(node + CACHE_LINE_BYTES);
}

static struct place place_of(const struct service *s, const struct datagram *d, const struct dns_query *q)
{
    const struct zones *zones = &views_choose(s, &d->peer.address, &d->local.address, NULL)->zones;
    const struct zones_row *row = q->asked && zones->large ? zones_find(zones, &q->lower) : NULL;
    if (!row || !row->zone || row->zone->block_used < ZONE_BYTES_CACHED)
        return (struct place){ 0 };
    return (struct place){ row->zone, tag_of(row->zone, &q->lower) };
}

void ahead_begin(struct ahead *a, const struct service *s, const struct batch *b)
{
    a->service = s;
    a->batch = b;
    a->end = 0;
}

void ahead_read(struct ahead *a)
{
    struct place places[AHEAD_MAX];
    const struct datagram *d = &a->batch->d[a->end];
    size_t left = a->batch->count - a->end;
    size_t count = left < AHEAD_MAX ? left : AHEAD_MAX;
    for (size_t i = 0; i < count; i++) {
        dns_query_read(d[i].in, &a->queries[i]);
        places[i] = place_of(a->service, &d[i], &a->queries[i]);
        if (places[i].zone)
            fetch_slot(places[i].zone, places[i].tag);
    }
    for (size_t i = 0; i < count; i++)
        if (places[i].zone)
            fetch_node(places[i].zone, places[i].tag);
    a->end += count;
}
