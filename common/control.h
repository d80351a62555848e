/* The door to a running program: HTTP on a Unix socket in its state directory, for whoever may open that. */
#ifndef WIRELAB_CONTROL_H
#define WIRELAB_CONTROL_H

#include "http_server.h"

struct control;
/* Answers by http_answer(), at once or later, once. `path`: what follows the first "/", as written. */
typedef void control_fn(void *owner, struct http_exchange *x, struct span path);

/* Listens at DIRECTORY/NAME.sock, which only this user may open. What a program that was killed left there
 * is replaced. NULL, and *p says why: another program has this state directory, or the path is too long for a
 * socket (107 bytes). */
struct control *control_open(struct loop *l, const char *directory, const char *name, control_fn *fn,
                             void *owner, struct problem *p);
/* Ends all connections and removes the socket; exchanges that are not answered yet must not be touched. */
void control_close(struct control *c);

/* An answer of one line of text. */
void control_say(struct http_exchange *x, unsigned status, const char *text);

#endif
