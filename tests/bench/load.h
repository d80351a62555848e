/* The load generators of `make bench`: one closed loop a protocol. Each keeps a number of operations in hand,
 * begins the next when one is answered, and stops by itself. */
#ifndef WIRELAB_LOAD_H
#define WIRELAB_LOAD_H

#include "clock.h"
#include "endpoint.h"

struct load {
    struct clock clock;
    struct endpoint server;
    uint64_t end_ms; /* mono: when to stop */
    uint64_t done, wrong;
};

/* False when the time is over. */
static inline bool load_goes_on(const struct load *l)
{
    return clock_now(&l->clock).mono_ms < l->end_ms;
}

/* A connected, non-blocking socket, or the end of the program with a word of why. */
int load_connect(const struct load *l, int type);

void load_dns(struct load *l, unsigned names);
void load_http(struct load *l, const char *path);
void load_smtp(struct load *l, const char *recipient);
void load_dhcp(struct load *l, struct address relay);

#endif
