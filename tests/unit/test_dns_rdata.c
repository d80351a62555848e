#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"

#define WORDS_MAX 80

static uint8_t room[DNS_RDATA_BYTES_MAX];
static struct dns_word_problem problem;

/* Words at single spaces; one that begins with ' is quoted. */
static size_t split(const char *text, struct dns_word *words)
{
    size_t count = 0;
    struct span rest = span_text(text);
    while (rest.len) {
        struct span word = span_head(rest, span_find(rest, ' '));
        bool quoted = word.len && word.at[0] == '\'';
        rest = span_from(rest, word.len + 1);
        words[count++] = (struct dns_word){ quoted ? span_from(word, 1) : word, quoted };
    }
    return count;
}

static struct span data_of(const char *type, const char *text)
{
    struct dns_word words[WORDS_MAX];
    struct dns_name origin = name_of("example.");
    struct writer w = writer_over(room, sizeof room);
    uint16_t code;
    assert_true(dns_type_from_text(span_text(type), &code));
    size_t count = split(text, words);
    bool ok = dns_rdata_from_words(code, words, count, &origin, &w, &problem);
    assert_int_equal(ok || writer_length(&w) == 0, true);
    return ok ? writer_span(&w) : (struct span){ NULL, 0 };
}

#define IS(type, text, bytes)                                                                                \
    do {                                                                                                     \
        struct span made = data_of(type, text);                                                              \
        assert_int_equal(made.len, sizeof(bytes) - 1);                                                       \
        assert_memory_equal(made.at, bytes, sizeof(bytes) - 1);                                              \
    } while (0)

/* Word number `at` is where it is wrong. */
#define WRONG(type, text, at_word)                                                                           \
    do {                                                                                                     \
        assert_null(data_of(type, text).at);                                                                 \
        assert_int_equal(problem.word, at_word);                                                             \
        assert_non_null(problem.expected);                                                                   \
    } while (0)

static void words_become_data(void **state)
{
    (void)state;
    IS("A", "192.0.2.1", "\xc0\0\2\1");
    IS("a", "255.255.255.255", "\377\377\377\377");
    IS("AAAA", "2001:db8::1", "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1");
    IS("NS", "ns", "\2ns\7example\0");
    IS("CNAME", "@", "\7example\0");
    IS("PTR", "host.", "\4host\0");
    IS("MX", "10 .", "\0\x0a\0");
    IS("TXT", "'one two '", "\3one\3two\0");
    IS("TXT", "\\\"\\065\\;", "\3\"A;");
    IS("SRV", "0 100 3268 dns3", "\0\0\0\x64\x0c\xc4\4dns3\7example\0");
    IS("CAA", "128 issue 'ca.test",
       "\x80\5issue"
       "ca.test");
    IS("CAA", "0 iodef '", "\0\5iodef");
    IS("SOA", "ns admin.other. 4294967295 1h 1h30m 1w2d 300",
       "\2ns\7example\0\5admin\5other\0\377\377\377\377\0\0\x0e\x10\0\0\x15\x18\0\x0b\xdd\x80\0\0\1\x2c");
    IS("DS", "1 8 2 AB cd", "\0\1\x08\2\xab\xcd");
    IS("HINFO", "PC 'Linux", "\2PC\5Linux");
}

static void wrong_words_are_told(void **state)
{
    (void)state;
    WRONG("A", "192.0.2", 0);
    WRONG("A", "192.0.2.256", 0);
    WRONG("A", "192.0.2.1.", 0);
    WRONG("A", "192.0.2.0001", 0);
    WRONG("A", "1.2.3.4 5.6.7.8", 1);
    WRONG("A", "", 0);
    WRONG("AAAA", "2001:db8::1::2", 0);
    WRONG("AAAA", "1:2:3:4:5:6:7:8:9", 0);
    WRONG("AAAA", "192.0.2.1", 0);
    WRONG("MX", "mail", 0);
    WRONG("MX", "10", 1);
    WRONG("MX", "65536 mail", 0);
    WRONG("MX", "-1 mail", 0);
    WRONG("NS", "a..b", 0);
    WRONG("SRV", "0 100 3268", 3);
    WRONG("TXT", "", 0);
    WRONG("CAA", "256 issue 'x", 0);
    WRONG("CAA", "0 is_sue 'x", 1);
    WRONG("SOA", "ns admin 1 2 3 4", 6);
    WRONG("SOA", "ns admin 4294967296 2 3 4 5", 2);
    WRONG("SOA", "ns admin 1 1y 3 4 5", 3);
    WRONG("DS", "1 8 2 ABC", 3);
    WRONG("DS", "1 8 2 GG", 3);
}

static void strings_have_255_octets(void **state)
{
    char text[258];
    (void)state;
    memset(text, 'x', sizeof text);
    text[255] = 0;
    assert_int_equal(data_of("TXT", text).len, 256);
    text[255] = 'x';
    text[256] = 0;
    WRONG("TXT", text, 0);
}

/* RFC 3597 5. */
static void generic_form(void **state)
{
    (void)state;
    IS("TYPE731", "\\# 6 abcdef 012345", "\xab\xcd\xef\1\x23\x45");
    IS("TYPE731", "\\# 0", "");
    IS("TYPE1", "\\# 4 0A000001", "\x0a\0\0\1");
    IS("A", "\\# 4 0A000001", "\x0a\0\0\1");
    IS("NS", "\\# 5 036E733100", "\3ns1\0");
    WRONG("TYPE731", "\\# 6 abcdef", 1);
    WRONG("TYPE731", "\\# 2 abcdef", 1);
    WRONG("TYPE731", "\\#", 1);
    WRONG("TYPE731", "\\# x", 1);
    WRONG("TYPE731", "abc", 0);
    WRONG("A", "\\# 3 0A0000", 2); /* not what the type is */
    WRONG("NS", "\\# 2 C00C", 2);  /* a pointer where there is no message */
    WRONG("NS", "\\# 6 036E73310000", 2);
    WRONG("TXT", "\\# 3 056162", 2);
}

static void types_by_name(void **state)
{
    uint16_t type;
    char text[16];
    (void)state;
    assert_true(dns_type_from_text(span_text("mx"), &type));
    assert_int_equal(type, 15);
    assert_true(dns_type_from_text(span_text("TYPE65535"), &type));
    assert_int_equal(type, 65535);
    assert_false(dns_type_from_text(span_text("TYPE65536"), &type));
    assert_false(dns_type_from_text(span_text("TYPE"), &type));
    assert_false(dns_type_from_text(span_text("TYP"), &type));
    assert_false(dns_type_from_text(span_text(""), &type));
    struct writer w = writer_over(text, sizeof text);
    write_dns_type_text(&w, 31337);
    write_dns_type_text(&w, 257);
    assert_true(span_is(writer_span(&w), "TYPE31337CAA"));
    assert_true(dns_type_is_meta(DNS_TYPE_AXFR));
    assert_true(dns_type_is_meta(200));
    assert_true(dns_type_is_meta(0)); /* RFC 6895 3.1 */
    assert_false(dns_type_is_meta(DNS_TYPE_CAA));
    assert_false(dns_type_is_meta(DNS_TYPE_HTTPS));
}

static void periods(void **state)
{
    static const struct {
        const char *text;
        uint32_t seconds;
    } good[] = { { "0", 0 },       { "2147483647", 0x7FFFFFFF }, { "1h30m", 5400 },
                 { "1W", 604800 }, { "1d2H3m4S", 93784 },        { "1h30", 3630 } };
    static const char *const bad[] = { "",      "h",  "1x",  "1hm", "2147483648", "99999999999999999999",
                                       "4000w", "-1", "1.5h" };
    uint32_t seconds;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(dns_period_from_text(span_text(good[i].text), &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(dns_period_from_text(span_text(bad[i]), &seconds));
}

/* A record or more of every type there is, as it is printed. */
static const struct {
    const char *type, *text;
} records[] = {
    { "A", "192.0.2.1" },
    { "NS", "ns.example." },
    { "MD", "mail.example." },
    { "MF", "mail.example." },
    { "CNAME", "other.example." },
    { "SOA", "ns.example. admin.example. 1 2 3 4 5" },
    { "MB", "host.example." },
    { "MG", "member.example." },
    { "MR", "new.example." },
    { "PTR", "host.example." },
    { "HINFO", "\"PC\" \"Linux 6\"" },
    { "MINFO", "owner.example. errors.example." },
    { "MX", "10 mail.example." },
    { "TXT", "\"a\\\"b\\\\c\\000\\255\" \"\"" },
    { "RP", "a\\.b.example. ." },
    { "AFSDB", "1 afs.example." },
    { "X25", "\"311061700956\"" },
    { "ISDN", "\"150862028003217\" \"004\"" },
    { "ISDN", "\"150862028003217\"" },
    { "RT", "10 relay.example." },
    { "NSAP", "0x47000580005a0000000001e133ffffff00016100" },
    { "SIG", "A 5 3 86400 20030322173103 20030220173103 2642 example. AQI=" },
    { "KEY", "512 3 5 AQID" },
    { "KEY", "49152 3 5" },
    { "PX", "10 map822.example. mapx400.example." },
    { "GPOS", "\"-22.6882\" \"116.8652\" \"250.0\"" },
    { "AAAA", "2001:db8::1" },
    { "LOC", "42 21 54.000 N 71 6 18.000 W -24m 30m 10000m 10m" },
    { "NXT", "next.example. A MX NXT" },
    { "NXT", "next.example." },
    { "EID", "12AB" },
    { "NIMLOC", "32251A030067" },
    { "SRV", "0 5 5060 sip.example." },
    { "NAPTR", "1 2 \"S\" \"SIP+D2U\" \"\" _sip._udp.example." },
    { "KX", "10 kx.example." },
    { "CERT", "PGP 0 0 AQID" },
    { "CERT", "65534 1 RSASHA256 AQID" },
    { "DNAME", "other.test." },
    { "SINK", "1 2 3 AQID" },
    { "APL", "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8" },
    { "DS", "60485 13 1 2BB183AF" },
    { "SSHFP", "2 1 123456" },
    { "IPSECKEY", "10 1 2 192.0.2.38 AQ==" },
    { "RRSIG", "A 5 3 86400 20030322173103 20030220173103 2642 example. AQI=" },
    { "NSEC", "host.example. A MX RRSIG NSEC TYPE1234" },
    { "DNSKEY", "256 3 8 AQIDBA==" },
    { "DHCID", "AAIBY2/A" },
    { "NSEC3", "1 1 12 AABBCCDD 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG" },
    { "NSEC3PARAM", "1 0 10 -" },
    { "TLSA", "3 1 1 ABCDEF" },
    { "SMIMEA", "3 0 0 FF" },
    { "HIP", "2 20 AQID rvs1.example. rvs2.test." },
    { "NINFO", "\"a b\" \"c\"" },
    { "RKEY", "0 3 5 AQID" },
    { "TALINK", "a.example. b.example." },
    { "CDS", "0 0 0 00" },
    { "CDNSKEY", "0 3 0 AA==" },
    { "OPENPGPKEY", "/w==" },
    { "CSYNC", "66 3 A NS AAAA" },
    { "ZONEMD", "2018031500 1 1 ABCD" },
    { "SVCB", "1 . alpn=\"h2\" port=53" },
    { "HTTPS", "0 other.example." },
    { "DSYNC", "CDS NOTIFY 5359 scanner.example." },
    { "DSYNC", "CSYNC 128 5359 scanner.example." },
    { "HHIT", "AQID" },
    { "BRID", "AQID" },
    { "SPF", "\"v=spf1 -all\"" },
    { "NID", "10 14:4fff:ff20:ee64" },
    { "L32", "10 10.1.2.0" },
    { "L64", "10 2001:db8:1140:1000" },
    { "LP", "10 subnet.example." },
    { "EUI48", "00-00-5e-00-53-2a" },
    { "EUI64", "00-00-5e-ef-10-00-00-2a" },
    { "URI", "10 1 \"ftp://ftp.example/\"" },
    { "CAA", "0 issue \"ca; x=y\"" },
    { "AVC", "\"app-name:x\"" },
    { "AMTRELAY", "10 0 1 203.0.113.15" },
    { "AMTRELAY", "10 1 2 2001:db8::15" },
    { "AMTRELAY", "128 1 3 relay.example." },
    { "AMTRELAY", "10 0 0 ." },
    { "RESINFO", "\"qnamemin\"" },
    { "WALLET", "\"x\" \"y\"" },
    { "TYPE999", "\\# 3 010203" },
    { "TYPE999", "\\# 0" },
};
#define RECORDS (sizeof records / sizeof records[0])

static void every_type_is_tried(void **state)
{
    static const char *const types[] = {
#define DNS_TYPE(name, code, ...) #name,
#define DNS_META_TYPE(name, code)
#include "wire/dns_types.def"
#undef DNS_TYPE
#undef DNS_META_TYPE
    };
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t k = 0;
        while (k < RECORDS && strcmp(records[k].type, types[i]) != 0)
            k++;
        if (k == RECORDS)
            fail_msg("no record of type %s", types[i]);
    }
}

/* What is printed reads back as the same octets. */
static void text_round_trips(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORDS; i++) {
        char text[512], zone[1024], why[512], again[512];
        struct writer w = writer_over(text, sizeof text);
        bool soa = strcmp(records[i].type, "SOA") == 0;
        snprintf(zone, sizeof zone, "%s%s 1 %s %s\n@ 1 NS ns\n", soa ? "" : "@ 1 SOA ns a 1 2 3 4 5\n",
                 soa ? "@" : "x.y", records[i].type, records[i].text);
        struct zone *z = zone_from("example.", zone, why);
        assert_string_equal(why, "");
        struct dns_name n = name_of(soa ? "example." : "x.y.example.");
        uint16_t type;
        dns_type_from_text(span_text(records[i].type), &type);
        struct reader r = zone_records(zone_find_set(z, zone_find_name(z, &n), type));
        struct span rdata;
        zone_next_record(&r, &rdata);
        assert_true(dns_rdata_is_plain(type, rdata));
        write_dns_rdata_text(&w, type, rdata);
        snprintf(again, sizeof again, "%.*s", (int)writer_length(&w), text);
        assert_string_equal(again, records[i].text);
        zone_release(z);
    }
}

struct named_type {
    uint16_t type;
    size_t before, names, behind; /* octets, names, octets */
    bool shrinks;
};

static void write_named(struct writer *w, const struct named_type *t, const char *name, size_t len)
{
    for (size_t i = 0; i < t->before; i++)
        write_u8(w, 0);
    for (size_t i = 0; i < t->names; i++)
        write_bytes(w, name, len);
    for (size_t i = 0; i < t->behind; i++)
        write_u8(w, 'x');
}

/* RFC 3597 4: the names of these types may come compressed and are expanded; only those of RFC 1035 are sent
 * so. */
static void names_are_expanded(void **state)
{
    static const struct named_type types[] = {
        { DNS_TYPE_NS, 0, 1, 0, true },     { DNS_TYPE_MD, 0, 1, 0, true },
        { DNS_TYPE_MF, 0, 1, 0, true },     { DNS_TYPE_CNAME, 0, 1, 0, true },
        { DNS_TYPE_SOA, 0, 2, 20, true },   { DNS_TYPE_MB, 0, 1, 0, true },
        { DNS_TYPE_MG, 0, 1, 0, true },     { DNS_TYPE_MR, 0, 1, 0, true },
        { DNS_TYPE_PTR, 0, 1, 0, true },    { DNS_TYPE_MINFO, 0, 2, 0, true },
        { DNS_TYPE_MX, 2, 1, 0, true },     { DNS_TYPE_RP, 0, 2, 0, false },
        { DNS_TYPE_AFSDB, 2, 1, 0, false }, { DNS_TYPE_RT, 2, 1, 0, false },
        { DNS_TYPE_SIG, 18, 1, 5, false },  { DNS_TYPE_PX, 2, 2, 0, false },
        { DNS_TYPE_NXT, 0, 1, 1, false },   { DNS_TYPE_NAPTR, 7, 1, 0, false },
        { DNS_TYPE_KX, 2, 1, 0, false },    { DNS_TYPE_SRV, 6, 1, 0, false },
        { DNS_TYPE_DNAME, 0, 1, 0, false },
    };
    static const char header[] = "\0\0\0\0\0\0\0\0\0\0\0\0\1a";
    static struct dns_names names;
    struct dns_name asked = name_of("a.");
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        uint8_t come[64], whole[64], sent[64];
        struct writer m = writer_over(come, sizeof come), plain = writer_over(whole, sizeof whole);
        struct writer held = writer_over(room, sizeof room), out = writer_over(sent, sizeof sent);
        write_bytes(&m, header, sizeof header);
        write_bytes(&out, header, sizeof header);
        write_named(&m, &types[i], "\xc0\x0c", 2);
        write_named(&plain, &types[i], "\1a", 3);
        struct reader r = reader_over(writer_span(&m));
        read_skip(&r, sizeof header);
        assert_true(dns_rdata_read(types[i].type, r, writer_span(&m), &held));
        assert_true(span_equal(writer_span(&held), writer_span(&plain)));
        assert_int_equal(dns_type_shrinks(types[i].type), types[i].shrinks);
        dns_names_open(&names, false);
        dns_names_note(&names, &out, &asked, DNS_HEADER_BYTES);
        write_dns_rdata(&out, &names, types[i].type, writer_span(&held));
        struct span expected =
            types[i].shrinks ? span_from(writer_span(&m), sizeof header) : writer_span(&held);
        assert_true(span_equal(span_from(writer_span(&out), sizeof header), expected));
    }
}

/* Data in a message that is shorter or longer than its type says. */
static void wire_data_must_fill_its_length(void **state)
{
    static const struct {
        uint16_t type;
        const char *bytes;
        size_t len;
    } good[] = {
#define DATA(t, b) { DNS_TYPE_##t, b, sizeof(b) - 1 }
        DATA(A, "\1\2\3\4"),
        DATA(AAAA, "1234567890123456"),
        DATA(NS, "\1a\0"),
        DATA(MX, "\0\1\1a\0"),
        DATA(TXT, "\1a\2bc"),
        DATA(SRV, "\0\0\0\0\0\0\1a\0"),
        DATA(SOA, "\0\0"
                  "12345678901234567890"),
        DATA(HINFO, "\1a\1b"),
        DATA(NAPTR, "\0\0\0\0\0\0\0\0"),
    };
    struct writer w;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct span all = span_of(good[i].bytes, good[i].len);
        w = writer_over(room, sizeof room);
        assert_true(dns_rdata_read(good[i].type, reader_over(all), all, &w));
        assert_true(dns_rdata_is_plain(good[i].type, all));
        for (size_t len = 0; len < all.len; len++) {
            w = writer_over(room, sizeof room);
            bool cut_at_string = good[i].type == DNS_TYPE_TXT && len == 2;
            assert_int_equal(dns_rdata_read(good[i].type, reader_over(span_head(all, len)), all, &w),
                             cut_at_string);
            assert_int_equal(writer_length(&w), cut_at_string ? 2 : 0);
        }
        uint8_t longer[64] = { 0 };
        memcpy(longer, all.at, all.len);
        w = writer_over(room, sizeof room);
        bool one_more_string = good[i].type == DNS_TYPE_TXT;
        all = span_of(longer, all.len + 1);
        assert_int_equal(dns_rdata_read(good[i].type, reader_over(all), all, &w), one_more_string);
    }
    w = writer_over(room, sizeof room);
    assert_false(dns_rdata_read(DNS_TYPE_TXT, reader_over(span_of("", 0)), span_of("", 0), &w));
    assert_true(dns_rdata_read(999, reader_over(span_of("", 0)), span_of("", 0), &w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_data),       cmocka_unit_test(wrong_words_are_told),
        cmocka_unit_test(strings_have_255_octets), cmocka_unit_test(generic_form),
        cmocka_unit_test(types_by_name),           cmocka_unit_test(periods),
        cmocka_unit_test(every_type_is_tried),     cmocka_unit_test(text_round_trips),
        cmocka_unit_test(names_are_expanded),      cmocka_unit_test(wire_data_must_fill_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
