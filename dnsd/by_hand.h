/* That a zone was changed by hand, in the state directory: its changes are in the journal then, and its file
 * is not all of it. */
#ifndef WIRELAB_DNSD_BY_HAND_H
#define WIRELAB_DNSD_BY_HAND_H

#include "dnsd.h"

/* On disk when it returns; false: it could not be written. */
bool by_hand_note(const struct view *v, const struct dns_name *zone);
/* Any zone of this state directory was. */
bool by_hand_ever(const struct home *home);
bool by_hand_is_noted(const struct view *v, const struct dns_name *zone);
/* Its file is all of it again. */
void by_hand_forget(const struct view *v, const struct dns_name *zone);

#endif
