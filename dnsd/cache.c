#include "cache.h"

#include "hash.h"

#include <stdlib.h>

#define BYTES_A_SLOT  256 /* about what an entry takes */
#define HEAP_OVERHEAD 16  /* what the allocator keeps for itself */
#define FAILURE_TTL_S 5   /* RFC 9520 3.2: at least one second, at most five minutes */
#define TYPE_SPREAD   0x9E3779B97F4A7C15U

static uint64_t hash_of(const struct cache *c, struct span name, uint16_t type)
{
    return hash_bytes(name, c->options.seed ^ (type * TYPE_SPREAD));
}

static size_t bytes_of(const struct cache_entry *e)
{
    return sizeof *e + e->name_bytes + e->data_bytes + HEAP_OVERHEAD;
}

bool cache_open(struct cache *c, const struct cache_options *o)
{
    size_t slots = 64;
    *c = (struct cache){ .options = *o };
    list_open(&c->order);
    while (slots * BYTES_A_SLOT < o->bytes_max)
        slots *= 2;
    c->slot_mask = slots - 1;
    c->slots = calloc(slots, sizeof(struct cache_entry *));
    return c->slots != NULL;
}

static struct cache_entry **place_of(struct cache *c, uint64_t hash, struct span name, uint16_t type)
{
    struct cache_entry **at = &c->slots[hash & c->slot_mask];
    while (*at && ((*at)->hash != hash || (*at)->type != type || !span_equal(cache_name(*at), name)))
        at = &(*at)->chain;
    return at;
}

static void drop(struct cache *c, struct cache_entry **at)
{
    struct cache_entry *e = *at;
    *at = e->chain;
    list_remove(&e->node);
    c->bytes -= bytes_of(e);
    c->entry_count--;
    free(e);
}

static void drop_entry(struct cache *c, struct cache_entry *e)
{
    drop(c, place_of(c, e->hash, cache_name(e), e->type));
}

void cache_close(struct cache *c)
{
    struct list_node *n;
    while (c->slots && (n = list_first(&c->order))) /* ends: each is taken off */
        drop_entry(c, list_item(n, struct cache_entry, node));
    free(c->slots);
    c->slots = NULL;
}

struct cache_entry *cache_find(struct cache *c, struct span name, uint16_t type, uint64_t at_ms)
{
    struct cache_entry *e = *place_of(c, hash_of(c, name, type), name, type);
    if (!e || e->expires_ms < at_ms)
        return NULL;
    e->used = true;
    return e;
}

/* The clock: what was used since its hand passed is passed by once more. */
static void make_room(struct cache *c, size_t bytes, uint64_t now_ms)
{
    struct list_node *n;
    /* ends: each turn takes one off or clears its mark, and the marks are set elsewhere */
    while (c->bytes + bytes > c->options.bytes_max && (n = list_first(&c->order))) {
        struct cache_entry *e = list_item(n, struct cache_entry, node);
        if (e->used && e->expires_ms >= now_ms) {
            e->used = false;
            list_remove(&e->node);
            list_append(&c->order, &e->node);
        } else {
            drop_entry(c, e);
        }
    }
}

static uint32_t bounded_ttl(const struct cache *c, const struct cache_news *n)
{
    const struct cache_options *o = &c->options;
    uint32_t ttl_s = n->ttl_s > DNS_TTL_MAX ? 0 : n->ttl_s; /* RFC 2181 8 */
    if (n->kind == CACHE_FAILURE)
        return FAILURE_TTL_S;
    uint32_t most_s = n->kind == CACHE_SET ? o->ttl_max_s : o->negative_max_s;
    if (n->kind == CACHE_SET && ttl_s < o->ttl_min_s)
        ttl_s = o->ttl_min_s;
    return ttl_s < most_s ? ttl_s : most_s;
}

/* RFC 2181 5.4.1, and a failure is worth less than anything. */
static bool is_better(const struct cache_entry *known, const struct cache_news *n, uint64_t now_ms)
{
    if (known->expires_ms < now_ms || known->kind == CACHE_FAILURE)
        return false;
    return n->kind == CACHE_FAILURE || known->rank > (uint8_t)n->rank;
}

bool cache_put(struct cache *c, const struct cache_news *n, uint64_t now_ms)
{
    uint16_t type = n->kind == CACHE_NO_NAME ? CACHE_ANY_TYPE : n->type;
    uint64_t hash = hash_of(c, n->name, type);
    uint64_t expires_ms = now_ms + (uint64_t)bounded_ttl(c, n) * 1000;
    struct cache_entry **at = place_of(c, hash, n->name, type);
    size_t bytes = sizeof **at + n->name.len + n->data.len + HEAP_OVERHEAD;
    if ((*at && is_better(*at, n, now_ms)) || bytes > c->options.bytes_max / 2)
        return false;
    /* A delegation cannot be prolonged by those it delegates to. */
    if (*at && type == DNS_TYPE_NS && (*at)->kind == CACHE_SET && (*at)->expires_ms >= now_ms &&
        (*at)->expires_ms < expires_ms)
        expires_ms = (*at)->expires_ms;
    struct cache_entry *e = malloc(bytes);
    if (!e)
        return false;
    *e = (struct cache_entry){ .hash = hash,
                               .expires_ms = expires_ms,
                               .data_bytes = (uint32_t)n->data.len,
                               .type = type,
                               .count = n->count,
                               .kind = (uint8_t)n->kind,
                               .rank = (uint8_t)n->rank,
                               .name_bytes = (uint8_t)n->name.len };
    struct writer w = writer_over(e->bytes, n->name.len + n->data.len);
    write_span(&w, n->name);
    write_span(&w, n->data);
    if (*at)
        drop(c, at);
    make_room(c, bytes, now_ms);
    at = &c->slots[hash & c->slot_mask];
    e->chain = *at;
    *at = e;
    list_append(&c->order, &e->node);
    c->bytes += bytes;
    c->entry_count++;
    if (n->kind == CACHE_SET && n->rank >= CACHE_ANSWER) { /* it exists after all */
        at = place_of(c, hash_of(c, cache_name(e), CACHE_ANY_TYPE), cache_name(e), CACHE_ANY_TYPE);
        if (*at)
            drop(c, at);
    }
    return true;
}

/* ---- answers ---------------------------------------------------------------------------------- */

static struct cache_entry *find_answer(struct cache *c, struct span name, uint16_t type, uint64_t at_ms)
{
    struct cache_entry *e = cache_find(c, name, type, at_ms);
    return e && (e->kind == CACHE_FAILURE || e->rank >= CACHE_ANSWER) ? e : NULL;
}

static struct cache_entry *find_end(struct cache *c, struct span name, uint16_t type, uint64_t at_ms)
{
    struct cache_entry *e = find_answer(c, name, type, at_ms);
    return e ? e : find_answer(c, name, CACHE_ANY_TYPE, at_ms);
}

static bool alias_target(const struct cache_entry *alias, struct dns_name *out)
{
    struct reader r = reader_over(cache_data(alias));
    struct dns_name target;
    if (!dns_name_from_span(cache_next_record(&r), &target))
        return false;
    dns_name_lower(out, &target);
    return true;
}

bool cache_answer(struct cache *c, struct span name, uint16_t type, uint64_t at_ms, struct cache_answer *out)
{
    out->alias_count = 0;
    out->name = name;
    /* ends: by the count of aliases */
    while (!(out->end = find_end(c, out->name, type, at_ms))) {
        const struct cache_entry *alias = find_answer(c, out->name, DNS_TYPE_CNAME, at_ms);
        if (!alias || alias->kind != CACHE_SET || out->alias_count == CACHE_CHAIN_MAX ||
            !alias_target(alias, &out->room))
            return false;
        out->aliases[out->alias_count++] = alias;
        out->name = dns_name_span(&out->room);
    }
    return true;
}
