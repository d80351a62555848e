/* Clients that are told to ask again, until they do: Reconfigure messages and their retransmission (RFC 9915
 * 15, 18.3.11). */
#ifndef WIRELAB_DHCPD_RECALL6_H
#define WIRELAB_DHCPD_RECALL6_H

#include "loop.h"
#include "reconfigure6.h"

struct recalls6;
/* One message to one client. */
typedef void recall6_send_fn(void *owner, struct ip6 to, struct span duid, struct now now);

/* NULL: no memory. */
struct recalls6 *recalls6_open(struct loop *l, recall6_send_fn *send, void *owner);
/* Begins at once; false: no memory, or too many. Harmless for a client that is being told already. */
bool recalls6_begin(struct recalls6 *r, struct ip6 to, struct span duid, struct now now);
/* This client has asked. */
void recalls6_heard(struct recalls6 *r, struct span duid);
void recalls6_close(struct recalls6 *r);

#endif
