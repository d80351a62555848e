/* Every frame that crosses a host's interface, with the kernel's time, into a log in memory. The log can be
 * shared between the process that records and the one that reads. */
#ifndef WIRELAB_CAPTURE_H
#define WIRELAB_CAPTURE_H

#include "link.h"

#define CAPTURE_LOG_BYTES (64 * 1024 * 1024) /* of address space; only what is written takes memory */

struct capture_log {
    size_t length;
    bool full; /* something did not fit */
    uint8_t bytes[CAPTURE_LOG_BYTES];
};

struct capture {
    struct capture_log *log;
    struct link *link;
    uint8_t number;  /* which of the captures that share the log */
    int64_t last_ns; /* of the frame before */
};

/* Begins to record at `interface` of the present network namespace. False, and *p says why. */
bool capture_open(struct capture *c, struct loop *l, const char *interface, struct capture_log *log,
                  uint8_t number, struct problem *p);
/* Records a frame behind those that were taken before: the order in which the kernel hands frames out is the
 * one in which they crossed the interface. Its stamps need not be: the first frames are stamped when they are
 * read, since the kernel begins to stamp a moment after it was asked. No time is earlier than the one before.
 */
void capture_take(struct capture *c, struct span frame, int64_t unix_ns, bool outgoing);
/* Takes what the kernel still has, without waiting. */
void capture_drain(struct capture *c);
void capture_close(struct capture *c);

struct capture_record {
    uint8_t number;
    bool outgoing; /* sent by this host */
    int64_t unix_ns;
    struct span frame; /* in the log */
};

/* A reader over what was recorded; the next record of it, false after the last. */
struct reader capture_log_reader(const struct capture_log *log);
bool capture_log_next(struct reader *r, struct capture_record *out);

#endif
