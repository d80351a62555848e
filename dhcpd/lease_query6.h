/* What a relay is told of IPv6 leases that it asks about (RFC 5007). Pure. */
#ifndef WIRELAB_DHCPD_LEASE_QUERY6_H
#define WIRELAB_DHCPD_LEASE_QUERY6_H

#include "lease6.h"

/* Writes the answer to a LEASEQUERY that `from` sent into an empty writer with DHCP6_BYTES_MAX of room. NULL,
 * or why there is none: constant text. A query by client identifier looks at every lease. */
const char *lease_query6_answer(struct writer *out, const struct dhcp6_settings *s, const struct leases6 *l,
                                const struct dhcp6_message *m, const struct dhcp6_arrival *a,
                                const struct address *from, struct now now);

#endif
