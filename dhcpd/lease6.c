#include "lease6.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>

#define LEASES_A_CHUNK 128
#define CLAIM_RETRY_S  1 /* a deadline that passes while the store is slow looks again after this */
#define BIT(n)         (1u << (n))

struct lease6_chunk {
    struct lease6_chunk *next;
    size_t used;
    struct lease6 lease[LEASES_A_CHUNK];
};

/* ---- identities ---------------------------------------------------------------------------- */

static bool is_elsewhere(const struct lease6 *x)
{
    return x->duid_len > LEASE6_DUID_INLINE;
}

struct lease6_client lease6_tenant(const struct lease6 *x)
{
    const uint8_t *duid = is_elsewhere(x) ? x->duid.elsewhere : x->duid.here;
    return (struct lease6_client){ .duid = span_of(duid, x->duid_len),
                                   .iaid = x->iaid,
                                   .name = lease6_name(x),
                                   .relay = circuit_name(x->circuit) };
}

struct span lease6_name(const struct lease6 *x)
{
    return x->name ? span_of(x->name + 1, x->name[0]) : (struct span){ NULL, 0 };
}

/* A name that cannot be kept for want of memory is none. */
static void set_name(struct lease6 *x, struct span name)
{
    if (span_equal(lease6_name(x), name))
        return;
    free(x->name);
    x->name = name.len && name.len <= LEASE_HOST_NAME_MAX ? malloc(1 + name.len) : NULL;
    if (!x->name)
        return;
    x->name[0] = (uint8_t)name.len;
    memcpy(x->name + 1, name.at, name.len);
}

bool lease6_belongs(const struct lease6 *x, const struct lease6_client *c)
{
    return x->duid_len && x->iaid == c->iaid && span_equal(lease6_tenant(x).duid, c->duid);
}

bool lease6_is_for(const struct lease6 *x, const struct lease6_client *c)
{
    return x->state == LEASE_FREE || (x->state != LEASE_DECLINED && lease6_belongs(x, c));
}

bool lease6_is_held(const struct lease6 *x)
{
    return x->state == LEASE_BOUND || x->state == LEASE_CLAIMED;
}

/* The same IA may have leases in several subnets, and one for prefixes the same number: each has its own key.
 */
static uint32_t client_hash(const struct leases6 *l, const struct lease6_pool *p,
                            const struct lease6_client *c)
{
    return (uint32_t)hash_bytes(c->duid,
                                l->seed + 4 * p->subnet->number + p->kind + ((uint64_t)c->iaid << 32));
}

static uint32_t address_hash(const struct leases6 *l, struct ip6 address)
{
    return (uint32_t)hash_bytes(span_of(&address, sizeof address), l->seed);
}

static void index_client(struct leases6 *l, struct lease6 *x)
{
    struct lease6_client c = lease6_tenant(x);
    index_remove(&l->by_client, &x->by_client);
    if (!x->pool->subnet || !c.duid.len)
        return;
    x->by_client.hash = client_hash(l, x->pool, &c);
    index_add(&l->by_client, &x->by_client);
}

static void forget_identity(struct leases6 *l, struct lease6 *x)
{
    index_remove(&l->by_client, &x->by_client);
    if (is_elsewhere(x))
        free(x->duid.elsewhere);
    set_name(x, (struct span){ NULL, 0 });
    x->duid_len = 0;
    x->iaid = 0;
}

static bool set_identity(struct leases6 *l, struct lease6 *x, const struct lease6_client *c)
{
    assert(c->duid.len <= DHCP6_DUID_MAX);
    if (lease6_belongs(x, c))
        return true;
    uint8_t *elsewhere = c->duid.len > LEASE6_DUID_INLINE ? malloc(c->duid.len) : NULL;
    if (c->duid.len > LEASE6_DUID_INLINE && !elsewhere)
        return false;
    forget_identity(l, x);
    x->iaid = c->iaid;
    x->duid_len = (uint8_t)c->duid.len;
    if (elsewhere)
        x->duid.elsewhere = elsewhere;
    struct writer w = writer_over(elsewhere ? elsewhere : x->duid.here, c->duid.len);
    write_span(&w, c->duid);
    index_client(l, x);
    return true;
}

/* ---- where leases are counted ---------------------------------------------------------------- */

static void leave_circuit(struct leases6 *l, struct lease6 *x)
{
    circuit_leave(&l->circuits, x->circuit);
    x->circuit = NULL;
}

/* Without memory it is counted nowhere. */
static void join_circuit(struct leases6 *l, struct lease6 *x, struct span relay)
{
    struct circuit *before = x->circuit;
    if (span_equal(circuit_name(before), relay))
        return;
    x->circuit = relay.len ? circuit_join(&l->circuits, relay) : NULL;
    circuit_leave(&l->circuits, before);
}

/* ---- the one function that changes a lease's state ------------------------------------------ */

static void tell(struct leases6 *l, enum event_id id, const struct lease6 *x, struct now now)
{
    struct event ev;
    if (!l->events || !event_happens(l->events, id))
        return;
    event_begin(&ev, id, now);
    event_address(&ev, x->bits == DHCP6_ADDRESS_BITS ? "address" : "prefix", address_ip6(x->address));
    if (x->bits != DHCP6_ADDRESS_BITS)
        event_number(&ev, "bits", x->bits);
    event_hardware(&ev, "duid", lease6_tenant(x).duid);
    event_number(&ev, "iaid", x->iaid);
    if (x->state == LEASE_BOUND && x->until_s != INT64_MAX)
        event_number(&ev, "seconds", x->until_s - now_s(now));
    event_emit(l->events, &ev);
}

static void tell_change(struct leases6 *l, const struct lease6 *x, enum lease_state before, struct now now)
{
    bool granted = x->state == LEASE_BOUND && before == LEASE_CLAIMED, bound = granted && !x->durable_until_s;
    bool held = before == LEASE_BOUND || (before == LEASE_CLAIMED && x->durable_until_s);
    bool ended = x->state == LEASE_FREE && held, renamed = granted && x->renamed;
    if (l->changed && (bound || renamed || ended || (x->state == LEASE_DECLINED && held)))
        l->changed(l->owner, x, granted, now);
    if (bound)
        tell(l, EVENT_DHCP6_BOUND, x, now);
    else if (ended)
        tell(l, x->until_s <= now.unix_ms / 1000 ? EVENT_DHCP6_EXPIRED : EVENT_DHCP6_RELEASED, x, now);
    else if (x->state == LEASE_DECLINED)
        tell(l, EVENT_DHCP6_DECLINED, x, now);
}

/* A deadline that is armed for an earlier time stays: it will look again. So a renewal costs nothing here. */
static bool arm(struct leases6 *l, struct lease6 *x, int64_t until_s)
{
    uint64_t due_ms = until_s >= INT64_MAX / 1000 ? TIMER_NEVER : (uint64_t)until_s * 1000;
    if (timer_armed(&x->deadline) && x->deadline.due_ms <= due_ms)
        return true;
    return timer_arm(&l->deadlines, &x->deadline, due_ms);
}

/* Whoever asks may get it. */
static bool is_dynamic(const struct lease6 *x)
{
    const struct lease6_pool *p = x->pool;
    if (!p->subnet || p->kind != LEASE6_ADDRESSES)
        return p->prefixes && !subnet6_prefix_host(p->subnet, x->address);
    return subnet6_is_dynamic(p->subnet, x->address);
}

static void enter(struct leases6 *l, struct lease6 *x)
{
    switch (x->state) {
    case LEASE_FREE:
        timer_stop(&l->deadlines, &x->deadline);
        if (is_dynamic(x))
            list_append(&x->pool->free, &x->queue);
        break;
    case LEASE_OFFERED:
        timer_stop(&l->deadlines, &x->deadline);
        list_append(&l->offers, &x->queue);
        break;
    default:
        arm(l, x, x->until_s); /* lease6_claim() saw to the memory; a declined address may rest longer */
        break;
    }
}

static void lease6_become(struct leases6 *l, struct lease6 *x, enum lease_state next, int64_t until_s,
                          struct now now)
{
    static const unsigned allowed[LEASE_STATES] = {
        [LEASE_FREE] = BIT(LEASE_OFFERED) | BIT(LEASE_CLAIMED),
        [LEASE_OFFERED] = BIT(LEASE_FREE) | BIT(LEASE_OFFERED) | BIT(LEASE_CLAIMED),
        [LEASE_CLAIMED] = BIT(LEASE_FREE) | BIT(LEASE_CLAIMED) | BIT(LEASE_BOUND) | BIT(LEASE_DECLINED),
        [LEASE_BOUND] = BIT(LEASE_FREE) | BIT(LEASE_CLAIMED) | BIT(LEASE_DECLINED),
        [LEASE_DECLINED] = BIT(LEASE_FREE),
    };
    enum lease_state before = x->state;
    assert(allowed[before] & BIT(next));
    list_remove(&x->queue);
    l->count[before]--;
    l->count[next]++;
    x->pool->in_use += (next != LEASE_FREE) - (size_t)(before != LEASE_FREE);
    x->state = (uint8_t)next;
    x->until_s = until_s;
    enter(l, x);
    tell_change(l, x, before, now);
    x->renamed &= next == LEASE_CLAIMED;
    if (next == LEASE_FREE || next == LEASE_DECLINED) {
        x->tenancy++;
        x->durable_until_s = 0;
        leave_circuit(l, x);
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

bool leases6_open(struct leases6 *l, uint64_t seed, struct events *e)
{
    *l = (struct leases6){ .seed = seed, .events = e };
    l->nowhere.leases = l;
    list_open(&l->offers);
    timers_open(&l->deadlines);
    if (index_open(&l->by_address) && index_open(&l->by_client) && circuits_open(&l->circuits, seed))
        return true;
    leases6_close(l);
    return false;
}

void leases6_close(struct leases6 *l)
{
    timers_close(&l->deadlines); /* while its timers are there */
    for (struct lease6_chunk *c = l->chunks, *next; c; c = next) {
        next = c->next;
        for (size_t i = 0; i < c->used; i++) {
            if (is_elsewhere(&c->lease[i]))
                free(c->lease[i].duid.elsewhere);
            free(c->lease[i].name);
            leave_circuit(l, &c->lease[i]);
        }
        free(c);
    }
    l->chunks = NULL;
    index_close(&l->by_address);
    index_close(&l->by_client);
    circuits_close(&l->circuits);
    free(l->pools);
    free(l->first_pool);
    l->pools = NULL;
    l->first_pool = NULL;
}

static void deadline_passed(struct timer *t, struct now now);

/* A new one, FREE and in no list. */
static struct lease6 *lease6_new(struct leases6 *l, struct ip6 address, uint8_t bits)
{
    struct lease6_chunk *c = l->chunks;
    if (!c || c->used == LEASES_A_CHUNK) {
        c = malloc(sizeof *c);
        if (!c)
            return NULL;
        c->next = l->chunks;
        c->used = 0;
        l->chunks = c;
    }
    struct lease6 *x = &c->lease[c->used++];
    *x = (struct lease6){ .address = address, .bits = bits, .state = LEASE_FREE, .pool = &l->nowhere };
    x->deadline.fire = deadline_passed;
    x->by_address.hash = address_hash(l, address);
    index_add(&l->by_address, &x->by_address);
    l->count[LEASE_FREE]++;
    return x;
}

bool leases6_restore(struct leases6 *l, const struct lease6_record *r, struct now now)
{
    if (leases6_find(l, r->address))
        return true;
    struct lease6 *x = lease6_new(l, r->address, r->bits);
    if (!x || (r->client.duid.len && !set_identity(l, x, &r->client)))
        return false;
    set_name(x, r->client.name);
    x->accepts_reconfigure = r->client.accepts_reconfigure;
    x->registered = r->registered;
    x->until_s = r->until_s;
    if (r->state == LEASE_FREE || r->until_s <= now.unix_ms / 1000)
        return true;
    l->count[LEASE_FREE]--;
    l->count[r->state]++;
    x->state = r->state;
    x->durable_until_s = r->state == LEASE_BOUND ? r->until_s : 0;
    join_circuit(l, x, r->client.relay);
    return arm(l, x, r->until_s);
}

static int compare_freed(const void *a, const void *b)
{
    const struct lease6 *x = *(struct lease6 *const *)a, *y = *(struct lease6 *const *)b;
    if (x->until_s != y->until_s)
        return x->until_s < y->until_s ? -1 : 1;
    return ip6_compare(x->address, y->address);
}

static struct lease6_pool *pool_for(struct leases6 *l, const struct lease6 *x, const struct dhcp6_settings *s)
{
    if (x->bits == DHCP6_ADDRESS_BITS) {
        const struct dhcp6_subnet *sn = subnet6_of(s, x->address);
        if (sn && x->registered)
            return leases6_registered(l, sn);
        return sn ? leases6_pool(l, sn) : &l->nowhere;
    }
    for (size_t i = 0; i < s->subnet_count; i++) {
        const struct dhcp6_prefix_pool *from = subnet6_prefix_pool(&s->subnets[i], x->address, x->bits);
        const struct dhcp6_host *h = subnet6_prefix_host(&s->subnets[i], x->address);
        if (from || (h && h->prefix_bits == x->bits))
            return leases6_prefix_pool(l, &s->subnets[i], from);
    }
    return &l->nowhere;
}

/* Into its subnet's pool. A free one is put into `freed`, for its list. */
static size_t settle_lease(struct leases6 *l, struct lease6 *x, const struct dhcp6_settings *s,
                           struct lease6 **freed)
{
    x->pool = pool_for(l, x, s);
    index_client(l, x);
    l->strays += x->pool == &l->nowhere && x->bits != DHCP6_ADDRESS_BITS && x->state != LEASE_FREE;
    x->pool->in_use += x->state != LEASE_FREE;
    if (x->pool == &l->nowhere) /* it cannot be renewed: its client may have another one */
        leave_circuit(l, x);
    if (x->state != LEASE_FREE)
        return 0;
    list_remove(&x->queue);
    *freed = x;
    return 1;
}

static void open_pool(struct leases6 *l, size_t number, const struct dhcp6_subnet *sn, enum lease6_kind kind,
                      const struct dhcp6_prefix_pool *prefixes)
{
    struct lease6_pool *p = &l->pools[number];
    p->leases = l;
    p->subnet = sn;
    p->kind = (uint8_t)kind;
    p->prefixes = prefixes;
    list_open(&p->free);
}

/* False: no memory, nothing was changed. */
static bool open_pools(struct leases6 *l, const struct dhcp6_settings *s)
{
    size_t count = 0, number = 0;
    for (size_t i = 0; i < s->subnet_count; i++)
        count += 3 + s->subnets[i].prefix_pool_count;
    struct lease6_pool *pools = calloc(count + 1, sizeof *pools);
    size_t *first = calloc(s->subnet_count + 1, sizeof *first);
    if (!pools || !first) {
        free(pools);
        free(first);
        return false;
    }
    l->pools = pools;
    l->settings = s;
    l->first_pool = first;
    for (size_t i = 0; i < s->subnet_count; i++) {
        const struct dhcp6_subnet *sn = &s->subnets[i];
        first[i] = number;
        open_pool(l, number++, sn, LEASE6_ADDRESSES, NULL);
        open_pool(l, number++, sn, LEASE6_PREFIXES, NULL);
        open_pool(l, number++, sn, LEASE6_REGISTERED, NULL);
        for (size_t j = 0; j < sn->prefix_pool_count; j++)
            open_pool(l, number++, sn, LEASE6_PREFIXES, &sn->prefix_pools[j]);
    }
    return true;
}

void leases6_learn(struct leases6 *l, const struct lease6_record *r)
{
    struct lease6 *x = leases6_find(l, r->address);
    if (!x && r->state == LEASE_FREE)
        return;
    if (!x && (x = lease6_new(l, r->address, r->bits))) {
        x->registered = r->registered;
        x->pool = pool_for(l, x, l->settings);
    }
    bool same = x && lease6_belongs(x, &r->client);
    bool awaits_us = x && (x->state == LEASE_OFFERED || x->state == LEASE_CLAIMED);
    if (!x || (awaits_us && r->state == LEASE_FREE) || (x->state == LEASE_CLAIMED && same))
        return;
    if (!set_identity(l, x, &r->client))
        return; /* without memory it is not learnt: a claim of it will be lost */
    x->tenancy += !same;
    list_remove(&x->queue);
    l->count[x->state]--;
    l->count[r->state]++;
    x->pool->in_use += (r->state != LEASE_FREE) - (size_t)(x->state != LEASE_FREE);
    x->state = r->state;
    x->until_s = r->until_s;
    x->durable_until_s = r->state == LEASE_BOUND ? r->until_s : 0;
    bool counts = r->state == LEASE_BOUND && x->pool != &l->nowhere;
    join_circuit(l, x, counts ? r->client.relay : (struct span){ NULL, 0 });
    enter(l, x);
}

bool leases6_settle(struct leases6 *l, const struct dhcp6_settings *s, struct now now)
{
    struct lease6 **freed = malloc((l->by_address.node_count + 1) * sizeof(struct lease6 *));
    struct lease6_pool *former = l->pools;
    size_t *former_first = l->first_pool;
    if (!freed || !open_pools(l, s)) {
        free(freed);
        return false;
    }
    size_t count = 0;
    l->strays = l->nowhere.in_use = 0;
    for (struct lease6_chunk *c = l->chunks; c; c = c->next)
        for (size_t i = 0; i < c->used; i++)
            count += settle_lease(l, &c->lease[i], s, &freed[count]);
    qsort(freed, count, sizeof(struct lease6 *), compare_freed);
    for (size_t i = 0; i < count; i++)
        enter(l, freed[i]);
    free(freed);
    free(former);
    free(former_first);
    leases6_run(l, now, SIZE_MAX);
    return true;
}

/* ---- deadlines --------------------------------------------------------------------------------- */

static void deadline_passed(struct timer *t, struct now now)
{
    struct lease6 *x = list_item(t, struct lease6, deadline);
    struct leases6 *l = x->pool->leases;
    if (x->until_s > now.unix_ms / 1000)
        arm(l, x, x->until_s); /* renewed meanwhile */
    else if (x->state == LEASE_CLAIMED)
        arm(l, x, now_s(now) + CLAIM_RETRY_S);
    else
        lease6_become(l, x, LEASE_FREE, x->until_s, now);
}

uint64_t leases6_next_due(const struct leases6 *l)
{
    uint64_t due_ms = timers_next_due(&l->deadlines);
    struct list_node *n = list_first(&l->offers);
    if (n) {
        uint64_t offer_ms = (uint64_t)list_item(n, struct lease6, queue)->until_s * 1000;
        due_ms = offer_ms < due_ms ? offer_ms : due_ms;
    }
    return due_ms;
}

size_t leases6_run(struct leases6 *l, struct now now, size_t max)
{
    size_t n = 0;
    for (struct list_node *first; n < max && (first = list_first(&l->offers)); n++) {
        struct lease6 *x = list_item(first, struct lease6, queue);
        if (x->until_s > now.unix_ms / 1000)
            break;
        lease6_become(l, x, LEASE_FREE, x->until_s, now);
    }
    /* the heap counts on unix time */
    struct now on_unix = { .mono_ms = now.unix_ms < 0 ? 0 : (uint64_t)now.unix_ms, .unix_ms = now.unix_ms };
    return n + timers_run(&l->deadlines, on_unix, max - n);
}

/* ---- finding ------------------------------------------------------------------------------------ */

struct lease6_pool *leases6_pool(const struct leases6 *l, const struct dhcp6_subnet *sn)
{
    return &l->pools[l->first_pool[sn->number]];
}

struct lease6_pool *leases6_prefix_pool(const struct leases6 *l, const struct dhcp6_subnet *sn,
                                        const struct dhcp6_prefix_pool *from)
{
    return leases6_pool(l, sn) + (from ? 3 + (from - sn->prefix_pools) : 1);
}

struct lease6_pool *leases6_registered(const struct leases6 *l, const struct dhcp6_subnet *sn)
{
    return leases6_pool(l, sn) + 2;
}

struct lease6 *leases6_find(const struct leases6 *l, struct ip6 address)
{
    struct index_node *n = index_first(&l->by_address, address_hash(l, address));
    for (; n; n = index_next(n)) /* ends with the chain */
        if (ip6_equal(list_item(n, struct lease6, by_address)->address, address))
            return list_item(n, struct lease6, by_address);
    return NULL;
}

struct lease6 *leases6_at(struct leases6 *l, struct lease6_pool *p, struct ip6 address, uint8_t bits)
{
    struct lease6 *x = leases6_find(l, address);
    if (!x)
        x = lease6_new(l, address, bits);
    else if (x->state != LEASE_FREE || (x->pool == p && x->bits == bits))
        return x->bits == bits ? x : NULL;
    if (x) { /* a new one; or what was of another kind, or cut in another length, before */
        list_remove(&x->queue);
        x->bits = bits;
        x->registered = p->kind == LEASE6_REGISTERED;
        x->pool = p;
        index_client(l, x);
        enter(l, x);
    }
    return x;
}

/* The first of the IA's leases in this pool from node n on. */
static struct lease6 *next_of(struct index_node *n, const struct lease6_pool *p,
                              const struct lease6_client *c)
{
    for (; n; n = index_next(n)) { /* ends with the chain */
        struct lease6 *x = list_item(n, struct lease6, by_client);
        if (x->pool->subnet == p->subnet && x->pool->kind == p->kind && lease6_belongs(x, c))
            return x;
    }
    return NULL;
}

struct lease6 *leases6_first_of(const struct leases6 *l, const struct lease6_pool *p,
                                const struct lease6_client *c)
{
    return next_of(index_first(&l->by_client, client_hash(l, p, c)), p, c);
}

struct lease6 *leases6_next_of(const struct lease6 *x, const struct lease6_client *c)
{
    return next_of(index_next(&x->by_client), x->pool, c);
}

static void next_range(struct lease6_pool *p)
{
    p->range++;
    p->range_offset = 0;
    p->range_done = false;
}

/* A prefix that is still used, of a pool that the configuration has no more, lies in it or around it. */
static bool meets_stray(const struct leases6 *l, struct ip6 prefix, uint8_t bits)
{
    for (struct lease6_chunk *c = l->strays ? l->chunks : NULL; c; c = c->next) /* ends with the chain */
        for (size_t i = 0; i < c->used; i++) {
            const struct lease6 *x = &c->lease[i];
            uint8_t least = x->bits < bits ? x->bits : bits;
            if (x->pool == &l->nowhere && x->bits != DHCP6_ADDRESS_BITS && x->state != LEASE_FREE &&
                ip6_equal(ip6_first(x->address, least), ip6_first(prefix, least)))
                return true;
        }
    return false;
}

/* The first prefix of the pool that was never used; false when all were. */
static bool never_delegated(const struct leases6 *l, struct lease6_pool *p, struct ip6 *prefix)
{
    const struct dhcp6_prefix_pool *from = p->prefixes;
    for (; p->range_offset < prefix_pool_size(from); p->range_offset++) { /* each is looked at once, ever */
        *prefix = (struct ip6){ from->network.high + (p->range_offset << (64 - from->length)), 0 };
        if (!leases6_find(l, *prefix) && !subnet6_prefix_host(p->subnet, *prefix) &&
            !meets_stray(l, *prefix, from->length))
            return true;
    }
    return false;
}

/* The first address of the pool that was never used; false when all were. */
static bool never_used(const struct leases6 *l, struct lease6_pool *p, struct ip6 *address)
{
    while (p->range < p->subnet->range_count) { /* each address is looked at once, ever */
        const struct dhcp6_range *r = &p->subnet->ranges[p->range];
        if (p->range_done || p->range_offset > r->last.low - r->first.low) {
            next_range(p);
            continue;
        }
        *address = (struct ip6){ r->first.high, r->first.low + p->range_offset };
        if (!leases6_find(l, *address) && !subnet6_host_at(p->subnet, *address))
            return true;
        p->range_done = p->range_offset == UINT64_MAX; /* a whole /64 */
        p->range_offset++;
    }
    return false;
}

struct lease6 *leases6_longest_free(struct leases6 *l, struct lease6_pool *p)
{
    struct ip6 address;
    if (p->prefixes ? never_delegated(l, p, &address) : never_used(l, p, &address))
        return leases6_at(l, p, address, p->prefixes ? p->prefixes->length : DHCP6_ADDRESS_BITS);
    struct list_node *n = list_first(&p->free);
    return n ? list_item(n, struct lease6, queue) : NULL;
}

void leases6_each(const struct leases6 *l, void (*fn)(void *owner, const struct lease6 *x), void *owner)
{
    for (const struct lease6_chunk *c = l->chunks; c; c = c->next)
        for (size_t i = 0; i < c->used; i++)
            fn(owner, &c->lease[i]);
}

/* ---- changing ------------------------------------------------------------------------------------- */

void claims6_open(struct leases6 *l, struct lease6_claims *c)
{
    c->number = ++l->last_claim;
    c->count = 0;
}

bool claims6_has_room(const struct lease6_claims *c)
{
    return c->count + LEASE6_CHANGES_MAX <= LEASE6_CLAIMS_MAX;
}

static void claims_add(struct lease6_claims *c, struct lease6 *x, int64_t until_s)
{
    assert(c->count < LEASE6_CLAIMS_MAX);
    c->change[c->count].lease = x;
    c->change[c->count].tenancy = x->tenancy;
    c->change[c->count].until_s = until_s;
    c->change[c->count].lost = false;
    c->count++;
}

/* The lease goes to this IA, which may have it; a new tenancy when another one had it. */
static bool move_in(struct leases6 *l, struct lease6 *x, const struct lease6_client *c, struct now now)
{
    bool stays = lease6_belongs(x, c);
    if (!set_identity(l, x, c))
        return false;
    if (!stays) {
        x->tenancy++;
        x->durable_until_s = 0;
    }
    x->accepts_reconfigure = c->accepts_reconfigure;
    if (c->relay.len || !stays) /* one that comes without its relay stays where it was */
        join_circuit(l, x, c->relay);
    if (stays && c->name.len && x->durable_until_s && !span_equal(lease6_name(x), c->name)) {
        x->renamed = true;
        if (l->changed)
            l->changed(l->owner, x, false, now);
    }
    if (c->name.len || !stays) /* one who says nothing of its name keeps it */
        set_name(x, c->name);
    return true;
}

bool lease6_offer(struct leases6 *l, struct lease6 *x, const struct lease6_client *c, struct now now)
{
    if (lease6_is_held(x))
        return true;
    if (!move_in(l, x, c, now))
        return false;
    lease6_become(l, x, LEASE_OFFERED, now_s(now) + LEASE_OFFER_S, now);
    return true;
}

void lease6_offer_withdraw(struct leases6 *l, struct lease6 *x, struct now now)
{
    lease6_become(l, x, LEASE_FREE, now_s(now), now);
}

bool lease6_claim(struct leases6 *l, struct lease6 *x, const struct lease6_client *c, int64_t until_s,
                  struct now now, struct lease6_claims *claims)
{
    assert(lease6_is_for(x, c));
    if (!move_in(l, x, c, now) || !arm(l, x, until_s))
        return false;
    lease6_become(l, x, LEASE_CLAIMED, until_s, now);
    x->claim = claims->number;
    claims_add(claims, x, until_s);
    return true;
}

void lease6_release(struct leases6 *l, struct lease6 *x, struct now now, struct lease6_claims *claims)
{
    lease6_become(l, x, LEASE_FREE, now_s(now), now);
    claims_add(claims, x, 0);
}

void lease6_decline(struct leases6 *l, struct lease6 *x, int64_t until_s, struct now now,
                    struct lease6_claims *claims)
{
    lease6_become(l, x, LEASE_DECLINED, until_s, now);
    forget_identity(l, x);
    claims_add(claims, x, 0);
}

/* It was granted to another server's client first; whose it is will be learnt. */
static void lose(struct leases6 *l, struct lease6 *x, uint32_t claim, struct now now)
{
    if (x->state == LEASE_CLAIMED && x->claim == claim)
        lease6_become(l, x, LEASE_FREE, now_s(now), now);
}

void claims6_confirm(struct leases6 *l, const struct lease6_claims *c, struct now now)
{
    for (size_t i = 0; i < c->count; i++) {
        struct lease6 *x = c->change[i].lease;
        if (c->change[i].tenancy != x->tenancy || !c->change[i].until_s)
            continue;
        if (c->change[i].lost) {
            lose(l, x, c->number, now);
            continue;
        }
        if (x->state == LEASE_CLAIMED && x->claim == c->number)
            lease6_become(l, x, LEASE_BOUND, x->until_s, now);
        x->durable_until_s = c->change[i].until_s;
    }
}

void claims6_withdraw(struct leases6 *l, const struct lease6_claims *c, struct now now)
{
    for (size_t i = 0; i < c->count; i++) {
        struct lease6 *x = c->change[i].lease;
        if (c->change[i].tenancy != x->tenancy || x->state != LEASE_CLAIMED || x->claim != c->number)
            continue; /* it changed hands meanwhile, or a later commit decides */
        if (x->durable_until_s > now.unix_ms / 1000)
            lease6_become(l, x, LEASE_BOUND, x->durable_until_s, now);
        else
            lease6_become(l, x, LEASE_FREE, now_s(now), now);
    }
}

bool claims6_stand(const struct lease6_claims *c, size_t first, size_t count)
{
    for (size_t i = first; i < first + count && i < c->count; i++)
        if (c->change[i].until_s &&
            (c->change[i].lost || c->change[i].tenancy != c->change[i].lease->tenancy))
            return false;
    return true;
}
