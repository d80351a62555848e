#include "zone_file.h"

#include "clock.h"
#include "dnsd/zone_check.h"
#include "dnsd/zonefile.h"

#include <stdio.h>
#include <stdlib.h>

struct listening {
    const char *path;
    size_t warnings;
};

static void told(void *owner, const struct dns_name *apex, const struct masterfile_problem *p)
{
    struct listening *l = owner;
    (void)apex;
    l->warnings += p->warning;
    zonefile_print_problem(p, stderr);
}

static void strange(void *owner, const char *text)
{
    struct listening *l = owner;
    l->warnings++;
    fprintf(stderr, "%s: warning: %s\n", l->path, text);
}

struct zone *zone_file_read(const char *path, const struct dns_name *apex, size_t *warnings)
{
    struct listening l = { .path = path };
    struct zone *z = zonefile_load(path, apex, entropy_u64(), told, &l, NULL);
    if (z && !zone_check(z, strange, &l))
        fprintf(stderr, "%s: warning: not enough memory to look for what is strange\n", path);
    if (warnings)
        *warnings = l.warnings;
    return z;
}

char *zone_file_text(const struct zone *z, size_t *length)
{
    char *text = NULL, *room = malloc(ZONE_TEXT_LINE_MAX);
    FILE *out = room ? open_memstream(&text, length) : NULL;
    struct zone_walk *walk = out ? zone_walk_open(z) : NULL;
    struct zone_place p;
    struct writer w = writer_over(room, room ? ZONE_TEXT_LINE_MAX : 0);
    bool ok = walk;
    zone_text_head(&w, z);
    while (ok && zone_walk_next(walk, &p)) { /* each turn takes a record */
        ok = writer_ok(&w) && fwrite(room, 1, writer_length(&w), out) == writer_length(&w);
        w = writer_over(room, ZONE_TEXT_LINE_MAX);
        zone_text_record(&w, z, &p);
    }
    ok = ok && writer_ok(&w) && fwrite(room, 1, writer_length(&w), out) == writer_length(&w);
    zone_walk_close(walk);
    free(room);
    if (out)
        ok = fclose(out) == 0 && ok;
    if (ok)
        return text;
    free(text);
    return NULL;
}
