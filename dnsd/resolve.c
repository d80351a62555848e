#include "resolve.h"

#include "learn.h"
#include "wire/dns_rdata.h"

#define HOSTS_MAX 32 /* NS records looked at for one zone: the bits of hosts_needed */

void resolve_open(struct resolution *r, const struct dns_name *name, uint16_t type, unsigned depth,
                  struct resolve_budget *budget, uint64_t now_ms)
{
    *r = (struct resolution){ .type = type, .depth = depth, .budget = budget, .began_ms = now_ms };
    dns_name_copy(&r->first, name);
    dns_name_copy(&r->name, name);
}

static void place_anew(struct resolution *r)
{
    r->placed = r->at_hints = false;
    r->forward = NULL;
    r->hosts_needed = 0;
    r->try_count = 0;
}

void resolve_again(struct resolution *r)
{
    place_anew(r);
}

static void done(struct resolve_wish *out, bool failed, enum resolve_fault fault, const char *why)
{
    *out = (struct resolve_wish){ .kind = RESOLVE_DONE, .failed = failed, .fault = fault, .why = why };
}

/* ---- name servers of a zone ---------------------------------------------------------------------- */

/* The NS records of a zone, from the cache or from the hints. */
struct hosts {
    struct reader records;
    bool from_hints;
};

static bool hosts_open(const struct resolution *r, const struct resolve_world *w, struct span zone,
                       bool from_hints, struct hosts *out)
{
    out->from_hints = from_hints;
    if (from_hints) {
        const struct zone_set *set =
            zone_find_set(w->hints, zone_node_at(w->hints, w->hints->apex), DNS_TYPE_NS);
        out->records = zone_records(set);
        return true;
    }
    const struct cache_entry *e = cache_find(w->cache, zone, DNS_TYPE_NS, r->began_ms);
    if (!e || e->kind != CACHE_SET)
        return false;
    out->records = reader_over(cache_data(e));
    return true;
}

/* The next host, in lower case. */
static bool hosts_next(struct hosts *h, struct dns_name *out)
{
    struct dns_name name;
    struct span rdata;
    if (h->from_hints)
        zone_next_record(&h->records, &rdata);
    else
        rdata = cache_next_record(&h->records);
    if (!rdata.len || !dns_name_from_span(rdata, &name))
        return false;
    dns_name_lower(out, &name);
    return true;
}

/* One address of a host at a time, from the cache or the hints. */
struct addresses {
    struct reader records;
    bool from_hints;
    uint8_t family;
};

static void addresses_open(const struct resolution *r, const struct resolve_world *w,
                           const struct dns_name *host, uint8_t family, bool from_hints,
                           struct addresses *out)
{
    uint16_t type = family == FAMILY_IP4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
    *out = (struct addresses){ .from_hints = from_hints, .family = family };
    if (from_hints) {
        const struct zone_node *n = zone_find_name(w->hints, host);
        const struct zone_set *set = n ? zone_find_set(w->hints, n, type) : NULL;
        if (set)
            out->records = zone_records(set);
        return;
    }
    const struct cache_entry *e = cache_find(w->cache, dns_name_span(host), type, r->began_ms);
    if (e && e->kind == CACHE_SET)
        out->records = reader_over(cache_data(e));
}

static bool addresses_next(struct addresses *a, const struct resolve_world *w, struct endpoint *out)
{
    struct span rdata;
    size_t bytes = a->family == FAMILY_IP4 ? 4 : 16;
    if (a->from_hints)
        zone_next_record(&a->records, &rdata);
    else
        rdata = cache_next_record(&a->records);
    if (rdata.len != bytes)
        return false;
    *out = (struct endpoint){ .address.family = a->family, .port = w->port };
    struct reader r = reader_over(rdata);
    read_bytes(&r, out->address.bytes, bytes);
    return true;
}

static const uint8_t families[] = { FAMILY_IP4, FAMILY_IP6 };
#define FAMILIES (sizeof families / sizeof *families)

static bool has_address(const struct resolution *r, const struct resolve_world *w,
                        const struct dns_name *host)
{
    struct addresses a;
    struct endpoint e;
    for (size_t i = 0; i < FAMILIES; i++) {
        addresses_open(r, w, host, families[i], false, &a);
        if (addresses_next(&a, w, &e))
            return true;
    }
    return false;
}

/* Somebody can be asked, or somebody's name be looked up without asking that very zone. */
static bool is_usable(const struct resolution *r, const struct resolve_world *w, const struct dns_name *zone)
{
    struct hosts h;
    struct dns_name host;
    if (!hosts_open(r, w, dns_name_span(zone), false, &h))
        return false;
    for (size_t i = 0; i < HOSTS_MAX && hosts_next(&h, &host); i++)
        if (!dns_name_within(&host, zone) || has_address(r, w, &host))
            return true;
    return false;
}

/* ---- whom to ask ------------------------------------------------------------------------------------ */

static const struct resolve_forward *forward_for(const struct resolve_world *w, const struct dns_name *name)
{
    const struct resolve_forward *best = NULL;
    for (size_t i = 0; i < w->forward_count; i++)
        if (dns_name_within(name, &w->forwards[i].name) &&
            (!best || w->forwards[i].name.labels > best->name.labels))
            best = &w->forwards[i];
    return best;
}

/* The nearest zone above the name (or at it) whose servers are known; the hints are for the root. False: the
 * root's own servers are to be asked for first (RFC 8109). */
static bool place_at_zone(struct resolution *r, const struct resolve_world *w)
{
    /* DS is the one type that lives above the cut (RFC 4035 3.1.4.1) */
    size_t least = r->type == DNS_TYPE_DS && r->name.labels ? 1 : 0;
    for (size_t skipped = least; skipped <= r->name.labels; skipped++) {
        if (!dns_name_from_span(dns_name_suffix(&r->name, r->name.labels - skipped), &r->zone))
            break;
        if (is_usable(r, w, &r->zone))
            return true;
    }
    dns_name_root(&r->zone);
    r->at_hints = true;
    bool root_itself = r->name.labels == 0 && r->type == DNS_TYPE_NS;
    return root_itself || r->primed;
}

/* False: a NEED was written, or there is nobody. */
static bool place(struct resolution *r, const struct resolve_world *w, struct resolve_wish *out)
{
    place_anew(r);
    r->forward = forward_for(w, &r->name);
    if (r->forward) {
        dns_name_copy(&r->zone, &r->forward->name);
        r->placed = true;
        return true;
    }
    if (!w->hints) {
        done(out, true, RESOLVE_FAULT_NO_AUTHORITY, "nobody can be asked for that name");
        return false;
    }
    r->placed = place_at_zone(r, w);
    if (r->placed)
        return true;
    r->primed = true;
    *out = (struct resolve_wish){ .kind = RESOLVE_NEED,
                                  .question = { .type = DNS_TYPE_NS, .class = DNS_CLASS_IN } };
    dns_name_root(&out->question.name);
    return false;
}

static void add_server(struct resolution *r, const struct resolve_world *w, const struct endpoint *e,
                       uint64_t now_ms)
{
    for (size_t i = 0; i < r->try_count; i++)
        if (endpoint_equal(&r->tries[i].server, e))
            return;
    if (r->try_count == RESOLVE_SERVERS_MAX)
        return;
    bool lame = !r->forward && servers_is_lame(w->servers, e, dns_name_span(&r->zone), now_ms);
    r->tries[r->try_count++] = (struct resolve_try){ .server = *e, .bad = lame };
}

/* All addresses that are known by now. */
static void gather(struct resolution *r, const struct resolve_world *w, uint64_t now_ms)
{
    struct hosts h;
    struct dns_name host;
    struct endpoint e;
    for (size_t i = 0; r->forward && i < r->forward->to_count; i++)
        add_server(r, w, &r->forward->to[i], now_ms);
    if (r->forward || !hosts_open(r, w, dns_name_span(&r->zone), r->at_hints, &h))
        return;
    for (size_t i = 0; i < HOSTS_MAX && hosts_next(&h, &host); i++)
        for (size_t f = 0; f < FAMILIES; f++) {
            struct addresses a;
            addresses_open(r, w, &host, families[f], r->at_hints, &a);
            while (r->try_count < RESOLVE_SERVERS_MAX && addresses_next(&a, w, &e)) /* ends: with the set */
                add_server(r, w, &e, now_ms);
        }
}

/* Those tried least, and of them the one that is likely to be fastest; try_count when there is none. */
static size_t choose(const struct resolution *r, const struct resolve_world *w, uint64_t now_ms)
{
    size_t best = r->try_count;
    uint64_t best_cost = UINT64_MAX;
    for (size_t i = 0; i < r->try_count; i++) {
        const struct resolve_try *t = &r->tries[i];
        if (t->bad || t->tries >= RESOLVE_TRIES_MAX)
            continue;
        uint64_t cost = (uint64_t)t->tries << 32 | servers_cost_ms(w->servers, &t->server, w->rng, now_ms);
        if (cost < best_cost) {
            best_cost = cost;
            best = i;
        }
    }
    return best;
}

/* A host whose address is not known yet; IPv6 is asked for when IPv4 gave nothing. */
static bool need_host(struct resolution *r, const struct resolve_world *w, struct resolve_wish *out)
{
    struct hosts h;
    struct dns_name host;
    if (r->forward || r->at_hints || r->depth >= RESOLVE_DEPTH_MAX || r->needs >= RESOLVE_NEEDS_MAX ||
        !hosts_open(r, w, dns_name_span(&r->zone), false, &h))
        return false;
    for (size_t i = 0; i < HOSTS_MAX / 2 && hosts_next(&h, &host); i++)
        for (size_t f = 0; f < FAMILIES; f++) {
            uint32_t bit = (uint32_t)1 << (2 * i + f);
            if (r->hosts_needed & bit || dns_name_within(&host, &r->zone) || has_address(r, w, &host))
                continue;
            r->hosts_needed |= bit;
            r->needs++;
            *out = (struct resolve_wish){ .kind = RESOLVE_NEED };
            dns_name_copy(&out->question.name, &host);
            out->question.type = families[f] == FAMILY_IP4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
            out->question.class = DNS_CLASS_IN;
            return true;
        }
    return false;
}

static uint32_t timeout_ms(const struct resolution *r, const struct resolve_world *w, uint64_t now_ms)
{
    const struct resolve_try *t = &r->tries[r->asked];
    uint32_t ms = servers_timeout_ms(w->servers, &t->server, now_ms) << t->tries;
    return ms < SERVERS_MOST_MS ? ms : SERVERS_MOST_MS;
}

/* What an EDNS query got no answer to may have been stopped for that: then without (RFC 6891 6.2.2). */
static bool wants_edns(const struct resolution *r, const struct resolve_world *w, uint64_t now_ms)
{
    const struct resolve_try *t = &r->tries[r->asked];
    bool allowed = !r->forward || r->forward->edns;
    return allowed && t->tries == 0 && !servers_is_plain(w->servers, &t->server, now_ms);
}

static void ask(struct resolution *r, const struct resolve_world *w, uint64_t now_ms,
                struct resolve_wish *out)
{
    const struct resolve_try *t = &r->tries[r->asked];
    r->asked_edns = wants_edns(r, w, now_ms);
    *out = (struct resolve_wish){ .kind = RESOLVE_ASK,
                                  .server = t->server,
                                  .recursion = r->forward != NULL,
                                  .edns = r->asked_edns,
                                  .timeout_ms = timeout_ms(r, w, now_ms) };
    dns_name_copy(&out->question.name, &r->name);
    out->question.type = r->type;
    out->question.class = DNS_CLASS_IN;
    r->budget->queries_left--;
}

/* ---- steps -------------------------------------------------------------------------------------------- */

/* Goes along what is known. True: the end of the chain is in the cache, or it has none. */
static bool walk(struct resolution *r, const struct resolve_world *w, struct resolve_wish *out)
{
    struct cache_answer a;
    struct dns_name name;
    if (cache_answer(w->cache, dns_name_span(&r->first), r->type, r->began_ms, &a)) {
        bool failed = a.end->kind == CACHE_FAILURE;
        done(out, failed, failed ? RESOLVE_FAULT_CACHED : RESOLVE_FAULT_OTHER,
             failed ? "it failed a moment ago" : NULL);
        return true;
    }
    if (a.alias_count == CACHE_CHAIN_MAX) {
        done(out, true, RESOLVE_FAULT_OTHER, "the aliases do not end");
        return true;
    }
    if (dns_name_from_span(a.name, &name) && !dns_name_equal(a.name, dns_name_span(&r->name))) {
        dns_name_copy(&r->name, &name);
        place_anew(r);
        r->referrals = 0;
    }
    return false;
}

void resolve_step(struct resolution *r, const struct resolve_world *w, uint64_t now_ms,
                  struct resolve_wish *out)
{
    if (walk(r, w, out) || (!r->placed && !place(r, w, out)))
        return;
    gather(r, w, now_ms);
    r->asked = choose(r, w, now_ms);
    if (r->asked == r->try_count && need_host(r, w, out))
        return;
    if (r->asked == r->try_count)
        done(out, true, r->heard ? RESOLVE_FAULT_NO_AUTHORITY : RESOLVE_FAULT_NETWORK,
             r->heard ? "no server gave an answer that can be used" : "no server answered");
    else if (!r->budget->queries_left)
        done(out, true, RESOLVE_FAULT_OTHER, "the question takes too many queries");
    else
        ask(r, w, now_ms, out);
}

static void referred(struct resolution *r)
{
    struct resolve_try *t = &r->tries[r->asked];
    if (r->referrals++ < RESOLVE_REFERRALS_MAX)
        place_anew(r);
    else
        t->bad = true;
}

/* The server cannot be used for this zone. */
static void lame(struct resolution *r, const struct resolve_world *w, uint64_t now_ms)
{
    struct resolve_try *t = &r->tries[r->asked];
    t->bad = true;
    if (!r->forward)
        servers_lame(w->servers, &t->server, dns_name_span(&r->zone), now_ms);
}

static void take_answer(struct resolution *r, const struct resolve_world *w, struct span message,
                        uint64_t now_ms)
{
    struct resolve_try *t = &r->tries[r->asked];
    struct learning l = { .cache = w->cache,
                          .name = &r->name,
                          .type = r->type,
                          .zone = &r->zone,
                          .forwarded = r->forward != NULL,
                          .room = w->room };
    switch (learn(&l, message, now_ms)) {
    case LEARNED_ANSWER:
        t->tries++; /* should it come here again, it is not without an end */
        break;
    case LEARNED_REFERRAL:
        referred(r);
        break;
    case LEARNED_NOTHING:
        lame(r, w, now_ms);
        break;
    case LEARNED_MALFORMED:
        t->bad = true;
        break;
    }
}

void resolve_response(struct resolution *r, const struct resolve_world *w, struct span message,
                      uint64_t round_ms, uint64_t now_ms)
{
    struct resolve_try *t = &r->tries[r->asked];
    struct reader reader = reader_over(message);
    struct dns_header h;
    read_dns_header(&reader, &h);
    r->heard = true;
    servers_answered(w->servers, &t->server, round_ms, now_ms);
    switch (dns_rcode(h.flags)) {
    case DNS_NOERROR:
    case DNS_NXDOMAIN:
        if (!r->asked_edns && t->tries && (!r->forward || r->forward->edns))
            servers_plain(w->servers, &t->server, now_ms); /* that with EDNS was lost */
        take_answer(r, w, message, now_ms);
        return;
    case DNS_FORMERR:
    case DNS_NOTIMP:
        if (r->asked_edns)
            servers_plain(w->servers, &t->server, now_ms);
        else
            t->bad = true;
        return;
    case DNS_REFUSED:
        lame(r, w, now_ms);
        return;
    default:
        t->bad = true;
    }
}

void resolve_lost(struct resolution *r, const struct resolve_world *w, bool unreachable, uint64_t now_ms)
{
    struct resolve_try *t = &r->tries[r->asked];
    servers_lost(w->servers, &t->server, now_ms);
    t->tries++;
    t->bad |= unreachable;
}
