#include "answer.h"

#include "denial.h"
#include "wire/dns_rdata.h"

enum step { DONE, FOLLOW };

/* Where the walk along a chain of aliases stands. */
struct walk {
    const struct zones *zones;
    const struct answer_question *q;
    struct answer_plan *plan;
    const struct zone *zone;
    const struct dns_name *name; /* in lower case */
    struct span owner;           /* how the name stands in the reply; at == NULL: as in the question */
    struct span target;          /* of the CNAME to follow */
    bool secure;                 /* the zone is signed, and the asker wants to see it */
};

static struct span owner_name(const struct walk *w, struct span owner)
{
    return owner.at ? owner : dns_name_span(w->q->name);
}

static bool is_planned(const struct walk *w, const struct zone_set *set, struct span owner, uint16_t covered)
{
    for (size_t i = 0; i < w->plan->count; i++) {
        const struct answer_row *row = &w->plan->rows[i];
        if (row->set == set && row->covered == covered &&
            dns_name_equal(owner_name(w, row->owner), owner_name(w, owner)))
            return true;
    }
    return false;
}

static bool put_row(struct walk *w, const struct answer_row *row)
{
    struct answer_plan *p = w->plan;
    if (is_planned(w, row->set, row->owner, row->covered))
        return false;
    if (p->count == (w->q->over_tcp ? ANSWER_ROWS_MAX : ANSWER_ROWS_UDP_MAX)) {
        p->incomplete = p->incomplete || row->required;
        return false;
    }
    p->rows[p->count++] = *row;
    return true;
}

/* The signatures of the set that was put last, if its node has any (RFC 4035 3.1.1). */
static void add_signatures(struct walk *w, const struct zone_node *n, uint32_t ttl_max)
{
    struct answer_row row = w->plan->rows[w->plan->count - 1];
    row.covered = row.set->type;
    row.set = zone_find_set(w->zone, n, DNS_TYPE_RRSIG);
    row.ttl_max = ttl_max;
    if (row.set && row.covered != DNS_TYPE_RRSIG)
        put_row(w, &row);
}

/* A set that is there already stays where it is. False: it was there, or there is no room. */
static bool add_row(struct walk *w, const struct zone_node *n, const struct zone_set *set, struct span owner,
                    enum answer_section section, bool required)
{
    struct answer_row row = {
        .zone = w->zone, .set = set, .owner = owner, .section = (uint8_t)section, .required = required
    };
    if (!put_row(w, &row))
        return false;
    if (w->secure)
        add_signatures(w, n, UINT32_MAX);
    return true;
}

static bool add_answer(struct walk *w, const struct zone_node *n, const struct zone_set *set)
{
    return add_row(w, n, set, w->owner, ANSWER_ANSWER, true);
}

static void add_proof(struct walk *w, const struct denial *d)
{
    for (size_t i = 0; i < d->count; i++)
        add_row(w, d->nodes[i], zone_find_set(w->zone, d->nodes[i], d->type), zone_node_name(d->nodes[i]),
                ANSWER_AUTHORITY, true);
}

static struct span apex_name(const struct zone *z)
{
    return zone_node_name(zone_node_at(z, z->apex));
}

static uint32_t ttl_of(const struct zone_set *set)
{
    struct reader r = zone_records(set);
    read_skip(&r, 4); /* type, class */
    return read_u32(&r);
}

/* RFC 2308 2: the SOA in the authority section says how long a "no" may be kept. */
static enum step say_no(struct walk *w, enum dns_rcode rcode)
{
    struct answer_row row = { .zone = w->zone,
                              .set = zone_set_at(w->zone, w->zone->negative_soa),
                              .owner = apex_name(w->zone),
                              .section = ANSWER_AUTHORITY,
                              .required = true };
    w->plan->rcode = rcode;
    if (put_row(w, &row) && w->secure)
        add_signatures(w, zone_node_at(w->zone, w->zone->apex), ttl_of(row.set));
    return DONE;
}

static enum step deny_name(struct walk *w)
{
    struct denial d;
    say_no(w, DNS_NXDOMAIN);
    if (w->secure) {
        denial_of_name(w->zone, w->name, &d);
        add_proof(w, &d);
    }
    return DONE;
}

/* `wildcard`: the node is one, and the name is not its own. */
static enum step deny_type(struct walk *w, const struct zone_node *n, bool wildcard)
{
    struct denial d;
    say_no(w, DNS_NOERROR);
    if (!w->secure)
        return DONE;
    if (wildcard)
        denial_of_wildcard_type(w->zone, w->name, n, &d);
    else
        denial_of_type(w->zone, w->name, &d);
    add_proof(w, &d);
    return DONE;
}

/* ---- referrals ----------------------------------------------------------------------------- */

/* The addresses of a name server, as far as the zone has them. */
static void add_glue(struct walk *w, const struct dns_name *host, bool required)
{
    static const uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
    struct dns_name lower;
    dns_name_lower(&lower, host);
    const struct zone_node *n = zone_find_name(w->zone, &lower);
    for (size_t i = 0; n && i < sizeof types / sizeof types[0]; i++) {
        const struct zone_set *set = zone_find_set(w->zone, n, types[i]);
        if (set)
            add_row(w, n, set, zone_node_name(n), ANSWER_ADDITIONAL, required);
    }
}

/* Of the delegation's name servers either those below the delegation itself, whose glue is the only way to
 * them (RFC 9471 2.1), or the others of this zone, for whom it is a kindness. */
static void add_glues(struct walk *w, const struct dns_name *cut, const struct zone_set *ns, bool below)
{
    for (const struct zone_set *piece = ns; piece; piece = zone_set_at(w->zone, piece->more)) {
        struct reader r = zone_records(piece);
        struct dns_name host;
        struct span rdata;
        while (!w->plan->incomplete && zone_next_record(&r, &rdata).len)
            if (dns_name_from_span(rdata, &host) && dns_name_within(&host, &w->zone->name) &&
                dns_name_within(&host, cut) == below)
                add_glue(w, &host, below);
    }
}

/* RFC 4035 3.1.4: what the child's keys are known by, or that there is nothing of the kind. */
static void add_delegation_signer(struct walk *w, const struct zone_node *cut, const struct dns_name *name)
{
    struct denial d;
    struct dns_name lower;
    const struct zone_set *ds = zone_find_set(w->zone, cut, DNS_TYPE_DS);
    if (ds) {
        add_row(w, cut, ds, zone_node_name(cut), ANSWER_AUTHORITY, true);
        return;
    }
    dns_name_lower(&lower, name);
    denial_of_type(w->zone, &lower, &d);
    add_proof(w, &d);
}

static enum step refer(struct walk *w, const struct zone_node *cut)
{
    const struct zone_set *ns = zone_find_set(w->zone, cut, DNS_TYPE_NS);
    struct dns_name name;
    add_row(w, cut, ns, zone_node_name(cut), ANSWER_AUTHORITY, true);
    if (dns_name_from_span(zone_node_name(cut), &name)) {
        if (w->secure)
            add_delegation_signer(w, cut, &name);
        add_glues(w, &name, ns, true);
        add_glues(w, &name, ns, false);
    }
    return DONE;
}

/* ---- data ------------------------------------------------------------------------------------ */

/* RFC 8482 4.1: one set, and rather one that says something by itself. */
static enum step answer_any(struct walk *w, const struct zone_node *n, bool wildcard)
{
    const struct zone_set *set = zone_set_at(w->zone, n->sets);
    if (!set)
        return deny_type(w, n, wildcard);
    if (w->q->over_tcp) { /* the signatures are among the sets */
        bool secure = w->secure;
        w->secure = false;
        while (set && add_answer(w, n, set))
            set = zone_set_at(w->zone, set->next);
        w->secure = secure;
        return DONE;
    }
    while (set->next && (set->type == DNS_TYPE_RRSIG || set->type == DNS_TYPE_NSEC))
        set = zone_set_at(w->zone, set->next);
    add_answer(w, n, set);
    return DONE;
}

/* Follows the alias in the set's first record. */
static enum step follow(struct walk *w, const struct zone_node *n, const struct zone_set *set)
{
    struct reader r = zone_records(set);
    zone_next_record(&r, &w->target);
    if (add_answer(w, n, set))
        return FOLLOW;
    w->plan->rcode =
        DNS_SERVFAIL; /* RFC 1034 3.6.2: a loop is signalled as an error; it ends where it meets itself */
    return DONE;
}

/* RFC 9460 4.1: where a service is, as far as the zone knows: addresses of its target or, in AliasMode, what
 * else there is of the type. A target of "." is the owner itself (2.5.2). */
static void add_service_target(struct walk *w, uint16_t type, struct span rdata,
                               const struct zone_node *owner)
{
    struct reader r = reader_over(rdata);
    bool alias = read_u16(&r) == 0;
    struct span target = read_plain_name(&r);
    struct dns_name name, lower;
    if (target.len == 1) /* the root */
        target = alias ? span_of(NULL, 0) : zone_node_name(owner);
    if (!target.len || !dns_name_from_span(target, &name) || !dns_name_within(&name, &w->zone->name))
        return;
    dns_name_lower(&lower, &name);
    const struct zone_node *n;
    if (zone_find(w->zone, &lower, &n) != ZONE_HERE)
        return;
    const struct zone_set *set = alias ? zone_find_set(w->zone, n, type) : NULL;
    if (set)
        add_row(w, n, set, zone_node_name(n), ANSWER_ADDITIONAL, false);
    add_glue(w, &lower, false);
}

static void add_service_targets(struct walk *w, const struct zone_node *owner, const struct zone_set *set)
{
    uint16_t type = set->type;
    for (; set; set = zone_set_at(w->zone, set->more)) {
        struct reader r = zone_records(set);
        struct span rdata;
        while (zone_next_record(&r, &rdata).len)
            add_service_target(w, type, rdata, owner);
    }
}

/* A name that exists, by itself or by a wildcard: its set, its alias, or that there is none of this type. */
static enum step answer_from(struct walk *w, const struct zone_node *n, bool wildcard)
{
    uint16_t type = w->q->type;
    if (type == DNS_TYPE_ANY)
        return answer_any(w, n, wildcard);
    const struct zone_set *set = zone_find_set(w->zone, n, type);
    bool alias = !set && (set = zone_find_set(w->zone, n, DNS_TYPE_CNAME));
    if (!set)
        return deny_type(w, n, wildcard);
    if (alias)
        return follow(w, n, set);
    add_answer(w, n, set);
    if (type == DNS_TYPE_HTTPS || type == DNS_TYPE_SVCB)
        add_service_targets(w, n, set);
    return DONE;
}

/* A wildcard answers; a signed zone proves that there is nothing nearer (RFC 4035 3.1.3.3). */
static enum step answer_from_wildcard(struct walk *w, const struct zone_node *n)
{
    struct denial d = { 0 };
    if (w->secure && n->sets)
        denial_beside_wildcard(w->zone, w->name, n, &d);
    enum step step = answer_from(w, n, true);
    add_proof(w, &d);
    return step;
}

/* ---- DNAME ----------------------------------------------------------------------------------- */

/* The name with the DNAME's owner replaced by its target; false: it would be too long (RFC 6672 2.2). */
static bool replace_suffix(const struct walk *w, const struct zone_node *n, struct span target,
                           struct dns_name *out)
{
    uint8_t room[2 * DNS_NAME_BYTES_MAX];
    struct writer writer = writer_over(room, sizeof room);
    struct span name = dns_name_span(w->name);
    write_span(&writer, span_head(name, name.len - n->name_len));
    write_span(&writer, target);
    return writer_length(&writer) <= DNS_NAME_BYTES_MAX && dns_name_from_span(writer_span(&writer), out);
}

/* The chain was at this name before. */
static bool has_come_round(const struct walk *w)
{
    for (size_t i = 0; i < w->plan->count; i++) {
        const struct answer_row *row = &w->plan->rows[i];
        if (row->set->type == DNS_TYPE_CNAME &&
            dns_name_equal(owner_name(w, row->owner), owner_name(w, w->owner)))
            return true;
    }
    return false;
}

/* RFC 6672 3.1: for those who do not know DNAME, and for the next step, the CNAME that it means. */
static const struct zone_set *make_cname(struct walk *w, uint32_t ttl, const struct dns_name *target)
{
    struct answer_plan *p = w->plan;
    if (p->made_count == ANSWER_MADE_MAX)
        return NULL;
    uint8_t *room = p->made[p->made_count].room;
    struct zone_set *set = &p->made[p->made_count].set;
    p->made_count++;
    *set = (struct zone_set){ .type = DNS_TYPE_CNAME, .count = 1 };
    struct writer writer = writer_over(room + offsetof(struct zone_set, records),
                                       ANSWER_MADE_BYTES - offsetof(struct zone_set, records));
    write_u16(&writer, DNS_TYPE_CNAME);
    write_u16(&writer, DNS_CLASS_IN);
    write_u32(&writer, ttl);
    write_u16(&writer, target->len);
    write_span(&writer, dns_name_span(target));
    set->bytes = (uint16_t)writer_length(&writer);
    return set;
}

/* A name below a DNAME. RFC 6672 3.2, step 3C. */
static enum step redirect(struct walk *w, const struct zone_node *n)
{
    const struct zone_set *dname = zone_find_set(w->zone, n, DNS_TYPE_DNAME);
    struct dns_name target;
    struct span rdata;
    struct reader r = zone_records(dname);
    zone_next_record(&r, &rdata);
    add_row(w, n, dname, zone_node_name(n), ANSWER_ANSWER, true);
    if (!replace_suffix(w, n, rdata, &target)) {
        w->plan->rcode = DNS_YXDOMAIN;
        return DONE;
    }
    const struct zone_set *cname = has_come_round(w) ? NULL : make_cname(w, ttl_of(dname), &target);
    struct answer_row row = {
        .zone = w->zone, .set = cname, .owner = w->owner, .section = ANSWER_ANSWER, .required = true
    };
    if (!cname || !put_row(w, &row)) {
        w->plan->rcode = DNS_SERVFAIL; /* a loop, which may never come round, for its names get longer */
        return DONE;
    }
    r = zone_records(cname);
    zone_next_record(&r, &w->target);
    return w->q->type == DNS_TYPE_CNAME || w->q->type == DNS_TYPE_ANY ? DONE : FOLLOW;
}

/* DS is the one type that lives above the cut. Where that is in a zone of others, between two of ours, the
 * one below says that it has none: RFC 4035 3.1.4.1. */
static const struct zones_row *zone_for(const struct walk *w)
{
    const struct zones_row *own = zones_find(w->zones, w->name);
    const struct zones_row *above = w->q->type == DNS_TYPE_DS ? zones_find_above(w->zones, w->name) : NULL;
    const struct zone_node *n;
    if (!above || above == own)
        return own;
    return above->zone && zone_find(above->zone, w->name, &n) == ZONE_BELOW_CUT ? own : above;
}

/* One name of the chain. RFC 1034 4.3.2, steps 2 to 4. */
static enum step answer_name(struct walk *w, bool first)
{
    const struct zones_row *row = zone_for(w);
    const struct zone_node *n;
    if (first && row)
        w->plan->zone_id = row->id;
    if (!row || !row->zone) {
        if (first)
            w->plan->rcode = row ? DNS_SERVFAIL : DNS_REFUSED;
        else if (!row)
            w->plan->away = w->owner;
        return DONE; /* an alias to a name elsewhere: the asker goes on */
    }
    w->zone = row->zone;
    w->secure = w->q->dnssec && w->zone->is_signed;
    bool tagged = first && w->q->tagged_for == w->zone;
    uint32_t tag = tagged ? w->q->tag : zone_tag(w->zone, w->name);
    enum zone_found found = zone_find_tagged(w->zone, w->name, tag, &n);
    if (found == ZONE_BELOW_CUT || (found == ZONE_CUT && w->q->type != DNS_TYPE_DS))
        return refer(w, n);
    if (first)
        w->plan->authoritative = true;
    if (found == ZONE_ABSENT)
        return deny_name(w);
    if (found == ZONE_BELOW_DNAME)
        return redirect(w, n);
    return found == ZONE_WILDCARD ? answer_from_wildcard(w, n) : answer_from(w, n, false);
}

void answer_question(const struct zones *zones, const struct answer_question *q, struct answer_plan *plan)
{
    struct walk w = { .zones = zones, .q = q, .plan = plan, .name = q->name };
    struct dns_name target, lower;
    plan->rcode = DNS_NOERROR;
    plan->authoritative = false;
    plan->incomplete = false;
    plan->away = (struct span){ NULL, 0 };
    plan->count = 0;
    plan->made_count = 0;
    if (q->class != DNS_CLASS_IN) {
        plan->rcode = DNS_REFUSED;
        return;
    }
    for (int hops = 0; answer_name(&w, hops == 0) == FOLLOW && hops < ANSWER_CHAIN_MAX; hops++) {
        if (!dns_name_from_span(w.target, &target))
            return;
        dns_name_lower(&lower, &target);
        w.name = &lower;
        w.owner = w.target;
    }
}
