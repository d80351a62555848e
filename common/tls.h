/* TLS: contexts from files, or from a lab CA that is made on first use in the state directory. */
#ifndef WIRELAB_TLS_H
#define WIRELAB_TLS_H

#include "problem.h"
#include "timer.h"

#include <openssl/types.h>

/* The lab's own authority: STATE/tls/ca.pem (public, hand it to clients), ca.key, and one certificate a name.
 */
struct tls_home;
struct tls_context;

/* Makes nothing yet. Both texts are copied; keylog_path may be NULL. */
struct tls_home *tls_home_open(const char *state_directory, const char *keylog_path);
void tls_home_close(struct tls_home *h);
/* The path of ca.pem (it exists once a lab certificate was made). */
const char *tls_home_ca_path(const struct tls_home *h);

/* A server context for `name` (a host name or an address): from the two PEM files when they are given, else
 * by the lab CA, which is made if there is none yet. NULL, and *p says why. */
struct tls_context *tls_server_context(struct tls_home *h, const char *name, const char *certificate_path,
                                       const char *key_path, struct now now, struct problem *p);
/* The one protocol of ALPN (RFC 7301, at most 31 octets) that the context speaks: a server's chooses it,
 * "http/1.1" where nothing is said, and goes on without where the client has others; a client's offers it,
 * else none. */
void tls_context_speak(struct tls_context *t, const char *protocol);
/* TLS 1.3 and nothing older. */
void tls_context_newest(struct tls_context *t);
/* Another name on the same listener, chosen by SNI. Takes over `other`. */
void tls_context_add_name(struct tls_context *t, const char *name, struct tls_context *other);
/* Each connection holds its context to its end, so that other settings may come at any time. */
struct tls_context *tls_context_hold(struct tls_context *t);
/* The last one frees. Harmless with NULL. */
void tls_context_close(struct tls_context *t);

/* A client's context. ca_path: only certificates that these authorities issued are taken, for the name that
 * the connection asks for; NULL: any (RFC 7435: better than clear text, and no more than that). Secrets go to
 * the key log of `h`, which may be NULL. NULL, and *p says why. */
struct tls_context *tls_client_context(struct tls_home *h, const char *ca_path, struct problem *p);
/* For stream.c. */
SSL_CTX *tls_context_ssl(struct tls_context *t);

#endif
