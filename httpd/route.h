/* What a request means, pure: host, path and method, before any file is looked at. */
#ifndef WIRELAB_HTTPD_ROUTE_H
#define WIRELAB_HTTPD_ROUTE_H

#include "http_server.h"
#include "httpd.h"

#define ROUTE_PATH_MAX 4096

enum route_kind {
    ROUTE_FILE,    /* path: decoded, beginning with "/", the index filled in */
    ROUTE_PAGE,    /* the same, and entries of `form` are shown in it */
    ROUTE_POST,    /* an entry for `form` */
    ROUTE_OPTIONS, /* what is allowed here */
    ROUTE_REFUSED, /* status */
};

struct route {
    enum route_kind kind;
    const struct http_site *site;
    const struct http_form *form;
    unsigned status;
    const char *reason;
    const char *allow; /* for 405 and OPTIONS */
    char path[ROUTE_PATH_MAX];
    size_t path_len;
    size_t directory_len; /* of the path without its index; 0: it did not end in "/" */
};

/* The site for a host; the default one, else the first, where no name fits. */
const struct http_site *route_site(const struct http_settings *t, struct span host);
void route_find(const struct http_settings *t, const struct http_exchange *x, struct route *r);

#endif
