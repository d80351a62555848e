/* What single HTTP fields mean (RFC 9110): dates, entity tags, conditions, ranges, qualities, media types. */
#ifndef WIRELAB_HTTP_FIELDS_H
#define WIRELAB_HTTP_FIELDS_H

#include "http.h"

/* RFC 9110 5.6.7, all three forms, in seconds since 1970; -1: no date. A two-digit year is read as the RFC
 * says, with now_s. */
int64_t http_parse_date(struct span s, int64_t now_s);

/* An entity tag as it is written: "abc" or W/"abc". */
bool http_etag_strong_equal(struct span a, struct span b);
bool http_etag_weak_equal(struct span a, struct span b);

enum http_condition { HTTP_GO_ON, HTTP_NOT_MODIFIED, HTTP_PRECONDITION_FAILED };

/* RFC 9110 13.2.2: the conditions of a request in their order, for a resource that has this tag and date.
 * `safe`: the method is GET or HEAD. */
enum http_condition http_evaluate(const struct http_request *r, bool safe, struct span etag,
                                  int64_t modified_s, int64_t now_s);

enum http_range_state { HTTP_RANGE_NONE, HTTP_RANGE_ONE, HTTP_RANGE_UNSATISFIABLE };

/* The Range of a GET for `length` bytes, If-Range looked at (RFC 9110 13.1.5, 14.2). Several ranges, other
 * units and what does not parse are ignored, as the RFC allows. ONE: *first .. *last, both included. */
enum http_range_state http_range(const struct http_request *r, uint64_t length, struct span etag,
                                 int64_t modified_s, int64_t now_s, uint64_t *first, uint64_t *last);

/* Whether content may be sent as gzip: Accept-Encoding gives it a quality above 0, and none less than that of
 * identity where it names that (RFC 9110 12.5.3). */
bool http_takes_gzip(const struct http_request *r);

/* The media type for a path, by what follows its last dot; application/octet-stream when it is unknown. */
const char *http_media_type(struct span path);
/* Worth compressing: text and what is written like it. */
bool http_media_type_is_text(const char *type);

#endif
