/* Names of leased addresses into the DNS: what leases become is told here, and one UPDATE after the other
 * goes to the server that has the zone. */
#ifndef WIRELAB_DHCPD_NAMES_H
#define WIRELAB_DHCPD_NAMES_H

#include "lease.h"
#include "lease6.h"
#include "loop.h"

struct names;
struct tsig_key;

/* `server` takes the updates, which `key` signs, a copy of it (NULL: nobody does). NULL: no memory. */
struct names *names_open(struct loop *l, struct events *e, const struct endpoint *server,
                         const struct tsig_key *key);
/* Other settings; what waits goes there. */
void names_move(struct names *n, const struct endpoint *server, const struct tsig_key *key);
/* A lease was bound, or is no longer; its subnet says whether its name is wanted. Never waits. What cannot be
 * kept in mind any more, since the server is slow, is told and forgotten. */
void names_tell(struct names *n, const struct lease *x, bool bound, struct now now);
void names_tell6(struct names *n, const struct lease6 *x, bool bound, struct now now);
/* Whether something is still to be sent. */
bool names_busy(const struct names *n);
void names_close(struct names *n);

#endif
