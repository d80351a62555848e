#include "ahead.h"

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
    a->end = a->count = a->at = 0;
}

void ahead_read(struct ahead *a)
{
    const struct zone *zones[AHEAD_MAX];
    a->count = a->at = 0;
    for (; a->end < a->batch->count && a->count < AHEAD_MAX; a->end++) {
        const struct datagram *d = &a->batch->d[a->end];
        if (writer_length(&d->out))
            continue;
        struct dns_query *q = &a->queries[a->count];
        dns_query_read(d->in, q);
        a->datagrams[a->count] = a->end;
        zones[a->count] = a->batch->count > 1 ? zone_of(a->service, d, q) : NULL;
        if (zones[a->count]) {
            q->tagged_for = zones[a->count];
            q->tag = zone_tag(q->tagged_for, &q->lower);
            fetch_slot(q->tagged_for, q->tag);
        }
        a->count++;
    }
    for (size_t i = 0; i < a->count; i++)
        if (zones[i])
            fetch_node(zones[i], a->queries[i].tag);
}
