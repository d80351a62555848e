#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/tsig.h"

/* Requests that dig and nsupdate signed with a secret of the octets 1 to 32. */
static const char dig_sha256[] = "d15a01200001000000000001016104746573740000060001036b657904746573740000fa00f"
                                 "f00000000003d0b686d61632d736861"
                                 "3235360000006b045b81012c0020fc08c6e21a55492c14febac29ab6c89a5146a1c594ac7c1"
                                 "5c30c054c87f10a14d15a00000000";
static const char dig_sha512[] = "5b7801200001000000000001016104746573740000060001036b657904746573740000fa00f"
                                 "f00000000005d0b686d61632d736861"
                                 "3531320000006b045b81012c00401e97dc2ee3c9be3a7cb1e4b188c76afa8d9a5157db223a4"
                                 "872f2822aaa0d14022033584157cfcb"
                                 "fa35307ab9e1613562dcd843abfebb291307eca39dd000b0475b7800000000";
static const char dig_sha1[] = "142001200001000000000001016104746573740000060001036b657904746573740000fa00ff0"
                               "0000000002f09686d61632d736861"
                               "310000006b045b81012c0014f7ced2a381237c932cc48c5b1c9f041515f6dbf7142000000000";
static const char nsupdate_sha384[] = "2a00280000010000000100010161047465737400000600010178c00c00010001000000"
                                      "3c0004c0000209036b657904746573740000"
                                      "fa00ff00000000004d0b686d61632d7368613338340000006b045b81012c00301e0f05"
                                      "e7a1f4bcc09b27c9d15626a2cc2fd45fada2"
                                      "06569dd97bfaefea5530f479bbf30c132658d8d6d6ecdc944f69e52a0000000000";
#define SIGNED_S  0x6b045b81
#define MAC_AT    67 /* of dig_sha256 */
#define RECORD_AT 24
#define CLASS_AT  (RECORD_AT + 13)
#define LENGTH_AT (RECORD_AT + 19)
#define MESSAGES  120

static uint8_t room[1024];

static struct span bytes_of(const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    struct writer w = writer_over(room, sizeof room);
    for (; *hex; hex += 2)
        write_u8(&w, (uint8_t)((strchr(digits, hex[0]) - digits) << 4 | (strchr(digits, hex[1]) - digits)));
    return writer_span(&w);
}

static struct tsig_key key_of(enum tsig_algorithm a)
{
    struct tsig_key k = { .algorithm = a, .secret_bytes = 32 };
    assert_null(dns_name_from_text(span_text("key.test"), NULL, &k.name));
    for (uint8_t i = 0; i < 32; i++)
        k.secret[i] = (uint8_t)(i + 1);
    return k;
}

static enum tsig_error verify_once(const struct tsig_key *k, struct span message, uint64_t now_s)
{
    struct tsig_session s;
    assert_true(tsig_open(&s, k));
    enum tsig_error e = tsig_verify(&s, message, now_s);
    tsig_close(&s);
    return e;
}

static void requests_of_others_are_verified(void **state)
{
    static const struct {
        const char *hex;
        enum tsig_algorithm algorithm;
    } all[] = { { dig_sha256, TSIG_SHA256 },
                { dig_sha512, TSIG_SHA512 },
                { dig_sha1, TSIG_SHA1 },
                { nsupdate_sha384, TSIG_SHA384 } };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct tsig_key k = key_of(all[i].algorithm);
        assert_int_equal(verify_once(&k, bytes_of(all[i].hex), SIGNED_S), TSIG_GOOD);
        k.secret[0] ^= 1;
        assert_int_equal(verify_once(&k, bytes_of(all[i].hex), SIGNED_S), TSIG_BADSIG);
    }
}

/* Each octet is signed: any that changes is noticed, but for case in names and the identifier, which has its
 * original in the record. */
static void every_bit_counts(void **state)
{
    struct tsig_key k = key_of(TSIG_SHA256);
    size_t length = bytes_of(dig_sha256).len;
    (void)state;
    for (size_t i = 2; i < length; i++) {
        struct span m = bytes_of(dig_sha256);
        room[i] ^= 1;
        assert_int_not_equal(verify_once(&k, m, SIGNED_S), TSIG_GOOD);
    }
    struct span m = bytes_of(dig_sha256);
    room[0] ^= 1;
    assert_int_equal(verify_once(&k, m, SIGNED_S), TSIG_GOOD);
}

static void time_is_checked_after_the_mac(void **state)
{
    struct tsig_key k = key_of(TSIG_SHA256);
    struct span m = bytes_of(dig_sha256);
    (void)state;
    assert_int_equal(verify_once(&k, m, SIGNED_S + 300), TSIG_GOOD);
    assert_int_equal(verify_once(&k, m, SIGNED_S - 300), TSIG_GOOD);
    assert_int_equal(verify_once(&k, m, SIGNED_S + 301), TSIG_BADTIME);
    assert_int_equal(verify_once(&k, m, SIGNED_S - 301), TSIG_BADTIME);
    room[MAC_AT] ^= 1;
    assert_int_equal(verify_once(&k, m, SIGNED_S + 301), TSIG_BADSIG);
}

static void another_key_or_algorithm_is_unknown(void **state)
{
    struct tsig_key k = key_of(TSIG_SHA512);
    struct tsig t;
    (void)state;
    assert_int_equal(verify_once(&k, bytes_of(dig_sha256), SIGNED_S), TSIG_BADKEY);
    assert_int_equal(tsig_find(bytes_of(dig_sha256), &t), TSIG_PRESENT);
    assert_false(tsig_key_is(&k, &t));
    k = key_of(TSIG_SHA256);
    assert_true(tsig_key_is(&k, &t));
    assert_null(dns_name_from_text(span_text("other.test"), NULL, &k.name));
    assert_false(tsig_key_is(&k, &t));
    assert_int_equal(verify_once(&k, bytes_of(dig_sha256), SIGNED_S), TSIG_BADKEY);
}

static void the_record_has_one_place_and_form(void **state)
{
    struct tsig t;
    struct span m = bytes_of(dig_sha256);
    (void)state;
    assert_int_equal(tsig_find(m, &t), TSIG_PRESENT);
    assert_int_equal(t.offset, RECORD_AT);
    assert_int_equal(t.time_s, SIGNED_S);
    assert_int_equal(t.fudge_s, 300);
    assert_int_equal(t.mac.len, 32);
    assert_int_equal(t.original_id, 0xd15a);

    room[11] = 2; /* one more record, which is the same again: the first is not the last */
    memcpy(room + m.len, room + RECORD_AT, m.len - RECORD_AT);
    assert_int_equal(tsig_find(span_of(room, 2 * m.len - RECORD_AT), &t), TSIG_MISPLACED);

    bytes_of(dig_sha256);
    room[11] = 0;
    room[7] = 1; /* among the answers: RFC 8945 5.1 */
    assert_int_equal(tsig_find(m, &t), TSIG_MISPLACED);
    room[11] = 1; /* and one more that is not there */
    assert_int_equal(tsig_find(m, &t), TSIG_MISPLACED);

    bytes_of(dig_sha256);
    room[CLASS_AT] = 1; /* IN */
    assert_int_equal(tsig_find(m, &t), TSIG_MISPLACED);
    for (int wrong = -64; wrong <= 64; wrong++) { /* the data's length lies */
        bytes_of(dig_sha256);
        room[LENGTH_AT] = (uint8_t)(0x3d + wrong);
        assert_int_equal(tsig_find(m, &t) == TSIG_PRESENT, wrong == 0);
    }
    bytes_of(dig_sha256);
    for (size_t cut = RECORD_AT; cut < m.len; cut++)
        assert_int_not_equal(tsig_find(span_of(room, cut), &t), TSIG_PRESENT);
}

static void write_message(struct writer *w, uint8_t n)
{
    struct dns_header h = { .id = 7, .flags = (uint16_t)(DNS_QR | n) };
    *w = writer_over(room, sizeof room);
    write_dns_header(w, &h);
}

/* RFC 8945 5.3.1: the response's first and last message are signed, and of those between, each or some. */
static void a_transfer_is_one_chain(void **state)
{
    struct tsig_key k = key_of(TSIG_SHA512);
    struct tsig_session server, client;
    struct writer w;
    (void)state;
    assert_true(tsig_open(&server, &k) && tsig_open(&client, &k));
    write_message(&w, 0);
    assert_true(tsig_sign(&client, &w, 1000));
    assert_int_equal(writer_length(&w), DNS_HEADER_BYTES + tsig_bytes(&client));
    assert_int_equal(tsig_verify(&server, writer_span(&w), 1001), TSIG_GOOD);
    for (uint8_t i = 0; i < MESSAGES; i++) {
        write_message(&w, i);
        assert_true(tsig_sign(&server, &w, 1000U + i));
        assert_int_equal(tsig_verify(&client, writer_span(&w), 1000U + i), TSIG_GOOD);
        assert_int_equal(client.unsigned_count, 0);
    }
    tsig_sign(&server, &w, 1000); /* one is lost on the way: the chain is broken */
    write_message(&w, 1);
    tsig_sign(&server, &w, 1000);
    assert_int_equal(tsig_verify(&client, writer_span(&w), 1000), TSIG_BADSIG);
    tsig_close(&server);
    tsig_close(&client);
}

static void a_response_begins_signed(void **state)
{
    struct tsig_key k = key_of(TSIG_SHA256);
    struct tsig_session client, server;
    struct writer w;
    (void)state;
    assert_true(tsig_open(&client, &k) && tsig_open(&server, &k));
    write_message(&w, 0);
    tsig_sign(&client, &w, 1000);
    assert_int_equal(tsig_verify(&server, writer_span(&w), 1000), TSIG_GOOD);
    write_message(&w, 1);
    assert_int_equal(tsig_verify(&client, writer_span(&w), 1000), TSIG_UNSIGNED);
    tsig_sign(&server, &w, 1000);
    assert_int_equal(tsig_verify(&client, writer_span(&w), 1000), TSIG_GOOD);
    for (unsigned i = 0; i < TSIG_UNSIGNED_MAX; i++) {
        write_message(&w, 2);
        assert_int_equal(tsig_verify(&client, writer_span(&w), 1000), TSIG_GOOD);
    }
    assert_int_equal(client.unsigned_count, TSIG_UNSIGNED_MAX);
    assert_int_equal(tsig_verify(&client, writer_span(&w), 1000), TSIG_UNSIGNED);
    tsig_close(&client);
    tsig_close(&server);
}

static void refusals_say_why(void **state)
{
    struct tsig_key k = key_of(TSIG_SHA256);
    struct tsig_session client, server;
    struct tsig request, t;
    struct writer w;
    (void)state;
    assert_true(tsig_open(&client, &k) && tsig_open(&server, &k));
    write_message(&w, 0);
    tsig_sign(&client, &w, 1000);
    assert_int_equal(tsig_verify(&server, writer_span(&w), 5000), TSIG_BADTIME);
    assert_int_equal(tsig_find(writer_span(&w), &request), TSIG_PRESENT);
    write_message(&w, 1);
    tsig_sign_error(&server, &w, &request, TSIG_BADTIME, 5000);
    assert_int_equal(tsig_find(writer_span(&w), &t), TSIG_PRESENT);
    assert_int_equal(t.time_s, 1000); /* the client's, so that its check passes */
    assert_int_equal(t.error, TSIG_BADTIME);
    assert_true(span_equal(t.other, span_of("\0\0\0\0\x13\x88", 6)));
    assert_int_equal(tsig_verify(&client, writer_span(&w), 1001), TSIG_BADTIME);
    write_message(&w, 1);
    tsig_write_refusal(&w, &request, TSIG_BADKEY);
    assert_int_equal(tsig_verify(&client, writer_span(&w), 1001), TSIG_BADKEY);
    assert_int_equal(tsig_find(writer_span(&w), &t), TSIG_PRESENT);
    assert_int_equal(t.mac.len, 0);
    tsig_close(&client);
    tsig_close(&server);
}

static void a_record_without_room_fails(void **state)
{
    struct tsig_key k = key_of(TSIG_SHA256);
    struct tsig_session s;
    uint8_t small[64];
    struct dns_header h = { 0 };
    (void)state;
    assert_true(tsig_open(&s, &k));
    struct writer w = writer_over(small, sizeof small);
    write_dns_header(&w, &h);
    assert_false(tsig_sign(&s, &w, 1));
    assert_false(writer_ok(&w));
    tsig_close(&s);
    assert_int_equal(tsig_bytes(&s), 0);
}

static void algorithms_by_name(void **state)
{
    (void)state;
    assert_int_equal(tsig_algorithm_named(span_text("hmac-sha256")), TSIG_SHA256);
    assert_int_equal(tsig_algorithm_named(span_text("HMAC-SHA512")), TSIG_SHA512);
    assert_int_equal(tsig_algorithm_named(span_text("hmac-md5")), TSIG_ALGORITHMS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_of_others_are_verified),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(time_is_checked_after_the_mac),
        cmocka_unit_test(another_key_or_algorithm_is_unknown),
        cmocka_unit_test(the_record_has_one_place_and_form),
        cmocka_unit_test(a_transfer_is_one_chain),
        cmocka_unit_test(a_response_begins_signed),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(a_record_without_room_fails),
        cmocka_unit_test(algorithms_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
