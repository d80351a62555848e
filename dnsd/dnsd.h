/* dnsd: an authoritative name server (RFC 1034, 1035 and what the files here name). Its public face is
 * `dnsd_service`; this header is shared by its own files. */
#ifndef WIRELAB_DNSD_DNSD_H
#define WIRELAB_DNSD_DNSD_H

#include "counts.h"
#include "followers.h"
#include "known.h"
#include "limit.h"
#include "load.h"
#include "policy.h"
#include "recursion.h"
#include "respond.h"
#include "serial.h"
#include "service.h"
#include "stream.h"
#include "transfer.h"
#include "udp.h"
#include "zonefile.h"

/* ---- config.c: the section as an immutable structure ------------------------------------- */

/* Another server, and the key that requests to it are signed with (NULL: none). */
struct dnsd_server {
    struct endpoint at;
    const struct tsig_key *key;
    const char *tls_name; /* whom its certificate must be for; NULL: without TLS */
};

/* One of the zones that are made of another one's addresses. */
struct dnsd_reverse {
    struct dnsd_zone *zone;
    struct dnsd_reverse *next;
};

/* What is done with the digest of a zone (RFC 8976). */
enum dnsd_zonemd { DNSD_ZONEMD_CHECK, DNSD_ZONEMD_IGNORE, DNSD_ZONEMD_MAKE };

struct dnsd_members;
struct member;

struct dnsd_zone {
    const struct dns_name *name;  /* as written */
    const struct dns_name *lower; /* in lower case; often the same */
    const char *file;             /* "": it is fetched, or made of other zones */
    struct dnsd_permits transfer, update;
    struct policies update_policies; /* for those that `update` does not let do everything */
    struct dnsd_permits forward;     /* whose updates are passed on to a primary */
    struct dnsd_permits notify_by;   /* beside the primaries */
    struct dnsd_server *notify;
    size_t notify_count;
    struct dnsd_server *primaries; /* whom it is fetched from, in their order; none: it has a file */
    size_t primary_count;
    size_t max_transfer_bytes;
    uint32_t max_transfer_s;
    bool dnssec, nsec3; /* it signs itself; with NSEC3 */
    uint32_t signature_validity_s;
    bool transfer_tls_only;
    enum dnsd_zonemd zonemd;
    enum serial_policy serial_policy;
    bool is_reverse;                 /* it is made of the addresses of these */
    bool lists_members;              /* it is a catalog made of those zones whose `catalog` it is */
    const struct dnsd_zone *catalog; /* that the zone is listed in; NULL: none */
    const char *catalog_group;
    struct dnsd_members *members; /* it is a catalog whose members are fetched */
    size_t members_count;
    struct member *member; /* such a one itself; NULL: it is in the file */
    struct dnsd_zone **reverse_of;
    size_t reverse_of_count;
    struct dnsd_reverse *reversed_in; /* what is made of this one's */
    struct zonefile_stamp stamp;      /* of the file, when it was read */
    struct source *source;            /* of the file, until it is put into service; NULL: not read yet */
};

static inline bool dnsd_has_file(const struct dnsd_zone *z)
{
    return z->file[0];
}

/* What members of a catalog get. */
struct dnsd_members {
    const char *group;         /* those of this one; "": the others */
    struct dnsd_zone settings; /* without a name */
};

/* Zones for some of those who ask. */
struct dnsd_view {
    const char *name;            /* "": for whom no other view is */
    struct dnsd_permits clients; /* none: everybody */
    bool any_client;
    struct prefix *addresses; /* of the server, that they ask; none: any */
    size_t address_count;
    bool recursion; /* who may have others' names looked up may do so here */
    struct dnsd_zone *zones;
    size_t zone_count;
};

/* DNS over TLS. */
struct dnsd_tls {
    struct endpoint *listen;
    size_t listen_count;
    const char *name;                        /* the server's, in a certificate that is made here */
    const char *certificate_path, *key_path; /* NULL: one is made */
    const char *ca_path;                     /* who issues the certificates of primaries; NULL: nobody */
};

struct dnsd_settings {
    struct arena arena; /* of all that is in here */
    bool has_sources;   /* of zones */
    struct endpoint *listen;
    size_t listen_count;
    size_t workers; /* threads that answer, the main one among them */
    struct tsig_key *keys;
    size_t key_count;
    struct dnsd_view *views; /* the first that fits counts; the last one fits all */
    size_t view_count;
    struct recursion_settings recursion;
    struct edns_settings edns;
    struct dnsd_tls tls;
    struct rate_settings rate;
    bool rotates; /* the records of a set */
    size_t tcp_clients_max;
    uint64_t tcp_idle_ms;
    bool cookies; /* with the secrets of `edns`, or with some of our own */
};

extern const struct config_key dnsd_keys[];
void *dnsd_configure(struct config *c, const struct config_section *s);
void dnsd_forget(void *settings);
/* config_recursion.c: false when there is no memory. */
bool dnsd_configure_recursion(struct config *c, const struct config_section *s, struct dnsd_settings *d);
/* config_rate.c: the same. */
extern const struct config_key dnsd_rate_keys[];
bool dnsd_configure_rate(const struct config_section *s, struct dnsd_settings *d);
/* config_tls.c: the same. */
bool dnsd_configure_tls(struct config *c, const struct config_section *s, struct dnsd_settings *d);
/* config_edns.c: the same. */
bool dnsd_configure_edns(struct config *c, const struct config_section *s, struct dnsd_settings *d);
/* config_keys.c: the same. The keys come first; lists of addresses and "key NAME", and of servers with or
 * without one. */
bool dnsd_configure_keys(struct config *c, const struct config_section *s, struct dnsd_settings *d);
bool dnsd_configure_permits(struct config *c, const struct config_section *s, const char *key,
                            struct dnsd_settings *d, struct dnsd_permits *out);
bool dnsd_configure_servers(struct config *c, const struct config_section *s, const char *key,
                            struct dnsd_settings *d, struct dnsd_server **out, size_t *count);
/* interface_addresses.c: those that an interface has now, each a prefix of one; how many. out == NULL: they
 * are only counted. */
size_t dnsd_interface_addresses(struct span name, struct prefix *out, size_t room);
/* config_view.c: the same. */
extern const struct config_key dnsd_view_keys[], dnsd_zone_keys[];
/* A copy of the name that takes no more room than it needs; NULL: no memory. */
const struct dns_name *dnsd_keep_name(struct arena *a, const struct dns_name *name);
bool dnsd_configure_views(struct config *c, const struct config_section *s, struct dnsd_settings *d);
/* config_catalog.c: the same: what a section `zone` says of catalogs, and which zones are in which. */
extern const struct config_key dnsd_members_keys[];
bool dnsd_configure_catalog(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                            struct dnsd_zone *z);
bool dnsd_configure_listed(struct config *c, const struct config_section *const *zones,
                           struct dnsd_settings *d, struct dnsd_view *v);
/* config_zone.c: the same: the sections `zone` of this one. */
bool dnsd_configure_zones(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                          struct dnsd_view *v);
/* config_reverse.c: the same, when all zones of the view are known. */
bool dnsd_configure_reverse(struct config *c, const struct config_section *const *sections,
                            struct dnsd_settings *d, struct dnsd_view *v);
/* config_policy.c: the same. */
extern const struct config_key dnsd_policy_keys[];
bool dnsd_configure_policies(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                             struct dnsd_zone *z);

#define DNSD_UDP_IN_BYTES 1500 /* an Ethernet packet; what is longer may come by TCP */

/* ---- server.c, connection.c: one running server -------------------------------------------- */

/* A message over TCP as it is sent (RFC 1035 4.2.2). */
struct dns_tcp_message {
    uint8_t length[2];
    uint8_t bytes[DNS_MESSAGE_BYTES_MAX];
};

struct dnsd_socket {
    struct udp *udp;
    struct listener *tcp;
};

/* A view at work: its zones, and what keeps them up to date. */
struct view {
    struct service *service;
    char name[VIEW_NAME_BYTES_MAX + 1];
    const struct dnsd_view *settings;
    struct zones zones;
    struct primary *primary;
    struct secondary *secondary;
    struct signing *signing;
    struct list forwards; /* updates that others decide */
    size_t forward_count;
    struct members *members;
};

struct service {
    struct home *home;
    struct dnsd_settings *settings;
    uint64_t seed;       /* of hashes */
    struct view **views; /* as in the settings */
    size_t view_count;
    struct dnsd_socket *sockets; /* one pair for each of settings->listen */
    struct list connections;     /* the one that was silent longest stands first */
    size_t connection_count, connections_max;
    struct recursion *recursion; /* NULL: for nobody */
    struct workers *workers;     /* NULL: the main thread answers alone */
    bool draining, stopping;
    struct edns_settings edns;
    struct timer secret_due;
    struct limit *limit; /* NULL: there is none */
    struct counts counts;
    struct followers followers;           /* of our zones */
    struct list hand_jobs;                /* hand.c: what was asked for at the door and is not answered yet */
    struct load load;                     /* of this thread */
    struct known known;                   /* of this thread */
    uint64_t changes;                     /* of what replies are made from: workers_pause() */
    struct tls_context *tls, *tls_client; /* NULL: none */
    struct listener **tls_listeners;
    size_t tls_listener_count;
    struct response response;    /* of the message at hand */
    struct tsig_session session; /* of the message at hand, where it is signed; who answers later takes it */
    bool over_tcp;               /* the message at hand */
    struct dns_tcp_message out;  /* the TCP reply at hand */
    char try[DNS_NAME_TEXT_MAX + 32], try_tcp[DNS_NAME_TEXT_MAX + 32], try_tls[DNS_NAME_TEXT_MAX + 32];
};

/* connection.c */
listener_fn dnsd_accept;
/* Ends idle connections; those that are owed something go on. */
void dnsd_drain_connections(struct service *s);
/* Somebody is owed an answer, or the rest of one. */
bool dnsd_connections_busy(const struct service *s);
void dnsd_abort_connections(struct service *s);

/* A client's question has to wait; its reply. The writer lies over service->out.bytes. */
void dnsd_connection_waits(struct connection *c, struct recursion_client *client);
void dnsd_connection_reply(struct connection *c, struct recursion_client *client, const struct writer *reply);

/* The same for who does something else than a question; `connection` is NULL when that has ended meanwhile.
 */
struct dnsd_awaiting {
    struct list_node node; /* of its connection, while that is there */
    struct connection *connection;
};
void dnsd_connection_awaits(struct connection *c, struct dnsd_awaiting *a);
void dnsd_connection_send(struct dnsd_awaiting *a, const struct writer *reply);

/* descriptors.c: how many connections there may be, up to `wanted`; asks the system for as many. */
size_t dnsd_connections_possible(size_t wanted);

/* listen_tls.c */
/* Opens all or says why not; dnsd_close_tls_listeners() and dnsd_close_tls() end what is open in any case. */
bool dnsd_open_tls(struct service *s, struct problem *p);
void dnsd_tell_tls(struct service *s);
/* By other settings, made before they count. */
struct dnsd_contexts {
    struct tls_context *server, *client; /* NULL: none */
};
/* False, and *p says why. */
bool dnsd_make_tls(const struct service *s, const struct dnsd_settings *d, struct dnsd_contexts *made,
                   struct problem *p);
/* They count from now on; connections go on with those before. */
void dnsd_take_tls(struct service *s, const struct dnsd_contexts *made);
/* They do not. */
void dnsd_drop_tls(struct dnsd_contexts *made);
bool dnsd_is_tls(const struct service *s, const struct listener *l);
void dnsd_close_tls_listeners(struct service *s);
/* When there are no connections any more. */
void dnsd_close_tls(struct service *s);

/* identify.c: at the start, and when the settings are others (then the workers pause). */
void dnsd_identify(struct service *s, const struct dnsd_settings *d);

/* views.c */
/* Views with their zones that are not in service, or not any more. */
struct views {
    struct view **all;
    struct zones *zones; /* one directory for each */
    size_t count;
};
/* The views of the settings with all their zones; those that are in service already keep what is theirs. With
 * `strict`, one zone that does not load is the end of it; else what was in service for it stays. False, and
 * *p says why. */
bool views_load(struct service *s, const struct dnsd_settings *d, bool strict, struct views *out,
                struct problem *p);
/* Puts them into service while no worker reads; *v has what was there before then. */
void views_swap(struct service *s, const struct dnsd_settings *d, struct views *v);
/* Tells what was asked of their zones. */
void views_count(const struct service *s, struct http_exchange *x);
/* After views_swap(): versions are told, zones followed, signatures made. What was before goes. False: no
 * memory. */
bool views_started(struct service *s, struct views *before);
/* One zone as its file was read just now; false, and *p says why the version before stays. */
bool views_reload_zone(struct view *v, const struct dns_name *lower, struct source *source,
                       struct problem *p);
/* They were not put into service. */
void views_drop(struct service *s, struct views *v);
/* All that are in service end. */
void views_close(struct service *s);
/* Some change is on its way to the disk, or to a primary. */
bool views_busy(const struct service *s);
/* A file of root hints; NULL, and *p and an event say why. */
struct zone *views_load_hints(struct service *s, const char *path, struct problem *p);

/* The fields of an event that say which zone; the text lives in `room`. `v` may be NULL. */
void views_event_zone(struct event *ev, const struct view *v, const struct dns_name *zone,
                      char room[DNS_NAME_TEXT_MAX]);

/* hand.c */
/* A request to dnsd/PATH at the program's door. */
void dnsd_control(struct service *s, struct http_exchange *x, struct span path);
/* What is not answered yet is not to be answered any more. */
void dnsd_hand_stop(struct service *s);

/* zone_list.c */
/* All zones with their states, as JSON, in an answer of its own. */
void dnsd_tell_zones(struct service *s, struct http_exchange *x);

/* view.c */
/* The one for a client, by its address, the address that it asked, and the key that it signed with (NULL:
 * none). */
struct view *views_choose_among(const struct service *s, const struct address *peer,
                                const struct address *local, const struct tsig_key *key);
static inline struct view *views_choose(const struct service *s, const struct address *peer,
                                        const struct address *local, const struct tsig_key *key)
{
    return s->view_count == 1 ? s->views[0] : views_choose_among(s, peer, local, key);
}

/* elsewhere.c */
/* Where a message came from, for a reply that comes later. */
struct dnsd_asker {
    struct view *view; /* once it is verified */
    const struct endpoint *peer, *local;
    unsigned interface;
    struct udp *udp;
    bool is_cut;                   /* UDP: the message was longer than DNSD_UDP_IN_BYTES */
    struct connection *connection; /* NULL: UDP */
    bool over_tls;
    const struct tsig_key *key; /* who signed; NULL: nobody */
};

static inline struct dnsd_who dnsd_who(const struct dnsd_asker *from)
{
    return (struct dnsd_who){ &from->peer->address, &from->local->address, from->key };
}

/* signed.c */
/* A message that came, before anything else looks at it. True: it is unsigned, or signed well, and from->key,
 * s->session and s->response say so. False: its reply is written. */
bool dnsd_verify(struct service *s, const struct dns_query *q, struct dnsd_asker *from, struct writer *out,
                 struct now now);
/* Signs the reply in the writer, where the session is open and there is one; the session is over. */
void dnsd_sign(struct tsig_session *session, struct writer *out, struct now now);

/* Whether names of others are looked up for a client. Any thread. */
bool dnsd_recurses_for(const struct service *s, const struct view *view, const struct dnsd_who *who);
/* Into a reply that is written already: RA. RFC 1035 4.1.1: whether recursive queries are served, not whether
 * this is one. */
void dnsd_set_available(struct writer *out);
/* After respond(): what the zones do not answer, for those who may ask. Gives the outcome that counts; it is
 * never RESPOND_ELSEWHERE. */
enum respond_outcome dnsd_elsewhere(struct service *s, enum respond_outcome outcome,
                                    const struct dnsd_asker *from, struct writer *out, struct now now);
recursion_fn dnsd_answered;

/* server.c */
/* A message, whatever it is, and its reply, if there is one now: RESPOND_REPLY. RESPOND_TRANSFER: over TCP,
 * and the caller begins it, signed by s->session. */
enum respond_outcome dnsd_answer(struct service *s, const struct dns_query *q, struct dnsd_asker *from,
                                 struct writer *out, struct now now);
struct udp_options dnsd_udp_options(const struct service *s, struct endpoint at);
/* Counts and tells of a message that was answered (or not): response and outcome of respond(). */
void dnsd_tell(struct service *s, enum respond_outcome outcome, const struct endpoint *peer,
               enum edns_transport transport, size_t reply_bytes, struct now now);
/* A field with a domain name, for an event; the text lives in `room`. */
void dnsd_event_name(struct event *ev, const char *field, const struct dns_name *name,
                     char room[DNS_NAME_TEXT_MAX]);
/* Ends a stopped service when its last connection is gone. */
void dnsd_free_if_done(struct service *s);

#endif
