/* `wirelab stats`: what a running program counts. */
#include "configured.h"
#include "daemon.h"
#include "door.h"
#include "lab.h"
#include "text.h"

#include <getopt.h>
#include <stdio.h>

static int usage(FILE *out, int code)
{
    fprintf(
        out,
        "usage: wirelab stats -c FILE\n"
        "Shows what the running servers of this configuration count: events, discarded messages by their\n"
        "reason, how full pools are. One a line, in the form that Prometheus reads.\n");
    return code;
}

static const char *read_words(int argc, char **argv)
{
    static const struct option options[] = { { "config", required_argument, NULL, 'c' }, { 0 } };
    const char *file = NULL;
    for (int letter; (letter = getopt_long(argc, argv, "c:", options, NULL)) != -1;) {
        if (letter != 'c')
            return NULL;
        file = optarg;
    }
    return optind == argc ? file : NULL;
}

static int run(const struct config_section *root, void *words)
{
    (void)words;
    return door_ask("stats", config_text(root, "state"), "GET", "/metrics");
}

int stats_command(int argc, char **argv)
{
    if (argc == 2 && (span_is(span_text(argv[1]), "-h") || span_is(span_text(argv[1]), "--help")))
        return usage(stdout, EXIT_OK);
    const char *file = read_words(argc, argv);
    if (!file)
        return usage(stderr, EXIT_WRONG_USE);
    return configured(file, run, NULL);
}
