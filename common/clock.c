#include "clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

void clock_open(struct clock *c)
{
    *c = (struct clock){ 0 };
}

static int64_t read_ms(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct now clock_now(const struct clock *c)
{
    if (c->frozen)
        return c->at;
    return (struct now){ (uint64_t)read_ms(CLOCK_MONOTONIC), read_ms(CLOCK_REALTIME) };
}

void clock_freeze(struct clock *c)
{
    c->at = clock_now(c);
    c->frozen = true;
}

void clock_advance(struct clock *c, uint64_t ms)
{
    c->at.mono_ms += ms;
    c->at.unix_ms += (int64_t)ms;
}

void entropy_fill(void *into, size_t bytes)
{
    uint8_t *p = into;
    while (bytes) {
        ssize_t n = getrandom(p, bytes, 0);
        if (n < 0 && errno != EINTR)
            abort(); /* a kernel without getrandom: nothing secret can be made here */
        if (n > 0) {
            p += n;
            bytes -= (size_t)n;
        }
    }
}

uint64_t entropy_u64(void)
{
    uint64_t v;
    entropy_fill(&v, sizeof v);
    return v;
}
