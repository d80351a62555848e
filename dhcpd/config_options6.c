#include "config_options6.h"

#include "wire/dns_name.h"

#define VALUE_BYTES_MAX                                                                                      \
    1024                 /* more would leave no room for anything else in a datagram that is not cut up      \
                          */
#define RETRY_LEAST_S 60 /* RFC 9915 21.24, 21.25 */
#define RETRY_MOST_S  86400
#define NTP_SERVER    1 /* RFC 5908 4.1: the suboption of an address */

const struct config_key option6_keys[] = {
    { .name = "addresses",
      .type = CONFIG_ADDRESS,
      .flags = CONFIG_LIST,
      .help = "The option's value as IPv6 addresses.",
      .example = "addresses = { \"2001:db8::1\" }" },
    { .name = "text",
      .type = CONFIG_TEXT,
      .help = "The option's value as text.",
      .example = "text = \"http://boot.example/menu\"" },
    { .name = "hex",
      .type = CONFIG_TEXT,
      .help = "The option's value as hexadecimal digits, in pairs, with or without colons.",
      .example = "hex = \"01:04:c0:a8:01:01\"" },
    { .name = NULL },
};

/* The section's value that cannot be, for the message. */
struct place {
    struct config *c;
    const struct config_section *s;
};

static bool write_ip6(struct writer *w, const struct place *at, const struct config_value *v)
{
    const struct address *a = &v->endpoint.address;
    if (a->family != FAMILY_IP6) {
        config_problem(at->c, at->s, v, "an IPv6 address", "\"%s\" is of IPv4", v->text);
        return false;
    }
    write_bytes(w, a->bytes, sizeof a->bytes);
    return true;
}

static bool write_domain(struct writer *w, const struct place *at, const struct config_value *v)
{
    struct dns_name name;
    const char *right = dns_name_from_text(span_text(v->text), NULL, &name);
    if (right) {
        config_problem(at->c, at->s, v, right, "\"%s\" is not a domain name", v->text);
        return false;
    }
    write_dns_name(w, NULL, dns_name_span(&name));
    return true;
}

static bool write_seconds(struct writer *w, const struct place *at, const struct config_value *v,
                          uint16_t code)
{
    bool retry = code == DHCP6_OPTION_SOL_MAX_RT || code == DHCP6_OPTION_INF_MAX_RT;
    if (retry && (v->number < RETRY_LEAST_S || v->number > RETRY_MOST_S)) {
        config_problem(at->c, at->s, v, "60s to 1d", "clients ignore \"%s\"", v->text);
        return false;
    }
    write_u32(w, (uint32_t)v->number);
    return true;
}

static bool write_one(struct writer *w, const struct dhcp6_option_row *row, const struct place *at,
                      const struct config_value *v)
{
    switch (row->type) {
    case DHCP6_TYPE_ADDRESSES:
        return write_ip6(w, at, v);
    case DHCP6_TYPE_NTP_SERVERS:
        write_u16(w, NTP_SERVER);
        write_u16(w, sizeof v->endpoint.address.bytes);
        return write_ip6(w, at, v);
    case DHCP6_TYPE_DOMAIN:
    case DHCP6_TYPE_DOMAINS:
        return write_domain(w, at, v);
    case DHCP6_TYPE_SECONDS:
        return write_seconds(w, at, v, row->code);
    case DHCP6_TYPE_TEXTS: {
        struct mark length = write_length16(w);
        write_text(w, v->text);
        close_length16(w, length);
        return true;
    }
    default: /* what is set by the configuration and none of these is text */
        write_text(w, v->text);
        return true;
    }
}

/* In the place of what there is by this code, or in its order among the others. */
static bool put(struct options6_draft *d, uint16_t code, struct span value)
{
    size_t at = 0;
    while (at < d->count && d->list[at].code < code)
        at++;
    d->changed = true;
    if (at == d->count || d->list[at].code != code) {
        if (d->count == OPTIONS6_MAX)
            return false;
        memmove(&d->list[at + 1], &d->list[at], (d->count - at) * sizeof *d->list);
        d->count++;
    }
    d->list[at] = (struct dhcp6_option_value){ code, value };
    return true;
}

/* Checks the length and keeps a copy. */
static bool keep(struct options6_draft *d, struct arena *a, const struct place *at,
                 const struct config_value *v, uint16_t code, const struct writer *w)
{
    if (!writer_ok(w) || !writer_length(w)) {
        config_problem(at->c, at->s, v, "1 to 1024 bytes", "option %u would be %s", code,
                       writer_ok(w) ? "empty" : "too long");
        return true;
    }
    struct span value = arena_copy(a, writer_span(w));
    if (value.at && !put(d, code, value))
        config_problem(at->c, at->s, v, "64 at most", "these are too many options");
    return value.at != NULL;
}

static bool read_named(struct options6_draft *d, struct arena *a, const struct place *at, uint16_t code)
{
    const struct dhcp6_option_row *row = dhcp6_option_row(code);
    uint8_t room[VALUE_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    size_t count = 0;
    bool is_list = row->type == DHCP6_TYPE_ADDRESSES || row->type == DHCP6_TYPE_DOMAINS ||
                   row->type == DHCP6_TYPE_NTP_SERVERS || row->type == DHCP6_TYPE_TEXTS;
    const struct config_value *v =
        is_list ? config_list(at->s, row->name, &count) : config_value(at->s, row->name);
    if (!is_list)
        count = v ? 1 : 0;
    if (!count)
        return true;
    for (size_t i = 0; i < count; i++)
        if (!write_one(&w, row, at, &v[i]))
            return true;
    return keep(d, a, at, v, code, &w);
}

/* What the server computes, or only relays and clients send, cannot be set by number, either. */
static bool is_settable(int64_t code)
{
    static const uint16_t others[] = {
#define OTHER_SET(code)
#define OTHER_OWN(code)                                          code,
#define OTHER_PEER(code)                                         code,
#define OPTION6(code, id, name, type, whose, reference, meaning) OTHER_##whose(code)
#include "wire/dhcp6_options.def"
#undef OPTION6
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i] == code && code != DHCP6_OPTION_VENDOR_OPTIONS)
            return false;
    return code >= 1 && code <= UINT16_MAX;
}

/* option "56" { hex = "0102" } */
static bool read_numbered(struct options6_draft *d, struct arena *a, struct config *c,
                          const struct config_section *s)
{
    const struct config_value *title = config_title(s);
    const struct place at = { c, s };
    size_t count = 0;
    const struct config_value *addresses = config_list(s, "addresses", &count);
    const struct config_value *text = config_value(s, "text"), *hex = config_value(s, "hex");
    if (!is_settable(title->number)) {
        config_problem(c, s, title, "a number from 1 to 65535 that the server does not compute",
                       "option \"%s\" cannot be set", title->text);
        return true;
    }
    if ((count != 0) + (text != NULL) + (hex != NULL) != 1) {
        config_problem(c, s, title, "one of addresses, text, hex", "option \"%s\" needs one value",
                       title->text);
        return true;
    }
    uint8_t room[VALUE_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    for (size_t i = 0; i < count; i++)
        if (!write_ip6(&w, &at, &addresses[i]))
            return true;
    if (text)
        write_text(&w, text->text);
    if (hex && !options_write_hex(&w, span_text(hex->text))) {
        config_problem(c, s, hex, "pairs of hexadecimal digits, as in \"01:ff\"", "\"%s\" is not hexadecimal",
                       hex->text);
        return true;
    }
    return keep(d, a, &at, title, (uint16_t)title->number, &w);
}

bool options6_read(struct options6_draft *d, struct arena *a, struct config *c,
                   const struct config_section *s)
{
    static const uint16_t settable[] = {
#define SETTABLE_SET(code) code,
#define SETTABLE_OWN(code)
#define SETTABLE_PEER(code)
#define OPTION6(code, id, name, type, whose, reference, meaning) SETTABLE_##whose(code)
#include "wire/dhcp6_options.def"
#undef OPTION6
    };
    const struct place at = { c, s };
    for (size_t i = 0; i < sizeof settable / sizeof *settable; i++)
        if (!read_named(d, a, &at, settable[i]))
            return false;
    size_t count = 0;
    const struct config_section *const *numbered = config_sections(s, "option", &count);
    for (size_t i = 0; i < count; i++)
        if (!read_numbered(d, a, c, numbered[i]))
            return false;
    return true;
}

bool options6_finish(const struct options6_draft *d, struct arena *a, struct dhcp6_options *out)
{
    struct dhcp6_option_value *list = arena_array(a, d->count, sizeof *list);
    if (!list)
        return false;
    for (size_t i = 0; i < d->count; i++)
        list[i] = d->list[i];
    *out = (struct dhcp6_options){ d->count, list };
    return true;
}
