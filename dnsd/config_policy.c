/* Who may change what by UPDATE. */
#include "dnsd.h"

#include "wire/dns_rdata.h"

#define BELOW "*."

const struct config_key dnsd_policy_keys[] = {
    { .name = "by",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST | CONFIG_REQUIRED,
      .help = "Who may, by address or by key.",
      .example = "by = { \"key dhcp.contoso.local\" }" },
    { .name = "names",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help =
          "What names: \"www.contoso.local\" is that one, \"*.contoso.local\" all below it. Else all of the "
          "zone.",
      .example = "names = { \"*.contoso.local\" }" },
    { .name = "types",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "What types of records. Else all but SOA and NS, and all of a name at once where that is no "
              "delegation.",
      .example = "types = { \"A\", \"AAAA\" }" },
    { 0 },
};

static bool read_names(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                       const struct dnsd_zone *z, struct policy *p)
{
    const struct config_value *v = config_list(s, "names", &p->name_count);
    p->names = arena_array(&d->arena, p->name_count, sizeof *p->names);
    for (size_t i = 0; p->names && i < p->name_count; i++) {
        struct span text = span_text(v[i].text);
        struct dns_name name;
        p->names[i].below = span_starts(text, BELOW);
        const char *wrong =
            dns_name_from_text(span_from(text, p->names[i].below ? strlen(BELOW) : 0), NULL, &name);
        if (wrong)
            dns_name_root(&name);
        if (wrong || !dns_name_within(&name, z->name))
            config_problem(c, s, &v[i], wrong, "\"%s\" is no name of the zone", v[i].text);
        dns_name_lower(&p->names[i].name, &name);
    }
    return p->names != NULL;
}

static bool read_types(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                       struct policy *p)
{
    const struct config_value *v = config_list(s, "types", &p->type_count);
    p->types = arena_array(&d->arena, p->type_count, sizeof *p->types);
    for (size_t i = 0; p->types && i < p->type_count; i++)
        if (!dns_type_from_text(span_text(v[i].text), &p->types[i]) || dns_type_is_meta(p->types[i]))
            config_problem(c, s, &v[i], "A, AAAA, TXT ... or TYPE65280", "\"%s\" is no type of record",
                           v[i].text);
    return p->types != NULL;
}

bool dnsd_configure_policies(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                             struct dnsd_zone *z)
{
    struct policies *out = &z->update_policies;
    const struct config_section *const *all = config_sections(s, "update-policy", &out->count);
    out->all = arena_array(&d->arena, out->count, sizeof *out->all);
    for (size_t i = 0; out->all && i < out->count; i++)
        if (!dnsd_configure_permits(c, all[i], "by", d, &out->all[i].by) ||
            !read_names(c, all[i], d, z, &out->all[i]) || !read_types(c, all[i], d, &out->all[i]))
            return false;
    return out->all != NULL;
}
