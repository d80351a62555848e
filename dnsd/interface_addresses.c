/* The addresses of an interface, for lists that name it. */
#include "dnsd.h"

#include "socket.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>

/* As a range of one; false for other families. */
static bool as_prefix(const struct sockaddr *from, struct prefix *out)
{
    struct sockaddr_storage all = { 0 };
    if (!from || (from->sa_family != AF_INET && from->sa_family != AF_INET6))
        return false;
    bool ip6 = from->sa_family == AF_INET6;
    memcpy(&all, from, ip6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in));
    *out = (struct prefix){ .address = socket_endpoint(&all).address, .bits = ip6 ? 128 : 32 };
    return true;
}

size_t dnsd_interface_addresses(struct span name, struct prefix *out, size_t room)
{
    struct ifaddrs *all;
    size_t count = 0;
    if (getifaddrs(&all) != 0)
        return 0;
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) { /* what the kernel listed */
        struct prefix p;
        if (!span_is(name, i->ifa_name) || !as_prefix(i->ifa_addr, &p) || (out && count == room))
            continue;
        if (out)
            out[count] = p;
        count++;
    }
    freeifaddrs(all);
    return count;
}
