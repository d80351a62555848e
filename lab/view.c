#include "view.h"

#include "dhcp_words.h"
#include "endpoint.h"
#include "text.h"

/* ---- reading ------------------------------------------------------------------------------ */

static void read_datagram(struct view *v, struct reader *packet)
{
    struct frame_udp udp;
    struct reader payload;
    if (!frame_read_udp(packet, &v->ip, &udp, &payload))
        return;
    bool dhcp = (udp.from == DHCP4_CLIENT_PORT || udp.from == DHCP4_SERVER_PORT) &&
                (udp.to == DHCP4_CLIENT_PORT || udp.to == DHCP4_SERVER_PORT);
    if (dhcp && dhcp4_parse(&v->dhcp, read_rest(&payload)) == DHCP4_FINE)
        v->protocol = VIEW_DHCP4;
}

static void read_packet(struct view *v, struct reader *frame)
{
    struct reader packet, inside;
    if (!frame_read_ip4(frame, &v->ip, &packet))
        return;
    v->has_ip = true;
    if (v->ip.protocol == FRAME_UDP)
        read_datagram(v, &packet);
    else if (v->ip.protocol == FRAME_ICMP && frame_read_echo(&packet, &v->echo, &inside))
        v->protocol = VIEW_ECHO;
}

bool view_read(struct view *v, struct span frame)
{
    struct reader r = reader_over(frame);
    v->protocol = VIEW_OTHER;
    v->has_ip = false;
    if (!frame_read_ethernet(&r, &v->ethernet))
        return false;
    if (v->ethernet.type == FRAME_IP4)
        read_packet(v, &r);
    else if (v->ethernet.type == FRAME_ARP && frame_read_arp(&r, &v->arp))
        v->protocol = VIEW_ARP;
    return true;
}

bool view_is_broadcast(const struct view *v)
{
    return memcmp(v->ethernet.to, frame_broadcast, FRAME_MAC) == 0;
}

/* ---- words --------------------------------------------------------------------------------- */

const char *view_word(const struct view *v)
{
    switch (v->protocol) {
    case VIEW_DHCP4:
        return dhcp4_type_name(v->dhcp.type);
    case VIEW_ARP:
        return v->arp.op == FRAME_ARP_REQUEST ? "ARP request" : "ARP reply";
    case VIEW_ECHO:
        return v->echo.type == FRAME_ECHO_REQUEST ? "echo request" : "echo reply";
    case VIEW_OTHER:
        break;
    }
    return v->ethernet.type == FRAME_IP6 ? "IPv6" : v->has_ip ? "IPv4" : "frame";
}

bool view_knows_word(struct span word)
{
    for (unsigned type = DHCP4_DISCOVER; type <= DHCP4_INFORM; type++)
        if (span_is(word, dhcp4_type_name((uint8_t)type)))
            return true;
    return false;
}

const char *view_nearest_word(const char *word)
{
    const char *best = dhcp4_type_name(DHCP4_DISCOVER);
    for (unsigned type = DHCP4_DISCOVER; type <= DHCP4_INFORM; type++)
        if (edit_distance(word, dhcp4_type_name((uint8_t)type)) < edit_distance(word, best))
            best = dhcp4_type_name((uint8_t)type);
    return best;
}

/* ---- fields --------------------------------------------------------------------------------- */

/* The fixed part of a DHCP message (RFC 2131 2), and what carried it. */
enum fixed_field {
    FIELD_XID,
    FIELD_SECS,
    FIELD_FLAGS,
    FIELD_CIADDR,
    FIELD_YIADDR,
    FIELD_SIADDR,
    FIELD_GIADDR,
    FIELD_CHADDR,
    FIELD_IP_SOURCE,
    FIELD_IP_DESTINATION,
    FIXED_FIELDS
};

static const char *const fixed_names[FIXED_FIELDS] = {
    [FIELD_XID] = "xid",
    [FIELD_SECS] = "secs",
    [FIELD_FLAGS] = "flags",
    [FIELD_CIADDR] = "ciaddr",
    [FIELD_YIADDR] = "yiaddr",
    [FIELD_SIADDR] = "siaddr",
    [FIELD_GIADDR] = "giaddr",
    [FIELD_CHADDR] = "chaddr",
    [FIELD_IP_SOURCE] = "ip-source",
    [FIELD_IP_DESTINATION] = "ip-destination",
};

static void write_address(struct writer *w, uint32_t a)
{
    char text[ADDRESS_TEXT_MAX];
    write_text(w, address_format(address_ip4(a), text));
}

static void write_flags(struct writer *w, uint16_t flags)
{
    if (flags == 0)
        write_text(w, "unicast");
    else if (flags == DHCP4_FLAG_BROADCAST)
        write_text(w, "broadcast");
    else
        write_format(w, "0x%04x", (unsigned)flags);
}

static void write_fixed(const struct view *v, enum fixed_field field, struct writer *w)
{
    const struct dhcp4_fixed *f = &v->dhcp.fixed;
    const uint32_t addresses[FIXED_FIELDS] = {
        [FIELD_CIADDR] = f->ciaddr, [FIELD_YIADDR] = f->yiaddr,     [FIELD_SIADDR] = f->siaddr,
        [FIELD_GIADDR] = f->giaddr, [FIELD_IP_SOURCE] = v->ip.from, [FIELD_IP_DESTINATION] = v->ip.to
    };
    char hardware[HARDWARE_TEXT_MAX];
    if (field == FIELD_XID)
        write_format(w, "0x%08x", (unsigned)f->xid);
    else if (field == FIELD_SECS)
        write_decimal(w, f->secs);
    else if (field == FIELD_FLAGS)
        write_flags(w, f->flags);
    else if (field == FIELD_CHADDR)
        write_text(w, hardware_format(span_of(f->chaddr, f->hlen), hardware));
    else
        write_address(w, addresses[field]);
}

bool view_field(const struct view *v, struct span name, struct writer *w)
{
    if (v->protocol != VIEW_DHCP4)
        return false;
    for (unsigned i = 0; i < FIXED_FIELDS; i++)
        if (span_is(name, fixed_names[i])) {
            write_fixed(v, (enum fixed_field)i, w);
            return true;
        }
    const struct dhcp4_option_row *row = dhcp_words_row(name);
    if (!row || !dhcp4_has(&v->dhcp, row->code))
        return false;
    dhcp4_write_value(w, row->code, dhcp4_option(&v->dhcp, row->code));
    return true;
}

bool view_knows_field(struct span name)
{
    for (unsigned i = 0; i < FIXED_FIELDS; i++)
        if (span_is(name, fixed_names[i]))
            return true;
    return dhcp_words_row(name) != NULL;
}

const char *view_nearest_field(const char *name)
{
    const char *best = fixed_names[0];
    for (unsigned i = 1; i < FIXED_FIELDS; i++)
        if (edit_distance(name, fixed_names[i]) < edit_distance(name, best))
            best = fixed_names[i];
    const char *option = dhcp_words_nearest(name);
    return edit_distance(name, option) < edit_distance(name, best) ? option : best;
}

/* ---- what decides ---------------------------------------------------------------------------- */

#define DECISIVE_MAX 8

static const char *const decisive[][DECISIVE_MAX] = {
    [DHCP4_DISCOVER] = { "requested-address", "host-name", "client-identifier", "flags", "vendor-class" },
    [DHCP4_OFFER] = { "yiaddr", "lease-time", "server-identifier", "subnet-mask", "routers", "dns-servers",
                      "domain" },
    [DHCP4_REQUEST] = { "requested-address", "server-identifier", "ciaddr", "host-name",
                        "client-identifier" },
    [DHCP4_DECLINE] = { "requested-address", "server-identifier", "message" },
    [DHCP4_ACK] = { "yiaddr", "lease-time", "server-identifier", "subnet-mask", "routers", "dns-servers",
                    "domain" },
    [DHCP4_NAK] = { "message", "server-identifier" },
    [DHCP4_RELEASE] = { "ciaddr", "server-identifier" },
    [DHCP4_INFORM] = { "ciaddr", "host-name" },
};

/* A field that was left 0 decides nothing. */
static bool says_something(const struct view *v, const char *name)
{
    const struct dhcp4_fixed *f = &v->dhcp.fixed;
    if (strcmp(name, "ciaddr") == 0)
        return f->ciaddr != 0;
    if (strcmp(name, "yiaddr") == 0)
        return f->yiaddr != 0;
    if (strcmp(name, "flags") == 0)
        return f->flags != 0;
    return true;
}

static void write_decisive_dhcp(const struct view *v, struct writer *w)
{
    const char *const *names = decisive[v->dhcp.type];
    for (size_t i = 0; i < DECISIVE_MAX && names[i]; i++) {
        struct mark before = writer_mark(w);
        if (!says_something(v, names[i]))
            continue;
        write_format(w, "%s%s ", writer_length(w) ? ", " : "", names[i]);
        bool there = view_field(v, span_text(names[i]), w), fits = writer_ok(w);
        if (!there || !fits)
            writer_back_to(w, before);
        if (there && !fits)
            return;
    }
}

void view_write_decisive(const struct view *v, struct writer *w)
{
    struct mark before = writer_mark(w);
    if (v->protocol == VIEW_DHCP4) {
        write_decisive_dhcp(v, w);
    } else if (v->protocol == VIEW_ARP) {
        write_text(w, v->arp.op == FRAME_ARP_REQUEST ? "who has " : "I have ");
        write_address(w, v->arp.op == FRAME_ARP_REQUEST ? v->arp.to : v->arp.from);
    } else if (v->has_ip) {
        write_address(w, v->ip.from);
        write_text(w, " to ");
        write_address(w, v->ip.to);
    }
    if (!writer_ok(w))
        writer_back_to(w, before);
}

/* ---- one sentence ----------------------------------------------------------------------------- */

/* RFC 2131 4.3.2: what a REQUEST means is told by which fields it has. */
static void write_request_sentence(const struct view *v, struct writer *w)
{
    const struct dhcp4_message *m = &v->dhcp;
    uint32_t server, requested;
    if (dhcp4_number(m, DHCP4_OPTION_SERVER_IDENTIFIER, &server)) {
        write_text(w, "the client takes the offer of ");
        write_address(w, server);
    } else if (dhcp4_number(m, DHCP4_OPTION_REQUESTED_ADDRESS, &requested)) {
        write_text(w, "a client that knows this network asks whether it may keep ");
        write_address(w, requested);
    } else {
        write_text(w, "a client asks for more time for ");
        write_address(w, m->fixed.ciaddr);
    }
}

static void write_dhcp_sentence(const struct view *v, struct writer *w)
{
    const struct dhcp4_message *m = &v->dhcp;
    uint32_t lease_s = 0;
    write_format(w, "%s: ", view_word(v));
    switch (m->type) {
    case DHCP4_DISCOVER:
        write_text(w, "a client looks for a server");
        break;
    case DHCP4_OFFER:
        write_text(w, "a server proposes ");
        write_address(w, m->fixed.yiaddr);
        break;
    case DHCP4_REQUEST:
        write_request_sentence(v, w);
        break;
    case DHCP4_ACK:
        write_text(w, m->fixed.yiaddr ? "the server confirms: " : "the server tells what it was asked");
        if (m->fixed.yiaddr)
            write_address(w, m->fixed.yiaddr);
        if (dhcp4_number(m, DHCP4_OPTION_LEASE_TIME, &lease_s))
            write_format(w, " is the client's for %u seconds", (unsigned)lease_s);
        break;
    case DHCP4_NAK:
        write_text(w, "the server refuses: the client begins anew");
        break;
    case DHCP4_DECLINE:
        write_text(w, "the client found its address in use");
        break;
    case DHCP4_RELEASE:
        write_text(w, "the client gives its address back");
        break;
    default:
        write_text(w, "a client that has an address asks for the rest");
        break;
    }
}

void view_write_sentence(const struct view *v, struct writer *w)
{
    if (v->protocol == VIEW_DHCP4)
        write_dhcp_sentence(v, w);
    else if (v->protocol == VIEW_ARP)
        write_text(w, v->arp.op == FRAME_ARP_REQUEST ? "ARP: who has this address?"
                                                     : "ARP: the owner of the address answers");
}
