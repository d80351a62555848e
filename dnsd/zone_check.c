#include "zone_check.h"

#include "denial.h"
#include "text.h"
#include "wire/dns_rdata.h"

struct checking {
    const struct zone *zone;
    struct dns_name apex; /* in lower case */
    zone_check_fn *fn;
    void *owner;
};

/* ---- words --------------------------------------------------------------------------------------------- */

static void say(const struct checking *c, const struct zone_place *p, struct span target, const char *what)
{
    char text[ZONE_CHECK_TEXT_MAX];
    struct writer w = writer_over(text, sizeof text - 1);
    write_dns_name_text(&w, zone_node_name(p->node));
    write_text(&w, " ");
    write_dns_type_text(&w, p->type);
    write_text(&w, ": ");
    if (target.len) {
        write_text(&w, "its target ");
        write_dns_name_text(&w, target);
        write_text(&w, " ");
    }
    write_text(&w, what);
    text[writer_length(&w)] = '\0';
    c->fn(c->owner, text);
}

/* ---- targets --------------------------------------------------------------------------------------------
 */

static bool has_address(const struct zone *z, const struct zone_node *n)
{
    return n && (zone_find_set(z, n, DNS_TYPE_A) || zone_find_set(z, n, DNS_TYPE_AAAA));
}

/* Four labels of digits at its beginning. */
static bool looks_like_address(const struct dns_name *n)
{
    for (size_t i = 0; i < 4; i++) {
        struct span label = n->labels > 3 ? dns_name_label(n, i) : (struct span){ NULL, 0 };
        uint64_t number;
        if (!parse_decimal(label, 255, &number))
            return false;
    }
    return true;
}

/* The name of the zone stands in it twice, at the end. */
static bool is_continued_twice(const struct checking *c, const struct dns_name *target)
{
    size_t labels = c->apex.labels;
    uint8_t twice[2 * DNS_NAME_BYTES_MAX];
    struct writer w = writer_over(twice, sizeof twice);
    write_span(&w, span_head(dns_name_span(&c->apex), (size_t)c->apex.len - 1));
    write_span(&w, dns_name_span(&c->apex));
    return labels && target->labels >= 2 * labels &&
           span_equal(dns_name_suffix(target, 2 * labels), writer_span(&w));
}

/* A target of this zone that is not there as it should be; NULL: nothing is wrong with it. */
static const char *wrong_with(const struct checking *c, const struct zone_place *p,
                              const struct dns_name *target)
{
    const struct zone_node *n;
    switch (zone_find(c->zone, target, &n)) {
    case ZONE_CUT:
    case ZONE_BELOW_CUT: /* only the servers of a delegation need an address here: RFC 1034 4.2.1 */
        if (p->type != DNS_TYPE_NS || has_address(c->zone, zone_find_name(c->zone, target)))
            return NULL;
        return "is below a delegation and has no address here: write glue, its A or AAAA record";
    case ZONE_BELOW_DNAME:
        return "is below a DNAME, which makes an alias of it: write the name that it leads to";
    case ZONE_ABSENT:
        if (is_continued_twice(c, target))
            return "does not exist: is the dot behind the name missing?";
        return "does not exist: write its A or AAAA record, or another target";
    case ZONE_HERE:
    case ZONE_WILDCARD:
        break;
    }
    if (zone_find_set(c->zone, n, DNS_TYPE_CNAME))
        return "is an alias (CNAME), which RFC 2181 10.3 forbids: write the name that it leads to";
    return has_address(c->zone, n) ? NULL : "has no address: write its A or AAAA record";
}

static void check_target(const struct checking *c, const struct zone_place *p)
{
    struct dns_name target, lower;
    struct span name = dns_rdata_name(p->type, p->rdata);
    if (name.len <= 1 || !dns_name_from_span(name, &target)) /* ".": RFC 7505, RFC 2782 */
        return;
    dns_name_lower(&lower, &target);
    if (looks_like_address(&lower)) {
        say(c, p, name, "looks like an address, where a name is needed");
        return;
    }
    const char *wrong = dns_name_within(&lower, &c->apex) ? wrong_with(c, p, &lower) : NULL;
    if (wrong)
        say(c, p, name, wrong);
}

/* ---- names that nobody sees -----------------------------------------------------------------------------
 */

static const struct zone_node *cut_above(const struct checking *c, const struct zone_node *n)
{
    for (n = zone_node_at(c->zone, n->parent); n; n = zone_node_at(c->zone, n->parent)) /* up to the apex */
        if (n->flags & (ZONE_NODE_CUT | ZONE_NODE_DNAME))
            return n;
    return NULL;
}

/* An address below a delegation is glue, if a delegation is there and not a DNAME. */
static void check_hidden(const struct checking *c, const struct zone_place *p)
{
    const struct zone_node *cut = cut_above(c, p->node);
    bool glue = p->type == DNS_TYPE_A || p->type == DNS_TYPE_AAAA || p->type == DNS_TYPE_RRSIG;
    if (cut && !(cut->flags & ZONE_NODE_CUT))
        say(c, p, (struct span){ NULL, 0 }, "is never answered: a DNAME above it hides it");
    else if (cut && !glue)
        say(c, p, (struct span){ NULL, 0 },
            "is never answered: it is below a delegation, and its place is in the zone there");
}

/* At a delegation there is only what is about it: RFC 4035 2.6. */
static void check_cut(const struct checking *c, const struct zone_place *p)
{
    switch (p->type) {
    case DNS_TYPE_NS:
    case DNS_TYPE_DS:
    case DNS_TYPE_NSEC:
    case DNS_TYPE_RRSIG:
    case DNS_TYPE_A: /* a server that has the name of its zone */
    case DNS_TYPE_AAAA:
        return;
    default:
        say(c, p, (struct span){ NULL, 0 },
            "is never answered: its name is a delegation's, and its place is in the zone there");
    }
}

/* ---- the SOA --------------------------------------------------------------------------------------------
 */

static void check_soa(const struct checking *c, const struct zone_place *p)
{
    struct reader r = reader_over(p->rdata);
    read_plain_name(&r); /* the server */
    struct span mailbox = read_plain_name(&r);
    read_u32(&r); /* serial */
    uint32_t refresh_s = read_u32(&r), retry_s = read_u32(&r), expire_s = read_u32(&r);
    if (memchr(mailbox.at + 1, '@', mailbox.len - 1))
        say(c, p, (struct span){ NULL, 0 }, "its mailbox has an \"@\", where the first dot stands for it");
    if ((uint64_t)expire_s < (uint64_t)refresh_s + retry_s)
        say(c, p, (struct span){ NULL, 0 },
            "its expire is shorter than refresh and retry together: secondaries give the zone up before they "
            "ask twice");
    if (retry_s > refresh_s)
        say(c, p, (struct span){ NULL, 0 }, "its retry is longer than its refresh");
}

static void check_record(const struct checking *c, const struct zone_place *p)
{
    if (p->type == DNS_TYPE_SOA)
        check_soa(c, p);
    if (p->node->flags & ZONE_NODE_BELOW) {
        check_hidden(c, p);
        return;
    }
    if (p->node->flags & ZONE_NODE_CUT)
        check_cut(c, p);
    if (p->type == DNS_TYPE_NS || p->type == DNS_TYPE_MX || p->type == DNS_TYPE_SRV)
        check_target(c, p);
}

bool zone_check(const struct zone *z, zone_check_fn *fn, void *owner)
{
    struct checking c = { .zone = z, .fn = fn, .owner = owner };
    struct zone_walk *w = zone_walk_open(z);
    struct zone_place p;
    dns_name_lower(&c.apex, &z->name);
    while (w && zone_walk_next(w, &p)) /* each turn takes a record */
        check_record(&c, &p);
    const char *fault = denial_fault(z);
    if (fault)
        fn(owner, fault);
    bool walked = w;
    zone_walk_close(w);
    return walked;
}
