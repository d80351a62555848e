/* dnsd/known.c and replies.c: what was replied once is replied again, to the same question alone, and only
 * while nothing has changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"
#include "dnsd/dnsd.h"
#include "dnsd/encode.h"
#include "dnsd/worker.h"

#include <stdio.h>

static const char zone_one[] =
    "$TTL 60\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nw TXT w\nalias CNAME x.else.\n"
    "$GENERATE 0-9 h$ A 192.0.2.$\n"
    "long TXT 0123456789012345678901234567890123456789012345678901234567890123456789"
    "0123456789012345678901234567890123456789012345678901234567890123456789\n"
    "long TXT 1123456789012345678901234567890123456789012345678901234567890123456789\n";
static const char zone_two[] = "$TTL 60\n@ SOA ns a 1 2 3 4 5\n@ NS ns\nns A 198.51.100.1\n";

/* A server with two views of z.: the first one for 10.0.0.0/8. */
static struct world {
    struct events events;
    struct home home;
    struct dnsd_settings settings;
    struct dnsd_view view_settings[2];
    struct prefix ten;
    struct view views[2], *both[2];
    struct service service;
    struct counts counts;
    struct response response;
    struct batch batch;
    uint8_t in[UDP_BATCH_MAX][512], out[UDP_BATCH_MAX][ENCODE_UDP_BYTES_MAX];
} w;

static int set_up(void **state)
{
    (void)state;
    char why[512];
    const char *const texts[] = { zone_one, zone_two };
    memset(&w, 0, sizeof w);
    w.events.level = EVENT_INFO;
    w.home = (struct home){ .events = &w.events };
    w.ten = (struct prefix){ address_ip4(0x0A000000), 8 };
    for (size_t i = 0; i < 2; i++) {
        struct zones_row row = { .name = kept_name("z."), .zone = zone_from("z.", texts[i], why) };
        assert_non_null(row.zone);
        assert_true(zones_open(&w.views[i].zones, &row, 1, TEST_SEED));
        w.views[i].settings = &w.view_settings[i];
        w.both[i] = &w.views[i];
    }
    w.view_settings[0].clients = (struct dnsd_permits){ .prefixes = &w.ten, .prefix_count = 1 };
    w.view_settings[1].any_client = true;
    w.service = (struct service){
        .home = &w.home, .settings = &w.settings, .views = w.both, .view_count = 2, .changes = 1
    };
    assert_true(replies_open(&w.service.known.replies, TEST_SEED));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    replies_close(&w.service.known.replies);
    for (size_t i = 0; i < 2; i++)
        zones_close(&w.views[i].zones);
    return 0;
}

/* ---- a batch as a thread takes it -----------------------------------------------------------------------
 */

static void put(struct span message, uint32_t peer)
{
    size_t i = w.batch.count++;
    memcpy(w.in[i], message.at, message.len);
    w.batch.d[i] = (struct datagram){ .in = span_of(w.in[i], message.len),
                                      .peer.address = address_ip4(peer),
                                      .local.address = address_ip4(0x7F000001),
                                      .out = writer_over(w.out[i], sizeof w.out[i]) };
}

static void put_question(const char *name, const char *type, uint16_t id, uint32_t peer)
{
    uint8_t room[512];
    size_t len = build_query(room, sizeof room, name, type, 0);
    room[0] = (uint8_t)(id >> 8);
    room[1] = (uint8_t)id;
    put(span_of(room, len), peer);
}

static void answer(size_t i)
{
    struct datagram *d = &w.batch.d[i];
    struct dns_query q;
    const struct view *view = views_choose(&w.service, &d->peer.address, &d->local.address, NULL);
    dns_query_read(d->in, &q);
    enum respond_outcome outcome = respond(&view->zones, &q, &d->peer.address, false, &d->out, &w.response);
    if (outcome == RESPOND_REPLY)
        known_note(&w.service.known, &w.service, &w.batch, i, &q, &w.response);
}

/* How many of the batch were known; the others are answered. */
static size_t run(void)
{
    size_t known = known_give(&w.service.known, &w.service, w.response.crowded, &w.batch, &w.counts);
    for (size_t i = 0; i < w.batch.count; i++)
        if (!writer_length(&w.batch.d[i].out))
            answer(i);
    w.batch.count = 0;
    return known;
}

static size_t ask(const char *name, const char *type, uint16_t id, uint32_t peer)
{
    put_question(name, type, id, peer);
    return run();
}

static const char *reply(void)
{
    return reply_text(writer_span(&w.batch.d[0].out));
}

#define TEN   0x0A000001
#define OTHER 0xC0000201

/* ---- tests ------------------------------------------------------------------------------------------- */

static void the_same_question_gets_the_same_with_its_own_id(void **state)
{
    (void)state;
    uint8_t first[512];
    assert_int_equal(ask("h1.z.", "A", 0x1234, TEN), 0);
    struct span was = writer_span(&w.batch.d[0].out);
    memcpy(first, was.at, was.len);
    assert_int_equal(ask("h1.z.", "A", 0xABCD, TEN), 1);
    struct span is = writer_span(&w.batch.d[0].out);
    assert_int_equal(is.len, was.len);
    assert_int_equal(is.at[0] << 8 | is.at[1], 0xABCD);
    assert_memory_equal(is.at + 2, first + 2, is.len - 2);
}

static void another_question_does_not(void **state)
{
    (void)state;
    uint8_t room[512];
    ask("h1.z.", "A", 1, TEN);
    assert_int_equal(ask("h2.z.", "A", 1, TEN), 0);
    assert_int_equal(ask("h1.z.", "AAAA", 1, TEN), 0);
    assert_int_equal(ask("H1.z.", "A", 1, TEN), 0); /* the reply has the asker's case */
    assert_int_equal(writer_span(&w.batch.d[0].out).at[13], 'H');
    size_t len = build_query(room, sizeof room, "h1.z.", "A", 0);
    room[2] ^= 1; /* RD is the other way round in the reply, too */
    put(span_of(room, len), TEN);
    assert_int_equal(run(), 0);
    put(span_of(room, len), TEN);
    assert_int_equal(run(), 1);
    assert_int_equal((w.batch.d[0].out.start[2] & 1), room[2] & 1);
}

static void each_view_has_its_own(void **state)
{
    (void)state;
    ask("ns.z.", "A", 1, TEN);
    assert_int_equal(ask("ns.z.", "A", 1, OTHER), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask("ns.z.", "A", 1, OTHER), 1);
        assert_non_null(strstr(reply(), "198.51.100.1"));
        assert_int_equal(ask("ns.z.", "A", 1, TEN), 1);
        assert_non_null(strstr(reply(), "192.0.2.1"));
    }
}

static void a_change_ends_all(void **state)
{
    (void)state;
    char why[512];
    ask("ns.z.", "A", 1, TEN);
    ask("none.z.", "A", 1, TEN);
    assert_int_equal(ask("none.z.", "A", 1, TEN), 1);
    struct zones_row *row = zones_row_of(&w.views[0].zones, kept_name("z."));
    workers_pause(&w.service);
    zone_release(row->zone);
    row->zone = zone_from("z.", zone_two, why);
    workers_resume(&w.service);
    assert_int_equal(ask("ns.z.", "A", 1, TEN), 0);
    assert_non_null(strstr(reply(), "198.51.100.1"));
    assert_int_equal(ask("none.z.", "A", 1, TEN), 0);
    assert_int_equal(ask("ns.z.", "A", 1, TEN), 1);
    assert_non_null(strstr(reply(), "198.51.100.1"));
}

/* Asked thrice, it is never known. */
static void never(struct span message)
{
    for (int i = 0; i < 3; i++) {
        put(message, TEN);
        assert_int_equal(run(), 0);
    }
}

static void what_more_decides_is_never_known(void **state)
{
    (void)state;
    uint8_t room[512];
    size_t len = build_query(room, sizeof room, "h1.z.", "A", 1232);
    room[len - 1] = 12; /* a cookie of a client: RFC 7873 4.1 */
    memcpy(room + len,
           "\0\x0a\0\x08"
           "12345678",
           12);
    never(span_of(room, len + 12));
    len = build_query(room, sizeof room, "z.", "IXFR", 0);
    never(span_of(room, len));
    len = build_query(room, sizeof room, "h1.z.", "A", 0);
    never(span_of(room, len - 1)); /* cut short */
    room[2] |= 0x80;
    never(span_of(room, len)); /* a response */
    len = build_query(room, sizeof room, "h1.else.", "A", 0);
    never(span_of(room, len)); /* REFUSED */
    len = build_query(room, sizeof room, "h1.z.", "A", 0);
    room[len - 1] = DNS_CLASS_CH;
    never(span_of(room, len));
    len = build_query(room, sizeof room, "long.z.", "TXT", 1232);
    never(span_of(room, len)); /* there is no room for it */
    assert_true(writer_length(&w.batch.d[0].out) > REPLY_BYTES);
    len = build_query(room, sizeof room, "h1.z.", "A", 0);
    room[2] = DNS_OPCODE_NOTIFY << 3;
    never(span_of(room, len));
    room[2] = DNS_OPCODE_UPDATE << 3;
    never(span_of(room, len));
    len = build_query(room, sizeof room, "h1.z.", "A", 0);
    room[11] = 1; /* a record of type TSIG, of the shortest kind that is well-formed as a record */
    memcpy(room + len, "\0\0\xfa\0\xff\0\0\0\0\0\0", 11);
    never(span_of(room, len + 11));
}

static void edns_without_options_is_known(void **state)
{
    (void)state;
    uint8_t room[512];
    size_t len = build_query(room, sizeof room, "h1.z.", "A", 1232);
    put(span_of(room, len), TEN);
    assert_int_equal(run(), 0);
    put(span_of(room, len), TEN);
    assert_int_equal(run(), 1);
    room[len - 4] = 0x80; /* DO */
    put(span_of(room, len), TEN);
    assert_int_equal(run(), 0);
}

static void settings_that_make_each_reply_anew(void **state)
{
    (void)state;
    ask("h1.z.", "A", 1, TEN);
    assert_int_equal(ask("h1.z.", "A", 1, TEN), 1);
    bool *const switches[] = { &w.settings.rotates, &w.service.edns.require_cookies, &w.response.crowded };
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        *switches[i] = true;
        assert_int_equal(ask("h1.z.", "A", 1, TEN), 0);
        *switches[i] = false;
    }
    w.settings.recursion.allow_count = 1; /* RA depends on who asks */
    assert_int_equal(ask("h1.z.", "A", 1, TEN), 0);
    w.settings.recursion.allow_count = 0;
    w.service.limit = (struct limit *)&w; /* nobody looks into it */
    assert_int_equal(ask("h1.z.", "A", 1, TEN), 0);
    w.service.limit = NULL;
    w.events.level = EVENT_TRAFFIC; /* somebody wants to hear of each */
    assert_int_equal(ask("h1.z.", "A", 1, TEN), 0);
    w.events.level = EVENT_INFO;
    assert_int_equal(ask("h1.z.", "A", 1, TEN), 1);
    w.views[0].zones.has_catalog = true;
    w.service.changes++;
    for (int i = 0; i < 3; i++)
        assert_int_equal(ask("h1.z.", "A", 1, TEN), 0);
}

static void known_ones_are_counted(void **state)
{
    (void)state;
    ask("none.z.", "TXT", 1, TEN);
    memset(&w.counts, 0, sizeof w.counts);
    assert_int_equal(ask("none.z.", "TXT", 1, TEN), 1);
    assert_int_equal(w.counts.transports[EDNS_UDP], 1);
    assert_int_equal(w.counts.rcodes[DNS_NXDOMAIN], 1);
    assert_int_equal(w.counts.types[DNS_TYPE_TXT], 1);
    uint64_t id = w.views[0].zones.rows[0].id;
    assert_int_equal(w.counts.zones[id % COUNTS_ZONES].id, id);
    assert_int_equal(w.counts.zones[id % COUNTS_ZONES].count, 1);
}

static void a_batch_is_answered_whole(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (uint16_t i = 0; i < UDP_BATCH_MAX; i++) {
            char name[32];
            snprintf(name, sizeof name, "h%u.z.", i % 20U); /* half of them are not there */
            put_question(name, "A", i, i % 3 ? TEN : OTHER);
        }
        size_t known = run();
        for (uint16_t i = 0; i < UDP_BATCH_MAX; i++) {
            struct span out = writer_span(&w.batch.d[i].out);
            bool there = i % 20 < 10 && i % 3;
            assert_int_equal(out.at[0] << 8 | out.at[1], i);
            assert_int_equal(out.at[3] & 15, there ? DNS_NOERROR : DNS_NXDOMAIN);
        }
        assert_true(round == 0 || known > 0);
    }
}

/* A flood of names that are each asked once takes nothing away from those that are asked again and again. */
static void a_flood_displaces_nothing(void **state)
{
    (void)state;
    char name[32];
    size_t known = 0;
    for (int i = 0; i < 20000; i++) { /* the table fills */
        snprintf(name, sizeof name, "early%d.z.", i);
        ask(name, "A", 1, TEN);
    }
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 10; i++) {
            snprintf(name, sizeof name, "h%d.z.", i);
            ask(name, "A", 1, TEN);
        }
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "late%d.z.", i);
        ask(name, "A", 1, TEN);
    }
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "h%d.z.", i);
        known += ask(name, "A", 1, TEN);
    }
    assert_int_equal(known, 10);
    for (int i = 0; i < 40000;
         i++) { /* nor do those that have no reply to be kept, however often they come */
        snprintf(name, sizeof name, "h%d.else.", i / 2);
        ask(name, "A", 1, TEN);
    }
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "h%d.z.", i);
        assert_int_equal(ask(name, "A", 1, TEN), 1);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_same_question_gets_the_same_with_its_own_id),
        TEST(another_question_does_not),
        TEST(each_view_has_its_own),
        TEST(a_change_ends_all),
        TEST(what_more_decides_is_never_known),
        TEST(edns_without_options_is_known),
        TEST(settings_that_make_each_reply_anew),
        TEST(known_ones_are_counted),
        TEST(a_batch_is_answered_whole),
        TEST(a_flood_displaces_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
