/* When a copy of a zone is looked after, by its SOA (RFC 1035 3.3.13). Pure. */
#ifndef WIRELAB_DNSD_COPY_TIMES_H
#define WIRELAB_DNSD_COPY_TIMES_H

#include "zone.h"

struct copy_times {
    uint32_t refresh_s, retry_s, expire_s;
};
/* Of an SOA's data, each within bounds that keep a typing error from flooding a primary or losing a zone. */
struct copy_times copy_times_of_soa(struct span soa);
struct copy_times copy_times_of(const struct zone *z);
/* How long a copy that a primary confirmed then, by the clock of the day (0: it is not known when), may still
 * be served without one. */
uint64_t copy_times_left_ms(const struct copy_times *t, int64_t confirmed_unix_ms, int64_t unix_ms);

#endif
