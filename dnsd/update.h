/* UPDATE (RFC 2136): what a message wants of a zone, and the change that comes of it. Pure. */
#ifndef WIRELAB_DNSD_UPDATE_H
#define WIRELAB_DNSD_UPDATE_H

#include "arena.h"
#include "change.h"

/* Checks prerequisites and changes of a message whose zone is `z` (RFC 2136 3.2, 3.4). NOERROR and *out ==
 * NULL: all is as it is wanted. NOERROR and a change, held once: the new version has `next_serial`, or a
 * newer one that the message says. Any other code: nothing is to change; *why (constant) says more. The arena
 * holds what is needed until the call returns. */
enum dns_rcode update_decide(const struct zone *z, struct span message, uint32_t next_serial, struct arena *a,
                             struct change **out, const char **why);

/* ---- the same, one record at a time, for who writes it by hand: what UPDATE passes over is said ----------
 */

struct updating;
/* NULL: no memory. All is in the arena, which is the caller's; `next_serial` as in update_decide(). */
struct updating *update_begin(const struct zone *z, uint32_t next_serial, struct arena *a);
/* Each gives NULL, or says in words (constant) why it cannot be. `owner` is at or below the apex. */
const char *update_add(struct updating *u, const struct dns_name *owner, uint16_t type, uint32_t ttl,
                       struct span rdata);
const char *update_remove(struct updating *u, const struct dns_name *owner, uint16_t type, struct span rdata);
/* DNS_TYPE_ANY: all records of the name. */
const char *update_remove_set(struct updating *u, const struct dns_name *owner, uint16_t type);
/* Takes all of the set away, if there is one, before others are added in their place. */
void update_clear_set(struct updating *u, const struct dns_name *owner, uint16_t type);
/* The TTL of a set as it would be; false: there is none. */
bool update_ttl(struct updating *u, const struct dns_name *owner, uint16_t type, uint32_t *ttl);
/* As update_decide() does. False: out of memory. */
bool update_end(struct updating *u, struct change **out);

#endif
