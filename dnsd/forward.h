/* UPDATE passed on to a primary (RFC 2136 6): the secondary of a zone takes it from those who may, asks the
 * primary, and gives its reply back. The message stays what it is but for its identifier, so a signature that
 * only the client and the primary can check stays good (RFC 8945 5.5). */
#ifndef WIRELAB_DNSD_FORWARD_H
#define WIRELAB_DNSD_FORWARD_H

#include "dnsd.h"

/* A zone that is fetched, and this client may have its updates passed on. */
bool forward_takes(const struct zones_row *row, const struct dnsd_asker *from);
/* The same of a message, before its signature is looked at: true only for an UPDATE. */
bool forward_takes_message(const struct dnsd_asker *from, const struct dns_query *q);
/* False: too many wait, or there is no memory. */
bool forward_update(struct view *v, const struct zones_row *row, const struct dns_query *q,
                    const struct dnsd_asker *from, struct now now);
/* Those that wait are forgotten. */
void forward_close(struct view *v);

#endif
