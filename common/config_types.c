#include "config_types.h"

#include "text.h"

#include <stdio.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit second_units[] = { { "s", 1 },     { "m", 60 },     { "h", 3600 },
                                            { "d", 86400 }, { "w", 604800 }, { NULL, 0 } };
static const struct unit ms_units[] = { { "ms", 1 },      { "s", 1000 },     { "m", 60000 },
                                        { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 } };
static const struct unit size_units[] = {
    { "B", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { NULL, 0 }
};

struct check {
    const struct config_key *key;
    struct span text;
    struct type_fault *fault;
    struct config_value *v;
};

static bool fault(struct check *c, size_t from, size_t length, const char *wrong, const char *right)
{
    c->fault->from = from;
    c->fault->length = length;
    snprintf(c->fault->wrong, sizeof c->fault->wrong, "%s", wrong);
    snprintf(c->fault->right, sizeof c->fault->right, "%s", right ? right : "");
    return false;
}

static bool whole_fault(struct check *c, const char *wrong, const char *right)
{
    return fault(c, 0, c->text.len, wrong, right);
}

/* Bounds as a person would write them: with the unit that makes them shortest. */
static void bound_text(char *out, size_t room, int64_t v, const struct unit *units)
{
    const struct unit *best = NULL;
    for (const struct unit *u = units; u && u->name; u++)
        if (v % u->factor == 0 && (v != 0 || !best))
            best = u;
    snprintf(out, room, "%lld%s", (long long)(best ? v / best->factor : v), best ? best->name : "");
}

static bool in_bounds(struct check *c, int64_t v, const struct unit *units)
{
    char least[32], most[32], right[80];
    if (c->key->least == 0 && c->key->most == 0)
        return true;
    if (v >= c->key->least && v <= c->key->most)
        return true;
    bound_text(least, sizeof least, c->key->least, units);
    bound_text(most, sizeof most, c->key->most, units);
    snprintf(right, sizeof right, "%s to %s", least, most);
    return whole_fault(c, v < c->key->least ? "is too small" : "is too large", right);
}

static bool check_number(struct check *c)
{
    uint64_t v;
    if (!parse_decimal(c->text, INT64_MAX, &v))
        return whole_fault(c, "is not a number", "digits only");
    c->v->number = (int64_t)v;
    return in_bounds(c, c->v->number, NULL);
}

static bool check_with_unit(struct check *c, const struct unit *units, const char *kind, const char *examples)
{
    size_t digits = 0;
    uint64_t v;
    char right[160];
    while (digits < c->text.len && c->text.at[digits] >= '0' && c->text.at[digits] <= '9')
        digits++;
    struct span unit = span_from(c->text, digits);
    if (!parse_decimal(span_head(c->text, digits), INT64_MAX, &v)) {
        snprintf(right, sizeof right, "digits and a unit: %s", examples);
        return whole_fault(c, kind, right);
    }
    for (const struct unit *u = units; u->name; u++)
        if (span_is(unit, u->name)) {
            if (v > (uint64_t)(INT64_MAX / u->factor))
                return whole_fault(c, "is too large", NULL);
            c->v->number = (int64_t)v * u->factor;
            return in_bounds(c, c->v->number, units);
        }
    snprintf(right, sizeof right, "a number with its unit: %s", examples);
    if (unit.len == 0)
        return whole_fault(c, "has no unit", right);
    return fault(c, digits, unit.len, "has an unknown unit", right);
}

static bool check_duration(struct check *c)
{
    if (span_is(c->text, "infinite") && (c->key->most == 0 || c->key->most == INT64_MAX)) {
        c->v->number = INT64_MAX;
        return true;
    }
    if (c->key->flags & CONFIG_MS)
        return check_with_unit(c, ms_units, "is not a duration", "\"250ms\", \"2s\"");
    return check_with_unit(c, second_units, "is not a duration", "\"600s\", \"10m\"");
}

static bool check_flag(struct check *c)
{
    c->v->number = span_is(c->text, "true");
    if (c->v->number || span_is(c->text, "false"))
        return true;
    return whole_fault(c, "is neither true nor false", "true or false");
}

static bool check_choice(struct check *c)
{
    int64_t index = 0;
    struct span rest = span_text(c->key->choices);
    while (rest.len) {
        size_t end = span_find(rest, ' ');
        if (span_equal(span_head(rest, end), c->text)) {
            c->v->number = index;
            return true;
        }
        rest = span_from(rest, end + 1);
        index++;
    }
    return whole_fault(c, "is none of the words that this key takes", c->key->choices);
}

static const char ip4_right[] = "four numbers from 0 to 255 with dots: 192.168.1.10";

static bool parse_ip4(struct check *c, size_t from, size_t length, uint32_t *out)
{
    struct address a;
    if (!address_parse(span_head(span_from(c->text, from), length), &a) || a.family != FAMILY_IP4)
        return fault(c, from, length, "is not an IPv4 address", ip4_right);
    *out = address_to_ip4(a);
    return true;
}

static bool check_address(struct check *c, bool only4)
{
    struct address *a = &c->v->endpoint.address;
    bool ok = address_parse(c->text, a);
    if (ok && (!only4 || a->family == FAMILY_IP4))
        return true;
    return only4 ? whole_fault(c, "is not an IPv4 address", ip4_right)
                 : whole_fault(c, "is not an address", "192.168.1.10, or 2001:db8::10");
}

static bool check_prefix(struct check *c, bool only4)
{
    char right[160], text[ENDPOINT_TEXT_MAX];
    struct prefix *p = &c->v->prefix;
    if (prefix_parse(c->text, p)) {
        if (!only4 || p->address.family == FAMILY_IP4)
            return true;
        return whole_fault(c, "is not an IPv4 prefix", "192.168.1.0/24");
    }
    size_t slash = span_find(c->text, '/');
    uint64_t bits = 0;
    struct address a;
    bool address_ok = address_parse(span_head(c->text, slash), &a);
    uint64_t most = a.family == FAMILY_IP6 ? 128 : 32;
    if (!address_ok)
        return fault(c, 0, slash, "is not an address", "a prefix is written 192.168.1.0/24 or 2001:db8::/64");
    if (!parse_decimal(span_from(c->text, slash + 1), most, &bits)) {
        snprintf(right, sizeof right, "0 to %u bits after the /", (unsigned)most);
        return fault(c, slash, c->text.len - slash, "is no length of a prefix", right);
    }
    for (uint64_t bit = bits; bit < most; bit++)
        a.bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    *p = (struct prefix){ a, (uint8_t)bits };
    snprintf(right, sizeof right, "the network itself is %s", prefix_format(p, text));
    return whole_fault(c, "has bits set behind its length", right);
}

static bool check_range4(struct check *c)
{
    size_t dash = span_find(c->text, '-');
    if (!parse_ip4(c, 0, dash, &c->v->first))
        return false;
    c->v->last = c->v->first;
    if (dash < c->text.len && !parse_ip4(c, dash + 1, c->text.len - dash - 1, &c->v->last))
        return false;
    if (c->v->last < c->v->first)
        return whole_fault(c, "ends before it begins", "the lower address first");
    return true;
}

static bool check_endpoint(struct check *c)
{
    struct address a;
    if (endpoint_parse(c->text, &c->v->endpoint))
        return true;
    if (address_parse(c->text, &a))
        return whole_fault(c, "has no port", a.family == FAMILY_IP6 ? "[2001:db8::1]:53" : "192.168.1.1:53");
    return whole_fault(c, "is not an address with a port",
                       "127.0.0.1:5300, or [::1]:5300; port 0 takes a free one");
}

#define INTERFACE_NAME_MAX 15

static bool interface_name(struct span s)
{
    if (s.len == 0 || s.len > INTERFACE_NAME_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] == '/' || s.at[i] == ':' || s.at[i] >= 0x7f)
            return false;
    return true;
}

static bool check_listen(struct check *c)
{
    struct address a;
    bool dotted_digits = c->text.len > 0 && c->text.at[0] >= '0' && c->text.at[0] <= '9' &&
                         span_find(c->text, '.') < c->text.len;
    if (interface_name(c->text) && !dotted_digits && !address_parse(c->text, &a)) {
        c->v->endpoint = (struct endpoint){ 0 };
        return true;
    }
    return check_endpoint(c);
}

static bool check_hardware(struct check *c)
{
    c->v->hardware_len = hardware_parse(c->text, c->v->hardware);
    if (c->v->hardware_len)
        return true;
    return whole_fault(c, "is not a hardware address",
                       "bytes of two hexadecimal digits with colons: 00:0c:29:59:fd:21");
}

#define DOMAIN_OCTETS_MAX 253 /* RFC 1035 2.3.4, as text without the final dot */
#define LABEL_OCTETS_MAX  63

static bool check_domain(struct check *c)
{
    size_t len = c->text.len, label = 0;
    if (span_is(c->text, "."))
        return true;
    if (len && c->text.at[len - 1] == '.')
        len--;
    if (len == 0 || len > DOMAIN_OCTETS_MAX)
        return whole_fault(c, "is not a domain name", "1 to 253 characters");
    for (size_t i = 0; i < len; i++) {
        uint8_t ch = c->text.at[i];
        label = ch == '.' ? 0 : label + 1;
        bool empty = ch == '.' && (i == 0 || c->text.at[i - 1] == '.');
        if (empty || label > LABEL_OCTETS_MAX)
            return fault(c, i, 1, "is not a domain name",
                         "labels of 1 to 63 characters, with dots between them");
        if (ch <= ' ' || ch >= 0x7f)
            return fault(c, i, 1, "has a character that no domain name has",
                         "write other alphabets in their xn-- form");
    }
    return true;
}

static bool check_path(struct check *c, const char *directory, struct arena *a)
{
    char path[4096];
    if (c->text.len == 0)
        return whole_fault(c, "is no path", "a path, absolute or from the directory of this file");
    bool absolute = c->text.at[0] == '/';
    int n = snprintf(path, sizeof path, "%s%s%s", absolute ? "" : directory, absolute ? "" : "/", c->v->text);
    if (n < 0 || (size_t)n >= sizeof path)
        return whole_fault(c, "is too long", NULL);
    c->v->text = arena_text(a, span_text(path));
    return c->v->text != NULL || whole_fault(c, "does not fit into memory", NULL);
}

static bool check_size(struct check *c)
{
    return check_with_unit(c, size_units, "is not a size", "\"512B\", \"64KiB\", \"10MiB\"");
}

bool type_check(const struct config_key *key, enum config_type type, const char *text, const char *directory,
                struct arena *a, struct config_value *v, struct type_fault *f)
{
    struct check c = { key, span_text(text), f, v };
    *v = (struct config_value){ .text = text };
    switch (type) {
    case CONFIG_TEXT:
    case CONFIG_SECTION:
        return true;
    case CONFIG_FLAG:
        return check_flag(&c);
    case CONFIG_NUMBER:
        return check_number(&c);
    case CONFIG_DURATION:
        return check_duration(&c);
    case CONFIG_SIZE:
        return check_size(&c);
    case CONFIG_CHOICE:
        return check_choice(&c);
    case CONFIG_PATH:
        return check_path(&c, directory, a);
    case CONFIG_ADDRESS:
        return check_address(&c, false);
    case CONFIG_ADDRESS4:
        return check_address(&c, true);
    case CONFIG_PREFIX:
        return check_prefix(&c, false);
    case CONFIG_PREFIX4:
        return check_prefix(&c, true);
    case CONFIG_RANGE4:
        return check_range4(&c);
    case CONFIG_ENDPOINT:
        return check_endpoint(&c);
    case CONFIG_LISTEN:
        return check_listen(&c);
    case CONFIG_HARDWARE:
        return check_hardware(&c);
    case CONFIG_DOMAIN:
        return check_domain(&c);
    }
    return false;
}

const char *type_words(enum config_type type)
{
    static const char *const words[] = {
        [CONFIG_TEXT] = "text",
        [CONFIG_FLAG] = "true or false",
        [CONFIG_NUMBER] = "number",
        [CONFIG_DURATION] = "duration (\"600s\", \"10m\")",
        [CONFIG_SIZE] = "size (\"64KiB\", \"10MiB\")",
        [CONFIG_CHOICE] = "one word",
        [CONFIG_PATH] = "path",
        [CONFIG_ADDRESS] = "address",
        [CONFIG_ADDRESS4] = "IPv4 address",
        [CONFIG_PREFIX] = "prefix",
        [CONFIG_PREFIX4] = "IPv4 prefix",
        [CONFIG_RANGE4] = "range of IPv4 addresses",
        [CONFIG_ENDPOINT] = "address:port",
        [CONFIG_LISTEN] = "address:port, or an interface",
        [CONFIG_HARDWARE] = "hardware address",
        [CONFIG_DOMAIN] = "domain name",
        [CONFIG_SECTION] = "section",
    };
    return words[type];
}
