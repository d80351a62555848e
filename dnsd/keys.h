/* Who signs: the keys that a list of the configuration names beside addresses. */
#ifndef WIRELAB_DNSD_KEYS_H
#define WIRELAB_DNSD_KEYS_H

#include "wire/tsig.h"

struct key_list {
    const struct tsig_key **keys; /* the configuration's; as long as it lives */
    size_t count;
};

/* `k`: who signed; NULL: nobody. */
static inline bool key_listed(const struct key_list *l, const struct tsig_key *k)
{
    for (size_t i = 0; k && i < l->count; i++)
        if (l->keys[i] == k)
            return true;
    return false;
}

#endif
