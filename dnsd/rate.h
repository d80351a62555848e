/* How many answers of one kind the clients of one network get by UDP (response rate limiting, as BIND and NSD
 * have it): whoever sends questions in the name of somebody else would have that one flooded with answers.
 *
 * A network has an account for each answer: so many a second come in, each answer takes one, and it may be
 * overdrawn by RATE_WINDOW_S seconds' worth, so that a flood has to end before answers flow again. Accounts
 * live in a table of fixed size, where the one that was silent longest goes first. */
#ifndef WIRELAB_DNSD_RATE_H
#define WIRELAB_DNSD_RATE_H

#include "endpoint.h"

#define RATE_WINDOW_S       15
#define RATE_ROWS           65536 /* 2 MiB; an attack that uses more networks at once is thin in each of them */
#define RATE_PER_SECOND_MAX 1000000

struct rate_settings {
    uint32_t per_second; /* 0: there is no limit */
    uint32_t slip;       /* each so many-th answer beyond the limit says "come by TCP"; 0: none */
    uint8_t ip4_bits, ip6_bits;
    struct prefix *exempt;
    size_t exempt_count;
};

enum rate_verdict { RATE_SEND, RATE_TRUNCATE, RATE_DROP };

struct rate_row {
    uint64_t key; /* network and answer; 0: free */
    uint64_t last_ms;
    int64_t account; /* thousandths of an answer */
    uint32_t beyond; /* answers beyond the limit, for the slip */
};

struct rate {
    struct rate_row *rows; /* RATE_ROWS */
    uint64_t seed;
};

/* The network of a client. */
struct prefix rate_network(const struct rate_settings *s, struct address client);
/* What becomes of an answer to `client`; those with the same `answer` count together. A time that is older
 * than the one before counts as that one. */
enum rate_verdict rate_judge(struct rate *r, const struct rate_settings *s, struct address client,
                             uint64_t answer, uint64_t mono_ms);

#endif
