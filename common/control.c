#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BODY_BYTES_MAX  ((size_t)256 * 1024 * 1024) /* a zone of some million records */
#define CONNECTIONS_MAX 16                          /* people and their scripts */
#define PATIENCE_MS     10000
#define BACKLOG         16

struct control {
    struct http_server *http;
    struct listener *listener;
    control_fn *fn;
    void *owner;
    struct sockaddr_un at;
};

static void handle(void *owner, struct http_exchange *x)
{
    struct control *c = owner;
    c->fn(c->owner, x, span_from(x->target.path, 1));
}

static const struct http_handler handler = { .handle = handle };

static void on_connection(void *owner, struct listener *l, int fd, const struct endpoint *peer)
{
    struct control *c = owner;
    (void)l;
    http_server_accept(c->http, fd, peer, NULL);
}

void control_say(struct http_exchange *x, unsigned status, const char *text)
{
    char body[256];
    int n = snprintf(body, sizeof body, "%s\n", text);
    const struct http_answer a = { .status = status,
                                   .head = span_text("Content-Type: text/plain; charset=utf-8\r\n"),
                                   .body = span_of(body, n > 0 ? (size_t)n : 0) };
    http_answer(x, &a);
}

/* Somebody answers there, or would: one who is stopped has a full queue, which is not waited for. */
static bool is_alive(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool alive = fd >= 0 && (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return alive;
}

/* -1, and *p says why. */
static int open_socket(const struct sockaddr_un *at, struct problem *p)
{
    if (is_alive(at)) {
        problem_set(p, "%s: another program answers there", at->sun_path);
        problem_remedy(p,
                       "two labs cannot share a state directory: stop the other, or write another path for "
                       "the key `state`");
        return -1;
    }
    unlink(at->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t before = umask(0177);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)at, sizeof *at) == 0 && listen(fd, BACKLOG) == 0;
    int error = errno;
    umask(before);
    if (ok)
        return fd;
    problem_set(p, "cannot listen at %s: %s", at->sun_path, strerror(error));
    problem_remedy(p, "the state directory must be one that this user may write to");
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool listen_there(struct control *c, struct loop *l, struct problem *p)
{
    const struct http_server_options options = {
        .limits = { .line_bytes_max = 8192, .head_bytes_max = 16384 },
        .body_bytes_max = BODY_BYTES_MAX,
        .idle_ms = PATIENCE_MS,
        .head_ms = PATIENCE_MS,
        .body_ms = PATIENCE_MS,
        .write_ms = PATIENCE_MS,
        .connections_max = CONNECTIONS_MAX,
    };
    int fd = open_socket(&c->at, p);
    if (fd < 0)
        return false;
    c->http = http_server_open(l, &options, &handler, c);
    c->listener = c->http ? listener_adopt(l, fd, on_connection, c) : NULL;
    if (c->listener)
        return true;
    if (c->http)
        http_server_close(c->http);
    close(fd);
    problem_set(p, "out of memory");
    return false;
}

struct control *control_open(struct loop *l, const char *directory, const char *name, control_fn *fn,
                             void *owner, struct problem *p)
{
    struct control *c = calloc(1, sizeof *c);
    if (!c) {
        problem_set(p, "out of memory");
        return NULL;
    }
    c->fn = fn;
    c->owner = owner;
    c->at.sun_family = AF_UNIX;
    int n = snprintf(c->at.sun_path, sizeof c->at.sun_path, "%s/%s.sock", directory, name);
    bool fits = n > 0 && (size_t)n < sizeof c->at.sun_path;
    if (!fits) {
        problem_set(p, "%s/%s.sock: the path is too long for a socket", directory, name);
        problem_remedy(p, "write a shorter path for the key `state`");
    }
    if (fits && listen_there(c, l, p))
        return c;
    free(c);
    return NULL;
}

void control_close(struct control *c)
{
    listener_close(c->listener);
    unlink(c->at.sun_path);
    http_server_close(c->http);
    free(c);
}
