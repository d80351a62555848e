#include "subnet.h"

bool subnet_contains(const struct dhcp_subnet *sn, uint32_t address)
{
    return (address & sn->mask) == sn->network;
}

bool subnet_is_edge(const struct dhcp_subnet *sn, uint32_t address)
{
    bool has_edges = ~sn->mask > 1; /* RFC 3021: a /31 has neither network nor broadcast address */
    return has_edges && (address == sn->network || address == (sn->network | ~sn->mask));
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

const struct dhcp_subnet *subnet_part(const struct dhcp_subnet *sn, uint32_t address)
{
    for (size_t i = 0; i < sn->part_count; i++)
        if (subnet_in_pool(&sn->parts[i], address))
            return &sn->parts[i];
    return sn;
}

/* RFC 3527: a relay that is not on the client's link says which one is meant. */
static uint32_t relayed_link(const struct dhcp4_message *m)
{
    struct span selected = dhcp4_relay_suboption(m, DHCP4_RELAY_LINK_SELECTION);
    if (selected.len != 4)
        return m->fixed.giaddr;
    struct reader r = reader_over(selected);
    return read_u32(&r);
}

uint32_t subnet_server_identifier(const struct dhcp4_message *m, const struct dhcp4_arrival *a)
{
    struct span other = { NULL, 0 };
    if (m->fixed.giaddr)
        other = dhcp4_relay_suboption(m, DHCP4_RELAY_SERVER_OVERRIDE);
    if (other.len != 4)
        return a->server;
    struct reader r = reader_over(other);
    return read_u32(&r);
}

const struct dhcp_subnet *subnet_choose(const struct dhcp_settings *s, const struct dhcp4_message *m,
                                        const struct dhcp4_arrival *a)
{
    uint32_t selected;
    if (s->subnet_selection && dhcp4_number(m, DHCP4_OPTION_SUBNET_SELECTION, &selected) &&
        !dhcp4_relay_suboption(m, DHCP4_RELAY_LINK_SELECTION).at)
        return subnet_of(s, selected);
    if (m->fixed.giaddr)
        return subnet_of(s, relayed_link(m));
    if (m->fixed.ciaddr && !a->broadcast)
        return subnet_of(s, m->fixed.ciaddr);
    if (a->link)
        return subnet_of(s, a->link);
    const struct dhcp_subnet *own = subnet_of(s, a->server);
    return own ? own : s->first;
}

struct span host_name(const struct dhcp_host *h)
{
    const uint8_t code = DHCP4_OPTION_HOST_NAME;
    bool own = h && h->own[code >> 6] >> (code & 63) & 1;
    return own ? options_find(h->options, code) : (struct span){ NULL, 0 };
}

int host_compare(enum dhcp_host_kind kind, struct span identity, const struct dhcp_host *h)
{
    if (kind != h->kind)
        return kind < h->kind ? -1 : 1;
    if (identity.len != h->identity.len)
        return identity.len < h->identity.len ? -1 : 1;
    return memcmp(identity.at, h->identity.at, identity.len);
}

static const struct dhcp_host *find_host(const struct dhcp_subnet *sn, enum dhcp_host_kind kind,
                                         struct span identity)
{
    size_t low = 0, high = identity.len ? sn->host_count : 0;
    while (low < high) { /* halves each turn */
        size_t middle = low + (high - low) / 2;
        int order = host_compare(kind, identity, sn->by_identity[middle]);
        if (order == 0)
            return sn->by_identity[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* RFC 4361 6.1: type 255, IAID, DUID. */
static struct span duid_of(const struct dhcp4_message *m)
{
    struct reader r = reader_over(dhcp4_option(m, DHCP4_OPTION_CLIENT_IDENTIFIER));
    bool has_duid = read_u8(&r) == 255;
    read_u32(&r);
    struct span duid = read_rest(&r);
    return has_duid && reader_ok(&r) ? duid : (struct span){ NULL, 0 };
}

static struct span identity_of(const struct dhcp4_message *m, enum dhcp_host_kind kind)
{
    switch (kind) {
    case DHCP_HOST_HARDWARE:
        return span_of(m->fixed.chaddr, m->fixed.hlen);
    case DHCP_HOST_CLIENT_ID:
        return dhcp4_option(m, DHCP4_OPTION_CLIENT_IDENTIFIER);
    case DHCP_HOST_DUID:
        return duid_of(m);
    case DHCP_HOST_CIRCUIT_ID:
        return dhcp4_relay_suboption(m, DHCP4_RELAY_CIRCUIT_ID);
    case DHCP_HOST_REMOTE_ID:
        return dhcp4_relay_suboption(m, DHCP4_RELAY_REMOTE_ID);
    case DHCP_HOST_CLASS:
        break;
    }
    return (struct span){ NULL, 0 };
}

const struct dhcp_host *subnet_host(const struct dhcp_subnet *sn, const struct dhcp4_message *m, uint64_t in)
{
    const struct dhcp_host *h = NULL;
    for (unsigned kind = 0; kind < DHCP_HOST_CLASS && !h; kind++)
        if (sn->host_kinds >> kind & 1)
            h = find_host(sn, (enum dhcp_host_kind)kind, identity_of(m, (enum dhcp_host_kind)kind));
    if (sn->host_kinds >> DHCP_HOST_CLASS & 1)
        for (; in && !h; in &= in - 1) { /* a bit each turn */
            uint8_t number = (uint8_t)__builtin_ctzll(in);
            h = find_host(sn, DHCP_HOST_CLASS, span_of(&number, sizeof number));
        }
    return h;
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
