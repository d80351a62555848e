/* Request and facts of a file -> status and field lines, pure (RFC 9110 13, 14). */
#ifndef WIRELAB_HTTPD_RESPOND_H
#define WIRELAB_HTTPD_RESPOND_H

#include "http_server.h"

/* What is known of a file that was found. */
struct http_resource {
    uint64_t length;
    int64_t modified_s;
    const char *media_type;
    struct span etag;      /* quotes included */
    struct span etag_gzip; /* of the compressed form; len 0: there is none */
    uint64_t length_gzip;
};

struct http_plan {
    unsigned status;
    bool gzip;             /* send the compressed form */
    uint64_t first, count; /* which bytes of the form chosen */
};

/* GET or HEAD of a file: decides, and writes the field lines that go with it (types, validators, range). */
struct http_plan respond_plan(const struct http_exchange *x, const struct http_resource *f,
                              struct writer *lines);
/* No condition and no range: then the answer is the same for everyone who takes the same coding. */
bool respond_is_plain(const struct http_request *r);
/* The field lines of a whole 200 answer, as respond_plan() writes them. */
void respond_write_lines(struct writer *w, const struct http_resource *f, bool gzip);
/* An entity tag from what changes when a file does, with its quotes. */
void respond_write_etag(struct writer *w, int64_t modified_ns, uint64_t length, uint64_t inode, bool gzip);

#endif
