/* A decision as a DHCPv6 message. */
#ifndef WIRELAB_DHCPD_REPLY6_H
#define WIRELAB_DHCPD_REPLY6_H

#include "decide6.h"

/* Writes the Advertise or Reply (RFC 9915 18.3.9, 18.3.10), within as many Relay-reply messages as it came
 * through relays, into an empty writer. The client's option request decides which configured options are
 * sent, and in which order. False when it does not fit. */
bool reply6_write(struct writer *out, const struct dhcp6_decision *d, const struct dhcp6_message *m,
                  const struct dhcp6_arrival *a);

#endif
