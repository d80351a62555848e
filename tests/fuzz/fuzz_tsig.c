/* Any bytes as a signed message: read, verified, and as what is signed. */
#include "dns_replies.h"
#include "wire/tsig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_S 0x6b045b81

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void read_one(struct span message, const struct tsig_key *k)
{
    struct tsig t;
    struct tsig_session s;
    enum tsig_place place = tsig_find(message, &t);
    must(tsig_open(&s, k));
    enum tsig_error e = tsig_verify(&s, message, NOW_S);
    if (place == TSIG_PRESENT) {
        must(t.offset < message.len && t.mac.len <= message.len && t.other.len <= message.len);
        must(e != TSIG_GOOD || tsig_key_is(k, &t));
    } else {
        must(e == (place == TSIG_ABSENT ? TSIG_UNSIGNED : TSIG_FORMERR));
    }
    tsig_close(&s);
}

/* What is signed here is good there, whatever it is. */
static void sign_one(struct span message, const struct tsig_key *k)
{
    static uint8_t room[DNS_MESSAGE_BYTES_MAX];
    struct tsig_session client, server;
    struct tsig t;
    struct writer w = writer_over(room, sizeof room);
    if (message.len > sizeof room - TSIG_BYTES_MAX)
        return;
    must(tsig_open(&client, k) && tsig_open(&server, k));
    write_span(&w, message);
    if (message.len >= DNS_HEADER_BYTES && tsig_sign(&client, &w, NOW_S) &&
        tsig_find(writer_span(&w), &t) == TSIG_PRESENT && t.offset == message.len)
        must(tsig_verify(&server, writer_span(&w), NOW_S) == TSIG_GOOD);
    tsig_close(&client);
    tsig_close(&server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsig_key k = { .name = name_of("key.test"), .algorithm = TSIG_SHA256, .secret_bytes = 32 };
    for (uint8_t i = 0; i < 32; i++)
        k.secret[i] = (uint8_t)(i + 1);
    read_one(span_of(data, size), &k);
    sign_one(span_of(data, size), &k);
    return 0;
}
