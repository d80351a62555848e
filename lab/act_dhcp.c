#include "stage.h"

#include "clock.h"
#include "link.h"
#include "udp.h"

/* A DHCP client of a host: frames, and one socket so that its host does not refuse what comes for it. */
struct actor {
    struct stage *stage;
    const struct scenario_step *step;
    struct client_dhcp client;
    struct link *link;
    struct udp *socket;
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
    problem_set(a->stage->problem, "host \"%.*s\" has no answer after %u ms: %s", (int)h->name.len,
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

/* Replies are read as frames. */
static void passed_over(void *owner, struct udp *u, struct batch *b, struct now now)
{
    (void)owner;
    (void)now;
    udp_send(u, b);
}

static struct udp *open_socket(struct stage *g)
{
    struct udp_options o = { .bind = { .address = address_ip4(0), .port = DHCP4_CLIENT_PORT },
                             .interface = PLAY_INTERFACE,
                             .broadcast = true,
                             .in_bytes = DHCP4_SIZE_MOST,
                             .out_bytes = DHCP4_SIZE_MOST };
    return udp_open(&g->loop, &o, passed_over, NULL, g->problem);
}

/* What the client holds when it begins: its lease, or the address that it was given by hand. */
static struct client_dhcp_lease lease_before(const struct stage *g, size_t host)
{
    struct client_dhcp_lease l = g->leases[host];
    const struct scenario_host *h = &g->s->hosts[host];
    for (size_t i = 0; !l.address && i < h->address_count; i++)
        l.address = address_to_ip4(h->addresses[i].address);
    return l;
}

bool act_settle(struct stage *g, struct netlink *n, size_t host, const struct client_dhcp_lease *l)
{
    const struct client_dhcp_lease *before = &g->leases[host];
    bool ok = true;
    if (before->address && before->address != l->address)
        ok = netlink_remove_address(n, PLAY_INTERFACE, address_ip4(before->address), bits_of(before->mask),
                                    g->problem);
    if (ok && l->mask && l->address != before->address)
        ok = netlink_add_address(n, PLAY_INTERFACE, address_ip4(l->address), bits_of(l->mask), g->problem);
    g->leases[host] = *l;
    return ok;
}

static bool play_to_its_end(struct actor *a)
{
    struct stage *g = a->stage;
    uint8_t room[FRAME_BYTES_MAX];
    struct writer out = writer_over(room, sizeof room);
    struct now now = loop_now(&g->loop);
    struct client_dhcp_lease before = lease_before(g, a->step->host);
    if (!client_dhcp_start(&a->client, &a->step->dhcp, &before, g->s->hosts[a->step->host].hardware,
                           entropy_u64(), now, &out)) {
        problem_set(g->problem, "the client has no lease yet");
        problem_remedy(g->problem, "let it get one before: play HOST dhcp-acquire");
        return false;
    }
    loop_arm(&g->loop, &a->deadline, now.mono_ms + a->step->within_ms);
    go_on(a, &out);
    loop_run(&g->loop); /* when it is done already, this forgets that the loop is to stop */
    loop_disarm(&g->loop, &a->again);
    loop_disarm(&g->loop, &a->deadline);
    return a->done;
}

bool act_dhcp(struct stage *g, struct netlink *n, const struct scenario_step *step)
{
    struct actor a = { .stage = g, .step = step, .again.fire = again_due, .deadline.fire = deadline_passed };
    a.socket = open_socket(g);
    a.link = a.socket ? link_open(&g->loop, PLAY_INTERFACE, frame_came, &a, g->problem) : NULL;
    bool ok = a.link && play_to_its_end(&a);
    if (ok && step->dhcp.goal != CLIENT_DHCP_INFORM)
        ok = act_settle(g, n, step->host, &a.client.lease);
    if (a.link)
        link_close(a.link);
    if (a.socket)
        udp_close(a.socket);
    return ok;
}
