/* An IPv6 lease as a row of the store, both ways: readable with sqlite3. */
#ifndef WIRELAB_DHCPD_ROW6_H
#define WIRELAB_DHCPD_ROW6_H

#include "lease6.h"
#include "store.h"

/* What a row's text is written into; it lives until the change was handed over. */
struct row6_room {
    char address[ADDRESS_TEXT_MAX + 4]; /* a prefix has its length behind it */
};

extern const struct store_table lease6_table;
/* What the server made once for itself, by name: its DUID, the secret that its clients' keys come of. */
extern const struct store_table own_table;

/* The lease as it is now. The change points into the lease and the room. */
void row6_write(struct store_change *c, struct row6_room *room, const struct lease6 *x, struct now now);
/* False for a row that no lease can be made of. The record points into the values. */
bool row6_read(struct lease6_record *r, const struct store_value *values);

/* The change points to the value. */
void own_row_write(struct store_change *c, const char *name, struct span value);
/* at == NULL: the row has another name. */
struct span own_row_read(const struct store_value *values, const char *name);

#endif
