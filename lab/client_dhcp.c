#include "client_dhcp.h"

#define TTL           128
#define TOS           0x10 /* low delay, as DHCP is sent by convention */
#define FIRST_WAIT_MS 4000 /* RFC 2131 4.1: 4 s, doubled up to 64 s, each give or take 1 s */
#define LAST_WAIT_MS  64000
#define SPREAD_MS     1000
#define REQUEST_TRIES 4 /* RFC 2131 3.1 5: then it begins anew */

/* Where a message goes and what it says of the client; RFC 2131 table 5 and 4.4.4. */
struct manner {
    uint8_t type;
    bool names_server, names_address; /* options 54 and 50 */
    bool has_address;                 /* ciaddr, and the sender's IP address */
    bool unicast;                     /* to the server; else to everyone */
    bool full;                        /* with all of the step's options, else the few that are allowed */
};

static const struct manner manners[] = {
    [CLIENT_SELECTING] = { DHCP4_DISCOVER, .full = true },
    [CLIENT_REQUESTING] = { DHCP4_REQUEST, .names_server = true, .names_address = true, .full = true },
    [CLIENT_REBOOTING] = { DHCP4_REQUEST, .names_address = true, .full = true },
    [CLIENT_RENEWING] = { DHCP4_REQUEST, .has_address = true, .unicast = true, .full = true },
    [CLIENT_REBINDING] = { DHCP4_REQUEST, .has_address = true, .full = true },
    [CLIENT_INFORMING] = { DHCP4_INFORM, .has_address = true, .full = true },
};
static const struct manner release = { DHCP4_RELEASE, .names_server = true, .has_address = true,
                                       .unicast = true };
static const struct manner decline = { DHCP4_DECLINE, .names_server = true, .names_address = true };

/* RFC 2131 table 5: what a message of this manner may carry of the step's options. */
static bool may_carry(const struct manner *m, uint8_t code)
{
    if (code == DHCP4_OPTION_REQUESTED_ADDRESS)
        return m->type == DHCP4_DISCOVER; /* elsewhere it is the lease's own */
    return m->full || code == DHCP4_OPTION_CLIENT_IDENTIFIER || code == DHCP4_OPTION_MESSAGE;
}

/* Type, server identifier and the address first, then what the step says, in its order. */
static void write_options(const struct client_dhcp *c, const struct manner *m, struct dhcp4_build *b)
{
    dhcp4_build_u8(b, DHCP4_OPTION_MESSAGE_TYPE, m->type);
    if (m->names_server)
        dhcp4_build_u32(b, DHCP4_OPTION_SERVER_IDENTIFIER, c->lease.server);
    if (m->names_address)
        dhcp4_build_u32(b, DHCP4_OPTION_REQUESTED_ADDRESS, c->lease.address);
    for (size_t i = 0; i < c->settings->option_count; i++) {
        const struct client_dhcp_option *o = &c->settings->options[i];
        if (may_carry(m, o->code))
            dhcp4_build_option(b, o->code, o->value);
    }
}

static bool write_payload(struct client_dhcp *c, const struct manner *m, struct writer *payload)
{
    struct dhcp4_build b;
    struct dhcp4_fixed fixed = { .op = DHCP4_BOOTREQUEST,
                                 .htype = DHCP4_HTYPE_ETHERNET,
                                 .hlen = FRAME_MAC,
                                 .xid = c->xid,
                                 .secs = c->secs,
                                 .flags = c->settings->broadcast ? DHCP4_FLAG_BROADCAST : 0,
                                 .ciaddr = m->has_address ? c->lease.address : 0 };
    struct span none = { NULL, 0 };
    memcpy(fixed.chaddr, c->hardware, FRAME_MAC);
    dhcp4_build_open(&b, payload, &fixed, none, none, DHCP4_SIZE_MOST - DHCP4_HEADERS);
    write_options(c, m, &b);
    return dhcp4_build_close(&b);
}

static void write_manner(struct client_dhcp *c, const struct manner *m, struct writer *out)
{
    uint8_t room[DHCP4_SIZE_MOST];
    struct writer payload = writer_over(room, sizeof room);
    struct frame_ethernet e = { .type = FRAME_IP4 };
    struct frame_ip4 ip = { .from = m->has_address ? c->lease.address : 0,
                            .to = m->unicast ? c->lease.server : UINT32_MAX,
                            .protocol = FRAME_UDP,
                            .ttl = TTL,
                            .tos = TOS };
    struct frame_udp udp = { .from = DHCP4_CLIENT_PORT, .to = DHCP4_SERVER_PORT };
    if (!write_payload(c, m, &payload))
        return;
    static const uint8_t unknown[FRAME_MAC];
    bool known = memcmp(c->lease.server_hardware, unknown, FRAME_MAC) != 0;
    memcpy(e.to, m->unicast && known ? c->lease.server_hardware : frame_broadcast, FRAME_MAC);
    memcpy(e.from, c->hardware, FRAME_MAC);
    frame_write_ethernet(out, &e);
    frame_write_udp4(out, &ip, &udp, writer_span(&payload));
}

static void write_message(struct client_dhcp *c, struct writer *out)
{
    write_manner(c, &manners[c->state], out);
}

static void arm(struct client_dhcp *c, struct now now)
{
    uint64_t wait_ms = FIRST_WAIT_MS;
    for (unsigned i = 0; i < c->tries && wait_ms < LAST_WAIT_MS; i++)
        wait_ms *= 2;
    c->due_ms = now.mono_ms + wait_ms - SPREAD_MS + rng_below(&c->rng, 2 * SPREAD_MS + 1);
}

/* The first or the next try of the state's message. */
static void send(struct client_dhcp *c, struct now now, struct writer *out)
{
    if (c->state != CLIENT_REQUESTING) /* a REQUEST repeats the secs of its DISCOVER */
        c->secs = (uint16_t)((now.mono_ms - c->began_ms) / 1000);
    write_message(c, out);
    arm(c, now);
}

static void begin(struct client_dhcp *c, enum client_dhcp_state state, struct now now, struct writer *out)
{
    c->xid = (uint32_t)rng_next(&c->rng);
    c->tries = 0;
    c->state = state;
    send(c, now, out);
}

static void end(struct client_dhcp *c)
{
    c->state = CLIENT_BOUND;
    c->due_ms = TIMER_NEVER;
}

/* RELEASE and DECLINE have no answer: said once, and the lease is gone. */
static void say_farewell(struct client_dhcp *c, const struct manner *m, struct writer *out)
{
    c->xid = (uint32_t)rng_next(&c->rng);
    write_manner(c, m, out);
    c->lease = (struct client_dhcp_lease){ 0 };
    end(c);
}

/* The address that the step says it had. */
static void take_wish(struct client_dhcp *c)
{
    for (size_t i = 0; i < c->settings->option_count; i++) {
        const struct client_dhcp_option *o = &c->settings->options[i];
        struct reader r = reader_over(o->value);
        if (o->code == DHCP4_OPTION_REQUESTED_ADDRESS)
            c->lease.address = read_u32(&r);
    }
}

bool client_dhcp_start(struct client_dhcp *c, const struct client_dhcp_settings *settings,
                       const struct client_dhcp_lease *before, const uint8_t hardware[FRAME_MAC],
                       uint64_t seed, struct now now, struct writer *out)
{
    *c = (struct client_dhcp){ .settings = settings, .lease = *before, .began_ms = now.mono_ms };
    memcpy(c->hardware, hardware, FRAME_MAC);
    rng_seed(&c->rng, seed);
    if (settings->goal == CLIENT_DHCP_REBOOT)
        take_wish(c);
    bool has_lease = c->lease.address != 0, has_server = c->lease.server != 0;
    switch (settings->goal) {
    case CLIENT_DHCP_ACQUIRE:
        begin(c, CLIENT_SELECTING, now, out);
        return true;
    case CLIENT_DHCP_REBOOT:
        if (has_lease)
            begin(c, CLIENT_REBOOTING, now, out);
        return has_lease;
    case CLIENT_DHCP_RENEW:
    case CLIENT_DHCP_REBIND:
        if (has_lease && has_server)
            begin(c, settings->goal == CLIENT_DHCP_RENEW ? CLIENT_RENEWING : CLIENT_REBINDING, now, out);
        return has_lease && has_server;
    case CLIENT_DHCP_RELEASE:
    case CLIENT_DHCP_DECLINE:
        if (has_lease && has_server)
            say_farewell(c, settings->goal == CLIENT_DHCP_RELEASE ? &release : &decline, out);
        return has_lease && has_server;
    case CLIENT_DHCP_INFORM:
        if (has_lease)
            begin(c, CLIENT_INFORMING, now, out);
        return has_lease;
    }
    return false;
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
    if (m->fixed.op != DHCP4_BOOTREPLY || m->fixed.xid != c->xid || m->fixed.hlen != FRAME_MAC ||
        memcmp(m->fixed.chaddr, c->hardware, FRAME_MAC) != 0)
        return false;
    memcpy(c->heard_hardware, e.from, FRAME_MAC);
    return true;
}

static void take_offer(struct client_dhcp *c, struct now now, struct writer *out)
{
    if (!dhcp4_number(&c->message, DHCP4_OPTION_SERVER_IDENTIFIER, &c->lease.server) ||
        !c->message.fixed.yiaddr)
        return;
    c->lease.address = c->message.fixed.yiaddr;
    c->state = CLIENT_REQUESTING;
    c->tries = 0;
    send(c, now, out);
}

static void take_ack(struct client_dhcp *c)
{
    struct client_dhcp_lease l = { .address = c->message.fixed.yiaddr };
    bool chosen = c->state == CLIENT_REQUESTING;
    if (!dhcp4_number(&c->message, DHCP4_OPTION_SERVER_IDENTIFIER, &l.server) ||
        (chosen && l.server != c->lease.server))
        return;
    if (c->state == CLIENT_INFORMING) { /* RFC 2131 4.3.5: neither lease nor yiaddr; nothing was bound */
        end(c);
        return;
    }
    if (!dhcp4_number(&c->message, DHCP4_OPTION_LEASE_TIME, &l.lease_s) || !l.address)
        return;
    dhcp4_number(&c->message, DHCP4_OPTION_SUBNET_MASK, &l.mask);
    memcpy(l.server_hardware, c->heard_hardware, FRAME_MAC);
    c->lease = l;
    end(c);
}

/* RFC 2131 3.1 5 and 4.4.5: anew. After a refused offer it pauses, so that two that disagree make no storm.
 */
static void take_nak(struct client_dhcp *c, struct now now, struct writer *out)
{
    bool was_offered = c->state == CLIENT_REQUESTING;
    c->refused++;
    c->lease = (struct client_dhcp_lease){ 0 };
    if (was_offered) {
        arm(c, now);
        c->tries = REQUEST_TRIES;
    } else {
        begin(c, CLIENT_SELECTING, now, out);
    }
}

void client_dhcp_take(struct client_dhcp *c, struct span frame, struct now now, struct writer *out)
{
    if (c->state == CLIENT_BOUND || !understand(c, frame))
        return;
    if (c->state == CLIENT_SELECTING && c->message.type == DHCP4_OFFER)
        take_offer(c, now, out);
    else if (c->state != CLIENT_SELECTING && c->message.type == DHCP4_ACK)
        take_ack(c);
    else if (c->state != CLIENT_SELECTING && c->state != CLIENT_INFORMING && c->message.type == DHCP4_NAK)
        take_nak(c, now, out);
}

void client_dhcp_expire(struct client_dhcp *c, struct now now, struct writer *out)
{
    if (c->state == CLIENT_BOUND)
        return;
    c->tries++;
    if (c->state == CLIENT_REQUESTING && c->tries >= REQUEST_TRIES)
        begin(c, CLIENT_SELECTING, now, out);
    else
        send(c, now, out);
}

const char *client_dhcp_fault(const struct client_dhcp *c)
{
    static const char *const faults[] = {
        [CLIENT_SELECTING] = "no server answered its DISCOVER",
        [CLIENT_REQUESTING] = "the server did not answer its REQUEST",
        [CLIENT_REBOOTING] = "no server answered its REQUEST for the address that it had",
        [CLIENT_RENEWING] = "the server did not answer its REQUEST to renew",
        [CLIENT_REBINDING] = "no server answered its REQUEST to rebind",
        [CLIENT_INFORMING] = "no server answered its INFORM",
        [CLIENT_BOUND] = "it has what it wanted",
    };
    if (c->state == CLIENT_REQUESTING && c->refused)
        return "the server refused the address that it had offered (NAK)";
    return faults[c->state];
}
