#include "journal.h"

#include <stdlib.h>

static const struct store_table table = { "dnsd_change",
                                          2,
                                          6,
                                          { { "zone", STORE_TEXT },
                                            { "number", STORE_NUMBER },
                                            { "from_serial", STORE_NUMBER },
                                            { "to_serial", STORE_NUMBER },
                                            { "removed", STORE_BYTES },
                                            { "added", STORE_BYTES } } };

#define ROWS_A_COMMIT (JOURNAL_CHANGES_MAX + 1)

/* A change on its way to the disk. */
struct committing {
    struct journal *journal;
    struct change *change;
    store_done_fn *done;
    void *owner;
};

/* ---- in memory ---------------------------------------------------------------------------------------- */

static size_t bytes_of(const struct change *c)
{
    return c->removed.length + c->added.length;
}

/* How many of the oldest must go when this one comes. */
static size_t surplus(const struct journal *j, const struct change *more)
{
    size_t n = 0, bytes = j->bytes + bytes_of(more);
    while (n < j->count && (j->count - n >= JOURNAL_CHANGES_MAX || bytes > JOURNAL_BYTES_MAX))
        bytes -= bytes_of(j->changes[n++]);
    return n;
}

static void drop_oldest(struct journal *j, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        j->bytes -= bytes_of(j->changes[i]);
        change_release(j->changes[i]);
    }
    j->count -= n;
    memmove(j->changes, j->changes + n, j->count * sizeof *j->changes);
    memmove(j->numbers, j->numbers + n, j->count * sizeof *j->numbers);
}

/* Takes over the hold. What does not follow on the last one makes a new beginning. */
static void keep(struct journal *j, struct change *c, int64_t number)
{
    if (j->count && j->changes[j->count - 1]->to != c->from)
        drop_oldest(j, j->count);
    drop_oldest(j, surplus(j, c));
    j->changes[j->count] = c;
    j->numbers[j->count++] = number;
    j->bytes += bytes_of(c);
    if (number >= j->next_number)
        j->next_number = number + 1;
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
    char text[DNS_NAME_TEXT_MAX];
    struct writer w = writer_over(text, sizeof text);
    write_dns_name_text(&w, dns_name_span(lower));
    return make ? find_or_make(all, writer_span(&w)) : find(all, writer_span(&w));
}

/* ---- on disk ---------------------------------------------------------------------------------------------
 */

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

static bool load_row(void *owner, const struct store_value *v)
{
    struct journal *j = find_or_make(owner, v[0].bytes);
    struct change *c = j ? change_new((uint32_t)v[2].number, (uint32_t)v[3].number) : NULL;
    if (!c || !copy_records(&c->removed, v[4].bytes) || !copy_records(&c->added, v[5].bytes)) {
        change_release(c);
        return false;
    }
    keep(j, c, v[1].number);
    return true;
}

bool journals_open(struct journals *all, struct store *store, struct problem *p)
{
    *all = (struct journals){ .store = store };
    return !store || (store_use(store, &table, p) && store_load(store, &table, load_row, all, p));
}

void journals_close(struct journals *all)
{
    for (struct journal *j = all->first, *next; j; j = next) {
        next = j->next;
        drop_oldest(j, j->count);
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

static void committed(void *owner, bool ok, const char *why)
{
    struct committing *c = owner;
    if (ok)
        keep(c->journal, c->change, c->journal->next_number);
    else
        change_release(c->change);
    c->done(c->owner, ok, why);
    free(c);
}

void journal_commit(struct journals *all, struct journal *j, struct change *c, store_done_fn *done,
                    void *owner)
{
    static struct store_change rows[ROWS_A_COMMIT]; /* store_commit() copies them */
    struct committing *pending = malloc(sizeof *pending);
    size_t count = 0;
    if (!pending) {
        done(owner, false, "out of memory");
        return;
    }
    *pending = (struct committing){ j, change_hold(c), done, owner };
    if (!all->store) {
        committed(pending, true, NULL);
        return;
    }
    bool follows = j->count && j->changes[j->count - 1]->to == c->from;
    size_t old = follows ? surplus(j, c) : j->count;
    for (size_t i = 0; i < old; i++)
        rows[count++] = row_of(j, j->numbers[i]);
    struct store_change put = row_of(j, j->next_number);
    put.kind = STORE_PUT;
    put.values[2].number = c->from;
    put.values[3].number = c->to;
    put.values[4].bytes = span_of(c->removed.bytes, c->removed.length);
    put.values[5].bytes = span_of(c->added.bytes, c->added.length);
    rows[count++] = put;
    store_commit(all->store, rows, count, committed, pending);
}

static void forgotten(void *owner, bool ok, const char *why)
{
    (void)owner;
    (void)ok; /* what stays on disk does not follow on the zone, and is passed over at the next start */
    (void)why;
}

void journal_forget(struct journals *all, struct journal *j)
{
    struct store_change rows[JOURNAL_CHANGES_MAX];
    for (size_t i = 0; i < j->count; i++)
        rows[i] = row_of(j, j->numbers[i]);
    if (j->count && all->store)
        store_commit(all->store, rows, j->count, forgotten, NULL);
    drop_oldest(j, j->count);
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

bool journal_replay(const struct journal *j, struct zone **z, const char **why)
{
    struct change *const *changes;
    size_t count = journal_since(j, (*z)->serial, &changes);
    for (size_t i = 0; i < count; i++)
        if (!change_apply(z, changes[i], why))
            return false;
    return true;
}
