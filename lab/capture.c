#include "capture.h"

void capture_take(struct capture *c, struct span frame, int64_t unix_ns, bool outgoing)
{
    struct capture_log *log = c->log;
    struct writer w = writer_over(log->bytes, sizeof log->bytes);
    if (unix_ns > c->last_ns)
        c->last_ns = unix_ns;
    writer_take(&w, log->length);
    write_u8(&w, c->number);
    write_u8(&w, outgoing);
    write_u64(&w, (uint64_t)c->last_ns);
    write_u32(&w, (uint32_t)frame.len);
    write_span(&w, frame);
    if (writer_ok(&w))
        log->length = writer_length(&w);
    else
        log->full = true;
}

static void frame_came(void *owner, struct link *l, struct span frame, int64_t unix_ns, bool outgoing)
{
    (void)l;
    capture_take(owner, frame, unix_ns, outgoing);
}

bool capture_open(struct capture *c, struct loop *l, const char *interface, struct capture_log *log,
                  uint8_t number, struct problem *p)
{
    *c = (struct capture){ .log = log, .number = number };
    c->link = link_open(l, interface, frame_came, c, p);
    return c->link != NULL;
}

void capture_drain(struct capture *c)
{
    while (link_drain(c->link) &&
           !c->log->full) /* the socket's buffer has an end, and nobody sends any more */
        ;
}

void capture_close(struct capture *c)
{
    if (c->link)
        link_close(c->link);
    c->link = NULL;
}

struct reader capture_log_reader(const struct capture_log *log)
{
    return reader_over(span_of(log->bytes, log->length));
}

bool capture_log_next(struct reader *r, struct capture_record *out)
{
    if (!reader_left(r))
        return false;
    out->number = read_u8(r);
    out->outgoing = read_u8(r) != 0;
    out->unix_ns = (int64_t)read_u64(r);
    size_t length = read_u32(r);
    out->frame = read_span(r, length);
    return reader_ok(r);
}
