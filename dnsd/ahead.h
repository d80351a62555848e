/* Look-ups of a whole batch, side by side: in a zone that no cache holds each costs two misses, one in the
 * table of names and one at the node. Asked for early, those of a batch overlap. */
#ifndef WIRELAB_DNSD_AHEAD_H
#define WIRELAB_DNSD_AHEAD_H

#include "dnsd.h"

/* Fetches what the answers to the batch's questions begin with; decides nothing. */
void look_ahead(const struct service *s, const struct batch *b);

#endif
