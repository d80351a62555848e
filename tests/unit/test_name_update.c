#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcpd/name_update.h"
#include "wire/dns_reverse.h"

static struct dns_name name_of(const char *text)
{
    struct dns_name n;
    assert_null(dns_name_from_text(span_text(text), NULL, &n));
    return n;
}

static struct name_task task(bool add)
{
    struct name_task t = { .add = add, .address = address_ip4(0xc0a8010a), .ttl_s = 200 };
    t.zone = name_of("mydomain.example.");
    t.name = name_of("ubuntu2.mydomain.example.");
    t.reverse_zone = name_of("1.168.192.in-addr.arpa.");
    dns_name_of_address(&t.reverse, t.address);
    return t;
}

static void names_become_names_of_hosts(void **state)
{
    (void)state;
    static const struct {
        const char *given, *label;
    } cases[] = { { "ubuntu2", "ubuntu2" },
                  { "Anna-PC.home", "anna-pc" },
                  { "", "" },
                  { "-a", "a" },
                  { "a-", "a" },
                  { "a--b", "a--b" },
                  { "Ann's  iPad_2!", "ann-s-ipad-2" },
                  { "-_-", "" },
                  { ".x", "" },
                  { "*", "" },
                  { "\xc3\xa4", "" },
                  { "b\xc3\xa4r", "b-r" },
                  { "a", "a" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char label[NAME_LABEL_MAX];
        size_t n = name_label(span_text(cases[i].given), label);
        assert_int_equal(n, strlen(cases[i].label));
        assert_memory_equal(label, cases[i].label, n);
    }
    char label[NAME_LABEL_MAX], longest[65];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(name_label(span_of(longest, 63), label), 63);
    assert_int_equal(name_label(span_of(longest, 64), label), 0);
}

static void an_address_has_its_name_backwards(void **state)
{
    (void)state;
    struct dns_name n, want = name_of("10.1.168.192.in-addr.arpa.");
    dns_name_of_address(&n, address_ip4(0xc0a8010a));
    assert_true(dns_name_equal(dns_name_span(&n), dns_name_span(&want)));
    /* RFC 3596 2.5 */
    want = name_of("b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa.");
    dns_name_of_address(&n, address_ip6((struct ip6){ 0x4321000000010002, 0x00030004056789ab }));
    assert_true(dns_name_equal(dns_name_span(&n), dns_name_span(&want)));
}

/* RFC 4701 3.6: its second and third example. */
static void the_identifiers_of_the_rfc(void **state)
{
    (void)state;
    static const uint8_t client_id[] = { 0x01, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c };
    static const uint8_t hardware[] = { 0x01, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06 };
    static const uint8_t of_client_id[] = { 0x00, 0x01, 0x01, 0x39, 0x20, 0xfe, 0x5d, 0x1d, 0xce,
                                            0xb3, 0xfd, 0x0b, 0xa3, 0x37, 0x97, 0x56, 0xa7, 0x0d,
                                            0x73, 0xb1, 0x70, 0x09, 0xf4, 0x1d, 0x58, 0xbd, 0xdb,
                                            0xfc, 0xd6, 0xa2, 0x50, 0x39, 0x56, 0xd8, 0xda };
    static const uint8_t of_hardware[] = { 0x00, 0x00, 0x01, 0xc4, 0xb9, 0xa5, 0xb2, 0x49, 0x65,
                                           0x13, 0x43, 0x15, 0x8d, 0xde, 0x7b, 0xcc, 0x77, 0x16,
                                           0x98, 0x41, 0xf7, 0xa4, 0x24, 0x3a, 0x57, 0x2b, 0x5c,
                                           0x28, 0x3f, 0xff, 0xed, 0xeb, 0x3f, 0x75, 0xe6 };
    uint8_t out[NAME_DHCID_BYTES];
    struct dns_name chi = name_of("chi.example.com."), client = name_of("client.example.com.");
    name_dhcid(out, span_of(client_id, sizeof client_id), span_of(NULL, 0), &chi);
    assert_memory_equal(out, of_client_id, sizeof out);
    name_dhcid(out, span_of(NULL, 0), span_of(hardware, sizeof hardware), &client);
    assert_memory_equal(out, of_hardware, sizeof out);
}

/* ---- messages --------------------------------------------------------------------------------------- */

struct change {
    uint16_t type, class;
    size_t rdata_len;
};

/* Reads the message of a step: its zone, and the records behind it in their order. */
static size_t records_of(const struct name_task *t, enum name_step step, const struct dns_name *zone,
                         struct change *out, struct dns_header *h)
{
    static uint8_t room[NAME_UPDATE_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    name_update_write(&w, t, step);
    struct span message = writer_span(&w);
    struct reader r = reader_over(message);
    struct dns_question q;
    struct dns_record record;
    assert_true(read_dns_header(&r, h) && read_dns_question(&r, message, &q));
    assert_int_equal(dns_opcode(h->flags), DNS_OPCODE_UPDATE);
    assert_true(h->questions == 1 && q.type == DNS_TYPE_SOA && q.class == DNS_CLASS_IN);
    assert_true(dns_name_equal(dns_name_span(&q.name), dns_name_span(zone)));
    size_t count = 0;
    for (; reader_left(&r); count++) {
        assert_true(read_dns_record(&r, message, &record));
        out[count] = (struct change){ record.type, record.class, reader_left(&record.rdata) };
    }
    assert_int_equal(count, h->answers + h->authorities);
    return count;
}

static void assert_changes(enum name_step step, bool reverse, size_t conditions, const struct change *want,
                           size_t count)
{
    struct name_task t = task(true);
    struct change got[8];
    struct dns_header h;
    assert_int_equal(records_of(&t, step, reverse ? &t.reverse_zone : &t.zone, got, &h), count);
    assert_int_equal(h.answers, conditions);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(got[i].type, want[i].type);
        assert_int_equal(got[i].class, want[i].class);
        assert_int_equal(got[i].rdata_len, want[i].rdata_len);
    }
}

/* RFC 2136 2.4, 2.5 and RFC 4703 5.3, 5.4. */
static void each_step_has_its_message(void **state)
{
    (void)state;
    const struct change claim[] = { { DNS_TYPE_ANY, DNS_CLASS_NONE, 0 },
                                    { DNS_TYPE_A, DNS_CLASS_IN, 4 },
                                    { 49, DNS_CLASS_IN, 35 } };
    const struct change renew[] = { { 49, DNS_CLASS_IN, 35 },
                                    { DNS_TYPE_A, DNS_CLASS_ANY, 0 },
                                    { DNS_TYPE_A, DNS_CLASS_IN, 4 } };
    const struct change reverse[] = { { DNS_TYPE_PTR, DNS_CLASS_ANY, 0 },
                                      { DNS_TYPE_PTR, DNS_CLASS_IN, 26 } };
    const struct change drop[] = { { 49, DNS_CLASS_IN, 35 }, { DNS_TYPE_A, DNS_CLASS_NONE, 4 } };
    const struct change drop_owner[] = { { 49, DNS_CLASS_IN, 35 },
                                         { DNS_TYPE_A, DNS_CLASS_NONE, 0 },
                                         { DNS_TYPE_AAAA, DNS_CLASS_NONE, 0 },
                                         { 49, DNS_CLASS_NONE, 35 } };
    const struct change drop_reverse[] = { { DNS_TYPE_PTR, DNS_CLASS_NONE, 26 } };
    assert_changes(NAME_CLAIM, false, 1, claim, 3);
    assert_changes(NAME_RENEW, false, 1, renew, 3);
    assert_changes(NAME_REVERSE, true, 0, reverse, 2);
    assert_changes(NAME_DROP, false, 1, drop, 2);
    assert_changes(NAME_DROP_OWNER, false, 3, drop_owner, 4);
    assert_changes(NAME_DROP_REVERSE, true, 0, drop_reverse, 1);
}

static void answers_lead_from_step_to_step(void **state)
{
    (void)state;
    struct name_task add = task(true), drop = task(false), plain = task(true);
    plain.reverse.len = 0;
    assert_int_equal(name_first(&add), NAME_CLAIM);
    assert_int_equal(name_first(&drop), NAME_DROP);
    assert_int_equal(name_next(&add, NAME_CLAIM, DNS_NOERROR), NAME_REVERSE);
    assert_int_equal(name_next(&plain, NAME_CLAIM, DNS_NOERROR), NAME_DONE);
    assert_int_equal(name_next(&add, NAME_CLAIM, DNS_YXDOMAIN), NAME_RENEW);
    assert_int_equal(name_next(&add, NAME_CLAIM, DNS_REFUSED), NAME_FAILED);
    assert_int_equal(name_next(&add, NAME_RENEW, DNS_NOERROR), NAME_REVERSE);
    assert_int_equal(name_next(&add, NAME_RENEW, DNS_NXRRSET), NAME_TAKEN);
    assert_int_equal(name_next(&add, NAME_REVERSE, DNS_NOERROR), NAME_DONE);
    assert_int_equal(name_next(&add, NAME_REVERSE, DNS_NOTAUTH), NAME_FAILED);
    assert_int_equal(name_next(&drop, NAME_DROP, DNS_NOERROR), NAME_DROP_OWNER);
    assert_int_equal(name_next(&drop, NAME_DROP_OWNER, DNS_NOERROR), NAME_DROP_REVERSE);
    assert_int_equal(name_next(&drop, NAME_DROP_OWNER, DNS_YXRRSET), NAME_DROP_REVERSE);
    assert_int_equal(name_next(&drop, NAME_DROP_OWNER, DNS_REFUSED), NAME_FAILED);
    assert_int_equal(name_next(&drop, NAME_DROP, DNS_NXRRSET), NAME_DROP_REVERSE);
    assert_int_equal(name_next(&drop, NAME_DROP, DNS_SERVFAIL), NAME_FAILED);
    assert_int_equal(name_next(&drop, NAME_DROP_REVERSE, DNS_NOERROR), NAME_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_become_names_of_hosts),    cmocka_unit_test(an_address_has_its_name_backwards),
        cmocka_unit_test(the_identifiers_of_the_rfc),     cmocka_unit_test(each_step_has_its_message),
        cmocka_unit_test(answers_lead_from_step_to_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
