/* Namespaces: a world of its own for a play, and in it one network namespace for each host. Works as an
 * ordinary user and as root; nothing in it outlives the process that made it. */
#ifndef WIRELAB_NETNS_H
#define WIRELAB_NETNS_H

#include "problem.h"

#include <signal.h>
#include <stdbool.h>

/* An empty directory of the world's own, in memory: it is gone when the world is. */
#define NETNS_SCRATCH "/sys"

enum netns_end {
    NETNS_ENDED,       /* `inside` returned true */
    NETNS_FAILED,      /* it returned false, or died; or there can be no world: *p says why */
    NETNS_INTERRUPTED, /* by SIGINT, SIGTERM or SIGHUP */
};

/* From now on SIGINT, SIGTERM, SIGHUP and SIGCHLD wait: for netns_play(), or for netns_release_signals(). */
void netns_hold_signals(sigset_t *before);
void netns_release_signals(const sigset_t *before);

/* Calls `inside` in a child process that is the first one of new pid, mount and network namespaces (and a new
 * user namespace, where that is needed), and returns when it and all that it started are gone. Signals must
 * be held; one that comes ends the world at once, as does the death of this process. *p, and what `inside`
 * has to tell, must be in memory that is shared with children (MAP_SHARED). */
enum netns_end netns_play(bool (*inside)(void *owner), void *owner, struct problem *p);

/* In the world: a descriptor of the present network namespace, or of a new one, which is then the present
 * one. -1, and *p says why. */
int netns_present(struct problem *p);
int netns_make(struct problem *p);
bool netns_enter(int fd, struct problem *p);

/* "what: why", with the remedy where the system forbids namespaces. */
void netns_refused(struct problem *p, int error, const char *what);

#endif
