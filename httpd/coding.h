/* The content of an answer whose length is not known before, as it is or as gzip (RFC 9110 8.4.1.3). */
#ifndef WIRELAB_HTTPD_CODING_H
#define WIRELAB_HTTPD_CODING_H

#include "http_server.h"

#include <zlib.h>

#define CODING_LEVEL 6 /* zlib's own middle: what is written per request must not cost more than it saves */
#define CODING_BYTES 4096 /* of gzip in one piece */

/* From coding_begin() to coding_end(), on the stack of one answer. */
struct coding {
    struct http_exchange *x;
    bool gzip;
    z_stream stream;
};

/* Begins the answer; `lines` are its field lines but for the coding's own. gzip when the client takes it. */
void coding_begin(struct coding *c, struct http_exchange *x, unsigned status, struct writer *lines);
void coding_piece(struct coding *c, struct span piece);
void coding_end(struct coding *c);

/* A whole content as gzip; its length, 0 when it does not fit. */
size_t coding_whole(struct span content, uint8_t *room, size_t room_bytes);

#endif
