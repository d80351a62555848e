#include "lab.h"

#include "daemon.h"
#include "log.h"

#include <getopt.h>
#include <stdio.h>

static const struct option run_options[] = {
    { "config", required_argument, NULL, 'c' }, { "json", no_argument, NULL, 'j' },
    { "log", required_argument, NULL, 'l' },    { "check", no_argument, NULL, 't' },
    { "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
};

static int run_usage(FILE *out, int code)
{
    fprintf(out, "usage: wirelab run -c FILE [-t] [--json] [--log error|warning|info|traffic]\n"
                 "Starts every server that the file has a section for, in one process; Ctrl-C ends it.\n");
    return code;
}

int run_command(int argc, char **argv)
{
    struct daemon_options o = { .program = "wirelab", .follow = true };
    bool check = false;
    enum event_level ignored;
    for (int letter; (letter = getopt_long(argc, argv, "c:th", run_options, NULL)) != -1;) {
        if (letter == 'c')
            o.config_path = optarg;
        else if (letter == 'j')
            o.json = true;
        else if (letter == 't')
            check = true;
        else if (letter == 'l' && log_level_parse(span_text(optarg), &ignored))
            o.log_level = optarg;
        else
            return letter == 'h' ? run_usage(stdout, EXIT_OK) : run_usage(stderr, EXIT_WRONG_USE);
    }
    if (!o.config_path || optind != argc)
        return run_usage(stderr, EXIT_WRONG_USE);
    return check ? daemon_check(o.config_path, true) : daemon_run(&o, NULL);
}

int check_command(int argc, char **argv)
{
    if (argc == 2 && argv[1][0] != '-')
        return daemon_check(argv[1], false);
    fprintf(stderr, "usage: wirelab check FILE\n");
    return EXIT_WRONG_USE;
}

int help_command(int argc, char **argv)
{
    if (argc > 1 && argc < 4 && span_is(span_text(argv[1]), "scenario"))
        return scenario_help(argc == 3 ? argv[2] : NULL);
    if (argc == 2 && span_is(span_text(argv[1]), "expect"))
        return expect_help();
    if (argc == 2)
        return config_help(daemon_root_keys(), argv[1], stdout) ? EXIT_OK : EXIT_WRONG_USE;
    printf("usage: wirelab help KEY, where KEY is a name like dhcpd, dhcpd.subnet or lease-time; the "
           "sections are");
    for (size_t i = 0; all_services[i]; i++)
        printf(" %s", all_services[i]->name);
    printf("\n`wirelab help scenario` explains scenarios, `wirelab manual` lists all keys, `wirelab --help` "
           "the commands\n");
    return argc == 1 ? EXIT_OK : EXIT_WRONG_USE;
}

int manual_command(int argc, char **argv)
{
    bool sample = argc == 2 && span_is(span_text(argv[1]), "--sample");
    bool scenarios = argc == 2 && span_is(span_text(argv[1]), "--scenarios");
    if (argc > 2 || (argc == 2 && !sample && !scenarios)) {
        fprintf(stderr, "usage: wirelab manual [--sample|--scenarios]\n");
        return EXIT_WRONG_USE;
    }
    if (scenarios)
        return scenario_manual();
    if (sample)
        config_print_sample(daemon_root_keys(), stdout);
    else
        config_print_manual(daemon_root_keys(), stdout);
    return EXIT_OK;
}
