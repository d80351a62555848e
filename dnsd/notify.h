/* NOTIFY to those who follow a zone (RFC 1996): said again until it is answered, or for a while. */
#ifndef WIRELAB_DNSD_NOTIFY_H
#define WIRELAB_DNSD_NOTIFY_H

#include "endpoint.h"
#include "event.h"
#include "followers.h"
#include "list.h"
#include "loop.h"
#include "wire/tsig.h"
#include "zone.h"

#define NOTIFY_UNDER_WAY_MAX                                                                                 \
    1024 /* a change of many zones at once; who misses it asks by the SOA's refresh */

struct notifier {
    struct loop *loop;
    struct events *events;
    struct list under_way;
    size_t count;
    struct followers *followers; /* hear of the outcome; NULL: nobody does */
};

void notifier_open(struct notifier *n, struct loop *l, struct events *e);
void notifier_close(struct notifier *n);
/* Who is told. */
struct notify_whom {
    struct endpoint at;
    struct address from;        /* as in dns_exchange_options */
    const struct tsig_key *key; /* NULL: unsigned */
    uint64_t zone_key;          /* followers_key() */
};
/* The zone has this version now. */
void notifier_tell(struct notifier *n, const struct zone *z, const struct notify_whom *whom, struct now now);

#endif
