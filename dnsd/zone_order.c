#include "zone_order.h"

#include <stdlib.h>

#define CHANGES_MAX 256 /* names that come or go one by one; with more of them one sort is less work */
#define ROOM_LEAST  64

static struct zone_order *order_of(struct zone *z, uint16_t type)
{
    if (type == DNS_TYPE_NSEC)
        return &z->order[ZONE_ORDER_NSEC];
    return type == DNS_TYPE_NSEC3 ? &z->order[ZONE_ORDER_NSEC3] : NULL;
}

static int compare_nodes(const struct zone_node *a, const struct dns_name *b)
{
    struct dns_name name;
    dns_name_from_span(zone_node_name(a), &name); /* it is one */
    return dns_name_compare(&name, b);
}

/* How many of the names stand at or before this one. */
static size_t count_before(const struct zone *z, const struct zone_order *o, const struct dns_name *name)
{
    size_t low = 0, high = o->count;
    while (low < high) { /* half of them go each turn */
        size_t middle = low + (high - low) / 2;
        if (compare_nodes(zone_node_at(z, o->at[middle]), name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* One more change; false when the whole is to be sorted anyway. */
static bool note_change(struct zone_order *o)
{
    if (++o->changes > CHANGES_MAX)
        o->stale = true;
    return !o->stale;
}

static bool reserve(struct zone_order *o, size_t count)
{
    size_t room = o->room ? o->room : ROOM_LEAST;
    while (room < count)
        room += room / 2;
    if (room == o->room)
        return true;
    zone_ref *at = realloc(o->at, room * sizeof *at);
    if (!at)
        return false;
    o->at = at;
    o->room = room;
    return true;
}

void zone_order_insert(struct zone *z, uint16_t type, zone_ref node)
{
    struct zone_order *o = order_of(z, type);
    struct dns_name name;
    if (!o || !note_change(o))
        return;
    if (!reserve(o, o->count + 1)) {
        o->stale = true; /* zone_order_settle() tries again */
        return;
    }
    dns_name_from_span(zone_node_name(zone_node_at(z, node)), &name);
    size_t at = count_before(z, o, &name);
    memmove(o->at + at + 1, o->at + at, (o->count - at) * sizeof *o->at);
    o->at[at] = node;
    o->count++;
}

void zone_order_remove(struct zone *z, uint16_t type, zone_ref node)
{
    struct zone_order *o = order_of(z, type);
    struct dns_name name;
    if (!o || !note_change(o))
        return;
    dns_name_from_span(zone_node_name(zone_node_at(z, node)), &name);
    size_t at = count_before(z, o, &name);
    if (!at || o->at[at - 1] != node)
        return;
    memmove(o->at + at - 1, o->at + at, (o->count - at) * sizeof *o->at);
    o->count--;
}

static int compare_places(const void *a, const void *b)
{
    const struct zone_node *const *x = a, *const *y = b;
    struct dns_name name;
    dns_name_from_span(zone_node_name(*y), &name);
    return compare_nodes(*x, &name);
}

/* qsort() tells its comparison nothing of the zone: what is sorted are pointers, for as long as the block
 * stays. */
static bool sort(struct zone *z, struct zone_order *o, uint16_t type)
{
    size_t count = 0;
    const struct zone_node **nodes = malloc((z->node_count + 1) * sizeof *nodes);
    if (!nodes)
        return false;
    for (zone_ref ref = z->apex; ref; ref = zone_node_at(z, ref)->next) /* every node, once */
        if (zone_find_set(z, zone_node_at(z, ref), type))
            nodes[count++] = zone_node_at(z, ref);
    bool ok = reserve(o, count);
    if (ok) {
        qsort(nodes, count, sizeof *nodes, compare_places);
        for (size_t i = 0; i < count; i++)
            o->at[i] = (zone_ref)((size_t)((const uint8_t *)nodes[i] - z->block) / ZONE_GRAIN);
        o->count = count;
    }
    free(nodes);
    return ok;
}

bool zone_order_settle(struct zone *z)
{
    static const uint16_t types[] = { DNS_TYPE_NSEC, DNS_TYPE_NSEC3 };
    for (size_t i = 0; i < ZONE_ORDERS; i++) {
        struct zone_order *o = &z->order[i];
        if (o->stale && !sort(z, o, types[i]))
            return false;
        o->stale = false;
        o->changes = 0;
    }
    return true;
}

void zone_order_copy(struct zone *to, const struct zone *from)
{
    for (size_t i = 0; i < ZONE_ORDERS; i++) {
        const struct zone_order *was = &from->order[i];
        struct zone_order *o = &to->order[i];
        *o = (struct zone_order){ .stale = was->stale || was->count };
        if (was->stale || !was->count || !reserve(o, was->count))
            continue;
        memcpy(o->at, was->at, was->count * sizeof *o->at);
        o->count = was->count;
        o->stale = false;
    }
}

void zone_order_free(struct zone *z)
{
    for (size_t i = 0; i < ZONE_ORDERS; i++)
        free(z->order[i].at);
}

const struct zone_node *zone_order_find(const struct zone *z, unsigned order, const struct dns_name *name,
                                        bool *exact)
{
    const struct zone_order *o = &z->order[order];
    *exact = false;
    if (o->stale || !o->count)
        return NULL;
    size_t before = count_before(z, o, name);
    const struct zone_node *n = zone_node_at(z, o->at[before ? before - 1 : o->count - 1]);
    *exact = before && compare_nodes(n, name) == 0;
    return n;
}

size_t zone_order_count(const struct zone *z, unsigned order, const struct dns_name *name)
{
    return count_before(z, &z->order[order], name);
}
