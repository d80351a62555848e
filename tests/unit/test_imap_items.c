/* common/wire/imap_items.c: FETCH, STATUS and SEARCH against RFC 3501 and its examples. */
#include "wire/imap.h"

#include "exact_input.h"

/* ---- FETCH -------------------------------------------------------------------------------- */

static struct imap_fetch fetch(struct input *in, const char *text)
{
    *in = input(text);
    struct imap_fetch f = imap_read_fetch(&in->reader, &in->arena);
    if (!reader_done(&in->reader))
        fail_msg("%s", text);
    return f;
}

static void single_items(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum imap_fetch_kind kind;
        bool sees, needs_text;
    } cases[] = { { "FLAGS", IMAP_FETCH_FLAGS, false, false },
                  { "uid", IMAP_FETCH_UID, false, false },
                  { "INTERNALDATE", IMAP_FETCH_INTERNALDATE, false, false },
                  { "RFC822.SIZE", IMAP_FETCH_SIZE, false, false },
                  { "ENVELOPE", IMAP_FETCH_ENVELOPE, false, true },
                  { "BODY", IMAP_FETCH_BODY, false, true },
                  { "BODYSTRUCTURE", IMAP_FETCH_BODYSTRUCTURE, false, true },
                  { "RFC822", IMAP_FETCH_RFC822, true, true },
                  { "RFC822.HEADER", IMAP_FETCH_RFC822_HEADER, false, true },
                  { "RFC822.TEXT", IMAP_FETCH_RFC822_TEXT, true, true },
                  { "BODY[]", IMAP_FETCH_SECTION, true, true },
                  { "body.peek[]", IMAP_FETCH_SECTION, false, true },
                  { "BODY[HEADER]", IMAP_FETCH_SECTION, true, true },
                  { "BODY.PEEK[1.MIME]", IMAP_FETCH_SECTION, false, true } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in;
        struct imap_fetch f = fetch(&in, cases[i].text);
        assert_int_equal(f.count, 1);
        assert_int_equal(f.items[0].kind, cases[i].kind);
        assert_int_equal(f.sees, cases[i].sees);
        assert_int_equal(f.needs_text, cases[i].needs_text);
        assert_false(f.items[0].partial);
        release(&in);
    }
}

static void macros_stand_for_items(void **state)
{
    (void)state;
    static const enum imap_fetch_kind full[] = { IMAP_FETCH_FLAGS, IMAP_FETCH_INTERNALDATE, IMAP_FETCH_SIZE,
                                                 IMAP_FETCH_ENVELOPE, IMAP_FETCH_BODY };
    static const struct {
        const char *text;
        size_t count;
    } cases[] = { { "FAST", 3 }, { "ALL", 4 }, { "full", 5 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in;
        struct imap_fetch f = fetch(&in, cases[i].text);
        assert_int_equal(f.count, cases[i].count);
        for (size_t k = 0; k < f.count; k++)
            assert_int_equal(f.items[k].kind, full[k]);
        assert_false(f.sees);
        assert_int_equal(f.needs_text, cases[i].count > 3);
        release(&in);
    }
}

/* Read, and written as the name of its answer. */
static void sections(void **state)
{
    (void)state;
    static const struct {
        const char *text, *answer;
        size_t depth;
        enum imap_section_text kind;
    } cases[] = {
        { "BODY[]", "BODY[]", 0, IMAP_SECTION_ALL },
        { "BODY.PEEK[TEXT]", "BODY[TEXT]", 0, IMAP_SECTION_TEXT },
        { "BODY[header]", "BODY[HEADER]", 0, IMAP_SECTION_HEADER },
        { "BODY[1]", "BODY[1]", 1, IMAP_SECTION_ALL },
        { "BODY[4.2.2.1]", "BODY[4.2.2.1]", 4, IMAP_SECTION_ALL },
        { "BODY[4.1.MIME]", "BODY[4.1.MIME]", 2, IMAP_SECTION_MIME },
        { "BODY[3.HEADER]", "BODY[3.HEADER]", 1, IMAP_SECTION_HEADER },
        { "BODY[3.TEXT]", "BODY[3.TEXT]", 1, IMAP_SECTION_TEXT },
        { "BODY[HEADER.FIELDS (DATE FROM)]", "BODY[HEADER.FIELDS (DATE FROM)]", 0, IMAP_SECTION_FIELDS },
        { "BODY[4.2.HEADER.FIELDS.NOT (\"X Y\" {2}\r\nTo)]", "BODY[4.2.HEADER.FIELDS.NOT (\"X Y\" To)]", 2,
          IMAP_SECTION_FIELDS_NOT },
        { "BODY[4294967295]", "BODY[4294967295]", 1, IMAP_SECTION_ALL },
        { "BODY[]<0.2048>", "BODY[]<0>", 0, IMAP_SECTION_ALL },
        { "BODY.PEEK[1.TEXT]<4294967295.4294967295>", "BODY[1.TEXT]<4294967295>", 1, IMAP_SECTION_TEXT }
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in;
        struct imap_fetch f = fetch(&in, cases[i].text);
        assert_int_equal(f.count, 1);
        assert_int_equal(f.items[0].section.depth, cases[i].depth);
        assert_int_equal(f.items[0].section.text, cases[i].kind);
        char room[200];
        struct writer w = writer_over(room, sizeof room);
        imap_write_section(&w, &f.items[0]);
        assert_written(&w, cases[i].answer);
        release(&in);
    }
    struct input in;
    struct imap_fetch f = fetch(&in, "BODY[]<20.7>");
    assert_true(f.items[0].partial);
    assert_int_equal(f.items[0].offset, 20);
    assert_int_equal(f.items[0].count, 7);
    release(&in);
}

static void lists_of_items(void **state)
{
    (void)state;
    struct input in;
    struct imap_fetch f = fetch(&in, "(FLAGS BODY[HEADER.FIELDS (DATE FROM)])"); /* RFC 3501 6.4.5 */
    assert_int_equal(f.count, 2);
    assert_int_equal(f.items[0].kind, IMAP_FETCH_FLAGS);
    assert_int_equal(f.items[1].section.field_count, 2);
    assert_span(f.items[1].section.fields[0], "DATE");
    assert_span(f.items[1].section.fields[1], "FROM");
    assert_true(f.sees && f.needs_text);
    release(&in);
    f = fetch(&in, "(UID RFC822.SIZE FLAGS BODY.PEEK[]<0.1> BODY ENVELOPE)");
    assert_int_equal(f.count, 6);
    assert_false(f.sees);
    release(&in);
}

static void malformed_fetches_fail(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "()",
                                       "(",
                                       ")",
                                       "FOO",
                                       "(FLAGS",
                                       "(FLAGS )",
                                       "( FLAGS)",
                                       "(FLAGS  UID)",
                                       "FLAGS UID",
                                       "(ALL)",
                                       "(FLAGS FAST)",
                                       "((FLAGS))",
                                       "BODY.PEEK",
                                       "(BODY.PEEK)",
                                       "BODY[",
                                       "BODY[1",
                                       "BODY[0]",
                                       "BODY[1.]",
                                       "BODY[.1]",
                                       "BODY[1..2]",
                                       "BODY[01x]",
                                       "BODY[4294967296]",
                                       "BODY[MIME]",
                                       "BODY[ALL]",
                                       "BODY[FOO]",
                                       "BODY[1 ]",
                                       "BODY[ ]",
                                       "BODY[HEADER.1]",
                                       "BODY[1HEADER]",
                                       "BODY[HEADER.FIELDS]",
                                       "BODY[HEADER.FIELDS ()]",
                                       "BODY[HEADER.FIELDS (A]",
                                       "BODY[HEADER.FIELDS(A)]",
                                       "BODY[HEADER.FIELDS (A )]",
                                       "BODY[HEADER.FIELDS (A)",
                                       "BODY[HEADER (A)]",
                                       "BODY[]<0>",
                                       "BODY[]<0.0>",
                                       "BODY[]<.5>",
                                       "BODY[]<0.5",
                                       "BODY[]<-1.5>",
                                       "BODY[]<0.4294967296>",
                                       "BODYSTRUCTURE[]",
                                       "RFC822[]",
                                       "RFC822.PEEK",
                                       "BODY []",
                                       "FLAGS\r\n" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct input in = input(bad[i]);
        imap_read_fetch(&in.reader, &in.arena);
        if (reader_done(&in.reader))
            fail_msg("%s", bad[i]);
        release(&in);
    }
}

/* `n` times `text`, with `between`, inside brackets. */
static char *many(size_t n, const char *open, const char *text, const char *between, const char *close)
{
    size_t room = strlen(open) + n * (strlen(text) + strlen(between)) + strlen(close) + 1;
    char *out = malloc(room);
    assert_non_null(out);
    struct writer w = writer_over(out, room);
    write_text(&w, open);
    for (size_t i = 0; i < n; i++) {
        write_text(&w, i ? between : "");
        write_text(&w, text);
    }
    write_text(&w, close);
    write_u8(&w, 0);
    assert_true(writer_ok(&w));
    return out;
}

static bool fetch_reads(char *text)
{
    struct input in = input(text);
    imap_read_fetch(&in.reader, &in.arena);
    bool good = reader_done(&in.reader);
    release(&in);
    free(text);
    return good;
}

static void fetch_has_bounds(void **state)
{
    (void)state;
    assert_true(fetch_reads(many(IMAP_FETCH_MAX, "(", "UID", " ", ")")));
    assert_false(fetch_reads(many(IMAP_FETCH_MAX + 1, "(", "UID", " ", ")")));
    assert_true(fetch_reads(many(IMAP_PART_DEPTH_MAX, "BODY[", "1", ".", "]")));
    assert_false(fetch_reads(many(IMAP_PART_DEPTH_MAX + 1, "BODY[", "1", ".", "]")));
    assert_true(fetch_reads(many(IMAP_FIELDS_MAX, "BODY[HEADER.FIELDS (", "To", " ", ")]")));
    assert_false(fetch_reads(many(IMAP_FIELDS_MAX + 1, "BODY[HEADER.FIELDS (", "To", " ", ")]")));
}

/* ---- STATUS -------------------------------------------------------------------------------- */

static void status_items(void **state)
{
    (void)state;
    struct input in = input("(UIDNEXT MESSAGES)"); /* RFC 3501 6.3.10 */
    assert_int_equal(imap_read_status_items(&in.reader), IMAP_STATUS_UIDNEXT | IMAP_STATUS_MESSAGES);
    assert_true(reader_done(&in.reader));
    release(&in);
    in = input("(messages recent uidnext uidvalidity unseen)");
    assert_int_equal(imap_read_status_items(&in.reader), 31);
    assert_true(reader_done(&in.reader));
    release(&in);
    static const char *const bad[] = { "",      "()",        "MESSAGES",       "(MESSAGES", "(MESSAGES )",
                                       "(FOO)", "( UNSEEN)", "(UNSEEN,RECENT)" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        in = input(bad[i]);
        imap_read_status_items(&in.reader);
        assert_false(reader_done(&in.reader));
        release(&in);
    }
}

/* ---- SEARCH ------------------------------------------------------------------------------- */

static const char *const kind_names[] = {
    [IMAP_KEY_ALL] = "all",         [IMAP_KEY_FLAG] = "flag",
    [IMAP_KEY_UNFLAG] = "unflag",   [IMAP_KEY_NEW] = "new",
    [IMAP_KEY_SEQUENCE] = "seq",    [IMAP_KEY_UID] = "uid",
    [IMAP_KEY_BEFORE] = "before",   [IMAP_KEY_ON] = "on",
    [IMAP_KEY_SINCE] = "since",     [IMAP_KEY_LARGER] = "larger",
    [IMAP_KEY_SMALLER] = "smaller", [IMAP_KEY_SENTBEFORE] = "sentbefore",
    [IMAP_KEY_SENTON] = "senton",   [IMAP_KEY_SENTSINCE] = "sentsince",
    [IMAP_KEY_HEADER] = "header",   [IMAP_KEY_BODY] = "body",
    [IMAP_KEY_TEXT] = "text",       [IMAP_KEY_NOT] = "not",
    [IMAP_KEY_OR] = "or",           [IMAP_KEY_AND] = "and"
};

static void describe(struct writer *w, const struct imap_key *k)
{
    char text[300];
    struct imap_run run = { 0 };
    write_text(w, writer_length(w) ? " " : "");
    write_text(w, kind_names[k->kind]);
    if (k->kind == IMAP_KEY_FLAG || k->kind == IMAP_KEY_UNFLAG) {
        snprintf(text, sizeof text, "=%x", k->flags);
        write_text(w, text);
    } else if (k->kind == IMAP_KEY_SEQUENCE || k->kind == IMAP_KEY_UID) {
        write_u8(w, '=');
        for (uint32_t n = 1; n <= 9; n++)
            if (imap_set_has(&k->set, n, 9))
                imap_write_run(w, &run, n);
        imap_write_run_end(w, &run);
    } else if (k->kind >= IMAP_KEY_HEADER && k->kind <= IMAP_KEY_TEXT) {
        snprintf(text, sizeof text, "=%.*s/%.*s", (int)k->field.len, (const char *)k->field.at,
                 (int)k->string.len, (const char *)k->string.at);
        write_text(w, text);
    } else if (k->kind >= IMAP_KEY_BEFORE && k->kind != IMAP_KEY_NOT && k->kind != IMAP_KEY_OR) {
        snprintf(text, sizeof text, "=%lld", (long long)k->number);
        write_text(w, text);
    }
}

/* The keys behind each other; what works on others behind them. The whole is an AND of what the command has.
 */
static void searches(void **state)
{
    (void)state;
    static const struct {
        const char *text, *keys;
    } cases[] = {
        { "ALL", "all and=1" },
        { "FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\"", "flag=2 since=8797 header=From/Smith not and=3" },
        { "TEXT \"string not in mailbox\"", "text=/string not in mailbox and=1" },
        { "CHARSET UTF-8 TEXT {6}\r\nXXXXXX", "text=/XXXXXX and=1" },
        { "charset us-ascii ALL", "all and=1" },
        { "CHARSET \"utf-8\" ALL", "all and=1" },
        { "1:3,5 UID 7:*", "seq=1:3,5 uid=7:9 and=2" },
        { "*", "seq=9 and=1" },
        { "2,4:7,9", "seq=2,4:7,9 and=1" },
        { "ANSWERED", "flag=1 and=1" },
        { "DELETED", "flag=4 and=1" },
        { "SEEN", "flag=8 and=1" },
        { "DRAFT", "flag=10 and=1" },
        { "RECENT", "flag=40 and=1" },
        { "NEW", "new and=1" },
        { "OLD", "unflag=40 and=1" },
        { "UNANSWERED UNFLAGGED UNDELETED UNSEEN UNDRAFT",
          "unflag=1 unflag=2 unflag=4 unflag=8 unflag=10 and=5" },
        { "KEYWORD $Forwarded UNKEYWORD $forwarded", "flag=20 unflag=20 and=2" },
        { "KEYWORD Junk UNKEYWORD Junk", "flag=0 unflag=0 and=2" },
        { "BEFORE 1-Feb-1994 ON 1-Feb-1994 SINCE \"1-Feb-1994\"", "before=8797 on=8797 since=8797 and=3" },
        { "SENTBEFORE 1-Feb-1994 SENTON 1-Feb-1994 SENTSINCE 1-Feb-1994",
          "sentbefore=8797 senton=8797 sentsince=8797 and=3" },
        { "LARGER 0 SMALLER 4294967295", "larger=0 smaller=4294967295 and=2" },
        { "BCC a CC b FROM c SUBJECT d TO e",
          "header=Bcc/a header=Cc/b header=From/c header=Subject/d header=To/e and=5" },
        { "HEADER Message-ID <x@y>", "header=Message-ID/<x@y> and=1" },
        { "HEADER X-Spam \"\"", "header=X-Spam/ and=1" },
        { "BODY {3}\r\na b TEXT x", "body=/a b text=/x and=2" },
        { "NOT SEEN", "flag=8 not and=1" },
        { "NOT NOT SEEN", "flag=8 not not and=1" },
        { "OR SEEN DELETED", "flag=8 flag=4 or and=1" },
        { "OR OR 1 2 3 4", "seq=1 seq=2 or seq=3 or seq=4 and=2" },
        { "OR 1 OR 2 3", "seq=1 seq=2 seq=3 or or and=1" },
        { "OR NOT 1 NOT 2", "seq=1 not seq=2 not or and=1" },
        { "NOT OR 1 2 3", "seq=1 seq=2 or not seq=3 and=2" },
        { "(1)", "seq=1 and=1 and=1" },
        { "(1 2) 3", "seq=1 seq=2 and=2 seq=3 and=2" },
        { "((1 2) (3 4))", "seq=1 seq=2 and=2 seq=3 seq=4 and=2 and=2 and=1" },
        { "OR (1 2) (3 NOT 4)", "seq=1 seq=2 and=2 seq=3 seq=4 not and=2 or and=1" },
        { "NOT (1 (NOT (2)))", "seq=1 seq=2 and=1 not and=1 and=2 not and=1" }
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        struct imap_search s = imap_read_search(&in.reader, &in.arena);
        char room[500];
        struct writer w = writer_over(room, sizeof room);
        if (!reader_done(&in.reader) || s.bad_charset)
            fail_msg("%s", cases[i].text);
        for (size_t k = 0; k < s.count; k++)
            describe(&w, &s.keys[k]);
        assert_written(&w, cases[i].keys);
        release(&in);
    }
}

static void other_charsets_are_told(void **state)
{
    (void)state;
    static const char *const cases[] = { "CHARSET KOI8-R TEXT {2}\r\n\xc1\xc2", "CHARSET X ALL",
                                         "CHARSET \"ISO-8859-1\" ALL" };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i]);
        assert_true(imap_read_search(&in.reader, &in.arena).bad_charset);
        release(&in);
    }
}

static void malformed_searches_fail(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       " ",
                                       "FOO",
                                       "ALL ",
                                       " ALL",
                                       "ALL  SEEN",
                                       "ALL,SEEN",
                                       "()",
                                       "(",
                                       ")",
                                       "(1",
                                       "1)",
                                       "(1))",
                                       "((1)",
                                       "( 1)",
                                       "(1 )",
                                       "(1)(2)",
                                       "1(2)",
                                       "NOT",
                                       "NOT ",
                                       "(NOT)",
                                       "OR",
                                       "OR 1",
                                       "OR 1 ",
                                       "(OR 1) 2",
                                       "NOT(1",
                                       "OR(1)(2)",
                                       "FROM",
                                       "FROM ",
                                       "FROM \"x",
                                       "HEADER",
                                       "HEADER x",
                                       "HEADER x ",
                                       "HEADER \"x\"",
                                       "SINCE",
                                       "SINCE x",
                                       "SINCE 1-Foo-2000",
                                       "SINCE 2000",
                                       "LARGER",
                                       "LARGER x",
                                       "LARGER -1",
                                       "LARGER 4294967296",
                                       "UID",
                                       "UID x",
                                       "UID 0",
                                       "0",
                                       "1,",
                                       "1:",
                                       "KEYWORD",
                                       "KEYWORD \\Seen",
                                       "UNKEYWORD",
                                       "CHARSET",
                                       "CHARSET UTF-8",
                                       "CHARSET UTF-8 ",
                                       "ALL CHARSET UTF-8",
                                       "SEEN x",
                                       "TEXT a b",
                                       "ALL\r\n" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct input in = input(bad[i]);
        imap_read_search(&in.reader, &in.arena);
        if (reader_done(&in.reader))
            fail_msg("%s", bad[i]);
        release(&in);
    }
}

static bool search_reads(char *text)
{
    struct input in = input(text);
    imap_read_search(&in.reader, &in.arena);
    bool good = reader_done(&in.reader);
    release(&in);
    free(text);
    return good;
}

static void search_has_bounds(void **state)
{
    (void)state;
    assert_true(search_reads(many(IMAP_KEYS_MAX - 1, "", "1", " ", "")));
    assert_false(search_reads(many(IMAP_KEYS_MAX, "", "1", " ", "")));
    assert_true(search_reads(many(IMAP_KEY_DEPTH_MAX - 1, "", "NOT", " ", " 1")));
    assert_false(search_reads(many(IMAP_KEY_DEPTH_MAX, "", "NOT", " ", " 1")));
    assert_true(search_reads(many(500, "", "OR 1", " ", " 2"))); /* clients do that */
    char *deep = many(400, "", "(", "", "1"), *closes = many(400, deep, ")", "", "");
    free(deep);
    assert_true(search_reads(closes));
    assert_false(search_reads(many(100000, "", "(", "", "")));
}

/* ---- all of them ----------------------------------------------------------------------- */

/* The arena gives nothing: each reader fails, none writes. */
static void without_memory_readers_fail(void **state)
{
    (void)state;
    struct arena none;
    arena_open(&none, 64, 0);
    struct reader s = reader_over(span_text("\"abc\"")), set = reader_over(span_text("1:3,5"));
    struct reader f = reader_over(span_text("(FLAGS UID)")), k = reader_over(span_text("OR 1 (2 3)"));
    imap_read_string(&s, &none);
    imap_read_set(&set, &none);
    imap_read_fetch(&f, &none);
    imap_read_search(&k, &none);
    assert_false(reader_ok(&s) || reader_ok(&set) || reader_ok(&f) || reader_ok(&k));
    arena_close(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_readers_fail),
        cmocka_unit_test(single_items),
        cmocka_unit_test(macros_stand_for_items),
        cmocka_unit_test(sections),
        cmocka_unit_test(lists_of_items),
        cmocka_unit_test(malformed_fetches_fail),
        cmocka_unit_test(fetch_has_bounds),
        cmocka_unit_test(status_items),
        cmocka_unit_test(searches),
        cmocka_unit_test(other_charsets_are_told),
        cmocka_unit_test(malformed_searches_fail),
        cmocka_unit_test(search_has_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
