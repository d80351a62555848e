/* A datagram socket that moves batches: one recvmmsg in, one sendmmsg out, answered from the address and on
 * the interface that each datagram came to. */
#ifndef WIRELAB_UDP_H
#define WIRELAB_UDP_H

#include "endpoint.h"
#include "loop.h"
#include "problem.h"

#define UDP_BATCH_MAX 64 /* datagrams a system call; more gains nothing measurable */
#define UDP_BATCHES   4 /* in hand at once: the bound on what waits for the store, and so the back-pressure */

struct datagram {
    struct span in;              /* valid until the batch is sent */
    struct endpoint peer, local; /* where it came from; the address it was sent to */
    unsigned interface;          /* index of the interface it came in by; 0 unknown */
    bool truncated;              /* longer than in_bytes: only its head is in `in` */
    struct writer out;           /* the reply, to `peer` from `local`; nothing written: nothing sent */
    uint64_t tag;                /* the owner's own */
};

struct udp;
struct batch {
    struct udp *udp;
    size_t count;
    struct datagram d[UDP_BATCH_MAX];
};

/* Called with a full batch in hand. The owner gives it back by udp_send(), now or turns later. */
typedef void udp_batch_fn(void *owner, struct udp *u, struct batch *b, struct now now);

struct udp_options {
    struct endpoint bind;         /* port 0: a free one */
    const char *interface;        /* SO_BINDTODEVICE; NULL: any */
    const struct address *groups; /* IPv6 multicast groups to join on `interface` */
    size_t group_count;
    bool broadcast;             /* SO_BROADCAST */
    bool reuse_port;            /* one of several workers on this address */
    size_t in_bytes, out_bytes; /* longest datagram read, longest written */
    int buffer_bytes;           /* SO_RCVBUF and SO_SNDBUF; 0: the system's */
};

/* Opens and starts to read. NULL, and *p says why and what to do. */
struct udp *udp_open(struct loop *l, const struct udp_options *o, udp_batch_fn *fn, void *owner,
                     struct problem *p);
/* The address it is bound to, with the port that was chosen. */
struct endpoint udp_local(const struct udp *u);
/* Sends each non-empty `out` and takes the batch back. What the kernel will not take now is dropped, as the
 * network may. */
void udp_send(struct udp *u, struct batch *b);
/* A single datagram outside any batch (interface 0: by routing); false when the kernel did not take it. */
bool udp_send_one(struct udp *u, const struct endpoint *to, const struct endpoint *from, unsigned interface,
                  struct span bytes);
/* Ends it; batches still in hand are freed when they are given back. */
void udp_close(struct udp *u);

#endif
