/* What the server needs to know of an interface. */
#ifndef WIRELAB_DHCPD_INTERFACE_H
#define WIRELAB_DHCPD_INTERFACE_H

#include "endpoint.h"

#define INTERFACE_ADDRESSES_MAX 32 /* of each family; what is beyond is not looked at */

struct interface {
    unsigned index; /* which no later interface of this name has; 0: there is none */
    uint8_t hardware[6];
    bool has_hardware;
    size_t ip4_count, ip6_count;
    uint32_t ip4[INTERFACE_ADDRESSES_MAX];
    struct ip6 ip6[INTERFACE_ADDRESSES_MAX]; /* without link-local ones */
};

/* As it is now. At NULL: the hardware address of any interface that has one. */
void interface_look(struct interface *i, const char *name);

#endif
