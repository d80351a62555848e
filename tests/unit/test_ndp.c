/* common/wire/ndp.c: RFC 4861 4.1, 4.2, 4.6, 6.1.1, and RFC 8106 5, octet by octet. */
#include "wire/ndp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void solicitations(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool unspecified, good;
    } cases[] = {
        { "\x85\0\xab\xcd\0\0\0\0", 8, true, true },
        { "\x85\0\xab\xcd\0\0\0\0\1\1\0\x0c\x29\x59\xfd\x21", 16, false, true },
        { "\x85\0\xab\xcd\0\0\0\0\1\1\0\x0c\x29\x59\xfd\x21", 16, true,
          false },                                                      /* from ::, with an address */
        { "\x85\0\xab\xcd\0\0\0\0\xfe\1\0\0\0\0\0\0", 16, true, true }, /* unknown options are passed over */
        { "\x85\0\xab\xcd\0\0\0", 7, true, false },
        { "\x85\1\xab\xcd\0\0\0\0", 8, true, false },                             /* code */
        { "\x86\0\xab\xcd\0\0\0\0", 8, true, false },                             /* type */
        { "\x85\0\xab\xcd\0\0\0\0\1\0\0\x0c\x29\x59\xfd\x21", 16, false, false }, /* an option of no length */
        { "\x85\0\xab\xcd\0\0\0\0\1\2\0\x0c\x29\x59\xfd\x21", 16, false,
          false }, /* ... longer than the message */
        { "\x85\0\xab\xcd\0\0\0\0\1", 9, false, false },
        { "", 0, false, false },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (ndp_read_solicitation(span_of(cases[i].bytes, cases[i].len), cases[i].unspecified) !=
            cases[i].good)
            fail_msg("case %zu", i);
}

static void an_advertisement(void **state)
{
    static const uint8_t expected[] = {
        134,  0,    0,    0,    64,   0xc0, 0x07, 0x08,
        0,    0,    0,    0,    0,    0,    0,    0,    /* M, O, 1800 s */
        1,    1,    0x00, 0x0c, 0x29, 0x1f, 0xa7, 0x55, /* source link-layer address */
        3,    4,    64,   0xc0, 0,    0,    0x0e, 0x10,
        0,    0,    0x07, 0x08, 0,    0,    0,    0, /* L, A, 3600 s, 1800 s */
        0x20, 0x01, 0x0d, 0xb8, 0,    1,    0,    2,
        0,    0,    0,    0,    0,    0,    0,    0,    /* 2001:db8:1:2:: */
        25,   3,    0,    0,    0,    0,    0x07, 0x08, /* RDNSS, 1800 s */
        0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,    0,
        0,    0,    0,    0,    0,    0,    0,    0x35, /* 2001:db8::35 */
        31,   3,    0,    0,    0,    0,    0x07, 0x08, /* DNSSL */
        3,    'l',  'a',  'b',  4,    't',  'e',  's',
        't',  0,    0,    0,    0,    0,    0,    0 /* padded to 8 octets */
    };
    const struct ndp_prefix prefix = { .address = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2 },
                                       .bits = 64,
                                       .on_link = true,
                                       .autonomous = true,
                                       .valid_s = 3600,
                                       .preferred_s = 1800 };
    const struct ndp_advertisement a = { .hop_limit = 64,
                                         .managed = true,
                                         .other = true,
                                         .lifetime_s = 1800,
                                         .hardware = span_of("\x00\x0c\x29\x1f\xa7\x55", 6),
                                         .prefix = &prefix,
                                         .dns_servers = span_of(&expected[64], 16),
                                         .search_list = span_of("\3lab\4test\0", 10),
                                         .dns_lifetime_s = 1800 };
    uint8_t room[NDP_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    (void)state;
    ndp_write_advertisement(&w, &a);
    assert_true(writer_ok(&w));
    assert_int_equal(writer_length(&w), sizeof expected);
    assert_memory_equal(room, expected, sizeof expected);
    for (size_t size = 0; size < sizeof expected; size++) {
        w = writer_over(room, size);
        ndp_write_advertisement(&w, &a);
        assert_false(writer_ok(&w));
    }
}

static void nothing_is_said_that_is_not_known(void **state)
{
    static const uint8_t expected[] = { 134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    const struct ndp_advertisement a = { 0 };
    uint8_t room[NDP_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    (void)state;
    ndp_write_advertisement(&w, &a);
    assert_int_equal(writer_length(&w), sizeof expected);
    assert_memory_equal(room, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solicitations),
        cmocka_unit_test(an_advertisement),
        cmocka_unit_test(nothing_is_said_that_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
