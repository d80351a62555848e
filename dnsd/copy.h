/* Copies of fetched zones in the state directory, for a start at which no primary can be reached. */
#ifndef WIRELAB_DNSD_COPY_H
#define WIRELAB_DNSD_COPY_H

#include "dnsd.h"

/* Writes the zone's copy on a thread; a failure is told. */
void copy_save(struct service *s, struct zone *z);
/* A primary said that this version is still the latest: its time begins anew. */
void copy_confirm(struct service *s, const struct zone *z, struct now now);
/* The copy, held once; NULL: there is none, or the time of its SOA's expire has passed. */
struct zone *copy_load(struct service *s, const struct dnsd_zone *settings, struct now now);

#endif
