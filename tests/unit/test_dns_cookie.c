#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dnsd/cookie.h"
#include "text.h"

static uint8_t rooms[4][64];

static struct span bytes_of(const char *hex, size_t room)
{
    struct writer w = writer_over(rooms[room], sizeof rooms[room]);
    assert_true(write_unhex(&w, span_text(hex)) && writer_ok(&w));
    return writer_span(&w);
}

static struct address address_of(const char *text)
{
    struct address a;
    assert_true(address_parse(span_text(text), &a));
    return a;
}

static struct cookie_secrets secrets_of(const char *hex)
{
    struct cookie_secrets s = { .count = 1 };
    memcpy(s.secrets[0], bytes_of(hex, 3).at, COOKIE_SECRET_BYTES);
    return s;
}

static void makes(const struct cookie_secrets *s, const char *client, const char *from, uint32_t at_s,
                  const char *expected)
{
    uint8_t room[COOKIE_SERVER_BYTES];
    struct writer w = writer_over(room, sizeof room);
    struct address peer = address_of(from);
    cookie_make(s, bytes_of(client, 0), &peer, at_s, &w);
    assert_true(writer_ok(&w));
    assert_int_equal(writer_length(&w), COOKIE_SERVER_BYTES);
    assert_memory_equal(room, bytes_of(expected, 1).at, COOKIE_SERVER_BYTES);
}

static enum cookie_state check(const struct cookie_secrets *s, const char *client, const char *server,
                               const char *from, uint32_t at_s)
{
    struct address peer = address_of(from);
    return cookie_check(s, bytes_of(client, 0), bytes_of(server, 1), &peer, at_s);
}

/* The vectors of its authors: the key and the input are 0, 1, 2 ... */
static void siphash_2_4(void **state)
{
    uint8_t key[16], in[16];
    (void)state;
    for (uint8_t i = 0; i < 16; i++)
        key[i] = in[i] = i;
    assert_true(cookie_siphash(key, span_of(in, 0)) == 0x310e0edd47db6f72U);
    assert_true(cookie_siphash(key, span_of(in, 1)) == 0xfd67dc93c539f874U);
    assert_true(cookie_siphash(key, span_of(in, 8)) == 0x6224939a79f5f593U);
    assert_true(cookie_siphash(key, span_of(in, 15)) == 0xe545be4961ca29a1U);
}

/* RFC 9018 A.1 and A.2 */
static void a_new_client_and_its_return(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets_of("e5e973e5a6b2a43f48e7dc849e37bfcf");
    const char *client = "2464c4abcf10c957", *from = "198.51.100.100";
    const char *first = "010000005cf79f111f8130c3eee29480";
    makes(&s, client, from, 1559731985, first);
    assert_int_equal(check(&s, client, first, from, 1559731985), COOKIE_GOOD);
    assert_int_equal(check(&s, client, first, from, 1559731985 + 1800), COOKIE_GOOD);
    assert_int_equal(check(&s, client, first, from, 1559734385), COOKIE_AGING);
    assert_int_equal(check(&s, client, first, from, 1559731985 + 3600), COOKIE_AGING);
    assert_int_equal(check(&s, client, first, from, 1559731985 + 3601), COOKIE_NONE);
    makes(&s, client, from, 1559734385, "010000005cf7a871d4a564a1442aca77");
}

/* RFC 9018 A.3: another server set the reserved octets, as they count they are kept */
static void reserved_octets_count(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets_of("e5e973e5a6b2a43f48e7dc849e37bfcf");
    const char *client = "fc93fc62807ddb86", *from = "203.0.113.203";
    assert_int_equal(check(&s, client, "01abcdef5cf78f71a314227b6679ebf5", from, 1559727985 + 60),
                     COOKIE_GOOD);
    assert_int_equal(check(&s, client, "01abcdee5cf78f71a314227b6679ebf5", from, 1559727985 + 60),
                     COOKIE_NONE);
    makes(&s, client, from, 1559734700, "010000005cf7a9acf73a7810aca2381e");
}

/* RFC 9018 A.4: the secret before is good for what it has made, the new one makes */
static void a_secret_is_replaced(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets_of("dd3bdf9344b678b185a6f5cb60fca715");
    const char *client = "22681ab97d52c298", *from = "2001:db8:220:1:59de:d0f4:8769:82b8";
    const char *old = "010000005cf7c57926556bd0934c72f8";
    makes(&s, client, from, 0x5cf7c579, old);
    cookie_rotate(&s, bytes_of("445536bcd2513298075a5d379663c962", 2));
    assert_int_equal(s.count, 2);
    assert_int_equal(check(&s, client, old, from, 1559741961), COOKIE_GOOD);
    makes(&s, client, from, 1559741961, "010000005cf7c609a6bb79d16625507a");
    cookie_rotate(&s, bytes_of("00112233445566778899aabbccddeeff", 2));
    assert_int_equal(check(&s, client, old, from, 1559741961), COOKIE_NONE);
}

static void what_is_no_cookie(void **state)
{
    (void)state;
    struct cookie_secrets s = secrets_of("e5e973e5a6b2a43f48e7dc849e37bfcf"), none = { 0 };
    const char *client = "2464c4abcf10c957", *from = "198.51.100.100";
    const char *good = "010000005cf79f111f8130c3eee29480";
    uint32_t at_s = 1559731985;
    assert_int_equal(check(&none, client, good, from, at_s), COOKIE_NONE);
    assert_int_equal(check(&s, "2464c4abcf10c958", good, from, at_s), COOKIE_NONE);
    assert_int_equal(check(&s, client, good, "198.51.100.101", at_s), COOKIE_NONE);
    assert_int_equal(check(&s, client, "020000005cf79f111f8130c3eee29480", from, at_s), COOKIE_NONE);
    assert_int_equal(check(&s, client, "010000005cf79f111f8130c3eee29481", from, at_s), COOKIE_NONE);
    assert_int_equal(check(&s, client, "010000005cf79f111f8130c3eee294", from, at_s), COOKIE_NONE);
    assert_int_equal(check(&s, client, "010000005cf79f111f8130c3eee2948000", from, at_s), COOKIE_NONE);
    assert_int_equal(check(&s, client, "", from, at_s), COOKIE_NONE);
    assert_int_equal(check(&s, client, good, from, at_s - 300), COOKIE_GOOD);
    assert_int_equal(check(&s, client, good, from, at_s - 301), COOKIE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_2_4),           cmocka_unit_test(a_new_client_and_its_return),
        cmocka_unit_test(reserved_octets_count), cmocka_unit_test(a_secret_is_replaced),
        cmocka_unit_test(what_is_no_cookie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
