#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_play.h"

#include <stdio.h>

static struct client_play play;

/* mail_sender_client_1 */
#define EHLO "EHLO [172.16.16.225]\r\n"
#define MAIL "MAIL FROM:<sanders@skynet.local> SIZE=556\r\n"
#define RCPT "RCPT TO:<sanders@cyberdyne.local>\r\n"
#define OFFERS                                                                                               \
    "250-mail01\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n"          \
    "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 DSN\r\n"
#define GREETING "220 mail01 ESMTP Postfix (Ubuntu)\r\n"
#define GO_AHEAD "354 End data with <CR><LF>.<CR><LF>\r\n"
#define QUEUED   "250 2.0.0 Ok: queued as 931C4400D5\r\n"
#define BYE      "221 2.0.0 Bye\r\n"
#define SENT_OK  "250 2.1.0 Ok\r\n"
#define RCPT_OK  "250 2.1.5 Ok\r\n"

#define LINES(END)                                                                                           \
    "To: Chris Sanders <sanders@cyberdyne.local>" END "From: Chris Sanders <sanders@skynet.local>" END       \
    "Subject: Help!" END "Message-ID: <5682DB80.4010607@skynet.local>" END                                   \
    "Date: Tue, 29 Dec 2015 14:14:08 -0500" END                                                              \
    "User-Agent: Mozilla/5.0 (Windows NT 10.0; WOW64; rv:38.0) Gecko/20100101" END " Thunderbird/38.5.0" END \
    "MIME-Version: 1.0" END "Content-Type: text/plain; charset=utf-8; format=flowed" END                     \
    "Content-Transfer-Encoding: 7bit" END END                                                                \
    "I need your help. The system has become self aware. On second thought, " END                            \
    "why am I sending this from a system that can most certainly intercept " END "it? Oh well...." END

static const char *const replies[] = { GREETING, OFFERS, SENT_OK, RCPT_OK, GO_AHEAD, QUEUED, BYE };
#define REPLIES    7
#define TEXT(text) text, sizeof text - 1

static int tear_down(void **state)
{
    (void)state;
    play_close(&play);
    return 0;
}

static int bare(void **state)
{
    (void)state;
    play_open(&play, &client_smtp_send);
    play_set(&play, "server", "172.16.16.221");
    play_set(&play, "hello", "[172.16.16.225]");
    return 0;
}

static int set_up(void **state)
{
    bare(state);
    play_set(&play, "from", "sanders@skynet.local");
    play_set(&play, "to", "sanders@cyberdyne.local");
    play_line(&play, "message", "", span_of(TEXT(LINES("\n"))));
    return 0;
}

static void again(void)
{
    play_close(&play);
    set_up(NULL);
}

static void said_is(const char *text)
{
    struct span said = writer_span(&play.said_to);
    if (!span_is(said, text))
        fail_msg("said: %.*s", (int)said.len, (const char *)said.at);
}

/* Up to and without this reply. */
static void play_until(size_t reply)
{
    play_begin(&play);
    for (size_t i = 0; i < reply; i++)
        assert_int_equal(play_hear(&play, replies[i]), CLIENT_WAIT);
}

static void the_captured_dialog(void **state)
{
    (void)state;
    play_set(&play, "segment-bytes", "4096");
    play_begin(&play);
    assert_int_equal(play.c->server.port, 25);
    for (size_t i = 0; i < REPLIES; i++)
        assert_int_equal(play_hear(&play, replies[i]), i + 1 < REPLIES ? CLIENT_WAIT : CLIENT_DONE);
    said_is(EHLO MAIL RCPT "DATA\r\n" LINES("\r\n") ".\r\n"
                                                    "QUIT\r\n");
    static const size_t segments[] = { 22, 43, 35, 6, 556, 3, 6 };
    assert_int_equal(play.segment_count, 7);
    assert_memory_equal(play.segments, segments, sizeof segments);
}

static void however_the_replies_are_cut(void **state)
{
    (void)state;
    for (size_t reply = 0; reply < REPLIES; reply++) {
        for (size_t cut = 1; cut < strlen(replies[reply]); cut++) {
            again();
            play_until(reply);
            size_t before = writer_length(&play.said_to);
            assert_int_equal(play_hear_in(&play, span_head(span_text(replies[reply]), cut), 1), CLIENT_WAIT);
            assert_int_equal(writer_length(&play.said_to), before);
            play_hear_in(&play, span_from(span_text(replies[reply]), cut), 0);
            for (size_t i = reply + 1; i < REPLIES; i++)
                play_hear(&play, replies[i]);
            assert_int_equal(play.wish, CLIENT_DONE);
            said_is(EHLO MAIL RCPT "DATA\r\n" LINES("\r\n") ".\r\n"
                                                            "QUIT\r\n");
        }
    }
}

static void every_refusal_is_told_in_the_servers_words(void **state)
{
    static const char *const what[] = {
        "the connection", "EHLO", "MAIL", "RCPT sanders@cyberdyne.local", "DATA", "the message", "QUIT"
    };
    char expected[200];
    (void)state;
    for (size_t reply = 0; reply < REPLIES; reply++) {
        again();
        play_until(reply);
        assert_int_equal(play_hear(&play, "554-5.7.1 \x1b[2J no\r\n554 more\r\n"), CLIENT_FAILED);
        snprintf(expected, sizeof expected, "the server refused %s with 554: \"5.7.1 \\x1b[2J no\"",
                 what[reply]);
        assert_string_equal(play.c->problem.what, expected);
    }
    again(); /* RFC 5321 4.2.1: 2yz is no answer to DATA */
    play_until(4);
    assert_int_equal(play_hear(&play, "250 Ok\r\n"), CLIENT_FAILED);
}

static void an_end_of_the_connection_is_told(void **state)
{
    static const char *const what[] = { "no greeting",       "no answer to EHLO", "no answer to MAIL",
                                        "no answer to RCPT", "no answer to DATA", "no answer to the message",
                                        "no answer to QUIT" };
    (void)state;
    for (size_t reply = 0; reply < REPLIES; reply++) {
        again();
        play_until(reply);
        assert_string_equal(play.c->type->fault(play.c), what[reply]);
        assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_FAILED);
        assert_non_null(strstr(play.c->problem.what, what[reply]));
    }
}

static void what_is_no_reply_is_told(void **state)
{
    static const char *const bad[] = { "HTTP/1.1 200 OK\r\n", "220-a\r\n250 b\r\n", "220 a\n", "220 a\rb\r\n",
                                       "999 a\r\n" };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        again();
        play_begin(&play);
        assert_int_equal(play_hear(&play, bad[i]), CLIENT_FAILED);
    }
}

static void hear_all(const char *text)
{
    play_begin(&play);
    play_hear(&play, text);
}

static void an_expected_refusal_ends_the_step_well(void **state)
{
    (void)state;
    play_set(&play, "expect-code", "554");
    play_until(3);
    assert_int_equal(play_hear(&play, "554 5.7.1 Relay access denied\r\n"), CLIENT_WAIT);
    assert_int_equal(play_hear(&play, BYE), CLIENT_DONE);
    said_is(EHLO MAIL RCPT "QUIT\r\n");
    again();
    play_set(&play, "expect-code", "554");
    play_until(2);
    play_hear(&play, "554 no\r\n" BYE);
    assert_int_equal(play.wish, CLIENT_DONE);
    said_is(EHLO MAIL "QUIT\r\n");
    again(); /* another code than that */
    play_set(&play, "expect-code", "554");
    play_until(3);
    assert_int_equal(play_hear(&play, "550 no\r\n"), CLIENT_FAILED);
    again(); /* none at all */
    play_set(&play, "expect-code", "554");
    play_until(6);
    assert_int_equal(play_hear(&play, BYE), CLIENT_FAILED);
    assert_string_equal(play.c->problem.what, "no reply had the code 554");
}

static void one_recipient_refused_as_expected_leaves_the_other(void **state)
{
    (void)state;
    play_set(&play, "to", "ppa@skynet.local NOTIFY=NEVER");
    play_set(&play, "expect-code", "550");
    play_until(3);
    play_hear(&play, "550 5.1.1 no\r\n");
    play_hear(&play, RCPT_OK);
    play_hear(&play, GO_AHEAD);
    play_hear(&play, QUEUED);
    assert_int_equal(play_hear(&play, BYE), CLIENT_DONE);
    said_is(EHLO MAIL RCPT
            "RCPT TO:<ppa@skynet.local> NOTIFY=NEVER\r\nDATA\r\n" LINES("\r\n") ".\r\nQUIT\r\n");
}

static void pipelined(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < 60; piece++) {
        again();
        play_set(&play, "pipelining", "");
        play_begin(&play);
        play_hear_in(&play, span_text(GREETING), piece);
        play_hear_in(&play, span_text(OFFERS), piece);
        said_is(EHLO MAIL RCPT "DATA\r\n");
        assert_int_equal(play.segment_count, 2);
        play_hear_in(&play, span_text(SENT_OK RCPT_OK GO_AHEAD), piece);
        said_is(EHLO MAIL RCPT "DATA\r\n" LINES("\r\n") ".\r\nQUIT\r\n");
        assert_int_equal(play_hear_in(&play, span_text(QUEUED BYE), piece), CLIENT_DONE);
    }
    again(); /* not offered: one after the other */
    play_set(&play, "pipelining", "");
    hear_all(GREETING "250 mail01\r\n");
    said_is(EHLO "MAIL FROM:<sanders@skynet.local>\r\n");
}

static void an_expected_refusal_within_a_pipeline(void **state)
{
    (void)state;
    play_set(&play, "pipelining", "");
    play_set(&play, "expect-code", "554");
    hear_all(GREETING OFFERS SENT_OK "554 5.7.1 no\r\n" GO_AHEAD); /* RFC 2920 3.1: nothing may be sent now */
    said_is(EHLO MAIL RCPT "DATA\r\n.\r\nQUIT\r\n");
    assert_int_equal(play_hear(&play, "554 5.5.1 no valid recipients\r\n" BYE), CLIENT_DONE);
    again();
    play_set(&play, "pipelining", "");
    play_set(&play, "expect-code", "554");
    hear_all(GREETING OFFERS SENT_OK "554 5.7.1 no\r\n554 5.5.1 no valid recipients\r\n");
    said_is(EHLO MAIL RCPT "DATA\r\nQUIT\r\n");
    assert_int_equal(play_hear(&play, BYE), CLIENT_DONE);
    again();
    play_set(&play, "pipelining", "");
    play_set(&play, "expect-code", "552");
    hear_all(GREETING OFFERS "552 too big\r\n503 no\r\n");
    said_is(EHLO MAIL RCPT "DATA\r\n");
    assert_int_equal(play_hear(&play, "503 no\r\n"), CLIENT_WAIT);
    said_is(EHLO MAIL RCPT "DATA\r\nQUIT\r\n");
    assert_int_equal(play_hear(&play, BYE), CLIENT_DONE);
}

static void starttls(void **state)
{
    (void)state;
    play_set(&play, "starttls", "");
    play_set(&play, "tls-name", "mail01");
    hear_all(GREETING OFFERS "220 2.0.0 Ready\r\n250 injected\r\n");
    assert_int_equal(play.secured, 1);
    assert_string_equal(play.c->tls_name, "mail01");
    said_is(EHLO "STARTTLS\r\n" EHLO);
    play_hear(&play, "250 mail01\r\n"); /* RFC 3207 4.2: what was offered before is forgotten */
    said_is(EHLO "STARTTLS\r\n" EHLO "MAIL FROM:<sanders@skynet.local>\r\n");
    again();
    play_set(&play, "starttls", "");
    hear_all(GREETING "250 mail01\r\n");
    assert_int_equal(play.wish, CLIENT_FAILED);
    again();
    play_set(&play, "starttls", "");
    hear_all(GREETING OFFERS "454 4.7.0 no\r\n");
    assert_int_equal(play.wish, CLIENT_FAILED);
}

static void commands_go_before_mail_or_alone(void **state)
{
    (void)state;
    play_close(&play);
    bare(NULL);
    play_set(&play, "vrfy", "sanders");
    play_set(&play, "command", "EXPN a b");
    play_set(&play, "expect-code", "502");
    hear_all(GREETING OFFERS "252 2.0.0 sanders\r\n502 no\r\n" BYE);
    assert_int_equal(play.wish, CLIENT_DONE);
    said_is(EHLO "VRFY sanders\r\nEXPN a b\r\nQUIT\r\n");
    again();
    play_set(&play, "vrfy", "sanders");
    hear_all(GREETING OFFERS "252 2.0.0 sanders\r\n");
    said_is(EHLO "VRFY sanders\r\n" MAIL);
}

static void size_is_left_out_when_told(void **state)
{
    (void)state;
    play_set(&play, "size", "no");
    hear_all(GREETING OFFERS);
    said_is(EHLO "MAIL FROM:<sanders@skynet.local>\r\n");
}

static void text_is_transparent_and_counted_without_its_dots(void **state)
{
    (void)state;
    play_close(&play);
    bare(NULL);
    play_set(&play, "from", "<>");
    play_set(&play, "to", "Postmaster");
    play_line(&play, "message", "", span_text(".a\n..\n\xc3\xa4\r\nno end")); /* 4 + 4 + 4 + 8 */
    hear_all(GREETING OFFERS SENT_OK RCPT_OK GO_AHEAD);
    said_is(EHLO "MAIL FROM:<> SIZE=20 BODY=8BITMIME\r\nRCPT TO:<Postmaster>\r\nDATA\r\n"
                 "..a\r\n...\r\n\xc3\xa4\r\nno end\r\n.\r\n");
}

static void parameters_of_mail_are_the_steps(void **state)
{
    (void)state;
    play_close(&play);
    bare(NULL);
    play_set(&play, "from", "a@b.c BODY=7BIT RET=HDRS");
    play_set(&play, "to", "a@b.c");
    play_line(&play, "message", "", span_text("\xc3\xa4\n"));
    hear_all(GREETING OFFERS);
    said_is(EHLO "MAIL FROM:<a@b.c> BODY=7BIT RET=HDRS SIZE=4\r\n");
}

static void a_long_message_goes_in_pieces(void **state)
{
    static char text[200 * 1024];
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 999; i < sizeof text; i += 1000)
        text[i] = '\n';
    text[sizeof text - 1] = '\n';
    size_t lines = 205, bytes = sizeof text + lines; /* each LF becomes CRLF */
    for (int with_segments = 0; with_segments < 2; with_segments++) {
        play_close(&play);
        bare(NULL);
        play_set(&play, "from", "a@b.c");
        play_set(&play, "to", "a@b.c");
        play_line(&play, "message-file", "x.eml", span_of(text, sizeof text));
        if (with_segments)
            play_set(&play, "segment-bytes", "4096");
        play_until(5);
        size_t count = 0;
        for (size_t i = 4; i < play.segment_count; i++)
            count += play.segments[i];
        assert_int_equal(count, bytes + 3);
        assert_int_equal(play.segments[4], with_segments ? 4096 : 65536);
        assert_int_equal(play.segments[play.segment_count - 1], with_segments ? 3 : bytes % 65536 + 3);
    }
}

static void a_reply_within_the_text_breaks_it_off(void **state)
{
    (void)state;
    play_set(&play, "segment-bytes", "100");
    play_until(4);
    assert_int_equal(play_hear(&play, GO_AHEAD "452 4.3.1 full\r\n"), CLIENT_FAILED);
    assert_non_null(strstr(play.c->problem.what, "refused the message with 452"));
    again();
    play_set(&play, "segment-bytes", "100");
    play_until(4);
    assert_int_equal(play_hear(&play, GO_AHEAD QUEUED), CLIENT_FAILED);
}

static void a_message_has_a_sender_a_recipient_and_one_text(void **state)
{
    (void)state;
    play_set(&play, "message-file", "x");
    assert_int_equal(play_begin(&play), CLIENT_FAILED);
    play_close(&play);
    bare(NULL);
    play_set(&play, "to", "a@b.c");
    assert_int_equal(play_begin(&play), CLIENT_FAILED);
    assert_false(play_is_good(&client_smtp_send, "from", "a"));
    assert_true(play_is_good(&client_smtp_send, "from", "<a@b.c>"));
    assert_false(play_is_good(&client_smtp_send, "to", "<>"));
    assert_false(play_is_good(&client_smtp_send, "segment-bytes", "0"));
    assert_false(play_is_good(&client_smtp_send, "segment-bytes", "65537"));
    assert_false(play_is_good(&client_smtp_send, "expect-code", "600"));
    assert_false(play_is_good(&client_smtp_send, "size", "12"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_captured_dialog),
        TEST(however_the_replies_are_cut),
        TEST(every_refusal_is_told_in_the_servers_words),
        TEST(an_end_of_the_connection_is_told),
        TEST(what_is_no_reply_is_told),
        TEST(an_expected_refusal_ends_the_step_well),
        TEST(one_recipient_refused_as_expected_leaves_the_other),
        TEST(pipelined),
        TEST(an_expected_refusal_within_a_pipeline),
        TEST(starttls),
        TEST(commands_go_before_mail_or_alone),
        TEST(size_is_left_out_when_told),
        TEST(text_is_transparent_and_counted_without_its_dots),
        TEST(parameters_of_mail_are_the_steps),
        TEST(a_long_message_goes_in_pieces),
        TEST(a_reply_within_the_text_breaks_it_off),
        TEST(a_message_has_a_sender_a_recipient_and_one_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
