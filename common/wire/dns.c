#include "dns.h"

#define EDNS_VERSION   0
#define EDNS_DNSSEC_OK 0x8000
#define WRONG_VERSION  "a version of EDNS above 0"

/* ---- reading ---------------------------------------------------------------------------- */

bool read_dns_question(struct reader *r, struct span message, struct dns_question *out)
{
    read_dns_name(r, message, &out->name);
    out->type = read_u16(r);
    out->class = read_u16(r);
    return reader_ok(r);
}

bool read_dns_record(struct reader *r, struct span message, struct dns_record *out)
{
    read_dns_name(r, message, &out->owner);
    out->type = read_u16(r);
    out->class = read_u16(r);
    out->ttl = read_u32(r);
    out->rdata = read_window(r, read_u16(r));
    return reader_ok(r);
}

bool dns_edns_read(const struct dns_record *opt, struct dns_edns *out)
{
    struct reader options = opt->rdata;
    *out = (struct dns_edns){ .present = true,
                              .udp_bytes = opt->class,
                              .extended_rcode = (uint8_t)(opt->ttl >> 24),
                              .version = (uint8_t)(opt->ttl >> 16),
                              .dnssec_ok = (opt->ttl & EDNS_DNSSEC_OK) != 0 };
    out->options = read_rest(&options);
    options = opt->rdata;
    while (reader_left(&options)) { /* ends: each option takes at least its code and length */
        read_skip(&options, 2);
        read_skip(&options, read_u16(&options));
    }
    return reader_ok(&options) && opt->owner.labels == 0;
}

static enum dns_query_state refuse(struct dns_query *q, enum dns_rcode rcode, const char *why)
{
    q->rcode = rcode;
    q->why = why;
    return DNS_QUERY_ERROR;
}

static enum dns_query_state drop(struct dns_query *q, const char *why)
{
    q->why = why;
    return DNS_QUERY_DROP;
}

/* RFC 1995 3: the asker's own SOA stands in the authority section. Its serial is behind two names. */
static void take_serial(struct dns_query *q, const struct dns_record *soa, struct span message)
{
    struct reader r = soa->rdata;
    struct dns_name skipped;
    read_dns_name(&r, message, &skipped);
    read_dns_name(&r, message, &skipped);
    q->serial = read_u32(&r);
    q->has_serial = reader_ok(&r);
}

/* What is wrong with the records behind the question; NULL when nothing is. */
static const char *read_sections(struct reader *r, struct span message, struct dns_query *q)
{
    const struct dns_header *h = &q->header;
    uint32_t before = (uint32_t)h->answers + h->authorities;
    uint32_t all = before + h->additionals;
    for (uint32_t i = 0; i < all;
         i++) { /* ends: by the counts, and each record takes eleven bytes of the message */
        struct dns_record record;
        if (!read_dns_record(r, message, &record))
            return "a record is cut short or its name is malformed";
        if (record.type == DNS_TYPE_SOA && i >= h->answers && i < before && !q->has_serial)
            take_serial(q, &record, message);
        if (record.type != DNS_TYPE_OPT)
            continue;
        if (i < before)
            return "OPT stands outside of the additional section";
        if (q->edns.present)
            return "there is more than one OPT"; /* RFC 6891 6.1.1 */
        if (!dns_edns_read(&record, &q->edns)) {
            q->edns.present = false;
            return "OPT is malformed";
        }
    }
    return NULL;
}

/* RFC 6895 3.1: 128 to 255 are no data; OPT has its number among those that are. */
static bool is_meta_type(uint16_t type)
{
    return type == DNS_TYPE_OPT || (type >= 128 && type <= 255);
}

/* What is refused for what stands before the records has its OPT answered all the same: RFC 6891 6.1.1. */
static enum dns_query_state refuse_with_edns(struct dns_query *q, enum dns_rcode rcode, const char *why)
{
    struct reader r = reader_over(q->message);
    struct dns_question skipped;
    read_skip(&r, DNS_HEADER_BYTES);
    for (uint16_t i = 0; i < q->header.questions && read_dns_question(&r, q->message, &skipped); i++)
        ; /* ends: by the count, and at the message's end */
    if (reader_ok(&r))
        read_sections(&r, q->message, q);
    if (q->edns.present && q->edns.version != EDNS_VERSION)
        return refuse(q, DNS_BADVERS, WRONG_VERSION);
    return refuse(q, rcode, why);
}

/* What NOTIFY and UPDATE name as a question is their zone; the rest is for those who take them. */
static enum dns_query_state refuse_opcode(struct dns_query *q, enum dns_opcode opcode, struct reader *r)
{
    bool names_zone = opcode == DNS_OPCODE_NOTIFY || opcode == DNS_OPCODE_UPDATE;
    if (names_zone && q->header.questions == 1 && read_dns_question(r, q->message, &q->question)) {
        q->asked = true;
        dns_name_lower(&q->lower, &q->question.name);
    }
    return refuse_with_edns(q, DNS_NOTIMP, "an opcode other than QUERY");
}

static enum dns_query_state read_query(struct dns_query *q)
{
    struct span message = q->message;
    struct reader r = reader_over(message);
    if (!read_dns_header(&r, &q->header)) {
        q->header = (struct dns_header){ 0 };
        return drop(q, "shorter than a header");
    }
    if (q->header.flags & DNS_QR)
        return drop(q, "a response");
    if (dns_opcode(q->header.flags) != DNS_OPCODE_QUERY)
        return refuse_opcode(q, dns_opcode(q->header.flags), &r);
    if (q->header.questions != 1) /* RFC 9619 */
        return refuse_with_edns(q, DNS_FORMERR, "not exactly one question");
    if (!read_dns_question(&r, message, &q->question))
        return refuse(q, DNS_FORMERR, "the question is cut short or its name is malformed");
    q->asked = true;
    dns_name_lower(&q->lower, &q->question.name);
    const char *wrong = dns_query_has_records(q) ? read_sections(&r, message, q) : NULL;
    if (wrong)
        return refuse(q, DNS_FORMERR, wrong);
    if (q->edns.present && q->edns.version != EDNS_VERSION)
        return refuse(q, DNS_BADVERS, WRONG_VERSION);
    uint16_t type = q->question.type;
    if (is_meta_type(type) && type != DNS_TYPE_ANY && !dns_type_is_transfer(type))
        return refuse(q, type == DNS_TYPE_OPT ? DNS_FORMERR : DNS_NOTIMP, "a type that cannot be asked for");
    return DNS_QUERY_GOOD;
}

enum dns_query_state dns_query_read(struct span message, struct dns_query *q)
{
    q->message = message;
    q->rcode = DNS_NOERROR;
    q->asked = q->has_serial = false;
    q->why = NULL;
    q->edns.present = false;
    q->tagged_for = NULL;
    q->state = read_query(q);
    return q->state;
}

/* ---- writing ---------------------------------------------------------------------------- */

void write_dns_question(struct writer *w, const struct dns_question *q)
{
    write_span(w, dns_name_span(&q->name));
    write_u32(w, (uint32_t)q->type << 16 | q->class);
}

void write_dns_opt(struct writer *w, const struct dns_edns *e, enum dns_rcode rcode)
{
    write_u8(w, 0); /* the root */
    write_u16(w, DNS_TYPE_OPT);
    write_u16(w, e->udp_bytes);
    write_u8(w, (uint8_t)(rcode >> 4));
    write_u8(w, EDNS_VERSION);
    write_u16(w, e->dnssec_ok ? EDNS_DNSSEC_OK : 0);
    struct mark options = write_length16(w);
    write_span(w, e->options);
    close_length16(w, options);
}

const char *dns_rcode_name(enum dns_rcode code)
{
    switch (code) {
    case DNS_NOERROR:
        return "NOERROR";
    case DNS_FORMERR:
        return "FORMERR";
    case DNS_SERVFAIL:
        return "SERVFAIL";
    case DNS_NXDOMAIN:
        return "NXDOMAIN";
    case DNS_NOTIMP:
        return "NOTIMP";
    case DNS_REFUSED:
        return "REFUSED";
    case DNS_YXDOMAIN:
        return "YXDOMAIN";
    case DNS_YXRRSET:
        return "YXRRSET";
    case DNS_NXRRSET:
        return "NXRRSET";
    case DNS_NOTAUTH:
        return "NOTAUTH";
    case DNS_NOTZONE:
        return "NOTZONE";
    case DNS_BADVERS:
        return "BADVERS";
    case DNS_BADCOOKIE:
        return "BADCOOKIE";
    }
    return NULL;
}
