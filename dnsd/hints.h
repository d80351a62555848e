/* Where iteration begins: the servers of the root (RFC 9609), built in or from a file in master file format.
 * Held as a zone, so that they are found as all else is. */
#ifndef WIRELAB_DNSD_HINTS_H
#define WIRELAB_DNSD_HINTS_H

#include "zone.h"

/* A builder for the root's hints, with the SOA that a zone must have and hints do not. NULL: no memory. */
struct zone_builder *hints_builder(uint64_t seed);
/* The hints that are built in, held once; NULL: no memory. */
struct zone *hints_builtin(uint64_t seed);

#endif
