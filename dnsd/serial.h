/* The serial of a zone's next version (RFC 1982: always a newer one, whatever the clock says). Pure. */
#ifndef WIRELAB_DNSD_SERIAL_H
#define WIRELAB_DNSD_SERIAL_H

#include <stdint.h>

enum serial_policy {
    SERIAL_INCREMENT, /* one more */
    SERIAL_DATE,      /* YYYYMMDDnn, in UTC */
    SERIAL_UNIXTIME,  /* the seconds since 1970 */
};

uint32_t serial_next(enum serial_policy policy, uint32_t serial, int64_t unix_ms);

#endif
