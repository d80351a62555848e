/* Maildir delivery: files on the disk. Blocks, so it runs on a thread; touches nothing but its arguments. */
#ifndef WIRELAB_SMTPD_DELIVER_H
#define WIRELAB_SMTPD_DELIVER_H

#include "wire/mail.h"

#define DELIVER_BATCH_MAX                                                                                    \
    64 /* copies in one go; measured: more bring nothing, and each sync takes longer                         \
        */

/* One copy of a message for one mailbox. */
struct delivery {
    /* what to do */
    const char *maildir;     /* absolute; made with its parents, tmp, new and cur when it is not there */
    const char *name;        /* the file's name, unique for the message for all time */
    struct mail_trace trace; /* what goes above the text */
    struct span text;        /* with CRLF ... */
    const char *text_file;   /* ... or the file that has it; NULL: it is in `text` */
    bool tried_before;       /* an earlier run may have put it there already: look in new and cur */
    /* how it went */
    int error;           /* 0: the file is in new, and it and its directories are on the disk; else errno */
    const char *failing; /* what could not be done, in words */
    /* deliver_batch()'s own */
    size_t box;
    bool moved;
};

/* Delivers each of them, or says why not. What is delivered is on the disk when this returns: one sync of the
 * file system for the whole batch, and one of each `new`. */
void deliver_batch(struct delivery *d, size_t count);

/* mkdir -p, each new directory synced into its parent. False with errno set. */
bool deliver_make_directory(const char *path);

#endif
