/* A zone for people and programs: all its records in canonical order (RFC 4034 6.1), as a master file that
 * loads again, or as JSON. Pure. */
#ifndef WIRELAB_DNSD_ZONE_TEXT_H
#define WIRELAB_DNSD_ZONE_TEXT_H

#include "zone.h"

/* The longest line: data of 65535 octets, each escaped as four characters or written as JSON does, and names.
 */
#define ZONE_TEXT_LINE_MAX (512 * 1024)

struct zone_walk;

/* One record, where it lies. */
struct zone_place {
    const struct zone_node *node;
    uint16_t type;
    uint32_t ttl;
    struct span rdata;
};

/* The zone stays as it is meanwhile. NULL: no memory. */
struct zone_walk *zone_walk_open(const struct zone *z);
/* The next record: the SOA, the other records of the apex, then name by name. False at the end. */
bool zone_walk_next(struct zone_walk *w, struct zone_place *out);
void zone_walk_close(struct zone_walk *w);

/* A record that the server makes of a zone which signs itself: nobody has written it. */
bool zone_text_is_made(bool at_apex, uint16_t type);
/* What stands above the records: the origin, and what it is. */
void zone_text_head(struct writer *w, const struct zone *z);
/* "www                      300    A        192.0.2.1" and the line's end; names below the apex without it.
 */
void zone_text_record(struct writer *w, const struct zone *z, const struct zone_place *p);
/* {"name":"www.a.test.","ttl":300,"type":"A","data":"192.0.2.1"}; the empty writer `scratch` has room for a
 * line.
 */
void zone_text_json(struct writer *w, const struct zone_place *p, struct writer *scratch);

#endif
