/* The DHCP server: RFC 2131 and RFC 9915, for interfaces and for relays. Its public face is one struct
 * service_type. */
#ifndef WIRELAB_DHCPD_H
#define WIRELAB_DHCPD_H

#include "service.h"

/* Keys, settings, start, reload, drain, stop: see common/service.h. */
extern const struct service_type dhcpd_service;

/* config.c's part of it. */
extern const struct config_key dhcpd_keys[];
void *dhcpd_configure(struct config *c, const struct config_section *s); /* a struct dhcp_settings */
void dhcpd_forget(void *settings);

#endif
