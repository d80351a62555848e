/* A zone, and the directory of all zones (RFC 1034 4.2, RFC 2181, RFC 4592).
 *
 * All nodes, sets and records of a zone lie in one growing block, in the order of the file; references are
 * 32-bit offsets into it, so a record of one address costs under 80 bytes with its node. A zone that one
 * holder has can be changed where it lies (zone_add, zone_remove, zone_settle); who holds one for longer
 * than a call has a version that stays as it is, for then a change is made in a copy (change.h). Every name
 * between a record's owner and the apex has a node (an empty non-terminal when it owns nothing), so the
 * closest encloser of a missing name is found from the apex down. Look-ups go by hash of the lower-cased wire
 * name. Records lie in the form in which they are sent. */
#ifndef WIRELAB_DNSD_ZONE_H
#define WIRELAB_DNSD_ZONE_H

#include "endpoint.h"
#include "keys.h"
#include "wire/dns.h"

/* A place in a zone's block, in units of ZONE_GRAIN bytes; 0: none. */
typedef uint32_t zone_ref;
#define ZONE_GRAIN 4

#define CACHE_LINE_BYTES 64 /* what a fetch ahead brings */

enum zone_node_flag {
    ZONE_NODE_CUT = 1 << 0,      /* owns NS and is not the apex: a delegation */
    ZONE_NODE_BELOW = 1 << 1,    /* below a cut or a DNAME: glue, or not to be seen at all */
    ZONE_NODE_WILDCARD = 1 << 2, /* has a child "*" */
    ZONE_NODE_DNAME = 1 << 3,    /* owns DNAME: what is below it is hidden, as below a cut (RFC 6672 2.4) */
};

/* A name of the zone. Its wire form follows, in the case in which it was first written. */
struct zone_node {
    zone_ref parent;         /* 0: the apex */
    zone_ref next, previous; /* the nodes that were made after and before it */
    zone_ref sets;           /* its first set; 0: an empty non-terminal */
    uint32_t children;       /* nodes whose parent it is */
    uint8_t flags, labels, name_len;
    uint8_t name[];
};

/* Records of one owner and type; those of a set that did not come in one piece hang behind `more`. */
struct zone_set {
    zone_ref next; /* the owner's next set (in the first piece only) */
    zone_ref more; /* the set's next piece */
    uint16_t type, count;
    uint16_t bytes, room_grains; /* of its records; what it may grow to */
    uint8_t records[]; /* type, class, TTL, length, data: what stands behind the owner's name in a message */
};

struct zone_slot {
    uint32_t tag; /* the lower half of the name's hash */
    zone_ref node;
};

/* References to the nodes that own one of these types: zone_order.h. */
enum zone_order_kind { ZONE_ORDER_NSEC, ZONE_ORDER_NSEC3, ZONE_ORDERS };
struct zone_order {
    zone_ref *at;
    size_t count, room;
    unsigned changes; /* since it was settled */
    bool stale;       /* to be sorted anew */
};

/* What tells a version from others of the same zone. */
struct zone_mark {
    uint32_t serial;
    uint64_t digest; /* of all its records, in whatever order; 0: there is no such version */
};

struct zone {
    uint8_t *block;
    size_t block_used, block_room;
    zone_ref
        *holes; /* by size in grains: pieces that were given back, each leads to the next; NULL: none yet */
    struct zone_slot *slots;
    uint32_t slot_mask;
    uint64_t seed;
    zone_ref apex, last_node;
    zone_ref soa;          /* the apex's SOA ... */
    zone_ref negative_soa; /* ... and the same with the TTL of negative answers (RFC 2308 5) */
    uint32_t serial;
    uint64_t digest;       /* of the records there are now, as in zone_mark; the same in each process */
    struct zone_mark file; /* the version that its master file had; none, where it came from elsewhere */
    int64_t confirmed_ms;  /* unix time; when a primary last said that it is the latest; 0: none did */
    size_t node_count, record_count;
    size_t nsec3_count; /* records of all chains */
    unsigned holders;
    bool cuts_stale; /* flags of nodes below a delegation that came or went are to be made anew */
    bool is_signed;  /* its apex has DNSKEY and RRSIG */
    bool hashed;     /* there are names that own NSEC3, of whatever chain */
    struct zone_order order[ZONE_ORDERS];
    struct dns_name name; /* as it was given; the last one: only dns_name_room() of it are there */
};

/* Of the structure, for a zone of this name. */
static inline size_t zone_bytes(const struct dns_name *name)
{
    size_t align = _Alignof(struct zone);
    return (offsetof(struct zone, name) + dns_name_room(name) + align - 1) / align * align;
}

static inline const struct zone_node *zone_node_at(const struct zone *z, zone_ref ref)
{
    return ref ? (const struct zone_node *)(const void *)(z->block + (size_t)ref * ZONE_GRAIN) : NULL;
}

static inline const struct zone_set *zone_set_at(const struct zone *z, zone_ref ref)
{
    return ref ? (const struct zone_set *)(const void *)(z->block + (size_t)ref * ZONE_GRAIN) : NULL;
}

static inline struct zone_mark zone_mark_of(const struct zone *z)
{
    return (struct zone_mark){ .serial = z->serial, .digest = z->digest };
}

static inline bool zone_is_marked(const struct zone *z, const struct zone_mark *m)
{
    return m->digest && z->serial == m->serial && z->digest == m->digest;
}

static inline struct span zone_node_name(const struct zone_node *n)
{
    return span_of(n->name, n->name_len);
}

/* The next record of a set's piece: all of it, and its data. Empty at the end. */
struct span zone_next_record(struct reader *r, struct span *rdata);
static inline struct reader zone_records(const struct zone_set *s)
{
    return reader_over(span_of(s->records, s->bytes));
}

/* ---- building --------------------------------------------------------------------------- */

struct zone_builder;

enum zone_fault {
    ZONE_FINE,
    ZONE_REPEATED,  /* the same record was there already: left out (RFC 2181 5; dnssec_same_rdata) */
    ZONE_OTHER_TTL, /* taken, with the TTL of the set's first record (RFC 2181 5.2) */
    /* Refused: */
    ZONE_OUTSIDE,          /* not at or below the apex */
    ZONE_SOA_BELOW,        /* SOA elsewhere than at the apex */
    ZONE_SECOND_SOA,       /* two different ones */
    ZONE_SECOND_CNAME,     /* RFC 2181 10.1 */
    ZONE_SECOND_DNAME,     /* RFC 6672 2.4 */
    ZONE_CNAME_AND_OTHERS, /* RFC 1034 3.6.2 */
    ZONE_META_TYPE,        /* a type that only questions have */
    ZONE_SET_TOO_BIG,      /* a set that no message could carry */
    ZONE_NO_SOA,
    ZONE_NO_NS,
    ZONE_TOO_BIG, /* past 16 GiB, or out of memory */
};

/* In words; for the file's reader. */
const char *zone_fault_text(enum zone_fault f);
static inline bool zone_refused(enum zone_fault f)
{
    return f > ZONE_OTHER_TTL;
}

/* An empty zone. `seed` keys its hashes; `expected` is a guess at the number of names. NULL: no memory. */
struct zone_builder *zone_builder_open(const struct dns_name *apex, uint64_t seed, size_t expected);
const struct dns_name *zone_builder_apex(const struct zone_builder *b);
/* Adds a record of class IN; rdata in wire form, names uncompressed, and already checked against its type. */
enum zone_fault zone_builder_add(struct zone_builder *b, const struct dns_name *owner, uint16_t type,
                                 uint32_t ttl, struct span rdata);
/* The zone, held once; NULL, and *why tells. The builder is gone in either case. */
struct zone *zone_builder_finish(struct zone_builder *b, enum zone_fault *why);
/* Throws it away. */
void zone_builder_drop(struct zone_builder *b);

struct zone *zone_hold(struct zone *z);
/* The last release frees. Harmless with NULL. */
void zone_release(struct zone *z);

/* ---- changing ---------------------------------------------------------------------------
 * Only by the one holder of a finished zone, who settles it before anybody looks anything up. */

/* The same in a block of its own, held once; NULL: no memory. */
struct zone *zone_copy(const struct zone *z);
/* Makes room, so that as many bytes and names can come without a failure. */
bool zone_reserve(struct zone *z, size_t bytes, size_t names);
/* What zone_reserve() needs for a record, with the nodes above it. */
size_t zone_record_room(const struct dns_name *owner, size_t rdata_bytes);
/* As zone_builder_add(). */
enum zone_fault zone_add(struct zone *z, const struct dns_name *owner, uint16_t type, uint32_t ttl,
                         struct span rdata);
/* Takes a record away, in whatever case its names are held, and the names that own nothing then. False: there
 * is none; else *ttl is what it had. */
bool zone_remove(struct zone *z, const struct dns_name *owner, uint16_t type, struct span rdata,
                 uint32_t *ttl);
/* SOA and delegations as they are now. A refusal: the zone cannot be served so. */
enum zone_fault zone_settle(struct zone *z);

/* ---- looking up ------------------------------------------------------------------------- */

enum zone_found {
    ZONE_HERE,        /* the node is the name's own */
    ZONE_CUT,         /* the name is a delegation's: its node */
    ZONE_BELOW_CUT,   /* the name is below a delegation: the delegation's node */
    ZONE_BELOW_DNAME, /* the name is below an owner of DNAME: its node */
    ZONE_WILDCARD,    /* no such name; the node is the wildcard that answers for it (RFC 4592 3.3.1) */
    ZONE_ABSENT,      /* no such name: NULL */
};

/* `name` in lower case, at or below the zone's apex. */
enum zone_found zone_find(const struct zone *z, const struct dns_name *name, const struct zone_node **out);
/* The same with the name's zone_tag(), made before: where its place in the table begins. */
enum zone_found zone_find_tagged(const struct zone *z, const struct dns_name *name, uint32_t tag,
                                 const struct zone_node **out);
uint32_t zone_tag(const struct zone *z, const struct dns_name *name);
/* The node of exactly this name (in lower case), wherever it stands; or NULL. For glue. */
const struct zone_node *zone_find_name(const struct zone *z, const struct dns_name *name);
/* The owner's set of this type, or NULL. */
const struct zone_set *zone_find_set(const struct zone *z, const struct zone_node *n, uint16_t type);

/* ---- all zones -------------------------------------------------------------------------- */

struct dnsd_zone;
struct follower;

/* One row a zone that is served, or would be. */
struct zones_row {
    const struct dns_name *name;      /* in lower case; lives as long as the row */
    const struct dnsd_zone *settings; /* not looked at here */
    struct zone *zone;                /* held by the directory; NULL: it could not be loaded */
    uint64_t id;                      /* of its name, never 0; zones_open() makes it */
    /* Who may have all of it; lives as long as the directory; NULL: nobody. */
    const struct dnsd_permits *transfer;
    bool transfer_tls_only;
    bool is_catalog;           /* answered to those alone who may transfer it (RFC 9432 7) */
    struct follower *follower; /* keeps it up to date; not looked at here */
    int64_t since_ms;          /* unix time; since when this version is in service */
    bool expired;              /* a copy that no primary has confirmed for too long */
};

#define VIEW_NAME_BYTES_MAX 63 /* it is part of file names */

struct zones_slot {
    uint32_t tag; /* the lower half of the name's hash */
    uint32_t row; /* 1-based; 0: empty */
};

/* Of one view. */
struct zones {
    uint64_t seed;
    size_t count, room;
    struct zones_row *rows;
    struct zones_slot *slots; /* half of them are empty */
    uint32_t slot_mask;
    uint8_t most_labels;
    bool has_catalog;
};

/* Copies the rows; each zone in them is now held by the directory. False: no memory, nothing taken. */
bool zones_open(struct zones *d, const struct zones_row *rows, size_t count, uint64_t seed);
void zones_close(struct zones *d);
/* One more, of a name that is not there; the rows may move. False: no memory, nothing taken. */
bool zones_add(struct zones *d, const struct zones_row *row);
/* Takes the row away and releases its zone; another row takes its place. */
void zones_remove(struct zones *d, const struct zones_row *row);
/* The row of the zone nearest above `name` (in lower case), or of that name; NULL: none is ours. */
const struct zones_row *zones_find(const struct zones *d, const struct dns_name *name);
/* The same, but not of that name itself: where DS lives (RFC 4035 3.1.4.1). */
const struct zones_row *zones_find_above(const struct zones *d, const struct dns_name *name);
/* The row of exactly this name, or NULL: also in a directory that was never opened. */
const struct zones_row *zones_find_apex(const struct zones *d, const struct dns_name *name);
/* The same, to be changed: for who puts versions into service, while no worker reads. */
struct zones_row *zones_row_of(struct zones *d, const struct dns_name *name);

#endif
