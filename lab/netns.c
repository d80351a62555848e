#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- why it cannot be ------------------------------------------------------------------------- */

/* The number in a file of /proc; -1 when there is no such file. */
static long setting(const char *path)
{
    char text[32] = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    return n > 0 ? strtol(text, NULL, 10) : -1;
}

/* The kinds of namespaces that a play is made of, by the settings that limit how many there may be. */
static const char *kind_without_room(void)
{
    static const char *const kinds[] = { "user", "net", "pid", "mnt" };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/sys/user/max_%s_namespaces", kinds[i]);
        if (setting(path) == 0)
            return kinds[i];
    }
    return NULL;
}

void netns_refused(struct problem *p, int error, const char *what)
{
    const char *kind = kind_without_room();
    problem_set(p, "%s: %s", what, error == ENOSPC ? "as many namespaces as may be" : strerror(error));
    if (error == ENOENT || error == EOPNOTSUPP)
        problem_remedy(p, "the kernel lacks a part that this needs: as root, `modprobe veth bridge`");
    if (error != EPERM && error != EACCES && error != ENOSPC && error != EINVAL)
        return;
    if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        problem_remedy(p,
                       "AppArmor keeps namespaces from ordinary users here: run as root, or allow them with "
                       "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`");
    else if (setting("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        problem_remedy(p, "namespaces are kept from ordinary users here: run as root, or allow them with "
                          "`sudo sysctl kernel.unprivileged_userns_clone=1`");
    else if (kind || error == ENOSPC)
        problem_remedy(p,
                       "there are too many, or they are switched off here: allow more with `sudo sysctl "
                       "user.max_%s_namespaces=15000`",
                       kind ? kind : "net");
    else
        problem_remedy(
            p, "this system (a container, perhaps) does not let you make network namespaces: run as root "
               "outside of it, or give the container CAP_SYS_ADMIN");
}

/* ---- the first process of a world ---------------------------------------------------------------- */

struct world {
    bool (*inside)(void *owner);
    void *owner;
    struct problem *problem; /* shared with the parent */
    bool own_users;          /* in a user namespace of its own */
    unsigned uid, gid;       /* outside */
    int parent_fd;           /* hangs up when the parent is gone */
};

static bool write_text_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return ok;
}

/* Inside, this user is root, and nobody else exists. */
static bool map_users(const struct world *w)
{
    char users[64], groups[64];
    snprintf(users, sizeof users, "0 %u 1", w->uid);
    snprintf(groups, sizeof groups, "0 %u 1", w->gid);
    return write_text_file("/proc/self/setgroups", "deny") && write_text_file("/proc/self/uid_map", users) &&
           write_text_file("/proc/self/gid_map", groups);
}

static bool mount_scratch(void)
{
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("wirelab", NETNS_SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=700") == 0;
}

/* Ends with its parent, however that ends; the pipe tells when it ended before prctl() was called. */
static bool follow_parent(const struct world *w)
{
    struct pollfd parent = { .fd = w->parent_fd };
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && poll(&parent, 1, 0) == 0;
}

static bool live(const struct world *w)
{
    sigset_t none;
    sigemptyset(&none);
    if (!follow_parent(w))
        return false;
    setsid(); /* Ctrl-C is for the parent, which ends this world in one go */
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (w->own_users && !map_users(w))
        netns_refused(w->problem, errno, "cannot become root of a user namespace");
    else if (!mount_scratch())
        netns_refused(w->problem, errno, "cannot mount a directory of the play's own");
    else
        return w->inside(w->owner);
    return false;
}

/* ---- its parent ------------------------------------------------------------------------------------ */

void netns_hold_signals(sigset_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    sigaddset(&held, SIGHUP);
    sigaddset(&held, SIGCHLD);
    sigprocmask(SIG_BLOCK, &held, before);
}

void netns_release_signals(const sigset_t *before)
{
    sigprocmask(SIG_SETMASK, before, NULL);
}

/* Like fork(), into new namespaces. The order of the arguments is that of all architectures but s390 and
 * cris. */
static pid_t fork_into(int namespaces)
{
    return (pid_t)syscall(SYS_clone, (unsigned long)(namespaces | SIGCHLD), NULL, NULL, NULL, NULL);
}

/* In a namespace of users only where that is needed: a root that may do without keeps its rights to files. */
static pid_t fork_world(struct world *w)
{
    const int namespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID;
    pid_t pid = fork_into(namespaces);
    if (pid < 0 && errno == EPERM) {
        w->own_users = true;
        pid = fork_into(namespaces | CLONE_NEWUSER);
    }
    return pid;
}

/* Until the world has ended by itself or was ended by a signal. When waitpid() tells of the first process of
 * a pid namespace, all others of it are gone. */
static enum netns_end wait_for(pid_t pid, struct problem *p)
{
    sigset_t awaited;
    int status = 0;
    bool interrupted = false;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGHUP);
    sigaddset(&awaited, SIGCHLD);
    while (waitpid(pid, &status, WNOHANG) == 0) { /* each turn waits for a signal */
        int number = sigwaitinfo(&awaited, NULL);
        if (number < 0 || number == SIGCHLD || interrupted)
            continue;
        interrupted = true;
        kill(pid, SIGKILL);
    }
    if (interrupted)
        return NETNS_INTERRUPTED;
    if (WIFSIGNALED(status))
        problem_set(p, "the play died of signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? NETNS_ENDED : NETNS_FAILED;
}

enum netns_end netns_play(bool (*inside)(void *owner), void *owner, struct problem *p)
{
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        problem_set(p, "cannot make a pipe: %s", strerror(errno));
        return NETNS_FAILED;
    }
    struct world w = { .inside = inside,
                       .owner = owner,
                       .problem = p,
                       .uid = geteuid(),
                       .gid = getegid(),
                       .parent_fd = pipe_fds[0] };
    signal(SIGCHLD, SIG_DFL); /* whoever started us may have ignored it */
    pid_t pid = fork_world(&w);
    if (pid == 0) {
        close(pipe_fds[1]);
        _exit(live(&w) ? 0 : 1);
    }
    enum netns_end end = NETNS_FAILED;
    if (pid < 0)
        netns_refused(p, errno, "cannot make a network of the play's own");
    else
        end = wait_for(pid, p);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return end;
}

/* ---- one namespace a host ----------------------------------------------------------------------------- */

int netns_present(struct problem *p)
{
    int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        netns_refused(p, errno, "cannot hold a network namespace");
    return fd;
}

int netns_make(struct problem *p)
{
    if (unshare(CLONE_NEWNET) == 0)
        return netns_present(p);
    netns_refused(p, errno, "cannot make a network namespace");
    return -1;
}

bool netns_enter(int fd, struct problem *p)
{
    if (setns(fd, CLONE_NEWNET) == 0)
        return true;
    netns_refused(p, errno, "cannot go into a network namespace");
    return false;
}
