/* HTTP/1.0 and 1.1 connections on streams: one request after the other, each answered by a structure, now or
 * later. What httpd serves pages with; it knows no pages itself. */
#ifndef WIRELAB_HTTP_SERVER_H
#define WIRELAB_HTTP_SERVER_H

#include "stream.h"
#include "wire/http.h"

struct http_server;

#define HTTP_OUT_BYTES_MAX (8 * 1024 * 1024)

/* One request, from when it is whole until it is answered. */
struct http_exchange {
    const struct http_request *request; /* this and what it points to: only until handle() returns */
    struct http_target target;          /* likewise */
    struct span body;                   /* likewise */
    struct now now;
    bool secure, head; /* over TLS; the method is HEAD */
    struct endpoint peer;
};

struct http_answer {
    unsigned status;
    struct span head; /* further whole field lines, each with its CRLF; copied */
    struct span body; /* copied, unless release is set: then it is released when it was sent */
    void (*release)(void *owner);
    void *owner;
    bool file; /* in place of body: `length` bytes of fd from `from` on; fd is taken over */
    int fd;
    uint64_t from, length;
};

struct http_handler {
    /* Answers by http_answer() or http_begin(), at once or later, once. */
    void (*handle)(void *owner, struct http_exchange *x);
    /* A request was refused here, before any handler, or (503) a connection above connections_max was closed
     * without an answer; may be NULL. */
    void (*refused)(void *owner, const struct endpoint *peer, const struct http_fault *fault, struct now now);
};

struct http_server_options {
    struct http_limits limits;
    size_t body_bytes_max; /* 413 */
    /* How long a connection is kept between requests, a head and a body may take from their first byte (408),
     * and a client may take none of what is queued for it. 0 is not allowed. */
    uint64_t idle_ms, head_ms, body_ms, write_ms;
    size_t connections_max; /* more are closed at once */
};

struct http_server *http_server_open(struct loop *l, const struct http_server_options *o,
                                     const struct http_handler *h, void *owner);
/* From now on these count, for open connections too. */
void http_server_configure(struct http_server *s, const struct http_server_options *o);
/* Takes over fd; tls: NULL for clear text. */
void http_server_accept(struct http_server *s, int fd, const struct endpoint *peer, struct tls_context *tls);

/* The answer with its Content-Length. */
void http_answer(struct http_exchange *x, const struct http_answer *a);
/* An answer of unknown length: chunked to 1.1, until the end of the connection to 1.0. What is not sent yet
 * is held in memory; a client for whom more than HTTP_OUT_BYTES_MAX wait is cut off. */
void http_begin(struct http_exchange *x, unsigned status, struct span head);
void http_piece(struct http_exchange *x, struct span piece);
void http_end(struct http_exchange *x);

/* Idle connections end now, the others after their answer. */
void http_server_drain(struct http_server *s);
size_t http_server_connections(const struct http_server *s);
/* Ends all connections; the server is gone when the last has closed. An exchange that is not answered yet
 * must not be touched any more. */
void http_server_close(struct http_server *s);

#endif
