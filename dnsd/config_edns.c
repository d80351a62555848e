/* What the server says of itself, its cookies, its connections. */
#include "dnsd.h"

#include "text.h"

#define SECRET_TEXT  "openssl rand -hex 16"
#define KEEPALIVE_MS 100 /* RFC 7828 3.1: its unit */

static bool read_text(struct config *c, const struct config_section *s, const char *key,
                      struct dnsd_settings *d, struct span *out)
{
    const char *text = config_text(s, key);
    *out = span_of(NULL, 0);
    if (!text)
        return true;
    if (strlen(text) > EDNS_NSID_BYTES_MAX)
        config_problem(c, s, config_value(s, key), "a short text", "\"%s\" is longer than 128 octets", text);
    const char *copy = arena_text(&d->arena, span_text(text));
    if (copy)
        *out = span_text(copy);
    return copy != NULL;
}

static void read_secrets(struct config *c, const struct config_section *s, struct cookie_secrets *out)
{
    size_t count;
    const struct config_value *v = config_list(s, "cookie-secret", &count);
    if (count > COOKIE_SECRETS_MAX)
        config_problem(c, s, &v[COOKIE_SECRETS_MAX], "at most four secrets", "these are too many");
    for (size_t i = 0; i < count && i < COOKIE_SECRETS_MAX; i++) {
        struct writer w = writer_over(out->secrets[i], COOKIE_SECRET_BYTES);
        if (!write_unhex(&w, span_text(v[i].text)) || !writer_ok(&w) || writer_room(&w))
            config_problem(c, s, &v[i], SECRET_TEXT, "a secret has 32 hexadecimal digits");
        out->count++;
    }
}

bool dnsd_configure_edns(struct config *c, const struct config_section *s, struct dnsd_settings *d)
{
    uint64_t idle_ms = (uint64_t)config_number(s, "tcp-idle-timeout");
    d->tcp_clients_max = (size_t)config_number(s, "max-tcp-clients");
    d->tcp_idle_ms = idle_ms;
    d->edns.keepalive = (uint16_t)(idle_ms / KEEPALIVE_MS);
    d->cookies = config_flag(s, "cookies");
    d->edns.require_cookies = config_flag(s, "require-cookies");
    int64_t above = config_number(s, "require-cookies-above"), threads = config_number(s, "workers");
    d->edns.cookies_above = (uint32_t)((above + threads - 1) / threads);
    read_secrets(c, s, &d->edns.cookies);
    if (!d->cookies && (d->edns.require_cookies || above))
        config_problem(c, s, config_value(s, "require-cookies"), "cookies = true",
                       "cookies are required and switched off");
    return read_text(c, s, "nsid", d, &d->edns.nsid) && read_text(c, s, "version", d, &d->edns.version);
}
