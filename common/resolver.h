/* A stub resolver (RFC 1034 5.3.1, RFC 1123 6.1.3.1): asks recursive servers in turn and hands the records
 * over. It keeps nothing; the server asked has the cache. */
#ifndef WIRELAB_RESOLVER_H
#define WIRELAB_RESOLVER_H

#include "endpoint.h"
#include "loop.h"
#include "wire/dns.h"

#define RESOLVER_SERVERS_MAX 8
#define RESOLVER_RECORDS_MAX 64   /* handed over for one question; a set has few */
#define RESOLVER_ROUNDS      3    /* each server is asked so often at most */
#define RESOLVER_FIRST_MS    2000 /* for the first round; later ones wait twice and three times as long */
#define RESOLVER_CHAIN_MAX   8    /* times that a question is asked again for an alias's target */
#define RESOLVER_ASKED_MAX   256  /* questions under way; past it resolver_ask() gives NULL */

enum resolver_status {
    RESOLVER_FOUND,
    RESOLVER_NO_DATA, /* the name exists and has no such record */
    RESOLVER_NO_NAME, /* NXDOMAIN: certain */
    RESOLVER_FAILED,  /* no server gave an answer: it may be otherwise later */
};

struct resolver_record {
    uint16_t preference;    /* MX */
    struct dns_name host;   /* MX, PTR, NS; the root for the "null MX" of RFC 7505 */
    struct address address; /* A, AAAA */
};

struct resolver_answer {
    enum resolver_status status;
    const char *why; /* RESOLVER_FAILED: in words, constant text; else NULL */
    uint32_t ttl;    /* RESOLVER_FOUND: seconds, the least of the set */
    size_t count;
    const struct resolver_record *records; /* in the order of the message; valid until the callback returns */
};

struct resolver;
struct resolver_question;
/* Called once, never from inside resolver_ask(). The question is over; the resolver may be closed here. */
typedef void resolver_fn(void *owner, const struct resolver_answer *a);

/* `servers` are copied, at most RESOLVER_SERVERS_MAX. NULL: no memory. */
struct resolver *resolver_open(struct loop *l, const struct endpoint *servers, size_t count);
/* Cancels all questions. */
void resolver_close(struct resolver *r);
/* type: A, AAAA, MX, PTR or NS. NULL: too many questions under way, or no memory; then there is no callback.
 */
struct resolver_question *resolver_ask(struct resolver *r, const struct dns_name *name, uint16_t type,
                                       resolver_fn *fn, void *owner);
/* No callback will come. */
void resolver_cancel(struct resolver_question *q);

#endif
