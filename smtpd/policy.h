/* Whom mail is accepted for: mailboxes of our own domains, and those of others only from clients that
 * allow-relay names, so this is never an open relay. Pure. */
#ifndef WIRELAB_SMTPD_POLICY_H
#define WIRELAB_SMTPD_POLICY_H

#include "smtpd.h"
#include "wire/smtp.h"

enum policy_verdict {
    POLICY_ACCEPT,
    POLICY_UNKNOWN,   /* the domain is ours, the mailbox is not there */
    POLICY_NOT_OURS,  /* another domain: that would be relaying */
    POLICY_AMBIGUOUS, /* a name alone that several domains have */
};

/* A mailbox of ours; both point into the settings (or to constant text). */
struct policy_target {
    const struct smtp_domain *domain;
    const char *mailbox;
};

/* Domain and local part are compared without regard to ASCII case. "postmaster" is a mailbox of each domain
 * of ours, and without a domain that of the first in the file (RFC 5321 4.5.1). */
enum policy_verdict policy_recipient(const struct smtp_settings *s, const struct smtp_path *path,
                                     struct policy_target *out);
/* The same for a user's name without a domain, as VRFY may have it (RFC 5321 3.5.1). */
enum policy_verdict policy_user(const struct smtp_settings *s, struct span name, struct policy_target *out);

/* This client may send to domains of others. */
bool policy_may_relay(const struct smtp_settings *s, struct address client);

#endif
