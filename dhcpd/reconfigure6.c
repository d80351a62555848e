#include "reconfigure6.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define PROTOCOL_RKAP      3 /* RFC 9915 20.4.1 */
#define ALGORITHM_HMAC_MD5 1
#define TYPE_KEY           1
#define TYPE_HMAC          2
#define MD5_BYTES          16

void reconfigure6_key(uint8_t key[RECONFIGURE6_KEY_BYTES], const uint8_t *secret, struct span duid)
{
    uint8_t whole[EVP_MAX_MD_SIZE];
    unsigned len = sizeof whole;
    HMAC(EVP_sha256(), secret, RECONFIGURE6_SECRET_BYTES, duid.at, duid.len, whole, &len);
    memcpy(key, whole, RECONFIGURE6_KEY_BYTES);
}

/* All of the option but its value. */
static struct mark open_authentication(struct writer *w, uint64_t replay, uint8_t type)
{
    struct mark m = dhcp6_option_open(w, DHCP6_OPTION_AUTHENTICATION);
    write_u8(w, PROTOCOL_RKAP);
    write_u8(w, ALGORITHM_HMAC_MD5);
    write_u8(w, 0); /* replay detection: a counter that grows */
    write_u64(w, replay);
    write_u8(w, type);
    return m;
}

void reconfigure6_write_key(struct writer *w, const uint8_t *secret, struct span duid)
{
    uint8_t key[RECONFIGURE6_KEY_BYTES];
    reconfigure6_key(key, secret, duid);
    struct mark m = open_authentication(w, 0, TYPE_KEY);
    write_bytes(w, key, sizeof key);
    dhcp6_option_close(w, m);
}

bool reconfigure6_write(struct writer *w, const uint8_t *secret, struct span server_id, struct span duid,
                        uint8_t wanted, uint64_t replay)
{
    uint8_t key[RECONFIGURE6_KEY_BYTES], digest[EVP_MAX_MD_SIZE];
    unsigned len = sizeof digest;
    dhcp6_write_header(w, DHCP6_RECONFIGURE, 0);
    dhcp6_write_option(w, DHCP6_OPTION_CLIENT_ID, duid);
    dhcp6_write_option(w, DHCP6_OPTION_SERVER_ID, server_id);
    dhcp6_write_u8(w, DHCP6_OPTION_RECONFIGURE_MESSAGE, wanted);
    struct mark m = open_authentication(w, replay, TYPE_HMAC);
    struct mark place = writer_mark(w);
    write_zeros(w, MD5_BYTES);
    dhcp6_option_close(w, m);
    struct span all = writer_span(w);
    reconfigure6_key(key, secret, duid);
    if (!writer_ok(w) || !HMAC(EVP_md5(), key, sizeof key, all.at, all.len, digest, &len))
        return false;
    writer_back_to(w, place); /* 20.4.3: it is over the message with zeros in its place */
    write_bytes(w, digest, MD5_BYTES);
    return true;
}
