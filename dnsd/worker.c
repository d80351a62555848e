#include "worker.h"

#include "ahead.h"

#include <pthread.h>
#include <stdlib.h>

#define HANDED_MAX                                                                                           \
    256 /* messages that wait for the main thread; more are dropped, as a full socket would                  \
         */

/* A message for the main thread. */
struct handed {
    struct endpoint peer, local;
    unsigned interface;
    size_t socket; /* of the service's */
    size_t length;
    bool is_cut;
    uint8_t bytes[DNSD_UDP_IN_BYTES];
};

struct worker_socket {
    struct worker *worker;
    struct udp *udp;
    size_t index;
};

struct worker {
    struct workers *all;
    struct loop loop;
    uv_thread_t thread;
    uv_async_t end;
    pthread_mutex_t gate; /* held while a batch is answered */
    struct worker_socket *sockets;
    size_t socket_count;
    bool running, end_open;
    struct counts counts; /* under the gate */
    struct load load;
    struct response response;
    struct known known;
};

struct workers {
    struct service *service;
    unsigned paused;
    size_t count;
    struct worker *workers;
    uv_async_t handing;
    pthread_mutex_t queue_gate; /* of what follows */
    size_t first, waiting;
    struct handed queue[HANDED_MAX];
};

/* ---- on a worker's thread ---------------------------------------------------------------------------------
 */

static void hand_over(struct worker *w, const struct worker_socket *k, const struct datagram *d)
{
    struct workers *all = w->all;
    pthread_mutex_lock(&all->queue_gate);
    if (all->waiting < HANDED_MAX && d->in.len <= DNSD_UDP_IN_BYTES) {
        struct handed *h = &all->queue[(all->first + all->waiting++) % HANDED_MAX];
        h->peer = d->peer;
        h->local = d->local;
        h->interface = d->interface;
        h->socket = k->index;
        h->length = d->in.len;
        h->is_cut = d->truncated;
        memcpy(h->bytes, d->in.at, d->in.len);
    }
    pthread_mutex_unlock(&all->queue_gate);
    uv_async_send(&all->handing);
}

/* Whether the zones alone decide, and nobody wants to hear of it. */
static bool is_answered(struct worker *w, const struct dns_query *q, struct datagram *d, struct now now)
{
    const struct service *s = w->all->service;
    struct tsig unused;
    struct mark empty = writer_mark(&d->out);
    if (s->home->events->level >= EVENT_TRAFFIC || d->truncated)
        return false;
    if (dns_query_has_records(q) && tsig_find(q->message, &unused) != TSIG_ABSENT)
        return false;
    w->response.edns = &s->edns;
    w->response.local = &d->local.address;
    w->response.rotates = s->settings->rotates;
    w->response.unix_ms = now.unix_ms;
    const struct view *view = views_choose(s, &d->peer.address, &d->local.address, NULL);
    enum respond_outcome outcome = respond(&view->zones, q, &d->peer.address, false, &d->out, &w->response);
    struct dnsd_who who = { &d->peer.address, &d->local.address, NULL };
    if (outcome == RESPOND_REPLY && !w->response.why) {
        if (dnsd_recurses_for(s, view, &who))
            dnsd_set_available(&d->out);
        if (s->limit && !limit_reply(s->limit, &w->response, d->peer.address, &d->out, now.mono_ms))
            writer_back_to(&d->out, empty);
        return true;
    }
    writer_back_to(&d->out, empty);
    return false;
}

static void note(struct worker *w, const struct batch *b, size_t i, const struct dns_query *q)
{
    struct counted counted = counted_of(&w->response, writer_length(&b->d[i].out) != 0);
    counts_take(&w->counts, EDNS_UDP, &counted);
    known_note(&w->known, w->all->service, b, i, q, &w->response);
}

static void answer_batch(void *self, struct udp *u, struct batch *b, struct now now)
{
    struct worker_socket *k = self;
    struct worker *w = k->worker;
    pthread_mutex_lock(&w->gate);
    w->response.crowded = load_is_above(&w->load, b->count, now.mono_ms, w->all->service->edns.cookies_above);
    known_give(&w->known, w->all->service, w->response.crowded, b, &w->counts);
    struct ahead ahead;
    const struct dns_query *q;
    ahead_begin(&ahead, w->all->service, b);
    for (size_t i; (q = ahead_next(&ahead, &i));)
        if (is_answered(w, q, &b->d[i], now))
            note(w, b, i, q);
        else
            hand_over(w, k, &b->d[i]);
    struct limit *limit = w->all->service->limit;
    if (limit && limit_untold(limit))
        uv_async_send(&w->all->handing);
    pthread_mutex_unlock(&w->gate);
    udp_send(u, b);
}

static void close_sockets(struct worker *w)
{
    for (size_t i = 0; w->sockets && i < w->socket_count; i++)
        if (w->sockets[i].udp)
            udp_close(w->sockets[i].udp);
}

static void ended(uv_async_t *a)
{
    struct worker *w = a->data;
    close_sockets(w);
    uv_close((uv_handle_t *)a, NULL);
    loop_stop(&w->loop);
}

static void run(void *self)
{
    struct worker *w = self;
    loop_run(&w->loop);
}

/* ---- on the main thread
 * ------------------------------------------------------------------------------------ */

static bool take_handed(struct workers *all, struct handed *out)
{
    pthread_mutex_lock(&all->queue_gate);
    bool any = all->waiting != 0;
    if (any) {
        *out = all->queue[all->first];
        all->first = (all->first + 1) % HANDED_MAX;
        all->waiting--;
    }
    pthread_mutex_unlock(&all->queue_gate);
    return any;
}

static void handed(uv_async_t *a)
{
    struct workers *all = a->data;
    struct service *s = all->service;
    struct handed h;
    if (s->limit)
        limit_tell(s->limit, s->home->events, loop_now(s->home->loop));
    for (size_t i = 0; i < HANDED_MAX && take_handed(all, &h); i++) {
        struct writer w = writer_over(s->out.bytes, ENCODE_UDP_BYTES_MAX);
        struct udp *u = s->sockets[h.socket].udp;
        struct dnsd_asker from = {
            .peer = &h.peer, .local = &h.local, .interface = h.interface, .udp = u, .is_cut = h.is_cut
        };
        struct dns_query query;
        dns_query_read(span_of(h.bytes, h.length), &query);
        dnsd_answer(s, &query, &from, &w, loop_now(s->home->loop));
        if (u && writer_length(&w))
            udp_send_one(u, &h.peer, &h.local, h.interface, writer_span(&w));
    }
}

static void lock(struct workers *all)
{
    if (!all || all->paused++)
        return;
    for (size_t i = 0; i < all->count; i++)
        pthread_mutex_lock(&all->workers[i].gate);
}

static void unlock(struct workers *all)
{
    if (!all || --all->paused)
        return;
    for (size_t i = 0; i < all->count; i++)
        pthread_mutex_unlock(&all->workers[i].gate);
}

void workers_wait(struct service *s)
{
    lock(s->workers);
}

void workers_go_on(struct service *s)
{
    unlock(s->workers);
}

void workers_pause(struct service *s)
{
    workers_wait(s);
    s->changes++;
}

void workers_resume(struct service *s)
{
    workers_go_on(s);
}

void workers_count(struct workers *all, struct counts *to)
{
    lock(all);
    for (size_t i = 0; all && i < all->count; i++)
        counts_move(to, &all->workers[i].counts);
    unlock(all);
}

static bool open_sockets(struct worker *w, struct problem *p)
{
    const struct service *s = w->all->service;
    w->socket_count = s->settings->listen_count;
    w->sockets = calloc(w->socket_count ? w->socket_count : 1, sizeof *w->sockets);
    if (!w->sockets)
        problem_set(p, "out of memory");
    for (size_t i = 0; w->sockets && i < w->socket_count; i++) {
        struct worker_socket *k = &w->sockets[i];
        struct udp_options o = dnsd_udp_options(s, udp_local(s->sockets[i].udp));
        *k = (struct worker_socket){ .worker = w, .index = i };
        k->udp = udp_open(&w->loop, &o, answer_batch, k, p);
        if (!k->udp)
            return false;
    }
    return w->sockets != NULL;
}

static bool start(struct worker *w, struct problem *p)
{
    pthread_mutex_init(&w->gate, NULL);
    int error = loop_open(&w->loop);
    if (!error)
        error = uv_async_init(&w->loop.uv, &w->end, ended);
    if (error) {
        problem_set(p, "cannot start a worker: %s", uv_strerror(error));
        return false;
    }
    w->end.data = w;
    w->end_open = true;
    if (!replies_open(&w->known.replies, w->all->service->seed)) {
        problem_set(p, "out of memory");
        return false;
    }
    if (!open_sockets(w, p))
        return false;
    error = uv_thread_create(&w->thread, run, w);
    w->running = !error;
    if (error)
        problem_set(p, "cannot start a worker: %s", uv_strerror(error));
    return !error;
}

static void end(struct worker *w)
{
    if (!w->all)
        return;
    if (w->running) {
        uv_async_send(&w->end);
        uv_thread_join(&w->thread);
    } else if (w->end_open) {
        ended(&w->end);
    }
    if (w->end_open)
        loop_close(&w->loop);
    free(w->sockets);
    replies_close(&w->known.replies);
    pthread_mutex_destroy(&w->gate);
}

static void handing_closed(uv_handle_t *h)
{
    free(h->data);
}

struct workers *workers_open(struct service *s, size_t count, struct problem *p)
{
    struct workers *all = calloc(1, sizeof *all);
    if (all)
        all->workers = calloc(count, sizeof *all->workers);
    if (!all || !all->workers) {
        problem_set(p, "out of memory");
        free(all);
        return NULL;
    }
    all->service = s;
    pthread_mutex_init(&all->queue_gate, NULL);
    uv_async_init(&s->home->loop->uv, &all->handing, handed);
    all->handing.data = all;
    for (; all->count < count; all->count++) {
        all->workers[all->count].all = all;
        if (!start(&all->workers[all->count], p)) {
            all->count++;
            workers_close(all);
            return NULL;
        }
    }
    return all;
}

void workers_close(struct workers *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->count; i++)
        end(&all->workers[i]);
    free(all->workers);
    pthread_mutex_destroy(&all->queue_gate);
    uv_close((uv_handle_t *)&all->handing, handing_closed);
}
