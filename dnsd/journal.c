#include "journal.h"

#include "condense.h"

#include <stdio.h>
#include <stdlib.h>

static const struct store_table table = { .name = "dnsd_change",
                                          .key_columns = 2,
                                          .column_count = 6,
                                          .columns = { { "zone", STORE_TEXT },
                                                       { "number", STORE_NUMBER },
                                                       { "from_serial", STORE_NUMBER },
                                                       { "to_serial", STORE_NUMBER },
                                                       { "removed", STORE_BYTES },
                                                       { "added", STORE_BYTES } } };

#define ROWS_A_COMMIT (JOURNAL_CHANGES_MAX + 3)
#define FORGOTTEN_MAX (2 * JOURNAL_CHANGES_MAX) /* at once: in memory, and on their way to the disk */

/* A change on its way to the disk. */
struct committing {
    struct journal *journal;
    struct change *change;
    int64_t number;
    struct change *fold; /* what takes the place of fold_count changes from the one of this number on */
    int64_t fold_number;
    size_t fold_count;
    int64_t old_number; /* without a fold: those up to this one go */
    unsigned beginning; /* the journal's; with another one since, all of it was forgotten */
    struct zone_mark file, last;
    uint8_t digests[2][8]; /* of these, as they stand on disk */
    store_done_fn *done;
    void *owner;
};

/* ---- in memory ---------------------------------------------------------------------------------------- */

static size_t bytes_of(const struct change *c)
{
    return c->removed.length + c->added.length;
}

/* How many of the oldest must go when this one comes; those that were folded do not count by their bytes. */
static size_t surplus(const struct journal *j, const struct change *more)
{
    size_t n = 0, bytes = bytes_of(more);
    for (size_t i = j->folded; i < j->count; i++)
        bytes += bytes_of(j->changes[i]);
    while (n < j->count &&
           (j->count - n + j->in_flight >= JOURNAL_CHANGES_MAX || bytes > JOURNAL_BYTES_MAX)) {
        bytes -= n >= j->folded ? bytes_of(j->changes[n]) : 0;
        n++;
    }
    return n;
}

static void drop(struct journal *j, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++)
        change_release(j->changes[i]);
    j->count -= n;
    memmove(j->changes + from, j->changes + from + n, (j->count - from) * sizeof *j->changes);
    memmove(j->numbers + from, j->numbers + from + n, (j->count - from) * sizeof *j->numbers);
    if (j->folded > from)
        j->folded = j->folded > from + n ? j->folded - n : from;
}

/* Takes over the hold. What does not follow on the last one makes a new beginning. */
static void keep(struct journal *j, struct change *c, int64_t number)
{
    if (j->count && j->changes[j->count - 1]->to != c->from)
        drop(j, 0, j->count);
    if (j->count == JOURNAL_CHANGES_MAX)
        drop(j, 0, 1);
    j->changes[j->count] = c;
    j->numbers[j->count++] = number;
    if (number >= j->next_number)
        j->next_number = number + 1;
}

static size_t records_of(const struct change *c)
{
    return c->removed.count + c->added.count;
}

/* The oldest that were not folded as one, and with those before them that are not more than twice as large:
 * so each record is folded again as often only as the journal doubles. NULL: no memory. */
static struct change *fold(const struct journal *j, size_t *first, size_t *count)
{
    size_t from = j->folded, end = j->folded + JOURNAL_FOLD;
    size_t records = 0;
    end = end < j->count ? end : j->count;
    for (size_t i = from; i < end; i++)
        records += records_of(j->changes[i]);
    while (from > 0 && records_of(j->changes[from - 1]) <= 2 * records)
        records += records_of(j->changes[--from]);
    *first = from;
    *count = end - from;
    return condense(j->changes + from, end - from, SIZE_MAX);
}

/* What was folded is on disk. */
static void take_fold(struct journal *j, struct committing *c)
{
    size_t at = 0;
    j->folding = false;
    while (at < j->count && j->numbers[at] != c->fold_number)
        at++;
    if (at + c->fold_count > j->count) /* another beginning was made meanwhile */
        return;
    drop(j, at + 1, c->fold_count - 1);
    change_release(j->changes[at]);
    j->changes[at] = change_hold(c->fold);
    j->folded = at + 1;
}

static struct journal *find(struct journals *all, struct span zone)
{
    struct journal *j = all->first;
    while (j && !span_is(zone, j->zone)) /* zones that were changed are few */
        j = j->next;
    return j;
}

static struct journal *find_or_make(struct journals *all, struct span zone)
{
    struct journal *j = find(all, zone);
    if (j)
        return j;
    j = zone.len < sizeof j->zone ? calloc(1, sizeof *j) : NULL;
    if (!j)
        return NULL;
    memcpy(j->zone, zone.at, zone.len);
    j->next_number = 1;
    j->next = all->first;
    all->first = j;
    return j;
}

struct journal *journals_of(struct journals *all, const struct dns_name *lower, bool make)
{
    char text[JOURNAL_KEY_MAX];
    struct writer w = writer_over(text, sizeof text);
    write_text(&w, all->view);
    if (all->view[0])
        write_u8(&w, ' ');
    write_dns_name_text(&w, dns_name_span(lower));
    return make ? find_or_make(all, writer_span(&w)) : find(all, writer_span(&w));
}

/* ---- on disk ---------------------------------------------------------------------------------------------
 */

/* The row that tells which versions the changes follow on and lead to, where a file is the first of them. */
#define MARKS_NUMBER 0

static uint64_t digest_in(struct span bytes)
{
    struct reader r = reader_over(bytes);
    return read_u64(&r);
}

static bool copy_records(struct change_records *to, struct span from)
{
    struct reader r = reader_over(from);
    struct dns_record record;
    struct span rdata;
    while (change_next(&r, &record, &rdata)) /* each turn takes a record */
        if (!change_add_record(to, dns_name_span(&record.owner), record.type, record.ttl, rdata))
            return false;
    return reader_ok(&r);
}

/* Up to the last blank stands the view: a name has none. */
static bool is_ours(const struct journals *all, struct span key)
{
    size_t view_bytes = strlen(all->view);
    struct span rest = view_bytes ? span_from(key, view_bytes + 1) : key;
    return span_starts(key, all->view) && rest.len && span_find(rest, ' ') == rest.len &&
           (!view_bytes || span_find(span_from(key, view_bytes), ' ') == 0);
}

static bool load_row(void *owner, const struct store_value *v)
{
    if (!is_ours(owner, v[0].bytes))
        return true;
    struct journal *j = find_or_make(owner, v[0].bytes);
    if (j && v[1].number == MARKS_NUMBER) {
        j->file = (struct zone_mark){ (uint32_t)v[2].number, digest_in(v[4].bytes) };
        j->last = (struct zone_mark){ (uint32_t)v[3].number, digest_in(v[5].bytes) };
        return true;
    }
    struct change *c = j ? change_new((uint32_t)v[2].number, (uint32_t)v[3].number) : NULL;
    if (!c || !copy_records(&c->removed, v[4].bytes) || !copy_records(&c->added, v[5].bytes)) {
        change_release(c);
        return false;
    }
    keep(j, c, v[1].number);
    return true;
}

bool journals_open(struct journals *all, struct store *store, const char *view, struct problem *p)
{
    *all = (struct journals){ .store = store };
    snprintf(all->view, sizeof all->view, "%s", view);
    return !store || (store_use(store, &table, p) && store_load(store, &table, load_row, all, p));
}

void journals_close(struct journals *all)
{
    for (struct journal *j = all->first, *next; j; j = next) {
        next = j->next;
        drop(j, 0, j->count);
        free(j);
    }
    all->first = NULL;
}

static struct store_change row_of(const struct journal *j, int64_t number)
{
    struct store_change row = { .kind = STORE_DELETE, .table = &table };
    row.values[0].bytes = span_text(j->zone);
    row.values[1].number = number;
    return row;
}

static struct store_change row_with(const struct journal *j, int64_t number, const struct change *c)
{
    struct store_change put = row_of(j, number);
    put.kind = STORE_PUT;
    put.values[2].number = c->from;
    put.values[3].number = c->to;
    put.values[4].bytes = span_of(c->removed.bytes, c->removed.length);
    put.values[5].bytes = span_of(c->added.bytes, c->added.length);
    return put;
}

static size_t count_up_to(const struct journal *j, int64_t number)
{
    size_t n = 0;
    while (n < j->count && j->numbers[n] <= number)
        n++;
    return n;
}

static void committed(void *owner, bool ok, const char *why)
{
    struct committing *c = owner;
    struct journal *j = c->journal;
    if (ok && c->fold)
        take_fold(j, c);
    else if (ok)
        drop(j, 0, count_up_to(j, c->old_number));
    if (c->fold)
        j->folding = false;
    j->in_flight--;
    if (ok && c->beginning == j->beginning) {
        keep(j, change_hold(c->change), c->number);
        j->file = c->file;
        j->last = c->last;
    }
    c->done(c->owner, ok, why);
    change_release(c->fold);
    change_release(c->change);
    free(c);
}

/* Those that lead to the file, where that is a later version than their first one: it has them in it. */
static size_t in_file(const struct journal *j, const struct zone_mark *file)
{
    size_t n = 0;
    while (file->digest && n < j->count && j->changes[n]->from != file->serial)
        n++;
    return n;
}

/* Chooses what is folded or goes when the change comes. False: no memory. */
static bool make_place(struct journal *j, struct committing *c, bool all_count)
{
    bool follows = j->count && j->changes[j->count - 1]->to == c->change->from;
    size_t first, old = follows ? surplus(j, c->change) : j->count;
    size_t needless = follows && all_count ? in_file(j, &c->file) : j->count;
    old = old < needless || !needless ? old : needless;
    if (!old || needless) {
        c->old_number = old ? j->numbers[old - 1] : 0;
        return true;
    }
    if (j->folding) /* it makes place enough */
        return true;
    c->fold = fold(j, &first, &c->fold_count);
    if (!c->fold)
        return j->count < JOURNAL_CHANGES_MAX;
    c->fold_number = j->numbers[first];
    j->folding = true;
    return true;
}

static struct store_change row_of_marks(const struct journal *j, struct committing *c)
{
    struct store_change put = row_of(j, MARKS_NUMBER);
    const struct zone_mark *marks[] = { &c->file, &c->last };
    put.kind = STORE_PUT;
    for (size_t i = 0; i < 2; i++) {
        struct writer w = writer_over(c->digests[i], sizeof c->digests[i]);
        write_u64(&w, marks[i]->digest);
        put.values[2 + i].number = marks[i]->serial;
        put.values[4 + i].bytes = writer_span(&w);
    }
    return put;
}

/* Marks are on disk, or may come there before what is committed now; `own`: so many in flight are that. */
static bool may_have_marks(const struct journal *j, size_t own)
{
    return j->file.digest || j->in_flight > own;
}

/* The rows of a commit; how many. */
static size_t rows_of(const struct journal *j, struct committing *c, struct store_change *rows)
{
    size_t count = 0;
    bool folding = false;
    for (size_t i = 0; i < j->count; i++) {
        folding = folding || (c->fold && j->numbers[i] == c->fold_number);
        if (j->numbers[i] <= c->old_number || (folding && count < c->fold_count))
            rows[count++] = row_of(j, j->numbers[i]);
    }
    if (c->fold)
        rows[count++] = row_with(j, c->fold_number, c->fold);
    rows[count++] = row_with(j, c->number, c->change);
    if (c->file.digest)
        rows[count++] = row_of_marks(j, c);
    else if (may_have_marks(j, 1))
        rows[count++] = row_of(j, MARKS_NUMBER);
    return count;
}

void journal_commit(struct journals *all, struct journal *j, struct change *c, const struct journal_way *way,
                    store_done_fn *done, void *owner)
{
    static struct store_change rows[ROWS_A_COMMIT]; /* store_commit() copies them */
    struct committing *pending = calloc(1, sizeof *pending);
    if (pending)
        *pending = (struct committing){ .journal = j,
                                        .change = change_hold(c),
                                        .beginning = j->beginning,
                                        .file = way->file,
                                        .last = way->last,
                                        .done = done,
                                        .owner = owner };
    if (!pending || !make_place(j, pending, way->all_count)) {
        if (pending)
            change_release(c);
        free(pending);
        done(owner, false, "out of memory");
        return;
    }
    pending->number = j->next_number++;
    j->in_flight++;
    if (!all->store)
        committed(pending, true, NULL);
    else
        store_commit(all->store, rows, rows_of(j, pending, rows), committed, pending);
}

static void forgotten(void *owner, bool ok, const char *why)
{
    (void)owner;
    (void)ok; /* what stays on disk does not follow on the zone, and is passed over at the next start */
    (void)why;
}

void journal_forget(struct journals *all, struct journal *j)
{
    static struct store_change rows[FORGOTTEN_MAX + 1]; /* store_commit() copies them */
    size_t count = 0;
    for (; count < j->count; count++)
        rows[count] = row_of(j, j->numbers[count]);
    for (int64_t number = j->next_number - (int64_t)j->in_flight;
         number < j->next_number && count < FORGOTTEN_MAX; number++)
        rows[count++] = row_of(j, number);
    if (may_have_marks(j, 0))
        rows[count++] = row_of(j, MARKS_NUMBER);
    if (count && all->store)
        store_commit(all->store, rows, count, forgotten, NULL);
    drop(j, 0, j->count);
    j->beginning++;
    j->file = j->last = (struct zone_mark){ 0 };
}

/* ---- asking -----------------------------------------------------------------------------------------------
 */

size_t journal_since(const struct journal *j, uint32_t serial, struct change *const **out)
{
    for (size_t i = 0; i < j->count; i++)
        if (j->changes[i]->from == serial) {
            *out = &j->changes[i];
            return j->count - i;
        }
    return 0;
}

enum journal_file journal_judge(const struct journal *j, const struct zone *file)
{
    if (!j->file.digest || zone_is_marked(file, &j->file) || zone_is_marked(file, &j->last))
        return JOURNAL_FOLLOWS;
    if (dns_serial_newer(file->serial, j->last.serial))
        return JOURNAL_OLD;
    bool known = file->serial == j->file.serial || file->serial == j->last.serial;
    return known ? JOURNAL_RECORDS : JOURNAL_SERIAL;
}

bool journal_replay(const struct journal *j, struct zone **z, const char **why)
{
    struct change *const *changes;
    size_t count = journal_since(j, (*z)->serial, &changes);
    *why = "the changes that follow on the file are not there";
    if (!count && zone_is_marked(*z, &j->file) && j->file.serial != j->last.serial)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!change_apply(z, changes[i], why))
            return false;
    return true;
}
