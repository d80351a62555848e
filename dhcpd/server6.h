/* The DHCPv6 half of the server: sockets, batches in hand, deadlines. */
#ifndef WIRELAB_DHCPD_SERVER6_H
#define WIRELAB_DHCPD_SERVER6_H

#include "lease6.h"
#include "service.h"

struct server6;
typedef void server6_idle_fn(void *owner);

/* Opens everything, or nothing: NULL, and *p says why. The settings must live until server6_free() or the
 * next reload. After server6_stop(), `idle` tells that the last batch is out of hand, if one was. */
struct server6 *server6_start(struct home *h, const struct dhcp6_settings *settings, server6_idle_fn *idle,
                              void *owner, struct problem *p);
/* Who hears that a lease was bound, or is no longer. */
void server6_watch(struct server6 *s,
                   void (*changed)(void *owner, const struct lease6 *x, bool bound, struct now now),
                   void *owner);
/* Interfaces came or went, or got other addresses. */
void server6_follow(struct server6 *s, struct now now);
/* False: the old settings stay. */
bool server6_reload(struct server6 *s, const struct dhcp6_settings *settings, struct problem *p);
/* Ends a lease as if its client had released it; `done` is told as by store_commit(). False: it is nobody's.
 */
bool server6_release(struct server6 *s, struct ip6 address, store_done_fn *done, void *owner);
/* Tells the client that has this address, or with NULL all that take a Reconfigure, to ask again; how many.
 */
size_t server6_reconfigure(struct server6 *s, const struct ip6 *address);
/* How much of a subnet is not free. */
struct server6_use {
    uint64_t addresses, prefixes;
};
struct server6_use server6_use(const struct server6 *s, const struct dhcp6_subnet *sn);
void server6_drain(struct server6 *s);
bool server6_busy(const struct server6 *s);
/* Closes the sockets. */
void server6_stop(struct server6 *s);
/* When it is stopped and no longer busy. */
void server6_free(struct server6 *s);

#endif
