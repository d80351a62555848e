#include "config6.h"
#include "config_names.h"

#include "config_class.h"
#include "config_options6.h"
#include "text.h"

#include <stdlib.h>

#define ROUTER_LIFETIME_MOST_S 9000 /* RFC 4861 6.2.1 */
#define LIFETIME_LEAST_S       1    /* labs turn over fast */
#define PREFIX_LENGTH_MOST     64   /* hosts make addresses in a /64 (RFC 4291 2.5.1); nobody routes less */

/* ---- the rows ------------------------------------------------------------------------------ */

/* An option's row by its type; see common/wire/dhcp6_options.def. */
#define KEY_ADDRESSES(key)                                                                                   \
    .type = CONFIG_ADDRESS, .flags = CONFIG_LIST, .example = key " = { \"2001:db8::35\" }"
#define KEY_NTP_SERVERS(key) KEY_ADDRESSES(key)
#define KEY_SECONDS(key)     .type = CONFIG_DURATION, .most = UINT32_MAX, .example = key " = \"1d\""
#define KEY_TEXT(key)        .type = CONFIG_TEXT, .example = key " = \"text\""
#define KEY_TEXTS(key)       .type = CONFIG_TEXT, .flags = CONFIG_LIST, .example = key " = { \"text\" }"
#define KEY_DOMAIN(key)      .type = CONFIG_DOMAIN, .example = key " = \"mydomain.example\""
#define KEY_DOMAINS(key)                                                                                     \
    .type = CONFIG_DOMAIN, .flags = CONFIG_LIST, .example = key " = { \"mydomain.example\" }"

#define ROW_SET(key, kind, rfc, meaning) { .name = key, KEY_##kind(key), .help = meaning, .reference = rfc },
#define ROW_OWN(key, kind, rfc, meaning)
#define ROW_PEER(key, kind, rfc, meaning)
#define OPTION6(code, id, key, kind, whose, rfc, meaning) ROW_##whose(key, kind, rfc, meaning)

static const struct config_key host6_keys[] = {
    { .name = "duid",
      .type = CONFIG_TEXT,
      .help = "The DUID of the client that is meant, in hexadecimal digits.",
      .example = "duid = \"00:01:00:01:1d:ef:69:bd:00:0c:29:5e:77:44\"",
      .reference = "RFC 9915 11" },
    { .name = "hardware",
      .type = CONFIG_HARDWARE,
      .help = "Its hardware address in the place of a DUID: as a relay tells it, or as the client's DUID "
              "holds it.",
      .example = "hardware = \"00:0c:29:5e:77:44\"",
      .reference = "RFC 6939" },
    { .name = "interface-id",
      .type = CONFIG_TEXT,
      .help =
          "In their place: the interface that its relay names, so that whoever is plugged in there is meant; "
          "text, or 0x and hexadecimal digits.",
      .example = "interface-id = \"ge-0/0/7\"",
      .reference = "RFC 9915 21.18" },
    { .name = "remote-id",
      .type = CONFIG_TEXT,
      .help =
          "In their place: the far end that its relay names, with the four bytes of the enterprise number "
          "before it.",
      .example = "remote-id = \"0x000000090a0b0c\"",
      .reference = "RFC 4649" },
    { .name = "subscriber-id",
      .type = CONFIG_TEXT,
      .help = "In their place: the customer that its relay names.",
      .example = "subscriber-id = \"customer 42\"",
      .reference = "RFC 4580" },
    { .name = "address",
      .type = CONFIG_ADDRESS,
      .help = "The address that is kept for its first IA, in the pool or beside it; without one only its "
              "options are its own.",
      .example = "address = \"2001:db8:1:2::50\"" },
    { .name = "prefix",
      .type = CONFIG_PREFIX,
      .help = "The prefix that is kept for its first IA_PD, in a prefix pool or beside it.",
      .example = "prefix = \"2001:db8:8000:100::/56\"",
      .reference = "RFC 9915 21.22" },
    OPTION6_SECTION,
#include "wire/dhcp6_options.def"
    { .name = NULL },
};

const struct config_key subnet6_keys[] = {
    { .name = "pool",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "The addresses that are given to whoever asks, the lowest first; each range in one /64.",
      .example = "pool = { \"2001:db8:1:2::1000-2001:db8:1:2::1fff\" }" },
    { .name = "prefix-pool",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help =
          "Prefixes for the networks behind clients that are routers: those of a whole, and the length of "
          "each, at most 64.",
      .example = "prefix-pool = { \"2001:db8:8000::/40 56\" }",
      .reference = "RFC 9915 6.3" },
    { .name = "interface",
      .type = CONFIG_TEXT,
      .help = "The interface that this network is on, where it has no address of the network.",
      .example = "interface = \"eth0\"" },
    { .name = "valid-lifetime",
      .type = CONFIG_DURATION,
      .least = LIFETIME_LEAST_S,
      .most = INT64_MAX,
      .otherwise = "1h",
      .help = "How long an address is the client's.",
      .example = "valid-lifetime = \"2h\"",
      .reference = "RFC 9915 21.6" },
    { .name = "preferred-lifetime",
      .type = CONFIG_DURATION,
      .least = LIFETIME_LEAST_S,
      .most = INT64_MAX,
      .help = "How long the client begins new connections with it; valid-lifetime, unless it is set.",
      .example = "preferred-lifetime = \"1h\"",
      .reference = "RFC 9915 21.6" },
    { .name = "renew-time",
      .type = CONFIG_DURATION,
      .least = LIFETIME_LEAST_S,
      .most = INT64_MAX,
      .help = "When the client asks to keep it (T1); half of preferred-lifetime, unless it is set.",
      .example = "renew-time = \"30m\"",
      .reference = "RFC 9915 21.4" },
    { .name = "rebind-time",
      .type = CONFIG_DURATION,
      .least = LIFETIME_LEAST_S,
      .most = INT64_MAX,
      .help = "When it asks any server (T2); four fifths of preferred-lifetime, unless it is set.",
      .example = "rebind-time = \"48m\"",
      .reference = "RFC 9915 21.4" },
    { .name = "circuit-limit",
      .type = CONFIG_NUMBER,
      .least = 0,
      .most = INT32_MAX,
      .otherwise = "0",
      .help =
          "How many addresses and delegated prefixes there are at most behind one port of a relay: what the "
          "relay next to the client names by Interface-Id, or by remote-id where there is none. So nobody "
          "takes all; 0: any number. Who has a lease keeps it.",
      .example = "circuit-limit = 8",
      .reference = "RFC 9915 21.18, RFC 4649" },
    { .name = "rapid-commit",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether a client that asks for it gets its address by two messages; where several servers do "
              "this, each loses an address to a client that takes another's.",
      .example = "rapid-commit = true",
      .reference = "RFC 9915 18.3.1" },
    { .name = "reconfigure",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help =
          "Whether clients that accept it get a key, and can be told to renew or to ask for options again "
          "before their time: `wirelab leases --reconfigure`.",
      .example = "reconfigure = true",
      .reference = "RFC 9915 18.3.11, 20.4" },
    { .name = "address-registration",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether hosts may tell the addresses of the network that they made themselves, so that "
              "`wirelab leases` and the DNS know them.",
      .example = "address-registration = true",
      .reference = "RFC 9686" },
    { .name = "preference",
      .type = CONFIG_NUMBER,
      .most = UINT8_MAX,
      .otherwise = "0",
      .help = "How much this server wants to be chosen among several; at 255 clients do not wait for others.",
      .example = "preference = 255",
      .reference = "RFC 9915 21.8" },
    { .name = "register",
      .type = CONFIG_DOMAIN,
      .help = "The zone that clients' names are put into, each with its address, by DNS UPDATE at "
              "register-server, "
              "and taken from when the lease ends; as for IPv4, and one name may have addresses of both.",
      .example = "register = \"mydomain.example\"",
      .reference = "RFC 4704, RFC 4703" },
    { .name = "register-reverse",
      .type = CONFIG_DOMAIN,
      .help = "The zone that the names of the subnet's addresses are put into, as PTR records.",
      .example = "register-reverse = \"2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa\"",
      .reference = "RFC 3596 2.5" },
    { .name = "router-advertisements",
      .type = CONFIG_FLAG,
      .otherwise = "true",
      .help = "Whether this server tells the hosts on its interface by router advertisements that there is "
              "DHCPv6, and of the network and its DNS servers; without them clients do not ask. Not where "
              "another router does it.",
      .example = "router-advertisements = false",
      .reference = "RFC 4861 6.2" },
    { .name = "router-lifetime",
      .type = CONFIG_DURATION,
      .most = ROUTER_LIFETIME_MOST_S,
      .otherwise = "0s",
      .help =
          "How long hosts may take this machine for their default router, by those advertisements; 0s: it "
          "is none.",
      .example = "router-lifetime = \"30m\"",
      .reference = "RFC 4861 6.2.1" },
    { .name = "autonomous",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether hosts may make addresses of their own in the network, besides those of DHCPv6.",
      .example = "autonomous = true",
      .reference = "RFC 4862 5.5.3" },
    { .name = "host",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_TEXT,
      .keys = host6_keys,
      .help = "One client, with an address or options of its own.",
      .example =
          "host \"printer\" { duid = \"00:03:00:01:00:0c:29:59:fd:21\"  address = \"2001:db8:1:2::50\" }" },
    OPTION6_SECTION,
#include "wire/dhcp6_options.def"
    { .name = NULL },
};

/* What all functions below work on. False from one of them means that there is no memory; problems of the
 * file are told to `c` and reading goes on, so that all of them are found. */
struct reading {
    struct config *c;
    struct arena *memory;
    struct dhcp6_settings *settings;
    bool has_names_server;
};

/* ---- listen, duid ------------------------------------------------------------------------------- */

static bool read_listens(struct reading *r, const struct config_section *s, size_t subnets)
{
    size_t count = 0;
    const struct config_value *v = config_list(s, "listen", &count);
    struct dhcp6_listen *listens = arena_array(r->memory, count, sizeof *listens);
    if (!listens)
        return false;
    r->settings->listens = listens;
    for (size_t i = 0; i < count; i++) {
        uint8_t family = v[i].endpoint.address.family;
        if (family == FAMILY_IP6 && !subnets)
            config_problem(r->c, s, &v[i], "an IPv4 address and port, or a section subnet6",
                           "there is no IPv6 subnet whose clients could be served here");
        if (family == FAMILY_IP4 || !subnets)
            continue;
        struct dhcp6_listen *l = &listens[r->settings->listen_count++];
        l->at = v[i].endpoint;
        if (family == FAMILY_NONE && !(l->interface = arena_text(r->memory, span_text(v[i].text))))
            return false;
    }
    return true;
}

bool config_duid(struct config *c, const struct config_section *s, struct arena *memory, struct span *out)
{
    const struct config_value *v = config_value(s, "duid");
    uint8_t room[DHCP6_DUID_MAX];
    struct writer w = writer_over(room, sizeof room);
    if (!v)
        return true;
    if (!options_write_hex(&w, span_text(v->text)) || !writer_ok(&w) ||
        writer_length(&w) < DHCP6_DUID_LEAST) {
        config_problem(
            c, s, v, "3 to 130 bytes as pairs of hexadecimal digits, as in \"00:03:00:01:00:0c:29:59:fd:21\"",
            "\"%s\" is not a DUID", v->text);
        return true;
    }
    *out = arena_copy(memory, writer_span(&w));
    return out->at != NULL;
}

/* ---- subnets -------------------------------------------------------------------------------------- */

static uint32_t seconds(int64_t s)
{
    return s >= DHCP6_INFINITE ? DHCP6_INFINITE : (uint32_t)s;
}

static uint32_t part_of(uint32_t lifetime_s, uint32_t tenths)
{
    return lifetime_s == DHCP6_INFINITE ? DHCP6_INFINITE : (uint32_t)((uint64_t)lifetime_s * tenths / 10);
}

static void read_times(struct reading *r, const struct config_section *s, struct dhcp6_subnet *sn)
{
    const struct config_value *preferred = config_value(s, "preferred-lifetime"),
                              *t1 = config_value(s, "renew-time"), *t2 = config_value(s, "rebind-time");
    sn->valid_s = seconds(config_number(s, "valid-lifetime"));
    sn->preferred_s = preferred ? seconds(preferred->number) : sn->valid_s;
    sn->t1_s = t1 ? seconds(t1->number) : part_of(sn->preferred_s, 5);
    sn->t2_s = t2 ? seconds(t2->number) : part_of(sn->preferred_s, 8);
    if (sn->preferred_s > sn->valid_s)
        config_problem(r->c, s, preferred, "at most valid-lifetime",
                       "preferred-lifetime is longer than valid-lifetime");
    if (sn->t2_s > sn->valid_s)
        config_problem(r->c, s, t2, "at most valid-lifetime", "rebind-time is longer than valid-lifetime");
    if (sn->t1_s > sn->t2_s)
        config_problem(r->c, s, t1 ? t1 : t2, "at most rebind-time", "renew-time is longer than rebind-time");
}

/* "2001:db8::10-2001:db8::1f", or one address. */
static bool parse_range(struct span text, struct dhcp6_range *out)
{
    struct address first, last;
    size_t dash = span_find(text, '-');
    if (!address_parse(span_head(text, dash), &first) || first.family != FAMILY_IP6)
        return false;
    last = first;
    if (dash < text.len && (!address_parse(span_from(text, dash + 1), &last) || last.family != FAMILY_IP6))
        return false;
    *out = (struct dhcp6_range){ address_to_ip6(first), address_to_ip6(last) };
    return true;
}

static void read_range(struct reading *r, const struct config_section *s, const struct config_value *v,
                       const struct dhcp6_subnet *sn, struct dhcp6_range *out)
{
    if (!parse_range(span_text(v->text), out))
        config_problem(r->c, s, v, "two IPv6 addresses with a - between them, or one",
                       "\"%s\" is not a range of addresses", v->text);
    else if (ip6_compare(out->last, out->first) < 0)
        config_problem(r->c, s, v, "the lower address first", "\"%s\" ends before it begins", v->text);
    else if (!subnet6_contains(sn, out->first) || !subnet6_contains(sn, out->last))
        config_problem(r->c, s, v, "addresses of the subnet", "the pool \"%s\" reaches out of %s", v->text,
                       sn->name);
    else if (out->first.high != out->last.high)
        config_problem(r->c, s, v, "a range for each /64", "the pool \"%s\" is larger than a /64", v->text);
    else if (sn->prefix.bits < 127 && ip6_equal(out->first, sn->network))
        config_problem(r->c, s, v, "addresses after it",
                       "the pool \"%s\" holds the address that all routers of %s have (RFC 4291 2.6.1)",
                       v->text, sn->name);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct dhcp6_range *x = a, *y = b;
    return ip6_compare(x->first, y->first);
}

static bool read_pool(struct reading *r, const struct config_section *s, struct dhcp6_subnet *sn)
{
    size_t count = 0;
    const struct config_value *v = config_list(s, "pool", &count);
    struct dhcp6_range *ranges = arena_array(r->memory, count, sizeof *ranges);
    if (!ranges)
        return false;
    for (size_t i = 0; i < count; i++)
        read_range(r, s, &v[i], sn, &ranges[i]);
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    for (size_t i = 1; i < count && config_ok(r->c); i++)
        if (ip6_compare(ranges[i].first, ranges[i - 1].last) <= 0)
            config_problem(r->c, s, v, "ranges that do not overlap",
                           "two ranges of the pool have addresses in common");
    sn->ranges = ranges;
    sn->range_count = count;
    return true;
}

/* "2001:db8:8000::/40 56" */
static bool parse_prefix_pool(struct span text, struct dhcp6_prefix_pool *out)
{
    struct prefix whole;
    uint64_t length;
    size_t space = span_find(text, ' ');
    if (space == text.len || !prefix_parse(span_head(text, space), &whole) ||
        whole.address.family != FAMILY_IP6 ||
        !parse_decimal(span_from(text, space + 1), PREFIX_LENGTH_MOST, &length))
        return false;
    if (length < whole.bits)
        return false;
    *out = (struct dhcp6_prefix_pool){ address_to_ip6(whole.address), whole.bits, (uint8_t)length };
    return true;
}

static bool read_prefix_pools(struct reading *r, const struct config_section *s, struct dhcp6_subnet *sn)
{
    size_t count = 0;
    const struct config_value *v = config_list(s, "prefix-pool", &count);
    struct dhcp6_prefix_pool *pools = arena_array(r->memory, count, sizeof *pools);
    if (!pools)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!parse_prefix_pool(span_text(v[i].text), &pools[i]))
            config_problem(r->c, s, &v[i],
                           "a prefix and the length of those that are delegated of it, at most 64: "
                           "\"2001:db8:8000::/40 56\"",
                           "\"%s\" is not a pool of prefixes", v[i].text);
    sn->prefix_pools = pools;
    sn->prefix_pool_count = count;
    return true;
}

/* A reserved prefix in a pool must be one of those that the pool is cut into. */
static void read_host_prefix(struct reading *r, const struct config_section *s, const struct dhcp6_subnet *sn,
                             struct dhcp6_host *h)
{
    const struct config_value *v = config_value(s, "prefix");
    if (!v)
        return;
    h->has_prefix = true;
    h->prefix = address_to_ip6(v->prefix.address);
    h->prefix_bits = v->prefix.bits;
    if (v->prefix.address.family != FAMILY_IP6 || v->prefix.bits > PREFIX_LENGTH_MOST)
        config_problem(r->c, s, v, "an IPv6 prefix of 64 bits at most", "\"%s\" cannot be delegated",
                       v->text);
    for (size_t i = 0; i < sn->prefix_pool_count; i++) {
        const struct dhcp6_prefix_pool *p = &sn->prefix_pools[i];
        if (ip6_equal(ip6_first(h->prefix, p->bits), p->network) && p->length != h->prefix_bits)
            config_problem(r->c, s, v, "a prefix of the pool's length, or one beside it",
                           "\"%s\" is in a pool of prefixes with %d bits", v->text, p->length);
    }
}

/* What the host is known by: one of five. */
static bool read_identity(struct reading *r, const struct config_section *s, struct dhcp6_host *h)
{
    static const struct {
        const char *key;
        uint8_t option;
    } places[] = { { "interface-id", DHCP6_OPTION_INTERFACE_ID },
                   { "remote-id", DHCP6_OPTION_REMOTE_ID },
                   { "subscriber-id", DHCP6_OPTION_SUBSCRIBER_ID } };
    const struct config_value *duid = config_value(s, "duid"), *hardware = config_value(s, "hardware"),
                              *place = NULL;
    int told = (duid != NULL) + (hardware != NULL);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (config_value(s, places[i].key)) {
            place = config_value(s, places[i].key);
            h->place_option = places[i].option;
            told++;
        }
    if (told != 1)
        config_problem(r->c, s, hardware, "one of duid, hardware, interface-id, remote-id and subscriber-id",
                       "host \"%s\" is told by %s", h->name, told ? "more than one thing" : "nothing");
    if (told == 1 && place)
        return config_bytes(r->c, s, place, span_text(place->text), r->memory, &h->place);
    if (hardware) {
        h->hardware = arena_copy(r->memory, span_of(hardware->hardware, hardware->hardware_len));
        return h->hardware.at != NULL;
    }
    return config_duid(r->c, s, r->memory, &h->duid);
}

static bool read_host(struct reading *r, const struct config_section *s, const struct dhcp6_subnet *sn,
                      const struct options6_draft *inherited, struct dhcp6_host *h)
{
    struct options6_draft draft = *inherited;
    const struct config_value *address = config_value(s, "address");
    h->name = arena_text(r->memory, span_text(config_title(s)->text));
    if (!h->name || !read_identity(r, s, h) || !options6_read(&draft, r->memory, r->c, s))
        return false;
    if (address) {
        h->has_address = true;
        h->address = address_to_ip6(address->endpoint.address);
        if (address->endpoint.address.family != FAMILY_IP6 || !subnet6_contains(sn, h->address))
            config_problem(r->c, s, address, "an address of the subnet", "\"%s\" is no host's address in %s",
                           address->text, sn->name);
    }
    read_host_prefix(r, s, sn, h);
    if (!draft.changed)
        return true;
    struct dhcp6_options *own = arena_array(r->memory, 1, sizeof *own);
    h->options = own;
    return own && options6_finish(&draft, r->memory, own);
}

static int compare_by_duid(const void *a, const void *b)
{
    const struct dhcp6_host *x = *(const struct dhcp6_host *const *)a,
                            *y = *(const struct dhcp6_host *const *)b;
    return identity_compare(x->duid, y->duid);
}

static int compare_by_hardware(const void *a, const void *b)
{
    const struct dhcp6_host *x = *(const struct dhcp6_host *const *)a,
                            *y = *(const struct dhcp6_host *const *)b;
    return identity_compare(x->hardware, y->hardware);
}

static int compare_by_place(const void *a, const void *b)
{
    const struct dhcp6_host *x = *(const struct dhcp6_host *const *)a,
                            *y = *(const struct dhcp6_host *const *)b;
    return place_compare(x->place_option, x->place, y);
}

static int compare_by_address(const void *a, const void *b)
{
    const struct dhcp6_host *x = *(const struct dhcp6_host *const *)a,
                            *y = *(const struct dhcp6_host *const *)b;
    return ip6_compare(x->address, y->address);
}

static int compare_by_prefix(const void *a, const void *b)
{
    const struct dhcp6_host *x = *(const struct dhcp6_host *const *)a,
                            *y = *(const struct dhcp6_host *const *)b;
    return ip6_compare(x->prefix, y->prefix);
}

/* No two hosts next to each other in a sorted list are alike. */
static void check_hosts(struct reading *r, const struct config_section *s, const struct dhcp6_subnet *sn,
                        const struct dhcp6_host *const *hosts, size_t count,
                        int (*compare)(const void *, const void *), const char *what)
{
    for (size_t i = 1; i < count; i++)
        if (compare(&hosts[i - 1], &hosts[i]) == 0)
            config_problem(r->c, s, NULL, "one host for each",
                           "hosts \"%s\" and \"%s\" of %s have the same %s", hosts[i - 1]->name,
                           hosts[i]->name, sn->name, what);
}

static bool read_hosts(struct reading *r, const struct config_section *s,
                       const struct options6_draft *inherited, struct dhcp6_subnet *sn)
{
    size_t count = 0;
    const struct config_section *const *sections = config_sections(s, "host", &count);
    struct dhcp6_host *hosts = arena_array(r->memory, count, sizeof *hosts);
    const struct dhcp6_host **by_duid = arena_array(r->memory, count, sizeof *by_duid);
    const struct dhcp6_host **by_hardware = arena_array(r->memory, count, sizeof *by_hardware);
    const struct dhcp6_host **by_address = arena_array(r->memory, count, sizeof *by_address);
    const struct dhcp6_host **by_place = arena_array(r->memory, count, sizeof *by_place);
    const struct dhcp6_host **by_prefix = arena_array(r->memory, count, sizeof *by_prefix);
    if (!hosts || !by_duid || !by_hardware || !by_address || !by_prefix || !by_place)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!read_host(r, sections[i], sn, inherited, &hosts[i]))
            return false;
        if (hosts[i].duid.len)
            by_duid[sn->duid_count++] = &hosts[i];
        else if (hosts[i].hardware.len)
            by_hardware[sn->hardware_count++] = &hosts[i];
        else if (hosts[i].place.len)
            by_place[sn->place_count++] = &hosts[i];
        if (hosts[i].has_address)
            by_address[sn->address_count++] = &hosts[i];
        if (hosts[i].has_prefix)
            by_prefix[sn->prefix_count++] = &hosts[i];
    }
    qsort(by_duid, sn->duid_count, sizeof *by_duid, compare_by_duid);
    qsort(by_hardware, sn->hardware_count, sizeof *by_hardware, compare_by_hardware);
    qsort(by_address, sn->address_count, sizeof *by_address, compare_by_address);
    qsort(by_prefix, sn->prefix_count, sizeof *by_prefix, compare_by_prefix);
    sn->by_duid = by_duid;
    sn->by_prefix = by_prefix;
    qsort(by_place, sn->place_count, sizeof *by_place, compare_by_place);
    sn->by_hardware = by_hardware;
    sn->by_place = by_place;
    sn->by_address = by_address;
    check_hosts(r, s, sn, by_duid, sn->duid_count, compare_by_duid, "DUID");
    check_hosts(r, s, sn, by_hardware, sn->hardware_count, compare_by_hardware, "hardware address");
    check_hosts(r, s, sn, by_place, sn->place_count, compare_by_place, "place");
    check_hosts(r, s, sn, by_address, sn->address_count, compare_by_address, "address");
    check_hosts(r, s, sn, by_prefix, sn->prefix_count, compare_by_prefix, "prefix");
    return true;
}

static bool read_subnet(struct reading *r, const struct config_section *s, struct dhcp6_subnet *sn)
{
    const struct config_value *title = config_title(s), *interface = config_value(s, "interface");
    struct options6_draft draft = { 0 };
    if (title->prefix.address.family != FAMILY_IP6)
        config_problem(r->c, s, title, "an IPv6 prefix: 2001:db8:1:2::/64", "\"%s\" is no IPv6 network",
                       title->text);
    sn->name = arena_text(r->memory, span_text(title->text));
    sn->prefix = title->prefix;
    sn->network = address_to_ip6(title->prefix.address);
    sn->rapid_commit = config_flag(s, "rapid-commit");
    sn->reconfigures = config_flag(s, "reconfigure");
    sn->registers = config_flag(s, "address-registration");
    sn->preference = (uint8_t)config_number(s, "preference");
    sn->circuit_limit = (uint32_t)config_number(s, "circuit-limit");
    sn->advertises = config_flag(s, "router-advertisements");
    sn->autonomous = config_flag(s, "autonomous");
    sn->router_lifetime_s = (uint16_t)config_number(s, "router-lifetime");
    if (sn->autonomous && sn->prefix.bits != 64)
        config_problem(r->c, s, config_value(s, "autonomous"), "a /64 (RFC 4291 2.5.1)",
                       "hosts cannot make addresses in %s", sn->name);
    if (!sn->name || (interface && !(sn->interface = arena_text(r->memory, span_text(interface->text)))))
        return false;
    read_times(r, s, sn);
    if (!config_zone(r->c, s, "register", r->memory, r->has_names_server, &sn->zone) ||
        !config_zone(r->c, s, "register-reverse", r->memory, r->has_names_server, &sn->reverse_zone))
        return false;
    if (!options6_read(&draft, r->memory, r->c, s) || !options6_finish(&draft, r->memory, &sn->options))
        return false;
    draft.changed = false;
    return read_pool(r, s, sn) && read_prefix_pools(r, s, sn) && read_hosts(r, s, &draft, sn);
}

static int compare_subnets(const void *a, const void *b)
{
    const struct dhcp6_subnet *x = a, *y = b;
    return ip6_compare(x->network, y->network);
}

static bool overlap(struct ip6 a, uint8_t a_bits, struct ip6 b, uint8_t b_bits)
{
    uint8_t least = a_bits < b_bits ? a_bits : b_bits;
    return ip6_equal(ip6_first(a, least), ip6_first(b, least));
}

/* What is delegated is neither on a link nor in two pools. */
static void check_prefix_pool(struct reading *r, const struct config_section *s,
                              const struct dhcp6_subnet *subnets, size_t count,
                              const struct dhcp6_subnet *owner, const struct dhcp6_prefix_pool *p)
{
    for (size_t i = 0; i < count; i++) {
        const struct dhcp6_subnet *sn = &subnets[i];
        bool meets = overlap(p->network, p->bits, sn->network, sn->prefix.bits);
        for (size_t j = 0; j < sn->prefix_pool_count && !meets; j++)
            meets = p != &sn->prefix_pools[j] &&
                    overlap(p->network, p->bits, sn->prefix_pools[j].network, sn->prefix_pools[j].bits);
        if (meets)
            config_problem(r->c, s, NULL, "prefixes of their own",
                           "a prefix-pool of %s overlaps with the network or a prefix-pool of %s",
                           owner->name, sn->name);
    }
}

static void order_subnets(struct reading *r, const struct config_section *s, struct dhcp6_subnet *subnets,
                          size_t count)
{
    qsort(subnets, count, sizeof *subnets, compare_subnets);
    for (size_t i = 0; i < count; i++) {
        subnets[i].number = i;
        if (i && subnet6_contains(&subnets[i - 1], subnets[i].network))
            config_problem(r->c, s, NULL, "subnets that do not overlap", "%s lies in %s", subnets[i].name,
                           subnets[i - 1].name);
    }
    for (size_t i = 0; i < count && config_ok(r->c); i++)
        for (size_t j = 0; j < subnets[i].prefix_pool_count; j++)
            check_prefix_pool(r, s, subnets, count, &subnets[i], &subnets[i].prefix_pools[j]);
    r->settings->subnets = subnets;
    r->settings->subnet_count = count;
}

bool config6_read(struct config *c, const struct config_section *s, struct arena *memory,
                  struct dhcp6_settings *out)
{
    struct reading r = { .c = c,
                         .memory = memory,
                         .settings = out,
                         .has_names_server = config_value(s, "register-server") != NULL };
    size_t count = 0;
    const struct config_section *const *sections = config_sections(s, "subnet6", &count);
    struct dhcp6_subnet *subnets = arena_array(memory, count, sizeof *subnets);
    out->decline_s = (uint32_t)config_number(s, "decline-time");
    if (!subnets || !config_duid(r.c, s, r.memory, &out->duid) || !read_listens(&r, s, count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_subnet(&r, sections[i], &subnets[i]))
            return false;
    order_subnets(&r, s, subnets, count);
    if (count && !out->listen_count)
        config_warning(c, s, config_value(s, "listen"),
                       "no interface and no IPv6 address is listened at: no IPv6 subnet is served");
    return true;
}
