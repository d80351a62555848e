/* What the file says of names that go into the DNS. */
#ifndef WIRELAB_DHCPD_CONFIG_NAMES_H
#define WIRELAB_DHCPD_CONFIG_NAMES_H

#include "config.h"
#include "subnet.h"

/* Problems go to `c`; false when there is no memory. */
/* The server that is told, and its key. */
bool config_names(struct config *c, const struct config_section *s, struct arena *memory,
                  struct dhcp_settings *out);
/* A zone that names go into. */
bool config_zone(struct config *c, const struct config_section *s, const char *key, struct arena *memory,
                 bool has_server, const struct dns_name **out);

#endif
