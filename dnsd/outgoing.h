/* From which of its addresses the server asks and tells others. Pure. */
#ifndef WIRELAB_DNSD_OUTGOING_H
#define WIRELAB_DNSD_OUTGOING_H

#include "dnsd.h"

/* Who serves several addresses is known to its primaries and secondaries by the one that serves the zone: the
 * view's address of that family, else the one that is listened at. Family 0: there is none, or the way
 * decides between several. */
struct address outgoing_address(const struct view *view, const struct endpoint *to);

#endif
