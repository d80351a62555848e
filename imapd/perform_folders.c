/* Commands about whole mailboxes (RFC 3501 6.3). */
#include "perform.h"
#include "store.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUBSCRIPTIONS     "subscriptions"
#define SUBSCRIPTIONS_MAX ((size_t)1024 * 1024) /* bytes of that file */
#define FOLDERS_MAX       10000                 /* of a user; more are not listed */
#define FILE_MODE         0600

/* A sorted list of names; those that are only above others are no mailboxes. */
struct folder {
    struct span name;
    bool no_select, children;
};

struct folders {
    struct perform *p;
    struct folder *items;
    size_t count;
};

/* ---- where a mailbox is -------------------------------------------------------------------------- */

/* False: its path is too long, and that is answered. INBOX is always there. */
static bool find(struct perform *p, struct span name, char path[PATH_MAX])
{
    if (!mailbox_path(p->root, name, path)) {
        perform_answer(p, "NO", "[CANNOT] The name is too long");
        return false;
    }
    if (span_is(name, "INBOX") && !mailbox_exists(path) && !mailbox_make(path)) {
        perform_failed(p, path);
        return false;
    }
    return true;
}

/* The same, and it must exist. */
static bool find_existing(struct perform *p, struct span name, char path[PATH_MAX])
{
    if (!find(p, name, path))
        return false;
    if (mailbox_exists(path))
        return true;
    perform_answer(p, "NO", "[NONEXISTENT] There is no such mailbox");
    return false;
}

/* ---- SELECT, EXAMINE, CLOSE ------------------------------------------------------------------------ */

static size_t first_unseen(const struct mailbox *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (!(m->messages[i].flags & IMAP_SEEN))
            return i + 1;
    return 0;
}

static void write_flag_list(struct perform *p, const char *before, unsigned flags, const char *behind)
{
    char room[256];
    struct writer w = writer_over(room, sizeof room);
    imap_write_flags(&w, flags);
    output_format(&p->out, "%s(%.*s)%s\r\n", before, (int)writer_length(&w), room, behind);
}

static void tell_mailbox(struct perform *p)
{
    const struct mailbox *m = p->mailbox;
    write_flag_list(p, "* FLAGS ", IMAP_FLAGS_KEPT, "");
    write_flag_list(p, "* OK [PERMANENTFLAGS ", p->examined ? 0 : IMAP_FLAGS_KEPT, "] These are kept");
    perform_tell_count(p);
    if (first_unseen(m) > 0)
        output_format(&p->out, "* OK [UNSEEN %zu] The first that was not read\r\n", first_unseen(m));
    output_format(&p->out, "* OK [UIDVALIDITY %lu] UIDs are valid\r\n* OK [UIDNEXT %lu] The next UID\r\n",
                  (unsigned long)m->uid_validity, (unsigned long)m->uid_next);
}

void perform_select(struct perform *p)
{
    char path[PATH_MAX];
    mailbox_close(p->mailbox); /* RFC 3501 6.3.1: also when the new one cannot be selected */
    p->mailbox = NULL;
    p->examined = p->command->verb == IMAP_EXAMINE;
    if (!find_existing(p, p->command->mailbox, path))
        return;
    p->mailbox = mailbox_open(path, false, p->now);
    if (!p->mailbox) {
        perform_failed(p, path);
        return;
    }
    tell_mailbox(p);
    perform_answer(p, "OK", p->examined ? "[READ-ONLY] Selected" : "[READ-WRITE] Selected");
}

/* CLOSE removes what is marked as deleted, without a word of each (RFC 3501 6.4.2). */
void perform_close_mailbox(struct perform *p)
{
    struct mailbox *m = p->mailbox;
    bool ok = true;
    for (size_t i = 0; p->command->verb == IMAP_CLOSE && !p->examined && i < m->count; i++)
        if (m->messages[i].flags & IMAP_DELETED)
            ok = mailbox_unlink(m, i + 1) && ok;
    if (!ok)
        perform_failed(p, m->path);
    else
        perform_answer(p, "OK", "Done");
    mailbox_close(m);
    p->mailbox = NULL;
}

/* ---- CREATE, DELETE, RENAME -------------------------------------------------------------------------- */

void perform_create(struct perform *p)
{
    char path[PATH_MAX];
    if (!find(p, p->command->mailbox, path))
        return;
    if (mailbox_exists(path))
        perform_answer(p, "NO", "[ALREADYEXISTS] There is such a mailbox already");
    else if (!mailbox_make(path))
        perform_failed(p, path);
    else
        perform_answer(p, "OK", "Done");
}

static bool is_selected(const struct perform *p, const char *path)
{
    return p->mailbox && strcmp(p->mailbox->path, path) == 0;
}

void perform_delete(struct perform *p)
{
    char path[PATH_MAX];
    if (span_is(p->command->mailbox, "INBOX")) {
        perform_answer(p, "NO", "[CANNOT] INBOX stays");
        return;
    }
    if (!find_existing(p, p->command->mailbox, path))
        return;
    if (is_selected(p, path))
        perform_answer(p, "NO", "[INUSE] It is selected");
    else if (!mailbox_remove(path))
        perform_failed(p, path);
    else
        perform_answer(p, "OK", "Done");
}

/* RFC 3501 6.3.5: its messages go to the new mailbox, and INBOX is empty then. */
static bool move_inbox(struct perform *p, const char *from, const char *to)
{
    char directory[PATH_MAX + 8], old[2 * PATH_MAX], new[2 * PATH_MAX];
    struct mailbox *m = mailbox_make(to) ? mailbox_open(from, false, p->now) : NULL; /* new/ goes to cur/ */
    bool ok = m != NULL;
    mailbox_close(m);
    snprintf(directory, sizeof directory, "%s/cur", from);
    DIR *d = ok ? opendir(directory) : NULL;
    for (struct dirent *e; d && ok && (e = readdir(d));) { /* an entry a turn */
        if (e->d_name[0] == '.')
            continue;
        snprintf(old, sizeof old, "%s/%s", directory, e->d_name);
        snprintf(new, sizeof new, "%s/cur/%s", to, e->d_name);
        ok = rename(old, new) == 0;
    }
    if (d)
        closedir(d);
    return ok && d;
}

static bool is_below(struct span name, struct span above)
{
    return name.len > above.len && name.at[above.len] == IMAP_DELIMITER &&
           span_equal(span_head(name, above.len), above);
}

struct renaming {
    struct perform *p;
    bool failed;
};

static void rename_below(void *owner, struct span name)
{
    struct renaming *r = owner;
    const struct imap_command *c = r->p->command;
    char from[PATH_MAX], to[PATH_MAX], new[IMAP_NAME_MAX + 1];
    struct writer w = writer_over(new, sizeof new);
    if (!is_below(name, c->mailbox))
        return;
    write_span(&w, c->to);
    write_span(&w, span_from(name, c->mailbox.len));
    r->failed = r->failed || !writer_ok(&w) || !mailbox_path(r->p->root, name, from) ||
                !mailbox_path(r->p->root, writer_span(&w), to) || rename(from, to) != 0;
}

void perform_rename(struct perform *p)
{
    const struct imap_command *c = p->command;
    struct renaming below = { .p = p };
    char from[PATH_MAX], to[PATH_MAX];
    if (!find_existing(p, c->mailbox, from) || !find(p, c->to, to))
        return;
    if (mailbox_exists(to)) {
        perform_answer(p, "NO", "[ALREADYEXISTS] There is such a mailbox already");
    } else if (is_selected(p, from) && !span_is(c->mailbox, "INBOX")) {
        perform_answer(p, "NO", "[INUSE] It is selected");
    } else if (span_is(c->mailbox, "INBOX") ? !move_inbox(p, from, to) : rename(from, to) != 0) {
        perform_failed(p, from);
    } else {
        if (!span_is(c->mailbox, "INBOX"))
            mailbox_list(p->root, rename_below, &below);
        if (below.failed)
            perform_failed(p, from);
        else
            perform_answer(p, "OK", "Done");
    }
}

/* ---- LIST, LSUB, SUBSCRIBE ----------------------------------------------------------------------------- */

static struct folder *folder_of(const struct folders *f, struct span name)
{
    for (size_t i = f->count; i > 0; i--)
        if (span_equal(f->items[i - 1].name, name))
            return &f->items[i - 1];
    return NULL;
}

static struct folder *add_folder(struct folders *f, struct span name, bool no_select)
{
    struct folder *known = folder_of(f, name);
    struct span copy = known || f->count == FOLDERS_MAX ? name : arena_copy(&f->p->arena, name);
    if (known || f->count == FOLDERS_MAX || !copy.at)
        return known;
    f->items[f->count] = (struct folder){ .name = copy, .no_select = no_select };
    return &f->items[f->count++];
}

/* A folder, and the names above it, which may be no mailboxes. */
static void take_folder(void *owner, struct span name)
{
    struct folders *f = owner;
    for (size_t i = 0; i < name.len; i++) {
        struct folder *above = name.at[i] == IMAP_DELIMITER ? add_folder(f, span_head(name, i), true) : NULL;
        if (above)
            above->children = true;
    }
    struct folder *itself = add_folder(f, name, false);
    if (itself)
        itself->no_select = false;
}

static char *read_subscriptions(const struct perform *p, size_t *length)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/%s", p->root, SUBSCRIPTIONS);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = malloc(SUBSCRIPTIONS_MAX);
    ssize_t n = fd >= 0 && text ? read(fd, text, SUBSCRIPTIONS_MAX) : 0;
    if (fd >= 0)
        close(fd);
    *length = n > 0 ? (size_t)n : 0;
    return text;
}

/* Calls fn with each line. */
static void each_line(struct span text, void (*fn)(void *owner, struct span name), void *owner)
{
    while (text.len > 0) { /* each turn takes a line */
        struct span line = span_head(text, span_find(text, '\n'));
        text = span_from(text, line.len + 1);
        if (line.len > 0)
            fn(owner, line);
    }
}

static void list_folder(struct perform *p, const struct folder *f)
{
    const struct imap_command *c = p->command;
    struct writer w = output_open(&p->out, 3 * IMAP_NAME_MAX + 128);
    bool lsub = c->verb == IMAP_LSUB;
    write_text(&w, lsub ? "* LSUB (" : "* LIST (");
    if (f->no_select)
        write_text(&w, lsub ? "\\Noselect" : "\\Noselect ");
    if (!lsub)
        write_text(&w, f->children ? "\\HasChildren" : "\\HasNoChildren");
    write_format(&w, ") \"%c\" ", IMAP_DELIMITER);
    imap_write_astring(&w, f->name);
    write_text(&w, "\r\n");
    output_commit(&p->out, &w);
}

void perform_list(struct perform *p)
{
    const struct imap_command *c = p->command;
    struct folders f = { p, arena_array(&p->arena, FOLDERS_MAX, sizeof *f.items), 0 };
    size_t length;
    if (c->verb == IMAP_LIST && c->pattern.len == 0) { /* RFC 3501 6.3.8: what the delimiter is */
        output_format(&p->out, "* LIST (\\Noselect) \"%c\" \"\"\r\n", IMAP_DELIMITER);
        perform_answer(p, "OK", "Done");
        return;
    }
    char *subscribed = read_subscriptions(p, &length);
    if (!f.items || !subscribed) {
        p->out.failed = true;
    } else if (c->verb == IMAP_LIST) {
        mailbox_list(p->root, take_folder, &f);
    } else {
        each_line(span_of(subscribed, length), take_folder, &f);
    }
    for (size_t i = 0; i < f.count; i++)
        if (imap_name_matches(f.items[i].name, c->pattern))
            list_folder(p, &f.items[i]);
    free(subscribed);
    perform_answer(p, "OK", "Done");
}

struct lines {
    struct writer w;
    struct span without;
};

static void keep_line(void *owner, struct span line)
{
    struct lines *l = owner;
    if (span_equal(line, l->without))
        return;
    write_span(&l->w, line);
    write_u8(&l->w, '\n');
}

void perform_subscribe(struct perform *p)
{
    const struct imap_command *c = p->command;
    char path[PATH_MAX + 16];
    size_t length;
    char *text = read_subscriptions(p, &length), *room = malloc(SUBSCRIPTIONS_MAX);
    struct lines l = { writer_over(room, room ? SUBSCRIPTIONS_MAX : 0), c->mailbox };
    each_line(span_of(text, text ? length : 0), keep_line, &l);
    if (c->verb == IMAP_SUBSCRIBE) {
        write_span(&l.w, c->mailbox);
        write_u8(&l.w, '\n');
    }
    snprintf(path, sizeof path, "%s/%s", p->root, SUBSCRIPTIONS);
    if (!text || !writer_ok(&l.w))
        perform_answer(p, "NO", "[LIMIT] There is no room for more subscriptions");
    else if (!mailbox_make(p->root) || !file_write_durably(path, writer_span(&l.w), FILE_MODE))
        perform_failed(p, path);
    else
        perform_answer(p, "OK", "Done");
    free(text);
    free(room);
}

/* ---- STATUS, APPEND ---------------------------------------------------------------------------------------
 */

static void write_status(struct perform *p, const struct mailbox *m)
{
    size_t recent = 0, unseen = 0;
    for (size_t i = 0; i < m->count; i++) {
        recent += (m->messages[i].flags & IMAP_RECENT) != 0;
        unseen += !(m->messages[i].flags & IMAP_SEEN);
    }
    const struct {
        enum imap_status_item item;
        const char *name;
        size_t value;
    } items[] = { { IMAP_STATUS_MESSAGES, "MESSAGES", m->count },
                  { IMAP_STATUS_RECENT, "RECENT", recent },
                  { IMAP_STATUS_UIDNEXT, "UIDNEXT", m->uid_next },
                  { IMAP_STATUS_UIDVALIDITY, "UIDVALIDITY", m->uid_validity },
                  { IMAP_STATUS_UNSEEN, "UNSEEN", unseen } };
    struct writer w = output_open(&p->out, 3 * IMAP_NAME_MAX + 256);
    write_text(&w, "* STATUS ");
    imap_write_astring(&w, p->command->mailbox);
    const char *before = " (";
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        if (!(p->command->status & items[i].item))
            continue;
        write_format(&w, "%s%s %zu", before, items[i].name, items[i].value);
        before = " ";
    }
    write_text(&w, ")\r\n");
    output_commit(&p->out, &w);
}

void perform_status(struct perform *p)
{
    char path[PATH_MAX];
    if (!find_existing(p, p->command->mailbox, path))
        return;
    struct mailbox *m = is_selected(p, path) ? p->mailbox : mailbox_open(path, false, p->now);
    if (!m) {
        perform_failed(p, path);
        return;
    }
    write_status(p, m);
    if (m != p->mailbox)
        mailbox_close(m);
    perform_answer(p, "OK", "Done");
}

void perform_append(struct perform *p)
{
    const struct imap_command *c = p->command;
    char path[PATH_MAX], name[1][MAILBOX_NAME_BYTES], answer[128];
    uint32_t validity, uid;
    if (!find(p, c->mailbox, path))
        return;
    if (!mailbox_exists(path)) {
        perform_answer(p, "NO", "[TRYCREATE] There is no such mailbox");
        return;
    }
    int64_t date_s = c->has_date ? c->date_s : p->now.unix_ms / 1000;
    if (!mailbox_put(path, c->text, c->flags, date_s, p->now, p->unique++, name[0]) ||
        !mailbox_settle(path, p->now, name, 1, &validity, &uid)) {
        perform_failed(p, path);
        return;
    }
    p->appended_bytes = c->text.len;
    if (is_selected(p, path))
        perform_refresh(p, true);
    snprintf(answer, sizeof answer, "[APPENDUID %lu %lu] It is there", (unsigned long)validity,
             (unsigned long)uid); /* RFC 4315 3 */
    perform_answer(p, "OK", answer);
}
