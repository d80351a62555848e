#include "postgres.h"

#include <dlfcn.h>
#include <string.h>

#define LIBRARY "libpq.so.5"

static bool find_all(void *library, struct postgres *pq)
{
    void *at;
#define FIND(name)                                                                                           \
    at = dlsym(library, #name);                                                                              \
    if (!at)                                                                                                 \
        return false;                                                                                        \
    memcpy(&pq->name, &at, sizeof at);
    POSTGRES_FUNCTIONS(FIND)
#undef FIND
    return true;
}

const struct postgres *postgres_load(struct problem *p)
{
    static struct postgres pq;
    static bool loaded;
    if (loaded)
        return &pq;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    loaded = library && find_all(library, &pq);
    if (loaded)
        return &pq;
    problem_set(p, "store: PostgreSQL needs its client library: %s", library ? "it is too old" : dlerror());
    problem_remedy(p, "install the package libpq5 (version 14 or later), or leave out the key `store`");
    return NULL;
}
