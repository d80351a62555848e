#include "config_hosts.h"

#include "config6.h"
#include "config_class.h"

#include <stdlib.h>

struct reading {
    struct config *c;
    const struct dhcp_settings *settings;
    struct arena *memory;
};

/* Its bit's number, as the identity of a host is bytes. */
static bool read_class(struct reading *r, const struct config_section *s, const struct config_value *v,
                       struct dhcp_host *h)
{
    uint64_t bit = config_class_bit(r->c, s, v, r->settings, v->text);
    uint8_t number = bit ? (uint8_t)__builtin_ctzll(bit) : 0;
    h->identity = arena_copy(r->memory, span_of(&number, sizeof number));
    return h->identity.at != NULL;
}

/* What the host is known by: one of these. False when there is no memory. */
static bool read_identity(struct reading *r, const struct config_section *s, struct dhcp_host *h)
{
    static const char *const keys[] = {
        [DHCP_HOST_HARDWARE] = "hardware",   [DHCP_HOST_CLIENT_ID] = "client-id",
        [DHCP_HOST_DUID] = "duid",           [DHCP_HOST_CIRCUIT_ID] = "circuit-id",
        [DHCP_HOST_REMOTE_ID] = "remote-id", [DHCP_HOST_CLASS] = "class"
    };
    const struct config_value *v = NULL;
    size_t count = 0;
    for (size_t kind = 0; kind < sizeof keys / sizeof *keys; kind++)
        if (config_value(s, keys[kind])) {
            v = config_value(s, keys[kind]);
            h->kind = (enum dhcp_host_kind)kind;
            count++;
        }
    if (count != 1) {
        config_problem(r->c, s, config_title(s),
                       "one of hardware, client-id, duid, circuit-id, remote-id and class",
                       "host \"%s\" is told by %s", h->name, count ? "more than one thing" : "nothing");
        return true;
    }
    switch (h->kind) {
    case DHCP_HOST_HARDWARE:
        h->identity = arena_copy(r->memory, span_of(v->hardware, v->hardware_len));
        return h->identity.at != NULL;
    case DHCP_HOST_DUID:
        return config_duid(r->c, s, r->memory, &h->identity);
    case DHCP_HOST_CLASS:
        return read_class(r, s, v, h);
    default:
        return config_bytes(r->c, s, v, span_text(v->text), r->memory, &h->identity);
    }
}

static bool read_host(struct reading *r, const struct config_section *s, const struct dhcp_subnet *sn,
                      const struct options_draft *inherited, struct dhcp_host *h)
{
    struct options_draft draft = *inherited;
    const struct config_value *address = config_value(s, "address");
    h->name = arena_text(r->memory, span_text(config_title(s)->text));
    if (!h->name || !read_identity(r, s, h) || !options_read(&draft, r->memory, r->c, s))
        return false;
    if (address) {
        h->address = address_to_ip4(address->endpoint.address);
        if (!subnet_contains(sn, h->address) || subnet_is_edge(sn, h->address))
            config_problem(r->c, s, address, "an address of the subnet", "\"%s\" is no host's address in %s",
                           address->text, sn->name);
    }
    bool any = false;
    for (size_t code = 0; code < 256; code++)
        if (draft.value[code].at != inherited->value[code].at) {
            h->own[code >> 6] |= UINT64_C(1) << (code & 63);
            any = true;
        }
    if (!any)
        return true;
    struct dhcp_options *own = arena_array(r->memory, 1, sizeof *own);
    h->options = own;
    return own && options_finish(&draft, r->memory, own);
}

static int compare_by_identity(const void *a, const void *b)
{
    const struct dhcp_host *x = *(const struct dhcp_host *const *)a, *y = *(const struct dhcp_host *const *)b;
    return host_compare(x->kind, x->identity, y);
}

static int compare_by_address(const void *a, const void *b)
{
    const struct dhcp_host *x = *(const struct dhcp_host *const *)a, *y = *(const struct dhcp_host *const *)b;
    return x->address < y->address ? -1 : x->address > y->address;
}

static void check_hosts(struct reading *r, const struct config_section *s, const struct dhcp_subnet *sn)
{
    for (size_t i = 1; i < sn->host_count; i++)
        if (compare_by_identity(&sn->by_identity[i - 1], &sn->by_identity[i]) == 0)
            config_problem(
                r->c, s, NULL, "one host for each client", "hosts \"%s\" and \"%s\" of %s have the same %s",
                sn->by_identity[i - 1]->name, sn->by_identity[i]->name, sn->name,
                sn->by_identity[i]->kind == DHCP_HOST_HARDWARE ? "hardware address" : "identifier");
    for (size_t i = 1; i < sn->address_count; i++)
        if (sn->by_address[i - 1]->address == sn->by_address[i]->address)
            config_problem(r->c, s, NULL, "one host for each address",
                           "hosts \"%s\" and \"%s\" of %s have the same address", sn->by_address[i - 1]->name,
                           sn->by_address[i]->name, sn->name);
}

bool config_hosts(struct config *c, const struct config_section *s, struct arena *memory,
                  const struct dhcp_settings *settings, const struct options_draft *inherited,
                  struct dhcp_subnet *sn)
{
    struct reading *r = &(struct reading){ c, settings, memory };
    size_t count = 0;
    const struct config_section *const *sections = config_sections(s, "host", &count);
    struct dhcp_host *hosts = arena_array(r->memory, count, sizeof *hosts);
    const struct dhcp_host **by_identity = arena_array(r->memory, count, sizeof *by_identity);
    const struct dhcp_host **by_address = arena_array(r->memory, count, sizeof *by_address);
    if (!hosts || !by_identity || !by_address)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!read_host(r, sections[i], sn, inherited, &hosts[i]))
            return false;
        by_identity[sn->host_count++] = &hosts[i];
        sn->host_kinds |= 1u << hosts[i].kind;
        if (hosts[i].address)
            by_address[sn->address_count++] = &hosts[i];
    }
    qsort(by_identity, sn->host_count, sizeof *by_identity, compare_by_identity);
    qsort(by_address, sn->address_count, sizeof *by_address, compare_by_address);
    sn->by_identity = by_identity;
    sn->by_address = by_address;
    check_hosts(r, s, sn);
    return true;
}
