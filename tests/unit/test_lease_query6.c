/* What relays are told of IPv6 leases (RFC 5007), where the configuration changed under them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef assert /* cmocka's */
#include "dhcp6_world.h"
#include "dhcpd/lease_query6.h"

#define HERE      "subnet6 \"2001:db8:1:2::/64\" { pool = \"2001:db8:1:2::10-2001:db8:1:2::13\" }\n"
#define ELSEWHERE "subnet6 \"2001:db8:9:9::/64\" { pool = \"2001:db8:9:9::10-2001:db8:9:9::13\" }\n"
#define ALLOWED   "lease-query-from = { \"::1\" }\n"

/* Asks for a client's address, on a link; true where the answer tells of a client. */
static bool is_told(struct world6 *w, struct ip6 link, struct ip6 address)
{
    struct dhcp6_message m;
    struct address from = { .family = FAMILY_IP6 };
    struct writer in = writer_over(w->in, sizeof w->in), out = writer_over(w->out, sizeof w->out);
    from.bytes[15] = 1;
    dhcp6_write_header(&in, DHCP6_LEASEQUERY, 7);
    dhcp6_write_option(&in, DHCP6_OPTION_CLIENT_ID, span_text("a relay's"));
    struct mark query = dhcp6_option_open(&in, DHCP6_OPTION_LQ_QUERY);
    write_u8(&in, 1);
    write_u64(&in, link.high);
    write_u64(&in, link.low);
    dhcp6_write_address(&in, address, 0, 0);
    dhcp6_option_close(&in, query);
    assert_int_equal(dhcp6_parse(&m, writer_span(&in)), DHCP6_FINE);
    assert_null(lease_query6_answer(&out, &w->settings->six, &w->leases, &m, &w->arrival, &from, w->now));
    assert_int_equal(dhcp6_parse(&m, writer_span(&out)), DHCP6_FINE);
    assert_null(dhcp6_option(m.options, DHCP6_OPTION_STATUS_CODE).at);
    return dhcp6_option(m.options, DHCP6_OPTION_CLIENT_DATA).at != NULL;
}

static void take_lease(struct world6 *w)
{
    struct says6 s = { .type = DHCP6_REQUEST, .client = 1, .to_us = true };
    s.ia[0].iaid = 1;
    s.ia[0].addresses[0] = WORLD6(0x10);
    assert_int_equal(world6_say(w, &s)->answer, DHCP6_ANSWER_REPLY);
}

static void test_a_lease_is_of_its_link(void **state)
{
    struct world6 w;
    (void)state;
    world6_open(&w, ALLOWED HERE ELSEWHERE);
    take_lease(&w);
    assert_true(is_told(&w, (struct ip6){ 0, 0 }, WORLD6(0x10)));
    assert_true(is_told(&w, WORLD6(1), WORLD6(0x10)));
    assert_false(is_told(&w, ELSEWHERE6(1), WORLD6(0x10)));
    assert_false(is_told(&w, (struct ip6){ 0, 0 }, WORLD6(0x11)));
    world6_close(&w);
}

static void test_a_lease_of_a_network_that_is_gone(void **state)
{
    struct world6 w;
    (void)state;
    world6_open(&w, ALLOWED HERE ELSEWHERE);
    take_lease(&w);
    struct dhcp_settings *without = settings_of(ALLOWED ELSEWHERE);
    assert_non_null(without);
    assert_true(leases6_settle(&w.leases, &without->six, w.now));
    dhcpd_forget(w.settings);
    w.settings = without;
    assert_false(is_told(&w, (struct ip6){ 0, 0 }, WORLD6(0x10)));
    world6_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_lease_is_of_its_link),
        cmocka_unit_test(test_a_lease_of_a_network_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
