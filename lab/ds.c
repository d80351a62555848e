/* `wirelab ds`: what the parent of a zone that signs itself has to say of it, from the key on disk, whether
 * the server runs or not. */
#include "configured.h"
#include "daemon.h"
#include "dnsd/signing_key.h"
#include "lab.h"
#include "wire/dns_rdata.h"

#include <getopt.h>
#include <stdio.h>

#define LINE_BYTES 2048

static int usage(FILE *out, int code)
{
    fprintf(out, "usage: wirelab ds -c FILE [--dnskey] ZONE\n"
                 "Prints the DS record that the parent of this zone needs; the zone has `dnssec = true`.\n"
                 "  -k, --dnskey  the DNSKEY record itself, for a validator's trust anchor\n");
    return code;
}

static bool print_record(const struct dns_name *owner, uint16_t type, struct span rdata)
{
    char line[LINE_BYTES];
    struct writer w = writer_over(line, sizeof line);
    write_dns_name_text(&w, dns_name_span(owner));
    write_text(&w, " IN ");
    write_dns_type_text(&w, type);
    write_text(&w, " ");
    write_dns_rdata_text(&w, type, rdata);
    write_text(&w, "\n");
    return writer_ok(&w) && fwrite(line, 1, writer_length(&w), stdout) == writer_length(&w);
}

static int print(const char *state, const struct dns_name *zone, bool dnskey)
{
    uint8_t room[DNSSEC_DS_BYTES];
    struct writer ds = writer_over(room, sizeof room);
    struct problem p = { 0 };
    struct sign_key k;
    if (!signing_key_open(state, zone, false, &k, &p)) {
        fprintf(stderr, "wirelab ds: %s\nIts key is made when a server with `dnssec = true` starts.\n",
                p.what);
        return EXIT_RUNNING;
    }
    struct span key = span_of(k.dnskey, sizeof k.dnskey);
    bool ok = dnskey ? print_record(zone, DNS_TYPE_DNSKEY, key)
                     : write_ds(&ds, zone, key) && print_record(zone, DNS_TYPE_DS, writer_span(&ds));
    signing_key_close(&k);
    return ok ? EXIT_OK : EXIT_RUNNING;
}

struct words {
    const char *file;
    bool dnskey;
    struct dns_name zone;
};

static bool read_words(struct words *w, int argc, char **argv)
{
    static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                             { "dnskey", no_argument, NULL, 'k' },
                                             { 0 } };
    for (int letter; (letter = getopt_long(argc, argv, "c:k", options, NULL)) != -1;) {
        if (letter == 'c')
            w->file = optarg;
        else if (letter == 'k')
            w->dnskey = true;
        else
            return false;
    }
    return w->file && optind == argc - 1 &&
           dns_name_from_text(span_text(argv[optind]), NULL, &w->zone) == NULL;
}

static int run(const struct config_section *root, void *words)
{
    const struct words *w = words;
    return print(config_text(root, "state"), &w->zone, w->dnskey);
}

int ds_command(int argc, char **argv)
{
    struct words w = { 0 };
    if (argc == 2 && (span_is(span_text(argv[1]), "-h") || span_is(span_text(argv[1]), "--help")))
        return usage(stdout, EXIT_OK);
    if (!read_words(&w, argc, argv))
        return usage(stderr, EXIT_WRONG_USE);
    return configured(w.file, run, &w);
}
