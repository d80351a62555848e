#include "known.h"

#include "dnsd.h"

/* A reply is made from the message, the zones of the view, and settings; and, where one of these is set, from
 * something else, too. Who wants to hear of each message gets each one told. */
static bool may_know(const struct service *s, bool crowded)
{
    const struct dnsd_settings *d = s->settings;
    return !crowded && !d->recursion.allow_count && !s->limit && !d->rotates && !s->edns.require_cookies &&
           s->home->events->level < EVENT_TRAFFIC;
}

static uint64_t hash_of(struct known *k, const struct service *s, const struct datagram *d, size_t i)
{
    const struct view *view = views_choose(s, &d->peer.address, &d->local.address, NULL);
    bool by_client = view->zones.has_catalog; /* some names are for some clients alone */
    k->views[i] = view;
    return by_client ? 0 : replies_hash(&k->replies, view, d->in);
}

static bool give(const struct known *k, const struct service *s, size_t i, struct datagram *d,
                 struct counts *c)
{
    const struct reply *e = k->places[i].entry;
    if (!k->places[i].known || !replies_write(e, k->views[i], s->changes, d->in, &d->out))
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
    bool may = may_know(s, crowded);
    for (size_t i = 0; i < count; i++)
        hashes[i] = may ? hash_of(k, s, &b->d[i], i) : 0;
    for (size_t i = 0; i < count; i++)
        k->places[i] = hashes[i] ? replies_find(&k->replies, hashes[i]) : (struct replies_place){ 0 };
    for (size_t i = 0; i < count; i++)
        given += give(k, s, i, &b->d[i], c);
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
    return q->state == DNS_QUERY_GOOD && is_bare(q) && q->question.class == DNS_CLASS_IN &&
           !dns_type_is_transfer(q->question.type) && !r->why &&
           (r->rcode == DNS_NOERROR || r->rcode == DNS_NXDOMAIN);
}

void known_note(struct known *k, const struct service *s, const struct batch *b, size_t i,
                const struct dns_query *q, const struct response *r)
{
    const struct datagram *d = &b->d[i];
    if (!k->places[i].entry || r->query != q || !will_do_again(q, r) || !writer_length(&d->out))
        return;
    struct reply facts = { .view = k->views[i],
                           .changes = s->changes,
                           .zone_id = r->plan.zone_id,
                           .type = q->question.type,
                           .rcode = (uint8_t)r->rcode };
    replies_keep(&k->replies, &k->places[i], &facts, d->in, writer_span(&d->out));
}
