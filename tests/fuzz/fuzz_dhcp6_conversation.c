/* Whole DHCPv6 conversations: five clients of two IAs each on a link with fewer addresses and prefixes than
 * they want, with time, failing commits and kills between their messages. What must hold: no address is
 * granted to two, none outside the pool and the reservations, nothing is promised that the store lacks,
 * nobody ends another's lease, and what was promised is known after a kill.
 *
 * Input: six bytes a message: type, client, what happens, three of addresses. */
#include "dhcp6_world.h"
#include "dhcpd/row6.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX  200
#define CLIENTS    5
#define RESERVED   0x77 /* client 1's */
#define PREFIXES   2
#define ADDRESSES  5 /* four of the pool and the reserved one */
#define SLOTS      (ADDRESSES + PREFIXES)
#define LIFETIME_S 60

enum {
    HAPPENS_FAILURE = 1,
    HAPPENS_KILL = 2,
    HAPPENS_TIME = 4,
    HAS_RAPID_COMMIT = 8,
    HAS_TWO_IAS = 16,
    HAS_PREFIXES = 32
};

static const char inside[] =
    "decline-time = \"5m\"\n"
    "subnet6 \"2001:db8:1:2::/64\" { pool = \"2001:db8:1:2::10-2001:db8:1:2::13\"\n"
    " prefix-pool = { \"2001:db8:8000::/55 56\" }\n"
    " rapid-commit = true valid-lifetime = \"1m\" preferred-lifetime = \"1m\"\n"
    " host \"x\" { duid = \"00030001020000000001\" address = \"2001:db8:1:2::77\" } }\n";

static struct dhcp_settings *settings;
static struct world6 w;

/* What clients were told, and what a disk would hold. */
static struct {
    unsigned client;
    uint32_t iaid;
    int64_t until_s; /* 0: nobody's */
} holder[SLOTS];
static struct {
    bool used;
    struct store_value values[STORE_COLUMNS_MAX];
    struct row6_room room;
    uint8_t duid[DHCP6_DUID_MAX];
} disk[SLOTS];

static void must(bool condition)
{
    if (!condition)
        abort();
}

#define PREFIX(n) ((struct ip6){ UINT64_C(0x20010db880000000) + ((uint64_t)(n) << 8), 0 })

static size_t slot_of(struct ip6 address, uint8_t bits)
{
    if (bits == 56) {
        must(ip6_equal(address, PREFIX(0)) || ip6_equal(address, PREFIX(1)));
        return ADDRESSES + ip6_equal(address, PREFIX(1));
    }
    must(bits == DHCP6_ADDRESS_BITS);
    bool pool = address.low >= 0x10 && address.low <= 0x13;
    must(address.high == WORLD6_LINK && (pool || address.low == RESERVED));
    return pool ? (size_t)(address.low - 0x10) : ADDRESSES - 1;
}

static struct ip6 address_of(uint8_t choice)
{
    static const uint64_t lows[] = { 0, 0x10, 0x11, 0x12, 0x13, RESERVED, 0x55 };
    size_t i = choice % 8;
    return i == 7 ? ELSEWHERE6(1) : i ? WORLD6(lows[i]) : (struct ip6){ 0, 0 };
}

static bool is_held(size_t slot)
{
    return holder[slot].until_s > now_s(w.now);
}

/* ---- the store ------------------------------------------------------------------------------------- */

static void write_disk(void)
{
    for (size_t i = 0; i < w.claims.count; i++) { /* LEASE6_CLAIMS_MAX at most */
        const struct lease6 *x = w.claims.change[i].lease;
        size_t at = slot_of(x->address, x->bits);
        struct store_change c;
        row6_write(&c, &disk[at].room, x, w.now);
        memcpy(disk[at].values, c.values, sizeof disk[at].values);
        struct span *duid = &disk[at].values[3].bytes; /* it points into the lease */
        if (duid->at) {
            memcpy(disk[at].duid, duid->at, duid->len);
            duid->at = disk[at].duid;
        }
        disk[at].used = true;
    }
}

static bool disk_says(size_t slot, uint32_t iaid, int64_t until_s)
{
    struct lease6_record r;
    return disk[slot].used && row6_read(&r, disk[slot].values) && r.state == LEASE_BOUND &&
           r.until_s >= until_s && r.client.iaid == iaid && span_equal(r.client.duid, w.message.client_id);
}

static void start_server(void)
{
    must(leases6_open(&w.leases, 99, NULL));
    for (size_t i = 0; i < SLOTS; i++) {
        struct lease6_record r;
        if (disk[i].used)
            must(row6_read(&r, disk[i].values) && leases6_restore(&w.leases, &r, w.now));
    }
    must(leases6_settle(&w.leases, &settings->six, w.now));
}

static void kill_server(void)
{
    leases6_close(&w.leases);
    start_server();
    for (size_t i = 0; i < SLOTS; i++) {
        struct ip6 address = i >= ADDRESSES       ? PREFIX(i - ADDRESSES)
                             : i == ADDRESSES - 1 ? WORLD6(RESERVED)
                                                  : WORLD6(0x10 + i);
        const struct lease6 *x = leases6_find(&w.leases, address);
        must(!is_held(i) || (x && x->state == LEASE_BOUND && x->until_s >= holder[i].until_s));
    }
}

/* ---- what is checked of each answer ------------------------------------------------------------------- */

/* A lease ends by its own client's word only. */
static void note_ends(unsigned client)
{
    for (size_t i = 0; i < w.claims.count; i++) { /* LEASE6_CLAIMS_MAX at most */
        size_t at = slot_of(w.claims.change[i].lease->address, w.claims.change[i].lease->bits);
        if (w.claims.change[i].until_s)
            continue;
        must(!is_held(at) || holder[at].client == client);
        holder[at].until_s = 0;
    }
}

static void note_grant(unsigned client, uint32_t iaid, const struct dhcp6_grant *g, bool is_promise)
{
    if (!g->valid_s)
        return; /* it says that the client must not use it; it may be anyone's and anywhere */
    size_t at = slot_of(g->address, g->bits);
    must(at != ADDRESSES - 1 || client == 1);
    must(g->valid_s == LIFETIME_S && g->preferred_s <= g->valid_s);
    must(!is_held(at) || (holder[at].client == client && holder[at].iaid == iaid));
    if (!is_promise)
        return;
    must(disk_says(at, iaid, now_s(w.now) + g->valid_s));
    holder[at].client = client;
    holder[at].iaid = iaid;
    holder[at].until_s = now_s(w.now) + g->valid_s;
}

static void note_answer(unsigned client)
{
    const struct dhcp6_decision *d = &w.decision;
    must(d->answer == DHCP6_ANSWER_REPLY || !w.claims.count);
    if (d->answer == DHCP6_ANSWER_DISCARD || d->answer == DHCP6_ANSWER_SILENCE)
        return;
    for (size_t i = 0; i < d->ia_count; i++) /* DHCP6_IAS_MAX at most */
        for (size_t j = 0; j < d->ias[i].count; j++)
            note_grant(client, d->ias[i].iaid, &d->grants[d->ias[i].first + j],
                       d->answer == DHCP6_ANSWER_REPLY);
    world6_reply(&w);
}

static void check_table(void)
{
    size_t all = 0;
    for (size_t i = 0; i < LEASE_STATES; i++)
        all += w.leases.count[i];
    must(all == w.leases.by_address.node_count && w.leases.by_client.node_count <= all);
    must(all <= SLOTS && w.leases.count[LEASE_CLAIMED] == 0);
}

/* ---- the conversation -----------------------------------------------------------------------------------
 */

static void take_message(const struct says6 *s, bool fails)
{
    leases6_run(&w.leases, w.now, SIZE_MAX);
    world6_hear(&w, s);
    note_ends(s->client);
    if (fails && w.claims.count) {
        claims6_withdraw(&w.leases, &w.claims, w.now);
    } else {
        write_disk();
        claims6_confirm(&w.leases, &w.claims, w.now);
        must(claims6_stand(&w.claims, w.decision.claim_first, w.decision.claim_count));
        note_answer(s->client);
    }
    check_table();
}

static void turn(struct reader *r)
{
    static const uint8_t types[] = { DHCP6_SOLICIT, DHCP6_REQUEST, DHCP6_RENEW,   DHCP6_REBIND,
                                     DHCP6_RELEASE, DHCP6_DECLINE, DHCP6_CONFIRM, DHCP6_INFORMATION_REQUEST };
    struct says6 s = { .type = types[read_u8(r) % 8], .client = 1 };
    s.client += read_u8(r) % CLIENTS;
    uint8_t happens = read_u8(r);
    uint8_t first = read_u8(r), second = read_u8(r), seconds = read_u8(r);
    if (!reader_ok(r))
        return;
    s.long_duid = s.client == 2 ? 40 : 0;
    s.to_us = s.type != DHCP6_SOLICIT && s.type != DHCP6_REBIND && s.type != DHCP6_CONFIRM;
    s.rapid_commit = happens & HAS_RAPID_COMMIT;
    s.ia[0] = (struct says6_ia){ .iaid = 1, .addresses = { address_of(first), address_of(first >> 4) } };
    if (happens & HAS_TWO_IAS)
        s.ia[1] =
            (struct says6_ia){ .iaid = 2, .addresses = { address_of(second), address_of(second >> 4) } };
    if (happens & HAS_PREFIXES) { /* the first or the only IA is one of prefixes */
        s.ia[0].prefix = true;
        s.ia[0].bits = first & 64 ? 57 : 56;
        s.ia[0].addresses[0] = first & 1 ? PREFIX(first >> 1 & 3) : (struct ip6){ 0, 0 };
        s.ia[0].addresses[1] = (struct ip6){ 0, 0 };
        s.ia[0].hint = first & 128;
    }
    if (happens & HAPPENS_TIME)
        world6_pass(&w, seconds);
    if (happens & HAPPENS_KILL)
        kill_server();
    take_message(&s, happens & HAPPENS_FAILURE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_over(span_of(data, size));
    if (!settings) {
        world6_open(&w, inside);
        settings = w.settings;
        leases6_close(&w.leases);
    }
    w.now = (struct now){ .mono_ms = 1000, .unix_ms = (int64_t)WORLD_START_S * 1000 };
    memset(holder, 0, sizeof holder);
    memset(disk, 0, sizeof disk);
    start_server();
    for (unsigned turns = 0; turns < TURNS_MAX && reader_left(&r); turns++)
        turn(&r);
    leases6_close(&w.leases);
    return 0;
}
