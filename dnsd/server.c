#include "dnsd.h"

#include "ahead.h"
#include "encode.h"
#include "hints.h"
#include "metrics.h"
#include "primary.h"
#include "secondary.h"
#include "source.h"
#include "wire/dns_rdata.h"
#include "worker.h"

#include <stdlib.h>

#define PORT_TRIES    16 /* for a port that is free for UDP and TCP alike */
#define TYPE_TEXT_MAX 16

/* ---- events ----------------------------------------------------------------------------------- */

void dnsd_event_name(struct event *ev, const char *field, const struct dns_name *name,
                     char room[DNS_NAME_TEXT_MAX])
{
    struct writer w = writer_over(room, DNS_NAME_TEXT_MAX);
    write_dns_name_text(&w, dns_name_span(name));
    event_span(ev, field, writer_span(&w));
}

static enum event_id event_for(const struct service *s, enum respond_outcome outcome)
{
    const struct response *r = &s->response;
    uint16_t type = r->query->asked ? r->query->question.type : 0;
    bool transfer = dns_type_is_transfer(type);
    if (outcome == RESPOND_SILENCE)
        return EVENT_DNS_IGNORED;
    if (r->why)
        return EVENT_DNS_MALFORMED;
    return transfer && r->rcode == DNS_REFUSED ? EVENT_DNS_TRANSFER_REFUSED : EVENT_DNS_QUERY;
}

/* By itself: most messages are only counted, and this needs much room. */
__attribute__((noinline)) static void emit(struct service *s, enum event_id id, enum respond_outcome outcome,
                                           const struct endpoint *peer, enum edns_transport transport,
                                           size_t reply_bytes, struct now now)
{
    static const char *const protocols[] = { "udp", "tcp", "tls" };
    const struct response *r = &s->response;
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    uint8_t type[TYPE_TEXT_MAX];
    event_begin(&ev, id, now);
    event_endpoint(&ev, "client", peer);
    event_text(&ev, "protocol", protocols[transport]);
    if (r->query->asked) {
        struct writer w = writer_over(type, sizeof type);
        write_dns_type_text(&w, r->query->question.type);
        dnsd_event_name(&ev, "name", &r->query->question.name, name);
        event_span(&ev, "type", writer_span(&w));
    }
    if (outcome == RESPOND_REPLY) {
        event_text(&ev, "rcode", dns_rcode_name(r->rcode));
        event_number(&ev, "bytes", (int64_t)reply_bytes);
    }
    if (r->why)
        event_text(&ev, "reason", r->why);
    event_emit(s->home->events, &ev);
}

static void count(struct service *s, enum respond_outcome outcome, enum edns_transport transport)
{
    bool replied = outcome != RESPOND_SILENCE && outcome != RESPOND_LATER;
    struct counted counted = counted_of(&s->response, replied);
    counts_take(&s->counts, transport, &counted);
}

void dnsd_tell(struct service *s, enum respond_outcome outcome, const struct endpoint *peer,
               enum edns_transport transport, size_t reply_bytes, struct now now)
{
    const struct response *r = &s->response;
    if (outcome == RESPOND_LATER)
        return;
    enum event_id id = event_for(s, outcome);
    count(s, outcome, transport);
    if (r->why ? event_happens_for(s->home->events, id, r->why) : event_happens(s->home->events, id))
        emit(s, id, outcome, peer, transport, reply_bytes, now);
}

/* ---- recursion --------------------------------------------------------------------------------- */

static void close_recursion(struct service *s)
{
    if (s->recursion)
        recursion_close(s->recursion);
    s->recursion = NULL;
}

/* Where iteration begins: what the file says, or what is built in. */
static struct zone *load_hints(struct service *s, const struct dnsd_settings *d, struct problem *p)
{
    const char *path = d->recursion.hints_path;
    struct zone *z = path ? views_load_hints(s, path, p) : hints_builtin(s->seed);
    if (!z && !path)
        problem_set(p, "out of memory");
    return z;
}

/* Begins, goes on or ends as the settings have it. */
static bool open_recursion(struct service *s, const struct dnsd_settings *d, struct problem *p)
{
    const struct recursion_settings *settings = &d->recursion;
    struct zone *hints = settings->allow_count ? load_hints(s, d, p) : NULL;
    if (settings->allow_count && !hints)
        return false;
    if (hints && s->recursion)
        recursion_reload(s->recursion, settings, hints);
    else if (hints)
        s->recursion = recursion_open(s->home->loop, s->home->events, settings, hints, dnsd_answered, s);
    else
        close_recursion(s);
    zone_release(hints);
    if (settings->allow_count && !s->recursion)
        problem_set(p, "out of memory");
    return !settings->allow_count || s->recursion;
}

/* ---- messages ----------------------------------------------------------------------------------- */

/* Those have parts of the server to themselves, which tell of them, too. */
static bool is_request(const struct dns_query *q)
{
    enum dns_opcode opcode = dns_opcode(q->header.flags);
    return q->state != DNS_QUERY_DROP && (opcode == DNS_OPCODE_UPDATE || opcode == DNS_OPCODE_NOTIFY);
}

static enum respond_outcome request(struct service *s, const struct dns_query *q,
                                    const struct dnsd_asker *from, struct writer *out, struct now now)
{
    struct response *r = &s->response;
    bool over_tcp = from->connection != NULL;
    if (respond_begin(q, &from->peer->address, over_tcp, out, r))
        return RESPOND_REPLY;
    enum respond_outcome outcome =
        dns_opcode(q->header.flags) == DNS_OPCODE_UPDATE
            ? primary_update(from->view->primary, q, from, out, &r->rcode, now)
            : secondary_notified(from->view->secondary, q, from, out, &r->rcode, now);
    if (outcome == RESPOND_REPLY)
        respond_options(r, over_tcp, out);
    return outcome;
}

/* A question, or what is not even that. */
static enum respond_outcome answer(struct service *s, const struct dns_query *q,
                                   const struct dnsd_asker *from, struct writer *out, struct now now)
{
    bool over_tcp = from->connection != NULL;
    enum respond_outcome outcome =
        respond(&from->view->zones, q, &from->peer->address, over_tcp, out, &s->response);
    if (outcome == RESPOND_ELSEWHERE || s->recursion)
        outcome = dnsd_elsewhere(s, outcome, from, out, now);
    return outcome;
}

/* False: the reply by UDP is one too many. */
static bool is_within_limit(struct service *s, const struct dnsd_asker *from, struct writer *out,
                            struct now now)
{
    bool within = limit_reply(s->limit, &s->response, from->peer->address, out, now.mono_ms);
    limit_tell(s->limit, s->home->events, now);
    return within;
}

enum respond_outcome dnsd_answer(struct service *s, const struct dns_query *q, struct dnsd_asker *from,
                                 struct writer *out, struct now now)
{
    enum respond_outcome outcome = RESPOND_REPLY;
    bool is_told = false; /* requests, and what is signed wrongly: where they are looked at */
    if (from->is_cut)
        outcome = respond_cut(q, out, &s->response);
    else if (!dnsd_verify(s, q, from, out, now))
        is_told = true;
    else if ((is_told = is_request(q)))
        outcome = request(s, q, from, out, now);
    else
        outcome = answer(s, q, from, out, now);
    if (s->limit && outcome == RESPOND_REPLY && !from->connection && !is_within_limit(s, from, out, now)) {
        outcome = RESPOND_SILENCE;
        is_told = false;
    }
    if (outcome != RESPOND_TRANSFER)
        dnsd_sign(&s->session, out, now);
    enum edns_transport transport = edns_transport_of(from->connection != NULL, from->over_tls);
    if (is_told)
        count(s, outcome, transport);
    else
        dnsd_tell(s, outcome, from->peer, transport, writer_length(out), now);
    return outcome;
}

/* ---- datagrams ---------------------------------------------------------------------------------- */

/* Above a load cookies are required. */
static void note_load(struct service *s, size_t messages, struct now now)
{
    bool crowded = load_is_above(&s->load, messages, now.mono_ms, s->edns.cookies_above);
    if (crowded != s->response.crowded)
        event_note(s->home->events, EVENT_DNS_LOAD, now, "cookies", crowded ? "required" : "not required");
    s->response.crowded = crowded;
}

static void answer_batch(void *self, struct udp *u, struct batch *b, struct now now)
{
    struct service *s = self;
    struct ahead ahead;
    const struct dns_query *q;
    note_load(s, b->count, now);
    s->home->events->seen[EVENT_DNS_QUERY] += known_give(&s->known, s, s->response.crowded, b, &s->counts);
    ahead_begin(&ahead, s, b);
    for (size_t i; (q = ahead_next(&ahead, &i));) {
        struct datagram *d = &b->d[i];
        struct dnsd_asker from = {
            .peer = &d->peer, .local = &d->local, .interface = d->interface, .udp = u, .is_cut = d->truncated
        };
        if (dnsd_answer(s, q, &from, &d->out, now) == RESPOND_REPLY)
            known_note(&s->known, s, b, i, q, &s->response);
    }
    udp_send(u, b);
}

/* ---- sockets ----------------------------------------------------------------------------------- */

static void close_pair(struct dnsd_socket *k)
{
    if (k->udp)
        udp_close(k->udp);
    if (k->tcp)
        listener_close(k->tcp);
    *k = (struct dnsd_socket){ 0 };
}

struct udp_options dnsd_udp_options(const struct service *s, struct endpoint at)
{
    return (struct udp_options){ .bind = at,
                                 .reuse_port = s->settings->workers > 1,
                                 .in_bytes = DNSD_UDP_IN_BYTES,
                                 .out_bytes = ENCODE_UDP_BYTES_MAX };
}

static bool open_pair(struct service *s, struct endpoint at, struct dnsd_socket *k, struct problem *p)
{
    struct udp_options u = dnsd_udp_options(s, at);
    k->udp = udp_open(s->home->loop, &u, answer_batch, s, p);
    if (!k->udp)
        return false;
    struct listener_options t = { .bind = at, .events = s->home->events };
    t.bind.port = udp_local(k->udp).port;
    k->tcp = listener_open(s->home->loop, &t, dnsd_accept, s, p);
    if (!k->tcp)
        close_pair(k);
    return k->tcp != NULL;
}

/* Port 0: UDP is given one that TCP may not have; then another is asked for. */
static bool open_sockets(struct service *s, const struct endpoint *at, struct dnsd_socket *k,
                         struct problem *p)
{
    int tries = at->port ? 1 : PORT_TRIES;
    while (tries-- > 0)
        if (open_pair(s, *at, k, p)) {
            *p = (struct problem){ 0 }; /* of a try before */
            return true;
        }
    return false;
}

static void tell_listening(struct service *s, const struct dnsd_socket *k)
{
    struct endpoint udp = udp_local(k->udp);
    struct endpoint tcp = listener_local(k->tcp);
    home_listening(s->home, "dnsd", "udp", &udp, s->try);
    home_listening(s->home, "dnsd", "tcp", &tcp, s->try_tcp);
}

static const struct dnsd_zone *first_zone(const struct dnsd_settings *d)
{
    for (size_t i = d->view_count; i > 0; i--) /* the one for everybody first */
        if (d->views[i - 1].zone_count)
            return &d->views[i - 1].zones[0];
    return NULL;
}

/* "dig @%s -p %p contoso.local SOA", with the name of the first zone. */
static void write_try(struct service *s, char *room, const char *begin, const char *type)
{
    struct writer w = writer_over(room, sizeof s->try - 1);
    write_text(&w, begin);
    struct mark name = writer_mark(&w);
    const struct dnsd_zone *zone = first_zone(s->settings);
    if (zone)
        write_dns_name_text(&w, dns_name_span(zone->name));
    else
        write_text(&w, "example.com.");
    if (span_find(span_from(writer_span(&w), name.offset), '%') + name.offset != writer_length(&w))
        writer_back_to(&w, name); /* it would be taken for a place to fill */
    write_text(&w, type);
}

static void choose_try(struct service *s)
{
    write_try(s, s->try, "dig @%s -p %p ", " SOA");
    write_try(s, s->try_tcp, "dig +tcp @%s -p %p ", " NS");
    write_try(s, s->try_tls, "kdig +tls @%s -p %p ", " NS");
}

/* Accounts begin anew. */
static bool open_limit(struct service *s, const struct dnsd_settings *d, struct limit **out,
                       struct problem *p)
{
    *out = d->rate.per_second ? limit_open(&d->rate, s->seed) : NULL;
    if (d->rate.per_second && !*out)
        problem_set(p, "out of memory");
    return !d->rate.per_second || *out;
}

/* ---- the service --------------------------------------------------------------------------------- */

static bool open_listeners(struct service *s, const struct dnsd_settings *d, struct problem *p)
{
    s->sockets = calloc(d->listen_count ? d->listen_count : 1, sizeof *s->sockets);
    if (!s->sockets)
        problem_set(p, "out of memory");
    for (size_t i = 0; s->sockets && i < d->listen_count; i++)
        if (!open_sockets(s, &d->listen[i], &s->sockets[i], p))
            return false;
    return s->sockets && dnsd_open_tls(s, p);
}

static bool open_all(struct service *s, struct problem *p)
{
    struct views views;
    const struct dnsd_settings *d = s->settings;
    if (!replies_open(&s->known.replies, s->seed)) {
        problem_set(p, "out of memory");
        return false;
    }
    sources_read(s->settings, NULL, s->seed);
    bool loaded = views_load(s, d, true, &views, p);
    sources_free(s->settings);
    if (!loaded)
        return false;
    s->connections_max = dnsd_connections_possible(d->tcp_clients_max);
    dnsd_identify(s, d);
    if (!open_limit(s, d, &s->limit, p) || !open_recursion(s, d, p) || !open_listeners(s, d, p)) {
        views_drop(s, &views);
        return false;
    }
    views_swap(s, d, &views);
    if (!views_started(s, &views)) {
        problem_set(p, "out of memory");
        return false;
    }
    s->workers = d->workers > 1 ? workers_open(s, d->workers - 1, p) : NULL;
    if (d->workers > 1 && !s->workers)
        return false;
    choose_try(s);
    for (size_t i = 0; i < d->listen_count; i++)
        tell_listening(s, &s->sockets[i]);
    dnsd_tell_tls(s);
    return true;
}

static void close_sockets(struct service *s)
{
    for (size_t i = 0; s->sockets && i < s->settings->listen_count; i++)
        close_pair(&s->sockets[i]);
    dnsd_close_tls_listeners(s);
}

static void close_listeners(struct service *s)
{
    for (size_t i = 0; i < s->settings->listen_count; i++) {
        listener_close(s->sockets[i].tcp);
        s->sockets[i].tcp = NULL;
    }
    dnsd_close_tls_listeners(s);
}

void dnsd_free_if_done(struct service *s)
{
    if (!s->stopping || s->connection_count)
        return;
    close_recursion(s);
    loop_disarm(s->home->loop, &s->secret_due);
    dnsd_close_tls(s);
    limit_close(s->limit);
    views_close(s);
    followers_close(&s->followers);
    free(s->sockets);
    replies_close(&s->known.replies);
    dnsd_forget(s->settings);
    free(s);
}

static struct service *start(struct home *h, void *settings, struct problem *p)
{
    struct service *s = calloc(1, sizeof *s);
    if (!s) {
        problem_set(p, "out of memory");
        return NULL;
    }
    s->home = h;
    s->settings = settings;
    s->seed = entropy_u64();
    list_open(&s->connections);
    list_open(&s->hand_jobs);
    followers_open(&s->followers);
    if (open_all(s, p))
        return s;
    close_sockets(s);
    s->settings = NULL; /* they stay the caller's */
    s->stopping = true;
    dnsd_free_if_done(s);
    return NULL;
}

static bool same_listen(const struct dnsd_settings *a, const struct dnsd_settings *b)
{
    bool same = a->listen_count == b->listen_count && a->tls.listen_count == b->tls.listen_count;
    for (size_t i = 0; same && i < a->listen_count; i++)
        same = endpoint_equal(&a->listen[i], &b->listen[i]);
    for (size_t i = 0; same && i < a->tls.listen_count; i++)
        same = endpoint_equal(&a->tls.listen[i], &b->tls.listen[i]);
    return same;
}

static void prepare(const struct service *s, void *settings)
{
    sources_read(settings, s->settings, s->seed);
}

static bool reload(struct service *s, void *settings, struct problem *p)
{
    struct views views;
    struct dnsd_settings *d = settings, *before = s->settings;
    if (!same_listen(s->settings, d)) {
        problem_set(p, "the addresses in dnsd's `listen` or `listen-tls` changed; that needs a restart");
        return false;
    }
    struct limit *limit = NULL;
    struct dnsd_contexts contexts = { 0 };
    bool loaded = views_load(s, d, false, &views, p);
    sources_free(d);
    if (!loaded)
        return false;
    /* recursion last: it would go on with settings that are thrown away */
    if (!open_limit(s, d, &limit, p) || !dnsd_make_tls(s, d, &contexts, p) || !open_recursion(s, d, p)) {
        limit_close(limit);
        dnsd_drop_tls(&contexts);
        views_drop(s, &views);
        return false;
    }
    workers_pause(s);
    s->settings = d;
    views_swap(s, d, &views);
    s->connections_max = dnsd_connections_possible(d->tcp_clients_max);
    dnsd_identify(s, d);
    dnsd_take_tls(s, &contexts);
    limit_close(s->limit);
    s->limit = limit;
    workers_resume(s);
    if (!views_started(s, &views))
        problem_set(p, "out of memory");
    dnsd_forget(before);
    return true;
}

static void drain(struct service *s)
{
    s->draining = true;
    close_listeners(s);
    dnsd_drain_connections(s);
}

static bool busy(const struct service *s)
{
    return dnsd_connections_busy(s) || list_first(&s->hand_jobs) || views_busy(s) ||
           (s->recursion && recursion_waiting(s->recursion));
}

static void stop(struct service *s)
{
    workers_close(s->workers);
    s->workers = NULL;
    close_recursion(s);
    close_sockets(s);
    s->stopping = true;
    dnsd_hand_stop(s);
    dnsd_abort_connections(s);
    dnsd_free_if_done(s);
}

/* What workers answered happened like the rest. */
static void measure(struct service *s, struct http_exchange *x)
{
    uint64_t before = s->counts.transports[EDNS_UDP];
    workers_count(s->workers, &s->counts);
    s->home->events->seen[EVENT_DNS_QUERY] += s->counts.transports[EDNS_UDP] - before;
    counts_tell(&s->counts, x);
    views_count(s, x);
    if (s->limit)
        limit_measure(s->limit, x);
    metric_line(x, "wirelab_dns_connections", NULL, NULL, NULL, NULL, s->connection_count);
}

const struct service_type dnsd_service = {
    .name = "dnsd",
    .summary = "DNS: authoritative for the zones in its master files, and a resolver with a cache.",
    .keys = dnsd_keys,
    .configure = dnsd_configure,
    .forget = dnsd_forget,
    .check = sources_check,
    .start = start,
    .prepare = prepare,
    .reload = reload,
    .drain = drain,
    .busy = busy,
    .control = dnsd_control,
    .measure = measure,
    .stop = stop,
};
