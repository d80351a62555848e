/* The data of records, for every type of dns_types.def and, opaque, for every other (RFC 3597): from a
 * message, into a message, from the words of a master file, and to text. Held, it is in wire form with its
 * names uncompressed. */
#ifndef WIRELAB_DNS_RDATA_H
#define WIRELAB_DNS_RDATA_H

#include "dns.h"

#define DNS_RDATA_BYTES_MAX 65535

/* A mnemonic ("MX", in any case) or "TYPE15"; false for other words. */
bool dns_type_from_text(struct span text, uint16_t *out);
void write_dns_type_text(struct writer *w, uint16_t type);
/* OPT, AXFR, ANY and their like, and 0, which is reserved (RFC 6895 3.1): never the type of a record in a
 * zone. */
bool dns_type_is_meta(uint16_t type);
/* Its names may be compressed, so its data cannot be sent as it is held. */
bool dns_type_shrinks(uint16_t type);

/* From a message: appends the data with its names uncompressed. False, and nothing is written, when it is not
 * what its type says or does not fill its length exactly. `rdata` is a window of the message. */
bool dns_rdata_read(uint16_t type, struct reader rdata, struct span message, struct writer *out);
/* Held data is what its type says: each field there, names uncompressed, nothing left over. */
bool dns_rdata_is_plain(uint16_t type, struct span rdata);
/* Into a message: `rdata` is what dns_rdata_read() or dns_rdata_from_words() made. Without its length. */
void write_dns_rdata(struct writer *w, struct dns_names *t, uint16_t type, struct span rdata);
/* The first domain name in the data (NS, CNAME, PTR, MX, SRV, SOA); empty when the type has none. */
struct span dns_rdata_name(uint16_t type, struct span rdata);

/* A word of a master file, without its quotes; escapes are still in it. */
struct dns_word {
    struct span text;
    bool quoted;
};

struct dns_word_problem {
    size_t word;          /* which one; the number of words when one is missing at the end */
    const char *expected; /* what would be right */
};

/* Appends the data; also the generic form "\# 4 0A000001" for any type. False, and nothing is written, when
 * the words are not what the type needs. Relative names are continued by `origin`. */
bool dns_rdata_from_words(uint16_t type, const struct dns_word *words, size_t count,
                          const struct dns_name *origin, struct writer *out, struct dns_word_problem *p);
/* As a master file would have it. */
void write_dns_rdata_text(struct writer *w, uint16_t type, struct span rdata);

/* "3600", "1h30m", "1W2D": seconds up to DNS_TTL_MAX; false for other words. */
bool dns_period_from_text(struct span text, uint32_t *out);

#endif
