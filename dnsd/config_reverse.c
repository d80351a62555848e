/* Zones that are made of others' addresses. */
#include "dnsd.h"

static bool is_reverse_name(const struct dns_name *n)
{
    static const char *const tops[] = { "in-addr", "ip6" };
    for (size_t i = 0; n->labels >= 2 && i < sizeof tops / sizeof *tops; i++)
        if (span_is_nocase(dns_name_label(n, n->labels - 1U), "arpa") &&
            span_is_nocase(dns_name_label(n, n->labels - 2U), tops[i]))
            return true;
    return false;
}

static struct dnsd_zone *find(struct dnsd_view *v, const char *text)
{
    struct dns_name name;
    if (dns_name_from_text(span_text(text), NULL, &name))
        return NULL;
    for (size_t i = 0; i < v->zone_count; i++) /* zones that are made so are few */
        if (dns_name_equal(dns_name_span(v->zones[i].name), dns_name_span(&name)))
            return &v->zones[i];
    return NULL;
}

static void check(struct config *c, const struct config_section *s, const struct dnsd_zone *z)
{
    const struct config_value *v = config_value(s, "reverse-of");
    bool changed = z->dnssec || dnsd_permits_some(&z->update) || z->update_policies.count ||
                   z->zonemd == DNSD_ZONEMD_MAKE;
    if (!is_reverse_name(z->name))
        config_problem(c, s, config_title(s), "zone \"1.168.192.in-addr.arpa\" { reverse-of = ... }",
                       "a zone that is made of addresses lies in in-addr.arpa or ip6.arpa");
    if (changed)
        config_problem(
            c, s, v, "change the zones that it is made of",
            "a zone that is made of others' addresses takes no UPDATE, and neither signs nor digests "
            "itself");
}

static bool join(struct dnsd_settings *d, struct dnsd_zone *reverse, struct dnsd_zone *forward)
{
    struct dnsd_reverse *r = arena_alloc(&d->arena, sizeof *r);
    if (!r)
        return false;
    *r = (struct dnsd_reverse){ .zone = reverse, .next = forward->reversed_in };
    forward->reversed_in = r;
    return true;
}

static bool read_zones(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                       struct dnsd_view *view, struct dnsd_zone *z)
{
    size_t count;
    const struct config_value *v = config_list(s, "reverse-of", &count);
    z->reverse_of = arena_array(&d->arena, count, sizeof(struct dnsd_zone *));
    for (size_t i = 0; z->reverse_of && i < count; i++) {
        struct dnsd_zone *forward = find(view, v[i].text);
        if (!forward || forward->is_reverse)
            config_problem(c, s, &v[i], "the name of another zone of this server, in the same view",
                           "\"%s\" is no zone whose addresses could be looked at", v[i].text);
        else if (!join(d, z, forward))
            return false;
        else
            z->reverse_of[z->reverse_of_count++] = forward;
    }
    return z->reverse_of != NULL;
}

bool dnsd_configure_reverse(struct config *c, const struct config_section *const *sections,
                            struct dnsd_settings *d, struct dnsd_view *v)
{
    for (size_t i = 0; i < v->zone_count; i++) {
        if (!v->zones[i].is_reverse)
            continue;
        check(c, sections[i], &v->zones[i]);
        if (!read_zones(c, sections[i], d, v, &v->zones[i]))
            return false;
    }
    return true;
}
