/* RFC 4702: the client FQDN option. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp_world.h"

#define FIRST IP(192, 168, 1, 10)

#define HEARS(...) world_hears(&w, (struct says){ __VA_ARGS__ })

static struct world w;
static struct dhcp4_message reply;

static int open_world(void **state)
{
    (void)state;
    world_open(&w,
               "register-server = \"127.0.0.1:53\""
               "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.12\" } register = \"d.example\""
               " host \"h\" { hardware = \"02:00:00:00:00:09\" host-name = \"printer\" } }"
               "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10\" } }");
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void assert_answer(const char *sent, size_t sent_len, const char *want, size_t want_len,
                          const char *host_name)
{
    struct writer out = writer_over(w.out, sizeof w.out);
    struct says says = { .type = DHCP4_DISCOVER, .mac = 1, .host_name = span_text("other") };
    says.extra[0].code = DHCP4_OPTION_CLIENT_FQDN;
    says.extra[0].value = span_of(sent, sent_len);
    struct dhcp4_decision d = world_hears(&w, says);
    assert_true(reply_write(&out, &d, &w.m, &w.arrival));
    assert_int_equal(dhcp4_parse(&reply, writer_span(&out)), DHCP4_FINE);
    struct span got = dhcp4_option(&reply, DHCP4_OPTION_CLIENT_FQDN);
    assert_int_equal(got.len, want_len);
    assert_memory_equal(got.at, want, want_len);
    assert_true(span_is(lease_tenant(leases_find(&w.leases, FIRST)).host_name, host_name));
}
#define ANSWER(sent, want, name) assert_answer(sent, sizeof(sent) - 1, want, sizeof(want) - 1, name)

static void the_client_is_told_its_whole_name(void **state)
{
    (void)state;
    /* S and E: the server does it, as the client wants */
    ANSWER("\x05\0\0\x04host\0",
           "\x05\xff\xff\x04host\x01"
           "d\x07"
           "example\0",
           "host");
    ANSWER("\x05\0\0\x04host\x05"
           "mine1\0",
           "\x05\xff\xff\x04host\x01"
           "d\x07"
           "example\0",
           "host");
    /* the client would do it itself: overridden */
    ANSWER("\x04\0\0\x04host\0",
           "\x07\xff\xff\x04host\x01"
           "d\x07"
           "example\0",
           "host");
    /* as text, from older clients */
    ANSWER("\x01\0\0Host.mine", "\x01\xff\xffhost.d.example.", "Host");
}

static void a_name_that_is_not_wanted_or_not_possible_is_nobodys(void **state)
{
    (void)state;
    ANSWER("\x0c\0\0\x04host\0", "\x0c\xff\xff", "");   /* N */
    ANSWER("\x05\0\0\x03_*_\0", "\x0e\xff\xff", "_*_"); /* nothing of a host's name */
    ANSWER("\x05\0\0", "\x0e\xff\xff", "");
    ANSWER("\x05\0\0\x05host", "\x0e\xff\xff", ""); /* cut */
    ANSWER("\x05\0", "\x0e\xff\xff", "");
    ANSWER("\x05\0\0\0", "\x0e\xff\xff", "");
}

static void a_reserved_name_counts_first(void **state)
{
    (void)state;
    struct writer out = writer_over(w.out, sizeof w.out);
    struct says says = { .type = DHCP4_DISCOVER, .mac = 9, .host_name = span_text("other") };
    says.extra[0].code = DHCP4_OPTION_CLIENT_FQDN;
    says.extra[0].value = span_of("\x05\0\0\x04host\0", 9);
    struct dhcp4_decision d = world_hears(&w, says);
    assert_int_equal(d.address, FIRST); /* it has no address of its own */
    assert_true(span_is(lease_tenant(leases_find(&w.leases, FIRST)).host_name, "printer"));
    assert_true(reply_write(&out, &d, &w.m, &w.arrival));
    assert_int_equal(dhcp4_parse(&reply, writer_span(&out)), DHCP4_FINE);
    static const char want[] = "\x05\xff\xff\x07printer\x01"
                               "d\x07"
                               "example";
    assert_true(span_equal(dhcp4_option(&reply, DHCP4_OPTION_CLIENT_FQDN), span_of(want, sizeof want)));
}

/* What is told of names: "+host" is bound, "-host" is no longer. */
static char told[128];

static void note(void *owner, const struct lease *x, bool bound, struct now now)
{
    struct span name = lease_tenant(x).host_name;
    size_t len = strlen(told);
    (void)owner;
    (void)now;
    snprintf(told + len, sizeof told - len, "%c%.*s", bound ? '+' : '-', (int)name.len,
             (const char *)name.at);
}

static void renew(const char *name)
{
    struct says says = { .type = DHCP4_REQUEST, .mac = 1, .ciaddr = FIRST };
    if (name)
        says.host_name = span_text(name);
    assert_int_equal(world_hears(&w, says).answer, DHCP4_ANSWER_ACK);
}

static void another_name_takes_the_place_of_the_former_one(void **state)
{
    (void)state;
    told[0] = 0;
    w.leases.changed = note;
    HEARS(.type = DHCP4_DISCOVER, .mac = 1, .host_name = span_text("one"));
    HEARS(.type = DHCP4_REQUEST, .mac = 1, .requested = FIRST, .server = WORLD_SERVER,
          .host_name = span_text("one"));
    world_commit(&w);
    renew("one");
    world_commit(&w);
    renew(NULL); /* who says nothing keeps its name */
    world_commit(&w);
    assert_string_equal(told, "+one");
    renew("two");
    assert_string_equal(told, "+one-one");
    world_commit(&w);
    assert_string_equal(told, "+one-one+two");
    renew("three");
    renew("four"); /* before the store has answered */
    world_commit(&w);
    assert_string_equal(told, "+one-one+two-two-three+four");
    renew("five");
    world_fail(&w);
    assert_string_equal(told, "+one-one+two-two-three+four-four+five");
    renew(NULL);
    HEARS(.type = DHCP4_RELEASE, .mac = 1, .ciaddr = FIRST,
          .server = WORLD_SERVER); /* while that is under way */
    world_commit(&w);
    assert_string_equal(told, "+one-one+two-two-three+four-four+five-five");
}

static void where_nothing_is_registered_nothing_is_told(void **state)
{
    (void)state;
    struct writer out = writer_over(w.out, sizeof w.out);
    struct says says = { .type = DHCP4_DISCOVER, .mac = 1, .giaddr = IP(192, 168, 2, 1) };
    says.extra[0].code = DHCP4_OPTION_CLIENT_FQDN;
    says.extra[0].value = span_of("\x05\0\0\x04host\0", 9);
    struct dhcp4_decision d = world_hears(&w, says);
    assert_true(reply_write(&out, &d, &w.m, &w.arrival));
    assert_int_equal(dhcp4_parse(&reply, writer_span(&out)), DHCP4_FINE);
    assert_false(dhcp4_has(&reply, DHCP4_OPTION_CLIENT_FQDN));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_client_is_told_its_whole_name),
        TEST(a_name_that_is_not_wanted_or_not_possible_is_nobodys),
        TEST(a_reserved_name_counts_first),
        TEST(another_name_takes_the_place_of_the_former_one),
        TEST(where_nothing_is_registered_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
