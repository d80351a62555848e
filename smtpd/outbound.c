#include "outbound.h"

#include "spool_file.h"
#include "text.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define COMMANDS_BYTES (16 * 1024) /* commands that leave together */
#define PIECE_BYTES    (16 * 1024) /* of a text, encoded at once */
#define READ_BYTES     (64 * 1024) /* of a text's file */

static const struct stream_limits limits = {
    .in_bytes_max = 64 * 1024, /* replies to a whole pipeline */
    .out_bytes_high = 128 * 1024,
    .out_bytes_max = 1024 * 1024, /* a text from memory goes in one piece, its dots doubled */
};

struct outbound {
    struct list_node node; /* first: relay.c casts it */
    struct relay *relay;
    struct queue_destination *to;
    struct route_hop hop;

    /* where it goes */
    struct route_exchanger hosts[ROUTE_HOSTS_MAX];
    size_t host_count, host_at;
    struct address addresses[OUTBOUND_ADDRESSES_MAX];
    size_t address_count, address_at;
    struct dns_name asked;
    struct resolver_question *question;
    struct deferred begin;

    /* the dialogue */
    struct stream *stream;
    struct client_session session;
    struct tls_context *tls;
    enum client_tls tls_use;       /* lowered when a handshake fails and clear will do */
    struct client_verdict failure; /* why there is no use in it; code 0: nothing failed */
    bool answered;                 /* a host was ready for messages */
    bool ending;
    char own_name[SMTP_DOMAIN_MAX + 1];

    /* the message in hand */
    struct relay_job *job;
    struct client_mail mail;
    struct client_recipient recipients[CLIENT_RECIPIENTS_MAX];
    size_t positions[CLIENT_RECIPIENTS_MAX];
    uint8_t trace[MAIL_TRACE_MAX];
    size_t trace_len;

    /* its text, when it is in a file */
    struct work work;
    bool reading, closed; /* closed: only the read is still under way */
    char path[PATH_MAX];
    uint8_t *piece;
    size_t piece_len;
    uint64_t read_at;
    int read_error;
};

static struct now now_of(const struct outbound *o)
{
    return loop_now(o->relay->home->loop);
}

static const char *host_of(const struct outbound *o)
{
    return o->host_at < o->host_count ? o->hosts[o->host_at].host : NULL;
}

static void tell_ready(struct outbound *o)
{
    struct events *events = o->relay->home->events;
    struct event ev;
    if (!event_happens(events, EVENT_SMTP_NEXT_HOST))
        return;
    event_begin(&ev, EVENT_SMTP_NEXT_HOST, now_of(o));
    event_endpoint(&ev, "peer", stream_peer(o->stream));
    event_text(&ev, "host", host_of(o));
    event_text(&ev, "destination", o->hop.key);
    if (stream_secure(o->stream))
        event_text(&ev, "tls", stream_tls_description(o->stream));
    event_emit(events, &ev);
}

/* ---- the end --------------------------------------------------------------------------------- */

/* The recipients of the message in hand have their verdicts. */
static void conclude(struct outbound *o)
{
    struct relay_job *j = o->job;
    o->job = NULL;
    if (j)
        relay_concluded(o->relay, j, &o->mail, o->positions, host_of(o), o->session.offered & SMTP_OFFER_DSN);
}

static void free_now(struct outbound *o)
{
    o->closed = true;
    if (o->reading)
        return;
    free(o->piece);
    free(o);
}

/* The one end: nothing of it is under way but perhaps a read. */
static void close_now(struct outbound *o)
{
    struct relay *r = o->relay;
    list_remove(&o->node);
    list_remove(&o->begin.node);
    if (o->question)
        resolver_cancel(o->question);
    if (!spool_leave(r->spool)) { /* the spool is closing: what was under way is still on the disk */
        free_now(o);
        return;
    }
    conclude(o);
    bool useless = !o->answered && o->failure.code;
    if (useless)
        relay_unreachable(r, o->to, &o->failure, host_of(o));
    relay_disconnected(r, o->to, !useless);
    free_now(o);
}

static void fail(struct outbound *o, unsigned code, const char *status, const char *text)
{
    client_verdict_set(&o->failure, code, status, text);
    close_now(o);
}

void outbound_end(struct outbound *o)
{
    o->ending = true;
    if (o->stream)
        stream_abort(o->stream); /* closed() comes later */
    else
        close_now(o);
}

void outbound_drain(struct outbound *o)
{
    o->ending = true;
    if (!o->job)
        outbound_end(o);
}

/* ---- which host ------------------------------------------------------------------------------- */

static void connect_next(struct outbound *o);
static void find_addresses(struct outbound *o);

static void next_host(struct outbound *o)
{
    if (o->host_at + 1 < o->host_count) {
        o->host_at++;
        find_addresses(o);
    } else {
        close_now(o);
    }
}

static void ask(struct outbound *o, const char *name, uint16_t type, resolver_fn *fn)
{
    if (!o->relay->resolver || dns_name_from_text(span_text(name), NULL, &o->asked) != NULL)
        fail(o, 451, "4.4.4", "There are no resolvers to find the host with");
    else if (!(o->question = resolver_ask(o->relay->resolver, &o->asked, type, fn, o)))
        fail(o, 451, "4.4.3", "Too many questions to the resolvers are under way");
}

static void add_addresses(struct outbound *o, const struct resolver_answer *a)
{
    for (size_t i = 0; i < a->count && o->address_count < OUTBOUND_ADDRESSES_MAX; i++)
        o->addresses[o->address_count++] = a->records[i].address;
}

static void on_ip6(void *owner, const struct resolver_answer *a)
{
    struct outbound *o = owner;
    o->question = NULL;
    add_addresses(o, a);
    if (o->address_count > 0) {
        connect_next(o);
        return;
    }
    bool certain = a->status != RESOLVER_FAILED && o->hop.by_mx && o->host_count == 1 &&
                   strcmp(o->hosts[0].host, o->hop.host) == 0; /* neither MX nor address: no such domain */
    if (certain)
        client_verdict_set(&o->failure, 550, "5.1.2", "The domain has neither MX nor address in DNS");
    else
        client_verdict_set(&o->failure, 451, a->status == RESOLVER_FAILED ? "4.4.3" : "4.4.4",
                           a->status == RESOLVER_FAILED ? "No DNS server answered for the address of the host"
                                                        : "The host has no address in DNS");
    next_host(o);
}

static void on_ip4(void *owner, const struct resolver_answer *a)
{
    struct outbound *o = owner;
    o->question = NULL;
    add_addresses(o, a);
    ask(o, host_of(o), DNS_TYPE_AAAA, on_ip6);
}

static void find_addresses(struct outbound *o)
{
    o->address_count = o->address_at = 0;
    if (address_parse(span_text(host_of(o)), &o->addresses[0])) {
        o->address_count = 1;
        connect_next(o);
    } else {
        ask(o, host_of(o), DNS_TYPE_A, on_ip4);
    }
}

static void one_host(struct outbound *o)
{
    snprintf(o->hosts[0].host, sizeof o->hosts[0].host, "%s", o->hop.host);
    o->host_count = 1;
    find_addresses(o);
}

static void take_exchanger(struct route_exchanger *e, const struct resolver_record *r)
{
    struct writer w = writer_over(e->host, sizeof e->host - 1);
    write_dns_name_text(&w, dns_name_span(&r->host));
    size_t n = writer_length(&w);
    e->preference = r->preference;
    if (n > 0 && e->host[n - 1] == '.')
        n--;
    e->host[n] = '\0';
}

static void use_exchangers(struct outbound *o, const struct resolver_answer *a)
{
    struct route_exchanger all[RESOLVER_RECORDS_MAX];
    size_t count = a->count;
    for (size_t i = 0; i < count; i++)
        take_exchanger(&all[i], &a->records[i]);
    switch (smtp_route_order(all, &count, o->own_name, &o->relay->home->rng)) {
    case ROUTE_MX_NONE: /* RFC 7505 4.2 */
        fail(o, 556, "5.1.10", "The domain says that it takes no mail (null MX)");
        return;
    case ROUTE_MX_LOOP:
        fail(o, 554, "5.4.6", "By its MX the domain is ours, and it is not configured here: mail would loop");
        return;
    case ROUTE_MX_USE:
        o->host_count = count < ROUTE_HOSTS_MAX ? count : ROUTE_HOSTS_MAX;
        memcpy(o->hosts, all, o->host_count * sizeof all[0]);
        find_addresses(o);
    }
}

static void on_mx(void *owner, const struct resolver_answer *a)
{
    struct outbound *o = owner;
    o->question = NULL;
    switch (a->status) {
    case RESOLVER_FOUND:
        use_exchangers(o, a);
        break;
    case RESOLVER_NO_DATA: /* the implicit MX, RFC 5321 5.1 */
        one_host(o);
        break;
    case RESOLVER_NO_NAME:
        fail(o, 550, "5.1.2", "There is no such domain in DNS");
        break;
    case RESOLVER_FAILED:
        fail(o, 451, "4.4.3", a->why ? a->why : "No DNS server answered for the domain's MX");
    }
}

/* ---- a message ---------------------------------------------------------------------------------- */

static void put(struct outbound *o, const struct writer *w)
{
    if (!stream_write(o->stream, writer_span(w)))
        stream_abort(o->stream);
}

static void set_deadline(struct outbound *o)
{
    stream_deadline(o->stream, now_of(o).mono_ms + client_session_timeout_ms(&o->session));
}

/* The last message of this connection, as far as can be seen: QUIT leaves with its final dot. */
static void end_text(struct outbound *o)
{
    uint8_t room[64];
    struct writer w = writer_over(room, sizeof room);
    client_session_text_end(&o->session, &w, o->ending || !mail_queue_has_more(o->to));
    put(o, &w);
    set_deadline(o);
}

static void send_text(struct outbound *o, struct span text)
{
    uint8_t room[PIECE_BYTES];
    while (text.len > 0) { /* each turn encodes some */
        struct writer w = writer_over(room, sizeof room);
        text = span_from(text, client_session_text(&o->session, text, &w));
        put(o, &w);
    }
    set_deadline(o);
}

static void read_piece(struct work *w)
{
    struct outbound *o = (struct outbound *)(void *)((char *)w - offsetof(struct outbound, work));
    ssize_t n = spool_file_read(o->path, o->read_at, o->piece, READ_BYTES);
    o->read_error = n < 0 ? errno : 0;
    o->piece_len = n < 0 ? 0 : (size_t)n;
}

static void read_more(struct outbound *o)
{
    o->reading = true;
    spool_enter(o->relay->spool);
    work_start(o->relay->home->loop, &o->work);
}

static void piece_came(struct work *w)
{
    struct outbound *o = (struct outbound *)(void *)((char *)w - offsetof(struct outbound, work));
    o->reading = false;
    bool open = spool_leave(o->relay->spool), closed = o->closed;
    if (closed)
        free_now(o);
    if (closed || !open)
        return;
    struct message *m = o->job ? o->job->message : NULL;
    if (!m || o->session.state != CLIENT_AT_TEXT)
        return;
    o->read_at += o->piece_len;
    if (o->read_error || (o->piece_len == 0 && o->read_at < m->bytes)) {
        client_session_lost(&o->session, "The text could not be read from the spool");
        stream_abort(o->stream); /* without the final dot nothing of it counts */
        return;
    }
    send_text(o, span_of(o->piece, o->piece_len));
    if (o->read_at >= m->bytes)
        end_text(o);
    else if (!stream_crowded(o->stream))
        read_more(o);
}

static void begin_text(struct outbound *o)
{
    struct message *m = o->job->message;
    send_text(o, span_of(o->trace, o->trace_len));
    if (!m->in_file) {
        send_text(o, span_of(m->body, m->body_len));
        end_text(o);
        return;
    }
    if (!o->piece && !(o->piece = malloc(READ_BYTES))) {
        client_session_lost(&o->session, "There was no memory to read the text");
        stream_abort(o->stream);
        return;
    }
    snprintf(o->path, sizeof o->path, "%s", m->path);
    o->read_at = 0;
    o->work.run = read_piece;
    o->work.done = piece_came;
    read_more(o);
}

/* Our Received line; who else gets the message is told to nobody (RFC 5321 7.2). */
static void write_trace(struct outbound *o)
{
    struct message *m = o->job->message;
    struct mail_trace t = m->trace;
    struct writer w = writer_over(o->trace, sizeof o->trace);
    t.recipient = span_text(m->recipient_count == 1 ? m->recipients[0].address : "");
    mail_write_received(&w, &t);
    o->trace_len = writer_length(&w);
    o->mail.bytes = o->trace_len + m->bytes;
}

/* The next message; CLIENT_CONCLUDED when the host cannot have it, CLIENT_ENDED when there is none. */
static enum client_effect send_next(struct outbound *o, struct writer *w)
{
    struct queue_job *q = o->ending ? NULL : mail_queue_take(o->to);
    if (!q) {
        client_session_quit(&o->session, w);
        return CLIENT_MORE;
    }
    o->job = (struct relay_job *)(void *)((char *)q - offsetof(struct relay_job, queued));
    relay_fill(o->job, &o->mail, o->recipients, o->positions);
    write_trace(o);
    return client_session_send(&o->session, &o->mail, w);
}

/* ---- the dialogue ------------------------------------------------------------------------------- */

static void became_ready(struct outbound *o)
{
    if (o->answered)
        return;
    o->answered = true;
    mail_queue_answered(o->to);
    tell_ready(o);
}

/* Does what the session asks for, and what that asks for in turn. */
static void act(struct outbound *o, enum client_effect effect, struct writer *w)
{
    while (effect == CLIENT_READY ||
           effect == CLIENT_CONCLUDED) { /* each turn takes a message, or none is left */
        if (effect == CLIENT_READY)
            became_ready(o);
        else
            conclude(o);
        effect = o->session.state == CLIENT_AT_READY && writer_room(w) >= CLIENT_COMMAND_MAX ? send_next(o, w)
                                                                                             : CLIENT_MORE;
    }
    put(o, w);
    if (effect == CLIENT_TEXT)
        begin_text(o);
    else if (effect == CLIENT_START_TLS)
        stream_start_tls_to(o->stream, o->tls, host_of(o));
    else if (effect == CLIENT_ENDED)
        stream_finish(o->stream);
}

static size_t on_bytes(void *self, struct stream *s, struct span in)
{
    struct outbound *o = self;
    size_t taken = 0;
    enum client_effect effect = CLIENT_MORE;
    bool more = true;
    (void)s;
    while (more && effect != CLIENT_START_TLS && effect != CLIENT_ENDED && taken < in.len) {
        uint8_t room[COMMANDS_BYTES];
        struct writer w = writer_over(room, sizeof room);
        size_t n;
        effect = client_session_feed(&o->session, span_from(in, taken), &w, &n);
        act(o, effect, &w);
        taken += n;
        more = n > 0;
    }
    if (effect != CLIENT_ENDED && taken > 0) /* a reply that comes in drops gains no time */
        set_deadline(o);
    return taken;
}

static void on_secured(void *self, struct stream *s)
{
    struct outbound *o = self;
    uint8_t room[CLIENT_COMMAND_MAX];
    struct writer w = writer_over(room, sizeof room);
    (void)s;
    client_session_secured(&o->session, &w);
    put(o, &w);
    set_deadline(o);
}

static void on_drained(void *self, struct stream *s)
{
    struct outbound *o = self;
    (void)s;
    if (o->session.state == CLIENT_AT_TEXT && o->job && o->job->message->in_file && !o->reading) {
        set_deadline(o);
        read_more(o);
    }
}

static void on_expired(void *self, struct stream *s)
{
    struct outbound *o = self;
    client_session_lost(&o->session, o->session.state == CLIENT_AT_GREETING
                                         ? "The host does not answer"
                                         : "The host took too long to reply");
    stream_abort(s);
}

/* Another address, or the same in clear, while nobody has been ready for messages. */
static bool tries_on(struct outbound *o, enum stream_end why)
{
    if (o->answered || o->ending || o->relay->stopped)
        return false;
    if (o->session.state == CLIENT_AT_HANDSHAKE && o->tls_use == CLIENT_TLS_OPPORTUNISTIC &&
        why == STREAM_ERROR) {
        o->tls_use = CLIENT_TLS_NONE;
        o->address_at--; /* connect_next() goes on by one */
    } else {
        o->tls_use = o->hop.tls;
    }
    return true;
}

static void on_closed(void *self, struct stream *s, enum stream_end why)
{
    struct outbound *o = self;
    char words[CLIENT_VERDICT_MAX];
    snprintf(words, sizeof words, "%s",
             why == STREAM_ERROR ? stream_error(s) : "The host closed the connection");
    bool again = tries_on(o, why);
    o->stream = NULL;
    client_session_lost(&o->session, words);
    if (o->session.failure.code)
        o->failure = o->session.failure;
    if (o->failure.code / 100 == 5 &&
        !o->answered) { /* a host that wants nothing today may want it tomorrow */
        o->failure.code = 450;
        o->failure.status[0] = '4';
    }
    if (again)
        connect_next(o);
    else
        close_now(o);
}

static const struct stream_owner owner = { .bytes = on_bytes,
                                           .drained = on_drained,
                                           .secured = on_secured,
                                           .expired = on_expired,
                                           .closed = on_closed };

static void connect_next(struct outbound *o)
{
    if (o->address_at >= o->address_count) {
        next_host(o);
        return;
    }
    struct endpoint to = { .address = o->addresses[o->address_at++], .port = o->hop.port };
    client_session_open(&o->session, o->own_name, o->tls_use);
    o->stream = stream_connect(o->relay->home->loop, NULL, &to, &limits, &owner, o);
    if (!o->stream)
        fail(o, 451, "4.3.1", "There was no memory for a connection");
    else
        set_deadline(o);
}

static bool prepare_tls(struct outbound *o)
{
    struct problem p = { { 0 }, { 0 } };
    if (o->hop.tls == CLIENT_TLS_NONE || (o->tls = relay_tls(o->relay, &o->hop, &p)))
        return true;
    if (o->hop.tls == CLIENT_TLS_REQUIRED) {
        fail(o, 454, "4.7.5", p.what[0] ? p.what : "TLS is not possible here");
        return false;
    }
    o->hop.tls = o->tls_use = CLIENT_TLS_NONE;
    return true;
}

static void begin(struct deferred *d)
{
    struct outbound *o = list_item(d, struct outbound, begin);
    if (!prepare_tls(o))
        return;
    if (o->hop.by_mx)
        ask(o, o->hop.host, DNS_TYPE_MX, on_mx);
    else
        one_host(o);
}

struct outbound *outbound_open(struct relay *r, struct queue_destination *to)
{
    struct outbound *o = calloc(1, sizeof *o);
    if (!o) {
        relay_disconnected(r, to, false);
        return NULL;
    }
    o->relay = r;
    o->to = to;
    o->hop = to->hop;
    o->tls_use = to->hop.tls;
    snprintf(o->own_name, sizeof o->own_name, "%s", spool_settings(r->spool)->hostname);
    o->begin.run = begin;
    list_append(&r->connections, &o->node);
    spool_enter(r->spool);
    loop_defer(r->home->loop, &o->begin);
    return o;
}
