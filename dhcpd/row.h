/* A lease as a row of the store, both ways: readable with sqlite3. */
#ifndef WIRELAB_DHCPD_ROW_H
#define WIRELAB_DHCPD_ROW_H

#include "lease.h"
#include "store.h"

/* What a row's texts are written into; it lives until the change was handed over. */
struct row_room {
    char address[ADDRESS_TEXT_MAX];
    char hardware[HARDWARE_TEXT_MAX];
};

extern const struct store_table lease_table;

/* The lease as it is now. The change points into the lease and the room. */
void row_write(struct store_change *c, struct row_room *room, const struct lease *x, struct now now);
/* False for a row that no lease can be made of. The record points into the values and the room. */
bool row_read(struct lease_record *r, uint8_t room[LEASE_HARDWARE_MAX], const struct store_value *values);

#endif
