#include "respond.h"

#include "encode.h"

#define QUESTION_BYTES_MAX (DNS_HEADER_BYTES + DNS_NAME_BYTES_MAX + 4 + DNS_OPT_BYTES)

static enum respond_outcome error(struct response *r, enum dns_rcode rcode, const char *why,
                                  struct writer *out)
{
    r->rcode = rcode;
    r->why = why;
    encode_error(&r->query, rcode, out);
    return RESPOND_REPLY;
}

static bool may_transfer(const struct zones_row *row, const struct address *peer, const struct tsig_key *key)
{
    for (size_t i = 0; i < row->transfer_to_count; i++)
        if (prefix_contains(&row->transfer_to[i], *peer))
            return true;
    return key_listed(&row->transfer_keys, key);
}

/* How long the reply may be, without its signature; the question always fits. */
static size_t limit_of(const struct response *r, bool over_tcp)
{
    size_t limit = encode_limit(&r->query, over_tcp);
    return limit > r->reserved_bytes + QUESTION_BYTES_MAX ? limit - r->reserved_bytes : QUESTION_BYTES_MAX;
}

/* AXFR and IXFR (RFC 5936 2.2.1 and 4.2, RFC 1995 2). Without a journal an IXFR gets the whole zone, by UDP
 * the SOA that tells the asker to come by TCP. */
static enum respond_outcome transfer(const struct zones *zones, const struct address *peer, bool over_tcp,
                                     struct writer *out, struct response *r)
{
    const struct dns_query *q = &r->query;
    const struct zones_row *row =
        q->question.class == DNS_CLASS_IN ? zones_find_apex(zones, &r->lower) : NULL;
    if (q->question.type == DNS_TYPE_AXFR && !over_tcp)
        return error(r, DNS_FORMERR, "AXFR over UDP", out);
    if (!row)
        return error(r, DNS_NOTAUTH, NULL, out);
    if (!may_transfer(row, peer, r->key))
        return error(r, DNS_REFUSED, NULL, out);
    if (!row->zone)
        return error(r, DNS_SERVFAIL, NULL, out);
    if (q->question.type == DNS_TYPE_IXFR && !q->has_serial)
        return error(r, DNS_FORMERR, "IXFR without the asker's SOA", out);
    if (!over_tcp) {
        struct answer_question question = { .name = &r->lower, .type = DNS_TYPE_SOA, .class = DNS_CLASS_IN };
        answer_question(zones, &question, &r->plan);
        encode_plan(q, &r->plan, limit_of(r, false), out);
        return RESPOND_REPLY;
    }
    r->zone = row->zone;
    r->soa_alone = q->question.type == DNS_TYPE_IXFR && !dns_serial_newer(row->zone->serial, q->serial);
    return RESPOND_TRANSFER;
}

enum respond_outcome respond(const struct zones *zones, struct span message, const struct address *peer,
                             bool over_tcp, struct writer *out, struct response *r)
{
    struct dns_query *q = &r->query;
    enum dns_query_state state = dns_query_read(message, q);
    r->rcode = q->rcode;
    r->why = q->why;
    if (state == DNS_QUERY_DROP)
        return RESPOND_SILENCE;
    if (state == DNS_QUERY_ERROR)
        return error(r, q->rcode, q->why, out);
    dns_name_lower(&r->lower, &q->question.name);
    if (q->question.type == DNS_TYPE_AXFR || q->question.type == DNS_TYPE_IXFR)
        return transfer(zones, peer, over_tcp, out, r);
    struct answer_question question = {
        .name = &r->lower, .type = q->question.type, .class = q->question.class, .all_of_any = over_tcp
    };
    answer_question(zones, &question, &r->plan);
    r->rcode = r->plan.rcode;
    encode_plan(q, &r->plan, limit_of(r, over_tcp), out);
    bool elsewhere = r->plan.rcode == DNS_REFUSED || r->plan.away.at;
    return elsewhere && q->question.class == DNS_CLASS_IN ? RESPOND_ELSEWHERE : RESPOND_REPLY;
}
