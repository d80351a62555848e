#include "smtpd.h"

#include "text.h"
#include "wire/smtp.h"

#include <stdlib.h>
#include <strings.h>

#define SETTINGS_CHUNK 4096
#define SETTINGS_MAX   (64 * 1024 * 1024) /* a million mailboxes */
#define LINE_MAX_BYTES                                                                                       \
    (SMTP_REPLY_LINE_MAX - 16) /* of a greeting or an EHLO line, so that a reply line holds it */
#define MAILBOX_MAX   64       /* RFC 5321 4.5.3.1.1 */
#define AGENT_MAX     64
#define DNS_PORT      53
#define MESSAGE_LEAST 65536 /* RFC 5321 4.5.3.1.7 */
#define MESSAGE_MOST  (1024 * 1024 * 1024)

static const struct config_key domain_keys[] = {
    { .name = "mailboxes",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST | CONFIG_REQUIRED,
      .help = "The names before the @ that mail is accepted for; postmaster is always one of them.",
      .example = "mailboxes = { \"sanders\", \"ppa\" }",
      .reference = "RFC 5321 4.5.1" },
    { .name = "maildir",
      .type = CONFIG_PATH,
      .help = "The directory that gets a Maildir for each mailbox; without it STATE/mail/DOMAIN.",
      .example = "maildir = \"/var/mail/skynet.local\"" },
    { .name = NULL },
};

static const struct config_key route_keys[] = {
    { .name = "to",
      .type = CONFIG_TEXT,
      .help =
          "The host that takes mail for the domain: an address or a name, with a port or else 25. Without it "
          "the domain's MX records tell.",
      .example = "to = \"172.16.16.231\"",
      .reference = "RFC 5321 5.1" },
    { .name = "tls",
      .type = CONFIG_CHOICE,
      .choices = "none opportunistic required",
      .otherwise = "opportunistic",
      .help =
          "Whether the connection is encrypted: never, when the host offers STARTTLS, or else not at all; "
          "required also checks the certificate.",
      .example = "tls = \"required\"",
      .reference = "RFC 3207" },
    { .name = "ca",
      .type = CONFIG_PATH,
      .help =
          "The authorities (PEM) whose certificates count where TLS is required; without it the lab's own.",
      .example = "ca = \"/etc/ssl/certs/ca-certificates.crt\"" },
    { .name = NULL },
};

const struct config_key smtpd_keys[] = {
    { .name = "hostname",
      .type = CONFIG_TEXT,
      .otherwise = "localhost",
      .help = "What the server calls itself, in the greeting, in EHLO's reply and in Received lines.",
      .example = "hostname = \"mail01\"",
      .reference = "RFC 5321 4.3.1" },
    { .name = "greeting",
      .type = CONFIG_TEXT,
      .help = "The text of the greeting, 220; without it the hostname and \"ESMTP wirelab\".",
      .example = "greeting = \"mail01 ESMTP Postfix (Ubuntu)\"",
      .reference = "RFC 5321 4.3.1" },
    { .name = "extensions",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST,
      .otherwise = "{ \"PIPELINING\", \"SIZE\", \"VRFY\", \"STARTTLS\", \"ENHANCEDSTATUSCODES\", "
                   "\"8BITMIME\", \"ETRN\", \"DSN\", \"HELP\" }",
      .help = "The lines of EHLO's reply, word for word and in this order. What is left out is refused; SIZE "
              "alone "
              "shows max-message-size.",
      .example = "extensions = { \"PIPELINING\", \"SIZE 10240000\", \"VRFY\", \"STARTTLS\", \"8BITMIME\" }",
      .reference = "RFC 5321 4.1.1.1" },
    { .name = "listen",
      .type = CONFIG_LISTEN,
      .flags = CONFIG_LIST | CONFIG_RESTART,
      .otherwise = "127.0.0.1:2525",
      .help = "Addresses and ports to listen on, with STARTTLS where it is offered.",
      .example = "listen = { \"127.0.0.1:2525\" }",
      .reference = "RFC 5321 4.5.4.2" },
    { .name = "listen-tls",
      .type = CONFIG_LISTEN,
      .flags = CONFIG_LIST | CONFIG_RESTART,
      .help = "Addresses and ports where TLS begins at once.",
      .example = "listen-tls = { \"127.0.0.1:4465\" }",
      .reference = "RFC 8314 3.3" },
    { .name = "certificate",
      .type = CONFIG_PATH,
      .help = "The certificate and its chain (PEM); without it the lab's own authority makes one for the "
              "hostname.",
      .example = "certificate = \"tls/mail01.pem\"" },
    { .name = "key",
      .type = CONFIG_PATH,
      .help = "The private key of the certificate (PEM).",
      .example = "key = \"tls/mail01.key\"" },
    { .name = "domain",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_DOMAIN,
      .keys = domain_keys,
      .help = "A domain that mail is accepted for; mail for any other is refused.",
      .example = "domain \"skynet.local\" { mailboxes = { \"sanders\", \"ppa\" } }" },
    { .name = "max-message-size",
      .type = CONFIG_SIZE,
      .least = MESSAGE_LEAST,
      .most = MESSAGE_MOST,
      .otherwise = "10240000B",
      .help = "The longest message, counted as RFC 1870 does; longer ones get 552.",
      .example = "max-message-size = \"25MiB\"",
      .reference = "RFC 1870 4" },
    { .name = "max-recipients",
      .type = CONFIG_NUMBER,
      .least = 1,
      .most = 10000,
      .otherwise = "100",
      .help = "Recipients of one message; for those above it the client comes again (452).",
      .example = "max-recipients = 100",
      .reference = "RFC 5321 4.5.3.1.8" },
    { .name = "max-errors",
      .type = CONFIG_NUMBER,
      .least = 1,
      .most = 1000000,
      .otherwise = "20",
      .help = "Refused commands in one session; then it ends (421). Stops those who try names out.",
      .example = "max-errors = 20" },
    { .name = "max-connections",
      .type = CONFIG_NUMBER,
      .least = 1,
      .most = 1000000,
      .otherwise = "1000",
      .flags = CONFIG_RESTART,
      .help = "Connections at a time; the next one gets 421. Each may hold 64 KiB of a message in memory.",
      .example = "max-connections = 1000" },
    { .name = "idle-timeout",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .least = 100,
      .most = 24 * 3600 * 1000,
      .otherwise = "5m",
      .help = "How long a client may take for its next command or the next part of its message (then 421).",
      .example = "idle-timeout = \"5m\"",
      .reference = "RFC 5321 4.5.3.2.7" },
    { .name = "received-comment",
      .type = CONFIG_TEXT,
      .otherwise = "wirelab",
      .help = "What stands in parentheses behind our name in Received lines.",
      .example = "received-comment = \"Postfix\"",
      .reference = "RFC 5321 4.4" },
    { .name = "route",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_DOMAIN,
      .keys = route_keys,
      .help =
          "How mail for a domain of others, and for all below it, is sent on; \".\" is for all domains. Who "
          "may send it here says allow-relay.",
      .example = "route \"cyberdyne.local\" { to = \"172.16.16.231\" }",
      .reference = "RFC 5321 5.1" },
    { .name = "allow-relay",
      .type = CONFIG_PREFIX,
      .flags = CONFIG_LIST,
      .help = "Clients that may send mail for domains of others; all others get 554.",
      .example = "allow-relay = { \"127.0.0.0/8\" }",
      .reference = "RFC 5321 3.6.2" },
    { .name = "resolvers",
      .type = CONFIG_TEXT,
      .flags = CONFIG_LIST | CONFIG_RESTART,
      .help = "The DNS servers that are asked where mail goes (MX, A and AAAA): an address, with a port or "
              "else 53.",
      .example = "resolvers = { \"127.0.0.1:5300\" }",
      .reference = "RFC 5321 5.1" },
    { .name = "mx-port",
      .type = CONFIG_NUMBER,
      .least = 1,
      .most = 65535,
      .otherwise = "25",
      .help = "The port of hosts that are found by MX; another than 25 only in a lab.",
      .example = "mx-port = 2525",
      .reference = "RFC 5321 4.5.4.2" },
    { .name = "retry-interval",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .least = 10,
      .most = 24 * 3600 * 1000,
      .otherwise = "1m",
      .help =
          "How long a message waits after its first failed try; each further one doubles it, up to an hour.",
      .example = "retry-interval = \"1m\"",
      .reference = "RFC 5321 4.5.4.1" },
    { .name = "queue-lifetime",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .least = 100,
      .most = 60LL * 24 * 3600 * 1000,
      .otherwise = "5d",
      .help = "How long it is tried to send a message on; then it goes back to its sender.",
      .example = "queue-lifetime = \"5d\"",
      .reference = "RFC 5321 4.5.4.1" },
    { .name = "delay-notice",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .least = 100,
      .most = 60LL * 24 * 3600 * 1000,
      .otherwise = "4h",
      .help = "When a sender who asked for it (NOTIFY=DELAY) hears that the message still waits.",
      .example = "delay-notice = \"4h\"",
      .reference = "RFC 3461 4.1" },
    { .name = NULL },
};

/* What is being made, and where its problems go. */
struct making {
    struct config *c;
    const struct config_section *section;
    struct smtp_settings *out;
    bool failed;
};

static char *keep(struct making *m, const char *text)
{
    char *copy = arena_text(&m->out->memory, span_text(text));
    m->failed = m->failed || !copy;
    return copy;
}

static void *keep_array(struct making *m, size_t count, size_t size)
{
    void *array = arena_array(&m->out->memory, count ? count : 1, size);
    m->failed = m->failed || !array;
    return array;
}

#define PROBLEM(m, s, v, right, ...) ((m)->failed = true, config_problem((m)->c, s, v, right, __VA_ARGS__))

/* ---- what the server says ---------------------------------------------------------------- */

static bool is_reply_text(const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return n > 0 && n <= LINE_MAX_BYTES;
}

static void make_names(struct making *m)
{
    const struct config_value *hostname = config_value(m->section, "hostname");
    const struct config_value *greeting = config_value(m->section, "greeting");
    struct span name = span_text(hostname->text);
    char line[SMTP_DOMAIN_MAX + 32];
    if (!smtp_is_domain(name) && !smtp_is_address_literal(name)) {
        PROBLEM(m, m->section, hostname, "a host name such as mail01 or mail.example.org",
                "\"%s\" is no name that a mail server can have", hostname->text);
        return;
    }
    if (greeting && !is_reply_text(greeting->text))
        PROBLEM(m, m->section, greeting, "one line of printable ASCII, at most 496 characters",
                "the greeting cannot be sent as it is");
    struct writer w = writer_over(line, sizeof line);
    write_format(&w, "%s ESMTP wirelab", hostname->text);
    write_u8(&w, 0);
    m->out->hostname = keep(m, hostname->text);
    m->out->greeting = keep(m, greeting ? greeting->text : line);
}

static const struct {
    const char *keyword;
    enum smtp_extension extension;
} extensions[] = {
    { "PIPELINING", SMTP_OFFER_PIPELINING },
    { "SIZE", SMTP_OFFER_SIZE },
    { "VRFY", SMTP_OFFER_VRFY },
    { "ETRN", SMTP_OFFER_ETRN },
    { "STARTTLS", SMTP_OFFER_STARTTLS },
    { "ENHANCEDSTATUSCODES", SMTP_OFFER_CODES },
    { "8BITMIME", SMTP_OFFER_8BITMIME },
    { "DSN", SMTP_OFFER_DSN },
    { "HELP", SMTP_OFFER_HELP },
};

static enum smtp_extension extension_of(struct span line)
{
    struct span keyword = span_head(line, span_find(line, ' '));
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        if (span_is_nocase(keyword, extensions[i].keyword))
            return extensions[i].extension;
    return 0;
}

static void check_size_line(struct making *m, const struct config_value *v)
{
    struct span line = span_text(v->text), number = span_from(line, span_find(line, ' ') + 1);
    uint64_t shown;
    if (line.len == strlen("SIZE"))
        return;
    if (!parse_decimal(number, UINT64_MAX, &shown) || shown > m->out->message_bytes_max)
        PROBLEM(m, m->section, v, "SIZE alone, or SIZE and a number up to max-message-size",
                "\"%s\" promises more than max-message-size (%llu) allows", v->text,
                (unsigned long long)m->out->message_bytes_max);
}

static void make_offer(struct making *m, const struct config_value *v)
{
    enum smtp_extension extension = extension_of(span_text(v->text));
    if (!is_reply_text(v->text)) {
        PROBLEM(m, m->section, v, "one line of printable ASCII", "the line cannot be sent as it is");
        return;
    }
    if (extension == SMTP_OFFER_SIZE)
        check_size_line(m, v);
    if (!extension)
        config_warning(m->c, m->section, v, "smtpd shows \"%s\" to clients, but has no such extension",
                       v->text);
    m->out->offered |= extension;
    m->out->offers[m->out->offer_count++] = (struct smtp_offer){ keep(m, v->text), extension };
}

static void make_offers(struct making *m)
{
    size_t count, bytes = 0;
    const struct config_value *list = config_list(m->section, "extensions", &count);
    m->out->offers = keep_array(m, count, sizeof *m->out->offers);
    for (size_t i = 0; i < count && m->out->offers; i++) {
        bytes += strlen(list[i].text) + strlen("250-\r\n");
        if (bytes > SMTP_EHLO_MAX) {
            PROBLEM(m, m->section, &list[i], NULL, "the list is longer than %d octets", SMTP_EHLO_MAX);
            return;
        }
        make_offer(m, &list[i]);
    }
}

/* ---- where it listens ---------------------------------------------------------------------- */

static struct endpoint *make_listen(struct making *m, const char *key, size_t *out_count)
{
    size_t count;
    const struct config_value *list = config_list(m->section, key, &count);
    struct endpoint *out = keep_array(m, count, sizeof *out);
    for (size_t i = 0; i < count && out; i++) {
        if (list[i].endpoint.address.family == FAMILY_NONE)
            PROBLEM(m, m->section, &list[i], "an address and a port, 127.0.0.1:2525 or [::1]:2525",
                    "\"%s\" is the name of an interface: smtpd listens on addresses", list[i].text);
        out[i] = list[i].endpoint;
    }
    *out_count = count;
    return out;
}

static void make_listeners(struct making *m)
{
    const struct config_value *certificate = config_value(m->section, "certificate");
    const struct config_value *key = config_value(m->section, "key");
    m->out->listen = make_listen(m, "listen", &m->out->listen_count);
    m->out->listen_tls = make_listen(m, "listen-tls", &m->out->listen_tls_count);
    if (!certificate != !key)
        PROBLEM(m, m->section, certificate ? certificate : key,
                "both keys, or neither for the lab's own certificate", "certificate and key belong together");
    m->out->certificate = certificate ? keep(m, certificate->text) : NULL;
    m->out->key = key ? keep(m, key->text) : NULL;
}

/* ---- whom it serves ------------------------------------------------------------------------ */

static int compare_names(const void *a, const void *b)
{
    return strcasecmp(*(const char *const *)a, *(const char *const *)b);
}

/* A mailbox is a directory, too. */
static bool is_mailbox_name(struct span name)
{
    return smtp_is_dot_string(name) && name.len <= MAILBOX_MAX && span_find(name, '/') == name.len;
}

static void make_mailboxes(struct making *m, const struct config_section *s, struct smtp_domain *d)
{
    size_t count;
    const struct config_value *list = config_list(s, "mailboxes", &count);
    d->mailboxes = keep_array(m, count, sizeof *d->mailboxes);
    for (size_t i = 0; i < count && d->mailboxes; i++) {
        if (!is_mailbox_name(span_text(list[i].text)))
            PROBLEM(m, s, &list[i], "what stands before the @ of an address, without quotes or a slash",
                    "\"%s\" cannot be the name of a mailbox", list[i].text);
        d->mailboxes[d->mailbox_count++] = keep(m, list[i].text);
    }
    if (m->failed)
        return;
    qsort(d->mailboxes, count, sizeof *d->mailboxes, compare_names);
    for (size_t i = 1; i < count; i++)
        if (strcasecmp(d->mailboxes[i - 1], d->mailboxes[i]) == 0)
            PROBLEM(m, s, NULL, NULL, "the mailbox \"%s\" is there twice", d->mailboxes[i]);
}

static int compare_domains(const void *a, const void *b)
{
    return strcasecmp(((const struct smtp_domain *)a)->name, ((const struct smtp_domain *)b)->name);
}

static void make_domain(struct making *m, const struct config_section *s, struct smtp_domain *d)
{
    const struct config_value *maildir = config_value(s, "maildir");
    char *name = keep(m, config_title(s)->text);
    if (!name)
        return;
    struct span shown = span_text(name);
    if (shown.len > 1 && name[shown.len - 1] == '.')
        name[--shown.len] = '\0';
    if (!smtp_is_domain(shown))
        PROBLEM(m, s, NULL, "letters, digits, hyphens and dots", "mail cannot be sent to the domain \"%s\"",
                name);
    d->name = name;
    d->maildir = maildir ? keep(m, maildir->text) : NULL;
    make_mailboxes(m, s, d);
}

static void make_domains(struct making *m)
{
    size_t count;
    const struct config_section *const *sections = config_sections(m->section, "domain", &count);
    struct smtp_domain *domains = keep_array(m, count, sizeof *domains);
    for (size_t i = 0; i < count && domains; i++)
        make_domain(m, sections[i], &domains[i]);
    if (m->failed)
        return;
    if (count == 0)
        config_warning(m->c, m->section, NULL, "smtpd has no domain: it refuses all mail");
    const char *first = count ? domains[0].name : NULL;
    qsort(domains, count, sizeof *domains, compare_domains);
    for (size_t i = 0; i < count; i++)
        if (domains[i].name == first)
            m->out->postmaster = &domains[i];
    for (size_t i = 1; i < count; i++)
        if (compare_domains(&domains[i - 1], &domains[i]) == 0)
            PROBLEM(m, m->section, NULL, NULL, "the domain \"%s\" is there twice", domains[i].name);
    m->out->domains = domains;
    m->out->domain_count = count;
}

/* ---- relaying ------------------------------------------------------------------------------ */

/* "host", "host:port", "address", "address:port", "[address]:port". */
static void make_hop(struct making *m, const struct config_section *s, const struct config_value *to,
                     struct smtp_route *r)
{
    struct span text = span_text(to->text);
    struct endpoint e;
    struct address a;
    char room[ADDRESS_TEXT_MAX];
    uint64_t port = SMTP_PORT;
    size_t colon = span_find(text, ':');
    struct span name = span_head(text, colon);
    r->port = SMTP_PORT;
    if (address_parse(text, &a)) {
        r->host = keep(m, to->text);
        return;
    }
    if (endpoint_parse(text, &e) && e.port > 0) {
        r->host = keep(m, address_format(e.address, room));
        r->port = e.port;
        return;
    }
    bool numbered =
        colon == text.len || (parse_decimal(span_from(text, colon + 1), UINT16_MAX, &port) && port);
    if (!smtp_is_domain(name) || !numbered)
        PROBLEM(m, s, to, "172.16.16.231, mail02.cyberdyne.local or mail02.cyberdyne.local:2525",
                "\"%s\" is no host that mail can be sent to", to->text);
    r->host = arena_text(&m->out->memory, name);
    r->port = (uint16_t)port;
    m->failed = m->failed || !r->host;
}

static int compare_routes(const void *a, const void *b)
{
    return strcasecmp(((const struct smtp_route *)a)->name, ((const struct smtp_route *)b)->name);
}

static void make_route(struct making *m, const struct config_section *s, struct smtp_route *r)
{
    const struct config_value *to = config_value(s, "to"), *ca = config_value(s, "ca");
    struct span name = span_text(config_title(s)->text);
    if (name.len > 0 && name.at[name.len - 1] == '.')
        name.len--;
    if (name.len > 0 && !smtp_is_domain(name))
        PROBLEM(m, s, NULL, "a domain, or \".\" for all", "mail cannot be sent to the domain \"%s\"",
                config_title(s)->text);
    r->name = arena_text(&m->out->memory, name);
    r->tls = (enum client_tls)config_number(s, "tls");
    r->ca = ca ? keep(m, ca->text) : NULL;
    if (ca && strlen(ca->text) >= SMTP_CA_MAX)
        PROBLEM(m, s, ca, "a shorter path", "the path has more than %d characters", SMTP_CA_MAX - 1);
    r->port = m->out->mx_port;
    m->failed = m->failed || !r->name;
    if (to)
        make_hop(m, s, to, r);
    size_t resolvers;
    struct address a;
    config_list(m->section, "resolvers", &resolvers);
    if (resolvers == 0 && !(r->host && address_parse(span_text(r->host), &a)))
        PROBLEM(m, s, to, "resolvers = { \"127.0.0.1:5300\" }, or an address in `to`",
                "without resolvers no %s can be found for this route", to ? "address" : "MX");
}

static void make_routes(struct making *m)
{
    size_t count;
    const struct config_section *const *sections = config_sections(m->section, "route", &count);
    m->out->routes = keep_array(m, count, sizeof *m->out->routes);
    for (size_t i = 0; i < count && m->out->routes; i++)
        make_route(m, sections[i], &m->out->routes[i]);
    if (m->failed)
        return;
    m->out->route_count = count;
    qsort(m->out->routes, count, sizeof *m->out->routes, compare_routes);
    for (size_t i = 1; i < count; i++)
        if (compare_routes(&m->out->routes[i - 1], &m->out->routes[i]) == 0)
            PROBLEM(m, m->section, NULL, NULL, "the route \"%s\" is there twice", m->out->routes[i].name);
}

/* A prefix that everybody is in makes this a relay for everybody. */
static void make_allowed(struct making *m)
{
    size_t count;
    const struct config_value *list = config_list(m->section, "allow-relay", &count);
    m->out->allow_relay = keep_array(m, count, sizeof *m->out->allow_relay);
    for (size_t i = 0; i < count && m->out->allow_relay; i++) {
        m->out->allow_relay[i] = list[i].prefix;
        if (list[i].prefix.bits == 0)
            config_warning(
                m->c, m->section, &list[i],
                "smtpd sends mail on for everybody: an open relay, which others will use and block");
    }
    m->out->allow_relay_count = count;
    if (count > 0 && m->out->route_count == 0 && m->out->resolver_count == 0)
        config_warning(m->c, m->section, list,
                       "smtpd has neither a route nor resolvers: mail for other domains cannot be sent on");
}

static void make_resolver(struct making *m, const struct config_value *v, struct endpoint *out)
{
    struct span text = span_text(v->text);
    *out = (struct endpoint){ .port = DNS_PORT };
    if (!address_parse(text, &out->address) && (!endpoint_parse(text, out) || out->port == 0))
        PROBLEM(m, m->section, v, "an address, 192.168.1.1, or with a port, 127.0.0.1:5300",
                "\"%s\" is no address of a DNS server", v->text);
}

static void make_relaying(struct making *m)
{
    size_t count;
    const struct config_value *comment = config_value(m->section, "received-comment");
    const struct config_value *list = config_list(m->section, "resolvers", &count);
    m->out->mx_port = (uint16_t)config_number(m->section, "mx-port");
    m->out->retry_ms = (uint64_t)config_number(m->section, "retry-interval");
    m->out->queue_lifetime_ms = (uint64_t)config_number(m->section, "queue-lifetime");
    m->out->delay_notice_ms = (uint64_t)config_number(m->section, "delay-notice");
    m->out->agent = keep(m, comment->text);
    if (!is_reply_text(comment->text) || strpbrk(comment->text, "()\\") || strlen(comment->text) > AGENT_MAX)
        PROBLEM(m, m->section, comment, "a few words without parentheses",
                "the comment cannot stand in a Received line");
    m->out->resolvers = keep_array(m, count, sizeof *m->out->resolvers);
    for (size_t i = 0; i < count && m->out->resolvers; i++)
        make_resolver(m, &list[i], &m->out->resolvers[i]);
    m->out->resolver_count = count;
    make_routes(m);
    make_allowed(m);
}

static void make_limits(struct making *m)
{
    m->out->message_bytes_max = (uint64_t)config_number(m->section, "max-message-size");
    m->out->recipients_max = (size_t)config_number(m->section, "max-recipients");
    m->out->errors_max = (size_t)config_number(m->section, "max-errors");
    m->out->connections_max = (size_t)config_number(m->section, "max-connections");
    m->out->timeout_ms = (uint64_t)config_number(m->section, "idle-timeout");
}

struct smtp_settings *smtpd_configure(struct config *c, const struct config_section *s)
{
    struct making m = { .c = c, .section = s, .out = calloc(1, sizeof *m.out) };
    if (!m.out) {
        config_problem(c, s, NULL, NULL, "out of memory");
        return NULL;
    }
    arena_open(&m.out->memory, SETTINGS_CHUNK, SETTINGS_MAX);
    make_limits(&m);
    make_names(&m);
    make_offers(&m);
    make_listeners(&m);
    make_domains(&m);
    make_relaying(&m);
    if (!m.failed)
        return m.out;
    if (config_ok(c))
        config_problem(c, s, NULL, NULL, "the section is too large");
    smtp_settings_free(m.out);
    return NULL;
}

void smtp_settings_free(struct smtp_settings *s)
{
    arena_close(&s->memory);
    free(s);
}
