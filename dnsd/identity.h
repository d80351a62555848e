/* Which server this is, asked by names of class CH that all servers know (RFC 4892). */
#ifndef WIRELAB_DNSD_IDENTITY_H
#define WIRELAB_DNSD_IDENTITY_H

#include "edns_options.h"

/* Writes the answer to a question of class CH. False, and nothing is written: the name is not known, or
 * nothing is told by it. `name` is the question's in lower case. */
bool identity_answer(const struct dns_query *q, const struct dns_name *name, const struct edns_settings *s,
                     struct writer *w);

#endif
