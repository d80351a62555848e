/* The shell around sessions and spool: sockets, TLS, deadlines. The only file here that knows streams. */
#include "service.h"
#include "session.h"
#include "smtpd.h"
#include "spool.h"
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define REPLIES_BYTES (2 * SMTP_SESSION_REPLY_MAX) /* leave together when a client pipelines */
#define ROOM_WAIT_MS  30000 /* how long DATA waits for others' messages to be delivered, then 452 */
#define FAREWELLS_MAX 64    /* connections above max-connections that are told so; more are just closed */
#define TRY_BYTES     512

static const struct stream_limits limits = {
    .in_bytes_max = 16 * 1024,   /* several of the longest lines */
    .out_bytes_high = 16 * 1024, /* replies that a client does not read: it gets no more until it does */
    .out_bytes_max = 64 * 1024,
};

/* One configuration, for as long as a session lives by it. */
struct generation {
    struct smtp_settings *settings;
    struct tls_context *tls; /* NULL: nothing here needs it */
    size_t users;
};

struct service {
    struct home *home;
    struct generation *current;
    struct spool *spool;
    struct listener **listeners;
    size_t listener_count, listener_tls_from; /* from there on TLS begins at once */
    struct list connections, waiting_for_room;
    size_t connection_count;
    char try[TRY_BYTES];
    bool draining, stopping, spool_closed;
};

struct connection {
    struct list_node node, waiting;
    struct service *service;
    struct generation *generation;
    struct stream *stream;
    struct smtp_session session;
    struct message *message;
    size_t untaken;    /* bytes that the stream keeps for us */
    bool half_closed;  /* the client has sent all it wants to */
    bool blocked;      /* the disk is behind with the text */
    bool greets_later; /* when TLS is there */
};

/* ---- generations --------------------------------------------------------------------------- */

static struct generation *generation_new(struct home *h, struct smtp_settings *settings, struct problem *p)
{
    struct generation *g = calloc(1, sizeof *g);
    bool needs_tls = (settings->offered & SMTP_OFFER_STARTTLS) || settings->listen_tls_count > 0;
    if (!g) {
        problem_set(p, "smtpd: out of memory");
        return NULL;
    }
    if (needs_tls)
        g->tls = tls_server_context(h->tls, settings->hostname, settings->certificate, settings->key,
                                    loop_now(h->loop), p);
    if (needs_tls && !g->tls) {
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
    if (g->tls)
        tls_context_close(g->tls);
    if (g->settings)
        smtp_settings_free(g->settings);
    free(g);
}

/* ---- events -------------------------------------------------------------------------------- */

static bool tell_begin(struct connection *c, struct event *ev, enum event_id id)
{
    if (!event_happens(c->service->home->events, id))
        return false;
    event_begin(ev, id, loop_now(c->service->home->loop));
    event_endpoint(ev, "peer", stream_peer(c->stream));
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
    if (!tell_begin(c, &ev, EVENT_SMTP_TLS))
        return;
    event_text(&ev, "tls", stream_tls_description(c->stream));
    if (stream_discarded(c->stream) > 0)
        event_number(&ev, "discarded", (int64_t)stream_discarded(c->stream));
    event_emit(c->service->home->events, &ev);
}

static void tell_queued(struct connection *c, const struct message *m)
{
    struct event ev;
    if (!tell_begin(c, &ev, EVENT_SMTP_QUEUED))
        return;
    event_text(&ev, "id", m->id);
    event_span(&ev, "from", m->trace.sender);
    event_text(&ev, "to", m->recipients[0].address); /* the first that was named */
    event_number(&ev, "recipients", (int64_t)m->recipient_count);
    event_number(&ev, "bytes", (int64_t)m->bytes);
    event_text(&ev, "protocol", smtp_session_protocol(&c->session));
    event_emit(c->service->home->events, &ev);
}

/* ---- a connection's steps -------------------------------------------------------------------- */

static struct now now_of(const struct connection *c)
{
    return loop_now(c->service->home->loop);
}

static void set_deadline(struct connection *c)
{
    uint64_t timeout_ms = c->generation->settings->timeout_ms;
    stream_deadline(c->stream, c->session.waiting == SMTP_STORE ? 0 : now_of(c).mono_ms + timeout_ms);
}

static void send_replies(struct connection *c, const struct writer *replies)
{
    if (!stream_write(c->stream, writer_span(replies)))
        stream_abort(c->stream); /* it reads none of them */
}

static void farewell(struct connection *c, enum smtp_farewell why)
{
    uint8_t room[SMTP_SESSION_REPLY_MAX];
    struct writer replies = writer_over(room, sizeof room);
    smtp_session_farewell(&c->session, why, &replies);
    send_replies(c, &replies);
    stream_finish(c->stream);
}

static void bring_result(struct connection *c, enum smtp_result result, const char *id)
{
    uint8_t room[SMTP_SESSION_REPLY_MAX];
    struct writer replies = writer_over(room, sizeof room);
    smtp_session_result(&c->session, result, span_text(id), now_of(c), &replies);
    send_replies(c, &replies);
}

/* Nothing of this client is under way and nothing more will come. */
static void end_if_done(struct connection *c)
{
    if (c->session.waiting != SMTP_NOTHING || c->blocked || stream_crowded(c->stream))
        return;
    if (c->half_closed)
        stream_finish(c->stream);
    else if (c->service->draining && smtp_session_idle(&c->session))
        farewell(c, SMTP_SHUTDOWN);
}

/* A result came from elsewhere than the client's own bytes: what waited behind it goes on. */
static void go_on(struct connection *c)
{
    set_deadline(c);
    if (c->untaken > 0)
        stream_resume(c->stream);
    else
        end_if_done(c);
}

static void drop_message(struct connection *c)
{
    if (c->message)
        message_drop(c->message);
    c->message = NULL;
}

static void begin_message(struct connection *c)
{
    drop_message(c);
    c->message = spool_begin(c->service->spool, c);
    if (c->message) {
        bring_result(c, SMTP_OK, "");
        return;
    }
    list_append(&c->service->waiting_for_room, &c->waiting);
    stream_deadline(c->stream, now_of(c).mono_ms + ROOM_WAIT_MS);
}

static void start_tls(struct connection *c)
{
    struct generation *g = c->generation;
    bring_result(c, g->tls ? SMTP_OK : SMTP_FAILED, "");
    if (!g->tls)
        return;
    stream_start_tls(c->stream, g->tls);
    smtp_session_close(&c->session);
    smtp_session_open(&c->session, g->settings, c->service->home->events, stream_peer(c->stream), true);
}

static void act(struct connection *c, enum smtp_effect effect)
{
    switch (effect) {
    case SMTP_NOTHING:
        break;
    case SMTP_BEGIN:
        begin_message(c);
        break;
    case SMTP_STORE:
        message_store(c->message, &c->session, now_of(c));
        break;
    case SMTP_FLUSH:
        bring_result(c, spool_flush(c->service->spool, c->session.flush) ? SMTP_OK : SMTP_FAILED, "");
        break;
    case SMTP_START_TLS:
        start_tls(c);
        break;
    case SMTP_DROP:
        drop_message(c);
        break;
    case SMTP_HANG_UP:
        stream_finish(c->stream);
    }
}

/* Room for the text of a message, if one is coming; false when the disk must catch up first. */
static bool text_room(struct connection *c, struct writer *text)
{
    *text = (struct writer){ 0 };
    c->blocked = c->message && c->session.state == SMTP_DATA && !message_room(c->message, text);
    return !c->blocked;
}

/* One step: some of the bytes, the replies to them, and at most one effect. False when it goes no further
 * now. */
static bool step(struct connection *c, struct span in, size_t *taken)
{
    uint8_t room[REPLIES_BYTES];
    struct writer replies = writer_over(room, sizeof room), text;
    if (!text_room(c, &text))
        return false;
    struct smtp_turn turn = smtp_session_feed(&c->session, in, now_of(c), &replies, &text);
    if (c->message && writer_length(&text) > 0)
        message_grew(c->message, writer_length(&text));
    send_replies(c, &replies);
    act(c, turn.effect);
    *taken = turn.taken;
    return turn.taken > 0 || turn.effect != SMTP_NOTHING;
}

static size_t on_bytes(void *self, struct stream *s, struct span in)
{
    struct connection *c = self;
    size_t taken = 0, n = 0;
    bool secure = c->session.secure;
    while (taken < in.len && c->session.waiting == SMTP_NOTHING && c->session.state != SMTP_ENDED &&
           c->session.secure == secure && !stream_crowded(s) && step(c, span_from(in, taken), &n))
        taken += n;
    c->untaken = c->session.secure == secure ? in.len - taken : 0;
    if (taken > 0 && !list_linked(&c->waiting))
        set_deadline(c);
    if (c->half_closed || c->service->draining)
        end_if_done(c);
    return taken;
}

/* ---- what comes back -------------------------------------------------------------------------- */

static void on_room(void *owner, struct message *m)
{
    struct connection *c = owner;
    (void)m;
    c->blocked = false;
    go_on(c);
}

static void on_stored(void *owner, struct message *m, enum smtp_result result)
{
    struct connection *c = owner;
    if (result == SMTP_OK)
        tell_queued(c, m);
    c->message = NULL;
    bring_result(c, result, m->id);
    go_on(c);
}

/* Others' messages were delivered: those who wait go on, in the order in which they came. */
static void on_drained(void *self)
{
    struct service *s = self;
    struct list_node *n;
    while ((n = list_first(&s->waiting_for_room))) {
        struct connection *c = list_item(n, struct connection, waiting);
        c->message = spool_begin(s->spool, c);
        if (!c->message)
            return;
        list_remove(n);
        bring_result(c, SMTP_OK, "");
        go_on(c);
    }
}

static const struct spool_owner spool_owner = { .room = on_room, .stored = on_stored, .drained = on_drained };

/* ---- a connection's life ------------------------------------------------------------------------ */

static void on_drained_stream(void *self, struct stream *s)
{
    (void)self;
    stream_resume(s);
}

static void greet(struct connection *c)
{
    uint8_t room[SMTP_SESSION_REPLY_MAX];
    struct writer replies = writer_over(room, sizeof room);
    smtp_session_greet(&c->session, &replies);
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
    if (list_linked(&c->waiting)) {
        list_remove(&c->waiting);
        bring_result(c, SMTP_FULL, "");
        go_on(c);
    } else if (c->session.secure && !stream_secure(s)) {
        stream_abort(s); /* a handshake that does not end: there is no way to say so */
    } else {
        tell(c, EVENT_SMTP_REJECTED, "reply", "nothing came for too long");
        farewell(c, SMTP_TIMEOUT);
    }
}

static void on_half_closed(void *self, struct stream *s)
{
    struct connection *c = self;
    (void)s;
    c->half_closed = true;
    end_if_done(c);
}

static void end_if_stopped(struct service *s);

static void on_closed(void *self, struct stream *stream, enum stream_end why)
{
    static const char *const words[] = { [STREAM_FINISHED] = "finished",
                                         [STREAM_PEER] = "the client closed",
                                         [STREAM_ABORTED] = "cut",
                                         [STREAM_ERROR] = "failed" };
    struct connection *c = self;
    struct service *s = c->service;
    tell(c, EVENT_SMTP_DISCONNECT, "end", why == STREAM_ERROR ? stream_error(stream) : words[why]);
    drop_message(c);
    smtp_session_close(&c->session);
    list_remove(&c->node);
    list_remove(&c->waiting);
    generation_leave(c->generation);
    s->connection_count--;
    free(c);
    end_if_stopped(s);
}

static const struct stream_owner connection_owner = { .bytes = on_bytes,
                                                      .drained = on_drained_stream,
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
    smtp_session_open(&c->session, s->current->settings, s->home->events, peer, secure);
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
    tell(c, EVENT_SMTP_CONNECT, NULL, NULL);
    set_deadline(c);
    if (crowded) {
        tell(c, EVENT_SMTP_REJECTED, "reply", "too many connections");
        farewell(c, SMTP_CROWDED);
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
    if (s->stopping && s->spool_closed && s->connection_count == 0)
        service_free(s);
}

static void on_spool_closed(void *self)
{
    struct service *s = self;
    s->spool_closed = true;
    end_if_stopped(s);
}

static bool open_listener(struct service *s, const struct endpoint *at, const char *try, struct problem *p)
{
    struct listener_options o = { .bind = *at, .events = s->home->events };
    struct listener *l = listener_open(s->home->loop, &o, on_connection, s, p);
    if (!l)
        return false;
    struct endpoint local = listener_local(l);
    s->listeners[s->listener_count++] = l;
    home_listening(s->home, "smtpd", "tcp", &local, try);
    return true;
}

static bool open_listeners(struct service *s, struct problem *p)
{
    const struct smtp_settings *x = s->current->settings;
    s->listeners = calloc(x->listen_count + x->listen_tls_count + 1, sizeof *s->listeners);
    if (!s->listeners) {
        problem_set(p, "smtpd: out of memory");
        return false;
    }
    if (x->domain_count > 0 && x->domains[0].mailbox_count > 0)
        snprintf(s->try, sizeof s->try, "swaks --server %%s --port %%p --to %s@%s",
                 x->domains[0].mailboxes[0], x->domains[0].name);
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
    smtp_settings_free(settings);
}

static void *configure(struct config *c, const struct config_section *section)
{
    return smtpd_configure(c, section);
}

static void stop(struct service *s);

static struct service *start(struct home *h, void *settings, struct problem *p)
{
    struct service *s = calloc(1, sizeof *s);
    if (!s) {
        problem_set(p, "smtpd: out of memory");
        return NULL;
    }
    s->home = h;
    list_open(&s->connections);
    list_open(&s->waiting_for_room);
    s->current = generation_new(h, settings, p);
    s->spool = s->current ? spool_open(h, settings, &spool_owner, s, p) : NULL;
    if (s->spool && open_listeners(s, p))
        return s;
    if (s->current)
        s->current->settings = NULL; /* they stay the caller's */
    if (s->spool)
        stop(s);
    else
        service_free(s);
    return NULL;
}

static bool reload(struct service *s, void *settings, struct problem *p)
{
    struct generation *g = generation_new(s->home, settings, p);
    if (!g)
        return false;
    spool_configure(s->spool, settings);
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
    spool_drain(s->spool);
    for (struct list_node *n = list_first(&s->connections); n; n = next) {
        next = list_next(&s->connections, n);
        end_if_done(list_item(n, struct connection, node));
    }
}

static bool busy(const struct service *s)
{
    return s->connection_count > 0 || spool_busy(s->spool);
}

static void stop(struct service *s)
{
    s->stopping = true;
    close_listeners(s);
    for (struct list_node *n = list_first(&s->connections); n; n = list_next(&s->connections, n)) {
        struct connection *c = list_item(n, struct connection, node);
        drop_message(c);
        stream_abort(c->stream);
    }
    spool_close(s->spool, on_spool_closed);
}

const struct service_type smtpd_service = {
    .name = "smtpd",
    .summary = "receives mail by SMTP and delivers it to Maildirs",
    .keys = smtpd_keys,
    .configure = configure,
    .forget = forget,
    .start = start,
    .reload = reload,
    .drain = drain,
    .busy = busy,
    .stop = stop,
};
