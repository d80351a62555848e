/* Why something could not be done, for a person: what, where, and what to do about it. */
#ifndef WIRELAB_PROBLEM_H
#define WIRELAB_PROBLEM_H

struct problem {
    char what[512];   /* "dnsd: cannot bind 127.0.0.1:53: permission denied" */
    char remedy[512]; /* "ports below 1024 need a right: ..."; may be empty */
};

void problem_set(struct problem *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void problem_remedy(struct problem *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
