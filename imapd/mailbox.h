/* A Maildir as an IMAP mailbox: its messages in the order of their UIDs, which last as long as the mailbox
 * does, flags in the names of the files, folders as Maildir++ has them. Calls wait for the disk. */
#ifndef WIRELAB_IMAPD_MAILBOX_H
#define WIRELAB_IMAPD_MAILBOX_H

#include "timer.h"
#include "wire/imap.h"

#include <limits.h>
#include <stdint.h>

#define MAILBOX_MESSAGES_MAX 1000000
#define MAILBOX_NAME_BYTES   256 /* of a file in a Maildir */

struct mailbox_message {
    uint32_t uid;
    unsigned flags; /* enum imap_flag */
    uint64_t bytes;
    int64_t date_s; /* INTERNALDATE */
    char *name;     /* of its file in cur/ */
};

struct mailbox {
    char path[PATH_MAX];
    bool read_only;
    uint32_t uid_validity, uid_next, new_validity;
    struct mailbox_message *messages; /* by UID: a message's place, from 1, is its sequence number */
    size_t count, room;
    int64_t seen_ns; /* when the directories were looked at */
};

/* PATH of the mailbox of this name below `root`; false when it is too long. */
bool mailbox_path(const char *root, struct span name, char out[PATH_MAX]);
/* A Maildir is there. */
bool mailbox_exists(const char *path);
/* Makes the Maildir, with the directories before it. False with errno. */
bool mailbox_make(const char *path);
/* Removes it with all in it. False with errno. */
bool mailbox_remove(const char *path);
/* Calls `fn` with the name of each folder below root, sorted, INBOX first. */
void mailbox_list(const char *root, void (*fn)(void *owner, struct span name), void *owner);

/* Opens and reads it; what stands in new/ goes to cur/ and is recent here. A mailbox without UIDs yet gets
 * new_validity. NULL with errno. */
struct mailbox *mailbox_open(const char *path, bool read_only, uint32_t new_validity);
void mailbox_close(struct mailbox *m);

/* What others did meanwhile. `gone` is called with sequence numbers as they are at that moment, `changed` for
 * other flags. New messages stand at the end. False with errno; nothing has changed then. */
bool mailbox_refresh(struct mailbox *m, void (*gone)(void *owner, size_t number),
                     void (*changed)(void *owner, size_t number), void *owner);
/* Sets the flags of a message (number from 1), by renaming its file. False with errno: it is gone. */
bool mailbox_set_flags(struct mailbox *m, size_t number, unsigned flags);
/* Removes the message's file; it stands in the list until mailbox_drop(). */
bool mailbox_unlink(struct mailbox *m, size_t number);
void mailbox_drop(struct mailbox *m, size_t number);
/* The text, from malloc; NULL with errno. */
uint8_t *mailbox_read(const struct mailbox *m, size_t number, size_t *length);

/* Puts a message into the mailbox at `path`, on disk when it returns; its UID and UIDVALIDITY are told.
 * `unique`: a number that no other append of this second has. False with errno. */
bool mailbox_append(const char *path, struct span text, unsigned flags, int64_t date_s, struct now now,
                    uint64_t unique, uint32_t *uid_validity, uint32_t *uid);

#endif
