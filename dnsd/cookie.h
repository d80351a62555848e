/* DNS cookies (RFC 7873) as servers make them for each other to know (RFC 9018): who brings back what was
 * sent to its address is not somebody who only says that it has that address. */
#ifndef WIRELAB_DNSD_COOKIE_H
#define WIRELAB_DNSD_COOKIE_H

#include "endpoint.h"

#define COOKIE_CLIENT_BYTES 8
#define COOKIE_SERVER_BYTES 16
#define COOKIE_SECRET_BYTES 16
#define COOKIE_SECRETS_MAX  4 /* one that is used, and those before or after it (RFC 9018 5) */

/* The first one makes cookies; those that any of them has made are good. */
struct cookie_secrets {
    size_t count; /* 0: there are no cookies */
    uint8_t secrets[COOKIE_SECRETS_MAX][COOKIE_SECRET_BYTES];
};

enum cookie_state {
    COOKIE_NONE,  /* no server cookie, or one that is not ours, or too old: a new one is due */
    COOKIE_AGING, /* ours and good, and a new one is due (RFC 9018 4.3) */
    COOKIE_GOOD,
};

/* What `server`, a server cookie of any length, is worth from `client` at `peer`. */
enum cookie_state cookie_check(const struct cookie_secrets *s, struct span client, struct span server,
                               const struct address *peer, uint32_t unix_s);
/* Writes COOKIE_SERVER_BYTES. There is at least one secret. */
void cookie_make(const struct cookie_secrets *s, struct span client, const struct address *peer,
                 uint32_t unix_s, struct writer *w);
/* `secret` makes cookies from now on; the one before is still known, others are forgotten. */
void cookie_rotate(struct cookie_secrets *s, struct span secret);

/* SipHash-2-4 (Aumasson and Bernstein) of `in` with a key of 16 octets; its octets as a big-endian number. */
uint64_t cookie_siphash(const uint8_t key[COOKIE_SECRET_BYTES], struct span in);

#endif
