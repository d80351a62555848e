/* Views: which zones are for whom. */
#include "dnsd.h"

const struct config_key dnsd_view_keys[] = {
    { .name = "clients",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Whom the view is for, by address or by the key that signs what they ask; everybody, unless it "
              "is said here.",
      .example = "clients = { \"192.168.0.0/16\", \"key inside.contoso.local\" }" },
    { .name = "addresses",
      .type = CONFIG_PREFIX,
      .flags = CONFIG_LIST,
      .help = "At which addresses of this server the view is served, of those in `listen`; at all of them, "
              "unless it is said here.",
      .example = "addresses = { \"127.0.0.53\" }" },
    { .name = "recursion",
      .type = CONFIG_FLAG,
      .otherwise = "true",
      .help = "Whether `allow-recursion` counts in this view; without it the view is an authority and "
              "nothing else.",
      .example = "recursion = false" },
    { .name = "zone",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_DOMAIN,
      .keys = dnsd_zone_keys,
      .help = "A zone of this view; the same name may have other zones in other views.",
      .example = "zone \"contoso.local\" { file = \"zones/inside.zone\" }" },
    { 0 },
};

static bool read_addresses(const struct config_section *s, struct dnsd_settings *d, struct dnsd_view *v)
{
    const struct config_value *value = config_list(s, "addresses", &v->address_count);
    v->addresses = arena_array(&d->arena, v->address_count, sizeof *v->addresses);
    for (size_t i = 0; v->addresses && i < v->address_count; i++)
        v->addresses[i] = value[i].prefix;
    return v->addresses != NULL;
}

/* Names become parts of file names, and of the journal's keys. */
static void check_name(struct config *c, const struct config_section *s, const struct dnsd_view *v)
{
    const struct config_value *title = config_title(s);
    size_t length = strlen(v->name);
    if (!length || length > VIEW_NAME_BYTES_MAX ||
        strspn(v->name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != length)
        config_problem(c, s, title, "view \"inside\" { ... }",
                       "the name of a view has small letters, digits, - and _, at most %d of them",
                       VIEW_NAME_BYTES_MAX);
}

static bool read_view(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                      struct dnsd_view *v)
{
    size_t clients;
    v->name = arena_text(&d->arena, span_text(config_title(s)->text));
    if (!v->name)
        return false;
    check_name(c, s, v);
    config_list(s, "clients", &clients);
    v->any_client = !clients;
    v->recursion = config_flag(s, "recursion");
    if (!dnsd_configure_permits(c, s, "clients", d, &v->clients) || !read_addresses(s, d, v))
        return false;
    if (v->any_client && !v->address_count)
        config_problem(c, s, NULL, "clients = { \"192.168.0.0/16\" }, or addresses = { \"127.0.0.53\" }",
                       "the view is for everybody: nothing that follows would be asked");
    return dnsd_configure_zones(c, s, d, v);
}

bool dnsd_configure_views(struct config *c, const struct config_section *s, struct dnsd_settings *d)
{
    size_t count;
    const struct config_section *const *views = config_sections(s, "view", &count);
    d->view_count = count + 1;
    d->views = arena_array(&d->arena, d->view_count, sizeof *d->views);
    for (size_t i = 0; d->views && i < count; i++)
        if (!read_view(c, views[i], d, &d->views[i]))
            return false;
    if (!d->views)
        return false;
    d->views[count] = (struct dnsd_view){ .name = "", .any_client = true, .recursion = true };
    return dnsd_configure_zones(c, s, d, &d->views[count]);
}
