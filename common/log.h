/* One line an event: logfmt for people and files, JSON on request, a short form with the time on a terminal.
 */
#ifndef WIRELAB_LOG_H
#define WIRELAB_LOG_H

#include "event.h"

enum log_form { LOG_LOGFMT, LOG_JSON, LOG_TERMINAL };

struct log {
    struct event_sink sink;
    enum log_form form;
    int fd;
    bool is_file;       /* there is always room */
    uint64_t lost;      /* lines, since one was written */
    struct now lost_at; /* the last of them */
};

/* Writes to fd (not closed here), and never waits for it: lines that it does not take are lost, and how many
 * is the first that it is told when it takes some again, or at the end. */
void log_open(struct log *l, struct events *e, enum event_level level, enum log_form form, int fd);
void log_close(struct log *l, struct events *e);
/* "error", "warning", "info", "traffic"; false for other words. */
bool log_level_parse(struct span word, enum event_level *out);
/* The line of an event without its newline, as the log would print it; for tests. */
void log_format(struct writer *w, const struct event *ev, enum log_form form);

#endif
