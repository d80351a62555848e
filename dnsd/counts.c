#include "counts.h"

#include "metrics.h"
#include "wire/dns_rdata.h"

#define TYPE_TEXT_MAX 16

static void move(uint64_t *to, uint64_t *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] += from[i];
        from[i] = 0;
    }
}

uint64_t *counts_zone_elsewhere(struct counts *c, uint64_t id)
{
    for (size_t i = 0; i < COUNTS_PLACES; i++) {
        struct counts_zone *z = &c->zones[(id + i) % COUNTS_ZONES];
        if (!z->id)
            z->id = id;
        if (z->id == id)
            return &z->count;
    }
    return &c->other_zones;
}

static void move_zones(struct counts *to, struct counts *from)
{
    move(&to->other_zones, &from->other_zones, 1);
    for (size_t i = 0; i < COUNTS_ZONES; i++)
        if (from->zones[i].count)
            move(counts_zone_elsewhere(to, from->zones[i].id), &from->zones[i].count, 1);
}

void counts_move(struct counts *to, struct counts *from)
{
    move(to->transports, from->transports, EDNS_TLS + 1);
    move(to->rcodes, from->rcodes, COUNTS_RCODES);
    move(to->types, from->types, COUNTS_TYPES);
    move_zones(to, from);
}

static void tell_types(const struct counts *c, struct http_exchange *x)
{
    uint8_t room[TYPE_TEXT_MAX];
    for (uint16_t type = 0; type < COUNTS_TYPES; type++) {
        struct writer w = writer_over(room, sizeof room);
        if (type < COUNTS_TYPES - 1)
            write_dns_type_text(&w, type);
        else
            write_text(&w, "other");
        write_u8(&w, 0);
        if (c->types[type] && writer_ok(&w))
            metric_line(x, "wirelab_dns_questions_total", "type", (const char *)room, NULL, NULL,
                        c->types[type]);
    }
}

void counts_tell(const struct counts *c, struct http_exchange *x)
{
    static const char *const transports[] = { "udp", "tcp", "tls" };
    for (size_t i = 0; i <= EDNS_TLS; i++)
        if (c->transports[i])
            metric_line(x, "wirelab_dns_messages_total", "transport", transports[i], NULL, NULL,
                        c->transports[i]);
    for (size_t i = 0; i < COUNTS_RCODES; i++) {
        const char *name = dns_rcode_name((enum dns_rcode)i);
        if (c->rcodes[i])
            metric_line(x, "wirelab_dns_replies_total", "rcode", name ? name : "other", NULL, NULL,
                        c->rcodes[i]);
    }
    tell_types(c, x);
}

/* ---- zones
 * -------------------------------------------------------------------------------------------------- */

static size_t place_of(const struct counts *c, uint64_t id)
{
    for (size_t i = 0; i < COUNTS_PLACES; i++)
        if (c->zones[(id + i) % COUNTS_ZONES].id == id)
            return (id + i) % COUNTS_ZONES;
    return COUNTS_ZONES;
}

static void tell_zone(const struct zones_row *row, uint64_t count, struct http_exchange *x)
{
    char name[DNS_NAME_TEXT_MAX + 1];
    struct writer w = writer_over(name, sizeof name);
    write_dns_name_text(&w, dns_name_span(row->name));
    write_u8(&w, 0);
    if (writer_ok(&w))
        metric_line(x, "wirelab_dns_zone_questions_total", "zone", name, NULL, NULL, count);
}

void counts_tell_zones(const struct counts *c, const struct zones *const *all, size_t count,
                       struct http_exchange *x)
{
    uint8_t told[COUNTS_ZONES] = { 0 };
    uint64_t other = c->other_zones;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i]->count; k++) {
            size_t place = place_of(c, all[i]->rows[k].id);
            if (place == COUNTS_ZONES || told[place] || !c->zones[place].count)
                continue;
            told[place] = 1;
            tell_zone(&all[i]->rows[k], c->zones[place].count, x);
        }
    for (size_t i = 0; i < COUNTS_ZONES; i++) /* zones that are gone */
        other += told[i] ? 0 : c->zones[i].count;
    if (other)
        metric_line(x, "wirelab_dns_zone_questions_total", "zone", "other", NULL, NULL, other);
}
