/* The name that an address has in the DNS (RFC 1035 3.5, RFC 3596 2.5). */
#ifndef WIRELAB_DNS_REVERSE_H
#define WIRELAB_DNS_REVERSE_H

#include "dns_name.h"
#include "endpoint.h"

/* 10.1.168.192.in-addr.arpa, or 32 labels under ip6.arpa. */
void dns_name_of_address(struct dns_name *out, struct address address);

#endif
