/* DHCPv4 messages (RFC 2131, 2132), parsed and built, for servers and clients.
 *
 * Addresses are host-order numbers. Parsing walks the options with Pad and End first, follows option overload
 * (RFC 2132 9.3) into file and sname, and joins what came in pieces (RFC 3396), so that each option has one
 * value. */
#ifndef WIRELAB_DHCP4_H
#define WIRELAB_DHCP4_H

#include "wire.h"

#define DHCP4_SERVER_PORT 67
#define DHCP4_CLIENT_PORT 68
#define DHCP4_FIXED_BYTES 236  /* up to the magic cookie */
#define DHCP4_BYTES_LEAST 300  /* RFC 1542 2.1: shorter messages are padded */
#define DHCP4_BYTES_MAX   2048 /* longer ones are refused: no client sends one, and joining needs this room */
#define DHCP4_HEADERS     28   /* of IP and UDP, counted in by option 57 */
#define DHCP4_SIZE_LEAST  576  /* RFC 2131 2: every client takes this, headers included */
#define DHCP4_SIZE_MOST   1500 /* what is sent at most, whatever option 57 says: no fragments */

#define DHCP4_CHADDR_MAX 16
#define DHCP4_SNAME_MAX  64
#define DHCP4_FILE_MAX   128

#define DHCP4_FLAG_BROADCAST 0x8000
#define DHCP4_HTYPE_ETHERNET 1

/* Sub-options of option 82. */
enum dhcp4_relay_suboption {
    DHCP4_RELAY_CIRCUIT_ID = 1,       /* RFC 3046 3.1 */
    DHCP4_RELAY_REMOTE_ID = 2,        /* RFC 3046 3.2 */
    DHCP4_RELAY_LINK_SELECTION = 5,   /* RFC 3527 3 */
    DHCP4_RELAY_SERVER_OVERRIDE = 11, /* RFC 5107 4 */
};

enum dhcp4_op { DHCP4_BOOTREQUEST = 1, DHCP4_BOOTREPLY = 2 };

enum dhcp4_type {
    DHCP4_DISCOVER = 1,
    DHCP4_OFFER,
    DHCP4_REQUEST,
    DHCP4_DECLINE,
    DHCP4_ACK,
    DHCP4_NAK,
    DHCP4_RELEASE,
    DHCP4_INFORM,
    DHCP4_FORCERENEW, /* RFC 3203 */
    DHCP4_LEASEQUERY, /* RFC 4388, as those after it */
    DHCP4_LEASEUNASSIGNED,
    DHCP4_LEASEUNKNOWN,
    DHCP4_LEASEACTIVE,
};

enum dhcp4_option_code {
    DHCP4_PAD = 0,
#define OPTION4(code, id, name, type, whose, reference, meaning) DHCP4_OPTION_##id = code,
#include "dhcp_options.def"
#undef OPTION4
    DHCP4_END = 255
};

enum dhcp4_option_type {
    DHCP4_TYPE_IP4,
    DHCP4_TYPE_ADDRESSES,
    DHCP4_TYPE_ADDRESS_PAIRS,
    DHCP4_TYPE_U8,
    DHCP4_TYPE_U16,
    DHCP4_TYPE_U32,
    DHCP4_TYPE_S32,
    DHCP4_TYPE_FLAG,
    DHCP4_TYPE_TEXT,
    DHCP4_TYPE_BYTES,
    DHCP4_TYPE_CODES,
    DHCP4_TYPE_U16S,
    DHCP4_TYPE_EMPTY,
    DHCP4_TYPE_DOMAINS,
    DHCP4_TYPE_ROUTES,
    DHCP4_TYPE_SIP,
    DHCP4_TYPE_VENDORS,
};

struct dhcp4_option_row {
    uint8_t code;
    const char *name;
    enum dhcp4_option_type type;
    const char *reference;
};

/* The row of an option, or NULL when the table does not know it. */
const struct dhcp4_option_row *dhcp4_option_row(uint8_t code);

/* ---- parsing -------------------------------------------------------------------------- */

/* The fixed part without sname and file. */
struct dhcp4_fixed {
    uint8_t op, htype, hlen, hops; /* hlen <= DHCP4_CHADDR_MAX */
    uint32_t xid;
    uint16_t secs, flags;
    uint32_t ciaddr, yiaddr, siaddr, giaddr;
    uint8_t chaddr[DHCP4_CHADDR_MAX];
};

enum dhcp4_fault {
    DHCP4_FINE,
    DHCP4_TOO_SHORT,     /* the fixed part is not there */
    DHCP4_TOO_LONG,      /* over DHCP4_BYTES_MAX */
    DHCP4_BAD_OP,        /* neither a request nor a reply */
    DHCP4_BAD_HLEN,      /* over 16 */
    DHCP4_NO_COOKIE,     /* plain BOOTP, or something else */
    DHCP4_OPTION_CUT,    /* an option runs past the end of its field */
    DHCP4_OPTION_LENGTH, /* an option's length is not its type's */
    DHCP4_BAD_OVERLOAD,  /* option 52 is not 1, 2 or 3 */
    DHCP4_NO_TYPE,       /* option 53 is missing or unknown */
};

struct dhcp4_message {
    struct dhcp4_fixed fixed;
    struct span sname, file; /* text up to its NUL; empty where it holds options */
    uint8_t type;            /* enum dhcp4_type */
    uint8_t fault_option;    /* the option that a fault is about */

    uint64_t present[4];             /* a bit for each code */
    struct span value[256];          /* valid only for codes that are present */
    uint8_t order[256];              /* the codes as they first came ... */
    size_t count;                    /* ... and how many */
    uint8_t joined[DHCP4_BYTES_MAX]; /* values that came in pieces */
};

/* Parses a whole UDP payload. Values point into `bytes` or into m->joined. On a fault only fault_option and
 * what was read of the fixed part count; with NO_TYPE the options, too. */
enum dhcp4_fault dhcp4_parse(struct dhcp4_message *m, struct span bytes);
/* "option runs past the end of its field"; constant text. */
const char *dhcp4_fault_text(enum dhcp4_fault f);

/* What a BOOTP client sends (RFC 951, 1497): a request that only lacks the message type. */
bool dhcp4_is_bootp(const struct dhcp4_message *m, enum dhcp4_fault f);

static inline bool dhcp4_has(const struct dhcp4_message *m, uint8_t code)
{
    return m->present[code >> 6] >> (code & 63) & 1;
}

/* The option's value; at == NULL when it is not there. */
static inline struct span dhcp4_option(const struct dhcp4_message *m, uint8_t code)
{
    return dhcp4_has(m, code) ? m->value[code] : (struct span){ NULL, 0 };
}

/* The value of an option of 1, 2 or 4 bytes (an address, too); false when it is not there or has another
 * length. */
bool dhcp4_number(const struct dhcp4_message *m, uint8_t code, uint32_t *out);

/* A sub-option of option 82 (RFC 3046 2.0), or of its value that was kept; at == NULL when it is not there.
 */
struct span dhcp4_suboption(struct span relay_agent, uint8_t code);
struct span dhcp4_relay_suboption(const struct dhcp4_message *m, uint8_t code);

/* ---- building ------------------------------------------------------------------------- */

struct dhcp4_build {
    struct writer *out;
    struct writer file, sname; /* room for options that the options field does not hold */
    size_t left_out;           /* options that fitted nowhere */
};

/* Writes the fixed part and the cookie into an empty writer with room for DHCP4_BYTES_LEAST at least. The
 * whole message will not exceed max_bytes (UDP payload). A non-empty sname or file stays free of options. */
void dhcp4_build_open(struct dhcp4_build *b, struct writer *out, const struct dhcp4_fixed *fixed,
                      struct span sname, struct span file, size_t max_bytes);
/* Adds an option, in pieces where it is longer than 255 bytes (RFC 3396). An option goes whole into the
 * options field, else into file, else into sname, else it is left out: false. */
bool dhcp4_build_option(struct dhcp4_build *b, uint8_t code, struct span value);
bool dhcp4_build_u8(struct dhcp4_build *b, uint8_t code, uint8_t v);
bool dhcp4_build_u16(struct dhcp4_build *b, uint8_t code, uint16_t v);
bool dhcp4_build_u32(struct dhcp4_build *b, uint8_t code, uint32_t v);
/* Keeps room in the options field for an option of n bytes that must fit later; released before it is added.
 */
bool dhcp4_build_reserve(struct dhcp4_build *b, size_t n);
void dhcp4_build_release(struct dhcp4_build *b, size_t n);
/* Option overload where needed, End, and Pad up to DHCP4_BYTES_LEAST. False (and out has failed) when there
 * was no room for a message at all. */
bool dhcp4_build_close(struct dhcp4_build *b);

/* ---- for people ------------------------------------------------------------------------ */

/* "DISCOVER"; "?" for an unknown type. Constant text. */
const char *dhcp4_type_name(uint8_t type);
/* The value as its type says: "192.168.1.1, 192.168.1.2", "600", "mydomain.example", or hexadecimal. Bytes
 * that are not printable ASCII are written \xNN. */
void dhcp4_write_value(struct writer *w, uint8_t code, struct span value);

#endif
