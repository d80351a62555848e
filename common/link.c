#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAMES_A_TURN 256

struct link {
    struct loop *loop;
    uv_poll_t poll;
    int fd;
    unsigned index;
    uint8_t hardware[6];
    char name[IF_NAMESIZE];
    link_frame_fn *fn;
    void *owner;
    bool closing;
};

/* The kernel's own time of a frame, in nanoseconds; 0 when it gave none. */
static int64_t frame_time(struct msghdr *m)
{
    struct timespec t = { 0 };
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS)
            memcpy(&t, CMSG_DATA(c), sizeof t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static bool take_frame(struct link *k)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct timespec))];
    struct sockaddr_ll from = { 0 };
    struct iovec iov = { k->loop->scratch, LOOP_SCRATCH_BYTES };
    struct msghdr m = { .msg_name = &from,
                        .msg_namelen = sizeof from,
                        .msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control,
                        .msg_controllen = sizeof control };
    ssize_t n = recvmsg(k->fd, &m, MSG_DONTWAIT);
    if (n < 0)
        return errno == EINTR;
    k->fn(k->owner, k, span_of(k->loop->scratch, (size_t)n), frame_time(&m),
          from.sll_pkttype == PACKET_OUTGOING);
    return true;
}

size_t link_drain(struct link *k)
{
    size_t n = 0;
    while (n < FRAMES_A_TURN && !k->closing && take_frame(k))
        n++;
    return n;
}

static void readable(uv_poll_t *p, int status, int events)
{
    (void)events;
    loop_poll_again(p, status, readable); /* it went down, and may come up again */
    link_drain(p->data);
}

static bool open_failed(struct problem *p, const char *interface, int fd)
{
    problem_set(p, "cannot use interface %s: %s", interface, strerror(errno));
    if (errno == ENODEV)
        problem_remedy(p, "`ip link` lists the interfaces there are");
    else if (errno == EPERM || errno == EACCES)
        problem_remedy(p, "frames need a right: run as root, or give it with `setcap "
                          "cap_net_raw,cap_net_bind_service+ep PROGRAM`");
    if (fd >= 0)
        close(fd);
    return false;
}

static bool open_packet_socket(struct link *k, struct problem *p)
{
    struct ifreq request = { 0 };
    int on = 1;
    /* no frame comes in before bind() says from which interface; none at all to a link that only sends */
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", k->name);
    if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &request) != 0)
        return open_failed(p, k->name, fd);
    k->index = (unsigned)request.ifr_ifindex;
    if (ioctl(fd, SIOCGIFHWADDR, &request) != 0)
        return open_failed(p, k->name, fd);
    memcpy(k->hardware, request.ifr_hwaddr.sa_data, sizeof k->hardware);
    struct sockaddr_ll at = { .sll_family = AF_PACKET,
                              .sll_protocol = k->fn ? htons(ETH_P_ALL) : 0,
                              .sll_ifindex = (int)k->index };
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof at) != 0)
        return open_failed(p, k->name, fd);
    k->fd = fd;
    return true;
}

struct link *link_open(struct loop *l, const char *interface, link_frame_fn *fn, void *owner,
                       struct problem *p)
{
    struct link *k = calloc(1, sizeof *k);
    if (!k) {
        problem_set(p, "out of memory");
        return NULL;
    }
    k->loop = l;
    k->fn = fn;
    k->owner = owner;
    snprintf(k->name, sizeof k->name, "%s", interface);
    if (!open_packet_socket(k, p)) {
        free(k);
        return NULL;
    }
    uv_poll_init(&l->uv, &k->poll, k->fd);
    k->poll.data = k;
    if (fn)
        uv_poll_start(&k->poll, UV_READABLE, readable);
    return k;
}

unsigned link_index(const struct link *k)
{
    return k->index;
}

struct span link_hardware(const struct link *k)
{
    return span_of(k->hardware, sizeof k->hardware);
}

bool link_send(struct link *k, struct span frame)
{
    ssize_t n;
    do
        n = send(k->fd, frame.at, frame.len, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)frame.len;
}

static void handle_closed(uv_handle_t *h)
{
    free(h->data);
}

void link_close(struct link *k)
{
    if (k->closing)
        return;
    k->closing = true;
    uv_close((uv_handle_t *)&k->poll, handle_closed); /* first: the number is somebody else's then */
    close(k->fd);
}
