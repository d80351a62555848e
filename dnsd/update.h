/* UPDATE (RFC 2136): what a message wants of a zone, and the change that comes of it. Pure. */
#ifndef WIRELAB_DNSD_UPDATE_H
#define WIRELAB_DNSD_UPDATE_H

#include "arena.h"
#include "change.h"

/* The zone that a message of opcode UPDATE is about (RFC 2136 3.1.1); false when it does not say so rightly:
 * FORMERR. */
bool update_read_zone(struct span message, struct dns_query *out);

/* Checks prerequisites and changes of a message whose zone is `z` (RFC 2136 3.2, 3.4). NOERROR and *out ==
 * NULL: all is as it is wanted. NOERROR and a change, held once: the new version has `next_serial`, or a
 * newer one that the message says. Any other code: nothing is to change; *why, which may become NULL, says
 * more. The arena holds what is needed until the call returns. */
enum dns_rcode update_decide(const struct zone *z, struct span message, uint32_t next_serial, struct arena *a,
                             struct change **out, const char **why);

#endif
