#include "imapd.h"

#include "text.h"

#include <stdlib.h>
#include <strings.h>

#define SETTINGS_CHUNK 4096
#define SETTINGS_MAX   (64 * 1024 * 1024) /* a hundred thousand users */
#define USER_MAX       128
#define HOSTNAME_MAX   255

static const struct config_key user_keys[] = {
    { .name = "password",
      .type = CONFIG_TEXT,
      .flags = CONFIG_REQUIRED,
      .help = "What the user says to log in.",
      .example = "password = \"skynet\"",
      .reference = "RFC 3501 6.2.3" },
    { .name = "mailbox",
      .type = CONFIG_TEXT,
      .flags = CONFIG_REQUIRED,
      .help = "The address whose mail the user reads; INBOX is the Maildir that smtpd delivers it to.",
      .example = "mailbox = \"sanders@cyberdyne.local\"" },
    { .name = "maildir",
      .type = CONFIG_PATH,
      .help = "The directory that has a Maildir for each mailbox, where smtpd's domain has such a key; "
              "without it "
              "STATE/mail/DOMAIN.",
      .example = "maildir = \"/var/mail/cyberdyne.local\"" },
    { .name = NULL },
};

const struct config_key imapd_keys[] = {
    { .name = "hostname",
      .type = CONFIG_TEXT,
      .otherwise = "localhost",
      .help = "What the server calls itself in the greeting; the lab's certificate is made for it.",
      .example = "hostname = \"mail02\"",
      .reference = "RFC 3501 7.1.1" },
    { .name = "listen",
      .type = CONFIG_LISTEN,
      .flags = CONFIG_LIST | CONFIG_RESTART,
      .otherwise = "127.0.0.1:1143",
      .help = "Addresses and ports to listen on, with STARTTLS.",
      .example = "listen = { \"127.0.0.1:1143\" }",
      .reference = "RFC 3501 2.1" },
    { .name = "listen-tls",
      .type = CONFIG_LISTEN,
      .flags = CONFIG_LIST | CONFIG_RESTART,
      .help = "Addresses and ports where TLS begins at once.",
      .example = "listen-tls = { \"127.0.0.1:1993\" }",
      .reference = "RFC 8314 3.2" },
    { .name = "certificate",
      .type = CONFIG_PATH,
      .help = "The certificate and its chain (PEM); without it the lab's own authority makes one for the "
              "hostname.",
      .example = "certificate = \"tls/mail02.pem\"" },
    { .name = "key",
      .type = CONFIG_PATH,
      .help = "The private key of the certificate (PEM).",
      .example = "key = \"tls/mail02.key\"" },
    { .name = "allow-plaintext",
      .type = CONFIG_FLAG,
      .otherwise = "false",
      .help = "Whether passwords may come in clear. Whoever sees the packets can then read them.",
      .example = "allow-plaintext = false",
      .reference = "RFC 3501 6.2.3" },
    { .name = "user",
      .type = CONFIG_SECTION,
      .flags = CONFIG_TITLED,
      .title_type = CONFIG_TEXT,
      .keys = user_keys,
      .help = "Who may log in.",
      .example = "user \"sanders\" { password = \"skynet\"  mailbox = \"sanders@cyberdyne.local\" }" },
    { .name = "max-message-size",
      .type = CONFIG_SIZE,
      .least = 64 * 1024,
      .most = 256 * 1024 * 1024,
      .otherwise = "25MiB",
      .help = "The longest message that a client may put into a mailbox (APPEND).",
      .example = "max-message-size = \"25MiB\"",
      .reference = "RFC 7889" },
    { .name = "max-connections",
      .type = CONFIG_NUMBER,
      .least = 1,
      .most = 1000000,
      .otherwise = "1000",
      .flags = CONFIG_RESTART,
      .help = "Connections at a time; the next one gets BYE.",
      .example = "max-connections = 1000" },
    { .name = "idle-timeout",
      .type = CONFIG_DURATION,
      .flags = CONFIG_MS,
      .least = 100,
      .most = 24 * 3600 * 1000,
      .otherwise = "30m",
      .help = "How long a client that has logged in may be silent. Real ones count on 30 minutes.",
      .example = "idle-timeout = \"30m\"",
      .reference = "RFC 3501 5.4" },
    { .name = NULL },
};

/* What is being made, and where its problems go. */
struct making {
    struct config *c;
    const struct config_section *section;
    struct imap_settings *out;
    bool failed;
};

#define PROBLEM(m, s, v, right, ...) ((m)->failed = true, config_problem((m)->c, s, v, right, __VA_ARGS__))

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

/* Text that can stand in a response, and a name that no directory can be left with. */
static bool is_plain(struct span s, size_t most)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] <= ' ' || s.at[i] > '~')
            return false;
    return s.len > 0 && s.len <= most;
}

static bool is_file_name(struct span s)
{
    return is_plain(s, 255) && s.at[0] != '.' && span_find(s, '/') == s.len;
}

static void make_names(struct making *m)
{
    const struct config_value *hostname = config_value(m->section, "hostname");
    const struct config_value *certificate = config_value(m->section, "certificate");
    const struct config_value *key = config_value(m->section, "key");
    if (!is_plain(span_text(hostname->text), HOSTNAME_MAX))
        PROBLEM(m, m->section, hostname, "a host name such as mail02 or mail.example.org",
                "\"%s\" is no name that a mail server can have", hostname->text);
    if (!certificate != !key)
        PROBLEM(m, m->section, certificate ? certificate : key,
                "both keys, or neither for the lab's own certificate", "certificate and key belong together");
    m->out->hostname = keep(m, hostname->text);
    m->out->certificate = certificate ? keep(m, certificate->text) : NULL;
    m->out->key = key ? keep(m, key->text) : NULL;
}

static struct endpoint *make_listen(struct making *m, const char *key, size_t *out_count)
{
    size_t count;
    const struct config_value *list = config_list(m->section, key, &count);
    struct endpoint *out = keep_array(m, count, sizeof *out);
    for (size_t i = 0; i < count && out; i++) {
        if (list[i].endpoint.address.family == FAMILY_NONE)
            PROBLEM(m, m->section, &list[i], "an address and a port, 127.0.0.1:1143 or [::1]:1143",
                    "\"%s\" is the name of an interface: imapd listens on addresses", list[i].text);
        out[i] = list[i].endpoint;
    }
    *out_count = count;
    return out;
}

/* The directory of the Maildir: where smtpd puts the mail for the same address. */
static void make_maildir(struct making *m, const struct config_section *s, struct imap_user *u)
{
    const struct config_value *mailbox = config_value(s, "mailbox"), *maildir = config_value(s, "maildir");
    struct span whole = span_text(mailbox->text), local = span_head(whole, span_find(whole, '@'));
    struct span domain = span_from(whole, local.len + 1);
    char room[IMAPD_PATH_MAX];
    struct writer w = writer_over(room, sizeof room);
    if (domain.len > 1 && domain.at[domain.len - 1] == '.')
        domain.len--;
    if (!is_file_name(local) || !is_file_name(domain)) {
        PROBLEM(m, s, mailbox, "an address such as sanders@cyberdyne.local", "\"%s\" is no mailbox",
                mailbox->text);
        return;
    }
    u->in_state = !maildir;
    if (maildir)
        write_text(&w, maildir->text);
    else
        write_format(&w, "mail/%.*s", (int)domain.len, (const char *)domain.at);
    write_format(&w, "/%.*s", (int)local.len, (const char *)local.at);
    write_u8(&w, 0);
    if (!writer_ok(&w))
        PROBLEM(m, s, maildir, NULL, "the name of the directory is too long");
    else
        u->maildir = keep(m, room);
}

static void make_user(struct making *m, const struct config_section *s, struct imap_user *u)
{
    const struct config_value *password = config_value(s, "password");
    u->name = keep(m, config_title(s)->text);
    u->password = keep(m, password->text);
    if (!is_plain(span_text(config_title(s)->text), USER_MAX))
        PROBLEM(m, s, NULL, "printable ASCII without spaces", "nobody can have such a name");
    if (strlen(password->text) == 0 || strlen(password->text) > IMAPD_PASSWORD_MAX)
        PROBLEM(m, s, password, "1 to 256 characters", "this cannot be a password");
    make_maildir(m, s, u);
}

static void make_users(struct making *m)
{
    const struct config_section *const *list = config_sections(m->section, "user", &m->out->user_count);
    m->out->users = keep_array(m, m->out->user_count, sizeof *m->out->users);
    for (size_t i = 0; i < m->out->user_count && m->out->users; i++)
        make_user(m, list[i], &m->out->users[i]);
    if (m->out->user_count == 0)
        config_warning(m->c, m->section, NULL, "imapd has no user: nobody can log in");
}

static void make_limits(struct making *m)
{
    m->out->allow_plaintext = config_flag(m->section, "allow-plaintext");
    m->out->connections_max = (size_t)config_number(m->section, "max-connections");
    m->out->message_bytes_max = (uint64_t)config_number(m->section, "max-message-size");
    m->out->idle_timeout_ms = (uint64_t)config_number(m->section, "idle-timeout");
    if (m->out->allow_plaintext)
        config_warning(m->c, m->section, config_value(m->section, "allow-plaintext"),
                       "passwords may come in clear: whoever sees the packets can read them");
}

struct imap_settings *imapd_configure(struct config *c, const struct config_section *s)
{
    struct making m = { .c = c, .section = s, .out = calloc(1, sizeof *m.out) };
    if (!m.out) {
        config_problem(c, s, NULL, NULL, "out of memory");
        return NULL;
    }
    arena_open(&m.out->memory, SETTINGS_CHUNK, SETTINGS_MAX);
    make_limits(&m);
    make_names(&m);
    m.out->listen = make_listen(&m, "listen", &m.out->listen_count);
    m.out->listen_tls = make_listen(&m, "listen-tls", &m.out->listen_tls_count);
    make_users(&m);
    if (!m.failed)
        return m.out;
    if (config_ok(c))
        config_problem(c, s, NULL, NULL, "the section is too large");
    imap_settings_free(m.out);
    return NULL;
}

void imap_settings_free(struct imap_settings *s)
{
    arena_close(&s->memory);
    free(s);
}
