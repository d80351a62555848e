#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"

#define WORDS_MAX 80

static uint8_t room[DNS_RDATA_BYTES_MAX];
static struct dns_word_problem problem;

/* Words at single spaces; quotes stand around a whole word or behind its "=", and hold no blank. */
static size_t split(const char *text, struct dns_word *words)
{
    size_t count = 0;
    struct span rest = span_text(text);
    while (rest.len) {
        struct span word = span_head(rest, span_find(rest, ' '));
        size_t quote = span_find(word, '"');
        rest = span_from(rest, word.len + 1);
        if (quote)
            words[count++] = (struct dns_word){ span_head(word, quote), false };
        if (quote < word.len)
            words[count++] =
                (struct dns_word){ span_head(span_from(word, quote + 1), word.len - quote - 2), true };
    }
    return count;
}

static struct span data_of(const char *type, const char *text, uint16_t *code)
{
    struct dns_word words[WORDS_MAX];
    struct dns_name origin = name_of("example.");
    struct writer w = writer_over(room, sizeof room);
    assert_true(dns_type_from_text(span_text(type), code));
    size_t count = split(text, words);
    bool ok = dns_rdata_from_words(*code, words, count, &origin, &w, &problem);
    assert_true(ok || writer_length(&w) == 0);
    return ok ? writer_span(&w) : (struct span){ NULL, 0 };
}

/* The words are these octets, which fill their length exactly and are printed as `again`, which reads the
 * same. */
#define IS(type, text, again, bytes)                                                                         \
    do {                                                                                                     \
        char printed[1024];                                                                                  \
        uint16_t code;                                                                                       \
        struct span made = data_of(type, text, &code);                                                       \
        assert_int_equal(made.len, sizeof(bytes) - 1);                                                       \
        assert_memory_equal(made.at, bytes, sizeof(bytes) - 1);                                              \
        whole_only(code, made);                                                                              \
        struct writer w = writer_over(printed, sizeof printed - 1);                                          \
        write_dns_rdata_text(&w, code, made);                                                                \
        printed[writer_length(&w)] = 0;                                                                      \
        assert_string_equal(printed, again);                                                                 \
        made = data_of(type, printed, &code);                                                                \
        assert_int_equal(made.len, sizeof(bytes) - 1);                                                       \
        assert_memory_equal(made.at, bytes, sizeof(bytes) - 1);                                              \
    } while (0)

#define WRONG(type, text, at_word)                                                                           \
    do {                                                                                                     \
        uint16_t code;                                                                                       \
        assert_null(data_of(type, text, &code).at);                                                          \
        assert_int_equal(problem.word, at_word);                                                             \
        assert_non_null(problem.expected);                                                                   \
    } while (0)

/* Good as a whole; whatever a cut-off one is, nothing beyond its end is looked at and both checks agree. */
static void whole_only(uint16_t type, struct span data)
{
    static uint8_t other[DNS_RDATA_BYTES_MAX];
    assert_true(dns_rdata_is_plain(type, data));
    for (size_t len = 0; len <= data.len; len++) {
        struct writer w = writer_over(other, sizeof other);
        struct span part = span_head(data, len);
        assert_int_equal(dns_rdata_read(type, reader_over(part), part, &w), dns_rdata_is_plain(type, part));
    }
}

#define BAD(type, bytes)  assert_false(dns_rdata_is_plain(DNS_TYPE_##type, span_of(bytes, sizeof(bytes) - 1)))
#define GOOD(type, bytes) assert_true(dns_rdata_is_plain(DNS_TYPE_##type, span_of(bytes, sizeof(bytes) - 1)))

static void positions(void **state)
{
    (void)state;
    /* angles in thousandths of a second off 2^31, heights off -100 km */
    IS("LOC", "42 21 54 N 71 06 18 W -24m 30m", "42 21 54.000 N 71 6 18.000 W -24m 30m 10000m 10m",
       "\0\x33\x16\x13\x89\x17\x2d\xd0\x70\xbe\x15\xf0\0\x98\x8d\x20");
    IS("LOC", "0 S 0 E 0", "0 0 0.000 N 0 0 0.000 E 0m 1m 10000m 10m",
       "\0\x12\x16\x13\x80\0\0\0\x80\0\0\0\0\x98\x96\x80");
    IS("LOC", "90 S 180 0 0.000 w 42849672.95m 0.00 0.05 90000000m",
       "90 0 0.000 S 180 0 0.000 W 42849672.95m 0m 0.05m 90000000m",
       "\0\0\x50\x99\x6c\xb0\x27\0\x59\x60\x4e\0\xff\xff\xff\xff");
    WRONG("LOC", "", 0);
    WRONG("LOC", "91 N 0 E 0", 0);
    WRONG("LOC", "90 0 0.001 N 0 E 0", 3);
    WRONG("LOC", "1 60 N 0 E 0", 1);
    WRONG("LOC", "1 1 60 N 0 E 0", 2);
    WRONG("LOC", "1 1 1 1 N 0 E 0", 3);
    WRONG("LOC", "1 N 181 E 0", 2);
    WRONG("LOC", "1 N 0 N 0", 3);
    WRONG("LOC", "1 N 0 E", 4);
    WRONG("LOC", "1 N 0 E -100000.01", 4);
    WRONG("LOC", "1 N 0 E 42849672.96", 4);
    WRONG("LOC", "1 N 0 E 1.005", 4);
    WRONG("LOC", "1 N 0 E 1 90000000.01", 5);
    WRONG("LOC", "1 N 0 E 1 1 1 1 1", 8);
    BAD(LOC, "\1\x12\x16\x13\x80\0\0\0\x80\0\0\0\0\x98\x96\x80");
    BAD(LOC, "\0\xa2\x16\x13\x80\0\0\0\x80\0\0\0\0\x98\x96\x80");
    BAD(LOC, "\0\x12\x16\x13\xff\0\0\0\x80\0\0\0\0\x98\x96\x80");
}

static void keys_and_signatures(void **state)
{
    (void)state;
    IS("DNSKEY", "256 3 RSASHA256 AQID BA==", "256 3 8 AQIDBA==", "\1\0\3\x08\1\2\3\4");
    IS("CDNSKEY", "0 3 0 AA==", "0 3 0 AA==", "\0\0\3\0\0");
    IS("DS", "60485 ecdsap256sha256 1 2BB1 83AF", "60485 13 1 2BB183AF", "\xec\x45\x0d\1\x2b\xb1\x83\xaf");
    IS("CDS", "0 0 0 00", "0 0 0 00", "\0\0\0\0\0");
    IS("RRSIG", "A 5 3 86400 20030322173103 20030220173103 2642 example.com. AQI=",
       "A 5 3 86400 20030322173103 20030220173103 2642 example.com. AQI=",
       "\0\1\5\3\0\1\x51\x80\x3e\x7c\x9d\xd7\x3e\x55\x10\xd7\x0a\x52\7example\3com\0\1\2");
    IS("RRSIG", "TYPE65400 13 0 1h 4294967295 0 1 . AQID",
       "TYPE65400 13 0 3600 21060207062815 19700101000000 1 . AQID",
       "\xff\x78\x0d\0\0\0\x0e\x10\xff\xff\xff\xff\0\0\0\0\0\1\0\1\2\3");
    IS("DHCID", "AAIB Y2/A", "AAIBY2/A", "\0\2\1\x63\x6f\xc0");
    IS("OPENPGPKEY", "/w==", "/w==", "\xff");
    IS("SMIMEA", "3 0 0 FF", "3 0 0 FF", "\3\0\0\xff");
    IS("ZONEMD", "2018031500 1 1 ab cd", "2018031500 1 1 ABCD", "\x78\x48\xb7\x8c\1\1\xab\xcd");
    WRONG("DNSKEY", "256 3 RSA AQID", 2);
    WRONG("DNSKEY", "256 3 8", 3);
    WRONG("DNSKEY", "256 3 8 AQI", 3);
    WRONG("DNSKEY", "256 3 8 AQ=I", 3);
    WRONG("DNSKEY", "256 3 8 A===", 3);
    WRONG("DNSKEY", "256 3 8 AR==", 3); /* bits that no octet has */
    WRONG("DNSKEY", "256 3 8 AQ*=", 3);
    WRONG("RRSIG", "A 5 3 86400 20031322173103 0 2642 example.com. AQI=", 4);
    WRONG("RRSIG", "A 5 3 86400 2003032217310 0 2642 example.com. AQI=", 4);
    WRONG("RRSIG", "NOTYPE 5 3 86400 1 0 2642 example.com. AQI=", 0);
}

/* RFC 4034 5.3, RFC 6698 2.2, RFC 4255 3.2: whitespace anywhere. */
static void digits_are_cut_anywhere(void **state)
{
    (void)state;
    IS("DS", "12345 8 2 ABC D0000", "12345 8 2 ABCD0000", "\x30\x39\x08\2\xab\xcd\0\0");
    IS("TLSA", "3 1 1 A B C D", "3 1 1 ABCD", "\3\1\1\xab\xcd");
    IS("SSHFP", "2 1 123 4 56", "2 1 123456", "\2\1\x12\x34\x56");
    IS("ZONEMD", "1 1 1 ab c d", "1 1 1 ABCD", "\0\0\0\1\1\1\xab\xcd");
    IS("DNSKEY", "256 3 8 A QI DB A = =", "256 3 8 AQIDBA==", "\1\0\3\x08\1\2\3\4");
    IS("DHCID", "A A I B Y 2 / A", "AAIBY2/A", "\0\2\1\x63\x6f\xc0");
    WRONG("DS", "1 8 2 ABC D0", 4);
    WRONG("DS", "1 8 2 ABC DG0", 4);
    WRONG("DS", "1 8 2 AXC D00", 3);
    WRONG("TYPE731", "\\# 2 ABC D", 2); /* but here each word is whole: RFC 3597 5 */
}

static void certificates(void **state)
{
    (void)state;
    IS("CERT", "pgp 0 0 AQID", "PGP 0 0 AQID", "\0\3\0\0\0\1\2\3");
    IS("CERT", "1 65535 8 AQ ID", "PKIX 65535 RSASHA256 AQID", "\0\1\xff\xff\x08\1\2\3");
    IS("CERT", "253 0 ECDSAP256SHA256 AQID", "URI 0 ECDSAP256SHA256 AQID", "\0\xfd\0\0\x0d\1\2\3");
    IS("CERT", "65535 0 9 AQID", "65535 0 9 AQID", "\xff\xff\0\0\x09\1\2\3");
    IS("KEY", "512 3 RSASHA1 AQID", "512 3 5 AQID", "\2\0\3\5\1\2\3");
    IS("KEY", "49152 3 0", "49152 3 0", "\xc0\0\3\0");
    IS("DSYNC", "CDS notify 5359 b.", "CDS NOTIFY 5359 b.", "\0\x3b\1\x14\xef\1b\0");
    IS("DSYNC", "CDS 1 5359 b.", "CDS NOTIFY 5359 b.", "\0\x3b\1\x14\xef\1b\0");
    IS("DSYNC", "CDS 0 5359 b.", "CDS 0 5359 b.", "\0\x3b\0\x14\xef\1b\0");
    WRONG("CERT", "PGPX 0 0 AQID", 0);
    WRONG("CERT", "65536 0 0 AQID", 0);
    WRONG("CERT", "PGP 0 256 AQID", 2);
    WRONG("CERT", "PGP 0 0", 3);
    WRONG("DSYNC", "CDS 256 5359 b.", 1);
    WRONG("DSYNC", "CDS TELL 5359 b.", 1);
}

static void prefixes(void **state)
{
    (void)state;
    /* RFC 3123 4: no zeros at the end */
    IS("APL", "1:192.168.32.0/21 !1:192.168.38.0/28", "1:192.168.32.0/21 !1:192.168.38.0/28",
       "\0\1\x15\3\xc0\xa8\x20\0\1\x1c\x83\xc0\xa8\x26");
    IS("APL", "1:224.0.0.0/4 2:FF00:0:0:0:0:0:0:0/8", "1:224.0.0.0/4 2:ff00::/8",
       "\0\1\4\1\xe0\0\2\x08\1\xff");
    IS("APL", "1:0.0.0.0/0 2:::1/128", "1:0.0.0.0/0 2:::1/128",
       "\0\1\0\0\0\2\x80\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
    IS("APL", "", "", "");
    WRONG("APL", "1:192.0.2.0", 0);
    WRONG("APL", "1:192.0.2.0/33", 0);
    WRONG("APL", "1:192.0.2.0/24 2:::/129", 1);
    WRONG("APL", "1:2001:db8::/32", 0);
    WRONG("APL", "2:192.0.2.0/24", 0);
    WRONG("APL", "3:192.0.2.0/24", 0);
    WRONG("APL", "192.0.2.0/24", 0);
    WRONG("APL", "1:/24", 0);
    WRONG("APL", "!", 0);
    BAD(APL, "\0\1\x15\4\xc0\xa8\x20\0");
    BAD(APL, "\0\1\x21\0");
    BAD(APL, "\0\1\x20\5\1\1\1\1\1");
    BAD(APL, "\0\3\0\0");
    BAD(APL, "\0\1\x15\3\xc0\xa8");
}

static void locators_and_relays(void **state)
{
    (void)state;
    IS("NID", "10 0014:4FFF:ff20:ee64", "10 14:4fff:ff20:ee64", "\0\x0a\0\x14\x4f\xff\xff\x20\xee\x64");
    IS("L64", "10 0:0:0:0", "10 0:0:0:0", "\0\x0a\0\0\0\0\0\0\0\0");
    IS("AMTRELAY", "10 1 2 2001:db8::15", "10 1 2 2001:db8::15",
       "\x0a\x82\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x15");
    IS("AMTRELAY", "10 0 3 relay", "10 0 3 relay.example.", "\x0a\3\5relay\7example\0");
    IS("AMTRELAY", "10 1 0 .", "10 1 0 .", "\x0a\x80");
    IS("NSAP", "0x47.0005.80", "0x47000580", "\x47\0\5\x80");
    IS("NSAP", "0X4.7", "0x47", "\x47");
    WRONG("NID", "10 14:4fff:ff20", 1);
    WRONG("NID", "10 14:4fff:ff20:ee64:1", 1);
    WRONG("NID", "10 14::ff20:ee64", 1);
    WRONG("NID", "10 ::14:4fff", 1);
    WRONG("NID", "10 14:4fff:ff20:", 1);
    WRONG("NID", "10 00014:4fff:ff20:ee64", 1);
    WRONG("NID", "10 14:4fff:ff20:192.0.2.1", 1);
    WRONG("AMTRELAY", "10 2 1 192.0.2.1", 1);
    WRONG("AMTRELAY", "10 0 4 192.0.2.1", 2);
    WRONG("AMTRELAY", "10 0 1", 3);
    WRONG("AMTRELAY", "10 0 0 relay", 3);
    WRONG("AMTRELAY", "10 0 1 192.0.2.1 x", 4);
    WRONG("NSAP", "47000580", 0);
    WRONG("NSAP", "0x470", 0);
    WRONG("NSAP", "0x", 0);
    WRONG("ISDN", "a b c", 2);
    BAD(NID, "\0\x0a\0\0\0\0\0\0\0");
    BAD(AMTRELAY, "\x0a\4");
    BAD(AMTRELAY, "\x0a\x81\1\2\3");
    BAD(AMTRELAY, "\x0a\x80x");
    BAD(ISDN, "\1a\1b\1c");
    BAD(NSAP, "");
    BAD(NXT, "\0\x80");   /* bit 0: another form (RFC 2535 5.2) */
    BAD(NXT, "\0\x40\0"); /* zeros at its end */
    BAD(NXT, "\0\0012345678901234567");
    WRONG("NXT", "a. TYPE128", 1);
    WRONG("NXT", "a. TYPE0", 1);
}

static void bitmaps(void **state)
{
    (void)state;
    /* RFC 4034 4.3 */
    IS("NSEC", "host.example.com. A MX RRSIG NSEC TYPE1234", "host.example.com. A MX RRSIG NSEC TYPE1234",
       "\4host\7example\3com\0\0\6\x40\1\0\0\0\3\4\x1b\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
       "\x20");
    IS("NSEC", "@ NS CAA A a", "example. A NS CAA", "\7example\0\0\1\x60\1\1\x40");
    IS("CSYNC", "66 3 A NS AAAA", "66 3 A NS AAAA", "\0\0\0\x42\0\3\0\4\x60\0\0\x08");
    IS("CSYNC", "66 3", "66 3", "\0\0\0\x42\0\3");
    IS("NSEC3", "1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
       "1 1 12 AABBCCDD 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
       "\1\1\0\x0c\4\xaa\xbb\xcc\xdd\x14\x17\xf3\xdf\x17\xb2\xb2\xad\xae\xf6\x15\x25\x7d\xe4\xd2\x02\x0b\x80"
       "\xac\x6c\x7c"
       "\0\6\x40\0\0\0\0\2");
    IS("NSEC3", "1 0 0 - 00", "1 0 0 - 00", "\1\0\0\0\0\1\0");
    IS("NSEC3PARAM", "1 0 10 -", "1 0 10 -", "\1\0\0\x0a\0");
    WRONG("NSEC", "a. A NOTYPE", 2);
    WRONG("NSEC3", "1 0 0 abc 00", 3);
    WRONG("NSEC3", "1 0 0 - 0w", 4);
    WRONG("NSEC3", "1 0 0 - 0", 4);
    WRONG("NSEC3", "1 0 0 - 01", 4);
    WRONG("NSEC3", "1 0 0 -", 4);
    GOOD(NSEC, "\0\0\1\x40");
    BAD(NSEC, "\0\0\0");             /* an empty window */
    BAD(NSEC, "\0\0\2\x40\0");       /* zeros at its end */
    BAD(NSEC, "\0\0\2\x40");         /* cut off */
    BAD(NSEC, "\0\1\1\x40\1\1\x40"); /* twice */
    BAD(NSEC, "\0\1\1\x40\0\1\x40"); /* falling */
    BAD(NSEC, "\0\0\x21"
              "123456789012345678901234567890123");
    BAD(NSEC3, "\1\0\0\0\0\0"); /* no hash */
    BAD(NSEC3, "\1\0\0\0\5\0");
    BAD(NSEC3PARAM, "\1\0\0\0\1");
}

static void hosts(void **state)
{
    (void)state;
    IS("EUI48", "00-00-5E-00-53-2a", "00-00-5e-00-53-2a", "\0\0\x5e\0\x53\x2a");
    IS("EUI64", "00-00-5e-ef-10-00-00-2a", "00-00-5e-ef-10-00-00-2a", "\0\0\x5e\xef\x10\0\0\x2a");
    IS("IPSECKEY", "10 0 2 . AQID", "10 0 2 . AQID", "\x0a\0\2\1\2\3");
    IS("IPSECKEY", "10 1 2 192.0.2.38 AQ==", "10 1 2 192.0.2.38 AQ==", "\x0a\1\2\xc0\0\2\x26\1");
    IS("IPSECKEY", "10 2 2 2001:db8::1 AQ==", "10 2 2 2001:db8::1 AQ==",
       "\x0a\2\2\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1");
    IS("IPSECKEY", "10 3 2 gw AQ==", "10 3 2 gw.example. AQ==", "\x0a\3\2\2gw\7example\0\1");
    IS("IPSECKEY", "10 0 0 .", "10 0 0 .", "\x0a\0\0");
    IS("HIP", "2 200100107B1A74DF AQID", "2 200100107B1A74DF AQID",
       "\x08\2\0\3\x20\1\0\x10\x7b\x1a\x74\xdf\1\2\3");
    IS("HIP", "2 20 AQID rvs1 rvs2.test.", "2 20 AQID rvs1.example. rvs2.test.",
       "\1\2\0\3\x20\1\2\3\4rvs1\7example\0\4rvs2\4test\0");
    IS("DNAME", "other", "other.example.", "\5other\7example\0");
    WRONG("EUI48", "00-00-5e-00-53", 0);
    WRONG("EUI48", "00:00:5e:00:53:2a", 0);
    WRONG("EUI48", "00-00-5e-00-53-2g", 0);
    WRONG("EUI64", "00-00-5e-00-53-2a", 0);
    WRONG("IPSECKEY", "10 4 2 . AQID", 1);
    WRONG("IPSECKEY", "10 0 2 gw AQID", 3);
    WRONG("IPSECKEY", "10 1 2 gw AQID", 3);
    WRONG("IPSECKEY", "10 1 2", 3);
    WRONG("IPSECKEY", "10 1 2 192.0.2.1 A", 4);
    WRONG("HIP", "2 2 AQID", 1);
    WRONG("HIP", "2 20", 2);
    WRONG("HIP", "2 20 AQID a..b", 3);
    BAD(IPSECKEY, "\x0a\1\2\xc0\0\2");
    BAD(IPSECKEY, "\x0a\4\2");
    BAD(IPSECKEY, "\x0a\3\2\xc0\x0c");
    BAD(HIP, "\2\2\0\3\x20\1\2\3");
    BAD(HIP, "\0\2\0\3\1\2\3");
    GOOD(CAA, "\0\2a1x");
    BAD(CAA, "\0\2a x"); /* a tag has letters and digits */
    BAD(EUI48, "12345");
    BAD(EUI48, "1234567");
}

/* RFC 9460 appendix D */
static void services(void **state)
{
    (void)state;
    IS("HTTPS", "0 foo.example.com.", "0 foo.example.com.", "\0\0\3foo\7example\3com\0");
    IS("SVCB", "1 .", "1 .", "\0\1\0");
    IS("SVCB", "16 foo.example.com. port=53", "16 foo.example.com. port=53",
       "\0\x10\3foo\7example\3com\0\0\3\0\2\0\x35");
    IS("SVCB", "1 . key667=hello", "1 . key667=\"hello\"", "\0\1\0\2\x9b\0\5hello");
    IS("SVCB", "1 . key667=\"hello\\210qoo\"", "1 . key667=\"hello\\210qoo\"",
       "\0\1\0\2\x9b\0\x09hello\xd2qoo");
    IS("SVCB", "1 . ipv6hint=\"2001:db8::1,2001:db8::53:1\"", "1 . ipv6hint=2001:db8::1,2001:db8::53:1",
       "\0\1\0\0\6\0\x20\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\x53\0\1");
    IS("SVCB", "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
       "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1",
       "\0\x10\3foo\7example\3org\0\0\0\0\4\0\1\0\4\0\1\0\x09\2h2\5h3-19\0\4\0\4\xc0\0\2\1");
    IS("SVCB", "16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"", "16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
       "\0\x10\0\0\1\0\x0c\x08"
       "f\\oo,bar\2h2");
    IS("SVCB", "16 . alpn=f\\\\\\092oo\\092,bar,h2", "16 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
       "\0\x10\0\0\1\0\x0c\x08"
       "f\\oo,bar\2h2");
    IS("HTTPS", "1 . no-default-alpn alpn=h2 ech=AQI=", "1 . alpn=\"h2\" no-default-alpn ech=AQI=",
       "\0\1\0\0\1\0\3\2h2\0\2\0\0\0\5\0\2\1\2");
    IS("SVCB", "1 . dohpath=/dns-query{?dns} ohttp", "1 . dohpath=\"/dns-query{?dns}\" ohttp",
       "\0\1\0\0\7\0\x10/dns-query{?dns}\0\x08\0\0");
    IS("SVCB", "1 . key65534 key9=\"\"", "1 . key9 key65534", "\0\1\0\0\x09\0\0\xff\xfe\0\0");
}

/* RFC 9460 2.1: behind keyN= stand the octets that are sent, whether or not the key has a name. */
static void services_by_number(void **state)
{
    (void)state;
    IS("SVCB", "1 . key1=\\002h2", "1 . alpn=\"h2\"", "\0\1\0\0\1\0\3\2h2");
    IS("SVCB", "1 . key1=\"\\003a,b\\002h2\"", "1 . alpn=\"a\\\\,b,h2\"", "\0\1\0\0\1\0\7\3a,b\2h2");
    IS("SVCB", "1 . key3=\\000\\053", "1 . port=53", "\0\1\0\0\3\0\2\0\x35");
    IS("SVCB", "1 . key3=53", "1 . port=13619", "\0\1\0\0\3\0\2\x35\x33");
    IS("SVCB", "1 . key4=abcd", "1 . ipv4hint=97.98.99.100", "\0\1\0\0\4\0\4\x61\x62\x63\x64");
    IS("SVCB", "1 . key5=abcd", "1 . ech=YWJjZA==", "\0\1\0\0\5\0\4\x61\x62\x63\x64");
    IS("SVCB", "1 . alpn=h2 key2", "1 . alpn=\"h2\" no-default-alpn", "\0\1\0\0\1\0\3\2h2\0\2\0\0");
    IS("SVCB", "1 . key7=/q{?dns}", "1 . dohpath=\"/q{?dns}\"", "\0\1\0\0\7\0\x08/q{?dns}");
    IS("SVCB", "1 . key0=\\000\\001 alpn=h2", "1 . mandatory=alpn alpn=\"h2\"",
       "\0\1\0\0\0\0\2\0\1\0\1\0\3\2h2");
    IS("SVCB", "1 . mandatory=key3 port=53", "1 . mandatory=port port=53",
       "\0\1\0\0\0\0\2\0\3\0\3\0\2\0\x35");
    WRONG("SVCB", "1 . key1=h2", 2);
    WRONG("SVCB", "1 . key1=\\005h2", 2);
    WRONG("SVCB", "1 . key1", 2);
    WRONG("SVCB", "1 . key3=5", 2);
    WRONG("SVCB", "1 . key3=443", 2);
    WRONG("SVCB", "1 . key4=192.0.2.1", 2);
    WRONG("SVCB", "1 . alpn=h2 key2=x", 3);
    WRONG("SVCB", "1 . key2", 2);
    WRONG("SVCB", "1 . key0=alpn alpn=h2", 2);
    WRONG("SVCB", "1 . key0=\\000\\001", 2);
    WRONG("SVCB", "1 . key0=\\000\\001 port=53", 2);
    WRONG("SVCB", "1 . alpn=h2 key1=\\002h2", 3);
    WRONG("SVCB", "1 . key00667=a", 2);
    WRONG("SVCB", "1 . key03=ab", 2);
    WRONG("SVCB", "1 . ALPN=h2", 2);
    WRONG("SVCB", "1 . KEY667=a", 2);
    WRONG("SVCB", "1 . mandatory=PORT port=53", 2);
}

static void services_that_are_none(void **state)
{
    (void)state;
    WRONG("SVCB", "1 foo.example.com. key123=abc key123=def", 3);
    WRONG("SVCB", "1 . mandatory", 2);
    WRONG("SVCB", "1 . alpn", 2);
    WRONG("SVCB", "1 . port", 2);
    WRONG("SVCB", "1 . ipv4hint", 2);
    WRONG("SVCB", "1 . alpn=h2 no-default-alpn=abc", 3);
    WRONG("SVCB", "1 . no-default-alpn", 2);
    WRONG("SVCB", "1 . mandatory=key123", 2);
    WRONG("SVCB", "1 . mandatory=mandatory", 2);
    WRONG("SVCB", "1 . mandatory=key123,key123 key123=abc", 2);
    WRONG("SVCB", "1 . port=65536", 2);
    WRONG("SVCB", "1 . alpn=h2,,h3", 2);
    WRONG("SVCB", "1 . alpn=h2, port=1", 2);
    WRONG("SVCB", "1 . ipv4hint=192.0.2", 2);
    WRONG("SVCB", "1 . ipv4hint=192.0.2.1,", 2);
    WRONG("SVCB", "1 . mandatory=port, port=53", 2);
    WRONG("SVCB", "1 . alpn=h2 ipv6hint=,::1", 3);
    WRONG("SVCB", "1 . key65535=x", 2);
    WRONG("SVCB", "1 . nothing=x", 2);
    WRONG("SVCB", "1 . \"port\"", 2);
    WRONG("SVCB", "1 . ech=A", 2);
    WRONG("SVCB", "1", 1);
    BAD(SVCB, "\0\1\0\0\3\0\1\1");
    BAD(SVCB, "\0\1\0\0\3\0\3\1\1");
    BAD(SVCB, "\0\1\0\0\3\0\2\1\1\0\3\0\2\1\1");
    BAD(SVCB, "\0\1\0\0\3\0\2\1\1\0\2\0\0");
    BAD(SVCB, "\0\1\0\0\1\0\1\0");
    BAD(SVCB, "\0\1\0\0\1\0\2\2h");
    BAD(SVCB, "\0\1\0\0\4\0\0");
    BAD(SVCB, "\0\1\0\0\0\0\2\0\0");
    BAD(SVCB, "\0\1\0\xff\xff\0\0");
}

/* Bounds that a caller's room sets: nothing is written beyond, and nothing stays. */
static void what_does_not_fit_is_not_written(void **state)
{
    struct dns_word words[WORDS_MAX];
    struct dns_name origin = name_of("example.");
    uint8_t little[12];
    size_t count = split("16 foo.example.org. alpn=h2,h3-19 ipv4hint=192.0.2.1", words);
    (void)state;
    for (size_t len = 0; len <= sizeof little; len++) {
        struct writer w = writer_over(little, len);
        assert_false(dns_rdata_from_words(DNS_TYPE_SVCB, words, count, &origin, &w, &problem));
        assert_int_equal(writer_length(&w), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions),
        cmocka_unit_test(keys_and_signatures),
        cmocka_unit_test(digits_are_cut_anywhere),
        cmocka_unit_test(certificates),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(locators_and_relays),
        cmocka_unit_test(bitmaps),
        cmocka_unit_test(hosts),
        cmocka_unit_test(services),
        cmocka_unit_test(services_by_number),
        cmocka_unit_test(services_that_are_none),
        cmocka_unit_test(what_does_not_fit_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
