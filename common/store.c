#include "store.h"

#include "event.h"
#include "store_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY_BYTES 160

/* One call of store_commit(): its changes, and the bytes they point to, in one block. */
struct request {
    struct list_node node;
    store_done_fn *done;
    void *owner;
    bool ok;
    char why[WHY_BYTES];
    size_t count;
    struct store_change changes[];
};

struct store {
    struct loop *loop;
    struct events *events;
    uv_async_t wake; /* the thread has something in `finished` */
    pthread_t thread;
    pthread_mutex_t lock; /* of the two lists, `ending` and `failing` */
    pthread_cond_t work;
    struct list waiting, finished;
    bool ending;
    char failing[WHY_BYTES]; /* store_fail() */
    pthread_mutex_t engine_lock;
    struct engine *engine;
    bool was_failing; /* the loop's: what was last told */
};

/* ---- the thread -------------------------------------------------------------------------- */

static void move_all(struct list *from, struct list *to)
{
    struct list_node *n;
    while ((n = list_take(from)))
        list_append(to, n);
}

static bool apply_all(struct engine *e, const struct list *batch)
{
    for (struct list_node *n = list_first(batch); n; n = list_next(batch, n)) {
        struct request *r = list_item(n, struct request, node);
        for (size_t i = 0; i < r->count; i++)
            if (!engine_apply(e, &r->changes[i]))
                return false;
    }
    return true;
}

/* All that waited becomes one transaction: one sync for the whole batch. */
static bool commit_batch(struct store *s, const struct list *batch, const char *failing, char why[WHY_BYTES])
{
    if (failing[0]) {
        snprintf(why, WHY_BYTES, "%s", failing);
        return false;
    }
    pthread_mutex_lock(&s->engine_lock);
    bool ok = engine_begin(s->engine) && apply_all(s->engine, batch) && engine_commit(s->engine);
    if (!ok) {
        snprintf(why, WHY_BYTES, "%s", engine_error(s->engine));
        engine_undo(s->engine);
    }
    pthread_mutex_unlock(&s->engine_lock);
    return ok;
}

static void finish_batch(struct list *batch, bool ok, const char *why)
{
    for (struct list_node *n = list_first(batch); n; n = list_next(batch, n)) {
        struct request *r = list_item(n, struct request, node);
        r->ok = ok;
        if (!ok)
            snprintf(r->why, sizeof r->why, "%s", why);
    }
}

static void *store_thread(void *arg)
{
    struct store *s = arg;
    struct list batch;
    char failing[WHY_BYTES], why[WHY_BYTES] = "";
    list_open(&batch);
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (list_empty(&s->waiting) && !s->ending)
            pthread_cond_wait(&s->work, &s->lock);
        if (list_empty(&s->waiting))
            break;
        move_all(&s->waiting, &batch);
        memcpy(failing, s->failing, sizeof failing);
        pthread_mutex_unlock(&s->lock);
        finish_batch(&batch, commit_batch(s, &batch, failing, why), why);
        pthread_mutex_lock(&s->lock);
        move_all(&batch, &s->finished);
        uv_async_send(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- the loop's side ----------------------------------------------------------------------- */

static void tell_change_of_state(struct store *s, const struct request *r)
{
    if (!s->events || s->was_failing == !r->ok)
        return;
    s->was_failing = !r->ok;
    event_note(s->events, r->ok ? EVENT_STORE_RECOVERED : EVENT_STORE_FAILED, loop_now(s->loop), "reason",
               r->ok ? "commits succeed again" : r->why);
}

static void tell_finished(struct store *s)
{
    struct list finished;
    struct list_node *n;
    list_open(&finished);
    pthread_mutex_lock(&s->lock);
    move_all(&s->finished, &finished);
    pthread_mutex_unlock(&s->lock);
    while ((n = list_take(&finished))) {
        struct request *r = list_item(n, struct request, node);
        tell_change_of_state(s, r);
        if (r->done)
            r->done(r->owner, r->ok, r->ok ? NULL : r->why);
        free(r);
    }
}

static void woken(uv_async_t *a)
{
    tell_finished(a->data);
}

static size_t bytes_of(const struct store_change *c)
{
    size_t bytes = 0;
    for (size_t i = 0; i < c->table->column_count; i++)
        if (c->table->columns[i].type != STORE_NUMBER && c->values[i].bytes.at)
            bytes += c->values[i].bytes.len;
    return bytes;
}

/* Points the copied change's values at copies of their bytes. */
static void copy_bytes(struct store_change *c, struct writer *bytes)
{
    for (size_t i = 0; i < c->table->column_count; i++) {
        struct span *v = &c->values[i].bytes;
        if (c->table->columns[i].type == STORE_NUMBER || !v->at)
            continue;
        uint8_t *copy = writer_take(bytes, v->len);
        if (v->len)
            memcpy(copy, v->at, v->len);
        v->at = copy;
    }
}

static struct request *request_new(const struct store_change *changes, size_t count)
{
    size_t bytes = 1; /* so that the copy of an empty value has an address */
    for (size_t i = 0; i < count; i++)
        bytes += bytes_of(&changes[i]);
    struct request *r = malloc(sizeof *r + count * sizeof *changes + bytes);
    if (!r)
        return NULL;
    *r = (struct request){ .count = count };
    if (count)
        memcpy(r->changes, changes, count * sizeof *changes);
    struct writer w = writer_over(&r->changes[count], bytes);
    for (size_t i = 0; i < count; i++)
        copy_bytes(&r->changes[i], &w);
    return r;
}

void store_commit(struct store *s, const struct store_change *changes, size_t count, store_done_fn *done,
                  void *owner)
{
    struct request *r = request_new(changes, count);
    if (!r) { /* nothing was promised yet: the owner withdraws */
        if (done)
            done(owner, false, "out of memory");
        return;
    }
    r->done = done;
    r->owner = owner;
    pthread_mutex_lock(&s->lock);
    list_append(&s->waiting, &r->node);
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
}

static bool start_thread(struct store *s)
{
    if (uv_async_init(&s->loop->uv, &s->wake, woken) != 0)
        return false;
    s->wake.data = s;
    if (pthread_create(&s->thread, NULL, store_thread, s) == 0)
        return true;
    uv_close((uv_handle_t *)&s->wake, NULL);
    return false;
}

struct store *store_open(struct loop *l, const char *directory, struct problem *p)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s) {
        problem_set(p, "out of memory");
        return NULL;
    }
    s->loop = l;
    s->engine = engine_open(directory, p);
    if (!s->engine) {
        free(s);
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->engine_lock, NULL);
    pthread_cond_init(&s->work, NULL);
    list_open(&s->waiting);
    list_open(&s->finished);
    if (start_thread(s))
        return s;
    problem_set(p, "store: cannot start its thread");
    engine_close(s->engine);
    free(s);
    return NULL;
}

void store_watch(struct store *s, struct events *e)
{
    s->events = e;
}

bool store_use(struct store *s, const struct store_table *t, struct problem *p)
{
    pthread_mutex_lock(&s->engine_lock);
    bool ok = engine_use(s->engine, t, p);
    pthread_mutex_unlock(&s->engine_lock);
    return ok;
}

bool store_load(struct store *s, const struct store_table *t, store_row_fn *fn, void *owner,
                struct problem *p)
{
    pthread_mutex_lock(&s->engine_lock);
    bool ok = engine_load(s->engine, t, fn, owner, p);
    pthread_mutex_unlock(&s->engine_lock);
    return ok;
}

void store_fail(struct store *s, const char *why)
{
    pthread_mutex_lock(&s->lock);
    snprintf(s->failing, sizeof s->failing, "%s", why ? why : "");
    pthread_mutex_unlock(&s->lock);
}

static void handle_closed(uv_handle_t *h)
{
    free(h->data);
}

void store_close(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    tell_finished(s);
    engine_close(s->engine);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->engine_lock);
    pthread_cond_destroy(&s->work);
    uv_close((uv_handle_t *)&s->wake, handle_closed);
}

/* ---- files --------------------------------------------------------------------------------- */

static bool write_and_sync(int fd, struct span bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.at, bytes.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            bytes = span_from(bytes, (size_t)n);
    }
    return fsync(fd) == 0;
}

static bool sync_directory_of(const char *path)
{
    char directory[4096];
    snprintf(directory, sizeof directory, "%s", path);
    char *slash = strrchr(directory, '/');
    if (slash)
        *slash = 0;
    int fd = open(slash ? (*directory ? directory : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

bool file_write_durably(const char *path, struct span bytes, unsigned mode)
{
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return false;
    bool ok = write_and_sync(fd, bytes);
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0;
    if (!ok) {
        int error = errno;
        unlink(temporary);
        errno = error;
        return false;
    }
    return sync_directory_of(path);
}
