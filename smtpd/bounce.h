/* Delivery status notifications: the text of a report to a message's sender (RFC 3461 6, 3462, 3464). Pure.
 */
#ifndef WIRELAB_SMTPD_BOUNCE_H
#define WIRELAB_SMTPD_BOUNCE_H

#include "wire/smtp.h"

/* RFC 3464 2.3.3. */
enum bounce_action { BOUNCE_FAILED, BOUNCE_DELAYED, BOUNCE_DELIVERED, BOUNCE_RELAYED };

struct bounce_recipient {
    struct span address; /* where it was sent: local@domain */
    struct span orcpt;   /* as it came, type;xtext; empty: not said */
    enum bounce_action action;
    const char *status; /* RFC 3463 */
    const char *reply;  /* what a host said, "550 5.1.1 ..."; NULL or empty: none did */
    const char *reason; /* our own words where no host spoke; may be NULL */
    const char *host;   /* the host that said it; may be NULL */
};

struct bounce {
    const char *hostname; /* ours */
    const char *id;       /* of this report, unique: boundary and Message-ID are made of it */
    struct span sender;   /* of the message: who gets the report */
    struct span envid;    /* as it came; empty: not said */
    int64_t arrived_unix_ms, now_unix_ms, until_unix_ms; /* until: when it is given up; for delays */
    const struct bounce_recipient *recipients;
    size_t count;
    bool full;            /* `original` is the whole message, not its header alone */
    bool eight_bit;       /* there are octets above 127 in it */
    struct span original; /* with CRLF */
};

/* Whether the sender wants to hear of this (RFC 3461 4.1; nothing said means failures only). */
bool bounce_is_wanted(unsigned notify, enum bounce_action action);
/* Room enough for bounce_write(). */
size_t bounce_room(const struct bounce *b);
/* The whole message, header and body, with CRLF. */
void bounce_write(struct writer *w, const struct bounce *b);

#endif
