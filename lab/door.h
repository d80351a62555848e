/* The door of a running program (common/control.h), from outside. */
#ifndef WIRELAB_LAB_DOOR_H
#define WIRELAB_LAB_DOOR_H

#include "wire/wire.h"

/* Asks the program that has this state directory, and prints what it says: to standard output, or to standard
 * error when it is not pleased. An exit code. `command` is whose words an error begins with. */
int door_ask(const char *command, const char *state, const char *method, const char *path);

/* A request with a body, and an answer that is not printed. */
struct door_request {
    const char *method, *path;
    const char *accept, *type, *match; /* fields; NULL: none */
    struct span body;
};
struct door_answer {
    unsigned status;
    char tag[32]; /* ETag; empty: none */
    char *body;   /* as malloc() gives it, a NUL behind it */
    size_t length;
};
/* False, and that is told: nobody answers. */
bool door_exchange(const char *command, const char *state, const struct door_request *r,
                   struct door_answer *a);

#endif
