#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "resolver.h"
#include "stream.h"
#include "udp.h"

#include <unistd.h>

#define TURNS_MAX   2000
#define QUERIES_MAX 64

enum habit {
    ANSWERS,
    SILENT,
    REFUSES,
    NO_EDNS,       /* FORMERR without a question for a query with EDNS */
    TRUNCATES,     /* over UDP */
    FORGES,        /* first others' identifiers and questions, then the answer */
    SAYS_NXDOMAIN, /* with its SOA */
    SAYS_NODATA,
    LEADS_AWAY, /* an alias without its target, for alias.test; else answers */
    CUTS_SHORT, /* the last record is not whole */
    LOOPS,      /* an alias to itself */
};

struct server {
    struct udp *udp;
    struct listener *tcp;
    struct endpoint at;
    enum habit habit;
    size_t udp_queries, tcp_queries, edns_queries;
    uint16_t ids[QUERIES_MAX], ports[QUERIES_MAX];
};

static struct loop loop;
static struct server servers[2];
static struct resolver *resolver;
static struct resolver_answer last;
static struct resolver_record records[RESOLVER_RECORDS_MAX];
static size_t told;

/* Header and question as they are in the query, with these flags and counts. */
static void begin_reply(const struct dns_query *q, uint16_t flags, uint16_t answers, uint16_t authorities,
                        struct writer *w)
{
    struct dns_header h = {
        q->header.id, (uint16_t)(DNS_QR | DNS_RD | DNS_RA | flags), 1, answers, authorities, 0
    };
    write_dns_header(w, &h);
    write_dns_question(w, &q->question);
}

static void write_data(const struct dns_query *q, struct writer *w)
{
    if (q->question.type == DNS_TYPE_MX) {
        begin_reply(q, 0, 2, 0, w);
        write_rr(w, "skynet.test.", "MX", 300, "20 mail02.skynet.test.");
        write_rr(w, "skynet.test.", "MX", 200, "10 mail01.skynet.test.");
        return;
    }
    begin_reply(q, 0, 2, 0, w);
    write_rr(w, "www.skynet.test.", "CNAME", 60, "web.skynet.test.");
    if (q->question.type == DNS_TYPE_AAAA)
        write_rr(w, "web.skynet.test.", "AAAA", 60, "2001:db8::80");
    else
        write_rr(w, "web.skynet.test.", "A", 60, "192.0.2.80");
}

static void write_forged(const struct dns_query *q, struct udp *u, const struct datagram *d)
{
    uint8_t room[512];
    struct dns_query other = *q;
    for (int i = 0; i < 3; i++) {
        struct writer w = writer_over(room, sizeof room);
        other = *q;
        if (i == 0)
            other.header.id++;
        else if (i == 1)
            other.question.name = name_of("elsewhere.test.");
        begin_reply(&other, 0, 1, 0, &w);
        write_rr(&w, "www.skynet.test.", "A", 60, "203.0.113.66");
        if (i == 2)
            room[2] &= 0x7F; /* not a response */
        udp_send_one(u, &d->peer, NULL, 0, writer_span(&w));
    }
}

static void write_reply(struct server *s, const struct dns_query *q, bool over_tcp, struct writer *w)
{
    bool alias = dns_name_label(&q->question.name, 0).len == strlen("alias");
    switch (s->habit) {
    case SILENT:
        return;
    case REFUSES:
        begin_reply(q, DNS_REFUSED, 0, 0, w);
        return;
    case NO_EDNS:
        if (q->edns.present) {
            struct dns_header h = { .id = q->header.id, .flags = DNS_QR | DNS_FORMERR };
            write_dns_header(w, &h);
            return;
        }
        break;
    case TRUNCATES:
        if (!over_tcp) {
            begin_reply(q, DNS_TC, 0, 0, w);
            return;
        }
        break;
    case SAYS_NXDOMAIN:
    case SAYS_NODATA:
        begin_reply(q, s->habit == SAYS_NODATA ? 0 : DNS_NXDOMAIN, 0, 1, w);
        write_rr(w, "skynet.test.", "SOA", 60, "a. b. 1 2 3 4 5");
        return;
    case LEADS_AWAY:
        if (alias) {
            begin_reply(q, 0, 1, 0, w);
            write_rr(w, "alias.skynet.test.", "CNAME", 60, "www.skynet.test.");
            return;
        }
        break;
    case LOOPS:
        begin_reply(q, 0, 1, 0, w);
        write_rr(w, "www.skynet.test.", "CNAME", 60, "www.skynet.test.");
        return;
    case CUTS_SHORT:
        write_data(q, w);
        writer_back_to(w, (struct mark){ writer_length(w) - 1 });
        return;
    case ANSWERS:
    case FORGES:
        break;
    }
    write_data(q, w);
}

static void batch_came(void *self, struct udp *u, struct batch *b, struct now now)
{
    struct server *s = self;
    (void)now;
    for (size_t i = 0; i < b->count; i++) {
        struct dns_query q;
        assert_int_equal(dns_query_read(b->d[i].in, &q), DNS_QUERY_GOOD);
        assert_int_equal(q.header.flags, DNS_RD);
        s->ids[s->udp_queries % QUERIES_MAX] = q.header.id;
        s->ports[s->udp_queries++ % QUERIES_MAX] = b->d[i].peer.port;
        s->edns_queries += q.edns.present;
        if (s->habit == FORGES)
            write_forged(&q, u, &b->d[i]);
        write_reply(s, &q, false, &b->d[i].out);
    }
    udp_send(u, b);
}

static size_t tcp_bytes(void *self, struct stream *stream, struct span in)
{
    struct server *s = self;
    uint8_t room[600];
    struct writer w = writer_over(room, sizeof room);
    struct reader r = reader_over(in);
    struct span message = read_span(&r, read_u16(&r));
    struct dns_query q;
    if (!reader_ok(&r))
        return 0;
    assert_int_equal(dns_query_read(message, &q), DNS_QUERY_GOOD);
    s->tcp_queries++;
    struct mark length = write_length16(&w);
    write_reply(s, &q, true, &w);
    close_length16(&w, length);
    stream_write(stream, writer_span(&w));
    return in.len;
}

static void tcp_expired(void *self, struct stream *stream)
{
    (void)self;
    stream_abort(stream);
}

static void tcp_closed(void *self, struct stream *stream, enum stream_end why)
{
    (void)self;
    (void)stream;
    (void)why;
}

static void accepted(void *self, struct listener *l, int fd, const struct endpoint *peer)
{
    static const struct stream_limits limits = { 1000, 1000, 1000 };
    static const struct stream_owner owner = { .bytes = tcp_bytes,
                                               .expired = tcp_expired,
                                               .closed = tcp_closed };
    (void)l;
    assert_non_null(stream_open(&loop, fd, peer, &limits, &owner, self));
}

static bool open_server(struct server *s)
{
    struct udp_options u = { .in_bytes = 600, .out_bytes = 600 };
    struct listener_options t = { .reuse_port = false };
    struct problem p;
    *s = (struct server){ .habit = ANSWERS };
    assert_true(endpoint_parse(span_text("127.0.0.1:0"), &u.bind));
    s->udp = udp_open(&loop, &u, batch_came, s, &p);
    assert_non_null(s->udp);
    s->at = t.bind = udp_local(s->udp);
    s->tcp = listener_open(&loop, &t, accepted, s, &p);
    if (!s->tcp)
        udp_close(s->udp);
    return s->tcp != NULL;
}

static int set_up(void **state)
{
    struct endpoint at[2];
    (void)state;
    told = 0;
    assert_int_equal(loop_open(&loop), 0);
    clock_freeze(&loop.clock);
    for (size_t i = 0; i < 2; i++) {
        int tries = 20;
        while (!open_server(&servers[i]))
            assert_true(tries-- > 0);
        at[i] = servers[i].at;
    }
    resolver = resolver_open(&loop, at, 2);
    assert_non_null(resolver);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (resolver)
        resolver_close(resolver);
    for (size_t i = 0; i < 2; i++) {
        if (servers[i].udp)
            udp_close(servers[i].udp);
        listener_close(servers[i].tcp);
    }
    loop_close(&loop);
    return 0;
}

static void answered(void *owner, const struct resolver_answer *a)
{
    assert_ptr_equal(owner, &told);
    told++;
    last = *a;
    if (a->count)
        memcpy(records, a->records, a->count * sizeof *records);
}

static struct resolver_question *ask(const char *name, uint16_t type)
{
    struct dns_name n = name_of(name);
    size_t before = told;
    struct resolver_question *q = resolver_ask(resolver, &n, type, answered, &told);
    assert_non_null(q);
    assert_int_equal(told, before);
    return q;
}

static void turns_until(const size_t *counter, size_t least)
{
    for (int i = 0; i < TURNS_MAX && *counter < least; i++) {
        loop_turn(&loop, false);
        usleep(100); /* the kernel hands the datagram over in its own time */
    }
    assert_true(*counter >= least);
}

static void resolve(const char *name, uint16_t type)
{
    ask(name, type);
    turns_until(&told, 1);
    assert_int_equal(told, 1);
}

static void is_found(const char *address)
{
    char text[ADDRESS_TEXT_MAX];
    assert_int_equal(last.status, RESOLVER_FOUND);
    assert_int_equal(last.count, 1);
    assert_string_equal(address_format(records[0].address, text), address);
}

static void test_addresses_behind_an_alias(void **state)
{
    (void)state;
    resolve("www.skynet.test.", DNS_TYPE_A);
    is_found("192.0.2.80");
    assert_int_equal(last.ttl, 60);
    told = 0;
    resolve("WWW.skynet.test.", DNS_TYPE_AAAA);
    is_found("2001:db8::80");
    assert_int_equal(servers[0].udp_queries, 2);
    assert_int_equal(servers[0].edns_queries, 2);
    assert_int_equal(servers[1].udp_queries, 0);
}

static void test_mail_exchangers(void **state)
{
    struct dns_name expected = name_of("mail01.skynet.test.");
    (void)state;
    resolve("skynet.test.", DNS_TYPE_MX);
    assert_int_equal(last.status, RESOLVER_FOUND);
    assert_int_equal(last.count, 2);
    assert_int_equal(last.ttl, 200);
    assert_int_equal(records[0].preference, 20);
    assert_int_equal(records[1].preference, 10);
    assert_true(dns_name_equal(dns_name_span(&records[1].host), dns_name_span(&expected)));
}

static void test_certain_absence(void **state)
{
    (void)state;
    servers[0].habit = SAYS_NXDOMAIN;
    resolve("www.skynet.test.", DNS_TYPE_A);
    assert_int_equal(last.status, RESOLVER_NO_NAME);
    servers[0].habit = SAYS_NODATA;
    told = 0;
    resolve("www.skynet.test.", DNS_TYPE_A);
    assert_int_equal(last.status, RESOLVER_NO_DATA);
    assert_int_equal(servers[1].udp_queries, 0);
}

static void test_a_silent_server_is_passed_over(void **state)
{
    (void)state;
    servers[0].habit = SILENT;
    ask("www.skynet.test.", DNS_TYPE_A);
    turns_until(&servers[0].udp_queries, 1);
    loop_advance(&loop, RESOLVER_FIRST_MS - 1);
    assert_int_equal(servers[1].udp_queries, 0);
    loop_advance(&loop, 1);
    turns_until(&told, 1);
    is_found("192.0.2.80");
}

static void test_a_server_that_is_not_there(void **state)
{
    (void)state;
    udp_close(servers[0].udp); /* its port says so by ICMP, and nobody waits */
    servers[0].udp = NULL;
    ask("www.skynet.test.", DNS_TYPE_A);
    turns_until(&told, 1);
    is_found("192.0.2.80");
}

static void test_nobody_answers(void **state)
{
    (void)state;
    servers[0].habit = servers[1].habit = SILENT;
    ask("www.skynet.test.", DNS_TYPE_A);
    for (int i = 0; i < RESOLVER_ROUNDS; i++)
        loop_advance(&loop, 2 * RESOLVER_FIRST_MS * (uint64_t)(i + 1));
    turns_until(&told, 1);
    assert_int_equal(last.status, RESOLVER_FAILED);
    assert_string_equal(last.why, "no answer in time");
    turns_until(&servers[1].udp_queries, RESOLVER_ROUNDS);
    assert_int_equal(servers[0].udp_queries, RESOLVER_ROUNDS);
    assert_int_equal(servers[0].edns_queries, 1); /* later rounds are plain */
}

static void test_refused_by_all(void **state)
{
    (void)state;
    servers[0].habit = servers[1].habit = REFUSES;
    resolve("www.skynet.test.", DNS_TYPE_A);
    assert_int_equal(last.status, RESOLVER_FAILED);
    assert_string_equal(last.why, "the server refused");
}

static void test_a_server_without_edns(void **state)
{
    (void)state;
    servers[0].habit = NO_EDNS;
    resolve("www.skynet.test.", DNS_TYPE_A);
    is_found("192.0.2.80");
    assert_int_equal(servers[0].udp_queries, 2);
    assert_int_equal(servers[0].edns_queries, 1);
    told = 0;
    resolve("www.skynet.test.", DNS_TYPE_A); /* that is remembered */
    assert_int_equal(servers[0].udp_queries, 3);
    assert_int_equal(servers[0].edns_queries, 1);
}

static void test_truncated_comes_by_tcp(void **state)
{
    (void)state;
    servers[0].habit = TRUNCATES;
    resolve("www.skynet.test.", DNS_TYPE_A);
    is_found("192.0.2.80");
    assert_int_equal(servers[0].tcp_queries, 1);
}

static void test_forged_responses_are_not_looked_at(void **state)
{
    (void)state;
    servers[0].habit = FORGES;
    resolve("www.skynet.test.", DNS_TYPE_A);
    is_found("192.0.2.80");
}

static void test_an_alias_that_leads_away_is_asked_for(void **state)
{
    (void)state;
    servers[0].habit = LEADS_AWAY;
    resolve("alias.skynet.test.", DNS_TYPE_A);
    is_found("192.0.2.80");
    assert_int_equal(servers[0].udp_queries, 2);
}

static void test_aliases_that_do_not_end(void **state)
{
    (void)state;
    servers[0].habit = servers[1].habit = LOOPS;
    resolve("www.skynet.test.", DNS_TYPE_A);
    assert_int_equal(last.status, RESOLVER_FAILED);
}

static void test_a_record_cut_short(void **state)
{
    (void)state;
    servers[0].habit = CUTS_SHORT;
    resolve("www.skynet.test.", DNS_TYPE_A);
    is_found("192.0.2.80"); /* from the other server */
    assert_int_equal(servers[1].udp_queries, 1);
}

static void test_cancel_and_close(void **state)
{
    (void)state;
    resolver_cancel(ask("www.skynet.test.", DNS_TYPE_A));
    ask("www.skynet.test.", DNS_TYPE_A);
    resolver_close(resolver);
    resolver = NULL;
    loop_advance(&loop, 100 * RESOLVER_FIRST_MS);
    assert_int_equal(told, 0);
}

static void test_the_bound(void **state)
{
    struct dns_name n = name_of("www.skynet.test.");
    (void)state;
    for (size_t i = 0; i < RESOLVER_ASKED_MAX; i++)
        ask("www.skynet.test.", DNS_TYPE_A);
    assert_null(resolver_ask(resolver, &n, DNS_TYPE_A, answered, &told));
    turns_until(&told, RESOLVER_ASKED_MAX);
    assert_non_null(ask("www.skynet.test.", DNS_TYPE_A));
}

/* RFC 5452 9.2 and 9.3. Of thirty-two draws from more than 60000 a handful may be alike; a counter or a
 * constant would show. */
static void test_identifiers_and_ports_are_drawn(void **state)
{
    size_t alike = 0, in_steps = 0;
    (void)state;
    for (size_t i = 0; i < 32; i++) {
        told = 0;
        resolve("www.skynet.test.", DNS_TYPE_A);
    }
    const struct server *s = &servers[0];
    for (size_t i = 0; i < 32; i++)
        for (size_t j = 0; j < i; j++) {
            alike += s->ids[i] == s->ids[j] || s->ports[i] == s->ports[j];
            in_steps += i == j + 1 && (uint16_t)(s->ids[i] - s->ids[j]) <= 2;
        }
    assert_true(alike < 4 && in_steps < 4);
}

static void test_no_server(void **state)
{
    struct resolver *none = resolver_open(&loop, NULL, 0);
    struct dns_name n = name_of("www.skynet.test.");
    (void)state;
    assert_non_null(resolver_ask(none, &n, DNS_TYPE_A, answered, &told));
    turns_until(&told, 1);
    assert_int_equal(last.status, RESOLVER_FAILED);
    resolver_close(none);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_addresses_behind_an_alias),
        CASE(test_mail_exchangers),
        CASE(test_certain_absence),
        CASE(test_a_silent_server_is_passed_over),
        CASE(test_a_server_that_is_not_there),
        CASE(test_nobody_answers),
        CASE(test_refused_by_all),
        CASE(test_a_server_without_edns),
        CASE(test_truncated_comes_by_tcp),
        CASE(test_forged_responses_are_not_looked_at),
        CASE(test_an_alias_that_leads_away_is_asked_for),
        CASE(test_aliases_that_do_not_end),
        CASE(test_a_record_cut_short),
        CASE(test_cancel_and_close),
        CASE(test_the_bound),
        CASE(test_identifiers_and_ports_are_drawn),
        CASE(test_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
