#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lab/scenario.h"
#include "wire/dhcp4.h"

static struct scenario s;
static struct arena arena;

static int open_arena(void **state)
{
    (void)state;
    arena_open(&arena, 4096, 1 << 20);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_close(&arena);
    return 0;
}

static bool parse(const char *text)
{
    return scenario_parse(&s, span_text(text), &arena);
}

static void assert_span(struct span got, const char *wanted)
{
    assert_int_equal(got.len, strlen(wanted));
    assert_memory_equal(got.at, wanted, got.len);
}

#define HOSTS  "host client\nhost server\n"
#define REST   "link client server\ncapture client\n"
#define ACTION "play client dhcp-acquire\n"

static void a_whole_scenario(void **state)
{
    (void)state;
    assert_true(parse("# the lab\n"
                      "title \"Two # hosts\"  # said shortly\r\n"
                      "\n"
                      "host client\n"
                      "  hardware 00:0c:29:59:fd:21\n"
                      "host server\n"
                      "\taddress 192.168.1.5/24\n"
                      "  address 2001:db8::5/64\n"
                      "  serve\n"
                      "    dhcpd {  # as it stands\n"
                      "    }\n"
                      "  end\n"
                      "link client server\n"
                      "capture server\n"
                      "capture client as other.side\n"
                      "play client dhcp-acquire\n"
                      "  requested-address 192.168.100.129\n"
                      "  host-name \"ubuntu 2\"\n"
                      "  parameter-request-list 1 28 2\n"
                      "  client-identifier 01:00:0c:29\n"
                      "  broadcast\n"
                      "  within 250ms\n"
                      "expect client -> everyone DISCOVER host-name=\"ubuntu 2\" flags=unicast\n"
                      "expect server -> client OFFER"));
    assert_span(s.title, "Two # hosts");
    assert_int_equal(s.host_count, 2);
    assert_span(s.hosts[0].name, "client");
    assert_memory_equal(s.hosts[0].hardware, "\x00\x0c\x29\x59\xfd\x21", 6);
    assert_int_equal(s.hosts[0].address_count, 0);
    assert_int_equal(s.hosts[1].hardware[0] & 3, 2); /* one that was made up is locally administered */
    assert_int_equal(s.hosts[1].address_count, 2);
    assert_int_equal(address_to_ip4(s.hosts[1].addresses[0].address), 0xc0a80105);
    assert_int_equal(s.hosts[1].addresses[0].bits, 24);
    assert_int_equal(s.hosts[1].addresses[1].bits, 64);
    assert_span(s.hosts[1].serve, "    dhcpd {  # as it stands\n    }\n");
    assert_int_equal(s.hosts[1].serve_line, 10);
    assert_int_equal(s.link_count, 1);
    assert_int_equal(s.links[0].host_count, 2);
    assert_int_equal(s.capture_count, 2);
    assert_int_equal(s.captures[0].host, 1);
    assert_span(s.captures[1].name, "other.side");
    const struct scenario_step *step = &s.steps[0];
    assert_int_equal(s.step_count, 1);
    assert_true(step->dhcp.broadcast && step->within_ms == 250 && step->line == 16);
    assert_int_equal(step->dhcp.option_count, 4);
    assert_int_equal(step->dhcp.options[0].code, DHCP4_OPTION_REQUESTED_ADDRESS);
    assert_span(step->dhcp.options[0].value, "\xc0\xa8\x64\x81");
    assert_span(step->dhcp.options[1].value, "ubuntu 2");
    assert_span(step->dhcp.options[2].value, "\x01\x1c\x02");
    assert_int_equal(step->dhcp.options[3].value.len, 4);
    assert_int_equal(s.expect_count, 2);
    assert_int_equal(s.expects[0].to, SCENARIO_EVERYONE);
    assert_int_equal(s.expects[0].field_count, 2);
    assert_span(s.expects[0].fields[0].name, "host-name");
    assert_span(s.expects[0].fields[0].value, "ubuntu 2");
    assert_int_equal(s.expects[1].from, 1);
    assert_int_equal(s.expects[1].to, 0);
    assert_span(s.expects[1].word, "OFFER");
}

/* What is wrong is told with its line; the remedy says what would be right. */
static void every_error_has_its_line_and_its_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line;
        const char *what, *remedy;
    } cases[] = {
        { HOSTS REST ACTION "lnk client server", 6, "lnk", "link" },
        { HOSTS REST ACTION "hostname x", 6, "hostname", "host-name" },
        { "hardware 00:0c:29:59:fd:21\n", 1, "hardware", "host NAME" },
        { "host client\nhardware 00:0c:29", 2, "00:0c:29", "00:0c:29:59:fd:21" },
        { "host client\nhardware 01:0c:29:59:fd:21", 2, "01:0c", "even" },
        { "host client\naddress 192.168.1.5", 2, "192.168.1.5", "/24" },
        { "host client\naddress 192.168.1.5/33", 2, "/33", "/24" },
        { "host client\naddress 192.168.1.5/0", 2, "/0", "/24" },
        { "host client\naddress 192.168.1.300/24", 2, "300", "/24" },
        { "host client\nhost client", 2, "client", "own" },
        { "host everyone", 1, "everyone", "name" },
        { "host ../x", 1, "../x", "name" },
        { "host .x", 1, ".x", "name" },
        { "host", 1, "too few", "host client" },
        { "host a b", 1, "too many", "host client" },
        { "host client\nserve\ndhcpd {\n}\n", 2, "no end", "end" },
        { "host client\nserve\nend\nserve\nend\n", 4, "already", "one" },
        { HOSTS "link client sever", 3, "sever", "server" },
        { HOSTS "link client", 3, "too few", "link client server" },
        { HOSTS "link client client", 3, "linked already", "once" },
        { HOSTS "capture nobody", 3, "nobody", "did you mean" },
        { HOSTS "capture client as", 3, "where", "as seen" },
        { HOSTS "capture client as ../../x", 3, "where", "as seen" },
        { HOSTS "capture client in x", 3, "where", "as seen" },
        { HOSTS "capture client\ncapture server", 4, "same file", "as other" },
        { HOSTS "play client dhcp-aquire", 3, "dhcp-aquire", "dhcp-acquire" },
        { HOSTS "within 10s", 3, "within", "play" },
        { HOSTS ACTION "within 10", 4, "10", "10s" },
        { HOSTS ACTION "within 0s", 4, "0s", "10s" },
        { HOSTS ACTION "within 601s", 4, "601s", "ten minutes" },
        { HOSTS ACTION "within 99999999999999999999s", 4, "999", "ten minutes" },
        { HOSTS ACTION "requested-address 192.168.1", 4, "requested-address", "192.168.1.10" },
        { HOSTS ACTION "parameter-request-list 1 256", 4, "parameter-request-list", "1 3 6" },
        { HOSTS ACTION "client-identifier 01:0", 4, "client-identifier", "01:00" },
        { HOSTS ACTION "host-name", 4, "host-name", "ubuntu2" },
        { HOSTS ACTION "message-type 1", 4, "itself", "leave it out" },
        { HOSTS "expect client - server DISCOVER", 3, "arrow", "->" },
        { HOSTS "expect client -> server", 3, "too few", "expect client" },
        { HOSTS "expect client -> server DISCOVERY", 3, "DISCOVERY", "DISCOVER" },
        { HOSTS "expect client -> server DISCOVER host-nam=x", 3, "host-nam", "host-name" },
        { HOSTS "expect client -> server DISCOVER host-name", 3, "host-name", "yiaddr=" },
        { HOSTS "capture client\n" ACTION, 1, "linked to nobody", "link" },
        { HOSTS "link client server\n" ACTION, 0, "nothing would be recorded", "capture" },
        { HOSTS REST, 0, "nothing would happen", "play" },
        { "", 0, "no host", "host" },
        { "\x01\xff\n", 1, "??", "did you mean" },
        { "title \"A client\nhost client\n", 1, "open", "close it" },
        { HOSTS "expect client -> server DISCOVER host-name=\"a b", 3, "open", "close it" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_false(parse(cases[i].text));
        const struct scenario_problem *p = &s.problems[0];
        if (p->line != cases[i].line || !strstr(p->problem.what, cases[i].what) ||
            !strstr(p->problem.remedy, cases[i].remedy))
            fail_msg("case %zu: line %u: %s (%s)", i, p->line, p->problem.what, p->problem.remedy);
    }
}

static void all_errors_come_in_one_run_up_to_a_bound(void **state)
{
    (void)state;
    assert_false(parse("host a\nhardware x\naddress y\nlink a b\nexpect a -> b FOO bar=1\n"));
    assert_int_equal(s.problem_count, 6); /* hardware, address, b, b, FOO, bar */
    /* of a step that nobody knows, only that is told: what follows is its own */
    assert_false(
        parse(HOSTS "play client dns-qury\nserver 10.0.0.1\nwithin x\naddress y\nexpect client - x y\n"));
    assert_int_equal(s.problem_count, 4); /* dns-qury, the arrow, x, y */
    assert_int_equal(s.problems[1].line, 7);
    char many[4096];
    struct writer w = writer_over(many, sizeof many - 1);
    for (int i = 0; i < 200; i++)
        write_text(&w, "host .\n");
    many[writer_length(&w)] = 0;
    assert_false(parse(many));
    assert_int_equal(s.problem_count, SCENARIO_PROBLEMS_MAX);
}

/* Bounds: the last one that fits, and the first one that does not. */
static void assert_bound(const char *before, const char *line, size_t most)
{
    static char text[1 << 18];
    for (size_t more = 0; more < 2; more++) {
        struct writer w = writer_over(text, sizeof text - 1);
        write_text(&w, before);
        for (size_t i = 0; i < most + more; i++)
            write_text(&w, line);
        text[writer_length(&w)] = 0;
        assert_true(writer_ok(&w));
        assert_int_equal(parse(text), more == 0);
    }
}

static void every_list_has_its_bound(void **state)
{
    (void)state;
    assert_bound(HOSTS REST ACTION "host x\naddress 10.0.0.1/8\nhost y\nlink x y\nhost z\nhost q\nlink z q\n",
                 ACTION, SCENARIO_STEPS_MAX - 1);
    assert_bound(HOSTS REST ACTION, "host-name a\n", CLIENT_DHCP_OPTIONS_MAX);
    assert_bound(HOSTS REST ACTION, "expect client -> server ACK\n", SCENARIO_EXPECTS_MAX);
    assert_bound(HOSTS REST ACTION "expect client -> server ACK", " secs=0", SCENARIO_FIELDS_MAX);
    char hosts[1024] = "";
    for (unsigned more = 0; more < 2; more++) {
        struct writer w = writer_over(hosts, sizeof hosts - 1);
        for (unsigned i = 0; i < SCENARIO_HOSTS_MAX + more; i++) {
            write_text(&w, "host h");
            write_decimal(&w, i);
            write_u8(&w, '\n');
        }
        write_text(&w, "link");
        for (unsigned i = 0; i < SCENARIO_HOSTS_MAX + more; i++) {
            write_text(&w, " h");
            write_decimal(&w, i);
        }
        write_text(&w, "\ncapture h0\nplay h1 dhcp-acquire\n");
        hosts[writer_length(&w)] = 0;
        assert_int_equal(parse(hosts), more == 0);
    }
}

static void a_file_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char *long_text = malloc(SCENARIO_BYTES_MAX + 1);
    assert_non_null(long_text);
    memset(long_text, '#', SCENARIO_BYTES_MAX + 1);
    assert_false(scenario_parse(&s, span_of(long_text, SCENARIO_BYTES_MAX + 1), &arena));
    assert_non_null(strstr(s.problems[0].problem.what, "longer"));
    free(long_text);
}

static void lines_and_titles_are_found(void **state)
{
    (void)state;
    struct span text = span_text("one\r\ntwo\n\nfour");
    assert_span(scenario_line(text, 1), "one");
    assert_span(scenario_line(text, 2), "two");
    assert_span(scenario_line(text, 3), "");
    assert_span(scenario_line(text, 4), "four");
    assert_span(scenario_line(text, 0), "");
    assert_span(scenario_title(span_text("nonsense\ntitle \"A b\"")), "A b");
    assert_span(scenario_title(span_text("host x")), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_scenario, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(every_error_has_its_line_and_its_remedy, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(all_errors_come_in_one_run_up_to_a_bound, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(every_list_has_its_bound, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(a_file_that_is_too_long_is_refused, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(lines_and_titles_are_found, open_arena, close_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
