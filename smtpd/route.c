#include "route.h"

#include "endpoint.h"
#include "text.h"

#include <stdlib.h>
#include <strings.h>

static int compare_route(const void *name, const void *route)
{
    return strcasecmp(name, ((const struct smtp_route *)route)->name);
}

static const struct smtp_route *find_exact(const struct smtp_settings *s, const char *name)
{
    return bsearch(name, s->routes, s->route_count, sizeof *s->routes, compare_route);
}

const struct smtp_route *smtp_route_find(const struct smtp_settings *s, struct span domain)
{
    char name[SMTP_DOMAIN_MAX + 1];
    const struct smtp_route *r = NULL;
    if (s->route_count == 0)
        return NULL;
    if (domain.len <= SMTP_DOMAIN_MAX && (domain.len == 0 || domain.at[0] != '['))
        for (struct span left = domain; !r && left.len > 0;
             left = span_from(left, span_find(left, '.') + 1)) {
            memcpy(name, left.at, left.len);
            name[left.len] = '\0';
            r = find_exact(s, name);
        }
    return r ? r : find_exact(s, "");
}

/* What stands between the brackets as an address. */
static bool literal_address(struct span domain, struct address *out)
{
    struct span inside = domain.len > 2 && domain.at[0] == '['
                             ? span_head(span_from(domain, 1), domain.len - 2)
                             : span_of(NULL, 0);
    struct span tag = span_text("IPv6:");
    if (span_equal_nocase(span_head(inside, tag.len), tag))
        inside = span_from(inside, tag.len);
    return inside.len > 0 && address_parse(inside, out);
}

bool smtp_route_is_known(const struct smtp_settings *s, const struct smtp_path *to)
{
    return to->literal || s->resolver_count > 0 || smtp_route_find(s, to->domain) != NULL;
}

static void copy_lower(char *to, size_t size, struct span from)
{
    size_t n = 0;
    for (; n < from.len && n + 1 < size; n++)
        to[n] = (char)ascii_lower(from.at[n]);
    to[n] = '\0';
}

void smtp_route_choose(const struct smtp_settings *s, struct span domain, struct route_hop *out)
{
    const struct smtp_route *r = smtp_route_find(s, domain);
    struct address a;
    char text[ADDRESS_TEXT_MAX];
    bool literal = literal_address(domain, &a);
    *out = (struct route_hop){ .port = r ? r->port : s->mx_port,
                               .by_mx = !(r && r->host) && !literal,
                               .tls = r ? r->tls : CLIENT_TLS_OPPORTUNISTIC };
    if (r && r->ca)
        memcpy(out->ca, r->ca, strlen(r->ca) + 1); /* config.c has bounded it */
    struct span host = r && r->host ? span_text(r->host)
                       : literal    ? span_text(address_format(a, text))
                                    : domain;
    copy_lower(out->host, sizeof out->host, host);
    struct writer w = writer_over(out->key, sizeof out->key);
    write_text(&w, out->host);
    if (!out->by_mx)
        write_format(&w, ":%u", out->port);
    if (out->tls != CLIENT_TLS_OPPORTUNISTIC)
        write_text(&w, out->tls == CLIENT_TLS_NONE ? " (clear)" : " (TLS)");
    write_u8(&w, 0);
}

/* Shuffled, then sorted in a way that keeps the order of equals: each order of equals is as likely. */
static void shuffle(struct route_exchanger *list, size_t count, struct rng *rng)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)rng_below(rng, i);
        struct route_exchanger other = list[j];
        list[j] = list[i - 1];
        list[i - 1] = other;
    }
}

static void sort(struct route_exchanger *list, size_t count)
{
    for (size_t i = 1; i < count; i++) /* at most ROUTE_HOSTS_MAX or a resolver's records */
        for (size_t j = i; j > 0 && list[j - 1].preference > list[j].preference; j--) {
            struct route_exchanger other = list[j];
            list[j] = list[j - 1];
            list[j - 1] = other;
        }
}

enum route_mx smtp_route_order(struct route_exchanger *list, size_t *count, const char *own, struct rng *rng)
{
    size_t n = *count;
    uint32_t below = UINT32_MAX;
    if (n == 1 && list[0].host[0] == '\0')
        return ROUTE_MX_NONE;
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(list[i].host, own) == 0 && list[i].preference < below)
            below = list[i].preference;
    shuffle(list, n, rng);
    sort(list, n);
    *count = 0;
    while (*count < n && list[*count].preference < below)
        ++*count;
    return *count > 0 ? ROUTE_MX_USE : ROUTE_MX_LOOP;
}
