#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/pcapng.h"

#define SECTION_LITTLE                                                                                       \
    0x0a, 0x0d, 0x0d, 0x0a, 0x1c, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, \
        0xff, 0xff, 0xff, 0x1c, 0, 0, 0
#define SECTION_BIG                                                                                          \
    0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 0x1c, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, \
        0xff, 0xff, 0xff, 0, 0, 0, 0x1c
#define INTERFACE_LITTLE 1, 0, 0, 0, 0x14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 4, 0, 0x14, 0, 0, 0

static uint8_t room[4096];

static void assert_span(struct span s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.at, text, s.len);
}

/* A file as other programs write it: little-endian, microseconds by default. */
static const uint8_t foreign[] = { SECTION_LITTLE, INTERFACE_LITTLE,
                                   /* a packet of 14 bytes at 1476375983.772197 s */
                                   6, 0, 0, 0, 0x44, 0, 0, 0, 0, 0, 0, 0, 0xc1, 0x3e, 5, 0, 0x25, 0x52, 0x11,
                                   0x92, 14, 0, 0, 0, 0x56, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0,
                                   0x0c, 0x29, 0x59, 0xfd, 0x21, 8, 0, 0, 0, 1, 0, 2, 0, 'h', 'i', 0, 0, 2, 0,
                                   4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x44, 0, 0, 0 };

static void a_foreign_file_is_read(void **state)
{
    (void)state;
    struct pcapng_reader r;
    struct pcapng_block b;
    pcapng_open(&r, span_of(foreign, sizeof foreign));
    assert_true(pcapng_next(&r, &b));
    assert_int_equal(b.kind, PCAPNG_SECTION);
    assert_true(pcapng_next(&r, &b));
    assert_int_equal(b.kind, PCAPNG_INTERFACE);
    assert_int_equal(b.interface.link_type, PCAPNG_ETHERNET);
    assert_int_equal(b.interface.snap_bytes, 0x40000);
    assert_true(pcapng_next(&r, &b));
    assert_int_equal(b.kind, PCAPNG_PACKET);
    assert_true(b.packet.unix_ns == INT64_C(1476375983772197000));
    assert_int_equal(b.packet.bytes.len, 14);
    assert_int_equal(b.packet.bytes.at[11], 0x21);
    assert_int_equal(b.packet.original_bytes, 342);
    assert_span(b.packet.comment, "hi");
    assert_int_equal(b.packet.direction, PCAPNG_OUTBOUND);
    assert_false(pcapng_next(&r, &b));
    assert_null(pcapng_fault(&r));
}

/* Cut anywhere but between blocks it is damaged, and no packet comes out that is not whole. */
static void a_file_cut_anywhere_is_noticed(void **state)
{
    (void)state;
    for (size_t len = 1; len < sizeof foreign; len++) {
        struct pcapng_reader r;
        struct pcapng_block b;
        size_t blocks = 0;
        pcapng_open(&r, span_of(foreign, len));
        while (pcapng_next(&r, &b))
            blocks++;
        assert_int_equal(blocks, len < 28 ? 0 : len < 48 ? 1 : 2);
        assert_true((pcapng_fault(&r) == NULL) == (len == 28 || len == 48));
    }
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    static const uint8_t mac[6] = { 0, 0x0c, 0x29, 0x59, 0xfd, 0x21 };
    static const uint8_t ip4[8] = { 192, 168, 1, 5, 255, 255, 255, 0 }, ip6[16] = { 0x20, 1, 0x0d, 0xb8 };
    struct pcapng_section s = { .comment = span_text("a title"), .application = span_text("wirelab") };
    struct pcapng_interface i = { .link_type = PCAPNG_ETHERNET,
                                  .name = span_text("eth0"),
                                  .description = span_text("client"),
                                  .hardware = span_of(mac, 6),
                                  .ip4 = span_of(ip4, 8) };
    struct pcapng_name names[] = { { span_of(ip4, 4), span_text("server") },
                                   { span_of(ip6, 16), span_text("six") } };
    struct pcapng_secrets secrets = { PCAPNG_TLS_KEY_LOG, span_text("CLIENT_RANDOM 00 11\n") };
    struct pcapng_packet p = { .unix_ns = INT64_C(1476375983772197001),
                               .bytes = span_text("thirteen byte"),
                               .original_bytes = 1500,
                               .direction = PCAPNG_INBOUND,
                               .comment = span_text("DISCOVER: a client looks for a server") };
    struct writer w = writer_over(room, sizeof room);
    struct pcapng_reader r;
    struct pcapng_block b;
    struct pcapng_name n;
    pcapng_write_section(&w, &s);
    pcapng_write_interface(&w, &i);
    pcapng_write_names(&w, names, 2);
    pcapng_write_secrets(&w, &secrets);
    pcapng_write_packet(&w, &p);
    assert_true(writer_ok(&w));
    assert_int_equal(writer_length(&w) % 4, 0);
    pcapng_open(&r, writer_span(&w));
    assert_true(pcapng_next(&r, &b) && b.kind == PCAPNG_SECTION);
    assert_span(b.section.comment, "a title");
    assert_span(b.section.application, "wirelab");
    assert_int_equal(b.section.os.len, 0);
    assert_true(pcapng_next(&r, &b) && b.kind == PCAPNG_INTERFACE);
    assert_span(b.interface.name, "eth0");
    assert_span(b.interface.description, "client");
    assert_true(span_equal(b.interface.hardware, i.hardware) && span_equal(b.interface.ip4, i.ip4));
    assert_true(pcapng_next(&r, &b) && b.kind == PCAPNG_NAMES);
    assert_true(pcapng_next_name(&b, &n) && span_equal(n.address, names[0].address));
    assert_span(n.name, "server");
    assert_true(pcapng_next_name(&b, &n) && span_equal(n.address, names[1].address));
    assert_span(n.name, "six");
    assert_false(pcapng_next_name(&b, &n));
    assert_true(pcapng_next(&r, &b) && b.kind == PCAPNG_SECRETS);
    assert_int_equal(b.secrets.type, 0x544c534b);
    assert_span(b.secrets.bytes, "CLIENT_RANDOM 00 11\n");
    assert_true(pcapng_next(&r, &b) && b.kind == PCAPNG_PACKET);
    assert_true(b.packet.unix_ns == p.unix_ns && b.packet.original_bytes == 1500);
    assert_true(b.packet.direction == PCAPNG_INBOUND && span_equal(b.packet.bytes, p.bytes));
    assert_true(span_equal(b.packet.comment, p.comment));
    assert_false(pcapng_next(&r, &b));
    assert_null(pcapng_fault(&r));
}

/* draft-ietf-opsawg-pcapng 4.1: type, length, magic, version, section length, options, length. */
static void the_section_header_is_the_drafts(void **state)
{
    (void)state;
    static const uint8_t wanted[] = { 0x0a, 0x0d, 0x0d, 0x0a, 0, 0,    0,    0x20, 0x1a, 0x2b, 0x3c,
                                      0x4d, 0,    1,    0,    0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0,    0,    0, 0,    0,    0,    0,    0x20 };
    struct writer w = writer_over(room, sizeof room);
    pcapng_write_section(&w, &(struct pcapng_section){ 0 });
    assert_int_equal(writer_length(&w), sizeof wanted);
    assert_memory_equal(room, wanted, sizeof wanted);
}

static void no_room_is_a_failure(void **state)
{
    (void)state;
    struct pcapng_packet p = { .bytes = span_text("a packet"), .original_bytes = 8 };
    struct writer w = writer_over(room, sizeof room);
    pcapng_write_packet(&w, &p);
    size_t needed = writer_length(&w);
    for (size_t size = 0; size < needed; size++) {
        w = writer_over(room, size);
        pcapng_write_packet(&w, &p);
        assert_false(writer_ok(&w));
    }
}

/* The time of a packet with this count, of an interface with these two options (big-endian file). */
static int64_t time_of(uint8_t resolution, uint64_t count, uint64_t offset_s)
{
    uint8_t file[256];
    static const uint8_t section[] = { SECTION_BIG };
    struct writer w = writer_over(file, sizeof file);
    struct pcapng_reader r;
    struct pcapng_block b = { 0 };
    write_bytes(&w, section, sizeof section);
    write_u32(&w, 1);
    write_u32(&w, 44);
    write_u32(&w, 1 << 16);
    write_u32(&w, 0);
    write_u32(&w, 9 << 16 | 1);
    write_u32(&w, (uint32_t)resolution << 24);
    write_u32(&w, 14 << 16 | 8);
    write_u64(&w, offset_s);
    write_u32(&w, 0);
    write_u32(&w, 44);
    write_u32(&w, 6);
    write_u32(&w, 32);
    write_u32(&w, 0);
    write_u64(&w, count);
    write_u64(&w, 0);
    write_u32(&w, 32);
    pcapng_open(&r, writer_span(&w));
    for (int i = 0; i < 3; i++)
        assert_true(pcapng_next(&r, &b));
    return b.packet.unix_ns;
}

static void times_count_in_the_interfaces_units(void **state)
{
    (void)state;
    const int64_t second = 1000000000;
    assert_true(time_of(0, 5, 0) == 5 * second);
    assert_true(time_of(3, 1500, 0) == second + second / 2);
    assert_true(time_of(6, 1, 0) == 1000);
    assert_true(time_of(9, 123, 0) == 123);
    assert_true(time_of(12, 5999, 0) == 5);
    assert_true(time_of(0x80, 7, 0) == 7 * second);
    assert_true(time_of(0x80 | 10, 1024 + 256, 0) == second + second / 4);
    assert_true(time_of(0x80 | 40, UINT64_C(3) << 39, 0) == second + second / 2);
    assert_true(time_of(9, 123, 100) == 100 * second + 123);
    assert_true(time_of(9, 123, (uint64_t)-1) == 123 - second);
    time_of(127, UINT64_MAX, UINT64_MAX); /* nonsense, and no harm */
    time_of(255, UINT64_MAX, UINT64_MAX);
}

/* if_tsoffset in a little-endian file: a 64-bit number. */
static void an_offset_is_read_in_either_byte_order(void **state)
{
    (void)state;
    static const uint8_t file[] = { SECTION_LITTLE,
                                    1,
                                    0,
                                    0,
                                    0,
                                    0x20,
                                    0,
                                    0,
                                    0,
                                    1,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    14,
                                    0,
                                    8,
                                    0,
                                    100,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0x20,
                                    0,
                                    0,
                                    0,
                                    6,
                                    0,
                                    0,
                                    0,
                                    0x20,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    5,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0,
                                    0x20,
                                    0,
                                    0,
                                    0 };
    struct pcapng_reader r;
    struct pcapng_block b = { 0 };
    pcapng_open(&r, span_of(file, sizeof file));
    for (int i = 0; i < 3; i++)
        assert_true(pcapng_next(&r, &b));
    assert_true(b.packet.unix_ns == INT64_C(100000005000));
}

/* The foreign file with one of its 32-bit numbers changed. */
static const char *fault_with(size_t at, uint32_t value, size_t *blocks)
{
    uint8_t file[sizeof foreign];
    struct pcapng_reader r;
    struct pcapng_block b;
    memcpy(file, foreign, sizeof file);
    for (size_t i = 0; i < 4; i++)
        file[at + i] = (uint8_t)(value >> 8 * i);
    *blocks = 0;
    pcapng_open(&r, span_of(file, sizeof file));
    while (pcapng_next(&r, &b))
        ++*blocks;
    return pcapng_fault(&r);
}

static void every_wrong_length_is_noticed(void **state)
{
    (void)state;
    static const uint32_t block_lengths[] = { 0, 1, 4, 8, 11, 12, 0x43, 0x45, 0x48, 0x7ffffffc, 0xffffffff };
    static const uint32_t packet_lengths[] = { 0x31, 0x44, 0x7fffffff, 0xffffffff };
    size_t blocks;
    for (size_t i = 0; i < sizeof block_lengths / sizeof *block_lengths; i++) {
        assert_non_null(fault_with(52, block_lengths[i], &blocks)); /* in front */
        assert_int_equal(blocks, 2);
        assert_non_null(fault_with(sizeof foreign - 4, block_lengths[i], &blocks)); /* at the end */
        assert_int_equal(blocks, 2);
    }
    for (size_t i = 0; i < sizeof packet_lengths / sizeof *packet_lengths; i++) {
        assert_non_null(fault_with(68, packet_lengths[i], &blocks));
        assert_int_equal(blocks, 2);
    }
    assert_non_null(fault_with(92, 1 | 0xffffU << 16, &blocks)); /* an option */
    assert_int_equal(blocks, 2);
    assert_non_null(fault_with(56, 1, &blocks));         /* an interface that is not there */
    assert_non_null(fault_with(8, 0x11223344, &blocks)); /* no magic */
    assert_int_equal(blocks, 0);
    assert_non_null(fault_with(0, 6, &blocks)); /* no section in front */
    assert_int_equal(blocks, 0);
    assert_non_null(fault_with(12, 2, &blocks)); /* a version that does not exist */
    assert_int_equal(blocks, 0);
}

static void unknown_blocks_are_stepped_over(void **state)
{
    (void)state;
    size_t blocks;
    assert_null(fault_with(48, 0x0bad, &blocks));
    assert_int_equal(blocks, 3);
}

static void interfaces_have_a_bound_and_begin_anew_in_a_section(void **state)
{
    (void)state;
    static uint8_t file[16384];
    struct writer w = writer_over(file, sizeof file);
    struct pcapng_reader r;
    struct pcapng_block b;
    for (int section = 0; section < 2; section++) {
        pcapng_write_section(&w, &(struct pcapng_section){ 0 });
        for (int i = 0; i < PCAPNG_INTERFACES_MAX + section; i++)
            pcapng_write_interface(&w, &(struct pcapng_interface){ .link_type = PCAPNG_ETHERNET });
    }
    size_t blocks = 0;
    pcapng_open(&r, writer_span(&w));
    while (pcapng_next(&r, &b))
        blocks++;
    assert_int_equal(blocks, 2 * (PCAPNG_INTERFACES_MAX + 1));
    assert_non_null(pcapng_fault(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_foreign_file_is_read),
        cmocka_unit_test(a_file_cut_anywhere_is_noticed),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(the_section_header_is_the_drafts),
        cmocka_unit_test(no_room_is_a_failure),
        cmocka_unit_test(times_count_in_the_interfaces_units),
        cmocka_unit_test(an_offset_is_read_in_either_byte_order),
        cmocka_unit_test(every_wrong_length_is_noticed),
        cmocka_unit_test(unknown_blocks_are_stepped_over),
        cmocka_unit_test(interfaces_have_a_bound_and_begin_anew_in_a_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
