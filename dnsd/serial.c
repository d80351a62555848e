#include "serial.h"

#include "text.h"
#include "wire/dns.h"

/* What the clock alone would have; today's versions are counted from there. */
static uint32_t of_clock(enum serial_policy policy, int64_t unix_ms)
{
    if (policy == SERIAL_UNIXTIME)
        return (uint32_t)(unix_ms / 1000);
    struct civil c = civil_of(unix_ms);
    return (uint32_t)c.year * 1000000 + (uint32_t)c.month * 10000 + (uint32_t)c.day * 100;
}

uint32_t serial_next(enum serial_policy policy, uint32_t serial, int64_t unix_ms)
{
    uint32_t next = policy == SERIAL_INCREMENT ? serial : of_clock(policy, unix_ms);
    if (next && dns_serial_newer(next, serial))
        return next;
    return serial + 1 ? serial + 1 : 1; /* 0 has no meaning to some */
}
