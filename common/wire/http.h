/* HTTP/1.0 and 1.1 messages (RFC 9112): heads parsed in place, framing decided in one look, chunks decoded
 * and encoded. Lines end in CRLF and nothing else; what one reader could take for another thing than the next
 * is refused. */
#ifndef WIRELAB_HTTP_H
#define WIRELAB_HTTP_H

#include "wire.h"

#define HTTP_FIELDS_MAX     100         /* more are answered with 431 */
#define HTTP_OVERHEAD_FIXED (16 * 1024) /* of a chunked body: size lines, extensions, trailers */

enum http_parse { HTTP_DONE, HTTP_MORE, HTTP_BAD };

struct http_field {
    struct span name, value; /* the value without white space around it */
};

/* Why a message was refused: the status to answer with, and the reason in words. */
struct http_fault {
    unsigned status;
    const char *reason;
};

/* All spans point into the bytes that were parsed. */
struct http_request {
    struct span method, target;
    uint8_t minor; /* HTTP/1.minor */
    size_t field_count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

struct http_response {
    unsigned status;
    struct span reason;
    uint8_t minor;
    size_t field_count;
    struct http_field fields[HTTP_FIELDS_MAX];
};

struct http_limits {
    size_t line_bytes_max; /* of the request line: 414 */
    size_t head_bytes_max; /* of the whole head: 431 */
};

/* DONE: *taken bytes were the head, empty lines before it included. MORE: the head is not whole; *taken is 0,
 * or the length of `in` when that is but an empty line (RFC 9112 2.2) that can be forgotten. BAD: *fault is
 * set; of a response only its reason counts. */
enum http_parse http_parse_request(struct span in, const struct http_limits *limits, struct http_request *out,
                                   size_t *taken, struct http_fault *fault);
enum http_parse http_parse_response(struct span in, const struct http_limits *limits,
                                    struct http_response *out, size_t *taken, struct http_fault *fault);

/* The value of the first field of this name; at == NULL when there is none. */
struct span http_field(const struct http_field *fields, size_t count, const char *name);
size_t http_field_count(const struct http_field *fields, size_t count, const char *name);
/* Does any field of this name hold this token in its comma-separated list (RFC 9110 5.6.1)? */
bool http_field_has_token(const struct http_field *fields, size_t count, const char *name, const char *token);
bool http_is_token(struct span s);
/* RFC 9110 5.5: visible characters, spaces, tabs, bytes from 0x80 on; no control character, no line end. */
bool http_is_field_value(struct span s);

/* ---- framing (RFC 9112 6) ----------------------------------------------------------------- */

enum http_body { HTTP_BODY_NONE, HTTP_BODY_LENGTH, HTTP_BODY_CHUNKED, HTTP_BODY_UNTIL_CLOSE, HTTP_BODY_BAD };

struct http_framing {
    enum http_body kind;
    uint64_t length;         /* LENGTH */
    struct http_fault fault; /* BAD: the connection must end after the answer */
};

struct http_framing http_request_framing(const struct http_request *r);
/* `head`: the request was HEAD. */
struct http_framing http_response_framing(const struct http_response *r, bool head);
/* Whether the connection stays open after the answer (RFC 9112 9.3). */
bool http_keeps_alive(const struct http_request *r);

/* ---- the target (RFC 9112 3.2, 3.3) --------------------------------------------------------- */

struct http_target {
    struct span host;  /* from the target or the Host field, without its port; empty: HTTP/1.0 without one */
    struct span path;  /* as written, beginning with "/"; "*" for OPTIONS *; empty for CONNECT */
    struct span query; /* without "?"; at == NULL: none */
};

/* False: *fault says what is wrong with the target or with Host. */
bool http_request_target(const struct http_request *r, struct http_target *out, struct http_fault *fault);
/* Percent-decodes a path, takes its dot segments out and makes one slash of several, so that a file has one
 * name. False: a broken escape, a NUL, a way above the root, or `out` is full (then it is failed). */
bool http_decode_path(struct span path, struct writer *out);
/* The inverse: what may not stand in a path is percent-encoded. */
void http_write_path(struct writer *w, struct span path);

/* ---- chunks (RFC 9112 7.1) -------------------------------------------------------------------- */

enum http_chunk_state {
    CHUNK_SIZE,
    CHUNK_SIZE_SPACE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_NAME,
    CHUNK_TRAILER_VALUE,
    CHUNK_TRAILER_LF,
    CHUNK_LAST_LF,
    CHUNK_END
};

/* Set to zero to begin. */
struct http_chunked {
    enum http_chunk_state state;
    uint64_t left;     /* of the present chunk */
    uint64_t content;  /* so far */
    uint64_t overhead; /* so far: bounded by HTTP_OVERHEAD_FIXED + content */
    unsigned digits;
};

/* Takes bytes up to the end of the next run of content: *content is that run (in place), empty when there is
 * none. DONE: the body is over, trailers included. BAD: it is not chunked as the RFC says. */
enum http_parse http_chunk_next(struct http_chunked *c, struct reader *in, struct span *content);
/* Encodes one piece (nothing for an empty one); the last-chunk. */
void http_write_chunk(struct writer *w, struct span content);
void http_write_last_chunk(struct writer *w);

/* ---- building ---------------------------------------------------------------------------------- */

/* "Not Found"; "Status" for a code without a phrase of its own. Constant text. */
const char *http_status_phrase(unsigned status);
/* "HTTP/1.1 404 Not Found\r\n" */
void http_write_status_line(struct writer *w, unsigned status);
void http_write_request_line(struct writer *w, const char *method, struct span target);
void http_write_field(struct writer *w, const char *name, struct span value);

#endif
