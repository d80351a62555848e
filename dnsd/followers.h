/* What is known of those who follow our zones: whether they answered a NOTIFY, what they fetched and when.
 * Pure. */
#ifndef WIRELAB_DNSD_FOLLOWERS_H
#define WIRELAB_DNSD_FOLLOWERS_H

#include "endpoint.h"
#include "list.h"
#include "wire/dns_name.h"

#define FOLLOWERS_MAX    65536 /* of all zones; who was not heard of longest goes */
#define FOLLOWER_WHY_MAX 64
#define FOLLOWERS_CHAINS 4096

struct follower_state {
    struct list_node node;       /* of all, the one that was not heard of longest first */
    struct follower_state *next; /* of its chain */
    uint64_t zone_key;
    struct endpoint at; /* where it is told; port 0: it has asked, and is not told */
    int64_t told_ms;    /* of the last NOTIFY that was answered or given up; 0: none yet */
    uint32_t told_serial;
    bool answered;
    char why_not[FOLLOWER_WHY_MAX];
    int64_t fetched_ms; /* of the last transfer; 0: none yet */
    uint32_t fetched_serial;
    bool incremental, broken; /* broken: it did not take it to its end */
};

struct followers {
    struct list all;
    size_t count;
    struct follower_state *chains[FOLLOWERS_CHAINS];
};

void followers_open(struct followers *f);
void followers_close(struct followers *f);
/* Which zone of which view; the name in any case. */
uint64_t followers_key(uint64_t seed, const char *view, const struct dns_name *zone);
/* A NOTIFY came to its end. why == NULL: it was answered. */
void followers_told(struct followers *f, uint64_t zone_key, const struct endpoint *to, uint32_t serial,
                    const char *why, int64_t unix_ms);
/* A transfer ended. It is counted for the one who is told at this address; is there none, or are there
 * several, for the address alone. */
void followers_fetched(struct followers *f, uint64_t zone_key, const struct address *by, uint32_t serial,
                       bool incremental, bool broken, int64_t unix_ms);
/* Of this zone, one after the other; NULL: no more. `before`: NULL to begin. */
const struct follower_state *followers_next(const struct followers *f, uint64_t zone_key,
                                            const struct follower_state *before);

#endif
