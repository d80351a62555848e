#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp_world.h"

#define FIRST IP(192, 168, 1, 10)
#define LAST  IP(192, 168, 1, 12)

/* Three addresses, so that the end of the pool is near. */
static const char small[] =
    "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" } lease-time = \"10m\" }"
    "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10-192.168.2.12\" } }";

static struct world w;

static int open_small(void **state)
{
    (void)state;
    world_open(&w, small);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

#define HEARS(...) world_hears(&w, (struct says){ __VA_ARGS__ })

static void assert_answer(struct dhcp4_decision d, enum dhcp4_answer answer, uint32_t address)
{
    if (d.answer != answer)
        print_error("answered %d because %s\n", (int)d.answer, d.reason ? d.reason : "-");
    assert_int_equal(d.answer, answer);
    assert_int_equal(d.address, address);
}

#define OFFERED(d, a) assert_answer(d, DHCP4_ANSWER_OFFER, a)
#define ACKED(d, a)   assert_answer(d, DHCP4_ANSWER_ACK, a)
#define NAKED(d)      assert_answer(d, DHCP4_ANSWER_NAK, 0)
#define SILENT(d)     assert_answer(d, DHCP4_ANSWER_SILENCE, 0)

static enum lease_state state_of(uint32_t address)
{
    struct lease *x = leases_find(&w.leases, address);
    return x ? (enum lease_state)x->state : LEASE_FREE;
}

/* ---- RFC 2131 3.1 --------------------------------------------------------------------------- */

static void the_four_messages_make_a_lease(void **state)
{
    (void)state;
    struct dhcp4_decision d = HEARS(.type = DHCP4_DISCOVER, .mac = 1, .requested = IP(192, 168, 100, 129));
    OFFERED(d, FIRST);
    assert_int_equal(d.lease_s, 600);
    assert_int_equal(w.claims.count, 0); /* an offer promises nothing */
    assert_int_equal(state_of(FIRST), LEASE_OFFERED);
    d = HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER);
    ACKED(d, FIRST);
    assert_int_equal(w.claims.count, 1);
    assert_int_equal(state_of(FIRST), LEASE_CLAIMED);
    world_commit(&w);
    assert_int_equal(state_of(FIRST), LEASE_BOUND);
    assert_int_equal(leases_find(&w.leases, FIRST)->until_s, WORLD_START_S + 600);
}

static void two_in_one_batch_get_two_addresses(void **state)
{
    (void)state;
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1), FIRST);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 2), FIRST + 1);
    /* the claimed address is refused before its commit */
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER), FIRST);
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = FIRST, .server = WORLD_SERVER));
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = FIRST + 1, .server = WORLD_SERVER), FIRST + 1);
}

static void a_repeated_discover_gets_the_same_offer(void **state)
{
    (void)state;
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1), FIRST);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1), FIRST);
    assert_int_equal(w.leases.count[LEASE_OFFERED], 1);
}

static void an_offer_is_kept_for_a_while(void **state)
{
    (void)state;
    for (unsigned mac = 1; mac <= 3; mac++)
        OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = mac), FIRST + mac - 1);
    struct dhcp4_decision d = HEARS(.type = DHCP4_DISCOVER, .mac = 4);
    SILENT(d);
    assert_true(d.exhausted);
    world_wait(&w, LEASE_OFFER_S);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 4), FIRST);
    /* the first is too late for its own, and in time for another one's leavings */
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER));
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = FIRST + 1, .server = WORLD_SERVER), FIRST + 1);
}

static void choosing_another_server_frees_the_offer(void **state)
{
    (void)state;
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1), FIRST);
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = IP(192, 168, 1, 77),
                 .server = IP(192, 168, 1, 6)));
    assert_int_equal(state_of(FIRST), LEASE_FREE);
    /* but not a lease that it has from us */
    assert_int_equal(world_lease(&w, 2), FIRST + 1);
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = IP(192, 168, 1, 77),
                 .server = IP(192, 168, 1, 6)));
    assert_int_equal(state_of(FIRST + 1), LEASE_BOUND);
}

static void a_request_after_a_restart_is_granted_if_the_address_is_free(void **state)
{
    (void)state; /* the offer was in memory only */
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = LAST, .server = WORLD_SERVER), LAST);
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = LAST, .server = WORLD_SERVER));
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = LAST + 1,
                .server = WORLD_SERVER)); /* not in the pool */
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = IP(192, 168, 2, 10), .server = WORLD_SERVER));
}

/* ---- RFC 2131 4.3.1: which address ------------------------------------------------------------ */

static void addresses_are_chosen_in_the_order_of_the_rfc(void **state)
{
    (void)state;
    /* asked for and free */
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .requested = LAST), LAST);
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = LAST, .server = WORLD_SERVER), LAST);
    world_commit(&w);
    /* asked for and taken */
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 2, .requested = LAST), FIRST);
    /* the current one, whatever is asked for */
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .requested = FIRST + 1), LAST);
    assert_int_equal(state_of(LAST), LEASE_BOUND);
    /* the former one */
    world_wait(&w, 601);
    assert_int_equal(state_of(LAST), LEASE_FREE);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .requested = FIRST + 1), LAST);
}

static void the_longest_free_goes_first(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 1), FIRST);
    assert_int_equal(world_lease(&w, 2), FIRST + 1);
    HEARS(.type = DHCP4_RELEASE, .mac = 2, .ciaddr = FIRST + 1, .server = WORLD_SERVER);
    world_wait(&w, 1);
    HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST, .server = WORLD_SERVER);
    assert_int_equal(world_lease(&w, 3), LAST);      /* never used */
    assert_int_equal(world_lease(&w, 4), FIRST + 1); /* free for longer */
    assert_int_equal(world_lease(&w, 5), FIRST);
    assert_int_equal(world_lease(&w, 6), 0);
}

static void the_servers_own_address_is_never_given(void **state)
{
    (void)state;
    w.arrival.server = w.arrival.link = FIRST;
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .requested = FIRST), FIRST + 1);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 2), LAST);
    SILENT(HEARS(.type = DHCP4_DISCOVER, .mac = 3));
}

static void the_lease_time_is_what_is_asked_for_within_bounds(void **state)
{
    (void)state;
    world_close(&w);
    world_open(&w, "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" } lease-time = \"10m\""
                   " min-lease-time = \"2m\" max-lease-time = \"1h\" }");
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1).lease_s, 600);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .lease_s = 300).lease_s, 300);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .lease_s = 1).lease_s, 120);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .lease_s = 7200).lease_s, 3600);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .lease_s = UINT32_MAX).lease_s, 3600);
}

static void an_infinite_lease_has_no_end(void **state)
{
    (void)state;
    world_close(&w);
    world_open(&w, "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10\" } lease-time = \"infinite\" }");
    assert_int_equal(world_lease(&w, 1), FIRST);
    world_wait(&w, (int64_t)200 * 365 * 86400);
    assert_int_equal(state_of(FIRST), LEASE_BOUND);
    assert_true(leases_next_due(&w.leases) == TIMER_NEVER);
    HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST, .server = WORLD_SERVER);
    assert_int_equal(world_lease(&w, 2), FIRST);
}

/* ---- RFC 2131 4.3.2: what a client that has an address asks ------------------------------------- */

static void the_three_fields_tell_the_state(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        HEARS(.type = DHCP4_REQUEST, .mac = 9, .server = i & 4 ? 1 : 0, .requested = i & 2 ? 1 : 0,
              .ciaddr = i & 1);
        static const enum dhcp4_client_state want[8] = {
            DHCP4_CLIENT_CONFUSED, DHCP4_CLIENT_RENEWING, DHCP4_CLIENT_INIT_REBOOT, DHCP4_CLIENT_CONFUSED,
            DHCP4_CLIENT_CONFUSED, DHCP4_CLIENT_CONFUSED, DHCP4_CLIENT_SELECTING,   DHCP4_CLIENT_CONFUSED,
        };
        assert_int_equal(dhcp4_client_state(&w.m), want[i]);
    }
}

static void a_rebooting_client_gets_its_lease_again(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 1), FIRST);
    world_wait(&w, 400);
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST), FIRST);
    world_commit(&w);
    assert_int_equal(leases_find(&w.leases, FIRST)->until_s, WORLD_START_S + 1000);
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST + 1));           /* its notion is wrong */
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = IP(10, 0, 0, 1)));     /* another network */
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 7, .requested = IP(192, 168, 2, 10))); /* even for a stranger */
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 7, .requested = FIRST)); /* unknown: MUST remain silent */
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 7, .requested = FIRST + 1));
}

static void an_expired_lease_is_granted_again_while_it_is_free(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 1), FIRST);
    world_wait(&w, 10000);
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST), FIRST);
    world_commit(&w);
    world_wait(&w, 10000);
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST), FIRST);
    world_commit(&w);
    world_wait(&w, 10000);
    assert_int_equal(world_lease(&w, 2), FIRST + 1);
    assert_int_equal(world_lease(&w, 3), LAST);
    assert_int_equal(world_lease(&w, 4), FIRST);
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST)); /* forgotten with its address */
}

static void renewing_and_rebinding_extend(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 1), FIRST);
    world_wait(&w, 300);
    w.arrival.broadcast = false;
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST), FIRST);
    world_commit(&w);
    world_wait(&w, 525);
    w.arrival.broadcast = true;
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST), FIRST);
    world_commit(&w);
    assert_int_equal(leases_find(&w.leases, FIRST)->until_s, WORLD_START_S + 300 + 525 + 600);
    world_wait(&w, 599);
    assert_int_equal(state_of(FIRST), LEASE_BOUND);
    world_wait(&w, 1);
    assert_int_equal(state_of(FIRST), LEASE_FREE);
    /* carried to another network of ours, it rebinds by broadcast there */
    w.arrival.server = w.arrival.link = IP(192, 168, 2, 5);
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST));
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 9, .ciaddr = IP(192, 168, 2, 11)));
}

static void an_authoritative_server_refuses_strangers(void **state)
{
    (void)state;
    world_close(&w);
    world_open(&w,
               "authoritative = true subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" } }");
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 7, .requested = FIRST));
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 7, .ciaddr = FIRST));
}

static void nonsense_gets_silence(void **state)
{
    (void)state;
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 1));
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 1, .server = WORLD_SERVER));
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 1, .server = WORLD_SERVER, .ciaddr = FIRST));
    SILENT(HEARS(.type = DHCP4_OFFER, .mac = 1));
    SILENT(HEARS(.type = DHCP4_ACK, .mac = 1));
    SILENT(HEARS(.type = DHCP4_NAK, .mac = 1));
    assert_int_equal(w.leases.by_address.node_count, 0);
    assert_int_equal(w.claims.count, 0);
}

/* ---- RFC 2131 4.3.3 .. 4.3.5 ------------------------------------------------------------------- */

static void a_released_address_is_kept_for_its_client_as_long_as_it_can(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 1), FIRST);
    SILENT(HEARS(.type = DHCP4_RELEASE, .mac = 2, .ciaddr = FIRST, .server = WORLD_SERVER)); /* not its own */
    SILENT(HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST, .server = IP(192, 168, 1, 6)));
    SILENT(HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST));
    assert_int_equal(state_of(FIRST), LEASE_BOUND);
    SILENT(HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST, .server = WORLD_SERVER));
    assert_int_equal(state_of(FIRST), LEASE_FREE);
    assert_int_equal(w.claims.count, 1); /* it is written, too */
    assert_int_equal(world_lease(&w, 2), FIRST + 1);
    assert_int_equal(world_lease(&w, 1), FIRST);
}

static void a_declined_address_rests(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 1), FIRST);
    SILENT(
        HEARS(.type = DHCP4_DECLINE, .mac = 2, .requested = FIRST, .server = WORLD_SERVER)); /* not its own */
    SILENT(HEARS(.type = DHCP4_DECLINE, .mac = 2, .requested = LAST, .server = WORLD_SERVER));
    SILENT(HEARS(.type = DHCP4_DECLINE, .mac = 1, .requested = FIRST, .server = IP(192, 168, 1, 6)));
    assert_int_equal(state_of(FIRST), LEASE_BOUND);
    SILENT(HEARS(.type = DHCP4_DECLINE, .mac = 1, .requested = FIRST, .server = WORLD_SERVER));
    assert_int_equal(state_of(FIRST), LEASE_DECLINED);
    world_commit(&w);
    assert_int_equal(state_of(FIRST), LEASE_DECLINED);
    assert_int_equal(world_lease(&w, 1), FIRST + 1); /* the client, too, gets another one */
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 3, .requested = FIRST, .server = WORLD_SERVER));
    assert_int_equal(world_lease(&w, 2), LAST);
    assert_int_equal(world_lease(&w, 3), 0);
    world_wait(&w, 3599);
    assert_int_equal(state_of(FIRST), LEASE_DECLINED);
    world_wait(&w, 1);
    assert_int_equal(state_of(FIRST), LEASE_FREE);
}

static void an_inform_gets_options_and_no_lease(void **state)
{
    (void)state;
    struct dhcp4_decision d = HEARS(.type = DHCP4_INFORM, .mac = 1, .ciaddr = IP(192, 168, 1, 77));
    assert_answer(d, DHCP4_ANSWER_CONFIG, 0);
    assert_int_equal(d.lease_s, 0);
    SILENT(HEARS(.type = DHCP4_INFORM, .mac = 1));
    /* the answer would go to somebody else's host */
    SILENT(HEARS(.type = DHCP4_INFORM, .mac = 1, .ciaddr = IP(8, 8, 8, 8)));
    SILENT(HEARS(.type = DHCP4_INFORM, .mac = 1, .ciaddr = IP(8, 8, 8, 8), .giaddr = IP(192, 168, 1, 1)));
    assert_int_equal(w.leases.by_address.node_count, 0);
}

/* ---- who the client is --------------------------------------------------------------------------- */

static void the_client_identifier_tells_clients_apart(void **state)
{
    (void)state;
    struct span a = span_text("\xff one"), b = span_text("\xff two");
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .client_id = a), FIRST);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .client_id = b), FIRST + 1);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 2, .client_id = a), FIRST); /* the same with another card */
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1), LAST);
}

static void an_identifier_of_any_length_is_kept(void **state)
{
    (void)state;
    uint8_t bytes[300];
    memset(bytes, 'i', sizeof bytes);
    static const size_t lengths[] = { 1, 2, 40, 41, 42, 255 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct span id = span_of(bytes, lengths[i]), name = span_text("a-name-of-some-length");
        OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .client_id = id, .host_name = name), FIRST);
        ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .client_id = id, .host_name = name, .requested = FIRST,
                    .server = WORLD_SERVER),
              FIRST);
        world_commit(&w);
        struct lease_client t = lease_tenant(leases_find(&w.leases, FIRST));
        assert_true(span_equal(t.client_id, id));
        assert_true(span_equal(t.host_name, name));
        assert_int_equal(t.hardware.len, 7);
        HEARS(.type = DHCP4_RELEASE, .mac = 1, .client_id = id, .ciaddr = FIRST, .server = WORLD_SERVER);
        assert_int_equal(state_of(FIRST), LEASE_FREE);
        world_close(&w);
        world_open(&w, small);
    }
}

/* ---- reservations ---------------------------------------------------------------------------------- */

static const char with_hosts[] =
    "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" } lease-time = \"10m\""
    " host \"in\"   { hardware = \"02:00:00:00:00:01\" address = \"192.168.1.10\" }"
    " host \"out\"  { hardware = \"02:00:00:00:00:02\" address = \"192.168.1.50\" domain = \"own.example\" }"
    " host \"none\" { hardware = \"02:00:00:00:00:03\" domain = \"other.example\" } }";

static void a_reserved_address_is_only_its_hosts(void **state)
{
    (void)state;
    world_close(&w);
    world_open(&w, with_hosts);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 9, .requested = FIRST), FIRST + 1);
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 9, .requested = FIRST, .server = WORLD_SERVER));
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 9, .requested = IP(192, 168, 1, 50), .server = WORLD_SERVER));
    assert_int_equal(world_lease(&w, 1), FIRST);
    assert_int_equal(world_lease(&w, 2), IP(192, 168, 1, 50));
    assert_int_equal(world_lease(&w, 3), LAST);
    SILENT(HEARS(.type = DHCP4_DISCOVER, .mac = 10));
    /* a reservation is known without a lease */
    HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST, .server = WORLD_SERVER);
    SILENT(HEARS(.type = DHCP4_DISCOVER, .mac = 10));
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST), FIRST);
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = LAST));
    /* options of its own */
    struct dhcp4_decision d = HEARS(.type = DHCP4_DISCOVER, .mac = 2);
    assert_true(span_is(options_find(d.options, DHCP4_OPTION_DOMAIN), "own.example"));
    assert_int_equal(options_find(d.options, DHCP4_OPTION_SUBNET_MASK).len, 4);
}

static void a_new_reservation_takes_over_at_the_next_renewal(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 2), FIRST);
    assert_int_equal(world_lease(&w, 7), FIRST + 1);
    struct dhcp_settings *former = w.settings;
    w.settings = settings_of(with_hosts);
    assert_true(leases_settle(&w.leases, w.settings, w.now));
    dhcpd_forget(former);
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .ciaddr = FIRST)); /* it has 192.168.1.50 now */
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 7, .ciaddr = FIRST + 1),
          FIRST + 1);                                       /* nothing changed for it */
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1), LAST); /* its own is still held */
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 2), IP(192, 168, 1, 50));
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = IP(192, 168, 1, 50), .server = WORLD_SERVER),
          IP(192, 168, 1, 50));
    assert_int_equal(w.claims.count, 3); /* the old one ends in the same commit */
    world_commit(&w);
    assert_int_equal(state_of(FIRST), LEASE_FREE);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1), FIRST);
}

static void a_client_with_a_reservation_moves_to_it(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 9), FIRST);
    assert_int_equal(world_lease(&w, 2), FIRST + 1);
    struct dhcp_settings *former = w.settings;
    w.settings = settings_of(with_hosts);
    assert_true(leases_settle(&w.leases, w.settings, w.now));
    dhcpd_forget(former);
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .ciaddr = FIRST + 1));
    assert_int_equal(world_lease(&w, 2), IP(192, 168, 1, 50));
    assert_int_equal(state_of(FIRST + 1), LEASE_FREE);
    assert_false(lease_belongs(leases_find(&w.leases, FIRST + 1),
                               &(struct lease_client){ .hardware = span_of("\1\2\0\0\0\0\2", 7) }));
    /* what it was moved from is remembered no more */
    NAKED(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = FIRST + 1));
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 8), LAST);
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 7), FIRST + 1);
}

static void a_grant_does_not_stand_when_it_was_given_back(void **state)
{
    (void)state;
    struct dhcp4_decision d =
        HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER);
    struct dhcp4_decision e =
        HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = LAST, .server = WORLD_SERVER);
    struct lease_claims batch = w.claims;
    claims_open(&w.leases, &w.claims);
    HEARS(.type = DHCP4_DECLINE, .mac = 1, .requested = FIRST, .server = WORLD_SERVER);
    claims_confirm(&w.leases, &batch, w.now);
    assert_false(claims_stand(&batch, d.claim));
    assert_true(claims_stand(&batch, e.claim));
    assert_int_equal(state_of(FIRST), LEASE_DECLINED);
}

/* ---- the store ----------------------------------------------------------------------------------------- */

static void what_was_not_committed_never_was(void **state)
{
    (void)state;
    HEARS(.type = DHCP4_DISCOVER, .mac = 1);
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER), FIRST);
    world_fail(&w);
    assert_int_equal(state_of(FIRST), LEASE_FREE);
    /* a renewal that fails leaves the lease what it was */
    assert_int_equal(world_lease(&w, 1), FIRST);
    world_wait(&w, 300);
    ACKED(HEARS(.type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST), FIRST);
    world_fail(&w);
    assert_int_equal(state_of(FIRST), LEASE_BOUND);
    assert_int_equal(leases_find(&w.leases, FIRST)->until_s, WORLD_START_S + 600);
    world_wait(&w, 300);
    assert_int_equal(state_of(FIRST), LEASE_FREE);
}

static void the_later_of_two_commits_decides(void **state)
{
    (void)state;
    struct lease_claims first, second;
    assert_int_equal(world_lease(&w, 1), FIRST);
    world_wait(&w, 100);
    HEARS(.type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST);
    first = w.claims;
    claims_open(&w.leases, &w.claims);
    world_wait(&w, 100);
    HEARS(.type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST);
    second = w.claims;
    claims_open(&w.leases, &w.claims);
    claims_confirm(&w.leases, &first, w.now);
    assert_int_equal(state_of(FIRST), LEASE_CLAIMED);
    claims_withdraw(&w.leases, &second, w.now);
    assert_int_equal(state_of(FIRST), LEASE_BOUND);
    assert_int_equal(leases_find(&w.leases, FIRST)->until_s, WORLD_START_S + 100 + 600);
}

/* Two REQUESTs of one client on their way to a store that has given the address to another server's. */
static void a_lost_claim_never_stands(void **state)
{
    (void)state;
    struct lease_claims first, second;
    struct says says = { .type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER };
    size_t claim = world_hears(&w, says).claim;
    first = w.claims;
    claims_open(&w.leases, &w.claims);
    assert_int_equal(world_hears(&w, says).answer, DHCP4_ANSWER_ACK);
    second = w.claims;
    claims_open(&w.leases, &w.claims);
    first.change[claim].lost = true;
    claims_confirm(&w.leases, &first, w.now);
    assert_false(claims_stand(&first, claim));
    second.change[0].lost = true;
    claims_confirm(&w.leases, &second, w.now);
    assert_false(claims_stand(&second, 0));
    assert_int_equal(state_of(FIRST), LEASE_FREE);
}

/* Else its client would be offered again and again what it can never have. */
static void what_another_server_granted_is_nobody_elses_claim(void **state)
{
    (void)state;
    struct says says = { .type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER };
    struct lease_record theirs = {
        FIRST, LEASE_BOUND, WORLD_START_S + 600, { .hardware = span_of("\1\2\0\0\0\0\2", 7) }
    };
    size_t claim = world_hears(&w, says).claim;
    leases_learn(&w.leases, &theirs);
    w.claims.change[claim].lost = true;
    claims_confirm(&w.leases, &w.claims, w.now);
    assert_false(claims_stand(&w.claims, claim));
    claims_open(&w.leases, &w.claims);
    assert_int_equal(state_of(FIRST), LEASE_BOUND);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1).address, FIRST + 1);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 2).address, FIRST);
    /* told of its own client's lease, it waits for its own commit */
    claim = HEARS(.type = DHCP4_REQUEST, .mac = 2, .ciaddr = FIRST).claim;
    leases_learn(&w.leases, &theirs);
    assert_int_equal(state_of(FIRST), LEASE_CLAIMED);
    claims_confirm(&w.leases, &w.claims, w.now);
    assert_true(claims_stand(&w.claims, claim));
}

static void a_commit_for_a_former_tenant_changes_nothing(void **state)
{
    (void)state;
    struct lease_claims first;
    HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER);
    HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST, .server = WORLD_SERVER);
    first = w.claims;
    claims_open(&w.leases, &w.claims);
    HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = FIRST, .server = WORLD_SERVER);
    claims_confirm(&w.leases, &first, w.now);
    assert_int_equal(state_of(FIRST), LEASE_CLAIMED);
    world_fail(&w);
    assert_int_equal(state_of(FIRST), LEASE_FREE);
}

/* ---- which subnet
 * ------------------------------------------------------------------------------------------ */

static void the_relay_tells_the_subnet(void **state)
{
    (void)state;
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .giaddr = IP(192, 168, 2, 1)), IP(192, 168, 2, 10));
    SILENT(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .giaddr = IP(10, 0, 0, 1)));
    /* RFC 3527 */
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .giaddr = IP(10, 0, 0, 1),
                  .relay = span_of("\x05\x04\xc0\xa8\x02\x00", 6)),
            IP(192, 168, 2, 10));
    /* the same client has a lease in each */
    assert_int_equal(world_lease(&w, 1), FIRST);
}

static void a_plain_socket_serves_the_first_subnet_of_the_file(void **state)
{
    (void)state;
    world_close(&w);
    world_open(&w, "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10\" } }"
                   "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10\" } }");
    w.arrival = (struct dhcp4_arrival){ .server = IP(127, 0, 0, 1) };
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1), IP(192, 168, 2, 10));
    w.arrival.server = IP(192, 168, 1, 5); /* but where its address is on one, that one */
    OFFERED(HEARS(.type = DHCP4_DISCOVER, .mac = 1), FIRST);
    SILENT(HEARS(.type = DHCP4_REQUEST, .mac = 1, .ciaddr = IP(10, 1, 1, 1)));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_small, close_world)
    const struct CMUnitTest tests[] = {
        TEST(the_four_messages_make_a_lease),
        TEST(two_in_one_batch_get_two_addresses),
        TEST(a_repeated_discover_gets_the_same_offer),
        TEST(an_offer_is_kept_for_a_while),
        TEST(choosing_another_server_frees_the_offer),
        TEST(a_request_after_a_restart_is_granted_if_the_address_is_free),
        TEST(addresses_are_chosen_in_the_order_of_the_rfc),
        TEST(the_longest_free_goes_first),
        TEST(the_servers_own_address_is_never_given),
        TEST(the_lease_time_is_what_is_asked_for_within_bounds),
        TEST(an_infinite_lease_has_no_end),
        TEST(the_three_fields_tell_the_state),
        TEST(a_rebooting_client_gets_its_lease_again),
        TEST(an_expired_lease_is_granted_again_while_it_is_free),
        TEST(renewing_and_rebinding_extend),
        TEST(an_authoritative_server_refuses_strangers),
        TEST(nonsense_gets_silence),
        TEST(a_released_address_is_kept_for_its_client_as_long_as_it_can),
        TEST(a_declined_address_rests),
        TEST(an_inform_gets_options_and_no_lease),
        TEST(the_client_identifier_tells_clients_apart),
        TEST(an_identifier_of_any_length_is_kept),
        TEST(a_reserved_address_is_only_its_hosts),
        TEST(a_new_reservation_takes_over_at_the_next_renewal),
        TEST(a_client_with_a_reservation_moves_to_it),
        TEST(a_grant_does_not_stand_when_it_was_given_back),
        TEST(what_was_not_committed_never_was),
        TEST(the_later_of_two_commits_decides),
        TEST(a_lost_claim_never_stands),
        TEST(what_another_server_granted_is_nobody_elses_claim),
        TEST(a_commit_for_a_former_tenant_changes_nothing),
        TEST(the_relay_tells_the_subnet),
        TEST(a_plain_socket_serves_the_first_subnet_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
