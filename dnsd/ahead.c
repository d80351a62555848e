#include "ahead.h"

struct place {
    const struct zone *zone; /* NULL: nothing to fetch */
    uint32_t tag;
};

static struct place place_of(const struct zones *zones, struct span message)
{
    struct place none = { 0 };
    struct dns_name name, lower;
    struct reader r = reader_over(message);
    read_skip(&r, DNS_HEADER_BYTES);
    if (!read_dns_name(&r, message, &name))
        return none;
    dns_name_lower(&lower, &name);
    const struct zones_row *row = zones_find(zones, &lower);
    if (!row || !row->zone || row->zone->block_used < ZONE_BYTES_CACHED)
        return none;
    return (struct place){ row->zone, zone_tag(row->zone, &lower) };
}

void look_ahead(const struct zones *zones, const struct batch *b)
{
    struct place places[UDP_BATCH_MAX];
    if (!zones->large)
        return;
    for (size_t i = 0; i < b->count; i++) {
        places[i] = place_of(zones, b->d[i].in);
        if (places[i].zone)
            zone_fetch_slot(places[i].zone, places[i].tag);
    }
    for (size_t i = 0; i < b->count; i++)
        if (places[i].zone)
            zone_fetch_node(places[i].zone, places[i].tag);
}
