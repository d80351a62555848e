/* What DHCPv6 needs to know of an interface. */
#ifndef WIRELAB_DHCPD_INTERFACE6_H
#define WIRELAB_DHCPD_INTERFACE6_H

#include "endpoint.h"

#define INTERFACE6_ADDRESSES_MAX 32 /* what is beyond is not looked at */

struct interface6 {
    uint8_t hardware[6];
    bool has_hardware;
    size_t address_count;
    struct ip6 addresses[INTERFACE6_ADDRESSES_MAX]; /* without link-local ones */
};

/* As it is now. At NULL: the hardware address of any interface that has one. */
void interface6_look(struct interface6 *i, const char *name);

#endif
