/* The key of a zone that signs itself, in STATE/dnsd/keys: a PEM file each, for its owner alone. */
#ifndef WIRELAB_DNSD_SIGNING_KEY_H
#define WIRELAB_DNSD_SIGNING_KEY_H

#include "problem.h"
#include "sign.h"

/* False, and *p says why; with `make`, one that is not there is made, and is on disk then. */
bool signing_key_open(const char *state, const struct dns_name *zone, bool make, struct sign_key *k,
                      struct problem *p);
void signing_key_close(struct sign_key *k);

#endif
