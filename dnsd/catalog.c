#include "catalog.h"

#include "hash.h"
#include "wire/dns_rdata.h"

#include <stdio.h>

#define VERSION       "2"
#define ZONES         "zones"
#define TTL_S         0 /* RFC 9432 4.1: it has no meaning */
#define REFRESH_S     3600
#define RETRY_S       600
#define EXPIRE_S      2147483646 /* a catalog that cannot be asked for is better than none */
#define NAMES_A_ENTRY 2

/* ---- read ------------------------------------------------------------------------------------------------
 */

static size_t count_of(const struct zone *z, const struct zone_set *s)
{
    size_t count = 0;
    for (; s; s = zone_set_at(z, s->more)) /* a chain that ends */
        count += s->count;
    return count;
}

static struct span first_record(const struct zone_set *s)
{
    struct reader r = zone_records(s);
    struct span rdata;
    zone_next_record(&r, &rdata);
    return rdata;
}

/* The first string of a text. */
static struct span first_string(struct span rdata)
{
    struct reader r = reader_over(rdata);
    size_t length = read_u8(&r);
    return read_span(&r, length);
}

static void name_of(const struct zone_node *n, struct dns_name *lower)
{
    struct dns_name name;
    dns_name_from_span(zone_node_name(n), &name);
    dns_name_lower(lower, &name);
}

/* PREFIX.NAME; false: it would be too long for a name. */
static bool name_below(const char *prefix, struct span name, struct dns_name *out)
{
    uint8_t room[1 + DNS_LABEL_BYTES_MAX + DNS_NAME_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    write_u8(&w, (uint8_t)strlen(prefix));
    write_text(&w, prefix);
    write_span(&w, name);
    return writer_ok(&w) && dns_name_from_span(writer_span(&w), out);
}

static const struct zone_set *set_below(const struct zone *z, const char *prefix, const struct dns_name *name,
                                        uint16_t type)
{
    struct dns_name below;
    const struct zone_node *n = NULL;
    if (name_below(prefix, dns_name_span(name), &below))
        n = zone_find_name(z, &below);
    return n ? zone_find_set(z, n, type) : NULL;
}

/* How many labels the node has below "zones.APEX"; 0: it is not there. */
static size_t depth_of(const struct zone *z, const struct zone_node *n, struct dns_name *lower)
{
    size_t depth = n->labels - z->name.labels;
    if (depth < 2)
        return 0;
    name_of(n, lower);
    return span_is(dns_name_label(lower, depth - 1), ZONES) ? depth - 1 : 0;
}

const char *catalog_node_fault(const struct zone *z, const struct zone_node *n)
{
    struct dns_name lower;
    const struct zone_set *names = zone_find_set(z, n, DNS_TYPE_PTR);
    if (count_of(z, names) < 2)
        return NULL;
    size_t depth = depth_of(z, n, &lower);
    if (depth == 1)
        return "a member has more than one PTR record";
    return depth == 2 && span_is(dns_name_label(&lower, 0), "coo") ? "a member moves to more than one catalog"
                                                                   : NULL;
}

const char *catalog_fault(const struct zone *z)
{
    struct dns_name apex;
    dns_name_lower(&apex, &z->name);
    const struct zone_set *version = set_below(z, "version", &apex, DNS_TYPE_TXT);
    if (!version || count_of(z, version) != 1)
        return "it does not say in one TXT record of \"version\" which version of the schema it has";
    if (!span_is(first_string(first_record(version)), VERSION))
        return "its schema is of another version than 2";
    return NULL;
}

bool catalog_read(const struct zone *z, const struct zone_node *n, struct catalog_entry *e)
{
    struct dns_name lower, name;
    const struct zone_set *names = zone_find_set(z, n, DNS_TYPE_PTR);
    if (!names || depth_of(z, n, &lower) != 1 || !dns_name_from_span(first_record(names), &name))
        return false;
    dns_name_lower(&e->zone, &name);
    e->label = span_of(n->name + 1, n->name[0]);
    const struct zone_set *group = set_below(z, "group", &lower, DNS_TYPE_TXT);
    e->group = group ? first_string(first_record(group)) : span_text("");
    const struct zone_set *coo = set_below(z, "coo", &lower, DNS_TYPE_PTR);
    e->moves = coo && dns_name_from_span(first_record(coo), &name);
    if (e->moves)
        dns_name_lower(&e->moves_to, &name);
    return true;
}

/* ---- made ------------------------------------------------------------------------------------------------
 */

static enum zone_fault add_text(struct zone_builder *b, const struct dns_name *owner, const char *text)
{
    uint8_t room[1 + DNS_NAME_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    write_u8(&w, (uint8_t)strlen(text));
    write_text(&w, text);
    return writer_ok(&w) ? zone_builder_add(b, owner, DNS_TYPE_TXT, TTL_S, writer_span(&w)) : ZONE_TOO_BIG;
}

/* RFC 9432 4.1: nobody is asked for it, so its name server is "invalid". */
struct zone_builder *catalog_begin(const struct dns_name *apex, uint32_t serial, uint64_t seed,
                                   size_t members)
{
    static const uint8_t invalid[] = "\7invalid";
    struct span nobody = span_of(invalid, sizeof invalid);
    struct zone_builder *b = zone_builder_open(apex, seed, members * NAMES_A_ENTRY);
    uint8_t room[2 * sizeof invalid + 20];
    struct writer w = writer_over(room, sizeof room);
    struct dns_name version;
    write_span(&w, nobody);
    write_span(&w, nobody);
    write_u32(&w, serial);
    write_u32(&w, REFRESH_S);
    write_u32(&w, RETRY_S);
    write_u32(&w, EXPIRE_S);
    write_u32(&w, 0);
    if (b && (!name_below("version", dns_name_span(apex), &version) ||
              zone_builder_add(b, apex, DNS_TYPE_SOA, TTL_S, writer_span(&w)) != ZONE_FINE ||
              zone_builder_add(b, apex, DNS_TYPE_NS, TTL_S, nobody) != ZONE_FINE ||
              add_text(b, &version, VERSION) != ZONE_FINE)) {
        zone_builder_drop(b);
        return NULL;
    }
    return b;
}

enum zone_fault catalog_add(struct zone_builder *b, const struct dns_name *lower, const char *group)
{
    char label[17];
    struct dns_name zones, node, below;
    snprintf(label, sizeof label, "%016llx", (unsigned long long)hash_bytes(dns_name_span(lower), 0));
    if (!name_below(ZONES, dns_name_span(zone_builder_apex(b)), &zones) ||
        !name_below(label, dns_name_span(&zones), &node) ||
        (group[0] && !name_below("group", dns_name_span(&node), &below)))
        return ZONE_OUTSIDE;
    enum zone_fault fault = zone_builder_add(b, &node, DNS_TYPE_PTR, TTL_S, dns_name_span(lower));
    return fault || !group[0] ? fault : add_text(b, &below, group);
}
