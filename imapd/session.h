/* One IMAP session (RFC 3501): bytes in, replies and one wish at a time out. Pure.
 *
 * The session collects a command with its literals, reads it, and answers what needs no mailbox. The rest it
 * returns as an effect; until the outcome is told it takes no more bytes. */
#ifndef WIRELAB_IMAPD_SESSION_H
#define WIRELAB_IMAPD_SESSION_H

#include "arena.h"
#include "command.h"
#include "event.h"
#include "imapd.h"

enum imap_effect {
    IMAP_NOTHING,
    IMAP_PERFORM,   /* `command` on the mailboxes of `user`; outcome: imap_session_performed() */
    IMAP_START_TLS, /* send the reply, begin TLS and open this session anew with `secure` (RFC 3501 6.2.1) */
    IMAP_WATCH,     /* IDLE began: what happens in the mailbox is told as it happens; no outcome */
    IMAP_UNWATCH,   /* IDLE ended */
    IMAP_HANG_UP,   /* send the replies and close */
};

struct imap_session {
    const struct imap_settings *settings;
    struct events *events;
    struct endpoint peer;
    bool secure;

    enum imap_state state;
    enum imap_effect waiting;     /* IMAP_PERFORM: for its outcome; IMAP_NOTHING: for bytes */
    const struct imap_user *user; /* who has logged in */
    size_t errors, failed_logins;

    struct {
        uint8_t *at; /* from malloc; stays where it is from the last line of a command to its end */
        size_t length, room;
    } text;
    uint64_t literal_left;  /* octets of a literal to come */
    bool skipping;          /* the rest of a line that is refused already */
    enum imap_verb line_of; /* IDLE or AUTHENTICATE: the next line is theirs; else IMAP_NOOP */
    struct arena memory;    /* of the command */
    struct imap_command command;
};

#define IMAP_SESSION_REPLY_MAX 2048 /* the room for replies that a step may need */

/* All fields begin anew. `settings` and `events` stay the caller's and outlive the session. */
void imap_session_open(struct imap_session *s, const struct imap_settings *settings, struct events *events,
                       const struct endpoint *peer, bool secure);
void imap_session_close(struct imap_session *s);
/* The untagged OK at the start; not after STARTTLS. */
void imap_session_greet(const struct imap_session *s, struct writer *replies);

struct imap_turn {
    enum imap_effect effect;
    size_t taken; /* bytes of `in` that were used */
};
/* Goes on until the bytes are used up, an effect is wanted, or `replies` has less room than
 * IMAP_SESSION_REPLY_MAX. */
struct imap_turn imap_session_feed(struct imap_session *s, struct span in, struct now now,
                                   struct writer *replies);
/* What was asked by IMAP_PERFORM is done and answered. `selected`: a mailbox is, now. `result`: the first
 * word of the tagged reply. */
void imap_session_performed(struct imap_session *s, bool selected, const char *result, struct now now);

enum imap_farewell { IMAP_TIMEOUT, IMAP_SHUTDOWN, IMAP_CROWDED };
/* BYE, and the end; the caller then closes as for IMAP_HANG_UP. */
void imap_session_farewell(struct imap_session *s, enum imap_farewell why, struct writer *replies);

#endif
