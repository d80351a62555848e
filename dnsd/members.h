/* Zones that a catalog lists (RFC 9432): they come and go with it while the server runs, and are secondaries
 * like others. And catalogs that are made here. */
#ifndef WIRELAB_DNSD_MEMBERS_H
#define WIRELAB_DNSD_MEMBERS_H

#include "dnsd.h"

struct members;

/* NULL: no memory. */
struct members *members_open(struct view *v);
/* When the view's zones are closed soon. */
void members_close(struct members *m);

/* The view has another directory, while no worker reads: members of catalogs that are still there are put
 * into it, with the zones that they had in the one before. */
void members_move(struct members *m, const struct zones *before);
/* After that, and after who follows the zones has begun anew: all catalogs are read. */
void members_started(struct members *m);
/* A zone has another version: if it is a catalog it is read, soon and a part at a time. */
void members_look(struct view *v, const struct zones_row *row);

/* When the other rows of a view are there, in the order of its settings: those that are catalogs made here.
 * One that lists the same stays the version in service. */
void catalogs_make(struct view *v, const struct dnsd_view *d, struct zones_row *rows);

#endif
