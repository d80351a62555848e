#include "explain.h"

#include "daemon.h"
#include "explain_hosts.h"
#include "lab.h"
#include "text.h"
#include "view_json.h"
#include "wire/pcap.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FILE_BYTES_MAX                                                                                       \
    ((size_t)512 * 1024 * 1024) /* read into memory at once; more than a figure of it can show */
#define COLUMN_LEAST 16         /* characters between two hosts; hosts beyond have no column */
#define READ_BYTES   (1024 * 1024)

/* ---- the terminal ----------------------------------------------------------------------------------------
 */

static bool speaks_utf8(void)
{
    static const char *const variables[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);
        if (value && value[0])
            return strcasestr(value, "UTF-8") || strcasestr(value, "utf8");
    }
    return false;
}

struct ladder ladder_for_output(void)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    struct ladder l = { .width = EXPLAIN_WIDTH_USUAL };
    struct winsize size;
    if (!isatty(STDOUT_FILENO))
        return l;
    l.boxes = speaks_utf8();
    l.colours = !(no_colour && no_colour[0]) && !(terminal && strcmp(terminal, "dumb") == 0);
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
        l.width = size.ws_col;
    return l;
}

/* ---- the file
 * ---------------------------------------------------------------------------------------------- */

/* What is asked for, and what was found. */
struct explain {
    const char *path;
    bool json;
    struct span file;
    struct explain_hosts hosts;
    struct ladder ladder;
    uint64_t packets, messages, cut, unknown_links;
    uint16_t unknown_link; /* the first of them */
};

static bool tell_unreadable(const struct explain *x)
{
    fprintf(stderr, "wirelab: cannot read %s: %s\n", x->path, strerror(errno));
    return false;
}

/* All of it; the caller frees *bytes, whatever comes of it. */
static bool read_all(struct explain *x, FILE *f, uint8_t **bytes)
{
    size_t room = 0, length = 0, n = 1;
    while (n) { /* each turn takes bytes, or is the last */
        if (length == room) {
            room += room ? room : READ_BYTES;
            uint8_t *more = room <= 2 * FILE_BYTES_MAX ? realloc(*bytes, room) : NULL;
            if (!more) {
                fprintf(stderr,
                        "wirelab: %s is too large to be drawn\n  cut a part out of it, as in: editcap -r %s "
                        "part.pcapng 1-1000\n",
                        x->path, x->path);
                return false;
            }
            *bytes = more;
        }
        n = fread(*bytes + length, 1, room - length, f);
        length += n;
    }
    x->file = span_of(*bytes, length);
    return !ferror(f) || tell_unreadable(x);
}

static bool read_file(struct explain *x, uint8_t **bytes)
{
    bool standard = strcmp(x->path, "-") == 0;
    FILE *f = standard ? stdin : fopen(x->path, "rbe");
    if (!f)
        return tell_unreadable(x);
    bool ok = read_all(x, f, bytes);
    if (!standard)
        fclose(f);
    return ok;
}

/* ---- drawing
 * ------------------------------------------------------------------------------------------------ */

static void write_json(struct explain *x)
{
    static uint8_t room[VIEW_JSON_BYTES];
    const struct view_message *m;
    while ((m = view_world_next(x->ladder.world))) { /* each turn takes a message */
        if (m->weight == VIEW_QUIET && !x->ladder.all)
            continue;
        struct writer w = writer_over(room, sizeof room);
        size_t from = ladder_host_of(&x->ladder, &m->from), to = ladder_host_of(&x->ladder, &m->to);
        struct span none = span_of(room, 0);
        view_write_json(&w, m, x->ladder.began_ns, from < x->hosts.count ? x->hosts.hosts[from].name : none,
                        to < x->hosts.count ? x->hosts.hosts[to].name : none);
        fwrite(room, 1, writer_length(&w), stdout);
    }
}

static void draw(struct explain *x)
{
    static uint8_t room[LADDER_FRAME_BYTES];
    struct writer w = writer_over(room, sizeof room);
    ladder_write_messages(&w, &x->ladder);
    fwrite(room, 1, writer_length(&w), stdout);
}

static void note(struct explain *x)
{
    const struct view_message *m;
    while ((m = view_world_next(x->ladder.world))) { /* each turn takes a message */
        x->messages += m->weight == VIEW_APPLICATION;
        explain_hosts_note(&x->hosts, m);
    }
}

/* Takes every packet of the file, and after each does `what`. False where the file is damaged; *r says how.
 */
static bool walk(struct explain *x, struct pcap_reader *r, void (*what)(struct explain *x))
{
    struct pcap_packet p;
    if (!pcap_open(r, x->file))
        return false;
    x->packets = x->cut = x->unknown_links = 0;
    while (pcap_next(r, &p)) { /* each turn takes a packet */
        struct view_frame f = { .link_type = p.link_type,
                                .unix_ns = p.unix_ns,
                                .bytes = p.bytes,
                                .original_bytes = p.original_bytes };
        if (!x->packets++)
            x->ladder.began_ns = p.unix_ns;
        x->cut += p.bytes.len < p.original_bytes;
        if (!view_knows_link(p.link_type) && !x->unknown_links++)
            x->unknown_link = p.link_type;
        view_world_take(x->ladder.world, &f);
        what(x);
    }
    view_world_finish(x->ladder.world);
    what(x);
    return !pcap_fault(r);
}

static bool open_world(struct explain *x)
{
    view_world_close(x->ladder.world);
    x->ladder.world = view_world_open();
    if (!x->ladder.world)
        fprintf(stderr, "wirelab: out of memory\n");
    return x->ladder.world != NULL;
}

static void take_names(struct explain *x)
{
    struct pcap_names names;
    struct pcapng_name n;
    pcap_names_open(&names, x->file);
    while (pcap_next_name(&names, &n)) { /* each turn takes a name */
        struct address a = { .family = n.address.len == 4 ? FAMILY_IP4 : FAMILY_IP6 };
        memcpy(a.bytes, n.address.at, n.address.len);
        explain_hosts_name(&x->hosts, a, n.name);
    }
}

static void settle_columns(struct explain *x)
{
    size_t width = x->ladder.width < LADDER_WIDTH_LEAST  ? LADDER_WIDTH_LEAST
                   : x->ladder.width > LADDER_WIDTH_MOST ? LADDER_WIDTH_MOST
                                                         : x->ladder.width;
    take_names(x);
    explain_hosts_finish(&x->hosts, x->json ? LADDER_HOSTS_MAX : width / COLUMN_LEAST);
    x->ladder.hosts = x->hosts.hosts;
    x->ladder.host_count = x->hosts.count;
}

static void draw_head(struct explain *x)
{
    uint8_t room[LADDER_LINE_BYTES];
    struct writer w = writer_over(room, sizeof room);
    if (x->json || !x->packets)
        return;
    ladder_write_head(&w, &x->ladder);
    fwrite(room, 1, writer_length(&w), stdout);
}

/* What the figure does not show. */
static void tell_rest(const struct explain *x)
{
    if (!x->json)
        printf("\n%llu packets, %llu messages\n", (unsigned long long)x->packets,
               (unsigned long long)x->messages);
    fflush(stdout);
    if (x->hosts.left_out && !x->json)
        printf("not every host has a column: lines without an arrow name them (a wider terminal, or --width, "
               "shows more)\n");
    if (x->cut)
        fprintf(stderr,
                "wirelab: %llu packets are not whole: they were cut off when they were captured\n"
                "  capture whole packets, as in: tcpdump -s 0\n",
                (unsigned long long)x->cut);
    if (x->unknown_links)
        fprintf(stderr, "wirelab: %llu packets are of link type %u, which is not read here\n",
                (unsigned long long)x->unknown_links, x->unknown_link);
}

static int tell_fault(const struct explain *x, const struct pcap_reader *r)
{
    if (!x->packets)
        fprintf(stderr, "wirelab: %s is no capture that can be read, at byte %zu: %s\n", x->path,
                pcap_offset(r), pcap_fault(r));
    else
        fprintf(stderr,
                "wirelab: %s is damaged at byte %zu, behind packet %llu: %s\n"
                "  what stands before it is drawn\n",
                x->path, pcap_offset(r), (unsigned long long)x->packets, pcap_fault(r));
    return EXIT_RUNNING;
}

static int explain(struct explain *x)
{
    struct pcap_reader r;
    uint8_t *bytes = NULL;
    int code = EXIT_RUNNING;
    if (read_file(x, &bytes) && open_world(x)) {
        bool whole = walk(x, &r, note);
        settle_columns(x);
        draw_head(x);
        if ((x->packets || whole) && open_world(x)) {
            walk(x, &r, x->json ? write_json : draw);
            tell_rest(x);
        }
        code = whole ? EXIT_OK : tell_fault(x, &r);
    }
    view_world_close(x->ladder.world);
    free(bytes);
    return code;
}

/* ---- the command
 * --------------------------------------------------------------------------------------------- */

static int usage(FILE *out, int code)
{
    fprintf(out,
            "usage: wirelab explain FILE [--json] [--all] [--width N]\n"
            "Draws what a capture holds (pcap or pcapng, from any program; - is standard input): hosts as "
            "columns, a\n"
            "line for each message of DHCP, DHCPv6, DNS, HTTP, SMTP, IMAP and TLS.\n"
            "  -j, --json      one JSON object a message\n"
            "  -a, --all       also acknowledgements and the segments of a message\n"
            "  -w, --width N   of the figure, %d to %d characters\n",
            LADDER_WIDTH_LEAST, LADDER_WIDTH_MOST);
    return code;
}

static const struct option options[] = {
    { "json", no_argument, NULL, 'j' },
    { "all", no_argument, NULL, 'a' },
    { "width", required_argument, NULL, 'w' },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

int explain_command(int argc, char **argv)
{
    static struct explain x;
    uint64_t width;
    x.ladder = ladder_for_output();
    for (int letter; (letter = getopt_long(argc, argv, "jaw:h", options, NULL)) != -1;) {
        if (letter == 'j')
            x.json = true;
        else if (letter == 'a')
            x.ladder.all = true;
        else if (letter == 'w' && parse_decimal(span_text(optarg), LADDER_WIDTH_MOST, &width) &&
                 width >= LADDER_WIDTH_LEAST)
            x.ladder.width = (size_t)width;
        else
            return letter == 'h' ? usage(stdout, EXIT_OK) : usage(stderr, EXIT_WRONG_USE);
    }
    if (optind + 1 != argc)
        return usage(stderr, EXIT_WRONG_USE);
    x.path = argv[optind];
    return explain(&x);
}
