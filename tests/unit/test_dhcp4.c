#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp4_samples.h"
#include "wire/dhcp4.h"

static struct dhcp4_message m;
static uint8_t room[DHCP4_BYTES_MAX];

/* A request with this options field behind the cookie, built by hand and not by the code under test. */
static struct span request_with(struct span options, struct span file, struct span sname)
{
    struct writer w = writer_over(room, sizeof room);
    write_u8(&w, 1);
    write_u8(&w, 1);
    write_u8(&w, 6);
    write_zeros(&w, 25);
    write_bytes(&w, "\x00\x0c\x29\x59\xfd\x21", 6);
    write_zeros(&w, 10);
    write_span(&w, sname);
    write_zeros(&w, 64 - sname.len);
    write_span(&w, file);
    write_zeros(&w, 128 - file.len);
    write_bytes(&w, "\x63\x82\x53\x63", 4);
    write_span(&w, options);
    assert_true(writer_ok(&w));
    return writer_span(&w);
}

#define BYTES(text)   span_of(text, sizeof text - 1)
#define NOTHING       span_of("", 0)
#define OPTIONS(text) request_with(BYTES(text), NOTHING, NOTHING)

static void assert_option(uint8_t code, const void *bytes, size_t len)
{
    struct span v = dhcp4_option(&m, code);
    assert_non_null(v.at);
    assert_int_equal(v.len, len);
    assert_memory_equal(v.at, bytes, len);
}

static void a_discover_is_read(void **state)
{
    (void)state;
    uint32_t n;
    assert_int_equal(dhcp4_parse(&m, span_of(sample_discover, sizeof sample_discover)), DHCP4_FINE);
    assert_int_equal(m.type, DHCP4_DISCOVER);
    assert_int_equal(m.fixed.op, DHCP4_BOOTREQUEST);
    assert_int_equal(m.fixed.htype, DHCP4_HTYPE_ETHERNET);
    assert_int_equal(m.fixed.hlen, 6);
    assert_int_equal(m.fixed.xid, 0x696ddc66);
    assert_int_equal(m.fixed.flags, 0);
    assert_memory_equal(m.fixed.chaddr, "\x00\x0c\x29\x59\xfd\x21\0\0\0\0\0\0\0\0\0\0", 16);
    assert_true(dhcp4_number(&m, DHCP4_OPTION_REQUESTED_ADDRESS, &n));
    assert_int_equal(n, 0xc0a86481); /* 192.168.100.129 */
    assert_option(DHCP4_OPTION_HOST_NAME, "ubuntu2", 7);
    assert_option(DHCP4_OPTION_PARAMETER_REQUEST_LIST, "\x01\x1c\x02\x03\x0f\x06\x77\x0c\x2c\x2f\x1a\x79\x2a",
                  13);
    assert_int_equal(m.count, 4);
    assert_memory_equal(m.order, "\x35\x32\x0c\x37", 4);
    assert_false(dhcp4_has(&m, DHCP4_OPTION_SERVER_IDENTIFIER));
    assert_null(dhcp4_option(&m, DHCP4_OPTION_SERVER_IDENTIFIER).at);
    assert_false(dhcp4_number(&m, DHCP4_OPTION_SERVER_IDENTIFIER, &n));
}

static void an_offer_is_read_and_built_alike(void **state)
{
    (void)state;
    assert_int_equal(dhcp4_parse(&m, span_of(sample_offer, sizeof sample_offer)), DHCP4_FINE);
    assert_int_equal(m.type, DHCP4_OFFER);
    assert_int_equal(m.fixed.yiaddr, 0xc0a8010a);
    assert_int_equal(m.fixed.siaddr, 0xc0a80105);
    assert_option(DHCP4_OPTION_DOMAIN, "mydomain.example", 16);
    uint8_t out[600];
    struct writer w = writer_over(out, sizeof out);
    struct dhcp4_build b;
    dhcp4_build_open(&b, &w, &m.fixed, NOTHING, NOTHING, 548);
    for (size_t i = 0; i < m.count; i++)
        assert_true(dhcp4_build_option(&b, m.order[i], dhcp4_option(&m, m.order[i])));
    assert_true(dhcp4_build_close(&b));
    assert_int_equal(writer_length(&w), sizeof sample_offer);
    assert_memory_equal(out, sample_offer, sizeof sample_offer);
}

static void a_short_message_is_padded_to_300(void **state)
{
    (void)state;
    uint8_t out[600];
    memset(out, 0xaa, sizeof out);
    struct writer w = writer_over(out, sizeof out);
    struct dhcp4_build b;
    struct dhcp4_fixed f = { .op = DHCP4_BOOTREQUEST, .htype = 1, .hlen = 6, .xid = 1 };
    dhcp4_build_open(&b, &w, &f, NOTHING, NOTHING, 548);
    assert_true(dhcp4_build_u8(&b, DHCP4_OPTION_MESSAGE_TYPE, DHCP4_DISCOVER));
    assert_true(dhcp4_build_close(&b));
    assert_int_equal(writer_length(&w), 300);
    assert_int_equal(out[243], DHCP4_END);
    for (size_t i = 244; i < 300; i++)
        assert_int_equal(out[i], 0);
    assert_int_equal(dhcp4_parse(&m, writer_span(&w)), DHCP4_FINE);
}

static void pads_have_no_length(void **state)
{
    (void)state;
    assert_int_equal(dhcp4_parse(&m, OPTIONS("\0\0\0\x35\x01\x01\0\x0c\x02"
                                             "ab\0\xff\x32\x09")),
                     DHCP4_FINE);
    assert_option(DHCP4_OPTION_HOST_NAME, "ab", 2);
    assert_false(dhcp4_has(&m, DHCP4_OPTION_REQUESTED_ADDRESS)); /* behind End is nothing */
    /* a missing End ends with the datagram */
    assert_int_equal(dhcp4_parse(&m, OPTIONS("\x35\x01\x03")), DHCP4_FINE);
    assert_int_equal(m.type, DHCP4_REQUEST);
}

static void every_length_is_checked(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        enum dhcp4_fault fault;
        uint8_t option;
    } cases[] = {
        { "\x35", 1, DHCP4_OPTION_CUT, 53 },
        { "\x35\x01", 2, DHCP4_OPTION_CUT, 53 },
        { "\x35\x02\x01", 3, DHCP4_OPTION_CUT, 53 },
        { "\x35\xff\x01", 3, DHCP4_OPTION_CUT, 53 },
        { "\x35\x00\xff", 3, DHCP4_OPTION_LENGTH, 53 },
        { "\x35\x02\x01\x01\xff", 5, DHCP4_OPTION_LENGTH, 53 },
        { "\x35\x01\x01\x32\x03\xc0\xa8\x01\xff", 9, DHCP4_OPTION_LENGTH, 50 },
        { "\x35\x01\x01\x32\x05\xc0\xa8\x01\x01\x01\xff", 11, DHCP4_OPTION_LENGTH, 50 },
        { "\x35\x01\x01\x39\x01\x10\xff", 7, DHCP4_OPTION_LENGTH, 57 },
        { "\x35\x01\x01\x50\x01\x10\xff", 7, DHCP4_OPTION_LENGTH, 80 },
        { "\x35\x01\x01\x06\x05\x10\x10\x10\x10\x10\xff", 11, DHCP4_OPTION_LENGTH, 6 },
        { "\x35\x01\x00\xff", 4, DHCP4_NO_TYPE, 53 },
        { "\x35\x01\x0e\xff", 4, DHCP4_NO_TYPE, 53 },
        { "\xff", 1, DHCP4_NO_TYPE, 53 },
        { "", 0, DHCP4_NO_TYPE, 53 },
        { "\x35\x01\x01\x34\x01\x00\xff", 7, DHCP4_BAD_OVERLOAD, 52 },
        { "\x35\x01\x01\x34\x01\x04\xff", 7, DHCP4_BAD_OVERLOAD, 52 },
        { "\x35\x01\x01\x34\x02\x01\x01\xff", 8, DHCP4_BAD_OVERLOAD, 52 },
        { "\x35\x01\x01\x3d\x00\xff", 6, DHCP4_FINE, 53 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span whole = request_with(span_of(cases[i].bytes, cases[i].len), NOTHING, NOTHING);
        assert_int_equal(dhcp4_parse(&m, whole), cases[i].fault);
        assert_int_equal(m.fault_option, cases[i].option);
    }
}

static void a_message_cut_anywhere_is_refused_or_whole(void **state)
{
    (void)state;
    for (size_t len = 0; len < 240; len++)
        assert_int_equal(dhcp4_parse(&m, span_of(sample_discover, len)),
                         len < 236 ? DHCP4_TOO_SHORT : DHCP4_NO_COOKIE);
    for (size_t len = 240; len < sizeof sample_discover; len++) {
        enum dhcp4_fault f = dhcp4_parse(&m, span_of(sample_discover, len));
        assert_true(f == DHCP4_FINE || f == DHCP4_OPTION_CUT || f == DHCP4_NO_TYPE);
    }
    uint8_t bytes[sizeof sample_discover];
    memcpy(bytes, sample_discover, sizeof bytes);
    bytes[0] = 3;
    assert_int_equal(dhcp4_parse(&m, span_of(bytes, sizeof bytes)), DHCP4_BAD_OP);
    bytes[0] = 1;
    bytes[2] = 17;
    assert_int_equal(dhcp4_parse(&m, span_of(bytes, sizeof bytes)), DHCP4_BAD_HLEN);
    bytes[2] = 16;
    assert_int_equal(dhcp4_parse(&m, span_of(bytes, sizeof bytes)), DHCP4_FINE);
    bytes[239] ^= 1;
    assert_int_equal(dhcp4_parse(&m, span_of(bytes, sizeof bytes)), DHCP4_NO_COOKIE);
    static const uint8_t long_one[DHCP4_BYTES_MAX + 1];
    assert_int_equal(dhcp4_parse(&m, span_of(long_one, sizeof long_one)), DHCP4_TOO_LONG);
}

static void overload_reaches_file_and_sname(void **state)
{
    (void)state;
    struct span file = BYTES("\x0c\x04"
                             "host\xff"),
                sname = BYTES("\x0f\x03"
                              "lab\xff");
    uint32_t n;
    assert_int_equal(dhcp4_parse(&m, request_with(BYTES("\x35\x01\x01\x34\x01\x03\xff"), file, sname)),
                     DHCP4_FINE);
    assert_option(DHCP4_OPTION_HOST_NAME, "host", 4);
    assert_option(DHCP4_OPTION_DOMAIN, "lab", 3);
    assert_int_equal(m.file.len + m.sname.len, 0);
    assert_int_equal(dhcp4_parse(&m, request_with(BYTES("\x35\x01\x01\x34\x01\x01\xff"), file, sname)),
                     DHCP4_FINE);
    assert_true(dhcp4_has(&m, DHCP4_OPTION_HOST_NAME));
    assert_false(dhcp4_has(&m, DHCP4_OPTION_DOMAIN));
    assert_int_equal(m.sname.len, 6);
    assert_int_equal(dhcp4_parse(&m, request_with(BYTES("\x35\x01\x01\x34\x01\x02\xff"), file, sname)),
                     DHCP4_FINE);
    assert_false(dhcp4_has(&m, DHCP4_OPTION_HOST_NAME));
    assert_true(dhcp4_has(&m, DHCP4_OPTION_DOMAIN));
    /* the type may stand there, and an option must end there */
    assert_int_equal(
        dhcp4_parse(&m, request_with(BYTES("\x34\x01\x01\xff"), BYTES("\x35\x01\x08\xff"), NOTHING)),
        DHCP4_FINE);
    assert_true(dhcp4_number(&m, DHCP4_OPTION_MESSAGE_TYPE, &n) && n == DHCP4_INFORM);
    assert_int_equal(
        dhcp4_parse(&m, request_with(BYTES("\x35\x01\x01\x34\x01\x01\xff"), BYTES("\x0c\x7f"), NOTHING)),
        DHCP4_OPTION_CUT);
    assert_int_equal(m.fault_option, 12);
}

static void pieces_are_joined_in_the_order_options_file_sname(void **state)
{
    (void)state;
    struct span whole = request_with(BYTES("\x35\x01\x01\x0f\x02"
                                           "ab\x34\x01\x03\x0c\x01h\x0f\x01"
                                           "c\x0f\x00\xff"),
                                     BYTES("\x0f\x02"
                                           "de\xff"),
                                     BYTES("\x0f\x01"
                                           "f\x0c\x01i\xff"));
    assert_int_equal(dhcp4_parse(&m, whole), DHCP4_FINE);
    assert_option(DHCP4_OPTION_DOMAIN, "abcdef", 6);
    assert_option(DHCP4_OPTION_HOST_NAME, "hi", 2);
    /* RFC 3396: what must be of one byte and comes twice is of two */
    assert_int_equal(dhcp4_parse(&m, OPTIONS("\x35\x01\x01\x35\x01\x03\xff")), DHCP4_OPTION_LENGTH);
}

static void as_many_pieces_as_fit_are_joined(void **state)
{
    (void)state;
    uint8_t options[3 + 2 * 282 * 3];
    struct writer w = writer_over(options, sizeof options);
    write_bytes(&w, "\x35\x01\x01", 3);
    for (unsigned i = 0; writer_room(&w) >= 3; i++) { /* two options in turns, in pieces of one byte */
        write_u8(&w, i & 1 ? DHCP4_OPTION_HOST_NAME : DHCP4_OPTION_CLIENT_IDENTIFIER);
        write_u8(&w, 1);
        write_u8(&w, (uint8_t)i);
    }
    assert_int_equal(dhcp4_parse(&m, request_with(writer_span(&w), NOTHING, NOTHING)), DHCP4_FINE);
    struct span id = dhcp4_option(&m, DHCP4_OPTION_CLIENT_IDENTIFIER);
    assert_int_equal(id.len, 282);
    for (size_t i = 0; i < id.len; i++)
        assert_int_equal(id.at[i], (uint8_t)(2 * i));
}

static void long_options_are_split_and_joined(void **state)
{
    (void)state;
    uint8_t value[600], out[1472];
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)i;
    static const size_t lengths[] = { 0, 1, 254, 255, 256, 509, 510, 511, 600 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct writer w = writer_over(out, sizeof out);
        struct dhcp4_build b;
        struct dhcp4_fixed f = { .op = DHCP4_BOOTREPLY };
        dhcp4_build_open(&b, &w, &f, NOTHING, NOTHING, sizeof out);
        dhcp4_build_u8(&b, DHCP4_OPTION_MESSAGE_TYPE, DHCP4_ACK);
        assert_true(dhcp4_build_option(&b, DHCP4_OPTION_VENDOR_SPECIFIC, span_of(value, lengths[i])));
        assert_true(dhcp4_build_close(&b));
        assert_int_equal(dhcp4_parse(&m, writer_span(&w)), DHCP4_FINE);
        assert_option(DHCP4_OPTION_VENDOR_SPECIFIC, value, lengths[i]);
    }
}

static void what_does_not_fit_goes_to_file_and_sname_or_is_left_out(void **state)
{
    (void)state;
    uint8_t out[548], hundred[100], sixty[60];
    memset(hundred, 'h', sizeof hundred);
    memset(sixty, 's', sizeof sixty);
    struct writer w = writer_over(out, sizeof out);
    struct dhcp4_build b;
    struct dhcp4_fixed f = { .op = DHCP4_BOOTREPLY };
    dhcp4_build_open(&b, &w, &f, NOTHING, NOTHING, 548); /* 304 for options, End and overload kept back */
    dhcp4_build_u8(&b, DHCP4_OPTION_MESSAGE_TYPE, DHCP4_ACK);
    assert_true(dhcp4_build_option(&b, 224, span_of(hundred, 100)));
    assert_true(dhcp4_build_option(&b, 225, span_of(hundred, 100)));
    assert_true(dhcp4_build_option(&b, 226, span_of(hundred, 100))); /* file */
    assert_true(dhcp4_build_option(&b, 227, span_of(sixty, 60)));    /* still in the options field */
    assert_true(dhcp4_build_option(&b, 228, span_of(sixty, 60)));    /* sname */
    assert_false(dhcp4_build_option(&b, 229, span_of(sixty, 60)));
    assert_int_equal(b.left_out, 1);
    assert_true(dhcp4_build_close(&b));
    assert_true(writer_length(&w) <= 548);
    assert_int_equal(dhcp4_parse(&m, writer_span(&w)), DHCP4_FINE);
    assert_option(226, hundred, 100);
    assert_option(228, sixty, 60);
    assert_false(dhcp4_has(&m, 229));
    assert_option(DHCP4_OPTION_OVERLOAD, "\x03", 1);
    /* a file name is not overwritten */
    w = writer_over(out, sizeof out);
    dhcp4_build_open(&b, &w, &f, NOTHING, BYTES("boot.img"), 300);
    dhcp4_build_u8(&b, DHCP4_OPTION_MESSAGE_TYPE, DHCP4_ACK);
    assert_false(dhcp4_build_option(&b, 224, span_of(hundred, 100)));
    assert_true(dhcp4_build_close(&b));
    assert_int_equal(dhcp4_parse(&m, writer_span(&w)), DHCP4_FINE);
    assert_true(span_is(m.file, "boot.img"));
}

static void no_room_is_too_little_for_the_writer(void **state)
{
    (void)state;
    for (size_t size = 0; size < 330; size++) {
        uint8_t out[330];
        struct writer w = writer_over(out, size);
        struct dhcp4_build b;
        struct dhcp4_fixed f = { .op = DHCP4_BOOTREPLY };
        dhcp4_build_open(&b, &w, &f, NOTHING, NOTHING, 548);
        dhcp4_build_u8(&b, DHCP4_OPTION_MESSAGE_TYPE, DHCP4_ACK);
        dhcp4_build_u32(&b, DHCP4_OPTION_SERVER_IDENTIFIER, 1);
        assert_int_equal(dhcp4_build_close(&b), size >= 300);
    }
}

static void suboptions_of_the_relay_are_found(void **state)
{
    (void)state;
    assert_int_equal(dhcp4_parse(&m, OPTIONS("\x35\x01\x01\x52\x09\x01\x01x\x05\x04\xc0\xa8\x02\x00\xff")),
                     DHCP4_FINE);
    assert_int_equal(dhcp4_relay_suboption(&m, 5).len, 4);
    assert_int_equal(dhcp4_relay_suboption(&m, 1).len, 1);
    assert_null(dhcp4_relay_suboption(&m, 2).at);
    assert_int_equal(dhcp4_parse(&m, OPTIONS("\x35\x01\x01\x52\x03\x05\x04\xc0\xff")), DHCP4_FINE);
    assert_null(dhcp4_relay_suboption(&m, 5).at); /* cut */
    assert_int_equal(dhcp4_parse(&m, OPTIONS("\x35\x01\x01\x52\x00\xff")), DHCP4_FINE);
    assert_null(dhcp4_relay_suboption(&m, 5).at);
}

static void assert_value(uint8_t code, struct span value, const char *want)
{
    uint8_t text[256];
    struct writer w = writer_over(text, sizeof text);
    dhcp4_write_value(&w, code, value);
    write_u8(&w, 0);
    assert_string_equal((char *)text, want);
}

static void values_are_printed_by_their_type(void **state)
{
    (void)state;
    assert_value(DHCP4_OPTION_DNS_SERVERS, BYTES("\xc0\xa8\x01\x01\xc0\xa8\x01\x02"),
                 "192.168.1.1, 192.168.1.2");
    assert_value(DHCP4_OPTION_LEASE_TIME, BYTES("\x00\x00\x02\x58"), "600");
    assert_value(DHCP4_OPTION_TIME_OFFSET, BYTES("\xff\xff\xff\xff"), "-1");
    assert_value(DHCP4_OPTION_HOST_NAME, BYTES("a\n\x1b\\b"), "a\\x0a\\x1b\\x5cb");
    assert_value(DHCP4_OPTION_ROUTES, BYTES("\x00\xc0\xa8\x01\x01\x08\x0a\xc0\xa8\x01\x02"),
                 "0.0.0.0/0 192.168.1.1, 10.0.0.0/8 192.168.1.2");
    assert_value(DHCP4_OPTION_ROUTES, BYTES("\x21\xc0\xa8\x01\x01"),
                 "21c0a80101"); /* wider than an address */
    assert_value(DHCP4_OPTION_ROUTERS, BYTES("\xc0\xa8\x01"), "c0a801");
    assert_value(224, BYTES("\x01\xff"), "01ff");
    assert_string_equal(dhcp4_type_name(DHCP4_INFORM), "INFORM");
    assert_string_equal(dhcp4_type_name(DHCP4_LEASEACTIVE), "LEASEACTIVE");
    assert_string_equal(dhcp4_type_name(14), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_discover_is_read),
        cmocka_unit_test(an_offer_is_read_and_built_alike),
        cmocka_unit_test(a_short_message_is_padded_to_300),
        cmocka_unit_test(pads_have_no_length),
        cmocka_unit_test(every_length_is_checked),
        cmocka_unit_test(a_message_cut_anywhere_is_refused_or_whole),
        cmocka_unit_test(overload_reaches_file_and_sname),
        cmocka_unit_test(pieces_are_joined_in_the_order_options_file_sname),
        cmocka_unit_test(as_many_pieces_as_fit_are_joined),
        cmocka_unit_test(long_options_are_split_and_joined),
        cmocka_unit_test(what_does_not_fit_goes_to_file_and_sname_or_is_left_out),
        cmocka_unit_test(no_room_is_too_little_for_the_writer),
        cmocka_unit_test(suboptions_of_the_relay_are_found),
        cmocka_unit_test(values_are_printed_by_their_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
