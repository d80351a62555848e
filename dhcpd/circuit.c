#include "circuit.h"

#include "hash.h"
#include "list.h"

#include <stdlib.h>

#define FULL_TELL_S 60

struct circuit {
    struct index_node by_key;
    size_t count, key_len;
    int64_t full_told_s; /* when this was last said; 0: never */
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

struct span circuit6_key(const struct dhcp6_relays *relays, uint8_t room[CIRCUIT6_KEY_MAX])
{
    const struct dhcp6_relay *next = relays->count ? &relays->relay[relays->count - 1] : NULL;
    struct writer w = writer_over(room, CIRCUIT6_KEY_MAX);
    struct ip6 link = { 0, 0 }, unknown = { 0, 0 };
    if (!next || !(next->interface_id.len || next->remote_id.len))
        return (struct span){ NULL, 0 };
    for (size_t i = relays->count; i-- && ip6_equal(link, unknown);)
        link = relays->relay[i].link;
    write_u64(&w, link.high);
    write_u64(&w, link.low);
    write_u16(&w, next->interface_id.len ? DHCP6_OPTION_INTERFACE_ID : DHCP6_OPTION_REMOTE_ID);
    write_span(&w, span_head(next->interface_id.len ? next->interface_id : next->remote_id, UINT8_MAX));
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

struct span circuit_name(const struct circuit *x)
{
    return x ? span_of(x->key, x->key_len) : (struct span){ NULL, 0 };
}

bool circuits_tell_full(struct circuits *c, struct span key, int64_t now_s)
{
    struct circuit *x = find(c, key);
    if (!x || (x->full_told_s && now_s < x->full_told_s + FULL_TELL_S))
        return false;
    x->full_told_s = now_s;
    return true;
}
