#include "dns_exchange.h"

#include "socket.h"
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT_FIRST    1024 /* RFC 5452 9.2: as large a range as is practicable */
#define PORT_TRIES    8    /* ports that are taken already; then the system chooses one */
#define STRAYS_MAX    64   /* looked at for one question: more is somebody who guesses */
#define READS_A_TURN  16   /* messages of one socket, so that a flood cannot hold up the others */
#define LENGTH_BYTES  2
#define TCP_OUT_BYTES (LENGTH_BYTES + DNS_MESSAGE_BYTES_MAX)

struct dns_exchange {
    struct loop *loop;
    struct dns_exchange_options options;
    dns_exchange_fn *fn;
    void *owner;
    uint16_t id;
    uint64_t sent_ms;
    struct timer deadline;
    bool failed; /* the deadline only brings the bad news */
    bool over;
    unsigned stray_count;
    int fd;
    bool poll_open;
    uv_poll_t poll;
    struct stream *stream;
};

static void free_if_done(struct dns_exchange *x)
{
    if (x->over && !x->poll_open && !x->stream)
        free(x);
}

static void poll_closed(uv_handle_t *h)
{
    struct dns_exchange *x = h->data;
    x->poll_open = false;
    free_if_done(x);
}

static void close_socket(struct dns_exchange *x)
{
    if (x->fd < 0)
        return;
    uv_close((uv_handle_t *)&x->poll, poll_closed); /* first: the number is somebody else's then */
    close(x->fd);
    x->fd = -1;
}

void dns_exchange_cancel(struct dns_exchange *x)
{
    if (x->over)
        return;
    x->over = true;
    loop_disarm(x->loop, &x->deadline);
    close_socket(x);
    if (x->stream)
        stream_abort(x->stream);
    free_if_done(x);
}

static void finish(struct dns_exchange *x, enum dns_exchange_outcome outcome, struct span message)
{
    struct now now = loop_now(x->loop);
    struct dns_exchange_result r = { .outcome = outcome,
                                     .message = message,
                                     .round_ms = now.mono_ms - x->sent_ms,
                                     .stray_count = x->stray_count,
                                     .over_tcp = x->stream != NULL };
    dns_exchange_fn *fn = x->fn;
    void *owner = x->owner;
    dns_exchange_cancel(x);
    fn(owner, &r, now);
}

static void deadline(struct timer *t, struct now now)
{
    struct dns_exchange *x =
        (struct dns_exchange *)(void *)((char *)t - offsetof(struct dns_exchange, deadline));
    (void)now;
    finish(x, x->failed ? DNS_EXCHANGE_UNREACHABLE : DNS_EXCHANGE_TIMEOUT, span_of(NULL, 0));
}

/* What cannot be told from inside the owner's call is told by the deadline, at once. */
static void fail_soon(struct dns_exchange *x)
{
    x->failed = true;
    loop_arm(x->loop, &x->deadline, loop_now(x->loop).mono_ms);
}

static struct span write_query(struct dns_exchange *x, uint8_t *room, size_t size)
{
    struct writer w = writer_over(room, size);
    const struct dns_exchange_options *o = &x->options;
    entropy_fill(&x->id, sizeof x->id);
    if (o->message.len) {
        write_u16(&w, x->id);
        write_span(&w, span_from(o->message, sizeof x->id));
    } else {
        write_dns_query(&w, x->id, o->flags, &o->question, o->edns.present ? &o->edns : NULL);
    }
    x->sent_ms = loop_now(x->loop).mono_ms;
    loop_arm(x->loop, &x->deadline, x->sent_ms + o->timeout_ms);
    return writer_span(&w);
}

static bool matches(struct dns_exchange *x, struct span message)
{
    struct span request = x->options.message;
    bool yes = request.len ? dns_response_answers(message, x->id, request)
                           : dns_response_matches(message, x->id, &x->options.question);
    x->stray_count += !yes;
    return yes;
}

/* ---- TCP ---------------------------------------------------------------------------------------- */

static size_t stream_bytes(void *self, struct stream *s, struct span in)
{
    struct dns_exchange *x = self;
    struct reader r = reader_over(in);
    struct span message = read_span(&r, read_u16(&r));
    (void)s;
    if (x->over)
        return in.len;
    if (!reader_ok(&r))
        return 0;
    if (matches(x, message))
        finish(x, DNS_EXCHANGE_RESPONSE, message);
    else
        finish(x, DNS_EXCHANGE_UNREACHABLE, span_of(NULL, 0)); /* nothing else has any business there */
    return in.len;
}

static void stream_expired(void *self, struct stream *s)
{
    (void)self;
    (void)s;
}

static void stream_closed(void *self, struct stream *s, enum stream_end why)
{
    struct dns_exchange *x = self;
    (void)s;
    (void)why;
    x->stream = NULL;
    if (x->over)
        free_if_done(x);
    else
        finish(x, DNS_EXCHANGE_UNREACHABLE, span_of(NULL, 0));
}

static const struct stream_owner stream_owner = { .bytes = stream_bytes,
                                                  .expired = stream_expired,
                                                  .closed = stream_closed };

static void ask_by_tcp(struct dns_exchange *x)
{
    static const struct stream_limits limits = { LENGTH_BYTES + DNS_MESSAGE_BYTES_MAX, TCP_OUT_BYTES,
                                                 TCP_OUT_BYTES };
    static uint8_t room[TCP_OUT_BYTES]; /* the stream copies it */
    struct writer length = writer_over(room, LENGTH_BYTES);
    struct span query = write_query(x, room + LENGTH_BYTES, sizeof room - LENGTH_BYTES);
    write_u16(&length, (uint16_t)query.len);
    x->stream = stream_connect(x->loop, &x->options.from, &x->options.server, &limits, &stream_owner, x);
    if (!x->stream || !stream_write(x->stream, span_of(room, LENGTH_BYTES + query.len)))
        fail_soon(x);
}

/* ---- UDP ---------------------------------------------------------------------------------------- */

static void take_datagram(struct dns_exchange *x, struct span message)
{
    struct reader r = reader_over(message);
    struct dns_header h;
    if (!matches(x, message)) {
        if (x->stray_count >= STRAYS_MAX)
            ask_by_tcp(x); /* RFC 5452 4.4, 9.3: guesses cannot hit there */
        if (x->stream || x->failed)
            close_socket(x);
        return;
    }
    if (!read_dns_header(&r, &h) || !(h.flags & DNS_TC)) {
        finish(x, DNS_EXCHANGE_RESPONSE, message);
        return;
    }
    close_socket(x);
    ask_by_tcp(x);
}

static void readable(uv_poll_t *p, int status, int events)
{
    struct dns_exchange *x = p->data;
    (void)events;
    loop_poll_again(p, status, readable); /* an error is what the read tells */
    for (int i = 0; i < READS_A_TURN && x->fd >= 0; i++) {
        ssize_t n = recv(x->fd, x->loop->scratch, LOOP_SCRATCH_BYTES, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            finish(x, DNS_EXCHANGE_UNREACHABLE, span_of(NULL, 0));
            return;
        }
        take_datagram(x, span_of(x->loop->scratch, (size_t)n));
        if (i + 1 == READS_A_TURN)
            return;
    }
}

/* A port out of all that may be had, from the system's entropy; false: the system is to choose. */
static bool bind_random_port(int fd, const struct address *from)
{
    for (int i = 0; i < PORT_TRIES; i++) {
        struct endpoint at = { .address = *from };
        struct sockaddr_storage room;
        uint16_t port;
        entropy_fill(&port, sizeof port);
        if (port < PORT_FIRST)
            continue;
        at.port = port;
        if (bind(fd, (struct sockaddr *)&room, socket_address(&at, &room)) == 0)
            return true;
    }
    return false;
}

/* Connected: the kernel hands on nothing but what the server's address and port sent. */
static bool open_socket(struct dns_exchange *x)
{
    struct sockaddr_storage to;
    const struct endpoint *server = &x->options.server;
    int family = server->address.family == FAMILY_IP6 ? AF_INET6 : AF_INET;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    struct address any = { .family = server->address.family }, *from = &x->options.from;
    if ((!bind_random_port(fd, from->family ? from : &any) && !socket_from(fd, from)) ||
        connect(fd, (struct sockaddr *)&to, socket_address(server, &to)) != 0 ||
        uv_poll_init(&x->loop->uv, &x->poll, fd) != 0) {
        close(fd);
        return false;
    }
    x->fd = fd;
    x->poll.data = x;
    x->poll_open = true;
    uv_poll_start(&x->poll, UV_READABLE, readable);
    return true;
}

static void ask_by_udp(struct dns_exchange *x)
{
    uint8_t room[DNS_EXCHANGE_BYTES_MAX];
    struct span query = write_query(x, room, sizeof room);
    if (!open_socket(x) || send(x->fd, query.at, query.len, MSG_DONTWAIT) != (ssize_t)query.len)
        fail_soon(x);
}

struct dns_exchange *dns_exchange_start(struct loop *l, const struct dns_exchange_options *o,
                                        dns_exchange_fn *fn, void *owner)
{
    struct dns_exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->loop = l;
    x->options = *o;
    x->fn = fn;
    x->owner = owner;
    x->fd = -1;
    x->deadline.fire = deadline;
    if (o->tcp)
        ask_by_tcp(x);
    else
        ask_by_udp(x);
    return x;
}
