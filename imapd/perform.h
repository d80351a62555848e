/* Commands on mailboxes: what the disk says and what goes to the client. Calls wait for the disk, so they run
 * on a thread; what is in `struct perform` is theirs until they return. */
#ifndef WIRELAB_IMAPD_PERFORM_H
#define WIRELAB_IMAPD_PERFORM_H

#include "command.h"
#include "fetch.h"
#include "mailbox.h"

#define PERFORM_PIECE_BYTES                                                                                  \
    ((size_t)256 * 1024) /* after so much the client is to read, before it goes on                           \
                          */

/* Bytes to send, from malloc. */
struct output {
    uint8_t *at;
    size_t length, room;
    bool failed; /* no memory: the connection cannot go on */
};

struct perform {
    /* the client's, from one command to the next */
    char root[PATH_MAX];     /* of its user's mailboxes */
    struct mailbox *mailbox; /* the selected one, or NULL */
    bool examined;           /* ... by EXAMINE: nothing is changed in it */
    uint64_t unique;         /* for the names of files: one more for each */

    /* this command's */
    const struct imap_command *command; /* NULL: only what others did is to be told */
    struct now now;
    struct arena arena; /* of one message at a time */
    struct output out;
    size_t next;             /* the message (number - 1) where a FETCH goes on */
    bool gone;               /* some of what it meant is gone */
    bool more;               /* it is not done: send what is there, and call again */
    const char *result;      /* "OK", "NO" or "BAD", once it is done */
    char failure[256];       /* what the disk said, for the log; empty: nothing */
    uint64_t appended_bytes; /* of a message that was put in */
};

void perform_open(struct perform *p);
void perform_close(struct perform *p);
/* Does the command, or the next piece of it. `out` is the caller's then: it takes it and zeroes it. */
void perform_run(struct perform *p);

/* ---- between its files -------------------------------------------------------------------- */

/* Room of at least so many bytes; commit what was written. A failed writer when there is none. */
struct writer output_open(struct output *o, size_t bytes);
void output_commit(struct output *o, const struct writer *w);
void output_format(struct output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The tagged reply, and the end of the command. */
void perform_answer(struct perform *p, const char *result, const char *text);
/* NO, for what errno says about `what`. */
void perform_failed(struct perform *p, const char *what);
/* Whether a message is one of those that the command is about. */
bool perform_means(const struct perform *p, size_t number);
/* Tells what others did with the selected mailbox; what is gone only with `expunges`. False when it cannot be
 * read: `failure` says why. */
bool perform_refresh(struct perform *p, bool expunges);
/* EXISTS and RECENT. */
void perform_tell_count(struct perform *p);

/* One for each command: perform_folders.c and perform_messages.c. */
void perform_select(struct perform *p);
void perform_create(struct perform *p);
void perform_delete(struct perform *p);
void perform_rename(struct perform *p);
void perform_subscribe(struct perform *p);
void perform_list(struct perform *p);
void perform_status(struct perform *p);
void perform_append(struct perform *p);
void perform_close_mailbox(struct perform *p);
void perform_expunge(struct perform *p);
void perform_search(struct perform *p);
void perform_fetch(struct perform *p);
void perform_store(struct perform *p);
void perform_copy(struct perform *p);

#endif
