/* How a program that is ready says so: one JSON line, or a table for people; and sd_notify(3)'s datagram. */
#ifndef WIRELAB_READY_H
#define WIRELAB_READY_H

#include "endpoint.h"

#define READY_MAX 128 /* listeners that are told; more still listen */

struct ready_row {
    const char *service, *protocol, *try;
    struct endpoint at;
};

struct ready {
    struct ready_row rows[READY_MAX];
    size_t count;
};

/* The texts must live as long as `r`. */
void ready_add(struct ready *r, const char *service, const char *protocol, const struct endpoint *at,
               const char *try);
/* To standard output. `machine`: the JSON line. */
void ready_print(const struct ready *r, const char *lab, uint64_t ms, const char *ca_path, bool machine);
/* Sends a state ("READY=1") to the service manager when there is one. */
void ready_notify(const char *state);
void ready_close(struct ready *r);

#endif
