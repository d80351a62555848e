#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_play.h"
#include "dhcp6_samples.h"
#include "lab/client_dhcp6.h"

static const uint16_t wanted[] = { 23, 24, 39, 31 };
static const struct ip6 given = { 0x20010db800010002, 0x1002 };

static struct client_dhcp6_settings settings;
static struct client_dhcp6 c;
static uint8_t duid[32], out_room[DHCP6_BYTES_MAX], in_room[DHCP6_BYTES_MAX];
static struct writer out;
static struct now now;

static int set_up(void **state)
{
    (void)state;
    settings = (struct client_dhcp6_settings){ .duid = unhex(SAMPLE6_CLIENT_DUID, duid, sizeof duid),
                                               .iaid = SAMPLE6_IAID,
                                               .option_request = wanted,
                                               .option_request_count = 4,
                                               .elapsed_time = true,
                                               .t1_s = 3600,
                                               .t2_s = 5400,
                                               .preferred_s = 7200,
                                               .valid_s = 7500,
                                               .hasty = true };
    now = (struct now){ .mono_ms = 5000 };
    out = writer_over(out_room, sizeof out_room);
    return 0;
}

static void hold(void)
{
    struct client_dhcp6_binding *b = &settings.held;
    *b = (struct client_dhcp6_binding){
        .address = given, .preferred_s = 3600, .valid_s = 3600, .t1_s = 1800, .t2_s = 2880
    };
    b->server_len = unhex(SAMPLE6_SERVER_DUID, b->server, sizeof b->server).len;
}

static void start(enum dhcp6_type what)
{
    writer_back_to(&out, (struct mark){ 0 });
    client_dhcp6_start(&c, &settings, what, 7, now, &out);
}

/* What was sent is the sample, but for the transaction id. */
static void assert_sent(const char *sample)
{
    static uint8_t room[512];
    struct span want = unhex(sample, room, sizeof room);
    assert_int_equal(writer_length(&out), want.len);
    assert_int_equal(out_room[0], want.at[0]);
    assert_memory_equal(out_room + 4, want.at + 4, want.len - 4);
}

static uint8_t sent_type(void)
{
    return writer_length(&out) ? out_room[0] : 0;
}

/* A message comes in, in this exchange. */
static void hear(const char *digits)
{
    struct span s = unhex(digits, in_room, sizeof in_room);
    struct writer xid = writer_over(in_room + 1, 3);
    write_u8(&xid, (uint8_t)(c.xid >> 16));
    write_u16(&xid, (uint16_t)c.xid);
    writer_back_to(&out, (struct mark){ 0 });
    client_dhcp6_take(&c, s, now, &out);
}

static void wait_until_due(void)
{
    assert_true(c.due_ms != TIMER_NEVER && c.due_ms >= now.mono_ms);
    now.mono_ms = c.due_ms;
    writer_back_to(&out, (struct mark){ 0 });
    client_dhcp6_expire(&c, now, &out);
}

/* A Reply with this inside the IA, and nothing else. */
static void hear_ia(const char *inside)
{
    char digits[512];
    snprintf(digits, sizeof digits,
             "072d16030001000e" SAMPLE6_CLIENT_DUID "0002000e" SAMPLE6_SERVER_DUID "0003%04x295e7744"
             "00000708"
             "00000b40"
             "%s",
             (unsigned)(12 + strlen(inside) / 2), inside);
    hear(digits);
}

static void the_captured_exchange(void **state)
{
    (void)state;
    start(DHCP6_SOLICIT);
    assert_sent(sample6_solicit);
    uint32_t first = c.xid;
    hear(sample6_advertise);
    assert_sent(sample6_request);
    assert_int_not_equal(c.xid, first);
    hear(sample6_reply);
    assert_int_equal(writer_length(&out), 0);
    assert_int_equal(c.state, CLIENT_DHCP6_DONE);
    assert_true(c.replied && c.due_ms == TIMER_NEVER && ip6_equal(c.bound.address, given));
    assert_true(c.bound.t1_s == 1800 && c.bound.t2_s == 2880 && c.bound.valid_s == 3600);
}

static void the_first_solicit_is_delayed(void **state)
{
    (void)state;
    settings.hasty = false;
    start(DHCP6_SOLICIT);
    assert_int_equal(writer_length(&out), 0);
    assert_true(c.due_ms > 5000 && c.due_ms <= 6000);
    wait_until_due();
    assert_sent(sample6_solicit);
    assert_true(c.due_ms > now.mono_ms + 1000 && c.due_ms <= now.mono_ms + 1100);
}

static void advertises_are_collected_and_the_preferred_one_wins(void **state)
{
    (void)state;
    static const char other[] = "029de03f0001000e" SAMPLE6_CLIENT_DUID "00020004"
                                "000000aa"
                                "0007000109"
                                "00030028295e77440000070800000b4000050018"
                                "20010db8000100020000000000002002"
                                "00000e1000000e10";
    settings.hasty = false;
    start(DHCP6_SOLICIT);
    wait_until_due();
    hear(sample6_advertise);
    assert_int_equal(writer_length(&out), 0);
    hear(other);
    hear(sample6_advertise);
    assert_int_equal(writer_length(&out), 0);
    wait_until_due();
    assert_int_equal(sent_type(), DHCP6_REQUEST);
    assert_int_equal(c.bound.address.low, 0x2002);
    assert_int_equal(c.bound.server_len, 4);
}

static void a_preference_of_255_is_taken_at_once(void **state)
{
    (void)state;
    static const char eager[] = "029de03f0001000e" SAMPLE6_CLIENT_DUID "00020004"
                                "000000aa"
                                "00070001ff"
                                "00030028295e77440000070800000b4000050018"
                                "20010db8000100020000000000002002"
                                "00000e1000000e10";
    settings.hasty = false;
    start(DHCP6_SOLICIT);
    wait_until_due();
    hear(eager);
    assert_int_equal(sent_type(), DHCP6_REQUEST);
}

static void what_is_not_for_it_is_passed_over(void **state)
{
    (void)state;
    start(DHCP6_SOLICIT);
    hear("029de03f0001000e000100011def69bd000c29000000"
         "0002000e" SAMPLE6_SERVER_DUID); /* another client */
    assert_int_equal(c.state, CLIENT_DHCP6_ASKING);
    hear("029de03f0001000e" SAMPLE6_CLIENT_DUID); /* no server */
    hear("029de03f0002000e" SAMPLE6_SERVER_DUID); /* no client */
    hear(sample6_solicit);
    hear(sample6_reply); /* without rapid commit */
    hear("02");
    assert_int_equal(writer_length(&out), 0);
    assert_false(c.chosen);
    struct span s = unhex(sample6_advertise, in_room, sizeof in_room);
    client_dhcp6_take(&c, s, now, &out); /* another transaction */
    assert_false(c.chosen);
    assert_int_equal(c.message, DHCP6_SOLICIT);
}

static void rapid_commit_ends_it(void **state)
{
    (void)state;
    static const char rapid[] =
        "072d16030001000e" SAMPLE6_CLIENT_DUID "0002000e" SAMPLE6_SERVER_DUID "000e0000"
        "00030028295e77440000070800000b4000050018"
        "20010db8000100020000000000001002"
        "00000e1000000e10";
    settings.rapid_commit = true;
    start(DHCP6_SOLICIT);
    assert_non_null(dhcp6_option(span_from(writer_span(&out), 4), DHCP6_OPTION_RAPID_COMMIT).at);
    hear(sample6_reply);
    assert_int_equal(c.state, CLIENT_DHCP6_ASKING);
    hear(rapid);
    assert_int_equal(c.state, CLIENT_DHCP6_DONE);
}

static void a_request_is_sent_ten_times_and_then_it_begins_anew(void **state)
{
    (void)state;
    start(DHCP6_SOLICIT);
    hear(sample6_advertise);
    for (int i = 1; i < 10; i++) {
        uint64_t before = now.mono_ms;
        wait_until_due();
        assert_int_equal(sent_type(), DHCP6_REQUEST);
        assert_true(now.mono_ms - before <= 33000);
    }
    wait_until_due();
    assert_int_equal(c.message, DHCP6_SOLICIT);
}

static void elapsed_time_counts_from_the_first_message(void **state)
{
    (void)state;
    start(DHCP6_SOLICIT);
    wait_until_due();
    struct dhcp6_message m;
    assert_int_equal(dhcp6_parse(&m, writer_span(&out)), DHCP6_FINE);
    assert_int_equal(m.elapsed_10ms, (now.mono_ms - 5000) / 10);
}

static void held(enum dhcp6_type what, bool server, bool hints)
{
    struct dhcp6_message m;
    hold();
    start(what);
    assert_int_equal(dhcp6_parse(&m, writer_span(&out)), DHCP6_FINE);
    assert_int_equal(m.type, what);
    assert_int_equal(m.server_id.at != NULL, server);
    assert_int_equal(m.option_request.at != NULL, hints);
    assert_int_equal(m.address_count, 1);
    assert_true(ip6_equal(m.addresses[0].address, given));
    assert_int_equal(m.addresses[0].valid_s, hints ? 7500 : 0);
    assert_int_equal(m.ias[0].t1_s, hints ? 3600 : 0);
}

static void what_a_client_with_an_address_sends(void **state)
{
    (void)state;
    held(DHCP6_RENEW, true, true);
    hear(sample6_reply);
    assert_int_equal(c.state, CLIENT_DHCP6_DONE);
    held(DHCP6_REBIND, false, true);
    hear(sample6_reply);
    assert_int_equal(c.state, CLIENT_DHCP6_DONE);
    held(DHCP6_CONFIRM, false, false);
    held(DHCP6_RELEASE, true, false);
    hear_ia("");
    assert_true(c.state == CLIENT_DHCP6_DONE && c.replied);
    held(DHCP6_DECLINE, true, false);
}

static void an_information_request_has_no_ia(void **state)
{
    (void)state;
    struct dhcp6_message m;
    start(DHCP6_INFORMATION_REQUEST);
    assert_int_equal(dhcp6_parse(&m, writer_span(&out)), DHCP6_FINE);
    assert_true(m.type == DHCP6_INFORMATION_REQUEST && m.ia_count == 0 && m.option_request.len == 8);
    hear("070000000001000e" SAMPLE6_CLIENT_DUID "0002000e" SAMPLE6_SERVER_DUID
         "0017001020010db8000000000000000000000035");
    assert_true(c.state == CLIENT_DHCP6_DONE && c.replied);
}

static void no_binding_leads_to_a_request(void **state)
{
    (void)state;
    hold();
    start(DHCP6_RENEW);
    hear_ia("000d00020003");
    assert_int_equal(sent_type(), DHCP6_REQUEST);
    hear(sample6_reply);
    assert_int_equal(c.state, CLIENT_DHCP6_DONE);
}

static void not_on_link_begins_anew_after_a_pause(void **state)
{
    (void)state;
    hold();
    start(DHCP6_CONFIRM);
    hear("070000000001000e" SAMPLE6_CLIENT_DUID "0002000e" SAMPLE6_SERVER_DUID "000d00020004");
    assert_int_equal(writer_length(&out), 0);
    assert_int_equal(c.state, CLIENT_DHCP6_DELAYED);
    wait_until_due();
    assert_int_equal(sent_type(), DHCP6_SOLICIT);
}

static void no_address_is_a_fault_with_words(void **state)
{
    (void)state;
    start(DHCP6_SOLICIT);
    assert_string_equal(client_dhcp6_fault(&c), "no server answered its Solicit");
    hear("020000000001000e" SAMPLE6_CLIENT_DUID "0002000e" SAMPLE6_SERVER_DUID
         "00030012295e77440000000000000000"
         "000d00020002");
    assert_int_equal(c.state, CLIENT_DHCP6_ASKING);
    assert_string_equal(client_dhcp6_fault(&c), "the server has no address for it (NoAddrsAvail)");
}

static void an_address_with_no_lifetime_is_none(void **state)
{
    (void)state;
    hold();
    start(DHCP6_REBIND);
    hear_ia("0005001820010db80001000200000000000010020000000000000000");
    assert_int_not_equal(c.state, CLIENT_DHCP6_DONE);
    assert_int_equal(c.message, DHCP6_SOLICIT);
}

static void a_renew_gives_way_to_a_rebind_and_that_to_a_solicit(void **state)
{
    (void)state;
    hold();
    start(DHCP6_RENEW);
    while (c.message == DHCP6_RENEW && now.mono_ms < 3600000)
        wait_until_due();
    assert_int_equal(c.message, DHCP6_REBIND);
    assert_int_equal(now.mono_ms, 5000 + 1080 * 1000);
    while (c.message == DHCP6_REBIND && now.mono_ms < 7200000)
        wait_until_due();
    assert_int_equal(c.message, DHCP6_SOLICIT);
    assert_int_equal(now.mono_ms, 5000 + 1800 * 1000);
}

static void a_release_is_not_sent_for_ever(void **state)
{
    (void)state;
    hold();
    start(DHCP6_RELEASE);
    int sent = 1;
    for (; c.state == CLIENT_DHCP6_ASKING && sent < 20; sent += writer_length(&out) != 0)
        wait_until_due();
    assert_int_equal(sent, 4);
    assert_true(c.state == CLIENT_DHCP6_DONE && !c.replied);
}

/* ---- as a step of a scenario, behind a relay ------------------------------------------------------ */

static enum client_wish play_relay(struct client_play *p, const char *to, const char *link)
{
    static uint8_t memory[CLIENT_MEMORY_BYTES];
    static const uint8_t hardware[] = { 0, 0x0c, 0x29, 0x5e, 0x77, 0x44 };
    size_t taken = 0;
    play_open(p, &client_dhcp6_acquire);
    p->c->memory = memory;
    memcpy(p->c->hardware, hardware, sizeof hardware);
    if (to)
        play_set(p, "relay-to", to);
    if (link)
        play_set(p, "relay-link", link);
    play_set(p, "relay-interface", "port7");
    return play_event(p, CLIENT_BEGIN, span_text(""), &taken);
}

static void a_relay_passes_on_what_the_client_says(void **state)
{
    (void)state;
    static struct client_play p;
    struct dhcp6_relays relays;
    struct dhcp6_message m;
    struct span inner;
    assert_int_equal(play_relay(&p, "2001:db8:ff::1", "2001:db8:1:2::1"), CLIENT_DATAGRAM);
    assert_int_equal(p.c->local_port, DHCP6_SERVER_PORT);
    assert_int_equal(p.c->server.address.bytes[5], 0xff);
    assert_int_equal(dhcp6_unwrap(&relays, writer_span(&p.said_to), &inner), DHCP6_FINE);
    assert_int_equal(relays.count, 1);
    assert_true(ip6_equal(relays.relay[0].link, (struct ip6){ 0x20010db800010002, 1 }));
    assert_true(ip6_equal(relays.relay[0].peer, (struct ip6){ 0xfe80000000000000, 0x020c29fffe5e7744 }));
    assert_true(span_is(relays.relay[0].interface_id, "port7"));
    assert_int_equal(dhcp6_parse(&m, inner), DHCP6_FINE);
    assert_int_equal(m.type, DHCP6_SOLICIT);
    play_close(&p);
}

static void a_relay_needs_a_server_and_a_link(void **state)
{
    (void)state;
    static struct client_play p;
    assert_int_equal(play_relay(&p, "2001:db8:ff::1", NULL), CLIENT_FAILED);
    play_close(&p);
    assert_int_equal(play_relay(&p, NULL, "2001:db8:1:2::1"), CLIENT_FAILED);
    play_close(&p);
    assert_int_equal(play_relay(&p, NULL, NULL), CLIENT_FAILED);
    play_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_captured_exchange, set_up),
        cmocka_unit_test_setup(the_first_solicit_is_delayed, set_up),
        cmocka_unit_test_setup(advertises_are_collected_and_the_preferred_one_wins, set_up),
        cmocka_unit_test_setup(a_preference_of_255_is_taken_at_once, set_up),
        cmocka_unit_test_setup(what_is_not_for_it_is_passed_over, set_up),
        cmocka_unit_test_setup(rapid_commit_ends_it, set_up),
        cmocka_unit_test_setup(a_request_is_sent_ten_times_and_then_it_begins_anew, set_up),
        cmocka_unit_test_setup(elapsed_time_counts_from_the_first_message, set_up),
        cmocka_unit_test_setup(what_a_client_with_an_address_sends, set_up),
        cmocka_unit_test_setup(an_information_request_has_no_ia, set_up),
        cmocka_unit_test_setup(no_binding_leads_to_a_request, set_up),
        cmocka_unit_test_setup(not_on_link_begins_anew_after_a_pause, set_up),
        cmocka_unit_test_setup(no_address_is_a_fault_with_words, set_up),
        cmocka_unit_test_setup(an_address_with_no_lifetime_is_none, set_up),
        cmocka_unit_test_setup(a_renew_gives_way_to_a_rebind_and_that_to_a_solicit, set_up),
        cmocka_unit_test_setup(a_release_is_not_sent_for_ever, set_up),
        cmocka_unit_test(a_relay_passes_on_what_the_client_says),
        cmocka_unit_test(a_relay_needs_a_server_and_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
