/* Any bytes as lines, words, names, FETCH items, SEARCH keys: read without harm; what is read and written
 * again reads the same; what is too much fails. */
#include "wire/imap.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX   16384
#define ARENA_BYTES (1 << 20)
#define ROOM        (8 * INPUT_MAX)

static uint8_t room[ROOM], other[ROOM];

static void must(bool condition)
{
    if (!condition)
        abort();
}

static bool within(struct span s, struct span in)
{
    return s.at >= in.at && s.at + s.len <= in.at + in.len;
}

/* ---- lines --------------------------------------------------------------------------------- */

static void lines(struct span in)
{
    struct imap_line line;
    size_t taken;
    while (in.len > 0) { /* each turn takes an octet at least, or ends */
        enum imap_token token = imap_split(in, &line, &taken);
        must(taken <= in.len && within(line.text, in) && taken <= IMAP_LINE_MAX);
        must((token == IMAP_MORE) == (taken == 0));
        if (token == IMAP_MORE)
            return;
        must(token != IMAP_LINE || line.text.len == taken);
        must(token == IMAP_LINE || !line.literal);
        in = span_from(in, taken);
        if (token == IMAP_LINE && line.literal)
            in = line.literal_bytes < in.len ? span_from(in, (size_t)line.literal_bytes) : span_of(in.at, 0);
    }
}

/* ---- words --------------------------------------------------------------------------------- */

static void words(struct span in, struct arena *a, bool small)
{
    struct reader r = reader_over(in);
    struct reader back;
    bool nil;
    struct span s = imap_read_astring(&r, a);
    if (reader_ok(&r) && !small) {
        struct writer w = writer_over(room, ROOM);
        imap_write_astring(&w, s);
        must(writer_ok(&w));
        back = reader_over(writer_span(&w));
        must(span_equal(imap_read_astring(&back, a), s) && reader_done(&back));
    }
    r = reader_over(in);
    s = imap_read_nstring(&r, a, &nil);
    must(!nil || s.len == 0);
    r = reader_over(in);
    imap_read_pattern(&r, a);
    r = reader_over(in);
    imap_read_tag(&r);
    imap_read_space(&r);
    imap_read_word(&r);
    r = reader_over(in);
    unsigned flags = imap_read_flags(&r, true);
    must((flags & ~(unsigned)IMAP_FLAGS_KEPT) == 0);
    r = reader_over(in);
    imap_read_status_items(&r);
}

static void dates(struct span in)
{
    struct reader r = reader_over(in);
    int64_t unix_s = imap_read_date_time(&r);
    if (reader_ok(&r) && unix_s > 0 && unix_s < 253402300800) {
        struct writer w = writer_over(room, ROOM);
        imap_write_date_time(&w, unix_s);
        struct reader back = reader_over(writer_span(&w));
        must(imap_read_date_time(&back) == unix_s && reader_done(&back));
    }
    r = reader_over(in);
    imap_read_date(&r);
}

/* ---- names --------------------------------------------------------------------------------- */

static void names(struct span in, struct arena *a)
{
    struct writer utf8 = writer_over(room, ROOM), name = writer_over(other, ROOM);
    if (imap_name_to_utf8(&utf8, in)) {
        must(imap_name_from_utf8(&name, writer_span(&utf8)));
        must(span_equal(writer_span(&name), in)); /* there is one form */
    }
    utf8 = writer_over(room, ROOM), name = writer_over(other, ROOM);
    if (imap_name_from_utf8(&name, in)) {
        must(imap_name_to_utf8(&utf8, writer_span(&name)));
        must(span_equal(writer_span(&utf8), in));
    }
    struct reader r = reader_over(in);
    struct span box = imap_read_mailbox(&r, a);
    if (reader_ok(&r)) {
        must(imap_name_is_good(box) && span_find(box, '/') == box.len && box.at[0] != '.');
        must(imap_name_matches(box, span_text("*")) && imap_name_matches(box, box));
    }
    size_t half = in.len / 2;
    imap_name_matches(span_head(in, half), span_from(in, half));
}

/* ---- sets ---------------------------------------------------------------------------------- */

static void sets(struct span in, struct arena *a)
{
    struct reader r = reader_over(in);
    struct imap_set set = imap_read_set(&r, a);
    if (!reader_ok(&r))
        return;
    struct writer w = writer_over(room, ROOM);
    struct imap_run run = { 0 };
    must(set.count > 0);
    for (uint32_t n = 1; n <= 64; n++)
        if (imap_set_has(&set, n, 60))
            imap_write_run(&w, &run, n);
    imap_write_run_end(&w, &run);
    if (writer_length(&w) == 0)
        return;
    struct reader back = reader_over(writer_span(&w));
    struct imap_set again = imap_read_set(&back, a);
    must(reader_done(&back));
    for (uint32_t n = 1; n <= 64; n++)
        must(imap_set_has(&set, n, 60) == imap_set_has(&again, n, 60));
}

/* ---- FETCH and SEARCH ---------------------------------------------------------------------- */

static void fetches(struct span in, struct arena *a)
{
    struct reader r = reader_over(in);
    struct imap_fetch f = imap_read_fetch(&r, a);
    if (!reader_ok(&r))
        return;
    must(f.count > 0 && f.count <= IMAP_FETCH_MAX);
    for (size_t i = 0; i < f.count; i++) {
        struct imap_fetch_item *item = &f.items[i];
        if (item->kind != IMAP_FETCH_SECTION)
            continue;
        item->partial = false; /* an answer has no count, so it is not read again */
        struct writer w = writer_over(room, ROOM);
        imap_write_section(&w, item);
        must(writer_ok(&w));
        struct reader back = reader_over(writer_span(&w));
        struct imap_fetch again = imap_read_fetch(&back, a);
        if (!again.items)
            return; /* no memory */
        must(reader_done(&back) && again.count == 1);
        must(again.items[0].section.depth == item->section.depth);
        must(again.items[0].section.text == item->section.text);
        must(again.items[0].section.field_count == item->section.field_count);
    }
}

static void searches(struct span in, struct arena *a)
{
    struct reader r = reader_over(in);
    struct imap_search s = imap_read_search(&r, a);
    int64_t depth = 0;
    if (!reader_ok(&r) || s.bad_charset)
        return;
    must(s.count > 1 && s.count <= IMAP_KEYS_MAX);
    for (size_t i = 0; i < s.count; i++) { /* as it is run: each key finds its operands */
        const struct imap_key *k = &s.keys[i];
        int64_t needs = k->kind == IMAP_KEY_NOT   ? 1
                        : k->kind == IMAP_KEY_OR  ? 2
                        : k->kind == IMAP_KEY_AND ? k->number
                                                  : 0;
        must(needs >= 0 && needs <= depth && (k->kind != IMAP_KEY_AND || needs > 0));
        depth += 1 - needs;
    }
    must(depth == 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_MAX)
        return 0;
    struct arena a;
    struct span in = span_of(data + 1, size - 1);
    arena_open(&a, 4096, data[0] & 1 ? ARENA_BYTES : data[0] * 16u); /* also one that ends soon */
    lines(in);
    words(in, &a, !(data[0] & 1));
    dates(in);
    if (data[0] & 1)
        names(in, &a);
    if (data[0] & 1)
        sets(in, &a);
    searches(in, &a);
    fetches(in, &a);
    arena_close(&a);
    return 0;
}
