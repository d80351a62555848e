/* Tells that something is other than before with the interfaces of this host: one came or went, or an address
 * did (rtnetlink). What is so now is for the owner to look at. */
#ifndef WIRELAB_INTERFACES_H
#define WIRELAB_INTERFACES_H

#include "loop.h"
#include "problem.h"

struct interfaces;
typedef void interfaces_fn(void *owner, struct now now);

/* What is looked at after this has returned misses no change. NULL, and *p says why. */
struct interfaces *interfaces_watch(struct loop *l, interfaces_fn *changed, void *owner, struct problem *p);
/* Harmless with NULL. */
void interfaces_close(struct interfaces *i);

#endif
