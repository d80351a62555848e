#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_play.h"
#include "lab/client_real.h"

static struct client_play play;
static struct scenario_step step;
static struct client_real made;
static struct problem why;

static int tear_down(void **state)
{
    (void)state;
    play_close(&play);
    play.c = NULL;
    return 0;
}

static void begin(const struct client_type *type, const char *server)
{
    if (play.c)
        play_close(&play);
    play_open(&play, type);
    play_set(&play, "server", server);
    step = (struct scenario_step){ .kind = STEP_CLIENT, .type = type, .settings = play.settings };
}

static bool make(void)
{
    step.setting_count = play.setting_count;
    bool ok = client_real(&step, "eth0", "/tmp/host", &play.arena, &made, &why);
    assert_true(ok || (why.what[0] && why.remedy[0]));
    return ok;
}

/* The words with a blank after each; one with blanks in it stands between bars. */
static const char *made_words(void)
{
    static char text[8192];
    struct writer w = writer_over(text, sizeof text - 1);
    assert_true(make());
    for (size_t i = 0; made.argv[i]; i++) {
        const char *bar = strchr(made.argv[i], ' ') || !made.argv[i][0] ? "|" : "";
        write_text(&w, bar);
        write_text(&w, made.argv[i]);
        write_text(&w, bar);
        write_text(&w, " ");
    }
    assert_true(writer_ok(&w) && made.argv[made.count] == NULL);
    text[writer_length(&w)] = 0;
    return text;
}

static void questions_for_dig(void **state)
{
    (void)state;
    begin(&client_dns_query, "172.16.16.139");
    play_set(&play, "name", "wireshark.org");
    assert_string_equal(made_words(),
                        "dig @172.16.16.139 -p 53 -q wireshark.org -t A -c IN +recurse +noadflag "
                        "+nocookie +noedns +tries=3 +timeout=2 ");
    play_set(&play, "type", "MX");
    play_set(&play, "class", "CH");
    play_set(&play, "recursion", "no");
    play_set(&play, "edns", "1232");
    play_set(&play, "tcp", "");
    assert_string_equal(made_words(),
                        "dig @172.16.16.139 -p 53 -q wireshark.org -t MX -c CH +norecurse +noadflag "
                        "+nocookie +bufsize=1232 +tries=3 +timeout=2 +tcp ");
    begin(&client_dns_transfer, "[2001:db8::1]:5353");
    play_set(&play, "zone", "contoso.local");
    play_set(&play, "stray-bytes", "4d53");
    play_set(&play, "serial", "71");
    assert_string_equal(made_words(),
                        "dig @2001:db8::1 -p 5353 -q contoso.local -t IXFR=71 -c IN +recurse +noadflag "
                        "+nocookie +noedns +tries=3 +timeout=2 ");
}

static void a_message_for_swaks(void **state)
{
    (void)state;
    begin(&client_smtp_send, "172.16.16.221");
    play_set(&play, "hello", "[172.16.16.225]");
    play_set(&play, "from", "sanders@skynet.local");
    play_set(&play, "to", "a@b.c");
    play_set(&play, "to", "d@b.c");
    play_set(&play, "starttls", "");
    play_set(&play, "pipelining", "");
    play_line(&play, "message", "", span_text("a: b\n\nc\n"));
    assert_string_equal(made_words(), "swaks --server 172.16.16.221 --port 25 --helo [172.16.16.225] --from "
                                      "sanders@skynet.local --to a@b.c,d@b.c --data - --tls --pipeline ");
    assert_true(span_is(made.input, "a: b\n\nc"));
    play_line(&play, "message-file", "", span_text("a: b\r\n\r\nc\r\n"));
    play.settings[play.setting_count - 2] = play.settings[play.setting_count - 1];
    play.setting_count--;
    assert_true(make());
    assert_true(span_is(made.input, "a: b\r\n\r\nc"));
    play_set(&play, "expect-code", "554");
    assert_false(make());
    assert_string_equal(why.what, "swaks takes every refusal for a failure");
}

static void requests_for_curl(void **state)
{
    (void)state;
    begin(&client_http, "172.16.16.139");
    play_line(&play, "request", "",
              span_text("POST /form HTTP/1.1\nHost: a\nEmpty:\nContent-Length: 3\nCookie: x=1; {cookies}\n"
                        "Content-Type: b/c\n\n@d=\n"));
    play_line(&play, "request", "", span_text("GET {location} HTTP/1.1\nHost: a\n"));
    play_line(&play, "request", "", span_text("HEAD / HTTP/1.0\n"));
    play_line(&play, "request", "", span_text("PUT /x HTTP/1.1\n\ny"));
#define ALWAYS "--silent --show-error --insecure --path-as-is --globoff "
    assert_string_equal(
        made_words(), "curl " ALWAYS "--location --connect-to ::172.16.16.139:80 --http1.1 --header |Host: "
                      "a| --header Empty; --cookie x=1 "
                      "--header |Content-Type: b/c| --data-raw @d= --output /dev/null --url "
                      "http://172.16.16.139:80/form "
                      "--next " ALWAYS "--http1.0 --head --output /dev/null --url http://172.16.16.139:80/ "
                      "--next " ALWAYS "--http1.1 --data-raw y --header Content-Type: --request PUT --output "
                      "/dev/null --url http://172.16.16.139:80/x ");
    begin(&client_http, "[2001:db8::1]:8443");
    play_set(&play, "tls", "");
    play_set(&play, "tls-name", "a.b");
    play_line(&play, "request", "", span_text("GET / HTTP/1.1\nCookie: {cookies}\n"));
    assert_string_equal(made_words(),
                        "curl " ALWAYS "--resolve a.b:8443:[2001:db8::1] --http1.1 --cookie || --output "
                        "/dev/null --url https://a.b:8443/ ");
    begin(&client_http, "172.16.16.139");
    play_line(&play, "request", "", span_text("OPTIONS * HTTP/1.1\n"));
    assert_false(make());
    begin(&client_http, "172.16.16.139");
    play_line(&play, "request", "", span_of("POST / HTTP/1.1\n\na\0b", 20));
    assert_false(make());
    assert_string_equal(why.what, "the step does not fit on a command line");
}

static void a_mailbox_for_curl(void **state)
{
    (void)state;
    begin(&client_imap, "172.16.16.231");
    play_set(&play, "user", "sanders skynet");
    play_set(&play, "command", "STARTTLS");
    struct client_setting *list = play_line(&play, "command", "LIST x *", (struct span){ NULL, 0 });
    list->words[1] = span_text("");
    play_set(&play, "command", "SELECT INBOX");
    play_set(&play, "command", "FETCH 1 (FLAGS BODY[])");
    play_line(&play, "message", "", span_text("a: b\n\nc\n"));
    play_set(&play, "append", "Sent");
    play_set(&play, "command", "LOGOUT");
    assert_string_equal(
        made_words(),
        "curl " ALWAYS "--ssl-reqd --user sanders:skynet --url imap://172.16.16.231:143/ --request "
        "|LIST \"\" *| "
        "--next " ALWAYS "--ssl-reqd --user sanders:skynet --url imap://172.16.16.231:143/INBOX "
        "--request |FETCH 1 (FLAGS BODY[])| "
        "--next " ALWAYS "--ssl-reqd --user sanders:skynet --url imap://172.16.16.231:143/Sent "
        "--upload-file - ");
    assert_true(span_is(made.input, "a: b\n\nc\n"));
    play_set(&play, "wait-exists", "2");
    assert_false(make());
    begin(&client_imap, "172.16.16.231");
    assert_false(make());
}

static void what_a_program_cannot_do_is_told(void **state)
{
    static const struct {
        const struct client_type *type;
        const char *key, *words, *other, *others;
    } rows[] = { { &client_smtp_send, "from", "a@b.c RET=HDRS", "to", "a@b.c" },
                 { &client_smtp_send, "from", "a@b.c", "to", "a@b.c NOTIFY=NEVER" },
                 { &client_smtp_send, "from", "a@b.c", "vrfy", "a" },
                 { &client_smtp_send, "command", "NOOP", "vrfy", "a" },
                 { &client_smtp_send, "hello", "x", "to", "a@b.c" },
                 { &client_imap, "append", "Sent", "append", "Sent" },
                 { &client_imap, "append", "Sent (\\Seen)", "user", "a b" } };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].type, "172.16.16.221");
        play_line(&play, "message", "", span_text("a: b\n\nc\n"));
        if (rows[i].type == &client_imap)
            play_set(&play, "user", "a b");
        play_set(&play, rows[i].key, rows[i].words);
        play_set(&play, rows[i].other, rows[i].others);
        assert_false(make());
    }
    begin(&client_http, "172.16.16.139");
    play_line(&play, "request", "", span_text("GET {location} HTTP/1.1\n"));
    assert_false(make());
    step.kind = STEP_AWAIT;
    assert_false(make());
}

/* Whether the configuration has this line. */
static bool configured(const char *line)
{
    struct span rest = made.config;
    while (rest.len) {
        size_t end = span_find(rest, '\n');
        if (span_is(span_head(rest, end), line))
            return true;
        rest = span_from(rest, end + 1);
    }
    return false;
}

static void leases_for_dhclient(void **state)
{
    static const uint8_t codes[] = { 1, 119 };
    (void)state;
    begin(&client_tcp, "172.16.16.231:1");
    assert_false(make());
    step = (struct scenario_step){ .kind = STEP_DHCP };
    step.dhcp = (struct client_dhcp_settings){ .goal = CLIENT_DHCP_ACQUIRE, .option_count = 3 };
    step.dhcp.options[0] = (struct client_dhcp_option){ 50, span_text("abcd") };
    step.dhcp.options[1] = (struct client_dhcp_option){ 12, span_text("pc") };
    step.dhcp.options[2] = (struct client_dhcp_option){ 55, span_of(codes, 2) };
    assert_string_equal(made_words(),
                        "dhclient -4 -v -lf /tmp/host/dhclient.leases -pf /tmp/host/dhclient.pid -sf "
                        "/bin/true -1 -cf /tmp/host/dhclient.conf eth0 ");
    assert_string_equal(made.config_path, "/tmp/host/dhclient.conf");
    assert_string_equal(made.lease_path, "/tmp/host/dhclient.leases");
    assert_string_equal(made.pid_path, "/tmp/host/dhclient.pid");
    assert_true(configured("send wirelab-12 70:63;"));
    assert_true(configured("request subnet-mask, wirelab-119;"));
    assert_true(configured("option wirelab-12 code 12 = string;"));
    assert_true(
        configured("option wirelab-254 code 254 = string;")); /* all: an earlier lease may have them */
    assert_false(configured("option wirelab-1 code 1 = string;"));
    step.dhcp.goal = CLIENT_DHCP_RELEASE;
    assert_true(make());
    assert_null(made.pid_path); /* nothing goes on */
    step.dhcp.goal = CLIENT_DHCP_INFORM;
    assert_false(make());
    step = (struct scenario_step){ .kind = STEP_CLIENT, .type = &client_dhcp6_release };
    play.setting_count = 0;
    assert_string_equal(made_words(),
                        "dhclient -6 -v -lf /tmp/host/dhclient6.leases -pf /tmp/host/dhclient6.pid -sf "
                        "/bin/true -r eth0 ");
    step.type = &client_dhcp6_decline;
    assert_false(make());
}

static void what_dhclient_was_given(void **state)
{
    (void)state;
    struct client_dhcp_lease l = client_real_lease(span_text("lease {\n"
                                                             "  interface \"eth0\";\n"
                                                             "  fixed-address 192.168.1.9;\n"
                                                             "}\n"
                                                             "lease {\n"
                                                             "  fixed-address 192.168.1.10;\n"
                                                             "  option subnet-mask 255.255.255.0;\n"
                                                             "  option wirelab-51 0:0:2:58;\n"
                                                             "  option dhcp-server-identifier 192.168.1.5;\n"
                                                             "}\n"));
    assert_int_equal(l.address, 0xc0a8010a);
    assert_int_equal(l.mask, 0xffffff00);
    assert_int_equal(l.server, 0xc0a80105);
    l = client_real_lease(span_text("  fixed-address"));
    assert_int_equal(l.address, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(questions_for_dig, tear_down),
        cmocka_unit_test_teardown(a_message_for_swaks, tear_down),
        cmocka_unit_test_teardown(requests_for_curl, tear_down),
        cmocka_unit_test_teardown(a_mailbox_for_curl, tear_down),
        cmocka_unit_test_teardown(what_a_program_cannot_do_is_told, tear_down),
        cmocka_unit_test_teardown(leases_for_dhclient, tear_down),
        cmocka_unit_test_teardown(what_dhclient_was_given, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
