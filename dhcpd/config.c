#include "dhcpd.h"

#include "config6.h"
#include "config_class.h"
#include "config_hosts.h"
#include "config_names.h"
#include "config_options.h"
#include "config_tsig.h"

#include <stdlib.h>

#define MEMORY_CHUNK (16 * 1024)
#define MEMORY_MAX                                                                                           \
    (1024 * 1024 * 1024)    /* a host takes some 200 bytes: a bound on a mistake, not on a network */
#define PROBE_MOST_MS 10000 /* clients ask again, and give up, before that */
#define LEASE_LEAST_S 1     /* labs turn over fast */
#define LEASE_SHORT_S 60    /* what a client gets at least that asks for less, unless configured */

/* ---- the rows ------------------------------------------------------------------------------ */

/* An option's row by its type; see common/wire/dhcp_options.def. */
#define KEY_IP4(key) .type = CONFIG_ADDRESS4, .example = key " = \"192.168.1.1\""
#define KEY_ADDRESSES(key)                                                                                   \
    .type = CONFIG_ADDRESS4, .flags = CONFIG_LIST, .example = key " = { \"192.168.1.1\" }"
#define KEY_ADDRESS_PAIRS(key)                                                                               \
    .type = CONFIG_TEXT, .flags = CONFIG_LIST, .example = key " = { \"10.0.0.0 192.168.1.1\" }"
#define KEY_U8(key)   .type = CONFIG_NUMBER, .most = UINT8_MAX, .example = key " = 64"
#define KEY_U16(key)  .type = CONFIG_NUMBER, .most = UINT16_MAX, .example = key " = 1500"
#define KEY_U32(key)  .type = CONFIG_NUMBER, .most = UINT32_MAX, .example = key " = 3600"
#define KEY_S32(key)  .type = CONFIG_TEXT, .example = key " = \"-3600\""
#define KEY_FLAG(key) .type = CONFIG_FLAG, .example = key " = true"
#define KEY_TEXT(key) .type = CONFIG_TEXT, .example = key " = \"mydomain.example\""
#define KEY_U16S(key)                                                                                        \
    .type = CONFIG_NUMBER, .flags = CONFIG_LIST, .most = UINT16_MAX, .example = key " = { 1500 }"
#define KEY_DOMAINS(key)                                                                                     \
    .type = CONFIG_DOMAIN, .flags = CONFIG_LIST, .example = key " = { \"mydomain.example\" }"
#define KEY_BYTES(key) .type = CONFIG_TEXT, .example = key " = \"01:04:c0:a8:01:01\""
#define KEY_SIP(key)                                                                                         \
    .type = CONFIG_TEXT, .flags = CONFIG_LIST, .example = key " = { \"sip.mydomain.example\" }"
#define KEY_VENDORS(key)                                                                                     \
    .type = CONFIG_TEXT, .flags = CONFIG_LIST, .example = key " = { \"3561 01:02:68:69\" }"
#define KEY_ROUTES(key)                                                                                      \
    .type = CONFIG_TEXT, .flags = CONFIG_LIST, .example = key " = { \"10.0.0.0/8 192.168.1.1\" }"

#define ROW_SET(key, kind, rfc, meaning) { .name = key, KEY_##kind(key), .help = meaning, .reference = rfc },
#define ROW_OWN(key, kind, rfc, meaning)
#define ROW_PEER(key, kind, rfc, meaning)
#define OPTION4(code, id, key, kind, whose, rfc, meaning) ROW_##whose(key, kind, rfc, meaning)

#define OPTION_SECTION                                                                                       \
    {                                                                                                        \
        .name = "option", .type = CONFIG_SECTION, .flags = CONFIG_TITLED, .title_type = CONFIG_NUMBER,       \
        .keys = option_keys, .help = "Any option, by its number.",                                           \
        .example = "option \"224\" { hex = \"0102\" }"                                                       \
    }

static const struct config_key host_keys[] = {
    { .name = "hardware",
      .type = CONFIG_HARDWARE,
      .help = "The hardware address of the client that is meant.",
      .example = "hardware = \"00:0c:29:59:fd:21\"" },
    { .name = "client-id",
      .type = CONFIG_TEXT,
      .help = "In its place: the identifier that it sends, as text, or as 0x and hexadecimal digits.",
      .example = "client-id = \"0x01000c2959fd21\"",
      .reference = "RFC 2132 9.14" },
    { .name = "duid",
      .type = CONFIG_TEXT,
      .help = "In its place: the DUID in the identifier of a client that has one for IPv4 and IPv6, in "
              "hexadecimal digits, whichever of its interfaces asks.",
      .example = "duid = \"00:01:00:01:1d:ef:69:bd:00:0c:29:5e:77:44\"",
      .reference = "RFC 4361 6.1" },
    { .name = "circuit-id",
      .type = CONFIG_TEXT,
      .help = "In its place: the circuit that its relay names, so that whoever is plugged in there is meant.",
      .example = "circuit-id = \"ge-0/0/7\"",
      .reference = "RFC 3046 3.1" },
    { .name = "remote-id",
      .type = CONFIG_TEXT,
      .help = "In its place: the remote end that its relay names.",
      .example = "remote-id = \"subscriber-17\"",
      .reference = "RFC 3046 3.2" },
    { .name = "class",
      .type = CONFIG_TEXT,
      .help = "In its place: a class, whose match- keys can look at anything that is sent; the first client "
              "of it that comes is meant.",
      .example = "class = \"camera-at-the-door\"" },
    { .name = "address",
      .type = CONFIG_ADDRESS4,
      .help = "The address that is kept for it, in the pool or beside it; without one only its options are "
              "its own.",
      .example = "address = \"192.168.1.50\"" },
    OPTION_SECTION,
#include "wire/dhcp_options.def"
    { .name = NULL },
};

static const struct config_key class_keys[] = {
    { .name = "match-hardware",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Its hardware address begins with one of these. A client is in the class when each match- key "
              "that is there holds.",
      .example = "match-hardware = { \"00:0c:29\", \"52:54:00\" }" },
    { .name = "match-vendor-class",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Its vendor class (60) begins with one of these.",
      .example = "match-vendor-class = { \"PXEClient\" }",
      .reference = "RFC 2132 9.13" },
    { .name = "match-user-class",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "One of its user classes (77) is one of these.",
      .example = "match-user-class = { \"iPXE\" }",
      .reference = "RFC 3004" },
    { .name = "match-architecture",
      .type = CONFIG_NUMBER,
      .flags = CONFIG_LIST,
      .most = UINT16_MAX,
      .help =
          "One of its boot architectures (93) is one of these: 0 BIOS, 6 UEFI 32 bit, 7 and 9 UEFI 64 bit, "
          "11 ARM 64 bit, 15 and 16 UEFI over HTTP.",
      .example = "match-architecture = { 7, 9 }",
      .reference = "RFC 4578 2.1" },
    { .name = "match-option",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help =
          "One of these options is in its message: with any value, with this one (0x and hexadecimal digits "
          "where it is no text), or, before a *, with one that begins so. 82.1 is the relay's circuit "
          "identifier.",
      .example = "match-option = { \"43\", \"12 lab-*\", \"82.1 0x0102\" }" },
    { .name = "lease-time",
      .type = CONFIG_DURATION,
      .least = LEASE_LEAST_S,
      .most = INT64_MAX,
      .help = "How long its clients have an address, whatever they ask for; as the subnet, unless it is set.",
      .example = "lease-time = \"5m\"",
      .reference = "RFC 2131 4.3.1" },
    { .name = "force-broadcast",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether its clients are answered by broadcast until they have an address, though they do not "
              "ask for it.",
      .example = "force-broadcast = true",
      .reference = "RFC 2131 4.1" },
    { .name = "next-server",
      .type = CONFIG_ADDRESS4,
      .help = "The server that its boot clients go on to (siaddr); as the subnet, unless it is set.",
      .example = "next-server = \"192.168.1.5\"",
      .reference = "RFC 2131 2" },
    OPTION_SECTION,
#include "wire/dhcp_options.def"
    { .name = NULL },
};

static const struct config_key class_pool_keys[] = {
    { .name = "pool",
      .type = CONFIG_RANGE4,
      .flags = CONFIG_LIST | CONFIG_REQUIRED,
      .help = "The addresses that are given to clients of this class alone.",
      .example = "pool = { \"192.168.1.200-192.168.1.250\" }" },
    OPTION_SECTION,
#include "wire/dhcp_options.def"
    { .name = NULL },
};

static const struct config_key subnet_keys[] = {
    { .name = "pool",
      .type = CONFIG_RANGE4,
      .flags = CONFIG_LIST,
      .help = "The addresses that are given to whoever asks.",
      .example = "pool = { \"192.168.1.10-192.168.1.199\" }" },
    { .name = "class-pool",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_TEXT,
      .keys = class_pool_keys,
      .help = "Addresses for the clients of a class, which get others of the subnet when these are gone.",
      .example = "class-pool \"phones\" { pool = { \"192.168.1.200-192.168.1.250\" } }" },
    { .name = "shared-network",
      .type = CONFIG_TEXT,
      .help = "Subnets with the same name here are on one link: its clients get addresses of any of them.",
      .example = "shared-network = \"floor-2\"",
      .reference = "RFC 2131 4.3.1" },
    { .name = "circuit-limit",
      .type = CONFIG_NUMBER,
      .least = 0,
      .most = INT32_MAX,
      .otherwise = "0",
      .help =
          "How many leases there are at most behind one circuit of a relay (one remote end where it names "
          "no circuit), so that nobody takes all; 0: any number. Who has a lease keeps it.",
      .example = "circuit-limit = 8",
      .reference = "RFC 3046" },
    { .name = "bootp",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether BOOTP clients, which never renew and give nothing back, get addresses of the pool for "
              "ever. Those with a host section that has an address are always served.",
      .example = "bootp = true",
      .reference = "RFC 951, RFC 1534" },
    { .name = "lease-time",
      .type = CONFIG_DURATION,
      .least = LEASE_LEAST_S,
      .most = INT64_MAX,
      .otherwise = "1h",
      .help = "How long an address is granted to a client that asks for no certain time.",
      .example = "lease-time = \"10m\"",
      .reference = "RFC 2131 4.3.1" },
    { .name = "min-lease-time",
      .type = CONFIG_DURATION,
      .least = LEASE_LEAST_S,
      .most = INT64_MAX,
      .help = "The shortest time that a client can ask for; one minute, or lease-time where that is shorter.",
      .example = "min-lease-time = \"2m\"" },
    { .name = "max-lease-time",
      .type = CONFIG_DURATION,
      .least = LEASE_LEAST_S,
      .most = INT64_MAX,
      .help = "The longest time that a client can ask for; lease-time, unless it is set.",
      .example = "max-lease-time = \"1d\"" },
    { .name = "probe",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .most = PROBE_MOST_MS,
      .otherwise = "0s",
      .help = "Before an address goes to a client that did not have it, it is pinged, and offered when "
              "nobody has "
              "answered for this long. 0s: not at all, since clients look themselves. Needs CAP_NET_RAW.",
      .example = "probe = \"1s\"",
      .reference = "RFC 2131 2.2, 4.3.1" },
    { .name = "register",
      .type = CONFIG_DOMAIN,
      .help =
          "The zone that clients' names are put into, each with its address, by DNS UPDATE at "
          "register-server, "
          "and taken from when the lease ends. A name that another client has, or that was put there by "
          "hand, "
          "stays as it is. The `host-name` of a host section counts before a client's full name (81), and "
          "that "
          "before its host name (12), by its first label, where what no host's name can have becomes a "
          "hyphen. "
          "Who wants no name in the DNS gets none; who would put it there itself is told that it is done.",
      .example = "register = \"mydomain.example\"",
      .reference = "RFC 2136, RFC 4702, RFC 4703" },
    { .name = "register-reverse",
      .type = CONFIG_DOMAIN,
      .help = "The zone that the names of the subnet's addresses are put into, as PTR records.",
      .example = "register-reverse = \"1.168.192.in-addr.arpa\"",
      .reference = "RFC 1035 3.5" },
    { .name = "force-broadcast",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help =
          "The same for all clients of the subnet: for those that hear nothing else, and forget the flag.",
      .example = "force-broadcast = true",
      .reference = "RFC 2131 4.1" },
    { .name = "next-server",
      .type = CONFIG_ADDRESS4,
      .help = "The server that boot clients go on to (siaddr); this one, unless it is set.",
      .example = "next-server = \"192.168.1.5\"",
      .reference = "RFC 2131 2" },
    { .name = "host",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_TEXT,
      .keys = host_keys,
      .help = "One client, with an address or options of its own.",
      .example = "host \"printer\" { hardware = \"00:0c:29:59:fd:21\"  address = \"192.168.1.50\" }" },
    OPTION_SECTION,
#include "wire/dhcp_options.def"
    { .name = NULL },
};

const struct config_key dhcpd_keys[] = {
    { .name = "listen",
      .type = CONFIG_LISTEN,
      .flags = CONFIG_LIST | CONFIG_REQUIRED | CONFIG_RESTART,
      .help = "An interface whose clients are served, or an address and port for relays and test clients: by "
              "DHCPv4 "
              "where it is IPv4, by DHCPv6 where it is IPv6, an interface by each that has a subnet. An "
              "interface that is not there, or has no address yet, is served as soon as it can be, and again "
              "when it went and came back.",
      .example = "listen = { \"eth0\", \"127.0.0.1:6767\" }" },
    { .name = "authoritative",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help =
          "Whether a client that asks for an address of which nothing is known is told so (NAK) or met with "
          "silence, because another server may know it.",
      .example = "authoritative = true",
      .reference = "RFC 2131 4.3.2" },
    { .name = "rapid-commit",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether a client that asks for it has its lease after two messages in place of four. Not for "
              "networks with another server, which would keep an address for it in vain; nor where addresses "
              "are probed.",
      .example = "rapid-commit = true",
      .reference = "RFC 4039" },
    { .name = "subnet-selection",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether a client, or whoever asks for it, may say which subnet it wants an address of.",
      .example = "subnet-selection = true",
      .reference = "RFC 3011" },
    { .name = "lease-query-from",
      .type = CONFIG_PREFIX,
      .flags = CONFIG_LIST,
      .help =
          "Relays (by their giaddr; in IPv6 by the address that they send from) that may ask who has which "
          "address. Nobody else is told.",
      .example = "lease-query-from = { \"192.168.1.1\" }",
      .reference = "RFC 4388, RFC 5007" },
    { .name = "decline-time",
      .type = CONFIG_DURATION,
      .least = 1,
      .most = INT32_MAX,
      .otherwise = "1h",
      .help = "How long an address is given to nobody that a client found in use.",
      .example = "decline-time = \"1d\"",
      .reference = "RFC 2131 4.3.3" },
    { .name = "register-server",
      .type = CONFIG_ENDPOINT,
      .help = "The DNS server that has the zones of `register`, and lets this host update them.",
      .example = "register-server = \"127.0.0.1:5300\"",
      .reference = "RFC 2136" },
    { .name = "register-key",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_TEXT,
      .keys = config_tsig_keys,
      .help = "The key that updates are signed with; without it the server has to know this host by its "
              "address.",
      .example = "register-key \"dhcp-key\" { secret = \"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\" }",
      .reference = "RFC 8945" },
    { .name = "class",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_TEXT,
      .keys = class_keys,
      .help = "A kind of clients, told by what they send, with options of its own in all subnets; where two "
              "classes set the same option, the first one in the file counts.",
      .example = "class \"uefi\" { match-architecture = { 7, 9 }  boot-file = \"boot.efi\" }" },
    { .name = "subnet",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_PREFIX4,
      .keys = subnet_keys,
      .help = "A network and what its clients are told.",
      .example = "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.199\" } }" },
    { .name = "subnet6",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_PREFIX,
      .keys = subnet6_keys,
      .help = "An IPv6 network and what its clients are told by DHCPv6.",
      .example = "subnet6 \"2001:db8:1:2::/64\" { pool = { \"2001:db8:1:2::1000-2001:db8:1:2::1fff\" } }",
      .reference = "RFC 9915" },
    { .name = "duid",
      .type = CONFIG_TEXT,
      .flags = CONFIG_RESTART,
      .help =
          "Who this server is to DHCPv6 clients, in hexadecimal digits; without it, it makes a DUID once and "
          "keeps it.",
      .example = "duid = \"00:01:00:01:1d:e4:b8:58:00:0c:29:1f:a7:55\"",
      .reference = "RFC 9915 11" },
    OPTION_SECTION,
#include "wire/dhcp_options.def"
    { .name = NULL },
};

/* ---- from the section to the settings --------------------------------------------------------- */

/* What all functions below work on. False from one of them means that there is no memory; problems of the
 * file are told to `c` and reading goes on, so that all of them are found. */
struct reading {
    struct config *c;
    struct dhcp_settings *settings;
    struct arena *memory;
};

/* DHCPv6 takes IPv6 addresses (config6.c), and alone those interfaces for which there are only IPv6 subnets.
 */
static bool is_for_dhcp4(const struct config_section *s, const struct config_value *v)
{
    size_t subnets = 0, subnets6 = 0;
    config_sections(s, "subnet", &subnets);
    config_sections(s, "subnet6", &subnets6);
    if (v->endpoint.address.family == FAMILY_NONE)
        return subnets || !subnets6;
    return v->endpoint.address.family == FAMILY_IP4;
}

static bool read_listens(struct reading *r, const struct config_section *s)
{
    size_t count = 0;
    const struct config_value *v = config_list(s, "listen", &count);
    struct dhcp_listen *listens = arena_array(r->memory, count, sizeof *listens);
    if (!listens)
        return false;
    r->settings->listens = listens;
    for (size_t i = 0; i < count; i++) {
        if (!is_for_dhcp4(s, &v[i]))
            continue;
        struct dhcp_listen *l = &listens[r->settings->listen_count++];
        l->at = v[i].endpoint;
        if (v[i].endpoint.address.family == FAMILY_NONE &&
            !(l->interface = arena_text(r->memory, span_text(v[i].text))))
            return false;
    }
    return true;
}

static uint32_t seconds(int64_t s)
{
    return s >= LEASE_INFINITE ? LEASE_INFINITE : (uint32_t)s;
}

static void read_times(struct reading *r, const struct config_section *s, struct dhcp_subnet *sn)
{
    const struct config_value *least = config_value(s, "min-lease-time"),
                              *most = config_value(s, "max-lease-time");
    sn->lease_s = seconds(config_number(s, "lease-time"));
    sn->probe_ms = (uint32_t)config_number(s, "probe");
    sn->lease_least_s = sn->lease_s < LEASE_SHORT_S ? sn->lease_s : LEASE_SHORT_S;
    if (least)
        sn->lease_least_s = seconds(least->number);
    sn->lease_most_s = most ? seconds(most->number) : sn->lease_s;
    if (sn->lease_least_s > sn->lease_s)
        config_problem(r->c, s, least, "at most lease-time", "min-lease-time is longer than lease-time");
    if (sn->lease_most_s < sn->lease_s)
        config_problem(r->c, s, most, "at least lease-time", "max-lease-time is shorter than lease-time");
}

static int compare_ranges(const void *a, const void *b)
{
    const struct dhcp_range *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* The pool of a subnet, or of its part, which has its network. */
static bool read_pool(struct reading *r, const struct config_section *s, struct dhcp_subnet *sn)
{
    size_t count = 0;
    const struct config_value *v = config_list(s, "pool", &count);
    struct dhcp_range *ranges = arena_array(r->memory, count, sizeof *ranges);
    if (!ranges)
        return false;
    for (size_t i = 0; i < count; i++) {
        ranges[i] = (struct dhcp_range){ v[i].first, v[i].last };
        if (!subnet_contains(sn, v[i].first) || !subnet_contains(sn, v[i].last))
            config_problem(r->c, s, &v[i], "addresses of the subnet", "the pool \"%s\" reaches out of %s",
                           v[i].text, sn->name);
        else if (subnet_is_edge(sn, v[i].first) || subnet_is_edge(sn, v[i].last))
            config_problem(r->c, s, &v[i], "addresses between them",
                           "the pool \"%s\" holds the network or the broadcast address of %s", v[i].text,
                           sn->name);
    }
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    for (size_t i = 1; i < count; i++)
        if (ranges[i].first <= ranges[i - 1].last)
            config_problem(r->c, s, v, "ranges that do not overlap",
                           "two ranges of the pool have addresses in common");
    sn->ranges = ranges;
    sn->range_count = count;
    return true;
}

/* A router inside the pool would be given away. */
static void warn_of_routers(struct reading *r, const struct config_section *s, const struct dhcp_subnet *sn)
{
    size_t count = 0;
    const struct config_value *v = config_list(s, "routers", &count);
    for (size_t i = 0; i < count; i++)
        if (subnet_is_dynamic(sn, address_to_ip4(v[i].endpoint.address)))
            config_warning(r->c, s, &v[i], "the router %s is in the pool: it will be given to a client",
                           v[i].text);
}

static void check_apart(struct reading *r, const struct config_section *s, const struct dhcp_subnet *part,
                        const struct dhcp_subnet *other)
{
    for (size_t i = 0; i < part->range_count; i++)
        for (size_t k = 0; k < other->range_count; k++)
            if (part->ranges[i].first <= other->ranges[k].last &&
                other->ranges[k].first <= part->ranges[i].last)
                config_problem(r->c, s, config_value(s, "pool"), "addresses that are in no other pool",
                               "the class-pool \"%s\" and another pool of %s have addresses in common",
                               config_title(s)->text, part->name);
}

/* Parts of the subnet for classes: what they do not say themselves is as the subnet has it, which is read
 * before. */
static bool read_parts(struct reading *r, const struct config_section *s,
                       const struct options_draft *inherited, struct dhcp_subnet *sn)
{
    size_t count = 0;
    const struct config_section *const *sections = config_sections(s, "class-pool", &count);
    struct dhcp_subnet *parts = arena_array(r->memory, count, sizeof *parts);
    if (!parts)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct options_draft draft = *inherited;
        const struct config_value *title = config_title(sections[i]);
        parts[i] = *sn;
        parts[i].class = config_class_bit(r->c, sections[i], title, r->settings, title->text);
        if (!options_read(&draft, r->memory, r->c, sections[i]) ||
            !options_finish(&draft, r->memory, &parts[i].options) || !read_pool(r, sections[i], &parts[i]))
            return false;
        check_apart(r, sections[i], &parts[i], sn);
        for (size_t k = 0; k < i; k++)
            check_apart(r, sections[i], &parts[i], &parts[k]);
    }
    sn->parts = parts;
    sn->part_count = count;
    return true;
}

static bool read_subnet(struct reading *r, const struct config_section *s,
                        const struct options_draft *inherited, struct dhcp_subnet *sn)
{
    const struct config_value *title = config_title(s), *next = config_value(s, "next-server");
    struct options_draft draft = *inherited;
    sn->name = arena_text(r->memory, span_text(title->text));
    sn->mask = title->prefix.bits ? UINT32_MAX << (32 - title->prefix.bits) : 0;
    sn->network = address_to_ip4(title->prefix.address);
    sn->next_server = next ? address_to_ip4(next->endpoint.address) : 0;
    if (!sn->name || !options_set_u32(&draft, r->memory, DHCP4_OPTION_SUBNET_MASK, sn->mask) ||
        (~sn->mask > 1 &&
         !options_set_u32(&draft, r->memory, DHCP4_OPTION_BROADCAST, sn->network | ~sn->mask)))
        return false;
    if (config_text(s, "shared-network") &&
        !(sn->shared = arena_text(r->memory, span_text(config_text(s, "shared-network")))))
        return false;
    sn->bootp = config_flag(s, "bootp");
    sn->broadcast = config_flag(s, "force-broadcast");
    sn->circuit_limit = (uint32_t)config_number(s, "circuit-limit");
    read_times(r, s, sn);
    bool has_server = r->settings->names_server.address.family != FAMILY_NONE;
    if (!config_zone(r->c, s, "register", r->memory, has_server, &sn->names.zone) ||
        !config_zone(r->c, s, "register-reverse", r->memory, has_server, &sn->names.reverse_zone))
        return false;
    if (!options_read(&draft, r->memory, r->c, s) || !options_finish(&draft, r->memory, &sn->options) ||
        !read_pool(r, s, sn) || !config_hosts(r->c, s, r->memory, r->settings, &draft, sn) ||
        !read_parts(r, s, &draft, sn))
        return false;
    warn_of_routers(r, s, sn);
    return true;
}

static int compare_subnets(const void *a, const void *b)
{
    const struct dhcp_subnet *x = a, *y = b;
    return x->network < y->network ? -1 : x->network > y->network;
}

static void order_subnets(struct reading *r, const struct config_section *s, struct dhcp_subnet *subnets,
                          size_t count)
{
    const char *first = count ? subnets[0].name : NULL;
    qsort(subnets, count, sizeof *subnets, compare_subnets);
    for (size_t i = 0; i < count; i++) {
        subnets[i].number = i;
        if (subnets[i].name == first)
            r->settings->first = &subnets[i];
        if (i && subnet_contains(&subnets[i - 1], subnets[i].network))
            config_problem(r->c, s, NULL, "subnets that do not overlap", "%s lies in %s", subnets[i].name,
                           subnets[i - 1].name);
    }
    r->settings->subnets = subnets;
    r->settings->subnet_count = count;
}

static bool share_link(const struct dhcp_subnet *a, const struct dhcp_subnet *b)
{
    return a == b || (a->shared && b->shared && strcmp(a->shared, b->shared) == 0);
}

/* The link of the subnet at `first` and of those after it that share it; parts before subnets. */
static bool make_link(struct reading *r, struct dhcp_subnet *subnets, size_t first, size_t count)
{
    size_t end = subnets[first].shared ? count : first + 1, most = 0;
    for (size_t i = first; i < end; i++)
        most += share_link(&subnets[first], &subnets[i]) ? 1 + subnets[i].part_count : 0;
    struct dhcp_link *link = arena_array(r->memory, 1, sizeof *link);
    const struct dhcp_subnet **members = arena_array(r->memory, most, sizeof *members);
    if (!link || !members)
        return false;
    *link = (struct dhcp_link){ .number = first, .members = members };
    for (size_t i = first; i < end; i++) {
        if (!share_link(&subnets[first], &subnets[i]))
            continue;
        subnets[i].link = link;
        for (size_t k = 0; k < subnets[i].part_count; k++) {
            subnets[i].parts[k].link = link;
            subnets[i].parts[k].number = r->settings->pool_count++;
            members[link->count++] = &subnets[i].parts[k];
        }
    }
    for (size_t i = first; i < end; i++)
        if (share_link(&subnets[first], &subnets[i]))
            members[link->count++] = &subnets[i];
    return true;
}

static bool make_links(struct reading *r, struct dhcp_subnet *subnets, size_t count)
{
    r->settings->pool_count = count;
    for (size_t i = 0; i < count; i++)
        if (!subnets[i].link && !make_link(r, subnets, i, count))
            return false;
    return true;
}

static bool read_subnets(struct reading *r, const struct config_section *s,
                         const struct options_draft *common)
{
    size_t count = 0;
    const struct config_section *const *sections = config_sections(s, "subnet", &count);
    struct dhcp_subnet *subnets = arena_array(r->memory, count, sizeof *subnets);
    if (!subnets)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_subnet(r, sections[i], common, &subnets[i]))
            return false;
    order_subnets(r, s, subnets, count);
    return make_links(r, subnets, count);
}

static bool read_query_from(struct reading *r, const struct config_section *s)
{
    size_t count = 0;
    const struct config_value *v = config_list(s, "lease-query-from", &count);
    struct prefix *from = arena_array(r->memory, count, sizeof *from);
    for (size_t i = 0; from && i < count; i++)
        from[i] = v[i].prefix;
    r->settings->query_from = r->settings->six.query_from = from;
    r->settings->query_from_count = r->settings->six.query_from_count = count;
    return from != NULL;
}

static bool read_all(struct reading *r, const struct config_section *s)
{
    struct options_draft common = { 0 };
    r->settings->authoritative = config_flag(s, "authoritative");
    r->settings->rapid_commit = config_flag(s, "rapid-commit");
    r->settings->subnet_selection = config_flag(s, "subnet-selection");
    r->settings->decline_s = (uint32_t)config_number(s, "decline-time");
    return config_names(r->c, s, r->memory, r->settings) && options_read(&common, r->memory, r->c, s) &&
           config_classes(r->c, s, r->memory, r->settings) && read_query_from(r, s) && read_listens(r, s) &&
           read_subnets(r, s, &common) && config6_read(r->c, s, r->memory, &r->settings->six);
}

void *dhcpd_configure(struct config *c, const struct config_section *s)
{
    struct dhcp_settings *settings = calloc(1, sizeof *settings);
    if (!settings) {
        config_problem(c, s, NULL, NULL, "out of memory");
        return NULL;
    }
    arena_open(&settings->memory, MEMORY_CHUNK, MEMORY_MAX);
    struct reading r = { .c = c, .settings = settings, .memory = &settings->memory };
    bool enough = read_all(&r, s);
    if (!enough)
        config_problem(c, s, NULL, NULL, "out of memory");
    if (enough && config_ok(c))
        return settings;
    dhcpd_forget(settings);
    return NULL;
}

void dhcpd_forget(void *settings)
{
    struct dhcp_settings *s = settings;
    if (!s)
        return;
    arena_close(&s->memory);
    free(s);
}
