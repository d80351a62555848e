#include "view_make.h"

#include "text.h"
#include "wire/dns_name.h"

#define OPTIONS_MAX 64  /* of one message or container */
#define LIST_BYTES  512 /* of a list as text */

/* RFC 9915 7.3 and 21. */
enum message { RELAY_FORW = 12, RELAY_REPL = 13, MESSAGES };
enum option {
    OPTION_CLIENT = 1,
    OPTION_SERVER = 2,
    OPTION_IA_NA = 3,
    OPTION_ADDRESS = 5,
    OPTION_REQUEST = 6,
    OPTION_PREFERENCE = 7,
    OPTION_ELAPSED = 8,
    OPTION_RELAYED = 9,
    OPTION_STATUS = 13,
    OPTION_RAPID = 14,
    OPTION_DNS = 23,
    OPTION_DOMAINS = 24,
    OPTION_IA_PD = 25,
    OPTION_PREFIX = 26,
};

static const struct {
    const char *word, *sentence;
} messages[MESSAGES + 1] = {
    [1] = { "SOLICIT", "a client looks for servers" },
    [2] = { "ADVERTISE", "a server proposes" },
    [3] = { "REQUEST", "the client takes what was proposed" },
    [4] = { "CONFIRM", "a client asks whether its addresses are right for this link" },
    [5] = { "RENEW", "a client asks its server for more time" },
    [6] = { "REBIND", "a client asks any server for more time" },
    [7] = { "REPLY", "the server answers" },
    [8] = { "RELEASE", "the client gives its addresses back" },
    [9] = { "DECLINE", "the client found an address in use" },
    [10] = { "RECONFIGURE", "the server asks the client to ask" },
    [11] = { "INFORMATION-REQUEST", "a client that has an address asks for the rest" },
    [RELAY_FORW] = { "RELAY-FORW", "a relay passes a client's message on" },
    [RELAY_REPL] = { "RELAY-REPL", "a server's answer, to be passed on by the relay" },
};

static const char *status_word(uint16_t code)
{
    static const char *const words[] = { "Success",   "UnspecFail",   "NoAddrsAvail", "NoBinding",
                                         "NotOnLink", "UseMulticast", "NoPrefixAvail" };
    return code < sizeof words / sizeof words[0] ? words[code] : "another status";
}

static void add_once(struct view_make *m, const char *name, uint64_t value)
{
    if (!view_added(m, name).len)
        view_add_number(m, name, value);
}

static void add_duid(struct view_make *m, const char *name, struct reader *r)
{
    uint8_t text[LIST_BYTES];
    struct writer w = writer_over(text, sizeof text);
    while (reader_left(r) && writer_room(&w) >= 3) { /* each turn takes a byte */
        write_format(&w, writer_length(&w) ? ":%02x" : "%02x", read_u8(r));
    }
    view_add(m, name, writer_span(&w));
}

static void add_addresses(struct view_make *m, const char *name, struct reader *r)
{
    uint8_t list[LIST_BYTES];
    char text[ADDRESS_TEXT_MAX];
    struct writer w = writer_over(list, sizeof list);
    while (reader_left(r) >= 16 && writer_room(&w) > ADDRESS_TEXT_MAX + 2) { /* each turn takes an address */
        struct address a = { .family = FAMILY_IP6 };
        read_bytes(r, a.bytes, 16);
        if (writer_length(&w))
            write_text(&w, ", ");
        write_text(&w, address_format(a, text));
    }
    view_add(m, name, writer_span(&w));
}

static void add_codes(struct view_make *m, struct reader *r)
{
    uint8_t list[LIST_BYTES];
    struct writer w = writer_over(list, sizeof list);
    while (reader_left(r) >= 2 && writer_room(&w) > 8) { /* each turn takes a code */
        if (writer_length(&w))
            write_text(&w, ", ");
        write_decimal(&w, read_u16(r));
    }
    view_add(m, "requested-options", writer_span(&w));
}

static void add_domains(struct view_make *m, struct reader *r)
{
    uint8_t list[LIST_BYTES];
    struct writer w = writer_over(list, sizeof list);
    while (reader_left(r)) { /* each turn takes a name, or fails */
        struct span name = read_plain_name(r);
        if (!reader_ok(r))
            break;
        if (writer_length(&w))
            write_text(&w, ", ");
        write_dns_name_text(&w, name);
    }
    view_add(m, "domains", writer_span(&w));
}

static void add_status(struct view_make *m, struct reader *r)
{
    uint16_t code = read_u16(r);
    if (!reader_ok(r) || view_added(m, "status").len)
        return;
    view_add_text(m, "status", status_word(code));
    view_add(m, "status-text", read_rest(r));
}

static void add_prefix(struct view_make *m, struct reader *r)
{
    struct address a = { .family = FAMILY_IP6 };
    char text[ADDRESS_TEXT_MAX];
    add_once(m, "preferred", read_u32(r));
    add_once(m, "valid", read_u32(r));
    uint8_t bits = read_u8(r);
    read_bytes(r, a.bytes, 16);
    if (reader_ok(r))
        view_add(m, "prefix", view_format(m, "%s/%u", address_format(a, text), bits));
}

/* What a list of options holds: the next one, as a window. */
static bool next_option(struct view_make *m, struct reader *r, uint16_t *code, struct reader *value)
{
    if (!reader_left(r))
        return false;
    *code = read_u16(r);
    size_t length = read_u16(r);
    *value = read_window(r, length);
    if (!reader_ok(value))
        view_show_format(m, "an option is cut short");
    return reader_ok(value);
}

/* IAADDR and IAPREFIX: an address, its times, and perhaps a status inside. */
static void take_binding(struct view_make *m, uint16_t code, struct reader *r)
{
    struct address a = { .family = FAMILY_IP6 };
    uint16_t inner;
    struct reader value;
    if (code == OPTION_STATUS) {
        add_status(m, r);
        return;
    }
    if (code == OPTION_PREFIX) {
        add_prefix(m, r);
    } else if (code == OPTION_ADDRESS) {
        read_bytes(r, a.bytes, 16);
        uint32_t preferred_s = read_u32(r);
        uint32_t valid_s = read_u32(r);
        if (!reader_ok(r))
            return;
        view_add_address(m, "address", a);
        add_once(m, "preferred", preferred_s);
        add_once(m, "valid", valid_s);
    }
    for (int i = 0; i < OPTIONS_MAX && next_option(m, r, &inner, &value); i++)
        if (inner == OPTION_STATUS)
            add_status(m, &value);
}

/* IA_NA and IA_PD: id, T1, T2, options. */
static void take_association(struct view_make *m, struct reader *r)
{
    uint16_t code;
    struct reader value;
    uint32_t iaid = read_u32(r);
    uint32_t t1_s = read_u32(r);
    uint32_t t2_s = read_u32(r);
    if (!reader_ok(r))
        return;
    if (!view_added(m, "iaid").len)
        view_add(m, "iaid", view_format(m, "0x%08x", (unsigned)iaid));
    add_once(m, "t1", t1_s);
    add_once(m, "t2", t2_s);
    for (int i = 0; i < OPTIONS_MAX && next_option(m, r, &code, &value); i++)
        take_binding(m, code, &value);
}

static void take_option(struct view_make *m, uint16_t code, struct reader *r)
{
    switch (code) {
    case OPTION_CLIENT:
        add_duid(m, "client-identifier", r);
        break;
    case OPTION_SERVER:
        add_duid(m, "server-identifier", r);
        break;
    case OPTION_IA_NA:
    case OPTION_IA_PD:
        take_association(m, r);
        break;
    case OPTION_REQUEST:
        add_codes(m, r);
        break;
    case OPTION_PREFERENCE:
        view_add_number(m, "preference", read_u8(r));
        break;
    case OPTION_ELAPSED:
        view_add_number(m, "elapsed-time", read_u16(r));
        break;
    case OPTION_STATUS:
        add_status(m, r);
        break;
    case OPTION_RAPID:
        view_add_text(m, "rapid-commit", "yes");
        break;
    case OPTION_DNS:
        add_addresses(m, "dns-servers", r);
        break;
    case OPTION_DOMAINS:
        add_domains(m, r);
        break;
    case OPTION_RELAYED:
        if (messages[reader_peek(r) > 0 && reader_peek(r) <= RELAY_REPL ? reader_peek(r) : MESSAGES].word)
            view_add_text(m, "relayed", messages[reader_peek(r)].word);
        break;
    default:
        break;
    }
}

static void show(struct view_make *m, const char *const *names)
{
    for (; *names; names++)
        view_show_field(m, *names);
}

static void show_by_kind(struct view_make *m, bool reply)
{
    static const char *const of_client[] = { "address", "prefix", "client-identifier", "requested-options",
                                             NULL };
    static const char *const of_server[] = { "status",      "address", "prefix", "valid", "preferred",
                                             "dns-servers", "t1",      "t2",     NULL };
    show(m, reply ? of_server : of_client);
}

bool view_dhcp6(struct view_make *m, struct span payload)
{
    struct reader r = reader_over(payload), value;
    uint16_t code;
    uint8_t type = read_u8(&r);
    if (type == 0 || type > RELAY_REPL)
        return false;
    bool relay = type >= RELAY_FORW;
    view_word(m, VIEW_DHCP6, messages[type].word);
    m->message.reply = type == 2 || type == 7 || type == 10 || type == RELAY_REPL;
    if (relay) {
        struct address link = { .family = FAMILY_IP6 }, peer = link;
        view_add_number(m, "hop-count", read_u8(&r));
        read_bytes(&r, link.bytes, 16);
        read_bytes(&r, peer.bytes, 16);
        view_add_address(m, "link-address", link);
        view_add_address(m, "peer-address", peer);
    } else {
        uint32_t high = read_u8(&r);
        uint32_t low = read_u16(&r);
        view_add(m, "xid", view_format(m, "0x%06x", (unsigned)(high << 16 | low)));
    }
    if (!reader_ok(&r))
        return false;
    for (int i = 0; i < OPTIONS_MAX && next_option(m, &r, &code, &value); i++)
        take_option(m, code, &value);
    if (relay) {
        view_show_field(m, "relayed");
        view_show_field(m, "peer-address");
    } else {
        show_by_kind(m, m->message.reply);
    }
    struct span address = view_added(m, "address");
    if (type == 2 && address.len)
        view_say(m, "ADVERTISE: a server proposes %.*s", SPAN(address));
    else if (type == 7 && address.len)
        view_say(m, "REPLY: the server answers about %.*s", SPAN(address));
    else
        view_say(m, "%s: %s", messages[type].word, messages[type].sentence);
    return true;
}
