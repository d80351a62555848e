#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab/view_stream.h"
#include "rng.h"

#define TEXT "the quick brown fox jumps over the lazy dog"

static struct span piece(size_t from, size_t to)
{
    return span_of(TEXT + from, to - from);
}

static void assert_text(const struct view_stream *s, size_t length)
{
    assert_true(span_equal(view_stream_span(s), span_of(TEXT, length)));
}

static void segments_in_order(void **state)
{
    (void)state;
    struct view_stream s = { 0 };
    view_stream_begin(&s, 100);
    assert_int_equal(view_stream_add(&s, 100, piece(0, 10), 0), VIEW_CAME_NEW);
    assert_int_equal(view_stream_add(&s, 110, piece(10, 20), 0), VIEW_CAME_NEW);
    assert_text(&s, 20);
    view_stream_take(&s, 0, 4);
    assert_true(span_equal(view_stream_span(&s), piece(4, 20)));
    view_stream_take(&s, 2, 3);
    assert_true(span_is(view_stream_span(&s), "qu brown fox "));
    view_stream_close(&s);
}

/* Each order of five pieces, over the end of the sequence numbers, each piece also twice. */
static void any_order(void **state)
{
    (void)state;
    const size_t ends[6] = { 0, 7, 8, 20, 33, sizeof TEXT - 1 };
    for (uint32_t first = 0xffffffe0; first != 0x10; first++)
        for (unsigned code = 0; code < 120; code++) {
            struct view_stream s = { 0 };
            unsigned rest = code;
            bool used[5] = { false };
            view_stream_begin(&s, first);
            for (unsigned i = 5; i > 0; i--) {
                unsigned skip = rest % i, k = 0;
                rest /= i;
                while (used[k] || skip > 0)
                    skip -= !used[k++];
                used[k] = true;
                view_stream_add(&s, first + (uint32_t)ends[k], piece(ends[k], ends[k + 1]), 0);
                view_stream_add(&s, first + (uint32_t)ends[k], piece(ends[k], ends[k + 1]), 0);
            }
            assert_text(&s, sizeof TEXT - 1);
            assert_int_equal(s.piece_count, 0);
            assert_int_equal(s.gap, 0);
            view_stream_close(&s);
        }
}

/* Pieces of any length and place, until all is there: what is delivered is always a beginning of the text. */
static void pieces_that_overlap(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 7);
    for (int turn = 0; turn < 2000; turn++) {
        struct view_stream s = { 0 };
        size_t length = sizeof TEXT - 1;
        view_stream_begin(&s, 5);
        for (int i = 0; i < 5000 && view_stream_span(&s).len < length; i++) {
            size_t from = rng_below(&r, length), to = from + 1 + rng_below(&r, length - from);
            view_stream_add(&s, 5 + (uint32_t)from, piece(from, to), 0);
            assert_text(&s, view_stream_span(&s).len);
            assert_int_equal(s.gap, 0);
        }
        assert_text(&s, length);
        view_stream_close(&s);
    }
}

static void what_came_again_is_told(void **state)
{
    (void)state;
    struct view_stream s = { 0 };
    view_stream_begin(&s, 0);
    view_stream_add(&s, 0, piece(0, 10), 0);
    assert_int_equal(view_stream_add(&s, 0, piece(0, 10), 0), VIEW_CAME_AGAIN);
    assert_int_equal(view_stream_add(&s, 5, piece(5, 12), 0), VIEW_CAME_NEW);
    assert_int_equal(view_stream_add(&s, 20, piece(20, 22), 0), VIEW_CAME_EARLY);
    assert_text(&s, 12);
    view_stream_close(&s);
}

/* The other side has it, and we do not: it will not come. */
static void what_was_acknowledged_and_not_seen_is_a_gap(void **state)
{
    (void)state;
    struct view_stream s = { 0 };
    view_stream_begin(&s, 0);
    view_stream_add(&s, 0, piece(0, 10), 0);
    view_stream_add(&s, 15, piece(15, 20), 0);
    view_stream_acknowledge(&s, 12); /* not yet: 12 to 14 may still come */
    assert_int_equal(s.gap, 0);
    view_stream_acknowledge(&s, 20);
    assert_int_equal(s.gap, 5);
    assert_text(&s, 10);
    view_stream_add(&s, 20, piece(20, 25), 0);
    assert_text(&s, 10); /* nothing passes the gap */
    view_stream_take(&s, 0, 10);
    assert_int_equal(view_stream_take_gap(&s), 5);
    assert_true(span_equal(view_stream_span(&s), piece(15, 25)));
    assert_int_equal(view_stream_take_gap(&s), 0);
    view_stream_close(&s);
}

static void what_the_capture_cut_off_is_a_gap(void **state)
{
    (void)state;
    struct view_stream s = { 0 };
    view_stream_begin(&s, 0);
    view_stream_add(&s, 10, piece(10, 12), 8); /* early, and cut */
    view_stream_add(&s, 0, piece(0, 10), 0);
    assert_text(&s, 12);
    assert_int_equal(s.gap, 8);
    view_stream_add(&s, 20, piece(20, 30), 0);
    assert_int_equal(view_stream_take_gap(&s), 8);
    assert_int_equal(view_stream_span(&s).len, 22);
    view_stream_close(&s);
}

static void an_end_comes_behind_all_bytes(void **state)
{
    (void)state;
    struct view_stream s = { 0 };
    view_stream_begin(&s, 0);
    view_stream_fin(&s, 10);
    assert_false(s.ended);
    view_stream_add(&s, 0, piece(0, 10), 0);
    assert_true(s.ended);
    view_stream_close(&s);
    view_stream_begin(&s, 0);
    view_stream_fin(&s, 10);
    view_stream_acknowledge(&s, 11);
    assert_int_equal(view_stream_take_gap(&s), 10);
    assert_true(s.ended);
    view_stream_close(&s);
}

/* A peer that never closes a hole, and one whose bytes nobody takes. */
static void memory_has_bounds(void **state)
{
    (void)state;
    static uint8_t bytes[1400];
    struct view_stream s = { 0 };
    view_stream_begin(&s, 0);
    for (uint32_t i = 1; i < 10000; i++) {
        view_stream_add(&s, i * 1400, span_of(bytes, sizeof bytes), 0);
        assert_true(s.piece_count <= VIEW_STREAM_PIECES);
        assert_true(s.aside_bytes <= VIEW_STREAM_ASIDE_MAX + sizeof bytes);
        assert_true(s.length <= VIEW_STREAM_BYTES_MAX);
        if (i % 1000 == 0)
            view_stream_take_gap(&s);
    }
    view_stream_close(&s);
}

static void the_first_segment_begins_it(void **state)
{
    (void)state;
    struct view_stream s = { 0 };
    view_stream_acknowledge(&s, 77);
    view_stream_add(&s, 5000, piece(0, 10), 0);
    assert_text(&s, 10);
    view_stream_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_in_order),
        cmocka_unit_test(any_order),
        cmocka_unit_test(pieces_that_overlap),
        cmocka_unit_test(what_came_again_is_told),
        cmocka_unit_test(what_was_acknowledged_and_not_seen_is_a_gap),
        cmocka_unit_test(what_the_capture_cut_off_is_a_gap),
        cmocka_unit_test(an_end_comes_behind_all_bytes),
        cmocka_unit_test(memory_has_bounds),
        cmocka_unit_test(the_first_segment_begins_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
