/* smtpd/client_session.c: dialogues with servers that do as RFC 5321 says, and with those that do not. */
#include "smtpd/client_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define OFFER_ALL                                                                                            \
    "250-mail02\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n"          \
    "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 DSN\r\n"
#define GREETING "220 mail02 ESMTP Postfix (Ubuntu)\r\n"

struct dialogue {
    struct client_session session;
    struct client_mail mail;
    struct client_recipient recipients[3];
    uint8_t said[64 * 1024];
    struct writer out;
    enum client_effect last;
    size_t concluded, ended, texts, tls;
    bool quits; /* with the final dot */
};

static void open_with(struct dialogue *d, enum client_tls tls, size_t recipients)
{
    static const char *const to[] = { "sanders@cyberdyne.local", "ppa@cyberdyne.local",
                                      "a+b@cyberdyne.local" };
    memset(d, 0, sizeof *d);
    d->out = writer_over(d->said, sizeof d->said);
    client_session_open(&d->session, "mail01", tls);
    d->mail = (struct client_mail){ .sender = span_text("sanders@skynet.local"),
                                    .envid = span_text(""),
                                    .bytes = 732,
                                    .recipients = d->recipients,
                                    .count = recipients };
    for (size_t i = 0; i < 3; i++)
        d->recipients[i].address = span_text(to[i]);
    d->quits = true;
}

static void act(struct dialogue *d, enum client_effect effect)
{
    d->last = effect;
    if (effect == CLIENT_READY && d->concluded == 0) {
        act(d, client_session_send(&d->session, &d->mail, &d->out));
    } else if (effect == CLIENT_TEXT) {
        d->texts++;
        client_session_text(&d->session, span_text("Subject: x\r\n\r\n.dot\r\n"), &d->out);
        client_session_text_end(&d->session, &d->out, d->quits);
    } else if (effect == CLIENT_CONCLUDED) {
        d->concluded++;
    } else if (effect == CLIENT_START_TLS) {
        d->tls++;
        client_session_secured(&d->session, &d->out);
    } else if (effect == CLIENT_ENDED) {
        d->ended++;
    }
}

/* The replies in pieces of this size, as a stream would offer them. */
static void hear_in_pieces(struct dialogue *d, const char *replies, size_t piece)
{
    struct span all = span_text(replies);
    size_t from = 0, to = 0, taken;
    while (to < all.len) {
        to = to + piece < all.len ? to + piece : all.len;
        enum client_effect effect;
        do {
            effect =
                client_session_feed(&d->session, span_head(span_from(all, from), to - from), &d->out, &taken);
            from += taken;
            act(d, effect);
        } while (effect != CLIENT_MORE && effect != CLIENT_ENDED && taken > 0);
    }
}

static void hear(struct dialogue *d, const char *replies)
{
    hear_in_pieces(d, replies, strlen(replies));
}

static void assert_said(struct dialogue *d, const char *text)
{
    char room[4096];
    snprintf(room, sizeof room, "%.*s", (int)writer_length(&d->out), (const char *)d->said);
    assert_string_equal(room, text);
    d->out = writer_over(d->said, sizeof d->said);
}

static void assert_verdict(const struct dialogue *d, size_t i, unsigned code, const char *status)
{
    assert_int_equal(d->recipients[i].verdict.code, code);
    assert_string_equal(d->recipients[i].verdict.status, status);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void the_capture_is_said_again(void **state)
{
    struct dialogue d;
    (void)state;
    open_with(&d, CLIENT_TLS_NONE, 1);
    hear(&d, GREETING);
    assert_said(&d, "EHLO mail01\r\n");
    hear(&d, OFFER_ALL);
    assert_said(&d, "MAIL FROM:<sanders@skynet.local> SIZE=732\r\n"
                    "RCPT TO:<sanders@cyberdyne.local> ORCPT=rfc822;sanders@cyberdyne.local\r\nDATA\r\n");
    assert_int_equal(client_session_timeout_ms(&d.session), CLIENT_COMMAND_MS);
    hear(&d, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
    assert_said(&d, "Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n");
    assert_int_equal(client_session_timeout_ms(&d.session), CLIENT_DOT_MS);
    hear(&d, "250 2.0.0 Ok: queued as 994C8617DF\r\n221 2.0.0 Bye\r\n");
    assert_said(&d, "");
    assert_verdict(&d, 0, 250, "2.0.0");
    assert_string_equal(d.recipients[0].verdict.text, "250 2.0.0 Ok: queued as 994C8617DF");
    assert_true(d.recipients[0].verdict.replied);
    assert_int_equal(d.concluded, 1);
    assert_int_equal(d.ended, 1);
    assert_int_equal(d.session.failure.code, 0);
}

/* However the replies are cut, the same is said and the same comes of it. */
static void replies_may_be_split_anywhere(void **state)
{
    static const char replies[] =
        GREETING OFFER_ALL "250 ok\r\n250 ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n250 ok\r\n354 go\r\n"
                           "250 2.0.0 done\r\n221 bye\r\n";
    (void)state;
    for (size_t piece = 1; piece < sizeof replies; piece++) {
        struct dialogue d;
        open_with(&d, CLIENT_TLS_NONE, 3);
        hear_in_pieces(&d, replies, piece);
        assert_int_equal(d.concluded, 1);
        assert_int_equal(d.texts, 1);
        assert_verdict(&d, 0, 250, "2.0.0");
        assert_verdict(&d, 1, 550, "5.1.1");
        assert_string_equal(d.recipients[1].verdict.text, "550 5.1.1 no 5.1.1 such user");
        assert_verdict(&d, 2, 250, "2.0.0");
        assert_int_equal(d.ended, 1);
    }
}

static void without_pipelining_one_at_a_time(void **state)
{
    struct dialogue d;
    (void)state;
    open_with(&d, CLIENT_TLS_OPPORTUNISTIC, 2);
    d.quits = false;
    hear(&d, GREETING "250-mail02\r\n250 HELP\r\n");
    assert_said(&d, "EHLO mail01\r\nMAIL FROM:<sanders@skynet.local>\r\n");
    hear(&d, "250 ok\r\n");
    assert_said(&d, "RCPT TO:<sanders@cyberdyne.local>\r\n");
    hear(&d, "450 4.2.0 later\r\n");
    assert_said(&d, "RCPT TO:<ppa@cyberdyne.local>\r\n");
    hear(&d, "250 ok\r\n");
    assert_said(&d, "DATA\r\n");
    assert_int_equal(client_session_timeout_ms(&d.session), CLIENT_DATA_MS);
    hear(&d, "354 go\r\n");
    assert_said(&d, "Subject: x\r\n\r\n..dot\r\n.\r\n");
    hear(&d, "250 ok\r\n");
    assert_verdict(&d, 0, 450, "4.2.0");
    assert_verdict(&d, 1, 250, "2.0.0");
    assert_int_equal(d.session.state, CLIENT_AT_READY);
    client_session_quit(&d.session, &d.out);
    assert_said(&d, "QUIT\r\n");
    hear(&d, "221 bye\r\n");
    assert_int_equal(d.ended, 1);
}

static void a_server_without_ehlo_gets_helo(void **state)
{
    struct dialogue d;
    (void)state;
    open_with(&d, CLIENT_TLS_OPPORTUNISTIC, 1);
    hear(&d, GREETING "500 what?\r\n250 old\r\n");
    assert_said(&d, "EHLO mail01\r\nHELO mail01\r\nMAIL FROM:<sanders@skynet.local>\r\n");
}

/* RFC 3207: what was offered in clear does not count, and what the other side says behind 220 is not ours. */
static void tls_begins_anew(void **state)
{
    struct dialogue d;
    size_t taken;
    (void)state;
    open_with(&d, CLIENT_TLS_OPPORTUNISTIC, 1);
    hear(&d, GREETING OFFER_ALL);
    assert_said(&d, "EHLO mail01\r\nSTARTTLS\r\n");
    struct span injected = span_text("220 go\r\n250 injected\r\n");
    assert_int_equal(client_session_feed(&d.session, injected, &d.out, &taken), CLIENT_START_TLS);
    assert_int_equal(taken, strlen("220 go\r\n"));
    client_session_secured(&d.session, &d.out);
    assert_said(&d, "EHLO mail01\r\n");
    hear(&d, "250 mail02\r\n");
    assert_said(&d, "MAIL FROM:<sanders@skynet.local>\r\n");
}

static void tls_that_is_required_is_had_or_nothing_is_sent(void **state)
{
    static const char *const refusals[] = { GREETING "250-mail02\r\n250 PIPELINING\r\n",
                                            GREETING OFFER_ALL "454 not now\r\n",
                                            GREETING "502 no EHLO\r\n" };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct dialogue d;
        open_with(&d, CLIENT_TLS_REQUIRED, 1);
        hear(&d, refusals[i]);
        assert_int_equal(d.last, CLIENT_ENDED);
        assert_true(d.session.failure.code >= 400);
        assert_null(memmem(d.said, writer_length(&d.out), "MAIL", 4));
        open_with(&d, CLIENT_TLS_OPPORTUNISTIC, 1);
        hear(&d, refusals[i]);
        hear(&d, i == 2 ? "250 old\r\n" : "");
        assert_non_null(memmem(d.said, writer_length(&d.out), "MAIL", 4)); /* clear will do */
    }
}

/* Each refusal at each step, with and without pipelining: who gets which verdict, and that no text is sent.
 */
static void a_refusal_at_each_step_has_its_verdict(void **state)
{
    static const struct {
        const char *replies; /* behind EHLO's */
        unsigned codes[2];
        bool text, ends;
    } rows[] = {
        { "451 4.3.0 mail\r\n503 x\r\n503 x\r\n503 x\r\n", { 451, 451 }, false, false },
        { "550 5.7.1 mail\r\n503 x\r\n503 x\r\n503 x\r\n", { 550, 550 }, false, false },
        { "250 ok\r\n550 5.1.1 a\r\n450 4.2.1 b\r\n554 5.5.1 none\r\n", { 550, 450 }, false, false },
        { "250 ok\r\n552 too many\r\n550 b\r\n503 none\r\n", { 452, 550 }, false, false }, /* 4.5.3.1.10 */
        { "250 ok\r\n250 ok\r\n550 b\r\n451 4.3.1 data\r\n", { 451, 550 }, false, false },
        { "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n554 5.6.0 dot\r\n221 x\r\n", { 554, 554 }, true, true },
        { "250 ok\r\n250 ok\r\n550 b\r\n354 go\r\n452 4.3.1 dot\r\n221 x\r\n", { 452, 550 }, true, true },
        { "421 4.3.2 closing\r\n", { 421, 421 }, false, true },
        { "250 ok\r\n421 4.3.2 closing\r\n", { 421, 421 }, false, true },
        { "250 ok\r\n550 a\r\n421 4.3.2 closing\r\n", { 550, 421 }, false, true },
        { "250 ok\r\n250 ok\r\n250 ok\r\n421 closing\r\n", { 421, 421 }, false, true },
        { "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n421 closing\r\n", { 421, 421 }, true, true },
        { "250 ok\r\n250 ok\r\n250 ok\r\n250 what\r\n", { 451, 451 }, false, true },
        { "250 ok\r\nHTTP/1.1 400 Bad Request\r\n", { 451, 451 }, false, true },
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dialogue d;
        open_with(&d, CLIENT_TLS_NONE, 2);
        hear(&d, GREETING OFFER_ALL);
        hear(&d, rows[i].replies);
        for (size_t k = 0; k < 2; k++)
            assert_int_equal(d.recipients[k].verdict.code, rows[i].codes[k]);
        assert_int_equal(d.texts, rows[i].text);
        assert_int_equal(d.ended, rows[i].ends);
        assert_int_equal(d.concluded + d.ended > 0, true);
    }
}

/* 354 although nobody was accepted (RFC 2920 3.1): a dot alone, and no verdict is lost. */
static void a_354_for_nobody_gets_a_dot_alone(void **state)
{
    struct dialogue d;
    (void)state;
    open_with(&d, CLIENT_TLS_NONE, 1);
    hear(&d, GREETING OFFER_ALL "250 ok\r\n550 5.1.1 no\r\n");
    d.out = writer_over(d.said, sizeof d.said);
    hear(&d, "354 go\r\n");
    assert_said(&d, ".\r\n");
    hear(&d, "554 5.5.1 no recipients\r\n");
    assert_verdict(&d, 0, 550, "5.1.1");
    assert_int_equal(d.texts, 0);
    assert_int_equal(d.concluded, 1);
    assert_int_equal(d.session.state, CLIENT_AT_READY);
}

/* A transaction that was left open is ended before the next one. */
static void the_next_message_begins_clean(void **state)
{
    struct dialogue d;
    (void)state;
    open_with(&d, CLIENT_TLS_NONE, 1);
    hear(&d, GREETING OFFER_ALL "250 ok\r\n550 5.1.1 no\r\n503 x\r\n");
    assert_int_equal(d.concluded, 1);
    d.out = writer_over(d.said, sizeof d.said);
    d.recipients[0].verdict.code = 0;
    act(&d, client_session_send(&d.session, &d.mail, &d.out));
    assert_said(&d, "RSET\r\nMAIL FROM:<sanders@skynet.local> SIZE=732\r\n"
                    "RCPT TO:<sanders@cyberdyne.local> ORCPT=rfc822;sanders@cyberdyne.local\r\nDATA\r\n");
    hear(&d, "250 reset\r\n250 ok\r\n250 ok\r\n354 go\r\n250 done\r\n");
    assert_verdict(&d, 0, 250, "2.0.0");
}

static void what_the_host_cannot_have_is_not_sent(void **state)
{
    struct dialogue d;
    (void)state;
    open_with(&d, CLIENT_TLS_NONE, 1);
    d.mail.eight_bit = true;
    hear(&d, GREETING "250-x\r\n250 SIZE 1000\r\n"); /* RFC 6152 3 */
    assert_verdict(&d, 0, 554, "5.6.3");
    assert_said(&d, "EHLO mail01\r\n");
    open_with(&d, CLIENT_TLS_NONE, 1);
    d.mail.bytes = 1001;
    hear(&d, GREETING "250-x\r\n250 SIZE 1000\r\n"); /* RFC 1870 6.1 */
    assert_verdict(&d, 0, 552, "5.3.4");
    assert_int_equal(d.session.state, CLIENT_AT_READY);
    open_with(&d, CLIENT_TLS_NONE, 1);
    hear(&d, GREETING "250-x\r\n250 SIZE\r\n"); /* no fixed limit */
    assert_said(&d, "EHLO mail01\r\nMAIL FROM:<sanders@skynet.local> SIZE=732\r\n");
}

static void notifications_are_passed_on(void **state)
{
    struct dialogue d;
    (void)state;
    open_with(&d, CLIENT_TLS_NONE, 3);
    d.mail.envid = span_text("QQ+2B314159");
    d.mail.ret = SMTP_RET_HDRS;
    d.mail.body_8bit = d.mail.eight_bit = true;
    d.recipients[0].notify = SMTP_NOTIFY_NEVER;
    d.recipients[1].notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY;
    d.recipients[1].orcpt = span_text("rfc822;Bob+2B1@Example.COM");
    hear(&d, GREETING OFFER_ALL);
    assert_said(&d, "EHLO mail01\r\n"
                    "MAIL FROM:<sanders@skynet.local> SIZE=732 BODY=8BITMIME RET=HDRS ENVID=QQ+2B314159\r\n"
                    "RCPT TO:<sanders@cyberdyne.local> NOTIFY=NEVER ORCPT=rfc822;sanders@cyberdyne.local\r\n"
                    "RCPT TO:<ppa@cyberdyne.local> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2B1@Example.COM\r\n"
                    "RCPT TO:<a+b@cyberdyne.local> ORCPT=rfc822;a+2Bb@cyberdyne.local\r\nDATA\r\n");
}

static void a_greeting_that_refuses_says_why(void **state)
{
    static const char *const greetings[] = { "554 5.3.2 no service\r\n", "421 4.3.2 busy\r\n",
                                             "SSH-2.0-OpenSSH\r\n", "250 what\r\n" };
    static const unsigned codes[] = { 554, 421, 451, 451 };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct dialogue d;
        open_with(&d, CLIENT_TLS_NONE, 1);
        assert_int_equal(client_session_timeout_ms(&d.session), CLIENT_GREETING_MS);
        hear(&d, greetings[i]);
        assert_int_equal(d.last, CLIENT_ENDED);
        assert_int_equal(d.session.failure.code, codes[i]);
        assert_said(&d, "");
    }
}

/* The connection goes at each moment: what is undecided may be tried again, what is decided stays. */
static void a_lost_connection_decides_nothing_for_good(void **state)
{
    static const char replies[] = GREETING OFFER_ALL "250 ok\r\n550 5.1.1 no\r\n250 ok\r\n354 go\r\n";
    (void)state;
    for (size_t n = strlen(GREETING OFFER_ALL); n < sizeof replies; n++) {
        struct dialogue d;
        char cut[sizeof replies];
        open_with(&d, CLIENT_TLS_NONE, 2);
        snprintf(cut, n + 1, "%s", replies);
        hear(&d, cut);
        client_session_lost(&d.session, "gone");
        assert_verdict(&d, 1, 451, "4.4.2");
        assert_false(d.recipients[1].verdict.replied);
        assert_true(d.recipients[0].verdict.code == 451 || d.recipients[0].verdict.code == 550);
    }
}

/* More recipients than one go of the writer holds. */
static void commands_wait_for_room(void **state)
{
    static struct client_recipient many[CLIENT_RECIPIENTS_MAX];
    uint8_t small[2 * CLIENT_COMMAND_MAX];
    struct client_session c;
    size_t taken, rcpts = 0;
    (void)state;
    for (size_t i = 0; i < CLIENT_RECIPIENTS_MAX; i++)
        many[i] =
            (struct client_recipient){ .address = span_text("somebody.with.a.long.name@cyberdyne.local") };
    struct client_mail mail = {
        .sender = span_text(""), .envid = span_text(""), .recipients = many, .count = CLIENT_RECIPIENTS_MAX
    };
    client_session_open(&c, "mail01", CLIENT_TLS_NONE);
    struct writer w = writer_over(small, sizeof small);
    client_session_feed(&c, span_text(GREETING), &w, &taken);
    client_session_feed(&c, span_text(OFFER_ALL), &w, &taken);
    w = writer_over(small, sizeof small);
    client_session_send(&c, &mail, &w);
    for (size_t i = 0; i < CLIENT_RECIPIENTS_MAX + 1; i++) {
        for (struct span left = writer_span(&w); left.len > 0;
             left = span_from(left, span_find(left, '\n') + 1))
            rcpts += span_starts(left, "RCPT TO:<");
        w = writer_over(small, sizeof small);
        assert_int_equal(client_session_feed(&c, span_text("250 ok\r\n"), &w, &taken), CLIENT_MORE);
        assert_true(writer_ok(&w));
    }
    assert_int_equal(rcpts, CLIENT_RECIPIENTS_MAX);
    assert_int_equal(client_session_feed(&c, span_text("354 go\r\n"), &w, &taken), CLIENT_TEXT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_capture_is_said_again),
        cmocka_unit_test(replies_may_be_split_anywhere),
        cmocka_unit_test(without_pipelining_one_at_a_time),
        cmocka_unit_test(a_server_without_ehlo_gets_helo),
        cmocka_unit_test(tls_begins_anew),
        cmocka_unit_test(tls_that_is_required_is_had_or_nothing_is_sent),
        cmocka_unit_test(a_refusal_at_each_step_has_its_verdict),
        cmocka_unit_test(a_354_for_nobody_gets_a_dot_alone),
        cmocka_unit_test(the_next_message_begins_clean),
        cmocka_unit_test(what_the_host_cannot_have_is_not_sent),
        cmocka_unit_test(notifications_are_passed_on),
        cmocka_unit_test(a_greeting_that_refuses_says_why),
        cmocka_unit_test(a_lost_connection_decides_nothing_for_good),
        cmocka_unit_test(commands_wait_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
