/* Zones: what each is made of, and who may do what with it. */
#include "dnsd.h"

#include <stdlib.h>

const struct config_key dnsd_zone_keys[] = {
    { .name = "file",
      .type = CONFIG_PATH,
      .help = "The zone's master file, with $TTL, $INCLUDE and $GENERATE.",
      .example = "file = \"zones/contoso.local.zone\"",
      .reference = "RFC 1035 5" },
    { .name = "dnssec",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "The zone signs itself. Its key is made at the first start and kept in the state directory, as "
              "are the signatures, which are made anew before they end; the serial goes up with each change "
              "of them. What the parent zone needs is printed by `wirelab ds`.",
      .example = "dnssec = true",
      .reference = "RFC 4035, 6605" },
    { .name = "nsec3",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "With `dnssec`: the names of the zone cannot be walked through, for proofs tell hashes.",
      .example = "nsec3 = true",
      .reference = "RFC 5155, 9276" },
    { .name = "signature-validity",
      .type = CONFIG_DURATION,
      .least = 8,
      .most = 31536000,
      .otherwise = "14d",
      .help = "How long signatures are good for; the last quarter is left for secondaries and caches.",
      .example = "signature-validity = \"30d\"",
      .reference = "RFC 6781 4.4.2" },
    { .name = "allow-transfer",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Who may have the whole zone in one go (AXFR); nobody unless it is said here. As in all such "
              "lists, one "
              "entry that fits is enough: an address or a range of them, \"172.16.16.0/24\"; a key that "
              "signs, \"key "
              "NAME\"; who asks at one of the server's own addresses, \"local 127.0.0.2\"; or at those that "
              "an interface "
              "has when the file is read, \"interface eth1\".",
      .example = "allow-transfer = { \"172.16.16.164\", \"key transfer.contoso.local\" }",
      .reference = "RFC 5936" },
    { .name = "transfer-tls-only",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether allow-transfer counts over TLS alone (listen-tls), so that nobody on the way reads "
              "the zone.",
      .example = "transfer-tls-only = true",
      .reference = "RFC 9103 9" },
    { .name = "allow-update",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Who may change the zone by UPDATE, by address or by key; nobody unless it is said here. "
              "Changes are kept on disk, "
              "beside the "
              "master file, until that has a newer serial than they "
              "lead to. A file that was edited under an older serial is refused, so that none gets lost.",
      .example = "allow-update = { \"127.0.0.1\" }",
      .reference = "RFC 2136" },
    { .name = "update-policy",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .keys = dnsd_policy_keys,
      .help = "Who may change some names or types of the zone by UPDATE; every change of a message has to be "
              "let by one of them. The title is for people.",
      .example =
          "update-policy \"dhcp\" { by = { \"key dhcp.contoso.local\" } names = { \"*.contoso.local\" } "
          "types = { \"A\", \"AAAA\", \"DHCID\" } }",
      .reference = "RFC 2136 3.3" },
    { .name = "serial-policy",
      .type = CONFIG_CHOICE,
      .choices = "increment date unixtime",
      .otherwise = "increment",
      .help =
          "The serial of a version that comes of an UPDATE or of signing: one more than before; the day as "
          "YYYYMMDDnn, in UTC; or the seconds since 1970. It is one more in any case where that would be no "
          "newer one.",
      .example = "serial-policy = date",
      .reference = "RFC 1982, 1912 2.2" },
    { .name = "notify",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Who is told when the zone has changed, and at the start: an address (port 53), or an address "
              "with a port; with a key that signs it, \"172.16.16.140 key NAME\". It comes from the address "
              "that serves the zone, as do questions to primaries, where `listen` or the view names one.",
      .example = "notify = { \"172.16.16.140\" }",
      .reference = "RFC 1996" },
    { .name = "primaries",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help =
          "Where the zone is fetched from, instead of a file, and followed at the times of its SOA and when "
          "one of "
          "them sends a NOTIFY: addresses (port 53), or addresses with a port; with a key that signs what is "
          "asked and given, \"172.16.16.139 key NAME\", which its NOTIFY has to be signed with, too; over "
          "TLS "
          "(port 853), \"172.16.16.139 tls ns1.contoso.local\", where the certificate has to be for that "
          "name, "
          "or, "
          "without one, for the address. A copy is kept in the state directory.",
      .example = "primaries = { \"172.16.16.139\" }",
      .reference = "RFC 5936, 1995, 1996, 9103" },
    { .name = "allow-notify",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "Who else but the primaries may say that the zone has changed, by address or by key.",
      .example = "allow-notify = { \"172.16.16.150\" }",
      .reference = "RFC 1996" },
    { .name = "forward-updates",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help =
          "Of a zone that is fetched: whose UPDATEs are passed on to its primaries, the first one that can "
          "be "
          "reached, which decides; nobody unless it is said here (as in allow-transfer). A message stays as "
          "it is, "
          "with its signature, by a key that this server need not know. They go by TCP, in clear, so not to "
          "primaries with `tls`.",
      .example = "forward-updates = { \"172.16.16.0/24\" }",
      .reference = "RFC 2136 6, RFC 8945 5.5" },
    { .name = "reverse-of",
      .type = CONFIG_DOMAIN,
      .flags = CONFIG_LIST,
      .help =
          "Instead of a file: zones of this server, in the same view, for whose addresses the zone has the "
          "names. "
          "Each name with an address (A, AAAA) in this zone gets a PTR record, which follows all changes of "
          "that "
          "zone; wildcards and what lies below a delegation do not. SOA and NS are those of the first zone.",
      .example = "reverse-of = { \"mydomain.example\" }",
      .reference = "RFC 1035 3.5, 3596 2.5" },
    { .name = "zonemd",
      .type = CONFIG_CHOICE,
      .choices = "check ignore make",
      .otherwise = "check",
      .help =
          "What is done with a ZONEMD record, which has the digest of the whole zone: with `check`, a "
          "version "
          "that is not what its ZONEMD says is not put into service, whether it comes from the file, from a "
          "primary or from the copy of an earlier run. That shows what was lost or damaged, not who did it: "
          "signatures over it are not validated. Digests of other kinds than SIMPLE with SHA-384 or SHA-512 "
          "do not count, nor do two of the same kind. `make` puts one into a zone with a file that nothing "
          "else changes. A zone that signs itself has none, and one that is changed by UPDATE loses its own, "
          "unless the UPDATE brings a new one.",
      .example = "zonemd = make",
      .reference = "RFC 8976" },
    { .name = "members",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .keys = dnsd_members_keys,
      .help = "The zone is a catalog: the zones that it lists are fetched and served, too, and come and go "
              "with it. The title is the group of those that get what the section says, or \"*\" for all "
              "others. The catalog itself is answered to those alone who may transfer it.",
      .example = "members \"*\" { primaries = { \"172.16.16.139\" } }",
      .reference = "RFC 9432" },
    { .name = "lists-members",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "The zone is a catalog that is made here, in the place of a file: it lists the zones whose "
              "`catalog` it is. It is answered to those alone who may transfer it.",
      .example = "lists-members = true",
      .reference = "RFC 9432" },
    { .name = "catalog",
      .type = CONFIG_DOMAIN,
      .help = "The catalog that lists the zone, for servers that are to have it, too.",
      .example = "catalog = \"catalog.example\"",
      .reference = "RFC 9432" },
    { .name = "catalog-group",
      .type = CONFIG_TEXT,
      .help = "With `catalog`: how those servers are to treat it, as they know it.",
      .example = "catalog-group = \"signed\"",
      .reference = "RFC 9432 4.3.2" },
    { .name = "max-transfer-size",
      .type = CONFIG_SIZE,
      .otherwise = "1GiB",
      .least = 65536,
      .most = (int64_t)1 << 34,
      .help =
          "How much is taken from a primary for one transfer, so that a wrong one cannot fill the memory.",
      .example = "max-transfer-size = \"64MiB\"" },
    { .name = "max-transfer-time",
      .type = CONFIG_DURATION,
      .least = 1,
      .most = 86400,
      .otherwise = "2h",
      .help = "How long one transfer may take, so that a primary that gives little at a time is left for the "
              "next one.",
      .example = "max-transfer-time = \"10m\"" },
    { 0 },
};

static bool ends_in_local(const struct dns_name *n)
{
    return n->labels && span_is_nocase(dns_name_label(n, n->labels - 1U), "local");
}

const struct dns_name *dnsd_keep_name(struct arena *a, const struct dns_name *name)
{
    struct dns_name *kept = arena_alloc_bytes(a, dns_name_room(name));
    if (kept)
        dns_name_copy(kept, name);
    return kept;
}

/* False: no memory. */
static bool keep_names(struct dnsd_settings *d, struct dnsd_zone *z, const struct dns_name *name)
{
    struct dns_name lower;
    dns_name_lower(&lower, name);
    bool same = span_equal(dns_name_span(&lower), dns_name_span(name));
    z->name = dnsd_keep_name(&d->arena, name);
    z->lower = same ? z->name : dnsd_keep_name(&d->arena, &lower);
    return z->name && z->lower;
}

static bool read_name(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                      struct dnsd_zone *z)
{
    struct dns_name name;
    const struct config_value *title = config_title(s);
    const char *wrong = dns_name_from_text(span_text(title->text), NULL, &name);
    if (wrong) {
        dns_name_root(&name);
        config_problem(c, s, title, wrong, "\"%s\" is not a domain name", title->text);
    }
    if (ends_in_local(&name))
        config_warning(
            c, s, title,
            "names in .local are asked for by multicast on many machines (nss-mdns, systemd-resolved), so "
            "%s may be found by dig and not by a browser; .test has no such trouble",
            title->text);
    return keep_names(d, z, &name);
}

/* Where the zone comes from: one of three. */
static void check_source(struct config *c, const struct config_section *s, struct dnsd_zone *z)
{
    const char *file = config_text(s, "file");
    size_t forward_count;
    config_list(s, "reverse-of", &forward_count);
    z->is_reverse = forward_count != 0;
    if (z->primary_count && file)
        config_problem(c, s, config_value(s, "file"), "one of the two",
                       "the zone has a file, and primaries to be fetched from");
    else if (z->is_reverse && (z->primary_count || file))
        config_problem(c, s, config_value(s, "reverse-of"), "one of the two",
                       "the zone has a file, or primaries, and is to be made of others' addresses");
    else if (z->lists_members && (z->primary_count || file || z->is_reverse))
        config_problem(c, s, config_value(s, "lists-members"), "the catalog alone",
                       "the zone has a file, or primaries, and is to be made as a catalog");
    else if (!z->primary_count && !file && !z->is_reverse && !z->lists_members)
        config_problem(c, s, NULL, "file = \"zones/NAME.zone\", or primaries = { \"172.16.16.139\" }",
                       "the zone has neither a file nor primaries");
}

static enum serial_policy serial_policy_of(const struct config_section *s)
{
    const char *choice = config_text(s, "serial-policy");
    if (choice && strcmp(choice, "date") == 0)
        return SERIAL_DATE;
    return choice && strcmp(choice, "unixtime") == 0 ? SERIAL_UNIXTIME : SERIAL_INCREMENT;
}

/* A digest is made when the zone is loaded: what changes it later would need all of it again. */
static void read_zonemd(struct config *c, const struct config_section *s, struct dnsd_zone *z)
{
    const char *choice = config_text(s, "zonemd");
    z->zonemd = !choice                         ? DNSD_ZONEMD_CHECK
                : strcmp(choice, "ignore") == 0 ? DNSD_ZONEMD_IGNORE
                : strcmp(choice, "make") == 0   ? DNSD_ZONEMD_MAKE
                                                : DNSD_ZONEMD_CHECK;
    bool changes = z->dnssec || z->primary_count || dnsd_permits_some(&z->update) || z->update_policies.count;
    if (z->zonemd == DNSD_ZONEMD_MAKE && changes)
        config_problem(
            c, s, config_value(s, "zonemd"), "zonemd = check",
            "a digest is only made for a zone that its file alone changes: without dnssec, UPDATE and "
            "primaries");
}

static void check_forward(struct config *c, const struct config_section *s, const struct dnsd_zone *z)
{
    size_t plain = 0;
    for (size_t i = 0; i < z->primary_count; i++)
        plain += !z->primaries[i].tls_name;
    if (dnsd_permits_some(&z->forward) && !plain)
        config_problem(c, s, config_value(s, "forward-updates"), "primaries = { \"172.16.16.139\" }",
                       "there is no primary without TLS that updates could be passed on to");
}

static bool read_zone(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                      struct dnsd_zone *z)
{
    const char *file = config_text(s, "file");
    if (!read_name(c, s, d, z) || !dnsd_configure_catalog(c, s, d, z) ||
        !dnsd_configure_servers(c, s, "primaries", d, &z->primaries, &z->primary_count))
        return false;
    check_source(c, s, z);
    z->serial_policy = serial_policy_of(s);
    z->transfer_tls_only = config_flag(s, "transfer-tls-only");
    z->max_transfer_bytes = (size_t)config_number(s, "max-transfer-size");
    z->max_transfer_s = (uint32_t)config_number(s, "max-transfer-time");
    z->dnssec = config_flag(s, "dnssec");
    z->nsec3 = config_flag(s, "nsec3");
    z->signature_validity_s = (uint32_t)config_number(s, "signature-validity");
    if (z->dnssec && z->primary_count)
        config_problem(c, s, config_value(s, "dnssec"), "let the primary sign it",
                       "a zone that is fetched cannot sign itself");
    z->file = file ? arena_text(&d->arena, span_text(file)) : "";
    bool ok = z->file && dnsd_configure_permits(c, s, "allow-transfer", d, &z->transfer) &&
              dnsd_configure_permits(c, s, "allow-update", d, &z->update) &&
              dnsd_configure_policies(c, s, d, z) &&
              dnsd_configure_permits(c, s, "allow-notify", d, &z->notify_by) &&
              dnsd_configure_servers(c, s, "notify", d, &z->notify, &z->notify_count);
    ok = ok && dnsd_configure_permits(c, s, "forward-updates", d, &z->forward);
    check_forward(c, s, z);
    read_zonemd(c, s, z);
    return ok;
}

/* ---- all of a section -----------------------------------------------------------------------------------
 */

static int compare_zones(const void *a, const void *b)
{
    const struct dnsd_zone *x = *(const struct dnsd_zone *const *)a, *y = *(const struct dnsd_zone *const *)b;
    int order = dns_name_compare(x->name, y->name);
    return order ? order : (x > y) - (x < y);
}

/* By sorting: there may be a hundred thousand. */
static bool check_repeated(struct config *c, const struct config_section *const *sections,
                           struct dnsd_view *v)
{
    struct dnsd_zone **sorted = calloc(v->zone_count + 1, sizeof *sorted);
    if (!sorted)
        return false;
    for (size_t i = 0; i < v->zone_count; i++)
        sorted[i] = &v->zones[i];
    qsort(sorted, v->zone_count, sizeof *sorted, compare_zones);
    for (size_t i = 1; i < v->zone_count; i++) {
        const struct config_section *s = sections[sorted[i] - v->zones];
        if (dns_name_equal(dns_name_span(sorted[i - 1]->name), dns_name_span(sorted[i]->name)))
            config_problem(c, s, config_title(s), "one section for each zone", "zone \"%s\" is there already",
                           config_title(s)->text);
    }
    free(sorted);
    return true;
}

bool dnsd_configure_zones(struct config *c, const struct config_section *s, struct dnsd_settings *d,
                          struct dnsd_view *v)
{
    const struct config_section *const *zones = config_sections(s, "zone", &v->zone_count);
    v->zones = arena_array(&d->arena, v->zone_count, sizeof *v->zones);
    for (size_t i = 0; v->zones && i < v->zone_count; i++)
        if (!read_zone(c, zones[i], d, &v->zones[i]))
            return false;
    return v->zones && check_repeated(c, zones, v) && dnsd_configure_listed(c, zones, d, v) &&
           dnsd_configure_reverse(c, zones, d, v);
}
