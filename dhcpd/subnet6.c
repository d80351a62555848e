#include "subnet6.h"

bool subnet6_contains(const struct dhcp6_subnet *sn, struct ip6 address)
{
    return prefix_contains(&sn->prefix, address_ip6(address));
}

const struct dhcp6_subnet *subnet6_of(const struct dhcp6_settings *s, struct ip6 address)
{
    size_t low = 0, high = s->subnet_count; /* the last subnet that starts at or before the address */
    while (low < high) {                    /* halves each turn */
        size_t middle = low + (high - low) / 2;
        if (ip6_compare(s->subnets[middle].network, address) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && subnet6_contains(&s->subnets[low - 1], address) ? &s->subnets[low - 1] : NULL;
}

const struct dhcp6_subnet *subnet6_on(const struct dhcp6_settings *s, const char *interface,
                                      const struct ip6 *addresses, size_t count)
{
    for (size_t i = 0; i < s->subnet_count; i++)
        if (s->subnets[i].interface && strcmp(s->subnets[i].interface, interface) == 0)
            return &s->subnets[i];
    for (size_t i = 0; i < count; i++) {
        const struct dhcp6_subnet *sn = subnet6_of(s, addresses[i]);
        if (sn && !sn->interface)
            return sn;
    }
    bool only_one = s->subnet_count == 1 && s->listen_count == 1 && !s->subnets[0].interface;
    return only_one && !count ? &s->subnets[0] : NULL;
}

const struct dhcp6_subnet *subnet6_choose(const struct dhcp6_settings *s, const struct dhcp6_arrival *a)
{
    struct ip6 unknown = { 0, 0 };
    for (size_t i = a->relays->count; i--;)
        if (!ip6_equal(a->relays->relay[i].link, unknown))
            return subnet6_of(s, a->relays->relay[i].link);
    return a->link;
}

bool subnet6_in_pool(const struct dhcp6_subnet *sn, struct ip6 address)
{
    size_t low = 0, high = sn->range_count; /* the last range that starts at or before the address */
    while (low < high) {                    /* halves each turn */
        size_t middle = low + (high - low) / 2;
        if (ip6_compare(sn->ranges[middle].first, address) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && ip6_compare(address, sn->ranges[low - 1].last) <= 0;
}

bool subnet6_is_dynamic(const struct dhcp6_subnet *sn, struct ip6 address)
{
    return subnet6_in_pool(sn, address) && !subnet6_host_at(sn, address);
}

int identity_compare(struct span a, struct span b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.at, b.at, a.len) : 0;
}

static struct span identity_of(const struct dhcp6_host *h)
{
    return h->duid.len ? h->duid : h->hardware;
}

static const struct dhcp6_host *find_host(const struct dhcp6_host *const *hosts, size_t count,
                                          struct span identity)
{
    size_t low = 0, high = identity.len ? count : 0;
    while (low < high) { /* halves each turn */
        size_t middle = low + (high - low) / 2;
        int order = identity_compare(identity, identity_of(hosts[middle]));
        if (order == 0)
            return hosts[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int place_compare(uint8_t option, struct span identity, const struct dhcp6_host *h)
{
    return option != h->place_option ? option - h->place_option : identity_compare(identity, h->place);
}

static const struct dhcp6_host *find_said(const struct dhcp6_subnet *sn, uint8_t option, struct span identity)
{
    size_t low = 0, high = identity.len ? sn->place_count : 0;
    while (low < high) { /* halves each turn */
        size_t middle = low + (high - low) / 2;
        int order = place_compare(option, identity, sn->by_place[middle]);
        if (order == 0)
            return sn->by_place[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const struct dhcp6_host *find_place(const struct dhcp6_subnet *sn, const struct dhcp6_relay *r)
{
    const struct dhcp6_host *h = find_said(sn, DHCP6_OPTION_INTERFACE_ID, r->interface_id);
    if (!h)
        h = find_said(sn, DHCP6_OPTION_REMOTE_ID, r->remote_id);
    return h ? h : find_said(sn, DHCP6_OPTION_SUBSCRIBER_ID, r->subscriber_id);
}

const struct dhcp6_host *subnet6_host(const struct dhcp6_subnet *sn, struct span duid,
                                      const struct dhcp6_relays *relays)
{
    const struct dhcp6_host *h = find_host(sn->by_duid, sn->duid_count, duid);
    if (h || !(sn->hardware_count || sn->place_count))
        return h;
    const struct dhcp6_relay *next = relays->count ? &relays->relay[relays->count - 1] : NULL;
    struct span hardware = next && next->hardware.len ? next->hardware : dhcp6_duid_hardware(duid);
    h = find_host(sn->by_hardware, sn->hardware_count, hardware);
    return h || !next ? h : find_place(sn, next);
}

const struct dhcp6_host *subnet6_host_at(const struct dhcp6_subnet *sn, struct ip6 address)
{
    size_t low = 0, high = sn->address_count;
    while (low < high) { /* halves each turn */
        size_t middle = low + (high - low) / 2;
        int order = ip6_compare(address, sn->by_address[middle]->address);
        if (order == 0)
            return sn->by_address[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct dhcp6_prefix_pool *subnet6_prefix_pool(const struct dhcp6_subnet *sn, struct ip6 prefix,
                                                    uint8_t bits)
{
    for (size_t i = 0; i < sn->prefix_pool_count; i++) {
        const struct dhcp6_prefix_pool *p = &sn->prefix_pools[i];
        if (p->length == bits && ip6_equal(ip6_first(prefix, p->bits), p->network))
            return p;
    }
    return NULL;
}

const struct dhcp6_host *subnet6_prefix_host(const struct dhcp6_subnet *sn, struct ip6 prefix)
{
    size_t low = 0, high = sn->prefix_count;
    while (low < high) { /* halves each turn */
        size_t middle = low + (high - low) / 2;
        int order = ip6_compare(prefix, sn->by_prefix[middle]->prefix);
        if (order == 0)
            return sn->by_prefix[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

uint64_t prefix_pool_size(const struct dhcp6_prefix_pool *p)
{
    return p->length - p->bits >= 64 ? UINT64_MAX : (uint64_t)1 << (p->length - p->bits);
}

struct span options6_find(const struct dhcp6_options *o, uint16_t code)
{
    for (size_t i = 0; i < o->count && o->list[i].code <= code; i++)
        if (o->list[i].code == code)
            return o->list[i].value;
    return (struct span){ NULL, 0 };
}
