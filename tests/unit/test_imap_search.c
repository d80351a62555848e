/* imapd/search.c: which messages SEARCH finds, as RFC 3501 6.4.4 says. */
#include "imapd/search.h"

#include "exact_input.h"

#define PARTS 16

static const char text[] =
    "From: \"Joe Q. Public\" <joe@example.org>\r\n"
    "To: Mary <mary@example.net>\r\n"
    "Subject: =?iso-8859-1?Q?Caf=E9?= at\r\n noon\r\n"
    "Date: Mon, 7 Feb 1994 23:52:25 -0800 (PST)\r\n"
    "X-Empty:\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n"
    "\r\n"
    "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8gd29ybGQ=\r\n"
    "--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nsoft=\r\n break caf=C3=A9\r\n--b--\r\n";

static bool finds(const char *search, const char *message, int64_t date_s)
{
    struct mime_part parts[PARTS];
    struct mime_tree t = { .parts = parts, .room = PARTS };
    struct input in = input(search);
    mime_parse(&t, span_text(message));
    struct imap_message m = { .number = 3,
                              .uid = 30,
                              .flags = IMAP_SEEN | IMAP_RECENT,
                              .bytes = strlen(message),
                              .date_s = date_s,
                              .tree = &t };
    m.text = span_text(message);
    struct imap_search s = imap_read_search(&in.reader, &in.arena);
    assert_true(reader_done(&in.reader));
    bool found = imap_search_matches(&s, &m, 5, 50, &in.arena);
    release(&in);
    return found;
}

static void keys_find_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *search;
        bool found;
    } cases[] = { { "ALL", true },
                  { "3", true },
                  { "1:2", false },
                  { "3:*", true },
                  { "*", false },
                  { "UID 30", true },
                  { "UID 3", false },
                  { "UID 60:*", false },
                  { "SEEN", true },
                  { "UNSEEN", false },
                  { "RECENT", true },
                  { "NEW", false },
                  { "OLD", false },
                  { "DELETED", false },
                  { "UNDELETED", true },
                  { "KEYWORD Junk", false },
                  { "UNKEYWORD Junk", true },
                  { "NOT SEEN", false },
                  { "OR DELETED SEEN", true },
                  { "OR DELETED NOT SEEN", false },
                  { "(SEEN 3) NOT (1 2)", true },
                  { "SEEN DELETED", false },
                  { "LARGER 10", true },
                  { "SMALLER 10", false },
                  { "FROM joe", true },
                  { "FROM \"joe q. PUBLIC\"", true },
                  { "FROM mary", false },
                  { "TO mary", true },
                  { "CC mary", false },
                  { "CHARSET UTF-8 SUBJECT {5}\r\ncaf\xc3\xa9", true },
                  { "SUBJECT \"at noon\"", true },
                  { "SUBJECT tea", false },
                  { "HEADER X-Empty \"\"", true },
                  { "HEADER X-None \"\"", false },
                  { "HEADER x-empty a", false },
                  { "BODY \"hello WORLD\"", true },
                  { "BODY \"soft break\"", true },
                  { "BODY SGVs", false },
                  { "BODY joe", false },
                  { "TEXT joe", true },
                  { "TEXT world", true },
                  { "TEXT elephant", false },
                  { "SENTON 7-Feb-1994", true },
                  { "SENTON 8-Feb-1994", false }, /* the time zone is disregarded */
                  { "SENTBEFORE 7-Feb-1994", false },
                  { "SENTBEFORE 8-Feb-1994", true },
                  { "SENTSINCE 7-Feb-1994", true },
                  { "SENTSINCE 8-Feb-1994", false },
                  { "ON 17-Jul-1996", true },
                  { "BEFORE 17-Jul-1996", false },
                  { "BEFORE 18-Jul-1996", true },
                  { "SINCE 17-Jul-1996", true },
                  { "SINCE 18-Jul-1996", false },
                  { "SINCE 1-Jan-1900", true },
                  { "BEFORE 1-Jan-1900", false } };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (finds(cases[i].search, text, 837596665) != cases[i].found)
            fail_msg("%s", cases[i].search);
}

static void days_before_1970_are_days(void **state)
{
    (void)state;
    static const char old[] = "Date: Thu, 13 Feb 1969 23:32 -0330\r\n\r\n";
    assert_true(finds("SENTON 13-Feb-1969 SENTBEFORE 1-Jan-1970", old, 0));
    assert_false(finds("SENTON 14-Feb-1969", old, 0));
    assert_true(finds("ON 31-Dec-1969 BEFORE 1-Jan-1970", old, -1));
    assert_true(finds("ON 31-Dec-1969", old, -86400));
    assert_false(finds("OR SENTBEFORE 1-Jan-2100 SENTSINCE 1-Jan-1900", "Date: never\r\n\r\n", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_find_what_they_say),
        cmocka_unit_test(days_before_1970_are_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
