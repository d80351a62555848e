#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/edns_options.h"
#include "dnsd/encode.h"

#define CLIENT "abcdefgh"

struct world {
    struct zones zones;
    struct edns_settings settings;
    struct dns_query read;
    struct response response;
    uint8_t query[2048], reply[DNS_MESSAGE_BYTES_MAX];
    struct span options; /* of the reply */
    size_t length;
};

static struct world w;

static int open_world(void **state)
{
    char why[512];
    struct zones_row rows[3] = { { .name = kept_name("other.test.") },
                                 { .name = kept_name("absent.test.") },
                                 { .name = kept_name("expired.test."), .expired = true } };
    (void)state;
    rows[0].zone = zone_from("other.test.",
                             "$TTL 60\n@ SOA ns admin 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
                             "loop1 CNAME loop2\nloop2 CNAME loop1\nlonger DNAME x.longer\n",
                             why);
    w.settings = (struct edns_settings){ .cookies.count = 1, .keepalive = 100 };
    w.settings.nsid = span_text("ns1.lab");
    w.response.edns = &w.settings;
    w.response.unix_ms = 1559731985000;
    return rows[0].zone && zones_open(&w.zones, rows, 3, TEST_SEED) ? 0 : -1;
}

static int close_world(void **state)
{
    (void)state;
    zones_close(&w.zones);
    return 0;
}

/* A query with these options; the code of its reply. */
static enum dns_rcode ask(const char *name, struct span options, uint16_t udp_bytes, bool over_tcp)
{
    struct writer query = writer_over(w.query, sizeof w.query);
    struct dns_question q = { .name = name_of(name), .class = DNS_CLASS_IN, .type = DNS_TYPE_A };
    struct dns_edns edns = { .udp_bytes = udp_bytes, .options = options };
    struct writer out = writer_over(w.reply, over_tcp ? sizeof w.reply : ENCODE_UDP_BYTES_MAX);
    struct address from = address_ip4(0x7F000001);
    write_dns_header(&query, &(struct dns_header){ .id = 7, .questions = 1, .additionals = 1 });
    write_dns_question(&query, &q);
    write_dns_opt(&query, &edns, DNS_NOERROR);
    assert_true(writer_ok(&query));
    dns_query_read(writer_span(&query), &w.read);
    respond(&w.zones, &w.read, &from, over_tcp, &out, &w.response);
    if (w.response.rcode == DNS_REFUSED)
        respond_options(&w.response, over_tcp, &out);
    assert_true(writer_ok(&out));
    w.length = writer_length(&out);
    struct reader r = reader_over(writer_span(&out));
    struct dns_header h;
    struct dns_record record;
    struct dns_edns said = { 0 };
    read_dns_header(&r, &h);
    read_dns_question(&r, writer_span(&out), &q);
    while (reader_left(&r) && read_dns_record(&r, writer_span(&out), &record)) /* each takes some octets */
        if (record.type == DNS_TYPE_OPT)
            assert_true(dns_edns_read(&record, &said));
    assert_true(reader_done(&r) && said.present);
    w.options = said.options;
    return (enum dns_rcode)(h.flags & 0xF) | (enum dns_rcode)(said.extended_rcode << 4);
}

/* The option of the reply; at == NULL: it has none. */
static struct span option(uint16_t wanted)
{
    struct reader r = reader_over(w.options);
    struct span found = { NULL, 0 };
    while (reader_left(&r)) { /* each takes four octets */
        uint16_t code = read_u16(&r);
        struct span data = read_span(&r, read_u16(&r));
        if (code == wanted)
            found = data;
    }
    assert_true(reader_ok(&r));
    return found;
}

static uint16_t fault(void)
{
    struct reader r = reader_over(option(15));
    return read_u16(&r);
}

#define OPTION(text) span_of(text, sizeof text - 1)
#define COOKIE       "\0\12\0\10" CLIENT
#define NSID         "\0\3\0\0"
#define KEEPALIVE    "\0\13\0\0"
#define PADDING      "\0\14\0\2\0\0"

static void nothing_is_added_unasked(void **state)
{
    (void)state;
    assert_int_equal(ask("ns.other.test.", span_of(NULL, 0), 1232, false), DNS_NOERROR);
    assert_int_equal(w.options.len, 0);
    assert_int_equal(ask("ns.other.test.", OPTION("\0\144\0\1x"), 1232, false), DNS_NOERROR);
    assert_int_equal(w.options.len, 0);
}

static void all_at_once(void **state)
{
    (void)state;
    assert_int_equal(ask("ns.other.test.", OPTION(COOKIE NSID KEEPALIVE), 1232, true), DNS_NOERROR);
    assert_int_equal(option(10).len, 24);
    assert_memory_equal(option(10).at, CLIENT, 8);
    assert_true(span_is(option(3), "ns1.lab"));
    assert_true(span_equal(option(11), OPTION("\0\144")));
    assert_int_equal(ask("ns.other.test.", OPTION(COOKIE COOKIE NSID NSID), 1232, false), DNS_NOERROR);
    assert_int_equal(option(10).len, 24);
}

/* RFC 8467 4.1: to a multiple of 468, with what is behind it. */
static void padding_over_tls(void **state)
{
    (void)state;
    assert_int_equal(ask("ns.other.test.", OPTION(PADDING), 1232, true), DNS_NOERROR);
    assert_null(option(12).at);
    w.response.over_tls = true;
    assert_int_equal(ask("ns.other.test.", OPTION(PADDING), 1232, true), DNS_NOERROR);
    assert_int_equal(w.length, 468);
    assert_int_equal(ask("ns.other.test.", OPTION(COOKIE PADDING NSID), 1232, true), DNS_NOERROR);
    assert_int_equal(w.length, 468);
    w.response.reserved_bytes = 100;
    assert_int_equal(ask("ns.other.test.", OPTION(PADDING), 1232, true), DNS_NOERROR);
    assert_int_equal(w.length, 368);
    w.response.reserved_bytes = 0;
    assert_int_equal(ask("ns.other.test.", span_of(NULL, 0), 1232, true), DNS_NOERROR);
    assert_null(option(12).at);
    w.response.over_tls = false;
}

static void faults(void **state)
{
    (void)state;
    assert_int_equal(ask("elsewhere.test.", span_of(NULL, 0), 512, false), DNS_REFUSED);
    assert_int_equal(fault(), EDNS_FAULT_NOT_AUTHORITATIVE);
    assert_int_equal(ask("www.absent.test.", OPTION(NSID), 512, false), DNS_SERVFAIL);
    assert_int_equal(fault(), EDNS_FAULT_NOT_READY);
    assert_true(span_is(option(3), "ns1.lab"));
    assert_int_equal(ask("expired.test.", span_of(NULL, 0), 512, false), DNS_SERVFAIL);
    assert_int_equal(fault(), EDNS_FAULT_INVALID_DATA);
    /* RFC 8914 2: the zone is there, and it is the aliases that fail */
    assert_int_equal(ask("loop1.other.test.", span_of(NULL, 0), 512, false), DNS_SERVFAIL);
    assert_true(span_is(span_from(option(15), 2), "the chain of aliases loops or is too long"));
    assert_int_equal(fault(), EDNS_FAULT_OTHER);
    assert_int_equal(ask("a.longer.other.test.", span_of(NULL, 0), 1232, false), DNS_SERVFAIL);
    assert_int_equal(fault(), EDNS_FAULT_OTHER);
    assert_int_equal(ask("nothing.other.test.", span_of(NULL, 0), 512, false), DNS_NXDOMAIN);
    assert_null(option(15).at);
}

/* Whatever the room: within it, well-formed, and what must be there is. */
static void little_room(void **state)
{
    (void)state;
    for (size_t reserved = 0; reserved < 1300; reserved += 7) {
        w.response.reserved_bytes = reserved;
        ask("elsewhere.test.", OPTION(COOKIE NSID), 512, false);
        if (reserved < 512 - 130) { /* header, question, OPT, cookie, name */
            assert_true(w.length + reserved <= 512);
            assert_int_equal(option(10).len, 24);
        }
    }
    w.response.reserved_bytes = 0;
}

static void cookies_decide(void **state)
{
    uint8_t room[64];
    struct writer brought = writer_over(room, sizeof room);
    (void)state;
    w.settings.require_cookies = true;
    assert_int_equal(ask("ns.other.test.", OPTION(COOKIE), 1232, false), DNS_BADCOOKIE);
    write_u16(&brought, 10);
    write_u16(&brought, 24);
    write_span(&brought, option(10));
    assert_int_equal(ask("ns.other.test.", writer_span(&brought), 1232, false), DNS_NOERROR);
    w.response.unix_ms += 3601 * 1000;
    assert_int_equal(ask("ns.other.test.", writer_span(&brought), 1232, false), DNS_BADCOOKIE);
    assert_int_equal(ask("ns.other.test.", writer_span(&brought), 1232, true), DNS_NOERROR);
    w.response.unix_ms -= 3601 * 1000;
    w.settings.require_cookies = false;
    assert_int_equal(ask("ns.other.test.", OPTION("\0\12\0\7abcdefg"), 1232, false), DNS_FORMERR);
    assert_int_equal(ask("ns.other.test.", OPTION("\0\12\0\17abcdefghijklmno"), 1232, false), DNS_FORMERR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_added_unasked),
        cmocka_unit_test(all_at_once),
        cmocka_unit_test(padding_over_tls),
        cmocka_unit_test(faults),
        cmocka_unit_test(little_room),
        cmocka_unit_test(cookies_decide),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
