#include "decide6.h"

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
    bool commits;                  /* what is given is granted, not only offered */
    size_t given, taken;           /* addresses so far, each up to DHCP6_IA_ADDRESSES_MAX */
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
    return NULL;
}

/* ---- what an IA is given -------------------------------------------------------------------------- */

static void add_grant(struct asking *q, struct ip6 address, uint32_t preferred_s, uint32_t valid_s)
{
    q->d->grants[q->d->grant_count++] = (struct dhcp6_grant){ address, preferred_s, valid_s };
    q->ia->count++;
}

static bool is_answered(const struct asking *q, struct ip6 address)
{
    for (size_t i = 0; i < q->d->grant_count; i++)
        if (ip6_equal(q->d->grants[i].address, address))
            return true;
    return false;
}

/* The configuration lets this client have the address, whoever has it now. */
static bool may_have(const struct asking *q, struct ip6 address)
{
    const struct dhcp6_host *reserved = subnet6_host_at(q->subnet, address);
    return reserved ? reserved == q->host : subnet6_in_pool(q->subnet, address);
}

/* The lease at an address, made where there is none, if this IA can have it now. */
static struct lease6 *available(const struct asking *q, struct ip6 address)
{
    if (!may_have(q, address) || is_answered(q, address))
        return NULL;
    struct lease6 *x = leases6_at(q->leases, q->pool, address);
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
    add_grant(q, x->address, q->subnet->preferred_s, q->subnet->valid_s);
    return true;
}

/* A reservation that can be had now outranks whatever else the client has or wants; the client's first IA
 * gets it. */
static bool give_reserved(struct asking *q)
{
    struct lease6 *x = q->host && q->host->has_address ? available(q, q->host->address) : NULL;
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
        if (states & BIT(x->state) && available(q, x->address) == x && give(q, x))
            given++;
    return given;
}

static const struct dhcp6_ia_address *named(const struct asking *q, const struct dhcp6_ia *ia, size_t i)
{
    return &q->m->addresses[ia->first + i];
}

static bool give_named(struct asking *q, const struct dhcp6_ia *ia)
{
    bool given = false;
    for (size_t i = 0; i < ia->count; i++) {
        struct lease6 *x = available(q, named(q, ia, i)->address);
        given |= x && give(q, x);
    }
    return given;
}

static bool give_new(struct asking *q)
{
    struct lease6 *x = leases6_longest_free(q->leases, q->pool);
    if (x)
        return give(q, x);
    q->d->exhausted = true;
    return false;
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
            granted = ip6_equal(q->d->grants[i].address, x->address) && q->d->grants[i].valid_s;
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
        !give_named(q, ia) && !give_known(q, BIT(LEASE_FREE), 1) && !give_new(q))
        refuse(q, DHCP6_NO_ADDRS_AVAIL);
}

/* The same, for good. */
static void commit_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    solicit_ia(q, ia);
    if (q->ia->status == DHCP6_SUCCESS)
        leave_others(q);
}

static bool all_on_link(const struct asking *q, const struct dhcp6_ia *ia)
{
    for (size_t i = 0; i < ia->count; i++)
        if (!subnet6_contains(q->subnet, named(q, ia, i)->address))
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
static void take_away(struct asking *q, struct ip6 address)
{
    if (!is_answered(q, address) && q->d->grant_count < DHCP6_GRANTS_MAX)
        add_grant(q, address, 0, 0);
}

/* RFC 9915 18.3.4: the IA is known; what it holds goes on. */
static void extend_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    if (!give_reserved(q))
        give_known(q, HELD, SIZE_MAX);
    for (size_t i = 0; i < ia->count; i++)
        take_away(q, named(q, ia, i)->address);
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
static bool is_wrong(const struct asking *q, struct ip6 address)
{
    if (!subnet6_contains(q->subnet, address))
        return true;
    const struct lease6 *x = leases6_find(q->leases, address);
    return subnet6_host_at(q->subnet, address) || (x && x->state != LEASE_FREE);
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
        if (is_wrong(q, named(q, ia, i)->address))
            take_away(q, named(q, ia, i)->address);
    if (!q->ia->count)
        refuse(q, DHCP6_NO_BINDING);
}

/* RFC 9915 18.3.6, 18.3.7: an address that the client holds, whichever link it is on now. */
static struct lease6 *held_at(const struct asking *q, struct ip6 address)
{
    struct lease6 *x = leases6_find(q->leases, address);
    return x && lease6_is_held(x) && lease6_belongs(x, &q->client) ? x : NULL;
}

static void release_ia(struct asking *q, const struct dhcp6_ia *ia)
{
    bool known = holds_any(q);
    for (size_t i = 0; i < ia->count; i++) {
        struct lease6 *x = held_at(q, named(q, ia, i)->address);
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
        struct lease6 *x = held_at(q, named(q, ia, i)->address);
        known |= x != NULL;
        if (x)
            lease6_decline(q->leases, x, now_s(q->now) + q->settings->decline_s, q->now, q->claims);
    }
    if (!known)
        refuse(q, DHCP6_NO_BINDING);
}

typedef void ia_fn(struct asking *q, const struct dhcp6_ia *ia);

/* The answer to each IA in its turn; prefixes are not delegated here. */
static void each_ia(struct asking *q, ia_fn *decide, enum dhcp6_status no_prefix)
{
    for (size_t i = 0; i < q->m->ia_count; i++) { /* DHCP6_IAS_MAX at most */
        const struct dhcp6_ia *ia = &q->m->ias[i];
        q->ia = &q->d->ias[q->d->ia_count++];
        *q->ia = (struct dhcp6_ia_answer){ .code = ia->code, .iaid = ia->iaid, .first = q->d->grant_count };
        q->client = (struct lease6_client){ .duid = q->m->client_id, .iaid = ia->iaid };
        if (ia->code == DHCP6_OPTION_IA_NA)
            decide(q, ia);
        else
            refuse(q, no_prefix);
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
    each_ia(q, q->commits ? commit_ia : solicit_ia, DHCP6_NO_PREFIX_AVAIL);
    q->d->rapid_commit = q->commits && q->given;
    q->d->answer = q->d->rapid_commit ? DHCP6_ANSWER_REPLY : DHCP6_ANSWER_ADVERTISE;
    set_options(q);
}

static void decide_request(struct asking *q)
{
    q->commits = true;
    each_ia(q, request_ia, DHCP6_NO_PREFIX_AVAIL);
    set_options(q);
}

static void decide_renew(struct asking *q)
{
    q->commits = true;
    each_ia(q, renew_ia, DHCP6_NO_BINDING);
    set_options(q);
}

static void decide_rebind(struct asking *q)
{
    q->commits = true;
    each_ia(q, rebind_ia, DHCP6_NO_BINDING);
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
    if (!q->m->address_count) {
        silence(q, "a Confirm without addresses asks for nothing");
        return;
    }
    for (size_t i = 0; i < q->m->address_count; i++)
        on_link &= subnet6_contains(q->subnet, q->m->addresses[i].address);
    set_status(q, on_link ? DHCP6_SUCCESS : DHCP6_NOT_ON_LINK);
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
    each_ia(q, release_ia, DHCP6_NO_BINDING);
    keep_refusals(q);
    set_status(q, DHCP6_SUCCESS);
}

static void decide_decline(struct asking *q)
{
    each_ia(q, decline_ia, DHCP6_NO_BINDING);
    keep_refusals(q);
    set_status(q, DHCP6_SUCCESS);
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

void dhcp6_decide(struct dhcp6_decision *d, const struct dhcp6_settings *s, struct leases6 *l,
                  const struct dhcp6_message *m, const struct dhcp6_arrival *a, struct now now,
                  struct lease6_claims *claims)
{
    static void (*const decide[])(struct asking *) = {
        [DHCP6_SOLICIT] = decide_solicit, [DHCP6_REQUEST] = decide_request,
        [DHCP6_CONFIRM] = decide_confirm, [DHCP6_RENEW] = decide_renew,
        [DHCP6_REBIND] = decide_rebind,   [DHCP6_DECLINE] = decide_decline,
        [DHCP6_RELEASE] = decide_release, [DHCP6_INFORMATION_REQUEST] = set_options,
    };
    *d = (struct dhcp6_decision){ .answer = DHCP6_ANSWER_DISCARD, .claim_first = claims->count };
    d->reason = invalid(m, a);
    if (d->reason)
        return;
    struct asking q = {
        .settings = s, .leases = l, .m = m, .arrival = a, .now = now, .claims = claims, .d = d
    };
    q.subnet = d->subnet = subnet6_choose(s, a);
    if (!q.subnet) {
        silence(&q, "the client is on none of the subnets");
        return;
    }
    d->answer = DHCP6_ANSWER_REPLY;
    q.pool = leases6_pool(l, q.subnet);
    q.host = subnet6_host(q.subnet, m->client_id, a->relays);
    decide[m->type](&q);
    d->claim_count = claims->count - d->claim_first;
}
