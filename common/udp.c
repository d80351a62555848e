#include "udp.h"

#include "socket.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONTROL_BYTES (CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo)))

/* What the kernel needs beside a batch: set up once, patched for each datagram. */
struct batch_room {
    struct batch batch; /* first, so that a batch is its room */
    struct batch_room *next_free;
    struct mmsghdr in[UDP_BATCH_MAX], out[UDP_BATCH_MAX];
    struct iovec in_iov[UDP_BATCH_MAX], out_iov[UDP_BATCH_MAX];
    struct sockaddr_storage peer[UDP_BATCH_MAX];
    _Alignas(struct cmsghdr) uint8_t control[UDP_BATCH_MAX][CONTROL_BYTES];
    uint8_t *bytes; /* in and out rooms, one behind the other */
};

/* A socket that the loop watches is looked at by the kernel for who waits each time that a datagram has left.
 * After so many replies in a batch it is watched no more until a read finds nothing: two system calls, and
 * cheaper. */
#define BUSY_MIN 16

struct udp {
    struct loop *loop;
    uv_poll_t poll;
    struct deferred again; /* reads, while it is not watched */
    int fd;
    struct endpoint local;
    size_t in_bytes, out_bytes;
    udp_batch_fn *fn;
    void *owner;
    struct batch_room *free;
    unsigned rooms, in_hand;
    bool closing, handle_closed, watched;
};

static uint8_t *in_room(const struct udp *u, struct batch_room *b, size_t i)
{
    return b->bytes + i * (u->in_bytes + u->out_bytes);
}

static uint8_t *out_room(const struct udp *u, struct batch_room *b, size_t i)
{
    return in_room(u, b, i) + u->in_bytes;
}

static struct batch_room *room_new(struct udp *u)
{
    struct batch_room *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->bytes = malloc(UDP_BATCH_MAX * (u->in_bytes + u->out_bytes));
    if (!b->bytes) {
        free(b);
        return NULL;
    }
    b->batch.udp = u;
    for (size_t i = 0; i < UDP_BATCH_MAX; i++) {
        b->in_iov[i] = (struct iovec){ in_room(u, b, i), u->in_bytes };
        b->in[i].msg_hdr = (struct msghdr){
            .msg_name = &b->peer[i], .msg_iov = &b->in_iov[i], .msg_iovlen = 1, .msg_control = b->control[i]
        };
    }
    u->rooms++;
    return b;
}

static void room_free(struct batch_room *b)
{
    free(b->bytes);
    free(b);
}

/* The socket has a handful of batches; when all are in hand, it is not read. */
static struct batch_room *room_take(struct udp *u)
{
    struct batch_room *b = u->free;
    if (b)
        u->free = b->next_free;
    else if (u->rooms < UDP_BATCHES)
        b = room_new(u);
    if (b)
        u->in_hand++;
    return b;
}

static void free_if_done(struct udp *u)
{
    if (!u->closing || !u->handle_closed || u->in_hand)
        return;
    for (struct batch_room *b = u->free, *next; b; b = next) {
        next = b->next_free;
        room_free(b);
    }
    free(u);
}

/* The address a datagram was sent to, and where it came in (RFC 3542 6.2 for IPv6). */
static void read_packet_info(struct msghdr *m, struct datagram *d)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(d->local.address.bytes, &info.ipi_addr, 4);
            d->interface = (unsigned)info.ipi_ifindex;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(d->local.address.bytes, &info.ipi6_addr, 16);
            d->interface = info.ipi6_ifindex;
        }
    }
}

static void fill_datagram(struct udp *u, struct batch_room *b, size_t i)
{
    struct datagram *d = &b->batch.d[i];
    struct msghdr *m = &b->in[i].msg_hdr;
    d->in = span_of(in_room(u, b, i), b->in[i].msg_len);
    d->truncated = m->msg_flags & MSG_TRUNC;
    d->peer = socket_endpoint(&b->peer[i]);
    d->local = u->local;
    d->interface = 0;
    d->tag = 0;
    d->out = writer_over(out_room(u, b, i), u->out_bytes);
    read_packet_info(m, d);
}

static int receive(struct udp *u, struct batch_room *b)
{
    for (size_t i = 0; i < UDP_BATCH_MAX; i++) {
        struct msghdr *m = &b->in[i].msg_hdr;
        m->msg_namelen = sizeof b->peer[i];
        m->msg_controllen = CONTROL_BYTES;
    }
    int n;
    do
        n = recvmmsg(u->fd, b->in, UDP_BATCH_MAX, MSG_DONTWAIT, NULL);
    while (n < 0 && errno == EINTR);
    return n;
}

static void give_back(struct udp *u, struct batch_room *b)
{
    b->next_free = u->free;
    u->free = b;
    u->in_hand--;
}

static void readable(uv_poll_t *p, int status, int events);

static void watch(struct udp *u, bool on)
{
    if (u->watched == on)
        return;
    u->watched = on;
    if (on)
        uv_poll_start(&u->poll, UV_READABLE, readable);
    else
        uv_poll_stop(&u->poll);
}

static void read_batch(struct udp *u)
{
    struct batch_room *b = room_take(u);
    if (!b) {
        watch(u, false); /* until one is given back */
        return;
    }
    int n = receive(u, b);
    if (n <= 0) {
        give_back(u, b);
        watch(u, true);
        return;
    }
    b->batch.count = (size_t)n;
    for (size_t i = 0; i < b->batch.count; i++)
        fill_datagram(u, b, i);
    u->fn(u->owner, u, &b->batch, loop_now(u->loop));
    if (!u->watched && !u->closing)
        loop_defer(u->loop, &u->again); /* the batch may stay in hand, and there is more to read */
}

static void readable(uv_poll_t *p, int status, int events)
{
    (void)events;
    loop_poll_again(p, status, readable); /* an error of a former send; the read clears it */
    read_batch(p->data);
}

static void read_again(struct deferred *d)
{
    read_batch(list_item(d, struct udp, again));
}

static bool set_options(int fd, const struct udp_options *o)
{
    int on = 1;
    bool ok = true;
    bool is6 = o->bind.address.family == FAMILY_IP6;
    if (is6)
        ok &= setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
    /* A socket bound to one address needs not be told by each datagram which one it is. */
    if (address_is_any(o->bind.address))
        ok &= setsockopt(fd, is6 ? IPPROTO_IPV6 : IPPROTO_IP, is6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on,
                         sizeof on) == 0;
    if (o->broadcast)
        ok &= setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) == 0;
    if (o->reuse_port)
        ok &= setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
    if (o->buffer_bytes) { /* the kernel gives as much as the system allows; less is no error */
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &o->buffer_bytes, sizeof o->buffer_bytes);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &o->buffer_bytes, sizeof o->buffer_bytes);
    }
    return ok;
}

/* Restricting a socket to an interface, with the words for what can go wrong. */
static bool set_interface(int fd, const char *interface, struct problem *p)
{
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) == 0)
        return true;
    problem_set(p, "cannot use interface %s: %s", interface, strerror(errno));
    if (errno == ENODEV)
        problem_remedy(p, "`ip link` lists the interfaces there are");
    else if (errno == EPERM)
        problem_remedy(p, "a raw interface needs a right: run as root, or give it with `setcap "
                          "cap_net_raw,cap_net_bind_service+ep PROGRAM`");
    return false;
}

static bool join_groups(int fd, const struct udp_options *o, struct problem *p)
{
    struct ipv6_mreq request = { .ipv6mr_interface = o->group_count ? if_nametoindex(o->interface) : 0 };
    for (size_t i = 0; i < o->group_count; i++) {
        memcpy(&request.ipv6mr_multiaddr, o->groups[i].bytes, sizeof request.ipv6mr_multiaddr);
        if (setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request) != 0) {
            problem_set(p, "cannot join a multicast group on %s: %s", o->interface, strerror(errno));
            problem_remedy(p, "`ip -6 address show dev %s` must show that it has IPv6", o->interface);
            return false;
        }
    }
    return true;
}

static int open_socket(const struct udp_options *o, struct problem *p)
{
    struct sockaddr_storage at;
    int family = o->bind.address.family == FAMILY_IP6 ? AF_INET6 : AF_INET;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !set_options(fd, o)) {
        socket_problem(p, "open a socket for", &o->bind, "udp", errno);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (o->interface && !(set_interface(fd, o->interface, p) && join_groups(fd, o, p))) {
        close(fd);
        return -1;
    }
    if (bind(fd, (struct sockaddr *)&at, socket_address(&o->bind, &at)) != 0) {
        socket_problem(p, "bind", &o->bind, "udp", errno);
        close(fd);
        return -1;
    }
    return fd;
}

static struct udp *no_memory(struct udp *u, int fd, struct problem *p)
{
    close(fd);
    free(u);
    problem_set(p, "out of memory");
    return NULL;
}

struct udp *udp_open(struct loop *l, const struct udp_options *o, udp_batch_fn *fn, void *owner,
                     struct problem *p)
{
    int fd = open_socket(o, p);
    if (fd < 0)
        return NULL;
    struct udp *u = calloc(1, sizeof *u);
    if (!u)
        return no_memory(NULL, fd, p);
    *u = (struct udp){ .loop = l,
                       .fd = fd,
                       .local = socket_local(fd),
                       .in_bytes = o->in_bytes,
                       .out_bytes = o->out_bytes,
                       .fn = fn,
                       .owner = owner };
    u->free = room_new(u); /* so that one is always there, or in hand and comes back */
    if (!u->free)
        return no_memory(u, fd, p);
    uv_poll_init(&l->uv, &u->poll, fd);
    u->poll.data = u;
    u->again.run = read_again;
    watch(u, true);
    return u;
}

struct endpoint udp_local(const struct udp *u)
{
    return u->local;
}

/* Tells the kernel which address and interface to send from; needed where the socket listens on any. */
static size_t write_packet_info(uint8_t *control, const struct endpoint *from, unsigned interface)
{
    struct msghdr m = { .msg_control = control, .msg_controllen = CONTROL_BYTES };
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (from->address.family == FAMILY_IP6) {
        struct in6_pktinfo info = { .ipi6_ifindex = interface };
        memcpy(&info.ipi6_addr, from->address.bytes, 16);
        *c = (struct cmsghdr){ CMSG_LEN(sizeof info), IPPROTO_IPV6, IPV6_PKTINFO };
        memcpy(CMSG_DATA(c), &info, sizeof info);
        return CMSG_SPACE(sizeof info);
    }
    struct in_pktinfo info = { .ipi_ifindex = (int)interface };
    memcpy(&info.ipi_spec_dst, from->address.bytes, 4);
    *c = (struct cmsghdr){ CMSG_LEN(sizeof info), IPPROTO_IP, IP_PKTINFO };
    memcpy(CMSG_DATA(c), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
}

static unsigned fill_outgoing(struct udp *u, struct batch_room *b)
{
    unsigned n = 0;
    bool any = address_is_any(u->local.address);
    for (size_t i = 0; i < b->batch.count; i++) {
        struct datagram *d = &b->batch.d[i];
        struct msghdr *m = &b->out[n].msg_hdr;
        if (writer_length(&d->out) == 0)
            continue;
        b->out_iov[n] = (struct iovec){ d->out.start, writer_length(&d->out) };
        *m = (struct msghdr){ .msg_iov = &b->out_iov[n], .msg_iovlen = 1, .msg_name = &b->peer[i] };
        m->msg_namelen = socket_address(&d->peer, &b->peer[i]);
        if (any) {
            m->msg_control = b->control[i];
            m->msg_controllen = write_packet_info(b->control[i], &d->local, d->interface);
        }
        n++;
    }
    return n;
}

/* A datagram that the kernel refuses is skipped, so that it cannot hold up those behind it. */
static void send_all(struct udp *u, struct mmsghdr *out, unsigned count)
{
    for (unsigned sent = 0; sent < count;) {
        int n = sendmmsg(u->fd, out + sent, count - sent, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
            return;
        sent += n > 0 ? (unsigned)n : 1;
    }
}

void udp_send(struct udp *u, struct batch *batch)
{
    struct batch_room *b = (struct batch_room *)batch;
    unsigned count = u->closing ? 0 : fill_outgoing(u, b);
    if (count >= BUSY_MIN)
        watch(u, false);
    send_all(u, b->out, count);
    give_back(u, b);
    if (!u->watched && !u->closing)
        loop_defer(u->loop, &u->again);
    free_if_done(u);
}

bool udp_send_one(struct udp *u, const struct endpoint *to, const struct endpoint *from, unsigned interface,
                  struct span bytes)
{
    struct sockaddr_storage peer;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_BYTES];
    struct iovec iov = { (void *)(uintptr_t)bytes.at, bytes.len };
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_name = &peer };
    m.msg_namelen = socket_address(to, &peer);
    if (from && from->address.family != FAMILY_NONE) {
        m.msg_control = control;
        m.msg_controllen = write_packet_info(control, from, interface);
    }
    return sendmsg(u->fd, &m, MSG_DONTWAIT) == (ssize_t)bytes.len;
}

static void handle_closed(uv_handle_t *h)
{
    struct udp *u = h->data;
    u->handle_closed = true;
    free_if_done(u);
}

void udp_close(struct udp *u)
{
    if (u->closing)
        return;
    u->closing = true;
    list_remove(&u->again.node);
    uv_close((uv_handle_t *)&u->poll, handle_closed); /* first: the number is somebody else's then */
    close(u->fd);
}
