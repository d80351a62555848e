/* DNS over TCP (RFC 1035 4.2.2, RFC 7766) and over TLS (RFC 7858): messages behind two length octets, any
 * number in flight, answered in the order in which they came. */
#include "dnsd.h"

#include "condense.h"
#include "primary.h"

#include <stdlib.h>
#include <unistd.h>

#define LENGTH_BYTES   2
#define WAITING_MAX    64    /* questions of one connection that others must answer first */
#define STALL_MS       30000 /* a transfer whose receiver takes nothing for so long is given up */
#define CHANGES_ALWAYS 256   /* records: more than the zone has, and the zone goes whole (RFC 1995 4) */
#define OUT_BYTES_HIGH (256 * 1024) /* a few messages of a transfer */
#define OUT_BYTES_MAX  (OUT_BYTES_HIGH + 2 * (LENGTH_BYTES + DNS_MESSAGE_BYTES_MAX))

struct connection {
    struct service *service;
    struct stream *stream;
    struct list_node node;
    struct list waiting;  /* questions that others must answer first */
    struct list awaiting; /* changes that the disk must have first */
    bool transferring, peer_ended, over_tls;
    bool untaken;  /* the stream keeps a whole message that was offered and not taken */
    bool begun;    /* it keeps the beginning of one */
    uint64_t owed; /* octets that the peer had not taken when it was last looked at */
    struct transfer transfer;
    uint64_t transfer_key;       /* which zone it is: followers_key() */
    struct tsig_session session; /* of the transfer, where it is signed */
};

static void wait_for(struct connection *c, struct now now, uint64_t ms)
{
    struct service *s = c->service;
    stream_deadline(c->stream, now.mono_ms + ms);
    list_remove(&c->node);
    list_append(&s->connections, &c->node);
}

static bool owes_answers(const struct connection *c)
{
    return c->transferring || c->untaken || !list_empty(&c->waiting) || !list_empty(&c->awaiting);
}

/* A message that will never be whole: nobody can answer it. */
static void tell_if_begun(struct connection *c, const char *why)
{
    struct events *events = c->service->home->events;
    struct event ev;
    bool begun = c->begun;
    c->begun = false; /* it is told once */
    if (!begun || !event_happens_for(events, EVENT_DNS_IGNORED, why))
        return;
    event_begin(&ev, EVENT_DNS_IGNORED, loop_now(c->service->home->loop));
    event_endpoint(&ev, "client", stream_peer(c->stream));
    event_text(&ev, "protocol", c->over_tls ? "tls" : "tcp");
    event_text(&ev, "reason", why);
    event_emit(events, &ev);
}

/* Nothing is owed to the peer any more. */
static void finish_if_ending(struct connection *c)
{
    if (!(c->peer_ended || c->service->draining) || owes_answers(c))
        return;
    if (c->peer_ended)
        tell_if_begun(c, "the connection ended within it");
    stream_finish(c->stream);
}

/* Sends the reply that lies in service->out. False: the peer does not read, the connection is ended. */
static bool send_out(struct connection *c, const struct writer *message)
{
    struct dns_tcp_message *out = &c->service->out;
    struct writer length = writer_over(out->length, sizeof out->length);
    write_u16(&length, (uint16_t)writer_length(message));
    if (stream_write(c->stream, span_of(out, LENGTH_BYTES + writer_length(message))))
        return true;
    stream_abort(c->stream);
    return false;
}

/* ---- transfers ------------------------------------------------------------------------------- */

static void tell_transfer(struct connection *c, enum event_id id, struct now now)
{
    struct service *s = c->service;
    struct event ev;
    char name[DNS_NAME_TEXT_MAX];
    if (!event_happens(s->home->events, id))
        return;
    event_begin(&ev, id, now);
    dnsd_event_name(&ev, "zone", &c->transfer.query.question.name, name);
    event_endpoint(&ev, "client", stream_peer(c->stream));
    event_number(&ev, "serial", c->transfer.serial);
    event_number(&ev, "records", (int64_t)c->transfer.record_count);
    event_number(&ev, "messages", (int64_t)c->transfer.messages);
    event_emit(s->home->events, &ev);
}

static void end_transfer(struct connection *c, struct now now)
{
    bool over = transfer_over(&c->transfer);
    tell_transfer(c, over ? EVENT_DNS_TRANSFER : EVENT_DNS_TRANSFER_BROKEN, now);
    followers_fetched(&c->service->followers, c->transfer_key, &stream_peer(c->stream)->address,
                      c->transfer.serial, c->transfer.query.question.type == DNS_TYPE_IXFR, !over,
                      now.unix_ms);
    c->transferring = false;
    transfer_end(&c->transfer);
    tsig_close(&c->session);
}

/* As many messages as the queue takes. */
static void pump_transfer(struct connection *c, struct now now)
{
    while (!transfer_over(&c->transfer) &&
           !stream_crowded(c->stream)) { /* ends: the queue fills, or the zone ends */
        struct writer w = writer_over(c->service->out.bytes, sizeof c->service->out.bytes);
        writer_reserve(&w, tsig_bytes(&c->session));
        transfer_next(&c->transfer, &w);
        writer_release(&w, tsig_bytes(&c->session));
        if (tsig_is_open(&c->session))
            tsig_sign(&c->session, &w, (uint64_t)now.unix_ms / 1000);
        if (!send_out(c, &w))
            return;
    }
    c->owed = stream_owed(c->stream);
    wait_for(c, now, STALL_MS);
    if (!transfer_over(&c->transfer))
        return;
    end_transfer(c, now);
    wait_for(c, now, c->service->settings->tcp_idle_ms);
    finish_if_ending(c);
}

/* The whole zone, or what changed since the asker's serial. */
static void begin_transfer(struct connection *c, struct view *view)
{
    struct service *s = c->service;
    const struct response *r = &s->response;
    struct change *const *changes = NULL;
    size_t count = 0;
    c->session = s->session;
    s->session = (struct tsig_session){ 0 };
    if (r->query->question.type == DNS_TYPE_IXFR && !r->soa_alone)
        count = primary_changes(view->primary, &r->query->lower, r->query->serial, &changes);
    transfer_begin(&c->transfer, r->zone, r->query, r->soa_alone);
    c->transfer_key = followers_key(s->seed, view->name, &r->query->lower);
    if (!count)
        return;
    struct change *one = condense(changes, count, CONDENSE_RECORDS_MAX);
    if (one)
        changes = &one;
    if (!one || one->removed.count + one->added.count <= r->zone->record_count + CHANGES_ALWAYS)
        transfer_changes(&c->transfer, changes, one ? 1 : count);
    change_release(one);
}

/* ---- messages -------------------------------------------------------------------------------- */

/* False: the connection is ended. */
static bool take_message(struct connection *c, struct span message, struct now now)
{
    struct service *s = c->service;
    struct writer w = writer_over(s->out.bytes, sizeof s->out.bytes);
    struct dnsd_asker from = { .peer = stream_peer(c->stream),
                               .local = stream_local(c->stream),
                               .connection = c,
                               .over_tls = c->over_tls };
    struct dns_query query;
    dns_query_read(message, &query);
    enum respond_outcome outcome = dnsd_answer(s, &query, &from, &w, now);
    if (outcome == RESPOND_TRANSFER) {
        begin_transfer(c, from.view);
        c->transferring = true;
        pump_transfer(c, now);
        return true;
    }
    return outcome != RESPOND_REPLY || send_out(c, &w);
}

void dnsd_connection_waits(struct connection *c, struct recursion_client *client)
{
    list_append(&c->waiting, &client->connection_node);
}

/* Replies may overtake each other (RFC 7766 6.2.1.1). */
void dnsd_connection_reply(struct connection *c, struct recursion_client *client, const struct writer *reply)
{
    list_remove(&client->connection_node);
    if (!send_out(c, reply))
        return;
    finish_if_ending(c);
    stream_resume(c->stream);
}

void dnsd_connection_awaits(struct connection *c, struct dnsd_awaiting *a)
{
    a->connection = c;
    list_append(&c->awaiting, &a->node);
}

static struct connection *stop_awaiting(struct dnsd_awaiting *a)
{
    struct connection *c = a->connection;
    list_remove(&a->node);
    a->connection = NULL;
    return c;
}

void dnsd_connection_send(struct dnsd_awaiting *a, const struct writer *reply)
{
    struct connection *c = stop_awaiting(a);
    if (!send_out(c, reply))
        return;
    finish_if_ending(c);
    stream_resume(c->stream);
}

static bool waits_enough(const struct connection *c)
{
    size_t count = 0;
    for (struct list_node *n = list_first(&c->waiting); n; n = list_next(&c->waiting, n))
        count++; /* ends: at WAITING_MAX no more are taken */
    for (struct list_node *n = list_first(&c->awaiting); n; n = list_next(&c->awaiting, n))
        count++; /* as above */
    return count >= WAITING_MAX;
}

/* The next message; false when it is not all there. The length may come in a segment of its own. */
static bool read_message(struct reader *r, struct span *message)
{
    struct reader ahead = *r;
    size_t len = read_u16(&ahead);
    *message = read_span(&ahead, len);
    if (!reader_ok(&ahead))
        return false;
    *r = ahead;
    return true;
}

/* What comes after a transfer waits for its end, so order is kept. */
static bool takes_more(const struct connection *c)
{
    return !c->transferring && !stream_crowded(c->stream) && !waits_enough(c);
}

static size_t bytes(void *self, struct stream *stream, struct span in)
{
    struct connection *c = self;
    struct reader r = reader_over(in), ahead = r;
    struct span message;
    struct now now = loop_now(c->service->home->loop);
    (void)stream;
    while ((c->untaken = read_message(&ahead, &message)) && takes_more(c)) { /* ends: each turn takes one */
        r = ahead;
        if (!take_message(c, message, now))
            return in.len;
    }
    if (reader_offset(&r) && !c->transferring)
        wait_for(c, now, c->service->settings->tcp_idle_ms);
    c->begun = !c->untaken && reader_offset(&r) < in.len;
    finish_if_ending(c);
    return reader_offset(&r);
}

static void drained(void *self, struct stream *stream)
{
    struct connection *c = self;
    if (c->transferring)
        pump_transfer(c, loop_now(c->service->home->loop));
    if (!c->transferring)
        stream_resume(stream);
}

/* In its handshake nothing is owed to the peer; else it gets what is, for as long as it takes some of it. Who
 * waits for an answer is not idle. */
static void expired(void *self, struct stream *stream)
{
    struct connection *c = self;
    uint64_t owed = stream_owed(stream), again_ms = c->service->settings->tcp_idle_ms;
    bool queued = stream_queued(stream) > 0;
    if ((c->over_tls && !stream_secure(stream)) || (queued && owed == c->owed)) {
        stream_abort(stream);
    } else if (queued || owes_answers(c)) {
        c->owed = owed;
        again_ms = c->transferring ? STALL_MS : again_ms;
        stream_deadline(stream, loop_now(c->service->home->loop).mono_ms + again_ms);
    } else {
        tell_if_begun(c, "not all of it came in time");
        stream_finish(stream);
    }
}

static void half_closed(void *self, struct stream *stream)
{
    struct connection *c = self;
    (void)stream;
    c->peer_ended = true;
    finish_if_ending(c);
}

static void tell_handshake(struct connection *c)
{
    struct events *events = c->service->home->events;
    struct event ev;
    if (!event_happens(events, EVENT_DNS_TLS_FAILED))
        return;
    event_begin(&ev, EVENT_DNS_TLS_FAILED, loop_now(c->service->home->loop));
    event_endpoint(&ev, "client", stream_peer(c->stream));
    event_text(&ev, "reason", stream_error(c->stream));
    event_emit(events, &ev);
}

static void closed(void *self, struct stream *stream, enum stream_end why)
{
    struct connection *c = self;
    struct service *s = c->service;
    if (c->over_tls && why == STREAM_ERROR && !stream_secure(stream))
        tell_handshake(c);
    for (struct list_node *n; (n = list_first(&c->waiting));) /* ends: each is taken off */
        recursion_forget(s->recursion, list_item(n, struct recursion_client, connection_node));
    for (struct list_node *n; (n = list_first(&c->awaiting));) /* as above */
        stop_awaiting(list_item(n, struct dnsd_awaiting, node));
    list_remove(&c->node);
    s->connection_count--;
    if (c->transferring)
        end_transfer(c, loop_now(s->home->loop));
    free(c);
    dnsd_free_if_done(s);
}

static const struct stream_owner owner = {
    .bytes = bytes, .drained = drained, .expired = expired, .half_closed = half_closed, .closed = closed
};

/* The one that was silent longest; it leaves the list now and is told later. */
static void make_room(struct service *s)
{
    struct list_node *n = list_take(&s->connections);
    if (n)
        stream_abort(list_item(n, struct connection, node)->stream);
}

void dnsd_accept(void *self, struct listener *l, int fd, const struct endpoint *peer)
{
    static const struct stream_limits limits = { LENGTH_BYTES + DNS_MESSAGE_BYTES_MAX, OUT_BYTES_HIGH,
                                                 OUT_BYTES_MAX };
    struct service *s = self;
    struct connection *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return;
    }
    c->service = s;
    list_open(&c->waiting);
    list_open(&c->awaiting);
    c->stream = stream_open(s->home->loop, fd, peer, &limits, &owner, c);
    if (!c->stream) {
        free(c);
        return;
    }
    c->over_tls = dnsd_is_tls(s, l);
    if (c->over_tls)
        stream_start_tls(c->stream, s->tls);
    if (s->connection_count++ >= s->connections_max)
        make_room(s);
    wait_for(c, loop_now(s->home->loop), s->settings->tcp_idle_ms);
}

void dnsd_drain_connections(struct service *s)
{
    for (struct list_node *n = list_first(&s->connections); n; n = list_next(&s->connections, n))
        finish_if_ending(list_item(n, struct connection, node));
}

bool dnsd_connections_busy(const struct service *s)
{
    for (struct list_node *n = list_first(&s->connections); n; n = list_next(&s->connections, n)) {
        const struct connection *c = list_item(n, struct connection, node);
        if (owes_answers(c) || stream_queued(c->stream))
            return true;
    }
    return false;
}

void dnsd_abort_connections(struct service *s)
{
    for (struct list_node *n = list_first(&s->connections); n; n = list_next(&s->connections, n))
        stream_abort(list_item(n, struct connection, node)->stream);
}
