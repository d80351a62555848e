/* A year of a network in seconds: the decisions, the lease table and the rows of dhcpd, on a virtual clock,
 * with clients that come, renew, reboot, release, decline, crash and move between two networks, messages that
 * are lost, doubled or late, a store that is slow and sometimes fails, and a server that is killed at any
 * moment.
 *
 * What must hold:
 *   - an address is never acknowledged to a client while another one holds it;
 *   - after a kill every acknowledged lease is known, for no shorter time than was promised;
 *   - a lease that is over is no longer held, and no address is lost: in the end all can be given away again.
 *
 *     sim_dhcp [SEED]     the seed of a failure is printed with it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp_world.h"
#include "dhcpd/row.h"
#include "rng.h"

#include <stdlib.h>

#define DAYS            366
#define CLIENTS         260
#define SUBNETS         2
#define POOL            100 /* addresses a subnet: fewer than clients */
#define ADDRESSES       (SUBNETS * POOL)
#define LEASE_S         (8 * 3600)
#define DECLINE_S       (24 * 3600)
#define BATCH_MAX       64
#define BATCHES_IN_HAND 4
#define DAY_MS          (UINT64_C(86400) * 1000)
#define START_UNIX_MS   (UINT64_C(1790000000) * 1000)

static const char configuration[] =
    "decline-time = \"24h\""
    "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.109\" } lease-time = \"8h\" "
    "min-lease-time = \"1h\" }"
    "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10-192.168.2.109\" } lease-time = \"8h\" "
    "min-lease-time = \"1h\""
    " host \"fixed\" { hardware = \"02:00:00:00:00:07\" address = \"192.168.2.20\" } }";

enum doing { OFF, SELECTING, REQUESTING, REBOOTING, HOLDING };

struct client {
    struct timer timer; /* first */
    enum doing doing;
    unsigned number, subnet, tries;
    uint32_t address;
    uint64_t asked_ms, renew_ms, end_ms; /* as the client believes */
};

/* Who was acknowledged what: the truth that the server is held against. */
struct holder {
    unsigned client;
    uint64_t until_ms; /* 0: nobody */
};

/* The disk: what was committed. */
struct row {
    bool used;
    struct store_value values[STORE_COLUMNS_MAX];
    uint8_t bytes[STORE_COLUMNS_MAX][64];
};

struct letter {
    struct says says;
    unsigned subnet;
};

struct reply {
    bool ack;
    struct dhcp4_decision decision;
    unsigned client;
    uint64_t asked_ms;
};

struct hand {
    struct timer commit; /* first */
    bool used;
    struct lease_claims claims;
    struct row rows[LEASE_CLAIMS_MAX];
    uint32_t row_address[LEASE_CLAIMS_MAX];
    struct reply replies[BATCH_MAX];
    size_t reply_count;
};

static struct {
    uint64_t seed, ms;
    struct rng rng;
    struct timers timers;
    struct client clients[CLIENTS];
    struct holder holders[ADDRESSES];
    struct row disk[ADDRESSES];
    struct dhcp_settings *settings;
    struct leases leases;
    struct hand hands[BATCHES_IN_HAND];
    struct letter waiting[BATCH_MAX];
    size_t waiting_count;
    struct timer turn, mishap, deadline;
    struct dhcp4_message m;
    size_t acks, kills, failures, naks, declines;
} sim;

static void broken(const char *what, uint32_t address, unsigned a, unsigned b)
{
    fail_msg("seed %llu, day %llu: %s (192.168.%u.%u, clients %u and %u); again with: sim_dhcp %llu",
             (unsigned long long)sim.seed, (unsigned long long)(sim.ms / DAY_MS), what, address >> 8 & 255,
             address & 255, a, b, (unsigned long long)sim.seed);
}

static struct now now_of(void)
{
    return (struct now){ .mono_ms = sim.ms, .unix_ms = (int64_t)(START_UNIX_MS + sim.ms) };
}

static bool chance(unsigned in_thousand)
{
    return rng_below(&sim.rng, 1000) < in_thousand;
}

static size_t slot_of(uint32_t address)
{
    return (size_t)((address >> 8 & 255) - 1) * POOL + (address & 255) - 10;
}

/* ---- what is promised ------------------------------------------------------------------------ */

static void acknowledged(unsigned client, uint32_t address, uint64_t asked_ms, uint32_t lease_s)
{
    struct holder *h = &sim.holders[slot_of(address)];
    if (h->until_ms > sim.ms && h->client != client)
        broken("acknowledged to a client while another one holds it", address, client, h->client);
    h->client = client;
    h->until_ms = asked_ms + (uint64_t)lease_s * 1000; /* RFC 2131 4.4.1: counted from the request */
    sim.acks++;
}

static void gave_up(unsigned client, uint32_t address)
{
    struct holder *h = &sim.holders[slot_of(address)];
    if (h->client == client)
        h->until_ms = 0;
}

/* A client that is granted another address had come to ask anew: it holds no other one on that network. */
static void moved(unsigned client, uint32_t address)
{
    size_t first = slot_of(address) / POOL * POOL;
    for (size_t i = first; i < first + POOL; i++)
        if (sim.holders[i].client == client && i != slot_of(address))
            sim.holders[i].until_ms = 0;
}

static void check_table(void)
{
    size_t sum = 0;
    for (size_t s = 0; s < LEASE_STATES; s++)
        sum += sim.leases.count[s];
    if (sum != sim.leases.by_address.node_count || sum > ADDRESSES)
        broken("the table has lost count", 0, 0, 0);
    for (uint32_t i = 0; i < ADDRESSES; i++) {
        uint32_t address = IP(192, 168, 1 + i / POOL, 10 + i % POOL);
        struct lease *x = leases_find(&sim.leases, address);
        const struct holder *h = &sim.holders[i];
        if (x && x->state != LEASE_FREE && x->state != LEASE_CLAIMED &&
            x->until_s * 1000 + 2000 < now_of().unix_ms)
            broken("a lease that is over is still held", address, h->client, 0);
        if (h->until_ms <= sim.ms)
            continue;
        if (!x || (x->state != LEASE_BOUND && x->state != LEASE_CLAIMED))
            broken("an acknowledged lease is not known", address, h->client, 0);
        if (x->until_s * 1000 < (int64_t)(START_UNIX_MS + h->until_ms))
            broken("a lease is kept for a shorter time than was promised", address, h->client, 0);
    }
}

/* ---- the server: batches, the store, kills ------------------------------------------------------ */

static void wake(struct timer *t, uint64_t after_ms)
{
    timer_arm(&sim.timers, t, sim.ms + after_ms);
}

static void copy_row(struct row *r, const struct lease *x)
{
    struct store_change c;
    struct row_room room;
    row_write(&c, &room, x, now_of());
    r->used = true;
    for (size_t i = 0; i < c.table->column_count; i++) {
        r->values[i] = c.values[i];
        if (c.table->columns[i].type != STORE_NUMBER && c.values[i].bytes.at)
            memcpy(r->bytes[i], c.values[i].bytes.at, c.values[i].bytes.len);
    }
}

static void client_hears(struct client *c, const struct reply *r);

static void deliver(struct hand *h, bool committed)
{
    for (size_t i = 0; i < h->reply_count; i++) {
        struct reply *r = &h->replies[i];
        if (r->ack && !(committed && claims_stand(&h->claims, r->decision.claim)))
            continue;
        if (r->ack)
            acknowledged(r->client, r->decision.address, r->asked_ms, r->decision.lease_s);
        if (!chance(20)) /* else it is lost */
            client_hears(&sim.clients[r->client], r);
    }
    h->used = false;
}

static void to_disk(struct hand *h)
{
    for (size_t i = 0; i < h->claims.count; i++)
        sim.disk[slot_of(h->row_address[i])] = h->rows[i];
}

static void commit_done(struct timer *t, struct now now)
{
    struct hand *h = (struct hand *)t;
    (void)now;
    bool ok = !chance(10);
    if (ok) {
        to_disk(h);
        claims_confirm(&sim.leases, &h->claims, now_of());
    } else {
        sim.failures++;
        claims_withdraw(&sim.leases, &h->claims, now_of());
    }
    deliver(h, ok);
}

static struct hand *free_hand(void)
{
    for (size_t i = 0; i < BATCHES_IN_HAND; i++)
        if (!sim.hands[i].used)
            return &sim.hands[i];
    return NULL;
}

static void decide_one(struct hand *h, const struct letter *l)
{
    uint8_t bytes[DHCP4_BYTES_MAX];
    uint32_t own = IP(192, 168, 1 + l->subnet, 5);
    struct dhcp4_arrival a = { .server = own, .link = own, .broadcast = !l->says.ciaddr };
    if (dhcp4_parse(&sim.m, message_bytes(&l->says, bytes, sizeof bytes)) != DHCP4_FINE)
        broken("a client's message is not understood", 0, l->says.mac, 0);
    struct reply *r = &h->replies[h->reply_count];
    r->decision = dhcp4_decide(sim.settings, &sim.leases, &sim.m, &a, now_of(), &h->claims);
    r->ack = r->decision.answer == DHCP4_ANSWER_ACK;
    r->client = l->says.mac;
    r->asked_ms = sim.ms;
    if (r->ack)
        moved(r->client, r->decision.address);
    if (r->decision.answer != DHCP4_ANSWER_SILENCE)
        h->reply_count++;
    if (l->says.type == DHCP4_RELEASE || l->says.type == DHCP4_DECLINE)
        gave_up(l->says.mac, l->says.type == DHCP4_RELEASE ? l->says.ciaddr : l->says.requested);
}

static void arm_deadline(void);

/* Whatever has come since the last turn is one batch. */
static void server_turn(struct timer *t, struct now now)
{
    struct hand *h = free_hand();
    (void)now;
    if (!h) { /* all wait for the store */
        wake(t, 1);
        return;
    }
    h->used = true;
    h->reply_count = 0;
    claims_open(&sim.leases, &h->claims);
    for (size_t i = 0; i < sim.waiting_count; i++)
        decide_one(h, &sim.waiting[i]);
    sim.waiting_count = 0;
    arm_deadline();
    for (size_t i = 0; i < h->claims.count; i++) {
        h->row_address[i] = h->claims.change[i].lease->address;
        copy_row(&h->rows[i], h->claims.change[i].lease);
    }
    /* one store commits in order: a later batch is never on disk before an earlier one */
    uint64_t last_ms = sim.ms;
    for (size_t i = 0; i < BATCHES_IN_HAND; i++)
        if (timer_armed(&sim.hands[i].commit) && sim.hands[i].commit.due_ms > last_ms)
            last_ms = sim.hands[i].commit.due_ms;
    if (h->claims.count)
        timer_arm(&sim.timers, &h->commit, last_ms + rng_below(&sim.rng, chance(5) ? 20000 : 20));
    else
        deliver(h, true);
}

static void send_letter(const struct says *says, unsigned subnet)
{
    if (chance(20) || sim.waiting_count == BATCH_MAX)
        return; /* lost */
    for (unsigned copies = chance(10) ? 2 : 1; copies && sim.waiting_count < BATCH_MAX; copies--)
        sim.waiting[sim.waiting_count++] = (struct letter){ *says, subnet };
    if (!timer_armed(&sim.turn))
        wake(&sim.turn, rng_below(&sim.rng, 5));
}

/* As soon as a lease can be over; a server that was asleep looks late, never early. */
static void arm_deadline(void)
{
    uint64_t due_ms = leases_next_due(&sim.leases);
    if (due_ms == TIMER_NEVER)
        timer_stop(&sim.timers, &sim.deadline);
    else
        timer_arm(&sim.timers, &sim.deadline,
                  due_ms > START_UNIX_MS + sim.ms ? due_ms - START_UNIX_MS : sim.ms + 1);
}

static void server_deadline(struct timer *t, struct now now)
{
    (void)t;
    (void)now;
    leases_run(&sim.leases, now_of(), 512);
    arm_deadline();
}

static void server_start(void)
{
    if (!leases_open(&sim.leases, rng_next(&sim.rng), NULL))
        broken("no memory", 0, 0, 0);
    for (size_t i = 0; i < ADDRESSES; i++) {
        struct lease_record record;
        uint8_t room[LEASE_HARDWARE_MAX];
        struct row *r = &sim.disk[i];
        if (!r->used)
            continue;
        for (size_t v = 0; v < lease_table.column_count; v++)
            if (lease_table.columns[v].type != STORE_NUMBER && r->values[v].bytes.at)
                r->values[v].bytes.at = r->bytes[v];
        if (!row_read(&record, room, r->values))
            broken("a row cannot be read", 0, (unsigned)i, 0);
        leases_restore(&sim.leases, &record, now_of());
    }
    leases_settle(&sim.leases, sim.settings, now_of());
    arm_deadline();
}

/* The process is gone; of what was being committed the first few batches may have reached the disk. */
static void server_kill(void)
{
    size_t survive = (size_t)rng_below(&sim.rng, BATCHES_IN_HAND + 1);
    for (size_t n = 0; n < BATCHES_IN_HAND; n++) {
        struct hand *first = NULL;
        for (size_t i = 0; i < BATCHES_IN_HAND; i++)
            if (timer_armed(&sim.hands[i].commit) &&
                (!first || sim.hands[i].claims.number < first->claims.number))
                first = &sim.hands[i];
        if (!first)
            break;
        if (n < survive)
            to_disk(first);
        timer_stop(&sim.timers, &first->commit);
        first->used = false;
    }
    sim.waiting_count = 0;
    leases_close(&sim.leases);
    server_start();
    sim.kills++;
    check_table();
}

static void mishap(struct timer *t, struct now now)
{
    (void)now;
    if (chance(300))
        server_kill();
    else
        check_table();
    wake(t, rng_below(&sim.rng, DAY_MS / 2));
}

/* ---- clients ------------------------------------------------------------------------------------- */

static void client_says(struct client *c, struct says says)
{
    says.mac = c->number;
    if (c->number % 3 == 0)
        says.client_id = span_of("\xff\x00\x01machine", 3 + c->number % 7);
    if (c->number % 3 == 0 && c->number % 7 == 0)
        says.client_id = (struct span){ NULL, 0 };
    if (says.client_id.at) { /* different ones for different clients */
        static uint8_t id[CLIENTS][9];
        struct writer w = writer_over(id[c->number], 9);
        write_u8(&w, 0xff);
        write_u32(&w, c->number);
        write_u32(&w, 77);
        says.client_id = writer_span(&w);
    }
    if (c->number % 5 == 0)
        says.lease_s = 3600 * (1 + c->number % 11);
    c->asked_ms = sim.ms;
    send_letter(&says, c->subnet);
}

static void begin(struct client *c)
{
    c->doing = SELECTING;
    uint32_t any = IP(192, 168, 1 + rng_below(&sim.rng, SUBNETS), 5 + rng_below(&sim.rng, POOL + 10));
    uint32_t requested = chance(300) ? any : chance(500) ? c->address : 0;
    c->address = 0;
    client_says(c, (struct says){ .type = DHCP4_DISCOVER, .requested = requested });
    c->tries = c->tries < 8 ? c->tries + 1 : c->tries;
    wake(&c->timer, (UINT64_C(2000) << c->tries) + rng_below(&sim.rng, 60000)); /* RFC 2131 4.1 */
}

static void rest(struct client *c, uint64_t most_ms)
{
    c->doing = OFF;
    wake(&c->timer, rng_below(&sim.rng, most_ms));
}

static void take(struct client *c, const struct reply *r)
{
    uint64_t lease_ms = (uint64_t)r->decision.lease_s * 1000;
    if (chance(2)) { /* somebody else answers to that address */
        client_says(c, (struct says){ .type = DHCP4_DECLINE,
                                      .requested = r->decision.address,
                                      .server = IP(192, 168, 1 + c->subnet, 5) });
        sim.declines++;
        rest(c, 20000);
        return;
    }
    c->doing = HOLDING;
    c->tries = 0;
    c->address = r->decision.address;
    c->renew_ms = c->asked_ms + lease_ms / 2;
    c->end_ms = c->asked_ms + lease_ms;
    timer_arm(&sim.timers, &c->timer, c->renew_ms > sim.ms ? c->renew_ms : sim.ms + 1);
}

static void client_hears(struct client *c, const struct reply *r)
{
    uint32_t subnet = (r->decision.address >> 8 & 255) - 1;
    if (r->decision.answer == DHCP4_ANSWER_OFFER && c->doing == SELECTING && subnet == c->subnet) {
        c->doing = REQUESTING;
        c->address = r->decision.address;
        if (chance(5)) /* a client gone mad takes what it likes */
            c->address = IP(192, 168, 1 + c->subnet, 10 + rng_below(&sim.rng, POOL));
        if (chance(50)) /* another server was faster */
            client_says(c, (struct says){ .type = DHCP4_REQUEST, .requested = 1, .server = 9 });
        else
            client_says(c, (struct says){ .type = DHCP4_REQUEST,
                                          .requested = c->address,
                                          .server = IP(192, 168, 1 + c->subnet, 5) });
        wake(&c->timer, 4000 + rng_below(&sim.rng, 4000));
    } else if (r->decision.answer == DHCP4_ANSWER_NAK && c->doing != OFF && c->doing != SELECTING) {
        sim.naks++;
        if (c->address)
            gave_up(c->number, c->address);
        begin(c);
    } else if (r->ack && c->doing >= REQUESTING && c->address == r->decision.address) {
        take(c, r);
    }
}

/* What a client that holds a lease does next. */
static void live_on(struct client *c)
{
    if (sim.ms >= c->end_ms) {
        begin(c);
    } else if (chance(30)) {
        client_says(c, (struct says){ .type = DHCP4_RELEASE,
                                      .ciaddr = c->address,
                                      .server = IP(192, 168, 1 + c->subnet, 5) });
        gave_up(c->number, c->address); /* whether the message comes through or not */
        rest(c, 2 * DAY_MS);
    } else if (chance(30)) { /* crashes: forgets all, comes back as a new one, sometimes elsewhere */
        c->subnet = chance(300) ? !c->subnet : c->subnet;
        rest(c, DAY_MS);
    } else if (chance(60)) { /* reboots, sometimes on another network, with its lease in mind */
        c->doing = REBOOTING;
        c->subnet = chance(200) ? !c->subnet : c->subnet;
        client_says(c, (struct says){ .type = DHCP4_REQUEST, .requested = c->address });
        wake(&c->timer, 4000);
    } else {
        client_says(c, (struct says){ .type = DHCP4_REQUEST, .ciaddr = c->address });
        uint64_t left_ms = c->end_ms - sim.ms;
        wake(&c->timer, left_ms / 2 + 1000 > left_ms ? left_ms : left_ms / 2 + 1000);
    }
}

static void client_wakes(struct timer *t, struct now now)
{
    struct client *c = (struct client *)t;
    (void)now;
    if (c->doing == HOLDING)
        live_on(c);
    else
        begin(c);
}

/* ---- the year --------------------------------------------------------------------------------------- */

static void run_until(uint64_t until_ms)
{
    for (uint64_t due; (due = timers_next_due(&sim.timers)) <= until_ms;) {
        sim.ms = due;
        timers_run(&sim.timers, (struct now){ .mono_ms = due }, 1);
    }
    sim.ms = until_ms;
}

/* When everybody has gone and all is over, each address can be given to a new client. */
static void check_nothing_leaked(void)
{
    for (size_t i = 0; i < CLIENTS; i++)
        timer_stop(&sim.timers, &sim.clients[i].timer);
    timer_stop(&sim.timers, &sim.mishap);
    run_until(sim.ms + 2 * DAY_MS + (uint64_t)DECLINE_S * 1000);
    check_table();
    struct lease_claims claims;
    for (unsigned subnet = 0; subnet < SUBNETS; subnet++) {
        uint32_t own = IP(192, 168, 1 + subnet, 5);
        struct dhcp4_arrival a = { .server = own, .link = own, .broadcast = true };
        unsigned given = 0;
        for (unsigned n = 0; n < POOL + 10; n++) {
            uint8_t bytes[DHCP4_BYTES_MAX];
            struct says says = { .type = DHCP4_DISCOVER, .mac = 100000 + subnet * 1000 + n };
            dhcp4_parse(&sim.m, message_bytes(&says, bytes, sizeof bytes));
            claims_open(&sim.leases, &claims);
            given += dhcp4_decide(sim.settings, &sim.leases, &sim.m, &a, now_of(), &claims).answer ==
                     DHCP4_ANSWER_OFFER;
        }
        if (given != POOL - subnet) /* one of the second is reserved */
            broken("addresses are lost, or given twice", IP(192, 168, 1 + subnet, 0), given, POOL);
    }
}

static void year(uint64_t seed)
{
    memset(&sim, 0, sizeof sim);
    sim.seed = seed;
    rng_seed(&sim.rng, seed);
    timers_open(&sim.timers);
    sim.settings = settings_of(configuration);
    assert_non_null(sim.settings);
    sim.turn.fire = server_turn;
    sim.mishap.fire = mishap;
    sim.deadline.fire = server_deadline;
    server_start();
    for (size_t i = 0; i < BATCHES_IN_HAND; i++)
        sim.hands[i].commit.fire = commit_done;
    for (unsigned i = 0; i < CLIENTS; i++) {
        sim.clients[i].number = i;
        sim.clients[i].subnet = i & 1;
        sim.clients[i].timer.fire = client_wakes;
        rest(&sim.clients[i], DAY_MS);
    }
    wake(&sim.mishap, DAY_MS);
    run_until(DAYS * DAY_MS);
    check_nothing_leaked();
    print_message("# seed %llu: %d days, %zu leases acknowledged, %zu refused, %zu declined, %zu commits "
                  "failed, %zu kills\n",
                  (unsigned long long)seed, DAYS, sim.acks, sim.naks, sim.declines, sim.failures, sim.kills);
    assert_true(sim.acks > 100000 && sim.naks && sim.declines && sim.failures &&
                sim.kills); /* it was a real year */
    leases_close(&sim.leases);
    timers_close(&sim.timers);
    dhcpd_forget(sim.settings);
}

static uint64_t seeds[] = { 1, 2, 3 };

static void nothing_breaks_in_a_year(void **state)
{
    year(*(uint64_t *)*state);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(nothing_breaks_in_a_year, &seeds[0]),
        cmocka_unit_test_prestate(nothing_breaks_in_a_year, &seeds[1]),
        cmocka_unit_test_prestate(nothing_breaks_in_a_year, &seeds[2]),
    };
    if (argc < 2)
        return cmocka_run_group_tests(tests, NULL, NULL);
    seeds[0] = strtoull(argv[1], NULL, 10);
    return _cmocka_run_group_tests("one seed", tests, 1, NULL, NULL);
}
