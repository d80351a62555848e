#include "replies.h"

#include "hash.h"

#include <stdlib.h>

#define ID_BYTES      2
#define ROOM          (REPLY_BYTES - offsetof(struct reply, bytes))
#define MESSAGE_LEAST (DNS_HEADER_BYTES + 5) /* the root, a type, a class */

bool replies_open(struct replies *t, uint64_t seed)
{
    *t = (struct replies){ .seed = seed };
    t->sets = calloc(REPLIES_SETS, sizeof *t->sets);
    t->entries = aligned_alloc(CACHE_LINE_BYTES, (size_t)REPLIES_SETS * REPLIES_WAYS * REPLY_BYTES);
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

uint64_t replies_hash(const struct replies *t, const void *view, struct span message)
{
    if (message.len < MESSAGE_LEAST || message.len > ROOM)
        return 0;
    uint64_t hash = hash_bytes(span_from(message, ID_BYTES), t->seed + (uintptr_t)view);
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
    __builtin_prefetch(e + CACHE_LINE_BYTES);
    return (struct reply *)(void *)e;
}

struct replies_place replies_find(struct replies *t, uint64_t hash)
{
    struct replies_set *set = &t->sets[hash % REPLIES_SETS];
    uint32_t tag = tag_of(hash);
    size_t way = 0;
    while (way < REPLIES_WAYS && set->tags[way] != tag && set->tags[way])
        way++; /* they are taken from the first on, and none is given back */
    if (way < REPLIES_WAYS)
        return (struct replies_place){ hash, entry_of(t, set, way), set->tags[way] == tag };
    if (set->mark == tag)
        return (struct replies_place){ hash, entry_of(t, set, t->turn++ % REPLIES_WAYS), false };
    set->mark = tag;
    return (struct replies_place){ 0 };
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

void replies_keep(struct replies *t, const struct replies_place *p, const struct reply *facts,
                  struct span message, struct span reply)
{
    if (message.len + reply.len > ROOM)
        return;
    size_t at = (size_t)((uint8_t *)p->entry - t->entries) / REPLY_BYTES;
    t->sets[at / REPLIES_WAYS].tags[at % REPLIES_WAYS] = tag_of(p->hash);
    *p->entry = *facts;
    p->entry->message_len = (uint8_t)(message.len - ID_BYTES);
    p->entry->reply_len = (uint8_t)(reply.len - ID_BYTES);
    struct writer w = writer_over(p->entry->bytes, ROOM);
    write_span(&w, span_from(message, ID_BYTES));
    write_span(&w, span_from(reply, ID_BYTES));
}
