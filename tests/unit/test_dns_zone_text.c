/* A zone as text is the same zone again, its names in canonical order (RFC 4034 6.1), whatever their octets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/change.h"
#include "dnsd/masterfile.h"
#include "dnsd/zone_text.h"
#include "text.h"

static char line[ZONE_TEXT_LINE_MAX], scratch[ZONE_TEXT_LINE_MAX];
static char text[4 * ZONE_TEXT_LINE_MAX];

static struct zone *zone_of_file(const char *apex_text, struct span file)
{
    struct dns_name apex = name_of(apex_text);
    struct zone_builder *b = zone_builder_open(&apex, TEST_SEED, 0);
    struct masterfile *m = masterfile_open(b);
    enum zone_fault why;
    masterfile_push(m, file, "here");
    assert_int_equal(masterfile_run(m), MASTERFILE_DONE);
    assert_int_equal(masterfile_errors(m), 0);
    masterfile_close(m);
    struct zone *z = zone_builder_finish(b, &why);
    assert_non_null(z);
    return z;
}

static struct span text_of(const struct zone *z)
{
    struct writer all = writer_over(text, sizeof text);
    struct zone_walk *walk = zone_walk_open(z);
    struct zone_place p;
    zone_text_head(&all, z);
    while (zone_walk_next(walk, &p))
        zone_text_record(&all, z, &p);
    zone_walk_close(walk);
    assert_true(writer_ok(&all));
    return writer_span(&all);
}

static void assert_same_again(const char *apex, struct span file)
{
    struct zone *z = zone_of_file(apex, file), *again = zone_of_file(apex, text_of(z));
    struct change *c = change_between(z, again);
    assert_int_equal(c->removed.count, 1); /* the SOA, always */
    assert_int_equal(c->added.count, 1);
    assert_int_equal(z->record_count, again->record_count);
    assert_int_equal(z->serial, again->serial);
    change_release(c);
    zone_release(z);
    zone_release(again);
}

#define SOA "$TTL 5m\n@ SOA ns h 7 1h 1h 1h 1h\n NS ns\n"

static void test_loads_again(void **state)
{
    (void)state;
    assert_same_again("a.test.", span_text(SOA "ns A 192.0.2.1\nns A 192.0.2.2\nWwW 7 AAAA 2001:db8::1\n"));
    assert_same_again("a.test.",
                      span_text(SOA "\\@ TXT \"a \\\" \\\\ ; ( \\000 \\255\" \"\"\n\\$x A 192.0.2.1\n"));
    assert_same_again("a.test.",
                      span_text(SOA "a\\.b.c MX 5 .\n\\032\\000\\001 TYPE65000 \\# 2 0001\n* A 192.0.2.1\n"));
    assert_same_again("a.test.", span_text(SOA "w HTTPS 1 . alpn=\"h2,h3\" port=1\nx CAA 0 issue \"a;b\"\n"));
    assert_same_again(".", span_text(SOA "test NS ns.test\nns.test A 192.0.2.1\n"));
}

static void test_longest_record(void **state)
{
    (void)state;
    static char file[600000];
    struct writer w = writer_over(file, sizeof file);
    write_text(&w, SOA "long TYPE65000 \\# 65000 ");
    for (size_t i = 0; i < 65000; i++)
        write_text(&w, "ff");
    write_text(&w, "\nalso TXT");
    for (size_t i = 0; i < 250; i++) {
        write_text(&w, " \"");
        for (size_t k = 0; k < 255; k++)
            write_text(&w, k % 2 ? "\\001" : "\\\\");
        write_text(&w, "\"");
    }
    write_text(&w, "\n");
    assert_true(writer_ok(&w));
    assert_same_again("a.test.", writer_span(&w));
}

/* RFC 4034 6.1, the example, and what stands before and behind it. */
static void test_canonical_order(void **state)
{
    (void)state;
    static const char *const order[] = { "example.",         "a.example.",       "yljkjljk.a.example.",
                                         "Z.a.example.",     "zABC.a.EXAMPLE.",  "z.example.",
                                         "\\000.z.example.", "\\001.z.example.", "*.z.example.",
                                         "\\200.z.example." };
    struct zone *z = zone_of_file(
        "example.",
        span_text("$TTL 1\n@ SOA a a 1 2 3 4 5\n@ NS a\n\\200.z A 192.0.2.1\nzABC.a.EXAMPLE. A 192.0.2.1\n"
                  "*.z A 192.0.2.1\na A 192.0.2.1\n\\001.z A 192.0.2.1\nz A 192.0.2.1\n"
                  "\\000.z A 192.0.2.1\nZ.a A 192.0.2.1\nyljkjljk.a A 192.0.2.1\n"));
    struct zone_walk *walk = zone_walk_open(z);
    struct zone_place p;
    const struct zone_node *last = NULL;
    size_t i = 0;
    while (zone_walk_next(walk, &p)) {
        if (p.node == last)
            continue;
        last = p.node;
        assert_true(i < sizeof order / sizeof order[0]);
        struct dns_name expected = name_of(order[i++]);
        assert_true(dns_name_equal(zone_node_name(p.node), dns_name_span(&expected)));
    }
    assert_int_equal(i, sizeof order / sizeof order[0]);
    zone_walk_close(walk);
    zone_release(z);
}

static void test_json(void **state)
{
    (void)state;
    struct zone *z = zone_of_file("a.test.", span_text(SOA "x TXT \"a\\\"b\"\n"));
    struct zone_walk *walk = zone_walk_open(z);
    struct zone_place p;
    while (zone_walk_next(walk, &p)) {
        struct writer w = writer_over(line, sizeof line), s = writer_over(scratch, sizeof scratch);
        zone_text_json(&w, &p, &s);
        assert_true(writer_ok(&w));
        if (p.type == DNS_TYPE_TXT)
            assert_true(span_is(
                writer_span(&w),
                "{\"name\":\"x.a.test.\",\"ttl\":300,\"type\":\"TXT\",\"data\":\"\\\"a\\\\\\\"b\\\"\"}"));
    }
    zone_walk_close(walk);
    zone_release(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loads_again),
        cmocka_unit_test(test_longest_record),
        cmocka_unit_test(test_canonical_order),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
