#include "lab.h"

#include "daemon.h"
#include "expect.h"
#include "play.h"
#include "scenario_all.h"
#include "scenario_show.h"
#include "serve.h"
#include "text.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX         ".scenario"
#define PATH_BYTES     4096
#define ARENA_CHUNK    (64 * 1024)
#define ARENA_MAX      (16 * 1024 * 1024)
#define LOG_TAIL_BYTES 4096 /* of what servers said, when something failed */
#define LISTED_MAX     256
#define SHOWN_BYTES    200 /* of a line that is wrong */

/* A scenario that was read, and what is to be done with it. */
struct job {
    const char *word, *out_directory;
    bool real;  /* known programs play the steps */
    bool check; /* only read */
    bool json;  /* messages as JSON, not as a figure */
    char path[PATH_BYTES], name[PATH_BYTES];
    uint8_t *text;
    struct arena arena;
    struct scenario *scenario;
};

/* ---- where scenarios are -------------------------------------------------------------------------- */

/* The directory of the scenarios that come with this program: beside the build tree it is in, or installed.
 */
static bool find_directory(char *into)
{
    static const char *const places[] = { "../examples/scenarios", "../share/wirelab/scenarios" };
    char program[PATH_BYTES / 2];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0)
        return false;
    program[length] = 0;
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = 0;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/%s", program, places[i]);
        char *real = realpath(path, NULL);
        if (real) {
            snprintf(into, PATH_BYTES, "%s", real);
            free(real);
            return true;
        }
    }
    return false;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n > m && strcmp(text + n - m, suffix) == 0;
}

/* The names of the scenarios in a directory, sorted; the caller frees them. */
static size_t list_names(const char *directory, char **names)
{
    struct dirent **found;
    size_t count = 0;
    int n = scandir(directory, &found, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        const char *file = found[i]->d_name;
        if (ends_with(file, SUFFIX) && count < LISTED_MAX) {
            names[count] = strndup(file, strlen(file) - strlen(SUFFIX));
            count += names[count] != NULL;
        }
        free(found[i]);
    }
    if (n >= 0)
        free(found);
    return count;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
}

/* Who begins to write a name means one of those that go on from there. */
static size_t how_far(const char *word, const char *name)
{
    return strncmp(word, name, strlen(word)) == 0 ? 0 : edit_distance(word, name);
}

static int tell_unknown(const char *word, const char *directory)
{
    char *names[LISTED_MAX];
    size_t count = directory[0] ? list_names(directory, names) : 0, best = 0;
    for (size_t i = 1; i < count; i++)
        if (how_far(word, names[i]) < how_far(word, names[best]))
            best = i;
    fprintf(stderr, "wirelab: there is no scenario \"%s\"", word);
    if (count)
        fprintf(stderr, "; did you mean \"%s\"?\n  `wirelab scenario list` lists them\n", names[best]);
    else
        fprintf(stderr, "\n  none came with this program; give the path of a file, as in: ./my%s\n", SUFFIX);
    free_names(names, count);
    return EXIT_WRONG_USE;
}

/* A path when it looks like one, else one of ours. */
static bool find_path(struct job *j)
{
    char directory[PATH_BYTES] = "";
    struct stat st;
    if (strchr(j->word, '/') || ends_with(j->word, SUFFIX)) {
        snprintf(j->path, sizeof j->path, "%s", j->word);
        return true;
    }
    int length = find_directory(directory)
                     ? snprintf(j->path, sizeof j->path, "%s/%s%s", directory, j->word, SUFFIX)
                     : -1;
    if (length > 0 && (size_t)length < sizeof j->path && stat(j->path, &st) == 0)
        return true;
    tell_unknown(j->word, directory);
    return false;
}

/* ---- reading and checking ----------------------------------------------------------------------------- */

/* The file's bytes, with a NUL behind them; NULL, and errno is set. One byte too many shows that it is too
 * long. */
static uint8_t *read_file(const char *path, size_t bytes_max, struct span *out)
{
    FILE *f = fopen(path, "rbe");
    uint8_t *bytes = f ? malloc(bytes_max + 2) : NULL;
    size_t n = bytes ? fread(bytes, 1, bytes_max + 1, f) : 0;
    if (bytes && ferror(f)) {
        free(bytes);
        bytes = NULL;
    }
    int error = errno;
    if (f)
        fclose(f);
    errno = error;
    *out = (struct span){ bytes, n };
    return bytes;
}

/* A line of the file; what a terminal would obey becomes '?'. */
static void print_line(struct span line)
{
    struct reader r = reader_over(span_head(line, SHOWN_BYTES));
    while (reader_left(&r)) { /* each turn takes a byte */
        uint8_t byte = read_u8(&r);
        fputc((byte < ' ' && byte != '\t') || byte == 0x7f ? '?' : byte, stderr);
    }
}

static void print_problems(const struct job *j)
{
    for (size_t i = 0; i < j->scenario->problem_count; i++) {
        const struct scenario_problem *p = &j->scenario->problems[i];
        struct span line = scenario_line(j->scenario->text, p->line);
        if (!p->line) {
            fprintf(stderr, "%s: %s\n  %s\n", j->path, p->problem.what, p->problem.remedy);
            continue;
        }
        fprintf(stderr, "%s:%u: %s\n  %3u | ", j->path, p->line, p->problem.what, p->line);
        print_line(line);
        fprintf(stderr, "\n      | %s\n", p->problem.remedy);
    }
}

static void name_job(struct job *j)
{
    const char *slash = strrchr(j->path, '/');
    snprintf(j->name, sizeof j->name, "%s", slash ? slash + 1 : j->path);
    if (ends_with(j->name, SUFFIX))
        j->name[strlen(j->name) - strlen(SUFFIX)] = 0;
}

/* PATH as the scenario means it: from the scenario's own directory. */
static void path_beside(const struct job *j, struct span path, char *into, size_t room)
{
    const char *slash = strrchr(j->path, '/');
    int before = slash && !span_starts(path, "/") ? (int)(slash + 1 - j->path) : 0;
    snprintf(into, room, "%.*s%.*s", before, j->path, (int)path.len, (const char *)path.at);
}

/* What a step's line names by a path. */
static bool load_file(struct job *j, struct client_setting *set)
{
    char path[2 * PATH_BYTES];
    struct span bytes;
    path_beside(j, set->words[0], path, sizeof path);
    uint8_t *read = read_file(path, SCENARIO_FILE_BYTES_MAX, &bytes);
    bool fits = read && bytes.len <= SCENARIO_FILE_BYTES_MAX;
    set->bytes = fits ? arena_copy(&j->arena, bytes) : (struct span){ NULL, 0 };
    if (!set->bytes.at)
        fprintf(stderr, "%s:%u: cannot read %s: %s\n", j->path, set->line, path,
                read ? "it is too large" : strerror(errno));
    free(read);
    return set->bytes.at != NULL;
}

static bool load_files(struct job *j)
{
    bool ok = true;
    for (size_t i = 0; i < j->scenario->step_count; i++) {
        struct scenario_step *step = &j->scenario->steps[i];
        for (size_t k = 0; k < step->setting_count; k++)
            if (step->settings[k].key->value == CLIENT_VALUE_FILE)
                ok = load_file(j, &step->settings[k]) && ok;
    }
    return ok;
}

/* False when there is no such scenario or it is wrong; that has been told. */
static bool read_job(struct job *j)
{
    struct span text;
    if (!find_path(j))
        return false;
    name_job(j);
    j->text = read_file(j->path, SCENARIO_BYTES_MAX, &text);
    j->scenario = calloc(1, sizeof *j->scenario);
    if (!j->text || !j->scenario) {
        fprintf(stderr, "wirelab: cannot read %s: %s\n", j->path, strerror(errno));
        return false;
    }
    if (scenario_parse(j->scenario, text, &j->arena))
        return load_files(j) && serve_check(j->scenario, j->path);
    print_problems(j);
    return false;
}

static bool make_directory(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return true;
    fprintf(stderr, "wirelab: cannot make the directory %s: %s\n", path, strerror(errno));
    return false;
}

/* ---- playing
 * --------------------------------------------------------------------------------------------------- */

static void tell_difference(void *owner, unsigned line, const char *what)
{
    const struct job *j = owner;
    if (line)
        fprintf(stderr, "%s:%u: %s\n", j->path, line, what);
    else
        fprintf(stderr, "%s: %s\n", j->path, what);
}

/* One capture: shown, held against what is expected when it is the first one, and written where that is
 * wanted. */
static bool finish_capture(const struct job *j, const struct play *p, size_t capture)
{
    const struct scenario *s = j->scenario;
    struct span host = s->hosts[s->captures[capture].host].name;
    size_t count;
    struct pcapng_packet *packets = scenario_packets(p, capture, &count);
    bool ok = packets != NULL;
    if (ok && j->json) {
        scenario_print_json(s, packets, count);
    } else if (ok) {
        printf("%s%.*s, seen from %.*s\n\n", capture ? "\n" : "", (int)s->title.len,
               (const char *)s->title.at, (int)host.len, (const char *)host.at);
        scenario_draw(s, packets, count);
        printf("\n");
    }
    if (ok && capture == 0 && !j->real && expect_compare(s, packets, count, tell_difference, (void *)j))
        ok = false;
    if (packets && j->out_directory &&
        !scenario_record(p, j->out_directory, j->name, capture, packets, count))
        ok = false;
    free(packets);
    return ok;
}

static int finish(const struct job *j, const struct play *p)
{
    const struct scenario *s = j->scenario;
    bool ok = true;
    if (j->out_directory && !make_directory(j->out_directory))
        return EXIT_RUNNING;
    for (size_t i = 0; i < s->capture_count; i++)
        ok = finish_capture(j, p, i) && ok;
    if (ok && j->real && !j->json)
        printf(
            "known programs have words of their own: nothing was held against what the scenario expects\n");
    else if (ok && s->expect_count && !j->json)
        printf("all %zu messages are as expected\n", s->expect_count);
    return ok ? EXIT_OK : EXIT_RUNNING;
}

/* The end of what the servers said, from its first whole line on. */
static void print_server_log(const struct play *p)
{
    char tail[LOG_TAIL_BYTES + 1];
    off_t end = p->log_fd >= 0 ? lseek(p->log_fd, 0, SEEK_END) : 0;
    off_t from = end > LOG_TAIL_BYTES ? end - LOG_TAIL_BYTES : 0;
    ssize_t n = end > 0 ? pread(p->log_fd, tail, LOG_TAIL_BYTES, from) : 0;
    if (n <= 0)
        return;
    tail[n] = 0;
    char *line = from ? strchr(tail, '\n') : NULL;
    fprintf(stderr, "\nthe servers said:\n%s", line ? line + 1 : tail);
}

static int tell_failure(const struct job *j, const struct play *p)
{
    size_t count;
    struct pcapng_packet *packets = scenario_packets(p, 0, &count);
    tell_difference((void *)j, p->problem_line, p->problem.what);
    if (p->problem.remedy[0])
        fprintf(stderr, "  %s\n", p->problem.remedy);
    if (count) {
        printf("\nuntil then, seen from %.*s:\n\n",
               (int)j->scenario->hosts[j->scenario->captures[0].host].name.len,
               (const char *)j->scenario->hosts[j->scenario->captures[0].host].name.at);
        scenario_draw(j->scenario, packets, count);
        fflush(stdout);
    }
    free(packets);
    print_server_log(p);
    return EXIT_RUNNING;
}

static int play_job(const struct job *j)
{
    sigset_t before;
    int code = EXIT_RUNNING;
    struct play *p = play_open(j->scenario, j->path);
    if (!p) {
        fprintf(stderr, "wirelab: out of memory\n");
        return code;
    }
    p->real = j->real;
    netns_hold_signals(&before); /* until all is written, or nothing is */
    enum netns_end end = play_run(p);
    if (end == NETNS_ENDED)
        code = finish(j, p);
    else if (end == NETNS_FAILED)
        code = tell_failure(j, p);
    else
        fprintf(stderr, "wirelab: interrupted; nothing was kept\n");
    fflush(stdout);
    netns_release_signals(&before);
    play_close(p);
    return code;
}

/* ---- the command
 * ----------------------------------------------------------------------------------------------- */

static int list_scenarios(void)
{
    char directory[PATH_BYTES], path[2 * PATH_BYTES];
    char *names[LISTED_MAX];
    if (!find_directory(directory)) {
        fprintf(stderr, "wirelab: no scenarios came with this program\n");
        return EXIT_RUNNING;
    }
    size_t count = list_names(directory, names);
    for (size_t i = 0; i < count; i++) {
        struct span text;
        snprintf(path, sizeof path, "%s/%s%s", directory, names[i], SUFFIX);
        uint8_t *bytes = read_file(path, SCENARIO_BYTES_MAX, &text);
        struct span title = bytes ? scenario_title(text) : text;
        printf("%-32s %.*s\n", names[i], (int)title.len, title.len ? (const char *)title.at : "");
        free(bytes);
    }
    free_names(names, count);
    return EXIT_OK;
}

static int usage(FILE *out, int code)
{
    fprintf(out,
            "usage: wirelab scenario NAME|FILE%s [--out DIR] [--client own|real] [--json] [--check]\n"
            "       wirelab scenario all [--out DIR] [--client own|real] [--json] [--check]\n"
            "       wirelab scenario list\n"
            "Plays the scenario in a network of its own and draws what crossed the wire. No root is needed.\n"
            "  -o, --out DIR      write what was recorded to DIR/NAME.pcapng\n"
            "  -c, --client real  dhclient, dig, curl, swaks play the clients, where they are installed\n"
            "  -j, --json         the messages as JSON, one a line, in the place of the figure; of all: what "
            "became of each\n"
            "  -t, --check        only say whether the file is right\n",
            SUFFIX);
    return code;
}

static const struct option options[] = {
    { "out", required_argument, NULL, 'o' }, { "client", required_argument, NULL, 'c' },
    { "json", no_argument, NULL, 'j' },      { "check", no_argument, NULL, 't' },
    { "help", no_argument, NULL, 'h' },      { NULL, 0, NULL, 0 },
};

static int run_job(struct job *j)
{
    int code = EXIT_WRONG_USE;
    arena_open(&j->arena, ARENA_CHUNK, ARENA_MAX);
    if (read_job(j)) {
        code = j->check ? EXIT_OK : play_job(j);
        if (j->check)
            printf("%s is right: %zu hosts, %zu steps, %zu expected messages\n", j->path,
                   j->scenario->host_count, j->scenario->step_count, j->scenario->expect_count);
    }
    arena_close(&j->arena);
    free(j->scenario);
    free(j->text);
    return code;
}

/* One of all, with what was said for all. */
static int play_named(void *owner, const char *name)
{
    static struct job job;
    const struct job *all = owner;
    job = *all;
    job.word = name;
    return run_job(&job);
}

static int play_all(struct job *all)
{
    char directory[PATH_BYTES], *names[LISTED_MAX];
    if (!find_directory(directory)) {
        fprintf(stderr, "wirelab: no scenarios came with this program\n");
        return EXIT_RUNNING;
    }
    size_t count = list_names(directory, names);
    int code = scenario_play_all(names, count, play_named, all, all->json);
    free_names(names, count);
    return code;
}

int scenario_command(int argc, char **argv)
{
    static struct job job;
    for (int letter; (letter = getopt_long(argc, argv, "o:c:jth", options, NULL)) != -1;) {
        if (letter == 'o')
            job.out_directory = optarg;
        else if (letter == 'c' && (strcmp(optarg, "own") == 0 || strcmp(optarg, "real") == 0))
            job.real = optarg[0] == 'r';
        else if (letter == 'j')
            job.json = true;
        else if (letter == 't')
            job.check = true;
        else
            return letter == 'h' ? usage(stdout, EXIT_OK) : usage(stderr, EXIT_WRONG_USE);
    }
    if (optind + 1 != argc)
        return usage(stderr, EXIT_WRONG_USE);
    job.word = argv[optind];
    if (strcmp(job.word, "list") == 0)
        return list_scenarios();
    return strcmp(job.word, "all") == 0 ? play_all(&job) : run_job(&job);
}
