/* Reads master files from disk, $INCLUDE and all, into a zone. */
#ifndef WIRELAB_DNSD_ZONEFILE_H
#define WIRELAB_DNSD_ZONEFILE_H

#include "masterfile.h"

#include <stdio.h>

#define ZONEFILE_BYTES_MAX ((size_t)4 << 30) /* one file; offsets in it are shown in messages, not stored */
#define ZONEFILE_FILES_MAX 1024              /* files of one zone: includes that multiply end here */

/* Which file it was, in which state; zeros: not known. */
struct zonefile_stamp {
    uint64_t device, inode, bytes;
    int64_t modified_ns, changed_ns; /* its text; that, its name or its rights */
};

/* Hears of each problem, errors and warnings; valid until it returns. */
typedef void zonefile_problem_fn(void *owner, const struct dns_name *apex,
                                 const struct masterfile_problem *p);

/* PATH:LINE:COLUMN: what it is, as one line. */
void zonefile_print_problem(const struct masterfile_problem *p, FILE *out);
/* The zone, held once; NULL when there was any error, and the listener has heard of it. *stamp: of the file,
 * where it is the only one and was not written just now; NULL: nobody asks. Any thread. */
struct zone *zonefile_load(const char *path, const struct dns_name *apex, uint64_t seed,
                           zonefile_problem_fn *fn, void *owner, struct zonefile_stamp *stamp);
/* Whether the file is what it was when this stamp was made. */
bool zonefile_is(const char *path, const struct zonefile_stamp *stamp);
/* The same for a file of root hints (hints.h). */
struct zone *zonefile_load_hints(const char *path, uint64_t seed, zonefile_problem_fn *fn, void *owner);

#endif
