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

/* ---- the chain of NSEC3 --------------------------------------------------------------------- */

/* How NSEC3 and NSEC3PARAM begin. False: it is cut short, or of another algorithm than SHA-1. */
static bool read_hashing(struct span rdata, uint8_t *flags, struct zone_hashing *out)
{
    struct reader r = reader_over(rdata);
    uint8_t algorithm = read_u8(&r);
    *flags = read_u8(&r);
    out->iterations = read_u16(&r);
    size_t length = read_u8(&r);
    out->salt = read_span(&r, length);
    return reader_ok(&r) && algorithm == 1;
}

bool zone_order_hashing(const struct zone *z, struct zone_hashing *out)
{
    const struct zone_set *set = zone_find_set(z, zone_node_at(z, z->apex), DNS_TYPE_NSEC3PARAM);
    for (; set; set = zone_set_at(z, set->more)) {
        struct reader records = zone_records(set);
        struct span rdata;
        uint8_t flags;
        while (zone_next_record(&records, &rdata).len)
            if (read_hashing(rdata, &flags, out) && !flags)
                return true;
    }
    return false;
}

/* Whether the set has a record of the chain: RFC 5155 7.2 and 7.3 know of no proof out of two. */
static bool is_of_chain(const struct zone *z, const struct zone_set *set, const struct zone_hashing *chain)
{
    struct zone_hashing h;
    uint8_t flags;
    for (; set; set = zone_set_at(z, set->more)) {
        struct reader records = zone_records(set);
        struct span rdata;
        while (zone_next_record(&records, &rdata).len)
            if (read_hashing(rdata, &flags, &h) && h.iterations == chain->iterations &&
                span_equal(h.salt, chain->salt))
                return true;
    }
    return false;
}

/* Whether the node belongs into the order. `chain` may be NULL: there is none. */
static bool belongs(const struct zone *z, uint16_t type, const struct zone_node *n,
                    const struct zone_hashing *chain)
{
    const struct zone_set *set = zone_find_set(z, n, type);
    return set && (type == DNS_TYPE_NSEC || (chain && is_of_chain(z, set, chain)));
}

/* ---- changes ---------------------------------------------------------------------------------- */

static void insert(struct zone_order *o, size_t at, zone_ref node)
{
    if (!reserve(o, o->count + 1)) {
        o->stale = true; /* zone_order_settle() tries again */
        return;
    }
    memmove(o->at + at + 1, o->at + at, (o->count - at) * sizeof *o->at);
    o->at[at] = node;
    o->count++;
}

void zone_order_follow(struct zone *z, uint16_t type, zone_ref node)
{
    struct zone_order *o = order_of(z, type);
    const struct zone_node *n = zone_node_at(z, node);
    struct zone_hashing chain;
    struct dns_name name;
    if (type == DNS_TYPE_NSEC3PARAM) /* perhaps another chain is in use */
        z->order[ZONE_ORDER_NSEC3].stale = true;
    if (!o || o->stale)
        return;
    dns_name_from_span(zone_node_name(n), &name);
    size_t at = count_before(z, o, &name);
    bool there = at && o->at[at - 1] == node;
    if (there == belongs(z, type, n, zone_order_hashing(z, &chain) ? &chain : NULL) || !note_change(o))
        return;
    if (!there) {
        insert(o, at, node);
        return;
    }
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
    struct zone_hashing chain;
    const struct zone_hashing *used = zone_order_hashing(z, &chain) ? &chain : NULL;
    const struct zone_node **nodes = malloc((z->node_count + 1) * sizeof *nodes);
    if (!nodes)
        return false;
    for (zone_ref ref = z->apex; ref; ref = zone_node_at(z, ref)->next) /* every node, once */
        if (belongs(z, type, zone_node_at(z, ref), used))
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
