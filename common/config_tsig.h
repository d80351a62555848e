/* A key (TSIG, RFC 8945) in the file: a section with its name as the title. */
#ifndef WIRELAB_CONFIG_TSIG_H
#define WIRELAB_CONFIG_TSIG_H

#include "config.h"
#include "wire/tsig.h"

extern const struct config_key config_tsig_keys[];
/* What is wrong with it is told to `c`. */
void config_tsig_key(struct config *c, const struct config_section *s, struct tsig_key *k);

#endif
