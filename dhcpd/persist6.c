#include "persist6.h"

struct restoring {
    struct leases6 *leases;
    struct now now;
    bool enough; /* memory */
};

/* A row that no lease can be made of was not written by us; it stays where it is. */
static bool restore_row(void *owner, const struct store_value *values)
{
    struct restoring *r = owner;
    struct lease6_record record;
    if (row6_read(&record, values))
        r->enough = leases6_restore(r->leases, &record, r->now);
    return r->enough;
}

bool persist6_open(struct persist6 *d, struct store *s, struct leases6 *l, struct now now, struct problem *p)
{
    struct restoring r = { .leases = l, .now = now, .enough = true };
    d->store = s;
    if (!store_use(s, &lease6_table, p) || !store_use(s, &duid_table, p))
        return false;
    bool loaded = store_load(s, &lease6_table, restore_row, &r, p);
    if (r.enough)
        return loaded;
    problem_set(p, "dhcpd: not enough memory for the leases of the state directory");
    return false;
}

void persist6_commit(struct persist6 *d, const struct lease6_claims *c, struct now now, store_done_fn *done,
                     void *owner)
{
    for (size_t i = 0; i < c->count; i++)
        row6_write(&d->changes[i], &d->rooms[i], c->change[i].lease, now);
    store_commit(d->store, d->changes, c->count, done, owner);
}

struct keeping {
    uint8_t *duid;
    size_t *len;
};

static bool take_duid(void *owner, const struct store_value *values)
{
    struct keeping *k = owner;
    struct span duid = duid_row_read(values);
    if (duid.len < DHCP6_DUID_LEAST || duid.len > DHCP6_DUID_MAX)
        return true;
    memcpy(k->duid, duid.at, duid.len);
    *k->len = duid.len;
    return true;
}

bool persist6_load_duid(struct persist6 *d, uint8_t *duid, size_t *len, struct problem *p)
{
    struct keeping k = { duid, len };
    *len = 0;
    return store_load(d->store, &duid_table, take_duid, &k, p);
}

void persist6_keep_duid(struct persist6 *d, struct span duid, store_done_fn *done, void *owner)
{
    struct store_change change;
    duid_row_write(&change, duid);
    store_commit(d->store, &change, 1, done, owner);
}
