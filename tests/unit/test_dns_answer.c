#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/encode.h"
#include "dnsd/transfer.h"

/* RFC 4592 2.2.1's zone, whole, with something of everything else. */
static const char example_zone[] = "$TTL 3600\n"
                                   "@ SOA ns admin 7 2 3 4 300\n"
                                   "@ NS ns.example.com.\n"
                                   "@ NS ns.example.net.\n"
                                   "* TXT \"this is a wildcard\"\n"
                                   "* MX 10 host1\n"
                                   "sub.* TXT \"this is not a wildcard\"\n"
                                   "host1 A 192.0.2.1\n"
                                   "_ssh._tcp.host1 SRV 0 0 22 host1\n"
                                   "_ssh._tcp.host2 SRV 0 0 22 host2\n"
                                   "subdel NS ns.example.com.\n"
                                   "subdel NS ns.example.net.\n";

static const char other_zone[] =
    "$TTL 600\n"
    "@ 100 SOA ns admin 7 2 3 4 300\n" /* its TTL is below its last field: RFC 2308 3 */
    "@ NS ns\n"
    "ns A 192.0.2.53\n"
    "Www A 192.0.2.80\n"
    "www AAAA 2001:db8::80\n"
    "alias CNAME www\n"
    "far CNAME alias\n"
    "away CNAME elsewhere.invalid.\n"
    "lost CNAME nothing\n"
    "toexample CNAME host1.example.\n"
    "todown CNAME x.down\n"
    "loop1 CNAME loop2\n"
    "loop2 CNAME loop1\n"
    "self CNAME self\n"
    "*.wild CNAME www\n"
    "*.w2 CNAME a.b.w2\n"
    "mail MX 10 www\nmail MX 20 ns\n"
    "down NS ns.down\ndown NS ns2.down\ndown NS ns\ndown NS ns.invalid.\ndown DS 1 8 2 AB\n"
    "ns.down A 192.0.2.54\nns2.down AAAA 2001:db8::54\nhidden.down TXT glue-is-not-data\n"
    "x.sub.down NS ns.x.sub.down\nns.x.sub.down A 192.0.2.55\n"
    "a.b.c.deep TXT deep\n"
    "big TXT (\n" /* 10 strings of 100 octets */
    " 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n"
    " 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n"
    " 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n"
    " 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\n"
    " 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789)\n"
    "big A 192.0.2.99\n";

struct world {
    struct zones zones;
    struct dns_query read;
    struct response response;
    uint8_t query[512], reply[DNS_MESSAGE_BYTES_MAX];
    struct writer out;
    enum respond_outcome outcome;
    struct prefix allowed;
    struct dnsd_permits permits;
};

static struct world world;

static int open_world(void **state)
{
    char why[512];
    struct zones_row rows[3] = { { .name = kept_name("example.") },
                                 { .name = kept_name("other.test.") },
                                 { .name = kept_name("broken.test.") } };
    (void)state;
    world.allowed = (struct prefix){ .address = address_ip4(0x7F000000), .bits = 8 };
    rows[0].zone = zone_from("example.", example_zone, why);
    rows[1].zone = zone_from("other.test.", other_zone, why);
    rows[1].transfer = &world.permits;
    world.permits = (struct dnsd_permits){ .prefixes = &world.allowed, .prefix_count = 1 };
    return rows[0].zone && rows[1].zone && zones_open(&world.zones, rows, 3, TEST_SEED) ? 0 : -1;
}

static int close_world(void **state)
{
    (void)state;
    zones_close(&world.zones);
    return 0;
}

static const char *send_message(struct span message, bool over_tcp, struct address from)
{
    world.out = writer_over(world.reply, over_tcp ? sizeof world.reply : ENCODE_UDP_BYTES_MAX);
    dns_query_read(message, &world.read);
    world.outcome = respond(&world.zones, &world.read, &from, over_tcp, &world.out, &world.response);
    assert_true(writer_ok(&world.out));
    return reply_text(writer_span(&world.out));
}

static const char *ask_by(const char *name, const char *type, uint16_t edns, bool over_tcp)
{
    size_t len = build_query(world.query, sizeof world.query, name, type, edns);
    return send_message(span_of(world.query, len), over_tcp, address_ip4(0x7F000001));
}

static const char *ask(const char *name, const char *type)
{
    return ask_by(name, type, 0, false);
}

#define SOA       "example. 300 SOA ns.example. admin.example. 7 2 3 4 300"
#define OTHER_SOA "other.test. 100 SOA ns.other.test. admin.other.test. 7 2 3 4 300"

static void data_and_no_data(void **state)
{
    (void)state;
    assert_string_equal(ask("host1.example.", "A"), "NOERROR aa; host1.example. 3600 A 192.0.2.1;;");
    assert_string_equal(ask("host1.example.", "AAAA"), "NOERROR aa;; " SOA ";");
    assert_string_equal(ask("host1.example.", "TYPE4711"), "NOERROR aa;; " SOA ";");
    assert_string_equal(ask("example.", "NS"),
                        "NOERROR aa; example. 3600 NS ns.example.com. / example. 3600 NS ns.example.net.;;");
    assert_string_equal(ask("example.", "SOA"),
                        "NOERROR aa; example. 3600 SOA ns.example. admin.example. 7 2 3 4 300;;");
}

/* RFC 4592 2.2.1, each of its examples. */
static void wildcards(void **state)
{
    (void)state;
    assert_string_equal(ask("host3.example.", "MX"),
                        "NOERROR aa; host3.example. 3600 MX 10 host1.example.;;");
    assert_string_equal(ask("host3.example.", "A"), "NOERROR aa;; " SOA ";");
    assert_string_equal(ask("foo.bar.example.", "TXT"),
                        "NOERROR aa; foo.bar.example. 3600 TXT \"this is a wildcard\";;");
    assert_string_equal(ask("host1.example.", "MX"), "NOERROR aa;; " SOA ";");
    assert_string_equal(ask("sub.*.example.", "MX"), "NOERROR aa;; " SOA ";");
    assert_string_equal(ask("_telnet._tcp.host1.example.", "SRV"), "NXDOMAIN aa;; " SOA ";");
    assert_string_equal(
        ask("host.subdel.example.", "A"),
        "NOERROR;; subdel.example. 3600 NS ns.example.com. / subdel.example. 3600 NS ns.example.net.;");
    assert_string_equal(ask("ghost.*.example.", "MX"), "NXDOMAIN aa;; " SOA ";");
    /* the wildcard itself is a name like any other */
    assert_string_equal(ask("*.example.", "MX"), "NOERROR aa; *.example. 3600 MX 10 host1.example.;;");
    assert_string_equal(ask("*.example.", "A"), "NOERROR aa;; " SOA ";");
}

static void empty_non_terminals_exist(void **state)
{
    (void)state;
    assert_string_equal(ask("_tcp.host2.example.", "MX"), "NOERROR aa;; " SOA ";");
    assert_string_equal(ask("host2.example.", "MX"),
                        "NOERROR aa;; " SOA ";"); /* so the wildcard is not for it */
    assert_string_equal(ask("x.host2.example.", "MX"), "NXDOMAIN aa;; " SOA ";");
    assert_string_equal(ask("deep.other.test.", "A"), "NOERROR aa;; " OTHER_SOA ";");
    assert_string_equal(ask("b.c.deep.other.test.", "ANY"), "NOERROR aa;; " OTHER_SOA ";");
    assert_string_equal(ask("x.b.c.deep.other.test.", "A"), "NXDOMAIN aa;; " OTHER_SOA ";");
}

static void aliases(void **state)
{
    (void)state;
    assert_string_equal(
        ask("alias.other.test.", "A"),
        "NOERROR aa; alias.other.test. 600 CNAME www.other.test. / www.other.test. 600 A 192.0.2.80;;");
    assert_string_equal(
        ask("far.other.test.", "AAAA"),
        "NOERROR aa; far.other.test. 600 CNAME alias.other.test. / alias.other.test. 600 CNAME "
        "www.other.test. / www.other.test. 600 AAAA 2001:db8::80;;");
    assert_string_equal(ask("alias.other.test.", "CNAME"),
                        "NOERROR aa; alias.other.test. 600 CNAME www.other.test.;;");
    assert_string_equal(ask("alias.other.test.", "ANY"),
                        "NOERROR aa; alias.other.test. 600 CNAME www.other.test.;;");
    assert_string_equal(ask("alias.other.test.", "MX"),
                        "NOERROR aa; alias.other.test. 600 CNAME www.other.test.; " OTHER_SOA ";");
    assert_string_equal(ask("away.other.test.", "A"),
                        "NOERROR aa; away.other.test. 600 CNAME elsewhere.invalid.;;");
    /* RFC 6604 3: the code is that of the last name */
    assert_string_equal(ask("lost.other.test.", "A"),
                        "NXDOMAIN aa; lost.other.test. 600 CNAME nothing.other.test.; " OTHER_SOA ";");
    /* RFC 1034 4.3.2 3a: back to step 1, so another zone of ours answers */
    assert_string_equal(
        ask("toexample.other.test.", "A"),
        "NOERROR aa; toexample.other.test. 600 CNAME host1.example. / host1.example. 3600 A 192.0.2.1;;");
    assert_string_equal(
        ask("x.wild.other.test.", "A"),
        "NOERROR aa; x.wild.other.test. 600 CNAME www.other.test. / www.other.test. 600 A 192.0.2.80;;");
}

/* RFC 1034 3.6.2: loops are signalled as an error. */
static void alias_loops_end(void **state)
{
    (void)state;
    assert_string_equal(
        ask("loop1.other.test.", "A"),
        "SERVFAIL aa; loop1.other.test. 600 CNAME loop2.other.test. / loop2.other.test. 600 CNAME "
        "loop1.other.test.;;");
    assert_string_equal(ask("self.other.test.", "A"),
                        "SERVFAIL aa; self.other.test. 600 CNAME self.other.test.;;");
    assert_string_equal(
        ask("x.w2.other.test.", "A"),
        "SERVFAIL aa; x.w2.other.test. 600 CNAME a.b.w2.other.test. / a.b.w2.other.test. 600 CNAME "
        "a.b.w2.other.test.;;");
}

/* A chain of our own making is followed so far and no further. */
static void alias_chains_are_bounded(void **state)
{
    char text[4096], why[512];
    struct writer w = writer_over(text, sizeof text - 1);
    struct zones zones;
    struct zones_row row = { .name = kept_name("chain.test.") };
    struct answer_plan *plan = calloc(1, sizeof *plan);
    struct dns_name first = name_of("c0.chain.test.");
    struct answer_question q = { .name = &first, .type = DNS_TYPE_A, .class = DNS_CLASS_IN };
    (void)state;
    write_text(&w, "$TTL 1\n@ SOA ns a 1 2 3 4 5\n@ NS ns\n");
    for (unsigned i = 0; i < 100; i++) {
        write_text(&w, "c");
        write_decimal(&w, i);
        write_text(&w, " CNAME c");
        write_decimal(&w, i + 1);
        write_text(&w, "\n");
    }
    text[writer_length(&w)] = 0;
    row.zone = zone_from("chain.test.", text, why);
    assert_true(zones_open(&zones, &row, 1, TEST_SEED));
    answer_question(&zones, &q, plan);
    assert_int_equal(plan->count, ANSWER_CHAIN_MAX + 1);
    assert_int_equal(plan->rcode, DNS_NOERROR);
    zones_close(&zones);
    free(plan);
}

/* RFC 6672 3.2: one DNAME leads to the next as one CNAME does. */
static void dname_chains_are_as_long(void **state)
{
    char text[4096], why[512];
    struct writer w = writer_over(text, sizeof text - 1);
    struct zones zones;
    struct zones_row row = { .name = kept_name("chain.test.") };
    struct answer_plan *plan = calloc(1, sizeof *plan);
    (void)state;
    write_text(&w, "$TTL 1\n@ SOA ns a 1 2 3 4 5\n@ NS ns\n");
    for (unsigned i = 0; i <= ANSWER_CHAIN_MAX; i++) {
        write_text(&w, "d");
        write_decimal(&w, i);
        write_text(&w, " DNAME d");
        write_decimal(&w, i + 1);
        write_text(&w, "\n");
    }
    write_text(&w, "a.d17 A 192.0.2.1\n");
    text[writer_length(&w)] = 0;
    row.zone = zone_from("chain.test.", text, why);
    assert_true(zones_open(&zones, &row, 1, TEST_SEED));
    struct dns_name first = name_of("a.d1.chain.test.");
    struct answer_question q = { .name = &first, .type = DNS_TYPE_A, .class = DNS_CLASS_IN };
    answer_question(&zones, &q, plan);
    assert_int_equal(plan->rcode, DNS_NOERROR);
    assert_int_equal(plan->count, 2 * ANSWER_CHAIN_MAX + 1);
    first = name_of("a.d0.chain.test.");
    answer_question(&zones, &q, plan);
    assert_int_equal(plan->rcode, DNS_SERVFAIL);
    zones_close(&zones);
    free(plan);
}

#define DOWN_NS                                                                                              \
    "down.other.test. 600 NS ns.down.other.test. / down.other.test. 600 NS ns2.down.other.test. / "          \
    "down.other.test. "                                                                                      \
    "600 NS ns.other.test. / down.other.test. 600 NS ns.invalid."
#define DOWN_GLUE                                                                                            \
    "ns.down.other.test. 600 A 192.0.2.54 / ns2.down.other.test. 600 AAAA 2001:db8::54 / ns.other.test. "    \
    "600 A "                                                                                                 \
    "192.0.2.53"

static void referrals_with_glue(void **state)
{
    (void)state;
    assert_string_equal(ask("down.other.test.", "A"), "NOERROR;; " DOWN_NS "; " DOWN_GLUE);
    assert_string_equal(ask("down.other.test.", "NS"), "NOERROR;; " DOWN_NS "; " DOWN_GLUE);
    assert_string_equal(ask("a.b.down.other.test.", "MX"), "NOERROR;; " DOWN_NS "; " DOWN_GLUE);
    /* what lies below a cut is not ours to answer, even where the file has it */
    assert_string_equal(ask("hidden.down.other.test.", "TXT"), "NOERROR;; " DOWN_NS "; " DOWN_GLUE);
    assert_string_equal(ask("ns.down.other.test.", "A"), "NOERROR;; " DOWN_NS "; " DOWN_GLUE);
    /* the cut nearest to the apex counts */
    assert_string_equal(ask("y.x.sub.down.other.test.", "A"), "NOERROR;; " DOWN_NS "; " DOWN_GLUE);
    /* an alias to a name below a cut: the alias is ours, the rest is not */
    assert_string_equal(ask("todown.other.test.", "A"),
                        "NOERROR aa; todown.other.test. 600 CNAME x.down.other.test.; " DOWN_NS
                        "; " DOWN_GLUE);
}

/* RFC 4035 3.1.4.1: DS is the parent's. */
static void ds_lives_above_the_cut(void **state)
{
    (void)state;
    assert_string_equal(ask("down.other.test.", "DS"), "NOERROR aa; down.other.test. 600 DS 1 8 2 AB;;");
    assert_string_equal(ask("subdel.example.", "DS"), "NOERROR aa;; " SOA ";");
    assert_string_equal(ask("a.down.other.test.", "DS"), "NOERROR;; " DOWN_NS "; " DOWN_GLUE);
    assert_string_equal(ask("other.test.", "DS"), "NOERROR aa;; " OTHER_SOA ";");
}

static void zones_of_others_are_refused(void **state)
{
    (void)state;
    assert_string_equal(ask("example.com.", "A"), "REFUSED;;;");
    assert_string_equal(ask("test.", "A"), "REFUSED;;;");
    assert_string_equal(ask(".", "NS"), "REFUSED;;;");
    assert_string_equal(ask("anotherother.test.", "A"), "REFUSED;;;");
    assert_string_equal(ask("x.broken.test.", "A"), "SERVFAIL;;;"); /* ours, but not loaded */
}

static void other_classes_are_refused(void **state)
{
    (void)state;
    size_t len = build_query(world.query, sizeof world.query, "host1.example.", "A", 0);
    world.query[len - 1] = DNS_CLASS_CH;
    assert_string_equal(send_message(span_of(world.query, len), false, address_ip4(1)), "REFUSED;;;");
}

/* RFC 8482 4.1 by UDP, 4.4 by TCP. */
static void any(void **state)
{
    (void)state;
    assert_string_equal(ask("www.other.test.", "ANY"), "NOERROR aa; www.other.test. 600 A 192.0.2.80;;");
    assert_string_equal(
        ask_by("www.other.test.", "ANY", 0, true),
        "NOERROR aa; www.other.test. 600 A 192.0.2.80 / www.other.test. 600 AAAA 2001:db8::80;;");
    assert_string_equal(ask("none.other.test.", "ANY"), "NXDOMAIN aa;; " OTHER_SOA ";");
}

/* RFC 1035 2.3.3, RFC 4343: compared without case, given back as asked. */
static void case_of_the_question_is_kept(void **state)
{
    (void)state;
    assert_string_equal(ask("hOsT1.ExAmPlE.", "A"), "NOERROR aa; hOsT1.ExAmPlE. 3600 A 192.0.2.1;;");
    assert_string_equal(ask("wWw.oThEr.TeSt.", "A"), "NOERROR aa; wWw.oThEr.TeSt. 600 A 192.0.2.80;;");
    assert_string_equal(ask("ANY.example.", "TXT"),
                        "NOERROR aa; ANY.example. 3600 TXT \"this is a wildcard\";;");
}

static void head_of_the_reply(void **state)
{
    (void)state;
    size_t len = build_query(world.query, sizeof world.query, "host1.example.", "A", 0);
    send_message(span_of(world.query, len), false, address_ip4(1));
    static const uint8_t expected[] = { 0x12, 0x34, 0x85, 0x00, 0, 1, 0, 1, 0, 0, 0, 0 };
    assert_memory_equal(world.reply, expected, sizeof expected);
    assert_memory_equal(world.reply + 12, world.query + 12, len - 12);
    static const uint8_t record[] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4, 192, 0, 2, 1 };
    assert_int_equal(writer_length(&world.out), len + sizeof record);
    assert_memory_equal(world.reply + len, record, sizeof record);
    /* RD clear, and the bits that are none of ours set: Z, AD, CD */
    world.query[2] = 0;
    world.query[3] = 0x70;
    send_message(span_of(world.query, len), false, address_ip4(1));
    assert_int_equal(world.reply[2], 0x84);
    assert_int_equal(world.reply[3], 0);
}

static void names_are_compressed(void **state)
{
    (void)state;
    ask("mail.other.test.", "MX");
    /* question 12 + 21 = 33; "www" and a pointer, "ns" and a pointer */
    size_t question = DNS_HEADER_BYTES + sizeof "\4mail\5other\4test" + 4;
    assert_int_equal(writer_length(&world.out), question + 2 * 12 + (2 + 4 + 2) + (2 + 3 + 2));
    /* not those of the types that came after RFC 1035 (RFC 3597 4) */
    ask("_ssh._tcp.host1.example.", "SRV");
    question = DNS_HEADER_BYTES + sizeof "\4_ssh\4_tcp\5host1\7example" + 4;
    assert_int_equal(writer_length(&world.out), question + 12 + 6 + sizeof "\5host1\7example");
}

static void edns(void **state)
{
    (void)state;
    assert_string_equal(ask_by("host1.example.", "A", 4096, false),
                        "NOERROR aa; host1.example. 3600 A 192.0.2.1;; OPT 1232");
    assert_string_equal(ask_by("down.other.test.", "A", 512, false),
                        "NOERROR;; " DOWN_NS "; " DOWN_GLUE " / OPT 1232");
    size_t len = build_query(world.query, sizeof world.query, "host1.example.", "A", 1232);
    world.query[len - 4] = 0x80; /* DO: RFC 3225 3 */
    assert_string_equal(send_message(span_of(world.query, len), false, address_ip4(1)),
                        "NOERROR aa; host1.example. 3600 A 192.0.2.1;; OPT 1232 do");
    world.query[len - 5] =
        1; /* version 1: BADVERS, which is 16: four bits here, eight there (RFC 6891 6.1.3) */
    assert_string_equal(send_message(span_of(world.query, len), false, address_ip4(1)),
                        "NOERROR;;; OPT 1232 do extended");
}

/* RFC 2181 9: what is required and does not fit is left out whole, and TC says so. */
static void truncation(void **state)
{
    (void)state;
    assert_string_equal(ask("big.other.test.", "TXT"), "NOERROR aa tc;;;");
    assert_string_equal(ask("big.other.test.", "A"), "NOERROR aa; big.other.test. 600 A 192.0.2.99;;");
    assert_true(strstr(ask_by("big.other.test.", "TXT", 1232, false), "NOERROR aa; big.other.test. 600 TXT"));
    assert_string_equal(ask_by("big.other.test.", "TXT", 100, false),
                        "NOERROR aa tc;;; OPT 1232"); /* below 512: 512 */
    assert_true(strstr(ask_by("big.other.test.", "TXT", 0, true), "NOERROR aa; big.other.test. 600 TXT"));
}

/* At every limit: never longer, whole sets only, TC when something required is missing (glue: RFC 9471 3). */
static void every_limit(void **state)
{
    (void)state;
    struct dns_query q;
    struct dns_name lower;
    size_t len = build_query(world.query, sizeof world.query, "down.other.test.", "A", 1232);
    assert_int_equal(dns_query_read(span_of(world.query, len), &q), DNS_QUERY_GOOD);
    dns_name_lower(&lower, &q.question.name);
    struct answer_question question = { .name = &lower, .type = DNS_TYPE_A, .class = DNS_CLASS_IN };
    answer_question(&world.zones, &question, &world.response.plan);
    bool whole = false;
    for (size_t limit = len; limit < 300; limit++) {
        world.reply[limit] = 0xAA;
        struct writer w = writer_over(world.reply, sizeof world.reply);
        encode_plan(&q, &world.response.plan, limit, &w);
        assert_true(writer_length(&w) <= limit);
        assert_int_equal(world.reply[limit], 0xAA);
        const char *text = reply_text(writer_span(&w));
        bool glue =
            strstr(text, "ns.down.other.test. 600 A ") && strstr(text, "ns2.down.other.test. 600 AAAA ");
        assert_null(strstr(text, REPLY_LEFTOVER));
        assert_null(strstr(text, REPLY_MALFORMED));
        assert_non_null(strstr(text, "OPT 1232"));
        assert_int_equal(strstr(text, " tc") == NULL, glue);
        assert_int_equal(strstr(text, DOWN_NS) != NULL, strstr(text, " NS ") != NULL);
        whole |= strstr(text, "192.0.2.53") != NULL;
    }
    assert_true(whole);
}

static void malformed_messages(void **state)
{
    (void)state;
    struct address from = address_ip4(1);
    size_t len = build_query(world.query, sizeof world.query, "host1.example.", "A", 0);
    assert_string_equal(send_message(span_of(world.query, 11), false, from), "silence");
    assert_string_equal(send_message(span_of(world.query, 12), false, from), "FORMERR;;;");
    assert_string_equal(send_message(span_of(world.query, len - 1), false, from), "FORMERR;;;");
    assert_int_equal(writer_length(&world.out), DNS_HEADER_BYTES);
    world.query[2] |= 0x80;
    assert_string_equal(send_message(span_of(world.query, len), false, from), "silence");
    world.query[2] = 0x28; /* UPDATE */
    assert_string_equal(send_message(span_of(world.query, len), false, from), "NOTIMP;;;");
    assert_int_equal(world.reply[2], 0xa8);
}

/* ---- transfers ------------------------------------------------------------------------------- */

static void transfers_are_for_whom_they_are_allowed(void **state)
{
    (void)state;
    assert_string_equal(ask_by("other.test.", "AXFR", 0, false), "FORMERR;;;");
    assert_string_equal(ask_by("example.", "AXFR", 0, true), "REFUSED;;;");
    assert_string_equal(ask_by("www.other.test.", "AXFR", 0, true), "NOTAUTH;;;");
    assert_string_equal(ask_by("invalid.", "AXFR", 0, true), "NOTAUTH;;;");
    size_t len = build_query(world.query, sizeof world.query, "other.test.", "AXFR", 0);
    assert_string_equal(send_message(span_of(world.query, len), true, address_ip4(0x0A000001)), "REFUSED;;;");
    assert_string_equal(send_message(span_of(world.query, len), true, address_ip4(0x7F000001)), "silence");
    assert_int_equal(world.outcome, RESPOND_TRANSFER);
}

/* All records, each once, SOA first and last, in messages of whatever size. */
static void transfer_in_messages_of(size_t room)
{
    struct transfer t;
    char zone_text[16384], why[512];
    struct writer text = writer_over(zone_text, sizeof zone_text - 1);
    size_t records = 0, messages = 0, soas = 0;
    size_t len = build_query(world.query, sizeof world.query, "OTHER.test.", "AXFR", 1232);
    send_message(span_of(world.query, len), true, address_ip4(0x7F000001));
    transfer_begin(&t, world.response.zone, world.response.query, false);
    while (!transfer_over(&t) && messages < 1000) {
        struct writer w = writer_over(world.reply, room);
        transfer_next(&t, &w);
        assert_true(writer_ok(&w));
        struct span message = writer_span(&w);
        struct reader r = reader_over(message);
        struct dns_header h;
        struct dns_question q;
        assert_true(read_dns_header(&r, &h));
        assert_int_equal(h.id, 0x1234);
        assert_int_equal(h.flags, DNS_QR | DNS_AA | DNS_RD);
        assert_int_equal(h.questions, messages == 0);
        assert_int_equal(h.additionals, 1);
        if (h.questions)
            read_dns_question(&r, message, &q);
        assert_true(h.answers > 0);
        for (uint16_t i = 0; i < h.answers; i++) {
            struct reader look = r;
            struct dns_record record;
            read_dns_record(&look, message, &record);
            soas += record.type == DNS_TYPE_SOA;
            if (record.type != DNS_TYPE_SOA || soas == 1) {
                record_text(&text, &r, message);
                write_text(&text, "\n");
            } else {
                read_dns_record(&r, message, &record);
            }
            records++;
        }
        messages++;
    }
    assert_int_equal(soas, 2);
    assert_int_equal(records, world.response.zone->record_count + 1);
    /* what was sent is the same zone again, the case of its names included */
    zone_text[writer_length(&text)] = 0;
    assert_non_null(strstr(zone_text, "Www.other.test. 600 A 192.0.2.80\n"));
    struct zone *again = zone_from("other.test.", zone_text, why);
    assert_string_equal(why, "");
    assert_int_equal(again->record_count, world.response.zone->record_count);
    assert_int_equal(again->node_count, world.response.zone->node_count);
    zone_release(again);
    transfer_end(&t);
    transfer_end(&t);
}

static void transfer_sends_all(void **state)
{
    (void)state;
    transfer_in_messages_of(DNS_MESSAGE_BYTES_MAX);
    for (size_t room = 600; room < 700; room += 7)
        transfer_in_messages_of(room);
}

/* RFC 1995 2 and 4. */
static void ixfr_without_a_journal(void **state)
{
    static const char soa[] = "\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    struct address from = address_ip4(0x7F000001);
    (void)state;
    size_t len = build_query(world.query, sizeof world.query, "other.test.", "IXFR", 0);
    assert_string_equal(send_message(span_of(world.query, len), true, from), "FORMERR;;;");
    memcpy(world.query + len, soa, sizeof soa - 1);
    world.query[9] = 1;
    len += sizeof soa - 1;
    send_message(span_of(world.query, len), true, from);
    assert_int_equal(world.outcome, RESPOND_TRANSFER);
    assert_true(world.response.soa_alone);
    world.query[len - 17] = 6;
    send_message(span_of(world.query, len), true, from);
    assert_false(world.response.soa_alone);
    assert_string_equal(send_message(span_of(world.query, len), false, from),
                        "NOERROR aa; other.test. 100 SOA ns.other.test. admin.other.test. 7 2 3 4 300;;");
    assert_string_equal(send_message(span_of(world.query, len), false, address_ip4(1)), "REFUSED;;;");
}

/* Zones come and go while others are served. */
static void a_directory_grows_and_shrinks(void **state)
{
    struct zones zones;
    struct dns_name names[300];
    (void)state;
    assert_true(zones_open(&zones, NULL, 0, TEST_SEED));
    for (size_t i = 0; i < 300; i++) {
        char text[32];
        snprintf(text, sizeof text, "z%zu.test.", i);
        names[i] = name_of(text);
        struct zones_row row = { .name = &names[i] };
        assert_true(zones_add(&zones, &row));
    }
    for (size_t i = 0; i < 300; i += 3)
        zones_remove(&zones, zones_find_apex(&zones, &names[i]));
    assert_int_equal(zones.count, 200);
    for (size_t i = 0; i < 300; i++) {
        const struct zones_row *row = zones_find_apex(&zones, &names[i]);
        assert_true(i % 3 ? row && row->name == &names[i] : !row);
    }
    zones_close(&zones);
}

/* A delegation to so many servers, each with two addresses below it: how many of these a reply has. */
static size_t addresses_of(unsigned servers, bool over_tcp, bool *truncated)
{
    static char text[1 << 17];
    char why[512];
    struct zones zones;
    struct zones_row row = { .name = kept_name("big.test.") };
    struct address from = address_ip4(0x7F000001);
    struct writer w = writer_over(text, sizeof text - 1);
    write_text(&w, "$TTL 1\n@ SOA ns a 1 2 3 4 5\n@ NS ns\n");
    for (unsigned i = 0; i < servers; i++) {
        char line[128];
        snprintf(line, sizeof line, "d NS n%u.d\nn%u.d A 192.0.2.1\nn%u.d AAAA ::1\n", i, i, i);
        write_text(&w, line);
    }
    assert_true(writer_ok(&w));
    text[writer_length(&w)] = 0;
    row.zone = zone_from("big.test.", text, why);
    assert_true(zones_open(&zones, &row, 1, TEST_SEED));
    size_t len = build_query(world.query, sizeof world.query, "x.d.big.test.", "A", 1232);
    dns_query_read(span_of(world.query, len), &world.read);
    struct writer out = writer_over(world.reply, over_tcp ? sizeof world.reply : ENCODE_UDP_BYTES_MAX);
    respond(&zones, &world.read, &from, over_tcp, &out, &world.response);
    struct dns_header h;
    struct reader r = reader_over(writer_span(&out));
    read_dns_header(&r, &h);
    *truncated = h.flags & DNS_TC;
    zones_close(&zones);
    return h.additionals - 1U; /* OPT */
}

/* RFC 9471 3.1 */
static void all_glue_or_truncated(void **state)
{
    bool truncated;
    (void)state;
    assert_int_equal(addresses_of(60, true, &truncated), 120);
    assert_false(truncated);
    assert_int_equal(addresses_of(500, true, &truncated), 1000);
    assert_false(truncated);
    assert_in_range(addresses_of(600, true, &truncated), 1000, 1100);
    assert_true(truncated);
    addresses_of(30, false, &truncated); /* 60 sets, which a datagram does not hold either */
    assert_true(truncated);
    addresses_of(60, false, &truncated);
    assert_true(truncated);
}

/* RFC 4035 3.1.4.1: the parent's, or the child's "no", whoever serves what is between two zones of ours. */
static void signers_between_zones_of_ours(void **state)
{
    char why[512];
    struct zones zones;
    struct zones_row rows[3] = { { .name = kept_name("top.") },
                                 { .name = kept_name("a.b.top.") },
                                 { .name = kept_name("c.top.") } };
    struct answer_plan *plan = calloc(1, sizeof *plan);
    (void)state;
    rows[0].zone = zone_from("top.",
                             "$TTL 1\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nb NS ns.invalid.\nc NS ns\n"
                             "c DS 1 13 2 00\n",
                             why);
    rows[1].zone = zone_from("a.b.top.", "$TTL 1\n@ SOA ns a 1 2 3 4 5\n@ NS ns\n", why);
    rows[2].zone = zone_from("c.top.", "$TTL 1\n@ SOA ns a 1 2 3 4 5\n@ NS ns\n", why);
    assert_true(zones_open(&zones, rows, 3, TEST_SEED));
    struct answer_question q = { .type = DNS_TYPE_DS, .class = DNS_CLASS_IN };
    struct dns_name name = name_of("a.b.top.");
    q.name = &name;
    answer_question(&zones, &q, plan);
    assert_true(plan->authoritative && plan->count == 1); /* its own SOA */
    assert_ptr_equal(plan->rows[0].zone, rows[1].zone);
    name = name_of("c.top.");
    answer_question(&zones, &q, plan);
    assert_true(plan->authoritative && plan->count == 1);
    assert_ptr_equal(plan->rows[0].zone, rows[0].zone);
    name = name_of("x.b.top.");
    answer_question(&zones, &q, plan);
    assert_false(plan->authoritative); /* neither: who has b.top. knows */
    zones_close(&zones);
    free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_and_no_data),
        cmocka_unit_test(wildcards),
        cmocka_unit_test(empty_non_terminals_exist),
        cmocka_unit_test(aliases),
        cmocka_unit_test(alias_loops_end),
        cmocka_unit_test(alias_chains_are_bounded),
        cmocka_unit_test(dname_chains_are_as_long),
        cmocka_unit_test(referrals_with_glue),
        cmocka_unit_test(ds_lives_above_the_cut),
        cmocka_unit_test(zones_of_others_are_refused),
        cmocka_unit_test(other_classes_are_refused),
        cmocka_unit_test(any),
        cmocka_unit_test(case_of_the_question_is_kept),
        cmocka_unit_test(head_of_the_reply),
        cmocka_unit_test(names_are_compressed),
        cmocka_unit_test(edns),
        cmocka_unit_test(truncation),
        cmocka_unit_test(every_limit),
        cmocka_unit_test(malformed_messages),
        cmocka_unit_test(transfers_are_for_whom_they_are_allowed),
        cmocka_unit_test(transfer_sends_all),
        cmocka_unit_test(ixfr_without_a_journal),
        cmocka_unit_test(a_directory_grows_and_shrinks),
        cmocka_unit_test(all_glue_or_truncated),
        cmocka_unit_test(signers_between_zones_of_ours),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
