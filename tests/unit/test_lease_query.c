#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp_world.h"
#include "dhcpd/lease_query.h"

#define FIRST IP(192, 168, 1, 10)
#define RELAY IP(192, 168, 1, 1)

static struct world w;
static struct dhcp4_message reply;

static int open_world(void **state)
{
    (void)state;
    world_open(&w,
               "lease-query-from = { \"192.168.1.1\", \"10.1.0.0/16\" }"
               "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" } lease-time = \"10m\" }"
               "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10-192.168.2.12\" } lease-time = \"10m\" }");
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* The answer's type, or 0. A query by anything but `mac` is made without a hardware address. */
static uint8_t ask(struct says says)
{
    struct writer out = writer_over(w.out, sizeof w.out);
    says.type = DHCP4_LEASEQUERY;
    assert_int_equal(dhcp4_parse(&w.m, message_bytes(&says, w.in, sizeof w.in)), DHCP4_FINE);
    if (!says.mac)
        w.m.fixed.hlen = w.m.fixed.htype = 0;
    const char *reason = lease_query_answer(&out, w.settings, &w.leases, &w.m, &w.arrival, w.now);
    if (reason)
        return 0;
    assert_int_equal(dhcp4_parse(&reply, writer_span(&out)), DHCP4_FINE);
    assert_int_equal(reply.fixed.op, DHCP4_BOOTREPLY);
    assert_int_equal(reply.fixed.giaddr, says.giaddr);
    assert_int_equal(reply.fixed.yiaddr, 0);
    return reply.type;
}
#define ASK(...) ask((struct says){ .giaddr = RELAY, __VA_ARGS__ })

static void assert_number(uint8_t code, uint32_t want)
{
    uint32_t got = 0;
    assert_true(dhcp4_number(&reply, code, &got));
    assert_int_equal(got, want);
}

static void only_certain_relays_are_told(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 1), FIRST);
    assert_int_equal(ask((struct says){ .ciaddr = FIRST }), 0);
    assert_int_equal(ask((struct says){ .ciaddr = FIRST, .giaddr = IP(192, 168, 1, 2) }), 0);
    assert_int_equal(ask((struct says){ .ciaddr = FIRST, .giaddr = IP(10, 1, 2, 3) }), DHCP4_LEASEACTIVE);
    assert_int_equal(ASK(.ciaddr = 0), 0); /* about nothing */
    /* it is no message of a client's */
    assert_int_equal(world_hears(&w, (struct says){ .type = DHCP4_LEASEQUERY, .mac = 1 }).answer,
                     DHCP4_ANSWER_SILENCE);
}

/* RFC 4388 6.4.2: as it came last, whether the renewals come through the relay or not. */
static void what_the_relay_said_is_told(void **state)
{
    (void)state;
    struct span agent = span_of("\1\4ge-7\2\3cpe", 11), wanted = span_of("\x52\x33", 2);
    struct says says = { .type = DHCP4_DISCOVER, .mac = 1, .giaddr = RELAY, .relay = agent };
    assert_int_equal(world_hears(&w, says).address, FIRST);
    says.type = DHCP4_REQUEST;
    says.requested = FIRST;
    says.server = WORLD_SERVER;
    assert_int_equal(world_hears(&w, says).answer, DHCP4_ANSWER_ACK);
    world_commit(&w);
    assert_int_equal(ASK(.ciaddr = FIRST, .parameters = wanted), DHCP4_LEASEACTIVE);
    assert_true(span_equal(dhcp4_option(&reply, DHCP4_OPTION_RELAY_AGENT), agent));
    world_hears(&w, (struct says){ .type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST });
    world_commit(&w);
    assert_int_equal(ASK(.ciaddr = FIRST, .parameters = wanted), DHCP4_LEASEACTIVE);
    assert_true(span_equal(dhcp4_option(&reply, DHCP4_OPTION_RELAY_AGENT), agent));
    /* it moved to another circuit */
    says.relay = span_of("\1\2ge", 4);
    assert_int_equal(world_hears(&w, says).answer, DHCP4_ANSWER_ACK);
    world_commit(&w);
    ASK(.ciaddr = FIRST, .parameters = wanted);
    assert_true(span_equal(dhcp4_option(&reply, DHCP4_OPTION_RELAY_AGENT), says.relay));
    ASK(.ciaddr = FIRST); /* who does not ask for it is not told */
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_RELAY_AGENT));
    /* nor is what the last client's relay said told of the next one */
    world_wait(&w, 601);
    for (unsigned mac = 2; mac < 5; mac++)
        assert_int_not_equal(world_lease(&w, mac), 0);
    assert_int_equal(ASK(.ciaddr = FIRST, .parameters = wanted), DHCP4_LEASEACTIVE);
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_RELAY_AGENT));
}

static void an_address_has_a_client_or_none(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 1), FIRST);
    world_wait(&w, 100);
    assert_int_equal(ASK(.ciaddr = FIRST), DHCP4_LEASEACTIVE);
    assert_int_equal(reply.fixed.ciaddr, FIRST);
    assert_int_equal(reply.fixed.htype, 1);
    assert_int_equal(reply.fixed.hlen, 6);
    assert_int_equal(reply.fixed.chaddr[5], 1);
    assert_number(DHCP4_OPTION_LEASE_TIME, 500);
    assert_number(DHCP4_OPTION_LAST_TRANSACTION, 100);
    assert_number(DHCP4_OPTION_SERVER_IDENTIFIER, WORLD_SERVER);
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_RENEWAL_TIME));
    /* what is asked for: T1 is half of 600 s, T2 525 s, as they are left */
    assert_int_equal(ASK(.ciaddr = FIRST, .parameters = span_text("\x3a\x3b\x06")), DHCP4_LEASEACTIVE);
    assert_number(DHCP4_OPTION_RENEWAL_TIME, 200);
    assert_number(DHCP4_OPTION_REBINDING_TIME, 425);
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_LEASE_TIME));
    world_wait(&w, 300);
    ASK(.ciaddr = FIRST, .parameters = span_text("\x3a\x3b"));
    assert_number(DHCP4_OPTION_RENEWAL_TIME, 0);
    assert_number(DHCP4_OPTION_REBINDING_TIME, 125);
    world_wait(&w, 300);
    assert_int_equal(ASK(.ciaddr = FIRST), DHCP4_LEASEUNASSIGNED);
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_LEASE_TIME));
    assert_int_equal(ASK(.ciaddr = FIRST + 1), DHCP4_LEASEUNASSIGNED);
    assert_int_equal(ASK(.ciaddr = IP(192, 168, 7, 1)), DHCP4_LEASEUNKNOWN);
}

static void no_more_time_is_told_than_was_granted(void **state)
{
    (void)state;
    w.now.unix_ms += 1;
    assert_int_equal(world_lease(&w, 1), FIRST);
    ASK(.ciaddr = FIRST);
    assert_number(DHCP4_OPTION_LEASE_TIME, 600);
    w.now.unix_ms += 500;
    ASK(.ciaddr = FIRST);
    assert_number(DHCP4_OPTION_LEASE_TIME, 600);
    w.now.unix_ms += 500;
    ASK(.ciaddr = FIRST);
    assert_number(DHCP4_OPTION_LEASE_TIME, 599);
}

static void only_what_is_on_disk_is_told(void **state)
{
    (void)state;
    world_hears(&w, (struct says){ .type = DHCP4_DISCOVER, .mac = 1 });
    assert_int_equal(ASK(.ciaddr = FIRST), DHCP4_LEASEUNASSIGNED);
    world_hears(&w,
                (struct says){ .type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER });
    assert_int_equal(ASK(.ciaddr = FIRST), DHCP4_LEASEUNASSIGNED);
    assert_int_equal(ASK(.mac = 1), DHCP4_LEASEUNKNOWN);
    world_commit(&w);
    assert_int_equal(ASK(.ciaddr = FIRST), DHCP4_LEASEACTIVE);
    world_wait(&w, 60);
    world_hears(&w, (struct says){ .type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST });
    assert_int_equal(ASK(.ciaddr = FIRST), DHCP4_LEASEACTIVE);
    assert_number(DHCP4_OPTION_LEASE_TIME, 540); /* the renewal is not there yet */
}

static void a_client_has_addresses_or_none(void **state)
{
    (void)state;
    const uint32_t second = IP(192, 168, 2, 10);
    assert_int_equal(ASK(.mac = 1), DHCP4_LEASEUNKNOWN);
    assert_int_equal(world_lease(&w, 1), FIRST);
    world_wait(&w, 10);
    /* on the other network, too, and there later */
    world_hears(&w, (struct says){ .type = DHCP4_REQUEST,
                                   .mac = 1,
                                   .requested = second,
                                   .server = WORLD_SERVER,
                                   .giaddr = IP(192, 168, 2, 1) });
    world_commit(&w);
    assert_int_equal(ASK(.mac = 1), DHCP4_LEASEACTIVE);
    assert_int_equal(reply.fixed.ciaddr, second);
    assert_number(DHCP4_OPTION_ASSOCIATED_IP, FIRST);
    assert_int_equal(ASK(.mac = 2), DHCP4_LEASEUNKNOWN);
}

static void a_client_is_found_by_its_identifier_or_its_hardware(void **state)
{
    (void)state;
    const struct span id = span_text("some-identifier");
    world_hears(
        &w,
        (struct says){
            .type = DHCP4_REQUEST, .mac = 9, .requested = FIRST, .server = WORLD_SERVER, .client_id = id });
    world_commit(&w);
    assert_int_equal(ASK(.client_id = id), DHCP4_LEASEACTIVE);
    assert_int_equal(reply.fixed.ciaddr, FIRST);
    assert_true(span_equal(dhcp4_option(&reply, DHCP4_OPTION_CLIENT_IDENTIFIER), id));
    assert_int_equal(reply.fixed.chaddr[5], 9);
    assert_int_equal(ASK(.client_id = span_text("another")), DHCP4_LEASEUNKNOWN);
    assert_int_equal(ASK(.mac = 9), DHCP4_LEASEACTIVE);
    assert_int_equal(reply.fixed.ciaddr, FIRST);
    assert_int_equal(ASK(.mac = 8), DHCP4_LEASEUNKNOWN);
}

/* ---- what is not listened to -------------------------------------------------------------------------- */

static const char *discard(struct dhcp4_arrival a, uint8_t op, uint8_t hops, uint32_t ciaddr, uint32_t giaddr)
{
    struct dhcp4_message m = { .fixed = { .op = op, .hops = hops, .ciaddr = ciaddr, .giaddr = giaddr } };
    return dhcp4_discard(&m, &a);
}

static void what_must_not_be_listened_to_is_told(void **state)
{
    (void)state;
    struct dhcp4_arrival a = { .server = WORLD_SERVER,
                               .link = WORLD_SERVER,
                               .source = { .address = address_ip4(FIRST), .port = 68 } };
    assert_null(discard(a, 1, 16, FIRST, 0));
    assert_non_null(discard(a, 2, 0, FIRST, 0));
    assert_non_null(discard(a, 1, 17, FIRST, 0));
    assert_non_null(discard(a, 1, 0, FIRST + 1, 0)); /* in another one's name */
    assert_null(discard(a, 1, 1, FIRST + 1, RELAY)); /* that is the relay's to know */
    assert_null(discard(a, 1, 0, 0, 0));
    a.broadcast = true; /* REBINDING */
    assert_null(discard(a, 1, 0, FIRST + 1, 0));
    a.broadcast = false;
    a.link = 0; /* test clients on a plain socket */
    assert_null(discard(a, 1, 0, FIRST + 1, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_certain_relays_are_told),
        TEST(what_the_relay_said_is_told),
        TEST(an_address_has_a_client_or_none),
        TEST(no_more_time_is_told_than_was_granted),
        TEST(only_what_is_on_disk_is_told),
        TEST(a_client_has_addresses_or_none),
        TEST(a_client_is_found_by_its_identifier_or_its_hardware),
        cmocka_unit_test(what_must_not_be_listened_to_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
