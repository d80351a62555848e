#include "lease_query6.h"

#define QUERY_BY_ADDRESS   1 /* RFC 5007 4.1.2.1 */
#define QUERY_BY_CLIENT_ID 2
#define FOUND_MAX          16 /* bindings that are told of one client; more do not fit into a packet */

enum query_status { SUCCESS = 0, UNKNOWN_QUERY_TYPE = 7, MALFORMED_QUERY, NOT_CONFIGURED, NOT_ALLOWED };

struct query {
    uint8_t type;
    struct ip6 link, address;
    struct span client_id;
};

struct found {
    const struct leases6 *leases;
    const struct query *q;
    struct now now;
    size_t count;
    const struct lease6 *lease[FOUND_MAX];
};

static bool is_allowed(const struct dhcp6_settings *s, const struct address *from)
{
    for (size_t i = 0; i < s->query_from_count; i++)
        if (prefix_contains(&s->query_from[i], *from))
            return true;
    return false;
}

static struct ip6 read_ip6(struct reader *r)
{
    uint64_t high = read_u64(r), low = read_u64(r);
    return (struct ip6){ high, low };
}

/* Type, link address, then options. */
static enum query_status read_query(struct query *q, struct span value)
{
    struct reader r = reader_over(value);
    uint16_t code;
    struct span inside, address = { NULL, 0 };
    *q = (struct query){ .type = read_u8(&r), .link = read_ip6(&r) };
    if (!reader_ok(&r))
        return MALFORMED_QUERY;
    while (dhcp6_next_option(&r, &code, &inside)) /* each turn takes four bytes or more */
        if (code == DHCP6_OPTION_IA_ADDRESS)
            address = inside;
        else if (code == DHCP6_OPTION_CLIENT_ID)
            q->client_id = inside;
    if (!reader_done(&r))
        return MALFORMED_QUERY;
    if (q->type != QUERY_BY_ADDRESS && q->type != QUERY_BY_CLIENT_ID)
        return UNKNOWN_QUERY_TYPE;
    struct reader first = reader_over(address.at ? address : span_text(""));
    q->address = read_ip6(&first);
    bool whole = q->type == QUERY_BY_ADDRESS ? reader_ok(&first) : q->client_id.len >= DHCP6_DUID_LEAST;
    return whole ? SUCCESS : MALFORMED_QUERY;
}

/* A lease in force, in a network that is configured, and on the link where the query says one. */
static bool counts(const struct found *f, const struct lease6 *x)
{
    const struct dhcp6_subnet *sn = x->pool->subnet;
    return x->state == LEASE_BOUND && x->until_s > f->now.unix_ms / 1000 && sn &&
           (ip6_equal(f->q->link, (struct ip6){ 0, 0 }) || subnet6_contains(sn, f->q->link));
}

static void look_at(void *owner, const struct lease6 *x)
{
    struct found *f = owner;
    if (f->count < FOUND_MAX && counts(f, x) && span_equal(lease6_tenant(x).duid, f->q->client_id))
        f->lease[f->count++] = x;
}

static void find(struct found *f)
{
    if (f->q->type == QUERY_BY_CLIENT_ID) {
        leases6_each(f->leases, look_at, f);
        return;
    }
    const struct lease6 *x = leases6_find(f->leases, f->q->address);
    if (x && counts(f, x))
        f->lease[f->count++] = x;
}

static uint32_t rest_s(const struct lease6 *x, struct now now)
{
    return x->until_s == INT64_MAX ? DHCP6_INFINITE : (uint32_t)(x->until_s - now.unix_ms / 1000);
}

/* All that the client has on one link (4.1.2.2), and how long ago it was heard: since its lease began anew.
 */
static void write_client_data(struct writer *w, const struct found *f)
{
    struct mark m = dhcp6_option_open(w, DHCP6_OPTION_CLIENT_DATA);
    const struct dhcp6_subnet *sn = f->lease[0]->pool->subnet;
    uint32_t ago_s = UINT32_MAX;
    dhcp6_write_option(w, DHCP6_OPTION_CLIENT_ID, lease6_tenant(f->lease[0]).duid);
    for (size_t i = 0; i < f->count; i++) {
        uint32_t valid_s = rest_s(f->lease[i], f->now);
        uint32_t preferred_s = valid_s < sn->preferred_s ? valid_s : sn->preferred_s;
        if (f->lease[i]->bits == DHCP6_ADDRESS_BITS)
            dhcp6_write_address(w, f->lease[i]->address, preferred_s, valid_s);
        else
            dhcp6_write_prefix(w, f->lease[i]->address, f->lease[i]->bits, preferred_s, valid_s);
        uint32_t this_s = valid_s < sn->valid_s ? sn->valid_s - valid_s : 0;
        ago_s = this_s < ago_s ? this_s : ago_s;
    }
    struct mark time = dhcp6_option_open(w, DHCP6_OPTION_CLT_TIME);
    write_u32(w, ago_s);
    dhcp6_option_close(w, time);
    dhcp6_option_close(w, m);
}

static bool on_one_link(const struct found *f)
{
    for (size_t i = 1; i < f->count; i++)
        if (f->lease[i]->pool->subnet != f->lease[0]->pool->subnet)
            return false;
    return true;
}

/* 4.1.2.5: it has something on several links; who wants to know asks for one of them. */
static void write_links(struct writer *w, const struct found *f)
{
    struct mark m = dhcp6_option_open(w, DHCP6_OPTION_LQ_CLIENT_LINK);
    for (size_t i = 0; i < f->count; i++) {
        const struct dhcp6_subnet *sn = f->lease[i]->pool->subnet;
        bool told = false;
        for (size_t j = 0; j < i; j++)
            told |= f->lease[j]->pool->subnet == sn;
        if (told)
            continue;
        write_u64(w, sn->network.high);
        write_u64(w, sn->network.low);
    }
    dhcp6_option_close(w, m);
}

static const char *status_words(enum query_status status)
{
    return status == UNKNOWN_QUERY_TYPE ? "no such query"
           : status == MALFORMED_QUERY  ? "the query is incomplete"
           : status == NOT_CONFIGURED   ? "no network of this server"
                                        : "not for you";
}

static enum query_status decide(struct found *f, struct query *q, const struct dhcp6_settings *s,
                                const struct dhcp6_message *m, const struct address *from)
{
    if (!is_allowed(s, from))
        return NOT_ALLOWED;
    enum query_status status = read_query(q, dhcp6_option(m->options, DHCP6_OPTION_LQ_QUERY));
    bool unknown = !ip6_equal(q->link, (struct ip6){ 0, 0 }) && !subnet6_of(s, q->link);
    if (status == SUCCESS && unknown)
        status = NOT_CONFIGURED;
    if (status == SUCCESS)
        find(f);
    return status;
}

const char *lease_query6_answer(struct writer *out, const struct dhcp6_settings *s, const struct leases6 *l,
                                const struct dhcp6_message *m, const struct dhcp6_arrival *a,
                                const struct address *from, struct now now)
{
    struct query q;
    struct found f = { .leases = l, .q = &q, .now = now };
    if (!m->client_id.at || !dhcp6_option(m->options, DHCP6_OPTION_LQ_QUERY).at)
        return "a Leasequery without a client identifier or without a query";
    if (m->server_id.at && !span_equal(m->server_id, a->server_id))
        return "it is for another server";
    enum query_status status = decide(&f, &q, s, m, from);
    dhcp6_write_header(out, DHCP6_LEASEQUERY_REPLY, m->xid);
    dhcp6_write_option(out, DHCP6_OPTION_CLIENT_ID, m->client_id);
    dhcp6_write_option(out, DHCP6_OPTION_SERVER_ID, a->server_id);
    if (status != SUCCESS)
        dhcp6_write_status(out, (enum dhcp6_status)status, status_words(status));
    else if (f.count && on_one_link(&f))
        write_client_data(out, &f);
    else if (f.count)
        write_links(out, &f);
    return writer_ok(out) ? NULL : "the answer does not fit";
}
