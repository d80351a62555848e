#include "view_make.h"

#include "text.h"

#define ND_OPTIONS_MAX 16 /* options looked at in one message of neighbour discovery */

static void add_hardware(struct view_make *m, const char *name, struct span hardware)
{
    char text[HARDWARE_TEXT_MAX];
    if (hardware.len <= 16)
        view_add_text(m, name, hardware_format(hardware, text));
}

/* ---- ARP (RFC 826) ----------------------------------------------------------------------------------- */

void view_arp(struct view_make *m, const struct view_packet *p)
{
    struct reader r = p->inside;
    struct frame_arp a;
    char text[ADDRESS_TEXT_MAX];
    m->message.weight = VIEW_CONTROL;
    if (!frame_read_arp(&r, &a)) {
        view_word(m, VIEW_ARP, "ARP");
        view_show_format(m, "not of Ethernet and IPv4, or cut short");
        return;
    }
    bool request = a.op == FRAME_ARP_REQUEST;
    view_word(m, VIEW_ARP, request ? "ARP-request" : "ARP-reply");
    m->message.reply = !request;
    if (a.from) /* a probe (RFC 5227) has none */
        m->message.from.address = address_ip4(a.from);
    if (!request)
        m->message.to.address = address_ip4(a.to);
    view_add_address(m, "target", address_ip4(request ? a.to : a.from));
    view_add_address(m, "sender", address_ip4(a.from));
    add_hardware(m, "sender-hardware", span_of(a.from_mac, sizeof a.from_mac));
    if (!request)
        view_show_format(m, "I have %s", address_format(address_ip4(a.from), text));
    else if (a.from == a.to)
        view_show_format(m, "I am %s", address_format(address_ip4(a.to), text));
    else
        view_show_format(m, "who has %s", address_format(address_ip4(a.to), text));
    view_say(m, request ? "ARP: who has this address?" : "ARP: the owner of the address answers");
}

/* ---- ICMP (RFC 792) ------------------------------------------------------------------------------------ */

static void make_echo(struct view_make *m, enum view_protocol p, struct reader *r, bool request)
{
    uint16_t id = read_u16(r);
    uint16_t sequence = read_u16(r);
    view_word(m, p, request ? "echo-request" : "echo-reply");
    m->message.reply = !request;
    view_add_number(m, "id", id);
    view_add_number(m, "sequence", sequence);
    view_add_number(m, "bytes", reader_left(r));
    view_show_format(m, "id %u", id);
    view_show_format(m, "sequence %u", sequence);
    view_say(m, request ? "echo-request: is somebody there?" : "echo-reply: yes");
}

/* An error carries the head of the packet that it is about. */
static void make_error(struct view_make *m, enum view_protocol p, const char *word, const char *reason,
                       struct reader *r, bool ip6)
{
    struct address to = { .family = ip6 ? FAMILY_IP6 : FAMILY_IP4 };
    char text[ADDRESS_TEXT_MAX];
    view_word(m, p, word);
    view_add_text(m, "reason", reason);
    view_show(m, span_text(reason));
    read_skip(r, 4 + (ip6 ? 24 : 16));
    read_bytes(r, to.bytes, ip6 ? 16 : 4);
    if (reader_ok(r)) {
        view_add_address(m, "about", to);
        view_show_format(m, "about a packet to %s", address_format(to, text));
    }
    view_say(m, "%s: %s", word, reason);
}

static const char *unreachable_reason(uint8_t code)
{
    static const char *const reasons[] = { "no way to the network", "no way to the host", "no such protocol",
                                           "nobody listens at the port",
                                           "too long, and must not be fragmented" };
    if (code < sizeof reasons / sizeof reasons[0])
        return reasons[code];
    return code == 9 || code == 10 || code == 13 ? "forbidden" : "another reason";
}

void view_icmp(struct view_make *m, const struct view_packet *p)
{
    struct reader r = p->inside;
    uint8_t type = read_u8(&r);
    uint8_t code = read_u8(&r);
    read_skip(&r, 2);
    m->message.weight = VIEW_CONTROL;
    if (!reader_ok(&r)) {
        view_word(m, VIEW_ICMP, "ICMP");
        view_show_format(m, "cut short");
    } else if (type == FRAME_ECHO_REQUEST || type == FRAME_ECHO_REPLY) {
        make_echo(m, VIEW_ICMP, &r, type == FRAME_ECHO_REQUEST);
    } else if (type == 3) {
        make_error(m, VIEW_ICMP, "destination-unreachable", unreachable_reason(code), &r, false);
    } else if (type == 5) {
        make_error(m, VIEW_ICMP, "redirect", "there is a shorter way", &r, false);
    } else if (type == 11) {
        make_error(m, VIEW_ICMP, "time-exceeded", code ? "fragments are missing" : "too many hops", &r,
                   false);
    } else {
        view_word(m, VIEW_ICMP, "ICMP");
        view_show_format(m, "type %u", type);
    }
}

/* ---- neighbour discovery (RFC 4861) ----------------------------------------------------------------------
 */

enum nd_option { ND_SOURCE = 1, ND_TARGET = 2, ND_PREFIX = 3, ND_MTU = 5, ND_DNS = 25 };

static void take_prefix(struct view_make *m, struct reader *r)
{
    struct prefix prefix = { .address.family = FAMILY_IP6 };
    char text[ADDRESS_TEXT_MAX];
    prefix.bits = read_u8(r);
    uint8_t flags = read_u8(r);
    uint32_t valid_s = read_u32(r);
    uint32_t preferred_s = read_u32(r);
    read_skip(r, 4);
    read_bytes(r, prefix.address.bytes, 16);
    if (!reader_ok(r))
        return;
    view_add(m, "prefix", view_format(m, "%s/%u", address_format(prefix.address, text), prefix.bits));
    view_add_text(m, "autonomous", flags & 0x40 ? "yes" : "no");
    view_add_number(m, "valid", valid_s);
    view_add_number(m, "preferred", preferred_s);
    view_show_field(m, "prefix");
}

static void take_nd_option(struct view_make *m, uint8_t kind, struct reader *r)
{
    struct address server = { .family = FAMILY_IP6 };
    if (kind == ND_SOURCE || kind == ND_TARGET) {
        add_hardware(m, kind == ND_SOURCE ? "source-hardware" : "target-hardware", read_span(r, 6));
    } else if (kind == ND_PREFIX) {
        take_prefix(m, r);
    } else if (kind == ND_MTU) {
        read_skip(r, 2);
        view_add_number(m, "mtu", read_u32(r));
    } else if (kind == ND_DNS) {
        read_skip(r, 6);
        read_bytes(r, server.bytes, 16);
        if (reader_ok(r))
            view_add_address(m, "dns-servers", server);
    }
}

static void take_nd_options(struct view_make *m, struct reader *r)
{
    for (int i = 0; i < ND_OPTIONS_MAX && reader_left(r); i++) {
        uint8_t kind = read_u8(r);
        size_t length = (size_t)read_u8(r) * 8;
        struct reader value = read_window(r, length < 2 ? SIZE_MAX : length - 2);
        if (!reader_ok(&value)) {
            view_show_format(m, "an option is cut short");
            return;
        }
        take_nd_option(m, kind, &value);
    }
}

static void make_neighbor(struct view_make *m, struct reader *r, bool solicitation)
{
    struct address target = { .family = FAMILY_IP6 };
    char text[ADDRESS_TEXT_MAX];
    uint32_t flags = read_u32(r);
    read_bytes(r, target.bytes, 16);
    view_word(m, VIEW_ICMP6, solicitation ? "neighbor-solicitation" : "neighbor-advertisement");
    m->message.reply = !solicitation && flags >> 30 & 1;
    if (!reader_ok(r)) {
        view_show_format(m, "cut short");
        return;
    }
    view_add_address(m, "target", target);
    bool probe = solicitation && address_is_any(m->message.from.address);
    view_show_format(m,
                     probe          ? "may I have %s"
                     : solicitation ? "who has %s"
                                    : "I have %s",
                     address_format(target, text));
    take_nd_options(m, r);
    view_say(m, probe          ? "neighbor-solicitation: does anybody use this address already?"
                : solicitation ? "neighbor-solicitation: who has this address?"
                               : "neighbor-advertisement: the owner of the address tells where it is");
}

static void make_router_advertisement(struct view_make *m, struct reader *r)
{
    uint8_t hops = read_u8(r);
    uint8_t flags = read_u8(r);
    uint16_t lifetime_s = read_u16(r);
    read_skip(r, 8);
    view_word(m, VIEW_ICMP6, "router-advertisement");
    m->message.reply = true;
    view_add_number(m, "hops", hops);
    view_add_text(m, "managed", flags & 0x80 ? "yes" : "no");
    view_add_text(m, "other", flags & 0x40 ? "yes" : "no");
    view_add_number(m, "router-lifetime", lifetime_s);
    view_show_format(m, flags & 0x80   ? "addresses by DHCPv6"
                        : flags & 0x40 ? "the rest by DHCPv6"
                                       : "no DHCPv6");
    take_nd_options(m, r);
    view_show_format(m, "router for %u seconds", lifetime_s);
    view_say(m, flags & 0x80 ? "router-advertisement: get an address by DHCPv6"
                             : "router-advertisement: this is the network, and I lead out of it");
}

static const struct {
    uint8_t type;
    const char *word, *reason;
} errors6[] = {
    { 1, "destination-unreachable", "nobody there, or nobody listens" },
    { 2, "packet-too-big", "too long for a link" },
    { 3, "time-exceeded", "too many hops, or fragments are missing" },
    { 4, "parameter-problem", "a header that was not understood" },
};

static bool make_error6(struct view_make *m, uint8_t type, struct reader *r)
{
    for (size_t i = 0; i < sizeof errors6 / sizeof errors6[0]; i++)
        if (errors6[i].type == type) {
            make_error(m, VIEW_ICMP6, errors6[i].word, errors6[i].reason, r, true);
            return true;
        }
    return false;
}

void view_icmp6(struct view_make *m, const struct view_packet *p)
{
    struct reader r = p->inside;
    uint8_t type = read_u8(&r);
    read_skip(&r, 3);
    m->message.weight = VIEW_CONTROL;
    if (!reader_ok(&r)) {
        view_word(m, VIEW_ICMP6, "ICMPv6");
        view_show_format(m, "cut short");
    } else if (type == 128 || type == 129) {
        make_echo(m, VIEW_ICMP6, &r, type == 128);
    } else if (type == 135 || type == 136) {
        make_neighbor(m, &r, type == 135);
    } else if (type == 134) {
        make_router_advertisement(m, &r);
    } else if (type == 133) {
        view_word(m, VIEW_ICMP6, "router-solicitation");
        read_skip(&r, 4);
        take_nd_options(m, &r);
        view_say(m, "router-solicitation: which routers are there?");
    } else if (type == 131 || type == 143) {
        view_word(m, VIEW_ICMP6, "group-report");
        m->message.weight = VIEW_QUIET; /* each host does it by itself, all the time */
    } else if (!make_error6(m, type, &r)) {
        view_word(m, VIEW_ICMP6, "ICMPv6");
        view_show_format(m, "type %u", type);
    }
}
