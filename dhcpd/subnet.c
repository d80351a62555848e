#include "subnet.h"

#define LINK_SELECTION 5 /* RFC 3527 3 */

bool subnet_contains(const struct dhcp_subnet *sn, uint32_t address)
{
    return (address & sn->mask) == sn->network;
}

const struct dhcp_subnet *subnet_of(const struct dhcp_settings *s, uint32_t address)
{
    size_t low = 0, high = s->subnet_count; /* the last subnet that starts at or before the address */
    while (low < high) {                    /* halves each turn */
        size_t middle = low + (high - low) / 2;
        if (s->subnets[middle].network <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low && subnet_contains(&s->subnets[low - 1], address) ? &s->subnets[low - 1] : NULL;
}

/* RFC 3527: a relay that is not on the client's link says which one is meant. */
static uint32_t relayed_link(const struct dhcp4_message *m)
{
    struct span selected = dhcp4_relay_suboption(m, LINK_SELECTION);
    if (selected.len != 4)
        return m->fixed.giaddr;
    struct reader r = reader_over(selected);
    return read_u32(&r);
}

const struct dhcp_subnet *subnet_choose(const struct dhcp_settings *s, const struct dhcp4_message *m,
                                        const struct dhcp4_arrival *a)
{
    if (m->fixed.giaddr)
        return subnet_of(s, relayed_link(m));
    if (m->fixed.ciaddr && !a->broadcast)
        return subnet_of(s, m->fixed.ciaddr);
    if (a->link)
        return subnet_of(s, a->link);
    const struct dhcp_subnet *own = subnet_of(s, a->server);
    return own ? own : s->first;
}

static int compare_hardware(struct span a, const struct dhcp_host *h)
{
    if (a.len != h->hardware_len)
        return a.len < h->hardware_len ? -1 : 1;
    return memcmp(a.at, h->hardware, a.len);
}

const struct dhcp_host *subnet_host(const struct dhcp_subnet *sn, struct span hardware)
{
    size_t low = 0, high = hardware.len ? sn->host_count : 0;
    while (low < high) { /* halves each turn */
        size_t middle = low + (high - low) / 2;
        int order = compare_hardware(hardware, sn->by_hardware[middle]);
        if (order == 0)
            return sn->by_hardware[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct dhcp_host *subnet_host_at(const struct dhcp_subnet *sn, uint32_t address)
{
    size_t low = 0, high = sn->address_count;
    while (low < high) { /* halves each turn */
        size_t middle = low + (high - low) / 2;
        uint32_t at = sn->by_address[middle]->address;
        if (at == address)
            return sn->by_address[middle];
        if (at < address)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool subnet_in_pool(const struct dhcp_subnet *sn, uint32_t address)
{
    size_t low = 0, high = sn->range_count;
    while (low < high) { /* halves each turn */
        size_t middle = low + (high - low) / 2;
        if (address < sn->ranges[middle].first)
            high = middle;
        else if (address > sn->ranges[middle].last)
            low = middle + 1;
        else
            return true;
    }
    return false;
}

bool subnet_is_dynamic(const struct dhcp_subnet *sn, uint32_t address)
{
    return subnet_in_pool(sn, address) && !subnet_host_at(sn, address);
}

struct span options_find(const struct dhcp_options *o, uint8_t code)
{
    return o->slot[code] ? o->list[o->slot[code] - 1].value : (struct span){ NULL, 0 };
}
