/* Which options an answer carries, and in which order. */
#ifndef WIRELAB_DHCPD_OPTIONS_H
#define WIRELAB_DHCPD_OPTIONS_H

#include "decide4.h"

/* RFC 2131 4.4.5: when the client renews (T1) and rebinds (T2). */
uint32_t options_t1(uint32_t lease_s);
uint32_t options_t2(uint32_t lease_s);

/* The value of an option for this client: its host section's own, else that of its first class that has one,
 * else the subnet's; at == NULL: none. */
struct span options_value(const struct dhcp4_decision *d, uint8_t code);

/* Message type, server identifier and lease time first; the client identifier (RFC 6842); then what the
 * client's parameter request list asks for and is configured, in the list's order, or all that is configured
 * when there is no list; the relay's option 82 last (RFC 3046 2.2). */
void options_write(struct dhcp4_build *b, const struct dhcp4_decision *d, const struct dhcp4_message *m,
                   const struct dhcp4_arrival *a);

#endif
