/* Replies by the messages that they answered. Who asks the same again, octet by octet but for the id, gets
 * the same again, as long as nothing has changed of what replies are made from. A message that comes for the
 * first time leaves a mark and nothing more: where all are different, the table costs next to nothing. */
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
    uint8_t message_len, reply_len; /* without their ids; 0: nothing is kept here */
    uint8_t bytes[];                /* the message, the reply */
};

/* What comes once displaces marks alone, what comes twice in a while displaces replies. */
struct replies_set {
    uint32_t mark, tags[REPLIES_WAYS]; /* of the messages' hashes; 0: none */
};

struct replies {
    struct replies_set *sets;
    uint8_t *entries; /* one for each tag, of REPLY_BYTES */
    uint64_t seed;
    unsigned turn; /* of the ways: who has to go */
};

/* False: no memory. */
bool replies_open(struct replies *t, uint64_t seed);
void replies_close(struct replies *t);

/* The hash of a message; what it needs of the table is fetched into the caches. 0: none that is kept. */
uint64_t replies_hash(const struct replies *t, struct span message);
/* Where the reply to this message is, or may be put. NULL: it has not come for a while, and is marked now. */
struct reply *replies_find(struct replies *t, uint64_t hash);
/* Writes the reply into the empty writer, with the message's id. False: it is another message's, or of a
 * state that has gone. */
bool replies_write(const struct reply *e, const void *view, uint64_t changes, struct span message,
                   struct writer *out);
/* Keeps the reply to this message, if there is room. */
void replies_keep(struct reply *e, const struct reply *facts, struct span message, struct span reply);

#endif
