#include "deliver.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES    (64 * 1024)
#define BUFFER_BYTES   (MAIL_TRACE_MAX + PIECE_BYTES) /* a small message leaves in one write */
#define DIRECTORY_MODE 0700
#define FILE_MODE      0600

/* A Maildir that the batch writes to; descriptors are -1 while closed. */
struct box {
    const char *path;
    int root, tmp, new;
    dev_t device;
    int error; /* opening it failed: for all that goes there */
    const char *failing;
    size_t written, moved;
};

struct batch {
    struct delivery *d;
    size_t count;
    struct box boxes[DELIVER_BATCH_MAX];
    size_t box_count;
    uint8_t *buffer, *piece;
};

static bool failed(struct delivery *d, const char *doing)
{
    d->error = errno ? errno : EIO;
    d->failing = doing;
    return false;
}

/* ---- directories ------------------------------------------------------------------------- */

static bool sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

/* One directory whose parent is there already. */
static bool make_one(const char *path)
{
    char parent[PATH_MAX];
    if (mkdir(path, DIRECTORY_MODE) != 0)
        return errno == EEXIST;
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (!slash)
        return sync_path(".");
    slash[slash == parent] = '\0';
    return sync_path(parent);
}

bool deliver_make_directory(const char *path)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (make_one(path))
        return true;
    for (size_t i = 1; errno == ENOENT && path[i]; i++) {
        if (path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        errno = 0;
        if (!make_one(part))
            return false;
        errno = ENOENT;
    }
    return errno == ENOENT && make_one(path);
}

static int open_directory(int at, const char *name)
{
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* tmp, new or cur, made on first use. */
static int open_part(struct box *b, const char *name)
{
    int fd = open_directory(b->root, name);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mkdirat(b->root, name, DIRECTORY_MODE) != 0 || fsync(b->root) != 0)
        return -1;
    return open_directory(b->root, name);
}

static bool box_failed(struct box *b, const char *doing)
{
    b->error = errno ? errno : EIO;
    b->failing = doing;
    return false;
}

static bool box_open(struct box *b)
{
    struct stat s;
    b->root = open_directory(AT_FDCWD, b->path);
    if (b->root < 0 && errno == ENOENT && deliver_make_directory(b->path))
        b->root = open_directory(AT_FDCWD, b->path);
    if (b->root < 0 || fstat(b->root, &s) != 0)
        return box_failed(b, "cannot open the Maildir");
    b->device = s.st_dev;
    int cur = open_part(b, "cur");
    if (cur >= 0)
        close(cur);
    b->tmp = open_part(b, "tmp");
    b->new = open_part(b, "new");
    if (cur < 0 || b->tmp < 0 || b->new < 0)
        return box_failed(b, "cannot make tmp, new and cur");
    return true;
}

static void box_close(struct box *b)
{
    const int fds[] = { b->root, b->tmp, b->new };
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* The box of a path, opened when it is the first of the batch that goes there. */
static size_t find_box(struct batch *b, const char *path)
{
    for (size_t i = 0; i < b->box_count; i++)
        if (strcmp(b->boxes[i].path, path) == 0)
            return i;
    struct box *box = &b->boxes[b->box_count];
    *box = (struct box){ .path = path, .root = -1, .tmp = -1, .new = -1 };
    box_open(box);
    return b->box_count++;
}

/* ---- files --------------------------------------------------------------------------------- */

/* A reader has moved it to cur, with flags behind its name. */
static bool is_in_cur(const struct box *b, const char *name)
{
    int fd = open_directory(b->root, "cur");
    DIR *cur = fd >= 0 ? fdopendir(fd) : NULL;
    size_t len = strlen(name);
    bool found = false;
    if (!cur) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    /* cppcheck-suppress readdirCalled ; glibc keeps one state a stream */
    for (struct dirent *e; !found && (e = readdir(cur));)
        found = strncmp(e->d_name, name, len) == 0 && (e->d_name[len] == '\0' || e->d_name[len] == ':');
    closedir(cur);
    return found;
}

static bool is_there(const struct box *b, const char *name)
{
    struct stat s;
    return fstatat(b->new, name, &s, AT_SYMLINK_NOFOLLOW) == 0 || is_in_cur(b, name);
}

static bool write_all(int fd, struct span bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.at, bytes.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            bytes = span_from(bytes, (size_t)n);
    }
    return true;
}

/* The text behind what is in the buffer already, in pieces. */
static bool write_text_of(struct batch *b, struct delivery *d, struct writer *w, int fd)
{
    int from = d->text_file ? open(d->text_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    struct span left = d->text;
    bool ok = true;
    if (d->text_file && from < 0)
        return failed(d, "cannot open the spool file");
    for (;;) { /* until the text is used up */
        struct span piece = span_head(left, PIECE_BYTES);
        left = span_from(left, piece.len);
        if (from >= 0) {
            ssize_t n = read(from, b->piece, PIECE_BYTES);
            if (n < 0)
                ok = failed(d, "cannot read the spool file");
            piece = span_of(b->piece, n > 0 ? (size_t)n : 0);
        }
        if (!ok || piece.len == 0)
            break;
        mail_write_as_file(w, piece);
        ok = write_all(fd, writer_span(w)) || failed(d, "cannot write the message");
        *w = writer_over(b->buffer, BUFFER_BYTES);
    }
    if (ok && writer_length(w) > 0) /* a message without text */
        ok = write_all(fd, writer_span(w)) || failed(d, "cannot write the message");
    if (from >= 0)
        close(from);
    return ok;
}

static bool write_copy(struct batch *b, struct delivery *d, int fd)
{
    char head[MAIL_TRACE_MAX];
    struct writer trace = writer_over(head, sizeof head), w = writer_over(b->buffer, BUFFER_BYTES);
    mail_write_trace(&trace, &d->trace);
    mail_write_as_file(&w, writer_span(&trace));
    if (!write_text_of(b, d, &w, fd))
        return false;
    return b->count > 1 || fsync(fd) == 0 || failed(d, "cannot sync the message");
}

static void write_to_tmp(struct batch *b, struct delivery *d)
{
    struct box *box = &b->boxes[d->box];
    if (box->error) {
        d->error = box->error;
        d->failing = box->failing;
        return;
    }
    if (d->tried_before && is_there(box, d->name)) {
        d->moved = true;
        box->moved++;
        return;
    }
    int fd = openat(box->tmp, d->name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        failed(d, "cannot make a file in tmp");
        return;
    }
    bool ok = write_copy(b, d, fd);
    if (close(fd) != 0 && ok)
        ok = failed(d, "cannot close the message");
    if (ok)
        box->written++;
    else
        unlinkat(box->tmp, d->name, 0);
}

/* ---- the batch ----------------------------------------------------------------------------- */

static void fail_box(struct batch *b, size_t box, const char *doing)
{
    for (size_t i = 0; i < b->count; i++)
        if (b->d[i].box == box && !b->d[i].error)
            failed(&b->d[i], doing);
}

/* Many files cost one sync of their file system; for one alone write_copy() has done it. */
static void sync_files(struct batch *b)
{
    for (size_t i = 0; b->count > 1 && i < b->box_count; i++) {
        bool done = b->boxes[i].written == 0;
        for (size_t k = 0; k < i; k++)
            done = done || (b->boxes[k].written > 0 && b->boxes[k].device == b->boxes[i].device);
        if (done || syncfs(b->boxes[i].root) == 0)
            continue;
        int error = errno;
        for (size_t k = 0; k < b->box_count; k++) {
            errno = error;
            if (b->boxes[k].device == b->boxes[i].device)
                fail_box(b, k, "cannot sync the file system");
        }
    }
}

static void move_to_new(struct batch *b, struct delivery *d)
{
    struct box *box = &b->boxes[d->box];
    if (d->error || d->moved)
        return;
    d->moved = renameat(box->tmp, d->name, box->new, d->name) == 0;
    if (d->moved)
        box->moved++;
    else
        failed(d, "cannot move the message to new");
}

static void sync_directories(struct batch *b)
{
    for (size_t i = 0; i < b->box_count; i++)
        if (b->boxes[i].moved > 0 && fsync(b->boxes[i].new) != 0)
            fail_box(b, i, "cannot sync new");
}

void deliver_batch(struct delivery *d, size_t count)
{
    assert(count <= DELIVER_BATCH_MAX);
    struct batch b = { .d = d, .count = count };
    b.buffer = malloc(BUFFER_BYTES + PIECE_BYTES);
    b.piece = b.buffer ? b.buffer + BUFFER_BYTES : NULL;
    for (size_t i = 0; i < count; i++) {
        d[i].error = b.buffer ? 0 : ENOMEM;
        d[i].failing = "out of memory";
        d[i].moved = false;
        d[i].box = find_box(&b, d[i].maildir);
        if (b.buffer)
            write_to_tmp(&b, &d[i]);
    }
    sync_files(&b);
    for (size_t i = 0; i < count; i++)
        move_to_new(&b, &d[i]);
    sync_directories(&b);
    for (size_t i = 0; i < b.box_count; i++)
        box_close(&b.boxes[i]);
    free(b.buffer);
}
