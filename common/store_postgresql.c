/* The engine for stores that several programs share. A claim is an INSERT that gives way to another holder's
 * row; what each commit changed is told to the others by NOTIFY. A transaction is sent as a pipeline. */
#include "store_engine.h"

#include "postgres.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

#define TABLES_MAX  16
#define SQL_BYTES   4096
#define ERROR_BYTES 160
#define CHANNEL     "wirelab"
#define LOCK_OF_ALL "4711001" /* while tables are made: two programs may start at once */
#define FLUSH_EVERY 64 /* statements sent before answers are read, so that neither side's buffer fills */
#define QUEUE_MAX   (2 * FLUSH_EVERY)
#define CONNECT_S   "5"
#define SILENT_S    "5" /* a host that is away, or the way to it, is found out by TCP */
#define GONE_MS     "20000"
#define PARAMS_MAX  (STORE_COLUMNS_MAX + 1)

struct postgresql {
    struct engine engine;
    const struct postgres *pq;
    PGconn *connection;
    char *url;
    char error[ERROR_BYTES];
    size_t table_count;
    const struct store_table *tables[TABLES_MAX];
    size_t queued;
    bool *lost[QUEUE_MAX]; /* of the statements whose answers are not read yet; NULL: it is no claim */
    bool resync;           /* the connection is new: what others did meanwhile is not known */
};

static struct postgresql *of(struct engine *e)
{
    return (struct postgresql *)e;
}

/* The first line of what libpq says; never the URL, which may hold a password. */
static bool fail(struct postgresql *e, const char *said)
{
    struct span s = span_text(said ? said : "out of memory");
    s = span_head(s, span_find(s, '\n'));
    snprintf(e->error, sizeof e->error, "PostgreSQL: %.*s", (int)s.len, (const char *)s.at);
    return false;
}

static bool fail_connection(struct postgresql *e)
{
    return fail(e, e->pq->PQerrorMessage(e->connection));
}

/* ---- texts: any bytes, in a form that people can read ---------------------------------------------------
 */

static void write_escaped(struct writer *w, struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] >= ' ' && s.at[i] <= '~' && s.at[i] != '\\')
            write_u8(w, s.at[i]);
        else
            write_format(w, "\\x%02x", s.at[i]);
}

static int hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Back, into as many bytes at most. */
static struct span read_escaped(struct writer *w, struct span s)
{
    struct mark begin = writer_mark(w);
    for (size_t i = 0; i < s.len; i++) {
        bool code = s.at[i] == '\\' && i + 3 < s.len && s.at[i + 1] == 'x';
        int high = code ? hex_digit(s.at[i + 2]) : -1, low = code ? hex_digit(s.at[i + 3]) : -1;
        if (high < 0 || low < 0) {
            write_u8(w, s.at[i]);
            continue;
        }
        write_u8(w, (uint8_t)((unsigned)high << 4 | (unsigned)low));
        i += 3;
    }
    return span_from(writer_span(w), begin.offset);
}

/* "\x0102" as a bytea is printed. */
static struct span read_bytea(struct writer *w, struct span s)
{
    struct mark begin = writer_mark(w);
    for (size_t i = 2; i + 1 < s.len; i += 2)
        write_u8(w, (uint8_t)((unsigned)hex_digit(s.at[i]) << 4 | (unsigned)hex_digit(s.at[i + 1])));
    return span_from(writer_span(w), begin.offset);
}

/* ---- SQL
 * --------------------------------------------------------------------------------------------------- */

static const char *sql_end(struct writer *w)
{
    write_u8(w, 0);
    return writer_ok(w) ? (const char *)w->start : NULL;
}

static const char *type_of(enum store_type t)
{
    return t == STORE_NUMBER ? "BIGINT" : t == STORE_TEXT ? "TEXT" : "BYTEA";
}

static void write_names(struct writer *w, const struct store_table *t, size_t count)
{
    for (size_t i = 0; i < count; i++)
        write_format(w, "%s\"%s\"", i ? ", " : "", t->columns[i].name);
}

static const char *sql_create(struct writer *w, const struct store_table *t)
{
    write_format(w, "CREATE TABLE IF NOT EXISTS \"%s\" (", t->name);
    for (size_t i = 0; i < t->column_count; i++)
        write_format(w, "\"%s\" %s, ", t->columns[i].name, type_of(t->columns[i].type));
    write_text(w, "PRIMARY KEY (");
    write_names(w, t, t->key_columns);
    write_text(w, "))");
    for (size_t i = t->key_columns; i < t->column_count; i++) /* those that came with a later version */
        write_format(w, "; ALTER TABLE \"%s\" ADD COLUMN IF NOT EXISTS \"%s\" %s", t->name,
                     t->columns[i].name, type_of(t->columns[i].type));
    return sql_end(w);
}

static void write_claim(struct writer *w, const struct store_table *t)
{
    const struct store_holder *h = t->holder;
    write_format(w, " WHERE \"%s\".\"%s\" = 'free' OR \"%s\".\"%s\" <= $%zu OR (true", t->name,
                 t->columns[h->state].name, t->name, t->columns[h->until].name, t->column_count + 1);
    for (size_t i = 0; i < t->column_count; i++)
        if (h->columns & 1u << i)
            write_format(w, " AND \"%s\".\"%s\" IS NOT DISTINCT FROM excluded.\"%s\"", t->name,
                         t->columns[i].name, t->columns[i].name);
    write_text(w, ")");
}

static const char *sql_put(struct writer *w, const struct store_table *t, bool claim)
{
    write_format(w, "INSERT INTO \"%s\" (", t->name);
    write_names(w, t, t->column_count);
    write_text(w, ") VALUES (");
    for (size_t i = 0; i < t->column_count; i++)
        write_format(w, "%s$%zu", i ? ", " : "", i + 1);
    write_text(w, ") ON CONFLICT (");
    write_names(w, t, t->key_columns);
    write_text(w, t->column_count > t->key_columns ? ") DO UPDATE SET " : ") DO NOTHING");
    for (size_t i = t->key_columns; i < t->column_count; i++)
        write_format(w, "%s\"%s\" = excluded.\"%s\"", i > t->key_columns ? ", " : "", t->columns[i].name,
                     t->columns[i].name);
    if (claim)
        write_claim(w, t);
    return sql_end(w);
}

static void write_key_condition(struct writer *w, const struct store_table *t)
{
    for (size_t i = 0; i < t->key_columns; i++)
        write_format(w, "%s\"%s\" = $%zu", i ? " AND " : " WHERE ", t->columns[i].name, i + 1);
}

static const char *sql_delete(struct writer *w, const struct store_table *t)
{
    write_format(w, "DELETE FROM \"%s\"", t->name);
    write_key_condition(w, t);
    return sql_end(w);
}

static const char *sql_select(struct writer *w, const struct store_table *t, bool one)
{
    write_text(w, "SELECT ");
    write_names(w, t, t->column_count);
    write_format(w, " FROM \"%s\"", t->name);
    if (one) {
        write_key_condition(w, t);
    } else {
        write_text(w, " ORDER BY ");
        write_names(w, t, t->key_columns);
    }
    return sql_end(w);
}

/* ---- the connection
 * ------------------------------------------------------------------------------------------ */

static bool run(struct postgresql *e, const char *sql)
{
    PGresult *r = e->pq->PQexec(e->connection, sql);
    ExecStatusType status = e->pq->PQresultStatus(r);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!ok)
        fail_connection(e);
    e->pq->PQclear(r);
    return ok;
}

static bool prepare(struct postgresql *e, const char *kind, size_t table, const char *sql)
{
    char name[32];
    snprintf(name, sizeof name, "%s%zu", kind, table);
    PGresult *r = sql ? e->pq->PQprepare(e->connection, name, sql, 0, NULL) : NULL;
    bool ok = r && e->pq->PQresultStatus(r) == PGRES_COMMAND_OK;
    if (!ok)
        fail_connection(e);
    e->pq->PQclear(r);
    return ok;
}

static bool prepare_table(struct postgresql *e, size_t i)
{
    const struct store_table *t = e->tables[i];
    char put[SQL_BYTES], claim[SQL_BYTES], delete[SQL_BYTES], get[SQL_BYTES];
    struct writer p = writer_over(put, sizeof put), c = writer_over(claim, sizeof claim),
                  d = writer_over(delete, sizeof delete), g = writer_over(get, sizeof get);
    return prepare(e, "put", i, sql_put(&p, t, false)) &&
           (!t->holder || prepare(e, "claim", i, sql_put(&c, t, true))) &&
           prepare(e, "delete", i, sql_delete(&d, t)) && prepare(e, "get", i, sql_select(&g, t, true));
}

/* A table that is neither claimed nor shared is one program's, as long as its connection lasts. */
static bool own_table(struct postgresql *e, const struct store_table *t)
{
    char sql[SQL_BYTES];
    if (t->holder || t->shared)
        return true;
    snprintf(sql, sizeof sql, "SELECT pg_try_advisory_lock(hashtext('" CHANNEL ".%s'))", t->name);
    PGresult *r = e->pq->PQexec(e->connection, sql);
    bool ok = e->pq->PQresultStatus(r) == PGRES_TUPLES_OK && e->pq->PQgetvalue(r, 0, 0)[0] == 't';
    e->pq->PQclear(r);
    return ok || fail(e, "another program uses this table of the database; only leases can be shared");
}

/* Words that BEGIN and COMMIT are prepared as: a pipeline takes prepared statements alone. */
static bool prepare_all(struct postgresql *e)
{
    bool ok = run(e, "LISTEN " CHANNEL) && run(e, "SET client_min_messages = warning") &&
              prepare(e, "begin", 0, "BEGIN") && prepare(e, "commit", 0, "COMMIT") &&
              prepare(e, "notify", 0, "SELECT pg_notify('" CHANNEL "', $1)");
    for (size_t i = 0; ok && i < e->table_count; i++)
        ok = own_table(e, e->tables[i]) && prepare_table(e, i);
    return ok;
}

static void disconnect(struct postgresql *e)
{
    e->pq->PQfinish(e->connection); /* harmless with NULL */
    e->connection = NULL;
    e->queued = 0;
}

/* All that the engine needs of a connection, or none. */
static bool connect_now(struct postgresql *e)
{
    /* What stands before the URL may be otherwise there. */
    static const char *const keys[] = { "keepalives_idle",
                                        "keepalives_interval",
                                        "keepalives_count",
                                        "tcp_user_timeout",
                                        "dbname",
                                        "connect_timeout",
                                        "application_name",
                                        "client_encoding",
                                        NULL };
    const char *const values[] = {
        SILENT_S, SILENT_S, "3", GONE_MS, e->url, CONNECT_S, CHANNEL, "UTF8", NULL
    };
    disconnect(e);
    e->connection = e->pq->PQconnectdbParams(keys, values, 1);
    e->resync = true;
    if (e->pq->PQstatus(e->connection) != CONNECTION_OK)
        fail_connection(e);
    else if (prepare_all(e))
        return true;
    disconnect(e);
    return false;
}

static bool is_connected(const struct postgresql *e)
{
    return e->connection && e->pq->PQstatus(e->connection) == CONNECTION_OK;
}

static bool ensure_connected(struct postgresql *e)
{
    return is_connected(e) || connect_now(e);
}

static bool make_table(struct postgresql *e, const struct store_table *t)
{
    char sql[SQL_BYTES];
    struct writer w = writer_over(sql, sizeof sql);
    const char *create = sql_create(&w, t);
    bool ok = create && run(e, "SELECT pg_advisory_lock(" LOCK_OF_ALL ")") && run(e, create);
    return run(e, "SELECT pg_advisory_unlock(" LOCK_OF_ALL ")") && ok;
}

static bool postgresql_use(struct engine *engine, const struct store_table *t, struct problem *p)
{
    struct postgresql *e = of(engine);
    for (size_t i = 0; i < e->table_count; i++)
        if (e->tables[i] == t)
            return true;
    bool ok = ensure_connected(e) && e->table_count < TABLES_MAX && make_table(e, t) && own_table(e, t);
    if (ok) {
        e->tables[e->table_count] = t;
        ok = prepare_table(e, e->table_count);
        e->table_count += ok;
    }
    if (!ok)
        problem_set(p, "store: cannot use the table %s: %s", t->name, e->error);
    return ok;
}

/* ---- rows
 * ------------------------------------------------------------------------------------------------------ */

static size_t row_bytes(const struct postgresql *e, const PGresult *r, int row, const struct store_table *t)
{
    size_t bytes = 0;
    for (int i = 0; i < (int)t->column_count; i++)
        bytes += (size_t)e->pq->PQgetlength(r, row, i);
    return bytes;
}

static void read_row(const struct postgresql *e, const PGresult *r, int row, const struct store_table *t,
                     struct writer *room, struct store_value *values)
{
    for (int i = 0; i < (int)t->column_count; i++) {
        struct span text = span_of(e->pq->PQgetvalue(r, row, i), (size_t)e->pq->PQgetlength(r, row, i));
        values[i] = (struct store_value){ 0 };
        if (e->pq->PQgetisnull(r, row, i))
            continue;
        if (t->columns[i].type == STORE_NUMBER)
            values[i].number = strtoll((const char *)text.at, NULL, 10);
        else
            values[i].bytes =
                t->columns[i].type == STORE_TEXT ? read_escaped(room, text) : read_bytea(room, text);
    }
}

/* False: no memory. */
static bool tell_rows(struct postgresql *e, const PGresult *r, const struct store_table *t, store_row_fn *fn,
                      void *owner)
{
    struct store_value values[STORE_COLUMNS_MAX];
    bool more = true;
    for (int row = 0; more && row < e->pq->PQntuples(r); row++) {
        size_t bytes = row_bytes(e, r, row, t) + 1;
        uint8_t *room = malloc(bytes);
        if (!room)
            return false;
        struct writer w = writer_over(room, bytes);
        read_row(e, r, row, t, &w, values);
        more = fn(owner, values);
        free(room);
    }
    return true;
}

static bool postgresql_load(struct engine *engine, const struct store_table *t, store_row_fn *fn, void *owner,
                            struct problem *p)
{
    struct postgresql *e = of(engine);
    char sql[SQL_BYTES];
    struct writer w = writer_over(sql, sizeof sql);
    PGresult *r = e->pq->PQexec(e->connection, sql_select(&w, t, false));
    bool ok = e->pq->PQresultStatus(r) == PGRES_TUPLES_OK && tell_rows(e, r, t, fn, owner);
    if (!ok)
        problem_set(p, "store: cannot read the table %s: %s", t->name, e->pq->PQerrorMessage(e->connection));
    e->pq->PQclear(r);
    return ok;
}

/* ---- transactions
 * ------------------------------------------------------------------------------------------------ */

/* The answers to all that was sent, one each. False when one is an error. */
static bool read_answers(struct postgresql *e)
{
    bool ok = true;
    for (size_t i = 0; i < e->queued; i++) {
        PGresult *r = e->pq->PQgetResult(e->connection);
        ExecStatusType status = r ? e->pq->PQresultStatus(r) : PGRES_FATAL_ERROR;
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            if (ok)
                fail(e, r ? e->pq->PQresultErrorMessage(r) : e->pq->PQerrorMessage(e->connection));
            ok = false;
        } else if (e->lost[i]) {
            *e->lost[i] = span_is(span_text(e->pq->PQcmdTuples(r)), "0");
        }
        e->pq->PQclear(r);
        if (!r)
            break;                                         /* the connection is gone */
        e->pq->PQclear(e->pq->PQgetResult(e->connection)); /* NULL: the end of this one */
    }
    e->queued = 0;
    return ok;
}

static bool sent(struct postgresql *e, int ok, bool *lost)
{
    if (!ok)
        return fail_connection(e);
    e->lost[e->queued++] = lost;
    if (e->queued < FLUSH_EVERY)
        return true;
    return (e->pq->PQsendFlushRequest(e->connection) && e->pq->PQflush(e->connection) >= 0)
               ? read_answers(e)
               : fail_connection(e);
}

static bool send_plain(struct postgresql *e, const char *name)
{
    return sent(e, e->pq->PQsendQueryPrepared(e->connection, name, 0, NULL, NULL, NULL, 0), NULL);
}

static bool postgresql_begin(struct engine *engine)
{
    struct postgresql *e = of(engine);
    if (!ensure_connected(e))
        return false;
    if (!e->pq->PQenterPipelineMode(e->connection))
        return fail_connection(e);
    return send_plain(e, "begin0");
}

/* One change's parameters. */
struct parameters {
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX], formats[PARAMS_MAX];
    struct writer room;
    uint8_t *memory;
};

static void add_value(struct parameters *p, size_t i, enum store_type type, const struct store_value *v)
{
    struct mark begin = writer_mark(&p->room);
    p->values[i] = NULL;
    p->formats[i] = type == STORE_BYTES;
    p->lengths[i] = (int)v->bytes.len;
    if (type != STORE_NUMBER && !v->bytes.at)
        return;
    if (type == STORE_BYTES) {
        p->values[i] = (const char *)v->bytes.at;
        return;
    }
    if (type == STORE_NUMBER)
        write_format(&p->room, "%lld", (long long)v->number);
    else
        write_escaped(&p->room, v->bytes);
    write_u8(&p->room, 0);
    p->values[i] = (const char *)p->room.start + begin.offset;
}

static bool open_parameters(struct parameters *p, const struct store_change *c, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < c->table->column_count; i++)
        bytes += 32 + 4 * c->values[i].bytes.len;
    p->memory = malloc(bytes + 32);
    if (!p->memory)
        return false;
    p->room = writer_over(p->memory, bytes + 32);
    for (size_t i = 0; i < count; i++)
        add_value(p, i, c->table->columns[i].type, &c->values[i]);
    return true;
}

/* "TABLE KEY" of a table with one key column of text; others are not followed. */
static bool notify(struct postgresql *e, const struct store_change *c)
{
    char text[512];
    struct writer w = writer_over(text, sizeof text);
    if (!c->table->holder || c->table->key_columns != 1 || c->table->columns[0].type != STORE_TEXT)
        return true;
    write_format(&w, "%s ", c->table->name);
    write_escaped(&w, c->values[0].bytes);
    const char *const values[] = { sql_end(&w) };
    return !values[0] ||
           sent(e, e->pq->PQsendQueryPrepared(e->connection, "notify0", 1, values, NULL, NULL, 0), NULL);
}

static bool postgresql_apply(struct engine *engine, const struct store_change *c)
{
    struct postgresql *e = of(engine);
    struct parameters p;
    char name[32];
    size_t table = 0;
    while (table < e->table_count && e->tables[table] != c->table)
        table++;
    bool claim = c->kind == STORE_CLAIM && c->table->holder;
    size_t count = c->kind == STORE_DELETE ? c->table->key_columns : c->table->column_count;
    if (table == e->table_count || !open_parameters(&p, c, count))
        return fail(e, NULL);
    if (claim)
        add_value(&p, count++, STORE_NUMBER, &(struct store_value){ .number = c->now_s });
    snprintf(name, sizeof name, "%s%zu", c->kind == STORE_DELETE ? "delete" : claim ? "claim" : "put", table);
    int ok = e->pq->PQsendQueryPrepared(e->connection, name, (int)count, p.values, p.lengths, p.formats, 0);
    free(p.memory);
    return sent(e, ok, claim ? c->lost : NULL) && notify(e, c);
}

/* The mark at the end of a pipeline. */
static bool leave_pipeline(struct postgresql *e)
{
    bool marked = e->pq->PQpipelineSync(e->connection);
    bool ok = read_answers(e);
    for (int i = 0; marked && i < QUEUE_MAX; i++) { /* the mark comes after what was in error */
        PGresult *r = e->pq->PQgetResult(e->connection);
        bool over = r && e->pq->PQresultStatus(r) == PGRES_PIPELINE_SYNC;
        e->pq->PQclear(r);
        if (over || !is_connected(e))
            break;
    }
    return e->pq->PQexitPipelineMode(e->connection) && marked && ok;
}

static bool postgresql_commit(struct engine *engine)
{
    struct postgresql *e = of(engine);
    return send_plain(e, "commit0") && leave_pipeline(e);
}

static void postgresql_undo(struct engine *engine)
{
    struct postgresql *e = of(engine);
    char said[ERROR_BYTES];
    memcpy(said, e->error, sizeof said); /* why it is undone is what counts */
    if (is_connected(e))
        leave_pipeline(e);
    if (is_connected(e) && e->pq->PQtransactionStatus(e->connection) != PQTRANS_IDLE && !run(e, "ROLLBACK"))
        connect_now(e);
    memcpy(e->error, said, sizeof said);
}

/* ---- what others do
 * ------------------------------------------------------------------------------------------------ */

struct telling {
    engine_row_fn *fn;
    void *owner;
    const struct store_table *table;
};

static bool tell_row(void *owner, const struct store_value *values)
{
    struct telling *t = owner;
    t->fn(t->owner, t->table, values);
    return true;
}

static void tell_key(struct postgresql *e, struct span said, engine_row_fn *fn, void *owner)
{
    size_t space = span_find(said, ' ');
    char name[32], key[512];
    for (size_t i = 0; i < e->table_count && space < said.len; i++) {
        struct telling t = { fn, owner, e->tables[i] };
        struct span rest = span_from(said, space + 1);
        if (!span_is(span_head(said, space), t.table->name) || rest.len >= sizeof key)
            continue;
        memcpy(key, rest.at, rest.len);
        key[rest.len] = 0;
        const char *const values[] = { key };
        snprintf(name, sizeof name, "get%zu", i);
        PGresult *r = e->pq->PQexecPrepared(e->connection, name, 1, values, NULL, NULL, 0);
        if (e->pq->PQresultStatus(r) == PGRES_TUPLES_OK)
            tell_rows(e, r, t.table, tell_row, &t);
        e->pq->PQclear(r);
    }
}

static void tell_notifications(struct postgresql *e, engine_row_fn *fn, void *owner)
{
    e->pq->PQconsumeInput(e->connection);
    for (PGnotify *n; (n = e->pq->PQnotifies(e->connection));) { /* each turn takes one */
        if (n->be_pid != e->pq->PQbackendPID(e->connection))
            tell_key(e, span_text(n->extra), fn, owner);
        e->pq->PQfreemem(n);
    }
}

/* A new connection has heard of nothing: all rows of others again. */
static void tell_all(struct postgresql *e, engine_row_fn *fn, void *owner)
{
    struct problem unused;
    e->resync = false;
    for (size_t i = 0; i < e->table_count; i++) {
        struct telling t = { fn, owner, e->tables[i] };
        if (t.table->holder)
            postgresql_load(&e->engine, t.table, tell_row, &t, &unused);
    }
}

static int postgresql_look(struct engine *engine, engine_row_fn *fn, void *owner)
{
    struct postgresql *e = of(engine);
    if (!ensure_connected(e))
        return -1;
    if (e->resync)
        tell_all(e, fn, owner);
    tell_notifications(e, fn, owner);
    return is_connected(e) ? e->pq->PQsocket(e->connection) : -1;
}

/* ---- life
 * ------------------------------------------------------------------------------------------------------------
 */

static const char *postgresql_error(struct engine *engine)
{
    return of(engine)->error;
}

static void postgresql_close(struct engine *engine)
{
    struct postgresql *e = of(engine);
    disconnect(e);
    free(e->url);
    free(e);
}

static const struct engine_type postgresql = { .use = postgresql_use,
                                               .load = postgresql_load,
                                               .begin = postgresql_begin,
                                               .apply = postgresql_apply,
                                               .commit = postgresql_commit,
                                               .undo = postgresql_undo,
                                               .error = postgresql_error,
                                               .close = postgresql_close,
                                               .look = postgresql_look,
                                               .sorted = true };

struct engine *postgresql_open(const char *url, struct problem *p)
{
    const struct postgres *pq = postgres_load(p);
    struct postgresql *e = pq ? calloc(1, sizeof *e) : NULL;
    if (e)
        e->url = strdup(url);
    if (!e || !e->url) {
        if (pq)
            problem_set(p, "out of memory");
        free(e);
        return NULL;
    }
    e->engine.type = &postgresql;
    e->pq = pq;
    if (connect_now(e)) {
        e->resync = false; /* tables are read when they are used */
        return &e->engine;
    }
    problem_set(p, "store: %s", e->error);
    problem_remedy(p, "the key `store` names the database: postgresql://USER@HOST/DATABASE, or "
                      "postgresql:///DATABASE?host=DIRECTORY for a socket");
    postgresql_close(&e->engine);
    return NULL;
}
