/* record-order: sets as they lie, or beginning with each record in its turn; always whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/encode.h"

/* The set of `www` lies in two pieces, for it did not come in one. */
static const char text[] =
    "$TTL 60\n@ SOA ns admin 7 2 3 4 300\n@ NS ns\n@ NS ns2\nns A 192.0.2.53\nns2 A 192.0.2.54\n"
    "www A 192.0.2.1\nwww A 192.0.2.2\nother TXT x\nwww A 192.0.2.3\n"
    "mail MX 10 a.mail\nmail MX 10 b.mail\na.mail A 192.0.2.4\nb.mail A 192.0.2.5\n"
    "alias CNAME www\nbelow NS n1.below\nbelow NS n2.below\nn1.below A 192.0.2.61\nn2.below A 192.0.2.62\n";

static struct zones zones;
static struct response response;

static int open_world(void **state)
{
    char why[512];
    struct zones_row row = { .name = kept_name("o.test.") };
    (void)state;
    row.zone = zone_from("o.test.", text, why);
    return row.zone && zones_open(&zones, &row, 1, TEST_SEED) ? 0 : -1;
}

static int close_world(void **state)
{
    (void)state;
    zones_close(&zones);
    return 0;
}

static const char *ask(const char *name, const char *type)
{
    static uint8_t query[512], reply[DNS_MESSAGE_BYTES_MAX];
    struct dns_query q;
    struct address from = address_ip4(0x7F000001);
    size_t len = build_query(query, sizeof query, name, type, 0);
    struct writer out = writer_over(reply, sizeof reply);
    dns_query_read(span_of(query, len), &q);
    respond(&zones, &q, &from, true, &out, &response);
    return reply_text(writer_span(&out));
}

#define A(n) "www.o.test. 60 A 192.0.2." n

static void fixed(void **state)
{
    (void)state;
    response.rotates = false;
    for (int i = 0; i < 4; i++)
        assert_string_equal(ask("www.o.test.", "A"), "NOERROR aa; " A("1") " / " A("2") " / " A("3") ";;");
}

static void each_in_its_turn(void **state)
{
    (void)state;
    static const char *const orders[] = { "NOERROR aa; " A("1") " / " A("2") " / " A("3") ";;",
                                          "NOERROR aa; " A("2") " / " A("3") " / " A("1") ";;",
                                          "NOERROR aa; " A("3") " / " A("1") " / " A("2") ";;" };
    response.rotates = true;
    response.turn = 0;
    for (unsigned i = 1; i <= 9; i++)
        assert_string_equal(ask("www.o.test.", "A"), orders[i % 3]);
}

/* Where names in data are compressed, and in every section. */
static void all_kinds_of_sets(void **state)
{
    (void)state;
    response.rotates = true;
    response.turn = 0;
    assert_string_equal(
        ask("mail.o.test.", "MX"),
        "NOERROR aa; mail.o.test. 60 MX 10 b.mail.o.test. / mail.o.test. 60 MX 10 a.mail.o.test.;;");
    assert_string_equal(
        ask("mail.o.test.", "MX"),
        "NOERROR aa; mail.o.test. 60 MX 10 a.mail.o.test. / mail.o.test. 60 MX 10 b.mail.o.test.;;");
    assert_string_equal(
        ask("x.below.o.test.", "A"),
        "NOERROR;; below.o.test. 60 NS n2.below.o.test. / below.o.test. 60 NS n1.below.o.test.; "
        "n1.below.o.test. 60 A 192.0.2.61 / n2.below.o.test. 60 A 192.0.2.62");
    response.turn = 0;
    assert_string_equal(ask("alias.o.test.", "A"), "NOERROR aa; alias.o.test. 60 CNAME www.o.test. / " A(
                                                       "2") " / " A("3") " / " A("1") ";;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed),
        cmocka_unit_test(each_in_its_turn),
        cmocka_unit_test(all_kinds_of_sets),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
