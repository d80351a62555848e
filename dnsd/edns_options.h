/* The options of EDNS that a server knows: NSID (RFC 5001), cookies (RFC 7873), the keepalive of a TCP
 * connection (RFC 7828), padding (RFC 7830, RFC 8467), extended errors (RFC 8914). Others are ignored (RFC
 * 6891 6.1.2). A query without options costs one comparison. */
#ifndef WIRELAB_DNSD_EDNS_OPTIONS_H
#define WIRELAB_DNSD_EDNS_OPTIONS_H

#include "cookie.h"
#include "wire/dns.h"

#define EDNS_NSID_BYTES_MAX 128

/* What the server says of itself; both texts live as long as it. */
struct edns_settings {
    struct span nsid;    /* its name among many of one address; empty: it has none */
    struct span version; /* of the program, for those who ask by CH TXT; empty: nobody is told */
    struct cookie_secrets cookies;
    bool require_cookies;   /* by UDP */
    uint32_t cookies_above; /* the same while so many messages a second come to one thread; 0: never */
    uint16_t keepalive;     /* RFC 7828 3.1: how long a silent connection stays, in tenths of a second */
};

enum edns_transport { EDNS_UDP, EDNS_TCP, EDNS_TLS };

static inline enum edns_transport edns_transport_of(bool over_tcp, bool over_tls)
{
    return over_tls ? EDNS_TLS : over_tcp ? EDNS_TCP : EDNS_UDP;
}

/* What a query asks for by its options. */
struct edns_asked {
    bool any; /* of what follows */
    bool nsid, keepalive, padding;
    bool cookie;
    enum cookie_state state;
    uint8_t client[COOKIE_CLIENT_BYTES];
    uint8_t server[COOKIE_SERVER_BYTES]; /* what goes back */
};

/* RFC 8914 5.2; 0 is "other". */
enum edns_fault {
    EDNS_FAULT_OTHER = 0,
    EDNS_FAULT_CACHED_ERROR = 13,
    EDNS_FAULT_NOT_READY = 14,
    EDNS_FAULT_PROHIBITED = 18,
    EDNS_FAULT_NOT_AUTHORITATIVE = 20,
    EDNS_FAULT_INVALID_DATA = 24,
    EDNS_FAULT_NONE = 0xFFFF, /* no option at all */
};

struct edns_fault_text {
    uint16_t code; /* enum edns_fault, or another of RFC 8914 */
    const char *text;
};

/* Who asks, how and when. */
struct edns_asker {
    const struct address *peer;
    enum edns_transport transport;
    uint32_t unix_s;
};

/* Reads the options of a query; they were checked for their lengths. Gives what is wrong with them (FORMERR),
 * or NULL; *out is filled in any case. */
const char *edns_options_read(struct span options, const struct edns_settings *s,
                              const struct edns_asker *from, struct edns_asked *out);
/* How much of the reply has to stay free for what edns_options_write() must write. */
size_t edns_options_bytes(const struct edns_asked *a, const struct edns_settings *s);
/* Writes into the OPT that ends the reply in the writer and has no options yet: the whole may be `limit`
 * octets long, and `behind` octets follow it. What must not be missing was kept free; the rest is left out
 * where there is no room. */
void edns_options_write(const struct edns_asked *a, const struct edns_settings *s,
                        struct edns_fault_text fault, size_t limit, size_t behind, struct writer *w);

#endif
