/* Master files: text into a zone builder (RFC 1035 5, RFC 2308 4 for $TTL, RFC 3597 5 for unknown types).
 *
 * Known: $ORIGIN, $TTL, $INCLUDE; "@"; owners left out; relative names; parentheses; quotes; \X and \DDD;
 * TTLs with units; TTL and class in either order, each left out at will. The files themselves are read
 * elsewhere: a run that meets $INCLUDE returns that wish. After an error the reading goes on with the next
 * record, so that one run tells of many. */
#ifndef WIRELAB_DNSD_MASTERFILE_H
#define WIRELAB_DNSD_MASTERFILE_H

#include "zone.h"

#define MASTERFILE_INCLUDES_MAX                                                                              \
    16                               /* files open within one another; a file that includes itself ends here \
                                      */
#define MASTERFILE_PROBLEMS_MAX 64   /* kept with their words; more are counted */
#define MASTERFILE_WORDS_MAX    2048 /* words in one record: the longest TXT has 1024 strings of 63 octets */
#define MASTERFILE_TEXT_MAX     240

struct masterfile_problem {
    const char *path;
    unsigned line, column;          /* 1-based; line 0: about the file as a whole */
    bool warning;                   /* the zone loads all the same */
    char text[MASTERFILE_TEXT_MAX]; /* "expected an IPv4 address like 192.0.2.1, found \"192.0.2\"" */
};

struct masterfile;

enum masterfile_state {
    MASTERFILE_DONE,    /* all text was read; ask masterfile_errors() */
    MASTERFILE_INCLUDE, /* push the file that masterfile_wanted() names, or masterfile_missing(); then run
                           again */
};

/* Records go to `b`, which stays the caller's. NULL: no memory. */
struct masterfile *masterfile_open(struct zone_builder *b);
void masterfile_close(struct masterfile *m);
/* The text to be read next, at the origin that is in force (that of an $INCLUDE when it named one). Text and
 * path must live until masterfile_close(). */
void masterfile_push(struct masterfile *m, struct span text, const char *path);
enum masterfile_state masterfile_run(struct masterfile *m);
/* The file of the $INCLUDE as it was written, and the file it stands in. */
struct span masterfile_wanted(const struct masterfile *m, const char **from);
/* That file could not be read. */
void masterfile_missing(struct masterfile *m, const char *why);
/* Adds a problem found when the zone was finished: at line 0 of the outermost file. */
void masterfile_add_problem(struct masterfile *m, const char *path, const char *text);

/* How many errors there were; the zone is good only at 0. */
size_t masterfile_errors(const struct masterfile *m);
/* The problems that were kept, errors and warnings, in the order in which they were met. */
const struct masterfile_problem *masterfile_problems(const struct masterfile *m, size_t *count);

#endif
