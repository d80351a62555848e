#include "serve.h"

#include "daemon.h"
#include "netns.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS       10000 /* a slow machine; most are ready in a tenth of a second */
#define STOP_MS        7000  /* longer than a server takes to finish what is in hand */
#define STATE_LINE_MAX 256
#define SERVICES_MAX   8
#define PATH_BYTES     4096

/* ---- the text ---------------------------------------------------------------------------------- */

/* The lines of the host at their own numbers, so that messages name the right ones; the first line, which is
 * not the host's, says where the state is. Freed by the caller; NULL: no memory. */
static uint8_t *text_of_host(const struct scenario_host *h, const char *directory, struct span *out)
{
    size_t room = STATE_LINE_MAX + h->serve_line + h->serve.len;
    uint8_t *bytes = malloc(room);
    if (!bytes)
        return NULL;
    struct writer w = writer_over(bytes, room);
    write_format(&w, "state = \"%s/%.*s\"", directory, (int)h->name.len, h->name.at);
    for (unsigned line = 1; line < h->serve_line; line++)
        write_u8(&w, '\n');
    write_span(&w, h->serve);
    *out = writer_span(&w);
    return bytes;
}

/* Each server's own checks; nothing is started. */
static void configure_all(struct config *c)
{
    void *settings[SERVICES_MAX] = { NULL };
    size_t sections = 0;
    for (size_t i = 0; i < SERVICES_MAX && all_services[i]; i++) {
        const struct config_section *s = config_section(config_root(c), all_services[i]->name);
        if (!s)
            continue;
        sections++;
        settings[i] = all_services[i]->configure(c, s);
    }
    for (size_t i = 0; i < SERVICES_MAX && all_services[i]; i++)
        if (settings[i])
            all_services[i]->forget(settings[i]);
    if (!sections)
        config_problem(c, config_root(c), NULL, NULL,
                       "there is no section of any server between `serve` and `end`");
}

static bool check_host(const struct scenario_host *h, const char *path)
{
    struct span text;
    uint8_t *bytes = text_of_host(h, NETNS_SCRATCH, &text);
    struct config *c = bytes ? config_read_text(text, path, daemon_root_keys()) : NULL;
    if (c && config_ok(c))
        configure_all(c);
    bool ok = c && config_ok(c);
    if (c && !ok)
        config_print_problems(c, stderr);
    if (!c)
        fprintf(stderr, "wirelab: out of memory\n");
    config_close(c);
    free(bytes);
    return ok;
}

bool serve_check(const struct scenario *s, const char *path)
{
    bool ok = true;
    for (size_t i = 0; i < s->host_count; i++)
        if (s->hosts[i].serve_line)
            ok = check_host(&s->hosts[i], path) && ok;
    return ok;
}

/* ---- the process ----------------------------------------------------------------------------------- */

/* Where the configuration is said to be, since its paths begin there: beside the scenario, or, for a host
 * that has files in it, beside them. */
static const char *path_of_host(const struct serve_options *o, char path[PATH_BYTES])
{
    const char *slash = strrchr(o->path, '/');
    if (!o->host->file_count)
        return o->path;
    snprintf(path, PATH_BYTES, "%s/%.*s/%s", o->directory, (int)o->host->name.len,
             (const char *)o->host->name.at, slash ? slash + 1 : o->path);
    return path;
}

/* What the child does; an exit code. */
static int serve(const struct serve_options *o, int go_fd, int ready_fd)
{
    struct span text;
    struct problem p;
    uint8_t go;
    if (!netns_enter(o->namespace_fd, &p) || dup2(go_fd, STDIN_FILENO) < 0 ||
        dup2(ready_fd, STDOUT_FILENO) < 0 || dup2(o->log_fd, STDERR_FILENO) < 0)
        return EXIT_RUNNING;
    close_range(STDERR_FILENO + 1, ~0U, 0); /* sockets and namespaces of the other hosts */
    uint8_t *bytes = text_of_host(o->host, o->directory, &text);
    if (!bytes || read(STDIN_FILENO, &go, 1) != 1) {
        free(bytes);
        return EXIT_RUNNING;
    }
    char path[PATH_BYTES];
    setenv("SSLKEYLOGFILE", o->keys_path, 1);
    struct daemon_options d = {
        .program = "wirelab", .config_path = path_of_host(o, path), .config_text = text, .follow = true
    };
    int code = daemon_run(&d, NULL);
    free(bytes);
    return code;
}

/* True when the ready line came; false when the server ended or nothing came in time. */
static bool wait_ready(const struct serve *v)
{
    uint8_t line[4096]; /* the ready line is written in one piece */
    struct pollfd ready = { .fd = v->ready_fd, .events = POLLIN };
    if (poll(&ready, 1, READY_MS) <= 0)
        return false;
    ssize_t n = read(v->ready_fd, line, sizeof line);
    return n > 0 && span_starts(span_of(line, (size_t)n), "{\"ready\":true");
}

bool serve_fork(struct serve *v, const struct serve_options *o, struct problem *p)
{
    int go[2], ready[2];
    if (pipe2(go, O_CLOEXEC) != 0 || pipe2(ready, O_CLOEXEC) != 0) {
        problem_set(p, "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    v->pid = fork();
    if (v->pid == 0)
        _exit(serve(o, go[0], ready[1]));
    close(go[0]);
    close(ready[1]);
    v->go_fd = go[1];
    v->ready_fd = ready[0];
    if (v->pid > 0)
        return true;
    problem_set(p, "cannot make a process: %s", strerror(errno));
    return false;
}

bool serve_go(struct serve *v, const struct scenario_host *h, struct problem *p)
{
    if (write(v->go_fd, "", 1) == 1 && wait_ready(v))
        return true;
    problem_set(p, "the servers of host \"%.*s\" did not start", (int)h->name.len, (const char *)h->name.at);
    problem_remedy(p, "see below what they said");
    return false;
}

void serve_stop(struct serve *v)
{
    struct pollfd ended = { .fd = v->ready_fd };
    if (v->pid > 0) {
        kill(v->pid, SIGTERM);
        if (poll(&ended, 1, STOP_MS) <= 0)
            kill(v->pid, SIGKILL);
        waitpid(v->pid, NULL, 0);
        close(v->ready_fd);
        close(v->go_fd);
    }
    v->pid = 0;
}
