#include "decide6.h"

#include "fqdn.h"

/* All that the functions below look at. */
struct asking {
    const struct dhcp6_settings *settings;
    struct leases6 *leases;
    const struct dhcp6_message *m;
    const struct dhcp6_arrival *arrival;
    struct now now;
    struct lease6_claims *claims;
    const struct dhcp6_subnet *subnet;
    struct lease6_pool *pool;
    const struct dhcp6_host *host; /* the client's own reservation; NULL: none */
    bool delegates;                /* the IA is one of prefixes */
    bool commits;                  /* what is given is granted, not only offered */
    size_t given, taken;           /* addresses so far, each up to DHCP6_IA_ADDRESSES_MAX */
    struct span name;              /* what the client wants to be called */
    struct span relay;             /* where its relay has it; empty: none says so */
    struct dhcp6_decision *d;
    struct dhcp6_ia_answer *ia;  /* the answer to the IA that is looked at ... */
    struct lease6_client client; /* ... and whose it is */
};

static const char unknown_client[] = "the client is unknown";

static void silence(struct asking *q, const char *reason)
{
    q->d->answer = DHCP6_ANSWER_SILENCE;
    q->d->reason = reason;
}

/* ---- RFC 9915 16: what is discarded ------------------------------------------------------------ */

enum server_id_rule { NO_SERVER_ID, OUR_SERVER_ID, OURS_IF_ANY };

static const struct rule {
    bool understood; /* a client sends it to servers */
    bool client_id;
    enum server_id_rule server_id;
} rules[] = {
    [DHCP6_SOLICIT] = { true, true, NO_SERVER_ID },             /* 16.2 */
    [DHCP6_REQUEST] = { true, true, OUR_SERVER_ID },            /* 16.4 */
    [DHCP6_CONFIRM] = { true, true, NO_SERVER_ID },             /* 16.5 */
    [DHCP6_RENEW] = { true, true, OUR_SERVER_ID },              /* 16.6 */
    [DHCP6_REBIND] = { true, true, NO_SERVER_ID },              /* 16.7 */
    [DHCP6_DECLINE] = { true, true, OUR_SERVER_ID },            /* 16.8 */
    [DHCP6_RELEASE] = { true, true, OUR_SERVER_ID },            /* 16.9 */
    [DHCP6_INFORMATION_REQUEST] = { true, false, OURS_IF_ANY }, /* 16.12 */
    [DHCP6_ADDR_REG_INFORM] = { true, true, NO_SERVER_ID },     /* RFC 9686 4.2.1 */
};

/* Why it is discarded; NULL: it is not. */
static const char *invalid(const struct dhcp6_message *m, const struct dhcp6_arrival *a)
{
    const struct rule *r = m->type < sizeof rules / sizeof *rules ? &rules[m->type] : NULL;
    if (!r || !r->understood)
        return "no client sends this to a server";
    if (!a->multicast && !a->relays->count)
        return "a client sent it to a unicast address";
    if (r->client_id && !m->client_id.at)
        return "it has no client identifier";
    if (r->server_id == NO_SERVER_ID && m->server_id.at)
        return "it has a server identifier, which this message must not have";
    if (r->server_id == OUR_SERVER_ID && !m->server_id.at)
        return "it has no server identifier";
    if (m->server_id.at && !span_equal(m->server_id, a->server_id))
        return "it is for another server";
    if (m->type == DHCP6_INFORMATION_REQUEST && (m->ia_count || m->has_ia_ta))
        return "an Information-request must not have an IA";
    if (m->type == DHCP6_ADDR_REG_INFORM && m->address_count != 1)
        return "it registers not exactly one address";
    if (m->type == DHCP6_ADDR_REG_INFORM && !ip6_equal(m->addresses[0].address, a->peer))
        return "it comes from another address than it registers";
    return NULL;
}

/* ---- what an IA is given -------------------------------------------------------------------------- */

/* What an IA has: an address, or a prefix. */
struct thing {
    struct ip6 address;
    uint8_t bits;
};

static void add_grant(struct asking *q, struct thing t, uint32_t preferred_s, uint32_t valid_s)
{
    q->d->grants[q->d->grant_count++] = (struct dhcp6_grant){ t.address, t.bits, preferred_s, valid_s };
    q->ia->count++;
}

static struct thing thing_of(const struct lease6 *x)
{
    return (struct thing){ x->address, x->bits };
}

static bool is_answered(const struct asking *q, struct thing t)
{
    for (size_t i = 0; i < q->d->grant_count; i++)
        if (q->d->grants[i].bits == t.bits && ip6_equal(q->d->grants[i].address, t.address))
            return true;
    return false;
}

static bool is_host_prefix(const struct dhcp6_host *h, struct thing t)
{
    return h && h->has_prefix && h->prefix_bits == t.bits && ip6_equal(h->prefix, t.address);
}

/* The pool that it comes from, if the configuration lets this client have it, whoever has it now; or NULL. */
static struct lease6_pool *may_have(const struct asking *q, struct thing t)
{
    const struct dhcp6_host *reserved =
        q->delegates ? subnet6_prefix_host(q->subnet, t.address) : subnet6_host_at(q->subnet, t.address);
    const struct dhcp6_prefix_pool *from =
        q->delegates ? subnet6_prefix_pool(q->subnet, t.address, t.bits) : NULL;
    if (reserved && (reserved != q->host || (q->delegates && !is_host_prefix(reserved, t))))
        return NULL;
    if (q->delegates)
        return reserved || from ? leases6_prefix_pool(q->leases, q->subnet, from) : NULL;
    return reserved || subnet6_in_pool(q->subnet, t.address) ? q->pool : NULL;
}

/* Its relay's port gets nothing more: neither offers nor leases. */
static bool circuit_is_full(const struct asking *q)
{
    uint32_t most = q->subnet->circuit_limit;
    return most && q->relay.len && circuits_count(&q->leases->circuits, q->relay) >= most;
}

/* Who has it, or was offered it, keeps it, however full its port is. */
static struct lease6 *had_already(const struct asking *q, struct thing t)
{
    struct lease6 *x = leases6_find(q->leases, t.address);
    return x && x->bits == t.bits && x->state != LEASE_FREE && lease6_belongs(x, &q->client) ? x : NULL;
}

/* The lease of it, made where there is none, if this IA can have it now. */
static struct lease6 *available(const struct asking *q, struct thing t)
{
    struct lease6_pool *p = may_have(q, t);
    if (!p || is_answered(q, t))
        return NULL;
    struct lease6 *x = circuit_is_full(q) ? had_already(q, t) : leases6_at(q->leases, p, t.address, t.bits);
    return x && lease6_is_for(x, &q->client) ? x : NULL;
}

static int64_t ends_s(const struct asking *q)
{
    return q->subnet->valid_s == DHCP6_INFINITE ? INT64_MAX : now_s(q->now) + q->subnet->valid_s;
}

/* Offers or grants it. False: it would be too many, or there is no memory. */
static bool give(struct asking *q, struct lease6 *x)
{
    if (q->given == DHCP6_IA_ADDRESSES_MAX)
        return false;
    if (q->commits ? !lease6_claim(q->leases, x, &q->client, ends_s(q), q->now, q->claims)
                   : !lease6_offer(q->leases, x, &q->client, q->now))
        return false;
    q->given++;
    q->ia->held = true;
    add_grant(q, thing_of(x), q->subnet->preferred_s, q->subnet->valid_s);
    return true;
}

/* A reservation that can be had now outranks whatever else the client has or wants; the client's first IA
 * gets it. */
static bool give_reserved(struct asking *q)
{
    const struct dhcp6_host *h = q->host;
    if (!h || !(q->delegates ? h->has_prefix : h->has_address))
        return false;
    struct thing t = q->delegates ? (struct thing){ h->prefix, h->prefix_bits }
                                  : (struct thing){ h->address, DHCP6_ADDRESS_BITS };
    struct lease6 *x = available(q, t);
    return x && give(q, x);
}

#define BIT(n) (1u << (n))
#define HELD   (BIT(LEASE_BOUND) | BIT(LEASE_CLAIMED))

/* Those of the IA's own leases that are in one of these states, `most` of them. */
static bool give_known(struct asking *q, unsigned states, size_t most)
{
    size_t given = 0;
    struct lease6 *x = leases6_first_of(q->leases, q->pool, &q->client);
    for (; x && given < most; x = leases6_next_of(x, &q->client)) /* ends with the chain */
        if (states & BIT(x->state) && available(q, thing_of(x)) == x && give(q, x))
            given++;
    return given;
}

static struct thing named(const struct asking *q, const struct dhcp6_ia *ia, size_t i)
{
    const struct dhcp6_ia_address *a = &q->m->addresses[ia->first + i];
    return (struct thing){ a->address, a->bits };
}

static bool give_named(struct asking *q, const struct dhcp6_ia *ia)
{
    bool given = false;
    for (size_t i = 0; i < ia->count; i++) {
        struct lease6 *x = available(q, named(q, ia, i));
        given |= x && give(q, x);
    }
    return given;
}

/* RFC 8168 3.2: of the length that the client hints at (0: of any). */
static bool give_new_prefix(struct asking *q, uint8_t length)
{
    for (size_t i = 0; i < q->subnet->prefix_pool_count; i++) {
        const struct dhcp6_prefix_pool *from = &q->subnet->prefix_pools[i];
        struct lease6_pool *p = leases6_prefix_pool(q->leases, q->subnet, from);
        struct lease6 *x = !length || from->length == length ? leases6_longest_free(q->leases, p) : NULL;
        if (x)
            return give(q, x);
    }
    return false;
}

static bool give_new(struct asking *q, const struct dhcp6_ia *ia)
{
    bool given = false;
    if (circuit_is_full(q))
        return false;
    if (q->delegates) {
        uint8_t hint = ia->count ? named(q, ia, 0).bits : 0;
        given = (hint && give_new_prefix(q, hint)) || give_new_prefix(q, 0);
    } else {
        struct lease6 *x = leases6_longest_free(q->leases, q->pool);
        given = x && give(q, x);
    }
    q->d->exhausted |= !given && (!q->delegates || q->subnet->prefix_pool_count);
    return given;
}

static bool holds_any(const struct asking *q)
{
    struct lease6 *x = leases6_first_of(q->leases, q->pool, &q->client);
    while (x && !lease6_is_held(x)) /* ends with the chain */
        x = leases6_next_of(x, &q->client);
    return x != NULL;
}

/* After a grant the IA holds what the answer says and nothing else. */
static void leave_others(struct asking *q)
{
    struct lease6 *x = leases6_first_of(q->leases, q->pool, &q->client);
    for (; x && q->taken < DHCP6_IA_ADDRESSES_MAX;
         x = leases6_next_of(x, &q->client)) { /* ends with the chain */
        bool granted = false;
        for (size_t i = 0; i < q->d->grant_count && !granted; i++)
            granted = q->d->grants[i].bits == x->bits && ip6_equal(q->d->grants[i].address, x->address) &&
                      q->d->grants[i].valid_s;
        if (granted)
            continue;
        if (lease6_is_held(x)) {
            lease6_release(q->leases, x, q->now, q->claims);
            q->taken++;
        } else if (x->state == LEASE_OFFERED) {
            lease6_offer_withdraw(q->leases, x, q->now);
        }
    }
}

static void refuse(struct asking *q, enum dhcp6_status status)
{
    q->ia->status = (uint16_t)status;
}

/* ---- one function a message, or an IA of it ------------------------------------------------------- */

/* RFC 9915 18.3.1: what it has, what it asks for, what it had, something new. */
static void solicit_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    if (!give_reserved(q) && !give_known(q, HELD, SIZE_MAX) && !give_known(q, BIT(LEASE_OFFERED), SIZE_MAX) &&
        !give_named(q, ia) && !give_known(q, BIT(LEASE_FREE), 1) && !give_new(q, ia)) {
        refuse(q, q->delegates ? DHCP6_NO_PREFIX_AVAIL : DHCP6_NO_ADDRS_AVAIL);
        q->d->circuit_full |= circuit_is_full(q);
    }
}

/* The same, for good. */
static void commit_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    solicit_ia(q, ia);
    if (q->ia->status == DHCP6_SUCCESS)
        leave_others(q);
}

/* Prefixes are for other links than the client's. */
static bool all_on_link(const struct asking *q, const struct dhcp6_ia *ia)
{
    for (size_t i = 0; i < ia->count && ia->code == DHCP6_OPTION_IA_NA; i++)
        if (!subnet6_contains(q->subnet, named(q, ia, i).address))
            return false;
    return true;
}

/* RFC 9915 18.3.2: what it asks for, else what a Solicit would have offered. */
static void request_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    if (!all_on_link(q, ia)) {
        refuse(q, DHCP6_NOT_ON_LINK);
        return;
    }
    if (give_reserved(q) || give_named(q, ia))
        leave_others(q);
    else
        commit_ia(q, ia);
}

/* What the client names and does not get may be used no longer. */
static void take_away(struct asking *q, struct thing t)
{
    if (!is_answered(q, t) && q->d->grant_count < DHCP6_GRANTS_MAX)
        add_grant(q, t, 0, 0);
}

/* RFC 9915 18.3.4: the IA is known; what it holds goes on. */
static void extend_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    if (!give_reserved(q))
        give_known(q, HELD, SIZE_MAX);
    for (size_t i = 0; i < ia->count; i++)
        take_away(q, named(q, ia, i));
    leave_others(q);
}

static void renew_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    if (holds_any(q))
        extend_ia(q, ia);
    else
        refuse(q, DHCP6_NO_BINDING);
}

/* Another IA's, or of another link: it is known that this client must not use it. An address of this link
 * that is not in the pool may be another server's. */
static bool is_wrong(const struct asking *q, struct thing t)
{
    if (!q->delegates && !subnet6_contains(q->subnet, t.address))
        return true;
    const struct lease6 *x = leases6_find(q->leases, t.address);
    const struct dhcp6_host *reserved =
        q->delegates ? subnet6_prefix_host(q->subnet, t.address) : subnet6_host_at(q->subnet, t.address);
    return reserved || (x && x->state != LEASE_FREE);
}

/* RFC 9915 18.3.5: any server may answer, so one that lost its memory grants what is free. */
static void rebind_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    if (holds_any(q)) {
        extend_ia(q, ia);
        return;
    }
    give_named(q, ia);
    for (size_t i = 0; i < ia->count; i++)
        if (is_wrong(q, named(q, ia, i)))
            take_away(q, named(q, ia, i));
    if (!q->ia->count)
        refuse(q, DHCP6_NO_BINDING);
}

/* RFC 9915 18.3.6, 18.3.7: an address that the client holds, whichever link it is on now. */
static struct lease6 *held_at(const struct asking *q, struct thing t)
{
    struct lease6 *x = leases6_find(q->leases, t.address);
    return x && x->bits == t.bits && lease6_is_held(x) && lease6_belongs(x, &q->client) ? x : NULL;
}

static void release_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    bool known = holds_any(q);
    for (size_t i = 0; i < ia->count; i++) {
        struct lease6 *x = held_at(q, named(q, ia, i));
        known |= x != NULL;
        if (x)
            lease6_release(q->leases, x, q->now, q->claims);
    }
    if (!known)
        refuse(q, DHCP6_NO_BINDING);
}

static void decline_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    bool known = holds_any(q);
    for (size_t i = 0; i < ia->count; i++) {
        struct lease6 *x = held_at(q, named(q, ia, i));
        known |= x != NULL;
        if (x)
            lease6_decline(q->leases, x, now_s(q->now) + q->settings->decline_s, q->now, q->claims);
    }
    if (!known)
        refuse(q, DHCP6_NO_BINDING);
}

typedef void ia_fn(struct asking *q, const struct dhcp6_ia *ia);

/* The answer to each IA in its turn. */
static void each_ia(struct asking *q, ia_fn *decide)
{
    for (size_t i = 0; i < q->m->ia_count; i++) { /* DHCP6_IAS_MAX at most */
        const struct dhcp6_ia *ia = &q->m->ias[i];
        q->ia = &q->d->ias[q->d->ia_count++];
        *q->ia = (struct dhcp6_ia_answer){ .code = ia->code, .iaid = ia->iaid, .first = q->d->grant_count };
        q->client = (struct lease6_client){ .duid = q->m->client_id,
                                            .iaid = ia->iaid,
                                            .name = q->name,
                                            .relay = q->relay,
                                            .accepts_reconfigure = q->d->reconfigure };
        q->delegates = ia->code == DHCP6_OPTION_IA_PD;
        q->pool = q->delegates ? leases6_prefix_pool(q->leases, q->subnet, NULL)
                               : leases6_pool(q->leases, q->subnet);
        decide(q, ia);
    }
}

/* The options that this client gets, of those that it asks for. */
static void set_options(struct asking *q)
{
    q->d->options = q->host && q->host->options ? q->host->options : &q->subnet->options;
}

static void decide_solicit(struct asking *q)
{
    q->commits = q->m->rapid_commit && q->subnet->rapid_commit;
    each_ia(q, q->commits ? commit_ia : solicit_ia);
    q->d->rapid_commit = q->commits && q->given;
    q->d->answer = q->d->rapid_commit ? DHCP6_ANSWER_REPLY : DHCP6_ANSWER_ADVERTISE;
    set_options(q);
}

static void decide_request(struct asking *q)
{
    q->commits = true;
    each_ia(q, request_ia);
    set_options(q);
}

static void decide_renew(struct asking *q)
{
    q->commits = true;
    each_ia(q, renew_ia);
    set_options(q);
}

static void decide_rebind(struct asking *q)
{
    q->commits = true;
    each_ia(q, rebind_ia);
    set_options(q);
    if (!q->d->grant_count)
        silence(q, unknown_client);
}

static void set_status(struct asking *q, enum dhcp6_status status)
{
    q->d->has_status = true;
    q->d->status = (uint16_t)status;
}

/* RFC 9915 18.3.3 */
static void decide_confirm(struct asking *q)
{
    bool on_link = true;
    size_t count = 0;
    for (size_t i = 0; i < q->m->address_count; i++)
        if (q->m->addresses[i].bits == DHCP6_ADDRESS_BITS) {
            on_link &= subnet6_contains(q->subnet, q->m->addresses[i].address);
            count++;
        }
    if (!count) {
        silence(q, "a Confirm without addresses asks for nothing");
        return;
    }
    set_status(q, on_link ? DHCP6_SUCCESS : DHCP6_NOT_ON_LINK);
}

/* RFC 9686 4.2.1: an address that the client made itself. What the server gives to clients is not registered.
 */
static void decide_registration(struct asking *q)
{
    const struct dhcp6_ia_address *a = &q->m->addresses[0];
    if (!q->subnet->registers || !subnet6_contains(q->subnet, a->address)) {
        silence(q, q->subnet->registers ? "the address is of another link"
                                        : "addresses are not registered here");
        return;
    }
    q->client = (struct lease6_client){ .duid = q->m->client_id, .name = q->name };
    struct lease6 *x = leases6_find(q->leases, a->address);
    if (subnet6_in_pool(q->subnet, a->address) || subnet6_host_at(q->subnet, a->address) ||
        (x && x->state != LEASE_FREE && !x->registered)) {
        silence(q, "the address is one that this server gives to clients");
        return;
    }
    x = leases6_at(q->leases, leases6_registered(q->leases, q->subnet), a->address, DHCP6_ADDRESS_BITS);
    if (x && lease6_is_held(x) && (!a->valid_s || !lease6_belongs(x, &q->client)))
        lease6_release(q->leases, x, q->now, q->claims); /* who has the address now has told it last */
    int64_t until_s = a->valid_s == DHCP6_INFINITE ? INT64_MAX : now_s(q->now) + a->valid_s;
    if (!x || (a->valid_s && !lease6_claim(q->leases, x, &q->client, until_s, q->now, q->claims)))
        silence(q, "there is no memory for it");
    else
        q->d->answer = DHCP6_ANSWER_REGISTERED;
}

/* The IAs that nothing is said of are left out of the Reply. */
static void keep_refusals(struct asking *q)
{
    size_t kept = 0;
    for (size_t i = 0; i < q->d->ia_count; i++)
        if (q->d->ias[i].status != DHCP6_SUCCESS)
            q->d->ias[kept++] = q->d->ias[i];
    q->d->ia_count = kept;
}

static void decide_release(struct asking *q)
{
    each_ia(q, release_ia);
    keep_refusals(q);
    set_status(q, DHCP6_SUCCESS);
}

static void decide_decline(struct asking *q)
{
    each_ia(q, decline_ia);
    keep_refusals(q);
    set_status(q, DHCP6_SUCCESS);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

void dhcp6_decide(struct dhcp6_decision *d, const struct dhcp6_settings *s, struct leases6 *l,
                  const struct dhcp6_message *m, const struct dhcp6_arrival *a, struct now now,
                  struct lease6_claims *claims)
{
    static void (*const decide[])(struct asking *) = {
        [DHCP6_SOLICIT] = decide_solicit,
        [DHCP6_REQUEST] = decide_request,
        [DHCP6_CONFIRM] = decide_confirm,
        [DHCP6_RENEW] = decide_renew,
        [DHCP6_REBIND] = decide_rebind,
        [DHCP6_DECLINE] = decide_decline,
        [DHCP6_RELEASE] = decide_release,
        [DHCP6_INFORMATION_REQUEST] = set_options,
        [DHCP6_ADDR_REG_INFORM] = decide_registration,
    };
    *d = (struct dhcp6_decision){ .answer = DHCP6_ANSWER_DISCARD, .claim_first = claims->count };
    d->reason = invalid(m, a);
    if (d->reason)
        return;
    uint8_t room[CIRCUIT6_KEY_MAX];
    struct asking q = {
        .settings = s, .leases = l, .m = m, .arrival = a, .now = now, .claims = claims, .d = d
    };
    q.subnet = d->subnet = subnet6_choose(s, a);
    if (!q.subnet) {
        silence(&q, "the client is on none of the subnets");
        return;
    }
    d->answer = DHCP6_ANSWER_REPLY;
    q.name = fqdn6_label(m);
    q.relay = circuit6_key(a->relays, room);
    q.host = subnet6_host(q.subnet, m->client_id, a->relays);
    d->reconfigure = q.subnet->reconfigures && m->client_id.at &&
                     dhcp6_option(m->options, DHCP6_OPTION_RECONFIGURE_ACCEPT).at;
    decide[m->type](&q);
    bool first = m->type == DHCP6_REQUEST || m->type == DHCP6_INFORMATION_REQUEST || d->rapid_commit;
    d->gives_key = d->reconfigure && first; /* RFC 9915 20.4.2 */
    d->claim_count = claims->count - d->claim_first;
}
