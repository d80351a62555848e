#include "files.h"

#include "hash.h"
#include "wire/http_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#define SLOTS         4096 /* a power of two; a quarter of them is used at most */
#define KEPT_BYTES    (64 * 1024 * 1024)
#define LOOK_AGAIN_MS 1000 /* a kept file is compared with the disk once a second */
#define GZIP_LEAST    256  /* less gains nothing */
#define LINES_BYTES   512

struct kept {
    struct file file; /* first */
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

static void kept_drop(struct files *f, struct kept *k)
{
    f->count--;
    f->bytes -= k->file.content.len + k->file.gzip.len;
    k->dropped = true;
    if (!k->holds)
        kept_free(k);
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

static void drop_all(struct files *f)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (f->slots[i]) {
            kept_drop(f, f->slots[i]);
            f->slots[i] = NULL;
        }
}

/* The file's slot, or the empty one where it belongs. */
static struct kept **slot_of(struct files *f, const struct http_site *site, struct span path)
{
    size_t at = hash_bytes(path, f->seed ^ (uint64_t)(site - f->settings->sites)) % SLOTS;
    while (f->slots[at] && (f->slots[at]->site != site || !span_is(path, f->slots[at]->path)))
        at = (at + 1) % SLOTS;
    return &f->slots[at];
}

/* ---- the disk ------------------------------------------------------------------------------------ */

/* The kernel resolves the path and goes nowhere outside of the root, whatever links there are. */
static int open_beneath(const struct files *f, const struct http_site *site, const char *path)
{
    struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
                            .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
    while (*path == '/')
        path++;
    return (int)syscall(SYS_openat2, f->roots[site - f->settings->sites], *path ? path : ".", &how,
                        sizeof how);
}

static enum files_result why_not(int error)
{
    if (error == EACCES || error == EPERM)
        return FILES_FORBIDDEN;
    if (error == EMFILE || error == ENFILE || error == ENOMEM || error == EIO)
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

static uint8_t *compress_gzip(struct span in, size_t *len)
{
    z_stream z = { 0 };
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    size_t room = deflateBound(&z, in.len);
    uint8_t *out = malloc(room);
    z.next_in = (Bytef *)(uintptr_t)in.at;
    z.avail_in = (uInt)in.len;
    z.next_out = out;
    z.avail_out = (uInt)room;
    bool ok = out && deflate(&z, Z_FINISH) == Z_STREAM_END;
    *len = room - z.avail_out;
    deflateEnd(&z);
    if (ok && *len < in.len)
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

static void describe(struct file *file, const struct stat *s, struct span path)
{
    file->about = (struct http_resource){ .length = (uint64_t)s->st_size,
                                          .modified_s = s->st_mtim.tv_sec,
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

static struct kept *kept_new(const struct http_site *site, struct span path, int fd, const struct stat *s)
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
        describe(&k->file, s, path);
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

/* Puts a file into the table; when the table is full it begins anew. */
static enum files_result keep(struct files *f, const struct http_site *site, struct span path, int fd,
                              const struct stat *s, struct now now, struct file **out)
{
    struct kept *k = kept_new(site, path, fd, s);
    if (!k)
        return FILES_BUSY;
    if (f->count >= SLOTS / 4 || f->bytes > KEPT_BYTES)
        drop_all(f);
    *slot_of(f, site, path) = k;
    f->count++;
    f->bytes += k->file.content.len + k->file.gzip.len;
    k->looked_ms = now.mono_ms;
    *out = &k->file;
    return FILES_FOUND;
}

/* ---- looking ----------------------------------------------------------------------------------------- */

static enum files_result look_at_disk(struct files *f, const struct http_site *site, struct span path,
                                      struct now now, struct kept **slot, struct file **out)
{
    char text[4097];
    struct stat s;
    snprintf(text, sizeof text, "%.*s", (int)path.len, (const char *)path.at);
    int fd = open_beneath(f, site, text);
    if (fd < 0 || fstat(fd, &s) != 0) {
        enum files_result result = why_not(errno);
        if (fd >= 0)
            close(fd);
        return result;
    }
    enum files_result result = S_ISDIR(s.st_mode)   ? FILES_DIRECTORY
                               : S_ISREG(s.st_mode) ? FILES_FOUND
                                                    : FILES_FORBIDDEN;
    if (result == FILES_FOUND && *slot && same_file(&(*slot)->seen, &s)) {
        (*slot)->looked_ms = now.mono_ms;
        *out = &(*slot)->file;
    } else if (result == FILES_FOUND && s.st_size > FILE_KEPT_MAX) {
        describe(&f->passing, &s, path);
        f->passing.fd = fd;
        *out = &f->passing;
        return FILES_FOUND;
    } else if (result == FILES_FOUND && !*slot) {
        result = keep(f, site, path, fd, &s, now, out);
    } else if (result == FILES_FOUND) {
        drop_all(f); /* it changed: linear probing knows no single removal, and this is rare */
        result = keep(f, site, path, fd, &s, now, out);
    }
    close(fd);
    return result;
}

enum files_result files_look(struct files *f, const struct http_site *site, struct span path, struct now now,
                             struct file **out)
{
    struct kept **slot = slot_of(f, site, path);
    if (*slot && now.mono_ms - (*slot)->looked_ms < LOOK_AGAIN_MS) {
        *out = &(*slot)->file;
        return FILES_FOUND;
    }
    enum files_result result = look_at_disk(f, site, path, now, slot, out);
    if (result != FILES_FOUND && *slot)
        drop_all(f); /* it is gone */
    return result;
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
    for (size_t i = 0; i < t->site_count; i++)
        f->roots[i] = -1;
    for (size_t i = 0; i < t->site_count; i++) {
        f->roots[i] = open(t->sites[i].root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (f->roots[i] < 0) {
            problem_set(p, "httpd: site \"%s\": cannot open its root %s: %s", t->sites[i].host,
                        t->sites[i].root, strerror(errno));
            problem_remedy(p, "make the directory, or write the right path for the key `root`");
            files_close(f);
            return NULL;
        }
    }
    return f;
}

void files_close(struct files *f)
{
    if (!f)
        return;
    drop_all(f);
    for (size_t i = 0; i < f->settings->site_count; i++)
        if (f->roots[i] >= 0)
            close(f->roots[i]);
    free(f->roots);
    free(f);
}
