#include "dnsd.h"

#include "ahead.h"
#include "encode.h"
#include "hints.h"
#include "metrics.h"
#include "primary.h"
#include "secondary.h"
#include "signing.h"
#include "wire/dns_rdata.h"
#include "worker.h"
#include "zonefile.h"

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
    uint16_t type = r->query.asked ? r->query.question.type : 0;
    bool transfer = type == DNS_TYPE_AXFR || type == DNS_TYPE_IXFR;
    if (outcome == RESPOND_SILENCE)
        return EVENT_DNS_IGNORED;
    if (r->why)
        return EVENT_DNS_MALFORMED;
    return transfer && r->rcode == DNS_REFUSED ? EVENT_DNS_TRANSFER_REFUSED : EVENT_DNS_QUERY;
}

void dnsd_tell(struct service *s, enum respond_outcome outcome, const struct endpoint *peer,
               enum edns_transport transport, size_t reply_bytes, struct now now)
{
    static const char *const protocols[] = { "udp", "tcp", "tls" };
    const struct response *r = &s->response;
    enum event_id id = event_for(s, outcome);
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    uint8_t type[TYPE_TEXT_MAX];
    if (outcome == RESPOND_LATER)
        return;
    counts_take(&s->counts, r, transport, outcome != RESPOND_SILENCE);
    if (!(r->why ? event_happens_for(s->home->events, id, r->why) : event_happens(s->home->events, id)))
        return;
    event_begin(&ev, id, now);
    event_endpoint(&ev, "client", peer);
    event_text(&ev, "protocol", protocols[transport]);
    if (r->query.asked) {
        struct writer w = writer_over(type, sizeof type);
        write_dns_type_text(&w, r->query.question.type);
        dnsd_event_name(&ev, "name", &r->query.question.name, name);
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

/* ---- zones ------------------------------------------------------------------------------------ */

/* Who hears of what is wrong with master files. */
struct zone_listener {
    struct service *service;
    struct problem *first; /* the first error, for a start that ends here; may be NULL */
    size_t errors;
};

static void zone_problem(void *self, const struct dns_name *apex, const struct masterfile_problem *p)
{
    struct zone_listener *l = self;
    struct events *events = l->service->home->events;
    enum event_id id = p->warning ? EVENT_DNS_ZONE_WARNING : EVENT_DNS_ZONE_REFUSED;
    char name[DNS_NAME_TEXT_MAX];
    struct event ev;
    if (!p->warning && l->errors++ == 0 && l->first) {
        if (p->line)
            problem_set(l->first, "%s:%u:%u: %s", p->path, p->line, p->column, p->text);
        else
            problem_set(l->first, "%s: %s", p->path, p->text);
        problem_remedy(l->first, "mend the master file; nothing is served from one that has an error");
    }
    if (!event_happens(events, id))
        return;
    event_begin(&ev, id, loop_now(l->service->home->loop));
    dnsd_event_name(&ev, "zone", apex, name);
    event_text(&ev, "file", p->path);
    if (p->line) {
        event_number(&ev, "line", p->line);
        event_number(&ev, "column", p->column);
    }
    event_text(&ev, "reason", p->text);
    event_emit(events, &ev);
}

static void tell_loaded(struct service *s, const struct zone *z, uint64_t ms)
{
    char name[DNS_NAME_TEXT_MAX];
    struct event ev;
    if (!event_happens(s->home->events, EVENT_DNS_ZONE_LOADED))
        return;
    event_begin(&ev, EVENT_DNS_ZONE_LOADED, loop_now(s->home->loop));
    dnsd_event_name(&ev, "zone", &z->name, name);
    event_number(&ev, "serial", z->serial);
    event_number(&ev, "records", (int64_t)z->record_count);
    event_number(&ev, "ms", (int64_t)ms);
    event_emit(s->home->events, &ev);
}

/* The zone as its file has it now; NULL after the listener heard why not. */
static struct zone *load_zone(struct zone_listener *l, const struct dnsd_zone *settings)
{
    struct service *s = l->service;
    uint64_t before = loop_now(s->home->loop).mono_ms;
    struct zone *z = zonefile_load(settings->file, &settings->name, s->zones.seed, zone_problem, l);
    if (z)
        tell_loaded(s, z, loop_now(s->home->loop).mono_ms - before);
    return z;
}

/* What is in service for a zone whose new file is wrong; NULL when nothing was. */
static struct zone *zone_in_service(struct service *s, const struct dns_name *name)
{
    const struct zones_row *row = s->zones.count ? zones_find_apex(&s->zones, name) : NULL;
    return row && row->zone ? zone_hold(row->zone) : NULL;
}

/* What a zone that is fetched has before it was: the version in service, or the copy of an earlier run. */
static struct zone *copy_or_none(struct service *s, const struct dnsd_zone *z, const struct dns_name *lower)
{
    struct zone *in_service = zone_in_service(s, lower);
    return in_service ? in_service : secondary_copy(s->secondary, z, loop_now(s->home->loop));
}

/* What is served when the file says this: with the changes since, and signatures. Takes over the hold. */
static struct zone *version_of_file(struct service *s, const struct dnsd_zone *settings,
                                    const struct dns_name *lower, struct zone *file, struct problem *p)
{
    struct now now = loop_now(s->home->loop);
    if (!settings->dnssec)
        return primary_replay(s->primary, lower, file, now);
    struct zone *in_service = zone_in_service(s, lower);
    struct zone *z = signing_load(s->signing, settings, file, in_service, now, p);
    zone_release(in_service);
    return z;
}

static bool all_loaded(const struct zones_row *rows, const struct dnsd_settings *d)
{
    for (size_t i = 0; i < d->zone_count; i++)
        if (!rows[i].zone && !d->zones[i].primary_count)
            return false;
    return true;
}

/* A directory of all zones of the settings. With `strict`, one zone that does not load is the end of it; else
 * what was in service for it stays. */
static bool load_zones(struct service *s, const struct dnsd_settings *d, bool strict, struct zones *out,
                       struct problem *p)
{
    struct zone_listener l = { .service = s, .first = p };
    struct zones_row *rows = calloc(d->zone_count, sizeof *rows);
    for (size_t i = 0; rows && i < d->zone_count; i++) {
        dns_name_lower(&rows[i].name, &d->zones[i].name);
        rows[i].transfer_to = d->zones[i].transfer.prefixes;
        rows[i].transfer_to_count = d->zones[i].transfer.prefix_count;
        rows[i].transfer_keys = d->zones[i].transfer.keys;
        rows[i].transfer_tls_only = d->zones[i].transfer_tls_only;
        rows[i].zone = d->zones[i].primary_count ? copy_or_none(s, &d->zones[i], &rows[i].name)
                                                 : load_zone(&l, &d->zones[i]);
        if (rows[i].zone && !d->zones[i].primary_count)
            rows[i].zone = version_of_file(s, &d->zones[i], &rows[i].name, rows[i].zone, p);
        if (!rows[i].zone)
            rows[i].zone = zone_in_service(s, &rows[i].name);
    }
    bool ok = rows && (!strict || all_loaded(rows, d));
    if (ok && zones_open(out, rows, d->zone_count, s->zones.seed)) {
        free(rows);
        return true;
    }
    if (!rows || ok)
        problem_set(p, "not enough memory for the zones");
    for (size_t i = 0; rows && i < d->zone_count; i++)
        zone_release(rows[i].zone);
    free(rows);
    return false;
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
    struct zone_listener l = { .service = s, .first = p };
    const char *path = d->recursion.hints_path;
    struct zone *z =
        path ? zonefile_load_hints(path, s->zones.seed, zone_problem, &l) : hints_builtin(s->zones.seed);
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

/* ---- other requests than questions ---------------------------------------------------------------- */

bool dnsd_request(struct service *s, struct span message, const struct dnsd_asker *from, struct writer *out,
                  enum respond_outcome *outcome, struct now now)
{
    struct reader r = reader_over(message);
    read_skip(&r, 2);
    uint16_t flags = read_u16(&r);
    if (!reader_ok(&r) || flags & DNS_QR)
        return false;
    if (dns_opcode(flags) == DNS_OPCODE_UPDATE)
        *outcome = primary_update(s->primary, message, from, out, now);
    else if (dns_opcode(flags) == DNS_OPCODE_NOTIFY)
        *outcome = secondary_notified(s->secondary, message, from, out, now);
    else
        return false;
    return true;
}

/* ---- datagrams --------------------------------------------------------------------------------- */

void dnsd_answer(struct service *s, struct span message, struct dnsd_asker *from, struct writer *out,
                 struct now now)
{
    enum respond_outcome outcome;
    if (!dnsd_verify(s, message, from, out, now))
        return;
    if (dnsd_request(s, message, from, out, &outcome, now)) {
        dnsd_sign(&s->session, out, now);
        return;
    }
    outcome = respond(&s->zones, message, &from->peer->address, false, out, &s->response);
    outcome = dnsd_elsewhere(s, outcome, from, out, now);
    if (s->limit && outcome == RESPOND_REPLY) {
        if (!limit_reply(s->limit, &s->response, from->peer->address, out, now.mono_ms))
            outcome = RESPOND_SILENCE;
        limit_tell(s->limit, s->home->events, now);
    }
    dnsd_sign(&s->session, out, now);
    dnsd_tell(s, outcome, from->peer, EDNS_UDP, writer_length(out), now);
}

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
    look_ahead(&s->zones, b);
    note_load(s, b->count, now);
    for (size_t i = 0; i < b->count; i++) {
        struct datagram *d = &b->d[i];
        struct dnsd_asker from = {
            .peer = &d->peer, .local = &d->local, .interface = d->interface, .udp = u
        };
        dnsd_answer(s, d->in, &from, &d->out, now);
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

/* "dig @%s -p %p contoso.local SOA", with the name of the first zone. */
static void write_try(struct service *s, char *room, const char *begin, const char *type)
{
    struct writer w = writer_over(room, sizeof s->try - 1);
    write_text(&w, begin);
    struct mark name = writer_mark(&w);
    if (s->settings->zone_count)
        write_dns_name_text(&w, dns_name_span(&s->settings->zones[0].name));
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
    *out = d->rate.per_second ? limit_open(&d->rate, s->zones.seed) : NULL;
    if (d->rate.per_second && !*out)
        problem_set(p, "out of memory");
    return !d->rate.per_second || *out;
}

/* ---- the service --------------------------------------------------------------------------------- */

static bool open_all(struct service *s, struct problem *p)
{
    struct zones zones;
    const struct dnsd_settings *d = s->settings;
    s->sockets = calloc(d->listen_count ? d->listen_count : 1, sizeof *s->sockets);
    if (!s->sockets)
        return false;
    s->primary = primary_open(s, p);
    s->signing = signing_open(s);
    s->secondary = s->primary && s->signing ? secondary_open(s) : NULL;
    if (s->primary && !s->secondary)
        problem_set(p, "out of memory");
    if (!s->secondary || !load_zones(s, d, true, &zones, p))
        return false;
    s->zones = zones;
    s->connections_max = dnsd_connections_possible(d->tcp_clients_max);
    dnsd_identify(s, d);
    if (!open_limit(s, d, &s->limit, p))
        return false;
    if (!open_recursion(s, d, p))
        return false;
    for (size_t i = 0; i < d->listen_count; i++)
        if (!open_sockets(s, &d->listen[i], &s->sockets[i], p))
            return false;
    if (!dnsd_open_tls(s, p))
        return false;
    primary_started(s->primary, loop_now(s->home->loop));
    signing_started(s->signing, loop_now(s->home->loop));
    if (!secondary_started(s->secondary, loop_now(s->home->loop))) {
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
    secondary_close(s->secondary);
    signing_close(s->signing);
    primary_close(s->primary);
    zones_close(&s->zones);
    free(s->sockets);
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
    s->zones.seed = entropy_u64();
    list_open(&s->connections);
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

/* Each zone that was there before, perhaps in another version. */
static void tell_replaced(struct service *s, const struct zones *before)
{
    for (size_t i = 0; i < s->zones.count; i++) {
        const struct zones_row *old = zones_find_apex(before, &s->zones.rows[i].name);
        primary_replaced(s->primary, &s->zones.rows[i], old ? old->zone : NULL, loop_now(s->home->loop));
    }
}

static bool reload(struct service *s, void *settings, struct problem *p)
{
    struct zones zones;
    struct dnsd_settings *d = settings;
    if (!same_listen(s->settings, d)) {
        problem_set(p, "the addresses in dnsd's `listen` or `listen-tls` changed; that needs a restart");
        return false;
    }
    if (!primary_reload(s->primary, d, p) || !load_zones(s, d, false, &zones, p))
        return false;
    if (!open_recursion(s, d, p)) {
        zones_close(&zones);
        return false;
    }
    struct limit *limit;
    if (!open_limit(s, d, &limit, p) || !dnsd_reload_tls(s, d, p)) {
        limit_close(limit);
        zones_close(&zones);
        return false;
    }
    struct zones before = s->zones;
    workers_pause(s->workers);
    dnsd_forget(s->settings);
    s->settings = d;
    s->zones = zones;
    s->connections_max = dnsd_connections_possible(d->tcp_clients_max);
    dnsd_identify(s, d);
    limit_close(s->limit);
    s->limit = limit;
    workers_resume(s->workers);
    tell_replaced(s, &before);
    zones_close(&before);
    signing_started(s->signing, loop_now(s->home->loop));
    if (!secondary_started(s->secondary, loop_now(s->home->loop)))
        problem_set(p, "out of memory");
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
    return dnsd_connections_busy(s) || primary_busy(s->primary) ||
           (s->recursion && recursion_waiting(s->recursion));
}

static void stop(struct service *s)
{
    workers_close(s->workers);
    s->workers = NULL;
    close_recursion(s);
    close_sockets(s);
    s->stopping = true;
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
    .start = start,
    .reload = reload,
    .drain = drain,
    .busy = busy,
    .measure = measure,
    .stop = stop,
};
