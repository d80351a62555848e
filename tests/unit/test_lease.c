#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dhcp_world.h"
#include "dhcpd/row.h"

#include <stdlib.h>

static struct world w;

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* ---- the index ------------------------------------------------------------------------------------- */

static void an_index_finds_what_is_in_it_while_it_grows_and_shrinks(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct index x;
    struct index_node *nodes = calloc(COUNT, sizeof *nodes);
    assert_true(index_open(&x));
    for (uint32_t i = 0; i < COUNT; i++) {
        nodes[i].hash = i * 2654435761u ^ (i % 3 ? 0 : 7);
        index_add(&x, &nodes[i]);
    }
    for (uint32_t i = 0; i < COUNT; i += 2)
        index_remove(&x, &nodes[i]);
    index_remove(&x, &nodes[0]); /* harmless */
    assert_int_equal(x.node_count, COUNT / 2);
    for (uint32_t i = 0; i < COUNT; i++) {
        struct index_node *n = index_first(&x, nodes[i].hash);
        while (n && n != &nodes[i])
            n = index_next(n);
        assert_int_equal(n != NULL, i & 1);
    }
    index_close(&x);
    free(nodes);
}

static void equal_hashes_are_all_found(void **state)
{
    (void)state;
    struct index x;
    struct index_node nodes[200] = { 0 };
    assert_true(index_open(&x));
    for (size_t i = 0; i < 200; i++) {
        nodes[i].hash = i & 1 ? 64 : 128; /* the same bucket at first */
        index_add(&x, &nodes[i]);
    }
    for (uint32_t hash = 64; hash <= 128; hash += 64) {
        size_t found = 0;
        for (struct index_node *n = index_first(&x, hash); n; n = index_next(n))
            found++;
        assert_int_equal(found, 100);
    }
    assert_null(index_first(&x, 0));
    index_close(&x);
}

/* ---- memory and cost ----------------------------------------------------------------------------------- */

static void a_pool_of_two_million_costs_nothing_until_it_is_used(void **state)
{
    (void)state;
    world_open(&w, "subnet \"10.64.0.0/10\" { pool = { \"10.65.0.0-10.95.255.255\" } }");
    w.arrival.server = w.arrival.link = IP(10, 64, 0, 1);
    assert_int_equal(w.leases.by_address.node_count, 0);
    enum { CLIENTS = 20000 };
    for (unsigned mac = 0; mac < CLIENTS; mac++)
        assert_int_equal(world_lease(&w, mac), IP(10, 65, 0, 0) + mac);
    size_t bytes = CLIENTS * sizeof(struct lease);
    bytes += w.leases.by_address.room * sizeof(void *) + w.leases.by_client.room * sizeof(void *);
    bytes += w.leases.deadlines.room * sizeof(void *);
    assert_true(bytes / CLIENTS < 250);
    assert_int_equal(w.leases.count[LEASE_BOUND], CLIENTS);
}

static void a_full_pool_gives_what_becomes_free(void **state)
{
    (void)state;
    world_open(&w,
               "subnet \"192.168.0.0/16\" { lease-time = \"1000s\""
               " pool = { \"192.168.0.1-192.168.0.200\", \"192.168.3.7\", \"192.168.9.1-192.168.9.99\" } }");
    for (unsigned mac = 0; mac < 300; mac++)
        assert_true(world_lease(&w, mac) != 0);
    assert_int_equal(world_lease(&w, 300), 0);
    assert_int_equal(leases_find(&w.leases, IP(192, 168, 3, 7))->state, LEASE_BOUND);
    world_wait(&w, 999);
    assert_int_equal(world_lease(&w, 300), 0);
    world_wait(&w, 1);
    assert_int_equal(w.leases.count[LEASE_FREE], 300);
    for (unsigned mac = 1000; mac < 1300; mac++)
        assert_true(world_lease(&w, mac) != 0);
    assert_int_equal(world_lease(&w, 1300), 0);
    assert_int_equal(w.leases.by_address.node_count, 300); /* and no more than there are */
}

/* ---- the disk ---------------------------------------------------------------------------------------------
 */

#define ROWS_MAX 16

/* A store of rows, as the engine would keep them. */
static struct kept {
    struct store_value values[STORE_COLUMNS_MAX];
    uint8_t bytes[STORE_COLUMNS_MAX][300];
} rows[ROWS_MAX];

static void keep_row(struct kept *k, const struct lease *x)
{
    struct store_change c;
    struct row_room room;
    row_write(&c, &room, x, w.now);
    assert_int_equal(c.kind, x->state == LEASE_DECLINED ? STORE_PUT : STORE_CLAIM);
    for (size_t i = 0; i < c.table->column_count; i++) {
        k->values[i] = c.values[i];
        if (c.table->columns[i].type == STORE_NUMBER || !c.values[i].bytes.at)
            continue;
        memcpy(k->bytes[i], c.values[i].bytes.at, c.values[i].bytes.len);
        k->values[i].bytes.at = k->bytes[i];
    }
}

static void restart(const char *configuration, size_t count)
{
    struct now now = w.now;
    world_close(&w);
    world_open(&w, configuration);
    w.now = now;
    for (size_t i = 0; i < count; i++) {
        struct lease_record r;
        uint8_t room[LEASE_HARDWARE_MAX];
        assert_true(row_read(&r, room, rows[i].values));
        assert_true(leases_restore(&w.leases, &r, now));
    }
    assert_true(leases_settle(&w.leases, w.settings, now));
}

static const char small[] =
    "subnet \"192.168.1.0/24\" { pool = { \"192.168.1.10-192.168.1.14\" } lease-time = \"10m\" }";

static void a_restart_knows_every_lease(void **state)
{
    (void)state;
    world_open(&w, small);
    uint8_t id[255];
    memset(id, 0xee, sizeof id);
    struct says long_one = { .type = DHCP4_DISCOVER,
                             .mac = 1,
                             .client_id = span_of(id, 255),
                             .host_name = span_text("h\n\"1"),
                             .giaddr = IP(192, 168, 1, 1),
                             .relay = span_of("\1\1a", 3) };
    uint32_t first = world_hears(&w, long_one).address;
    long_one.type = DHCP4_REQUEST;
    long_one.requested = first;
    assert_int_equal(world_hears(&w, long_one).answer, DHCP4_ANSWER_ACK);
    world_commit(&w);
    assert_int_equal(world_lease(&w, 2), first + 1);
    assert_int_equal(world_lease(&w, 3), first + 2);
    assert_int_equal(world_lease(&w, 4), first + 3);
    world_wait(&w, 10);
    world_hears(
        &w, (struct says){ .type = DHCP4_RELEASE, .mac = 3, .ciaddr = first + 2, .server = WORLD_SERVER });
    world_hears(
        &w, (struct says){ .type = DHCP4_DECLINE, .mac = 4, .requested = first + 3, .server = WORLD_SERVER });
    for (uint32_t i = 0; i < 4; i++)
        keep_row(&rows[i], leases_find(&w.leases, first + i));
    assert_true(span_is(rows[0].values[0].bytes, "192.168.1.10"));
    restart(small, 4);
    assert_int_equal(leases_find(&w.leases, first)->state, LEASE_BOUND);
    assert_int_equal(leases_find(&w.leases, first)->until_s, WORLD_START_S + 600);
    assert_true(span_is(lease_tenant(leases_find(&w.leases, first)).host_name, "h\n\"1"));
    assert_true(span_is(lease_relay_agent(leases_find(&w.leases, first)), "\1\1a"));
    assert_int_equal(lease_relay_agent(leases_find(&w.leases, first + 1)).len, 0);
    assert_int_equal(world_hears(&w, long_one).address, first);
    world_commit(&w);
    assert_int_equal(leases_find(&w.leases, first + 3)->state, LEASE_DECLINED);
    assert_int_equal(world_lease(&w, 2), first + 1);
    assert_int_equal(world_lease(&w, 9), first + 4); /* never used */
    assert_int_equal(world_lease(&w, 3), first + 2); /* its former address */
    assert_int_equal(world_lease(&w, 8), 0);
    world_wait(&w, 600);
    assert_int_equal(leases_find(&w.leases, first)->state, LEASE_FREE);
}

static void what_ended_while_nobody_looked_is_free_in_its_order(void **state)
{
    (void)state;
    world_open(&w, small);
    uint32_t first = IP(192, 168, 1, 10);
    static const unsigned order[] = { 3, 0, 4, 1, 2 }; /* which address is granted when */
    for (unsigned i = 0; i < 5; i++) {
        world_hears(
            &w, (struct says){
                    .type = DHCP4_REQUEST, .mac = i, .requested = first + order[i], .server = WORLD_SERVER });
        world_commit(&w);
        world_wait(&w, 10);
    }
    for (uint32_t i = 0; i < 5; i++)
        keep_row(&rows[i], leases_find(&w.leases, first + i));
    w.now.unix_ms += 100000 * 1000;
    restart(small, 5);
    assert_int_equal(w.leases.count[LEASE_FREE], 5);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(world_lease(&w, 100 + i), first + order[i]);
}

static void leases_of_no_subnet_wait_for_one(void **state)
{
    (void)state;
    world_open(&w, small);
    uint32_t first = world_lease(&w, 1);
    keep_row(&rows[0], leases_find(&w.leases, first));
    restart("subnet \"10.0.0.0/8\" { pool = { \"10.0.0.1\" } }", 1);
    assert_int_equal(leases_find(&w.leases, first)->state, LEASE_BOUND);
    struct dhcp_settings *former = w.settings;
    w.settings = settings_of(small); /* a reload brings the subnet back */
    assert_true(leases_settle(&w.leases, w.settings, w.now));
    dhcpd_forget(former);
    assert_int_equal(
        world_hears(&w, (struct says){ .type = DHCP4_REQUEST, .mac = 1, .ciaddr = first }).answer,
        DHCP4_ANSWER_ACK);
}

static void a_reload_keeps_offers_claims_and_leases(void **state)
{
    (void)state;
    world_open(&w, small);
    uint32_t bound = world_lease(&w, 1);
    uint32_t claimed = world_hears(&w, (struct says){ .type = DHCP4_DISCOVER, .mac = 2 }).address;
    world_hears(
        &w, (struct says){ .type = DHCP4_REQUEST, .mac = 2, .requested = claimed, .server = WORLD_SERVER });
    uint32_t offered = world_hears(&w, (struct says){ .type = DHCP4_DISCOVER, .mac = 3 }).address;
    struct dhcp_settings *former = w.settings;
    w.settings = settings_of("subnet \"192.168.0.0/24\" { } subnet \"192.168.1.0/24\" { pool = { "
                             "\"192.168.1.10-192.168.1.13\" } }");
    assert_true(leases_settle(&w.leases, w.settings, w.now));
    dhcpd_forget(former);
    world_commit(&w);
    assert_int_equal(leases_find(&w.leases, bound)->state, LEASE_BOUND);
    assert_int_equal(leases_find(&w.leases, claimed)->state, LEASE_BOUND);
    assert_int_equal(world_hears(&w, (struct says){ .type = DHCP4_DISCOVER, .mac = 3 }).address, offered);
    assert_int_equal(world_hears(&w, (struct says){ .type = DHCP4_DISCOVER, .mac = 4 }).address, offered + 1);
    assert_true(world_hears(&w, (struct says){ .type = DHCP4_DISCOVER, .mac = 5 }).exhausted);
}

static void rows_of_other_makers_are_passed(void **state)
{
    (void)state;
    world_open(&w, small);
    struct lease_record r;
    uint8_t room[LEASE_HARDWARE_MAX];
    struct store_value values[STORE_COLUMNS_MAX] = { { 0 } };
    assert_false(row_read(&r, room, values));
    values[0].bytes = span_text("2001:db8::1");
    assert_false(row_read(&r, room, values));
    values[0].bytes = span_text("192.168.1.10");
    values[1].bytes = span_text("bound");
    values[2].number = WORLD_START_S + 5;
    values[4].bytes = span_text("no hardware");
    assert_true(row_read(&r, room, values));
    assert_true(leases_restore(&w.leases, &r, w.now));
    assert_true(leases_settle(&w.leases, w.settings, w.now));
    assert_int_equal(leases_find(&w.leases, IP(192, 168, 1, 10))->state, LEASE_BOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_finds_what_is_in_it_while_it_grows_and_shrinks),
        cmocka_unit_test(equal_hashes_are_all_found),
        cmocka_unit_test_teardown(a_pool_of_two_million_costs_nothing_until_it_is_used, close_world),
        cmocka_unit_test_teardown(a_full_pool_gives_what_becomes_free, close_world),
        cmocka_unit_test_teardown(a_restart_knows_every_lease, close_world),
        cmocka_unit_test_teardown(what_ended_while_nobody_looked_is_free_in_its_order, close_world),
        cmocka_unit_test_teardown(leases_of_no_subnet_wait_for_one, close_world),
        cmocka_unit_test_teardown(a_reload_keeps_offers_claims_and_leases, close_world),
        cmocka_unit_test_teardown(rows_of_other_makers_are_passed, close_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
