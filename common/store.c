#include "store.h"

#include "event.h"
#include "store_engine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY_BYTES     160
#define LOOK_AGAIN_MS 1000 /* for a database that is away */

/* One call of store_commit(): its changes, and the bytes they point to, in one block. */
struct request {
    struct list_node node;
    store_done_fn *done;
    void *owner;
    bool ok;
    char why[WHY_BYTES];
    bool learned; /* no commit, but a row that another program changed */
    size_t count;
    struct store_change changes[];
};

#define FOLLOWERS_MAX 4 /* tables that several programs share */

struct follower {
    const struct store_table *table;
    store_follow_fn *fn;
    void *owner;
};

struct store {
    struct loop *loop;
    struct events *events;
    uv_async_t wake; /* the thread has something in `finished` */
    pthread_t thread;
    pthread_mutex_t lock; /* of the two lists, `ending`, `ended` and `failing` */
    pthread_cond_t work, over;
    struct list waiting, finished;
    bool ending, ended;
    char failing[WHY_BYTES]; /* store_fail() */
    pthread_mutex_t engine_lock;
    struct engine *engine;
    int wake_fd; /* of an engine that hears of others; -1 */
    struct follower followers[FOLLOWERS_MAX];
    size_t follower_count;
    bool was_failing; /* the loop's: what was last told */
};

/* ---- requests ---------------------------------------------------------------------------- */

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

/* On the thread: a row that another program changed, for the loop. Without memory it is not learnt, and a
 * claim tells. */
static void learn(void *owner, const struct store_table *t, const struct store_value *values)
{
    struct store *s = owner;
    struct store_change c = { .kind = STORE_PUT, .table = t };
    memcpy(c.values, values, sizeof c.values);
    struct request *r = request_new(&c, 1);
    if (!r)
        return;
    r->learned = true;
    pthread_mutex_lock(&s->lock);
    list_append(&s->finished, &r->node);
    pthread_mutex_unlock(&s->lock);
    uv_async_send(&s->wake);
}

/* ---- the thread -------------------------------------------------------------------------- */

static void move_all(struct list *from, struct list *to)
{
    struct list_node *n;
    while ((n = list_take(from)))
        list_append(to, n);
}

static int compare_keys(const struct store_change *a, const struct store_change *b)
{
    if (a->table != b->table)
        return strcmp(a->table->name, b->table->name);
    for (size_t i = 0; i < a->table->key_columns; i++) {
        const struct store_value *x = &a->values[i], *y = &b->values[i];
        size_t least = x->bytes.len < y->bytes.len ? x->bytes.len : y->bytes.len;
        int order = least ? memcmp(x->bytes.at, y->bytes.at, least) : 0;
        if (!order && x->bytes.len != y->bytes.len)
            order = x->bytes.len < y->bytes.len ? -1 : 1;
        if (!order && x->number != y->number)
            order = x->number < y->number ? -1 : 1;
        if (order)
            return order;
    }
    return 0;
}

struct placed {
    const struct store_change *change;
    size_t place;
};

/* By key, and those of one key in their order: two programs that commit at once cannot wait for each other.
 */
static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    int order = compare_keys(x->change, y->change);
    return order ? order : x->place < y->place ? -1 : x->place > y->place;
}

static bool apply_sorted(struct engine *e, const struct list *batch)
{
    size_t count = 0, at = 0;
    bool ok = true;
    for (struct list_node *n = list_first(batch); n; n = list_next(batch, n))
        count += list_item(n, struct request, node)->count;
    struct placed *all = calloc(count + 1, sizeof *all);
    if (!all)
        return false;
    for (struct list_node *n = list_first(batch); n; n = list_next(batch, n)) {
        struct request *r = list_item(n, struct request, node);
        for (size_t i = 0; i < r->count; i++, at++)
            all[at] = (struct placed){ &r->changes[i], at };
    }
    qsort(all, count, sizeof *all, compare_placed);
    for (size_t i = 0; ok && i < count; i++)
        ok = e->type->apply(e, all[i].change);
    free(all);
    return ok;
}

static bool apply_all(struct engine *e, const struct list *batch)
{
    if (e->type->sorted)
        return apply_sorted(e, batch);
    for (struct list_node *n = list_first(batch); n; n = list_next(batch, n)) {
        struct request *r = list_item(n, struct request, node);
        for (size_t i = 0; i < r->count; i++)
            if (!e->type->apply(e, &r->changes[i]))
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
    struct engine *e = s->engine;
    bool ok = e->type->begin(e) && apply_all(e, batch) && e->type->commit(e);
    if (!ok) {
        snprintf(why, WHY_BYTES, "%s", e->type->error(e));
        e->type->undo(e);
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

/* Until there is something to do. An engine that hears of others is asked meanwhile. */
static void wait_for_work(struct store *s)
{
    if (s->wake_fd < 0) {
        pthread_cond_wait(&s->work, &s->lock);
        return;
    }
    uint64_t taken;
    pthread_mutex_unlock(&s->lock);
    for (bool woken = false; !woken;) { /* ends when somebody has something to do */
        pthread_mutex_lock(&s->engine_lock);
        int fd = s->engine->type->look(s->engine, learn, s);
        pthread_mutex_unlock(&s->engine_lock);
        struct pollfd fds[] = { { s->wake_fd, POLLIN, 0 }, { fd, POLLIN, 0 } };
        poll(fds, 2, fd < 0 ? LOOK_AGAIN_MS : -1);
        woken = fds[0].revents && read(s->wake_fd, &taken, sizeof taken) > 0;
    }
    pthread_mutex_lock(&s->lock);
}

static void wake_thread(struct store *s)
{
    uint64_t one = 1;
    pthread_cond_signal(&s->work);
    if (s->wake_fd >= 0 && write(s->wake_fd, &one, sizeof one) < 0)
        return; /* it is full: the thread is awake */
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
            wait_for_work(s);
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
    s->ended = true;
    pthread_cond_signal(&s->over);
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

static void tell_learned(struct store *s, const struct request *r)
{
    for (size_t i = 0; i < s->follower_count; i++)
        if (s->followers[i].table == r->changes[0].table)
            s->followers[i].fn(s->followers[i].owner, r->changes[0].values);
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
        if (r->learned)
            tell_learned(s, r);
        else
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
    wake_thread(s);
    pthread_mutex_unlock(&s->lock);
}

static void handle_closed(uv_handle_t *h)
{
    free(h->data);
}

/* When there is no thread, or none any more. The loop frees the rest. */
static void give_back(struct store *s)
{
    s->engine->type->close(s->engine);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->engine_lock);
    pthread_cond_destroy(&s->work);
    pthread_cond_destroy(&s->over);
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    uv_close((uv_handle_t *)&s->wake, handle_closed);
}

struct store *store_open(struct loop *l, const char *where, struct problem *p)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s) {
        problem_set(p, "out of memory");
        return NULL;
    }
    s->loop = l;
    int error = uv_async_init(&l->uv, &s->wake, woken);
    if (error) {
        problem_set(p, "store: %s", uv_strerror(error));
        free(s);
        return NULL;
    }
    s->wake.data = s;
    bool postgresql = span_starts(span_text(where), "postgresql://");
    s->engine = postgresql ? postgresql_open(where, p) : sqlite_open(where, p);
    if (!s->engine) {
        uv_close((uv_handle_t *)&s->wake, handle_closed);
        return NULL;
    }
    s->wake_fd = s->engine->type->look ? eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) : -1;
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->engine_lock, NULL);
    pthread_cond_init(&s->work, NULL);
    pthread_cond_init(&s->over, NULL);
    list_open(&s->waiting);
    list_open(&s->finished);
    error = pthread_create(&s->thread, NULL, store_thread, s);
    if (!error)
        return s;
    problem_set(p, "store: cannot start its thread: %s", strerror(error));
    give_back(s);
    return NULL;
}

void store_follow(struct store *s, const struct store_table *t, store_follow_fn *fn, void *owner)
{
    if (s->follower_count < FOLLOWERS_MAX)
        s->followers[s->follower_count++] = (struct follower){ t, fn, owner };
}

void store_watch(struct store *s, struct events *e)
{
    s->events = e;
}

bool store_use(struct store *s, const struct store_table *t, struct problem *p)
{
    pthread_mutex_lock(&s->engine_lock);
    bool ok = s->engine->type->use(s->engine, t, p);
    pthread_mutex_unlock(&s->engine_lock);
    return ok;
}

bool store_load(struct store *s, const struct store_table *t, store_row_fn *fn, void *owner,
                struct problem *p)
{
    pthread_mutex_lock(&s->engine_lock);
    bool ok = s->engine->type->load(s->engine, t, fn, owner, p);
    pthread_mutex_unlock(&s->engine_lock);
    return ok;
}

void store_fail(struct store *s, const char *why)
{
    pthread_mutex_lock(&s->lock);
    snprintf(s->failing, sizeof s->failing, "%s", why ? why : "");
    pthread_mutex_unlock(&s->lock);
}

bool store_end(struct store *s, uint64_t patience_ms)
{
    struct clock clock;
    clock_open(&clock);
    uint64_t due_ms = clock_now(&clock).mono_ms + patience_ms;
    struct timespec due = { .tv_sec = (time_t)(due_ms / 1000), .tv_nsec = (long)(due_ms % 1000) * 1000000 };
    int error = 0;
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    wake_thread(s);
    while (!s->ended && !error) /* ends when the thread does, or the time */
        error = pthread_cond_clockwait(&s->over, &s->lock, CLOCK_MONOTONIC, &due);
    bool ended = s->ended;
    pthread_mutex_unlock(&s->lock);
    return ended;
}

void store_close(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    wake_thread(s);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    s->follower_count = 0; /* they may be gone */
    tell_finished(s);
    give_back(s);
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
