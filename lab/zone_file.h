/* A master file read for a command: what is wrong with it goes to standard error. */
#ifndef WIRELAB_LAB_ZONE_FILE_H
#define WIRELAB_LAB_ZONE_FILE_H

#include "dnsd/zone.h"

/* The zone, held once; NULL when there was any error. Also told is what is strange about it; *warnings (may
 * be NULL): how much that was. */
struct zone *zone_file_read(const char *path, const struct dns_name *apex, size_t *warnings);
/* All of it as a master file, as malloc() gives it; NULL: no memory. */
char *zone_file_text(const struct zone *z, size_t *length);

#endif
