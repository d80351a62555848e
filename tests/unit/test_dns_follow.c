/* A random zone, random updates, and a follower that asks for what changed, now and then: after each answer
 * its version is the primary's, record for record, byte for byte but for the case of owners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dns_versions.h"
#include "dnsd/condense.h"
#include "dnsd/transfer.h"
#include "dnsd/transfer_in.h"
#include "dnsd/update.h"

#define ROUNDS        60
#define UPDATES       40
#define WISHES_MAX    5
#define RECORDS_MAX   512
#define BYTES_MAX     (1 << 20)
#define MESSAGE_LEAST 200 /* bytes: a record or two a message */

static uint64_t random_state;

static uint32_t below(uint32_t n)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(random_state >> 33) % n;
}

/* ---- random updates ------------------------------------------------------------------------------ */

static const char *const owners[] = { "a.test.",       "www.a.test.", "WWW.a.test.",  "ns.a.test.",
                                      "x.y.z.a.test.", "*.w.a.test.", "w.a.test.",    "sub.a.test.",
                                      "q.sub.a.test.", "y.z.A.TEST.", "other.a.test." };
static const struct {
    const char *type, *words[4];
} data[] = {
    { "A", { "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4" } },
    { "TXT", { "x", "\"a b\"", "X", "\"\"" } },
    { "MX", { "1 www.a.test.", "2 www.a.test.", "1 WWW.a.test.", "1 other.a.test." } },
    { "NS", { "ns.a.test.", "ns2.a.test.", "ns.elsewhere.test.", "www.a.test." } },
    { "CNAME", { "www.a.test.", "x.a.test.", "ns.a.test.", "z.a.test." } },
    { "TYPE65280", { "\\# 1 00", "\\# 2 0000", "\\# 0", "\\# 1 ff" } },
};

static void write_wish(struct writer *w)
{
    uint8_t room[512];
    struct writer plain = writer_over(room, sizeof room);
    struct dns_name owner = name_of(owners[below(sizeof owners / sizeof *owners)]);
    size_t kind = below(sizeof data / sizeof *data);
    uint32_t what = below(8);
    uint16_t type;
    dns_type_from_text(span_text(data[kind].type), &type);
    bool whole = what == 0, set = what == 1, add = what > 3;
    write_span(w, dns_name_span(&owner));
    write_u16(w, whole ? DNS_TYPE_ANY : type);
    write_u16(w, whole || set ? DNS_CLASS_ANY : add ? DNS_CLASS_IN : DNS_CLASS_NONE);
    write_u32(w, add ? 30 * (1 + below(2)) : 0);
    struct mark length = write_length16(w);
    if (!whole && !set) {
        write_rr(&plain, ".", data[kind].type, 0, data[kind].words[below(4)]);
        write_span(w, span_from(writer_span(&plain), 11)); /* behind the root's name and the fixed fields */
    }
    close_length16(w, length);
}

/* NULL: nothing was to change. */
static struct change *update(const struct zone *z)
{
    uint8_t room[4096];
    struct writer w = writer_over(room, sizeof room);
    uint16_t count = (uint16_t)(1 + below(WISHES_MAX));
    struct dns_header h = { .flags = DNS_OPCODE_UPDATE << 11, .questions = 1, .authorities = count };
    struct dns_question q = { .name = name_of("a.test."), .type = DNS_TYPE_SOA, .class = DNS_CLASS_IN };
    struct change *c = NULL;
    struct arena a;
    const char *why;
    write_dns_header(&w, &h);
    write_dns_question(&w, &q);
    for (uint16_t i = 0; i < count; i++)
        write_wish(&w);
    assert_true(writer_ok(&w));
    arena_open(&a, 4096, BYTES_MAX);
    assert_int_equal(update_decide(z, writer_span(&w), z->serial + 1, &a, &c, &why), DNS_NOERROR);
    arena_close(&a);
    return c;
}

/* ---- the same, byte for byte --------------------------------------------------------------------------- */

static int by_bytes(const void *left, const void *right)
{
    const struct span *a = left, *b = right;
    if (a->len != b->len)
        return a->len < b->len ? -1 : 1;
    return memcmp(a->at, b->at, a->len);
}

static size_t sorted(const struct change_records *all, struct span out[RECORDS_MAX])
{
    struct reader r = change_reader(all);
    struct dns_record record;
    struct span rdata;
    size_t count = 0;
    for (size_t from = 0; change_next(&r, &record, &rdata); from = reader_offset(&r)) {
        assert_true(count < RECORDS_MAX);
        for (size_t i = 0; i < record.owner.len; i++) /* RFC 4343: the case of names is no difference */
            all->bytes[from + i] = ascii_lower(all->bytes[from + i]);
        out[count++] = span_of(all->bytes + from, reader_offset(&r) - from);
    }
    qsort(out, count, sizeof *out, by_bytes);
    return count;
}

static void assert_same(const struct zone *a, const struct zone *b)
{
    static struct span left[RECORDS_MAX], right[RECORDS_MAX];
    struct change_records of_a = { 0 }, of_b = { 0 };
    assert_true(change_add_zone(&of_a, a) && change_add_zone(&of_b, b));
    size_t count = sorted(&of_a, left);
    assert_int_equal(count, sorted(&of_b, right));
    for (size_t i = 0; i < count; i++)
        assert_true(span_equal(left[i], right[i]));
    assert_int_equal(a->serial, b->serial);
    free(of_a.bytes);
    free(of_b.bytes);
}

/* ---- the follower -----------------------------------------------------------------------------------------
 */

/* Its new version, by IXFR with these changes, or by AXFR with none. */
static struct zone *fetch(struct zone *from, struct zone *to, struct change *const *changes, size_t count)
{
    uint8_t room[2048];
    struct dns_query q = { .question = { .name = name_of("a.test."), .class = DNS_CLASS_IN } };
    struct transfer out;
    struct transfer_in in;
    enum transfer_in_state state = TRANSFER_IN_MORE;
    q.question.type = count ? DNS_TYPE_IXFR : DNS_TYPE_AXFR;
    memset(&out, 0, sizeof out);
    transfer_begin(&out, to, &q, false);
    if (count)
        transfer_changes(&out, changes, count);
    transfer_in_begin(&in, &q.question.name, count ? from : NULL, TEST_SEED, BYTES_MAX);
    while (!transfer_over(&out)) {
        struct writer w = writer_over(room, MESSAGE_LEAST + below(sizeof room - MESSAGE_LEAST));
        transfer_next(&out, &w);
        assert_int_equal(state, TRANSFER_IN_MORE);
        state = transfer_in_feed(&in, writer_span(&w));
    }
    if (state != TRANSFER_IN_DONE)
        print_error("%s\n", in.why);
    assert_int_equal(state, TRANSFER_IN_DONE);
    struct zone *z = zone_of_transfer(&in, from);
    transfer_in_end(&in);
    transfer_end(&out);
    return z;
}

/* However the answer is told: one change after the other, as one, or the whole zone. */
static void follow(struct zone **follower, struct zone *primary, struct change *const *changes, size_t count)
{
    struct change *one = condense(changes, count, CONDENSE_RECORDS_MAX);
    assert_non_null(one);
    struct zone *all[] = { fetch(*follower, primary, changes, count), fetch(*follower, primary, &one, 1),
                           fetch(*follower, primary, NULL, 0) };
    for (size_t i = 0; i < 3; i++)
        assert_same(all[i], primary);
    size_t told = 0;
    for (size_t i = 0; i < count; i++)
        told += changes[i]->removed.count + changes[i]->added.count;
    assert_true(one->removed.count + one->added.count <= told);
    size_t most = (*follower)->record_count + primary->record_count;
    assert_true(one->removed.count + one->added.count <= most); /* nothing comes and goes again */
    change_release(one);
    zone_release(*follower);
    *follower = all[below(3)];
    for (size_t i = 0; i < 3; i++)
        if (all[i] != *follower)
            zone_release(all[i]);
}

static struct zone *the_zone(void)
{
    char why[512];
    /* the serial passes the end of its circle on the way */
    struct zone *z =
        zone_from("a.test.", "@ 60 SOA ns admin 4294967280 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n", why);
    assert_string_equal(why, "");
    return z;
}

static void run_round(void)
{
    struct change *changes[UPDATES];
    struct zone *primary = the_zone(), *follower = zone_hold(primary);
    size_t count = 0;
    for (unsigned i = 0; i < UPDATES; i++) {
        const char *why = NULL;
        struct change *c = update(primary);
        if (!c || !change_apply(&primary, c, &why)) {
            change_release(c);
            continue;
        }
        changes[count++] = c;
        if (below(3))
            continue;
        follow(&follower, primary, changes, count);
        while (count)
            change_release(changes[--count]);
    }
    while (count)
        change_release(changes[--count]);
    zone_release(primary);
    zone_release(follower);
}

static void a_follower_has_what_its_primary_has(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= ROUNDS; round++) {
        random_state = round;
        run_round();
    }
}

static void what_came_and_went_is_not_told(void **state)
{
    static const uint8_t address[] = { 192, 0, 2, 1 };
    static const uint8_t soa[3][22] = { [0] = { [5] = 1 }, [1] = { [5] = 2 }, [2] = { [5] = 3 } };
    struct dns_name apex = name_of("a.test."), www = name_of("www.a.test."), shouted = name_of("WWW.a.test.");
    struct change *all[] = { change_new(1, 2), change_new(2, 3) };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        change_add_record(&all[i]->removed, dns_name_span(&apex), DNS_TYPE_SOA, 60, span_of(soa[i], 22));
        change_add_record(&all[i]->added, dns_name_span(&apex), DNS_TYPE_SOA, 60, span_of(soa[i + 1], 22));
    }
    change_add_record(&all[0]->added, dns_name_span(&www), DNS_TYPE_A, 60, span_of(address, 4));
    change_add_record(&all[1]->removed, dns_name_span(&shouted), DNS_TYPE_A, 60, span_of(address, 4));
    struct change *one = condense(all, 2, CONDENSE_RECORDS_MAX);
    assert_non_null(one);
    assert_int_equal(one->from, 1);
    assert_int_equal(one->to, 3);
    assert_int_equal(one->removed.count, 1);
    assert_int_equal(one->added.count, 1);
    for (size_t i = 0; i < CONDENSE_RECORDS_MAX; i++)
        change_add_record(&all[1]->added, dns_name_span(&www), DNS_TYPE_A, (uint32_t)i, span_of(address, 4));
    assert_null(condense(all, 2, CONDENSE_RECORDS_MAX));
    change_release(one);
    change_release(all[0]);
    change_release(all[1]);
}

/* The same record, with an exchange that one writes "m" and another "M" (RFC 2136 1.1). */
static void names_in_data_are_the_same_in_any_case(void **state)
{
    static const uint8_t lower[] = { 0, 2, 1, 'm', 0 }, upper[] = { 0, 2, 1, 'M', 0 };
    struct dns_name apex = name_of("a.test.");
    struct span owner = dns_name_span(&apex), small = span_of(lower, 5), large = span_of(upper, 5);
    struct change *all[] = { change_new(1, 2), change_new(2, 3) };
    (void)state;
    change_add_record(&all[0]->added, owner, DNS_TYPE_MX, 60, large);
    change_add_record(&all[1]->removed, owner, DNS_TYPE_MX, 60, small);
    struct change *one = condense(all, 2, CONDENSE_RECORDS_MAX);
    assert_non_null(one);
    assert_int_equal(one->removed.count + one->added.count, 0);
    change_release(one);
    /* and one that is there before and after, but written otherwise, is told as it was and as it is */
    change_add_record(&all[0]->removed, owner, DNS_TYPE_MX, 30, small);
    change_add_record(&all[1]->added, owner, DNS_TYPE_MX, 30, large);
    one = condense(all, 2, CONDENSE_RECORDS_MAX);
    assert_non_null(one);
    assert_int_equal(one->removed.count, 1);
    assert_int_equal(one->added.count, 1);
    assert_memory_equal(one->removed.bytes + one->removed.length - 5, lower, 5);
    assert_memory_equal(one->added.bytes + one->added.length - 5, upper, 5);
    change_release(one);
    change_release(all[0]);
    change_release(all[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_follower_has_what_its_primary_has),
        cmocka_unit_test(what_came_and_went_is_not_told),
        cmocka_unit_test(names_in_data_are_the_same_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
