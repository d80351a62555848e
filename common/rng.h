/* Random numbers as an argument: seeded from the system in a server, from a number in tests and simulations,
 * so that a run can be repeated. Not for secrets: keys and DNS ids come from the system (entropy.h). */
#ifndef WIRELAB_RNG_H
#define WIRELAB_RNG_H

#include <stdint.h>

/* xoshiro256** state; never all zero. */
struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* Uniform in 0 .. bound-1; bound > 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);

#endif
