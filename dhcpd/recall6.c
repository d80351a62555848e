#include "recall6.h"

#include <stdlib.h>

#define RECALLS_MAX 4096 /* clients that are told at once; more are told when these have asked */

struct recall {
    struct list_node node;
    struct timer due;
    struct recalls6 *all;
    struct ip6 to;
    unsigned tries;
    uint64_t wait_ms;
    size_t duid_len;
    uint8_t duid[DHCP6_DUID_MAX];
};

struct recalls6 {
    struct loop *loop;
    recall6_send_fn *send;
    void *owner;
    struct list list;
    size_t count;
};

static void end(struct recall *c)
{
    loop_disarm(c->all->loop, &c->due);
    list_remove(&c->node);
    c->all->count--;
    free(c);
}

static void send_now(struct recall *c, struct now now)
{
    c->all->send(c->all->owner, c->to, span_of(c->duid, c->duid_len), now);
    c->tries++;
    loop_arm(c->all->loop, &c->due, now.mono_ms + c->wait_ms);
    c->wait_ms *= 2;
}

static void due(struct timer *t, struct now now)
{
    struct recall *c = list_item(t, struct recall, due);
    if (c->tries == RECONFIGURE6_TRIES_MAX)
        end(c);
    else
        send_now(c, now);
}

static struct recall *find(struct recalls6 *r, struct span duid)
{
    for (struct list_node *n = list_first(&r->list); n;
         n = list_next(&r->list, n)) { /* RECALLS_MAX at most */
        struct recall *c = list_item(n, struct recall, node);
        if (span_equal(span_of(c->duid, c->duid_len), duid))
            return c;
    }
    return NULL;
}

struct recalls6 *recalls6_open(struct loop *l, recall6_send_fn *send, void *owner)
{
    struct recalls6 *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct recalls6){ .loop = l, .send = send, .owner = owner };
    list_open(&r->list);
    return r;
}

bool recalls6_begin(struct recalls6 *r, struct ip6 to, struct span duid, struct now now)
{
    if (find(r, duid))
        return true;
    struct recall *c = r->count < RECALLS_MAX && duid.len <= DHCP6_DUID_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return false;
    c->all = r;
    c->due.fire = due;
    c->to = to;
    c->wait_ms = RECONFIGURE6_WAIT_MS;
    c->duid_len = duid.len;
    memcpy(c->duid, duid.at, duid.len);
    list_append(&r->list, &c->node);
    r->count++;
    send_now(c, now);
    return true;
}

void recalls6_heard(struct recalls6 *r, struct span duid)
{
    struct recall *c = r->count ? find(r, duid) : NULL;
    if (c)
        end(c);
}

void recalls6_close(struct recalls6 *r)
{
    if (!r)
        return;
    for (struct list_node *n; (n = list_first(&r->list));) /* ends: each is taken off */
        end(list_item(n, struct recall, node));
    free(r);
}
