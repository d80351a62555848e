/* What the configuration says, once it is checked: immutable, in one arena. And the questions that are asked
 * of it: which subnet a message belongs to, which host is reserved what, which address may be given away.
 *
 * Addresses are host-order numbers. */
#ifndef WIRELAB_DHCPD_SUBNET_H
#define WIRELAB_DHCPD_SUBNET_H

#include "arena.h"
#include "class.h"
#include "endpoint.h"
#include "subnet6.h"
#include "wire/dns_name.h"

#define LEASE_INFINITE UINT32_MAX /* RFC 2131 3.3 */

/* What a host is known by; what comes first here counts first. */
enum dhcp_host_kind {
    DHCP_HOST_HARDWARE,   /* chaddr */
    DHCP_HOST_CLIENT_ID,  /* option 61 */
    DHCP_HOST_DUID,       /* what is behind type and IAID in it (RFC 4361) */
    DHCP_HOST_CIRCUIT_ID, /* the relay's sub-option 1 */
    DHCP_HOST_REMOTE_ID,  /* the relay's sub-option 2 */
    DHCP_HOST_CLASS,      /* it is in the class whose number the identity is */
};

struct dhcp_host {
    const char *name; /* of the section */
    enum dhcp_host_kind kind;
    struct span identity;
    uint32_t address;                   /* 0: only options */
    const struct dhcp_options *options; /* the subnet's with its own on top; NULL: as the subnet */
    uint64_t own[4];                    /* a bit for each code that is the host's own */
};

struct dhcp_range {
    uint32_t first, last; /* both are given away */
};

struct dhcp_subnet;
struct tsig_key;

/* The subnets that share a network, and their parts. */
struct dhcp_link {
    size_t number;
    const struct dhcp_subnet *const
        *members; /* parts before subnets: in this order an address is looked for */
    size_t count;
};

/* A subnet, or a part of one whose addresses are kept for a class of clients. */
struct dhcp_subnet {
    const char *name; /* "192.168.1.0/24" */
    size_t number;    /* no other subnet or part has it; under settings->pool_count */
    const struct dhcp_link *link;
    const char *shared;        /* the name of the link that several subnets share; NULL: its own */
    struct dhcp_subnet *parts; /* of the same network, times and hosts; no part has parts */
    size_t part_count;
    uint64_t class; /* a part's: the bit of its class; 0: for all */
    uint32_t network, mask;
    const struct dhcp_range *ranges; /* ascending, apart from each other */
    size_t range_count;
    uint32_t lease_s, lease_least_s, lease_most_s;
    uint32_t next_server; /* siaddr; 0: this server */
    uint32_t probe_ms; /* how long an answer is waited for before a new address is offered; 0: not at all */
    uint32_t circuit_limit; /* leases that a circuit of a relay has at most; 0: any number */
    bool bootp;             /* BOOTP clients get addresses of the pool */
    bool broadcast;         /* as if clients had set the flag */
    struct dhcp_options options;
    struct {
        const struct dns_name *zone, *reverse_zone; /* where clients' names go; NULL: nowhere */
    } names;
    const struct dhcp_host *const *by_identity; /* hosts, sorted */
    const struct dhcp_host *const *by_address;  /* those that have an address, sorted */
    size_t host_count, address_count;
    unsigned host_kinds; /* a bit for each enum dhcp_host_kind among them */
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
    size_t pool_count;               /* of subnets and parts */
    const struct dhcp_class *classes;
    size_t class_count;
    struct endpoint names_server;     /* takes the updates; of no family: there are none */
    const struct tsig_key *names_key; /* signs them; NULL: nobody does */
    bool authoritative;               /* NAK, not silence, for a client that is unknown */
    bool rapid_commit;                /* an ACK for a DISCOVER that would take one */
    bool subnet_selection;            /* option 118 is followed */
    const struct prefix *query_from;  /* relays that may ask about leases */
    size_t query_from_count;
    uint32_t decline_s; /* how long an address rests that a client found in use */
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
/* Its part that gives the address away, else the subnet itself. */
const struct dhcp_subnet *subnet_part(const struct dhcp_subnet *sn, uint32_t address);
/* The subnet that the message's sender is on, by giaddr (RFC 2131 4.3.1) or the relay's link selection (RFC
 * 3527), by its own choice (RFC 3011) where that is followed, by ciaddr where it was routed here, or by the
 * interface. On a plain socket a client without relay and ciaddr is taken to be on our own address's subnet,
 * else on the file's first. NULL: none of ours. */
const struct dhcp_subnet *subnet_choose(const struct dhcp_settings *s, const struct dhcp4_message *m,
                                        const struct dhcp4_arrival *a);
/* Who we are to this client: our address, or the relay's in its place (RFC 5107 4). */
uint32_t subnet_server_identifier(const struct dhcp4_message *m, const struct dhcp4_arrival *a);
/* The client's own host section, by the first of enum dhcp_host_kind that is known; `in` are the client's
 * classes. NULL: it has none. */
const struct dhcp_host *subnet_host(const struct dhcp_subnet *sn, const struct dhcp4_message *m, uint64_t in);
const struct dhcp_host *subnet_host_at(const struct dhcp_subnet *sn, uint32_t address);
/* The name that the section gives the host; empty: none. */
struct span host_name(const struct dhcp_host *h);
/* The order of hosts in by_identity. */
int host_compare(enum dhcp_host_kind kind, struct span identity, const struct dhcp_host *h);
bool subnet_contains(const struct dhcp_subnet *sn, uint32_t address);
/* Its network or its broadcast address. */
bool subnet_is_edge(const struct dhcp_subnet *sn, uint32_t address);
bool subnet_in_pool(const struct dhcp_subnet *sn, uint32_t address);
/* In the pool and reserved for nobody. */
bool subnet_is_dynamic(const struct dhcp_subnet *sn, uint32_t address);
#endif
