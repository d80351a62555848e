#include "hash.h"
#include "zone.h"

#include <stdlib.h>

const char *zone_fault_text(enum zone_fault f)
{
    switch (f) {
    case ZONE_FINE:
        return "nothing is wrong";
    case ZONE_REPEATED:
        return "the same record stands further up; this one is left out";
    case ZONE_OTHER_TTL:
        return "all records of one name and type have one TTL: that of the first is taken";
    case ZONE_OUTSIDE:
        return "the name is not in this zone; is a final dot too many, or $ORIGIN another zone's?";
    case ZONE_SOA_BELOW:
        return "SOA belongs to the zone's own name (the apex, @) alone";
    case ZONE_SECOND_SOA:
        return "there is an SOA already; a zone has exactly one";
    case ZONE_SECOND_CNAME:
        return "the name has a CNAME already; an alias stands for exactly one name";
    case ZONE_SECOND_DNAME:
        return "the name has a DNAME already; what is below it is at exactly one other place";
    case ZONE_CNAME_AND_OTHERS:
        return "a name with a CNAME has no other records: it is an alias";
    case ZONE_META_TYPE:
        return "this type only stands in questions; no zone holds it";
    case ZONE_SET_TOO_BIG:
        return "the records of this name and type do not fit into one message of 64 KiB";
    case ZONE_NO_SOA:
        return "the zone has no SOA record; it is the first that a zone needs";
    case ZONE_NO_NS:
        return "the zone's own name (the apex, @) has no NS record; it needs at least one";
    case ZONE_TOO_BIG:
        return "there is not enough memory for it";
    }
    return "";
}

/* ---- all zones ------------------------------------------------------------------------------------ */

static uint32_t tag_of(const struct zones *d, struct span lower)
{
    return (uint32_t)hash_bytes(lower, d->seed);
}

static void put_slot(struct zones *d, struct zones_slot slot)
{
    uint32_t i = slot.tag & d->slot_mask;
    while (d->slots[i].row) /* half of them are empty */
        i = (i + 1) & d->slot_mask;
    d->slots[i] = slot;
}

static bool slots_resize(struct zones *d, size_t slots)
{
    struct zones_slot *before = d->slots;
    size_t count = before ? (size_t)d->slot_mask + 1 : 0;
    struct zones_slot *fresh = slots <= UINT32_MAX ? calloc(slots, sizeof *fresh) : NULL;
    if (!fresh)
        return false;
    d->slots = fresh;
    d->slot_mask = (uint32_t)(slots - 1);
    for (size_t i = 0; i < count; i++)
        if (before[i].row)
            put_slot(d, before[i]);
    free(before);
    return true;
}

/* Room for so many rows in all, and for twice as many slots. */
static bool make_room(struct zones *d, size_t count)
{
    size_t slots = d->slots ? (size_t)d->slot_mask + 1 : 2;
    while (slots < count * 2)
        slots *= 2;
    if ((!d->slots || slots > (size_t)d->slot_mask + 1) && !slots_resize(d, slots))
        return false;
    if (count <= d->room)
        return true;
    struct zones_row *rows = realloc(d->rows, count * sizeof *rows);
    if (!rows)
        return false;
    d->rows = rows;
    d->room = count;
    return true;
}

static void take_row(struct zones *d, const struct zones_row *row)
{
    uint64_t hash = hash_bytes(dns_name_span(row->name), d->seed);
    d->rows[d->count++] = *row;
    d->rows[d->count - 1].id = hash ? hash : 1;
    if (row->name->labels > d->most_labels)
        d->most_labels = row->name->labels;
    d->has_catalog = d->has_catalog || row->is_catalog;
    put_slot(d, (struct zones_slot){ (uint32_t)hash, (uint32_t)d->count });
}

bool zones_open(struct zones *d, const struct zones_row *rows, size_t count, uint64_t seed)
{
    *d = (struct zones){ .seed = seed };
    if (!make_room(d, count ? count : 1)) {
        free(d->slots);
        free(d->rows);
        *d = (struct zones){ 0 };
        return false;
    }
    for (size_t i = 0; i < count; i++)
        take_row(d, &rows[i]);
    return true;
}

void zones_close(struct zones *d)
{
    for (size_t i = 0; i < d->count; i++)
        zone_release(d->rows[i].zone);
    free(d->rows);
    free(d->slots);
    *d = (struct zones){ 0 };
}

bool zones_add(struct zones *d, const struct zones_row *row)
{
    size_t room = d->count < d->room ? d->room : d->room + d->room / 2 + 1;
    if (!make_room(d, room))
        return false;
    take_row(d, row);
    return true;
}

static uint32_t slot_of(const struct zones *d, const struct zones_row *row)
{
    uint32_t i = tag_of(d, dns_name_span(row->name)) & d->slot_mask;
    while (d->slots[i].row != (uint32_t)(row - d->rows) + 1) /* it is there */
        i = (i + 1) & d->slot_mask;
    return i;
}

/* What stands behind the hole and may not be missed moves up (linear probing without marks). */
static void drop_slot(struct zones *d, uint32_t hole)
{
    uint32_t mask = d->slot_mask;
    for (uint32_t i = (hole + 1) & mask; d->slots[i].row; i = (i + 1) & mask) { /* ends at an empty one */
        uint32_t home = d->slots[i].tag & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            d->slots[hole] = d->slots[i];
            hole = i;
        }
    }
    d->slots[hole].row = 0;
}

void zones_remove(struct zones *d, const struct zones_row *row)
{
    size_t at = (size_t)(row - d->rows), last = d->count - 1;
    drop_slot(d, slot_of(d, row));
    zone_release(row->zone);
    if (at != last) {
        d->slots[slot_of(d, &d->rows[last])].row = (uint32_t)at + 1;
        d->rows[at] = d->rows[last];
    }
    d->count--;
}

static const struct zones_row *find_row(const struct zones *d, struct span lower)
{
    uint32_t tag = tag_of(d, lower);
    for (uint32_t i = tag & d->slot_mask; d->slots[i].row;
         i = (i + 1) & d->slot_mask) { /* half of them are empty */
        const struct zones_row *row = &d->rows[d->slots[i].row - 1];
        if (d->slots[i].tag == tag && span_equal(dns_name_span(row->name), lower))
            return row;
    }
    return NULL;
}

static const struct zones_row *find_from(const struct zones *d, const struct dns_name *name, size_t labels)
{
    const struct zones_row *row = find_row(d, dns_name_suffix(name, labels));
    while (!row && labels > 0)
        row = find_row(d, dns_name_suffix(name, --labels));
    return row;
}

const struct zones_row *zones_find(const struct zones *d, const struct dns_name *name)
{
    return find_from(d, name, name->labels < d->most_labels ? name->labels : d->most_labels);
}

const struct zones_row *zones_find_above(const struct zones *d, const struct dns_name *name)
{
    size_t labels = name->labels < d->most_labels + 1U ? name->labels : d->most_labels + 1U;
    return labels ? find_from(d, name, labels - 1) : NULL;
}

const struct zones_row *zones_find_apex(const struct zones *d, const struct dns_name *name)
{
    return d->count ? find_row(d, dns_name_span(name)) : NULL;
}

struct zones_row *zones_row_of(struct zones *d, const struct dns_name *name)
{
    const struct zones_row *row = zones_find_apex(d, name);
    return row ? &d->rows[row - d->rows] : NULL;
}
