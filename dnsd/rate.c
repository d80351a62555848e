#include "rate.h"

#include "hash.h"

#define WAYS      4 /* rows that an account may stand in */
#define THOUSANDS 1000

struct prefix rate_network(const struct rate_settings *s, struct address client)
{
    struct prefix p = { .address = client, .bits = client.family == FAMILY_IP6 ? s->ip6_bits : s->ip4_bits };
    unsigned bits = p.bits;
    for (size_t i = 0; i < sizeof p.address.bytes; i++) {
        unsigned mask = bits >= 8 ? 0xFFU : 0xFF00U >> bits;
        p.address.bytes[i] = (uint8_t)(p.address.bytes[i] & mask);
        bits = bits > 8 ? bits - 8 : 0;
    }
    return p;
}

static bool is_exempt(const struct rate_settings *s, struct address client)
{
    for (size_t i = 0; i < s->exempt_count; i++)
        if (prefix_contains(&s->exempt[i], client))
            return true;
    return false;
}

static uint64_t key_of(const struct rate *r, struct prefix network, uint64_t answer)
{
    uint8_t room[sizeof network.address.bytes + 2 + 8];
    struct writer w = writer_over(room, sizeof room);
    write_bytes(&w, network.address.bytes, sizeof network.address.bytes);
    write_u8(&w, network.address.family);
    write_u8(&w, network.bits);
    write_u64(&w, answer);
    uint64_t key = hash_bytes(writer_span(&w), r->seed);
    return key ? key : 1;
}

/* The account, or the place for it: a free one, else the one that was silent longest. */
static struct rate_row *find(struct rate *r, uint64_t key)
{
    size_t first = (size_t)(key % (RATE_ROWS / WAYS)) * WAYS;
    struct rate_row *place = &r->rows[first];
    for (size_t i = first; i < first + WAYS; i++) {
        if (r->rows[i].key == key)
            return &r->rows[i];
        if (r->rows[i].last_ms < place->last_ms)
            place = &r->rows[i];
    }
    return place;
}

/* What came in since; at most what one second brings is saved. A thread that looked at the clock before
 * another one judged comes with an older time: none has passed. */
static void bring_up(struct rate_row *row, const struct rate_settings *s, uint64_t mono_ms)
{
    int64_t full = (int64_t)s->per_second * THOUSANDS, least = -full * RATE_WINDOW_S;
    uint64_t passed_ms = mono_ms > row->last_ms ? mono_ms - row->last_ms : 0;
    row->last_ms += passed_ms;
    if (passed_ms > (RATE_WINDOW_S + 1) * THOUSANDS)
        row->account = full;
    else
        row->account += (int64_t)(passed_ms * s->per_second);
    row->account = row->account > full ? full : row->account < least ? least : row->account;
}

enum rate_verdict rate_judge(struct rate *r, const struct rate_settings *s, struct address client,
                             uint64_t answer, uint64_t mono_ms)
{
    if (is_exempt(s, client))
        return RATE_SEND;
    uint64_t key = key_of(r, rate_network(s, client), answer);
    struct rate_row *row = find(r, key);
    if (row->key != key)
        *row = (struct rate_row){ .key = key,
                                  .last_ms = mono_ms,
                                  .account = (int64_t)s->per_second * THOUSANDS };
    bring_up(row, s, mono_ms);
    row->account -= THOUSANDS;
    if (row->account >= 0)
        return RATE_SEND;
    row->beyond++;
    return s->slip && row->beyond % s->slip == 0 ? RATE_TRUNCATE : RATE_DROP;
}
