/* For tests of readers: an input of exactly its size, an arena, and what is written compared with a text. */
#ifndef WIRELAB_TESTS_EXACT_INPUT_H
#define WIRELAB_TESTS_EXACT_INPUT_H

#include "arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a)    (sizeof(a) / sizeof(a)[0])
#define ARENA_BYTES (1 << 20)

/* An input of exactly its size, so that a sanitizer sees a read past its end, with a reader over it. */
struct input {
    struct arena arena;
    struct reader reader;
    uint8_t *copy;
};

static inline struct input input_of(struct span s)
{
    struct input in = { .copy = malloc(s.len ? s.len : 1) };
    assert_non_null(in.copy);
    memcpy(in.copy, s.at, s.len);
    arena_open(&in.arena, 4096, ARENA_BYTES);
    in.reader = reader_over(span_of(in.copy, s.len));
    return in;
}

static inline struct input input(const char *text)
{
    return input_of(span_text(text));
}

static inline void release(struct input *in)
{
    arena_close(&in->arena);
    free(in->copy);
}

static inline void assert_span(struct span s, const char *expected)
{
    if (!span_is(s, expected))
        fail_msg("\"%.*s\" is not \"%s\"", (int)s.len, (const char *)s.at, expected);
}

static inline void assert_written(const struct writer *w, const char *expected)
{
    assert_true(writer_ok(w));
    assert_span(writer_span(w), expected);
}

#endif
