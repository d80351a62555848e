/* Prefix delegation: RFC 9915 6.3, 18.3 and RFC 8168, message by message on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp6_world.h"
#include "dhcpd/row6.h"

#define POOL        UINT64_C(0x20010db880000000)
#define PREFIX(n)   ((struct ip6){ POOL + ((uint64_t)(n) << 8), 0 }) /* of 56 bits */
#define WIDE(n)     ((struct ip6){ UINT64_C(0x20010db890000000) + ((uint64_t)(n) << 16), 0 })
#define RESERVED    ((struct ip6){ UINT64_C(0x20010db8a0000000), 0 })
#define WIDE_BITS   48
#define NARROW_BITS 56

static struct world6 w;

static const char conf[] =
    "subnet6 \"2001:db8:1:2::/64\" { pool = { \"2001:db8:1:2::10-2001:db8:1:2::13\" } router-advertisements "
    "= false\n"
    " prefix-pool = { \"2001:db8:8000::/54 56\", \"2001:db8:9000::/47 48\" }\n"
    " host \"edge\" { duid = \"00030001020000000009\" prefix = \"2001:db8:a000::/50\" }\n"
    " host \"seat\" { interface-id = \"port7\" address = \"2001:db8:1:2::99\" prefix = "
    "\"2001:db8:b000::/50\" }\n"
    " host \"end\" { remote-id = \"0x00000009656e64\" address = \"2001:db8:1:2::98\" }\n"
    " host \"fixed\" { duid = \"00030001020000000008\" prefix = \"2001:db8:8000:300::/56\" } }\n"
    "subnet6 \"2001:db8:1:3::/64\" { pool = { \"2001:db8:1:3::10\" } router-advertisements = false }\n";

static int setup(void **state)
{
    (void)state;
    world6_open(&w, conf);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world6_close(&w);
    return 0;
}

static struct says6 says(uint8_t type, unsigned client, struct ip6 prefix)
{
    return (struct says6){
        .type = type,
        .client = client,
        .to_us =
            type == DHCP6_REQUEST || type == DHCP6_RENEW || type == DHCP6_RELEASE || type == DHCP6_DECLINE,
        .ia = { { .iaid = 1, .prefix = true, .bits = NARROW_BITS, .addresses = { prefix } } }
    };
}

static const struct ip6 nothing = { 0, 0 };

static void assert_delegates(const struct dhcp6_decision *d, enum dhcp6_answer answer, struct ip6 prefix,
                             uint8_t bits)
{
    assert_int_equal(d->answer, answer);
    assert_int_equal(d->ias[0].code, DHCP6_OPTION_IA_PD);
    assert_int_equal(d->ias[0].status, DHCP6_SUCCESS);
    assert_int_equal(d->grant_count, 1);
    assert_true(ip6_equal(d->grants[0].address, prefix));
    assert_int_equal(d->grants[0].bits, bits);
    assert_int_equal(d->grants[0].valid_s, 3600);
}

static void assert_refuses(const struct dhcp6_decision *d, enum dhcp6_status status)
{
    assert_int_equal(d->ia_count, 1);
    assert_int_equal(d->ias[0].status, status);
    assert_int_equal(d->grant_count, 0);
}

static struct dhcp6_decision *say(uint8_t type, unsigned client, struct ip6 prefix)
{
    struct says6 s = says(type, client, prefix);
    return world6_say(&w, &s);
}

static void delegate(unsigned client, struct ip6 expected, uint8_t bits)
{
    assert_delegates(say(DHCP6_REQUEST, client, nothing), DHCP6_ANSWER_REPLY, expected, bits);
}

static void the_four_messages(void **state)
{
    (void)state;
    assert_delegates(say(DHCP6_SOLICIT, 1, nothing), DHCP6_ANSWER_ADVERTISE, PREFIX(0), NARROW_BITS);
    assert_delegates(say(DHCP6_REQUEST, 1, PREFIX(0)), DHCP6_ANSWER_REPLY, PREFIX(0), NARROW_BITS);
    assert_delegates(say(DHCP6_SOLICIT, 2, nothing), DHCP6_ANSWER_ADVERTISE, PREFIX(1), NARROW_BITS);
    assert_delegates(say(DHCP6_SOLICIT, 1, nothing), DHCP6_ANSWER_ADVERTISE, PREFIX(0),
                     NARROW_BITS); /* its own */
}

static void what_is_on_the_wire(void **state)
{
    static const uint8_t expected[] = { 0,    26,   0,  25,   0,    0,    0x0e, 0x10, 0, 0,
                                        0x0e, 0x10, 56, 0x20, 0x01, 0x0d, 0xb8, 0x80, 0, 0,
                                        0,    0,    0,  0,    0,    0,    0,    0,    0 };
    (void)state;
    say(DHCP6_REQUEST, 1, nothing);
    struct span reply = world6_reply(&w);
    assert_non_null(memmem(reply.at, reply.len, expected, sizeof expected));
    struct dhcp6_message m;
    assert_int_equal(dhcp6_parse(&m, reply), DHCP6_FINE);
    assert_int_equal(m.ias[0].t1_s, 1800);
    assert_int_equal(m.ias[0].t2_s, 2880);
    assert_int_equal(m.addresses[0].bits, NARROW_BITS);
    assert_true(ip6_equal(m.addresses[0].address, PREFIX(0)));
}

static void malformed_prefixes(void **state)
{
    struct dhcp6_message m;
    struct says6 s = says(DHCP6_SOLICIT, 1, PREFIX(0));
    struct span good = message6(&s, w.in, sizeof w.in);
    (void)state;
    size_t place = 0; /* of the option */
    while (w.in[place] != 0 || w.in[place + 1] != 26 || w.in[place + 2] != 0 || w.in[place + 3] != 25)
        place++;
    for (uint8_t bits = 128; bits; bits++) { /* up to 255 */
        w.in[place + 12] = bits;
        assert_int_equal(dhcp6_parse(&m, good), DHCP6_OPTION_LENGTH);
    }
    w.in[place + 12] = NARROW_BITS;
    w.in[place + 28] = 0xff; /* behind the length: it does not count */
    assert_int_equal(dhcp6_parse(&m, good), DHCP6_FINE);
    assert_true(ip6_equal(m.addresses[0].address, PREFIX(0)));
    for (size_t i = 0; i < 25; i++) {
        w.in[place + 3] = (uint8_t)i;
        assert_int_not_equal(dhcp6_parse(&m, good), DHCP6_FINE);
    }
}

static void a_hint_of_length(void **state)
{
    (void)state;
    struct says6 s = says(DHCP6_REQUEST, 1, nothing);
    s.ia[0].hint = true;
    s.ia[0].bits = WIDE_BITS;
    assert_delegates(world6_say(&w, &s), DHCP6_ANSWER_REPLY, WIDE(0), WIDE_BITS);
    s.client = 2;
    s.ia[0].bits = 60; /* nobody has this: the first that there is */
    assert_delegates(world6_say(&w, &s), DHCP6_ANSWER_REPLY, PREFIX(0), NARROW_BITS);
}

static void what_is_asked_for(void **state)
{
    (void)state;
    assert_delegates(say(DHCP6_REQUEST, 1, PREFIX(2)), DHCP6_ANSWER_REPLY, PREFIX(2), NARROW_BITS);
    assert_delegates(say(DHCP6_REQUEST, 2, PREFIX(2)), DHCP6_ANSWER_REPLY, PREFIX(0),
                     NARROW_BITS); /* it is taken */
    struct ip6 foreign = { UINT64_C(0x20010db8f0000000), 0 };
    assert_delegates(say(DHCP6_REQUEST, 3, foreign), DHCP6_ANSWER_REPLY, PREFIX(1),
                     NARROW_BITS); /* not NotOnLink */
}

static void the_last_one(void **state)
{
    (void)state;
    delegate(1, PREFIX(0), NARROW_BITS);
    delegate(2, PREFIX(1), NARROW_BITS);
    delegate(3, PREFIX(2), NARROW_BITS);
    delegate(4, WIDE(0), WIDE_BITS); /* the fourth narrow one is reserved */
    delegate(5, WIDE(1), WIDE_BITS);
    assert_refuses(say(DHCP6_REQUEST, 6, nothing), DHCP6_NO_PREFIX_AVAIL);
    assert_true(w.decision.exhausted);
    assert_refuses(say(DHCP6_SOLICIT, 6, nothing), DHCP6_NO_PREFIX_AVAIL);
    say(DHCP6_RELEASE, 2, PREFIX(1));
    assert_int_equal(w.decision.status, DHCP6_SUCCESS);
    delegate(6, PREFIX(1), NARROW_BITS);
}

static void where_there_are_none(void **state)
{
    (void)state;
    w.arrival.link = &w.settings->six.subnets[1];
    assert_refuses(say(DHCP6_SOLICIT, 1, nothing), DHCP6_NO_PREFIX_AVAIL);
    assert_false(w.decision.exhausted);
    assert_refuses(say(DHCP6_RENEW, 1, PREFIX(0)), DHCP6_NO_BINDING);
}

static void reservations(void **state)
{
    (void)state;
    delegate(9, RESERVED, 50);
    delegate(8, PREFIX(3), NARROW_BITS);
    struct says6 s = says(DHCP6_RENEW, 9, RESERVED);
    s.ia[0].bits = 50;
    assert_delegates(world6_say(&w, &s), DHCP6_ANSWER_REPLY, RESERVED, 50);
    assert_delegates(say(DHCP6_REQUEST, 1, PREFIX(3)), DHCP6_ANSWER_REPLY, PREFIX(0), NARROW_BITS);
}

static void a_reservation_by_the_relays_interface(void **state)
{
    const struct ip6 own = { UINT64_C(0x20010db8b0000000), 0 };
    struct says6 s = says(DHCP6_REQUEST, 7, nothing);
    (void)state;
    s.ia[1] = (struct says6_ia){ .iaid = 1 };
    w.relays =
        (struct dhcp6_relays){ .count = 1,
                               .relay = { { .link = WORLD6(1), .interface_id = span_text("port7") } } };
    struct dhcp6_decision *d = world6_say(&w, &s);
    assert_int_equal(d->grant_count, 2);
    assert_true(ip6_equal(d->grants[0].address, own) && d->grants[0].bits == 50);
    assert_true(ip6_equal(d->grants[1].address, WORLD6(0x99)));
    s.client = 5; /* the place's own has it already */
    w.relays.relay[0] = (struct dhcp6_relay){ .link = WORLD6(1),
                                              .remote_id = span_text("\0\0\0\x09"
                                                                     "end") };
    w.relays.relay[0].remote_id.len = 7;
    d = world6_say(&w, &s);
    assert_true(ip6_equal(d->grants[1].address, WORLD6(0x98)));
    s.client = 6;
    w.relays.relay[0].remote_id.len = 6;
    w.relays.relay[0].interface_id = span_text("port8");
    d = world6_say(&w, &s);
    assert_true(ip6_equal(d->grants[0].address, PREFIX(1)) && ip6_equal(d->grants[1].address, WORLD6(0x10)));
}

static void renewals(void **state)
{
    (void)state;
    delegate(1, PREFIX(0), NARROW_BITS);
    world6_pass(&w, 1800);
    assert_delegates(say(DHCP6_RENEW, 1, PREFIX(0)), DHCP6_ANSWER_REPLY, PREFIX(0), NARROW_BITS);
    world6_pass(&w, 3000);
    assert_refuses(say(DHCP6_RENEW, 2, PREFIX(0)), DHCP6_NO_BINDING);
    assert_delegates(say(DHCP6_REBIND, 1, PREFIX(0)), DHCP6_ANSWER_REPLY, PREFIX(0), NARROW_BITS);
    struct dhcp6_decision *d = say(DHCP6_RENEW, 1, PREFIX(1)); /* one that it has not: lifetimes of 0 */
    assert_int_equal(d->grant_count, 2);
    assert_int_equal(d->grants[1].valid_s, 0);
    world6_pass(&w, 3601);
    assert_refuses(say(DHCP6_RENEW, 1, PREFIX(0)), DHCP6_NO_BINDING);
}

static void a_rebind_of_what_was_forgotten(void **state)
{
    (void)state;
    say(DHCP6_REQUEST, 2, PREFIX(1));
    assert_delegates(say(DHCP6_REBIND, 1, PREFIX(0)), DHCP6_ANSWER_REPLY, PREFIX(0), NARROW_BITS);
    struct dhcp6_decision *d = say(DHCP6_REBIND, 3, PREFIX(1)); /* another's */
    assert_int_equal(d->grant_count, 1);
    assert_int_equal(d->grants[0].valid_s, 0);
    struct ip6 foreign = { UINT64_C(0x20010db8f0000000), 0 }; /* another server's, perhaps */
    assert_int_equal(say(DHCP6_REBIND, 4, foreign)->answer, DHCP6_ANSWER_SILENCE);
}

static void a_confirm_is_about_addresses(void **state)
{
    (void)state;
    delegate(1, PREFIX(0), NARROW_BITS);
    assert_int_equal(say(DHCP6_CONFIRM, 1, PREFIX(0))->answer, DHCP6_ANSWER_SILENCE);
}

static void one_of_each(void **state)
{
    (void)state;
    struct says6 s = says(DHCP6_REQUEST, 1, nothing);
    s.ia[1] = (struct says6_ia){ .iaid = 1 };
    s.ia[2] = (struct says6_ia){ .iaid = 2, .prefix = true };
    struct dhcp6_decision *d = world6_say(&w, &s);
    assert_int_equal(d->grant_count, 3);
    assert_true(ip6_equal(d->grants[0].address, PREFIX(0)));
    assert_true(ip6_equal(d->grants[1].address, WORLD6(0x10)) && d->grants[1].bits == DHCP6_ADDRESS_BITS);
    assert_true(ip6_equal(d->grants[2].address, PREFIX(1)));
    s.type = DHCP6_RELEASE;
    s.ia[0].bits = NARROW_BITS;
    s.ia[0].addresses[0] = PREFIX(0);
    s.ia[1].iaid = 0;
    world6_say(&w, &s);
    assert_false(lease6_is_held(leases6_find(&w.leases, PREFIX(0))));
    assert_true(lease6_is_held(leases6_find(&w.leases, WORLD6(0x10))));
    assert_true(lease6_is_held(leases6_find(&w.leases, PREFIX(1))));
}

static void rows_there_and_back(void **state)
{
    (void)state;
    struct store_change c;
    struct row6_room room;
    struct lease6_record r;
    delegate(1, PREFIX(0), NARROW_BITS);
    row6_write(&c, &room, leases6_find(&w.leases, PREFIX(0)), w.now);
    assert_true(span_is(c.values[0].bytes, "2001:db8:8000::/56"));
    assert_true(row6_read(&r, c.values));
    assert_true(ip6_equal(r.address, PREFIX(0)) && r.bits == NARROW_BITS && r.state == LEASE_BOUND);
    struct leases6 after;
    assert_true(leases6_open(&after, 5, NULL) && leases6_restore(&after, &r, w.now) &&
                leases6_settle(&after, &w.settings->six, w.now));
    leases6_close(&w.leases);
    w.leases = after;
    assert_delegates(say(DHCP6_RENEW, 1, PREFIX(0)), DHCP6_ANSWER_REPLY, PREFIX(0), NARROW_BITS);
}

/* A pool that is cut in another length while some of it is still delegated. */
static void a_pool_is_cut_anew(void **state)
{
    (void)state;
    delegate(1, PREFIX(0), NARROW_BITS);
    delegate(2, PREFIX(1), NARROW_BITS);
    struct dhcp_settings *before = w.settings;
    w.settings = settings_of("subnet6 \"2001:db8:1:2::/64\" { router-advertisements = false\n"
                             " prefix-pool = { \"2001:db8:8000::/54 60\" } }\n");
    assert_non_null(w.settings);
    assert_true(leases6_settle(&w.leases, &w.settings->six, w.now));
    dhcpd_forget(before);
    w.arrival.link = w.settings->six.subnets;
    delegate(3, PREFIX(2), 60); /* the 32 before it lie in what the two have */
    world6_pass(&w, 3601);
    struct ip6 within = { POOL + 0x10, 0 };
    struct says6 s = says(DHCP6_REQUEST, 4, within);
    s.ia[0].bits = 60;
    assert_delegates(world6_say(&w, &s), DHCP6_ANSWER_REPLY, within, 60);
}

static void what_the_file_may_not_say(void **state)
{
    static const struct {
        const char *inside, *says;
    } wrong[] = {
        { "prefix-pool = { \"2001:db8:8000::/40\" }", "is not a pool of prefixes" },
        { "prefix-pool = { \"2001:db8:8000::/40 39\" }", "is not a pool of prefixes" },
        { "prefix-pool = { \"2001:db8:8000::/40 65\" }", "is not a pool of prefixes" },
        { "prefix-pool = { \"10.0.0.0/8 24\" }", "is not a pool of prefixes" },
        { "prefix-pool = { \"2001:db8:1::/48 56\" }", "overlaps" },
        { "prefix-pool = { \"2001:db8:8000::/40 56\", \"2001:db8:8000::/48 60\" }", "overlaps" },
        { "host \"a\" { duid = \"0003000101\" prefix = \"2001:db8::/65\" }", "cannot be delegated" },
        { "prefix-pool = { \"2001:db8:8000::/40 56\" } host \"a\" { duid = \"0003000101\" prefix = "
          "\"2001:db8:8000::/48\" }",
          "is in a pool of prefixes with 56 bits" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[512], why[4096] = "";
        snprintf(text, sizeof text, "subnet6 \"2001:db8:1:2::/64\" { %s }", wrong[i].inside);
        assert_null(settings_or_why(text, why, sizeof why));
        if (!strstr(why, wrong[i].says))
            fail_msg("%s: %s", wrong[i].inside, why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(the_four_messages),
        TEST(what_is_on_the_wire),
        TEST(malformed_prefixes),
        TEST(a_hint_of_length),
        TEST(what_is_asked_for),
        TEST(the_last_one),
        TEST(where_there_are_none),
        TEST(reservations),
        TEST(a_reservation_by_the_relays_interface),
        TEST(renewals),
        TEST(a_rebind_of_what_was_forgotten),
        TEST(a_confirm_is_about_addresses),
        TEST(one_of_each),
        TEST(rows_there_and_back),
        TEST(a_pool_is_cut_anew),
        cmocka_unit_test(what_the_file_may_not_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
