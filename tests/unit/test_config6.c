#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef assert /* cmocka's */
#include "dhcp_world.h"

/* What `check` would say of this section, in `said`. */
static char said[8192];

static struct dhcp_settings *read_section(const char *section)
{
    static const struct config_key root[] = {
        { .name = "dhcpd", .type = CONFIG_SECTION, .keys = dhcpd_keys, .help = "server" }, { .name = NULL }
    };
    struct config *c = config_read_text(span_text(section), "lab.conf", root);
    const struct config_section *s = config_section(config_root(c), "dhcpd");
    struct dhcp_settings *settings = config_ok(c) ? dhcpd_configure(c, s) : NULL;
    memset(said, 0, sizeof said);
    FILE *out = fmemopen(said, sizeof said - 1, "w");
    config_print_problems(c, out);
    config_print_warnings(c, out);
    fclose(out);
    config_close(c);
    return settings;
}

static void assert_problem(const char *inside, const char *what)
{
    char section[1024];
    snprintf(section, sizeof section, "dhcpd { listen = { \"eth0\" }\n%s\n}\n", inside);
    assert_null(read_section(section));
    if (!strstr(said, what))
        fail_msg("%s\nsays\n%s\nnot\n%s", inside, said, what);
}

#define SUBNET(inside) "subnet6 \"2001:db8:1:2::/64\" { " inside " }"

static void what_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *inside, *what;
    } cases[] = {
        { "subnet6 \"10.0.0.0/8\" { }", "\"10.0.0.0/8\" is no IPv6 network" },
        { SUBNET("pool = { \"2001:db8:1:2::1-x\" }"), "\"2001:db8:1:2::1-x\" is not a range of addresses" },
        { SUBNET("pool = { \"10.0.0.1\" }"), "\"10.0.0.1\" is not a range of addresses" },
        { SUBNET("pool = { \"2001:db8:1:2::2-2001:db8:1:2::1\" }"), "ends before it begins" },
        { SUBNET("pool = { \"2001:db8:1:2::1-2001:db8:1:3::1\" }"), "reaches out of 2001:db8:1:2::/64" },
        { SUBNET("pool = { \"2001:db8:1:2::-2001:db8:1:2::1\" }"), "RFC 4291 2.6.1" },
        { "subnet6 \"2001:db8::/32\" { pool = { \"2001:db8:1::1-2001:db8:2::1\" } }",
          "is larger than a /64" },
        { SUBNET("pool = { \"2001:db8:1:2::1-2001:db8:1:2::9\", \"2001:db8:1:2::5\" }"),
          "two ranges of the pool have addresses in common" },
        { SUBNET("preferred-lifetime = \"2h\""), "preferred-lifetime is longer than valid-lifetime" },
        { SUBNET("rebind-time = \"2h\""), "rebind-time is longer than valid-lifetime" },
        { SUBNET("renew-time = \"50m\""), "renew-time is longer than rebind-time" },
        { SUBNET("dns-servers = { \"10.0.0.1\" }"), "\"10.0.0.1\" is of IPv4" },
        { SUBNET("sol-max-rt = \"1s\""), "clients ignore \"1s\"" },
        { SUBNET("option \"3\" { hex = \"00\" }"), "option \"3\" cannot be set" },
        { SUBNET("option \"70000\" { hex = \"00\" }"), "option \"70000\" cannot be set" },
        { SUBNET("option \"200\" { hex = \"0\" }"), "\"0\" is not hexadecimal" },
        { SUBNET("option \"200\" { }"), "option \"200\" needs one value" },
        { SUBNET("host \"x\" { duid = \"0001\" }"), "\"0001\" is not a DUID" },
        { SUBNET("host \"x\" { }"), "host \"x\" is told by nothing" },
        { SUBNET("host \"x\" { duid = \"000102\" hardware = \"02:00:00:00:00:01\" }"),
          "is told by more than one thing" },
        { SUBNET("host \"x\" { hardware = \"02:00:00:00:00:01\" } host \"y\" { hardware = "
                 "\"02:00:00:00:00:01\" }"),
          "have the same hardware address" },
        { SUBNET("host \"x\" { duid = \"zz\" }"), "\"zz\" is not a DUID" },
        { SUBNET("host \"x\" { duid = \"000102\" address = \"2001:db8:9::1\" }"), "is no host's address in" },
        { SUBNET("host \"x\" { duid = \"000102\" } host \"y\" { duid = \"00:01:02\" }"),
          "have the same DUID" },
        { SUBNET("host \"x\" { duid = \"000102\" address = \"2001:db8:1:2::1\" }"
                 "host \"y\" { duid = \"000103\" address = \"2001:db8:1:2::1\" }"),
          "have the same address" },
        { "duid = \"00\"", "\"00\" is not a DUID" },
        { "subnet6 \"2001:db8::/32\" { } subnet6 \"2001:db8:1::/48\" { }",
          "2001:db8:1::/48 lies in 2001:db8::/32" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_problem(cases[i].inside, cases[i].what);
}

static void an_ipv6_address_without_a_subnet(void **state)
{
    (void)state;
    assert_null(read_section("dhcpd { listen = { \"[::1]:5470\" } }\n"));
    assert_non_null(strstr(said, "there is no IPv6 subnet whose clients could be served here"));
}

static void each_family_listens_where_it_can(void **state)
{
    (void)state;
    struct dhcp_settings *s = read_section("dhcpd { listen = { \"eth0\", \"127.0.0.1:67\", \"[::1]:547\" }\n"
                                           " subnet \"10.0.0.0/8\" { } subnet6 \"2001:db8::/64\" { } }\n");
    assert_non_null(s);
    assert_true(s->listen_count == 2 && s->six.listen_count == 2);
    dhcpd_forget(s);
    s = read_section("dhcpd { listen = { \"eth0\" } subnet6 \"2001:db8::/64\" { } }\n");
    assert_non_null(s);
    assert_true(s->listen_count == 0 && s->six.listen_count == 1);
    dhcpd_forget(s);
    s = read_section("dhcpd { listen = { \"eth0\" } subnet \"10.0.0.0/8\" { } }\n");
    assert_non_null(s);
    assert_true(s->listen_count == 1 && s->six.listen_count == 0);
    dhcpd_forget(s);
    s = read_section("dhcpd { listen = { \"127.0.0.1:67\" } subnet6 \"2001:db8::/64\" { } }\n");
    assert_non_null(s);
    assert_non_null(strstr(said, "no IPv6 subnet is served"));
    dhcpd_forget(s);
}

static void times_follow_from_each_other(void **state)
{
    (void)state;
    struct dhcp_settings *s = read_section("dhcpd { listen = { \"eth0\" } subnet6 \"2001:db8::/64\" { } }\n");
    const struct dhcp6_subnet *sn = s->six.subnets;
    assert_true(sn->valid_s == 3600 && sn->preferred_s == 3600 && sn->t1_s == 1800 && sn->t2_s == 2880);
    dhcpd_forget(s);
    s = read_section(
        "dhcpd { listen = { \"eth0\" }\n"
        " subnet6 \"2001:db8::/64\" { valid-lifetime = \"2h\" preferred-lifetime = \"50m\" } }\n");
    sn = s->six.subnets;
    assert_true(sn->valid_s == 7200 && sn->preferred_s == 3000 && sn->t1_s == 1500 && sn->t2_s == 2400);
    dhcpd_forget(s);
    s = read_section("dhcpd { listen = { \"eth0\" }\n"
                     " subnet6 \"2001:db8::/64\" { valid-lifetime = \"infinite\" } }\n");
    sn = s->six.subnets;
    assert_true(sn->valid_s == DHCP6_INFINITE && sn->t1_s == DHCP6_INFINITE && sn->t2_s == DHCP6_INFINITE);
    dhcpd_forget(s);
}

static void assert_option(const struct dhcp6_subnet *sn, uint16_t code, const char *bytes, size_t len)
{
    assert_true(span_equal(options6_find(&sn->options, code), span_of(bytes, len)));
}

static void options_by_name_and_number(void **state)
{
    (void)state;
    struct dhcp_settings *s = read_section(
        "dhcpd { listen = { \"eth0\" } subnet6 \"2001:db8::/64\" {\n"
        " dns-servers = { \"::1\" } domain-search = { \"a.b.\", \"c\" } boot-file-url = \"tftp://x\"\n"
        " boot-file-parameters = { \"ip=dhcp\", \"q\" }\n"
        " information-refresh-time = \"1d\" ntp-servers = { \"::2\" } option \"999\" { hex = \"01:02\" }\n"
        " option \"23\" { addresses = { \"::3\" } } } }\n");
    assert_non_null(s);
    const struct dhcp6_subnet *sn = s->six.subnets;
    assert_int_equal(sn->options.count, 7);
    assert_option(sn, 23, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\3", 16); /* what came last */
    assert_option(sn, 24, "\1a\1b\0\1c\0", 8);
    assert_option(sn, 32, "\0\1\x51\x80", 4);
    assert_option(sn, 56, "\0\1\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 20);
    assert_option(sn, 59, "tftp://x", 8);
    assert_option(sn, 60, "\0\7ip=dhcp\0\1q", 12);
    assert_option(sn, 999, "\1\2", 2);
    dhcpd_forget(s);
}

static void the_link_of_an_interface(void **state)
{
    (void)state;
    struct dhcp_settings *s = read_section("dhcpd { listen = { \"eth0\", \"eth1\" }\n"
                                           " subnet6 \"2001:db8:1::/64\" { }\n"
                                           " subnet6 \"2001:db8:2::/64\" { interface = \"eth1\" } }\n");
    const struct ip6 first = { UINT64_C(0x20010db800010000), 5 },
                     second = { UINT64_C(0x20010db800020000), 5 },
                     other = { UINT64_C(0x20010db800030000), 5 };
    const struct ip6 both[] = { other, first };
    assert_ptr_equal(subnet6_on(&s->six, "eth0", both, 2), &s->six.subnets[0]);
    assert_ptr_equal(subnet6_on(&s->six, "eth1", both, 2), &s->six.subnets[1]);
    assert_null(subnet6_on(&s->six, "eth0", &second, 1)); /* it is on another interface, so it says */
    assert_null(subnet6_on(&s->six, "eth0", &other, 1));
    assert_null(subnet6_on(&s->six, "eth0", NULL, 0));
    dhcpd_forget(s);
    s = read_section("dhcpd { listen = { \"eth0\" } subnet6 \"2001:db8:1::/64\" { } }\n");
    assert_ptr_equal(subnet6_on(&s->six, "eth0", NULL, 0), &s->six.subnets[0]); /* there is no other */
    assert_null(subnet6_on(&s->six, "eth0", &other, 1));
    dhcpd_forget(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be),
        cmocka_unit_test(an_ipv6_address_without_a_subnet),
        cmocka_unit_test(each_family_listens_where_it_can),
        cmocka_unit_test(times_follow_from_each_other),
        cmocka_unit_test(options_by_name_and_number),
        cmocka_unit_test(the_link_of_an_interface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
