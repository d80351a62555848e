/* What crossed a wire, for people: frames in their order become messages, each with its protocol's word, its
 * fields as text, what of it belongs on one line, one sentence.
 *
 * A message that came in several TCP segments appears once, with the frame that completed it; several
 * messages of one frame appear one after the other (`part` counts them). After STARTTLS a connection is TLS.
 * What was cut off, was not captured or is no message at all becomes a message, too: nothing is left out in
 * silence.
 *
 * Words and fields are named in view_words.c, which `wirelab help expect` prints. The fields of every
 * message: protocol, frame, part, ip-source, ip-destination, source-port, destination-port. */
#ifndef WIRELAB_VIEW_H
#define WIRELAB_VIEW_H

#include "endpoint.h"

#define VIEW_FIELDS_MAX      128         /* of one message; a DHCP message has the most */
#define VIEW_SHOWN_MAX       16          /* parts of a line */
#define VIEW_TEXT_BYTES      (32 * 1024) /* of all texts of one message; what does not fit is left out */
#define VIEW_VALUE_BYTES     4096        /* of one text */
#define VIEW_CONNECTIONS_MAX 256         /* TCP; beyond, the one that was silent longest is forgotten */

enum view_protocol {
    VIEW_OTHER, /* a frame of no protocol known here, or one that is damaged */
    VIEW_ARP,
    VIEW_IP, /* fragments, protocols not known here */
    VIEW_ICMP,
    VIEW_ICMP6,
    VIEW_UDP,
    VIEW_TCP,
    VIEW_DHCP4,
    VIEW_DHCP6,
    VIEW_DNS,
    VIEW_HTTP,
    VIEW_SMTP,
    VIEW_IMAP,
    VIEW_TLS,
    VIEW_PROTOCOLS
};

/* What a message is worth to who reads a figure. */
enum view_weight {
    VIEW_APPLICATION, /* what the conversation is about */
    VIEW_CONTROL,     /* ARP, ICMP, neighbour discovery; SYN, FIN, RST: what carries it */
    VIEW_QUIET,       /* acknowledgements, segments of a message that is not whole yet */
};

enum view_link { VIEW_LINK_ETHERNET = 1, VIEW_LINK_RAW = 101, VIEW_LINK_COOKED = 113 };

struct view_frame {
    uint16_t link_type; /* as in captures: view_knows_link() */
    int64_t unix_ns;
    struct span bytes;
    size_t original_bytes; /* on the wire; more than bytes.len where the capture kept a part; 0: the same */
};

/* Addresses of family FAMILY_NONE and ports of 0 are not known. */
struct view_end {
    bool has_hardware;
    uint8_t hardware[6];
    struct address address;
    uint16_t port;
};

struct view_field {
    struct span name, value;
};

struct view_message {
    enum view_protocol protocol;
    enum view_weight weight;
    uint64_t frame; /* counted from 1 */
    unsigned part;  /* of the frame's messages, counted from 1 */
    int64_t unix_ns;
    struct view_end from, to;
    bool everyone; /* broadcast or multicast */
    bool reply;    /* it answers something */
    struct span word;
    struct view_field fields[VIEW_FIELDS_MAX];
    size_t field_count;
    struct span shown[VIEW_SHOWN_MAX]; /* what decides, the most important first */
    size_t shown_count;
    struct span sentence; /* "DISCOVER: a client looks for a server"; may be empty */
};

struct view_world;

/* NULL: no memory. */
struct view_world *view_world_open(void);
void view_world_close(struct view_world *w);
/* Takes the next frame, whose bytes must stay until all its messages were fetched. */
void view_world_take(struct view_world *w, const struct view_frame *f);
/* No frame comes any more: what connections still hold becomes messages. */
void view_world_finish(struct view_world *w);
/* The next message of what was taken last; NULL after the last. It lives until the next call. */
const struct view_message *view_world_next(struct view_world *w);

/* The field as text; false when the message has no such field. */
bool view_field(const struct view_message *m, struct span name, struct span *value);
/* "yiaddr 192.168.1.10, lease-time 600": what decides, as long as it fits; the first part is cut where it
 * does not fit alone. Never fails; writes at most the writer's room. */
void view_write_shown(const struct view_message *m, struct writer *w);
/* "dns", "dhcp4". Constant text. */
const char *view_protocol_name(enum view_protocol p);
bool view_knows_link(uint16_t link_type);

/* ---- for who checks expectations before anything is played (view_words.c) --------------------------------
 */

bool view_knows_word(struct span word);
/* Whether messages of this protocol can have this word. */
bool view_has_word(enum view_protocol p, struct span word);
bool view_knows_field(struct span name);
/* The nearest that there is. Constant text. */
const char *view_nearest_word(const char *word);
const char *view_nearest_field(const char *name);

struct view_row {
    enum view_protocol protocol; /* VIEW_PROTOCOLS: of every message */
    const char *name, *meaning;
};
/* The words and the fields, protocol by protocol; NULL after the last. DHCP's options, which are fields under
 * their names, are not among them. */
const struct view_row *view_word_row(size_t i);
const struct view_row *view_field_row(size_t i);

#endif
