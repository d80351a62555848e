/* Hears at once when something changes in a Maildir. */
#ifndef WIRELAB_IMAPD_WATCH_H
#define WIRELAB_IMAPD_WATCH_H

#include "loop.h"
#include "problem.h"

struct watch;
/* Calls fn for each change in new/ and cur/ of the Maildir at `path`, several at once it may be. NULL, and *p
 * says why. */
struct watch *watch_open(struct loop *l, const char *path, void (*fn)(void *owner), void *owner,
                         struct problem *p);
void watch_close(struct watch *w);

#endif
