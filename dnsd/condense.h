/* Several changes of a zone told as one (RFC 1995 5): what came and went again is left out. Pure. */
#ifndef WIRELAB_DNSD_CONDENSE_H
#define WIRELAB_DNSD_CONDENSE_H

#include "change.h"

#define CONDENSE_RECORDS_MAX 16384 /* sorted in a few milliseconds, while questions wait */

/* From the first one's version to the last one's, held once; they follow on each other. Owners are in the
 * case that they were in last. NULL: no memory, or more than records_max records, which is
 * CONDENSE_RECORDS_MAX where somebody waits. */
struct change *condense(struct change *const *changes, size_t count, size_t records_max);

#endif
