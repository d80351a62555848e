/* A directory of a test's own, and all that came into it gone again. */
#ifndef WIRELAB_TESTS_SCRATCH_H
#define WIRELAB_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define SCRATCH_BYTES     32
#define SCRATCH_OPEN_DIRS 16

static inline void scratch_make(char directory[SCRATCH_BYTES])
{
    snprintf(directory, SCRATCH_BYTES, "/tmp/wirelab-test-XXXXXX");
    if (!mkdtemp(directory))
        abort();
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

/* 0, or what could not be removed has set errno. */
static inline int scratch_remove(const char *directory)
{
    return nftw(directory, scratch_remove_one, SCRATCH_OPEN_DIRS, FTW_DEPTH | FTW_PHYS);
}

#endif
