/* A zone as it comes from another server, message by message: whole (AXFR, RFC 5936) or as changes (IXFR, RFC
 * 1995). Pure. */
#ifndef WIRELAB_DNSD_TRANSFER_IN_H
#define WIRELAB_DNSD_TRANSFER_IN_H

#include "change.h"

#define TRANSFER_IN_CHANGES_MAX 4096 /* in one answer; a server with more to tell sends the zone */

enum transfer_in_state {
    TRANSFER_IN_MORE,       /* the next message, please */
    TRANSFER_IN_UP_TO_DATE, /* what we have is the latest */
    TRANSFER_IN_DONE,       /* transfer_in_take() has the new version, or `changes` lead to it */
    TRANSFER_IN_WRONG,      /* `why` */
};

struct transfer_in {
    struct dns_name name;
    bool incremental;     /* IXFR was asked, with ... */
    uint32_t base_serial; /* ... this version */
    size_t names_expected;
    uint64_t seed;
    size_t bytes, bytes_max;
    enum { IN_FIRST, IN_SECOND, IN_WHOLE, IN_REMOVED, IN_ADDED, IN_END } at;
    uint32_t newest;  /* serial of the first SOA */
    uint32_t version; /* of the SOA that was met last */
    struct zone_builder *builder;
    struct change **changes; /* held; each follows on the one before, the first on the base */
    size_t change_count;     /* 0: the zone came whole */
    struct zone *result;
    const char *why; /* constant */
    size_t record_count, message_count;
};

/* Begins; `base` is what IXFR was asked with (NULL: AXFR), not held. At most bytes_max of messages are taken.
 */
void transfer_in_begin(struct transfer_in *t, const struct dns_name *name, const struct zone *base,
                       uint64_t seed, size_t bytes_max);
/* A message whose identifier was ours. */
enum transfer_in_state transfer_in_feed(struct transfer_in *t, struct span message);
/* After DONE: the whole version, held once, the caller's; NULL: there are changes. */
struct zone *transfer_in_take(struct transfer_in *t);
/* Gives back what is left; harmless twice. */
void transfer_in_end(struct transfer_in *t);

/* The question: AXFR, or with `have` IXFR (RFC 1995 3). */
void transfer_in_ask(struct writer *w, uint16_t id, const struct dns_name *name, const struct zone *have);

#endif
