#include "socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

socklen_t socket_address(const struct endpoint *e, struct sockaddr_storage *out)
{
    if (e->address.family == FAMILY_IP6) {
        struct sockaddr_in6 *a = (struct sockaddr_in6 *)out;
        *a = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                    .sin6_port = htons(e->port),
                                    .sin6_scope_id = e->scope };
        memcpy(&a->sin6_addr, e->address.bytes, 16);
        return sizeof *a;
    }
    struct sockaddr_in *a = (struct sockaddr_in *)out;
    *a = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(e->port) };
    memcpy(&a->sin_addr, e->address.bytes, 4);
    return sizeof *a;
}

struct endpoint socket_endpoint(const struct sockaddr_storage *s)
{
    struct endpoint e = { 0 };
    if (s->ss_family == AF_INET6) {
        const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)s;
        e.address.family = FAMILY_IP6;
        e.port = ntohs(a->sin6_port);
        e.scope = a->sin6_scope_id;
        memcpy(e.address.bytes, &a->sin6_addr, 16);
    } else if (s->ss_family == AF_INET) {
        const struct sockaddr_in *a = (const struct sockaddr_in *)s;
        e.address.family = FAMILY_IP4;
        e.port = ntohs(a->sin_port);
        memcpy(e.address.bytes, &a->sin_addr, 4);
    }
    return e;
}

bool socket_from(int fd, const struct address *from)
{
    struct sockaddr_storage room;
    struct endpoint at = { 0 };
    int on = 1;
    if (!from || !from->family)
        return true;
    at.address = *from;
    /* the port is chosen when it is known whom it is for: many may have the same one */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(fd, (struct sockaddr *)&room, socket_address(&at, &room)) == 0;
}

struct endpoint socket_local(int fd)
{
    struct sockaddr_storage s = { 0 };
    socklen_t len = sizeof s;
    getsockname(fd, (struct sockaddr *)&s, &len);
    return socket_endpoint(&s);
}

void socket_problem(struct problem *p, const char *what, const struct endpoint *at, const char *protocol,
                    int error)
{
    char text[ENDPOINT_TEXT_MAX];
    endpoint_format(at, text);
    problem_set(p, "cannot %s %s/%s: %s", what, text, protocol, strerror(error));
    if (error == EACCES && at->port && at->port < 1024)
        problem_remedy(
            p, "ports below 1024 need a right: run as root, give it with `setcap cap_net_bind_service+ep "
               "PROGRAM`, or use a port from 1024 on");
    else if (error == EADDRINUSE)
        problem_remedy(p,
                       "another program has it: `ss -lnp 'sport = :%u'` names it; stop that one, or write "
                       "another port (0 takes a free one)",
                       at->port);
    else if (error == EADDRNOTAVAIL)
        problem_remedy(p, "no interface of this host has that address: `ip addr` lists those there are");
}
