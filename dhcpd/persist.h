/* Lease changes to the store, and all leases back from it at the start. */
#ifndef WIRELAB_DHCPD_PERSIST_H
#define WIRELAB_DHCPD_PERSIST_H

#include "row.h"

/* One commit is made at a time from this room; store_commit() copies it. */
struct persist {
    struct store *store;
    struct leases *leases;
    struct store_change changes[LEASE_CLAIMS_MAX];
    struct row_room rooms[LEASE_CLAIMS_MAX];
};

/* Uses the table and restores its rows into `l`; leases_settle() must follow. False, and *p says why. */
bool persist_open(struct persist *d, struct store *s, struct leases *l, struct now now, struct problem *p);
/* Commits the leases of the claims as they are now; `done` is told as by store_commit(), maybe from inside.
 */
void persist_commit(struct persist *d, struct lease_claims *c, struct now now, store_done_fn *done,
                    void *owner);

#endif
