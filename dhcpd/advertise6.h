/* Router advertisements on one interface (RFC 4861 6.2): without them clients do not know that there is
 * DHCPv6. They say what the subnet's configuration says, and no more. */
#ifndef WIRELAB_DHCPD_ADVERTISE6_H
#define WIRELAB_DHCPD_ADVERTISE6_H

#include "problem.h"
#include "service.h"
#include "subnet6.h"

struct advertiser6;
/* The subnet on the interface now; NULL: none, and nothing is advertised. */
typedef const struct dhcp6_subnet *advertiser6_link_fn(void *owner);

/* Begins to advertise. NULL, and *p says why. */
struct advertiser6 *advertiser6_open(struct home *h, const char *interface, advertiser6_link_fn *link,
                                     void *owner, struct problem *p);
/* What the subnet is has changed: it is told soon. */
void advertiser6_tell(struct advertiser6 *a);
/* What it is will not be told any more: a router takes its route back (RFC 4861 6.2.5). */
void advertiser6_withdraw(struct advertiser6 *a);
/* Ends, with the same. Harmless with NULL. */
void advertiser6_close(struct advertiser6 *a);

/* What a subnet's configuration comes to. `prefix` and `hardware` are the caller's rooms. */
struct ndp_advertisement;
struct ndp_prefix;
void advertisement6_of(struct ndp_advertisement *out, struct ndp_prefix *prefix,
                       const struct dhcp6_subnet *sn, struct span hardware);

#endif
