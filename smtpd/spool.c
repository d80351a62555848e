#include "spool.h"

#include "deliver.h"
#include "dispatch.h"
#include "spool_file.h"
#include "text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BODY_FIRST   4096        /* most messages without attachments fit */
#define BODY_KEPT    (16 * 1024) /* a larger buffer is given back with its message */
#define FREE_KEPT    64          /* messages that are kept for the next ones: as many as a batch ends */
#define MEMORY_CHUNK 1024
#define MEMORY_MAX   (8 * 1024 * 1024) /* an envelope with 10000 recipients */

struct spool {
    struct home *home;
    struct store *store;
    const struct spool_owner *owner;
    void *self;
    struct dispatch *dispatch;
    char directory[PATH_MAX];
    struct list all, free;
    size_t free_count, held;
    bool crowded; /* spool_begin() has said no */
    int64_t last_number;
    size_t in_flight; /* works and commits that will come back */
    bool closing;
    void (*closed)(void *self);
    struct deferred end;
    const struct smtp_settings *settings; /* while spool_open() runs */
    size_t recovered;
    bool recovering; /* false: there was no memory for a row */
};

enum column { NUMBER, ID, NAME, RECEIVED, SENDER, RECIPIENTS, HELO, CLIENT, HOST, PROTOCOL, BYTES, TEXT };

static const struct store_table
    table = { .name = "smtp_spool",
              .key_columns = 1,
              .column_count = TEXT + 1,
              .columns = {
                  [NUMBER] = { "number", STORE_NUMBER },
                  [ID] = { "id", STORE_TEXT },
                  [NAME] = { "name", STORE_TEXT },
                  [RECEIVED] = { "received_unix_ms", STORE_NUMBER },
                  [SENDER] = { "sender", STORE_TEXT },
                  [RECIPIENTS] = { "recipients", STORE_TEXT }, /* each ends with LF */
                  [HELO] = { "helo", STORE_TEXT },
                  [CLIENT] = { "client", STORE_TEXT },
                  [HOST] = { "host", STORE_TEXT },
                  [PROTOCOL] = { "protocol", STORE_TEXT },
                  [BYTES] = { "bytes", STORE_NUMBER },
                  [TEXT] = { "text", STORE_BYTES }, /* null: it is in the file of this id */
              } };

/* ---- names ------------------------------------------------------------------------------- */

#define COUNTER_BITS 8  /* messages that may begin in one millisecond, or a little later */
#define ID_DIGITS    10 /* of five bits each */

/* Larger than any before, also than those that an earlier run left; the time it began, as far as that goes.
 */
static int64_t next_number(struct spool *s, struct now now)
{
    int64_t by_time = now.unix_ms << COUNTER_BITS;
    s->last_number = by_time > s->last_number ? by_time : s->last_number + 1;
    return s->last_number;
}

static void set_id(struct message *m)
{
    static const char digits[] =
        "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; /* without I, L, O, U: nobody misreads it */
    uint64_t left = (uint64_t)m->number;
    m->id[ID_DIGITS] = '\0';
    for (size_t i = ID_DIGITS; i-- > 0; left >>= 5)
        m->id[i] = digits[left & 31];
}

/* Of the file in a Maildir. */
static void set_name(struct message *m, struct now now, const char *host)
{
    /* the random part keeps it unique even when the clock was set back */
    int n = snprintf(m->name, sizeof m->name, "%lld.%s_%016llx.%s", (long long)(now.unix_ms / 1000), m->id,
                     (unsigned long long)rng_next(&m->spool->home->rng), host);
    for (int i = 0; i < n && m->name[i]; i++)
        if (m->name[i] == '/' || m->name[i] == ':')
            m->name[i] = '_';
}

/* ---- messages ---------------------------------------------------------------------------- */

struct home *spool_home(const struct spool *s)
{
    return s->home;
}

static struct message *message_new(struct spool *s)
{
    struct list_node *n = list_take(&s->free);
    struct message *m = n ? list_item(n, struct message, node) : calloc(1, sizeof *m);
    if (!m)
        return NULL;
    if (n) {
        s->free_count--;
    } else {
        arena_open(&m->memory, MEMORY_CHUNK, MEMORY_MAX);
        m->body = malloc(BODY_FIRST);
        m->body_room = m->body ? BODY_FIRST : 0;
        m->fd = -1;
        m->spool = s;
    }
    list_append(&s->all, &m->among_all);
    return m;
}

static void message_end(struct message *m)
{
    spool_file_forget(m);
    arena_close(&m->memory);
    free(m->body);
    free(m);
}

/* The one end of a message; what it holds of the budget is free again. */
static void message_free(struct message *m)
{
    struct spool *s = m->spool;
    list_remove(&m->node);
    list_remove(&m->among_all);
    s->held -= m->held;
    bool room = s->crowded && s->held < SPOOL_HELD_MAX;
    if (s->free_count < FREE_KEPT && m->body && m->body_room <= BODY_KEPT) {
        spool_file_forget(m);
        arena_reset(&m->memory);
        struct message again = {
            .spool = s, .memory = m->memory, .body = m->body, .body_room = m->body_room, .fd = -1
        };
        *m = again;
        list_append(&s->free, &m->node);
        s->free_count++;
    } else {
        message_end(m);
    }
    if (room && !s->closing) {
        s->crowded = false;
        s->owner->drained(s->self);
    }
}

static void tell_file_failed(const struct message *m, const char *doing, int error)
{
    struct home *h = m->spool->home;
    struct event ev;
    if (!event_happens(h->events, EVENT_SMTP_SPOOL_FAILED))
        return;
    event_begin(&ev, EVENT_SMTP_SPOOL_FAILED, loop_now(h->loop));
    event_text(&ev, "id", m->id);
    event_text(&ev, "failing", doing);
    event_text(&ev, "reason", strerror(error));
    event_emit(h->events, &ev);
}

static void file_removed(struct work *w)
{
    struct message *m = message_of_work(w);
    m->writing = false;
    if (m->thread_error)
        tell_file_failed(m, "remove the spool file", m->thread_error);
    if (spool_leave(m->spool))
        message_free(m);
}

/* Gives up what is not in the store (any more): the file, then the message. */
static void discard(struct message *m)
{
    if (m->in_file)
        spool_file_remove(m, file_removed);
    else
        message_free(m);
}

/* ---- receiving --------------------------------------------------------------------------- */

struct message *spool_begin(struct spool *s, void *owner)
{
    struct now now = loop_now(s->home->loop);
    struct message *m = s->held < SPOOL_HELD_MAX ? message_new(s) : NULL;
    if (!m || !m->body) {
        if (m)
            message_free(m);
        s->crowded = true;
        return NULL;
    }
    m->owner = owner;
    m->state = MESSAGE_RECEIVING;
    m->number = next_number(s, now);
    set_id(m);
    return m;
}

static void grow(struct message *m)
{
    size_t room = m->body_room * 4 < SPOOL_ROW_MAX ? m->body_room * 4 : SPOOL_ROW_MAX;
    uint8_t *body = realloc(m->body, room);
    if (body) {
        m->body = body;
        m->body_room = room;
    } else {
        m->error = ENOMEM;
        m->body_len = 0;
    }
}

static void chunk_written(struct work *w);

bool message_room(struct message *m, struct writer *out)
{
    if (m->error)
        m->body_len = 0;
    if (m->body_room - m->body_len < SPOOL_ROOM_MIN && m->body_room < SPOOL_ROW_MAX)
        grow(m);
    if (m->body_room - m->body_len < SPOOL_ROOM_MIN) {
        m->room_wanted = m->writing;
        if (m->writing)
            return false;
        if (!spool_file_write(m, m->spool->directory, false, chunk_written)) {
            m->error = ENOMEM;
            m->body_len = 0;
        }
    }
    *out = writer_over(m->body + m->body_len, m->body_room - m->body_len);
    return true;
}

void message_grew(struct message *m, size_t bytes)
{
    m->body_len += bytes;
    m->bytes += bytes;
}

void message_drop(struct message *m)
{
    m->owner = NULL;
    if (m->state != MESSAGE_RECEIVING)
        return;
    if (m->writing)
        m->dropped = true;
    else
        discard(m);
}

/* ---- storing ----------------------------------------------------------------------------- */

/* Nothing is promised, nothing is kept. */
static void refuse(struct message *m)
{
    void *owner = m->owner;
    enum smtp_result result = m->error == ENOSPC || m->error == EDQUOT ? SMTP_FULL : SMTP_FAILED;
    m->owner = NULL;
    if (m->in_file)
        tell_file_failed(m, "write the spool file", m->error);
    if (owner)
        m->spool->owner->stored(owner, m, result);
    discard(m);
}

static void refuse_now(struct deferred *d)
{
    struct message *m = list_item(d, struct message, later);
    if (spool_leave(m->spool))
        refuse(m);
}

/* stored() never comes from inside message_store(). */
static void refuse_later(struct message *m, int error)
{
    m->error = error;
    m->later.run = refuse_now;
    spool_enter(m->spool);
    loop_defer(m->spool->home->loop, &m->later);
}

/* What waits for delivery counts. */
static void hold(struct message *m)
{
    m->held = sizeof *m + MEMORY_CHUNK + m->body_room;
    m->spool->held += m->held;
}

static void forget_buffers(struct message *m)
{
    free(m->body);
    free(m->chunk);
    m->body = m->chunk = NULL;
    m->body_len = m->body_room = 0;
}

static void row_committed(void *self, bool ok, const char *why)
{
    struct message *m = self;
    struct spool *s = m->spool;
    (void)why; /* store.failed has said it */
    if (!spool_leave(s))
        return;
    if (!ok) {
        m->error = m->error ? m->error : EIO;
        refuse(m);
        return;
    }
    void *owner = m->owner;
    m->owner = NULL;
    if (m->in_file)
        forget_buffers(m);
    hold(m);
    if (owner)
        s->owner->stored(owner, m, SMTP_OK);
    dispatch_queue(s->dispatch, m);
}

static struct span recipients_text(struct message *m)
{
    size_t bytes = 0;
    for (size_t i = 0; i < m->recipient_count; i++)
        bytes += strlen(m->recipients[i].address) + 1;
    uint8_t *room = arena_alloc_bytes(&m->memory, bytes);
    if (!room)
        return span_of(NULL, 0);
    struct writer w = writer_over(room, bytes);
    for (size_t i = 0; i < m->recipient_count; i++) {
        write_text(&w, m->recipients[i].address);
        write_u8(&w, '\n');
    }
    return writer_span(&w);
}

static void commit_row(struct message *m)
{
    struct span text = m->in_file ? span_of(NULL, 0) : span_of(m->body, m->body_len);
    struct store_change c = { .kind = STORE_PUT, .table = &table };
    c.values[NUMBER].number = m->number;
    c.values[ID].bytes = span_text(m->id);
    c.values[NAME].bytes = span_text(m->name);
    c.values[RECEIVED].number = m->trace.received_unix_ms;
    c.values[SENDER].bytes = m->trace.sender;
    c.values[RECIPIENTS].bytes = recipients_text(m);
    c.values[HELO].bytes = m->trace.helo;
    c.values[CLIENT].bytes = m->trace.client;
    c.values[HOST].bytes = m->trace.host;
    c.values[PROTOCOL].bytes = m->trace.protocol;
    c.values[BYTES].number = (int64_t)m->bytes;
    c.values[TEXT].bytes = text;
    if (!c.values[RECIPIENTS].bytes.at) {
        refuse_later(m, ENOMEM);
        return;
    }
    spool_enter(m->spool);
    store_commit(m->spool->store, &c, 1, row_committed, m);
}

static void finish_file(struct message *m)
{
    if (!spool_file_write(m, m->spool->directory, true, chunk_written))
        refuse_later(m, ENOMEM);
}

static void chunk_written(struct work *w)
{
    struct message *m = message_of_work(w);
    bool room_wanted = m->room_wanted;
    m->writing = m->room_wanted = false;
    m->error = m->error ? m->error : m->thread_error;
    if (!spool_leave(m->spool))
        return;
    if (m->dropped)
        discard(m);
    else if (m->state == MESSAGE_STORING && m->error)
        refuse(m);
    else if (m->state == MESSAGE_STORING && m->last_chunk)
        commit_row(m);
    else if (m->state == MESSAGE_STORING)
        finish_file(m);
    else if (room_wanted)
        m->spool->owner->room(m->owner, m);
}

/* STATE/mail/DOMAIN/MAILBOX, or the directory that the domain has. */
static const char *maildir_of(struct message *m, const struct policy_target *t)
{
    char path[PATH_MAX];
    struct writer w = writer_over(path, sizeof path);
    if (t->domain->maildir)
        write_format(&w, "%s/%s", t->domain->maildir, t->mailbox);
    else
        write_format(&w, "%s/mail/%s/%s", m->spool->home->state_directory, t->domain->name, t->mailbox);
    return writer_ok(&w) ? arena_text(&m->memory, writer_span(&w)) : NULL;
}

static bool set_recipient(struct message *m, struct message_recipient *r, const struct policy_target *t)
{
    char address[SMTP_PATH_MAX + SMTP_DOMAIN_MAX];
    struct writer w = writer_over(address, sizeof address);
    smtp_write_mailbox(&w, span_text(t->mailbox), span_text(t->domain->name));
    r->address = writer_ok(&w) ? arena_text(&m->memory, writer_span(&w)) : NULL;
    r->maildir = maildir_of(m, t);
    return r->address && r->maildir;
}

static bool set_recipients(struct message *m, const struct smtp_envelope *e)
{
    m->recipients = arena_array(&m->memory, e->recipient_count, sizeof *m->recipients);
    m->recipient_count = 0;
    for (const struct smtp_recipient *r = e->recipients; r && m->recipients; r = r->next)
        if (!set_recipient(m, &m->recipients[m->recipient_count++], &r->target))
            return false;
    return m->recipients != NULL;
}

static bool set_trace(struct message *m, const struct smtp_session *s, struct now now)
{
    char client[ADDRESS_TEXT_MAX];
    m->trace = (struct mail_trace){
        .helo = arena_copy(&m->memory, span_text(s->helo)),
        .client = arena_copy(&m->memory, span_text(address_format(s->peer.address, client))),
        .host = arena_copy(&m->memory, span_text(s->settings->hostname)),
        .protocol = span_text(smtp_session_protocol(s)),
        .id = span_text(m->id),
        .sender = arena_copy(&m->memory, s->envelope.sender),
        .received_unix_ms = now.unix_ms,
    };
    return m->trace.helo.at && m->trace.client.at && m->trace.host.at && m->trace.sender.at;
}

void message_store(struct message *m, const struct smtp_session *s, struct now now)
{
    m->state = MESSAGE_STORING;
    set_name(m, now, s->settings->hostname);
    if (!set_trace(m, s, now) || !set_recipients(m, &s->envelope))
        m->error = ENOMEM;
    if (m->writing)
        return; /* chunk_written() goes on */
    if (m->error)
        refuse_later(m, m->error);
    else if (m->in_file)
        finish_file(m);
    else
        commit_row(m);
}

/* ---- removing ------------------------------------------------------------------------------ */

static void row_deleted(void *self, bool ok, const char *why)
{
    struct message *m = self;
    (void)why;
    if (!spool_leave(m->spool))
        return;
    if (ok)
        discard(m);
    else
        dispatch_remove_later(m->spool->dispatch, m);
}

void message_remove(struct message *m)
{
    struct store_change c = { .kind = STORE_DELETE, .table = &table };
    c.values[NUMBER].number = m->number;
    m->state = MESSAGE_REMOVING;
    spool_enter(m->spool);
    store_commit(m->spool->store, &c, 1, row_deleted, m);
}

/* ---- what an earlier run left -------------------------------------------------------------- */

static bool recover_recipient(struct message *m, struct message_recipient *r, struct span address)
{
    struct smtp_path path;
    struct policy_target target;
    struct reader in = reader_over(address);
    bool known = smtp_read_mailbox(&in, &path) && reader_done(&in) &&
                 policy_recipient(m->spool->settings, &path, &target) == POLICY_ACCEPT;
    if (known)
        return set_recipient(m, r, &target);
    r->address = arena_text(&m->memory, address);
    return r->address != NULL;
}

static bool recover_recipients(struct message *m, struct span text)
{
    size_t lines = 0;
    for (struct span left = text; left.len > 0; left = span_from(left, span_find(left, '\n') + 1))
        lines++;
    m->recipients = arena_array(&m->memory, lines ? lines : 1, sizeof *m->recipients);
    for (size_t i = 0; i < lines && m->recipients; i++) {
        size_t end = span_find(text, '\n');
        if (!recover_recipient(m, &m->recipients[i], span_head(text, end)))
            return false;
        text = span_from(text, end + 1);
    }
    m->recipient_count = lines;
    return m->recipients != NULL;
}

static bool recover_text(struct message *m, struct span text)
{
    char path[PATH_MAX];
    if (text.at) {
        uint8_t *body = realloc(m->body, text.len ? text.len : 1);
        if (!body)
            return false;
        memcpy(body, text.at, text.len);
        m->body = body;
        m->body_len = m->body_room = text.len;
        return true;
    }
    int n = snprintf(path, sizeof path, "%s/%s", m->spool->directory, m->id);
    m->path = n > 0 && (size_t)n < sizeof path ? strdup(path) : NULL;
    m->in_file = true;
    return m->path != NULL;
}

static void copy_text(char *to, size_t size, struct span from)
{
    struct span fits = span_head(from, size - 1);
    memcpy(to, fits.at, fits.len);
    to[fits.len] = '\0';
}

static bool recover_row(void *self, const struct store_value *v)
{
    struct spool *s = self;
    struct message *m = message_new(s);
    s->recovering = m != NULL;
    if (!m)
        return false;
    m->number = v[NUMBER].number;
    s->last_number = m->number > s->last_number ? m->number : s->last_number;
    copy_text(m->id, sizeof m->id, v[ID].bytes);
    copy_text(m->name, sizeof m->name, v[NAME].bytes);
    m->trace = (struct mail_trace){ .helo = arena_copy(&m->memory, v[HELO].bytes),
                                    .client = arena_copy(&m->memory, v[CLIENT].bytes),
                                    .host = arena_copy(&m->memory, v[HOST].bytes),
                                    .protocol = arena_copy(&m->memory, v[PROTOCOL].bytes),
                                    .id = span_text(m->id),
                                    .sender = arena_copy(&m->memory, v[SENDER].bytes),
                                    .received_unix_ms = v[RECEIVED].number };
    m->bytes = (uint64_t)v[BYTES].number;
    m->tried_before = true;
    m->state = MESSAGE_QUEUED;
    s->recovering =
        recover_recipients(m, v[RECIPIENTS].bytes) && recover_text(m, v[TEXT].bytes) && m->trace.sender.at;
    hold(m);
    s->recovered++;
    return s->recovering;
}

static bool belongs_to_a_row(void *self, const char *name)
{
    struct spool *s = self;
    for (struct list_node *n = list_first(&s->all); n; n = list_next(&s->all, n)) {
        struct message *m = list_item(n, struct message, among_all);
        if (m->in_file && strcmp(m->id, name) == 0)
            return true;
    }
    return false;
}

static void queue_recovered(struct spool *s)
{
    struct event ev;
    for (struct list_node *n = list_first(&s->all); n; n = list_next(&s->all, n))
        dispatch_queue(s->dispatch, list_item(n, struct message, among_all));
    if (s->recovered == 0 || !event_happens(s->home->events, EVENT_SMTP_RECOVERED))
        return;
    event_begin(&ev, EVENT_SMTP_RECOVERED, loop_now(s->home->loop));
    event_number(&ev, "messages", (int64_t)s->recovered);
    event_emit(s->home->events, &ev);
}

/* ---- opening and closing ------------------------------------------------------------------- */

void spool_enter(struct spool *s)
{
    s->in_flight++;
}

bool spool_leave(struct spool *s)
{
    s->in_flight--;
    if (s->closing && s->in_flight == 0)
        loop_defer(s->home->loop, &s->end);
    return !s->closing;
}

static void spool_free(struct spool *s)
{
    struct list_node *n;
    while ((n = list_first(&s->all))) {
        struct message *m = list_item(n, struct message, among_all);
        list_remove(n);
        message_end(m);
    }
    while ((n = list_take(&s->free)))
        message_end(list_item(n, struct message, node));
    if (s->dispatch)
        dispatch_close(s->dispatch);
    free(s);
}

static void end_now(struct deferred *d)
{
    struct spool *s = list_item(d, struct spool, end);
    void (*closed)(void *self) = s->closed;
    void *self = s->self;
    spool_free(s);
    closed(self);
}

void spool_close(struct spool *s, void (*closed)(void *self))
{
    s->closing = true;
    s->closed = closed;
    s->end.run = end_now;
    dispatch_stop(s->dispatch);
    if (s->in_flight == 0)
        loop_defer(s->home->loop, &s->end);
}

bool spool_busy(const struct spool *s)
{
    return s->in_flight > 0 || dispatch_busy(s->dispatch);
}

static bool make_directory(struct spool *s, struct problem *p)
{
    int n = snprintf(s->directory, sizeof s->directory, "%s/spool", s->home->state_directory);
    if (n > 0 && (size_t)n < sizeof s->directory - SPOOL_ID_MAX && deliver_make_directory(s->directory) &&
        access(s->directory, R_OK | W_OK | X_OK) == 0)
        return true;
    problem_set(p, "smtpd: cannot use the spool directory %s: %s", s->directory, strerror(errno));
    problem_remedy(p, "%s must be a directory that this user may write to (key `state`)",
                   s->home->state_directory);
    return false;
}

static bool load(struct spool *s, struct problem *p)
{
    s->store = home_store(s->home, p);
    if (!s->store || !store_use(s->store, &table, p) || !make_directory(s, p))
        return false;
    s->recovering = true;
    if (!store_load(s->store, &table, recover_row, s, p))
        return false;
    if (!s->recovering) {
        problem_set(p, "smtpd: no memory for the %zu messages that wait in the spool", s->recovered);
        return false;
    }
    spool_file_sweep(s->directory, belongs_to_a_row, s);
    return true;
}

struct spool *spool_open(struct home *h, const struct smtp_settings *settings,
                         const struct spool_owner *owner, void *self, struct problem *p)
{
    struct spool *s = calloc(1, sizeof *s);
    if (!s) {
        problem_set(p, "smtpd: out of memory");
        return NULL;
    }
    s->home = h;
    s->owner = owner;
    s->self = self;
    s->settings = settings;
    list_open(&s->all);
    list_open(&s->free);
    s->dispatch = dispatch_open(s);
    if (!s->dispatch || !load(s, p)) {
        if (!s->dispatch)
            problem_set(p, "smtpd: out of memory");
        spool_free(s);
        return NULL;
    }
    s->settings = NULL;
    queue_recovered(s);
    return s;
}
