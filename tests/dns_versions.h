/* Versions of a zone side by side: what a change or a transfer makes of one, which stays as it is. */
#ifndef WIRELAB_TESTS_DNS_VERSIONS_H
#define WIRELAB_TESTS_DNS_VERSIONS_H

#include "dnsd/change.h"
#include "dnsd/transfer_in.h"

/* The version after the change, held once; NULL, and *why. */
static inline struct zone *zone_after(struct zone *before, const struct change *c, const char **why)
{
    struct zone *z = zone_hold(before);
    bool fits = change_fits(before, c, why);
    if (change_apply(&z, c, why) != fits)
        abort(); /* both say the same */
    if (fits)
        return z;
    zone_release(z);
    return NULL;
}

/* The version that a finished transfer brings to one who has `base`; NULL: its changes do not fit. */
static inline struct zone *zone_of_transfer(struct transfer_in *t, struct zone *base)
{
    struct zone *z = t->change_count ? zone_hold(base) : transfer_in_take(t);
    for (size_t i = 0; i < t->change_count; i++)
        if (!change_apply(&z, t->changes[i], &t->why)) {
            zone_release(z);
            return NULL;
        }
    return z;
}

#endif
