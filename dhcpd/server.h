/* One running DHCP server, for its own rooms. */
#ifndef WIRELAB_DHCPD_SERVER_H
#define WIRELAB_DHCPD_SERVER_H

#include "control.h"
#include "dhcpd.h"
#include "interfaces.h"
#include "names.h"
#include "persist.h"
#include "server6.h"

struct service {
    struct home *home;
    struct dhcp_settings *settings;
    struct leases leases;
    struct persist persist;
    struct names *names; /* NULL: no names are registered */
    struct listener *listeners;
    size_t listener_count;
    struct interfaces *interfaces; /* NULL: only plain sockets */
    struct turn *turns, *idle;
    size_t in_hand;
    struct timer deadline; /* of the whole lease table */
    struct dhcp4_message message;
    struct server6 *six; /* NULL: there are no IPv6 subnets */
    bool draining, stopped;
};

/* The timer of the lease table, for what ends next. */
void dhcpd_arm_deadline(struct service *s, struct now now);
/* Ends a stopped service when the last commit was told. */
void dhcpd_free_if_done(struct service *s);

/* hand.c: what is asked through the door, and what is told there (service.h). */
void dhcpd_control(struct service *s, struct http_exchange *x, struct span path);
void dhcpd_measure(struct service *s, struct http_exchange *x);

#endif
