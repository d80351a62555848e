#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"

/* Messages that really crossed a wire. */
static const uint8_t query_www[] = { 0x8b, 0x34, 0x01, 0x00, 0,   1,   0,   0,   0,   0,   0,   0,
                                     3,    'w',  'w',  'w',  8,   'n', 'o', 's', 't', 'a', 'r', 'c',
                                     'h',  3,    'c',  'o',  'm', 0,   0,   1,   0,   1 };
static const uint8_t nxdomain[] = {
    0xf2, 0x3f, 0x81, 0x83, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x17, 0x31, 0x32, 0x34, 0x39,
    0x38, 0x32, 0x38, 0x33, 0x37, 0x31, 0x39, 0x33, 0x30, 0x31, 0x33, 0x38, 0x32, 0x39, 0x37, 0x31, 0x39,
    0x37, 0x34, 0x03, 0x6e, 0x65, 0x74, 0x00, 0x00, 0x01, 0x00, 0x01, 0xc0, 0x24, 0x00, 0x06, 0x00, 0x01,
    0x00, 0x00, 0x03, 0x83, 0x00, 0x3d, 0x01, 0x61, 0x0c, 0x67, 0x74, 0x6c, 0x64, 0x2d, 0x73, 0x65, 0x72,
    0x76, 0x65, 0x72, 0x73, 0xc0, 0x24, 0x05, 0x6e, 0x73, 0x74, 0x6c, 0x64, 0x0c, 0x76, 0x65, 0x72, 0x69,
    0x73, 0x69, 0x67, 0x6e, 0x2d, 0x67, 0x72, 0x73, 0x03, 0x63, 0x6f, 0x6d, 0x00, 0x58, 0xde, 0x66, 0x7e,
    0x00, 0x00, 0x07, 0x08, 0x00, 0x00, 0x03, 0x84, 0x00, 0x09, 0x3a, 0x80, 0x00, 0x01, 0x51, 0x80
};
static const uint8_t reverse[] = { 0xb0, 0xa6, 0x81, 0x80, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00,
                                   0x02, 0x32, 0x35, 0x03, 0x32, 0x30, 0x36, 0x03, 0x31, 0x31, 0x39, 0x02,
                                   0x37, 0x35, 0x07, 0x69, 0x6e, 0x2d, 0x61, 0x64, 0x64, 0x72, 0x04, 0x61,
                                   0x72, 0x70, 0x61, 0x00, 0x00, 0x0c, 0x00, 0x01, 0xc0, 0x0c, 0x00, 0x0c,
                                   0x00, 0x01, 0x00, 0x00, 0x38, 0x40, 0x00, 0x25, 0x0c, 0x61, 0x70, 0x61,
                                   0x63, 0x68, 0x65, 0x32, 0x2d, 0x72, 0x61, 0x6e, 0x6b, 0x08, 0x66, 0x75,
                                   0x6c, 0x6c, 0x73, 0x61, 0x69, 0x6c, 0x09, 0x64, 0x72, 0x65, 0x61, 0x6d,
                                   0x68, 0x6f, 0x73, 0x74, 0x03, 0x63, 0x6f, 0x6d, 0x00 };
/* The transfer's query has two stray octets behind its question. */
static const uint8_t axfr_query[] = { 0x00, 0x07, 0x01, 0x00, 0,   1,   0,    0,   0,   0,    0,
                                      0,    7,    'c',  'o',  'n', 't', 'o',  's', 'o', 5,    'l',
                                      'o',  'c',  'a',  'l',  0,   0,   0xfc, 0,   1,   0x4d, 0x53 };

static struct dns_query q;

static enum dns_query_state read_query(const void *bytes, size_t len)
{
    return dns_query_read(span_of(bytes, len), &q);
}

static void reads_the_captured_query(void **state)
{
    (void)state;
    assert_int_equal(read_query(query_www, sizeof query_www), DNS_QUERY_GOOD);
    assert_int_equal(q.header.id, 0x8b34);
    assert_int_equal(q.header.flags, DNS_RD);
    assert_true(q.asked);
    assert_false(q.edns.present);
    assert_int_equal(q.question.type, DNS_TYPE_A);
    assert_int_equal(q.question.class, DNS_CLASS_IN);
    struct dns_name expected = name_of("www.nostarch.com.");
    assert_true(span_equal(dns_name_span(&q.question.name), dns_name_span(&expected)));
}

static void stray_octets_are_tolerated(void **state)
{
    (void)state;
    assert_int_equal(read_query(axfr_query, sizeof axfr_query), DNS_QUERY_GOOD);
    assert_int_equal(q.question.type, DNS_TYPE_AXFR);
}

static void reads_the_captured_responses(void **state)
{
    (void)state;
    assert_string_equal(
        reply_text(span_of(nxdomain, sizeof nxdomain)),
        "NXDOMAIN ra;; net. 899 SOA a.gtld-servers.net. nstld.verisign-grs.com. 1490970238 1800 900 604800 "
        "86400;");
    assert_string_equal(
        reply_text(span_of(reverse, sizeof reverse)),
        "NOERROR ra; 25.206.119.75.in-addr.arpa. 14400 PTR apache2-rank.fullsail.dreamhost.com.;;");
}

/* A message cut anywhere is not half believed. */
static void cuts_are_errors(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof query_www; len++) {
        uint8_t *exact = malloc(len ? len : 1);
        memcpy(exact, query_www, len);
        enum dns_query_state s = read_query(exact, len);
        assert_int_equal(s, len < DNS_HEADER_BYTES ? DNS_QUERY_DROP : DNS_QUERY_ERROR);
        if (s == DNS_QUERY_ERROR)
            assert_int_equal(q.rcode, DNS_FORMERR);
        assert_non_null(q.why);
        free(exact);
    }
}

static void responses_are_dropped(void **state)
{
    (void)state;
    assert_int_equal(read_query(nxdomain, sizeof nxdomain), DNS_QUERY_DROP);
}

/* Header bits of a query with one good question, and what comes of them. */
static enum dns_query_state with_header(uint16_t flags, uint16_t questions, uint16_t answers,
                                        uint16_t additionals)
{
    uint8_t m[sizeof query_www];
    memcpy(m, query_www, sizeof m);
    struct writer w = writer_over(m, sizeof m);
    write_dns_header(&w, &(struct dns_header){ .id = 1,
                                               .flags = flags,
                                               .questions = questions,
                                               .answers = answers,
                                               .additionals = additionals });
    return read_query(m, sizeof m);
}

static void one_question_of_one_opcode(void **state)
{
    (void)state;
    assert_int_equal(with_header(0, 1, 0, 0), DNS_QUERY_GOOD);
    for (uint16_t opcode = 1; opcode < 16; opcode++) {
        assert_int_equal(with_header((uint16_t)(opcode << 11), 1, 0, 0), DNS_QUERY_ERROR);
        assert_int_equal(q.rcode, DNS_NOTIMP);
    }
    uint16_t counts[] = { 0, 2, 0xFFFF };
    for (size_t i = 0; i < 3; i++) { /* RFC 9619 */
        assert_int_equal(with_header(0, counts[i], 0, 0), DNS_QUERY_ERROR);
        assert_int_equal(q.rcode, DNS_FORMERR);
        assert_false(q.asked);
    }
}

static void missing_records_are_errors(void **state)
{
    (void)state;
    assert_int_equal(with_header(0, 1, 1, 0), DNS_QUERY_ERROR);
    assert_int_equal(q.rcode, DNS_FORMERR);
    assert_true(q.asked); /* it could be read, so the reply repeats it */
    assert_int_equal(with_header(0, 1, 0, 0xFFFF), DNS_QUERY_ERROR);
}

/* The captured query with these octets as one additional record. */
static enum dns_query_state with_record(const char *record, size_t len, uint16_t additionals)
{
    static uint8_t m[512];
    memcpy(m, query_www, sizeof query_www);
    memcpy(m + sizeof query_www, record, len);
    m[11] = (uint8_t)additionals;
    return read_query(m, sizeof query_www + len);
}
#define WITH(record, n) with_record(record, sizeof(record) - 1, n)

static void edns(void **state)
{
    (void)state;
    assert_int_equal(WITH("\0\0\x29\x10\0\0\0\x80\0\0\0", 1), DNS_QUERY_GOOD);
    assert_true(q.edns.present);
    assert_int_equal(q.edns.udp_bytes, 4096);
    assert_true(q.edns.dnssec_ok);
    /* an option: code 10, eight octets */
    assert_int_equal(WITH("\0\0\x29\x04\xd0\0\0\0\0\0\x0c\0\x0a\0\x08"
                          "12345678",
                          1),
                     DNS_QUERY_GOOD);
    assert_int_equal(q.edns.options.len, 12);
    /* version 1 */
    assert_int_equal(WITH("\0\0\x29\x10\0\0\1\0\0\0\0", 1), DNS_QUERY_ERROR);
    assert_int_equal(q.rcode, DNS_BADVERS);
    assert_true(q.edns.present);
}

/* RFC 6891 6.1.1: a reply to a message with OPT has one, whatever else is wrong with that. */
static void edns_of_what_is_refused(void **state)
{
    static uint8_t m[512];
    static const struct {
        uint8_t opcode, questions, version;
        enum dns_rcode rcode;
    } rows[] = { { 15, 1, 0, DNS_NOTIMP },  { 15, 0, 0, DNS_NOTIMP }, { 15, 2, 0, DNS_NOTIMP },
                 { 0, 2, 0, DNS_FORMERR },  { 0, 0, 0, DNS_FORMERR }, { 0, 2, 1, DNS_BADVERS },
                 { 15, 1, 1, DNS_BADVERS }, { 2, 1, 0, DNS_NOTIMP } };
    static const char question[] = "\1a\0\0\1\0\1", opt[] = "\0\0\x29\x10\0\0\0\0\0\0\0";
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct writer w = writer_over(m, sizeof m);
        struct dns_header h = { 1, (uint16_t)(rows[i].opcode << 11), rows[i].questions, 0, 0, 1 };
        write_dns_header(&w, &h);
        for (unsigned n = 0; n < rows[i].questions; n++)
            write_bytes(&w, question, sizeof question - 1);
        size_t version = writer_length(&w) + 6;
        write_bytes(&w, opt, sizeof opt - 1);
        m[version] = rows[i].version;
        assert_int_equal(read_query(m, writer_length(&w)), DNS_QUERY_ERROR);
        assert_int_equal(q.rcode, rows[i].rcode);
        assert_true(q.edns.present);
        assert_int_equal(read_query(m, writer_length(&w) - 1), DNS_QUERY_ERROR); /* OPT is cut short */
        assert_false(q.edns.present);
    }
}

static void malformed_edns(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint16_t count;
    } bad[] = {
#define BAD(b, n) { b, sizeof(b) - 1, n }
        BAD("\0\0\x29\x10\0\0\0\0\0\0\0"
            "\0\0\x29\x10\0\0\0\0\0\0\0",
            2),                                         /* two of them */
        BAD("\1a\0\0\x29\x10\0\0\0\0\0\0\0", 1),        /* not the root's */
        BAD("\0\0\x29\x10\0\0\0\0\0\0\1\0", 1),         /* one octet of options */
        BAD("\0\0\x29\x10\0\0\0\0\0\0\4\0\x0a\0\1", 1), /* an option past its end */
        BAD("\0\0\x29\x10\0\0\0\0\0\0\x0c\0\x0a\0\x09"
            "12345678",
            1), /* by one */
        BAD("\0\0\x29\x10\0\0\0\0\0\0\x0c\0\x0a\xff\xff"
            "12345678",
            1),
        BAD("\0\0\x29\x10\0\0\0\0\0\0\1", 1), /* RDLENGTH past the message */
        BAD("\0\0\x29\x10\0\0\0\0\0\xff\xff", 1),
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(with_record(bad[i].bytes, bad[i].len, bad[i].count), DNS_QUERY_ERROR);
        assert_int_equal(q.rcode, DNS_FORMERR);
    }
}

/* Five hundred copies of an option change nothing. */
static void many_options(void **state)
{
    uint8_t m[4096];
    struct writer w = writer_over(m, sizeof m);
    (void)state;
    write_bytes(&w, query_www, sizeof query_www);
    m[11] = 1;
    write_bytes(&w, "\0\0\x29\x10\0\0\0\0\0", 9);
    struct mark length = write_length16(&w);
    for (int i = 0; i < 500; i++)
        write_bytes(&w, "\0\3\0\0", 4);
    close_length16(&w, length);
    assert_int_equal(read_query(m, writer_length(&w)), DNS_QUERY_GOOD);
}

static void types_that_cannot_be_asked_for(void **state)
{
    uint8_t m[sizeof query_www];
    (void)state;
    memcpy(m, query_www, sizeof m);
    for (unsigned type = 0; type < 300; type++) {
        m[sizeof m - 4] = (uint8_t)(type >> 8);
        m[sizeof m - 3] = (uint8_t)type;
        bool meta = type == 41 || (type >= 128 && type < 251) || type == 253 || type == 254;
        assert_int_equal(read_query(m, sizeof m), meta ? DNS_QUERY_ERROR : DNS_QUERY_GOOD);
        if (meta)
            assert_int_equal(q.rcode, type == 41 ? DNS_FORMERR : DNS_NOTIMP);
    }
}

/* RFC 1995 3: the serial is read from the SOA in the authority section, with compressed names and all. */
static void ixfr_serial(void **state)
{
    static const char m[] = "\0\1\0\0\0\1\0\0\0\1\0\0"
                            "\4zone\0\0\xfb\0\1"
                            "\xc0\x0c\0\6\0\1\0\0\0\0\0\x18"
                            "\xc0\x0c\xc0\x0c\0\0\1\0"
                            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    (void)state;
    assert_int_equal(read_query(m, sizeof m - 1), DNS_QUERY_GOOD);
    assert_true(q.has_serial);
    assert_int_equal(q.serial, 256);
}

static void serials_wrap(void **state)
{
    (void)state;
    assert_true(dns_serial_newer(2, 1));
    assert_false(dns_serial_newer(1, 2));
    assert_false(dns_serial_newer(7, 7));
    assert_true(dns_serial_newer(0, 0xFFFFFFFF));
    assert_true(dns_serial_newer(0x7FFFFFFF, 0));
    assert_false(dns_serial_newer(0x80000000, 0)); /* not defined; must not be both */
}

static void what_is_written_reads_back(void **state)
{
    uint8_t m[512];
    (void)state;
    size_t len = build_query(m, sizeof m, "wWw.Example.", "MX", 1232);
    assert_int_equal(read_query(m, len), DNS_QUERY_GOOD);
    assert_int_equal(q.header.id, 0x1234);
    assert_int_equal(q.question.type, DNS_TYPE_MX);
    assert_int_equal(q.edns.udp_bytes, 1232);
    struct dns_name n = name_of("wWw.Example.");
    assert_memory_equal(q.question.name.bytes, n.bytes, n.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_captured_query),
        cmocka_unit_test(stray_octets_are_tolerated),
        cmocka_unit_test(reads_the_captured_responses),
        cmocka_unit_test(cuts_are_errors),
        cmocka_unit_test(responses_are_dropped),
        cmocka_unit_test(one_question_of_one_opcode),
        cmocka_unit_test(missing_records_are_errors),
        cmocka_unit_test(edns),
        cmocka_unit_test(edns_of_what_is_refused),
        cmocka_unit_test(malformed_edns),
        cmocka_unit_test(many_options),
        cmocka_unit_test(types_that_cannot_be_asked_for),
        cmocka_unit_test(ixfr_serial),
        cmocka_unit_test(serials_wrap),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
