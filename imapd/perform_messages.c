/* Commands about the messages of the selected mailbox (RFC 3501 6.4). */
#include "perform.h"
#include "search.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define FETCH_ROOM    ((size_t)16 * 1024) /* for what FETCH writes beside a message's text; it grows */
#define FETCH_MAX     ((size_t)1 << 31)
#define NUMBER_DIGITS 11

/* ---- one message ------------------------------------------------------------------------------------ */

struct loaded {
    uint8_t *text; /* from malloc */
    struct mime_tree tree;
    struct imap_message message;
};

static struct imap_message message_of(const struct perform *p, size_t number)
{
    const struct mailbox_message *x = &p->mailbox->messages[number - 1];
    return (struct imap_message){
        .number = (uint32_t)number, .uid = x->uid, .flags = x->flags, .date_s = x->date_s, .bytes = x->bytes
    };
}

/* The text, and with it the tree of its parts. False: it is gone, or there is no memory. */
static bool load(struct perform *p, size_t number, struct loaded *l)
{
    size_t length;
    l->message = message_of(p, number);
    l->text = mailbox_read(p->mailbox, number, &length);
    l->tree.parts = l->text ? arena_array(&p->arena, MIME_PARTS_MAX, sizeof *l->tree.parts) : NULL;
    l->tree.room = MIME_PARTS_MAX;
    if (!l->tree.parts) {
        free(l->text);
        return false;
    }
    l->message.text = span_of(l->text, length);
    mime_parse(&l->tree, l->message.text);
    l->message.tree = &l->tree;
    return true;
}

static bool is_gone(const struct perform *p, size_t number)
{
    return !p->mailbox->messages[number - 1].name[0];
}

/* Numbers of messages that a command means, which others removed meanwhile: RFC 2180 4.1. */
static void answer_with_gone(struct perform *p, bool gone)
{
    if (gone)
        perform_answer(p, "NO", "[EXPUNGEISSUED] Some of these messages are gone");
    else
        perform_answer(p, "OK", "Done");
}

static bool refuse_examined(struct perform *p)
{
    if (p->examined)
        perform_answer(p, "NO", "[CANNOT] The mailbox was opened by EXAMINE");
    return p->examined;
}

/* ---- FETCH -------------------------------------------------------------------------------------------- */

/* Writes it again with more room until it fits. */
static void write_message(struct perform *p, const struct imap_message *m, bool flags)
{
    for (size_t room = FETCH_ROOM + m->text.len; room < FETCH_MAX; room *= 2) {
        struct writer w = output_open(&p->out, room);
        imap_write_fetch(&w, &p->command->fetch, m, flags, p->command->uid, &p->arena);
        if (writer_ok(&w) || p->out.failed) {
            output_commit(&p->out, &w);
            return;
        }
    }
    p->out.failed = true;
}

static bool wants_size(const struct imap_fetch *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->items[i].kind == IMAP_FETCH_SIZE)
            return true;
    return false;
}

/* False: the message is gone. */
static bool fetch_one(struct perform *p, size_t number)
{
    const struct imap_fetch *f = &p->command->fetch;
    struct mailbox_message *x = &p->mailbox->messages[number - 1];
    struct loaded l = { 0 };
    arena_reset(&p->arena);
    if (is_gone(p, number) || (wants_size(f) && !mailbox_measure(p->mailbox, number)))
        return false;
    if (f->needs_text && !load(p, number, &l))
        return false;
    bool sees = f->sees && !p->examined && !(x->flags & IMAP_SEEN) &&
                mailbox_set_flags(p->mailbox, number, x->flags | IMAP_SEEN);
    struct imap_message m = message_of(p, number);
    m.text = l.message.text;
    m.tree = l.message.tree;
    write_message(p, &m, sees);
    free(l.text);
    return true;
}

void perform_fetch(struct perform *p)
{
    for (size_t number = p->next + 1; number <= p->mailbox->count; number++) {
        if (!perform_means(p, number))
            continue;
        p->gone = !fetch_one(p, number) || p->gone;
        p->next = number;
        p->more = p->out.length >= PERFORM_PIECE_BYTES;
        if (p->more || p->out.failed)
            return;
    }
    answer_with_gone(p, p->gone);
}

/* ---- SEARCH ---------------------------------------------------------------------------------------------
 */

static bool matches(struct perform *p, size_t number)
{
    const struct mailbox *m = p->mailbox;
    const struct imap_search *s = &p->command->search;
    struct loaded l = { 0 };
    arena_reset(&p->arena);
    if (is_gone(p, number) || !mailbox_measure(p->mailbox, number) ||
        (imap_search_needs_text(s) && !load(p, number, &l)))
        return false;
    struct imap_message x = message_of(p, number);
    x.tree = l.message.tree;
    x.text = l.message.text;
    bool yes = imap_search_matches(s, &x, (uint32_t)m->count, m->messages[m->count - 1].uid, &p->arena);
    free(l.text);
    return yes;
}

void perform_search(struct perform *p)
{
    output_format(&p->out, "* SEARCH");
    for (size_t number = 1; number <= p->mailbox->count; number++)
        if (matches(p, number))
            output_format(&p->out, " %lu",
                          (unsigned long)(p->command->uid ? p->mailbox->messages[number - 1].uid : number));
    output_format(&p->out, "\r\n");
    perform_answer(p, "OK", "Done");
}

/* ---- STORE ------------------------------------------------------------------------------------------------
 */

static unsigned new_flags(const struct imap_command *c, unsigned old)
{
    return c->mode == IMAP_STORE_ADD      ? old | c->flags
           : c->mode == IMAP_STORE_REMOVE ? old & ~c->flags
                                          : c->flags;
}

void perform_store(struct perform *p)
{
    const struct imap_command *c = p->command;
    bool gone = false;
    if (refuse_examined(p))
        return;
    for (size_t number = 1; number <= p->mailbox->count; number++) {
        if (!perform_means(p, number))
            continue;
        unsigned old = p->mailbox->messages[number - 1].flags & IMAP_FLAGS_KEPT, new = new_flags(c, old);
        if (is_gone(p, number) || (new != old && !mailbox_set_flags(p->mailbox, number, new))) {
            gone = true;
            continue;
        }
        const struct imap_message m = message_of(p, number);
        struct writer w = output_open(&p->out, 256);
        if (!c->silent)
            imap_write_fetch_flags(&w, &m, c->uid);
        output_commit(&p->out, &w);
    }
    answer_with_gone(p, gone);
}

/* ---- EXPUNGE
 * ----------------------------------------------------------------------------------------------- */

/* Removes one and tells it; what stands behind it moves up. False with errno. */
static bool expunge_one(struct perform *p, size_t number)
{
    if (!mailbox_unlink(p->mailbox, number))
        return false;
    mailbox_drop(p->mailbox, number);
    output_format(&p->out, "* %zu EXPUNGE\r\n", number);
    return true;
}

void perform_expunge(struct perform *p)
{
    struct mailbox *m = p->mailbox;
    if (refuse_examined(p))
        return;
    for (size_t number = m->count; number > 0; number--) {
        bool meant =
            m->messages[number - 1].flags & IMAP_DELETED && (!p->command->uid || perform_means(p, number));
        if (meant && !expunge_one(p, number)) {
            perform_failed(p, m->path);
            return;
        }
    }
    perform_answer(p, "OK", "Done");
}

/* ---- COPY, MOVE
 * ---------------------------------------------------------------------------------------------- */

/* What is copied: all or nothing (RFC 3501 6.4.7). */
struct copying {
    char path[PATH_MAX]; /* of the target */
    size_t count;
    size_t *numbers;
    char (*names)[MAILBOX_NAME_BYTES];
    uint32_t *uids, validity;
};

static bool copy_one(struct perform *p, struct copying *y, size_t number)
{
    const struct mailbox_message *x = &p->mailbox->messages[number - 1];
    size_t length;
    uint8_t *text = mailbox_read(p->mailbox, number, &length);
    bool ok = text && mailbox_put(y->path, span_of(text, length), x->flags & IMAP_FLAGS_KEPT, x->date_s,
                                  p->now, p->unique++, y->names[y->count]);
    if (ok)
        y->numbers[y->count++] = number;
    free(text);
    return ok;
}

static bool copy_all(struct perform *p, struct copying *y)
{
    bool ok = true;
    for (size_t number = 1; ok && number <= p->mailbox->count; number++)
        if (perform_means(p, number))
            ok = copy_one(p, y, number);
    if (ok && (y->count == 0 || mailbox_settle(y->path, p->now, y->names, y->count, &y->validity, y->uids)))
        return true;
    int error = errno;
    for (size_t i = 0; i < y->count; i++)
        mailbox_unput(y->path, y->names[i]);
    errno = error;
    return false;
}

/* "[COPYUID 38505 304,319:320 3956:3958]" (RFC 4315 3). */
static void write_copyuid(const struct perform *p, const struct copying *y, struct writer *w)
{
    struct imap_run from = { 0 }, to = { 0 };
    write_format(w, "[COPYUID %lu ", (unsigned long)y->validity);
    for (size_t i = 0; i < y->count; i++)
        imap_write_run(w, &from, p->mailbox->messages[y->numbers[i] - 1].uid);
    imap_write_run_end(w, &from);
    write_u8(w, ' ');
    for (size_t i = 0; i < y->count; i++)
        imap_write_run(w, &to, y->uids[i]);
    imap_write_run_end(w, &to);
    write_text(w, "] Done");
}

/* MOVE tells COPYUID first and what is gone then (RFC 6851 4.3). */
static void answer_copied(struct perform *p, const struct copying *y)
{
    struct writer w = output_open(&p->out, 128 + 4 * NUMBER_DIGITS * y->count);
    bool moves = p->command->verb == IMAP_MOVE;
    if (y->count == 0) {
        perform_answer(p, "OK", "Done");
        return;
    }
    if (moves)
        write_text(&w, "* OK ");
    else
        write_format(&w, "%.*s OK ", (int)p->command->tag.len, (const char *)p->command->tag.at);
    write_copyuid(p, y, &w);
    write_text(&w, "\r\n");
    output_commit(&p->out, &w);
    p->result = "OK";
    bool ok = true;
    for (size_t i = y->count; moves && ok && i > 0; i--)
        ok = expunge_one(p, y->numbers[i - 1]);
    if (moves && !ok)
        perform_failed(p, p->mailbox->path);
    else if (moves)
        perform_answer(p, "OK", "Done");
}

static bool find_target(struct perform *p, char path[PATH_MAX])
{
    if (!mailbox_path(p->root, p->command->to, path))
        perform_answer(p, "NO", "[CANNOT] The name is too long");
    else if (!mailbox_exists(path))
        perform_answer(p, "NO", "[TRYCREATE] There is no such mailbox");
    return p->result == NULL;
}

void perform_copy(struct perform *p)
{
    struct copying y = { 0 };
    size_t most = p->mailbox->count;
    if ((p->command->verb == IMAP_MOVE && refuse_examined(p)) || !find_target(p, y.path))
        return;
    y.numbers = calloc(most + 1, sizeof *y.numbers);
    y.names = calloc(most + 1, sizeof *y.names);
    y.uids = calloc(most + 1, sizeof *y.uids);
    if (!y.numbers || !y.names || !y.uids)
        p->out.failed = true;
    else if (copy_all(p, &y))
        answer_copied(p, &y);
    else if (errno == ENOENT)
        answer_with_gone(p, true);
    else
        perform_failed(p, y.path);
    free(y.numbers);
    free(y.names);
    free(y.uids);
}
