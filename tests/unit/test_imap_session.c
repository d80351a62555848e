/* imapd/session.c, command.c: dialogues against RFC 3501 and its extensions, without a socket. The same bytes
 * are fed whole and one by one: what is said may not depend on how they arrive. */
#include "imapd/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct imap_user users[] = { { "sanders", "sky net", "mail/cyberdyne.local/sanders", true },
                                    { "ann", "a", "mail/cyberdyne.local/ann", true } };
static struct imap_settings settings = {
    .hostname = "mail02", .users = users, .user_count = COUNT(users), .message_bytes_max = 100000
};
static struct events events;

struct dialogue {
    struct imap_session session;
    uint8_t room[16 * IMAP_SESSION_REPLY_MAX];
    struct writer replies;
    enum imap_effect effect; /* the last one that was wanted */
    size_t step;             /* bytes at a time */
};

static void open_dialogue(struct dialogue *d, bool secure, size_t step)
{
    static const struct endpoint peer;
    events_open(&events);
    imap_session_open(&d->session, &settings, &events, &peer, secure);
    d->replies = writer_over(d->room, sizeof d->room);
    d->step = step;
    d->effect = IMAP_NOTHING;
}

/* Says it all; stops where an outcome is awaited. Returns how many bytes were taken. */
static size_t say_bytes(struct dialogue *d, struct span text)
{
    size_t taken = 0, offered = 0;
    while (taken < text.len && d->session.waiting == IMAP_NOTHING) {
        offered = offered + d->step < text.len ? offered + d->step : text.len;
        struct span in = span_head(span_from(text, taken), offered - taken);
        struct imap_turn turn = imap_session_feed(&d->session, in, (struct now){ 0 }, &d->replies);
        taken += turn.taken;
        if (turn.effect != IMAP_NOTHING)
            d->effect = turn.effect;
        if (turn.taken == 0 && turn.effect == IMAP_NOTHING && offered == text.len)
            break;
    }
    return taken;
}

static void say(struct dialogue *d, const char *text)
{
    say_bytes(d, span_text(text));
}

static void assert_said(struct dialogue *d, const char *expected)
{
    struct span said = writer_span(&d->replies);
    if (!span_is(said, expected))
        fail_msg("said:\n%.*s\nexpected:\n%s", (int)said.len, (const char *)said.at, expected);
    d->replies = writer_over(d->room, sizeof d->room);
}

static void assert_begins(struct dialogue *d, const char *expected)
{
    struct span said = writer_span(&d->replies);
    if (!span_starts(said, expected))
        fail_msg("said:\n%.*s\nexpected at the front:\n%s", (int)said.len, (const char *)said.at, expected);
    d->replies = writer_over(d->room, sizeof d->room);
}

static void log_in(struct dialogue *d)
{
    say(d, "t LOGIN sanders \"sky net\"\r\n");
    assert_begins(d, "t OK ");
    assert_int_equal(d->session.state, IMAP_AUTHENTICATED);
}

static void performed(struct dialogue *d, bool selected)
{
    assert_int_equal(d->session.waiting, IMAP_PERFORM);
    imap_session_performed(&d->session, selected, "OK", (struct now){ 0 });
}

static const size_t steps[] = { 1, 3, 1000000 };
#define EACH_STEP(d, secure)                                                                                 \
    for (size_t at_ = 0; at_ < COUNT(steps) && (open_dialogue(&(d), secure, steps[at_]), true);              \
         imap_session_close(&(d).session), at_++)

/* ---- the greeting and the login ---------------------------------------------------------------- */

static void test_greeting(void **state)
{
    struct dialogue d;
    (void)state;
    open_dialogue(&d, false, 100);
    imap_session_greet(&d.session, &d.replies);
    assert_said(
        &d, "* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE STARTTLS LOGINDISABLED] mail02 is "
            "ready\r\n");
    imap_session_close(&d.session);
    open_dialogue(&d, true, 100);
    imap_session_greet(&d.session, &d.replies);
    assert_said(&d,
                "* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE AUTH=PLAIN] mail02 is ready\r\n");
    imap_session_close(&d.session);
}

/* RFC 3501 6.2.1: STARTTLS; what came behind it is not taken. */
static void test_starttls(void **state)
{
    static const char line[] = "a STARTTLS\r\n", more[] = "b LOGIN sanders \"sky net\"\r\n";
    struct dialogue d;
    char both[128];
    (void)state;
    open_dialogue(&d, false, 1000);
    snprintf(both, sizeof both, "%s%s", line, more);
    struct imap_turn turn = imap_session_feed(&d.session, span_text(both), (struct now){ 0 }, &d.replies);
    assert_int_equal(turn.effect, IMAP_START_TLS);
    assert_int_equal(turn.taken, strlen(line));
    assert_begins(&d, "a OK ");
    imap_session_close(&d.session);
    open_dialogue(&d, true, 1000);
    say(&d, line);
    assert_begins(&d, "a BAD "); /* it is on */
    imap_session_close(&d.session);
}

static void test_login(void **state)
{
    static const char *const good[] = { "a LOGIN sanders \"sky net\"\r\n",
                                        "a login \"sanders\" {7+}\r\nsky net\r\n",
                                        "a AUTHENTICATE PLAIN AHNhbmRlcnMAc2t5IG5ldA==\r\n",
                                        "a AUTHENTICATE PLAIN c2FuZGVycwBzYW5kZXJzAHNreSBuZXQ=\r\n" };
    static const char *const bad[] = { "a LOGIN sanders skynet\r\n",
                                       "a LOGIN sander \"sky net\"\r\n",
                                       "a LOGIN sanders \"\"\r\n",
                                       "a LOGIN sanders \"sky net \"\r\n",
                                       "a LOGIN ann \"sky net\"\r\n",
                                       "a LOGIN \"\" \"\"\r\n",
                                       "a AUTHENTICATE PLAIN AHNhbmRlcnMAc2t5bmV0\r\n",
                                       "a AUTHENTICATE CRAM-MD5\r\n" };
    struct dialogue d;
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        EACH_STEP(d, true)
        {
            say(&d, good[i]);
            assert_begins(&d, "a OK [CAPABILITY IMAP4rev1 ");
            assert_string_equal(d.session.user->name, "sanders");
        }
    for (size_t i = 0; i < COUNT(bad); i++)
        EACH_STEP(d, true)
        {
            say(&d, bad[i]);
            assert_begins(&d, "a NO ");
            assert_int_equal(d.session.state, IMAP_CONNECTED);
            assert_null(d.session.user);
        }
}

static void test_three_wrong_passwords(void **state)
{
    struct dialogue d;
    (void)state;
    open_dialogue(&d, true, 1000);
    say(&d, "a LOGIN a a\r\nb LOGIN a a\r\nc LOGIN a a\r\nd LOGIN sanders \"sky net\"\r\n");
    assert_said(&d, "a NO [AUTHENTICATIONFAILED] No such user, or another password\r\n"
                    "b NO [AUTHENTICATIONFAILED] No such user, or another password\r\n"
                    "c NO [AUTHENTICATIONFAILED] No such user, or another password\r\n"
                    "* BYE Too many failed logins\r\n");
    assert_int_equal(d.effect, IMAP_HANG_UP);
    imap_session_close(&d.session);
}

static void test_no_password_in_clear(void **state)
{
    struct dialogue d;
    (void)state;
    EACH_STEP(d, false)
    {
        say(&d, "a LOGIN sanders \"sky net\"\r\nb AUTHENTICATE PLAIN\r\n");
        assert_said(&d, "a NO [PRIVACYREQUIRED] Begin TLS first: STARTTLS\r\n"
                        "b NO [PRIVACYREQUIRED] Begin TLS first: STARTTLS\r\n");
    }
    settings.allow_plaintext = true;
    open_dialogue(&d, false, 1000);
    log_in(&d);
    imap_session_close(&d.session);
    settings.allow_plaintext = false;
}

/* ---- states -------------------------------------------------------------------------------------- */

static void test_every_command_has_its_states(void **state)
{
    static const char *const with_login[] = { "SELECT INBOX",     "EXAMINE INBOX", "CREATE a",
                                              "DELETE a",         "RENAME a b",    "SUBSCRIBE a",
                                              "UNSUBSCRIBE a",    "LIST \"\" *",   "LSUB \"\" *",
                                              "STATUS a (UNSEEN)" };
    static const char *const with_mailbox[] = { "CHECK",
                                                "CLOSE",
                                                "UNSELECT",
                                                "EXPUNGE",
                                                "UID EXPUNGE 1",
                                                "SEARCH ALL",
                                                "FETCH 1 FLAGS",
                                                "STORE 1 FLAGS ()",
                                                "COPY 1 a",
                                                "MOVE 1 a",
                                                "UID SEARCH ALL",
                                                "UID FETCH 1 FLAGS",
                                                "UID STORE 1 +FLAGS \\Seen",
                                                "UID COPY 1 a",
                                                "UID MOVE 1:* a" };
    struct dialogue d;
    char line[64];
    (void)state;
    for (size_t i = 0; i < COUNT(with_login) + COUNT(with_mailbox); i++) {
        bool later = i >= COUNT(with_login);
        snprintf(line, sizeof line, "a %s\r\n", later ? with_mailbox[i - COUNT(with_login)] : with_login[i]);
        open_dialogue(&d, true, 1000);
        say(&d, line);
        assert_begins(&d, "a BAD "); /* not logged in */
        log_in(&d);
        say(&d, line);
        if (later) {
            assert_begins(&d, "a BAD ");
            say(&d, "s SELECT INBOX\r\n");
            performed(&d, true);
            say(&d, line);
        }
        assert_said(&d, "");
        performed(&d, later);
        say(&d, "b LOGIN ann a\r\nc STARTTLS\r\n");
        assert_begins(&d, "b BAD ");
        imap_session_close(&d.session);
    }
}

static void test_noop_asks_the_disk_only_with_a_mailbox(void **state)
{
    struct dialogue d;
    (void)state;
    open_dialogue(&d, true, 1000);
    say(&d, "a NOOP\r\n");
    assert_said(&d, "a OK Done\r\n");
    log_in(&d);
    say(&d, "b NOOP\r\n");
    assert_said(&d, "b OK Done\r\n");
    say(&d, "c SELECT INBOX\r\n");
    performed(&d, true);
    say(&d, "d NOOP\r\n");
    assert_said(&d, "");
    performed(&d, true);
    imap_session_close(&d.session);
}

/* What comes while a command is under way waits, and is not lost. */
static void test_pipelined_commands_wait(void **state)
{
    static const char text[] = "a SELECT INBOX\r\nb FETCH 1 FLAGS\r\nc LOGOUT\r\n";
    struct dialogue d;
    (void)state;
    open_dialogue(&d, true, 1000);
    log_in(&d);
    size_t taken = say_bytes(&d, span_text(text));
    assert_int_equal(taken, strlen("a SELECT INBOX\r\n"));
    assert_int_equal(d.session.command.verb, IMAP_SELECT);
    performed(&d, true);
    taken += say_bytes(&d, span_text(text + taken));
    assert_int_equal(d.session.command.verb, IMAP_FETCH);
    performed(&d, true);
    say(&d, text + taken);
    assert_said(&d, "* BYE mail02 ends the session\r\nc OK Done\r\n");
    assert_int_equal(d.effect, IMAP_HANG_UP);
    imap_session_close(&d.session);
}

static void test_idle(void **state)
{
    struct dialogue d;
    (void)state;
    EACH_STEP(d, true)
    {
        log_in(&d);
        say(&d, "a IDLE\r\n");
        assert_begins(&d, "+ ");
        assert_int_equal(d.effect, IMAP_WATCH);
        say(&d, "done\r\n");
        assert_said(&d, "a OK Done\r\n");
        assert_int_equal(d.effect, IMAP_UNWATCH);
        say(&d, "b IDLE\r\nc NOOP\r\n");
        assert_begins(&d, "+ ");
        assert_int_equal(d.effect, IMAP_UNWATCH);
    }
}

/* ---- literals, lines ------------------------------------------------------------------------------- */

static void test_append(void **state)
{
    struct dialogue d;
    (void)state;
    EACH_STEP(d, true)
    {
        log_in(&d);
        say(&d, "a APPEND {4}\r\nSent (\\Seen) \" 1-Feb-1994 10:00:00 +0100\" {6}\r\nx\r\ny\r\n\r\n");
        assert_said(&d, "+ Go on\r\n+ Go on\r\n");
        assert_int_equal(d.session.waiting, IMAP_PERFORM);
        const struct imap_command *c = &d.session.command;
        assert_true(span_is(c->mailbox, "Sent") && span_is(c->text, "x\r\ny\r\n"));
        assert_int_equal(c->flags, IMAP_SEEN);
        assert_int_equal(c->date_s, 760093200);
        performed(&d, false);
        say(&d, "b APPEND a {100000+}\r\n");
        assert_said(&d, "");
        assert_int_equal(d.session.literal_left, 100000);
    }
}

static void test_literals_that_are_too_large(void **state)
{
    struct dialogue d;
    (void)state;
    open_dialogue(&d, true, 1000);
    say(&d, "a LOGIN {20000}\r\nb NOOP\r\n"); /* refused before it comes: RFC 7888 4 */
    assert_said(&d, "a NO [TOOBIG] Not so much\r\nb OK Done\r\n");
    log_in(&d);
    say(&d, "c APPEND a {18446744073709551616}\r\nd SELECT {500000}\r\ne NOOP\r\n");
    assert_said(&d, "c NO [TOOBIG] Not so much\r\nd NO [TOOBIG] Not so much\r\ne OK Done\r\n");
    say(&d, "f SELECT {500000+}\r\n");
    assert_said(&d, "* BYE A literal is too large\r\n");
    assert_int_equal(d.effect, IMAP_HANG_UP);
    imap_session_close(&d.session);
}

static void test_what_is_no_command(void **state)
{
    static const struct {
        const char *line, *said;
    } cases[] = {
        { "\r\n", "* BAD " },
        { "a\r\n", "a BAD " },
        { "a \r\n", "a BAD There is no such command" },
        { "a FROB\r\n", "a BAD There is no such command" },
        { "a UID NOOP\r\n", "a BAD There is no such command" },
        { "a UID\r\n", "a BAD There is no such command" },
        { "+ NOOP\r\n", "* BAD " },
        { "a NOOP x\r\n", "a BAD The command has other arguments" },
        { "a NOOP \r\n", "a BAD The command has other arguments" },
        { "a SELECT\r\n", "a BAD The command has other arguments" },
        { "a SELECT a b\r\n", "a BAD The command has other arguments" },
        { "a SELECT ../b\r\n", "a BAD The command has other arguments" },
        { "a STORE 0 FLAGS ()\r\n", "a BAD The command has other arguments" },
        { "a STORE 1 FLAGS (\\Recent)\r\n", "a BAD The command has other arguments" },
        { "a APPEND a \"x\"\r\n", "a BAD The command has other arguments" },
        { "a NOOP\n", "a BAD A line ends" },
        { "a NO\rOP\r\n", "a BAD A line ends" },
    };
    struct dialogue d;
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        EACH_STEP(d, true)
        {
            log_in(&d);
            say(&d, cases[i].line);
            assert_begins(&d, cases[i].said);
            say(&d, "z NOOP\r\n");
            assert_said(&d, "z OK Done\r\n");
        }
}

static void test_long_lines_are_refused_once(void **state)
{
    static char line[IMAP_LINE_MAX * 3];
    struct dialogue d;
    (void)state;
    memset(line, 'x', sizeof line - 3);
    memcpy(line, "a NOOP ", 7);
    memcpy(line + sizeof line - 3, "\r\n", 3);
    open_dialogue(&d, true, 1000000);
    log_in(&d);
    say(&d, line);
    assert_begins(&d, "a BAD The line is too long\r\n");
    say(&d, "z NOOP\r\n");
    assert_said(&d, "z OK Done\r\n");
    imap_session_close(&d.session);
}

static void test_errors_end_the_session(void **state)
{
    struct dialogue d;
    (void)state;
    open_dialogue(&d, true, 1000000);
    for (size_t i = 0; i < 19; i++)
        say(&d, "a FROB\r\n");
    assert_int_not_equal(d.session.state, IMAP_ENDED);
    say(&d, "a FROB\r\n");
    assert_int_equal(d.session.state, IMAP_ENDED);
    assert_int_equal(d.effect, IMAP_HANG_UP);
    imap_session_close(&d.session);
}

static void test_search_in_a_character_set(void **state)
{
    struct dialogue d;
    (void)state;
    open_dialogue(&d, true, 1000000);
    log_in(&d);
    say(&d, "s SELECT INBOX\r\n");
    performed(&d, true);
    say(&d, "a SEARCH CHARSET koi8-r TEXT x\r\n");
    assert_said(&d, "a NO [BADCHARSET (US-ASCII UTF-8)] Not in this character set\r\n");
    say(&d, "b SEARCH CHARSET utf-8 TEXT {3+}\r\n\xe2\x82\xac\r\n");
    assert_int_equal(d.session.waiting, IMAP_PERFORM);
    imap_session_close(&d.session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_greeting),
        cmocka_unit_test(test_starttls),
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_three_wrong_passwords),
        cmocka_unit_test(test_no_password_in_clear),
        cmocka_unit_test(test_every_command_has_its_states),
        cmocka_unit_test(test_noop_asks_the_disk_only_with_a_mailbox),
        cmocka_unit_test(test_pipelined_commands_wait),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_literals_that_are_too_large),
        cmocka_unit_test(test_what_is_no_command),
        cmocka_unit_test(test_long_lines_are_refused_once),
        cmocka_unit_test(test_errors_end_the_session),
        cmocka_unit_test(test_search_in_a_character_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
