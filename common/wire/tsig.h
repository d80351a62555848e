/* Signed DNS messages (TSIG, RFC 8945): the record, its place in a message, and the sequence of messages that
 * one key signs: a request, its response, and the further messages of a transfer. */
#ifndef WIRELAB_TSIG_H
#define WIRELAB_TSIG_H

#include "dns.h"

#define TSIG_MAC_BYTES_MAX    64  /* HMAC-SHA-512 */
#define TSIG_SECRET_BYTES_MAX 256 /* what is longer than a block of its hash is hashed first, anyway */
#define TSIG_FUDGE_S          300 /* RFC 8945 10 */
#define TSIG_UNSIGNED_MAX     99  /* RFC 8945 5.3.1: messages of a response between two that are signed */
/* The longest record: names, ten octets before the data, sixteen fixed ones in it, the other's time. */
#define TSIG_BYTES_MAX (2 * DNS_NAME_BYTES_MAX + 10 + 16 + TSIG_MAC_BYTES_MAX + 6)

enum tsig_algorithm { TSIG_SHA1, TSIG_SHA256, TSIG_SHA384, TSIG_SHA512, TSIG_ALGORITHMS };

/* RFC 8945 3, as far as they are used. TSIG_UNSIGNED stands for a message that had to have the record. */
enum tsig_error {
    TSIG_GOOD = 0,
    TSIG_FORMERR = 1,
    TSIG_BADSIG = 16,
    TSIG_BADKEY = 17,
    TSIG_BADTIME = 18,
    TSIG_BADTRUNC = 22,
    TSIG_UNSIGNED = 0x10000
};

struct tsig_key {
    struct dns_name name; /* in lower case */
    enum tsig_algorithm algorithm;
    uint8_t secret[TSIG_SECRET_BYTES_MAX];
    size_t secret_bytes;
};

/* The record as it stands in a message. */
struct tsig {
    struct dns_name key, algorithm; /* in lower case */
    uint64_t time_s;                /* since 1970 */
    uint16_t fudge_s, original_id, error;
    struct span mac, other; /* in the message */
    size_t offset;          /* of the record: what is before it is signed */
};

enum tsig_place {
    TSIG_ABSENT, /* also where the message is cut short: who reads the rest of it tells */
    TSIG_PRESENT,
    TSIG_MISPLACED, /* not the last one, or not as it must be: FORMERR (RFC 8945 5.2) */
};
enum tsig_place tsig_find(struct span message, struct tsig *out);

/* "hmac-sha256"; TSIG_ALGORITHMS when it is none that is known. */
enum tsig_algorithm tsig_algorithm_named(struct span text);
/* Whether the key is the one that the record names, by name and algorithm. */
bool tsig_key_is(const struct tsig_key *k, const struct tsig *t);
/* "BADKEY" */
const char *tsig_error_name(enum tsig_error e);

/* ---- a request and what follows on it ---------------------------------------------------------- */

struct evp_mac_ctx_st;

/* Zeroed: none, and everything below is harmless with it but verify and sign. May be moved, not copied. */
struct tsig_session {
    struct evp_mac_ctx_st *mac;
    struct dns_name key;
    enum tsig_algorithm algorithm;
    unsigned signed_count;   /* the request, the first response, further ones */
    unsigned unsigned_count; /* since the last that was signed */
    bool begun;              /* the digest has something in it */
    size_t prior_bytes;
    uint8_t prior[TSIG_MAC_BYTES_MAX];
};

/* False: no memory. */
bool tsig_open(struct tsig_session *s, const struct tsig_key *k);
void tsig_close(struct tsig_session *s);
static inline bool tsig_is_open(const struct tsig_session *s)
{
    return s->mac != NULL;
}
/* Octets of its next record, for writer_reserve(). 0 where there is none. */
size_t tsig_bytes(const struct tsig_session *s);

/* The next message that came: the request at a server, the responses at a client. Messages of a response
 * after the first may be unsigned, TSIG_UNSIGNED_MAX of them; the last one must not be: ask unsigned_count.
 * After TSIG_BADTIME the session can still sign. */
enum tsig_error tsig_verify(struct tsig_session *s, struct span message, uint64_t now_s);
/* Signs the message in the writer, which is all of it, as the next one. False, and the writer failed, when
 * the record does not fit. */
bool tsig_sign(struct tsig_session *s, struct writer *w, uint64_t now_s);
/* The same for the answer to a request that is refused for BADTIME or BADTRUNC. */
bool tsig_sign_error(struct tsig_session *s, struct writer *w, const struct tsig *request,
                     enum tsig_error error, uint64_t now_s);
/* The record without a MAC, for BADKEY and BADSIG (RFC 8945 5.3.2). */
void tsig_write_refusal(struct writer *w, const struct tsig *request, enum tsig_error error);

#endif
