/* The running server, as its two halves know it: server.c owns it, answer.c answers with it. */
#ifndef WIRELAB_HTTPD_SERVER_H
#define WIRELAB_HTTPD_SERVER_H

#include "entries.h"
#include "files.h"
#include "http_server.h"
#include "pages.h"
#include "route.h"

#define LINES_BYTES (16 * 1024) /* of field lines that are made for one answer */

struct site_listener {
    struct service *server;
    struct listener *listener;
    bool tls;
};

struct service {
    struct home *home;
    struct http_settings *settings;
    struct http_server *http;
    struct files *files;
    struct entries entries;
    struct tls_context *tls;
    struct site_listener *listeners;
    size_t listener_count;
    struct list posts; /* that wait for their commit */
    bool stopped;
    struct route route; /* of the request being handled */
    char lines[LINES_BYTES];
    uint8_t room[PAGES_ENTRY_ROOM]; /* for a part of a page */
};

/* Answers requests; `owner` is the struct service. */
extern const struct http_handler httpd_handler;
/* Gives all back, once nothing waits for a commit any more. */
void httpd_service_free(struct service *s);

#endif
