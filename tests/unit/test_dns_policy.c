#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/policy.h"

#define CLIENT "192.0.2.1"

static uint8_t room[1024];
static struct tsig_key key, other_key;
static const char *why;
static struct zone *changed; /* that is changed; NULL: it is not in service */

static struct address address_of(const char *text)
{
    struct address a;
    assert_true(address_parse(span_text(text), &a));
    return a;
}

static void begin(struct writer *w, uint16_t prerequisites, uint16_t changes)
{
    struct dns_header h = {
        .flags = DNS_OPCODE_UPDATE << 11, .questions = 1, .answers = prerequisites, .authorities = changes
    };
    struct dns_question zone = { .name = name_of("a.test"), .type = DNS_TYPE_SOA, .class = DNS_CLASS_IN };
    *w = writer_over(room, sizeof room);
    write_dns_header(w, &h);
    write_dns_question(w, &zone);
}

static void put(struct writer *w, const char *owner, uint16_t type, uint16_t class)
{
    struct dns_name n = name_of(owner);
    write_span(w, dns_name_span(&n));
    write_u16(w, type);
    write_u16(w, class);
    write_u32(w, 0);
    write_u16(w, 0);
}

static enum dns_rcode check(const struct policies *p, const struct tsig_key *k, const char *owner,
                            uint16_t type, uint16_t class)
{
    struct address peer = address_of(CLIENT);
    struct writer w;
    begin(&w, 0, 1);
    put(&w, owner, type, class);
    struct dnsd_who who = { .peer = &peer, .key = k };
    return policy_check(p, &who, changed, writer_span(&w), &why);
}

/* One policy for the key: these names, these types. */
static struct policies policies_for(struct policy *p, struct policy_name *names, size_t name_count,
                                    uint16_t *types, size_t type_count)
{
    static const struct tsig_key *keys[] = { &key };
    *p = (struct policy){ .by.keys = { keys, 1 },
                          .names = names,
                          .name_count = name_count,
                          .types = types,
                          .type_count = type_count };
    return (struct policies){ p, 1 };
}

static void names_and_types_are_both_needed(void **state)
{
    struct policy_name names[] = { { name_of("www.a.test"), false }, { name_of("dyn.a.test"), true } };
    uint16_t types[] = { DNS_TYPE_A, DNS_TYPE_AAAA };
    struct policy one;
    struct policies p = policies_for(&one, names, 2, types, 2);
    (void)state;
    assert_int_equal(check(&p, &key, "www.a.test", DNS_TYPE_A, DNS_CLASS_IN), DNS_NOERROR);
    assert_int_equal(check(&p, &key, "WWW.A.TEST", DNS_TYPE_AAAA, DNS_CLASS_NONE), DNS_NOERROR);
    assert_int_equal(check(&p, &key, "x.www.a.test", DNS_TYPE_A, DNS_CLASS_IN), DNS_REFUSED);
    assert_int_equal(check(&p, &key, "www.a.test", DNS_TYPE_TXT, DNS_CLASS_IN), DNS_REFUSED);
    assert_int_equal(check(&p, &key, "www.a.test", DNS_TYPE_ANY, DNS_CLASS_ANY), DNS_REFUSED);
    assert_int_equal(check(&p, &key, "x.y.dyn.a.test", DNS_TYPE_A, DNS_CLASS_ANY), DNS_NOERROR);
    assert_int_equal(check(&p, &key, "dyn.a.test", DNS_TYPE_A, DNS_CLASS_IN), DNS_REFUSED);
    assert_int_equal(check(&p, &key, "xdyn.a.test", DNS_TYPE_A, DNS_CLASS_IN), DNS_REFUSED);
    assert_int_equal(check(&p, &key, "a.test", DNS_TYPE_A, DNS_CLASS_IN), DNS_REFUSED);
    assert_non_null(why);
}

static void without_types_what_makes_the_zone_stays(void **state)
{
    struct policy one;
    struct policies p = policies_for(&one, NULL, 0, NULL, 0);
    (void)state;
    assert_int_equal(check(&p, &key, "any.a.test", DNS_TYPE_TXT, DNS_CLASS_IN), DNS_NOERROR);
    assert_int_equal(check(&p, &key, "any.a.test", DNS_TYPE_ANY, DNS_CLASS_ANY), DNS_NOERROR);
    assert_int_equal(check(&p, &key, "a.test", DNS_TYPE_SOA, DNS_CLASS_IN), DNS_REFUSED);
    assert_int_equal(check(&p, &key, "sub.a.test", DNS_TYPE_NS, DNS_CLASS_IN), DNS_REFUSED);
    uint16_t ns = DNS_TYPE_NS;
    p = policies_for(&one, NULL, 0, &ns, 1);
    assert_int_equal(check(&p, &key, "sub.a.test", DNS_TYPE_NS, DNS_CLASS_IN), DNS_NOERROR);
}

/* To delete all of a name is no way around that. */
static void a_delegation_goes_with_its_ns_alone(void **state)
{
    char text[512];
    uint16_t ns = DNS_TYPE_NS;
    struct policy all[2];
    struct policies p = policies_for(&all[0], NULL, 0, NULL, 0);
    (void)state;
    changed = zone_from("a.test.",
                        "@ 60 SOA n a 1 2 3 4 5\n@ 60 NS n\nsub 60 NS n.sub\nn.sub 60 A 192.0.2.1\n", text);
    assert_int_equal(check(&p, &key, "SUB.a.test", DNS_TYPE_ANY, DNS_CLASS_ANY), DNS_REFUSED);
    assert_int_equal(check(&p, &key, "n.sub.a.test", DNS_TYPE_ANY, DNS_CLASS_ANY), DNS_NOERROR);
    assert_int_equal(check(&p, &key, "a.test", DNS_TYPE_ANY, DNS_CLASS_ANY), DNS_NOERROR); /* they stay */
    policies_for(&all[1], NULL, 0, &ns, 1);
    p.count = 2;
    assert_int_equal(check(&p, &key, "sub.a.test", DNS_TYPE_ANY, DNS_CLASS_ANY), DNS_NOERROR);
    zone_release(changed);
    changed = NULL;
}

static void only_those_that_it_names(void **state)
{
    struct policy one;
    struct policies p = policies_for(&one, NULL, 0, NULL, 0);
    struct prefix prefix;
    (void)state;
    assert_int_equal(check(&p, &other_key, "x.a.test", DNS_TYPE_A, DNS_CLASS_IN), DNS_REFUSED);
    assert_int_equal(check(&p, NULL, "x.a.test", DNS_TYPE_A, DNS_CLASS_IN), DNS_REFUSED);
    assert_true(prefix_parse(span_text("192.0.2.0/24"), &prefix));
    one.by.prefixes = &prefix;
    one.by.prefix_count = 1;
    assert_int_equal(check(&p, NULL, "x.a.test", DNS_TYPE_A, DNS_CLASS_IN), DNS_NOERROR);
    p.count = 0;
    assert_int_equal(check(&p, &key, "x.a.test", DNS_TYPE_A, DNS_CLASS_IN), DNS_REFUSED);
}

/* Prerequisites ask and change nothing; one change that is not granted is enough to refuse all. */
static void each_change_counts_and_no_prerequisite(void **state)
{
    uint16_t type = DNS_TYPE_A;
    struct policy one;
    struct policies p = policies_for(&one, NULL, 0, &type, 1);
    struct address peer = address_of(CLIENT);
    struct dnsd_who who = { .peer = &peer, .key = &key };
    struct writer w;
    (void)state;
    begin(&w, 1, 2);
    put(&w, "a.test", DNS_TYPE_SOA, DNS_CLASS_ANY);
    put(&w, "x.a.test", DNS_TYPE_A, DNS_CLASS_ANY);
    put(&w, "y.a.test", DNS_TYPE_A, DNS_CLASS_ANY);
    size_t whole = writer_length(&w);
    assert_int_equal(policy_check(&p, &who, NULL, writer_span(&w), &why), DNS_NOERROR);
    for (size_t cut = 0; cut < whole; cut++)
        assert_int_equal(policy_check(&p, &who, NULL, span_of(room, cut), &why), DNS_FORMERR);
    begin(&w, 0, 2);
    put(&w, "x.a.test", DNS_TYPE_A, DNS_CLASS_ANY);
    put(&w, "y.a.test", DNS_TYPE_MX, DNS_CLASS_ANY);
    assert_int_equal(policy_check(&p, &who, NULL, writer_span(&w), &why), DNS_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_types_are_both_needed),
        cmocka_unit_test(without_types_what_makes_the_zone_stays),
        cmocka_unit_test(a_delegation_goes_with_its_ns_alone),
        cmocka_unit_test(only_those_that_it_names),
        cmocka_unit_test(each_change_counts_and_no_prerequisite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
