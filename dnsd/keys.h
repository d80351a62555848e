/* Who signs: the keys that a list of the configuration names beside addresses. */
#ifndef WIRELAB_DNSD_KEYS_H
#define WIRELAB_DNSD_KEYS_H

#include "endpoint.h"
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

/* Who may: by address, or by key. */
struct dnsd_permits {
    struct prefix *prefixes;
    size_t prefix_count;
    struct key_list keys;
};

static inline bool dnsd_permitted(const struct dnsd_permits *p, const struct address *peer,
                                  const struct tsig_key *key)
{
    for (size_t i = 0; i < p->prefix_count; i++)
        if (prefix_contains(&p->prefixes[i], *peer))
            return true;
    return key_listed(&p->keys, key);
}

#endif
