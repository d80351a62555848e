#include "ahead.h"

#define CACHE_LINE_BYTES 64

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

/* The zone that is likely asked, if there is one; a signature may show that another is meant. */
static const struct zone *zone_of(const struct service *s, const struct datagram *d,
                                  const struct dns_query *q)
{
    const struct view *view = views_choose(s, &d->peer.address, &d->local.address, NULL);
    const struct zones_row *row = q->asked ? zones_find(&view->zones, &q->lower) : NULL;
    return row ? row->zone : NULL;
}

void ahead_begin(struct ahead *a, const struct service *s, const struct batch *b)
{
    a->service = s;
    a->batch = b;
    a->end = 0;
}

void ahead_read(struct ahead *a)
{
    const struct zone *zones[AHEAD_MAX];
    const struct datagram *d = &a->batch->d[a->end];
    size_t left = a->batch->count - a->end;
    size_t count = left < AHEAD_MAX ? left : AHEAD_MAX;
    for (size_t i = 0; i < count; i++) {
        struct dns_query *q = &a->queries[i];
        dns_query_read(d[i].in, q);
        zones[i] = count > 1 ? zone_of(a->service, &d[i], q) : NULL;
        if (!zones[i])
            continue;
        q->tagged_for = zones[i];
        q->tag = zone_tag(zones[i], &q->lower);
        fetch_slot(zones[i], q->tag);
    }
    for (size_t i = 0; i < count; i++)
        if (zones[i])
            fetch_node(zones[i], a->queries[i].tag);
    a->end += count;
}
