/* Where mail for a domain of others goes: by a route of the file, or by MX (RFC 5321 5.1, RFC 7505). Pure. */
#ifndef WIRELAB_SMTPD_ROUTE_H
#define WIRELAB_SMTPD_ROUTE_H

#include "rng.h"
#include "smtpd.h"

#define ROUTE_KEY_MAX   (SMTP_DOMAIN_MAX + 32)
#define ROUTE_HOSTS_MAX 16 /* exchangers that are tried; RFC 5321 5.1 asks for two at least */

/* The route of the file for a domain: its own, that of the nearest domain above, or "."; NULL: none. */
const struct smtp_route *smtp_route_find(const struct smtp_settings *s, struct span domain);
/* There is a way: a route, or resolvers to ask; address literals go where they say. */
bool smtp_route_is_known(const struct smtp_settings *s, const struct smtp_path *to);

/* One way for a message: all recipients with the same key travel together. */
struct route_hop {
    char key[ROUTE_KEY_MAX]; /* lower case; as people read it, "cyberdyne.local" or "172.16.16.231:25" */
    char host[SMTP_DOMAIN_MAX + 1]; /* a name or an address; a domain when by_mx */
    uint16_t port;
    bool by_mx;
    enum client_tls tls;
    char ca[SMTP_CA_MAX]; /* empty: the lab's */
};
/* The way to the domain of a recipient, "example.org" or "[192.0.2.1]". */
void smtp_route_choose(const struct smtp_settings *s, struct span domain, struct route_hop *out);

/* An exchanger of a domain. */
struct route_exchanger {
    uint16_t preference;
    char host[SMTP_DOMAIN_MAX + 1]; /* empty: the root, RFC 7505's "null MX" */
};
enum route_mx { ROUTE_MX_USE, ROUTE_MX_NONE, ROUTE_MX_LOOP };
/* Puts them into the order in which they are tried: by preference, at random among equals; from our own name
 * on they are left out. NONE: the domain takes no mail (RFC 7505). LOOP: we are the best one ourselves and
 * must not send it to anybody (RFC 5321 5.1). */
enum route_mx smtp_route_order(struct route_exchanger *list, size_t *count, const char *own, struct rng *rng);

#endif
