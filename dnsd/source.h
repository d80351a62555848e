/* The file of a zone, as it was read: what is in it, and what is wrong with it. Files are read before
 * anything of the service changes, on reload while it goes on. */
#ifndef WIRELAB_DNSD_SOURCE_H
#define WIRELAB_DNSD_SOURCE_H

#include "dnsd.h"
#include "list.h"
#include "masterfile.h"

struct source_problem {
    struct list_node node;
    struct masterfile_problem problem;
    char path[];
};

struct source {
    bool unchanged;    /* since the settings before: it was not read */
    bool incomplete;   /* there was no memory for all of the problems */
    struct zone *zone; /* held once; NULL: there are problems, or it was taken */
    struct list problems;
    struct zonefile_stamp stamp;
    int64_t took_ms;
};

/* Reads the zone's file. Any thread. NULL: no memory. */
struct source *source_read(const struct dnsd_zone *settings, uint64_t seed);
/* Harmless with NULL. */
void source_free(struct source *s);

/* Reads the files of all zones of these settings, but not those that are still what they were under the
 * settings before (NULL: there are none). Any thread, if both stay meanwhile. */
void sources_read(struct dnsd_settings *d, const struct dnsd_settings *before, uint64_t seed);
void sources_free(struct dnsd_settings *d);
/* Reads all of them and says what is wrong: service_type.check (service.h). */
bool sources_check(const void *settings);

#endif
