#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp4_samples.h"
#include "wire/frame.h"

static uint8_t room[FRAME_BYTES_MAX];

/* Down to the UDP payload; false where a layer is refused. */
static bool read_all(struct span frame, struct frame_ethernet *e, struct frame_ip4 *ip, struct frame_udp *u,
                     struct span *payload)
{
    struct reader r = reader_over(frame), packet, datagram;
    if (!frame_read_ethernet(&r, e) || e->type != FRAME_IP4 || !frame_read_ip4(&r, ip, &packet) ||
        ip->protocol != FRAME_UDP || !frame_read_udp(&packet, ip, u, &datagram))
        return false;
    *payload = read_rest(&datagram);
    return true;
}

static void a_captured_frame_is_read_and_built_alike(void **state)
{
    (void)state;
    struct frame_ethernet e;
    struct frame_ip4 ip;
    struct frame_udp u;
    struct span payload;
    assert_true(read_all(span_of(sample_offer_frame, sizeof sample_offer_frame), &e, &ip, &u, &payload));
    assert_memory_equal(e.from, "\x00\x0c\x29\xc0\x60\xa4", 6);
    assert_memory_equal(e.to, "\x00\x0c\x29\x59\xfd\x21", 6);
    assert_int_equal(ip.from, 0xc0a80105);
    assert_int_equal(ip.to, 0xc0a8010a);
    assert_int_equal(ip.ttl, 128);
    assert_int_equal(ip.tos, 0x10);
    assert_int_equal(u.from, 67);
    assert_int_equal(u.to, 68);
    assert_true(u.checksum_good);
    assert_true(span_equal(payload, span_of(sample_offer, sizeof sample_offer)));
    struct writer w = writer_over(room, sizeof room);
    frame_write_ethernet(&w, &e);
    frame_write_udp4(&w, &ip, &u, payload);
    assert_int_equal(writer_length(&w), sizeof sample_offer_frame);
    assert_memory_equal(room, sample_offer_frame, sizeof sample_offer_frame);
}

static void any_flipped_bit_of_header_or_datagram_is_noticed(void **state)
{
    (void)state;
    uint8_t bytes[sizeof sample_offer_frame];
    struct frame_ethernet e;
    struct frame_ip4 ip;
    struct frame_udp u;
    struct span payload;
    for (size_t i = FRAME_ETHERNET_BYTES; i < sizeof bytes; i++) {
        memcpy(bytes, sample_offer_frame, sizeof bytes);
        bytes[i] ^= 0x40;
        bool read = read_all(span_of(bytes, sizeof bytes), &e, &ip, &u, &payload);
        assert_false(read && u.checksum_good);
    }
}

static void a_frame_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct frame_ethernet e;
    struct frame_ip4 ip;
    struct frame_udp u;
    struct span payload;
    for (size_t len = 0; len < sizeof sample_offer_frame; len++)
        assert_false(read_all(span_of(sample_offer_frame, len), &e, &ip, &u, &payload));
}

/* The header of the captured packet with one field changed and its checksum made right again. */
static bool reads_with(size_t at, uint16_t value)
{
    uint8_t bytes[sizeof sample_offer_frame];
    memcpy(bytes, sample_offer_frame, sizeof bytes);
    struct writer w = writer_over(bytes + FRAME_ETHERNET_BYTES, FRAME_IP4_BYTES);
    write_zeros(&w, FRAME_IP4_BYTES);
    memcpy(bytes + FRAME_ETHERNET_BYTES, sample_offer_frame + FRAME_ETHERNET_BYTES, FRAME_IP4_BYTES);
    writer_patch_u16(&w, (struct mark){ at }, value);
    writer_patch_u16(&w, (struct mark){ 10 }, 0);
    writer_patch_u16(&w, (struct mark){ 10 }, frame_checksum(writer_span(&w)));
    struct reader r = reader_over(span_of(bytes, sizeof bytes)), packet;
    struct frame_ethernet e;
    struct frame_ip4 ip;
    return frame_read_ethernet(&r, &e) && frame_read_ip4(&r, &ip, &packet);
}

static void lengths_versions_and_fragments_are_checked(void **state)
{
    (void)state;
    assert_true(reads_with(2, 330));
    assert_true(reads_with(2, 20));
    assert_false(reads_with(2, 19));
    assert_false(reads_with(2, 0));
    assert_false(reads_with(2, 331));
    assert_false(reads_with(2, 0xffff));
    assert_false(reads_with(0, 0x6510)); /* version 6 */
    assert_false(reads_with(0, 0x4410)); /* a header of 16 bytes */
    assert_true(reads_with(6, 0x4000));  /* don't fragment */
    assert_false(reads_with(6, 0x2000)); /* more fragments */
    assert_false(reads_with(6, 0x0001)); /* a later fragment */
}

static void udp_lengths_are_checked(void **state)
{
    (void)state;
    static const struct {
        uint8_t length;
        bool good;
    } cases[] = { { 0, false }, { 7, false },  { 8, true },   { 9, true },
                  { 12, true }, { 13, false }, { 255, false } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[12] = { 0, 67, 0, 68, 0, cases[i].length };
        struct reader r = reader_over(span_of(bytes, sizeof bytes)), inside;
        struct frame_ip4 ip = { .protocol = FRAME_UDP };
        struct frame_udp u;
        assert_int_equal(frame_read_udp(&r, &ip, &u, &inside), cases[i].good);
        if (cases[i].good) {
            assert_true(u.checksum_good); /* 0: there is none */
            assert_int_equal(reader_left(&inside), cases[i].length - 8);
        }
    }
}

static void padding_is_not_in_the_packet(void **state)
{
    (void)state;
    struct frame_ip4 ip = { .from = 1, .to = 2, .ttl = 64 };
    struct frame_udp u = { .from = 1, .to = 2 };
    struct writer w = writer_over(room, sizeof room);
    frame_write_udp4(&w, &ip, &u, span_of("abc", 3));
    write_zeros(&w, 15);
    struct reader r = reader_over(writer_span(&w)), packet, datagram;
    assert_true(frame_read_ip4(&r, &ip, &packet));
    assert_true(frame_read_udp(&packet, &ip, &u, &datagram));
    assert_true(u.checksum_good); /* of an odd length */
    assert_true(span_is(read_rest(&datagram), "abc"));
}

static void a_udp_checksum_is_never_written_as_zero(void **state)
{
    (void)state;
    struct frame_ip4 ip = { .from = 0, .to = 0, .ttl = 1 };
    struct frame_udp u = { .from = 0, .to = 0 };
    for (unsigned i = 0; i < 0x10000; i++) { /* among all words one makes the sum zero */
        uint8_t payload[2] = { (uint8_t)(i >> 8), (uint8_t)i };
        struct writer w = writer_over(room, sizeof room);
        frame_write_udp4(&w, &ip, &u, span_of(payload, 2));
        assert_true(room[FRAME_IP4_BYTES + 6] || room[FRAME_IP4_BYTES + 7]);
    }
}

static void arp_is_read_and_built_alike(void **state)
{
    (void)state;
    struct frame_arp a = { .op = FRAME_ARP_REQUEST, .from = 0xc0a80105, .to = 0xc0a8010a }, b;
    memcpy(a.from_mac, "\x02\0\0\0\0\x01", 6);
    struct writer w = writer_over(room, sizeof room);
    frame_write_arp(&w, &a);
    assert_int_equal(writer_length(&w), 28);
    for (size_t len = 0; len <= 28; len++) {
        struct reader r = reader_over(span_of(room, len));
        assert_int_equal(frame_read_arp(&r, &b), len == 28);
    }
    assert_int_equal(b.op, a.op);
    assert_int_equal(b.from, a.from);
    assert_int_equal(b.to, a.to);
    assert_memory_equal(b.from_mac, a.from_mac, 6);
    room[4] = 8; /* hardware addresses of another length */
    struct reader r = reader_over(span_of(room, 28));
    assert_false(frame_read_arp(&r, &b));
}

static void echo_is_read_and_built_alike(void **state)
{
    (void)state;
    struct frame_ip4 ip = { .from = 1, .to = 2, .ttl = 64 };
    struct frame_echo e = { .type = FRAME_ECHO_REQUEST, .id = 7, .sequence = 9 }, back;
    struct writer w = writer_over(room, sizeof room);
    frame_write_echo(&w, &ip, &e, span_of("odd", 3));
    struct reader r = reader_over(writer_span(&w)), message, inside;
    assert_true(frame_read_ip4(&r, &ip, &message));
    assert_int_equal(ip.protocol, FRAME_ICMP);
    assert_true(frame_read_echo(&message, &back, &inside));
    assert_int_equal(back.type, FRAME_ECHO_REQUEST);
    assert_int_equal(back.id, 7);
    assert_int_equal(back.sequence, 9);
    assert_true(span_is(read_rest(&inside), "odd"));
    room[FRAME_IP4_BYTES + 9] ^= 1;
    r = reader_over(writer_span(&w));
    assert_true(frame_read_ip4(&r, &ip, &message));
    assert_false(frame_read_echo(&message, &back, &inside));
}

static void vlan_tags_are_passed(void **state)
{
    (void)state;
    static const uint8_t tagged[] = { 1,    2, 3, 4, 5,    6, 1, 2, 3, 4, 5,   7,
                                      0x81, 0, 0, 5, 0x81, 0, 0, 6, 8, 0, 0x45 };
    struct reader r = reader_over(span_of(tagged, sizeof tagged));
    struct frame_ethernet e;
    assert_true(frame_read_ethernet(&r, &e));
    assert_int_equal(e.type, FRAME_IP4);
    assert_int_equal(reader_left(&r), 1);
    for (size_t len = 0; len < 22; len++) {
        r = reader_over(span_of(tagged, len));
        assert_false(frame_read_ethernet(&r, &e));
    }
}

static void too_little_room_fails_the_writer(void **state)
{
    (void)state;
    struct frame_ip4 ip = { .from = 1, .to = 2, .ttl = 64 };
    struct frame_udp u = { .from = 1, .to = 2 };
    for (size_t size = 0; size <= 31; size++) {
        struct writer w = writer_over(room, size);
        frame_write_udp4(&w, &ip, &u, span_of("abc", 3));
        assert_int_equal(writer_ok(&w), size == 31);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_captured_frame_is_read_and_built_alike),
        cmocka_unit_test(any_flipped_bit_of_header_or_datagram_is_noticed),
        cmocka_unit_test(a_frame_cut_anywhere_is_refused),
        cmocka_unit_test(lengths_versions_and_fragments_are_checked),
        cmocka_unit_test(udp_lengths_are_checked),
        cmocka_unit_test(padding_is_not_in_the_packet),
        cmocka_unit_test(a_udp_checksum_is_never_written_as_zero),
        cmocka_unit_test(arp_is_read_and_built_alike),
        cmocka_unit_test(echo_is_read_and_built_alike),
        cmocka_unit_test(vlan_tags_are_passed),
        cmocka_unit_test(too_little_room_fails_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
