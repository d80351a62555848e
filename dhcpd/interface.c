#include "interface.h"

#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

static void take_hardware(struct interface *i, const struct sockaddr_ll *a)
{
    static const uint8_t none[6] = { 0 };
    if (i->has_hardware || a->sll_halen != sizeof i->hardware || memcmp(a->sll_addr, none, sizeof none) == 0)
        return;
    memcpy(i->hardware, a->sll_addr, sizeof i->hardware);
    i->has_hardware = true;
}

static void take_ip4(struct interface *i, const struct sockaddr_in *a)
{
    if (i->ip4_count < INTERFACE_ADDRESSES_MAX)
        i->ip4[i->ip4_count++] = ntohl(a->sin_addr.s_addr);
}

static void take_ip6(struct interface *i, const struct sockaddr_in6 *a)
{
    struct address address = { .family = FAMILY_IP6 };
    if (IN6_IS_ADDR_LINKLOCAL(&a->sin6_addr) || i->ip6_count == INTERFACE_ADDRESSES_MAX)
        return;
    memcpy(address.bytes, &a->sin6_addr, sizeof address.bytes);
    i->ip6[i->ip6_count++] = address_to_ip6(address);
}

void interface_look(struct interface *i, const char *name)
{
    struct ifaddrs *all;
    *i = (struct interface){ .index = name ? if_nametoindex(name) : 0 };
    if ((name && !i->index) || getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
        if (!a->ifa_addr || (name && strcmp(a->ifa_name, name) != 0))
            continue;
        if (a->ifa_addr->sa_family == AF_PACKET)
            take_hardware(i, (const struct sockaddr_ll *)(const void *)a->ifa_addr);
        else if (a->ifa_addr->sa_family == AF_INET)
            take_ip4(i, (const struct sockaddr_in *)(const void *)a->ifa_addr);
        else if (a->ifa_addr->sa_family == AF_INET6)
            take_ip6(i, (const struct sockaddr_in6 *)(const void *)a->ifa_addr);
    }
    freeifaddrs(all);
}
