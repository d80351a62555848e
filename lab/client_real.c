#include "client_real.h"

#include "text.h"
#include "wire/dhcp4.h"

#define LINE_MAX_BYTES 8192        /* of a word that is put together here */
#define CONFIG_MAX     (32 * 1024) /* 10 KiB name all options */
#define DNS_PORT       53
#define ACQUIRE        "-1" /* what dhclient is to do */
#define RELEASE        "-r"
#define LEASE_MASK     "subnet-mask" /* options as dhclient calls them */
#define LEASE_SERVER   "dhcp-server-identifier"

/* A command line under construction. `failed`: a word did not fit, or has a NUL in it. */
struct command {
    const struct scenario_step *step;
    const char *interface, *directory;
    struct arena *arena;
    struct client_real *out;
    struct problem *why;
    struct endpoint server;
    bool failed;
};

static void add_span(struct command *c, struct span word)
{
    char *text = span_find(word, 0) == word.len ? arena_text(c->arena, word) : NULL;
    if (!text || c->out->count == CLIENT_REAL_WORDS_MAX) {
        c->failed = true;
        return;
    }
    c->out->argv[c->out->count++] = text;
}

static void add(struct command *c, const char *word)
{
    add_span(c, span_text(word));
}

static void add_two(struct command *c, const char *option, struct span value)
{
    add(c, option);
    add_span(c, value);
}

/* The word that the writer holds, and an empty writer. */
static void add_written(struct command *c, struct writer *w)
{
    if (!writer_ok(w))
        c->failed = true;
    add_span(c, writer_span(w));
    writer_back_to(w, (struct mark){ 0 });
}

static bool cannot(struct command *c, const char *what)
{
    problem_set(c->why, "%s", what);
    problem_remedy(c->why, "play this scenario without --client real");
    return false;
}

/* ---- lines of the step ------------------------------------------------------------------------------------
 */

static const struct client_setting *line(const struct command *c, const char *key, size_t n)
{
    for (size_t i = 0; i < c->step->setting_count; i++)
        if (strcmp(c->step->settings[i].key->name, key) == 0 && n-- == 0)
            return &c->step->settings[i];
    return NULL;
}

static struct span word(const struct command *c, const char *key, const char *otherwise)
{
    const struct client_setting *s = line(c, key, 0);
    return s && s->word_count ? s->words[0] : span_text(otherwise);
}

static bool has(const struct command *c, const char *key)
{
    return line(c, key, 0) != NULL;
}

static bool find_server(struct command *c, uint16_t port)
{
    struct span text = word(c, "server", "");
    c->server = (struct endpoint){ .port = port };
    return address_parse(text, &c->server.address) || endpoint_parse(text, &c->server) ||
           cannot(c, "the server is no address");
}

static void write_address(struct writer *w, const struct command *c, bool brackets)
{
    char text[ADDRESS_TEXT_MAX];
    brackets = brackets && c->server.address.family == FAMILY_IP6;
    write_text(w, brackets ? "[" : "");
    write_text(w, address_format(c->server.address, text));
    write_text(w, brackets ? "]" : "");
}

static void write_words(struct writer *w, const struct client_setting *s, size_t from)
{
    for (size_t i = from; i < s->word_count; i++) {
        bool quoted = s->words[i].len == 0 || span_find(s->words[i], ' ') < s->words[i].len;
        write_text(w, i > from ? " " : "");
        write_text(w, quoted ? "\"" : "");
        write_span(w, s->words[i]);
        write_text(w, quoted ? "\"" : "");
    }
}

/* ---- dig --------------------------------------------------------------------------------------------------
 */

static bool dig(struct command *c, const char *name, struct span type)
{
    uint8_t room[LINE_MAX_BYTES];
    struct writer w = writer_over(room, sizeof room);
    if (!find_server(c, DNS_PORT))
        return false;
    add(c, "dig");
    write_u8(&w, '@');
    write_address(&w, c, false);
    add_written(c, &w);
    write_decimal(&w, c->server.port);
    add(c, "-p");
    add_written(c, &w);
    add_two(c, "-q", word(c, name, ""));
    add_two(c, "-t", type);
    add_two(c, "-c", word(c, "class", "IN"));
    add(c, span_is(word(c, "recursion", ""), "no") ? "+norecurse" : "+recurse");
    add(c, "+noadflag");
    add(c, "+nocookie");
    write_text(&w, has(c, "edns") ? "+bufsize=" : "+noedns");
    write_span(&w, word(c, "edns", ""));
    add_written(c, &w);
    add(c, "+tries=3");
    add(c, "+timeout=2");
    if (has(c, "tcp"))
        add(c, "+tcp");
    return true;
}

static bool dig_transfer(struct command *c)
{
    uint8_t room[64];
    struct writer w = writer_over(room, sizeof room);
    write_text(&w, has(c, "serial") ? "IXFR=" : "AXFR");
    write_span(&w, word(c, "serial", ""));
    return dig(c, "zone", writer_span(&w));
}

static bool dig_query(struct command *c)
{
    return dig(c, "name", word(c, "type", "A"));
}

/* ---- swaks ------------------------------------------------------------------------------------------------
 */

/* swaks ends the last line itself. */
static struct span without_last_end(struct span text)
{
    if (text.len && text.at[text.len - 1] == '\n')
        text.len--;
    if (text.len && text.at[text.len - 1] == '\r')
        text.len--;
    return text;
}

static bool swaks(struct command *c)
{
    const struct client_setting *from = line(c, "from", 0), *message = line(c, "message", 0), *to;
    uint8_t room[LINE_MAX_BYTES];
    struct writer w = writer_over(room, sizeof room);
    if (!find_server(c, 25))
        return false;
    if (!from || has(c, "command") || has(c, "vrfy"))
        return cannot(c, "swaks sends a message, and no other commands");
    if (has(c, "expect-code"))
        return cannot(c, "swaks takes every refusal for a failure");
    add(c, "swaks");
    write_address(&w, c, false);
    add(c, "--server");
    add_written(c, &w);
    write_decimal(&w, c->server.port);
    add(c, "--port");
    add_written(c, &w);
    add_two(c, "--helo", word(c, "hello", ""));
    add_two(c, "--from", from->words[0]);
    for (size_t i = 0; (to = line(c, "to", i)); i++) { /* ends: with the step's lines */
        write_text(&w, i ? "," : "");
        write_span(&w, to->words[0]);
        if (to->word_count > 1)
            return cannot(c, "swaks gives RCPT no parameters");
    }
    if (from->word_count > 1)
        return cannot(c, "swaks gives MAIL no parameters");
    add(c, "--to");
    add_written(c, &w);
    add_two(c, "--data", span_text("-"));
    if (has(c, "starttls"))
        add(c, "--tls");
    if (has(c, "pipelining"))
        add(c, "--pipeline");
    message = message ? message : line(c, "message-file", 0);
    c->out->input = message ? without_last_end(message->bytes) : span_text("");
    return message || cannot(c, "there is no message");
}

/* ---- curl: pages ------------------------------------------------------------------------------------------
 */

static struct span next_word(struct span *text, uint8_t end)
{
    size_t at = span_find(*text, end);
    struct span first = span_head(*text, at);
    *text = span_from(*text, at + 1);
    return first;
}

/* scheme://host:port, and for a name of the server what it stands for. */
static void write_origin(struct command *c, struct writer *w, const char *scheme)
{
    struct span name = word(c, "tls-name", "");
    write_text(w, scheme);
    write_text(w, "://");
    if (name.len)
        write_span(w, name);
    else
        write_address(w, c, true);
    write_text(w, ":");
    write_decimal(w, c->server.port);
}

static void add_name(struct command *c)
{
    uint8_t room[LINE_MAX_BYTES];
    struct writer w = writer_over(room, sizeof room);
    struct span name = word(c, "tls-name", "");
    if (name.len == 0)
        return;
    add(c, "--resolve");
    write_span(&w, name);
    write_text(&w, ":");
    write_decimal(&w, c->server.port);
    write_text(&w, ":");
    write_address(&w, c, true);
    add_written(c, &w);
}

/* Cookie: what the step says, with those that curl was given. */
static void add_cookies(struct command *c, struct span value)
{
    static const char mark[] = "{cookies}";
    size_t at = 0;
    while (at < value.len && !span_starts(span_from(value, at), mark))
        at++;
    struct span own = span_head(value, at);
    while (own.len && (own.at[own.len - 1] == ' ' || own.at[own.len - 1] == ';'))
        own.len--;
    add_two(c, "--cookie", own);
}

/* A field with no value has a semicolon for curl; the colon would take the field out. */
static void add_field(struct command *c, struct span field)
{
    uint8_t room[LINE_MAX_BYTES];
    struct writer w = writer_over(room, sizeof room);
    struct span value = field, name = next_word(&value, ':');
    while (value.len && value.at[0] == ' ')
        value = span_from(value, 1);
    if (span_is_nocase(name, "Content-Length"))
        return;
    if (span_is_nocase(name, "Cookie")) {
        add_cookies(c, value);
        return;
    }
    write_span(&w, name);
    write_text(&w, value.len ? ": " : ";");
    write_span(&w, value);
    add(c, "--header");
    add_written(c, &w);
}

/* The head's fields up to the empty line; `text` is then the body. */
static bool add_fields(struct command *c, struct span *text)
{
    bool typed = false;
    while (text->len) { /* line by line */
        struct span field = next_word(text, '\n');
        if (field.len == 0)
            break;
        typed |= span_is_nocase(span_head(field, span_find(field, ':')), "Content-Type");
        add_field(c, field);
    }
    return typed;
}

static bool add_request(struct command *c, struct span text, const char *scheme)
{
    uint8_t room[LINE_MAX_BYTES];
    struct writer w = writer_over(room, sizeof room);
    struct span first = next_word(&text, '\n'), method = next_word(&first, ' '),
                target = next_word(&first, ' ');
    if (target.len == 0 || target.at[0] != '/' || span_find(target, '{') < target.len)
        return cannot(c, "curl asks for a path, or for a Location that the answer before had");
    add(c, span_is(first, "HTTP/1.0") ? "--http1.0" : "--http1.1");
    bool typed = add_fields(c, &text);
    if (text.len && text.at[text.len - 1] == '\n')
        text.len--;
    if (text.len) {
        add_two(c, "--data-raw", text);
        if (!typed)
            add_two(c, "--header", span_text("Content-Type:"));
    }
    if (span_is(method, "HEAD"))
        add(c, "--head");
    else if (!span_is(method, text.len ? "POST" : "GET"))
        add_two(c, "--request", method);
    write_origin(c, &w, scheme);
    write_span(&w, target);
    add_two(c, "--output", span_text("/dev/null"));
    add(c, "--url");
    add_written(c, &w);
    return true;
}

/* What every transfer of curl begins with. */
static void add_transfer(struct command *c, size_t n)
{
    static const char *const always[] = { "--silent", "--show-error", "--insecure", "--path-as-is",
                                          "--globoff" };
    if (n == 0)
        add(c, "curl");
    else
        add(c, "--next");
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        add(c, always[i]);
    add_name(c);
}

static bool is_location(const struct client_setting *request)
{
    struct span text = request->bytes;
    next_word(&text, ' ');
    return span_is(next_word(&text, ' '), "{location}");
}

/* Wherever a redirect leads by its name, it is the step's server that is meant. */
static void add_follow(struct command *c)
{
    uint8_t room[LINE_MAX_BYTES];
    struct writer w = writer_over(room, sizeof room);
    char text[ENDPOINT_TEXT_MAX];
    write_text(&w, "::");
    write_text(&w, endpoint_format(&c->server, text));
    add(c, "--location");
    add_two(c, "--connect-to", writer_span(&w));
}

/* A request for {location} is what curl sends by itself when it follows. */
static bool curl_http(struct command *c)
{
    const struct client_setting *request;
    const char *scheme = has(c, "tls") ? "https" : "http";
    if (!find_server(c, has(c, "tls") ? 443 : 80))
        return false;
    for (size_t i = 0; (request = line(c, "request", i)); i++) { /* ends: with the step's lines */
        const struct client_setting *next = line(c, "request", i + 1);
        if (i > 0 && is_location(request))
            continue;
        add_transfer(c, i);
        if (next && is_location(next))
            add_follow(c);
        if (!add_request(c, request->bytes, scheme))
            return false;
    }
    return true;
}

/* ---- curl: mailboxes --------------------------------------------------------------------------------------
 */

/* What curl says by itself when its address and its other words ask for it. */
static bool is_curls_own(struct span verb)
{
    static const char *const own[] = { "CAPABILITY", "STARTTLS", "LOGIN", "SELECT", "LOGOUT" };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (span_is_nocase(verb, own[i]))
            return true;
    return false;
}

static bool says(const struct command *c, const char *verb)
{
    const struct client_setting *s;
    for (size_t i = 0; (s = line(c, "command", i)); i++) /* ends: with the step's lines */
        if (span_is_nocase(s->words[0], verb))
            return true;
    return false;
}

static bool add_mail(struct command *c, size_t n, struct span mailbox, const char *scheme)
{
    uint8_t room[LINE_MAX_BYTES];
    struct writer w = writer_over(room, sizeof room);
    const struct client_setting *user = line(c, "user", 0);
    add_transfer(c, n);
    if (says(c, "STARTTLS"))
        add(c, "--ssl-reqd");
    if (!user)
        return cannot(c, "curl needs a line `user` for a mailbox");
    write_span(&w, user->words[0]);
    write_u8(&w, ':');
    write_span(&w, user->words[1]);
    add(c, "--user");
    add_written(c, &w);
    write_origin(c, &w, scheme);
    write_u8(&w, '/');
    write_span(&w, mailbox);
    add(c, "--url");
    add_written(c, &w);
    return true;
}

static bool add_append(struct command *c, const struct client_setting *s, size_t n, const char *scheme)
{
    const struct client_setting *message = line(c, "message", 0);
    message = message ? message : line(c, "message-file", 0);
    if (c->out->input.at || !message || s->word_count > 1)
        return cannot(c, "curl appends one message, and without flags");
    c->out->input = message->bytes;
    if (!add_mail(c, n, s->words[0], scheme))
        return false;
    add_two(c, "--upload-file", span_text("-"));
    return true;
}

static bool curl_imap(struct command *c)
{
    const char *scheme = has(c, "tls") ? "imaps" : "imap";
    struct span mailbox = span_text("");
    size_t n = 0;
    uint8_t room[LINE_MAX_BYTES];
    struct writer w = writer_over(room, sizeof room);
    if (!find_server(c, has(c, "tls") ? 993 : 143))
        return false;
    for (size_t i = 0; i < c->step->setting_count; i++) {
        const struct client_setting *s = &c->step->settings[i];
        const char *key = s->key->name;
        bool command = strcmp(key, "command") == 0;
        if (strcmp(key, "wait-exists") == 0)
            return cannot(c, "curl does not wait for messages (IDLE)");
        if (strcmp(key, "append") == 0 && !add_append(c, s, n++, scheme))
            return false;
        if (command && span_is_nocase(s->words[0], "SELECT") && s->word_count == 2)
            mailbox = s->words[1];
        if (!command || is_curls_own(s->words[0]))
            continue;
        if (!add_mail(c, n++, mailbox, scheme))
            return false;
        write_words(&w, s, 0);
        add(c, "--request");
        add_written(c, &w);
    }
    return n > 0 || add_mail(c, 0, mailbox, scheme);
}

/* ---- dhclient ---------------------------------------------------------------------------------------------
 */

static const char *path_of(struct command *c, const char *name)
{
    uint8_t room[LINE_MAX_BYTES];
    struct writer w = writer_over(room, sizeof room);
    write_text(&w, c->directory);
    write_text(&w, name);
    const char *text = writer_ok(&w) ? arena_text(c->arena, writer_span(&w)) : NULL;
    c->failed |= text == NULL;
    return text ? text : "";
}

/* What dhclient itself knows how to write, and client_real_lease() how to read. */
static bool has_known_name(unsigned code)
{
    return code == DHCP4_OPTION_SUBNET_MASK || code == DHCP4_OPTION_SERVER_IDENTIFIER;
}

static bool is_written(const struct client_dhcp_option *o)
{
    return o->code != DHCP4_OPTION_REQUESTED_ADDRESS && o->code != DHCP4_OPTION_PARAMETER_REQUEST_LIST &&
           !has_known_name(o->code) && o->value.len;
}

static void write_name(struct writer *w, unsigned code)
{
    if (code == DHCP4_OPTION_SUBNET_MASK)
        write_text(w, LEASE_MASK);
    else if (code == DHCP4_OPTION_SERVER_IDENTIFIER)
        write_text(w, LEASE_SERVER);
    else
        write_format(w, "wirelab-%u", code);
}

static void write_requests(struct writer *w, struct span codes)
{
    for (size_t i = 0; i < codes.len; i++) {
        write_text(w, i ? ", " : "request ");
        write_name(w, codes.at[i]);
    }
    write_text(w, codes.len ? ";\n" : "");
}

/* Options by their numbers: dhclient's names for them are not ours. All of them, since it writes a lease with
 * these names, and the next step, which reads it, may ask for others. */
static void write_config(struct writer *w, const struct client_dhcp_settings *d)
{
    for (unsigned code = 1; code < DHCP4_END; code++)
        if (!has_known_name(code))
            write_format(w, "option wirelab-%u code %u = string;\n", code, code);
    for (size_t i = 0; i < d->option_count; i++) {
        const struct client_dhcp_option *o = &d->options[i];
        if (o->code == DHCP4_OPTION_PARAMETER_REQUEST_LIST)
            write_requests(w, o->value);
        if (!is_written(o))
            continue;
        write_format(w, "send wirelab-%u ", o->code);
        for (size_t k = 0; k < o->value.len; k++)
            write_format(w, "%s%02x", k ? ":" : "", o->value.at[k]);
        write_text(w, ";\n");
    }
}

/* Its script is one that does nothing: it would change the resolver of the machine. Each family has files of
 * its own. */
static void add_dhclient(struct command *c, bool six, const char *goal)
{
    const char *pid_path = path_of(c, six ? "/dhclient6.pid" : "/dhclient.pid");
    c->out->lease_path = path_of(c, six ? "/dhclient6.leases" : "/dhclient.leases");
    c->out->pid_path = strcmp(goal, RELEASE) == 0 ? NULL : pid_path;
    add(c, "dhclient");
    add(c, six ? "-6" : "-4");
    add(c, "-v");
    add_two(c, "-lf", span_text(c->out->lease_path));
    add_two(c, "-pf", span_text(pid_path));
    add_two(c, "-sf", span_text("/bin/true"));
    add(c, goal);
}

static bool dhclient4(struct command *c)
{
    const struct client_dhcp_settings *d = &c->step->dhcp;
    uint8_t room[CONFIG_MAX];
    struct writer w = writer_over(room, sizeof room);
    if (d->goal != CLIENT_DHCP_ACQUIRE && d->goal != CLIENT_DHCP_REBOOT && d->goal != CLIENT_DHCP_RELEASE)
        return cannot(c, "dhclient gets a lease or gives it back, and chooses itself when to do the rest");
    add_dhclient(c, false, d->goal == CLIENT_DHCP_RELEASE ? RELEASE : ACQUIRE);
    if (d->broadcast)
        add(c, "-B");
    write_config(&w, d);
    c->out->config = arena_copy(c->arena, writer_span(&w));
    c->failed |= !writer_ok(&w) || !c->out->config.at;
    c->out->config_path = path_of(c, "/dhclient.conf");
    add_two(c, "-cf", span_text(c->out->config_path));
    add(c, c->interface);
    return true;
}

/* The value behind the last `name` of a lease file, as an address; 0: there is none. */
static uint32_t last_address(struct span file, const char *name)
{
    struct address a = { 0 };
    while (file.len) { /* each turn takes a line */
        struct span line = next_word(&file, '\n');
        while (line.len && span_starts(line, " "))
            line = span_from(line, 1);
        struct span value = span_from(line, strlen(name));
        if (span_starts(line, name))
            address_parse(span_head(value, span_find(value, ';')), &a);
    }
    return address_to_ip4(a);
}

struct client_dhcp_lease client_real_lease(struct span file)
{
    return (struct client_dhcp_lease){ .address = last_address(file, "fixed-address "),
                                       .mask = last_address(file, "option " LEASE_MASK " "),
                                       .server = last_address(file, "option " LEASE_SERVER " ") };
}

static bool dhclient6(struct command *c)
{
    struct span goal = span_from(span_text(c->step->type->word), sizeof "dhcp6-" - 1);
    bool acquire = span_is(goal, "acquire") || span_is(goal, "confirm");
    for (size_t i = 0; i < c->step->setting_count; i++)
        if (strcmp(c->step->settings[i].key->name, "relay-to") == 0)
            return cannot(c, "dhclient is no relay");
    if (!acquire && !span_is(goal, "release") && !span_is(goal, "inform"))
        return cannot(c, "dhclient gets a lease or gives it back, and chooses itself when to do the rest");
    add_dhclient(c, true, acquire ? ACQUIRE : span_is(goal, "release") ? RELEASE : "-S");
    add(c, c->interface);
    return true;
}

/* ---- which ------------------------------------------------------------------------------------------------
 */

static bool client_step(struct command *c)
{
    static const struct {
        const char *word;
        bool (*write)(struct command *c);
    } rows[] = { { "dns-query", dig_query },
                 { "dns-transfer", dig_transfer },
                 { "smtp-send", swaks },
                 { "http", curl_http },
                 { "imap", curl_imap } };
    const char *type = c->step->type->word;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(type, rows[i].word) == 0)
            return rows[i].write(c);
    if (span_starts(span_text(type), "dhcp6-"))
        return dhclient6(c);
    return cannot(c, "no program plays this step");
}

bool client_real(const struct scenario_step *step, const char *interface, const char *directory,
                 struct arena *a, struct client_real *out, struct problem *why)
{
    struct command c = {
        .step = step, .interface = interface, .directory = directory, .arena = a, .out = out, .why = why
    };
    bool done = false;
    *out = (struct client_real){ 0 };
    switch (step->kind) {
    case STEP_DHCP:
        done = dhclient4(&c);
        break;
    case STEP_CLIENT:
        done = client_step(&c);
        break;
    case STEP_AWAIT:
        done = cannot(&c, "waiting for an event is no client's step");
        break;
    }
    if (done && c.failed)
        return cannot(&c, "the step does not fit on a command line");
    return done;
}
