#include "scenario.h"

#include "dhcp_words.h"
#include "text.h"
#include "view.h"

#include <stdio.h>

#define WORDS_MAX        128 /* in a line */
#define SHOWN_MAX        48  /* characters of a word in a message */
#define STEP_WITHIN_MS   10000
#define STEP_LONGEST_MS  600000
#define PREFIX_BITS_MAX4 32
#define PREFIX_BITS_MAX6 128

struct parser {
    struct scenario *s;
    struct arena *arena;
    struct reader in;
    unsigned line;
    struct span words[WORDS_MAX]; /* of the present line */
    size_t count;
    struct scenario_host *host; /* that the lines are about; NULL: none */
    struct scenario_step *step; /* that the lines are about; NULL: none */
};

/* ---- problems -------------------------------------------------------------------------------- */

/* A problem of a line, to be told. A line has a few at most, and reading ends at the bound; what one line has
 * over it is not told. */
static struct problem *problem_at(struct parser *p, unsigned line)
{
    struct scenario *s = p->s;
    if (s->problem_count < SCENARIO_PROBLEMS_MAX)
        s->problem_count++;
    s->problems[s->problem_count - 1].line = line;
    return &s->problems[s->problem_count - 1].problem;
}

/* What is wrong with the present line, and the remedy. */
#define COMPLAIN_AT(p, at, remedy, ...)                                                                      \
    do {                                                                                                     \
        struct problem *told_ = problem_at(p, at);                                                           \
        problem_set(told_, __VA_ARGS__);                                                                     \
        problem_remedy(told_, "%s", remedy);                                                                 \
    } while (0)
#define COMPLAIN(p, remedy, ...) COMPLAIN_AT(p, (p)->line, remedy, __VA_ARGS__)

/* A word from the file as a message may show it: short, printable, with a NUL. */
static const char *shown(struct parser *p, struct span word)
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

static void split_words(struct parser *p, struct span line)
{
    p->count = 0;
    while (line.len && p->count < WORDS_MAX) { /* each turn takes a byte or a word */
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

/* The inside of "...", or the word as it is. */
static struct span unquoted(struct span word)
{
    bool quoted =
        word.len >= 2 && span_starts(word, "\"") && span_find(span_from(word, word.len - 1), '"') == 0;
    return quoted ? span_head(span_from(word, 1), word.len - 2) : word;
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

/* The number of a host; SCENARIO_HOSTS_MAX, and a problem told, when there is none of that name. */
static size_t find_host(struct parser *p, struct span name)
{
    const struct scenario *s = p->s;
    for (size_t i = 0; i < s->host_count; i++)
        if (span_equal(s->hosts[i].name, name))
            return i;
    const char *nearest = NULL;
    for (size_t i = 0; i < s->host_count; i++) {
        const char *text = shown(p, s->hosts[i].name);
        if (!nearest || edit_distance(shown(p, name), text) < edit_distance(shown(p, name), nearest))
            nearest = text;
    }
    struct problem *told = problem_at(p, p->line);
    problem_set(told, "there is no host \"%s\" above this line", shown(p, name));
    if (nearest)
        problem_remedy(told, "did you mean \"%s\"?", nearest);
    else
        problem_remedy(told, "name it first: host %s", shown(p, name));
    return SCENARIO_HOSTS_MAX;
}

static bool is_known_host(const struct scenario *s, struct span name)
{
    for (size_t i = 0; i < s->host_count; i++)
        if (span_equal(s->hosts[i].name, name))
            return true;
    return false;
}

static void take_title(struct parser *p)
{
    p->s->title = unquoted(p->words[1]);
}

static void take_host(struct parser *p)
{
    struct scenario *s = p->s;
    struct span name = p->words[1];
    if (!is_name(name) || span_is(name, "everyone"))
        COMPLAIN(p, "a name has at most 32 letters, digits, dashes; `everyone` is taken",
                 "\"%s\" cannot be the name of a host", shown(p, name));
    else if (is_known_host(s, name))
        COMPLAIN(p, "give each host a name of its own", "there is a host \"%s\" already", shown(p, name));
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

static void take_hardware(struct parser *p)
{
    uint8_t bytes[16];
    if (hardware_parse(p->words[1], bytes) == sizeof p->host->hardware && !(bytes[0] & 1))
        memcpy(p->host->hardware, bytes, sizeof p->host->hardware);
    else
        COMPLAIN(p, "write six bytes, the first one even, as in: hardware 00:0c:29:59:fd:21",
                 "\"%s\" is not the hardware address of a host", shown(p, p->words[1]));
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

static void take_address(struct parser *p)
{
    struct scenario_address a;
    if (!parse_address(p->words[1], &a))
        COMPLAIN(p, "write address and prefix length, as in: address 192.168.1.5/24",
                 "\"%s\" is not an address of a host", shown(p, p->words[1]));
    else if (p->host->address_count == SCENARIO_ADDRESSES_MAX)
        COMPLAIN(p, "share them among more hosts", "a host has more than %d addresses",
                 SCENARIO_ADDRESSES_MAX);
    else
        p->host->addresses[p->host->address_count++] = a;
}

/* The lines up to `end` are kept as they are: they are in the language of the configuration. */
static void take_serve(struct parser *p)
{
    unsigned opened = p->line;
    struct reader from = p->in;
    size_t begin = reader_offset(&p->in);
    if (p->host->serve_line)
        COMPLAIN(p, "put all sections into one `serve`", "this host has a `serve` already");
    p->host->serve_line = opened + 1;
    while (reader_left(&p->in)) { /* each turn takes a line */
        size_t length = reader_offset(&p->in) - begin;
        struct span line = next_line(&p->in);
        p->line++;
        split_words(p, line);
        if (p->count == 1 && span_is(p->words[0], "end")) {
            p->host->serve = read_span(&from, length);
            return;
        }
    }
    COMPLAIN_AT(p, opened, "close it by a line with the one word: end", "this `serve` has no end");
}

/* ---- links and captures ---------------------------------------------------------------------------- */

static void take_link(struct parser *p)
{
    struct scenario *s = p->s;
    if (s->link_count == SCENARIO_LINKS_MAX) {
        COMPLAIN(p, "make two scenarios of it", "there are more than %d links", SCENARIO_LINKS_MAX);
        return;
    }
    struct scenario_link *link = &s->links[s->link_count];
    link->host_count = 0;
    for (size_t i = 1; i < p->count; i++) {
        size_t host = find_host(p, p->words[i]);
        if (host == SCENARIO_HOSTS_MAX)
            continue;
        if (s->hosts[host].link != SCENARIO_LINKS_MAX) {
            COMPLAIN(p, "a host has one interface: name it once, in one link", "\"%s\" is linked already",
                     shown(p, p->words[i]));
            continue;
        }
        s->hosts[host].link = s->link_count;
        link->hosts[link->host_count++] = host;
    }
    s->link_count++;
}

static void take_capture(struct parser *p)
{
    struct scenario *s = p->s;
    struct scenario_capture c = { .line = p->line };
    if (p->count == 4)
        c.name = p->words[3];
    if (p->count == 3 || (p->count == 4 && (!span_is(p->words[2], "as") || !is_name(c.name)))) {
        COMPLAIN(p,
                 "write the host, and `as` with a name when the file is to have one: capture client as seen",
                 "this does not say where to record");
        return;
    }
    c.host = find_host(p, p->words[1]);
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

/* ---- steps -------------------------------------------------------------------------------------------- */

static void take_play(struct parser *p)
{
    struct scenario *s = p->s;
    size_t host = find_host(p, p->words[1]);
    if (!span_is(p->words[2], "dhcp-acquire"))
        COMPLAIN(p, "what a host can play: dhcp-acquire (it gets a lease, from DISCOVER to ACK)",
                 "nothing is known of \"%s\"", shown(p, p->words[2]));
    else if (s->step_count == SCENARIO_STEPS_MAX)
        COMPLAIN(p, "make two scenarios of it", "there are more than %d steps", SCENARIO_STEPS_MAX);
    else {
        p->step = &s->steps[s->step_count];
        *p->step = (struct scenario_step){
            .kind = STEP_DHCP_ACQUIRE, .line = p->line, .host = host, .within_ms = STEP_WITHIN_MS
        };
        if (host != SCENARIO_HOSTS_MAX)
            s->step_count++;
    }
}

static void take_within(struct parser *p)
{
    struct span word = p->words[1];
    bool milli = word.len > 2 && span_is(span_from(word, word.len - 2), "ms");
    bool seconds = !milli && word.len > 1 && span_is(span_from(word, word.len - 1), "s");
    uint64_t count = 0;
    bool number = (milli || seconds) &&
                  parse_decimal(span_head(word, word.len - (milli ? 2 : 1)), STEP_LONGEST_MS, &count);
    uint64_t ms = count * (milli ? 1 : 1000);
    if (number && ms > 0 && ms <= STEP_LONGEST_MS)
        p->step->within_ms = (uint32_t)ms;
    else
        COMPLAIN(p, "write seconds or milliseconds, at most ten minutes: within 10s",
                 "\"%s\" is not how long a step may take", shown(p, word));
}

static void take_broadcast(struct parser *p)
{
    p->step->broadcast = true;
}

static void take_option(struct parser *p, const struct dhcp4_option_row *row)
{
    uint8_t room[UINT8_MAX + 1];
    struct writer w = writer_over(room, sizeof room);
    struct span words[WORDS_MAX];
    for (size_t i = 1; i < p->count; i++)
        words[i - 1] = unquoted(p->words[i]);
    if (row->code == DHCP4_OPTION_MESSAGE_TYPE || row->code == DHCP4_OPTION_SERVER_IDENTIFIER ||
        row->code == DHCP4_OPTION_OVERLOAD) {
        COMPLAIN(p, "leave it out", "the client writes %s itself", row->name);
    } else if (!dhcp_words_write(&w, row, words, p->count - 1)) {
        struct problem *told = problem_at(p, p->line);
        problem_set(told, "this is not a value of %s (%s)", row->name, row->reference);
        problem_remedy(told, "write as in: %s %s", row->name, dhcp_words_example(row->type));
    } else if (p->step->option_count == SCENARIO_OPTIONS_MAX) {
        COMPLAIN(p, "send fewer", "a message has more than %d options", SCENARIO_OPTIONS_MAX);
    } else {
        struct span value = arena_copy(p->arena, writer_span(&w));
        if (value.at)
            p->step->options[p->step->option_count++] = (struct scenario_option){ row->code, value };
        else
            COMPLAIN(p, "make two scenarios of it", "there is no memory for this");
    }
}

/* ---- expectations ---------------------------------------------------------------------------------------
 */

static void take_field(struct parser *p, struct scenario_expect *e, struct span word)
{
    size_t equals = span_find(word, '=');
    struct scenario_field f = { span_head(word, equals), unquoted(span_from(word, equals + 1)) };
    if (equals == word.len) {
        COMPLAIN(p, "write name and value, as in: yiaddr=192.168.1.10",
                 "\"%s\" does not say what is expected", shown(p, word));
    } else if (!view_knows_field(f.name)) {
        struct problem *told = problem_at(p, p->line);
        problem_set(told, "no message has a field \"%s\"", shown(p, f.name));
        problem_remedy(told, "did you mean \"%s\"?", view_nearest_field(shown(p, f.name)));
    } else if (e->field_count == SCENARIO_FIELDS_MAX) {
        COMPLAIN(p, "look at fewer", "more than %d fields are expected of one message", SCENARIO_FIELDS_MAX);
    } else {
        e->fields[e->field_count++] = f;
    }
}

static void take_expect(struct parser *p)
{
    struct scenario *s = p->s;
    if (s->expect_count == SCENARIO_EXPECTS_MAX) {
        COMPLAIN(p, "make two scenarios of it", "more than %d messages are expected", SCENARIO_EXPECTS_MAX);
        return;
    }
    struct scenario_expect *e = &s->expects[s->expect_count];
    *e = (struct scenario_expect){ .line = p->line, .word = p->words[4] };
    e->from = find_host(p, p->words[1]);
    if (!span_is(p->words[2], "->"))
        COMPLAIN(p, "write as in: expect client -> everyone DISCOVER",
                 "there must be an arrow between the hosts");
    e->to = span_is(p->words[3], "everyone") ? SCENARIO_EVERYONE : find_host(p, p->words[3]);
    if (!view_knows_word(e->word)) {
        struct problem *told = problem_at(p, p->line);
        problem_set(told, "there is no message \"%s\"", shown(p, e->word));
        problem_remedy(told, "did you mean \"%s\"?", view_nearest_word(shown(p, e->word)));
    }
    for (size_t i = 5; i < p->count; i++)
        take_field(p, e, p->words[i]);
    s->expect_count++;
}

/* ---- the table of lines
 * ------------------------------------------------------------------------------------ */

enum about { ABOUT_ALL, ABOUT_HOST, ABOUT_STEP };

static const struct statement {
    const char *word;
    enum about about;   /* what the lines before must have opened */
    size_t least, most; /* words, the first one included */
    void (*take)(struct parser *p);
    const char *example;
} statements[] = {
    { "title", ABOUT_ALL, 2, 2, take_title, "title \"A client without a lease gets one\"" },
    { "host", ABOUT_ALL, 2, 2, take_host, "host client" },
    { "hardware", ABOUT_HOST, 2, 2, take_hardware, "hardware 00:0c:29:59:fd:21" },
    { "address", ABOUT_HOST, 2, 2, take_address, "address 192.168.1.5/24" },
    { "serve", ABOUT_HOST, 1, 1, take_serve, "serve" },
    { "link", ABOUT_ALL, 3, SCENARIO_HOSTS_MAX + 1, take_link, "link client server" },
    { "capture", ABOUT_ALL, 2, 4, take_capture, "capture client" },
    { "play", ABOUT_ALL, 3, 3, take_play, "play client dhcp-acquire" },
    { "within", ABOUT_STEP, 2, 2, take_within, "within 10s" },
    { "broadcast", ABOUT_STEP, 1, 1, take_broadcast, "broadcast" },
    { "expect", ABOUT_ALL, 5, WORDS_MAX, take_expect, "expect client -> everyone DISCOVER" },
};

#define STATEMENTS (sizeof statements / sizeof statements[0])

static void tell_unknown(struct parser *p)
{
    const char *word = shown(p, p->words[0]), *best = statements[0].word;
    for (size_t i = 1; i < STATEMENTS; i++)
        if (edit_distance(word, statements[i].word) < edit_distance(word, best))
            best = statements[i].word;
    const char *option = p->step ? dhcp_words_nearest(word) : best;
    if (edit_distance(word, option) < edit_distance(word, best))
        best = option;
    struct problem *told = problem_at(p, p->line);
    problem_set(told, "no line begins with \"%s\"", word);
    problem_remedy(told, "did you mean \"%s\"?", best);
}

static void take_statement(struct parser *p, const struct statement *st)
{
    struct problem *told;
    if (st->about == ABOUT_ALL) {
        p->host = NULL;
        p->step = NULL;
    }
    if (st->about == ABOUT_HOST && !p->host) {
        COMPLAIN(p, "put it below the line of its host: host NAME", "`%s` is about no host here", st->word);
    } else if (st->about == ABOUT_STEP && !p->step) {
        COMPLAIN(p, "put it below the line of its step: play HOST dhcp-acquire", "`%s` is about no step here",
                 st->word);
    } else if (p->count < st->least || p->count > st->most) {
        told = problem_at(p, p->line);
        problem_set(told, "`%s` has %s words", st->word, p->count < st->least ? "too few" : "too many");
        problem_remedy(told, "write as in: %s", st->example);
    } else {
        st->take(p);
    }
}

static void take_line(struct parser *p, struct span line)
{
    split_words(p, line);
    if (!p->count)
        return;
    for (size_t i = 0; i < STATEMENTS; i++)
        if (span_is(p->words[0], statements[i].word)) {
            take_statement(p, &statements[i]);
            return;
        }
    const struct dhcp4_option_row *row = p->step ? dhcp_words_row(p->words[0]) : NULL;
    if (row)
        take_option(p, row);
    else
        tell_unknown(p);
}

/* What no single line can be blamed for. */
static void check_whole(struct parser *p)
{
    const struct scenario *s = p->s;
    if (!s->host_count)
        COMPLAIN_AT(p, 0, "begin with: host client", "there is no host");
    for (size_t i = 0; i < s->host_count; i++)
        if (s->hosts[i].link == SCENARIO_LINKS_MAX)
            COMPLAIN_AT(p, s->hosts[i].line, "add a line as in: link client server",
                        "host \"%s\" is linked to nobody", shown(p, s->hosts[i].name));
    if (s->host_count && !s->capture_count)
        COMPLAIN_AT(p, 0, "add a line that says at which host, as in: capture client",
                    "nothing would be recorded");
    if (s->host_count && !s->step_count)
        COMPLAIN_AT(p, 0, "add a step, as in: play client dhcp-acquire", "nothing would happen");
}

bool scenario_parse(struct scenario *s, struct span text, struct arena *a)
{
    struct parser p = { .s = s, .arena = a, .in = reader_over(text) };
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
    struct parser p = { .in = reader_over(text) };
    while (reader_left(&p.in)) { /* each turn takes a line */
        split_words(&p, next_line(&p.in));
        if (p.count == 2 && span_is(p.words[0], "title"))
            return unquoted(p.words[1]);
    }
    return (struct span){ text.at, 0 };
}
