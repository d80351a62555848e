#include "zone.h"

#include "zone_order.h"

#include <stdlib.h>

struct zone *zone_hold(struct zone *z)
{
    z->holders++;
    return z;
}

void zone_release(struct zone *z)
{
    if (!z || --z->holders)
        return;
    zone_order_free(z);
    free(z->block);
    free(z->holes);
    free(z->slots);
    free(z);
}

struct zone *zone_copy(const struct zone *z)
{
    size_t bytes = zone_bytes(&z->name);
    struct zone *copy = malloc(bytes);
    size_t slots = ((size_t)z->slot_mask + 1) * sizeof *z->slots;
    uint8_t *block = malloc(z->block_used);
    struct zone_slot *table = malloc(slots);
    if (!copy || !block || !table) {
        free(copy);
        free(block);
        free(table);
        return NULL;
    }
    memcpy(block, z->block, z->block_used);
    memcpy(table, z->slots, slots);
    memcpy(copy, z, bytes);
    copy->block = block;
    copy->block_room = z->block_used;
    copy->slots = table;
    copy->holes = NULL; /* they are few in a zone that is not changed often */
    copy->holders = 1;
    zone_order_copy(copy, z);
    return copy;
}
