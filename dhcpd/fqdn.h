/* The client FQDN option (RFC 4702, 4704): what a client wants to be called, and what it is told of that. */
#ifndef WIRELAB_DHCPD_FQDN_H
#define WIRELAB_DHCPD_FQDN_H

#include "wire/dhcp4.h"
#include "wire/dhcp6.h"
#include "wire/dns_name.h"

#define FQDN_BYTES_MAX (3 + DNS_NAME_TEXT_MAX)

/* The first label of the name in option 81, a view into the message. Empty where there is none, and where the
 * client wants no name in the DNS. False: the option is not there at all. */
bool fqdn_label(const struct dhcp4_message *m, struct span *label);
/* What option 81 says in an answer, where names go into `zone`: the whole name, and that the server puts it
 * there, or that nobody does. `m` has the option; `reserved` is the name that the client has whatever it says
 * (empty: none). */
void fqdn_write(struct writer *w, const struct dhcp4_message *m, struct span reserved,
                const struct dns_name *zone);
/* The same of DHCPv6's option 39; fqdn6_write() is false when the client says nothing of its name. */
struct span fqdn6_label(const struct dhcp6_message *m);
bool fqdn6_write(struct writer *w, const struct dhcp6_message *m, const struct dns_name *zone);

#endif
