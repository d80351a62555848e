/* imapd: what a configuration means. The service itself is `imapd_service` of common/service.h. */
#ifndef WIRELAB_IMAPD_H
#define WIRELAB_IMAPD_H

#include "config.h"

#define IMAPD_PASSWORD_MAX 256
#define IMAPD_PATH_MAX     512 /* of a mailbox's directory, the state directory not counted */

struct imap_user {
    const char *name, *password;
    const char *maildir; /* where the Maildir is: as configured, or "mail/DOMAIN/MAILBOX" below STATE */
    bool in_state;       /* ... the latter: where smtpd delivers unless it is told otherwise */
};

/* Immutable once made; ended by imap_settings_free(). */
struct imap_settings {
    struct arena memory; /* holds everything below */
    const char *hostname;
    struct imap_user *users;
    size_t user_count;
    struct endpoint *listen, *listen_tls;
    size_t listen_count, listen_tls_count;
    const char *certificate, *key; /* PEM files; both NULL: the lab's CA */
    bool allow_plaintext;          /* passwords may come in clear */
    size_t connections_max;
    uint64_t message_bytes_max, idle_timeout_ms;
};

extern const struct config_key imapd_keys[];
/* The section of the file as settings, or NULL after config_problem(). Opens nothing. */
struct imap_settings *imapd_configure(struct config *c, const struct config_section *s);
void imap_settings_free(struct imap_settings *s);

#endif
