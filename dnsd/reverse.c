#include "reverse.h"

#include "sign.h"
#include "wire/dns_reverse.h"

#define SOA_BYTES_MAX (2 * DNS_NAME_BYTES_MAX + 20)
#define IP4_BYTES     4
#define IP6_BYTES     16

/* ---- addresses and names ---------------------------------------------------------------------------------
 */

/* The name of the address in this record; false: it has none, or it is no address. */
static bool name_of(uint16_t type, struct span rdata, struct dns_name *out)
{
    struct address a = { .family = type == DNS_TYPE_AAAA ? FAMILY_IP6 : FAMILY_IP4 };
    size_t bytes = type == DNS_TYPE_AAAA ? IP6_BYTES : IP4_BYTES;
    if ((type != DNS_TYPE_A && type != DNS_TYPE_AAAA) || rdata.len != bytes)
        return false;
    memcpy(a.bytes, rdata.at, bytes);
    dns_name_of_address(out, a);
    return true;
}

static bool is_wildcard(struct span name)
{
    return name.len > 1 && name.at[0] == 1 && name.at[1] == '*';
}

static uint32_t ttl_of(const struct zone_set *s)
{
    struct reader r = zone_records(s);
    read_skip(&r, 4);
    return read_u32(&r);
}

/* Names are the same in upper and lower case; *held is the record's own data. */
static bool has_name(const struct zone *z, const struct zone_set *set, struct span name, struct span *held)
{
    for (; set; set = zone_set_at(z, set->more))                      /* a chain that ends */
        for (struct reader r = zone_records(set); reader_left(&r);) { /* each turn takes a record */
            zone_next_record(&r, held);
            if (dns_name_equal(*held, name))
                return true;
        }
    return false;
}

static bool has_data(const struct zone *z, const struct zone_set *set, struct span rdata)
{
    struct span held;
    for (; set; set = zone_set_at(z, set->more))                      /* a chain that ends */
        for (struct reader r = zone_records(set); reader_left(&r);) { /* each turn takes a record */
            zone_next_record(&r, &held);
            if (span_equal(held, rdata))
                return true;
        }
    return false;
}

/* ---- the whole --------------------------------------------------------------------------------------------
 */

static void add_set(struct zone_builder *b, const struct zone *z, const struct zone_node *n,
                    const struct zone_set *set)
{
    for (const struct zone_set *piece = set; piece; piece = zone_set_at(z, piece->more))
        for (struct reader r = zone_records(piece); reader_left(&r);) { /* each turn takes a record */
            struct dns_name name;
            struct span rdata;
            zone_next_record(&r, &rdata);
            if (name_of(set->type, rdata, &name)) /* what is outside of the zone is refused */
                zone_builder_add(b, &name, DNS_TYPE_PTR, ttl_of(set), zone_node_name(n));
        }
}

/* What others are responsible for, and what stands for many names, is left out. */
static void add_zone(struct zone_builder *b, const struct zone *z)
{
    for (const struct zone_node *n = zone_node_at(z, z->apex); n;
         n = zone_node_at(z, n->next)) { /* each once */
        if (n->flags & (ZONE_NODE_CUT | ZONE_NODE_BELOW) || is_wildcard(zone_node_name(n)))
            continue;
        for (const struct zone_set *s = zone_set_at(z, n->sets); s; s = zone_set_at(z, s->next))
            add_set(b, z, n, s);
    }
}

static void add_head(struct zone_builder *b, const struct dns_name *apex, const struct zone *z,
                     uint32_t serial)
{
    uint8_t room[SOA_BYTES_MAX];
    const struct zone_set *soa = zone_set_at(z, z->soa);
    struct reader r = zone_records(soa);
    struct span rdata;
    zone_next_record(&r, &rdata);
    zone_builder_add(b, apex, DNS_TYPE_SOA, ttl_of(soa), sign_soa(rdata, serial, room, sizeof room));
    for (const struct zone_set *ns = zone_find_set(z, zone_node_at(z, z->apex), DNS_TYPE_NS); ns;
         ns = zone_set_at(z, ns->more))
        for (r = zone_records(ns); reader_left(&r);) { /* each turn takes a record */
            zone_next_record(&r, &rdata);
            zone_builder_add(b, apex, DNS_TYPE_NS, ttl_of(ns), rdata);
        }
}

struct zone *reverse_make(const struct dns_name *apex, const struct zone *const *forward, size_t count,
                          uint32_t serial, uint64_t seed)
{
    struct zone_builder *b = NULL;
    enum zone_fault fault;
    for (size_t i = 0; i < count; i++) {
        if (!forward[i])
            continue;
        bool first = !b;
        if (first && !(b = zone_builder_open(apex, seed, forward[i]->node_count)))
            return NULL;
        if (first)
            add_head(b, apex, forward[i], serial);
        add_zone(b, forward[i]);
    }
    return b ? zone_builder_finish(b, &fault) : NULL;
}

/* ---- changes
 * ----------------------------------------------------------------------------------------------- */

struct following {
    const struct zone *reverse, *forward;
    struct change *out;
    bool ok;
};

/* A record of the change that may mean a PTR. */
struct lead {
    struct dns_name name; /* of the address */
    struct span owner;
    uint32_t ttl;
    bool is; /* the forward zone answers so, now */
};

static bool is_answered(const struct zone *z, const struct dns_record *record, struct span rdata)
{
    struct dns_name lower;
    const struct zone_node *n;
    dns_name_lower(&lower, &record->owner);
    return zone_find(z, &lower, &n) == ZONE_HERE && has_data(z, zone_find_set(z, n, record->type), rdata);
}

/* False: nothing to do with the reverse zone. */
static bool read_lead(const struct following *f, const struct dns_record *record, struct span rdata,
                      struct lead *out)
{
    out->owner = dns_name_span(&record->owner);
    out->ttl = record->ttl;
    if (!name_of(record->type, rdata, &out->name) || !dns_name_within(&out->name, &f->reverse->name) ||
        is_wildcard(out->owner))
        return false;
    out->is = is_answered(f->forward, record, rdata);
    return true;
}

static void take_away(struct following *f, const struct lead *l, uint32_t ttl, struct span held)
{
    f->ok = f->ok && change_add_record(&f->out->removed, dns_name_span(&l->name), DNS_TYPE_PTR, ttl, held);
}

/* All names of an address have one TTL (RFC 2181 5.2): that of the first, until it is alone. */
static void add(struct following *f, const struct lead *l)
{
    const struct zone_node *n = zone_find_name(f->reverse, &l->name);
    const struct zone_set *set = n ? zone_find_set(f->reverse, n, DNS_TYPE_PTR) : NULL;
    struct span held;
    bool was = has_name(f->reverse, set, l->owner, &held);
    bool alone = set && set->count == 1 && !set->more;
    if (was && (!alone || ttl_of(set) == l->ttl))
        return;
    if (was)
        take_away(f, l, ttl_of(set), held);
    f->ok = f->ok && change_add_record(&f->out->added, dns_name_span(&l->name), DNS_TYPE_PTR,
                                       set && !was ? ttl_of(set) : l->ttl, l->owner);
}

static void remove_name(struct following *f, const struct lead *l)
{
    const struct zone_node *n = zone_find_name(f->reverse, &l->name);
    const struct zone_set *set = n ? zone_find_set(f->reverse, n, DNS_TYPE_PTR) : NULL;
    struct span held;
    if (has_name(f->reverse, set, l->owner, &held))
        take_away(f, l, ttl_of(set), held);
}

/* `came`: the records that are there now; else those that are not there any more. */
static void take_records(struct following *f, const struct change_records *records, bool came)
{
    struct reader r = change_reader(records);
    struct dns_record record;
    struct span rdata;
    struct lead l;
    while (change_next(&r, &record, &rdata)) { /* each turn takes a record */
        if (!read_lead(f, &record, rdata, &l) || l.is != came)
            continue;
        if (came)
            add(f, &l);
        else
            remove_name(f, &l);
    }
}

/* The zone's own head, delegations and other places where names are hidden. */
static bool moves_more(const struct change_records *records)
{
    struct reader r = change_reader(records);
    struct dns_record record;
    struct span rdata;
    while (change_next(&r, &record, &rdata)) /* each turn takes a record */
        if (record.type == DNS_TYPE_NS || record.type == DNS_TYPE_DNAME)
            return true;
    return false;
}

/* The SOAs of both parts, which stand first. */
static bool add_soas(const struct zone *z, uint32_t serial, struct change *c)
{
    struct change *only = sign_new_serial(z, serial);
    if (only) {
        struct change_records removed = c->removed, added = c->added;
        c->removed = only->removed;
        c->added = only->added;
        only->removed = removed;
        only->added = added;
    }
    change_release(only);
    return only != NULL;
}

enum reverse_result reverse_follow(const struct zone *reverse, const struct zone *forward,
                                   const struct change *c, uint32_t serial, struct change **out)
{
    struct following f = { .reverse = reverse, .forward = forward, .ok = true };
    *out = NULL;
    if (moves_more(&c->removed) || moves_more(&c->added))
        return REVERSE_ANEW;
    f.out = change_new(reverse->serial, serial);
    if (!f.out || !add_soas(reverse, serial, f.out)) {
        change_release(f.out);
        return REVERSE_ANEW;
    }
    take_records(&f, &c->removed, false);
    take_records(&f, &c->added, true);
    bool same = f.out->removed.count == 1 && f.out->added.count == 1;
    if (f.ok && !same) {
        *out = f.out;
        return REVERSE_CHANGED;
    }
    change_release(f.out);
    return f.ok ? REVERSE_SAME : REVERSE_ANEW;
}

/* The SOAs say the same but for their serials. */
static bool same_soa(const struct zone *a, const struct zone *b)
{
    uint8_t room[SOA_BYTES_MAX];
    const struct zone_set *of_a = zone_set_at(a, a->soa), *of_b = zone_set_at(b, b->soa);
    struct reader x = zone_records(of_a), y = zone_records(of_b);
    struct span soa_a, soa_b;
    zone_next_record(&x, &soa_a);
    zone_next_record(&y, &soa_b);
    return ttl_of(of_a) == ttl_of(of_b) && span_equal(sign_soa(soa_a, b->serial, room, sizeof room), soa_b);
}

enum reverse_result reverse_between(const struct zone *reverse, const struct zone *made, struct change **out)
{
    struct change *c = change_between(reverse, made);
    bool same = c && c->removed.count == 1 && c->added.count == 1 && same_soa(reverse, made);
    *out = same ? NULL : c;
    if (same)
        change_release(c);
    return same ? REVERSE_SAME : c ? REVERSE_CHANGED : REVERSE_ANEW;
}
