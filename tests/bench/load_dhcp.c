#include "load.h"

#include "socket.h"
#include "wire/dhcp4.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW   64  /* clients that are in an exchange at once */
#define STUCK_MS 300 /* after this without an answer, lost exchanges begin again */

struct client {
    uint32_t xid, address, server;
    bool requesting;
};

static void send_message(int fd, const struct client *c, uint32_t relay)
{
    uint8_t room[DHCP4_SIZE_LEAST];
    static const uint8_t wanted[] = { 1, 3, 6, 15 };
    struct writer w = writer_over(room, sizeof room);
    struct dhcp4_fixed f = { .op = DHCP4_BOOTREQUEST,
                             .htype = DHCP4_HTYPE_ETHERNET,
                             .hlen = 6,
                             .hops = 1,
                             .xid = c->xid,
                             .giaddr = relay };
    struct writer hardware = writer_over(f.chaddr, sizeof f.chaddr);
    struct dhcp4_build b;
    write_u16(&hardware, 0x0200);
    write_u32(&hardware, c->xid);
    dhcp4_build_open(&b, &w, &f, span_of(NULL, 0), span_of(NULL, 0), sizeof room);
    dhcp4_build_u8(&b, DHCP4_OPTION_MESSAGE_TYPE, c->requesting ? DHCP4_REQUEST : DHCP4_DISCOVER);
    if (c->requesting) {
        dhcp4_build_u32(&b, DHCP4_OPTION_SERVER_IDENTIFIER, c->server);
        dhcp4_build_u32(&b, DHCP4_OPTION_REQUESTED_ADDRESS, c->address);
    }
    dhcp4_build_option(&b, DHCP4_OPTION_PARAMETER_REQUEST_LIST, span_of(wanted, sizeof wanted));
    dhcp4_build_close(&b);
    (void)!send(fd, room, writer_length(&w), MSG_DONTWAIT);
}

static void begin(int fd, struct client *c, uint32_t *next_xid, uint32_t relay)
{
    *c = (struct client){ .xid = *next_xid };
    *next_xid += WINDOW; /* so that xid % WINDOW stays the client's place */
    send_message(fd, c, relay);
}

static void answered(struct load *l, int fd, struct client *clients, uint32_t *next_xids, uint32_t relay,
                     struct span in)
{
    static struct dhcp4_message m;
    if (dhcp4_parse(&m, in) != DHCP4_FINE) {
        l->wrong++;
        return;
    }
    struct client *c = &clients[m.fixed.xid % WINDOW];
    if (c->xid != m.fixed.xid)
        return;
    if (!c->requesting && m.type == DHCP4_OFFER &&
        dhcp4_number(&m, DHCP4_OPTION_SERVER_IDENTIFIER, &c->server)) {
        c->address = m.fixed.yiaddr;
        c->requesting = true;
        send_message(fd, c, relay);
    } else if (c->requesting && (m.type == DHCP4_ACK || m.type == DHCP4_NAK)) {
        if (m.type == DHCP4_ACK)
            l->done++;
        else
            l->wrong++;
        begin(fd, c, &next_xids[c - clients], relay);
    }
}

/* Acts as a relay, so that answers come back to one socket. */
void load_dhcp(struct load *l, struct address relay)
{
    static struct client clients[WINDOW];
    static uint32_t next_xids[WINDOW];
    uint8_t in[DHCP4_BYTES_MAX];
    struct sockaddr_storage at;
    struct endpoint here = { .address = relay, .port = DHCP4_SERVER_PORT };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    l->server.port = DHCP4_SERVER_PORT;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, socket_address(&here, &at)) != 0 ||
        connect(fd, (struct sockaddr *)&at, socket_address(&l->server, &at)) != 0) {
        fprintf(stderr, "load: cannot be a relay: %s\n", strerror(errno));
        exit(1);
    }
    uint32_t base = (uint32_t)entropy_u64() / WINDOW * WINDOW; /* clients that were never seen */
    for (uint32_t i = 0; i < WINDOW; i++) {
        next_xids[i] = base + i;
        begin(fd, &clients[i], &next_xids[i], address_to_ip4(relay));
    }
    while (load_goes_on(l)) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        if (poll(&p, 1, STUCK_MS) == 0)
            for (size_t i = 0; i < WINDOW; i++)
                begin(fd, &clients[i], &next_xids[i], address_to_ip4(relay));
        for (ssize_t n; (n = recv(fd, in, sizeof in, MSG_DONTWAIT)) > 0;)
            answered(l, fd, clients, next_xids, address_to_ip4(relay), span_of(in, (size_t)n));
    }
    close(fd);
}
