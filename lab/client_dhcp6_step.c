/* DHCPv6 exchanges as steps of a scenario; what one leaves to the next is the host's binding. */
#include "client_dhcp6.h"

#include "client.h"
#include "text.h"

#define DUID_LL   3                /* RFC 9915 11.4 */
#define CODES_MAX CLIENT_WORDS_MAX /* of an option request */

struct client_dhcp6_step {
    struct client client;
    struct client_dhcp6_settings settings;
    struct client_dhcp6 exchange;
    uint16_t codes[CODES_MAX];
    uint8_t duid[DHCP6_DUID_MAX];
    struct dhcp6_relays relays; /* one, where the host is a relay and the client is behind it */
};

_Static_assert(sizeof(struct client_dhcp6_binding) <= CLIENT_MEMORY_BYTES, "a host's memory is too small");

/* ---- what the lines say ---------------------------------------------------------------------------- */

static bool is_duid(const struct span *words, size_t count)
{
    uint8_t room[DHCP6_DUID_MAX];
    struct writer w = writer_over(room, sizeof room);
    return count == 1 && write_unhex(&w, words[0]) && writer_length(&w) > 2;
}

static bool is_iaid(const struct span *words, size_t count)
{
    uint8_t room[4];
    struct writer w = writer_over(room, sizeof room);
    return count == 1 && write_unhex(&w, words[0]) && writer_length(&w) == sizeof room;
}

static bool are_codes(const struct span *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!client_is_number(&words[i], 1))
            return false;
    return count > 0;
}

static bool are_seconds(const struct span *words, size_t count)
{
    uint64_t v;
    for (size_t i = 0; i < count; i++)
        if (!parse_decimal(words[i], UINT32_MAX, &v))
            return false;
    return count == 2;
}

static bool is_address6(const struct span *words, size_t count)
{
    struct address a;
    return count == 1 && address_parse(words[0], &a) && a.family == FAMILY_IP6;
}

/* RFC 9915 11.4: a DUID-LL, until another one is given. */
static void take_duid(struct client_dhcp6_step *c)
{
    struct writer w = writer_over(c->duid, sizeof c->duid);
    struct span word = client_word(&c->client, "duid", "");
    if (word.len) {
        write_unhex(&w, word);
    } else {
        write_u16(&w, DUID_LL);
        write_u16(&w, 1); /* Ethernet */
        write_bytes(&w, c->client.hardware, sizeof c->client.hardware);
    }
    c->settings.duid = writer_span(&w);
}

static void take_iaid(struct client_dhcp6_step *c)
{
    uint8_t room[4];
    struct writer w = writer_over(room, sizeof room);
    struct span word = client_word(&c->client, "iaid", "");
    if (word.len)
        write_unhex(&w, word);
    else
        write_bytes(&w, c->client.hardware + 2, sizeof room);
    struct reader r = reader_over(span_of(room, sizeof room));
    c->settings.iaid = read_u32(&r);
}

static void take_option_request(struct client_dhcp6_step *c)
{
    const struct client_setting *s = client_setting(&c->client, "option-request", 0);
    uint64_t v = 0;
    for (size_t i = 0; s && i < s->word_count; i++) {
        parse_decimal(s->words[i], UINT16_MAX, &v);
        c->codes[i] = (uint16_t)v;
    }
    c->settings.option_request = c->codes;
    c->settings.option_request_count = s ? s->word_count : 0;
}

static void take_seconds(struct client_dhcp6_step *c, const char *key, uint32_t *first, uint32_t *second)
{
    const struct client_setting *s = client_setting(&c->client, key, 0);
    uint64_t a = 0, b = 0;
    if (!s)
        return;
    parse_decimal(s->words[0], UINT32_MAX, &a);
    parse_decimal(s->words[1], UINT32_MAX, &b);
    *first = (uint32_t)a;
    *second = (uint32_t)b;
}

static void take_settings(struct client_dhcp6_step *c)
{
    struct client_dhcp6_settings *s = &c->settings;
    struct address wish;
    take_duid(c);
    take_iaid(c);
    take_option_request(c);
    take_seconds(c, "times", &s->t1_s, &s->t2_s);
    take_seconds(c, "lifetimes", &s->preferred_s, &s->valid_s);
    if (address_parse(client_word(&c->client, "address", ""), &wish))
        s->wish = address_to_ip6(wish);
    s->rapid_commit = client_setting(&c->client, "rapid-commit", 0) != NULL;
    s->elapsed_time = true;
    s->hasty = true;
    memcpy(&s->held, c->client.memory, sizeof s->held);
}

/* The relay of `relay-to` and `relay-link`. */
static bool take_relay(struct client_dhcp6_step *c)
{
    struct address server, link;
    bool to = address_parse(client_word(&c->client, "relay-to", ""), &server);
    bool on = address_parse(client_word(&c->client, "relay-link", ""), &link);
    const uint8_t *mac = c->client.hardware;
    struct span name = client_word(&c->client, "relay-interface", "");
    if (to != on || (name.len && !to)) {
        client_fail(&c->client, "write both: relay-to 2001:db8:ff::1 and relay-link 2001:db8:1:2::1",
                    "a relay needs a server, and a link that its client is on");
        return false;
    }
    if (!to)
        return true;
    struct dhcp6_relay *r = &c->relays.relay[c->relays.count++];
    r->link = address_to_ip6(link);
    /* RFC 4291 A: the client's link-local address */
    struct address peer = { .bytes = { 0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3],
                                       mac[4], mac[5] },
                            .family = FAMILY_IP6 };
    r->peer = address_to_ip6(peer);
    r->interface_id = name.len ? name : (struct span){ NULL, 0 };
    c->client.server.address = server;
    c->client.local_port = DHCP6_SERVER_PORT;
    return true;
}

/* ---- the exchange -------------------------------------------------------------------------------------- */

/* What is different from exchange to exchange. */
struct kind {
    const struct client_type *type;
    enum dhcp6_type begins_with;
    bool needs_binding, binds, gives_up;
};

static const struct kind *kind_of(const struct client *c)
{
    static const struct kind kinds[] = {
        { &client_dhcp6_acquire, DHCP6_SOLICIT, .binds = true },
        { &client_dhcp6_confirm, DHCP6_CONFIRM, .needs_binding = true },
        { &client_dhcp6_renew, DHCP6_RENEW, .needs_binding = true, .binds = true },
        { &client_dhcp6_rebind, DHCP6_REBIND, .needs_binding = true, .binds = true },
        { &client_dhcp6_release, DHCP6_RELEASE, .needs_binding = true, .gives_up = true },
        { &client_dhcp6_decline, DHCP6_DECLINE, .needs_binding = true, .gives_up = true },
        { &client_dhcp6_inform, DHCP6_INFORMATION_REQUEST, .binds = false },
    };
    const struct kind *k = kinds;
    while (k->type != c->type) /* its type is one of them */
        k++;
    return k;
}

static void to_everyone(struct client *c)
{
    static const uint8_t all_servers[16] = { 0xff, 0x02, [13] = 1, [15] = 2 };
    c->server = (struct endpoint){ .address.family = FAMILY_IP6, .port = DHCP6_SERVER_PORT };
    memcpy(c->server.address.bytes, all_servers, sizeof all_servers);
    c->local_port = DHCP6_CLIENT_PORT;
}

/* What the exchange was for: the binding, and the address for the interface. */
static enum client_wish conclude(struct client_dhcp6_step *c)
{
    const struct kind *k = kind_of(&c->client);
    struct client_dhcp6_binding none = { 0 };
    const struct client_dhcp6_binding *now = k->binds ? &c->exchange.bound : k->gives_up ? &none : NULL;
    struct address before = address_ip6(c->settings.held.address);
    if (!now)
        return CLIENT_DONE;
    struct address after = address_ip6(now->address);
    if (!address_equal(before, after) && !c->relays.count) { /* a relay's client is another host */
        if (!address_is_any(before))
            c->client.leaves.address = before;
        if (!address_is_any(after))
            c->client.gets.address = after;
    }
    c->client.leaves.bits = c->client.gets.bits = 128; /* RFC 9915 says nothing of the link's prefix */
    memcpy(c->client.memory, now, sizeof *now);
    return CLIENT_DONE;
}

static enum client_wish go_on(struct client_dhcp6_step *c, const struct writer *out)
{
    c->client.due_ms = c->exchange.due_ms == TIMER_NEVER ? 0 : c->exchange.due_ms;
    if (c->exchange.state == CLIENT_DHCP6_DONE)
        return conclude(c);
    if (c->exchange.state == CLIENT_DHCP6_FAILED)
        return client_fail(&c->client, "see below what crossed the wire and what the servers said", "%s",
                           client_dhcp6_fault(&c->exchange));
    return writer_length(out) ? CLIENT_DATAGRAM : CLIENT_WAIT;
}

static bool begin(struct client_dhcp6_step *c, struct now now, struct writer *out)
{
    const struct kind *k = kind_of(&c->client);
    to_everyone(&c->client);
    take_settings(c);
    if (!take_relay(c))
        return false;
    if (k->needs_binding && !c->settings.held.server_len) {
        client_fail(&c->client, "let it get one before: play HOST dhcp6-acquire",
                    "the client has no address yet");
        return false;
    }
    client_dhcp6_start(&c->exchange, &c->settings, k->begins_with, rng_next(&c->client.rng), now, out);
    return true;
}

/* What came for the client, out of the relay's header. */
static void hear(struct client_dhcp6_step *c, struct span in, struct now now, struct writer *out)
{
    struct dhcp6_relays relays;
    struct span message = in;
    if (!c->relays.count || dhcp6_unwrap_reply(&relays, in, &message) == DHCP6_FINE)
        client_dhcp6_take(&c->exchange, message, now, out);
}

/* What the client says, within the relay's header. */
static void pass_on(struct client_dhcp6_step *c, struct span message, struct writer *out)
{
    struct dhcp6_wrap wrap;
    if (!message.len)
        return;
    dhcp6_wrap_open(&wrap, out, DHCP6_RELAY_FORWARD, &c->relays);
    write_span(out, message);
    dhcp6_wrap_close(&wrap, out);
}

static enum client_wish step(struct client *client, enum client_event event, struct span in, size_t *taken,
                             struct now now, struct writer *out)
{
    struct client_dhcp6_step *c = (struct client_dhcp6_step *)client;
    uint8_t room[DHCP6_BYTES_MAX];
    struct writer said = writer_over(room, sizeof room);
    (void)taken;
    if (event == CLIENT_BEGIN && !begin(c, now, &said))
        return CLIENT_FAILED;
    if (event == CLIENT_BYTES)
        hear(c, in, now, &said);
    else if (event == CLIENT_DUE)
        client_dhcp6_expire(&c->exchange, now, &said);
    pass_on(c, writer_span(&said), out);
    return go_on(c, out);
}

static const char *fault(const struct client *client)
{
    const struct client_dhcp6 *exchange = &((const struct client_dhcp6_step *)client)->exchange;
    return exchange->message ? client_dhcp6_fault(exchange) : "it has not begun";
}

/* ---- the table -------------------------------------------------------------------------------------------
 */

static const struct client_key keys[] = {
    { "duid", CLIENT_VALUE_WORDS, 1, 1, false, false, is_duid, "duid 000100011def69bd000c295e7744",
      "who the client is; made of its hardware address where none is given" },
    { "iaid", CLIENT_VALUE_WORDS, 1, 1, false, false, is_iaid, "iaid 295e7744",
      "which of its interfaces asks; made of its hardware address where none is given" },
    { "option-request", CLIENT_VALUE_WORDS, 1, CODES_MAX, false, false, are_codes, "option-request 23 24",
      "the options that it wants, by their numbers" },
    { "times", CLIENT_VALUE_WORDS, 2, 2, false, false, are_seconds, "times 3600 5400",
      "when it would like to renew and to rebind, in seconds" },
    { "lifetimes", CLIENT_VALUE_WORDS, 2, 2, false, false, are_seconds, "lifetimes 7200 7500",
      "how long it would like the address to be preferred and valid, in seconds" },
    { "address", CLIENT_VALUE_WORDS, 1, 1, false, false, is_address6, "address 2001:db8:1:2::1002",
      "the address that it would like" },
    { "relay-to", CLIENT_VALUE_WORDS, 1, 1, false, false, is_address6, "relay-to 2001:db8:ff::1",
      "the host is a relay, and the client is behind it: the server that the relay sends to" },
    { "relay-link", CLIENT_VALUE_WORDS, 1, 1, false, false, is_address6, "relay-link 2001:db8:1:2::1",
      "the relay's address on the client's link" },
    { "relay-interface", CLIENT_VALUE_WORDS, 1, 1, false, false, NULL, "relay-interface port7",
      "the relay's name for that link (interface-id)" },
    { "rapid-commit", CLIENT_VALUE_WORDS, 0, 0, false, false, NULL, "rapid-commit", "two messages will do" },
};

#define DHCP6_TYPE(name, its_word, its_meaning)                                                              \
    const struct client_type name = { .word = its_word,                                                      \
                                      .meaning = its_meaning,                                                \
                                      .keys = keys,                                                          \
                                      .key_count = sizeof keys / sizeof keys[0],                             \
                                      .bytes = sizeof(struct client_dhcp6_step),                             \
                                      .step = step,                                                          \
                                      .fault = fault }
DHCP6_TYPE(client_dhcp6_acquire, "dhcp6-acquire", "gets an IPv6 address, from SOLICIT to REPLY");
DHCP6_TYPE(client_dhcp6_confirm, "dhcp6-confirm", "asks whether its IPv6 address is good on this link");
DHCP6_TYPE(client_dhcp6_renew, "dhcp6-renew", "asks its server for more time");
DHCP6_TYPE(client_dhcp6_rebind, "dhcp6-rebind", "asks any server for more time");
DHCP6_TYPE(client_dhcp6_release, "dhcp6-release", "gives its IPv6 address back");
DHCP6_TYPE(client_dhcp6_decline, "dhcp6-decline", "says that its IPv6 address is somebody else's");
DHCP6_TYPE(client_dhcp6_inform, "dhcp6-inform", "has an IPv6 address and asks for the rest");
