/* `wirelab zone`: one zone of a running dnsd: printed, changed record by record, replaced, edited. */
#include "configured.h"
#include "daemon.h"
#include "lab.h"
#include "text.h"
#include "zone_door.h"
#include "zone_file.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINES_MAX  1000
#define PATH_BYTES 4096

static int usage(FILE *out, int code)
{
    fprintf(
        out,
        "usage: wirelab zone NAME -c FILE [--json] [--signatures]\n"
        "       wirelab zone NAME -c FILE [--add RECORD | --remove RECORD | --set RECORD] ... [--serial N]\n"
        "       wirelab zone NAME -c FILE --replace ZONEFILE [--serial N]\n"
        "       wirelab zone NAME -c FILE --edit\n"
        "Prints a zone of the running dnsd as a master file, or changes it. All changes of one command are "
        "one\n"
        "new version, and are on disk when the command ends; those who follow the zone are told.\n"
        "  -j, --json            the records as JSON\n"
        "      --signatures      of a zone that signs itself, also what the server makes\n"
        "  -a, --add RECORD      \"www 300 A 192.0.2.1\"; without a TTL, that of the set or of the SOA\n"
        "  -r, --remove RECORD   \"www A 192.0.2.1\"; \"www A\" for all of the set; \"www\" for all of the "
        "name\n"
        "  -s, --set RECORD      as --add, in the place of the set that is there\n"
        "      --replace FILE    the zone becomes what this master file says\n"
        "  -e, --edit            the same with its text in $VISUAL or $EDITOR\n"
        "      --serial N        only if the zone has this serial still\n"
        "      --view VIEW       where several views have the zone\n");
    return code;
}

struct words {
    const char *file, *name, *view, *replace, *serial;
    bool json, signatures, edit;
    size_t count;
    const char *keys[LINES_MAX], *lines[LINES_MAX]; /* "add", "www 300 A 192.0.2.1" */
};

/* ---- changes ------------------------------------------------------------------------------------------- */

/* Says what came of it; an exit code. */
static int tell_changed(const struct words *w, const struct door_answer *a)
{
    if (a->status != 200)
        return zone_door_refused("zone", a, w->count ? w->lines : NULL);
    json_t *said = json_loadb(a->body, a->length, 0, NULL);
    long long removed = json_integer_value(json_object_get(said, "removed"));
    long long added = json_integer_value(json_object_get(said, "added"));
    const char *name = json_string_value(json_object_get(said, "zone"));
    printf("%s serial %lld: ", name ? name : w->name,
           (long long)json_integer_value(json_object_get(said, "serial")));
    if (removed || added)
        printf("%lld removed, %lld added\n", removed, added);
    else
        printf("nothing else is different\n");
    json_decref(said);
    return EXIT_OK;
}

static int change(const struct words *w, const char *state)
{
    char path[ZONE_PATH_BYTES], match[16];
    struct door_answer a = { 0 };
    json_t *changes = json_array(), *all = json_object();
    for (size_t i = 0; i < w->count; i++) {
        json_t *one = json_object();
        json_object_set_new(one, w->keys[i], json_string(w->lines[i]));
        if (json_array_append_new(changes, one) != 0 || json_object_size(one) != 1) {
            fprintf(stderr, "wirelab zone: %s: not UTF-8; write \\DDD for other octets\n", w->lines[i]);
            json_decref(changes);
            json_decref(all);
            return EXIT_WRONG_USE;
        }
    }
    json_object_set_new(all, "changes", changes);
    char *text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    snprintf(match, sizeof match, "\"%s\"", w->serial ? w->serial : "");
    zone_door_path(path, w->name, NULL, w->view, false);
    const struct door_request r = { .method = "PATCH",
                                    .path = path,
                                    .type = "application/json",
                                    .match = w->serial ? match : NULL,
                                    .body = span_text(text ? text : "") };
    int code = text && door_exchange("zone", state, &r, &a) ? tell_changed(w, &a) : EXIT_RUNNING;
    free(a.body);
    free(text);
    return code;
}

/* ---- whole zones --------------------------------------------------------------------------------------- */

/* `match`: an ETag; NULL: whatever is there. */
static int send_zone(const struct words *w, const char *state, const struct zone *z, const char *match)
{
    char path[ZONE_PATH_BYTES];
    struct door_answer a;
    size_t length;
    char *text = zone_file_text(z, &length);
    if (!text) {
        fprintf(stderr, "wirelab zone: out of memory\n");
        return EXIT_RUNNING;
    }
    zone_door_path(path, w->name, NULL, w->view, false);
    const struct door_request r = {
        .method = "PUT", .path = path, .type = "text/dns", .match = match, .body = span_of(text, length)
    };
    int code = door_exchange("zone", state, &r, &a) ? tell_changed(w, &a) : EXIT_RUNNING;
    free(a.body);
    free(text);
    return code;
}

static int send_file(const struct words *w, const char *state, const char *file, const char *match)
{
    struct dns_name apex;
    if (dns_name_from_text(span_text(w->name), NULL, &apex)) {
        fprintf(stderr, "wirelab zone: \"%s\" is no name of a zone\n", w->name);
        return EXIT_WRONG_USE;
    }
    struct zone *z = zone_file_read(file, &apex, NULL);
    int code = z ? send_zone(w, state, z, match) : EXIT_WRONG_USE;
    zone_release(z);
    return code;
}

static int replace(const struct words *w, const char *state)
{
    char match[16];
    snprintf(match, sizeof match, "\"%s\"", w->serial ? w->serial : "");
    return send_file(w, state, span_is(span_text(w->replace), "-") ? "/dev/stdin" : w->replace,
                     w->serial ? match : NULL);
}

static int print(const struct words *w, const char *state)
{
    char path[ZONE_PATH_BYTES];
    struct door_answer a;
    const struct door_request r = { .method = "GET",
                                    .path = path,
                                    .accept = w->json ? "application/json" : NULL };
    zone_door_path(path, w->name, NULL, w->view, w->signatures);
    if (!door_exchange("zone", state, &r, &a))
        return EXIT_RUNNING;
    int code = EXIT_OK;
    if (a.status != 200)
        code = zone_door_refused("zone", &a, NULL);
    else if (fwrite(a.body, 1, a.length, stdout) != a.length || fflush(stdout) != 0)
        code = EXIT_RUNNING;
    free(a.body);
    return code;
}

/* ---- in an editor -------------------------------------------------------------------------------------- */

static bool run_editor(const char *path)
{
    const char *editor = getenv("VISUAL") ? getenv("VISUAL") : getenv("EDITOR") ? getenv("EDITOR") : "vi";
    char command[PATH_BYTES];
    snprintf(command, sizeof command, "%s \"$1\"", editor);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, "sh", path, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) /* ends with the child */
        ;
    if (child > 0 && status == 0)
        return true;
    fprintf(stderr, "wirelab zone: the editor \"%s\" failed: set EDITOR\n", editor);
    return false;
}

static bool holds_still(const char *path, const struct door_answer *text)
{
    FILE *in = fopen(path, "r");
    size_t at = 0;
    bool same = in;
    for (int c; same && (c = getc(in)) != EOF; at++)
        same = at < text->length && (unsigned char)text->body[at] == c;
    if (in)
        fclose(in);
    return same && at == text->length;
}

/* Whether the person wants to mend the text. */
static bool wants_again(void)
{
    if (!isatty(STDIN_FILENO))
        return false;
    fprintf(stderr, "Enter to edit it again, Ctrl-C to leave it: ");
    for (int c; (c = getchar()) != '\n';)
        if (c == EOF)
            return false;
    return true;
}

/* Until it is taken, or given up. */
static int edit_text(const struct words *w, const char *state, const char *path,
                     const struct door_answer *before)
{
    int code;
    do { /* ends when the person does */
        if (!run_editor(path))
            return EXIT_RUNNING;
        if (holds_still(path, before)) {
            fprintf(stderr, "wirelab zone: nothing was changed\n");
            return EXIT_OK;
        }
        code = send_file(w, state, path, before->tag);
    } while (code == EXIT_WRONG_USE && wants_again());
    return code;
}

static int edit(const struct words *w, const char *state)
{
    char path[ZONE_PATH_BYTES], file[] = "/tmp/zone-XXXXXX.zone";
    struct door_answer a;
    const struct door_request r = { .method = "GET", .path = path };
    zone_door_path(path, w->name, NULL, w->view, false);
    if (!door_exchange("zone", state, &r, &a))
        return EXIT_RUNNING;
    int code = a.status == 200 ? EXIT_RUNNING : zone_door_refused("zone", &a, NULL);
    int fd = a.status == 200 ? mkstemps(file, (int)strlen(".zone")) : -1;
    bool written = fd >= 0 && write(fd, a.body, a.length) == (ssize_t)a.length;
    if (fd >= 0)
        close(fd);
    if (written)
        code = edit_text(w, state, file, &a);
    else if (a.status == 200)
        fprintf(stderr, "wirelab zone: %s: %s\n", file, strerror(errno));
    if (written && code != EXIT_OK)
        fprintf(stderr, "wirelab zone: your text is in %s\n", file);
    else if (fd >= 0)
        unlink(file);
    free(a.body);
    return code;
}

/* ---- the command --------------------------------------------------------------------------------------- */

static bool take_line(struct words *w, const char *key, const char *line)
{
    if (w->count == LINES_MAX)
        return false;
    w->keys[w->count] = key;
    w->lines[w->count++] = line;
    return true;
}

static bool take_option(struct words *w, int letter)
{
    switch (letter) {
    case 'c':
        w->file = optarg;
        return true;
    case 'j':
        return w->json = true;
    case 'S':
        return w->signatures = true;
    case 'e':
        return w->edit = true;
    case 'R':
        w->replace = optarg;
        return true;
    case 'N': {
        uint64_t serial;
        w->serial = optarg;
        return parse_decimal(span_text(optarg), UINT32_MAX, &serial);
    }
    case 'v':
        w->view = optarg;
        return true;
    case 'a':
        return take_line(w, "add", optarg);
    case 'r':
        return take_line(w, "remove", optarg);
    case 's':
        return take_line(w, "set", optarg);
    default:
        return false;
    }
}

static bool read_words(struct words *w, int argc, char **argv)
{
    static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                             { "json", no_argument, NULL, 'j' },
                                             { "signatures", no_argument, NULL, 'S' },
                                             { "edit", no_argument, NULL, 'e' },
                                             { "replace", required_argument, NULL, 'R' },
                                             { "serial", required_argument, NULL, 'N' },
                                             { "view", required_argument, NULL, 'v' },
                                             { "add", required_argument, NULL, 'a' },
                                             { "remove", required_argument, NULL, 'r' },
                                             { "set", required_argument, NULL, 's' },
                                             { 0 } };
    for (int letter; (letter = getopt_long(argc, argv, "c:jea:r:s:", options, NULL)) != -1;)
        if (!take_option(w, letter))
            return false;
    bool one_thing = (w->count != 0) + (w->replace != NULL) + w->edit + (w->json || w->signatures) <= 1;
    w->name = optind == argc - 1 ? argv[optind] : NULL;
    return w->file && w->name && one_thing && (!w->serial || w->count || w->replace);
}

static int run(const struct config_section *root, void *words)
{
    const struct words *w = words;
    const char *state = config_text(root, "state");
    if (w->count)
        return change(w, state);
    if (w->replace)
        return replace(w, state);
    return w->edit ? edit(w, state) : print(w, state);
}

int zone_command(int argc, char **argv)
{
    static struct words w;
    if (argc == 2 && (span_is(span_text(argv[1]), "-h") || span_is(span_text(argv[1]), "--help")))
        return usage(stdout, EXIT_OK);
    if (!read_words(&w, argc, argv))
        return usage(stderr, EXIT_WRONG_USE);
    return configured(w.file, run, &w);
}
