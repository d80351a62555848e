/* A message in, a message out: the whole of the server's hot path, without a socket. */
#ifndef WIRELAB_DNSD_RESPOND_H
#define WIRELAB_DNSD_RESPOND_H

#include "answer.h"
#include "edns_options.h"

enum respond_outcome {
    RESPOND_REPLY,     /* written */
    RESPOND_SILENCE,   /* nothing is to be sent */
    RESPOND_ELSEWHERE, /* written, as far as the zones know: another server knows (more) */
    RESPOND_LATER,     /* nothing is to be sent now: never from respond(), but from dnsd_elsewhere() */
    RESPOND_TRANSFER,  /* the zone is to be sent: transfer_begin() */
};

/* What happened, for events and for the transfer; filled whatever the outcome. */
struct response {
    const struct dns_query *query;
    enum dns_rcode rcode;
    const char *why;   /* what was wrong with the message; NULL when nothing was */
    struct zone *zone; /* RESPOND_TRANSFER: not held */
    bool soa_alone;    /* RESPOND_TRANSFER: the asker is up to date */
    /* Of the one who asks; set before respond(). */
    const struct address *local;      /* what was asked, of the server's own; NULL: not known */
    const struct tsig_key *key;       /* who signed; NULL: nobody */
    size_t reserved_bytes;            /* for the reply's signature */
    const struct edns_settings *edns; /* NULL: no options, no names of class CH */
    bool over_tls;
    bool rotates; /* the records of a set come in another order each time */
    unsigned turn;
    bool crowded; /* cookies are required for now */
    int64_t unix_ms;
    /* What its options ask for, and what the reply says of an error. */
    struct edns_asked asked;
    struct edns_fault_text fault;
    struct answer_plan plan;
};

/* Answers the query of `peer`, as it was read, into the empty writer, which has room for the longest reply of
 * the transport. The query must stay as long as the response is looked at. */
enum respond_outcome respond(const struct zones *zones, const struct dns_query *q, const struct address *peer,
                             bool over_tcp, struct writer *out, struct response *r);

/* What comes before the answer to a message of any opcode: its options, and whether its asker must have a
 * cookie. True: that is an answer by itself, and it is written. */
bool respond_begin(const struct dns_query *q, const struct address *peer, bool over_tcp, struct writer *out,
                   struct response *r);
/* Only the head of the message is there: who sent it may come again by TCP. RESPOND_REPLY or RESPOND_SILENCE.
 */
enum respond_outcome respond_cut(const struct dns_query *q, struct writer *out, struct response *r);
/* The message was refused with this code before anybody looked at what it wants: *r tells it so. */
void respond_refused(const struct dns_query *q, enum dns_rcode rcode, struct response *r);
/* The options of EDNS into the reply, which is written and has none yet. respond() has done so for
 * RESPOND_REPLY. */
void respond_options(const struct response *r, bool over_tcp, struct writer *out);
/* What the answer may have beside them and the signature. */
size_t respond_limit(const struct response *r, bool over_tcp);

#endif
