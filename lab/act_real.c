#include "stage.h"

#include "client_real.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA_CHUNK (64 * 1024)
#define ARENA_MAX   (16 * 1024 * 1024)
#define PATH_BYTES  512
#define LOOK_MS     1
#define LEASE_BYTES (64 * 1024) /* of dhclient's files; a lease takes some hundred */

/* A program that plays a step. */
struct program {
    struct stage *stage;
    const struct scenario_step *step;
    struct client_real real;
    pid_t pid;
    uv_poll_t poll; /* of its pidfd */
    struct timer deadline, again;
    bool ended;
    pid_t daemon; /* what it left running; 0: not known */
};

/* ---- is it there? ------------------------------------------------------------------------------------ */

static bool is_installed(const char *name)
{
    static const char places[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    struct span rest = span_text(places);
    while (rest.len) { /* each turn takes a place */
        struct span place = span_head(rest, span_find(rest, ':'));
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%.*s/%s", (int)place.len, (const char *)place.at, name);
        if (access(path, X_OK) == 0)
            return true;
        rest = span_from(rest, place.len + 1);
    }
    return false;
}

/* ---- running ---------------------------------------------------------------------------------------------
 */

static bool write_bytes_to(const char *path, struct span bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, bytes.at, bytes.len) == (ssize_t)bytes.len;
    if (fd >= 0)
        close(fd);
    return ok;
}

static int input_of(struct span input)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd >= 0 && (write(fd, input.at, input.len) != (ssize_t)input.len || lseek(fd, 0, SEEK_SET) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The child; what it says goes where the servers' words go. */
static void become(const struct program *p, int input_fd)
{
    setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
    if (dup2(input_fd, STDIN_FILENO) < 0 || dup2(p->stage->play->log_fd, STDOUT_FILENO) < 0 ||
        dup2(p->stage->play->log_fd, STDERR_FILENO) < 0)
        _exit(EXIT_FAILURE);
    close_range(STDERR_FILENO + 1, ~0U, 0);
    execvp(p->real.argv[0], (char *const *)(uintptr_t)p->real.argv);
    _exit(127);
}

static void ended(uv_poll_t *poll, int status, int events)
{
    struct program *p = poll->data;
    (void)status;
    (void)events;
    p->ended = true;
    uv_poll_stop(poll);
    loop_stop(&p->stage->loop);
}

static void took_too_long(struct timer *t, struct now now)
{
    struct program *p = list_item(t, struct program, deadline);
    (void)now;
    loop_stop(&p->stage->loop);
}

/* Waits until it has ended; 0, its exit code, or -1. */
static int wait_for(struct program *p, int pid_fd)
{
    struct loop *l = &p->stage->loop;
    int status = 0;
    uv_poll_init(&l->uv, &p->poll, pid_fd);
    p->poll.data = p;
    uv_poll_start(&p->poll, UV_READABLE, ended);
    p->deadline.fire = took_too_long;
    loop_arm(l, &p->deadline, loop_now(l).mono_ms + p->step->within_ms);
    loop_run(l);
    loop_disarm(l, &p->deadline);
    if (!p->ended)
        kill(p->pid, SIGKILL);
    waitpid(p->pid, &status, 0);
    uv_close((uv_handle_t *)&p->poll, NULL);
    loop_turn(l, false); /* the handle is gone with it: it lies on our stack */
    close(pid_fd);
    return p->ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What dhclient left in an earlier step: its process is gone, and who looks for a lease has none. */
static void forget_former(const struct program *p)
{
    if (p->real.pid_path)
        unlink(p->real.pid_path);
    if (p->step->kind == STEP_DHCP && p->step->dhcp.goal == CLIENT_DHCP_ACQUIRE)
        unlink(p->real.lease_path);
}

static bool run(struct program *p)
{
    const char *name = p->real.argv[0];
    forget_former(p);
    if (p->real.config_path && !write_bytes_to(p->real.config_path, p->real.config)) {
        problem_set(p->stage->problem, "cannot write %s: %s", p->real.config_path, strerror(errno));
        return false;
    }
    int input_fd = input_of(p->real.input);
    p->pid = input_fd >= 0 ? fork() : -1;
    if (p->pid == 0)
        become(p, input_fd);
    int pid_fd = p->pid > 0 ? (int)syscall(SYS_pidfd_open, p->pid, 0) : -1;
    if (input_fd >= 0)
        close(input_fd);
    if (pid_fd < 0) {
        problem_set(p->stage->problem, "cannot start %s: %s", name, strerror(errno));
        return false;
    }
    int code = wait_for(p, pid_fd);
    if (code == 0)
        return true;
    if (code < 0)
        problem_set(p->stage->problem, "%s was not done after %u ms", name, (unsigned)p->step->within_ms);
    else
        problem_set(p->stage->problem, "%s ended with code %d", name, code);
    problem_remedy(p->stage->problem, "see below what it said");
    return false;
}

/* ---- after dhclient
 * ---------------------------------------------------------------------------------------- */

static struct span read_small(const char *path, uint8_t room[LEASE_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, room, LEASE_BYTES) : 0;
    if (fd >= 0)
        close(fd);
    return span_of(room, length > 0 ? (size_t)length : 0);
}

/* 0: its file is not there yet. */
static pid_t pid_in(const char *path)
{
    static uint8_t room[LEASE_BYTES];
    struct span text = read_small(path, room);
    uint64_t pid = 0;
    size_t end = span_find(text, '\n');
    return end < text.len && parse_decimal(span_head(text, end), INT32_MAX, &pid) ? (pid_t)pid : 0;
}

static void look_for_pid(struct timer *t, struct now now)
{
    struct program *p = list_item(t, struct program, again);
    p->daemon = pid_in(p->real.pid_path);
    if (p->daemon)
        loop_stop(&p->stage->loop);
    else
        loop_arm(&p->stage->loop, t, now.mono_ms + LOOK_MS);
}

/* dhclient goes on behind the back of the process that we started, and writes its process id when that one
 * has ended already. It has the client's port, and would answer in the place of the next step's client. Its
 * parent is gone, so it is a child of the first process of this world: of us. */
static bool end_what_goes_on(struct program *p)
{
    struct loop *l = &p->stage->loop;
    p->again.fire = look_for_pid;
    loop_arm(l, &p->again, loop_now(l).mono_ms);
    loop_arm(l, &p->deadline, loop_now(l).mono_ms + p->step->within_ms);
    loop_run(l);
    loop_disarm(l, &p->again);
    loop_disarm(l, &p->deadline);
    if (p->daemon > 1 && kill(p->daemon, SIGKILL) == 0)
        return waitpid(p->daemon, NULL, 0) == p->daemon;
    problem_set(p->stage->problem, "%s goes on, and does not say as which process", p->real.argv[0]);
    problem_remedy(p->stage->problem, "see below what it said");
    return false;
}

/* dhclient runs without its script, so the interface gets its address here. */
static bool take_lease(struct program *p, struct netlink *n)
{
    static uint8_t room[LEASE_BYTES];
    struct client_dhcp_lease lease = { 0 };
    if (p->step->dhcp.goal != CLIENT_DHCP_RELEASE)
        lease = client_real_lease(read_small(p->real.lease_path, room));
    return act_settle(p->stage, n, p->step->host, &lease);
}

static bool play_program(struct program *p, struct netlink *n)
{
    return run(p) && (!p->real.pid_path || end_what_goes_on(p)) &&
           (p->step->kind != STEP_DHCP || take_lease(p, n));
}

/* ---- a step ----------------------------------------------------------------------------------------------
 */

enum act_real act_real(struct stage *g, struct netlink *n, const struct scenario_step *step)
{
    struct program p = { .stage = g, .step = step };
    struct span host = g->s->hosts[step->host].name;
    struct arena arena;
    struct problem why;
    char directory[PATH_BYTES];
    snprintf(directory, sizeof directory, "%s/%.*s-programs", NETNS_SCRATCH, (int)host.len,
             (const char *)host.at);
    mkdir(directory, 0755); /* there already: an earlier step made it */
    arena_open(&arena, ARENA_CHUNK, ARENA_MAX);
    enum act_real result = ACT_REAL_CANNOT;
    if (client_real(step, PLAY_INTERFACE, directory, &arena, &p.real, &why) && is_installed(p.real.argv[0]))
        result = play_program(&p, n) ? ACT_REAL_DONE : ACT_REAL_FAILED;
    arena_close(&arena);
    return result;
}
