#include "zonefile.h"

#include "clock.h"
#include "hints.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_LEAST     (64 * 1024)
#define BYTES_FOR_NAME 24   /* of a file for each name, about: to size the table once */
#define SETTLED_MS     2000 /* file systems date changes to some milliseconds, old ones to two seconds */

/* A file of the zone, in memory until the zone is built. */
struct loaded {
    struct loaded *next;
    uint8_t *bytes;
    size_t len;
    struct stat state;
    char path[];
};

struct loading {
    struct loaded *files;
    size_t count;
};

static void forget_files(struct loading *l)
{
    for (struct loaded *f = l->files, *next; f; f = next) {
        next = f->next;
        free(f->bytes);
        free(f);
    }
}

/* All of the descriptor. False with errno set. */
static bool read_all(int fd, struct loaded *f)
{
    bool known = fstat(fd, &f->state) == 0;
    size_t room = known && f->state.st_size > 0 ? (size_t)f->state.st_size + 1 : READ_LEAST;
    f->bytes = malloc(room);
    while (f->bytes) {
        ssize_t n = read(fd, f->bytes + f->len, room - f->len);
        if (n == 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
        f->len += n > 0 ? (size_t)n : 0;
        if (f->len < room)
            continue;
        if (room >= ZONEFILE_BYTES_MAX) {
            errno = EFBIG;
            return false;
        }
        room *= 2;
        uint8_t *more = realloc(f->bytes, room);
        if (!more)
            return false;
        f->bytes = more;
    }
    return false;
}

/* NULL with errno set. */
static struct loaded *load(struct loading *l, const char *path)
{
    size_t len = strlen(path) + 1;
    struct loaded *f = l->count < ZONEFILE_FILES_MAX ? calloc(1, sizeof *f + len) : NULL;
    if (!f) {
        errno = l->count < ZONEFILE_FILES_MAX ? ENOMEM : EMFILE;
        return NULL;
    }
    memcpy(f->path, path, len);
    f->next = l->files;
    l->files = f;
    l->count++;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && read_all(fd, f);
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return ok ? f : NULL;
}

/* A relative path counts from the directory of the file that names it. False: too long. */
static bool beside(const char *from, struct span wanted, char *out, size_t room)
{
    const char *slash = strrchr(from, '/');
    int directory = slash && wanted.len && wanted.at[0] != '/' ? (int)(slash - from + 1) : 0;
    int n = snprintf(out, room, "%.*s%.*s", directory, from, (int)wanted.len, (const char *)wanted.at);
    return n > 0 && (size_t)n < room;
}

static void include(struct loading *l, struct masterfile *m)
{
    char path[4096];
    char why[128];
    const char *from;
    struct span wanted = masterfile_wanted(m, &from);
    struct loaded *f = NULL;
    errno = ENAMETOOLONG;
    if (beside(from, wanted, path, sizeof path))
        f = load(l, path);
    if (f) {
        masterfile_push(m, span_of(f->bytes, f->len), f->path);
        return;
    }
    snprintf(why, sizeof why, "a file that can be read (%s)", strerror(errno));
    masterfile_missing(m, why);
}

static void tell_one(const char *path, const char *text, const struct dns_name *apex, zonefile_problem_fn *fn,
                     void *owner)
{
    struct masterfile_problem p = { .path = path };
    snprintf(p.text, sizeof p.text, "%s", text);
    fn(owner, apex, &p);
}

static void tell(const struct masterfile *m, const char *path, const struct dns_name *apex,
                 zonefile_problem_fn *fn, void *owner)
{
    size_t count;
    const struct masterfile_problem *p = masterfile_problems(m, &count);
    size_t errors = 0;
    for (size_t i = 0; i < count; i++) {
        errors += !p[i].warning;
        fn(owner, apex, &p[i]);
    }
    if (masterfile_errors(m) > errors) {
        char text[MASTERFILE_TEXT_MAX];
        snprintf(text, sizeof text, "and %zu more errors like these", masterfile_errors(m) - errors);
        tell_one(path, text, apex, fn, owner);
    }
}

static struct zone *build(struct loading *l, struct loaded *f, struct zone_builder *b,
                          zonefile_problem_fn *fn, void *owner)
{
    struct dns_name apex;
    enum zone_fault fault = ZONE_TOO_BIG;
    struct masterfile *m = masterfile_open(b);
    struct zone *z = NULL;
    dns_name_copy(&apex, zone_builder_apex(b));
    if (!m) {
        zone_builder_drop(b);
        tell_one(f->path, zone_fault_text(fault), &apex, fn, owner);
        return NULL;
    }
    masterfile_push(m, span_of(f->bytes, f->len), f->path);
    while (masterfile_run(m) == MASTERFILE_INCLUDE) /* ends: each turn reads on, and files are bounded */
        include(l, m);
    if (masterfile_errors(m)) {
        zone_builder_drop(b);
    } else {
        z = zone_builder_finish(b, &fault);
        if (!z)
            masterfile_add_problem(m, f->path, zone_fault_text(fault));
    }
    tell(m, f->path, &apex, fn, owner);
    masterfile_close(m);
    return z;
}

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct zonefile_stamp stamp_of(const struct stat *st)
{
    return (struct zonefile_stamp){ .device = st->st_dev,
                                    .inode = st->st_ino,
                                    .bytes = (uint64_t)st->st_size,
                                    .modified_ns = ns_of(st->st_mtim),
                                    .changed_ns = ns_of(st->st_ctim) };
}

bool zonefile_is(const char *path, const struct zonefile_stamp *stamp)
{
    struct stat st;
    if (!stamp->inode || stat(path, &st) != 0)
        return false;
    struct zonefile_stamp now = stamp_of(&st);
    return now.device == stamp->device && now.inode == stamp->inode && now.bytes == stamp->bytes &&
           now.modified_ns == stamp->modified_ns && now.changed_ns == stamp->changed_ns;
}

/* One that was written just now may be written again within the same tick of its clock. */
static struct zonefile_stamp settled(const struct loading *l)
{
    struct clock clock;
    clock_open(&clock);
    struct zonefile_stamp s = stamp_of(&l->files->state);
    bool late = s.changed_ns / 1000000 + SETTLED_MS < clock_now(&clock).unix_ms;
    return late && l->count == 1 ? s : (struct zonefile_stamp){ 0 };
}

/* With `hints`, of the root, and no zone but what hints.h makes one of. */
static struct zone *load_zone(const char *path, const struct dns_name *apex, bool hints, uint64_t seed,
                              zonefile_problem_fn *fn, void *owner, struct zonefile_stamp *stamp)
{
    struct loading l = { 0 };
    struct zone *z = NULL;
    struct loaded *f = load(&l, path);
    if (!f) {
        char text[MASTERFILE_TEXT_MAX];
        snprintf(text, sizeof text, "cannot read it: %s", strerror(errno));
        tell_one(path, text, apex, fn, owner);
    } else {
        struct zone_builder *b =
            hints ? hints_builder(seed) : zone_builder_open(apex, seed, f->len / BYTES_FOR_NAME);
        if (b)
            z = build(&l, f, b, fn, owner);
        else
            tell_one(path, zone_fault_text(ZONE_TOO_BIG), apex, fn, owner);
    }
    if (stamp)
        *stamp = z ? settled(&l) : (struct zonefile_stamp){ 0 };
    forget_files(&l);
    return z;
}

void zonefile_print_problem(const struct masterfile_problem *p, FILE *out)
{
    const char *kind = p->warning ? "warning: " : "";
    if (p->line)
        fprintf(out, "%s:%u:%u: %s%s\n", p->path, p->line, p->column, kind, p->text);
    else
        fprintf(out, "%s: %s%s\n", p->path, kind, p->text);
}

struct zone *zonefile_load(const char *path, const struct dns_name *apex, uint64_t seed,
                           zonefile_problem_fn *fn, void *owner, struct zonefile_stamp *stamp)
{
    return load_zone(path, apex, false, seed, fn, owner, stamp);
}

struct zone *zonefile_load_hints(const char *path, uint64_t seed, zonefile_problem_fn *fn, void *owner)
{
    struct dns_name root;
    dns_name_root(&root);
    return load_zone(path, &root, true, seed, fn, owner, NULL);
}
