#include "view_make.h"

#define IP4_MORE         0x2000
#define IP4_OFFSET       0x1fff
#define IP6_HEADER_BYTES 40
#define COOKED_ADDRESS   8 /* room of an address in it */

/* Link types of captures (the registry of tcpdump.org). */
enum link_type {
    LINK_NULL = 0, /* BSD's loopback: a family in the byte order of the machine */
    LINK_ETHERNET = 1,
    LINK_RAW_OLD = 12, /* on most systems */
    LINK_RAW = 101,
    LINK_LOOP = 108, /* OpenBSD's loopback: a family in network byte order */
    LINK_COOKED = 113,
    LINK_IP4 = 228,
    LINK_IP6 = 229,
    LINK_COOKED2 = 276,
};

enum cooked_packet { COOKED_BROADCAST = 1, COOKED_MULTICAST = 2 };

enum ip6_extension {
    EXTENSION_HOP_BY_HOP = 0,
    EXTENSION_ROUTING = 43,
    EXTENSION_FRAGMENT = 44,
    EXTENSION_AUTHENTICATION = 51,
    EXTENSION_NONE = 59,
    EXTENSION_DESTINATION = 60,
};

bool view_knows_link(uint16_t link_type)
{
    static const uint16_t known[] = { LINK_NULL,   LINK_ETHERNET, LINK_RAW_OLD, LINK_RAW,    LINK_LOOP,
                                      LINK_COOKED, LINK_IP4,      LINK_IP6,     LINK_COOKED2 };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == link_type)
            return true;
    return false;
}

/* ---- IP -------------------------------------------------------------------------------------------------
 */

/* The next `length` bytes, or what the capture kept of them. */
static void open_inside(struct view_packet *p, struct reader *r, size_t length)
{
    size_t there = reader_left(r) < length ? reader_left(r) : length;
    p->missing = length - there;
    p->inside = read_window(r, there);
}

static bool fault(struct view_packet *p, const char *what)
{
    p->fault = what;
    return false;
}

static bool read_ip4(struct view_packet *p, struct reader *r)
{
    uint8_t version = read_u8(r);
    size_t header_bytes = (size_t)(version & 15) * 4;
    read_skip(r, 1);
    size_t total_bytes = read_u16(r);
    read_skip(r, 2);
    uint16_t fragment = read_u16(r);
    p->ttl = read_u8(r);
    p->protocol = read_u8(r);
    read_skip(r, 2);
    p->from.address = address_ip4(read_u32(r));
    uint32_t to = read_u32(r);
    p->to.address = address_ip4(to);
    if (!reader_ok(r))
        return fault(p, "an IPv4 header that is cut short");
    if (version >> 4 != 4 || header_bytes < FRAME_IP4_BYTES)
        return fault(p, "an IPv4 header that is none");
    if (total_bytes == 0) /* left to the network card of the machine that captured */
        total_bytes = FRAME_IP4_BYTES + reader_left(r);
    read_skip(r, header_bytes - FRAME_IP4_BYTES);
    if (!reader_ok(r) || total_bytes < header_bytes)
        return fault(p, "an IPv4 header with lengths that cannot be");
    p->has_ip = true;
    p->everyone = p->everyone || to == UINT32_MAX || to >> 28 == 14;
    p->offset = (size_t)(fragment & IP4_OFFSET) * 8;
    p->more = (fragment & IP4_MORE) != 0;
    p->fragment = p->more || p->offset;
    open_inside(p, r, total_bytes - header_bytes);
    return true;
}

/* One extension header (RFC 8200 4); false: it is none, or it is cut. */
static bool skip_extension(struct view_packet *p)
{
    struct reader *r = &p->inside;
    struct reader before = *r;
    uint8_t kind = p->protocol, next = read_u8(r), length = read_u8(r);
    uint16_t fragment;
    switch (kind) {
    case EXTENSION_HOP_BY_HOP:
    case EXTENSION_ROUTING:
    case EXTENSION_DESTINATION:
        read_skip(r, 6 + (size_t)length * 8);
        break;
    case EXTENSION_AUTHENTICATION:
        read_skip(r, 6 + (size_t)length * 4);
        break;
    case EXTENSION_FRAGMENT:
        fragment = read_u16(r);
        read_skip(r, 4);
        p->offset = fragment & 0xfff8;
        p->more = fragment & 1;
        p->fragment = p->more || p->offset;
        break;
    default:
        *r = before;
        return false;
    }
    p->protocol = next;
    if (!reader_ok(r))
        p->fault = "IPv6 extension headers that are cut short";
    return reader_ok(r) && !p->fragment;
}

static bool read_ip6(struct view_packet *p, struct reader *r)
{
    uint32_t version = read_u32(r);
    size_t length = read_u16(r);
    p->protocol = read_u8(r);
    p->ttl = read_u8(r);
    p->from.address.family = p->to.address.family = FAMILY_IP6;
    read_bytes(r, p->from.address.bytes, 16);
    read_bytes(r, p->to.address.bytes, 16);
    if (!reader_ok(r))
        return fault(p, "an IPv6 header that is cut short");
    if (version >> 28 != 6)
        return fault(p, "an IPv6 header that is none");
    if (length == 0 && p->protocol != EXTENSION_NONE)
        length = reader_left(r);
    p->has_ip = true;
    p->everyone = p->everyone || p->to.address.bytes[0] == 0xff;
    open_inside(p, r, length);
    for (int i = 0; i < VIEW_EXTENSIONS_MAX && skip_extension(p); i++)
        ;
    return true;
}

static bool read_network(struct view_packet *p, struct reader *r)
{
    if (p->type == FRAME_IP4)
        return read_ip4(p, r);
    if (p->type == FRAME_IP6)
        return read_ip6(p, r);
    p->inside = *r;
    return true;
}

/* ---- the link --------------------------------------------------------------------------------------------
 */

static bool read_ethernet(struct view_packet *p, struct reader *r)
{
    struct frame_ethernet e;
    if (!frame_read_ethernet(r, &e))
        return fault(p, "a frame that is cut short");
    p->type = e.type;
    p->from.has_hardware = p->to.has_hardware = true;
    memcpy(p->from.hardware, e.from, FRAME_MAC);
    memcpy(p->to.hardware, e.to, FRAME_MAC);
    p->everyone = (e.to[0] & 1) != 0;
    return read_network(p, r);
}

/* What the "any" device of Linux gives: the sender's hardware address and the type. Two forms. */
static bool read_cooked(struct view_packet *p, struct reader *r, bool second)
{
    uint16_t packet_type, length;
    if (second) {
        p->type = read_u16(r);
        read_skip(r, 2 + 4 + 2); /* reserved, interface, kind of device */
        packet_type = read_u8(r);
        length = read_u8(r);
    } else {
        packet_type = read_u16(r);
        read_skip(r, 2); /* kind of device */
        length = read_u16(r);
    }
    struct reader address = read_window(r, COOKED_ADDRESS);
    if (!second)
        p->type = read_u16(r);
    if (!reader_ok(r))
        return fault(p, "a frame that is cut short");
    if (length == FRAME_MAC) {
        p->from.has_hardware = true;
        read_bytes(&address, p->from.hardware, FRAME_MAC);
    }
    p->everyone = packet_type == COOKED_BROADCAST || packet_type == COOKED_MULTICAST;
    return read_network(p, r);
}

static bool read_raw(struct view_packet *p, struct reader *r)
{
    int first = reader_peek(r);
    if (first < 0)
        return fault(p, "a packet without a byte");
    p->type = first >> 4 == 6 ? FRAME_IP6 : FRAME_IP4;
    return read_network(p, r);
}

bool view_packet_read(struct view_packet *p, const struct view_frame *f)
{
    struct reader r = reader_over(f->bytes);
    *p = (struct view_packet){ 0 };
    switch (f->link_type) {
    case LINK_ETHERNET:
        return read_ethernet(p, &r);
    case LINK_COOKED:
        return read_cooked(p, &r, false);
    case LINK_COOKED2:
        return read_cooked(p, &r, true);
    case LINK_NULL:
    case LINK_LOOP:
        read_skip(&r, 4); /* the packet's own version tells the family */
        return read_raw(p, &r);
    case LINK_RAW:
    case LINK_RAW_OLD:
    case LINK_IP4:
    case LINK_IP6:
        return read_raw(p, &r);
    default:
        return fault(p, "a frame of a link that is not known here");
    }
}
