#include "circuit.h"

#include "hash.h"
#include "list.h"

#include <stdlib.h>

struct circuit {
    struct index_node by_key;
    size_t count, key_len;
    uint8_t key[];
};

struct span circuit_key(uint32_t relay, struct span relay_agent, uint8_t room[CIRCUIT_KEY_MAX])
{
    struct span id = dhcp4_suboption(relay_agent, DHCP4_RELAY_CIRCUIT_ID);
    struct writer w = writer_over(room, CIRCUIT_KEY_MAX);
    if (!id.len)
        id = dhcp4_suboption(relay_agent, DHCP4_RELAY_REMOTE_ID);
    if (!id.len)
        return (struct span){ NULL, 0 };
    write_u32(&w, relay);
    write_span(&w, span_head(id, UINT8_MAX));
    return writer_span(&w);
}

bool circuits_open(struct circuits *c, uint64_t seed)
{
    c->seed = seed;
    return index_open(&c->by_key);
}

void circuits_close(struct circuits *c)
{
    index_close(&c->by_key);
}

static struct circuit *find(const struct circuits *c, struct span key)
{
    struct index_node *n = index_first(&c->by_key, (uint32_t)hash_bytes(key, c->seed));
    for (; n; n = index_next(n)) { /* ends with the chain */
        struct circuit *x = list_item(n, struct circuit, by_key);
        if (span_equal(span_of(x->key, x->key_len), key))
            return x;
    }
    return NULL;
}

size_t circuits_count(const struct circuits *c, struct span key)
{
    const struct circuit *x = find(c, key);
    return x ? x->count : 0;
}

struct circuit *circuit_join(struct circuits *c, struct span key)
{
    struct circuit *x = find(c, key);
    if (!x) {
        x = calloc(1, sizeof *x + key.len);
        if (!x)
            return NULL;
        x->key_len = key.len;
        memcpy(x->key, key.at, key.len);
        x->by_key.hash = (uint32_t)hash_bytes(key, c->seed);
        index_add(&c->by_key, &x->by_key);
    }
    x->count++;
    return x;
}

void circuit_leave(struct circuits *c, struct circuit *x)
{
    if (!x || --x->count)
        return;
    index_remove(&c->by_key, &x->by_key);
    free(x);
}
