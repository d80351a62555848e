#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config.h"

#include <stdio.h>
#include <stdlib.h>

static const struct config_key host_keys[] = {
    { .name = "hardware",
      .type = CONFIG_HARDWARE,
      .flags = CONFIG_REQUIRED,
      .example = "hardware = \"00:0c:29:59:fd:21\"" },
    { .name = "address", .type = CONFIG_ADDRESS4, .example = "address = \"192.168.1.50\"" },
    { 0 },
};

static const struct config_key subnet_keys[] = {
    { .name = "pool",
      .type = CONFIG_RANGE4,
      .flags = CONFIG_LIST,
      .example = "pool = { \"192.168.1.10-192.168.1.19\" }" },
    { .name = "lease-time",
      .type = CONFIG_DURATION,
      .otherwise = "1h",
      .least = 60,
      .most = 31536000,
      .help = "How long.",
      .example = "lease-time = \"10m\"",
      .reference = "RFC 2131" },
    { .name = "host", .type = CONFIG_SECTION, .flags = CONFIG_TITLED, .keys = host_keys },
    { 0 },
};

static const struct config_key dhcpd_keys[] = {
    { .name = "listen", .type = CONFIG_LISTEN, .flags = CONFIG_LIST, .example = "listen = { \"eth0\" }" },
    { .name = "subnet",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_PREFIX4,
      .keys = subnet_keys,
      .example = "subnet \"192.168.1.0/24\" { }" },
    { 0 },
};

static const struct config_key root_keys[] = {
    { .name = "state", .type = CONFIG_PATH, .otherwise = "./state", .example = "state = \"./state\"" },
    { .name = "names", .type = CONFIG_TEXT, .flags = CONFIG_LIST, .otherwise = "{ \"a\", \"b\" }" },
    { .name = "wait", .type = CONFIG_DURATION, .flags = CONFIG_MS, .otherwise = "250ms" },
    { .name = "flag", .type = CONFIG_FLAG },
    { .name = "count", .type = CONFIG_NUMBER, .least = 1, .most = 10 },
    { .name = "size", .type = CONFIG_SIZE },
    { .name = "mode", .type = CONFIG_CHOICE, .choices = "slow fast" },
    { .name = "address", .type = CONFIG_ADDRESS },
    { .name = "prefix", .type = CONFIG_PREFIX },
    { .name = "to", .type = CONFIG_ENDPOINT },
    { .name = "domain", .type = CONFIG_DOMAIN },
    { .name = "dhcpd", .type = CONFIG_SECTION, .keys = dhcpd_keys },
    { 0 },
};

/* The problems as a person sees them; free() it. */
static char *problems_of(const char *text, size_t *count)
{
    char *out = NULL;
    size_t len;
    FILE *f = open_memstream(&out, &len);
    struct config *c = config_read_text(span_text(text), "/lab/lab.conf", root_keys);
    assert_non_null(c);
    config_print_problems(c, f);
    fclose(f);
    if (count)
        *count = config_problem_count(c);
    config_close(c);
    return out;
}

static void assert_problem(const char *text, const char *expected)
{
    size_t count;
    char *out = problems_of(text, &count);
    if (!strstr(out, expected))
        fail_msg("expected \"%s\" in:\n%s", expected, out);
    assert_int_equal(count, 1);
    free(out);
}

static struct config *good(const char *text)
{
    struct config *c = config_read_text(span_text(text), "/lab/lab.conf", root_keys);
    assert_non_null(c);
    if (!config_ok(c))
        config_print_problems(c, stderr);
    assert_true(config_ok(c));
    return c;
}

static void places_are_right_behind_comments_and_inside_sections(void **state)
{
    (void)state;
    assert_problem("# one\n# two\n/* three\n   four */ // five\nstatte = \"x\"\n",
                   "/lab/lab.conf:5:1: unknown key \"statte\"");
    assert_problem("dhcpd { # c\n  # c\n  subnet \"192.168.1.0/24\" {\n    pool = { \"192.168.1.10\", # c\n"
                   "             \"192.168.1.300\" }\n  }\n}\n",
                   "/lab/lab.conf:5:15: dhcpd > subnet \"192.168.1.0/24\" > pool: \"192.168.1.300\" is not "
                   "an IPv4 address");
    assert_problem("dhcpd {\n\tsubnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.9\" } }\n}\n",
                   ":2:38: ");
}

static void the_line_is_shown_with_the_part_that_is_wrong(void **state)
{
    (void)state;
    assert_problem(
        "dhcpd { listen = { \"1.2.3.4\" } }",
        "    1 | dhcpd { listen = { \"1.2.3.4\" } }\n      |                     ^^^^^^^ 192.168.1.1:53\n");
}

static void the_nearest_key_is_named(void **state)
{
    (void)state;
    assert_problem("dhcpd { subnet \"10.0.0.0/8\" { lease-tme = \"1h\" } }",
                   "did you mean \"lease-time\"? keys of subnet: pool, lease-time, host");
    assert_problem("dhcpd { lsiten = { \"eth0\" } }", "did you mean \"listen\"?");
    size_t count;
    char *out = problems_of("zzzzzz = 1\n", &count);
    assert_null(strstr(out, "did you mean"));
    free(out);
}

static void all_errors_come_in_one_run(void **state)
{
    size_t count;
    (void)state;
    char *out = problems_of(
        "colour = 1\ncount = 11\nflag = maybe\nmode = medium\nsize = \"10\"\nstate = \"a\"\nstate = \"b\"\n"
        "dhcpd { subnet { } subnet \"10.0.0.1/8\" { host \"h\" { } } nothing { deep = 1 } }\n",
        &count);
    assert_int_equal(count, 10);
    static const char *const expected[] = {
        ":1:1: unknown key \"colour\"",
        ":2:9: count: \"11\" is too large",
        "1 to 10",
        ":3:8: flag: \"maybe\" is neither",
        ":4:8: mode: \"medium\"",
        ":5:9: size: \"10\" has no unit",
        ":7:1: \"state\" is here a second time",
        "the first is in line 6",
        "needs a title",
        "has bits set behind its length",
        "the network itself is 10.0.0.0/8",
        "\"hardware\" is missing",
        "unknown key \"nothing\"",
    };
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        if (!strstr(out, expected[i]))
            fail_msg("expected \"%s\" in:\n%s", expected[i], out);
    free(out);
}

static void broken_structure_is_refused_where_it_breaks(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "dhcpd {\n", ":1:1: dhcpd: the section \"dhcpd\" is not closed" },
        { "state \"x\"\n", ":1:1: after \"state\" = or { is missing" },
        { "state = \n", "a value is missing here" },
        { "state = \"x\n", ":1:9: this string has no end" },
        { "names = { \"a\" \"b\" }\n", ":1:16: a comma is missing" },
        { "names = { \"a\",\n", "this list is not closed" },
        { "}\n", ":1:1: this } closes nothing" },
        { "state = \"x\" ; \n", ":1:13: this character has no meaning here" },
        { "/* never closed\n", ":1:1: this comment has no end" },
        { "state = \"a\\nb\"\n", "a backslash cannot stand in a string" },
        { "state = \"${HOME}\"\n", "cannot stand in a string" },
        { "state { }\n", "\"state\" is no section" },
        { "dhcpd = 1\n", "is a section and takes no value" },
        { "dhcpd \"title\" { }\n", "takes no title" },
        { "state = { \"a\", \"b\" }\n", "takes one value, not a list" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count;
        char *out = problems_of(cases[i].text, &count);
        if (!strstr(out, cases[i].expected) || !count)
            fail_msg("%s: expected \"%s\" in:\n%s", cases[i].text, cases[i].expected, out);
        free(out);
    }
}

static void bytes_that_are_no_text_are_survived(void **state)
{
    static const char nul[] = "state = \"a\0b\"\n";
    (void)state;
    struct config *c = config_read_text(span_of(nul, sizeof nul - 1), "x.conf", root_keys);
    assert_false(config_ok(c));
    config_close(c);
    size_t count;
    char *out = problems_of("state = \"a\"\n\xff\xfe\x1b[31m = 1\n", &count);
    assert_null(strchr(out, 0x1b));
    assert_true(count > 0);
    free(out);
}

static void nesting_has_a_bound(void **state)
{
    size_t count, at = 0, room = 100000;
    char *text = malloc(room), *out;
    (void)state;
    while (at + 16 < room) {
        memcpy(text + at, "dhcpd { ", 8);
        at += 8;
    }
    text[at] = 0;
    out = problems_of(text, &count);
    assert_true(count > 0 && count < 60);
    free(out);
    free(text);
}

static void values_of_every_type(void **state)
{
    (void)state;
    struct config *c =
        good("wait = \"2s\" flag = true count = 10 size = \"64KiB\" mode = fast address = \"2001:db8::1\"\n"
             "prefix = \"10.0.0.0/8\" to = \"[::1]:53\" domain = \"contoso.local.\" state = \"/var/x\"\n"
             "dhcpd { listen = \"eth0\" subnet \"192.168.1.0/24\" { pool = { '192.168.1.10-192.168.1.19', "
             "\"192.168.1.40\" } lease-time = \"1d\"\n"
             "  host \"printer\" { hardware = \"00:0C:29:59:fd:21\" address = 192.168.1.50 } } }\n");
    const struct config_section *r = config_root(c), *d = config_section(r, "dhcpd");
    size_t count;
    assert_int_equal(config_number(r, "wait"), 2000);
    assert_true(config_flag(r, "flag"));
    assert_int_equal(config_number(r, "count"), 10);
    assert_int_equal(config_number(r, "size"), 65536);
    assert_int_equal(config_number(r, "mode"), 1);
    assert_int_equal(config_value(r, "address")->endpoint.address.family, FAMILY_IP6);
    assert_int_equal(config_value(r, "prefix")->prefix.bits, 8);
    assert_int_equal(config_value(r, "to")->endpoint.port, 53);
    assert_string_equal(config_text(r, "state"), "/var/x");
    const struct config_value *listen = config_list(d, "listen", &count);
    assert_int_equal(count, 1);
    assert_int_equal(listen->endpoint.address.family, FAMILY_NONE);
    const struct config_section *const *subnets = config_sections(d, "subnet", &count);
    assert_int_equal(count, 1);
    assert_int_equal(config_title(subnets[0])->prefix.bits, 24);
    const struct config_value *pool = config_list(subnets[0], "pool", &count);
    assert_int_equal(count, 2);
    assert_int_equal(pool[0].last, 0xc0a80113);
    assert_int_equal(pool[1].first, 0xc0a80128);
    assert_int_equal(pool[1].last, 0xc0a80128);
    const struct config_section *const *hosts = config_sections(subnets[0], "host", &count);
    assert_int_equal(config_value(hosts[0], "hardware")->hardware[1], 0x0c);
    config_close(c);
}

static void defaults_count_where_nothing_is_written(void **state)
{
    (void)state;
    struct config *c = good("dhcpd { subnet \"10.0.0.0/8\" { } }");
    const struct config_section *r = config_root(c);
    size_t count;
    assert_string_equal(config_text(r, "state"), "/lab/./state");
    assert_int_equal(config_number(r, "wait"), 250);
    const struct config_value *names = config_list(r, "names", &count);
    assert_int_equal(count, 2);
    assert_string_equal(names[1].text, "b");
    assert_null(config_value(r, "count"));
    const struct config_section *subnet = config_sections(config_section(r, "dhcpd"), "subnet", &count)[0];
    assert_int_equal(config_number(subnet, "lease-time"), 3600);
    config_close(c);
}

static void bad_values_of_every_type(void **state)
{
    static const char *const cases[] = {
        "count = abc",
        "count = 0",
        "wait = \"5\"",
        "wait = \"5 minutes\"",
        "size = \"10XB\"",
        "flag = yes",
        "mode = f",
        "address = 1.2.3",
        "address = \"1.2.3.4.5\"",
        "prefix = \"10.0.0.0/33\"",
        "prefix = \"10.1.0.0/8\"",
        "to = \"1.2.3.4\"",
        "to = \"1.2.3.4:70000\"",
        "to = \"::1:53\"",
        "domain = \"a..b\"",
        "domain = \"\"",
        "state = \"\"",
        "count = 99999999999999999999",
        "wait = \"99999999999999999999s\"",
        "dhcpd { subnet \"10.0.0.0/8\" { lease-time = \"1s\" } }",
        "dhcpd { subnet \"10.0.0.0/8\" { lease-time = \"9999w\" } }",
        "dhcpd { subnet \"10.0.0.0/8\" { host \"h\" { hardware = \"00:0c:29\" address = \"::1\" } } }",
        "dhcpd { subnet \"10.0.0.0/8\" { host \"h\" { hardware = \"0:c:29\" } } }",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count;
        char *out = problems_of(cases[i], &count);
        if (count != 1 || !strstr(out, "^"))
            fail_msg("%s: %zu problems:\n%s", cases[i], count, out);
        free(out);
    }
}

static void what_is_in_force_can_be_read_again(void **state)
{
    (void)state;
    struct config *c =
        good("count = 3 dhcpd { listen = { \"eth0\", \"127.0.0.1:67\" } subnet \"10.0.0.0/8\" { pool = "
             "\"10.0.0.1-10.0.0.9\" host \"h\" { hardware = \"02:00:00:00:00:01\" } } }");
    char *first, *second;
    size_t len;
    FILE *f = open_memstream(&first, &len);
    config_print_effective(c, f);
    fclose(f);
    config_close(c);
    c = good(first);
    f = open_memstream(&second, &len);
    config_print_effective(c, f);
    fclose(f);
    config_close(c);
    /* a default that was printed is written in the file the second time: only that mark may differ */
    for (char *mark; (mark = strstr(first, "  # default"));)
        memmove(mark, mark + 11, strlen(mark + 11) + 1);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void a_servers_own_check_is_told_in_the_same_form(void **state)
{
    char *out;
    size_t len, count;
    (void)state;
    struct config *c = good("dhcpd {\n  subnet \"10.0.0.0/8\" { pool = \"11.0.0.1\" }\n}\n");
    const struct config_section *s =
        config_sections(config_section(config_root(c), "dhcpd"), "subnet", &count)[0];
    config_problem(c, s, config_value(s, "pool"), "10.0.0.1", "%s is outside of the subnet", "11.0.0.1");
    assert_false(config_ok(c));
    FILE *f = open_memstream(&out, &len);
    config_print_problems(c, f);
    fclose(f);
    assert_non_null(strstr(
        out, "/lab/lab.conf:2:33: dhcpd > subnet \"10.0.0.0/8\" > pool: 11.0.0.1 is outside of the subnet"));
    free(out);
    config_close(c);
}

static void help_finds_a_key_by_its_path_or_its_name(void **state)
{
    char *out;
    size_t len;
    (void)state;
    FILE *f = open_memstream(&out, &len);
    assert_true(config_help(root_keys, "subnet.lease-time", f));
    assert_true(config_help(root_keys, "lease-time", f));
    assert_false(config_help(root_keys, "lease-tiem", f));
    assert_false(config_help(root_keys, "host.lease-time", f));
    fclose(f);
    assert_non_null(strstr(out, "dhcpd.subnet.lease-time"));
    assert_non_null(strstr(out, "default: 1h"));
    assert_non_null(strstr(out, "RFC 2131"));
    assert_non_null(strstr(out, "did you mean \"lease-time\"?"));
    free(out);
}

static void many_sections_are_read(void **state)
{
    size_t room = 4 << 20, at = 0, count;
    char *text = malloc(room);
    (void)state;
    at += (size_t)snprintf(text, room, "dhcpd {\n");
    for (unsigned i = 0; i < 20000; i++)
        at += (size_t)snprintf(text + at, room - at, "subnet \"%u.%u.%u.0/24\" { lease-time = \"10m\" }\n",
                               10 + (i >> 16), i >> 8 & 255, i & 255);
    snprintf(text + at, room - at, "}\n");
    struct config *c = good(text);
    config_sections(config_section(config_root(c), "dhcpd"), "subnet", &count);
    assert_int_equal(count, 20000);
    config_close(c);
    free(text);
}

/* However far behind the first of its title. */
static void a_repeated_title_is_found_among_many(void **state)
{
    size_t room = 1 << 20, at = 0;
    char *text = malloc(room);
    (void)state;
    for (unsigned i = 0; i < 3000; i++)
        at += (size_t)snprintf(text + at, room - at, "subnet \"10.%u.%u.0/24\" {}\n", i >> 8, i & 255);
    char *whole = malloc(room);
    snprintf(whole, room, "dhcpd {\n%ssubnet \"10.0.1.0/24\" {}\n}\n", text);
    struct config *c = config_read_text(span_text(whole), "many.conf", root_keys);
    assert_int_equal(config_problem_count(c), 1);
    config_close(c);
    free(whole);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_right_behind_comments_and_inside_sections),
        cmocka_unit_test(the_line_is_shown_with_the_part_that_is_wrong),
        cmocka_unit_test(the_nearest_key_is_named),
        cmocka_unit_test(all_errors_come_in_one_run),
        cmocka_unit_test(broken_structure_is_refused_where_it_breaks),
        cmocka_unit_test(bytes_that_are_no_text_are_survived),
        cmocka_unit_test(nesting_has_a_bound),
        cmocka_unit_test(values_of_every_type),
        cmocka_unit_test(defaults_count_where_nothing_is_written),
        cmocka_unit_test(bad_values_of_every_type),
        cmocka_unit_test(what_is_in_force_can_be_read_again),
        cmocka_unit_test(a_servers_own_check_is_told_in_the_same_form),
        cmocka_unit_test(help_finds_a_key_by_its_path_or_its_name),
        cmocka_unit_test(many_sections_are_read),
        cmocka_unit_test(a_repeated_title_is_found_among_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
