/* Any lines as changes by hand ("+www A 192.0.2.1", "-www", "=..."): what is decided fits the zone, the zone
 * that comes of it is printed and loads again as the same, and replacing the one before by it leads there,
 * too. */
#include "dns_replies.h"
#include "dns_versions.h"
#include "dnsd/edit.h"
#include "dnsd/zone_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EDITS_MAX 64

static const char before[] = "$TTL 5\n@ SOA ns h 7 1 1 1 1\n@ NS ns\nns A 192.0.2.1\nwww 60 A 192.0.2.2\n"
                             "alias CNAME www\nt TXT \"a b\"\nsub NS ns.sub\nns.sub A 192.0.2.3\n";

static void must(bool condition)
{
    if (!condition)
        abort();
}

static struct zone *load(struct span text)
{
    struct dns_name apex = name_of("z.");
    struct zone_builder *b = zone_builder_open(&apex, TEST_SEED, 0);
    struct masterfile *m = masterfile_open(b);
    enum zone_fault fault;
    masterfile_push(m, text, "fuzz");
    must(masterfile_run(m) == MASTERFILE_DONE);
    must(masterfile_errors(m) == 0);
    masterfile_close(m);
    return zone_builder_finish(b, &fault);
}

/* The same records, whatever the serials. */
static void must_be_same(const struct zone *a, const struct zone *b)
{
    struct change *c = change_between(a, b);
    must(c && c->removed.count == 1 && c->added.count == 1 && a->record_count == b->record_count);
    change_release(c);
}

static void print_and_load(const struct zone *z)
{
    static uint8_t text[1 << 22];
    struct writer w = writer_over(text, sizeof text);
    struct zone_walk *walk = zone_walk_open(z);
    struct zone_place p;
    zone_text_head(&w, z);
    while (zone_walk_next(walk, &p))
        zone_text_record(&w, z, &p);
    zone_walk_close(walk);
    must(writer_ok(&w));
    struct zone *again = load(writer_span(&w));
    must(again);
    must(again->serial == z->serial);
    must_be_same(z, again);
    zone_release(again);
}

static size_t cut(struct span text, struct edit *edits)
{
    size_t count = 0;
    while (text.len && count < EDITS_MAX) { /* each turn takes a line */
        struct span line = span_head(text, span_find(text, '\n'));
        text = span_from(text, line.len + 1);
        enum edit_kind kind = line.len && line.at[0] == '-' ? EDIT_REMOVE : EDIT_ADD;
        edits[count++] = (struct edit){ line.len && line.at[0] == '=' ? EDIT_SET : kind, span_from(line, 1) };
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct edit_problem p;
    struct edit edits[EDITS_MAX];
    struct edit_rules rules = { .next_serial = 8, .signs_itself = size % 2 };
    struct change *c, *whole;
    struct arena a;
    const char *why;
    struct zone *z = load(span_text(before));
    size_t count = cut(span_of(data, size), edits);
    arena_open(&a, 1 << 20, 1 << 26);
    bool ok = edit_decide(z, edits, count, &rules, &a, &c, &p);
    must(ok || (!c && p.text[0] && p.edit < count));
    if (c) {
        struct zone *next = zone_after(z, c, &why);
        must(next && next->serial == c->to);
        print_and_load(next);
        must(edit_replace(z, next, &rules, &whole) && whole);
        struct zone *replaced = zone_after(z, whole, &why);
        must(replaced);
        must(replaced->serial == next->serial);
        if (!rules.signs_itself)
            must_be_same(replaced, next);
        change_release(whole);
        zone_release(replaced);
        zone_release(next);
    }
    change_release(c);
    arena_close(&a);
    zone_release(z);
    return 0;
}
