/* `wirelab check-zone`: a master file read as dnsd reads it, without a server: what is wrong with it, what is
 * strange about it, what is in it. */
#include "daemon.h"
#include "dnsd/zone_text.h"
#include "lab.h"
#include "text.h"
#include "wire/dns_rdata.h"
#include "zone_file.h"

#include <stdio.h>
#include <stdlib.h>

#define TYPES_SHOWN 64 /* different ones; a zone has a few */
#define LINE_BYTES  4096

struct type_count {
    uint16_t type;
    size_t count;
};

static int usage(FILE *out, int code)
{
    fprintf(out,
            "usage: wirelab check-zone NAME FILE\n"
            "Reads a master file as dnsd does and says what is in it. Every error is told with its line and\n"
            "column; warnings tell of what is served and hardly meant: targets that do not exist or are\n"
            "aliases, missing glue, names that nobody sees, different TTLs in one set. FILE may be -.\n"
            "Exit code 0: it loads, perhaps with warnings; 2: it does not.\n");
    return code;
}

/* ---- the summary ----------------------------------------------------------------------------------------
 */

static int by_count(const void *a, const void *b)
{
    const struct type_count *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : (x->type > y->type) - (x->type < y->type);
}

static size_t count_types(const struct zone *z, struct type_count *types, size_t *names)
{
    struct zone_walk *w = zone_walk_open(z);
    const struct zone_node *last = NULL;
    struct zone_place p;
    size_t count = 0;
    *names = 0;
    while (w && zone_walk_next(w, &p)) { /* each turn takes a record */
        size_t i = 0;
        while (i < count && types[i].type != p.type)
            i++;
        if (i == count && count < TYPES_SHOWN)
            types[count++] = (struct type_count){ .type = p.type };
        if (i < count)
            types[i].count++;
        *names += p.node != last;
        last = p.node;
    }
    zone_walk_close(w);
    if (count)
        qsort(types, count, sizeof *types, by_count);
    return count;
}

static void summarize(const struct zone *z, size_t warnings)
{
    struct type_count types[TYPES_SHOWN];
    char line[LINE_BYTES];
    struct writer w = writer_over(line, sizeof line);
    size_t names, count = count_types(z, types, &names);
    write_dns_name_text(&w, dns_name_span(&z->name));
    write_format(&w, " loads: serial %u, %zu records, %zu names (", z->serial, z->record_count, names);
    for (size_t i = 0; i < count; i++) {
        write_format(&w, "%s%zu ", i ? ", " : "", types[i].count);
        write_dns_type_text(&w, types[i].type);
    }
    write_format(&w, ")%s", z->is_signed ? ", signed" : "");
    if (warnings)
        write_format(&w, ", %zu warning%s", warnings, warnings == 1 ? "" : "s");
    write_text(&w, "\n");
    fwrite(line, 1, writer_length(&w), stdout);
}

/* ---- the command ----------------------------------------------------------------------------------------
 */

int check_zone_command(int argc, char **argv)
{
    struct dns_name apex;
    if (argc == 2 && (span_is(span_text(argv[1]), "-h") || span_is(span_text(argv[1]), "--help")))
        return usage(stdout, EXIT_OK);
    const char *wrong = argc == 3 ? dns_name_from_text(span_text(argv[1]), NULL, &apex) : "";
    if (wrong && *wrong)
        fprintf(stderr, "wirelab check-zone: \"%s\" is no name of a zone: expected %s\n", argv[1], wrong);
    if (wrong)
        return usage(stderr, EXIT_WRONG_USE);
    const char *path = span_is(span_text(argv[2]), "-") ? "/dev/stdin" : argv[2];
    size_t warnings;
    struct zone *z = zone_file_read(path, &apex, &warnings);
    if (!z)
        return EXIT_WRONG_USE;
    summarize(z, warnings);
    zone_release(z);
    return EXIT_OK;
}
