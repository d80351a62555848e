/* A zone changed by UPDATE (RFC 2136). */
#include "client.h"

#include "text.h"
#include "wire/dns_rdata.h"
#include "wire/dns_response.h"

#define DNS_PORT  53
#define TRY_MS    2000
#define TRIES_MAX 3

struct client_update {
    struct client client;
    struct dns_name zone;
    uint16_t id;
    unsigned tries;
};

/* ---- lines ----------------------------------------------------------------------------------------------
 */

static bool is_name(const struct span *words, size_t count)
{
    struct dns_name name;
    return count == 1 && !dns_name_from_text(words[0], NULL, &name);
}

/* The data of words that follow a type. */
static bool write_data(struct writer *w, uint16_t type, const struct span *words, size_t count)
{
    struct dns_word data[CLIENT_WORDS_MAX];
    struct dns_word_problem ignored;
    struct dns_name root;
    dns_name_root(&root);
    for (size_t i = 0; i < count; i++)
        data[i] = (struct dns_word){ .text = words[i] };
    return dns_rdata_from_words(type, data, count, &root, w, &ignored);
}

/* NAME TTL TYPE DATA ... */
static bool is_addition(const struct span *words, size_t count)
{
    uint8_t room[DNS_RDATA_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    uint16_t type;
    uint32_t ttl;
    return count >= 4 && is_name(words, 1) && dns_period_from_text(words[1], &ttl) &&
           dns_type_from_text(words[2], &type) && write_data(&w, type, words + 3, count - 3);
}

/* NAME, or NAME TYPE, or NAME TYPE DATA ... */
static bool is_removal(const struct span *words, size_t count)
{
    uint8_t room[DNS_RDATA_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    uint16_t type;
    return count >= 1 && is_name(words, 1) && (count < 2 || dns_type_from_text(words[1], &type)) &&
           (count < 3 || write_data(&w, type, words + 2, count - 2));
}

/* ---- the message ----------------------------------------------------------------------------------------
 */

static void write_head(struct writer *w, struct span name, uint16_t type, uint16_t class, uint32_t ttl)
{
    struct dns_name owner;
    dns_name_from_text(name, NULL, &owner);
    write_span(w, dns_name_span(&owner));
    write_u16(w, type);
    write_u16(w, class);
    write_u32(w, ttl);
}

/* RFC 2136 2.5.1 */
static void write_addition(struct writer *w, const struct client_setting *s)
{
    uint16_t type = 0;
    uint32_t ttl = 0;
    dns_period_from_text(s->words[1], &ttl);
    dns_type_from_text(s->words[2], &type);
    write_head(w, s->words[0], type, DNS_CLASS_IN, ttl);
    struct mark length = write_length16(w);
    write_data(w, type, s->words + 3, s->word_count - 3);
    close_length16(w, length);
}

/* RFC 2136 2.5.2 to 2.5.4 */
static void write_removal(struct writer *w, const struct client_setting *s)
{
    uint16_t type = DNS_TYPE_ANY;
    if (s->word_count > 1)
        dns_type_from_text(s->words[1], &type);
    write_head(w, s->words[0], type, s->word_count > 2 ? DNS_CLASS_NONE : DNS_CLASS_ANY, 0);
    struct mark length = write_length16(w);
    if (s->word_count > 2)
        write_data(w, type, s->words + 2, s->word_count - 2);
    close_length16(w, length);
}

static bool is_change(const struct client_setting *s)
{
    return strcmp(s->key->name, "add") == 0 || strcmp(s->key->name, "delete") == 0;
}

static void write_message(struct client_update *u, struct writer *out)
{
    const struct client *c = &u->client;
    struct dns_header h = { .id = u->id, .flags = DNS_OPCODE_UPDATE << 11, .questions = 1 };
    struct dns_question zone = { .name = u->zone, .type = DNS_TYPE_SOA, .class = DNS_CLASS_IN };
    for (size_t i = 0; i < c->setting_count; i++)
        if (is_change(&c->settings[i]))
            h.authorities++;
    write_dns_header(out, &h);
    write_dns_question(out, &zone);
    for (size_t i = 0; i < c->setting_count; i++) {
        if (strcmp(c->settings[i].key->name, "add") == 0)
            write_addition(out, &c->settings[i]);
        else if (strcmp(c->settings[i].key->name, "delete") == 0)
            write_removal(out, &c->settings[i]);
    }
}

/* ---- steps -----------------------------------------------------------------------------------------------
 */

static enum client_wish ask(struct client_update *u, struct now now, struct writer *out)
{
    write_message(u, out);
    u->client.due_ms = now.mono_ms + TRY_MS;
    return CLIENT_DATAGRAM;
}

static enum client_wish begin(struct client_update *u, struct now now, struct writer *out)
{
    dns_name_from_text(client_word(&u->client, "zone", "."), NULL, &u->zone);
    u->id = (uint16_t)rng_next(&u->client.rng);
    if (!client_find_server(&u->client, DNS_PORT))
        return client_fail(&u->client, "server 172.16.16.139", "the server is no address");
    return ask(u, now, out);
}

static enum client_wish take(struct client_update *u, struct span in)
{
    struct reader r = reader_over(in);
    struct dns_header h;
    if (!read_dns_header(&r, &h) || h.id != u->id || !(h.flags & DNS_QR))
        return CLIENT_WAIT;
    if (dns_rcode(h.flags) == DNS_NOERROR)
        return CLIENT_DONE;
    const char *name = dns_rcode_name(dns_rcode(h.flags));
    return client_fail(&u->client, "the server's events say why", "the server refused the update: %s",
                       name ? name : "an error without a name");
}

static enum client_wish step(struct client *c, enum client_event event, struct span in, size_t *taken,
                             struct now now, struct writer *out)
{
    struct client_update *u = (struct client_update *)c;
    (void)taken;
    if (event == CLIENT_BEGIN)
        return begin(u, now, out);
    if (event == CLIENT_BYTES)
        return take(u, in);
    if (event == CLIENT_DUE && ++u->tries < TRIES_MAX)
        return ask(u, now, out);
    return event == CLIENT_DUE ? client_fail(c, "does a server listen there?", "no answer to the update")
                               : CLIENT_WAIT;
}

static const char *fault(const struct client *c)
{
    (void)c;
    return "no answer to the update";
}

static const struct client_key keys[] = {
    { "server", CLIENT_VALUE_WORDS, 1, 1, true, false, client_is_endpoint, "server 172.16.16.139",
      "whom to tell; port 53 where none is given" },
    { "zone", CLIENT_VALUE_WORDS, 1, 1, true, false, is_name, "zone contoso.local", "the zone that changes" },
    { "add", CLIENT_VALUE_WORDS, 4, CLIENT_WORDS_MAX, false, true, is_addition,
      "add www.contoso.local 1h A 172.16.16.80", "a record: name, TTL, type, data" },
    { "delete", CLIENT_VALUE_WORDS, 1, CLIENT_WORDS_MAX, false, true, is_removal,
      "delete www.contoso.local A", "all records of a name, those of a type, or one with its data" },
};

const struct client_type client_dns_update = { .word = "dns-update",
                                               .meaning = "changes a zone",
                                               .keys = keys,
                                               .key_count = sizeof keys / sizeof keys[0],
                                               .bytes = sizeof(struct client_update),
                                               .step = step,
                                               .fault = fault };
