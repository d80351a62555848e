/* DNSSEC's records as octets: keys, their digests and signatures, the canonical form of what is signed,
 * proofs of what is not there (RFC 4034, 5155, 6605). Algorithm 13 alone: ECDSA with P-256 and SHA-256. */
#ifndef WIRELAB_DNSSEC_H
#define WIRELAB_DNSSEC_H

#include "dns.h"

#define DNSSEC_ECDSA_P256      13 /* RFC 6605 */
#define DNSSEC_SHA256          2  /* a digest type of DS: RFC 4509 */
#define DNSSEC_PUBLIC_BYTES    64 /* a public key: X and Y */
#define DNSSEC_DNSKEY_BYTES    (4 + DNSSEC_PUBLIC_BYTES)
#define DNSSEC_DS_BYTES        (4 + 32)
#define DNSSEC_SIGNATURE_BYTES 64 /* r and s */
#define DNSSEC_RRSIG_BYTES_MAX (18 + DNS_NAME_BYTES_MAX + DNSSEC_SIGNATURE_BYTES)
#define DNSSEC_FLAGS_ZONE_KEY  0x0101 /* zone key, secure entry point: RFC 4034 2.1.1, 3757 */
#define DNSSEC_HASH_BYTES      20     /* NSEC3 with SHA-1: RFC 5155 11 */
#define DNSSEC_HASH_TEXT_BYTES 32     /* the same in base32hex */
#define DNSSEC_BITMAP_TYPES    256    /* of one name, at most: there are not so many in use */

/* ---- keys ---------------------------------------------------------------------------------------------- */

/* Data of DNSKEY. */
void write_dnskey(struct writer *w, uint16_t flags, struct span public_key);
/* RFC 4034 appendix B, of any algorithm but 1. */
uint16_t dnssec_key_tag(struct span dnskey);
/* Data of DS with SHA-256, RFC 4034 5.1.4; false when there is no digest to be had. */
bool write_ds(struct writer *w, const struct dns_name *owner, struct span dnskey);

/* ---- signatures ---------------------------------------------------------------------------------------- */

/* Data of RRSIG without its signature, RFC 4034 3.1. */
struct rrsig {
    uint16_t covered;
    uint8_t algorithm, labels;
    uint32_t ttl, expiration_s, inception_s;
    uint16_t key_tag;
    struct span signer, signature; /* signer: an uncompressed name */
};

bool rrsig_read(struct span rdata, struct rrsig *out);
/* All but the signature; the signer's name in lower case. */
void write_rrsig_head(struct writer *w, const struct rrsig *s);
/* A DER signature as libcrypto makes it -> r and s, RFC 6605 4. False when it is none. */
bool dnssec_signature_from_der(struct span der, uint8_t out[DNSSEC_SIGNATURE_BYTES]);
/* The number of labels that RRSIG tells: without the root, and without a leading "*" (RFC 4034 3.1.3). */
uint8_t dnssec_labels(const struct dns_name *n);

/* Whether the canonical form of this type has names in lower case: those of RFC 4034 6.2 (without NSEC: RFC
 * 6840 5.1). */
bool dnssec_lowers(uint16_t type);
/* Data in canonical form: names in lower case in those types. */
void write_canonical_rdata(struct writer *w, uint16_t type, struct span rdata);
/* The order of data within a set, RFC 4034 6.3; both in canonical form. */
int dnssec_compare_rdata(struct span a, struct span b);
/* The same record, RFC 2136 1.1: equal but for the case of the names that the canonical form lowers. Data as
 * it is held. */
bool dnssec_same_rdata(uint16_t type, struct span a, struct span b);
/* An order of data as it is held, in which what is the same record is equal. */
int dnssec_compare_held(uint16_t type, struct span a, struct span b);

/* ---- proofs of what is not there -------------------------------------------------------------------------
 */

/* Type bit maps, RFC 4034 4.1.2; the types in rising order. */
void write_type_bitmap(struct writer *w, const uint16_t *types, size_t count);
/* RFC 5155 5: SHA-1, no salt, no more iterations (RFC 9276 3.1), of the name in lower case. */
bool nsec3_hash(const struct dns_name *name, uint8_t out[DNSSEC_HASH_BYTES]);
/* The hash as the first label of an owner's name, with the zone's behind it. False: the name would be too
 * long. */
bool nsec3_owner(const uint8_t hash[DNSSEC_HASH_BYTES], const struct dns_name *zone, struct dns_name *out);
/* Back from such a label; false when it is none. */
bool nsec3_from_label(struct span label, uint8_t out[DNSSEC_HASH_BYTES]);

#endif
