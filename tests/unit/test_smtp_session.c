/* smtpd/session.c, verbs.c and policy.c: dialogues against RFC 5321 and its extensions, without a socket. */
#include "smtp_client.h"
#include "smtpd/verbs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void assert_said(struct smtp_client *c, const char *expected)
{
    struct span said = writer_span(&c->replies);
    if (!span_is(said, expected))
        fail_msg("said:\n%.*s\nexpected:\n%s", (int)said.len, (const char *)said.at, expected);
    client_forget(c);
}

static unsigned last_code(struct smtp_client *c)
{
    struct smtp_reply reply = { 0 };
    size_t taken;
    struct span left = writer_span(&c->replies);
    while (left.len > 0 && smtp_parse_reply(left, &reply, &taken) == SMTP_PARSED)
        left = span_from(left, taken);
    assert_int_equal(left.len, 0);
    return reply.code;
}

static unsigned code_of(struct smtp_client *c, const char *line)
{
    client_forget(c);
    client_say(c, line);
    client_say(c, "\r\n");
    return last_code(c);
}

static struct smtp_client *client_new(void)
{
    struct smtp_client *c = malloc(sizeof *c);
    assert_non_null(c);
    client_open(c);
    return c;
}

static void client_free(struct smtp_client *c)
{
    client_close(c);
    free(c);
}

static void reach(struct smtp_client *c, enum smtp_state state)
{
    if (state >= SMTP_GREETED)
        client_say(c, "EHLO [172.16.16.225]\r\n");
    if (state >= SMTP_MAIL)
        client_say(c, "MAIL FROM:<sanders@skynet.local>\r\n");
    if (state >= SMTP_RCPT)
        client_say(c, "RCPT TO:<ppa@skynet.local>\r\n");
    assert_int_equal(c->session.state, state);
    client_forget(c);
}

/* ---- the reference dialogue -------------------------------------------------------------- */

static const char *const dialogue[] = {
    "EHLO [172.16.16.225]\r\n",
    ("250-mail01\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n"
     "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 DSN\r\n"),
    "MAIL FROM:<sanders@skynet.local> SIZE=556\r\n",
    "250 2.1.0 Ok\r\n",
    "RCPT TO:<sanders@cyberdyne.local>\r\n",
    "250 2.1.5 Ok\r\n",
    "DATA\r\n",
    "354 End data with <CR><LF>.<CR><LF>\r\n",
    "Subject: Help!\r\n\r\nI need your help.\r\n..\r\n.\r\n",
    "250 2.0.0 Ok: queued as 931C4400D5\r\n",
    "QUIT\r\n",
    "221 2.0.0 Bye\r\n",
};

static void the_dialogue_of_the_capture(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    smtp_session_greet(&c->session, &c->replies);
    assert_said(c, "220 mail01 ESMTP Postfix (Ubuntu)\r\n");
    for (size_t i = 0; i < COUNT(dialogue); i += 2) {
        client_say(c, dialogue[i]);
        assert_said(c, dialogue[i + 1]);
    }
    assert_string_equal(c->sender, "sanders@skynet.local");
    assert_string_equal(c->recipients, "Sanders@cyberdyne.local ");
    assert_true(span_is(writer_span(&c->message), "Subject: Help!\r\n\r\nI need your help.\r\n.\r\n"));
    assert_int_equal(c->stored, 1);
    assert_int_equal(c->hung_up, 1);
    assert_int_equal(c->bad_input + c->rejected, 0);
    client_free(c);
}

/* All at once, and cut at every byte, is the same dialogue. */
static void the_dialogue_however_it_is_split(void **state)
{
    (void)state;
    char all[1024], replies[1024];
    struct writer in = writer_over(all, sizeof all), out = writer_over(replies, sizeof replies - 1);
    for (size_t i = 0; i < COUNT(dialogue); i++)
        write_text(i % 2 ? &out : &in, dialogue[i]);
    replies[writer_length(&out)] = 0;
    for (size_t cut = 0; cut <= writer_length(&in); cut++) {
        struct smtp_client *c = client_new();
        client_hear(c, span_head(writer_span(&in), cut));
        client_hear(c, span_from(writer_span(&in), cut));
        assert_said(c, replies);
        assert_true(span_is(writer_span(&c->message), "Subject: Help!\r\n\r\nI need your help.\r\n.\r\n"));
        client_free(c);
    }
    struct smtp_client *c = client_new();
    for (size_t i = 0; i < writer_length(&in); i++)
        client_hear(c, span_head(span_from(writer_span(&in), i), 1));
    assert_said(c, replies);
    client_free(c);
}

static void a_relay_pipelines_as_in_the_capture(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    client_say(c, "EHLO mail01\r\n");
    client_forget(c);
    client_say(c, "MAIL FROM:<sanders@skynet.local> SIZE=732\r\n"
                  "RCPT TO:<sanders@cyberdyne.local> ORCPT=rfc822;sanders@cyberdyne.local\r\nDATA\r\n");
    assert_said(c, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
    client_say(c, "x\r\n.\r\nQUIT\r\n");
    assert_said(c, "250 2.0.0 Ok: queued as 931C4400D5\r\n221 2.0.0 Bye\r\n");
    client_free(c);
}

/* ---- every command in every state ---------------------------------------------------------- */

/* RFC 5321 4.1.4 (order) and 4.3.2 (codes): what each command gets in CONNECTED, GREETED, MAIL and RCPT, and
 * which state follows. C, G, M, R, D(ATA), E(NDED). */
static const struct {
    const char *line;
    unsigned code[4];
    const char *then;
} every[] = {
    { "EHLO x", { 250, 250, 250, 250 }, "GGGG" },
    { "HELO x", { 250, 250, 250, 250 }, "GGGG" },
    { "MAIL FROM:<a@b>", { 503, 250, 503, 503 }, "CMMR" },
    { "RCPT TO:<ppa@skynet.local>", { 503, 503, 250, 250 }, "CGRR" },
    { "RCPT TO:<nobody@skynet.local>", { 503, 503, 550, 550 }, "CGMR" },
    { "RCPT TO:<ppa@elsewhere.example>", { 503, 503, 554, 554 }, "CGMR" },
    { "DATA", { 503, 503, 554, 354 }, "CGMD" },
    { "RSET", { 250, 250, 250, 250 }, "CGGG" },
    { "NOOP", { 250, 250, 250, 250 }, "CGMR" },
    { "NOOP anything", { 250, 250, 250, 250 }, "CGMR" },
    { "VRFY ppa", { 250, 250, 250, 250 }, "CGMR" },
    { "HELP", { 214, 214, 214, 214 }, "CGMR" },
    { "QUIT", { 221, 221, 221, 221 }, "EEEE" },
    { "STARTTLS", { 503, 220, 503, 503 }, "CCMR" },
    { "ETRN x", { 503, 459, 503, 503 }, "CGMR" },
    { "EXPN list", { 502, 502, 502, 502 }, "CGMR" },
    { "AUTH PLAIN", { 502, 502, 502, 502 }, "CGMR" },
    { "BDAT 1 LAST", { 502, 502, 502, 502 }, "CGMR" },
    { "SEND FROM:<a@b>", { 502, 502, 502, 502 }, "CGMR" },
    { "SOML FROM:<a@b>", { 502, 502, 502, 502 }, "CGMR" },
    { "SAML FROM:<a@b>", { 502, 502, 502, 502 }, "CGMR" },
    { "TURN", { 502, 502, 502, 502 }, "CGMR" },
    { "XYZZY", { 500, 500, 500, 500 }, "CGMR" },
    { "", { 500, 500, 500, 500 }, "CGMR" },
};

static void every_command_in_every_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(every); i++)
        for (unsigned in = SMTP_CONNECTED; in <= SMTP_RCPT; in++) {
            struct smtp_client *c = client_new();
            reach(c, in);
            unsigned code = code_of(c, every[i].line);
            if (code != every[i].code[in])
                fail_msg("\"%s\" in state %u got %u, not %u", every[i].line, in, code, every[i].code[in]);
            char now = "CGMRDE"[c->session.state];
            if (now != every[i].then[in])
                fail_msg("\"%s\" in state %u went to %c, not %c", every[i].line, in, now, every[i].then[in]);
            client_free(c);
        }
}

static void every_row_of_the_table_is_tested(void **state)
{
    (void)state;
    for (size_t i = 0; i < smtp_verb_count; i++) {
        bool tested = false;
        for (size_t k = 0; k < COUNT(every); k++)
            tested = tested || span_is(smtp_parse_command(span_text(every[k].line)).verb, smtp_verbs[i].name);
        if (!tested)
            fail_msg("%s is not in the table of this test", smtp_verbs[i].name);
    }
}

static void syntax_is_told_from_order(void **state)
{
    (void)state;
    static const struct {
        enum smtp_state in;
        const char *line;
        unsigned code;
    } cases[] = {
        { SMTP_CONNECTED, "EHLO", 501 },
        { SMTP_CONNECTED, "EHLO a b", 501 },
        { SMTP_CONNECTED, "EHLO [1.2.3]", 501 },
        { SMTP_CONNECTED, "EHLO <x>", 501 },
        { SMTP_CONNECTED, "EHLO my_machine", 250 },
        { SMTP_CONNECTED, "HELO [IPv6:::1]", 250 },
        { SMTP_CONNECTED, "ehlo X ", 250 },
        { SMTP_GREETED, "MAIL", 501 },
        { SMTP_GREETED, "MAIL a@b", 501 },
        { SMTP_GREETED, "MAIL FROM", 501 },
        { SMTP_GREETED, "MAIL FROM:", 501 },
        { SMTP_GREETED, "MAIL FROM:a@b", 501 },
        { SMTP_GREETED, "MAIL FROM:<a@b>x", 501 },
        { SMTP_GREETED, "MAIL FROM:<a b@c>", 501 },
        { SMTP_GREETED, "MAIL FROM:<>", 250 },
        { SMTP_GREETED, "mail from: <a@b>", 250 },
        { SMTP_GREETED, "MAIL FROM:<a@b> SIZE=10240000", 250 },
        { SMTP_GREETED, "MAIL FROM:<a@b> SIZE=10240001", 552 },
        { SMTP_GREETED, "MAIL FROM:<a@b> SIZE=99999999999999999999", 501 },
        { SMTP_GREETED, "MAIL FROM:<a@b> SIZE=18446744073709551615", 552 },
        { SMTP_GREETED, "MAIL FROM:<a@b> SIZE=-1", 501 },
        { SMTP_GREETED, "MAIL FROM:<a@b> SIZE", 501 },
        { SMTP_GREETED, "MAIL FROM:<a@b> SIZE=1 SIZE=1", 501 },
        { SMTP_GREETED, "MAIL FROM:<a@b> BODY=8BITMIME SIZE=1", 250 },
        { SMTP_GREETED, "MAIL FROM:<a@b> BODY=binarymime", 501 },
        { SMTP_GREETED, "MAIL FROM:<a@b> RET=HDRS ENVID=QQ314159", 250 },
        { SMTP_GREETED, "MAIL FROM:<a@b> SMTPUTF8", 555 },
        { SMTP_GREETED, "MAIL FROM:<a@b> NOTIFY=NEVER", 555 },
        { SMTP_GREETED, "STARTTLS now", 501 },
        { SMTP_MAIL, "RCPT", 501 },
        { SMTP_MAIL, "RCPT TO:", 501 },
        { SMTP_MAIL, "RCPT TO:<>", 501 },
        { SMTP_MAIL, "RCPT TO:<ppa@skynet.local", 501 },
        { SMTP_MAIL, "RCPT TO:<@a,@b:ppa@skynet.local>", 250 },
        { SMTP_MAIL, "RCPT TO:<\"ppa\"@skynet.local>", 250 },
        { SMTP_MAIL, "RCPT TO:<PPA@SkyNet.Local>", 250 },
        { SMTP_MAIL, "RCPT TO:<Postmaster>", 250 },
        { SMTP_MAIL, "RCPT TO:<postmaster@skynet.local>", 250 },
        { SMTP_MAIL, "RCPT TO:<postmaster@elsewhere.example>", 554 },
        { SMTP_MAIL, "RCPT TO:<ppa@[172.16.16.221]>", 554 },
        { SMTP_MAIL, "RCPT TO:<elsewhere.example!ppa@skynet.local>", 550 },
        { SMTP_MAIL, "RCPT TO:<ppa%elsewhere.example@skynet.local>", 550 },
        { SMTP_MAIL, "RCPT TO:<\"ppa@elsewhere.example\"@skynet.local>", 550 },
        { SMTP_MAIL, "RCPT TO:<ppa@skynet.local.elsewhere.example>", 554 },
        { SMTP_MAIL, "RCPT TO:<ppa@local>", 554 },
        { SMTP_MAIL, "RCPT TO:<ppa@skynet.local> NOTIFY=SUCCESS,DELAY", 250 },
        { SMTP_MAIL, "RCPT TO:<ppa@skynet.local> NOTIFY=NEVER,DELAY", 501 },
        { SMTP_MAIL, "RCPT TO:<ppa@skynet.local> NOTIFY=SUCCESS,", 501 },
        { SMTP_MAIL, "RCPT TO:<ppa@skynet.local> ORCPT=rfc822", 501 },
        { SMTP_RCPT, "DATA now", 501 },
        { SMTP_GREETED, "RSET now", 501 },
        { SMTP_GREETED, "QUIT now", 501 },
        { SMTP_GREETED, "VRFY", 501 },
        { SMTP_GREETED, "VRFY <ppa@skynet.local>", 250 },
        { SMTP_GREETED, "VRFY sanders", 553 },
        { SMTP_GREETED, "VRFY nobody", 550 },
        { SMTP_GREETED, "VRFY ppa@elsewhere.example", 550 },
        { SMTP_GREETED, "ETRN", 501 },
        { SMTP_GREETED, " NOOP", 500 },
        { SMTP_GREETED, "NOOPS", 500 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct smtp_client *c = client_new();
        reach(c, cases[i].in);
        unsigned code = code_of(c, cases[i].line);
        if (code != cases[i].code)
            fail_msg("\"%s\" got %u, not %u", cases[i].line, code, cases[i].code);
        if (code >= 500)
            assert_int_equal(c->bad_input + c->rejected, 1);
        client_free(c);
    }
}

/* After HELO there are no extensions (RFC 5321 4.1.1.1); what is left out of the list is not there. */
static void what_is_not_offered_is_refused(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    client_say(c, "HELO x\r\n");
    assert_said(c, "250 mail01\r\n");
    assert_string_equal(smtp_session_protocol(&c->session), "SMTP");
    assert_int_equal(code_of(c, "MAIL FROM:<a@b> SIZE=1"), 555);
    client_free(c);

    c = client_new();
    struct smtp_offer none = { "8BITMIME", SMTP_OFFER_8BITMIME };
    c->settings.offers = &none;
    c->settings.offer_count = 1;
    c->settings.offered = SMTP_OFFER_8BITMIME;
    client_say(c, "EHLO x\r\n");
    assert_said(c, "250-mail01\r\n250 8BITMIME\r\n");
    assert_int_equal(code_of(c, "STARTTLS"), 502);
    assert_int_equal(code_of(c, "ETRN x"), 502);
    assert_int_equal(code_of(c, "MAIL FROM:<a@b> SIZE=1"), 555);
    client_forget(c);
    client_say(c, "MAIL FROM:<a@b> BODY=8BITMIME\r\n");
    assert_said(c, "250 Ok\r\n");
    client_free(c);

    c = client_new();
    c->settings.offer_count = 0;
    c->settings.offered = 0;
    client_say(c, "EHLO x\r\n");
    assert_said(c, "250 mail01\r\n");
    client_free(c);
}

static void size_alone_shows_the_limit(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    struct smtp_offer size = { "SIZE", SMTP_OFFER_SIZE };
    c->settings.offers = &size;
    c->settings.offer_count = 1;
    client_say(c, "EHLO x\r\n");
    assert_said(c, "250-mail01\r\n250 SIZE 10240000\r\n");
    client_free(c);
}

/* ---- transactions -------------------------------------------------------------------------- */

static void a_new_ehlo_or_rset_forgets_the_transaction(void **state)
{
    (void)state;
    static const char *const resets[] = { "EHLO y", "HELO y", "RSET" };
    for (size_t i = 0; i < COUNT(resets); i++) {
        struct smtp_client *c = client_new();
        reach(c, SMTP_RCPT);
        assert_int_equal(code_of(c, resets[i]), 250);
        assert_int_equal(code_of(c, "RCPT TO:<ppa@skynet.local>"), 503);
        assert_int_equal(code_of(c, "DATA"), 503);
        assert_int_equal(code_of(c, "MAIL FROM:<c@d>"), 250);
        assert_int_equal(c->session.envelope.recipient_count, 0);
        client_free(c);
    }
}

static void one_connection_brings_many_messages(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    client_say(c, "EHLO x\r\n");
    for (size_t i = 1; i <= 3; i++) {
        client_say(c, "MAIL FROM:<>\r\nRCPT TO:<ppa@skynet.local>\r\nRCPT TO:<sanders@skynet.local>\r\n"
                      "RCPT TO:<PPA@skynet.local>\r\nDATA\r\nx\r\n.\r\n");
        assert_int_equal(c->stored, i);
        assert_string_equal(c->sender, "");
        assert_string_equal(c->recipients, "sanders@skynet.local ppa@skynet.local ");
        assert_int_equal(c->session.state, SMTP_GREETED);
    }
    client_free(c);
}

static void nothing_is_promised_when_the_store_fails(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    reach(c, SMTP_RCPT);
    c->stores = SMTP_FAILED;
    client_say(c, "DATA\r\nx\r\n.\r\n");
    assert_int_equal(last_code(c), 451);
    reach(c, SMTP_GREETED);
    reach(c, SMTP_MAIL);
    client_say(c, "RCPT TO:<ppa@skynet.local>\r\nDATA\r\n");
    c->stores = SMTP_FULL;
    client_say(c, "x\r\n.\r\n");
    assert_int_equal(last_code(c), 452);
    c->begins = SMTP_FULL;
    client_say(c, "MAIL FROM:<a@b>\r\nRCPT TO:<ppa@skynet.local>\r\nDATA\r\n");
    assert_int_equal(last_code(c), 452);
    c->begins = c->stores = SMTP_OK;
    client_say(c, "MAIL FROM:<a@b>\r\nRCPT TO:<ppa@skynet.local>\r\nDATA\r\nx\r\n.\r\n");
    assert_int_equal(last_code(c), 250);
    client_free(c);
}

static void nothing_is_read_while_a_result_is_awaited(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    reach(c, SMTP_RCPT);
    struct span in = span_text("DATA\r\nx\r\n.\r\nQUIT\r\n");
    struct smtp_turn turn = smtp_session_feed(&c->session, in, c->now, &c->replies, &c->message);
    assert_int_equal(turn.effect, SMTP_BEGIN);
    assert_int_equal(turn.taken, 6);
    in = span_from(in, turn.taken);
    turn = smtp_session_feed(&c->session, in, c->now, &c->replies, &c->message);
    assert_int_equal(turn.taken, 0);
    assert_int_equal(turn.effect, SMTP_NOTHING);
    assert_int_equal(writer_length(&c->replies), 0);
    smtp_session_result(&c->session, SMTP_OK, span_text(""), c->now, &c->replies);
    turn = smtp_session_feed(&c->session, in, c->now, &c->replies, &c->message);
    assert_int_equal(turn.effect, SMTP_STORE);
    assert_true(span_is(span_from(in, turn.taken), "QUIT\r\n"));
    assert_false(smtp_session_idle(&c->session));
    client_free(c);
}

static void too_many_recipients_are_for_another_time(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    c->settings.recipients_max = 2;
    reach(c, SMTP_RCPT);
    assert_int_equal(code_of(c, "RCPT TO:<sanders@skynet.local>"), 250);
    assert_int_equal(code_of(c, "RCPT TO:<postmaster@skynet.local>"), 452);
    assert_int_equal(code_of(c, "RCPT TO:<ppa@skynet.local>"), 250);
    assert_int_equal(code_of(c, "DATA"), 354);
    client_free(c);
}

static void a_text_that_is_too_long_is_refused_at_its_end(void **state)
{
    (void)state;
    for (size_t most = 14; most <= 16; most++) {
        struct smtp_client *c = client_new();
        c->settings.message_bytes_max = most;
        reach(c, SMTP_RCPT);
        client_say(c, "DATA\r\n");
        client_forget(c);
        client_say(c, "12345678\r\n");
        client_say(c, "..1\r\n");
        assert_int_equal(writer_length(&c->replies), 0);
        client_say(c, ".\r\n");
        assert_int_equal(last_code(c), most < 14 ? 552 : 250);
        client_free(c);
    }
    struct smtp_client *c = client_new();
    c->settings.message_bytes_max = 13;
    reach(c, SMTP_RCPT);
    client_say(c, "DATA\r\n12345678\r\n..1\r\n");
    client_forget(c);
    assert_int_equal(c->dropped, 1);
    client_say(c, "more\r\n.\r\n");
    assert_int_equal(last_code(c), 552);
    assert_int_equal(c->stored, 0);
    assert_int_equal(code_of(c, "MAIL FROM:<a@b>"), 250);
    client_free(c);
}

/* ---- attacks ------------------------------------------------------------------------------- */

/* A hidden message behind what other servers take for the end of a text: the whole is one refused text, and
 * no command in it is ever run. */
static void smuggled_messages_are_refused(void **state)
{
    (void)state;
    static const char *const ends[] = { "\n.\n",       "\n.\r\n", "\r.\r",       "\r.\r\n",
                                        "\r\n.\n",     "\r\n.\r", "\r\n.\r\r\n", "\n\n.\r\n",
                                        "\r\n\r.\r\n", "\n\r.\n", "\r\n.\n\r\n" };
    for (size_t i = 0; i < COUNT(ends); i++) {
        char in[512];
        int n =
            snprintf(in, sizeof in,
                     "Subject: x\r\n\r\nbody%sMAIL FROM:<ceo@skynet.local>\r\nRCPT TO:<ppa@skynet.local>\r\n"
                     "DATA\r\nforged\r\n.\r\n",
                     ends[i]);
        for (int cut = 0; cut <= n; cut++) {
            struct smtp_client *c = client_new();
            reach(c, SMTP_RCPT);
            client_say(c, "DATA\r\n");
            client_forget(c);
            client_hear(c, span_of(in, (size_t)cut));
            client_hear(c, span_of(in + cut, (size_t)(n - cut)));
            assert_int_equal(last_code(c), 550);
            assert_int_equal(c->stored, 0);
            assert_int_equal(c->bad_input, 1);
            assert_int_equal(c->session.state, SMTP_GREETED);
            client_free(c);
        }
    }
}

static void a_bare_byte_in_a_command_spoils_its_line_only(void **state)
{
    (void)state;
    static const struct {
        struct span in;
    } lines[] = {
#define LINE(text)                                                                                           \
    {                                                                                                        \
        {                                                                                                    \
            (const uint8_t *)(text), sizeof(text) - 1                                                        \
        }                                                                                                    \
    }
        LINE("RSET\nQUIT\r\n"), LINE("RSET\rQUIT\r\n"), LINE("RSET\0QUIT\r\n"),
        LINE("\nQUIT\r\n"),     LINE("RSET\r\r\n"),     LINE("RSET\n\n\nQUIT\rQUIT\r\n"),
#undef LINE
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        for (size_t cut = 0; cut <= lines[i].in.len; cut++) {
            struct smtp_client *c = client_new();
            reach(c, SMTP_RCPT);
            client_hear(c, span_head(lines[i].in, cut));
            client_hear(c, span_from(lines[i].in, cut));
            assert_int_equal(last_code(c), 500);
            assert_int_equal(c->session.state, SMTP_RCPT);
            assert_int_equal(c->bad_input, 1);
            client_say(c, "NOOP\r\n");
            assert_int_equal(last_code(c), 250);
            client_free(c);
        }
}

static void a_line_that_is_too_long_is_refused_once(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    char x[1000];
    memset(x, 'x', sizeof x);
    client_say(c, "NOOP ");
    for (size_t i = 0; i < 5; i++)
        client_hear(c, span_of(x, sizeof x));
    client_say(c, "\r\n");
    assert_int_equal(last_code(c), 500);
    struct smtp_reply reply;
    size_t taken;
    assert_int_equal(smtp_parse_reply(writer_span(&c->replies), &reply, &taken), SMTP_PARSED);
    assert_int_equal(taken, writer_length(&c->replies));
    assert_int_equal(code_of(c, "NOOP"), 250);
    for (size_t i = 0; i < 60; i++) /* ... but an endless one is the end */
        client_hear(c, span_of(x, sizeof x));
    assert_int_equal(last_code(c), 421);
    assert_int_equal(c->hung_up, 1);
    client_free(c);
}

static void after_many_errors_comes_the_end(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(code_of(c, "GET / HTTP/1.1"), 500);
    assert_int_equal(code_of(c, "NOOP"), 421);
    assert_int_equal(c->hung_up, 1);
    assert_int_equal(c->session.state, SMTP_ENDED);
    client_free(c);
}

/* CVE-2011-0411 and its kin: what came in clear behind STARTTLS never counts, nor what came before it. */
static void nothing_is_injected_into_tls(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    client_say(c, "EHLO before\r\n");
    client_forget(c);
    client_say(c,
               "STARTTLS\r\nEHLO x\r\nMAIL FROM:<evil@elsewhere.example>\r\nRCPT TO:<ppa@skynet.local>\r\n");
    assert_said(c, "220 2.0.0 Ready to start TLS\r\n");
    assert_true(c->discarded > 0);
    assert_int_equal(c->session.state, SMTP_CONNECTED);
    assert_int_equal(c->session.helo[0], 0);
    assert_true(c->session.secure);
    assert_int_equal(code_of(c, "MAIL FROM:<a@b>"), 503);
    client_forget(c);
    client_say(c, "EHLO x\r\n");
    assert_said(c, "250-mail01\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n"
                   "250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 DSN\r\n");
    assert_int_equal(code_of(c, "STARTTLS"), 503);
    assert_string_equal(smtp_session_protocol(&c->session), "ESMTPS");
    client_free(c);
}

static void without_a_certificate_the_session_goes_on_in_clear(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    c->tls = SMTP_FAILED;
    client_say(c, "EHLO x\r\n");
    assert_int_equal(code_of(c, "STARTTLS"), 454);
    assert_int_equal(code_of(c, "MAIL FROM:<a@b>"), 250);
    client_free(c);
}

static void a_farewell_is_421(void **state)
{
    (void)state;
    static const struct {
        enum smtp_farewell why;
        const char *said;
    } cases[] = { { SMTP_TIMEOUT, "421 4.4.2 mail01 " },
                  { SMTP_SHUTDOWN, "421 4.3.2 mail01 " },
                  { SMTP_CROWDED, "421 4.7.0 mail01 " } };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (unsigned in = SMTP_CONNECTED; in <= SMTP_RCPT; in++) {
            struct smtp_client *c = client_new();
            reach(c, in);
            smtp_session_farewell(&c->session, cases[i].why, &c->replies);
            assert_true(span_starts(writer_span(&c->replies), cases[i].said));
            assert_int_equal(last_code(c), 421);
            client_forget(c);
            client_say(c, "NOOP\r\n");
            assert_said(c, "");
            client_free(c);
        }
}

static void replies_wait_for_room(void **state)
{
    (void)state;
    struct smtp_client *c = client_new();
    uint8_t small[SMTP_SESSION_REPLY_MAX - 1];
    struct writer replies = writer_over(small, sizeof small);
    struct smtp_turn turn =
        smtp_session_feed(&c->session, span_text("NOOP\r\n"), c->now, &replies, &c->message);
    assert_int_equal(turn.taken, 0);
    assert_int_equal(writer_length(&replies), 0);
    client_free(c);
}

/* ---- policy -------------------------------------------------------------------------------- */

static void without_domains_nothing_is_accepted(void **state)
{
    (void)state;
    static const char *const all[] = { "RCPT TO:<ppa@skynet.local>", "RCPT TO:<postmaster>",
                                       "RCPT TO:<\"\"@x>" };
    struct smtp_client *c = client_new();
    c->settings.domain_count = 0;
    c->settings.postmaster = NULL;
    reach(c, SMTP_MAIL);
    for (size_t i = 0; i < COUNT(all); i++)
        assert_int_equal(code_of(c, all[i]), 554);
    assert_int_equal(code_of(c, "VRFY ppa"), 550);
    client_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dialogue_of_the_capture),
        cmocka_unit_test(the_dialogue_however_it_is_split),
        cmocka_unit_test(a_relay_pipelines_as_in_the_capture),
        cmocka_unit_test(every_command_in_every_state),
        cmocka_unit_test(every_row_of_the_table_is_tested),
        cmocka_unit_test(syntax_is_told_from_order),
        cmocka_unit_test(what_is_not_offered_is_refused),
        cmocka_unit_test(size_alone_shows_the_limit),
        cmocka_unit_test(a_new_ehlo_or_rset_forgets_the_transaction),
        cmocka_unit_test(one_connection_brings_many_messages),
        cmocka_unit_test(nothing_is_promised_when_the_store_fails),
        cmocka_unit_test(nothing_is_read_while_a_result_is_awaited),
        cmocka_unit_test(too_many_recipients_are_for_another_time),
        cmocka_unit_test(a_text_that_is_too_long_is_refused_at_its_end),
        cmocka_unit_test(smuggled_messages_are_refused),
        cmocka_unit_test(a_bare_byte_in_a_command_spoils_its_line_only),
        cmocka_unit_test(a_line_that_is_too_long_is_refused_once),
        cmocka_unit_test(after_many_errors_comes_the_end),
        cmocka_unit_test(nothing_is_injected_into_tls),
        cmocka_unit_test(without_a_certificate_the_session_goes_on_in_clear),
        cmocka_unit_test(a_farewell_is_421),
        cmocka_unit_test(replies_wait_for_room),
        cmocka_unit_test(without_domains_nothing_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
