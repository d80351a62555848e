/* How many addresses and prefixes a port of a relay has at most, on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef assert /* cmocka's */
#include "dhcp6_world.h"
#include "dhcpd/row6.h"
#include "dhcpd/tell6.h"

#define PREFIX(n) ((struct ip6){ UINT64_C(0x20010db880000000) + ((uint64_t)(n) << 8), 0 }) /* of 56 bits */
#define LINK2     ((struct ip6){ UINT64_C(0x20010db800010003), 1 })
#define RECORDS   3

static struct world6 w;
static const struct ip6 nothing = { 0, 0 };

#define SUBNET(limit)                                                                                        \
    "subnet6 \"2001:db8:1:2::/64\" { pool = { \"2001:db8:1:2::10-2001:db8:1:2::99\" } " limit                \
    " router-advertisements = false prefix-pool = { \"2001:db8:8000::/48 56\" }\n"                           \
    " host \"kept\" { duid = \"00030001020000000009\" address = \"2001:db8:1:2::f0\" } }\n"                  \
    "subnet6 \"2001:db8:1:3::/64\" { pool = { \"2001:db8:1:3::10-2001:db8:1:3::99\" } circuit-limit = 2"     \
    " router-advertisements = false }\n"

static int open_limited(void **state)
{
    (void)state;
    world6_open(&w, SUBNET("circuit-limit = 2"));
    return 0;
}

static int open_unlimited(void **state)
{
    (void)state;
    world6_open(&w, SUBNET(""));
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world6_close(&w);
    return 0;
}

/* What comes from now on comes from this port. */
static void from_port(const char *port)
{
    w.relays.count = 1;
    w.relays.relay[0] = (struct dhcp6_relay){ .link = WORLD6(1), .interface_id = span_text(port) };
}

static struct dhcp6_decision *say(uint8_t type, unsigned client, bool prefix, struct ip6 address)
{
    struct says6 s = { .type = type,
                       .client = client,
                       .to_us = type != DHCP6_SOLICIT && type != DHCP6_REBIND };
    s.ia[0] =
        (struct says6_ia){ .iaid = 1, .prefix = prefix, .bits = prefix ? 56 : 0, .addresses = { address } };
    return world6_say(&w, &s);
}

/* The whole way to a lease; 0 where nothing is to be had. */
static uint64_t lease_at(const char *port, unsigned client)
{
    from_port(port);
    struct dhcp6_decision *d = say(DHCP6_SOLICIT, client, false, nothing);
    if (!d->grant_count) {
        assert_int_equal(d->ias[0].status, DHCP6_NO_ADDRS_AVAIL);
        assert_true(d->circuit_full);
        assert_false(d->exhausted);
        return 0;
    }
    d = say(DHCP6_REQUEST, client, false, d->grants[0].address);
    assert_int_equal(d->grant_count, 1);
    assert_false(d->circuit_full);
    return d->grants[0].address.low;
}

static void assert_renews(unsigned client, uint64_t low)
{
    struct dhcp6_decision *d = say(DHCP6_RENEW, client, false, WORLD6(low));
    assert_int_equal(d->ias[0].status, DHCP6_SUCCESS);
    assert_int_equal(d->grant_count, 1);
    assert_int_equal(d->grants[0].address.low, low);
    assert_int_equal(d->grants[0].valid_s, 3600);
}

static void nobody_takes_all_from_behind_one_port(void **state)
{
    (void)state;
    assert_int_equal(lease_at("a", 1), 0x10);
    assert_int_equal(lease_at("a", 2), 0x11);
    size_t known = w.leases.by_address.node_count;
    for (unsigned client = 100; client < 200; client++) { /* a flood, also of what it names itself */
        assert_int_equal(lease_at("a", client), 0);
        assert_int_equal(say(DHCP6_REQUEST, client, false, WORLD6(client))->ias[0].status,
                         DHCP6_NO_ADDRS_AVAIL);
        assert_int_equal(say(DHCP6_REBIND, client, false, WORLD6(client))->answer, DHCP6_ANSWER_SILENCE);
    }
    assert_int_equal(w.leases.by_address.node_count, known);
    assert_int_equal(w.leases.count[LEASE_OFFERED], 0);
    /* who has a lease keeps it, asks again for it, renews it */
    assert_int_equal(lease_at("a", 1), 0x10);
    assert_renews(2, 0x11);
    assert_int_equal(say(DHCP6_REBIND, 2, false, WORLD6(0x11))->grant_count, 1);
    /* others have a limit of their own, and those who say nothing have none */
    assert_int_equal(lease_at("b", 3), 0x12);
    w.relays.relay[0].interface_id = span_text("");
    assert_int_equal(say(DHCP6_REQUEST, 4, false, nothing)->grant_count, 1);
    w.relays.count = 0;
    assert_int_equal(say(DHCP6_REQUEST, 5, false, nothing)->grant_count, 1);
    from_port("a");
    say(DHCP6_RELEASE, 1, false, WORLD6(0x10));
    assert_int_not_equal(lease_at("a", 6), 0);
    assert_int_equal(lease_at("a", 7), 0);
}

static void who_moves_to_another_port_makes_room(void **state)
{
    (void)state;
    assert_int_equal(lease_at("a", 1), 0x10);
    assert_int_equal(lease_at("a", 2), 0x11);
    from_port("b");
    assert_renews(1, 0x10);
    assert_int_equal(lease_at("a", 3), 0x12);
    assert_int_equal(lease_at("a", 4), 0);
    assert_int_equal(lease_at("b", 4), 0x13);
    assert_int_equal(lease_at("b", 5), 0);
    from_port("b"); /* there are more than may be, now; nobody loses anything */
    assert_renews(3, 0x12);
    assert_int_equal(lease_at("a", 5), 0x14);
    w.relays.count = 0; /* renewed without the relay, which is still known */
    assert_renews(2, 0x11);
    assert_int_equal(lease_at("a", 6), 0);
}

static void prefixes_count_beside_addresses(void **state)
{
    (void)state;
    from_port("a");
    assert_int_equal(say(DHCP6_REQUEST, 1, true, nothing)->grant_count, 1);
    assert_int_equal(lease_at("a", 1), 0x10);
    struct dhcp6_decision *d = say(DHCP6_SOLICIT, 2, true, PREFIX(7));
    assert_int_equal(d->answer, DHCP6_ANSWER_ADVERTISE);
    assert_int_equal(d->ias[0].status, DHCP6_NO_PREFIX_AVAIL);
    assert_true(d->circuit_full && !d->exhausted);
    assert_int_equal(say(DHCP6_REQUEST, 2, true, nothing)->ias[0].status, DHCP6_NO_PREFIX_AVAIL);
    assert_int_equal(say(DHCP6_RENEW, 1, true, PREFIX(0))->ias[0].status, DHCP6_SUCCESS);
    say(DHCP6_DECLINE, 1, false, WORLD6(0x10));
    assert_int_equal(say(DHCP6_REQUEST, 2, true, nothing)->grant_count, 1);
}

/* Of one message as many IAs get something as there is room for; of an IA, as many addresses. */
static void one_message_does_not_go_over(void **state)
{
    (void)state;
    from_port("a");
    struct says6 s = { .type = DHCP6_SOLICIT, .client = 1, .ia = { { 1 }, { 2 }, { 3 } } };
    s.ia[2].prefix = true;
    struct dhcp6_decision *d = world6_say(&w, &s);
    assert_int_equal(d->grant_count, 2);
    assert_int_equal(d->ias[1].status, DHCP6_SUCCESS);
    assert_int_equal(d->ias[2].status, DHCP6_NO_PREFIX_AVAIL);
    assert_int_equal(lease_at("a", 2), 0); /* what is offered counts, ... */
    world6_pass(&w, LEASE_OFFER_S + 1);    /* ... and an offer ends */
    s = (struct says6){ .type = DHCP6_REQUEST, .client = 2, .to_us = true, .ia = { { 1 } } };
    for (uint64_t i = 0; i < 4; i++)
        s.ia[0].addresses[i] = WORLD6(0x40 + i);
    assert_int_equal(world6_say(&w, &s)->grant_count, 2);
    world6_pass(&w, 3601); /* and all of it ends with the leases */
    assert_int_not_equal(lease_at("a", 3), 0);
    assert_int_not_equal(lease_at("a", 4), 0);
    assert_int_equal(lease_at("a", 5), 0);
}

static bool is_full_for(unsigned client)
{
    return say(DHCP6_REQUEST, client, false, nothing)->circuit_full;
}

static void which_port_it_is(void **state)
{
    (void)state;
    lease_at("a", 1);
    lease_at("a", 2);
    w.relays.count = 2; /* the relays on the way do not matter, nor who the client is */
    w.relays.relay[1] = w.relays.relay[0];
    w.relays.relay[1].peer = WORLD6(77);
    w.relays.relay[0] = (struct dhcp6_relay){ .link = LINK2, .interface_id = span_text("uplink") };
    assert_true(is_full_for(3));
    w.relays.relay[1].remote_id = span_text("another"); /* it counts where there is nothing else */
    assert_true(is_full_for(3));
    w.relays.relay[1].interface_id = span_text("");
    assert_false(is_full_for(3));
    w.relays.relay[1].remote_id = span_text("a"); /* no Interface-Id */
    assert_false(is_full_for(4));
    w.relays.relay[1].interface_id = span_text("a");
    w.relays.relay[1].link = LINK2; /* another link, and its own count */
    assert_false(is_full_for(5));
    assert_false(is_full_for(6));
    assert_true(is_full_for(7));
    w.relays.relay[1].link = nothing; /* it knows none: that of the next one */
    assert_true(is_full_for(7));
}

static void an_identifier_of_any_length(void **state)
{
    static uint8_t id[1000];
    (void)state;
    from_port("a");
    w.relays.relay[0].interface_id = span_of(id, sizeof id);
    assert_false(is_full_for(1));
    assert_false(is_full_for(2));
    assert_true(is_full_for(3));
}

/* Whatever a restart or a reload leaves in memory: where a lease was given is kept with it. */
static void a_limit_holds_after_a_restart(void **state)
{
    (void)state;
    static struct row6_room room[RECORDS];
    static uint8_t bytes[RECORDS][DHCP6_DUID_MAX + CIRCUIT6_KEY_MAX];
    struct lease6_record r[RECORDS];
    assert_int_equal(lease_at("a", 1), 0x10);
    assert_int_equal(lease_at("b", 2), 0x11);
    from_port("a");
    say(DHCP6_REQUEST, 3, true, nothing);
    const struct ip6 addresses[RECORDS] = { WORLD6(0x10), WORLD6(0x11), PREFIX(0) };
    for (size_t i = 0; i < RECORDS; i++) {
        struct store_change c;
        row6_write(&c, &room[i], leases6_find(&w.leases, addresses[i]), w.now);
        assert_true(row6_read(&r[i], c.values));
        struct writer out = writer_over(bytes[i], sizeof bytes[i]);
        write_span(&out, r[i].client.duid);
        write_span(&out, r[i].client.relay);
        r[i].client.relay = span_from(writer_span(&out), r[i].client.duid.len);
        r[i].client.duid = span_head(writer_span(&out), r[i].client.duid.len);
    }
    world6_close(&w);
    open_limited(NULL);
    for (size_t i = 0; i < RECORDS; i++)
        assert_true(leases6_restore(&w.leases, &r[i], w.now));
    assert_true(leases6_settle(&w.leases, &w.settings->six, w.now));
    assert_true(leases6_settle(&w.leases, &w.settings->six, w.now)); /* a reload counts nobody twice */
    assert_int_equal(lease_at("a", 4), 0);
    assert_int_equal(lease_at("a", 1), 0x10);
    assert_int_not_equal(lease_at("b", 4), 0);
    assert_int_equal(lease_at("b", 5), 0);
    /* another server of the same database let one go */
    r[2].state = LEASE_FREE;
    leases6_learn(&w.leases, &r[2]);
    assert_int_not_equal(lease_at("a", 6), 0);
    assert_int_equal(lease_at("a", 7), 0);
    /* and granted one there */
    r[2].state = LEASE_BOUND;
    leases6_learn(&w.leases, &r[2]);
    say(DHCP6_RELEASE, 1, false, WORLD6(0x10));
    assert_int_equal(lease_at("a", 7), 0);
}

static void settle(struct dhcp_settings *next)
{
    assert_non_null(next);
    assert_true(leases6_settle(&w.leases, &next->six, w.now));
    dhcpd_forget(w.settings);
    w.settings = next;
    w.arrival.link = next->six.subnets;
}

/* What was given before counts; what cannot be renewed does not. */
static void a_limit_that_comes_with_a_reload(void **state)
{
    (void)state;
    for (unsigned client = 1; client <= 3; client++)
        assert_int_not_equal(lease_at("a", client), 0);
    from_port("b");
    say(DHCP6_REQUEST, 4, true, nothing);
    settle(settings_of(SUBNET("circuit-limit = 1")));
    assert_int_equal(lease_at("a", 5), 0);
    assert_renews(3, 0x12);
    assert_int_equal(lease_at("b", 5), 0);
    settle(settings_of("subnet6 \"2001:db8:1:2::/64\" { circuit-limit = 1 router-advertisements = false"
                       " prefix-pool = { \"2001:db8:9000::/48 56\" } }"));
    from_port("b");
    assert_int_equal(say(DHCP6_RENEW, 4, true, PREFIX(0))->ias[0].status, DHCP6_NO_BINDING);
    assert_int_equal(say(DHCP6_REQUEST, 4, true, nothing)->grant_count, 1);
}

static unsigned told;

static void take_event(struct event_sink *s, const struct event *e)
{
    (void)s;
    told += e->id == EVENT_DHCP6_CIRCUIT_FULL;
}

static void it_is_counted_each_time_and_told_once_a_minute(void **state)
{
    (void)state;
    struct events events;
    struct event_sink sink = { .take = take_event, .level = EVENT_WARNING };
    struct endpoint from = { .port = 547 };
    events_open(&events);
    events_attach(&events, &sink);
    told = 0;
    for (unsigned i = 0; i < 4; i++)
        lease_at(i % 2 ? "b" : "a", 1 + i);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(lease_at(i % 2 ? "b" : "a", 100 + i), 0);
        struct heard6 h = { &w.message, &w.relays, &from, w.now };
        tell6_circuit_full(&events, &w.leases, w.decision.subnet, &h);
        if (i == 9)
            world6_pass(&w, 60);
    }
    assert_int_equal(told, 4);
    assert_int_equal(events.seen[EVENT_DHCP6_CIRCUIT_FULL], 20);
}

#define TEST(function, open) cmocka_unit_test_setup_teardown(function, open, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nobody_takes_all_from_behind_one_port, open_limited),
        TEST(who_moves_to_another_port_makes_room, open_limited),
        TEST(prefixes_count_beside_addresses, open_limited),
        TEST(one_message_does_not_go_over, open_limited),
        TEST(which_port_it_is, open_limited),
        TEST(an_identifier_of_any_length, open_limited),
        TEST(a_limit_holds_after_a_restart, open_limited),
        TEST(a_limit_that_comes_with_a_reload, open_unlimited),
        TEST(it_is_counted_each_time_and_told_once_a_minute, open_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
