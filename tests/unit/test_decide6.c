#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef assert /* cmocka's */
#include "dhcp6_samples.h"
#include "dhcp6_world.h"

static const char inside[] =
    "subnet6 \"2001:db8:1:2::/64\" {\n"
    " pool = { \"2001:db8:1:2::10-2001:db8:1:2::13\", \"2001:db8:1:2::20\" }\n"
    " dns-servers = { \"2001:db8::35\" }\n"
    " domain-search = { \"a.example\", \"b.example\" }\n"
    " host \"fixed\" { duid = \"00030001020000000007\" address = \"2001:db8:1:2::77\"\n"
    "  dns-servers = { \"2001:db8::36\" } }\n"
    "}\n"
    "subnet6 \"2001:db8:5::/64\" { pool = { \"2001:db8:5::10-2001:db8:5::ff\" }\n"
    " rapid-commit = true preference = 9 }\n";

static struct world6 w;

static int set_up(void **state)
{
    (void)state;
    world6_open(&w, inside);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world6_close(&w);
    return 0;
}

/* One IA of one client, with these addresses. */
#define SAYS(kind, who, ...)                                                                                 \
    (&(struct says6){                                                                                        \
        .type = (kind), .client = (who), .ia = { { .iaid = 1, .addresses = { __VA_ARGS__ } } } })
#define SAYS_TO_US(kind, who, ...)                                                                           \
    (&(struct says6){ .type = (kind),                                                                        \
                      .client = (who),                                                                       \
                      .to_us = true,                                                                         \
                      .ia = { { .iaid = 1, .addresses = { __VA_ARGS__ } } } })
#define NONE                                                                                                 \
    {                                                                                                        \
        0, 0                                                                                                 \
    }

/* It gives the IA this one address for good. */
static void assert_gives(const struct dhcp6_decision *d, enum dhcp6_answer answer, uint64_t low)
{
    assert_int_equal(d->answer, answer);
    assert_int_equal(d->ia_count, 1);
    assert_int_equal(d->ias[0].status, DHCP6_SUCCESS);
    assert_int_equal(d->grant_count, 1);
    assert_true(ip6_equal(d->grants[0].address, WORLD6(low)));
    assert_true(d->grants[0].valid_s == 3600 && d->grants[0].preferred_s == 3600);
}

static void assert_refuses(const struct dhcp6_decision *d, enum dhcp6_status status)
{
    assert_true(d->answer == DHCP6_ANSWER_REPLY || d->answer == DHCP6_ANSWER_ADVERTISE);
    assert_int_equal(d->ia_count, 1);
    assert_int_equal(d->ias[0].status, status);
    assert_int_equal(d->grant_count, 0);
}

static uint64_t lease(unsigned client)
{
    struct dhcp6_decision *d = world6_say(&w, SAYS_TO_US(DHCP6_REQUEST, client, NONE));
    assert_int_equal(d->answer, DHCP6_ANSWER_REPLY);
    assert_int_equal(d->grant_count, 1);
    return d->grants[0].address.low;
}

/* ---- RFC 9915 16 ------------------------------------------------------------------------------ */

static void assert_discards(const struct says6 *s, const char *reason)
{
    struct dhcp6_decision *d = world6_hear(&w, s);
    assert_int_equal(d->answer, DHCP6_ANSWER_DISCARD);
    assert_string_equal(d->reason, reason);
    assert_int_equal(w.claims.count, 0);
}

static void messages_that_only_servers_send(void **state)
{
    (void)state;
    static const uint8_t types[] = { DHCP6_ADVERTISE, DHCP6_REPLY, DHCP6_RECONFIGURE };
    for (size_t i = 0; i < sizeof types; i++)
        assert_discards(SAYS_TO_US(types[i], 1, NONE), "no client sends this to a server");
}

static void messages_without_a_client_identifier(void **state)
{
    (void)state;
    static const uint8_t types[] = { DHCP6_SOLICIT, DHCP6_REQUEST, DHCP6_CONFIRM, DHCP6_RENEW,
                                     DHCP6_REBIND,  DHCP6_RELEASE, DHCP6_DECLINE };
    for (size_t i = 0; i < sizeof types; i++)
        assert_discards(SAYS(types[i], 0, NONE), "it has no client identifier");
}

static void messages_that_must_not_have_a_server_identifier(void **state)
{
    (void)state;
    static const uint8_t types[] = { DHCP6_SOLICIT, DHCP6_CONFIRM, DHCP6_REBIND };
    for (size_t i = 0; i < sizeof types; i++)
        assert_discards(SAYS_TO_US(types[i], 1, NONE),
                        "it has a server identifier, which this message must not have");
}

static void messages_that_must_have_our_server_identifier(void **state)
{
    (void)state;
    static const uint8_t types[] = { DHCP6_REQUEST, DHCP6_RENEW, DHCP6_RELEASE, DHCP6_DECLINE };
    for (size_t i = 0; i < sizeof types; i++) {
        struct says6 s = { .type = types[i], .client = 1 };
        assert_discards(&s, "it has no server identifier");
        s.to_another = true;
        assert_discards(&s, "it is for another server");
    }
    assert_discards(&(struct says6){ .type = DHCP6_INFORMATION_REQUEST, .to_another = true },
                    "it is for another server");
}

static void information_requests_with_an_ia(void **state)
{
    (void)state;
    const char *reason = "an Information-request must not have an IA";
    assert_discards(SAYS(DHCP6_INFORMATION_REQUEST, 1, NONE), reason);
    assert_discards(&(struct says6){ .type = DHCP6_INFORMATION_REQUEST, .temporary = true }, reason);
    assert_discards(
        &(struct says6){ .type = DHCP6_INFORMATION_REQUEST, .ia = { { .iaid = 1, .prefix = true } } },
        reason);
}

static void messages_to_a_unicast_address(void **state)
{
    (void)state;
    w.arrival.multicast = false;
    assert_discards(SAYS(DHCP6_SOLICIT, 1, NONE), "a client sent it to a unicast address");
    assert_discards(SAYS_TO_US(DHCP6_RENEW, 1, NONE), "a client sent it to a unicast address");
    w.relays.count = 1; /* a relay may send it so */
    w.relays.relay[0] = (struct dhcp6_relay){ .link = WORLD6(1) };
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 1, NONE)), DHCP6_ANSWER_ADVERTISE, 0x10);
}

/* ---- where the client is ------------------------------------------------------------------------ */

static void the_relay_nearest_to_the_client_tells_the_link(void **state)
{
    (void)state;
    w.arrival.link = NULL;
    w.relays.count = 3;
    w.relays.relay[0] = (struct dhcp6_relay){ .link = { UINT64_C(0x20010db800050000), 1 } };
    w.relays.relay[1] = (struct dhcp6_relay){ .link = WORLD6(1) };
    w.relays.relay[2] = (struct dhcp6_relay){ .link = { 0, 0 } }; /* it knows no address of the link */
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 1, NONE)), DHCP6_ANSWER_ADVERTISE, 0x10);
    w.relays.relay[1].link = ELSEWHERE6(1);
    assert_int_equal(world6_say(&w, SAYS(DHCP6_SOLICIT, 1, NONE))->answer, DHCP6_ANSWER_SILENCE);
}

static void a_client_on_no_subnet_gets_no_answer(void **state)
{
    (void)state;
    w.arrival.link = NULL;
    struct dhcp6_decision *d = world6_say(&w, SAYS(DHCP6_SOLICIT, 1, NONE));
    assert_int_equal(d->answer, DHCP6_ANSWER_SILENCE);
    assert_string_equal(d->reason, "the client is on none of the subnets");
}

/* ---- Solicit --------------------------------------------------------------------------------------- */

static void solicits_are_offered_the_lowest_address_first(void **state)
{
    (void)state;
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 1, NONE)), DHCP6_ANSWER_ADVERTISE, 0x10);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 2, NONE)), DHCP6_ANSWER_ADVERTISE, 0x11);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 1, NONE)), DHCP6_ANSWER_ADVERTISE, 0x10);
    assert_int_equal(w.claims.count, 0);
}

static void an_address_that_is_asked_for_is_offered(void **state)
{
    (void)state;
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 1, WORLD6(0x20))), DHCP6_ANSWER_ADVERTISE, 0x20);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 2, WORLD6(0x20))), DHCP6_ANSWER_ADVERTISE, 0x10);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 3, WORLD6(0x500))), DHCP6_ANSWER_ADVERTISE, 0x11);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 4, ELSEWHERE6(1))), DHCP6_ANSWER_ADVERTISE, 0x12);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 5, WORLD6(0x77))), DHCP6_ANSWER_ADVERTISE, 0x13);
}

static void what_a_client_holds_it_is_offered_again(void **state)
{
    (void)state;
    uint64_t held = lease(1);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 1, WORLD6(0x20))), DHCP6_ANSWER_ADVERTISE, held);
    world6_pass(&w, 3601);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 2, NONE)), DHCP6_ANSWER_ADVERTISE, 0x11);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 1, NONE)), DHCP6_ANSWER_ADVERTISE, held);
}

static void no_address_is_left(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 5; i++)
        lease(i);
    struct dhcp6_decision *d = world6_say(&w, SAYS(DHCP6_SOLICIT, 6, NONE));
    assert_refuses(d, DHCP6_NO_ADDRS_AVAIL);
    assert_true(d->exhausted);
    assert_int_equal(d->answer, DHCP6_ANSWER_ADVERTISE);
    assert_refuses(world6_say(&w, SAYS_TO_US(DHCP6_REQUEST, 6, WORLD6(0x10))), DHCP6_NO_ADDRS_AVAIL);
}

static void an_offer_ends(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 5; i++)
        world6_say(&w, SAYS(DHCP6_SOLICIT, i, NONE));
    assert_refuses(world6_say(&w, SAYS(DHCP6_SOLICIT, 6, NONE)), DHCP6_NO_ADDRS_AVAIL);
    world6_pass(&w, LEASE_OFFER_S + 1);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 6, NONE)), DHCP6_ANSWER_ADVERTISE, 0x10);
}

static void a_reservation_outranks_all(void **state)
{
    (void)state;
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 7, WORLD6(0x10))), DHCP6_ANSWER_ADVERTISE, 0x77);
    assert_gives(world6_say(&w, SAYS_TO_US(DHCP6_REQUEST, 7, WORLD6(0x10))), DHCP6_ANSWER_REPLY, 0x77);
    struct says6 second = { .type = DHCP6_REQUEST, .client = 7, .to_us = true, .ia = { { .iaid = 2 } } };
    assert_gives(world6_say(&w, &second), DHCP6_ANSWER_REPLY, 0x10); /* the first IA has it */
}

static void rapid_commit_where_it_is_allowed(void **state)
{
    (void)state;
    struct says6 s = { .type = DHCP6_SOLICIT,
                       .client = 1,
                       .rapid_commit = true,
                       .ia = { { .iaid = 1, .addresses = { ELSEWHERE6(1) } } } };
    struct dhcp6_decision *d = world6_say(&w, &s);
    assert_int_equal(d->answer, DHCP6_ANSWER_ADVERTISE);
    assert_false(d->rapid_commit);
    w.arrival.link = subnet6_of(&w.settings->six, (struct ip6){ UINT64_C(0x20010db800050000), 1 });
    d = world6_say(&w, &s);
    assert_int_equal(d->answer, DHCP6_ANSWER_REPLY);
    assert_true(d->rapid_commit && d->claim_count == 1);
    assert_int_equal(leases6_find(&w.leases, d->grants[0].address)->state, LEASE_BOUND);
    s.rapid_commit = false;
    assert_int_equal(world6_say(&w, &s)->answer, DHCP6_ANSWER_ADVERTISE);
}

static void several_ias_and_addresses(void **state)
{
    (void)state;
    struct says6 s = { .type = DHCP6_REQUEST,
                       .client = 1,
                       .to_us = true,
                       .ia = { { .iaid = 1, .addresses = { WORLD6(0x11), WORLD6(0x20) } },
                               { .iaid = 2 },
                               { .iaid = 3, .prefix = true },
                               { .iaid = 4, .addresses = { ELSEWHERE6(1) } } } };
    struct dhcp6_decision *d = world6_say(&w, &s);
    assert_int_equal(d->ia_count, 4);
    assert_int_equal(d->grant_count, 3);
    assert_int_equal(d->claim_count, 3);
    assert_true(d->ias[0].count == 2 && d->ias[1].count == 1);
    assert_true(ip6_equal(d->grants[0].address, WORLD6(0x11)) &&
                ip6_equal(d->grants[1].address, WORLD6(0x20)));
    assert_true(ip6_equal(d->grants[2].address, WORLD6(0x10)));
    assert_int_equal(d->ias[2].status, DHCP6_NO_PREFIX_AVAIL);
    assert_int_equal(d->ias[3].status, DHCP6_NOT_ON_LINK);
}

static void the_same_address_twice_is_granted_once(void **state)
{
    (void)state;
    struct says6 s = { .type = DHCP6_REQUEST,
                       .client = 1,
                       .to_us = true,
                       .ia = { { .iaid = 1, .addresses = { WORLD6(0x11), WORLD6(0x11) } },
                               { .iaid = 1, .addresses = { WORLD6(0x11) } } } };
    struct dhcp6_decision *d = world6_say(&w, &s);
    assert_int_equal(d->ias[0].count, 1);
    assert_true(ip6_equal(d->grants[0].address, WORLD6(0x11)));
    for (size_t i = 1; i < d->grant_count; i++)
        assert_false(ip6_equal(d->grants[i].address, WORLD6(0x11)));
}

/* ---- Request ------------------------------------------------------------------------------------------ */

static void a_request_is_granted_what_was_offered(void **state)
{
    (void)state;
    world6_say(&w, SAYS(DHCP6_SOLICIT, 1, WORLD6(0x12)));
    struct dhcp6_decision *d = world6_hear(&w, SAYS_TO_US(DHCP6_REQUEST, 1, WORLD6(0x12)));
    assert_gives(d, DHCP6_ANSWER_REPLY, 0x12);
    assert_int_equal(d->claim_count, 1);
    assert_int_equal(leases6_find(&w.leases, WORLD6(0x12))->state, LEASE_CLAIMED);
    claims6_confirm(&w.leases, &w.claims, w.now);
    assert_int_equal(leases6_find(&w.leases, WORLD6(0x12))->state, LEASE_BOUND);
    assert_true(claims6_stand(&w.claims, d->claim_first, d->claim_count));
    /* and again, as when the Reply was lost */
    assert_gives(world6_say(&w, SAYS_TO_US(DHCP6_REQUEST, 1, WORLD6(0x12))), DHCP6_ANSWER_REPLY, 0x12);
}

static void a_request_for_what_another_has_gets_something_else(void **state)
{
    (void)state;
    uint64_t taken = lease(1);
    assert_gives(world6_say(&w, SAYS_TO_US(DHCP6_REQUEST, 2, WORLD6(taken))), DHCP6_ANSWER_REPLY, 0x11);
}

static void a_request_from_another_link(void **state)
{
    (void)state;
    assert_refuses(world6_say(&w, SAYS_TO_US(DHCP6_REQUEST, 1, ELSEWHERE6(1))), DHCP6_NOT_ON_LINK);
}

static void a_new_address_ends_the_old_one(void **state)
{
    (void)state;
    uint64_t old = lease(1);
    struct dhcp6_decision *d = world6_say(&w, SAYS_TO_US(DHCP6_REQUEST, 1, WORLD6(0x20)));
    assert_gives(d, DHCP6_ANSWER_REPLY, 0x20);
    assert_int_equal(d->claim_count, 2);
    assert_int_equal(leases6_find(&w.leases, WORLD6(old))->state, LEASE_FREE);
}

static void a_commit_that_fails_gives_it_back(void **state)
{
    (void)state;
    struct dhcp6_decision *d = world6_hear(&w, SAYS_TO_US(DHCP6_REQUEST, 1, NONE));
    assert_int_equal(d->claim_count, 1);
    claims6_withdraw(&w.leases, &w.claims, w.now);
    assert_int_equal(leases6_find(&w.leases, WORLD6(0x10))->state, LEASE_FREE);
    uint64_t held = lease(1);
    int64_t until_s = leases6_find(&w.leases, WORLD6(held))->until_s;
    world6_pass(&w, 100);
    world6_hear(&w, SAYS_TO_US(DHCP6_RENEW, 1, WORLD6(held)));
    claims6_withdraw(&w.leases, &w.claims, w.now);
    assert_int_equal(leases6_find(&w.leases, WORLD6(held))->state, LEASE_BOUND);
    assert_int_equal(leases6_find(&w.leases, WORLD6(held))->until_s, until_s);
}

static void a_grant_that_is_released_before_the_commit_is_not_told(void **state)
{
    (void)state;
    struct dhcp6_decision *d = world6_hear(&w, SAYS_TO_US(DHCP6_REQUEST, 1, NONE));
    struct lease6_claims first = w.claims;
    size_t from = d->claim_first, count = d->claim_count;
    world6_hear(&w, SAYS_TO_US(DHCP6_RELEASE, 1, WORLD6(0x10)));
    claims6_confirm(&w.leases, &first, w.now);
    assert_false(claims6_stand(&first, from, count));
}

/* ---- Renew, Rebind ------------------------------------------------------------------------------------- */

static void a_renew_moves_the_end(void **state)
{
    (void)state;
    uint64_t held = lease(1);
    world6_pass(&w, 1800);
    assert_gives(world6_say(&w, SAYS_TO_US(DHCP6_RENEW, 1, WORLD6(held))), DHCP6_ANSWER_REPLY, held);
    world6_pass(&w, 3599);
    assert_int_equal(leases6_find(&w.leases, WORLD6(held))->state, LEASE_BOUND);
    world6_pass(&w, 2);
    assert_int_equal(leases6_find(&w.leases, WORLD6(held))->state, LEASE_FREE);
}

static void a_renew_of_nothing(void **state)
{
    (void)state;
    assert_refuses(world6_say(&w, SAYS_TO_US(DHCP6_RENEW, 1, WORLD6(0x10))), DHCP6_NO_BINDING);
    uint64_t held = lease(1);
    assert_refuses(world6_say(&w, SAYS_TO_US(DHCP6_RENEW, 2, WORLD6(held))), DHCP6_NO_BINDING);
    struct says6 other = { .type = DHCP6_RENEW, .client = 1, .to_us = true, .ia = { { .iaid = 2 } } };
    assert_refuses(world6_say(&w, &other), DHCP6_NO_BINDING); /* another IA of the same client */
}

/* RFC 9915 18.3.4: what the client must give up comes with lifetimes of zero. */
static void a_renew_with_an_address_too_many(void **state)
{
    (void)state;
    uint64_t held = lease(1);
    struct dhcp6_decision *d = world6_say(&w, SAYS_TO_US(DHCP6_RENEW, 1, ELSEWHERE6(5), WORLD6(held)));
    assert_int_equal(d->grant_count, 2);
    assert_true(ip6_equal(d->grants[0].address, WORLD6(held)) && d->grants[0].valid_s == 3600);
    assert_true(ip6_equal(d->grants[1].address, ELSEWHERE6(5)));
    assert_true(d->grants[1].valid_s == 0 && d->grants[1].preferred_s == 0);
}

static void a_rebind_goes_on_as_a_renew_does(void **state)
{
    (void)state;
    uint64_t held = lease(1);
    assert_gives(world6_say(&w, SAYS(DHCP6_REBIND, 1, WORLD6(held))), DHCP6_ANSWER_REPLY, held);
}

static void a_rebind_of_what_was_forgotten(void **state)
{
    (void)state;
    assert_gives(world6_say(&w, SAYS(DHCP6_REBIND, 1, WORLD6(0x12))), DHCP6_ANSWER_REPLY, 0x12);
    struct dhcp6_decision *d = world6_say(&w, SAYS(DHCP6_REBIND, 2, WORLD6(0x12)));
    assert_int_equal(d->grant_count, 1); /* it is another client's now */
    assert_int_equal(d->grants[0].valid_s, 0);
    d = world6_say(&w, SAYS(DHCP6_REBIND, 2, ELSEWHERE6(1)));
    assert_int_equal(d->grants[0].valid_s, 0);
    d = world6_say(&w, SAYS(DHCP6_REBIND, 2, WORLD6(0x999))); /* perhaps another server's */
    assert_int_equal(d->answer, DHCP6_ANSWER_SILENCE);
}

static void one_ia_is_known_and_one_is_not(void **state)
{
    (void)state;
    uint64_t held = lease(1);
    struct says6 s = { .type = DHCP6_REBIND,
                       .client = 1,
                       .ia = { { .iaid = 1, .addresses = { WORLD6(held) } },
                               { .iaid = 2, .addresses = { WORLD6(0x999) } } } };
    struct dhcp6_decision *d = world6_say(&w, &s);
    assert_int_equal(d->answer, DHCP6_ANSWER_REPLY);
    assert_int_equal(d->ias[0].status, DHCP6_SUCCESS);
    assert_int_equal(d->ias[1].status, DHCP6_NO_BINDING);
}

static void prefixes_are_not_delegated(void **state)
{
    (void)state;
    struct says6 s = { .type = DHCP6_SOLICIT, .client = 1, .ia = { { .iaid = 5, .prefix = true } } };
    assert_refuses(world6_say(&w, &s), DHCP6_NO_PREFIX_AVAIL);
    assert_int_equal(w.decision.ias[0].code, DHCP6_OPTION_IA_PD);
    s.type = DHCP6_RENEW;
    s.to_us = true;
    assert_refuses(world6_say(&w, &s), DHCP6_NO_BINDING);
}

/* It wins over what the client has at once, and what that was is told. */
static void a_reservation_that_came_later(void **state)
{
    (void)state;
    uint64_t held = lease(1);
    struct dhcp_settings *before = w.settings;
    w.settings =
        settings_of("subnet6 \"2001:db8:1:2::/64\" { pool = { \"2001:db8:1:2::10-2001:db8:1:2::13\" }\n"
                    " host \"new\" { duid = \"00030001020000000001\" address = \"2001:db8:1:2::99\" } }\n");
    assert_non_null(w.settings);
    assert_true(leases6_settle(&w.leases, &w.settings->six, w.now));
    w.arrival.link = w.settings->six.subnets;
    dhcpd_forget(before);
    struct dhcp6_decision *d = world6_say(&w, SAYS_TO_US(DHCP6_RENEW, 1, WORLD6(held)));
    assert_int_equal(d->grant_count, 2);
    assert_true(ip6_equal(d->grants[0].address, WORLD6(0x99)) && d->grants[0].valid_s == 3600);
    assert_true(ip6_equal(d->grants[1].address, WORLD6(held)) && d->grants[1].valid_s == 0);
    assert_int_equal(leases6_find(&w.leases, WORLD6(held))->state, LEASE_FREE);
    assert_int_equal(leases6_find(&w.leases, WORLD6(0x99))->state, LEASE_BOUND);
}

static void a_reservation_by_hardware(void **state)
{
    (void)state;
    world6_close(&w);
    world6_open(&w, "subnet6 \"2001:db8:1:2::/64\" { pool = { \"2001:db8:1:2::10-2001:db8:1:2::13\" }\n"
                    " host \"a\" { hardware = \"02:00:00:00:00:07\" address = \"2001:db8:1:2::a\" }\n"
                    " host \"b\" { hardware = \"02:00:00:00:00:08\" address = \"2001:db8:1:2::b\" }\n"
                    " host \"c\" { duid = \"00030001020000000008\" address = \"2001:db8:1:2::c\" } }\n");
    static const uint8_t seen[] = { 2, 0, 0, 0, 0, 8 };
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 7, NONE)), DHCP6_ANSWER_ADVERTISE, 0xa);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 8, NONE)), DHCP6_ANSWER_ADVERTISE,
                 0xc); /* a DUID is more */
    w.relays.count = 1;
    w.relays.relay[0] = (struct dhcp6_relay){ .link = WORLD6(1), .hardware = span_of(seen, 6) };
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 9, NONE)), DHCP6_ANSWER_ADVERTISE, 0xb);
}

/* ---- Confirm, Release, Decline, Information-request -------------------------------------------------------
 */

static void confirms(void **state)
{
    (void)state;
    struct dhcp6_decision *d = world6_say(&w, SAYS(DHCP6_CONFIRM, 1, WORLD6(0x10), WORLD6(0x999)));
    assert_true(d->answer == DHCP6_ANSWER_REPLY && d->has_status && d->status == DHCP6_SUCCESS);
    assert_true(d->ia_count == 0 && !d->options);
    d = world6_say(&w, SAYS(DHCP6_CONFIRM, 1, WORLD6(0x10), ELSEWHERE6(1)));
    assert_true(d->answer == DHCP6_ANSWER_REPLY && d->status == DHCP6_NOT_ON_LINK);
    assert_int_equal(world6_say(&w, SAYS(DHCP6_CONFIRM, 1, NONE))->answer, DHCP6_ANSWER_SILENCE);
    w.arrival.link = NULL;
    assert_int_equal(world6_say(&w, SAYS(DHCP6_CONFIRM, 1, ELSEWHERE6(1)))->answer, DHCP6_ANSWER_SILENCE);
}

static void assert_done(const struct dhcp6_decision *d, size_t refused, size_t changes)
{
    assert_int_equal(d->answer, DHCP6_ANSWER_REPLY);
    assert_true(d->has_status && d->status == DHCP6_SUCCESS && !d->options);
    assert_int_equal(d->ia_count, refused);
    assert_int_equal(d->claim_count, changes);
    assert_int_equal(d->grant_count, 0);
}

static void a_release_frees_the_address(void **state)
{
    (void)state;
    uint64_t held = lease(1);
    assert_done(world6_say(&w, SAYS_TO_US(DHCP6_RELEASE, 2, WORLD6(held))), 1, 0);
    assert_int_equal(w.decision.ias[0].status, DHCP6_NO_BINDING);
    assert_done(world6_say(&w, SAYS_TO_US(DHCP6_RELEASE, 1, WORLD6(0x999))), 0,
                0); /* known, but not this one */
    assert_done(world6_say(&w, SAYS_TO_US(DHCP6_RELEASE, 1, WORLD6(held))), 0, 1);
    assert_int_equal(leases6_find(&w.leases, WORLD6(held))->state, LEASE_FREE);
    assert_done(world6_say(&w, SAYS_TO_US(DHCP6_RELEASE, 1, WORLD6(held))), 1, 0);
    assert_int_equal(lease(1), held); /* it is remembered */
}

static void a_declined_address_rests(void **state)
{
    (void)state;
    uint64_t held = lease(1);
    assert_done(world6_say(&w, SAYS_TO_US(DHCP6_DECLINE, 2, WORLD6(held))), 1, 0);
    assert_done(world6_say(&w, SAYS_TO_US(DHCP6_DECLINE, 1, WORLD6(held))), 0, 1);
    assert_int_equal(leases6_find(&w.leases, WORLD6(held))->state, LEASE_DECLINED);
    for (unsigned i = 1; i <= 4; i++)
        assert_int_not_equal(lease(i), held);
    assert_refuses(world6_say(&w, SAYS(DHCP6_SOLICIT, 5, WORLD6(held))), DHCP6_NO_ADDRS_AVAIL);
    world6_pass(&w, 3601);
    assert_gives(world6_say(&w, SAYS(DHCP6_SOLICIT, 5, WORLD6(held))), DHCP6_ANSWER_ADVERTISE, held);
}

static void information_is_for_all(void **state)
{
    (void)state;
    struct dhcp6_decision *d = world6_say(&w, &(struct says6){ .type = DHCP6_INFORMATION_REQUEST });
    assert_true(d->answer == DHCP6_ANSWER_REPLY && d->options && d->ia_count == 0 && !d->has_status);
    d = world6_say(&w, &(struct says6){ .type = DHCP6_INFORMATION_REQUEST, .to_us = true, .client = 7 });
    assert_true(d->answer == DHCP6_ANSWER_REPLY && d->options != &d->subnet->options);
}

/* ---- the message that is sent
 * ------------------------------------------------------------------------------- */

static struct dhcp6_message said;

static void reply_to(const struct says6 *s)
{
    world6_say(&w, s);
    assert_int_equal(dhcp6_parse(&said, world6_reply(&w)), DHCP6_FINE);
    assert_int_equal(said.xid, s->client + 1);
    assert_true(span_equal(said.server_id, span_of(world6_server, sizeof world6_server)));
    assert_true(span_equal(said.client_id, w.message.client_id));
}

static void assert_codes(const uint16_t *codes, size_t count)
{
    struct reader r = reader_over(said.options);
    uint16_t code;
    struct span value;
    size_t at = 0;
    for (; dhcp6_next_option(&r, &code, &value); at++) {
        assert_true(at < count);
        assert_int_equal(code, codes[at]);
    }
    assert_int_equal(at, count);
}

static void what_was_captured_is_said(void **state)
{
    (void)state;
    static const uint16_t wants[] = { 23, 39, 31, 0 }, codes[] = { 1, 2, 3, 23 };
    struct says6 s = { .type = DHCP6_SOLICIT, .client = 1, .wants = wants, .ia = { { .iaid = 1 } } };
    reply_to(&s);
    assert_int_equal(said.type, DHCP6_ADVERTISE);
    assert_codes(codes, 4);
    assert_true(said.ias[0].t1_s == 1800 && said.ias[0].t2_s == 2880);
    s.type = DHCP6_REQUEST;
    s.to_us = true;
    reply_to(&s);
    assert_int_equal(said.type, DHCP6_REPLY);
    assert_codes(codes, 4);
}

static void the_option_request_decides(void **state)
{
    (void)state;
    static const uint16_t wants[] = { 24, 23, 24, 3, 1, 0 }, codes[] = { 1, 2, 3, 24, 23 },
                          none[] = { 1, 2, 3 };
    struct says6 s = { .type = DHCP6_SOLICIT, .client = 1, .wants = wants, .ia = { { .iaid = 1 } } };
    reply_to(&s);
    assert_codes(codes, 5);
    s.wants = NULL;
    reply_to(&s);
    assert_codes(none, 3);
}

static void a_host_has_options_of_its_own(void **state)
{
    (void)state;
    static const uint16_t wants[] = { 23, 24, 0 };
    struct says6 s = { .type = DHCP6_INFORMATION_REQUEST, .client = 7, .wants = wants };
    reply_to(&s);
    assert_int_equal(dhcp6_option(said.options, 23).at[15], 0x36);
    assert_non_null(dhcp6_option(said.options, 24).at);
}

static void refusals_are_in_their_places(void **state)
{
    (void)state;
    reply_to(SAYS_TO_US(DHCP6_RENEW, 1, WORLD6(0x10)));
    assert_int_equal(said.ias[0].status, DHCP6_NO_BINDING);
    assert_true(said.ias[0].t1_s == 0 && said.ias[0].t2_s == 0 && said.ias[0].iaid == 1);
    assert_int_equal(said.status, DHCP6_SUCCESS);
    reply_to(SAYS(DHCP6_CONFIRM, 1, ELSEWHERE6(1)));
    assert_int_equal(said.status, DHCP6_NOT_ON_LINK);
    assert_int_equal(said.ia_count, 0);
    reply_to(SAYS_TO_US(DHCP6_RELEASE, 1, WORLD6(0x10)));
    assert_non_null(dhcp6_option(said.options, DHCP6_OPTION_STATUS_CODE).at);
    assert_true(said.status == DHCP6_SUCCESS && said.ias[0].status == DHCP6_NO_BINDING);
}

static void preference_and_rapid_commit_are_said(void **state)
{
    (void)state;
    w.arrival.link = subnet6_of(&w.settings->six, (struct ip6){ UINT64_C(0x20010db800050000), 1 });
    struct says6 s = { .type = DHCP6_SOLICIT, .client = 1, .ia = { { .iaid = 1 } } };
    reply_to(&s);
    assert_true(said.preference == 9 && !said.rapid_commit);
    s.rapid_commit = true;
    reply_to(&s);
    assert_true(said.type == DHCP6_REPLY && said.rapid_commit && said.preference == 0);
}

static void a_long_duid_is_as_good_as_a_short_one(void **state)
{
    (void)state;
    struct says6 s = { .type = DHCP6_REQUEST,
                       .client = 1,
                       .long_duid = DHCP6_DUID_MAX,
                       .to_us = true,
                       .ia = { { .iaid = 1 } } };
    reply_to(&s);
    struct ip6 first = said.addresses[0].address;
    reply_to(&s);
    assert_true(ip6_equal(said.addresses[0].address, first));
    s.long_duid = DHCP6_DUID_MAX - 1;
    reply_to(&s);
    assert_false(ip6_equal(said.addresses[0].address, first));
}

/* ---- the lease table over time
 * --------------------------------------------------------------------------------- */

static void the_longest_free_comes_first(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 5; i++) {
        lease(i);
        world6_pass(&w, 10);
    }
    world6_say(&w, SAYS_TO_US(DHCP6_RELEASE, 3, WORLD6(0x12)));
    world6_pass(&w, 10);
    world6_say(&w, SAYS_TO_US(DHCP6_RELEASE, 1, WORLD6(0x10)));
    assert_int_equal(lease(8), 0x12);
    assert_int_equal(lease(9), 0x10);
}

static void leases_come_back_from_the_disk(void **state)
{
    (void)state;
    uint8_t duid[DHCP6_DUID_MAX];
    struct leases6 after;
    struct lease6_record r = { .address = WORLD6(0x10),
                               .bits = DHCP6_ADDRESS_BITS,
                               .state = LEASE_BOUND,
                               .until_s = WORLD_START_S + 500,
                               .client = { duid6(1, 0, duid), 1 } };
    assert_true(leases6_open(&after, 5, NULL));
    assert_true(leases6_restore(&after, &r, w.now));
    r.address = WORLD6(0x11);
    r.until_s = WORLD_START_S - 5; /* it ended while nobody looked */
    assert_true(leases6_restore(&after, &r, w.now));
    r.address = WORLD6(0x12);
    r.state = LEASE_DECLINED;
    r.until_s = WORLD_START_S + 100;
    r.client.duid.len = 0;
    assert_true(leases6_restore(&after, &r, w.now));
    assert_true(leases6_settle(&after, &w.settings->six, w.now));
    leases6_close(&w.leases);
    w.leases = after;
    w.leases.nowhere.leases = &w.leases;
    list_open(&w.leases.offers);
    assert_true(leases6_settle(&w.leases, &w.settings->six, w.now));
    assert_int_equal(leases6_find(&w.leases, WORLD6(0x10))->state, LEASE_BOUND);
    assert_int_equal(leases6_find(&w.leases, WORLD6(0x11))->state, LEASE_FREE);
    assert_int_equal(leases6_find(&w.leases, WORLD6(0x12))->state, LEASE_DECLINED);
    assert_gives(world6_say(&w, SAYS_TO_US(DHCP6_RENEW, 1, WORLD6(0x10))), DHCP6_ANSWER_REPLY, 0x10);
    world6_pass(&w, 101);
    assert_int_equal(leases6_find(&w.leases, WORLD6(0x12))->state, LEASE_FREE);
}

static void what_ends_next_is_known(void **state)
{
    (void)state;
    assert_true(leases6_next_due(&w.leases) == TIMER_NEVER);
    lease(1);
    assert_int_equal(leases6_next_due(&w.leases), (uint64_t)(WORLD_START_S + 3600) * 1000);
    world6_say(&w, SAYS(DHCP6_SOLICIT, 2, NONE));
    assert_int_equal(leases6_next_due(&w.leases), (uint64_t)(WORLD_START_S + LEASE_OFFER_S) * 1000);
}

/* A pool that ends with the last address there is in a /64. */
static void the_end_of_a_network(void **state)
{
    (void)state;
    world6_close(&w);
    world6_open(&w, "subnet6 \"2001:db8:1:2::/64\" {\n"
                    " pool = { \"2001:db8:1:2:ffff:ffff:ffff:fffe-2001:db8:1:2:ffff:ffff:ffff:ffff\" } }\n");
    assert_int_equal(lease(1), UINT64_MAX - 1);
    assert_int_equal(lease(2), UINT64_MAX);
    assert_refuses(world6_say(&w, SAYS(DHCP6_SOLICIT, 3, NONE)), DHCP6_NO_ADDRS_AVAIL);
}

/* A message can ask for more than a client has; no commit grows beyond its room. */
static void the_most_that_a_message_can_change(void **state)
{
    (void)state;
    world6_close(&w);
    world6_open(&w, "subnet6 \"2001:db8:1:2::/64\" { pool = { \"2001:db8:1:2::100-2001:db8:1:2::fff\" } }\n");
    for (unsigned round = 0; round < 3; round++) {
        struct says6 s = { .type = DHCP6_REQUEST, .client = 1, .to_us = true };
        for (size_t i = 0; i < 2; i++) {
            s.ia[i].iaid = (uint32_t)i + 1;
            for (size_t n = 0; n < SAYS6_ADDRESSES; n++)
                s.ia[i].addresses[n] = WORLD6(0x100 * (round + 1) + 0x10 * i + n);
        }
        struct dhcp6_decision *d = world6_say(&w, &s);
        assert_int_equal(d->grant_count, DHCP6_IA_ADDRESSES_MAX);
        assert_true(d->claim_count <= LEASE6_CHANGES_MAX);
    }
    assert_int_equal(w.leases.count[LEASE_BOUND], DHCP6_IA_ADDRESSES_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_that_only_servers_send),
        TEST(messages_without_a_client_identifier),
        TEST(messages_that_must_not_have_a_server_identifier),
        TEST(messages_that_must_have_our_server_identifier),
        TEST(information_requests_with_an_ia),
        TEST(messages_to_a_unicast_address),
        TEST(the_relay_nearest_to_the_client_tells_the_link),
        TEST(a_client_on_no_subnet_gets_no_answer),
        TEST(solicits_are_offered_the_lowest_address_first),
        TEST(an_address_that_is_asked_for_is_offered),
        TEST(what_a_client_holds_it_is_offered_again),
        TEST(no_address_is_left),
        TEST(an_offer_ends),
        TEST(a_reservation_outranks_all),
        TEST(rapid_commit_where_it_is_allowed),
        TEST(several_ias_and_addresses),
        TEST(the_same_address_twice_is_granted_once),
        TEST(a_request_is_granted_what_was_offered),
        TEST(a_request_for_what_another_has_gets_something_else),
        TEST(a_request_from_another_link),
        TEST(a_new_address_ends_the_old_one),
        TEST(a_commit_that_fails_gives_it_back),
        TEST(a_grant_that_is_released_before_the_commit_is_not_told),
        TEST(a_renew_moves_the_end),
        TEST(a_renew_of_nothing),
        TEST(a_renew_with_an_address_too_many),
        TEST(a_rebind_goes_on_as_a_renew_does),
        TEST(a_rebind_of_what_was_forgotten),
        TEST(one_ia_is_known_and_one_is_not),
        TEST(prefixes_are_not_delegated),
        TEST(a_reservation_that_came_later),
        TEST(a_reservation_by_hardware),
        TEST(confirms),
        TEST(a_release_frees_the_address),
        TEST(a_declined_address_rests),
        TEST(information_is_for_all),
        TEST(what_was_captured_is_said),
        TEST(the_option_request_decides),
        TEST(a_host_has_options_of_its_own),
        TEST(refusals_are_in_their_places),
        TEST(preference_and_rapid_commit_are_said),
        TEST(a_long_duid_is_as_good_as_a_short_one),
        TEST(the_longest_free_comes_first),
        TEST(leases_come_back_from_the_disk),
        TEST(what_ends_next_is_known),
        TEST(the_end_of_a_network),
        TEST(the_most_that_a_message_can_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
