/* The digest of a whole zone that its apex tells of (ZONEMD, RFC 8976): whoever has the zone can see that
 * nothing of it was lost or changed on the way. Who changed it on purpose can make the digest anew, unless
 * the zone is signed, and signatures are not validated here. Pure. */
#ifndef WIRELAB_DNSD_ZONEMD_H
#define WIRELAB_DNSD_ZONEMD_H

#include "zone.h"

/* NULL: there is no ZONEMD that counts, or one of them is the zone's digest. Else why not, in words
 * (constant). What is of another scheme or algorithm than these does not count, nor do two of the same scheme
 * and algorithm (RFC 8976 4). All names are put in order for it; without a ZONEMD it costs one look-up. */
const char *zonemd_fault(const struct zone *z);
/* Whether there is one at all. */
bool zonemd_is_there(const struct zone *z);
/* Puts the digest (SIMPLE, SHA-384) in the place of those that are there. The caller is the zone's one
 * holder. False: no memory. */
bool zonemd_make(struct zone *z);

#endif
