/* What is different between two versions of a zone: records that went and records that came (RFC 1995 4), and
 * the versions that come of it. Pure. */
#ifndef WIRELAB_DNSD_CHANGE_H
#define WIRELAB_DNSD_CHANGE_H

#include "zone.h"

/* Records in wire form, names uncompressed, one behind the other. */
struct change_records {
    uint8_t *bytes;
    size_t length, room, count;
};

/* Each part begins with the SOA of its version: the old one, the new one. */
struct change {
    uint32_t from, to; /* serials */
    struct change_records removed, added;
    unsigned holders;
};

/* Empty, held once. NULL: no memory. */
struct change *change_new(uint32_t from, uint32_t to);
struct change *change_hold(struct change *c);
/* The last release frees. Harmless with NULL. */
void change_release(struct change *c);

/* False when there is no memory. */
bool change_add_record(struct change_records *r, struct span owner, uint16_t type, uint32_t ttl,
                       struct span rdata);
static inline struct reader change_reader(const struct change_records *r)
{
    return reader_over(span_of(r->bytes, r->length));
}
/* The next record of a reader over the list; false at its end. Data in wire form, names uncompressed. */
bool change_next(struct reader *r, struct dns_record *out, struct span *rdata);

/* All records of a zone, its SOA first. False: no memory. */
bool change_add_zone(struct change_records *r, const struct zone *z);

/* From one version to the next. NULL: no memory. */
struct change *change_between(const struct zone *before, const struct zone *after);
/* Puts the version that comes of it in the place of *z, which the caller holds: the same zone, changed where
 * it lies, when nobody else holds it, else a copy. False, *z is as it was, and *why says in words (constant)
 * what does not fit: a record that was to go is not there, the serial is another one, the result is no zone.
 */
bool change_apply(struct zone **z, const struct change *c, const char **why);
/* Whether change_apply() would: as it does, and back. */
bool change_fits(struct zone *z, const struct change *c, const char **why);
/* The same; in between `look` sees the version that would come of it. */
typedef void change_look_fn(void *owner, const struct zone *z);
bool change_try(struct zone *z, const struct change *c, change_look_fn *look, void *owner, const char **why);

#endif
