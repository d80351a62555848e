/* IPv6 lease changes to the store, all leases back from it at the start, and what the server made once for
 * itself. */
#ifndef WIRELAB_DHCPD_PERSIST6_H
#define WIRELAB_DHCPD_PERSIST6_H

#include "row6.h"

/* One commit is made at a time from this room; store_commit() copies it. */
struct persist6 {
    struct store *store;
    struct leases6 *leases;
    struct store_change changes[LEASE6_CLAIMS_MAX];
    struct row6_room rooms[LEASE6_CLAIMS_MAX];
};

/* Uses the tables and restores the leases into `l`; leases6_settle() must follow. False, and *p says why. */
bool persist6_open(struct persist6 *d, struct store *s, struct leases6 *l, struct now now, struct problem *p);
/* Commits the leases of the claims as they are now; `done` is told as by store_commit(), maybe from inside.
 */
void persist6_commit(struct persist6 *d, struct lease6_claims *c, struct now now, store_done_fn *done,
                     void *owner);
/* What was kept under this name, into value[room]; *len 0: nothing. False, and *p says why. */
bool persist6_load(struct persist6 *d, const char *name, uint8_t *value, size_t room, size_t *len,
                   struct problem *p);
/* Keeps it. It is on disk before any lease that is granted later. */
void persist6_keep(struct persist6 *d, const char *name, struct span value, store_done_fn *done, void *owner);

#endif
