/* smtpd/config.c: what a section means, and which sections cannot be. */
#include "smtpd/smtpd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct config_key root[] = {
    { .name = "smtpd", .type = CONFIG_SECTION, .keys = smtpd_keys, .help = "mail" },
    { .name = NULL },
};

/* The settings, or NULL with the problems in `said`. */
static struct smtp_settings *configure(const char *body, char said[8192])
{
    char text[4096];
    snprintf(text, sizeof text, "smtpd {\n%s\n}\n", body);
    struct config *c = config_read_text(span_text(text), "/etc/lab.conf", root);
    assert_non_null(c);
    struct smtp_settings *s = NULL;
    if (config_ok(c))
        s = smtpd_configure(c, config_section(config_root(c), "smtpd"));
    assert_true(config_ok(c) == (s != NULL));
    FILE *f = fmemopen(said, 8192, "w");
    config_print_problems(c, f);
    config_print_warnings(c, f);
    fclose(f);
    config_close(c);
    return s;
}

static void an_empty_section_refuses_all_mail(void **state)
{
    (void)state;
    char said[8192] = "";
    struct smtp_settings *s = configure("", said);
    assert_non_null(s);
    assert_int_equal(s->domain_count, 0);
    assert_null(s->postmaster);
    assert_string_equal(s->hostname, "localhost");
    assert_string_equal(s->greeting, "localhost ESMTP wirelab");
    assert_int_equal(s->listen_count, 1);
    assert_int_equal(s->listen[0].port, 2525);
    assert_int_equal(address_to_ip4(s->listen[0].address), 0x7f000001);
    assert_int_equal(s->message_bytes_max, 10240000);
    assert_int_equal(s->timeout_ms, 300000);
    assert_true(s->offered & SMTP_OFFER_STARTTLS);
    assert_non_null(strstr(said, "refuses all mail"));
    smtp_settings_free(s);
}

static void routes_say_where_mail_goes(void **state)
{
    (void)state;
    char said[8192] = "";
    struct smtp_settings *s =
        configure("route \"cyberdyne.local\" { to = \"172.16.16.231\" }\n"
                  "route \"named.example.\" { to = \"mail.example:2525\" tls = \"required\" }\n"
                  "route \"ip6.example\" { to = \"[2001:db8::1]:26\" tls = \"none\" }\n"
                  "route \".\" { }\n"
                  "resolvers = { \"127.0.0.1:5300\" }\n"
                  "allow-relay = { \"127.0.0.0/8\", \"0.0.0.0/0\" }",
                  said);
    assert_non_null(s);
    assert_int_equal(s->route_count, 4);
    assert_string_equal(s->routes[0].name, "");
    assert_null(s->routes[0].host);
    assert_string_equal(s->routes[1].host, "172.16.16.231");
    assert_int_equal(s->routes[1].port, 25);
    assert_int_equal(s->routes[1].tls, CLIENT_TLS_OPPORTUNISTIC);
    assert_string_equal(s->routes[2].host, "2001:db8::1");
    assert_int_equal(s->routes[2].port, 26);
    assert_int_equal(s->routes[2].tls, CLIENT_TLS_NONE);
    assert_string_equal(s->routes[3].name, "named.example");
    assert_string_equal(s->routes[3].host, "mail.example");
    assert_int_equal(s->routes[3].port, 2525);
    assert_int_equal(s->routes[3].tls, CLIENT_TLS_REQUIRED);
    assert_int_equal(s->resolver_count, 1);
    assert_int_equal(s->allow_relay_count, 2);
    assert_string_equal(s->agent, "wirelab");
    assert_non_null(strstr(said, "open relay"));
    assert_null(strstr(strstr(said, "open relay") + 1, "open relay")); /* the lab's own prefix is none */
    smtp_settings_free(s);
}

static void a_relay_without_a_way_is_warned_of(void **state)
{
    (void)state;
    char said[8192] = "";
    struct smtp_settings *s = configure("allow-relay = { \"127.0.0.0/8\" }", said);
    assert_non_null(s);
    assert_non_null(strstr(said, "neither a route nor resolvers"));
    smtp_settings_free(s);
}

static void the_chapters_section(void **state)
{
    (void)state;
    char said[8192] = "";
    struct smtp_settings *s =
        configure("hostname = \"mail01\"\n greeting = \"mail01 ESMTP Postfix (Ubuntu)\"\n listen = { "
                  "\"127.0.0.1:2525\" }\n"
                  "extensions = { \"PIPELINING\", \"SIZE 10240000\", \"VRFY\", \"ETRN\", \"STARTTLS\", "
                  "\"ENHANCEDSTATUSCODES\", "
                  "\"8BITMIME\", \"DSN\" }\n"
                  "domain \"skynet.local\" { mailboxes = { \"sanders\", \"ppa\" } }\n"
                  "domain \"cyberdyne.local.\" { mailboxes = \"sanders\" maildir = \"box\" }\n",
                  said);
    assert_non_null(s);
    assert_string_equal(s->greeting, "mail01 ESMTP Postfix (Ubuntu)");
    assert_int_equal(s->offer_count, 8);
    assert_string_equal(s->offers[7].line, "DSN");
    assert_int_equal(s->offered & SMTP_OFFER_HELP, 0);
    assert_int_equal(s->domain_count, 2);
    assert_string_equal(s->domains[0].name, "cyberdyne.local");
    assert_string_equal(s->domains[0].maildir, "/etc/box");
    assert_string_equal(s->domains[1].mailboxes[0], "ppa");
    assert_null(s->domains[1].maildir);
    assert_string_equal(s->postmaster->name, "skynet.local");
    smtp_settings_free(s);
}

static void what_cannot_be_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *body, *said;
    } cases[] = {
        { "hostname = \"mail 01\"", "no name that a mail server can have" },
        { "greeting = \"\"", "cannot be sent" },
        { "listen = { \"eth0\" }", "is the name of an interface" },
        { "certificate = \"a.pem\"", "belong together" },
        { "key = \"a.key\"", "belong together" },
        { "extensions = { \"SIZE 10240001\" }", "more than max-message-size" },
        { "extensions = { \"SIZE big\" }", "more than max-message-size" },
        { "extensions = { \"\" }", "cannot be sent" },
        { "route \"x.example\" { }", "without resolvers no MX" },
        { "route \"x.example\" { to = \"mail.example\" }", "without resolvers no address" },
        { "route \"x.example\" { to = \"mail example\" }", "no host that mail can be sent to" },
        { "route \"x.example\" { to = \"192.0.2.1:0\" }", "no host that mail can be sent to" },
        { "route \"x.example\" { to = \"mail.example:65536\" }", "no host that mail can be sent to" },
        { "route \"x.example\" { to = \"192.0.2.1\" }\nroute \"X.example.\" { to = \"192.0.2.2\" }",
          "there twice" },
        { "received-comment = \"a (b)\"", "cannot stand in a Received line" },
        { "domain \"skynet.local\" { mailboxes = { \"a/b\" } }", "cannot be the name of a mailbox" },
        { "domain \"skynet.local\" { mailboxes = { \"..\" } }", "cannot be the name of a mailbox" },
        { "domain \"skynet.local\" { mailboxes = { \"\" } }", "cannot be the name of a mailbox" },
        { "domain \"skynet.local\" { mailboxes = { \"a b\" } }", "cannot be the name of a mailbox" },
        { "domain \"skynet.local\" { mailboxes = { \"a\", \"A\" } }", "is there twice" },
        { "domain \"a.b\" { mailboxes = \"x\" }\n domain \"A.B.\" { mailboxes = \"x\" }", "twice" },
        { "domain \"skynet.local\" { }", "mailboxes" },
        { "max-message-size = \"1KiB\"", "max-message-size" },
        { "idle-timeout = \"0s\"", "idle-timeout" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char said[8192] = "";
        if (configure(cases[i].body, said) || !strstr(said, cases[i].said))
            fail_msg("%s\nsaid: %s", cases[i].body, said);
    }
}

static void what_is_odd_is_warned_of(void **state)
{
    (void)state;
    char said[8192] = "";
    struct smtp_settings *s = configure("extensions = { \"X-NEW\", \"DSN\" }", said);
    assert_non_null(s);
    assert_non_null(strstr(said, "has no such extension"));
    assert_null(strstr(said, "no reports"));
    smtp_settings_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_section_refuses_all_mail),
        cmocka_unit_test(routes_say_where_mail_goes),
        cmocka_unit_test(a_relay_without_a_way_is_warned_of),
        cmocka_unit_test(the_chapters_section),
        cmocka_unit_test(what_cannot_be_is_said),
        cmocka_unit_test(what_is_odd_is_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
