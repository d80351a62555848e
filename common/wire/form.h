/* application/x-www-form-urlencoded, as the URL standard defines it: pairs parsed and built. */
#ifndef WIRELAB_FORM_H
#define WIRELAB_FORM_H

#include "wire.h"

#define FORM_FIELDS_MAX 64 /* more than any form of ours has; the rest of a body is not looked at */

struct form_field {
    struct span name, value; /* decoded; they point into the room given to form_parse() */
};

struct form {
    size_t count;
    struct form_field fields[FORM_FIELDS_MAX];
};

/* Decodes the body into `room`, which needs no more bytes than the body has. False: the room was too small,
 * or there are more fields than FORM_FIELDS_MAX. Broken escapes stand for themselves. */
bool form_parse(struct span body, struct writer *room, struct form *out);
/* The first value of this name; at == NULL when there is none. */
struct span form_value(const struct form *f, const char *name);
/* The text as a name or a value of a form; it also fits a cookie's value (RFC 6265 4.1.1). */
void form_encode(struct writer *w, struct span text);
/* name=value, with "&" before it when it is not the first. */
void form_write(struct writer *w, struct span name, struct span value);

#endif
