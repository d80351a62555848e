#include "servers.h"

#include "hash.h"
#include "wire/dns_name.h"

#include <stdlib.h>

#define SETS         1024 /* of WAYS rows each: 4096 servers */
#define WAYS         4
#define UNKNOWN_MS   64  /* one that is not known yet costs less than this, by chance */
#define UNKNOWN6_MS  200 /* and this more by IPv6 */
#define DEAD_COST_MS 100000

struct row {
    uint64_t key; /* 0: free */
    uint64_t met_ms;
    uint64_t dead_until_ms, plain_until_ms, lame_until_ms;
    uint32_t smoothed_ms, deviation_ms; /* smoothed_ms 0: not measured; counted in eighths and quarters */
    uint8_t lost;                       /* in a row */
};

struct servers {
    uint64_t seed;
    struct row rows[SETS][WAYS];
};

struct servers *servers_open(uint64_t seed)
{
    struct servers *s = calloc(1, sizeof *s);
    if (s)
        s->seed = seed;
    return s;
}

void servers_close(struct servers *s)
{
    free(s);
}

/* The zone is empty for what holds of the server as such. */
static uint64_t key_of(const struct servers *s, const struct endpoint *e, struct span zone)
{
    uint8_t room[32 + DNS_NAME_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    write_bytes(&w, e->address.bytes, sizeof e->address.bytes);
    write_u8(&w, e->address.family);
    write_u16(&w, e->port);
    write_span(&w, zone);
    return hash_bytes(writer_span(&w), s->seed) | 1;
}

static const struct row *find(const struct servers *s, uint64_t key)
{
    static const struct row unknown;
    const struct row *set = s->rows[key >> 32 & (SETS - 1)];
    for (size_t i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return &unknown;
}

static struct row *meet(struct servers *s, uint64_t key, uint64_t now_ms)
{
    struct row *set = s->rows[key >> 32 & (SETS - 1)];
    struct row *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            set[i].met_ms = now_ms;
            return &set[i];
        }
        if (set[i].met_ms < oldest->met_ms)
            oldest = &set[i];
    }
    *oldest = (struct row){ .key = key, .met_ms = now_ms };
    return oldest;
}

static const struct row *find_server(const struct servers *s, const struct endpoint *e)
{
    return find(s, key_of(s, e, span_of(NULL, 0)));
}

static struct row *meet_server(struct servers *s, const struct endpoint *e, uint64_t now_ms)
{
    return meet(s, key_of(s, e, span_of(NULL, 0)), now_ms);
}

void servers_answered(struct servers *s, const struct endpoint *e, uint64_t round_ms, uint64_t now_ms)
{
    struct row *row = meet_server(s, e, now_ms);
    uint32_t ms = round_ms < SERVERS_MOST_MS ? (uint32_t)round_ms : SERVERS_MOST_MS;
    row->lost = 0;
    row->dead_until_ms = 0;
    ms += ms == 0;
    if (!row->smoothed_ms) {
        row->smoothed_ms = 8 * ms;
        row->deviation_ms = 2 * ms;
        return;
    }
    uint32_t mean = row->smoothed_ms / 8;
    uint32_t off = mean > ms ? mean - ms : ms - mean;
    row->deviation_ms += off - row->deviation_ms / 4;
    row->smoothed_ms += ms - mean;
    row->smoothed_ms += row->smoothed_ms < 8 ? 8 - row->smoothed_ms : 0;
}

void servers_lost(struct servers *s, const struct endpoint *e, uint64_t now_ms)
{
    struct row *row = meet_server(s, e, now_ms);
    row->lost = (uint8_t)(row->lost + (row->lost < UINT8_MAX));
    if (row->lost >= SERVERS_DEAD_AFTER)
        row->dead_until_ms = now_ms + SERVERS_DEAD_MS;
}

void servers_plain(struct servers *s, const struct endpoint *e, uint64_t now_ms)
{
    meet_server(s, e, now_ms)->plain_until_ms = now_ms + SERVERS_PLAIN_MS;
}

void servers_lame(struct servers *s, const struct endpoint *e, struct span zone, uint64_t now_ms)
{
    meet(s, key_of(s, e, zone), now_ms)->lame_until_ms = now_ms + SERVERS_LAME_MS;
}

bool servers_is_plain(const struct servers *s, const struct endpoint *e, uint64_t now_ms)
{
    return find_server(s, e)->plain_until_ms > now_ms;
}

bool servers_is_lame(const struct servers *s, const struct endpoint *e, struct span zone, uint64_t now_ms)
{
    return find(s, key_of(s, e, zone))->lame_until_ms > now_ms;
}

uint32_t servers_timeout_ms(const struct servers *s, const struct endpoint *e, uint64_t now_ms)
{
    const struct row *row = find_server(s, e);
    (void)now_ms;
    if (!row->smoothed_ms)
        return SERVERS_FIRST_MS;
    uint32_t ms = row->smoothed_ms / 8 + row->deviation_ms;
    if (ms < SERVERS_LEAST_MS)
        return SERVERS_LEAST_MS;
    return ms < SERVERS_MOST_MS ? ms : SERVERS_MOST_MS;
}

uint32_t servers_cost_ms(const struct servers *s, const struct endpoint *e, struct rng *rng, uint64_t now_ms)
{
    const struct row *row = find_server(s, e);
    uint32_t cost = row->smoothed_ms / 8;
    if (!row->smoothed_ms)
        cost = (uint32_t)rng_below(rng, UNKNOWN_MS) + (e->address.family == FAMILY_IP6 ? UNKNOWN6_MS : 0);
    cost += row->lost * (uint32_t)SERVERS_FIRST_MS;
    return row->dead_until_ms > now_ms ? cost + DEAD_COST_MS : cost;
}
