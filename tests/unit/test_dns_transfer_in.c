/* dnsd/transfer_in.c: transfers as RFC 5936 2.2 and RFC 1995 4 have them, in any cut into messages, and what
 * is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dns_versions.h"
#include "dnsd/transfer_in.h"

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define BYTES_MAX 100000
#define PLENTY    1000 /* records a message: all in one */

struct rr {
    const char *owner, *type, *words;
};

#define SOA(serial)                                                                                          \
    {                                                                                                        \
        "a.test.", "SOA", "ns.a.test. admin.a.test. " #serial " 2 3 4 5"                                     \
    }
#define APEX                                                                                                 \
    {                                                                                                        \
        "a.test.", "NS", "ns.a.test."                                                                        \
    }
#define NS_A                                                                                                 \
    {                                                                                                        \
        "ns.a.test.", "A", "192.0.2.1"                                                                       \
    }
#define OLD                                                                                                  \
    {                                                                                                        \
        "www.a.test.", "A", "192.0.2.2"                                                                      \
    }
#define NEW                                                                                                  \
    {                                                                                                        \
        "www.a.test.", "A", "192.0.2.3"                                                                      \
    }
#define MORE                                                                                                 \
    {                                                                                                        \
        "more.a.test.", "TXT", "x"                                                                           \
    }

static const char base_text[] =
    "@ 60 SOA ns admin 7 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\nwww 60 A 192.0.2.2\n";

static struct zone *base_zone(void)
{
    char why[512];
    struct zone *z = zone_from("a.test.", base_text, why);
    assert_non_null(z);
    return z;
}

static struct span message(uint8_t room[8192], uint16_t flags, bool question, const struct rr *rr,
                           size_t count)
{
    struct writer w = writer_over(room, 8192);
    struct dns_question q = { .name = name_of("a.test."), .type = 252, .class = DNS_CLASS_IN };
    struct dns_header h = { .id = 1, .flags = flags, .questions = question, .answers = (uint16_t)count };
    write_dns_header(&w, &h);
    if (question)
        write_dns_question(&w, &q);
    for (size_t i = 0; i < count; i++)
        write_rr(&w, rr[i].owner, rr[i].type, 60, rr[i].words);
    assert_true(writer_ok(&w));
    return writer_span(&w);
}

/* Feeds the records, so many to a message; ends early when the state does. */
static enum transfer_in_state feed(struct transfer_in *t, const struct rr *rr, size_t count, size_t each)
{
    uint8_t room[8192];
    enum transfer_in_state state = TRANSFER_IN_MORE;
    for (size_t at = 0; at < count && state == TRANSFER_IN_MORE; at += each) {
        size_t n = count - at < each ? count - at : each;
        state = transfer_in_feed(t, message(room, DNS_QR | DNS_AA, at == 0, &rr[at], n));
    }
    return state;
}

static void begin(struct transfer_in *t, struct zone *base)
{
    struct dns_name name = name_of("a.test.");
    transfer_in_begin(t, &name, base, TEST_SEED, BYTES_MAX);
}

static bool has(const struct zone *z, const char *name, const char *type)
{
    struct dns_name n = name_of(name);
    uint16_t code;
    assert_true(dns_type_from_text(span_text(type), &code));
    const struct zone_node *node = zone_find_name(z, &n);
    return node && zone_find_set(z, node, code);
}

/* The version that comes of the records, however they are cut. */
static void assert_becomes(struct zone *base, const struct rr *rr, size_t count, uint32_t serial,
                           bool has_www, bool has_more)
{
    for (size_t each = 1; each <= count; each++) {
        struct transfer_in t;
        begin(&t, base);
        enum transfer_in_state state = feed(&t, rr, count, each);
        if (state != TRANSFER_IN_DONE)
            fail_msg("%zu a message: state %d, %s", each, (int)state, t.why ? t.why : "-");
        struct zone *z = zone_of_transfer(&t, base);
        assert_int_equal(z->serial, serial);
        assert_true(has(z, "a.test.", "NS") && has(z, "ns.a.test.", "A"));
        assert_int_equal(has(z, "www.a.test.", "A"), has_www);
        assert_int_equal(has(z, "more.a.test.", "TXT"), has_more);
        zone_release(z);
        transfer_in_end(&t);
    }
}

static void a_whole_zone(void **state)
{
    static const struct rr rr[] = { SOA(9), APEX, NS_A, MORE, SOA(9) };
    struct zone *base = base_zone();
    (void)state;
    assert_becomes(NULL, rr, COUNT(rr), 9, false, true);
    assert_becomes(base, rr, COUNT(rr), 9, false, true); /* RFC 1995 4: in answer to IXFR, too */
    zone_release(base);
}

static void changes(void **state)
{
    static const struct rr one[] = { SOA(8), SOA(7), OLD, SOA(8), NEW, MORE, SOA(8) };
    static const struct rr two[] = { SOA(9), SOA(7), OLD, SOA(8), NEW, SOA(8), NEW, SOA(9), MORE, SOA(9) };
    static const struct rr only_removed[] = { SOA(8), SOA(7), OLD, SOA(8), SOA(8) };
    struct zone *base = base_zone();
    (void)state;
    assert_becomes(base, one, COUNT(one), 8, true, true);
    assert_becomes(base, two, COUNT(two), 9, false, true);
    assert_becomes(base, only_removed, COUNT(only_removed), 8, false, false);
    zone_release(base);
}

/* What is not of the zone is left out, the rest counts. */
static void names_outside(void **state)
{
    static const struct rr rr[] = { SOA(9), APEX, { "www.b.test.", "A", "192.0.2.1" }, NS_A, MORE, SOA(9) };
    (void)state;
    assert_becomes(NULL, rr, COUNT(rr), 9, false, true);
}

/* RFC 1995 2: a single SOA. */
static void nothing_newer(void **state)
{
    static const struct rr same[] = { SOA(7) };
    struct zone *base = base_zone();
    struct transfer_in t;
    (void)state;
    begin(&t, base);
    assert_int_equal(feed(&t, same, 1, 1), TRANSFER_IN_UP_TO_DATE);
    transfer_in_end(&t);
    zone_release(base);
}

static void what_is_no_transfer(void **state)
{
    static const struct rr no_soa[] = { APEX, NS_A, SOA(9) };
    static const struct rr other_end[] = { SOA(9), APEX, NS_A, SOA(8) };
    static const struct rr gone[] = { SOA(8), SOA(7), NEW, SOA(8), MORE, SOA(8) };
    static const struct rr gap[] = { SOA(9), SOA(7), OLD, SOA(8), SOA(6), SOA(9), SOA(9) };
    static const struct rr no_ns[] = { SOA(9), NS_A, SOA(9) };
    static const struct rr behind[] = { SOA(9), APEX, NS_A, SOA(9), MORE };
    static const struct {
        const char *what;
        const struct rr *rr;
        size_t count;
        bool incremental;
    } cases[] = {
        { "it does not begin with a SOA", no_soa, COUNT(no_soa), false },
        { "it ends with another SOA", other_end, COUNT(other_end), false },
        { "what was to go is not there", gone, COUNT(gone), true },
        { "the versions do not follow each other", gap, COUNT(gap), true },
        { "there is no NS", no_ns, COUNT(no_ns), false },
        { "something comes behind its end", behind, COUNT(behind), false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct transfer_in t;
        struct zone *base = base_zone();
        begin(&t, cases[i].incremental ? base : NULL);
        enum transfer_in_state end = feed(&t, cases[i].rr, cases[i].count, PLENTY);
        if ((end != TRANSFER_IN_WRONG && zone_of_transfer(&t, base)) || !t.why)
            fail_msg("it is taken, though %s", cases[i].what);
        assert_int_equal(base->serial, 7);
        transfer_in_end(&t);
        transfer_in_end(&t);
        zone_release(base);
    }
}

static void messages_that_say_no(void **state)
{
    static const struct rr rr[] = { SOA(9), APEX };
    uint8_t room[8192];
    struct transfer_in t;
    const uint16_t refused = DNS_QR | 5, query = 0;
    const uint16_t flags[] = { refused, query };
    (void)state;
    for (size_t i = 0; i < COUNT(flags); i++) {
        begin(&t, NULL);
        assert_int_equal(transfer_in_feed(&t, message(room, flags[i], true, rr, COUNT(rr))),
                         TRANSFER_IN_WRONG);
        transfer_in_end(&t);
    }
    struct span whole = message(room, DNS_QR | DNS_AA, true, rr, COUNT(rr));
    for (size_t n = 0; n < whole.len; n++) {
        begin(&t, NULL);
        assert_int_equal(transfer_in_feed(&t, span_head(whole, n)), TRANSFER_IN_WRONG);
        transfer_in_end(&t);
    }
    begin(&t, NULL);
    assert_int_equal(transfer_in_feed(&t, message(room, DNS_QR | DNS_AA, true, NULL, 0)), TRANSFER_IN_WRONG);
    transfer_in_end(&t);
}

/* A primary that sends without end fills nothing but max-transfer-size. */
static void too_much(void **state)
{
    static const struct rr head[] = { SOA(9), APEX, NS_A }, more[] = { MORE };
    struct transfer_in t;
    enum transfer_in_state is = TRANSFER_IN_MORE;
    (void)state;
    begin(&t, NULL);
    assert_int_equal(feed(&t, head, COUNT(head), PLENTY), TRANSFER_IN_MORE);
    for (size_t i = 0; i < BYTES_MAX && is == TRANSFER_IN_MORE; i++)
        is = feed(&t, more, 1, 1);
    assert_int_equal(is, TRANSFER_IN_WRONG);
    assert_true(t.bytes <= BYTES_MAX + 8192);
    transfer_in_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_zone),
        cmocka_unit_test(changes),
        cmocka_unit_test(names_outside),
        cmocka_unit_test(nothing_newer),
        cmocka_unit_test(what_is_no_transfer),
        cmocka_unit_test(messages_that_say_no),
        cmocka_unit_test(too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
