/* The commands of SMTP: one row each (name, states, check, do). For session.c; tests walk the table. Pure. */
#ifndef WIRELAB_SMTPD_VERBS_H
#define WIRELAB_SMTPD_VERBS_H

#include "session.h"

/* One step of a session: what came in, and what goes out of it. */
struct smtp_step {
    struct smtp_session *s;
    struct now now;
    struct writer *replies, *text;
    enum smtp_effect effect;
    unsigned code; /* of the reply that was written last; 0: none */
    char said[SMTP_REPLY_LINE_MAX];
};

/* Writes one reply of one line. `enhanced` is left out when ENHANCEDSTATUSCODES is not offered or when it is
 * NULL. A reply of 500 or more counts as an error of the client. */
void step_reply(struct smtp_step *t, unsigned code, const char *enhanced, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The only function that changes a session's state; entering SMTP_CONNECTED or SMTP_GREETED forgets the
 * transaction. */
void session_become(struct smtp_session *s, enum smtp_state next);

/* What a check has understood, for the do of the same row. */
struct verb_arguments {
    struct span text; /* the whole argument */
    struct smtp_path path;
    enum smtp_ret ret; /* the parameters of MAIL ... */
    struct span envid;
    bool body_8bit;
    struct span orcpt; /* ... and of RCPT */
    unsigned notify;
};

struct smtp_verb {
    const char *name;
    unsigned states;           /* 1 << enum smtp_state, in which it may come */
    enum smtp_extension offer; /* answered with 502 unless this is offered; 0: always there */
    bool (*check)(struct smtp_step *t, struct verb_arguments *a); /* false after a reply */
    void (*act)(struct smtp_step *t, const struct verb_arguments *a);
    const char *out_of_order; /* what the 503 says; NULL: it may always come */
};
extern const struct smtp_verb smtp_verbs[];
extern const size_t smtp_verb_count;

/* One command line without its CRLF: exactly one reply, or one effect that brings it. */
void verb_run(struct smtp_step *t, struct span line);

#endif
