/* Zones at the door of the running program: shown, changed record by record, replaced as a whole, told to go
 * on. What is changed goes the way of an UPDATE (primary_wish). */
#include "control.h"
#include "edit.h"
#include "masterfile.h"
#include "primary.h"
#include "secondary.h"
#include "source.h"
#include "text.h"
#include "work.h"
#include "zone_text.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define EDITS_MAX      10000 /* of one change; more are a file for PUT */
#define ANSWER_MAX     4096
#define BYTES_FOR_NAME 24 /* of a text for each name, about */

/* The zone that a request names. */
struct target {
    struct view *view;
    struct zones_row *row;
    struct span action; /* what stands behind the name */
    bool signatures;    /* wanted in an export */
};

/* What was asked for, until it is answered. */
struct job {
    struct list_node node; /* of the service; in none when that has ended: then nobody waits for the answer */
    struct service *service;
    struct http_exchange *exchange;
    char view[VIEW_NAME_BYTES_MAX + 1];
    struct dns_name lower;
    bool has_serial; /* the version that is to be changed */
    uint32_t serial;
    bool stale; /* it was another one */
    /* PATCH */
    json_t *document;
    struct edit *edits;
    size_t edit_count;
    struct edit_problem problem;
    bool has_problem;
    /* PUT */
    struct work work;
    uint8_t *text;
    size_t text_bytes;
    struct zone *zone; /* also of an export */
    uint64_t seed;
    struct masterfile *reader; /* what is wrong with the text */
    enum zone_fault fault;
    /* POST: reload */
    struct dns_name apex; /* as it is written in the settings, which may go meanwhile */
    char *path;
    enum dnsd_zonemd zonemd;
    struct source *source;
    /* GET */
    bool json, signatures;
    int fd;
    bool failed;
};

/* ---- answers ------------------------------------------------------------------------------------------- */

static void answer_json(struct http_exchange *x, unsigned status, const struct writer *w)
{
    const struct http_answer a = { .status = status,
                                   .head = span_text("Content-Type: application/json\r\n"),
                                   .body = writer_span(w) };
    http_answer(x, &a);
}

/* {"error":"...","remedy":"..."} */
static void refuse(struct http_exchange *x, unsigned status, const char *what, const char *remedy)
{
    char room[ANSWER_MAX];
    struct writer w = writer_over(room, sizeof room);
    write_text(&w, "{\"error\":");
    write_json_string(&w, span_text(what));
    if (remedy && *remedy) {
        write_text(&w, ",\"remedy\":");
        write_json_string(&w, span_text(remedy));
    }
    write_text(&w, "}\n");
    answer_json(x, status, &w);
}

/* ---- jobs ---------------------------------------------------------------------------------------------- */

static struct job *job_new(struct service *s, struct http_exchange *x, const struct target *t)
{
    struct job *j = calloc(1, sizeof *j);
    if (!j) {
        refuse(x, 503, "out of memory", NULL);
        return NULL;
    }
    j->service = s;
    j->exchange = x;
    j->fd = -1;
    j->seed = s->seed;
    snprintf(j->view, sizeof j->view, "%s", t->view->name);
    dns_name_copy(&j->lower, t->row->name);
    list_append(&s->hand_jobs, &j->node);
    return j;
}

/* Somebody waits for the answer still. */
static bool is_awaited(const struct job *j)
{
    return j->node.next;
}

static void job_end(struct job *j)
{
    list_remove(&j->node);
    json_decref(j->document);
    free(j->edits);
    free(j->text);
    free(j->path);
    source_free(j->source);
    if (j->reader)
        masterfile_close(j->reader);
    zone_release(j->zone);
    if (j->fd >= 0)
        close(j->fd);
    free(j);
}

void dnsd_hand_stop(struct service *s)
{
    while (list_take(&s->hand_jobs)) /* ends: each turn takes one off; it frees itself when it is done */
        ;
}

/* The view may have gone meanwhile. */
static struct view *view_of(const struct job *j)
{
    for (size_t i = 0; i < j->service->view_count; i++)
        if (span_is(span_text(j->view), j->service->views[i]->name))
            return j->service->views[i];
    return NULL;
}

/* ---- changes ------------------------------------------------------------------------------------------- */

static void answer_changed(struct job *j, const struct change *c)
{
    char room[ANSWER_MAX], name[DNS_NAME_TEXT_MAX];
    struct writer w = writer_over(room, sizeof room), n = writer_over(name, sizeof name);
    write_dns_name_text(&n, dns_name_span(&j->lower));
    write_text(&w, "{\"zone\":");
    write_json_string(&w, writer_span(&n));
    /* the SOAs are told by the serial */
    write_format(&w, ",\"serial\":%u,\"removed\":%zu,\"added\":%zu}\n", c ? c->to : j->serial,
                 c ? c->removed.count - 1 : 0, c ? c->added.count - 1 : 0);
    answer_json(j->exchange, 200, &w);
}

/* {"error":"expected ...","edit":1,"column":9} */
static void answer_edit(const struct job *j)
{
    char room[ANSWER_MAX];
    struct writer w = writer_over(room, sizeof room);
    write_text(&w, "{\"error\":");
    write_json_string(&w, span_text(j->problem.text));
    write_format(&w, ",\"change\":%zu", j->problem.edit + 1);
    if (j->problem.column)
        write_format(&w, ",\"column\":%u", j->problem.column);
    write_text(&w, "}\n");
    answer_json(j->exchange, j->problem.column ? 400 : 409, &w);
}

static void changed(void *owner, bool ok, const char *why, const struct change *c, struct now now)
{
    struct job *j = owner;
    char text[160];
    (void)now;
    if (!is_awaited(j)) {
        job_end(j);
        return;
    }
    if (ok)
        answer_changed(j, c);
    else if (j->has_problem)
        answer_edit(j);
    else if (j->stale) {
        snprintf(text, sizeof text, "the zone has changed meanwhile: its serial is %u", j->serial);
        refuse(j->exchange, 412, text, "read it again, and make the change anew");
    } else
        refuse(j->exchange, 503, why ? why : "the change failed", "nothing was changed");
    job_end(j);
}

/* Whether the zone is the version that is meant. */
static bool is_meant(struct job *j, const struct zone *z, const char **why)
{
    j->stale = j->has_serial && j->serial != z->serial;
    j->serial = z->serial;
    *why = j->stale ? "another version" : NULL;
    return !j->stale;
}

static struct edit_rules rules_of(const struct zones_row *row, struct now now)
{
    return (struct edit_rules){
        .next_serial = serial_next(row->settings->serial_policy, row->zone->serial, now.unix_ms),
        .signs_itself = row->settings->dnssec,
    };
}

static struct change *decide_edits(void *owner, const struct zones_row *row, struct arena *a, struct now now,
                                   const char **why)
{
    struct job *j = owner;
    struct edit_rules rules = rules_of(row, now);
    struct change *c = NULL;
    if (!is_meant(j, row->zone, why))
        return NULL;
    j->has_problem = !edit_decide(row->zone, j->edits, j->edit_count, &rules, a, &c, &j->problem);
    *why = j->has_problem ? "see the problem" : NULL;
    return c;
}

static struct change *decide_whole(void *owner, const struct zones_row *row, struct arena *a, struct now now,
                                   const char **why)
{
    struct job *j = owner;
    struct edit_rules rules = rules_of(row, now);
    struct change *c = NULL;
    (void)a;
    if (is_meant(j, row->zone, why) && !edit_replace(row->zone, j->zone, &rules, &c))
        *why = "out of memory";
    return c;
}

static void wish(struct job *j, struct change *(*decide)(void *, const struct zones_row *, struct arena *,
                                                         struct now, const char **))
{
    struct primary_wish w = { .decide = decide, .done = changed, .owner = j };
    struct view *v = view_of(j);
    struct problem p = { .what = "the zone has gone meanwhile" };
    if (v && primary_wish(v->primary, &j->lower, &w, loop_now(j->service->home->loop), &p))
        return;
    refuse(j->exchange, 503, p.what, p.remedy);
    job_end(j);
}

/* ---- PATCH: records one by one ------------------------------------------------------------------------- */

static bool read_edit(json_t *item, struct edit *out)
{
    static const char *const words[] = { [EDIT_ADD] = "add", [EDIT_REMOVE] = "remove", [EDIT_SET] = "set" };
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        const json_t *text = json_object_get(item, words[k]);
        if (!json_is_string(text) || json_object_size(item) != 1)
            continue;
        *out = (struct edit){ (enum edit_kind)k, span_of(json_string_value(text), json_string_length(text)) };
        return true;
    }
    return false;
}

/* False, and *p says why. */
static bool read_edits(struct job *j, struct span body, struct problem *p)
{
    json_error_t e;
    j->document = json_loadb((const char *)body.at, body.len, JSON_REJECT_DUPLICATES, &e);
    json_t *changes = j->document ? json_object_get(j->document, "changes") : NULL;
    size_t count = json_array_size(changes);
    problem_remedy(
        p, "{\"changes\": [{\"add\": \"www 300 A 192.0.2.1\"}, {\"remove\": \"old\"}, {\"set\": ...}]}");
    if (!j->document)
        problem_set(p, "not JSON: line %d, column %d: %s", e.line, e.column, e.text);
    else if (!json_is_array(changes) || json_object_size(j->document) != 1)
        problem_set(p, "expected one list, \"changes\"");
    else if (count == 0 || count > EDITS_MAX)
        problem_set(p, "expected between 1 and %d changes, found %zu", EDITS_MAX, count);
    else {
        j->edits = calloc(count, sizeof *j->edits);
        for (size_t i = 0; j->edits && i < count; i++)
            if (!read_edit(json_array_get(changes, i), &j->edits[i])) {
                problem_set(p, "change %zu: expected one of \"add\", \"remove\" and \"set\", with a text",
                            i + 1);
                return false;
            }
        j->edit_count = count;
        problem_set(p, "out of memory");
        return j->edits;
    }
    return false;
}

static void patch(struct service *s, struct http_exchange *x, struct job *j)
{
    struct problem p = { 0 };
    (void)s;
    if (read_edits(j, x->body, &p)) {
        wish(j, decide_edits);
        return;
    }
    refuse(x, 400, p.what, p.remedy);
    job_end(j);
}

/* ---- PUT: a whole zone --------------------------------------------------------------------------------- */

/* On a thread. */
static void read_text(struct work *w)
{
    struct job *j = list_item(w, struct job, work);
    struct zone_builder *b = zone_builder_open(&j->lower, j->seed, j->text_bytes / BYTES_FOR_NAME);
    j->fault = ZONE_TOO_BIG;
    j->reader = b ? masterfile_open(b) : NULL;
    if (!j->reader) {
        if (b)
            zone_builder_drop(b);
        return;
    }
    masterfile_push(j->reader, span_of(j->text, j->text_bytes), "text");
    while (masterfile_run(j->reader) == MASTERFILE_INCLUDE) /* ends: each turn reads on */
        masterfile_missing(j->reader, "no $INCLUDE: the text must be whole");
    if (masterfile_errors(j->reader))
        zone_builder_drop(b);
    else
        j->zone = zone_builder_finish(b, &j->fault);
}

/* {"error":"...","problems":[{"line":5,"column":7,"warning":false,"text":"..."}]} */
static void answer_problems(struct job *j)
{
    size_t count;
    const struct masterfile_problem *p = masterfile_problems(j->reader, &count);
    http_begin(j->exchange, 400, span_text("Content-Type: application/json\r\n"));
    http_piece(j->exchange, span_text("{\"error\":\"the text is no zone\",\"problems\":["));
    for (size_t i = 0; i < count; i++) {
        char room[ANSWER_MAX];
        struct writer w = writer_over(room, sizeof room);
        write_format(&w, "%s\n{\"line\":%u,\"column\":%u,\"warning\":%s,\"text\":", i ? "," : "", p[i].line,
                     p[i].column, p[i].warning ? "true" : "false");
        write_json_string(&w, span_text(p[i].text));
        write_text(&w, "}");
        http_piece(j->exchange, writer_span(&w));
    }
    http_piece(j->exchange, span_text("]}\n"));
    http_end(j->exchange);
}

static void text_read(struct work *w)
{
    struct job *j = list_item(w, struct job, work);
    if (is_awaited(j) && j->zone) {
        wish(j, decide_whole);
        return;
    }
    if (is_awaited(j) && j->reader && masterfile_errors(j->reader))
        answer_problems(j);
    else if (is_awaited(j))
        refuse(j->exchange, 400, zone_fault_text(j->fault), NULL);
    job_end(j);
}

static void put(struct service *s, struct http_exchange *x, struct job *j)
{
    j->text = malloc(x->body.len + 1);
    if (!j->text) {
        refuse(x, 503, "out of memory", NULL);
        job_end(j);
        return;
    }
    memcpy(j->text, x->body.at, x->body.len);
    j->text_bytes = x->body.len;
    j->work.run = read_text;
    j->work.done = text_read;
    work_start(s->home->loop, &j->work);
}

/* ---- GET: a zone as text ------------------------------------------------------------------------------- */

static bool send_piece(int fd, struct writer *w)
{
    struct reader r = reader_over(writer_span(w));
    while (reader_left(&r)) { /* each turn writes some */
        struct reader rest = r;
        struct span left = read_rest(&rest);
        ssize_t n = write(fd, left.at, left.len);
        if (n <= 0)
            return false;
        read_skip(&r, (size_t)n);
    }
    writer_back_to(w, (struct mark){ 0 });
    return true;
}

static bool write_record(struct job *j, const struct zone_place *p, struct writer *w, struct writer *scratch,
                         bool first)
{
    if (j->json) {
        write_text(w, first ? "\n" : ",\n");
        zone_text_json(w, p, scratch);
    } else {
        zone_text_record(w, j->zone, p);
    }
    return writer_ok(w) && writer_ok(scratch);
}

static void write_json_head(const struct job *j, struct writer *w)
{
    char name[DNS_NAME_TEXT_MAX];
    struct writer n = writer_over(name, sizeof name);
    write_dns_name_text(&n, dns_name_span(&j->lower));
    write_text(w, "{\"name\":");
    write_json_string(w, writer_span(&n));
    write_format(w, ",\"view\":\"%s\",\"serial\":%u,\"records\":[", j->view, j->zone->serial);
}

/* All of it into the file of memory that the answer is sent from. */
static bool write_zone(struct job *j, struct zone_walk *walk, struct writer *w, struct writer *scratch)
{
    struct zone_place p;
    bool first = true;
    if (j->json)
        write_json_head(j, w);
    else
        zone_text_head(w, j->zone);
    while (zone_walk_next(walk, &p)) { /* each turn takes a record */
        if (!j->signatures && zone_text_is_made(p.node == zone_node_at(j->zone, j->zone->apex), p.type))
            continue;
        if (writer_length(w) > ZONE_TEXT_LINE_MAX && !send_piece(j->fd, w))
            return false;
        if (!write_record(j, &p, w, scratch, first))
            return false;
        first = false;
    }
    if (j->json)
        write_text(w, "\n]}\n");
    return send_piece(j->fd, w);
}

/* On a thread: the zone that is held stays as it is. */
static void export(struct work *work)
{
    struct job *j = list_item(work, struct job, work);
    char *room = malloc(2 * ZONE_TEXT_LINE_MAX), *scratch_room = malloc(ZONE_TEXT_LINE_MAX);
    struct zone_walk *walk = zone_walk_open(j->zone);
    struct writer w = writer_over(room, room ? (size_t)2 * ZONE_TEXT_LINE_MAX : 0);
    struct writer scratch = writer_over(scratch_room, scratch_room ? ZONE_TEXT_LINE_MAX : 0);
    j->fd = memfd_create("zone", MFD_CLOEXEC);
    j->failed = !room || !scratch_room || !walk || j->fd < 0 || !write_zone(j, walk, &w, &scratch);
    zone_walk_close(walk);
    free(room);
    free(scratch_room);
}

static void exported(struct work *work)
{
    struct job *j = list_item(work, struct job, work);
    char head[128];
    off_t length = j->failed ? -1 : lseek(j->fd, 0, SEEK_END);
    if (is_awaited(j) && length < 0) {
        refuse(j->exchange, 503, "not enough memory for the zone's text", NULL);
    } else if (is_awaited(j)) {
        int n = snprintf(head, sizeof head, "Content-Type: %s\r\nETag: \"%u\"\r\n",
                         j->json ? "application/json" : "text/dns", j->zone->serial);
        const struct http_answer a = { .status = 200,
                                       .head = span_of(head, n > 0 ? (size_t)n : 0),
                                       .file = true,
                                       .fd = j->fd,
                                       .length = (uint64_t)length };
        http_answer(j->exchange, &a);
        j->fd = -1;
    }
    job_end(j);
}

static void get(struct service *s, struct job *j, const struct target *t)
{
    j->zone = zone_hold(t->row->zone);
    j->signatures = t->signatures || !t->row->settings->dnssec;
    j->work.run = export;
    j->work.done = exported;
    work_start(s->home->loop, &j->work);
}

/* ---- POST: what is to be done now ---------------------------------------------------------------------- */

static void read_file(struct work *work)
{
    struct job *j = list_item(work, struct job, work);
    struct dnsd_zone z = { .name = &j->apex, .file = j->path, .zonemd = j->zonemd };
    j->source = source_read(&z, j->seed);
}

static void answer_read(struct job *j)
{
    struct problem p = { .what = "the file is wrong", .remedy = "" };
    struct view *v = view_of(j);
    const struct zones_row *row = v ? zones_find_apex(&v->zones, &j->lower) : NULL;
    if (!j->source)
        refuse(j->exchange, 503, "out of memory", NULL);
    else if (!row || strcmp(row->settings->file, j->path) != 0)
        refuse(j->exchange, 409, "the configuration has changed meanwhile", "ask once more");
    else if (views_reload_zone(v, &j->lower, j->source, &p))
        control_say(j->exchange, 200, "The zone is as its file says");
    else
        refuse(j->exchange, 409, p.what, p.remedy);
}

static void file_was_read(struct work *work)
{
    struct job *j = list_item(work, struct job, work);
    if (is_awaited(j))
        answer_read(j);
    job_end(j);
}

static void begin_reading(struct service *s, struct http_exchange *x, const struct target *t)
{
    struct job *j = job_new(s, x, t);
    if (!j)
        return;
    dns_name_copy(&j->apex, t->row->settings->name);
    j->zonemd = t->row->settings->zonemd;
    j->path = strdup(t->row->settings->file);
    if (!j->path) {
        refuse(x, 503, "out of memory", NULL);
        job_end(j);
        return;
    }
    j->work.run = read_file;
    j->work.done = file_was_read;
    work_start(s->home->loop, &j->work);
}

static void reload(struct service *s, struct http_exchange *x, const struct target *t)
{
    if (t->row->settings->is_reverse || t->row->settings->lists_members)
        refuse(x, 409, "the zone has no file: it is made of other zones", NULL);
    else if (t->row->settings->primary_count)
        refuse(x, 409, "the zone has no file: it is fetched from its primary", "refresh or retransfer it");
    else
        begin_reading(s, x, t);
}

static void act(struct service *s, struct http_exchange *x, const struct target *t)
{
    struct now now = loop_now(s->home->loop);
    bool whole = span_is(t->action, "retransfer");
    if (span_is(t->action, "reload")) {
        reload(s, x, t);
    } else if (span_is(t->action, "notify")) {
        primary_notify(t->view->primary, t->row, now);
        control_say(x, 200,
                    t->row->settings->notify_count ? "Those who follow the zone are told"
                                                   : "The zone has nobody to tell: see its key notify");
    } else if (whole || span_is(t->action, "refresh")) {
        if (secondary_check(t->view->secondary, t->row->name, whole, now))
            control_say(x, 200, whole ? "The zone is fetched anew" : "The primary is asked");
        else
            refuse(x, 409, "the zone is not fetched from anybody", NULL);
    } else {
        refuse(x, 404, "there is no such thing to do with a zone", "reload, refresh, retransfer or notify");
    }
}

/* ---- requests ------------------------------------------------------------------------------------------ */

static int hex_value(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool decode(struct span text, struct writer *out)
{
    struct reader r = reader_over(text);
    while (reader_left(&r)) { /* each turn takes an octet or an escape */
        uint8_t c = read_u8(&r);
        if (c == '%') {
            int high = hex_value(read_u8(&r)), low = hex_value(read_u8(&r));
            if (high < 0 || low < 0)
                return false;
            c = (uint8_t)(high << 4 | low);
        }
        write_u8(out, c);
    }
    return reader_ok(&r) && writer_ok(out);
}

/* The value of a key in the query, decoded; at == NULL: none. */
static struct span parameter(struct span query, const char *key, struct writer *room)
{
    while (query.at && query.len) { /* each turn takes a parameter */
        struct span one = span_head(query, span_find(query, '&'));
        struct span name = span_head(one, span_find(one, '='));
        query = span_from(query, one.len + 1);
        if (span_is(name, key) && decode(span_from(one, name.len + 1), room))
            return writer_span(room);
    }
    return (struct span){ NULL, 0 };
}

/* False: it is answered. */
static bool find_row(struct service *s, struct http_exchange *x, const struct dns_name *lower,
                     struct target *t)
{
    char room[VIEW_NAME_BYTES_MAX + 1];
    struct writer w = writer_over(room, sizeof room);
    struct span view = parameter(x->target.query, "view", &w);
    size_t count = 0;
    for (size_t i = 0; i < s->view_count; i++) {
        struct view *v = s->views[i];
        struct zones_row *row = zones_row_of(&v->zones, lower);
        if (!row || (view.at && !span_is(view, v->name)))
            continue;
        t->view = v;
        t->row = row;
        count++;
    }
    if (count == 0)
        refuse(x, 404, "there is no such zone", "wirelab zones shows all");
    else if (count > 1)
        refuse(x, 409, "several views have this zone", "say which: view=NAME (--view NAME)");
    return count == 1;
}

/* zones/NAME[/ACTION]; false: it is answered. */
static bool find_target(struct service *s, struct http_exchange *x, struct span path, struct target *t)
{
    char room[DNS_NAME_TEXT_MAX], yes[8];
    struct writer w = writer_over(room, sizeof room), y = writer_over(yes, sizeof yes);
    struct span text = span_head(path, span_find(path, '/'));
    struct dns_name name, lower;
    *t = (struct target){ .action = span_from(path, text.len + 1) };
    if (!decode(text, &w) || dns_name_from_text(writer_span(&w), NULL, &name)) {
        refuse(x, 404, "expected the name of a zone", NULL);
        return false;
    }
    t->signatures = span_is(parameter(x->target.query, "signatures", &y), "yes");
    dns_name_lower(&lower, &name);
    return find_row(s, x, &lower, t);
}

/* If-Match: the serial in quotes, as ETag has it. */
static bool read_serial(struct http_exchange *x, struct job *j)
{
    struct span field = http_field(x->request->fields, x->request->field_count, "If-Match");
    uint64_t serial;
    if (!field.at || span_is(field, "*"))
        return true;
    if (field.len < 3 || field.at[0] != '"' ||
        !parse_decimal(span_head(span_from(field, 1), field.len - 2), UINT32_MAX, &serial))
        return false;
    j->has_serial = true;
    j->serial = (uint32_t)serial;
    return true;
}

static void change(struct service *s, struct http_exchange *x, const struct target *t)
{
    char text[160], at[ENDPOINT_TEXT_MAX];
    if (t->row->settings->is_reverse || t->row->settings->lists_members) {
        refuse(x, 409, "the zone is made of other zones", "change them: it follows");
        return;
    }
    if (t->row->settings->primary_count) {
        snprintf(text, sizeof text, "the zone is a copy of that at %s",
                 endpoint_format(&t->row->settings->primaries[0].at, at));
        refuse(x, 409, text, "change it there: it comes here by itself");
        return;
    }
    struct job *j = job_new(s, x, t);
    if (!j)
        return;
    if (!read_serial(x, j)) {
        refuse(x, 400, "If-Match: expected the serial of a version in quotes", NULL);
        job_end(j);
    } else if (span_is(x->request->method, "PATCH")) {
        patch(s, x, j);
    } else {
        put(s, x, j);
    }
}

static bool wants_json(const struct http_exchange *x)
{
    return http_field_has_token(x->request->fields, x->request->field_count, "Accept", "application/json");
}

static void take_zone(struct service *s, struct http_exchange *x, const struct target *t)
{
    struct span method = x->request->method;
    bool changes = span_is(method, "PATCH") || span_is(method, "PUT");
    if (t->action.len && span_is(method, "POST"))
        act(s, x, t);
    else if (t->action.len)
        refuse(x, 405, "only POST is possible here", NULL);
    else if (!t->row->zone && !(changes && t->row->settings->primary_count))
        refuse(x, 409, "the zone is not in service", "wirelab zones says why");
    else if (changes)
        change(s, x, t);
    else if (span_is(method, "GET") || span_is(method, "HEAD")) {
        struct job *j = job_new(s, x, t);
        if (j) {
            j->json = wants_json(x);
            get(s, j, t);
        }
    } else {
        refuse(x, 405, "only GET, PATCH and PUT are possible here", NULL);
    }
}

void dnsd_control(struct service *s, struct http_exchange *x, struct span path)
{
    static const char zones[] = "zones/";
    struct target t;
    if (span_is(path, "zones") && span_is(x->request->method, "GET"))
        dnsd_tell_zones(s, x);
    else if (span_is(path, "zones"))
        refuse(x, 405, "only GET is possible here", NULL);
    else if (!span_starts(path, zones))
        refuse(x, 404, "dnsd has zones, zones/NAME and zones/NAME/ACTION", NULL);
    else if (find_target(s, x, span_from(path, strlen(zones)), &t))
        take_zone(s, x, &t);
}
