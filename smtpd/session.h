/* One SMTP session, receiving (RFC 5321): bytes in, replies, message text and one wish at a time out. Pure.
 *
 * The session never calls out. What takes time it returns as an effect; until smtp_session_result() brings
 * the outcome it takes no more bytes, so that replies keep the order of the commands (RFC 2920 3.2). */
#ifndef WIRELAB_SMTPD_SESSION_H
#define WIRELAB_SMTPD_SESSION_H

#include "arena.h"
#include "event.h"
#include "policy.h"
#include "smtpd.h"
#include "wire/mail.h"
#include "wire/smtp.h"

enum smtp_state {
    SMTP_CONNECTED, /* the client has not said EHLO or HELO yet */
    SMTP_GREETED,
    SMTP_MAIL,  /* a transaction with a sender */
    SMTP_RCPT,  /* ... and at least one recipient */
    SMTP_DATA,  /* the text is coming */
    SMTP_ENDED, /* nothing more is read */
};

/* What the session asks for. */
enum smtp_effect {
    SMTP_NOTHING,
    SMTP_BEGIN, /* make room for a message; result: OK, FULL or FAILED */
    SMTP_STORE, /* the text is whole: make it and `envelope` durable; result: OK with an id, FULL or FAILED */
    SMTP_START_TLS, /* result FAILED: there is no TLS now. OK: then send the reply, begin TLS, and open this
                       session anew with `secure`: nothing said before may count (RFC 3207 4.2) */
    SMTP_FLUSH,     /* try what waits for the domain `flush` (RFC 1985); OK: begun, FAILED: nothing waits */
    SMTP_DROP,      /* the message is refused: forget its text; no result */
    SMTP_HANG_UP,   /* send the replies and close; no result */
};

enum smtp_result { SMTP_OK, SMTP_FULL, SMTP_FAILED };

struct smtp_recipient {
    struct smtp_recipient *next;
    struct policy_target target; /* without domain: it is another's */
    struct span address;         /* local@domain */
    struct span orcpt;           /* as it came (RFC 3461 4.2); empty: not said */
    unsigned notify;             /* SMTP_NOTIFY_... */
};

struct smtp_envelope {
    struct span sender; /* local@domain; empty for the null path */
    enum smtp_ret ret;
    struct span envid; /* as it came (RFC 3461 4.4); empty: not said */
    bool body_8bit;    /* BODY=8BITMIME */
    struct smtp_recipient *recipients;
    size_t recipient_count;
};

struct smtp_session {
    const struct smtp_settings *settings;
    struct events *events;
    struct endpoint peer;
    bool secure;

    enum smtp_state state;
    enum smtp_effect waiting; /* for the result of this; SMTP_NOTHING: for bytes */
    bool extended;            /* EHLO, not HELO */
    bool skipping;            /* the rest of a line that is refused already */
    char helo[SMTP_DOMAIN_MAX + 1];
    size_t errors;
    struct arena memory; /* of the transaction */
    struct smtp_envelope envelope;
    struct smtp_dot_decoder decoder;
    uint64_t text_bytes;
    struct mail_scan scan;
    bool refused;      /* the text: too long, with bare CR, LF or NUL, or going in a circle */
    struct span flush; /* of SMTP_FLUSH */
};

#define SMTP_SESSION_REPLY_MAX 4096 /* the room for replies that a step may need */

/* All fields begin anew. `settings` and `events` stay the caller's and outlive the session. */
void smtp_session_open(struct smtp_session *s, const struct smtp_settings *settings, struct events *events,
                       const struct endpoint *peer, bool secure);
void smtp_session_close(struct smtp_session *s);
/* The greeting, 220; not after STARTTLS. */
void smtp_session_greet(const struct smtp_session *s, struct writer *replies);

struct smtp_turn {
    enum smtp_effect effect;
    size_t taken; /* bytes of `in` that were used */
};
/* Goes on until the bytes are used up, an effect is wanted, or there is no room: less than
 * SMTP_SESSION_REPLY_MAX in `replies`, or less than 2 in `text`. Message text goes into `text` as it comes;
 * after SMTP_DROP what is in it does not count. */
struct smtp_turn smtp_session_feed(struct smtp_session *s, struct span in, struct now now,
                                   struct writer *replies, struct writer *text);
/* The outcome of SMTP_BEGIN, SMTP_STORE, SMTP_FLUSH or SMTP_START_TLS. `id` for a message that was stored. */
void smtp_session_result(struct smtp_session *s, enum smtp_result result, struct span id, struct now now,
                         struct writer *replies);

enum smtp_farewell { SMTP_TIMEOUT, SMTP_SHUTDOWN, SMTP_CROWDED };
/* 421, and the end (RFC 5321 3.8); the caller then closes as for SMTP_HANG_UP. */
void smtp_session_farewell(struct smtp_session *s, enum smtp_farewell why, struct writer *replies);

/* "SMTP", "ESMTP" or "ESMTPS" (RFC 3848). */
const char *smtp_session_protocol(const struct smtp_session *s);
/* No text is coming and nothing is awaited: a farewell loses nothing that was sent. */
static inline bool smtp_session_idle(const struct smtp_session *s)
{
    return s->state < SMTP_DATA && s->waiting == SMTP_NOTHING;
}

#endif
