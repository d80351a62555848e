/* The clients that play a scenario's steps over sockets: pure. One is told what happened, writes what is to
 * be sent, and says what it wants next; sockets, TLS and clocks are the runner's (lab/act.c).
 *
 *   play client smtp-send                  the word chooses the client_type
 *     server  172.16.16.221                each line is one of its keys
 *     from    sanders@skynet.local
 *     message-file help.eml
 */
#ifndef WIRELAB_CLIENT_H
#define WIRELAB_CLIENT_H

#include "arena.h"
#include "endpoint.h"
#include "problem.h"
#include "rng.h"
#include "timer.h"
#include "wire/wire.h"

#define CLIENT_WORDS_MAX    16           /* of one line */
#define CLIENT_SETTINGS_MAX 32           /* lines of one step */
#define CLIENT_OUT_BYTES    (128 * 1024) /* room of `out` in one call; a DNS message and its length fit */
#define CLIENT_MEMORY_BYTES 1024
#define CLIENT_IN_BYTES_MAX (4 * 1024 * 1024) /* what a client may leave untaken: a message in a mailbox */

/* ---- what the lines of a step may say ---------------------------------------------------------------------
 */

enum client_value {
    CLIENT_VALUE_WORDS, /* words on the line */
    CLIENT_VALUE_BLOCK, /* the lines below it up to `end`, less the blanks that all of them begin with */
    CLIENT_VALUE_FILE,  /* a path, from the scenario's directory; its bytes come with the step */
};

struct client_key {
    const char *name;
    enum client_value value;
    uint8_t least, most; /* words after the name */
    bool required, repeats;
    /* Whether these words are right; NULL: any are. The remedy for wrong ones is the example. */
    bool (*check)(const struct span *words, size_t count);
    const char *example; /* a whole line: "server 172.16.16.139" */
    const char *meaning; /* for the manual: "whom to ask; port 53 where none is given" */
};

struct client_setting {
    const struct client_key *key;
    unsigned line;
    struct span words[CLIENT_WORDS_MAX]; /* without quotes */
    size_t word_count;
    struct span bytes; /* of a block, its lines ended by LF; of a file as they are */
};

/* ---- what happens, what is wanted -------------------------------------------------------------------------
 */

enum client_event {
    CLIENT_BEGIN,
    CLIENT_CONNECTED, /* the TCP connection is there */
    CLIENT_SECURED,   /* TLS is */
    CLIENT_SENT,      /* what was written with CLIENT_AGAIN is on its way, in segments of its own */
    CLIENT_BYTES,     /* bytes of the connection, those not taken before in front; or one datagram */
    CLIENT_CLOSED,    /* the peer ended the connection */
    CLIENT_DUE,       /* due_ms has come */
};

/* What was written to `out` is sent first, over what there is: the connection, or as one datagram. */
enum client_wish {
    CLIENT_WAIT,     /* for bytes, an end, or due_ms */
    CLIENT_AGAIN,    /* CLIENT_SENT at once: the next bytes begin a segment of their own */
    CLIENT_DATAGRAM, /* `out` is a datagram to `server`; then as CLIENT_WAIT. A socket of a random port */
    CLIENT_CONNECT,  /* to `server` by TCP; ends the connection or socket that there was */
    CLIENT_TLS,      /* TLS as a client, for tls_name; clear bytes not taken are thrown away */
    CLIENT_DONE,     /* the connection is ended in order */
    CLIENT_FAILED,   /* and `problem` says why */
};

struct client_type;
/* The head of every client's own struct. */
struct client {
    const struct client_type *type;
    const struct client_setting *settings;
    size_t setting_count;
    struct arena *arena; /* lives as long as the client */
    struct rng rng;      /* for identifiers */
    struct endpoint server;
    uint16_t local_port; /* of datagrams; 0: any. Another one is bound to the host's interface alone */
    uint8_t hardware[6]; /* the host's */
    uint8_t *memory; /* the host's, CLIENT_MEMORY_BYTES: what one step leaves to a later one; zero at first */
    struct {
        struct address address; /* of no family: none */
        uint8_t bits;
    } gets, leaves;         /* addresses for the interface, and no longer for it, when all is done */
    const char *tls_name;   /* SNI and the name the certificate must have; NULL: the address */
    uint64_t due_ms;        /* mono, 0: never; the step's own deadline is the runner's */
    struct problem problem; /* what failed, and the remedy */
};

struct client_type {
    const char *word;    /* "smtp-send" */
    const char *meaning; /* for the manual: "sends a message" */
    const struct client_key *keys;
    size_t key_count;
    size_t bytes; /* of its struct, all zero before CLIENT_BEGIN but for the head */
    /* `in` counts for CLIENT_BYTES; *taken is 0 before, and of a datagram it does not matter. When some were
     * taken and some are left, these come again at once. */
    enum client_wish (*step)(struct client *c, enum client_event event, struct span in, size_t *taken,
                             struct now now, struct writer *out);
    /* What it waits for now, for the message when the step takes too long: "no answer to RCPT". Constant. */
    const char *(*fault)(const struct client *c);
};

/* All of them, ended by NULL; lab/client_WHAT.c each. */
extern const struct client_type *const client_types[];
extern const struct client_type client_dhcp6_acquire, client_dhcp6_confirm, client_dhcp6_renew,
    client_dhcp6_rebind, client_dhcp6_release, client_dhcp6_decline, client_dhcp6_inform;
extern const struct client_type client_dns_query, client_dns_transfer, client_dns_update, client_http,
    client_imap, client_smtp_send, client_tcp;
/* NULL: none has this word. */
const struct client_type *client_type_of(struct span word);
const struct client_key *client_key_of(const struct client_type *t, struct span name);

/* ---- for the clients --------------------------------------------------------------------------------------
 */

/* The n-th line with this key, from 0; NULL: there are not so many. */
const struct client_setting *client_setting(const struct client *c, const char *key, size_t n);
/* The first word of the first line with this key; `otherwise` when there is none. */
struct span client_word(const struct client *c, const char *key, const char *otherwise);
/* `server` from the line of that name; false (never, when check was client_is_endpoint) when it is no
 * address. */
bool client_find_server(struct client *c, uint16_t port);
/* For struct client_key: one word that is an address, with or without a port; a number below 65536. */
bool client_is_endpoint(const struct span *words, size_t count);
bool client_is_number(const struct span *words, size_t count);
/* One word, "yes" or "no". */
bool client_is_yes_no(const struct span *words, size_t count);
/* The line with this key says "no". */
bool client_says_no(const struct client *c, const char *key);
/* The number on the line with this key; `otherwise` when there is none. */
uint64_t client_number(const struct client *c, const char *key, uint64_t otherwise);
/* The wish, or a failure when what was written did not fit into `out`. */
enum client_wish client_written(struct client *c, const struct writer *out, enum client_wish wish);
/* Sets the problem; returns CLIENT_FAILED. */
enum client_wish client_fail(struct client *c, const char *remedy, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with a colon and the server's own words behind it, escaped. */
enum client_wish client_refused(struct client *c, const char *remedy, struct span words, const char *format,
                                ...) __attribute__((format(printf, 4, 5)));

#endif
