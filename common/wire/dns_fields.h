/* The kinds of fields in record data that are more than a number, an address, a name or a string: numbers
 * with names, base64, type bitmaps, hashes, positions, gateways, parameters of services. Each kind is a row
 * of `dns_fields`: what it is in wire form, from the words of a master file, and to text. dns_types.def says
 * which type has which.
 */
#ifndef WIRELAB_DNS_FIELDS_H
#define WIRELAB_DNS_FIELDS_H

#include "dns_rdata.h"

/* The words of a record and which one is next. */
struct dns_words {
    const struct dns_word *words;
    size_t count, next;
    const struct dns_name *origin; /* continues relative names */
};

enum dns_field {
    DNS_FIELD_TYPE,            /* the code of a type, by its mnemonic: RRSIG */
    DNS_FIELD_ALGORITHM,       /* of DNSSEC, a number or its mnemonic */
    DNS_FIELD_NAMED_ALGORITHM, /* the same, in text by its mnemonic (RFC 4398 2.2) */
    DNS_FIELD_CERTIFICATE,     /* the type of a certificate, by its mnemonic (RFC 4398 2.1) */
    DNS_FIELD_SCHEME,          /* of DSYNC, by its mnemonic (RFC 9859 2.1) */
    DNS_FIELD_TIME,            /* YYYYMMDDHHmmSS or seconds since 1970 (RFC 4034 3.2) */
    DNS_FIELD_EUI48,           /* RFC 7043 */
    DNS_FIELD_EUI64,
    DNS_FIELD_LOCATOR,    /* 64 bits of an identifier or locator, 14:4fff:ff20:ee64 (RFC 6742 2.1, 2.3) */
    DNS_FIELD_SUBADDRESS, /* a string that may be left out (RFC 1183 3.2) */
    DNS_FIELD_NSAP,       /* octets to the end, 0x47.0005 (RFC 1706) */
    DNS_FIELD_LOCATION,   /* RFC 1876 */
    DNS_FIELD_SALT,       /* a length octet and octets, hexadecimal or "-" (RFC 5155 3.3) */
    DNS_FIELD_HASH,       /* a length octet and octets, base32 with the hexadecimal alphabet (RFC 5155 3.3) */
    DNS_FIELD_TYPES,      /* bitmaps of types to the end (RFC 4034 4.1.2) */
    DNS_FIELD_LOW_TYPES,  /* the older bitmap of types below 128, to the end (RFC 2535 5.2) */
    DNS_FIELD_HEX,        /* to the end, in any number of words, cut anywhere (RFC 4034 5.3) */
    DNS_FIELD_BASE64,     /* the same in base64 */
    DNS_FIELD_KEY,        /* base64, or nothing (RFC 2535 3.1.2) */
    DNS_FIELD_GATEWAY,    /* gateway type, algorithm, gateway and key (RFC 4025 2) */
    DNS_FIELD_RELAY,      /* discovery bit, relay type and relay (RFC 8777 4) */
    DNS_FIELD_HOST_KEY,   /* lengths, algorithm, host identity tag and key (RFC 8005 5) */
    DNS_FIELD_NAMES,      /* none or more names to the end */
    DNS_FIELD_SERVICE,    /* parameters of SVCB and HTTPS to the end (RFC 9460 2) */
    DNS_FIELD_PREFIXES,   /* none or more address prefixes to the end (RFC 3123 4) */
    DNS_FIELDS
};

struct dns_field_kind {
    bool may_be_empty; /* zero words, zero octets */
    /* Reads the field; `r` has failed when it is malformed. Domain names in it are uncompressed. */
    void (*check)(struct reader *r);
    /* Takes its words and appends the data. NULL, or what would be right at words->next. There is at least
     * one word unless the field may be empty. */
    const char *(*from_words)(struct dns_words *words, struct writer *out);
    void (*to_text)(struct writer *w, struct reader *r);
};

extern const struct dns_field_kind dns_fields[DNS_FIELDS];

/* ---- what they share, and the kinds that have a file of their own ---------------------- */

#define DNS_FIELD_SERVICE_PARAMETERS_MAX 64   /* in one record */
#define DNS_FIELD_VALUE_BYTES_MAX        4096 /* of one parameter in a master file */

/* The next word; NULL when there is none. */
const struct dns_word *dns_words_take(struct dns_words *words);
/* Digits only, up to `most`. */
bool dns_number_from_text(struct span text, uint32_t most, uint32_t *out);
/* The octets of a word, \X and \DDD resolved. False when an escape is none. */
bool dns_octets_from_text(struct span text, struct writer *out);
/* In double quotes, escaped. */
void write_dns_quoted(struct writer *w, struct span s);
/* One octet of a quoted text, escaped. */
void write_dns_quoted_octet(struct writer *w, uint8_t c);
void write_dns_hex(struct writer *w, struct span s);
/* Pairs of hexadecimal digits. */
bool dns_hex_from_text(struct span text, struct writer *out);
/* Dotted decimal, and colons. */
bool dns_ip4_from_text(struct span text, struct writer *out);
bool dns_ip6_from_text(struct span text, struct writer *out);
/* 4 or 16 octets; nothing for others. */
void write_dns_address(struct writer *w, struct span s);
/* RFC 4648 4: `count` words as one text. */
bool dns_base64_from_words(const struct dns_word *words, size_t count, struct writer *out);
void write_dns_base64(struct writer *w, struct span s);

/* All words that are left as base64. NULL, or what would be right. */
const char *dns_base64_from_rest(struct dns_words *words, struct writer *out);
/* The next word, which there is, as a name. NULL, or what would be right. */
const char *dns_name_from_word(struct dns_words *words, struct writer *out);

void dns_location_check(struct reader *r);
const char *dns_location_from_words(struct dns_words *words, struct writer *out);
void write_dns_location_text(struct writer *w, struct reader *r);

void dns_service_check(struct reader *r);
const char *dns_service_from_words(struct dns_words *words, struct writer *out);
void write_dns_service_text(struct writer *w, struct reader *r);

void dns_gateway_check(struct reader *r);
const char *dns_gateway_from_words(struct dns_words *words, struct writer *out);
void write_dns_gateway_text(struct writer *w, struct reader *r);

void dns_relay_check(struct reader *r);
const char *dns_relay_from_words(struct dns_words *words, struct writer *out);
void write_dns_relay_text(struct writer *w, struct reader *r);

void dns_prefixes_check(struct reader *r);
const char *dns_prefixes_from_words(struct dns_words *words, struct writer *out);
void write_dns_prefixes_text(struct writer *w, struct reader *r);

#endif
