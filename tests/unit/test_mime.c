/* common/wire/mime.c, mime_address.c and mime_text.c against RFC 5322 with its appendix A, RFC 2045 .. 2047,
 * 2231 and 4648. */
#include "wire/mime.h"

#include "exact_input.h"

#define PARTS 64

/* ---- fields ------------------------------------------------------------------------------ */

static void fields_are_found(void **state)
{
    (void)state;
    static const char header[] = "From: a@b\r\n"
                                 "SUBJECT : one\r\n"
                                 "\ttwo\r\n"
                                 "   three  \r\n"
                                 "Empty:\r\n"
                                 "To:c@d\r\n"
                                 "subject: again\r\n"
                                 "\r\n"
                                 "Cc: e@f\r\n";
    struct input in = input(header);
    struct span h = span_of(in.copy, strlen(header));
    struct mime_field f;
    size_t whole = 0, count = 0;
    assert_span(mime_find_field(h, span_text("from")), "a@b");
    assert_span(mime_find_field(h, span_text("Subject")), "one\r\n\ttwo\r\n   three");
    assert_span(mime_find_field(h, span_text("To")), "c@d");
    struct span empty = mime_find_field(h, span_text("Empty"));
    assert_true(empty.at && empty.len == 0);
    assert_null(mime_find_field(h, span_text("Cc")).at); /* behind the end of the header */
    assert_null(mime_find_field(h, span_text("Fro")).at);
    for (; mime_next_field(&in.reader, &f); count++)
        whole += f.whole.len;
    assert_int_equal(count, 5);
    assert_int_equal(whole, strlen(header) - strlen("\r\nCc: e@f\r\n"));
    release(&in);
}

static void lines_that_are_no_fields_are_passed_over(void **state)
{
    (void)state;
    static const char header[] = " folded: from nowhere\r\n"
                                 "From somebody Mon Jan  1 00:00:00 1996\r\n"
                                 "no colon here\r\n"
                                 "\twith: more\r\n"
                                 ": no name\r\n"
                                 "X\x80Y: not ASCII\r\n"
                                 "To: x@y\r\n"
                                 "Last: no line end";
    struct input in = input(header);
    struct mime_field f;
    assert_true(mime_next_field(&in.reader, &f));
    assert_span(f.name, "To");
    assert_span(f.whole, "To: x@y\r\n");
    assert_true(mime_next_field(&in.reader, &f));
    assert_span(f.name, "Last");
    assert_span(f.value, "no line end");
    assert_false(mime_next_field(&in.reader, &f));
    release(&in);
}

static void folding_goes_away(void **state)
{
    (void)state;
    char room[100];
    struct writer w = writer_over(room, sizeof room);
    mime_write_unfolded(&w, span_text("This\r\n is a\r\n\t test")); /* RFC 5322 2.2.3 */
    assert_written(&w, "This is a\t test");
}

/* ---- dates -------------------------------------------------------------------------------- */

static void dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t unix_s, zone_s;
    } cases[] = {
        { "Fri, 21 Nov 1997 09:55:06 -0600", 880127706, -21600 }, /* RFC 5322 A.1.1 */
        { "Tue, 1 Jul 2003 10:52:37 +0200", 1057049557, 7200 },
        { "Thu, 13 Feb 1969 23:32:54 -0330", -27723426, -12600 }, /* A.3 */
        { "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 "
          "(Newfoundland Time)",
          -27723480, -12600 },                                                    /* A.5 */
        { "21 Nov 97 09:55:06 GMT", 880106106, 0 },                               /* A.6.2 */
        { "Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", 880127706, -21600 }, /* A.6.3 */
        { "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", 837595405, -25200 },           /* RFC 3501 8 */
        { "(first) Wed, 17 Jul 1996 02:23:25 -0700", 837595405, -25200 },
        { "Wed, 17 Jul 1996 02:23:25 PDT", 837595405, -25200 },
        { "Wed, 17 Jul 1996 02:23:25 EST", 837588205, -18000 },
        { "Wed, 17 Jul 1996 02:23:25 UT", 837570205, 0 },
        { "Wed, 17 Jul 1996 02:23:25 Z", 837570205, 0 },
        { "Wed, 17 Jul 1996 02:23:25 A", 837570205, 0 }, /* RFC 5322 4.3: as -0000 */
        { "17 jul 1996 02:23 +0000", 837570180, 0 },
        { "1 Jan 49 00:00:00 +0000", 2493072000, 0 },
        { "1 Jan 50 00:00:00 +0000", -631152000, 0 },
        { "1 Jan 103 00:00:00 +0000", 1041379200, 0 }, /* three digits count from 1900 */
        { "29 Feb 2024 23:59:59 +1400", 1709200799, 50400 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        int64_t zone_s, got = mime_parse_date(span_of(in.copy, strlen(cases[i].text)), &zone_s);
        if (got != cases[i].unix_s || zone_s != cases[i].zone_s)
            fail_msg("%s: %lld %lld", cases[i].text, (long long)got, (long long)zone_s);
        release(&in);
    }
    static const char *const bad[] = { "",
                                       "yesterday",
                                       "Fri, 21 Nov",
                                       "Fri, 21 Foo 1997 09:55:06 -0600",
                                       "Fri, 32 Nov 1997 09:55:06 -0600",
                                       "Fri, 21 Nov 1997 25:55:06 -0600",
                                       "Fri, 21 Nov 1997 09:99:06 -0600",
                                       "29 Feb 2023 00:00:00 +0000",
                                       "Fri, -1 Nov 1997 09:55:06 -0600",
                                       "(((" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct input in = input(bad[i]);
        int64_t zone_s;
        if (mime_parse_date(span_of(in.copy, strlen(bad[i])), &zone_s) != -1)
            fail_msg("%s", bad[i]);
        release(&in);
    }
}

/* ---- parameters --------------------------------------------------------------------------- */

static void values_and_parameters(void **state)
{
    (void)state;
    static const struct {
        const char *text, *read;
    } cases[] = {
        { "text/plain; charset=us-ascii (Plain text)", "text/plain charset=us-ascii" }, /* RFC 2045 5.1 */
        { "text/plain; charset=\"us-ascii\"", "text/plain charset=us-ascii" },
        { "Text/HTML;charset=utf-8;format=flowed", "Text/HTML charset=utf-8 format=flowed" },
        { "multipart/mixed; boundary=\"gc0p4Jq0M2Yt08j34c0p\"",
          "multipart/mixed boundary=gc0p4Jq0M2Yt08j34c0p" },
        { "multipart/mixed; boundary=\"a ; b = \\\"c\\\"\"; x=y",
          "multipart/mixed boundary=a ; b = \"c\" x=y" },
        { "attachment;\r\n filename=genome.jpeg;\r\n\tsize=1", "attachment/ filename=genome.jpeg size=1" },
        { "text (a) / (b) plain (c); (d) x (e) = (f) y (g)", "text/plain x=y" },
        { "text/plain;", "text/plain" },
        { "text/plain; ; x=y;;", "text/plain x=y" },
        { "text/plain; novalue; x=y", "text/plain x=y" },
        { "text/plain; x=\"never ends", "text/plain x=never ends" },
        { "text/plain; x=", "text/plain x=" },
        { "text/plain; x=\"\"", "text/plain x=" },
        { "text", "text/" },
        { "text/", "text/" },
        { "/plain", "/plain" },
        { "", "/" },
        { ";x=y", "/ x=y" },
        { "text/plain; name=a/b=c", "text/plain name=a/b=c" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        struct mime_value v = mime_parse_value(span_of(in.copy, strlen(cases[i].text)));
        char room[200], value[100];
        struct writer w = writer_over(room, sizeof room), x = writer_over(value, sizeof value);
        struct span name;
        write_span(&w, v.type);
        write_u8(&w, '/');
        write_span(&w, v.subtype);
        while (mime_next_parameter(&v.parameters, &name, &x)) {
            write_u8(&w, ' ');
            write_span(&w, name);
            write_u8(&w, '=');
            write_span(&w, writer_span(&x));
            x = writer_over(value, sizeof value);
        }
        if (!span_is(writer_span(&w), cases[i].read))
            fail_msg("%s: %.*s", cases[i].text, (int)writer_length(&w), room);
        release(&in);
    }
}

/* ---- addresses ------------------------------------------------------------------------------ */

static void write_part(struct writer *w, struct span s)
{
    write_u8(w, '|');
    write_text(w, s.at ? "" : "-");
    write_span(w, s);
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *read; /* name|route|local|domain, each address on a line */
    } cases[] = {
        { "john@example.com", "|-|-|john|example.com\n" },
        { "<john@example.com>", "|-|-|john|example.com\n" },
        { "John Doe <jdoe@machine.example>", "|John Doe|-|jdoe|machine.example\n" }, /* RFC 5322 A.1.1 */
        { "\"Joe Q. Public\" <john.q.public@example.com>", "|Joe Q. Public|-|john.q.public|example.com\n" },
        { "Joe Q. Public <john.q.public@example.com>", "|Joe Q. Public|-|john.q.public|example.com\n" },
        { "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
          "|Mary Smith|-|mary|x.test\n|-|-|jdoe|example.org\n|Who?|-|one|y.test\n" },
        { "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
          "|-|-|boss|nil.test\n|Giant; \"Big\" Box|-|sysservices|example.net\n" },
        { "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;", /* A.1.3 */
          "group A Group\n|Ed Jones|-|c|a.test\n|-|-|joe|where.test\n|John|-|jdoe|one.test\nend\n" },
        { "Undisclosed recipients:;", "group Undisclosed recipients\nend\n" },
        { "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", /* A.5 */
          "|Pete|-|pete|silly.test\n" },
        { "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
          "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); (the end of the group)",
          "group A Group\n|Chris "
          "Jones|-|c|public.example\n|-|-|joe|example.org\n|John|-|jdoe|one.test\nend\n" },
        { "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
          "group Hidden recipients\nend\n" },
        { "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example", /* A.6.1, A.6.3 */
          "|Mary Smith|@node.test|mary|example.net\n|-|-|jdoe|test.example\n" },
        { "<@a.test,@b.test:c@d.test>", "|-|@a.test,@b.test|c|d.test\n" },
        { "joe@x.test (Joe Doe)", "|Joe Doe|-|joe|x.test\n" }, /* as of old: the name in a comment */
        { "joe@x.test (Joe \\(the\\) Doe)", "|Joe (the) Doe|-|joe|x.test\n" },
        { "\"john doe\"@example.com", "|-|-|john doe|example.com\n" },
        { "\"a,b;c:d<e>@\\\"\"@example.com", "|-|-|a,b;c:d<e>@\"|example.com\n" },
        { "john . doe @ example.com", "|-|-|john.doe|example.com\n" },
        { "user@[192.0.2.1]", "|-|-|user|[192.0.2.1]\n" },
        { "User <user@[IPv6:2001:db8::1]>, x@y", "|User|-|user|[IPv6:2001:db8::1]\n|-|-|x|y\n" },
        { "=?utf-8?Q?Caf=C3=A9?= <c@d>", "|=?utf-8?Q?Caf=C3=A9?=|-|c|d\n" },
        { "", "" },
        { " , ,, ", "" },
        { "(only a comment)", "" },
        { "root", "|-|-|root|\n" },
        { "a: b@c, d@e", "group a\n|-|-|b|c\n|-|-|d|e\nend\n" }, /* never ended */
        { "a@b, John <jdoe@one", "|-|-|a|b\n|John|-|jdoe|one\n" },
        { "a@b (never ends", "|never ends|-|a|b\n" },
        { "x <y@z> junk, a@b", "|x|-|y|z\n|-|-|a|b\n" },
        { "a@b; c@d", "|-|-|a|b\n|-|-|c|d\n" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t len = strlen(cases[i].text);
        struct input in = input(cases[i].text), scratch = input_of(span_of(cases[i].text, len));
        struct mime_addresses left = mime_addresses_of(span_of(in.copy, len));
        struct mime_address x;
        struct writer room = writer_over(scratch.copy, len); /* so much is enough, says the header */
        char text[400];
        struct writer w = writer_over(text, sizeof text);
        while (mime_next_address(&left, &room, &x)) {
            if (x.kind == MIME_GROUP) {
                write_text(&w, "group ");
                write_span(&w, x.name);
            } else if (x.kind == MIME_GROUP_END) {
                write_text(&w, "end");
            } else {
                write_part(&w, x.name);
                write_part(&w, x.route);
                write_part(&w, x.local);
                write_u8(&w, '|');
                write_span(&w, x.domain);
            }
            write_u8(&w, '\n');
            assert_true(writer_ok(&room));
        }
        if (!span_is(writer_span(&w), cases[i].read))
            fail_msg("%s:\n%.*s", cases[i].text, (int)writer_length(&w), text);
        release(&in), release(&scratch);
    }
}

/* ---- encodings ------------------------------------------------------------------------------ */

static void encoded_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *read;
    } cases[] = {
        { "=?ISO-8859-1?Q?a?=", "a" }, /* RFC 2047 8 */
        { "=?ISO-8859-1?Q?a?= b", "a b" },
        { "=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab" },
        { "=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab" },
        { "=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab" },
        { "=?ISO-8859-1?Q?a_b?=", "a b" },
        { "=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b" },
        { "=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>" },
        { "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld J\xc3\xb8rn Simonsen" },
        { "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
          "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
          "If you can read this you understand the example." },
        { "=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore" }, /* RFC 2231 5 */
        { "=?utf-8?q?caf=c3=a9?=", "caf\xc3\xa9" },
        { "=?UTF-8?b?w6k=?=", "\xc3\xa9" },
        { "plain text", "plain text" },
        { "a = b ?= c", "a = b ?= c" },
        { "=?", "=?" },
        { "=?utf-8", "=?utf-8" },
        { "=?utf-8?q", "=?utf-8?q" },
        { "=?utf-8?q?abc", "=?utf-8?q?abc" },
        { "=?utf-8?q?abc?", "=?utf-8?q?abc?" },
        { "=?utf-8?x?abc?=", "=?utf-8?x?abc?=" },
        { "=?utf-8?q?a b?=", "=?utf-8?q?a b?=" },
        { "one\r\n two", "one two" },
        { "", "" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        char room[300];
        struct writer w = writer_over(room, 2 * strlen(cases[i].text));
        mime_write_decoded_words(&w, span_of(in.copy, strlen(cases[i].text)));
        if (!writer_ok(&w) || !span_is(writer_span(&w), cases[i].read))
            fail_msg("%s: %.*s", cases[i].text, (int)writer_length(&w), room);
        release(&in);
    }
}

static void bodies_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *text, *encoding, *read;
    } cases[] = {
        { "SGVsbG8=", "base64", "Hello" },
        { "SGVs\r\nbG8=\r\n", "BASE64", "Hello" },
        { "S G!V-s.bG8", "base64", "Hello" }, /* RFC 2045 6.8: other characters are passed over */
        { "", "base64", "" },
        { "=", "base64", "" },
        { "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.", "quoted-printable",
          "Now's the time for all folk to come to the aid of their country." }, /* RFC 2045 6.7 */
        { "caf=C3=A9=3D=0d", "Quoted-Printable", "caf\xc3\xa9=\r" },
        { "a=  \t\r\nb", "quoted-printable", "ab" },
        { "a  \t \r\nb ", "quoted-printable", "a\r\nb" }, /* 6.7 (3): white space at the end of a line */
        { "a_b", "quoted-printable", "a_b" },
        { "a=XYb=", "quoted-printable", "a=XYb=" },
        { "a=4", "quoted-printable", "a=4" },
        { "a=C3", "7bit", "a=C3" },
        { "a=C3", "", "a=C3" },
        { "a=C3", "x-unknown", "a=C3" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        char room[300];
        struct writer w = writer_over(room, strlen(cases[i].text));
        mime_write_decoded_body(&w, span_of(in.copy, strlen(cases[i].text)), span_text(cases[i].encoding));
        if (!writer_ok(&w) || !span_is(writer_span(&w), cases[i].read))
            fail_msg("%s: %.*s", cases[i].text, (int)writer_length(&w), room);
        release(&in);
    }
}

static void strict_base64(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes; /* NULL: refused */
    } cases[] = {
        { "", "" },
        { "Zg==", "f" },
        { "Zm8=", "fo" },
        { "Zm9v", "foo" },
        { "Zm9vYg==", "foob" },
        { "Zm9vYmE=", "fooba" },
        { "Zm9vYmFy", "foobar" }, /* RFC 4648 10 */
        { "Zg", NULL },
        { "Zg=", NULL },
        { "Z", NULL },
        { "=", NULL },
        { "====", NULL },
        { "Z===", NULL },
        { "Zh==", NULL },
        { "Zm9=", NULL },
        { "Zg==Zg==", NULL },
        { "Zm9v\r\n", NULL },
        { "Zm 9v", NULL },
        { "Zm9-", NULL },
        { "Zg==\n", NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        char room[32];
        struct writer w = writer_over(room, sizeof room);
        if (mime_write_base64_strict(&w, span_of(in.copy, strlen(cases[i].text))) != (cases[i].bytes != NULL))
            fail_msg("%s", cases[i].text);
        if (cases[i].bytes)
            assert_written(&w, cases[i].bytes);
        release(&in);
    }
    char small[2];
    struct writer w = writer_over(small, sizeof small);
    assert_false(mime_write_base64_strict(&w, span_text("Zm9v")));
}

/* ---- parts --------------------------------------------------------------------------------- */

static void name_part(struct writer *w, const struct mime_part *p)
{
    for (size_t i = 0; i < p->type.len; i++)
        write_u8(w, ascii_lower(p->type.at[i]));
    write_u8(w, '/');
    for (size_t i = 0; i < p->subtype.len; i++)
        write_u8(w, ascii_lower(p->subtype.at[i]));
    if (p->kind == MIME_LEAF) {
        write_text(w, "<");
        for (size_t i = 0; i < p->body.len; i++)
            if (p->body.at[i] != '\r')
                write_u8(w, p->body.at[i] == '\n' ? '$' : p->body.at[i]);
        write_text(w, ">");
    }
}

/* The tree in a line, with the text of its leaves; $ is a line's end. */
static void outline(struct writer *w, const struct mime_tree *t)
{
    uint32_t at = 0;
    bool entering = true;
    for (;;) {
        const struct mime_part *p = &t->parts[at];
        if (entering)
            name_part(w, p);
        if (entering && p->child != MIME_NONE) {
            write_text(w, "(");
            at = p->child;
            continue;
        }
        if (!entering)
            write_text(w, ")");
        if (p->parent == MIME_NONE)
            return;
        entering = p->next != MIME_NONE;
        write_text(w, entering ? " " : "");
        at = entering ? p->next : p->parent;
    }
}

#define M(boundary) "Content-Type: multipart/mixed; boundary=" boundary "\r\n\r\n"

static void trees(void **state)
{
    (void)state;
    static const struct {
        const char *text, *tree;
    } cases[] = {
        { "", "text/plain<>" },
        { "\r\n", "text/plain<>" },
        { "\r\nbody", "text/plain<body>" },
        { "Subject: x\r\n", "text/plain<>" },
        { "Subject: x\r\n\r\nline\r\n", "text/plain<line$>" },
        { "Content-Type: image/gif\r\n\r\nGIF", "image/gif<GIF>" },
        { "Content-Type: nonsense\r\n\r\nx", "text/plain<x>" }, /* RFC 2045 5.2 */
        /* RFC 2046 5.1.1 */
        { "From: Nathaniel Borenstein <nsb@bellcore.com>\r\nMIME-Version: 1.0\r\n"
          "Content-type: multipart/mixed; boundary=\"simple boundary\"\r\n\r\nThis is the preamble.\r\n"
          "--simple boundary\r\n\r\nimplicitly typed\r\n--simple boundary\r\n"
          "Content-type: text/plain; charset=us-ascii\r\n\r\nexplicitly typed\r\n\r\n"
          "--simple boundary--\r\n\r\nThis is the epilogue.\r\n",
          "multipart/mixed(text/plain<implicitly typed> text/plain<explicitly typed$>)" },
        { M("b") "--b\r\n\r\n--b\r\n\r\n\r\n--b--", "multipart/mixed(text/plain<> text/plain<>)" },
        { M("b") "--b  \t\r\n\r\nx\r\n--b-- \r\n", "multipart/mixed(text/plain<x>)" },
        { M("b") "--b\r\n\r\n--bb\r\n--b-\r\n-- b\r\n--B\r\n --b\r\nx--b\r\n--b--",
          "multipart/mixed(text/plain<--bb$--b-$-- b$--B$ --b$x--b>)" },
        { M("b") "--b\r\n\r\nno end", "multipart/mixed(text/plain<no end>)" },
        { M("b") "--b\r\nSubject: no body", "multipart/mixed(text/plain<>)" },
        { M("b") "--b", "multipart/mixed(text/plain<>)" },
        { M("b") "no parts", "multipart/mixed" },
        { M("b") "--b--\r\n", "multipart/mixed" },
        { M("b") "--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\nbehind the end\r\n", "multipart/mixed(text/plain<x>)" },
        { "Content-Type: multipart/mixed\r\n\r\n--b\r\n", "application/octet-stream<--b$>" },
        { "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n", "application/octet-stream<--$>" },
        /* nested, and the end of the outer one ends the inner one */
        { M("a") "--a\r\n" M("b") "--b\r\n\r\nx\r\n--b--\r\n--a\r\n\r\ny\r\n--a--",
          "multipart/mixed(multipart/mixed(text/plain<x>) text/plain<y>)" },
        { M("a") "--a\r\n" M("b") "--b\r\n\r\nx\r\n--a\r\n\r\ny\r\n--b\r\n--a--",
          "multipart/mixed(multipart/mixed(text/plain<x>) text/plain<y$--b>)" },
        { M("a") "--a\r\n" M("ab") "--ab\r\n\r\nx\r\n--ab--\r\n--a--",
          "multipart/mixed(multipart/mixed(text/plain<x>))" },
        /* messages */
        { "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nside", "message/rfc822(text/plain<side>)" },
        { "Content-Type: message/rfc822\r\n\r\n", "message/rfc822(text/plain<>)" },
        { "Content-Type: message/rfc822\r\n", "message/rfc822(text/plain<>)" },
        { "Content-Type: message/rfc822\r\n\r\n" M("b") "--b\r\n\r\nx\r\n--b--",
          "message/rfc822(multipart/mixed(text/plain<x>))" },
        { M("b") "--b\r\nContent-Type: message/rfc822\r\n\r\n--b--",
          "multipart/mixed(message/rfc822(text/plain<>))" },
        { M("b") "--b\r\nContent-Type: message/rfc822\r\n--b--",
          "multipart/mixed(message/rfc822(text/plain<>))" },
        /* RFC 2046 5.1.5 */
        { "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\ny\r\n"
          "--b\r\nContent-Type: text/plain\r\n\r\nz\r\n--b--",
          "multipart/digest(message/rfc822(text/plain<y>) text/plain<z>)" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        struct mime_part parts[PARTS];
        struct mime_tree t = { .parts = parts, .room = PARTS };
        char room[500];
        struct writer w = writer_over(room, sizeof room);
        mime_parse(&t, span_of(in.copy, strlen(cases[i].text)));
        outline(&w, &t);
        if (!span_is(writer_span(&w), cases[i].tree))
            fail_msg("%s:\n%.*s", cases[i].text, (int)writer_length(&w), room);
        release(&in);
    }
}

static void what_a_part_holds(void **state)
{
    (void)state;
    static const char text[] = M("b") "preamble\r\n--b\r\nX: y\r\n\r\nbody\r\n--b--\r\nepilogue";
    struct mime_part parts[PARTS];
    struct mime_tree t = { .parts = parts, .room = PARTS };
    mime_parse(&t, span_text(text));
    assert_int_equal(t.count, 2);
    assert_span(parts[0].header, M("b"));
    assert_span(parts[0].body, text + strlen(M("b")));
    assert_span(parts[0].content_type, "multipart/mixed; boundary=b");
    assert_span(parts[1].header, "X: y\r\n\r\n");
    assert_span(parts[1].body, "body");
    assert_int_equal(parts[1].content_type.len, 0);
    assert_int_equal(parts[1].depth, 1);
    assert_int_equal(parts[0].last_child, 1);
}

/* `n` times one inside the other; the caller frees it. */
static char *nested(size_t n, const char *open)
{
    char *text = malloc(n * 100 + 1);
    assert_non_null(text);
    text[0] = 0;
    for (size_t i = 0, at = 0; i < n; i++)
        at += (size_t)snprintf(text + at, 100, open, i, i);
    return text;
}

static void depth_has_a_bound(void **state)
{
    (void)state;
    static const char *const kinds[] = { "Content-Type: multipart/mixed; boundary=b%zu.\r\n\r\n--b%zu.\r\n",
                                         "Content-Type: message/rfc822\r\nX: %zu %zu\r\n\r\n" };
    for (size_t k = 0; k < COUNT(kinds); k++) {
        char *text = nested(500, kinds[k]);
        struct mime_part parts[PARTS];
        struct mime_tree t = { .parts = parts, .room = PARTS };
        mime_parse(&t, span_text(text));
        assert_int_equal(t.count, MIME_DEPTH_MAX);
        for (size_t i = 0; i < t.count; i++)
            assert_true(parts[i].depth == i &&
                        parts[i].body.at + parts[i].body.len <= (uint8_t *)text + strlen(text));
        assert_int_equal(parts[t.count - 1].child, MIME_NONE);
        assert_true(parts[t.count - 1].body.len > 10000); /* what is deeper is its text */
        free(text);
    }
}

static void parts_have_a_bound(void **state)
{
    (void)state;
    char *text = nested(3000, "--b\r\nX: %zu\r\n\r\n%zu\r\n");
    size_t len = strlen(text), before = strlen(M("b"));
    char *whole = malloc(len + before + 1);
    assert_non_null(whole);
    snprintf(whole, len + before + 1, M("b") "%s", text);
    struct mime_part *parts = calloc(2000, sizeof *parts);
    assert_non_null(parts);
    static const size_t rooms[] = { 1, 2, 3, 999, 2000 };
    for (size_t i = 0; i < COUNT(rooms); i++) {
        struct mime_tree t = { .parts = parts, .room = rooms[i] };
        mime_parse(&t, span_text(whole));
        assert_int_equal(t.count, rooms[i] < MIME_PARTS_MAX ? rooms[i] : MIME_PARTS_MAX);
        assert_int_equal(parts[0].body.len, len);
    }
    assert_span(parts[MIME_PARTS_MAX - 1].body, "998");
    free(parts);
    free(whole);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found),      cmocka_unit_test(lines_that_are_no_fields_are_passed_over),
        cmocka_unit_test(folding_goes_away),     cmocka_unit_test(dates),
        cmocka_unit_test(values_and_parameters), cmocka_unit_test(addresses),
        cmocka_unit_test(encoded_words),         cmocka_unit_test(bodies_are_decoded),
        cmocka_unit_test(strict_base64),         cmocka_unit_test(trees),
        cmocka_unit_test(what_a_part_holds),     cmocka_unit_test(depth_has_a_bound),
        cmocka_unit_test(parts_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
