#include "stage.h"

#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 16 /* of an interface, with its NUL */
#define PATH_BYTES 512
#define KEYS_PATH  NETNS_SCRATCH "/keys" /* the secrets of all TLS sessions */

/* ---- the network --------------------------------------------------------------------------------- */

static bool make_namespaces(struct stage *g)
{
    g->switches_fd = netns_present(g->problem);
    if (g->switches_fd < 0)
        return false;
    for (size_t i = 0; i < g->s->host_count; i++) {
        g->host_fds[i] = netns_make(g->problem);
        if (g->host_fds[i] < 0)
            return false;
    }
    return netns_enter(g->switches_fd, g->problem);
}

static struct netlink_end end_at(const struct stage *g, size_t host)
{
    return (struct netlink_end){ g->host_fds[host], PLAY_INTERFACE, g->s->hosts[host].hardware };
}

/* Two hosts: a cable from one to the other. */
static bool join_two(struct stage *g, struct netlink *n, const struct scenario_link *k)
{
    struct netlink_end a = end_at(g, k->hosts[0]), b = end_at(g, k->hosts[1]);
    return netlink_add_cable(n, &a, &b, g->problem);
}

/* More: a cable from each to a port of a switch. */
static bool join_many(struct stage *g, struct netlink *n, size_t link)
{
    const struct scenario_link *k = &g->s->links[link];
    char name[NAME_BYTES], port[NAME_BYTES];
    snprintf(name, sizeof name, "switch%u", (unsigned)link);
    if (!netlink_add_switch(n, name, g->problem) || !netlink_up(n, name, true, g->problem))
        return false;
    for (size_t i = 0; i < k->host_count; i++) {
        snprintf(port, sizeof port, "port%u", (unsigned)k->hosts[i]);
        struct netlink_end a = { g->switches_fd, port, NULL }, b = end_at(g, k->hosts[i]);
        if (!netlink_add_cable(n, &a, &b, g->problem) || !netlink_plug(n, port, name, g->problem) ||
            !netlink_up(n, port, true, g->problem))
            return false;
    }
    return true;
}

static bool make_links(struct stage *g)
{
    struct netlink *n = netlink_open(g->problem);
    bool ok = n != NULL;
    for (size_t i = 0; ok && i < g->s->link_count; i++)
        ok = g->s->links[i].host_count == 2 ? join_two(g, n, &g->s->links[i]) : join_many(g, n, i);
    netlink_close(n);
    return ok;
}

/* RFC 4291 appendix A: fe80::/64 and the hardware address with its universal bit turned. */
static struct address link_local_of(const uint8_t hardware[6])
{
    struct address a = { .bytes = { 0xfe, 0x80 }, .family = FAMILY_IP6 };
    memcpy(a.bytes + 8, hardware, 3);
    a.bytes[8] ^= 2;
    a.bytes[11] = 0xff;
    a.bytes[12] = 0xfe;
    memcpy(a.bytes + 13, hardware + 3, 3);
    return a;
}

static bool needs_link_local(const struct scenario_host *h)
{
    bool needs = h->link_local;
    for (size_t i = 0; i < h->address_count; i++)
        needs = needs || h->addresses[i].address.family == FAMILY_IP6;
    return needs;
}

static bool configure_interface(struct stage *g, struct netlink *n, const struct scenario_host *h)
{
    if (!netlink_up(n, "lo", true, g->problem) || !netlink_whole_checksums(PLAY_INTERFACE, g->problem) ||
        !netlink_up(n, PLAY_INTERFACE, true, g->problem))
        return false;
    if (needs_link_local(h) &&
        !netlink_add_address(n, PLAY_INTERFACE, link_local_of(h->hardware), 64, g->problem))
        return false;
    for (size_t i = 0; i < h->address_count; i++)
        if (!netlink_add_address(n, PLAY_INTERFACE, h->addresses[i].address, h->addresses[i].bits,
                                 g->problem))
            return false;
    for (size_t i = 0; i < h->route_count; i++)
        if (!netlink_add_route(n, PLAY_INTERFACE, h->routes[i].address, h->routes[i].bits, g->problem))
            return false;
    return true;
}

/* Goes into the host's namespace, does it there, and comes back. */
static bool at_host(struct stage *g, size_t host,
                    bool (*what)(struct stage *g, struct netlink *n, size_t host))
{
    if (!netns_enter(g->host_fds[host], g->problem))
        return false;
    struct netlink *n = netlink_open(g->problem);
    bool ok = n && what(g, n, host);
    netlink_close(n);
    struct problem ignored;
    return netns_enter(g->switches_fd, ok ? g->problem : &ignored) && ok;
}

static bool switch_on(struct stage *g, struct netlink *n, size_t host)
{
    return configure_interface(g, n, &g->s->hosts[host]);
}

static bool wait_running(struct stage *g, struct netlink *n, size_t host)
{
    (void)host;
    return netlink_wait_running(n, PLAY_INTERFACE, g->problem);
}

static bool make_network(struct stage *g)
{
    bool ok = make_namespaces(g) && make_links(g);
    for (size_t i = 0; ok && i < g->s->host_count; i++)
        ok = at_host(g, i, switch_on);
    for (size_t i = 0; ok && i < g->s->host_count; i++)
        ok = at_host(g, i, wait_running);
    return ok;
}

/* ---- files ------------------------------------------------------------------------------------------ */

/* NETNS_SCRATCH/HOST/PATH, with the directories before it. */
static bool write_file(struct stage *g, const struct scenario_host *h, const struct scenario_file *f)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%.*s/%.*s", NETNS_SCRATCH, (int)h->name.len, (const char *)h->name.at,
             (int)f->path.len, (const char *)f->path.at);
    for (char *c = path + strlen(NETNS_SCRATCH) + 1; *c; c++)
        if (*c == '/') {
            *c = 0;
            mkdir(path, 0755);
            *c = '/';
        }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, f->bytes.at, f->bytes.len) == (ssize_t)f->bytes.len;
    if (!ok)
        problem_set(g->problem, "cannot write the file %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool write_files(struct stage *g)
{
    for (size_t i = 0; i < g->s->host_count; i++)
        for (size_t k = 0; k < g->s->hosts[i].file_count; k++)
            if (!write_file(g, &g->s->hosts[i], &g->s->hosts[i].files[k]))
                return false;
    return true;
}

/* ---- captures and servers --------------------------------------------------------------------------- */

/* Those that begin before this step. */
static bool open_captures(struct stage *g, size_t step)
{
    for (size_t i = 0; i < g->s->capture_count; i++) {
        if (g->s->captures[i].from_step != step)
            continue;
        if (!netns_enter(g->host_fds[g->s->captures[i].host], g->problem) ||
            !capture_open(&g->captures[i], &g->loop, PLAY_INTERFACE, &g->play->log, (uint8_t)i, g->problem))
            return false;
        g->capture_is_open[i] = true;
    }
    return netns_enter(g->switches_fd, g->problem);
}

static void close_captures(struct stage *g)
{
    for (size_t i = 0; i < g->s->capture_count; i++)
        if (g->capture_is_open[i]) {
            capture_drain(&g->captures[i]);
            capture_close(&g->captures[i]);
        }
}

static void server_ended(uv_poll_t *poll, int status, int events)
{
    struct stage *g = poll->data;
    size_t host = 0;
    (void)status;
    (void)events;
    while (poll != &g->servers[host].poll) /* it is one of them */
        host++;
    uv_poll_stop(poll);
    problem_set(g->problem, "the servers of host \"%.*s\" ended in the middle of the play",
                (int)g->s->hosts[host].name.len, (const char *)g->s->hosts[host].name.at);
    loop_stop(&g->loop);
}

static bool fork_server(struct stage *g, size_t host)
{
    if (!hostlog_open(&g->logs[host], g->play->log_fd, g->problem))
        return false;
    struct serve_options o = { .host = &g->s->hosts[host],
                               .path = g->play->path,
                               .directory = NETNS_SCRATCH,
                               .keys_path = KEYS_PATH,
                               .namespace_fd = g->host_fds[host],
                               .log_fd = g->logs[host].write_fd };
    return serve_fork(&g->servers[host], &o, g->problem);
}

static bool fork_servers(struct stage *g)
{
    for (size_t i = 0; i < g->s->host_count; i++)
        if (g->s->hosts[i].serve_line && !fork_server(g, i))
            return false;
    return true;
}

static bool start_servers(struct stage *g)
{
    for (size_t i = 0; i < g->s->host_count; i++) {
        struct serve *v = &g->servers[i];
        if (!v->pid)
            continue;
        if (!hostlog_begin(&g->logs[i], &g->loop, g->problem) || !serve_go(v, &g->s->hosts[i], g->problem)) {
            hostlog_drain(&g->logs[i]);
            g->play->problem_line = g->s->hosts[i].serve_line - 1; /* of the word itself */
            return false;
        }
        uv_poll_init(&g->loop.uv, &v->poll, v->ready_fd);
        v->poll.data = g;
        uv_poll_start(&v->poll, UV_DISCONNECT, server_ended);
    }
    return true;
}

static void stop_servers(struct stage *g)
{
    for (size_t i = 0; i < g->s->host_count; i++)
        if (g->servers[i].pid) {
            if (g->servers[i].poll.data)
                uv_close((uv_handle_t *)&g->servers[i].poll, NULL);
            hostlog_drain(&g->logs[i]);
            serve_stop(&g->servers[i]);
            hostlog_close(&g->logs[i]);
        }
}

/* ---- from the beginning to the end ------------------------------------------------------------------- */

static bool act_at_host(struct stage *g, struct netlink *n, const struct scenario_step *step)
{
    enum act_real real = g->play->real ? act_real(g, n, step) : ACT_REAL_CANNOT;
    if (real != ACT_REAL_CANNOT)
        return real == ACT_REAL_DONE;
    switch (step->kind) {
    case STEP_DHCP:
        return act_dhcp(g, n, step);
    case STEP_CLIENT:
        return act_client(g, n, step);
    case STEP_AWAIT:
        return act_await(g, step);
    }
    return false;
}

static bool act(struct stage *g, const struct scenario_step *step)
{
    if (!netns_enter(g->host_fds[step->host], g->problem))
        return false;
    struct netlink *n = netlink_open(g->problem);
    bool ok = n && act_at_host(g, n, step);
    if (!ok)
        g->play->problem_line = step->line;
    netlink_close(n);
    return ok && netns_enter(g->switches_fd, g->problem);
}

/* The secrets of all TLS sessions, for who opens the capture. */
static void take_secrets(struct stage *g)
{
    int fd = open(KEYS_PATH, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, g->play->secrets, sizeof g->play->secrets) : 0;
    g->play->secrets_length = n > 0 ? (size_t)n : 0;
    if (fd >= 0)
        close(fd);
}

static bool perform(struct stage *g)
{
    bool ok = open_captures(g, 0) && start_servers(g);
    for (size_t i = 0; ok && i < g->s->step_count; i++)
        ok = (i == 0 || open_captures(g, i)) && act(g, &g->s->steps[i]);
    stop_servers(g);
    close_captures(g);
    take_secrets(g);
    tls_context_close(g->tls);
    if (ok && g->play->log.full) {
        problem_set(g->problem, "more was seen than can be recorded (%d bytes)", CAPTURE_LOG_BYTES);
        ok = false;
    }
    return ok;
}

static bool inside(void *owner)
{
    static struct stage stage;
    struct play *p = owner;
    stage.play = p;
    stage.s = p->scenario;
    stage.problem = &p->problem;
    if (!make_network(&stage) || !write_files(&stage) || !fork_servers(&stage))
        return false;
    if (loop_open(&stage.loop) != 0) {
        problem_set(&p->problem, "out of memory");
        return false;
    }
    bool ok = perform(&stage);
    loop_close(&stage.loop);
    return ok;
}

struct play *play_open(const struct scenario *s, const char *path)
{
    struct play *p =
        mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    p->scenario = s;
    p->path = path;
    p->log_fd = memfd_create("servers", MFD_CLOEXEC);
    return p;
}

enum netns_end play_run(struct play *p)
{
    return netns_play(inside, p, &p->problem);
}

void play_close(struct play *p)
{
    if (p->log_fd >= 0)
        close(p->log_fd);
    munmap(p, sizeof *p);
}
