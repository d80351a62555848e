/* More threads that answer questions by UDP, each with a loop and sockets of its own on the same addresses
 * (SO_REUSEPORT). They read the zones while the main thread may not change them, and answer what the zones
 * alone decide; whatever else comes in - signed messages, updates, transfers, names of others, and all that
 * somebody wants to hear of - they hand to the main thread, which answers it as if it had come there. */
#ifndef WIRELAB_DNSD_WORKER_H
#define WIRELAB_DNSD_WORKER_H

#include "dnsd.h"

/* Starts `count` of them on the addresses where `sockets` listen. NULL, and *p says why. */
struct workers *workers_open(struct service *s, size_t count, struct problem *p);
/* Around each change of what replies are made from: the directory of zones, a zone in it, who may what.
 * Workers, where there are some, wait meanwhile; what was replied before is not replied again (s->changes).
 * May be nested. */
void workers_pause(struct service *s);
void workers_resume(struct service *s);
/* The same where all is as before afterwards: a change that is tried, say. */
void workers_wait(struct service *s);
void workers_go_on(struct service *s);
/* Adds what they have counted since this was asked last. Harmless with NULL. */
void workers_count(struct workers *all, struct counts *to);
/* Ends and awaits them. Harmless with NULL. */
void workers_close(struct workers *all);

#endif
