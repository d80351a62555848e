#include "names.h"

#include "dns_exchange.h"
#include "name_update.h"
#include "wire/dns_reverse.h"
#include "wire/tsig.h"

#include <stdlib.h>

#define WAITING_MAX                                                                                          \
    4096 /* tasks: a lab that boots at once; a server that is away for longer misses names                   \
          */
#define TRIES_MAX   3
#define TRY_MS      2000
#define TTL_LEAST_S 60

struct task {
    struct list_node node;
    struct name_task what;
    enum name_step step;
    unsigned tries;
    uint8_t message[NAME_UPDATE_BYTES_MAX + TSIG_BYTES_MAX];
};

struct names {
    struct loop *loop;
    struct events *events;
    struct endpoint server;
    struct tsig_key key; /* of no octets: nobody signs */
    struct tsig_session session;
    struct list waiting; /* the first one is under way, as long as exchange says so */
    size_t waiting_count;
    struct dns_exchange *exchange;
    struct deferred later;
};

/* ---- what is told
 * ------------------------------------------------------------------------------------------ */

static void tell(struct names *n, enum event_id id, const struct name_task *t, const char *reason,
                 struct now now)
{
    char text[DNS_NAME_TEXT_MAX];
    struct writer w = writer_over(text, sizeof text);
    struct event ev;
    if (!event_happens(n->events, id))
        return;
    write_dns_name_text(&w, dns_name_span(&t->name));
    event_begin(&ev, id, now);
    event_span(&ev, "name", writer_span(&w));
    event_address(&ev, "address", t->address);
    if (reason)
        event_text(&ev, "reason", reason);
    event_emit(n->events, &ev);
}

/* ---- one message after the other
 * ------------------------------------------------------------------------------ */

static void send_next(struct names *n);

static void run_later(struct deferred *d)
{
    send_next(list_item(d, struct names, later));
}

static void finish(struct names *n, struct task *t, enum event_id id, const char *reason, struct now now)
{
    tell(n, id, &t->what, reason, now);
    list_remove(&t->node);
    n->waiting_count--;
    free(t);
}

static void take_rcode(struct names *n, struct task *t, enum dns_rcode rcode, struct now now)
{
    t->step = name_next(&t->what, t->step, rcode);
    t->tries = 0;
    if (t->step == NAME_DONE)
        finish(n, t, t->what.add ? EVENT_DHCP_NAME_ADDED : EVENT_DHCP_NAME_REMOVED, NULL, now);
    else if (t->step == NAME_TAKEN)
        finish(n, t, EVENT_DHCP_NAME_REFUSED, "the name is somebody else's", now);
    else if (t->step == NAME_FAILED)
        finish(n, t, EVENT_DHCP_NAME_REFUSED, dns_rcode_name(rcode), now);
}

static uint64_t seconds(struct now now)
{
    return (uint64_t)now.unix_ms / 1000;
}

static void answered(void *owner, const struct dns_exchange_result *r, struct now now)
{
    struct names *n = owner;
    struct task *t = list_item(list_first(&n->waiting), struct task, node);
    struct reader in = reader_over(r->message);
    struct dns_header h;
    bool came = r->outcome == DNS_EXCHANGE_RESPONSE && read_dns_header(&in, &h);
    enum tsig_error error =
        came && tsig_is_open(&n->session) ? tsig_verify(&n->session, r->message, seconds(now)) : TSIG_GOOD;
    n->exchange = NULL;
    tsig_close(&n->session);
    if (error)
        finish(n, t, EVENT_DHCP_NAME_REFUSED, tsig_error_name(error), now);
    else if (came)
        take_rcode(n, t, dns_rcode(h.flags), now);
    else if (++t->tries >= TRIES_MAX)
        finish(n, t, EVENT_DHCP_NAME_REFUSED, "the DNS server does not answer", now);
    loop_defer(n->loop, &n->later);
}

static void send_next(struct names *n)
{
    struct list_node *first = list_first(&n->waiting);
    if (n->exchange || !first)
        return;
    struct task *t = list_item(first, struct task, node);
    struct writer w = writer_over(t->message, sizeof t->message);
    struct now now = loop_now(n->loop);
    name_update_write(&w, &t->what, t->step);
    bool ready =
        !n->key.secret_bytes || (tsig_open(&n->session, &n->key) && tsig_sign(&n->session, &w, seconds(now)));
    struct dns_exchange_options o = { .server = n->server, .message = writer_span(&w), .timeout_ms = TRY_MS };
    n->exchange = ready ? dns_exchange_start(n->loop, &o, answered, n) : NULL;
    if (n->exchange)
        return;
    tsig_close(&n->session);
    finish(n, t, EVENT_DHCP_NAME_REFUSED, "out of memory", now);
    loop_defer(n->loop, &n->later);
}

/* ---- tasks
 * --------------------------------------------------------------------------------------------------- */

/* What a subnet says of names, and what becomes of them there. */
struct place {
    const struct dns_name *zone, *reverse_zone;
    uint32_t lease_s;
};

/* False: the client has no name that can be one here. */
static bool describe(struct name_task *out, const struct place *p, struct span name, struct address address)
{
    char label[NAME_LABEL_MAX];
    size_t length = name_label(name, label);
    if (!length || !name_in_zone(&out->name, label, length, p->zone))
        return false;
    out->zone = *p->zone;
    out->address = address;
    out->ttl_s = p->lease_s / 3 < TTL_LEAST_S ? TTL_LEAST_S : p->lease_s / 3;
    if (p->reverse_zone) {
        out->reverse_zone = *p->reverse_zone;
        dns_name_of_address(&out->reverse, address);
    }
    return true;
}

static void add_task(struct names *n, const struct name_task *what, struct now now)
{
    struct task *t = n->waiting_count < WAITING_MAX ? calloc(1, sizeof *t) : NULL;
    if (!t) {
        tell(n, EVENT_DHCP_NAME_REFUSED, what, "too many names wait for the DNS server", now);
        return;
    }
    t->what = *what;
    t->step = name_first(what);
    list_append(&n->waiting, &t->node);
    n->waiting_count++;
    loop_defer(n->loop, &n->later);
}

static uint32_t rest_s(bool bound, int64_t until_s, uint32_t lease_s, struct now now)
{
    return bound && until_s != INT64_MAX ? (uint32_t)(until_s - now_s(now)) : lease_s;
}

void names_tell(struct names *n, const struct lease *x, bool bound, struct now now)
{
    const struct dhcp_subnet *sn = x->pool->subnet;
    struct lease_client c = lease_tenant(x);
    struct name_task t = { .add = bound };
    if (!sn || !sn->names.zone)
        return;
    struct place p = { sn->names.zone, sn->names.reverse_zone, rest_s(bound, x->until_s, sn->lease_s, now) };
    if (!describe(&t, &p, c.host_name, address_ip4(x->address)))
        return;
    name_dhcid(t.dhcid, c.client_id, c.hardware, &t.name);
    add_task(n, &t, now);
}

void names_tell6(struct names *n, const struct lease6 *x, bool bound, struct now now)
{
    const struct dhcp6_subnet *sn = x->pool->subnet;
    struct name_task t = { .add = bound };
    if (!sn || !sn->zone || x->bits != DHCP6_ADDRESS_BITS)
        return;
    struct place p = { sn->zone, sn->reverse_zone, rest_s(bound, x->until_s, sn->valid_s, now) };
    if (!describe(&t, &p, lease6_name(x), address_ip6(x->address)))
        return;
    name_dhcid_of_duid(t.dhcid, lease6_tenant(x).duid, &t.name);
    add_task(n, &t, now);
}

/* ---- life
 * ----------------------------------------------------------------------------------------------------- */

struct names *names_open(struct loop *l, struct events *e, const struct endpoint *server,
                         const struct tsig_key *key)
{
    struct names *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->loop = l;
    n->events = e;
    n->later.run = run_later;
    list_open(&n->waiting);
    names_move(n, server, key);
    return n;
}

/* What is under way goes on with the session that it began with. */
void names_move(struct names *n, const struct endpoint *server, const struct tsig_key *key)
{
    n->server = *server;
    n->key.secret_bytes = 0;
    if (key)
        n->key = *key;
}

bool names_busy(const struct names *n)
{
    return n->waiting_count != 0;
}

void names_close(struct names *n)
{
    struct list_node *first;
    if (!n)
        return;
    if (n->exchange)
        dns_exchange_cancel(n->exchange);
    tsig_close(&n->session);
    while ((first = list_take(&n->waiting)))
        free(list_item(first, struct task, node));
    list_remove(&n->later.node);
    free(n);
}
