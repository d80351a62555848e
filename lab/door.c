#include "door.h"

#include "daemon.h"
#include "wire/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_BYTES (64 * 1024) /* at a time; the head comes in the first of them */
#define CONNECT_S    3           /* a server that runs takes everybody in at each turn of its loop */

/* Waits so long at most for a server whose queue is full; what is sent later may take its time. */
static bool connect_soon(int fd, const struct sockaddr_un *at)
{
    const struct timeval limit = { .tv_sec = CONNECT_S }, none = { 0 };
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    bool connected = connect(fd, (const struct sockaddr *)at, sizeof *at) == 0;
    int error = errno;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    errno = error;
    return connected;
}

/* Of one server alone, or of a lab. -1, and that is told: nobody is behind it. */
static int open_door(const char *command, const char *state)
{
    static const char *const names[] = { "wirelab", "dhcpd", "dnsd", "httpd", "imapd", "smtpd" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int n = snprintf(at.sun_path, sizeof at.sun_path, "%s/%s.sock", state, names[i]);
        int fd =
            n > 0 && (size_t)n < sizeof at.sun_path ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
        if (fd >= 0 && connect_soon(fd, &at))
            return fd;
        bool hangs = fd >= 0 && errno == EAGAIN;
        if (fd >= 0)
            close(fd);
        if (hangs) {
            fprintf(
                stderr,
                "wirelab %s: the server behind %s takes nobody in: it is stopped (`kill -CONT` lets it go "
                "on) or hangs (end it and start it again)\n",
                command, at.sun_path);
            return -1;
        }
    }
    fprintf(stderr, "wirelab %s: no server with the state directory %s runs here\n", command, state);
    return -1;
}

/* Reads until the head is there; how many bytes came with it. */
static size_t read_head(int fd, uint8_t *room, struct http_response *r, size_t *head)
{
    const struct http_limits limits = { .line_bytes_max = ANSWER_BYTES, .head_bytes_max = ANSWER_BYTES };
    struct http_fault fault;
    size_t length = 0;
    ssize_t n = 1;
    while (n > 0 && length < ANSWER_BYTES) { /* each turn takes bytes */
        n = read(fd, room + length, ANSWER_BYTES - length);
        length += n > 0 ? (size_t)n : 0;
        if (http_parse_response(span_of(room, length), &limits, r, head, &fault) == HTTP_DONE)
            return length;
    }
    return 0;
}

static int print_answer(const char *command, int fd)
{
    static uint8_t room[ANSWER_BYTES];
    struct http_response r;
    size_t head = 0, length = read_head(fd, room, &r, &head);
    if (!length) {
        fprintf(stderr, "wirelab %s: the server gave no answer\n", command);
        return EXIT_RUNNING;
    }
    FILE *out = r.status == 200 ? stdout : stderr;
    int code = r.status == 200 ? EXIT_OK : EXIT_RUNNING;
    fwrite(room + head, 1, length - head, out);
    for (ssize_t n; (n = read(fd, room, sizeof room)) > 0;) /* until the other side closes */
        fwrite(room, 1, (size_t)n, out);
    return code;
}

int door_ask(const char *command, const char *state, const char *method, const char *path)
{
    char request[1024];
    int fd = open_door(command, state);
    if (fd < 0)
        return EXIT_RUNNING;
    int n = snprintf(request, sizeof request, "%s %s HTTP/1.0\r\nHost: localhost\r\n\r\n", method, path);
    bool sent = n > 0 && (size_t)n < sizeof request && write(fd, request, (size_t)n) == n;
    int code = sent ? print_answer(command, fd) : EXIT_RUNNING;
    close(fd);
    return code;
}

/* ---- a request with a body ----------------------------------------------------------------------------- */

static bool send_all(int fd, struct span bytes)
{
    while (bytes.len) { /* each turn sends some */
        ssize_t n = send(fd, bytes.at, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes = span_from(bytes, (size_t)n);
    }
    return true;
}

static void add_field(FILE *out, const char *name, const char *value)
{
    if (value)
        fprintf(out, "%s: %s\r\n", name, value);
}

static bool send_request(int fd, const struct door_request *r)
{
    char *head = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&head, &length);
    if (!out)
        return false;
    fprintf(out, "%s %s HTTP/1.0\r\nHost: localhost\r\n", r->method, r->path);
    add_field(out, "Accept", r->accept);
    add_field(out, "Content-Type", r->type);
    add_field(out, "If-Match", r->match);
    if (r->body.at)
        fprintf(out, "Content-Length: %zu\r\n", r->body.len);
    fprintf(out, "\r\n");
    bool sent = fclose(out) == 0 && send_all(fd, span_of(head, length));
    free(head);
    if (sent)
        send_all(fd, r->body); /* who does not want all of it says so */
    return sent;
}

static bool read_answer(int fd, struct door_answer *a)
{
    static uint8_t room[ANSWER_BYTES];
    struct http_response r;
    size_t head = 0, length = read_head(fd, room, &r, &head);
    FILE *out = length ? open_memstream(&a->body, &a->length) : NULL;
    if (!out)
        return false;
    struct span tag = http_field(r.fields, r.field_count, "ETag");
    a->status = r.status;
    snprintf(a->tag, sizeof a->tag, "%.*s", (int)tag.len, tag.len ? (const char *)tag.at : "");
    fwrite(room + head, 1, length - head, out);
    for (ssize_t n; (n = read(fd, room, sizeof room)) > 0;) /* until the other side closes */
        fwrite(room, 1, (size_t)n, out);
    return fclose(out) == 0;
}

bool door_exchange(const char *command, const char *state, const struct door_request *r,
                   struct door_answer *a)
{
    *a = (struct door_answer){ 0 };
    int fd = open_door(command, state);
    if (fd < 0)
        return false;
    bool answered = send_request(fd, r) && read_answer(fd, a);
    close(fd);
    if (!answered)
        fprintf(stderr, "wirelab %s: the server gave no answer\n", command);
    return answered;
}
