#include "client.h"

#include "text.h"

#include <stdarg.h>
#include <stdio.h>

#define WORDS_MAX 100 /* of a server, in a problem: they may take four times as much when escaped */

const struct client_type *const client_types[] = {
    &client_dhcp6_acquire, &client_dhcp6_confirm, &client_dhcp6_renew,
    &client_dhcp6_rebind,  &client_dhcp6_release, &client_dhcp6_decline,
    &client_dhcp6_inform,  &client_dns_query,     &client_dns_transfer,
    &client_dns_update,    &client_http,          &client_imap,
    &client_smtp_send,     &client_tcp,           NULL,
};

const struct client_type *client_type_of(struct span word)
{
    for (size_t i = 0; client_types[i]; i++)
        if (span_is(word, client_types[i]->word))
            return client_types[i];
    return NULL;
}

const struct client_key *client_key_of(const struct client_type *t, struct span name)
{
    for (size_t i = 0; i < t->key_count; i++)
        if (span_is(name, t->keys[i].name))
            return &t->keys[i];
    return NULL;
}

const struct client_setting *client_setting(const struct client *c, const char *key, size_t n)
{
    for (size_t i = 0; i < c->setting_count; i++)
        if (strcmp(c->settings[i].key->name, key) == 0 && n-- == 0)
            return &c->settings[i];
    return NULL;
}

struct span client_word(const struct client *c, const char *key, const char *otherwise)
{
    const struct client_setting *s = client_setting(c, key, 0);
    return s && s->word_count ? s->words[0] : span_text(otherwise);
}

bool client_find_server(struct client *c, uint16_t port)
{
    struct span word = client_word(c, "server", "");
    c->server = (struct endpoint){ .port = port };
    return address_parse(word, &c->server.address) || endpoint_parse(word, &c->server);
}

bool client_is_endpoint(const struct span *words, size_t count)
{
    struct endpoint e = { 0 };
    return count == 1 && (address_parse(words[0], &e.address) || endpoint_parse(words[0], &e));
}

bool client_is_number(const struct span *words, size_t count)
{
    uint64_t v;
    return count == 1 && parse_decimal(words[0], UINT16_MAX, &v);
}

bool client_is_yes_no(const struct span *words, size_t count)
{
    return count == 1 && (span_is(words[0], "yes") || span_is(words[0], "no"));
}

bool client_says_no(const struct client *c, const char *key)
{
    return span_is(client_word(c, key, ""), "no");
}

uint64_t client_number(const struct client *c, const char *key, uint64_t otherwise)
{
    uint64_t v;
    return parse_decimal(client_word(c, key, ""), UINT64_MAX, &v) ? v : otherwise;
}

enum client_wish client_written(struct client *c, const struct writer *out, enum client_wish wish)
{
    if (writer_ok(out) || wish == CLIENT_FAILED)
        return wish;
    return client_fail(c, "write less on the step's lines",
                       "what is to be sent at once has more than %d bytes", CLIENT_OUT_BYTES);
}

enum client_wish client_fail(struct client *c, const char *remedy, const char *format, ...)
{
    va_list rest;
    va_start(rest, format);
    vsnprintf(c->problem.what, sizeof c->problem.what, format, rest);
    va_end(rest);
    problem_remedy(&c->problem, "%s", remedy);
    return CLIENT_FAILED;
}

enum client_wish client_refused(struct client *c, const char *remedy, struct span words, const char *format,
                                ...)
{
    uint8_t room[4 * WORDS_MAX + 2]; /* each byte as \xNN, and quotes */
    struct writer escaped = writer_over(room, sizeof room);
    char what[sizeof c->problem.what];
    va_list rest;
    va_start(rest, format);
    vsnprintf(what, sizeof what, format, rest);
    va_end(rest);
    write_logfmt_value(&escaped, span_head(words, WORDS_MAX));
    return client_fail(c, remedy, "%s: %.*s", what, (int)writer_length(&escaped), (const char *)room);
}
