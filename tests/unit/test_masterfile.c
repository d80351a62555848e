#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/zonefile.h"

#define HEAD "@ 300 SOA ns admin 1 2 3 4 5\n@ 300 NS ns\n" /* two lines that every zone needs */

static char why[512];

static void no_problem(void *owner, const struct dns_name *apex, const struct masterfile_problem *p)
{
    (void)owner;
    (void)apex;
    fail_msg("%s:%u:%u: %s", p->path, p->line, p->column, p->text);
}

/* All records of a name and type as "TTL DATA, TTL DATA"; "" when there are none. */
static const char *records(const struct zone *z, const char *name, const char *type_text)
{
    static char text[4096];
    struct writer w = writer_over(text, sizeof text - 1);
    struct dns_name n = name_of(name), lower;
    uint16_t type;
    dns_name_lower(&lower, &n);
    assert_true(dns_type_from_text(span_text(type_text), &type));
    const struct zone_node *node = zone_find_name(z, &lower);
    const struct zone_set *set = node ? zone_find_set(z, node, type) : NULL;
    for (; set; set = zone_set_at(z, set->more)) {
        struct reader r = zone_records(set);
        struct span rdata, record;
        while ((record = zone_next_record(&r, &rdata)).len) {
            struct reader fields = reader_over(record);
            assert_int_equal(read_u16(&fields), type);
            assert_int_equal(read_u16(&fields), DNS_CLASS_IN);
            write_text(&w, writer_length(&w) ? ", " : "");
            write_decimal(&w, read_u32(&fields));
            write_u8(&w, ' ');
            write_dns_rdata_text(&w, type, rdata);
        }
    }
    text[writer_length(&w)] = 0;
    return text;
}

/* The zone example. with HEAD and this text is good, and holds `expected`. */
#define HOLDS(text, name, type, expected)                                                                    \
    do {                                                                                                     \
        struct zone *z = zone_from("example.", HEAD text, why);                                              \
        assert_string_equal(why, "");                                                                        \
        assert_string_equal(records(z, name, type), expected);                                               \
        zone_release(z);                                                                                     \
    } while (0)

/* The same is refused, for this reason at this line and column (lines from 3 on). */
#define REFUSED(text, reason)                                                                                \
    do {                                                                                                     \
        assert_null(zone_from("example.", HEAD text, why));                                                  \
        assert_string_equal(why, reason);                                                                    \
    } while (0)

static void names_are_relative(void **state)
{
    (void)state;
    HOLDS("a 1 A 192.0.2.1\n", "a.example.", "A", "1 192.0.2.1");
    HOLDS("a.example. 1 A 192.0.2.1\n", "a.example.", "A", "1 192.0.2.1");
    HOLDS("@ 1 A 192.0.2.1\n", "example.", "A", "1 192.0.2.1");
    HOLDS("$ORIGIN b\na 1 MX 5 mail\n", "a.b.example.", "MX", "1 5 mail.b.example.");
    HOLDS("$ORIGIN b.example.\n@ 1 NS @\n", "b.example.", "NS", "1 b.example.");
    HOLDS("a 1 CNAME a.\n", "a.example.", "CNAME", "1 a.");
}

/* As BIND has it. */
static void series_are_generated(void **state)
{
    (void)state;
    HOLDS("$GENERATE 1-3 h$ 60 A 192.0.2.$\n", "h2.example.", "A", "60 192.0.2.2");
    HOLDS("$TTL 5\n$GENERATE 0-8/4 h${10,4,d} CNAME $.b\n", "h0014.example.", "CNAME", "5 4.b.example.");
    HOLDS("$GENERATE 250-255 h${0,0,x} 1 IN A 192.0.2.$\n", "hff.example.", "A", "1 192.0.2.255");
    HOLDS("$GENERATE 16-16 ${0,7,n} 1 PTR h$\n", "0.1.0.0.example.", "PTR", "1 h16.example.");
    HOLDS("$GENERATE 1-2 t$ 1 TXT $-costs \"\\$5 or $$6\"\n", "t2.example.", "TXT",
          "1 \"2-costs\" \"$5 or $6\"");
    HOLDS("$GENERATE 5-5 h${-5} 1 A 192.0.2.1\nb 1 A 192.0.2.9\n", "h0.example.", "A", "1 192.0.2.1");
    REFUSED("$GENERATE 3-1 h$ 1 A 192.0.2.$\n",
            "3:11: expected a range like 1-127 or 0-254/2, found \"3-1\"");
    REFUSED("$GENERATE 0-65536 h$ 1 A 192.0.2.1\n",
            "3:11: expected at most 65536 records of one line, found \"0-65536\"");
    HOLDS("$GENERATE 5-5 h${-6} 1 CNAME c${-6,4}\n", "h-1.example.", "CNAME", "1 c-001.example.");
    HOLDS("$GENERATE 5-5 h${-6,4,x} 1 CNAME c${-6,4,o}\n", "hffffffff.example.", "CNAME",
          "1 c37777777777.example.");
    HOLDS("$GENERATE 5-5 h 1 CNAME ${-6,12,X}.${-6,4,n}\n", "h.example.", "CNAME",
          "1 0000FFFFFFFF.f.f.f.f.f.f.f.f.example.");
    REFUSED("$GENERATE 1-2 h${2147483646} 1 A 192.0.2.1\n",
            "3:15: expected ${OFFSET,WIDTH,BASE} with a base of d, o, x, X, n or N, and no number above "
            "2147483647, "
            "found \"h${2147483646}\"");
    REFUSED("$GENERATE 254-257 h$ 1 A 192.0.2.$\n",
            "3:26: expected an IPv4 address like 192.0.2.1, found \"192.0.2.256\"");
    REFUSED("$GENERATE 1-2 h$ A\n",
            "3:19: expected a range, a name, a type and its data, found the end of the record");
}

/* Data that is one quoted word is cut into words again, as BIND has it: an example of its manual is the
 * first. */
static void quoted_data_is_cut(void **state)
{
    (void)state;
    HOLDS("$GENERATE 1-3 HOST-$ 1 MX \"0 .\"\n", "host-3.example.", "MX", "1 0 .");
    HOLDS("$GENERATE 1-2 t$ 1 IN TXT \"v $ x\"\n", "t2.example.", "TXT", "1 \"v\" \"2\" \"x\"");
    HOLDS("$GENERATE 1-2 t$ 1 TXT \"\\\"v $ x\\\" y\"\n", "t2.example.", "TXT", "1 \"v 2 x\" \"y\"");
    HOLDS("$GENERATE 1-1 t 1 TXT \"a\\\\b \\$ $$ c\\;d \\065 ; e\"\n", "t.example.", "TXT",
          "1 \"a\\\\b\" \"$\" \"$\" \"c;d\" \"A\"");
    HOLDS("$GENERATE 1-1 t 1 TXT \"( a ) \\\"\\\"\"\n", "t.example.", "TXT", "1 \"a\" \"\"");
    HOLDS("$GENERATE 1-3/2 t$ IN 1 HTTPS \"$ . alpn=h2 port=80$\"\n", "t3.example.", "HTTPS",
          "1 3 . alpn=\"h2\" port=803");
    HOLDS("$GENERATE 5-5 t 1 CAA \"0 issue \\\"ca; x=$\\\"\"\nb 1 TXT b\n", "t.example.", "CAA",
          "1 0 issue \"ca; x=5\"");
    HOLDS("$GENERATE 5-5 t 1 A \" 192.0.2.$ \"\nb 1 TXT b\n", "b.example.", "TXT", "1 \"b\"");
    REFUSED("$GENERATE 1-2 h$ 1 MX \"$ a..b\"\n",
            "3:26: expected a name without empty labels (two dots in a row, "
            "or a dot at the start), found \"a..b\"");
    REFUSED("$GENERATE 1-2 h$ 1 TXT \"\"\n", "3:23: expected one more word, found the end of the record");
    REFUSED("$GENERATE 1-2 h$ 1 TXT \"a ) b\"\n", "3:27: expected no ) where none was opened");
    REFUSED("$GENERATE 1-2 h$ 1 TXT \"a \\\"b\"\n",
            "3:27: expected a closing quote before the end of the line");
}

static void the_last_owner_stays(void **state)
{
    (void)state;
    HOLDS("a 1 A 192.0.2.1\n  1 A 192.0.2.2\n\t1 AAAA ::1\n", "a.example.", "A", "1 192.0.2.1, 1 192.0.2.2");
    HOLDS("a 1 A 192.0.2.1\n\n; a comment\n   ; another\n 1 TXT x\n", "a.example.", "TXT", "1 \"x\"");
    HOLDS("$ORIGIN b\n 1 TXT still-the-apex\n", "example.", "TXT", "1 \"still-the-apex\"");
}

static void ttl_and_class_in_any_order(void **state)
{
    (void)state;
    HOLDS("a 7 IN A 192.0.2.1\n", "a.example.", "A", "7 192.0.2.1");
    HOLDS("a IN 7 A 192.0.2.1\n", "a.example.", "A", "7 192.0.2.1");
    HOLDS("a in A 192.0.2.1\n", "a.example.", "A", "300 192.0.2.1"); /* the TTL stated last: RFC 1035 5.1 */
    HOLDS("$TTL 1h\na A 192.0.2.1\nb 7 A 192.0.2.1\nc A 192.0.2.1\n", "c.example.", "A", "3600 192.0.2.1");
    HOLDS("$TTL 1h30m\na A 192.0.2.1\n", "a.example.", "A", "5400 192.0.2.1");
}

/* Files from before $TTL: the SOA's last field counts (RFC 1035 3.3.13). */
static void soa_minimum_is_the_oldest_default(void **state)
{
    (void)state;
    struct zone *z = zone_from("example.", "@ SOA ns admin 1 2 3 4 77\n@ NS ns\n", why);
    assert_string_equal(why, "");
    assert_string_equal(records(z, "example.", "NS"), "77 ns.example.");
    zone_release(z);
    assert_null(zone_from("example.", "@ NS ns\n", why));
    assert_string_equal(why,
                        "1:1: expected a TTL: write $TTL 1h at the top of the file, or one in the record");
}

static void parentheses_join_lines(void **state)
{
    (void)state;
    HOLDS("a 1 TXT ( one ; a comment\n two\n)\nb 1 A 192.0.2.1\n", "a.example.", "TXT", "1 \"one\" \"two\"");
    HOLDS("a 1 TXT ( one ; a ) in a comment\n two\n)\nb 1 A 192.0.2.1\n", "b.example.", "A", "1 192.0.2.1");
    HOLDS("a ( 1\n IN\n ) TXT ( x )\n", "a.example.", "TXT", "1 \"x\"");
    HOLDS("a 1 MX (10\nmail)\n", "a.example.", "MX", "1 10 mail.example.");
}

static void quotes_and_escapes(void **state)
{
    (void)state;
    HOLDS("a 1 TXT \"one two; (three)\"\n", "a.example.", "TXT", "1 \"one two; (three)\"");
    HOLDS("a 1 TXT \"a\\\"b\" c\\;d e\\ f\n", "a.example.", "TXT", "1 \"a\\\"b\" \"c;d\" \"e f\"");
    HOLDS("a 1 TXT \"\"\n", "a.example.", "TXT", "1 \"\"");
    HOLDS("a\\.b 1 TXT \\065\n", "a\\.b.example.", "TXT", "1 \"A\"");
    HOLDS("a\\ b 1 TXT x\n", "a\\032b.example.", "TXT", "1 \"x\"");
}

static void line_ends_of_all_kinds(void **state)
{
    (void)state;
    HOLDS("a 1 TXT x\r\nb 1 TXT y\r\n", "b.example.", "TXT", "1 \"y\"");
    HOLDS("a 1 TXT x", "a.example.", "TXT", "1 \"x\"");
    HOLDS("a 1 TXT x;", "a.example.", "TXT", "1 \"x\"");
    HOLDS("a 1 TXT x\n \t", "a.example.", "TXT", "1 \"x\"");
    REFUSED("a 1 TXT x\\", "3:9: expected a text of at most 255 octets, found \"x\\\\\"");
}

/* Records of a set that do not stand together are one set, in the order of the file. */
static void sets_are_gathered(void **state)
{
    (void)state;
    HOLDS("a 1 A 192.0.2.1\nb 1 A 192.0.2.9\na 1 A 192.0.2.2\nA 1 TXT x\na 1 A 192.0.2.3\n", "a.example.",
          "A", "1 192.0.2.1, 1 192.0.2.2, 1 192.0.2.3");
}

static void odd_records_are_warned_of(void **state)
{
    (void)state;
    struct zone *z = zone_from("example.", HEAD "a 1 A 192.0.2.1\na 1 A 192.0.2.1\n", why);
    assert_string_equal(why, "4:1: the same record stands further up; this one is left out");
    assert_string_equal(records(z, "a.example.", "A"), "1 192.0.2.1");
    zone_release(z);
    /* RFC 4343: names are the same in any case, and a set has each record once (RFC 2181 5) */
    z = zone_from("example.", HEAD "a 1 MX 1 B\na 1 MX 2 b\na 1 MX 1 b\n", why);
    assert_string_equal(why, "5:1: the same record stands further up; this one is left out");
    assert_string_equal(records(z, "a.example.", "MX"), "1 1 B.example., 1 2 b.example.");
    zone_release(z);
    z = zone_from("example.", HEAD "a 1 TXT B\na 1 TXT b\n", why);
    assert_string_equal(why, "");
    assert_string_equal(records(z, "a.example.", "TXT"), "1 \"B\", 1 \"b\"");
    zone_release(z);
    z = zone_from("example.", HEAD "a 1 A 192.0.2.1\na 2 A 192.0.2.2\n", why);
    assert_string_equal(why,
                        "4:1: all records of one name and type have one TTL: that of the first is taken");
    assert_string_equal(records(z, "a.example.", "A"), "1 192.0.2.1, 1 192.0.2.2");
    zone_release(z);
}

static void what_no_zone_may_hold(void **state)
{
    (void)state;
    REFUSED("a.other. 1 A 192.0.2.1\n",
            "3:1: the name is not in this zone; is a final dot too many, or $ORIGIN another zone's?");
    REFUSED("a 1 SOA ns admin 1 2 3 4 5\n", "3:1: SOA belongs to the zone's own name (the apex, @) alone");
    REFUSED("@ 1 SOA ns admin 2 2 3 4 5\n", "3:1: there is an SOA already; a zone has exactly one");
    REFUSED("a 1 CNAME b\na 1 CNAME c\n",
            "4:1: the name has a CNAME already; an alias stands for exactly one name");
    REFUSED("a 1 CNAME b\na 1 A 192.0.2.1\n",
            "4:1: a name with a CNAME has no other records: it is an alias");
    REFUSED("a 1 A 192.0.2.1\na 1 CNAME b\n",
            "4:1: a name with a CNAME has no other records: it is an alias");
    REFUSED("a 1 AXFR x\n", "3:5: expected a type that a zone can hold, found \"AXFR\"");
    REFUSED("a 1 TYPE255 \\# 0\n", "3:5: expected a type that a zone can hold, found \"TYPE255\"");
    assert_null(zone_from("example.", "@ 1 NS ns\n", why));
    assert_string_equal(why, "the zone has no SOA record; it is the first that a zone needs");
    assert_null(zone_from("example.", "@ 1 SOA ns admin 1 2 3 4 5\n", why));
    assert_string_equal(why, "the zone's own name (the apex, @) has no NS record; it needs at least one");
}

static void errors_name_their_place(void **state)
{
    (void)state;
    REFUSED("a 1 A 192.0.2\n", "3:7: expected an IPv4 address like 192.0.2.1, found \"192.0.2\"");
    REFUSED("a 1 A\n", "3:6: expected one more word, found the end of the record");
    REFUSED("a 1 A 192.0.2.1 x\n", "3:17: expected nothing more: the record is complete, found \"x\"");
    REFUSED("a 1 MX mail\n", "3:8: expected a number from 0 to 65535, found \"mail\"");
    REFUSED("a 1 FOO x\n", "3:5: expected a record type like A, MX or TYPE65, found \"FOO\"");
    REFUSED("a 1\n", "3:4: expected a record type like A, MX or TYPE65, found the end of the record");
    REFUSED("a CH A 192.0.2.1\n", "3:3: expected class IN, the only one that is served, found \"CH\"");
    REFUSED("a 2147483648 A 192.0.2.1\n",
            "3:3: expected a TTL: seconds up to 2147483647, or a time like 1h30m, found \"2147483648\"");
    REFUSED("a..b 1 A 192.0.2.1\n", "3:1: expected a name without empty labels (two dots in a row, or a dot "
                                    "at the start), found \"a..b\"");
    REFUSED("\n\na 1 TXT (\n x\n\"y\n)\n", "7:1: expected a closing quote before the end of the line");
    REFUSED("a 1 TXT ( x\n", "3:9: expected a ) for this ( before the end of the file");
    REFUSED("a 1 TXT x )\n", "3:11: expected no ) where none was opened");
    REFUSED("a 1 TXT ( ( x )\n", "3:11: expected no second ( inside of parentheses");
    REFUSED("$FOO x\n", "3:1: expected $ORIGIN, $TTL, $INCLUDE or $GENERATE, found \"$FOO\"");
    REFUSED("$ORIGIN\n", "3:8: expected a domain name, found the end of the record");
    REFUSED("$TTL 1x\n", "3:6: expected a TTL: seconds up to 2147483647, or a time like 1h30m, found \"1x\"");
    REFUSED("$ORIGIN a b\n", "3:11: expected nothing more on this line, found \"b\"");
    REFUSED("$INCLUDE other.zone\n", "3:10: expected a file in this test, found \"other.zone\"");
    assert_null(zone_from("example.", "  1 NS ns\n", why));
    assert_string_equal(
        why, "1:3: expected a name first: there is no record before whose name this one could share, "
             "found \"1\"");
}

/* One run tells of many. */
static void reading_goes_on_after_an_error(void **state)
{
    struct dns_name apex = name_of("example.");
    struct zone_builder *b = zone_builder_open(&apex, TEST_SEED, 0);
    struct masterfile *m = masterfile_open(b);
    size_t count;
    (void)state;
    masterfile_push(m, span_text(HEAD "a 1 A x\nb 1 A 192.0.2.1\nc 1 MX\n"), "test.zone");
    assert_int_equal(masterfile_run(m), MASTERFILE_DONE);
    const struct masterfile_problem *p = masterfile_problems(m, &count);
    assert_int_equal(count, 2);
    assert_int_equal(masterfile_errors(m), 2);
    assert_int_equal(p[0].line, 3);
    assert_int_equal(p[1].line, 5);
    assert_string_equal(p[1].path, "test.zone");
    masterfile_close(m);
    zone_builder_drop(b);
}

/* $INCLUDE: its own origin, its own last owner, and those of before behind it (RFC 1035 5.1). */
static void includes(void **state)
{
    struct dns_name apex = name_of("example.");
    struct zone_builder *b = zone_builder_open(&apex, TEST_SEED, 0);
    struct masterfile *m = masterfile_open(b);
    enum zone_fault fault;
    const char *from;
    (void)state;
    masterfile_push(m, span_text(HEAD "a 1 A 192.0.2.1\n$INCLUDE \"sub file\" sub\n 1 TXT a\nb 1 TXT b\n"),
                    "outer");
    assert_int_equal(masterfile_run(m), MASTERFILE_INCLUDE);
    assert_true(span_is(masterfile_wanted(m, &from), "sub file"));
    assert_string_equal(from, "outer");
    masterfile_push(m, span_text("x 1 TXT x\n$ORIGIN deeper\ny 1 TXT y"), "inner");
    assert_int_equal(masterfile_run(m), MASTERFILE_DONE);
    assert_int_equal(masterfile_errors(m), 0);
    struct zone *z = zone_builder_finish(b, &fault);
    assert_non_null(z);
    assert_string_equal(records(z, "x.sub.example.", "TXT"), "1 \"x\"");
    assert_string_equal(records(z, "y.deeper.sub.example.", "TXT"), "1 \"y\"");
    assert_string_equal(records(z, "a.example.", "TXT"), "1 \"a\"");
    assert_string_equal(records(z, "b.example.", "TXT"), "1 \"b\"");
    zone_release(z);
    masterfile_close(m);
}

/* A file that includes itself ends with an error, not with the stack. */
static void includes_are_bounded(void **state)
{
    struct dns_name apex = name_of("example.");
    struct zone_builder *b = zone_builder_open(&apex, TEST_SEED, 0);
    struct masterfile *m = masterfile_open(b);
    int turns = 0;
    (void)state;
    masterfile_push(m, span_text("$INCLUDE me\n"), "me");
    while (masterfile_run(m) == MASTERFILE_INCLUDE && ++turns < 100)
        masterfile_push(m, span_text("$INCLUDE me\n"), "me");
    assert_int_equal(turns, MASTERFILE_INCLUDES_MAX - 1);
    assert_int_equal(masterfile_errors(m), 1);
    masterfile_close(m);
    zone_builder_drop(b);
}

/* A set must fit into a message, whatever is added to it in whatever order. */
static void sets_are_bounded(void **state)
{
    struct dns_name apex = name_of("example.");
    struct dns_name other = name_of("other.example.");
    struct zone_builder *b = zone_builder_open(&apex, TEST_SEED, 0);
    enum zone_fault fault = ZONE_FINE;
    uint32_t count = 0;
    (void)state;
    while (count < 10000 && fault == ZONE_FINE) {
        uint8_t address[4];
        struct writer w = writer_over(address, 4);
        write_u32(&w, count++);
        fault = zone_builder_add(b, &apex, DNS_TYPE_A, 1, span_of(address, 4));
        assert_int_equal(zone_builder_add(b, &other, (uint16_t)(1000 + count % 100), 1, span_of(address, 4)),
                         ZONE_FINE);
    }
    assert_int_equal(fault, ZONE_SET_TOO_BIG);
    assert_in_range(count, 65000 / 16 - 10, 65536 / 16);
    uint8_t big[65535] = { 0 };
    assert_int_equal(zone_builder_add(b, &other, 999, 1, span_of(big, sizeof big)), ZONE_SET_TOO_BIG);
    zone_builder_drop(b);
}

/* The example is the zone of the chapter's transfer: 20 records, which with the closing SOA made the 21 of
 * the wire. */
static void the_chapters_zone(void **state)
{
    static const struct {
        const char *name, *type, *data;
    } captured[] = {
        { "@", "SOA", "3600 dns3.contoso.local. hostmaster. 71 900 600 86400 3600" },
        { "@", "A", "600 172.16.16.139" },
        { "@", "NS", "3600 dns3.contoso.local." },
        { "_msdcs", "NS", "3600 csanders-9ceae1.contoso.local." },
        { "_gc._tcp.Default-First-Site-Name._sites", "SRV", "600 0 100 3268 dns3.contoso.local." },
        { "_kerberos._tcp.Default-First-Site-Name._sites", "SRV", "600 0 100 88 dns3.contoso.local." },
        { "_ldap._tcp.Default-First-Site-Name._sites", "SRV", "600 0 100 389 dns3.contoso.local." },
        { "_gc._tcp", "SRV", "600 0 100 3268 dns3.contoso.local." },
        { "_kerberos._tcp", "SRV", "600 0 100 88 dns3.contoso.local." },
        { "_kpasswd._tcp", "SRV", "600 0 100 464 dns3.contoso.local." },
        { "_ldap._tcp", "SRV", "600 0 100 389 dns3.contoso.local." },
        { "_kerberos._udp", "SRV", "600 0 100 88 dns3.contoso.local." },
        { "_kpasswd._udp", "SRV", "600 0 100 464 dns3.contoso.local." },
        { "dns3", "A", "1200 172.16.16.139" },
        { "DomainDnsZones", "A", "600 172.16.16.139" },
        { "_ldap._tcp.Default-First-Site-Name._sites.DomainDnsZones", "SRV",
          "600 0 100 389 dns3.contoso.local." },
        { "_ldap._tcp.DomainDnsZones", "SRV", "600 0 100 389 dns3.contoso.local." },
        { "ForestDnsZones", "A", "600 172.16.16.139" },
        { "_ldap._tcp.Default-First-Site-Name._sites.ForestDnsZones", "SRV",
          "600 0 100 389 dns3.contoso.local." },
        { "_ldap._tcp.ForestDnsZones", "SRV", "600 0 100 389 dns3.contoso.local." },
    };
    const size_t count = sizeof captured / sizeof captured[0];
    struct dns_name apex = name_of("contoso.local.");
    struct zone *z =
        zonefile_load("examples/zones/contoso.local.zone", &apex, TEST_SEED, no_problem, NULL, NULL);
    (void)state;
    assert_non_null(z);
    assert_int_equal(z->record_count, count);
    for (size_t i = 0; i < count; i++) {
        char name[128];
        bool at_apex = captured[i].name[0] == '@';
        snprintf(name, sizeof name, "%s%scontoso.local.", at_apex ? "" : captured[i].name,
                 at_apex ? "" : ".");
        assert_string_equal(records(z, name, captured[i].type), captured[i].data);
    }
    zone_release(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_relative),
        cmocka_unit_test(series_are_generated),
        cmocka_unit_test(quoted_data_is_cut),
        cmocka_unit_test(the_last_owner_stays),
        cmocka_unit_test(ttl_and_class_in_any_order),
        cmocka_unit_test(soa_minimum_is_the_oldest_default),
        cmocka_unit_test(parentheses_join_lines),
        cmocka_unit_test(quotes_and_escapes),
        cmocka_unit_test(line_ends_of_all_kinds),
        cmocka_unit_test(sets_are_gathered),
        cmocka_unit_test(odd_records_are_warned_of),
        cmocka_unit_test(what_no_zone_may_hold),
        cmocka_unit_test(errors_name_their_place),
        cmocka_unit_test(reading_goes_on_after_an_error),
        cmocka_unit_test(includes),
        cmocka_unit_test(includes_are_bounded),
        cmocka_unit_test(sets_are_bounded),
        cmocka_unit_test(the_chapters_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
