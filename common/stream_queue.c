#include "stream_queue.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define COPY_BYTES  4096 /* the least a segment for copies holds */
#define GATHER_MAX  16   /* segments in one system call */
#define FILE_A_CALL (1024 * 1024)

enum segment_kind { SEGMENT_COPY, SEGMENT_BORROWED, SEGMENT_SHARED, SEGMENT_FILE };

struct segment {
    struct list_node node;
    enum segment_kind kind;
    struct writer copy; /* COPY, BORROWED */
    struct span left;   /* what is not sent yet; for a file only its length counts */
    void (*release)(void *owner);
    void *owner;
    int fd;
    off_t from;
    uint8_t bytes[];
};

void queue_open(struct stream_queue *q, struct loop *l)
{
    q->loop = l;
    list_open(&q->segments);
    q->bytes = 0;
}

static void segment_end(struct stream_queue *q, struct segment *s)
{
    list_remove(&s->node);
    if (s->kind == SEGMENT_BORROWED)
        q->loop->out_scratch_used = false;
    if (s->release)
        s->release(s->owner);
    if (s->kind == SEGMENT_FILE)
        close(s->fd);
    if (s->kind == SEGMENT_BORROWED && !q->loop->spare)
        q->loop->spare = s;
    else
        free(s);
}

static struct segment *first(const struct stream_queue *q)
{
    struct list_node *n = list_first(&q->segments);
    return n ? list_item(n, struct segment, node) : NULL;
}

void queue_close(struct stream_queue *q)
{
    struct segment *s;
    while ((s = first(q)))
        segment_end(q, s);
    q->bytes = 0;
}

static struct segment *segment_new(struct stream_queue *q, enum segment_kind kind, size_t room)
{
    struct segment *s = kind == SEGMENT_BORROWED ? q->loop->spare : NULL;
    if (s)
        q->loop->spare = NULL;
    else
        s = malloc(sizeof *s + room);
    if (!s)
        return NULL;
    *s = (struct segment){ .kind = kind, .fd = -1 };
    list_append(&q->segments, &s->node);
    return s;
}

static struct segment *last(struct stream_queue *q)
{
    return list_empty(&q->segments) ? NULL : list_item(q->segments.head.previous, struct segment, node);
}

uint8_t *queue_room(struct stream_queue *q, size_t bytes, bool borrow)
{
    struct segment *s = last(q);
    bool copies = s && (s->kind == SEGMENT_COPY || s->kind == SEGMENT_BORROWED);
    if (copies && writer_room(&s->copy) >= bytes)
        return s->copy.at;
    if (borrow && !q->loop->out_scratch_used && bytes <= LOOP_SCRATCH_BYTES) {
        s = segment_new(q, SEGMENT_BORROWED, 0);
        if (!s)
            return NULL;
        q->loop->out_scratch_used = true;
        s->copy = writer_over(q->loop->out_scratch, LOOP_SCRATCH_BYTES);
    } else {
        size_t room = bytes > COPY_BYTES ? bytes : COPY_BYTES;
        s = segment_new(q, SEGMENT_COPY, room);
        if (!s)
            return NULL;
        s->copy = writer_over(s->bytes, room);
    }
    s->left = span_of(s->copy.start, 0);
    return s->copy.at;
}

void queue_commit(struct stream_queue *q, size_t bytes)
{
    struct segment *s = last(q);
    if (!s || !writer_take(&s->copy, bytes))
        return;
    s->left.len += bytes;
    q->bytes += bytes;
}

bool queue_shared(struct stream_queue *q, struct span bytes, void (*release)(void *owner), void *owner)
{
    struct segment *s = segment_new(q, SEGMENT_SHARED, 0);
    if (!s)
        return false;
    s->left = bytes;
    s->release = release;
    s->owner = owner;
    q->bytes += bytes.len;
    return true;
}

bool queue_file(struct stream_queue *q, int fd, off_t from, uint64_t len)
{
    struct segment *s = segment_new(q, SEGMENT_FILE, 0);
    if (!s) {
        close(fd);
        return false;
    }
    s->fd = fd;
    s->from = from;
    s->left = span_of(NULL, (size_t)len);
    q->bytes += len;
    return true;
}

/* Takes n sent bytes off the front, and the segments that are done with them. */
static void sent(struct stream_queue *q, size_t n)
{
    struct segment *s;
    q->bytes -= n;
    while ((s = first(q)) && n >= s->left.len) {
        n -= s->left.len;
        segment_end(q, s);
    }
    if (s && n) {
        s->left = s->kind == SEGMENT_FILE ? span_of(NULL, s->left.len - n) : span_from(s->left, n);
        s->from += (off_t)n;
    }
}

static ssize_t send_gathered(struct stream_queue *q, int fd)
{
    struct iovec iov[GATHER_MAX];
    struct msghdr m = { .msg_iov = iov };
    struct list_node *n = list_first(&q->segments);
    for (; n && m.msg_iovlen < GATHER_MAX; n = list_next(&q->segments, n)) {
        struct segment *s = list_item(n, struct segment, node);
        if (s->kind == SEGMENT_FILE)
            break;
        iov[m.msg_iovlen++] = (struct iovec){ (void *)(uintptr_t)s->left.at, s->left.len };
    }
    int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (n ? MSG_MORE : 0);
    if (m.msg_iovlen == 1) /* most are: the kernel has nothing to gather */
        return send(fd, iov[0].iov_base, iov[0].iov_len, flags);
    return sendmsg(fd, &m, flags);
}

static ssize_t send_file(struct segment *s, int fd)
{
    off_t from = s->from;
    ssize_t n = sendfile(fd, s->fd, &from, s->left.len < FILE_A_CALL ? s->left.len : FILE_A_CALL);
    if (n == 0 && s->left.len) { /* the file is shorter than it was: what was promised cannot be kept */
        errno = EIO;
        return -1;
    }
    return n;
}

static ssize_t send_clear(struct stream_queue *q, int fd)
{
    struct segment *s = first(q);
    ssize_t n;
    do
        n = s->kind == SEGMENT_FILE ? send_file(s, fd) : send_gathered(q, fd);
    while (n < 0 && errno == EINTR);
    return n;
}

/* The next bytes for TLS; a file goes through the loop's reading scratch. */
static struct span next_for_tls(struct stream_queue *q, struct segment *s)
{
    if (s->kind != SEGMENT_FILE)
        return span_head(s->left, INT_MAX);
    size_t want = s->left.len < LOOP_SCRATCH_BYTES ? s->left.len : LOOP_SCRATCH_BYTES;
    ssize_t n = pread(s->fd, q->loop->scratch, want, s->from);
    return span_of(q->loop->scratch, n > 0 ? (size_t)n : 0);
}

static ssize_t send_tls(struct stream_queue *q, SSL *ssl)
{
    struct segment *s = first(q);
    struct span next = next_for_tls(q, s);
    if (next.len == 0 && s->left.len) {
        errno = EIO;
        return -1;
    }
    if (next.len == 0)
        return 0;
    errno = 0;
    ERR_clear_error(); /* one that somebody else left would be taken for ours */
    int n = SSL_write(ssl, next.at, (int)next.len);
    if (n > 0)
        return n;
    int why = SSL_get_error(ssl, n);
    if (why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ)
        errno = EAGAIN;
    return -1;
}

enum queue_state queue_send(struct stream_queue *q, int fd, SSL *ssl)
{
    while (!list_empty(&q->segments)) {
        ssize_t n = ssl ? send_tls(q, ssl) : send_clear(q, fd);
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? QUEUE_BLOCKED : QUEUE_FAILED;
        sent(q, (size_t)n);
    }
    return QUEUE_EMPTY;
}

bool queue_settle(struct stream_queue *q)
{
    for (struct list_node *n = list_first(&q->segments); n; n = list_next(&q->segments, n)) {
        struct segment *s = list_item(n, struct segment, node);
        if (s->kind != SEGMENT_BORROWED)
            continue;
        struct segment *own = malloc(sizeof *own + s->left.len);
        if (!own)
            return false;
        *own = (struct segment){ .kind = SEGMENT_COPY, .fd = -1 };
        own->copy = writer_over(own->bytes, s->left.len);
        write_span(&own->copy, s->left);
        own->left = writer_span(&own->copy);
        list_insert_before(&s->node, &own->node);
        segment_end(q, s);
        return true;
    }
    return true;
}
