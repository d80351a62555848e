#include "load_dhcp.h"

#include "load.h"
#include "socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PLACES    1024 /* a power of two, so that a client's number tells its place */
#define WINDOW    64   /* of them in an exchange at once in a closed loop */
#define STUCK_MS  300  /* after this without an answer, lost exchanges begin again */
#define BUCKETS   4096 /* of waiting times, ... */
#define BUCKET_US 25   /* ... each so wide; what took longer is in the last one */
#define NS_PER_MS 1000000u
#define NS_PER_S  1000000000u
#define BUFFER    (4 * 1024 * 1024)

struct gun {
    struct load *load;
    const struct exchange_type *type;
    struct address relay;
    struct load_pace pace;
    int fd;
    uint32_t places; /* as many of them as are used */
    size_t last;     /* where an exchange began */
    uint64_t begun, waited[BUCKETS];
    uint32_t base, next[PLACES];
    struct exchange x[PLACES];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void send_message(struct gun *g, struct exchange *x)
{
    uint8_t room[1024];
    struct writer w = writer_over(room, sizeof room);
    g->type->write(&w, x, g->relay);
    x->sent_ns = now_ns();
    (void)!send(g->fd, room, writer_length(&w), MSG_DONTWAIT);
}

static void begin(struct gun *g, size_t place)
{
    uint32_t number = g->next[place];
    g->next[place] += g->places; /* so that its remainder stays the place */
    if (g->pace.clients && g->next[place] - g->base >= g->pace.clients)
        g->next[place] = g->base + (uint32_t)place;
    g->x[place] = (struct exchange){ .number = number, .busy = true };
    g->begun++;
    send_message(g, &g->x[place]);
}

static void note_wait(struct gun *g, const struct exchange *x)
{
    uint64_t bucket = (now_ns() - x->sent_ns) / 1000 / BUCKET_US;
    g->waited[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
}

static void end(struct gun *g, size_t place)
{
    g->x[place].busy = false;
    if (!g->pace.per_second)
        begin(g, place);
}

static void hear(struct gun *g, struct span in)
{
    struct exchange heard = { 0 };
    enum heard what = g->type->read(in, &heard);
    size_t place = heard.number % g->places;
    struct exchange *x = &g->x[place];
    if (what == HEARD_NOTHING)
        g->load->wrong++;
    if (what == HEARD_NOTHING || !x->busy || (x->number & g->type->number_mask) != heard.number ||
        x->requesting != (what == HEARD_GRANT))
        return;
    if (what == HEARD_OFFER) {
        heard.number = x->number;
        heard.busy = heard.requesting = true;
        *x = heard;
        send_message(g, x);
        return;
    }
    if (what == HEARD_GRANT) {
        g->load->done++;
        note_wait(g, x);
    } else {
        g->load->wrong++;
    }
    end(g, place);
}

/* In a closed loop, those that were lost; else as many new ones as it is time for, each in a place that is
 * free. One that was lost counts as wrong. */
static void begin_due(struct gun *g, uint64_t start_ns, bool stuck)
{
    if (!g->pace.per_second) {
        for (size_t i = 0; i < g->places && stuck; i++)
            begin(g, i);
        return;
    }
    uint64_t due = (now_ns() - start_ns) * g->pace.per_second / NS_PER_S;
    for (size_t tries = 0; g->begun < due && tries < PLACES; tries++) {
        struct exchange *x = &g->x[g->last = (g->last + 1) % PLACES];
        if (x->busy && now_ns() - x->sent_ns < STUCK_MS * (uint64_t)NS_PER_MS)
            continue;
        g->load->wrong += x->busy;
        begin(g, g->last);
    }
}

static uint64_t p99_us(const struct gun *g)
{
    uint64_t all = 0, seen = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        all += g->waited[i];
    for (size_t i = 0; i < BUCKETS; i++)
        if ((seen += g->waited[i]) * 100 >= all * 99 && all)
            return (i + 1) * BUCKET_US;
    return 0;
}

/* A relay, so that answers come back to one socket. */
static int open_socket(const struct gun *g)
{
    struct sockaddr_storage at;
    struct endpoint here = { .address = g->relay, .port = g->type->port };
    int bytes = BUFFER, fd = socket(here.address.family == FAMILY_IP6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    g->load->server.port = g->type->port;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, socket_address(&here, &at)) != 0 ||
        connect(fd, (struct sockaddr *)&at, socket_address(&g->load->server, &at)) != 0) {
        fprintf(stderr, "load: cannot be a relay: %s\n", strerror(errno));
        exit(1);
    }
    return fd;
}

void load_dhcp(struct load *l, struct address relay, struct load_pace pace)
{
    static struct gun g;
    uint8_t in[DHCP6_BYTES_MAX];
    g = (struct gun){ .load = l, .relay = relay, .pace = pace };
    g.type = relay.family == FAMILY_IP6 ? &exchange_dhcp6 : &exchange_dhcp4;
    g.fd = open_socket(&g);
    g.places = pace.per_second ? PLACES : WINDOW;
    /* clients that were never seen, or always the same */
    g.base = pace.clients ? 0 : (uint32_t)entropy_u64() / PLACES * PLACES;
    for (uint32_t i = 0; i < g.places; i++)
        g.next[i] = g.base + i;
    for (size_t i = 0; i < g.places && !pace.per_second; i++)
        begin(&g, i);
    uint64_t start_ns = now_ns();
    while (load_goes_on(l)) {
        struct pollfd p = { .fd = g.fd, .events = POLLIN };
        int ready = poll(&p, 1, pace.per_second ? 0 : STUCK_MS);
        for (ssize_t n; (n = recv(g.fd, in, sizeof in, MSG_DONTWAIT)) > 0;)
            hear(&g, span_of(in, (size_t)n));
        begin_due(&g, start_ns, ready == 0);
    }
    l->p99_us = p99_us(&g);
    close(g.fd);
}

/* ---- DHCPv4 ---------------------------------------------------------------------------------- */

static void write_dhcp4(struct writer *w, const struct exchange *x, struct address relay)
{
    static const uint8_t wanted[] = { 1, 3, 6, 15 };
    struct dhcp4_fixed f = { .op = DHCP4_BOOTREQUEST,
                             .htype = DHCP4_HTYPE_ETHERNET,
                             .hlen = 6,
                             .hops = 1,
                             .xid = x->number,
                             .giaddr = address_to_ip4(relay) };
    struct writer hardware = writer_over(f.chaddr, sizeof f.chaddr);
    struct dhcp4_build b;
    write_u16(&hardware, 0x0200);
    write_u32(&hardware, x->number);
    dhcp4_build_open(&b, w, &f, span_of(NULL, 0), span_of(NULL, 0), DHCP4_SIZE_LEAST);
    dhcp4_build_u8(&b, DHCP4_OPTION_MESSAGE_TYPE, x->requesting ? DHCP4_REQUEST : DHCP4_DISCOVER);
    if (x->requesting) {
        dhcp4_build_u32(&b, DHCP4_OPTION_SERVER_IDENTIFIER, x->server4);
        dhcp4_build_u32(&b, DHCP4_OPTION_REQUESTED_ADDRESS, x->address4);
    }
    dhcp4_build_option(&b, DHCP4_OPTION_PARAMETER_REQUEST_LIST, span_of(wanted, sizeof wanted));
    dhcp4_build_close(&b);
}

static enum heard read_dhcp4(struct span in, struct exchange *out)
{
    static struct dhcp4_message m;
    if (dhcp4_parse(&m, in) != DHCP4_FINE || !dhcp4_number(&m, DHCP4_OPTION_SERVER_IDENTIFIER, &out->server4))
        return HEARD_NOTHING;
    out->number = m.fixed.xid;
    out->address4 = m.fixed.yiaddr;
    return m.type == DHCP4_OFFER ? HEARD_OFFER : m.type == DHCP4_ACK ? HEARD_GRANT : HEARD_REFUSAL;
}

const struct exchange_type exchange_dhcp4 = { DHCP4_SERVER_PORT, UINT32_MAX, write_dhcp4, read_dhcp4 };

/* ---- DHCPv6 ---------------------------------------------------------------------------------- */

static void write_duid(struct writer *w, uint32_t number)
{
    write_u16(w, 3); /* DUID-LL */
    write_u16(w, 1);
    write_u16(w, 0x0200);
    write_u32(w, number);
}

static void write_dhcp6(struct writer *w, const struct exchange *x, struct address relay)
{
    static const uint8_t wanted[] = { 0, DHCP6_OPTION_DNS_SERVERS };
    uint8_t room[16];
    struct writer duid = writer_over(room, sizeof room);
    struct dhcp6_relays relays = { .count = 1 };
    struct dhcp6_wrap wrap;
    relays.relay[0].link = address_to_ip6(relay);
    relays.relay[0].peer = (struct ip6){ (uint64_t)0xfe80 << 48, x->number };
    dhcp6_wrap_open(&wrap, w, DHCP6_RELAY_FORWARD, &relays);
    dhcp6_write_header(w, x->requesting ? DHCP6_REQUEST : DHCP6_SOLICIT, x->number & 0xffffff);
    write_duid(&duid, x->number);
    dhcp6_write_option(w, DHCP6_OPTION_CLIENT_ID, writer_span(&duid));
    if (x->requesting)
        dhcp6_write_option(w, DHCP6_OPTION_SERVER_ID, span_of(x->server6, x->server6_len));
    dhcp6_write_u16(w, DHCP6_OPTION_ELAPSED_TIME, 0);
    dhcp6_write_option(w, DHCP6_OPTION_OPTION_REQUEST, span_of(wanted, sizeof wanted));
    struct mark ia = dhcp6_ia_open(w, DHCP6_OPTION_IA_NA, 1, 0, 0);
    if (x->requesting)
        dhcp6_write_address(w, x->address6, 0, 0);
    dhcp6_option_close(w, ia);
    dhcp6_wrap_close(&wrap, w);
}

static enum heard read_dhcp6(struct span in, struct exchange *out)
{
    static struct dhcp6_message m;
    static struct dhcp6_relays relays;
    struct span inner;
    if (dhcp6_unwrap_reply(&relays, in, &inner) != DHCP6_FINE || dhcp6_parse(&m, inner) != DHCP6_FINE)
        return HEARD_NOTHING;
    struct writer server = writer_over(out->server6, sizeof out->server6);
    write_span(&server, m.server_id);
    out->server6_len = writer_length(&server);
    out->number = m.xid;
    if (!m.address_count)
        return HEARD_REFUSAL;
    out->address6 = m.addresses[0].address;
    return m.type == DHCP6_ADVERTISE ? HEARD_OFFER : HEARD_GRANT;
}

const struct exchange_type exchange_dhcp6 = { DHCP6_SERVER_PORT, 0xffffff, write_dhcp6, read_dhcp6 };
