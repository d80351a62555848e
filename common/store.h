/* Durable state behind one narrow interface: rows in named tables, changed in batches, each told when it is
 * on disk. The engine, SQLite or PostgreSQL, is on a thread of its own, which commits all that waits as one
 * transaction. No SQL outside the engines; a table is described by data, so that it can be read with sqlite3.
 */
#ifndef WIRELAB_STORE_H
#define WIRELAB_STORE_H

#include "loop.h"
#include "problem.h"

enum store_type { STORE_NUMBER, STORE_TEXT, STORE_BYTES };

struct store_column {
    const char *name;
    enum store_type type;
};

#define STORE_COLUMNS_MAX 16

/* Whose a row is, where several programs have one store: of those that its holder columns name, until the
 * time (unix seconds) in its until column; a row whose state is "free" is nobody's. */
struct store_holder {
    size_t state, until;
    unsigned columns; /* a bit for each */
};

/* Constant; the first key_columns columns are the key. */
struct store_table {
    const char *name;
    size_t key_columns, column_count;
    struct store_column columns[STORE_COLUMNS_MAX];
    const struct store_holder *holder; /* its rows can be claimed; NULL: they cannot */
    bool shared;                       /* without holders, and several programs may use it all the same */
};

struct store_value {
    int64_t number;    /* STORE_NUMBER */
    struct span bytes; /* STORE_TEXT, STORE_BYTES; at == NULL: null */
};

enum store_change_kind { STORE_PUT, STORE_DELETE, STORE_CLAIM };

/* PUT: a whole row, new or in the place of the one with the same key. DELETE: only the key columns are read.
 * CLAIM: as PUT, but a row that is another holder's stays, and *lost is set; the others of the commit are
 * made. */
struct store_change {
    enum store_change_kind kind;
    const struct store_table *table;
    struct store_value values[STORE_COLUMNS_MAX];
    int64_t now_s; /* CLAIM: holders whose time is over by now are none */
    bool *lost;    /* CLAIM: false before; lives until the commit is told */
};

struct store;
struct events;
/* On the loop. ok: all changes of the call are on disk. Not ok: none is, and `why` says it in words. */
typedef void store_done_fn(void *owner, bool ok, const char *why);
/* One row of store_load(); the values are valid until it returns. False stops the loading. */
typedef bool store_row_fn(void *owner, const struct store_value *values);

/* One row that another program changed, on the loop. */
typedef void store_follow_fn(void *owner, const struct store_value *values);

/* Opens (or makes) WHERE/wirelab.db and its thread; or the database of a URL that begins with
 * "postgresql://", which several programs may share. NULL, and *p says why. */
struct store *store_open(struct loop *l, const char *where, struct problem *p);
/* Tells rows of the table that others change, from now on. A row may be told more than once. */
void store_follow(struct store *s, const struct store_table *t, store_follow_fn *fn, void *owner);
/* From now on `e` hears when commits fail, and when they succeed again. */
void store_watch(struct store *s, struct events *e);
/* Makes the table when it is not there. Waits for a commit that is under way. */
bool store_use(struct store *s, const struct store_table *t, struct problem *p);
/* Reads all rows, in key order, on the calling thread; for the start of a service. */
bool store_load(struct store *s, const struct store_table *t, store_row_fn *fn, void *owner,
                struct problem *p);
/* Copies the changes and returns; they are committed in the order of the calls, each call whole or not at
 * all.
 */
void store_commit(struct store *s, const struct store_change *changes, size_t count, store_done_fn *done,
                  void *owner);
/* Commits what waits and ends the thread; store_close() is still to come. False: it did not end within so
 * long, for the disk or the database does not answer, and nothing of the store may be freed. */
bool store_end(struct store *s, uint64_t patience_ms);
/* Commits what waits, tells it, and ends the thread. Who follows a table is told nothing any more. */
void store_close(struct store *s);

/* For tests: from now on every commit fails with this reason, as a full disk would; NULL: no longer. */
void store_fail(struct store *s, const char *why);

/* Files that must survive a crash: writes a temporary name beside `path`, syncs it, renames it, syncs the
 * directory. False with errno set. For small files on the calling thread (keys); servers use their own
 * thread. */
bool file_write_durably(const char *path, struct span bytes, unsigned mode);

#endif
