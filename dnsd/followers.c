#include "followers.h"

#include "hash.h"

#include <stdlib.h>

void followers_open(struct followers *f)
{
    memset(f->chains, 0, sizeof f->chains);
    list_open(&f->all);
    f->count = 0;
}

uint64_t followers_key(uint64_t seed, const char *view, const struct dns_name *zone)
{
    struct dns_name lower;
    dns_name_lower(&lower, zone);
    return hash_bytes(dns_name_span(&lower), hash_bytes(span_text(view), seed));
}

static struct follower_state **chain_of(struct followers *f, uint64_t zone_key)
{
    return &f->chains[zone_key % FOLLOWERS_CHAINS];
}

static void forget(struct followers *f, struct follower_state *s)
{
    struct follower_state **at = chain_of(f, s->zone_key);
    while (*at != s) /* ends: it is in its chain */
        at = &(*at)->next;
    *at = s->next;
    list_remove(&s->node);
    f->count--;
    free(s);
}

void followers_close(struct followers *f)
{
    for (struct list_node *n; (n = list_first(&f->all));) /* ends: each turn takes one off */
        forget(f, list_item(n, struct follower_state, node));
}

const struct follower_state *followers_next(const struct followers *f, uint64_t zone_key,
                                            const struct follower_state *before)
{
    const struct follower_state *s = before ? before->next : f->chains[zone_key % FOLLOWERS_CHAINS];
    while (s && s->zone_key != zone_key)
        s = s->next;
    return s;
}

/* NULL: no memory. It is the one that was heard of last now. */
static struct follower_state *find_or_make(struct followers *f, uint64_t zone_key, const struct endpoint *at)
{
    struct follower_state *s = *chain_of(f, zone_key);
    while (s && !(s->zone_key == zone_key && endpoint_equal(&s->at, at)))
        s = s->next;
    if (!s) {
        if (f->count == FOLLOWERS_MAX)
            forget(f, list_item(list_first(&f->all), struct follower_state, node));
        s = calloc(1, sizeof *s);
        if (!s)
            return NULL;
        s->zone_key = zone_key;
        s->at = *at;
        s->next = *chain_of(f, zone_key);
        *chain_of(f, zone_key) = s;
        f->count++;
    }
    list_remove(&s->node);
    list_append(&f->all, &s->node);
    return s;
}

void followers_told(struct followers *f, uint64_t zone_key, const struct endpoint *to, uint32_t serial,
                    const char *why, int64_t unix_ms)
{
    struct follower_state *s = find_or_make(f, zone_key, to);
    if (!s)
        return;
    struct writer w = writer_over(s->why_not, sizeof s->why_not - 1);
    if (why)
        write_span(&w, span_head(span_text(why), sizeof s->why_not - 1));
    s->why_not[writer_length(&w)] = '\0';
    s->answered = !why;
    s->told_serial = serial;
    s->told_ms = unix_ms;
}

void followers_fetched(struct followers *f, uint64_t zone_key, const struct address *by, uint32_t serial,
                       bool incremental, bool broken, int64_t unix_ms)
{
    struct endpoint at = { .address = *by };
    const struct follower_state *told = NULL;
    size_t count = 0;
    for (const struct follower_state *s = NULL; (s = followers_next(f, zone_key, s));)
        if (s->at.port && address_equal(s->at.address, *by)) {
            told = s;
            count++;
        }
    struct follower_state *s = find_or_make(f, zone_key, count == 1 ? &told->at : &at);
    if (!s)
        return;
    s->fetched_ms = unix_ms;
    s->fetched_serial = serial;
    s->incremental = incremental;
    s->broken = broken;
}
