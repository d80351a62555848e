#include "config_options.h"

#include "text.h"

#define VALUE_BYTES_MAX 1024 /* what a reply can hold at most is little more */

const struct config_key option_keys[] = {
    { .name = "addresses",
      .type = CONFIG_ADDRESS4,
      .flags = CONFIG_LIST,
      .help = "The option's value as IPv4 addresses.",
      .example = "addresses = { \"192.168.1.1\" }" },
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

static bool write_pair(struct writer *w, const struct place *at, const struct config_value *v)
{
    struct span text = span_text(v->text);
    size_t gap = span_find(text, ' ');
    struct address first, second;
    if (!address_parse(span_head(text, gap), &first) || !address_parse(span_from(text, gap + 1), &second) ||
        first.family != FAMILY_IP4 || second.family != FAMILY_IP4) {
        config_problem(at->c, at->s, v,
                       "two IPv4 addresses with one space between them, as in \"10.0.0.0 192.168.1.1\"",
                       "\"%s\" is not a pair of addresses", v->text);
        return false;
    }
    write_u32(w, address_to_ip4(first));
    write_u32(w, address_to_ip4(second));
    return true;
}

/* RFC 3442: the width, as many octets of the destination as count, the router. */
static bool write_route(struct writer *w, const struct place *at, const struct config_value *v)
{
    struct span text = span_text(v->text);
    size_t gap = span_find(text, ' ');
    struct prefix to;
    struct address router;
    if (!prefix_parse(span_head(text, gap), &to) || !address_parse(span_from(text, gap + 1), &router) ||
        to.address.family != FAMILY_IP4 || router.family != FAMILY_IP4) {
        config_problem(at->c, at->s, v,
                       "a prefix and a router with one space between them, as in \"10.0.0.0/8 192.168.1.1\"",
                       "\"%s\" is not a route", v->text);
        return false;
    }
    write_u8(w, to.bits);
    write_bytes(w, to.address.bytes, (size_t)(to.bits + 7) / 8);
    write_u32(w, address_to_ip4(router));
    return true;
}

/* RFC 1035 3.1, uncompressed, which RFC 3397 allows. */
static bool write_domain(struct writer *w, const struct place *at, const struct config_value *v)
{
    struct span text = span_text(v->text);
    while (text.len) { /* each turn takes a label */
        struct span label = span_head(text, span_find(text, '.'));
        if (!label.len || label.len > 63) {
            config_problem(at->c, at->s, v, "labels of 1 to 63 characters with dots between them",
                           "\"%s\" is not a domain name", v->text);
            return false;
        }
        write_u8(w, (uint8_t)label.len);
        write_span(w, label);
        text = span_from(text, label.len + 1);
    }
    write_u8(w, 0);
    return true;
}

static bool write_signed(struct writer *w, const struct place *at, const struct config_value *v)
{
    struct span text = span_text(v->text);
    bool negative = text.len && text.at[0] == '-';
    uint64_t n;
    if (!parse_decimal(span_from(text, negative), INT32_MAX, &n)) {
        config_problem(at->c, at->s, v, "a number from -2147483647 to 2147483647", "\"%s\" is not a number",
                       v->text);
        return false;
    }
    write_u32(w, (uint32_t)(negative ? -(int64_t)n : (int64_t)n));
    return true;
}

static int hex_digit(uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    const char *hit = c ? strchr(digits, ascii_lower(c)) : NULL;
    return hit ? (int)(hit - digits) : -1;
}

bool options_write_hex(struct writer *w, struct span text)
{
    struct reader r = reader_over(text);
    while (reader_left(&r)) { /* each turn takes two bytes or more */
        int high = hex_digit(read_u8(&r));
        int low = hex_digit(read_u8(&r));
        if (!reader_ok(&r) || high < 0 || low < 0)
            return false;
        write_u8(w, (uint8_t)(high << 4 | low));
        if (reader_left(&r) && *r.at == ':')
            read_skip(&r, 1);
    }
    return true;
}

static bool write_bytes_of(struct writer *w, const struct place *at, const struct config_value *v)
{
    if (options_write_hex(w, span_text(v->text)))
        return true;
    config_problem(at->c, at->s, v, "pairs of hexadecimal digits, as in \"01:ff\"",
                   "\"%s\" is not hexadecimal", v->text);
    return false;
}

/* RFC 3361 3: an encoding, 1 with addresses, 0 with names, and all servers in it. */
static bool write_sip(struct writer *w, const struct place *at, const struct config_value *v)
{
    struct address server;
    bool is_address = address_parse(span_text(v->text), &server) && server.family == FAMILY_IP4;
    if (!writer_length(w))
        write_u8(w, is_address);
    if (writer_span(w).at[0] != is_address) {
        config_problem(at->c, at->s, v, "addresses alone, or names alone",
                       "the SIP server \"%s\" is told in another way than those before it", v->text);
        return false;
    }
    if (!is_address)
        return write_domain(w, at, v);
    write_u32(w, address_to_ip4(server));
    return true;
}

/* RFC 3925 4: the enterprise's number, the length of its data, and the data: options of its own. */
static bool write_vendor(struct writer *w, const struct place *at, const struct config_value *v)
{
    struct span text = span_text(v->text);
    size_t gap = span_find(text, ' ');
    uint8_t room[UINT8_MAX];
    struct writer data = writer_over(room, sizeof room);
    uint64_t number;
    if (!parse_decimal(span_head(text, gap), UINT32_MAX, &number) ||
        !options_write_hex(&data, span_from(text, gap + 1)) || !writer_ok(&data) || !writer_length(&data)) {
        config_problem(at->c, at->s, v,
                       "an enterprise number, a space and 255 bytes at most, as in \"3561 01:02:68:69\"",
                       "\"%s\" is no vendor's information", v->text);
        return false;
    }
    write_u32(w, (uint32_t)number);
    write_u8(w, (uint8_t)writer_length(&data));
    write_span(w, writer_span(&data));
    return true;
}

static bool write_one(struct writer *w, enum dhcp4_option_type type, const struct place *at,
                      const struct config_value *v)
{
    switch (type) {
    case DHCP4_TYPE_IP4:
    case DHCP4_TYPE_ADDRESSES:
        write_u32(w, address_to_ip4(v->endpoint.address));
        return true;
    case DHCP4_TYPE_ADDRESS_PAIRS:
        return write_pair(w, at, v);
    case DHCP4_TYPE_U8:
    case DHCP4_TYPE_FLAG:
    case DHCP4_TYPE_CODES:
        write_u8(w, (uint8_t)v->number);
        return true;
    case DHCP4_TYPE_U16:
    case DHCP4_TYPE_U16S:
        write_u16(w, (uint16_t)v->number);
        return true;
    case DHCP4_TYPE_U32:
        write_u32(w, (uint32_t)v->number);
        return true;
    case DHCP4_TYPE_S32:
        return write_signed(w, at, v);
    case DHCP4_TYPE_DOMAINS:
        return write_domain(w, at, v);
    case DHCP4_TYPE_ROUTES:
        return write_route(w, at, v);
    case DHCP4_TYPE_BYTES:
        return write_bytes_of(w, at, v);
    case DHCP4_TYPE_SIP:
        return write_sip(w, at, v);
    case DHCP4_TYPE_VENDORS:
        return write_vendor(w, at, v);
    case DHCP4_TYPE_TEXT:
    case DHCP4_TYPE_EMPTY:
        break;
    }
    write_text(w, v->text);
    return true;
}

/* Checks the length and keeps a copy. */
static bool keep(struct options_draft *d, struct arena *a, const struct place *at,
                 const struct config_value *v, uint8_t code, const struct writer *w)
{
    if (!writer_ok(w) || !writer_length(w)) {
        config_problem(at->c, at->s, v, "1 to 1024 bytes", "option %u would be %s", code,
                       writer_ok(w) ? "empty" : "too long");
        return true;
    }
    d->value[code] = arena_copy(a, writer_span(w));
    return d->value[code].at != NULL;
}

static bool read_named(struct options_draft *d, struct arena *a, const struct place *at, uint8_t code)
{
    const struct dhcp4_option_row *row = dhcp4_option_row(code);
    uint8_t room[VALUE_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    size_t count = 0;
    bool is_list = row->type == DHCP4_TYPE_ADDRESSES || row->type == DHCP4_TYPE_ADDRESS_PAIRS ||
                   row->type == DHCP4_TYPE_U16S || row->type == DHCP4_TYPE_DOMAINS ||
                   row->type == DHCP4_TYPE_ROUTES || row->type == DHCP4_TYPE_SIP ||
                   row->type == DHCP4_TYPE_VENDORS;
    const struct config_value *v =
        is_list ? config_list(at->s, row->name, &count) : config_value(at->s, row->name);
    if (!is_list)
        count = v ? 1 : 0;
    if (!count)
        return true;
    for (size_t i = 0; i < count; i++)
        if (!write_one(&w, row->type, at, &v[i]))
            return true;
    return keep(d, a, at, v, code, &w);
}

/* What the server computes cannot be set by number, either. */
static bool is_own(int64_t code)
{
    switch (code) {
    case DHCP4_OPTION_SUBNET_MASK:
    case DHCP4_OPTION_REQUESTED_ADDRESS:
    case DHCP4_OPTION_LEASE_TIME:
    case DHCP4_OPTION_OVERLOAD:
    case DHCP4_OPTION_MESSAGE_TYPE:
    case DHCP4_OPTION_SERVER_IDENTIFIER:
    case DHCP4_OPTION_PARAMETER_REQUEST_LIST:
    case DHCP4_OPTION_RENEWAL_TIME:
    case DHCP4_OPTION_REBINDING_TIME:
    case DHCP4_OPTION_CLIENT_IDENTIFIER:
    case DHCP4_OPTION_RELAY_AGENT:
        return true;
    default:
        return false;
    }
}

/* option "224" { hex = "0102" } */
static bool read_numbered(struct options_draft *d, struct arena *a, struct config *c,
                          const struct config_section *s)
{
    const struct config_value *title = config_title(s);
    const struct place at = { c, s };
    if (title->number < 1 || title->number > 254 || is_own(title->number)) {
        config_problem(c, s, title, "a number from 1 to 254 that the server does not compute",
                       "option \"%s\" cannot be set", title->text);
        return true;
    }
    size_t count = 0;
    const struct config_value *addresses = config_list(s, "addresses", &count);
    const struct config_value *text = config_value(s, "text"), *hex = config_value(s, "hex");
    if ((count != 0) + (text != NULL) + (hex != NULL) != 1) {
        config_problem(c, s, title, "one of addresses, text, hex", "option \"%s\" needs one value",
                       title->text);
        return true;
    }
    uint8_t room[VALUE_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    for (size_t i = 0; i < count; i++)
        write_u32(&w, address_to_ip4(addresses[i].endpoint.address));
    if (text)
        write_text(&w, text->text);
    if (hex && !options_write_hex(&w, span_text(hex->text))) {
        config_problem(c, s, hex, "pairs of hexadecimal digits, as in \"01:ff\"", "\"%s\" is not hexadecimal",
                       hex->text);
        return true;
    }
    return keep(d, a, &at, title, (uint8_t)title->number, &w);
}

bool options_read(struct options_draft *d, struct arena *a, struct config *c, const struct config_section *s)
{
    static const uint8_t settable[] = {
#define SETTABLE_SET(code) code,
#define SETTABLE_OWN(code)
#define SETTABLE_PEER(code)
#define OPTION4(code, id, name, type, whose, reference, meaning) SETTABLE_##whose(code)
#include "wire/dhcp_options.def"
#undef OPTION4
    };
    const struct place at = { c, s };
    for (size_t i = 0; i < sizeof settable; i++)
        if (!read_named(d, a, &at, settable[i]))
            return false;
    size_t count = 0;
    const struct config_section *const *numbered = config_sections(s, "option", &count);
    for (size_t i = 0; i < count; i++)
        if (!read_numbered(d, a, c, numbered[i]))
            return false;
    return true;
}

bool options_set_u32(struct options_draft *d, struct arena *a, uint8_t code, uint32_t value)
{
    uint8_t room[4];
    struct writer w = writer_over(room, sizeof room);
    write_u32(&w, value);
    d->value[code] = arena_copy(a, writer_span(&w));
    return d->value[code].at != NULL;
}

bool options_finish(const struct options_draft *d, struct arena *a, struct dhcp_options *out)
{
    *out = (struct dhcp_options){ 0 };
    for (size_t code = 1; code < DHCP4_END; code++)
        out->count += d->value[code].at != NULL;
    struct dhcp_option *list = arena_array(a, out->count, sizeof *list);
    if (!list)
        return false;
    size_t at = 0;
    for (size_t code = 1; code < DHCP4_END; code++)
        if (d->value[code].at) {
            list[at] = (struct dhcp_option){ (uint8_t)code, d->value[code] };
            out->slot[code] = (uint8_t)++at;
        }
    out->list = list;
    return true;
}
