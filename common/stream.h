/* A TCP connection: bytes in, an ordered queue of bytes and files out, one deadline, an upgrade to TLS in
 * place, and one ending.
 *
 * Public calls never run the owner's callbacks. Writes made inside a callback leave together when it returns.
 */
#ifndef WIRELAB_STREAM_H
#define WIRELAB_STREAM_H

#include "endpoint.h"
#include "loop.h"
#include "problem.h"

#include <sys/types.h>

struct stream;
struct tls_context;
struct events;

enum stream_end {
    STREAM_FINISHED, /* we asked for the end, and all was written */
    STREAM_PEER,     /* the peer closed */
    STREAM_ABORTED,  /* we asked for it at once */
    STREAM_ERROR,    /* the network or TLS failed: stream_error() */
};

/* The owner's side, one constant table for each kind of owner. `self` is what stream_open() was given. */
struct stream_owner {
    /* New bytes, with those not taken before in front. Returns how many were taken; the rest is offered again
     * with the next bytes or after stream_resume(). `in` may be read until the owner returns, also where it
     * ended the stream. */
    size_t (*bytes)(void *self, struct stream *s, struct span in);
    void (*drained)(void *self, struct stream *s); /* the queue fell below its low mark; may be NULL */
    void (*secured)(void *self, struct stream *s); /* TLS handshake done; may be NULL */
    void (*expired)(void *self, struct stream *s); /* the deadline; it is disarmed */
    /* The peer sent its end; what it waits for may still be written. NULL: stream_finish(). */
    void (*half_closed)(void *self, struct stream *s);
    void (*closed)(void *self, struct stream *s,
                   enum stream_end why); /* once, last, never from inside a call */
};

struct stream_limits {
    size_t in_bytes_max;   /* bytes offered and not taken; at this bound reading stops until some are */
    size_t out_bytes_high; /* above this stream_crowded() is true and reading stops */
    size_t out_bytes_max;  /* a write above this is refused: end the connection */
};

/* ---- listening ------------------------------------------------------------------------ */

struct listener;
/* A connection was accepted: give `fd` to stream_open(), or close it. */
typedef void listener_fn(void *owner, struct listener *l, int fd, const struct endpoint *peer);
struct listener_options {
    struct endpoint bind; /* port 0: a free one */
    bool reuse_port;
    struct events *events; /* hears of ACCEPT_PAUSED; may be NULL */
};
struct listener *listener_open(struct loop *l, const struct listener_options *o, listener_fn *fn, void *owner,
                               struct problem *p);
/* The same on a socket that listens already, of any kind; takes over fd. NULL: no memory, and fd stays the
 * caller's. */
struct listener *listener_adopt(struct loop *l, int fd, listener_fn *fn, void *owner);
struct endpoint listener_local(const struct listener *l);
/* Stops accepting and closes the socket. */
void listener_close(struct listener *l);

/* ---- connections ---------------------------------------------------------------------- */

/* Takes over fd, a connected socket. NULL only when there is no memory (fd is then closed). */
struct stream *stream_open(struct loop *l, int fd, const struct endpoint *peer,
                           const struct stream_limits *limits, const struct stream_owner *owner, void *self);
/* Begins to connect, from an address as socket_from() has it; a failure comes as closed(STREAM_ERROR). NULL
 * as above. */
struct stream *stream_connect(struct loop *l, const struct address *from, const struct endpoint *to,
                              const struct stream_limits *limits, const struct stream_owner *owner,
                              void *self);
const struct endpoint *stream_peer(const struct stream *s);
const struct endpoint *stream_local(const struct stream *s);
/* Why it ended with STREAM_ERROR. */
const char *stream_error(const struct stream *s);

/* Queues a copy. False when the queue's hard limit would be passed; then nothing is queued: end it. */
bool stream_write(struct stream *s, struct span bytes);
/* Queues the bytes themselves; release(owner) is called when they were sent or dropped. */
bool stream_write_shared(struct stream *s, struct span bytes, void (*release)(void *owner), void *owner);
/* Queues a part of a file; takes over fd in every case. */
bool stream_write_file(struct stream *s, int fd, off_t from, uint64_t len);
/* Room of at least `bytes` to build a reply in place; NULL as stream_write() gives false. Commit what was
 * used. */
uint8_t *stream_reserve(struct stream *s, size_t bytes);
void stream_commit(struct stream *s, size_t bytes);
/* True above the high mark: stop producing until drained(). */
bool stream_crowded(const struct stream *s);
/* What is queued and not sent yet, the bytes of files too. */
uint64_t stream_queued(const struct stream *s);
/* The same, and what the kernel has sent and the peer has not taken: whether it takes any of it. Asks the
 * kernel. */
uint64_t stream_owed(const struct stream *s);
/* Sends now instead of at the end of the callback or turn. */
void stream_flush(struct stream *s);

/* Stops and goes on reading; stream_resume() also offers again what was not taken. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);

/* At due_ms (mono) expired() is called; 0: never. */
void stream_deadline(struct stream *s, uint64_t due_ms);

/* Sends what is queued in clear, then begins the handshake as the server. Clear bytes that were read and not
 * taken (in bytes(): those after what it returns) are thrown away (RFC 3207 4: nothing sent before may count
 * after). */
void stream_start_tls(struct stream *s, struct tls_context *t);
/* The same as the client, with a context of tls_client_context(): asks for `name` (a host name or an address)
 * and, where the context has authorities, takes no other. `name` must live until secured() or closed(). */
void stream_start_tls_to(struct stream *s, struct tls_context *t, const char *name);
/* How many clear bytes the upgrade threw away; for secured(). */
size_t stream_discarded(const struct stream *s);
bool stream_secure(const struct stream *s);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", or NULL in clear; the ALPN protocol, or NULL. */
const char *stream_tls_description(const struct stream *s);

/* Sends what is queued for as long as the peer takes some of it, half-closes, waits a little for the peer's
 * end, closes. What was not taken is not offered any more. */
void stream_finish(struct stream *s);
/* The same for a peer that has nothing more to say, as after the last answer of a dialogue: it is not waited
 * for. */
void stream_close(struct stream *s);
/* Closes at once (with a reset when something was queued). */
void stream_abort(struct stream *s);

#endif
