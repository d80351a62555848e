#include "watch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct watch {
    uv_fs_event_t directories[2];
    size_t open; /* handles that are not closed yet */
    void (*fn)(void *owner);
    void *owner;
};

static void on_change(uv_fs_event_t *h, const char *name, int events, int status)
{
    struct watch *w = h->data;
    (void)name;
    (void)events;
    (void)status;
    if (w->fn)
        w->fn(w->owner);
}

static void on_closed(uv_handle_t *h)
{
    struct watch *w = h->data;
    if (--w->open == 0)
        free(w);
}

void watch_close(struct watch *w)
{
    w->fn = NULL;
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&w->directories[i], on_closed);
}

struct watch *watch_open(struct loop *l, const char *path, void (*fn)(void *owner), void *owner,
                         struct problem *p)
{
    static const char *const parts[] = { "new", "cur" };
    char directory[PATH_MAX + 8];
    struct watch *w = calloc(1, sizeof *w);
    int error = 0;
    if (!w) {
        problem_set(p, "out of memory");
        return NULL;
    }
    w->fn = fn;
    w->owner = owner;
    w->open = 2;
    for (size_t i = 0; i < 2; i++) {
        uv_fs_event_init(&l->uv, &w->directories[i]);
        w->directories[i].data = w;
    }
    for (size_t i = 0; i < 2 && error == 0; i++) {
        snprintf(directory, sizeof directory, "%s/%s", path, parts[i]);
        error = uv_fs_event_start(&w->directories[i], on_change, directory, 0);
    }
    if (error == 0)
        return w;
    problem_set(p, "%s cannot be watched: %s", directory, uv_strerror(error));
    watch_close(w);
    return NULL;
}
