#include "scenario_parser.h"

#include "text.h"

#include <stdio.h>

#define SHOWN_MAX        48  /* characters of a word in a message */
#define PATH_MAX_BYTES   200 /* of a file of a host */
#define PREFIX_BITS_MAX4 32
#define PREFIX_BITS_MAX6 128

/* ---- problems -------------------------------------------------------------------------------- */

/* A line has a few at most, and reading ends at the bound; what one line has over it is not told. */
struct problem *scenario_problem_at(struct scenario_parser *p, unsigned line)
{
    struct scenario *s = p->s;
    if (s->problem_count < SCENARIO_PROBLEMS_MAX)
        s->problem_count++;
    s->problems[s->problem_count - 1].line = line;
    return &s->problems[s->problem_count - 1].problem;
}

const char *scenario_shown(struct scenario_parser *p, struct span word)
{
    char *text = arena_text(p->arena, span_head(word, SHOWN_MAX));
    for (char *c = text; c && *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return text ? text : "?";
}

/* ---- lines and words -------------------------------------------------------------------------- */

static struct span next_line(struct reader *r)
{
    struct reader rest = *r;
    struct span left = read_rest(&rest);
    size_t length = span_find(left, '\n');
    struct span line = read_span(r, length);
    if (reader_left(r))
        read_skip(r, 1);
    if (line.len && span_find(span_from(line, line.len - 1), '\r') == 0)
        line = span_head(line, line.len - 1);
    return line;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The length of the word that begins a span; blanks in double quotes belong to it. */
static size_t word_length(struct span s)
{
    struct reader r = reader_over(s);
    bool quoted = false;
    while (reader_left(&r)) { /* each turn takes a byte */
        size_t here = reader_offset(&r);
        uint8_t c = read_u8(&r);
        if (c == '"')
            quoted = !quoted;
        else if (is_blank(c) && !quoted)
            return here;
    }
    return s.len;
}

static void split_words(struct scenario_parser *p, struct span line)
{
    p->count = 0;
    while (line.len && p->count < SCENARIO_WORDS_MAX) { /* each turn takes a byte or a word */
        struct reader first = reader_over(line);
        uint8_t c = read_u8(&first);
        if (c == '#')
            return;
        if (is_blank(c)) {
            line = span_from(line, 1);
            continue;
        }
        size_t length = word_length(line);
        p->words[p->count++] = span_head(line, length);
        line = span_from(line, length);
    }
}

struct span scenario_unquoted(struct span word)
{
    bool quoted =
        word.len >= 2 && span_starts(word, "\"") && span_find(span_from(word, word.len - 1), '"') == 0;
    return quoted ? span_head(span_from(word, 1), word.len - 2) : word;
}

struct span scenario_take_block(struct scenario_parser *p, const char *what)
{
    unsigned opened = p->line;
    struct reader from = p->in;
    size_t begin = reader_offset(&p->in);
    while (reader_left(&p->in)) { /* each turn takes a line */
        size_t length = reader_offset(&p->in) - begin;
        struct span line = next_line(&p->in);
        p->line++;
        split_words(p, line);
        if (p->count == 1 && span_is(p->words[0], "end"))
            return read_span(&from, length);
    }
    COMPLAIN_AT(p, opened, "close it by a line with the one word: end", "this `%s` has no end", what);
    return (struct span){ p->s->text.at, 0 };
}

static size_t blanks_before(struct span line)
{
    struct reader r = reader_over(line);
    size_t count = 0;
    while (reader_left(&r) && is_blank(read_u8(&r))) /* each turn takes a byte */
        count++;
    return count;
}

struct span scenario_take_text(struct scenario_parser *p, const char *what)
{
    struct span block = scenario_take_block(p, what), line;
    size_t common = block.len;
    for (struct reader r = reader_over(block); reader_left(&r);) { /* each turn takes a line */
        line = next_line(&r);
        size_t blanks = blanks_before(line);
        if (blanks < line.len && blanks < common)
            common = blanks;
    }
    uint8_t *room = arena_alloc_bytes(p->arena, block.len + 1);
    struct writer w = writer_over(room, room ? block.len + 1 : 0);
    for (struct reader r = reader_over(block); reader_left(&r);) { /* as before */
        line = next_line(&r);
        write_span(&w, span_from(line, common));
        write_u8(&w, '\n');
    }
    if (!writer_ok(&w))
        COMPLAIN(p, "make two scenarios of it", "there is no memory for this");
    return writer_span(&w);
}

/* Names of hosts and files: letters, digits, '-', '_', '.', not first a dot or a dash. */
static bool is_name(struct span word)
{
    struct reader r = reader_over(word);
    if (!word.len || word.len > SCENARIO_NAME_MAX || span_starts(word, ".") || span_starts(word, "-"))
        return false;
    while (reader_left(&r)) { /* each turn takes a byte */
        uint8_t c = read_u8(&r), lower = ascii_lower(c);
        if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

/* ---- hosts -------------------------------------------------------------------------------------- */

size_t scenario_find_host(struct scenario_parser *p, struct span name)
{
    const struct scenario *s = p->s;
    for (size_t i = 0; i < s->host_count; i++)
        if (span_equal(s->hosts[i].name, name))
            return i;
    const char *nearest = NULL;
    for (size_t i = 0; i < s->host_count; i++) {
        const char *text = scenario_shown(p, s->hosts[i].name);
        if (!nearest ||
            edit_distance(scenario_shown(p, name), text) < edit_distance(scenario_shown(p, name), nearest))
            nearest = text;
    }
    struct problem *told = scenario_problem_at(p, p->line);
    problem_set(told, "there is no host \"%s\" above this line", scenario_shown(p, name));
    if (nearest)
        problem_remedy(told, "did you mean \"%s\"?", nearest);
    else
        problem_remedy(told, "name it first: host %s", scenario_shown(p, name));
    return SCENARIO_HOSTS_MAX;
}

static bool is_known_host(const struct scenario *s, struct span name)
{
    for (size_t i = 0; i < s->host_count; i++)
        if (span_equal(s->hosts[i].name, name))
            return true;
    return false;
}

static void take_title(struct scenario_parser *p)
{
    p->s->title = scenario_unquoted(p->words[1]);
}

static void take_host(struct scenario_parser *p)
{
    struct scenario *s = p->s;
    struct span name = p->words[1];
    if (!is_name(name) || span_is(name, "everyone"))
        COMPLAIN(p, "a name has at most 32 letters, digits, dashes; `everyone` is taken",
                 "\"%s\" cannot be the name of a host", scenario_shown(p, name));
    else if (is_known_host(s, name))
        COMPLAIN(p, "give each host a name of its own", "there is a host \"%s\" already",
                 scenario_shown(p, name));
    else if (s->host_count == SCENARIO_HOSTS_MAX)
        COMPLAIN(p, "make two scenarios of it", "there are more than %d hosts", SCENARIO_HOSTS_MAX);
    else {
        p->host = &s->hosts[s->host_count++];
        *p->host = (struct scenario_host){ .name = name, .line = p->line, .link = SCENARIO_LINKS_MAX };
        /* a locally administered address, until another one is given */
        const uint8_t made_up[6] = { 0x02, 0x77, 0x6c, 0, 0, (uint8_t)s->host_count };
        memcpy(p->host->hardware, made_up, sizeof made_up);
    }
}

static void take_hardware(struct scenario_parser *p)
{
    uint8_t bytes[16];
    if (hardware_parse(p->words[1], bytes) == sizeof p->host->hardware && !(bytes[0] & 1))
        memcpy(p->host->hardware, bytes, sizeof p->host->hardware);
    else
        COMPLAIN(p, "write six bytes, the first one even, as in: hardware 00:0c:29:59:fd:21",
                 "\"%s\" is not the hardware address of a host", scenario_shown(p, p->words[1]));
}

static bool parse_address(struct span word, struct scenario_address *out)
{
    size_t slash = span_find(word, '/');
    uint64_t bits;
    if (!address_parse(span_head(word, slash), &out->address))
        return false;
    unsigned most = out->address.family == FAMILY_IP4 ? PREFIX_BITS_MAX4 : PREFIX_BITS_MAX6;
    if (!parse_decimal(span_from(word, slash + 1), most, &bits) || bits == 0)
        return false;
    out->bits = (uint8_t)bits;
    return true;
}

static void take_address(struct scenario_parser *p)
{
    struct scenario_address a;
    if (!parse_address(p->words[1], &a))
        COMPLAIN(p, "write address and prefix length, as in: address 192.168.1.5/24",
                 "\"%s\" is not an address of a host", scenario_shown(p, p->words[1]));
    else if (p->host->address_count == SCENARIO_ADDRESSES_MAX)
        COMPLAIN(p, "share them among more hosts", "a host has more than %d addresses",
                 SCENARIO_ADDRESSES_MAX);
    else
        p->host->addresses[p->host->address_count++] = a;
}

/* They are in the language of the configuration, and keep their places. */
static void take_serve(struct scenario_parser *p)
{
    if (p->host->serve_line)
        COMPLAIN(p, "put all sections into one `serve`", "this host has a `serve` already");
    p->host->serve_line = p->line + 1;
    p->host->serve = scenario_take_block(p, "serve");
}

/* Files stay in their host's directory: no part of the path is empty or begins with a dot. */
static bool is_inside(struct span path)
{
    struct reader r = reader_over(path);
    uint8_t before = '/';
    while (reader_left(&r)) { /* each turn takes a byte */
        uint8_t c = read_u8(&r);
        if (before == '/' && (c == '/' || c == '.'))
            return false;
        before = c;
    }
    return path.len && path.len <= PATH_MAX_BYTES && before != '/';
}

static void take_file(struct scenario_parser *p)
{
    struct scenario_host *h = p->host;
    struct scenario_file f = { .path = scenario_unquoted(p->words[1]) };
    if (!is_inside(f.path))
        COMPLAIN(p, "write a path below the host's own directory, as in: file zones/example.zone",
                 "\"%s\" cannot be the path of a file here", scenario_shown(p, p->words[1]));
    for (size_t i = 0; i < h->file_count; i++)
        if (span_equal(h->files[i].path, f.path))
            COMPLAIN(p, "give each file a name of its own", "this host has that file already");
    f.bytes = scenario_take_text(p, "file");
    if (h->file_count == SCENARIO_FILES_MAX)
        COMPLAIN(p, "put some into the scenario's directory, and name them from there",
                 "a host has more than %d files here", SCENARIO_FILES_MAX);
    else
        h->files[h->file_count++] = f;
}

static void take_route(struct scenario_parser *p)
{
    struct scenario_host *h = p->host;
    struct prefix network;
    if (!prefix_parse(p->words[1], &network))
        COMPLAIN(p, "write an address, or a network and its length, as in: route 4.2.2.0/24",
                 "\"%s\" is not a network", scenario_shown(p, p->words[1]));
    else if (h->route_count == SCENARIO_ROUTES_MAX)
        COMPLAIN(p, "name a larger network", "a host has more than %d routes", SCENARIO_ROUTES_MAX);
    else
        h->routes[h->route_count++] = (struct scenario_address){ network.address, network.bits };
}

static void take_link_local(struct scenario_parser *p)
{
    p->host->link_local = true;
}

/* ---- links and captures ---------------------------------------------------------------------------- */

static void take_link(struct scenario_parser *p)
{
    struct scenario *s = p->s;
    if (s->link_count == SCENARIO_LINKS_MAX) {
        COMPLAIN(p, "make two scenarios of it", "there are more than %d links", SCENARIO_LINKS_MAX);
        return;
    }
    struct scenario_link *link = &s->links[s->link_count];
    link->host_count = 0;
    for (size_t i = 1; i < p->count; i++) {
        size_t host = scenario_find_host(p, p->words[i]);
        if (host == SCENARIO_HOSTS_MAX)
            continue;
        if (s->hosts[host].link != SCENARIO_LINKS_MAX) {
            COMPLAIN(p, "a host has one interface: name it once, in one link", "\"%s\" is linked already",
                     scenario_shown(p, p->words[i]));
            continue;
        }
        s->hosts[host].link = s->link_count;
        link->hosts[link->host_count++] = host;
    }
    s->link_count++;
}

static void take_capture(struct scenario_parser *p)
{
    struct scenario *s = p->s;
    struct scenario_capture c = { .line = p->line, .from_step = s->step_count };
    if (p->count == 4)
        c.name = p->words[3];
    if (p->count == 3 || (p->count == 4 && (!span_is(p->words[2], "as") || !is_name(c.name)))) {
        COMPLAIN(p,
                 "write the host, and `as` with a name when the file is to have one: capture client as seen",
                 "this does not say where to record");
        return;
    }
    c.host = scenario_find_host(p, p->words[1]);
    for (size_t i = 0; i < s->capture_count; i++)
        if (span_equal(s->captures[i].name, c.name)) {
            COMPLAIN(p, "give one of them another name: capture client as other",
                     "two captures would have the same file");
            return;
        }
    if (s->capture_count == SCENARIO_CAPTURES_MAX)
        COMPLAIN(p, "record fewer", "there are more than %d captures", SCENARIO_CAPTURES_MAX);
    else if (c.host != SCENARIO_HOSTS_MAX)
        s->captures[s->capture_count++] = c;
}

/* ---- the table of lines
 * ------------------------------------------------------------------------------------ */

enum about { ABOUT_ALL, ABOUT_HOST, ABOUT_STEP };

static const struct statement {
    const char *word;
    enum about about;   /* what the lines before must have opened */
    size_t least, most; /* words, the first one included */
    void (*take)(struct scenario_parser *p);
    const char *example, *meaning;
} statements[] = {
    { "title", ABOUT_ALL, 2, 2, take_title, "title \"A client without a lease gets one\"",
      "what the scenario shows, in a few words" },
    { "host", ABOUT_ALL, 2, 2, take_host, "host client",
      "a machine; the lines that follow are about it. `everyone` is no name: it is broadcast" },
    { "hardware", ABOUT_HOST, 2, 2, take_hardware, "hardware 00:0c:29:59:fd:21",
      "its MAC address; one is made up where none is given" },
    { "address", ABOUT_HOST, 2, 2, take_address, "address 192.168.1.5/24",
      "an IPv4 or IPv6 address of its interface, eth0, and the length of its network's prefix; up to four" },
    { "route", ABOUT_HOST, 2, 2, take_route, "route 4.2.2.1/32",
      "an address or a network that it reaches over its link, beside its own" },
    { "link-local", ABOUT_HOST, 1, 1, take_link_local, "link-local",
      "an IPv6 address made of its hardware address; a host that has another IPv6 address has it, too" },
    { "file", ABOUT_HOST, 2, 2, take_file, "file zones/example.zone",
      "a file for its servers: the lines up to `end`. Paths in its configuration then begin where these "
      "files are; those of a host without such files begin at the scenario's directory" },
    { "serve", ABOUT_HOST, 1, 1, take_serve, "serve",
      "the servers that run on it: the lines up to `end` are what a configuration file would say, without "
      "`state`" },
    { "link", ABOUT_ALL, 3, SCENARIO_HOSTS_MAX + 1, take_link, "link client server",
      "a cable between two hosts, a switch between more; a host has one" },
    { "capture", ABOUT_ALL, 2, 4, take_capture, "capture client",
      "where it is recorded, from the steps that follow on; `as NAME` gives the file a name other than the "
      "scenario's. The first capture is what is expected" },
    { "play", ABOUT_ALL, 3, 3, scenario_take_play, "play client dhcp-acquire",
      "a step: a client of this host does something. The lines that follow are about the step" },
    { "await", ABOUT_ALL, 3, CLIENT_WORDS_MAX, scenario_take_await, "await server smtp.delivered",
      "a step: until a server of this host has told this event, with these values, since the one that was "
      "awaited before" },
    { "within", ABOUT_STEP, 2, 2, scenario_take_within, "within 10s",
      "how long the step may take: 10s, 250ms; ten seconds, unless it is said" },
    { "expect", ABOUT_ALL, 5, SCENARIO_WORDS_MAX, scenario_take_expect, "expect client -> everyone DISCOVER",
      "a message that must be seen: from whom, to whom (or `everyone`), its word, and fields that must have "
      "these values; one line a message, in their order" },
};

#define STATEMENTS (sizeof statements / sizeof statements[0])

static void tell_unknown(struct scenario_parser *p)
{
    const char *word = scenario_shown(p, p->words[0]), *best = statements[0].word;
    for (size_t i = 1; i < STATEMENTS; i++)
        if (edit_distance(word, statements[i].word) < edit_distance(word, best))
            best = statements[i].word;
    if (p->step)
        best = scenario_nearest_step_line(p, word, best);
    struct problem *told = scenario_problem_at(p, p->line);
    problem_set(told, "no line begins with \"%s\"", word);
    problem_remedy(told, "did you mean \"%s\"?", best);
}

static void take_statement(struct scenario_parser *p, const struct statement *st)
{
    struct problem *told;
    if (st->about == ABOUT_ALL) {
        p->host = NULL;
        p->step = NULL;
        p->passing = false;
    }
    if (p->passing)
        return;
    if (st->about == ABOUT_HOST && !p->host) {
        COMPLAIN(p, "put it below the line of its host: host NAME", "`%s` is about no host here", st->word);
    } else if (st->about == ABOUT_STEP && !p->step) {
        COMPLAIN(p, "put it below the line of its step: play HOST dhcp-acquire", "`%s` is about no step here",
                 st->word);
    } else if (p->count < st->least || p->count > st->most) {
        told = scenario_problem_at(p, p->line);
        problem_set(told, "`%s` has %s words", st->word, p->count < st->least ? "too few" : "too many");
        problem_remedy(told, "write as in: %s", st->example);
    } else {
        st->take(p);
    }
}

/* Only the last word of a line can be: it goes on to the end. */
static bool is_unclosed(struct span word)
{
    bool quoted = false;
    for (size_t at = span_find(word, '"'); at < word.len;
         at = span_find(word, '"')) { /* each turn takes a quote */
        quoted = !quoted;
        word = span_from(word, at + 1);
    }
    return quoted;
}

static void take_line(struct scenario_parser *p, struct span line)
{
    split_words(p, line);
    if (!p->count)
        return;
    if (is_unclosed(p->words[p->count - 1])) {
        COMPLAIN(p, "close it in this line, as in: title \"A client without a lease gets one\"",
                 "a double quote is open at the end of the line");
        return;
    }
    for (size_t i = 0; i < STATEMENTS; i++)
        if (span_is(p->words[0], statements[i].word) && !(statements[i].about == ABOUT_HOST && p->step)) {
            take_statement(p, &statements[i]);
            return;
        }
    if (!p->passing && (!p->step || !scenario_take_step_line(p)))
        tell_unknown(p);
}

/* What no single line can be blamed for. */
static void check_whole(struct scenario_parser *p)
{
    const struct scenario *s = p->s;
    if (!s->host_count)
        COMPLAIN_AT(p, 0, "begin with: host client", "there is no host");
    for (size_t i = 0; i < s->host_count; i++)
        if (s->hosts[i].link == SCENARIO_LINKS_MAX)
            COMPLAIN_AT(p, s->hosts[i].line, "add a line as in: link client server",
                        "host \"%s\" is linked to nobody", scenario_shown(p, s->hosts[i].name));
    if (s->host_count && !s->capture_count)
        COMPLAIN_AT(p, 0, "add a line that says at which host, as in: capture client",
                    "nothing would be recorded");
    if (s->host_count && !s->step_count)
        COMPLAIN_AT(p, 0, "add a step, as in: play client dhcp-acquire", "nothing would happen");
    scenario_check_steps(p);
}

bool scenario_parse(struct scenario *s, struct span text, struct arena *a)
{
    struct scenario_parser p = { .s = s, .arena = a, .in = reader_over(text) };
    memset(s, 0, sizeof *s); /* too large for a compound literal on the stack */
    s->text = text;
    if (text.len > SCENARIO_BYTES_MAX) {
        COMPLAIN_AT(&p, 0, "is it a scenario?", "the file is longer than %d bytes", SCENARIO_BYTES_MAX);
        return false;
    }
    while (reader_left(&p.in) && s->problem_count < SCENARIO_PROBLEMS_MAX) { /* each turn takes a line */
        struct span line = next_line(&p.in);
        p.line++;
        take_line(&p, line);
    }
    if (!s->problem_count)
        check_whole(&p);
    return s->problem_count == 0;
}

void scenario_list_lines(scenario_tell_fn *tell, void *owner)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        tell(owner, statements[i].example, statements[i].meaning);
}

struct span scenario_line(struct span text, unsigned line)
{
    struct reader r = reader_over(text);
    struct span found = { text.at, 0 };
    for (unsigned i = 0; i < line && reader_left(&r); i++) /* each turn takes a line */
        found = next_line(&r);
    return found;
}

struct span scenario_title(struct span text)
{
    struct scenario_parser p = { .in = reader_over(text) };
    while (reader_left(&p.in)) { /* each turn takes a line */
        split_words(&p, next_line(&p.in));
        if (p.count == 2 && span_is(p.words[0], "title"))
            return scenario_unquoted(p.words[1]);
    }
    return (struct span){ text.at, 0 };
}
