#include "mailbox.h"

#include "store.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define UIDS_FILE      ".imap-uids"
#define DIRECTORY_MODE 0700
#define FILE_MODE      0600
#define LINE_BYTES     (MAILBOX_NAME_BYTES + 32)
#define BASE_BYTES_MAX (MAILBOX_NAME_BYTES - 16) /* room for flags; longer names are no messages */
#define SETTLED_MS     1000 /* a directory changed that long ago has another time when it changes again */
#define LINE_END_BYTES 2048 /* of a file: enough to see how its lines end */

/* A UID that was given before, by the name of the file without its flags. */
struct given {
    uint32_t uid;
    char base[MAILBOX_NAME_BYTES];
};

struct given_list {
    struct given *items; /* by base, once sorted */
    size_t count, room;
};

/* ---- paths ------------------------------------------------------------------------------------------------
 */

bool mailbox_path(const char *root, struct span name, char out[PATH_MAX])
{
    int n = span_is(name, "INBOX")
                ? snprintf(out, PATH_MAX, "%s", root)
                : snprintf(out, PATH_MAX, "%s/.%.*s", root, (int)name.len, (const char *)name.at);
    return imap_name_is_good(name) && n > 0 && n < PATH_MAX - MAILBOX_NAME_BYTES;
}

static void join(char out[PATH_MAX], const char *path, const char *directory, const char *name)
{
    int n = snprintf(out, PATH_MAX, "%s/%s%s%s", path, directory, name[0] ? "/" : "", name);
    if (n < 0 || n >= PATH_MAX)
        out[0] = 0; /* no file has this name */
}

bool mailbox_exists(const char *path)
{
    char cur[PATH_MAX];
    struct stat st;
    join(cur, path, "cur", "");
    return stat(cur, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool make_directory(const char *path)
{
    return mkdir(path, DIRECTORY_MODE) == 0 || errno == EEXIST;
}

static bool make_parents(const char *path)
{
    char part[PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (!make_directory(part))
            return false;
    }
    return make_directory(path);
}

bool mailbox_make(const char *path)
{
    static const char *const parts[] = { "tmp", "new", "cur" };
    char part[PATH_MAX];
    if (!make_parents(path))
        return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        join(part, path, parts[i], "");
        if (!make_directory(part))
            return false;
    }
    return true;
}

/* The files in a directory and, when nothing else is in it, the directory. */
static bool remove_directory(const char *path, const char *part)
{
    char directory[PATH_MAX], file[PATH_MAX];
    join(directory, path, part, "");
    DIR *d = opendir(directory);
    for (struct dirent *e; d && (e = readdir(d));) { /* each turn takes an entry */
        join(file, path, part, e->d_name);
        unlink(file); /* but not "." and other directories */
    }
    if (d)
        closedir(d);
    return rmdir(directory) == 0;
}

bool mailbox_remove(const char *path)
{
    static const char *const parts[] = { "new", "tmp", "cur" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!remove_directory(path, parts[i]) && errno != ENOENT)
            return false;
    return remove_directory(path, ""); /* with its UIDs and what others keep there */
}

static int is_folder(const struct dirent *e)
{
    return e->d_name[0] == '.' && e->d_name[1] && strcmp(e->d_name, "..") != 0 &&
           strcmp(e->d_name, UIDS_FILE) != 0;
}

void mailbox_list(const char *root, void (*fn)(void *owner, struct span name), void *owner)
{
    struct dirent **found;
    char path[PATH_MAX];
    fn(owner, span_text("INBOX"));
    int n = scandir(root, &found, is_folder, alphasort);
    for (int i = 0; i < n; i++) {
        struct span name = span_from(span_text(found[i]->d_name), 1);
        bool inbox = span_is_nocase(name, "INBOX"); /* which no folder can be */
        if (!inbox && mailbox_path(root, name, path) && mailbox_exists(path))
            fn(owner, name);
        free(found[i]);
    }
    if (n >= 0)
        free(found);
}

/* At most `most` bytes of a file, from malloc; NULL with errno. */
static uint8_t *read_path(const char *path, size_t most, size_t *length)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe must not hold us */
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    size_t want = ok && (size_t)st.st_size < most ? (size_t)st.st_size : most;
    uint8_t *bytes = ok ? malloc(want + 1) : NULL;
    ssize_t n = bytes ? 1 : -1;
    *length = 0;
    while (n > 0 && *length < want) { /* each turn takes bytes */
        n = read(fd, bytes + *length, want - *length);
        *length += n > 0 ? (size_t)n : 0;
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0) {
        free(bytes);
        bytes = NULL;
    }
    errno = error;
    return bytes;
}

/* ---- names of files: BASE:2,FLAGS
 * ------------------------------------------------------------------------------ */

static const struct {
    char letter;
    unsigned flag;
} letters[] = { { 'D', IMAP_DRAFT },    { 'F', IMAP_FLAGGED }, { 'P', IMAP_FORWARDED },
                { 'R', IMAP_ANSWERED }, { 'S', IMAP_SEEN },    { 'T', IMAP_DELETED } };

static size_t base_length(const char *name)
{
    return strcspn(name, ":");
}

static unsigned flags_of(const char *name)
{
    const char *info = strstr(name, ":2,");
    unsigned flags = 0;
    for (size_t i = 0; info && i < sizeof letters / sizeof *letters; i++)
        if (strchr(info + 3, letters[i].letter))
            flags |= letters[i].flag;
    return flags;
}

static bool same_base(const char *a, const char *b)
{
    return base_length(a) == base_length(b) && strncmp(a, b, base_length(a)) == 0;
}

/* In the order of ASCII; letters that mean nothing here are another program's, and stay. */
static void name_with_flags(char out[MAILBOX_NAME_BYTES], const char *name, unsigned flags)
{
    const char *info = strstr(name, ":2,");
    char text['z' - 'A' + 2];
    size_t n = 0;
    for (int c = 'A'; c <= 'z'; c++) {
        bool set = info && strchr(info + 3, c);
        for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
            if (letters[i].letter == c)
                set = flags & letters[i].flag;
        if (set)
            text[n++] = (char)c;
    }
    text[n] = 0;
    snprintf(out, MAILBOX_NAME_BYTES, "%.*s:2,%s", (int)base_length(name), name, text);
}

/* ---- UIDs
 * ---------------------------------------------------------------------------------------------------------
 */

static int compare_given(const void *a, const void *b)
{
    return strcmp(((const struct given *)a)->base, ((const struct given *)b)->base);
}

static bool give(struct given_list *all, uint32_t uid, const char *base, size_t length)
{
    if (all->count == all->room) {
        size_t room = all->room ? all->room * 2 : 256;
        struct given *more = realloc(all->items, room * sizeof *more);
        if (!more)
            return false;
        all->items = more;
        all->room = room;
    }
    struct given *g = &all->items[all->count++];
    g->uid = uid;
    snprintf(g->base, sizeof g->base, "%.*s", (int)length, base);
    return true;
}

static struct span take_word(struct span *text, uint8_t end)
{
    struct span word = span_head(*text, span_find(*text, end));
    *text = span_from(*text, word.len + 1);
    return word;
}

static uint32_t take_number(struct span *text, uint8_t end)
{
    uint64_t v;
    return parse_decimal(take_word(text, end), UINT32_MAX, &v) ? (uint32_t)v : 0;
}

/* "V1 UIDVALIDITY UIDNEXT", then "UID BASE" a line, by UID. What cannot be read makes the mailbox a new one.
 */
static bool take_uids(struct mailbox *m, struct span text, struct given_list *all)
{
    bool ours = span_is(take_word(&text, ' '), "V1"), ok = true;
    uint32_t last = 0;
    m->uid_validity = take_number(&text, ' ');
    m->uid_next = take_number(&text, '\n');
    if (!ours || m->uid_next == 0 || m->uid_next > UINT32_MAX - MAILBOX_MESSAGES_MAX)
        m->uid_validity = 0;
    while (ok && m->uid_validity != 0 && text.len > 0) { /* each turn takes a line */
        uint32_t uid = take_number(&text, ' ');
        struct span base = take_word(&text, '\n');
        if (uid == 0 || uid >= m->uid_next)
            continue;
        if (uid <= last)
            m->uid_validity = 0;
        last = uid;
        ok = give(all, uid, (const char *)base.at, base.len);
    }
    if (m->uid_validity == 0)
        all->count = 0;
    return ok;
}

/* *fresh: the mailbox had none yet. */
static bool read_uids(struct mailbox *m, struct given_list *all, uint32_t new_validity, bool *fresh)
{
    char path[PATH_MAX];
    size_t length;
    join(path, m->path, UIDS_FILE, "");
    uint8_t *text = read_path(path, MAILBOX_MESSAGE_MAX, &length);
    bool ok = text ? take_uids(m, span_of(text, length), all) : errno == ENOENT;
    free(text);
    *fresh = m->uid_validity == 0;
    if (*fresh) {
        m->uid_validity = new_validity;
        m->uid_next = 1;
    }
    if (all->count)
        qsort(all->items, all->count, sizeof *all->items, compare_given);
    return ok;
}

static bool write_uids(const struct mailbox *m)
{
    char path[PATH_MAX];
    size_t room = LINE_BYTES * (m->count + 1);
    uint8_t *bytes = malloc(room);
    struct writer w = writer_over(bytes, bytes ? room : 0);
    char line[LINE_BYTES + 16];
    write_bytes(&w, line, (size_t)snprintf(line, sizeof line, "V1 %u %u\n", m->uid_validity, m->uid_next));
    for (size_t i = 0; i < m->count; i++) {
        const struct mailbox_message *x = &m->messages[i];
        int n = snprintf(line, sizeof line, "%u %.*s\n", x->uid, (int)base_length(x->name), x->name);
        write_bytes(&w, line, (size_t)n);
    }
    join(path, m->path, UIDS_FILE, "");
    bool ok = writer_ok(&w) && file_write_durably(path, writer_span(&w), FILE_MODE);
    free(bytes);
    return ok;
}

static uint32_t uid_of(const struct given_list *all, const char *name)
{
    struct given key = { 0 };
    snprintf(key.base, sizeof key.base, "%.*s", (int)base_length(name), name);
    const struct given *g =
        all->count ? bsearch(&key, all->items, all->count, sizeof key, compare_given) : NULL;
    return g ? g->uid : 0;
}

/* ---- reading the directories
 * ---------------------------------------------------------------------------------------- */

/* The time of the last change of new/ or cur/. */
static int64_t changed_ns(const char *path)
{
    static const char *const parts[] = { "new", "cur" };
    int64_t latest = 0;
    for (size_t i = 0; i < 2; i++) {
        char part[PATH_MAX];
        struct stat st;
        join(part, path, parts[i], "");
        if (stat(part, &st) == 0) {
            int64_t ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
            latest = ns > latest ? ns : latest;
        }
    }
    return latest;
}

/* What was delivered becomes part of the mailbox. The set of names that came is told by `recent`. */
static void take_new(const struct mailbox *m, struct given_list *recent)
{
    char directory[PATH_MAX], from[PATH_MAX], to[PATH_MAX], name[MAILBOX_NAME_BYTES];
    join(directory, m->path, "new", "");
    DIR *d = opendir(directory);
    for (struct dirent *e; d && (e = readdir(d));) { /* each turn takes an entry */
        if (e->d_name[0] == '.' || base_length(e->d_name) > BASE_BYTES_MAX)
            continue;
        name_with_flags(name, e->d_name, flags_of(e->d_name));
        join(from, m->path, "new", e->d_name);
        join(to, m->path, "cur", name);
        if (rename(from, to) == 0)
            give(recent, 1, name, base_length(name));
    }
    if (d)
        closedir(d);
    if (recent->count)
        qsort(recent->items, recent->count, sizeof *recent->items, compare_given);
}

static bool add_message(struct mailbox *m, const char *name, uint32_t uid, unsigned flags)
{
    char path[PATH_MAX];
    struct stat st;
    if (m->count == m->room) {
        size_t room = m->room ? m->room * 2 : 64;
        struct mailbox_message *more = realloc(m->messages, room * sizeof *more);
        if (!more)
            return false;
        m->messages = more;
        m->room = room;
    }
    join(path, m->path, "cur", name);
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return true; /* gone meanwhile, or no message */
    char *copy = strdup(name);
    if (!copy)
        return false;
    m->messages[m->count++] =
        (struct mailbox_message){ .uid = uid, .flags = flags, .date_s = st.st_mtim.tv_sec, .name = copy };
    return true;
}

static int compare_messages(const void *a, const void *b)
{
    const struct mailbox_message *x = a, *y = b;
    if (x->uid && y->uid)
        return x->uid < y->uid ? -1 : x->uid > y->uid;
    if (x->uid || y->uid)
        return x->uid ? -1 : 1; /* those without one come last, as they were delivered */
    return strcmp(x->name, y->name);
}

/* A file that was renamed meanwhile may have been seen twice. */
static void drop_doubles(struct mailbox *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->count; i++)
        if (kept > 0 && same_base(m->messages[kept - 1].name, m->messages[i].name))
            free(m->messages[i].name);
        else
            m->messages[kept++] = m->messages[i];
    m->count = kept;
}

static bool read_messages(struct mailbox *m, const struct given_list *given, const struct given_list *recent)
{
    char directory[PATH_MAX];
    join(directory, m->path, "cur", "");
    DIR *d = opendir(directory);
    bool ok = d != NULL;
    for (struct dirent *e; ok && m->count < MAILBOX_MESSAGES_MAX && (e = readdir(d));) { /* an entry a turn */
        if (e->d_name[0] == '.' || base_length(e->d_name) > BASE_BYTES_MAX)
            continue;
        unsigned flags = flags_of(e->d_name) | (uid_of(recent, e->d_name) ? IMAP_RECENT : 0);
        ok = add_message(m, e->d_name, uid_of(given, e->d_name), flags);
    }
    if (d)
        closedir(d);
    if (m->count)
        qsort(m->messages, m->count, sizeof *m->messages, compare_messages);
    drop_doubles(m);
    return ok;
}

/* `fresh`: what the mailbox is called is to last, even while it is empty. */
static bool number_messages(struct mailbox *m, bool fresh)
{
    bool any = fresh;
    for (size_t i = 0; i < m->count; i++)
        if (!m->messages[i].uid) {
            m->messages[i].uid = m->uid_next++;
            any = true;
        }
    return !any || write_uids(m);
}

static void forget_messages(struct mailbox *m)
{
    for (size_t i = 0; i < m->count; i++)
        free(m->messages[i].name);
    free(m->messages);
    m->messages = NULL;
    m->count = m->room = 0;
}

/* Who else gives UIDs here, in this program or another, waits. -1: no lock. */
static int lock(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) != 0) { /* again only after a signal */
        if (errno == EINTR)
            continue;
        close(fd);
        return -1;
    }
    return fd;
}

static bool scan(struct mailbox *m, struct now now)
{
    struct given_list given = { 0 }, recent = { 0 };
    bool fresh = false;
    int fd = lock(m->path);
    m->seen_ns = changed_ns(m->path);
    m->settled = m->seen_ns / 1000000 + SETTLED_MS < now.unix_ms;
    if (!m->read_only)
        take_new(m, &recent);
    bool ok = fd >= 0 && read_uids(m, &given, (uint32_t)(now.unix_ms / 1000), &fresh) &&
              read_messages(m, &given, &recent) && number_messages(m, fresh);
    int error = errno;
    if (fd >= 0)
        close(fd);
    free(given.items);
    free(recent.items);
    errno = error;
    return ok;
}

struct mailbox *mailbox_open(const char *path, bool read_only, struct now now)
{
    struct mailbox *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    snprintf(m->path, sizeof m->path, "%s", path);
    m->read_only = read_only;
    if (scan(m, now))
        return m;
    int error = errno ? errno : ENOMEM;
    mailbox_close(m);
    errno = error;
    return NULL;
}

void mailbox_close(struct mailbox *m)
{
    if (m)
        forget_messages(m);
    free(m);
}

/* ---- what others did
 * ----------------------------------------------------------------------------------------------------- */

void mailbox_drop(struct mailbox *m, size_t number)
{
    free(m->messages[number - 1].name);
    m->count--;
    memmove(&m->messages[number - 1], &m->messages[number], (m->count + 1 - number) * sizeof *m->messages);
}

/* What the mailbox has now, and what was known of it. */
struct merge {
    struct mailbox *before, *now;
    void (*gone)(void *owner, size_t number);
    void (*changed)(void *owner, size_t number);
    void *owner;
};

/* A message that is gone keeps its place, without a file. False: no memory. */
static bool hold(struct mailbox *now, size_t place, struct mailbox_message *x)
{
    struct mailbox_message *more = realloc(now->messages, (now->count + 1) * sizeof *more);
    if (!more)
        return false;
    now->messages = more;
    now->room = now->count + 1;
    memmove(&more[place + 1], &more[place], (now->count - place) * sizeof *more);
    now->count++;
    more[place] = *x;
    more[place].name = calloc(1, 1);
    now->holds_gone = true;
    return more[place].name != NULL;
}

/* The same message before and now: what cannot be seen on disk is kept. */
static void carry(const struct merge *g, const struct mailbox_message *x, size_t place)
{
    struct mailbox_message *y = &g->now->messages[place];
    y->flags |= x->flags & IMAP_RECENT;
    y->measured = x->measured;
    y->bytes = x->bytes;
    if ((x->flags ^ y->flags) & IMAP_FLAGS_KEPT)
        g->changed(g->owner, place + 1);
}

/* Both lists are by UID: goes through what was, in step with what is. */
static bool merge(const struct merge *g)
{
    struct mailbox *now = g->now;
    size_t place = 0;
    for (size_t i = 0; i < g->before->count; i++) {
        struct mailbox_message *x = &g->before->messages[i];
        while (place < now->count && now->messages[place].uid < x->uid) /* each turn drops one */
            mailbox_drop(now, place + 1); /* it came back from elsewhere: there is no place for it now */
        bool there = place < now->count && now->messages[place].uid == x->uid;
        if (there)
            carry(g, x, place);
        else if (g->gone)
            g->gone(g->owner, place + 1);
        else if (!hold(now, place, x))
            return false;
        place += there || !g->gone;
    }
    return true;
}

bool mailbox_refresh(struct mailbox *m, struct now now, void (*gone)(void *owner, size_t number),
                     void (*changed)(void *owner, size_t number), void *owner)
{
    bool same = m->settled && changed_ns(m->path) == m->seen_ns;
    if (same && !(m->holds_gone && gone))
        return true;
    struct mailbox *fresh = mailbox_open(m->path, m->read_only, now);
    if (!fresh || fresh->uid_validity != m->uid_validity) {
        errno = fresh ? ESTALE : errno; /* its UIDs are lost: nothing that the client knows holds */
        mailbox_close(fresh);
        return false;
    }
    struct mailbox before = *m;
    *m = *fresh; /* what is told is about the mailbox as it is */
    *fresh = before;
    const struct merge g = { fresh, m, gone, changed, owner };
    bool ok = merge(&g);
    mailbox_close(fresh);
    return ok;
}

/* ---- one message
 * ------------------------------------------------------------------------------------------------------------
 */

bool mailbox_set_flags(struct mailbox *m, size_t number, unsigned flags)
{
    struct mailbox_message *x = &m->messages[number - 1];
    char from[PATH_MAX], to[PATH_MAX], name[MAILBOX_NAME_BYTES];
    name_with_flags(name, x->name, flags);
    join(from, m->path, "cur", x->name);
    join(to, m->path, "cur", name);
    char *copy = strdup(name);
    if (!copy || rename(from, to) != 0) {
        free(copy);
        return false;
    }
    free(x->name);
    x->name = copy;
    x->flags = (x->flags & IMAP_RECENT) | (flags & IMAP_FLAGS_KEPT);
    return true;
}

bool mailbox_unlink(struct mailbox *m, size_t number)
{
    char path[PATH_MAX];
    join(path, m->path, "cur", m->messages[number - 1].name);
    return !m->messages[number - 1].name[0] || unlink(path) == 0 || errno == ENOENT;
}

static uint8_t *read_file(const struct mailbox *m, size_t number, size_t most, size_t *length)
{
    char path[PATH_MAX];
    join(path, m->path, "cur", m->messages[number - 1].name);
    return read_path(path, most, length);
}

/* Its first line tells how all lines of a file end. */
static bool has_bare_ends(struct span text)
{
    size_t end = span_find(text, '\n');
    return end < text.len && (end == 0 || text.at[end - 1] != '\r');
}

uint8_t *mailbox_read(const struct mailbox *m, size_t number, size_t *length)
{
    uint8_t *bytes = read_file(m, number, MAILBOX_MESSAGE_MAX, length);
    struct span text = span_of(bytes, *length);
    if (!bytes || !has_bare_ends(text))
        return bytes;
    uint8_t *room = malloc(2 * text.len);
    struct writer w = writer_over(room, room ? 2 * text.len : 0);
    while (room && text.len > 0) { /* each turn takes a line */
        size_t end = span_find(text, '\n');
        write_span(&w, span_head(text, end));
        if (end < text.len)
            write_text(&w, end > 0 && text.at[end - 1] == '\r' ? "\n" : "\r\n");
        text = span_from(text, end + 1);
    }
    free(bytes);
    *length = writer_length(&w);
    return room;
}

bool mailbox_measure(struct mailbox *m, size_t number)
{
    struct mailbox_message *x = &m->messages[number - 1];
    char path[PATH_MAX];
    struct stat st;
    size_t length;
    if (x->measured)
        return true;
    uint8_t *head = read_file(m, number, LINE_END_BYTES, &length);
    struct span seen = span_of(head, length);
    bool whole = !head || length < LINE_END_BYTES || span_find(seen, '\n') < length;
    bool bare = !whole || (head && has_bare_ends(seen));
    free(head);
    join(path, m->path, "cur", x->name);
    if (!head || stat(path, &st) != 0)
        return false;
    x->bytes = (uint64_t)st.st_size;
    if (bare) {
        uint8_t *text = mailbox_read(m, number, &length);
        if (!text)
            return false;
        x->bytes = length;
        free(text);
    }
    x->measured = true;
    return true;
}

/* ---- a new message
 * ------------------------------------------------------------------------------------------------------------
 */

static bool write_durably(const char *path, struct span text, int64_t date_s)
{
    struct timespec times[2] = { { .tv_sec = date_s }, { .tv_sec = date_s } };
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    bool ok = fd >= 0;
    for (size_t at = 0; ok && at < text.len;) { /* each turn writes bytes */
        ssize_t n = write(fd, text.at + at, text.len - at);
        ok = n > 0;
        at += ok ? (size_t)n : 0;
    }
    ok = ok && futimens(fd, times) == 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

bool mailbox_put(const char *path, struct span text, unsigned flags, int64_t date_s, struct now now,
                 uint64_t unique, char name[MAILBOX_NAME_BYTES])
{
    char base[MAILBOX_NAME_BYTES / 2], from[PATH_MAX], to[PATH_MAX];
    snprintf(base, sizeof base, "%lld.M%03dQ%016llx.imapd", (long long)(now.unix_ms / 1000),
             (int)(now.unix_ms % 1000), (unsigned long long)unique);
    name_with_flags(name, base, flags);
    join(from, path, "tmp", base);
    join(to, path, "cur", name);
    if (write_durably(from, text, date_s) && rename(from, to) == 0)
        return true;
    int error = errno;
    unlink(from);
    errno = error;
    return false;
}

void mailbox_unput(const char *path, const char *name)
{
    char file[PATH_MAX];
    join(file, path, "cur", name);
    unlink(file);
}

/* The names sort as they were made, so that the UIDs follow their order. */
bool mailbox_settle(const char *path, struct now now, char (*names)[MAILBOX_NAME_BYTES], size_t count,
                    uint32_t *uid_validity, uint32_t *uids)
{
    char directory[PATH_MAX];
    join(directory, path, "cur", "");
    struct mailbox *m = sync_directory(directory) ? mailbox_open(path, true, now) : NULL;
    size_t found = 0;
    for (size_t i = 0; m && found < count && i < m->count; i++)
        if (same_base(m->messages[i].name, names[found]))
            uids[found++] = m->messages[i].uid;
    if (m)
        *uid_validity = m->uid_validity;
    mailbox_close(m);
    return count > 0 && found == count;
}
