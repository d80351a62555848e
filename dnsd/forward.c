#include "forward.h"

#include "dns_exchange.h"
#include "encode.h"
#include "outgoing.h"

#include <stdlib.h>

#define WAITING_MAX   256   /* of a view; each has a connection to a primary */
#define PRIMARIES_MAX 8     /* that are asked, one after the other */
#define ANSWER_MS     10000 /* a primary that signs and writes to a slow disk; clients wait about so long */

struct forwarding {
    struct list_node node;
    struct dnsd_awaiting awaiting;
    struct view *view;
    struct dns_query query;
    struct dns_name zone;
    struct endpoint peer, local;
    unsigned interface;
    struct udp *udp;
    bool over_tcp;
    struct dns_exchange *exchange;
    struct endpoint primaries[PRIMARIES_MAX]; /* a copy: the settings may change meanwhile */
    size_t primary_count, primary;
    size_t length;
    uint8_t message[];
};

bool forward_takes(const struct zones_row *row, const struct dnsd_asker *from)
{
    struct dnsd_who who = dnsd_who(from);
    return row && row->settings && row->settings->primary_count &&
           dnsd_permitted(&row->settings->forward, &who);
}

bool forward_takes_message(const struct dnsd_asker *from, const struct dns_query *q)
{
    return dns_opcode(q->header.flags) == DNS_OPCODE_UPDATE && q->asked && q->question.type == DNS_TYPE_SOA &&
           q->question.class == DNS_CLASS_IN &&
           forward_takes(zones_find_apex(&from->view->zones, &q->lower), from);
}

static void tell(struct forwarding *f, const char *rcode, const char *why, struct now now)
{
    struct events *events = f->view->service->home->events;
    char name[DNS_NAME_TEXT_MAX];
    struct event ev;
    if (!event_happens(events, EVENT_DNS_UPDATE_FORWARDED))
        return;
    event_begin(&ev, EVENT_DNS_UPDATE_FORWARDED, now);
    views_event_zone(&ev, f->view, &f->zone, name);
    event_endpoint(&ev, "client", &f->peer);
    event_endpoint(&ev, "primary", &f->primaries[f->primary]);
    if (rcode)
        event_text(&ev, "rcode", rcode);
    if (why)
        event_text(&ev, "reason", why);
    event_emit(events, &ev);
}

static void end(struct forwarding *f)
{
    list_remove(&f->node);
    list_remove(&f->awaiting.node);
    f->view->forward_count--;
    free(f);
}

/* The reply in the writer, which lies over service->out. */
static void reply(struct forwarding *f, enum dns_rcode rcode, const struct writer *w)
{
    counts_take_reply(&f->view->service->counts, rcode);
    if (f->awaiting.connection)
        dnsd_connection_send(&f->awaiting, w);
    else if (!f->over_tcp)
        udp_send_one(f->udp, &f->peer, &f->local, f->interface, writer_span(w));
    end(f);
}

static void ask(struct forwarding *f, struct now now);

static void answered(void *owner, const struct dns_exchange_result *r, struct now now)
{
    struct forwarding *f = owner;
    struct service *s = f->view->service;
    struct writer w = writer_over(s->out.bytes, sizeof s->out.bytes);
    struct reader head = reader_over(r->message);
    struct dns_header h;
    f->exchange = NULL;
    if (r->outcome != DNS_EXCHANGE_RESPONSE) {
        tell(f, NULL, r->outcome == DNS_EXCHANGE_TIMEOUT ? "no answer" : "it cannot be reached", now);
        f->primary++;
        ask(f, now);
        return;
    }
    read_dns_header(&head, &h);
    tell(f, dns_rcode_name(dns_rcode(h.flags)), NULL, now);
    write_u16(&w, f->query.header.id);
    write_span(&w, span_from(r->message, sizeof h.id));
    reply(f, dns_rcode(h.flags), &w);
}

/* By TCP: nothing is sent twice, and there is room for all. */
static void ask(struct forwarding *f, struct now now)
{
    struct service *s = f->view->service;
    struct dns_exchange_options o = { .message = span_of(f->message, f->length),
                                      .tcp = true,
                                      .timeout_ms = ANSWER_MS };
    while (f->primary < f->primary_count) { /* each turn takes the next one, or stops */
        o.server = f->primaries[f->primary];
        o.from = outgoing_address(f->view, &o.server);
        f->exchange = dns_exchange_start(s->home->loop, &o, answered, f);
        if (f->exchange)
            return;
        tell(f, NULL, "out of memory", now);
        f->primary++;
    }
    struct writer w = writer_over(s->out.bytes, sizeof s->out.bytes);
    encode_error(&f->query, DNS_SERVFAIL, &w);
    reply(f, DNS_SERVFAIL, &w);
}

static void take_client(struct forwarding *f, const struct dnsd_asker *from)
{
    f->peer = *from->peer;
    f->local = *from->local;
    f->interface = from->interface;
    f->udp = from->udp;
    f->over_tcp = from->connection != NULL;
    if (from->connection)
        dnsd_connection_awaits(from->connection, &f->awaiting);
}

bool forward_update(struct view *v, const struct zones_row *row, const struct dns_query *q,
                    const struct dnsd_asker *from, struct now now)
{
    const struct dnsd_zone *z = row->settings;
    struct span message = q->message;
    struct forwarding *f = v->forward_count < WAITING_MAX ? calloc(1, sizeof *f + message.len) : NULL;
    if (!f)
        return false;
    f->view = v;
    f->query = *q;
    dns_name_copy(&f->zone, row->name);
    for (size_t i = 0; i < z->primary_count && f->primary_count < PRIMARIES_MAX; i++)
        if (!z->primaries[i].tls_name) /* what is to be hidden is not sent in clear */
            f->primaries[f->primary_count++] = z->primaries[i].at;
    f->length = message.len;
    memcpy(f->message, message.at, message.len);
    take_client(f, from);
    list_append(&v->forwards, &f->node);
    v->forward_count++;
    ask(f, now);
    return true;
}

void forward_close(struct view *v)
{
    for (struct list_node *n; (n = list_first(&v->forwards));) { /* ends: each is taken off */
        struct forwarding *f = list_item(n, struct forwarding, node);
        if (f->exchange)
            dns_exchange_cancel(f->exchange);
        end(f);
    }
}
