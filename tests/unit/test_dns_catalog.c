#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/catalog.h"

#define HEAD "$TTL 0\n@ SOA invalid. invalid. 1 3600 600 86400 0\n@ NS invalid.\n"

/* NULL, or what is wrong with the catalog of this text. */
static const char *fault_of(const char *text)
{
    char why[512], whole[2048];
    snprintf(whole, sizeof whole, "%s%s", HEAD, text);
    struct zone *z = zone_from("cat.test.", whole, why);
    assert_non_null(z);
    const char *fault = catalog_fault(z);
    for (const struct zone_node *n = zone_node_at(z, z->apex); n && !fault; n = zone_node_at(z, n->next))
        fault = catalog_node_fault(z, n);
    zone_release(z);
    return fault;
}

/* RFC 9432 4.1, 4.2.1, 4.3.1 */
static void broken_catalogs_are_found(void **state)
{
    (void)state;
    assert_null(fault_of("version TXT 2"));
    assert_null(fault_of("version TXT 2\na.zones PTR a.test.\nb.zones PTR b.test."));
    assert_non_null(fault_of(""));
    assert_non_null(fault_of("version TXT 1"));
    assert_non_null(fault_of("version TXT 2\nversion TXT 3"));
    assert_non_null(fault_of("version TXT 2\na.zones PTR a.test.\na.zones PTR b.test."));
    assert_non_null(fault_of("version TXT 2\na.zones PTR a.test.\ncoo.a.zones PTR x.\ncoo.a.zones PTR y."));
    assert_null(fault_of("version TXT 2\na.zones PTR a.test.\nown.a.zones PTR x.\nown.a.zones PTR y."));
}

static void members_have_their_properties(void **state)
{
    char why[512];
    struct zone *z =
        zone_from("cat.test.",
                  HEAD "version TXT 2\nQ.zones PTR A.Test.\ngroup.q.zones TXT open\n"
                       "coo.q.zones PTR Other.Test.\nq PTR no.member.\nx.q.zones PTR nor.this.\n",
                  why);
    struct catalog_entry e;
    size_t count = 0;
    (void)state;
    assert_non_null(z);
    for (const struct zone_node *n = zone_node_at(z, z->apex); n; n = zone_node_at(z, n->next))
        if (catalog_read(z, n, &e)) {
            struct dns_name zone = name_of("a.test."), other = name_of("other.test.");
            count++;
            assert_true(span_equal(dns_name_span(&e.zone), dns_name_span(&zone)));
            assert_true(span_is(e.label, "Q") && span_is(e.group, "open") && e.moves);
            assert_true(span_equal(dns_name_span(&e.moves_to), dns_name_span(&other)));
        }
    assert_int_equal(count, 1);
    zone_release(z);
}

/* What is made is read again, and has the same labels each time. */
static void a_made_catalog_is_one(void **state)
{
    struct dns_name apex = name_of("cat.test."), member = name_of("a.test.");
    struct catalog_entry e;
    char labels[2][17] = { "" };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        enum zone_fault fault;
        struct zone_builder *b = catalog_begin(&apex, 7, TEST_SEED + i, 1);
        assert_non_null(b);
        assert_int_equal(catalog_add(b, &member, "open"), ZONE_FINE);
        struct zone *z = zone_builder_finish(b, &fault);
        assert_non_null(z);
        assert_null(catalog_fault(z));
        assert_int_equal(z->serial, 7);
        bool found = false;
        for (const struct zone_node *n = zone_node_at(z, z->apex); n && !found; n = zone_node_at(z, n->next))
            found = catalog_read(z, n, &e);
        assert_true(found && span_is(e.group, "open") && !e.moves);
        assert_int_equal(e.label.len, 16);
        memcpy(labels[i], e.label.at, e.label.len);
        zone_release(z);
    }
    assert_string_equal(labels[0], labels[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_catalogs_are_found),
        cmocka_unit_test(members_have_their_properties),
        cmocka_unit_test(a_made_catalog_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
