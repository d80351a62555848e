/* The shell around sessions and mailboxes: sockets, TLS, deadlines, threads. */
#include "perform.h"
#include "service.h"
#include "session.h"
#include "stream.h"
#include "watch.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REPLIES_BYTES    (2 * IMAP_SESSION_REPLY_MAX) /* leave together when a client pipelines */
#define LOGIN_TIMEOUT_MS 60000 /* until somebody has logged in; long enough for a person with openssl */
#define FAREWELLS_MAX    64    /* connections above max-connections that are told so; more are just closed */
#define TRY_BYTES        256

/* A piece of a FETCH waits until the one before it is nearly read: so the queue has a bound of its own. */
static const struct stream_limits limits = {
    .in_bytes_max = 64 * 1024,
    .out_bytes_high = 64 * 1024,
    .out_bytes_max = (size_t)4 << 30,
};

/* One configuration, for as long as a session lives by it. */
struct generation {
    struct imap_settings *settings;
    struct tls_context *tls;
    size_t users;
};

struct service {
    struct home *home;
    struct generation *current;
    struct listener **listeners;
    size_t listener_count, listener_tls_from; /* from there on TLS begins at once */
    struct list connections;
    size_t connection_count;
    char try[TRY_BYTES];
    bool draining, stopping;
};

struct connection {
    struct list_node node;
    struct service *service;
    struct generation *generation;
    struct stream *stream; /* NULL: closed */
    struct imap_session session;
    struct perform perform; /* the thread's while `working` */
    struct work work;
    struct watch *watch; /* while idling in a mailbox */
    size_t untaken;      /* bytes that the stream keeps for us */
    bool working;
    bool changed;      /* something happened in the mailbox while a thread was at work */
    bool pausing;      /* the next piece waits for the client to read */
    bool half_closed;  /* the client has sent all it wants to */
    bool greets_later; /* when TLS is there */
};

/* ---- generations --------------------------------------------------------------------------- */

static struct generation *generation_new(struct home *h, struct imap_settings *settings, struct problem *p)
{
    struct generation *g = calloc(1, sizeof *g);
    if (!g) {
        problem_set(p, "imapd: out of memory");
        return NULL;
    }
    g->tls = tls_server_context(h->tls, settings->hostname, settings->certificate, settings->key,
                                loop_now(h->loop), p);
    if (!g->tls) {
        free(g);
        return NULL;
    }
    g->settings = settings;
    g->users = 1;
    return g;
}

static void generation_leave(struct generation *g)
{
    if (--g->users > 0)
        return;
    tls_context_close(g->tls);
    if (g->settings)
        imap_settings_free(g->settings);
    free(g);
}

/* ---- events -------------------------------------------------------------------------------- */

static struct now now_of(const struct connection *c)
{
    return loop_now(c->service->home->loop);
}

static bool tell_begin(struct connection *c, struct event *ev, enum event_id id)
{
    if (!event_happens(c->service->home->events, id))
        return false;
    event_begin(ev, id, now_of(c));
    event_endpoint(ev, "peer", &c->session.peer);
    if (c->session.user)
        event_text(ev, "user", c->session.user->name);
    return true;
}

static void tell(struct connection *c, enum event_id id, const char *name, const char *text)
{
    struct event ev;
    if (!tell_begin(c, &ev, id))
        return;
    if (name)
        event_text(&ev, name, text);
    event_emit(c->service->home->events, &ev);
}

static void tell_tls(struct connection *c)
{
    struct event ev;
    if (!tell_begin(c, &ev, EVENT_IMAP_TLS))
        return;
    event_text(&ev, "tls", stream_tls_description(c->stream));
    if (stream_discarded(c->stream) > 0)
        event_number(&ev, "discarded", (int64_t)stream_discarded(c->stream));
    event_emit(c->service->home->events, &ev);
}

static void tell_appended(struct connection *c)
{
    struct event ev;
    if (!tell_begin(c, &ev, EVENT_IMAP_APPENDED))
        return;
    event_span(&ev, "mailbox", c->session.command.mailbox);
    event_number(&ev, "bytes", (int64_t)c->perform.appended_bytes);
    event_emit(c->service->home->events, &ev);
}

/* ---- replies ------------------------------------------------------------------------------- */

static void set_deadline(struct connection *c)
{
    uint64_t timeout_ms =
        c->session.state == IMAP_CONNECTED ? LOGIN_TIMEOUT_MS : c->generation->settings->idle_timeout_ms;
    stream_deadline(c->stream, c->working ? 0 : now_of(c).mono_ms + timeout_ms);
}

static void send_replies(struct connection *c, const struct writer *replies)
{
    if (!stream_write(c->stream, writer_span(replies)))
        stream_abort(c->stream); /* it reads none of them */
}

static void farewell(struct connection *c, enum imap_farewell why)
{
    uint8_t room[IMAP_SESSION_REPLY_MAX];
    struct writer replies = writer_over(room, sizeof room);
    imap_session_farewell(&c->session, why, &replies);
    send_replies(c, &replies);
    stream_finish(c->stream);
}

/* What the thread wrote goes out as it is. */
static void send_output(struct connection *c)
{
    struct output *o = &c->perform.out;
    struct span bytes = span_of(o->at, o->length);
    bool ok = !o->failed && (bytes.len == 0 || stream_write_shared(c->stream, bytes, free, o->at));
    if (bytes.len == 0 || !ok)
        free(o->at);
    *o = (struct output){ 0 };
    if (!ok)
        stream_abort(c->stream); /* out of memory: nothing true could be said */
}

/* ---- a connection's steps -------------------------------------------------------------------- */

/* Nothing of this client is under way and nothing more will come. */
static void end_if_done(struct connection *c)
{
    if (c->working || c->pausing || c->session.waiting != IMAP_NOTHING || stream_crowded(c->stream))
        return;
    if (c->half_closed || c->session.state == IMAP_ENDED)
        stream_finish(c->stream);
    else if (c->service->draining)
        farewell(c, IMAP_SHUTDOWN);
}

static void on_work(struct work *w)
{
    struct connection *c = (struct connection *)((char *)w - offsetof(struct connection, work));
    perform_run(&c->perform);
}

static void on_work_done(struct work *w);

static void begin_work(struct connection *c)
{
    const struct imap_user *u = c->session.user;
    snprintf(c->perform.root, sizeof c->perform.root, "%s%s%s",
             u->in_state ? c->service->home->state_directory : "", u->in_state ? "/" : "", u->maildir);
    c->working = true;
    c->changed = false;
    c->perform.now = now_of(c);
    c->work.run = on_work;
    c->work.done = on_work_done;
    work_start(c->service->home->loop, &c->work);
    set_deadline(c);
}

static void on_change(void *owner)
{
    struct connection *c = owner;
    c->changed = true;
    if (!c->working)
        begin_work(c);
}

static void stop_watching(struct connection *c)
{
    if (c->watch)
        watch_close(c->watch);
    c->watch = NULL;
}

/* IDLE: from now on changes are told; those until now at once. */
static void start_watching(struct connection *c)
{
    struct problem p = { 0 };
    if (c->session.state != IMAP_SELECTED)
        return;
    c->watch = watch_open(c->service->home->loop, c->perform.mailbox->path, on_change, c, &p);
    if (!c->watch)
        tell(c, EVENT_IMAP_MAILBOX_FAILED, "why", p.what);
    begin_work(c);
}

static void start_tls(struct connection *c)
{
    struct generation *g = c->generation;
    stream_start_tls(c->stream, g->tls);
    imap_session_close(&c->session);
    imap_session_open(&c->session, g->settings, c->service->home->events, stream_peer(c->stream), true);
}

static void act(struct connection *c, enum imap_effect effect)
{
    switch (effect) {
    case IMAP_NOTHING:
        break;
    case IMAP_PERFORM:
        c->perform.command = &c->session.command;
        begin_work(c);
        break;
    case IMAP_START_TLS:
        start_tls(c);
        break;
    case IMAP_WATCH:
        start_watching(c);
        break;
    case IMAP_UNWATCH:
        stop_watching(c);
        break;
    case IMAP_HANG_UP:
        stop_watching(c);
        stream_finish(c->stream);
    }
}

/* One step: some of the bytes, the replies to them, and at most one effect. False when it goes no further
 * now. */
static bool step(struct connection *c, struct span in, size_t *taken)
{
    uint8_t room[REPLIES_BYTES];
    struct writer replies = writer_over(room, sizeof room);
    struct imap_turn turn = imap_session_feed(&c->session, in, now_of(c), &replies);
    send_replies(c, &replies);
    act(c, turn.effect);
    *taken = turn.taken;
    return turn.taken > 0 || turn.effect != IMAP_NOTHING;
}

static size_t on_bytes(void *self, struct stream *s, struct span in)
{
    struct connection *c = self;
    size_t taken = 0, n = 0;
    bool secure = c->session.secure;
    while (taken < in.len && !c->working && !c->pausing && c->session.state != IMAP_ENDED &&
           c->session.secure == secure && !stream_crowded(s) && step(c, span_from(in, taken), &n))
        taken += n;
    c->untaken = c->session.secure == secure ? in.len - taken : 0;
    if (taken > 0)
        set_deadline(c);
    if (c->half_closed || c->service->draining)
        end_if_done(c);
    return taken;
}

/* ---- what the thread brings -------------------------------------------------------------------- */

/* The client's own bytes go on behind what it waited for. */
static void go_on(struct connection *c)
{
    set_deadline(c);
    if (c->untaken > 0)
        stream_resume(c->stream);
    else
        end_if_done(c);
}

static void connection_free(struct connection *c);

static void performed(struct connection *c)
{
    if (c->perform.appended_bytes > 0)
        tell_appended(c);
    c->perform.command = NULL;
    imap_session_performed(&c->session, c->perform.mailbox != NULL, c->perform.result, now_of(c));
}

static void on_work_done(struct work *w)
{
    struct connection *c = (struct connection *)((char *)w - offsetof(struct connection, work));
    c->working = false;
    if (!c->stream) {
        connection_free(c);
        return;
    }
    if (c->perform.failure[0])
        tell(c, EVENT_IMAP_MAILBOX_FAILED, "why", c->perform.failure);
    bool lost = c->perform.out.failed;
    send_output(c);
    if (lost)
        return;
    c->pausing = c->perform.more && stream_crowded(c->stream);
    if (c->perform.more && !c->pausing) {
        begin_work(c);
        return;
    }
    if (c->perform.command && !c->pausing)
        performed(c);
    if (c->watch && c->changed)
        begin_work(c);
    else
        go_on(c);
}

static void on_drained(void *self, struct stream *s)
{
    struct connection *c = self;
    if (c->pausing) {
        c->pausing = false;
        begin_work(c);
    } else {
        stream_resume(s);
    }
}

/* ---- a connection's life ------------------------------------------------------------------------ */

static void greet(struct connection *c)
{
    uint8_t room[IMAP_SESSION_REPLY_MAX];
    struct writer replies = writer_over(room, sizeof room);
    imap_session_greet(&c->session, &replies);
    send_replies(c, &replies);
}

static void on_secured(void *self, struct stream *s)
{
    struct connection *c = self;
    (void)s;
    tell_tls(c);
    if (c->greets_later)
        greet(c);
    set_deadline(c);
}

static void on_expired(void *self, struct stream *s)
{
    struct connection *c = self;
    if (c->pausing || (c->session.secure && !stream_secure(s))) {
        stream_abort(s); /* it reads nothing, or a handshake does not end: there is no way to say so */
        return;
    }
    tell(c, EVENT_IMAP_REJECTED, "reply", "nothing came for too long");
    farewell(c, IMAP_TIMEOUT);
}

static void on_half_closed(void *self, struct stream *s)
{
    struct connection *c = self;
    (void)s;
    c->half_closed = true;
    end_if_done(c);
}

static void end_if_stopped(struct service *s);

/* When both the stream and the thread are done with it. */
static void connection_free(struct connection *c)
{
    struct service *s = c->service;
    perform_close(&c->perform);
    imap_session_close(&c->session);
    list_remove(&c->node);
    generation_leave(c->generation);
    s->connection_count--;
    free(c);
    end_if_stopped(s);
}

static void on_closed(void *self, struct stream *stream, enum stream_end why)
{
    static const char *const words[] = { [STREAM_FINISHED] = "finished",
                                         [STREAM_PEER] = "the client closed",
                                         [STREAM_ABORTED] = "cut",
                                         [STREAM_ERROR] = "failed" };
    struct connection *c = self;
    tell(c, EVENT_IMAP_DISCONNECT, "end", why == STREAM_ERROR ? stream_error(stream) : words[why]);
    stop_watching(c);
    c->stream = NULL;
    if (!c->working)
        connection_free(c);
}

static const struct stream_owner connection_owner = { .bytes = on_bytes,
                                                      .drained = on_drained,
                                                      .secured = on_secured,
                                                      .expired = on_expired,
                                                      .half_closed = on_half_closed,
                                                      .closed = on_closed };

static struct connection *connection_new(struct service *s, int fd, const struct endpoint *peer, bool secure)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return NULL;
    }
    c->stream = stream_open(s->home->loop, fd, peer, &limits, &connection_owner, c);
    if (!c->stream) {
        free(c);
        return NULL;
    }
    c->service = s;
    c->generation = s->current;
    c->generation->users++;
    imap_session_open(&c->session, s->current->settings, s->home->events, peer, secure);
    perform_open(&c->perform);
    c->perform.unique = rng_next(&s->home->rng);
    list_append(&s->connections, &c->node);
    s->connection_count++;
    return c;
}

static bool is_tls_listener(const struct service *s, const struct listener *l)
{
    for (size_t i = s->listener_tls_from; i < s->listener_count; i++)
        if (s->listeners[i] == l)
            return true;
    return false;
}

static void on_connection(void *owner, struct listener *l, int fd, const struct endpoint *peer)
{
    struct service *s = owner;
    size_t most = s->current->settings->connections_max;
    bool tls = is_tls_listener(s, l), crowded = s->connection_count >= most;
    if (crowded && (tls || s->connection_count >= most + FAREWELLS_MAX)) {
        close(fd);
        return;
    }
    struct connection *c = connection_new(s, fd, peer, tls);
    if (!c)
        return;
    tell(c, EVENT_IMAP_CONNECT, NULL, NULL);
    set_deadline(c);
    if (crowded) {
        tell(c, EVENT_IMAP_REJECTED, "reply", "too many connections");
        farewell(c, IMAP_CROWDED);
    } else if (tls) {
        c->greets_later = true;
        stream_start_tls(c->stream, c->generation->tls);
    } else {
        greet(c);
    }
}

/* ---- the service --------------------------------------------------------------------------------- */

static void service_free(struct service *s)
{
    for (size_t i = 0; i < s->listener_count; i++)
        listener_close(s->listeners[i]);
    free(s->listeners);
    if (s->current)
        generation_leave(s->current);
    free(s);
}

static void end_if_stopped(struct service *s)
{
    if (s->stopping && s->connection_count == 0)
        service_free(s);
}

static bool open_listener(struct service *s, const struct endpoint *at, const char *try, struct problem *p)
{
    struct listener_options o = { .bind = *at, .events = s->home->events };
    struct listener *l = listener_open(s->home->loop, &o, on_connection, s, p);
    if (!l)
        return false;
    struct endpoint local = listener_local(l);
    s->listeners[s->listener_count++] = l;
    home_listening(s->home, "imapd", "tcp", &local, try);
    return true;
}

static bool open_listeners(struct service *s, struct problem *p)
{
    const struct imap_settings *x = s->current->settings;
    s->listeners = calloc(x->listen_count + x->listen_tls_count + 1, sizeof *s->listeners);
    if (!s->listeners) {
        problem_set(p, "imapd: out of memory");
        return false;
    }
    if (x->user_count > 0)
        snprintf(s->try, sizeof s->try, "curl -k --ssl-reqd -u %s 'imap://%%s:%%p/INBOX?ALL'",
                 x->users[0].name);
    for (size_t i = 0; i < x->listen_count; i++)
        if (!open_listener(s, &x->listen[i], s->try[0] ? s->try : NULL, p))
            return false;
    s->listener_tls_from = s->listener_count;
    for (size_t i = 0; i < x->listen_tls_count; i++)
        if (!open_listener(s, &x->listen_tls[i], "openssl s_client -crlf -quiet -connect %s:%p", p))
            return false;
    return true;
}

static void forget(void *settings)
{
    imap_settings_free(settings);
}

static void *configure(struct config *c, const struct config_section *section)
{
    return imapd_configure(c, section);
}

static struct service *start(struct home *h, void *settings, struct problem *p)
{
    struct service *s = calloc(1, sizeof *s);
    if (!s) {
        problem_set(p, "imapd: out of memory");
        return NULL;
    }
    s->home = h;
    list_open(&s->connections);
    s->current = generation_new(h, settings, p);
    if (s->current && open_listeners(s, p))
        return s;
    if (s->current)
        s->current->settings = NULL; /* they stay the caller's */
    service_free(s);
    return NULL;
}

static bool reload(struct service *s, void *settings, struct problem *p)
{
    struct generation *g = generation_new(s->home, settings, p);
    if (!g)
        return false;
    generation_leave(s->current);
    s->current = g;
    return true;
}

static void close_listeners(struct service *s)
{
    for (size_t i = 0; i < s->listener_count; i++)
        listener_close(s->listeners[i]);
    s->listener_count = s->listener_tls_from = 0;
}

static void drain(struct service *s)
{
    struct list_node *next;
    s->draining = true;
    close_listeners(s);
    for (struct list_node *n = list_first(&s->connections); n; n = next) {
        struct connection *c = list_item(n, struct connection, node);
        next = list_next(&s->connections, n);
        if (c->stream)
            end_if_done(c);
    }
}

static bool busy(const struct service *s)
{
    return s->connection_count > 0;
}

static void stop(struct service *s)
{
    s->stopping = true;
    close_listeners(s);
    for (struct list_node *n = list_first(&s->connections); n; n = list_next(&s->connections, n)) {
        struct connection *c = list_item(n, struct connection, node);
        if (c->stream)
            stream_abort(c->stream);
    }
    end_if_stopped(s);
}

const struct service_type imapd_service = {
    .name = "imapd",
    .summary = "lets people read their mail by IMAP",
    .keys = imapd_keys,
    .configure = configure,
    .forget = forget,
    .start = start,
    .reload = reload,
    .drain = drain,
    .busy = busy,
    .stop = stop,
};
