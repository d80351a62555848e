#include "hostlog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PIPE_BYTES                                                                                           \
    (1024 * 1024) /* the most that an ordinary user may ask for: nobody waits for us to read                 \
                   */

bool hostlog_open(struct hostlog *h, int all_fd, struct problem *p)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        problem_set(p, "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    fcntl(ends[0], F_SETPIPE_SZ, PIPE_BYTES); /* refused: the usual size does, as long as we read */
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    h->read_fd = ends[0];
    h->write_fd = ends[1];
    h->all_fd = all_fd;
    return true;
}

/* False at the end, and when there is nothing more for now. */
static bool take_some(struct hostlog *h)
{
    uint8_t beyond[4096];
    size_t room = sizeof h->bytes - h->length;
    ssize_t n = room ? read(h->read_fd, h->bytes + h->length, room) : read(h->read_fd, beyond, sizeof beyond);
    if (n <= 0)
        return false;
    ssize_t written = write(h->all_fd, room ? h->bytes + h->length : beyond, (size_t)n);
    (void)written; /* kept for a failure's message only */
    if (room)
        h->length += (size_t)n;
    return true;
}

void hostlog_drain(struct hostlog *h)
{
    while (take_some(h)) /* each turn takes bytes of a pipe that others fill slower than we read */
        ;
}

static void readable(uv_poll_t *poll, int status, int events)
{
    struct hostlog *h = poll->data;
    (void)status;
    hostlog_drain(h);
    if (events & UV_DISCONNECT)
        uv_poll_stop(poll);
    if (h->owner)
        h->wake(h->owner);
}

bool hostlog_begin(struct hostlog *h, struct loop *l, struct problem *p)
{
    close(h->write_fd);
    h->write_fd = -1;
    if (uv_poll_init(&l->uv, &h->poll, h->read_fd) != 0) {
        problem_set(p, "out of memory");
        return false;
    }
    h->polls = true;
    h->poll.data = h;
    uv_poll_start(&h->poll, UV_READABLE | UV_DISCONNECT, readable);
    return true;
}

/* Whether the line has this text between blanks. */
static bool has_word(struct span line, const char *before, struct span text)
{
    while (line.len) { /* each turn takes a word */
        struct span word = span_head(line, span_find(line, ' '));
        if (span_starts(word, before) && span_equal(span_from(word, strlen(before)), text))
            return true;
        line = span_from(line, word.len + 1);
    }
    return false;
}

static bool says(struct span line, struct span event, const struct span *fields, size_t count)
{
    if (!has_word(line, "event=", event))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!has_word(line, "", fields[i]))
            return false;
    return true;
}

bool hostlog_find(struct hostlog *h, struct span event, const struct span *fields, size_t count)
{
    struct span rest = span_from(span_of(h->bytes, h->length), h->looked);
    for (size_t end; (end = span_find(rest, '\n')) < rest.len;) { /* each turn takes a line */
        struct span line = span_head(rest, end);
        rest = span_from(rest, end + 1);
        if (says(line, event, fields, count)) {
            h->looked = h->length - rest.len;
            return true;
        }
    }
    return false;
}

void hostlog_close(struct hostlog *h)
{
    if (h->polls)
        uv_close((uv_handle_t *)&h->poll, NULL);
    if (h->read_fd > 0) {
        hostlog_drain(h);
        close(h->read_fd);
    }
    if (h->write_fd > 0)
        close(h->write_fd);
    h->polls = false;
    h->read_fd = h->write_fd = -1;
}
