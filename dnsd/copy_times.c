#include "copy_times.h"

#define REFRESH_LEAST_S 2
#define REFRESH_MOST_S  (7 * 86400)
#define RETRY_LEAST_S   2
#define RETRY_MOST_S    86400
#define EXPIRE_MOST_S   (100 * 86400)

static uint32_t within(uint32_t v, uint32_t least, uint32_t most)
{
    return v < least ? least : v > most ? most : v;
}

struct copy_times copy_times_of_soa(struct span soa)
{
    struct reader r = reader_over(soa);
    struct copy_times t;
    read_plain_name(&r);
    read_plain_name(&r);
    read_u32(&r); /* serial */
    t.refresh_s = within(read_u32(&r), REFRESH_LEAST_S, REFRESH_MOST_S);
    t.retry_s = within(read_u32(&r), RETRY_LEAST_S, RETRY_MOST_S);
    t.expire_s = within(read_u32(&r), t.refresh_s, EXPIRE_MOST_S);
    return t;
}

struct copy_times copy_times_of(const struct zone *z)
{
    struct reader r = zone_records(zone_set_at(z, z->soa));
    struct span rdata;
    zone_next_record(&r, &rdata);
    return copy_times_of_soa(rdata);
}

/* A clock that was set makes no copy older than it may be, nor younger than new. */
uint64_t copy_times_left_ms(const struct copy_times *t, int64_t confirmed_unix_ms, int64_t unix_ms)
{
    int64_t expire_ms = (int64_t)t->expire_s * 1000;
    int64_t age_ms = confirmed_unix_ms ? unix_ms - confirmed_unix_ms : 0;
    age_ms = age_ms < 0 ? 0 : age_ms > expire_ms ? expire_ms : age_ms;
    return (uint64_t)(expire_ms - age_ms);
}
