#include "replies.h"

#include "hash.h"

#include <stdlib.h>

#define ID_BYTES      2
#define ROOM          (REPLY_BYTES - offsetof(struct reply, bytes))
#define CACHE_LINE    64
#define MESSAGE_LEAST (DNS_HEADER_BYTES + 5) /* the root, a type, a class */

bool replies_open(struct replies *t, uint64_t seed)
{
    *t = (struct replies){ .seed = seed };
    t->sets = calloc(REPLIES_SETS, sizeof *t->sets);
    t->entries = calloc((size_t)REPLIES_SETS * REPLIES_WAYS, REPLY_BYTES);
    if (t->sets && t->entries)
        return true;
    replies_close(t);
    return false;
}

void replies_close(struct replies *t)
{
    free(t->sets);
    free(t->entries);
    *t = (struct replies){ 0 };
}

uint64_t replies_hash(const struct replies *t, struct span message)
{
    if (message.len < MESSAGE_LEAST || message.len > ROOM)
        return 0;
    uint64_t hash = hash_bytes(span_from(message, ID_BYTES), t->seed);
    __builtin_prefetch(&t->sets[hash % REPLIES_SETS]);
    return hash;
}

/* Its other half tells the set. */
static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

static struct reply *entry_of(const struct replies *t, const struct replies_set *set, size_t way)
{
    uint8_t *e = t->entries + ((size_t)(set - t->sets) * REPLIES_WAYS + way) * REPLY_BYTES;
    __builtin_prefetch(e);
    __builtin_prefetch(e + CACHE_LINE);
    return (struct reply *)(void *)e;
}

/* The way of this tag, or one that nobody has; REPLIES_WAYS: neither. */
static size_t way_of(const struct replies_set *set, uint32_t tag)
{
    size_t way = 0;
    while (way < REPLIES_WAYS && set->tags[way] != tag && set->tags[way])
        way++; /* they are taken from the first on, and none is given back */
    return way;
}

struct reply *replies_find(struct replies *t, uint64_t hash)
{
    struct replies_set *set = &t->sets[hash % REPLIES_SETS];
    uint32_t tag = tag_of(hash);
    size_t way = way_of(set, tag);
    if (way == REPLIES_WAYS && set->mark != tag) {
        set->mark = tag;
        return NULL;
    }
    if (way == REPLIES_WAYS)
        way = t->turn++ % REPLIES_WAYS;
    set->tags[way] = tag;
    return entry_of(t, set, way);
}

bool replies_write(const struct reply *e, const void *view, uint64_t changes, struct span message,
                   struct writer *out)
{
    struct span kept = span_of(e->bytes, e->message_len);
    if (e->changes != changes || e->view != view || !span_equal(kept, span_from(message, ID_BYTES)))
        return false;
    write_bytes(out, message.at, ID_BYTES);
    write_bytes(out, e->bytes + e->message_len, e->reply_len);
    return writer_ok(out);
}

void replies_keep(struct reply *e, const struct reply *facts, struct span message, struct span reply)
{
    *e = *facts;
    struct writer w = writer_over(e->bytes, ROOM);
    write_span(&w, span_from(message, ID_BYTES));
    write_span(&w, span_from(reply, ID_BYTES));
    e->message_len = writer_ok(&w) ? (uint8_t)(message.len - ID_BYTES) : 0;
    e->reply_len = writer_ok(&w) ? (uint8_t)(reply.len - ID_BYTES) : 0;
}
