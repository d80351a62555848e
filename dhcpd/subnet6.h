/* What the configuration says of DHCPv6, once it is checked: immutable, in the arena of the settings that
 * hold it. And the questions that are asked of it. */
#ifndef WIRELAB_DHCPD_SUBNET6_H
#define WIRELAB_DHCPD_SUBNET6_H

#include "wire/dhcp6.h"
#include "wire/dns_name.h"

struct dhcp6_option_value {
    uint16_t code;
    struct span value; /* as on the wire */
};

struct dhcp6_options {
    size_t count;
    const struct dhcp6_option_value *list; /* by code */
};

struct dhcp6_host {
    const char *name;     /* of the section */
    struct span duid;     /* empty: known by its hardware */
    struct span hardware; /* empty: known by something else */
    struct span place;    /* what its relay says of it; empty: known by something else */
    uint8_t place_option; /* in which option */
    bool has_address, has_prefix;
    struct ip6 address;
    struct ip6 prefix; /* delegated to it: the first address */
    uint8_t prefix_bits;
    const struct dhcp6_options *options; /* the subnet's with its own on top; NULL: as the subnet */
};

struct dhcp6_range {
    struct ip6 first, last; /* both are given away; alike in `high` */
};

/* Prefixes of one length that are delegated to clients of a subnet (RFC 9915 6.3). */
struct dhcp6_prefix_pool {
    struct ip6 network;
    uint8_t bits;   /* of the whole */
    uint8_t length; /* of each; 64 at most */
};

struct dhcp6_subnet {
    const char *name; /* "2001:db8:1:2::/64" */
    size_t number;    /* its place in settings->subnets */
    struct prefix prefix;
    struct ip6 network;
    const char *interface;            /* the link that it is on; NULL: told by addresses */
    const struct dhcp6_range *ranges; /* ascending, apart from each other */
    size_t range_count;
    const struct dhcp6_prefix_pool *prefix_pools; /* apart from each other and from all subnets */
    size_t prefix_pool_count;
    const struct dns_name *zone, *reverse_zone; /* where clients' names go; NULL: nowhere */
    uint32_t preferred_s, valid_s, t1_s, t2_s;  /* DHCP6_INFINITE: for ever */
    uint32_t circuit_limit; /* addresses and prefixes that a port of a relay has at most; 0: any number */
    uint8_t preference;
    bool rapid_commit;
    bool reconfigures;          /* clients that say so may be told to ask again */
    bool registers;             /* addresses that clients made themselves */
    bool advertises;            /* router advertisements, where it is on an interface */
    bool autonomous;            /* ... let hosts make addresses of their own */
    uint16_t router_lifetime_s; /* ... as a default router; 0: none */
    struct dhcp6_options options;
    const struct dhcp6_host *const *by_duid;     /* those that have a DUID, sorted */
    const struct dhcp6_host *const *by_hardware; /* those that are known by it, sorted */
    const struct dhcp6_host *const *by_place;    /* those that are known by their relay's word, sorted */
    const struct dhcp6_host *const *by_address;  /* those that have an address, sorted */
    const struct dhcp6_host *const *by_prefix;   /* those that have a prefix, sorted */
    size_t duid_count, hardware_count, place_count, address_count, prefix_count;
};

struct dhcp6_listen {
    const char *interface; /* NULL: a plain socket at `at` */
    struct endpoint at;
};

struct dhcp6_settings {
    const struct dhcp6_listen *listens;
    size_t listen_count;
    const struct dhcp6_subnet *subnets; /* by network, not overlapping */
    size_t subnet_count;
    struct span duid;                /* of the server; at == NULL: it makes one and keeps it */
    uint32_t decline_s;              /* how long an address rests that a client found in use */
    const struct prefix *query_from; /* who may ask about leases */
    size_t query_from_count;
};

/* How a message came in. */
struct dhcp6_arrival {
    struct span server_id;             /* our DUID */
    const struct dhcp6_subnet *link;   /* of the interface; NULL: none of ours, or a plain socket */
    bool multicast;                    /* it was sent to a group */
    const struct dhcp6_relays *relays; /* it came through; none: count is 0 */
    struct ip6 peer;                   /* the client's address */
    const uint8_t *secret;             /* RECONFIGURE6_SECRET_BYTES, of which clients' keys are made */
};

/* The subnet that holds the address, or NULL. */
const struct dhcp6_subnet *subnet6_of(const struct dhcp6_settings *s, struct ip6 address);
/* The subnet of an interface with these addresses: the one that names it, else the first that holds one of
 * its addresses. NULL: none of ours. */
const struct dhcp6_subnet *subnet6_on(const struct dhcp6_settings *s, const char *interface,
                                      const struct ip6 *addresses, size_t count);
/* The subnet that the client is on: by the link address of the relay nearest to it that tells one (RFC 9915
 * 13.1), else by the interface. NULL: none of ours. */
const struct dhcp6_subnet *subnet6_choose(const struct dhcp6_settings *s, const struct dhcp6_arrival *a);
bool subnet6_contains(const struct dhcp6_subnet *sn, struct ip6 address);
bool subnet6_in_pool(const struct dhcp6_subnet *sn, struct ip6 address);
/* In the pool and reserved for nobody. */
bool subnet6_is_dynamic(const struct dhcp6_subnet *sn, struct ip6 address);
/* By its DUID, else by its hardware address: the relay's word for it (RFC 6939), else what the DUID holds;
 * else by the interface of the relay next to it. */
const struct dhcp6_host *subnet6_host(const struct dhcp6_subnet *sn, struct span duid,
                                      const struct dhcp6_relays *relays);
const struct dhcp6_host *subnet6_host_at(const struct dhcp6_subnet *sn, struct ip6 address);
/* Which of the subnet's pools has this very prefix to delegate; NULL: none. */
const struct dhcp6_prefix_pool *subnet6_prefix_pool(const struct dhcp6_subnet *sn, struct ip6 prefix,
                                                    uint8_t bits);
/* Whose prefix begins here by reservation, or NULL. */
const struct dhcp6_host *subnet6_prefix_host(const struct dhcp6_subnet *sn, struct ip6 prefix);
/* How many prefixes a pool has. */
uint64_t prefix_pool_size(const struct dhcp6_prefix_pool *p);
/* The value of a configured option; at == NULL when there is none. */
struct span options6_find(const struct dhcp6_options *o, uint16_t code);
/* The order of by_duid and by_hardware, and of by_place. */
int identity_compare(struct span a, struct span b);
int place_compare(uint8_t option, struct span identity, const struct dhcp6_host *h);

#endif
