#include "explain_hosts.h"

#include <stdio.h>

static const uint8_t no_hardware[6];

static bool is_link_local(struct address a)
{
    return a.family == FAMILY_IP6 && a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0x80;
}

/* RFC 1918, 3927 and loopback: nobody reaches them through a router of the Internet. */
static bool is_private(struct address a)
{
    uint32_t ip = address_to_ip4(a);
    return a.family == FAMILY_IP4 && (ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8 ||
                                      ip >> 16 == 0xa9fe || ip >> 24 == 127);
}

static bool has_address(const struct ladder_host *h, struct address a)
{
    for (size_t i = 0; i < h->address_count; i++)
        if (address_equal(h->addresses[i], a))
            return true;
    return false;
}

/* Whether an address that is new can be this host's, which has the same hardware address. */
static bool can_join(const struct ladder_host *h, struct address a)
{
    if (is_link_local(a))
        return true;
    for (size_t i = 0; i < h->address_count; i++) {
        struct address other = h->addresses[i];
        bool other_family = other.family != a.family && (is_private(other) || is_private(a));
        if (!is_link_local(other) && !other_family)
            return false;
    }
    return h->address_count < LADDER_ADDRESSES_MAX;
}

static size_t find_by_address(const struct explain_hosts *h, struct address a, uint16_t port)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->hosts[i].port == port && has_address(&h->hosts[i], a))
            return i;
    return h->count;
}

/* Any host with this hardware address, or one that can have the address, too. */
static size_t find_by_hardware(const struct explain_hosts *h, const struct view_end *e, bool join)
{
    for (size_t i = 0; i < h->count; i++)
        if (e->has_hardware && memcmp(h->hardware[i], no_hardware, 6) != 0 &&
            memcmp(h->hardware[i], e->hardware, 6) == 0 && (!join || can_join(&h->hosts[i], e->address)))
            return i;
    return h->count;
}

static void add_address(struct ladder_host *h, struct address a)
{
    if (h->address_count < LADDER_ADDRESSES_MAX && !has_address(h, a))
        h->addresses[h->address_count++] = a;
}

static void note_end(struct explain_hosts *h, const struct view_end *e, uint16_t port)
{
    bool addressed = e->address.family && !address_is_any(e->address);
    if (!addressed && !e->has_hardware)
        return;
    size_t i = addressed ? find_by_address(h, e->address, port) : h->count;
    if (i == h->count && !port)
        i = find_by_hardware(h, e, addressed);
    if (i == LADDER_HOSTS_MAX) {
        h->left_out++;
        return;
    }
    if (i == h->count) {
        h->hosts[h->count++] = (struct ladder_host){ .port = port };
        memset(h->hardware[i], 0, 6);
    }
    if (addressed)
        add_address(&h->hosts[i], e->address);
    if (e->has_hardware && !port)
        memcpy(h->hardware[i], e->hardware, 6);
}

void explain_hosts_note(struct explain_hosts *h, const struct view_message *m)
{
    bool itself = m->from.address.family && !m->everyone && address_equal(m->from.address, m->to.address) &&
                  m->from.port != m->to.port;
    uint16_t port = m->from.port < m->to.port ? m->from.port : m->to.port;
    note_end(h, &m->from, itself && m->from.port == port ? port : 0);
    if (!m->everyone)
        note_end(h, &m->to, itself && m->to.port == port ? port : 0);
}

void explain_hosts_name(struct explain_hosts *h, struct address a, struct span name)
{
    for (size_t i = 0; i < h->count; i++)
        if (has_address(&h->hosts[i], a) && !h->names[i][0])
            snprintf(h->names[i], EXPLAIN_NAME_MAX, "%.*s", (int)name.len, (const char *)name.at);
}

static bool is_shared(const struct explain_hosts *h, size_t host)
{
    for (size_t i = 0; i < h->count; i++)
        if (i != host && memcmp(h->hardware[i], h->hardware[host], 6) == 0)
            return true;
    return false;
}

/* The name: what the file calls it, its port, its address, its hardware. Below: what is known beside. */
static void write_heading(struct explain_hosts *h, size_t i)
{
    const struct ladder_host *host = &h->hosts[i];
    char address[ADDRESS_TEXT_MAX] = "", second[ADDRESS_TEXT_MAX] = "", hardware[HARDWARE_TEXT_MAX] = "";
    bool named = h->names[i][0] != 0;
    if (host->address_count)
        address_format(host->addresses[0], address);
    if (host->address_count > 1)
        address_format(host->addresses[1], second);
    if (memcmp(h->hardware[i], no_hardware, 6) != 0)
        hardware_format(span_of(h->hardware[i], 6), hardware);
    if (!named && host->port)
        snprintf(h->names[i], EXPLAIN_NAME_MAX, host->addresses[0].family == FAMILY_IP6 ? "[%s]:%u" : "%s:%u",
                 address, host->port);
    else if (!named)
        snprintf(h->names[i], EXPLAIN_NAME_MAX, "%s", address[0] ? address : hardware);
    const char *place = named ? address : second[0] ? second : address[0] ? hardware : "";
    snprintf(h->places[i], EXPLAIN_NAME_MAX, "%s", place);
}

void explain_hosts_finish(struct explain_hosts *h, size_t most)
{
    for (size_t i = 0; i < h->count; i++) {
        struct ladder_host *host = &h->hosts[i];
        write_heading(h, i);
        host->name = span_text(h->names[i]);
        host->place = span_text(h->places[i]);
        if (!is_shared(h, i))
            memcpy(host->hardware, h->hardware[i], 6);
    }
    if (h->count > most) {
        h->left_out += h->count - most;
        h->count = most;
    }
}
