/* Counters and levels of a running program, for whoever asks at its door: the text form that Prometheus
 * reads. */
#ifndef WIRELAB_METRICS_H
#define WIRELAB_METRICS_H

#include "event.h"
#include "http_server.h"

#define METRIC_LINE_BYTES 1024

/* Begins the answer; metric_line() and metrics_events() follow, then http_end(). */
void metrics_begin(struct http_exchange *x);
/* NAME{LABEL="VALUE",LABEL="VALUE"} NUMBER; a label of NULL is left out. */
void metric_line(struct http_exchange *x, const char *name, const char *label, const char *value,
                 const char *label2, const char *value2, uint64_t number);
/* Every event that has happened, and those with a reason by that. */
void metrics_events(struct http_exchange *x, const struct events *e);

#endif
