/* The chain of NSEC or NSEC3 records: each name has one that tells its types and which name comes next (RFC
 * 4034 4, RFC 5155 7.1). */
#include "sign_part.h"
#include "zone_order.h"

#include <stdlib.h>

#define PROOF_BYTES_MAX   (DNS_NAME_BYTES_MAX + 64 + 34 * DNSSEC_BITMAP_TYPES)
#define NSEC3_FIXED_BYTES 5 /* algorithm, flags, iterations, length of the salt, which is empty */
#define FIRST_LINKS       64

/* ---- what is there
 * -----------------------------------------------------------------------------------------
 */

/* The node's record of the chain; empty when there is none. */
static struct span record_of(const struct signer *s, const struct zone_node *n, uint32_t *ttl)
{
    const struct zone_set *set = n ? zone_find_set(s->zone, n, sign_chain_type(s)) : NULL;
    struct span rdata = { 0 };
    if (!set)
        return rdata;
    struct reader records = zone_records(set);
    struct reader head = reader_over(zone_next_record(&records, &rdata));
    read_skip(&head, 4);
    *ttl = read_u32(&head);
    return rdata;
}

/* Marks the nodes at or below which there is any data of the zone, by their places in its block. */
static bool mark_living(struct signer *s)
{
    const struct zone *z = s->zone;
    s->living = calloc(z->block_used / ZONE_GRAIN / 8 + 1, 1);
    for (zone_ref at = s->living ? z->apex : 0; at;) { /* each turn takes a node */
        const struct zone_node *n = zone_node_at(z, at);
        zone_ref up = n->flags & ZONE_NODE_BELOW || !sign_owns_data(s, n) ? 0 : at;
        while (up && !(s->living[up / 8] & 1 << up % 8)) { /* to the apex */
            s->living[up / 8] = (uint8_t)(s->living[up / 8] | 1 << up % 8);
            up = zone_node_at(z, up)->parent;
        }
        at = n->next;
    }
    return s->living;
}

static bool is_living(struct signer *s, const struct zone_node *n)
{
    if (!s->living && !mark_living(s)) {
        s->failed = true;
        return false;
    }
    size_t at = (size_t)((const uint8_t *)n - s->zone->block) / ZONE_GRAIN;
    return s->living[at / 8] & 1 << at % 8;
}

/* RFC 4035 2.3, RFC 5155 7.1 */
static bool belongs(struct signer *s, const struct zone_node *n)
{
    if (!n || n->flags & ZONE_NODE_BELOW)
        return false;
    return sign_owns_data(s, n) || (s->settings->nsec3 && is_living(s, n));
}

static bool grow(struct signer *s)
{
    size_t room = s->link_room ? 2 * s->link_room : FIRST_LINKS;
    struct sign_link *links =
        s->link_count < s->link_room ? s->links : realloc(s->links, room * sizeof *links);
    if (!links)
        return false;
    if (s->link_count == s->link_room)
        s->link_room = room;
    s->links = links;
    return true;
}

/* Where the record of a name is: the name, or its hash. */
static struct span owner_of(struct signer *s, struct span name)
{
    uint8_t hash[DNSSEC_HASH_BYTES];
    struct dns_name n, owner;
    if (!s->settings->nsec3)
        return name;
    if (dns_name_from_span(name, &n) && nsec3_hash(&n, hash) && nsec3_owner(hash, &s->apex, &owner))
        return arena_copy(&s->arena, dns_name_span(&owner));
    return span_of(NULL, 0);
}

void sign_note_link(struct signer *s, struct span name, const struct zone_node *n)
{
    uint32_t ttl;
    bool in = belongs(s, n);
    if (s->all && !in)
        return; /* what is left of it is found by itself */
    struct span owner = owner_of(s, name);
    if (!owner.at || !grow(s)) {
        s->failed = true;
        return;
    }
    bool was = record_of(s, sign_node(s, owner), &ttl).len;
    s->links[s->link_count++] = (struct sign_link){ .owner = owner, .node = n, .in = in, .was = was };
}

/* ---- one record
 * --------------------------------------------------------------------------------------------
 */

static int compare_types(const void *a, const void *b)
{
    const uint16_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* What the name has, as far as the zone answers for it. */
static void write_types(const struct signer *s, const struct zone_node *n, struct writer *w)
{
    uint16_t types[DNSSEC_BITMAP_TYPES + 2];
    size_t count = 0;
    bool any_signed = false;
    for (const struct zone_set *set = zone_set_at(s->zone, n->sets); set && count < DNSSEC_BITMAP_TYPES;
         set = zone_set_at(s->zone, set->next)) { /* a chain that ends */
        bool is_signed = sign_is_signed(n, set->type);
        if (sign_is_made(set->type) || !(is_signed || set->type == DNS_TYPE_NS))
            continue;
        types[count++] = set->type;
        any_signed = any_signed || is_signed;
    }
    if (any_signed || !s->settings->nsec3)
        types[count++] = DNS_TYPE_RRSIG;
    if (!s->settings->nsec3)
        types[count++] = DNS_TYPE_NSEC;
    qsort(types, count, sizeof *types, compare_types);
    write_type_bitmap(w, types, count);
}

static void write_next(const struct signer *s, struct span next, struct writer *w)
{
    uint8_t hash[DNSSEC_HASH_BYTES] = { 0 };
    struct dns_name owner;
    if (!s->settings->nsec3) {
        write_span(w, next);
        return;
    }
    if (dns_name_from_span(next, &owner) && owner.labels)
        nsec3_from_label(dns_name_label(&owner, 0), hash);
    write_u8(w, 1); /* SHA-1 */
    write_u8(w, 0);
    write_u16(w, 0);
    write_u8(w, 0);
    write_u8(w, sizeof hash);
    write_bytes(w, hash, sizeof hash);
}

/* The type bit maps of a record of the chain, as they are. */
static struct span types_in(const struct signer *s, struct span rdata)
{
    struct reader r = reader_over(rdata);
    if (s->settings->nsec3) {
        read_skip(&r, NSEC3_FIXED_BYTES);
        read_skip(&r, read_u8(&r));
    } else {
        read_plain_name(&r);
    }
    return read_rest(&r);
}

static void drop(struct signer *s, const struct zone_node *n, uint16_t type)
{
    sign_remove(s, n, type, 0);
    sign_remove(s, n, DNS_TYPE_RRSIG, type);
}

/* The record that an owner is to have in the place of the one it has. */
static void put(struct signer *s, struct span owner, struct span rdata)
{
    uint32_t ttl = 0;
    uint16_t type = sign_chain_type(s);
    const struct zone_node *n = sign_node(s, owner);
    struct span before = record_of(s, n, &ttl);
    if (before.len && ttl == s->nsec_ttl && span_equal(before, rdata)) {
        sign_keep(s, n, type, false);
        return;
    }
    if (n)
        drop(s, n, type);
    sign_add(s, owner, type, s->nsec_ttl, rdata);
    sign_new(s, owner, type, s->nsec_ttl, rdata);
}

static void put_link(struct signer *s, const struct sign_link *l, struct span next)
{
    uint8_t room[PROOF_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    write_next(s, next, &w);
    write_types(s, l->node, &w);
    s->failed = s->failed || !writer_ok(&w);
    put(s, l->owner, writer_span(&w));
}

/* ---- all of it
 * ---------------------------------------------------------------------------------------------
 */

static int compare_owners(struct span a, struct span b)
{
    struct dns_name x, y;
    if (!dns_name_from_span(a, &x) || !dns_name_from_span(b, &y))
        return 0;
    return dns_name_compare(&x, &y);
}

static int compare_links(const void *a, const void *b)
{
    const struct sign_link *x = a, *y = b;
    return compare_owners(x->owner, y->owner);
}

/* Records of the other kind of chain, and of names that are in none. */
static void drop_others(struct signer *s)
{
    bool nsec3 = s->settings->nsec3;
    for (zone_ref at = s->zone->apex; at;) { /* each turn takes a node */
        const struct zone_node *n = zone_node_at(s->zone, at);
        struct sign_link key = { .owner = zone_node_name(n) };
        uint16_t other = nsec3 ? DNS_TYPE_NSEC : DNS_TYPE_NSEC3;
        at = n->next;
        if (zone_find_set(s->zone, n, other))
            drop(s, n, other);
        if (zone_find_set(s->zone, n, sign_chain_type(s)) &&
            !bsearch(&key, s->links, s->link_count, sizeof key, compare_links))
            drop(s, n, sign_chain_type(s));
    }
}

static void chain_all(struct signer *s)
{
    qsort(s->links, s->link_count, sizeof *s->links, compare_links);
    for (size_t i = 0; i < s->link_count && !s->failed; i++)
        put_link(s, &s->links[i], s->links[(i + 1) % s->link_count].owner);
    drop_others(s);
}

/* ---- what is next to a change
 * --------------------------------------------------------------------------------
 */

/* The owner nearest to `from` in one direction, of those in the chain; or, beyond its end, at the other end.
 */
struct nearest {
    struct dns_name from, best, last;
    bool has_best, has_last;
    int direction; /* 1: behind it, -1: before it */
};

static void consider(struct nearest *n, struct span owner)
{
    struct dns_name name;
    if (!dns_name_from_span(owner, &name))
        return;
    bool beside = dns_name_compare(&name, &n->from) * n->direction > 0;
    bool *has = beside ? &n->has_best : &n->has_last;
    struct dns_name *held = beside ? &n->best : &n->last;
    if (*has && dns_name_compare(&name, held) * n->direction >= 0)
        return;
    dns_name_copy(held, &name);
    *has = true;
}

static const struct sign_link *link_of(const struct signer *s, struct span owner)
{
    for (size_t i = 0; i < s->link_count; i++)
        if (span_equal_nocase(s->links[i].owner, owner))
            return &s->links[i];
    return NULL;
}

/* The nearest of those that have a record and keep it. */
static const struct zone_node *near_of_old(const struct signer *s, const struct nearest *n)
{
    unsigned kind = s->settings->nsec3 ? ZONE_ORDER_NSEC3 : ZONE_ORDER_NSEC;
    const struct zone_order *o = &s->zone->order[kind];
    size_t at = o->count ? zone_order_count(s->zone, kind, &n->from) : 0;
    bool forward = n->direction > 0;
    for (size_t i = 0; i < o->count; i++) { /* once around; those that are passed over are of this change */
        size_t place = forward ? (at + i) % o->count : (at + o->count - 1 - i) % o->count;
        const struct zone_node *node = zone_node_at(s->zone, o->at[place]);
        const struct sign_link *l = link_of(s, zone_node_name(node));
        if (span_equal_nocase(zone_node_name(node), dns_name_span(&n->from)) || (l && !l->in))
            continue;
        return node;
    }
    return NULL;
}

static struct span near(struct signer *s, struct span from, int direction)
{
    struct nearest n = { .direction = direction };
    if (!dns_name_from_span(from, &n.from))
        return from;
    const struct zone_node *old = near_of_old(s, &n);
    if (old)
        consider(&n, zone_node_name(old));
    for (size_t i = 0; i < s->link_count; i++)
        if (s->links[i].in)
            consider(&n, s->links[i].owner);
    if (!n.has_best && !n.has_last) /* it is alone */
        return from;
    struct span owner = arena_copy(&s->arena, dns_name_span(n.has_best ? &n.best : &n.last));
    s->failed = s->failed || !owner.at;
    return owner;
}

/* One whose own types stay what they are, and the next name is another. */
static void put_next(struct signer *s, struct span owner)
{
    uint8_t room[PROOF_BYTES_MAX];
    uint32_t ttl;
    struct writer w = writer_over(room, sizeof room);
    struct span before = record_of(s, sign_node(s, owner), &ttl);
    if (!before.len)
        return;
    write_next(s, near(s, owner, 1), &w);
    write_span(&w, types_in(s, before));
    s->failed = s->failed || !writer_ok(&w);
    put(s, owner, writer_span(&w));
}

static bool is_among(const struct span *list, size_t count, struct span owner)
{
    for (size_t i = 0; i < count; i++)
        if (span_equal_nocase(list[i], owner))
            return true;
    return false;
}

static void chain_some(struct signer *s)
{
    struct span *before = arena_array(&s->arena, s->link_count, sizeof *before);
    size_t count = 0;
    if (!before && s->link_count) {
        s->failed = true;
        return;
    }
    for (size_t i = 0; i < s->link_count; i++) {
        const struct sign_link *l = &s->links[i];
        if (l->in)
            put_link(s, l, near(s, l->owner, 1));
        else if (l->was)
            drop(s, sign_node(s, l->owner), sign_chain_type(s));
        if (l->in == l->was)
            continue;
        struct span owner = near(s, l->owner, -1);
        if (!link_of(s, owner) && !is_among(before, count, owner))
            before[count++] = owner;
    }
    for (size_t i = 0; i < count; i++)
        put_next(s, before[i]);
}

void sign_chain(struct signer *s)
{
    if (s->all)
        chain_all(s);
    else
        chain_some(s);
}
