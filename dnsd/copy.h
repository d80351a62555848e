/* Copies of fetched zones in the state directory, for a start at which no primary can be reached. */
#ifndef WIRELAB_DNSD_COPY_H
#define WIRELAB_DNSD_COPY_H

#include "dnsd.h"

/* Writes the zone's copy on a thread; a failure is told. While an earlier one of the zone is being written it
 * waits, in the place of those that wait. */
void copy_save(struct view *v, struct zone *z);
/* A primary said that this version is still the latest: its time begins anew. */
void copy_confirm(struct view *v, const struct zone *z, struct now now);
/* The copy, held once; NULL: there is none, or the time of its SOA's expire has passed. */
struct zone *copy_load(struct view *v, const struct dnsd_zone *settings, struct now now);

/* The zone is not ours any more: nothing that was to be saved before comes back. */
void copy_remove(struct view *v, const struct dns_name *name);

/* The same of a zone that signs itself, with the serial of the file that it was made from; it does not
 * expire. */
void copy_save_signed(struct view *v, struct zone *z, uint32_t file_serial);
struct zone *copy_load_signed(struct view *v, const struct dns_name *name, uint32_t *file_serial);

/* STATE/DIRECTORY/NAME-HASH.EXTENSION: a name may have any bytes, a file may not. Zones of one name in
 * several views are told apart by `view`, which is empty outside of them. */
void copy_path(const char *state, const char *view, const struct dns_name *name, const char *directory,
               const char *extension, char *path, size_t size);

#endif
