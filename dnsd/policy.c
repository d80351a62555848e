#include "policy.h"

static bool grants_name(const struct policy *p, const struct dns_name *lower)
{
    for (size_t i = 0; i < p->name_count; i++) {
        const struct policy_name *n = &p->names[i];
        if (n->below ? lower->labels > n->name.labels && dns_name_within(lower, &n->name)
                     : dns_name_equal(dns_name_span(lower), dns_name_span(&n->name)))
            return true;
    }
    return !p->name_count;
}

static bool grants_type(const struct policy *p, uint16_t type)
{
    for (size_t i = 0; i < p->type_count; i++)
        if (p->types[i] == type)
            return true;
    return !p->type_count && type != DNS_TYPE_SOA && type != DNS_TYPE_NS;
}

static bool granted(const struct policies *p, const struct dnsd_who *who, const struct dns_record *record,
                    uint16_t type)
{
    struct dns_name lower;
    dns_name_lower(&lower, &record->owner);
    for (size_t i = 0; i < p->count; i++)
        if (dnsd_permitted(&p->all[i].by, who) && grants_name(&p->all[i], &lower) &&
            grants_type(&p->all[i], type))
            return true;
    return false;
}

/* All sets of a name that is a delegation: its NS, too. The apex keeps its own (RFC 2136 3.4.2.3). */
static bool takes_delegation(const struct zone *z, const struct dns_record *record)
{
    struct dns_name lower;
    dns_name_lower(&lower, &record->owner);
    const struct zone_node *n = z && record->type == DNS_TYPE_ANY ? zone_find_name(z, &lower) : NULL;
    return n && n->flags & ZONE_NODE_CUT;
}

static bool is_known(const struct policies *p, const struct dnsd_who *who)
{
    for (size_t i = 0; i < p->count; i++)
        if (dnsd_permitted(&p->all[i].by, who))
            return true;
    return false;
}

enum dns_rcode policy_check(const struct policies *p, const struct dnsd_who *who, const struct zone *z,
                            struct span message, const char **why)
{
    struct reader r = reader_over(message);
    struct dns_header h;
    struct dns_question zone;
    struct dns_record record;
    *why = "neither allow-update nor a policy names the client";
    if (!is_known(p, who))
        return DNS_REFUSED;
    *why = "cut short";
    if (!read_dns_header(&r, &h) || h.questions != 1 || !read_dns_question(&r, message, &zone))
        return DNS_FORMERR;
    size_t count = (size_t)h.answers + h.authorities; /* RFC 2136 2: prerequisites, then changes */
    for (size_t i = 0; i < count; i++) {              /* by the message's counts */
        if (!read_dns_record(&r, message, &record))
            return DNS_FORMERR;
        if (i < h.answers)
            continue;
        if (!granted(p, who, &record, record.type) ||
            (takes_delegation(z, &record) && !granted(p, who, &record, DNS_TYPE_NS))) {
            *why = "no policy lets the client change this name or type";
            return DNS_REFUSED;
        }
    }
    *why = NULL;
    return DNS_NOERROR;
}
