/* What a relay is told of leases that it asks about (RFC 4388), so that it can learn again, after a restart,
 * whose traffic may pass where. */
#ifndef WIRELAB_DHCPD_LEASE_QUERY_H
#define WIRELAB_DHCPD_LEASE_QUERY_H

#include "lease.h"

/* Writes the answer to a LEASEQUERY into an empty writer with REPLY_BYTES_MAX of room; it goes to giaddr.
 * Returns NULL, or why there is none: constant text. A query by the hardware address of a client that is
 * known by another identifier looks at every lease. */
const char *lease_query_answer(struct writer *out, const struct dhcp_settings *s, const struct leases *l,
                               const struct dhcp4_message *m, const struct dhcp4_arrival *a, struct now now);

#endif
