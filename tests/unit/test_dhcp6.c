#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp6_samples.h"

static struct dhcp6_message m;
static uint8_t in[DHCP6_BYTES_MAX + 64], built[DHCP6_BYTES_MAX];

static enum dhcp6_fault parse(const char *digits)
{
    return dhcp6_parse(&m, unhex(digits, in, sizeof in));
}

static void the_captured_messages_parse(void **state)
{
    (void)state;
    struct ip6 address = { 0x20010db800010002, 0x1002 };
    assert_int_equal(parse(sample6_request), DHCP6_FINE);
    assert_int_equal(m.type, DHCP6_REQUEST);
    assert_int_equal(m.xid, 0x2d1603);
    assert_true(m.client_id.len == 14 && m.server_id.len == 14 && m.option_request.len == 8);
    assert_int_equal(m.ia_count, 1);
    assert_true(m.ias[0].iaid == SAMPLE6_IAID && m.ias[0].t1_s == 3600 && m.ias[0].t2_s == 5400);
    assert_true(m.ias[0].first == 0 && m.ias[0].count == 1);
    assert_true(ip6_equal(m.addresses[0].address, address));
    assert_true(m.addresses[0].preferred_s == 7200 && m.addresses[0].valid_s == 7500);
    assert_true(dhcp6_asks_for(&m, 39) && !dhcp6_asks_for(&m, 25));
    assert_int_equal(parse(sample6_reply), DHCP6_FINE);
    assert_int_equal(dhcp6_option(m.options, DHCP6_OPTION_DNS_SERVERS).len, 16);
    assert_null(dhcp6_option(m.options, DHCP6_OPTION_DOMAIN_SEARCH).at);
    assert_null(m.option_request.at);
    assert_true(dhcp6_asks_for(&m, 25)); /* it says nothing of what it wants */
}

static void the_captured_reply_is_built(void **state)
{
    (void)state;
    uint8_t client[32], server[32], dns[16];
    struct writer w = writer_over(built, sizeof built);
    dhcp6_write_header(&w, DHCP6_REPLY, 0x2d1603);
    dhcp6_write_option(&w, DHCP6_OPTION_CLIENT_ID, unhex(SAMPLE6_CLIENT_DUID, client, sizeof client));
    dhcp6_write_option(&w, DHCP6_OPTION_SERVER_ID, unhex(SAMPLE6_SERVER_DUID, server, sizeof server));
    struct mark ia = dhcp6_ia_open(&w, DHCP6_OPTION_IA_NA, SAMPLE6_IAID, 1800, 2880);
    dhcp6_write_address(&w, (struct ip6){ 0x20010db800010002, 0x1002 }, 3600, 3600);
    dhcp6_option_close(&w, ia);
    dhcp6_write_option(&w, DHCP6_OPTION_DNS_SERVERS,
                       unhex("20010db8000000000000000000000035", dns, sizeof dns));
    struct span want = unhex(sample6_reply, in, sizeof in);
    assert_true(span_equal(writer_span(&w), want));
}

/* Whatever is cut off from the end, the rest is a fault, or ends between two options. */
static void a_message_cut_anywhere(void **state)
{
    (void)state;
    struct span whole = unhex(sample6_request, in, sizeof in);
    size_t fine = 0;
    for (size_t len = 0; len < whole.len; len++) {
        uint8_t copy[256]; /* of its own, so that a reader past its end is seen */
        memcpy(copy, whole.at, len);
        fine += dhcp6_parse(&m, span_of(copy, len)) == DHCP6_FINE;
    }
    assert_int_equal(fine, 5); /* the header, and after each option but the last */
}

static void lengths_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        const char *digits;
        enum dhcp6_fault fault;
        uint16_t option;
    } cases[] = {
        { "", DHCP6_TOO_SHORT, 0 },
        { "010000", DHCP6_TOO_SHORT, 0 },
        { "00000001", DHCP6_BAD_TYPE, 0 },
        { "0c000001", DHCP6_BAD_TYPE, 0 },
        { "ff000001", DHCP6_BAD_TYPE, 0 },
        { "01000001 0001", DHCP6_OPTION_CUT, DHCP6_OPTION_CLIENT_ID },
        { "01000001 0001000500010001", DHCP6_OPTION_CUT, DHCP6_OPTION_CLIENT_ID },
        { "01000001 000100020001", DHCP6_OPTION_LENGTH, DHCP6_OPTION_CLIENT_ID },
        { "01000001 00010000", DHCP6_OPTION_LENGTH, DHCP6_OPTION_CLIENT_ID },
        { "01000001 0002000200ff", DHCP6_OPTION_LENGTH, DHCP6_OPTION_SERVER_ID },
        { "01000001 000100030001aa 000100030001bb", DHCP6_OPTION_TWICE, DHCP6_OPTION_CLIENT_ID },
        { "01000001 000200030001aa 000200030001aa", DHCP6_OPTION_TWICE, DHCP6_OPTION_SERVER_ID },
        { "01000001 0003000b 0000000000000000000000", DHCP6_OPTION_LENGTH, DHCP6_OPTION_IA_NA },
        { "01000001 0003000e 000000000000000000000000 0005", DHCP6_OPTION_CUT, DHCP6_OPTION_IA_NA },
        { "01000001 00030011 000000000000000000000000 0005000100", DHCP6_OPTION_LENGTH,
          DHCP6_OPTION_IA_ADDRESS },
        { "01000001 00030010 000000000000000000000000 00050018", DHCP6_OPTION_CUT, DHCP6_OPTION_IA_NA },
        { "01000001 0003002a 000000000000000000000000 0005001a 20010db8000000000000000000000001 "
          "0000000000000000 000d",
          DHCP6_OPTION_CUT, DHCP6_OPTION_IA_ADDRESS },
        { "01000001 00030011 000000000000000000000000 000d000100", DHCP6_OPTION_LENGTH,
          DHCP6_OPTION_STATUS_CODE },
        { "01000001 00060003 001700", DHCP6_OPTION_LENGTH, DHCP6_OPTION_OPTION_REQUEST },
        { "01000001 00070000", DHCP6_OPTION_LENGTH, DHCP6_OPTION_PREFERENCE },
        { "01000001 000700020000", DHCP6_OPTION_LENGTH, DHCP6_OPTION_PREFERENCE },
        { "01000001 0008000100", DHCP6_OPTION_LENGTH, DHCP6_OPTION_ELAPSED_TIME },
        { "01000001 000e000100", DHCP6_OPTION_LENGTH, DHCP6_OPTION_RAPID_COMMIT },
        { "01000001 000d000100", DHCP6_OPTION_LENGTH, DHCP6_OPTION_STATUS_CODE },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum dhcp6_fault f = parse(cases[i].digits);
        if (f != cases[i].fault || m.fault_option != cases[i].option)
            fail_msg("%s: %s, option %u", cases[i].digits, dhcp6_fault_text(f), m.fault_option);
    }
}

static void a_duid_has_a_bound(void **state)
{
    (void)state;
    struct writer w = writer_over(in, sizeof in);
    uint8_t duid[DHCP6_DUID_MAX + 1] = { 0, 4 };
    dhcp6_write_header(&w, DHCP6_SOLICIT, 1);
    struct mark empty = writer_mark(&w);
    dhcp6_write_option(&w, DHCP6_OPTION_CLIENT_ID, span_of(duid, DHCP6_DUID_MAX));
    assert_int_equal(dhcp6_parse(&m, writer_span(&w)), DHCP6_FINE);
    writer_back_to(&w, empty);
    dhcp6_write_option(&w, DHCP6_OPTION_CLIENT_ID, span_of(duid, DHCP6_DUID_MAX + 1));
    assert_int_equal(dhcp6_parse(&m, writer_span(&w)), DHCP6_OPTION_LENGTH);
}

static void a_message_has_a_bound(void **state)
{
    (void)state;
    struct writer w = writer_over(in, sizeof in);
    dhcp6_write_header(&w, DHCP6_SOLICIT, 1);
    write_zeros(&w, DHCP6_BYTES_MAX - 4);
    assert_int_equal(dhcp6_parse(&m, writer_span(&w)), DHCP6_FINE);
    write_u8(&w, 0);
    assert_int_equal(dhcp6_parse(&m, writer_span(&w)), DHCP6_TOO_LONG);
}

static void as_many_ias_and_addresses_as_there_is_room_for(void **state)
{
    (void)state;
    struct writer w = writer_over(in, sizeof in);
    dhcp6_write_header(&w, DHCP6_SOLICIT, 1);
    for (uint32_t i = 0; i < DHCP6_IAS_MAX; i++)
        dhcp6_option_close(&w, dhcp6_ia_open(&w, DHCP6_OPTION_IA_NA, i, 0, 0));
    assert_int_equal(dhcp6_parse(&m, writer_span(&w)), DHCP6_FINE);
    assert_int_equal(m.ia_count, DHCP6_IAS_MAX);
    dhcp6_option_close(&w, dhcp6_ia_open(&w, DHCP6_OPTION_IA_PD, 99, 0, 0));
    assert_int_equal(dhcp6_parse(&m, writer_span(&w)), DHCP6_TOO_MANY);

    w = writer_over(in, sizeof in);
    dhcp6_write_header(&w, DHCP6_SOLICIT, 1);
    struct mark ia = dhcp6_ia_open(&w, DHCP6_OPTION_IA_NA, 1, 0, 0);
    for (uint32_t i = 0; i < DHCP6_IA_ADDRESSES_MAX; i++)
        dhcp6_write_address(&w, (struct ip6){ 1, i }, 0, 0);
    dhcp6_option_close(&w, ia);
    assert_int_equal(dhcp6_parse(&m, writer_span(&w)), DHCP6_FINE);
    assert_int_equal(m.ias[0].count, DHCP6_IA_ADDRESSES_MAX);
    dhcp6_write_address(&w, (struct ip6){ 1, 77 }, 0, 0);
    dhcp6_option_close(&w, ia);
    assert_int_equal(dhcp6_parse(&m, writer_span(&w)), DHCP6_TOO_MANY);
}

/* RFC 9915 16: unknown options are no reason to discard a message. */
static void unknown_options_are_passed_over(void **state)
{
    (void)state;
    assert_int_equal(parse("01000001 fffe0003616263 000e0000 00ff0000"), DHCP6_FINE);
    assert_true(m.rapid_commit);
    assert_int_equal(dhcp6_option(m.options, 0xfffe).len, 3);
    assert_non_null(dhcp6_option(m.options, 0xff).at);
    assert_int_equal(dhcp6_option(m.options, 0xff).len, 0);
}

static void statuses_are_read_where_they_stand(void **state)
{
    (void)state;
    assert_int_equal(parse("07000001 000d00050001626164"
                           "00030036 00000001 00000000 00000000"
                           "00050020 20010db8000000000000000000000001 0000000000000000 000d00040004 7878"
                           "000d00020003"),
                     DHCP6_FINE);
    assert_int_equal(m.status, DHCP6_UNSPEC_FAIL);
    assert_true(span_is(m.status_text, "bad"));
    assert_int_equal(m.ias[0].status, DHCP6_NO_BINDING);
    assert_int_equal(m.addresses[0].status, DHCP6_NOT_ON_LINK);
}

static void prefixes_and_temporary_addresses_are_noticed(void **state)
{
    (void)state;
    assert_int_equal(parse("01000001 0019000c 000000070000000000000000 00040004 00000001"), DHCP6_FINE);
    assert_true(m.ia_count == 1 && m.ias[0].code == DHCP6_OPTION_IA_PD && m.ias[0].iaid == 7);
    assert_true(m.has_ia_ta);
}

/* ---- relays ------------------------------------------------------------------------------- */

static struct dhcp6_relays relays, again;

static struct span wrap(size_t count, struct span inner)
{
    static uint8_t room[2 * DHCP6_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    struct dhcp6_wrap b;
    relays.count = count;
    for (size_t i = 0; i < count; i++)
        relays.relay[i] =
            (struct dhcp6_relay){ .hop_count = (uint8_t)(count - 1 - i),
                                  .link = { 0x20010db8, i },
                                  .peer = { 0xfe80, i },
                                  .interface_id = i ? span_text("eth1") : (struct span){ NULL, 0 } };
    dhcp6_wrap_open(&b, &w, DHCP6_RELAY_FORWARD, &relays);
    write_span(&w, inner);
    dhcp6_wrap_close(&b, &w);
    assert_true(writer_ok(&w));
    return writer_span(&w);
}

static void relays_come_off_as_they_were_put_on(void **state)
{
    (void)state;
    struct span message = unhex(sample6_solicit, in, sizeof in), inner;
    for (size_t count = 0; count <= DHCP6_RELAYS_MAX; count++) {
        assert_int_equal(dhcp6_unwrap(&again, wrap(count, message), &inner), DHCP6_FINE);
        assert_int_equal(again.count, count);
        assert_true(span_equal(inner, message));
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(again.relay[i].hop_count, relays.relay[i].hop_count);
            assert_true(ip6_equal(again.relay[i].link, relays.relay[i].link));
            assert_true(ip6_equal(again.relay[i].peer, relays.relay[i].peer));
            assert_true(span_equal(again.relay[i].interface_id, relays.relay[i].interface_id));
        }
    }
}

static void one_relay_too_many(void **state)
{
    (void)state;
    static uint8_t room[2 * DHCP6_BYTES_MAX];
    struct span inner, nine = wrap(DHCP6_RELAYS_MAX, unhex(sample6_solicit, in, sizeof in));
    struct writer w = writer_over(room, sizeof room);
    struct dhcp6_wrap b;
    relays.count = 1;
    dhcp6_wrap_open(&b, &w, DHCP6_RELAY_FORWARD, &relays);
    write_span(&w, nine);
    dhcp6_wrap_close(&b, &w);
    assert_int_equal(dhcp6_unwrap(&again, writer_span(&w), &inner), DHCP6_TOO_DEEP);
}

static void relays_that_say_nothing_or_too_little(void **state)
{
    (void)state;
    struct span inner;
    struct span whole = wrap(3, unhex(sample6_solicit, in, sizeof in));
    for (size_t len = 1; len < whole.len; len++)
        assert_int_not_equal(dhcp6_unwrap(&again, span_head(whole, len), &inner), DHCP6_FINE);
    uint8_t empty[34] = { DHCP6_RELAY_FORWARD };
    assert_int_equal(dhcp6_unwrap(&again, span_of(empty, sizeof empty), &inner), DHCP6_NO_MESSAGE);
    assert_int_equal(dhcp6_unwrap(&again, span_of(empty, 33), &inner), DHCP6_TOO_SHORT);
}

static void a_relays_port_is_kept(void **state)
{
    (void)state;
    uint8_t bytes[128];
    struct span inner, s = unhex("0c00 20010db8000000000000000000000001 fe800000000000000000000000000001"
                                 "0087000211d7 00090004 01000001",
                                 bytes, sizeof bytes);
    assert_int_equal(dhcp6_unwrap(&again, s, &inner), DHCP6_FINE);
    assert_int_equal(again.relay[0].port.len, 2);
    struct writer w = writer_over(built, sizeof built);
    struct dhcp6_wrap b;
    dhcp6_wrap_open(&b, &w, DHCP6_RELAY_FORWARD, &again);
    write_span(&w, inner);
    dhcp6_wrap_close(&b, &w);
    assert_true(span_equal(writer_span(&w), s));
}

static void a_relay_tells_the_clients_hardware(void **state)
{
    (void)state;
    uint8_t bytes[128], want[8];
    struct span inner;
    const char head[] = "0c00 20010db8000000000000000000000001 fe800000000000000000000000000001 ";
    char digits[256];
    snprintf(digits, sizeof digits, "%s 004f0008 0001 000c295e7744 00090004 01000001", head);
    assert_int_equal(dhcp6_unwrap(&again, unhex(digits, bytes, sizeof bytes), &inner), DHCP6_FINE);
    assert_true(span_equal(again.relay[0].hardware, unhex("000c295e7744", want, sizeof want)));
    snprintf(digits, sizeof digits, "%s 004f0001 00 00090004 01000001", head);
    assert_int_equal(dhcp6_unwrap(&again, unhex(digits, bytes, sizeof bytes), &inner), DHCP6_FINE);
    assert_int_equal(again.relay[0].hardware.len, 0);
}

/* ---- DUIDs, tables -------------------------------------------------------------------------- */

static void the_captured_duids_are_made(void **state)
{
    (void)state;
    uint8_t want[32], room[32];
    static const uint8_t hardware[6] = { 0x00, 0x0c, 0x29, 0x1f, 0xa7, 0x55 };
    struct writer w = writer_over(room, sizeof room);
    dhcp6_write_duid_llt(&w, span_of(hardware, 6), 1448213464); /* 22 November 2015, 17:31:04 UTC */
    assert_true(span_equal(writer_span(&w), unhex(SAMPLE6_SERVER_DUID, want, sizeof want)));
    assert_true(span_equal(dhcp6_duid_hardware(writer_span(&w)), span_of(hardware, 6)));
    assert_int_equal(dhcp6_duid_hardware(unhex("000200000009abcd", want, sizeof want)).len, 0);
    assert_int_equal(dhcp6_duid_hardware(unhex("00030001000c291fa755", want, sizeof want)).len, 6);
    assert_int_equal(dhcp6_duid_hardware(unhex("0003", want, sizeof want)).len, 0);
}

static void the_table_of_options_is_in_order(void **state)
{
    (void)state;
    unsigned found = 0;
    for (unsigned code = 0; code < 256; code++)
        found += dhcp6_option_row((uint16_t)code) != NULL;
#define OPTION6(code, id, word, type, whose, rfc, meaning)                                                   \
    assert_non_null(dhcp6_option_row(code));                                                                 \
    assert_string_equal(dhcp6_option_row(code)->name, word);                                                 \
    found--;
#include "wire/dhcp6_options.def"
#undef OPTION6
    assert_int_equal(found, 0);
    assert_string_equal(dhcp6_type_text(DHCP6_INFORMATION_REQUEST), "Information-request");
    assert_null(dhcp6_type_text(0));
    assert_null(dhcp6_type_text(200));
    assert_string_equal(dhcp6_status_text(DHCP6_NO_BINDING), "NoBinding");
    assert_string_equal(dhcp6_status_text(9999), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_captured_messages_parse),
        cmocka_unit_test(the_captured_reply_is_built),
        cmocka_unit_test(a_message_cut_anywhere),
        cmocka_unit_test(lengths_that_cannot_be),
        cmocka_unit_test(a_duid_has_a_bound),
        cmocka_unit_test(a_message_has_a_bound),
        cmocka_unit_test(as_many_ias_and_addresses_as_there_is_room_for),
        cmocka_unit_test(unknown_options_are_passed_over),
        cmocka_unit_test(statuses_are_read_where_they_stand),
        cmocka_unit_test(prefixes_and_temporary_addresses_are_noticed),
        cmocka_unit_test(relays_come_off_as_they_were_put_on),
        cmocka_unit_test(one_relay_too_many),
        cmocka_unit_test(relays_that_say_nothing_or_too_little),
        cmocka_unit_test(a_relays_port_is_kept),
        cmocka_unit_test(a_relay_tells_the_clients_hardware),
        cmocka_unit_test(the_captured_duids_are_made),
        cmocka_unit_test(the_table_of_options_is_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
