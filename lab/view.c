#include "view_make.h"

#include "wire/dhcp4.h"
#include "wire/dhcp6.h"

#include <stdlib.h>

enum stage { STAGE_NONE, STAGE_PACKET, STAGE_TCP, STAGE_FINISH };

struct view_world {
    uint64_t frames;
    unsigned part;
    struct view_frame frame;
    struct view_packet packet;
    enum stage stage;
    struct view_make make;
    struct view_tcp tcp;
};

struct view_world *view_world_open(void)
{
    return calloc(1, sizeof(struct view_world));
}

void view_world_close(struct view_world *w)
{
    if (w)
        view_tcp_close(&w->tcp);
    free(w);
}

/* ---- messages that are one packet ------------------------------------------------------------------------
 */

static void make_damaged(struct view_make *m, const char *what)
{
    view_word(m, VIEW_OTHER, "damaged");
    m->message.weight = VIEW_CONTROL;
    view_show(m, span_text(what));
    view_say(m, "damaged: %s", what);
}

static void make_fragment(struct view_make *m, const struct view_packet *p)
{
    size_t bytes = reader_left(&p->inside) + p->missing;
    view_word(m, VIEW_IP, "fragment");
    m->message.weight = VIEW_CONTROL;
    view_add_number(m, "offset", p->offset);
    view_add_number(m, "bytes", bytes);
    view_show_format(m, "bytes %zu to %zu of a packet", p->offset, p->offset + (bytes ? bytes - 1 : 0));
    view_show_format(m, p->more ? "more follow" : "the last");
    view_say(m, "a fragment: the packet was too long for a link; fragments are not put together here");
}

static void make_unknown(struct view_make *m, const struct view_packet *p)
{
    if (p->has_ip) {
        view_word(m, VIEW_IP, "packet");
        view_add_number(m, "ip-protocol", p->protocol);
        view_show_format(m, "IP protocol %u", p->protocol);
    } else {
        view_word(m, VIEW_OTHER, "frame");
        view_show_format(m, p->type < 0x600 ? "IEEE 802.3, length %u" : "Ethernet type 0x%04x", p->type);
    }
    m->message.weight = VIEW_CONTROL;
}

static bool is_dhcp4(const struct view_packet *p)
{
    return (p->from.port == DHCP4_CLIENT_PORT || p->from.port == DHCP4_SERVER_PORT) &&
           (p->to.port == DHCP4_CLIENT_PORT || p->to.port == DHCP4_SERVER_PORT);
}

/* RFC 9915 7.2 says where messages go to; whence they come is left to the sender. */
static bool is_dhcp6(const struct view_packet *p)
{
    return p->type == FRAME_IP6 && (p->to.port == DHCP6_CLIENT_PORT || p->to.port == DHCP6_SERVER_PORT);
}

static bool is_dns_port(uint16_t port)
{
    return port == 53 || port == 5300 || port == 5353;
}

static bool make_known_datagram(struct view_make *m, const struct view_packet *p, struct span payload)
{
    if (is_dhcp4(p))
        return view_dhcp4(m, payload);
    if (is_dhcp6(p))
        return view_dhcp6(m, payload);
    if (is_dns_port(p->from.port) || is_dns_port(p->to.port))
        return view_dns(m, payload, false);
    return false;
}

static void make_datagram(struct view_make *m, struct view_packet *p)
{
    struct reader *r = &p->inside;
    p->from.port = read_u16(r);
    p->to.port = read_u16(r);
    size_t length = read_u16(r);
    read_skip(r, 2);
    if (!reader_ok(r) || (length && length < FRAME_UDP_BYTES)) {
        make_damaged(m, "a UDP header that is cut short");
        return;
    }
    struct span payload = read_rest(r);
    if (length)
        payload = span_head(payload, length - FRAME_UDP_BYTES);
    struct mark before = writer_mark(&m->text);
    if (!p->missing && make_known_datagram(m, p, payload))
        return;
    writer_back_to(&m->text, before);
    m->message.field_count = m->message.shown_count = 0;
    view_word(m, VIEW_UDP, "datagram");
    view_add_number(m, "bytes", payload.len + p->missing);
    view_show_format(m, "port %u to %u", p->from.port, p->to.port);
    view_show_format(m, "%zu bytes", payload.len + p->missing);
    if (p->missing)
        view_show_format(m, "%zu of them were not captured", p->missing);
}

static void make_packet(struct view_make *m, struct view_packet *p)
{
    if (p->fault)
        make_damaged(m, p->fault);
    else if (p->fragment)
        make_fragment(m, p);
    else if (p->type == FRAME_ARP)
        view_arp(m, p);
    else if (p->has_ip && p->protocol == FRAME_ICMP && p->type == FRAME_IP4)
        view_icmp(m, p);
    else if (p->has_ip && p->protocol == FRAME_ICMP6)
        view_icmp6(m, p);
    else if (p->has_ip && p->protocol == FRAME_UDP)
        make_datagram(m, p);
    else if (p->has_ip && p->protocol == FRAME_TCP)
        make_damaged(m, "a TCP header that is cut short");
    else
        make_unknown(m, p);
}

/* ---- frames and messages
 * ------------------------------------------------------------------------------------ */

void view_world_take(struct view_world *w, const struct view_frame *f)
{
    w->frames++;
    w->part = 0;
    w->frame = *f;
    w->tcp.connection = NULL;
    w->stage = STAGE_PACKET;
    if (view_packet_read(&w->packet, f) && !w->packet.fault && !w->packet.fragment && w->packet.has_ip &&
        w->packet.protocol == FRAME_TCP && view_tcp_take(&w->tcp, &w->packet, w->frames))
        w->stage = STAGE_TCP;
}

void view_world_finish(struct view_world *w)
{
    w->part = 0;
    w->tcp.finishing = 0;
    w->stage = STAGE_FINISH;
}

static void open_message(struct view_world *w)
{
    struct view_message *m = &w->make.message;
    w->make.text = writer_over(w->make.room, sizeof w->make.room);
    m->frame = w->frames;
    m->unix_ns = w->frame.unix_ns;
    m->weight = VIEW_APPLICATION;
    m->from = w->packet.from;
    m->to = w->packet.to;
    m->everyone = w->packet.everyone;
    m->reply = false;
    m->field_count = m->shown_count = 0;
    m->word = m->sentence = span_of(w->make.room, 0);
}

/* The fields of every message. */
static void close_message(struct view_world *w)
{
    struct view_message *m = &w->make.message;
    m->part = ++w->part;
    view_add_text(&w->make, "protocol", view_protocol_name(m->protocol));
    view_add_number(&w->make, "frame", m->frame);
    view_add_number(&w->make, "part", m->part);
    if (m->from.address.family) {
        view_add_address(&w->make, "ip-source", m->from.address);
        view_add_address(&w->make, "ip-destination", m->to.address);
    }
    if (m->from.port) {
        view_add_number(&w->make, "source-port", m->from.port);
        view_add_number(&w->make, "destination-port", m->to.port);
    }
}

const struct view_message *view_world_next(struct view_world *w)
{
    bool made = false;
    open_message(w);
    if (w->stage == STAGE_PACKET) {
        make_packet(&w->make, &w->packet);
        w->make.message.from.port = w->packet.from.port;
        w->make.message.to.port = w->packet.to.port;
        w->stage = STAGE_NONE;
        made = true;
    } else if (w->stage == STAGE_TCP) {
        made = view_tcp_next(&w->tcp, &w->make);
    } else if (w->stage == STAGE_FINISH) {
        w->make.message.everyone = false;
        made = view_tcp_finish(&w->tcp, &w->make);
    }
    if (!made)
        return NULL;
    close_message(w);
    return &w->make.message;
}
