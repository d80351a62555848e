/* For the files that make messages (view_*.c), one a protocol. */
#ifndef WIRELAB_VIEW_MAKE_H
#define WIRELAB_VIEW_MAKE_H

#include "view.h"
#include "view_stream.h"

#include "wire/frame.h"
#include "wire/http.h"
#include "wire/smtp.h"

/* ---- a message in the making ------------------------------------------------------------------------ */

struct view_make {
    struct view_message message;
    struct writer text; /* where its texts live */
    uint8_t room[VIEW_TEXT_BYTES];
};

/* Copies text into the message's room; cut at VIEW_VALUE_BYTES, empty when there is no more room. */
struct span view_keep(struct view_make *m, struct span text);
struct span view_format(struct view_make *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
void view_word(struct view_make *m, enum view_protocol p, const char *word);
/* Adds a field. The name must be constant text; the value is copied. */
void view_add(struct view_make *m, const char *name, struct span value);
void view_add_text(struct view_make *m, const char *name, const char *value);
void view_add_number(struct view_make *m, const char *name, uint64_t value);
void view_add_address(struct view_make *m, const char *name, struct address a);
/* Adds to what stands on the line: as it is, formatted, or "name value" of a field that is there. */
void view_show(struct view_make *m, struct span text);
void view_show_format(struct view_make *m, const char *format, ...) __attribute__((format(printf, 2, 3)));
void view_show_field(struct view_make *m, const char *name);
/* The value of a field that was added; empty when it is not there. */
struct span view_added(const struct view_make *m, const char *name);
void view_say(struct view_make *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* For printf's %.*s: `SPAN(s)` gives both arguments. */
#define SPAN(s) (int)(s).len, (s).len ? (const char *)(s).at : ""

/* ---- a packet ------------------------------------------------------------------------------------------ */

#define VIEW_EXTENSIONS_MAX 16 /* IPv6 extension headers of one packet */

struct view_packet {
    struct view_end from, to;
    bool everyone;
    uint16_t type;    /* Ethernet's */
    uint8_t protocol; /* IP's; of IPv6 what follows the extension headers */
    uint8_t ttl;
    bool has_ip;
    bool fragment;        /* inside is a part of what was sent */
    size_t offset;        /* of the part */
    bool more;            /* parts follow */
    struct reader inside; /* what the innermost header that was read carries, without padding */
    size_t missing;       /* bytes of it that the capture did not keep */
    const char *fault;    /* what could not be read; NULL: all was fine. Constant text */
};

/* Reads link layer and IP. False: not even that, and p->fault says why. */
bool view_packet_read(struct view_packet *p, const struct view_frame *f);

/* ---- protocols of packets: each makes one message of it --------------------------------------------------
 */

void view_arp(struct view_make *m, const struct view_packet *p);
void view_icmp(struct view_make *m, const struct view_packet *p);
void view_icmp6(struct view_make *m, const struct view_packet *p);
/* False: it is no such message. */
bool view_dhcp4(struct view_make *m, struct span payload);
bool view_dhcp6(struct view_make *m, struct span payload);
bool view_dns(struct view_make *m, struct span payload, bool tcp);

/* ---- protocols of connections
 * ------------------------------------------------------------------------------ */

enum view_side { VIEW_CLIENT, VIEW_SERVER, VIEW_SIDES };

/* What a side of a connection is in the middle of; each protocol uses what it needs. */
enum view_state {
    VIEW_STATE_START,
    VIEW_STATE_BODY,     /* of `left` bytes, behind a head of `held` bytes that stays in the stream */
    VIEW_STATE_CHUNKS,   /* a body of chunks */
    VIEW_STATE_TO_CLOSE, /* a body that the end of the stream ends */
    VIEW_STATE_TEXT,     /* SMTP: a message's text */
    VIEW_STATE_RESYNC,   /* something is missing: bytes up to the next line end are stepped over */
    VIEW_STATE_LOST,     /* what comes can only be counted */
};

struct view_flow {
    struct view_stream stream;
    enum view_state state;
    size_t held;                  /* bytes of a head that stay in the stream */
    uint64_t body, left, missing; /* of what is behind it: bytes so far, still to come, not captured */
    struct http_chunked chunks;
    struct smtp_dot_decoder dots; /* SMTP: of a message's text */
    bool encrypted;               /* TLS: what comes is not readable */
    unsigned code;                /* SMTP: of the reply that came last */
};

#define VIEW_METHODS_MAX 32 /* HTTP requests without their answers, of one connection */

struct view_connection {
    bool used, sniffed;          /* the protocol is settled */
    enum view_protocol protocol; /* VIEW_TCP: not known, its bytes are only counted */
    struct view_end ends[VIEW_SIDES];
    struct view_flow flows[VIEW_SIDES];
    uint64_t last_frame;
    /* SMTP and IMAP */
    bool tls_asked;
    uint8_t tag[32]; /* IMAP: of the STARTTLS under way */
    size_t tag_length;
    bool data_asked; /* SMTP: DATA was sent, and what comes next depends on the answer */
    /* HTTP: whether each request without its answer was HEAD, the oldest first */
    bool heads[VIEW_METHODS_MAX];
    size_t head_count;
};

/* The next message of what a side has sent; false: nothing is whole. Each call that gives true takes bytes.
 */
typedef bool view_flow_fn(struct view_make *m, struct view_connection *c, enum view_side side);

view_flow_fn view_dns_next, view_http_next, view_smtp_next, view_imap_next, view_tls_next;
/* What cannot be read any further: all that is there, as one message that says how much. */
bool view_data_next(struct view_make *m, struct view_connection *c, enum view_side side);

/* ---- connections
 * ---------------------------------------------------------------------------------------------- */

struct view_tcp {
    struct view_connection connections[VIEW_CONNECTIONS_MAX];
    /* the segment that was taken last */
    struct view_connection *connection;
    enum view_side side; /* that sent it */
    uint8_t flags;
    uint32_t sequence, acknowledgement;
    uint16_t window;
    size_t bytes;
    enum view_came came;
    unsigned stage;
    bool told;        /* a message was made of it */
    size_t finishing; /* connections before this one are finished */
};

/* False: the segment has no whole header. */
bool view_tcp_take(struct view_tcp *t, struct view_packet *p, uint64_t frame);
/* The next message of the segment; false after the last. The message's ends are set. */
bool view_tcp_next(struct view_tcp *t, struct view_make *m);
/* The next message of what connections hold at the end of a capture; false after the last. */
bool view_tcp_finish(struct view_tcp *t, struct view_make *m);
void view_tcp_close(struct view_tcp *t);

/* A line that is whole, without its end; *taken counts the end, too. False: none is. */
bool view_line(struct span in, struct span *line, size_t *taken);

#endif
