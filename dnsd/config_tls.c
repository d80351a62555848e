/* Where DNS is spoken over TLS, as whom, and who is believed. */
#include "dnsd.h"

static bool copy_text(const struct config_section *s, const char *key, struct dnsd_settings *d,
                      const char **out)
{
    const char *text = config_text(s, key);
    *out = text ? arena_text(&d->arena, span_text(text)) : NULL;
    return *out || !text;
}

bool dnsd_configure_tls(struct config *c, const struct config_section *s, struct dnsd_settings *d)
{
    struct dnsd_tls *t = &d->tls;
    const struct config_value *v = config_list(s, "listen-tls", &t->listen_count);
    t->listen = arena_array(&d->arena, t->listen_count, sizeof *t->listen);
    for (size_t i = 0; t->listen && i < t->listen_count; i++)
        t->listen[i] = v[i].endpoint;
    if (config_text(s, "certificate-key") && !config_text(s, "certificate"))
        config_problem(c, s, config_value(s, "certificate-key"), "certificate = \"tls/ns1.pem\"",
                       "there is a key, and no certificate for it");
    return t->listen && copy_text(s, "tls-name", d, &t->name) &&
           copy_text(s, "certificate", d, &t->certificate_path) &&
           copy_text(s, "certificate-key", d, &t->key_path) && copy_text(s, "tls-ca", d, &t->ca_path);
}
