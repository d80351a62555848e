/* dnsd/update.c and change.c: the tables of RFC 2136 2.4, 2.5, 3.2 and 3.4, and the versions that come of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dns_versions.h"
#include "dnsd/update.h"

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define NONE      254 /* classes of RFC 2136 */
#define ANY       255
#define IN        DNS_CLASS_IN
#define UPDATE    (5u << 11)
#define RDATA_MAX 8

static const char zone_text[] = "@ 60 SOA ns admin 10 2 3 4 5\n@ 60 NS ns\n@ 60 NS ns2\nns 60 A 192.0.2.1\n"
                                "www 60 A 192.0.2.2\nwww 60 A 192.0.2.3\nwww 60 TXT x\nalias 60 CNAME www\n"
                                "deep.er 60 A 192.0.2.4\nmail 60 MX 10 WWW\nsub 60 DNAME deep.er\n"
                                "wks 60 TYPE11 \\# 6 C00002010680\n";

/* A record of the prerequisite or the update section; words NULL: RDLENGTH 0. */
struct rr {
    const char *owner, *type;
    uint16_t class;
    uint32_t ttl;
    const char *words;
};

static void write_record(struct writer *w, const struct rr *rr)
{
    uint8_t room[512];
    struct writer plain = writer_over(room, sizeof room);
    struct dns_name name = name_of(rr->owner);
    uint16_t type;
    assert_true(dns_type_from_text(span_text(rr->type), &type));
    write_dns_name(w, NULL, dns_name_span(&name));
    write_u16(w, type);
    write_u16(w, rr->class);
    write_u32(w, rr->ttl);
    struct mark length = write_length16(w);
    if (rr->words) {
        write_rr(&plain, ".", rr->type, 0, rr->words);
        write_span(w,
                   span_from(writer_span(&plain), 11)); /* behind the root name, type, class, TTL, length */
    }
    close_length16(w, length);
}

static struct span build(uint8_t room[4096], const struct rr *wanted, size_t wanted_count,
                         const struct rr *changes, size_t change_count)
{
    struct writer w = writer_over(room, 4096);
    struct dns_question q = { .name = name_of("a.test."), .type = DNS_TYPE_SOA, .class = IN };
    struct dns_header h = { .id = 1,
                            .flags = UPDATE,
                            .questions = 1,
                            .answers = (uint16_t)wanted_count,
                            .authorities = (uint16_t)change_count };
    write_dns_header(&w, &h);
    write_dns_question(&w, &q);
    for (size_t i = 0; i < wanted_count; i++)
        write_record(&w, &wanted[i]);
    for (size_t i = 0; i < change_count; i++)
        write_record(&w, &changes[i]);
    assert_true(writer_ok(&w));
    return writer_span(&w);
}

static struct zone *the_zone(void)
{
    char why[512];
    struct zone *z = zone_from("a.test.", zone_text, why);
    assert_string_equal(why, "");
    return z;
}

static enum dns_rcode decide(const struct zone *z, struct span message, struct change **out)
{
    struct arena a;
    struct dns_query query;
    const char *why = NULL;
    *out = NULL;
    arena_open(&a, 4096, 1 << 20);
    dns_query_read(message, &query);
    bool names_zone = query.asked && query.question.type == DNS_TYPE_SOA;
    enum dns_rcode code = names_zone ? update_decide(z, message, z->serial + 1, &a, out, &why) : DNS_FORMERR;
    if (names_zone) /* who is refused is told of with a reason */
        assert_int_equal(code == DNS_NOERROR, !why);
    arena_close(&a);
    return code;
}

/* ---- prerequisites ------------------------------------------------------------------------------ */

static void prerequisites_are_checked(void **state)
{
    static const struct {
        struct rr rr;
        enum dns_rcode code;
    } cases[] = {
        /* RFC 2136 2.4.1: RRset exists */
        { { "www.a.test.", "A", ANY, 0, NULL }, DNS_NOERROR },
        { { "WWW.a.test.", "A", ANY, 0, NULL }, DNS_NOERROR },
        { { "www.a.test.", "MX", ANY, 0, NULL }, DNS_NXRRSET },
        { { "no.a.test.", "A", ANY, 0, NULL }, DNS_NXRRSET },
        /* 2.4.2: ... with this data, all of it */
        { { "ns.a.test.", "A", IN, 0, "192.0.2.1" }, DNS_NOERROR },
        { { "ns.a.test.", "A", IN, 0, "192.0.2.9" }, DNS_NXRRSET },
        { { "www.a.test.", "A", IN, 0, "192.0.2.2" }, DNS_NXRRSET },
        /* 1.1, RFC 4343: in any case of the names, and of them alone */
        { { "mail.a.test.", "MX", IN, 0, "10 www.A.test." }, DNS_NOERROR },
        { { "www.a.test.", "TXT", IN, 0, "X" }, DNS_NXRRSET },
        /* 2.4.3: RRset does not exist */
        { { "www.a.test.", "MX", NONE, 0, NULL }, DNS_NOERROR },
        { { "www.a.test.", "A", NONE, 0, NULL }, DNS_YXRRSET },
        /* 2.4.4, 2.4.5: the name is in use, or not */
        { { "www.a.test.", "ANY", ANY, 0, NULL }, DNS_NOERROR },
        { { "no.a.test.", "ANY", ANY, 0, NULL }, DNS_NXDOMAIN },
        { { "no.a.test.", "ANY", NONE, 0, NULL }, DNS_NOERROR },
        { { "www.a.test.", "ANY", NONE, 0, NULL }, DNS_YXDOMAIN },
        /* an empty non-terminal has no records: it is not in use */
        { { "er.a.test.", "ANY", NONE, 0, NULL }, DNS_NOERROR },
        /* 3.2.3: what they must look like */
        { { "www.a.test.", "A", ANY, 1, NULL }, DNS_FORMERR },
        { { "www.a.test.", "A", NONE, 1, NULL }, DNS_FORMERR },
        { { "www.a.test.", "A", IN, 1, "192.0.2.2" }, DNS_FORMERR },
        { { "www.a.test.", "A", ANY, 0, "192.0.2.2" }, DNS_FORMERR },
        { { "www.a.test.", "A", NONE, 0, "192.0.2.2" }, DNS_FORMERR },
        { { "www.a.test.", "A", 3, 0, "192.0.2.2" }, DNS_FORMERR },
        { { "www.b.test.", "A", ANY, 0, NULL }, DNS_NOTZONE },
        { { "www.b.test.", "A", ANY, 1, NULL }, DNS_FORMERR },
        { { "www.a.test.", "TYPE0", IN, 0, "\\# 0" }, DNS_FORMERR },
    };
    struct zone *z = the_zone();
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t room[4096];
        struct change *c;
        enum dns_rcode code = decide(z, build(room, &cases[i].rr, 1, NULL, 0), &c);
        if (code != cases[i].code)
            fail_msg("case %zu (%s %s class %u): %s, not %s", i, cases[i].rr.owner, cases[i].rr.type,
                     cases[i].rr.class, dns_rcode_name(code), dns_rcode_name(cases[i].code));
        assert_null(c);
    }
    zone_release(z);
}

static void a_set_is_compared_whole(void **state)
{
    static const struct rr both[] = { { "www.a.test.", "A", IN, 0, "192.0.2.3" },
                                      { "www.a.test.", "A", IN, 0, "192.0.2.2" } };
    static const struct rr more[] = { { "www.a.test.", "A", IN, 0, "192.0.2.3" },
                                      { "www.a.test.", "A", IN, 0, "192.0.2.2" },
                                      { "www.a.test.", "A", IN, 0, "192.0.2.7" } };
    static const struct rr twice[] = { { "www.a.test.", "A", IN, 0, "192.0.2.2" },
                                       { "WWW.a.test.", "A", IN, 0, "192.0.2.2" } };
    static const struct rr again[] = { { "www.a.test.", "A", IN, 0, "192.0.2.2" },
                                       { "www.a.test.", "A", IN, 0, "192.0.2.3" },
                                       { "www.a.test.", "A", IN, 0, "192.0.2.2" } };
    uint8_t room[4096];
    struct change *c;
    struct zone *z = the_zone();
    (void)state;
    assert_int_equal(decide(z, build(room, both, 2, NULL, 0), &c), DNS_NOERROR);
    assert_int_equal(decide(z, build(room, more, 3, NULL, 0), &c), DNS_NXRRSET);
    assert_int_equal(decide(z, build(room, twice, 2, NULL, 0), &c), DNS_NXRRSET);
    assert_int_equal(decide(z, build(room, again, 3, NULL, 0), &c), DNS_NOERROR);
    zone_release(z);
}

/* RFC 2136 3.2.5: in the order of the message, but for sets, which are compared behind all else. */
static void prerequisites_fail_in_order(void **state)
{
    static const struct {
        struct rr rr[2];
        enum dns_rcode code;
    } cases[] = {
#define OTHER { "www.a.test.", "A", IN, 0, "192.0.2.2" }
        { { OTHER, { "www.a.test.", "A", ANY, 1, NULL } }, DNS_FORMERR },
        { { OTHER, { "no.a.test.", "ANY", ANY, 0, NULL } }, DNS_NXDOMAIN },
        { { OTHER, { "www.a.test.", "ANY", NONE, 0, NULL } }, DNS_YXDOMAIN },
        { { OTHER, { "www.b.test.", "ANY", NONE, 0, NULL } }, DNS_NOTZONE },
        { { OTHER, { "www.a.test.", "A", IN, 0, NULL } }, DNS_FORMERR },
        { { { "no.a.test.", "ANY", ANY, 0, NULL }, { "www.a.test.", "A", ANY, 1, NULL } }, DNS_NXDOMAIN },
        { { OTHER, { "www.a.test.", "A", IN, 0, "192.0.2.3" } }, DNS_NOERROR },
        { { OTHER, { "ns.a.test.", "A", IN, 0, "192.0.2.3" } }, DNS_NXRRSET },
#undef OTHER
    };
    struct zone *z = the_zone();
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t room[4096];
        struct change *c;
        enum dns_rcode code = decide(z, build(room, cases[i].rr, 2, NULL, 0), &c);
        if (code != cases[i].code)
            fail_msg("case %zu: %s, not %s", i, dns_rcode_name(code), dns_rcode_name(cases[i].code));
    }
    zone_release(z);
}

/* ---- changes -------------------------------------------------------------------------------------- */

/* "www A 192.0.2.2, www TXT x" of all records but the SOA and those that stay in every case. */
static const char *text_of(const struct zone *z)
{
    static char text[4096];
    struct change_records all = { 0 };
    struct writer w = writer_over(text, sizeof text - 1);
    struct dns_record record;
    struct span rdata;
    assert_true(change_add_zone(&all, z));
    struct reader r = change_reader(&all);
    while (change_next(&r, &record, &rdata)) {
        if (record.type == DNS_TYPE_SOA)
            continue;
        write_text(&w, writer_length(&w) ? ", " : "");
        write_dns_name_text(&w, dns_name_span(&record.owner));
        write_u8(&w, ' ');
        write_decimal(&w, record.ttl);
        write_u8(&w, ' ');
        write_dns_type_text(&w, record.type);
        write_u8(&w, ' ');
        write_dns_rdata_text(&w, record.type, rdata);
    }
    text[writer_length(&w)] = 0;
    free(all.bytes);
    return text;
}

static bool has_record(const struct zone *z, const char *record)
{
    return strstr(text_of(z), record) != NULL;
}

/* The version after these changes; NULL: there is no change. */
static struct zone *changed(const struct rr *rr, size_t count)
{
    uint8_t room[4096];
    struct change *c;
    const char *why = NULL;
    struct zone *z = the_zone();
    enum dns_rcode code = decide(z, build(room, NULL, 0, rr, count), &c);
    if (code != DNS_NOERROR)
        fail_msg("%s %s: %s", rr->owner, rr->type, dns_rcode_name(code));
    struct zone *after = c ? zone_after(z, c, &why) : NULL;
    if (c && !after)
        fail_msg("%s %s: %s", rr->owner, rr->type, why);
    if (c)
        assert_int_equal(c->from, 10);
    change_release(c);
    zone_release(z);
    return after;
}

static void changes_are_made(void **state)
{
    static const struct {
        struct rr rr;
        const char *there, *gone; /* in the new version; both NULL: nothing changes */
    } cases[] = {
        /* RFC 2136 2.5.1: added */
        { { "new.a.test.", "A", IN, 30, "192.0.2.9" }, "new.a.test. 30 A 192.0.2.9", NULL },
        { { "www.a.test.", "A", IN, 60, "192.0.2.9" }, "www.a.test. 60 A 192.0.2.9", NULL },
        { { "www.a.test.", "A", IN, 60, "192.0.2.2" }, NULL, NULL },
        { { "new.a.test.", "A", IN, 1U << 31, "192.0.2.9" },
          "new.a.test. 0 A 192.0.2.9",
          NULL }, /* RFC 2181 8 */
        /* 2.5.2: an RRset deleted */
        { { "www.a.test.", "A", ANY, 0, NULL }, "www.a.test. 60 TXT \"x\"", "www.a.test. 60 A" },
        { { "www.a.test.", "MX", ANY, 0, NULL }, NULL, NULL },
        /* 2.5.3: all of a name */
        { { "www.a.test.", "ANY", ANY, 0, NULL }, "alias.a.test.", "www.a.test. 60" },
        { { "no.a.test.", "ANY", ANY, 0, NULL }, NULL, NULL },
        /* 2.5.4: one record */
        { { "www.a.test.", "A", NONE, 0, "192.0.2.2" }, "www.a.test. 60 A 192.0.2.3", "A 192.0.2.2" },
        { { "www.a.test.", "A", NONE, 0, "192.0.2.9" }, NULL, NULL },
        /* 1.1, RFC 4343: in any case of the names, and of them alone */
        { { "mail.a.test.", "MX", NONE, 0, "10 www.A.test." }, "alias.a.test.", "mail.a.test." },
        { { "www.a.test.", "TXT", NONE, 0, "X" }, NULL, NULL },
        /* 3.4.2.2: the same record takes the place of the one that is there */
        { { "mail.a.test.", "MX", IN, 60, "10 www.a.test." },
          "mail.a.test. 60 MX 10 www.a.test.",
          "MX 10 WWW" },
        { { "mail.a.test.", "MX", IN, 60, "10 WWW.a.test." }, NULL, NULL },
        { { "www.a.test.", "TXT", IN, 60, "X" }, "www.a.test. 60 TXT \"x\"", NULL },
        { { "wks.a.test.", "TYPE11", IN, 60, "\\# 7 C0000201060001" },
          "TYPE11 \\# 7 C0000201060001",
          "C00002010680" },
        { { "wks.a.test.", "TYPE11", IN, 60, "\\# 6 C00002011180" }, "C00002010680", NULL },
        /* RFC 6672 5.2: so does a DNAME, and it is passed over beside a CNAME */
        { { "sub.a.test.", "DNAME", IN, 60, "www.a.test." },
          "sub.a.test. 60 DNAME www.a.test.",
          "DNAME deep.er.a.test." },
        { { "alias.a.test.", "DNAME", IN, 60, "www.a.test." }, NULL, NULL },
        /* 3.4.2.2: a CNAME stands alone, and takes the place of another */
        { { "www.a.test.", "CNAME", IN, 60, "ns.a.test." }, NULL, NULL },
        { { "alias.a.test.", "A", IN, 60, "192.0.2.9" }, NULL, NULL },
        { { "alias.a.test.", "CNAME", IN, 60, "ns.a.test." },
          "alias.a.test. 60 CNAME ns.a.test.",
          "CNAME www.a.test." },
        /* 3.4.2.3, 3.4.2.4: SOA and the last NS of the apex stay */
        { { "a.test.", "SOA", ANY, 0, NULL }, NULL, NULL },
        { { "a.test.", "NS", ANY, 0, NULL }, NULL, NULL },
        { { "a.test.", "NS", NONE, 0, "ns2.a.test." }, "a.test. 60 NS ns.a.test.", "NS ns2.a.test." },
        { { "a.test.", "ANY", ANY, 0, NULL }, NULL, NULL },
        /* an older SOA is passed over */
        { { "a.test.", "SOA", IN, 60, "ns.a.test. admin.a.test. 9 2 3 4 5" }, NULL, NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct zone *after = changed(&cases[i].rr, 1);
        bool nothing = !cases[i].there && !cases[i].gone;
        if ((after == NULL) != nothing)
            fail_msg("case %zu: %s", i, after ? text_of(after) : "no change");
        if (cases[i].there && !has_record(after, cases[i].there))
            fail_msg("case %zu: %s lacks %s", i, text_of(after), cases[i].there);
        if (cases[i].gone && has_record(after, cases[i].gone))
            fail_msg("case %zu: %s has %s", i, text_of(after), cases[i].gone);
        zone_release(after);
    }
}

/* RFC 2136 3.4.2.4: of two deletions the second meets the last NS. */
static void the_last_name_server_stays(void **state)
{
    static const struct rr both[] = { { "a.test.", "NS", NONE, 0, "ns2.a.test." },
                                      { "a.test.", "NS", NONE, 0, "ns.a.test." } };
    struct zone *after = changed(both, 2);
    (void)state;
    assert_true(has_record(after, "a.test. 60 NS ns.a.test."));
    assert_false(has_record(after, "ns2.a.test."));
    zone_release(after);
}

/* All records of a set have one TTL (RFC 2181 5.2): the new one counts. */
static void the_new_ttl_counts(void **state)
{
    static const struct rr rr = { "www.a.test.", "A", IN, 30, "192.0.2.9" };
    struct zone *after = changed(&rr, 1);
    (void)state;
    assert_true(has_record(after, "www.a.test. 30 A 192.0.2.9"));
    assert_true(has_record(after, "www.a.test. 30 A 192.0.2.2"));
    assert_false(has_record(after, "www.a.test. 60 A"));
    zone_release(after);
}

static void deleted_and_added_is_in_order(void **state)
{
    static const struct rr rr[] = { { "www.a.test.", "A", ANY, 0, NULL },
                                    { "www.a.test.", "A", IN, 60, "192.0.2.9" } };
    static const struct rr none[] = { { "www.a.test.", "A", IN, 60, "192.0.2.9" },
                                      { "www.a.test.", "A", NONE, 0, "192.0.2.9" } };
    struct zone *after = changed(rr, 2);
    (void)state;
    assert_true(has_record(after, "www.a.test. 60 A 192.0.2.9"));
    assert_false(has_record(after, "192.0.2.2"));
    zone_release(after);
    assert_null(changed(none, 2));
}

static void serials_go_up(void **state)
{
    static const struct rr plain = { "new.a.test.", "A", IN, 30, "192.0.2.9" };
    static const struct rr own = { "a.test.", "SOA", IN, 60, "ns.a.test. admin.a.test. 77 2 3 4 5" };
    /* 3.4.2.2: the second one is older than the SOA that is there by then */
    static const struct rr down[] = { { "a.test.", "SOA", IN, 60, "ns.a.test. admin.a.test. 77 2 3 4 5" },
                                      { "a.test.", "SOA", IN, 60, "ns.a.test. admin.a.test. 50 2 3 4 5" } };
    struct zone *after = changed(&plain, 1);
    (void)state;
    assert_int_equal(after->serial, 11);
    zone_release(after);
    after = changed(&own, 1);
    assert_int_equal(after->serial, 77);
    zone_release(after);
    after = changed(down, 2);
    assert_int_equal(after->serial, 77);
    zone_release(after);
}

static void malformed_changes_are_refused(void **state)
{
    static const struct {
        struct rr rr;
        enum dns_rcode code;
    } cases[] = {
        /* RFC 2136 3.4.1.2 */
        { { "new.b.test.", "A", IN, 30, "192.0.2.9" }, DNS_NOTZONE },
        { { "www.a.test.", "ANY", IN, 30, NULL }, DNS_FORMERR },
        { { "www.a.test.", "AXFR", ANY, 0, NULL }, DNS_FORMERR },
        { { "www.a.test.", "A", ANY, 30, NULL }, DNS_FORMERR },
        { { "www.a.test.", "A", ANY, 0, "192.0.2.9" }, DNS_FORMERR },
        { { "www.a.test.", "A", NONE, 30, "192.0.2.9" }, DNS_FORMERR },
        { { "www.a.test.", "ANY", NONE, 0, NULL }, DNS_FORMERR },
        { { "www.a.test.", "A", 3, 0, "192.0.2.9" }, DNS_FORMERR },
        { { "www.a.test.", "A", IN, 30, NULL }, DNS_FORMERR },
        /* RFC 6895 3.1: 0 is reserved */
        { { "www.a.test.", "TYPE0", IN, 30, "\\# 1 00" }, DNS_FORMERR },
        { { "www.a.test.", "TYPE0", ANY, 0, NULL }, DNS_FORMERR },
        { { "www.a.test.", "TYPE0", NONE, 0, "\\# 1 00" }, DNS_FORMERR },
        /* RFC 3007 3.1.1, 4.2 */
        { { "www.a.test.", "NSEC", IN, 30, "ns.a.test. A" }, DNS_REFUSED },
        { { "www.a.test.", "NSEC", ANY, 0, NULL }, DNS_REFUSED },
        { { "www.a.test.", "NSEC", NONE, 0, "ns.a.test. A" }, DNS_REFUSED },
        { { "www.a.test.", "NSEC3", ANY, 0, NULL }, DNS_REFUSED },
        { { "a.test.", "RRSIG", ANY, 0, NULL }, DNS_REFUSED },
        { { "www.a.test.", "RRSIG", IN, 30,
            "\\# 29 00010D030000003C700000006000000000010161047465737400000000" },
          DNS_REFUSED },
    };
    struct zone *z = the_zone();
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t room[4096];
        struct change *c;
        enum dns_rcode code = decide(z, build(room, NULL, 0, &cases[i].rr, 1), &c);
        if (code != cases[i].code)
            fail_msg("case %zu: %s, not %s", i, dns_rcode_name(code), dns_rcode_name(cases[i].code));
        assert_null(c);
    }
    zone_release(z);
}

/* Nothing of a message counts when its end is missing. */
static void cut_messages_change_nothing(void **state)
{
    static const struct rr rr[] = { { "new.a.test.", "A", IN, 30, "192.0.2.9" },
                                    { "www.a.test.", "A", ANY, 0, NULL } };
    uint8_t room[4096];
    struct change *c;
    struct zone *z = the_zone();
    struct span whole = build(room, NULL, 0, rr, 2);
    (void)state;
    for (size_t n = 0; n < whole.len; n++) {
        assert_int_equal(decide(z, span_head(whole, n), &c), DNS_FORMERR);
        assert_null(c);
    }
    zone_release(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prerequisites_are_checked),     cmocka_unit_test(a_set_is_compared_whole),
        cmocka_unit_test(prerequisites_fail_in_order),   cmocka_unit_test(changes_are_made),
        cmocka_unit_test(the_last_name_server_stays),    cmocka_unit_test(the_new_ttl_counts),
        cmocka_unit_test(deleted_and_added_is_in_order), cmocka_unit_test(serials_go_up),
        cmocka_unit_test(malformed_changes_are_refused), cmocka_unit_test(cut_messages_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
