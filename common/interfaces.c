#include "interfaces.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NOTES_A_TURN 256 /* a host may make a thousand interfaces at once */

struct interfaces {
    struct loop *loop;
    uv_poll_t poll;
    struct mnl_socket *socket;
    interfaces_fn *changed;
    void *owner;
};

/* False when nothing more waits. What was lost because the kernel had no room for it (ENOBUFS) is a change,
 * too: what the notes say is not read. */
static bool take_note(struct interfaces *i)
{
    ssize_t n = mnl_socket_recvfrom(i->socket, i->loop->scratch, LOOP_SCRATCH_BYTES);
    return n >= 0 || errno == ENOBUFS || errno == EINTR;
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct interfaces *i = poll->data;
    (void)events;
    loop_poll_again(poll, status, readable);
    for (int n = 0; n < NOTES_A_TURN && take_note(i); n++)
        ;
    i->changed(i->owner, loop_now(i->loop));
}

static struct mnl_socket *open_socket(void)
{
    struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
    unsigned groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;
    if (s && mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) == 0)
        return s;
    if (s)
        mnl_socket_close(s);
    return NULL;
}

struct interfaces *interfaces_watch(struct loop *l, interfaces_fn *changed, void *owner, struct problem *p)
{
    struct interfaces *i = calloc(1, sizeof *i);
    if (!i) {
        problem_set(p, "out of memory");
        return NULL;
    }
    *i = (struct interfaces){ .loop = l, .changed = changed, .owner = owner, .socket = open_socket() };
    if (!i->socket || uv_poll_init(&l->uv, &i->poll, mnl_socket_get_fd(i->socket)) != 0) {
        problem_set(p, "cannot hear of interfaces that come and go: %s", strerror(errno));
        if (i->socket)
            mnl_socket_close(i->socket);
        free(i);
        return NULL;
    }
    i->poll.data = i;
    uv_poll_start(&i->poll, UV_READABLE, readable);
    return i;
}

static void free_interfaces(uv_handle_t *h)
{
    struct interfaces *i = h->data;
    mnl_socket_close(i->socket);
    free(i);
}

void interfaces_close(struct interfaces *i)
{
    if (i)
        uv_close((uv_handle_t *)&i->poll, free_interfaces);
}
