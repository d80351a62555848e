/* Zones changed by hand: what the lines say is what the zone is afterwards, and what cannot be is told with
 * its place; nothing is passed over in silence, as UPDATE does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dns_versions.h"
#include "dnsd/edit.h"
#include "dnsd/zone_text.h"
#include "text.h"
#include "wire/dns_rdata.h"

#define BEFORE                                                                                               \
    "$TTL 5\n@ SOA ns h 7 1 1 1 1\n@ NS ns\nns A 192.0.2.1\nwww 60 A 192.0.2.2\nwww 60 A 192.0.2.3\n"        \
    "alias CNAME www\nt TXT \"a b\"\n"
#define EDITS_MAX 8

static char text[100000];
static struct edit_problem problem;

static const char *text_of(const struct zone *z)
{
    struct writer all = writer_over(text, sizeof text - 1);
    struct zone_walk *walk = zone_walk_open(z);
    struct zone_place p;
    while (zone_walk_next(walk, &p)) {
        write_dns_name_text(&all, zone_node_name(p.node));
        write_format(&all, " %u ", p.ttl);
        write_dns_type_text(&all, p.type);
        write_u8(&all, ' ');
        write_dns_rdata_text(&all, p.type, p.rdata);
        write_u8(&all, '\n');
    }
    zone_walk_close(walk);
    text[writer_length(&all)] = 0;
    return text;
}

static struct zone *zone_now(const char *file)
{
    char why[512];
    struct zone *z = zone_from("a.test.", file, why);
    assert_non_null(z);
    return z;
}

/* "+www A 1.2.3.4", "-www A", "=www A 1.2.3.4" */
static bool decide(const struct zone *z, const char *const *lines, bool signs, struct change **c)
{
    struct edit edits[EDITS_MAX];
    struct arena a;
    size_t n = 0;
    for (; lines[n]; n++)
        edits[n] = (struct edit){ lines[n][0] == '+'   ? EDIT_ADD
                                  : lines[n][0] == '-' ? EDIT_REMOVE
                                                       : EDIT_SET,
                                  span_text(lines[n] + 1) };
    arena_open(&a, 65536, 1 << 24);
    struct edit_rules rules = { .next_serial = z->serial + 1, .signs_itself = signs };
    bool ok = edit_decide(z, edits, n, &rules, &a, c, &problem);
    arena_close(&a);
    return ok;
}

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char *after(const char *const *lines)
{
    struct zone *z = zone_now(BEFORE), *next;
    struct change *c;
    const char *why = "";
    if (!decide(z, lines, false, &c))
        fail_msg("%s", problem.text);
    assert_non_null(c);
    next = zone_after(z, c, &why);
    assert_non_null(next);
    assert_int_equal(next->serial, c->to);
    text_of(next);
    change_release(c);
    zone_release(z);
    zone_release(next);
    return text;
}

static void assert_has(const char *whole, const char *part)
{
    if (!strstr(whole, part))
        fail_msg("no %s in:\n%s", part, whole);
}

static void assert_lacks(const char *whole, const char *part)
{
    if (strstr(whole, part))
        fail_msg("%s in:\n%s", part, whole);
}

static void test_added(void **state)
{
    (void)state;
    const char *t = after(LINES("+new 300 A 192.0.2.9", "+a.b 1h IN TXT x \"y z\"", "+c IN 7 MX 10 ns"));
    assert_has(t, "a.test. 5 SOA ns.a.test. h.a.test. 8 ");
    assert_has(t, "new.a.test. 300 A 192.0.2.9\n");
    assert_has(t, "a.b.a.test. 3600 TXT \"x\" \"y z\"\n");
    assert_has(t, "c.a.test. 7 MX 10 ns.a.test.\n");
    assert_has(t, "www.a.test. 60 A 192.0.2.3\n");
}

/* Without one, a set keeps its TTL, and a new one gets the SOA's. */
static void test_ttl_left_out(void **state)
{
    (void)state;
    assert_has(after(LINES("+www A 192.0.2.9")), "www.a.test. 60 A 192.0.2.9\n");
    assert_has(after(LINES("+new A 192.0.2.9")), "new.a.test. 5 A 192.0.2.9\n");
    assert_has(after(LINES("=www A 192.0.2.9")), "www.a.test. 60 A 192.0.2.9\n");
    const char *t = after(LINES("+www 9 A 192.0.2.9")); /* RFC 2181 5.2: all of a set have one TTL */
    assert_has(t, "www.a.test. 9 A 192.0.2.2\n");
    assert_has(t, "www.a.test. 9 A 192.0.2.9\n");
}

static void test_removed(void **state)
{
    (void)state;
    const char *t = after(LINES("-www A 192.0.2.2"));
    assert_lacks(t, "192.0.2.2");
    assert_has(t, "192.0.2.3");
    assert_lacks(after(LINES("-www 60 IN A")), "www.a.test. 60");
    assert_lacks(after(LINES("-www")), "www.a.test. 60");
    assert_lacks(after(LINES("-T.a.test.")), "TXT");
    assert_lacks(after(LINES("-alias CNAME WWW")), "CNAME"); /* RFC 4343 */
}

static void test_set(void **state)
{
    (void)state;
    const char *t = after(LINES("=www 30 A 192.0.2.7", "=www 30 A 192.0.2.8", "=new AAAA 2001:db8::1"));
    assert_lacks(t, "192.0.2.2");
    assert_lacks(t, "192.0.2.3");
    assert_has(t, "www.a.test. 30 A 192.0.2.7\n");
    assert_has(t, "www.a.test. 30 A 192.0.2.8\n");
    assert_has(t, "new.a.test. 5 AAAA 2001:db8::1\n");
    assert_has(after(LINES("=alias CNAME ns")), "alias.a.test. 5 CNAME ns.a.test.\n");
    t = after(LINES("=@ NS ns2", "+ns2 A 192.0.2.5"));
    assert_has(t, "a.test. 5 NS ns2.a.test.\n");
    assert_lacks(t, "NS ns.a.test.");
}

static void test_soa(void **state)
{
    (void)state;
    assert_has(after(LINES("=@ SOA ns h 100 2 2 2 2")), "SOA ns.a.test. h.a.test. 100 2 2 2 2\n");
    assert_has(after(LINES("+@ 9 SOA ns h 100 2 2 2 2", "+x A 192.0.2.1")),
               "a.test. 9 SOA ns.a.test. h.a.test. 100 ");
}

static void test_in_their_order(void **state)
{
    (void)state;
    const char *t = after(LINES("-www", "+www CNAME ns"));
    assert_has(t, "www.a.test. 5 CNAME ns.a.test.\n");
    t = after(LINES("-alias CNAME", "+alias A 192.0.2.4", "+alias TXT x"));
    assert_has(t, "alias.a.test. 5 A 192.0.2.4\n");
    assert_lacks(t, "CNAME");
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    struct zone *z = zone_now(BEFORE);
    struct change *c;
    assert_true(decide(z, LINES("+www 60 A 192.0.2.2"), false, &c));
    assert_null(c);
    assert_true(decide(z, LINES("=www A 192.0.2.3", "=www A 192.0.2.2"), false, &c));
    assert_null(c);
    assert_true(decide(z, LINES("+x A 192.0.2.1", "-x"), false, &c));
    assert_null(c);
    zone_release(z);
}

static void refused(const char *const *lines, size_t edit, unsigned column, const char *said)
{
    struct zone *z = zone_now(BEFORE);
    struct change *c;
    assert_false(decide(z, lines, false, &c));
    assert_null(c);
    assert_has(problem.text, said);
    assert_int_equal(problem.edit, edit);
    assert_int_equal(problem.column, column);
    zone_release(z);
}

static void test_refused(void **state)
{
    (void)state;
    refused(LINES("+www 300 A 192.0.2"), 0, 11, "expected an IPv4 address");
    refused(LINES("+x A 192.0.2.1", "+www 300 A"), 1, 10, "found the end");
    refused(LINES("+www 300 B 192.0.2.1"), 0, 9, "a record type");
    refused(LINES("+www 99999999999 A 192.0.2.1"), 0, 5, "a TTL");
    refused(LINES("+www ANY 192.0.2.1"), 0, 5, "a record type");
    refused(LINES("+www"), 0, 4, "a record type");
    refused(LINES("+"), 0, 1, "a name");
    refused(LINES("+  "), 0, 3, "a name");
    refused(LINES("+a..b A 192.0.2.1"), 0, 1, "expected");
    refused(LINES("+www.b.test. A 192.0.2.1"), 0, 1, "a name of this zone");
    refused(LINES("+t TXT \"x"), 0, 7, "a closing quote");
    refused(LINES("+t TXT \"x\\"), 0, 7, "a closing quote");
    refused(LINES("+www A 192.0.2.1 x"), 0, 17, "expected");
    refused(LINES("+alias A 192.0.2.1"), 0, 0, "is an alias");
    refused(LINES("+www CNAME ns"), 0, 0, "an alias stands alone");
    refused(LINES("+alias CNAME ns"), 0, 0, "alias already");
    refused(LINES("+d DNAME b.test.", "+d DNAME c.test."), 1, 0, "alias already");
    refused(LINES("-www A 192.0.2.77"), 0, 0, "no such record");
    refused(LINES("-www AAAA"), 0, 0, "no records of this name and type");
    refused(LINES("-gone"), 0, 0, "no records of this name");
    refused(LINES("-@ SOA"), 0, 0, "needs its SOA");
    refused(LINES("-@ NS"), 0, 0, "needs an NS");
    refused(LINES("-@ NS ns"), 0, 0, "needs an NS");
    refused(LINES("-@ NS NS"), 0, 0, "needs an NS");
    refused(LINES("-t TXT \"A b\""), 0, 0, "no such record");
    refused(LINES("-@ NS other"), 0, 0, "no such record");
    refused(LINES("+@ SOA ns h 7 1 1 1 1"), 0, 0, "a newer serial");
    refused(LINES("+@ SOA ns h 9 1 1 1 1", "+@ SOA ns h 8 1 1 1 1"), 1, 0, "a newer serial");
    refused(LINES("+www SOA ns h 8 1 1 1 1"), 0, 0, "at the name of the zone");
}

static void test_what_the_server_makes(void **state)
{
    (void)state;
    struct zone *z = zone_now(BEFORE);
    struct change *c;
    assert_false(decide(z, LINES("-@ DNSKEY"), true, &c));
    assert_has(problem.text, "signs itself");
    assert_false(decide(z, LINES("+www NSEC ns A"), true, &c));
    assert_true(decide(z, LINES("+sub DNSKEY 257 3 13 AAAA"), true, &c)); /* not the apex: data as any */
    change_release(c);
    zone_release(z);
}

/* ---- whole zones --------------------------------------------------------------------------------------- */

static struct change *replaced(const char *with, bool signs)
{
    struct zone *z = zone_now(BEFORE), *next = zone_now(with);
    struct change *c;
    struct edit_rules rules = { .next_serial = z->serial + 1, .signs_itself = signs };
    assert_true(edit_replace(z, next, &rules, &c));
    if (c) {
        const char *why = "";
        struct zone *made = zone_after(z, c, &why);
        assert_non_null(made);
        assert_int_equal(made->serial, c->to);
        assert_true(dns_serial_newer(made->serial, z->serial));
        text_of(made);
        zone_release(made);
    }
    zone_release(z);
    zone_release(next);
    return c;
}

static void test_replaced(void **state)
{
    (void)state;
    assert_null(replaced(BEFORE, false));
    struct change *c =
        replaced("$TTL 5\n@ SOA ns h 7 1 1 1 1\n@ NS ns\nns A 192.0.2.1\nmore A 192.0.2.2\n", false);
    assert_int_equal(c->to, 8); /* it did not say a newer one */
    assert_has(text, "more.a.test. 5 A 192.0.2.2\n");
    assert_lacks(text, "www");
    change_release(c);
    c = replaced("$TTL 5\n@ SOA ns h 2000 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n", false);
    assert_int_equal(c->to, 2000);
    change_release(c);
    c = replaced("$TTL 5\n@ SOA ns h 3 1 1 1 77\n@ NS ns\nns A 192.0.2.1\nwww 60 A 192.0.2.2\n"
                 "www 60 A 192.0.2.3\nalias CNAME www\nt TXT \"a b\"\n",
                 false);
    assert_int_equal(c->to, 8);
    assert_int_equal(c->removed.count, 1); /* the SOA alone */
    assert_has(text, " 8 1 1 1 77\n");
    change_release(c);
}

/* RFC 8976: a digest is of one version; one that no longer fits would have the zone refused. */
static void test_replaced_with_a_digest(void **state)
{
    (void)state;
#define DIGEST                                                                                               \
    "@ ZONEMD 7 1 1 "                                                                                        \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f\n"
    struct zone *z = zone_now(BEFORE DIGEST), *next = zone_now(BEFORE DIGEST "x A 192.0.2.1\n");
    struct edit_rules rules = { .next_serial = 20 };
    struct change *c;
    const char *why = "";
    assert_true(edit_replace(z, next, &rules, &c));
    struct zone *made = zone_after(z, c, &why);
    assert_lacks(text_of(made), "ZONEMD");
    assert_int_equal(made->serial, 20);
    assert_has(text, "x.a.test.");
    change_release(c);
    zone_release(made);
    zone_release(next);
    next =
        zone_now("$TTL 5\n@ SOA ns h 30 1 1 1 1\n@ NS ns\n" DIGEST); /* whoever wrote 30 knows what it says */
    assert_true(edit_replace(z, next, &rules, &c));
    made = zone_after(z, c, &why);
    assert_has(text_of(made), "ZONEMD");
    change_release(c);
    zone_release(made);
    zone_release(next);
    zone_release(z);
}

static void test_replaced_without_signatures(void **state)
{
    (void)state;
    assert_null(replaced(BEFORE "@ DNSKEY 257 3 13 AAAA\nwww NSEC ns A\n", true));
    struct change *c = replaced(BEFORE "@ DNSKEY 257 3 13 AAAA\nx A 192.0.2.1\n", true);
    assert_has(text, "x.a.test. 5 A");
    assert_lacks(text, "DNSKEY");
    change_release(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_added),
        cmocka_unit_test(test_ttl_left_out),
        cmocka_unit_test(test_removed),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_soa),
        cmocka_unit_test(test_in_their_order),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_what_the_server_makes),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_replaced_with_a_digest),
        cmocka_unit_test(test_replaced_without_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
