#include "lease.h"

#include "fqdn.h"

#include "hash.h"

#include <assert.h>
#include <stdlib.h>

#define LEASES_A_CHUNK 128
#define CLAIM_RETRY_S  1 /* a deadline that passes while the store is slow looks again after this */
#define BIT(n)         (1u << (n))

struct lease_chunk {
    struct lease_chunk *next;
    size_t used;
    struct lease lease[LEASES_A_CHUNK];
};

/* ---- identities ---------------------------------------------------------------------------- */

struct lease_client lease_client_of(const struct dhcp4_message *m, uint8_t room[LEASE_CLIENT_ROOM])
{
    struct writer w = writer_over(room, LEASE_HARDWARE_MAX);
    struct span agent = dhcp4_option(m, DHCP4_OPTION_RELAY_AGENT);
    struct writer relay = writer_over(room + LEASE_HARDWARE_MAX, LEASE_RELAY_MAX);
    if (m->fixed.hlen) {
        write_u8(&w, m->fixed.htype);
        write_bytes(&w, m->fixed.chaddr, m->fixed.hlen);
    }
    if (agent.len && agent.len <= UINT8_MAX) { /* longer ones are no relay's (RFC 3046 2.0) */
        write_u32(&relay, m->fixed.giaddr);
        write_span(&relay, agent);
    }
    struct span name = dhcp4_option(m, DHCP4_OPTION_HOST_NAME), whole_name;
    if (fqdn_label(m, &whole_name)) /* RFC 4702 4: it counts before the host name */
        name = whole_name.len ? whole_name : span_text("");
    struct span id = span_head(dhcp4_option(m, DHCP4_OPTION_CLIENT_IDENTIFIER), UINT8_MAX);
    name = span_head(name, span_find(name, 0)); /* RFC 2132 2: some clients end it with NUL */
    return (struct lease_client){ .hardware = writer_span(&w),
                                  .client_id = id,
                                  .host_name = span_head(name, LEASE_HOST_NAME_MAX),
                                  .relay = writer_span(&relay) };
}

struct span lease_client_key(const struct lease_client *c)
{
    return c->client_id.len ? c->client_id : c->hardware;
}

static size_t identity_len(const struct lease *x)
{
    return (size_t)x->hardware_len + x->client_id_len + x->host_name_len + x->relay_len;
}

static bool is_elsewhere(const struct lease *x)
{
    return identity_len(x) > LEASE_IDENTITY_INLINE;
}

struct lease_client lease_tenant(const struct lease *x)
{
    struct reader r =
        reader_over(span_of(is_elsewhere(x) ? x->identity.elsewhere : x->identity.here, identity_len(x)));
    struct lease_client c;
    c.hardware = read_span(&r, x->hardware_len);
    c.client_id = read_span(&r, x->client_id_len);
    c.host_name = read_span(&r, x->host_name_len);
    c.relay = read_span(&r, x->relay_len);
    return c;
}

bool lease_belongs(const struct lease *x, const struct lease_client *c)
{
    struct lease_client tenant = lease_tenant(x);
    struct span key = lease_client_key(&tenant);
    return key.len && span_equal(key, lease_client_key(c));
}

struct span lease_relay_agent(const struct lease *x)
{
    return span_from(lease_tenant(x).relay, sizeof(uint32_t));
}

bool lease_is_for(const struct lease *x, const struct lease_client *c)
{
    return x->state == LEASE_FREE || (x->state != LEASE_DECLINED && lease_belongs(x, c));
}

/* The same client has leases on several links; each link has its own key. */
static uint32_t client_hash(const struct leases *l, const struct lease_pool *p, const struct lease_client *c)
{
    return (uint32_t)hash_bytes(lease_client_key(c), l->seed + p->subnet->link->number);
}

static uint32_t address_hash(const struct leases *l, uint32_t address)
{
    return (uint32_t)hash_bytes(span_of(&address, sizeof address), l->seed);
}

static void index_client(struct leases *l, struct lease *x)
{
    struct lease_client c = lease_tenant(x);
    index_remove(&l->by_client, &x->by_client);
    if (!x->pool->subnet || !lease_client_key(&c).len)
        return;
    x->by_client.hash = client_hash(l, x->pool, &c);
    index_add(&l->by_client, &x->by_client);
}

static void forget_identity(struct leases *l, struct lease *x)
{
    index_remove(&l->by_client, &x->by_client);
    if (is_elsewhere(x))
        free(x->identity.elsewhere);
    x->hardware_len = x->client_id_len = x->host_name_len = 0;
    x->relay_len = 0;
}

static bool same_identity(const struct lease *x, const struct lease_client *c)
{
    struct lease_client t = lease_tenant(x);
    return span_equal(t.hardware, c->hardware) && span_equal(t.client_id, c->client_id) &&
           span_equal(t.host_name, c->host_name) && span_equal(t.relay, c->relay);
}

static bool set_identity(struct leases *l, struct lease *x, const struct lease_client *c)
{
    if (same_identity(x, c))
        return true;
    size_t len = c->hardware.len + c->client_id.len + c->host_name.len + c->relay.len;
    uint8_t *elsewhere = len > LEASE_IDENTITY_INLINE ? malloc(len) : NULL;
    if (len > LEASE_IDENTITY_INLINE && !elsewhere)
        return false;
    forget_identity(l, x);
    x->hardware_len = (uint8_t)c->hardware.len;
    x->client_id_len = (uint8_t)c->client_id.len;
    x->host_name_len = (uint8_t)c->host_name.len;
    x->relay_len = (uint16_t)c->relay.len;
    if (elsewhere)
        x->identity.elsewhere = elsewhere;
    struct writer w = writer_over(elsewhere ? elsewhere : x->identity.here, len);
    write_span(&w, c->hardware);
    write_span(&w, c->client_id);
    write_span(&w, c->host_name);
    write_span(&w, c->relay);
    index_client(l, x);
    return true;
}

/* ---- the one function that changes a lease's state ------------------------------------------ */

static void tell(struct leases *l, enum event_id id, const struct lease *x, struct now now)
{
    struct event ev;
    if (!l->events || !event_happens(l->events, id))
        return;
    struct lease_client c = lease_tenant(x);
    event_begin(&ev, id, now);
    event_address(&ev, "address", address_ip4(x->address));
    event_hardware(&ev, "hardware", span_from(c.hardware, 1));
    if (c.host_name.len)
        event_span(&ev, "host", c.host_name);
    if (x->state == LEASE_BOUND && x->until_s != INT64_MAX)
        event_number(&ev, "seconds", x->until_s - now_s(now));
    event_emit(l->events, &ev);
}

static void tell_change(struct leases *l, const struct lease *x, enum lease_state before, struct now now)
{
    bool granted = x->state == LEASE_BOUND && before == LEASE_CLAIMED, bound = granted && !x->durable_until_s;
    bool held = before == LEASE_BOUND || (before == LEASE_CLAIMED && x->durable_until_s);
    bool ended = x->state == LEASE_FREE && held, renamed = granted && x->renamed;
    if (bound)
        tell(l, EVENT_DHCP_BOUND, x, now);
    else if (ended)
        tell(l, x->until_s <= now.unix_ms / 1000 ? EVENT_DHCP_EXPIRED : EVENT_DHCP_RELEASED, x, now);
    else if (x->state == LEASE_DECLINED)
        tell(l, EVENT_DHCP_DECLINED, x, now);
    if (l->changed && (bound || renamed || ended || (x->state == LEASE_DECLINED && held)))
        l->changed(l->owner, x, granted, now);
}

/* A deadline that is armed for an earlier time stays: it will look again. So a renewal costs nothing here. */
static bool arm(struct leases *l, struct lease *x, int64_t until_s)
{
    uint64_t due_ms = until_s >= INT64_MAX / 1000 ? TIMER_NEVER : (uint64_t)until_s * 1000;
    if (timer_armed(&x->deadline) && x->deadline.due_ms <= due_ms)
        return true;
    return timer_arm(&l->deadlines, &x->deadline, due_ms);
}

static void enter(struct leases *l, struct lease *x)
{
    switch (x->state) {
    case LEASE_FREE:
        timer_stop(&l->deadlines, &x->deadline);
        if (x->pool->subnet && subnet_is_dynamic(x->pool->subnet, x->address))
            list_append(&x->pool->free, &x->queue);
        break;
    case LEASE_OFFERED:
        timer_stop(&l->deadlines, &x->deadline);
        list_append(&l->offers, &x->queue);
        break;
    default:
        arm(l, x, x->until_s); /* lease_claim() saw to the memory; a declined address may rest longer */
        break;
    }
}

static void lease_become(struct leases *l, struct lease *x, enum lease_state next, int64_t until_s,
                         struct now now)
{
    static const unsigned allowed[LEASE_STATES] = {
        [LEASE_FREE] = BIT(LEASE_OFFERED) | BIT(LEASE_CLAIMED),
        [LEASE_OFFERED] = BIT(LEASE_FREE) | BIT(LEASE_OFFERED) | BIT(LEASE_CLAIMED) | BIT(LEASE_DECLINED),
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
        circuit_leave(&l->circuits, x->circuit);
        x->circuit = NULL;
    }
}

/* ---- the table ------------------------------------------------------------------------------- */

bool leases_open(struct leases *l, uint64_t seed, struct events *e)
{
    *l = (struct leases){ .seed = seed, .events = e };
    l->nowhere.leases = l;
    list_open(&l->offers);
    timers_open(&l->deadlines);
    if (index_open(&l->by_address) && index_open(&l->by_client) && circuits_open(&l->circuits, seed))
        return true;
    leases_close(l);
    return false;
}

void leases_close(struct leases *l)
{
    timers_close(&l->deadlines); /* while its timers are there */
    for (struct lease_chunk *c = l->chunks, *next; c; c = next) {
        next = c->next;
        for (size_t i = 0; i < c->used; i++) {
            circuit_leave(&l->circuits, c->lease[i].circuit);
            if (is_elsewhere(&c->lease[i]))
                free(c->lease[i].identity.elsewhere);
        }
        free(c);
    }
    l->chunks = NULL;
    index_close(&l->by_address);
    index_close(&l->by_client);
    circuits_close(&l->circuits);
    free(l->pools);
    l->pools = NULL;
}

static void deadline_passed(struct timer *t, struct now now);

/* A new one, FREE and in no list. */
static struct lease *lease_new(struct leases *l, uint32_t address)
{
    struct lease_chunk *c = l->chunks;
    if (!c || c->used == LEASES_A_CHUNK) {
        c = malloc(sizeof *c);
        if (!c)
            return NULL;
        c->next = l->chunks;
        c->used = 0;
        l->chunks = c;
    }
    struct lease *x = &c->lease[c->used++];
    *x = (struct lease){ .address = address, .state = LEASE_FREE, .pool = &l->nowhere };
    x->deadline.fire = deadline_passed;
    x->by_address.hash = address_hash(l, address);
    index_add(&l->by_address, &x->by_address);
    l->count[LEASE_FREE]++;
    return x;
}

bool leases_restore(struct leases *l, const struct lease_record *r, struct now now)
{
    if (leases_find(l, r->address))
        return true;
    struct lease *x = lease_new(l, r->address);
    if (!x || !set_identity(l, x, &r->client))
        return false;
    x->until_s = r->until_s;
    if (r->state == LEASE_FREE || r->until_s <= now.unix_ms / 1000)
        return true;
    l->count[LEASE_FREE]--;
    l->count[r->state]++;
    x->state = r->state;
    x->durable_until_s = r->state == LEASE_BOUND ? r->until_s : 0;
    return arm(l, x, r->until_s);
}

static int compare_freed(const void *a, const void *b)
{
    const struct lease *x = *(struct lease *const *)a, *y = *(struct lease *const *)b;
    if (x->until_s != y->until_s)
        return x->until_s < y->until_s ? -1 : 1;
    return x->address < y->address ? -1 : x->address > y->address;
}

static struct lease_pool *pool_for(struct leases *l, const struct lease *x)
{
    const struct dhcp_subnet *sn = subnet_of(l->settings, x->address);
    return sn ? leases_pool(l, subnet_part(sn, x->address)) : &l->nowhere;
}

/* A lease that came from the disk, or from before the limit, counts as one that is granted. */
static void count_at_circuit(struct leases *l, struct lease *x)
{
    uint8_t room[CIRCUIT_KEY_MAX];
    if (x->state == LEASE_FREE || x->circuit || !x->pool->subnet || !x->pool->subnet->circuit_limit)
        return;
    struct reader r = reader_over(lease_tenant(x).relay);
    uint32_t relay = read_u32(&r);
    struct span key = circuit_key(relay, read_span(&r, reader_left(&r)), room);
    if (key.len)
        lease_count_at(l, x, key);
}

/* Into its subnet's pool. A free one is put into `freed`, for its list. */
static size_t settle_lease(struct leases *l, struct lease *x, struct lease **freed)
{
    x->pool = pool_for(l, x);
    index_client(l, x);
    x->pool->in_use += x->state != LEASE_FREE;
    count_at_circuit(l, x);
    if (x->state != LEASE_FREE)
        return 0;
    list_remove(&x->queue);
    *freed = x;
    return 1;
}

static void open_pool(struct leases *l, const struct dhcp_subnet *sn)
{
    struct lease_pool *p = leases_pool(l, sn);
    p->leases = l;
    p->subnet = sn;
    list_open(&p->free);
    for (size_t i = 0; i < sn->part_count; i++) {
        p = leases_pool(l, &sn->parts[i]);
        p->leases = l;
        p->subnet = &sn->parts[i];
        list_open(&p->free);
    }
}

void leases_learn(struct leases *l, const struct lease_record *r)
{
    struct lease *x = leases_find(l, r->address);
    if (!x && r->state == LEASE_FREE)
        return;
    if (!x && (x = lease_new(l, r->address))) {
        x->pool = pool_for(l, x);
    }
    bool same = x && lease_belongs(x, &r->client);
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
    circuit_leave(&l->circuits, x->circuit);
    x->circuit = NULL;
    count_at_circuit(l, x);
    enter(l, x);
}

bool leases_settle(struct leases *l, const struct dhcp_settings *s, struct now now)
{
    struct lease_pool *pools = calloc(s->pool_count ? s->pool_count : 1, sizeof *pools);
    struct lease **freed = malloc((l->by_address.node_count + 1) * sizeof(struct lease *));
    if (!pools || !freed) {
        free(pools);
        free(freed);
        return false;
    }
    struct lease_pool *former = l->pools;
    l->pools = pools;
    l->settings = s;
    l->pool_count = s->pool_count;
    for (size_t i = 0; i < s->subnet_count; i++)
        open_pool(l, &s->subnets[i]);
    size_t count = 0;
    l->nowhere.in_use = 0;
    for (struct lease_chunk *c = l->chunks; c; c = c->next)
        for (size_t i = 0; i < c->used; i++)
            count += settle_lease(l, &c->lease[i], &freed[count]);
    qsort(freed, count, sizeof(struct lease *), compare_freed);
    for (size_t i = 0; i < count; i++)
        enter(l, freed[i]);
    free(freed);
    free(former);
    leases_run(l, now, SIZE_MAX);
    return true;
}

/* ---- deadlines --------------------------------------------------------------------------------- */

static void deadline_passed(struct timer *t, struct now now)
{
    struct lease *x = list_item(t, struct lease, deadline);
    struct leases *l = x->pool->leases;
    if (x->until_s > now.unix_ms / 1000)
        arm(l, x, x->until_s); /* renewed meanwhile */
    else if (x->state == LEASE_CLAIMED)
        arm(l, x, now_s(now) + CLAIM_RETRY_S);
    else
        lease_become(l, x, LEASE_FREE, x->until_s, now);
}

uint64_t leases_next_due(const struct leases *l)
{
    uint64_t due_ms = timers_next_due(&l->deadlines);
    struct list_node *n = list_first(&l->offers);
    if (n) {
        uint64_t offer_ms = (uint64_t)list_item(n, struct lease, queue)->until_s * 1000;
        due_ms = offer_ms < due_ms ? offer_ms : due_ms;
    }
    return due_ms;
}

size_t leases_run(struct leases *l, struct now now, size_t max)
{
    size_t n = 0;
    for (struct list_node *first; n < max && (first = list_first(&l->offers)); n++) {
        struct lease *x = list_item(first, struct lease, queue);
        if (x->until_s > now.unix_ms / 1000)
            break;
        lease_become(l, x, LEASE_FREE, x->until_s, now);
    }
    /* the heap counts on unix time */
    struct now on_unix = { .mono_ms = now.unix_ms < 0 ? 0 : (uint64_t)now.unix_ms, .unix_ms = now.unix_ms };
    return n + timers_run(&l->deadlines, on_unix, max - n);
}

/* ---- finding ------------------------------------------------------------------------------------ */

struct lease_pool *leases_pool(const struct leases *l, const struct dhcp_subnet *sn)
{
    return &l->pools[sn->number];
}

struct lease *leases_find(const struct leases *l, uint32_t address)
{
    struct index_node *n = index_first(&l->by_address, address_hash(l, address));
    for (; n; n = index_next(n)) /* ends with the chain */
        if (list_item(n, struct lease, by_address)->address == address)
            return list_item(n, struct lease, by_address);
    return NULL;
}

struct lease *leases_at(struct leases *l, struct lease_pool *p, uint32_t address)
{
    struct lease *x = leases_find(l, address);
    if (x)
        return x;
    x = lease_new(l, address);
    if (x) {
        x->pool = p;
        enter(l, x);
    }
    return x;
}

/* How much a lease says about where its client belongs. */
static int weight(const struct lease *x, uint32_t wanted)
{
    static const int of_state[LEASE_STATES] = {
        [LEASE_BOUND] = 4, [LEASE_CLAIMED] = 4, [LEASE_OFFERED] = 3, [LEASE_FREE] = 2, [LEASE_DECLINED] = 0
    };
    return x->address == wanted && x->state != LEASE_DECLINED ? 5 : of_state[x->state];
}

/* The first of the client's leases on this pool's link from node n on. */
static struct lease *next_of(struct index_node *n, const struct lease_pool *p, const struct lease_client *c)
{
    for (; n; n = index_next(n)) { /* ends with the chain */
        struct lease *x = list_item(n, struct lease, by_client);
        if (x->pool->subnet->link == p->subnet->link && lease_belongs(x, c))
            return x;
    }
    return NULL;
}

struct lease *leases_of(const struct leases *l, const struct lease_pool *p, const struct lease_client *c,
                        uint32_t wanted)
{
    if (!lease_client_key(c).len)
        return NULL;
    struct lease *best = NULL;
    struct lease *x = next_of(index_first(&l->by_client, client_hash(l, p, c)), p, c);
    for (; x; x = next_of(index_next(&x->by_client), p, c)) /* ends with the chain */
        if (weight(x, wanted) > (best ? weight(best, wanted) : 0))
            best = x;
    return best;
}

const struct lease *leases_of_hardware(const struct leases *l, const struct lease *after,
                                       struct span hardware)
{
    bool reached = !after;
    for (const struct lease_chunk *c = l->chunks; c; c = c->next) {
        if (!reached && (after < c->lease || after >= c->lease + c->used))
            continue;
        for (size_t i = reached ? 0 : (size_t)(after - c->lease) + 1; i < c->used; i++)
            if (span_equal(lease_tenant(&c->lease[i]).hardware, hardware))
                return &c->lease[i];
        reached = true;
    }
    return NULL;
}

/* The first address of the pool that was never used; false when all were. */
static bool never_used(const struct leases *l, struct lease_pool *p, uint32_t avoid, uint32_t *address)
{
    while (p->range < p->subnet->range_count) { /* each address is looked at once, ever */
        const struct dhcp_range *r = &p->subnet->ranges[p->range];
        *address = r->first + (uint32_t)p->range_offset;
        if (p->range_offset > (uint64_t)r->last - r->first) {
            p->range++;
            p->range_offset = 0;
        } else if (*address == avoid || leases_find(l, *address) || subnet_host_at(p->subnet, *address)) {
            p->range_offset++;
        } else {
            return true;
        }
    }
    return false;
}

struct lease *leases_longest_free(struct leases *l, struct lease_pool *p, uint32_t avoid)
{
    uint32_t address;
    if (never_used(l, p, avoid, &address))
        return leases_at(l, p, address);
    struct list_node *n = list_first(&p->free);
    if (n && list_item(n, struct lease, queue)->address == avoid)
        n = list_next(&p->free, n);
    return n ? list_item(n, struct lease, queue) : NULL;
}

/* ---- changing ------------------------------------------------------------------------------------- */

void claims_open(struct leases *l, struct lease_claims *c)
{
    c->number = ++l->last_claim;
    c->count = 0;
}

static void claims_add(struct lease_claims *c, struct lease *x, int64_t until_s)
{
    assert(c->count < LEASE_CLAIMS_MAX);
    c->change[c->count].lease = x;
    c->change[c->count].tenancy = x->tenancy;
    c->change[c->count].until_s = until_s;
    c->change[c->count].lost = false;
    c->count++;
}

/* The lease goes to this client, who may have it; a new tenancy when another one had it. */
static bool move_in(struct leases *l, struct lease *x, const struct lease_client *c, struct now now)
{
    bool stays = lease_belongs(x, c);
    struct lease_client tenant = *c, before = lease_tenant(x);
    uint8_t room[LEASE_RELAY_MAX + LEASE_HOST_NAME_MAX];
    struct writer relay = writer_over(room, LEASE_RELAY_MAX);
    struct writer name = writer_over(room + LEASE_RELAY_MAX, LEASE_HOST_NAME_MAX);
    if (stays && !c->relay.len) { /* it renews without its relay */
        write_span(&relay, before.relay);
        tenant.relay = writer_span(&relay);
    }
    if (stays && !c->host_name.at) { /* or says nothing of its name */
        write_span(&name, before.host_name);
        tenant.host_name = writer_span(&name);
    }
    if (stays && x->durable_until_s && !span_equal(before.host_name, tenant.host_name)) {
        x->renamed = true;
        if (l->changed)
            l->changed(l->owner, x, false, now);
    }
    if (!set_identity(l, x, &tenant))
        return false;
    if (!stays) {
        x->tenancy++;
        x->durable_until_s = 0;
    }
    return true;
}

bool lease_offer(struct leases *l, struct lease *x, const struct lease_client *c, struct now now)
{
    if (x->state == LEASE_BOUND || x->state == LEASE_CLAIMED)
        return true;
    if (!move_in(l, x, c, now))
        return false;
    lease_become(l, x, LEASE_OFFERED, now_s(now) + LEASE_OFFER_S, now);
    return true;
}

void lease_offer_withdraw(struct leases *l, struct lease *x, struct now now)
{
    if (x->state == LEASE_OFFERED)
        lease_become(l, x, LEASE_FREE, now_s(now), now);
}

void lease_count_at(struct leases *l, struct lease *x, struct span circuit)
{
    struct circuit *before = x->circuit;
    x->circuit = circuit_join(&l->circuits, circuit);
    circuit_leave(&l->circuits, before);
}

/* A client has one lease on a network: the other one that it had here ends with the new grant. One at most is
 * released, for each grant does so (more came together when subnets were merged, and expire): so a message
 * makes two changes at most, and LEASE_CLAIMS_MAX holds. */
static void leave_others(struct leases *l, struct lease *kept, const struct lease_client *c, struct now now,
                         struct lease_claims *claims)
{
    struct lease_pool *p = kept->pool;
    struct lease *x = next_of(index_first(&l->by_client, client_hash(l, p, c)), p, c), *next;
    bool released = false;
    for (; x; x = next) { /* ends with the chain */
        next = next_of(index_next(&x->by_client), p, c);
        bool held = x->state == LEASE_BOUND || x->state == LEASE_CLAIMED;
        if (x == kept || (held && released))
            continue;
        if (held)
            lease_release(l, x, now, claims);
        else
            lease_offer_withdraw(l, x, now);
        released |= held;
        forget_identity(l, x);
    }
}

bool lease_claim(struct leases *l, struct lease *x, const struct lease_client *c, int64_t until_s,
                 struct now now, struct lease_claims *claims)
{
    assert(lease_is_for(x, c));
    if (!move_in(l, x, c, now) || !arm(l, x, until_s))
        return false;
    leave_others(l, x, c, now, claims);
    lease_become(l, x, LEASE_CLAIMED, until_s, now);
    x->granted_s = (uint32_t)(now.unix_ms / 1000);
    x->claim = claims->number;
    claims_add(claims, x, until_s);
    return true;
}

void lease_release(struct leases *l, struct lease *x, struct now now, struct lease_claims *claims)
{
    lease_become(l, x, LEASE_FREE, now_s(now), now);
    claims_add(claims, x, 0);
}

void lease_decline(struct leases *l, struct lease *x, int64_t until_s, struct now now,
                   struct lease_claims *claims)
{
    lease_become(l, x, LEASE_DECLINED, until_s, now);
    forget_identity(l, x);
    claims_add(claims, x, 0);
}

/* It was granted to another server's client first; whose it is will be learnt. */
static void lose(struct leases *l, struct lease *x, uint32_t claim, struct now now)
{
    if (x->state == LEASE_CLAIMED && x->claim == claim)
        lease_become(l, x, LEASE_FREE, now_s(now), now);
}

void claims_confirm(struct leases *l, const struct lease_claims *c, struct now now)
{
    for (size_t i = 0; i < c->count; i++) {
        struct lease *x = c->change[i].lease;
        if (c->change[i].tenancy != x->tenancy || !c->change[i].until_s)
            continue;
        if (c->change[i].lost) {
            lose(l, x, c->number, now);
            continue;
        }
        if (x->state == LEASE_CLAIMED && x->claim == c->number)
            lease_become(l, x, LEASE_BOUND, x->until_s, now);
        x->durable_until_s = c->change[i].until_s;
    }
}

void claims_withdraw(struct leases *l, const struct lease_claims *c, struct now now)
{
    for (size_t i = 0; i < c->count; i++) {
        struct lease *x = c->change[i].lease;
        if (c->change[i].tenancy != x->tenancy || x->state != LEASE_CLAIMED || x->claim != c->number)
            continue; /* it changed hands meanwhile, or a later commit decides */
        if (x->durable_until_s > now.unix_ms / 1000)
            lease_become(l, x, LEASE_BOUND, x->durable_until_s, now);
        else
            lease_become(l, x, LEASE_FREE, now_s(now), now);
    }
}

bool claims_stand(const struct lease_claims *c, size_t change)
{
    return change < c->count && !c->change[change].lost &&
           c->change[change].tenancy == c->change[change].lease->tenancy;
}
