/* Weeks of a network in a second: the lab's DHCPv6 clients against the decisions, the lease table and the
 * rows of dhcpd, on a virtual clock. Clients come, renew, confirm, release, decline and crash; messages are
 * lost, doubled or late; commits fail, and the server is killed at any moment.
 *
 * What must hold: no address is granted to a client while another one holds it; what was granted is known
 * after a kill; and in the end every address can be given away again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef assert /* cmocka's */
#include "dhcp6_world.h"
#include "dhcpd/row6.h"
#include "lab/client_dhcp6.h"

#define WEEKS       4
#define CLIENTS     60
#define POOL        48 /* fewer than clients */
#define FIRST       0x100
#define LETTERS_MAX 256
#define END_MS      (UINT64_C(1000) * 86400 * 7 * WEEKS)

static const char inside[] =
    "decline-time = \"2h\"\n"
    "subnet6 \"2001:db8:1:2::/64\" { pool = { \"2001:db8:1:2::100-2001:db8:1:2::12f\" }\n"
    " valid-lifetime = \"2h\" preferred-lifetime = \"1h\" }\n";

struct player {
    struct client_dhcp6 client;
    struct client_dhcp6_settings settings;
    uint8_t duid[DHCP6_DUID_MAX];
    bool active;      /* an exchange is under way */
    uint64_t next_ms; /* else: when the next one begins */
    uint8_t next;     /* and with which message */
};

struct letter {
    bool used, to_server;
    unsigned player;
    uint64_t due_ms;
    size_t len;
    uint8_t bytes[512];
};

static struct world6 w;
static struct rng rng;
static struct player players[CLIENTS];
static struct letter letters[LETTERS_MAX];
static struct {
    unsigned player;
    int64_t until_s; /* 0: nobody's */
} holder[POOL];      /* what clients were told: the truth that the server is held against */
static struct {
    bool used;
    struct store_value values[STORE_COLUMNS_MAX];
    struct row6_room room;
    uint8_t duid[DHCP6_DUID_MAX];
} disk[POOL];
static unsigned grants, kills, failures;

static bool chance(unsigned of_thousand)
{
    return rng_below(&rng, 1000) < of_thousand;
}

static void post(bool to_server, unsigned player, struct span bytes)
{
    unsigned copies = chance(30) ? 2 : 1;
    for (unsigned copy = 0; copy < copies; copy++) {
        if (!bytes.len || chance(50))
            continue;
        for (size_t i = 0; i < LETTERS_MAX; i++)
            if (!letters[i].used) {
                letters[i] =
                    (struct letter){ .used = true,
                                     .to_server = to_server,
                                     .player = player,
                                     .due_ms = w.now.mono_ms + rng_below(&rng, chance(20) ? 5000 : 20),
                                     .len = bytes.len };
                assert_true(bytes.len <= sizeof letters[i].bytes);
                memcpy(letters[i].bytes, bytes.at, bytes.len);
                break;
            }
    }
}

/* ---- the server -------------------------------------------------------------------------------- */

static void write_disk(void)
{
    for (size_t i = 0; i < w.claims.count; i++) {
        const struct lease6 *x = w.claims.change[i].lease;
        size_t at = x->address.low - FIRST;
        struct store_change c;
        row6_write(&c, &disk[at].room, x, w.now);
        memcpy(disk[at].values, c.values, sizeof disk[at].values);
        struct span *duid = &disk[at].values[3].bytes; /* the column of the DUID points into the lease */
        if (duid->at) {
            memcpy(disk[at].duid, duid->at, duid->len);
            duid->at = disk[at].duid;
        }
        disk[at].used = true;
    }
}

static void kill_server(void)
{
    kills++;
    leases6_close(&w.leases);
    assert_true(leases6_open(&w.leases, rng_next(&rng), NULL));
    for (size_t i = 0; i < POOL; i++) {
        struct lease6_record r;
        if (disk[i].used) {
            assert_true(row6_read(&r, disk[i].values));
            assert_true(leases6_restore(&w.leases, &r, w.now));
        }
    }
    assert_true(leases6_settle(&w.leases, &w.settings->six, w.now));
    for (size_t i = 0; i < POOL; i++) {
        if (holder[i].until_s <= now_s(w.now))
            continue;
        const struct lease6 *x = leases6_find(&w.leases, WORLD6(FIRST + i));
        assert_true(x && x->state == LEASE_BOUND && x->until_s >= holder[i].until_s);
    }
}

/* What the client gives up is nobody's as soon as the server has heard of it. */
static void forget_holders(void)
{
    if (w.message.type != DHCP6_RELEASE && w.message.type != DHCP6_DECLINE)
        return;
    for (size_t i = 0; i < w.claims.count; i++)
        holder[w.claims.change[i].lease->address.low - FIRST].until_s = 0;
}

static void note_grants(unsigned player)
{
    const struct dhcp6_decision *d = &w.decision;
    if (d->answer != DHCP6_ANSWER_REPLY)
        return;
    for (size_t i = 0; i < w.claims.count; i++) /* what went to nobody, because something else was granted */
        if (!w.claims.change[i].until_s)
            holder[w.claims.change[i].lease->address.low - FIRST].until_s = 0;
    for (size_t i = 0; i < d->grant_count; i++) {
        const struct dhcp6_grant *g = &d->grants[i];
        size_t at = g->address.low - FIRST;
        if (!g->valid_s)
            continue;
        assert_true(at < POOL);
        assert_true(holder[at].until_s <= w.now.unix_ms / 1000 || holder[at].player == player);
        holder[at].player = player;
        holder[at].until_s = now_s(w.now) + g->valid_s;
        grants++;
    }
}

static void serve(const struct letter *l)
{
    if (dhcp6_parse(&w.message, span_of(l->bytes, l->len)) != DHCP6_FINE)
        fail();
    leases6_run(&w.leases, w.now, SIZE_MAX);
    claims6_open(&w.leases, &w.claims);
    dhcp6_decide(&w.decision, &w.settings->six, &w.leases, &w.message, &w.arrival, w.now, &w.claims);
    if (w.decision.answer == DHCP6_ANSWER_SILENCE)
        return;
    assert_int_not_equal(w.decision.answer, DHCP6_ANSWER_DISCARD);
    if (w.claims.count && chance(10)) { /* the disk is full for a moment */
        failures++;
        forget_holders();
        claims6_withdraw(&w.leases, &w.claims, w.now);
        if (w.message.type == DHCP6_REQUEST) /* it gave others up in memory before */
            for (size_t i = 0; i < w.claims.count; i++)
                if (!w.claims.change[i].until_s)
                    holder[w.claims.change[i].lease->address.low - FIRST].until_s = 0;
        return;
    }
    write_disk();
    claims6_confirm(&w.leases, &w.claims, w.now);
    forget_holders();
    note_grants(l->player);
    post(false, l->player, world6_reply(&w));
}

/* ---- the clients --------------------------------------------------------------------------------- */

static void begin(unsigned n)
{
    struct player *p = &players[n];
    uint8_t room[DHCP6_BYTES_MAX];
    struct writer out = writer_over(room, sizeof room);
    p->active = true;
    p->settings.wish = chance(300) ? WORLD6(FIRST + rng_below(&rng, POOL)) : (struct ip6){ 0, 0 };
    client_dhcp6_start(&p->client, &p->settings, p->next, rng_next(&rng), w.now, &out);
    post(true, n, writer_span(&out));
}

static void plan(struct player *p, uint8_t next, uint64_t in_ms)
{
    p->active = false;
    p->next = next;
    p->next_ms = w.now.mono_ms + in_ms;
}

/* An exchange ended: what the client does next, and when. */
static void go_on(struct player *p)
{
    uint64_t minutes = 60000;
    bool holds =
        p->client.what == DHCP6_SOLICIT || p->client.what == DHCP6_RENEW || p->client.what == DHCP6_REBIND;
    if (p->client.state == CLIENT_DHCP6_FAILED) {
        plan(p, DHCP6_SOLICIT, rng_below(&rng, 60 * minutes));
        return;
    }
    if (holds || p->client.message == DHCP6_REQUEST)
        p->settings.held = p->client.bound;
    if (p->client.what == DHCP6_RELEASE || p->client.what == DHCP6_DECLINE || chance(50))
        plan(p, DHCP6_SOLICIT, rng_below(&rng, 300 * minutes)); /* or it crashed, and knows nothing */
    else if (chance(50)) /* it slept, and believes that its address waited for it */
        plan(p, DHCP6_REBIND, rng_below(&rng, 300 * minutes));
    else if (chance(100))
        plan(p, DHCP6_RELEASE, rng_below(&rng, 30 * minutes));
    else if (chance(20))
        plan(p, DHCP6_DECLINE, 1000);
    else if (chance(100))
        plan(p, DHCP6_CONFIRM, rng_below(&rng, 20 * minutes));
    else
        plan(p, chance(50) ? DHCP6_REBIND : DHCP6_RENEW, (uint64_t)p->settings.held.t1_s * 1000);
}

static void look_at_state(unsigned n, const struct writer *out)
{
    struct player *p = &players[n];
    post(true, n, writer_span(out));
    if (p->client.state == CLIENT_DHCP6_DONE || p->client.state == CLIENT_DHCP6_FAILED)
        go_on(p);
}

static void play(unsigned n, const struct letter *l)
{
    struct player *p = &players[n];
    uint8_t room[DHCP6_BYTES_MAX];
    struct writer out = writer_over(room, sizeof room);
    if (l && p->active)
        client_dhcp6_take(&p->client, span_of(l->bytes, l->len), w.now, &out);
    else if (!l && p->active)
        client_dhcp6_expire(&p->client, w.now, &out);
    else if (!l)
        begin(n);
    if (p->active)
        look_at_state(n, &out);
}

/* ---- time ------------------------------------------------------------------------------------------- */

static uint64_t due_of(const struct player *p)
{
    return p->active ? p->client.due_ms : p->next_ms;
}

static void advance_to(uint64_t ms)
{
    if (ms > w.now.mono_ms) {
        w.now.unix_ms += (int64_t)(ms - w.now.mono_ms);
        w.now.mono_ms = ms;
    }
}

/* Whatever is due next; each call moves one letter or one client. */
static void step(void)
{
    struct letter *first = NULL;
    unsigned who = 0;
    for (size_t i = 0; i < LETTERS_MAX; i++)
        if (letters[i].used && (!first || letters[i].due_ms < first->due_ms))
            first = &letters[i];
    for (unsigned n = 1; n < CLIENTS; n++)
        if (due_of(&players[n]) < due_of(&players[who]))
            who = n;
    if (!first || due_of(&players[who]) < first->due_ms) {
        advance_to(due_of(&players[who]));
        play(who, NULL);
        return;
    }
    advance_to(first->due_ms);
    struct letter l = *first;
    first->used = false;
    if (l.to_server)
        serve(&l);
    else
        play(l.player, &l);
}

static void weeks_of_a_network(void **state)
{
    (void)state;
    rng_seed(&rng, 20261123);
    world6_open(&w, inside);
    for (unsigned n = 0; n < CLIENTS; n++) {
        struct player *p = &players[n];
        p->settings = (struct client_dhcp6_settings){ .duid = duid6(n + 1, n % 3 ? 0 : 40, p->duid),
                                                      .iaid = n,
                                                      .elapsed_time = true };
        plan(p, DHCP6_SOLICIT, rng_below(&rng, 3600000));
    }
    while (w.now.mono_ms < END_MS) {
        step();
        if (rng_below(&rng, 5000) == 0)
            kill_server();
    }
    assert_true(grants > 10000 && kills > 10 && failures > 50);
    world6_pass(&w, 86400);
    assert_int_equal(w.leases.count[LEASE_FREE], POOL);
    assert_int_equal(w.leases.by_address.node_count, POOL);
    world6_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(weeks_of_a_network) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
