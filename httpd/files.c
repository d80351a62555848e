#include "files.h"

#include "coding.h"
#include "hash.h"
#include "wire/http_fields.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOTS         4096               /* of the hash table */
#define KEPT_MAX      4096               /* files */
#define KEPT_BYTES    (64 * 1024 * 1024) /* of their contents */
#define LOOK_AGAIN_MS 1000               /* a kept file is compared with the disk once a second */
#define GZIP_LEAST    256                /* less gains nothing */
#define LINES_BYTES   512

struct kept {
    struct file file;      /* first */
    struct list_node node; /* in the order in which they were looked at on the disk */
    struct kept *next;     /* of the same slot */
    const struct http_site *site;
    char *path;
    struct stat seen;
    uint64_t looked_ms;
    unsigned holds;
    bool dropped; /* out of the table, alive while it is held */
    uint8_t *bytes, *packed, *lines;
};

struct files {
    const struct http_settings *settings;
    int *roots; /* one for each site */
    struct kept *slots[SLOTS];
    struct list kept; /* the one that was not asked for the longest is first */
    size_t count, bytes;
    uint64_t seed;
    struct file passing; /* a large file, on its way to the caller */
};

/* ---- kept files ------------------------------------------------------------------------------- */

static void kept_free(struct kept *k)
{
    free(k->path);
    free(k->bytes);
    free(k->packed);
    free(k->lines);
    free(k);
}

static struct kept **slot_of(struct files *f, const struct http_site *site, struct span path)
{
    return &f->slots[hash_bytes(path, f->seed ^ (uint64_t)(site - f->settings->sites)) % SLOTS];
}

static struct kept *kept_find(struct files *f, const struct http_site *site, struct span path)
{
    struct kept *k = *slot_of(f, site, path);
    while (k && (k->site != site || !span_is(path, k->path)))
        k = k->next;
    return k;
}

static void kept_drop(struct files *f, struct kept *k)
{
    struct kept **at = slot_of(f, k->site, span_text(k->path));
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    list_remove(&k->node);
    f->count--;
    f->bytes -= k->file.content.len + k->file.gzip.len;
    k->dropped = true;
    if (!k->holds)
        kept_free(k);
}

/* The oldest go until there is room for one more. */
static void kept_add(struct files *f, struct kept *k)
{
    size_t bytes = k->file.content.len + k->file.gzip.len;
    struct kept **slot = slot_of(f, k->site, span_text(k->path));
    while (f->count && (f->count >= KEPT_MAX || f->bytes + bytes > KEPT_BYTES))
        kept_drop(f, list_item(list_first(&f->kept), struct kept, node));
    k->next = *slot;
    *slot = k;
    list_append(&f->kept, &k->node);
    f->count++;
    f->bytes += bytes;
}

static void kept_looked(struct files *f, struct kept *k, struct now now)
{
    k->looked_ms = now.mono_ms;
    list_remove(&k->node);
    list_append(&f->kept, &k->node);
}

void file_hold(struct file *file)
{
    ((struct kept *)file)->holds++;
}

void file_release(void *file)
{
    struct kept *k = file;
    if (--k->holds == 0 && k->dropped)
        kept_free(k);
}

/* ---- the disk ------------------------------------------------------------------------------------ */

/* The kernel resolves the path and goes nowhere outside of the root, whatever links there are. */
static int open_at(int root, const char *path)
{
    struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
}

static int open_beneath(const struct files *f, const struct http_site *site, struct span path)
{
    char text[4097];
    struct writer w = writer_over(text, sizeof text - 1);
    write_span(&w, span_from(path, 1));
    if (!writer_ok(&w)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    text[writer_length(&w)] = 0;
    return open_at(f->roots[site - f->settings->sites], text);
}

static enum files_result why_not(int error)
{
    if (error == EACCES || error == EPERM)
        return FILES_FORBIDDEN;
    /* EAGAIN: the tree was changed while the kernel went through it */
    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO || error == EAGAIN)
        return FILES_BUSY;
    return FILES_MISSING;
}

static bool read_whole(int fd, uint8_t *into, size_t len)
{
    size_t have = 0;
    while (have < len) {
        ssize_t n = pread(fd, into + have, len - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return true;
}

/* ---- making a kept file ---------------------------------------------------------------------------- */

/* NULL when it would not be smaller. */
static uint8_t *compress_gzip(struct span in, size_t *len)
{
    uint8_t *out = malloc(in.len);
    *len = out ? coding_whole(in, out, in.len - 1) : 0;
    if (*len)
        return out;
    free(out);
    return NULL;
}

static int64_t modified_ns(const struct stat *s)
{
    return (int64_t)s->st_mtim.tv_sec * 1000000000 + s->st_mtim.tv_nsec;
}

static struct span make_etag(char *into, size_t room, const struct stat *s, bool gzip)
{
    struct writer w = writer_over(into, room);
    respond_write_etag(&w, modified_ns(s), (uint64_t)s->st_size, s->st_ino, gzip);
    return writer_span(&w);
}

/* RFC 9110 8.8.2.1: no file is newer than now, whatever the disk says. */
static void describe(struct file *file, const struct stat *s, struct span path, struct now now)
{
    int64_t now_s = now.unix_ms / 1000;
    file->about = (struct http_resource){ .length = (uint64_t)s->st_size,
                                          .modified_s = s->st_mtim.tv_sec < now_s ? s->st_mtim.tv_sec : now_s,
                                          .media_type = http_media_type(path),
                                          .etag = make_etag(file->etag, sizeof file->etag, s, false) };
}

static void add_gzip(struct kept *k)
{
    size_t len;
    struct file *file = &k->file;
    if (file->content.len < GZIP_LEAST || !http_media_type_is_text(file->about.media_type))
        return;
    k->packed = compress_gzip(file->content, &len);
    if (!k->packed)
        return;
    file->gzip = span_of(k->packed, len);
    file->about.etag_gzip = make_etag(file->etag_gzip, sizeof file->etag_gzip, &k->seen, true);
    file->about.length_gzip = len;
}

/* The lines of a plain answer, the site's own behind them. */
static bool add_lines(struct kept *k)
{
    struct file *file = &k->file;
    size_t room = 2 * (LINES_BYTES + k->site->headers.len);
    k->lines = malloc(room);
    if (!k->lines)
        return false;
    struct writer w = writer_over(k->lines, room);
    respond_write_lines(&w, &file->about, false);
    write_span(&w, k->site->headers);
    file->lines = writer_span(&w);
    if (file->gzip.len) {
        respond_write_lines(&w, &file->about, true);
        write_span(&w, k->site->headers);
        file->lines_gzip = span_from(writer_span(&w), file->lines.len);
    }
    return writer_ok(&w);
}

static struct kept *kept_new(const struct http_site *site, struct span path, int fd, const struct stat *s,
                             struct now now)
{
    struct kept *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    size_t len = (size_t)s->st_size;
    k->site = site;
    k->seen = *s;
    k->path = strndup((const char *)path.at, path.len);
    k->bytes = malloc(len ? len : 1);
    if (k->path && k->bytes && read_whole(fd, k->bytes, len)) {
        k->file.content = span_of(k->bytes, len);
        describe(&k->file, s, path, now);
        add_gzip(k);
        if (add_lines(k))
            return k;
    }
    kept_free(k);
    return NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           modified_ns(a) == modified_ns(b);
}

/* ---- looking ----------------------------------------------------------------------------------------- */

/* A regular file that was opened: kept in memory when it is small, and then the descriptor is closed. */
static enum files_result take_file(struct files *f, const struct http_site *site, struct span path, int fd,
                                   const struct stat *s, struct now now, struct file **out)
{
    if (s->st_size > FILE_KEPT_MAX) {
        describe(&f->passing, s, path, now);
        f->passing.fd = fd;
        *out = &f->passing;
        return FILES_FOUND;
    }
    struct kept *k = kept_new(site, path, fd, s, now);
    close(fd);
    if (!k)
        return FILES_BUSY;
    kept_add(f, k);
    k->looked_ms = now.mono_ms;
    *out = &k->file;
    return FILES_FOUND;
}

enum files_result files_look(struct files *f, const struct http_site *site, struct span path, struct now now,
                             struct file **out)
{
    struct kept *k = kept_find(f, site, path);
    struct stat s;
    if (k && now.mono_ms - k->looked_ms < LOOK_AGAIN_MS) {
        *out = &k->file;
        return FILES_FOUND;
    }
    int fd = open_beneath(f, site, path);
    bool there = fd >= 0 && fstat(fd, &s) == 0;
    enum files_result result = !there               ? why_not(errno)
                               : S_ISDIR(s.st_mode) ? FILES_DIRECTORY
                               : S_ISREG(s.st_mode) ? FILES_FOUND
                                                    : FILES_FORBIDDEN;
    if (result == FILES_FOUND && k && same_file(&k->seen, &s)) {
        kept_looked(f, k, now);
        close(fd);
        *out = &k->file;
        return FILES_FOUND;
    }
    if (k)
        kept_drop(f, k);
    if (result == FILES_FOUND)
        return take_file(f, site, path, fd, &s, now, out);
    if (fd >= 0)
        close(fd);
    return result;
}

/* ---- directories ----------------------------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a + 1, *(const char *const *)b + 1);
}

/* The names in a directory, each with "/" or " " in front: what it is. */
static size_t read_names(DIR *d, char **names)
{
    size_t count = 0;
    for (struct dirent *e; count < FILES_LISTED_MAX && (e = readdir(d));) {
        struct stat s;
        if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (asprintf(&names[count], "%c%s", S_ISDIR(s.st_mode) ? '/' : ' ', e->d_name) > 0)
            count++;
    }
    return count;
}

enum files_result files_list(const struct files *f, const struct http_site *site, struct span path,
                             void (*row)(void *owner, const char *name, bool directory), void *owner)
{
    char *names[FILES_LISTED_MAX];
    int fd = open_beneath(f, site, path);
    if (fd < 0)
        return why_not(errno);
    DIR *d = fdopendir(fd);
    if (!d) {
        enum files_result result = why_not(errno);
        close(fd);
        return result;
    }
    size_t count = read_names(d, names);
    closedir(d);
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        row(owner, names[i] + 1, names[i][0] == '/');
        free(names[i]);
    }
    return FILES_FOUND;
}

/* ---- life ------------------------------------------------------------------------------------------------
 */

static bool open_root(struct files *f, size_t i, struct problem *p)
{
    const struct http_site *site = &f->settings->sites[i];
    f->roots[i] = open(site->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (f->roots[i] < 0) {
        problem_set(p, "httpd: site \"%s\": cannot open its root %s: %s", site->host, site->root,
                    strerror(errno));
        problem_remedy(p, "make the directory, or write the right path for the key `root`");
        return false;
    }
    int fd = open_at(f->roots[i], "");
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
        problem_set(p, "httpd: the kernel does not open files beneath %s: openat2: %s", site->root,
                    strerror(errno));
        problem_remedy(p, "Linux 5.6 or later is needed, and a sandbox must allow openat2");
        return false;
    }
    if (fd >= 0)
        close(fd);
    return true;
}

struct files *files_open(const struct http_settings *t, struct problem *p)
{
    struct files *f = calloc(1, sizeof *f);
    if (f)
        f->roots = calloc(t->site_count + 1, sizeof *f->roots);
    if (!f || !f->roots) {
        free(f);
        problem_set(p, "out of memory");
        return NULL;
    }
    f->settings = t;
    f->seed = entropy_u64();
    list_open(&f->kept);
    for (size_t i = 0; i < t->site_count; i++)
        f->roots[i] = -1;
    for (size_t i = 0; i < t->site_count; i++)
        if (!open_root(f, i, p)) {
            files_close(f);
            return NULL;
        }
    return f;
}

void files_close(struct files *f)
{
    if (!f)
        return;
    while (f->count)
        kept_drop(f, list_item(list_first(&f->kept), struct kept, node));
    for (size_t i = 0; i < f->settings->site_count; i++)
        if (f->roots[i] >= 0)
            close(f->roots[i]);
    free(f->roots);
    free(f);
}
