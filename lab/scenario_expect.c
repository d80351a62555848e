#include "scenario_parser.h"

#include "view.h"

static void take_field(struct scenario_parser *p, struct scenario_expect *e, struct span word)
{
    size_t equals = span_find(word, '=');
    struct scenario_field f = { span_head(word, equals), scenario_unquoted(span_from(word, equals + 1)) };
    if (equals == word.len) {
        COMPLAIN(p, "write name and value, as in: yiaddr=192.168.1.10",
                 "\"%s\" does not say what is expected", scenario_shown(p, word));
    } else if (!view_knows_field(f.name)) {
        struct problem *told = scenario_problem_at(p, p->line);
        problem_set(told, "no message has a field \"%s\"", scenario_shown(p, f.name));
        problem_remedy(told, "did you mean \"%s\"?", view_nearest_field(scenario_shown(p, f.name)));
    } else if (e->field_count == SCENARIO_FIELDS_MAX) {
        COMPLAIN(p, "look at fewer", "more than %d fields are expected of one message", SCENARIO_FIELDS_MAX);
    } else {
        e->fields[e->field_count++] = f;
    }
}

void scenario_take_expect(struct scenario_parser *p)
{
    struct scenario *s = p->s;
    if (s->expect_count == SCENARIO_EXPECTS_MAX) {
        COMPLAIN(p, "make two scenarios of it", "more than %d messages are expected", SCENARIO_EXPECTS_MAX);
        return;
    }
    struct scenario_expect *e = &s->expects[s->expect_count];
    *e = (struct scenario_expect){ .line = p->line, .word = p->words[4] };
    e->from = scenario_find_host(p, p->words[1]);
    if (!span_is(p->words[2], "->"))
        COMPLAIN(p, "write as in: expect client -> everyone DISCOVER",
                 "there must be an arrow between the hosts");
    e->to = span_is(p->words[3], "everyone") ? SCENARIO_EVERYONE : scenario_find_host(p, p->words[3]);
    if (!view_knows_word(e->word)) {
        struct problem *told = scenario_problem_at(p, p->line);
        problem_set(told, "there is no message \"%s\"", scenario_shown(p, e->word));
        problem_remedy(told, "did you mean \"%s\"?", view_nearest_word(scenario_shown(p, e->word)));
    }
    for (size_t i = 5; i < p->count; i++)
        take_field(p, e, p->words[i]);
    s->expect_count++;
}
