/* What the configuration says, once it is checked: immutable, in one arena. And the questions that are asked
 * of it: which subnet a message belongs to, which host is reserved what, which address may be given away.
 *
 * Addresses are host-order numbers. */
#ifndef WIRELAB_DHCPD_SUBNET_H
#define WIRELAB_DHCPD_SUBNET_H

#include "arena.h"
#include "endpoint.h"
#include "subnet6.h"
#include "wire/dhcp4.h"
#include "wire/dns_name.h"

#define LEASE_INFINITE UINT32_MAX /* RFC 2131 3.3 */

struct dhcp_option {
    uint8_t code;
    struct span value; /* as on the wire */
};

struct dhcp_options {
    size_t count;
    const struct dhcp_option *list; /* in the order of their codes */
    uint8_t slot[256];              /* code -> 1 + its place in list; 0: not configured */
};

struct dhcp_host {
    const char *name; /* of the section */
    uint8_t hardware[16];
    size_t hardware_len;
    uint32_t address;                   /* 0: only options */
    const struct dhcp_options *options; /* the subnet's with its own on top; NULL: as the subnet */
};

struct dhcp_range {
    uint32_t first, last; /* both are given away */
};

struct dhcp_subnet {
    const char *name; /* "192.168.1.0/24" */
    size_t number;    /* its place in settings->subnets */
    uint32_t network, mask;
    const struct dhcp_range *ranges; /* ascending, apart from each other */
    size_t range_count;
    uint32_t lease_s, lease_least_s, lease_most_s;
    uint32_t next_server; /* siaddr; 0: this server */
    uint32_t probe_ms; /* how long an answer is waited for before a new address is offered; 0: not at all */
    struct dhcp_options options;
    struct {
        const struct dns_name *zone, *reverse_zone; /* where clients' names go; NULL: nowhere */
    } names;
    const struct dhcp_host *const *by_hardware; /* hosts, sorted */
    const struct dhcp_host *const *by_address;  /* those that have an address, sorted */
    size_t host_count, address_count;
};

struct dhcp_listen {
    const char *interface; /* NULL: a plain socket at `at` */
    struct endpoint at;
};

struct dhcp_settings {
    struct arena memory;
    struct dhcp6_settings six;         /* DHCPv6; no subnets: it is not served */
    const struct dhcp_listen *listens; /* DHCPv4 */
    size_t listen_count;
    const struct dhcp_subnet *subnets; /* by network, not overlapping */
    size_t subnet_count;
    const struct dhcp_subnet *first; /* in the file; NULL: there is none */
    struct endpoint names_server;    /* takes the updates; of no family: there are none */
    bool authoritative;              /* NAK, not silence, for a client that is unknown */
    uint32_t decline_s;              /* how long an address rests that a client found in use */
};

/* How a message came in. */
struct dhcp4_arrival {
    uint32_t server; /* our address there: the server identifier */
    uint32_t link;   /* the same on an interface; 0 on a plain socket, which is on no link */
    bool broadcast;  /* it was sent to 255.255.255.255 */
    struct endpoint source;
};

/* The subnet that holds the address, or NULL. */
const struct dhcp_subnet *subnet_of(const struct dhcp_settings *s, uint32_t address);
/* The subnet that the message's sender is on, by giaddr (RFC 2131 4.3.1) or the relay's link selection (RFC
 * 3527), by ciaddr where it was routed here, or by the interface. On a plain socket a client without relay
 * and ciaddr is taken to be on our own address's subnet, else on the file's first. NULL: none of ours. */
const struct dhcp_subnet *subnet_choose(const struct dhcp_settings *s, const struct dhcp4_message *m,
                                        const struct dhcp4_arrival *a);
const struct dhcp_host *subnet_host(const struct dhcp_subnet *sn, struct span hardware);
const struct dhcp_host *subnet_host_at(const struct dhcp_subnet *sn, uint32_t address);
bool subnet_contains(const struct dhcp_subnet *sn, uint32_t address);
bool subnet_in_pool(const struct dhcp_subnet *sn, uint32_t address);
/* In the pool and reserved for nobody. */
bool subnet_is_dynamic(const struct dhcp_subnet *sn, uint32_t address);
/* The value of a configured option; at == NULL when there is none. */
struct span options_find(const struct dhcp_options *o, uint8_t code);

#endif
