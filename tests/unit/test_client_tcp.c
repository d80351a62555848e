#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_play.h"

static struct client_play play;

static int tear_down(void **state)
{
    (void)state;
    play_close(&play);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    play_open(&play, &client_tcp);
    play_set(&play, "server", "172.16.16.139:80");
    return 0;
}

static void again(void)
{
    play_close(&play);
    set_up(NULL);
}

static void send(const char *lines)
{
    play_line(&play, "send", "", span_text(lines));
}

static void said_is(const char *text)
{
    assert_true(span_is(writer_span(&play.said_to), text));
}

static void lines_in_their_order(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < 20; piece++) {
        again();
        send("a\nb\n");
        send("c\n");
        play_set(&play, "await", "220 x");
        play_set(&play, "await", "aab");
        send("d\n");
        play_set(&play, "await", "z");
        play_begin(&play);
        assert_int_equal(play.segment_count, 2);
        said_is("a\r\nb\r\nc\r\n");
        play_hear_in(&play, span_text("..220  x 22220 x"), piece);
        said_is("a\r\nb\r\nc\r\n");
        assert_int_equal(play_hear_in(&play, span_text("aaab"), piece), CLIENT_WAIT);
        said_is("a\r\nb\r\nc\r\nd\r\n");
        assert_int_equal(play_hear_in(&play, span_text("xyz"), piece), CLIENT_DONE);
    }
}

static void the_same_text_is_not_taken_twice(void **state)
{
    (void)state;
    play_set(&play, "await", "x");
    play_set(&play, "await", "x");
    play_begin(&play);
    assert_int_equal(play_hear(&play, "x"), CLIENT_WAIT);
    assert_int_equal(play_hear(&play, "x"), CLIENT_DONE);
}

static void what_came_early_is_not_lost(void **state)
{
    (void)state;
    play_set(&play, "await", "x");
    send("a\n");
    play_set(&play, "await", "y");
    play_begin(&play);
    assert_int_equal(play_hear(&play, "xy"), CLIENT_DONE);
}

static void the_servers_end(void **state)
{
    (void)state;
    play_set(&play, "await", "x");
    play_set(&play, "await-end", "");
    play_begin(&play);
    assert_int_equal(play_hear(&play, "x and more"), CLIENT_WAIT);
    assert_int_equal(play.left_len, 0);
    assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_DONE);
    again();
    play_set(&play, "await", "x");
    play_begin(&play);
    assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_FAILED);
    again();
    play_set(&play, "await-end", "");
    send("x\n");
    play_begin(&play);
    assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_FAILED);
}

static void tls_from_the_start(void **state)
{
    (void)state;
    play_set(&play, "tls", "");
    send("x\n");
    play_begin(&play);
    assert_int_equal(play.secured, 1);
    assert_int_equal(play.wish, CLIENT_DONE);
    said_is("x\r\n");
}

static void wrong_lines_are_told(void **state)
{
    (void)state;
    assert_false(play_is_good(&client_tcp, "server", "172.16.16.139"));
    assert_false(play_is_good(&client_tcp, "server", "172.16.16.139:0"));
    assert_false(play_is_good(&client_tcp, "await", ""));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_in_their_order),        TEST(the_same_text_is_not_taken_twice),
        TEST(what_came_early_is_not_lost), TEST(the_servers_end),
        TEST(tls_from_the_start),          TEST(wrong_lines_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
