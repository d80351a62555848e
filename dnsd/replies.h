/* Replies by the messages that they answered. Who asks the same again, octet by octet but for the id, gets
 * the same again, as long as nothing has changed of what replies are made from. While there is room each
 * message takes some; then one that comes for the first time leaves a mark and nothing more, so that where
 * all are different the table costs next to nothing, and those that come again and again stay. */
#ifndef WIRELAB_DNSD_REPLIES_H
#define WIRELAB_DNSD_REPLIES_H

#include "counts.h"

#define REPLIES_SETS                                                                                         \
    4096 /* a power of two: with the ways twelve thousand replies, three MiB once they are there */
#define REPLIES_WAYS 3
#define REPLY_BYTES  256 /* of an entry: a question and a reply of usual length, four lines of the cache */

struct reply {
    const void *view; /* whose zones it was made from */
    uint64_t changes; /* the state of all that it was made from */
    uint64_t zone_id; /* as in the plan, for counting */
    uint16_t type;
    uint8_t rcode;
    uint8_t message_len, reply_len; /* without their ids */
    uint8_t bytes[];                /* the message, the reply */
};

/* What comes once displaces marks alone, what comes twice in a while displaces replies. */
struct replies_set {
    uint32_t mark, tags[REPLIES_WAYS]; /* of the messages' hashes; 0: none */
};

struct replies {
    struct replies_set *sets;
    uint8_t *entries; /* one for each tag, of REPLY_BYTES: something once there is a tag */
    uint64_t seed;
    unsigned turn; /* of the ways: who has to go */
};

/* Where the reply to a message is, or may be kept. */
struct replies_place {
    uint64_t hash;
    struct reply *entry; /* NULL: nowhere */
    bool known;          /* it is likely there: its message tells */
};

/* False: no memory. */
bool replies_open(struct replies *t, uint64_t seed);
void replies_close(struct replies *t);

/* The hash of a message to this view; what it needs of the table is fetched into the caches. 0: none that
 * would be kept. */
uint64_t replies_hash(const struct replies *t, const void *view, struct span message);
struct replies_place replies_find(struct replies *t, uint64_t hash);
/* Writes the reply that is known into the empty writer, with the message's id. False: it is another
 * message's, or of a state that has gone. */
bool replies_write(const struct reply *e, const void *view, uint64_t changes, struct span message,
                   struct writer *out);
/* Keeps the reply to this message in its place, if there is room. */
void replies_keep(struct replies *t, const struct replies_place *p, const struct reply *facts,
                  struct span message, struct span reply);

#endif
