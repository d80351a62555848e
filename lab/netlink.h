/* Links, addresses and states of interfaces by rtnetlink: what `ip` would do, without it. A socket belongs to
 * the network namespace in which it was opened. Calls wait for the kernel's answer. */
#ifndef WIRELAB_NETLINK_H
#define WIRELAB_NETLINK_H

#include "endpoint.h"
#include "problem.h"

struct netlink;

struct netlink *netlink_open(struct problem *p);
void netlink_close(struct netlink *n);

/* One end of a cable: the namespace that it is made in, by descriptor, its name and its hardware address
 * (NULL: one is made up). */
struct netlink_end {
    int namespace_fd;
    const char *name;
    const uint8_t *hardware;
};

/* All of these: false, and *p says why. */
/* A cable: two interfaces, of which each one sends what the other one gets. */
bool netlink_add_cable(struct netlink *n, const struct netlink_end *a, const struct netlink_end *b,
                       struct problem *p);
/* A switch in this namespace, and an interface of this namespace as one of its ports. */
bool netlink_add_switch(struct netlink *n, const char *name, struct problem *p);
bool netlink_plug(struct netlink *n, const char *port, const char *switch_name, struct problem *p);
/* Up, without any frame of its own: no IPv6 address is made up for it when `quiet`. */
bool netlink_up(struct netlink *n, const char *name, bool quiet, struct problem *p);
bool netlink_add_address(struct netlink *n, const char *name, struct address a, uint8_t bits,
                         struct problem *p);
bool netlink_remove_address(struct netlink *n, const char *name, struct address a, uint8_t bits,
                            struct problem *p);
/* What is reached by the interface itself, without a router between. */
bool netlink_add_route(struct netlink *n, const char *name, struct address network, uint8_t bits,
                       struct problem *p);
/* Waits until frames go through; false after a second without. */
bool netlink_wait_running(struct netlink *n, const char *name, struct problem *p);
/* Checksums are put into frames by the sender, as on a wire, and not left to a card that does not exist. */
bool netlink_whole_checksums(const char *name, struct problem *p);

#endif
