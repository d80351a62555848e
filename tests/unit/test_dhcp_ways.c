/* Ways to a lease beside the four messages, ways to a subnet beside giaddr, and options with forms of their
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp_world.h"

#define FIRST IP(192, 168, 1, 10)
#define RELAY IP(192, 168, 1, 1)

static struct world w;
static struct dhcp4_message reply;

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

#define SUBNET "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" } lease-time = \"10m\""

static int open_rapid(void **state)
{
    (void)state;
    world_open(&w, "rapid-commit = true subnet-selection = true domain = \"d.example\"" SUBNET "}"
                   "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10\" } probe = \"1s\" }");
    return 0;
}

static int open_plain(void **state)
{
    (void)state;
    world_open(&w, SUBNET "}"
                          "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10\" } }");
    return 0;
}

#define HEARS(...) world_hears(&w, (struct says){ __VA_ARGS__ })

static size_t write_and_parse(struct dhcp4_decision d, enum dhcp4_fault want)
{
    struct writer out = writer_over(w.out, sizeof w.out);
    assert_int_not_equal(d.answer, DHCP4_ANSWER_SILENCE);
    assert_true(reply_write(&out, &d, &w.m, &w.arrival));
    assert_int_equal(dhcp4_parse(&reply, writer_span(&out)), want);
    return writer_length(&out);
}

#define RAPID                                                                                                \
    {                                                                                                        \
        {                                                                                                    \
            DHCP4_OPTION_RAPID_COMMIT, span_text("")                                                         \
        }                                                                                                    \
    }

/* ---- RFC 4039 ------------------------------------------------------------------------------------- */

static void two_messages_make_a_lease_where_both_sides_will(void **state)
{
    (void)state;
    struct dhcp4_decision d = HEARS(.type = DHCP4_DISCOVER, .mac = 1, .extra = RAPID);
    assert_int_equal(d.answer, DHCP4_ANSWER_ACK);
    assert_int_equal(d.address, FIRST);
    assert_int_equal(w.claims.count, 1); /* it waits for the store like any ACK */
    write_and_parse(d, DHCP4_FINE);
    assert_int_equal(reply.type, DHCP4_ACK);
    assert_true(dhcp4_has(&reply, DHCP4_OPTION_RAPID_COMMIT));
    world_commit(&w);
    assert_int_equal(leases_find(&w.leases, FIRST)->state, LEASE_BOUND);
    /* who does not ask for it gets an offer, and an ACK without the option */
    d = HEARS(.type = DHCP4_DISCOVER, .mac = 2);
    assert_int_equal(d.answer, DHCP4_ANSWER_OFFER);
    write_and_parse(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = d.address, .server = WORLD_SERVER,
                          .extra = RAPID),
                    DHCP4_FINE);
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_RAPID_COMMIT));
    /* an address that is to be probed is offered */
    d = HEARS(.type = DHCP4_DISCOVER, .mac = 3, .giaddr = IP(192, 168, 2, 1), .extra = RAPID);
    assert_int_equal(d.answer, DHCP4_ANSWER_OFFER);
}

static void rapid_commit_is_off_by_default(void **state)
{
    (void)state;
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .extra = RAPID).answer, DHCP4_ANSWER_OFFER);
}

/* ---- RFC 951, 1534 ---------------------------------------------------------------------------------- */

static struct dhcp4_decision bootp(unsigned mac)
{
    struct says says = { .mac = mac };
    enum dhcp4_fault fault = dhcp4_parse(&w.m, message_bytes(&says, w.in, sizeof w.in));
    assert_int_equal(fault, DHCP4_NO_TYPE);
    assert_true(dhcp4_is_bootp(&w.m, fault));
    return dhcp4_decide(w.settings, &w.leases, &w.m, &w.arrival, w.now, &w.claims);
}

static int open_bootp(void **state)
{
    (void)state;
    world_open(&w, SUBNET " bootp = true boot-file = \"image\" root-path ="
                          " \"a-path-that-is-so-long-that-it-leaves-no-room-for-what-comes-after-it\""
                          " host \"h\" { hardware = \"02:00:00:00:00:07\" address = \"192.168.1.77\" } }"
                          "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10\" }"
                          " host \"i\" { hardware = \"02:00:00:00:00:08\" address = \"192.168.2.77\" } }");
    return 0;
}

static void a_bootp_client_has_its_address_for_ever(void **state)
{
    (void)state;
    struct dhcp4_decision d = bootp(1);
    assert_int_equal(d.answer, DHCP4_ANSWER_BOOTP);
    assert_int_equal(d.address, FIRST);
    assert_int_equal(w.claims.count, 1);
    assert_int_equal(write_and_parse(d, DHCP4_NO_TYPE), 300); /* 64 bytes of options, and no more */
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_MESSAGE_TYPE));
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_SERVER_IDENTIFIER));
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_LEASE_TIME));
    assert_true(dhcp4_has(&reply, DHCP4_OPTION_SUBNET_MASK));
    assert_int_equal(reply.fixed.siaddr, WORLD_SERVER);
    assert_memory_equal(w.out + 108, "image", 6);
    world_commit(&w);
    world_wait(&w, (int64_t)20 * 365 * 86400);
    assert_int_equal(leases_find(&w.leases, FIRST)->state, LEASE_BOUND);
    assert_int_equal(bootp(1).address, FIRST); /* and after each boot again */
    assert_int_equal(bootp(7).address, IP(192, 168, 1, 77));
    assert_int_equal(bootp(2).address, FIRST + 1);
    assert_int_equal(bootp(3).address, FIRST + 2);
    d = bootp(4);
    assert_int_equal(d.answer, DHCP4_ANSWER_SILENCE);
    assert_true(d.exhausted);
}

static void bootp_is_off_by_default_but_for_reservations(void **state)
{
    (void)state;
    w.arrival.server = w.arrival.link = IP(192, 168, 2, 5);
    assert_int_equal(bootp(1).answer, DHCP4_ANSWER_SILENCE);
    assert_int_equal(w.claims.count, 0);
    assert_int_equal(bootp(8).address, IP(192, 168, 2, 77));
}

static void a_reply_without_a_type_is_no_bootp_client(void **state)
{
    (void)state;
    struct says says = { .mac = 1 };
    struct span bytes = message_bytes(&says, w.in, sizeof w.in);
    w.in[0] = DHCP4_BOOTREPLY;
    assert_false(dhcp4_is_bootp(&w.m, dhcp4_parse(&w.m, bytes)));
    /* nor is a message with an unknown type */
    says.type = 99;
    assert_false(dhcp4_is_bootp(&w.m, dhcp4_parse(&w.m, message_bytes(&says, w.in, sizeof w.in))));
}

/* ---- relays ------------------------------------------------------------------------------------------- */

static void a_relay_can_stand_in_for_the_server(void **state)
{
    (void)state;
    const struct span relay = span_of("\x01\x02ge\x0b\x04\xc0\xa8\x01\x01", 10); /* RFC 5107: 192.168.1.1 */
    write_and_parse(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .giaddr = RELAY, .relay = relay), DHCP4_FINE);
    uint32_t server = 0;
    assert_true(dhcp4_number(&reply, DHCP4_OPTION_SERVER_IDENTIFIER, &server));
    assert_int_equal(server, RELAY);
    /* the client chose "the relay": that is us */
    struct dhcp4_decision d = HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = RELAY,
                                    .giaddr = RELAY, .relay = relay);
    assert_int_equal(d.answer, DHCP4_ANSWER_ACK);
    world_commit(&w);
    /* not without a relay, nor where the sub-option is cut short */
    d = HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = RELAY, .relay = relay);
    assert_int_equal(d.answer, DHCP4_ANSWER_SILENCE);
    d = HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = RELAY, .giaddr = RELAY,
              .relay = span_of("\x0b\x03\xc0\xa8\x01", 5));
    assert_int_equal(d.answer, DHCP4_ANSWER_SILENCE);
    HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST, .server = RELAY, .giaddr = RELAY, .relay = relay);
    assert_int_equal(leases_find(&w.leases, FIRST)->state, LEASE_FREE);
}

static void link_selection_goes_before_giaddr(void **state)
{
    (void)state;
    struct dhcp4_decision d = HEARS(.type = DHCP4_DISCOVER, .mac = 1, .giaddr = RELAY,
                                    .relay = span_of("\x05\x04\xc0\xa8\x02\x00", 6));
    assert_int_equal(d.address, IP(192, 168, 2, 10));
    struct reply_route r = reply_route(&d, &w.m, &w.arrival);
    assert_true(address_equal(r.to.address, address_ip4(RELAY)));
}

/* ---- circuits ------------------------------------------------------------------------------------------ */

static int open_limited(void **state)
{
    (void)state;
    world_open(&w, "authoritative = true subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.99\" }"
                   " lease-time = \"10m\" circuit-limit = 2 }");
    return 0;
}

/* The whole way to a lease from behind a circuit; the address, or 0. */
static uint32_t lease_at(unsigned mac, const char *circuit)
{
    uint8_t room[16];
    struct writer r = writer_over(room, sizeof room);
    write_u8(&r, DHCP4_RELAY_CIRCUIT_ID);
    write_u8(&r, (uint8_t)strlen(circuit));
    write_text(&r, circuit);
    struct says says = { .type = DHCP4_DISCOVER, .mac = mac, .giaddr = RELAY, .relay = writer_span(&r) };
    struct dhcp4_decision d = world_hears(&w, says);
    if (d.answer != DHCP4_ANSWER_OFFER)
        return 0;
    says.type = DHCP4_REQUEST;
    says.requested = d.address;
    says.server = WORLD_SERVER;
    d = world_hears(&w, says);
    world_commit(&w);
    return d.answer == DHCP4_ANSWER_ACK ? d.address : 0;
}

static void nobody_takes_all_from_behind_one_circuit(void **state)
{
    (void)state;
    assert_int_equal(lease_at(1, "a"), FIRST);
    assert_int_equal(lease_at(2, "a"), FIRST + 1);
    for (unsigned mac = 100; mac < 200; mac++) /* a flood */
        assert_int_equal(lease_at(mac, "a"), 0);
    assert_int_equal(w.leases.count[LEASE_OFFERED], 0);
    /* who has a lease keeps it, asks again for it, renews it */
    assert_int_equal(lease_at(1, "a"), FIRST);
    assert_int_equal(HEARS(.type = DHCP4_REQUEST, .mac = 2, .ciaddr = FIRST + 1).answer, DHCP4_ANSWER_ACK);
    world_commit(&w);
    /* others have a limit of their own */
    assert_int_equal(lease_at(3, "b"), FIRST + 2);
    /* moving there makes room here */
    assert_int_equal(lease_at(1, "b"), FIRST);
    assert_int_equal(lease_at(4, "b"), 0);
    assert_int_equal(lease_at(5, "a"), FIRST + 3);
    assert_int_equal(lease_at(6, "a"), 0);
    HEARS(.type = DHCP4_RELEASE, .mac = 5, .ciaddr = FIRST + 3, .server = WORLD_SERVER);
    assert_int_not_equal(lease_at(6, "a"), 0);
    /* nor by taking what nobody offered */
    struct says says = { .type = DHCP4_REQUEST,
                         .mac = 7,
                         .requested = FIRST + 9,
                         .server = WORLD_SERVER,
                         .giaddr = RELAY,
                         .relay = span_of("\x01\x01"
                                          "a",
                                          3) };
    assert_int_equal(world_hears(&w, says).answer, DHCP4_ANSWER_SILENCE);
    world_wait(&w, 601); /* and all of it ends with the leases */
    assert_int_not_equal(lease_at(8, "a"), 0);
    assert_int_not_equal(lease_at(9, "a"), 0);
    assert_int_equal(lease_at(10, "a"), 0);
}

/* Whatever a restart or a reload leaves in memory: what relays said is kept with each lease. */
static void a_limit_holds_after_a_restart(void **state)
{
    (void)state;
    struct lease_record records[3];
    uint8_t room[3][LEASE_RELAY_MAX + LEASE_HARDWARE_MAX];
    assert_int_equal(lease_at(1, "a"), FIRST);
    assert_int_equal(lease_at(2, "a"), FIRST + 1);
    assert_int_equal(lease_at(3, "b"), FIRST + 2);
    /* renewed without the relay, which is still known */
    assert_int_equal(HEARS(.type = DHCP4_REQUEST, .mac = 2, .ciaddr = FIRST + 1).answer, DHCP4_ANSWER_ACK);
    world_commit(&w);
    for (uint32_t i = 0; i < 3; i++) {
        const struct lease *x = leases_find(&w.leases, FIRST + i);
        struct lease_client c = lease_tenant(x);
        struct writer out = writer_over(room[i], sizeof room[i]);
        write_span(&out, c.hardware);
        c.hardware = writer_span(&out);
        write_span(&out, c.relay);
        c.relay = span_from(writer_span(&out), c.hardware.len);
        records[i] = (struct lease_record){ FIRST + i, LEASE_BOUND, x->until_s, c };
    }
    world_close(&w);
    open_limited(NULL);
    for (uint32_t i = 0; i < 3; i++)
        assert_true(leases_restore(&w.leases, &records[i], w.now));
    assert_true(leases_settle(&w.leases, w.settings, w.now));
    assert_true(leases_settle(&w.leases, w.settings, w.now)); /* a reload counts nobody twice */
    assert_int_equal(lease_at(4, "a"), 0);
    assert_int_equal(lease_at(2, "a"), FIRST + 1);
    assert_int_not_equal(lease_at(4, "b"), 0);
    assert_int_equal(lease_at(5, "b"), 0);
    HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST, .server = WORLD_SERVER);
    assert_int_not_equal(lease_at(6, "a"), 0);
    /* another server of the same database let one go, and granted one elsewhere */
    records[1].state = LEASE_FREE;
    leases_learn(&w.leases, &records[1]);
    assert_int_not_equal(lease_at(7, "a"), 0);
    assert_int_equal(lease_at(8, "a"), 0);
}

static const uint8_t second[4] = { 192, 168, 2, 0 };
#define SELECT                                                                                               \
    {                                                                                                        \
        {                                                                                                    \
            DHCP4_OPTION_SUBNET_SELECTION, span_of(second, 4)                                                \
        }                                                                                                    \
    }

static void a_client_selects_its_subnet_where_it_may(void **state)
{
    (void)state;
    struct dhcp4_decision d = HEARS(.type = DHCP4_DISCOVER, .mac = 1, .extra = SELECT);
    assert_int_equal(d.address, IP(192, 168, 2, 10));
    write_and_parse(d, DHCP4_FINE);
    assert_memory_equal(dhcp4_option(&reply, DHCP4_OPTION_SUBNET_SELECTION).at, second, 4);
}

static void subnet_selection_is_off_by_default(void **state)
{
    (void)state;
    struct dhcp4_decision d = HEARS(.type = DHCP4_DISCOVER, .mac = 1, .extra = SELECT);
    assert_int_equal(d.address, FIRST);
    write_and_parse(d, DHCP4_FINE);
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_SUBNET_SELECTION));
}

/* ---- options ------------------------------------------------------------------------------------------- */

static void assert_wire(uint8_t code, const char *bytes, size_t len)
{
    struct span s = options_find(&w.settings->subnets[0].options, code);
    assert_int_equal(s.len, len);
    assert_memory_equal(s.at, bytes, len);
}
#define WIRE(code, bytes) assert_wire(code, bytes, sizeof(bytes) - 1)

static int open_options(void **state)
{
    (void)state;
    world_open(&w, SUBNET
               " vendor-specific = \"01:02:6869\" vendor-information = { \"3561 01:01:41\", \"9 02:00\" }"
               " sip-servers = { \"sip.example\", \"b\" } ipv6-only = 1800"
               " captive-portal = \"https://p.example/\" domain-search = { \"a.example\" }"
               " routes = { \"0.0.0.0/0 192.168.1.1\", \"10.16.0.0/12 192.168.1.2\" }"
               " tftp-servers = { \"192.168.1.8\", \"192.168.1.9\" }"
               " tftp-server-name = \"t\" boot-file = \"f\" proxy-auto-config = \"u\" }");
    return 0;
}

static void named_options_have_their_form(void **state)
{
    (void)state;
    WIRE(43, "\x01\x02hi");
    WIRE(125, "\0\0\x0d\xe9\x03\x01\x01\x41\0\0\0\x09\x02\x02\0");
    WIRE(120, "\0\x03sip\x07"
              "example\0\x01"
              "b\0");
    WIRE(108, "\0\0\x07\x08");
    WIRE(114, "https://p.example/");
    WIRE(119, "\x01"
              "a\x07"
              "example\0");
    WIRE(121, "\0\xc0\xa8\x01\x01\x0c\x0a\x10\xc0\xa8\x01\x02");
    WIRE(150, "\xc0\xa8\x01\x08\xc0\xa8\x01\x09");
    WIRE(66, "t");
    WIRE(67, "f");
    WIRE(252, "u");
}

static void what_is_no_value_is_refused(void **state)
{
    (void)state;
    world_open(&w, "");
    assert_null(settings_of("vendor-specific = \"0\""));
    assert_null(settings_of("vendor-information = { \"3561\" }"));
    assert_null(settings_of("vendor-information = { \"x 01\" }"));
    assert_null(settings_of("sip-servers = { \"sip.example\", \"192.168.1.1\" }"));
}

#define TEST(name, open) cmocka_unit_test_setup_teardown(name, open, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_messages_make_a_lease_where_both_sides_will, open_rapid),
        TEST(rapid_commit_is_off_by_default, open_plain),
        TEST(a_bootp_client_has_its_address_for_ever, open_bootp),
        TEST(bootp_is_off_by_default_but_for_reservations, open_bootp),
        TEST(a_reply_without_a_type_is_no_bootp_client, open_plain),
        TEST(a_relay_can_stand_in_for_the_server, open_plain),
        TEST(nobody_takes_all_from_behind_one_circuit, open_limited),
        TEST(a_limit_holds_after_a_restart, open_limited),
        TEST(link_selection_goes_before_giaddr, open_plain),
        TEST(a_client_selects_its_subnet_where_it_may, open_rapid),
        TEST(subnet_selection_is_off_by_default, open_plain),
        TEST(named_options_have_their_form, open_options),
        cmocka_unit_test_teardown(what_is_no_value_is_refused, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
