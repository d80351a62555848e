/* All zones with their states, for people and programs. */
#include "secondary.h"

#include "control.h"
#include "text.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRY_BYTES 8192 /* a zone or a follower: a name at its longest, and what is said of it */

/* A comma before all but the first. */
struct list_out {
    FILE *out;
    bool more;
};

static void write_name(struct writer *w, const struct dns_name *n)
{
    char text[DNS_NAME_TEXT_MAX];
    struct writer name = writer_over(text, sizeof text);
    write_dns_name_text(&name, dns_name_span(n));
    write_json_string(w, writer_span(&name));
}

/* ,"checked":"2026-11-23T08:05:44.123Z"; nothing for a time that is not known. */
static void write_time(struct writer *w, const char *key, int64_t unix_ms)
{
    if (!unix_ms)
        return;
    write_format(w, ",\"%s\":\"", key);
    write_rfc3339(w, unix_ms);
    write_text(w, "\"");
}

static void write_reason(struct writer *w, const char *key, const char *why)
{
    write_format(w, ",\"%s\":", key);
    write_json_string(w, span_text(why));
}

static void write_endpoint(struct writer *w, const char *key, const struct endpoint *e)
{
    char text[ENDPOINT_TEXT_MAX];
    write_format(w, ",\"%s\":\"%s\"", key, endpoint_format(e, text));
}

static void write_secondary(struct writer *w, const struct view *v, const struct zones_row *row,
                            struct now now)
{
    struct secondary_state s;
    if (!secondary_tell(v->secondary, row->name, now, &s))
        return;
    write_endpoint(w, "primary", &s.primary);
    write_time(w, "checked", s.checked_ms);
    write_time(w, "next", s.next_ms);
    write_time(w, "expires", row->zone ? s.expires_ms : 0);
    write_time(w, "failed", s.failed_ms);
    if (s.failed_ms)
        write_reason(w, "error", s.why);
    if (s.busy)
        write_text(w, ",\"busy\":true");
}

static void write_follower(struct writer *w, const struct follower_state *f)
{
    char text[ENDPOINT_TEXT_MAX];
    write_format(w, "{\"address\":\"%s\"",
                 f->at.port ? endpoint_format(&f->at, text) : address_format(f->at.address, text));
    write_time(w, "notified", f->told_ms);
    if (f->told_ms)
        write_format(w, ",\"notified-serial\":%u,\"answered\":%s", f->told_serial,
                     f->answered ? "true" : "false");
    write_time(w, "fetched", f->fetched_ms);
    if (f->fetched_ms)
        write_format(w, ",\"fetched-serial\":%u,\"by\":\"%s\"", f->fetched_serial,
                     f->incremental ? "IXFR" : "AXFR");
    if (f->told_ms && !f->answered)
        write_reason(w, "error", f->why_not);
    else if (f->broken)
        write_reason(w, "error", "the connection ended before the transfer did");
    write_text(w, "}");
}

static void put(FILE *out, struct span piece)
{
    fwrite(piece.at, 1, piece.len, out); /* what fails is seen at the end */
}

static void tell_followers(FILE *out, const struct view *v, const struct zones_row *row)
{
    const struct service *s = v->service;
    uint64_t key = followers_key(s->seed, v->name, row->name);
    bool more = false;
    put(out, span_text(",\"followers\":["));
    for (const struct follower_state *f = NULL; (f = followers_next(&s->followers, key, f)); more = true) {
        char room[ENTRY_BYTES];
        struct writer w = writer_over(room, sizeof room);
        if (more)
            write_text(&w, ",");
        write_follower(&w, f);
        put(out, writer_span(&w));
    }
    put(out, span_text("]}"));
}

static const char *kind_of(const struct dnsd_zone *z)
{
    if (z->is_reverse || z->lists_members)
        return z->is_reverse ? "reverse" : "catalog";
    return z->primary_count ? "secondary" : z->dnssec ? "signed" : "file";
}

static void tell_zone(struct list_out *out, const struct view *v, const struct zones_row *row, struct now now)
{
    char room[ENTRY_BYTES];
    struct writer w = writer_over(room, sizeof room);
    write_text(&w, out->more ? ",\n{\"name\":" : "\n{\"name\":");
    write_name(&w, row->name);
    write_text(&w, ",\"view\":");
    write_json_string(&w, span_text(v->name));
    write_format(&w, ",\"kind\":\"%s\",\"state\":\"%s\"", kind_of(row->settings),
                 row->zone      ? "in service"
                 : row->expired ? "expired"
                                : "not there yet");
    if (row->zone) {
        write_format(&w, ",\"serial\":%u,\"records\":%zu", row->zone->serial, row->zone->record_count);
        write_time(&w, "since", row->since_ms);
    }
    write_secondary(&w, v, row, now);
    put(out->out, writer_span(&w));
    tell_followers(out->out, v, row);
    out->more = true;
}

static bool write_all(struct service *s, FILE *file)
{
    struct list_out out = { .out = file };
    put(file, span_text("["));
    for (size_t i = 0; i < s->view_count; i++)
        for (size_t k = 0; k < s->views[i]->zones.count; k++)
            tell_zone(&out, s->views[i], &s->views[i]->zones.rows[k], loop_now(s->home->loop));
    put(file, span_text("\n]\n"));
    return fflush(file) == 0 && !ferror(file);
}

/* By a file of memory: a hundred thousand zones are more than may wait in a connection's queue. */
void dnsd_tell_zones(struct service *s, struct http_exchange *x)
{
    struct http_answer a = { .status = 200,
                             .head = span_text("Content-Type: application/json\r\n"),
                             .file = true,
                             .fd = memfd_create("zones", MFD_CLOEXEC) };
    int fd = a.fd >= 0 ? dup(a.fd) : -1;
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool written = file && write_all(s, file);
    off_t length = written ? lseek(a.fd, 0, SEEK_END) : -1;
    if (file)
        fclose(file);
    else if (fd >= 0)
        close(fd);
    a.length = length >= 0 ? (uint64_t)length : 0;
    if (length >= 0) {
        http_answer(x, &a);
        return;
    }
    if (a.fd >= 0)
        close(a.fd);
    control_say(x, 503, "Not enough memory for the list");
}
