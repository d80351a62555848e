#include "respond.h"

#include "encode.h"
#include "identity.h"

#define QUESTION_BYTES_MAX (DNS_HEADER_BYTES + DNS_NAME_BYTES_MAX + 4 + DNS_OPT_BYTES)

static enum respond_outcome error(struct response *r, enum dns_rcode rcode, const char *why,
                                  struct writer *out)
{
    r->rcode = rcode;
    r->why = why;
    encode_error(r->query, rcode, out);
    return RESPOND_REPLY;
}

static void blame(struct response *r, enum edns_fault code, const char *text)
{
    r->fault = (struct edns_fault_text){ (uint16_t)code, text };
}

static bool may_transfer(const struct zones_row *row, const struct address *peer, const struct response *r)
{
    if (row->transfer_tls_only && !r->over_tls)
        return false;
    struct dnsd_who who = { peer, r->local, r->key };
    return row->transfer && dnsd_permitted(row->transfer, &who);
}

static size_t limit_of(const struct response *r, bool over_tcp)
{
    size_t limit = encode_limit(r->query, over_tcp), reserved = r->reserved_bytes;
    if (r->asked.any)
        reserved += edns_options_bytes(&r->asked, r->edns);
    return limit > reserved + QUESTION_BYTES_MAX ? limit - reserved : QUESTION_BYTES_MAX;
}

size_t respond_limit(const struct response *r, bool over_tcp)
{
    return limit_of(r, over_tcp);
}

/* Most have none to write: that is decided without a call. */
static bool has_options(const struct response *r)
{
    return r->query->edns.present && (r->asked.any || r->fault.code != EDNS_FAULT_NONE);
}

void respond_options(const struct response *r, bool over_tcp, struct writer *out)
{
    if (has_options(r))
        edns_options_write(&r->asked, r->edns, r->fault, encode_limit(r->query, over_tcp), r->reserved_bytes,
                           out);
}

/* Why there is no answer for a zone that is ours. */
static void blame_zone(struct response *r, const struct zones_row *row)
{
    if (row->expired)
        blame(r, EDNS_FAULT_INVALID_DATA, "the copy of the zone has expired");
    else
        blame(r, EDNS_FAULT_NOT_READY, "the zone is not loaded");
}

/* AXFR and IXFR (RFC 5936 2.2.1 and 4.2, RFC 1995 2). Without a journal an IXFR gets the whole zone, by UDP
 * the SOA that tells the asker to come by TCP. */
static enum respond_outcome transfer(const struct zones *zones, const struct address *peer, bool over_tcp,
                                     struct writer *out, struct response *r)
{
    const struct dns_query *q = r->query;
    const struct zones_row *row =
        q->question.class == DNS_CLASS_IN ? zones_find_apex(zones, &q->lower) : NULL;
    r->plan.zone_id = row ? row->id : 0;
    if (q->question.type == DNS_TYPE_AXFR && !over_tcp)
        return error(r, DNS_FORMERR, "AXFR over UDP", out);
    if (!row)
        return error(r, DNS_NOTAUTH, NULL, out);
    if (!may_transfer(row, peer, r)) {
        blame(r, EDNS_FAULT_PROHIBITED, "transfers are not for you");
        return error(r, DNS_REFUSED, NULL, out);
    }
    if (!row->zone) {
        blame_zone(r, row);
        return error(r, DNS_SERVFAIL, NULL, out);
    }
    if (q->question.type == DNS_TYPE_IXFR && !q->has_serial)
        return error(r, DNS_FORMERR, "IXFR without the asker's SOA", out);
    if (!over_tcp) {
        struct answer_question question = { .name = &q->lower, .type = DNS_TYPE_SOA, .class = DNS_CLASS_IN };
        answer_question(zones, &question, &r->plan);
        encode_plan(q, &r->plan, limit_of(r, false), out);
        return RESPOND_REPLY;
    }
    r->zone = row->zone;
    r->soa_alone = q->question.type == DNS_TYPE_IXFR && !dns_serial_newer(row->zone->serial, q->serial);
    return RESPOND_TRANSFER;
}

/* Not of a NOTIFY: it does no more than to have a primary asked, and few who send one have a cookie. */
static bool wants_cookies(const struct response *r, bool over_tcp)
{
    return dns_opcode(r->query->header.flags) != DNS_OPCODE_NOTIFY && r->edns &&
           (r->edns->require_cookies || r->crowded) && !over_tcp && !r->key;
}

/* The options of the query. True: they are an answer by themselves, and it is written. */
static bool take_options(struct response *r, const struct address *peer, bool over_tcp, struct writer *out)
{
    const struct dns_query *q = r->query;
    struct edns_asker from = { .peer = peer,
                               .transport = edns_transport_of(over_tcp, r->over_tls),
                               .unix_s = (uint32_t)(r->unix_ms / 1000) };
    const char *wrong = edns_options_read(q->edns.options, r->edns, &from, &r->asked);
    if (wrong) {
        error(r, DNS_FORMERR, wrong, out);
        return true;
    }
    if (wants_cookies(r, over_tcp) && r->asked.cookie && r->asked.state == COOKIE_NONE) { /* RFC 7873 5.2.3 */
        error(r, DNS_BADCOOKIE, NULL, out);
        return true;
    }
    bool asks_nothing = q->header.questions == 0 && dns_opcode(q->header.flags) == DNS_OPCODE_QUERY;
    if (asks_nothing && r->asked.cookie) { /* RFC 7873 5.4 */
        error(r, DNS_NOERROR, NULL, out);
        return true;
    }
    return false;
}

/* Who has no cookie may come by TCP, and so shows that the address is its own (RFC 7873 5.2.1). */
static bool must_come_by_tcp(const struct response *r, bool over_tcp)
{
    return wants_cookies(r, over_tcp) && !r->asked.cookie;
}

static enum respond_outcome truncate(struct response *r, struct writer *out)
{
    encode_truncated(r->query, out);
    r->rcode = encode_truncated_code(r->query);
    return RESPOND_REPLY;
}

static enum respond_outcome refuse_class(struct response *r, struct writer *out)
{
    if (r->query->question.class == DNS_CLASS_CH && r->edns &&
        identity_answer(r->query, &r->query->lower, r->edns, out))
        return RESPOND_REPLY;
    blame(r, EDNS_FAULT_NOT_AUTHORITATIVE, NULL);
    return error(r, DNS_REFUSED, NULL, out);
}

/* A zone that answers, and fails, has aliases that lead nowhere. */
static void blame_refusal(const struct zones *zones, struct response *r)
{
    const struct zones_row *row = zones_find(zones, &r->query->lower);
    if (r->rcode == DNS_REFUSED)
        blame(r, EDNS_FAULT_NOT_AUTHORITATIVE, NULL);
    else if (r->plan.authoritative)
        blame(r, EDNS_FAULT_OTHER, "the chain of aliases loops or is too long");
    else if (row)
        blame_zone(r, row);
}

/* The name is in a catalog that is not for this client. */
static bool is_hidden(const struct zones *zones, const struct address *peer, const struct response *r)
{
    const struct zones_row *row = zones_find(zones, &r->query->lower);
    return row && row->is_catalog && !may_transfer(row, peer, r);
}

static enum respond_outcome answer(const struct zones *zones, const struct address *peer, bool over_tcp,
                                   struct writer *out, struct response *r)
{
    const struct dns_query *q = r->query;
    if (dns_type_is_transfer(q->question.type))
        return transfer(zones, peer, over_tcp, out, r);
    if (q->question.class != DNS_CLASS_IN)
        return refuse_class(r, out);
    if (zones->has_catalog && is_hidden(zones, peer, r)) {
        blame(r, EDNS_FAULT_PROHIBITED, "catalogs are for those who may transfer them");
        return error(r, DNS_REFUSED, NULL, out);
    }
    struct answer_question question = { .name = &q->lower,
                                        .type = q->question.type,
                                        .class = q->question.class,
                                        .tagged_for = q->tagged_for,
                                        .tag = q->tag,
                                        .dnssec = q->edns.present && q->edns.dnssec_ok,
                                        .over_tcp = over_tcp };
    answer_question(zones, &question, &r->plan);
    r->plan.turn = r->rotates ? ++r->turn : 0;
    r->rcode = r->plan.rcode;
    if (r->rcode == DNS_SERVFAIL || r->rcode == DNS_REFUSED)
        blame_refusal(zones, r);
    encode_plan(q, &r->plan, limit_of(r, over_tcp), out);
    return r->plan.rcode == DNS_REFUSED || r->plan.away.at ? RESPOND_ELSEWHERE : RESPOND_REPLY;
}

static void take(struct response *r, const struct dns_query *q)
{
    r->query = q;
    r->rcode = q->rcode;
    r->why = q->why;
    r->asked.any = r->asked.cookie = false;
    r->fault.code = EDNS_FAULT_NONE;
    r->plan.count = 0;
    r->plan.zone_id = 0;
}

void respond_refused(const struct dns_query *q, enum dns_rcode rcode, struct response *r)
{
    take(r, q);
    r->rcode = rcode;
    r->why = NULL;
}

enum respond_outcome respond_cut(const struct dns_query *q, struct writer *out, struct response *r)
{
    respond_refused(q, encode_truncated_code(q), r);
    r->key = NULL;
    r->why = "longer than what is taken by UDP";
    if (q->state == DNS_QUERY_DROP)
        return RESPOND_SILENCE;
    return truncate(r, out);
}

static bool brings_options(const struct response *r)
{
    const struct dns_query *q = r->query;
    return q->edns.present && q->edns.options.len && r->edns && q->rcode != DNS_BADVERS;
}

bool respond_begin(const struct dns_query *q, const struct address *peer, bool over_tcp, struct writer *out,
                   struct response *r)
{
    take(r, q);
    bool over = brings_options(r) && take_options(r, peer, over_tcp, out);
    if (!over && must_come_by_tcp(r, over_tcp)) {
        truncate(r, out);
        over = true;
    }
    if (over)
        respond_options(r, over_tcp, out);
    return over;
}

enum respond_outcome respond(const struct zones *zones, const struct dns_query *q, const struct address *peer,
                             bool over_tcp, struct writer *out, struct response *r)
{
    enum respond_outcome outcome;
    take(r, q);
    if (q->state == DNS_QUERY_DROP)
        return RESPOND_SILENCE;
    if (brings_options(r) && take_options(r, peer, over_tcp, out))
        outcome = RESPOND_REPLY;
    else if (q->state == DNS_QUERY_ERROR)
        outcome = error(r, q->rcode, q->why, out);
    else if (must_come_by_tcp(r, over_tcp))
        outcome = truncate(r, out);
    else
        outcome = answer(zones, peer, over_tcp, out, r);
    if (outcome == RESPOND_REPLY && has_options(r))
        respond_options(r, over_tcp, out);
    return outcome;
}
