/* A response into the cache: only what belongs to the question and what that server may speak for (RFC 2181
 * 5.4.1, RFC 5452 6), and what it means for the question. */
#ifndef WIRELAB_DNSD_LEARN_H
#define WIRELAB_DNSD_LEARN_H

#include "cache.h"

#define LEARN_ROOM_BYTES  (DNS_MESSAGE_BYTES_MAX * 2) /* the records of one set, names uncompressed */
#define LEARN_RECORDS_MAX 4096 /* in one message; more is refused: each is looked at for each name */
#define LEARN_HOSTS_MAX   16   /* name servers of one zone whose addresses are taken */

enum learned {
    LEARNED_ANSWER,   /* the set, or that there is none, or an alias further: the cache knows more now */
    LEARNED_REFERRAL, /* the name servers of a zone further down */
    LEARNED_NOTHING,  /* a server that does not know: no authority for this zone */
    LEARNED_MALFORMED,
};

struct learning {
    struct cache *cache;
    const struct dns_name *name; /* what was asked for; in lower case */
    uint16_t type;
    const struct dns_name *zone; /* what the server was asked as an authority for; or the forward's name */
    bool forwarded;              /* a resolver: no AA is expected, no referral taken */
    uint8_t *room;               /* LEARN_ROOM_BYTES */
};

/* The message matches the question, with NOERROR or NXDOMAIN. */
enum learned learn(const struct learning *l, struct span message, uint64_t now_ms);

#endif
