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

static uint32_t zones_slot(const struct zones *d, struct span lower)
{
    return (uint32_t)hash_bytes(lower, d->seed) & d->slot_mask;
}

static void zones_index(struct zones *d, size_t row)
{
    uint64_t hash = hash_bytes(dns_name_span(&d->rows[row].name), d->seed);
    uint32_t i = (uint32_t)hash & d->slot_mask;
    d->rows[row].id = hash ? hash : 1;
    while (d->slots[i])
        i = (i + 1) & d->slot_mask;
    d->slots[i] = (uint32_t)row + 1;
}

bool zones_open(struct zones *d, const struct zones_row *rows, size_t count, uint64_t seed)
{
    size_t slots = 2;
    while (slots < count * 2)
        slots *= 2;
    *d = (struct zones){ .seed = seed, .count = count, .slot_mask = (uint32_t)(slots - 1) };
    d->rows = calloc(count ? count : 1, sizeof *d->rows);
    d->slots = calloc(slots, sizeof *d->slots);
    if (!d->rows || !d->slots || slots > UINT32_MAX) {
        free(d->rows);
        free(d->slots);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        d->rows[i] = rows[i];
        if (rows[i].name.labels > d->most_labels)
            d->most_labels = rows[i].name.labels;
        d->large = d->large || (rows[i].zone && rows[i].zone->block_used >= ZONE_BYTES_CACHED);
        zones_index(d, i);
    }
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

static const struct zones_row *find_row(const struct zones *d, struct span lower)
{
    for (uint32_t i = zones_slot(d, lower); d->slots[i];
         i = (i + 1) & d->slot_mask) { /* half of them are empty */
        const struct zones_row *row = &d->rows[d->slots[i] - 1];
        if (span_equal(dns_name_span(&row->name), lower))
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
    return find_row(d, dns_name_span(name));
}
