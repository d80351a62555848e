#include "zone.h"

#include "hash.h"
#include "wire/dns_rdata.h"
#include "wire/dnssec.h"
#include "zone_block.h"
#include "zone_order.h"

#include <stdlib.h>

#define RECORD_HEAD   10 /* type, class, TTL, length */
#define POINTER_BYTES 2  /* an owner that was written before */
#define SLOTS_LEAST   4
#define HIDES         (ZONE_NODE_CUT | ZONE_NODE_BELOW | ZONE_NODE_DNAME) /* what is below such a node */
#define SET_BYTES_MAX (DNS_MESSAGE_BYTES_MAX - DNS_HEADER_BYTES - DNS_NAME_BYTES_MAX - 4 - DNS_OPT_BYTES)

struct zone_builder {
    struct zone *zone;
    zone_ref owner; /* the node of the last record: the next one is often of the same */
};

static struct zone_node *node_at(struct zone *z, zone_ref ref)
{
    return (struct zone_node *)(void *)(z->block + (size_t)ref * ZONE_GRAIN);
}

static struct zone_set *set_at(struct zone *z, zone_ref ref)
{
    return (struct zone_set *)(void *)(z->block + (size_t)ref * ZONE_GRAIN);
}

/* ---- the table of names ------------------------------------------------------------------- */

/* A name as it lies in a node may have upper case; the one looked for has not. */
static bool node_is(const struct zone_node *n, struct span lower)
{
    return n->name_len == lower.len &&
           (memcmp(n->name, lower.at, lower.len) == 0 || dns_name_equal(zone_node_name(n), lower));
}

static uint32_t tag_of(const struct zone *z, struct span lower)
{
    return (uint32_t)hash_bytes(lower, z->seed);
}

static zone_ref find_tagged(const struct zone *z, struct span lower, uint32_t tag)
{
    for (uint32_t i = tag & z->slot_mask;;
         i = (i + 1) & z->slot_mask) { /* ends: a quarter of the slots is empty */
        const struct zone_slot *slot = &z->slots[i];
        if (!slot->node)
            return 0;
        if (slot->tag == tag && node_is(zone_node_at(z, slot->node), lower))
            return slot->node;
    }
}

static zone_ref find_name(const struct zone *z, struct span lower)
{
    return find_tagged(z, lower, tag_of(z, lower));
}

static void put_slot(struct zone *z, struct zone_slot s)
{
    uint32_t i = s.tag & z->slot_mask;
    while (z->slots[i].node)
        i = (i + 1) & z->slot_mask;
    z->slots[i] = s;
}

static bool slots_resize(struct zone *z, size_t count)
{
    struct zone_slot *old = z->slots;
    size_t old_count = old ? (size_t)z->slot_mask + 1 : 0;
    struct zone_slot *fresh = count <= UINT32_MAX ? calloc(count, sizeof *fresh) : NULL;
    if (!fresh)
        return false;
    z->slots = fresh;
    z->slot_mask = (uint32_t)(count - 1);
    for (size_t i = 0; i < old_count; i++)
        if (old[i].node)
            put_slot(z, old[i]);
    free(old);
    return true;
}

/* Keeps at least a quarter of the slots empty. */
static bool slots_make_room(struct zone *z)
{
    size_t count = (size_t)z->slot_mask + 1;
    return (z->node_count + 1) * 4 <= count * 3 || slots_resize(z, count * 2);
}

/* ---- building: nodes ----------------------------------------------------------------------- */

static bool is_wildcard(const struct zone_node *n)
{
    return n->name[0] == 1 && n->name[1] == '*';
}

static void join_parent(struct zone_node *n, struct zone_node *parent)
{
    parent->children++;
    if (is_wildcard(n))
        parent->flags |= ZONE_NODE_WILDCARD;
    if (parent->flags & HIDES)
        n->flags |= ZONE_NODE_BELOW;
}

/* A new node under `parent`, named by the last `labels` labels of `name`. 0: no memory. */
static zone_ref add_node(struct zone *z, zone_ref parent, const struct dns_name *name, struct span lower,
                         size_t labels)
{
    struct span own = dns_name_suffix(name, labels);
    zone_ref ref = slots_make_room(z) ? zone_block_take(z, offsetof(struct zone_node, name) + own.len) : 0;
    if (!ref)
        return 0;
    struct zone_node *n = node_at(z, ref);
    *n = (struct zone_node){ .parent = parent, .labels = (uint8_t)labels, .name_len = (uint8_t)own.len };
    memcpy(n->name, own.at, own.len);
    n->previous = z->last_node;
    if (z->last_node)
        node_at(z, z->last_node)->next = ref;
    z->last_node = ref;
    if (parent)
        join_parent(n, node_at(z, parent));
    put_slot(z, (struct zone_slot){ (uint32_t)hash_bytes(lower, z->seed), ref });
    z->node_count++;
    return ref;
}

/* The owner's node; with those between it and the apex, it is made when it is not there. */
static zone_ref find_or_add(struct zone *z, const struct dns_name *name, const struct dns_name *lower)
{
    zone_ref parent = 0;
    size_t labels = name->labels;
    zone_ref found = find_name(z, dns_name_span(lower));
    while (!found && labels > z->name.labels) /* ends: the apex is there */
        found = find_name(z, dns_name_suffix(lower, --labels));
    while (found && labels < name->labels) {
        parent = found;
        labels++;
        found = add_node(z, parent, name, dns_name_suffix(lower, labels), labels);
    }
    return found;
}

static zone_ref owner_node(struct zone *z, zone_ref last, const struct dns_name *owner)
{
    struct dns_name lower;
    if (last && span_equal(zone_node_name(node_at(z, last)), dns_name_span(owner)))
        return last;
    dns_name_lower(&lower, owner);
    return find_or_add(z, owner, &lower);
}

/* ---- building: sets ------------------------------------------------------------------------- */

struct span zone_next_record(struct reader *r, struct span *rdata)
{
    struct reader head = *r;
    read_skip(&head, 8);
    size_t len = read_u16(&head);
    *rdata = read_span(&head, len);
    return reader_left(r) ? read_span(r, RECORD_HEAD + len) : read_span(r, 0);
}

static uint32_t ttl_of(const struct zone_set *s)
{
    struct reader r = zone_records(s);
    read_skip(&r, 4);
    return read_u32(&r);
}

/* Sets of thousands of addresses are compared octet by octet. */
static bool set_holds(const struct zone *z, const struct zone_set *s, struct span rdata)
{
    bool lowers = dnssec_lowers(s->type);
    for (; s; s = zone_set_at(z, s->more)) {
        struct reader r = zone_records(s);
        struct span held;
        while (zone_next_record(&r, &held).len)
            if (span_equal(held, rdata) || (lowers && dnssec_same_rdata(s->type, held, rdata)))
                return true;
    }
    return false;
}

/* How much the set takes in a message, its owners compressed. */
static size_t sent_bytes(const struct zone *z, const struct zone_set *s)
{
    size_t sum = 0;
    for (; s; s = zone_set_at(z, s->more))
        sum += s->bytes + (size_t)s->count * POINTER_BYTES;
    return sum;
}

static void write_record(struct zone *z, zone_ref set, uint32_t from, uint32_t ttl, struct span rdata)
{
    struct zone_set *s = set_at(z, set);
    struct writer w = writer_over(s->records + from, RECORD_HEAD + rdata.len);
    write_u16(&w, s->type);
    write_u16(&w, DNS_CLASS_IN);
    write_u32(&w, ttl);
    write_u16(&w, (uint16_t)rdata.len);
    write_span(&w, rdata);
    s->bytes = (uint16_t)(from + writer_length(&w));
    s->count++;
}

static size_t piece_bytes(const struct zone_set *s)
{
    return sizeof *s + (size_t)s->room_grains * ZONE_GRAIN;
}

/* A piece that ends where the block ends can grow. False: there is no memory, or it is not the last. */
static bool grow_piece(struct zone *z, zone_ref piece, size_t bytes)
{
    const struct zone_set *s = zone_set_at(z, piece);
    size_t more = zone_block_aligned(bytes) - (size_t)s->room_grains * ZONE_GRAIN;
    if ((size_t)piece * ZONE_GRAIN + piece_bytes(s) != z->block_used || !zone_block_reserve(z, more))
        return false;
    z->block_used += more;
    set_at(z, piece)->room_grains = (uint16_t)(zone_block_aligned(bytes) / ZONE_GRAIN);
    return true;
}

/* A new piece with one record; 0: no memory. */
static zone_ref add_piece(struct zone *z, uint16_t type, uint32_t ttl, struct span rdata)
{
    zone_ref ref = zone_block_take(z, sizeof(struct zone_set) + RECORD_HEAD + rdata.len);
    if (!ref)
        return 0;
    *set_at(z, ref) = (struct zone_set){
        .type = type, .room_grains = (uint16_t)(zone_block_aligned(RECORD_HEAD + rdata.len) / ZONE_GRAIN)
    };
    write_record(z, ref, 0, ttl, rdata);
    return ref;
}

/* Into the first piece that has room, or can get it; else into a new one. */
static bool append_record(struct zone *z, zone_ref set, uint32_t ttl, struct span rdata)
{
    for (zone_ref at = set; at; at = set_at(z, at)->more) { /* a chain that ends */
        uint16_t from = set_at(z, at)->bytes;
        size_t need = from + RECORD_HEAD + rdata.len;
        if (need <= (size_t)set_at(z, at)->room_grains * ZONE_GRAIN || grow_piece(z, at, need)) {
            write_record(z, at, from, ttl, rdata);
            return true;
        }
        set = at;
    }
    zone_ref piece = add_piece(z, set_at(z, set)->type, ttl, rdata);
    if (piece)
        set_at(z, set)->more = piece;
    return piece != 0;
}

/* Hangs a first record of its type behind the owner's other sets. */
static bool add_set(struct zone *z, zone_ref owner, zone_ref last_set, uint16_t type, uint32_t ttl,
                    struct span rdata)
{
    zone_ref set = add_piece(z, type, ttl, rdata);
    if (!set)
        return false;
    if (last_set)
        set_at(z, last_set)->next = set;
    else
        node_at(z, owner)->sets = set;
    return true;
}

/* RFC 4034's own types may stand beside a CNAME. */
static bool goes_with_cname(uint16_t type)
{
    return type == DNS_TYPE_CNAME || type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC;
}

/* May a first record of `type` come to an owner that has these sets? */
static enum zone_fault new_set_fault(const struct zone *z, zone_ref sets, uint16_t type)
{
    for (const struct zone_set *s = zone_set_at(z, sets); s; s = zone_set_at(z, s->next)) {
        bool one_is_cname = s->type == DNS_TYPE_CNAME || type == DNS_TYPE_CNAME;
        if (one_is_cname && !(goes_with_cname(s->type) && goes_with_cname(type)))
            return ZONE_CNAME_AND_OTHERS;
    }
    return ZONE_FINE;
}

/* May one more record come to this set? */
static enum zone_fault more_records_fault(const struct zone *z, const struct zone_set *s, struct span rdata)
{
    if (set_holds(z, s, rdata))
        return ZONE_REPEATED;
    if (s->type == DNS_TYPE_SOA)
        return ZONE_SECOND_SOA;
    if (s->type == DNS_TYPE_CNAME)
        return ZONE_SECOND_CNAME;
    if (s->type == DNS_TYPE_DNAME)
        return ZONE_SECOND_DNAME;
    if (sent_bytes(z, s) + POINTER_BYTES + RECORD_HEAD + rdata.len > SET_BYTES_MAX)
        return ZONE_SET_TOO_BIG;
    return ZONE_FINE;
}

static enum zone_fault add_record(struct zone *z, zone_ref owner, uint16_t type, uint32_t ttl,
                                  struct span rdata)
{
    zone_ref set = node_at(z, owner)->sets;
    zone_ref last = 0;
    while (set && set_at(z, set)->type != type) {
        last = set;
        set = set_at(z, set)->next;
    }
    if (!set) {
        enum zone_fault fault = new_set_fault(z, node_at(z, owner)->sets, type);
        if (!fault && rdata.len + POINTER_BYTES + RECORD_HEAD > SET_BYTES_MAX)
            fault = ZONE_SET_TOO_BIG;
        if (!fault && !add_set(z, owner, last, type, ttl, rdata))
            fault = ZONE_TOO_BIG;
        return fault;
    }
    enum zone_fault fault = more_records_fault(z, set_at(z, set), rdata);
    if (fault)
        return fault;
    /* RFC 2181 5.2; but a signature has that of the set it covers (RFC 4034 3) */
    uint32_t set_ttl = type == DNS_TYPE_RRSIG ? ttl : ttl_of(set_at(z, set));
    if (!append_record(z, set, set_ttl, rdata))
        return ZONE_TOO_BIG;
    return ttl == set_ttl ? ZONE_FINE : ZONE_OTHER_TTL;
}

/* RFC 1034 4.2.1: who owns NS below the apex is a delegation, and what is below it is not of this zone; nor
 * is what is below a DNAME (RFC 6672 2.4). */
static void set_cut(struct zone *z, zone_ref owner, uint16_t type, bool there)
{
    struct zone_node *n = node_at(z, owner);
    uint8_t flag = type == DNS_TYPE_DNAME ? ZONE_NODE_DNAME : ZONE_NODE_CUT;
    bool hides = type == DNS_TYPE_DNAME || (type == DNS_TYPE_NS && owner != z->apex);
    if (!hides || there == ((n->flags & flag) != 0))
        return;
    n->flags ^= flag;
    z->cuts_stale = z->cuts_stale || n->children;
}

/* Of one record: those of all add up to that of the zone. A name is the same in either case: bit 5 is all
 * that they differ in, and what else differs in it alone makes no name of another one in practice. */
static uint64_t record_digest(const struct zone_node *owner, uint16_t type, uint32_t ttl, struct span rdata)
{
    uint8_t name[DNS_NAME_BYTES_MAX];
    for (size_t i = 0; i < owner->name_len; i++)
        name[i] = owner->name[i] | 0x20;
    return hash_bytes(rdata, hash_bytes(span_of(name, owner->name_len), (uint64_t)type << 32 | ttl));
}

/* *owner is the node of the record before, which often has the same owner, and becomes this one's. */
static enum zone_fault add_to(struct zone *z, zone_ref *node, const struct dns_name *owner, uint16_t type,
                              uint32_t ttl, struct span rdata)
{
    if (!dns_name_within(owner, &z->name))
        return ZONE_OUTSIDE;
    if (dns_type_is_meta(type))
        return ZONE_META_TYPE;
    if (type == DNS_TYPE_SOA && owner->labels != z->name.labels)
        return ZONE_SOA_BELOW;
    *node = owner_node(z, *node, owner);
    enum zone_fault fault = *node ? add_record(z, *node, type, ttl, rdata) : ZONE_TOO_BIG;
    if (zone_refused(fault) || fault == ZONE_REPEATED)
        return fault;
    if (fault == ZONE_OTHER_TTL)
        ttl = ttl_of(zone_find_set(z, zone_node_at(z, *node), type));
    z->digest += record_digest(zone_node_at(z, *node), type, ttl, rdata);
    z->record_count++;
    z->nsec3_count += type == DNS_TYPE_NSEC3;
    zone_order_follow(z, type, *node);
    set_cut(z, *node, type, true);
    return fault;
}

enum zone_fault zone_builder_add(struct zone_builder *b, const struct dns_name *owner, uint16_t type,
                                 uint32_t ttl, struct span rdata)
{
    return add_to(b->zone, &b->owner, owner, type, ttl, rdata);
}

/* ---- building: begin and end ----------------------------------------------------------------- */

struct zone_builder *zone_builder_open(const struct dns_name *apex, uint64_t seed, size_t expected)
{
    struct zone_builder *b = calloc(1, sizeof *b);
    struct zone *z = calloc(1, zone_bytes(apex));
    struct dns_name lower;
    size_t slots = SLOTS_LEAST;
    if (!b || !z) {
        free(b);
        free(z);
        return NULL;
    }
    while (slots < UINT32_MAX / 4 && slots * 3 < expected * 4)
        slots *= 2;
    b->zone = z;
    z->seed = seed;
    z->holders = 1;
    z->block_used = ZONE_GRAIN; /* so that no reference is 0 */
    dns_name_copy(&z->name, apex);
    dns_name_lower(&lower, apex);
    if (slots_resize(z, slots))
        z->apex = add_node(z, 0, apex, dns_name_span(&lower), apex->labels);
    if (!z->apex) {
        zone_builder_drop(b);
        return NULL;
    }
    return b;
}

const struct dns_name *zone_builder_apex(const struct zone_builder *b)
{
    return &b->zone->name;
}

/* A node comes after its parent, so one pass tells each what its ancestors are. */
static void mark_below(struct zone *z)
{
    for (zone_ref ref = z->apex; ref; ref = node_at(z, ref)->next) {
        struct zone_node *n = node_at(z, ref);
        n->flags &= (uint8_t)~ZONE_NODE_BELOW;
        if (n->parent && (node_at(z, n->parent)->flags & HIDES))
            n->flags |= ZONE_NODE_BELOW;
    }
    z->cuts_stale = false;
}

/* The SOA again with the lesser of its TTL and its last field (RFC 2308 3). */
static bool make_negative_soa(struct zone *z)
{
    struct span rdata;
    uint8_t copy[2 * DNS_NAME_BYTES_MAX + 20];
    const struct zone_set *soa = zone_set_at(z, z->soa);
    struct reader records = zone_records(soa);
    zone_next_record(&records, &rdata);
    struct reader r = reader_over(rdata);
    read_plain_name(&r);
    read_plain_name(&r);
    z->serial = read_u32(&r);
    read_skip(&r, 12);
    uint32_t minimum = read_u32(&r);
    uint32_t ttl = ttl_of(soa);
    if (!reader_done(&r) || rdata.len > sizeof copy)
        return false;
    memcpy(copy, rdata.at, rdata.len); /* the block may move */
    if (z->negative_soa)
        zone_block_give(z, z->negative_soa, piece_bytes(zone_set_at(z, z->negative_soa)));
    z->negative_soa = add_piece(z, DNS_TYPE_SOA, ttl < minimum ? ttl : minimum, span_of(copy, rdata.len));
    return z->negative_soa != 0;
}

enum zone_fault zone_settle(struct zone *z)
{
    z->soa = 0;
    for (zone_ref s = node_at(z, z->apex)->sets; s; s = set_at(z, s)->next)
        if (set_at(z, s)->type == DNS_TYPE_SOA)
            z->soa = s;
    if (!z->soa)
        return ZONE_NO_SOA;
    if (!zone_find_set(z, zone_node_at(z, z->apex), DNS_TYPE_NS))
        return ZONE_NO_NS;
    if (!make_negative_soa(z))
        return ZONE_TOO_BIG;
    if (z->cuts_stale)
        mark_below(z);
    if (!zone_order_settle(z))
        return ZONE_TOO_BIG;
    const struct zone_node *apex = zone_node_at(z, z->apex);
    z->is_signed = zone_find_set(z, apex, DNS_TYPE_DNSKEY) && zone_find_set(z, apex, DNS_TYPE_RRSIG);
    z->hashed = z->nsec3_count;
    return ZONE_FINE;
}

/* Gives back what the builder had in reserve: there may be many small zones. */
static void fit(struct zone *z)
{
    size_t slots = SLOTS_LEAST;
    uint8_t *block = realloc(z->block, z->block_used);
    if (block) {
        z->block = block;
        z->block_room = z->block_used;
    }
    while ((z->node_count + 1) * 4 > slots * 3)
        slots *= 2;
    if (slots <= z->slot_mask / 2) /* else it may stay as it is */
        slots_resize(z, slots);
}

struct zone *zone_builder_finish(struct zone_builder *b, enum zone_fault *why)
{
    struct zone *z = b->zone;
    free(b);
    *why = zone_settle(z);
    if (*why == ZONE_FINE) {
        fit(z);
        return z;
    }
    zone_release(z);
    return NULL;
}

void zone_builder_drop(struct zone_builder *b)
{
    if (!b)
        return;
    zone_release(b->zone);
    free(b);
}

/* ---- changing ----------------------------------------------------------------------------------- */

size_t zone_record_room(const struct dns_name *owner, size_t rdata_bytes)
{
    size_t node = zone_block_aligned(sizeof(struct zone_node) + owner->len);
    return owner->labels * node + zone_block_aligned(sizeof(struct zone_set) + RECORD_HEAD + rdata_bytes);
}

bool zone_reserve(struct zone *z, size_t bytes, size_t names)
{
    size_t count = (size_t)z->slot_mask + 1;
    while ((z->node_count + names + 1) * 4 > count * 3)
        count *= 2;
    return zone_block_reserve(z, bytes) && (count == (size_t)z->slot_mask + 1 || slots_resize(z, count));
}

static uint32_t slot_of(const struct zone *z, zone_ref node)
{
    struct dns_name name, lower;
    dns_name_from_span(zone_node_name(zone_node_at(z, node)), &name);
    dns_name_lower(&lower, &name);
    uint32_t i = (uint32_t)hash_bytes(dns_name_span(&lower), z->seed) & z->slot_mask;
    while (z->slots[i].node != node) /* it is there */
        i = (i + 1) & z->slot_mask;
    return i;
}

/* What stands behind the hole and may not be missed moves up (linear probing without marks). */
static void drop_slot(struct zone *z, uint32_t hole)
{
    uint32_t mask = z->slot_mask;
    for (uint32_t i = (hole + 1) & mask; z->slots[i].node; i = (i + 1) & mask) { /* ends at an empty one */
        uint32_t home = z->slots[i].tag & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            z->slots[hole] = z->slots[i];
            hole = i;
        }
    }
    z->slots[hole].node = 0;
}

static void drop_node(struct zone *z, zone_ref ref)
{
    struct zone_node *n = node_at(z, ref), *parent = node_at(z, n->parent);
    drop_slot(z, slot_of(z, ref));
    node_at(z, n->previous)->next = n->next; /* the apex stands before all and stays */
    if (n->next)
        node_at(z, n->next)->previous = n->previous;
    else
        z->last_node = n->previous;
    parent->children--;
    if (is_wildcard(n))
        parent->flags &= (uint8_t)~ZONE_NODE_WILDCARD;
    z->node_count--;
    zone_block_give(z, ref, offsetof(struct zone_node, name) + n->name_len);
}

/* Names that own nothing and have nothing below them are no names of the zone (RFC 8020 2). */
static void prune(struct zone *z, zone_ref ref)
{
    while (ref != z->apex && !node_at(z, ref)->sets && !node_at(z, ref)->children) { /* up to the apex */
        zone_ref parent = node_at(z, ref)->parent;
        drop_node(z, ref);
        ref = parent;
    }
}

enum zone_fault zone_add(struct zone *z, const struct dns_name *owner, uint16_t type, uint32_t ttl,
                         struct span rdata)
{
    zone_ref node = 0;
    enum zone_fault fault = add_to(z, &node, owner, type, ttl, rdata);
    if (node && zone_refused(fault))
        prune(z, node);
    return fault;
}

/* Takes the record out of the piece; false when it is not there. */
static bool cut_record(struct zone *z, const struct zone_node *owner, struct zone_set *s, struct span rdata,
                       uint32_t *ttl)
{
    struct reader r = zone_records(s);
    struct span held;
    for (size_t from = 0; reader_left(&r); from = reader_offset(&r)) { /* each turn takes a record */
        zone_next_record(&r, &held);
        if (!dnssec_same_rdata(s->type, held, rdata))
            continue;
        struct reader head = reader_over(span_of(s->records + from, RECORD_HEAD));
        read_skip(&head, 4);
        *ttl = read_u32(&head);
        z->digest -= record_digest(owner, s->type, *ttl, held);
        memmove(s->records + from, s->records + reader_offset(&r), reader_left(&r));
        s->bytes = (uint16_t)(s->bytes - (reader_offset(&r) - from));
        s->count--;
        return true;
    }
    return false;
}

/* An empty piece goes; `link` leads to the set, `piece_link` to the piece. */
static void drop_piece(struct zone *z, zone_ref *link, zone_ref *piece_link)
{
    zone_ref ref = *piece_link;
    struct zone_set *s = set_at(z, ref);
    if (piece_link == link && s->more)
        set_at(z, s->more)->next = s->next;
    *piece_link = piece_link == link && !s->more ? s->next : s->more;
    zone_block_give(z, ref, piece_bytes(s));
}

bool zone_remove(struct zone *z, const struct dns_name *owner, uint16_t type, struct span rdata,
                 uint32_t *ttl)
{
    struct dns_name lower;
    dns_name_lower(&lower, owner);
    zone_ref node = find_name(z, dns_name_span(&lower));
    if (!node)
        return false;
    zone_ref *link = &node_at(z, node)->sets;
    while (*link && set_at(z, *link)->type != type)
        link = &set_at(z, *link)->next;
    zone_ref *piece = link;
    while (*piece && !cut_record(z, node_at(z, node), set_at(z, *piece), rdata, ttl))
        piece = &set_at(z, *piece)->more;
    if (!*piece)
        return false;
    if (!set_at(z, *piece)->count)
        drop_piece(z, link, piece);
    z->record_count--;
    z->nsec3_count -= type == DNS_TYPE_NSEC3;
    zone_order_follow(z, type, node);
    if (!zone_find_set(z, zone_node_at(z, node), type))
        set_cut(z, node, type, false);
    prune(z, node);
    return true;
}

/* ---- looking up -------------------------------------------------------------------------------- */

const struct zone_node *zone_find_name(const struct zone *z, const struct dns_name *name)
{
    return zone_node_at(z, find_name(z, dns_name_span(name)));
}

const struct zone_set *zone_find_set(const struct zone *z, const struct zone_node *n, uint16_t type)
{
    const struct zone_set *s = zone_set_at(z, n->sets);
    while (s && s->type != type)
        s = zone_set_at(z, s->next);
    return s;
}

/* The delegation that a node at or below one belongs to: the one nearest to the apex. */
static const struct zone_node *cut_of(const struct zone *z, const struct zone_node *n)
{
    while (n->flags & ZONE_NODE_BELOW) /* ends: at most 127 labels up to the apex, which is not below */
        n = zone_node_at(z, n->parent);
    return n;
}

/* A name that is there for its NSEC3 alone is no name of the zone to who asks for it (RFC 5155 7.2.8). */
static bool is_hash(const struct zone *z, const struct zone_node *n)
{
    bool hash = false;
    for (const struct zone_set *s = zone_set_at(z, n->sets); s; s = zone_set_at(z, s->next)) {
        if (s->type != DNS_TYPE_NSEC3 && s->type != DNS_TYPE_RRSIG)
            return false;
        hash = hash || s->type == DNS_TYPE_NSEC3;
    }
    return hash && !n->children;
}

/* The deepest existing ancestor of a name that does not exist. From the apex down, so that a name of a
 * hundred random labels costs one look-up. */
static const struct zone_node *closest_encloser(const struct zone *z, const struct dns_name *name)
{
    zone_ref encloser = z->apex;
    for (size_t labels = z->name.labels + 1U; labels < name->labels; labels++) {
        zone_ref next = find_name(z, dns_name_suffix(name, labels));
        if (!next || (z->hashed && is_hash(z, zone_node_at(z, next))))
            break;
        encloser = next;
    }
    return zone_node_at(z, encloser);
}

static const struct zone_node *wildcard_under(const struct zone *z, const struct zone_node *encloser)
{
    uint8_t room[2 + DNS_NAME_BYTES_MAX];
    if (!(encloser->flags & ZONE_NODE_WILDCARD))
        return NULL;
    struct writer w = writer_over(room, sizeof room);
    write_bytes(&w, "\1*", 2);
    write_span(&w, zone_node_name(encloser));
    for (size_t i = 0; i < writer_length(&w); i++)
        room[i] = ascii_lower(room[i]);
    return zone_node_at(z, find_name(z, writer_span(&w)));
}

uint32_t zone_tag(const struct zone *z, const struct dns_name *name)
{
    return tag_of(z, dns_name_span(name));
}

enum zone_found zone_find(const struct zone *z, const struct dns_name *name, const struct zone_node **out)
{
    return zone_find_tagged(z, name, zone_tag(z, name), out);
}

enum zone_found zone_find_tagged(const struct zone *z, const struct dns_name *name, uint32_t tag,
                                 const struct zone_node **out)
{
    const struct zone_node *n = zone_node_at(z, find_tagged(z, dns_name_span(name), tag));
    bool exists = n && !(z->hashed && is_hash(z, n));
    if (!exists)
        n = closest_encloser(z, name);
    if (n->flags & HIDES && !(exists && (n->flags & HIDES) == ZONE_NODE_DNAME)) {
        *out = cut_of(z, n);
        if (!((*out)->flags & ZONE_NODE_CUT))
            return ZONE_BELOW_DNAME;
        return exists && *out == n ? ZONE_CUT : ZONE_BELOW_CUT;
    }
    *out = exists ? n : wildcard_under(z, n);
    if (exists)
        return ZONE_HERE;
    return *out ? ZONE_WILDCARD : ZONE_ABSENT;
}
