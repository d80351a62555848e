/* What is strange about a zone that loads: it is served as it is, and hardly what its owner meant. Pure. */
#ifndef WIRELAB_DNSD_ZONE_CHECK_H
#define WIRELAB_DNSD_ZONE_CHECK_H

#include "zone_text.h"

#define ZONE_CHECK_TEXT_MAX 2600 /* two names at their longest, and what is said of them */

/* Hears of each: "www.a.test. MX: its target mail.a.test. is an alias (CNAME); write ...". */
typedef void zone_check_fn(void *owner, const char *text);
/* False: no memory. */
bool zone_check(const struct zone *z, zone_check_fn *fn, void *owner);

#endif
