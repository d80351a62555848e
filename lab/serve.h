/* The servers of a scenario's host: a child process each, in the host's network namespace. */
#ifndef WIRELAB_SERVE_H
#define WIRELAB_SERVE_H

#include "scenario.h"

#include <sys/types.h>
#include <uv.h>

struct serve {
    pid_t pid;      /* 0: none */
    int go_fd;      /* what it waits for before it starts */
    int ready_fd;   /* its standard output; hangs up when it has ended */
    uv_poll_t poll; /* the owner's: for that */
};

/* Checks what stands between `serve` and `end` of every host as `wirelab check` would; what is wrong is
 * printed on standard error with the lines of the scenario, whose file is `path`. */
bool serve_check(const struct scenario *s, const char *path);

struct serve_options {
    const struct scenario_host *host;
    const char *path;      /* of the scenario: for messages, and for the files that it names */
    const char *directory; /* the state of all hosts, each in its own */
    const char *keys_path; /* where TLS secrets go */
    int namespace_fd;      /* where it is to run */
    int log_fd;            /* its standard error */
};

/* Makes its process, which waits. Before this process has a loop: libuv cannot do without the descriptors
 * that a new process gives up. False, and *p says why. */
bool serve_fork(struct serve *v, const struct serve_options *o, struct problem *p);
/* Lets it start and waits until it is ready. */
bool serve_go(struct serve *v, const struct scenario_host *h, struct problem *p);
/* Asks it to end, waits until it has, and helps after a while. Harmless when there is none. */
void serve_stop(struct serve *v);

#endif
