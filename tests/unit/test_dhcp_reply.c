#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp4_samples.h"
#include "dhcp_world.h"

/* The network of the captured exchange. */
static const char captured[] =
    "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.199\" } lease-time = \"10m\""
    " routers = { \"192.168.1.254\" } broadcast = \"192.168.1.255\""
    " domain = \"mydomain.example\" dns-servers = { \"192.168.1.1\", \"192.168.1.2\" } }";

static struct world w;
static struct dhcp4_message reply;

static int open_captured(void **state)
{
    (void)state;
    world_open(&w, captured);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* The answer to these bytes as bytes. */
static struct span answer_to(struct span bytes)
{
    struct writer out = writer_over(w.out, sizeof w.out);
    assert_int_equal(dhcp4_parse(&w.m, bytes), DHCP4_FINE);
    struct dhcp4_decision d = dhcp4_decide(w.settings, &w.leases, &w.m, &w.arrival, w.now, &w.claims);
    assert_int_not_equal(d.answer, DHCP4_ANSWER_SILENCE);
    assert_true(reply_write(&out, &d, &w.m, &w.arrival));
    return writer_span(&out);
}

/* The same, read again. */
static size_t reply_to(struct says says)
{
    struct span bytes = answer_to(message_bytes(&says, w.in, sizeof w.in));
    assert_int_equal(dhcp4_parse(&reply, bytes), DHCP4_FINE);
    return bytes.len;
}

static void assert_bytes(struct span got, const uint8_t *want, size_t len)
{
    assert_int_equal(got.len, len);
    assert_memory_equal(got.at, want, len);
}

static void assert_order(const char *codes, size_t count)
{
    assert_int_equal(reply.count, count);
    assert_memory_equal(reply.order, codes, count);
}

/* ---- the captures, byte by byte ------------------------------------------------------------------ */

static void the_captured_exchange_is_answered_alike(void **state)
{
    (void)state;
    assert_bytes(answer_to(span_of(sample_discover, sizeof sample_discover)), sample_offer,
                 sizeof sample_offer);
    assert_bytes(answer_to(span_of(sample_request, sizeof sample_request)), sample_ack, sizeof sample_ack);
    world_commit(&w);
    assert_bytes(answer_to(span_of(sample_reboot_request, sizeof sample_reboot_request)), sample_reboot_ack,
                 sizeof sample_reboot_ack);
}

/* ---- what a reply says ------------------------------------------------------------------------------ */

static void options_follow_the_request_list_once_each(void **state)
{
    (void)state;
    reply_to(
        (struct says){ .type = DHCP4_DISCOVER,
                       .mac = 1,
                       .client_id = span_text("me"),
                       .parameters = span_of("\x06\x3b\x03\x06\x33\x35\x00\xff\x3a\x01\x52\x63\x3d", 13) });
    /* 53 54 51, the identifier (RFC 6842), then 6 59 3 58 1 */
    assert_order("\x35\x36\x33\x3d\x06\x3b\x03\x3a\x01", 9);
    uint32_t t1 = 0, t2 = 0;
    assert_true(dhcp4_number(&reply, DHCP4_OPTION_RENEWAL_TIME, &t1));
    assert_true(dhcp4_number(&reply, DHCP4_OPTION_REBINDING_TIME, &t2));
    assert_int_equal(t1, 300);
    assert_int_equal(t2, 525);
    assert_true(span_is(dhcp4_option(&reply, DHCP4_OPTION_CLIENT_IDENTIFIER), "me"));
    /* nobody asked for anything: all that is configured */
    reply_to((struct says){ .type = DHCP4_DISCOVER, .mac = 1 });
    assert_order("\x35\x36\x33\x01\x03\x06\x0f\x1c", 8);
}

static void a_nak_says_why_and_nothing_else(void **state)
{
    (void)state;
    size_t len = reply_to((struct says){ .type = DHCP4_REQUEST, .mac = 1, .requested = IP(10, 0, 0, 1) });
    assert_int_equal(len, 300);
    assert_int_equal(reply.type, DHCP4_NAK);
    assert_int_equal(reply.fixed.yiaddr, 0);
    assert_int_equal(reply.fixed.siaddr, 0);
    assert_int_equal(reply.fixed.ciaddr, 0);
    assert_int_equal(reply.fixed.flags, 0);
    assert_order("\x35\x36\x38", 3);
    /* RFC 2131 4.3.2: through a relay it is to be broadcast */
    reply_to((struct says){
        .type = DHCP4_REQUEST, .mac = 1, .requested = IP(10, 0, 0, 1), .giaddr = IP(192, 168, 1, 1) });
    assert_int_equal(reply.fixed.flags, DHCP4_FLAG_BROADCAST);
    assert_int_equal(reply.fixed.giaddr, IP(192, 168, 1, 1));
}

static void an_ack_repeats_ciaddr(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 1), IP(192, 168, 1, 10));
    reply_to((struct says){ .type = DHCP4_REQUEST, .mac = 1, .ciaddr = IP(192, 168, 1, 10) });
    assert_int_equal(reply.fixed.ciaddr, IP(192, 168, 1, 10));
    assert_int_equal(reply.fixed.yiaddr, IP(192, 168, 1, 10));
    assert_int_equal(reply.fixed.siaddr, WORLD_SERVER);
    reply_to((struct says){ .type = DHCP4_INFORM, .mac = 1, .ciaddr = IP(192, 168, 1, 77) });
    assert_int_equal(reply.type, DHCP4_ACK);
    assert_int_equal(reply.fixed.ciaddr, IP(192, 168, 1, 77));
    assert_int_equal(reply.fixed.yiaddr, 0);
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_LEASE_TIME));
    assert_true(dhcp4_has(&reply, DHCP4_OPTION_ROUTERS));
}

static void the_relays_option_comes_back_last(void **state)
{
    (void)state;
    struct span relay = span_of("\x01\x04port\x02\x02id", 10);
    reply_to((struct says){ .type = DHCP4_DISCOVER, .mac = 1, .giaddr = IP(192, 168, 1, 1), .relay = relay });
    assert_int_equal(reply.order[reply.count - 1], DHCP4_OPTION_RELAY_AGENT);
    assert_true(span_equal(dhcp4_option(&reply, DHCP4_OPTION_RELAY_AGENT), relay));
}

static void a_reply_is_as_long_as_the_client_takes(void **state)
{
    (void)state;
    char configuration[4096], text[41];
    uint8_t codes[40];
    memset(text, 'x', 40);
    text[40] = 0;
    int n = snprintf(configuration, sizeof configuration,
                     "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10\" }");
    for (int i = 0; i < 40; i++) {
        codes[i] = (uint8_t)(200 + i);
        n += snprintf(configuration + n, sizeof configuration - (size_t)n, " option \"%d\" { text = \"%s\" }",
                      codes[i], text);
    }
    snprintf(configuration + n, sizeof configuration - (size_t)n, "}");
    world_close(&w);
    world_open(&w, configuration);
    struct span all = span_of(codes, sizeof codes),
                relay = span_of("\x01\x2b"
                                "a port with a name of forty-three characters",
                                45);
    static const struct {
        uint16_t said;
        size_t most, least;
    } sizes[] = { { 0, 548, 500 },    { 100, 548, 500 },    { 576, 548, 500 },
                  { 1000, 972, 925 }, { 1500, 1472, 1425 }, { 65535, 1472, 1425 } };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t len = reply_to((struct says){ .type = DHCP4_DISCOVER,
                                             .mac = 1,
                                             .max_size = sizes[i].said,
                                             .parameters = all,
                                             .giaddr = IP(192, 168, 1, 1),
                                             .relay = relay });
        assert_in_range(len, sizes[i].least, sizes[i].most);
        assert_int_equal(reply.order[0], DHCP4_OPTION_MESSAGE_TYPE);
        assert_true(dhcp4_has(&reply, DHCP4_OPTION_LEASE_TIME));
        assert_true(span_equal(dhcp4_option(&reply, DHCP4_OPTION_RELAY_AGENT),
                               relay)); /* whatever else is left out */
    }
    assert_true(dhcp4_has(&reply, 220));
    assert_false(dhcp4_has(&reply, 239)); /* even 1472 bytes, file and sname do not hold them all */
}

static void boot_clients_find_file_and_server(void **state)
{
    (void)state;
    world_close(&w);
    world_open(&w, "boot-file = \"pxelinux.0\" subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10\" }"
                   " next-server = \"192.168.1.7\" tftp-server-name = \"boot.example\" }");
    reply_to((struct says){ .type = DHCP4_DISCOVER, .mac = 1, .parameters = span_of("\x42\x43", 2) });
    assert_true(span_is(reply.file, "pxelinux.0"));
    assert_true(span_is(reply.sname, "boot.example"));
    assert_int_equal(reply.fixed.siaddr, IP(192, 168, 1, 7));
    assert_true(span_is(dhcp4_option(&reply, DHCP4_OPTION_BOOT_FILE), "pxelinux.0"));
}

/* ---- where a reply goes: RFC 2131 4.1 ------------------------------------------------------------------ */

static struct reply_route route_of(struct says says, enum dhcp4_answer answer)
{
    assert_int_equal(dhcp4_parse(&w.m, message_bytes(&says, w.in, sizeof w.in)), DHCP4_FINE);
    struct dhcp4_decision d = { .answer = answer, .address = IP(192, 168, 1, 10) };
    return reply_route(&d, &w.m, &w.arrival);
}

static void assert_route(struct reply_route r, enum reply_way way, uint32_t address, uint16_t port)
{
    assert_int_equal(r.way, way);
    assert_int_equal(address_to_ip4(r.to.address), address);
    assert_int_equal(r.to.port, port);
}

static void replies_go_where_the_rfc_says(void **state)
{
    (void)state;
    struct says plain = { .type = DHCP4_DISCOVER, .mac = 1 };
    struct says broadcast = { .type = DHCP4_DISCOVER, .mac = 1, .flags = DHCP4_FLAG_BROADCAST };
    struct says renewing = {
        .type = DHCP4_REQUEST, .mac = 1, .ciaddr = IP(192, 168, 1, 10), .flags = DHCP4_FLAG_BROADCAST
    };
    struct says pretending = { .type = DHCP4_DISCOVER, .mac = 1, .ciaddr = 5 };
    struct says informing = { .type = DHCP4_INFORM, .mac = 1, .ciaddr = 7, .flags = DHCP4_FLAG_BROADCAST };
    struct says relayed = { .type = DHCP4_REQUEST,
                            .mac = 1,
                            .ciaddr = IP(192, 168, 1, 10),
                            .giaddr = 6,
                            .flags = DHCP4_FLAG_BROADCAST };
    assert_route(route_of(plain, DHCP4_ANSWER_OFFER), REPLY_FRAME, IP(192, 168, 1, 10), 68);
    assert_route(route_of(plain, DHCP4_ANSWER_NAK), REPLY_DATAGRAM, UINT32_MAX, 68);
    assert_route(route_of(broadcast, DHCP4_ANSWER_OFFER), REPLY_DATAGRAM, UINT32_MAX, 68);
    assert_route(route_of(renewing, DHCP4_ANSWER_ACK), REPLY_DATAGRAM, IP(192, 168, 1, 10), 68);
    /* a client says that it has an address: it may be anybody's, who has not asked for anything */
    assert_route(route_of(pretending, DHCP4_ANSWER_OFFER), REPLY_FRAME, IP(192, 168, 1, 10), 68);
    assert_route(route_of(pretending, DHCP4_ANSWER_BOOTP), REPLY_FRAME, IP(192, 168, 1, 10), 68);
    /* RFC 2131 4.3.5: to the client itself, also when a relay brought it */
    assert_route(route_of(informing, DHCP4_ANSWER_CONFIG), REPLY_DATAGRAM, 7, 68);
    informing.giaddr = 6;
    assert_route(route_of(informing, DHCP4_ANSWER_CONFIG), REPLY_DATAGRAM, 7, 68);
    assert_route(route_of(renewing, DHCP4_ANSWER_NAK), REPLY_DATAGRAM, UINT32_MAX, 68);
    assert_route(route_of(relayed, DHCP4_ANSWER_ACK), REPLY_DATAGRAM, 6, 67);
    assert_route(route_of(relayed, DHCP4_ANSWER_NAK), REPLY_DATAGRAM, 6, 67);
    /* a plain socket has no link: back to where it came from, but for relays */
    w.arrival = (struct dhcp4_arrival){ .server = 1, .source = { .address = address_ip4(99), .port = 4000 } };
    assert_route(route_of(plain, DHCP4_ANSWER_OFFER), REPLY_DATAGRAM, 99, 4000);
    assert_route(route_of(renewing, DHCP4_ANSWER_NAK), REPLY_DATAGRAM, 99, 4000);
    assert_route(route_of(relayed, DHCP4_ANSWER_ACK), REPLY_DATAGRAM, 6, 67);
    assert_route(route_of(informing, DHCP4_ANSWER_CONFIG), REPLY_DATAGRAM, 7, 68);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_captured, close_world)
    const struct CMUnitTest tests[] = {
        TEST(the_captured_exchange_is_answered_alike), TEST(options_follow_the_request_list_once_each),
        TEST(a_nak_says_why_and_nothing_else),         TEST(an_ack_repeats_ciaddr),
        TEST(the_relays_option_comes_back_last),       TEST(a_reply_is_as_long_as_the_client_takes),
        TEST(boot_clients_find_file_and_server),       TEST(replies_go_where_the_rfc_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
