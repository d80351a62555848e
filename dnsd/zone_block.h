/* The block in which a zone has all that it consists of (zone.h). */
#ifndef WIRELAB_DNSD_ZONE_BLOCK_H
#define WIRELAB_DNSD_ZONE_BLOCK_H

#include "zone.h"

/* What so many bytes take of it. */
static inline size_t zone_block_aligned(size_t bytes)
{
    return (bytes + ZONE_GRAIN - 1) / ZONE_GRAIN * ZONE_GRAIN;
}

/* As many bytes can come at its end. False: no memory, or past what references reach. */
bool zone_block_reserve(struct zone *z, size_t bytes);
/* A new piece, where one of this size was given back or at the end; 0 when there is no room. Whatever was
 * looked up before has moved. */
zone_ref zone_block_take(struct zone *z, size_t bytes);
/* Without memory for the table of holes, and when it is larger than any, a piece is lost until the next load.
 */
void zone_block_give(struct zone *z, zone_ref ref, size_t bytes);

#endif
