/* Between the files that read a scenario: the lines, the words, the problems. */
#ifndef WIRELAB_SCENARIO_PARSER_H
#define WIRELAB_SCENARIO_PARSER_H

#include "scenario.h"

#define SCENARIO_WORDS_MAX 128 /* in a line */

struct scenario_parser {
    struct scenario *s;
    struct arena *arena;
    struct reader in;
    unsigned line;
    struct span words[SCENARIO_WORDS_MAX]; /* of the present line */
    size_t count;
    struct scenario_host *host; /* that the lines are about; NULL: none */
    struct scenario_step *step; /* that the lines are about; NULL: none */
    bool passing;               /* the lines are about a step that nobody knows: nothing is said of them */
};

/* A problem of a line, to be told. */
struct problem *scenario_problem_at(struct scenario_parser *p, unsigned line);
/* What is wrong with a line, and the remedy. */
#define COMPLAIN_AT(p, at, remedy, ...)                                                                      \
    do {                                                                                                     \
        struct problem *told_ = scenario_problem_at(p, at);                                                  \
        problem_set(told_, __VA_ARGS__);                                                                     \
        problem_remedy(told_, "%s", remedy);                                                                 \
    } while (0)
#define COMPLAIN(p, remedy, ...) COMPLAIN_AT(p, (p)->line, remedy, __VA_ARGS__)

/* A word from the file as a message may show it: short, printable, with a NUL. */
const char *scenario_shown(struct scenario_parser *p, struct span word);
/* The inside of "...", or the word as it is. */
struct span scenario_unquoted(struct span word);
/* The number of a host; SCENARIO_HOSTS_MAX, and a problem told, when there is none of that name. */
size_t scenario_find_host(struct scenario_parser *p, struct span name);
/* The lines below the present one up to `end`, as they are; the parser stands behind them. */
struct span scenario_take_block(struct scenario_parser *p, const char *what);
/* The same less the blanks that all lines begin with, from the arena. */
struct span scenario_take_text(struct scenario_parser *p, const char *what);

/* ---- scenario_step.c ---- */

/* `play HOST WORD` and `await HOST EVENT FIELD=VALUE ...` */
void scenario_take_play(struct scenario_parser *p);
void scenario_take_await(struct scenario_parser *p);
void scenario_take_within(struct scenario_parser *p);
/* A line that may be about the present step; false when no step has such lines. */
bool scenario_take_step_line(struct scenario_parser *p);
/* What each step must have and has not. */
void scenario_check_steps(struct scenario_parser *p);
/* The name that is nearest to a word among those of the present step's lines; `otherwise` when that is
 * nearer. */
const char *scenario_nearest_step_line(struct scenario_parser *p, const char *word, const char *otherwise);

/* ---- scenario_expect.c ---- */

void scenario_take_expect(struct scenario_parser *p);

#endif
