#include "spool_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- on the thread ------------------------------------------------------------------------- */

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

static bool sync_directory_of(const char *path)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash)
        *slash = '\0';
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool finish_file(struct message *m)
{
    bool ok = fsync(m->fd) == 0;
    ok = close(m->fd) == 0 && ok;
    m->fd = -1;
    return ok && sync_directory_of(m->path);
}

static void write_chunk(struct work *w)
{
    struct message *m = message_of_work(w);
    errno = 0;
    if (m->fd < 0)
        m->fd = open(m->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = m->fd >= 0 && write_all(m->fd, span_of(m->chunk, m->chunk_len));
    if (ok && m->last_chunk)
        ok = finish_file(m);
    m->thread_error = ok ? 0 : errno ? errno : EIO;
}

static void remove_file(struct work *w)
{
    struct message *m = message_of_work(w);
    m->thread_error = unlink(m->path) == 0 || errno == ENOENT ? 0 : errno;
}

ssize_t spool_file_read(const char *path, uint64_t from, void *into, size_t bytes)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : pread(fd, into, bytes, (off_t)from);
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return n;
}

static void read_head(struct work *w)
{
    struct message *m = message_of_work(w);
    ssize_t n = spool_file_read(m->path, 0, m->head, m->head_len);
    m->thread_error = n < 0 ? errno : 0;
    m->head_len = n < 0 ? 0 : (size_t)n;
}

/* ---- on the loop --------------------------------------------------------------------------- */

static bool name_file(struct message *m, const char *directory)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", directory, m->id);
    m->path = n > 0 && (size_t)n < sizeof path ? strdup(path) : NULL;
    m->in_file = m->path != NULL;
    return m->in_file;
}

bool spool_file_write(struct message *m, const char *directory, bool last, void (*done)(struct work *w))
{
    if (!m->in_file && !name_file(m, directory))
        return false;
    if (!m->chunk) {
        m->chunk = malloc(SPOOL_ROW_MAX);
        if (!m->chunk)
            return false;
    }
    uint8_t *empty = m->chunk;
    m->chunk = m->body;
    m->chunk_len = m->body_len;
    m->body = empty;
    m->body_len = 0;
    m->body_room = SPOOL_ROW_MAX;
    m->writing = true;
    m->last_chunk = last;
    m->work.run = write_chunk;
    m->work.done = done;
    spool_enter(m->spool);
    work_start(spool_home(m->spool)->loop, &m->work);
    return true;
}

void spool_file_remove(struct message *m, void (*done)(struct work *w))
{
    m->writing = true;
    m->work.run = remove_file;
    m->work.done = done;
    spool_enter(m->spool);
    work_start(spool_home(m->spool)->loop, &m->work);
}

bool spool_file_head(struct message *m, size_t bytes, void (*done)(struct work *w))
{
    m->head = malloc(bytes);
    if (!m->head)
        return false;
    m->head_len = bytes;
    m->work.run = read_head;
    m->work.done = done;
    spool_enter(m->spool);
    work_start(spool_home(m->spool)->loop, &m->work);
    return true;
}

void spool_file_forget(struct message *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
    free(m->path);
    m->path = NULL;
    free(m->head);
    m->head = NULL;
    free(m->chunk);
    m->chunk = NULL;
    m->in_file = false;
}

void spool_file_sweep(const char *directory, bool (*keep)(void *owner, const char *name), void *owner)
{
    DIR *d = opendir(directory);
    if (!d)
        return;
    /* cppcheck-suppress readdirCalled ; glibc keeps one state a stream */
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' && !keep(owner, e->d_name))
            unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
}
