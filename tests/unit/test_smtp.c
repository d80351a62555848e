/* common/wire/smtp.c and mail.c against RFC 5321 and the dialogues of a real server and its clients. */
#include "wire/mail.h"
#include "wire/smtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void assert_span(struct span s, const char *expected)
{
    assert_int_equal(s.len, strlen(expected));
    assert_memory_equal(s.at, expected, s.len);
}

/* A copy of exactly this size, so that a sanitizer sees a read past its end. */
static struct span exact(struct span s)
{
    uint8_t *copy = malloc(s.len ? s.len : 1);
    assert_non_null(copy);
    memcpy(copy, s.at, s.len);
    return span_of(copy, s.len);
}

static void release(struct span s)
{
    free((void *)(uintptr_t)s.at);
}

/* ---- lines ---------------------------------------------------------------------------- */

static void only_crlf_ends_a_line(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        enum smtp_token token;
        const char *text;
        size_t taken;
    } cases[] = {
        { { (const uint8_t *)"", 0 }, SMTP_MORE, "", 0 },
        { { (const uint8_t *)"NOOP", 4 }, SMTP_MORE, "NOOP", 0 },
        { { (const uint8_t *)"NOOP\r", 5 }, SMTP_MORE, "NOOP", 0 },
        { { (const uint8_t *)"NOOP\r\nQUIT\r\n", 12 }, SMTP_LINE, "NOOP", 6 },
        { { (const uint8_t *)"\r\n", 2 }, SMTP_LINE, "", 2 },
        { { (const uint8_t *)"NOOP\nQUIT\r\n", 11 }, SMTP_BARE_LF, "NOOP", 5 },
        { { (const uint8_t *)"NOOP\rQUIT\r\n", 11 }, SMTP_BARE_CR, "NOOP", 5 },
        { { (const uint8_t *)"NOOP\r\r\n", 7 }, SMTP_BARE_CR, "NOOP", 5 },
        { { (const uint8_t *)"NO\0OP\r\n", 7 }, SMTP_NUL, "NO", 3 },
        { { (const uint8_t *)"\n", 1 }, SMTP_BARE_LF, "", 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span text, in = exact(cases[i].in);
        size_t taken;
        assert_int_equal(smtp_split(in, &text, &taken), cases[i].token);
        assert_int_equal(taken, cases[i].taken);
        assert_span(text, cases[i].text);
        release(in);
    }
}

static void a_line_has_a_longest(void **state)
{
    (void)state;
    char line[SMTP_LINE_MAX + 8];
    struct span text;
    size_t taken;
    memset(line, 'x', sizeof line);
    memcpy(line + SMTP_LINE_MAX - 1, "\r\n", 2);
    assert_int_equal(smtp_split(span_of(line, sizeof line), &text, &taken), SMTP_LINE);
    assert_int_equal(text.len, SMTP_LINE_MAX - 1);
    memset(line, 'x', sizeof line);
    memcpy(line + SMTP_LINE_MAX, "\r\n", 2);
    assert_int_equal(smtp_split(span_of(line, sizeof line), &text, &taken), SMTP_LONG);
    assert_int_equal(taken, SMTP_LINE_MAX);
    assert_int_equal(smtp_split(span_of(line, SMTP_LINE_MAX - 1), &text, &taken), SMTP_MORE);
}

static void a_command_is_a_verb_and_the_rest(void **state)
{
    (void)state;
    struct smtp_command c = smtp_parse_command(span_text("MAIL FROM:<a@b.c> SIZE=1  "));
    assert_span(c.verb, "MAIL");
    assert_span(c.argument, "FROM:<a@b.c> SIZE=1");
    c = smtp_parse_command(span_text("quit  "));
    assert_span(c.verb, "quit");
    assert_span(c.argument, "");
    c = smtp_parse_command(span_text(""));
    assert_int_equal(c.verb.len + c.argument.len, 0);
    c = smtp_parse_command(span_text(" MAIL"));
    assert_int_equal(c.verb.len, 0);
}

/* ---- paths ------------------------------------------------------------------------------ */

static const struct {
    const char *text, *local, *domain;
    bool literal;
} good_mailboxes[] = {
    { "sanders@skynet.local", "sanders", "skynet.local", false },
    { "a.b+c=d@example.com", "a.b+c=d", "example.com", false },
    { "!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~", "x", false },
    { "\"a b\"@example.com", "a b", "example.com", false },
    { "\"a\\\"b\\\\c\"@example.com", "a\"b\\c", "example.com", false },
    { "\"\"@example.com", "", "example.com", false },
    { "\"a@b>c\"@example.com", "a@b>c", "example.com", false },
    { "x@1.2.3.example", "x", "1.2.3.example", false },
    { "x@[192.0.2.1]", "x", "[192.0.2.1]", true },
    { "x@[IPv6:2001:db8::1]", "x", "[IPv6:2001:db8::1]", true },
    { "x@[ipv6:::ffff:192.0.2.1]", "x", "[ipv6:::ffff:192.0.2.1]", true },
};

static const char *const bad_mailboxes[] = {
    "",
    "@",
    "x",
    "x@",
    "@example.com",
    ".x@example.com",
    "x.@example.com",
    "x..y@example.com",
    "x y@example.com",
    "x@-example.com",
    "x@example-.com",
    "x@example..com",
    "x@.example.com",
    "x@example.com.",
    "x@exa_mple.com",
    "\"x@example.com",
    "\"x\"y@example.com",
    "x\"y\"@example.com",
    "\"a\nb\"@example.com",
    "\"a\\\tb\"@example.com",
    "x@[192.0.2.1",
    "x@[192.0.2]",
    "x@[192.0.2.256]",
    "x@[]",
    "x@[2001:db8::1]",
    "x@[IPv6:192.0.2.1]",
    "x@[IPv6:]",
    "x@[:a]",
    "x@[tag:]",
    "x@[tag:a]",
    "x@[IPv6:::1%lo]",
    "x@[1.2.3.4 ]",
    "x@[a b]",
    "x@[tag:[a]",
    "x@example.com>",
    "<x@example.com",
    "x@y@z",
    "\xc3\xa9@example.com",
    "x@\xc3\xa9.com",
    "\"\xc3\xa9\"@example.com",
};

static void mailboxes_follow_the_grammar(void **state)
{
    (void)state;
    struct smtp_path p;
    for (size_t i = 0; i < COUNT(good_mailboxes); i++) {
        struct span in = exact(span_text(good_mailboxes[i].text));
        struct reader r = reader_over(in);
        assert_true(smtp_read_mailbox(&r, &p) && reader_done(&r));
        assert_span(smtp_path_local(&p), good_mailboxes[i].local);
        assert_span(p.domain, good_mailboxes[i].domain);
        assert_int_equal(p.literal, good_mailboxes[i].literal);
        release(in);
    }
    for (size_t i = 0; i < COUNT(bad_mailboxes); i++) {
        struct span in = exact(span_text(bad_mailboxes[i]));
        struct reader r = reader_over(in);
        if (smtp_read_mailbox(&r, &p) && reader_done(&r))
            fail_msg("%s was taken for a mailbox", bad_mailboxes[i]);
        release(in);
    }
}

static void every_mailbox_is_built_as_it_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good_mailboxes); i++) {
        struct smtp_path p, again;
        char room[SMTP_PATH_MAX];
        struct reader r = reader_over(span_text(good_mailboxes[i].text));
        assert_true(smtp_read_mailbox(&r, &p));
        struct writer w = writer_over(room, sizeof room);
        smtp_write_mailbox(&w, smtp_path_local(&p), p.domain);
        r = reader_over(writer_span(&w));
        assert_true(smtp_read_mailbox(&r, &again) && reader_done(&r));
        assert_true(span_equal(smtp_path_local(&p), smtp_path_local(&again)));
        assert_true(span_equal(p.domain, again.domain));
    }
}

static void paths_have_brackets(void **state)
{
    (void)state;
    struct smtp_path p;
    struct reader r = reader_over(span_text("<> SIZE=3"));
    assert_true(smtp_read_reverse_path(&r, &p) && p.null);
    assert_int_equal(reader_left(&r), 7);
    r = reader_over(span_text("<>"));
    assert_false(smtp_read_forward_path(&r, &p));
    r = reader_over(span_text("<PostMaster>"));
    assert_true(smtp_read_forward_path(&r, &p) && p.domain.len == 0 && !p.null);
    assert_span(smtp_path_local(&p), "postmaster");
    r = reader_over(span_text("<Postmaster>"));
    assert_false(smtp_read_reverse_path(&r, &p));
    r = reader_over(span_text("<postmaster@x>"));
    assert_true(smtp_read_forward_path(&r, &p));
    assert_span(p.domain, "x");
    static const char *const bad[] = {
        "",    "<",     "a@b",   "<a@b", "a@b>",      "<<a@b>>",    "< a@b>",
        "<a>", "<a@b ", "<@x:>", "<@x>", "<@x,:a@b>", "<@x,y:a@b>", "<@:a@b>"
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        r = reader_over(span_text(bad[i]));
        assert_false(smtp_read_forward_path(&r, &p));
        r = reader_over(span_text(bad[i]));
        assert_false(smtp_read_reverse_path(&r, &p));
    }
}

static void source_routes_are_read_and_ignored(void **state)
{
    (void)state;
    struct smtp_path p;
    struct reader r = reader_over(span_text("<@hosta.int,@jkl.org:userc@d.bar.org>"));
    assert_true(smtp_read_forward_path(&r, &p) && reader_done(&r));
    assert_span(smtp_path_local(&p), "userc");
    assert_span(p.domain, "d.bar.org");
    for (size_t hosts = SMTP_SOURCE_ROUTE_MAX; hosts <= SMTP_SOURCE_ROUTE_MAX + 1; hosts++) {
        char room[SMTP_PATH_MAX];
        struct writer w = writer_over(room, sizeof room);
        write_text(&w, "<");
        for (size_t i = 0; i < hosts; i++)
            write_text(&w, i ? ",@h" : "@h");
        write_text(&w, ":a@b>");
        r = reader_over(writer_span(&w));
        assert_int_equal(smtp_read_forward_path(&r, &p), hosts <= SMTP_SOURCE_ROUTE_MAX);
    }
}

static void a_path_has_a_longest(void **state)
{
    (void)state;
    for (size_t total = SMTP_PATH_MAX - 1; total <= SMTP_PATH_MAX + 1; total++) {
        char room[SMTP_PATH_MAX + 8];
        struct smtp_path p;
        struct writer w = writer_over(room, sizeof room);
        write_text(&w, "<");
        for (size_t i = 0; i < total - strlen("<@b>"); i++)
            write_u8(&w, 'a');
        write_text(&w, "@b>");
        struct reader r = reader_over(writer_span(&w));
        assert_int_equal(smtp_read_reverse_path(&r, &p), total <= SMTP_PATH_MAX);
    }
}

static void parameters_come_one_by_one(void **state)
{
    (void)state;
    struct smtp_param p;
    struct reader r = reader_over(span_text(" SIZE=556  BODY=8BITMIME X-NEW ORCPT=rfc822;a+3Db@c"));
    assert_int_equal(smtp_read_param(&r, &p), SMTP_PARAM);
    assert_span(p.keyword, "SIZE");
    assert_span(p.value, "556");
    assert_int_equal(smtp_read_param(&r, &p), SMTP_PARAM);
    assert_span(p.keyword, "BODY");
    assert_int_equal(smtp_read_param(&r, &p), SMTP_PARAM);
    assert_span(p.keyword, "X-NEW");
    assert_false(p.has_value);
    assert_int_equal(smtp_read_param(&r, &p), SMTP_PARAM);
    assert_span(p.value, "rfc822;a+3Db@c");
    assert_int_equal(smtp_read_param(&r, &p), SMTP_PARAM_END);
    static const char *const bad[] = { "SIZE=1", " =1",     " -A=1", " A=",
                                       " A=b=c", " A=\xff", " A_B",  " A=1\x01" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        r = reader_over(span_text(bad[i]));
        assert_int_equal(smtp_read_param(&r, &p), SMTP_PARAM_BAD);
    }
}

/* ---- message text ----------------------------------------------------------------------- */

struct decoded {
    char text[512];
    struct writer out;
    struct smtp_dot_decoder d;
    size_t taken;
    bool ended;
};

static void decode_piece(struct decoded *x, struct span in)
{
    size_t taken;
    if (x->ended)
        return;
    x->ended = smtp_dot_decode(&x->d, in, &x->out, &taken) == SMTP_DOT_END;
    x->taken += taken;
}

static void decode_whole(struct decoded *x, struct span in)
{
    *x = (struct decoded){ 0 };
    x->out = writer_over(x->text, sizeof x->text);
    decode_piece(x, in);
}

static bool spoilt(const struct decoded *x)
{
    return x->d.bare_cr || x->d.bare_lf || x->d.nul;
}

/* Texts as they come, what they say, and how many bytes belong to them; NULL: refused. */
static const struct {
    struct span in;
    const char *text;
    size_t taken;
} texts[] = {
#define TEXT(in, text, taken)                                                                                \
    {                                                                                                        \
        { (const uint8_t *)(in), sizeof(in) - 1 }, text, taken                                               \
    }
    TEXT(".\r\n", "", 3),
    TEXT("a\r\n.\r\nQUIT\r\n", "a\r\n", 6),
    TEXT("..\r\n.\r\n", ".\r\n", 7),
    TEXT("..a\r\n...\r\n.\r\n", ".a\r\n..\r\n", 13),
    TEXT(".a\r\n.\r\n", "a\r\n", 7),
    TEXT("a.\r\n.b\r\n.\r\n", "a.\r\nb\r\n", 11),
    TEXT("\r\n\r\n.\r\n", "\r\n\r\n", 7),
    /* what one reader takes for an end and another does not, CVE-2023-51764 to 51766 */
    TEXT("a\n.\nMAIL FROM:<x@y>\r\n.\r\n", NULL, 24),
    TEXT("a\n.\r\nMAIL FROM:<x@y>\r\n.\r\n", NULL, 25),
    TEXT("a\r.\rMAIL FROM:<x@y>\r\n.\r\n", NULL, 24),
    TEXT("a\r.\r\nMAIL FROM:<x@y>\r\n.\r\n", NULL, 25),
    TEXT("a\r\n.\nMAIL FROM:<x@y>\r\n.\r\n", NULL, 25),
    TEXT("a\r\n.\rMAIL FROM:<x@y>\r\n.\r\n", NULL, 25),
    TEXT("a\r\n.\r\r\nb\r\n.\r\n", NULL, 13),
    TEXT("a\r\n.\0\r\nb\r\n.\r\n", NULL, 13),
    TEXT("a\r\n\0.\r\nb\r\n.\r\n", NULL, 13),
    TEXT("a\0b\r\n.\r\n", NULL, 8),
    TEXT("a\r\r\n.\r\n", NULL, 7),
    TEXT("a\n\r\n.\r\n", NULL, 7),
    TEXT("a\r\n\n.\r\n.\r\n", NULL, 10),
    TEXT("\n.\r\n\r\n.\r\n", NULL, 9),
    TEXT("\r.\r\n\r\n.\r\n", NULL, 9),
#undef TEXT
};

static void check_decoded(const struct decoded *x, size_t i)
{
    assert_true(x->ended);
    assert_int_equal(x->taken, texts[i].taken);
    assert_int_equal(spoilt(x), texts[i].text == NULL);
    if (texts[i].text)
        assert_span(writer_span(&x->out), texts[i].text);
}

static void only_crlf_dot_crlf_ends_a_text_however_it_is_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct decoded x;
        decode_whole(&x, texts[i].in);
        check_decoded(&x, i);
        for (size_t cut = 0; cut <= texts[i].in.len; cut++) {
            decode_whole(&x, span_head(texts[i].in, cut));
            decode_piece(&x, span_from(texts[i].in, cut));
            check_decoded(&x, i);
        }
        decode_whole(&x, span_of("", 0));
        for (size_t at = 0; at < texts[i].in.len; at++)
            decode_piece(&x, span_head(span_from(texts[i].in, at), 1));
        check_decoded(&x, i);
    }
}

static void nothing_bare_reaches_what_was_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct decoded x;
        decode_whole(&x, texts[i].in);
        struct span left = writer_span(&x.out), line;
        size_t taken;
        while (smtp_split(left, &line, &taken) == SMTP_LINE)
            left = span_from(left, taken);
        assert_int_equal(span_find(left, '\r'), left.len);
        assert_int_equal(span_find(left, '\n'), left.len);
        assert_int_equal(span_find(left, '\0'), left.len);
    }
}

static void the_decoder_waits_for_room(void **state)
{
    (void)state;
    struct span in = span_text("one\r\n..two\r\nthree\r\n.\r\nQUIT\r\n");
    for (size_t size = 2; size < 24; size++) {
        struct smtp_dot_decoder d = { 0 };
        char all[64], room[24];
        struct writer text = writer_over(all, sizeof all);
        enum smtp_dot end = SMTP_DOT_MORE;
        size_t at = 0;
        for (size_t turns = 0; end == SMTP_DOT_MORE && turns < 64; turns++) {
            struct writer out = writer_over(room, size);
            size_t taken;
            end = smtp_dot_decode(&d, span_from(in, at), &out, &taken);
            assert_true(writer_ok(&out));
            write_span(&text, writer_span(&out));
            at += taken;
        }
        assert_int_equal(end, SMTP_DOT_END);
        assert_span(writer_span(&text), "one\r\n.two\r\nthree\r\n");
        assert_span(span_from(in, at), "QUIT\r\n");
    }
}

/* A text of nothing but CRs must not cost the square of its length: a minute would pass here. */
static void a_text_of_carriage_returns_is_no_work(void **state)
{
    (void)state;
    size_t size = 4 * 1024 * 1024, taken;
    uint8_t *in = malloc(size), *room = malloc(size + 1);
    memset(in, '\r', size);
    struct smtp_dot_decoder d = { 0 };
    struct writer out = writer_over(room, size + 1);
    assert_int_equal(smtp_dot_decode(&d, span_of(in, size), &out, &taken), SMTP_DOT_MORE);
    assert_int_equal(taken, size);
    assert_true(d.bare_cr);
    free(in);
    free(room);
}

static size_t encode_in_pieces(struct span in, size_t cut, uint8_t *room, size_t size)
{
    struct smtp_dot_encoder e = { 0 };
    struct writer out = writer_over(room, size);
    assert_int_equal(smtp_dot_encode(&e, span_head(in, cut), &out), cut);
    assert_int_equal(smtp_dot_encode(&e, span_from(in, cut), &out), in.len - cut);
    smtp_dot_finish(&e, &out);
    assert_true(writer_ok(&out));
    return writer_length(&out);
}

static void the_sender_lets_nothing_bare_out(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        const char *out;
    } cases[] = {
#define CASE(in, out) { { (const uint8_t *)(in), sizeof(in) - 1 }, out }
        CASE("", ".\r\n"),
        CASE("a", "a\r\n.\r\n"),
        CASE("a\r\n", "a\r\n.\r\n"),
        CASE("a\n", "a\r\n.\r\n"),
        CASE("a\r", "a\r\n.\r\n"),
        CASE(".", "..\r\n.\r\n"),
        CASE("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"),
        CASE("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
        CASE("a\r.\rb", "a . b\r\n.\r\n"),
        CASE("\r.", " .\r\n.\r\n"),
        CASE("a\r\r\nb", "a \r\nb\r\n.\r\n"),
        CASE("a\0.b", "a .b\r\n.\r\n"),
        CASE("..a\n.b.c", "...a\r\n..b.c\r\n.\r\n"),
#undef CASE
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t cut = 0; cut <= cases[i].in.len; cut++) {
            uint8_t room[64];
            size_t n = encode_in_pieces(cases[i].in, cut, room, sizeof room);
            assert_span(span_of(room, n), cases[i].out);
            struct decoded x;
            decode_whole(&x, span_of(room, n));
            assert_true(x.ended && !spoilt(&x) && x.taken == n);
        }
}

static void the_encoder_stops_where_the_room_ends(void **state)
{
    (void)state;
    struct smtp_dot_encoder e = { 0 };
    uint8_t room[5];
    struct writer out = writer_over(room, sizeof room);
    size_t taken = smtp_dot_encode(&e, span_text("\n\n\n\n\n"), &out);
    assert_int_equal(taken, 2);
    assert_span(writer_span(&out), "\r\n\r\n");
}

/* ---- replies ---------------------------------------------------------------------------- */

/* What mail01 of the reference capture says to EHLO. */
static const char ehlo_reply[] =
    "250-mail01\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n"
    "250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 DSN\r\n";

static void a_reply_is_read_whole(void **state)
{
    (void)state;
    struct smtp_reply reply;
    size_t taken, len = strlen(ehlo_reply);
    struct span in = span_text(ehlo_reply);
    for (size_t cut = 0; cut < len; cut++) {
        struct span part = exact(span_head(in, cut));
        assert_int_equal(smtp_parse_reply(part, &reply, &taken), SMTP_PARSE_MORE);
        assert_int_equal(taken, 0);
        release(part);
    }
    assert_int_equal(smtp_parse_reply(in, &reply, &taken), SMTP_PARSED);
    assert_int_equal(taken, len);
    assert_int_equal(reply.code, 250);
    assert_int_equal(reply.count, 9);
    assert_span(reply.lines[0], "mail01");
    assert_span(reply.lines[8], "DSN");
    char room[256];
    struct writer w = writer_over(room, sizeof room);
    for (size_t i = 0; i < reply.count; i++)
        smtp_write_reply_line(&w, reply.code, i + 1 == reply.count, reply.lines[i]);
    assert_span(writer_span(&w), ehlo_reply);
}

static void pipelined_replies_come_one_by_one(void **state)
{
    (void)state;
    struct span in = span_text("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n");
    struct smtp_reply reply;
    struct smtp_enhanced code;
    struct span rest;
    size_t taken;
    assert_int_equal(smtp_parse_reply(in, &reply, &taken), SMTP_PARSED);
    assert_true(smtp_parse_enhanced(reply.lines[0], &code, &rest));
    assert_int_equal(code.class * 100 + code.subject * 10 + code.detail, 210);
    assert_span(rest, "Ok");
    in = span_from(in, taken);
    assert_int_equal(smtp_parse_reply(in, &reply, &taken), SMTP_PARSED);
    in = span_from(in, taken);
    assert_int_equal(smtp_parse_reply(in, &reply, &taken), SMTP_PARSED);
    assert_int_equal(reply.code, 354);
    assert_false(smtp_parse_enhanced(reply.lines[0], &code, &rest));
    assert_span(rest, "End data with <CR><LF>.<CR><LF>");
    assert_int_equal(taken, in.len);
}

static void what_is_no_reply_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n",      "25\r\n",       "250_x\r\n",       "150 x\r\n",
        "650 x\r\n", "2x0 x\r\n",    "25x x\r\n",       "250-a\r\n251 b\r\n",
        "250 a\n",   "250 a\rb\r\n", "250-a\r\n25\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"
    };
    struct smtp_reply reply;
    size_t taken;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(smtp_parse_reply(span_text(bad[i]), &reply, &taken), SMTP_PARSE_BAD);
    assert_int_equal(smtp_parse_reply(span_text("250\r\n"), &reply, &taken), SMTP_PARSED);
    char room[SMTP_REPLY_LINES_MAX * 8 + 64];
    struct writer w = writer_over(room, sizeof room);
    for (size_t i = 0; i <= SMTP_REPLY_LINES_MAX; i++)
        smtp_write_reply_line(&w, 250, i == SMTP_REPLY_LINES_MAX, span_text(""));
    assert_int_equal(smtp_parse_reply(writer_span(&w), &reply, &taken), SMTP_PARSE_BAD);
    static const char *const no_code[] = { "",         "Ok",         "2.1 Ok", "2.1.5Ok",
                                           "3.1.5 Ok", "2.1.1234 x", "2..5 x", "x.1.5 x" };
    struct smtp_enhanced code;
    struct span rest;
    for (size_t i = 0; i < COUNT(no_code); i++)
        assert_false(smtp_parse_enhanced(span_text(no_code[i]), &code, &rest));
}

static void a_reply_line_stays_a_line(void **state)
{
    (void)state;
    char room[1024], text[700];
    struct writer w = writer_over(room, sizeof room);
    smtp_write_reply_line(&w, 550, true, span_text("a\r\n250 b\x80\x01"));
    assert_span(writer_span(&w), "550 a??250 b??\r\n");
    memset(text, 'x', sizeof text);
    w = writer_over(room, sizeof room);
    smtp_write_reply_line(&w, 550, true, span_of(text, sizeof text));
    assert_int_equal(writer_length(&w), SMTP_REPLY_LINE_MAX);
}

/* ---- mail ------------------------------------------------------------------------------- */

static void the_trace_is_that_of_the_rfc(void **state)
{
    (void)state;
    struct mail_trace t = {
        .helo = span_text("[172.16.16.225]"),
        .client = span_text("172.16.16.225"),
        .host = span_text("mail01"),
        .agent = span_text("Postfix"),
        .protocol = span_text("ESMTP"),
        .id = span_text("931C4400D5"),
        .sender = span_text("sanders@skynet.local"),
        .recipient = span_text("ppa@skynet.local"),
        .received_unix_ms = 1451416431000,
    };
    char room[MAIL_TRACE_MAX];
    struct writer w = writer_over(room, sizeof room);
    mail_write_trace(&w, &t);
    assert_span(writer_span(&w), "Return-Path: <sanders@skynet.local>\r\n"
                                 "Delivered-To: ppa@skynet.local\r\n"
                                 "Received: from [172.16.16.225] (unknown [172.16.16.225])\r\n"
                                 "\tby mail01 (Postfix) with ESMTP id 931C4400D5\r\n"
                                 "\tfor <ppa@skynet.local>; Tue, 29 Dec 2015 19:13:51 +0000\r\n");
    t.client = span_text("2001:db8::1");
    t.sender = span_text("");
    w = writer_over(room, sizeof room);
    mail_write_trace(&w, &t);
    assert_non_null(memmem(room, writer_length(&w), "(unknown [IPv6:2001:db8::1])", 28));
    assert_non_null(memmem(room, writer_length(&w), "Return-Path: <>\r\n", 17));
    t.recipient = span_text(""); /* several: none is named (RFC 5321 7.2) */
    w = writer_over(room, sizeof room);
    mail_write_received(&w, &t);
    assert_null(memmem(room, writer_length(&w), "for", 3));
    assert_non_null(memmem(room, writer_length(&w), " id 931C4400D5;\r\n\tTue, 29 Dec", 29));
    t.protocol = span_text(""); /* it came from nowhere */
    w = writer_over(room, sizeof room);
    mail_write_received(&w, &t);
    assert_int_equal(writer_length(&w), 0);
}

static void a_message_tells_how_far_it_has_come(void **state)
{
    static const char text[] =
        "Received: from a\r\n\tby Received: b\r\nreceived: c\r\nReceivedx: no\r\nX: Received: no\r\n"
        "\r\nReceived: not in the body\r\n\r\n\xc3\xa4\r\n";
    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct mail_scan scan = { 0 };
        for (struct span left = span_text(text); left.len > 0; left = span_from(left, piece))
            mail_scan(&scan, span_head(left, piece));
        assert_int_equal(scan.hops, 2);
        assert_true(scan.eight_bit);
    }
    assert_span(mail_header(span_text("A: b\r\nC: d\r\n\r\nbody\r\n")), "A: b\r\nC: d\r\n");
    assert_span(mail_header(span_text("A: b\r\n")), "A: b\r\n");
    assert_span(mail_header(span_text("\r\nbody\r\n")), "");
}

static void notifications_are_read_and_written(void **state)
{
    static const struct {
        const char *text;
        unsigned bits;
    } good[] = { { "NEVER", SMTP_NOTIFY_NEVER },
                 { "SUCCESS", SMTP_NOTIFY_SUCCESS },
                 { "SUCCESS,FAILURE,DELAY", SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY } };
    static const char *const bad[] = { "",         "NEVER,SUCCESS", "SUCCESS,",
                                       ",SUCCESS", "ALWAYS",        "SUCCESS FAILURE" };
    unsigned bits;
    char room[64];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct writer w = writer_over(room, sizeof room);
        assert_true(smtp_parse_notify(span_text(good[i].text), &bits));
        assert_int_equal(bits, good[i].bits);
        smtp_write_notify(&w, bits);
        assert_span(writer_span(&w), good[i].text);
    }
    assert_true(smtp_parse_notify(span_text("delay,Failure"), &bits));
    assert_int_equal(bits, SMTP_NOTIFY_DELAY | SMTP_NOTIFY_FAILURE);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(smtp_parse_notify(span_text(bad[i]), &bits));
}

static void xtext_goes_there_and_back(void **state)
{
    static const char *const bad[] = { "+", "+4", "+4g", "+2b", "a b", "a=b", "\x7f" };
    char room[64], again[64];
    (void)state;
    struct writer w = writer_over(room, sizeof room), back = writer_over(again, sizeof again);
    smtp_write_xtext(&w, span_text("a+b=c d\x01@e")); /* RFC 3461 4: these must be written as hex */
    assert_span(writer_span(&w), "a+2Bb+3Dc+20d+01@e");
    assert_true(smtp_read_xtext(writer_span(&w), &back));
    assert_span(writer_span(&back), "a+b=c d\x01@e");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        back = writer_over(again, sizeof again);
        assert_false(smtp_read_xtext(span_text(bad[i]), &back));
    }
}

static void a_file_has_lf_at_its_line_ends(void **state)
{
    (void)state;
    char room[64];
    struct writer w = writer_over(room, sizeof room);
    mail_write_as_file(&w, span_text("Subject: x\r\n\r\nbody\r\n\r\n"));
    assert_span(writer_span(&w), "Subject: x\n\nbody\n\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_crlf_ends_a_line),
        cmocka_unit_test(a_line_has_a_longest),
        cmocka_unit_test(a_command_is_a_verb_and_the_rest),
        cmocka_unit_test(mailboxes_follow_the_grammar),
        cmocka_unit_test(every_mailbox_is_built_as_it_can_be_read),
        cmocka_unit_test(paths_have_brackets),
        cmocka_unit_test(source_routes_are_read_and_ignored),
        cmocka_unit_test(a_path_has_a_longest),
        cmocka_unit_test(parameters_come_one_by_one),
        cmocka_unit_test(only_crlf_dot_crlf_ends_a_text_however_it_is_split),
        cmocka_unit_test(nothing_bare_reaches_what_was_decoded),
        cmocka_unit_test(the_decoder_waits_for_room),
        cmocka_unit_test(a_text_of_carriage_returns_is_no_work),
        cmocka_unit_test(the_sender_lets_nothing_bare_out),
        cmocka_unit_test(the_encoder_stops_where_the_room_ends),
        cmocka_unit_test(a_reply_is_read_whole),
        cmocka_unit_test(pipelined_replies_come_one_by_one),
        cmocka_unit_test(what_is_no_reply_is_refused),
        cmocka_unit_test(a_reply_line_stays_a_line),
        cmocka_unit_test(the_trace_is_that_of_the_rfc),
        cmocka_unit_test(a_message_tells_how_far_it_has_come),
        cmocka_unit_test(notifications_are_read_and_written),
        cmocka_unit_test(xtext_goes_there_and_back),
        cmocka_unit_test(a_file_has_lf_at_its_line_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
