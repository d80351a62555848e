/* Memory with one end: a bump allocator with a ceiling. Nothing in it has a destructor; what must outlive
 * arena_reset() is copied out by name. Under AddressSanitizer what is not handed out is poisoned. */
#ifndef WIRELAB_ARENA_H
#define WIRELAB_ARENA_H

#include "wire/wire.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *first, *current;
    size_t chunk_bytes; /* how much is asked of the system at a time */
    size_t used_bytes;  /* handed out since the last reset */
    size_t max_bytes;   /* the ceiling */
};

/* Takes no memory yet. Grows by chunk_bytes (or by what is asked for, if that is more) up to max_bytes. */
void arena_open(struct arena *a, size_t chunk_bytes, size_t max_bytes);
/* Gives all memory back; the arena can be used again. */
void arena_close(struct arena *a);
/* Forgets all that was handed out; keeps the first chunk. */
void arena_reset(struct arena *a);
/* `bytes` of memory aligned for any type, not cleared; NULL at the ceiling or when there is no memory. */
void *arena_alloc(struct arena *a, size_t bytes);
/* The same, unaligned: for bytes and text. */
void *arena_alloc_bytes(struct arena *a, size_t bytes);
/* A cleared array; NULL as above, and when count * size does not fit. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A copy of the bytes; at == NULL when there is no room. */
struct span arena_copy(struct arena *a, struct span s);
/* A copy with a NUL behind it; NULL when there is no room. */
char *arena_text(struct arena *a, struct span s);

#endif
