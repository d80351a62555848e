/* The sections `host` of an IPv4 subnet. */
#ifndef WIRELAB_DHCPD_CONFIG_HOSTS_H
#define WIRELAB_DHCPD_CONFIG_HOSTS_H

#include "config_options.h"
#include "subnet.h"

/* Reads them into the subnet, whose network, pool and classes are read before. False when there is no memory;
 * problems go to `c`. */
bool config_hosts(struct config *c, const struct config_section *s, struct arena *memory,
                  const struct dhcp_settings *settings, const struct options_draft *inherited,
                  struct dhcp_subnet *sn);

#endif
