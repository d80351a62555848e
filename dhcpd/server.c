#include "server.h"

#include "echo.h"
#include "follow.h"
#include "lease_query.h"
#include "link.h"
#include "reply.h"
#include "udp.h"
#include "wire/frame.h"

#include <stdlib.h>

#define SOCKET_BUFFER_BYTES                                                                                  \
    (4 * 1024 * 1024)          /* a lab of clients that boot at once; the system may allow less */
#define LOOK_AGAIN_MS    60000 /* so that a clock that was set is noticed */
#define LEASES_A_TURN    512   /* that end in one go: sockets wait meanwhile */
#define EXHAUSTED_TELL_S 60
#define FRAME_TTL        64
#define FRAME_TOS        0x10 /* low delay, as DHCP is sent by convention */

/* What a datagram's tag says of its reply. */
enum reply_tag { TAG_PROMISE = 1 << 0, TAG_FRAME = 1 << 1 };

/* What is told of a reply when it leaves, and where its frame goes. */
struct reply_note {
    enum event_id event;
    uint32_t address, lease_s;
    const char *reason;
    size_t claim;
    uint8_t hardware[DHCP4_CHADDR_MAX], hardware_len;
};

struct listener {
    struct service *server;
    struct udp *udp;   /* NULL: the interface is waited for */
    struct link *link; /* NULL: a plain socket */
    struct echo *echo; /* NULL: no subnet probes */
    uint32_t address;  /* the interface's */
    struct follow follow;
};

/* A batch in hand, from its arrival until its leases are on disk and its replies are sent. */
struct turn {
    struct turn *next_idle;
    struct listener *listener;
    struct batch *batch;
    struct lease_claims claims;
    struct reply_note notes[UDP_BATCH_MAX]; /* of the datagrams that have a reply */
};

/* A DISCOVER that waits until it is known whether somebody has the address that is to be offered. */
struct held {
    struct listener *listener;
    struct endpoint peer, local;
    unsigned interface;
    size_t length;
    uint8_t in[DHCP4_BYTES_MAX];
};

/* ---- events ----------------------------------------------------------------------------------- */

/* A client's message, as it came; with a reason when it gets no answer. */
static void tell_message(struct service *s, enum event_id id, const struct dhcp4_message *m,
                         const char *reason, struct now now)
{
    struct event ev;
    if (!(reason ? event_happens_for(s->home->events, id, reason) : event_happens(s->home->events, id)))
        return;
    uint32_t address = m->fixed.ciaddr;
    dhcp4_number(m, DHCP4_OPTION_REQUESTED_ADDRESS, &address);
    event_begin(&ev, id, now);
    event_hardware(&ev, "hardware", span_of(m->fixed.chaddr, m->fixed.hlen));
    if (address)
        event_address(&ev, "address", address_ip4(address));
    if (m->fixed.giaddr)
        event_address(&ev, "relay", address_ip4(m->fixed.giaddr));
    if (dhcp4_has(m, DHCP4_OPTION_HOST_NAME))
        event_span(&ev, "host", dhcp4_option(m, DHCP4_OPTION_HOST_NAME));
    if (reason)
        event_text(&ev, "reason", reason);
    event_emit(s->home->events, &ev);
}

/* A reply, as it leaves. */
static void tell_reply(struct service *s, const struct reply_note *n, struct now now)
{
    struct event ev;
    if (!event_happens(s->home->events, n->event))
        return;
    event_begin(&ev, n->event, now);
    event_hardware(&ev, "hardware", span_of(n->hardware, n->hardware_len));
    if (n->address)
        event_address(&ev, "address", address_ip4(n->address));
    if (n->lease_s)
        event_number(&ev, "seconds", n->lease_s);
    if (n->reason)
        event_text(&ev, "reason", n->reason);
    event_emit(s->home->events, &ev);
}

static void tell_discard(struct service *s, const struct datagram *d, const char *reason, uint8_t option,
                         struct now now)
{
    struct event ev;
    if (!event_happens_for(s->home->events, EVENT_DHCP_DISCARD, reason))
        return;
    event_begin(&ev, EVENT_DHCP_DISCARD, now);
    event_endpoint(&ev, "from", &d->peer);
    event_text(&ev, "reason", reason);
    if (option)
        event_number(&ev, "option", option);
    event_emit(s->home->events, &ev);
}

/* Once a minute for each subnet: every client that asks in vain asks again. */
static void tell_exhausted(struct service *s, const struct dhcp_subnet *sn, struct now now)
{
    struct lease_pool *p = leases_pool(&s->leases, sn);
    if (p->exhausted_told_s && now_s(now) < p->exhausted_told_s + EXHAUSTED_TELL_S)
        return;
    p->exhausted_told_s = now_s(now);
    event_note(s->home->events, EVENT_DHCP_EXHAUSTED, now, "subnet", sn->name);
}

static enum event_id event_of_request(uint8_t type)
{
    static const enum event_id events[] = { [0] = EVENT_DHCP_BOOTP,
                                            [DHCP4_DISCOVER] = EVENT_DHCP_DISCOVER,
                                            [DHCP4_REQUEST] = EVENT_DHCP_REQUEST,
                                            [DHCP4_DECLINE] = EVENT_DHCP_DECLINE,
                                            [DHCP4_RELEASE] = EVENT_DHCP_RELEASE,
                                            [DHCP4_INFORM] = EVENT_DHCP_INFORM,
                                            [DHCP4_LEASEQUERY] = EVENT_DHCP_LEASE_QUERY };
    return type < sizeof events / sizeof *events && events[type] ? events[type] : EVENT_DHCP_SILENCE;
}

static enum event_id event_of_answer(enum dhcp4_answer a)
{
    static const enum event_id events[] = {
        [DHCP4_ANSWER_SILENCE] = EVENT_DHCP_SILENCE, [DHCP4_ANSWER_OFFER] = EVENT_DHCP_OFFER,
        [DHCP4_ANSWER_ACK] = EVENT_DHCP_ACK,         [DHCP4_ANSWER_NAK] = EVENT_DHCP_NAK,
        [DHCP4_ANSWER_CONFIG] = EVENT_DHCP_ACK,      [DHCP4_ANSWER_BOOTP] = EVENT_DHCP_ACK
    };
    return events[a];
}

/* ---- the straight line: a datagram to its reply ------------------------------------------------ */

static struct dhcp4_arrival arrival_of(const struct listener *l, const struct datagram *d)
{
    uint32_t to = address_to_ip4(d->local.address);
    return (struct dhcp4_arrival){ .server = l->link ? l->address : to,
                                   .link = l->link ? l->address : 0,
                                   .broadcast = to == UINT32_MAX,
                                   .source = d->peer };
}

/* Parses what came; false when it is no client's message. */
static bool understand(const struct listener *l, const struct datagram *d, struct now now)
{
    struct dhcp4_message *m = &l->server->message;
    enum dhcp4_fault fault = d->truncated ? DHCP4_TOO_LONG : dhcp4_parse(m, d->in);
    struct dhcp4_arrival a = arrival_of(l, d);
    const char *reason = NULL;
    if (fault && !dhcp4_is_bootp(m, fault))
        reason = dhcp4_fault_text(fault);
    else
        reason = dhcp4_discard(m, &a);
    if (!reason)
        return true;
    tell_discard(l->server, d, reason,
                 fault == DHCP4_OPTION_CUT || fault == DHCP4_OPTION_LENGTH ? m->fault_option : 0, now);
    return false;
}

static bool is_promise(enum dhcp4_answer a)
{
    return a == DHCP4_ANSWER_ACK || a == DHCP4_ANSWER_BOOTP;
}

/* Writes the reply and addresses it; what goes as a frame waits in `out`, too, and is marked. */
static void write_reply(struct listener *l, struct datagram *d, struct reply_note *n,
                        const struct dhcp4_decision *decision, const struct dhcp4_arrival *a)
{
    const struct dhcp4_message *m = &l->server->message;
    if (!reply_write(&d->out, decision, m, a))
        writer_back_to(&d->out, (struct mark){ 0 });
    struct reply_route route = reply_route(decision, m, a);
    d->peer = route.to;
    d->local.address = address_ip4(a->server);
    d->tag = (is_promise(decision->answer) ? TAG_PROMISE : 0) | (route.way == REPLY_FRAME ? TAG_FRAME : 0);
    n->event = event_of_answer(decision->answer);
    n->address = decision->address ? decision->address : m->fixed.ciaddr;
    n->lease_s = decision->lease_s;
    n->reason = decision->reason;
    n->claim = decision->claim;
    n->hardware_len = m->fixed.hlen;
    memcpy(n->hardware, m->fixed.chaddr, sizeof n->hardware);
}

/* A relay's question about leases: it is answered at its giaddr. */
static void answer_query(struct listener *l, struct datagram *d, struct reply_note *n,
                         const struct dhcp4_arrival *a, struct now now)
{
    struct service *s = l->server;
    const struct dhcp4_message *m = &s->message;
    const char *reason = lease_query_answer(&d->out, s->settings, &s->leases, m, a, now);
    if (reason) {
        tell_message(s, EVENT_DHCP_SILENCE, m, reason, now);
        return;
    }
    d->peer = (struct endpoint){ .address = address_ip4(m->fixed.giaddr), .port = DHCP4_SERVER_PORT };
    d->local.address = address_ip4(a->server);
    d->tag = 0;
    *n = (struct reply_note){ .event = EVENT_DHCP_LEASE_TOLD, .address = m->fixed.ciaddr };
}

static bool hold(struct listener *l, const struct datagram *d, const struct dhcp4_decision *decision);

/* One message: what is granted is added to the claims; the reply, if there is one, is in d->out. */
static void answer_datagram(struct listener *l, struct datagram *d, struct reply_note *n,
                            struct lease_claims *claims, struct now now)
{
    struct service *s = l->server;
    const struct dhcp4_message *m = &s->message;
    struct dhcp4_arrival a = arrival_of(l, d);
    if (m->type == DHCP4_LEASEQUERY) {
        answer_query(l, d, n, &a, now);
        return;
    }
    struct dhcp4_decision decision = dhcp4_decide(s->settings, &s->leases, m, &a, now, claims);
    if (decision.exhausted)
        tell_exhausted(s, decision.subnet, now);
    if (decision.answer == DHCP4_ANSWER_OFFER && hold(l, d, &decision))
        return;
    if (decision.answer != DHCP4_ANSWER_SILENCE)
        write_reply(l, d, n, &decision, &a);
    else if (decision.reason)
        tell_message(s, EVENT_DHCP_SILENCE, m, decision.reason, now);
}

/* ---- sending ------------------------------------------------------------------------------------ */

static void send_frame(struct listener *l, struct datagram *d, const struct reply_note *n, struct now now)
{
    uint8_t room[FRAME_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    struct frame_ethernet e = { .type = FRAME_IP4 };
    struct frame_ip4 ip = { .from = l->address,
                            .to = address_to_ip4(d->peer.address),
                            .protocol = FRAME_UDP,
                            .ttl = FRAME_TTL,
                            .tos = FRAME_TOS };
    struct frame_udp udp = { .from = DHCP4_SERVER_PORT, .to = DHCP4_CLIENT_PORT };
    memcpy(e.to, n->hardware, FRAME_MAC);
    memcpy(e.from, link_hardware(l->link).at, FRAME_MAC);
    frame_write_ethernet(&w, &e);
    frame_write_udp4(&w, &ip, &udp, writer_span(&d->out));
    if (!writer_ok(&w) || !link_send(l->link, writer_span(&w)))
        event_note(l->server->home->events, EVENT_DHCP_UNSENT, now, "reason",
                   "the interface did not take the frame");
    writer_back_to(&d->out, (struct mark){ 0 });
}

/* An ACK leaves only for a lease that is on disk and still the client's. */
static void forget_promises(struct turn *t, bool committed)
{
    for (size_t i = 0; i < t->batch->count; i++)
        if (t->batch->d[i].tag & TAG_PROMISE && !(committed && claims_stand(&t->claims, t->notes[i].claim)))
            writer_back_to(&t->batch->d[i].out, (struct mark){ 0 });
}

/* Sends what is left of the batch and gives it back. */
static void turn_end(struct turn *t)
{
    struct service *s = t->listener->server;
    struct now now = loop_now(s->home->loop);
    bool there = t->listener->udp == t->batch->udp; /* the interface may have gone meanwhile */
    for (size_t i = 0; i < t->batch->count && there; i++) {
        if (!writer_length(&t->batch->d[i].out))
            continue;
        tell_reply(s, &t->notes[i], now);
        if (t->batch->d[i].tag & TAG_FRAME)
            send_frame(t->listener, &t->batch->d[i], &t->notes[i], now);
    }
    udp_send(t->batch->udp, t->batch);
    t->next_idle = s->idle;
    s->idle = t;
    s->in_hand--;
    dhcpd_free_if_done(s);
}

static void committed(void *owner, bool ok, const char *why)
{
    struct turn *t = owner;
    struct service *s = t->listener->server;
    struct now now = loop_now(s->home->loop);
    if (ok) {
        claims_confirm(&s->leases, &t->claims, now);
    } else {
        claims_withdraw(&s->leases, &t->claims, now);
        event_note(s->home->events, EVENT_DHCP_WITHDRAWN, now, "reason", why);
    }
    forget_promises(t, ok);
    turn_end(t);
}

/* A batch in: decisions, one commit, a batch out. What promises nothing need not wait for the store. */
static void batch_came(void *owner, struct udp *u, struct batch *b, struct now now)
{
    struct listener *l = owner;
    struct service *s = l->server;
    struct turn *t = s->idle;
    if (s->draining || !t) { /* there are as many turns as batches */
        udp_send(u, b);
        return;
    }
    s->idle = t->next_idle;
    s->in_hand++;
    t->listener = l;
    t->batch = b;
    claims_open(&s->leases, &t->claims);
    for (size_t i = 0; i < b->count; i++) {
        if (!understand(l, &b->d[i], now))
            continue;
        tell_message(s, event_of_request(s->message.type), &s->message, NULL, now);
        answer_datagram(l, &b->d[i], &t->notes[i], &t->claims, now);
    }
    dhcpd_arm_deadline(s, now);
    if (t->claims.count)
        persist_commit(&s->persist, &t->claims, now, committed, t);
    else
        turn_end(t);
}

/* ---- is the address free? ----------------------------------------------------------------------------- */

/* RFC 2131 2.2 and 4.3.1: an address that was not this client's is probed before it is offered. True: the
 * DISCOVER waits for that, or another one of the client does. When more wait than can be asked for, it is
 * offered as it is: the client itself looks, too. */
static bool hold(struct listener *l, const struct datagram *d, const struct dhcp4_decision *decision)
{
    uint32_t wait_ms = decision->subnet->probe_ms;
    if (!wait_ms || !l->echo)
        return false;
    if (echo_asks(l->echo, decision->address))
        return true;
    struct held *h = decision->fresh ? malloc(sizeof *h) : NULL;
    if (!h)
        return false;
    *h = (struct held){
        .listener = l, .peer = d->peer, .local = d->local, .interface = d->interface, .length = d->in.len
    };
    memcpy(h->in, d->in.at, d->in.len);
    bool asked = echo_ask(l->echo, decision->address, wait_ms, h);
    if (!asked)
        free(h);
    return asked;
}

static void conflict_committed(void *owner, bool ok, const char *why)
{
    struct service *s = owner;
    if (!ok) /* it rests in memory all the same */
        event_note(s->home->events, EVENT_DHCP_WITHDRAWN, loop_now(s->home->loop), "reason", why);
    s->in_hand--;
    dhcpd_free_if_done(s);
}

/* As if the client had declined it. */
static void tell_conflict(struct service *s, uint32_t address, struct now now)
{
    struct lease *x = leases_find(&s->leases, address);
    struct lease_claims claims;
    struct event ev;
    if (!x || x->state != LEASE_OFFERED)
        return;
    if (event_happens(s->home->events, EVENT_DHCP_CONFLICT)) {
        event_begin(&ev, EVENT_DHCP_CONFLICT, now);
        event_address(&ev, "address", address_ip4(address));
        event_emit(s->home->events, &ev);
    }
    claims_open(&s->leases, &claims);
    lease_decline(&s->leases, x, now_s(now) + s->settings->decline_s, now, &claims);
    s->in_hand++;
    persist_commit(&s->persist, &claims, now, conflict_committed, s);
}

/* The DISCOVER as if it came now: its offer, or, after a conflict, another address and its probe. */
static void answer_held(struct held *h, struct now now)
{
    struct listener *l = h->listener;
    struct service *s = l->server;
    uint8_t room[REPLY_BYTES_MAX];
    struct lease_claims claims; /* a DISCOVER claims nothing */
    struct reply_note n = { 0 };
    struct datagram d = { .in = span_of(h->in, h->length),
                          .peer = h->peer,
                          .local = h->local,
                          .interface = h->interface,
                          .out = writer_over(room, sizeof room) };
    claims_open(&s->leases, &claims);
    if (!understand(l, &d, now))
        return;
    answer_datagram(l, &d, &n, &claims, now);
    if (!writer_length(&d.out))
        return;
    tell_reply(s, &n, now);
    if (d.tag & TAG_FRAME)
        send_frame(l, &d, &n, now);
    else if (!udp_send_one(l->udp, &d.peer, &d.local, d.interface, writer_span(&d.out)))
        event_note(s->home->events, EVENT_DHCP_UNSENT, now, "reason",
                   "the network did not take the datagram");
}

static void probed(void *owner, void *asked, uint32_t address, bool answered, struct now now)
{
    struct service *s = owner;
    struct held *h = asked;
    if (answered)
        tell_conflict(s, address, now);
    if (!s->draining)
        answer_held(h, now);
    dhcpd_arm_deadline(s, now);
    free(h);
}

/* ---- deadlines of leases -------------------------------------------------------------------------- */

static void deadline_passed(struct timer *timer, struct now now)
{
    struct service *s = list_item(timer, struct service, deadline);
    leases_run(&s->leases, now, LEASES_A_TURN);
    dhcpd_arm_deadline(s, now);
}

/* The table counts on unix time; the loop on time that never jumps. */
void dhcpd_arm_deadline(struct service *s, struct now now)
{
    uint64_t due_unix_ms = leases_next_due(&s->leases);
    uint64_t unix_ms = now.unix_ms < 0 ? 0 : (uint64_t)now.unix_ms;
    uint64_t wait_ms = due_unix_ms > unix_ms ? due_unix_ms - unix_ms : 0;
    uint64_t due_ms = now.mono_ms + (wait_ms < LOOK_AGAIN_MS ? wait_ms : LOOK_AGAIN_MS);
    if (due_unix_ms == TIMER_NEVER || (timer_armed(&s->deadline) && s->deadline.due_ms <= due_ms))
        return; /* what is armed earlier looks again */
    loop_arm(s->home->loop, &s->deadline, due_ms);
}

/* ---- start ------------------------------------------------------------------------------------------ */

static bool open_interface(struct listener *l, const char *interface, struct udp_options *o,
                           struct problem *p)
{
    l->link = link_open(l->server->home->loop, interface, NULL, NULL, p);
    o->bind = (struct endpoint){ .address = address_ip4(0), .port = DHCP4_SERVER_PORT };
    o->interface = interface;
    o->broadcast = true;
    return l->link != NULL;
}

static bool probes_somewhere(const struct dhcp_settings *s)
{
    for (size_t i = 0; i < s->subnet_count; i++)
        if (s->subnets[i].probe_ms)
            return true;
    return false;
}

static void close_listener(void *listener)
{
    struct listener *l = listener;
    if (l->udp)
        udp_close(l->udp);
    if (l->link)
        link_close(l->link);
    echo_close(l->echo, free);
    l->udp = NULL;
    l->link = NULL;
    l->echo = NULL;
}

static const struct dhcp_listen *listen_of(const struct listener *l)
{
    return &l->server->settings->listens[l - l->server->listeners];
}

/* Where the settings want one and there is none. */
static bool open_echo(struct listener *l, const struct dhcp_settings *settings, struct problem *p)
{
    struct home *h = l->server->home;
    if (!l->echo && probes_somewhere(settings))
        l->echo = echo_open(h->loop, listen_of(l)->interface, rng_next(&h->rng), probed, l->server, p);
    return l->echo || !probes_somewhere(settings);
}

/* False: what is half open must be closed. */
static bool open_listener(void *listener, struct problem *p)
{
    struct listener *l = listener;
    const struct dhcp_listen *at = listen_of(l);
    struct udp_options o = { .bind = at->at,
                             .in_bytes = DHCP4_BYTES_MAX,
                             .out_bytes = REPLY_BYTES_MAX,
                             .buffer_bytes = SOCKET_BUFFER_BYTES };
    if (at->interface && !open_interface(l, at->interface, &o, p))
        return false;
    l->udp = udp_open(l->server->home->loop, &o, batch_came, l, p);
    if (!l->udp)
        return false;
    return open_echo(l, l->server->settings, p);
}

static void tell_listening(const struct listener *l)
{
    struct endpoint where = udp_local(l->udp);
    if (l->link)
        where.address = address_ip4(l->address);
    home_listening(l->server->home, "dhcpd", "udp", &where,
                   l->link ? NULL : "wirelab lease %s:%p --name laptop");
}

/* ---- interfaces come and go --------------------------------------------------------------------------- */

/* Whose clients are served: an address of one of our subnets, else the first. */
static uint32_t own_address(const struct dhcp_settings *s, const struct interface *i)
{
    for (size_t k = 0; k < i->ip4_count; k++)
        if (subnet_of(s, i->ip4[k]))
            return i->ip4[k];
    return i->ip4_count ? i->ip4[0] : 0;
}

static const char *look_at(void *listener, const struct interface *i)
{
    struct listener *l = listener;
    l->address = own_address(l->server->settings, i);
    return l->address ? NULL : "it has no IPv4 address";
}

static const struct follow_type follow_type = { .waiting = EVENT_DHCP_INTERFACE_WAITING,
                                                .served = EVENT_DHCP_INTERFACE_SERVED,
                                                .look = look_at,
                                                .open = open_listener,
                                                .close = close_listener };

static void interfaces_changed(void *owner, struct now now)
{
    struct service *s = owner;
    for (size_t i = 0; i < s->listener_count; i++) {
        struct listener *l = &s->listeners[i];
        const char *interface = listen_of(l)->interface;
        if (interface)
            follow_again(&l->follow, &follow_type, l, interface, s->home->events, now);
    }
    if (s->six)
        server6_follow(s->six, now);
}

static bool watch_interfaces(struct service *s, struct problem *p)
{
    bool any = false;
    for (size_t i = 0; i < s->settings->listen_count; i++)
        any |= s->settings->listens[i].interface != NULL;
    for (size_t i = 0; i < s->settings->six.listen_count; i++)
        any |= s->settings->six.listens[i].interface != NULL;
    if (any)
        s->interfaces = interfaces_watch(s->home->loop, interfaces_changed, s, p);
    return s->interfaces || !any;
}

static bool open_listeners(struct service *s, struct now now, struct problem *p)
{
    const struct dhcp_settings *settings = s->settings;
    size_t turns = settings->listen_count * UDP_BATCHES;
    s->listeners = calloc(settings->listen_count, sizeof *s->listeners);
    s->turns = calloc(turns, sizeof *s->turns);
    if (!s->listeners || !s->turns) {
        problem_set(p, "dhcpd: out of memory");
        return false;
    }
    for (size_t i = 0; i < turns; i++) {
        s->turns[i].next_idle = s->idle;
        s->idle = &s->turns[i];
    }
    for (; s->listener_count < settings->listen_count; s->listener_count++) {
        struct listener *l = &s->listeners[s->listener_count];
        l->server = s;
        const char *interface = settings->listens[s->listener_count].interface;
        bool opened =
            interface ? follow_start(&l->follow, &follow_type, l, interface, s->home->events, now, p)
                      : open_listener(l, p);
        if (!opened) {
            s->listener_count++; /* what is half open is closed, too */
            return false;
        }
        if (l->udp)
            tell_listening(l);
    }
    return true;
}

/* Stopped, and nothing is in hand: else the last commit that is told ends it. */
void dhcpd_free_if_done(struct service *s)
{
    if (!s->stopped || s->in_hand || (s->six && server6_busy(s->six)))
        return;
    if (s->six)
        server6_free(s->six);
    leases_close(&s->leases);
    dhcpd_forget(s->settings);
    free(s->listeners);
    free(s->turns);
    free(s);
}

static void dhcpd_stop(struct service *s)
{
    interfaces_close(s->interfaces);
    for (size_t i = 0; i < s->listener_count; i++)
        close_listener(&s->listeners[i]);
    if (s->six)
        server6_stop(s->six);
    loop_disarm(s->home->loop, &s->deadline);
    names_close(s->names);
    s->names = NULL;
    s->stopped = true;
    dhcpd_free_if_done(s);
}

static void six_idle(void *owner)
{
    dhcpd_free_if_done(owner);
}

static void lease6_changed(void *owner, const struct lease6 *x, bool bound, struct now now)
{
    struct service *s = owner;
    if (s->names)
        names_tell6(s->names, x, bound, now);
}

static bool start_six(struct service *s, struct problem *p)
{
    if (s->settings->six.subnet_count)
        s->six = server6_start(s->home, &s->settings->six, six_idle, s, p);
    if (s->six)
        server6_watch(s->six, lease6_changed, s);
    return s->six || !s->settings->six.subnet_count;
}

static void lease_changed(void *owner, const struct lease *x, bool bound, struct now now)
{
    struct service *s = owner;
    if (s->names)
        names_tell(s->names, x, bound, now);
}

/* Begins, goes on or ends as the settings have it. False when there is no memory. */
static bool open_names(struct service *s, const struct dhcp_settings *settings)
{
    const struct endpoint *server = &settings->names_server;
    s->leases.changed = lease_changed;
    s->leases.owner = s;
    if (s->names && server->address.family) {
        names_move(s->names, server, settings->names_key);
    } else if (s->names) {
        names_close(s->names);
        s->names = NULL;
    } else if (server->address.family) {
        s->names = names_open(s->home->loop, s->home->events, server, settings->names_key);
        return s->names != NULL;
    }
    return true;
}

static struct service *dhcpd_start(struct home *h, void *settings, struct problem *p)
{
    struct now now = loop_now(h->loop);
    struct store *store = home_store(h, p);
    struct service *s = store ? calloc(1, sizeof *s) : NULL;
    if (!s || !leases_open(&s->leases, rng_next(&h->rng), h->events)) {
        if (store)
            problem_set(p, "dhcpd: out of memory");
        free(s);
        return NULL;
    }
    s->home = h;
    s->settings = settings;
    s->deadline.fire = deadline_passed;
    bool opened = persist_open(&s->persist, store, &s->leases, now, p);
    if (opened && !(opened = leases_settle(&s->leases, settings, now)))
        problem_set(p, "dhcpd: out of memory");
    if (opened && !(opened = open_names(s, settings)))
        problem_set(p, "dhcpd: out of memory");
    if (!opened || !watch_interfaces(s, p) || !open_listeners(s, now, p) || !start_six(s, p)) {
        s->settings = NULL; /* stays the caller's */
        dhcpd_stop(s);
        return NULL;
    }
    dhcpd_arm_deadline(s, now);
    return s;
}

static bool same_listens(const struct dhcp_settings *a, const struct dhcp_settings *b)
{
    if (a->listen_count != b->listen_count)
        return false;
    for (size_t i = 0; i < a->listen_count; i++) {
        const struct dhcp_listen *x = &a->listens[i], *y = &b->listens[i];
        if (!x->interface != !y->interface || (x->interface && strcmp(x->interface, y->interface) != 0) ||
            !endpoint_equal(&x->at, &y->at))
            return false;
    }
    return true;
}

/* The DHCPv6 half has the new settings, or the old ones as before. */
static bool reload_six(struct service *s, const struct dhcp_settings *settings, struct problem *p)
{
    if (s->six)
        return server6_reload(s->six, &settings->six, p);
    if (!settings->six.subnet_count)
        return true;
    problem_set(p, "dhcpd: the first `subnet6` came, which needs a restart");
    return false;
}

static bool dhcpd_reload(struct service *s, void *settings, struct problem *p)
{
    struct now now = loop_now(s->home->loop);
    if (!same_listens(s->settings, settings)) {
        problem_set(p, "dhcpd: `listen` changed, which needs a restart");
        return false;
    }
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].udp && !open_echo(&s->listeners[i], settings, p))
            return false;
    if (!reload_six(s, settings, p))
        return false;
    if (!leases_settle(&s->leases, settings, now)) {
        reload_six(s, s->settings, p);
        problem_set(p, "dhcpd: out of memory");
        return false;
    }
    if (!open_names(s, settings))
        event_note(s->home->events, EVENT_DHCP_NAME_REFUSED, now, "reason", "out of memory");
    dhcpd_forget(s->settings);
    s->settings = settings;
    interfaces_changed(s, now); /* their addresses may be of other subnets now */
    dhcpd_arm_deadline(s, now);
    return true;
}

static void dhcpd_drain(struct service *s)
{
    s->draining = true;
    if (s->six)
        server6_drain(s->six);
}

static bool dhcpd_busy(const struct service *s)
{
    return s->in_hand != 0 || (s->names && names_busy(s->names)) || (s->six && server6_busy(s->six));
}

const struct service_type dhcpd_service = {
    .name = "dhcpd",
    .summary = "addresses by DHCP, IPv4 and IPv6: to clients on an interface, and to relays",
    .keys = dhcpd_keys,
    .configure = dhcpd_configure,
    .forget = dhcpd_forget,
    .start = dhcpd_start,
    .reload = dhcpd_reload,
    .drain = dhcpd_drain,
    .busy = dhcpd_busy,
    .control = dhcpd_control,
    .measure = dhcpd_measure,
    .stop = dhcpd_stop,
};
