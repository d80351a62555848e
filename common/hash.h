/* The one hash function for tables: keyed by a seed of the process, so that nobody outside can aim at one
 * slot. */
#ifndef WIRELAB_HASH_H
#define WIRELAB_HASH_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "wire/wire.h"

static inline uint64_t hash_bytes(struct span s, uint64_t seed)
{
    return XXH3_64bits_withSeed(s.at, s.len, seed);
}

#endif
