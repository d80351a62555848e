#include "stage.h"

#include "clock.h"
#include "stream.h"
#include "text.h"
#include "tls.h"
#include "udp.h"

#include <net/if.h>
#include <stdlib.h>

#define ARENA_CHUNK   (64 * 1024)
#define ARENA_MAX     (64 * 1024 * 1024)
#define QUEUE_BYTES   (32 * 1024 * 1024) /* a client sends what its step says, however long */
#define DATAGRAM_MOST 65535
#define TURNS_MAX     100000 /* of a client that wants to send at once again: a message in small segments */

/* A client of a host: the pure one, and its sockets. */
struct actor {
    struct stage *stage;
    const struct scenario_step *step;
    struct client *client;
    struct arena arena;
    struct stream *stream;
    size_t stream_count; /* that are not closed yet: with those that it has left */
    struct udp *socket;
    struct timer due, deadline;
    bool ending, over, failed;
    char server_text[ADDRESS_TEXT_MAX]; /* whom TLS is begun with, where no name is given */
    uint8_t out[CLIENT_OUT_BYTES];
};

static const struct stream_limits limits = { .in_bytes_max = CLIENT_IN_BYTES_MAX,
                                             .out_bytes_high = QUEUE_BYTES / 2,
                                             .out_bytes_max = QUEUE_BYTES };
static const struct stream_owner owner;

static void tell(struct actor *a, enum client_event event, struct span in, size_t *taken);

/* ---- ends ---------------------------------------------------------------------------------------------- */

static void leave(struct actor *a)
{
    a->over = true;
    loop_stop(&a->stage->loop);
}

static void fail(struct actor *a)
{
    a->failed = true;
    leave(a);
}

/* In order: what was written goes out, and the connection's end is waited for. */
static void end(struct actor *a)
{
    a->ending = true;
    if (a->stream)
        stream_finish(a->stream);
    else
        leave(a);
}

/* ---- sockets ----------------------------------------------------------------------------------------------
 */

static void batch_came(void *self, struct udp *u, struct batch *b, struct now now)
{
    struct actor *a = self;
    (void)now;
    for (size_t i = 0; i < b->count && !a->over && !a->ending; i++) {
        size_t taken = 0;
        tell(a, CLIENT_BYTES, b->d[i].in, &taken);
    }
    udp_send(u, b);
}

/* Link-local and multicast addresses need the interface that they are of. */
static struct endpoint reachable(const struct endpoint *to)
{
    struct endpoint e = *to;
    bool link_local = e.address.bytes[0] == 0xfe && (e.address.bytes[1] & 0xc0) == 0x80;
    if (e.address.family == FAMILY_IP6 && (link_local || e.address.bytes[0] == 0xff))
        e.scope = if_nametoindex(PLAY_INTERFACE);
    return e;
}

static bool send_datagram(struct actor *a, struct span bytes)
{
    struct endpoint to = reachable(&a->client->server);
    struct udp_options o = { .bind = { .address = { .family = to.address.family },
                                       .port = a->client->local_port },
                             .interface = a->client->local_port ? PLAY_INTERFACE : NULL,
                             .in_bytes = DATAGRAM_MOST,
                             .out_bytes = DATAGRAM_MOST };
    if (!a->socket)
        a->socket = udp_open(&a->stage->loop, &o, batch_came, a, a->stage->problem);
    if (!a->socket)
        return false;
    if (udp_send_one(a->socket, &to, NULL, to.scope, bytes))
        return true;
    char text[ENDPOINT_TEXT_MAX];
    problem_set(a->stage->problem, "no datagram could be sent to %s", endpoint_format(&to, text));
    problem_remedy(a->stage->problem, "give the host an address, or a route, for that: route NETWORK/LENGTH");
    return false;
}

static void hang_up(struct actor *a)
{
    if (a->stream)
        stream_finish(a->stream); /* its owner is told, and finds another one in its place */
    if (a->socket)
        udp_close(a->socket);
    a->stream = NULL;
    a->socket = NULL;
}

static bool start_tls(struct actor *a)
{
    struct stage *g = a->stage;
    if (!g->tls)
        g->tls = tls_client_context(NULL, NULL, g->problem);
    address_format(a->client->server.address, a->server_text);
    if (g->tls)
        stream_start_tls_to(a->stream, g->tls, a->client->tls_name ? a->client->tls_name : a->server_text);
    return g->tls != NULL;
}

/* ---- what the client wants
 * ---------------------------------------------------------------------------------- */

/* Sends, and does what was wanted. True when the client is to be told *next at once. */
static bool grant(struct actor *a, enum client_wish wish, struct span out, enum client_event *next)
{
    struct problem *p = a->stage->problem;
    if (a->stream && out.len && !stream_write(a->stream, out)) {
        problem_set(p, "more was to be sent than fits (%d bytes)", QUEUE_BYTES);
        fail(a);
        return false;
    }
    switch (wish) {
    case CLIENT_WAIT:
        break;
    case CLIENT_AGAIN:
        if (a->stream)
            stream_flush(a->stream);
        *next = CLIENT_SENT;
        return true;
    case CLIENT_DATAGRAM:
        if (!send_datagram(a, out))
            fail(a);
        break;
    case CLIENT_CONNECT:
        hang_up(a);
        struct endpoint to = reachable(&a->client->server);
        a->stream = stream_connect(&a->stage->loop, NULL, &to, &limits, &owner, a);
        *next = CLIENT_CONNECTED; /* what it writes waits until that is true; a failure ends the stream */
        a->stream_count += a->stream != NULL;
        return a->stream != NULL;
    case CLIENT_TLS:
        if (!a->stream || !start_tls(a))
            fail(a);
        break;
    case CLIENT_DONE:
        end(a);
        break;
    case CLIENT_FAILED:
        *p = a->client->problem;
        fail(a);
        break;
    }
    return false;
}

static void tell(struct actor *a, enum client_event event, struct span in, size_t *taken)
{
    struct loop *l = &a->stage->loop;
    bool again = true;
    for (int turn = 0; again && turn < TURNS_MAX; turn++) {
        struct writer out = writer_over(a->out, sizeof a->out);
        enum client_wish wish = a->client->type->step(a->client, event, in, taken, loop_now(l), &out);
        if (!writer_ok(&out)) {
            problem_set(a->stage->problem, "the client's message is longer than %d bytes", CLIENT_OUT_BYTES);
            fail(a);
            return;
        }
        again = grant(a, wish, writer_span(&out), &event);
        if (event != CLIENT_BYTES)
            in = (struct span){ in.at, 0 };
    }
    if (a->client->due_ms && !a->ending && !a->over)
        loop_arm(l, &a->due, a->client->due_ms);
    else
        loop_disarm(l, &a->due);
}

/* ---- what happens
 * -------------------------------------------------------------------------------------------- */

static size_t bytes_came(void *self, struct stream *s, struct span in)
{
    struct actor *a = self;
    size_t all = 0;
    if (s != a->stream || a->over || a->ending)
        return in.len;
    for (size_t taken = 1;
         taken && in.len && s == a->stream && !a->over && !a->ending;) { /* bytes get less */
        taken = 0;
        tell(a, CLIENT_BYTES, in, &taken);
        in = span_from(in, taken);
        all += taken;
    }
    return all;
}

static void secured(void *self, struct stream *s)
{
    struct actor *a = self;
    size_t none = 0;
    if (s == a->stream && !a->over && !a->ending)
        tell(a, CLIENT_SECURED, (struct span){ a->out, 0 }, &none);
}

static void half_closed(void *self, struct stream *s)
{
    struct actor *a = self;
    size_t none = 0;
    if (s == a->stream && !a->over && !a->ending)
        tell(a, CLIENT_CLOSED, (struct span){ a->out, 0 }, &none);
    if (s == a->stream)
        stream_close(s);
}

static void closed(void *self, struct stream *s, enum stream_end why)
{
    struct actor *a = self;
    a->stream_count--;
    if (s != a->stream)
        return;
    a->stream = NULL;
    if (why == STREAM_ERROR && !a->over && !a->ending) {
        char text[ENDPOINT_TEXT_MAX];
        problem_set(a->stage->problem, "the connection to %s failed: %s",
                    endpoint_format(stream_peer(s), text), stream_error(s));
        fail(a);
    } else if (a->ending) {
        leave(a);
    }
}

static void expired(void *self, struct stream *s)
{
    (void)self;
    (void)s;
}

static const struct stream_owner owner = {
    .bytes = bytes_came, .secured = secured, .expired = expired, .half_closed = half_closed, .closed = closed
};

static void due(struct timer *t, struct now now)
{
    struct actor *a = list_item(t, struct actor, due);
    size_t none = 0;
    (void)now;
    a->client->due_ms = 0;
    if (!a->over && !a->ending)
        tell(a, CLIENT_DUE, (struct span){ a->out, 0 }, &none);
}

static void deadline_passed(struct timer *t, struct now now)
{
    struct actor *a = list_item(t, struct actor, deadline);
    const struct scenario_host *h = &a->stage->s->hosts[a->step->host];
    (void)now;
    problem_set(a->stage->problem, "host \"%.*s\" was not done after %u ms: %s", (int)h->name.len,
                (const char *)h->name.at, (unsigned)a->step->within_ms,
                a->ending ? "its connection does not end" : a->client->type->fault(a->client));
    problem_remedy(a->stage->problem, "see below what crossed the wire and what the servers said");
    fail(a);
}

/* ---- a step
 * ---------------------------------------------------------------------------------------------------- */

static bool begin(struct actor *a)
{
    struct client *c = arena_array(&a->arena, 1, a->step->type->bytes);
    if (!c) {
        problem_set(a->stage->problem, "out of memory");
        return false;
    }
    a->client = c;
    *c = (struct client){ .type = a->step->type,
                          .settings = a->step->settings,
                          .setting_count = a->step->setting_count,
                          .arena = &a->arena,
                          .memory = a->stage->memory[a->step->host] };
    memcpy(c->hardware, a->stage->s->hosts[a->step->host].hardware, sizeof c->hardware);
    rng_seed(&c->rng, entropy_u64());
    return true;
}

static void run(struct actor *a)
{
    struct loop *l = &a->stage->loop;
    size_t none = 0;
    loop_arm(l, &a->deadline, loop_now(l).mono_ms + a->step->within_ms);
    tell(a, CLIENT_BEGIN, (struct span){ a->out, 0 }, &none);
    loop_run(l); /* when it is over already, this forgets that the loop is to stop */
    loop_disarm(l, &a->due);
    loop_disarm(l, &a->deadline);
    if (a->socket)
        udp_close(a->socket);
    if (a->stream)
        stream_abort(a->stream);
    while (
        a->stream_count) /* each turn brings an end nearer: a stream waits for its peer for a moment only */
        loop_turn(l, true);
}

/* What the client was given, the interface has. */
static bool settle(struct actor *a, struct netlink *n)
{
    const struct client *c = a->client;
    if (c->leaves.address.family &&
        !netlink_remove_address(n, PLAY_INTERFACE, c->leaves.address, c->leaves.bits, a->stage->problem))
        return false;
    return !c->gets.address.family ||
           netlink_add_address(n, PLAY_INTERFACE, c->gets.address, c->gets.bits, a->stage->problem);
}

bool act_client(struct stage *g, struct netlink *n, const struct scenario_step *step)
{
    struct actor *a = calloc(1, sizeof *a);
    if (!a) {
        problem_set(g->problem, "out of memory");
        return false;
    }
    a->stage = g;
    a->step = step;
    a->due.fire = due;
    a->deadline.fire = deadline_passed;
    arena_open(&a->arena, ARENA_CHUNK, ARENA_MAX);
    bool ok = begin(a);
    if (ok)
        run(a);
    ok = ok && a->over && !a->failed && settle(a, n);
    arena_close(&a->arena);
    free(a);
    return ok;
}

/* ---- waiting for an event
 * ----------------------------------------------------------------------------------- */

struct watcher {
    struct stage *stage;
    const struct scenario_step *step;
    struct timer deadline;
    bool seen;
};

static bool is_told(struct stage *g, const struct scenario_step *step)
{
    return hostlog_find(&g->logs[step->host], step->event, step->event_fields, step->event_field_count);
}

static void look(void *self)
{
    struct watcher *w = self;
    w->seen = w->seen || is_told(w->stage, w->step);
    if (w->seen)
        loop_stop(&w->stage->loop);
}

static void waited_long(struct timer *t, struct now now)
{
    struct watcher *w = list_item(t, struct watcher, deadline);
    const struct scenario_host *h = &w->stage->s->hosts[w->step->host];
    (void)now;
    problem_set(w->stage->problem, "the servers of host \"%.*s\" did not tell %.*s within %u ms",
                (int)h->name.len, (const char *)h->name.at, (int)w->step->event.len,
                (const char *)w->step->event.at, (unsigned)w->step->within_ms);
    problem_remedy(w->stage->problem, "see below what they said");
    loop_stop(&w->stage->loop);
}

bool act_await(struct stage *g, const struct scenario_step *step)
{
    struct watcher w = { .stage = g, .step = step, .deadline.fire = waited_long };
    struct hostlog *h = &g->logs[step->host];
    w.seen = is_told(
        g, step); /* then the loop does not run, and must not be told to stop: the next step's would */
    if (!w.seen) {
        h->wake = look;
        h->owner = &w;
        loop_arm(&g->loop, &w.deadline, loop_now(&g->loop).mono_ms + step->within_ms);
        loop_run(&g->loop);
        loop_disarm(&g->loop, &w.deadline);
        h->owner = NULL;
    }
    return w.seen;
}
