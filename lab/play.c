#include "play.h"

#include "client_dhcp.h"
#include "netlink.h"
#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME_BYTES 16 /* of an interface, with its NUL */

/* The process inside: it stands in the switches' namespace and goes into a host's to open its sockets. */
struct stage {
    struct play *play;
    const struct scenario *s;
    struct problem *problem;
    struct loop loop;
    int switches_fd, host_fds[SCENARIO_HOSTS_MAX]; /* network namespaces */
    struct capture captures[SCENARIO_CAPTURES_MAX];
    struct serve servers[SCENARIO_HOSTS_MAX];
    uv_poll_t server_polls[SCENARIO_HOSTS_MAX];
    size_t capture_count;
};

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

static bool configure_interface(struct stage *g, struct netlink *n, const struct scenario_host *h)
{
    bool quiet = true;
    for (size_t i = 0; i < h->address_count; i++)
        quiet = quiet && h->addresses[i].address.family == FAMILY_IP4;
    if (!netlink_up(n, "lo", true, g->problem) || !netlink_whole_checksums(PLAY_INTERFACE, g->problem) ||
        !netlink_up(n, PLAY_INTERFACE, quiet, g->problem))
        return false;
    for (size_t i = 0; i < h->address_count; i++)
        if (!netlink_add_address(n, PLAY_INTERFACE, h->addresses[i].address, h->addresses[i].bits,
                                 g->problem))
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

/* ---- captures and servers --------------------------------------------------------------------------- */

static bool open_captures(struct stage *g)
{
    for (size_t i = 0; i < g->s->capture_count; i++) {
        if (!netns_enter(g->host_fds[g->s->captures[i].host], g->problem) ||
            !capture_open(&g->captures[i], &g->loop, PLAY_INTERFACE, &g->play->log, (uint8_t)i, g->problem))
            return false;
        g->capture_count++;
    }
    return netns_enter(g->switches_fd, g->problem);
}

static void server_ended(uv_poll_t *poll, int status, int events)
{
    struct stage *g = poll->data;
    size_t host = (size_t)(poll - g->server_polls);
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    problem_set(g->problem, "the servers of host \"%.*s\" ended in the middle of the play",
                (int)g->s->hosts[host].name.len, (const char *)g->s->hosts[host].name.at);
    loop_stop(&g->loop);
}

static bool fork_servers(struct stage *g)
{
    for (size_t i = 0; i < g->s->host_count; i++) {
        struct serve_options o = { .host = &g->s->hosts[i],
                                   .path = g->play->path,
                                   .directory = NETNS_SCRATCH,
                                   .namespace_fd = g->host_fds[i],
                                   .log_fd = g->play->log_fd };
        if (g->s->hosts[i].serve_line && !serve_fork(&g->servers[i], &o, g->problem))
            return false;
    }
    return true;
}

static bool start_servers(struct stage *g)
{
    for (size_t i = 0; i < g->s->host_count; i++) {
        if (!g->servers[i].pid)
            continue;
        if (!serve_go(&g->servers[i], &g->s->hosts[i], g->problem))
            return false;
        uv_poll_init(&g->loop.uv, &g->server_polls[i], g->servers[i].ready_fd);
        g->server_polls[i].data = g;
        uv_poll_start(&g->server_polls[i], UV_DISCONNECT, server_ended);
    }
    return true;
}

static void stop_servers(struct stage *g)
{
    for (size_t i = 0; i < g->s->host_count; i++)
        if (g->servers[i].pid) {
            if (g->server_polls[i].data)
                uv_close((uv_handle_t *)&g->server_polls[i], NULL);
            serve_stop(&g->servers[i]);
        }
}

/* ---- a DHCP client ---------------------------------------------------------------------------------------
 */

struct actor {
    struct stage *stage;
    const struct scenario_step *step;
    struct client_dhcp client;
    struct link *link;
    struct timer again, deadline;
    bool done;
};

/* Sends what the client has written, and waits for what it waits for. */
static void go_on(struct actor *a, const struct writer *out)
{
    struct loop *l = &a->stage->loop;
    if (writer_length(out) && !link_send(a->link, writer_span(out))) {
        problem_set(a->stage->problem, "the interface of the client did not take a frame");
        loop_stop(l);
    }
    if (a->client.state == CLIENT_BOUND) {
        a->done = true;
        loop_stop(l);
    } else {
        loop_arm(l, &a->again, a->client.due_ms);
    }
}

static void frame_came(void *owner, struct link *k, struct span frame, int64_t unix_ns, bool outgoing)
{
    struct actor *a = owner;
    uint8_t room[FRAME_BYTES_MAX];
    struct writer out = writer_over(room, sizeof room);
    (void)k;
    (void)unix_ns;
    if (outgoing || a->done)
        return;
    client_dhcp_take(&a->client, frame, loop_now(&a->stage->loop), &out);
    go_on(a, &out);
}

static void again_due(struct timer *t, struct now now)
{
    struct actor *a = list_item(t, struct actor, again);
    uint8_t room[FRAME_BYTES_MAX];
    struct writer out = writer_over(room, sizeof room);
    client_dhcp_expire(&a->client, now, &out);
    go_on(a, &out);
}

static void deadline_passed(struct timer *t, struct now now)
{
    struct actor *a = list_item(t, struct actor, deadline);
    const struct scenario_host *h = &a->stage->s->hosts[a->step->host];
    (void)now;
    problem_set(a->stage->problem, "host \"%.*s\" has no lease after %u ms: %s", (int)h->name.len,
                (const char *)h->name.at, (unsigned)a->step->within_ms, client_dhcp_fault(&a->client));
    problem_remedy(a->stage->problem, "see below what crossed the wire and what the servers said");
    loop_stop(&a->stage->loop);
}

static uint8_t bits_of(uint32_t mask)
{
    uint8_t bits = 0;
    while (bits < 32 && mask & UINT32_C(1) << (31 - bits))
        bits++;
    return bits;
}

static bool act_dhcp(struct stage *g, struct netlink *n, const struct scenario_step *step)
{
    struct actor a = { .stage = g, .step = step, .again.fire = again_due, .deadline.fire = deadline_passed };
    uint8_t room[FRAME_BYTES_MAX];
    struct writer out = writer_over(room, sizeof room);
    struct now now = loop_now(&g->loop);
    a.link = link_open(&g->loop, PLAY_INTERFACE, frame_came, &a, g->problem);
    if (!a.link)
        return false;
    client_dhcp_start(&a.client, step, g->s->hosts[step->host].hardware, entropy_u64(), now, &out);
    loop_arm(&g->loop, &a.deadline, now.mono_ms + step->within_ms);
    go_on(&a, &out);
    loop_run(&g->loop);
    loop_disarm(&g->loop, &a.again);
    loop_disarm(&g->loop, &a.deadline);
    link_close(a.link);
    return a.done && (!a.client.mask || netlink_add_address(n, PLAY_INTERFACE, address_ip4(a.client.address),
                                                            bits_of(a.client.mask), g->problem));
}

/* ---- from the beginning to the end
 * ---------------------------------------------------------------------------- */

static bool act(struct stage *g, const struct scenario_step *step)
{
    if (!netns_enter(g->host_fds[step->host], g->problem))
        return false;
    struct netlink *n = netlink_open(g->problem);
    bool ok = n && act_dhcp(g, n, step); /* the one kind of step that there is */
    if (!ok)
        g->play->problem_line = step->line;
    netlink_close(n);
    return ok && netns_enter(g->switches_fd, g->problem);
}

static bool perform(struct stage *g)
{
    bool ok = open_captures(g) && start_servers(g);
    for (size_t i = 0; ok && i < g->s->step_count; i++)
        ok = act(g, &g->s->steps[i]);
    stop_servers(g);
    for (size_t i = 0; i < g->capture_count; i++) {
        capture_drain(&g->captures[i]);
        capture_close(&g->captures[i]);
    }
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
    if (!make_network(&stage) || !fork_servers(&stage))
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
