/* How many messages come in a second, pure: whether there are more than so many. */
#ifndef WIRELAB_DNSD_LOAD_H
#define WIRELAB_DNSD_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load {
    uint64_t second;
    uint64_t now, before; /* of this second so far, and of the one before it */
};

/* So many more have come. True: this second or the one before it has more than `most`; 0: never. */
static inline bool load_is_above(struct load *l, size_t messages, uint64_t mono_ms, uint32_t most)
{
    uint64_t second = mono_ms / 1000;
    if (!most)
        return false;
    if (second != l->second) {
        l->before = second == l->second + 1 ? l->now : 0;
        l->now = 0;
        l->second = second;
    }
    l->now += messages;
    return l->now > most || l->before > most;
}

#endif
