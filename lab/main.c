#include "lab.h"

#include "daemon.h"
#include "text.h"

#include <stdio.h>

static const struct {
    const char *name, *usage, *meaning;
    int (*run)(int argc, char **argv);
} commands[] = {
    { "run", "run -c FILE [--json] [--log LEVEL]", "start the servers of a file and follow their events",
      run_command },
    { "check", "check FILE", "find every error of a file and of the zones it names, or say what it means",
      check_command },
    { "help", "help [KEY]", "explain a configuration key: `wirelab help dhcpd.subnet.lease-time`",
      help_command },
    { "manual", "manual [--sample]", "all keys as a table, or as a commented file", manual_command },
    { "scenario", "scenario NAME --out DIR", "play a conversation in a network of its own and record it",
      scenario_command },
    { "explain", "explain FILE", "draw the messages of a capture, whoever made it", explain_command },
    { "lease", "lease SERVER:PORT [--name NAME]", "get a lease of a running dhcpd, and show it",
      lease_command },
    { "leases", "leases -c FILE [--free ADDRESS]", "show the leases of a dhcpd, or end one", leases_command },
    { "zones", "zones -c FILE", "show the zones of a dnsd, and who follows them", zones_command },
    { "zone", "zone NAME -c FILE [--add RECORD]", "show the records of a zone, change, replace or edit them",
      zone_command },
    { "check-zone", "check-zone NAME FILE", "find every error of a master file, and what is strange about it",
      check_zone_command },
    { "ds", "ds -c FILE [--dnskey] ZONE", "print what the parent of a signed zone has to say of it",
      ds_command },
    { "stats", "stats -c FILE", "show what running servers count", stats_command },
};

#define COMMANDS (sizeof commands / sizeof commands[0])

static void print_usage(FILE *out)
{
    fprintf(out, "wirelab %s: real DHCP, DNS, HTTP and mail servers for a lab, and the lab around them\n\n",
            WIRELAB_VERSION);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  wirelab %-36s %s\n", commands[i].usage, commands[i].meaning);
    fprintf(out, "\nTo try: `wirelab run -c examples/chapter9.conf`, then `dig @127.0.0.1 -p 5300 "
                 "contoso.local SOA`\n");
}

static int unknown(const char *word)
{
    size_t best = 0;
    for (size_t i = 1; i < COMMANDS; i++)
        if (edit_distance(word, commands[i].name) < edit_distance(word, commands[best].name))
            best = i;
    fprintf(stderr, "wirelab: there is no command \"%s\"; did you mean \"%s\"?\n", word, commands[best].name);
    return EXIT_WRONG_USE;
}

int main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "--help";
    if (span_is(span_text(word), "--help") || span_is(span_text(word), "-h")) {
        print_usage(argc > 1 ? stdout : stderr);
        return argc > 1 ? EXIT_OK : EXIT_WRONG_USE;
    }
    if (span_is(span_text(word), "--version") || span_is(span_text(word), "-v")) {
        printf("wirelab %s\n", WIRELAB_VERSION);
        return EXIT_OK;
    }
    for (size_t i = 0; i < COMMANDS; i++)
        if (span_is(span_text(word), commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    return unknown(word);
}
