/* common/wire/imap.c and imap_name.c against RFC 3501, 7888 and the examples in them. */
#include "wire/imap.h"

#include "exact_input.h"

/* ---- lines and literals ----------------------------------------------------------------- */

static void lines_end_with_crlf_alone(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        enum imap_token token;
        size_t taken;
    } cases[] = { { { (const uint8_t *)"", 0 }, IMAP_MORE, 0 },
                  { { (const uint8_t *)"a1 NOOP", 7 }, IMAP_MORE, 0 },
                  { { (const uint8_t *)"a1 NOOP\r", 8 }, IMAP_MORE, 0 },
                  { { (const uint8_t *)"a1 NOOP\r\na2", 11 }, IMAP_LINE, 9 },
                  { { (const uint8_t *)"\r\n", 2 }, IMAP_LINE, 2 },
                  { { (const uint8_t *)"a1\nNOOP\r\n", 9 }, IMAP_BARE, 3 },
                  { { (const uint8_t *)"a1\rNOOP\r\n", 9 }, IMAP_BARE, 3 },
                  { { (const uint8_t *)"a1\0NOOP\r\n", 9 }, IMAP_BARE, 3 },
                  { { (const uint8_t *)"\r\r\n", 3 }, IMAP_BARE, 1 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input_of(cases[i].in);
        struct imap_line line;
        size_t taken;
        assert_int_equal(imap_split(span_of(in.copy, cases[i].in.len), &line, &taken), cases[i].token);
        assert_int_equal(taken, cases[i].taken);
        if (cases[i].token == IMAP_LINE) {
            assert_int_equal(line.text.len, taken);
            assert_false(line.literal);
        }
        release(&in);
    }
}

static void a_line_has_a_longest(void **state)
{
    (void)state;
    char line[IMAP_LINE_MAX + 16];
    struct imap_line out;
    size_t taken;
    memset(line, 'x', sizeof line);
    assert_int_equal(imap_split(span_of(line, IMAP_LINE_MAX - 1), &out, &taken), IMAP_MORE);
    assert_int_equal(imap_split(span_of(line, sizeof line), &out, &taken), IMAP_LONG);
    assert_int_equal(taken, IMAP_LINE_MAX);
    memcpy(line + IMAP_LINE_MAX - 2, "\r\n", 2);
    assert_int_equal(imap_split(span_of(line, sizeof line), &out, &taken), IMAP_LINE);
    assert_int_equal(taken, IMAP_LINE_MAX);
    /* the end of a line that is too long is still found as one, wherever the limit falls in it */
    memset(line, 'x', sizeof line);
    memcpy(line + IMAP_LINE_MAX - 1, "\r\n", 2);
    assert_int_equal(imap_split(span_of(line, sizeof line), &out, &taken), IMAP_LONG);
    assert_int_equal(imap_split(span_from(span_of(line, sizeof line), taken), &out, &taken), IMAP_LINE);
}

static void literals_are_announced(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool literal, synchronizing;
        uint64_t bytes;
    } cases[] = { { "A001 LOGIN {11}\r\n", true, true, 11 }, /* RFC 7888 3 */
                  { "A001 LOGIN {11+}\r\n", true, false, 11 },
                  { "FRED FOOBAR {7+}\r\n", true, false, 7 },
                  { "a APPEND x {0}\r\n", true, true, 0 },
                  { "a APPEND x {4294967296}\r\n", true, true, 4294967296 },
                  { "a APPEND x {18446744073709551615}\r\n", true, true, UINT64_MAX },
                  { "a APPEND x {18446744073709551616}\r\n", true, true, UINT64_MAX },
                  { "a APPEND x {99999999999999999999999999+}\r\n", true, false, UINT64_MAX },
                  { "a APPEND x ~{5}\r\n", true, true, 5 },
                  { "{1}{2}\r\n", true, true, 2 },
                  { "{3}\r\n", true, true, 3 },
                  { "a APPEND x {}\r\n", false, false, 0 },
                  { "a APPEND x {+}\r\n", false, false, 0 },
                  { "a APPEND x {-1}\r\n", false, false, 0 },
                  { "a APPEND x { 1}\r\n", false, false, 0 },
                  { "a APPEND x {1 }\r\n", false, false, 0 },
                  { "a APPEND x {1-}\r\n", false, false, 0 },
                  { "a APPEND x {1++}\r\n", false, false, 0 },
                  { "a APPEND x {0x10}\r\n", false, false, 0 },
                  { "a APPEND x {11\r\n", false, false, 0 },
                  { "a APPEND x 11}\r\n", false, false, 0 },
                  { "a APPEND x {11} \r\n", false, false, 0 },
                  { "a LOGIN \"{11}\"\r\n", false, false, 0 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].line);
        struct imap_line out;
        size_t taken;
        assert_int_equal(imap_split(span_of(in.copy, strlen(cases[i].line)), &out, &taken), IMAP_LINE);
        if (out.literal != cases[i].literal)
            fail_msg("%s", cases[i].line);
        if (out.literal) {
            assert_int_equal(out.synchronizing, cases[i].synchronizing);
            assert_int_equal(out.literal_bytes, cases[i].bytes);
        }
        release(&in);
    }
}

/* ---- words ------------------------------------------------------------------------------- */

typedef struct span word_fn(struct reader *r);

static struct span as_astring(struct reader *r)
{
    return imap_read_astring(r, NULL);
}

static struct span as_pattern(struct reader *r)
{
    return imap_read_pattern(r, NULL);
}

/* Every octet: in which words the grammar of RFC 3501 9 allows it. */
static void words_have_the_characters_of_the_grammar(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        bool special = c <= ' ' || c >= 127 || strchr("(){%*\"\\]", c);
        bool atom = !special;
        bool wild = c == '%' || c == '*', bracket = c == ']';
        const struct {
            word_fn *read;
            bool allowed;
        } kinds[] = { { imap_read_atom, atom && c != ')' },
                      { imap_read_tag, (atom || bracket) && c != '+' },
                      { as_astring, atom || bracket },
                      { as_pattern, atom || bracket || wild } };
        for (size_t i = 0; i < COUNT(kinds); i++) {
            uint8_t text[3] = { 'x', (uint8_t)c, 'y' };
            struct input in = input_of(span_of(text, 3));
            struct span word = kinds[i].read(&in.reader);
            assert_true(reader_ok(&in.reader));
            if (word.len != (kinds[i].allowed ? 3 : 1))
                fail_msg("octet %d in word of kind %zu", c, i);
            release(&in);
        }
    }
}

static void a_word_is_not_empty(void **state)
{
    (void)state;
    word_fn *const kinds[] = { imap_read_atom, imap_read_tag, imap_read_word, as_astring, as_pattern };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct input in = input(" x"), nothing = input("");
        kinds[i](&in.reader);
        kinds[i](&nothing.reader);
        assert_false(reader_ok(&in.reader));
        assert_false(reader_ok(&nothing.reader));
        release(&in);
        release(&nothing);
    }
}

static void a_command_is_taken_apart(void **state)
{
    (void)state;
    struct input in = input("a.002 BODY.PEEK[1] 17");
    assert_span(imap_read_tag(&in.reader), "a.002");
    imap_read_space(&in.reader);
    assert_span(imap_read_word(&in.reader), "BODY.PEEK");
    assert_false(imap_take(&in.reader, ']'));
    assert_true(imap_take(&in.reader, '['));
    assert_int_equal(imap_read_number(&in.reader), 1);
    assert_true(imap_take(&in.reader, ']'));
    imap_read_space(&in.reader);
    assert_int_equal(imap_read_number_nz(&in.reader), 17);
    assert_true(reader_done(&in.reader));
    assert_false(imap_take(&in.reader, 'x'));
    assert_true(reader_ok(&in.reader));
    imap_read_space(&in.reader);
    assert_false(reader_ok(&in.reader));
    release(&in);
}

static void numbers_have_32_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        uint32_t value;
    } cases[] = { { "0", true, 0 },
                  { "4294967295", true, UINT32_MAX },
                  { "007", true, 7 },
                  { "4294967296", false, 0 },
                  { "99999999999999999999999", false, 0 },
                  { "", false, 0 },
                  { "-1", false, 0 },
                  { "+1", false, 0 },
                  { "x", false, 0 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        uint32_t v = imap_read_number(&in.reader);
        assert_int_equal(reader_ok(&in.reader), cases[i].good);
        if (cases[i].good)
            assert_int_equal(v, cases[i].value);
        release(&in);
    }
    struct input zero = input("0");
    imap_read_number_nz(&zero.reader);
    assert_false(reader_ok(&zero.reader));
    release(&zero);
}

/* ---- strings in --------------------------------------------------------------------------- */

static void strings_are_quoted_or_literal(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value, *left;
    } cases[] = { { "\"\"", "", "" },
                  { "\"FRED FOOBAR\" x", "FRED FOOBAR", " x" },
                  { "\"a\\\"b\\\\c\"", "a\"b\\c", "" },
                  { "\"{3}\"", "{3}", "" },
                  { "{0}\r\n", "", "" },
                  { "{3}\r\na\r\nb", "a\r\n", "b" },
                  { "{3+}\r\n\"\\x)", "\"\\x", ")" },
                  { "{5}\r\ncaf\xc3\xa9", "caf\xc3\xa9", "" } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        struct span s = imap_read_string(&in.reader, &in.arena);
        assert_true(reader_ok(&in.reader));
        assert_non_null(s.at);
        assert_span(s, cases[i].value);
        assert_span(read_rest(&in.reader), cases[i].left);
        release(&in);
    }
}

static void malformed_strings_fail(void **state)
{
    (void)state;
    static const struct span cases[] = { { (const uint8_t *)"", 0 },
                                         { (const uint8_t *)"atom", 4 },
                                         { (const uint8_t *)"\"", 1 },
                                         { (const uint8_t *)"\"abc", 4 },
                                         { (const uint8_t *)"\"abc\\", 5 },
                                         { (const uint8_t *)"\"abc\\\"", 6 },
                                         { (const uint8_t *)"\"a\\bc\"", 6 },
                                         { (const uint8_t *)"\"a\rb\"", 5 },
                                         { (const uint8_t *)"\"a\nb\"", 5 },
                                         { (const uint8_t *)"\"a\0b\"", 5 },
                                         { (const uint8_t *)"\"a\\\0b\"", 6 },
                                         { (const uint8_t *)"{3}\r\nab", 7 },
                                         { (const uint8_t *)"{3}\nabc", 7 },
                                         { (const uint8_t *)"{3}abc", 6 },
                                         { (const uint8_t *)"{3\r\nabc", 7 },
                                         { (const uint8_t *)"{3++}\r\nabc", 10 },
                                         { (const uint8_t *)"{+}\r\nabc", 8 },
                                         { (const uint8_t *)"{}\r\nabc", 7 },
                                         { (const uint8_t *)"{-3}\r\nabc", 9 },
                                         { (const uint8_t *)"{4294967296}\r\nabc", 17 },
                                         { (const uint8_t *)"{4294967295}\r\nabc", 17 },
                                         { (const uint8_t *)"{3}\r\na\0c", 8 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input_of(cases[i]);
        imap_read_string(&in.reader, &in.arena);
        if (reader_ok(&in.reader))
            fail_msg("case %zu: %.*s", i, (int)cases[i].len, (const char *)cases[i].at);
        release(&in);
    }
}

static void astrings_and_nstrings(void **state)
{
    (void)state;
    bool nil;
    struct input a = input("in]box"), q = input("\"NIL\""), n = input("nIl"), x = input("NILS"),
                 e = input("\"\"");
    assert_span(imap_read_astring(&a.reader, &a.arena), "in]box");
    assert_span(imap_read_nstring(&q.reader, &q.arena, &nil), "NIL");
    assert_false(nil);
    assert_int_equal(imap_read_nstring(&n.reader, &n.arena, &nil).len, 0);
    assert_true(nil && reader_done(&n.reader));
    imap_read_nstring(&x.reader, &x.arena, &nil);
    assert_false(reader_ok(&x.reader));
    assert_int_equal(imap_read_nstring(&e.reader, &e.arena, &nil).len, 0);
    assert_true(!nil && reader_done(&e.reader));
    release(&a), release(&q), release(&n), release(&x), release(&e);
}

/* ---- mailbox names ------------------------------------------------------------------------ */

static void inbox_is_one_name(void **state)
{
    (void)state;
    static const char *const forms[] = { "INBOX", "inbox", "\"InBox\"", "{5}\r\niNbOx" };
    for (size_t i = 0; i < COUNT(forms); i++) {
        struct input in = input(forms[i]);
        assert_span(imap_read_mailbox(&in.reader, &in.arena), "INBOX");
        assert_true(reader_done(&in.reader));
        release(&in);
    }
}

static void names_that_are_good(void **state)
{
    (void)state;
    static const char *const good[] = {
        "Sent", "inbox.x", "a.b.c", "Sent Items",  "a\\b",     "~peter",
        "&-",   "R&-D",    "~root", "&U,BTFw-&-x", "&2D3eAA-", "~peter.mail.&U,BTFw-.&ZeVnLIqe-"
    };
    for (size_t i = 0; i < COUNT(good); i++)
        if (!imap_name_is_good(span_text(good[i])))
            fail_msg("%s", good[i]);
    char longest[IMAP_NAME_MAX + 1];
    memset(longest, 'n', sizeof longest);
    assert_true(imap_name_is_good(span_of(longest, IMAP_NAME_MAX)));
    assert_false(imap_name_is_good(span_of(longest, IMAP_NAME_MAX + 1)));
}

static void names_that_are_not(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",       ".",     "..",       ".a",       "a.",   "a..b",  "../x",        "a/b", "/",
        "/etc",   "a*",    "%",        "a\tb",     "a\nb", "a\x7f", "caf\xc3\xa9", "&",   "a&",
        "&Jjo",   "&Jjo!", "a&b",      "& -",      "&J-",  "&Jj-",  "&Jjo-&Jjo-", /* superfluous shift: RFC
                                                                                     3501 5.1.3 */
        "&AGE-",                                   /* "a" must stand for itself */
        "&AC8-",  "&AC4-", "&ACY-",                /* ... as must "/", "." and "&" */
        "&Jjp-",                                   /* bits left over */
        "&JjoA-",                                  /* ... and a digit too many */
        "&2D0-",  "&3gA-", "&2D3YPQ-", "&3gDYPQ-", /* half a surrogate pair, or two in the wrong order */
        "&Jjo=-", "&Jj/-",                         /* "," stands for "/"; no padding */
        "&AAA-",  "&AAo-", "&AA0-",    "&AH8-",    /* control characters in disguise */
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct input in = input(bad[i]);
        if (imap_name_is_good(span_of(in.copy, strlen(bad[i]))))
            fail_msg("%s", bad[i]);
        release(&in);
    }
    assert_false(imap_name_is_good(span_of("a\0b", 3)));
    static const char *const refused[] = { "\"../etc\"", "\"a/b\"", "\"\"", "a%b", "&x", "\"x" };
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct input in = input(refused[i]);
        imap_read_mailbox(&in.reader, &in.arena);
        assert_false(reader_ok(&in.reader) && reader_left(&in.reader) == 0);
        release(&in);
    }
}

static const struct {
    const char *name, *text;
} utf7[] = { { "~peter/mail/&U,BTFw-/&ZeVnLIqe-",
               "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" },
             { "&Jjo-!", "\xe2\x98\xba!" }, /* RFC 3501 5.1.3 */
             { "Hi Mom -&Jjo--!", "Hi Mom -\xe2\x98\xba-!" },
             { "&U,BTF2XlZyyKng-", "\xe5\x8f\xb0\xe5\x8c\x97\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e" },
             { "", "" },
             { "&-", "&" },
             { "&-&-", "&&" },
             { "AT&-T", "AT&T" },
             { "Entw&APw-rfe", "Entw\xc3\xbcrfe" },
             { "&2D3eAA-", "\xf0\x9f\x98\x80" },
             { "&2D3eANg93gA-", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80" },
             { "&Jjo-&-", "\xe2\x98\xba&" },
             { "&-&Jjo-", "&\xe2\x98\xba" } };

static void modified_utf7_goes_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(utf7); i++) {
        char room[200];
        struct writer to = writer_over(room, sizeof room);
        assert_true(imap_name_to_utf8(&to, span_text(utf7[i].name)));
        assert_written(&to, utf7[i].text);
        struct writer from = writer_over(room, sizeof room);
        assert_true(imap_name_from_utf8(&from, span_text(utf7[i].text)));
        assert_written(&from, utf7[i].name);
    }
    for (uint32_t c = 0x80; c < 0x110000; c += c < 0x1000 ? 1 : 97) {
        if (c >= 0xd800 && c < 0xe000)
            continue;
        char utf8[5] = { 0 }, name[16], again[8];
        struct writer w = writer_over(utf8, 4);
        if (c < 0x800) {
            write_u8(&w, (uint8_t)(0xc0 | c >> 6));
        } else if (c < 0x10000) {
            write_u8(&w, (uint8_t)(0xe0 | c >> 12));
            write_u8(&w, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        } else {
            write_u8(&w, (uint8_t)(0xf0 | c >> 18));
            write_u8(&w, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
            write_u8(&w, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        }
        write_u8(&w, (uint8_t)(0x80 | (c & 0x3f)));
        struct writer n = writer_over(name, sizeof name), t = writer_over(again, sizeof again);
        assert_true(imap_name_from_utf8(&n, writer_span(&w)));
        assert_true(imap_name_to_utf8(&t, writer_span(&n)));
        assert_true(span_equal(writer_span(&t), writer_span(&w)));
    }
}

static void what_is_no_utf8_has_no_name(void **state)
{
    (void)state;
    static const char *const bad[] = { "\x80",
                                       "\xc0\x80",
                                       "\xc1\xbf",
                                       "\xc3",
                                       "\xc3(",
                                       "\xe0\x80\x80",
                                       "\xe0\x9f\xbf",
                                       "\xed\xa0\x80",
                                       "\xe2\x98",
                                       "\xf0\x80\x80\x80",
                                       "\xf0\x8f\xbf\xbf",
                                       "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xff",
                                       "a\xfe" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char room[64];
        struct writer w = writer_over(room, sizeof room);
        struct input in = input(bad[i]);
        if (imap_name_from_utf8(&w, span_of(in.copy, strlen(bad[i]))))
            fail_msg("case %zu", i);
        release(&in);
    }
    char small[2];
    struct writer w = writer_over(small, sizeof small);
    assert_false(imap_name_from_utf8(&w, span_text("\xe2\x98\xba")));
    w = writer_over(small, sizeof small);
    assert_false(imap_name_to_utf8(&w, span_text("&Jjo-")));
}

static void list_patterns(void **state)
{
    (void)state;
    static const struct {
        const char *name, *pattern;
        bool matches;
    } cases[] = {
        { "INBOX", "*", true },    { "a.b.c", "*", true },        { "INBOX", "%", true },
        { "a.b", "%", false },     { "a.b", "%.%", true },        { "a.b.c", "%.%", false },
        { "a.b.c", "a.*", true },  { "a", "a.*", false },         { "a.b.c", "*c", true },
        { "a.b.c", "%c", false },  { "a.b.c", "a.%.c", true },    { "foo.bar", "%oo.%ar", true },
        { "foo", "foo", true },    { "foo", "Foo", false },       { "foo", "fo", false },
        { "foo", "fooo", false },  { "foo", "", false },          { "foo", "foo*", true },
        { "foo", "foo%", true },   { "foo", "*foo", true },       { "foo", "f*o", true },
        { "foo", "f%%*%o", true }, { "a.b.c", "%*", true },       { "a.b.c", "*%", true },
        { "a.b", "%%", false },    { "aXbXc", "a*b*c*d", false }, { "aaaaaaaaab", "*a*a*a*a*b", true }
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (imap_name_matches(span_text(cases[i].name), span_text(cases[i].pattern)) != cases[i].matches)
            fail_msg("%s %s", cases[i].name, cases[i].pattern);
    char name[IMAP_NAME_MAX];
    memset(name, 'a', sizeof name);
    assert_true(imap_name_matches(span_of(name, sizeof name), span_text("*a%a*")));
    struct input in = input("\"a%b *\" x%*]");
    assert_span(imap_read_pattern(&in.reader, &in.arena), "a%b *");
    imap_read_space(&in.reader);
    assert_span(imap_read_pattern(&in.reader, &in.arena), "x%*]");
    release(&in);
}

/* ---- sets --------------------------------------------------------------------------------- */

static bool set_is(const char *text, uint32_t largest, const char *members)
{
    struct input in = input(text);
    struct imap_set set = imap_read_set(&in.reader, &in.arena);
    char room[256];
    struct writer w = writer_over(room, sizeof room);
    struct imap_run run = { 0 };
    for (uint32_t n = 1; n <= 20; n++)
        if (imap_set_has(&set, n, largest))
            imap_write_run(&w, &run, n);
    imap_write_run_end(&w, &run);
    bool same = reader_done(&in.reader) && span_is(writer_span(&w), members);
    if (!same)
        print_error("%s: %.*s\n", text, (int)writer_length(&w), room);
    release(&in);
    return same;
}

static void sets_and_what_is_in_them(void **state)
{
    (void)state;
    assert_true(set_is("1", 20, "1"));
    assert_true(set_is("2,4:7,9,12:*", 15, "2,4:7,9,12:15")); /* RFC 3501 9 */
    assert_true(set_is("*:4,5:7", 10, "4:10"));
    assert_true(set_is("*", 10, "10"));
    assert_true(set_is("*:*", 10, "10"));
    assert_true(set_is("7:4", 10, "4:7"));
    assert_true(set_is("5:5", 10, "5"));
    assert_true(set_is("15:*", 10, "10:15")); /* 6.4.8: the last one is always in n:* */
    assert_true(set_is("1:4294967295", 10, "1:20"));
    assert_true(set_is("1,1,2,2:3", 10, "1:3"));
    assert_true(set_is("18,3", 10, "3,18"));
}

static void malformed_sets_fail(void **state)
{
    (void)state;
    static const char *const bad[] = { "",    "0",   "1,", ",1", "1:",  ":1",    "1,,2",       "0:3",
                                       "3:0", "1:,", "a",  "**", "1**", "1:2:3", "4294967296", "1:4294967296",
                                       "-1",  "1,x", " 1", "$",  "1.2", "1;2" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct input in = input(bad[i]);
        imap_read_set(&in.reader, &in.arena);
        if (reader_done(&in.reader))
            fail_msg("%s", bad[i]);
        release(&in);
    }
}

static void sets_are_written_short(void **state)
{
    (void)state;
    static const uint32_t numbers[] = { 1, 2, 3, 5, 7, 8, 4294967294, 4294967295 };
    char room[100];
    struct writer w = writer_over(room, sizeof room);
    struct imap_run run = { 0 };
    imap_write_run_end(&w, &run);
    assert_int_equal(writer_length(&w), 0);
    for (size_t i = 0; i < COUNT(numbers); i++)
        imap_write_run(&w, &run, numbers[i]);
    imap_write_run_end(&w, &run);
    assert_written(&w, "1:3,5,7:8,4294967294:4294967295");
}

/* ---- flags -------------------------------------------------------------------------------- */

static void flags_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool bare;
        unsigned flags;
    } cases[] = { { "()", false, 0 },
                  { "()", true, 0 },
                  { "(\\Seen)", false, IMAP_SEEN },
                  { "(\\seen \\DELETED)", false, IMAP_SEEN | IMAP_DELETED },
                  { "\\Seen \\Draft", true, IMAP_SEEN | IMAP_DRAFT },
                  { "(\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded)", false, IMAP_FLAGS_KEPT },
                  { "($forwarded NonJunk)", false, IMAP_FORWARDED },
                  { "($Junk averylongkeywordthatismorethanfortycharacterslong)", false, 0 },
                  { "NonJunk", true, 0 },
                  { "(\\Seen \\Seen)", false, IMAP_SEEN } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        unsigned got = imap_read_flags(&in.reader, cases[i].bare);
        if (!reader_done(&in.reader) || got != cases[i].flags)
            fail_msg("%s: %x", cases[i].text, got);
        release(&in);
    }
    static const char *const bad[] = { "\\Seen", "(\\Seen",   "(\\Recent)", "(\\Nonsense)",
                                       "(\\)",   "( \\Seen)", "(\\Seen )",  "(\\Seen  \\Draft)",
                                       "(\\*)",  "",          "(\"x\")",    "(x" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct input in = input(bad[i]);
        imap_read_flags(&in.reader, false);
        if (reader_done(&in.reader))
            fail_msg("%s", bad[i]);
        release(&in);
    }
    struct input empty = input("");
    imap_read_flags(&empty.reader, true);
    assert_false(reader_ok(&empty.reader));
    release(&empty);
    char room[100];
    struct writer w = writer_over(room, sizeof room);
    imap_write_flags(&w, IMAP_SEEN | IMAP_DELETED | IMAP_RECENT | IMAP_FORWARDED);
    assert_written(&w, "\\Deleted \\Seen $Forwarded \\Recent");
    w = writer_over(room, sizeof room);
    imap_write_flags(&w, 0);
    assert_written(&w, "");
    assert_int_equal(imap_keyword(span_text("$FORWARDED")), IMAP_FORWARDED);
    assert_int_equal(imap_keyword(span_text("Seen")), 0);
}

/* ---- dates -------------------------------------------------------------------------------- */

static void date_times(void **state)
{
    (void)state;
    static const struct {
        const char *text, *utc;
        int64_t unix_s;
    } cases[] = { { "\"17-Jul-1996 02:44:25 -0700\"", "\"17-Jul-1996 09:44:25 +0000\"", 837596665 },
                  { "\" 1-Jan-1970 00:00:00 +0000\"", "\" 1-Jan-1970 00:00:00 +0000\"", 0 },
                  { "\"01-Jan-1970 00:00:00 +0000\"", "\" 1-Jan-1970 00:00:00 +0000\"", 0 },
                  { "\"31-dec-1969 16:00:00 -0800\"", "\" 1-Jan-1970 00:00:00 +0000\"", 0 },
                  { "\"31-Dec-1969 23:59:58 +0000\"", "\"31-Dec-1969 23:59:58 +0000\"", -2 },
                  { "\" 1-Jan-1970 00:30:00 +0100\"", "\"31-Dec-1969 23:30:00 +0000\"", -1800 },
                  { "\"29-Feb-2024 12:00:00 +0545\"", "\"29-Feb-2024 06:15:00 +0000\"", 1709187300 },
                  { "\"19-Jan-2038 03:14:08 +0000\"", "\"19-Jan-2038 03:14:08 +0000\"", 2147483648 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        int64_t got = imap_read_date_time(&in.reader);
        if (!reader_done(&in.reader) || got != cases[i].unix_s)
            fail_msg("%s: %lld", cases[i].text, (long long)got);
        char room[40];
        struct writer w = writer_over(room, sizeof room);
        imap_write_date_time(&w, got);
        assert_written(&w, cases[i].utc);
        release(&in);
    }
    struct input leap = input("\"30-Jun-2015 23:59:60 +0000\"");
    imap_read_date_time(&leap.reader);
    assert_true(reader_done(&leap.reader));
    release(&leap);
}

static void malformed_date_times_fail(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "\"\"",
                                       "17-Jul-1996 02:44:25 -0700",
                                       "\"17-Jul-1996 02:44:25 -0700",
                                       "\"17-Jul-1996 02:44:25\"",
                                       "\"17-Jul-1996 02:44:25 0700\"",
                                       "\"17-Jul-1996 02:44:25 -070\"",
                                       "\"17-Jul-1996 02:44:25 -0760\"",
                                       "\"17-Jul-1996 02:44:25 GMT\"",
                                       "\"17-Jul-96 02:44:25 -0700\"",
                                       "\"7-Jul-1996 02:44:25 -0700\"",
                                       "\"00-Jul-1996 02:44:25 -0700\"",
                                       "\"32-Jul-1996 02:44:25 -0700\"",
                                       "\"29-Feb-2023 02:44:25 -0700\"",
                                       "\"17-Foo-1996 02:44:25 -0700\"",
                                       "\"17-07-1996 02:44:25 -0700\"",
                                       "\"17 Jul 1996 02:44:25 -0700\"",
                                       "\"17-Jul-1996 24:44:25 -0700\"",
                                       "\"17-Jul-1996 02:60:25 -0700\"",
                                       "\"17-Jul-1996 02:44:61 -0700\"",
                                       "\"17-Jul-1996  2:44:25 -0700\"",
                                       "\"-1-Jul-1996 02:44:25 -0700\"" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct input in = input(bad[i]);
        imap_read_date_time(&in.reader);
        if (reader_ok(&in.reader))
            fail_msg("%s", bad[i]);
        release(&in);
    }
}

static void dates_are_days(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t day;
    } cases[] = { { "1-Feb-1994", 8797 }, { "\"1-Feb-1994\"", 8797 }, { "01-feb-1994", 8797 },
                  { "1-Jan-1970", 0 },    { "31-Dec-1969", -1 },      { "1-Jan-1900", -25567 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct input in = input(cases[i].text);
        int64_t day = imap_read_date(&in.reader);
        if (!reader_done(&in.reader) || day != cases[i].day)
            fail_msg("%s: %lld", cases[i].text, (long long)day);
        release(&in);
    }
    static const char *const bad[] = {
        "",           "1-Feb-94",     "1-Feb",        "Feb-1-1994",          "30-Feb-1994",
        "0-Feb-1994", "\"1-Feb-1994", "1-Feb-1994\"", "4294967297-Feb-1994", "1 Feb 1994",
        "1-Fev-1994"
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct input in = input(bad[i]);
        imap_read_date(&in.reader);
        if (reader_done(&in.reader))
            fail_msg("%s", bad[i]);
        release(&in);
    }
}

/* ---- strings out -------------------------------------------------------------------------- */

static void strings_are_written_so_that_they_can_be_read(void **state)
{
    (void)state;
    static const struct {
        const char *value, *written;
    } cases[] = { { "", "\"\"" },
                  { "hello", "\"hello\"" },
                  { "a \"b\" \\c", "\"a \\\"b\\\" \\\\c\"" },
                  { "a\r\nb", "{4}\r\na\r\nb" },
                  { "caf\xc3\xa9", "{5}\r\ncaf\xc3\xa9" },
                  { "\x7f", "{1}\r\n\x7f" },
                  { "{3}", "\"{3}\"" } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char room[100];
        struct writer w = writer_over(room, sizeof room);
        imap_write_string(&w, span_text(cases[i].value));
        assert_written(&w, cases[i].written);
        struct input in = input(cases[i].written);
        assert_span(imap_read_string(&in.reader, &in.arena), cases[i].value);
        release(&in);
    }
    char room[100];
    struct writer w = writer_over(room, sizeof room);
    imap_write_nstring(&w, span_of(NULL, 0));
    imap_write_nstring(&w, span_text(""));
    assert_written(&w, "NIL\"\"");
    static const struct {
        const char *value, *written;
    } names[] = { { "INBOX", "INBOX" },
                  { "Sent Items", "\"Sent Items\"" },
                  { "NIL", "\"NIL\"" },
                  { "nil", "\"nil\"" },
                  { "", "\"\"" },
                  { "a(b", "\"a(b\"" },
                  { "&U,BTFw-", "&U,BTFw-" } };
    for (size_t i = 0; i < COUNT(names); i++) {
        w = writer_over(room, sizeof room);
        imap_write_astring(&w, span_text(names[i].value));
        assert_written(&w, names[i].written);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_with_crlf_alone),
        cmocka_unit_test(a_line_has_a_longest),
        cmocka_unit_test(literals_are_announced),
        cmocka_unit_test(words_have_the_characters_of_the_grammar),
        cmocka_unit_test(a_word_is_not_empty),
        cmocka_unit_test(a_command_is_taken_apart),
        cmocka_unit_test(numbers_have_32_bits),
        cmocka_unit_test(strings_are_quoted_or_literal),
        cmocka_unit_test(malformed_strings_fail),
        cmocka_unit_test(astrings_and_nstrings),
        cmocka_unit_test(inbox_is_one_name),
        cmocka_unit_test(names_that_are_good),
        cmocka_unit_test(names_that_are_not),
        cmocka_unit_test(modified_utf7_goes_both_ways),
        cmocka_unit_test(what_is_no_utf8_has_no_name),
        cmocka_unit_test(list_patterns),
        cmocka_unit_test(sets_and_what_is_in_them),
        cmocka_unit_test(malformed_sets_fail),
        cmocka_unit_test(sets_are_written_short),
        cmocka_unit_test(flags_are_read_and_written),
        cmocka_unit_test(date_times),
        cmocka_unit_test(malformed_date_times_fail),
        cmocka_unit_test(dates_are_days),
        cmocka_unit_test(strings_are_written_so_that_they_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
