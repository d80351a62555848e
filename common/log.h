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
};

/* Writes to fd (not closed here). A line that the descriptor does not take is lost; the server goes on. */
void log_open(struct log *l, struct events *e, enum event_level level, enum log_form form, int fd);
void log_close(struct log *l, struct events *e);
/* "error", "warning", "info", "traffic"; false for other words. */
bool log_level_parse(struct span word, enum event_level *out);
/* The line of an event without its newline, as the log would print it; for tests. */
void log_format(struct writer *w, const struct event *ev, enum log_form form);

#endif
