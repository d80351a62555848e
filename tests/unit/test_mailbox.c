/* imapd/mailbox.c on real directories: UIDs that last, what other programs do meanwhile, damage, folders. */
#include "imapd/mailbox.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define TEXT     "Subject: x\r\n\r\nbody\r\n"

struct world {
    char root[SCRATCH_BYTES];
    char told[200]; /* what a refresh told: "-2" gone, "~3" changed */
};

static struct now now_is(int64_t later_s)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (struct now){ 0, (t.tv_sec + later_s) * 1000 + t.tv_nsec / 1000000 };
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    scratch_make(w->root);
    assert_true(mailbox_make(w->root));
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    scratch_remove(w->root);
    free(w);
    return 0;
}

/* ---- what another program does ----------------------------------------------------------- */

static void put_file(const char *root, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void move_file(const char *root, const char *from, const char *to)
{
    char a[PATH_MAX], b[PATH_MAX];
    snprintf(a, sizeof a, "%s/%s", root, from);
    snprintf(b, sizeof b, "%s/%s", root, to);
    assert_int_equal(rename(a, b), 0);
}

static void remove_file(const char *root, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(unlink(path), 0);
}

static bool is_there(const char *root, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return access(path, F_OK) == 0;
}

static size_t files_in(const char *root, const char *part)
{
    char path[PATH_MAX];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/%s", root, part);
    DIR *d = opendir(path);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* ---- looking at a mailbox ----------------------------------------------------------------- */

static struct mailbox *opened(struct world *w, bool read_only)
{
    struct mailbox *m = mailbox_open(w->root, read_only, now_is(0));
    assert_non_null(m);
    return m;
}

static void assert_uids(const struct mailbox *m, const char *expected)
{
    char text[200] = "";
    for (size_t i = 0, at = 0; i < m->count; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%u", i ? " " : "", m->messages[i].uid);
    assert_string_equal(text, expected);
}

static void assert_opens(struct world *w, const char *uids, uint32_t validity)
{
    struct mailbox *m = opened(w, true);
    assert_uids(m, uids);
    assert_int_equal(m->uid_validity, validity);
    mailbox_close(m);
}

static void on_gone(void *owner, size_t number)
{
    struct world *w = owner;
    size_t n = strlen(w->told);
    snprintf(w->told + n, sizeof w->told - n, "-%zu ", number);
}

static void on_changed(void *owner, size_t number)
{
    struct world *w = owner;
    size_t n = strlen(w->told);
    snprintf(w->told + n, sizeof w->told - n, "~%zu ", number);
}

static void assert_refresh(struct world *w, struct mailbox *m, const char *told, const char *uids)
{
    w->told[0] = 0;
    assert_true(mailbox_refresh(m, now_is(0), on_gone, on_changed, w));
    assert_string_equal(w->told, told);
    assert_uids(m, uids);
}

static void three(struct world *w)
{
    put_file(w->root, "cur/1.a:2,", TEXT);
    put_file(w->root, "cur/2.b:2,S", TEXT);
    put_file(w->root, "cur/3.c", TEXT);
}

/* ---- UIDs ---------------------------------------------------------------------------------- */

static void uids_last(void **state)
{
    struct world *w = *state;
    three(w);
    struct mailbox *m = opened(w, false);
    uint32_t validity = m->uid_validity;
    assert_uids(m, "1 2 3");
    assert_int_equal(m->uid_next, 4);
    assert_true(validity > 0);
    mailbox_close(m);
    move_file(w->root, "cur/1.a:2,", "cur/1.a:2,FRS");
    put_file(w->root, "new/0.first", TEXT); /* sorts before the others and comes after them */
    m = mailbox_open(w->root, false, now_is(1000));
    assert_non_null(m);
    assert_uids(m, "1 2 3 4");
    assert_int_equal(m->uid_validity, validity);
    assert_int_equal(m->messages[0].flags, IMAP_FLAGGED | IMAP_ANSWERED | IMAP_SEEN);
    assert_int_equal(m->messages[1].flags, IMAP_SEEN);
    assert_int_equal(m->messages[3].flags, IMAP_RECENT);
    mailbox_close(m);
    remove_file(w->root, "cur/0.first:2,");
    put_file(w->root, "new/9.z", TEXT);
    m = opened(w, false);
    assert_uids(m, "1 2 3 5"); /* 4 was given away once */
    assert_int_equal(m->uid_next, 6);
    mailbox_close(m);
}

static void an_empty_mailbox_keeps_its_validity(void **state)
{
    struct world *w = *state;
    struct mailbox *a = mailbox_open(w->root, true, now_is(0));
    struct mailbox *b = mailbox_open(w->root, false, now_is(1000));
    assert_non_null(a);
    assert_non_null(b);
    assert_int_equal(a->uid_validity, b->uid_validity);
    put_file(w->root, "new/1.a", TEXT);
    assert_refresh(w, b, "", "1");
    assert_refresh(w, a, "", "1");
    mailbox_close(a);
    mailbox_close(b);
}

static void recent_is_told_once(void **state)
{
    struct world *w = *state;
    put_file(w->root, "new/1.a", TEXT);
    struct mailbox *looks = opened(w, true);
    assert_int_equal(looks->count, 0); /* to look on moves nothing */
    assert_true(is_there(w->root, "new/1.a"));
    struct mailbox *first = opened(w, false), *second = opened(w, false);
    assert_int_equal(first->messages[0].flags, IMAP_RECENT);
    assert_int_equal(second->messages[0].flags, 0);
    put_file(w->root, "new/2.b", TEXT);
    assert_refresh(w, second, "", "1 2");
    assert_refresh(w, first, "", "1 2");
    assert_int_equal(first->messages[0].flags, IMAP_RECENT);
    assert_int_equal(first->messages[1].flags, 0);
    assert_int_equal(second->messages[1].flags, IMAP_RECENT);
    mailbox_close(looks);
    mailbox_close(first);
    mailbox_close(second);
}

/* ---- damage -------------------------------------------------------------------------------- */

static void uids_that_are_lost_make_a_new_mailbox(void **state)
{
    struct world *w = *state;
    static const char *const damaged[] = {
        "",
        "\n",
        "V1",
        "V1 ",
        "V1 7",
        "V1 7 \n1 1.a\n",
        "V2 7 4\n1 1.a\n",
        "V1 0 4\n1 1.a\n",
        "V1 7 0\n1 1.a\n",
        "garbage",
        "\xff\xfe",
        "V1 x y\n",
        "V1 -7 4\n",
        "V1 99999999999 4\n",
        "V1 7 4294967295\n",             /* no number is left for a message */
        "V1 7 4\n1 1.a\n1 2.b\n2 3.c\n", /* one number for two */
    };
    three(w);
    struct mailbox *m = opened(w, false);
    uint32_t before = m->uid_validity;
    mailbox_close(m);
    remove_file(w->root, ".imap-uids");
    m = mailbox_open(w->root, false, now_is(100));
    assert_non_null(m);
    assert_uids(m, "1 2 3");
    assert_true(m->uid_validity > before);
    mailbox_close(m);
    for (size_t i = 0; i < COUNT(damaged); i++) {
        put_file(w->root, ".imap-uids", damaged[i]);
        struct now now = now_is(1000 * ((int64_t)i + 1));
        m = mailbox_open(w->root, false, now);
        assert_non_null(m);
        if (m->uid_validity != (uint32_t)(now.unix_ms / 1000))
            fail_msg("case %zu: %u", i, m->uid_validity);
        assert_uids(m, "1 2 3");
        assert_int_equal(m->uid_next, 4);
        mailbox_close(m);
        assert_opens(w, "1 2 3", (uint32_t)(now.unix_ms / 1000)); /* and it stays so */
    }
}

static void lines_that_are_lost_give_new_uids(void **state)
{
    struct world *w = *state;
    three(w);
    put_file(w->root, ".imap-uids", "V1 7 9\n2 1.a\nx 2.b\n8 3.");
    assert_opens(w, "2 9 10", 7);
    put_file(w->root, ".imap-uids", "V1 7 9\n2 1.a\n9 2.b\n4000000000 3.c\n");
    struct mailbox *m = opened(w, false);
    for (size_t i = 1; i < m->count; i++)
        assert_true(m->messages[i].uid > m->messages[i - 1].uid && m->messages[i].uid < m->uid_next);
    mailbox_close(m);
}

static void uids_that_cannot_be_read_are_not_lost(void **state)
{
    struct world *w = *state;
    three(w);
    assert_int_equal(symlink(".imap-uids", strcat(strcpy((char[100]){ 0 }, w->root), "/.imap-uids")), 0);
    assert_null(mailbox_open(w->root, false, now_is(0)));
    assert_int_equal(errno, ELOOP);
    remove_file(w->root, ".imap-uids");
    struct mailbox *m = opened(w, false);
    remove_file(w->root, ".imap-uids"); /* under a client that knows UIDs */
    put_file(w->root, "new/4.d", TEXT);
    w->told[0] = 0;
    assert_false(mailbox_refresh(m, now_is(100), on_gone, on_changed, w));
    assert_string_equal(w->told, "");
    assert_uids(m, "1 2 3");
    mailbox_close(m);
}

static void one_message_has_one_uid(void **state)
{
    struct world *w = *state;
    three(w);
    put_file(w->root, "cur/1.a:2,S", TEXT); /* the same message twice: another program renames it just now */
    for (int i = 0; i < 2; i++) {
        struct mailbox *m = opened(w, false);
        assert_uids(m, "1 2 3");
        mailbox_close(m);
    }
}

static void only_files_are_messages(void **state)
{
    struct world *w = *state;
    char path[PATH_MAX];
    three(w);
    snprintf(path, sizeof path, "%s/cur/0.directory", w->root);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/cur/0.pipe", w->root);
    assert_int_equal(mkfifo(path, 0600), 0);
    put_file(w->root, "cur/.hidden", TEXT);
    put_file(w->root, "tmp/0.unfinished", TEXT);
    assert_int_equal(symlink("nowhere", (snprintf(path, sizeof path, "%s/cur/0.link", w->root), path)), 0);
    struct mailbox *m = opened(w, false);
    assert_uids(m, "1 2 3");
    mailbox_close(m);
}

/* ---- what others do meanwhile --------------------------------------------------------------- */

static void refresh_tells_what_others_did(void **state)
{
    struct world *w = *state;
    three(w);
    put_file(w->root, "cur/4.d:2,", TEXT);
    struct mailbox *m = opened(w, false);
    assert_refresh(w, m, "", "1 2 3 4");
    move_file(w->root, "cur/2.b:2,S", "cur/2.b:2,ST");
    assert_refresh(w, m, "~2 ", "1 2 3 4");
    assert_int_equal(m->messages[1].flags, IMAP_SEEN | IMAP_DELETED);
    put_file(w->root, "new/0.e", TEXT);
    assert_refresh(w, m, "", "1 2 3 4 5");
    remove_file(w->root, "cur/1.a:2,");
    remove_file(w->root, "cur/3.c");
    move_file(w->root, "cur/4.d:2,", "cur/4.d:2,F");
    put_file(w->root, "new/0.f", TEXT);
    assert_refresh(w, m, "-1 -2 ~2 ", "2 4 5 6"); /* numbers as they are at that moment */
    assert_refresh(w, m, "", "2 4 5 6");
    mailbox_close(m);
}

static void what_is_gone_can_wait(void **state)
{
    struct world *w = *state;
    three(w);
    struct mailbox *m = opened(w, false);
    size_t length;
    remove_file(w->root, "cur/2.b:2,S");
    w->told[0] = 0;
    assert_true(mailbox_refresh(m, now_is(0), NULL, on_changed, w));
    assert_string_equal(w->told, "");
    assert_uids(m, "1 2 3");
    assert_null(mailbox_read(m, 2, &length));
    assert_false(mailbox_set_flags(m, 2, IMAP_SEEN));
    assert_false(mailbox_measure(m, 2));
    assert_true(mailbox_unlink(m, 2));
    assert_true(mailbox_refresh(m, now_is(0), NULL, on_changed, w));
    assert_uids(m, "1 2 3");
    assert_refresh(w, m, "-2 ", "1 3");
    mailbox_close(m);
}

static void what_was_gone_does_not_come_back(void **state)
{
    struct world *w = *state;
    three(w);
    struct mailbox *m = opened(w, false);
    move_file(w->root, "cur/1.a:2,", "tmp/1.a");
    assert_refresh(w, m, "-1 ", "2 3");
    move_file(w->root, "tmp/1.a", "cur/1.a:2,");
    w->told[0] = 0;
    assert_true(mailbox_refresh(m, now_is(0), on_gone, on_changed, w));
    assert_string_equal(w->told, "");
    assert_int_equal(m->messages[0].uid, 2); /* at the end, or not at all */
    assert_int_equal(m->messages[1].uid, 3);
    mailbox_close(m);
}

/* However short after the last look a message comes: the time of a directory has ticks. */
static void no_delivery_is_missed(void **state)
{
    struct world *w = *state;
    struct mailbox *m = opened(w, false);
    for (size_t i = 0; i < 100; i++) {
        char name[32];
        snprintf(name, sizeof name, "new/%zu.x", 1000 + i);
        put_file(w->root, name, TEXT);
        assert_true(mailbox_refresh(m, now_is(0), on_gone, on_changed, w));
        assert_int_equal(m->count, i + 1);
    }
    mailbox_close(m);
}

static void a_mailbox_that_is_removed_cannot_be_refreshed(void **state)
{
    struct world *w = *state;
    three(w);
    struct mailbox *m = opened(w, false);
    assert_true(mailbox_remove(w->root));
    assert_false(mailbox_refresh(m, now_is(0), on_gone, on_changed, w));
    assert_int_equal(m->count, 3);
    mailbox_close(m);
    assert_null(mailbox_open(w->root, false, now_is(0)));
    assert_int_equal(errno, ENOENT);
}

/* ---- flags --------------------------------------------------------------------------------- */

static void flags_are_in_the_name(void **state)
{
    struct world *w = *state;
    three(w);
    put_file(w->root, "cur/4.d:2,Sab", TEXT); /* letters of another program */
    struct mailbox *m = opened(w, false), *other = opened(w, false);
    assert_true(mailbox_set_flags(m, 1, IMAP_FLAGS_KEPT));
    assert_true(is_there(w->root, "cur/1.a:2,DFPRST"));
    assert_true(mailbox_set_flags(m, 2, 0));
    assert_true(is_there(w->root, "cur/2.b:2,"));
    assert_true(mailbox_set_flags(m, 3, IMAP_SEEN | IMAP_RECENT));
    assert_true(is_there(w->root, "cur/3.c:2,S"));
    assert_int_equal(m->messages[2].flags, IMAP_SEEN);
    assert_true(mailbox_set_flags(m, 4, IMAP_FLAGGED));
    assert_true(is_there(w->root, "cur/4.d:2,Fab"));
    assert_refresh(w, m, "", "1 2 3 4");          /* our own changes are no news */
    assert_false(mailbox_set_flags(other, 1, 0)); /* gone, as far as it knows */
    assert_refresh(w, other, "~1 ~2 ~3 ~4 ", "1 2 3 4");
    assert_true(mailbox_set_flags(other, 1, 0));
    mailbox_close(m);
    mailbox_close(other);
}

/* However long the name of a file is, its flags do not hide it. */
static void long_names_keep_their_flags(void **state)
{
    struct world *w = *state;
    for (size_t length = 200; length <= 240; length += 8) {
        char name[MAILBOX_NAME_BYTES] = "cur/";
        memset(name + 4, 'n', length);
        snprintf(name + 4 + length, 8, "%s", length % 16 ? ":2," : "");
        put_file(w->root, name, TEXT);
    }
    struct mailbox *m = opened(w, false);
    size_t count = m->count;
    assert_int_equal(count, 6);
    for (size_t i = 1; i <= count; i++)
        assert_true(mailbox_set_flags(m, i, IMAP_FLAGS_KEPT));
    assert_refresh(w, m, "", "1 2 3 4 5 6");
    assert_int_equal(m->messages[5].flags, IMAP_FLAGS_KEPT);
    mailbox_close(m);
}

static void unlinked_messages_stand_until_they_are_dropped(void **state)
{
    struct world *w = *state;
    three(w);
    struct mailbox *m = opened(w, false);
    assert_true(mailbox_unlink(m, 2));
    assert_true(mailbox_unlink(m, 2));
    assert_uids(m, "1 2 3");
    mailbox_drop(m, 2);
    assert_refresh(w, m, "", "1 3");
    mailbox_close(m);
}

/* ---- texts --------------------------------------------------------------------------------- */

static void assert_text(struct mailbox *m, size_t number, const char *expected)
{
    size_t length;
    uint8_t *text = mailbox_read(m, number, &length);
    assert_non_null(text);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(text, expected, length);
    assert_true(mailbox_measure(m, number));
    assert_int_equal(m->messages[number - 1].bytes, length); /* RFC822.SIZE is what BODY[] has */
    free(text);
}

static void texts_have_crlf(void **state)
{
    struct world *w = *state;
    char far[4001], bare[4010], whole[4010];
    memset(far, 'x', sizeof far - 1);
    far[sizeof far - 1] = 0;
    snprintf(bare, sizeof bare, "%s\n\n", far);
    snprintf(whole, sizeof whole, "%s\r\n\r\n", far);
    put_file(w->root, "cur/1:2,", "A: b\r\n\r\nc\r\n");
    put_file(w->root, "cur/2:2,", "A: b\n\nc\n");
    put_file(w->root, "cur/3:2,", "");
    put_file(w->root, "cur/4:2,", "no end");
    put_file(w->root, "cur/5:2,", "A: b\n\nc");
    put_file(w->root, "cur/6:2,", bare); /* its first line is long */
    struct mailbox *m = opened(w, false);
    assert_text(m, 1, "A: b\r\n\r\nc\r\n");
    assert_text(m, 2, "A: b\r\n\r\nc\r\n");
    assert_text(m, 3, "");
    assert_text(m, 4, "no end");
    assert_text(m, 5, "A: b\r\n\r\nc");
    assert_text(m, 6, whole);
    mailbox_close(m);
}

static void messages_are_put(void **state)
{
    struct world *w = *state;
    char names[3][MAILBOX_NAME_BYTES];
    uint32_t uids[3], validity;
    struct now now = now_is(0);
    three(w);
    struct mailbox *m = opened(w, false);
    put_file(w->root, "new/9.z", TEXT);
    for (uint64_t i = 0; i < 3; i++)
        assert_true(
            mailbox_put(w->root, span_text(TEXT), i == 1 ? IMAP_SEEN : 0, 837596665, now, 100 + i, names[i]));
    assert_true(mailbox_settle(w->root, now, names, 3, &validity, uids));
    assert_int_equal(validity, m->uid_validity);
    assert_true(uids[0] == 4 && uids[1] == 5 && uids[2] == 6);
    assert_int_equal(files_in(w->root, "tmp"), 0);
    assert_true(is_there(w->root, "new/9.z")); /* it stays recent for who selects the mailbox */
    assert_refresh(w, m, "", "1 2 3 4 5 6 7");
    assert_text(m, 5, TEXT);
    assert_int_equal(m->messages[4].flags, IMAP_SEEN);
    assert_int_equal(m->messages[4].date_s, 837596665);
    assert_int_equal(m->messages[6].flags, IMAP_RECENT);
    mailbox_unput(w->root, names[0]);
    assert_refresh(w, m, "-4 ", "1 2 3 5 6 7");
    assert_false(mailbox_put("/nonexistent/wirelab", span_text(TEXT), 0, 0, now, 1, names[0]));
    mailbox_close(m);
}

/* ---- folders ------------------------------------------------------------------------------- */

static void on_name(void *owner, struct span name)
{
    struct world *w = owner;
    size_t n = strlen(w->told);
    snprintf(w->told + n, sizeof w->told - n, "%.*s ", (int)name.len, (const char *)name.at);
}

static void make_folder(struct world *w, const char *name)
{
    char path[PATH_MAX];
    assert_true(mailbox_path(w->root, span_text(name), path));
    assert_false(mailbox_exists(path));
    assert_true(mailbox_make(path));
    assert_true(mailbox_exists(path));
}

static void folders_are_directories_with_a_dot(void **state)
{
    struct world *w = *state;
    char path[PATH_MAX], expected[PATH_MAX];
    make_folder(w, "Sent");
    make_folder(w, "Archive.2026");
    make_folder(w, "&U,BTFw-");
    snprintf(path, sizeof path, "%s/.no-maildir", w->root);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/.bad..name", w->root);
    assert_true(mailbox_make(path));
    snprintf(path, sizeof path, "%s/.inbox", w->root); /* INBOX is one name in any case */
    assert_true(mailbox_make(path));
    put_file(w->root, ".file", "");
    w->told[0] = 0;
    mailbox_list(w->root, on_name, w);
    assert_string_equal(w->told, "INBOX &U,BTFw- Archive.2026 Sent ");
    snprintf(expected, sizeof expected, "%s/.Archive.2026", w->root);
    assert_true(mailbox_path(w->root, span_text("Archive.2026"), path));
    assert_string_equal(path, expected);
    assert_true(mailbox_path(w->root, span_text("INBOX"), path));
    assert_string_equal(path, w->root);
    w->told[0] = 0;
    mailbox_list("/nonexistent/wirelab", on_name, w);
    assert_string_equal(w->told, "INBOX ");
}

static void no_name_leaves_the_root(void **state)
{
    struct world *w = *state;
    static const char *const names[] = { "",          ".",  "..", "/",    "/../x",  "../x", "./../x",
                                         "a/../../x", "x/", ".x", "x..y", "&AC8-x", "x\ny", "/etc/passwd" };
    char path[PATH_MAX];
    for (size_t i = 0; i < COUNT(names); i++)
        if (mailbox_path(w->root, span_text(names[i]), path))
            fail_msg("%s: %s", names[i], path);
    assert_false(mailbox_path(w->root, span_of("x\0y", 3), path));
    char longest[PATH_MAX];
    memset(longest, 'r', sizeof longest);
    longest[PATH_MAX - 100] = 0;
    assert_false(mailbox_path(longest, span_text("x"), path));
}

static void a_folder_is_removed_with_all_in_it(void **state)
{
    struct world *w = *state;
    char path[PATH_MAX];
    make_folder(w, "Old");
    make_folder(w, "Old.Older");
    assert_true(mailbox_path(w->root, span_text("Old"), path));
    put_file(path, "cur/1.a:2,", TEXT);
    put_file(path, "cur/.nfs0001", TEXT);
    put_file(path, "new/2.b", TEXT);
    put_file(path, "tmp/3.c", TEXT);
    put_file(path, "maildirfolder", ""); /* Maildir++ has it in every folder */
    mailbox_close(mailbox_open(path, false, now_is(0)));
    assert_true(mailbox_remove(path));
    assert_false(is_there(w->root, ".Old"));
    assert_true(is_there(w->root, ".Old.Older/cur"));
    assert_false(mailbox_remove(path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(uids_last),
        TEST(an_empty_mailbox_keeps_its_validity),
        TEST(recent_is_told_once),
        TEST(uids_that_are_lost_make_a_new_mailbox),
        TEST(lines_that_are_lost_give_new_uids),
        TEST(uids_that_cannot_be_read_are_not_lost),
        TEST(one_message_has_one_uid),
        TEST(only_files_are_messages),
        TEST(refresh_tells_what_others_did),
        TEST(what_is_gone_can_wait),
        TEST(what_was_gone_does_not_come_back),
        TEST(no_delivery_is_missed),
        TEST(a_mailbox_that_is_removed_cannot_be_refreshed),
        TEST(flags_are_in_the_name),
        TEST(long_names_keep_their_flags),
        TEST(unlinked_messages_stand_until_they_are_dropped),
        TEST(texts_have_crlf),
        TEST(messages_are_put),
        TEST(folders_are_directories_with_a_dot),
        TEST(no_name_leaves_the_root),
        TEST(a_folder_is_removed_with_all_in_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
