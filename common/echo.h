/* Whether somebody has an IPv4 address: an ICMP echo request (RFC 792), and a while for the answer. Many
 * questions may be under way. */
#ifndef WIRELAB_ECHO_H
#define WIRELAB_ECHO_H

#include "loop.h"
#include "problem.h"

#define ECHO_ASKED_MAX 1024 /* questions under way; a lab that boots at once */

struct echo;
/* The end of a question; `asked` is what echo_ask() was given. Never called from inside of it. */
typedef void echo_fn(void *owner, void *asked, uint32_t address, bool answered, struct now now);

/* Asks through this interface (NULL: by routing). `seed` makes the identifier that is looked for in answers.
 * NULL, and *p says why and what to do. */
struct echo *echo_open(struct loop *l, const char *interface, uint64_t seed, echo_fn *fn, void *owner,
                       struct problem *p);
/* Address in host order. False when too many questions are under way. What the network will not take counts
 * as not answered. */
bool echo_ask(struct echo *e, uint32_t address, uint32_t wait_ms, void *asked);
/* `asked` of the question for this address that is under way; NULL: none is. */
void *echo_asks(const struct echo *e, uint32_t address);
/* Questions under way are forgotten: fn(…, answered = false) is called for none of them. `forget`, which may
 * be NULL, is called with each `asked`. */
void echo_close(struct echo *e, void (*forget)(void *asked));

#endif
