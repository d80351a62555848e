#include "lab.h"

#include "daemon.h"
#include "scenario.h"
#include "view.h"

#include <stdio.h>

#define MEANING_COLUMN 38

static void print_line(void *owner, const char *what, const char *meaning)
{
    (void)owner;
    printf("  %-*s %s\n", MEANING_COLUMN, what, meaning);
}

static void print_row(void *owner, const char *what, const char *meaning)
{
    (void)owner;
    printf("| `%s` | %s |\n", what, meaning);
}

int scenario_help(const char *step)
{
    if (!step) {
        printf("A scenario is a text file; each line begins with one of these words, shown as an example:\n");
        scenario_list_lines(print_line, NULL);
        printf("\nWhat a host can play:\n");
        scenario_list_steps(print_line, NULL);
        printf("\n`wirelab help scenario STEP` shows the lines of a step, `wirelab scenario list` what there "
               "is to try\n");
        return EXIT_OK;
    }
    printf("The lines of a step `play HOST %s`, as examples:\n", step);
    if (scenario_list_step_lines(span_text(step), print_line, NULL))
        return EXIT_OK;
    printf("  there is no such step; `wirelab help scenario` lists them\n");
    return EXIT_WRONG_USE;
}

/* The words or the fields of messages, with the protocol where it changes. */
static void print_view(const struct view_row *(*row)(size_t i), const char *title,
                       void (*print)(void *owner, const char *what, const char *meaning))
{
    enum view_protocol last = VIEW_OTHER;
    const struct view_row *r;
    for (size_t i = 0; (r = row(i)) != NULL; i++) { /* until the table ends */
        if (i == 0 || r->protocol != last)
            printf(print == print_row ? "\n### %s: %s\n\n| %s | what it is |\n| --- | --- |\n"
                                      : "\n%s of %s:\n",
                   title, r->protocol == VIEW_PROTOCOLS ? "every message" : view_protocol_name(r->protocol),
                   title);
        last = r->protocol;
        print(NULL, r->name, r->meaning);
    }
}

int expect_help(void)
{
    printf("A line `expect FROM -> TO WORD FIELD=VALUE ...` names a message by its word:\n");
    print_view(view_word_row, "words", print_line);
    print_view(view_field_row, "fields", print_line);
    printf("\nThe options of DHCP are fields, too, by their names in `wirelab help dhcpd.subnet`.\n");
    return EXIT_OK;
}

static void print_step(void *owner, const char *word, const char *meaning)
{
    (void)owner;
    printf("\n### %s\n\nThe host %s.\n\n| line, as an example | what it says |\n| --- | --- |\n", word,
           meaning);
    scenario_list_step_lines(span_text(word), print_row, NULL);
}

int scenario_manual(void)
{
    printf("# Scenarios\n\n"
           "A scenario is one text file: hosts, how they are linked, which servers run on them, what their "
           "clients do, "
           "where it is recorded,\nand which messages must be seen. `wirelab scenario FILE --out DIR` plays "
           "it with real "
           "packets in a network of its own, draws\nit, and writes a capture for Wireshark; `wirelab "
           "scenario list` "
           "shows those that come along, in `examples/scenarios/`. To write\nanother one, copy the nearest "
           "of them. A "
           "mistake in it is shown with its line and what would be right. `#` begins a comment;\na value "
           "with blanks "
           "stands in double quotes. Time runs as the lines stand: servers start first, then step follows "
           "step.\n\n"
           "## Lines\n\n| line, as an example | what it says |\n| --- | --- |\n");
    scenario_list_lines(print_row, NULL);
    printf("\n## Steps\n");
    scenario_list_steps(print_step, NULL);
    printf(
        "\n## What can be expected\n\nThe words of messages, and the fields that they have, as `expect` "
        "lines and "
        "`wirelab explain` use them.\nThe options of DHCP are fields, too, by their names in the manual.\n");
    print_view(view_word_row, "words", print_row);
    print_view(view_field_row, "fields", print_row);
    return EXIT_OK;
}
