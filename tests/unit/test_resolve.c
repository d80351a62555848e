/* Resolutions against a world of name servers that the test plays: a root, com, nostarch.com and others, on
 * the test's own clock. What an honest server says is made by the authoritative server's own decisions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/encode_cached.h"
#include "dnsd/hints.h"
#include "dnsd/learn.h"
#include "dnsd/resolve.h"
#include "wire/dns_response.h"

#define HOSTS_MAX 16
#define ZONES_MAX 24
#define NEST_MAX  16
#define STEPS_MAX 400

/* Writes a whole reply to q, in the place of the honest one. False: nothing comes back. */
typedef bool liar_fn(const struct dns_query *q, struct writer *w);

struct host {
    struct endpoint at;
    struct zones zones;
    struct zones_row rows[ZONES_MAX];
    size_t zone_count, asked;
    liar_fn *liar;
    bool silent, unreachable, refuses, recursive, no_edns, drops_edns, served;
    uint64_t round_ms;
};

static struct play {
    struct cache cache;
    struct resolve_world world;
    struct rng rng;
    struct zone *hints;
    uint64_t now_ms;
    struct host hosts[HOSTS_MAX];
    size_t host_count;
    struct dns_question nest[NEST_MAX];
    size_t nested, queries, edns_queries;
    char log[4096]; /* "ADDRESS NAME TYPE; " for each query */
    struct resolve_wish end;
    uint8_t room[LEARN_ROOM_BYTES];
} w;

static struct host *host_at(const char *address)
{
    struct endpoint e = { .port = 53 };
    assert_true(address_parse(span_text(address), &e.address));
    for (size_t i = 0; i < w.host_count; i++)
        if (endpoint_equal(&w.hosts[i].at, &e))
            return &w.hosts[i];
    struct host *h = &w.hosts[w.host_count++];
    assert_true(w.host_count <= HOSTS_MAX);
    *h = (struct host){ .at = e, .round_ms = 10 };
    return h;
}

static void serve(const char *address, const char *apex, const char *text)
{
    char why[512], whole[4096];
    struct host *h = host_at(address);
    struct zones_row *row = &h->rows[h->zone_count++];
    snprintf(whole, sizeof whole, "$TTL 3600\n@ SOA ns. x. 1 2 3 4 300\n%s", text);
    *row = (struct zones_row){ .name = kept_name(apex), .zone = zone_from(apex, whole, why) };
    assert_string_equal(why, "");
    assert_non_null(row->zone);
}

static void begin_serving(void)
{
    for (size_t i = 0; i < w.host_count; i++) {
        struct host *h = &w.hosts[i];
        if (h->zone_count && !h->served)
            assert_true(zones_open(&h->zones, h->rows, h->zone_count, TEST_SEED));
        h->served |= h->zone_count != 0;
    }
}

static struct zone *hints_of(const char *text)
{
    enum zone_fault fault;
    struct zone_builder *b = hints_builder(TEST_SEED);
    struct masterfile *m = masterfile_open(b);
    masterfile_push(m, span_text(text), "hints");
    masterfile_run(m);
    assert_int_equal(masterfile_errors(m), 0);
    masterfile_close(m);
    return zone_builder_finish(b, &fault);
}

static void open_play(void)
{
    struct cache_options o = {
        .bytes_max = 1 << 20, .ttl_max_s = 86400, .negative_max_s = 3600, .seed = TEST_SEED
    };
    memset(&w, 0, sizeof w);
    assert_true(cache_open(&w.cache, &o));
    rng_seed(&w.rng, TEST_SEED);
    w.now_ms = 5000000;
    w.hints = hints_of("$TTL 1d\n@ NS a.root-servers.test.\na.root-servers.test. A 198.41.0.4\n");
    w.world = (struct resolve_world){ .cache = &w.cache,
                                      .servers = servers_open(TEST_SEED),
                                      .rng = &w.rng,
                                      .hints = w.hints,
                                      .port = 53,
                                      .room = w.room };
}

/* The chapter's figure: a root, com, and nostarch.com. */
static int set_up(void **state)
{
    (void)state;
    open_play();
    serve("198.41.0.4", ".",
          "@ NS a.root-servers.test.\na.root-servers.test. A 198.41.0.4\n"
          "com. NS a.gtld.net.\ncom. NS b.gtld.com.\nb.gtld.com. A 192.5.6.30\n"
          "net. NS ns.net.\nns.net. A 192.5.6.31\norg. NS ns.org.\nns.org. A 192.5.6.32\n");
    serve("192.5.6.30", "com.",
          "@ NS b.gtld\nb.gtld A 192.5.6.30\nnostarch NS ns1.nostarch\nns1.nostarch A 72.32.92.1\n"
          "glueless NS ns.host.net.\nmissing NS ns.nowhere.net.\nlame NS ns1.nostarch\n"
          "two NS ns1.two\ntwo NS ns2.two\nns1.two A 10.0.0.1\nns2.two A 10.0.0.2\n"
          "circle NS ns.circle.net.\nevil NS ns.evil\nns.evil A 10.6.6.6\nself NS ns.self\n");
    serve("192.5.6.31", "net.",
          "@ NS ns\nns A 192.5.6.31\nhost NS ns.host\nns.host A 10.0.0.3\ncircle NS ns.circle.com.\n");
    serve("192.5.6.32", "org.", "@ NS ns\nns A 192.5.6.32\nvictim A 192.0.2.1\nns.victim A 192.0.2.53\n");
    serve("72.32.92.1", "nostarch.com.",
          "@ NS ns1\nns1 A 72.32.92.1\nwww A 72.32.92.4\nalias CNAME www\naway CNAME victim.org.\n"
          "dangling CNAME nothing.org.\nloop CNAME loop.host.net.\nhop CNAME hop.host.net.\n@ MX 10 "
          "www\n"
          "now 0 A 192.0.2.9\nlater 0 CNAME now.host.net.\n");
    serve("10.0.0.3", "host.net.",
          "@ NS ns\nns A 10.0.0.3\nhop CNAME www.nostarch.com.\nloop CNAME loop.nostarch.com.\nnow 0 A "
          "192.0.2.8\n");
    serve("10.0.0.3", "glueless.com.", "@ NS ns.host.net.\nwww A 10.1.1.1\n");
    for (size_t i = 1; i <= 2; i++)
        serve(i == 1 ? "10.0.0.1" : "10.0.0.2", "two.com.",
              "@ NS ns1\n@ NS ns2\nns1 A 10.0.0.1\nns2 A 10.0.0.2\nwww A 10.2.2.2\nmail A 10.2.2.3\nm2 A "
              "1.1.1.1\n");
    begin_serving();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < w.host_count; i++)
        if (w.hosts[i].served)
            zones_close(&w.hosts[i].zones);
    zone_release(w.hints);
    servers_close(w.world.servers);
    cache_close(&w.cache);
    return 0;
}

/* ---- the network --------------------------------------------------------------------------------- */

static void note(const struct resolve_wish *wish)
{
    size_t at = strlen(w.log);
    struct writer l = writer_over(w.log + at, sizeof w.log - at - 1);
    char address[ADDRESS_TEXT_MAX];
    write_text(&l, address_format(wish->server.address, address));
    write_u8(&l, ' ');
    write_dns_name_text(&l, dns_name_span(&wish->question.name));
    write_u8(&l, ' ');
    write_dns_type_text(&l, wish->question.type);
    write_text(&l, "; ");
    w.log[at + writer_length(&l)] = 0;
    w.queries++;
    w.edns_queries += wish->edns;
}

/* What the host says; empty: nothing. */
static struct span say(struct host *h, const struct resolve_wish *wish, struct writer *out)
{
    uint8_t room[512];
    static struct response r; /* zeros: nobody is known */
    static struct dns_query q;
    struct dns_edns edns = { .present = true, .udp_bytes = 1232 };
    struct writer query = writer_over(room, sizeof room);
    write_dns_query(&query, 7, wish->recursion ? DNS_RD : 0, &wish->question, wish->edns ? &edns : NULL);
    if (h->silent || (h->drops_edns && wish->edns))
        return span_of(NULL, 0);
    dns_query_read(writer_span(&query), &q);
    if (h->no_edns && wish->edns)
        write_dns_header(out, &(struct dns_header){ .id = 7, .flags = DNS_QR | DNS_FORMERR });
    else if (h->refuses)
        encode_error(&q, DNS_REFUSED, out);
    else if (h->liar && !h->liar(&q, out))
        return span_of(NULL, 0);
    else if (!h->liar)
        respond(&h->zones, &q, &h->at.address, false, out, &r);
    if (h->recursive)
        out->start[2] &= 0xFB; /* no AA */
    assert_true(dns_response_matches(writer_span(out), 7, &wish->question));
    return writer_span(out);
}

static void exchange(struct resolution *r, const struct resolve_wish *wish)
{
    static uint8_t room[4096];
    struct writer out = writer_over(room, sizeof room);
    char address[ADDRESS_TEXT_MAX];
    struct host *h = host_at(address_format(wish->server.address, address));
    note(wish);
    h->asked++;
    struct span message = h->unreachable || (!h->served && !h->liar) ? span_of(NULL, 0) : say(h, wish, &out);
    if (message.len) {
        w.now_ms += h->round_ms;
        resolve_response(r, &w.world, message, h->round_ms, w.now_ms);
    } else {
        w.now_ms += h->unreachable ? 1 : wish->timeout_ms;
        resolve_lost(r, &w.world, h->unreachable, w.now_ms);
    }
}

static bool is_nested(const struct dns_question *q)
{
    for (size_t i = 0; i < w.nested; i++)
        if (w.nest[i].type == q->type &&
            dns_name_equal(dns_name_span(&w.nest[i].name), dns_name_span(&q->name)))
            return true;
    return false;
}

/* One resolution to its end, with those that it needs within. */
static struct resolve_wish run(const struct dns_question *q, struct resolve_budget *budget)
{
    struct resolution r;
    struct resolve_wish wish;
    unsigned depth = (unsigned)w.nested;
    assert_true(depth < NEST_MAX);
    w.nest[w.nested++] = *q;
    resolve_open(&r, &q->name, q->type, depth, budget, w.now_ms);
    for (int i = 0; i < STEPS_MAX; i++) {
        resolve_step(&r, &w.world, w.now_ms, &wish);
        if (wish.kind == RESOLVE_DONE) {
            w.nested--;
            return wish;
        }
        if (wish.kind == RESOLVE_ASK)
            exchange(&r, &wish);
        else if (!is_nested(&wish.question))
            run(&wish.question, budget);
    }
    fail_msg("a resolution without an end: %s", w.log);
    return wish;
}

/* The answer as text; "failed: WHY" when there is none. */
static const char *resolve(const char *name, const char *type)
{
    static char text[8192];
    static uint8_t room[4096];
    uint8_t message[512];
    struct dns_query q;
    struct dns_name missing;
    struct answer_plan plan = { .rcode = DNS_REFUSED };
    struct resolve_budget budget = { .queries_left = RESOLVE_QUERIES_MAX };
    enum dns_rcode rcode;
    uint64_t began_ms = w.now_ms;
    w.queries = w.edns_queries = 0;
    w.log[0] = 0;
    assert_int_equal(
        dns_query_read(span_of(message, build_query(message, sizeof message, name, type, 0)), &q),
        DNS_QUERY_GOOD);
    struct dns_question asked = { .type = q.question.type, .class = DNS_CLASS_IN };
    dns_name_copy(&asked.name, &q.lower);
    w.end = run(&asked, &budget);
    assert_true(w.queries <= RESOLVE_QUERIES_MAX);
    snprintf(text, sizeof text, "failed: %s", w.end.why);
    if (w.end.failed)
        return text;
    struct encode_cached e = { &w.cache, &q, &plan, 4096, began_ms, w.now_ms };
    struct writer out = writer_over(room, sizeof room);
    if (!encode_cached(&e, &out, &rcode, &missing))
        return "not in the cache";
    return reply_text(writer_span(&out));
}

/* What was said without asking anybody. */
static const char *cached(const char *name, const char *type)
{
    const char *text = resolve(name, type);
    assert_int_equal(w.queries, 0);
    return text;
}

/* ---- the way down ---------------------------------------------------------------------------------- */

static void test_from_the_root(void **state)
{
    (void)state;
    assert_string_equal(resolve("www.NoStarch.com.", "A"),
                        "NOERROR ra; www.NoStarch.com. 3600 A 72.32.92.4;;");
    assert_string_equal(w.log,
                        "198.41.0.4 . NS; 198.41.0.4 www.nostarch.com. A; 192.5.6.30 www.nostarch.com. A; "
                        "72.32.92.1 www.nostarch.com. A; ");
    w.now_ms += 10000;
    assert_string_equal(cached("www.nostarch.com.", "A"),
                        "NOERROR ra; www.nostarch.com. 3590 A 72.32.92.4;;");
    assert_non_null(resolve("nostarch.com.", "MX")); /* straight to who knows */
    assert_string_equal(w.log, "72.32.92.1 nostarch.com. MX; ");
}

static void test_noes(void **state)
{
    (void)state;
    assert_string_equal(resolve("nope.nostarch.com.", "A"),
                        "NXDOMAIN ra;; nostarch.com. 300 SOA ns. x. 1 2 3 4 300;");
    assert_string_equal(cached("nope.nostarch.com.", "TXT"),
                        "NXDOMAIN ra;; nostarch.com. 300 SOA ns. x. 1 2 3 4 300;");
    assert_string_equal(resolve("www.nostarch.com.", "MX"),
                        "NOERROR ra;; nostarch.com. 300 SOA ns. x. 1 2 3 4 300;");
    w.now_ms += 100000;
    assert_string_equal(cached("www.nostarch.com.", "MX"),
                        "NOERROR ra;; nostarch.com. 200 SOA ns. x. 1 2 3 4 300;");
    w.now_ms += 200001;
    resolve("www.nostarch.com.", "MX");
    assert_int_equal(w.queries, 1);
    assert_string_equal(resolve("nope.", "A"), "NXDOMAIN ra;; . 300 SOA ns. x. 1 2 3 4 300;");
}

static void test_aliases_over_zones(void **state)
{
    (void)state;
    assert_string_equal(
        resolve("alias.nostarch.com.", "A"),
        "NOERROR ra; alias.nostarch.com. 3600 CNAME www.nostarch.com. / www.nostarch.com. 3600 A "
        "72.32.92.4;;");
    assert_string_equal(
        resolve("away.nostarch.com.", "A"),
        "NOERROR ra; away.nostarch.com. 3600 CNAME victim.org. / victim.org. 3600 A 192.0.2.1;;");
    assert_non_null(strstr(w.log, "192.5.6.32 victim.org. A"));
    assert_string_equal(
        resolve("dangling.nostarch.com.", "A"),
        "NXDOMAIN ra; dangling.nostarch.com. 3600 CNAME nothing.org.; org. 300 SOA ns. x. 1 2 3 4 "
        "300;");
    assert_non_null(strstr(resolve("hop.nostarch.com.", "A"), "www.nostarch.com. 3600 A 72.32.92.4"));
    assert_string_equal(resolve("loop.nostarch.com.", "A"), "failed: the aliases do not end");
}

/* Nothing with a TTL of 0 is asked for twice for one question, however long that takes. */
static void test_ttls_of_nothing(void **state)
{
    (void)state;
    assert_string_equal(resolve("now.nostarch.com.", "A"), "NOERROR ra; now.nostarch.com. 0 A 192.0.2.9;;");
    w.now_ms++;
    assert_string_equal(
        resolve("later.nostarch.com.", "A"),
        "NOERROR ra; later.nostarch.com. 0 CNAME now.host.net. / now.host.net. 0 A 192.0.2.8;;");
}

static void test_servers_without_glue(void **state)
{
    (void)state;
    assert_string_equal(resolve("www.glueless.com.", "A"), "NOERROR ra; www.glueless.com. 3600 A 10.1.1.1;;");
    assert_non_null(strstr(w.log, "192.5.6.31 ns.host.net. A; "));
    assert_non_null(strstr(w.log, "10.0.0.3 ns.host.net. A; "));
}

static void test_servers_that_cannot_be_found(void **state)
{
    (void)state;
    assert_string_equal(resolve("www.missing.com.", "A"),
                        "failed: no server gave an answer that can be used");
    assert_true(w.queries < 12);
    assert_string_equal(resolve("www.circle.com.", "A"), "failed: no server gave an answer that can be used");
    assert_true(w.queries < 24);
    assert_string_equal(resolve("www.self.com.", "A"), "failed: no server gave an answer that can be used");
}

static void test_types_of_the_parent(void **state)
{
    (void)state;
    resolve("www.nostarch.com.", "A");
    assert_string_equal(resolve("nostarch.com.", "DS"), "NOERROR ra;; com. 300 SOA ns. x. 1 2 3 4 300;");
    assert_string_equal(w.log, "192.5.6.30 nostarch.com. DS; ");
    assert_string_equal(resolve("nostarch.com.", "NS"),
                        "NOERROR ra; nostarch.com. 3600 NS ns1.nostarch.com.;;");
    assert_string_equal(w.log, "72.32.92.1 nostarch.com. NS; "); /* not from the referral */
}

static void test_hints_that_are_built_in(void **state)
{
    struct zone *z = hints_builtin(TEST_SEED);
    struct dns_name a = name_of("a.root-servers.net.");
    (void)state;
    assert_non_null(z);
    assert_int_equal(zone_find_set(z, zone_node_at(z, z->apex), DNS_TYPE_NS)->count, 13);
    assert_non_null(zone_find_set(z, zone_find_name(z, &a), DNS_TYPE_AAAA));
    zone_release(z);
}

/* ---- servers that are slow, dead or wrong ------------------------------------------------------------ */

static void test_dead_servers(void **state)
{
    (void)state;
    host_at("10.0.0.1")->silent = true;
    host_at("10.0.0.2")->round_ms = 30;
    for (int i = 0; i < 3; i++) { /* whichever is asked first */
        assert_non_null(strstr(resolve("www.two.com.", "A"), "10.2.2.2"));
        cache_close(&w.cache);
        assert_true(cache_open(&w.cache, &w.cache.options));
    }
    size_t before = host_at("10.0.0.1")->asked;
    assert_true(before <= 2);
    assert_non_null(strstr(resolve("mail.two.com.", "A"), "10.2.2.3"));
    assert_int_equal(host_at("10.0.0.1")->asked, before); /* known to be worse now */
    host_at("10.0.0.2")->unreachable = true;
    assert_string_equal(resolve("m2.two.com.", "A"), "failed: no server answered");
    assert_int_equal(w.end.fault, RESOLVE_FAULT_NETWORK);
    assert_true(w.queries <= 2 * RESOLVE_TRIES_MAX);
}

static void test_the_faster_is_asked(void **state)
{
    (void)state;
    host_at("10.0.0.1")->round_ms = 300;
    host_at("10.0.0.2")->round_ms = 20;
    char name[64];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "n%d.two.com.", i);
        resolve(name, "A");
    }
    assert_true(host_at("10.0.0.1")->asked <= 3 && host_at("10.0.0.1")->asked >= 1);
    assert_true(host_at("10.0.0.2")->asked >= 37);
}

/* A server that knows nothing of the zone it should have, one that refuses, one that is only a resolver. */
static void test_lame_servers(void **state)
{
    (void)state;
    assert_string_equal(resolve("www.lame.com.", "A"), "failed: no server gave an answer that can be used");
    assert_int_equal(w.end.fault, RESOLVE_FAULT_NO_AUTHORITY);
    resolve("www.lame.com.", "MX");
    assert_int_equal(w.queries, 0); /* it is known */
    w.now_ms += SERVERS_LAME_MS;
    host_at("10.0.0.1")->refuses = true;
    host_at("10.0.0.2")->recursive = true;
    assert_string_equal(resolve("www.two.com.", "A"), "failed: no server gave an answer that can be used");
    assert_int_equal(host_at("10.0.0.1")->asked, 1);
    assert_int_equal(host_at("10.0.0.2")->asked, 1);
}

static void test_servers_without_edns(void **state)
{
    (void)state;
    host_at("72.32.92.1")->no_edns = true;
    assert_non_null(strstr(resolve("www.nostarch.com.", "A"), "72.32.92.4"));
    assert_int_equal(host_at("72.32.92.1")->asked, 2);
    resolve("nostarch.com.", "MX");
    assert_int_equal(w.queries, 1);
    assert_int_equal(w.edns_queries, 0);
    host_at("10.0.0.3")->drops_edns = true;
    assert_non_null(strstr(resolve("www.glueless.com.", "A"), "10.1.1.1"));
    resolve("mail.glueless.com.", "A");
    assert_int_equal(w.edns_queries, 0);
}

/* ---- liars ----------------------------------------------------------------------------------------------
 */

static void begin_lie(const struct dns_query *q, uint16_t flags, uint16_t answers, uint16_t authorities,
                      uint16_t additionals, struct writer *out)
{
    struct dns_header h = { q->header.id, (uint16_t)(DNS_QR | flags), 1, answers, authorities, additionals };
    write_dns_header(out, &h);
    write_dns_question(out, &q->question);
}

/* An answer, and by the way what others should be (the attack of 1997 and its relatives). */
static bool poisoner(const struct dns_query *q, struct writer *out)
{
    begin_lie(q, DNS_AA, 3, 2, 3, out);
    write_rr(out, "www.evil.com.", "CNAME", 60, "victim.org.");
    write_rr(out, "victim.org.", "A", 60, "6.6.6.6");
    write_rr(out, "other.org.", "A", 60, "6.6.6.6");
    write_rr(out, "org.", "NS", 60, "ns.evil.com.");
    write_rr(out, ".", "NS", 60, "ns.evil.com.");
    write_rr(out, "ns.org.", "A", 60, "6.6.6.6");
    write_rr(out, "a.root-servers.test.", "A", 60, "6.6.6.6");
    write_rr(out, "victim.org.", "A", 60, "6.6.6.6");
    return true;
}

static void test_poison_is_not_taken(void **state)
{
    (void)state;
    host_at("10.6.6.6")->liar = poisoner;
    assert_string_equal(resolve("www.evil.com.", "A"),
                        "NOERROR ra; www.evil.com. 60 CNAME victim.org. / victim.org. 3600 A 192.0.2.1;;");
    assert_non_null(strstr(resolve("ns.org.", "A"), "192.5.6.32"));
    assert_non_null(strstr(resolve("a.root-servers.test.", "A"), "198.41.0.4"));
    assert_non_null(strstr(resolve("other.org.", "A"), "NXDOMAIN"));
    assert_int_equal(host_at("6.6.6.6")->asked, 0);
}

/* A referral with addresses of hosts that are not in the zone of the server that refers. */
static bool glue_poisoner(const struct dns_query *q, struct writer *out)
{
    begin_lie(q, 0, 0, 1, 2, out);
    write_rr(out, "sub.evil.com.", "NS", 60, "ns.org.");
    write_rr(out, "ns.org.", "A", 60, "6.6.6.6");
    write_rr(out, "www.nostarch.com.", "A", 60, "6.6.6.6");
    return true;
}

static void test_glue_of_others_is_not_taken(void **state)
{
    (void)state;
    host_at("10.6.6.6")->liar = glue_poisoner;
    resolve("www.sub.evil.com.", "A");
    assert_int_equal(host_at("6.6.6.6")->asked, 0);
    assert_true(host_at("192.5.6.32")->asked >= 1); /* where ns.org really is */
    assert_non_null(strstr(resolve("www.nostarch.com.", "A"), "72.32.92.4"));
}

/* Upwards, sideways, to itself: no step towards the name. */
static const char *referral_to;
static bool wrong_referrer(const struct dns_query *q, struct writer *out)
{
    begin_lie(q, 0, 0, 1, 1, out);
    write_rr(out, referral_to, "NS", 60, "ns.evil.com.");
    write_rr(out, "ns.evil.com.", "A", 60, "10.6.6.6");
    return true;
}

static void test_referrals_go_down(void **state)
{
    static const char *const wrong[] = { ".",    "com.",           "evil.com.", "other.evil.com.",
                                         "org.", "a.www.evil.com." };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        host_at("10.6.6.6")->liar = wrong_referrer;
        referral_to = wrong[i];
        assert_string_equal(resolve("www.evil.com.", "A"),
                            "failed: no server gave an answer that can be used");
        assert_true(host_at("10.6.6.6")->asked <= i + 1);
        w.now_ms += 400000; /* past what is remembered of it */
    }
}

/* Ever further down, with names that are never the same. */
static bool endless_referrer(const struct dns_query *q, struct writer *out)
{
    static char name[512];
    struct writer text = writer_over(name, sizeof name - 1);
    static unsigned labels;
    labels = labels % 40 + 1;
    size_t own = q->question.name.labels;
    size_t take = 2 + labels < own ? 2 + labels : own;
    write_dns_name_text(&text, dns_name_suffix(&q->question.name, take));
    name[writer_length(&text)] = 0;
    begin_lie(q, 0, 0, 1, 1, out);
    write_rr(out, name, "NS", 60, "ns.evil.com.");
    write_rr(out, "ns.evil.com.", "A", 60, "10.6.6.6");
    return true;
}

/* Names of servers that are all to be looked up: the work must not multiply (NXNSAttack). */
static bool multiplier(const struct dns_query *q, struct writer *out)
{
    char host[64];
    static unsigned serial;
    begin_lie(q, 0, 0, 30, 0, out);
    struct dns_name name;
    dns_name_copy(&name, &q->question.name);
    char owner[DNS_NAME_TEXT_MAX + 1];
    struct writer text = writer_over(owner, sizeof owner - 1);
    write_dns_name_text(&text, dns_name_suffix(&name, name.labels < 3 ? name.labels : 3));
    owner[writer_length(&text)] = 0;
    for (int i = 0; i < 30; i++) {
        snprintf(host, sizeof host, "n%u.two.com.", serial++);
        write_rr(out, owner, "NS", 60, host);
    }
    return true;
}

static void test_work_has_a_bound(void **state)
{
    (void)state;
    host_at("10.6.6.6")->liar = endless_referrer;
    resolve("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.a.b.c.d.e.f.g.h.evil.com.", "A");
    assert_true(w.end.failed);
    assert_true(w.queries <= RESOLVE_QUERIES_MAX);
    host_at("10.6.6.6")->liar = multiplier;
    resolve("a.b.evil.com.", "A");
    assert_true(w.end.failed);
    assert_true(host_at("10.0.0.1")->asked + host_at("10.0.0.2")->asked <= RESOLVE_NEEDS_MAX);
}

static bool cut_short(const struct dns_query *q, struct writer *out)
{
    begin_lie(q, DNS_AA, 2, 0, 0, out);
    write_rr(out, "www.evil.com.", "A", 60, "6.6.6.6");
    write_rr(out, "www.evil.com.", "A", 60, "6.6.6.7");
    writer_back_to(out, (struct mark){ writer_length(out) - 1 });
    return true;
}

static bool short_address(const struct dns_query *q, struct writer *out)
{
    begin_lie(q, DNS_AA, 1, 0, 0, out);
    write_rr(out, "www.evil.com.", "A", 60, "6.6.6.6");
    out->start[writer_length(out) - 5] = 3; /* RDLENGTH */
    writer_back_to(out, (struct mark){ writer_length(out) - 1 });
    return true;
}

static bool two_aliases(const struct dns_query *q, struct writer *out)
{
    begin_lie(q, DNS_AA, 2, 0, 0, out);
    write_rr(out, "www.evil.com.", "CNAME", 60, "a.org.");
    write_rr(out, "www.evil.com.", "CNAME", 60, "b.org.");
    return true;
}

static void test_malformed_answers(void **state)
{
    static liar_fn *const liars[] = { cut_short, short_address, two_aliases };
    (void)state;
    for (size_t i = 0; i < sizeof liars / sizeof *liars; i++) {
        host_at("10.6.6.6")->liar = liars[i];
        assert_string_equal(resolve("www.evil.com.", "A"),
                            "failed: no server gave an answer that can be used");
    }
}

/* The SOA of another zone says nothing about this name. */
static bool foreign_soa(const struct dns_query *q, struct writer *out)
{
    begin_lie(q, DNS_AA | DNS_NXDOMAIN, 0, 3, 0, out);
    write_rr(out, "org.", "SOA", 86400, "a. b. 1 2 3 4 86400");
    write_rr(out, "com.", "SOA", 86400, "a. b. 1 2 3 4 86400");
    write_rr(out, "a.www.evil.com.", "SOA", 86400, "a. b. 1 2 3 4 86400");
    return true;
}

static void test_a_no_with_a_foreign_soa_is_not_kept(void **state)
{
    (void)state;
    host_at("10.6.6.6")->liar = foreign_soa;
    assert_string_equal(resolve("www.evil.com.", "A"), "NXDOMAIN ra;;;");
    w.now_ms++;
    resolve("www.evil.com.", "A");
    assert_int_equal(w.queries, 1);
}

/* ---- forwards
 * ---------------------------------------------------------------------------------------------- */

static struct resolve_forward forwards[3];
static struct endpoint upstreams[2];

static void forward_to(size_t i, const char *name, const char *address, bool edns)
{
    forwards[i] =
        (struct resolve_forward){ .name = name_of(name), .edns = edns, .to = &upstreams[i], .to_count = 1 };
    upstreams[i] = host_at(address)->at;
    w.world.forwards = forwards;
    w.world.forward_count = i + 1;
}

/* What another resolver says: no AA, chains over zones, RA. */
static bool resolver_says(const struct dns_query *q, struct writer *out)
{
    if (!(q->header.flags & DNS_RD))
        return false;
    if (dns_name_label(&q->question.name, 0).len == 4) {
        begin_lie(q, DNS_RA | DNS_NXDOMAIN, 0, 1, 0, out);
        write_rr(out, "test.", "SOA", 899, "a. b. 1490970238 1800 900 604800 86400");
        return true;
    }
    begin_lie(q, DNS_RA, 2, 1, 1, out);
    write_rr(out, "www.contoso.test.", "CNAME", 30, "web.example.");
    write_rr(out, "web.example.", "A", 40, "192.0.2.7");
    write_rr(out, "example.", "NS", 40, "ns.example.");
    write_rr(out, "ns.example.", "A", 40, "6.6.6.6");
    return true;
}

static void test_forwards(void **state)
{
    (void)state;
    host_at("4.2.2.1")->liar = host_at("4.2.2.2")->liar = resolver_says;
    forward_to(0, ".", "4.2.2.1", true);
    assert_string_equal(
        resolve("www.contoso.test.", "A"),
        "NOERROR ra; www.contoso.test. 30 CNAME web.example. / web.example. 40 A 192.0.2.7;;");
    assert_string_equal(w.log, "4.2.2.1 www.contoso.test. A; ");
    assert_int_equal(w.edns_queries, 1);
    assert_string_equal(resolve("nope.contoso.test.", "A"),
                        "NXDOMAIN ra;; test. 899 SOA a. b. 1490970238 1800 900 604800 86400;");
    /* the longest name counts, and is asked as it says; the rest of a chain goes its own way */
    cache_close(&w.cache);
    assert_true(cache_open(&w.cache, &w.cache.options));
    forward_to(1, "contoso.test.", "4.2.2.2", false);
    resolve("www.contoso.test.", "A");
    assert_string_equal(w.log, "4.2.2.2 www.contoso.test. A; 4.2.2.1 web.example. A; ");
    assert_int_equal(w.edns_queries, 1);
}

static void test_forwards_beside_iteration(void **state)
{
    (void)state;
    host_at("4.2.2.1")->liar = resolver_says;
    forward_to(0, "contoso.test.", "4.2.2.1", true);
    assert_non_null(strstr(resolve("www.nostarch.com.", "A"), "72.32.92.4"));
    assert_int_equal(host_at("4.2.2.1")->asked, 0);
    w.world.hints = NULL;
    assert_string_equal(resolve("victim.org.", "A"), "failed: nobody can be asked for that name");
}

static void test_forwards_that_fail(void **state)
{
    (void)state;
    forward_to(0, ".", "4.2.2.1", true);
    assert_string_equal(resolve("www.contoso.test.", "A"), "failed: no server answered");
    assert_int_equal(w.queries, RESOLVE_TRIES_MAX);
    assert_int_equal(w.edns_queries, 1); /* after silence without */
    host_at("4.2.2.1")->refuses = host_at("4.2.2.1")->served = true;
    assert_string_equal(resolve("www.contoso.test.", "A"),
                        "failed: no server gave an answer that can be used");
    assert_int_equal(w.queries, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_from_the_root),
        CASE(test_noes),
        CASE(test_aliases_over_zones),
        CASE(test_ttls_of_nothing),
        CASE(test_servers_without_glue),
        CASE(test_servers_that_cannot_be_found),
        CASE(test_types_of_the_parent),
        cmocka_unit_test(test_hints_that_are_built_in),
        CASE(test_dead_servers),
        CASE(test_the_faster_is_asked),
        CASE(test_lame_servers),
        CASE(test_servers_without_edns),
        CASE(test_poison_is_not_taken),
        CASE(test_glue_of_others_is_not_taken),
        CASE(test_referrals_go_down),
        CASE(test_work_has_a_bound),
        CASE(test_malformed_answers),
        CASE(test_a_no_with_a_foreign_soa_is_not_kept),
        CASE(test_forwards),
        CASE(test_forwards_beside_iteration),
        CASE(test_forwards_that_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
