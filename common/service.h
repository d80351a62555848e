/* How a program or the lab holds any server. */
#ifndef WIRELAB_SERVICE_H
#define WIRELAB_SERVICE_H

#include "config.h"
#include "event.h"
#include "loop.h"
#include "problem.h"
#include "rng.h"
#include "store.h"
#include "tls.h"

/* What a running service stands on; daemon.c's. */
struct home {
    struct loop *loop;
    struct events *events;
    struct tls_home *tls;
    struct rng rng;
    const char *state_directory;
    const char *store_url; /* NULL: the store is a file there */
    struct store *store;   /* home_store() opens it on first use */
    struct copies *copies; /* of zones, on their way to the disk (dnsd/copy.c); NULL: none */
    /* Where home_listening() goes; NULL: nobody asks. */
    void (*listening)(struct home *h, const char *service, const char *protocol, const struct endpoint *at,
                      const char *try);
};

/* The store, opened on first use; NULL, and *p says why. */
struct store *home_store(struct home *h, struct problem *p);
/* Tells that a socket listens: for the ready line and the table. `try` is a command to try, or NULL; a "%s"
 * in it becomes the address, "%p" the port. Called from start(). */
static inline void home_listening(struct home *h, const char *service, const char *protocol,
                                  const struct endpoint *at, const char *try)
{
    if (h->listening)
        h->listening(h, service, protocol, at, try);
}

struct service; /* each server's own */
struct http_exchange;

struct service_type {
    const char *name;    /* the section and the program: "dhcpd" */
    const char *summary; /* one line for --help */
    const struct config_key *keys;
    /* The section -> an immutable structure of the server's own, or NULL after config_problem(). Opens
     * nothing. */
    void *(*configure)(struct config *c, const struct config_section *s);
    void (*forget)(void *settings);
    /* Reads the files that the settings name, and opens nothing else; says on standard error what is wrong
     * with them, and where. False: something is. NULL: there are none. */
    bool (*check)(const void *settings);
    /* Opens everything, or nothing: NULL, and *p says why and what to do. Takes the settings over if it
     * succeeds. */
    struct service *(*start)(struct home *h, void *settings, struct problem *p);
    /* Reads what new settings name, so that reload() needs not: on a thread, while the service lives on. Of
     * the service it sees what only start() and reload() change. NULL: there is nothing to read. */
    void (*prepare)(const struct service *s, void *settings);
    /* Takes the new settings over and lives by them; false (and they stay the caller's): the old ones stay.
     */
    bool (*reload)(struct service *s, void *settings, struct problem *p);
    /* Accepts nothing new and finishes what is in hand; busy() turns false when that is done. */
    void (*drain)(struct service *s);
    bool (*busy)(const struct service *s);
    /* A request to /NAME/PATH at the program's door (control.h); NULL: the service takes none. */
    void (*control)(struct service *s, struct http_exchange *x, struct span path);
    /* What it has to tell of itself, by metric_line() (metrics.h); NULL: nothing but its events. */
    void (*measure)(struct service *s, struct http_exchange *x);
    /* Ends at once. All its loop handles are asked to close. */
    void (*stop)(struct service *s);
};

extern const struct service_type dhcpd_service, dnsd_service, httpd_service, imapd_service, smtpd_service;
/* Every server there is, ended by NULL: services.c. */
extern const struct service_type *const all_services[];

#endif
