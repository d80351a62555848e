#include "answer.h"

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
};

static struct span owner_name(const struct walk *w, struct span owner)
{
    return owner.at ? owner : dns_name_span(w->q->name);
}

static bool is_planned(const struct walk *w, const struct zone_set *set, struct span owner)
{
    for (size_t i = 0; i < w->plan->count; i++) {
        const struct answer_row *row = &w->plan->rows[i];
        if (row->set == set && dns_name_equal(owner_name(w, row->owner), owner_name(w, owner)))
            return true;
    }
    return false;
}

/* A set that is there already stays where it is. False: it was there, or there is no room. */
static bool add_row(struct walk *w, const struct zone_set *set, struct span owner,
                    enum answer_section section, bool required)
{
    struct answer_plan *p = w->plan;
    if (p->count == ANSWER_ROWS_MAX || is_planned(w, set, owner))
        return false;
    p->rows[p->count++] = (struct answer_row){ w->zone, set, owner, (uint8_t)section, required };
    return true;
}

static bool add_answer(struct walk *w, const struct zone_set *set)
{
    return add_row(w, set, w->owner, ANSWER_ANSWER, true);
}

static struct span apex_name(const struct zone *z)
{
    return zone_node_name(zone_node_at(z, z->apex));
}

/* RFC 2308 2: the SOA in the authority section says how long a "no" may be kept. */
static enum step say_no(struct walk *w, enum dns_rcode rcode)
{
    w->plan->rcode = rcode;
    add_row(w, zone_set_at(w->zone, w->zone->negative_soa), apex_name(w->zone), ANSWER_AUTHORITY, true);
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
            add_row(w, set, zone_node_name(n), ANSWER_ADDITIONAL, required);
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
        while (zone_next_record(&r, &rdata).len)
            if (dns_name_from_span(rdata, &host) && dns_name_within(&host, &w->zone->name) &&
                dns_name_within(&host, cut) == below)
                add_glue(w, &host, below);
    }
}

static enum step refer(struct walk *w, const struct zone_node *cut)
{
    const struct zone_set *ns = zone_find_set(w->zone, cut, DNS_TYPE_NS);
    struct dns_name name;
    add_row(w, ns, zone_node_name(cut), ANSWER_AUTHORITY, true);
    if (dns_name_from_span(zone_node_name(cut), &name)) {
        add_glues(w, &name, ns, true);
        add_glues(w, &name, ns, false);
    }
    return DONE;
}

/* ---- data ------------------------------------------------------------------------------------ */

static enum step answer_any(struct walk *w, const struct zone_node *n)
{
    const struct zone_set *set = zone_set_at(w->zone, n->sets);
    if (!set)
        return say_no(w, DNS_NOERROR);
    while (set && add_answer(w, set) && w->q->all_of_any)
        set = zone_set_at(w->zone, set->next);
    return DONE;
}

/* A name that exists, by itself or by a wildcard: its set, its alias, or that there is none of this type. */
static enum step answer_from(struct walk *w, const struct zone_node *n)
{
    uint16_t type = w->q->type;
    if (type == DNS_TYPE_ANY)
        return answer_any(w, n);
    const struct zone_set *set = zone_find_set(w->zone, n, type);
    if (set) {
        add_answer(w, set);
        return DONE;
    }
    set = zone_find_set(w->zone, n, DNS_TYPE_CNAME);
    if (!set)
        return say_no(w, DNS_NOERROR);
    struct reader r = zone_records(set);
    zone_next_record(&r, &w->target);
    if (add_answer(w, set))
        return FOLLOW;
    w->plan->rcode =
        DNS_SERVFAIL; /* RFC 1034 3.6.2: a loop is signalled as an error; it ends where it meets itself */
    return DONE;
}

static const struct zones_row *zone_for(const struct walk *w)
{
    /* DS is the one type that lives above the cut (RFC 4035 3.1.4.1) */
    const struct zones_row *above = w->q->type == DNS_TYPE_DS ? zones_find_above(w->zones, w->name) : NULL;
    return above ? above : zones_find(w->zones, w->name);
}

/* One name of the chain. RFC 1034 4.3.2, steps 2 to 4. */
static enum step answer_name(struct walk *w, bool first)
{
    const struct zones_row *row = zone_for(w);
    const struct zone_node *n;
    if (!row || !row->zone) {
        if (first)
            w->plan->rcode = row ? DNS_SERVFAIL : DNS_REFUSED;
        else if (!row)
            w->plan->away = w->owner;
        return DONE; /* an alias to a name elsewhere: the asker goes on */
    }
    w->zone = row->zone;
    enum zone_found found = zone_find(w->zone, w->name, &n);
    if (found == ZONE_BELOW_CUT || (found == ZONE_CUT && w->q->type != DNS_TYPE_DS))
        return refer(w, n);
    if (first)
        w->plan->authoritative = true;
    if (found == ZONE_ABSENT)
        return say_no(w, DNS_NXDOMAIN);
    return answer_from(w, n);
}

void answer_question(const struct zones *zones, const struct answer_question *q, struct answer_plan *plan)
{
    struct walk w = { .zones = zones, .q = q, .plan = plan, .name = q->name };
    struct dns_name target, lower;
    plan->rcode = DNS_NOERROR;
    plan->authoritative = false;
    plan->away = (struct span){ NULL, 0 };
    plan->count = 0;
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
