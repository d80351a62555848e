/* The cache on the test's own clock: ranks, lifetimes, bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/cache.h"
#include "dnsd/encode_cached.h"
#include "dnsd/servers.h"

#define NOW 1000000

static struct cache cache;

static int set_up(void **state)
{
    struct cache_options o = {
        .bytes_max = CACHE_BYTES_MIN, .ttl_max_s = 86400, .negative_max_s = 3600, .seed = TEST_SEED
    };
    (void)state;
    assert_true(cache_open(&cache, &o));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cache_close(&cache);
    return 0;
}

static bool put(const char *name, uint16_t type, enum cache_kind kind, enum cache_rank rank, uint32_t ttl_s,
                const char *address, uint64_t now_ms)
{
    uint8_t room[64];
    struct writer w = writer_over(room, sizeof room);
    struct address a;
    struct dns_name n = name_of(name);
    if (address) {
        assert_true(address_parse(span_text(address), &a));
        write_u16(&w, 4);
        write_bytes(&w, a.bytes, 4);
    }
    struct cache_news news = { dns_name_span(&n), type, kind, rank, ttl_s, address != NULL, writer_span(&w) };
    return cache_put(&cache, &news, now_ms);
}

static bool put_alias(const char *name, const char *target, uint32_t ttl_s, uint64_t now_ms)
{
    uint8_t room[300];
    struct writer w = writer_over(room, sizeof room);
    struct dns_name n = name_of(name), t = name_of(target);
    write_u16(&w, t.len);
    write_span(&w, dns_name_span(&t));
    struct cache_news news = { dns_name_span(&n), DNS_TYPE_CNAME, CACHE_SET, CACHE_ANSWER, ttl_s, 1,
                               writer_span(&w) };
    return cache_put(&cache, &news, now_ms);
}

static struct cache_entry *find(const char *name, uint16_t type, uint64_t at_ms)
{
    struct dns_name n = name_of(name);
    return cache_find(&cache, dns_name_span(&n), type, at_ms);
}

/* The last octet of its address; 0: not there. */
static unsigned last_octet(const char *name, uint64_t at_ms)
{
    const struct cache_entry *e = find(name, DNS_TYPE_A, at_ms);
    return e ? cache_data(e).at[5] : 0;
}

/* The reply to "name type" at that time, as text; NULL: not known. */
static const char *reply(const char *name, const char *type, uint16_t udp_bytes, size_t limit,
                         uint64_t now_ms)
{
    static uint8_t room[4096];
    uint8_t message[512];
    struct dns_query q;
    struct answer_plan plan = { .rcode = DNS_REFUSED };
    struct dns_name missing;
    enum dns_rcode rcode;
    size_t len = build_query(message, sizeof message, name, type, udp_bytes);
    assert_int_equal(dns_query_read(span_of(message, len), &q), DNS_QUERY_GOOD);
    struct encode_cached e = { &cache, &q, &plan, limit, now_ms, now_ms };
    struct writer w = writer_over(room, sizeof room);
    if (!encode_cached(&e, &w, &rcode, &missing))
        return NULL;
    assert_true(writer_length(&w) <= limit);
    return reply_text(writer_span(&w));
}

/* RFC 1034 3.6, RFC 2181 8: TTLs count down; the value that came is what the first reply has. */
static void test_ttls_count_down(void **state)
{
    (void)state;
    assert_true(put("www.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 3600, "192.0.2.1", NOW));
    assert_int_equal(cache_ttl(find("www.a.", DNS_TYPE_A, NOW), NOW), 3600);
    assert_int_equal(cache_ttl(find("www.a.", DNS_TYPE_A, NOW), NOW + 999), 3600);
    assert_int_equal(cache_ttl(find("www.a.", DNS_TYPE_A, NOW), NOW + 1000), 3599);
    assert_int_equal(cache_ttl(find("www.a.", DNS_TYPE_A, NOW), NOW + 3599500), 1);
    assert_non_null(find("www.a.", DNS_TYPE_A, NOW + 3600000));
    assert_null(find("www.a.", DNS_TYPE_A, NOW + 3600001));
    assert_null(find("www.a.", DNS_TYPE_AAAA, NOW));
    assert_null(find("ww.a.", DNS_TYPE_A, NOW));
}

static void test_ttls_have_bounds(void **state)
{
    (void)state;
    cache.options.ttl_min_s = 10;
    put("long.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 604800, "192.0.2.1", NOW);
    put("short.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 1, "192.0.2.1", NOW);
    put("wrong.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 0x80000000, "192.0.2.1", NOW); /* counts as 0 */
    put("no.a.", DNS_TYPE_A, CACHE_NO_DATA, CACHE_ANSWER, 604800, NULL, NOW);
    put("failed.a.", DNS_TYPE_A, CACHE_FAILURE, 0, 604800, NULL, NOW);
    assert_int_equal(cache_ttl(find("long.a.", DNS_TYPE_A, NOW), NOW), 86400);
    assert_int_equal(cache_ttl(find("short.a.", DNS_TYPE_A, NOW), NOW), 10);
    assert_int_equal(cache_ttl(find("wrong.a.", DNS_TYPE_A, NOW), NOW), 10);
    assert_int_equal(cache_ttl(find("no.a.", DNS_TYPE_A, NOW), NOW), 3600);
    uint32_t failed_s = cache_ttl(find("failed.a.", DNS_TYPE_A, NOW), NOW); /* RFC 9520 3.2 */
    assert_true(failed_s >= 1 && failed_s <= 300);
}

/* RFC 2181 5.4.1: what is more credible stays for as long as it lives. */
static void test_ranks(void **state)
{
    (void)state;
    assert_true(put("www.a.", DNS_TYPE_A, CACHE_SET, CACHE_GLUE, 60, "192.0.2.1", NOW));
    assert_true(put("www.a.", DNS_TYPE_A, CACHE_SET, CACHE_AUTHORITATIVE, 10, "192.0.2.2", NOW));
    assert_false(put("www.a.", DNS_TYPE_A, CACHE_SET, CACHE_GLUE, 60, "192.0.2.3", NOW));
    assert_false(put("www.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 60, "192.0.2.3", NOW));
    assert_false(put("www.a.", DNS_TYPE_A, CACHE_FAILURE, CACHE_AUTHORITATIVE, 60, NULL, NOW));
    assert_int_equal(last_octet("www.a.", NOW), 2);
    assert_true(put("www.a.", DNS_TYPE_A, CACHE_SET, CACHE_AUTHORITATIVE, 10, "192.0.2.4", NOW + 1));
    assert_int_equal(last_octet("www.a.", NOW + 1), 4);
    assert_true(put("www.a.", DNS_TYPE_A, CACHE_SET, CACHE_GLUE, 60, "192.0.2.5", NOW + 10002));
    assert_int_equal(last_octet("www.a.", NOW + 10002), 5);
    assert_int_equal(cache.entry_count, 1);
}

/* Glue and the NS of a referral find servers; they answer nobody (RFC 2181 5.4.1, last paragraph). */
static void test_glue_answers_nobody(void **state)
{
    (void)state;
    put("ns.a.", DNS_TYPE_A, CACHE_SET, CACHE_GLUE, 60, "192.0.2.1", NOW);
    assert_null(reply("ns.a.", "A", 0, 512, NOW));
    put("ns.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 60, "192.0.2.1", NOW);
    assert_string_equal(reply("ns.a.", "A", 0, 512, NOW), "NOERROR ra; ns.a. 60 A 192.0.2.1;;");
}

/* Those to whom a zone was delegated cannot make the delegation last longer. */
static void test_a_delegation_is_not_prolonged(void **state)
{
    (void)state;
    put("sub.a.", DNS_TYPE_NS, CACHE_SET, CACHE_REFERRAL, 60, "192.0.2.1", NOW);
    put("sub.a.", DNS_TYPE_NS, CACHE_SET, CACHE_AUTHORITATIVE, 86400, "192.0.2.1", NOW + 30000);
    assert_int_equal(cache_ttl(find("sub.a.", DNS_TYPE_NS, NOW), NOW + 30000), 30);
}

static void test_names_that_do_not_exist(void **state)
{
    (void)state;
    put("no.a.", DNS_TYPE_A, CACHE_NO_NAME, CACHE_ANSWER, 60, NULL, NOW);
    assert_string_equal(reply("no.a.", "MX", 0, 512, NOW), "NXDOMAIN ra;;;"); /* of any type */
    put("no.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 60, "192.0.2.1", NOW + 1);
    assert_null(reply("no.a.", "MX", 0, 512, NOW + 1)); /* it exists now */
    put("empty.a.", DNS_TYPE_A, CACHE_NO_DATA, CACHE_ANSWER, 60, NULL, NOW);
    assert_string_equal(reply("empty.a.", "A", 0, 512, NOW), "NOERROR ra;;;");
    assert_null(reply("empty.a.", "MX", 0, 512, NOW));
}

static void test_chains(void **state)
{
    char name[32], target[32];
    (void)state;
    put_alias("www.a.", "Web.b.", 30, NOW);
    assert_null(reply("www.a.", "A", 0, 512, NOW));
    put("web.b.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 60, "192.0.2.1", NOW);
    assert_string_equal(reply("WWW.a.", "A", 0, 512, NOW + 5000),
                        "NOERROR ra; WWW.a. 25 CNAME Web.b. / Web.b. 55 A 192.0.2.1;;");
    assert_string_equal(reply("www.a.", "CNAME", 0, 512, NOW), "NOERROR ra; www.a. 30 CNAME Web.b.;;");
    put("web.b.", DNS_TYPE_MX, CACHE_NO_NAME, CACHE_ANSWER, 60, NULL, NOW);
    assert_string_equal(reply("www.a.", "MX", 0, 512, NOW), "NXDOMAIN ra; www.a. 30 CNAME Web.b.;;");
    put_alias("loop.a.", "loop.a.", 30, NOW);
    assert_null(reply("loop.a.", "A", 0, 512, NOW));
    for (int i = 0; i <= CACHE_CHAIN_MAX; i++) {
        snprintf(name, sizeof name, "c%d.", i);
        snprintf(target, sizeof target, "c%d.", i + 1);
        put_alias(name, target, 30, NOW);
    }
    snprintf(target, sizeof target, "c%d.", CACHE_CHAIN_MAX + 1);
    put(target, DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 60, "192.0.2.1", NOW);
    assert_null(reply("c0.", "A", 0, 512, NOW));
    assert_non_null(reply("c1.", "A", 0, 1232, NOW));
}

/* RFC 2181 9: what does not fit is not sent in part. */
static void test_truncation(void **state)
{
    uint8_t room[4096];
    struct writer w = writer_over(room, sizeof room);
    struct dns_name n = name_of("big.a.");
    (void)state;
    for (int i = 0; i < 100; i++) {
        write_u16(&w, 4);
        write_u32(&w, (uint32_t)i);
    }
    struct cache_news news = { dns_name_span(&n), DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 60, 100,
                               writer_span(&w) };
    assert_true(cache_put(&cache, &news, NOW));
    assert_string_equal(reply("big.a.", "A", 0, 512, NOW), "NOERROR tc ra;;;");
    assert_string_equal(reply("big.a.", "A", 1232, 1232, NOW), "NOERROR tc ra;;; OPT 1232");
    assert_non_null(strstr(reply("big.a.", "A", 4096, 4000, NOW), "big.a. 60 A 0.0.0.99;; OPT 1232"));
}

/* RFC 8914, and for a client without EDNS nothing but the code. */
static void test_failures(void **state)
{
    (void)state;
    put("www.a.", DNS_TYPE_A, CACHE_FAILURE, 0, 0, NULL, NOW);
    assert_string_equal(reply("www.a.", "A", 0, 512, NOW), "SERVFAIL ra;;;");
    assert_string_equal(reply("www.a.", "A", 1232, 1232, NOW), "SERVFAIL ra;;; OPT 1232");
    assert_null(reply("www.a.", "A", 0, 512, NOW + 300001));
    put("www.a.", DNS_TYPE_A, CACHE_SET, CACHE_GLUE, 60, "192.0.2.1", NOW + 1);
    assert_int_equal(last_octet("www.a.", NOW + 1), 1); /* anything is better */
}

/* A TTL of 0 is good for the resolution that learned it (RFC 1035 3.2.1). */
static void test_a_ttl_of_nothing(void **state)
{
    (void)state;
    put("now.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 0, "192.0.2.1", NOW + 500);
    assert_non_null(find("now.a.", DNS_TYPE_A, NOW)); /* for one that began at NOW */
    assert_null(find("now.a.", DNS_TYPE_A, NOW + 501));
    assert_int_equal(cache_ttl(find("now.a.", DNS_TYPE_A, NOW), NOW + 700), 0);
}

/* The bound holds whatever comes, and what is asked for stays. */
static void test_the_bound(void **state)
{
    char name[32];
    (void)state;
    put("wanted.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 3600, "192.0.2.1", NOW);
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "n%d.a.", i);
        assert_true(put(name, DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 3600, "192.0.2.1", NOW));
        assert_true(cache.bytes <= cache.options.bytes_max);
        if (i % 100 == 0)
            assert_non_null(find("wanted.a.", DNS_TYPE_A, NOW));
    }
    assert_true(cache.entry_count > 1000 && cache.entry_count < 20000);
    assert_non_null(find("wanted.a.", DNS_TYPE_A, NOW));
    assert_null(find("n0.a.", DNS_TYPE_A, NOW));
    assert_non_null(find("n19999.a.", DNS_TYPE_A, NOW));
    cache.options.bytes_max = 0; /* nothing fits at all */
    assert_false(put("more.a.", DNS_TYPE_A, CACHE_SET, CACHE_ANSWER, 3600, "192.0.2.1", NOW));
}

/* ---- servers ------------------------------------------------------------------------------------ */

static struct endpoint at(const char *text)
{
    struct endpoint e;
    assert_true(endpoint_parse(span_text(text), &e));
    return e;
}

static void test_servers(void **state)
{
    struct servers *s = servers_open(TEST_SEED);
    struct endpoint fast = at("192.0.2.1:53"), slow = at("192.0.2.2:53"), dead = at("192.0.2.3:53");
    struct endpoint other_port = at("192.0.2.1:54"), new6 = at("[2001:db8::1]:53"), new4 = at("192.0.2.9:53");
    struct dns_name zone = name_of("a."), other = name_of("b.");
    struct rng rng;
    (void)state;
    rng_seed(&rng, TEST_SEED);
    assert_int_equal(servers_timeout_ms(s, &fast, NOW), SERVERS_FIRST_MS);
    for (int i = 0; i < 20; i++) {
        servers_answered(s, &fast, 5, NOW);
        servers_answered(s, &slow, 900, NOW);
    }
    assert_int_equal(servers_timeout_ms(s, &fast, NOW), SERVERS_LEAST_MS);
    assert_true(servers_timeout_ms(s, &slow, NOW) >= 900 &&
                servers_timeout_ms(s, &slow, NOW) <= SERVERS_MOST_MS);
    assert_true(servers_cost_ms(s, &fast, &rng, NOW) < servers_cost_ms(s, &slow, &rng, NOW));
    assert_true(servers_cost_ms(s, &new4, &rng, NOW) < servers_cost_ms(s, &slow, &rng, NOW));
    assert_true(servers_cost_ms(s, &new4, &rng, NOW) < servers_cost_ms(s, &new6, &rng, NOW));
    for (int i = 0; i < SERVERS_DEAD_AFTER; i++)
        servers_lost(s, &dead, NOW);
    assert_true(servers_cost_ms(s, &dead, &rng, NOW) > 10 * servers_cost_ms(s, &slow, &rng, NOW));
    servers_answered(s, &dead, 1, NOW + 1); /* back */
    assert_true(servers_cost_ms(s, &dead, &rng, NOW + 1) < servers_cost_ms(s, &slow, &rng, NOW + 1));
    assert_false(servers_is_plain(s, &fast, NOW));
    servers_plain(s, &fast, NOW);
    assert_true(servers_is_plain(s, &fast, NOW + SERVERS_PLAIN_MS - 1));
    assert_false(servers_is_plain(s, &fast, NOW + SERVERS_PLAIN_MS));
    assert_false(servers_is_plain(s, &other_port, NOW));
    servers_lame(s, &fast, dns_name_span(&zone), NOW);
    assert_true(servers_is_lame(s, &fast, dns_name_span(&zone), NOW + SERVERS_LAME_MS - 1));
    assert_false(servers_is_lame(s, &fast, dns_name_span(&zone), NOW + SERVERS_LAME_MS));
    assert_false(servers_is_lame(s, &fast, dns_name_span(&other), NOW));
    assert_false(servers_is_lame(s, &slow, dns_name_span(&zone), NOW));
    servers_close(s);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_ttls_count_down),
        CASE(test_ttls_have_bounds),
        CASE(test_ranks),
        CASE(test_glue_answers_nobody),
        CASE(test_a_delegation_is_not_prolonged),
        CASE(test_names_that_do_not_exist),
        CASE(test_chains),
        CASE(test_truncation),
        CASE(test_failures),
        CASE(test_a_ttl_of_nothing),
        CASE(test_the_bound),
        cmocka_unit_test(test_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
