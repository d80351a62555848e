/* Zones that sign themselves: their keys, what their files become, and the clock that makes signatures anew.
 */
#ifndef WIRELAB_DNSD_SIGNING_H
#define WIRELAB_DNSD_SIGNING_H

#include "change.h"
#include "dnsd.h"
#include "masterfile.h"

struct signing;

/* NULL: no memory. */
struct signing *signing_open(struct view *v);
void signing_close(struct signing *g);

/* A zone as its file has it -> signed: `in_service` (NULL: none) or what an earlier run left on disk goes on
 * with what is different, so that signatures stay and the serial only rises. Takes over the hold of `file`,
 * gives one back; NULL, and *p says why, or `refused` what is wrong with the file: changes that others made
 * would be lost (primary_takes_file()). */
struct zone *signing_load(struct signing *g, const struct dnsd_zone *settings, struct zone *file,
                          struct zone *in_service, struct now now, char refused[MASTERFILE_TEXT_MAX],
                          struct problem *p);
/* All zones are in service: the clock begins. */
void signing_started(struct signing *g, struct now now);
/* A change that is about to be committed gets its signatures, where the zone is one that signs itself. False,
 * and *why says why it cannot. */
bool signing_extend(struct signing *g, const struct zones_row *row, struct change *c, struct now now,
                    const char **why);

#endif
