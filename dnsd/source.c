#include "source.h"

#include "clock.h"
#include "zonemd.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- one file --------------------------------------------------------------------------------------- */

static void keep_problem(void *owner, const struct dns_name *apex, const struct masterfile_problem *p)
{
    struct source *s = owner;
    size_t path_bytes = strlen(p->path) + 1;
    struct source_problem *kept = malloc(sizeof *kept + path_bytes);
    (void)apex; /* the settings have it */
    if (!kept) {
        s->incomplete = true;
        return;
    }
    kept->node = (struct list_node){ 0 };
    kept->problem = *p;
    memcpy(kept->path, p->path, path_bytes);
    kept->problem.path = kept->path;
    list_append(&s->problems, &kept->node);
}

/* A zone that is not what its ZONEMD says is none. */
static void check_digest(struct source *s, const struct dnsd_zone *settings)
{
    const char *fault = zonemd_fault(s->zone);
    if (!fault)
        return;
    struct masterfile_problem p = { .path = settings->file };
    snprintf(p.text, sizeof p.text, "%s", fault);
    keep_problem(s, settings->name, &p);
    zone_release(s->zone);
    s->zone = NULL;
    s->stamp = (struct zonefile_stamp){ 0 }; /* it is not what is served: it is looked at again */
}

static struct source *source_new(void)
{
    struct source *s = calloc(1, sizeof *s);
    if (s)
        list_open(&s->problems);
    return s;
}

struct source *source_read(const struct dnsd_zone *settings, uint64_t seed)
{
    struct clock clock;
    struct source *s = source_new();
    if (!s)
        return NULL;
    clock_open(&clock);
    uint64_t began_ms = clock_now(&clock).mono_ms;
    s->zone = zonefile_load(settings->file, settings->name, seed, keep_problem, s, &s->stamp);
    if (s->zone && settings->zonemd == DNSD_ZONEMD_CHECK)
        check_digest(s, settings);
    s->took_ms = (int64_t)(clock_now(&clock).mono_ms - began_ms);
    return s;
}

void source_free(struct source *s)
{
    if (!s)
        return;
    for (struct list_node *n; (n = list_take(&s->problems));)
        free(list_item(n, struct source_problem, node));
    zone_release(s->zone);
    free(s);
}

/* ---- all of them ------------------------------------------------------------------------------------- */

/* Zones of a view by name. */
struct sorted {
    const struct dnsd_zone **zones;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    const struct dnsd_zone *x = *(const struct dnsd_zone *const *)a, *y = *(const struct dnsd_zone *const *)b;
    return dns_name_compare(x->lower, y->lower);
}

/* Nothing in it, when there is no memory: then all are read. */
static struct sorted sort(const struct dnsd_settings *before, const char *view)
{
    struct sorted all = { 0 };
    for (size_t i = 0; before && i < before->view_count; i++) {
        const struct dnsd_view *v = &before->views[i];
        if (strcmp(v->name, view) != 0)
            continue;
        all.zones = calloc(v->zone_count + 1, sizeof *all.zones);
        for (; all.zones && all.count < v->zone_count; all.count++)
            all.zones[all.count] = &v->zones[all.count];
    }
    if (all.count)
        qsort(all.zones, all.count, sizeof *all.zones, compare);
    return all;
}

static const struct dnsd_zone *find(const struct sorted *all, const struct dnsd_zone *wanted)
{
    const struct dnsd_zone **found =
        all->count ? bsearch(&wanted, all->zones, all->count, sizeof *all->zones, compare) : NULL;
    return found ? *found : NULL;
}

/* What is served is made of the file alone, and by the same rules. Signatures are looked at each time. */
static bool is_same(const struct dnsd_zone *z, const struct dnsd_zone *before)
{
    return before && dnsd_has_file(before) && !z->dnssec && !before->dnssec && z->zonemd == before->zonemd &&
           strcmp(z->file, before->file) == 0 && zonefile_is(z->file, &before->stamp);
}

static void read_one(struct dnsd_zone *z, const struct dnsd_zone *before, uint64_t seed)
{
    if (!is_same(z, before)) {
        z->source = source_read(z, seed);
    } else if ((z->source = source_new())) {
        z->source->unchanged = true;
        z->source->stamp = before->stamp;
    }
    if (z->source) /* without memory it is read when it is needed, or that fails then */
        z->stamp = z->source->stamp;
}

void sources_read(struct dnsd_settings *d, const struct dnsd_settings *before, uint64_t seed)
{
    d->has_sources = true;
    for (size_t i = 0; i < d->view_count; i++) {
        struct dnsd_view *v = &d->views[i];
        struct sorted all = sort(before, v->name);
        for (size_t k = 0; k < v->zone_count; k++)
            if (dnsd_has_file(&v->zones[k]))
                read_one(&v->zones[k], find(&all, &v->zones[k]), seed);
        free(all.zones);
    }
}

void sources_free(struct dnsd_settings *d)
{
    for (size_t i = 0; d->has_sources && i < d->view_count; i++)
        for (size_t k = 0; k < d->views[i].zone_count; k++) {
            source_free(d->views[i].zones[k].source);
            d->views[i].zones[k].source = NULL;
        }
    d->has_sources = false;
}

/* ---- without a service ------------------------------------------------------------------------------- */

static bool check_zone(const struct dnsd_zone *z)
{
    struct source *s = source_read(z, 0);
    for (struct list_node *n = s ? list_first(&s->problems) : NULL; n; n = list_next(&s->problems, n))
        zonefile_print_problem(&list_item(n, struct source_problem, node)->problem, stderr);
    bool ok = s && s->zone;
    if (!s || s->incomplete)
        fprintf(stderr, "%s: not enough memory\n", z->file);
    source_free(s);
    return ok;
}

static void print_problem(void *owner, const struct dns_name *apex, const struct masterfile_problem *p)
{
    (void)owner;
    (void)apex;
    zonefile_print_problem(p, stderr);
}

bool sources_check(const void *settings)
{
    const struct dnsd_settings *d = settings;
    const char *hints_path = d->recursion.hints_path;
    struct zone *hints = hints_path ? zonefile_load_hints(hints_path, 0, print_problem, NULL) : NULL;
    bool ok = !hints_path || hints;
    zone_release(hints);
    for (size_t i = 0; i < d->view_count; i++)
        for (size_t k = 0; k < d->views[i].zone_count; k++)
            if (dnsd_has_file(&d->views[i].zones[k]))
                ok = check_zone(&d->views[i].zones[k]) && ok;
    return ok;
}
