#include "known.h"

#include "dnsd.h"

/* A reply is made from the message, the zones of the view, and settings; and, where one of these is set, from
 * something else, too. Who wants to hear of each message gets each one told. */
static bool may_know(const struct service *s, bool crowded)
{
    return !crowded && !s->recursion && !s->limit && !s->settings->rotates && !s->edns.require_cookies &&
           s->home->events->level < EVENT_TRAFFIC;
}

static const struct view *view_of(const struct service *s, const struct datagram *d)
{
    return views_choose(s, &d->peer.address, &d->local.address, NULL);
}

static bool give(const struct reply *e, const struct service *s, struct datagram *d, struct counts *c)
{
    const struct view *view = view_of(s, d);
    if (!replies_write(e, view, s->changes, d->in, &d->out))
        return false;
    struct counted counted = {
        .replied = true, .asked = true, .type = e->type, .rcode = e->rcode, .zone_id = e->zone_id
    };
    counts_take(c, EDNS_UDP, &counted);
    return true;
}

size_t known_give(struct known *k, const struct service *s, bool crowded, struct batch *b, struct counts *c)
{
    uint64_t hashes[UDP_BATCH_MAX];
    size_t given = 0, count = b->count;
    k->on = may_know(s, crowded);
    k->batch = b;
    if (!k->on)
        return 0;
    for (size_t i = 0; i < count; i++)
        hashes[i] = replies_hash(&k->replies, b->d[i].in);
    for (size_t i = 0; i < count; i++)
        k->places[i] = hashes[i] ? replies_find(&k->replies, hashes[i]) : NULL;
    for (size_t i = 0; i < count; i++)
        given += k->places[i] && give(k->places[i], s, &b->d[i], c);
    return given;
}

/* No records but OPT, and no options in that: neither a signature nor a cookie. */
static bool is_bare(const struct dns_query *q)
{
    const struct dns_header *h = &q->header;
    bool options = q->edns.present && q->edns.options.len;
    return !h->answers && !h->authorities && h->additionals == q->edns.present && !options;
}

/* One question for data, answered by what the zones say. */
static bool will_do_again(const struct dns_query *q, const struct response *r)
{
    uint16_t type = q->question.type;
    return q->state == DNS_QUERY_GOOD && is_bare(q) && q->question.class == DNS_CLASS_IN &&
           type != DNS_TYPE_AXFR && type != DNS_TYPE_IXFR && !r->why &&
           (r->rcode == DNS_NOERROR || r->rcode == DNS_NXDOMAIN);
}

void known_note(struct known *k, const struct service *s, const struct datagram *d, const struct dns_query *q,
                const struct response *r)
{
    struct reply *place = k->on ? k->places[d - k->batch->d] : NULL;
    if (!place || r->query != q || !will_do_again(q, r) || !writer_length(&d->out))
        return;
    const struct view *view = view_of(s, d);
    if (view->zones.has_catalog) /* some names are for some clients alone */
        return;
    struct reply facts = { .view = view,
                           .changes = s->changes,
                           .zone_id = r->plan.zone_id,
                           .type = q->question.type,
                           .rcode = (uint8_t)r->rcode };
    replies_keep(place, &facts, d->in, writer_span(&d->out));
}
