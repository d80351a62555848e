/* What the servers of a host say on standard error: kept, passed on, and waited for. */
#ifndef WIRELAB_HOSTLOG_H
#define WIRELAB_HOSTLOG_H

#include "loop.h"
#include "problem.h"
#include "wire/wire.h"

#include <uv.h>

#define HOSTLOG_BYTES (512 * 1024) /* kept of a host; what comes after is only passed on */

struct hostlog {
    int read_fd, write_fd; /* a pipe: the servers have the other end; -1: closed */
    int all_fd;            /* where everything goes that any host says */
    uv_poll_t poll;
    bool polls;
    size_t length, looked; /* bytes that are here; lines before `looked` were waited for already */
    void (*wake)(void *owner);
    void *owner; /* who waits for lines; NULL: nobody */
    uint8_t bytes[HOSTLOG_BYTES];
};

/* Makes the pipe; give write_fd to the servers, then call hostlog_begin(). False, and *p says why. */
bool hostlog_open(struct hostlog *h, int all_fd, struct problem *p);
/* Reads from now on, on this loop. The write end of this process is closed. */
bool hostlog_begin(struct hostlog *h, struct loop *l, struct problem *p);
/* Takes what is in the pipe, without waiting. */
void hostlog_drain(struct hostlog *h);
/* The next line of an event (`event=NAME`) that has all of these texts (`name=value`); lines up to it will
 * not be found again. False: it was not said yet. */
bool hostlog_find(struct hostlog *h, struct span event, const struct span *fields, size_t count);
void hostlog_close(struct hostlog *h);

#endif
