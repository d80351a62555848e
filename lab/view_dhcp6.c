#include "view_make.h"

#include "text.h"
#include "wire/dhcp6.h"
#include "wire/dns_name.h"

#define OPTIONS_MAX 64 /* of one message that are told */
#define LIST_BYTES  1024

/* RFC 9915 7.3, in capitals as in its figures. */
static const struct {
    const char *word, *sentence;
} messages[] = {
    [DHCP6_SOLICIT] = { "SOLICIT", "a client looks for servers" },
    [DHCP6_ADVERTISE] = { "ADVERTISE", "a server proposes" },
    [DHCP6_REQUEST] = { "REQUEST", "the client takes what was proposed" },
    [DHCP6_CONFIRM] = { "CONFIRM", "a client asks whether its addresses are right for this link" },
    [DHCP6_RENEW] = { "RENEW", "a client asks its server for more time" },
    [DHCP6_REBIND] = { "REBIND", "a client asks any server for more time" },
    [DHCP6_REPLY] = { "REPLY", "the server answers" },
    [DHCP6_RELEASE] = { "RELEASE", "the client gives its addresses back" },
    [DHCP6_DECLINE] = { "DECLINE", "the client found an address in use" },
    [DHCP6_RECONFIGURE] = { "RECONFIGURE", "the server asks the client to ask" },
    [DHCP6_INFORMATION_REQUEST] = { "INFORMATION-REQUEST", "a client that has an address asks for the rest" },
    [DHCP6_RELAY_FORWARD] = { "RELAY-FORW", "a relay passes a client's message on" },
    [DHCP6_RELAY_REPLY] = { "RELAY-REPL", "a server's answer, to be passed on by the relay" },
};

/* ---- values as text ------------------------------------------------------------------------------------ */

static void write_comma(struct writer *w)
{
    if (writer_length(w))
        write_text(w, ", ");
}

static void write_address(struct writer *w, struct reader *r)
{
    struct address a = { .family = FAMILY_IP6 };
    char text[ADDRESS_TEXT_MAX];
    read_bytes(r, a.bytes, 16);
    write_text(w, address_format(a, text));
}

/* Names without the dot at their end. */
static void write_name(struct writer *w, struct reader *r)
{
    uint8_t room[DNS_NAME_TEXT_MAX + 1];
    struct writer name = writer_over(room, sizeof room);
    write_dns_name_text(&name, read_plain_name(r));
    write_span(w, span_head(writer_span(&name), writer_length(&name) ? writer_length(&name) - 1 : 0));
}

static void write_bytes_as_text(struct writer *w, struct reader *r)
{
    while (reader_left(r) && writer_room(w) >= 3) /* each turn takes a byte */
        write_format(w, writer_length(w) ? ":%02x" : "%02x", read_u8(r));
}

static void write_value(struct writer *w, enum dhcp6_option_type type, struct reader *r)
{
    switch (type) {
    case DHCP6_TYPE_ADDRESSES:
        for (; reader_left(r) >= 16 && writer_ok(w); write_address(w, r))
            write_comma(w);
        break;
    case DHCP6_TYPE_CODES:
        for (; reader_left(r) >= 2 && writer_ok(w); write_decimal(w, read_u16(r)))
            write_comma(w);
        break;
    case DHCP6_TYPE_DOMAIN:
    case DHCP6_TYPE_DOMAINS:
        for (; reader_left(r) && writer_ok(w); write_name(w, r))
            write_comma(w);
        break;
    case DHCP6_TYPE_U8:
        write_decimal(w, read_u8(r));
        break;
    case DHCP6_TYPE_U16:
        write_decimal(w, read_u16(r));
        break;
    case DHCP6_TYPE_U32:
    case DHCP6_TYPE_SECONDS:
        write_decimal(w, read_u32(r));
        break;
    case DHCP6_TYPE_TEXT:
        write_span(w, read_rest(r));
        break;
    case DHCP6_TYPE_EMPTY:
        write_text(w, "yes");
        break;
    default:
        write_bytes_as_text(w, r);
        break;
    }
}

/* ---- fields ----------------------------------------------------------------------------------------------
 */

static void add_first(struct view_make *m, const char *name, uint64_t value)
{
    if (!view_added(m, name).len)
        view_add_number(m, name, value);
}

static void add_status(struct view_make *m, uint16_t status)
{
    if (status != DHCP6_SUCCESS && !view_added(m, "status").len)
        view_add_text(m, "status", dhcp6_status_text(status));
}

/* An IA_PREFIX: two lifetimes, the length, the prefix. */
static void add_prefix(struct view_make *m, struct span value)
{
    uint8_t room[ADDRESS_TEXT_MAX + 4];
    struct writer w = writer_over(room, sizeof room);
    struct reader r = reader_over(value);
    uint32_t preferred_s = read_u32(&r);
    uint32_t valid_s = read_u32(&r);
    uint8_t bits = read_u8(&r);
    write_address(&w, &r);
    write_format(&w, "/%u", bits);
    if (!reader_ok(&r))
        return;
    view_add(m, "prefix", writer_span(&w));
    add_first(m, "preferred", preferred_s);
    add_first(m, "valid", valid_s);
}

static void add_prefixes(struct view_make *m, struct span association)
{
    struct reader r = reader_over(span_from(association, 12));
    struct span value;
    uint16_t code;
    while (dhcp6_next_option(&r, &code, &value)) /* each turn takes an option */
        if (code == DHCP6_OPTION_IA_PREFIX)
            add_prefix(m, value);
}

static void add_associations(struct view_make *m, const struct dhcp6_message *d)
{
    for (size_t i = 0; i < d->ia_count; i++) {
        const struct dhcp6_ia *ia = &d->ias[i];
        if (i == 0)
            view_add(m, "iaid", view_format(m, "0x%08x", (unsigned)ia->iaid));
        add_first(m, "t1", ia->t1_s);
        add_first(m, "t2", ia->t2_s);
        add_status(m, ia->status);
        for (size_t k = 0; k < ia->count; k++) {
            const struct dhcp6_ia_address *a = &d->addresses[ia->first + k];
            view_add_address(m, "address", address_ip6(a->address));
            add_first(m, "preferred", a->preferred_s);
            add_first(m, "valid", a->valid_s);
            add_status(m, a->status);
        }
    }
}

static void add_option(struct view_make *m, uint16_t code, struct span value)
{
    uint8_t room[LIST_BYTES];
    struct writer w = writer_over(room, sizeof room);
    struct reader r = reader_over(value);
    const struct dhcp6_option_row *row = dhcp6_option_row(code);
    if (code == DHCP6_OPTION_IA_PD)
        add_prefixes(m, value);
    if (!row || row->type == DHCP6_TYPE_IA || row->type == DHCP6_TYPE_STATUS ||
        row->type == DHCP6_TYPE_MESSAGE)
        return;
    write_value(&w, row->type, &r);
    view_add(m, row->name, writer_span(&w));
}

static void add_message(struct view_make *m, const struct dhcp6_message *d)
{
    struct reader r = reader_over(d->options);
    struct span value;
    uint16_t code;
    view_add(m, "xid", view_format(m, "0x%06x", (unsigned)d->xid));
    add_status(m, d->status);
    add_associations(m, d);
    for (int i = 0; i < OPTIONS_MAX && dhcp6_next_option(&r, &code, &value); i++)
        add_option(m, code, value);
    if (!view_added(m, "status").len && dhcp6_option(d->options, DHCP6_OPTION_STATUS_CODE).at)
        view_add_text(m, "status", dhcp6_status_text(d->status));
    if (d->status_text.at)
        view_add(m, "status-text", d->status_text);
}

/* ---- the message
 * ------------------------------------------------------------------------------------------- */

static void show(struct view_make *m, bool reply)
{
    static const char *const of_client[] = { "address", "prefix", "client-identifier", "option-request",
                                             NULL };
    static const char *const of_server[] = { "status",      "address", "prefix", "valid", "preferred",
                                             "dns-servers", "t1",      "t2",     NULL };
    for (const char *const *name = reply ? of_server : of_client; *name; name++)
        view_show_field(m, *name);
}

static void say(struct view_make *m, uint8_t type)
{
    struct span address = view_added(m, "address");
    if (type == DHCP6_ADVERTISE && address.len)
        view_say(m, "ADVERTISE: a server proposes %.*s", SPAN(address));
    else if (type == DHCP6_REPLY && address.len)
        view_say(m, "REPLY: the server answers about %.*s", SPAN(address));
    else
        view_say(m, "%s: %s", messages[type].word, messages[type].sentence);
}

static bool damaged(struct view_make *m, enum dhcp6_fault fault)
{
    view_show_format(m, "damaged: %s", dhcp6_fault_text(fault));
    return true;
}

static bool is_reply(uint8_t type)
{
    return type == DHCP6_ADVERTISE || type == DHCP6_REPLY || type == DHCP6_RECONFIGURE ||
           type == DHCP6_RELAY_REPLY;
}

bool view_dhcp6(struct view_make *m, struct span payload)
{
    struct dhcp6_message d;
    struct dhcp6_relays relays = { .count = 0 };
    struct span inner = payload;
    enum dhcp6_fault fault = DHCP6_FINE;
    uint8_t type = payload.len ? payload.at[0] : 0;
    if (type == 0 || type > DHCP6_RELAY_REPLY)
        return false;
    bool relayed = type >= DHCP6_RELAY_FORWARD;
    view_word(m, VIEW_DHCP6, messages[type].word);
    m->message.reply = is_reply(type);
    if (relayed)
        fault = type == DHCP6_RELAY_FORWARD ? dhcp6_unwrap(&relays, payload, &inner)
                                            : dhcp6_unwrap_reply(&relays, payload, &inner);
    if (fault == DHCP6_FINE)
        fault = dhcp6_parse(&d, inner);
    if (fault != DHCP6_FINE)
        return damaged(m, fault);
    if (relays.count) {
        view_add_number(m, "hop-count", relays.relay[0].hop_count);
        view_add_address(m, "link-address", address_ip6(relays.relay[0].link));
        view_add_address(m, "peer-address", address_ip6(relays.relay[0].peer));
        view_add_text(m, "relayed", messages[d.type].word);
        view_show_field(m, "relayed");
        view_show_field(m, "peer-address");
    }
    add_message(m, &d);
    show(m, is_reply(d.type));
    say(m, type);
    return true;
}
