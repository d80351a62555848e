#include "echo.h"

#include "socket.h"
#include "wire/frame.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPLY_BYTES    256 /* enough of an answer to know it by */
#define REPLIES_A_TURN 64
#define ECHO_TTL       64

struct question {
    struct timer deadline;
    struct echo *echo;
    void *asked; /* NULL: this place is free */
    uint32_t address;
};

struct echo {
    struct loop *loop;
    uv_poll_t poll;
    int fd;
    uint16_t id;
    echo_fn *fn;
    void *owner;
    size_t next; /* where a free place is looked for */
    struct question questions[ECHO_ASKED_MAX];
};

static void end(struct question *q, bool answered, struct now now)
{
    void *asked = q->asked;
    q->asked = NULL;
    loop_disarm(q->echo->loop, &q->deadline);
    q->echo->fn(q->echo->owner, asked, q->address, answered, now);
}

static void waited(struct timer *t, struct now now)
{
    end(list_item(t, struct question, deadline), false, now);
}

static void take_reply(struct echo *e, struct span packet, struct now now)
{
    struct reader r = reader_over(packet), inside, data;
    struct frame_ip4 ip;
    struct frame_echo reply;
    if (!frame_read_ip4(&r, &ip, &inside) || ip.protocol != FRAME_ICMP ||
        !frame_read_echo(&inside, &reply, &data) || reply.type != FRAME_ECHO_REPLY || reply.id != e->id ||
        reply.sequence >= ECHO_ASKED_MAX)
        return;
    struct question *q = &e->questions[reply.sequence];
    if (q->asked && q->address == ip.from)
        end(q, true, now);
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct echo *e = poll->data;
    uint8_t room[REPLY_BYTES];
    (void)events;
    loop_poll_again(poll, status, readable);
    for (int i = 0; i < REPLIES_A_TURN; i++) {
        ssize_t n = recv(e->fd, room, sizeof room, MSG_DONTWAIT);
        if (n < 0)
            return;
        take_reply(e, span_of(room, (size_t)n), loop_now(e->loop));
    }
}

/* A raw socket that hears of echo replies alone. */
static int open_socket(const char *interface, struct problem *p)
{
    int own_header = 1;
    struct icmp_filter replies = { .data = ~(1U << FRAME_ECHO_REPLY) };
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);
    if (fd >= 0 && setsockopt(fd, SOL_RAW, ICMP_FILTER, &replies, sizeof replies) == 0 &&
        setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &own_header, sizeof own_header) == 0 &&
        (!interface ||
         setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) == 0))
        return fd;
    problem_set(p, "cannot open a socket for ICMP echo: %s", strerror(errno));
    problem_remedy(p, "it needs the right CAP_NET_RAW, as root has it; or do without");
    if (fd >= 0)
        close(fd);
    return -1;
}

static void free_echo(uv_handle_t *h)
{
    struct echo *e = h->data;
    close(e->fd);
    free(e);
}

struct echo *echo_open(struct loop *l, const char *interface, uint64_t seed, echo_fn *fn, void *owner,
                       struct problem *p)
{
    struct echo *e = calloc(1, sizeof *e);
    if (!e) {
        problem_set(p, "out of memory");
        return NULL;
    }
    e->fd = open_socket(interface, p);
    if (e->fd < 0 || uv_poll_init(&l->uv, &e->poll, e->fd) != 0) {
        if (e->fd >= 0) {
            problem_set(p, "out of memory");
            close(e->fd);
        }
        free(e);
        return NULL;
    }
    e->loop = l;
    e->id = (uint16_t)seed;
    e->fn = fn;
    e->owner = owner;
    e->poll.data = e;
    for (size_t i = 0; i < ECHO_ASKED_MAX; i++) {
        e->questions[i].echo = e;
        e->questions[i].deadline.fire = waited;
    }
    uv_poll_start(&e->poll, UV_READABLE, readable);
    return e;
}

static void send_request(struct echo *e, uint32_t address, uint16_t sequence)
{
    uint8_t room[REPLY_BYTES];
    struct writer w = writer_over(room, sizeof room);
    struct frame_echo request = { .type = FRAME_ECHO_REQUEST, .id = e->id, .sequence = sequence };
    struct endpoint to = { .address = address_ip4(address) };
    struct sockaddr_storage s;
    socklen_t length = socket_address(&to, &s);
    struct frame_ip4 ip = { .to = address, .ttl = ECHO_TTL }; /* the kernel puts in whence it goes */
    frame_write_echo(&w, &ip, &request, span_text("wirelab"));
    ssize_t n = sendto(e->fd, room, writer_length(&w), MSG_DONTWAIT, (struct sockaddr *)&s, length);
    (void)n; /* then there is no answer either */
}

bool echo_ask(struct echo *e, uint32_t address, uint32_t wait_ms, void *asked)
{
    for (size_t i = 0; i < ECHO_ASKED_MAX; i++) {
        size_t at = (e->next + i) % ECHO_ASKED_MAX;
        struct question *q = &e->questions[at];
        if (q->asked)
            continue;
        e->next = at + 1;
        q->asked = asked;
        q->address = address;
        loop_arm(e->loop, &q->deadline, loop_now(e->loop).mono_ms + wait_ms);
        send_request(e, address, (uint16_t)at);
        return true;
    }
    return false;
}

void *echo_asks(const struct echo *e, uint32_t address)
{
    for (size_t i = 0; i < ECHO_ASKED_MAX; i++)
        if (e->questions[i].asked && e->questions[i].address == address)
            return e->questions[i].asked;
    return NULL;
}

void echo_close(struct echo *e, void (*forget)(void *asked))
{
    if (!e)
        return;
    for (size_t i = 0; i < ECHO_ASKED_MAX; i++)
        if (e->questions[i].asked) {
            loop_disarm(e->loop, &e->questions[i].deadline);
            if (forget)
                forget(e->questions[i].asked);
        }
    uv_close((uv_handle_t *)&e->poll, free_echo);
}
