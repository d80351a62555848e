/* How many leases each circuit of a relay has (option 82; for IPv6 the port that its Interface-Id names). A
 * circuit is there as long as it has one. Each lease keeps what its relay said, so that a restart counts as
 * before. */
#ifndef WIRELAB_DHCPD_CIRCUIT_H
#define WIRELAB_DHCPD_CIRCUIT_H

#include "index.h"
#include "wire/dhcp4.h"
#include "wire/dhcp6.h"

#define CIRCUIT_KEY_MAX  (4 + 255)      /* giaddr and the circuit identifier, or the remote one */
#define CIRCUIT6_KEY_MAX (16 + 2 + 255) /* the link's address, which option it is, and its value */

struct circuit;

struct circuits {
    struct index by_key;
    uint64_t seed;
};

/* Which circuit: the relay with the circuit that its option 82 names, or the remote end where it names none.
 * Empty: it names neither. */
struct span circuit_key(uint32_t relay, struct span relay_agent, uint8_t room[CIRCUIT_KEY_MAX]);
/* The same for IPv6, as the relay next to the client says it: the link, and its Interface-Id, or its remote
 * identifier where there is none. A relay that knows no address of its link (RFC 6221) is on that of the
 * next one that does. Longer identifiers are cut. */
struct span circuit6_key(const struct dhcp6_relays *relays, uint8_t room[CIRCUIT6_KEY_MAX]);

/* False when there is no memory. */
bool circuits_open(struct circuits *c, uint64_t seed);
/* All leases have left before. */
void circuits_close(struct circuits *c);
size_t circuits_count(const struct circuits *c, struct span key);
/* One lease more; NULL when there is no memory. */
struct circuit *circuit_join(struct circuits *c, struct span key);
/* One lease less; nothing for NULL. */
void circuit_leave(struct circuits *c, struct circuit *x);
/* What it is called, as long as it is there; empty for NULL. */
struct span circuit_name(const struct circuit *x);
/* Whether it is time to tell that it is full: once a minute, for whoever asks in vain asks again. */
bool circuits_tell_full(struct circuits *c, struct span key, int64_t now_s);

#endif
