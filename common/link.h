/* Frames on an interface by AF_PACKET: for clients that have no address yet, for captures, and for clients of
 * our own that have none. */
#ifndef WIRELAB_LINK_H
#define WIRELAB_LINK_H

#include "endpoint.h"
#include "loop.h"
#include "problem.h"

struct link;
/* A frame as it crossed the interface, with the kernel's time; `outgoing` when this host sent it. */
typedef void link_frame_fn(void *owner, struct link *l, struct span frame, int64_t unix_ns, bool outgoing);

/* Opens `interface` for sending, and for receiving all frames when fn is not NULL. NULL, and *p says why. */
struct link *link_open(struct loop *l, const char *interface, link_frame_fn *fn, void *owner,
                       struct problem *p);
unsigned link_index(const struct link *k);
/* Its hardware address: 6 bytes. */
struct span link_hardware(const struct link *k);
/* Sends a whole frame, Ethernet header included; false when the kernel did not take it. */
bool link_send(struct link *k, struct span frame);
/* Reads what is waiting now, without the loop; returns how many frames there were. */
size_t link_drain(struct link *k);
void link_close(struct link *k);

#endif
