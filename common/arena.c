#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISONS 1
#endif
#endif

#ifdef ARENA_POISONS
#include <sanitizer/asan_interface.h>
#define POISON(at, n)   ASAN_POISON_MEMORY_REGION(at, n)
#define UNPOISON(at, n) ASAN_UNPOISON_MEMORY_REGION(at, n)
#else
#define POISON(at, n)   ((void)(at))
#define UNPOISON(at, n) ((void)(at))
#endif

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    alignas(max_align_t) uint8_t bytes[];
};

void arena_open(struct arena *a, size_t chunk_bytes, size_t max_bytes)
{
    *a = (struct arena){ .chunk_bytes = chunk_bytes, .max_bytes = max_bytes };
}

static void chunks_free(struct arena_chunk *c)
{
    while (c) {
        struct arena_chunk *next = c->next;
        UNPOISON(c->bytes, c->size);
        free(c);
        c = next;
    }
}

void arena_close(struct arena *a)
{
    chunks_free(a->first);
    a->first = a->current = NULL;
    a->used_bytes = 0;
}

void arena_reset(struct arena *a)
{
    if (a->first) {
        chunks_free(a->first->next);
        a->first->next = NULL;
        a->first->used = 0;
        POISON(a->first->bytes, a->first->size);
    }
    a->current = a->first;
    a->used_bytes = 0;
}

static struct arena_chunk *chunk_add(struct arena *a, size_t at_least)
{
    size_t size = at_least > a->chunk_bytes ? at_least : a->chunk_bytes;
    struct arena_chunk *c = malloc(sizeof *c + size);
    if (!c)
        return NULL;
    *c = (struct arena_chunk){ .size = size };
    POISON(c->bytes, size);
    if (a->current)
        a->current->next = c;
    else
        a->first = c;
    a->current = c;
    return c;
}

static void *take(struct arena *a, size_t bytes, size_t align)
{
    struct arena_chunk *c = a->current;
    size_t from = c ? (c->used + align - 1) & ~(align - 1) : 0;
    if (bytes > a->max_bytes || a->used_bytes > a->max_bytes - bytes)
        return NULL;
    if (!c || from > c->size || c->size - from < bytes) {
        c = chunk_add(a, bytes);
        if (!c)
            return NULL;
        from = 0;
    }
    c->used = from + bytes;
    a->used_bytes += bytes;
    UNPOISON(c->bytes + from, bytes);
    return c->bytes + from;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    return take(a, bytes, alignof(max_align_t));
}

void *arena_alloc_bytes(struct arena *a, size_t bytes)
{
    return take(a, bytes, 1);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    void *p = arena_alloc(a, count * size);
    if (p)
        memset(p, 0, count * size);
    return p;
}

struct span arena_copy(struct arena *a, struct span s)
{
    uint8_t *p = arena_alloc_bytes(a, s.len);
    if (!p)
        return (struct span){ NULL, 0 };
    if (s.len)
        memcpy(p, s.at, s.len);
    return (struct span){ p, s.len };
}

char *arena_text(struct arena *a, struct span s)
{
    if (s.len == SIZE_MAX)
        return NULL;
    char *p = arena_alloc_bytes(a, s.len + 1);
    if (!p)
        return NULL;
    if (s.len)
        memcpy(p, s.at, s.len);
    p[s.len] = 0;
    return p;
}
