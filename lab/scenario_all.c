#include "scenario_all.h"

#include "clock.h"
#include "daemon.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct turn {
    const char *name;
    int said_fd; /* in memory */
};

/* The child. It ends with its parent, as a scenario does that is played alone. */
static void play_here(const struct turn *t, int (*play)(void *owner, const char *name), void *owner)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (dup2(t->said_fd, STDOUT_FILENO) < 0 || dup2(t->said_fd, STDERR_FILENO) < 0)
        _exit(EXIT_RUNNING);
    int code = play(owner, t->name);
    fflush(stdout);
    _exit(code);
}

static void show_what_it_said(const struct turn *t)
{
    char room[4096];
    ssize_t n;
    lseek(t->said_fd, 0, SEEK_SET);
    fflush(stdout);
    while ((n = read(t->said_fd, room, sizeof room)) > 0) /* each turn takes bytes of a file that ends */
        fwrite(room, 1, (size_t)n, stderr);
}

static int64_t now_ms(void)
{
    struct clock clock;
    clock_open(&clock);
    return (int64_t)clock_now(&clock).mono_ms;
}

/* The scenario's exit code; -1 when a signal ended it. */
static int play_one(const struct turn *t, int (*play)(void *owner, const char *name), void *owner)
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        play_here(t, play, owner);
    if (child < 0)
        return EXIT_RUNNING;
    while (waitpid(child, &status, 0) < 0) /* until it is told; signals interrupt it */
        if (errno != EINTR)
            return EXIT_RUNNING;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void tell(const char *name, bool ok, int64_t ms, bool json)
{
    uint8_t room[8 * NAME_MAX]; /* escaped, a byte takes six at most */
    struct writer w = writer_over(room, sizeof room);
    double seconds = (double)ms / 1000;
    write_json_string(&w, span_text(name));
    if (json)
        printf("{\"scenario\":%.*s,\"ok\":%s,\"seconds\":%.3f}\n", (int)writer_length(&w), (const char *)room,
               ok ? "true" : "false", seconds);
    else
        printf("%-6s %-32s %6.2f s\n", ok ? "ok" : "FAILED", name, seconds);
}

static void tell_sum(size_t count, size_t failed, int64_t ms, bool json)
{
    double seconds = (double)ms / 1000;
    if (json)
        printf("{\"scenarios\":%zu,\"failed\":%zu,\"seconds\":%.3f}\n", count, failed, seconds);
    else
        printf("%zu scenarios in %.1f s, %zu failed\n", count, seconds, failed);
}

int scenario_play_all(char *const *names, size_t count, int (*play)(void *owner, const char *name),
                      void *owner, bool json)
{
    size_t failed = 0;
    int64_t began_ms = now_ms();
    for (size_t i = 0; i < count; i++) {
        struct turn t = { names[i], memfd_create("scenario", MFD_CLOEXEC) };
        int64_t from_ms = now_ms();
        int code = t.said_fd >= 0 ? play_one(&t, play, owner) : EXIT_RUNNING;
        tell(names[i], code == EXIT_OK, now_ms() - from_ms, json);
        if (code != EXIT_OK && t.said_fd >= 0)
            show_what_it_said(&t);
        failed += code != EXIT_OK;
        if (t.said_fd >= 0)
            close(t.said_fd);
        if (code < 0)
            return EXIT_RUNNING;
    }
    tell_sum(count, failed, now_ms() - began_ms, json);
    return failed ? EXIT_RUNNING : EXIT_OK;
}
