#include "dnsd.h"

#include "source.h"

#include "config_tsig.h"

#include <stdlib.h>

#define ARENA_CHUNK (16 * 1024)
#define ARENA_MOST  ((size_t)1 << 30)

static const struct config_key forward_keys[] = {
    { .name = "to",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "The resolvers that are asked: an address (port 53), or an address with a port.",
      .example = "to = { \"4.2.2.1\" }" },
    { .name = "edns",
      .type = CONFIG_FLAG,
      .otherwise = "true",
      .help = "Whether they are asked with EDNS; those that do not know it are found out anyway.",
      .example = "edns = false",
      .reference = "RFC 6891" },
    { 0 },
};

const struct config_key dnsd_keys[] = {
    { .name = "listen",
      .type = CONFIG_ENDPOINT,
      .flags = CONFIG_LIST | CONFIG_REQUIRED | CONFIG_RESTART,
      .help = "Where questions come in, by UDP and TCP. Port 0 is a free one, the same for both.",
      .example = "listen = { \"127.0.0.1:5300\" }",
      .reference = "RFC 7766" },
    { .name = "workers",
      .type = CONFIG_NUMBER,
      .flags = CONFIG_RESTART,
      .least = 1,
      .most = 256,
      .otherwise = "1",
      .help = "How many threads answer what zones alone decide, by UDP; one for each core at most. One of "
              "them does "
              "everything else, too.",
      .example = "workers = 2" },
    { .name = "listen-tls",
      .type = CONFIG_ENDPOINT,
      .flags = CONFIG_LIST | CONFIG_RESTART,
      .help = "Where questions come in over TLS; the port for it is 853.",
      .example = "listen-tls = { \"127.0.0.1:8530\" }",
      .reference = "RFC 7858" },
    { .name = "tls-name",
      .type = CONFIG_DOMAIN,
      .otherwise = "localhost",
      .help = "The server's name in the certificate that the lab's CA makes where there is none.",
      .example = "tls-name = \"ns1.contoso.local\"" },
    { .name = "certificate",
      .type = CONFIG_PATH,
      .help = "PEM file of the certificate and its chain for listen-tls; without it the lab's CA makes one.",
      .example = "certificate = \"tls/ns1.pem\"" },
    { .name = "certificate-key",
      .type = CONFIG_PATH,
      .help = "PEM file of the certificate's private key; else it stands in the certificate's file.",
      .example = "certificate-key = \"tls/ns1.key\"" },
    { .name = "tls-ca",
      .type = CONFIG_PATH,
      .help = "PEM file of the authorities that issue the certificates of primaries that are asked over TLS.",
      .example = "tls-ca = \"tls/ca.pem\"",
      .reference = "RFC 9103 9.3" },
    { .name = "rate-limit",
      .type = CONFIG_SECTION,
      .keys = dnsd_rate_keys,
      .help =
          "How many answers of one kind by UDP a network gets each second, so that nobody can have others "
          "flooded with our answers; no limit unless it is said here.",
      .example = "rate-limit { responses-per-second = 20 }" },
    { .name = "record-order",
      .type = CONFIG_CHOICE,
      .choices = "fixed rotate",
      .otherwise = "fixed",
      .help = "In what order an answer has the records of one name and type of the zones here: always that "
              "of the "
              "zone, or beginning with another one each time, so that clients that take the first one are "
              "spread.",
      .example = "record-order = rotate",
      .reference = "RFC 1794" },
    { .name = "max-tcp-clients",
      .type = CONFIG_NUMBER,
      .least = 1,
      .most = 1000000,
      .otherwise = "4096",
      .help = "How many connections there may be, TLS or not; for one more the one that was silent longest "
              "is ended. Fewer, where the process may not have so many descriptors.",
      .example = "max-tcp-clients = 10000",
      .reference = "RFC 9210 4.2" },
    { .name = "tcp-idle-timeout",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .least = 100,
      .most = 3600000,
      .otherwise = "10s",
      .help = "How long a connection stays that sends no whole message; clients that ask for it are told "
              "(keepalive).",
      .example = "tcp-idle-timeout = \"30s\"",
      .reference = "RFC 7766 6.2.3, RFC 7828" },
    { .name = "nsid",
      .type = CONFIG_TEXT,
      .help =
          "Which server of many this is, for those who ask by NSID, or for id.server and hostname.bind in "
          "class CH; nobody is told unless it is said here.",
      .example = "nsid = \"ns1.contoso.local\"",
      .reference = "RFC 5001, 4892" },
    { .name = "version",
      .type = CONFIG_TEXT,
      .help = "What version.bind and version.server in class CH say; refused unless it is said here.",
      .example = "version = \"none of your business\"",
      .reference = "RFC 4892" },
    { .name = "cookies",
      .type = CONFIG_FLAG,
      .otherwise = "true",
      .help = "Whether clients get cookies, by which they show from then on that their address is their own.",
      .example = "cookies = false",
      .reference = "RFC 7873, 9018" },
    { .name = "cookie-secret",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help =
          "The secret of the cookies, 32 hexadecimal digits, the same on all servers of one address. The "
          "first one makes them, those that the others have made are good, too. Else there is a secret of "
          "this process, another one each day.",
      .example = "cookie-secret = { \"e5e973e5a6b2a43f48e7dc849e37bfcf\" }",
      .reference = "RFC 9018 5" },
    { .name = "require-cookies",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help =
          "By UDP only those get an answer that have a cookie; the others get one (BADCOOKIE), or have to "
          "come by TCP.",
      .example = "require-cookies = true",
      .reference = "RFC 7873 5.2" },
    { .name = "require-cookies-above",
      .type = CONFIG_NUMBER,
      .least = 0,
      .most = 1000000000,
      .otherwise = "0",
      .help = "The same only while more questions than that come by UDP each second; 0: never.",
      .example = "require-cookies-above = 200000",
      .reference = "RFC 7873 5.2" },
    { .name = "key",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_DOMAIN,
      .keys = config_tsig_keys,
      .help =
          "A secret that this server shares with others, who sign their requests with it; the name is the "
          "same on both sides.",
      .example =
          "key \"transfer.contoso.local\" { secret = \"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\" }",
      .reference = "RFC 8945" },
    { .name = "zone",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_DOMAIN,
      .keys = dnsd_zone_keys,
      .help = "A zone that this server is the authority for.",
      .example = "zone \"contoso.local\" { file = \"zones/contoso.local.zone\" }" },
    { .name = "view",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .keys = dnsd_view_keys,
      .help = "Zones for some of those who ask. The first view that is for a client is the only one that it "
              "sees; the zones outside of all views are for those that no view is for.",
      .example = "view \"inside\" { clients = { \"192.168.0.0/16\" } zone \"contoso.local\" { file = "
                 "\"zones/inside.zone\" } }" },
    { .name = "allow-recursion",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .help = "For whom names of other zones are looked up, by address, by key or by where they ask (as in "
              "allow-transfer); the others get REFUSED. Nobody unless it is said here.",
      .example = "allow-recursion = { \"127.0.0.0/8\" }",
      .reference = "RFC 5358" },
    { .name = "forward",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_DOMAIN,
      .keys = forward_keys,
      .help = "Questions for names at or below the title go to other resolvers; the longest title counts.",
      .example = "forward \".\" { to = { \"4.2.2.1\" } }" },
    { .name = "root-hints",
      .type = CONFIG_PATH,
      .help = "The servers of the root, where names are looked up from that no forward is for; else the "
              "known ones.",
      .example = "root-hints = \"named.root\"",
      .reference = "RFC 9609" },
    { .name = "query-port",
      .type = CONFIG_NUMBER,
      .least = 1,
      .most = 65535,
      .otherwise = "53",
      .help =
          "The port that name servers are asked at on the way down from the root. Another one is for tests.",
      .example = "query-port = 5353" },
    { .name = "cache-size",
      .type = CONFIG_SIZE,
      .least = CACHE_BYTES_MIN,
      .most = (int64_t)1 << 40,
      .otherwise = "64MiB",
      .help = "How much of what others answered is kept; what was not asked for lately goes first.",
      .example = "cache-size = \"256MiB\"" },
    { .name = "cache-min-ttl",
      .type = CONFIG_DURATION,
      .least = 0,
      .most = 3600,
      .otherwise = "0s",
      .help = "Records are kept at least so long, whatever their TTL.",
      .example = "cache-min-ttl = \"10s\"" },
    { .name = "cache-max-ttl",
      .type = CONFIG_DURATION,
      .least = 1,
      .most = 604800,
      .otherwise = "1d",
      .help = "Records are kept at most so long, whatever their TTL.",
      .example = "cache-max-ttl = \"1d\"",
      .reference = "RFC 2181 8" },
    { .name = "cache-max-negative-ttl",
      .type = CONFIG_DURATION,
      .least = 0,
      .most = 86400,
      .otherwise = "1h",
      .help = "That there is no such name or record is kept at most so long.",
      .example = "cache-max-negative-ttl = \"5m\"",
      .reference = "RFC 2308 5" },
    { 0 },
};

static bool read_listen(const struct config_section *s, struct dnsd_settings *d)
{
    const struct config_value *v = config_list(s, "listen", &d->listen_count);
    d->listen = arena_array(&d->arena, d->listen_count, sizeof *d->listen);
    for (size_t i = 0; d->listen && i < d->listen_count; i++)
        d->listen[i] = v[i].endpoint;
    return d->listen != NULL;
}

static size_t zone_count(const struct dnsd_settings *d)
{
    size_t count = 0;
    for (size_t i = 0; i < d->view_count; i++)
        count += d->views[i].zone_count;
    return count;
}

static bool read_section(struct config *c, const struct config_section *s, struct dnsd_settings *d)
{
    if (!read_listen(s, d) || !dnsd_configure_keys(c, s, d) || !dnsd_configure_tls(c, s, d) ||
        !dnsd_configure_views(c, s, d))
        return false;
    const char *order = config_text(s, "record-order");
    d->rotates = order && strcmp(order, "rotate") == 0;
    d->workers = (size_t)config_number(s, "workers");
    if (!dnsd_configure_edns(c, s, d) || !dnsd_configure_rate(s, d) || !dnsd_configure_recursion(c, s, d))
        return false;
    if (!zone_count(d) && !d->recursion.allow_count && config_ok(c))
        config_problem(c, s, NULL, "zone \"contoso.local\" { file = \"zones/contoso.local.zone\" }",
                       "there is no zone: every question would be refused");
    return true;
}

void *dnsd_configure(struct config *c, const struct config_section *s)
{
    struct dnsd_settings *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    arena_open(&d->arena, ARENA_CHUNK, ARENA_MOST);
    if (!read_section(c, s, d)) {
        config_problem(c, s, NULL, NULL, "there is not enough memory for it");
        dnsd_forget(d);
        return NULL;
    }
    return d;
}

void dnsd_forget(void *settings)
{
    struct dnsd_settings *d = settings;
    if (!d)
        return;
    sources_free(d);
    arena_close(&d->arena);
    free(d);
}
