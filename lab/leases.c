/* `wirelab leases`: the leases as they are on disk, whether the server runs or not; and, through the running
 * server's door, the end of one of them. */
#include "clock.h"
#include "daemon.h"
#include "dhcpd/row.h"
#include "dhcpd/row6.h"
#include "lab.h"
#include "store.h"
#include "text.h"
#include "wire/http.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_BYTES 8192
#define LINE_BYTES   2048
#define PREFIX_ROOM  (ADDRESS_TEXT_MAX + 4)
#define PATH_BYTES   4096

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
            "usage: wirelab leases -c FILE [--json] [--all] [--free ADDRESS]\n"
            "Shows the leases that the dhcpd of this configuration has given, one a line.\n"
            "  -j, --json          one JSON object a line\n"
            "  -a, --all           also those that are over\n"
            "  -f, --free ADDRESS  ends a lease of the running server, as if its client had released it\n");
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
                       .state = word_of(r.state),
                       .until_s = r.state == LEASE_FREE ? 0 : r.until_s,
                       .client = r.client.duid };
    show(owner, &x);
    return true;
}

static bool load(struct store *store, struct showing *s, struct problem *p)
{
    return store_use(store, &lease_table, p) && store_load(store, &lease_table, take_row, s, p) &&
           store_use(store, &lease6_table, p) && store_load(store, &lease6_table, take_row6, s, p);
}

static int show_all(const char *state, struct showing *s)
{
    struct problem p = { 0 };
    struct loop loop;
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/wirelab.db", state);
    if (access(path, R_OK) != 0) {
        fprintf(stderr, "wirelab leases: %s: %s\n", path, strerror(errno));
        return EXIT_RUNNING;
    }
    if (loop_open(&loop) != 0)
        return EXIT_RUNNING;
    struct store *store = store_open(&loop, state, &p);
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

/* The door of a program that runs dhcpd: of dhcpd alone, or of a lab. -1: nobody is behind it. */
static int open_door(const char *state)
{
    static const char *const names[] = { "dhcpd", "wirelab" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int n = snprintf(at.sun_path, sizeof at.sun_path, "%s/%s.sock", state, names[i]);
        int fd =
            n > 0 && (size_t)n < sizeof at.sun_path ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
        if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

/* What comes until the other side closes. */
static struct span read_answer(int fd, uint8_t room[ANSWER_BYTES])
{
    size_t length = 0;
    ssize_t n = 1;
    while (n > 0 && length < ANSWER_BYTES) { /* each turn takes bytes */
        n = read(fd, room + length, ANSWER_BYTES - length);
        length += n > 0 ? (size_t)n : 0;
    }
    return span_of(room, length);
}

static int say_answer(struct span answer)
{
    const struct http_limits limits = { .line_bytes_max = ANSWER_BYTES, .head_bytes_max = ANSWER_BYTES };
    struct http_response r;
    struct http_fault fault;
    size_t head;
    if (http_parse_response(answer, &limits, &r, &head, &fault) != HTTP_DONE) {
        fprintf(stderr, "wirelab leases: the server gave no answer\n");
        return EXIT_RUNNING;
    }
    struct span body = span_from(answer, head);
    fprintf(r.status == 200 ? stdout : stderr, "%.*s", (int)body.len, (const char *)body.at);
    return r.status == 200 ? EXIT_OK : EXIT_RUNNING;
}

static int free_lease(const char *state, const struct address *a)
{
    char request[256], address[ADDRESS_TEXT_MAX];
    uint8_t room[ANSWER_BYTES];
    int fd = open_door(state);
    if (fd < 0) {
        fprintf(stderr, "wirelab leases: no dhcpd with the state directory %s runs here\n", state);
        return EXIT_RUNNING;
    }
    int n = snprintf(request, sizeof request,
                     "DELETE /dhcpd/leases/%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                     address_format(*a, address));
    bool sent = write(fd, request, (size_t)n) == n;
    int code = say_answer(sent ? read_answer(fd, room) : span_text(""));
    close(fd);
    return code;
}

/* ---- the command -----------------------------------------------------------------------------------------
 */

struct words {
    const char *file;
    struct showing showing;
    struct address free;
};

static bool read_words(struct words *w, int argc, char **argv)
{
    static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                             { "json", no_argument, NULL, 'j' },
                                             { "all", no_argument, NULL, 'a' },
                                             { "free", required_argument, NULL, 'f' },
                                             { 0 } };
    for (int letter; (letter = getopt_long(argc, argv, "c:jaf:", options, NULL)) != -1;) {
        if (letter == 'c')
            w->file = optarg;
        else if (letter == 'j')
            w->showing.json = true;
        else if (letter == 'a')
            w->showing.all = true;
        else if (letter != 'f' || !address_parse(span_text(optarg), &w->free))
            return false;
    }
    return w->file && optind == argc;
}

int leases_command(int argc, char **argv)
{
    struct words w = { 0 };
    if (argc == 2 && (span_is(span_text(argv[1]), "-h") || span_is(span_text(argv[1]), "--help")))
        return usage(stdout, EXIT_OK);
    if (!read_words(&w, argc, argv))
        return usage(stderr, EXIT_WRONG_USE);
    struct config *c = config_read_file(w.file, daemon_root_keys());
    if (!c)
        return EXIT_RUNNING;
    int code = EXIT_WRONG_USE;
    if (!config_ok(c))
        config_print_problems(c, stderr);
    else if (w.free.family != FAMILY_NONE)
        code = free_lease(config_text(config_root(c), "state"), &w.free);
    else
        code = show_all(config_text(config_root(c), "state"), &w.showing);
    config_close(c);
    return code;
}
