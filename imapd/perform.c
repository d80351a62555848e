#include "perform.h"

#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define MESSAGE_CHUNK ((size_t)64 * 1024)
#define MESSAGE_PARTS                                                                                        \
    ((size_t)2 << 30) /* a ceiling of nothing but last resort: messages have one already                     \
                       */
#define LINE_MAX_OUT 4096

void perform_open(struct perform *p)
{
    *p = (struct perform){ 0 };
    arena_open(&p->arena, MESSAGE_CHUNK, MESSAGE_PARTS);
}

void perform_close(struct perform *p)
{
    mailbox_close(p->mailbox);
    arena_close(&p->arena);
    free(p->out.at);
}

/* ---- output ---------------------------------------------------------------------------------- */

struct writer output_open(struct output *o, size_t bytes)
{
    size_t need = o->length + bytes;
    if (!o->failed && need > o->room) {
        size_t room = need > 2 * o->room ? need : 2 * o->room;
        uint8_t *at = realloc(o->at, room);
        o->failed = !at;
        if (at) {
            o->at = at;
            o->room = room;
        }
    }
    return o->failed ? writer_over(NULL, 0) : writer_over(o->at + o->length, o->room - o->length);
}

void output_commit(struct output *o, const struct writer *w)
{
    if (writer_ok(w) && !o->failed)
        o->length += writer_length(w);
    else
        o->failed = true;
}

void output_format(struct output *o, const char *format, ...)
{
    char line[LINE_MAX_OUT];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    struct writer w = output_open(o, sizeof line);
    write_bytes(&w, line, n > 0 && (size_t)n < sizeof line ? (size_t)n : 0);
    output_commit(o, &w);
}

void perform_answer(struct perform *p, const char *result, const char *text)
{
    p->result = result;
    output_format(&p->out, "%.*s %s %s\r\n", (int)p->command->tag.len, (const char *)p->command->tag.at,
                  result, text);
}

void perform_failed(struct perform *p, const char *what)
{
    int error = errno;
    const char *reply = "[SERVERBUG] The disk has an error: the server's log says which";
    if (error == ENOENT)
        reply = "[NONEXISTENT] There is no such mailbox";
    else if (error == ENOSPC || error == EDQUOT)
        reply = "[OVERQUOTA] The disk is full";
    else if (error == EACCES || error == EPERM || error == EROFS)
        reply = "[NOPERM] The server may not do this";
    else if (error == ENOTEMPTY || error == EEXIST)
        reply = "[ALREADYEXISTS] There is such a mailbox already";
    if (error != ENOENT && error != EEXIST)
        snprintf(p->failure, sizeof p->failure, "%.180s: %s", what, strerror(error));
    perform_answer(p, "NO", reply);
}

/* ---- what others did -------------------------------------------------------------------------- */

void perform_tell_count(struct perform *p)
{
    size_t recent = 0;
    for (size_t i = 0; i < p->mailbox->count; i++)
        recent += (p->mailbox->messages[i].flags & IMAP_RECENT) != 0;
    output_format(&p->out, "* %zu EXISTS\r\n* %zu RECENT\r\n", p->mailbox->count, recent);
}

static void tell_gone(void *owner, size_t number)
{
    struct perform *p = owner;
    output_format(&p->out, "* %zu EXPUNGE\r\n", number);
}

static void tell_changed(void *owner, size_t number)
{
    struct perform *p = owner;
    const struct mailbox_message *x = &p->mailbox->messages[number - 1];
    const struct imap_message m = { .number = (uint32_t)number, .uid = x->uid, .flags = x->flags };
    struct writer w = output_open(&p->out, LINE_MAX_OUT);
    imap_write_fetch_flags(&w, &m, p->command && p->command->uid);
    output_commit(&p->out, &w);
}

bool perform_refresh(struct perform *p, bool expunges)
{
    uint32_t uid_next = p->mailbox->uid_next;
    size_t before = p->mailbox->count;
    if (!mailbox_refresh(p->mailbox, p->now, expunges ? tell_gone : NULL, tell_changed, p)) {
        snprintf(p->failure, sizeof p->failure, "%.180s: %s", p->mailbox->path, strerror(errno));
        return false;
    }
    if (p->mailbox->uid_next != uid_next || p->mailbox->count > before)
        perform_tell_count(p);
    return true;
}

/* The command names messages by their numbers, or is answered with some: no EXPUNGE in front of it (RFC 3501
 * 7.4.1). */
static bool counts_on_numbers(const struct imap_command *c)
{
    return !c->uid && c->verb >= IMAP_SEARCH && c->verb <= IMAP_MOVE;
}

bool perform_means(const struct perform *p, size_t number)
{
    const struct mailbox *m = p->mailbox;
    const struct imap_command *c = p->command;
    uint32_t largest = c->uid ? m->messages[m->count - 1].uid : (uint32_t)m->count;
    uint32_t n = c->uid ? m->messages[number - 1].uid : (uint32_t)number;
    return imap_set_has(&c->set, n, largest);
}

/* RFC 3501 9 (seq-number): a number that is not in use is an error of the client. */
static bool has_bad_number(const struct perform *p)
{
    const struct imap_command *c = p->command;
    for (size_t i = 0; !c->uid && i < c->set.count; i++)
        if (c->set.ranges[i].first > p->mailbox->count || c->set.ranges[i].last > p->mailbox->count)
            return true;
    return false;
}

/* ---- one command ------------------------------------------------------------------------------- */

static void done(struct perform *p)
{
    perform_answer(p, "OK", "Done");
}

static void (*const handlers[])(struct perform *p) = {
    [IMAP_NOOP] = done,
    [IMAP_CHECK] = done,
    [IMAP_SELECT] = perform_select,
    [IMAP_EXAMINE] = perform_select,
    [IMAP_CREATE] = perform_create,
    [IMAP_DELETE] = perform_delete,
    [IMAP_RENAME] = perform_rename,
    [IMAP_SUBSCRIBE] = perform_subscribe,
    [IMAP_UNSUBSCRIBE] = perform_subscribe,
    [IMAP_LIST] = perform_list,
    [IMAP_LSUB] = perform_list,
    [IMAP_STATUS] = perform_status,
    [IMAP_APPEND] = perform_append,
    [IMAP_CLOSE] = perform_close_mailbox,
    [IMAP_UNSELECT] = perform_close_mailbox,
    [IMAP_EXPUNGE] = perform_expunge,
    [IMAP_SEARCH] = perform_search,
    [IMAP_FETCH] = perform_fetch,
    [IMAP_STORE] = perform_store,
    [IMAP_COPY] = perform_copy,
    [IMAP_MOVE] = perform_copy,
};

/* What others did is told before the tagged reply: where the handler answers, it is told already. */
static void before(struct perform *p)
{
    const struct imap_command *c = p->command;
    bool leaves = c->verb == IMAP_SELECT || c->verb == IMAP_EXAMINE || c->verb == IMAP_UNSELECT;
    if (p->mailbox && !leaves && !perform_refresh(p, !counts_on_numbers(c)))
        perform_answer(p, "NO", "[UNAVAILABLE] The mailbox cannot be read; select it again");
    else if (p->mailbox && has_bad_number(p))
        perform_answer(p, "BAD", "There is no such message");
}

void perform_run(struct perform *p)
{
    bool goes_on = p->more;
    p->more = false;
    p->result = NULL;
    p->failure[0] = 0;
    p->appended_bytes = 0;
    if (!p->command) {
        if (p->mailbox)
            perform_refresh(p, true);
        return;
    }
    if (!goes_on) {
        p->next = 0;
        p->gone = false;
        before(p);
    }
    if (!p->result)
        handlers[p->command->verb](p);
    arena_reset(&p->arena);
}
