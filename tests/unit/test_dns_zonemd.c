/* dnsd/zonemd.c: the zones of RFC 8976 appendix A with the digests that stand there, and RFC 8976 4: what
 * counts, what does not, and that each change of a zone is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/change.h"
#include "dnsd/update.h"
#include "dnsd/zonemd.h"

#define SOA  "@ 86400 SOA ns1 admin 2018031900 1800 900 604800 86400\n"
#define HEAD SOA "@ 86400 NS ns1\n@ 86400 NS ns2\n"
#define A1_DIGEST                                                                                            \
    "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"
#define A1_HOSTS "ns1 3600 A 203.0.113.63\nns2 3600 AAAA 2001:db8::63\n"
#define A1_ONE   "@ 86400 ZONEMD 2018031900 1 1 " A1_DIGEST "\n"
#define A1       HEAD A1_ONE A1_HOSTS

/* A.2 without the record that is outside the zone, which a master file may not have here. */
#define A2                                                                                                   \
    HEAD "@ 86400 ZONEMD 2018031900 1 1 a3b69bad980a3504e1cffcb0fd6397f93848071c93151f55"                    \
         "2ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe\n"                                                \
         "ns1 3600 A 203.0.113.63\nNS2 3600 AAAA 2001:db8::63\n"                                             \
         "occluded.sub 7200 TXT \"I'm occluded but must be digested\"\nsub 7200 NS ns1\n"                    \
         "duplicate 300 TXT \"I must be digested just once\"\n"                                              \
         "duplicate 300 TXT \"I must be digested just once\"\n"                                              \
         "UPPERCASE 3600 TXT \"canonicalize uppercase owner names\"\n"                                       \
         "* 777 PTR dont-forget-about-wildcards\nmail 3600 MX 20 MAIL1\nmail 3600 MX 10 Mail2.Example.\n"    \
         "sortme 3600 AAAA 2001:db8::5:61\nsortme 3600 AAAA 2001:db8::3:62\n"                                \
         "sortme 3600 AAAA 2001:db8::4:63\nsortme 3600 AAAA 2001:db8::1:65\n"                                \
         "sortme 3600 AAAA 2001:db8::2:64\n"                                                                 \
         "non-apex 900 ZONEMD 2018031900 1 1 616c6c6f776564206275742069676e6f7265642e20616c6c"               \
         "6f776564206275742069676e6f7265642e20616c6c6f7765\n"

#define A3_SHA384                                                                                            \
    "62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306"
#define A3_SHA512                                                                                            \
    "08cfa1115c7b948c4163a901270395ea226a930cd2cbcf2fa9a5e6eb85f37c8a"                                       \
    "4e114d884e66f176eab121cb02db7d652e0cc4827e7a3204f166b47e5613fd27"
#define A3_HOSTS                                                                                             \
    "ns1 3600 A 203.0.113.63\nns2 86400 TXT \"This example has multiple digests\"\n"                         \
    "NS2 3600 AAAA 2001:db8::63\n"
#define A3_OTHERS                                                                                            \
    "@ 86400 ZONEMD 2018031900 1 240 e2d523f654b9422a96c5a8f44607bbee\n"                                     \
    "@ 86400 ZONEMD 2018031900 241 1 e1846540e33a9e4189792d18d5d131f605fc283e\n"
#define A3(hash, digest) HEAD "@ 86400 ZONEMD 2018031900 1 " hash " " digest "\n" A3_OTHERS A3_HOSTS

/* A.5 */
#define ROOT_SERVERS                                                                                         \
    "$TTL 3600000\n@ SOA a nstld.verisign-grs.com. 2018091100 14400 7200 1209600 3600000\n"                  \
    "@ NS a\n@ NS b\n@ NS c\n@ NS d\n@ NS e\n@ NS f\n@ NS g\n@ NS h\n@ NS i\n@ NS j\n@ NS k\n@ NS l\n@ NS "  \
    "m\n"                                                                                                    \
    "a AAAA 2001:503:ba3e::2:30\na A 198.41.0.4\nb MX 20 mail.isi.edu.\nb AAAA 2001:500:200::b\n"            \
    "b A 199.9.14.201\nc AAAA 2001:500:2::c\nc A 192.33.4.12\nd AAAA 2001:500:2d::d\nd A 199.7.91.13\n"      \
    "e AAAA 2001:500:a8::e\ne A 192.203.230.10\nf AAAA 2001:500:2f::f\nf A 192.5.5.241\n"                    \
    "g AAAA 2001:500:12::d0d\ng A 192.112.36.4\nh AAAA 2001:500:1::53\nh A 198.97.190.53\n"                  \
    "i MX 10 mx.i.root-servers.org.\ni AAAA 2001:7fe::53\ni A 192.36.148.17\nj AAAA 2001:503:c27::2:30\n"    \
    "j A 192.58.128.30\nk AAAA 2001:7fd::1\nk A 193.0.14.129\nl AAAA 2001:500:9f::42\nl A 199.7.83.42\n"     \
    "m AAAA 2001:dc3::35\nm A 202.12.27.33\n"                                                                \
    "@ ZONEMD 2018091100 1 1 f1ca0ccd91bd5573d9f431c00ee0101b2545c97602be0a978a3b11dbfc1c776d"               \
    "5b3e86ae3d973d6b5349ba7f04340f79\n"

static struct zone *read_zone(const char *apex, const char *text)
{
    char why[512];
    struct zone *z = zone_from(apex, text, why);
    if (!z)
        fail_msg("%s", why);
    return z;
}

static const char *fault_of(const char *apex, const char *text)
{
    struct zone *z = read_zone(apex, text);
    const char *fault = zonemd_fault(z);
    zone_release(z);
    return fault;
}

static void the_examples_of_the_rfc(void **state)
{
    (void)state;
    assert_null(fault_of("example.", A1));
    assert_null(fault_of("EXAMPLE.", A1));
    assert_null(fault_of("example.", A2));
    assert_null(fault_of("example.", A3("1", A3_SHA384)));
    assert_null(fault_of("example.", A3("2", A3_SHA512)));
    assert_null(fault_of("root-servers.net.", ROOT_SERVERS));
}

static void no_digest_is_no_fault(void **state)
{
    (void)state;
    assert_null(fault_of("example.", HEAD A1_HOSTS));
    assert_null(fault_of("example.", HEAD A3_OTHERS A3_HOSTS)); /* none of ours */
}

static void what_was_damaged_is_seen(void **state)
{
    (void)state;
    assert_non_null(
        fault_of("example.", HEAD A1_ONE "ns1 3600 A 203.0.113.62\nns2 3600 AAAA 2001:db8::63\n"));
    assert_non_null(
        fault_of("example.", HEAD A1_ONE "ns1 3601 A 203.0.113.63\nns2 3600 AAAA 2001:db8::63\n"));
    assert_non_null(fault_of("example.", HEAD A1_ONE "ns1 3600 A 203.0.113.63\n"));
    assert_non_null(fault_of("example.", A1 "more 60 TXT x\n"));
    assert_non_null(fault_of("example.", A1 "glue.below.ns1 60 A 192.0.2.1\n"));
    assert_non_null(fault_of("example.", HEAD "@ 86400 ZONEMD 2018031899 1 1 " A1_DIGEST "\n" A1_HOSTS));
    assert_non_null(fault_of("example.", HEAD "@ 86400 ZONEMD 2018031900 1 2 " A1_DIGEST "\n" A1_HOSTS));
}

/* RFC 8976 4: one that is right is enough. */
static void one_of_two_algorithms_is_enough(void **state)
{
    (void)state;
    assert_null(fault_of("example.", A3("1", A3_SHA384) "@ 86400 ZONEMD 2018031900 1 2 " A3_SHA512 "\n"));
    assert_null(fault_of("example.", A3("2", A3_SHA512) "@ 86400 ZONEMD 2018031900 1 1 " A1_DIGEST "\n"));
    assert_non_null(fault_of("example.", A3("1", A1_DIGEST) "@ 86400 ZONEMD 2018031899 1 2 " A3_SHA512 "\n"));
}

/* RFC 8976 2 and 4: two of the same scheme and algorithm do not count, whatever they say. */
static void twice_the_same_does_not_count(void **state)
{
    (void)state;
    assert_null(fault_of("example.", A1 "@ 86400 ZONEMD 2018031900 1 1 " A3_SHA384 "\n"));
    assert_non_null(fault_of("example.", A1 "@ 86400 ZONEMD 2018031900 1 1 " A3_SHA384 "\n"
                                            "@ 86400 ZONEMD 2018031900 1 2 " A3_SHA512 "\n"));
}

/* Signatures over the digest are made after it. */
static void its_signature_is_not_part_of_it(void **state)
{
    (void)state;
    assert_null(
        fault_of("example.", A1 "@ 86400 RRSIG ZONEMD 13 1 86400 20300101000000 20200101000000 1 @ AAAA\n"));
    assert_non_null(
        fault_of("example.", A1 "@ 86400 RRSIG SOA 13 1 86400 20300101000000 20200101000000 1 @ AAAA\n"));
}

static void what_is_made_is_right(void **state)
{
    (void)state;
    static const char *const texts[] = { A1, A2, HEAD A1_HOSTS, A3("1", A1_DIGEST) };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct zone *z = read_zone("example.", texts[i]);
        assert_true(zonemd_make(z));
        assert_true(zonemd_is_there(z));
        assert_null(zonemd_fault(z));
        assert_int_equal(zone_find_set(z, zone_node_at(z, z->apex), DNS_TYPE_ZONEMD)->count, 1);
        zone_release(z);
    }
    struct zone *made = read_zone("example.", HEAD A1_HOSTS), *of_the_rfc = read_zone("example.", A1);
    assert_true(zonemd_make(made));
    struct change *c = change_between(made, of_the_rfc);
    assert_int_equal(c->removed.count, 1); /* the SOA */
    assert_int_equal(c->added.count, 1);
    change_release(c);
    zone_release(made);
    zone_release(of_the_rfc);
}

/* ---- UPDATE
 * -------------------------------------------------------------------------------------------------- */

/* The change that comes of an UPDATE of example. that adds one record; the SOAs are not counted. */
static void update_adds(const char *owner, const char *type, const char *words, size_t removed, size_t added)
{
    uint8_t room[1024];
    struct writer w = writer_over(room, sizeof room);
    struct dns_question q = { .name = name_of("example."), .type = DNS_TYPE_SOA, .class = DNS_CLASS_IN };
    struct dns_header h = { .id = 1, .flags = 5u << 11, .questions = 1, .authorities = 1 };
    struct arena a;
    struct change *c = NULL;
    const char *why;
    struct zone *z = read_zone("example.", A1);
    write_dns_header(&w, &h);
    write_dns_question(&w, &q);
    write_rr(&w, owner, type, 60, words);
    arena_open(&a, 4096, 1 << 20);
    assert_int_equal(update_decide(z, writer_span(&w), z->serial + 1, &a, &c, &why), DNS_NOERROR);
    assert_int_equal(c->removed.count, 1 + removed);
    assert_int_equal(c->added.count, 1 + added);
    change_release(c);
    arena_close(&a);
    zone_release(z);
}

/* A digest of the version before would have secondaries refuse the new one. */
static void an_update_leaves_no_stale_digest(void **state)
{
    (void)state;
    update_adds("www.example.", "A", "192.0.2.1", 1, 1);
    update_adds("example.", "ZONEMD", "2018031901 1 1 " A3_SHA384, 1, 2); /* both get the new TTL */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfc),       cmocka_unit_test(no_digest_is_no_fault),
        cmocka_unit_test(what_was_damaged_is_seen),      cmocka_unit_test(one_of_two_algorithms_is_enough),
        cmocka_unit_test(twice_the_same_does_not_count), cmocka_unit_test(its_signature_is_not_part_of_it),
        cmocka_unit_test(what_is_made_is_right),         cmocka_unit_test(an_update_leaves_no_stale_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
