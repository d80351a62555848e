#include "copy.h"

#include "change.h"
#include "copy_times.h"
#include "hash.h"
#include "list.h"
#include "sign.h"
#include "store.h"
#include "work.h"
#include "zonemd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES     4096
#define READABLE_BYTES 96 /* of the zone's name in that of its file; a hash follows */

#define BUCKETS 256

/* One zone's copy on its way to the disk. All of them would write to one temporary name, so there is one at a
 * time for a path. */
struct saving {
    struct work work;
    struct list_node node;
    struct home *home;
    uint64_t hash; /* of the path */
    struct change_records records;
    struct change_records next; /* what comes after them: the latest alone */
    bool again;                 /* there is such a thing */
    bool removed;               /* what is being written is not to stay */
    int error;
    char path[PATH_BYTES];
};

/* A home's, while there are any: they outlive the service. */
struct copies {
    size_t count;
    struct list under_way[BUCKETS];
};

void copy_path(const char *state, const char *view, const struct dns_name *name, const char *directory,
               const char *extension, char *path, size_t size)
{
    char text[DNS_NAME_TEXT_MAX + VIEW_NAME_BYTES_MAX + 1];
    struct dns_name lower;
    dns_name_lower(&lower, name);
    struct writer w = writer_over(text, sizeof text - 1);
    write_dns_name_text(&w, dns_name_span(&lower));
    write_text(&w, view);
    text[writer_length(&w)] = 0;
    for (char *c = text; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", *c) || (*c == '.' && c == text))
            *c = '_';
    snprintf(
        path, size, "%s/%s/%.*s-%016llx.%s", state, directory, READABLE_BYTES, text,
        (unsigned long long)hash_bytes(dns_name_span(&lower), view[0] ? hash_bytes(span_text(view), 0) : 0),
        extension);
}

static void path_of(const struct view *v, const struct dns_name *name, char *path)
{
    copy_path(v->service->home->state_directory, v->name, name, "dnsd", "copy", path, PATH_BYTES);
}

/* ---- saving ----------------------------------------------------------------------------------------------
 */

static struct saving *find(const struct home *h, const char *path)
{
    uint64_t hash = hash_bytes(span_text(path), 0);
    const struct list *bucket = h->copies ? &h->copies->under_way[hash % BUCKETS] : NULL;
    for (struct list_node *n = bucket ? list_first(bucket) : NULL; n; n = list_next(bucket, n)) {
        struct saving *v = list_item(n, struct saving, node);
        if (v->hash == hash && strcmp(v->path, path) == 0)
            return v;
    }
    return NULL;
}

static bool has_room(struct home *h)
{
    if (h->copies)
        return true;
    h->copies = calloc(1, sizeof *h->copies);
    for (size_t i = 0; h->copies && i < BUCKETS; i++)
        list_open(&h->copies->under_way[i]);
    return h->copies != NULL;
}

/* NULL: no memory. */
static struct saving *saving_new(struct home *h, const char *path)
{
    struct saving *v = has_room(h) ? calloc(1, sizeof *v) : NULL;
    if (!v)
        return NULL;
    v->home = h;
    v->hash = hash_bytes(span_text(path), 0);
    snprintf(v->path, sizeof v->path, "%s", path);
    list_append(&h->copies->under_way[v->hash % BUCKETS], &v->node);
    h->copies->count++;
    return v;
}

static void saving_end(struct saving *v)
{
    struct copies *c = v->home->copies;
    list_remove(&v->node);
    if (--c->count == 0) {
        free(c);
        v->home->copies = NULL;
    }
    free(v);
}

static void tell_failed(struct home *h, const char *why)
{
    event_note(h->events, EVENT_DNS_COPY_FAILED, loop_now(h->loop), "reason", why);
}

static void write_copy(struct work *w)
{
    struct saving *v = list_item(w, struct saving, work);
    v->error = file_write_durably(v->path, span_of(v->records.bytes, v->records.length), 0644) ? 0 : errno;
}

static void written(struct work *w)
{
    struct saving *v = list_item(w, struct saving, work);
    if (v->error)
        tell_failed(v->home, strerror(v->error));
    if (v->removed)
        unlink(v->path);
    free(v->records.bytes);
    if (!v->again) {
        saving_end(v);
        return;
    }
    v->records = v->next;
    v->next = (struct change_records){ 0 };
    v->again = v->removed = false;
    work_start(v->home->loop, &v->work);
}

/* The records become the saving's. */
static void put(struct home *h, const char *path, struct change_records *records)
{
    struct saving *v = find(h, path);
    if (v) {
        free(v->next.bytes);
        v->next = *records;
        v->again = true;
        return;
    }
    v = saving_new(h, path);
    if (!v) {
        free(records->bytes);
        tell_failed(h, "out of memory");
        return;
    }
    v->records = *records;
    v->work.run = write_copy;
    v->work.done = written;
    work_start(h->loop, &v->work);
}

static bool make_directory(const struct service *s)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/dnsd", s->home->state_directory);
    mkdir(s->home->state_directory, 0755); /* where they are there, nothing is to be done */
    return mkdir(path, 0755) == 0 || errno == EEXIST;
}

/* What follows the zone's records may be the SOA of the file that it was made from. */
static void save(struct view *view, struct zone *z, const struct span *file_soa)
{
    struct service *s = view->service;
    struct change_records records = { 0 };
    struct span apex = zone_node_name(zone_node_at(z, z->apex));
    char path[PATH_BYTES];
    if (!change_add_zone(&records, z) || !make_directory(s) ||
        (file_soa && !change_add_record(&records, apex, DNS_TYPE_SOA, 0, *file_soa))) {
        tell_failed(s->home, strerror(errno));
        free(records.bytes);
        return;
    }
    path_of(view, &z->name, path);
    put(s->home, path, &records);
}

void copy_save(struct view *v, struct zone *z)
{
    save(v, z, NULL);
}

void copy_save_signed(struct view *v, struct zone *z, uint32_t file_serial)
{
    uint8_t room[2 * DNS_NAME_BYTES_MAX + 20];
    struct span soa;
    struct reader records = zone_records(zone_set_at(z, z->soa));
    zone_next_record(&records, &soa);
    soa = sign_soa(soa, file_serial, room, sizeof room);
    save(v, z, &soa);
}

void copy_confirm(struct view *v, const struct zone *z, struct now now)
{
    char path[PATH_BYTES];
    struct timespec at = { .tv_sec = now.unix_ms / 1000, .tv_nsec = now.unix_ms % 1000 * 1000000 };
    struct timespec times[2] = { at, at };
    path_of(v, &z->name, path);
    utimensat(AT_FDCWD, path, times, 0); /* no copy: the next transfer makes one */
}

void copy_remove(struct view *v, const struct dns_name *name)
{
    char path[PATH_BYTES];
    path_of(v, name, path);
    unlink(path); /* where there is none, nothing is to be done */
    struct saving *under_way = find(v->service->home, path);
    if (!under_way)
        return;
    free(under_way->next.bytes);
    under_way->next = (struct change_records){ 0 };
    under_way->again = false;
    under_way->removed = true;
}

/* ---- loading
 * ------------------------------------------------------------------------------------------------ */

static uint8_t *read_all(const char *path, size_t *length, int64_t *confirmed_s)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *bytes = NULL;
    *length = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0 && (bytes = malloc((size_t)st.st_size))) {
        ssize_t n = 1;
        while (n > 0 && *length < (size_t)st.st_size) { /* each turn takes bytes */
            n = read(fd, bytes + *length, (size_t)st.st_size - *length);
            *length += n > 0 ? (size_t)n : 0;
        }
        *confirmed_s = st.st_mtim.tv_sec;
    }
    if (fd >= 0)
        close(fd);
    return bytes;
}

static struct zone *build(uint64_t seed, const struct dns_name *name, struct span bytes, uint32_t *expire_s,
                          uint32_t *file_serial)
{
    bool begun = false;
    struct zone_builder *b = zone_builder_open(name, seed, 1024);
    struct reader r = reader_over(bytes);
    struct dns_record record;
    struct span rdata;
    enum zone_fault fault = ZONE_FINE;
    while (b && !zone_refused(fault) && change_next(&r, &record, &rdata)) { /* each turn takes a record */
        if (record.type == DNS_TYPE_SOA && begun) {
            *file_serial = sign_serial(rdata);
            continue;
        }
        begun = true; /* an SOA stands first */
        if (record.type == DNS_TYPE_SOA)
            *expire_s = copy_times_of_soa(rdata).expire_s;
        fault = zone_builder_add(b, &record.owner, record.type, record.ttl, rdata);
    }
    if (b && (zone_refused(fault) || !reader_ok(&r))) { /* cut short, or not ours: it is fetched again */
        zone_builder_drop(b);
        return NULL;
    }
    return b ? zone_builder_finish(b, &fault) : NULL;
}

/* NULL: there is none. */
static struct zone *load(struct view *v, const struct dns_name *name, int64_t *confirmed_s,
                         uint32_t *expire_s, uint32_t *file_serial)
{
    char path[PATH_BYTES];
    size_t length;
    if (!v->service->home->state_directory)
        return NULL;
    path_of(v, name, path);
    uint8_t *bytes = read_all(path, &length, confirmed_s);
    struct zone *z =
        bytes ? build(v->service->seed, name, span_of(bytes, length), expire_s, file_serial) : NULL;
    free(bytes);
    return z;
}

struct zone *copy_load_signed(struct view *v, const struct dns_name *name, uint32_t *file_serial)
{
    int64_t confirmed_s = 0;
    uint32_t expire_s = 0;
    return load(v, name, &confirmed_s, &expire_s, file_serial);
}

static void tell_damaged(struct view *v, const struct dns_name *zone, const char *why, struct now now)
{
    struct events *events = v->service->home->events;
    char name[DNS_NAME_TEXT_MAX], path[PATH_BYTES];
    struct event ev;
    if (!event_happens(events, EVENT_DNS_ZONE_REFUSED))
        return;
    path_of(v, zone, path);
    event_begin(&ev, EVENT_DNS_ZONE_REFUSED, now);
    views_event_zone(&ev, v, zone, name);
    event_text(&ev, "file", path);
    event_text(&ev, "reason", why);
    event_emit(events, &ev);
}

struct zone *copy_load(struct view *v, const struct dnsd_zone *settings, struct now now)
{
    int64_t confirmed_s = 0;
    uint32_t expire_s = 0, file_serial = 0;
    struct zone *z = load(v, settings->name, &confirmed_s, &expire_s, &file_serial);
    const char *fault = z && settings->zonemd == DNSD_ZONEMD_CHECK ? zonemd_fault(z) : NULL;
    if (fault)
        tell_damaged(v, settings->name, fault, now);
    if (z && (fault || confirmed_s + expire_s <= now.unix_ms / 1000)) {
        zone_release(z);
        return NULL;
    }
    if (z)
        z->confirmed_ms = confirmed_s * 1000;
    return z;
}
