#include "scenario_parser.h"

#include "dhcp_words.h"
#include "text.h"

#define STEP_WITHIN_MS  10000
#define STEP_LONGEST_MS 600000

/* ---- which steps there are ----------------------------------------------------------------------- */

static const struct dhcp_goal {
    const char *word, *meaning;
    enum client_dhcp_goal goal;
} dhcp_goals[] = {
    { "dhcp-acquire", "gets a lease, from DISCOVER to ACK", CLIENT_DHCP_ACQUIRE },
    { "dhcp-reboot", "asks for the address that it had", CLIENT_DHCP_REBOOT },
    { "dhcp-renew", "asks its server for more time", CLIENT_DHCP_RENEW },
    { "dhcp-rebind", "asks any server for more time", CLIENT_DHCP_REBIND },
    { "dhcp-release", "gives its lease back", CLIENT_DHCP_RELEASE },
    { "dhcp-decline", "says that its address is somebody else's", CLIENT_DHCP_DECLINE },
    { "dhcp-inform", "has an address and asks for the rest", CLIENT_DHCP_INFORM },
};
#define DHCP_GOALS (sizeof dhcp_goals / sizeof dhcp_goals[0])

static const struct dhcp_goal *dhcp_goal_of(struct span word)
{
    for (size_t i = 0; i < DHCP_GOALS; i++)
        if (span_is(word, dhcp_goals[i].word))
            return &dhcp_goals[i];
    return NULL;
}

static void nearer(const char *word, const char *candidate, const char **best)
{
    if (edit_distance(word, candidate) < edit_distance(word, *best))
        *best = candidate;
}

static void tell_unknown_step(struct scenario_parser *p, struct span word)
{
    const char *text = scenario_shown(p, word), *best = dhcp_goals[0].word;
    for (size_t i = 1; i < DHCP_GOALS; i++)
        nearer(text, dhcp_goals[i].word, &best);
    for (size_t i = 0; client_types[i]; i++)
        nearer(text, client_types[i]->word, &best);
    struct problem *told = scenario_problem_at(p, p->line);
    problem_set(told, "no host can play \"%s\"", text);
    problem_remedy(told, "did you mean \"%s\"? `wirelab help scenario` lists what can be played", best);
}

void scenario_list_steps(scenario_tell_fn *tell, void *owner)
{
    for (size_t i = 0; i < DHCP_GOALS; i++)
        tell(owner, dhcp_goals[i].word, dhcp_goals[i].meaning);
    for (size_t i = 0; client_types[i]; i++)
        tell(owner, client_types[i]->word, client_types[i]->meaning);
}

bool scenario_list_step_lines(struct span word, scenario_tell_fn *tell, void *owner)
{
    const struct client_type *type = client_type_of(word);
    for (size_t i = 0; type && i < type->key_count; i++)
        tell(owner, type->keys[i].example, type->keys[i].meaning);
    if (!dhcp_goal_of(word))
        return type != NULL;
    tell(owner, "host-name ubuntu2",
         "an option of its messages, by its name in `wirelab help dhcpd`, with its value; "
         "they are sent in the order of the lines");
    tell(owner, "broadcast", "asks for replies by broadcast");
    return true;
}

/* ---- the line that begins one ----------------------------------------------------------------------- */

/* The next step; NULL, and that is told, when there are too many or the host is not known. */
static struct scenario_step *add_step(struct scenario_parser *p, enum scenario_step_kind kind)
{
    struct scenario *s = p->s;
    size_t host = scenario_find_host(p, p->words[1]);
    if (s->step_count == SCENARIO_STEPS_MAX) {
        COMPLAIN(p, "make two scenarios of it", "there are more than %d steps", SCENARIO_STEPS_MAX);
        return NULL;
    }
    struct scenario_step *step = &s->steps[s->step_count];
    *step =
        (struct scenario_step){ .kind = kind, .line = p->line, .host = host, .within_ms = STEP_WITHIN_MS };
    s->step_count += host != SCENARIO_HOSTS_MAX; /* else its lines are read, and it is forgotten */
    return step;
}

void scenario_take_play(struct scenario_parser *p)
{
    struct span word = p->words[2];
    const struct dhcp_goal *goal = dhcp_goal_of(word);
    const struct client_type *type = client_type_of(word);
    if (!goal && !type) {
        tell_unknown_step(p, word);
        p->passing = true;
        return;
    }
    struct scenario_step *step = add_step(p, goal ? STEP_DHCP : STEP_CLIENT);
    if (!step)
        return;
    if (goal)
        step->dhcp.goal = goal->goal;
    step->type = type;
    p->step = step;
}

void scenario_take_await(struct scenario_parser *p)
{
    struct scenario_step *step = add_step(p, STEP_AWAIT);
    if (!step)
        return;
    step->event = p->words[2];
    for (size_t i = 3; i < p->count; i++) /* the table of lines has the bound */
        if (span_find(p->words[i], '=') < p->words[i].len)
            step->event_fields[step->event_field_count++] = p->words[i];
        else
            COMPLAIN(p, "write name and value, as in: await server dhcp.bound address=192.168.1.10",
                     "\"%s\" is not what an event can say", scenario_shown(p, p->words[i]));
    p->step = step;
}

void scenario_take_within(struct scenario_parser *p)
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
                 "\"%s\" is not how long a step may take", scenario_shown(p, word));
}

/* ---- the lines of a DHCP step ------------------------------------------------------------------------- */

static void take_option(struct scenario_parser *p, const struct dhcp4_option_row *row)
{
    struct client_dhcp_settings *d = &p->step->dhcp;
    uint8_t room[UINT8_MAX + 1];
    struct writer w = writer_over(room, sizeof room);
    struct span words[SCENARIO_WORDS_MAX];
    for (size_t i = 1; i < p->count; i++)
        words[i - 1] = scenario_unquoted(p->words[i]);
    if (row->code == DHCP4_OPTION_MESSAGE_TYPE || row->code == DHCP4_OPTION_SERVER_IDENTIFIER ||
        row->code == DHCP4_OPTION_OVERLOAD) {
        COMPLAIN(p, "leave it out", "the client writes %s itself", row->name);
    } else if (!dhcp_words_write(&w, row, words, p->count - 1)) {
        struct problem *told = scenario_problem_at(p, p->line);
        problem_set(told, "this is not a value of %s (%s)", row->name, row->reference);
        problem_remedy(told, "write as in: %s %s", row->name, dhcp_words_example(row->type));
    } else if (d->option_count == CLIENT_DHCP_OPTIONS_MAX) {
        COMPLAIN(p, "send fewer", "a message has more than %d options", CLIENT_DHCP_OPTIONS_MAX);
    } else {
        struct span value = arena_copy(p->arena, writer_span(&w));
        if (value.at)
            d->options[d->option_count++] = (struct client_dhcp_option){ row->code, value };
        else
            COMPLAIN(p, "make two scenarios of it", "there is no memory for this");
    }
}

static bool take_dhcp_line(struct scenario_parser *p)
{
    const struct dhcp4_option_row *row = dhcp_words_row(p->words[0]);
    if (span_is(p->words[0], "broadcast") && p->count == 1)
        p->step->dhcp.broadcast = true;
    else if (row)
        take_option(p, row);
    else
        return false;
    return true;
}

/* ---- the lines of a client's step ---------------------------------------------------------------------- */

static void tell_wrong(struct scenario_parser *p, const struct client_key *k, const char *what)
{
    struct problem *told = scenario_problem_at(p, p->line);
    problem_set(told, "`%s` %s (%s)", k->name, what, k->meaning);
    problem_remedy(told, "write as in: %s", k->example);
}

static bool is_set(const struct scenario_step *step, const struct client_key *k)
{
    for (size_t i = 0; i < step->setting_count; i++)
        if (step->settings[i].key == k)
            return true;
    return false;
}

/* The next setting of the step, with its words; NULL when there is no room. */
static struct client_setting *add_setting(struct scenario_parser *p, const struct client_key *k)
{
    struct scenario_step *step = p->step;
    if (!step->settings)
        step->settings = arena_array(p->arena, CLIENT_SETTINGS_MAX, sizeof *step->settings);
    if (!step->settings || step->setting_count == CLIENT_SETTINGS_MAX) {
        COMPLAIN(p, "make two steps of it", "a step has more than %d lines", CLIENT_SETTINGS_MAX);
        return NULL;
    }
    struct client_setting *set = &step->settings[step->setting_count++];
    *set = (struct client_setting){ .key = k, .line = p->line, .word_count = p->count - 1 };
    for (size_t i = 1; i < p->count; i++)
        set->words[i - 1] = scenario_unquoted(p->words[i]);
    return set;
}

static bool take_client_line(struct scenario_parser *p)
{
    const struct client_key *k = client_key_of(p->step->type, p->words[0]);
    if (!k)
        return false;
    size_t words = p->count - 1;
    bool fits = words >= k->least && words <= k->most && words <= CLIENT_WORDS_MAX;
    bool again = !k->repeats && is_set(p->step, k);
    struct client_setting *set = fits && !again ? add_setting(p, k) : NULL;
    if (!fits)
        tell_wrong(p, k, words < k->least ? "has too few words" : "has too many words");
    else if (again)
        tell_wrong(p, k, "is said twice");
    else if (set && k->check && !k->check(set->words, set->word_count))
        tell_wrong(p, k, "cannot be this");
    if (k->value == CLIENT_VALUE_BLOCK) {
        struct span text = scenario_take_text(p, k->name);
        if (set)
            set->bytes = text;
    }
    return true;
}

bool scenario_take_step_line(struct scenario_parser *p)
{
    switch (p->step->kind) {
    case STEP_DHCP:
        return take_dhcp_line(p);
    case STEP_CLIENT:
        return take_client_line(p);
    case STEP_AWAIT:
        break;
    }
    return false;
}

const char *scenario_nearest_step_line(struct scenario_parser *p, const char *word, const char *otherwise)
{
    const char *best = otherwise;
    if (p->step->kind == STEP_DHCP)
        nearer(word, dhcp_words_nearest(word), &best);
    for (size_t i = 0; p->step->kind == STEP_CLIENT && i < p->step->type->key_count; i++)
        nearer(word, p->step->type->keys[i].name, &best);
    return best;
}

/* ---- when all was read ------------------------------------------------------------------------------------
 */

void scenario_check_steps(struct scenario_parser *p)
{
    for (size_t i = 0; i < p->s->step_count; i++) {
        const struct scenario_step *step = &p->s->steps[i];
        for (size_t k = 0; step->kind == STEP_CLIENT && k < step->type->key_count; k++) {
            const struct client_key *key = &step->type->keys[k];
            if (!key->required || is_set(step, key))
                continue;
            struct problem *told = scenario_problem_at(p, step->line);
            problem_set(told, "this step has no line `%s` (%s)", key->name, key->meaning);
            problem_remedy(told, "add one as in: %s", key->example);
        }
        if (step->kind == STEP_AWAIT && !p->s->hosts[step->host].serve_line)
            COMPLAIN_AT(p, step->line, "await an event of a host that has a `serve`",
                        "no server runs at this host");
    }
}
