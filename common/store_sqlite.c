#include "store_engine.h"

#include "text.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define TABLES_MAX 16
#define SQL_BYTES  2048
#define BUSY_MS    2000 /* how long a person's sqlite3 may hold the file before a commit fails */

struct prepared {
    const struct store_table *table;
    sqlite3_stmt *put, *delete;
};

struct sqlite {
    struct engine engine;
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *rollback;
    size_t table_count;
    struct prepared tables[TABLES_MAX];
};

static const char *sqlite_error(struct engine *engine);

static bool engine_problem(struct sqlite *e, const char *doing, struct problem *p)
{
    problem_set(p, "store: cannot %s: %s", doing, sqlite_error(&e->engine));
    return false;
}

/* WAL with FULL: a commit appends to one file and syncs it once. */
static const char settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;";

static bool prepare(struct sqlite *e, const char *sql, sqlite3_stmt **out)
{
    return sqlite3_prepare_v3(e->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK;
}

static void say_remedy(struct problem *p, const char *directory, int code)
{
    if (code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM)
        problem_remedy(p, "%s must be a directory that this user may write to (key `state`)", directory);
    else if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        problem_remedy(p,
                       "%s/wirelab.db is damaged: put a backup in its place, or move it away to start anew",
                       directory);
    else if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
        problem_remedy(p, "another program holds %s/wirelab.db", directory);
}

static const char *sqlite_error(struct engine *engine)
{
    struct sqlite *e = (struct sqlite *)engine;
    return e->db ? sqlite3_errmsg(e->db) : "out of memory";
}

/* "name", "name", ... for `count` columns from `from` on, each followed by `suffix`. */
static void write_columns(struct writer *w, const struct store_table *t, size_t count, const char *suffix)
{
    for (size_t i = 0; i < count; i++)
        write_format(w, "%s\"%s\"%s", i ? ", " : "", t->columns[i].name, suffix);
}

static const char *sql_end(struct writer *w)
{
    write_u8(w, 0);
    return writer_ok(w) ? (const char *)w->start : NULL;
}

static const char *sql_create(struct writer *w, const struct store_table *t)
{
    static const char *const types[] = { "INTEGER", "TEXT", "BLOB" };
    write_format(w, "CREATE TABLE IF NOT EXISTS \"%s\" (", t->name);
    for (size_t i = 0; i < t->column_count; i++)
        write_format(w, "%s\"%s\" %s", i ? ", " : "", t->columns[i].name, types[t->columns[i].type]);
    write_text(w, ", PRIMARY KEY (");
    write_columns(w, t, t->key_columns, "");
    bool number_key =
        t->key_columns == 1 && t->columns[0].type == STORE_NUMBER; /* then it is SQLite's own row id */
    write_text(w, number_key ? "))" : ")) WITHOUT ROWID");
    return sql_end(w);
}

static const char *sql_add_column(struct writer *w, const struct store_table *t, size_t i)
{
    static const char *const types[] = { "INTEGER", "TEXT", "BLOB" };
    write_format(w, "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s", t->name, t->columns[i].name,
                 types[t->columns[i].type]);
    return sql_end(w);
}

static const char *sql_put(struct writer *w, const struct store_table *t)
{
    write_format(w, "INSERT OR REPLACE INTO \"%s\" (", t->name);
    write_columns(w, t, t->column_count, "");
    write_text(w, ") VALUES (");
    for (size_t i = 0; i < t->column_count; i++)
        write_text(w, i ? ", ?" : "?");
    write_text(w, ")");
    return sql_end(w);
}

static const char *sql_delete(struct writer *w, const struct store_table *t)
{
    write_format(w, "DELETE FROM \"%s\" WHERE ", t->name);
    for (size_t i = 0; i < t->key_columns; i++)
        write_format(w, "%s\"%s\" = ?", i ? " AND " : "", t->columns[i].name);
    return sql_end(w);
}

static const char *sql_load(struct writer *w, const struct store_table *t)
{
    write_text(w, "SELECT ");
    write_columns(w, t, t->column_count, "");
    write_format(w, " FROM \"%s\" ORDER BY ", t->name);
    write_columns(w, t, t->key_columns, "");
    return sql_end(w);
}

static struct prepared *find(struct sqlite *e, const struct store_table *t)
{
    for (size_t i = 0; i < e->table_count; i++)
        if (e->tables[i].table == t)
            return &e->tables[i];
    return NULL;
}

static bool has_column(struct sqlite *e, const struct store_table *t, size_t i)
{
    return sqlite3_table_column_metadata(e->db, NULL, t->name, t->columns[i].name, NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

/* A table that an earlier version made has not the columns that came later: in its rows they are null. */
static bool add_columns(struct sqlite *e, const struct store_table *t)
{
    char add[SQL_BYTES];
    for (size_t i = t->key_columns; i < t->column_count; i++) {
        struct writer w = writer_over(add, sizeof add);
        if (!has_column(e, t, i) &&
            (!sql_add_column(&w, t, i) || sqlite3_exec(e->db, add, NULL, NULL, NULL) != SQLITE_OK))
            return false;
    }
    return true;
}

static bool sqlite_use(struct engine *engine, const struct store_table *t, struct problem *p)
{
    struct sqlite *e = (struct sqlite *)engine;
    char create[SQL_BYTES], put[SQL_BYTES], delete[SQL_BYTES];
    struct writer c = writer_over(create, sizeof create), i = writer_over(put, sizeof put),
                  d = writer_over(delete, sizeof delete);
    if (find(e, t))
        return true;
    if (e->table_count == TABLES_MAX || !sql_create(&c, t) || !sql_put(&i, t) || !sql_delete(&d, t)) {
        problem_set(p, "store: table %s does not fit", t->name);
        return false;
    }
    struct prepared *new = &e->tables[e->table_count];
    new->table = t;
    if (sqlite3_exec(e->db, create, NULL, NULL, NULL) != SQLITE_OK || !add_columns(e, t) ||
        !prepare(e, put, &new->put) || !prepare(e, delete, &new->delete)) {
        engine_problem(e, t->name, p);
        problem_remedy(p,
                       "the table was made by another version; move the state directory away to start anew");
        sqlite3_finalize(new->put);
        new->put = NULL;
        return false;
    }
    e->table_count++;
    return true;
}

static void read_row(sqlite3_stmt *s, const struct store_table *t, struct store_value *values)
{
    for (int i = 0; i < (int)t->column_count; i++) {
        values[i] = (struct store_value){ 0 };
        if (t->columns[i].type == STORE_NUMBER)
            values[i].number = sqlite3_column_int64(s, i);
        else if (sqlite3_column_type(s, i) != SQLITE_NULL) {
            const void *at = sqlite3_column_blob(s, i);
            values[i].bytes = span_of(at ? at : "", (size_t)sqlite3_column_bytes(s, i));
        }
    }
}

static bool sqlite_load(struct engine *engine, const struct store_table *t, store_row_fn *fn, void *owner,
                        struct problem *p)
{
    struct sqlite *e = (struct sqlite *)engine;
    char sql[SQL_BYTES];
    struct writer w = writer_over(sql, sizeof sql);
    struct store_value values[STORE_COLUMNS_MAX];
    sqlite3_stmt *s = NULL;
    if (!sql_load(&w, t) || !prepare(e, sql, &s))
        return engine_problem(e, "read a table", p);
    int state;
    while ((state = sqlite3_step(s)) == SQLITE_ROW) {
        read_row(s, t, values);
        if (!fn(owner, values))
            break;
    }
    bool ok = state == SQLITE_DONE || state == SQLITE_ROW;
    if (!ok)
        engine_problem(e, "read a table", p);
    sqlite3_finalize(s);
    return ok;
}

static bool step(sqlite3_stmt *s)
{
    int state = sqlite3_step(s);
    sqlite3_reset(s);
    return state == SQLITE_DONE;
}

static bool sqlite_begin(struct engine *engine)
{
    struct sqlite *e = (struct sqlite *)engine;
    return step(e->begin);
}

static bool sqlite_commit(struct engine *engine)
{
    struct sqlite *e = (struct sqlite *)engine;
    return step(e->commit);
}

static void sqlite_undo(struct engine *engine)
{
    struct sqlite *e = (struct sqlite *)engine;
    if (!sqlite3_get_autocommit(e->db))
        step(e->rollback);
}

static int bind_value(sqlite3_stmt *s, int at, enum store_type type, const struct store_value *v)
{
    if (type == STORE_NUMBER)
        return sqlite3_bind_int64(s, at, v->number);
    if (!v->bytes.at)
        return sqlite3_bind_null(s, at);
    if (type == STORE_TEXT)
        return sqlite3_bind_text64(s, at, (const char *)v->bytes.at, v->bytes.len, SQLITE_STATIC,
                                   SQLITE_UTF8);
    return sqlite3_bind_blob64(s, at, v->bytes.at, v->bytes.len, SQLITE_STATIC);
}

static bool sqlite_apply(struct engine *engine, const struct store_change *c)
{
    struct sqlite *e = (struct sqlite *)engine;
    struct prepared *p = find(e, c->table);
    if (!p)
        return false;
    bool put = c->kind != STORE_DELETE; /* nobody else has the file: each claim is granted */
    sqlite3_stmt *s = put ? p->put : p->delete;
    size_t count = put ? c->table->column_count : c->table->key_columns;
    for (size_t i = 0; i < count; i++)
        if (bind_value(s, (int)i + 1, c->table->columns[i].type, &c->values[i]) != SQLITE_OK)
            return false;
    return step(s);
}

static void sqlite_close(struct engine *engine)
{
    struct sqlite *e = (struct sqlite *)engine;
    for (size_t i = 0; i < e->table_count; i++) {
        sqlite3_finalize(e->tables[i].put);
        sqlite3_finalize(e->tables[i].delete);
    }
    sqlite3_finalize(e->begin);
    sqlite3_finalize(e->commit);
    sqlite3_finalize(e->rollback);
    sqlite3_close(e->db);
    free(e);
}

static const struct engine_type sqlite = { .use = sqlite_use,
                                           .load = sqlite_load,
                                           .begin = sqlite_begin,
                                           .apply = sqlite_apply,
                                           .commit = sqlite_commit,
                                           .undo = sqlite_undo,
                                           .error = sqlite_error,
                                           .close = sqlite_close };

struct engine *sqlite_open(const char *directory, struct problem *p)
{
    char path[4096];
    struct sqlite *e = calloc(1, sizeof *e);
    if (!e) {
        problem_set(p, "out of memory");
        return NULL;
    }
    if (mkdir(directory, 0755) != 0 && errno != EEXIST) {
        problem_set(p, "store: cannot make the directory %s: %s", directory, strerror(errno));
        problem_remedy(p, "write another path for the key `state`, or make its parent directory");
        free(e);
        return NULL;
    }
    e->engine.type = &sqlite;
    snprintf(path, sizeof path, "%s/wirelab.db", directory);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    bool ok = sqlite3_open_v2(path, &e->db, flags, NULL) == SQLITE_OK;
    if (ok) {
        sqlite3_busy_timeout(e->db, BUSY_MS);
        ok = sqlite3_exec(e->db, settings, NULL, NULL, NULL) == SQLITE_OK &&
             prepare(e, "BEGIN IMMEDIATE", &e->begin) && prepare(e, "COMMIT", &e->commit) &&
             prepare(e, "ROLLBACK", &e->rollback);
    }
    if (ok)
        return &e->engine;
    problem_set(p, "store: cannot open %s: %s", path, sqlite_error(&e->engine));
    say_remedy(p, directory, sqlite3_errcode(e->db));
    sqlite_close(&e->engine);
    return NULL;
}
