#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/denial.h"
#include "dnsd/encode.h"
#include "dnsd/zone_order.h"
#include "wire/dnssec.h"

#define LONG_LABEL "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static const char plain_zone[] =
    "$TTL 600\n"
    "@ SOA ns admin 7 2 3 4 300\n@ NS ns\nns A 192.0.2.53\n"
    "www A 192.0.2.80\n"
    "d DNAME target\nd TXT beside\nhidden.d A 192.0.2.66\n"
    "a.target A 192.0.2.90\n"
    "dd DNAME d\n"
    "away DNAME elsewhere.invalid.\n"
    "self DNAME x.self\nround1 DNAME round2\nround2 DNAME round1\n"
    "long DNAME " LONG_LABEL "." LONG_LABEL "." LONG_LABEL "\n"
    "cut NS ns\nx.cut DNAME www\n"
    "svc HTTPS 1 . alpn=h2\nsvc A 192.0.2.100\n"
    "svcc CNAME b.svc\nb.svc HTTPS 1 .\n"
    "svca HTTPS 0 svc\nsvct SVCB 1 svc port=53\nsvcx HTTPS 0 .\nsvco HTTPS 1 out.invalid.\n";

/* Signatures need not be true here: those are delv's business. */
#define SIG(type)      "RRSIG " type " 13 2 600 20300101000000 20200101000000 1 s.test. AAAA"
#define SIG_TEXT(type) "RRSIG " type " 13 2 600 20300101000000 20200101000000 1 s.test. AAAA"
static const char signed_zone[] =
    "$TTL 600\n"
    "@ SOA ns admin 7 2 3 4 300\n@ " SIG("SOA") "\n@ NS ns\n@ " SIG(
        "NS") "\n"
              "@ DNSKEY 257 3 13 AAAA\n@ 300 NSEC ns NS SOA RRSIG NSEC DNSKEY\n@ 300 " SIG(
                  "NSEC") "\n"
                          "ns 60 A 192.0.2.53\nns 60 " SIG("A") "\nns TXT t\nns " SIG(
                              "TXT") "\n"
                                     "ns 300 NSEC @ A TXT RRSIG NSEC\nns 300 " SIG("NSEC") "\n";

static struct zones zones;
static struct response response;

static int open_world(void **state)
{
    char why[512];
    struct zones_row rows[2] = { { .name = kept_name("p.test.") }, { .name = kept_name("s.test.") } };
    (void)state;
    rows[0].zone = zone_from("p.test.", plain_zone, why);
    rows[1].zone = zone_from("s.test.", signed_zone, why);
    return rows[0].zone && rows[1].zone && zones_open(&zones, rows, 2, TEST_SEED) ? 0 : -1;
}

static int close_world(void **state)
{
    (void)state;
    zones_close(&zones);
    return 0;
}

static const char *ask_with(const char *name, const char *type, bool dnssec)
{
    static uint8_t query[512], reply[DNS_MESSAGE_BYTES_MAX];
    struct dns_query q;
    struct address from = address_ip4(0x7F000001);
    size_t len = build_query(query, sizeof query, name, type, dnssec ? 1232 : 0);
    struct writer out = writer_over(reply, sizeof reply);
    if (dnssec)
        query[len - 4] = 0x80; /* DO is the first of the OPT's flags */
    dns_query_read(span_of(query, len), &q);
    respond(&zones, &q, &from, true, &out, &response);
    return reply_text(writer_span(&out));
}

static const char *ask(const char *name, const char *type)
{
    return ask_with(name, type, false);
}

#define P_SOA "p.test. 300 SOA ns.p.test. admin.p.test. 7 2 3 4 300"
#define D     "d.p.test. 600 DNAME target.p.test."

/* RFC 6672 2.2 and 3.1 */
static void dname(void **state)
{
    (void)state;
    assert_string_equal(ask("a.d.p.test.", "A"),
                        "NOERROR aa; " D " / a.d.p.test. 600 CNAME a.target.p.test. / "
                        "a.target.p.test. 600 A 192.0.2.90;;");
    assert_string_equal(ask("q.d.p.test.", "A"),
                        "NXDOMAIN aa; " D " / q.d.p.test. 600 CNAME q.target.p.test.; " P_SOA ";");
    assert_string_equal(ask("a.d.p.test.", "CNAME"),
                        "NOERROR aa; " D " / a.d.p.test. 600 CNAME a.target.p.test.;;");
    assert_string_equal(ask("d.p.test.", "DNAME"), "NOERROR aa; " D ";;");
    assert_string_equal(ask("d.p.test.", "TXT"), "NOERROR aa; d.p.test. 600 TXT \"beside\";;");
    assert_string_equal(ask("d.p.test.", "A"), "NOERROR aa;; " P_SOA ";");
    assert_string_equal(ask("a.dd.p.test.", "A"),
                        "NOERROR aa; dd.p.test. 600 DNAME d.p.test. / a.dd.p.test. 600 CNAME a.d.p.test. / " D
                        " / a.d.p.test. 600 CNAME a.target.p.test. / a.target.p.test. 600 A 192.0.2.90;;");
    assert_string_equal(ask("b.away.p.test.", "A"), "NOERROR aa; away.p.test. 600 DNAME elsewhere.invalid. / "
                                                    "b.away.p.test. 600 CNAME b.elsewhere.invalid.;;");
}

static void names_below_a_dname_are_hidden(void **state)
{
    (void)state;
    assert_string_equal(ask("hidden.d.p.test.", "A"),
                        "NXDOMAIN aa; " D " / hidden.d.p.test. 600 CNAME hidden.target.p.test.; " P_SOA ";");
    assert_string_equal(ask("b.x.cut.p.test.", "A"),
                        "NOERROR;; cut.p.test. 600 NS ns.p.test.; ns.p.test. 600 A 192.0.2.53");
}

static void dname_too_long(void **state)
{
    (void)state;
    const char *text = ask(LONG_LABEL ".yyyyyyyyyyyyy.long.p.test.", "A");
    assert_memory_equal(text, "YXDOMAIN aa; long.p.test. 600 DNAME ", 36);
    assert_null(strstr(text, "CNAME"));
    assert_memory_equal(ask("y.long.p.test.", "A"), "NXDOMAIN aa; long", 17);
}

static void dname_loops_end(void **state)
{
    (void)state;
    assert_memory_equal(ask("a.self.p.test.", "A"), "SERVFAIL", 8);
    assert_string_equal(ask("a.round1.p.test.", "A"),
                        "SERVFAIL aa; round1.p.test. 600 DNAME round2.p.test. / a.round1.p.test. 600 CNAME "
                        "a.round2.p.test. / round2.p.test. 600 DNAME round1.p.test. / a.round2.p.test. 600 "
                        "CNAME a.round1.p.test.;;");
}

static void a_second_dname_is_refused(void **state)
{
    char why[512];
    (void)state;
    assert_null(zone_from("p.test.", "@ SOA ns admin 7 2 3 4 300\n@ NS ns\nd DNAME a\nd DNAME b\n", why));
    assert_non_null(strstr(why, "DNAME"));
    assert_null(zone_from("p.test.", "@ SOA ns admin 7 2 3 4 300\n@ NS ns\nd DNAME a\nd CNAME b\n", why));
}

/* RFC 9460 4.1 */
static void services(void **state)
{
    (void)state;
    assert_string_equal(ask("svc.p.test.", "HTTPS"),
                        "NOERROR aa; svc.p.test. 600 HTTPS 1 . alpn=\"h2\";; svc.p.test. 600 A 192.0.2.100");
    assert_string_equal(ask("svca.p.test.", "HTTPS"),
                        "NOERROR aa; svca.p.test. 600 HTTPS 0 svc.p.test.;; svc.p.test. "
                        "600 HTTPS 1 . alpn=\"h2\" / svc.p.test. 600 A 192.0.2.100");
    assert_string_equal(
        ask("svct.p.test.", "SVCB"),
        "NOERROR aa; svct.p.test. 600 SVCB 1 svc.p.test. port=53;; svc.p.test. 600 A 192.0.2.100");
    /* an alias is none of the targets */
    assert_string_equal(ask("svcc.p.test.", "HTTPS"), "NOERROR aa; svcc.p.test. 600 CNAME b.svc.p.test. / "
                                                      "b.svc.p.test. 600 HTTPS 1 .;;");
    assert_string_equal(ask("svcx.p.test.", "HTTPS"), "NOERROR aa; svcx.p.test. 600 HTTPS 0 .;;");
    assert_string_equal(ask("svco.p.test.", "HTTPS"), "NOERROR aa; svco.p.test. 600 HTTPS 1 out.invalid.;;");
}

#define S_SOA  "s.test. 300 SOA ns.s.test. admin.s.test. 7 2 3 4 300 / s.test. 300 " SIG_TEXT("SOA")
#define S_NSEC "ns.s.test. 300 NSEC s.test. A TXT RRSIG NSEC / ns.s.test. 300 " SIG_TEXT("NSEC")
#define S_APEX "s.test. 300 NSEC ns.s.test. NS SOA RRSIG NSEC DNSKEY / s.test. 300 " SIG_TEXT("NSEC")

static void each_set_with_its_signatures(void **state)
{
    (void)state;
    assert_string_equal(
        ask_with("ns.s.test.", "A", true),
        "NOERROR aa; ns.s.test. 60 A 192.0.2.53 / ns.s.test. 60 " SIG_TEXT("A") ";; OPT 1232 do");
    assert_string_equal(
        ask_with("ns.s.test.", "TXT", true),
        "NOERROR aa; ns.s.test. 600 TXT \"t\" / ns.s.test. 600 " SIG_TEXT("TXT") ";; OPT 1232 do");
    assert_string_equal(ask("ns.s.test.", "A"), "NOERROR aa; ns.s.test. 60 A 192.0.2.53;;");
    assert_string_equal(ask_with("ns.s.test.", "MX", true),
                        "NOERROR aa;; " S_SOA " / " S_NSEC "; OPT 1232 do");
    assert_string_equal(ask_with("zz.s.test.", "MX", true),
                        "NXDOMAIN aa;; " S_SOA " / " S_NSEC " / " S_APEX "; OPT 1232 do");
    assert_string_equal(ask("zz.s.test.", "MX"),
                        "NXDOMAIN aa;; s.test. 300 SOA ns.s.test. admin.s.test. 7 2 3 4 300;");
}

/* RFC 5155 appendix A */
static void hashes(void **state)
{
    static const uint8_t salt[] = { 0xAA, 0xBB, 0xCC, 0xDD };
    static const struct {
        const char *name, *hashed;
    } rows[] = {
        { "example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example." },
        { "a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl.example." },
        { "*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en.example." },
        { "x.y.w.example.", "2vptu5timamqttgl4luu9kg21e0aor3s.example." },
    };
    struct dns_name zone = name_of("example."), out;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dns_name name = name_of(rows[i].name), want = name_of(rows[i].hashed);
        assert_true(denial_hashed_name(&name, span_of(salt, sizeof salt), 12, &zone, &out));
        assert_true(dns_name_equal(dns_name_span(&out), dns_name_span(&want)));
    }
    assert_false(denial_hashed_name(&zone, span_of(salt, 4), DENIAL_ITERATIONS_MAX + 1, &zone, &out));
}

/* ---- the order ------------------------------------------------------------------------------ */

#define MANY 400

static struct dns_name many_name(unsigned i)
{
    char text[64];
    snprintf(text, sizeof text, i % 3 ? "%c%u.s.test." : "x.%c%u.s.test.", (int)("zMa-b"[i % 5]),
             i * 7919 % MANY);
    return name_of(text);
}

/* By looking at all names: the last at or before it, else the last of all. */
static const struct zone_node *last_before(const struct zone *z, const struct dns_name *name)
{
    struct dns_name best_name, most_name, n;
    const struct zone_node *best = NULL, *most = NULL;
    for (zone_ref at = z->apex; at; at = zone_node_at(z, at)->next) {
        const struct zone_node *node = zone_node_at(z, at);
        dns_name_from_span(zone_node_name(node), &n);
        if (!zone_find_set(z, node, DNS_TYPE_NSEC))
            continue;
        if (!most || dns_name_compare(&n, &most_name) > 0) {
            most = node;
            dns_name_copy(&most_name, &n);
        }
        if (dns_name_compare(&n, name) <= 0 && (!best || dns_name_compare(&n, &best_name) > 0)) {
            best = node;
            dns_name_copy(&best_name, &n);
        }
    }
    return best ? best : most;
}

static void check_order(const struct zone *z)
{
    for (unsigned i = 0; i < MANY; i++) {
        struct dns_name name = many_name(i);
        bool exact;
        const struct zone_node *n = zone_order_find(z, ZONE_ORDER_NSEC, &name, &exact);
        assert_ptr_equal(n, last_before(z, &name));
        assert_int_equal(exact, dns_name_equal(zone_node_name(n), dns_name_span(&name)));
    }
}

/* Names that come and go one by one, in small and in large changes, leave the order that a build makes. */
static void the_order_follows_changes(void **state)
{
    static const uint8_t rdata[] = "\2ns\1s\4test\0\0\1\x40";
    struct span nsec = span_of(rdata, sizeof rdata - 1);
    char why[512];
    uint32_t ttl;
    struct zone *z = zone_from("s.test.", signed_zone, why);
    (void)state;
    for (unsigned step = 1; step <= MANY; step = step * 3) { /* 1, 3, 9, ... 243 names a change, then all */
        unsigned count = step * 3 > MANY ? MANY : step;
        for (unsigned i = 0; i < count; i++) {
            struct dns_name name = many_name(i);
            assert_false(zone_refused(zone_add(z, &name, DNS_TYPE_NSEC, 300, nsec)));
        }
        assert_int_equal(zone_settle(z), ZONE_FINE);
        check_order(z);
        struct zone *copy = zone_copy(z);
        assert_int_equal(zone_settle(copy), ZONE_FINE);
        check_order(copy);
        zone_release(copy);
        for (unsigned i = 0; i < count; i += 1 + step % 2) {
            struct dns_name name = many_name(i);
            zone_remove(z, &name, DNS_TYPE_NSEC, nsec, &ttl);
        }
        assert_int_equal(zone_settle(z), ZONE_FINE);
        check_order(z);
    }
    zone_release(z);
}

/* ---- chains of NSEC3 ------------------------------------------------------------------------ */

#define CHAIN_NAMES 12

static void put(struct zone *z, bool there, const struct dns_name *owner, uint16_t type, struct span rdata)
{
    uint32_t ttl;
    if (there)
        assert_false(zone_refused(zone_add(z, owner, type, 300, rdata)));
    else
        assert_true(zone_remove(z, owner, type, rdata, &ttl));
}

/* What an NSEC3PARAM is, and an NSEC3 begins with: SHA-1, no flags, a salt of one octet. */
static void write_hashing(struct writer *w, uint8_t salt, uint16_t iterations)
{
    write_u16(w, 0x0100);
    write_u16(w, iterations);
    write_u8(w, 1);
    write_u8(w, salt);
}

static void put_parameters(struct zone *z, bool there, uint8_t salt, uint16_t iterations)
{
    uint8_t room[16];
    struct writer w = writer_over(room, sizeof room);
    write_hashing(&w, salt, iterations);
    put(z, there, &z->name, DNS_TYPE_NSEC3PARAM, writer_span(&w));
}

/* A chain comes or goes; that each record leads to the next is not looked at here. */
static void put_chain(struct zone *z, bool there, uint8_t salt, uint16_t iterations)
{
    uint8_t room[64], next[20] = { 0 };
    for (unsigned i = 0; i < CHAIN_NAMES; i++) {
        char text[32];
        struct writer w = writer_over(room, sizeof room);
        snprintf(text, sizeof text, i ? "h%u.s.test." : "s.test.", i);
        struct dns_name name = name_of(text), owner;
        uint8_t hash[20] = { salt, (uint8_t)(i * 20) }; /* too dear to be made */
        if (!denial_hashed_name(&name, span_of(&salt, 1), iterations, &z->name, &owner))
            nsec3_owner(hash, &z->name, &owner);
        write_hashing(&w, salt, iterations);
        write_u8(&w, sizeof next);
        write_bytes(&w, next, sizeof next);
        put(z, there, &owner, DNS_TYPE_NSEC3, writer_span(&w));
    }
    assert_int_equal(zone_settle(z), ZONE_FINE);
}

/* All that is proved is proved by the chain with this salt: RFC 5155 7.2. */
static void check_proofs(const struct zone *z, uint8_t salt)
{
    for (unsigned i = 0; i < 50; i++) {
        char text[32];
        struct denial d;
        snprintf(text, sizeof text, "nope%u.s.test.", i);
        struct dns_name name = name_of(text);
        denial_of_name(z, &name, &d);
        assert_int_equal(d.type, DNS_TYPE_NSEC3);
        assert_in_range(d.count, 1, 3);
        for (size_t k = 0; k < d.count; k++)
            assert_int_equal(zone_find_set(z, d.nodes[k], d.type)->records[10 + 5], salt);
    }
}

/* While a zone gets another salt it has both chains, and an NSEC3PARAM for the one that is whole. */
static void proofs_are_of_one_chain(void **state)
{
    char why[512];
    struct zone *z = zone_from("s.test.", signed_zone, why);
    const struct zone_node *n;
    struct denial d;
    (void)state;
    put_parameters(z, true, 0xCC, 2);
    put_chain(z, true, 0xCC, 2);
    put_chain(z, true, 0xAA, 1);
    check_proofs(z, 0xCC);
    struct zone *copy = zone_copy(z);
    assert_int_equal(zone_settle(copy), ZONE_FINE);
    check_proofs(copy, 0xCC);
    zone_release(copy);
    put_parameters(z, true, 0xAA, 1);
    put_parameters(z, false, 0xCC, 2);
    assert_int_equal(zone_settle(z), ZONE_FINE);
    check_proofs(z, 0xAA);
    put_chain(z, false, 0xCC, 2);
    check_proofs(z, 0xAA);
    put_chain(z, true, 0xDD, 1);
    check_proofs(z, 0xAA);
    put_parameters(z, false, 0xAA, 1); /* then NSEC proves; names of hashes are none all the same */
    assert_int_equal(zone_settle(z), ZONE_FINE);
    struct dns_name name = name_of("nope.s.test."), hash;
    denial_of_name(z, &name, &d);
    assert_int_equal(d.type, DNS_TYPE_NSEC);
    assert_true(denial_hashed_name(&z->name, span_of("\xAA", 1), 1, &z->name, &hash));
    assert_int_equal(zone_find(z, &hash, &n), ZONE_ABSENT);
    zone_release(z);
}

/* RFC 9276 3.2: who validates looks at an NSEC3 before it takes a zone for insecure. */
static void too_many_iterations_are_shown(void **state)
{
    char why[512];
    struct denial d;
    struct dns_name name = name_of("nope.s.test.");
    (void)state;
    for (uint16_t more = 0; more < 2; more++) {
        struct zone *z = zone_from("s.test.", signed_zone, why);
        put_parameters(z, true, 0xCC, (uint16_t)(DENIAL_ITERATIONS_MAX + more));
        put_chain(z, true, 0xCC, (uint16_t)(DENIAL_ITERATIONS_MAX + more));
        assert_int_equal(denial_fault(z) != NULL, more);
        check_proofs(z, 0xCC);
        denial_of_type(z, &name, &d);
        assert_in_range(d.count, 1, 3);
        assert_non_null(zone_find_set(z, d.nodes[0], DNS_TYPE_NSEC3));
        zone_release(z);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dname),
        cmocka_unit_test(names_below_a_dname_are_hidden),
        cmocka_unit_test(dname_too_long),
        cmocka_unit_test(dname_loops_end),
        cmocka_unit_test(a_second_dname_is_refused),
        cmocka_unit_test(services),
        cmocka_unit_test(each_set_with_its_signatures),
        cmocka_unit_test(hashes),
        cmocka_unit_test(the_order_follows_changes),
        cmocka_unit_test(proofs_are_of_one_chain),
        cmocka_unit_test(too_many_iterations_are_shown),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
