#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_play.h"
#include "wire/dns_rdata.h"

static struct client_play play;
static uint8_t room[70000];

static int tear_down(void **state)
{
    (void)state;
    play_close(&play);
    return 0;
}

static int query(void **state)
{
    (void)state;
    play_open(&play, &client_dns_query);
    play_set(&play, "server", "172.16.16.139");
    play_set(&play, "name", "wireshark.org");
    return 0;
}

static int transfer(void **state)
{
    (void)state;
    play_open(&play, &client_dns_transfer);
    play_set(&play, "server", "172.16.16.139");
    play_set(&play, "zone", "contoso.local");
    return 0;
}

/* The same dialog is played once for each size of pieces. */
static void again(int (*set_up)(void **state))
{
    play_close(&play);
    set_up(NULL);
}

/* Captured bytes but for their first two, the identifier, which is the one of the last message sent. */
static struct span with_id(const char *bytes, size_t len)
{
    size_t last = play.segments[play.segment_count - 1];
    const uint8_t *sent = play.said + writer_length(&play.said_to) - last + (play.connects ? 2 : 0);
    memcpy(room, bytes, len);
    memcpy(room, sent, 2);
    return span_of(room, len);
}

#define TEXT(text) text, sizeof text - 1
#define WIRESHARK  "\x09wireshark\x03org\x00\x00\x01\x00\x01"
/* dns_query_response */
#define QUESTION "\x18\x0f\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" WIRESHARK
#define ANSWER                                                                                               \
    "\x18\x0f\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" WIRESHARK                                             \
    "\xc0\x0c\x00\x01\x00\x01\x00\x00\x38\x40\x00\x04\x80\x79\x32\x7a"
#define REFUSED   "\x18\x0f\x81\x85\x00\x01\x00\x00\x00\x00\x00\x00" WIRESHARK
#define FORMERR   "\x18\x0f\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"
#define TRUNCATED "\x18\x0f\x83\x80\x00\x01\x00\x02\x00\x00\x00\x00" WIRESHARK

static void said_is(const char *bytes, size_t len)
{
    assert_int_equal(writer_length(&play.said_to), len);
    assert_memory_equal(play.said, bytes, len);
}

static void the_captured_question_is_sent_and_its_answer_taken(void **state)
{
    (void)state;
    assert_int_equal(play_begin(&play), CLIENT_DATAGRAM);
    assert_int_equal(play.c->server.port, 53);
    assert_int_equal(play.c->due_ms, play.now.mono_ms + 2000);
    assert_int_equal(play_hear_in(&play, with_id(TEXT(ANSWER)), 0), CLIENT_DONE);
    memcpy(play.said, "\x18\x0f", 2);
    said_is(TEXT(QUESTION));
}

static void what_is_no_answer_to_it_is_passed_over(void **state)
{
    (void)state;
    play_begin(&play);
    struct span good = with_id(TEXT(ANSWER));
    for (size_t len = 0; len < sizeof QUESTION - 1; len++) { /* cut before the question is whole */
        if (len == 12)
            continue; /* no question where one is promised: below */
        assert_int_equal(play_piece(&play, span_head(good, len)), CLIENT_WAIT);
    }
    for (size_t at = 0; at < sizeof QUESTION - 1; at++) { /* another identifier, question, no response ... */
        struct span changed = with_id(TEXT(ANSWER));
        if (at == 3 || (at >= 6 && at < 12))
            continue; /* flags and counts that say nothing about whose answer it is */
        room[at] ^= at == 2 ? 0x80 : 0x01;
        if (at >= 12)
            room[at] ^= 0x11; /* not into the other case */
        assert_int_equal(play_piece(&play, changed), CLIENT_WAIT);
    }
    struct span loud = with_id(TEXT(ANSWER));
    room[13] = 'W'; /* RFC 4343 */
    assert_int_equal(play_piece(&play, loud), CLIENT_DONE);
}

static void answers_cut_behind_the_question_are_malformed(void **state)
{
    for (size_t len = sizeof QUESTION - 1; len < sizeof ANSWER - 1; len++) {
        again(query);
        play_begin(&play);
        assert_int_equal(play_piece(&play, with_id(ANSWER, len)), CLIENT_FAILED);
    }
    (void)state;
}

static void a_question_is_asked_three_times(void **state)
{
    (void)state;
    play_begin(&play);
    for (int i = 0; i < 2; i++) {
        play.now.mono_ms = play.c->due_ms;
        assert_int_equal(play_happen(&play, CLIENT_DUE), CLIENT_DATAGRAM);
    }
    assert_int_equal(play.datagrams, 3);
    assert_memory_equal(play.said, play.said + sizeof QUESTION - 1, sizeof QUESTION - 1);
    play.now.mono_ms = play.c->due_ms;
    assert_int_equal(play_happen(&play, CLIENT_DUE), CLIENT_FAILED);
    assert_non_null(strstr(play.c->problem.what, "no answer"));
}

static void what_the_lines_say_is_sent(void **state)
{
    (void)state;
    play_set(&play, "type", "TYPE255");
    play_set(&play, "class", "ch");
    play_set(&play, "recursion", "no");
    play_set(&play, "edns", "1232");
    play_begin(&play);
    memcpy(play.said, "\x18\x0f", 2);
    said_is(TEXT("\x18\x0f\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x09wireshark\x03org\x00\x00\xff\x00\x03"
                 "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"));
}

static void any_rcode_is_an_answer_unless_one_is_expected(void **state)
{
    static const struct {
        const char *expected;
        enum client_wish wish;
    } rows[] = {
        { NULL, CLIENT_DONE }, { "REFUSED", CLIENT_DONE }, { "5", CLIENT_DONE }, { "NOERROR", CLIENT_FAILED }
    };
    for (size_t i = 0; i < 4; i++) {
        again(query);
        if (rows[i].expected)
            play_set(&play, "expect-rcode", rows[i].expected);
        play_begin(&play);
        assert_int_equal(play_hear_in(&play, with_id(TEXT(REFUSED)), 0), rows[i].wish);
    }
    assert_string_equal(play.c->problem.what, "the answer is REFUSED");
    again(query);
    play_begin(&play);
    assert_int_equal(play_hear_in(&play, with_id(TEXT(FORMERR)), 0), CLIENT_DONE);
    (void)state;
}

static void the_upper_bits_of_an_rcode_count(void **state)
{
    static const char badvers[] = "\x18\x0f\x81\x80\x00\x01\x00\x00\x00\x00\x00\x01" WIRESHARK
                                  "\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00";
    (void)state;
    play_set(&play, "expect-rcode", "BADVERS");
    play_begin(&play);
    assert_int_equal(play_hear_in(&play, with_id(badvers, sizeof badvers - 1), 0), CLIENT_DONE);
}

/* The message by TCP behind its length. */
static struct span behind_length(struct span message)
{
    memmove(room + 2, room, message.len);
    room[0] = (uint8_t)(message.len >> 8);
    room[1] = (uint8_t)message.len;
    return span_of(room, message.len + 2);
}

static void a_truncated_answer_is_asked_for_by_tcp(void **state)
{
    for (size_t piece = 0; piece < sizeof ANSWER + 1; piece++) {
        again(query);
        play_begin(&play);
        assert_int_equal(play_hear_in(&play, with_id(TEXT(TRUNCATED)), 0), CLIENT_WAIT);
        assert_int_equal(play.connects, 1);
        assert_int_equal(play.c->due_ms, 0);
        const uint8_t *first = play.said, *second = play.said + sizeof QUESTION - 1;
        assert_memory_not_equal(first, second + 2, 2);
        assert_memory_equal(second, "\x00\x1f", 2);
        assert_memory_equal(first + 2, second + 4, sizeof QUESTION - 3);
        struct span whole = behind_length(with_id(TEXT(ANSWER)));
        assert_int_equal(play_hear_in(&play, span_head(whole, whole.len - 1), piece), CLIENT_WAIT);
        assert_int_equal(play_hear_in(&play, span_from(whole, whole.len - 1), 0), CLIENT_DONE);
        assert_int_equal(play.left_len, 0);
    }
    (void)state;
}

static void by_tcp_at_once(void **state)
{
    (void)state;
    play_set(&play, "tcp", "");
    assert_int_equal(play_begin(&play), CLIENT_WAIT);
    assert_int_equal(play.connects, 1);
    assert_int_equal(play.datagrams, 0);
    assert_int_equal(play_hear_in(&play, behind_length(with_id(TEXT(TRUNCATED))), 0), CLIENT_FAILED);
    again(query);
    play_set(&play, "tcp", "");
    play_begin(&play);
    assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_FAILED);
    again(query);
    play_set(&play, "tcp", "");
    play_begin(&play);
    assert_int_equal(play_hear_in(&play, span_text("\x00\x01x"), 0), CLIENT_WAIT);
    assert_int_equal(play_hear_in(&play, span_of("\x00\x01x", 3), 0), CLIENT_FAILED);
}

static void wrong_lines_are_told(void **state)
{
    (void)state;
    assert_false(play_is_good(&client_dns_query, "server", "mail01"));
    assert_true(play_is_good(&client_dns_query, "server", "[2001:db8::1]:5353"));
    assert_false(play_is_good(&client_dns_query, "name", "a..b"));
    assert_true(play_is_good(&client_dns_query, "type", "axfr"));
    assert_false(play_is_good(&client_dns_query, "type", "ADDRESS"));
    assert_false(play_is_good(&client_dns_query, "class", "XX"));
    assert_false(play_is_good(&client_dns_query, "recursion", "maybe"));
    assert_false(play_is_good(&client_dns_query, "edns", "65536"));
    assert_false(play_is_good(&client_dns_query, "expect-rcode", "4096"));
    assert_false(play_is_good(&client_dns_transfer, "stray-bytes", "2"));
    assert_false(play_is_good(&client_dns_transfer, "stray-bytes", "4g"));
    assert_false(play_is_good(&client_dns_transfer, "serial", "4294967296"));
    assert_false(play_is_good(&client_dns_transfer, "segments", "3"));
}

/* ---- transfers --------------------------------------------------------------------------------------------
 */

/* dns_axfr: what the client said */
#define CONTOSO                                                                                              \
    "\x07"                                                                                                   \
    "contoso\x05local\x00"
#define AXFR "\x00\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" CONTOSO "\x00\xfc\x00\x01MS"

static void the_captured_transfer_is_asked_for(void **state)
{
    (void)state;
    play_set(&play, "segments", "2");
    play_set(&play, "stray-bytes", "4d53");
    assert_int_equal(play_begin(&play), CLIENT_WAIT);
    memcpy(play.said + 2, "\x00\x07", 2);
    said_is(TEXT("\x00\x21" AXFR));
    assert_int_equal(play.segment_count, 2);
    assert_int_equal(play.segments[0], 2);
}

static void a_plain_transfer_is_one_segment(void **state)
{
    (void)state;
    play_begin(&play);
    memcpy(play.said + 2, "\x00\x07", 2);
    assert_int_equal(play.segment_count, 1);
    said_is("\x00\x1f" AXFR, sizeof AXFR - 1);
}

static void an_incremental_one_tells_the_serial(void **state)
{
    (void)state;
    play_set(&play, "serial", "71");
    play_begin(&play);
    memcpy(play.said + 2, "\x00\x07", 2);
    said_is(TEXT("\x00\x4e\x00\x07\x01\x00\x00\x01\x00\x00\x00\x01\x00\x00" CONTOSO "\x00\xfb\x00\x01" CONTOSO
                 "\x00\x06\x00\x01\x00\x00\x00\x00\x00\x16\x00\x00\x00\x00\x00\x47"
                 "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"));
}

static void write_record(struct writer *w, const char *word)
{
    bool soa = word[0] != 'a';
    write_bytes(w, TEXT(CONTOSO));
    write_u16(w, soa ? DNS_TYPE_SOA : DNS_TYPE_A);
    write_u16(w, DNS_CLASS_IN);
    write_u32(w, 600);
    struct mark length = write_length16(w);
    if (soa) {
        write_zeros(w, 2);
        write_u32(w, (uint32_t)strtoul(word, NULL, 10));
        write_zeros(w, 16);
    } else {
        write_u32(w, 0xac10108b);
    }
    close_length16(w, length);
}

/* "71 a a | a 71": messages with their records, an SOA's serial or an address. Goes to `w`. */
static struct span messages(const char *records, uint16_t type)
{
    struct writer w = writer_over(room, sizeof room);
    const uint8_t *id = play.said + 2;
    for (const char *at = records; *at;) {
        struct mark length = write_length16(&w);
        struct mark header = writer_mark(&w);
        uint16_t count = 0;
        write_bytes(&w, id, 2);
        write_u16(&w, 0x8580);
        write_u16(&w, at == records);
        write_zeros(&w, 6);
        if (at == records) {
            write_bytes(&w, TEXT(CONTOSO));
            write_u16(&w, type);
            write_u16(&w, DNS_CLASS_IN);
        }
        for (; *at && *at != '|'; at += strcspn(at, " "), at += strspn(at, " "), count++)
            write_record(&w, at);
        at += strspn(at, "| ");
        writer_patch_u16(&w, (struct mark){ header.offset + 6 }, count);
        close_length16(&w, length);
    }
    return writer_span(&w);
}

struct dialog {
    const char *serial, *records; /* serial NULL: AXFR */
    const char *wrong;            /* NULL: it is a good transfer */
};

static const struct dialog dialogs[] = {
    { NULL, "71 a a a 71", NULL },
    { NULL, "71 a | a | a 71", NULL },
    { NULL, "71 | a | 71", NULL },
    { NULL, "71 71", NULL },
    { NULL, "71 | 71", NULL },
    { NULL, "a 71", "the first record is not the zone's SOA" },
    { NULL, "71 a 72", "another serial than the first" },
    { NULL, "71 72", "another serial than the first" },
    { NULL, "71 a 71 a", "follow the closing SOA" },
    { NULL, "71 a 71 71", "follow the closing SOA" },
    { "71", "71", NULL },
    { "72", "71", NULL },
    { "71", "73 a a 73", NULL },
    { "71", "73 | a a | 73", NULL },
    { "71", "73 71 a 73 a a 73", NULL },
    { "71", "73 71 a 72 a 72 a 73 a 73", NULL },
    { "71", "73 | 71 a | 72 | a 72 a 73 | 73", NULL },
    { "71", "73 71 73 73", NULL },
    { "71", "73 71 a 72 a 71 a 73 a 73", "begins at another serial" },
    { "71", "73 72 a 73 a 73", "another serial than the first" },
    { "71", "73 71 a 73 a 73 a", "follow the closing SOA" },
    { "71", "71 a", "follow the closing SOA" },
};

static struct span begin_dialog(const struct dialog *d)
{
    again(transfer);
    if (d->serial)
        play_set(&play, "serial", d->serial);
    play_begin(&play);
    return messages(d->records, d->serial ? DNS_TYPE_IXFR : DNS_TYPE_AXFR);
}

static void transfers_end_with_their_soa(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogs / sizeof *dialogs; i++) {
        const struct dialog *d = &dialogs[i];
        struct span in = begin_dialog(d);
        for (size_t piece = 0; piece <= in.len; piece++) {
            in = begin_dialog(d);
            assert_int_equal(play_hear_in(&play, in, piece), d->wrong ? CLIENT_FAILED : CLIENT_DONE);
            if (d->wrong)
                assert_non_null(strstr(play.c->problem.what, d->wrong));
        }
        for (size_t len = 0; !d->wrong && len < in.len; len++) { /* the server leaves before the end */
            in = begin_dialog(d);
            assert_int_equal(play_hear_in(&play, span_head(in, len), 0), CLIENT_WAIT);
            assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_FAILED);
        }
    }
}

static void a_refused_transfer_is_told(void **state)
{
    (void)state;
    play_begin(&play);
    struct span in = messages("71 71", DNS_TYPE_AXFR);
    room[5] = 5;
    assert_int_equal(play_hear_in(&play, in, 0), CLIENT_FAILED);
    assert_string_equal(play.c->problem.what, "the server answered the transfer with REFUSED");
}

static void malformed_transfers_are_told(void **state)
{
    (void)state;
    play_begin(&play);
    struct span in = messages("71 a 71", DNS_TYPE_AXFR);
    static uint8_t good[200];
    size_t len = in.len;
    memcpy(good, room, len);
    for (size_t cut = 2; cut < len; cut++) { /* the message's own length is short of its records */
        again(transfer);
        play_begin(&play);
        memcpy(room, good, len);
        memcpy(room, (uint8_t[]){ 0, (uint8_t)(cut - 2) }, 2);
        assert_int_equal(play_hear_in(&play, span_of(room, cut), 0), CLIENT_FAILED);
    }
    again(transfer);
    play_begin(&play);
    memcpy(room, good, len);
    room[2] ^= 1; /* another identifier */
    assert_int_equal(play_hear_in(&play, span_of(room, len), 0), CLIENT_FAILED);
    again(transfer);
    play_begin(&play);
    memcpy(room, good, len);
    room[9] = 0; /* a message without records, for ever */
    assert_int_equal(play_hear_in(&play, span_of(room, len), 0), CLIENT_FAILED);
}

#define QUERY_TEST(test)    cmocka_unit_test_setup_teardown(test, query, tear_down)
#define TRANSFER_TEST(test) cmocka_unit_test_setup_teardown(test, transfer, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUERY_TEST(the_captured_question_is_sent_and_its_answer_taken),
        QUERY_TEST(what_is_no_answer_to_it_is_passed_over),
        QUERY_TEST(answers_cut_behind_the_question_are_malformed),
        QUERY_TEST(a_question_is_asked_three_times),
        QUERY_TEST(what_the_lines_say_is_sent),
        QUERY_TEST(any_rcode_is_an_answer_unless_one_is_expected),
        QUERY_TEST(the_upper_bits_of_an_rcode_count),
        QUERY_TEST(a_truncated_answer_is_asked_for_by_tcp),
        QUERY_TEST(by_tcp_at_once),
        QUERY_TEST(wrong_lines_are_told),
        TRANSFER_TEST(the_captured_transfer_is_asked_for),
        TRANSFER_TEST(a_plain_transfer_is_one_segment),
        TRANSFER_TEST(an_incremental_one_tells_the_serial),
        TRANSFER_TEST(transfers_end_with_their_soa),
        TRANSFER_TEST(a_refused_transfer_is_told),
        TRANSFER_TEST(malformed_transfers_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
