#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns_replies.h"

#define HEADER "\0\0\0\0\0\0\0\0\0\0\0\0" /* twelve octets that no pointer may go to */

static const char *text_of(struct span name)
{
    static char room[DNS_NAME_TEXT_MAX + 1];
    struct writer w = writer_over(room, sizeof room - 1);
    write_dns_name_text(&w, name);
    room[writer_length(&w)] = 0;
    return room;
}

/* Reads the name at `offset`; NULL when it is refused, and then the reader must have failed. */
static const char *read_at(struct span message, size_t offset, size_t *left)
{
    struct dns_name n;
    struct reader r = reader_over(message);
    read_skip(&r, offset);
    bool ok = read_dns_name(&r, message, &n);
    assert_int_equal(ok, reader_ok(&r));
    *left = reader_left(&r);
    if (ok)
        assert_int_equal(n.at[n.labels], n.len - 1);
    return ok ? text_of(dns_name_span(&n)) : NULL;
}

#define READ(bytes, offset, left) read_at(span_of(bytes, sizeof(bytes) - 1), offset, left)

static void reads_plain_and_compressed_names(void **state)
{
    static const char m[] = HEADER "\3www\7example\0" /* 12 */
                                   "\3ftp\300\020"    /* 25: ftp + example at 16 */
                                   "\300\031rest";    /* 31: a pointer alone, to 25 */
    size_t left;
    (void)state;
    assert_string_equal(READ(m, 12, &left), "www.example.");
    assert_string_equal(READ(m, 25, &left), "ftp.example.");
    assert_int_equal(left, 6);
    assert_string_equal(READ(m, 31, &left), "ftp.example.");
    assert_int_equal(left, 4); /* reading goes on behind the first pointer */
    assert_string_equal(READ(m, 24, &left), ".");
}

static void refuses_pointers_that_do_not_go_back(void **state)
{
    size_t left;
    (void)state;
    assert_null(READ(HEADER "\300\014", 12, &left));      /* itself */
    assert_null(READ(HEADER "\300\016\1a\0", 12, &left)); /* forwards */
    assert_null(READ(HEADER "\1a\300\014", 12, &left));   /* to its own start */
    assert_null(READ(HEADER "\1a\300\020\1b\300\014", 12, &left));
    assert_null(READ("\0\0\0\0\0\0\0\0\0\0\1a\0\300\012", 13, &left)); /* into the header */
    assert_null(READ(HEADER "\1a\0\300", 15, &left));                  /* half a pointer */
    assert_null(READ(HEADER "\1a\0\377\377", 15, &left));              /* past the end */
}

static void refuses_the_other_label_kinds(void **state)
{
    size_t left;
    (void)state;
    for (int kind = 0x40; kind < 0xC0; kind += 0x3F) {
        char m[13 + 80] = { 0 };
        m[12] = (char)kind; /* 01 and 10: RFC 6891 5 and RFC 2673, both gone */
        assert_null(READ(m, 12, &left));
    }
}

/* Every cut of a name is refused, and the octet behind the cut is not looked at. */
static void refuses_names_that_are_cut_short(void **state)
{
    static const char m[] = HEADER "\3www\7example\0";
    size_t left;
    (void)state;
    for (size_t len = 12; len < sizeof m - 1; len++) {
        char *exact = malloc(len ? len : 1);
        memcpy(exact, m, len);
        assert_null(read_at(span_of(exact, len), 12, &left));
        free(exact);
    }
}

/* 255 octets are a name, 256 are not; however they are put together. */
static void bounds_the_length(void **state)
{
    uint8_t m[600] = { 0 };
    struct writer w = writer_over(m, sizeof m);
    size_t left;
    (void)state;
    write_zeros(&w, 12);
    for (int i = 0; i < 3; i++) {
        write_u8(&w, 63);
        write_zeros(&w, 63);
    }
    write_u8(&w, 61);
    write_zeros(&w, 61);
    write_u8(&w, 0);
    assert_int_equal(writer_length(&w), 12 + 255);
    assert_non_null(read_at(writer_span(&w), 12, &left));
    struct mark one_more = writer_mark(&w);
    write_bytes(&w, "\1a\300\014", 4);
    assert_null(read_at(writer_span(&w), one_more.offset, &left));
    m[12 + 192] = 62;
    assert_null(read_at(span_of(m, 12 + 257), 12, &left));
}

static void bounds_the_hops(void **state)
{
    uint8_t m[12 + 3 + 2 * 200];
    struct writer w = writer_over(m, sizeof m);
    size_t left;
    (void)state;
    write_zeros(&w, 12);
    write_bytes(&w, "\1a\0", 3);
    for (int i = 0; i < 200; i++)
        write_u16(&w, (uint16_t)(0xC000 | (i ? 15 + 2 * (i - 1) : 12)));
    assert_string_equal(read_at(writer_span(&w), 15 + 2 * (DNS_NAME_HOPS_MAX - 1), &left), "a.");
    assert_null(read_at(writer_span(&w), 15 + 2 * DNS_NAME_HOPS_MAX, &left));
}

static void plain_names_have_no_pointers(void **state)
{
    struct reader r = reader_over(span_of("\1a\1b\0rest", 9));
    (void)state;
    assert_int_equal(read_plain_name(&r).len, 5);
    assert_int_equal(reader_left(&r), 4);
    r = reader_over(span_of("\1a\300\0", 4));
    assert_int_equal(read_plain_name(&r).len, 0);
    assert_false(reader_ok(&r));
}

static const char *from_text(const char *text, const char *origin)
{
    static struct dns_name o, n;
    o = name_of(origin);
    const char *wrong = dns_name_from_text(span_text(text), &o, &n);
    if (!wrong)
        assert_int_equal(n.at[n.labels], n.len - 1);
    return wrong ? "wrong" : text_of(dns_name_span(&n));
}

static void text_follows_rfc_1035(void **state)
{
    (void)state;
    assert_string_equal(from_text("@", "example."), "example.");
    assert_string_equal(from_text(".", "example."), ".");
    assert_string_equal(from_text("www", "example."), "www.example.");
    assert_string_equal(from_text("www.", "example."), "www.");
    assert_string_equal(from_text("a\\.b", "example."), "a\\.b.example."); /* a dot that ends no label */
    assert_string_equal(from_text("\\065\\032\\255", "."), "A\\032\\255.");
    assert_string_equal(from_text("\\@", "."), "\\@.");
    assert_string_equal(from_text("a\\", "."), "wrong");
    assert_string_equal(from_text("\\25", "."), "wrong");
    assert_string_equal(from_text("\\256", "."), "wrong");
    assert_string_equal(from_text("\\2a5", "."), "wrong");
    assert_string_equal(from_text("a..b", "."), "wrong");
    assert_string_equal(from_text(".a", "."), "wrong");
    assert_string_equal(from_text("", "."), "wrong");
}

static void text_is_bounded(void **state)
{
    char label[66], text[600] = "";
    (void)state;
    memset(label, 'a', 63);
    label[63] = 0;
    assert_string_not_equal(from_text(label, "."), "wrong");
    label[63] = 'a';
    label[64] = 0;
    assert_string_equal(from_text(label, "."), "wrong");
    for (int i = 0; i < 127; i++)
        memcpy(text + 2 * i, "a.", 3);
    assert_string_not_equal(from_text(text, "."), "wrong"); /* 127 labels, 255 octets */
    memcpy(text + 254, "a.", 3);
    assert_string_equal(from_text(text, "."), "wrong");
    text[252] = 0; /* 126 labels and a dot: relative to nothing */
    text[251] = 0;
    assert_string_not_equal(from_text(text, "."), "wrong");
    assert_string_equal(from_text(text, "example."), "wrong"); /* with the origin it grows too long */
}

static void comparing_ignores_case(void **state)
{
    struct dns_name a = name_of("wWw.Example."), b = name_of("www.example."), c = name_of("example.");
    struct dns_name other = name_of("anexample."), lower;
    (void)state;
    assert_true(dns_name_equal(dns_name_span(&a), dns_name_span(&b)));
    assert_true(dns_name_within(&a, &c));
    assert_true(dns_name_within(&c, &c));
    assert_false(dns_name_within(&c, &a));
    assert_false(dns_name_within(&other, &c)); /* ends alike, but not at a label */
    dns_name_lower(&lower, &a);
    assert_memory_equal(lower.bytes, b.bytes, b.len);
    assert_int_equal(dns_name_compare(&a, &b), 0);
}

/* RFC 4034 6.1's own list. */
static void canonical_order(void **state)
{
    static const char *const sorted[] = { "example.",         "a.example.",      "yljkjljk.a.example.",
                                          "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                                          "\\001.z.example.", "*.z.example.",    "\\200.z.example." };
    (void)state;
    for (size_t i = 0; i < 9; i++)
        for (size_t k = 0; k < 9; k++) {
            struct dns_name a = name_of(sorted[i]), b = name_of(sorted[k]);
            int order = dns_name_compare(&a, &b);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
}

/* ---- writing ------------------------------------------------------------------------- */

static struct dns_names names;
static uint8_t room[70000];

static struct writer open_message(bool exact_case)
{
    struct writer w = writer_over(room, sizeof room);
    write_zeros(&w, DNS_HEADER_BYTES);
    dns_names_open(&names, exact_case);
    return w;
}

static size_t written(struct writer *w, const char *name)
{
    struct dns_name n = name_of(name);
    size_t before = writer_length(w), left;
    write_dns_name(w, &names, dns_name_span(&n));
    struct dns_name back;
    struct reader r = reader_over(writer_span(w));
    read_skip(&r, before);
    assert_true(read_dns_name(&r, writer_span(w), &back)); /* whatever was shared, it reads back alike */
    left = reader_left(&r);
    assert_int_equal(left, 0);
    assert_true(dns_name_equal(dns_name_span(&n), dns_name_span(&back)));
    return writer_length(w) - before;
}

static void compression_shares_suffixes(void **state)
{
    struct writer w = open_message(false);
    (void)state;
    assert_int_equal(written(&w, "www.example.com."), 17);
    assert_int_equal(written(&w, "www.example.com."), 2);
    assert_int_equal(written(&w, "mail.example.com."), 5 + 2);
    assert_int_equal(written(&w, "EXAMPLE.com."), 2);
    assert_int_equal(written(&w, "com."), 2);
    assert_int_equal(written(&w, "example.org."), 13);
    assert_int_equal(written(&w, "."), 1);
    assert_int_equal(written(&w, "a.mail.example.com."), 4);
    assert_int_equal(written(&w, "mail.a.example.com."), 5 + 2 + 2); /* the same label elsewhere is another */
}

static void compression_can_keep_case(void **state)
{
    struct writer w = open_message(true);
    (void)state;
    assert_int_equal(written(&w, "www.example.com."), 17);
    assert_int_equal(written(&w, "www.Example.com."), 4 + 8 + 2);
}

/* What was rolled back is not pointed to. */
static void compression_forgets(void **state)
{
    struct writer w = open_message(false);
    (void)state;
    written(&w, "example.com.");
    struct mark m = writer_mark(&w);
    written(&w, "www.example.com.");
    written(&w, "other.org.");
    writer_back_to(&w, m);
    dns_names_forget(&names, m);
    assert_int_equal(written(&w, "www.example.com."), 4 + 2);
    assert_int_equal(written(&w, "other.org."), 11);
    assert_int_equal(written(&w, "example.com."), 2);
}

/* Pointers reach 16383; names behind it are written, but cannot be pointed to. */
static void compression_ends_where_pointers_end(void **state)
{
    struct writer w = open_message(false);
    (void)state;
    write_zeros(&w, 0x3FFF - writer_length(&w));
    written(&w, "a.b.");
    assert_int_equal(written(&w, "b."), 3); /* at 0x4001 */
    struct writer far = open_message(false);
    write_zeros(&far, 0x4000 - writer_length(&far));
    assert_int_equal(written(&far, "x.y."), 5);
    assert_int_equal(written(&far, "x.y."), 5);
}

/* A message full of different names: right all the same, and no more is remembered than there is room for. */
static void compression_is_bounded(void **state)
{
    struct writer w = open_message(false);
    char text[64];
    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(text, sizeof text, "n%d.x%d.example.", i, i % 7);
        written(&w, text);
    }
    assert_true(names.count <= DNS_NAMES_MAX);
}

/* In every room that is too small the writer fails, and nothing behind its limit is touched. */
static void writing_into_small_rooms(void **state)
{
    struct dns_name n = name_of("www.example.com.");
    (void)state;
    for (size_t size = DNS_HEADER_BYTES; size < DNS_HEADER_BYTES + 17U; size++) {
        struct writer w = writer_over(room, size);
        write_zeros(&w, DNS_HEADER_BYTES);
        dns_names_open(&names, false);
        room[size] = 0xAA;
        write_dns_name(&w, &names, dns_name_span(&n));
        assert_false(writer_ok(&w));
        assert_int_equal(names.count, 0);
        assert_int_equal(room[size], 0xAA);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_plain_and_compressed_names),
        cmocka_unit_test(refuses_pointers_that_do_not_go_back),
        cmocka_unit_test(refuses_the_other_label_kinds),
        cmocka_unit_test(refuses_names_that_are_cut_short),
        cmocka_unit_test(bounds_the_length),
        cmocka_unit_test(bounds_the_hops),
        cmocka_unit_test(plain_names_have_no_pointers),
        cmocka_unit_test(text_follows_rfc_1035),
        cmocka_unit_test(text_is_bounded),
        cmocka_unit_test(comparing_ignores_case),
        cmocka_unit_test(canonical_order),
        cmocka_unit_test(compression_shares_suffixes),
        cmocka_unit_test(compression_can_keep_case),
        cmocka_unit_test(compression_forgets),
        cmocka_unit_test(compression_ends_where_pointers_end),
        cmocka_unit_test(compression_is_bounded),
        cmocka_unit_test(writing_into_small_rooms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
