#include "spool_row.h"

#include "client_session.h"
#include "text.h"

#include <limits.h>
#include <stdio.h>

enum column { NUMBER, ID, NAME, RECEIVED, SENDER, RECIPIENTS, HELO, CLIENT, HOST, PROTOCOL, BYTES, TEXT };

const struct store_table spool_table = {
    .name = "smtp_spool",
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
    },
};

enum outcome_column { OF_NUMBER, POSITION, STATE, ADDRESS, REPLY };

const struct store_table spool_outcome_table = {
    .name = "smtp_outcome",
    .key_columns = 2,
    .column_count = REPLY + 1,
    .columns = {
        [OF_NUMBER] = { "number", STORE_NUMBER }, /* of smtp_spool */
        [POSITION] = { "position", STORE_NUMBER },
        [STATE] = { "state", STORE_TEXT },
        [ADDRESS] = { "address", STORE_TEXT }, /* for who reads it with sqlite3 */
        [REPLY] = { "reply", STORE_TEXT },
    },
};

#define LINE_BYTES (2 * SMTP_PATH_MAX + SMTP_DOMAIN_MAX + SMTP_ORCPT_MAX + 128) /* a recipient, a sender */

/* ---- recipients ------------------------------------------------------------------------------ */

/* STATE/mail/DOMAIN/MAILBOX, or the directory that the domain has. */
static const char *maildir_of(struct message *m, const struct policy_target *t)
{
    char path[PATH_MAX];
    struct writer w = writer_over(path, sizeof path);
    if (t->domain->maildir)
        write_format(&w, "%s/%s", t->domain->maildir, t->mailbox);
    else
        write_format(&w, "%s/mail/%s/%s", spool_home(m->spool)->state_directory, t->domain->name, t->mailbox);
    return writer_ok(&w) ? arena_text(&m->memory, writer_span(&w)) : NULL;
}

static bool set_local(struct message *m, struct message_recipient *r, const struct policy_target *t)
{
    char address[SMTP_PATH_MAX + SMTP_DOMAIN_MAX];
    struct writer w = writer_over(address, sizeof address);
    smtp_write_mailbox(&w, span_text(t->mailbox), span_text(t->domain->name));
    r->address = writer_ok(&w) ? arena_text(&m->memory, writer_span(&w)) : NULL;
    r->maildir = maildir_of(m, t);
    return r->address && r->maildir;
}

static bool set_remote(struct message *m, struct message_recipient *r, struct span address, bool remote)
{
    r->address = arena_text(&m->memory, address);
    r->remote = remote;
    return r->address != NULL;
}

bool spool_row_set_recipient(struct message *m, struct message_recipient *r, struct span address,
                             const struct smtp_settings *s)
{
    struct smtp_path path;
    struct policy_target target;
    struct reader in = reader_over(address);
    if (!smtp_read_mailbox(&in, &path) || !reader_done(&in))
        return set_remote(m, r, address, false);
    enum policy_verdict verdict = policy_recipient(s, &path, &target);
    return verdict == POLICY_ACCEPT ? set_local(m, r, &target)
                                    : set_remote(m, r, address, verdict == POLICY_NOT_OURS);
}

static bool take_recipient(struct message *m, struct message_recipient *r, const struct smtp_recipient *from)
{
    r->notify = from->notify;
    if (from->orcpt.len > 0 && !(r->orcpt = arena_text(&m->memory, from->orcpt)))
        return false;
    return from->target.domain ? set_local(m, r, &from->target) : set_remote(m, r, from->address, true);
}

static bool take_recipients(struct message *m, const struct smtp_envelope *e)
{
    m->recipients = arena_array(&m->memory, e->recipient_count, sizeof *m->recipients);
    m->recipient_count = e->recipient_count;
    size_t left = e->recipient_count; /* the list has the last in front */
    for (const struct smtp_recipient *r = e->recipients; r && left > 0 && m->recipients; r = r->next)
        if (!take_recipient(m, &m->recipients[--left], r))
            return false;
    return m->recipients != NULL;
}

bool spool_row_take_envelope(struct message *m, const struct smtp_session *s, struct now now)
{
    char client[ADDRESS_TEXT_MAX];
    const char *agent = s->settings->agent ? s->settings->agent : "wirelab";
    m->trace = (struct mail_trace){
        .helo = arena_copy(&m->memory, span_text(s->helo)),
        .client = arena_copy(&m->memory, span_text(address_format(s->peer.address, client))),
        .host = arena_copy(&m->memory, span_text(s->settings->hostname)),
        .agent = arena_copy(&m->memory, span_text(agent)),
        .protocol = span_text(smtp_session_protocol(s)),
        .id = span_text(m->id),
        .sender = arena_copy(&m->memory, s->envelope.sender),
        .received_unix_ms = now.unix_ms,
    };
    m->ret = s->envelope.ret;
    m->body_8bit = s->envelope.body_8bit;
    m->eight_bit = s->scan.eight_bit;
    m->envid = s->envelope.envid.len > 0 ? arena_copy(&m->memory, s->envelope.envid) : span_text("");
    return m->trace.helo.at && m->trace.client.at && m->trace.host.at && m->trace.sender.at && m->envid.at &&
           m->trace.agent.at && take_recipients(m, &s->envelope);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_param(struct writer *w, const char *keyword, struct span value)
{
    write_u8(w, '\t');
    write_text(w, keyword);
    write_span(w, value);
}

static struct span sender_text(struct message *m)
{
    char line[LINE_BYTES];
    struct writer w = writer_over(line, sizeof line);
    write_span(&w, m->trace.sender);
    if (m->ret != SMTP_RET_UNSAID)
        write_param(&w, "RET=", span_text(m->ret == SMTP_RET_FULL ? "FULL" : "HDRS"));
    if (m->envid.len > 0)
        write_param(&w, "ENVID=", m->envid);
    if (m->body_8bit)
        write_param(&w, "BODY=8BITMIME", span_text(""));
    if (m->eight_bit)
        write_param(&w, "8BIT", span_text(""));
    return arena_copy(&m->memory, writer_span(&w));
}

static void write_recipient(struct writer *w, const struct message_recipient *r)
{
    write_text(w, r->address);
    if (r->notify) {
        write_param(w, "NOTIFY=", span_text(""));
        smtp_write_notify(w, r->notify);
    }
    if (r->orcpt)
        write_param(w, "ORCPT=", span_text(r->orcpt));
    write_u8(w, '\n');
}

static struct span recipients_text(struct message *m)
{
    size_t bytes = 0;
    for (size_t i = 0; i < m->recipient_count; i++)
        bytes += strlen(m->recipients[i].address) + 64 +
                 (m->recipients[i].orcpt ? strlen(m->recipients[i].orcpt) : 0);
    uint8_t *room = arena_alloc_bytes(&m->memory, bytes);
    if (!room)
        return span_of(NULL, 0);
    struct writer w = writer_over(room, bytes);
    for (size_t i = 0; i < m->recipient_count; i++)
        write_recipient(&w, &m->recipients[i]);
    return writer_span(&w);
}

bool spool_row_put(struct message *m, struct store_change *out)
{
    *out = (struct store_change){ .kind = STORE_PUT, .table = &spool_table };
    struct store_value *v = out->values;
    v[NUMBER].number = m->number;
    v[ID].bytes = span_text(m->id);
    v[NAME].bytes = span_text(m->name);
    v[RECEIVED].number = m->trace.received_unix_ms;
    v[SENDER].bytes = sender_text(m);
    v[RECIPIENTS].bytes = recipients_text(m);
    v[HELO].bytes = m->trace.helo;
    v[CLIENT].bytes = m->trace.client;
    v[HOST].bytes = m->trace.host;
    v[PROTOCOL].bytes = m->trace.protocol;
    v[BYTES].number = (int64_t)m->bytes;
    v[TEXT].bytes = m->in_file ? span_of(NULL, 0) : span_of(m->body, m->body_len);
    return v[RECIPIENTS].bytes.at && v[SENDER].bytes.at;
}

struct store_change spool_row_delete(const struct message *m)
{
    struct store_change c = { .kind = STORE_DELETE, .table = &spool_table };
    c.values[NUMBER].number = m->number;
    return c;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The text up to `end`, and what follows it into *text. */
static struct span cut(struct span *text, uint8_t end)
{
    size_t n = span_find(*text, end);
    struct span head = span_head(*text, n);
    *text = span_from(*text, n + 1);
    return head;
}

/* What follows the keyword, or at == NULL. */
static struct span value_of(struct span param, const char *keyword)
{
    return span_starts(param, keyword) ? span_from(param, strlen(keyword)) : span_of(NULL, 0);
}

static bool read_sender(struct message *m, struct span text)
{
    struct span sender = cut(&text, '\t');
    m->trace.sender = arena_copy(&m->memory, sender);
    m->envid = span_text("");
    while (text.len > 0) { /* each turn takes a parameter */
        struct span param = cut(&text, '\t'), value;
        if ((value = value_of(param, "ENVID=")).at)
            m->envid = arena_copy(&m->memory, value);
        else if ((value = value_of(param, "RET=")).at)
            m->ret = span_is(value, "FULL") ? SMTP_RET_FULL : SMTP_RET_HDRS;
        else if (span_is(param, "BODY=8BITMIME"))
            m->body_8bit = true;
        else if (span_is(param, "8BIT"))
            m->eight_bit = true;
    }
    return m->trace.sender.at && m->envid.at;
}

static bool read_recipient(struct message *m, struct message_recipient *r, struct span line,
                           const struct smtp_settings *s)
{
    struct span address = cut(&line, '\t');
    while (line.len > 0) { /* each turn takes a parameter */
        struct span param = cut(&line, '\t'), value;
        if ((value = value_of(param, "NOTIFY=")).at)
            smtp_parse_notify(value, &r->notify);
        else if ((value = value_of(param, "ORCPT=")).at && !(r->orcpt = arena_text(&m->memory, value)))
            return false;
    }
    return spool_row_set_recipient(m, r, address, s);
}

static bool read_recipients(struct message *m, struct span text, const struct smtp_settings *s)
{
    size_t lines = 0;
    for (struct span left = text; left.len > 0; left = span_from(left, span_find(left, '\n') + 1))
        lines++;
    m->recipients = arena_array(&m->memory, lines ? lines : 1, sizeof *m->recipients);
    for (size_t i = 0; i < lines && m->recipients; i++)
        if (!read_recipient(m, &m->recipients[i], cut(&text, '\n'), s))
            return false;
    m->recipient_count = lines;
    return m->recipients != NULL;
}

static void copy_text(char *to, size_t size, struct span from)
{
    struct span fits = span_head(from, size - 1);
    memcpy(to, fits.at, fits.len);
    to[fits.len] = '\0';
}

bool spool_row_read(struct message *m, const struct store_value *v, const struct smtp_settings *s)
{
    m->number = v[NUMBER].number;
    copy_text(m->id, sizeof m->id, v[ID].bytes);
    copy_text(m->name, sizeof m->name, v[NAME].bytes);
    m->trace =
        (struct mail_trace){ .helo = arena_copy(&m->memory, v[HELO].bytes),
                             .client = arena_copy(&m->memory, v[CLIENT].bytes),
                             .host = arena_copy(&m->memory, v[HOST].bytes),
                             .agent = arena_copy(&m->memory, span_text(s->agent ? s->agent : "wirelab")),
                             .protocol = arena_copy(&m->memory, v[PROTOCOL].bytes),
                             .id = span_text(m->id),
                             .received_unix_ms = v[RECEIVED].number };
    m->bytes = (uint64_t)v[BYTES].number;
    return m->trace.helo.at && m->trace.client.at && m->trace.host.at && m->trace.agent.at &&
           m->trace.protocol.at && read_sender(m, v[SENDER].bytes) &&
           read_recipients(m, v[RECIPIENTS].bytes, s);
}

struct span spool_row_text(const struct store_value *v)
{
    return v[TEXT].bytes;
}

int64_t spool_row_number(const struct store_value *v)
{
    return v[NUMBER].number;
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static const char *const state_words[] = { [RECIPIENT_WAITING] = "waiting",
                                           [RECIPIENT_DELIVERED] = "delivered",
                                           [RECIPIENT_RELAYED] = "relayed",
                                           [RECIPIENT_FAILED] = "failed" };

struct store_change spool_row_put_outcome(const struct message *m, size_t position)
{
    const struct message_recipient *r = &m->recipients[position];
    struct store_change c = { .kind = STORE_PUT, .table = &spool_outcome_table };
    c.values[OF_NUMBER].number = m->number;
    c.values[POSITION].number = (int64_t)position;
    c.values[STATE].bytes = span_text(state_words[r->state]);
    c.values[ADDRESS].bytes = span_text(r->address);
    c.values[REPLY].bytes = span_text(r->last ? r->last->text : "");
    return c;
}

struct store_change spool_row_delete_outcome(const struct message *m, size_t position)
{
    struct store_change c = { .kind = STORE_DELETE, .table = &spool_outcome_table };
    c.values[OF_NUMBER].number = m->number;
    c.values[POSITION].number = (int64_t)position;
    return c;
}

void spool_row_read_outcome(const struct store_value *v, int64_t *number, size_t *position,
                            enum recipient_state *state)
{
    *number = v[OF_NUMBER].number;
    *position = (size_t)v[POSITION].number;
    *state = RECIPIENT_WAITING;
    for (size_t i = 0; i < sizeof state_words / sizeof state_words[0]; i++)
        if (span_is(v[STATE].bytes, state_words[i]))
            *state = (enum recipient_state)i;
}
