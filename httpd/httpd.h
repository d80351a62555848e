/* httpd: sites of files, and forms whose entries are kept. What its rooms share. */
#ifndef WIRELAB_HTTPD_H
#define WIRELAB_HTTPD_H

#include "endpoint.h"
#include "service.h"
#include "wire/http.h"

#include <stdio.h>

struct http_cookie {
    const char *name, *field; /* the cookie, and the field of the form whose value it gets */
};

/* A form: a POST to `path` keeps the fields and sends the client to the page that shows them. */
struct http_form {
    const char *path;   /* "/comment" */
    const char *page;   /* the page, a file of the site, that shows the entries */
    unsigned status;    /* 302 or 303 */
    const char *then;   /* where the client is sent; {id} is the entry's number */
    const char *anchor; /* the id of an entry's element in the page: what stands behind # in `then` */
    int64_t first_id;   /* the least number that an entry gets */
    const struct http_cookie *cookies;
    size_t cookie_count;
    int64_t cookie_s;        /* how long the client keeps them; 0: until it ends */
    const char *const *show; /* the fields that the page shows; none: all */
    size_t show_count;
    struct span headers; /* of the answer to the POST, each with its CRLF */
};

struct http_site {
    const char *host; /* in lower case; "default": for every other host */
    const char *root;
    const char *index;             /* what a path that ends in "/" means */
    bool listing;                  /* a directory without it is listed */
    const char *certificate, *key; /* NULL: the lab's CA makes them */
    struct span headers;           /* the site's own field lines, each with its CRLF */
    const struct http_form *forms;
    size_t form_count;
};

#define HTTP_HEADERS_MAX 4096 /* bytes of the lines of a site or a form: far above what clients take well */

struct http_settings {
    struct arena memory;
    struct endpoint *listen, *listen_tls;
    size_t listen_count, listen_tls_count;
    struct http_site *sites;
    size_t site_count;
    struct http_limits limits;
    size_t body_bytes_max, connections_max;
    uint64_t idle_ms, head_ms, body_ms, write_ms;
};

extern const struct config_key httpd_keys[];
void *httpd_configure(struct config *c, const struct config_section *s);
void httpd_forget(void *settings);

#endif
