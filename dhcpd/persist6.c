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

/* Another server with the same database granted it, or its client released it there. */
static void learn_row(void *owner, const struct store_value *values)
{
    struct persist6 *d = owner;
    struct lease6_record record;
    if (row6_read(&record, values))
        leases6_learn(d->leases, &record);
}

bool persist6_open(struct persist6 *d, struct store *s, struct leases6 *l, struct now now, struct problem *p)
{
    struct restoring r = { .leases = l, .now = now, .enough = true };
    d->store = s;
    d->leases = l;
    if (!store_use(s, &lease6_table, p) || !store_use(s, &own_table, p))
        return false;
    bool loaded = store_load(s, &lease6_table, restore_row, &r, p);
    store_follow(s, &lease6_table, learn_row, d);
    if (r.enough)
        return loaded;
    problem_set(p, "dhcpd: not enough memory for the leases of the state directory");
    return false;
}

void persist6_commit(struct persist6 *d, struct lease6_claims *c, struct now now, store_done_fn *done,
                     void *owner)
{
    for (size_t i = 0; i < c->count; i++) {
        row6_write(&d->changes[i], &d->rooms[i], c->change[i].lease, now);
        c->change[i].lost = false;
        d->changes[i].lost = &c->change[i].lost;
    }
    store_commit(d->store, d->changes, c->count, done, owner);
}

struct keeping {
    const char *name;
    uint8_t *value;
    size_t room, *len;
};

static bool take_own(void *owner, const struct store_value *values)
{
    struct keeping *k = owner;
    struct span value = own_row_read(values, k->name);
    if (!value.at || value.len > k->room)
        return true;
    memcpy(k->value, value.at, value.len);
    *k->len = value.len;
    return true;
}

bool persist6_load(struct persist6 *d, const char *name, uint8_t *value, size_t room, size_t *len,
                   struct problem *p)
{
    struct keeping k = { name, value, room, len };
    *len = 0;
    return store_load(d->store, &own_table, take_own, &k, p);
}

void persist6_keep(struct persist6 *d, const char *name, struct span value, store_done_fn *done, void *owner)
{
    struct store_change change;
    own_row_write(&change, name, value);
    store_commit(d->store, &change, 1, done, owner);
}
