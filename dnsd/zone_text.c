#include "zone_text.h"

#include "text.h"
#include "wire/dns_rdata.h"

#include <stdlib.h>

#define OWNER_COLUMNS 24
#define TYPE_COLUMNS  8

/* A name with what it is sorted by: its labels from the right in lower case, each ended by 0, so that octets
 * in their order are names in theirs. */
struct key {
    const uint8_t *bytes;
    size_t length;
    const struct zone_node *node;
};

struct zone_walk {
    const struct zone *zone;
    struct key *keys;
    uint8_t *bytes;
    size_t count, next;
    const struct zone_node *node;
    const struct zone_set *piece; /* NULL: the next set is to be chosen */
    struct reader records;
    uint32_t after; /* the rank of the set at hand */
};

/* ---- the order of names ------------------------------------------------------------------------------- */

static void write_key(struct writer *w, struct span name)
{
    struct dns_name n, lower;
    dns_name_from_span(name, &n);
    dns_name_lower(&lower, &n);
    for (size_t i = lower.labels; i > 0; i--) {
        struct span label = dns_name_label(&lower, i - 1);
        for (size_t k = 0; k < label.len; k++) {
            uint8_t octet = label.at[k];
            if (octet < 2) /* 0 ends a label */
                write_u8(w, 1);
            write_u8(w, octet < 2 ? (uint8_t)(octet + 1) : octet);
        }
        write_u8(w, 0);
    }
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    size_t common = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->bytes, y->bytes, common);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* False: no memory. */
static bool collect(struct zone_walk *w)
{
    size_t bytes = 0, used = 0;
    for (const struct zone_node *n = zone_node_at(w->zone, w->zone->apex); n;
         n = zone_node_at(w->zone, n->next)) /* all nodes, once each */
        bytes += 2 * (size_t)n->name_len;
    w->keys = calloc(w->zone->node_count + 1, sizeof *w->keys);
    w->bytes = malloc(bytes + 1);
    if (!w->keys || !w->bytes)
        return false;
    for (const struct zone_node *n = zone_node_at(w->zone, w->zone->apex); n;
         n = zone_node_at(w->zone, n->next)) { /* all nodes, once each */
        if (!n->sets || w->count > w->zone->node_count)
            continue;
        struct writer out = writer_over(w->bytes + used, 2 * (size_t)n->name_len);
        write_key(&out, zone_node_name(n));
        w->keys[w->count++] = (struct key){ w->bytes + used, writer_length(&out), n };
        used += writer_length(&out);
    }
    if (w->count)
        qsort(w->keys, w->count, sizeof *w->keys, compare_keys);
    return true;
}

struct zone_walk *zone_walk_open(const struct zone *z)
{
    struct zone_walk *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->zone = z;
    if (collect(w))
        return w;
    zone_walk_close(w);
    return NULL;
}

void zone_walk_close(struct zone_walk *w)
{
    if (!w)
        return;
    free(w->keys);
    free(w->bytes);
    free(w);
}

/* ---- records ------------------------------------------------------------------------------------------- */

/* SOA, NS, then by their numbers. */
static uint32_t rank(uint16_t type)
{
    return type == DNS_TYPE_SOA ? 1 : type == DNS_TYPE_NS ? 2 : (uint32_t)type + 3;
}

/* The set of the name that comes after the one at hand. */
static const struct zone_set *next_set(const struct zone_walk *w)
{
    const struct zone_set *best = NULL;
    for (const struct zone_set *s = zone_set_at(w->zone, w->node->sets); s; s = zone_set_at(w->zone, s->next))
        if (rank(s->type) > w->after && (!best || rank(s->type) < rank(best->type)))
            best = s; /* a name has few sets */
    return best;
}

/* False: the zone ends. */
static bool next_piece(struct zone_walk *w)
{
    const struct zone_set *more = w->piece ? zone_set_at(w->zone, w->piece->more) : NULL;
    while (!more) { /* ends: each turn takes a set or a name */
        more = w->node ? next_set(w) : NULL;
        if (!more && w->next == w->count)
            return false;
        if (!more) {
            w->node = w->keys[w->next++].node;
            w->after = 0;
        }
    }
    w->after = rank(more->type);
    w->piece = more;
    w->records = zone_records(more);
    return true;
}

bool zone_walk_next(struct zone_walk *w, struct zone_place *out)
{
    while (!reader_left(&w->records)) /* ends: each turn takes a piece of a set */
        if (!next_piece(w))
            return false;
    *out = (struct zone_place){ .node = w->node, .type = w->piece->type };
    struct reader head = reader_over(zone_next_record(&w->records, &out->rdata));
    read_skip(&head, 4); /* type and class */
    out->ttl = read_u32(&head);
    return true;
}

/* ---- text ---------------------------------------------------------------------------------------------- */

bool zone_text_is_made(bool at_apex, uint16_t type)
{
    switch (type) {
    case DNS_TYPE_RRSIG:
    case DNS_TYPE_NSEC:
    case DNS_TYPE_NSEC3:
        return true;
    case DNS_TYPE_DNSKEY:
    case DNS_TYPE_CDS:
    case DNS_TYPE_CDNSKEY:
    case DNS_TYPE_NSEC3PARAM:
        return at_apex;
    default:
        return false;
    }
}

static void pad(struct writer *w, struct mark from, size_t columns)
{
    do
        write_u8(w, ' ');
    while (writer_ok(w) && writer_length(w) - from.offset <= columns);
}

/* Its labels above the apex, which stand alone in the text. */
static void write_owner(struct writer *w, const struct zone *z, const struct zone_node *n)
{
    uint8_t room[DNS_NAME_BYTES_MAX];
    struct writer own = writer_over(room, sizeof room);
    size_t length = (size_t)n->name_len - z->name.len;
    if (length == 0) {
        write_u8(w, '@');
        return;
    }
    write_span(&own, span_head(zone_node_name(n), length));
    write_u8(&own, 0);
    char text[DNS_NAME_TEXT_MAX];
    struct writer name = writer_over(text, sizeof text);
    write_dns_name_text(&name, writer_span(&own));
    write_span(w, span_head(writer_span(&name), writer_length(&name) - 1)); /* its final dot would end it */
}

void zone_text_head(struct writer *w, const struct zone *z)
{
    write_text(w, "; ");
    write_dns_name_text(w, dns_name_span(&z->name));
    write_format(w, " with serial %u\n$ORIGIN ", z->serial);
    write_dns_name_text(w, dns_name_span(&z->name));
    write_text(w, "\n");
}

void zone_text_record(struct writer *w, const struct zone *z, const struct zone_place *p)
{
    struct mark start = writer_mark(w);
    write_owner(w, z, p->node);
    pad(w, start, OWNER_COLUMNS);
    write_format(w, "%-6u ", p->ttl);
    start = writer_mark(w);
    write_dns_type_text(w, p->type);
    pad(w, start, TYPE_COLUMNS);
    write_dns_rdata_text(w, p->type, p->rdata);
    write_text(w, "\n");
}

void zone_text_json(struct writer *w, const struct zone_place *p, struct writer *scratch)
{
    struct mark empty = writer_mark(scratch);
    write_dns_name_text(scratch, zone_node_name(p->node));
    write_text(w, "{\"name\":");
    write_json_string(w, writer_span(scratch));
    writer_back_to(scratch, empty);
    write_format(w, ",\"ttl\":%u,\"type\":\"", p->ttl);
    write_dns_type_text(w, p->type);
    write_text(w, "\",\"data\":");
    write_dns_rdata_text(scratch, p->type, p->rdata);
    write_json_string(w, writer_span(scratch));
    writer_back_to(scratch, empty);
    write_text(w, "}");
}
