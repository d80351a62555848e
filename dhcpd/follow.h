/* An interface of `listen` as it comes and goes: served as soon as it can be, also when another one has its
 * name by then. */
#ifndef WIRELAB_DHCPD_FOLLOW_H
#define WIRELAB_DHCPD_FOLLOW_H

#include "event.h"
#include "interface.h"
#include "problem.h"

/* What a protocol does with it. */
struct follow_type {
    enum event_id waiting, served;
    /* Takes over what it needs of an interface that is there. NULL: it can be served; else why not, a
     * constant text. */
    const char *(*look)(void *listener, const struct interface *i);
    bool (*open)(void *listener, struct problem *p); /* false: it may be half open, and is closed */
    void (*close)(void *listener);
};

/* Set to zero it is not served. */
struct follow {
    unsigned index;    /* of the interface that is served; 0: it is waited for */
    const char *waits; /* why, as it was told last; constant text */
};

/* Makes of it what can be made now. False: it should be open, and is refused; *p says why. */
bool follow_start(struct follow *f, const struct follow_type *t, void *listener, const char *interface,
                  struct events *events, struct now now, struct problem *p);
/* The same in the middle of the work: a refusal is told, and the next change brings the next try. */
void follow_again(struct follow *f, const struct follow_type *t, void *listener, const char *interface,
                  struct events *events, struct now now);

#endif
