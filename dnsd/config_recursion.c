/* For whom names of others are looked up, and where. */
#include "dnsd.h"

#define DNS_PORT 53

/* Who may ask for anything makes the server a weapon (RFC 5358). */
static void warn_of_everybody(struct config *c, const struct config_section *s, const struct config_value *v)
{
    struct prefix prefix;
    if (prefix_parse(span_text(v->text), &prefix) && prefix.bits == 0)
        config_warning(
            c, s, v,
            "\"%s\" is everybody: a server that looks up names for all the world is used for attacks "
            "on others; name your own networks",
            v->text);
}

static bool read_allow(struct config *c, const struct config_section *s, struct dnsd_settings *d)
{
    struct recursion_settings *r = &d->recursion;
    const struct config_value *v = config_list(s, "allow-recursion", &r->allow_count);
    for (size_t i = 0; i < r->allow_count; i++)
        warn_of_everybody(c, s, &v[i]);
    return dnsd_configure_permits(c, s, "allow-recursion", d, &r->allow);
}

/* An address, port 53 then, or an address with a port. */
static bool read_server(const char *text, struct endpoint *out)
{
    *out = (struct endpoint){ .port = DNS_PORT };
    return address_parse(span_text(text), &out->address) ||
           (endpoint_parse(span_text(text), out) && out->port != 0);
}

static bool read_forward(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                         struct resolve_forward *f)
{
    struct dns_name name;
    const struct config_value *title = config_title(s);
    const struct config_value *to = config_list(s, "to", &f->to_count);
    const char *wrong = dns_name_from_text(span_text(title->text), NULL, &name);
    if (wrong)
        dns_name_root(&name);
    dns_name_lower(&f->name, &name);
    if (wrong)
        config_problem(c, s, title, wrong, "\"%s\" is not a domain name", title->text);
    for (const struct resolve_forward *other = d->recursion.forwards; other < f && !wrong; other++)
        if (dns_name_equal(dns_name_span(&other->name), dns_name_span(&f->name)))
            config_problem(c, s, title, "one section for each name", "forward \"%s\" is there already",
                           title->text);
    if (!f->to_count || f->to_count > RESOLVE_SERVERS_MAX)
        config_problem(c, s, f->to_count ? to : NULL, "to = { \"4.2.2.1\" }, at most sixteen of them",
                       f->to_count ? "these are too many" : "the forward leads to nobody");
    f->edns = config_flag(s, "edns");
    f->to = arena_array(&d->arena, f->to_count, sizeof *f->to);
    for (size_t i = 0; f->to && i < f->to_count; i++)
        if (!read_server(to[i].text, &f->to[i]))
            config_problem(c, s, &to[i], "\"192.0.2.1\", \"192.0.2.1:5353\" or \"[2001:db8::1]:53\"",
                           "\"%s\" is not an address", to[i].text);
    return f->to != NULL;
}

static bool read_forwards(struct config *c, const struct config_section *s, struct dnsd_settings *d)
{
    struct recursion_settings *r = &d->recursion;
    const struct config_section *const *forwards = config_sections(s, "forward", &r->forward_count);
    r->forwards = arena_array(&d->arena, r->forward_count, sizeof *r->forwards);
    for (size_t i = 0; r->forwards && i < r->forward_count; i++)
        if (!read_forward(c, forwards[i], d, &r->forwards[i]))
            return false;
    if (r->forward_count && !r->allow_count)
        config_warning(
            c, forwards[0], NULL,
            "nobody may use it: write allow-recursion = { \"127.0.0.0/8\" } or what your networks are");
    return r->forwards != NULL;
}

bool dnsd_configure_recursion(struct config *c, const struct config_section *s, struct dnsd_settings *d)
{
    struct recursion_settings *r = &d->recursion;
    const char *hints = config_text(s, "root-hints");
    r->hints_path = hints ? arena_text(&d->arena, span_text(hints)) : NULL;
    r->port = (uint16_t)config_number(s, "query-port");
    r->cache_bytes = (size_t)config_number(s, "cache-size");
    r->ttl_min_s = (uint32_t)config_number(s, "cache-min-ttl");
    r->ttl_max_s = (uint32_t)config_number(s, "cache-max-ttl");
    r->negative_max_s = (uint32_t)config_number(s, "cache-max-negative-ttl");
    if (r->ttl_min_s > r->ttl_max_s)
        config_problem(c, s, config_value(s, "cache-min-ttl"), "a time up to cache-max-ttl",
                       "cache-min-ttl is above cache-max-ttl");
    return (r->hints_path || !hints) && read_allow(c, s, d) && read_forwards(c, s, d);
}
