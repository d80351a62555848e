/* One checker a type of value, pure: the text as written -> what it means, or what was wrong and what would
 * be right. */
#ifndef WIRELAB_CONFIG_TYPES_H
#define WIRELAB_CONFIG_TYPES_H

#include "config.h"

struct type_fault {
    size_t from, length; /* the part of the text that is wrong */
    char wrong[160];     /* "is not an IPv4 address" */
    char right[240];     /* "each of the four numbers is 0 to 255" */
};

/* Fills *v but for its place. `directory` is where relative paths begin. False: see *f. */
bool type_check(const struct config_key *key, enum config_type type, const char *text, const char *directory,
                struct arena *a, struct config_value *v, struct type_fault *f);
/* "a duration: 600s, 10m, 1h, 7d" for the manual. Constant text. */
const char *type_words(enum config_type type);

#endif
