/* Versions of zones put into service: the only way to change what questions are answered from. Zones that are
 * made of this one's addresses follow at once. */
#ifndef WIRELAB_DNSD_VERSION_H
#define WIRELAB_DNSD_VERSION_H

#include "change.h"
#include "dnsd.h"

/* As change_fits() and change_apply() with the zone in service, which is there. *next: the mark of the
 * version that would come of it. */
bool version_fits(struct view *v, struct zones_row *row, const struct change *c, struct zone_mark *next,
                  const char **why);
bool version_change(struct view *v, struct zones_row *row, const struct change *c, const char **why);
/* Whether the version that comes of these changes, which follow on each other, is what its ZONEMD says.
 * Without one it costs no more than a look at the changes. */
bool version_verified(struct view *v, struct zones_row *row, struct change *const *changes, size_t count,
                      const char **why);
/* What is odd about a version that is put into service all the same, told as an event. */
void version_warn(const struct view *v, const struct zone *z);
/* Another version, or none (NULL), takes its place; the one before, or NULL, is the caller's to release. */
struct zone *version_replace(struct view *v, struct zones_row *row, struct zone *next);

#endif
