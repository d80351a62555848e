#include "client_dhcp.h"

#define TTL           128
#define TOS           0x10 /* low delay, as DHCP is sent by convention */
#define FIRST_WAIT_MS 4000 /* RFC 2131 4.1: 4 s, doubled up to 64 s, each give or take 1 s */
#define LAST_WAIT_MS  64000
#define SPREAD_MS     1000
#define REQUEST_TRIES 4 /* RFC 2131 3.1 5: then it begins anew */

/* RFC 2131 table 5: type, server identifier and the address first, then what the step says, in its order. */
static void write_options(struct client_dhcp *c, struct dhcp4_build *b)
{
    bool request = c->state == CLIENT_REQUESTING;
    dhcp4_build_u8(b, DHCP4_OPTION_MESSAGE_TYPE, request ? DHCP4_REQUEST : DHCP4_DISCOVER);
    if (request) {
        dhcp4_build_u32(b, DHCP4_OPTION_SERVER_IDENTIFIER, c->server);
        dhcp4_build_u32(b, DHCP4_OPTION_REQUESTED_ADDRESS, c->address);
    }
    for (size_t i = 0; i < c->step->option_count; i++) {
        const struct scenario_option *o = &c->step->options[i];
        if (!request || o->code != DHCP4_OPTION_REQUESTED_ADDRESS)
            dhcp4_build_option(b, o->code, o->value);
    }
}

static void write_message(struct client_dhcp *c, struct writer *out)
{
    uint8_t room[DHCP4_SIZE_MOST];
    struct writer payload = writer_over(room, sizeof room);
    struct dhcp4_build b;
    struct dhcp4_fixed fixed = { .op = DHCP4_BOOTREQUEST,
                                 .htype = DHCP4_HTYPE_ETHERNET,
                                 .hlen = FRAME_MAC,
                                 .xid = c->xid,
                                 .secs = c->secs,
                                 .flags = c->step->broadcast ? DHCP4_FLAG_BROADCAST : 0 };
    struct span none = { NULL, 0 };
    memcpy(fixed.chaddr, c->hardware, FRAME_MAC);
    dhcp4_build_open(&b, &payload, &fixed, none, none, DHCP4_SIZE_MOST - DHCP4_HEADERS);
    write_options(c, &b);
    if (!dhcp4_build_close(&b))
        return;
    struct frame_ethernet e = { .type = FRAME_IP4 };
    struct frame_ip4 ip = { .to = UINT32_MAX, .protocol = FRAME_UDP, .ttl = TTL, .tos = TOS };
    struct frame_udp udp = { .from = DHCP4_CLIENT_PORT, .to = DHCP4_SERVER_PORT };
    memcpy(e.to, frame_broadcast, FRAME_MAC);
    memcpy(e.from, c->hardware, FRAME_MAC);
    frame_write_ethernet(out, &e);
    frame_write_udp4(out, &ip, &udp, writer_span(&payload));
}

static void arm(struct client_dhcp *c, struct now now)
{
    uint64_t wait_ms = FIRST_WAIT_MS;
    for (unsigned i = 0; i < c->tries && wait_ms < LAST_WAIT_MS; i++)
        wait_ms *= 2;
    c->due_ms = now.mono_ms + wait_ms - SPREAD_MS + rng_below(&c->rng, 2 * SPREAD_MS + 1);
}

static void discover(struct client_dhcp *c, struct now now, struct writer *out)
{
    c->state = CLIENT_SELECTING;
    c->secs = (uint16_t)((now.mono_ms - c->began_ms) / 1000);
    write_message(c, out);
    arm(c, now);
}

static void begin(struct client_dhcp *c, struct now now, struct writer *out)
{
    c->xid = (uint32_t)rng_next(&c->rng);
    c->tries = 0;
    discover(c, now, out);
}

void client_dhcp_start(struct client_dhcp *c, const struct scenario_step *step,
                       const uint8_t hardware[FRAME_MAC], uint64_t seed, struct now now, struct writer *out)
{
    *c = (struct client_dhcp){ .step = step, .began_ms = now.mono_ms };
    memcpy(c->hardware, hardware, FRAME_MAC);
    rng_seed(&c->rng, seed);
    begin(c, now, out);
}

/* A server's message to this client in this exchange, or not. */
static bool understand(struct client_dhcp *c, struct span frame)
{
    struct reader r = reader_over(frame), packet, datagram;
    struct frame_ethernet e;
    struct frame_ip4 ip;
    struct frame_udp udp;
    struct dhcp4_message *m = &c->message;
    if (!frame_read_ethernet(&r, &e) || e.type != FRAME_IP4 || !frame_read_ip4(&r, &ip, &packet) ||
        ip.protocol != FRAME_UDP || !frame_read_udp(&packet, &ip, &udp, &datagram) || !udp.checksum_good)
        return false;
    if (udp.to != DHCP4_CLIENT_PORT || dhcp4_parse(m, read_rest(&datagram)) != DHCP4_FINE)
        return false;
    return m->fixed.op == DHCP4_BOOTREPLY && m->fixed.xid == c->xid && m->fixed.hlen == FRAME_MAC &&
           memcmp(m->fixed.chaddr, c->hardware, FRAME_MAC) == 0;
}

static void take_offer(struct client_dhcp *c, struct now now, struct writer *out)
{
    if (!dhcp4_number(&c->message, DHCP4_OPTION_SERVER_IDENTIFIER, &c->server) || !c->message.fixed.yiaddr)
        return;
    c->address = c->message.fixed.yiaddr;
    c->state = CLIENT_REQUESTING;
    c->tries = 0;
    write_message(c, out);
    arm(c, now);
}

static void take_ack(struct client_dhcp *c)
{
    uint32_t server;
    if (!dhcp4_number(&c->message, DHCP4_OPTION_SERVER_IDENTIFIER, &server) || server != c->server ||
        !dhcp4_number(&c->message, DHCP4_OPTION_LEASE_TIME, &c->lease_s) || !c->message.fixed.yiaddr)
        return;
    c->address = c->message.fixed.yiaddr;
    dhcp4_number(&c->message, DHCP4_OPTION_SUBNET_MASK, &c->mask);
    c->state = CLIENT_BOUND;
    c->due_ms = TIMER_NEVER;
}

void client_dhcp_take(struct client_dhcp *c, struct span frame, struct now now, struct writer *out)
{
    if (c->state == CLIENT_BOUND || !understand(c, frame))
        return;
    if (c->state == CLIENT_SELECTING && c->message.type == DHCP4_OFFER) {
        take_offer(c, now, out);
    } else if (c->state == CLIENT_REQUESTING && c->message.type == DHCP4_ACK) {
        take_ack(c);
    } else if (c->state == CLIENT_REQUESTING && c->message.type == DHCP4_NAK) {
        c->refused++;
        arm(c, now); /* RFC 2131 3.1 5: anew, and after a pause, so that two that disagree make no storm */
        c->tries = REQUEST_TRIES;
    }
}

void client_dhcp_expire(struct client_dhcp *c, struct now now, struct writer *out)
{
    if (c->state == CLIENT_BOUND)
        return;
    c->tries++;
    if (c->state == CLIENT_SELECTING) {
        discover(c, now, out);
    } else if (c->tries >= REQUEST_TRIES) {
        begin(c, now, out);
    } else {
        write_message(c, out);
        arm(c, now);
    }
}

const char *client_dhcp_fault(const struct client_dhcp *c)
{
    if (c->state == CLIENT_SELECTING)
        return "no server answered its DISCOVER";
    return c->refused ? "the server refused the address that it had offered (NAK)"
                      : "the server did not answer its REQUEST";
}
