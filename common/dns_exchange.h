/* One question (or another request) to one server, and its response: by UDP from a socket of its own with a
 * port that nobody can guess and a random identifier (RFC 5452), and again by TCP when the response is
 * truncated. Who asks others or again is the owner's business. */
#ifndef WIRELAB_DNS_EXCHANGE_H
#define WIRELAB_DNS_EXCHANGE_H

#include "endpoint.h"
#include "loop.h"
#include "wire/dns_response.h"

enum dns_exchange_outcome {
    DNS_EXCHANGE_RESPONSE,    /* a message that matches; by UDP it may have been asked for again by TCP */
    DNS_EXCHANGE_TIMEOUT,     /* nothing that matches came in time */
    DNS_EXCHANGE_UNREACHABLE, /* the network or the host said that nobody is there; or no socket was left */
};

#define DNS_EXCHANGE_BYTES_MAX 1232 /* a message that no network cuts into pieces */

struct dns_exchange_options {
    struct endpoint server;
    struct address from; /* family 0: the system chooses */
    struct dns_question question;
    /* Another message in the place of a question: an UPDATE or a NOTIFY, whose question is its zone. Its
     * identifier is filled in; it must live until the callback. At most DNS_EXCHANGE_BYTES_MAX, unless it
     * goes by TCP from the beginning. */
    struct span message;
    uint16_t flags;       /* DNS_RD, DNS_CD, DNS_AD */
    struct dns_edns edns; /* .present == false: exactly plain */
    bool tcp;             /* not by UDP at all */
    uint32_t timeout_ms;  /* for UDP, and once more for TCP */
};

struct dns_exchange_result {
    enum dns_exchange_outcome outcome;
    struct span message;  /* DNS_EXCHANGE_RESPONSE: valid until the callback returns */
    uint64_t round_ms;    /* from the (last) sending to now */
    unsigned stray_count; /* messages from that address that were no response to this question */
    bool over_tcp;
};

struct dns_exchange;
/* Called once, never from inside a call of the owner; the exchange is over. */
typedef void dns_exchange_fn(void *owner, const struct dns_exchange_result *r, struct now now);

/* Sends. NULL only when there is no memory. */
struct dns_exchange *dns_exchange_start(struct loop *l, const struct dns_exchange_options *o,
                                        dns_exchange_fn *fn, void *owner);
/* Ends it without a callback. */
void dns_exchange_cancel(struct dns_exchange *x);

#endif
