#include "cookie.h"

#define VERSION      1
#define LIFE_S       3600 /* RFC 9018 4.3: an hour, and from half of it on a new one goes with the answer */
#define AGING_S      1800
#define AHEAD_S      300 /* made by another server of the same name, whose clock is ahead */
#define INPUT_BYTES  (COOKIE_CLIENT_BYTES + 8 + 16)
#define HASH_BYTES   8
#define LAST_ROUNDS  4
#define BLOCK_ROUNDS 2

/* ---- SipHash-2-4 -------------------------------------------------------------------------------- */

struct siphash {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotated(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void mix(struct siphash *h, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        h->v0 += h->v1;
        h->v2 += h->v3;
        h->v1 = rotated(h->v1, 13) ^ h->v0;
        h->v3 = rotated(h->v3, 16) ^ h->v2;
        h->v0 = rotated(h->v0, 32) + h->v3;
        h->v2 += h->v1;
        h->v3 = rotated(h->v3, 21) ^ h->v0;
        h->v1 = rotated(h->v1, 17) ^ h->v2;
        h->v2 = rotated(h->v2, 32);
    }
}

static void take(struct siphash *h, uint64_t block)
{
    h->v3 ^= block;
    mix(h, BLOCK_ROUNDS);
    h->v0 ^= block;
}

/* Up to eight octets, the first one the lowest. */
static uint64_t little_endian(struct span octets)
{
    struct reader r = reader_over(octets);
    uint64_t v = 0;
    for (unsigned shift = 0; reader_left(&r) && shift < 64; shift += 8)
        v |= (uint64_t)read_u8(&r) << shift;
    return v;
}

uint64_t cookie_siphash(const uint8_t key[COOKIE_SECRET_BYTES], struct span in)
{
    uint64_t k0 = little_endian(span_of(key, 8));
    uint64_t k1 = little_endian(span_from(span_of(key, COOKIE_SECRET_BYTES), 8));
    struct siphash h = { k0 ^ 0x736f6d6570736575U, k1 ^ 0x646f72616e646f6dU, k0 ^ 0x6c7967656e657261U,
                         k1 ^ 0x7465646279746573U };
    struct reader r = reader_over(in);
    while (reader_left(&r) >= 8) /* ends: each turn takes eight octets */
        take(&h, little_endian(read_span(&r, 8)));
    take(&h, little_endian(read_rest(&r)) | (uint64_t)in.len << 56);
    h.v2 ^= 0xFF;
    mix(&h, LAST_ROUNDS);
    return __builtin_bswap64(h.v0 ^ h.v1 ^ h.v2 ^ h.v3);
}

/* ---- cookies --------------------------------------------------------------------------------------- */

/* RFC 9018 4.4: the client cookie, all before the hash, the client's address. */
static uint64_t hash(const uint8_t secret[COOKIE_SECRET_BYTES], struct span client, struct span head,
                     const struct address *peer)
{
    uint8_t room[INPUT_BYTES];
    struct writer w = writer_over(room, sizeof room);
    write_span(&w, client);
    write_span(&w, head);
    write_bytes(&w, peer->bytes, peer->family == FAMILY_IP6 ? 16 : 4);
    return cookie_siphash(secret, writer_span(&w));
}

static bool is_ours(const struct cookie_secrets *s, struct span client, struct span server,
                    const struct address *peer)
{
    struct reader r = reader_over(server);
    struct span head = read_span(&r, COOKIE_SERVER_BYTES - HASH_BYTES);
    uint64_t brought = read_u64(&r);
    uint64_t apart = 1;
    for (size_t i = 0; i < s->count;
         i++) { /* all of them, whichever it is: the time it takes tells nothing */
        uint64_t difference = hash(s->secrets[i], client, head, peer) ^ brought;
        apart = difference ? apart : 0;
    }
    return reader_done(&r) && !apart;
}

enum cookie_state cookie_check(const struct cookie_secrets *s, struct span client, struct span server,
                               const struct address *peer, uint32_t unix_s)
{
    struct reader r = reader_over(server);
    uint8_t version = read_u8(&r);
    read_skip(&r, 3);                       /* reserved: RFC 9018 4.2 */
    uint32_t age_s = unix_s - read_u32(&r); /* serial arithmetic: RFC 9018 4.3 */
    bool is_ahead = age_s >= 0x80000000U;
    if (server.len != COOKIE_SERVER_BYTES || version != VERSION || !is_ours(s, client, server, peer))
        return COOKIE_NONE;
    if (is_ahead)
        return age_s >= 0U - AHEAD_S ? COOKIE_GOOD : COOKIE_NONE;
    if (age_s > LIFE_S)
        return COOKIE_NONE;
    return age_s > AGING_S ? COOKIE_AGING : COOKIE_GOOD;
}

void cookie_make(const struct cookie_secrets *s, struct span client, const struct address *peer,
                 uint32_t unix_s, struct writer *w)
{
    struct mark begin = writer_mark(w);
    write_u8(w, VERSION);
    write_zeros(w, 3);
    write_u32(w, unix_s);
    write_u64(w, hash(s->secrets[0], client, span_from(writer_span(w), begin.offset), peer));
}

void cookie_rotate(struct cookie_secrets *s, struct span secret)
{
    memcpy(s->secrets[1], s->secrets[0], COOKIE_SECRET_BYTES);
    memcpy(s->secrets[0], secret.at, COOKIE_SECRET_BYTES);
    s->count = s->count ? 2 : 1;
}
