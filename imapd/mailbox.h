/* A Maildir as an IMAP mailbox: its messages in the order of their UIDs, which last as long as the mailbox
 * does, flags in the names of the files, folders as Maildir++ has them. Calls wait for the disk. */
#ifndef WIRELAB_IMAPD_MAILBOX_H
#define WIRELAB_IMAPD_MAILBOX_H

#include "timer.h"
#include "wire/imap.h"

#include <limits.h>
#include <stdint.h>

#define MAILBOX_MESSAGES_MAX 1000000
#define MAILBOX_NAME_BYTES   256               /* of a file in a Maildir */
#define MAILBOX_MESSAGE_MAX  ((size_t)1 << 30) /* longer files are read up to here */

struct mailbox_message {
    uint32_t uid;
    unsigned flags; /* enum imap_flag */
    uint64_t bytes; /* as it is sent, with CRLF at its line ends; mailbox_measure() fills it */
    bool measured;
    int64_t date_s; /* INTERNALDATE */
    char *name;     /* of its file in cur/; empty: it is gone, and that was not told yet */
};

struct mailbox {
    char path[PATH_MAX];
    bool read_only, holds_gone, settled;
    uint32_t uid_validity, uid_next;
    struct mailbox_message *messages; /* by UID: a message's place, from 1, is its sequence number */
    size_t count, room;
    int64_t seen_ns; /* when the directories had changed last */
};

/* PATH of the mailbox of this name below `root`; false when it is too long or no good name. */
bool mailbox_path(const char *root, struct span name, char out[PATH_MAX]);
/* A Maildir is there. */
bool mailbox_exists(const char *path);
/* Makes the Maildir, with the directories before it. False with errno. */
bool mailbox_make(const char *path);
/* Removes it with all in it. False with errno. */
bool mailbox_remove(const char *path);
/* Calls `fn` with the name of each folder below root, sorted, INBOX first. */
void mailbox_list(const char *root, void (*fn)(void *owner, struct span name), void *owner);

/* Opens and reads it; what stands in new/ goes to cur/ and is recent here, unless read_only. UIDs that are
 * given now are on disk when it returns. NULL with errno. */
struct mailbox *mailbox_open(const char *path, bool read_only, struct now now);
void mailbox_close(struct mailbox *m);

/* Takes in what others did meanwhile. `gone` is called with sequence numbers as they are at that moment,
 * `changed` for other flags. New messages stand at the end. Without `gone` those that are gone keep their
 * place until a later call (RFC 3501 7.4.1 forbids telling it in the middle of a FETCH). False with errno;
 * nothing has changed then. */
bool mailbox_refresh(struct mailbox *m, struct now now, void (*gone)(void *owner, size_t number),
                     void (*changed)(void *owner, size_t number), void *owner);
/* Sets the flags of a message (number from 1), by renaming its file. False with errno: it is gone. */
bool mailbox_set_flags(struct mailbox *m, size_t number, unsigned flags);
/* Removes the message's file; it stands in the list until mailbox_drop(). */
bool mailbox_unlink(struct mailbox *m, size_t number);
void mailbox_drop(struct mailbox *m, size_t number);
/* The text, from malloc, with CRLF at its line ends however it is stored; NULL with errno. */
uint8_t *mailbox_read(const struct mailbox *m, size_t number, size_t *length);
/* Makes sure that `bytes` is known. False with errno: the message is gone. */
bool mailbox_measure(struct mailbox *m, size_t number);

/* Writes a message into the mailbox at `path`; its text is on disk when it returns, its name only after
 * mailbox_settle(). `unique`: a number that no other message of this second has. False with errno. */
bool mailbox_put(const char *path, struct span text, unsigned flags, int64_t date_s, struct now now,
                 uint64_t unique, char name[MAILBOX_NAME_BYTES]);
/* Makes the names durable and gives the messages UIDs, in the order of the names. False with errno. */
bool mailbox_settle(const char *path, struct now now, char (*names)[MAILBOX_NAME_BYTES], size_t count,
                    uint32_t *uid_validity, uint32_t *uids);
/* Takes back what mailbox_put() did. */
void mailbox_unput(const char *path, const char *name);

#endif
