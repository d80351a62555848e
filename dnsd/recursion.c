#include "recursion.h"

#include "dns_exchange.h"
#include "hash.h"
#include "learn.h"
#include "wire/dns_rdata.h"

#include <stdlib.h>

#define JOB_SLOTS  1024
#define TYPE_BYTES 16
#define STEPS_MAX  64 /* of one job without waiting: each learns or looks up something */

struct recursion_job {
    struct recursion *recursion;
    struct recursion_job *chain; /* in its slot */
    uint64_t hash;
    struct resolution resolution;
    struct resolve_wish wish; /* the last one */
    struct list clients;
    struct list dependents;       /* jobs that wait for this one */
    struct recursion_job *needed; /* the one that this one waits for */
    struct list_node dependent_node, ready_node;
    struct dns_exchange *exchange;
    struct timer deadline;
};

struct recursion {
    struct loop *loop;
    struct events *events;
    recursion_fn *fn;
    void *owner;
    struct cache cache;
    struct resolve_world world;
    struct zone *hints;
    struct rng rng;
    uint64_t seed;
    size_t job_count, client_count;
    bool crowded; /* told already */
    struct list ready;
    struct deferred run;
    struct recursion_job *slots[JOB_SLOTS];
    uint8_t room[LEARN_ROOM_BYTES];
};

/* ---- events --------------------------------------------------------------------------------------- */

static void tell_question(struct event *ev, const struct dns_question *q, char name[DNS_NAME_TEXT_MAX],
                          uint8_t type[TYPE_BYTES])
{
    struct writer w = writer_over(name, DNS_NAME_TEXT_MAX);
    write_dns_name_text(&w, dns_name_span(&q->name));
    event_span(ev, "name", writer_span(&w));
    w = writer_over(type, TYPE_BYTES);
    write_dns_type_text(&w, q->type);
    event_span(ev, "type", writer_span(&w));
}

static const char *outcome_text(const struct dns_exchange_result *x)
{
    struct reader r = reader_over(x->message);
    struct dns_header h;
    if (x->outcome == DNS_EXCHANGE_TIMEOUT)
        return "no answer";
    if (x->outcome == DNS_EXCHANGE_UNREACHABLE || !read_dns_header(&r, &h))
        return "unreachable";
    const char *name = dns_rcode_name(dns_rcode(h.flags));
    return name ? name : "an error";
}

static void tell_exchange(struct recursion_job *j, const struct dns_exchange_result *x, struct now now)
{
    struct events *events = j->recursion->events;
    char name[DNS_NAME_TEXT_MAX];
    uint8_t type[TYPE_BYTES];
    struct event ev;
    if (event_happens(events, EVENT_DNS_UPSTREAM)) {
        event_begin(&ev, EVENT_DNS_UPSTREAM, now);
        event_endpoint(&ev, "server", &j->wish.server);
        event_text(&ev, "protocol", x->over_tcp ? "tcp" : "udp");
        tell_question(&ev, &j->wish.question, name, type);
        event_text(&ev, "outcome", outcome_text(x));
        event_number(&ev, "ms", (int64_t)x->round_ms);
        event_emit(events, &ev);
    }
    if (x->stray_count && event_happens(events, EVENT_DNS_UPSTREAM_STRAY)) {
        event_begin(&ev, EVENT_DNS_UPSTREAM_STRAY, now);
        event_endpoint(&ev, "server", &j->wish.server);
        tell_question(&ev, &j->wish.question, name, type);
        event_number(&ev, "messages", (int64_t)x->stray_count);
        event_emit(events, &ev);
    }
}

static void tell_failure(struct recursion_job *j, const char *why)
{
    struct recursion *r = j->recursion;
    struct dns_question q = { .type = j->resolution.type };
    char name[DNS_NAME_TEXT_MAX];
    uint8_t type[TYPE_BYTES];
    struct event ev;
    if (!event_happens(r->events, EVENT_DNS_RECURSION_FAILED))
        return;
    dns_name_copy(&q.name, &j->resolution.first);
    event_begin(&ev, EVENT_DNS_RECURSION_FAILED, loop_now(r->loop));
    tell_question(&ev, &q, name, type);
    event_text(&ev, "reason", why);
    event_emit(r->events, &ev);
}

/* Once for each time that it becomes crowded. */
static void tell_crowded(struct recursion *r, const char *what)
{
    if (!r->crowded)
        event_note(r->events, EVENT_DNS_RECURSION_CROWDED, loop_now(r->loop), "bound", what);
    r->crowded = true;
}

static void look_for_room(struct recursion *r)
{
    if (r->job_count < RECURSION_JOBS_MAX / 2 && r->client_count < RECURSION_CLIENTS_MAX / 2)
        r->crowded = false;
}

/* ---- jobs ------------------------------------------------------------------------------------------ */

static uint64_t hash_of(const struct recursion *r, const struct dns_name *name, uint16_t type)
{
    return hash_bytes(dns_name_span(name), r->seed ^ type);
}

static struct recursion_job *find_job(struct recursion *r, const struct dns_name *name, uint16_t type)
{
    uint64_t hash = hash_of(r, name, type);
    struct recursion_job *j = r->slots[hash % JOB_SLOTS];
    while (j && (j->hash != hash || j->resolution.type != type ||
                 !span_equal(dns_name_span(&j->resolution.first), dns_name_span(name))))
        j = j->chain;
    return j;
}

static void make_ready(struct recursion_job *j)
{
    struct recursion *r = j->recursion;
    if (!list_linked(&j->ready_node))
        list_append(&r->ready, &j->ready_node);
    loop_defer(r->loop, &r->run);
}

static void release_budget(struct resolve_budget *b)
{
    if (--b->holders == 0)
        free(b);
}

static struct resolve_budget *budget_new(void)
{
    struct resolve_budget *b = malloc(sizeof *b);
    if (b)
        *b = (struct resolve_budget){ .queries_left = RESOLVE_QUERIES_MAX };
    return b;
}

static void job_free(struct recursion_job *j)
{
    struct recursion *r = j->recursion;
    struct recursion_job **at = &r->slots[j->hash % JOB_SLOTS];
    while (*at != j)
        at = &(*at)->chain;
    *at = j->chain;
    list_remove(&j->ready_node);
    list_remove(&j->dependent_node);
    loop_disarm(r->loop, &j->deadline);
    if (j->exchange)
        dns_exchange_cancel(j->exchange);
    release_budget(j->resolution.budget);
    r->job_count--;
    free(j);
}

static void client_free(struct recursion *r, struct recursion_client *c)
{
    list_remove(&c->node);
    list_remove(&c->connection_node);
    r->client_count--;
    free(c);
    look_for_room(r);
}

/* A failure is remembered for a moment (RFC 9520), where it was found by the question's own means. */
static void remember_failure(struct recursion_job *j, enum resolve_fault fault, struct now now)
{
    struct cache_news n = { .name = dns_name_span(&j->resolution.first),
                            .type = j->resolution.type,
                            .kind = CACHE_FAILURE,
                            .count = (uint16_t)fault };
    if (fault != RESOLVE_FAULT_CACHED && j->resolution.depth == 0)
        cache_put(&j->recursion->cache, &n, now.mono_ms);
}

/* The one end of a job: its clients are told, those that wait for it go on. */
static void job_end(struct recursion_job *j, const char *failed, enum resolve_fault fault)
{
    struct recursion *r = j->recursion;
    struct now now = loop_now(r->loop);
    struct list clients;
    struct list_node *n;
    uint64_t began_ms = j->resolution.began_ms;
    list_open(&clients);
    while ((n = list_take(&j->clients))) /* ends: each is taken off */
        list_append(&clients, n);
    while ((n = list_take(&j->dependents))) { /* ends: each is taken off */
        struct recursion_job *waiting = list_item(n, struct recursion_job, dependent_node);
        waiting->needed = NULL;
        make_ready(waiting);
    }
    if (failed) {
        tell_failure(j, failed);
        remember_failure(j, fault, now);
    }
    job_free(j);
    while ((n = list_first(&clients))) { /* ends: each is given back */
        struct recursion_client *c = list_item(n, struct recursion_client, node);
        r->fn(r->owner, c, failed, (uint16_t)fault, began_ms);
        client_free(r, c);
    }
}

static void job_expired(struct timer *t, struct now now)
{
    struct recursion_job *j =
        (struct recursion_job *)(void *)((char *)t - offsetof(struct recursion_job, deadline));
    (void)now;
    job_end(j, "it took too long", j->resolution.heard ? RESOLVE_FAULT_NO_AUTHORITY : RESOLVE_FAULT_NETWORK);
}

/* NULL: the bound is reached, or there is no memory. */
static struct recursion_job *job_new(struct recursion *r, const struct dns_name *name, uint16_t type,
                                     unsigned depth, struct resolve_budget *budget)
{
    struct now now = loop_now(r->loop);
    if (r->job_count >= RECURSION_JOBS_MAX)
        tell_crowded(r, "resolutions");
    struct recursion_job *j = r->job_count < RECURSION_JOBS_MAX ? calloc(1, sizeof *j) : NULL;
    budget = j && !budget ? budget_new() : budget;
    if (!budget || !j) {
        free(j);
        return NULL;
    }
    budget->holders++;
    j->recursion = r;
    j->hash = hash_of(r, name, type);
    j->chain = r->slots[j->hash % JOB_SLOTS];
    r->slots[j->hash % JOB_SLOTS] = j;
    list_open(&j->clients);
    list_open(&j->dependents);
    j->deadline.fire = job_expired;
    resolve_open(&j->resolution, name, type, depth, budget, now.mono_ms);
    loop_arm(r->loop, &j->deadline, now.mono_ms + RECURSION_MS);
    r->job_count++;
    return j;
}

/* ---- wishes ------------------------------------------------------------------------------------------ */

static void exchanged(void *owner, const struct dns_exchange_result *x, struct now now)
{
    struct recursion_job *j = owner;
    struct resolve_world *w = &j->recursion->world;
    j->exchange = NULL;
    tell_exchange(j, x, now);
    if (x->outcome == DNS_EXCHANGE_RESPONSE)
        resolve_response(&j->resolution, w, x->message, x->round_ms, now.mono_ms);
    else
        resolve_lost(&j->resolution, w, x->outcome == DNS_EXCHANGE_UNREACHABLE, now.mono_ms);
    make_ready(j);
}

/* False: no memory. */
static bool ask(struct recursion_job *j)
{
    const struct resolve_wish *wish = &j->wish;
    struct dns_exchange_options o = { .server = wish->server,
                                      .question = wish->question,
                                      .flags = wish->recursion ? DNS_RD : 0,
                                      .edns = { .present = wish->edns, .udp_bytes = ENCODE_UDP_BYTES_MAX },
                                      .timeout_ms = wish->timeout_ms };
    j->exchange = dns_exchange_start(j->recursion->loop, &o, exchanged, j);
    return j->exchange != NULL;
}

/* Two that wait for each other would wait until the deadline. */
static bool waits_for(const struct recursion_job *j, const struct recursion_job *other)
{
    for (size_t i = 0; j && i <= RECURSION_JOBS_MAX; i++, j = j->needed) /* ends: nobody waits in a circle */
        if (j == other)
            return true;
    return false;
}

/* False: it cannot be looked up; the resolution goes on without it. */
static bool need(struct recursion_job *j)
{
    struct recursion *r = j->recursion;
    const struct dns_question *q = &j->wish.question;
    struct recursion_job *other = find_job(r, &q->name, q->type);
    if (other && waits_for(other, j))
        return false;
    if (!other) {
        other = job_new(r, &q->name, q->type, j->resolution.depth + 1, j->resolution.budget);
        if (!other)
            return false;
        make_ready(other);
    }
    j->needed = other;
    list_append(&other->dependents, &j->dependent_node);
    return true;
}

static void job_step(struct recursion_job *j)
{
    struct recursion *r = j->recursion;
    for (int i = 0; i < STEPS_MAX; i++) {
        resolve_step(&j->resolution, &r->world, loop_now(r->loop).mono_ms, &j->wish);
        if (j->wish.kind == RESOLVE_DONE) {
            job_end(j, j->wish.failed ? j->wish.why : NULL, j->wish.fault);
            return;
        }
        if (j->wish.kind == RESOLVE_NEED ? need(j) : ask(j))
            return;
        if (j->wish.kind == RESOLVE_ASK)
            break;
    }
    job_end(j, "out of memory", RESOLVE_FAULT_OTHER);
}

static void run_ready(struct deferred *d)
{
    struct recursion *r = (struct recursion *)(void *)((char *)d - offsetof(struct recursion, run));
    struct list now;
    struct list_node *n;
    list_open(&now);
    while ((n = list_take(&r->ready))) /* ends: what these make ready comes in the next turn */
        list_append(&now, n);
    while ((n = list_take(&now))) /* ends: each is taken off */
        job_step(list_item(n, struct recursion_job, ready_node));
}

/* ---- clients ------------------------------------------------------------------------------------------- */

struct recursion_client *recursion_client_new(struct recursion *r)
{
    if (r->client_count >= RECURSION_CLIENTS_MAX) {
        tell_crowded(r, "clients");
        return NULL;
    }
    struct recursion_client *c = calloc(1, sizeof *c);
    r->client_count += c != NULL;
    return c;
}

bool recursion_ask(struct recursion *r, struct recursion_client *c, const struct dns_name *missing)
{
    uint16_t type = c->query.question.type;
    struct recursion_job *j = find_job(r, missing, type);
    if (!j) {
        j = job_new(r, missing, type, 0, NULL);
        if (!j) {
            client_free(r, c);
            return false;
        }
        make_ready(j);
    }
    c->job = j;
    list_append(&j->clients, &c->node);
    return true;
}

/* What it asked for is found out all the same: others may ask, and the cache keeps it. */
void recursion_forget(struct recursion *r, struct recursion_client *c)
{
    client_free(r, c);
}

size_t recursion_waiting(const struct recursion *r)
{
    return r->client_count;
}

struct cache *recursion_cache(struct recursion *r)
{
    return &r->cache;
}

/* ---- its life ---------------------------------------------------------------------------------------------
 */

static void take_settings(struct recursion *r, const struct recursion_settings *s, struct zone *hints)
{
    r->hints = zone_hold(hints);
    r->world.hints = hints;
    r->world.forwards = s->forwards;
    r->world.forward_count = s->forward_count;
    r->world.port = s->port;
    r->cache.options.bytes_max = s->cache_bytes;
    r->cache.options.ttl_min_s = s->ttl_min_s;
    r->cache.options.ttl_max_s = s->ttl_max_s;
    r->cache.options.negative_max_s = s->negative_max_s;
}

struct recursion *recursion_open(struct loop *l, struct events *e, const struct recursion_settings *s,
                                 struct zone *hints, recursion_fn *fn, void *owner)
{
    struct recursion *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    struct cache_options o = { .bytes_max = s->cache_bytes, .seed = entropy_u64() };
    r->loop = l;
    r->events = e;
    r->fn = fn;
    r->owner = owner;
    r->seed = entropy_u64();
    rng_seed(&r->rng, entropy_u64());
    list_open(&r->ready);
    r->run.run = run_ready;
    r->world.servers = servers_open(entropy_u64());
    if (!r->world.servers || !cache_open(&r->cache, &o)) {
        servers_close(r->world.servers);
        free(r);
        return NULL;
    }
    r->world.cache = &r->cache;
    r->world.rng = &r->rng;
    r->world.room = r->room;
    take_settings(r, s, hints);
    return r;
}

void recursion_reload(struct recursion *r, const struct recursion_settings *s, struct zone *hints)
{
    zone_release(r->hints);
    take_settings(r, s, hints);
    for (size_t i = 0; i < JOB_SLOTS; i++)
        for (struct recursion_job *j = r->slots[i]; j; j = j->chain) {
            resolve_again(&j->resolution);
            if (!j->exchange)
                continue;
            dns_exchange_cancel(j->exchange);
            j->exchange = NULL;
            make_ready(j);
        }
}

static void job_drop(struct recursion_job *j)
{
    struct recursion *r = j->recursion;
    struct list_node *n;
    while ((n = list_first(&j->clients))) /* ends: each is taken off */
        client_free(r, list_item(n, struct recursion_client, node));
    while (list_take(&j->dependents)) /* ends: each is taken off */
        ;
    job_free(j);
}

void recursion_close(struct recursion *r)
{
    struct recursion_job *j;
    for (size_t i = 0; i < JOB_SLOTS; i++)
        while ((j = r->slots[i])) /* ends: each is taken off */
            job_drop(j);
    list_remove(&r->run.node);
    cache_close(&r->cache);
    servers_close(r->world.servers);
    zone_release(r->hints);
    free(r);
}
