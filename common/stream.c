#include "stream.h"

#include "socket.h"
#include "stream_queue.h"
#include "tls.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define READS_A_TURN 4     /* full scratches from one connection before the others have their turn */
#define KEPT_LEAST   1024  /* the least that is allocated for bytes not taken */
#define LINGER_MS    2000  /* how long the peer's end is waited for after ours: RFC 9112 9.6 */
#define FINISH_MS    30000 /* how long a peer may take nothing of what is left, looked at each time */

struct stream {
    struct loop *loop;
    uv_poll_t poll;
    int fd;
    int polled; /* the libuv events that are asked for */
    const struct stream_owner *owner;
    void *self;
    struct stream_limits limits;
    struct endpoint peer, local;

    uint8_t *kept; /* bytes that were offered and not taken */
    size_t kept_len, kept_room;
    struct stream_queue queue;
    SSL *ssl;
    struct tls_context *tls; /* held; NULL: in clear */
    bool tls_wanted;         /* to begin when the clear bytes are out */
    const char *tls_name;    /* whom to ask for, as the client; NULL: we are the server */
    size_t discarded;

    struct timer deadline; /* armed lazily: one that fires before due_ms is armed again */
    uint64_t due_ms;
    struct deferred later;
    bool calling;       /* inside one of the owner's callbacks */
    bool offer_later;   /* stream_resume() */
    bool drained_later; /* the queue went below the low mark outside of the loop's own turn */
    bool was_crowded;   /* above the high mark since drained() */
    bool connecting, handshaking, handshake_wants_write;
    bool paused, peer_ended, finishing, lingering;
    bool peer_is_done;    /* stream_close() */
    uint64_t finish_owed; /* when the deadline for finishing fired last */
    bool ended;
    enum stream_end why;
    char error[160];
    char description[96];
};

static void handle_closed(uv_handle_t *h)
{
    struct stream *s = h->data;
    s->owner->closed(s->self, s, s->why);
    free(s->kept);
    free(s);
}

/* The one ending: everything is given up here but the handle and the bytes that the owner may be reading, and
 * the owner is told when the handle is closed. */
static void end(struct stream *s, enum stream_end why)
{
    if (s->ended)
        return;
    s->ended = true;
    s->why = why;
    loop_disarm(s->loop, &s->deadline);
    list_remove(&s->later.node);
    queue_close(&s->queue);
    SSL_free(s->ssl);
    tls_context_close(s->tls);
    s->ssl = NULL;
    s->kept_len = 0;
    uv_close((uv_handle_t *)&s->poll, handle_closed); /* first: the number is somebody else's then */
    close(s->fd);
}

static void fail(struct stream *s, const char *doing, int error)
{
    const char *why = error ? strerror(error) : NULL;
    if (!why)
        why = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(s->error, sizeof s->error, "%s: %s", doing, why ? why : "the peer closed");
    ERR_clear_error();
    end(s, STREAM_ERROR);
}

static void ready(uv_poll_t *p, int status, int events);

static bool wants_bytes(const struct stream *s)
{
    if (s->lingering)
        return true;
    return !s->paused && !s->peer_ended && !s->finishing && !s->connecting && !stream_crowded(s) &&
           s->kept_len < s->limits.in_bytes_max;
}

/* Asks the kernel for just what the present state waits for. */
static void poll_for_what_is_needed(struct stream *s)
{
    int events = 0;
    if (s->ended)
        return;
    if (s->handshaking ? !s->handshake_wants_write : wants_bytes(s))
        events |= UV_READABLE;
    if (s->connecting || (s->handshaking ? s->handshake_wants_write : s->queue.bytes > 0))
        events |= UV_WRITABLE;
    if (events == s->polled)
        return;
    s->polled = events;
    if (events)
        uv_poll_start(&s->poll, events, ready);
    else
        uv_poll_stop(&s->poll);
}

/* ---- writing --------------------------------------------------------------------------- */

static void begin_handshake(struct stream *s);

/* Closing with unread bytes would reset the connection under the answer. */
static bool nothing_unread(const struct stream *s)
{
    int bytes = 0;
    return s->kept_len == 0 && ioctl(s->fd, FIONREAD, &bytes) == 0 && bytes == 0;
}

/* All is written and nothing more will be: say so, and wait a little for the peer to say the same, so that
 * the kernel does not reset the connection before the peer has read everything. */
static void half_close(struct stream *s)
{
    if (s->peer_ended) {
        end(s, s->why);
        return;
    }
    if (s->ssl)
        SSL_shutdown(s->ssl);
    if (s->peer_is_done && nothing_unread(s)) {
        end(s, s->why);
        return;
    }
    SSL_free(s->ssl); /* what still comes is only thrown away */
    s->ssl = NULL;
    shutdown(s->fd, SHUT_WR);
    s->lingering = true;
    loop_arm(s->loop, &s->deadline, loop_now(s->loop).mono_ms + LINGER_MS);
}

static void queue_is_empty(struct stream *s)
{
    if (s->tls_wanted)
        begin_handshake(s);
    else if (s->finishing && !s->lingering)
        half_close(s);
}

static void send_queue(struct stream *s)
{
    if (s->ended || s->connecting || s->handshaking)
        return;
    enum queue_state state = queue_send(&s->queue, s->fd, s->ssl);
    if (state == QUEUE_FAILED) {
        fail(s, "cannot send", errno);
        return;
    }
    if (s->was_crowded && s->queue.bytes <= s->limits.out_bytes_high / 2) {
        s->was_crowded = false;
        s->drained_later = true;
        loop_defer(s->loop, &s->later);
    }
    if (state == QUEUE_EMPTY)
        queue_is_empty(s);
}

/* After a callback of the owner: what it wrote leaves together. */
static void after_callback(struct stream *s)
{
    s->calling = false;
    if (s->ended)
        return;
    send_queue(s);
    if (!s->ended && !queue_settle(&s->queue))
        fail(s, "cannot keep what is to be sent", ENOMEM);
    poll_for_what_is_needed(s);
}

static bool room_in_queue(struct stream *s, uint64_t bytes)
{
    if (s->ended || s->finishing || s->queue.bytes + bytes > s->limits.out_bytes_max)
        return false;
    return true;
}

static void queued(struct stream *s)
{
    if (s->queue.bytes > s->limits.out_bytes_high)
        s->was_crowded = true;
    if (!s->calling)
        loop_defer(s->loop, &s->later);
}

uint8_t *stream_reserve(struct stream *s, size_t bytes)
{
    return room_in_queue(s, bytes) ? queue_room(&s->queue, bytes, s->calling) : NULL;
}

void stream_commit(struct stream *s, size_t bytes)
{
    queue_commit(&s->queue, bytes);
    queued(s);
}

bool stream_write(struct stream *s, struct span bytes)
{
    if (bytes.len == 0)
        return !s->ended;
    uint8_t *room = stream_reserve(s, bytes.len);
    if (!room)
        return false;
    memcpy(room, bytes.at, bytes.len);
    stream_commit(s, bytes.len);
    return true;
}

bool stream_write_shared(struct stream *s, struct span bytes, void (*release)(void *owner), void *owner)
{
    if (!room_in_queue(s, 0) || !queue_shared(&s->queue, bytes, release, owner)) {
        if (release)
            release(owner);
        return false;
    }
    queued(s);
    return true;
}

bool stream_write_file(struct stream *s, int fd, off_t from, uint64_t len)
{
    if (!room_in_queue(s, 0)) {
        close(fd);
        return false;
    }
    if (!queue_file(&s->queue, fd, from, len))
        return false;
    queued(s);
    return true;
}

bool stream_crowded(const struct stream *s)
{
    return s->queue.bytes > s->limits.out_bytes_high;
}

uint64_t stream_queued(const struct stream *s)
{
    return s->queue.bytes;
}

uint64_t stream_owed(const struct stream *s)
{
    int on_the_way = 0;
    if (!s->ended && ioctl(s->fd, SIOCOUTQ, &on_the_way) != 0)
        on_the_way = 0;
    return s->queue.bytes + (uint64_t)on_the_way;
}

void stream_flush(struct stream *s)
{
    send_queue(s);
    poll_for_what_is_needed(s);
}

/* ---- reading --------------------------------------------------------------------------- */

static bool keep(struct stream *s, struct span rest)
{
    if (rest.len > s->kept_room) {
        size_t room = rest.len > KEPT_LEAST ? rest.len : KEPT_LEAST;
        uint8_t *kept = malloc(room);
        if (!kept)
            return false;
        memcpy(kept, rest.at, rest.len);
        free(s->kept);
        s->kept = kept;
        s->kept_room = room;
    } else {
        memmove(s->kept, rest.at, rest.len);
    }
    s->kept_len = rest.len;
    return true;
}

static void drop_kept(struct stream *s)
{
    free(s->kept);
    s->kept = NULL;
    s->kept_len = s->kept_room = 0;
}

/* Offers bytes to the owner and keeps those it does not take. */
static void offer(struct stream *s, struct span in)
{
    s->calling = true;
    size_t taken = s->owner->bytes(s->self, s, in);
    struct span rest = span_from(in, taken);
    bool clear_ends = s->tls_wanted || s->handshaking;
    if (!s->ended && clear_ends) {
        s->discarded += rest.len;
        drop_kept(s);
    } else if (!s->ended && rest.len == 0) {
        drop_kept(s);
    } else if (!s->ended && !keep(s, rest)) {
        fail(s, "cannot keep what was read", ENOMEM);
    }
    after_callback(s);
}

static void peer_has_ended(struct stream *s)
{
    s->peer_ended = true;
    if (s->lingering) {
        end(s, STREAM_FINISHED);
        return;
    }
    if (s->finishing)
        return;
    if (!s->owner->half_closed) {
        stream_finish(s);
        s->why = STREAM_PEER;
        return;
    }
    s->calling = true;
    s->owner->half_closed(s->self, s);
    after_callback(s);
}

/* >0: so many bytes; 0: the peer's end; -1: nothing now; -2: failed (and ended). */
static ssize_t read_some(struct stream *s, uint8_t *into, size_t room)
{
    ssize_t n;
    if (s->ssl) {
        errno = 0;
        ERR_clear_error(); /* one that somebody else left would be taken for ours by SSL_get_error() */
        int got = SSL_read(s->ssl, into, (int)room);
        int why = got > 0 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, got);
        if (got > 0)
            return got;
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            return -1;
        if (why == SSL_ERROR_ZERO_RETURN || (why == SSL_ERROR_SYSCALL && errno == 0))
            return 0;
        fail(s, "cannot read", why == SSL_ERROR_SYSCALL ? errno : 0);
        return -2;
    }
    do
        n = recv(s->fd, into, room, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return -1;
    fail(s, "cannot read", errno);
    return -2;
}

/* Where the next bytes go: behind those that were kept, so that the owner sees one run. */
static struct span reading_room(struct stream *s)
{
    if (s->kept_len == 0)
        return span_of(s->loop->scratch, LOOP_SCRATCH_BYTES);
    if (s->kept_room - s->kept_len < KEPT_LEAST) {
        size_t room = s->kept_room * 2 > s->limits.in_bytes_max ? s->limits.in_bytes_max : s->kept_room * 2;
        room = room < s->kept_len + KEPT_LEAST ? s->kept_len + KEPT_LEAST : room;
        uint8_t *more = realloc(s->kept, room);
        if (more) {
            s->kept = more;
            s->kept_room = room;
        }
    }
    return span_of(s->kept + s->kept_len, s->kept_room - s->kept_len);
}

static void discard_while_lingering(struct stream *s)
{
    ssize_t n = recv(s->fd, s->loop->scratch, LOOP_SCRATCH_BYTES, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        end(s, STREAM_FINISHED);
}

static void read_and_offer(struct stream *s)
{
    for (int i = 0; i < READS_A_TURN && !s->ended && !s->handshaking && wants_bytes(s); i++) {
        if (s->lingering) {
            discard_while_lingering(s);
            return;
        }
        struct span room = reading_room(s);
        ssize_t n = read_some(s, (uint8_t *)(uintptr_t)room.at, room.len);
        if (n == 0)
            peer_has_ended(s);
        if (n <= 0)
            return;
        if (s->kept_len) {
            s->kept_len += (size_t)n;
            offer(s, span_of(s->kept, s->kept_len));
        } else {
            offer(s, span_of(room.at, (size_t)n));
        }
        if (!s->ssl && (size_t)n < room.len)
            return;
    }
    /* what TLS holds already, the socket will not announce again */
    if (!s->ended && s->ssl && !s->handshaking && wants_bytes(s) && SSL_pending(s->ssl) > 0)
        stream_resume(s);
}

/* ---- TLS ------------------------------------------------------------------------------- */

static void handshake(struct stream *s)
{
    errno = 0;
    ERR_clear_error(); /* as when reading */
    int n = SSL_do_handshake(s->ssl);
    int why = n == 1 ? SSL_ERROR_NONE : SSL_get_error(s->ssl, n);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
        s->handshake_wants_write = why == SSL_ERROR_WANT_WRITE;
        return;
    }
    if (n != 1) {
        fail(s, "TLS handshake", why == SSL_ERROR_SYSCALL ? errno : 0);
        return;
    }
    s->handshaking = false;
    s->calling = true;
    if (s->owner->secured)
        s->owner->secured(s->self, s);
    after_callback(s);
}

/* RFC 6066 3: names go into the request, addresses do not; either is looked for in the certificate. */
static bool ask_for(SSL *ssl, const char *name)
{
    struct address a;
    SSL_set_connect_state(ssl);
    if (address_parse(span_text(name), &a))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

static void begin_handshake(struct stream *s)
{
    s->ssl = SSL_new(tls_context_ssl(s->tls));
    s->tls_wanted = false;
    if (!s->ssl || SSL_set_fd(s->ssl, s->fd) != 1 || (s->tls_name && !ask_for(s->ssl, s->tls_name))) {
        fail(s, "TLS", 0);
        return;
    }
    if (!s->tls_name)
        SSL_set_accept_state(s->ssl);
    SSL_set_mode(s->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                             SSL_MODE_RELEASE_BUFFERS);
    s->handshaking = true;
    s->handshake_wants_write = s->tls_name != NULL; /* who asks speaks first */
}

void stream_start_tls(struct stream *s, struct tls_context *t)
{
    if (s->ended || s->tls)
        return;
    s->tls = tls_context_hold(t);
    s->tls_wanted = true;
    if (!s->calling) {
        s->discarded += s->kept_len;
        drop_kept(s);
        loop_defer(s->loop, &s->later);
    }
}

void stream_start_tls_to(struct stream *s, struct tls_context *t, const char *name)
{
    s->tls_name = name;
    stream_start_tls(s, t);
}

size_t stream_discarded(const struct stream *s)
{
    return s->discarded;
}

bool stream_secure(const struct stream *s)
{
    return s->ssl && !s->handshaking;
}

const char *stream_tls_description(const struct stream *s)
{
    if (!stream_secure(s))
        return NULL;
    struct stream *mutable = (struct stream *)(uintptr_t)s;
    snprintf(mutable->description, sizeof s->description, "%s %s", SSL_get_version(s->ssl),
             SSL_get_cipher_name(s->ssl));
    return s->description;
}

/* ---- the loop's side ------------------------------------------------------------------- */

static void connected(struct stream *s)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error) {
        fail(s, "cannot connect", error);
        return;
    }
    s->connecting = false;
    s->local = socket_local(s->fd);
}

static void ready(uv_poll_t *p, int status, int events)
{
    struct stream *s = p->data;
    if (status < 0) {
        events = UV_READABLE | UV_WRITABLE; /* let the calls below find out what it is */
        s->polled = 0;                      /* libuv stopped it */
    }
    if (s->connecting && events)
        connected(s);
    if (s->handshaking && !s->ended)
        handshake(s);
    if (events & UV_WRITABLE)
        send_queue(s);
    if (!s->ended && (events & UV_READABLE))
        read_and_offer(s);
    poll_for_what_is_needed(s);
}

static void run_later(struct deferred *d)
{
    struct stream *s = list_item(d, struct stream, later);
    send_queue(s);
    if (!s->ended && s->drained_later) {
        s->drained_later = false;
        s->calling = true;
        if (s->owner->drained)
            s->owner->drained(s->self, s);
        after_callback(s);
    }
    if (!s->ended && s->offer_later) {
        s->offer_later = false;
        if (s->kept_len && !s->paused && !s->finishing)
            offer(s, span_of(s->kept, s->kept_len));
        /* TLS may hold bytes that the socket will not announce again */
        if (!s->ended && s->ssl && !s->handshaking && SSL_pending(s->ssl) > 0)
            read_and_offer(s);
    }
    poll_for_what_is_needed(s);
}

static void arm_for_finishing(struct stream *s)
{
    loop_arm(s->loop, &s->deadline, loop_now(s->loop).mono_ms + FINISH_MS);
}

/* The first look has nothing to compare with: the kernel is not asked each time that a stream is finished. */
static void look_at_finishing(struct stream *s)
{
    uint64_t owed = stream_owed(s);
    if (owed == s->finish_owed) {
        end(s, STREAM_ABORTED);
        return;
    }
    s->finish_owed = owed;
    arm_for_finishing(s);
}

static void deadline_fired(struct timer *t, struct now now)
{
    struct stream *s = (struct stream *)((char *)t - offsetof(struct stream, deadline));
    if (s->lingering) {
        end(s, s->why);
        return;
    }
    if (s->finishing) {
        look_at_finishing(s);
        return;
    }
    if (now.mono_ms < s->due_ms) {
        loop_arm(s->loop, &s->deadline, s->due_ms);
        return;
    }
    s->calling = true;
    s->owner->expired(s->self, s);
    after_callback(s);
}

static struct stream *stream_new(struct loop *l, int fd, const struct endpoint *peer,
                                 const struct stream_limits *limits, const struct stream_owner *owner,
                                 void *self)
{
    struct stream *s = calloc(1, sizeof *s);
    int on = 1;
    if (!s || uv_poll_init(&l->uv, &s->poll, fd) != 0) {
        free(s);
        close(fd);
        return NULL;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    s->loop = l;
    s->fd = fd;
    s->poll.data = s;
    s->owner = owner;
    s->self = self;
    s->limits = *limits;
    s->peer = *peer;
    s->local = socket_local(fd);
    s->deadline.fire = deadline_fired;
    s->later.run = run_later;
    queue_open(&s->queue, l);
    return s;
}

struct stream *stream_open(struct loop *l, int fd, const struct endpoint *peer,
                           const struct stream_limits *limits, const struct stream_owner *owner, void *self)
{
    struct stream *s = stream_new(l, fd, peer, limits, owner, self);
    if (s)
        poll_for_what_is_needed(s);
    return s;
}

struct stream *stream_connect(struct loop *l, const struct address *from, const struct endpoint *to,
                              const struct stream_limits *limits, const struct stream_owner *owner,
                              void *self)
{
    struct sockaddr_storage at;
    socklen_t len = socket_address(to, &at);
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    bool ok = socket_from(fd, from) && connect(fd, (struct sockaddr *)&at, len) == 0;
    int error = ok ? 0 : errno;
    struct stream *s = stream_new(l, fd, to, limits, owner, self);
    if (!s)
        return NULL;
    s->connecting = true;
    if (error && error != EINPROGRESS)
        fail(s, "cannot connect", error);
    poll_for_what_is_needed(s);
    return s;
}

const struct endpoint *stream_peer(const struct stream *s)
{
    return &s->peer;
}

const struct endpoint *stream_local(const struct stream *s)
{
    return &s->local;
}

const char *stream_error(const struct stream *s)
{
    return s->error;
}

void stream_pause(struct stream *s)
{
    s->paused = true;
    if (!s->calling)
        poll_for_what_is_needed(s);
}

void stream_resume(struct stream *s)
{
    if (s->ended)
        return;
    s->paused = false;
    s->offer_later = true;
    loop_defer(s->loop, &s->later);
}

void stream_deadline(struct stream *s, uint64_t due_ms)
{
    if (s->ended || s->finishing)
        return;
    s->due_ms = due_ms;
    if (!due_ms)
        loop_disarm(s->loop, &s->deadline);
    else if (!timer_armed(&s->deadline) || due_ms < s->deadline.due_ms)
        loop_arm(s->loop, &s->deadline, due_ms);
}

void stream_finish(struct stream *s)
{
    if (s->ended || s->finishing)
        return;
    s->finishing = true;
    arm_for_finishing(s);
    if (!s->calling)
        loop_defer(s->loop, &s->later);
}

void stream_close(struct stream *s)
{
    s->peer_is_done = true;
    stream_finish(s);
}

void stream_abort(struct stream *s)
{
    if (s->ended)
        return;
    if (s->queue.bytes) {
        struct linger reset = { 1, 0 };
        setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    end(s, STREAM_ABORTED);
}
