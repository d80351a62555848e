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

static struct place place_of(const struct service *s, const struct datagram *d)
{
    const struct zones *zones = &views_choose(s, &d->peer.address, &d->local.address, NULL)->zones;
    struct span message = d->in;
    struct place none = { 0 };
    struct dns_name name, lower;
    struct reader r = reader_over(message);
    read_skip(&r, DNS_HEADER_BYTES);
    if (!read_dns_name(&r, message, &name))
        return none;
    dns_name_lower(&lower, &name);
    const struct zones_row *row = zones_find(zones, &lower);
    if (!row || !row->zone || row->zone->block_used < ZONE_BYTES_CACHED)
        return none;
    return (struct place){ row->zone, tag_of(row->zone, &lower) };
}

static bool any_is_large(const struct service *s)
{
    for (size_t i = 0; i < s->view_count; i++)
        if (s->views[i]->zones.large)
            return true;
    return false;
}

void look_ahead(const struct service *s, const struct batch *b)
{
    struct place places[UDP_BATCH_MAX];
    if (!any_is_large(s))
        return;
    for (size_t i = 0; i < b->count; i++) {
        places[i] = place_of(s, &b->d[i]);
        if (places[i].zone)
            fetch_slot(places[i].zone, places[i].tag);
    }
    for (size_t i = 0; i < b->count; i++)
        if (places[i].zone)
            fetch_node(places[i].zone, places[i].tag);
}
