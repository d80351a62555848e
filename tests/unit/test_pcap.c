#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/pcap.h"

static uint8_t room[1024];

/* A block in network byte order. */
static void write_block(struct writer *w, uint32_t type, struct span body)
{
    write_u32(w, type);
    write_u32(w, (uint32_t)(12 + body.len));
    write_span(w, body);
    write_u32(w, (uint32_t)(12 + body.len));
}

/* A section with one raw-IP interface that keeps six bytes of a packet; times in milliseconds. */
static struct writer open_section(void)
{
    struct writer w = writer_over(room, sizeof room);
    write_block(&w, 0x0a0d0d0a, span_of("\x1a\x2b\x3c\x4d\0\1\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16));
    write_block(&w, 1, span_of("\0\x65\0\0\0\0\0\6\0\x9\0\1\3\0\0\0\0\0\0\0", 20));
    return w;
}

static void packets_of_every_kind_of_block(void **state)
{
    (void)state;
    struct writer w = open_section();
    struct pcap_reader r;
    struct pcap_packet p;
    write_block(&w, 3,
                span_of("\0\0\0\x9"
                        "abcdef\0\0",
                        12));
    write_block(&w, 2, span_of("\0\0\0\0\0\0\0\0\0\0\7\xd1\0\0\0\2\0\0\0\3xy\0\0", 24));
    write_block(&w, 0x77, span_of("what?   ", 8));
    write_block(&w, 6, span_of("\0\0\0\0\0\0\0\0\0\0\7\xd1\0\0\0\4\0\0\0\4wxyz", 24));
    assert_true(pcap_open(&r, writer_span(&w)));
    assert_true(pcap_next(&r, &p));
    assert_true(span_is(p.bytes, "abcdef") && p.original_bytes == 9 && p.unix_ns == 0 && p.link_type == 101);
    assert_true(pcap_next(&r, &p));
    assert_true(span_is(p.bytes, "xy") && p.original_bytes == 3 && p.unix_ns == 2001000000 &&
                p.link_type == 101);
    assert_true(pcap_next(&r, &p));
    assert_true(span_is(p.bytes, "wxyz") && p.unix_ns == 2001000000);
    assert_false(pcap_next(&r, &p));
    assert_null(pcap_fault(&r));
}

static void a_simple_packet_longer_than_its_block(void **state)
{
    (void)state;
    struct writer w = open_section();
    struct pcap_reader r;
    struct pcap_packet p;
    size_t before = writer_length(&w);
    write_block(&w, 3,
                span_of("\0\0\0\x9"
                        "abcd",
                        8));
    assert_true(pcap_open(&r, writer_span(&w)));
    assert_false(pcap_next(&r, &p));
    assert_string_equal(pcap_fault(&r), "a length inside a block is longer than the block");
    assert_int_equal(pcap_offset(&r), before);
}

/* Every value of every length byte of a classic file: it is read, or it is said where it is damaged. */
static void lengths_of_a_classic_file(void **state)
{
    (void)state;
    uint8_t file[24 + 16 + 4 + 16] = { 0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4 };
    struct pcap_reader r;
    struct pcap_packet p;
    file[23] = 1;
    file[24 + 11] = 4;
    file[24 + 15] = 4;
    memcpy(file + 40, "abcd", 4);
    assert_true(pcap_open(&r, span_of(file, sizeof file)));
    assert_true(pcap_next(&r, &p) && span_is(p.bytes, "abcd"));
    assert_true(pcap_next(&r, &p) && p.bytes.len == 0);
    assert_false(pcap_next(&r, &p));
    assert_null(pcap_fault(&r));
    for (size_t at = 24 + 8; at < 24 + 12; at++)
        for (unsigned value = 0; value < 256; value++) {
            uint8_t kept = file[at];
            size_t packets = 0;
            file[at] = (uint8_t)value;
            assert_true(pcap_open(&r, span_of(file, sizeof file)));
            while (pcap_next(&r, &p)) {
                assert_true(p.bytes.at >= file && p.bytes.at + p.bytes.len <= file + sizeof file);
                assert_true(++packets < 4);
            }
            assert_true(pcap_fault(&r) || pcap_offset(&r) <= sizeof file);
            file[at] = kept;
        }
}

static void what_is_no_capture(void **state)
{
    (void)state;
    struct pcap_reader r;
    assert_false(pcap_open(&r, span_text("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")));
    assert_string_equal(pcap_fault(&r), "it is neither pcap nor pcapng");
    assert_false(pcap_open(&r, span_of("\xa1\xb2\xc3\xd4", 4)));
    assert_string_equal(pcap_fault(&r), "its header is cut short");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_every_kind_of_block),
        cmocka_unit_test(a_simple_packet_longer_than_its_block),
        cmocka_unit_test(lengths_of_a_classic_file),
        cmocka_unit_test(what_is_no_capture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
