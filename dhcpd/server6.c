#include "server6.h"

#include "advertise6.h"
#include "clock.h"
#include "follow.h"
#include "lease_query6.h"
#include "persist6.h"
#include "recall6.h"
#include "reply6.h"
#include "tell6.h"
#include "udp.h"

#include <stdlib.h>

#define SOCKET_BUFFER_BYTES                                                                                  \
    (4 * 1024 * 1024)          /* a lab of clients that boot at once; the system may allow less */
#define LOOK_AGAIN_MS 60000    /* so that a clock that was set is noticed */
#define LEASES_A_TURN 512      /* that end in one go: sockets wait meanwhile */
#define OWN_DUID      "server" /* names of what the server keeps for itself */
#define OWN_SECRET    "reconfigure-secret"

/* RFC 9915 7.1 */
static const struct address groups[] = {
    { .bytes = { 0xff, 0x02, [13] = 1, [15] = 2 },
      .family = FAMILY_IP6 }, /* All_DHCP_Relay_Agents_and_Servers */
    { .bytes = { 0xff, 0x05, [13] = 1, [15] = 3 }, .family = FAMILY_IP6 }, /* All_DHCP_Servers */
};

/* What is told of an answer when it leaves, and what it promises. */
struct answer_note {
    struct answer6_note told;
    size_t claim_first, claim_count;
};

struct listener6 {
    struct server6 *server;
    struct udp *udp;                 /* NULL: the interface is waited for */
    const struct dhcp6_subnet *link; /* the subnet of the interface's address now; NULL: none of ours */
    struct advertiser6 *advertiser;  /* NULL: a plain socket, or nothing is advertised anywhere */
    struct follow follow;
    uint16_t port;
};

/* A batch in hand, from its arrival until its leases are on disk and its answers are sent. */
struct turn6 {
    struct turn6 *next_idle;
    struct listener6 *listener;
    struct batch *batch;
    struct lease6_claims claims;
    struct answer_note notes[UDP_BATCH_MAX]; /* of the datagrams that have an answer */
};

struct server6 {
    struct home *home;
    const struct dhcp6_settings *settings;
    struct leases6 leases;
    struct persist6 persist;
    struct listener6 *listeners;
    size_t listener_count;
    struct turn6 *turns, *idle;
    size_t in_hand;        /* turns, and the commit of the DUID */
    struct timer deadline; /* of the whole lease table */
    uint8_t duid[DHCP6_DUID_MAX];
    size_t duid_len;
    uint8_t secret[RECONFIGURE6_SECRET_BYTES]; /* of which clients' keys are made */
    uint64_t last_replay;
    struct recalls6 *recalls;
    server6_idle_fn *told_idle;
    void *owner;
    bool draining, stopped;
    /* the message that is looked at, and what becomes of it */
    struct dhcp6_relays relays;
    struct dhcp6_message message;
    struct dhcp6_decision decision;
};

/* ---- the straight line: a datagram to its answer ------------------------------------------------ */

/* Takes the relays off and parses what is left; false when it is no message. */
static bool understand(struct server6 *s, const struct datagram *d, struct now now)
{
    struct span inner;
    s->message.fault_option = 0;
    enum dhcp6_fault fault = d->truncated ? DHCP6_TOO_LONG : dhcp6_unwrap(&s->relays, d->in, &inner);
    if (!fault)
        fault = dhcp6_parse(&s->message, inner);
    if (fault)
        tell6_discard(s->home->events, &d->peer, dhcp6_fault_text(fault), s->message.fault_option, now);
    return !fault;
}

static uint16_t first_refusal(const struct dhcp6_decision *d)
{
    if (d->has_status && d->status != DHCP6_SUCCESS)
        return d->status;
    for (size_t i = 0; i < d->ia_count; i++)
        if (d->ias[i].status != DHCP6_SUCCESS)
            return d->ias[i].status;
    return DHCP6_SUCCESS;
}

/* RFC 9915 7.2, 19.3: to a client's port, or a relay's; a relay that says so is answered at the port that it
 * sent from (RFC 8357), and so is everyone by a server that is not on the port of servers, in a lab. */
static uint16_t port_of(const struct server6 *s, const struct listener6 *l, const struct datagram *d)
{
    if (l->port != DHCP6_SERVER_PORT || (s->relays.count && s->relays.relay[0].port.at))
        return d->peer.port;
    return s->relays.count ? DHCP6_SERVER_PORT : DHCP6_CLIENT_PORT;
}

static void write_answer(struct turn6 *t, size_t i, const struct dhcp6_arrival *a)
{
    struct server6 *s = t->listener->server;
    struct datagram *d = &t->batch->d[i];
    const struct dhcp6_decision *decision = &s->decision;
    if (!reply6_write(&d->out, decision, &s->message, a))
        writer_back_to(&d->out, (struct mark){ 0 });
    d->peer.port = port_of(s, t->listener, d);
    if (a->multicast) /* the kernel knows the address to answer from */
        memset(d->local.address.bytes, 0, sizeof d->local.address.bytes);
    t->notes[i] = (struct answer_note){ .told = { .event = decision->answer == DHCP6_ANSWER_ADVERTISE
                                                               ? EVENT_DHCP6_ADVERTISE
                                                               : EVENT_DHCP6_REPLY,
                                                  .duid = s->message.client_id,
                                                  .has_grant = decision->grant_count != 0,
                                                  .grant = decision->grants[0],
                                                  .status = first_refusal(decision) },
                                        .claim_first = decision->claim_first,
                                        .claim_count = decision->claim_count };
}

/* It promises nothing, and goes back to where it came from. */
static void answer_query(struct turn6 *t, size_t i, const struct dhcp6_arrival *a, const struct heard6 *h)
{
    struct server6 *s = t->listener->server;
    struct datagram *d = &t->batch->d[i];
    const char *reason =
        lease_query6_answer(&d->out, s->settings, &s->leases, &s->message, a, &d->peer.address, h->now);
    t->notes[i] = (struct answer_note){ .told = { EVENT_DHCP6_REPLY, .duid = s->message.client_id } };
    if (!reason) {
        tell6_message(s->home->events, h);
        return;
    }
    tell6_about(s->home->events, EVENT_DHCP6_DISCARD, h, reason);
    writer_back_to(&d->out, (struct mark){ 0 });
}

/* What a Reconfigure may ask for. */
static bool asks_again(uint8_t type)
{
    return type == DHCP6_RENEW || type == DHCP6_REBIND || type == DHCP6_INFORMATION_REQUEST;
}

/* What is told of a message that is understood, once it is decided. */
static void tell_decided(struct server6 *s, const struct heard6 *h)
{
    struct events *e = s->home->events;
    tell6_message(e, h);
    tell6_obsolete(e, h);
    if (s->decision.exhausted)
        tell6_exhausted(e, &s->leases, s->decision.subnet, h->now);
    if (s->decision.circuit_full)
        tell6_circuit_full(e, &s->leases, s->decision.subnet, h);
    if (s->decision.answer == DHCP6_ANSWER_SILENCE)
        tell6_about(e, EVENT_DHCP6_SILENCE, h, s->decision.reason);
}

static void answer_datagram(struct turn6 *t, size_t i, struct now now)
{
    struct server6 *s = t->listener->server;
    struct datagram *d = &t->batch->d[i];
    struct dhcp6_decision *decision = &s->decision;
    if (!understand(s, d, now))
        return;
    struct heard6 h = { &s->message, &s->relays, &d->peer, now };
    if (!claims6_has_room(&t->claims)) {
        tell6_about(s->home->events, EVENT_DHCP6_SILENCE, &h, "too much is asked at once");
        return;
    }
    struct dhcp6_arrival a = { .server_id = span_of(s->duid, s->duid_len),
                               .link = t->listener->link,
                               .multicast = d->local.address.bytes[0] == 0xff,
                               .relays = &s->relays,
                               .peer = s->relays.count ? s->relays.relay[s->relays.count - 1].peer
                                                       : address_to_ip6(d->peer.address),
                               .secret = s->secret };
    if (s->message.type == DHCP6_LEASEQUERY) {
        answer_query(t, i, &a, &h);
        return;
    }
    dhcp6_decide(decision, s->settings, &s->leases, &s->message, &a, now, &t->claims);
    if (decision->answer == DHCP6_ANSWER_DISCARD) {
        tell6_about(s->home->events, EVENT_DHCP6_DISCARD, &h, decision->reason);
        return;
    }
    tell_decided(s, &h);
    if (s->message.client_id.at && asks_again(s->message.type))
        recalls6_heard(s->recalls, s->message.client_id);
    if (decision->answer != DHCP6_ANSWER_SILENCE)
        write_answer(t, i, &a);
}

/* ---- sending ------------------------------------------------------------------------------------ */

/* What promises something leaves only when that is on disk and still so. */
static void forget_promises(struct turn6 *t, bool committed)
{
    for (size_t i = 0; i < t->batch->count; i++) {
        const struct answer_note *n = &t->notes[i];
        struct datagram *d = &t->batch->d[i];
        if (writer_length(&d->out) && n->claim_count &&
            !(committed && claims6_stand(&t->claims, n->claim_first, n->claim_count)))
            writer_back_to(&d->out, (struct mark){ 0 });
    }
}

static void out_of_hand(struct server6 *s)
{
    s->in_hand--;
    if (s->stopped && !s->in_hand)
        s->told_idle(s->owner);
}

/* Sends what is left of the batch and gives it back. */
static void turn_end(struct turn6 *t)
{
    struct server6 *s = t->listener->server;
    struct now now = loop_now(s->home->loop);
    bool there = t->listener->udp == t->batch->udp; /* the interface may have gone meanwhile */
    for (size_t i = 0; i < t->batch->count && there; i++)
        if (writer_length(&t->batch->d[i].out))
            tell6_answer(s->home->events, &t->notes[i].told, now);
    udp_send(t->batch->udp, t->batch);
    t->next_idle = s->idle;
    s->idle = t;
    out_of_hand(s);
}

static void arm_deadline(struct server6 *s, struct now now);

static void committed(void *owner, bool ok, const char *why)
{
    struct turn6 *t = owner;
    struct server6 *s = t->listener->server;
    struct now now = loop_now(s->home->loop);
    if (ok) {
        claims6_confirm(&s->leases, &t->claims, now);
    } else {
        claims6_withdraw(&s->leases, &t->claims, now);
        event_note(s->home->events, EVENT_DHCP6_WITHDRAWN, now, "reason", why);
    }
    forget_promises(t, ok);
    turn_end(t);
}

/* A batch in: decisions, one commit, a batch out. What promises nothing need not wait for the store. */
static void batch_came(void *owner, struct udp *u, struct batch *b, struct now now)
{
    struct listener6 *l = owner;
    struct server6 *s = l->server;
    struct turn6 *t = s->idle;
    if (s->draining || !t) { /* there are as many turns as batches */
        udp_send(u, b);
        return;
    }
    s->idle = t->next_idle;
    s->in_hand++;
    t->listener = l;
    t->batch = b;
    claims6_open(&s->leases, &t->claims);
    for (size_t i = 0; i < b->count; i++)
        answer_datagram(t, i, now);
    arm_deadline(s, now);
    if (t->claims.count)
        persist6_commit(&s->persist, &t->claims, now, committed, t);
    else
        turn_end(t);
}

/* ---- deadlines of leases -------------------------------------------------------------------------- */

static void deadline_passed(struct timer *timer, struct now now)
{
    struct server6 *s = list_item(timer, struct server6, deadline);
    leases6_run(&s->leases, now, LEASES_A_TURN);
    arm_deadline(s, now);
}

/* The table counts on unix time; the loop on time that never jumps. */
static void arm_deadline(struct server6 *s, struct now now)
{
    uint64_t due_unix_ms = leases6_next_due(&s->leases);
    uint64_t unix_ms = now.unix_ms < 0 ? 0 : (uint64_t)now.unix_ms;
    uint64_t wait_ms = due_unix_ms > unix_ms ? due_unix_ms - unix_ms : 0;
    uint64_t due_ms = now.mono_ms + (wait_ms < LOOK_AGAIN_MS ? wait_ms : LOOK_AGAIN_MS);
    if (due_unix_ms == TIMER_NEVER || (timer_armed(&s->deadline) && s->deadline.due_ms <= due_ms))
        return; /* what is armed earlier looks again */
    loop_arm(s->home->loop, &s->deadline, due_ms);
}

/* ---- who the server is ------------------------------------------------------------------------------ */

static void own_kept(void *owner, bool ok, const char *why)
{
    struct server6 *s = owner;
    if (!ok) /* the next start makes another one, and clients find it by a Rebind */
        event_note(s->home->events, EVENT_DHCP6_WITHDRAWN, loop_now(s->home->loop), "reason", why);
    out_of_hand(s);
}

/* DUID-LLT of the first interface that is listened on, else of any; DUID-UUID on a host that has no hardware
 * address. */
static void make_duid(struct server6 *s, struct now now)
{
    struct interface i;
    struct writer w = writer_over(s->duid, sizeof s->duid);
    const char *name = NULL;
    for (size_t n = 0; n < s->settings->listen_count && !name; n++)
        name = s->settings->listens[n].interface;
    interface_look(&i, name);
    if (!i.has_hardware) /* it is not there yet, or has none */
        interface_look(&i, NULL);
    if (i.has_hardware) {
        dhcp6_write_duid_llt(&w, span_of(i.hardware, sizeof i.hardware), now.unix_ms / 1000);
    } else {
        uint8_t random[16];
        entropy_fill(random, sizeof random);
        dhcp6_write_duid_uuid(&w, random);
    }
    s->duid_len = writer_length(&w);
    s->in_hand++;
    persist6_keep(&s->persist, OWN_DUID, writer_span(&w), own_kept, s);
}

static bool find_duid(struct server6 *s, struct now now, struct problem *p)
{
    struct span configured = s->settings->duid;
    if (configured.len) {
        memcpy(s->duid, configured.at, configured.len);
        s->duid_len = configured.len;
        return true;
    }
    if (!persist6_load(&s->persist, OWN_DUID, s->duid, sizeof s->duid, &s->duid_len, p))
        return false;
    if (s->duid_len < DHCP6_DUID_LEAST)
        make_duid(s, now);
    return true;
}

static bool find_secret(struct server6 *s, struct problem *p)
{
    size_t len;
    if (!persist6_load(&s->persist, OWN_SECRET, s->secret, sizeof s->secret, &len, p))
        return false;
    if (len == sizeof s->secret)
        return true;
    entropy_fill(s->secret, sizeof s->secret);
    s->in_hand++;
    persist6_keep(&s->persist, OWN_SECRET, span_of(s->secret, sizeof s->secret), own_kept, s);
    return true;
}

/* ---- clients that are told to ask again -------------------------------------------------------------- */

/* The one that is on the client's link; any other sends by the host's routes. */
static struct listener6 *listener_for(struct server6 *s, struct ip6 to)
{
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].udp && s->listeners[i].link && subnet6_contains(s->listeners[i].link, to))
            return &s->listeners[i];
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].udp)
            return &s->listeners[i];
    return NULL;
}

static void send_reconfigure(void *owner, struct ip6 to, struct span duid, struct now now)
{
    struct server6 *s = owner;
    uint8_t room[RECONFIGURE6_BYTES_MAX];
    struct writer w = writer_over(room, sizeof room);
    struct listener6 *l = listener_for(s, to);
    struct endpoint at = { .address = address_ip6(to), .port = DHCP6_CLIENT_PORT };
    uint64_t replay = now.unix_ms > 0 ? (uint64_t)now.unix_ms : 0;
    s->last_replay = replay > s->last_replay ? replay : s->last_replay + 1;
    struct span server_id = span_of(s->duid, s->duid_len);
    if (!l || !reconfigure6_write(&w, s->secret, server_id, duid, DHCP6_RENEW, s->last_replay))
        return;
    udp_send_one(l->udp, &at, NULL, 0, writer_span(&w));
    struct event ev;
    if (!event_happens(s->home->events, EVENT_DHCP6_RECONFIGURE))
        return;
    event_begin(&ev, EVENT_DHCP6_RECONFIGURE, now);
    event_hardware(&ev, "duid", duid);
    event_address(&ev, "address", at.address);
    event_emit(s->home->events, &ev);
}

struct recalling {
    struct server6 *server;
    const struct ip6 *address;
    size_t count;
};

static void recall(void *owner, const struct lease6 *x)
{
    struct recalling *r = owner;
    if (x->state != LEASE_BOUND || x->bits != DHCP6_ADDRESS_BITS || !x->accepts_reconfigure ||
        (r->address && !ip6_equal(*r->address, x->address)))
        return;
    r->count += recalls6_begin(r->server->recalls, x->address, lease6_tenant(x).duid,
                               loop_now(r->server->home->loop));
}

size_t server6_reconfigure(struct server6 *s, const struct ip6 *address)
{
    struct recalling r = { s, address, 0 };
    leases6_each(&s->leases, recall, &r);
    return r.count;
}

/* ---- start ------------------------------------------------------------------------------------------ */

static const struct dhcp6_listen *listen_of(const struct listener6 *l)
{
    return &l->server->settings->listens[l - l->server->listeners];
}

static const struct dhcp6_subnet *link_now(void *owner)
{
    const struct listener6 *l = owner;
    return l->link;
}

static bool advertises_somewhere(const struct dhcp6_settings *s)
{
    for (size_t i = 0; i < s->subnet_count; i++)
        if (s->subnets[i].advertises)
            return true;
    return false;
}

static void close_listener(void *listener)
{
    struct listener6 *l = listener;
    advertiser6_close(l->advertiser);
    if (l->udp)
        udp_close(l->udp);
    l->advertiser = NULL;
    l->udp = NULL;
    l->link = NULL;
}

/* Where the settings want one and there is none. */
static bool open_advertiser(struct listener6 *l, const struct dhcp6_settings *settings, struct problem *p)
{
    const char *interface = listen_of(l)->interface;
    if (interface && !l->advertiser && advertises_somewhere(settings))
        l->advertiser = advertiser6_open(l->server->home, interface, link_now, l, p);
    return l->advertiser || !interface || !advertises_somewhere(settings);
}

/* False: what is half open must be closed. */
static bool open_listener(void *listener, struct problem *p)
{
    struct listener6 *l = listener;
    struct server6 *s = l->server;
    const struct dhcp6_listen *at = listen_of(l);
    struct udp_options o = { .bind = at->at,
                             .in_bytes = DHCP6_BYTES_MAX,
                             .out_bytes = DHCP6_BYTES_MAX,
                             .buffer_bytes = SOCKET_BUFFER_BYTES };
    if (at->interface) {
        o.bind = (struct endpoint){ .address.family = FAMILY_IP6, .port = DHCP6_SERVER_PORT };
        o.interface = at->interface;
        o.groups = groups;
        o.group_count = sizeof groups / sizeof *groups;
    }
    l->udp = udp_open(s->home->loop, &o, batch_came, l, p);
    if (!l->udp)
        return false;
    l->port = udp_local(l->udp).port;
    return open_advertiser(l, s->settings, p);
}

static void tell_listening(const struct listener6 *l)
{
    struct endpoint where = udp_local(l->udp);
    if (listen_of(l)->interface)
        where.address = groups[0];
    home_listening(l->server->home, "dhcpd", "udp", &where, NULL);
}

/* ---- interfaces come and go ---------------------------------------------------------------------------- */

/* The interface may have an address of another subnet now: its hosts hear of it. */
static const char *look_at(void *listener, const struct interface *i)
{
    struct listener6 *l = listener;
    const struct dhcp6_subnet *link =
        subnet6_on(l->server->settings, listen_of(l)->interface, i->ip6, i->ip6_count);
    if (link != l->link && l->advertiser)
        advertiser6_tell(l->advertiser);
    l->link = link;
    return NULL;
}

static const struct follow_type follow_type = { .waiting = EVENT_DHCP6_INTERFACE_WAITING,
                                                .served = EVENT_DHCP6_INTERFACE_SERVED,
                                                .look = look_at,
                                                .open = open_listener,
                                                .close = close_listener };

void server6_follow(struct server6 *s, struct now now)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        struct listener6 *l = &s->listeners[i];
        const char *interface = listen_of(l)->interface;
        if (interface)
            follow_again(&l->follow, &follow_type, l, interface, s->home->events, now);
    }
}

static bool open_listeners(struct server6 *s, struct now now, struct problem *p)
{
    size_t count = s->settings->listen_count, turns = count * UDP_BATCHES;
    s->listeners = calloc(count ? count : 1, sizeof *s->listeners);
    s->turns = calloc(turns ? turns : 1, sizeof *s->turns);
    if (!s->listeners || !s->turns) {
        problem_set(p, "dhcpd: out of memory");
        return false;
    }
    for (size_t i = 0; i < turns; i++) {
        s->turns[i].next_idle = s->idle;
        s->idle = &s->turns[i];
    }
    for (; s->listener_count < count; s->listener_count++) {
        struct listener6 *l = &s->listeners[s->listener_count];
        l->server = s;
        const char *interface = listen_of(l)->interface;
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

struct server6 *server6_start(struct home *h, const struct dhcp6_settings *settings, server6_idle_fn *idle,
                              void *owner, struct problem *p)
{
    struct now now = loop_now(h->loop);
    struct store *store = home_store(h, p);
    struct server6 *s = store ? calloc(1, sizeof *s) : NULL;
    if (!s || !leases6_open(&s->leases, rng_next(&h->rng), h->events)) {
        if (store)
            problem_set(p, "dhcpd: out of memory");
        free(s);
        return NULL;
    }
    s->home = h;
    s->settings = settings;
    s->told_idle = idle;
    s->owner = owner;
    s->deadline.fire = deadline_passed;
    bool opened = persist6_open(&s->persist, store, &s->leases, now, p);
    if (opened && !(opened = leases6_settle(&s->leases, settings, now)))
        problem_set(p, "dhcpd: out of memory");
    s->recalls = recalls6_open(h->loop, send_reconfigure, s);
    if (opened && !s->recalls) {
        problem_set(p, "dhcpd: out of memory");
        opened = false;
    }
    if (opened && open_listeners(s, now, p) && find_duid(s, now, p) && find_secret(s, p)) {
        arm_deadline(s, now);
        return s;
    }
    server6_stop(s);
    server6_free(s);
    return NULL;
}

void server6_watch(struct server6 *s,
                   void (*changed)(void *owner, const struct lease6 *x, bool bound, struct now now),
                   void *owner)
{
    s->leases.changed = changed;
    s->leases.owner = owner;
}

static bool same_listens(const struct dhcp6_settings *a, const struct dhcp6_settings *b)
{
    if (a->listen_count != b->listen_count)
        return false;
    for (size_t i = 0; i < a->listen_count; i++) {
        const struct dhcp6_listen *x = &a->listens[i], *y = &b->listens[i];
        if (!x->interface != !y->interface || (x->interface && strcmp(x->interface, y->interface) != 0) ||
            !endpoint_equal(&x->at, &y->at))
            return false;
    }
    return true;
}

bool server6_reload(struct server6 *s, const struct dhcp6_settings *settings, struct problem *p)
{
    struct now now = loop_now(s->home->loop);
    if (!same_listens(s->settings, settings) || !span_equal(s->settings->duid, settings->duid)) {
        problem_set(p, "dhcpd: `listen` or `duid` changed, which needs a restart");
        return false;
    }
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].udp && !open_advertiser(&s->listeners[i], settings, p))
            return false;
    if (!leases6_settle(&s->leases, settings, now)) {
        problem_set(p, "dhcpd: out of memory");
        return false;
    }
    for (size_t i = 0; i < s->listener_count; i++) {
        struct listener6 *l = &s->listeners[i];
        const struct dhcp6_subnet *next = l->link ? subnet6_of(settings, l->link->network) : NULL;
        if (l->advertiser && !(next && next->advertises))
            advertiser6_withdraw(l->advertiser);
        l->link = NULL; /* it was the old settings' */
    }
    s->settings = settings;
    server6_follow(s, now);
    arm_deadline(s, now);
    return true;
}

struct releasing {
    struct server6 *server;
    struct lease6_claims claims;
    store_done_fn *done;
    void *owner;
};

static void released(void *owner, bool ok, const char *why)
{
    struct releasing *r = owner;
    struct server6 *s = r->server;
    struct now now = loop_now(s->home->loop);
    if (ok)
        claims6_confirm(&s->leases, &r->claims, now);
    else
        claims6_withdraw(&s->leases, &r->claims, now);
    r->done(r->owner, ok, why);
    free(r);
    out_of_hand(s);
}

bool server6_release(struct server6 *s, struct ip6 address, store_done_fn *done, void *owner)
{
    struct now now = loop_now(s->home->loop);
    struct lease6 *x = leases6_find(&s->leases, address);
    struct releasing *r = x && x->state == LEASE_BOUND ? calloc(1, sizeof *r) : NULL;
    if (!r)
        return false;
    *r = (struct releasing){ .server = s, .done = done, .owner = owner };
    claims6_open(&s->leases, &r->claims);
    lease6_release(&s->leases, x, now, &r->claims);
    s->in_hand++;
    persist6_commit(&s->persist, &r->claims, now, released, r);
    arm_deadline(s, now);
    return true;
}

struct server6_use server6_use(const struct server6 *s, const struct dhcp6_subnet *sn)
{
    struct server6_use u = { .addresses = leases6_pool(&s->leases, sn)->in_use };
    u.prefixes = leases6_prefix_pool(&s->leases, sn, NULL)->in_use;
    for (size_t i = 0; i < sn->prefix_pool_count; i++)
        u.prefixes += leases6_prefix_pool(&s->leases, sn, &sn->prefix_pools[i])->in_use;
    return u;
}

void server6_drain(struct server6 *s)
{
    s->draining = true;
}

bool server6_busy(const struct server6 *s)
{
    return s->in_hand != 0;
}

void server6_stop(struct server6 *s)
{
    for (size_t i = 0; i < s->listener_count; i++)
        close_listener(&s->listeners[i]);
    loop_disarm(s->home->loop, &s->deadline);
    recalls6_close(s->recalls);
    s->recalls = NULL;
    s->stopped = true;
}

void server6_free(struct server6 *s)
{
    leases6_close(&s->leases);
    free(s->listeners);
    free(s->turns);
    free(s);
}
