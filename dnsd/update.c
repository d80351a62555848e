#include "update.h"

#include "wire/dns_rdata.h"
#include "wire/dnssec.h"
#include "zonemd.h"

#define WKS            11 /* no type of ours, but RFC 2136 has a rule for it */
#define WKS_HEAD_BYTES 5  /* address and protocol, RFC 1035 3.4.2 */

#define CUT_SHORT              "cut short"
#define OUT_OF_MEMORY          "out of memory"
#define OUTSIDE                "a name that is not in the zone"
#define MALFORMED_PREREQUISITE "a prerequisite of a class, type, TTL or data that none has"

/* A record of a name that the message touches: as it was, or as it is to be. */
struct held {
    struct held *next;
    struct span owner; /* lower case */
    uint16_t type;
    uint32_t ttl;
    struct span rdata, as_written; /* as_written: the owner's name as it goes into the change */
    bool was, is;
};

/* A name whose records were taken from the zone. */
struct touched {
    struct touched *next;
    struct span owner;
};

/* A set that the prerequisites spell out, each of its records once (RFC 2136 3.2.3). */
struct member {
    struct member *next;
    struct span rdata;
};

struct spelled {
    struct spelled *next;
    struct span owner; /* lower case */
    uint16_t type;
    const struct zone_set *set; /* as the zone has it; NULL: it has none */
    struct member *members;
    size_t count;
};

struct updating {
    const struct zone *zone;
    struct span message;
    struct arena *arena;
    struct spelled *spelled;
    struct held *held;
    struct touched *touched;
    struct span apex; /* lower case */
    uint32_t next_serial;
    bool new_serial, failed;
    const char *why;
};

/* A record of the message, understood. */
struct wish {
    struct dns_record record;
    struct dns_name lower;
    struct span rdata; /* of class IN and NONE: plain, in the arena */
};

/* ---- reading ------------------------------------------------------------------------------------------ */

/* The code, and what is said of it. */
static enum dns_rcode because(struct updating *u, enum dns_rcode code, const char *why)
{
    u->why = why;
    return code;
}

/* Plain data of a record; false when it is not what its type says. */
static bool read_data(struct updating *u, struct wish *w)
{
    uint8_t room[DNS_RDATA_BYTES_MAX];
    struct writer out = writer_over(room, sizeof room);
    if (!dns_rdata_read(w->record.type, w->record.rdata, u->message, &out))
        return false;
    w->rdata = arena_copy(u->arena, writer_span(&out));
    u->failed = u->failed || (writer_length(&out) && !w->rdata.at);
    return true;
}

/* False: it is cut short. */
static bool next_wish(struct updating *u, struct reader *r, struct wish *w)
{
    if (!read_dns_record(r, u->message, &w->record))
        return false;
    dns_name_lower(&w->lower, &w->record.owner);
    return true;
}

static bool is_in_zone(const struct updating *u, const struct wish *w)
{
    return dns_name_within(&w->lower, &u->zone->name);
}

/* ---- the zone as it is -----------------------------------------------------------------------------------
 */

static const struct zone_set *set_of(const struct updating *u, const struct wish *w)
{
    const struct zone_node *n = zone_find_name(u->zone, &w->lower);
    return n ? zone_find_set(u->zone, n, w->record.type) : NULL;
}

static bool name_is_used(const struct updating *u, const struct dns_name *lower)
{
    const struct zone_node *n = zone_find_name(u->zone, lower);
    return n && n->sets;
}

static uint32_t ttl_of(struct span record)
{
    struct reader r = reader_over(record);
    read_skip(&r, 4); /* type and class */
    return read_u32(&r);
}

static size_t count_of(const struct zone *z, const struct zone_set *set)
{
    size_t count = 0;
    for (; set; set = zone_set_at(z, set->more)) /* a chain that ends */
        count += set->count;
    return count;
}

static bool set_has(const struct zone *z, const struct zone_set *set, struct span rdata)
{
    struct span theirs;
    for (; set; set = zone_set_at(z, set->more))                      /* a chain that ends */
        for (struct reader r = zone_records(set); reader_left(&r);) { /* each turn takes a record */
            zone_next_record(&r, &theirs);
            if (dnssec_same_rdata(set->type, theirs, rdata))
                return true;
        }
    return false;
}

/* ---- prerequisites: RFC 2136 3.2 --------------------------------------------------------------------------
 */

static enum dns_rcode check_name(struct updating *u, const struct wish *w)
{
    bool any = w->record.type == DNS_TYPE_ANY, wanted = w->record.class == DNS_CLASS_ANY;
    if (reader_left(&w->record.rdata))
        return because(u, DNS_FORMERR, MALFORMED_PREREQUISITE);
    bool there = any ? name_is_used(u, &w->lower) : set_of(u, w) != NULL;
    if (there == wanted)
        return DNS_NOERROR;
    if (any)
        return wanted ? because(u, DNS_NXDOMAIN, "a name that has to be in use is not")
                      : because(u, DNS_YXDOMAIN, "a name that must not be in use is");
    return wanted ? because(u, DNS_NXRRSET, "a set that has to be there is not")
                  : because(u, DNS_YXRRSET, "a set that must not be there is");
}

static struct spelled *spelled_of(struct updating *u, const struct wish *w)
{
    struct span owner = dns_name_span(&w->lower);
    for (struct spelled *s = u->spelled; s; s = s->next) /* as many as the message has prerequisites */
        if (s->type == w->record.type && span_equal(s->owner, owner))
            return s;
    struct spelled *s = arena_alloc(u->arena, sizeof *s);
    owner = arena_copy(u->arena, owner);
    if (!s || !owner.at)
        return NULL;
    *s = (struct spelled){ .next = u->spelled, .owner = owner, .type = w->record.type, .set = set_of(u, w) };
    u->spelled = s;
    return s;
}

/* One record of a set that is to be as it is spelled out; a record that comes twice counts once. */
static enum dns_rcode spell(struct updating *u, struct wish *w)
{
    if (dns_type_is_meta(w->record.type) || !read_data(u, w))
        return because(u, DNS_FORMERR, MALFORMED_PREREQUISITE);
    struct spelled *s = spelled_of(u, w);
    struct member *m = s ? s->members : NULL;
    while (m && !dnssec_same_rdata(s->type, m->rdata, w->rdata))
        m = m->next; /* as many as the message has prerequisites */
    if (m)
        return DNS_NOERROR;
    m = s ? arena_alloc(u->arena, sizeof *m) : NULL;
    if (!m)
        return because(u, DNS_SERVFAIL, OUT_OF_MEMORY);
    *m = (struct member){ s->members, w->rdata };
    s->members = m;
    s->count++;
    return DNS_NOERROR;
}

static bool is_as_spelled(const struct updating *u, const struct spelled *s)
{
    for (const struct member *m = s->members; m; m = m->next) /* as many as the message has prerequisites */
        if (!set_has(u->zone, s->set, m->rdata))
            return false;
    return count_of(u->zone, s->set) == s->count;
}

static enum dns_rcode check_prerequisite(struct updating *u, struct wish *w)
{
    if (w->record.ttl != 0)
        return because(u, DNS_FORMERR, MALFORMED_PREREQUISITE);
    if (!is_in_zone(u, w))
        return because(u, DNS_NOTZONE, OUTSIDE);
    if (w->record.class == DNS_CLASS_ANY || w->record.class == DNS_CLASS_NONE)
        return check_name(u, w);
    return w->record.class == DNS_CLASS_IN ? spell(u, w) : because(u, DNS_FORMERR, MALFORMED_PREREQUISITE);
}

/* RFC 2136 3.2.5: sets are compared when all that they are to be has been read. */
static enum dns_rcode check_prerequisites(struct updating *u, struct reader *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++) { /* each turn takes a record of the message */
        struct wish w;
        enum dns_rcode code =
            next_wish(u, r, &w) ? check_prerequisite(u, &w) : because(u, DNS_FORMERR, CUT_SHORT);
        if (code != DNS_NOERROR)
            return code;
    }
    if (u->failed)
        return because(u, DNS_SERVFAIL, OUT_OF_MEMORY);
    for (const struct spelled *s = u->spelled; s; s = s->next) /* as many as the message has prerequisites */
        if (!is_as_spelled(u, s))
            return because(u, DNS_NXRRSET, "a set is not what it has to be");
    return DNS_NOERROR;
}

/* ---- changes: RFC 2136 3.4.1, before any is made
 * ------------------------------------------------------------ */

static bool is_well_formed(struct updating *u, struct wish *w)
{
    bool meta = dns_type_is_meta(w->record.type);
    if (w->record.class == DNS_CLASS_ANY)
        return w->record.ttl == 0 && !reader_left(&w->record.rdata) &&
               (!meta || w->record.type == DNS_TYPE_ANY);
    if (w->record.class == DNS_CLASS_NONE && w->record.ttl != 0)
        return false;
    return (w->record.class == DNS_CLASS_IN || w->record.class == DNS_CLASS_NONE) && !meta && read_data(u, w);
}

/* RFC 3007 3.1.1, 4.2: proofs must not be changed by UPDATE, and signatures need not be; who signs the zone
 * makes both. They go with all else of a name. */
static bool is_signers(uint16_t type)
{
    return type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC || type == DNS_TYPE_NSEC3;
}

static enum dns_rcode scan(struct updating *u, struct reader r, unsigned count)
{
    for (unsigned i = 0; i < count; i++) { /* each turn takes a record of the message */
        struct wish w;
        if (!next_wish(u, &r, &w))
            return because(u, DNS_FORMERR, CUT_SHORT);
        if (!is_in_zone(u, &w))
            return because(u, DNS_NOTZONE, OUTSIDE);
        if (!is_well_formed(u, &w))
            return because(u, DNS_FORMERR, "a change of a class, type, TTL or data that no change has");
        if (is_signers(w.record.type))
            return because(u, DNS_REFUSED, "signatures and proofs are the signer's, not for UPDATE");
    }
    return DNS_NOERROR;
}

/* ---- the names that are touched
 * ------------------------------------------------------------------------------- */

static struct held *hold(struct updating *u, struct span owner, struct span as_written, uint16_t type,
                         uint32_t ttl, struct span rdata)
{
    struct held *h = arena_alloc(u->arena, sizeof *h);
    if (!h) {
        u->failed = true;
        return NULL;
    }
    *h = (struct held){
        .next = u->held, .owner = owner, .as_written = as_written, .type = type, .ttl = ttl, .rdata = rdata
    };
    u->held = h;
    return h;
}

static void hold_node(struct updating *u, struct span owner, const struct zone_node *n)
{
    for (const struct zone_set *s = zone_set_at(u->zone, n->sets); s; s = zone_set_at(u->zone, s->next))
        for (const struct zone_set *piece = s; piece;
             piece = zone_set_at(u->zone, piece->more)) /* chains that end */
            for (struct reader r = zone_records(piece); reader_left(&r);) {
                struct span rdata, record = zone_next_record(&r, &rdata);
                struct held *h = hold(u, owner, zone_node_name(n), s->type, ttl_of(record), rdata);
                if (h)
                    h->was = h->is = true;
            }
}

/* The name's records, from the zone when it is touched for the first time. */
static struct span touch(struct updating *u, const struct dns_name *lower)
{
    struct span name = dns_name_span(lower);
    for (struct touched *t = u->touched; t; t = t->next) /* as many as the message has names */
        if (span_equal(t->owner, name))
            return t->owner;
    struct touched *t = arena_alloc(u->arena, sizeof *t);
    struct span owner = arena_copy(u->arena, name);
    if (!t || !owner.at) {
        u->failed = true;
        return name;
    }
    *t = (struct touched){ u->touched, owner };
    u->touched = t;
    const struct zone_node *n = zone_find_name(u->zone, lower);
    if (n)
        hold_node(u, owner, n);
    return owner;
}

static bool is_apex(const struct updating *u, struct span owner)
{
    return span_equal(owner, u->apex);
}

/* ---- one change: RFC 2136 3.4.2
 * ----------------------------------------------------------------------------------- */

static void remove_set(struct updating *u, struct span owner, uint16_t type)
{
    bool apex = is_apex(u, owner);
    for (struct held *h = u->held; h; h = h->next) /* what was held */
        if (span_equal(h->owner, owner) && (type == DNS_TYPE_ANY || h->type == type) &&
            !(apex && (h->type == DNS_TYPE_SOA || h->type == DNS_TYPE_NS)))
            h->is = false;
}

static size_t count_held(const struct updating *u, struct span owner, uint16_t type)
{
    size_t count = 0;
    for (const struct held *h = u->held; h; h = h->next) /* what was held */
        count += h->is && h->type == type && span_equal(h->owner, owner);
    return count;
}

static bool is_record(const struct held *h, struct span owner, uint16_t type, struct span rdata)
{
    return h->type == type && span_equal(h->owner, owner) && dnssec_same_rdata(type, h->rdata, rdata);
}

static void remove_record(struct updating *u, struct span owner, uint16_t type, struct span rdata)
{
    if (type == DNS_TYPE_SOA || (type == DNS_TYPE_NS && is_apex(u, owner) && count_held(u, owner, type) == 1))
        return;
    for (struct held *h = u->held; h; h = h->next) /* what was held */
        if (is_record(h, owner, type, rdata))
            h->is = false;
}

/* RFC 1034 3.6.2: an alias stands alone. What would make it otherwise is passed over. */
static bool is_in_the_way(const struct updating *u, struct span owner, uint16_t type)
{
    for (const struct held *h = u->held; h; h = h->next) /* what was held */
        if (h->is && span_equal(h->owner, owner) && h->type != DNS_TYPE_RRSIG && h->type != DNS_TYPE_NSEC &&
            (h->type == DNS_TYPE_CNAME) != (type == DNS_TYPE_CNAME))
            return true;
    return false;
}

static uint32_t serial_of(struct span soa)
{
    struct reader r = reader_over(soa);
    read_plain_name(&r);
    read_plain_name(&r);
    return read_u32(&r);
}

/* Than the zone's SOA, as the message has left it. */
static bool is_newer_soa(const struct updating *u, struct span owner, struct span rdata)
{
    const struct held *h = u->held;
    while (h && !(h->is && h->type == DNS_TYPE_SOA && span_equal(h->owner, owner)))
        h = h->next; /* what was held */
    return h && dns_serial_newer(serial_of(rdata), serial_of(h->rdata));
}

/* RFC 2181 5.2: all of a set have the TTL that came last. */
static void set_ttl(struct updating *u, struct span owner, uint16_t type, uint32_t ttl)
{
    for (struct held *h = u->held; h; h = h->next) { /* what was held; what is put in front is not met */
        if (!h->is || h->type != type || h->ttl == ttl || !span_equal(h->owner, owner))
            continue;
        h->is = false;
        struct held *now = hold(u, owner, h->as_written, type, ttl, h->rdata);
        if (now)
            now->is = true;
    }
}

/* What an added record of the same name and type takes the place of: RFC 2136 1.1.5, RFC 6672 5.2. */
static bool is_replaced(uint16_t type, struct span held, struct span rdata)
{
    if (type == DNS_TYPE_SOA || type == DNS_TYPE_CNAME || type == DNS_TYPE_DNAME)
        return true;
    if (type == WKS)
        return span_equal(span_head(held, WKS_HEAD_BYTES), span_head(rdata, WKS_HEAD_BYTES));
    return dnssec_same_rdata(type, held, rdata);
}

static void add_record(struct updating *u, struct span owner, const struct wish *w)
{
    uint16_t type = w->record.type;
    struct held *now = NULL;
    if (is_in_the_way(u, owner, type) || (type == DNS_TYPE_SOA && !is_newer_soa(u, owner, w->rdata)))
        return;
    u->new_serial = u->new_serial || type == DNS_TYPE_SOA;
    set_ttl(u, owner, type, w->record.ttl);
    for (struct held *h = u->held; h; h = h->next) { /* what was held; the zone's own comes last */
        if (h->type != type || !span_equal(h->owner, owner) || !is_replaced(type, h->rdata, w->rdata))
            continue;
        h->is = false;
        if (h->ttl == w->record.ttl && span_equal(h->rdata, w->rdata))
            now = h;
    }
    if (!now) {
        struct span as_written = arena_copy(u->arena, dns_name_span(&w->record.owner));
        u->failed = u->failed || !as_written.at;
        now = hold(u, owner, as_written, type, w->record.ttl, w->rdata);
    }
    if (now)
        now->is = true;
}

static void make_changes(struct updating *u, struct reader r, unsigned count)
{
    for (unsigned i = 0; i < count && !u->failed;
         i++) { /* each turn takes a record that was looked at before */
        struct wish w;
        next_wish(u, &r, &w);
        struct span owner = touch(u, &w.lower);
        if (w.record.class == DNS_CLASS_ANY) {
            remove_set(u, owner, w.record.type);
            continue;
        }
        read_data(u, &w);
        if (w.record.ttl > DNS_TTL_MAX)
            w.record.ttl = 0; /* RFC 2181 8 */
        if (w.record.class == DNS_CLASS_IN)
            add_record(u, owner, &w);
        else
            remove_record(u, owner, w.record.type, w.rdata);
    }
}

/* ---- the change
 * -------------------------------------------------------------------------------------------- */

static bool is_different(const struct updating *u)
{
    for (const struct held *h = u->held; h; h = h->next) /* what was held */
        if (h->was != h->is)
            return true;
    return false;
}

/* RFC 2136 3.6 */
static struct span next_soa(struct updating *u, struct span soa)
{
    uint8_t *room = arena_alloc_bytes(u->arena, soa.len);
    struct writer w = writer_over(room, room ? soa.len : 0);
    struct reader r = reader_over(soa);
    write_span(&w, read_plain_name(&r));
    write_span(&w, read_plain_name(&r));
    read_skip(&r, 4);
    write_u32(&w, u->next_serial);
    write_span(&w, read_rest(&r));
    u->failed = u->failed || !writer_ok(&w);
    return writer_span(&w);
}

static void count_serial_up(struct updating *u)
{
    struct dns_name apex;
    dns_name_lower(&apex, &u->zone->name);
    struct span owner = touch(u, &apex);
    for (struct held *h = u->held; h; h = h->next) { /* what was held; what is put in front is not met */
        if (!h->is || h->type != DNS_TYPE_SOA || !span_equal(h->owner, owner))
            continue;
        h->is = false;
        struct held *now = hold(u, owner, h->as_written, DNS_TYPE_SOA, h->ttl, next_soa(u, h->rdata));
        if (now)
            now->is = true;
        return;
    }
}

/* RFC 8976 3.1: a digest is of one version. Who changes the zone and does not say the new one, leaves none:
 * those who check it would refuse the zone. */
static void drop_digest(struct updating *u)
{
    struct dns_name apex;
    dns_name_lower(&apex, &u->zone->name);
    if (!zonemd_is_there(u->zone))
        return;
    struct span owner = touch(u, &apex);
    for (const struct held *h = u->held; h; h = h->next) /* what was held */
        if (h->type == DNS_TYPE_ZONEMD && h->was != h->is && span_equal(h->owner, owner))
            return;
    remove_set(u, owner, DNS_TYPE_ZONEMD);
}

static bool add_part(const struct updating *u, bool soa, struct change *c)
{
    bool ok = true;
    for (const struct held *h = u->held; ok && h; h = h->next) { /* what was held */
        if (h->was == h->is || (h->type == DNS_TYPE_SOA) != soa)
            continue;
        ok = change_add_record(h->was ? &c->removed : &c->added, h->as_written, h->type, h->ttl, h->rdata);
        if (soa && h->is)
            c->to = serial_of(h->rdata);
    }
    return ok;
}

static enum dns_rcode conclude(struct updating *u, struct change **out)
{
    if (!u->failed && !is_different(u))
        return DNS_NOERROR;
    if (!u->failed)
        drop_digest(u);
    if (!u->failed && !u->new_serial)
        count_serial_up(u);
    struct change *c = u->failed ? NULL : change_new(u->zone->serial, 0);
    if (c && add_part(u, true, c) && add_part(u, false, c)) {
        *out = c;
        return DNS_NOERROR;
    }
    change_release(c);
    return because(u, DNS_SERVFAIL, OUT_OF_MEMORY);
}

static enum dns_rcode decide(struct updating *u, struct change **out)
{
    struct reader r = reader_over(u->message);
    struct dns_header h;
    struct dns_question zone;
    if (!read_dns_header(&r, &h) || !read_dns_question(&r, u->message, &zone))
        return because(u, DNS_FORMERR, CUT_SHORT);
    enum dns_rcode code = check_prerequisites(u, &r, h.answers);
    if (code == DNS_NOERROR)
        code = scan(u, r, h.authorities);
    if (code != DNS_NOERROR)
        return code;
    make_changes(u, r, h.authorities);
    return conclude(u, out);
}

enum dns_rcode update_decide(const struct zone *z, struct span message, uint32_t next_serial, struct arena *a,
                             struct change **out, const char **why)
{
    struct dns_name apex;
    struct updating u = { .zone = z, .message = message, .arena = a, .next_serial = next_serial };
    dns_name_lower(&apex, &z->name);
    u.apex = dns_name_span(&apex);
    *out = NULL;
    enum dns_rcode code = decide(&u, out);
    *why = u.why;
    return code;
}

/* ---- by hand
 * ------------------------------------------------------------------------------------------------------- */

struct updating *update_begin(const struct zone *z, uint32_t next_serial, struct arena *a)
{
    struct dns_name apex;
    struct updating *u = arena_alloc(a, sizeof *u);
    dns_name_lower(&apex, &z->name);
    if (u)
        *u = (struct updating){
            .zone = z, .arena = a, .apex = arena_copy(a, dns_name_span(&apex)), .next_serial = next_serial
        };
    return u && u->apex.at ? u : NULL;
}

static struct span touch_name(struct updating *u, const struct dns_name *owner)
{
    struct dns_name lower;
    dns_name_lower(&lower, owner);
    return touch(u, &lower);
}

const char *update_add(struct updating *u, const struct dns_name *owner, uint16_t type, uint32_t ttl,
                       struct span rdata)
{
    struct span name = touch_name(u, owner);
    struct wish w = { .record = { .type = type, .class = DNS_CLASS_IN, .ttl = ttl },
                      .rdata = arena_copy(u->arena, rdata) };
    dns_name_copy(&w.record.owner, owner);
    u->failed = u->failed || (rdata.len && !w.rdata.at);
    if (type == DNS_TYPE_SOA && !is_apex(u, name))
        return "an SOA stands at the name of the zone alone";
    if (type == DNS_TYPE_SOA && !is_newer_soa(u, name, rdata))
        return "the SOA needs a newer serial than the zone has";
    if (is_in_the_way(u, name, type))
        return type == DNS_TYPE_CNAME
                   ? "an alias stands alone (RFC 1034 3.6.2), and the name has other records: "
                     "remove them in the same change"
                   : "the name is an alias, which stands alone (RFC 1034 3.6.2): remove its "
                     "CNAME in the same change";
    if ((type == DNS_TYPE_CNAME || type == DNS_TYPE_DNAME) && count_held(u, name, type))
        return "the name is an alias already, and has one target: set it in the place of adding";
    add_record(u, name, &w);
    return NULL;
}

static const char *keeps(const struct updating *u, struct span name, uint16_t type, size_t left)
{
    if (type == DNS_TYPE_SOA && is_apex(u, name))
        return "a zone needs its SOA: set it in the place of removing";
    if (type == DNS_TYPE_NS && is_apex(u, name) && !left)
        return "a zone needs an NS: add another one before";
    return NULL;
}

const char *update_remove(struct updating *u, const struct dns_name *owner, uint16_t type, struct span rdata)
{
    struct span name = touch_name(u, owner);
    struct held *h = u->held;
    while (h && !(h->is && is_record(h, name, type, rdata)))
        h = h->next; /* what was held */
    if (!h)
        return "the zone has no such record";
    const char *why = keeps(u, name, type, count_held(u, name, type) - 1);
    if (!why)
        h->is = false;
    return why;
}

const char *update_remove_set(struct updating *u, const struct dns_name *owner, uint16_t type)
{
    struct span name = touch_name(u, owner);
    const char *why = keeps(u, name, type, 0);
    size_t before = 0, after = 0;
    if (why)
        return why;
    for (const struct held *h = u->held; h; h = h->next) /* what was held */
        before += h->is && span_equal(h->owner, name);
    remove_set(u, name, type);
    for (const struct held *h = u->held; h; h = h->next) /* what was held */
        after += h->is && span_equal(h->owner, name);
    if (before != after)
        return NULL;
    return type == DNS_TYPE_ANY ? "the zone has no records of this name that can go"
                                : "the zone has no records of this name and type";
}

void update_clear_set(struct updating *u, const struct dns_name *owner, uint16_t type)
{
    struct span name = touch_name(u, owner);
    for (struct held *h = u->held; h; h = h->next) /* what was held */
        if (h->type == type && type != DNS_TYPE_SOA && span_equal(h->owner, name))
            h->is = false;
}

bool update_ttl(struct updating *u, const struct dns_name *owner, uint16_t type, uint32_t *ttl)
{
    struct span name = touch_name(u, owner);
    for (const struct held *h = u->held; h; h = h->next) /* what was held */
        if (h->is && h->type == type && span_equal(h->owner, name)) {
            *ttl = h->ttl;
            return true;
        }
    return false;
}

bool update_end(struct updating *u, struct change **out)
{
    *out = NULL;
    return conclude(u, out) == DNS_NOERROR;
}
