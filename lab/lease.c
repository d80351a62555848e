/* `wirelab lease SERVER`: a lease of a server that listens on a plain socket, as a lab on loopback does. The
 * client is the one of the scenarios; its frames become datagrams from this program's own port, to which such
 * a server answers. */
#include "client_dhcp.h"
#include "clock.h"
#include "daemon.h"
#include "lab.h"
#include "socket.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS    10000 /* DISCOVER goes out after 0, 4 and 8 seconds */
#define NAME_MAX_BYTES 63    /* a label of the DNS */

struct asking {
    struct endpoint server;
    struct clock clock;
    struct client_dhcp client;
    struct client_dhcp_settings settings;
    uint8_t hardware[FRAME_MAC];
    struct span name;
    int fd;
    uint8_t heard[FRAME_BYTES_MAX]; /* the last frame: the client's message points into it */
};

static int usage(FILE *out, int code)
{
    fprintf(out,
            "usage: wirelab lease SERVER[:PORT] [--name NAME] [--hardware 02:00:00:00:00:01]\n"
            "Gets a lease as a client of that name and hardware address, from a server that listens on an\n"
            "address (not on an interface), and shows what it was told. Port 67 where none is given.\n");
    return code;
}

/* ---- frames <-> datagrams -------------------------------------------------------------------------------
 */

/* What the client wrote as a frame goes out as the datagram inside it. */
static void forward(const struct asking *a, struct span frame)
{
    struct reader r = reader_over(frame), packet, datagram;
    struct frame_ethernet e;
    struct frame_ip4 ip;
    struct frame_udp udp;
    if (frame.len == 0 || !frame_read_ethernet(&r, &e) || !frame_read_ip4(&r, &ip, &packet) ||
        !frame_read_udp(&packet, &ip, &udp, &datagram))
        return;
    struct span payload = read_rest(&datagram);
    if (send(a->fd, payload.at, payload.len, 0) < 0)
        return; /* as if it was lost: it is sent again */
}

/* A datagram for the client as the frame that it would have come in. */
static void wrap(const struct asking *a, struct span payload, struct writer *out)
{
    struct frame_ethernet e = { .type = FRAME_IP4 };
    struct frame_ip4 ip = { .to = UINT32_MAX, .protocol = FRAME_UDP, .ttl = 64 };
    struct frame_udp udp = { .from = DHCP4_SERVER_PORT, .to = DHCP4_CLIENT_PORT };
    memcpy(e.to, a->hardware, FRAME_MAC);
    frame_write_ethernet(out, &e);
    frame_write_udp4(out, &ip, &udp, payload);
}

static void take_datagram(struct asking *a, struct writer *out)
{
    uint8_t payload[DHCP4_BYTES_MAX];
    struct writer frame = writer_over(a->heard, sizeof a->heard);
    ssize_t n = recv(a->fd, payload, sizeof payload, MSG_DONTWAIT);
    if (n <= 0)
        return; /* a refused port counts as silence */
    wrap(a, span_of(payload, (size_t)n), &frame);
    if (writer_ok(&frame))
        client_dhcp_take(&a->client, writer_span(&frame), clock_now(&a->clock), out);
}

/* ---- the conversation ------------------------------------------------------------------------------------
 */

static void wait_for_datagram(const struct asking *a, uint64_t due_ms)
{
    uint64_t now_ms = clock_now(&a->clock).mono_ms;
    struct pollfd p = { .fd = a->fd, .events = POLLIN };
    poll(&p, 1, due_ms > now_ms ? (int)(due_ms - now_ms) : 0);
}

/* False when time ran out. */
static bool converse(struct asking *a)
{
    static const struct client_dhcp_lease none;
    uint8_t room[FRAME_BYTES_MAX];
    struct writer out = writer_over(room, sizeof room);
    struct now now = clock_now(&a->clock);
    uint64_t end_ms = now.mono_ms + PATIENCE_MS;
    client_dhcp_start(&a->client, &a->settings, &none, a->hardware, entropy_u64(), now, &out);
    forward(a, writer_span(&out));
    while (a->client.state != CLIENT_BOUND && clock_now(&a->clock).mono_ms < end_ms) { /* until time is up */
        uint64_t due_ms = a->client.due_ms < end_ms ? a->client.due_ms : end_ms;
        out = writer_over(room, sizeof room);
        wait_for_datagram(a, due_ms);
        take_datagram(a, &out);
        now = clock_now(&a->clock);
        if (a->client.state != CLIENT_BOUND && now.mono_ms >= a->client.due_ms)
            client_dhcp_expire(&a->client, now, &out);
        forward(a, writer_span(&out));
    }
    return a->client.state == CLIENT_BOUND;
}

static void show(const struct asking *a)
{
    const struct dhcp4_message *m = &a->client.message;
    char address[ADDRESS_TEXT_MAX];
    printf("%-24s %s\n", "address", address_format(address_ip4(a->client.lease.address), address));
    for (size_t i = 0; i < m->count; i++) {
        char value[1024];
        const struct dhcp4_option_row *row = dhcp4_option_row(m->order[i]);
        struct writer v = writer_over(value, sizeof value);
        dhcp4_write_value(&v, m->order[i], dhcp4_option(m, m->order[i]));
        if (row && m->order[i] != DHCP4_OPTION_MESSAGE_TYPE && writer_ok(&v))
            printf("%-24s %.*s\n", row->name, (int)writer_length(&v), value);
    }
}

/* ---- the command ------------------------------------------------------------------------------------------
 */

static bool read_server(const char *text, struct endpoint *out)
{
    if (endpoint_parse(span_text(text), out))
        return out->address.family == FAMILY_IP4;
    out->port = DHCP4_SERVER_PORT;
    return address_parse(span_text(text), &out->address) && out->address.family == FAMILY_IP4;
}

static bool read_words(struct asking *a, int argc, char **argv)
{
    static const struct option options[] = { { "name", required_argument, NULL, 'n' },
                                             { "hardware", required_argument, NULL, 'w' },
                                             { "help", no_argument, NULL, 'h' },
                                             { 0 } };
    uint8_t hardware[16];
    for (int letter; (letter = getopt_long(argc, argv, "n:w:h", options, NULL)) != -1;) {
        if (letter == 'n' && optarg[0] && strlen(optarg) <= NAME_MAX_BYTES)
            a->name = span_text(optarg);
        else if (letter == 'w' && hardware_parse(span_text(optarg), hardware) == FRAME_MAC)
            memcpy(a->hardware, hardware, FRAME_MAC);
        else
            return false;
    }
    return optind + 1 == argc && read_server(argv[optind], &a->server);
}

static bool open_socket(struct asking *a)
{
    struct sockaddr_storage to;
    socklen_t length = socket_address(&a->server, &to);
    struct problem p;
    a->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (a->fd >= 0 && connect(a->fd, (struct sockaddr *)&to, length) == 0)
        return true;
    socket_problem(&p, "wirelab lease: cannot reach", &a->server, "udp", errno);
    fprintf(stderr, "%s\n%s\n", p.what, p.remedy);
    return false;
}

int lease_command(int argc, char **argv)
{
    static const uint8_t asked_for[] = { DHCP4_OPTION_SUBNET_MASK, DHCP4_OPTION_ROUTERS,
                                         DHCP4_OPTION_DNS_SERVERS, DHCP4_OPTION_DOMAIN };
    struct asking a = { .hardware = { 2, 0, 0, 0, 0, 1 }, .fd = -1 };
    if (argc == 2 && (span_is(span_text(argv[1]), "-h") || span_is(span_text(argv[1]), "--help")))
        return usage(stdout, EXIT_OK);
    if (!read_words(&a, argc, argv))
        return usage(stderr, EXIT_WRONG_USE);
    a.settings.options[a.settings.option_count++] =
        (struct client_dhcp_option){ DHCP4_OPTION_PARAMETER_REQUEST_LIST,
                                     span_of(asked_for, sizeof asked_for) };
    if (a.name.len > 0)
        a.settings.options[a.settings.option_count++] =
            (struct client_dhcp_option){ DHCP4_OPTION_HOST_NAME, a.name };
    clock_open(&a.clock);
    bool ok = open_socket(&a) && converse(&a);
    if (ok)
        show(&a);
    else if (a.fd >= 0)
        fprintf(stderr, "wirelab lease: %s within %d seconds\n", client_dhcp_fault(&a.client),
                PATIENCE_MS / 1000);
    if (a.fd >= 0)
        close(a.fd);
    return ok ? EXIT_OK : EXIT_RUNNING;
}
