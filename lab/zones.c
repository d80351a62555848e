/* `wirelab zones`: all zones of a running dnsd as a table, and what is to be done with one of them now. */
#include "clock.h"
#include "configured.h"
#include "daemon.h"
#include "lab.h"
#include "text.h"
#include "zone_door.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define COLUMNS    6
#define CELL_BYTES 1100

static int usage(FILE *out, int code)
{
    fprintf(out,
            "usage: wirelab zones -c FILE [--json] [--reload [NAME] | --refresh NAME | --retransfer NAME | "
            "--notify NAME] [--view VIEW]\n"
            "Shows the zones of the running dnsd of this configuration: where they are from, their versions, "
            "when\n"
            "their primaries are asked; and below each zone who follows it: whether NOTIFY was answered, and "
            "what\n"
            "was fetched last.\n"
            "  -j, --json             the same as JSON\n"
            "      --reload [NAME]    reads the master file again; without a name, of all zones\n"
            "      --refresh NAME     asks the primary now whether there is a newer version\n"
            "      --retransfer NAME  fetches all of the zone from its primary, whatever its serial\n"
            "      --notify NAME      tells those who follow the zone of its version once more\n"
            "      --view VIEW        where several views have the zone\n"
            "To see, change or replace the records of one: wirelab zone --help\n");
    return code;
}

struct words {
    const char *file, *action, *name, *view;
    bool json;
};

/* ---- the table ------------------------------------------------------------------------------------------
 */

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static void number_text(const json_t *o, const char *key, char out[CELL_BYTES])
{
    const json_t *n = json_object_get(o, key);
    snprintf(out, CELL_BYTES, n ? "%" JSON_INTEGER_FORMAT : "-", json_integer_value(n));
}

/* "2026-11-29T21:00:00.123Z" to the second, as a person reads it. */
static const char *time_text(const json_t *o, const char *key, char out[CELL_BYTES])
{
    const char *s = text_of(o, key);
    snprintf(out, CELL_BYTES, "%.10s %.8s", s, strlen(s) > 19 ? s + 11 : "");
    return *s ? out : "-";
}

typedef char row[COLUMNS][CELL_BYTES];

static void fill_row(const json_t *z, row r)
{
    char room[CELL_BYTES];
    bool there = json_object_get(z, "serial");
    snprintf(r[0], CELL_BYTES, "%s", text_of(z, "name"));
    snprintf(r[1], CELL_BYTES, "%s", *text_of(z, "view") ? text_of(z, "view") : "-");
    snprintf(r[2], CELL_BYTES, "%s", text_of(z, "kind"));
    number_text(z, "serial", r[3]);
    number_text(z, "records", r[4]);
    snprintf(r[5], CELL_BYTES, "%s", there ? time_text(z, "since", room) : text_of(z, "state"));
}

static void print_row(row r, const size_t widths[COLUMNS])
{
    for (size_t i = 0; i < COLUMNS; i++)
        printf(i == 3 || i == 4  ? "%*s"
               : i + 1 < COLUMNS ? "%-*s"
                                 : "%.*s",
               i + 1 < COLUMNS ? (int)widths[i] : CELL_BYTES, r[i]),
            printf("%s", i + 1 < COLUMNS ? "  " : "\n");
}

static void print_primary(const json_t *z)
{
    char checked[CELL_BYTES], next[CELL_BYTES], expires[CELL_BYTES];
    if (!json_object_get(z, "primary"))
        return;
    printf("    from %s: checked %s, next %s, expires %s%s\n", text_of(z, "primary"),
           time_text(z, "checked", checked), time_text(z, "next", next), time_text(z, "expires", expires),
           json_is_true(json_object_get(z, "busy")) ? ", being asked now" : "");
    if (json_object_get(z, "error"))
        printf("    failed at %s: %s\n", time_text(z, "failed", checked), text_of(z, "error"));
}

static void print_follower(const json_t *f)
{
    char when[CELL_BYTES], serial[CELL_BYTES];
    printf("    to %s:", text_of(f, "address"));
    if (json_object_get(f, "notified")) {
        number_text(f, "notified-serial", serial);
        printf(" NOTIFY of %s %s %s", serial,
               json_is_true(json_object_get(f, "answered")) ? "answered" : "not answered",
               time_text(f, "notified", when));
    }
    if (json_object_get(f, "fetched")) {
        number_text(f, "fetched-serial", serial);
        printf("%s fetched %s by %s %s", json_object_get(f, "notified") ? "," : "", serial, text_of(f, "by"),
               time_text(f, "fetched", when));
    }
    printf("%s%s\n", json_object_get(f, "error") ? "; " : "", text_of(f, "error"));
}

static int print_table(const json_t *zones)
{
    static row head = { "zone", "view", "kind", "serial", "records", "since (UTC)" }, one;
    size_t widths[COLUMNS], i, k;
    json_t *z, *f;
    for (k = 0; k < COLUMNS; k++)
        widths[k] = strlen(head[k]);
    json_array_foreach(zones, i, z)
    {
        fill_row(z, one);
        for (k = 0; k < COLUMNS; k++)
            widths[k] = strlen(one[k]) > widths[k] ? strlen(one[k]) : widths[k];
    }
    print_row(head, widths);
    json_array_foreach(zones, i, z)
    {
        fill_row(z, one);
        print_row(one, widths);
        print_primary(z);
        json_array_foreach(json_object_get(z, "followers"), k, f) print_follower(f);
    }
    return EXIT_OK;
}

/* NULL, and it is told. */
static json_t *get_zones(const char *state, char **text)
{
    const struct door_request r = { .method = "GET", .path = "/dnsd/zones" };
    struct door_answer a;
    json_error_t e;
    if (!door_exchange("zones", state, &r, &a))
        return NULL;
    json_t *zones = a.status == 200 ? json_loadb(a.body, a.length, 0, &e) : NULL;
    if (!zones)
        fprintf(stderr, "wirelab zones: the server has no zones to show: %s\n", a.body);
    *text = a.body;
    return zones;
}

static int show(const char *state, bool json)
{
    char *text = NULL;
    json_t *zones = get_zones(state, &text);
    int code = zones ? EXIT_OK : EXIT_RUNNING;
    if (zones && json)
        fputs(text, stdout);
    else if (zones)
        code = print_table(zones);
    json_decref(zones);
    free(text);
    return code;
}

/* ---- what is to be done ---------------------------------------------------------------------------------
 */

static int act(const char *state, const char *name, const char *action, const char *view)
{
    char path[ZONE_PATH_BYTES];
    const struct door_request r = { .method = "POST", .path = path };
    struct door_answer a;
    zone_door_path(path, name, action, view, false);
    if (!door_exchange("zones", state, &r, &a))
        return EXIT_RUNNING;
    int code = EXIT_OK;
    if (a.status == 200)
        printf("%s: %s", name, a.body);
    else
        code = zone_door_refused("zones", &a, NULL);
    free(a.body);
    return code;
}

static bool has_file(const json_t *z)
{
    return span_is(span_text(text_of(z, "kind")), "file") || span_is(span_text(text_of(z, "kind")), "signed");
}

/* Each zone that has a file; goes on when one is wrong. */
static int reload_all(const char *state)
{
    char *text = NULL;
    json_t *zones = get_zones(state, &text), *z;
    int code = zones ? EXIT_OK : EXIT_RUNNING;
    size_t i;
    json_array_foreach(zones, i, z) if (has_file(z) && act(state, text_of(z, "name"), "reload",
                                                           text_of(z, "view")) != EXIT_OK) code =
        EXIT_RUNNING;
    json_decref(zones);
    free(text);
    return code;
}

/* ---- the command ----------------------------------------------------------------------------------------
 */

static bool take_action(struct words *w, const char *action, const char *name)
{
    bool first = !w->action;
    w->action = action;
    w->name = name;
    return first;
}

static bool read_words(struct words *w, int argc, char **argv)
{
    static const struct option options[] = {
        { "config", required_argument, NULL, 'c' },  { "json", no_argument, NULL, 'j' },
        { "view", required_argument, NULL, 'v' },    { "reload", optional_argument, NULL, 'R' },
        { "refresh", required_argument, NULL, 'f' }, { "retransfer", required_argument, NULL, 't' },
        { "notify", required_argument, NULL, 'n' },  { 0 }
    };
    bool ok = true;
    for (int letter; ok && (letter = getopt_long(argc, argv, "c:j", options, NULL)) != -1;)
        switch (letter) {
        case 'c':
            w->file = optarg;
            break;
        case 'j':
            w->json = true;
            break;
        case 'v':
            w->view = optarg;
            break;
        case 'R': /* the name may stand behind it as a word of its own */
            ok = take_action(w, "reload",
                             optarg                                    ? optarg
                             : optind < argc && argv[optind][0] != '-' ? argv[optind++]
                                                                       : NULL);
            break;
        case 'f':
        case 't':
        case 'n':
            ok = take_action(w, letter == 'f' ? "refresh" : letter == 't' ? "retransfer" : "notify", optarg);
            break;
        default:
            ok = false;
        }
    return ok && w->file && optind == argc;
}

static int run(const struct config_section *root, void *words)
{
    const struct words *w = words;
    const char *state = config_text(root, "state");
    if (w->action && w->name)
        return act(state, w->name, w->action, w->view);
    return w->action ? reload_all(state) : show(state, w->json);
}

int zones_command(int argc, char **argv)
{
    struct words w = { 0 };
    if (argc == 2 && (span_is(span_text(argv[1]), "-h") || span_is(span_text(argv[1]), "--help")))
        return usage(stdout, EXIT_OK);
    if (!read_words(&w, argc, argv))
        return usage(stderr, EXIT_WRONG_USE);
    return configured(w.file, run, &w);
}
