/* smtpd: what a configuration means. The service itself is `smtpd_service` of common/service.h. */
#ifndef WIRELAB_SMTPD_H
#define WIRELAB_SMTPD_H

#include "config.h"
#include "wire/smtp.h"

/* What EHLO can offer (the file's key `extensions`). A command or parameter that is not offered is refused.
 */
enum smtp_extension {
    SMTP_OFFER_PIPELINING = 1 << 0, /* RFC 2920 */
    SMTP_OFFER_SIZE = 1 << 1,       /* RFC 1870 */
    SMTP_OFFER_VRFY = 1 << 2,       /* RFC 5321 3.5; the command is answered in any case */
    SMTP_OFFER_ETRN = 1 << 3,       /* RFC 1985; for domains that have a route of their own */
    SMTP_OFFER_STARTTLS = 1 << 4,   /* RFC 3207; left out of the list once TLS is on */
    SMTP_OFFER_CODES = 1 << 5,      /* RFC 2034 */
    SMTP_OFFER_8BITMIME = 1 << 6,   /* RFC 6152 */
    SMTP_OFFER_DSN = 1 << 7,        /* RFC 3461 */
    SMTP_OFFER_HELP = 1 << 8,
};

struct smtp_offer {
    const char *line;              /* as it is shown */
    enum smtp_extension extension; /* 0: known to the configuration's author only */
};

/* When a connection to the next host is encrypted. */
enum client_tls {
    CLIENT_TLS_NONE,
    CLIENT_TLS_OPPORTUNISTIC, /* when it is offered (RFC 7435) */
    CLIENT_TLS_REQUIRED,      /* nothing is sent without it, and its certificate must be good */
};

/* Where mail for a domain of others goes. */
struct smtp_route {
    const char *name; /* the domain and all below it, without final dot; "" is "." */
    const char *host; /* a name or an address; NULL: by MX */
    uint16_t port;
    enum client_tls tls;
    const char *ca; /* PEM file, shorter than SMTP_CA_MAX; NULL: the lab's CA */
};

/* A domain that mail is accepted for. */
struct smtp_domain {
    const char *name;       /* without final dot */
    const char *maildir;    /* the directory that has a Maildir for each mailbox; NULL: STATE/mail/NAME */
    const char **mailboxes; /* sorted without regard to case */
    size_t mailbox_count;
};

/* Immutable once made; ended by smtp_settings_free(). */
struct smtp_settings {
    struct arena memory; /* holds everything below */
    const char *hostname, *greeting;
    const char *agent; /* in Received lines, behind our name */
    struct smtp_offer *offers;
    size_t offer_count;
    unsigned offered;            /* SMTP_OFFER_... */
    struct smtp_domain *domains; /* sorted without regard to case */
    size_t domain_count;
    const struct smtp_domain
        *postmaster;           /* the domain of <Postmaster>: the first in the file; NULL without any */
    struct smtp_route *routes; /* sorted without regard to case */
    size_t route_count;
    struct prefix *allow_relay; /* whose mail for others is taken */
    size_t allow_relay_count;
    struct endpoint *resolvers; /* asked for MX and addresses */
    size_t resolver_count;
    uint16_t mx_port;
    uint64_t queue_lifetime_ms, retry_ms, delay_notice_ms;
    uint64_t message_bytes_max;
    size_t recipients_max, errors_max, connections_max;
    uint64_t timeout_ms;
    struct endpoint *listen, *listen_tls;
    size_t listen_count, listen_tls_count;
    const char *certificate, *key; /* PEM files; both NULL: the lab's CA */
};

#define SMTP_CA_MAX   512
#define SMTP_PORT     25   /* RFC 5321 4.5.4.2 */
#define SMTP_EHLO_MAX 2048 /* all lines of `extensions` together, so that the reply fits its room */

extern const struct config_key smtpd_keys[];
/* The section of the file as settings, or NULL after config_problem(). Opens nothing. */
struct smtp_settings *smtpd_configure(struct config *c, const struct config_section *s);
void smtp_settings_free(struct smtp_settings *s);

#endif
