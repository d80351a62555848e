#include "zone_block.h"

#include <stdlib.h>

#define BLOCK_LEAST 4096
#define BLOCK_MOST  ((size_t)UINT32_MAX * ZONE_GRAIN)
#define HOLE_SIZES  512 /* in grains: 2 KiB, more than nearly every set has */

bool zone_block_reserve(struct zone *z, size_t bytes)
{
    size_t need = z->block_used + zone_block_aligned(bytes);
    size_t room = z->block_room;
    if (need <= room)
        return true;
    while (room < need)
        room = room + room / 2 + BLOCK_LEAST;
    if (need > BLOCK_MOST)
        return false;
    uint8_t *block = realloc(z->block, room);
    if (!block)
        return false;
    z->block = block;
    z->block_room = room;
    return true;
}

static zone_ref *word_at(struct zone *z, zone_ref ref)
{
    return (zone_ref *)(void *)(z->block + (size_t)ref * ZONE_GRAIN);
}

zone_ref zone_block_take(struct zone *z, size_t bytes)
{
    size_t grains = zone_block_aligned(bytes) / ZONE_GRAIN;
    if (z->holes && grains < HOLE_SIZES && z->holes[grains]) {
        zone_ref hole = z->holes[grains];
        z->holes[grains] = *word_at(z, hole);
        return hole;
    }
    if (!zone_block_reserve(z, bytes))
        return 0;
    zone_ref ref = (zone_ref)(z->block_used / ZONE_GRAIN);
    z->block_used += zone_block_aligned(bytes);
    return ref;
}

void zone_block_give(struct zone *z, zone_ref ref, size_t bytes)
{
    size_t grains = zone_block_aligned(bytes) / ZONE_GRAIN;
    if (!z->holes)
        z->holes = calloc(HOLE_SIZES, sizeof *z->holes);
    if (!z->holes || grains >= HOLE_SIZES)
        return;
    *word_at(z, ref) = z->holes[grains];
    z->holes[grains] = ref;
}
