/* Any conversation of DHCPv4 clients, on a virtual clock, with classes, several subnets on a link, relays,
 * BOOTP, a store that is slow or fails, and a server that is killed. What must hold whatever is said:
 *   - no address is acknowledged to a client while another one holds it;
 *   - none is that the configuration does not let this client have;
 *   - whatever was acknowledged is in the table and, after a kill, comes back from the store.
 *
 * Input: six bytes for each turn: what happens, who, about which address, from where, how long, and how. */
#include "dhcp_world.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX   512
#define CLIENTS     16
#define ADDRESSES   24 /* eight places in each of three subnets */
#define BATCHES_MAX 4  /* that wait for the store */

static const char configuration[] =
    "rapid-commit = true authoritative = true decline-time = \"1m\""
    "class \"phones\" { match-hardware = { \"02:00:00:01\" } lease-time = \"30s\" }"
    "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.13\" } lease-time = \"1m\" bootp = true"
    " shared-network = \"floor\" circuit-limit = 3 class-pool \"phones\" { pool = { "
    "\"192.168.1.20-192.168.1.21\" } }"
    " host \"h\" { hardware = \"02:00:00:00:00:03\" address = \"192.168.1.50\" }"
    " host \"c\" { circuit-id = \"q\" address = \"192.168.1.12\" } }"
    "subnet \"192.168.2.0/24\" { pool = { \"192.168.2.10-192.168.2.11\" } lease-time = \"2m\""
    " shared-network = \"floor\" }"
    "subnet \"192.168.3.0/24\" { pool = { \"192.168.3.10-192.168.3.13\" } lease-time = \"1m\""
    " class-pool \"phones\" { pool = { \"192.168.3.20-192.168.3.21\" } } }";

enum doing {
    DISCOVERING,
    SELECTING,
    REBOOTING,
    RENEWING,
    RELEASING,
    DECLINING,
    INFORMING,
    BOOTING,
    COMMITTING,
    FAILING,
    KILLING,
    WAITING,
    DOINGS
};

struct turn {
    uint8_t doing, client, address, relay, wait, how;
};

/* What a client believes. */
struct promise {
    int64_t until_ms; /* 0: nobody has it */
    unsigned client;
};

/* A row of the store. */
struct row {
    struct lease_record record;
    uint8_t hardware[LEASE_HARDWARE_MAX], client_id[8];
};

struct batch {
    struct lease_claims claims;
    struct row rows[LEASE_CLAIMS_MAX];
    struct {
        unsigned client;
        uint32_t address;
        int64_t until_ms;
        size_t claim;
    } acks[LEASE_CLAIMS_MAX];
    size_t ack_count;
};

static struct world w;
static struct dhcp_settings *settings;
static struct promise promises[ADDRESSES];
static struct row store[ADDRESSES];
static bool is_stored[ADDRESSES];
static struct batch batches[BATCHES_MAX]; /* the oldest first; the last one is being filled */
static size_t batch_count;

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* ---- addresses --------------------------------------------------------------------------------------- */

static const uint8_t places[8] = { 10, 11, 12, 13, 20, 21, 50, 99 };

static uint32_t address_at(unsigned i)
{
    return IP(192, 168, 1 + i / 8, places[i % 8]);
}

static unsigned place_of(uint32_t address)
{
    for (unsigned i = 0; i < ADDRESSES; i++)
        if (address_at(i) == address)
            return i;
    abort(); /* an address that no pool has and no host */
}

static unsigned link_of(unsigned place)
{
    return place / 8 == 2;
}

static bool is_phone(unsigned client)
{
    return client >= 12;
}

/* What the configuration above says, in other words. */
static bool may_have(unsigned client, unsigned place, const struct turn *t)
{
    unsigned subnet = place / 8 + 1, octet = places[place % 8];
    bool other_link = t->relay % 4 == 3;
    if (other_link != (subnet == 3))
        return false;
    if (subnet == 1 && octet == 50)
        return client == 3;
    if (subnet == 1 && octet == 12)
        return client != 3 && t->relay % 4 == 2;
    if (octet == 20 || octet == 21)
        return subnet != 2 && is_phone(client);
    return octet < (subnet == 2 ? 12 : 14);
}

/* ---- clients ------------------------------------------------------------------------------------------- */

static const char *const client_ids[4] = { "\x01one", "\x01two", "\x01three", "\x01four" };

static bool has_identifier(unsigned client)
{
    return client >= 8 && client < 12;
}

/* 0: on the link; 1: behind a relay of the same link; 2: that names a circuit; 3: of the other link. */
static void comes_from(struct says *s, const struct turn *t)
{
    static const uint32_t relays[4] = { 0, IP(192, 168, 2, 1), IP(192, 168, 1, 1), IP(192, 168, 3, 1) };
    s->giaddr = relays[t->relay % 4];
    if (t->relay % 4 == 2)
        s->relay = span_of("\x01\x01q", 3);
    else if (t->relay % 4 == 1)
        s->relay = t->how & 1 ? span_of("\x01\x01r", 3) : span_of("\x01\x01s", 3);
}

static struct says message_of(const struct turn *t)
{
    unsigned client = t->client % CLIENTS;
    uint32_t address = address_at(t->address % ADDRESSES);
    struct says s = { .mac = is_phone(client) ? 0x10000 | client : client };
    bool holds = t->doing == RENEWING || t->doing == RELEASING || t->doing == INFORMING;
    static const uint8_t types[DOINGS] = {
        [DISCOVERING] = DHCP4_DISCOVER, [SELECTING] = DHCP4_REQUEST, [REBOOTING] = DHCP4_REQUEST,
        [RENEWING] = DHCP4_REQUEST,     [RELEASING] = DHCP4_RELEASE, [DECLINING] = DHCP4_DECLINE,
        [INFORMING] = DHCP4_INFORM
    };
    s.type = types[t->doing];
    comes_from(&s, t);
    if (has_identifier(client))
        s.client_id = span_text(client_ids[client - 8]);
    if (holds)
        s.ciaddr = address;
    else if (t->doing != BOOTING && (t->doing != DISCOVERING || t->how & 4))
        s.requested = address;
    if (t->doing == SELECTING || t->doing == RELEASING || t->doing == DECLINING)
        s.server = t->how & 8 && t->how & 16 ? WORLD_SERVER + 1 : WORLD_SERVER;
    if (t->doing == DISCOVERING && t->how & 2)
        s.extra[0].code = DHCP4_OPTION_RAPID_COMMIT;
    return s;
}

/* ---- what is promised ---------------------------------------------------------------------------------- */

static bool is_held(unsigned place)
{
    return promises[place].until_ms > w.now.unix_ms;
}

/* A client that asks for another address on the link gives up what it has there. */
static void give_up_others(unsigned client, unsigned place)
{
    for (unsigned i = 0; i < ADDRESSES; i++)
        if (i != place && promises[i].client == client && link_of(i) == link_of(place))
            promises[i].until_ms = 0;
}

static void check_table(void)
{
    size_t all = 0;
    for (size_t i = 0; i < LEASE_STATES; i++)
        all += w.leases.count[i];
    must(all == w.leases.by_address.node_count && all <= ADDRESSES);
    for (unsigned i = 0; i < ADDRESSES; i++) {
        if (!is_held(i))
            continue;
        const struct lease *x = leases_find(&w.leases, address_at(i));
        must(x && (x->state == LEASE_BOUND || x->state == LEASE_CLAIMED));
        must((int64_t)x->until_s >= promises[i].until_ms / 1000 || x->state == LEASE_CLAIMED);
        struct reader hardware = reader_over(lease_tenant(x).hardware);
        read_skip(&hardware, 6);
        must(read_u8(&hardware) == promises[i].client && reader_ok(&hardware));
    }
}

/* ---- the store ------------------------------------------------------------------------------------------
 */

static void copy_row(struct row *r, const struct lease *x)
{
    struct lease_client c = lease_tenant(x);
    struct writer hardware = writer_over(r->hardware, sizeof r->hardware);
    struct writer id = writer_over(r->client_id, sizeof r->client_id);
    write_span(&hardware, c.hardware);
    write_span(&id, c.client_id);
    r->record = (struct lease_record){ .address = x->address, .until_s = x->until_s };
    r->record.client.hardware = span_of(NULL, writer_length(&hardware));
    r->record.client.client_id = span_of(NULL, writer_length(&id));
    r->record.state = x->state == LEASE_CLAIMED ? LEASE_BOUND : x->state;
    if (x->state == LEASE_OFFERED)
        r->record.state = LEASE_FREE;
}

/* A batch goes to the store: its rows are what the leases are now. */
static void hand_over(struct batch *b)
{
    for (size_t i = 0; i < b->claims.count; i++)
        copy_row(&b->rows[i], b->claims.change[i].lease);
}

static void send_acks(const struct batch *b)
{
    for (size_t i = 0; i < b->ack_count; i++) {
        unsigned place = place_of(b->acks[i].address);
        if (!claims_stand(&b->claims, b->acks[i].claim))
            continue;
        must(!is_held(place) || promises[place].client == b->acks[i].client);
        promises[place] = (struct promise){ b->acks[i].until_ms, b->acks[i].client };
    }
}

/* The oldest batch's commit is done, or has failed. */
static void commit_ends(bool ok)
{
    struct batch *b = &batches[0];
    if (batch_count < 2)
        return; /* the one that is being filled */
    for (size_t i = 0; ok && i < b->claims.count; i++) {
        unsigned place = place_of(b->rows[i].record.address);
        store[place] = b->rows[i];
        is_stored[place] = true;
    }
    if (ok)
        claims_confirm(&w.leases, &b->claims, w.now);
    else
        claims_withdraw(&w.leases, &b->claims, w.now);
    if (ok)
        send_acks(b);
    memmove(b, b + 1, --batch_count * sizeof *b);
}

/* The batch that was filled waits for the store; another one begins. */
static void next_batch(void)
{
    if (!batch_count || batches[batch_count - 1].claims.count) {
        if (batch_count)
            hand_over(&batches[batch_count - 1]);
        if (batch_count == BATCHES_MAX)
            commit_ends(true);
        batch_count++;
        batches[batch_count - 1].ack_count = 0;
    }
    claims_open(&w.leases, &batches[batch_count - 1].claims);
}

static void open_table(void)
{
    must(leases_open(&w.leases, 99, NULL));
    for (unsigned i = 0; i < ADDRESSES; i++) {
        struct lease_record r = store[i].record;
        if (!is_stored[i])
            continue;
        r.client.hardware.at = store[i].hardware;
        r.client.client_id.at = store[i].client_id;
        must(leases_restore(&w.leases, &r, w.now));
    }
    must(leases_settle(&w.leases, settings, w.now));
    batch_count = 0;
    next_batch();
}

/* ---- a turn ----------------------------------------------------------------------------------------------
 */

/* The answer is a message that parses and is no longer than the client takes. */
static void check_reply(const struct dhcp4_decision *d)
{
    static struct dhcp4_message reply;
    struct writer out = writer_over(w.out, sizeof w.out);
    must(reply_write(&out, d, &w.m, &w.arrival));
    must(writer_length(&out) <= DHCP4_SIZE_LEAST - DHCP4_HEADERS);
    must(dhcp4_parse(&reply, writer_span(&out)) ==
         (d->answer == DHCP4_ANSWER_BOOTP ? DHCP4_NO_TYPE : DHCP4_FINE));
    must(reply.fixed.yiaddr == d->address);
}

static void hear(const struct turn *t)
{
    struct batch *b = &batches[batch_count - 1];
    unsigned client = t->client % CLIENTS, asked = t->address % ADDRESSES;
    struct says s = message_of(t);
    if (t->doing == BOOTING && has_identifier(client))
        return; /* it would be another client */
    enum dhcp4_fault fault = dhcp4_parse(&w.m, message_bytes(&s, w.in, sizeof w.in));
    must(!fault || dhcp4_is_bootp(&w.m, fault));
    if ((t->doing == RELEASING || t->doing == DECLINING) && promises[asked].client == client)
        promises[asked].until_ms = 0;
    struct dhcp4_decision d = dhcp4_decide(settings, &w.leases, &w.m, &w.arrival, w.now, &b->claims);
    if (d.answer == DHCP4_ANSWER_SILENCE)
        return;
    check_reply(&d);
    if (d.address)
        must(may_have(client, place_of(d.address), t));
    if (d.answer != DHCP4_ANSWER_ACK && d.answer != DHCP4_ANSWER_BOOTP)
        return;
    must(d.claim < b->claims.count);
    give_up_others(client, place_of(d.address));
    b->acks[b->ack_count].client = client;
    b->acks[b->ack_count].address = d.address;
    b->acks[b->ack_count].until_ms =
        d.answer == DHCP4_ANSWER_BOOTP ? INT64_MAX : w.now.unix_ms + (int64_t)d.lease_s * 1000;
    b->acks[b->ack_count++].claim = d.claim;
}

static void take_turn(const struct turn *t)
{
    switch (t->doing) {
    case COMMITTING:
        next_batch();
        commit_ends(true);
        break;
    case FAILING:
        next_batch();
        commit_ends(false);
        break;
    case KILLING:
        leases_close(&w.leases);
        open_table();
        break;
    case WAITING:
        w.now.unix_ms += t->wait * 250;
        w.now.mono_ms += (uint64_t)t->wait * 250;
        leases_run(&w.leases, w.now, SIZE_MAX);
        break;
    default:
        if (batches[batch_count - 1].claims.count > LEASE_CLAIMS_MAX - 2 || t->wait & 1)
            next_batch();
        hear(t);
    }
    check_table();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_over(span_of(data, size));
    if (!settings)
        settings = settings_of(configuration);
    must(settings != NULL);
    memset(promises, 0, sizeof promises);
    memset(is_stored, 0, sizeof is_stored);
    w.now = (struct now){ .mono_ms = 1000, .unix_ms = (int64_t)WORLD_START_S * 1000 };
    w.arrival = (struct dhcp4_arrival){ .server = WORLD_SERVER, .link = WORLD_SERVER, .broadcast = true };
    open_table();
    for (unsigned i = 0; i < TURNS_MAX && reader_left(&r) >= 6; i++) {
        struct turn t = { .doing = read_u8(&r) % DOINGS };
        t.client = read_u8(&r);
        t.address = read_u8(&r);
        t.relay = read_u8(&r);
        t.wait = read_u8(&r);
        t.how = read_u8(&r);
        take_turn(&t);
    }
    leases_close(&w.leases);
    return 0;
}
