/* Messages from DATA to their delivery, on the disk before they are acknowledged.
 *
 * A text of up to SPOOL_ROW_MAX octets becomes a row of the store with its envelope: all messages that wait
 * are committed by one sync. A longer text is written to STATE/spool/ID by a thread as it comes, synced, and
 * named by its row. A row goes when each recipient is finished: all its mailboxes have the message on disk,
 * the next hosts have said 250, and the sender's report of the rest is a row of its own. The file goes after
 * it.
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
    (32 * 1024 * 1024) /* memory of messages that wait for delivery; past it DATA has to wait */
#define SPOOL_WAITING_MAX                                                                                    \
    (256 * 1024 * 1024)    /* the same of messages that were put off, which may take days */
#define SPOOL_ROOM_MIN 512 /* the least room that message_room() gives */
#define SPOOL_ID_MAX   16
#define SPOOL_NAME_MAX (64 + SMTP_DOMAIN_MAX)

enum message_state {
    MESSAGE_RECEIVING, /* its text is coming */
    MESSAGE_STORING,   /* on its way to the disk */
    MESSAGE_QUEUED,    /* acknowledged; on its way to its recipients */
};

enum recipient_state {
    RECIPIENT_WAITING,
    RECIPIENT_DELIVERED, /* it is in the mailbox, on disk */
    RECIPIENT_RELAYED,   /* the next host has it */
    RECIPIENT_FAILED,    /* for good */
};

struct message_recipient {
    const char *address; /* local@domain */
    const char *maildir; /* NULL with !remote: no such mailbox is configured any more */
    const char *orcpt;   /* as it came; NULL: not said */
    unsigned notify;     /* SMTP_NOTIFY_... */
    bool remote;         /* another host has the mailbox */
    enum recipient_state state;
    bool settling, settled; /* the disk is to know that it is finished; knows it */
    bool passed_dsn;        /* RELAYED to a host that reports to the sender itself */
    bool delay_told;
    struct client_verdict *last; /* what was said to the last try; NULL: nothing yet */
    const char *host;            /* ... and by whom; NULL: by ourselves */
    struct relay_job *job;       /* relay.c's: with whom it travels */
};

/* Belongs to the spool; `owner` is the connection that it comes from, NULL once it went. */
struct message {
    struct list_node node, among_all;
    struct spool *spool;
    void *owner;
    enum message_state state;
    int64_t number; /* the row's key; `id` is its text */
    char id[SPOOL_ID_MAX], name[SPOOL_NAME_MAX];
    struct mail_trace
        trace; /* all but the recipient; points into `memory`. Of our own reports without protocol */
    enum smtp_ret ret;
    struct span envid;
    bool body_8bit, eight_bit; /* declared; there are octets above 127 */
    struct message_recipient *recipients;
    size_t recipient_count;
    struct arena memory;
    uint8_t *body; /* the text, or its part that is not in the file yet */
    size_t body_len, body_room;
    uint64_t bytes; /* of the whole text */
    size_t held;    /* what counts for SPOOL_HELD_MAX, or, once it was put off, for SPOOL_WAITING_MAX */
    bool put_off;

    bool settling, settle_again; /* settle.c's, down to `head_len` */
    struct timer settle_retry;
    struct message *report;
    uint8_t *head; /* of a text in a file, for the report */
    size_t head_len;

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
struct relay;
struct client_verdict;

/* Opens the table and the directory, and queues what an earlier run left. NULL, and *p says why. `s` tells
 * where the mailboxes are, and which way to other hosts; it lives until spool_configure() gives others. */
struct spool *spool_open(struct home *h, const struct smtp_settings *s, const struct spool_owner *owner,
                         void *self, struct problem *p);
/* Ends it: closed(self) is called from the loop, once, when all that is under way has come back. What was
 * acknowledged and not delivered stays on the disk. No message may have an owner any more. */
void spool_close(struct spool *s, void (*closed)(void *self));
void spool_configure(struct spool *s, const struct smtp_settings *settings);
/* No new connections to other hosts; what waits for them is on the disk. */
void spool_drain(struct spool *s);
/* ETRN: what waits for the domain is tried now. False: nothing waits. */
bool spool_flush(struct spool *s, struct span domain);
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

/* ---- for dispatch.c, relay.c and settle.c ---------------------------------------------------- */

struct home *spool_home(const struct spool *s);
struct store *spool_store(const struct spool *s);
const struct smtp_settings *spool_settings(const struct spool *s);
/* A recipient of it was tried: what is finished is written down and told to the sender; the message ends with
 * its last recipient. Later, never from inside. settle.c's. */
void message_settle(struct message *m);
/* It waits for another try, perhaps for long: it no longer stands in the way of others. */
void message_put_off(struct message *m);
/* When the queue's patience with it ends, as unix time; 0: never. */
int64_t message_until_unix_ms(const struct message *m);
/* Keeps what was said of the recipient; `host` may be NULL. */
void message_note(struct message *m, struct message_recipient *r, const struct client_verdict *v,
                  const char *host);
/* A message of our own, with an id and a name. NULL: no memory. */
struct message *spool_begin_report(struct spool *s);
/* Its row is committed: on its way, as any other. */
void spool_queue(struct message *m);
/* It has no row (any more): its file goes, then the message. */
void message_discard(struct message *m);
/* A work or a commit begins, or has come back; false when the spool is closing: touch nothing but memory. */
void spool_enter(struct spool *s);
bool spool_leave(struct spool *s);

#endif
