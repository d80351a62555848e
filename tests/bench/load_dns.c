#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS  8
#define WINDOW   16 /* queries in flight on each */
#define STUCK_MS 100

#define QUERY_MAX 64

/* h17.small.test A, RD clear; the id is the number of the name. */
static size_t build_query(uint8_t *room, uint16_t number)
{
    struct writer w = writer_over(room, QUERY_MAX);
    write_u16(&w, number);
    write_u16(&w, 0);
    write_u16(&w, 1);
    write_zeros(&w, 6);
    struct mark label = write_length8(&w);
    write_u8(&w, 'h');
    write_decimal(&w, number);
    close_length8(&w, label);
    write_bytes(&w, "\x05small\x04test", 12);
    write_u16(&w, 1);
    write_u16(&w, 1);
    return writer_length(&w);
}

struct query {
    uint8_t bytes[QUERY_MAX];
    size_t len;
};

static void send_batch(int fd, const struct query *queries, unsigned names, unsigned *next, unsigned count)
{
    struct mmsghdr out[WINDOW] = { 0 };
    struct iovec iov[WINDOW];
    for (unsigned i = 0; i < count; i++) {
        const struct query *q = &queries[(*next)++ % names];
        iov[i] = (struct iovec){ (void *)(uintptr_t)q->bytes, q->len };
        out[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
    }
    sendmmsg(fd, out, count, MSG_DONTWAIT);
}

/* How many answers came; a wrong one is one that is no NOERROR with an answer. */
static unsigned receive_batch(struct load *l, int fd)
{
    uint8_t room[WINDOW][512];
    struct mmsghdr in[WINDOW] = { 0 };
    struct iovec iov[WINDOW];
    for (unsigned i = 0; i < WINDOW; i++) {
        iov[i] = (struct iovec){ room[i], sizeof room[i] };
        in[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
    }
    int n = recvmmsg(fd, in, WINDOW, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        struct reader r = reader_over(span_of(room[i], in[i].msg_len));
        read_skip(&r, 2);
        uint16_t flags = read_u16(&r);
        read_skip(&r, 2);
        uint16_t answers = read_u16(&r);
        if ((flags & 0x800f) == 0x8000 && answers == 1 && reader_ok(&r))
            l->done++;
        else
            l->wrong++;
    }
    return n > 0 ? (unsigned)n : 0;
}

void load_dns(struct load *l, unsigned names)
{
    struct pollfd p[SOCKETS];
    unsigned next = 0;
    struct query *queries = calloc(names ? names : 1, sizeof *queries);
    if (!queries || !names || names > UINT16_MAX)
        exit(2);
    for (unsigned i = 0; i < names; i++)
        queries[i].len = build_query(queries[i].bytes, (uint16_t)i);
    for (unsigned i = 0; i < SOCKETS; i++) {
        p[i] = (struct pollfd){ .fd = load_connect(l, SOCK_DGRAM), .events = POLLIN };
        send_batch(p[i].fd, queries, names, &next, WINDOW);
    }
    while (load_goes_on(l)) {
        bool stuck = poll(p, SOCKETS, STUCK_MS) == 0;
        for (unsigned i = 0; i < SOCKETS; i++) {
            unsigned n = p[i].revents ? receive_batch(l, p[i].fd) : 0;
            if (stuck || n)
                send_batch(p[i].fd, queries, names, &next, stuck ? WINDOW : n);
        }
    }
    for (unsigned i = 0; i < SOCKETS; i++)
        close(p[i].fd);
    free(queries);
}
