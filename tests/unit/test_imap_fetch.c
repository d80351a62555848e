/* imapd/fetch.c and search.c: sections and items of RFC 3501 6.4.5, keys of 6.4.4, on messages in memory. */
#include "imapd/search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define HEADER                                                                                               \
    "From: Ann <ann@example.org>\r\nTo: b@example.org\r\nSubject: =?utf-8?q?caf=C3=A9?= one\r\n"             \
    "Date: Tue, 01 Feb 1994 23:00:00 -0500\r\n"
#define INNER                                                                                                \
    "Subject: inner\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n"                             \
    "--b2\r\n\r\ninner text\r\n--b2\r\nContent-Type: text/html\r\n\r\n<b>inner</b>\r\n--b2--"
/* 1 text; 2 multipart of 2.1, 2.2; 3 a message with 3.1, 3.2 */
static const char nested[] =
    HEADER "Content-Type: multipart/mixed; boundary=b1\r\n\r\npreamble\r\n"
           "--b1\r\nContent-Type: text/plain\r\n\r\nfirst\r\n"
           "--b1\r\nContent-Type: multipart/mixed; boundary=b3\r\n\r\n"
           "--b3\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nc2Vjb25k\r\n"
           "--b3\r\nContent-Type: image/png\r\n\r\nhidden\r\n--b3--\r\n"
           "--b1\r\nContent-Type: message/rfc822\r\n\r\n" INNER "\r\n--b1--\r\nepilogue\r\n";
static const char plain[] = HEADER "\r\nthe text\r\n";

struct fixture {
    struct arena arena;
    struct mime_part parts[64];
    struct mime_tree tree;
    struct imap_message message;
};

static void open_message(struct fixture *f, const char *text)
{
    arena_open(&f->arena, 65536, 1 << 24);
    f->tree = (struct mime_tree){ .parts = f->parts, .room = COUNT(f->parts) };
    mime_parse(&f->tree, span_text(text));
    f->message = (struct imap_message){ .number = 3,
                                        .uid = 17,
                                        .flags = IMAP_SEEN | IMAP_RECENT,
                                        .date_s = 837596665,
                                        .bytes = strlen(text),
                                        .text = span_text(text),
                                        .tree = &f->tree };
}

static struct imap_fetch items_of(struct fixture *f, const char *words)
{
    struct reader r = reader_over(span_text(words));
    struct imap_fetch items = imap_read_fetch(&r, &f->arena);
    if (!reader_done(&r))
        fail_msg("%s is not read", words);
    return items;
}

static void assert_fetched(const char *text, const char *words, const char *expected)
{
    struct fixture f;
    static char room[65536];
    struct writer w = writer_over(room, sizeof room);
    open_message(&f, text);
    struct imap_fetch items = items_of(&f, words);
    imap_write_fetch(&w, &items, &f.message, false, false, &f.arena);
    if (!span_is(writer_span(&w), expected))
        fail_msg("%s:\n%.*s\nexpected:\n%s", words, (int)writer_length(&w), room, expected);
    arena_close(&f.arena);
}

static void assert_section(const char *text, const char *section, const char *expected)
{
    struct fixture f;
    char words[128];
    snprintf(words, sizeof words, "BODY[%s]", section);
    open_message(&f, text);
    struct imap_fetch items = items_of(&f, words);
    struct span bytes = imap_section_bytes(&items.items[0].section, &f.tree, &f.arena);
    if (expected ? !bytes.at || !span_is(bytes, expected) : bytes.at != NULL)
        fail_msg("%s:\n%.*s\nexpected:\n%s", words, (int)bytes.len, (const char *)bytes.at,
                 expected ? expected : "NIL");
    arena_close(&f.arena);
}

static void test_what_the_mailbox_knows(void **state)
{
    (void)state;
    assert_fetched(plain, "(FLAGS UID)", "* 3 FETCH (FLAGS (\\Seen \\Recent) UID 17)\r\n");
    assert_fetched(plain, "INTERNALDATE", "* 3 FETCH (INTERNALDATE \"17-Jul-1996 09:44:25 +0000\")\r\n");
    assert_fetched("a: b\r\n\r\n", "RFC822.SIZE", "* 3 FETCH (RFC822.SIZE 8)\r\n");
}

/* A message that is no multipart has one part: its body (RFC 3501 6.4.5). */
static void test_sections_of_a_plain_message(void **state)
{
    (void)state;
    assert_section(plain, "", plain);
    assert_section(plain, "HEADER", HEADER "\r\n");
    assert_section(plain, "TEXT", "the text\r\n");
    assert_section(plain, "1", "the text\r\n");
    assert_section(plain, "2", NULL);
    assert_section(plain, "1.1", NULL);
    assert_section(plain, "1.HEADER", NULL);
    assert_section(plain, "HEADER.FIELDS (to DATE nothing)",
                   "To: b@example.org\r\nDate: Tue, 01 Feb 1994 23:00:00 -0500\r\n\r\n");
    assert_section(plain, "HEADER.FIELDS.NOT (from subject to)",
                   "Date: Tue, 01 Feb 1994 23:00:00 -0500\r\n\r\n");
    assert_section(plain, "HEADER.FIELDS (nothing)", "\r\n");
}

static void test_sections_of_nested_parts(void **state)
{
    (void)state;
    assert_section(nested, "1", "first");
    assert_section(nested, "1.MIME", "Content-Type: text/plain\r\n\r\n");
    assert_section(nested, "2.1", "c2Vjb25k");
    assert_section(nested, "2.2.MIME", "Content-Type: image/png\r\n\r\n");
    assert_section(nested, "2.3", NULL);
    assert_section(nested, "3", INNER);
    assert_section(nested, "3.HEADER",
                   "Subject: inner\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n");
    assert_section(nested, "3.HEADER.FIELDS (subject)", "Subject: inner\r\n\r\n");
    assert_section(nested, "3.TEXT",
                   "--b2\r\n\r\ninner text\r\n--b2\r\nContent-Type: text/html\r\n\r\n"
                   "<b>inner</b>\r\n--b2--");
    assert_section(nested, "3.1", "inner text");
    assert_section(nested, "3.2", "<b>inner</b>");
    assert_section(nested, "3.3", NULL);
    assert_section(nested, "4", NULL);
    assert_section(nested, "2.TEXT", NULL); /* TEXT is of a message */
}

/* The offset is told, the bytes end with the part (RFC 3501 6.4.5). */
static void test_parts_of_sections(void **state)
{
    (void)state;
    assert_fetched(plain, "BODY[TEXT]<4.4>", "* 3 FETCH (BODY[TEXT]<4> {4}\r\ntext)\r\n");
    assert_fetched(plain, "BODY.PEEK[TEXT]<8.400>", "* 3 FETCH (BODY[TEXT]<8> {2}\r\n\r\n)\r\n");
    assert_fetched(plain, "BODY[TEXT]<400.4>", "* 3 FETCH (BODY[TEXT]<400> {0}\r\n)\r\n");
    assert_fetched(plain, "BODY[7]<0.1>", "* 3 FETCH (BODY[7]<0> NIL)\r\n");
    assert_fetched(plain, "RFC822.TEXT", "* 3 FETCH (RFC822.TEXT {10}\r\nthe text\r\n)\r\n");
}

static void test_room_that_is_too_small(void **state)
{
    struct fixture f;
    char room[4096];
    (void)state;
    open_message(&f, plain);
    struct imap_fetch items = items_of(&f, "(ENVELOPE BODYSTRUCTURE BODY[])");
    struct writer w = writer_over(room, sizeof room);
    imap_write_fetch(&w, &items, &f.message, true, true, &f.arena);
    size_t whole = writer_length(&w);
    assert_true(writer_ok(&w));
    for (size_t size = 0; size < whole; size++) {
        w = writer_over(room, size);
        imap_write_fetch(&w, &items, &f.message, true, true, &f.arena);
        assert_false(writer_ok(&w));
    }
    arena_close(&f.arena);
}

static void test_search(void **state)
{
    static const struct {
        const char *keys;
        bool matches;
    } cases[] = {
        { "ALL", true },
        { "SEEN", true },
        { "UNSEEN", false },
        { "NEW", false },
        { "RECENT", true },
        { "OLD", false },
        { "KEYWORD unknown", false },
        { "UNKEYWORD unknown", true },
        { "3", true },
        { "1:2", false },
        { "*", false },
        { "4:*", false },
        { "3:*", true },
        { "UID 17", true },
        { "UID 18:*", false },
        { "UID 1:*", true },
        { "NOT SEEN", false },
        { "OR UNSEEN UID 17", true },
        { "OR UNSEEN NOT UID 17", false },
        { "(SEEN (RECENT (3)))", true },
        { "SEEN UNSEEN", false },
        { "BEFORE 17-Jul-1996", false },
        { "ON 17-Jul-1996", true },
        { "SINCE 17-Jul-1996", true },
        { "SINCE 18-Jul-1996", false },
        { "SENTON 1-Feb-1994", true }, /* as the writer's clock had it */
        { "SENTBEFORE 2-Feb-1994", true },
        { "SENTSINCE 2-Feb-1994", false },
        { "SUBJECT caf\xc3\xa9", true },
        { "SUBJECT \"=?utf-8?q?caf\"", true },
        { "SUBJECT inner", false }, /* of the message inside */
        { "FROM EXAMPLE.org", true },
        { "CC a", false },
        { "HEADER subject \"\"", true },
        { "HEADER x-none \"\"", false },
        { "BODY first", true },
        { "BODY second", true },  /* in base64 */
        { "BODY hidden", false }, /* an image */
        { "BODY \"inner text\"", true },
        { "BODY caf", false },
        { "TEXT Ann", true },
        { "TEXT nothing", false },
        { "LARGER 100 SMALLER 100000", true },
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fixture f;
        char room[128];
        snprintf(room, sizeof room, "%s", cases[i].keys);
        if (strstr(room, "\xc3")) /* 8-bit text comes as a literal */
            snprintf(room, sizeof room, "CHARSET UTF-8 SUBJECT {5}\r\ncaf\xc3\xa9");
        open_message(&f, nested);
        struct reader r = reader_over(span_text(room));
        struct imap_search keys = imap_read_search(&r, &f.arena);
        if (!reader_done(&r))
            fail_msg("%s is not read", cases[i].keys);
        if (imap_search_matches(&keys, &f.message, 5, 20, &f.arena) != cases[i].matches)
            fail_msg("%s: expected %s", cases[i].keys, cases[i].matches ? "a match" : "none");
        arena_close(&f.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_the_mailbox_knows),   cmocka_unit_test(test_sections_of_a_plain_message),
        cmocka_unit_test(test_sections_of_nested_parts), cmocka_unit_test(test_parts_of_sections),
        cmocka_unit_test(test_room_that_is_too_small),   cmocka_unit_test(test_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
