/* common/wire/imap_structure.c: ENVELOPE, BODY and BODYSTRUCTURE as RFC 3501 7.4.2 and 8 and RFC 9051 7.5.2
 * have them. */
#include "wire/imap.h"
#include "wire/mime.h"

#include "exact_input.h"

#define PARTS 64

static void assert_envelope(const char *header, const char *expected)
{
    char room[2000];
    struct writer w = writer_over(room, sizeof room);
    struct input in = input(header);
    imap_write_envelope(&w, span_of(in.copy, strlen(header)), &in.arena);
    assert_written(&w, expected);
    release(&in);
}

static void assert_structure(const char *text, bool extended, const char *expected)
{
    char room[8000];
    struct writer w = writer_over(room, sizeof room);
    struct mime_part parts[PARTS];
    struct mime_tree t = { .parts = parts, .room = PARTS };
    struct input in = input(text);
    mime_parse(&t, span_of(in.copy, strlen(text)));
    imap_write_structure(&w, &t, extended, &in.arena);
    assert_written(&w, expected);
    release(&in);
}

/* ---- envelopes ----------------------------------------------------------------------------- */

static void the_envelope_of_the_rfc(void **state)
{
    (void)state;
    assert_envelope("Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
                    "From: Terry Gray <gray@cac.washington.edu>\r\n"
                    "Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
                    "To: imap@cac.washington.edu\r\n"
                    "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
                    "Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
                    "MIME-Version: 1.0\r\n"
                    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n"
                    "\r\n",
                    "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" "
                    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                    "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
                    "((NIL NIL \"imap\" \"cac.washington.edu\")) "
                    "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
                    "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) NIL NIL "
                    "\"<B27397-0100000@cac.washington.edu>\")");
}

static void absent_is_nil_and_empty_is_empty(void **state)
{
    (void)state;
    assert_envelope("", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    assert_envelope("\r\n", "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
    assert_envelope(
        "Date:\r\nSubject: \r\nFrom:\r\nSender:\r\nTo:\r\nCc: ,\r\nBcc:\r\nIn-Reply-To:\r\nMessage-ID:\r\n",
        "(\"\" \"\" NIL NIL NIL NIL NIL NIL \"\" \"\")");
    assert_envelope("From: a@b\r\nSender:\r\nReply-To: c@d\r\n",
                    "(NIL NIL ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"c\" \"d\")) "
                    "NIL NIL NIL NIL NIL)");
}

static void addresses_in_envelopes(void **state)
{
    (void)state;
    assert_envelope(
        "To: A Group:Ed Jones <c@a.test>,joe@where.test;, Undisclosed recipients:;\r\n",
        "(NIL NIL NIL NIL NIL ((NIL NIL \"A Group\" NIL)(\"Ed Jones\" NIL \"c\" \"a.test\")"
        "(NIL NIL \"joe\" \"where.test\")(NIL NIL NIL NIL)(NIL NIL \"Undisclosed recipients\" NIL)"
        "(NIL NIL NIL NIL)) NIL NIL NIL NIL)");
    assert_envelope("To: <@a.test,@b.test:\"x y\"@c>, root, \"a \\\"b\\\"\" <d@e>\r\n",
                    "(NIL NIL NIL NIL NIL ((NIL \"@a.test,@b.test\" \"x y\" \"c\")(NIL NIL \"root\" \"\")"
                    "(\"a \\\"b\\\"\" NIL \"d\" \"e\")) NIL NIL NIL NIL)");
}

static void what_cannot_be_quoted_is_a_literal(void **state)
{
    (void)state;
    assert_envelope(
        "Subject: caf\xc3\xa9\r\n au lait\r\nTo: \"\xc3\xa9\" <a@b>\r\nMessage-ID: <a\r\n\tb>\r\n",
        "(NIL {13}\r\ncaf\xc3\xa9 au lait NIL NIL NIL (({2}\r\n\xc3\xa9 NIL \"a\" \"b\")) NIL NIL NIL "
        "{5}\r\n<a\tb>)");
}

/* ---- structures ---------------------------------------------------------------------------- */

/* `lines` lines with `octets` in all. */
static void fill(struct writer *w, size_t octets, size_t lines)
{
    for (size_t i = 0; i < lines; i++) {
        size_t n = i + 1 < lines ? octets / lines : octets - (lines - 1) * (octets / lines);
        for (size_t k = 2; k < n; k++)
            write_u8(w, 'x');
        write_text(w, "\r\n");
    }
}

static void the_structures_of_the_rfc(void **state)
{
    (void)state;
    char text[8000];
    struct writer w = writer_over(text, sizeof text);
    write_text(&w, "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n");
    fill(&w, 3028, 92);
    write_u8(&w, 0);
    assert_structure(text, false, "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92)");
    w = writer_over(text, sizeof text);
    write_text(&w, "Content-Type: MULTIPART/MIXED; BOUNDARY=b\r\n\r\n--b\r\n"
                   "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n");
    fill(&w, 1152, 23);
    write_text(&w, "\r\n--b\r\nContent-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME=\"cc.diff\"\r\n"
                   "Content-ID: <960723163407.20117h@cac.washington.edu>\r\n"
                   "Content-Description: Compiler diff\r\nContent-Transfer-Encoding: BASE64\r\n\r\n");
    fill(&w, 4554, 73);
    write_text(&w, "\r\n--b--\r\n");
    write_u8(&w, 0);
    assert_structure(
        text, false,
        "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 1152 23)"
        "(\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\" \"NAME\" \"cc.diff\") "
        "\"<960723163407.20117h@cac.washington.edu>\" \"Compiler diff\" \"BASE64\" 4554 73) \"MIXED\")");
}

static void defaults_are_said(void **state)
{
    (void)state;
    static const char plain[] = "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" ";
    char expected[200];
    snprintf(expected, sizeof expected, "%s0 0)", plain);
    assert_structure("", false, expected);
    assert_structure("Subject: x\r\n\r\n", false, expected);
    snprintf(expected, sizeof expected, "%s8 1)", plain);
    assert_structure("\r\none\r\ntwo", false, expected);
    assert_structure("Content-Type: text/html\r\n\r\n<p>", false,
                     "(\"text\" \"html\" NIL NIL NIL \"7BIT\" 3 0)");
    assert_structure("Content-Type: image/gif\r\n\r\n<p>", false,
                     "(\"image\" \"gif\" NIL NIL NIL \"7BIT\" 3)");
    assert_structure("Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts", false,
                     "((\"text\" \"plain\" NIL NIL NIL \"7BIT\" 0 0) \"mixed\")");
}

static void extension_data(void **state)
{
    (void)state;
    assert_structure(
        "Content-Type: multipart/alternative; boundary=\"b c\"; x=y\r\nContent-Language: de\r\n\r\n"
        "--b c\r\n\r\n\r\n--b c\r\nContent-Type: image/png\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
        "Content-Disposition: attachment;\r\n filename=\"a b.png\"\r\nContent-Location: http://a/\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b c--",
        true,
        "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 0 0 NIL NIL NIL NIL)"
        "(\"image\" \"png\" NIL NIL NIL \"base64\" 4 \"Q2hlY2sgSW50ZWdyaXR5IQ==\" "
        "(\"attachment\" (\"filename\" \"a b.png\")) NIL \"http://a/\")"
        " \"alternative\" (\"boundary\" \"b c\" \"x\" \"y\") NIL \"de\" NIL)");
    assert_structure("Content-Type: text/plain\r\nContent-Disposition: inline\r\n\r\nx", true,
                     "(\"text\" \"plain\" NIL NIL NIL \"7BIT\" 1 0 NIL (\"inline\" NIL) NIL NIL)");
}

static void messages_inside(void **state)
{
    (void)state;
    assert_structure("Content-Type: message/rfc822\r\n\r\nSubject: in\r\nFrom: a@b\r\n\r\none\r\ntwo\r\n",
                     false,
                     "(\"message\" \"rfc822\" NIL NIL NIL \"7BIT\" 36 "
                     "(NIL \"in\" ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) ((NIL NIL \"a\" \"b\")) "
                     "NIL NIL NIL NIL NIL) "
                     "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7BIT\" 10 2) 5)");
}

/* The parts of RFC 3501 6.4.5, by their numbers. */
static void the_tree_of_the_rfc(void **state)
{
    (void)state;
    static const char text[] =
        "Content-Type: multipart/mixed; boundary=A\r\n\r\n"
        "--A\r\nContent-Type: text/plain\r\n\r\n1\r\n"
        "--A\r\nContent-Type: application/octet-stream\r\n\r\n2\r\n"
        "--A\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
        "--B\r\nContent-Type: text/plain\r\n\r\n3.1\r\n"
        "--B\r\nContent-Type: application/octet-stream\r\n\r\n3.2\r\n--B--\r\n"
        "--A\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n"
        "--C\r\nContent-Type: image/gif\r\n\r\n4.1\r\n"
        "--C\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: multipart/mixed; boundary=D\r\n\r\n"
        "--D\r\nContent-Type: text/plain\r\n\r\n4.2.1\r\n"
        "--D\r\nContent-Type: multipart/alternative; boundary=E\r\n\r\n"
        "--E\r\nContent-Type: text/plain\r\n\r\n4.2.2.1\r\n"
        "--E\r\nContent-Type: text/richtext\r\n\r\n4.2.2.2\r\n--E--\r\n--D--\r\n--C--\r\n--A--\r\n";
    static const char *const bodies[] = { "1", "2", "3.1", "3.2", "4.1", "4.2.1", "4.2.2.1", "4.2.2.2" };
    struct mime_part parts[PARTS];
    struct mime_tree t = { .parts = parts, .room = PARTS };
    mime_parse(&t, span_text(text));
    size_t leaf = 0;
    for (size_t i = 0; i < t.count; i++)
        if (parts[i].kind == MIME_LEAF)
            assert_span(parts[i].body, bodies[leaf++]);
    assert_int_equal(leaf, COUNT(bodies));
    assert_int_equal(t.count, 15);
}

/* The writer or the arena ends somewhere: nothing else happens, and what is whole has its parentheses. */
static void rooms_that_are_too_small(void **state)
{
    (void)state;
    static const char text[] =
        "From: A Name <a@b>\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: \"x\" <y@z>\r\n\r\nbody\r\n--b--";
    struct mime_part parts[PARTS];
    struct mime_tree t = { .parts = parts, .room = PARTS };
    char room[1000];
    mime_parse(&t, span_text(text));
    struct arena a;
    arena_open(&a, 4096, ARENA_BYTES);
    struct writer w = writer_over(room, sizeof room);
    imap_write_structure(&w, &t, true, &a);
    size_t whole = writer_length(&w);
    assert_true(writer_ok(&w));
    for (size_t n = 0; n < whole; n++) {
        char *exact = malloc(n ? n : 1);
        w = writer_over(exact, n);
        imap_write_structure(&w, &t, true, &a);
        assert_false(writer_ok(&w));
        free(exact);
    }
    arena_close(&a);
    for (size_t most = 0; most < 300; most += 8) {
        arena_open(&a, 8, most);
        w = writer_over(room, sizeof room);
        imap_write_envelope(&w, parts[0].header, &a);
        imap_write_structure(&w, &t, true, &a);
        int open = 0;
        for (size_t i = 0; i < writer_length(&w); i++)
            open += room[i] == '(' ? 1 : room[i] == ')' ? -1 : 0;
        assert_true(writer_ok(&w) && open == 0);
        arena_close(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_envelope_of_the_rfc),
        cmocka_unit_test(absent_is_nil_and_empty_is_empty),
        cmocka_unit_test(addresses_in_envelopes),
        cmocka_unit_test(what_cannot_be_quoted_is_a_literal),
        cmocka_unit_test(the_structures_of_the_rfc),
        cmocka_unit_test(defaults_are_said),
        cmocka_unit_test(extension_data),
        cmocka_unit_test(messages_inside),
        cmocka_unit_test(the_tree_of_the_rfc),
        cmocka_unit_test(rooms_that_are_too_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
