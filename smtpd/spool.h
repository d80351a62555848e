/* Messages from DATA to their delivery, on the disk before they are acknowledged.
 *
 * A text of up to SPOOL_ROW_MAX octets becomes a row of the store with its envelope: all messages that wait
 * are committed by one sync. A longer text is written to STATE/spool/ID by a thread as it comes, synced, and
 * named by its row. A row goes when all its mailboxes have the message on disk; the file goes after the row.
 */
#ifndef WIRELAB_SMTPD_SPOOL_H
#define WIRELAB_SMTPD_SPOOL_H

#include "list.h"
#include "service.h"
#include "session.h"
#include "wire/mail.h"
#include "work.h"

#define SPOOL_ROW_MAX (64 * 1024) /* of a text in a row; above it a file costs less than the database */
#define SPOOL_HELD_MAX                                                                                       \
    (32 * 1024 * 1024)     /* memory of messages that wait for delivery; past it DATA has to wait */
#define SPOOL_ROOM_MIN 512 /* the least room that message_room() gives */
#define SPOOL_ID_MAX   16
#define SPOOL_NAME_MAX (64 + SMTP_DOMAIN_MAX)

enum message_state {
    MESSAGE_RECEIVING, /* its text is coming */
    MESSAGE_STORING,   /* on its way to the disk */
    MESSAGE_QUEUED,    /* acknowledged; waits for delivery */
    MESSAGE_DEFERRED,  /* a mailbox did not take it; waits for another try */
    MESSAGE_REMOVING,  /* delivered; its row is being deleted */
};

struct message_recipient {
    const char *address; /* mailbox@domain */
    const char *maildir; /* NULL: no such mailbox is configured any more */
    bool delivered;
};

/* Belongs to the spool; `owner` is the connection that it comes from, NULL once it went. */
struct message {
    struct list_node node, among_all;
    struct spool *spool;
    void *owner;
    enum message_state state;
    int64_t number; /* the row's key; `id` is its text */
    char id[SPOOL_ID_MAX], name[SPOOL_NAME_MAX];
    struct mail_trace trace; /* all but the recipient; points into `memory` */
    struct message_recipient *recipients;
    size_t recipient_count;
    struct arena memory;
    uint8_t *body; /* the text, or its part that is not in the file yet */
    size_t body_len, body_room;
    uint64_t bytes; /* of the whole text */
    size_t held;    /* what counts for SPOOL_HELD_MAX */

    bool in_file;
    int fd;
    char *path;
    uint8_t *chunk; /* what the thread writes */
    size_t chunk_len;
    struct work work;
    int thread_error; /* the thread's while `writing` */
    bool writing, last_chunk, room_wanted, dropped;
    int error; /* errno: the message cannot be kept */
    struct deferred later;

    bool tried_before; /* by an earlier run or an earlier try */
    size_t next_recipient, failures, tries;
    uint64_t due_ms;
};

struct spool_owner {
    /* message_room() gives room again. */
    void (*room)(void *owner, struct message *m);
    /* The outcome of message_store(); after anything but SMTP_OK the message is gone when this returns. */
    void (*stored)(void *owner, struct message *m, enum smtp_result result);
    /* spool_begin() may succeed again. */
    void (*drained)(void *self);
};

struct spool;
struct dispatch;

/* Opens the table and the directory, and queues what an earlier run left. NULL, and *p says why. `s` is only
 * for this call: it tells where the mailboxes are now. */
struct spool *spool_open(struct home *h, const struct smtp_settings *s, const struct spool_owner *owner,
                         void *self, struct problem *p);
/* Ends it: closed(self) is called from the loop, once, when all that is under way has come back. What was
 * acknowledged and not delivered stays on the disk. No message may have an owner any more. */
void spool_close(struct spool *s, void (*closed)(void *self));
/* Something is being stored or delivered. */
bool spool_busy(const struct spool *s);

/* A message for this connection; NULL when too much waits for delivery, or there is no memory. */
struct message *spool_begin(struct spool *s, void *owner);
/* Room for text, SPOOL_ROOM_MIN at least; false while the disk is behind: room() is called later. The text of
 * a message that has failed is thrown away. */
bool message_room(struct message *m, struct writer *out);
/* So many bytes were written into that room. */
void message_grew(struct message *m, size_t bytes);
/* The text is whole. Copies what it needs of the session; stored() is called later, never from inside. */
void message_store(struct message *m, const struct smtp_session *s, struct now now);
/* The connection gives it up, in any state. One that is being stored is delivered all the same. */
void message_drop(struct message *m);

/* ---- for dispatch.c ------------------------------------------------------------------------ */

struct home *spool_home(const struct spool *s);
/* Every mailbox has it: the row goes, then the file, then the message. */
void message_remove(struct message *m);
/* A work or a commit begins, or has come back; false when the spool is closing: touch nothing but memory. */
void spool_enter(struct spool *s);
bool spool_leave(struct spool *s);

#endif
