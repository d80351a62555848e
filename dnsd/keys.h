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

/* Who asks. */
struct dnsd_who {
    const struct address *peer;
    const struct address *local; /* what was asked, of the server's own; NULL: not known */
    const struct tsig_key *key;  /* who signed; NULL: nobody */
};

/* Who may: by address, by key, or where they ask. */
struct dnsd_permits {
    struct prefix *prefixes;
    size_t prefix_count;
    struct key_list keys;
    struct prefix *locals;
    size_t local_count;
};

/* There may be somebody. */
static inline bool dnsd_permits_some(const struct dnsd_permits *p)
{
    return p->prefix_count || p->keys.count || p->local_count;
}

static inline bool dnsd_permitted(const struct dnsd_permits *p, const struct dnsd_who *who)
{
    for (size_t i = 0; i < p->prefix_count; i++)
        if (prefix_contains(&p->prefixes[i], *who->peer))
            return true;
    for (size_t i = 0; who->local && i < p->local_count; i++)
        if (prefix_contains(&p->locals[i], *who->local))
            return true;
    return key_listed(&p->keys, who->key);
}

#endif
