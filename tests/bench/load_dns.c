#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOCKETS     8
#define WINDOW      16 /* queries in flight on each */
#define STUCK_MS    100
#define CONNECTIONS 64
#define IN_BYTES    (256 * 1024)

#define QUERY_MAX 128

/* Names in the order in which they were made are asked in turn, those of a large zone at random. */
#define IN_TURN_MAX UINT16_MAX

static uint32_t next_number(struct load_names *names)
{
    if (names->count <= IN_TURN_MAX)
        return names->last = (names->last + 1) % names->count;
    names->last = names->last * 1664525U + 1013904223U; /* Numerical Recipes' */
    return (uint32_t)((uint64_t)names->last * names->count >> 32);
}

static void write_zone(struct writer *w, const char *zone)
{
    struct reader r = reader_over(span_text(zone));
    while (reader_left(&r)) {
        struct span label = span_head(reader_rest(&r), span_find(reader_rest(&r), '.'));
        write_u8(w, (uint8_t)label.len);
        write_span(w, label);
        read_skip(&r, label.len + (label.len < reader_left(&r)));
    }
    write_u8(w, 0);
}

static void write_head(struct writer *w, uint16_t id, uint16_t flags, uint16_t authorities)
{
    write_u16(w, id);
    write_u16(w, flags);
    write_u16(w, 1);
    write_u16(w, 0);
    write_u16(w, authorities);
    write_u16(w, 0);
}

/* h17.ZONE A, RD clear. */
static size_t build_query(uint8_t *room, struct load_names *names)
{
    struct writer w = writer_over(room, QUERY_MAX);
    uint32_t number = next_number(names);
    write_head(&w, (uint16_t)number, 0, 0);
    struct mark label = write_length8(&w);
    write_u8(&w, 'h');
    write_decimal(&w, number);
    close_length8(&w, label);
    write_zone(&w, names->zone);
    write_u16(&w, 1);
    write_u16(&w, 1);
    return writer_length(&w);
}

/* A wrong answer is one that is no NOERROR with an answer. */
static void look_at(struct load *l, struct span message)
{
    struct reader r = reader_over(message);
    read_skip(&r, 2);
    uint16_t flags = read_u16(&r);
    read_skip(&r, 2);
    uint16_t answers = read_u16(&r);
    if ((flags & 0x800f) == 0x8000 && answers == 1 && reader_ok(&r))
        l->done++;
    else
        l->wrong++;
}

/* ---- UDP -------------------------------------------------------------------------------- */

static void send_batch(int fd, struct load_names *names, unsigned count)
{
    struct mmsghdr out[WINDOW] = { 0 };
    struct iovec iov[WINDOW];
    uint8_t room[WINDOW][QUERY_MAX];
    for (unsigned i = 0; i < count; i++) {
        iov[i] = (struct iovec){ room[i], build_query(room[i], names) };
        out[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
    }
    sendmmsg(fd, out, count, MSG_DONTWAIT);
}

/* How many answers came. */
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
    for (int i = 0; i < n; i++)
        look_at(l, span_of(room[i], in[i].msg_len));
    return n > 0 ? (unsigned)n : 0;
}

void load_dns(struct load *l, struct load_names names)
{
    struct pollfd p[SOCKETS];
    for (unsigned i = 0; i < SOCKETS; i++) {
        p[i] = (struct pollfd){ .fd = load_connect(l, SOCK_DGRAM), .events = POLLIN };
        send_batch(p[i].fd, &names, WINDOW);
    }
    while (load_goes_on(l)) {
        bool stuck = poll(p, SOCKETS, STUCK_MS) == 0;
        for (unsigned i = 0; i < SOCKETS; i++) {
            unsigned n = p[i].revents ? receive_batch(l, p[i].fd) : 0;
            if (stuck || n)
                send_batch(p[i].fd, &names, stuck ? WINDOW : n);
        }
    }
    for (unsigned i = 0; i < SOCKETS; i++)
        close(p[i].fd);
}

/* ---- what a server without DNS would do ------------------------------------------------- */

/* Any query becomes its own answer, one fixed record behind it: batches in, batches out, and nothing between.
 */
void load_echo(struct load *l)
{
    static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1 };
    enum { BATCH = 64, ROOM = 1500 };
    static uint8_t room[BATCH][ROOM];
    static struct sockaddr_storage peer[BATCH];
    struct mmsghdr m[BATCH];
    struct iovec iov[BATCH];
    int fd = load_bind(l);
    while (load_goes_on(l)) {
        for (size_t i = 0; i < BATCH; i++) {
            iov[i] = (struct iovec){ room[i], ROOM - sizeof record };
            m[i].msg_hdr = (struct msghdr){
                .msg_iov = &iov[i], .msg_iovlen = 1, .msg_name = &peer[i], .msg_namelen = sizeof peer[i]
            };
        }
        int n = recvmmsg(fd, m, BATCH, MSG_WAITFORONE, NULL);
        for (int i = 0; i < n; i++) {
            iov[i].iov_len = m[i].msg_len + sizeof record;
            memcpy(room[i] + m[i].msg_len, record, sizeof record);
            room[i][2] |= 0x84;
            room[i][7] = 1;
        }
        for (int sent = 0, k = 1; sent < n && k > 0; sent += k)
            k = sendmmsg(fd, m + sent, (unsigned)(n - sent), 0);
    }
    close(fd);
}

/* ---- TCP: so many queries in flight on each of 64 connections ---------------------------- */

struct conversation {
    size_t have;
    uint8_t in[DNS_TCP_BYTES];
};

static void send_queries(int fd, struct load_names *names, unsigned count)
{
    uint8_t room[CONNECTIONS * (QUERY_MAX + 2)];
    size_t length = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t n = build_query(room + length + 2, names);
        room[length] = (uint8_t)(n >> 8);
        room[length + 1] = (uint8_t)n;
        length += 2 + n;
    }
    (void)!send(fd, room, length, MSG_NOSIGNAL);
}

/* How many answers came whole; what is left of the next one stays in front. */
static unsigned take_answers(struct load *l, struct conversation *c)
{
    struct reader r = reader_over(span_of(c->in, c->have));
    unsigned count = 0;
    for (;;) { /* ends: each turn takes an answer */
        struct reader ahead = r;
        uint16_t length = read_u16(&ahead);
        struct span message = read_span(&ahead, length);
        if (!reader_ok(&ahead))
            break;
        look_at(l, message);
        count++;
        r = ahead;
    }
    struct span rest = reader_rest(&r);
    memmove(c->in, rest.at, rest.len);
    c->have = rest.len;
    return count;
}

void load_dns_tcp(struct load *l, struct load_names names, unsigned in_flight)
{
    static struct conversation all[CONNECTIONS];
    struct pollfd p[CONNECTIONS];
    if (!in_flight || in_flight > CONNECTIONS)
        exit(2);
    for (size_t i = 0; i < CONNECTIONS; i++)
        p[i] = (struct pollfd){ .fd = load_connect(l, SOCK_STREAM), .events = POLLIN };
    load_begin(l);
    for (size_t i = 0; i < CONNECTIONS; i++)
        send_queries(p[i].fd, &names, in_flight);
    while (load_goes_on(l)) {
        poll(p, CONNECTIONS, STUCK_MS);
        for (size_t i = 0; i < CONNECTIONS; i++) {
            struct conversation *c = &all[i];
            ssize_t n =
                p[i].revents ? recv(p[i].fd, c->in + c->have, sizeof c->in - c->have, MSG_DONTWAIT) : -1;
            if (p[i].revents && n <= 0) {
                l->wrong++;
                p[i].fd = -1;
            }
            c->have += n > 0 ? (size_t)n : 0;
            unsigned answers = n > 0 ? take_answers(l, c) : 0;
            if (answers)
                send_queries(p[i].fd, &names, answers);
        }
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (p[i].fd >= 0)
            close(p[i].fd);
}

/* ---- a whole zone ------------------------------------------------------------------------ */

/* Counts records until there are as many as the zone has. */
void load_axfr(struct load *l, struct load_names names)
{
    static uint8_t in[IN_BYTES];
    uint8_t room[QUERY_MAX];
    size_t have = 0;
    struct writer w = writer_over(room, sizeof room);
    struct mark length = write_length16(&w);
    write_head(&w, 1, 0, 0);
    write_zone(&w, names.zone);
    write_u16(&w, 252);
    write_u16(&w, 1);
    close_length16(&w, length);
    int fd = load_connect(l, SOCK_STREAM);
    (void)!send(fd, room, writer_length(&w), MSG_NOSIGNAL);
    while (l->done < names.count && load_goes_on(l)) {
        ssize_t n = recv(fd, in + have, sizeof in - have, 0);
        if (n <= 0)
            break;
        have += (size_t)n;
        struct reader r = reader_over(span_of(in, have));
        for (struct reader ahead = r;; r = ahead) { /* ends: each turn takes a message */
            struct span message = read_span(&ahead, read_u16(&ahead));
            struct reader head = reader_over(message);
            if (!reader_ok(&ahead))
                break;
            read_skip(&head, 6);
            l->done += read_u16(&head);
        }
        have = reader_left(&r);
        memmove(in, reader_rest(&r).at, have);
    }
    l->wrong += l->done != names.count;
    close(fd);
}

/* ---- changes ------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* One record more, and after the reply the question for it. False: it is not there. */
static bool change_one(int fd, const char *zone, uint32_t number)
{
    uint8_t room[QUERY_MAX], in[512];
    struct writer w = writer_over(room, sizeof room);
    write_head(&w, (uint16_t)number, 5 << 11, 1); /* UPDATE */
    write_zone(&w, zone);
    write_u16(&w, 6);
    write_u16(&w, 1);
    struct mark name = writer_mark(&w);
    struct mark label = write_length8(&w);
    write_text(&w, "new");
    write_decimal(&w, number);
    close_length8(&w, label);
    write_u16(&w, 0xc00c);
    size_t name_bytes = writer_length(&w) - name.offset;
    write_u16(&w, 1);
    write_u16(&w, 1);
    write_u32(&w, 60);
    write_u16(&w, 4);
    write_u32(&w, 0x0a000001);
    (void)!send(fd, room, writer_length(&w), 0);
    if (recv(fd, in, sizeof in, 0) < 12 || in[3] & 15)
        return false;
    struct writer question = writer_over(in, sizeof in);
    write_head(&question, (uint16_t)number, 0, 0);
    write_bytes(&question, room + name.offset, name_bytes - 2);
    write_zone(&question, zone);
    write_u16(&question, 1);
    write_u16(&question, 1);
    (void)!send(fd, in, writer_length(&question), 0);
    return recv(fd, in, sizeof in, 0) >= 12 && in[7] == 1;
}

void load_dns_update(struct load *l, const char *zone)
{
    enum { CHANGES_MAX = 100000 };
    static uint64_t took_us[CHANGES_MAX];
    int fd = load_connect(l, SOCK_DGRAM);
    struct timeval patience = { .tv_sec = 2 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (uint32_t i = 0; i < CHANGES_MAX && load_goes_on(l); i++) {
        uint64_t before_us = load_us();
        if (change_one(fd, zone, i))
            took_us[l->done++] = load_us() - before_us;
        else
            l->wrong++;
    }
    qsort(took_us, l->done, sizeof *took_us, compare);
    l->p99_us = l->done ? took_us[l->done * 99 / 100] : 0;
    close(fd);
}
