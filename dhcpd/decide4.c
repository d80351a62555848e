#include "decide4.h"

#define RELAY_HOPS_MAX 16 /* RFC 1542 4.1.1 */

/* All that the functions below look at. */
struct asking {
    const struct dhcp_settings *settings;
    struct leases *leases;
    const struct dhcp4_message *m;
    const struct dhcp4_arrival *arrival;
    struct now now;
    struct lease_claims *claims;
    const struct dhcp_subnet *subnet;
    struct lease_pool *pool;
    const struct dhcp_host *host; /* the client's own reservation; NULL: none */
    uint64_t in;                  /* its classes: bits */
    struct span circuit;          /* where its leases are counted; empty: nowhere */
    struct lease_client client;
};

/* ---- what is not listened to ---------------------------------------------------------------- */

const char *dhcp4_discard(const struct dhcp4_message *m, const struct dhcp4_arrival *a)
{
    const struct dhcp4_fixed *f = &m->fixed;
    if (f->op != DHCP4_BOOTREQUEST)
        return "it is a server's reply";
    if (f->hops > RELAY_HOPS_MAX)
        return "it went through more than 16 relays, or in a loop of them";
    /* a client that knows its address sends from it (RFC 2131 4.1), but for a broadcast DISCOVER or INFORM */
    if (a->link && !f->giaddr && !a->broadcast && f->ciaddr && address_to_ip4(a->source.address) != f->ciaddr)
        return "it did not come from its ciaddr";
    return NULL;
}

/* ---- answers ----------------------------------------------------------------------------- */

static struct dhcp4_decision silence(const char *reason)
{
    return (struct dhcp4_decision){ .answer = DHCP4_ANSWER_SILENCE, .reason = reason };
}

static struct dhcp4_decision refuse(const struct asking *q, const char *reason)
{
    return (struct dhcp4_decision){ .answer = DHCP4_ANSWER_NAK, .reason = reason, .subnet = q->subnet };
}

static struct dhcp4_decision answer(const struct asking *q, enum dhcp4_answer which, uint32_t address,
                                    uint32_t lease_s)
{
    const struct dhcp_host *h = q->host && q->host->options ? q->host : NULL;
    return (struct dhcp4_decision){ .answer = which,
                                    .subnet = q->subnet,
                                    .options = h ? h->options : &q->subnet->options,
                                    .host = h,
                                    .classes = q->settings->classes,
                                    .in = q->in,
                                    .selected = q->settings->subnet_selection &&
                                                dhcp4_has(q->m, DHCP4_OPTION_SUBNET_SELECTION),
                                    .address = address,
                                    .lease_s = lease_s };
}

/* RFC 2131 4.3.2, table 4: the three fields that tell what a client is doing. */
enum dhcp4_client_state dhcp4_client_state(const struct dhcp4_message *m)
{
    static const struct {
        bool server_identifier, requested_address, ciaddr;
        enum dhcp4_client_state is;
    } told_by[] = {
        { true, true, false, DHCP4_CLIENT_SELECTING },
        { false, true, false, DHCP4_CLIENT_INIT_REBOOT },
        { false, false, true, DHCP4_CLIENT_RENEWING },
    };
    bool server = dhcp4_has(m, DHCP4_OPTION_SERVER_IDENTIFIER);
    bool requested = dhcp4_has(m, DHCP4_OPTION_REQUESTED_ADDRESS);
    for (size_t i = 0; i < sizeof told_by / sizeof *told_by; i++)
        if (told_by[i].server_identifier == server && told_by[i].requested_address == requested &&
            told_by[i].ciaddr == (m->fixed.ciaddr != 0))
            return told_by[i].is;
    return DHCP4_CLIENT_CONFUSED;
}

/* The value of an address option; 0 when it is not there. */
static uint32_t address_in(const struct dhcp4_message *m, uint8_t code)
{
    uint32_t address = 0;
    dhcp4_number(m, code, &address);
    return address;
}

/* RFC 2131 4.3.1: what the client's class has, or what the client asks for, within what the subnet allows. */
static uint32_t lease_time(const struct asking *q)
{
    const struct dhcp_subnet *sn = q->subnet;
    uint32_t wanted = sn->lease_s;
    for (uint64_t in = q->in; in; in &= in - 1) /* a bit each turn */
        if (q->settings->classes[__builtin_ctzll(in)].lease_s)
            return q->settings->classes[__builtin_ctzll(in)].lease_s;
    if (!dhcp4_number(q->m, DHCP4_OPTION_LEASE_TIME, &wanted))
        return wanted;
    if (wanted < sn->lease_least_s)
        wanted = sn->lease_least_s;
    return wanted > sn->lease_most_s ? sn->lease_most_s : wanted;
}

static int64_t ends_s(const struct asking *q, uint32_t lease_s)
{
    return lease_s == LEASE_INFINITE ? INT64_MAX : now_s(q->now) + lease_s;
}

/* ---- which address -------------------------------------------------------------------------- */

/* The subnet of the client's link that has the address, or the part of one; NULL: the link has it not. */
static const struct dhcp_subnet *place_of(const struct asking *q, uint32_t address)
{
    const struct dhcp_subnet *sn = q->subnet;
    if (!subnet_contains(sn, address))
        sn = sn->link->count > 1 ? subnet_of(q->settings, address) : NULL;
    return sn && sn->link == q->subnet->link ? subnet_part(sn, address) : NULL;
}

static bool is_open_to(const struct dhcp_subnet *sn, const struct asking *q)
{
    return !sn->class || q->in & sn->class;
}

/* The configuration lets this client have the address, whoever has it now. */
static bool may_have(const struct asking *q, const struct dhcp_subnet *sn, uint32_t address)
{
    const struct dhcp_host *reserved = subnet_host_at(sn, address);
    if (reserved)
        return reserved == q->host;
    return address != q->arrival->server && is_open_to(sn, q) && subnet_in_pool(sn, address);
}

/* The lease at an address, made where there is none, if this client can have it now. */
static struct lease *available(const struct asking *q, uint32_t address)
{
    const struct dhcp_subnet *sn = place_of(q, address);
    if (!sn || !may_have(q, sn, address))
        return NULL;
    struct lease *x = leases_at(q->leases, leases_pool(q->leases, sn), address);
    return x && lease_is_for(x, &q->client) ? x : NULL;
}

/* The next address for a new client: of its classes' parts first, then of what is for all. */
static struct lease *next_free(const struct asking *q)
{
    const struct dhcp_link *link = q->subnet->link;
    struct lease *x = NULL;
    for (size_t i = 0; i < link->count && !x; i++)
        if (is_open_to(link->members[i], q))
            x = leases_longest_free(q->leases, leases_pool(q->leases, link->members[i]), q->arrival->server);
    return x;
}

/* From here on it is about this address's subnet: its times and options. A host's options are its own
 * subnet's. */
static void settle_on(struct asking *q, uint32_t address)
{
    const struct dhcp_subnet *sn = place_of(q, address);
    if (!sn || sn == q->subnet)
        return;
    if (q->host && sn->network != q->subnet->network && !q->host->address)
        q->host = subnet_host(sn, q->m, q->in);
    q->subnet = sn;
}

/* A reservation that can be had now outranks whatever else the client has or wants. */
static struct lease *reserved_lease(const struct asking *q)
{
    return q->host && q->host->address ? available(q, q->host->address) : NULL;
}

/* RFC 2131 4.3.1: reserved, the current or the former address, the one that is asked for, the longest free.
 */
static struct lease *choose(const struct asking *q)
{
    uint32_t requested = address_in(q->m, DHCP4_OPTION_REQUESTED_ADDRESS);
    struct lease *x = reserved_lease(q);
    if (x)
        return x;
    x = leases_of(q->leases, q->pool, &q->client, requested);
    if (x && available(q, x->address) == x)
        return x;
    x = requested ? available(q, requested) : NULL;
    return x ? x : next_free(q);
}

/* ---- how many at a circuit --------------------------------------------------------------------- */

/* Who has a lease, or an offer, keeps it. */
static bool is_one_too_many(const struct asking *q, const struct lease *x)
{
    bool has = x->state != LEASE_FREE && lease_belongs(x, &q->client);
    return q->circuit.len && !has &&
           circuits_count(&q->leases->circuits, q->circuit) >= q->subnet->circuit_limit;
}

static const char too_many[] = "its circuit has as many leases as it may";

/* The claim, counted at its circuit. */
static bool claim(const struct asking *q, struct lease *x, int64_t until_s)
{
    if (!lease_claim(q->leases, x, &q->client, until_s, q->now, q->claims))
        return false;
    if (q->circuit.len)
        lease_count_at(q->leases, x, q->circuit);
    return true;
}

/* Claims the address and acknowledges it; NAK says why not. */
static struct dhcp4_decision grant(struct asking *q, uint32_t address)
{
    struct lease *reserved = reserved_lease(q);
    if (reserved && reserved->address != address)
        return refuse(q, "another address is reserved for this client");
    struct lease *x = available(q, address);
    if (!x)
        return refuse(q, "the address is not this client's to have");
    if (is_one_too_many(q, x))
        return silence(too_many);
    settle_on(q, address);
    uint32_t lease_s = lease_time(q);
    if (!claim(q, x, ends_s(q, lease_s)))
        return silence("out of memory");
    struct dhcp4_decision d = answer(q, DHCP4_ANSWER_ACK, address, lease_s);
    d.claim = q->claims->count - 1;
    return d;
}

/* ---- one function a message ------------------------------------------------------------------ */

static struct dhcp4_decision exhausted(const struct asking *q)
{
    struct dhcp4_decision d = silence("no free address in the subnet");
    d.exhausted = true;
    d.subnet = q->subnet;
    return d;
}

/* RFC 4039 3: an ACK for a DISCOVER that would take one. An address that is to be probed is offered first. */
static bool commits_at_once(const struct asking *q, const struct lease *x)
{
    return q->settings->rapid_commit && dhcp4_has(q->m, DHCP4_OPTION_RAPID_COMMIT) &&
           !x->pool->subnet->probe_ms;
}

/* RFC 1534 2: one message and one answer, and no end, since nothing will be heard again. */
static struct dhcp4_decision decide_bootp(struct asking *q)
{
    bool reserved = q->host && q->host->address;
    struct lease *x = reserved ? reserved_lease(q) : q->subnet->bootp ? choose(q) : NULL;
    if (!x && !reserved && q->subnet->bootp)
        return exhausted(q);
    if (!x)
        return silence(reserved ? "the address that is reserved for this BOOTP client is taken"
                                : "no address is for BOOTP clients");
    if (is_one_too_many(q, x))
        return silence(too_many);
    settle_on(q, x->address);
    if (!claim(q, x, INT64_MAX))
        return silence("out of memory");
    struct dhcp4_decision d = answer(q, DHCP4_ANSWER_BOOTP, x->address, 0);
    d.claim = q->claims->count - 1;
    return d;
}

/* RFC 2131 4.3.1 */
static struct dhcp4_decision decide_discover(struct asking *q)
{
    struct lease *x = choose(q);
    if (!x)
        return exhausted(q);
    if (commits_at_once(q, x)) {
        struct dhcp4_decision d = grant(q, x->address);
        d.rapid = true;
        return d;
    }
    if (is_one_too_many(q, x))
        return silence(too_many);
    bool fresh = !lease_belongs(x, &q->client);
    if (!lease_offer(q->leases, x, &q->client, q->now))
        return silence("out of memory");
    if (q->circuit.len)
        lease_count_at(q->leases, x, q->circuit);
    settle_on(q, x->address);
    struct dhcp4_decision d = answer(q, DHCP4_ANSWER_OFFER, x->address, lease_time(q));
    d.fresh = fresh;
    return d;
}

/* RFC 2131 4.3.2, SELECTING: an answer to an OFFER, ours or another server's. */
static struct dhcp4_decision decide_selecting(struct asking *q)
{
    if (address_in(q->m, DHCP4_OPTION_SERVER_IDENTIFIER) == subnet_server_identifier(q->m, q->arrival))
        return grant(q, address_in(q->m, DHCP4_OPTION_REQUESTED_ADDRESS));
    struct lease *x = leases_of(q->leases, q->pool, &q->client, 0);
    if (x)
        lease_offer_withdraw(q->leases, x, q->now);
    return silence("the client chose another server");
}

/* RFC 2131 4.3.2, INIT-REBOOT, RENEWING, REBINDING: the client says what it holds. Silence lets another
 * server, which may know it, answer; `authoritative` says that there is none. */
static struct dhcp4_decision decide_holding(struct asking *q, uint32_t address)
{
    if (!place_of(q, address))
        return refuse(q, "the address belongs to another network");
    struct lease *x = leases_of(q->leases, q->pool, &q->client, address);
    bool reserved = q->host && q->host->address == address;
    if (!x && !reserved && !q->settings->authoritative)
        return silence("the client is unknown");
    if (x && x->address != address && !reserved)
        return refuse(q, "the client's address is another one");
    if (!x && !reserved)
        return refuse(q, "the client is unknown");
    return grant(q, address);
}

static struct dhcp4_decision decide_request(struct asking *q)
{
    switch (dhcp4_client_state(q->m)) {
    case DHCP4_CLIENT_SELECTING:
        return decide_selecting(q);
    case DHCP4_CLIENT_INIT_REBOOT:
        return decide_holding(q, address_in(q->m, DHCP4_OPTION_REQUESTED_ADDRESS));
    case DHCP4_CLIENT_RENEWING:
        return decide_holding(q, q->m->fixed.ciaddr);
    case DHCP4_CLIENT_CONFUSED:
        break;
    }
    return silence("server identifier, requested address and ciaddr do not go together");
}

static bool is_for_us(const struct asking *q)
{
    return address_in(q->m, DHCP4_OPTION_SERVER_IDENTIFIER) == subnet_server_identifier(q->m, q->arrival);
}

/* RFC 2131 4.3.4: the address stays remembered for this client. */
static struct dhcp4_decision decide_release(struct asking *q)
{
    struct lease *x = leases_find(q->leases, q->m->fixed.ciaddr);
    if (!is_for_us(q))
        return silence("it is for another server");
    if (!x || !lease_belongs(x, &q->client) || (x->state != LEASE_BOUND && x->state != LEASE_CLAIMED))
        return silence("the client does not hold this address");
    lease_release(q->leases, x, q->now, q->claims);
    return silence(NULL);
}

/* RFC 2131 4.3.3: someone else uses the address. */
static struct dhcp4_decision decide_decline(struct asking *q)
{
    struct lease *x = leases_find(q->leases, address_in(q->m, DHCP4_OPTION_REQUESTED_ADDRESS));
    if (!is_for_us(q))
        return silence("it is for another server");
    if (!x || !lease_belongs(x, &q->client) || x->state == LEASE_FREE || x->state == LEASE_DECLINED)
        return silence("the client was not given this address");
    lease_decline(q->leases, x, now_s(q->now) + q->settings->decline_s, q->now, q->claims);
    return silence(NULL);
}

/* RFC 2131 4.3.5: the client has an address by other means and asks for the rest. */
static struct dhcp4_decision decide_inform(struct asking *q)
{
    if (!q->m->fixed.ciaddr)
        return silence("an INFORM must say its address in ciaddr");
    if (!place_of(q, q->m->fixed.ciaddr)) /* the answer would go to a host that did not ask */
        return silence("its address belongs to another network");
    settle_on(q, q->m->fixed.ciaddr);
    return answer(q, DHCP4_ANSWER_CONFIG, 0, 0);
}

/* The client's host section in any subnet of its link. */
static const struct dhcp_host *host_of(const struct asking *q)
{
    const struct dhcp_link *link = q->subnet->link;
    const struct dhcp_host *h = subnet_host(q->subnet, q->m, q->in);
    for (size_t i = 0; i < link->count && !h && link->count > 1; i++)
        h = subnet_host(link->members[i], q->m, q->in);
    return h;
}

struct dhcp4_decision dhcp4_decide(const struct dhcp_settings *s, struct leases *l,
                                   const struct dhcp4_message *m, const struct dhcp4_arrival *a,
                                   struct now now, struct lease_claims *claims)
{
    static struct dhcp4_decision (*const decide[])(struct asking *) = {
        [0] = decide_bootp,
        [DHCP4_DISCOVER] = decide_discover,
        [DHCP4_REQUEST] = decide_request,
        [DHCP4_DECLINE] = decide_decline,
        [DHCP4_RELEASE] = decide_release,
        [DHCP4_INFORM] = decide_inform,
    };
    if (m->type >= sizeof decide / sizeof *decide || !decide[m->type])
        return silence("only a server sends this");
    uint8_t room[LEASE_CLIENT_ROOM], circuit_room[CIRCUIT_KEY_MAX];
    struct asking q = { .settings = s, .leases = l, .m = m, .arrival = a, .now = now, .claims = claims };
    q.client = lease_client_of(m, room);
    if (!lease_client_key(&q.client).len)
        return silence("the client says neither a hardware address nor an identifier");
    q.subnet = subnet_choose(s, m, a);
    if (!q.subnet)
        return silence("the client is on none of the subnets");
    q.pool = leases_pool(l, q.subnet);
    if (s->class_count)
        q.in = classes_of(s->classes, s->class_count, m);
    q.host = host_of(&q);
    if (host_name(q.host).len)
        q.client.host_name = span_head(host_name(q.host), LEASE_HOST_NAME_MAX);
    if (q.subnet->circuit_limit)
        q.circuit = circuit_key(m->fixed.giaddr, dhcp4_option(m, DHCP4_OPTION_RELAY_AGENT), circuit_room);
    return decide[m->type](&q);
}
