#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp4_samples.h"
#include "lab/client_dhcp.h"

static const uint8_t mac[FRAME_MAC] = { 0, 0x0c, 0x29, 0x59, 0xfd, 0x21 };
static struct client_dhcp_settings step;
static const struct client_dhcp_lease nothing; /* the options of the captured client */
static struct client_dhcp c;
static uint8_t room[FRAME_BYTES_MAX];
static struct writer out;
static struct now now;

static int set_up(void **state)
{
    (void)state;
    step = (struct client_dhcp_settings){ .option_count = 3 };
    step.options[0] = (struct client_dhcp_option){ 50, span_of(sample_discover + 245, 4) };
    step.options[1] = (struct client_dhcp_option){ 12, span_text("ubuntu2") };
    step.options[2] = (struct client_dhcp_option){ 55, span_of(sample_discover + 260, 13) };
    now = (struct now){ .mono_ms = 1000000 };
    out = writer_over(room, sizeof room);
    client_dhcp_start(&c, &step, &nothing, mac, 42, now, &out);
    return 0;
}

/* The payload of what was sent, with the captured exchange's transaction id; the headers are as they must be.
 */
static struct span sent(void)
{
    static uint8_t payload[600];
    struct reader r = reader_over(writer_span(&out)), packet, datagram;
    struct frame_ethernet e;
    struct frame_ip4 ip;
    struct frame_udp u;
    assert_true(frame_read_ethernet(&r, &e) && frame_read_ip4(&r, &ip, &packet) &&
                frame_read_udp(&packet, &ip, &u, &datagram));
    assert_memory_equal(e.to, frame_broadcast, FRAME_MAC);
    assert_memory_equal(e.from, mac, FRAME_MAC);
    assert_true(ip.from == 0 && ip.to == UINT32_MAX && u.from == 68 && u.to == 67 && u.checksum_good);
    struct span s = read_rest(&datagram);
    assert_true(s.len <= sizeof payload);
    memcpy(payload, s.at, s.len);
    memcpy(payload + 4, sample_discover + 4, 4);
    return span_of(payload, s.len);
}

/* A server's captured message, in this exchange, with one byte changed. */
static struct span reply(const uint8_t *message, size_t len, size_t at, uint8_t value)
{
    static uint8_t frame[FRAME_BYTES_MAX];
    uint8_t copy[400];
    struct writer w = writer_over(frame, sizeof frame);
    struct writer xid = writer_over(copy + 4, 4);
    struct frame_ethernet e = { .type = FRAME_IP4 };
    memcpy(copy, message, len);
    write_u32(&xid, c.xid);
    copy[at] = value;
    memcpy(e.to, mac, FRAME_MAC);
    frame_write_ethernet(&w, &e);
    frame_write_udp4(&w, &(struct frame_ip4){ .from = 0xc0a80105, .to = 0xc0a8010a, .ttl = 64 },
                     &(struct frame_udp){ .from = 67, .to = 68 }, span_of(copy, len));
    return writer_span(&w);
}

static void take(struct span frame)
{
    out = writer_over(room, sizeof room);
    client_dhcp_take(&c, frame, now, &out);
}

static void expire(void)
{
    out = writer_over(room, sizeof room);
    now.mono_ms = c.due_ms;
    client_dhcp_expire(&c, now, &out);
}

static void the_captured_exchange(void **state)
{
    (void)state;
    assert_true(span_equal(sent(), span_of(sample_discover, sizeof sample_discover)));
    take(reply(sample_offer, sizeof sample_offer, 0, 2));
    assert_true(span_equal(sent(), span_of(sample_request, sizeof sample_request)));
    take(reply(sample_ack, sizeof sample_ack, 0, 2));
    assert_int_equal(writer_length(&out), 0);
    assert_int_equal(c.state, CLIENT_BOUND);
    assert_int_equal(c.lease.address, 0xc0a8010a);
    assert_int_equal(c.lease.mask, 0xffffff00);
    assert_int_equal(c.lease.lease_s, 600);
    assert_true(c.due_ms == TIMER_NEVER);
}

static void messages_for_others_are_passed_over(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = { { 0, 1 }, { 4, 0xff }, { 2, 5 }, { 33, 0x22 }, { 236, 0 }, { 242, 8 } };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        uint8_t value = changes[i].value;
        if (changes[i].at == 4) /* another transaction */
            value = (uint8_t) ~(c.xid >> 24);
        take(reply(sample_offer, sizeof sample_offer, changes[i].at, value));
        assert_int_equal(c.state, CLIENT_SELECTING);
        assert_int_equal(writer_length(&out), 0);
    }
    take(reply(sample_ack, sizeof sample_ack, 0, 2)); /* an ACK that nobody asked for */
    assert_int_equal(c.state, CLIENT_SELECTING);
    struct span whole = reply(sample_offer, sizeof sample_offer, 0, 2);
    uint8_t bytes[400];
    memcpy(bytes, whole.at, whole.len);
    for (size_t len = 0; len < whole.len; len++) {
        take(span_of(bytes, len));
        assert_int_equal(c.state, CLIENT_SELECTING);
    }
    take(reply(sample_offer, sizeof sample_offer, 0, 2));
    take(reply(sample_ack, sizeof sample_ack, 248, 6)); /* an ACK of another server */
    assert_int_equal(c.state, CLIENT_REQUESTING);
}

/* RFC 2131 4.1: 4 s, then twice as long each time up to 64 s, each give or take one; the same transaction. */
static void an_unanswered_discover_is_sent_again(void **state)
{
    (void)state;
    uint32_t xid = c.xid;
    uint64_t wait_ms = 4000;
    for (int i = 0; i < 8; i++) {
        uint64_t waits_ms = c.due_ms - now.mono_ms;
        assert_in_range(waits_ms, wait_ms - 1000, wait_ms + 1000);
        expire();
        assert_int_equal(c.xid, xid);
        struct span message = sent();
        assert_int_equal(message.at[242], DHCP4_DISCOVER);
        assert_int_equal(message.at[8] << 8 | message.at[9], (now.mono_ms - 1000000) / 1000); /* secs */
        wait_ms = wait_ms < 64000 ? wait_ms * 2 : wait_ms;
    }
}

static void an_unanswered_request_begins_anew(void **state)
{
    (void)state;
    uint32_t xid = c.xid;
    take(reply(sample_offer, sizeof sample_offer, 0, 2));
    int requests = 1;
    for (; requests < 20; requests++) {
        expire();
        if (sent().at[242] != DHCP4_REQUEST)
            break;
        assert_int_equal(c.xid, xid);
    }
    assert_int_equal(requests, 4);
    assert_int_equal(sent().at[242], DHCP4_DISCOVER);
    assert_int_not_equal(c.xid, xid);
    assert_int_equal(c.state, CLIENT_SELECTING);
}

static void a_refused_client_begins_anew_after_a_pause(void **state)
{
    (void)state;
    take(reply(sample_offer, sizeof sample_offer, 0, 2));
    take(reply(sample_ack, sizeof sample_ack, 242, DHCP4_NAK));
    assert_int_equal(writer_length(&out), 0);
    assert_true(c.due_ms >= now.mono_ms + 3000);
    assert_non_null(strstr(client_dhcp_fault(&c), "NAK"));
    expire();
    assert_int_equal(sent().at[242], DHCP4_DISCOVER);
}

static void the_broadcast_flag_is_set_when_asked_for(void **state)
{
    (void)state;
    step.broadcast = true;
    out = writer_over(room, sizeof room);
    client_dhcp_start(&c, &step, &nothing, mac, 42, now, &out);
    assert_int_equal(sent().at[10], 0x80);
}

/* ---- goals beyond the first lease: RFC 2131 table 5 and 4.4 -------------------------------------- */

static const struct client_dhcp_lease held = { .address = 0xc0a8010a,
                                               .server = 0xc0a80105,
                                               .mask = 0xffffff00,
                                               .lease_s = 600,
                                               .server_hardware = { 0, 0x0c, 0x29, 0xc0, 0x60, 0xa4 } };
static struct frame_ethernet said_ethernet;
static struct frame_ip4 said_ip;
static struct dhcp4_message said;

static bool start(enum client_dhcp_goal goal, const struct client_dhcp_lease *before)
{
    step.goal = goal;
    out = writer_over(room, sizeof room);
    return client_dhcp_start(&c, &step, before, mac, 42, now, &out);
}

/* Reads what was sent. */
static void hear(void)
{
    struct reader r = reader_over(writer_span(&out)), packet, datagram;
    struct frame_udp u;
    assert_true(frame_read_ethernet(&r, &said_ethernet) && frame_read_ip4(&r, &said_ip, &packet) &&
                frame_read_udp(&packet, &said_ip, &u, &datagram));
    assert_int_equal(dhcp4_parse(&said, read_rest(&datagram)), DHCP4_FINE);
}

static bool says(uint8_t code)
{
    return dhcp4_has(&said, code);
}

static void a_goal_without_its_lease_cannot_begin(void **state)
{
    (void)state;
    step.option_count = 0;
    for (enum client_dhcp_goal goal = CLIENT_DHCP_REBOOT; goal <= CLIENT_DHCP_INFORM; goal++) {
        assert_false(start(goal, &nothing));
        assert_int_equal(writer_length(&out), 0);
    }
}

static void a_reboot_names_the_address_and_no_server(void **state)
{
    (void)state;
    assert_true(start(CLIENT_DHCP_REBOOT, &held)); /* the step's own wish counts more than the lease */
    hear();
    uint32_t wish;
    assert_int_equal(said.type, DHCP4_REQUEST);
    assert_true(dhcp4_number(&said, DHCP4_OPTION_REQUESTED_ADDRESS, &wish));
    assert_int_equal(wish, 0xc0a86481);
    assert_false(says(DHCP4_OPTION_SERVER_IDENTIFIER));
    assert_true(said.fixed.ciaddr == 0 && said_ip.from == 0 && said_ip.to == UINT32_MAX);
    take(reply(sample_ack, sizeof sample_ack, 0, 2)); /* of any server: it named none */
    assert_int_equal(c.state, CLIENT_BOUND);
    assert_int_equal(c.lease.server, 0xc0a80105);
}

static void a_refused_reboot_begins_anew_at_once(void **state)
{
    (void)state;
    assert_true(start(CLIENT_DHCP_REBOOT, &held));
    take(reply(sample_ack, sizeof sample_ack, 242, DHCP4_NAK));
    assert_int_equal(c.state, CLIENT_SELECTING);
    assert_int_equal(sent().at[242], DHCP4_DISCOVER);
}

static void a_renewal_goes_to_its_server_alone(void **state)
{
    (void)state;
    assert_true(start(CLIENT_DHCP_RENEW, &held));
    hear();
    assert_int_equal(said.type, DHCP4_REQUEST);
    assert_false(says(DHCP4_OPTION_SERVER_IDENTIFIER) || says(DHCP4_OPTION_REQUESTED_ADDRESS));
    assert_true(said.fixed.ciaddr == held.address && said_ip.from == held.address &&
                said_ip.to == held.server);
    assert_memory_equal(said_ethernet.to, held.server_hardware, FRAME_MAC);
}

static void a_rebinding_goes_to_everyone(void **state)
{
    (void)state;
    assert_true(start(CLIENT_DHCP_REBIND, &held));
    hear();
    assert_false(says(DHCP4_OPTION_SERVER_IDENTIFIER) || says(DHCP4_OPTION_REQUESTED_ADDRESS));
    assert_true(said.fixed.ciaddr == held.address && said_ip.from == held.address &&
                said_ip.to == UINT32_MAX);
    assert_memory_equal(said_ethernet.to, frame_broadcast, FRAME_MAC);
}

static void a_release_is_said_once_and_little(void **state)
{
    (void)state;
    assert_true(start(CLIENT_DHCP_RELEASE, &held));
    hear();
    assert_int_equal(said.type, DHCP4_RELEASE);
    assert_true(says(DHCP4_OPTION_SERVER_IDENTIFIER));
    assert_false(says(DHCP4_OPTION_REQUESTED_ADDRESS) || says(DHCP4_OPTION_PARAMETER_REQUEST_LIST));
    assert_true(said.fixed.ciaddr == held.address && said_ip.to == held.server);
    assert_int_equal(c.state, CLIENT_BOUND);
    assert_true(c.due_ms == TIMER_NEVER && c.lease.address == 0);
}

static void a_decline_names_address_and_server_to_everyone(void **state)
{
    (void)state;
    uint32_t address, server;
    assert_true(start(CLIENT_DHCP_DECLINE, &held));
    hear();
    assert_int_equal(said.type, DHCP4_DECLINE);
    assert_true(dhcp4_number(&said, DHCP4_OPTION_REQUESTED_ADDRESS, &address) && address == held.address);
    assert_true(dhcp4_number(&said, DHCP4_OPTION_SERVER_IDENTIFIER, &server) && server == held.server);
    assert_true(said.fixed.ciaddr == 0 && said_ip.from == 0 && said_ip.to == UINT32_MAX);
    assert_false(says(DHCP4_OPTION_PARAMETER_REQUEST_LIST));
    assert_int_equal(c.state, CLIENT_BOUND);
}

static void an_inform_is_done_with_an_ack_that_lends_nothing(void **state)
{
    (void)state;
    assert_true(start(CLIENT_DHCP_INFORM, &held));
    hear();
    assert_int_equal(said.type, DHCP4_INFORM);
    assert_true(said.fixed.ciaddr == held.address);
    assert_true(says(DHCP4_OPTION_PARAMETER_REQUEST_LIST));
    assert_false(says(DHCP4_OPTION_REQUESTED_ADDRESS));
    take(reply(sample_ack, sizeof sample_ack, 19, 0)); /* yiaddr is looked at by nobody */
    assert_int_equal(c.state, CLIENT_BOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_captured_exchange, set_up),
        cmocka_unit_test_setup(messages_for_others_are_passed_over, set_up),
        cmocka_unit_test_setup(an_unanswered_discover_is_sent_again, set_up),
        cmocka_unit_test_setup(an_unanswered_request_begins_anew, set_up),
        cmocka_unit_test_setup(a_refused_client_begins_anew_after_a_pause, set_up),
        cmocka_unit_test_setup(the_broadcast_flag_is_set_when_asked_for, set_up),
        cmocka_unit_test_setup(a_goal_without_its_lease_cannot_begin, set_up),
        cmocka_unit_test_setup(a_reboot_names_the_address_and_no_server, set_up),
        cmocka_unit_test_setup(a_refused_reboot_begins_anew_at_once, set_up),
        cmocka_unit_test_setup(a_renewal_goes_to_its_server_alone, set_up),
        cmocka_unit_test_setup(a_rebinding_goes_to_everyone, set_up),
        cmocka_unit_test_setup(a_release_is_said_once_and_little, set_up),
        cmocka_unit_test_setup(a_decline_names_address_and_server_to_everyone, set_up),
        cmocka_unit_test_setup(an_inform_is_done_with_an_ack_that_lends_nothing, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
