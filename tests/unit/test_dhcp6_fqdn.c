/* RFC 4704: the client FQDN option of DHCPv6. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp6_world.h"
#include "dhcpd/fqdn.h"

static struct world6 w;

static int setup(void **state)
{
    (void)state;
    world6_open(&w,
                "register-server = \"127.0.0.1:53\"\n"
                "subnet6 \"2001:db8:1:2::/64\" { pool = { \"2001:db8:1:2::10-2001:db8:1:2::13\" } register = "
                "\"d.example\" }\n"
                "subnet6 \"2001:db8:1:3::/64\" { pool = { \"2001:db8:1:3::10\" } }\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world6_close(&w);
    return 0;
}

/* A Request with this option 39, from client 1; the reply's own, or nothing. */
static struct span answer_to(struct span option)
{
    struct says6 s = { .type = DHCP6_REQUEST, .client = 1, .to_us = true, .ia = { { .iaid = 1 } } };
    struct span base = message6(&s, w.in, sizeof w.in);
    struct writer more = writer_over(w.in, sizeof w.in);
    writer_take(&more, base.len);
    dhcp6_write_option(&more, DHCP6_OPTION_CLIENT_FQDN, option);
    assert_int_equal(dhcp6_parse(&w.message, writer_span(&more)), DHCP6_FINE);
    claims6_open(&w.leases, &w.claims);
    dhcp6_decide(&w.decision, &w.settings->six, &w.leases, &w.message, &w.arrival, w.now, &w.claims);
    claims6_confirm(&w.leases, &w.claims, w.now);
    static struct dhcp6_message reply;
    assert_int_equal(dhcp6_parse(&reply, world6_reply(&w)), DHCP6_FINE);
    return dhcp6_option(reply.options, DHCP6_OPTION_CLIENT_FQDN);
}

static void assert_answer(const char *sent, size_t sent_len, const char *want, size_t want_len,
                          const char *name)
{
    struct span got = answer_to(span_of(sent, sent_len));
    assert_int_equal(got.len, want_len);
    assert_memory_equal(got.at, want, want_len);
    assert_true(span_is(lease6_name(leases6_find(&w.leases, WORLD6(0x10))), name));
}
#define ANSWER(sent, want, name) assert_answer(sent, sizeof(sent) - 1, want, sizeof(want) - 1, name)

static void the_client_is_told_its_whole_name(void **state)
{
    (void)state;
    ANSWER("\x01\x04host",
           "\x01\x04host\x01"
           "d\x07"
           "example\0",
           "host"); /* S: as the client wants */
    ANSWER("\0\x05mine1\x05where\0",
           "\x03\x05mine1\x01"
           "d\x07"
           "example\0",
           "mine1"); /* O: otherwise */
}

static void names_that_are_none(void **state)
{
    (void)state;
    ANSWER("\x05\x04host", "\x06", "");                 /* N, and S, which do not go together: none */
    ANSWER("\x01", "\x06", "");                         /* no name at all */
    ANSWER("\x01\x04ho", "\x06", "");                   /* it is cut */
    ANSWER("\x01\xc0\x0c", "\x06", "");                 /* a pointer: there is nothing to point to */
    ANSWER("\x01\x04 \xc3\xa4 ", "\x06", " \xc3\xa4 "); /* remembered, and no host's */
}

static void who_says_nothing_keeps_its_name(void **state)
{
    (void)state;
    ANSWER("\x01\x04host",
           "\x01\x04host\x01"
           "d\x07"
           "example\0",
           "host");
    struct says6 s = { .type = DHCP6_RENEW, .client = 1, .to_us = true, .ia = { { .iaid = 1 } } };
    world6_say(&w, &s);
    assert_true(span_is(lease6_name(leases6_find(&w.leases, WORLD6(0x10))), "host"));
}

static char told[64];

static void note(void *owner, const struct lease6 *x, bool bound, struct now now)
{
    struct span name = lease6_name(x);
    size_t len = strlen(told);
    (void)owner;
    (void)now;
    snprintf(told + len, sizeof told - len, "%c%.*s", bound ? '+' : '-', (int)name.len,
             (const char *)name.at);
}

static void another_name_takes_the_place_of_the_former_one(void **state)
{
    (void)state;
    told[0] = 0;
    w.leases.changed = note;
    answer_to(span_text("\x01\x03one"));
    answer_to(span_text("\x01\x03one"));
    assert_string_equal(told, "+one");
    answer_to(span_text("\x01\x03two"));
    assert_string_equal(told, "+one-one+two");
}

static void where_no_names_are_kept(void **state)
{
    (void)state;
    w.arrival.link = &w.settings->six.subnets[1];
    assert_null(answer_to(span_text("\x01\x04host")).at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_client_is_told_its_whole_name, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(who_says_nothing_keeps_its_name, setup, teardown),
        cmocka_unit_test_setup_teardown(another_name_takes_the_place_of_the_former_one, setup, teardown),
        cmocka_unit_test_setup_teardown(where_no_names_are_kept, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
