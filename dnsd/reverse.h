/* A zone of PTR records that is made of the addresses in other zones (`reverse-of`): one for each name that
 * has an address in it. It has the SOA and the NS of the first of those zones, with a serial of its own.
 * Pure. */
#ifndef WIRELAB_DNSD_REVERSE_H
#define WIRELAB_DNSD_REVERSE_H

#include "change.h"

/* The whole, held once; forward zones that are not there are NULL. NULL: none is there, or no memory. */
struct zone *reverse_make(const struct dns_name *apex, const struct zone *const *forward, size_t count,
                          uint32_t serial, uint64_t seed);

enum reverse_result {
    REVERSE_SAME,    /* nothing changes */
    REVERSE_CHANGED, /* *out, held once, leads to the next version */
    REVERSE_ANEW,    /* names came into sight or went out of it: the whole is to be made */
};

/* What a change that was made in a forward zone means; *out has this serial. */
enum reverse_result reverse_follow(const struct zone *reverse, const struct zone *forward,
                                   const struct change *c, uint32_t serial, struct change **out);
/* What leads to another one that was made; *out has its serial. */
enum reverse_result reverse_between(const struct zone *reverse, const struct zone *made, struct change **out);

#endif
