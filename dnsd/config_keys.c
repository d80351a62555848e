/* Keys (TSIG, RFC 8945), and the lists that name them beside addresses. */
#include "dnsd.h"

#include "config_tsig.h"

#define DNS_PORT       53
#define DNS_TLS_PORT   853
#define KEY_WORD       "key "
#define TLS_WORD       "tls"
#define LOCAL_WORD     "local "
#define INTERFACE_WORD "interface "

bool dnsd_configure_keys(struct config *c, const struct config_section *s, struct dnsd_settings *d)
{
    const struct config_section *const *all = config_sections(s, "key", &d->key_count);
    d->keys = arena_array(&d->arena, d->key_count, sizeof *d->keys);
    for (size_t i = 0; d->keys && i < d->key_count; i++)
        config_tsig_key(c, all[i], &d->keys[i]);
    return d->keys != NULL;
}

/* "key NAME"; NULL, after the problem was told, when there is none of that name. */
static const struct tsig_key *find_key(struct config *c, const struct config_section *s,
                                       const struct config_value *v, struct span text,
                                       const struct dnsd_settings *d)
{
    struct dns_name name;
    if (!dns_name_from_text(text, NULL, &name))
        for (size_t i = 0; i < d->key_count; i++)
            if (dns_name_equal(dns_name_span(&d->keys[i].name), dns_name_span(&name)))
                return &d->keys[i];
    config_problem(c, s, v, "a section key \"NAME\" { secret = ... } beside the zones",
                   "\"%s\" names a key that is not there", v->text);
    return NULL;
}

/* How many of the server's own addresses an entry of such a list means. */
static size_t count_locals(struct span text)
{
    return span_starts(text, LOCAL_WORD) ? 1
           : span_starts(text, INTERFACE_WORD)
               ? dnsd_interface_addresses(span_from(text, strlen(INTERFACE_WORD)), NULL, 0)
               : 0;
}

static bool read_permit(struct config *c, const struct config_section *s, const struct config_value *v,
                        const struct dnsd_settings *d, struct dnsd_permits *out, size_t local_room)
{
    struct span text = span_text(v->text);
    struct prefix *local = &out->locals[out->local_count];
    if (span_starts(text, KEY_WORD)) {
        const struct tsig_key *k = find_key(c, s, v, span_from(text, strlen(KEY_WORD)), d);
        if (k)
            out->keys.keys[out->keys.count++] = k;
    } else if (span_starts(text, INTERFACE_WORD)) {
        size_t count = dnsd_interface_addresses(span_from(text, strlen(INTERFACE_WORD)), local,
                                                local_room - out->local_count);
        if (!count)
            config_warning(c, s, v, "\"%s\" lets nobody in: there is no such interface with an address now",
                           v->text);
        out->local_count += count;
    } else if (span_starts(text, LOCAL_WORD)) {
        bool good = prefix_parse(span_from(text, strlen(LOCAL_WORD)), local);
        out->local_count += good;
        return good;
    } else {
        bool good = prefix_parse(text, &out->prefixes[out->prefix_count]);
        out->prefix_count += good;
        return good;
    }
    return true;
}

bool dnsd_configure_permits(struct config *c, const struct config_section *s, const char *key,
                            struct dnsd_settings *d, struct dnsd_permits *out)
{
    size_t count, local_room = 0;
    const struct config_value *v = config_list(s, key, &count);
    for (size_t i = 0; i < count; i++)
        local_room += count_locals(span_text(v[i].text));
    out->prefixes = arena_array(&d->arena, count, sizeof *out->prefixes);
    out->keys.keys = arena_array(&d->arena, count, sizeof *out->keys.keys);
    out->locals = arena_array(&d->arena, local_room, sizeof *out->locals);
    if (!out->prefixes || !out->keys.keys || !out->locals)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_permit(c, s, &v[i], d, out, local_room))
            config_problem(
                c, s, &v[i],
                "\"172.16.16.0/24\", \"127.0.0.1\", \"key NAME\", \"local 127.0.0.2\" or \"interface "
                "eth1\"",
                "\"%s\" is neither a range of addresses nor a key", v[i].text);
    return true;
}

/* The next word of *text, and what follows it. */
static struct span take_word(struct span *text)
{
    struct span word = span_head(*text, span_find(*text, ' '));
    *text = span_from(*text, word.len + 1);
    return word;
}

/* "tls NAME", or "tls" alone: then the certificate is for the address. */
static bool read_tls(struct config *c, const struct config_section *s, const struct config_value *v,
                     struct dnsd_settings *d, struct span *rest, struct dnsd_server *out)
{
    char address[ADDRESS_TEXT_MAX];
    struct span after = *rest;
    take_word(&after);
    struct span name = span_starts(after, KEY_WORD) ? span_of(NULL, 0) : take_word(&after);
    if (!name.len)
        name = span_text(address_format(out->at.address, address));
    if (!d->tls.ca_path)
        config_problem(c, s, v, "tls-ca = \"tls/ca.pem\" beside the zones",
                       "\"%s\": it is not known who issues the certificates", v->text);
    *rest = after;
    out->tls_name = arena_text(&d->arena, name);
    return out->tls_name != NULL;
}

static bool read_server(struct config *c, const struct config_section *s, const struct config_value *v,
                        struct dnsd_settings *d, struct dnsd_server *out)
{
    struct span rest = span_text(v->text), address = take_word(&rest);
    bool tls = span_is(span_head(rest, span_find(rest, ' ')), TLS_WORD);
    *out = (struct dnsd_server){ .at.port = tls ? DNS_TLS_PORT : DNS_PORT };
    if (!address_parse(address, &out->at.address) && !endpoint_parse(address, &out->at))
        config_problem(c, s, v, "172.16.16.139, or 127.0.0.1:5300, or either with a key: 127.0.0.1 key NAME",
                       "\"%s\" is no address", v->text);
    if (tls && !read_tls(c, s, v, d, &rest, out))
        return false;
    if (!rest.len)
        return true;
    if (!span_starts(rest, KEY_WORD))
        config_problem(c, s, v, "172.16.16.139 key NAME", "\"%s\": only a key may follow the address",
                       v->text);
    else
        out->key = find_key(c, s, v, span_from(rest, strlen(KEY_WORD)), d);
    if (out->key && out->key->algorithm == TSIG_SHA1)
        config_problem(c, s, v, "a key with hmac-sha256", "hmac-sha1 is not used for requests of our own");
    return true;
}

bool dnsd_configure_servers(struct config *c, const struct config_section *s, const char *key,
                            struct dnsd_settings *d, struct dnsd_server **out, size_t *count)
{
    const struct config_value *v = config_list(s, key, count);
    bool may_tls = strcmp(key, "primaries") == 0; /* NOTIFY goes by UDP */
    *out = arena_array(&d->arena, *count, sizeof **out);
    for (size_t i = 0; *out && i < *count; i++) {
        if (!read_server(c, s, &v[i], d, &(*out)[i]))
            return false;
        if ((*out)[i].tls_name && !may_tls)
            config_problem(c, s, &v[i], "the address without it", "\"%s\": only primaries are asked over TLS",
                           v[i].text);
    }
    return *out != NULL;
}
