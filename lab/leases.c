/* `wirelab leases`: the leases as they are on disk, whether the server runs or not; and, through the running
 * server's door, the end of one of them. */
#include "clock.h"
#include "configured.h"
#include "daemon.h"
#include "dhcpd/row.h"
#include "dhcpd/row6.h"
#include "door.h"
#include "lab.h"
#include "store.h"
#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_BYTES  2048
#define PREFIX_ROOM (ADDRESS_TEXT_MAX + 4)
#define PATH_BYTES  4096

struct showing {
    bool json, all;
    struct now now;
    size_t count;
};

/* A lease of either kind, for people. */
struct shown {
    struct prefix address; /* all bits: an address */
    const char *state;
    int64_t until_s;
    struct span client; /* hardware address or DUID */
    struct span name;
};

static int usage(FILE *out, int code)
{
    fprintf(out,
            "usage: wirelab leases -c FILE [--json] [--all] [--free ADDRESS | --add ADDRESS=HARDWARE | "
            "--reconfigure ADDRESS|all]\n"
            "Shows the leases that the dhcpd of this configuration has given, one a line.\n"
            "  -j, --json          one JSON object a line\n"
            "  -a, --all           also those that are over\n"
            "  -f, --free ADDRESS  ends a lease of the running server, as if its client had released it\n"
            "      --add ADDRESS=HARDWARE  gives an address of a pool to a client before it asks (IPv4)\n"
            "  -r, --reconfigure ADDRESS, or all  tells the client to renew now (IPv6)\n");
    return code;
}

/* ---- showing ----------------------------------------------------------------------------------------- */

static void write_hex(struct writer *w, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        write_format(w, i ? ":%02x" : "%02x", s.at[i]);
}

static bool is_prefix(const struct shown *x)
{
    return x->address.address.family == FAMILY_IP6 && x->address.bits < DHCP6_ADDRESS_BITS;
}

static const char *write_place(const struct shown *x, char room[PREFIX_ROOM])
{
    return is_prefix(x) ? prefix_format(&x->address, room) : address_format(x->address.address, room);
}

static void write_json(struct writer *w, const struct shown *x)
{
    char address[PREFIX_ROOM];
    write_format(w, "{\"%s\":\"%s\",\"state\":\"%s\",\"until\":\"", is_prefix(x) ? "prefix" : "address",
                 write_place(x, address), x->state);
    write_rfc3339(w, x->until_s * 1000);
    write_text(w, "\",\"client\":\"");
    write_hex(w, x->client);
    write_text(w, "\",\"name\":");
    write_json_string(w, x->name);
    write_text(w, "}\n");
}

static void write_line(struct writer *w, const struct shown *x)
{
    char address[PREFIX_ROOM];
    write_format(w, "%-24s %-9s ", write_place(x, address), x->state);
    write_rfc3339(w, x->until_s * 1000);
    write_text(w, "  ");
    write_hex(w, x->client);
    if (x->name.len > 0) {
        write_text(w, "  ");
        write_logfmt_value(w, x->name);
    }
    write_text(w, "\n");
}

static void show(struct showing *s, struct shown *x)
{
    char line[LINE_BYTES];
    struct writer w = writer_over(line, sizeof line);
    bool over = x->until_s <= now_s(s->now);
    if (over)
        x->state = "free";
    if (over && !s->all)
        return;
    if (s->json)
        write_json(&w, x);
    else
        write_line(&w, x);
    fwrite(line, 1, writer_length(&w), stdout);
    s->count++;
}

static const char *word_of(uint8_t state)
{
    return state == LEASE_BOUND ? "bound" : state == LEASE_DECLINED ? "declined" : "free";
}

static bool take_row(void *owner, const struct store_value *values)
{
    struct lease_record r;
    uint8_t room[LEASE_HARDWARE_MAX];
    if (!row_read(&r, room, values))
        return true;
    struct shown x = { .address = { address_ip4(r.address), 32 },
                       .state = word_of(r.state),
                       .until_s = r.state == LEASE_FREE ? 0 : r.until_s,
                       .client =
                           r.client.hardware.len > 1 ? span_from(r.client.hardware, 1) : r.client.client_id,
                       .name = r.client.host_name };
    show(owner, &x);
    return true;
}

static bool take_row6(void *owner, const struct store_value *values)
{
    struct lease6_record r;
    if (!row6_read(&r, values))
        return true;
    struct shown x = { .address = { address_ip6(r.address), r.bits },
                       .state = r.registered ? "registered" : word_of(r.state),
                       .until_s = r.state == LEASE_FREE ? 0 : r.until_s,
                       .client = r.client.duid,
                       .name = r.client.name };
    show(owner, &x);
    return true;
}

static bool load(struct store *store, struct showing *s, struct problem *p)
{
    return store_use(store, &lease_table, p) && store_load(store, &lease_table, take_row, s, p) &&
           store_use(store, &lease6_table, p) && store_load(store, &lease6_table, take_row6, s, p);
}

static int show_all(const char *state, const char *url, struct showing *s)
{
    struct problem p = { 0 };
    struct loop loop;
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/wirelab.db", state);
    if (!url && access(path, R_OK) != 0) {
        fprintf(stderr, "wirelab leases: %s: %s\n", path, strerror(errno));
        return EXIT_RUNNING;
    }
    if (loop_open(&loop) != 0)
        return EXIT_RUNNING;
    struct store *store = store_open(&loop, url ? url : state, &p);
    s->now = loop_now(&loop);
    bool ok = store && load(store, s, &p);
    if (store)
        store_close(store);
    loop_close(&loop);
    if (!ok)
        fprintf(stderr, "wirelab leases: %s\n", p.what);
    else if (s->count == 0 && !s->json)
        fprintf(stderr, "wirelab leases: nobody has a lease now\n");
    return ok ? EXIT_OK : EXIT_RUNNING;
}

/* ---- freeing ------------------------------------------------------------------------------------------ */

static int free_lease(const char *state, const struct address *a)
{
    char path[256], address[ADDRESS_TEXT_MAX];
    snprintf(path, sizeof path, "/dhcpd/leases/%s", address_format(*a, address));
    return door_ask("leases", state, "DELETE", path);
}

static int add_lease(const char *state, const char *what)
{
    char path[256];
    int address = (int)(strchr(what, '=') - what);
    snprintf(path, sizeof path, "/dhcpd/leases/%.*s/%s", address, what, what + address + 1);
    return door_ask("leases", state, "PUT", path);
}

static int reconfigure(const char *state, const char *which)
{
    char path[256];
    snprintf(path, sizeof path, "/dhcpd/reconfigure/%s", which);
    return door_ask("leases", state, "POST", path);
}

/* ---- the command -----------------------------------------------------------------------------------------
 */

struct words {
    const char *file;
    struct showing showing;
    struct address free;
    const char *reconfigure, *add;
};

static bool read_words(struct words *w, int argc, char **argv)
{
    static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                             { "json", no_argument, NULL, 'j' },
                                             { "all", no_argument, NULL, 'a' },
                                             { "free", required_argument, NULL, 'f' },
                                             { "reconfigure", required_argument, NULL, 'r' },
                                             { "add", required_argument, NULL, 'A' },
                                             { 0 } };
    for (int letter; (letter = getopt_long(argc, argv, "c:jaf:r:", options, NULL)) != -1;) {
        if (letter == 'c')
            w->file = optarg;
        else if (letter == 'j')
            w->showing.json = true;
        else if (letter == 'a')
            w->showing.all = true;
        else if (letter == 'r')
            w->reconfigure = optarg;
        else if (letter == 'A' && strchr(optarg, '='))
            w->add = optarg;
        else if (letter != 'f' || !address_parse(span_text(optarg), &w->free))
            return false;
    }
    return w->file && optind == argc;
}

static int run(const struct config_section *root, void *words)
{
    struct words *w = words;
    const char *state = config_text(root, "state");
    if (w->add)
        return add_lease(state, w->add);
    if (w->reconfigure)
        return reconfigure(state, w->reconfigure);
    if (w->free.family != FAMILY_NONE)
        return free_lease(state, &w->free);
    return show_all(state, config_text(root, "store"), &w->showing);
}

int leases_command(int argc, char **argv)
{
    struct words w = { 0 };
    if (argc == 2 && (span_is(span_text(argv[1]), "-h") || span_is(span_text(argv[1]), "--help")))
        return usage(stdout, EXIT_OK);
    if (!read_words(&w, argc, argv))
        return usage(stderr, EXIT_WRONG_USE);
    return configured(w.file, run, &w);
}
