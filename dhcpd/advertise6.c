#include "advertise6.h"

#include "interface.h"
#include "wire/ndp.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* RFC 4861 6.2.1, 10 */
#define INTERVAL_MOST_MS     600000
#define INTERVAL_LEAST_MS    200000
#define INITIAL_INTERVAL_MS  16000 /* between the first few */
#define INITIAL_COUNT        3
#define ANSWER_DELAY_MS      500  /* an answer waits up to so long, so that routers do not speak at once */
#define BETWEEN_MS           3000 /* two advertisements to all */
#define RETRY_MS             1000 /* while the link takes nothing, as before its own address is settled */
#define SOLICITATIONS_A_TURN 16
#define DNS_LIFETIME_S       (3 * INTERVAL_MOST_MS / 1000) /* RFC 8106 5.1 */
#define SOLICITATION_BYTES   1500

struct advertiser6 {
    struct home *home;
    char interface[IF_NAMESIZE];
    advertiser6_link_fn *link;
    void *owner;
    uv_poll_t poll;
    int fd;
    struct timer due;
    uint64_t last_ms; /* when the last one left; 0: none did */
    unsigned sent;
};

static const struct in6_addr all_nodes = { .s6_addr = { 0xff, 0x02, [15] = 1 } };
static const struct in6_addr all_routers = { .s6_addr = { 0xff, 0x02, [15] = 2 } };

void advertisement6_of(struct ndp_advertisement *out, struct ndp_prefix *prefix,
                       const struct dhcp6_subnet *sn, struct span hardware)
{
    bool gives_addresses = sn->range_count > 0 || sn->address_count > 0;
    *prefix = (struct ndp_prefix){ .bits = sn->prefix.bits,
                                   .on_link = true,
                                   .autonomous = sn->autonomous,
                                   .valid_s = sn->valid_s,
                                   .preferred_s = sn->preferred_s };
    memcpy(prefix->address, sn->prefix.address.bytes, sizeof prefix->address);
    *out = (struct ndp_advertisement){ .managed = gives_addresses,
                                       .other = gives_addresses || sn->options.count > 0,
                                       .lifetime_s = sn->router_lifetime_s,
                                       .hardware = hardware,
                                       .prefix = prefix,
                                       .dns_servers = options6_find(&sn->options, DHCP6_OPTION_DNS_SERVERS),
                                       .search_list = options6_find(&sn->options, DHCP6_OPTION_DOMAIN_SEARCH),
                                       .dns_lifetime_s = DNS_LIFETIME_S };
}

/* ---- sending ------------------------------------------------------------------------------------ */

static void tell(struct advertiser6 *a, const struct dhcp6_subnet *sn, struct now now)
{
    struct event ev;
    if (!event_happens(a->home->events, EVENT_DHCP6_ROUTER_ADVERTISED))
        return;
    event_begin(&ev, EVENT_DHCP6_ROUTER_ADVERTISED, now);
    event_text(&ev, "interface", a->interface);
    event_text(&ev, "subnet", sn->name);
    event_emit(a->home->events, &ev);
}

/* `lifetime_s` in the place of the subnet's. False: the link is not ready. */
static bool send_advertisement(struct advertiser6 *a, const struct dhcp6_subnet *sn, uint16_t lifetime_s,
                               struct now now)
{
    uint8_t room[NDP_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    struct ndp_advertisement said;
    struct ndp_prefix prefix;
    struct interface i;
    struct sockaddr_in6 to = { .sin6_family = AF_INET6,
                               .sin6_addr = all_nodes,
                               .sin6_scope_id = if_nametoindex(a->interface) };
    interface_look(&i, a->interface);
    advertisement6_of(&said, &prefix, sn,
                      i.has_hardware ? span_of(i.hardware, sizeof i.hardware) : span_of(NULL, 0));
    said.lifetime_s = lifetime_s;
    ndp_write_advertisement(&w, &said);
    if (!writer_ok(&w) ||
        sendto(a->fd, room, writer_length(&w), MSG_DONTWAIT, (struct sockaddr *)&to, sizeof to) < 0)
        return false;
    tell(a, sn, now);
    return true;
}

static void arm(struct advertiser6 *a, uint64_t due_ms)
{
    loop_arm(a->home->loop, &a->due, due_ms);
}

static void is_due(struct timer *t, struct now now)
{
    struct advertiser6 *a = (struct advertiser6 *)((char *)t - offsetof(struct advertiser6, due));
    const struct dhcp6_subnet *sn = a->link(a->owner);
    uint64_t wait_ms = INTERVAL_LEAST_MS + rng_below(&a->home->rng, INTERVAL_MOST_MS - INTERVAL_LEAST_MS + 1);
    if (sn && sn->advertises && !send_advertisement(a, sn, sn->router_lifetime_s, now)) {
        arm(a, now.mono_ms + RETRY_MS);
        return;
    }
    a->last_ms = now.mono_ms;
    if (a->sent < INITIAL_COUNT && wait_ms > INITIAL_INTERVAL_MS)
        wait_ms = INITIAL_INTERVAL_MS;
    a->sent++;
    arm(a, now.mono_ms + wait_ms);
}

/* Soon, but not too soon after the one before. */
static void advertise_soon(struct advertiser6 *a, struct now now)
{
    uint64_t due_ms = now.mono_ms + rng_below(&a->home->rng, ANSWER_DELAY_MS + 1);
    if (a->last_ms && due_ms < a->last_ms + BETWEEN_MS)
        due_ms = a->last_ms + BETWEEN_MS;
    if (due_ms < a->due.due_ms)
        arm(a, due_ms);
}

void advertiser6_tell(struct advertiser6 *a)
{
    a->sent = 0;
    advertise_soon(a, loop_now(a->home->loop));
}

/* ---- receiving ------------------------------------------------------------------------------------ */

static int hop_limit_of(struct msghdr *m)
{
    int limit = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT)
            memcpy(&limit, CMSG_DATA(c), sizeof limit);
    return limit;
}

/* False when nothing more waits. */
static bool take_solicitation(struct advertiser6 *a)
{
    uint8_t room[SOLICITATION_BYTES], control[CMSG_SPACE(sizeof(int))];
    struct sockaddr_in6 from = { 0 };
    struct iovec bytes = { room, sizeof room };
    struct msghdr m = { .msg_name = &from,
                        .msg_namelen = sizeof from,
                        .msg_iov = &bytes,
                        .msg_iovlen = 1,
                        .msg_control = control,
                        .msg_controllen = sizeof control };
    ssize_t n = recvmsg(a->fd, &m, MSG_DONTWAIT);
    if (n < 0)
        return false;
    struct now now = loop_now(a->home->loop);
    bool good = hop_limit_of(&m) == NDP_HOP_LIMIT && !(m.msg_flags & MSG_TRUNC) &&
                ndp_read_solicitation(span_of(room, (size_t)n), IN6_IS_ADDR_UNSPECIFIED(&from.sin6_addr));
    if (good)
        advertise_soon(a, now);
    event_note(a->home->events, good ? EVENT_DHCP6_ROUTER_SOLICITED : EVENT_DHCP6_ROUTER_BAD_INPUT, now,
               "interface", a->interface);
    return true;
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct advertiser6 *a = poll->data;
    (void)events;
    loop_poll_again(poll, status, readable);
    for (int i = 0; i < SOLICITATIONS_A_TURN && take_solicitation(a); i++)
        ;
}

/* ---- the socket ------------------------------------------------------------------------------------- */

static bool set(int fd, int option, int value)
{
    return setsockopt(fd, IPPROTO_IPV6, option, &value, sizeof value) == 0;
}

/* Hears of solicitations on the interface alone. */
static bool prepare(int fd, const char *interface)
{
    struct icmp6_filter filter;
    int index = (int)if_nametoindex(interface);
    struct ipv6_mreq group = { .ipv6mr_multiaddr = all_routers, .ipv6mr_interface = (unsigned)index };
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(NDP_SOLICITATION, &filter);
    return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) == 0 &&
           set(fd, IPV6_MULTICAST_HOPS, NDP_HOP_LIMIT) && set(fd, IPV6_MULTICAST_LOOP, 0) &&
           set(fd, IPV6_RECVHOPLIMIT, 1) && set(fd, IPV6_MULTICAST_IF, index) &&
           setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &group, sizeof group) == 0;
}

static int open_socket(const char *interface, struct problem *p)
{
    int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    if (fd >= 0 && prepare(fd, interface))
        return fd;
    problem_set(p, "cannot open a socket for router advertisements on %s: %s", interface, strerror(errno));
    problem_remedy(p,
                   "it needs the right CAP_NET_RAW, as root has it; or write router-advertisements = false");
    if (fd >= 0)
        close(fd);
    return -1;
}

static void free_advertiser(uv_handle_t *h)
{
    struct advertiser6 *a = h->data;
    close(a->fd);
    free(a);
}

struct advertiser6 *advertiser6_open(struct home *h, const char *interface, advertiser6_link_fn *link,
                                     void *owner, struct problem *p)
{
    struct advertiser6 *a = calloc(1, sizeof *a);
    if (!a) {
        problem_set(p, "out of memory");
        return NULL;
    }
    *a = (struct advertiser6){ .home = h, .link = link, .owner = owner, .due = { .fire = is_due } };
    snprintf(a->interface, sizeof a->interface, "%s", interface);
    a->fd = open_socket(interface, p);
    if (a->fd < 0) {
        free(a);
        return NULL;
    }
    uv_poll_init(&h->loop->uv, &a->poll, a->fd);
    a->poll.data = a;
    uv_poll_start(&a->poll, UV_READABLE, readable);
    arm(a, loop_now(h->loop).mono_ms + rng_below(&h->rng, ANSWER_DELAY_MS + 1));
    return a;
}

void advertiser6_withdraw(struct advertiser6 *a)
{
    const struct dhcp6_subnet *sn = a->link(a->owner);
    if (sn && sn->advertises && sn->router_lifetime_s > 0 && a->sent > 0)
        send_advertisement(a, sn, 0, loop_now(a->home->loop));
}

void advertiser6_close(struct advertiser6 *a)
{
    if (!a)
        return;
    advertiser6_withdraw(a);
    loop_disarm(a->home->loop, &a->due);
    uv_close((uv_handle_t *)&a->poll, free_advertiser);
}
