/* How many leases each circuit of a relay has (option 82), where that is limited. A circuit is there as long
 * as it has one. Each lease keeps what its relay said, so that a restart counts as before. */
#ifndef WIRELAB_DHCPD_CIRCUIT_H
#define WIRELAB_DHCPD_CIRCUIT_H

#include "index.h"
#include "wire/dhcp4.h"

#define CIRCUIT_KEY_MAX (4 + 255) /* giaddr and the circuit identifier, or the remote one */

struct circuit;

struct circuits {
    struct index by_key;
    uint64_t seed;
};

/* Which circuit: the relay with the circuit that its option 82 names, or the remote end where it names none.
 * Empty: it names neither. */
struct span circuit_key(uint32_t relay, struct span relay_agent, uint8_t room[CIRCUIT_KEY_MAX]);

/* False when there is no memory. */
bool circuits_open(struct circuits *c, uint64_t seed);
/* All leases have left before. */
void circuits_close(struct circuits *c);
size_t circuits_count(const struct circuits *c, struct span key);
/* One lease more; NULL when there is no memory. */
struct circuit *circuit_join(struct circuits *c, struct span key);
/* One lease less; nothing for NULL. */
void circuit_leave(struct circuits *c, struct circuit *x);

#endif
