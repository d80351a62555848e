/* Zones that are made of others' addresses, kept up to date with them. */
#ifndef WIRELAB_DNSD_REVERSED_H
#define WIRELAB_DNSD_REVERSED_H

#include "dnsd.h"

/* When all other rows of a view have their zones: those that are made of them. What did not change stays the
 * version in service. */
void reversed_load(struct view *v, struct zones_row *rows, size_t count);
/* A change was made in a zone in service, or (NULL) it has another version: what is made of it follows. */
void reversed_follow(struct view *v, const struct zones_row *forward, const struct change *c);

#endif
