/* Who serves several addresses asks and tells others from the one by which they know it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/outgoing.h"

#define ADDRESSES_MAX 4

static struct endpoint listens[ADDRESSES_MAX];
static struct prefix addresses[ADDRESSES_MAX];

/* The address for a server that listens at these, in a view of these addresses, on the way to that one; ""
 * for none. Lists end with NULL. */
static const char *chosen(const char *const *listen, const char *const *of_view, const char *to)
{
    static char text[ADDRESS_TEXT_MAX];
    struct dnsd_settings d = { .listen = listens };
    struct dnsd_view v = { .addresses = addresses };
    static struct service service;
    struct view view = { .service = &service, .settings = &v };
    struct endpoint whom = { .port = 53 };
    for (; listen[d.listen_count]; d.listen_count++)
        assert_true(address_parse(span_text(listen[d.listen_count]), &listens[d.listen_count].address));
    for (; of_view && of_view[v.address_count]; v.address_count++)
        assert_true(prefix_parse(span_text(of_view[v.address_count]), &addresses[v.address_count]));
    service.settings = &d;
    assert_true(address_parse(span_text(to), &whom.address));
    struct address from = outgoing_address(&view, &whom);
    return from.family ? address_format(from, text) : "";
}

#define LIST(...)                                                                                            \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        __VA_ARGS__, NULL                                                                                    \
    }

static void the_one_that_is_listened_at(void **state)
{
    (void)state;
    assert_string_equal(chosen(LIST("127.0.0.73"), NULL, "127.0.0.74"), "127.0.0.73");
    assert_string_equal(chosen(LIST("192.0.2.1"), NULL, "198.51.100.1"), "192.0.2.1");
    assert_string_equal(chosen(LIST("192.0.2.1", "2001:db8::1"), NULL, "2001:db8::2"), "2001:db8::1");
    assert_string_equal(chosen(LIST("192.0.2.1", "192.0.2.1"), NULL, "198.51.100.1"), "192.0.2.1");
}

static void of_several_the_way_decides(void **state)
{
    (void)state;
    assert_string_equal(chosen(LIST("192.0.2.1", "198.51.100.1"), NULL, "203.0.113.1"), "");
    assert_string_equal(chosen(LIST("0.0.0.0"), NULL, "203.0.113.1"), "");
    assert_string_equal(chosen(LIST("::"), NULL, "2001:db8::1"), "");
    /* beside all of them one more is not the only one */
    assert_string_equal(chosen(LIST("0.0.0.0", "10.0.0.1"), NULL, "203.0.113.1"), "");
    assert_string_equal(chosen(LIST("10.0.0.1", "0.0.0.0"), NULL, "203.0.113.1"), "");
    assert_string_equal(chosen(LIST("10.0.0.1", "::"), NULL, "203.0.113.1"), "10.0.0.1");
    /* but to this host itself all are one way */
    assert_string_equal(chosen(LIST("127.0.0.1", "127.0.0.2"), NULL, "127.0.0.3"), "127.0.0.1");
}

static void the_views_own(void **state)
{
    (void)state;
    assert_string_equal(chosen(LIST("127.0.0.1", "127.0.0.2"), LIST("127.0.0.2"), "127.0.0.3"), "127.0.0.2");
    assert_string_equal(chosen(LIST("0.0.0.0"), LIST("127.0.0.2"), "127.0.0.3"), "127.0.0.2");
    assert_string_equal(chosen(LIST("192.0.2.1", "198.51.100.1"), LIST("192.0.2.0/24"), "203.0.113.1"),
                        "192.0.2.1");
    assert_string_equal(chosen(LIST("0.0.0.0"), LIST("192.0.2.0/24"), "203.0.113.1"), "");
}

static void none_from_which_nothing_would_arrive(void **state)
{
    (void)state;
    assert_string_equal(chosen(LIST("127.0.0.1"), NULL, "192.0.2.1"), "");
    assert_string_equal(chosen(LIST("192.0.2.1"), NULL, "127.0.0.1"), "");
    assert_string_equal(chosen(LIST("::1"), NULL, "2001:db8::1"), "");
    assert_string_equal(chosen(LIST("::1"), NULL, "::1"), "::1");
    assert_string_equal(chosen(LIST("192.0.2.1"), NULL, "2001:db8::1"), "");
    assert_string_equal(chosen(LIST("fe80::1"), NULL, "2001:db8::1"), "");
    assert_string_equal(chosen(LIST("2001:db8::1"), NULL, "fe80::2"), "");
    assert_string_equal(chosen(LIST("192.0.2.1"), NULL, "169.254.1.1"), "");
    assert_string_equal(chosen(LIST("127.0.0.1", "192.0.2.1"), NULL, "203.0.113.1"), "192.0.2.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_that_is_listened_at),
        cmocka_unit_test(of_several_the_way_decides),
        cmocka_unit_test(the_views_own),
        cmocka_unit_test(none_from_which_nothing_would_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
