#include "spool.h"

#include "client_session.h"
#include "deliver.h"
#include "dispatch.h"
#include "relay.h"
#include "spool_file.h"
#include "spool_row.h"
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
    struct relay *relay;
    char directory[PATH_MAX];
    struct list all, free;
    size_t free_count, held, waiting;
    bool crowded; /* spool_begin() has said no */
    int64_t last_number;
    size_t in_flight; /* works and commits that will come back */
    bool closing;
    void (*closed)(void *self);
    struct deferred end;
    const struct smtp_settings *settings;
    struct list_node *recovered_at; /* while outcomes are read */
    size_t recovered;
    bool recovering; /* false: there was no memory for a row */
};

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

struct store *spool_store(const struct spool *s)
{
    return s->store;
}

const struct smtp_settings *spool_settings(const struct spool *s)
{
    return s->settings;
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
    loop_disarm(m->spool->home->loop, &m->settle_retry);
    spool_file_forget(m);
    arena_close(&m->memory);
    free(m->body);
    free(m);
}

static bool has_room(const struct spool *s)
{
    return s->held < SPOOL_HELD_MAX && s->waiting < SPOOL_WAITING_MAX;
}

static void let_go(struct message *m)
{
    *(m->put_off ? &m->spool->waiting : &m->spool->held) -= m->held;
    m->held = 0;
}

static void tell_if_drained(struct spool *s)
{
    if (!s->crowded || s->closing || !has_room(s))
        return;
    s->crowded = false;
    s->owner->drained(s->self);
}

void message_put_off(struct message *m)
{
    size_t held = m->held;
    if (m->put_off)
        return;
    let_go(m);
    m->put_off = true;
    m->held = held;
    m->spool->waiting += held;
    tell_if_drained(m->spool);
}

/* The one end of a message; what it holds of the budget is free again. */
static void message_free(struct message *m)
{
    struct spool *s = m->spool;
    list_remove(&m->node);
    list_remove(&m->among_all);
    let_go(m);
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
    tell_if_drained(s);
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

void message_discard(struct message *m)
{
    if (m->in_file)
        spool_file_remove(m, file_removed);
    else
        message_free(m);
}

/* ---- receiving --------------------------------------------------------------------------- */

static void name_message(struct message *m, struct now now)
{
    m->number = next_number(m->spool, now);
    set_id(m);
}

struct message *spool_begin_report(struct spool *s)
{
    struct now now = loop_now(s->home->loop);
    struct message *m = message_new(s);
    if (!m)
        return NULL;
    m->state = MESSAGE_STORING;
    name_message(m, now);
    set_name(m, now, s->settings->hostname);
    return m;
}

struct message *spool_begin(struct spool *s, void *owner)
{
    struct now now = loop_now(s->home->loop);
    struct message *m = has_room(s) ? message_new(s) : NULL;
    if (!m || !m->body) {
        if (m)
            message_free(m);
        s->crowded = true;
        return NULL;
    }
    m->owner = owner;
    m->state = MESSAGE_RECEIVING;
    name_message(m, now);
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
        message_discard(m);
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
    message_discard(m);
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

int64_t message_until_unix_ms(const struct message *m)
{
    uint64_t lifetime_ms = m->spool->settings->queue_lifetime_ms;
    return lifetime_ms ? m->trace.received_unix_ms + (int64_t)lifetime_ms : 0;
}

void message_note(struct message *m, struct message_recipient *r, const struct client_verdict *v,
                  const char *host)
{
    if (!r->last) /* once a recipient: every further try writes over it */
        r->last = arena_alloc(&m->memory, sizeof *r->last);
    if (r->last)
        *r->last = *v;
    if (host && (!r->host || strcmp(r->host, host) != 0)) {
        const char *copy = arena_text(&m->memory, span_text(host));
        r->host = copy ? copy : r->host;
    } else if (!host) {
        r->host = NULL;
    }
}

static void forget_buffers(struct message *m)
{
    free(m->body);
    free(m->chunk);
    m->body = m->chunk = NULL;
    m->body_len = m->body_room = 0;
}

void spool_queue(struct message *m)
{
    m->state = MESSAGE_QUEUED;
    bool here = dispatch_queue(m->spool->dispatch, m), elsewhere = relay_queue(m->spool->relay, m);
    if (!here && !elsewhere)
        message_settle(m); /* an earlier run has finished with its last recipient */
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
    spool_queue(m);
}

static void commit_row(struct message *m)
{
    struct store_change c;
    if (!spool_row_put(m, &c)) {
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
        message_discard(m);
    else if (m->state == MESSAGE_STORING && m->error)
        refuse(m);
    else if (m->state == MESSAGE_STORING && m->last_chunk)
        commit_row(m);
    else if (m->state == MESSAGE_STORING)
        finish_file(m);
    else if (room_wanted)
        m->spool->owner->room(m->owner, m);
}

void message_store(struct message *m, const struct smtp_session *s, struct now now)
{
    m->state = MESSAGE_STORING;
    set_name(m, now, s->settings->hostname);
    if (!spool_row_take_envelope(m, s, now))
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

/* ---- what an earlier run left -------------------------------------------------------------- */

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

static bool recover_row(void *self, const struct store_value *v)
{
    struct spool *s = self;
    struct message *m = message_new(s);
    s->recovering = m != NULL;
    if (!m)
        return false;
    s->last_number = spool_row_number(v) > s->last_number ? spool_row_number(v) : s->last_number;
    m->tried_before = true;
    m->state = MESSAGE_QUEUED;
    s->recovering = spool_row_read(m, v, s->settings) && recover_text(m, spool_row_text(v));
    hold(m);
    s->recovered++;
    return s->recovering;
}

/* Both tables are in the order of their keys, so that one walk along all messages finds each outcome's. */
static bool recover_outcome(void *self, const struct store_value *v)
{
    struct spool *s = self;
    int64_t number;
    size_t position;
    enum recipient_state state;
    spool_row_read_outcome(v, &number, &position, &state);
    while (s->recovered_at && list_item(s->recovered_at, struct message, among_all)->number < number)
        s->recovered_at = list_next(&s->all, s->recovered_at);
    struct message *m = s->recovered_at ? list_item(s->recovered_at, struct message, among_all) : NULL;
    if (!m || m->number != number || position >= m->recipient_count || state == RECIPIENT_WAITING)
        return true;
    m->recipients[position].state = state;
    m->recipients[position].settled = true;
    return true;
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
        spool_queue(list_item(n, struct message, among_all));
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
    if (s->relay)
        relay_close(s->relay); /* its jobs are in the messages' memory */
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
    relay_stop(s->relay);
    if (s->in_flight == 0)
        loop_defer(s->home->loop, &s->end);
}

void spool_configure(struct spool *s, const struct smtp_settings *settings)
{
    s->settings = settings;
    relay_configure(s->relay);
}

void spool_drain(struct spool *s)
{
    relay_drain(s->relay);
}

bool spool_flush(struct spool *s, struct span domain)
{
    return relay_flush(s->relay, domain);
}

bool spool_busy(const struct spool *s)
{
    return s->in_flight > 0 || dispatch_busy(s->dispatch) || relay_busy(s->relay);
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
    if (!s->store || !store_use(s->store, &spool_table, p) || !store_use(s->store, &spool_outcome_table, p) ||
        !make_directory(s, p))
        return false;
    s->recovering = true;
    if (!store_load(s->store, &spool_table, recover_row, s, p))
        return false;
    s->recovered_at = list_first(&s->all);
    if (s->recovering && !store_load(s->store, &spool_outcome_table, recover_outcome, s, p))
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
    s->relay = relay_open(s);
    if (!s->dispatch || !s->relay || !load(s, p)) {
        if (!s->dispatch || !s->relay)
            problem_set(p, "smtpd: out of memory");
        spool_free(s);
        return NULL;
    }
    queue_recovered(s);
    return s;
}
