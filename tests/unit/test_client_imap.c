#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client_play.h"

#include <stdio.h>

static struct client_play play;

/* mail_receiver_server_3 */
#define GREETING                                                                                             \
    "* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR LOGIN-REFERRALS ID ENABLE IDLE STARTTLS LOGINDISABLED] "    \
    "Dovecot (Ubuntu) ready.\r\n"
#define BEGIN_TLS "1 OK Begin TLS negotiation now.\r\n"

static int tear_down(void **state)
{
    (void)state;
    play_close(&play);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    play_open(&play, &client_imap);
    play_set(&play, "server", "172.16.16.231");
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

struct turn {
    const char *hears, *says; /* what is said after it */
};

/* The chapter's session as it goes on under TLS. */
static const struct turn session[] = {
    { GREETING, "1 STARTTLS\r\n" },
    { BEGIN_TLS, "2 CAPABILITY\r\n" },
    { "* CAPABILITY IMAP4rev1 IDLE\r\n2 OK done\r\n", "3 LOGIN \"sanders\" \"p\\\"w\\\\ d\"\r\n" },
    { "3 OK [CAPABILITY IMAP4rev1] in\r\n", "4 LIST \"\" *\r\n" },
    { "* LIST (\\HasNoChildren) \"/\" INBOX\r\n* LIST () \"/\" {3}\r\nabc\r\n4 OK done\r\n",
      "5 SELECT INBOX\r\n" },
    { "* 1 EXISTS\r\n* OK [UIDNEXT 2] next {5}\r\n5 OK [READ-WRITE] done\r\n",
      "6 FETCH 1 (FLAGS BODY[])\r\n" },
    { "* 1 FETCH (FLAGS () BODY[] {16}\r\n6 NO x\r\n* BYE\r\n BODY[TEXT] {2}\r\n\r\n)\r\n6 OK done\r\n",
      "7 LOGOUT\r\n" },
    { "* BYE bye\r\n7 OK bye\r\n", "" },
};
#define TURNS (sizeof session / sizeof *session)

static void set_up_session(void)
{
    again();
    play_set(&play, "tls-name", "mail02.cyberdyne.local");
    struct client_setting *user = play_line(&play, "user", "sanders x", (struct span){ NULL, 0 });
    user->words[1] = span_text("p\"w\\ d");
    play_set(&play, "command", "STARTTLS");
    play_set(&play, "command", "CAPABILITY");
    struct client_setting *list = play_line(&play, "command", "LIST x *", (struct span){ NULL, 0 });
    list->words[1] = span_text("");
    play_set(&play, "command", "SELECT INBOX");
    play_set(&play, "command", "FETCH 1 (FLAGS BODY[])");
    play_begin(&play);
}

static void heard(size_t turn, size_t piece)
{
    size_t before = writer_length(&play.said_to);
    play_hear_in(&play, span_text(session[turn].hears), piece);
    struct span said = span_from(writer_span(&play.said_to), before);
    if (!span_is(said, session[turn].says))
        fail_msg("turn %zu said: %.*s", turn, (int)said.len, (const char *)said.at);
}

static void a_session_whose_responses_are_cut_anywhere(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < 40; piece++) {
        set_up_session();
        assert_int_equal(play.c->server.port, 143);
        said_is("");
        for (size_t i = 0; i < TURNS; i++) {
            assert_false(play_ended(&play));
            heard(i, piece);
            assert_int_equal(play.secured, i >= 1);
        }
        assert_int_equal(play.wish, CLIENT_DONE);
        assert_string_equal(play.c->tls_name, "mail02.cyberdyne.local");
    }
}

static void what_came_before_tls_is_forgotten(void **state)
{
    (void)state;
    set_up_session();
    heard(0, 0);
    play_hear(&play, BEGIN_TLS "2 OK injected\r\n");
    said_is("1 STARTTLS\r\n2 CAPABILITY\r\n");
    assert_int_equal(play.wish, CLIENT_WAIT);
}

static void every_refusal_is_told_in_the_servers_words(void **state)
{
    static const char *const verbs[] = { "",     "STARTTLS", "CAPABILITY", "LOGIN",
                                         "LIST", "SELECT",   "FETCH",      "LOGOUT" };
    static const char *const words[] = { "NO", "BAD" };
    char text[200];
    (void)state;
    for (size_t turn = 1; turn < TURNS; turn++) {
        for (int bad = 0; bad < 2; bad++) {
            set_up_session();
            for (size_t i = 0; i < turn; i++)
                heard(i, 0);
            snprintf(text, sizeof text, "%zu %s [ALERT] \x07 no\r\n", turn, words[bad]);
            assert_int_equal(play_hear(&play, text), CLIENT_FAILED);
            snprintf(text, sizeof text, "the server did not do command %zu, %s: \"%s [ALERT] \\x07 no\"",
                     turn, verbs[turn], words[bad]);
            assert_string_equal(play.c->problem.what, text);
        }
    }
    again();
    play_begin(&play);
    assert_int_equal(play_hear(&play, "* BYE full\r\n"), CLIENT_FAILED);
    assert_string_equal(play.c->problem.what, "the server did not greet: \"BYE full\"");
    set_up_session();
    heard(0, 0);
    assert_int_equal(play_hear(&play, "* BYE going down\r\n"), CLIENT_FAILED);
}

static void an_end_of_the_connection_is_told(void **state)
{
    static const char *const what[] = { "no greeting",
                                        "no answer to a command",
                                        "no answer to a command",
                                        "no answer to LOGIN",
                                        "no answer to a command",
                                        "no answer to a command",
                                        "no answer to a command",
                                        "no answer to LOGOUT" };
    (void)state;
    for (size_t turn = 0; turn < TURNS; turn++) {
        set_up_session();
        for (size_t i = 0; i < turn; i++)
            heard(i, 0);
        assert_string_equal(play.c->type->fault(play.c), what[turn]);
        assert_int_equal(play_happen(&play, CLIENT_CLOSED), CLIENT_FAILED);
        assert_non_null(strstr(play.c->problem.what, what[turn]));
    }
}

static void what_is_out_of_turn_or_malformed_is_told(void **state)
{
    static const char *const bad[] = { "2 OK other tag\r\n", "0 OK\r\n", "x OK\r\n", "+ go on\r\n",
                                       "* 1 EXISTS\n",       "\n",       "\r\n",     "1\r\n" };
    static char endless[64 * 1024 + 2];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        set_up_session();
        heard(0, 0);
        assert_int_equal(play_hear(&play, bad[i]), CLIENT_FAILED);
    }
    memset(endless, 'x', sizeof endless - 1);
    again();
    play_begin(&play);
    assert_int_equal(play_hear(&play, endless), CLIENT_FAILED);
    again();
    play_begin(&play);
    assert_int_equal(play_hear(&play, "0 OK\r\n"), CLIENT_FAILED);
}

static void login_comes_by_itself_or_from_the_step(void **state)
{
    (void)state;
    play_set(&play, "user", "a b"); /* and nothing else: LOGIN, LOGOUT */
    play_begin(&play);
    play_hear(&play, "* OK\r\n1 OK\r\n2 OK\r\n");
    said_is("1 LOGIN \"a\" \"b\"\r\n2 LOGOUT\r\n");
    assert_int_equal(play.wish, CLIENT_DONE);
    again();
    play_set(&play, "user", "a b");
    play_set(&play, "command", "login c d");
    play_set(&play, "command", "LOGOUT");
    play_begin(&play);
    play_hear(&play, "* OK\r\n1 OK\r\n2 OK\r\n");
    said_is("1 login c d\r\n2 LOGOUT\r\n");
    assert_int_equal(play.wish, CLIENT_DONE);
    again();
    play_set(&play, "user", "a b");
    play_begin(&play);
    play_hear(&play, "* PREAUTH\r\n");
    said_is("1 LOGOUT\r\n");
}

static void messages_are_waited_for(void **state)
{
    (void)state;
    play_set(&play, "command", "SELECT INBOX");
    play_set(&play, "wait-exists", "2");
    play_set(&play, "command", "NOOP");
    play_begin(&play);
    play_hear(&play, "* OK\r\n* 1 EXISTS\r\n1 OK\r\n");
    said_is("1 SELECT INBOX\r\n2 IDLE\r\n");
    play_hear(&play, "+ idling\r\n* 1 EXISTS\r\n* 1 RECENT\r\n* 1 EXPUNGE\r\n* OK still here\r\n");
    said_is("1 SELECT INBOX\r\n2 IDLE\r\n");
    assert_string_equal(play.c->type->fault(play.c), "the messages that are waited for did not come");
    play_hear(&play, "* 2 EXISTS\r\n");
    said_is("1 SELECT INBOX\r\n2 IDLE\r\nDONE\r\n");
    play_hear(&play, "* 3 EXISTS\r\n2 OK\r\n");
    said_is("1 SELECT INBOX\r\n2 IDLE\r\nDONE\r\n3 NOOP\r\n");
    again(); /* they are there already; they come before the server says that it idles */
    play_set(&play, "command", "SELECT INBOX");
    play_set(&play, "wait-exists", "1");
    play_set(&play, "wait-exists", "2");
    play_begin(&play);
    play_hear(&play, "* OK\r\n* 1 EXISTS\r\n1 OK\r\n* 2 EXISTS\r\n+\r\n");
    said_is("1 SELECT INBOX\r\n2 IDLE\r\nDONE\r\n");
    again();
    play_set(&play, "command", "SELECT INBOX");
    play_set(&play, "wait-exists", "1");
    play_begin(&play);
    play_hear(&play, "* OK\r\n* 1 EXISTS\r\n1 OK\r\n");
    said_is("1 SELECT INBOX\r\n2 LOGOUT\r\n");
    again(); /* one less */
    play_set(&play, "command", "SELECT INBOX");
    play_set(&play, "command", "EXPUNGE");
    play_set(&play, "wait-exists", "2");
    play_begin(&play);
    play_hear(&play, "* OK\r\n* 2 EXISTS\r\n1 OK\r\n* 1 EXPUNGE\r\n2 OK\r\n");
    said_is("1 SELECT INBOX\r\n2 EXPUNGE\r\n3 IDLE\r\n");
    again(); /* another mailbox has its own */
    play_set(&play, "command", "SELECT INBOX");
    play_set(&play, "command", "EXAMINE Sent");
    play_set(&play, "wait-exists", "1");
    play_begin(&play);
    play_hear(&play, "* OK\r\n* 1 EXISTS\r\n1 OK\r\n2 OK\r\n");
    said_is("1 SELECT INBOX\r\n2 EXAMINE Sent\r\n3 IDLE\r\n");
    assert_int_equal(play_hear(&play, "3 OK\r\n"), CLIENT_FAILED); /* nobody said that it is over */
}

static void messages_are_appended(void **state)
{
    (void)state;
    for (size_t piece = 0; piece < 10; piece++) {
        again();
        play_line(&play, "message", "", span_text("a: b\n\nx\r\ny"));
        play_line(&play, "message-file", "x.eml", span_text(""));
        play_set(&play, "append", "Sent (\\Seen)");
        struct client_setting *second = play_line(&play, "append", "x", (struct span){ NULL, 0 });
        second->words[0] = span_text("My mail");
        play_begin(&play);
        play_hear_in(&play, span_text("* OK\r\n"), piece);
        said_is("1 APPEND Sent (\\Seen) {12}\r\n");
        play_hear_in(&play, span_text("+ go\r\n"), piece);
        said_is("1 APPEND Sent (\\Seen) {12}\r\na: b\r\n\r\nx\r\ny\r\n");
        play_hear_in(&play, span_text("1 OK\r\n+ go\r\n2 OK\r\n"), piece);
        said_is("1 APPEND Sent (\\Seen) {12}\r\na: b\r\n\r\nx\r\ny\r\n2 APPEND \"My mail\" {0}\r\n\r\n3 "
                "LOGOUT\r\n");
    }
    again();
    play_line(&play, "message", "", span_text("a"));
    play_set(&play, "append", "Sent");
    play_begin(&play);
    play_hear(&play, "* OK\r\n");
    assert_int_equal(play_hear(&play, "1 NO [TRYCREATE] there is none\r\n"), CLIENT_FAILED);
    again();
    play_set(&play, "append", "Sent");
    play_begin(&play);
    assert_int_equal(play_hear(&play, "* OK\r\n"), CLIENT_FAILED);
}

static void a_long_message_goes_in_pieces(void **state)
{
    static char text[150 * 1000];
    (void)state;
    memset(text, 'x', sizeof text);
    play_line(&play, "message-file", "x.eml", span_of(text, sizeof text));
    play_set(&play, "append", "Sent");
    play_begin(&play);
    play_hear(&play, "* OK\r\n");
    play_hear(&play, "+ go\r\n");
    assert_int_equal(play.segment_count, 4);
    assert_int_equal(play.segments[1], 65536);
    assert_int_equal(play.segments[2], 65536);
    assert_int_equal(play.segments[3], sizeof text - 2 * 65536 + 2);
    assert_int_equal(play_hear(&play, "1 OK\r\n2 OK\r\n"), CLIENT_DONE);
    again(); /* refused before it is whole */
    play_line(&play, "message-file", "x.eml", span_of(text, sizeof text));
    play_set(&play, "append", "Sent");
    play_begin(&play);
    play_hear(&play, "* OK\r\n");
    assert_int_equal(play_hear(&play, "+ go\r\n1 NO [OVERQUOTA] full\r\n"), CLIENT_FAILED);
}

static void tls_from_the_start(void **state)
{
    (void)state;
    play_set(&play, "tls", "");
    play_begin(&play);
    assert_int_equal(play.c->server.port, 993);
    assert_int_equal(play.secured, 1);
    said_is("");
    play_hear(&play, "* OK\r\n");
    said_is("1 LOGOUT\r\n");
}

static void wrong_lines_are_told(void **state)
{
    (void)state;
    assert_false(play_is_good(&client_imap, "user", "a\r\n1 LOGOUT"));
    assert_false(play_is_good(&client_imap, "wait-exists", "many"));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_whose_responses_are_cut_anywhere),
        TEST(what_came_before_tls_is_forgotten),
        TEST(every_refusal_is_told_in_the_servers_words),
        TEST(an_end_of_the_connection_is_told),
        TEST(what_is_out_of_turn_or_malformed_is_told),
        TEST(login_comes_by_itself_or_from_the_step),
        TEST(messages_are_waited_for),
        TEST(messages_are_appended),
        TEST(a_long_message_goes_in_pieces),
        TEST(tls_from_the_start),
        TEST(wrong_lines_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
