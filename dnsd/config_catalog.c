/* Catalog zones: what their members get, and which zones are listed in one that is made here. */
#include "dnsd.h"

#define OTHERS          "*"
#define GROUP_BYTES_MAX 255 /* RFC 9432 4.3.2 */

const struct config_key dnsd_members_keys[] = {
    { .name = "primaries",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST | CONFIG_REQUIRED,
      .help = "Where the members are fetched from, as with `primaries` of a zone.",
      .example = "primaries = { \"172.16.16.139\" }",
      .reference = "RFC 9432 5" },
    { .name = "allow-transfer",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Who may have the whole of a member (AXFR); nobody unless it is said here.",
      .example = "allow-transfer = { \"172.16.16.164\" }",
      .reference = "RFC 5936" },
    { .name = "transfer-tls-only",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether allow-transfer counts over TLS alone.",
      .example = "transfer-tls-only = true",
      .reference = "RFC 9103 9" },
    { .name = "notify",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Who is told when a member has changed.",
      .example = "notify = { \"172.16.16.140\" }",
      .reference = "RFC 1996" },
    { .name = "allow-notify",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Who else but the primaries may say that a member has changed.",
      .example = "allow-notify = { \"172.16.16.150\" }",
      .reference = "RFC 1996" },
    { .name = "max-transfer-size",
      .type = CONFIG_SIZE,
      .otherwise = "1GiB",
      .least = 65536,
      .most = (int64_t)1 << 34,
      .help = "How much is taken from a primary for one transfer.",
      .example = "max-transfer-size = \"64MiB\"" },
    { .name = "max-transfer-time",
      .type = CONFIG_DURATION,
      .otherwise = "2h",
      .least = 1,
      .most = 604800,
      .help = "How long one transfer may take.",
      .example = "max-transfer-time = \"10m\"" },
    { 0 },
};

static bool read_members(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                         struct dnsd_members *m)
{
    struct dnsd_zone *z = &m->settings;
    const char *title = config_title(s)->text;
    m->group = arena_text(&d->arena, span_text(strcmp(title, OTHERS) == 0 ? "" : title));
    z->file = "";
    z->max_transfer_bytes = (size_t)config_number(s, "max-transfer-size");
    z->max_transfer_s = (uint32_t)config_number(s, "max-transfer-time");
    z->transfer_tls_only = config_flag(s, "transfer-tls-only");
    return m->group && dnsd_configure_servers(c, s, "primaries", d, &z->primaries, &z->primary_count) &&
           dnsd_configure_permits(c, s, "allow-transfer", d, &z->transfer) &&
           dnsd_configure_permits(c, s, "allow-notify", d, &z->notify_by) &&
           dnsd_configure_servers(c, s, "notify", d, &z->notify, &z->notify_count);
}

bool dnsd_configure_catalog(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                            struct dnsd_zone *z)
{
    const struct config_section *const *all = config_sections(s, "members", &z->members_count);
    const struct config_value *group = config_value(s, "catalog-group");
    z->lists_members = config_flag(s, "lists-members");
    z->catalog_group = group ? arena_text(&d->arena, span_text(group->text)) : "";
    z->members = arena_array(&d->arena, z->members_count, sizeof *z->members);
    if (!z->catalog_group || !z->members)
        return false;
    for (size_t i = 0; i < z->members_count; i++)
        if (!read_members(c, all[i], d, &z->members[i]))
            return false;
    if (group && (group->text[strcspn(group->text, " \t")] || strlen(group->text) > GROUP_BYTES_MAX))
        config_problem(c, s, group, "catalog-group = \"signed\"",
                       "a group has no blanks, and %d octets at most", GROUP_BYTES_MAX);
    if (z->lists_members && z->members_count)
        config_problem(c, s, config_value(s, "lists-members"), "one of the two",
                       "a catalog is made here, or its members are fetched, not both");
    return true;
}

/* The catalogs that are made here: few, and there may be a hundred thousand zones that look for theirs. */
static struct dnsd_zone **catalogs_of(struct dnsd_settings *d, const struct dnsd_view *v, size_t *count)
{
    size_t room = 0;
    *count = 0;
    for (size_t i = 0; i < v->zone_count; i++)
        room += v->zones[i].lists_members;
    struct dnsd_zone **all = arena_array(&d->arena, room, sizeof(struct dnsd_zone *));
    for (size_t i = 0; all && i < v->zone_count; i++)
        if (v->zones[i].lists_members)
            all[(*count)++] = &v->zones[i];
    return all;
}

bool dnsd_configure_listed(struct config *c, const struct config_section *const *zones,
                           struct dnsd_settings *d, struct dnsd_view *v)
{
    size_t count;
    struct dnsd_zone **catalogs = catalogs_of(d, v, &count);
    for (size_t i = 0; catalogs && i < v->zone_count; i++) {
        const struct config_value *in = config_value(zones[i], "catalog");
        struct dns_name name;
        if (!in || dns_name_from_text(span_text(in->text), NULL, &name))
            continue;
        for (size_t k = 0; k < count; k++)
            if (dns_name_equal(dns_name_span(&name), dns_name_span(catalogs[k]->lower)))
                v->zones[i].catalog = catalogs[k];
        if (!v->zones[i].catalog || v->zones[i].lists_members)
            config_problem(c, zones[i], in, "zone \"catalog.example\" { lists-members = true }",
                           "\"%s\" is no catalog that is made here, of other zones", in->text);
    }
    return catalogs != NULL;
}
