/* A message as RFC 5322 and MIME (RFC 2045 .. 2047) see it: fields, addresses, the tree of parts, encodings.
 * Reads any bytes: what is malformed is read as far as it goes, and the rest is text. Pure.
 *
 * Everything points into the message's text, which has CRLF at its line ends. */
#ifndef WIRELAB_WIRE_MIME_H
#define WIRELAB_WIRE_MIME_H

#include "wire.h"

#define MIME_DEPTH_MAX    32   /* parts inside each other; deeper ones are text of the part around them */
#define MIME_PARTS_MAX    1000 /* parts of a message; more are text of the part around them */
#define MIME_BOUNDARY_MAX 200  /* RFC 2046 5.1.1 allows 70 */

/* ---- fields ------------------------------------------------------------------------------ */

struct mime_field {
    struct span name;
    struct span value; /* without white space around it; may be folded */
    struct span whole; /* the field with its CRLF */
};
/* The next field of a header; false at its end. Lines that are no fields are passed over. */
bool mime_next_field(struct reader *header, struct mime_field *out);
/* The value of the first field of this name; at == NULL when there is none, which the readers of values below
 * take as an empty one. */
struct span mime_find_field(struct span header, struct span name);
/* Without the CRLF of the folding (RFC 5322 2.2.3). */
void mime_write_unfolded(struct writer *w, struct span value);
/* The date of a Date field as unix time, and the seconds that its writer is ahead of UTC; -1 when it is none.
 */
int64_t mime_parse_date(struct span value, int64_t *zone_s);

/* ---- values with parameters ----------------------------------------------------------------- */

/* "text/plain; charset=utf-8", "attachment; filename=x": reads up to the parameters. An empty type when there
 * is none. */
struct mime_value {
    struct span type, subtype;
    struct reader parameters;
};
struct mime_value mime_parse_value(struct span value);
/* The next parameter; its value goes into `value` without quotes. False at the end. */
bool mime_next_parameter(struct reader *parameters, struct span *name, struct writer *value);

/* ---- addresses ------------------------------------------------------------------------------ */

enum mime_address_kind { MIME_ADDRESS, MIME_GROUP, MIME_GROUP_END };
struct mime_address {
    enum mime_address_kind kind;
    struct span name;   /* the display name, or a comment; of a group: its name; at == NULL: none */
    struct span route;  /* of an obsolete source route; at == NULL: none */
    struct span local;  /* before the @ */
    struct span domain; /* behind it; empty when there was no @ */
};
struct mime_addresses {
    struct reader left;
    bool in_group;
};
struct mime_addresses mime_addresses_of(struct span value);
/* The next one; false at the end. The texts go into `room`, which needs as many octets as the value has
 * left, and stay valid with it. */
bool mime_next_address(struct mime_addresses *a, struct writer *room, struct mime_address *out);

/* ---- parts --------------------------------------------------------------------------------- */

enum mime_kind {
    MIME_LEAF,
    MIME_MULTIPART, /* its children are its parts */
    MIME_MESSAGE,   /* message/rfc822: its one child is that message */
};

#define MIME_NONE UINT32_MAX
struct mime_part {
    struct span header, body;  /* the header with its empty line; the body without the delimiter's CRLF */
    struct span content_type;  /* the field's value; empty: the default */
    struct span type, subtype; /* "text" and "plain" where nothing else is said */
    enum mime_kind kind;
    uint32_t parent, child, last_child, next; /* places in the array, or MIME_NONE */
    uint32_t depth;
};

struct mime_tree {
    struct mime_part *parts; /* the caller's; [0] is the message itself */
    size_t count, room;
};
/* Fills the tree; never more than its room (at least 1). */
void mime_parse(struct mime_tree *t, struct span text);

/* ---- encodings ------------------------------------------------------------------------------ */

/* Encoded words (RFC 2047) become UTF-8; folding goes away. What is in a character set that is not known here
 * keeps its bytes. Needs a room of twice the value's length. */
void mime_write_decoded_words(struct writer *w, struct span value);
/* A body by its Content-Transfer-Encoding. Needs the body's length. What is none of the encoding is left
 * out. */
void mime_write_decoded_body(struct writer *w, struct span body, struct span encoding);
/* The bytes that base64 stands for; false when it is anything but whole, canonical base64 (RFC 4648 4). */
bool mime_write_base64_strict(struct writer *w, struct span text);

#endif
