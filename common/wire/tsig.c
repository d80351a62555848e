#include "tsig.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define ADDITIONALS_AT 10
#define POINTER        0xC0

static const struct {
    const char *name, *digest;
    size_t mac_bytes;
} algorithms[TSIG_ALGORITHMS] = {
    [TSIG_SHA1] = { "hmac-sha1", "SHA1", 20 },
    [TSIG_SHA256] = { "hmac-sha256", "SHA256", 32 },
    [TSIG_SHA384] = { "hmac-sha384", "SHA384", 48 },
    [TSIG_SHA512] = { "hmac-sha512", "SHA512", 64 },
};

/* ---- the record ---------------------------------------------------------------------------------- */

/* Past a name, whatever it says. */
static void skip_name(struct reader *r)
{
    while (reader_ok(r)) { /* ends: each turn takes an octet, or fails */
        uint8_t length = read_u8(r);
        if (length >= POINTER) {
            read_skip(r, 1);
            return;
        }
        if (!length)
            return;
        read_skip(r, length);
    }
}

static void skip_questions(struct reader *r, size_t count)
{
    for (size_t i = 0; i < count && reader_ok(r); i++) { /* by the message's counts */
        skip_name(r);
        read_skip(r, 4);
    }
}

static uint64_t read_u48(struct reader *r)
{
    uint64_t high = read_u16(r);
    return high << 32 | read_u32(r);
}

static bool read_tsig(struct reader *r, struct span message, struct tsig *out)
{
    struct dns_record record;
    struct dns_name algorithm;
    out->offset = reader_offset(r);
    if (!read_dns_record(r, message, &record) || record.class != DNS_CLASS_ANY || record.ttl != 0)
        return false;
    struct reader *data = &record.rdata;
    struct span name = read_plain_name(data); /* RFC 8945 4.2: without compression */
    if (!reader_ok(data) || !dns_name_from_span(name, &algorithm))
        return false;
    dns_name_lower(&out->key, &record.owner);
    dns_name_lower(&out->algorithm, &algorithm);
    out->time_s = read_u48(data);
    out->fudge_s = read_u16(data);
    out->mac = read_span(data, read_u16(data));
    out->original_id = read_u16(data);
    out->error = read_u16(data);
    out->other = read_span(data, read_u16(data));
    return reader_done(data);
}

enum tsig_place tsig_find(struct span message, struct tsig *out)
{
    struct reader r = reader_over(message);
    read_skip(&r, 4);
    uint16_t questions = read_u16(&r), answers = read_u16(&r);
    uint16_t authorities = read_u16(&r), additionals = read_u16(&r);
    size_t count = (size_t)answers + authorities + additionals;
    if (!reader_ok(&r) || !count)
        return TSIG_ABSENT;
    skip_questions(&r, questions);
    for (size_t i = 0; i < count && reader_ok(&r); i++) { /* by the message's counts */
        struct reader ahead = r;
        skip_name(&ahead);
        uint16_t type = read_u16(&ahead);
        if (reader_ok(&ahead) && type == DNS_TYPE_TSIG)
            return i + 1 == count && additionals && read_tsig(&r, message, out) ? TSIG_PRESENT
                                                                                : TSIG_MISPLACED;
        read_skip(&ahead, 6);
        read_skip(&ahead, read_u16(&ahead));
        r = ahead;
    }
    return TSIG_ABSENT;
}

enum tsig_algorithm tsig_algorithm_named(struct span text)
{
    enum tsig_algorithm a = 0;
    while (a < TSIG_ALGORITHMS && !span_is_nocase(text, algorithms[a].name))
        a++;
    return a;
}

static void algorithm_name(enum tsig_algorithm a, struct dns_name *out)
{
    dns_name_from_text(span_text(algorithms[a].name), NULL, out);
}

bool tsig_key_is(const struct tsig_key *k, const struct tsig *t)
{
    struct dns_name algorithm;
    algorithm_name(k->algorithm, &algorithm);
    return dns_name_equal(dns_name_span(&k->name), dns_name_span(&t->key)) &&
           dns_name_equal(dns_name_span(&algorithm), dns_name_span(&t->algorithm));
}

const char *tsig_error_name(enum tsig_error e)
{
    switch (e) {
    case TSIG_GOOD:
        return "NOERROR";
    case TSIG_FORMERR:
        return "FORMERR";
    case TSIG_BADSIG:
        return "BADSIG";
    case TSIG_BADKEY:
        return "BADKEY";
    case TSIG_BADTIME:
        return "BADTIME";
    case TSIG_BADTRUNC:
        return "BADTRUNC";
    case TSIG_UNSIGNED:
        return "unsigned";
    }
    return NULL;
}

/* ---- the digest ------------------------------------------------------------------------------------ */

bool tsig_open(struct tsig_session *s, const struct tsig_key *k)
{
    *s = (struct tsig_session){ .algorithm = k->algorithm };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    s->mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    OSSL_PARAM with[] = { { "digest", OSSL_PARAM_UTF8_STRING, (void *)algorithms[k->algorithm].digest,
                            strlen(algorithms[k->algorithm].digest), 0 },
                          { 0 } };
    if (!s->mac || EVP_MAC_init(s->mac, k->secret, k->secret_bytes, with) != 1) {
        tsig_close(s);
        return false;
    }
    dns_name_copy(&s->key, &k->name);
    return true;
}

void tsig_close(struct tsig_session *s)
{
    EVP_MAC_CTX_free(s->mac);
    s->mac = NULL;
}

static void feed(struct tsig_session *s, struct span bytes)
{
    EVP_MAC_update(s->mac, bytes.at, bytes.len);
}

/* RFC 8945 4.3.1: with its length, before the first message since. */
static void feed_prior(struct tsig_session *s)
{
    uint8_t room[2];
    struct writer w = writer_over(room, sizeof room);
    if (s->signed_count && !s->begun) {
        write_u16(&w, (uint16_t)s->prior_bytes);
        feed(s, writer_span(&w));
        feed(s, span_of(s->prior, s->prior_bytes));
    }
    s->begun = true;
}

/* A message as it was before it was signed, RFC 8945 4.3.2: `additionals` and identifier of then. */
static void feed_message(struct tsig_session *s, struct span message, uint16_t id, uint16_t additionals)
{
    uint8_t room[DNS_HEADER_BYTES];
    struct writer w = writer_over(room, sizeof room);
    struct reader r = reader_over(message);
    struct dns_header h;
    read_dns_header(&r, &h);
    h.id = id;
    h.additionals = additionals;
    write_dns_header(&w, &h);
    feed(s, writer_span(&w));
    feed(s, span_from(message, DNS_HEADER_BYTES));
}

static void write_timers(struct writer *w, const struct tsig *t)
{
    write_u16(w, (uint16_t)(t->time_s >> 32));
    write_u32(w, (uint32_t)t->time_s);
    write_u16(w, t->fudge_s);
}

/* RFC 8945 4.3.3; from the second message of a response on only the time, 5.3.1. */
static void feed_variables(struct tsig_session *s, const struct tsig *t)
{
    uint8_t room[2 * DNS_NAME_BYTES_MAX + 18];
    struct writer w = writer_over(room, sizeof room);
    if (s->signed_count < 2) {
        write_span(&w, dns_name_span(&t->key));
        write_u16(&w, DNS_CLASS_ANY);
        write_u32(&w, 0);
        write_span(&w, dns_name_span(&t->algorithm));
    }
    write_timers(&w, t);
    if (s->signed_count < 2) {
        write_u16(&w, t->error);
        write_u16(&w, (uint16_t)t->other.len);
    }
    feed(s, writer_span(&w));
    if (s->signed_count < 2)
        feed(s, t->other);
}

/* The MAC of what was fed; the next digest begins. */
static struct span finish(struct tsig_session *s, uint8_t room[TSIG_MAC_BYTES_MAX])
{
    size_t length = 0;
    if (EVP_MAC_final(s->mac, room, &length, TSIG_MAC_BYTES_MAX) != 1)
        length = 0;
    EVP_MAC_init(s->mac, NULL, 0, NULL);
    s->begun = false;
    s->signed_count++;
    s->unsigned_count = 0;
    memcpy(s->prior, room, length);
    s->prior_bytes = length;
    return span_of(room, length);
}

/* ---- messages that came ------------------------------------------------------------------------------ */

static enum tsig_error take_unsigned(struct tsig_session *s, struct span message)
{
    struct reader r = reader_over(message);
    struct dns_header h;
    if (s->signed_count < 2 || s->unsigned_count >= TSIG_UNSIGNED_MAX || !read_dns_header(&r, &h))
        return TSIG_UNSIGNED;
    s->unsigned_count++;
    feed_prior(s);
    feed(s, message);
    return TSIG_GOOD;
}

/* RFC 8945 5.2.2.1: one that is shorter is not taken, with no policy to tell how much is enough. */
static enum tsig_error check_length(const struct tsig_session *s, const struct tsig *t)
{
    size_t whole = algorithms[s->algorithm].mac_bytes;
    size_t least = whole / 2 > 10 ? whole / 2 : 10;
    if (t->mac.len > whole || t->mac.len < least)
        return TSIG_FORMERR;
    return t->mac.len < whole ? TSIG_BADTRUNC : TSIG_GOOD;
}

static bool in_time(const struct tsig *t, uint64_t now_s)
{
    uint64_t apart_s = t->time_s > now_s ? t->time_s - now_s : now_s - t->time_s;
    return apart_s <= t->fudge_s;
}

enum tsig_error tsig_verify(struct tsig_session *s, struct span message, uint64_t now_s)
{
    uint8_t room[TSIG_MAC_BYTES_MAX];
    struct dns_name algorithm;
    struct tsig t;
    enum tsig_place place = tsig_find(message, &t);
    if (place != TSIG_PRESENT)
        return place == TSIG_ABSENT ? take_unsigned(s, message) : TSIG_FORMERR;
    algorithm_name(s->algorithm, &algorithm);
    if (s->signed_count && !t.mac.len && t.error) /* a server that refuses our key says so without one */
        return t.error == TSIG_BADKEY ? TSIG_BADKEY : TSIG_BADSIG;
    if (!dns_name_equal(dns_name_span(&t.key), dns_name_span(&s->key)) ||
        !dns_name_equal(dns_name_span(&t.algorithm), dns_name_span(&algorithm)))
        return TSIG_BADKEY;
    enum tsig_error wrong = check_length(s, &t);
    if (wrong == TSIG_FORMERR)
        return wrong;
    struct reader r = reader_over(message);
    struct dns_header h;
    read_dns_header(&r, &h);
    feed_prior(s);
    feed_message(s, span_head(message, t.offset), t.original_id, (uint16_t)(h.additionals - 1));
    feed_variables(s, &t);
    struct span mac = finish(s, room);
    if (mac.len < t.mac.len || CRYPTO_memcmp(mac.at, t.mac.at, t.mac.len) != 0)
        return TSIG_BADSIG;
    if (t.error == TSIG_BADTIME || !in_time(&t, now_s))
        return TSIG_BADTIME;
    return wrong;
}

/* ---- messages that go -----------------------------------------------------------------------------------
 */

size_t tsig_bytes(const struct tsig_session *s)
{
    if (!s->mac)
        return 0;
    size_t algorithm = strlen(algorithms[s->algorithm].name) + 2;
    return s->key.len + 10 + algorithm + 16 + algorithms[s->algorithm].mac_bytes;
}

static void count_record(struct writer *w)
{
    struct reader r = reader_over(writer_span(w));
    read_skip(&r, ADDITIONALS_AT);
    uint16_t count = read_u16(&r);
    writer_patch_u16(w, (struct mark){ ADDITIONALS_AT }, (uint16_t)(count + 1));
}

static void write_tsig(struct writer *w, const struct tsig *t)
{
    write_span(w, dns_name_span(&t->key));
    write_u16(w, DNS_TYPE_TSIG);
    write_u16(w, DNS_CLASS_ANY);
    write_u32(w, 0);
    struct mark length = write_length16(w);
    write_span(w, dns_name_span(&t->algorithm));
    write_timers(w, t);
    write_u16(w, (uint16_t)t->mac.len);
    write_span(w, t->mac);
    write_u16(w, t->original_id);
    write_u16(w, t->error);
    write_u16(w, (uint16_t)t->other.len);
    write_span(w, t->other);
    close_length16(w, length);
    count_record(w);
}

/* Fills in who signs, and signs. */
static bool sign(struct tsig_session *s, struct writer *w, struct tsig *t)
{
    uint8_t room[TSIG_MAC_BYTES_MAX];
    struct reader r = reader_over(writer_span(w));
    struct dns_header h;
    if (!read_dns_header(&r, &h))
        return false;
    dns_name_copy(&t->key, &s->key);
    algorithm_name(s->algorithm, &t->algorithm);
    t->original_id = h.id;
    feed_prior(s);
    feed_message(s, writer_span(w), h.id, h.additionals);
    feed_variables(s, t);
    t->mac = finish(s, room);
    write_tsig(w, t);
    t->mac = span_of(NULL, 0); /* it was this function's */
    return writer_ok(w);
}

bool tsig_sign(struct tsig_session *s, struct writer *w, uint64_t now_s)
{
    struct tsig t = { .time_s = now_s, .fudge_s = TSIG_FUDGE_S };
    return sign(s, w, &t);
}

bool tsig_sign_error(struct tsig_session *s, struct writer *w, const struct tsig *request,
                     enum tsig_error error, uint64_t now_s)
{
    uint8_t room[6];
    struct writer time = writer_over(room, sizeof room);
    struct tsig t = { .time_s = now_s, .fudge_s = TSIG_FUDGE_S, .error = (uint16_t)error };
    if (error == TSIG_BADTIME) { /* RFC 8945 5.2.3 */
        write_u16(&time, (uint16_t)(now_s >> 32));
        write_u32(&time, (uint32_t)now_s);
        t.time_s = request->time_s;
        t.fudge_s = request->fudge_s;
    }
    t.other = writer_span(&time);
    return sign(s, w, &t);
}

void tsig_write_refusal(struct writer *w, const struct tsig *request, enum tsig_error error)
{
    struct tsig t = *request;
    t.error = (uint16_t)error;
    t.mac = t.other = span_of(NULL, 0);
    write_tsig(w, &t);
}
