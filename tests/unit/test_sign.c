/* DNSSEC as octets, by the examples of the RFCs and of other programs; and a zone that is signed change by
 * change, where every version is the one that signing all of it would make (RFC 4034, 4035, 5155, 6605,
 * 9077). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/sign.h"
#include "wire/dns_rdata.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW_S      1900000000u
#define VALIDITY_S (14 * 86400u)
#define ROUNDS     6
#define CHANGES    80
#define COUNT(a)   (sizeof(a) / sizeof(a)[0])
#define DIGEST     "0123456789abcdef0123456789abcdef"

static struct sign_key key;
static struct sign_settings settings;
static uint64_t random_state;

static uint32_t below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

static struct dns_name name_of(const char *text)
{
    struct dns_name n;
    assert_null(dns_name_from_text(span_text(text), NULL, &n));
    return n;
}

static struct span hex(const char *digits, uint8_t *room, size_t size)
{
    struct writer w = writer_over(room, size);
    for (; *digits; digits += 2) {
        const char two[] = { digits[0], digits[1], 0 };
        write_u8(&w, (uint8_t)strtoul(two, NULL, 16));
    }
    assert_true(writer_ok(&w));
    return writer_span(&w);
}

/* ---- octets ----------------------------------------------------------------------------------------------
 */

/* RFC 6605 6.1 */
static void test_key_tag_and_ds(void **state)
{
    (void)state;
    uint8_t room[128], want[64];
    struct writer w = writer_over(room, sizeof room);
    struct dns_word words[] = {
        { span_text("257"), false },
        { span_text("3"), false },
        { span_text("13"), false },
        { span_text(
              "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="),
          false }
    };
    struct dns_word_problem p;
    struct dns_name owner = name_of("Example.NET.");
    assert_true(dns_rdata_from_words(DNS_TYPE_DNSKEY, words, COUNT(words), NULL, &w, &p));
    assert_int_equal(dnssec_key_tag(writer_span(&w)), 55648);
    uint8_t ds[DNSSEC_DS_BYTES];
    struct writer d = writer_over(ds, sizeof ds);
    assert_true(write_ds(&d, &owner, writer_span(&w)));
    assert_true(span_equal(
        writer_span(&d),
        hex("d9600d02b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17", want, sizeof want)));
}

/* RFC 4034 4.3: A MX RRSIG NSEC TYPE1234 */
static void test_bitmap(void **state)
{
    (void)state;
    static const uint16_t types[] = { 1, 15, 46, 47, 1234 };
    uint8_t room[64], want[64];
    struct writer w = writer_over(room, sizeof room);
    write_type_bitmap(&w, types, COUNT(types));
    struct span expected =
        hex("0006400100000003041b000000000000000000000000000000000000000000000000000020", want, sizeof want);
    assert_true(span_equal(writer_span(&w), expected));
}

/* As nsec3hash of BIND and ldns-nsec3-hash have them. */
static void test_hashed_names(void **state)
{
    (void)state;
    static const char *const pairs[][2] = { { "Example.Test.", "jbas736chung3bb701jkjdhqkqlhvug7" },
                                            { "a.b.example.test.", "egg1lfljj8212gl6a4pshmnq5v48a12e" } };
    struct dns_name zone = name_of("example.test."), owner;
    uint8_t hash[DNSSEC_HASH_BYTES], back[DNSSEC_HASH_BYTES];
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct dns_name n = name_of(pairs[i][0]);
        assert_true(nsec3_hash(&n, hash));
        assert_true(nsec3_owner(hash, &zone, &owner));
        assert_true(span_is(dns_name_label(&owner, 0), pairs[i][1]));
        assert_true(nsec3_from_label(dns_name_label(&owner, 0), back));
        assert_memory_equal(hash, back, sizeof hash);
    }
    assert_false(nsec3_from_label(span_text("jbas736chung3bb701jkjdhqkqlhvugw"), back));
    assert_false(nsec3_from_label(span_text("jbas"), back));
}

/* RFC 4034 6.1 */
static void test_order_of_names(void **state)
{
    (void)state;
    static const char *const order[] = { "example.",         "a.example.",      "yljkjljk.a.example.",
                                         "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                                         "\\001.z.example.", "*.z.example.",    "\\200.z.example." };
    for (size_t i = 0; i + 1 < COUNT(order); i++) {
        struct dns_name a = name_of(order[i]), b = name_of(order[i + 1]);
        assert_true(dns_name_compare(&a, &b) < 0);
        assert_true(dns_name_compare(&b, &a) > 0);
    }
}

/* RFC 4034 6.2, RFC 6840 5.1 */
static void test_canonical_data(void **state)
{
    static const struct {
        uint16_t type;
        uint8_t octets, names;
    } named[] = {
        { DNS_TYPE_NS, 0, 1 },     { DNS_TYPE_MD, 0, 1 },    { DNS_TYPE_MF, 0, 1 },
        { DNS_TYPE_CNAME, 0, 1 },  { DNS_TYPE_SOA, 0, 2 },   { DNS_TYPE_MB, 0, 1 },
        { DNS_TYPE_MG, 0, 1 },     { DNS_TYPE_MR, 0, 1 },    { DNS_TYPE_PTR, 0, 1 },
        { DNS_TYPE_MINFO, 0, 2 },  { DNS_TYPE_MX, 2, 1 },    { DNS_TYPE_RP, 0, 2 },
        { DNS_TYPE_RT, 2, 1 },     { DNS_TYPE_AFSDB, 2, 1 }, { DNS_TYPE_SIG, 18, 1 },
        { DNS_TYPE_PX, 2, 2 },     { DNS_TYPE_NXT, 0, 1 },   { DNS_TYPE_NAPTR, 7, 1 },
        { DNS_TYPE_KX, 2, 1 },     { DNS_TYPE_SRV, 6, 1 },   { DNS_TYPE_DNAME, 0, 1 },
        { DNS_TYPE_RRSIG, 18, 1 },
    };
    (void)state;
    uint8_t room[64];
    struct writer w = writer_over(room, sizeof room);
    write_canonical_rdata(&w, DNS_TYPE_MX, span_of("\0\12\4MAIL\1A\0", 10));
    assert_true(span_equal(writer_span(&w), span_of("\0\12\4mail\1a\0", 10)));
    w = writer_over(room, sizeof room);
    write_canonical_rdata(&w, DNS_TYPE_NAPTR, span_of("\0\1\0\2\1U\1S\1R\1A\0", 13));
    assert_true(span_equal(writer_span(&w), span_of("\0\1\0\2\1U\1S\1R\1a\0", 13)));
    w = writer_over(room, sizeof room);
    write_canonical_rdata(&w, DNS_TYPE_NSEC, span_of("\1A\0\0\1\100", 6));
    assert_true(span_equal(writer_span(&w), span_of("\1A\0\0\1\100", 6)));
    for (size_t i = 0; i < COUNT(named); i++) {
        uint8_t given[40] = { 0 }, lower[40] = { 0 };
        size_t names = named[i].octets, end = names + 3 * named[i].names;
        for (size_t at = names; at < end; at += 3) { /* each turn makes a name */
            memcpy(given + at, "\1A", 2);
            memcpy(lower + at, "\1a", 2);
        }
        given[end] = lower[end] = 'Z';
        w = writer_over(room, sizeof room);
        write_canonical_rdata(&w, named[i].type, span_of(given, end + 1));
        assert_true(span_equal(writer_span(&w), span_of(lower, end + 1)));
    }
    assert_true(dnssec_compare_rdata(span_text("a"), span_text("ab")) < 0);
    assert_true(dnssec_compare_rdata(span_text("\377"), span_text("a")) > 0);
}

/* RFC 2136 1.1, RFC 4343: names are the same in any case; nothing else is. */
static void test_same_data(void **state)
{
    static const struct {
        uint16_t type;
        bool same;
        struct span a, b;
    } cases[] = {
#define DATA(text) { (const uint8_t *)(text), sizeof(text) - 1 }
        { DNS_TYPE_NS, true, DATA("\1A\1b\0"), DATA("\1a\1B\0") },
        { DNS_TYPE_NS, false, DATA("\1A\1b\0"), DATA("\1a\1c\0") },
        { DNS_TYPE_MX, true, DATA("\0A\4MAIL\0"), DATA("\0A\4mail\0") },
        { DNS_TYPE_MX, false, DATA("\0A\4mail\0"), DATA("\0a\4mail\0") }, /* 65 and 97 */
        { DNS_TYPE_SRV, true, DATA("\0\1\0\1\0\1\1H\0"), DATA("\0\1\0\1\0\1\1h\0") },
        { DNS_TYPE_NAPTR, true, DATA("\0\1\0\2\1U\1S\1R\1A\0"), DATA("\0\1\0\2\1U\1S\1R\1a\0") },
        { DNS_TYPE_NAPTR, false, DATA("\0\1\0\2\1U\1S\1R\1A\0"), DATA("\0\1\0\2\1u\1S\1R\1A\0") },
        { DNS_TYPE_SOA, true, DATA("\1N\0\1M\0AAAABBBBCCCCDDDDEEEE"),
          DATA("\1n\0\1m\0AAAABBBBCCCCDDDDEEEE") },
        { DNS_TYPE_SOA, false, DATA("\1n\0\1m\0AAAABBBBCCCCDDDDEEEE"),
          DATA("\1n\0\1m\0AAAABBBBCCCCDDDDEEEe") },
        { DNS_TYPE_TXT, true, DATA("\1A"), DATA("\1A") },
        { DNS_TYPE_TXT, false, DATA("\1A"), DATA("\1a") },
        { DNS_TYPE_A, false, DATA("AAAA"), DATA("aaaa") },
#undef DATA
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (dnssec_same_rdata(cases[i].type, cases[i].a, cases[i].b) != cases[i].same)
            fail_msg("case %zu", i);
}

static void test_signature_from_der(void **state)
{
    (void)state;
    uint8_t der[80], out[DNSSEC_SIGNATURE_BYTES];
    assert_true(dnssec_signature_from_der(hex("3007020101020200ff", der, sizeof der), out));
    assert_int_equal(out[31], 1);
    assert_int_equal(out[63], 0xff);
    assert_int_equal(out[30] + out[32] + out[62], 0);
    static const char *const wrong[] = { "",
                                         "30",
                                         "3007020101",
                                         "3007020101020200",
                                         "3107020101020200ff",
                                         "3006020101020200ff",
                                         "3008020101020200ff",
                                         "3007020101020200ff00" };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_false(dnssec_signature_from_der(hex(wrong[i], der, sizeof der), out));
    char *longest = calloc(1, 200);
    snprintf(longest, 200, "3026022201%066d020101", 0); /* an integer of 34 octets */
    assert_false(dnssec_signature_from_der(hex(longest, der, sizeof der), out));
    free(longest);
}

/* ---- a zone
 * ------------------------------------------------------------------------------------------------ */

static const char *const owners[] = { "a.test.",       "w.a.test.",     "x.w.a.test.",     "y.x.w.a.test.",
                                      "*.w.a.test.",   "s.a.test.",     "ns.s.a.test.",    "d.a.test.",
                                      "e.d.a.test.",   "f.e.d.a.test.", "g.f.e.d.a.test.", "ZONE.a.test.",
                                      "m.n.o.a.test.", "q.n.o.a.test." };

static struct zone *unsigned_zone(void)
{
    struct dns_name apex = name_of("a.test.");
    struct zone_builder *b = zone_builder_open(&apex, 1, 16);
    enum zone_fault why;
    zone_builder_add(b, &apex, DNS_TYPE_SOA, 3600,
                     span_of("\1n\0\1a\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\74", 26));
    zone_builder_add(b, &apex, DNS_TYPE_NS, 3600, span_of("\1n\0", 3));
    struct zone *z = zone_builder_finish(b, &why);
    assert_non_null(z);
    return z;
}

static enum sign_result sign(struct zone *z, struct change *c, bool all, uint32_t now_s)
{
    struct sign_scope scope = { .all = all };
    const char *why;
    return sign_change(z, c, &settings, &scope, now_s, &why);
}

static void commit(struct zone **z, struct change *c)
{
    const char *why = "";
    if (!change_apply(z, c, &why))
        fail_msg("%s", why);
    change_release(c);
}

static void sign_everything(struct zone **z)
{
    struct change *c = sign_new_serial(*z, (*z)->serial + 1);
    assert_int_equal(sign(*z, c, true, NOW_S), SIGN_CHANGED);
    commit(z, c);
}

/* Nothing is left to do, whoever looks at all of it. */
static void assert_signed(struct zone *z)
{
    struct change *c = sign_new_serial(z, z->serial + 1);
    assert_int_equal(sign(z, c, true, NOW_S), SIGN_NOTHING);
    change_release(c);
}

/* One or a few records come, or the sets of a name go. */
static struct change *random_change(const struct zone *z)
{
    static const struct {
        uint16_t type;
        const char *data;
        size_t length;
    } kinds[] = { { DNS_TYPE_A, "\1\2\3\4", 4 },
                  { DNS_TYPE_A, "\1\2\3\5", 4 },
                  { DNS_TYPE_NS, "\2ns\1s\1a\4test\0", 13 },
                  { DNS_TYPE_TXT, "\1x", 2 },
                  { DNS_TYPE_MX, "\0\1\1M\0", 5 },
                  { DNS_TYPE_DNAME, "\1w\1a\4test\0", 10 },
                  { DNS_TYPE_DS, "\0\1\15\2" DIGEST, 36 } };
    struct change *c = sign_new_serial(z, z->serial + 1);
    for (uint32_t n = 1 + below(3); n; n--) {
        struct dns_name owner = name_of(owners[below(COUNT(owners))]), lower;
        dns_name_lower(&lower, &owner);
        const struct zone_node *node = zone_find_name(z, &lower);
        uint32_t kind = below(COUNT(kinds));
        const struct zone_set *set = node ? zone_find_set(z, node, kinds[kind].type) : NULL;
        bool apex = owner.labels == 2;
        if (!set) {
            change_add_record(&c->added, dns_name_span(&owner), kinds[kind].type, 60,
                              span_of(kinds[kind].data, kinds[kind].length));
        } else if (!(apex && kinds[kind].type == DNS_TYPE_NS) && n == 1) {
            struct reader r = zone_records(set);
            struct span rdata;
            zone_next_record(&r, &rdata);
            change_add_record(&c->removed, dns_name_span(&owner), kinds[kind].type, 60, rdata);
        }
    }
    return c;
}

static void run(bool nsec3)
{
    settings.nsec3 = nsec3;
    for (random_state = 1; random_state <= ROUNDS; random_state++) {
        uint64_t seed = random_state;
        struct zone *z = unsigned_zone();
        sign_everything(&z);
        assert_signed(z);
        for (size_t i = 0; i < CHANGES; i++) {
            struct change *c = random_change(z);
            assert_int_not_equal(sign(z, c, false, NOW_S), SIGN_FAILED);
            commit(&z, c);
            assert_signed(z);
        }
        zone_release(z);
        random_state = seed;
    }
}

static void test_changes_with_nsec(void **state)
{
    (void)state;
    run(false);
}

static void test_changes_with_nsec3(void **state)
{
    (void)state;
    run(true);
}

static size_t count_of(struct zone *z, const char *name, uint16_t type)
{
    struct dns_name n = name_of(name);
    const struct zone_node *node = zone_find_name(z, &n);
    size_t count = 0;
    for (const struct zone_set *s = node ? zone_find_set(z, node, type) : NULL; s;
         s = zone_set_at(z, s->more))
        count += s->count;
    return count;
}

/* From one kind of proofs to the other, and back. */
static void test_other_proofs(void **state)
{
    (void)state;
    struct zone *z = unsigned_zone();
    for (int i = 0; i < 3; i++) {
        settings.nsec3 = i == 1;
        sign_everything(&z);
        assert_signed(z);
        assert_int_equal(count_of(z, "a.test.", DNS_TYPE_NSEC), i != 1);
        assert_int_equal(count_of(z, "a.test.", DNS_TYPE_NSEC3PARAM), i == 1);
    }
    zone_release(z);
}

/* Signatures are good until a quarter of their time is left, at most an eighth of it less. */
static void test_made_anew_in_time(void **state)
{
    (void)state;
    settings.nsec3 = false;
    struct zone *z = unsigned_zone();
    sign_everything(&z);
    struct change *c = sign_new_serial(z, 9);
    assert_int_equal(sign(z, c, true, NOW_S + VALIDITY_S / 2), SIGN_NOTHING);
    change_release(c);
    c = sign_new_serial(z, 9);
    assert_int_equal(sign(z, c, true, NOW_S + VALIDITY_S * 3 / 4), SIGN_CHANGED);
    /* NS, SOA, DNSKEY, CDS, CDNSKEY, NSEC; and the SOA itself */
    assert_int_equal(c->added.count, 7);
    assert_int_equal(c->removed.count, 7);
    commit(&z, c);
    zone_release(z);
}

static void test_whose_changes_count(void **state)
{
    (void)state;
    settings.nsec3 = false;
    struct zone *z = unsigned_zone();
    sign_everything(&z);
    struct change *c = sign_new_serial(z, z->serial + 1);
    struct dns_name apex = name_of("a.test.");
    change_add_record(&c->added, dns_name_span(&apex), DNS_TYPE_RRSIG, 60, span_text("any"));
    change_add_record(&c->removed, dns_name_span(&apex), DNS_TYPE_DNSKEY, 3600,
                      span_of(key.dnskey, sizeof key.dnskey));
    assert_int_equal(sign(z, c, false, NOW_S), SIGN_NOTHING);
    commit(&z, c);
    assert_signed(z);
    assert_int_equal(count_of(z, "a.test.", DNS_TYPE_DNSKEY), 1);
    zone_release(z);
}

static int make_key(void **state)
{
    (void)state;
    uint8_t point[1 + DNSSEC_PUBLIC_BYTES];
    size_t length;
    struct writer w = writer_over(key.dnskey, sizeof key.dnskey);
    key.pair = EVP_EC_gen("P-256");
    EVP_PKEY_get_octet_string_param(key.pair, "pub", point, sizeof point, &length);
    write_dnskey(&w, DNSSEC_FLAGS_ZONE_KEY, span_from(span_of(point, length), 1));
    key.tag = dnssec_key_tag(writer_span(&w));
    settings = (struct sign_settings){ .key = &key, .validity_s = VALIDITY_S };
    return 0;
}

static int forget_key(void **state)
{
    (void)state;
    EVP_PKEY_free(key.pair);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_tag_and_ds),     cmocka_unit_test(test_bitmap),
        cmocka_unit_test(test_hashed_names),       cmocka_unit_test(test_order_of_names),
        cmocka_unit_test(test_canonical_data),     cmocka_unit_test(test_same_data),
        cmocka_unit_test(test_signature_from_der), cmocka_unit_test(test_changes_with_nsec),
        cmocka_unit_test(test_changes_with_nsec3), cmocka_unit_test(test_other_proofs),
        cmocka_unit_test(test_made_anew_in_time),  cmocka_unit_test(test_whose_changes_count),
    };
    return cmocka_run_group_tests(tests, make_key, forget_key);
}
