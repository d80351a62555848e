/* Any conversation: datagrams of any bytes one after the other, with time and failing commits between them.
 * The table stays whole, and every answer is a message that parses.
 *
 * Input: for each datagram two bytes of length, one that says what happens before it, and its bytes. */
#include "dhcp6_world.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TURNS_MAX 64

static struct dhcp_settings *settings;
static struct world6 w;

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void open_world(void)
{
    if (!settings) {
        world6_open(&w, "subnet6 \"2001:db8:1:2::/64\" { pool = { \"2001:db8:1:2::10-2001:db8:1:2::1f\" }\n"
                        " rapid-commit = true circuit-limit = 3 dns-servers = { \"2001:db8::35\" } "
                        "valid-lifetime = \"1m\"\n"
                        " host \"x\" { duid = \"00030001020000000007\" address = \"2001:db8:1:2::77\" } }\n"
                        "subnet6 \"2001:db8:5::/64\" { pool = { \"2001:db8:5::10-2001:db8:5::11\" } }\n");
        settings = w.settings;
        leases6_close(&w.leases);
    }
    w.now = (struct now){ .mono_ms = 1000, .unix_ms = (int64_t)WORLD_START_S * 1000 };
    must(leases6_open(&w.leases, 99, NULL) && leases6_settle(&w.leases, &settings->six, w.now));
}

static void check_table(void)
{
    size_t all = 0;
    for (size_t i = 0; i < LEASE_STATES; i++)
        all += w.leases.count[i];
    must(all == w.leases.by_address.node_count && all <= 16 + 2 + 1);
    must(w.leases.by_client.node_count <= all && w.leases.circuits.by_key.node_count <= all);
}

static void take_datagram(struct span bytes, uint8_t before)
{
    struct span inner;
    static struct dhcp6_message answer;
    static struct dhcp6_relays back;
    if (before & 1)
        world6_pass(&w, before >> 2);
    w.arrival.multicast = !(before & 0x40);
    if (dhcp6_unwrap(&w.relays, bytes, &inner) != DHCP6_FINE || dhcp6_parse(&w.message, inner) != DHCP6_FINE)
        return;
    claims6_open(&w.leases, &w.claims);
    dhcp6_decide(&w.decision, &settings->six, &w.leases, &w.message, &w.arrival, w.now, &w.claims);
    must(w.claims.count <= LEASE6_CHANGES_MAX && w.claims.count == w.decision.claim_count);
    if (before & 2)
        claims6_withdraw(&w.leases, &w.claims, w.now);
    else
        claims6_confirm(&w.leases, &w.claims, w.now);
    must(w.leases.count[LEASE_CLAIMED] == 0);
    check_table();
    if (w.decision.answer == DHCP6_ANSWER_DISCARD || w.decision.answer == DHCP6_ANSWER_SILENCE)
        return;
    static uint8_t room[4 * DHCP6_BYTES_MAX]; /* so that what a long message is answered with fits, too */
    struct writer out = writer_over(room, sizeof room);
    must(reply6_write(&out, &w.decision, &w.message, &w.arrival));
    if (writer_length(&out) > DHCP6_BYTES_MAX)
        return;
    must(dhcp6_unwrap_reply(&back, writer_span(&out), &inner) == DHCP6_FINE && back.count == w.relays.count);
    must(dhcp6_parse(&answer, inner) == DHCP6_FINE || w.decision.grant_count > DHCP6_IA_ADDRESSES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_over(span_of(data, size));
    open_world();
    for (unsigned turn = 0; turn < TURNS_MAX && reader_left(&r); turn++) {
        uint16_t len = read_u16(&r);
        uint8_t before = read_u8(&r);
        struct span bytes = read_span(&r, len);
        if (reader_ok(&r))
            take_datagram(bytes, before);
    }
    leases6_close(&w.leases);
    return 0;
}
