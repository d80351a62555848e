#include "change.h"

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

/* ---- the next version ------------------------------------------------------------------------------- */

/* `done` is what came, without what was there before; it may be NULL. */
static enum zone_fault add_all(struct zone *z, const struct change_records *records,
                               struct change_records *done)
{
    struct reader r = change_reader(records);
    struct dns_record record;
    struct span rdata;
    enum zone_fault fault = ZONE_FINE;
    while (!zone_refused(fault) && change_next(&r, &record, &rdata)) { /* each turn takes a record */
        fault = zone_add(z, &record.owner, record.type, record.ttl, rdata);
        if (done && !zone_refused(fault) && fault != ZONE_REPEATED &&
            !change_add_record(done, dns_name_span(&record.owner), record.type, record.ttl, rdata))
            fault = ZONE_TOO_BIG;
    }
    return zone_refused(fault) ? fault : ZONE_FINE;
}

/* False: one of them is not there. `done` is what went, with the TTL that it had; it may be NULL. */
static bool remove_all(struct zone *z, const struct change_records *records, struct change_records *done)
{
    struct reader r = change_reader(records);
    struct dns_record record;
    struct span rdata;
    uint32_t ttl;
    while (change_next(&r, &record, &rdata)) /* each turn takes a record */
        if (!zone_remove(z, &record.owner, record.type, rdata, &ttl) ||
            (done && !change_add_record(done, dns_name_span(&record.owner), record.type, ttl, rdata)))
            return false;
    return true;
}

/* So that nothing fails half-way, in either direction, for want of memory. */
static bool reserve(struct zone *z, const struct change *c, struct change *done)
{
    size_t bytes = 0, names = 0;
    const struct change_records *lists[] = { &c->removed, &c->added };
    for (size_t i = 0; i < 2; i++) {
        struct reader r = change_reader(lists[i]);
        struct dns_record record;
        struct span rdata;
        while (change_next(&r, &record, &rdata)) { /* each turn takes a record */
            bytes += zone_record_room(&record.owner, rdata.len);
            names += record.owner.labels;
        }
    }
    return zone_reserve(z, 2 * bytes, names) && make_room(&done->removed, c->removed.length) &&
           make_room(&done->added, c->added.length);
}

/* What was done is undone: there was room for it before. */
static void take_back(struct zone *z, const struct change *done)
{
    remove_all(z, &done->added, NULL);
    add_all(z, &done->removed, NULL);
    zone_settle(z);
}

static bool apply_here(struct zone *z, const struct change *c, struct change *done, const char **why)
{
    *why = "out of memory";
    if (!reserve(z, c, done))
        return false;
    *why = "a record that was to go is not there";
    enum zone_fault fault = ZONE_FINE;
    bool ok = remove_all(z, &c->removed, &done->removed);
    if (ok) {
        fault = add_all(z, &c->added, &done->added);
        fault = zone_refused(fault) ? fault : zone_settle(z);
    }
    if (zone_refused(fault))
        *why = zone_fault_text(fault);
    if (ok && !zone_refused(fault))
        return true;
    take_back(z, done);
    return false;
}

static void forget_done(struct change *done)
{
    free(done->removed.bytes);
    free(done->added.bytes);
}

bool change_apply(struct zone **z, const struct change *c, const char **why)
{
    struct change done = { 0 };
    *why = "the change is of another version";
    if (c->from != (*z)->serial)
        return false;
    bool shared = (*z)->holders > 1;
    struct zone *next = shared ? zone_copy(*z) : *z;
    *why = "out of memory";
    bool ok = next && apply_here(next, c, &done, why);
    forget_done(&done);
    if (shared)
        zone_release(ok ? *z : next);
    if (ok)
        *z = next;
    return ok;
}

bool change_fits(struct zone *z, const struct change *c, const char **why)
{
    return change_try(z, c, NULL, NULL, why);
}

bool change_try(struct zone *z, const struct change *c, change_look_fn *look, void *owner, const char **why)
{
    struct change done = { 0 };
    *why = "the change is of another version";
    if (c->from != z->serial)
        return false;
    bool shared = z->holders > 1;
    struct zone *trial = shared ? zone_copy(z) : z;
    *why = "out of memory";
    bool ok = trial && apply_here(trial, c, &done, why);
    if (ok && look)
        look(owner, trial);
    if (ok && !shared)
        take_back(trial, &done);
    forget_done(&done);
    if (shared)
        zone_release(trial);
    return ok;
}
