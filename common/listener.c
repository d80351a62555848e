#include "event.h"
#include "socket.h"
#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN  64   /* so that a flood of connections cannot hold up those that are open */
#define ACCEPT_PAUSE_MS 100  /* how long to wait when no descriptor is left */
#define BACKLOG         4096 /* the kernel lowers it to net.core.somaxconn */

struct listener {
    struct loop *loop;
    uv_poll_t poll;
    int fd;
    struct endpoint local;
    listener_fn *fn;
    void *owner;
    struct events *events;
    struct timer pause;
    bool closing;
};

static void readable(uv_poll_t *p, int status, int events);

static void pause_over(struct timer *t, struct now now)
{
    struct listener *l = (struct listener *)((char *)t - offsetof(struct listener, pause));
    (void)now;
    uv_poll_start(&l->poll, UV_READABLE, readable);
}

/* Without a descriptor the connection stays in the queue, the socket stays readable, and the loop would spin.
 */
static void pause_accepting(struct listener *l, int error)
{
    struct now now = loop_now(l->loop);
    uv_poll_stop(&l->poll);
    loop_arm(l->loop, &l->pause, now.mono_ms + ACCEPT_PAUSE_MS);
    if (l->events)
        event_note(l->events, EVENT_ACCEPT_PAUSED, now, "reason", strerror(error));
}

static void readable(uv_poll_t *p, int status, int events)
{
    struct listener *l = p->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN && !l->closing; i++) {
        struct sockaddr_storage from = { 0 };
        socklen_t len = sizeof from;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct endpoint peer = socket_endpoint(&from);
            l->fn(l->owner, l, fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(l, errno);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return; /* EAGAIN, or the error of a connection that is gone already */
        }
    }
}

static int open_socket(const struct listener_options *o, struct problem *p)
{
    struct sockaddr_storage at;
    int on = 1;
    bool is6 = o->bind.address.family == FAMILY_IP6;
    int fd = socket(is6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
    if (ok && is6)
        ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
    if (ok && o->reuse_port)
        ok = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
    ok = ok && bind(fd, (struct sockaddr *)&at, socket_address(&o->bind, &at)) == 0 &&
         listen(fd, BACKLOG) == 0;
    if (ok)
        return fd;
    socket_problem(p, "bind", &o->bind, "tcp", errno);
    if (fd >= 0)
        close(fd);
    return -1;
}

struct listener *listener_adopt(struct loop *l, int fd, listener_fn *fn, void *owner)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return NULL;
    *listener = (struct listener){ .loop = l,
                                   .fd = fd,
                                   .local = socket_local(fd),
                                   .fn = fn,
                                   .owner = owner,
                                   .pause = { .fire = pause_over } };
    uv_poll_init(&l->uv, &listener->poll, fd);
    listener->poll.data = listener;
    uv_poll_start(&listener->poll, UV_READABLE, readable);
    return listener;
}

struct listener *listener_open(struct loop *l, const struct listener_options *o, listener_fn *fn, void *owner,
                               struct problem *p)
{
    int fd = open_socket(o, p);
    if (fd < 0)
        return NULL;
    struct listener *listener = listener_adopt(l, fd, fn, owner);
    if (!listener) {
        close(fd);
        problem_set(p, "out of memory");
        return NULL;
    }
    listener->events = o->events;
    return listener;
}

struct endpoint listener_local(const struct listener *l)
{
    return l->local;
}

static void handle_closed(uv_handle_t *h)
{
    free(h->data);
}

void listener_close(struct listener *l)
{
    if (l->closing)
        return;
    l->closing = true;
    loop_disarm(l->loop, &l->pause);
    uv_close((uv_handle_t *)&l->poll, handle_closed); /* first: the number is somebody else's then */
    close(l->fd);
}
