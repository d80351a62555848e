#include "config_names.h"

#include "config_tsig.h"

bool config_names(struct config *c, const struct config_section *s, struct arena *memory,
                  struct dhcp_settings *out)
{
    size_t count = 0;
    const struct config_section *const *keys = config_sections(s, "register-key", &count);
    const struct config_value *server = config_value(s, "register-server");
    if (server)
        out->names_server = server->endpoint;
    if (count > 1)
        config_problem(c, keys[1], config_title(keys[1]), "one register-key",
                       "updates are signed with one key");
    if (!count)
        return true;
    struct tsig_key *key = arena_alloc(memory, sizeof *key);
    out->names_key = key;
    if (!key)
        return false;
    *key = (struct tsig_key){ 0 };
    config_tsig_key(c, keys[0], key);
    if (key->algorithm == TSIG_SHA1)
        config_problem(c, keys[0], config_value(keys[0], "algorithm"), "a key with hmac-sha256",
                       "hmac-sha1 is not used for requests of our own");
    return true;
}

bool config_zone(struct config *c, const struct config_section *s, const char *key, struct arena *memory,
                 bool has_server, const struct dns_name **out)
{
    const char *text = config_text(s, key);
    struct dns_name *name = text ? arena_alloc(memory, sizeof *name) : NULL;
    *out = name;
    if (name && !has_server)
        config_problem(c, s, config_value(s, key), "register-server in the section dhcpd",
                       "names cannot be registered without a server to tell them to");
    const char *wrong = name ? dns_name_from_text(span_text(text), NULL, name) : NULL;
    if (wrong)
        config_problem(c, s, config_value(s, key), "a domain name", "\"%s\" is not one: %s", text, wrong);
    return name || !text;
}
