#include "persist.h"

struct restoring {
    struct leases *leases;
    struct now now;
    bool enough; /* memory */
};

/* A row that no lease can be made of was not written by us; it stays where it is. */
static bool restore_row(void *owner, const struct store_value *values)
{
    struct restoring *r = owner;
    struct lease_record record;
    uint8_t room[LEASE_HARDWARE_MAX];
    if (row_read(&record, room, values))
        r->enough = leases_restore(r->leases, &record, r->now);
    return r->enough;
}

/* Another server with the same database granted it, or its client released it there. */
static void learn_row(void *owner, const struct store_value *values)
{
    struct persist *d = owner;
    struct lease_record record;
    uint8_t room[LEASE_HARDWARE_MAX];
    if (row_read(&record, room, values))
        leases_learn(d->leases, &record);
}

bool persist_open(struct persist *d, struct store *s, struct leases *l, struct now now, struct problem *p)
{
    struct restoring r = { .leases = l, .now = now, .enough = true };
    d->store = s;
    d->leases = l;
    if (!store_use(s, &lease_table, p))
        return false;
    bool loaded = store_load(s, &lease_table, restore_row, &r, p);
    store_follow(s, &lease_table, learn_row, d);
    if (r.enough)
        return loaded;
    problem_set(p, "dhcpd: not enough memory for the leases of the state directory");
    return false;
}

void persist_commit(struct persist *d, struct lease_claims *c, struct now now, store_done_fn *done,
                    void *owner)
{
    for (size_t i = 0; i < c->count; i++) {
        row_write(&d->changes[i], &d->rooms[i], c->change[i].lease, now);
        c->change[i].lost = false;
        d->changes[i].lost = &c->change[i].lost;
    }
    store_commit(d->store, d->changes, c->count, done, owner);
}
