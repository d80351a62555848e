/* One SMTP session, sending (RFC 5321): replies in, commands out, and a verdict for each recipient. Pure.
 *
 *     client_session_open                  the connection is there; feed what comes
 *     READY     -> client_session_send     a message; or client_session_quit
 *     TEXT      -> client_session_text ... client_session_text_end
 *     CONCLUDED -> each recipient has its verdict; then as for READY, unless QUIT was said
 *     START_TLS -> begin TLS, then client_session_secured
 *     ENDED     -> close; what is undecided has the verdict `failure`
 *
 * With PIPELINING (RFC 2920) all commands of a message leave together, without it one at a time. */
#ifndef WIRELAB_SMTPD_CLIENT_SESSION_H
#define WIRELAB_SMTPD_CLIENT_SESSION_H

#include "smtpd.h"
#include "wire/smtp.h"

/* How long each step may take, RFC 5321 4.5.3.2. */
#define CLIENT_GREETING_MS (5 * 60 * 1000)
#define CLIENT_COMMAND_MS  (5 * 60 * 1000) /* MAIL, RCPT, and those that have no time of their own there */
#define CLIENT_DATA_MS     (2 * 60 * 1000)
#define CLIENT_BLOCK_MS    (3 * 60 * 1000)  /* the next part of the text is taken */
#define CLIENT_DOT_MS      (10 * 60 * 1000) /* the receiver may be slow to say that it has it */
#define CLIENT_QUIT_MS     (10 * 1000)      /* nothing depends on this reply */

#define CLIENT_RECIPIENTS_MAX 100  /* in one transaction: what every server takes (RFC 5321 4.5.3.1.8) */
#define CLIENT_VERDICT_MAX    256  /* octets of a reply that are kept */
#define CLIENT_COMMAND_MAX    2048 /* of one command with its parameters: the room that a step may need */

/* What became of a recipient, or of the connection. */
struct client_verdict {
    unsigned code;                 /* 2xx: the next host has it; 4xx: try again; 5xx: never. 0: undecided */
    char status[12];               /* RFC 3463: the reply's own, or made of its code */
    char text[CLIENT_VERDICT_MAX]; /* the whole reply on one line; of our own words when !replied */
    bool replied;
};

struct client_recipient {
    struct span address, orcpt; /* without brackets; orcpt as it came, empty: made of the address */
    unsigned notify;            /* SMTP_NOTIFY_... */
    struct client_verdict verdict;
};

struct client_mail {
    struct span sender; /* without brackets; empty for "<>" */
    struct span envid;  /* as it came; empty: none */
    enum smtp_ret ret;
    bool eight_bit; /* there are octets above 127 */
    bool body_8bit; /* the sender declared BODY=8BITMIME */
    uint64_t bytes; /* of the whole text, before dots are doubled */
    struct client_recipient *recipients;
    size_t count; /* up to CLIENT_RECIPIENTS_MAX */
};

enum client_effect {
    CLIENT_MORE,
    CLIENT_READY,
    CLIENT_TEXT,
    CLIENT_CONCLUDED,
    CLIENT_START_TLS,
    CLIENT_ENDED,
};

enum client_state {
    CLIENT_AT_GREETING,
    CLIENT_AT_EHLO,
    CLIENT_AT_HELO,
    CLIENT_AT_STARTTLS,
    CLIENT_AT_HANDSHAKE,
    CLIENT_AT_READY,
    CLIENT_AT_ENVELOPE,
    CLIENT_AT_TEXT,
    CLIENT_AT_DOT,
    CLIENT_AT_QUIT,
    CLIENT_AT_END,
};

struct client_session {
    const char *name; /* what we call ourselves */
    enum client_tls tls;
    bool secure;
    enum client_state state;
    unsigned offered;   /* enum smtp_extension of smtpd.h, as EHLO said */
    uint64_t size_most; /* of SIZE; 0: not said */
    struct client_mail *mail;
    size_t next_out, next_in; /* commands of the transaction: RSET, MAIL, RCPT for each, DATA */
    size_t accepted;
    bool mail_refused, transaction_open, quit_sent;
    struct smtp_dot_encoder encoder;
    struct client_verdict failure; /* why it ended; code 0: in peace */
};

/* `name` outlives the session. */
void client_session_open(struct client_session *c, const char *name, enum client_tls tls);

/* The replies of `in`; *taken says how many bytes were used. `out` needs CLIENT_COMMAND_MAX of room; what did
 * not fit comes with the next replies. Stops at the first effect but CLIENT_MORE: do it, then offer the rest.
 */
enum client_effect client_session_feed(struct client_session *c, struct span in, struct writer *out,
                                       size_t *taken);
/* After CLIENT_START_TLS: the handshake is done. */
void client_session_secured(struct client_session *c, struct writer *out);
/* In CLIENT_AT_READY: the mail is the caller's and stays until CONCLUDED or ENDED. CLIENT_CONCLUDED when the
 * next host cannot have it: nothing was said to it. */
enum client_effect client_session_send(struct client_session *c, struct client_mail *mail,
                                       struct writer *out);
/* A part of the text, with dots doubled; returns how many bytes of `in` were used. */
size_t client_session_text(struct client_session *c, struct span in, struct writer *out);
/* The final dot; `quit`: with QUIT behind it, for there is no other message. At most 16 bytes. */
void client_session_text_end(struct client_session *c, struct writer *out, bool quit);
/* In CLIENT_AT_READY. At most 16 bytes. */
void client_session_quit(struct client_session *c, struct writer *out);
/* The connection ended or took too long: `why` in words. What is undecided may be tried again. */
void client_session_lost(struct client_session *c, const char *why);

/* How long to wait for what comes next. */
uint64_t client_session_timeout_ms(const struct client_session *c);
/* For who decides without a reply. */
void client_verdict_set(struct client_verdict *v, unsigned code, const char *status, const char *text);

#endif
