#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp_world.h"

#define FIRST IP(192, 168, 1, 10)
#define PHONE IP(192, 168, 1, 200)

static struct world w;
static struct dhcp4_message reply;

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static int open_classes(void **state)
{
    (void)state;
    world_open(
        &w, "class \"ipxe\" { match-user-class = { \"iPXE\" } boot-file = \"http://boot.example/menu\" }"
            "class \"uefi\" { match-vendor-class = { \"PXEClient\" } match-architecture = { 7, 9 }"
            "  boot-file = \"boot.efi\" next-server = \"192.168.1.7\" }"
            "class \"bios\" { match-vendor-class = { \"PXEClient\" } match-architecture = { 0 }"
            "  boot-file = \"boot.0\" }"
            "class \"http\" { match-vendor-class = { \"HTTPClient\" } boot-file = \"http://boot.example/x\""
            "  option \"60\" { text = \"HTTPClient\" } }"
            "class \"phones\" { match-hardware = { \"aa:bb\", \"02:00:00:01\" } lease-time = \"5m\""
            "  domain = \"phones.example\" tftp-servers = { \"192.168.1.8\" } }"
            "class \"port\" { match-option = { \"82.1 0x0a0b*\", \"12 lab-*\" } domain = \"port.example\" }"
            "class \"set\" { match-option = { \"43\" } domain = \"set.example\" }"
            "domain = \"common.example\""
            "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" } lease-time = \"10m\""
            "  class-pool \"phones\" { pool = { \"192.168.1.200-192.168.1.201\" } log-servers = { "
            "\"192.168.1.9\" } }"
            "  host \"boss\" { hardware = \"02:00:00:01:00:09\" domain = \"boss.example\" } }");
    return 0;
}

#define HEARS(...) world_hears(&w, (struct says){ __VA_ARGS__ })

static void tell(struct says says)
{
    struct writer out = writer_over(w.out, sizeof w.out);
    struct dhcp4_decision d = world_hears(&w, says);
    assert_int_not_equal(d.answer, DHCP4_ANSWER_SILENCE);
    assert_true(reply_write(&out, &d, &w.m, &w.arrival));
    assert_int_equal(dhcp4_parse(&reply, writer_span(&out)), DHCP4_FINE);
}
#define TELL(...) tell((struct says){ __VA_ARGS__ })

static void assert_option(uint8_t code, const char *text)
{
    struct span s = dhcp4_option(&reply, code);
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.at, text, s.len);
}

#define VENDOR(text)                                                                                         \
    {                                                                                                        \
        DHCP4_OPTION_VENDOR_CLASS, span_of(text, sizeof(text) - 1)                                           \
    }
#define ARCH(bytes)                                                                                          \
    {                                                                                                        \
        DHCP4_OPTION_CLIENT_ARCHITECTURE, span_of(bytes, sizeof(bytes) - 1)                                  \
    }
#define USER(bytes)                                                                                          \
    {                                                                                                        \
        DHCP4_OPTION_USER_CLASS, span_of(bytes, sizeof(bytes) - 1)                                           \
    }

static void assert_file(const char *text)
{
    assert_true(span_is(reply.file, text));
}

static void boot_clients_get_the_file_of_their_architecture(void **state)
{
    (void)state;
    TELL(.type = DHCP4_DISCOVER, .mac = 1,
         .extra = { VENDOR("PXEClient:Arch:00007:UNDI:003016"), ARCH("\0\x07") });
    assert_file("boot.efi");
    assert_option(DHCP4_OPTION_BOOT_FILE, "boot.efi");
    assert_int_equal(reply.fixed.siaddr, IP(192, 168, 1, 7));
    /* one of several */
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .extra = { VENDOR("PXEClient"), ARCH("\0\x06\0\x09") });
    assert_file("boot.efi");
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .extra = { VENDOR("PXEClient"), ARCH("\0\0") });
    assert_file("boot.0");
    assert_int_equal(reply.fixed.siaddr, WORLD_SERVER);
    /* both conditions are needed */
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .extra = { ARCH("\0\x07") });
    assert_file("");
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .extra = { VENDOR("XPXEClient"), ARCH("\0\x07") });
    assert_file("");
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .extra = { VENDOR("HTTPClient:Arch:00016"), ARCH("\0\x10") });
    assert_file("http://boot.example/x");
    assert_option(DHCP4_OPTION_VENDOR_CLASS, "HTTPClient");
}

/* RFC 4578 2.3: the machine's identifier is for the servers it boots from, and comes back to it. */
static void boot_clients_find_themselves_in_the_answer(void **state)
{
    (void)state;
    static const uint8_t machine[17] = { 0, 0x56, 0x4d, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xff };
    struct says says = { .type = DHCP4_DISCOVER,
                         .mac = 1,
                         .parameters = span_text("\x01\x03\x3c"),
                         .extra = { VENDOR("HTTPClient:Arch:00016:UNDI:003001"),
                                    { DHCP4_OPTION_CLIENT_MACHINE, span_of(machine, 17) } } };
    tell(says);
    assert_true(
        span_equal(dhcp4_option(&reply, DHCP4_OPTION_CLIENT_MACHINE), span_of(machine, sizeof machine)));
    assert_option(DHCP4_OPTION_VENDOR_CLASS, "HTTPClient"); /* once, as the file has it */
    says.extra[0].value = span_text("PXEClient:Arch:00000");
    tell(says);
    assert_true(dhcp4_has(&reply, DHCP4_OPTION_CLIENT_MACHINE));
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_VENDOR_CLASS));
    TELL(.type = DHCP4_DISCOVER, .mac = 1);
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_CLIENT_MACHINE));
}

static int open_broken(void **state)
{
    (void)state;
    world_open(&w, "class \"deaf\" { match-hardware = { \"02:00:00:00:00:01\" } force-broadcast = true }"
                   "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" } }"
                   "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10\" } force-broadcast = true"
                   "  boot-file = \"http://boot.example/x\" }");
    return 0;
}

static uint32_t told_at(struct says says)
{
    struct dhcp4_decision d = world_hears(&w, says);
    struct writer out = writer_over(w.out, sizeof w.out);
    assert_true(reply_write(&out, &d, &w.m, &w.arrival));
    assert_int_equal(dhcp4_parse(&reply, writer_span(&out)), DHCP4_FINE);
    return address_to_ip4(reply_route(&d, &w.m, &w.arrival).to.address);
}
#define TOLD_AT(...) told_at((struct says){ __VA_ARGS__ })

static void clients_that_forget_the_flag_are_reached(void **state)
{
    (void)state;
    assert_int_equal(TOLD_AT(.type = DHCP4_DISCOVER, .mac = 1), UINT32_MAX);
    assert_int_equal(reply.fixed.flags, DHCP4_FLAG_BROADCAST);
    assert_int_equal(TOLD_AT(.type = DHCP4_DISCOVER, .mac = 2), IP(192, 168, 1, 11));
    assert_int_equal(reply.fixed.flags, 0);
    /* behind a relay, which goes by the flag of the reply */
    assert_int_equal(TOLD_AT(.type = DHCP4_DISCOVER, .mac = 2, .giaddr = IP(192, 168, 2, 1)),
                     IP(192, 168, 2, 1));
    assert_int_equal(reply.fixed.flags, DHCP4_FLAG_BROADCAST);
    /* who has an address is told there */
    assert_int_equal(TOLD_AT(.type = DHCP4_REQUEST, .mac = 1, .ciaddr = IP(192, 168, 1, 10)),
                     IP(192, 168, 1, 10));
    assert_int_equal(reply.fixed.flags, 0);
    /* a file of the subnet makes it a server to boot from by HTTP; without one it says nothing of that kind
     */
    TOLD_AT(.type = DHCP4_DISCOVER, .mac = 2, .giaddr = IP(192, 168, 2, 1),
            .extra = { VENDOR("HTTPClient") });
    assert_option(DHCP4_OPTION_VENDOR_CLASS, "HTTPClient");
    TOLD_AT(.type = DHCP4_DISCOVER, .mac = 3, .extra = { VENDOR("HTTPClient") });
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_VENDOR_CLASS));
}

static void the_first_class_of_the_file_counts(void **state)
{
    (void)state;
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .extra = { USER("iPXE"), ARCH("\0\x07") });
    assert_file("http://boot.example/menu");
    /* as RFC 3004 has it, among others; and what is cut is none */
    TELL(.type = DHCP4_DISCOVER, .mac = 1,
         .extra = { USER("\x03"
                         "abc\x04iPXE") });
    assert_file("http://boot.example/menu");
    TELL(.type = DHCP4_DISCOVER, .mac = 1,
         .extra = { USER("\x03"
                         "abc\x05iPXE") });
    assert_file("");
}

static void a_class_has_addresses_of_its_own(void **state)
{
    (void)state;
    TELL(.type = DHCP4_DISCOVER, .mac = 0x10001, .lease_s = 86400);
    assert_int_equal(reply.fixed.yiaddr, PHONE);
    assert_option(DHCP4_OPTION_DOMAIN, "phones.example");
    assert_option(DHCP4_OPTION_LOG_SERVERS, "\xc0\xa8\x01\x09");
    uint32_t lease_s = 0;
    assert_true(dhcp4_number(&reply, DHCP4_OPTION_LEASE_TIME, &lease_s));
    assert_int_equal(lease_s, 300);
    assert_int_equal(world_lease(&w, 0x10001), PHONE);
    assert_int_equal(world_lease(&w, 0x10002), PHONE + 1);
    /* when they are gone: what is for all */
    assert_int_equal(world_lease(&w, 0x10003), FIRST);
    /* others do not get them, asked for or not */
    assert_int_equal(world_lease(&w, 1), FIRST + 1);
    assert_int_equal(world_lease(&w, 2), FIRST + 2);
    world_wait(&w, 301); /* the phones' time is over */
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 4, .requested = PHONE).address, FIRST);
    assert_int_equal(
        HEARS(.type = DHCP4_REQUEST, .mac = 4, .requested = PHONE, .server = WORLD_SERVER).answer,
        DHCP4_ANSWER_NAK);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 5).answer, DHCP4_ANSWER_SILENCE);
    /* a renewal is granted by the class's time, in the class's place */
    struct dhcp4_decision d = HEARS(.type = DHCP4_REQUEST, .mac = 0x10001, .ciaddr = PHONE);
    assert_int_equal(d.answer, DHCP4_ANSWER_ACK);
    assert_int_equal(d.lease_s, 300);
    world_commit(&w);
    assert_int_equal(leases_find(&w.leases, PHONE)->pool->subnet->class, 1 << 4);
}

static void a_client_has_one_lease_on_a_link(void **state)
{
    (void)state;
    assert_int_equal(world_lease(&w, 0x10001), PHONE);
    HEARS(.type = DHCP4_REQUEST, .mac = 0x10001, .requested = FIRST, .server = WORLD_SERVER);
    world_commit(&w);
    assert_int_equal(leases_find(&w.leases, FIRST)->state, LEASE_BOUND);
    assert_int_equal(leases_find(&w.leases, PHONE)->state, LEASE_FREE);
    /* after a reload each is in its place */
    assert_true(leases_settle(&w.leases, w.settings, w.now));
    assert_int_equal(world_lease(&w, 0x10002), PHONE + 1);
    assert_int_equal(world_lease(&w, 0x10003), PHONE);
}

static void a_host_outranks_its_classes(void **state)
{
    (void)state;
    TELL(.type = DHCP4_DISCOVER, .mac = 0x10009);
    assert_option(DHCP4_OPTION_DOMAIN, "boss.example");
    assert_option(DHCP4_OPTION_TFTP_SERVERS, "\xc0\xa8\x01\x08");
    TELL(.type = DHCP4_DISCOVER, .mac = 0x10009, .parameters = span_text("\x96\x0f"));
    assert_option(DHCP4_OPTION_DOMAIN, "boss.example");
    assert_option(DHCP4_OPTION_TFTP_SERVERS, "\xc0\xa8\x01\x08");
}

static void any_option_makes_a_class(void **state)
{
    (void)state;
    TELL(.type = DHCP4_DISCOVER, .mac = 1);
    assert_option(DHCP4_OPTION_DOMAIN, "common.example");
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .host_name = span_text("lab-7"));
    assert_option(DHCP4_OPTION_DOMAIN, "port.example");
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .host_name = span_text("la"));
    assert_option(DHCP4_OPTION_DOMAIN, "common.example");
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .giaddr = IP(192, 168, 1, 1),
         .relay = span_of("\x01\x03\x0a\x0b\x0c", 5));
    assert_option(DHCP4_OPTION_DOMAIN, "port.example");
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .giaddr = IP(192, 168, 1, 1),
         .relay = span_of("\x02\x03\x0a\x0b\x0c", 5));
    assert_option(DHCP4_OPTION_DOMAIN, "common.example");
    TELL(.type = DHCP4_DISCOVER, .mac = 1, .extra = { { 43, span_text("\x01\x01x") } });
    assert_option(DHCP4_OPTION_DOMAIN, "set.example");
}

/* ---- hosts by other things than their hardware address ------------------------------------------ */

static int open_hosts(void **state)
{
    (void)state;
    world_open(&w, "class \"camera\" { match-vendor-class = { \"cam\" } match-option = { \"82.1 0x0001\" } }"
                   "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" }"
                   " host \"f\" { class = \"camera\" address = \"192.168.1.55\" }"
                   " host \"e\" { duid = \"00:03:00:01:02:00:00:00:00:09\" address = \"192.168.1.54\" }"
                   " host \"a\" { client-id = \"printer\" address = \"192.168.1.50\" }"
                   " host \"b\" { circuit-id = \"0x0001\" address = \"192.168.1.51\" }"
                   " host \"c\" { remote-id = \"door\" address = \"192.168.1.52\" }"
                   " host \"d\" { hardware = \"02:00:00:00:00:04\" address = \"192.168.1.53\" } }");
    return 0;
}

static void a_host_is_known_by_what_it_or_its_relay_sends(void **state)
{
    (void)state;
    const uint32_t relay = IP(192, 168, 1, 1), base = IP(192, 168, 1, 50);
    const struct span circuit = span_of("\x01\x02\x00\x01", 4), remote = span_of("\x02\x04"
                                                                                 "door",
                                                                                 6);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .client_id = span_text("printer")).address,
                     base);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 2, .giaddr = relay, .relay = circuit).address,
                     base + 1);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 3, .giaddr = relay, .relay = remote).address,
                     base + 2);
    /* the hardware address comes first */
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 4, .giaddr = relay, .relay = remote).address,
                     base + 3);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 5, .client_id = span_text("printers")).address,
                     FIRST);
}

#define CLIENT_ID(iaid) span_of("\xff\0\0\0" iaid "\0\x03\0\x01\x02\0\0\0\0\x09", 15)

static void a_host_is_known_by_its_duid_on_each_of_its_interfaces(void **state)
{
    (void)state;
    const uint32_t address = IP(192, 168, 1, 54);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .client_id = CLIENT_ID("\x01")).address,
                     address);
    world_wait(&w, LEASE_OFFER_S + 1);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 2, .client_id = CLIENT_ID("\x02")).address,
                     address);
    world_wait(&w, LEASE_OFFER_S + 1);
    const struct span longer = span_of("\xff\0\0\0\x01\0\x03\0\x01\x02\0\0\0\0\x09\0", 16),
                      no_duid = span_of("\xff\0\0\0\x01", 5),
                      other_type = span_of("\0\0\0\0\x01\0\x03\0\x01\x02\0\0\0\0\x09", 15);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 13, .client_id = longer).address, FIRST);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 14, .client_id = no_duid).address, FIRST + 1);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 15, .client_id = other_type).address, FIRST + 2);
}

static void a_host_is_the_first_that_comes_of_its_class(void **state)
{
    (void)state;
#define CAMERA(number)                                                                                       \
    .mac = number, .giaddr = IP(192, 168, 1, 1), .relay = span_of("\x01\x02\x00\x01\x02\x01x", 7),           \
    .extra = {                                                                                               \
        { DHCP4_OPTION_VENDOR_CLASS, span_text("camera 7") }                                                 \
    }
    const uint32_t address = IP(192, 168, 1, 55), circuit = IP(192, 168, 1, 51);
    /* the circuit alone is another host, which counts before the class */
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, CAMERA(1)).address, circuit);
    world_close(&w);
    world_open(&w, "class \"camera\" { match-vendor-class = { \"cam\" } match-option = { \"82.1 0x0001\" } }"
                   "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" }"
                   " host \"f\" { class = \"camera\" address = \"192.168.1.55\" } }");
    struct dhcp4_decision d = HEARS(.type = DHCP4_DISCOVER, CAMERA(1));
    assert_int_equal(d.address, address);
    d = HEARS(.type = DHCP4_REQUEST, CAMERA(1), .requested = address, .server = WORLD_SERVER);
    assert_int_equal(d.answer, DHCP4_ANSWER_ACK);
    world_commit(&w);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, CAMERA(2)).address, FIRST);
    /* another kind of machine at that circuit */
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 3, .giaddr = IP(192, 168, 1, 1),
                           .relay = span_of("\x01\x02\x00\x01", 4))
                         .address,
                     FIRST + 1);
}

/* ---- several subnets on a link ------------------------------------------------------------------------ */

static int open_shared(void **state)
{
    (void)state;
    world_open(&w, "authoritative = true"
                   " subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10\" } shared-network = \"floor\""
                   "  routers = { \"192.168.1.1\" } }"
                   " subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10\" } shared-network = \"floor\""
                   "  routers = { \"192.168.2.1\" }"
                   "  host \"h\" { hardware = \"02:00:00:00:00:07\" address = \"192.168.2.77\" } }"
                   " subnet \"192.168.3.0/24\" { pool = { \"192.168.3.10\" } }");
    return 0;
}

static void clients_get_addresses_of_any_subnet_of_their_link(void **state)
{
    (void)state;
    const uint32_t second = IP(192, 168, 2, 10);
    assert_int_equal(world_lease(&w, 1), FIRST);
    TELL(.type = DHCP4_DISCOVER, .mac = 2);
    assert_int_equal(reply.fixed.yiaddr, second);
    assert_option(DHCP4_OPTION_ROUTERS, "\xc0\xa8\x02\x01");
    assert_int_equal(world_lease(&w, 2), second);
    assert_int_equal(world_lease(&w, 3), 0);
    assert_int_equal(world_lease(&w, 7), IP(192, 168, 2, 77));
    /* it stays there, and asked again gets the same */
    assert_int_equal(HEARS(.type = DHCP4_REQUEST, .mac = 2, .ciaddr = second).answer, DHCP4_ANSWER_ACK);
    world_commit(&w);
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 2, .requested = FIRST).address, second);
    /* another link is another network */
    assert_int_equal(HEARS(.type = DHCP4_REQUEST, .mac = 2, .requested = IP(192, 168, 3, 10)).answer,
                     DHCP4_ANSWER_NAK);
    /* a relay in the other subnet is on the link, too */
    assert_int_equal(HEARS(.type = DHCP4_DISCOVER, .mac = 1, .giaddr = IP(192, 168, 2, 1)).address, FIRST);
}

/* ---- what the configuration must not say ----------------------------------------------------------------
 */

static void refused(const char *inside)
{
    assert_null(settings_of(inside));
}

static void classes_are_checked(void **state)
{
    (void)state;
    refused("subnet \"192.168.1.0/24\" { host \"h\" { class = \"none\" } }");
    refused("subnet \"192.168.1.0/24\" { host \"h\" { duid = \"0x\" } }");
    refused(
        "subnet \"192.168.1.0/24\" { host \"h\" { duid = \"00:03:00\" hardware = \"02:00:00:00:00:01\" } }");
    world_open(&w, "");
    refused("class \"a\" { }");
    refused("class \"a\" { match-hardware = { \"0g\" } }");
    refused("class \"a\" { match-option = { \"256 x\" } }");
    refused("class \"a\" { match-option = { \"60.1 x\" } }");
    refused("class \"a\" { match-option = { \"60 0x1\" } }");
    refused("subnet \"192.168.1.0/24\" { class-pool \"none\" { pool = { \"192.168.1.9\" } } }");
    refused("class \"a\" { match-option = { \"60\" } } subnet \"192.168.1.0/24\" { pool = { "
            "\"192.168.1.5-192.168.1.9\" }"
            " class-pool \"a\" { pool = { \"192.168.1.9\" } } }");
    refused("class \"a\" { match-option = { \"60\" } } subnet \"192.168.1.0/24\" {"
            " class-pool \"a\" { pool = { \"192.168.2.9\" } } }");
    refused("subnet \"192.168.1.0/24\" { host \"h\" { } }");
    refused("subnet \"192.168.1.0/24\" { host \"h\" { client-id = \"x\" remote-id = \"y\" } }");
}

#define TEST(name, open) cmocka_unit_test_setup_teardown(name, open, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(boot_clients_get_the_file_of_their_architecture, open_classes),
        TEST(boot_clients_find_themselves_in_the_answer, open_classes),
        TEST(clients_that_forget_the_flag_are_reached, open_broken),
        TEST(the_first_class_of_the_file_counts, open_classes),
        TEST(a_class_has_addresses_of_its_own, open_classes),
        TEST(a_client_has_one_lease_on_a_link, open_classes),
        TEST(a_host_outranks_its_classes, open_classes),
        TEST(any_option_makes_a_class, open_classes),
        TEST(a_host_is_known_by_what_it_or_its_relay_sends, open_hosts),
        TEST(a_host_is_known_by_its_duid_on_each_of_its_interfaces, open_hosts),
        TEST(a_host_is_the_first_that_comes_of_its_class, open_hosts),
        TEST(clients_get_addresses_of_any_subnet_of_their_link, open_shared),
        cmocka_unit_test_teardown(classes_are_checked, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
