/* The part of the section that is about DHCPv6. */
#ifndef WIRELAB_DHCPD_CONFIG6_H
#define WIRELAB_DHCPD_CONFIG6_H

#include "config.h"
#include "subnet6.h"

/* The rows of the section `subnet6 "PREFIX"`. */
extern const struct config_key subnet6_keys[];
/* Reads them, `duid`, `decline-time` and what `listen` says of IPv6 from the section `dhcpd`; problems go to
 * `c`. False when there is no memory. */
bool config6_read(struct config *c, const struct config_section *s, struct arena *memory,
                  struct dhcp6_settings *out);
/* `duid`, where it is there. */
bool config_duid(struct config *c, const struct config_section *s, struct arena *memory, struct span *out);

#endif
