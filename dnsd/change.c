#include "change.h"

#include "hash.h"

#include <stdlib.h>

#define RECORD_HEAD 10  /* type, class, TTL, length */
#define FIRST_ROOM  512 /* most changes are of a few records */

/* ---- lists of records ------------------------------------------------------------------------------ */

struct change *change_new(uint32_t from, uint32_t to)
{
    struct change *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->from = from;
    c->to = to;
    c->holders = 1;
    return c;
}

struct change *change_hold(struct change *c)
{
    c->holders++;
    return c;
}

void change_release(struct change *c)
{
    if (!c || --c->holders)
        return;
    free(c->removed.bytes);
    free(c->added.bytes);
    free(c);
}

static bool make_room(struct change_records *r, size_t more)
{
    size_t room = r->room ? r->room : FIRST_ROOM;
    while (room - r->length < more)
        room *= 2;
    uint8_t *bytes = room == r->room ? r->bytes : realloc(r->bytes, room);
    if (!bytes)
        return false;
    r->bytes = bytes;
    r->room = room;
    return true;
}

bool change_add_record(struct change_records *r, struct span owner, uint16_t type, uint32_t ttl,
                       struct span rdata)
{
    size_t more = owner.len + RECORD_HEAD + rdata.len;
    if (!make_room(r, more))
        return false;
    struct writer w = writer_over(r->bytes, r->room);
    writer_take(&w, r->length);
    write_span(&w, owner);
    write_u16(&w, type);
    write_u16(&w, DNS_CLASS_IN);
    write_u32(&w, ttl);
    write_u16(&w, (uint16_t)rdata.len);
    write_span(&w, rdata);
    r->length += more;
    r->count++;
    return true;
}

bool change_next(struct reader *r, struct dns_record *out, struct span *rdata)
{
    struct span none = { NULL, 0 };
    if (!reader_left(r) || !read_dns_record(r, none, out))
        return false;
    struct reader data = out->rdata;
    *rdata = read_rest(&data);
    return true;
}

/* ---- all records of a version ------------------------------------------------------------------------- */

/* One record of a zone, where it lies. */
struct place {
    const struct zone_node *node;
    uint16_t type;
    uint32_t ttl;
    struct span rdata;
};

typedef bool place_fn(void *owner, const struct place *p);

static bool each_of_set(const struct zone *z, const struct zone_node *n, const struct zone_set *set,
                        place_fn *fn, void *owner)
{
    for (const struct zone_set *piece = set; piece;
         piece = zone_set_at(z, piece->more))                           /* a chain that ends */
        for (struct reader r = zone_records(piece); reader_left(&r);) { /* each turn takes a record */
            struct place p = { .node = n, .type = set->type };
            struct span record = zone_next_record(&r, &p.rdata);
            struct reader head = reader_over(record);
            read_skip(&head, 4);
            p.ttl = read_u32(&head);
            if (!fn(owner, &p))
                return false;
        }
    return true;
}

/* False when `fn` was. */
static bool each_record(const struct zone *z, place_fn *fn, void *owner)
{
    for (const struct zone_node *n = zone_node_at(z, z->apex); n; n = zone_node_at(z, n->next)) /* as above */
        for (const struct zone_set *s = zone_set_at(z, n->sets); s; s = zone_set_at(z, s->next))
            if (!each_of_set(z, n, s, fn, owner))
                return false;
    return true;
}

static bool has_record(const struct zone *z, const struct place *wanted)
{
    struct dns_name name, lower;
    dns_name_from_span(zone_node_name(wanted->node), &name);
    dns_name_lower(&lower, &name);
    const struct zone_node *n = zone_find_name(z, &lower);
    const struct zone_set *set = n ? zone_find_set(z, n, wanted->type) : NULL;
    for (const struct zone_set *piece = set; piece;
         piece = zone_set_at(z, piece->more))                           /* a chain that ends */
        for (struct reader r = zone_records(piece); reader_left(&r);) { /* each turn takes a record */
            struct span rdata;
            struct reader head = reader_over(zone_next_record(&r, &rdata));
            read_skip(&head, 4);
            if (read_u32(&head) == wanted->ttl && span_equal(rdata, wanted->rdata))
                return true;
        }
    return false;
}

/* ---- the difference --------------------------------------------------------------------------------------
 */

struct difference {
    const struct zone *other;
    struct change_records *records;
};

static bool note_if_missing(void *owner, const struct place *p)
{
    struct difference *d = owner;
    if (p->type == DNS_TYPE_SOA || has_record(d->other, p))
        return true;
    return change_add_record(d->records, zone_node_name(p->node), p->type, p->ttl, p->rdata);
}

static bool add_soa(struct change_records *r, const struct zone *z)
{
    struct reader records = zone_records(zone_set_at(z, z->soa));
    struct span rdata;
    struct reader head = reader_over(zone_next_record(&records, &rdata));
    read_skip(&head, 4);
    uint32_t ttl = read_u32(&head);
    return change_add_record(r, zone_node_name(zone_node_at(z, z->apex)), DNS_TYPE_SOA, ttl, rdata);
}

static bool note(void *owner, const struct place *p)
{
    return p->type == DNS_TYPE_SOA ||
           change_add_record(owner, zone_node_name(p->node), p->type, p->ttl, p->rdata);
}

bool change_add_zone(struct change_records *r, const struct zone *z)
{
    return add_soa(r, z) && each_record(z, note, r);
}

struct change *change_between(const struct zone *before, const struct zone *after)
{
    struct change *c = change_new(before->serial, after->serial);
    if (!c)
        return NULL;
    struct difference removed = { after, &c->removed }, added = { before, &c->added };
    if (add_soa(&c->removed, before) && add_soa(&c->added, after) &&
        each_record(before, note_if_missing, &removed) && each_record(after, note_if_missing, &added))
        return c;
    change_release(c);
    return NULL;
}

/* ---- the next version
 * --------------------------------------------------------------------------------------- */

/* Records that are to go, by the hash of what they are. */
struct going {
    uint64_t *hashes; /* 0: empty */
    size_t mask, left;
    uint64_t seed;
};

struct applying {
    struct going going;
    struct zone_builder *builder;
    const char *why;
};

static uint64_t hash_record(uint64_t seed, struct span owner, uint16_t type, struct span rdata)
{
    struct dns_name name, lower;
    dns_name_from_span(owner, &name);
    dns_name_lower(&lower, &name);
    uint64_t h = hash_bytes(dns_name_span(&lower), seed + type);
    h = hash_bytes(rdata, h);
    return h ? h : 1;
}

static bool going_open(struct going *g, const struct change_records *removed, uint64_t seed)
{
    size_t size = 8;
    struct reader r = change_reader(removed);
    struct dns_record record;
    struct span rdata;
    while (size < removed->count * 2)
        size *= 2;
    *g = (struct going){ .hashes = calloc(size, sizeof *g->hashes), .mask = size - 1, .seed = seed };
    while (g->hashes && change_next(&r, &record, &rdata)) { /* each turn takes a record */
        uint64_t h = hash_record(seed, dns_name_span(&record.owner), record.type, rdata);
        size_t at = h & g->mask;
        while (g->hashes[at]) /* at most half of it is taken */
            at = (at + 1) & g->mask;
        g->hashes[at] = h;
        g->left++;
    }
    return g->hashes != NULL;
}

/* Whether this record is one of those; it is struck off. A hash of 64 bits with a secret seed stands for it.
 */
static bool going_take(struct going *g, const struct place *p)
{
    uint64_t h = hash_record(g->seed, zone_node_name(p->node), p->type, p->rdata);
    for (size_t at = h & g->mask; g->hashes[at]; at = (at + 1) & g->mask) /* as above */
        if (g->hashes[at] == h) {
            g->left--;
            return true;
        }
    return false;
}

static bool add(struct applying *a, const struct dns_name *owner, uint16_t type, uint32_t ttl,
                struct span rdata)
{
    enum zone_fault fault = zone_builder_add(a->builder, owner, type, ttl, rdata);
    if (zone_refused(fault))
        a->why = zone_fault_text(fault);
    return !a->why;
}

static bool keep_if_staying(void *owner, const struct place *p)
{
    struct applying *a = owner;
    struct dns_name name;
    if (a->going.left && going_take(&a->going, p))
        return true;
    dns_name_from_span(zone_node_name(p->node), &name);
    return add(a, &name, p->type, p->ttl, p->rdata);
}

static bool build(struct applying *a, const struct zone *before, const struct change *c)
{
    struct reader r = change_reader(&c->added);
    struct dns_record record;
    struct span rdata;
    if (!each_record(before, keep_if_staying, a))
        return false;
    if (a->going.left) {
        a->why = "a record that was to go is not there";
        return false;
    }
    while (change_next(&r, &record, &rdata)) /* each turn takes a record */
        if (!add(a, &record.owner, record.type, record.ttl, rdata))
            return false;
    return true;
}

struct zone *change_apply(const struct zone *before, const struct change *c, const char **why)
{
    struct applying a = { .why = NULL };
    enum zone_fault fault;
    *why = "the change is of another version";
    if (c->from != before->serial)
        return NULL;
    *why = "out of memory";
    a.builder = zone_builder_open(&before->name, before->seed, before->node_count);
    if (!a.builder || !going_open(&a.going, &c->removed, before->seed)) {
        if (a.builder)
            zone_builder_drop(a.builder);
        return NULL;
    }
    bool ok = build(&a, before, c);
    free(a.going.hashes);
    if (!ok) {
        *why = a.why;
        zone_builder_drop(a.builder);
        return NULL;
    }
    struct zone *after = zone_builder_finish(a.builder, &fault);
    if (!after)
        *why = zone_fault_text(fault);
    return after;
}
