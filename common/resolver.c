#include "resolver.h"

#include "dns_exchange.h"

#include <stdlib.h>

#define UDP_BYTES  1232 /* RFC 9715 3.1 */
#define CNAMES_MAX 16   /* aliases followed in one message */

struct resolver {
    struct loop *loop;
    struct list questions;
    size_t question_count, server_count;
    struct endpoint servers[RESOLVER_SERVERS_MAX];
    bool plain[RESOLVER_SERVERS_MAX]; /* does not know EDNS */
};

struct resolver_question {
    struct resolver *resolver;
    struct list_node node;
    struct dns_question question; /* its name: the target, once aliases were followed */
    resolver_fn *fn;
    void *owner;
    struct dns_exchange *exchange;
    struct timer soon; /* brings what cannot be told from inside resolver_ask() */
    size_t tries, chain;
    const char *why; /* the last failure */
};

/* What a response says about the question. */
enum verdict { VERDICT_FINAL, VERDICT_ALIAS, VERDICT_WITHOUT_EDNS, VERDICT_NEXT };

static void end_question(struct resolver_question *q)
{
    loop_disarm(q->resolver->loop, &q->soon);
    if (q->exchange)
        dns_exchange_cancel(q->exchange);
    list_remove(&q->node);
    q->resolver->question_count--;
    free(q);
}

void resolver_cancel(struct resolver_question *q)
{
    end_question(q);
}

static void tell(struct resolver_question *q, const struct resolver_answer *a)
{
    resolver_fn *fn = q->fn;
    void *owner = q->owner;
    end_question(q);
    fn(owner, a);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static bool read_address(struct dns_record *record, uint8_t family, size_t bytes, struct resolver_record *out)
{
    out->address.family = family;
    read_bytes(&record->rdata, out->address.bytes, bytes);
    return reader_done(&record->rdata);
}

static bool read_data(struct dns_record *record, struct span message, struct resolver_record *out)
{
    *out = (struct resolver_record){ 0 };
    switch (record->type) {
    case DNS_TYPE_A:
        return read_address(record, FAMILY_IP4, 4, out);
    case DNS_TYPE_AAAA:
        return read_address(record, FAMILY_IP6, 16, out);
    case DNS_TYPE_MX:
        out->preference = read_u16(&record->rdata);
        /* fall through */
    case DNS_TYPE_PTR:
    case DNS_TYPE_NS:
        return read_dns_name(&record->rdata, message, &out->host) && reader_done(&record->rdata);
    default:
        return false;
    }
}

static bool is_of(const struct dns_record *record, const struct dns_name *name)
{
    return record->class == DNS_CLASS_IN &&
           dns_name_equal(dns_name_span(&record->owner), dns_name_span(name));
}

/* One step along the aliases of the answer section; false where the chain ends. */
static bool follow_alias(struct span message, struct dns_name *name)
{
    struct dns_records s;
    struct dns_record record;
    struct dns_name target;
    dns_records_open(&s, message);
    while (dns_records_next(&s, &record) == DNS_SECTION_ANSWER) { /* ends: see there */
        if (record.type != DNS_TYPE_CNAME || !is_of(&record, name))
            continue;
        if (!read_dns_name(&record.rdata, message, &target))
            return false;
        dns_name_copy(name, &target);
        return true;
    }
    return false;
}

/* The records of that name and type; false when the message is malformed. *soa: it says for sure that there
 * are none (RFC 2308 2.2). */
static bool read_records(struct span message, const struct dns_name *name, uint16_t type,
                         struct resolver_record *records, struct resolver_answer *a, bool *soa)
{
    struct dns_records s;
    struct dns_record record;
    enum dns_section section;
    a->ttl = DNS_TTL_MAX;
    *soa = false;
    if (!dns_records_open(&s, message))
        return false;
    while ((section = dns_records_next(&s, &record)) != DNS_SECTION_END) { /* ends: see there */
        *soa |= section == DNS_SECTION_AUTHORITY && record.type == DNS_TYPE_SOA;
        if (section != DNS_SECTION_ANSWER || record.type != type || !is_of(&record, name) ||
            a->count == RESOLVER_RECORDS_MAX)
            continue;
        if (!read_data(&record, message, &records[a->count]))
            return false;
        a->count++;
        a->ttl = record.ttl < a->ttl ? record.ttl : a->ttl;
    }
    return reader_ok(&s.reader);
}

/* NOERROR or NXDOMAIN: follows the aliases and reads what is at their end. */
static enum verdict read_answer(struct resolver_question *q, struct span message, enum dns_rcode rcode,
                                uint16_t flags, struct resolver_record *records, struct resolver_answer *a)
{
    struct dns_name name = q->question.name;
    int aliases = 0;
    bool soa;
    while (aliases < CNAMES_MAX && q->question.type != DNS_TYPE_CNAME && follow_alias(message, &name))
        aliases++;
    q->why = "the answer is malformed";
    if (!read_records(message, &name, q->question.type, records, a, &soa))
        return VERDICT_NEXT;
    if (a->count)
        a->status = RESOLVER_FOUND;
    else if (rcode == DNS_NXDOMAIN)
        a->status = RESOLVER_NO_NAME;
    else if (soa || (!aliases && (flags & (DNS_AA | DNS_RA))))
        a->status = RESOLVER_NO_DATA;
    else if (aliases && aliases < CNAMES_MAX && q->chain++ < RESOLVER_CHAIN_MAX) {
        q->question.name = name; /* the server knows the alias and not where it leads */
        return VERDICT_ALIAS;
    } else {
        q->why = aliases ? "the aliases do not end" : "the server does not look up names of others";
        return VERDICT_NEXT;
    }
    return VERDICT_FINAL;
}

/* RFC 6891 6.2.2: a server may not know it; and what does not come back may have been stopped for it. */
static bool with_edns(const struct resolver_question *q)
{
    const struct resolver *r = q->resolver;
    return !r->plain[q->tries % r->server_count] && q->tries < r->server_count;
}

static enum verdict judge(struct resolver_question *q, const struct dns_exchange_result *r,
                          struct resolver_record *records, struct resolver_answer *a)
{
    struct reader reader = reader_over(r->message);
    struct dns_header h;
    if (r->outcome == DNS_EXCHANGE_TIMEOUT)
        q->why = "no answer in time";
    else if (r->outcome == DNS_EXCHANGE_UNREACHABLE)
        q->why = "the server cannot be reached";
    if (r->outcome != DNS_EXCHANGE_RESPONSE || !read_dns_header(&reader, &h))
        return VERDICT_NEXT;
    enum dns_rcode rcode = dns_rcode(h.flags);
    if (rcode == DNS_NOERROR || rcode == DNS_NXDOMAIN)
        return read_answer(q, r->message, rcode, h.flags, records, a);
    if ((rcode == DNS_FORMERR || rcode == DNS_NOTIMP) && with_edns(q))
        return VERDICT_WITHOUT_EDNS;
    q->why = rcode == DNS_REFUSED ? "the server refused" : "the server failed";
    return VERDICT_NEXT;
}

/* ---- asking -------------------------------------------------------------------------------------- */

static void ask(struct resolver_question *q);

static void fail(struct resolver_question *q)
{
    struct resolver_answer a = { .status = RESOLVER_FAILED, .why = q->why };
    tell(q, &a);
}

static void exchanged(void *owner, const struct dns_exchange_result *r, struct now now)
{
    struct resolver_question *q = owner;
    struct resolver *all = q->resolver;
    struct resolver_record records[RESOLVER_RECORDS_MAX];
    struct resolver_answer a = { .records = records };
    size_t server = q->tries % all->server_count;
    (void)now;
    q->exchange = NULL;
    switch (judge(q, r, records, &a)) {
    case VERDICT_FINAL:
        tell(q, &a);
        return;
    case VERDICT_WITHOUT_EDNS:
        all->plain[server] = true;
        break;
    case VERDICT_NEXT:
        q->tries++;
        break;
    case VERDICT_ALIAS:
        break;
    }
    ask(q);
}

static void give_up(struct timer *t, struct now now)
{
    (void)now;
    fail((struct resolver_question *)(void *)((char *)t - offsetof(struct resolver_question, soon)));
}

static void give_up_soon(struct resolver_question *q)
{
    loop_arm(q->resolver->loop, &q->soon, loop_now(q->resolver->loop).mono_ms);
}

static void ask(struct resolver_question *q)
{
    struct resolver *r = q->resolver;
    size_t round = r->server_count ? q->tries / r->server_count : RESOLVER_ROUNDS;
    if (round >= RESOLVER_ROUNDS) {
        give_up_soon(q);
        return;
    }
    size_t server = q->tries % r->server_count;
    struct dns_exchange_options o = { .server = r->servers[server],
                                      .question = q->question,
                                      .flags = DNS_RD,
                                      .edns = { .present = with_edns(q), .udp_bytes = UDP_BYTES },
                                      .timeout_ms = (uint32_t)(RESOLVER_FIRST_MS * (round + 1)) };
    q->exchange = dns_exchange_start(r->loop, &o, exchanged, q);
    if (!q->exchange) {
        q->why = "out of memory";
        give_up_soon(q);
    }
}

struct resolver_question *resolver_ask(struct resolver *r, const struct dns_name *name, uint16_t type,
                                       resolver_fn *fn, void *owner)
{
    if (r->question_count >= RESOLVER_ASKED_MAX)
        return NULL;
    struct resolver_question *q = calloc(1, sizeof *q);
    if (!q)
        return NULL;
    *q = (struct resolver_question){ .resolver = r, .fn = fn, .owner = owner, .soon.fire = give_up };
    dns_name_copy(&q->question.name, name);
    q->question.type = type;
    q->question.class = DNS_CLASS_IN;
    q->why = "there is no server to ask";
    list_append(&r->questions, &q->node);
    r->question_count++;
    ask(q);
    return q;
}

struct resolver *resolver_open(struct loop *l, const struct endpoint *servers, size_t count)
{
    struct resolver *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->loop = l;
    list_open(&r->questions);
    r->server_count = count < RESOLVER_SERVERS_MAX ? count : RESOLVER_SERVERS_MAX;
    for (size_t i = 0; i < r->server_count; i++)
        r->servers[i] = servers[i];
    return r;
}

void resolver_close(struct resolver *r)
{
    struct list_node *n;
    while ((n = list_first(&r->questions))) /* ends: each is taken off */
        end_question(list_item(n, struct resolver_question, node));
    free(r);
}
