/* DNS messages: header, question, records, EDNS(0) (RFC 1035 4.1, RFC 6891), both ways, and what a server
 * makes of a query before it looks at its zones. */
#ifndef WIRELAB_DNS_H
#define WIRELAB_DNS_H

#include "dns_name.h"

#define DNS_HEADER_BYTES      12
#define DNS_MESSAGE_BYTES_MAX 65535
#define DNS_UDP_BYTES_PLAIN   512         /* without EDNS: RFC 1035 4.2.1 */
#define DNS_OPT_BYTES         11          /* an OPT record without options */
#define DNS_TTL_MAX           0x7FFFFFFFU /* RFC 2181 8 */

enum dns_flag {
    DNS_QR = 0x8000, /* a response */
    DNS_AA = 0x0400, /* authoritative */
    DNS_TC = 0x0200, /* truncated */
    DNS_RD = 0x0100, /* recursion desired */
    DNS_RA = 0x0080, /* recursion available */
    DNS_AD = 0x0020, /* authentic data */
    DNS_CD = 0x0010, /* checking disabled */
};

enum dns_opcode { DNS_OPCODE_QUERY = 0, DNS_OPCODE_STATUS = 2, DNS_OPCODE_NOTIFY = 4, DNS_OPCODE_UPDATE = 5 };

/* RFC 6895 2.3; those above 15 need EDNS. */
enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_YXDOMAIN = 6,
    DNS_YXRRSET = 7,
    DNS_NXRRSET = 8,
    DNS_NOTAUTH = 9,
    DNS_NOTZONE = 10,
    DNS_BADVERS = 16,
    DNS_BADCOOKIE = 23,
};

enum dns_class {
    DNS_CLASS_IN = 1,
    DNS_CLASS_CH = 3,
    DNS_CLASS_HS = 4,
    DNS_CLASS_NONE = 254,
    DNS_CLASS_ANY = 255
};

enum dns_type {
#define DNS_TYPE(name, code, ...) DNS_TYPE_##name = code,
#define DNS_META_TYPE(name, code) DNS_TYPE_##name = code,
#include "dns_types.def"
#undef DNS_TYPE
#undef DNS_META_TYPE
};

static inline bool dns_type_is_transfer(uint16_t type)
{
    return type == DNS_TYPE_AXFR || type == DNS_TYPE_IXFR;
}

struct dns_header {
    uint16_t id, flags; /* flags: enum dns_flag, the opcode and the rcode */
    uint16_t questions, answers, authorities, additionals;
};

struct dns_question {
    uint16_t type, class;
    struct dns_name name; /* in the asker's case */
};

struct dns_record {
    struct dns_name owner;
    uint16_t type, class;
    uint32_t ttl;
    struct reader rdata; /* a window of the message; names in it may be compressed */
};

struct dns_edns {
    bool present;
    uint8_t version;
    uint8_t extended_rcode; /* the upper eight bits of the twelve */
    bool dnssec_ok;
    uint16_t udp_bytes; /* as written; below 512 it counts as 512 */
    struct span options;
};

static inline enum dns_opcode dns_opcode(uint16_t flags)
{
    return (enum dns_opcode)(flags >> 11 & 0xF);
}

static inline enum dns_rcode dns_rcode(uint16_t flags)
{
    return (enum dns_rcode)(flags & 0xF);
}

/* True when serial `a` is newer than `b` (RFC 1982 3.2; neither where they are 2^31 apart). */
static inline bool dns_serial_newer(uint32_t a, uint32_t b)
{
    return a != b && a - b < 0x80000000U;
}

/* ---- reading: each is false, and `r` failed, when the message does not hold it ---------- */

static inline bool read_dns_header(struct reader *r, struct dns_header *out)
{
    uint64_t four = read_u64(r);
    uint32_t two = read_u32(r);
    *out = (struct dns_header){ .id = (uint16_t)(four >> 48),
                                .flags = (uint16_t)(four >> 32),
                                .questions = (uint16_t)(four >> 16),
                                .answers = (uint16_t)four,
                                .authorities = (uint16_t)(two >> 16),
                                .additionals = (uint16_t)two };
    return reader_ok(r);
}
bool read_dns_question(struct reader *r, struct span message, struct dns_question *out);
bool read_dns_record(struct reader *r, struct span message, struct dns_record *out);
/* From a record of type OPT; false when it is malformed (owner not the root, options that overrun). */
bool dns_edns_read(const struct dns_record *opt, struct dns_edns *out);

enum dns_query_state {
    DNS_QUERY_GOOD,  /* one question of opcode QUERY, one version of EDNS that is ours, or none */
    DNS_QUERY_ERROR, /* to be answered with `rcode` and nothing else; without any question, a cookie may be
                      * what is asked for (RFC 7873 5.4) */
    DNS_QUERY_DROP,  /* shorter than a header, or a response: not answered at all, else two servers could loop
                      */
};

/* A query as a server sees it. What each message needs stands first, close together. */
struct dns_query {
    struct span message;      /* all of it */
    struct dns_header header; /* zeros when the message is shorter */
    enum dns_query_state state;
    enum dns_rcode rcode; /* for DNS_QUERY_ERROR */
    bool asked;           /* the question could be read: it belongs into the reply */
    bool has_serial;      /* IXFR: the serial that the asker has (RFC 1995 3) */
    uint32_t serial;
    const char *why; /* what is wrong with it, in words; NULL when nothing is */
    struct dns_edns edns;
    const void *tagged_for; /* the owner's own: what `tag` was made for; NULL: none was made */
    uint32_t tag;
    struct dns_question question;
    struct dns_name lower; /* the question's name in lower case */
};

/* Beside its question. */
static inline bool dns_query_has_records(const struct dns_query *q)
{
    return q->header.answers || q->header.authorities || q->header.additionals;
}

/* Reads all records of the message, which must stay where it is: q->message and the options lie in it; bytes
 * behind the last one are nobody's business. Gives q->state. */
enum dns_query_state dns_query_read(struct span message, struct dns_query *q);

/* ---- writing ---------------------------------------------------------------------------- */

static inline void write_dns_header(struct writer *w, const struct dns_header *h)
{
    write_u64(w,
              (uint64_t)h->id << 48 | (uint64_t)h->flags << 32 | (uint64_t)h->questions << 16 | h->answers);
    write_u32(w, (uint32_t)h->authorities << 16 | h->additionals);
}
/* The name as it is, without compression: it stands first. */
void write_dns_question(struct writer *w, const struct dns_question *q);
/* rcode: all twelve bits; the lower four belong into the header, too. */
void write_dns_opt(struct writer *w, const struct dns_edns *e, enum dns_rcode rcode);

/* "NOERROR"; NULL for a code without a name. */
const char *dns_rcode_name(enum dns_rcode code);

#endif
