/* The only reader of time and the only source of entropy. Real by default; a lab can freeze it and turn it by
 * hand, and then deadlines fire in order, at once. */
#ifndef WIRELAB_CLOCK_H
#define WIRELAB_CLOCK_H

#include "timer.h"

struct clock {
    bool frozen;
    struct now at; /* when frozen */
};

/* A real clock. */
void clock_open(struct clock *c);
struct now clock_now(const struct clock *c);
/* From now on it stands still ... */
void clock_freeze(struct clock *c);
/* ... but for this. */
void clock_advance(struct clock *c, uint64_t ms);

/* Fills from the system's generator, for secrets, keys and ids; never fails (waits at boot). */
void entropy_fill(void *into, size_t bytes);
uint64_t entropy_u64(void);

#endif
