/* DHCPv6 messages (RFC 9915), parsed and built, for servers, relays and clients.
 *
 * Parsing looks at each option once, in the order in which they came, into options in options as far as
 * IA_NA -> IA Address -> Status Code. Spans point into the message. Unknown options are passed over; known
 * ones must have the length of their type. */
#ifndef WIRELAB_DHCP6_H
#define WIRELAB_DHCP6_H

#include "endpoint.h"

#define DHCP6_SERVER_PORT      547
#define DHCP6_CLIENT_PORT      546
#define DHCP6_BYTES_MAX        4096 /* longer ones are refused: no client or relay sends one */
#define DHCP6_DUID_MAX         130  /* RFC 9915 11.1: the type and 128 bytes */
#define DHCP6_DUID_LEAST       3    /* RFC 9915 11.1: the type and 1 byte */
#define DHCP6_HOPS_MAX         8    /* RFC 9915 7.6: HOP_COUNT_LIMIT */
#define DHCP6_RELAYS_MAX       (DHCP6_HOPS_MAX + 1) /* hop counts go from 0 to the limit */
#define DHCP6_IAS_MAX          16                   /* of a message; a client has one for each interface */
#define DHCP6_ADDRESS_BITS     128
#define DHCP6_IA_ADDRESSES_MAX 16         /* of a message, in all its IAs */
#define DHCP6_INFINITE         UINT32_MAX /* RFC 9915 7.7 */

enum dhcp6_type {
    DHCP6_SOLICIT = 1,
    DHCP6_ADVERTISE,
    DHCP6_REQUEST,
    DHCP6_CONFIRM,
    DHCP6_RENEW,
    DHCP6_REBIND,
    DHCP6_REPLY,
    DHCP6_RELEASE,
    DHCP6_DECLINE,
    DHCP6_RECONFIGURE,
    DHCP6_INFORMATION_REQUEST,
    DHCP6_RELAY_FORWARD,
    DHCP6_RELAY_REPLY,
    DHCP6_LEASEQUERY, /* RFC 5007 */
    DHCP6_LEASEQUERY_REPLY,
    DHCP6_ADDR_REG_INFORM = 36, /* RFC 9686 */
    DHCP6_ADDR_REG_REPLY,
};
/* "Solicit"; NULL for a type that is not here. */
const char *dhcp6_type_text(uint8_t type);

enum dhcp6_status { /* RFC 9915 21.13 */
                    DHCP6_SUCCESS,
                    DHCP6_UNSPEC_FAIL,
                    DHCP6_NO_ADDRS_AVAIL,
                    DHCP6_NO_BINDING,
                    DHCP6_NOT_ON_LINK,
                    DHCP6_USE_MULTICAST, /* obsolete, never sent */
                    DHCP6_NO_PREFIX_AVAIL,
};
/* "NoBinding"; "?" for one that is not here. */
const char *dhcp6_status_text(uint16_t status);

enum dhcp6_option_code {
#define OPTION6(code, id, name, type, whose, reference, meaning) DHCP6_OPTION_##id = code,
#include "dhcp6_options.def"
#undef OPTION6
};

enum dhcp6_option_type {
    DHCP6_TYPE_ADDRESSES,
    DHCP6_TYPE_U8,
    DHCP6_TYPE_U16,
    DHCP6_TYPE_U32,
    DHCP6_TYPE_SECONDS,
    DHCP6_TYPE_TEXT,
    DHCP6_TYPE_TEXTS,
    DHCP6_TYPE_BYTES,
    DHCP6_TYPE_CODES,
    DHCP6_TYPE_EMPTY,
    DHCP6_TYPE_DOMAIN,
    DHCP6_TYPE_DOMAINS,
    DHCP6_TYPE_NTP_SERVERS,
    DHCP6_TYPE_DUID,
    DHCP6_TYPE_IA,
    DHCP6_TYPE_IA_ADDRESS,
    DHCP6_TYPE_STATUS,
    DHCP6_TYPE_MESSAGE,
};

struct dhcp6_option_row {
    uint16_t code;
    const char *name;
    enum dhcp6_option_type type;
    const char *reference;
};
/* The row of an option, or NULL when the table does not know it. */
const struct dhcp6_option_row *dhcp6_option_row(uint16_t code);

/* ---- parsing -------------------------------------------------------------------------- */

enum dhcp6_fault {
    DHCP6_FINE,
    DHCP6_TOO_SHORT,     /* the header is not there */
    DHCP6_TOO_LONG,      /* over DHCP6_BYTES_MAX */
    DHCP6_BAD_TYPE,      /* no message type of RFC 9915 7.3 */
    DHCP6_OPTION_CUT,    /* an option runs past the end of what holds it */
    DHCP6_OPTION_LENGTH, /* an option's length is not its type's */
    DHCP6_OPTION_TWICE,  /* a client or server identifier that comes again: who is meant? */
    DHCP6_TOO_MANY,      /* over DHCP6_IAS_MAX or DHCP6_IA_ADDRESSES_MAX */
    DHCP6_TOO_DEEP,      /* over DHCP6_RELAYS_MAX relays */
    DHCP6_NO_MESSAGE,    /* a relay's message without a relay message option in it */
};
/* "option runs past the end of what holds it"; constant text. */
const char *dhcp6_fault_text(enum dhcp6_fault f);

struct dhcp6_ia_address {
    struct ip6 address; /* of a prefix: its first */
    uint8_t bits;       /* 128: an address; else a prefix of this length */
    uint32_t preferred_s, valid_s;
    uint16_t status; /* SUCCESS where none is told */
};

/* An IA_NA, or an IA_PD, whose addresses are prefixes. */
struct dhcp6_ia {
    uint16_t code; /* DHCP6_OPTION_IA_NA, DHCP6_OPTION_IA_PD */
    uint32_t iaid, t1_s, t2_s;
    uint16_t status;
    size_t first, count; /* of m->addresses */
};

struct dhcp6_message {
    uint8_t type;                     /* enum dhcp6_type; no relay's */
    uint32_t xid;                     /* 24 bits */
    struct span client_id, server_id; /* at == NULL: not there */
    struct span option_request;       /* codes of two bytes each; at == NULL: not there */
    bool rapid_commit, has_ia_ta;
    uint8_t preference; /* 0 where none is told, as RFC 9915 18.2.9 reads it */
    uint16_t elapsed_10ms;
    uint16_t status; /* of the whole message; SUCCESS where none is told */
    struct span status_text;
    size_t ia_count, address_count; /* a registration has addresses without an IA */
    struct dhcp6_ia ias[DHCP6_IAS_MAX];
    struct dhcp6_ia_address addresses[DHCP6_IA_ADDRESSES_MAX];
    struct span options;   /* all of them */
    uint16_t fault_option; /* the option that a fault is about; 0: none */
};

/* Parses a client's or server's message. On a fault only fault_option counts. */
enum dhcp6_fault dhcp6_parse(struct dhcp6_message *m, struct span bytes);
/* The first option of this code among `options`; at == NULL: there is none. */
struct span dhcp6_option(struct span options, uint16_t code);
/* Takes the next option from a reader over options that dhcp6_parse() or dhcp6_unwrap() accepted; false at
 * the end. */
bool dhcp6_next_option(struct reader *r, uint16_t *code, struct span *value);
/* The client asks for this option, or says nothing of what it asks for. */
bool dhcp6_asks_for(const struct dhcp6_message *m, uint16_t code);

/* One relay's header, and what it says about itself. */
struct dhcp6_relay {
    uint8_t hop_count;
    struct ip6 link, peer;
    struct span interface_id;             /* at == NULL: not there */
    struct span remote_id, subscriber_id; /* RFC 4649, 4580; the same */
    struct span hardware; /* RFC 6939: the client's, as the relay next to it saw it; without its type */
    struct span port;     /* RFC 8357: it wants its answer at the port it sends from; at == NULL: no */
};

/* The relays between a client and its server, the one nearest to the server first. */
struct dhcp6_relays {
    size_t count;
    struct dhcp6_relay relay[DHCP6_RELAYS_MAX];
    uint16_t fault_option;
};

/* Takes all relay headers off; *inner is the client's message. A message that no relay touched has none. */
enum dhcp6_fault dhcp6_unwrap(struct dhcp6_relays *r, struct span bytes, struct span *inner);
/* The same for what a server sends to relays. */
enum dhcp6_fault dhcp6_unwrap_reply(struct dhcp6_relays *r, struct span bytes, struct span *inner);

/* ---- building ------------------------------------------------------------------------- */

/* A message is a header and options; what has options of its own is opened and closed. */
void dhcp6_write_header(struct writer *w, uint8_t type, uint32_t xid);
void dhcp6_write_option(struct writer *w, uint16_t code, struct span value);
void dhcp6_write_u8(struct writer *w, uint16_t code, uint8_t v);
void dhcp6_write_u16(struct writer *w, uint16_t code, uint16_t v);
struct mark dhcp6_option_open(struct writer *w, uint16_t code);
void dhcp6_option_close(struct writer *w, struct mark m);
/* Inside it: addresses and a status; then dhcp6_option_close(). */
struct mark dhcp6_ia_open(struct writer *w, uint16_t code, uint32_t iaid, uint32_t t1_s, uint32_t t2_s);
void dhcp6_write_address(struct writer *w, struct ip6 address, uint32_t preferred_s, uint32_t valid_s);
void dhcp6_write_prefix(struct writer *w, struct ip6 prefix, uint8_t bits, uint32_t preferred_s,
                        uint32_t valid_s);
void dhcp6_write_status(struct writer *w, enum dhcp6_status status, const char *text);

/* Around a message that is written between the two calls: RELAY_FORWARD or RELAY_REPLY headers for each of
 * the relays, the first one outermost, with interface-id and relay port as they came (RFC 9915 19.3, RFC
 * 8357 5.2). */
struct dhcp6_wrap {
    size_t count;
    struct mark open[DHCP6_RELAYS_MAX];
};
void dhcp6_wrap_open(struct dhcp6_wrap *b, struct writer *w, uint8_t type, const struct dhcp6_relays *r);
void dhcp6_wrap_close(struct dhcp6_wrap *b, struct writer *w);

/* ---- DUIDs (RFC 9915 11) ---------------------------------------------------------------- */

#define DHCP6_DUID_LLT_EPOCH_S 946684800 /* 2000-01-01 in unix seconds */

/* DUID-LLT: hardware type Ethernet, seconds since 2000 modulo 2^32, the address. */
void dhcp6_write_duid_llt(struct writer *w, struct span hardware, int64_t unix_s);
/* DUID-UUID (RFC 6355): for a host without hardware addresses. */
void dhcp6_write_duid_uuid(struct writer *w, const uint8_t random[16]);
/* The link-layer address in a DUID-LLT or DUID-LL; empty in others. */
struct span dhcp6_duid_hardware(struct span duid);

#endif
