/* httpd: sites of files, and forms whose entries are kept. What its rooms share. */
#ifndef WIRELAB_HTTPD_H
#define WIRELAB_HTTPD_H

#include "endpoint.h"
#include "service.h"
#include "wire/http.h"

#include <stdio.h>

/* A form: a POST to `path` keeps the fields and sends the client to the page that shows them. */
struct http_form {
    const char *path;           /* "/comment" */
    const char *page;           /* the page, a file of the site, that shows the entries */
    const char *then;           /* where the client is sent; {id} is the entry's number */
    const char *const *cookies; /* names of fields whose values become cookies of the same name */
    size_t cookie_count;
};

struct http_site {
    const char *host; /* in lower case; "default": for every other host */
    const char *root;
    const char *index;             /* what a path that ends in "/" means */
    const char *certificate, *key; /* NULL: the lab's CA makes them */
    struct span headers;           /* the site's own field lines, each with its CRLF */
    const struct http_form *forms;
    size_t form_count;
};

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
