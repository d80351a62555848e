#include "learn.h"

#include "wire/dns_rdata.h"
#include "wire/dns_response.h"

struct reading {
    const struct learning *l;
    struct span message;
    uint16_t flags;
    uint64_t now_ms;
};

/* The records of one name and type from one section, ready for the cache. */
struct collected {
    uint16_t count;
    uint32_t ttl_s; /* the least (RFC 2181 5.2) */
    struct span data;
};

static bool is_owned(const struct dns_record *r, const struct dns_name *owner)
{
    return r->class == DNS_CLASS_IN && dns_name_equal(dns_name_span(&r->owner), dns_name_span(owner));
}

/* False when one of them is not what its type says. */
static bool collect(const struct reading *g, enum dns_section section, const struct dns_name *owner,
                    uint16_t type, struct collected *out)
{
    struct writer w = writer_over(g->l->room, LEARN_ROOM_BYTES);
    struct dns_records s;
    struct dns_record record;
    enum dns_section at;
    *out = (struct collected){ .ttl_s = DNS_TTL_MAX };
    dns_records_open(&s, g->message);
    while ((at = dns_records_next(&s, &record)) <= section) { /* ends: by the counts of the message */
        if (at != section || record.type != type || !is_owned(&record, owner))
            continue;
        struct mark length = write_length16(&w);
        if (!dns_rdata_read(type, record.rdata, g->message, &w))
            return false;
        close_length16(&w, length);
        uint32_t ttl_s = record.ttl > DNS_TTL_MAX ? 0 : record.ttl;
        out->ttl_s = ttl_s < out->ttl_s ? ttl_s : out->ttl_s;
        out->count++;
    }
    out->data = writer_span(&w);
    return writer_ok(&w);
}

static void put(const struct reading *g, struct span name, uint16_t type, enum cache_kind kind,
                enum cache_rank rank, const struct collected *c)
{
    struct cache_news n = { name, type, kind, rank, c->ttl_s, c->count, c->data };
    cache_put(g->l->cache, &n, g->now_ms);
}

static enum cache_rank rank_of(const struct reading *g)
{
    return g->flags & DNS_AA && !g->l->forwarded ? CACHE_AUTHORITATIVE : CACHE_ANSWER;
}

static bool is_well_formed(struct span message)
{
    struct dns_records s;
    struct dns_record record;
    bool ok = dns_records_open(&s, message) && s.end <= LEARN_RECORDS_MAX;
    while (ok && dns_records_next(&s, &record) != DNS_SECTION_END) /* ends: see there */
        ;
    return ok && reader_ok(&s.reader);
}

/* ---- name servers and their addresses ---------------------------------------------------------- */

/* Addresses from the additional section, of hosts in the zone of the server that is speaking. */
static void take_addresses(const struct reading *g, const struct dns_name *host)
{
    static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
    struct collected c;
    if (!dns_name_within(host, g->l->zone))
        return;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (collect(g, DNS_SECTION_ADDITIONAL, host, types[i], &c) && c.count)
            put(g, dns_name_span(host), types[i], CACHE_SET, CACHE_GLUE, &c);
}

static void take_hosts(const struct reading *g, enum dns_section section, const struct dns_name *owner)
{
    struct dns_records s;
    struct dns_record record;
    enum dns_section at;
    size_t hosts = 0;
    dns_records_open(&s, g->message);
    while ((at = dns_records_next(&s, &record)) <= section && hosts < LEARN_HOSTS_MAX) { /* ends: both */
        struct dns_name host, lower;
        if (at != section || record.type != DNS_TYPE_NS || !is_owned(&record, owner) ||
            !read_dns_name(&record.rdata, g->message, &host))
            continue;
        dns_name_lower(&lower, &host);
        take_addresses(g, &lower);
        hosts++;
    }
}

/* ---- the answer section ------------------------------------------------------------------------ */

enum step { STEP_END, STEP_ALIAS, STEP_NONE, STEP_MALFORMED };

/* One name of the chain: its set, or the alias, whose target then is in *name. */
static enum step take_name(const struct reading *g, struct dns_name *name)
{
    const struct learning *l = g->l;
    struct collected c;
    struct dns_name target;
    if (!collect(g, DNS_SECTION_ANSWER, name, l->type, &c))
        return STEP_MALFORMED;
    if (c.count) {
        put(g, dns_name_span(name), l->type, CACHE_SET, rank_of(g), &c);
        if (l->type == DNS_TYPE_NS)
            take_hosts(g, DNS_SECTION_ANSWER, name);
        return STEP_END;
    }
    if (!collect(g, DNS_SECTION_ANSWER, name, DNS_TYPE_CNAME, &c) || c.count > 1)
        return STEP_MALFORMED; /* RFC 2181 10.1 */
    if (!c.count)
        return STEP_NONE;
    struct reader r = reader_over(c.data);
    if (!dns_name_from_span(cache_next_record(&r), &target))
        return STEP_MALFORMED;
    put(g, dns_name_span(name), DNS_TYPE_CNAME, CACHE_SET, rank_of(g), &c);
    dns_name_lower(name, &target);
    return STEP_ALIAS;
}

/* ---- what is not there --------------------------------------------------------------------------- */

/* The SOA of the zone that says no: at or above the name, and not above what the server speaks for. The data
 * of a negative entry is left in the room. RFC 2308 3 and 5. */
static bool find_soa(const struct reading *g, const struct dns_name *name, struct collected *out)
{
    struct dns_records s;
    struct dns_record record;
    enum dns_section at;
    dns_records_open(&s, g->message);
    while ((at = dns_records_next(&s, &record)) <= DNS_SECTION_AUTHORITY) { /* ends: see there */
        struct writer w = writer_over(g->l->room, LEARN_ROOM_BYTES);
        if (at != DNS_SECTION_AUTHORITY || record.type != DNS_TYPE_SOA || record.class != DNS_CLASS_IN ||
            !dns_name_within(name, &record.owner) || !dns_name_within(&record.owner, g->l->zone))
            continue;
        write_span(&w, dns_name_span(&record.owner));
        struct mark length = write_length16(&w);
        if (!dns_rdata_read(DNS_TYPE_SOA, record.rdata, g->message, &w))
            continue;
        close_length16(&w, length);
        struct span data = writer_span(&w);
        struct reader minimum = reader_over(span_from(data, data.len - 4));
        uint32_t minimum_s = read_u32(&minimum);
        *out = (struct collected){ 0, record.ttl < minimum_s ? record.ttl : minimum_s, data };
        return writer_ok(&w);
    }
    return false;
}

static bool has_authority_ns(const struct reading *g)
{
    struct dns_records s;
    struct dns_record record;
    enum dns_section at;
    dns_records_open(&s, g->message);
    while ((at = dns_records_next(&s, &record)) <= DNS_SECTION_AUTHORITY) /* ends: see there */
        if (at == DNS_SECTION_AUTHORITY && record.type == DNS_TYPE_NS)
            return true;
    return false;
}

/* Without an SOA it is a no as well, and not kept (RFC 2308 5); where it may as well be a referral in a wrong
 * place, it is nothing. */
static enum learned take_no(const struct reading *g, const struct dns_name *name, bool absent)
{
    struct collected c = { 0, 0, { NULL, 0 } };
    if (!find_soa(g, name, &c) && !absent && !g->l->forwarded && has_authority_ns(g))
        return LEARNED_NOTHING;
    put(g, dns_name_span(name), g->l->type, absent ? CACHE_NO_NAME : CACHE_NO_DATA, rank_of(g), &c);
    return LEARNED_ANSWER;
}

/* ---- referrals ------------------------------------------------------------------------------------- */

/* Only downwards, and only towards the name: NS of a zone strictly below the one that was asked. */
static bool find_referral(const struct reading *g, struct dns_name *out)
{
    const struct learning *l = g->l;
    struct dns_records s;
    struct dns_record record;
    enum dns_section at;
    dns_records_open(&s, g->message);
    while ((at = dns_records_next(&s, &record)) <= DNS_SECTION_AUTHORITY) { /* ends: see there */
        if (at != DNS_SECTION_AUTHORITY || record.type != DNS_TYPE_NS || record.class != DNS_CLASS_IN)
            continue;
        if (record.owner.labels > l->zone->labels && dns_name_within(&record.owner, l->zone) &&
            dns_name_within(l->name, &record.owner)) {
            dns_name_lower(out, &record.owner);
            return true;
        }
    }
    return false;
}

static enum learned take_referral(const struct reading *g, const struct dns_name *below)
{
    struct collected c;
    if (!collect(g, DNS_SECTION_AUTHORITY, below, DNS_TYPE_NS, &c))
        return LEARNED_MALFORMED;
    put(g, dns_name_span(below), DNS_TYPE_NS, CACHE_SET, CACHE_REFERRAL, &c);
    take_hosts(g, DNS_SECTION_AUTHORITY, below);
    return LEARNED_REFERRAL;
}

enum learned learn(const struct learning *l, struct span message, uint64_t now_ms)
{
    struct reading g = { .l = l, .message = message, .now_ms = now_ms };
    struct dns_header h;
    struct reader r = reader_over(message);
    struct dns_name name, below;
    size_t aliases = 0;
    enum step step = STEP_ALIAS;
    if (!read_dns_header(&r, &h) || !is_well_formed(message))
        return LEARNED_MALFORMED;
    g.flags = h.flags;
    bool absent = dns_rcode(h.flags) == DNS_NXDOMAIN;
    dns_name_copy(&name, l->name);
    if (!l->forwarded && !(h.flags & DNS_AA) && !absent && find_referral(&g, &below))
        return take_referral(&g, &below);
    if (!l->forwarded && !(h.flags & DNS_AA))
        return LEARNED_NOTHING;
    while (step == STEP_ALIAS && aliases <= CACHE_CHAIN_MAX && dns_name_within(&name, l->zone)) {
        step = take_name(&g, &name); /* ends: by the count of aliases */
        aliases += step == STEP_ALIAS;
    }
    if (step == STEP_MALFORMED)
        return LEARNED_MALFORMED;
    if (step != STEP_NONE)
        return LEARNED_ANSWER; /* also: an alias to where this server may not speak for */
    if (absent || !aliases)
        return !absent && !l->forwarded && !aliases && find_referral(&g, &below) ? take_referral(&g, &below)
                                                                                 : take_no(&g, &name, absent);
    struct collected c;
    if (find_soa(&g, &name, &c))
        put(&g, dns_name_span(&name), l->type, CACHE_NO_DATA, rank_of(&g), &c);
    return LEARNED_ANSWER; /* without an SOA the rest of the chain is asked for */
}
