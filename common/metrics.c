#include "metrics.h"

#include "text.h"

void metrics_begin(struct http_exchange *x)
{
    http_begin(x, 200, span_text("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
}

static void write_label(struct writer *w, const char *separator, const char *label, const char *value)
{
    if (!label)
        return;
    write_format(w, "%s%s=", separator, label);
    write_json_string(w, span_text(value)); /* it is escaped in the same way */
}

void metric_line(struct http_exchange *x, const char *name, const char *label, const char *value,
                 const char *label2, const char *value2, uint64_t number)
{
    uint8_t line[METRIC_LINE_BYTES];
    struct writer w = writer_over(line, sizeof line);
    write_text(&w, name);
    write_label(&w, "{", label, value);
    write_label(&w, ",", label2, value2);
    write_format(&w, "%s %llu\n", label ? "}" : "", (unsigned long long)number);
    if (writer_ok(&w))
        http_piece(x, writer_span(&w));
}

void metrics_events(struct http_exchange *x, const struct events *e)
{
    http_piece(x, span_text("# TYPE wirelab_events_total counter\n"));
    for (size_t i = 0; i < EVENT_IDS; i++)
        if (e->seen[i])
            metric_line(x, "wirelab_events_total", "event", event_rows[i].name, NULL, NULL, e->seen[i]);
    http_piece(x, span_text("# TYPE wirelab_event_reasons_total counter\n"));
    for (size_t i = 0; i <= e->reason_count; i++) /* the last one is "other" */
        if (e->reasons[i].seen)
            metric_line(x, "wirelab_event_reasons_total", "event", event_rows[e->reasons[i].id].name,
                        "reason", e->reasons[i].reason, e->reasons[i].seen);
}
