#include "dnssec.h"

#include <openssl/evp.h>

#define DNSKEY_PROTOCOL 3 /* RFC 4034 2.1.2: always */
#define WINDOW_OCTETS   32
#define DER_SEQUENCE    0x30
#define DER_INTEGER     0x02

static const char base32hex[] = "0123456789abcdefghijklmnopqrstuv";

/* ---- keys ------------------------------------------------------------------------------------------------
 */

void write_dnskey(struct writer *w, uint16_t flags, struct span public_key)
{
    write_u16(w, flags);
    write_u8(w, DNSKEY_PROTOCOL);
    write_u8(w, DNSSEC_ECDSA_P256);
    write_span(w, public_key);
}

uint16_t dnssec_key_tag(struct span dnskey)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < dnskey.len; i++) /* by the data's length */
        sum += i & 1 ? dnskey.at[i] : (uint32_t)dnskey.at[i] << 8;
    return (uint16_t)(sum + (sum >> 16));
}

bool write_ds(struct writer *w, const struct dns_name *owner, struct span dnskey)
{
    struct dns_name lower;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    dns_name_lower(&lower, owner);
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    bool ok = c && EVP_DigestInit_ex(c, EVP_sha256(), NULL) == 1 &&
              EVP_DigestUpdate(c, lower.bytes, lower.len) == 1 &&
              EVP_DigestUpdate(c, dnskey.at, dnskey.len) == 1 && EVP_DigestFinal_ex(c, digest, &length) == 1;
    EVP_MD_CTX_free(c);
    if (!ok)
        return false;
    write_u16(w, dnssec_key_tag(dnskey));
    write_u8(w, DNSSEC_ECDSA_P256);
    write_u8(w, DNSSEC_SHA256);
    write_bytes(w, digest, length);
    return writer_ok(w);
}

/* ---- signatures ------------------------------------------------------------------------------------------
 */

bool rrsig_read(struct span rdata, struct rrsig *out)
{
    struct reader r = reader_over(rdata);
    out->covered = read_u16(&r);
    out->algorithm = read_u8(&r);
    out->labels = read_u8(&r);
    out->ttl = read_u32(&r);
    out->expiration_s = read_u32(&r);
    out->inception_s = read_u32(&r);
    out->key_tag = read_u16(&r);
    out->signer = read_plain_name(&r);
    out->signature = read_rest(&r);
    return reader_ok(&r);
}

static void write_lower(struct writer *w, struct span s)
{
    for (size_t i = 0; i < s.len; i++) /* a length octet is below 'A' */
        write_u8(w, ascii_lower(s.at[i]));
}

void write_rrsig_head(struct writer *w, const struct rrsig *s)
{
    write_u16(w, s->covered);
    write_u8(w, s->algorithm);
    write_u8(w, s->labels);
    write_u32(w, s->ttl);
    write_u32(w, s->expiration_s);
    write_u32(w, s->inception_s);
    write_u16(w, s->key_tag);
    write_lower(w, s->signer);
}

/* An INTEGER of at most 32 octets beside the zero that keeps it positive. */
static void read_integer(struct reader *r, struct writer *w)
{
    if (read_u8(r) != DER_INTEGER)
        reader_fail(r);
    struct reader value = read_window(r, read_u8(r));
    if (reader_left(&value) > DNSSEC_SIGNATURE_BYTES / 2 && read_u8(&value) != 0)
        reader_fail(r);
    struct span octets = read_rest(&value);
    if (octets.len > DNSSEC_SIGNATURE_BYTES / 2) {
        reader_fail(r);
        return;
    }
    write_zeros(w, DNSSEC_SIGNATURE_BYTES / 2 - octets.len);
    write_span(w, octets);
}

bool dnssec_signature_from_der(struct span der, uint8_t out[DNSSEC_SIGNATURE_BYTES])
{
    struct reader r = reader_over(der);
    struct writer w = writer_over(out, DNSSEC_SIGNATURE_BYTES);
    if (read_u8(&r) != DER_SEQUENCE)
        return false;
    struct reader pair = read_window(&r, read_u8(&r)); /* two of 33 octets: one octet of length is enough */
    read_integer(&pair, &w);
    read_integer(&pair, &w);
    return reader_done(&pair) && reader_done(&r) && writer_ok(&w);
}

uint8_t dnssec_labels(const struct dns_name *n)
{
    bool wildcard = n->labels && span_is(dns_name_label(n, 0), "*");
    return (uint8_t)(n->labels - wildcard);
}

/* ---- canonical form: RFC 4034 6
 * ----------------------------------------------------------------------------
 */

/* What stands before the names of a type, and how many they are. */
static const struct {
    uint16_t type;
    uint8_t octets, strings, names;
} lowered[] = {
    { DNS_TYPE_NS, 0, 0, 1 },     { DNS_TYPE_MD, 0, 0, 1 },  { DNS_TYPE_MF, 0, 0, 1 },
    { DNS_TYPE_CNAME, 0, 0, 1 },  { DNS_TYPE_SOA, 0, 0, 2 }, { DNS_TYPE_MB, 0, 0, 1 },
    { DNS_TYPE_MG, 0, 0, 1 },     { DNS_TYPE_MR, 0, 0, 1 },  { DNS_TYPE_PTR, 0, 0, 1 },
    { DNS_TYPE_MINFO, 0, 0, 2 },  { DNS_TYPE_MX, 2, 0, 1 },  { DNS_TYPE_RP, 0, 0, 2 },
    { DNS_TYPE_AFSDB, 2, 0, 1 },  { DNS_TYPE_RT, 2, 0, 1 },  { DNS_TYPE_SIG, 18, 0, 1 },
    { DNS_TYPE_PX, 2, 0, 2 },     { DNS_TYPE_NXT, 0, 0, 1 }, { DNS_TYPE_SRV, 6, 0, 1 },
    { DNS_TYPE_NAPTR, 4, 3, 1 },  { DNS_TYPE_KX, 2, 0, 1 },  { DNS_TYPE_DNAME, 0, 0, 1 },
    { DNS_TYPE_RRSIG, 18, 0, 1 },
};

#define LOWERED_BYTES_MAX (4 + 3 * 256 + DNS_NAME_BYTES_MAX) /* NAPTR */

bool dnssec_lowers(uint16_t type)
{
    size_t i = 0;
    while (i < sizeof lowered / sizeof *lowered && lowered[i].type != type)
        i++;
    return i < sizeof lowered / sizeof *lowered;
}

void write_canonical_rdata(struct writer *w, uint16_t type, struct span rdata)
{
    struct reader r = reader_over(rdata);
    for (size_t i = 0; i < sizeof lowered / sizeof *lowered; i++) {
        if (lowered[i].type != type)
            continue;
        write_span(w, read_span(&r, lowered[i].octets));
        for (size_t n = 0; n < lowered[i].strings; n++) {
            uint8_t length = read_u8(&r);
            write_u8(w, length);
            write_span(w, read_span(&r, length));
        }
        for (size_t n = 0; n < lowered[i].names; n++)
            write_lower(w, read_plain_name(&r));
    }
    write_span(w, read_rest(&r));
}

int dnssec_compare_rdata(struct span a, struct span b)
{
    size_t both = a.len < b.len ? a.len : b.len;
    int difference = both ? memcmp(a.at, b.at, both) : 0;
    return difference ? difference : (a.len > b.len) - (a.len < b.len);
}

int dnssec_compare_held(uint16_t type, struct span a, struct span b)
{
    uint8_t rooms[2][LOWERED_BYTES_MAX];
    if (a.len != b.len || !dnssec_lowers(type))
        return dnssec_compare_rdata(a, b);
    struct writer x = writer_over(rooms[0], sizeof rooms[0]), y = writer_over(rooms[1], sizeof rooms[1]);
    write_canonical_rdata(&x, type, a);
    write_canonical_rdata(&y, type, b);
    bool fit = writer_ok(&x) && writer_ok(&y);
    return fit ? dnssec_compare_rdata(writer_span(&x), writer_span(&y)) : dnssec_compare_rdata(a, b);
}

bool dnssec_same_rdata(uint16_t type, struct span a, struct span b)
{
    return span_equal(a, b) ||
           (dnssec_lowers(type) && span_equal_nocase(a, b) && dnssec_compare_held(type, a, b) == 0);
}

/* ---- what is not there
 * -------------------------------------------------------------------------------------
 */

void write_type_bitmap(struct writer *w, const uint16_t *types, size_t count)
{
    for (size_t i = 0; i < count;) { /* each turn takes a window's types */
        uint8_t octets[WINDOW_OCTETS] = { 0 }, window = (uint8_t)(types[i] >> 8);
        size_t used = 0;
        for (; i < count && types[i] >> 8 == window; i++) {
            size_t bit = types[i] & 0xFF;
            octets[bit / 8] = (uint8_t)(octets[bit / 8] | 0x80 >> bit % 8);
            used = bit / 8 + 1;
        }
        write_u8(w, window);
        write_u8(w, (uint8_t)used);
        write_bytes(w, octets, used);
    }
}

bool nsec3_hash(const struct dns_name *name, uint8_t out[DNSSEC_HASH_BYTES])
{
    struct dns_name lower;
    unsigned length = 0;
    dns_name_lower(&lower, name);
    return EVP_Digest(lower.bytes, lower.len, out, &length, EVP_sha1(), NULL) == 1;
}

bool nsec3_owner(const uint8_t hash[DNSSEC_HASH_BYTES], const struct dns_name *zone, struct dns_name *out)
{
    uint8_t room[1 + DNSSEC_HASH_TEXT_BYTES + DNS_NAME_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    write_u8(&w, DNSSEC_HASH_TEXT_BYTES);
    for (size_t bit = 0; bit < (size_t)DNSSEC_HASH_BYTES * 8; bit += 5) { /* RFC 4648 7, without padding */
        size_t at = bit / 8, shift = bit % 8;
        unsigned two = (unsigned)hash[at] << 8 | (at + 1 < DNSSEC_HASH_BYTES ? hash[at + 1] : 0);
        write_u8(&w, (uint8_t)base32hex[two >> (11 - shift) & 0x1F]);
    }
    write_span(&w, dns_name_span(zone));
    return dns_name_from_span(writer_span(&w), out);
}

bool nsec3_from_label(struct span label, uint8_t out[DNSSEC_HASH_BYTES])
{
    struct writer w = writer_over(out, DNSSEC_HASH_BYTES);
    unsigned bits = 0, held = 0;
    if (label.len != DNSSEC_HASH_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < label.len; i++) {
        const char *digit = memchr(base32hex, ascii_lower(label.at[i]), sizeof base32hex - 1);
        if (!digit)
            return false;
        held = held << 5 | (unsigned)(digit - base32hex);
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            write_u8(&w, (uint8_t)(held >> bits));
            held &= (1U << bits) - 1;
        }
    }
    return writer_ok(&w);
}
